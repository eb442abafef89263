"""Optimizers move as PyTorch's do, and as the formulas of the papers for one number.

States are resumed bit-exactly.
"""

import json
from collections.abc import Callable, Iterator
from math import inf, isnan, nan, sqrt
from typing import Any

import numpy
import pytest

from scalargrad import Parameter, Value
from scalargrad.errors import CallError, DataError, LengthError, OptionError, UnknownNameError
from scalargrad.nn import MLP
from scalargrad.optim import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSprop

START = [1.5, -0.7, 0.2, 3.0]
SCALES = [1.0, 10.0, 0.1, 3.0]
STEPS = 50

CASES: list[tuple[type[Optimizer], dict[str, Any]]] = [
    (SGD, {}),
    (SGD, {"weight_decay": 0.1}),
    (SGD, {"momentum": 0.9}),
    (SGD, {"momentum": 0.9, "dampening": 0.3}),
    (SGD, {"momentum": 0.8, "dampening": 0.1, "weight_decay": 0.05}),
    (SGD, {"momentum": 0.9, "nesterov": True}),
    (SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (AdaGrad, {}),
    (
        AdaGrad,
        {"learning_rate_decay": 0.1, "weight_decay": 0.1, "initial_accumulator": 0.5, "eps": 1e-3},
    ),
    (RMSprop, {}),
    (RMSprop, {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    (RMSprop, {"momentum": 0.9}),
    (RMSprop, {"centered": True}),
    (RMSprop, {"centered": True, "momentum": 0.5, "alpha": 0.95, "weight_decay": 0.01}),
    (Adam, {}),
    (Adam, {"betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    (Adam, {"amsgrad": True}),
    (AdamW, {}),
    (AdamW, {"weight_decay": 0.3, "betas": (0.5, 0.9)}),
    (AdamW, {"amsgrad": True, "eps": 1e-5}),
]
every_case = pytest.mark.parametrize(
    ("kind", "options"), CASES, ids=lambda thing: getattr(thing, "__name__", str(thing))
)

TORCH_NAMES = {
    "learning_rate": "lr",
    "learning_rate_decay": "lr_decay",
    "initial_accumulator": "initial_accumulator_value",
    "AdaGrad": "Adagrad",
}


def loss(w: list[Any]) -> Any:
    """A valley with scales from 0.1 to 10, not quadratic, with its parameters coupled.

    The last one gets no gradient.
    """
    tilt = w[0] * w[1] * 0.5
    return (
        tilt
        + w[0] ** 4 * 0.1
        + sum((w[i] - 1.0) ** 2 * SCALES[i] * 0.5 for i in range(3))
        + w[3] * 0.0
    )


def descend(
    kind: type[Optimizer], learning_rate: float, options: dict[str, Any]
) -> Iterator[list[float]]:
    w = [Parameter(x) for x in START]
    optimizer = kind(w, learning_rate=learning_rate, **options)
    while True:
        optimizer.zero_grad()
        loss(w).backward()
        optimizer.step()
        yield [p.data for p in w]


def descend_in_torch(
    kind: type[Optimizer], learning_rate: float, options: dict[str, Any]
) -> Iterator[list[float]]:
    torch = pytest.importorskip("torch")
    w = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    make = getattr(torch.optim, TORCH_NAMES.get(kind.__name__, kind.__name__))
    optimizer = make(
        w,
        lr=learning_rate,
        **{TORCH_NAMES.get(name, name): option for name, option in options.items()},
    )
    while True:
        optimizer.zero_grad(set_to_none=False)
        loss(w).backward()
        optimizer.step()
        yield [p.item() for p in w]


@every_case
@pytest.mark.parametrize("learning_rate", [0.05, 0.003])
def test_fifty_steps_are_those_of_pytorch(
    kind: type[Optimizer], options: dict[str, Any], learning_rate: float
) -> None:
    both = zip(
        range(STEPS),
        descend(kind, learning_rate, options),
        descend_in_torch(kind, learning_rate, options),
        strict=False,
    )
    for _, ours, theirs in both:
        assert ours == pytest.approx(theirs, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("kind", [SGD, AdaGrad, RMSprop, Adam, AdamW])
def test_the_defaults_are_those_of_pytorch(kind: type[Optimizer]) -> None:
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.optim, TORCH_NAMES.get(kind.__name__, kind.__name__))(
        [torch.zeros(1)]
    ).defaults
    for name, option in kind([Parameter(0.0)]).options.items():
        assert option == theirs[TORCH_NAMES.get(name, name)]


# The formulas, for one number after the other


def sgd(w: float, g: float, t: int, s: dict[str, float], rate: float, o: dict[str, Any]) -> Any:
    g += o.get("weight_decay", 0.0) * w
    if not (momentum := o.get("momentum", 0.0)):
        return w - rate * g
    s["v"] = g if t == 1 else momentum * s["v"] + (1 - o.get("dampening", 0.0)) * g
    return w - rate * (g + momentum * s["v"] if o.get("nesterov") else s["v"])


def adagrad(w: float, g: float, t: int, s: dict[str, float], rate: float, o: dict[str, Any]) -> Any:
    g += o.get("weight_decay", 0.0) * w
    s["s"] = s.get("s", o.get("initial_accumulator", 0.0)) + g**2
    return w - rate / (1 + (t - 1) * o.get("learning_rate_decay", 0.0)) * g / (
        sqrt(s["s"]) + o.get("eps", 1e-10)
    )


def rmsprop(w: float, g: float, t: int, s: dict[str, float], rate: float, o: dict[str, Any]) -> Any:  # noqa: ARG001
    g += o.get("weight_decay", 0.0) * w
    alpha = o.get("alpha", 0.99)
    s["s"] = alpha * s.get("s", 0.0) + (1 - alpha) * g**2
    s["m"] = alpha * s.get("m", 0.0) + (1 - alpha) * g
    root = sqrt(s["s"] - s["m"] ** 2 if o.get("centered") else s["s"]) + o.get("eps", 1e-8)
    s["v"] = o.get("momentum", 0.0) * s.get("v", 0.0) + g / root
    return w - rate * s["v"]


def adam(w: float, g: float, t: int, s: dict[str, float], rate: float, o: dict[str, Any]) -> Any:
    g += o.get("weight_decay", 0.0) * w
    first, second = o.get("betas", (0.9, 0.999))
    s["m"] = first * s.get("m", 0.0) + (1 - first) * g
    s["s"] = second * s.get("s", 0.0) + (1 - second) * g**2
    s["largest"] = max(s.get("largest", 0.0), s["s"])
    corrected = s["largest" if o.get("amsgrad") else "s"] / (1 - second**t)
    return w - rate * (s["m"] / (1 - first**t)) / (sqrt(corrected) + o.get("eps", 1e-8))


def adamw(w: float, g: float, t: int, s: dict[str, float], rate: float, o: dict[str, Any]) -> Any:
    decayed = w - rate * o.get("weight_decay", 0.01) * w
    return adam(decayed, g, t, s, rate, {**o, "weight_decay": 0.0})


FORMULAS: dict[type[Optimizer], Callable[..., Any]] = {
    SGD: sgd,
    AdaGrad: adagrad,
    RMSprop: rmsprop,
    Adam: adam,
    AdamW: adamw,
}


def slope(w: list[float]) -> list[float]:
    """The gradient of `loss`, by hand."""
    quadratic = [SCALES[i] * (w[i] - 1.0) for i in range(3)]
    return [
        0.5 * w[1] + 0.4 * w[0] ** 3 + quadratic[0],
        0.5 * w[0] + quadratic[1],
        quadratic[2],
        0.0,
    ]


@every_case
def test_fifty_steps_are_those_of_the_formulas(
    kind: type[Optimizer], options: dict[str, Any]
) -> None:
    w, states = list(START), [dict[str, float]() for _ in START]
    for t, ours in zip(range(1, STEPS + 1), descend(kind, 0.02, options), strict=False):
        w = [
            FORMULAS[kind](x, g, t, s, 0.02, options)
            for x, g, s in zip(w, slope(w), states, strict=True)
        ]
        assert ours == pytest.approx(w, rel=1e-10, abs=1e-10)


# What surrounds the rules


@every_case
def test_update_on_vectors_is_the_step(kind: type[Optimizer], options: dict[str, Any]) -> None:
    bare = kind([Parameter(0.0) for _ in START], learning_rate=0.02, **options)
    data = numpy.array(START)
    for _, stepped in zip(range(5), descend(kind, 0.02, options), strict=False):
        before = data.copy()
        moved = bare.update(data, numpy.array(slope(data.tolist())))
        assert data.tolist() == before.tolist()  # the old vector stays
        data = moved
        assert data.tolist() == pytest.approx(stepped, rel=1e-12)
    assert [p.data for p in bare.parameters] == [0.0] * 4


@every_case
@pytest.mark.parametrize("through_json", [False, True])
def test_a_loaded_state_goes_on_to_the_same_bits(
    kind: type[Optimizer], options: dict[str, Any], through_json: bool
) -> None:
    def steps(optimizer: Optimizer, count: int) -> list[float]:
        for _ in range(count):
            optimizer.zero_grad()
            loss(optimizer.parameters).backward()
            optimizer.step()
        return [p.data for p in optimizer.parameters]

    whole = kind([Parameter(x) for x in START], learning_rate=0.02, **options)
    middle = steps(whole, 7)
    state = whole.state_dict()
    if through_json:
        state = json.loads(json.dumps(state, default=lambda vector: vector.tolist()))
    resumed = kind([Parameter(x) for x in middle])
    end = steps(whole, 6)  # the state was a copy: these steps don't change it
    resumed.load_state_dict(state)
    assert resumed.options == whole.options
    assert steps(resumed, 6) == end
    assert resumed.steps == 13


@pytest.mark.parametrize("kind", [SGD, AdaGrad, RMSprop, Adam, AdamW])
@pytest.mark.parametrize("gradient", [None, 0, 0.0, -0.0])
def test_no_gradient_is_a_gradient_of_zero(kind: Any, gradient: Any) -> None:
    w = Parameter(2.0)
    optimizer = (
        kind([w], 0.1, weight_decay=0.0, eps=1e-8)
        if kind is not SGD
        else SGD([w], 0.1, momentum=0.9)
    )
    w.grad = gradient
    optimizer.step()
    assert w.data == 2.0


def test_weight_decay_and_momentum_move_without_a_gradient() -> None:
    w = Parameter(2.0)
    w.grad = None
    SGD([w], 0.1, weight_decay=0.5).step()
    assert w.data == pytest.approx(1.9, abs=1e-15)
    v = Parameter(0.0)
    optimizer = SGD([v], 1.0, momentum=0.5)
    v.grad = 1.0
    optimizer.step()
    v.grad = 0.0
    optimizer.step()
    assert v.data == -1.5


def test_gradients_that_are_values_are_read() -> None:
    w = Parameter(3.0)
    (w * w).backward(create_graph=True)
    assert isinstance(w.grad, Value)
    SGD([w], 0.5).step()
    assert w.data == 0.0
    assert type(w.data) is float


@pytest.mark.parametrize("kind", [SGD, AdaGrad, RMSprop, Adam, AdamW])
def test_what_is_not_finite_passes_through_to_its_own_parameter_alone(kind: Any) -> None:
    w, healthy = Parameter(1.0), Parameter(1.0)
    optimizer = kind([w, healthy], 0.1)
    w.grad, healthy.grad = nan, 1.0
    optimizer.step()
    assert isnan(w.data)
    assert 0.8 <= healthy.data < 1.0 or kind is RMSprop


def test_a_division_of_zero_by_zero_is_nan_and_no_warning() -> None:
    w = Parameter(1.0)
    AdaGrad([w], 0.1, eps=0.0).step()
    assert isnan(w.data)


def test_a_constant_gradient_never_breaks_the_centered_rule() -> None:
    w = Parameter(0.0)
    optimizer = RMSprop([w], 1e-9, alpha=0.5, centered=True)
    for _ in range(200):
        w.grad = 0.1
        optimizer.step()
    assert not isnan(w.data)


def test_the_centered_rule_passes_nan_through() -> None:
    w = Parameter(0.0)
    w.grad = nan
    RMSprop([w], 0.1, centered=True).step()
    assert isnan(w.data)


def test_training_a_network() -> None:
    model = MLP(2, [8, 1], activation="tanh", seed=1)
    optimizer = Adam(model.parameters(), 0.1)
    points = [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0)]
    for _ in range(100):
        optimizer.zero_grad()
        total: Any = sum((model(x) - y) ** 2 for x, y in points)
        total.backward()
        optimizer.step()
    assert all(abs(model(x).data - y) < 0.1 for x, y in points)


def test_only_the_given_parameters_move() -> None:
    w, frozen = Parameter(1.0), Parameter(1.0)
    (w * frozen).backward()
    optimizer = SGD([w], 0.5)
    optimizer.step()
    optimizer.zero_grad()
    assert (w.data, frozen.data, w.grad, frozen.grad) == (0.5, 1.0, 0.0, 1.0)


def test_a_generator_of_parameters_will_do() -> None:
    optimizer = SGD(p for p in [Parameter(1.0), Parameter(2.0)])
    optimizer.step()
    assert len(optimizer.parameters) == 2


def test_the_learning_rate_can_be_set() -> None:
    w = Parameter(1.0)
    optimizer = SGD([w], 0.5)
    optimizer.learning_rate = 0.25
    w.grad = 1.0
    optimizer.step()
    assert (w.data, optimizer.learning_rate) == (0.75, 0.25)
    for wrong in (-0.1, nan, float("inf")):
        with pytest.raises(OptionError, match="learning_rate of SGD"):
            optimizer.learning_rate = wrong
    assert optimizer.learning_rate == 0.25


# Errors


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ([], LengthError, "no parameters"),
        ([1.0], DataError, "item 0 is a float"),
        ([Parameter(1.0), Value(1.0)], DataError, "item 1 is a Value: use sg.Parameter in place"),
        (Parameter(1.0), DataError, "takes a list of Parameters, not Parameter"),
        (MLP(1, [1]), DataError, r"model.parameters\(\)"),
        ("ab", DataError, "not str"),
        (None, DataError, "not NoneType"),
    ],
)
def test_parameters_must_be_parameters(
    parameters: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        SGD(parameters)


def test_no_parameter_comes_twice() -> None:
    w = Parameter(1.0)
    with pytest.raises(OptionError, match="twice"):
        Adam([w, w])


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (SGD, {"learning_rate": -1}, "learning_rate of SGD must be a number of at least 0, not -1"),
        (SGD, {"momentum": -0.1}, "momentum of SGD"),
        (SGD, {"momentum": nan}, "momentum of SGD"),
        (SGD, {"weight_decay": float("inf")}, "finite"),
        (SGD, {"dampening": -1.0}, "dampening of SGD"),
        (SGD, {"nesterov": True}, "needs a momentum"),
        (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "no dampening"),
        (SGD, {"nesterov": 1}, "True or False"),
        (AdaGrad, {"learning_rate_decay": -1.0}, "learning_rate_decay of AdaGrad"),
        (AdaGrad, {"initial_accumulator": -1.0}, "initial_accumulator of AdaGrad"),
        (RMSprop, {"alpha": 1.5}, "alpha of RMSprop .* at most 1"),
        (RMSprop, {"eps": -1e-8}, "eps of RMSprop"),
        (RMSprop, {"centered": "no"}, "True or False"),
        (Adam, {"betas": 0.9}, "two numbers"),
        (Adam, {"betas": (0.9,)}, "two numbers"),
        (Adam, {"betas": (0.9, 1.0)}, "betas of Adam, number 1 must be .* below 1"),
        (AdamW, {"weight_decay": -0.1}, "weight_decay of AdamW"),
    ],
)
def test_options_out_of_their_range(
    kind: type[Optimizer], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        kind([Parameter(1.0)], **options)


def test_options_that_are_no_numbers_or_unknown() -> None:
    wrong: Any = "0.1"
    with pytest.raises(DataError, match="learning_rate of SGD must be a real number, not str"):
        SGD([Parameter(1.0)], wrong)
    with pytest.raises(TypeError, match="lr"):
        SGD([Parameter(1.0)], lr=0.1)  # type: ignore[call-arg]


def changed(**parts: Any) -> dict[str, Any]:
    state = SGD([Parameter(1.0), Parameter(2.0)], 0.1, momentum=0.9).state_dict()
    return {name: part for name, part in (state | parts).items() if part is not ...}


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (None, DataError, "must be a dict"),
        (changed(steps=...), UnknownNameError, "no 'steps'"),
        (changed(extra=1), UnknownNameError, "'extra'"),
        (changed(rule="Adam"), OptionError, "that of Adam, not of SGD"),
        (changed(size=3), LengthError, "for 3 parameters, not 2"),
        (changed(steps=-1), OptionError, "steps"),
        (changed(steps=1.5), OptionError, "steps"),
        (changed(options={}), UnknownNameError, "options of the state"),
        (changed(options={**changed()["options"], "momentum": -1.0}), OptionError, "momentum"),
        (
            changed(options={**changed()["options"], "learning_rate": "x"}),
            DataError,
            "learning_rate",
        ),
        (changed(memory={}), UnknownNameError, "velocity"),
        (changed(memory={"velocity": [1.0]}), LengthError, "2 numbers, not 1"),
        (changed(memory={"velocity": 1.0}), LengthError, "2 numbers"),
        (changed(memory={"velocity": numpy.array(1.0)}), LengthError, "2 numbers"),
        (changed(memory={"velocity": numpy.ones((2, 1))}), LengthError, "2 numbers"),
        (changed(memory={"velocity": [1.0, "a"]}), DataError, r"velocity\[1\]"),
    ],
)
def test_a_wrong_state_changes_nothing(state: Any, error: type[Exception], message: str) -> None:
    optimizer = SGD([Parameter(1.0), Parameter(2.0)], 0.3, momentum=0.5)
    optimizer.update(numpy.ones(2), numpy.ones(2))
    before = repr(optimizer.state_dict())
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(state)
    assert repr(optimizer.state_dict()) == before


def test_a_gradient_that_is_no_number_changes_nothing() -> None:
    w = [Parameter(1.0), Parameter(2.0)]
    w[0].grad, w[1].grad = 1.0, "x"
    optimizer = SGD(w, 0.1)
    with pytest.raises(
        DataError, match="grad of parameter 1 of SGD must be a real number, not str 'x'"
    ):
        optimizer.step()
    assert (optimizer.steps, w[0].data) == (0, 1.0)


def test_update_takes_lists_too() -> None:
    numbers: Any = [1.0]
    assert SGD([Parameter(0.0)], 0.5).update(numbers, numbers).tolist() == [0.5]


def test_vectors_of_another_shape() -> None:
    optimizer = SGD([Parameter(1.0)])
    with pytest.raises(LengthError, match=r"shape \(1,\), not \(2,\) and \(1,\)"):
        optimizer.update(numpy.ones(2), numpy.ones(1))
    assert optimizer.steps == 0


def test_a_rule_must_be_written() -> None:
    class Forgetful(Optimizer):
        pass

    with pytest.raises(TypeError, match="_rule"):
        Forgetful([Parameter(1.0)])  # type: ignore[abstract]


@pytest.mark.parametrize(
    "make",
    [
        lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=0.1),
        lambda p: Adam(p, 0.1),
        lambda p: AdaGrad(p, 0.1),
    ],
)
def test_frozen_parameters_stay_and_the_others_move_as_they_would_alone(make: Any) -> None:
    together, alone = [Parameter(1.0), Parameter(-2.0)], [Parameter(1.0)]
    together[1].trainable = False
    first, second = make(together), make(alone)
    for step in range(5):
        for parameter in (*together, *alone):
            parameter.grad = 0.5 + step
        first.step()
        second.step()
    assert [p.data for p in together] == [alone[0].data, -2.0]
    assert first.trainable().tolist() == [True, False]
    assert second.trainable() is None


@every_case
def test_a_frozen_parameter_leaves_no_trace_in_what_is_remembered(
    kind: type[Optimizer], options: dict[str, Any]
) -> None:
    rule = kind([Parameter(1.0), Parameter(1.0)], **options)
    rule.update(numpy.ones(2), numpy.array([1.0, 1.0]), numpy.array([True, False]))
    untouched = kind([Parameter(1.0), Parameter(1.0)], **options)
    untouched.update(numpy.ones(2), numpy.array([1.0, 0.0]))
    expected = untouched.state_dict()["memory"]
    for name, vector in rule.state_dict()["memory"].items():
        assert vector.tolist() == expected[name].tolist()


@pytest.mark.parametrize("kind", [SGD, AdaGrad, RMSprop, Adam])
def test_without_weight_decay_a_parameter_that_has_overflowed_stays_infinite(
    kind: type[Optimizer],
) -> None:
    assert kind([Parameter(inf)]).update(numpy.array([inf]), numpy.array([1.0])).tolist() == [inf]


def test_wrong_arguments_of_an_optimizer_of_ones_own_are_told() -> None:
    class Mine(SGD):
        def __init__(self, parameters: Any, rate: float) -> None:
            super().__init__(parameters, rate)

    with pytest.raises(CallError, match="Mine has no argument 'rat'; did you mean 'rate'"):
        Mine([Parameter(1.0)], rat=0.1)  # type: ignore[call-arg]
