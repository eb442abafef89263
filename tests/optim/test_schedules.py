"""Schedules have the rates of PyTorch's lr_scheduler; states are resumed bit-exactly."""

import json
from collections.abc import Callable, Iterator
from inspect import signature
from math import cos, floor, inf, isclose, nan, pi
from typing import Any

import numpy
import pytest

from scalargrad import Parameter, Value
from scalargrad.errors import CallError, DataError, OptionError, UnknownNameError
from scalargrad.optim import SGD, Optimizer
from scalargrad.optim.schedules import (
    ConstantRate,
    CosineDecay,
    ExponentialDecay,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    WarmUp,
)

RATE, STEPS = 0.3, 40


def optimizer() -> SGD:
    return SGD([Parameter(1.0)], RATE)


def rates(make: Callable[[Optimizer], Schedule]) -> Iterator[float]:
    driven = optimizer()
    schedule = make(driven)
    while True:
        yield driven.learning_rate
        schedule.step()


def torch_rates(make: Callable[[Any, Any], Any]) -> Iterator[float]:
    torch = pytest.importorskip("torch")
    driven = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    schedule = make(torch.optim.lr_scheduler, driven)
    while True:
        yield driven.param_groups[0]["lr"]
        driven.step()
        schedule.step()


def linear(t: float) -> float:
    return RATE * (0.2 + 0.8 * t / 5)


CASES: dict[
    str, tuple[Callable[[Optimizer], Schedule], Callable[[Any, Any], Any], Callable[[int], float]]
] = {
    "constant": (ConstantRate, lambda lr, o: lr.ConstantLR(o, factor=1.0), lambda t: RATE + 0 * t),
    "step": (
        lambda o: StepDecay(o, 7),
        lambda lr, o: lr.StepLR(o, 7),
        lambda t: RATE * 0.1 ** floor(t / 7),
    ),
    "step 1": (
        lambda o: StepDecay(o, 1, 0.8),
        lambda lr, o: lr.StepLR(o, 1, 0.8),
        lambda t: RATE * 0.8**t,
    ),
    "exponential": (
        lambda o: ExponentialDecay(o, 0.9),
        lambda lr, o: lr.ExponentialLR(o, 0.9),
        lambda t: RATE * 0.9**t,
    ),
    "growing": (
        lambda o: ExponentialDecay(o, 1.1),
        lambda lr, o: lr.ExponentialLR(o, 1.1),
        lambda t: RATE * 1.1**t,
    ),
    "cosine": (
        lambda o: CosineDecay(o, 30),
        lambda lr, o: lr.CosineAnnealingLR(o, 30),
        lambda t: RATE * (1 + cos(pi * t / 30)) / 2,
    ),
    "cosine, and up again": (
        lambda o: CosineDecay(o, 9, min_lr=0.05),
        lambda lr, o: lr.CosineAnnealingLR(o, 9, eta_min=0.05),
        lambda t: 0.05 + 0.25 * (1 + cos(pi * t / 9)) / 2,
    ),
    "warm-up": (
        lambda o: WarmUp(o, 5, start=0.2),
        lambda lr, o: lr.LinearLR(o, start_factor=0.2, total_iters=5),
        lambda t: linear(min(t, 5)),
    ),
    "warm-up, cosine": (
        lambda o: WarmUp(o, 5, start=0.2, then=CosineDecay(o, 30)),
        lambda lr, o: lr.SequentialLR(
            o, [lr.LinearLR(o, 0.2, total_iters=5), lr.CosineAnnealingLR(o, 30)], [5]
        ),
        lambda t: linear(t) if t < 5 else RATE * (1 + cos(pi * (t - 5) / 30)) / 2,
    ),
    "warm-up, exponential": (
        lambda o: WarmUp(o, 5, start=0.2, then=ExponentialDecay(o, 0.9)),
        lambda lr, o: lr.SequentialLR(
            o, [lr.LinearLR(o, 0.2, total_iters=5), lr.ExponentialLR(o, 0.9)], [5]
        ),
        lambda t: linear(t) if t < 5 else RATE * 0.9 ** (t - 5),
    ),
    "warm-up, step": (
        lambda o: WarmUp(o, 5, start=0.2, then=StepDecay(o, 4, 0.5)),
        lambda lr, o: lr.SequentialLR(
            o, [lr.LinearLR(o, 0.2, total_iters=5), lr.StepLR(o, 4, 0.5)], [5]
        ),
        lambda t: linear(t) if t < 5 else RATE * 0.5 ** ((t - 5) // 4),
    ),
}
every_case = pytest.mark.parametrize("name", CASES)


@every_case
def test_rates_are_those_of_pytorch(name: str) -> None:
    ours, theirs, _ = CASES[name]
    for _, rate, expected in zip(range(STEPS), rates(ours), torch_rates(theirs), strict=False):
        assert rate == pytest.approx(expected, rel=1e-10, abs=1e-15)


@every_case
def test_rates_are_those_of_the_formulas(name: str) -> None:
    ours, _, formula = CASES[name]
    for t, rate in zip(range(STEPS), rates(ours), strict=False):
        assert isclose(rate, formula(t), rel_tol=1e-12, abs_tol=1e-16)


@every_case
def test_a_loaded_state_goes_on_to_the_same_bits(name: str) -> None:
    make = CASES[name][0]
    expected = [rate for _, rate in zip(range(20), rates(make), strict=False)]
    for stop in (0, 3, 5, 11):
        driven = optimizer()
        schedule = make(driven)
        for _ in range(stop):
            schedule.step()
        state = json.loads(json.dumps(schedule.state_dict(), allow_nan=False))
        other = SGD([Parameter(1.0)], 0.7)
        resumed = make(other)
        resumed.load_state_dict(state)
        found = []
        for _ in range(stop, 20):
            found.append(other.learning_rate)
            resumed.step()
        assert found == expected[stop:]


# Reduce on plateau

METRICS = [
    3.0,
    2.0,
    2.5,
    1.99999,
    2.0,
    2.0,
    2.0,
    1.0,
    1.1,
    nan,
    0.9999,
    1.0,
    1.0,
    1.0,
    0.5,
    *[0.5] * 15,
    inf,
    0.4,
    -1.0,
    -1.00001,
    -2.0,
    -2.0,
]

PLATEAUS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"patience": 0}, {"patience": 0}),
    ({"patience": 2, "factor": 0.5}, {"patience": 2, "factor": 0.5}),
    ({"patience": 1, "cooldown": 3}, {"patience": 1, "cooldown": 3}),
    (
        {"patience": 1, "min_lr": 0.01, "factor": 0.3},
        {"patience": 1, "min_lr": 0.01, "factor": 0.3},
    ),
    (
        {"patience": 1, "threshold_mode": "abs", "threshold": 0.2},
        {"patience": 1, "threshold_mode": "abs", "threshold": 0.2},
    ),
    ({"patience": 1, "mode": "max", "factor": 0.7}, {"patience": 1, "mode": "max", "factor": 0.7}),
    (
        {"patience": 2, "mode": "max", "threshold_mode": "abs", "threshold": 0.5},
        {"patience": 2, "mode": "max", "threshold_mode": "abs", "threshold": 0.5},
    ),
    ({"patience": 0, "eps": 0.05}, {"patience": 0, "eps": 0.05}),
    ({"patience": 0, "eps": 0.2, "factor": 0.5}, {"patience": 0, "eps": 0.2, "factor": 0.5}),
]


@pytest.mark.parametrize(("options", "torch_options"), PLATEAUS, ids=lambda options: str(options))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_plateaus_are_those_of_pytorch(
    options: dict[str, Any], torch_options: dict[str, Any], sign: float
) -> None:
    torch = pytest.importorskip("torch")
    driven, theirs = optimizer(), torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    schedule = ReduceOnPlateau(driven, **options)
    expected = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **torch_options)
    for metric in METRICS:
        schedule.step(sign * metric)
        expected.step(sign * metric)
        assert driven.learning_rate == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-12)


def plateau(metrics: list[float], **options: Any) -> list[float]:
    driven = optimizer()
    schedule = ReduceOnPlateau(driven, factor=0.5, **options)
    found = []
    for metric in metrics:
        schedule.step(metric)
        found.append(driven.learning_rate / RATE)
    return found


def test_plateaus_by_hand() -> None:
    assert plateau([1.0, 1.0, 1.0, 1.0, 1.0], patience=1) == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert plateau([1.0, 0.9, 0.8, 0.8, 0.7], patience=0) == [1.0, 1.0, 1.0, 0.5, 0.5]
    assert plateau([1.0, 1.1, 1.2, 1.2], patience=0, mode="max") == [1.0, 1.0, 1.0, 0.5]
    assert plateau([1.0] * 6, patience=0, cooldown=2) == [1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert plateau([1.0] * 4, patience=0, min_lr=0.1) == [
        1.0,
        0.5,
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
    ]
    assert plateau([1.0, 0.95, 0.9, 0.85], patience=0, threshold_mode="abs", threshold=0.1) == [
        1.0,
        0.5,
        0.25,
        0.25,
    ]
    assert plateau([nan, nan], patience=0) == [0.5, 0.25]


@pytest.mark.parametrize(("first", "mode"), [(inf, "min"), (-inf, "max")])
def test_a_first_metric_that_nothing_is_worse_than_is_no_improvement(
    first: float, mode: str
) -> None:
    assert plateau([first], patience=0, mode=mode) == [0.5]
    assert plateau([-first], patience=0, mode=mode) == [1.0]


def test_a_plateau_goes_on_from_its_state() -> None:
    for stop in range(len(METRICS)):
        whole = ReduceOnPlateau(optimizer(), patience=1, cooldown=1, factor=0.5)
        for metric in METRICS[:stop]:
            whole.step(metric)
        resumed = ReduceOnPlateau(SGD([Parameter(1.0)]))
        resumed.load_state_dict(json.loads(json.dumps(whole.state_dict(), allow_nan=False)))
        for metric in METRICS[stop:]:
            whole.step(metric)
            resumed.step(metric)
            assert resumed.optimizer.learning_rate == whole.optimizer.learning_rate
        assert resumed.state_dict() == whole.state_dict()


def test_a_metric_may_be_a_value_but_no_text() -> None:
    schedule = ReduceOnPlateau(optimizer())
    schedule.step(Value(3.0))
    assert schedule.best == 3.0
    schedule.step(numpy.float64(2.0))
    assert schedule.best == 2.0
    with pytest.raises(DataError, match="metric of ReduceOnPlateau"):
        schedule.step("3")


# Errors


WRONG_OPTIONS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda o: StepDecay(o, 0), "step_size of StepDecay"),
    (lambda o: StepDecay(o, 1.5), "step_size of StepDecay"),  # type: ignore[arg-type]
    (lambda o: StepDecay(o, 2, 0.0), "gamma of StepDecay must be a number above 0"),
    (lambda o: ExponentialDecay(o, -0.5), "gamma of ExponentialDecay"),
    (lambda o: CosineDecay(o, 0), "length of CosineDecay"),
    (lambda o: CosineDecay(o, 10, -1.0), "min_lr of CosineDecay"),
    (lambda o: WarmUp(o, 0), "length of WarmUp"),
    (lambda o: WarmUp(o, 5, 0.0), "start of WarmUp"),
    (lambda o: WarmUp(o, 5, 1.5), "start of WarmUp"),
    (lambda o: WarmUp(o, 5, then=ReduceOnPlateau(o)), "not ReduceOnPlateau"),  # type: ignore[arg-type]
    (lambda o: WarmUp(o, 5, then=StepDecay(optimizer(), 2)), "same optimizer"),
    (lambda o: ReduceOnPlateau(o, factor=1.0), "factor of ReduceOnPlateau must be below 1"),
    (lambda o: ReduceOnPlateau(o, patience=-1), "patience of ReduceOnPlateau"),
    (lambda o: ReduceOnPlateau(o, mode="up"), "mode of ReduceOnPlateau must be 'min' or 'max'"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("make", "message"), WRONG_OPTIONS)
def test_options_out_of_their_range(make: Callable[[Any], Any], message: str) -> None:
    driven = optimizer()
    with pytest.raises(OptionError, match=message):
        make(driven)
    assert driven.learning_rate == RATE


def test_a_schedule_that_has_begun_can_not_follow_a_warm_up() -> None:
    driven = optimizer()
    begun = ExponentialDecay(driven, 0.5)
    begun.step()
    with pytest.raises(OptionError, match="fresh"):
        WarmUp(driven, 2, then=begun)


def test_a_schedule_needs_an_optimizer() -> None:
    wrong: Any = [Parameter(1.0)]
    with pytest.raises(DataError, match="StepDecay takes an optimizer"):
        StepDecay(wrong, 2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda _: None, DataError, "must be a dict"),
        (lambda _: {"steps": 1}, UnknownNameError, "has no 'schedule'"),
        (lambda s: s | {"extra": 1}, UnknownNameError, "'extra'"),
        (lambda s: s | {"schedule": "StepDecay"}, OptionError, "that of StepDecay, not of WarmUp"),
        (lambda s: s | {"steps": -1}, OptionError, "steps of WarmUp"),
        (lambda s: s | {"learning_rate": nan}, OptionError, "learning_rate of WarmUp"),
        (lambda s: s | {"then": None}, DataError, "must be a dict"),
        (
            lambda s: s | {"then": s["then"] | {"gamma": -1.0}},
            OptionError,
            "gamma of ExponentialDecay",
        ),
    ],
)
def test_a_wrong_state_changes_nothing(
    change: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    driven = optimizer()
    schedule = WarmUp(driven, 2, then=ExponentialDecay(driven, 0.5))
    for _ in range(3):
        schedule.step()
    before = schedule.state_dict()
    with pytest.raises(error, match=message):
        schedule.load_state_dict(change(schedule.state_dict()))
    assert schedule.state_dict() == before


def test_the_schedule_after_a_warm_up_counts_its_own_steps() -> None:
    driven = optimizer()
    schedule = WarmUp(driven, 2, then=ExponentialDecay(driven, 0.5))
    counts = []
    for _ in range(4):
        schedule.step()
        counts.append(schedule.then.steps)
    assert counts == [0, 0, 1, 2]


DEFAULTS: dict[str, tuple[type[Schedule], dict[str, str]]] = {
    "StepLR": (StepDecay, {"gamma": "gamma"}),
    "CosineAnnealingLR": (CosineDecay, {"min_lr": "eta_min"}),
    "LinearLR": (WarmUp, {"start": "start_factor"}),
    "ReduceLROnPlateau": (
        ReduceOnPlateau,
        {name: name for name in ("factor", "patience", "threshold", "cooldown", "eps")}
        | {"min_lr": "min_lr"},
    ),
}
"""For each schedule of PyTorch ours, with our names of its options."""


@pytest.mark.parametrize("name", DEFAULTS)
def test_what_is_left_out_is_what_pytorch_takes(name: str) -> None:
    schedulers = pytest.importorskip("torch.optim.lr_scheduler")
    ours, names = DEFAULTS[name]
    own = signature(ours).parameters
    theirs = signature(getattr(schedulers, name)).parameters
    for option, its_name in names.items():
        assert own[option].default == theirs[its_name].default, option


def test_a_rate_must_be_written() -> None:
    with pytest.raises(TypeError, match="rate"):
        Schedule(optimizer())  # type: ignore[abstract]


def test_a_step_that_fails_is_not_counted() -> None:
    schedule = ExponentialDecay(optimizer(), 1e300)
    schedule.step()
    with pytest.raises((OptionError, OverflowError)):
        schedule.step()
    assert schedule.steps == 1


def test_a_misspelled_argument_is_told() -> None:
    with pytest.raises(
        CallError, match="StepDecay has no argument 'step_siz'; did you mean 'step_size'"
    ):
        StepDecay(SGD([Parameter(1.0)]), step_siz=3)  # type: ignore[call-arg]
