"""Threads that share a batch compute what one computes."""

from typing import Any

import numpy
import pytest

import scalargrad
from scalargrad import compile
from scalargrad.errors import OptionError
from scalargrad.nn import MLP
from scalargrad.training import fit

pytest.importorskip("llvmlite")

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
    monkeypatch.setattr("scalargrad.compiler.native_threads._MIN_NUMBERS", 1)
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


def test_fit_takes_threads() -> None:
    x, y = samples(2000)
    losses = []
    for devices in (None, 2):
        model = MLP(3, [40, 1], seed=1)
        history = fit(
            model,
            x,
            y[:, 0],
            loss="mse",
            optimizer="adam",
            epochs=3,
            batch_size=1000,
            progress=False,
            compiled="native",
            devices=devices,
        )
        losses.append(history.last()["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-12)
