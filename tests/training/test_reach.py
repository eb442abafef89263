"""What would silently not learn is refused, or an UnlearnedWarning names what and where."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scalargrad import Buffer, Constant, Parameter, Value, no_grad
from scalargrad.data import moons
from scalargrad.errors import DataError, OptionError, ResumeWarning, TraceError, UnlearnedWarning
from scalargrad.losses import mse
from scalargrad.nn import MLP, BatchNorm, Dropout, Embedding, Flatten, Layer, Module, Sequential
from scalargrad.optim import SGD, Adam, l2
from scalargrad.training import Callback, EarlyStopping, SaveCheckpoint, fit

X, LABELS = moons(20, noise=0.1, seed=1)
both_ways = pytest.mark.parametrize("compiled", [False, True])
OUTSIDE = Parameter(1.0, label="temperature")


class Gained(Module):
    """A network whose output is multiplied by what a function finds."""

    def __init__(self, begin: Callable[["Gained"], Callable[[], Any]]) -> None:
        self.inner = MLP(2, [3, 1], "tanh", seed=1)
        self._gain = begin(self)

    def forward(self, x: Any) -> Any:
        return self.inner(x) * self._gain()


def train(model: Module, compiled: bool, **options: Any) -> Any:
    given = {"loss": "mse", "epochs": 1, "progress": False, **options}
    return fit(model, X, LABELS, compiled=compiled, **given)


def value_in_an_attribute(model: Any) -> Any:
    model.gain = Value(1.0)
    return lambda: model.gain


def value_in_a_list(model: Any) -> Any:
    model.gains = [Parameter(1.0), Value(1.0)]
    return lambda: model.gains[1]


class Box:
    """Any object."""


def in_an_object(model: Any) -> Any:
    model.box = Box()
    model.box.gain = Parameter(1.0)
    return lambda: model.box.gain


def in_a_closure(model: Any) -> Any:
    gain = Parameter(1.0)
    return lambda: gain


def among_globals(model: Any) -> Any:
    return lambda: OUTSIDE


def computed_before(model: Any) -> Any:
    model.gain = Parameter(1.0)
    model.doubled = model.gain * 2.0
    return lambda: model.doubled


@both_ways
@pytest.mark.parametrize(
    ("begin", "message"),
    [
        (
            value_in_an_attribute,
            r"uses gain, a plain Value of Gained.*make it a Parameter, or a Buffer",
        ),
        (value_in_a_list, r"uses gains\[1\], a plain Value of Gained"),
        (
            in_an_object,
            r"uses box\.gain, which neither model\.parameters\(\) nor the optimizer holds",
        ),
        (in_a_closure, r"gain, which neither"),
        (among_globals, r"OUTSIDE \('temperature'\), which neither"),
        (computed_before, r"uses doubled, computed before training began"),
    ],
)
def test_what_is_not_reached_is_named_once(begin: Any, message: str, compiled: bool) -> None:
    model = Gained(begin)
    with pytest.warns(UnlearnedWarning, match=message) as caught:
        train(model, compiled, epochs=3, penalty=lambda model: l2(model.parameters(), 1e-4))
    assert [warning.filename for warning in caught] == [__file__]


@both_ways
@pytest.mark.parametrize(
    "hand_over", [lambda model: "adam", lambda model: SGD(model.inner.parameters())]
)
def test_a_set_of_parameters_is_refused(hand_over: Any, compiled: bool) -> None:
    model = Gained(lambda model: lambda: next(iter(model.gains)))
    model.gains = {Parameter(1.0)}
    with pytest.raises(DataError, match="gains is a set that holds parameters"):
        train(model, compiled, optimizer=hand_over(model))


def test_what_a_training_reports_is_silenced_there_only() -> None:
    model, other = Gained(in_an_object), Gained(in_an_object)

    class Asks(Callback):
        def on_epoch_end(self, training: Any) -> None:
            model.parameters()
            with pytest.warns(UnlearnedWarning, match="in a place that is not searched"):
                other.parameters()

    with pytest.warns(UnlearnedWarning) as caught:
        train(model, compiled=False, callbacks=Asks())
    assert len(caught) == 1
    with pytest.warns(UnlearnedWarning, match="in a place that is not searched"):
        model.parameters()


class Scaled:
    """A loss with a Parameter."""

    def __init__(self) -> None:
        self.scale = Parameter(1.0)

    def __call__(self, prediction: Any, target: Any) -> Any:
        return self.scale * mse(prediction, target)


def scaled_by(weight: Any, prediction: Any, target: Any) -> Any:
    return weight * mse(prediction, target)


def scaled_by_default(prediction: Any, target: Any, weight: Any = Parameter(1.0)) -> Any:  # noqa: B008
    return weight * mse(prediction, target)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"loss": lambda p, t: OUTSIDE * mse(p, t)}, r"OUTSIDE \('temperature'\)"),
        ({"loss": Scaled()}, "scale"),
        ({"loss": Scaled().__call__}, "scale"),
        ({"loss": scaled_by_default}, "weight"),
        ({"loss": partial(scaled_by, Parameter(1.0))}, r"args\[0\]"),
        ({"penalty": lambda model: OUTSIDE * OUTSIDE}, "OUTSIDE"),
    ],
)
def test_a_parameter_of_the_loss_or_of_the_penalty(options: dict[str, Any], name: str) -> None:
    said: list[str] = []
    for compiled in (False, True):
        with pytest.warns(UnlearnedWarning, match=f"the loss uses {name}.*which neither") as caught:
            train(MLP(2, [3, 1], seed=1), compiled, **options)
        said += [str(warning.message) for warning in caught]
    assert len(said) == 2
    assert said[0] == said[1]


@both_ways
def test_a_parameter_replaced_by_a_result(compiled: bool) -> None:
    model = MLP(2, [3, 1], seed=1)
    neuron = model.layers[1].neurons[0]
    neuron.weights[0] = neuron.weights[0] - 0.1
    with pytest.warns(
        UnlearnedWarning,
        match=r"uses layers\[1\]\.neurons\[0\]\.weights\[0\], computed before training began",
    ):
        train(model, compiled)


@both_ways
@pytest.mark.parametrize(
    "replace", [lambda weight: weight - 0.1, lambda weight: Parameter(weight.data - 0.1)]
)
def test_a_parameter_replaced_after_the_optimizer_was_made(replace: Any, compiled: bool) -> None:
    model = MLP(2, [3, 1], seed=1)
    rule = SGD(model.parameters(), 0.1)
    neuron = model.layers[1].neurons[0]
    neuron.weights[0] = replace(neuron.weights[0])
    with pytest.raises(
        OptionError, match=r"SGD updates 1 of its 13 parameters to no effect.*replaced after SGD"
    ):
        train(model, compiled, optimizer=rule)


@both_ways
def test_an_optimizer_of_another_model(compiled: bool) -> None:
    model = MLP(2, [3, 1], seed=1)
    before = model.state_dict()
    rule = Adam(MLP(2, [3, 1], seed=2).parameters())
    with pytest.raises(
        OptionError,
        match=r"Adam is over the parameters of another model: none of its 13 parameters",
    ):
        train(model, compiled, optimizer=rule)
    assert model.state_dict() == before


class Bare(Module):
    """Plain Values where Parameters are meant."""

    def __init__(self) -> None:
        self.w = [Value(0.1), Value(0.2)]

    def forward(self, x: Any) -> Any:
        return self.w[0] * x[0] + self.w[1] * x[1]


@both_ways
@pytest.mark.parametrize("options", [{}, {"optimizer": SGD([Parameter(1.0)])}])
def test_a_model_of_plain_values(options: dict[str, Any], compiled: bool) -> None:
    with pytest.raises(
        OptionError,
        match=r"Bare has no Parameters, only plain Values.*w\[0\], w\[1\]: make them Parameters",
    ):
        train(Bare(), compiled, **options)


@both_ways
def test_a_model_whose_parameters_are_hidden(compiled: bool) -> None:
    model = Sequential(Bare().forward, lambda output: output * OUTSIDE)
    with pytest.raises(
        OptionError,
        match=r"only in places that are not searched, in steps\[1\]\.OUTSIDE: assign them",
    ):
        train(model, compiled)


@both_ways
def test_a_model_of_nothing(compiled: bool) -> None:
    with pytest.raises(
        OptionError, match="Flatten has no Parameters, so there is nothing to train"
    ):
        train(Flatten(), compiled)


def test_a_graph_that_is_cut() -> None:
    class Cut(Module):
        def __init__(self) -> None:
            self.inner = MLP(2, [3, 1], seed=1)

        def forward(self, x: Any) -> Any:
            return Value(self.inner(x).data)

    class Unrecorded(Cut):
        @no_grad()
        def forward(self, x: Any) -> Any:
            return self.inner(x)

    with pytest.warns(UnlearnedWarning, match="depends on none of the parameters"):
        train(Cut(), compiled=False)
    with pytest.warns(UnlearnedWarning, match="depends on none of the parameters") as caught:
        train(Unrecorded(), compiled=False)
    assert len(caught) == 1
    with pytest.warns(UnlearnedWarning), pytest.raises(TraceError):
        train(Cut(), compiled=True)


@both_ways
def test_training_inside_of_no_grad_learns(compiled: bool) -> None:
    models = [MLP(2, [3, 1], "tanh", seed=1) for _ in range(2)]
    train(models[0], compiled)
    with no_grad():
        train(models[1], compiled)
    assert models[0].state_dict() == models[1].state_dict()


# What is meant so


def frozen_in_an_object(model: Any) -> Any:
    model.box = Box()
    model.box.gain = Parameter(1.0)
    model.box.gain.trainable = False
    return lambda: model.box.gain


def buffer(model: Any) -> Any:
    model.gain = Buffer(2.0)
    return lambda: model.gain


def constant(model: Any) -> Any:
    model.gain = Constant(2.0)
    return lambda: model.gain


def value_in_a_closure(model: Any) -> Any:
    two = Value(2.0)
    return lambda: two


def value_that_is_not_used(model: Any) -> Any:
    model.last = Value(3.0)
    return lambda: 1.0


@both_ways
@pytest.mark.parametrize(
    "begin", [frozen_in_an_object, buffer, constant, value_in_a_closure, value_that_is_not_used]
)
def test_what_is_not_meant_to_learn_is_silent(begin: Any, compiled: bool) -> None:
    assert train(Gained(begin), compiled).epochs == 1


class Keeps(Module):
    """Remembers what it was given last."""

    def __init__(self) -> None:
        self.inner = MLP(2, [3, 1], seed=1)
        self.last: Any = None

    def forward(self, x: Any) -> Any:
        self.last = x
        self.output = self.inner(x)
        return self.output


def test_what_a_model_remembers_is_no_part_of_it() -> None:
    rows, model = [[Value(a), Value(b)] for a, b in X], Keeps()
    for _ in range(2):
        assert fit(model, rows, LABELS, loss="mse", epochs=1, progress=False).epochs == 1


def test_an_optimizer_over_a_part_or_over_the_parameters_of_the_loss_too() -> None:
    model, weight = MLP(2, [3, 1], seed=1), Parameter(1.0)
    train(model, compiled=False, optimizer=SGD(model.layers[0].parameters()))
    rule = SGD([*model.parameters(), weight], 0.1)
    train(model, compiled=False, optimizer=rule, loss=lambda p, t: weight * weight * mse(p, t))
    assert weight.data != 1.0
    rule = SGD([*model.parameters(), weight], 0.1)
    train(model, compiled=False, optimizer=rule, penalty=lambda model: weight * weight)


@both_ways
@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential(
            Layer(2, 3, "prelu", seed=1),
            Dropout(0.5, seed=2),
            Layer(3, 1, "rrelu", seed=3),
            lambda row: row[0],
        ),
        lambda: Sequential(MLP(2, [3, 2], seed=1), MLP(2, [1], seed=2)),
    ],
)
def test_networks_give_no_alarm(make: Any, compiled: bool) -> None:
    assert train(make(), compiled).epochs == 1


def test_batches_and_tables_give_no_alarm() -> None:
    batched = Sequential(
        Layer(2, 3, seed=1), BatchNorm(3), Layer(3, 1, None, seed=2), lambda row: row[0]
    )
    train(batched, compiled=False)
    table = Sequential(Embedding(5, 2, seed=1), Flatten(), Layer(4, 5, None, seed=2))
    fit(table, [[0, 1], [2, 3]], [1, 2], loss="cross_entropy", epochs=1, progress=False)


# Going on from a file that is not there


def test_a_file_that_nothing_writes_is_warned_of(tmp_path: Path) -> None:
    with pytest.warns(
        ResumeWarning, match=r"no checkpoint '.*typo.ckpt' yet.*from scratch.*is the name right"
    ) as caught:
        train(MLP(2, [3, 1], seed=1), compiled=False, resume=tmp_path / "typo.ckpt")
    assert caught[0].filename == __file__


def test_a_file_that_is_still_to_be_written_is_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.ckpt"
    for _ in range(2):
        train(
            MLP(2, [3, 1], seed=1),
            compiled=False,
            resume=str(path),
            callbacks=SaveCheckpoint(path),
            progress=True,
        )
    assert capsys.readouterr().err.count("from scratch") == 1


def test_one_callback_needs_no_list() -> None:
    with warnings.catch_warnings():
        history = train(
            MLP(2, [3, 1], seed=1), compiled=False, callbacks=EarlyStopping(3), epochs=2
        )
    assert history.epochs == 2
