"""Four quadrants: the twelve numbers and the exercise by hand, the network against NumPy."""

from math import log

import numpy as np
import pytest

from demos import quadrants as demo
from scalargrad.nn import MLP


def test_the_losses_on_paper() -> None:
    assert [belief.loss for belief in demo.on_paper()] == pytest.approx(
        [-log(0.9), log(4.0), -log(0.02)], rel=1e-12
    )
    assert demo.on_paper()[0].loss == pytest.approx(0.105, abs=5e-4)


def test_the_twelve_numbers_on_paper() -> None:
    right, no_idea, wrong = demo.on_paper()
    assert right.probabilities == pytest.approx([0.9, 0.05, 0.02, 0.03], rel=1e-12)
    assert right.slopes == pytest.approx([-0.1, 0.05, 0.02, 0.03], rel=1e-12)
    assert no_idea.slopes == pytest.approx([0.25, -0.75, 0.25, 0.25], rel=1e-12)
    assert wrong.slopes == pytest.approx([0.9, 0.05, -0.98, 0.03], rel=1e-12)


def test_the_exercise() -> None:
    hidden, answers = demo.exercise()
    n1, n2 = max(3 * 1 + 4 * (-1) + 9, 0), max(3 * 2 + 4 * 0 - 3, 0)
    assert [value.data for value in hidden] == [n1, n2] == [8, 3]
    assert (
        [value.data for value in answers]
        == [max(n1 * 5 + n2 * 2, 0), max(n1 * (-1) + n2 * 2 + 1, 0)]
        == [46, 0]
    )
    assert [value.grad for value in hidden] == [
        5,
        2,
    ]  # y2 is switched off, so only the weights of y1 are felt


def test_the_probabilities_against_numpy() -> None:
    model = MLP(2, [50, 4], seed=3)
    numbers = np.array(list(model.state_dict().values()))
    first, last = numbers[: 50 * 3].reshape(50, 3), numbers[50 * 3 :].reshape(4, 51)
    hidden = np.maximum(first[:, :2] @ demo.NEW_POINT + first[:, 2], 0.0)
    powers = np.exp(last[:, :50] @ hidden + last[:, 50])
    assert demo.classify(model, demo.NEW_POINT) == pytest.approx(powers / powers.sum(), rel=1e-10)


def test_the_network_learns_where_the_new_point_is() -> None:
    model, history = demo.train(6)
    probabilities = demo.classify(model, demo.NEW_POINT)
    assert probabilities.index(max(probabilities)) == 0
    assert max(probabilities) > 0.7
    assert sum(probabilities) == pytest.approx(1.0, rel=1e-12)
    assert history["validation_accuracy"][-1] > 0.85
    assert history["validation_loss"][-1] < 0.5 * history["validation_loss"][0]
