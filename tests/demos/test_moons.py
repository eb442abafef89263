"""Two moons: the objective against plain arithmetic, the descent, the choice of what is drawn."""

import pytest

from demos import moons
from scalargrad.nn import MLP


@pytest.fixture
def training() -> moons.Training:
    return moons.Training(MLP(2, [4, 3, 1], seed=0), moons.two_moons())


def test_a_hundred_samples_in_two_equal_classes() -> None:
    samples = moons.two_moons()
    assert sorted(label for _, label in samples) == [-1.0] * 50 + [1.0] * 50
    assert all(len(point) == 2 for point, _ in samples)


def test_the_objective_is_mean_hinge_loss_plus_penalty(training: moons.Training) -> None:
    loss, accuracy = moons.objective(training.model, training.samples)
    scores = [training.model(point).data for point, _ in training.samples]
    margins = [score * label for score, (_, label) in zip(scores, training.samples, strict=True)]
    penalty = 1e-4 * sum(number**2 for number in training.model.state_dict().values())
    assert loss.data == pytest.approx(sum(max(0.0, 1.0 - margin) for margin in margins) / 100 + penalty, rel=1e-12)
    right = [(score > 0) == (label > 0) for score, (_, label) in zip(scores, training.samples, strict=True)]
    assert accuracy == sum(right) / 100


def test_the_first_step_goes_down_the_gradient_at_rate_one(training: moons.Training) -> None:
    before = training.model.state_dict()
    loss, _ = moons.objective(training.model, training.samples)
    loss.backward()
    slopes = {name: parameter.grad for name, parameter in training.model.named_parameters()}
    moons.train(training, 1)
    assert training.model.state_dict() == pytest.approx({name: before[name] - slopes[name] for name in before}, rel=1e-12)


def test_the_least_sure_sample_is_the_one_of_the_smallest_margin(training: moons.Training) -> None:
    point, label = moons.least_sure(training)
    margins = [label * training.model(point).data for point, label in training.samples]
    assert label * training.model(point).data == min(margins)


def test_the_open_neuron_has_the_steepest_bias(training: moons.Training) -> None:
    loss, path = moons.one_sample(training)
    assert loss.data > 0
    parameters = dict(training.model.named_parameters())
    steepest = abs(parameters[f"{path}.bias"].grad)
    assert steepest == max(abs(neuron.bias.grad) for neuron in training.model.layers[1].neurons) > 0
