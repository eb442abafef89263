"""`fit` against training written out in NumPy, and what it records, measures and refuses."""

import copy
import gc
import pickle
import sys
import warnings
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from scalargrad import Value, losses
from scalargrad.data import epoch_order, moons
from scalargrad.errors import CallError, DataError, LengthError, OptionError, UnknownNameError
from scalargrad.nn import MLP, BatchNorm, Layer, Module, Sequential
from scalargrad.optim import SGD, Adam, l2
from scalargrad.training import Callback, History, StopAtZeroGradient, Training, fit

RNG = numpy.random.default_rng(7)
X = RNG.normal(size=(23, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.3 + 0.01 * RNG.normal(size=23)


def line() -> MLP:
    return MLP(3, [1], seed=3)


def parameters(model: Module) -> list[float]:
    return list(model.state_dict().values())


def descent(
    model: Module, rate: float, epochs: int, size: int, seed: int | None, decay: float = 0.0
) -> tuple[list[float], list[float]]:
    """Run mini-batch descent on half the squared error of a linear model, by NumPy.

    Returns the parameters, and the mean loss of each epoch.
    """
    w, history = numpy.array(parameters(model)), []
    inputs = numpy.hstack([X, numpy.ones((23, 1))])
    for epoch in range(epochs):
        order, total = epoch_order(23, seed, epoch), 0.0
        for start in range(0, 23, size):
            part = order[start : start + size]
            errors = inputs[part] @ w - Y[part]
            total += 0.5 * (errors**2).sum()
            w = w - rate * (inputs[part].T @ errors / len(part) + 2.0 * decay * w)
        history.append(total / 23)
    return w.tolist(), history


@pytest.mark.parametrize(("size", "seed"), [(23, 0), (5, 1), (1, 2), (5, None)])
def test_descent_is_what_numpy_computes(size: int, seed: int | None) -> None:
    model = line()
    expected, curve = descent(model, 0.05, 6, size, seed)
    history = fit(
        model,
        X,
        Y,
        loss="half_squared_error",
        optimizer=SGD(model.parameters(), 0.05),
        epochs=6,
        batch_size=size,
        seed=seed,
        progress=False,
    )
    assert parameters(model) == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert history["loss"] == pytest.approx(curve, rel=1e-12)
    assert len(history.steps) == 6 * -(-23 // size)


def test_no_batch_size_takes_all_samples_and_the_penalty_is_added() -> None:
    model = line()
    expected, curve = descent(model, 0.1, 5, 23, None, decay=0.01)
    rule = SGD(model.parameters(), 0.1)
    options: dict[str, Any] = {
        "penalty": lambda model: l2(model.parameters(), 0.01),
        "batch_size": None,
        "progress": False,
    }
    before = 0.01 * sum(number**2 for number in parameters(model))
    history = fit(model, X, Y, loss="half_squared_error", optimizer=rule, epochs=5, **options)
    assert parameters(model) == pytest.approx(expected, rel=1e-12)
    assert history["loss"] == pytest.approx(curve, rel=1e-12)
    assert history["penalty"][0] == pytest.approx(before)
    assert history.steps == pytest.approx(
        [a + b for a, b in zip(history["loss"], history["penalty"], strict=True)], rel=1e-12
    )


def test_it_comes_to_the_least_squares_solution() -> None:
    model = line()
    fit(
        model,
        X,
        Y,
        loss="mse",
        optimizer=SGD(model.parameters(), 0.2),
        epochs=300,
        batch_size=None,
        progress=False,
    )
    expected = numpy.linalg.lstsq(numpy.hstack([X, numpy.ones((23, 1))]), Y, rcond=None)[0]
    assert parameters(model) == pytest.approx(expected.tolist(), abs=1e-9)


def test_a_network_trains_as_in_pytorch() -> None:
    torch = pytest.importorskip("torch")
    samples, labels = moons(40, noise=0.1, seed=2)
    model = MLP(2, [8, 2], activation="tanh", seed=1)
    net = torch.nn.Sequential(
        torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)
    ).double()
    with torch.no_grad():
        for layer, linear in zip(model.layers, (net[0], net[2]), strict=True):
            linear.weight.copy_(
                torch.tensor(
                    [[w.data for w in neuron.weights] for neuron in layer.neurons],
                    dtype=torch.float64,
                )
            )
            linear.bias.copy_(
                torch.tensor([neuron.bias.data for neuron in layer.neurons], dtype=torch.float64)
            )
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    inputs, targets = torch.tensor(samples), torch.tensor(labels.astype(int))
    for epoch in range(20):
        order = epoch_order(40, 4, epoch)
        for start in range(0, 40, 8):
            part = order[start : start + 8].tolist()
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[part]), targets[part]).backward()
            optimizer.step()
    rule = Adam(model.parameters(), 0.05)
    fit(
        model,
        samples,
        labels,
        loss="cross_entropy",
        optimizer=rule,
        epochs=20,
        batch_size=8,
        seed=4,
        progress=False,
    )
    ours = [
        [[w.data for w in neuron.weights] for neuron in layer.neurons] for layer in model.layers
    ]
    assert numpy.allclose(ours[0], net[0].weight.detach().numpy(), rtol=1e-9, atol=1e-11)
    assert numpy.allclose(ours[1], net[2].weight.detach().numpy(), rtol=1e-9, atol=1e-11)


class Order(Callback):
    """Notes the order in which a loss sees the targets."""

    def __init__(self) -> None:
        self.epochs: list[list[float]] = [[]]

    def loss(self, prediction: Any, target: float) -> Any:
        self.epochs[-1].append(target)
        return prediction * target

    def on_train_begin(self, training: Training) -> None:
        """Forget what was seen while the arguments were checked."""
        self.epochs = [[]]

    def on_epoch_end(self, training: Training) -> None:
        """Begin the list of the next epoch."""
        self.epochs.append([])


@pytest.mark.parametrize("size", [None, 23, 50])
def test_a_batch_of_all_samples_keeps_the_given_order(size: int | None) -> None:
    order = Order()
    options: dict[str, Any] = {"callbacks": order, "progress": False, "compiled": False}
    fit(line(), X, Y, loss=order.loss, epochs=3, batch_size=size, seed=4, **options)
    assert order.epochs == [Y.tolist()] * 3 + [[]]


def test_smaller_batches_are_shuffled() -> None:
    order = Order()
    options: dict[str, Any] = {"callbacks": order, "progress": False, "compiled": False}
    fit(line(), X, Y, loss=order.loss, epochs=2, batch_size=22, seed=4, **options)
    assert order.epochs == [Y[epoch_order(23, 4, epoch)].tolist() for epoch in (0, 1)] + [[]]


def test_a_batch_of_all_samples_gives_the_same_bits_for_any_seed() -> None:
    def trained(seed: int | None, compiled: Any) -> list[float]:
        model = line()
        options: dict[str, Any] = {"compiled": compiled, "progress": False}
        fit(model, X, Y, loss="mse", epochs=3, batch_size=None, seed=seed, **options)
        return parameters(model)

    for compiled in (False, "numpy"):
        assert trained(1, compiled) == trained(2, compiled) == trained(None, compiled)


def test_equal_seeds_give_equal_bits_and_others_do_not() -> None:
    def trained(seed: int) -> list[float]:
        model = line()
        fit(model, X, Y, loss="mse", epochs=3, batch_size=4, seed=seed, progress=False)
        return parameters(model)

    assert trained(1) == trained(1)
    assert trained(1) != trained(2)


# What is measured


def test_validation_and_metrics_are_those_of_the_model_after_the_epoch() -> None:
    samples, labels = moons(30, noise=0.1, seed=1)
    targets = 2.0 * labels - 1.0
    model = MLP(2, [4, 1], seed=0)
    history = fit(
        model,
        samples[:20],
        targets[:20],
        loss="hinge",
        epochs=3,
        validation=(samples[20:], targets[20:]),
        metrics=["accuracy", "squared_error"],
        progress=False,
    )
    scores = [model(row).data for row in samples[20:].tolist()]
    margins = numpy.array(scores) * targets[20:]
    assert history["validation_loss"][-1] == pytest.approx(
        numpy.maximum(0.0, 1.0 - margins).mean(), rel=1e-12
    )
    assert history["validation_accuracy"][-1] == (margins > 0).mean()
    assert history["validation_squared_error"][-1] == pytest.approx(
        ((numpy.array(scores) - targets[20:]) ** 2).mean(), rel=1e-12
    )
    assert list(history) == [
        *["loss", "learning_rate", "accuracy", "squared_error"],
        *["validation_loss", "validation_accuracy", "validation_squared_error"],
    ]
    assert history.epochs == len(history["accuracy"]) == 3


def test_a_share_is_held_out_and_never_trained_on() -> None:
    class Look(Callback):
        def on_train_begin(self, training: Training) -> None:
            self.kept, self.held = training.samples, training.validation

    look = Look()
    fit(line(), X, Y, loss="mse", validation=0.3, callbacks=[look], epochs=1, progress=False)
    assert look.held is not None
    both = sorted(look.kept.targets + look.held.targets)
    assert both == sorted(Y.tolist())
    assert len(look.held) == round(0.3 * 23)


def test_the_model_is_in_evaluation_afterwards_and_the_collector_as_before() -> None:
    model = line()
    enabled = gc.isenabled()
    fit(model, X, Y, loss="mse", epochs=1, progress=False)
    assert not model.training
    assert gc.isenabled() == enabled


def test_samples_of_any_kind() -> None:
    """Sequences of different lengths, with a model that takes them."""

    class Adds(Module):
        def __init__(self) -> None:
            self.inner = Layer(1, 1, activation=None, seed=1)

        def forward(self, x: Any) -> Any:
            return sum((self.inner([item])[0] for item in x), Value(0.0))

    model = Adds()
    sequences = [[1.0], [1.0, 2.0], [3.0, -1.0, 2.0]]
    options: dict[str, Any] = {
        "optimizer": SGD(model.parameters(), 0.05),
        "batch_size": 1,
        "progress": False,
    }
    fit(model, sequences, [1.0, 3.0, 4.0], loss="mse", epochs=1500, **options)
    assert parameters(model) == pytest.approx([1.0, 0.0], abs=1e-4)


def test_parameters_that_the_optimizer_was_not_given_stay() -> None:
    model = MLP(3, [4, 1], seed=1)
    first = parameters(model.layers[0])
    fit(
        model,
        X,
        Y,
        loss="mse",
        optimizer=SGD(model.layers[1].parameters(), 0.1),
        epochs=2,
        progress=False,
    )
    assert parameters(model.layers[0]) == first
    model.layers[1].freeze()
    last = parameters(model.layers[1])
    fit(model, X, Y, loss="mse", optimizer="adam", epochs=2, progress=False)
    assert parameters(model.layers[1]) == last
    assert parameters(model.layers[0]) != first


# What is refused


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"loss": "mes"}, OptionError, "loss must be a function"),
        ({"loss": 3}, OptionError, "loss must be a function"),
        ({"optimizer": "adamm"}, OptionError, "optimizer must be"),
        ({"epochs": -1}, OptionError, "epochs"),
        ({"batch_size": 0}, OptionError, "batch_size"),
        ({"seed": "x"}, OptionError, "seed of fit"),
        ({"metrics": ["acc"]}, OptionError, "a metric must be"),
        ({"callbacks": [3]}, OptionError, "a callback must be"),
        ({"validation": "x"}, OptionError, "validation must be"),
        ({"validation": (X, Y[:3])}, LengthError, "X of validation and y of validation"),
        ({"X": X[:2]}, LengthError, "2 samples, 23 targets"),
        ({"X": [], "y": []}, LengthError, "no samples"),
        ({"X": 3.0}, DataError, "X must be an array or a list"),
        ({"model": lambda x: x}, DataError, "fit trains a Module"),
        ({"loss": lambda p, t: 1.0}, DataError, "must return one Value"),
    ],
)
def test_what_can_not_be_used_is_refused_before_anything_changes(
    changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    model = line()
    before = parameters(model)
    given = {"model": model, "X": X, "y": Y, "loss": "mse", "progress": False} | changed
    with pytest.raises(error, match=message):
        fit(given.pop("model"), given.pop("X"), given.pop("y"), **given)
    assert parameters(model) == before


def test_a_single_sample_at_the_end_joins_the_batch_before_where_statistics_are_taken() -> None:
    model = Sequential(
        Layer(3, 2, seed=1), BatchNorm(2), Layer(2, 1, activation=None, seed=2), lambda row: row[0]
    )
    assert (
        len(fit(model, X[:21], Y[:21], loss="mse", epochs=1, batch_size=5, progress=False).steps)
        == 4
    )
    assert (
        len(fit(line(), X[:21], Y[:21], loss="mse", epochs=1, batch_size=5, progress=False).steps)
        == 5
    )
    with pytest.raises(CallError, match="batch"):
        fit(model, X[:21], Y[:21], loss="mse", epochs=1, batch_size=1, progress=False)


def test_no_epochs_change_nothing() -> None:
    model = line()
    before = parameters(model)
    assert fit(model, X, Y, loss="mse", epochs=0, progress=False).epochs == 0
    assert parameters(model) == before


def test_losses_have_names() -> None:
    assert {name: getattr(losses, name) for name in losses.LOSSES} == losses.LOSSES


# Progress


def test_progress_goes_to_the_error_stream(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(line(), X, Y, loss="mse", epochs=2, progress=False)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    fit(line(), X, Y, loss="mse", epochs=2, validation=0.2)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.split(":")[0] for line in printed.err.splitlines()] == ["epoch 1", "epoch 2"]
    assert "validation loss" in printed.err


def test_a_bar_where_tqdm_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    fit(line(), X, Y, loss="mse", epochs=2, batch_size=5)
    assert "10/10" in capsys.readouterr().err


def test_a_notebook_without_widgets_shows_a_bar_of_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    for module in ("tqdm.auto", "tqdm.autonotebook", "tqdm.notebook"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    # tqdm catches a warning that is an error.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(line(), X, Y, loss="mse", epochs=2, batch_size=5)
    assert caught == []
    assert "10/10" in capsys.readouterr().err


def test_the_history_shows_itself() -> None:
    history = fit(Sequential(line()), X, Y, loss="mse", epochs=2, progress=False)
    assert repr(history).startswith("<History of 2 epochs: loss ")


# The order of the samples


def test_without_shuffling_the_order_is_the_one_given() -> None:
    given, none = line(), line()
    options: dict[str, Any] = {
        "loss": "half_squared_error",
        "epochs": 2,
        "batch_size": 5,
        "progress": False,
    }
    fit(given, X, Y, optimizer=SGD(given.parameters(), 0.05), shuffle=False, seed=3, **options)
    fit(none, X, Y, optimizer=SGD(none.parameters(), 0.05), seed=None, **options)
    expected, _ = descent(line(), 0.05, 2, 5, None)
    assert parameters(given) == parameters(none) == pytest.approx(expected, rel=1e-12)


def test_without_shuffling_the_last_samples_are_held_out() -> None:
    class Look(Callback):
        def on_train_begin(self, training: Training) -> None:
            self.kept, self.held = training.samples.targets, training.validation

    look = Look()
    fit(
        line(),
        X,
        Y,
        loss="mse",
        validation=0.25,
        shuffle=False,
        callbacks=look,
        epochs=1,
        progress=False,
    )
    assert look.held is not None
    assert look.kept == Y[:17].tolist()
    assert look.held.targets == Y[17:].tolist()


def test_a_number_of_samples_may_be_held_out() -> None:
    history = fit(line(), X, Y, loss="mse", validation=3, epochs=1, progress=False)
    assert "validation_loss" in history


# Names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "MSE"}, "did you mean 'mse'"),
        ({"loss": "msee"}, "did you mean 'mse'"),
        ({"optimizer": "Adam"}, "did you mean 'adam'"),
        ({"metrics": "acuracy"}, "did you mean 'accuracy'"),
        ({"metrics": ["F1"]}, "did you mean 'f1'"),
        ({"callbacks": "early"}, "callbacks must be a list"),
        ({"callbacks": 3}, "callbacks must be a list"),
    ],
)
def test_names_that_are_nearly_right(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        fit(line(), X, Y, **{"loss": "mse", "progress": False, **options})


def test_a_loss_that_is_no_function() -> None:
    with pytest.raises(OptionError, match="loss must be a function"):
        losses.get_loss(3)
    with pytest.raises(OptionError, match="loss must be a function"):
        losses.get_loss(None)


# The history


def test_the_history_is_a_dict_that_knows_its_names() -> None:
    history = fit(line(), X, Y, loss="mse", metrics="r2", epochs=3, validation=0.2, progress=False)
    assert isinstance(history, dict)
    assert len(history["validation_r2"]) == 3
    assert history.get("accuracy") is None
    with pytest.raises(UnknownNameError, match=r"the history has no 'los'; did you mean 'loss'"):
        history["los"]
    with pytest.raises(KeyError, match="choose from loss, learning_rate, r2"):
        history["accuracy"]
    with pytest.raises(UnknownNameError, match="no epoch has ended"):
        History()["loss"]


def test_the_history_becomes_a_frame() -> None:
    pandas = pytest.importorskip("pandas")
    history = fit(line(), X, Y, loss="mse", epochs=3, progress=False)
    frame = pandas.DataFrame(history)
    assert list(frame.columns) == ["loss", "learning_rate"]
    assert frame["loss"].tolist() == history["loss"]


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda history: pickle.loads(pickle.dumps(history))]
)
def test_a_copy_of_the_history_is_whole(duplicate: Any) -> None:
    history = fit(
        line(), X, Y, loss="mse", epochs=2, callbacks=StopAtZeroGradient(1e9), progress=False
    )
    copied = duplicate(history)
    assert type(copied) is History
    assert (dict(copied), copied.steps, copied.stop_reason) == (
        dict(history),
        history.steps,
        history.stop_reason,
    )
