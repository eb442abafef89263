"""Threads that share a batch compute what one computes."""

from pathlib import Path
from typing import Any

import numpy
import pytest

import scalargrad
from scalargrad import compile
from scalargrad.compiler.optimizer_steps import UpdateRule
from scalargrad.errors import OptionError
from scalargrad.nn import MLP, Dropout, Layer, Module, Sequential
from scalargrad.optim import Adam, l2
from scalargrad.training import History, SaveCheckpoint, fit

pytest.importorskip("llvmlite")

from scalargrad.compiler.native import threads as native_threads

BATCHES = [1, 7, 999, 4000]


def programs(outputs: int) -> list[Any]:
    """The same function for one thread, and for three."""
    model = MLP(3, [20, outputs], "tanh", seed=1)

    def function(x: Any, y: Any) -> Any:
        prediction = model(x)
        if outputs == 1:
            return (prediction - y) ** 2
        return [prediction[0] * y, prediction[1]]

    return [
        compile(function, model, (3, 1), backend="native", devices=devices) for devices in (None, 3)
    ]


def samples(batch: int) -> tuple[Any, Any]:
    rng = numpy.random.default_rng(batch)
    return rng.normal(size=(batch, 3)), rng.normal(size=(batch, 1))


@pytest.mark.parametrize("batch", BATCHES)
def test_loss_and_gradient(batch: int) -> None:
    alone, shared = programs(outputs=1)
    expected_loss, expected = alone.value_and_grad(*samples(batch))
    loss, gradient = shared.value_and_grad(*samples(batch))
    assert loss == pytest.approx(expected_loss, rel=1e-13)
    numpy.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("batch", [1, 2])
def test_fewer_samples_than_threads(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sample may be enough for several threads to compute."""
    monkeypatch.setattr("scalargrad.compiler.native.threads._MIN_NUMBERS", 1)
    alone, shared = programs(outputs=1)
    expected_loss, expected = alone.value_and_grad(*samples(batch))
    loss, gradient = shared.value_and_grad(*samples(batch))
    assert loss == pytest.approx(expected_loss, rel=1e-13)
    numpy.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)
    assert numpy.array_equal(alone(*samples(batch)), shared(*samples(batch)))


@pytest.mark.parametrize("batch", BATCHES)
def test_outputs_are_the_same_bits(batch: int) -> None:
    alone, shared = programs(outputs=2)
    assert numpy.array_equal(alone(*samples(batch)), shared(*samples(batch)))


def test_gradients_of_inputs_are_the_same_bits() -> None:
    alone, shared = programs(outputs=2)
    seed = numpy.ones((4000, 2))
    read = numpy.zeros(0)
    drawn = numpy.zeros((4000, 0))
    expected = alone._backend.pull_back(samples(4000), read, drawn, seed)
    found = shared._backend.pull_back(samples(4000), read, drawn, seed)
    assert all(map(numpy.array_equal, expected, found))


def test_the_same_call_gives_the_same_bits() -> None:
    _, shared = programs(outputs=1)
    first = shared.value_and_grad(*samples(4000))
    for _ in range(5):
        loss, gradient = shared.value_and_grad(*samples(4000))
        assert loss == first[0]
        assert numpy.array_equal(gradient, first[1])


def test_a_sample_that_is_not_finite_is_that_of_eager_code() -> None:
    model = MLP(1, [300, 1], seed=2)

    def root(x: Any) -> Any:
        return (model([x]) ** 2 * x).sqrt()

    x = numpy.ones((2000, 1))
    x[1500] = 0.0
    expected_loss, expected = compile(root, model, (1,), backend="native").value_and_grad(x)
    program = compile(root, model, (1,), backend="native", devices=2)
    loss, gradient = program.value_and_grad(x)
    assert loss == pytest.approx(expected_loss, rel=1e-13)
    numpy.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_explain_says_how_many_there_are() -> None:
    _, shared = programs(outputs=1)
    assert shared.explain().endswith("3 threads")


@pytest.mark.parametrize("devices", [0, -1, 1.5, "two"])
def test_another_number_is_refused(devices: Any) -> None:
    with pytest.raises((OptionError, scalargrad.errors.DataError)):
        compile(lambda x: x * 2.0, inputs=(1,), backend="native", devices=devices)


# Training


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts each batch had; small batches are shared, too."""
    monkeypatch.setattr(native_threads, "_MIN_NUMBERS", 1)
    found: list[int] = []
    share_out = native_threads.ThreadedBackend._share_out

    def note(*arguments: Any) -> list[Any]:
        results = share_out(*arguments)
        found.append(len(results))
        return results

    monkeypatch.setattr(native_threads.ThreadedBackend, "_share_out", note)
    return found


def small() -> Module:
    return MLP(3, [8, 1], "tanh", seed=1)


def dropping() -> Module:
    hidden = Layer(3, 8, "rrelu", seed=2)
    return Sequential(hidden, Dropout(0.3, seed=4), Layer(8, 1, "linear", seed=5), first)


def first(row: list[Any]) -> Any:
    return row[0]


def penalize(model: Module) -> Any:
    return l2(model.parameters(), 0.01)


def train(make_model: Any = small, **options: Any) -> tuple[dict[str, float], History]:
    """Train with native code, and return parameters and history."""
    model = make_model()
    x, y = samples(60)
    optimizer = Adam(model.parameters(), 0.02)
    options = {"loss": "mse", "epochs": 4, "batch_size": 25, "progress": False, **options}
    history = fit(model, x, y[:, 0], optimizer=optimizer, compiled="native", **options)
    return model.state_dict(), history


@pytest.mark.parametrize("make_model", [small, dropping])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": None},
        {"penalty": penalize},
        {"sample_weight": numpy.linspace(0.0, 2.0, 60)},
        {"validation": 0.2, "metrics": ["mean_absolute_error"]},
    ],
    ids=["batches", "one batch", "penalty", "weights", "validation"],
)
def test_a_training_is_that_of_one_thread(
    make_model: Any, options: dict[str, Any], parts: list[int]
) -> None:
    expected, alone = train(make_model, **options)
    assert not parts
    found, shared = train(make_model, **options, devices=2)
    assert max(parts) == 2
    assert found == pytest.approx(expected, rel=1e-9)
    assert shared.steps == pytest.approx(alone.steps, rel=1e-9)
    assert list(shared) == list(alone)
    for name, numbers in alone.items():
        assert shared[name] == pytest.approx(numbers, rel=1e-9)


def test_a_training_that_is_resumed_has_the_same_bits(tmp_path: Path, parts: list[int]) -> None:
    path = tmp_path / "training.safetensors"
    options: dict[str, Any] = {"callbacks": SaveCheckpoint(path), "devices": 2}
    whole, history = train(dropping, epochs=5, **options)
    path.unlink()
    train(dropping, epochs=2, **options)
    resumed, again = train(dropping, epochs=5, resume=path, **options)
    assert max(parts) == 2
    assert resumed == whole
    assert again == history
    assert again.steps == history.steps


def test_each_step_is_shared(parts: list[int]) -> None:
    _, history = train(devices=2, epochs=30)
    assert parts == [2] * len(history.steps)


def test_no_runner_makes_many_steps_at_once() -> None:
    alone, shared = programs(outputs=1)
    rule = UpdateRule(lambda data, gradient, memory, numbers: data - gradient, (), 0)
    assert alone.step_runner(rule, 25) is not None
    assert shared.step_runner(rule, 25) is None
