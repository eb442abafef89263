"""One step: its gradient is that of loss and penalty together, by central differences."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from scalargrad import losses
from scalargrad.nn import MLP, BatchNorm, Layer, Module, Sequential
from scalargrad.optim import SGD
from scalargrad.regularise import l2
from scalargrad.training.samples import samples_of
from scalargrad.training.steps import EagerStep, checked_loss

ROWS = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0], [0.1, 0.9]]
TARGETS = [0.3, -0.8, 1.2, 0.0]


def alone() -> Module:
    return MLP(2, [3, 1], "tanh", seed=1)


def together() -> Module:
    return Sequential(Layer(2, 3, "tanh", seed=1), BatchNorm(3), Layer(3, 1, None, seed=2), lambda row: row[0])


def stepper(model: Module, penalty: Any) -> EagerStep:
    return EagerStep(model, losses.mse, penalty, SGD(model.parameters()))


def weight_decay(model: Module) -> Any:
    return l2(model.parameters(), 0.1)


@pytest.mark.parametrize("make", [alone, together])
@pytest.mark.parametrize("weights", [None, [1.0, 3.0, 0.0, 2.0]])
@pytest.mark.parametrize("penalty", [None, weight_decay])
def test_the_gradient_is_that_of_the_objective(make: Callable[[], Module], weights: Any, penalty: Any) -> None:
    model = make()
    step, samples = stepper(model, penalty), samples_of(ROWS, TARGETS, weights=weights)
    part = [0, 1, 3]
    found = step.evaluate(samples, part).gradient
    expected = []
    for parameter in model.parameters():
        before, around = parameter.data, []
        for shift in (1e-5, -1e-5):
            parameter.data = before + shift
            around.append(step.evaluate(samples, part).objective)
        parameter.data = before
        expected.append((around[0] - around[1]) / 2e-5)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("weights", [None, [1.0, 3.0, 0.5, 2.0]])
def test_the_loss_is_the_weighted_mean(weights: Any) -> None:
    model = alone()
    samples = samples_of(ROWS, TARGETS, weights=weights)
    step, errors = stepper(model, None), [(model(x).data - t) ** 2 for x, t in zip(ROWS, TARGETS, strict=True)]
    expected = numpy.average(errors, weights=weights)
    batch = step.evaluate(samples, range(4))
    assert batch.loss == pytest.approx(expected, rel=1e-12)
    assert step.measure(samples)[0] == pytest.approx(expected, rel=1e-12)
    assert batch.weight == (4.0 if weights is None else sum(weights))


def test_a_penalty_may_be_a_plain_number() -> None:
    samples = samples_of(ROWS, TARGETS)
    found = stepper(alone(), lambda model: 0.5).evaluate(samples, range(4))
    plain = stepper(alone(), None).evaluate(samples, range(4))
    assert found.objective == plain.loss + 0.5
    assert found.gradient.tolist() == plain.gradient.tolist()


def test_a_loss_must_be_a_value() -> None:
    with pytest.raises(TypeError, match="must return one Value for each sample, not float"):
        checked_loss(0.5)
