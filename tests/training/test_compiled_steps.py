"""Compiled training against eager training: the same numbers after hundreds of steps."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy
import pytest

from scalargrad import where
from scalargrad.core.nested import flatten
from scalargrad.data import epoch_order, moons
from scalargrad.errors import DivergenceError, LengthError, OptionError, TraceError
from scalargrad.losses import cross_entropy, mse
from scalargrad.nn import (
    MLP,
    BatchNorm,
    Conv,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LayerNorm,
    MaxPool,
    Module,
    Recurrent,
    Reshape,
    RNNCell,
    Sequential,
)
from scalargrad.optim import SGD, Adam, CosineDecay, elastic_net, l2
from scalargrad.training import (
    Callback,
    ClipNorm,
    ClipValues,
    EarlyStopping,
    EveryStep,
    History,
    MaxNorm,
    SaveCheckpoint,
    Training,
    fit,
    fitting,
)
from scalargrad.training.samples import nest

X, LABELS = moons(40, noise=0.2, seed=3)
SIGNS = 2.0 * LABELS - 1.0
CLASSES = LABELS.astype(int)
IMAGES = numpy.random.default_rng(2).random((20, 16))


def first(row: list[Any]) -> Any:
    return row[0]


def last(rows: list[Any]) -> Any:
    return rows[-1]


@pytest.fixture(autouse=True)
def _every_training_earns_its_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "earns_recording", lambda *_: True)


def both(
    make: Any, X: Any, y: Any, callbacks: Any = lambda rule: (), **options: Any
) -> list[tuple[Module, History]]:
    """The same training: eager, compiled, and compiled by itself."""
    found = []
    for compiled in (False, True, "auto"):
        model = make()
        rule = options.get("rule", partial(SGD, learning_rate=0.1))(model.parameters())
        given = {name: option for name, option in options.items() if name != "rule"}
        history = fit(
            model,
            X,
            y,
            optimizer=rule,
            callbacks=callbacks(rule),
            progress=False,
            compiled=compiled,
            **given,
        )
        found.append((model, history))
    return found


def agree(found: list[tuple[Module, History]], tolerance: float = 1e-9) -> None:
    first, *others = found
    for other in others:
        assert other[1].compiled == "numpy", other[1].eager_reason
        agree_pairwise(first, other, tolerance)


def agree_pairwise(
    one: tuple[Module, History], other: tuple[Module, History], tolerance: float
) -> None:
    eager, slow = one
    compiled, fast = other
    assert list(compiled.state_dict()) == list(eager.state_dict())
    assert numpy.allclose(
        list(compiled.state_dict().values()),
        list(eager.state_dict().values()),
        rtol=tolerance,
        atol=tolerance,
    )
    assert list(fast) == list(slow)
    assert all(
        numpy.allclose(fast[name], slow[name], rtol=tolerance, atol=tolerance) for name in slow
    )
    assert numpy.allclose(fast.steps, slow.steps, rtol=tolerance, atol=tolerance)
    assert fast.stop_reason.split(",")[0] == slow.stop_reason.split(",")[0]
    assert [parameter.grad for parameter in compiled.parameters()] == pytest.approx(
        [parameter.grad for parameter in eager.parameters()], rel=tolerance, abs=tolerance
    )


def test_two_hundred_steps_of_the_moons() -> None:
    penalty = partial(lambda strength, model: l2(model.parameters(), strength), 1e-4)
    options: dict[str, Any] = {
        "loss": "hinge",
        "epochs": 200,
        "batch_size": None,
        "penalty": penalty,
        "metrics": "accuracy",
    }
    agree(both(lambda: MLP(2, [6, 4, 1], seed=1), X, SIGNS, validation=0.2, **options))


def test_classes_given_as_indexes_with_adam_and_schedules_and_clipping() -> None:
    options: dict[str, Any] = {
        "loss": "cross_entropy",
        "epochs": 25,
        "batch_size": 5,
        "rule": partial(Adam, learning_rate=0.05),
    }
    callbacks = lambda rule: [EveryStep(CosineDecay(rule, 200)), ClipNorm(0.5), ClipValues(0.2)]  # noqa: E731
    found = both(
        lambda: MLP(2, [6, 2], "tanh", seed=1),
        X,
        CLASSES,
        callbacks,
        metrics=["accuracy"],
        validation=(X, CLASSES),
        **options,
    )
    agree(found)
    assert len(found[0][1].steps) == 200


def test_dropout_and_random_slopes_draw_the_same_numbers() -> None:
    def make() -> Sequential:
        return Sequential(
            Layer(2, 8, "rrelu", seed=1),
            Dropout(0.4, seed=2),
            Layer(8, 4, "prelu", seed=3),
            Layer(4, 1, None, seed=4),
            first,
        )

    found = both(make, X, SIGNS, loss="hinge", epochs=25, batch_size=5, validation=0.25)
    agree(found)
    assert [g.getstate() for _, g in found[0][0].named_generators()] == [
        g.getstate() for _, g in found[1][0].named_generators()
    ]


def test_max_norm_and_early_stopping_and_frozen_layers() -> None:
    def make() -> MLP:
        model = MLP(2, [8, 5, 1], "tanh", seed=1)
        model.layers[1].freeze()
        return model

    found = both(
        make,
        X,
        SIGNS,
        lambda rule: [MaxNorm(0.8), EarlyStopping(3)],
        loss="hinge",
        epochs=60,
        batch_size=8,
        validation=0.3,
    )
    agree(found)
    assert found[1][0].layers[1].state_dict() == make().layers[1].state_dict()  # type: ignore[index]


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "rmsprop", "adam", "adamw"])
def test_every_optimizer_by_name(optimizer: str) -> None:
    models = [MLP(2, [4, 1], "tanh", seed=1) for _ in range(2)]
    for model, compiled in zip(models, (False, True), strict=True):
        options: dict[str, Any] = {
            "optimizer": optimizer,
            "epochs": 10,
            "batch_size": 8,
            "progress": False,
            "compiled": compiled,
        }
        fit(
            model,
            X,
            SIGNS,
            loss="huber",
            penalty=lambda model: elastic_net(model.parameters(), 1e-3, 1e-3),
            **options,
        )
    assert list(models[1].state_dict().values()) == pytest.approx(
        list(models[0].state_dict().values()), rel=1e-9, abs=1e-12
    )


def test_an_optimizer_over_some_parameters_in_another_order() -> None:
    def rule(parameters: Any) -> SGD:
        return SGD(parameters[::-2], 0.1, momentum=0.9)

    agree(
        both(
            lambda: MLP(2, [4, 1], "tanh", seed=1),
            X,
            SIGNS,
            loss="mse",
            epochs=10,
            batch_size=8,
            rule=rule,
        )
    )


def test_convolution_pooling_and_layer_norm() -> None:
    def make() -> Sequential:
        return Sequential(
            Reshape(1, 4, 4),
            Conv(1, 4, 3, seed=1),
            MaxPool(2),
            Flatten(),
            LayerNorm(4),
            Layer(4, 3, None, seed=2),
        )

    agree(both(make, IMAGES, numpy.arange(20) % 3, loss="cross_entropy", epochs=10, batch_size=4))


def test_sequences_and_images_as_nested_lists() -> None:
    sequences = IMAGES.reshape(20, 4, 4)
    make = lambda: Sequential(Recurrent(RNNCell(4, 3, seed=1)), last)  # noqa: E731
    agree(both(make, sequences, IMAGES[:, :3], loss="mse", epochs=10, batch_size=4))


def test_callbacks_see_and_change_the_model() -> None:
    class Halve(Callback):
        """Halves a bias after each step, and each epoch; notes what it sees."""

        def __init__(self) -> None:
            self.seen: list[float] = []

        def on_step_end(self, training: Training) -> None:
            parameter = training.model.parameters()[-1]
            self.seen.append(parameter.data)
            parameter.data *= 0.5

        on_epoch_end = on_step_end

    halves: list[Halve] = []

    def callbacks(rule: Any) -> list[Callback]:
        halves.append(Halve())
        return [halves[-1]]

    agree(
        both(
            lambda: MLP(2, [3, 1], "tanh", seed=1),
            X,
            SIGNS,
            callbacks,
            loss="mse",
            epochs=4,
            batch_size=8,
        )
    )
    assert halves[0].seen == pytest.approx(halves[1].seen, rel=1e-9)


def test_ctrl_c_and_checkpoints(tmp_path: Path) -> None:
    class Press(Callback):
        def on_before_optimizer_step(self, training: Training) -> None:
            if len(training.history.steps) == 13:
                raise KeyboardInterrupt

    make = lambda: MLP(2, [3, 1], "tanh", seed=1)  # noqa: E731
    found = both(make, X, SIGNS, lambda rule: [Press()], loss="mse", epochs=4, batch_size=8)
    agree(found)
    assert "interrupted" in found[1][1].stop_reason
    path = tmp_path / "a.checkpoint"
    for epochs in (2, 5):
        model = make()
        rule = Adam(model.parameters(), 0.01)
        options: dict[str, Any] = {
            "optimizer": rule,
            "resume": path,
            "compiled": True,
            "progress": False,
        }
        fit(
            model,
            X,
            SIGNS,
            loss="mse",
            epochs=epochs,
            batch_size=8,
            callbacks=[SaveCheckpoint(path)],
            **options,
        )
    whole = make()
    fit(
        whole,
        X,
        SIGNS,
        loss="mse",
        optimizer=Adam(whole.parameters(), 0.01),
        epochs=5,
        batch_size=8,
        compiled=True,
        progress=False,
    )
    assert model.state_dict() == whole.state_dict()


def test_a_divergence_names_its_first_operation() -> None:
    model = MLP(2, [4, 1], activation=None, seed=1)
    rule = SGD(model.parameters(), 1e3)
    with pytest.raises(
        DivergenceError,
        match=r"the training diverged in epoch \d+, step \d+: the loss is .*\n  first: ",
    ):
        fit(
            model,
            X,
            SIGNS,
            loss="mse",
            optimizer=rule,
            epochs=90,
            batch_size=4,
            progress=False,
            compiled=True,
        )
    assert all(numpy.isfinite(list(model.state_dict().values())))


def test_predictions_of_the_metrics_are_those_of_the_order() -> None:
    def largest(prediction: Any, target: Any) -> float:
        return float(prediction[0] + 10 * target)

    agree(
        both(
            lambda: MLP(2, [3, 2], "tanh", seed=1),
            X,
            CLASSES,
            loss="cross_entropy",
            epochs=2,
            batch_size=7,
            metrics=[largest],
            seed=5,
        )
    )
    assert sorted(epoch_order(40, 5, 0)) == list(range(40))


@pytest.mark.parametrize(
    "output",
    [
        lambda row: row[0],
        lambda row: row[:1],
        lambda row: tuple(row),
        lambda row: [row[:2], row[2:]],
        lambda row: [row[0], row[1:]],
        lambda row: [[], row],
    ],
    ids=["a number", "a list of one", "a tuple", "a matrix", "a ragged list", "an empty list"],
)
def test_metrics_see_predictions_nested_as_in_eager_training(output: Any) -> None:
    seen: list[Any] = []

    def note(prediction: Any, target: Any) -> float:
        seen.append(prediction)
        return 0.0

    def loss(prediction: Any, target: Any) -> Any:
        first, *_ = flatten(prediction)
        return (first - target) ** 2

    found = []
    for compiled in (False, "numpy"):
        model = Sequential(Layer(2, 4, "tanh", seed=1), output)
        options: dict[str, Any] = {"compiled": compiled, "progress": False, "metrics": [note]}
        fit(
            model, X[:6], SIGNS[:6], loss=loss, epochs=1, validation=(X[6:8], SIGNS[6:8]), **options
        )
        found.append(seen)
        seen = []
    eager, fast = found
    assert len(fast) == 8
    assert [nest(each) for each in fast] == [nest(each) for each in eager]
    assert flatten(fast) == pytest.approx(flatten(eager), rel=1e-12)


# What can't be compiled


def branch(prediction: Any, target: Any) -> Any:
    return mse(prediction, target) if prediction > 0 else mse(prediction, 0.0)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"loss": branch}, TraceError, "a branch of Python"),
        ({"loss": lambda p, t: mse(p, float(t))}, TraceError, r"float\(\)"),
        (
            {"model": Sequential(Layer(2, 2, seed=1), BatchNorm(2), Layer(2, 1, None), first)},
            TraceError,
            "BatchNorm takes statistics.*LayerNorm.*compiled=False",
        ),
        ({"optimizer": SGD(MLP(2, [1]).parameters())}, OptionError, "parameters of another model"),
        (
            {"X": [[1.0, 2.0], [1.0]], "y": [1.0, 2.0]},
            LengthError,
            r"X\[1\]: MLP.* takes 2 inputs, but was given 1",
        ),
    ],
)
def test_what_can_not_be_compiled_is_refused_and_nothing_changes(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    given: dict[str, Any] = {
        "model": MLP(2, [3, 1], seed=1),
        "X": X,
        "y": SIGNS,
        "loss": "mse",
        "compiled": True,
        "progress": False,
    } | changed
    model = given.pop("model")
    before = model.state_dict()
    with pytest.raises(error, match=message):
        fit(model, given.pop("X"), given.pop("y"), **given)
    assert model.state_dict() == before


def test_what_a_branch_says_can_be_said_in_the_graph() -> None:
    def loss(prediction: Any, target: Any) -> Any:
        return where(
            (prediction > 0) if not hasattr(prediction, "args") else prediction.relu().sign(),
            mse(prediction, target),
            prediction**2,
        )

    agree(both(lambda: MLP(2, [3, 1], "tanh", seed=1), X, SIGNS, loss=loss, epochs=5, batch_size=8))


def test_label_smoothing_takes_shares() -> None:
    shares = numpy.eye(2)[CLASSES]
    agree(
        both(
            lambda: MLP(2, [3, 2], "tanh", seed=1),
            X,
            shares,
            loss=partial(cross_entropy, label_smoothing=0.1),
            epochs=5,
            batch_size=8,
        )
    )


# Samples of integers


def letters(outputs: int = 5) -> Sequential:
    return Sequential(
        Embedding(6, 3, seed=1), Flatten(), Layer(9, outputs, activation=None, seed=2)
    )


TRIPLES = numpy.random.default_rng(4).integers(0, 6, (30, 3))
NEXT = numpy.random.default_rng(5).integers(0, 5, 30)


@pytest.mark.parametrize("weights", [None, numpy.linspace(0.5, 2.0, 30)])
def test_an_embedding_of_integers(weights: Any) -> None:
    agree(
        both(
            letters,
            TRIPLES,
            NEXT,
            loss="cross_entropy",
            epochs=3,
            batch_size=7,
            metrics=["accuracy"],
            validation=(TRIPLES[:9].tolist(), NEXT[:9]),
            sample_weight=weights,
            penalty=lambda model: l2(model.parameters(), 0.01),
        )
    )


def test_an_embedding_of_single_integers() -> None:
    agree(
        both(
            lambda: Sequential(Embedding(6, 2, seed=1), Layer(2, 1, activation=None, seed=2)),
            [1, 5, 0, 0, 3],
            [[0.5], [1.0], [-1.0], [0.0], [2.0]],
            loss="mse",
            epochs=3,
            batch_size=2,
        )
    )


def test_integers_for_training_and_fractions_for_validation() -> None:
    agree(
        both(
            lambda: MLP(2, [3, 1], "tanh", seed=1),
            [[0, 0], [0, 1], [1, 0], [1, 1]],
            [0, 1, 1, 0],
            loss="mse",
            epochs=3,
            batch_size=2,
            validation=([[0.5, 0.25], [0.75, 1.0]], [0.0, 1.0]),
        )
    )


def test_an_index_out_of_range_is_refused_before_the_step() -> None:
    model = letters()
    before = model.state_dict()
    broken = TRIPLES.copy()
    broken[20, 1] = 6
    with pytest.raises(OptionError, match="indices 0 to 5"):
        fit(
            model,
            broken,
            NEXT,
            loss="cross_entropy",
            optimizer=SGD(model.parameters(), 0.1),
            epochs=1,
            progress=False,
            compiled=True,
        )
    assert model.state_dict() == before
