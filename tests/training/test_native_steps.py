"""Many steps in one call of native code: the bits of the same steps one by one."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad import Parameter, dot, relu
from scalargrad.data import epoch_order
from scalargrad.errors import DivergenceError, OptionError
from scalargrad.nn import MLP, Dropout, Embedding, Flatten, Layer, Module, Sequential
from scalargrad.optim import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    ExponentialDecay,
    Optimizer,
    ReduceOnPlateau,
    RMSprop,
    l2,
)
from scalargrad.training import (
    Callback,
    ClipNorm,
    EarlyStopping,
    EveryStep,
    History,
    SaveCheckpoint,
    Training,
    fit,
    native_steps,
    samples,
)

pytest.importorskip("llvmlite")

from scalargrad.compiler.native import epochs as native_epochs

RNG = numpy.random.default_rng(7)
X = RNG.normal(size=(23, 3))
Y = numpy.sin(X.sum(axis=1))

MakeOptimizer = Callable[[Any], Optimizer]

OPTIMIZERS: dict[str, MakeOptimizer] = {
    "descent": lambda parameters: SGD(parameters, 0.05),
    "weight decay": lambda parameters: SGD(parameters, 0.05, weight_decay=0.1),
    "momentum": lambda parameters: SGD(parameters, 0.05, momentum=0.9),
    "dampening": lambda parameters: SGD(parameters, 0.05, momentum=0.9, dampening=0.5),
    "nesterov": lambda parameters: SGD(parameters, 0.05, momentum=0.8, nesterov=True),
    "AdaGrad": lambda parameters: AdaGrad(
        parameters, 0.1, learning_rate_decay=0.1, weight_decay=0.01, initial_accumulator=0.1
    ),
    "RMSprop": lambda parameters: RMSprop(parameters, 0.01),
    "centered": lambda parameters: RMSprop(parameters, 0.01, centered=True, momentum=0.5),
    "Adam": lambda parameters: Adam(parameters, 0.02, weight_decay=0.01),
    "amsgrad": lambda parameters: Adam(parameters, 0.02, amsgrad=True, betas=(0.5, 0.8)),
    "AdamW": lambda parameters: AdamW(parameters, 0.02, weight_decay=0.1),
}


class Watcher(Callback):
    """Looks at every step, so that each is made by itself."""

    looks = False

    def on_step_end(self, training: Training) -> None:
        """Do nothing."""


class Outcome(NamedTuple):
    """All that a training run leaves behind."""

    parameters: dict[str, float]
    gradients: list[float]
    optimizer: dict[str, Any]
    history: dict[str, list[float]]
    steps: list[float]
    stop_reason: str


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps each call of native code made."""
    made: list[int] = []
    run = native_epochs.NativeStepRunner.run

    def count(*arguments: Any) -> Any:
        steps = run(*arguments)
        made.append(len(steps.losses))
        return steps

    monkeypatch.setattr(native_epochs.NativeStepRunner, "run", count)
    return made


def small() -> Module:
    return MLP(3, [4, 1], seed=1)


def squared(prediction: Any, target: Any) -> Any:
    return (prediction - target) ** 2


def train(
    make_model: Callable[[], Module] = small,
    make_optimizer: MakeOptimizer = OPTIMIZERS["Adam"],
    X: Any = X,
    callbacks: Callable[[Optimizer], list[Any]] = lambda optimizer: [],
    **options: Any,
) -> Outcome:
    model = make_model()
    optimizer = make_optimizer(model.parameters())
    options = {"loss": squared, "compiled": "native", "progress": False, **options}
    history = fit(model, X, Y, optimizer=optimizer, callbacks=callbacks(optimizer), **options)
    return describe(model, optimizer, history)


def describe(model: Module, optimizer: Optimizer, history: History) -> Outcome:
    return Outcome(
        model.state_dict(),
        [parameter.grad for parameter in model.parameters()],
        describe_optimizer(optimizer),
        dict(history),
        history.steps,
        history.stop_reason,
    )


def train_step_by_step(
    callbacks: Callable[[Optimizer], list[Any]] = lambda optimizer: [], **options: Any
) -> Outcome:
    return train(callbacks=lambda optimizer: [*callbacks(optimizer), Watcher()], **options)


def describe_optimizer(optimizer: Optimizer) -> dict[str, Any]:
    state = optimizer.state_dict()
    memory = {name: vector.tolist() for name, vector in state["memory"].items()}
    return state | {"memory": memory}


@pytest.mark.parametrize(
    ("name", "batch_size"), [*((name, 5) for name in OPTIMIZERS), ("Adam", 1), ("Adam", None)]
)
def test_every_optimizer(name: str, batch_size: int | None, calls: list[int]) -> None:
    options: dict[str, Any] = {
        "make_optimizer": OPTIMIZERS[name],
        "batch_size": batch_size,
        "epochs": 4,
    }
    found = train(**options)
    assert sum(calls) == len(found.steps)
    assert train_step_by_step(**options) == found
    assert sum(calls) == len(found.steps)


def penalize(model: Module) -> Any:
    return l2(model.parameters(), 0.01)


def first(row: list[Any]) -> Any:
    return row[0]


def dropping() -> Module:
    hidden = Layer(3, 4, "rrelu", seed=2)
    return Sequential(hidden, Dropout(0.3, seed=4), Layer(4, 1, "linear", seed=5), first)


WEIGHTS = RNG.uniform(0.0, 2.0, len(Y)).round(1)


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(list(OPTIMIZERS)),
    make_model=st.sampled_from([small, dropping]),
    batch_size=st.none() | st.integers(1, 25),
    epochs=st.integers(0, 7),
    seed=st.none() | st.integers(0, 3),
    penalty=st.sampled_from([None, penalize]),
    sample_weight=st.sampled_from([None, WEIGHTS]),
    validation=st.sampled_from([None, 0.3]),
    metrics=st.sampled_from([(), ("mean_absolute_error",)]),
    limits=st.tuples(st.integers(1, 20), st.sampled_from([0.0, 0.1]), st.integers(1, 100)),
)
def test_any_options(name: str, limits: tuple[int, float, int], **options: Any) -> None:
    options |= {"make_optimizer": OPTIMIZERS[name]}
    expected = train_step_by_step(**options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native_steps, "_FIRST_LIMIT", limits[0])
        patch.setattr(native_steps, "_MAX_SECONDS", limits[1])
        patch.setattr(native_steps, "_MAX_NUMBERS", limits[2])
        assert train(**options) == expected


def test_epochs_at_whose_ends_nobody_looks_are_one_call(calls: list[int]) -> None:
    train(epochs=1000, batch_size=None)
    assert sum(calls) == 1000
    assert len(calls) < 100


@pytest.mark.parametrize(
    "make",
    [
        lambda optimizer: [ExponentialDecay(optimizer, 0.9)],
        lambda optimizer: [ReduceOnPlateau(optimizer, factor=0.5, patience=0, threshold=0.5)],
        lambda optimizer: [EarlyStopping(1, min_delta=0.5)],
    ],
    ids=["decay", "plateau", "early stopping"],
)
def test_what_looks_between_epochs(make: Any, calls: list[int]) -> None:
    options: dict[str, Any] = {"callbacks": make, "epochs": 5, "batch_size": 4}
    found = train(**options)
    assert sum(calls) == len(found.steps)
    assert train_step_by_step(**options) == found


@pytest.mark.parametrize(
    "make",
    [
        lambda optimizer: [ClipNorm(0.1)],
        lambda optimizer: [EveryStep(ExponentialDecay(optimizer, 0.9))],
    ],
    ids=["clipping", "decay"],
)
def test_what_looks_at_steps_sees_each_of_them(make: Any, calls: list[int]) -> None:
    train(callbacks=make, epochs=3, batch_size=4)
    assert calls == []


def test_an_option_that_changes_between_epochs(calls: list[int]) -> None:
    class Speeding(Callback):
        def on_epoch_end(self, training: Training) -> None:
            training.optimizer.options["momentum"] += 0.2

    options: dict[str, Any] = {
        "make_optimizer": OPTIMIZERS["momentum"],
        "callbacks": lambda optimizer: [Speeding()],
        "epochs": 3,
        "batch_size": 4,
    }
    found = train(**options)
    assert sum(calls) == len(found.steps)
    assert train_step_by_step(**options) == found


def test_a_training_that_is_resumed_in_the_middle(tmp_path: Path, calls: list[int]) -> None:
    path = tmp_path / "training.npz"
    options: dict[str, Any] = {"make_model": dropping, "batch_size": 4}
    whole = train(epochs=6, callbacks=lambda optimizer: [SaveCheckpoint(path)], **options)
    path.unlink()
    train(epochs=3, callbacks=lambda optimizer: [SaveCheckpoint(path)], **options)
    resumed = train(
        epochs=6, resume=path, callbacks=lambda optimizer: [SaveCheckpoint(path)], **options
    )
    assert resumed == whole
    assert sum(calls) == 2 * len(whole.steps)


def diverge(callbacks: list[Callback], X: Any, **options: Any) -> tuple[str, Outcome]:
    model = options.pop("make_model")()
    optimizer = options.pop("make_optimizer")(model.parameters())
    with pytest.raises(DivergenceError) as caught:
        fit(
            model,
            X,
            Y,
            optimizer=optimizer,
            callbacks=callbacks,
            compiled="native",
            progress=False,
            **options,
        )
    history = caught.value.history
    assert history is not None
    return str(caught.value), describe(model, optimizer, history)


def with_huge(sample: int) -> Any:
    """Samples, one of which makes the loss overflow."""
    huge = X.copy()
    huge[sample] = 1e200
    return huge


@pytest.mark.parametrize("make_model", [small, dropping])
@pytest.mark.parametrize("batch_size", [1, 5, None])
@pytest.mark.parametrize("epochs", [1, 4])
def test_a_loss_that_overflows_in_the_middle(
    make_model: Any, batch_size: int | None, epochs: int
) -> None:
    options: dict[str, Any] = {
        "make_model": make_model,
        "make_optimizer": OPTIMIZERS["momentum"],
        "loss": squared,
        "batch_size": batch_size,
        "epochs": epochs,
        "X": with_huge(11),
    }
    assert diverge([], **options) == diverge([Watcher()], **options)


class Slope(Module):
    """A product, whose parameters grow to any size."""

    def __init__(self) -> None:
        self.weights = [Parameter(0.5) for _ in range(3)]

    def forward(self, x: Any) -> Any:
        """Return w · x."""
        return dot(self.weights, x)


@pytest.mark.parametrize("batch_size", [1, 7, None])
def test_parameters_that_overflow(batch_size: int | None, calls: list[int]) -> None:
    options: dict[str, Any] = {
        "make_model": Slope,
        "make_optimizer": lambda parameters: SGD(parameters, 1e308, momentum=0.9),
        "loss": lambda prediction, target: prediction + 0.0 * target,
        "batch_size": batch_size,
        "epochs": 400,
        "X": 1e-3 * abs(X),
    }
    found = diverge([], **options)
    assert "the step of SGD" in found[0]
    assert sum(calls) == len(found[1].steps) - 1
    assert found == diverge([Watcher()], **options)


class Bounded(SGD):
    """Its formula bounds the gradient, so that parameters stay finite."""

    def formula(self, data: Any, gradient: Any, memory: Any, numbers: Any) -> Any:
        bounded = numpy.maximum(-1.0, numpy.minimum(gradient, 1.0))
        return data - numbers[0] * bounded


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_gradient_that_overflows_where_loss_and_parameters_do_not(
    sign: float, calls: list[int]
) -> None:
    """All predictions are 0, and the slope of the loss is infinite at the largest target only."""
    *_, second, largest = sorted(sign * Y)
    options: dict[str, Any] = {
        "make_model": Slope,
        "make_optimizer": lambda parameters: Bounded(parameters, 0.0),
        "loss": lambda p, t: p * 1e200 * 1e200 * relu(sign * t - (second + largest) / 2),
        "batch_size": 1,
        "epochs": 2,
        "shuffle": False,
        "X": numpy.tile([1.0, 1.0, -2.0], (23, 1)),
    }
    found = diverge([], **options)
    assert sum(calls) == numpy.argmax(sign * Y) == len(found[1].steps) > 0
    assert found == diverge([Watcher()], **options)


def test_samples_at_kinks_end_a_call_and_the_training_goes_on(calls: list[int]) -> None:
    """A gradient of exactly 0 sends nothing through the root of 0, whose derivative is infinite."""
    flat = X.copy()
    flat[::3] = 0.0
    options: dict[str, Any] = {
        "make_model": Slope,
        "make_optimizer": OPTIMIZERS["momentum"],
        "loss": lambda prediction, target: ((prediction**2).sqrt() - 0.01).relu() + target,
        "X": flat,
        "batch_size": 2,
        "epochs": 3,
    }
    found = train(**options)
    assert 0 < sum(calls) < len(found.steps)
    assert train_step_by_step(**options) == found


def test_ctrl_c_leaves_the_steps_of_the_calls_before(monkeypatch: pytest.MonkeyPatch) -> None:
    run = native_epochs.NativeStepRunner.run
    made: list[int] = []

    def interrupt(*arguments: Any) -> Any:
        if len(made) == 2:
            raise KeyboardInterrupt
        steps = run(*arguments)
        made.append(len(steps.losses))
        return steps

    monkeypatch.setattr(native_epochs.NativeStepRunner, "run", interrupt)
    monkeypatch.setattr(native_steps, "_MAX_SECONDS", 0.0)
    monkeypatch.setattr(native_steps, "_FIRST_LIMIT", 6)
    found = train(epochs=2, batch_size=4)
    assert found.stop_reason == "interrupted in epoch 2"
    assert len(found.steps) == sum(made) == 7

    class Stopper(Watcher):
        def on_step_end(self, training: Training) -> None:
            if len(training.history.steps) == 7:
                training.stop("enough")

    stopped = train(epochs=2, batch_size=4, callbacks=lambda optimizer: [Stopper()])
    assert found.parameters == stopped.parameters
    assert found.optimizer == stopped.optimizer


def test_ctrl_c_between_epochs_that_were_one_call(
    monkeypatch: pytest.MonkeyPatch, calls: list[int]
) -> None:
    add = History.add
    added = []

    def interrupt(history: History, numbers: Any) -> None:
        added.append(numbers)
        if len(added) == 30:
            raise KeyboardInterrupt
        add(history, numbers)

    monkeypatch.setattr(History, "add", interrupt)
    # However slow the machine is, the epoch that is interrupted is one of many in a call.
    monkeypatch.setattr(native_steps, "_MAX_SECONDS", 60.0)
    found = train(epochs=1000, batch_size=None)
    assert found.stop_reason.startswith("interrupted in epoch")
    assert len(found.history["loss"]) == len(found.steps) == sum(calls)


class OwnRule(SGD):
    """Moves parameters by the signs of their gradients."""

    def _rule(self, data: Any, gradient: Any) -> Any:
        return data - self.learning_rate * numpy.sign(gradient)


class Curved(SGD):
    """Its formula has no vector instructions."""

    def formula(self, data: Any, gradient: Any, memory: Any, numbers: Any) -> Any:
        return data - numbers[0] * numpy.tanh(gradient)


class Normalized(SGD):
    """Its formula looks at all parameters."""

    def formula(self, data: Any, gradient: Any, memory: Any, numbers: Any) -> Any:
        return data - numbers[0] * gradient / (1.0 + abs(gradient).max())


class Choosing(SGD):
    """Its formula decides by a number of the step."""

    def formula(self, data: Any, gradient: Any, memory: Any, numbers: Any) -> Any:
        return data - 0.05 * gradient if numbers[0] > 0.05 else data


class Updating(SGD):
    """Counts its updates."""

    updates = 0

    def update(self, *arguments: Any) -> Any:
        self.updates += 1
        return super().update(*arguments)


@pytest.mark.parametrize("kind", [OwnRule, Curved, Normalized, Choosing, Updating])
def test_a_rule_without_native_code_is_applied_step_by_step(
    kind: type[SGD], calls: list[int]
) -> None:
    options: dict[str, Any] = {
        "make_optimizer": lambda parameters: kind(parameters, 0.1),
        "epochs": 2,
        "batch_size": 4,
    }
    found = train(**options)
    assert calls == []
    eager = train(**options, compiled=False)
    assert found.steps == pytest.approx(eager.steps, rel=1e-9)


def test_frozen_parameters_stay(calls: list[int]) -> None:
    def frozen() -> Module:
        model = small()
        model.parameters()[2].trainable = False
        return model

    before = frozen().state_dict()
    after = train(frozen, epochs=2, batch_size=4).parameters
    assert calls == []
    same = [name for name in before if after[name] == before[name]]
    assert same == [list(before)[2]]


def test_an_optimizer_with_another_order_of_parameters(calls: list[int]) -> None:
    options: dict[str, Any] = {"epochs": 2, "batch_size": 4}
    found = train(make_optimizer=lambda parameters: SGD(parameters[::-1], 0.1), **options)
    assert calls == []
    straight = train(make_optimizer=lambda parameters: SGD(parameters, 0.1), **options)
    assert found.parameters == straight.parameters


def test_an_index_out_of_range_is_reported_by_the_step_that_reads_it() -> None:
    tokens = [[i % 4, (i + 1) % 4] for i in range(23)]
    tokens[20] = [3, 4]

    def embedding() -> Module:
        return Sequential(Embedding(4, 2, seed=1), Flatten(), Layer(4, 1, seed=2), first)

    def fail(callbacks: list[Callback]) -> tuple[str, list[float]]:
        model = embedding()
        options: dict[str, Any] = {
            "compiled": "native",
            "progress": False,
            "batch_size": 3,
            "shuffle": False,
        }
        with pytest.raises(OptionError) as caught:
            fit(model, tokens, Y, loss=squared, callbacks=callbacks, **options)
        return str(caught.value), list(model.state_dict().values())

    message, numbers = fail([])
    assert (message, numbers) == fail([Watcher()])
    assert numbers != list(embedding().state_dict().values())


def test_progress_has_a_line_for_each_epoch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A bar is drawn anew after some time, and not for each epoch.
    monkeypatch.setitem(sys.modules, "tqdm", None)
    train(epochs=5, batch_size=None, progress=True)
    at_once = capsys.readouterr().err
    train_step_by_step(epochs=5, batch_size=None, progress=True)
    assert at_once.count("epoch") == capsys.readouterr().err.count("epoch") > 0


def test_where_each_step_is_watched_the_order_of_an_epoch_is_drawn_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[int] = []

    def draw(total: int, seed: int, epoch: int) -> Any:
        drawn.append(epoch)
        return epoch_order(total, seed, epoch)

    monkeypatch.setattr(samples, "epoch_order", draw)
    train_step_by_step(epochs=4, batch_size=5)
    assert drawn == [0, 1, 2, 3]
