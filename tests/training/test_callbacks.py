"""Callbacks: early stopping, schedules, limits; what they see and when."""

from typing import Any

import numpy
import pytest

from scalargrad.errors import OptionError, UnknownNameError
from scalargrad.nn import MLP, Module
from scalargrad.optim import (
    SGD,
    CosineDecay,
    ReduceOnPlateau,
    StepDecay,
    clip_gradient_norm,
    clip_gradient_values,
)
from scalargrad.training import (
    Callback,
    ClipNorm,
    ClipValues,
    EarlyStopping,
    EveryStep,
    MaxNorm,
    StopAtZeroGradient,
    Training,
    fit,
)

RNG = numpy.random.default_rng(3)
X = RNG.normal(size=(12, 2))
Y = numpy.sin(X[:, 0]) + X[:, 1]


def network() -> MLP:
    return MLP(2, [5, 1], activation="tanh", seed=2)


def run(
    model: Module, callbacks: list[Any], optimizer: Any = None, epochs: int = 6, **options: Any
) -> Any:
    rule = optimizer or SGD(model.parameters(), 0.1)
    return fit(
        model,
        X,
        Y,
        loss="mse",
        optimizer=rule,
        epochs=epochs,
        callbacks=callbacks,
        batch_size=4,
        progress=False,
        **options,
    )


class Diary(Callback):
    """Writes down what happens, and the parameters after each epoch."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.states: list[dict[str, float]] = []

    def on_train_begin(self, training: Training) -> None:
        self.events.append("begin")

    def on_before_optimizer_step(self, training: Training) -> None:
        self.events.append("gradient")

    def on_step_end(self, training: Training) -> None:
        self.events.append("step")

    def on_epoch_end(self, training: Training) -> None:
        self.events.append(f"epoch {training.epoch}")
        self.states.append(training.model.state_dict())

    def on_train_end(self, training: Training) -> None:
        self.events.append("end")


class Script(Callback):
    """Replaces the validation loss of the history by numbers of its own."""

    def __init__(self, numbers: list[float]) -> None:
        self.numbers = numbers

    def on_epoch_end(self, training: Training) -> None:
        training.history["validation_loss"][-1] = self.numbers[training.epoch - 1]


def test_the_order_of_events() -> None:
    diary = Diary()
    run(network(), [diary], epochs=2)
    assert diary.events == [
        "begin",
        *["gradient", "step"] * 3,
        "epoch 1",
        *["gradient", "step"] * 3,
        "epoch 2",
        "end",
    ]


class Freeze(Callback):
    """Freezes the first layer after the second epoch."""

    def on_epoch_end(self, training: Training) -> None:
        if training.epoch == 2:
            training.model.layers[0].freeze()


@pytest.mark.parametrize("compiled", [False, "numpy", "native"])
@pytest.mark.parametrize("batch_size", [4, None])
def test_what_a_callback_freezes_stays_from_the_next_epoch_on(
    compiled: Any, batch_size: int | None
) -> None:
    if compiled == "native":
        pytest.importorskip("llvmlite")
    model, diary = network(), Diary()
    options: dict[str, Any] = {"compiled": compiled, "batch_size": batch_size, "progress": False}
    fit(model, X, Y, loss="mse", epochs=4, callbacks=[Freeze(), diary], **options)
    names = [name for name in diary.states[0] if name.startswith("layers.0.")]
    numbers = [[state[name] for name in names] for state in diary.states]
    assert names
    assert numbers[0] != numbers[1] == numbers[2] == numbers[3]
    assert diary.states[2] != diary.states[3]


def test_what_a_loss_freezes_stays_in_eager_training() -> None:
    model, diary = network(), Diary()
    diary.looks = False

    def freezing(prediction: Any, target: float) -> Any:
        if len(diary.states) == 2:
            model.layers[0].freeze()
        return (prediction - target) ** 2

    options: dict[str, Any] = {"compiled": False, "batch_size": None, "progress": False}
    fit(model, X, Y, loss=freezing, epochs=5, callbacks=[diary], **options)
    first = [list(state.values())[:15] for state in diary.states]
    assert first[1] != first[2] == first[3] == first[4]


def test_early_stopping_gives_back_the_best_model() -> None:
    diary, stopping = Diary(), EarlyStopping(patience=2)
    model = network()
    history = run(
        model, [diary, Script([5.0, 3.0, 4.0, 3.5, 1.0]), stopping], validation=(X, Y), epochs=9
    )
    assert history.epochs == 4
    assert (stopping.best, stopping.best_epoch) == (3.0, 2)
    assert model.state_dict() == diary.states[1]
    assert "best after epoch 2" in history.stop_reason


def test_early_stopping_wants_a_least_gain_and_can_maximize() -> None:
    assert (
        run(
            network(),
            [Script([3.0, 2.9, 2.8, 2.7]), EarlyStopping(2, min_delta=0.5)],
            validation=(X, Y),
        ).epochs
        == 3
    )
    rising = EarlyStopping(2, mode="max")
    assert (
        run(network(), [Script([1.0, 2.0, 3.0, 2.0, 2.0, 2.0]), rising], validation=(X, Y)).epochs
        == 5
    )
    assert (rising.best, rising.best_epoch) == (3.0, 3)


def test_early_stopping_without_validation_watches_the_loss_and_knows_what_it_can_not_watch() -> (
    None
):
    diary, stopping = Diary(), EarlyStopping(patience=3)
    history = run(network(), [diary, stopping], epochs=30)
    assert stopping.best == min(history["loss"])
    with pytest.raises(UnknownNameError, match="can't watch 'accuracy': the history has loss"):
        run(network(), [EarlyStopping(monitor="accuracy")])


def test_early_stopping_used_again_begins_again() -> None:
    stopping = EarlyStopping(patience=2)
    run(network(), [Script([1.0, 2.0, 3.0]), stopping], validation=(X, Y))
    assert (
        run(network(), [Script([9.0, 8.0, 7.0, 6.0, 5.0, 4.0]), stopping], validation=(X, Y)).epochs
        == 6
    )


def test_a_nan_never_improves() -> None:
    stopping = EarlyStopping(patience=2)
    assert (
        run(
            network(),
            [Script([float("nan"), 2.0, float("nan"), float("nan")]), stopping],
            validation=(X, Y),
        ).epochs
        == 4
    )
    assert stopping.best == 2.0


def test_schedules_step_after_each_epoch_or_each_step() -> None:
    model = network()
    rule = SGD(model.parameters(), 0.4)
    history = run(model, [StepDecay(rule, step_size=2, gamma=0.5)], rule)
    assert history["learning_rate"] == [0.4, 0.4, 0.2, 0.2, 0.1, 0.1]
    other = network()
    rule = SGD(other.parameters(), 0.4)
    run(other, [EveryStep(CosineDecay(rule, length=18))], rule)
    assert rule.learning_rate == pytest.approx(0.0, abs=1e-15)


def test_reduce_on_plateau_looks_at_the_validation_loss() -> None:
    model = network()
    rule = SGD(model.parameters(), 0.4)
    schedule = ReduceOnPlateau(rule, factor=0.5, patience=1)
    history = run(
        model, [Script([1.0, 2.0, 2.0, 2.0, 2.0, 2.0]), schedule], rule, validation=(X, Y)
    )
    assert history["learning_rate"] == [0.4, 0.4, 0.4, 0.2, 0.2, 0.1]
    with pytest.raises(OptionError, match="numbers of an epoch"):
        EveryStep(schedule)


def test_a_schedule_of_another_optimizer_is_refused() -> None:
    model = network()
    with pytest.raises(OptionError, match="another optimizer"):
        run(model, [StepDecay(SGD(model.parameters(), 0.1), step_size=1)])


@pytest.mark.parametrize(
    ("callback", "clip"),
    [(ClipNorm(0.05), clip_gradient_norm), (ClipValues(0.02), clip_gradient_values)],
)
def test_clipping_is_that_of_the_function_of_its_name(callback: Callback, clip: Any) -> None:
    model, referee = network(), network()
    run(model, [callback], epochs=1, seed=None)
    rule = SGD(referee.parameters(), 0.1)
    for start in range(0, 12, 4):
        rule.zero_grad()
        for row, target in zip(
            X[start : start + 4].tolist(), Y[start : start + 4].tolist(), strict=True
        ):
            ((referee(row) - target) ** 2).backward(1 / 4)
        clip(referee.parameters(), callback.limit)  # type: ignore[attr-defined]
        rule.step()
    assert list(model.state_dict().values()) == pytest.approx(
        list(referee.state_dict().values()), rel=1e-12
    )


def test_max_norm_holds_after_every_step() -> None:
    class Watch(Callback):
        def on_step_end(self, training: Training) -> None:
            norms = [
                numpy.hypot(*[w.data for w in neuron.weights])
                for neuron in training.model.layers[0].neurons
            ]  # type: ignore[attr-defined]
            assert max(norms) <= 0.5 + 1e-12

    model = network()
    run(model, [MaxNorm(0.5), Watch()])
    assert not numpy.allclose(list(model.state_dict().values()), 0.0)


def test_it_ends_where_the_gradient_is_nearly_zero() -> None:
    model = MLP(2, [1], seed=1)
    target = X @ [1.0, 2.0] - 1.0
    rule = SGD(model.parameters(), 0.3)
    stop = StopAtZeroGradient(1e-9)
    history = fit(
        model,
        X,
        target,
        loss="mse",
        optimizer=rule,
        epochs=10_000,
        batch_size=None,
        callbacks=[stop],
        progress=False,
    )
    assert history.epochs < 1000
    assert "norm of the gradient" in history.stop_reason
    assert list(model.state_dict().values()) == pytest.approx([1.0, 2.0, -1.0], abs=1e-8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: EarlyStopping(0),
        lambda: ClipNorm(0.0),
        lambda: ClipValues(-1),
        lambda: MaxNorm(0),
        lambda: StopAtZeroGradient(-1.0),
    ],
)
def test_settings_out_of_range_are_refused(make: Any) -> None:
    with pytest.raises(OptionError):
        make()
