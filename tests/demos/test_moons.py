"""Two moons: the training against plain arithmetic, the choice of what is drawn."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import numpy
import pytest

from demos import moons
from scalargrad.core.graph import topological
from scalargrad.nn import MLP
from tests.demos.conftest import Told
from tests.demos.page import files_of


@pytest.fixture
def model() -> MLP:
    return MLP(2, [4, 3, 1], seed=0)


def test_a_hundred_samples_in_two_equal_classes() -> None:
    points, labels = moons.two_moons()
    assert sorted(labels) == [-1.0] * 50 + [1.0] * 50
    assert all(len(point) == 2 for point in points)


def test_what_is_minimized_is_mean_hinge_loss_plus_penalty(model: MLP) -> None:
    points, labels = moons.two_moons()
    scores = [model(point).data for point in points]
    margins = [score * label for score, label in zip(scores, labels, strict=True)]
    penalty = 1e-4 * sum(number**2 for number in model.state_dict().values())
    history = moons.train(model, (points, labels), 1)
    assert history.steps == pytest.approx(
        [sum(max(0.0, 1.0 - margin) for margin in margins) / 100 + penalty], rel=1e-12
    )
    assert history["accuracy"] == [
        sum((score > 0) == (label > 0) for score, label in zip(scores, labels, strict=True)) / 100
    ]


def test_the_learning_rate_falls_from_one_to_a_tenth(model: MLP) -> None:
    rates = moons.train(model, moons.two_moons(), 5)["learning_rate"]
    assert rates[0] == 1.0
    assert sorted(rates, reverse=True) == rates
    assert 0.1 < rates[-1] < 0.3


def test_the_least_sure_sample_is_the_one_of_the_smallest_margin(model: MLP) -> None:
    samples = moons.two_moons()
    point, label = moons.least_sure(model, samples)
    assert label * model(point).data == min(
        label * model(point).data for point, label in zip(*samples, strict=True)
    )


def test_the_open_neuron_has_the_steepest_bias(model: MLP) -> None:
    loss, path = moons.one_sample(model, moons.two_moons())
    assert loss.data > 0
    parameters = dict(model.named_parameters())
    steepest = abs(parameters[f"{path}.bias"].grad)
    assert steepest == max(abs(neuron.bias.grad) for neuron in model.layers[1].neurons) > 0


def by_numpy(steps: int) -> list[float]:
    """The same training written out: hinge loss, penalty, falling rate, from the same start."""
    start = MLP(2, [16, 16, 1], activation="relu", seed=0)
    weights = [
        numpy.array([[*(w.data for w in n.weights), n.bias.data] for n in layer.neurons])
        for layer in start.layers
    ]
    points, labels = map(numpy.array, moons.two_moons())
    losses = []
    for step in range(steps):
        seen = [numpy.column_stack([points, numpy.ones(100)])]
        for w in weights[:-1]:
            hidden = numpy.maximum(seen[-1] @ w.T, 0.0)
            seen.append(numpy.column_stack([hidden, numpy.ones(100)]))
        margins = labels * (seen[-1] @ weights[-1].T)[:, 0]
        penalty = 1e-4 * sum((w**2).sum() for w in weights)
        losses.append(numpy.maximum(1.0 - margins, 0.0).mean() + penalty)
        back = (-labels * (margins < 1.0) / 100)[:, None]
        rate = 0.1 + 0.9 * (1.0 + numpy.cos(numpy.pi * step / steps)) / 2.0
        for i in reversed(range(3)):
            gradient = back.T @ seen[i] + 2e-4 * weights[i]
            back = (back @ weights[i][:, :-1]) * (seen[i][:, :-1] > 0.0)
            weights[i] = weights[i] - rate * gradient
    return losses


def test_the_whole_training_is_that_of_numpy() -> None:
    model = MLP(2, [16, 16, 1], activation="relu", seed=0)
    history = moons.train(model, moons.two_moons(), 40)
    assert history.steps == pytest.approx(by_numpy(40), rel=1e-6)


def test_the_loss_jumps_among_the_first_steps_and_falls_in_the_end(
    told: Callable[[str], Told],
) -> None:
    ran = told("moons")
    numbers = dict(ran.story.numbers)
    losses = by_numpy(100)
    rises = [after > before for before, after in pairwise(losses)]
    assert any(rises[:5])
    assert losses[0] > 5.0 * losses[-1]
    # The number leaves the penalty out.
    assert float(numbers["loss in the first step"]) == pytest.approx(losses[0], abs=0.02)
    assert float(numbers["loss in the last step"]) < 0.05
    assert numbers["accuracy in the last step"] in {"99%", "100%"}
    assert numbers["parameters"] == "337"
    assert ran.files == files_of(ran.story)


def test_one_neuron_is_sixteen_products_their_sum_and_a_relu() -> None:
    model = MLP(2, [16, 16, 1], activation="relu", seed=0)
    loss, path = moons.one_sample(model, moons.two_moons())
    inside = [v for v in topological([loss]) if v.args and v.scope and v.scope.path == path]
    assert Counter(value.op for value in inside) == {"mul": 16, "add": 16, "relu": 1}
