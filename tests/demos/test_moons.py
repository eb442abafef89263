"""Two moons: the training against plain arithmetic, the choice of what is drawn."""

import pytest

from demos import moons
from scalargrad.nn import MLP


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
