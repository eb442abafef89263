"""The compiled demo: descents against NumPy by hand, and a sample against the eager graph."""

import re
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from demos import compiled
from scalargrad.losses import mse
from scalargrad.nn import MLP
from tests.demos.conftest import Gallery, Told

STEPS = 6


def by_hand(model: MLP, points: Any, targets: Any) -> list[float]:
    """Gradient descent on the mean squared error of a relu network, written out."""
    weights = [
        numpy.array([[w.data for w in unit.weights] for unit in layer.neurons])
        for layer in model.layers
    ]
    biases = [numpy.array([unit.bias.data for unit in layer.neurons]) for layer in model.layers]
    losses = []
    for _ in range(STEPS):
        seen = [points]
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            seen.append(numpy.maximum(seen[-1] @ w.T + b, 0.0))
        error = seen[-1] @ weights[-1].T + biases[-1] - targets[:, None]
        losses.append(float((error**2).mean()))
        back = 2.0 * error / len(points)
        for i in reversed(range(len(weights))):
            before = back @ weights[i] * (seen[i] > 0.0)
            weights[i], biases[i] = (
                weights[i] - compiled.RATE * back.T @ seen[i],
                biases[i] - compiled.RATE * back.sum(axis=0),
            )
            back = before
    return losses


def test_both_descents_against_numpy_by_hand() -> None:
    points, targets = compiled.samples(20)
    expected = by_hand(MLP(2, [16, 16, 1], seed=1), points, targets)
    model = MLP(2, [16, 16, 1], seed=1)
    program = compiled.compiled(model)
    twin = MLP(2, [16, 16, 1], seed=1)
    assert compiled.descend(twin, points, targets, STEPS) == pytest.approx(expected, rel=1e-10)
    assert compiled.descend_compiled(program, points, targets, STEPS) == pytest.approx(
        expected, rel=1e-10
    )
    assert expected[-1] < 0.9 * expected[0]


def test_the_story(told: Callable[[str], Told]) -> None:
    ran = told("compiled")
    numbers = dict(ran.story.numbers)
    assert numbers["array operations, of them matrices"] == "6, 3"
    assert float(numbers["largest difference of a loss"]) < 1e-12
    assert numbers["scalars recorded, in"].startswith("982, ")
    assert float(numbers["times faster, in this run"].replace(",", "")) > 50.0
    start = float(numbers["loss after 4 steps, both ways"].partition(",")[0])
    assert float(numbers["loss after 1,004 compiled steps"]) < 0.1 * start
    assert re.search(r"def loss\(.*matmul", ran.printed, re.DOTALL)


def test_the_sample_is_put_back_into_the_same_scalars() -> None:
    points, targets = compiled.samples(10)
    model, other = MLP(2, [16, 16, 1], seed=1), MLP(2, [16, 16, 1], seed=1)
    program = compiled.compiled(model)
    compiled.descend_compiled(program, points, targets, 3)
    loss = program.load(points[4], targets[4])
    for parameter, number in zip(other.parameters(), program.parameters.tolist(), strict=True):
        parameter.data = number
    expected = mse(other(points[4].tolist()), targets[4])
    expected.backward()
    assert loss.data == pytest.approx(expected.data, rel=1e-12)
    assert [p.grad for p in model.parameters()] == pytest.approx(
        [p.grad for p in other.parameters()], rel=1e-9, abs=1e-12
    )


def test_the_picture_names_the_matrices(gallery: Gallery) -> None:
    drawn = (gallery.folder / "compiled-program.svg").read_text(encoding="utf-8")
    assert all(
        text in drawn
        for text in ("matrix 16×2 + bias", "matrix 16×16 + bias", "matrix 1×16 + bias", "layers.1")
    )
    assert "x0" in (gallery.folder / "compiled-sample.svg").read_text(encoding="utf-8")
