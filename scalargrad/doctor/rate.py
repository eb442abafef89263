"""Test of the learning rate: the loss of the same samples before and after one step on a copy."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from math import inf, isfinite

import numpy

from scalargrad.core.conversion import plain
from scalargrad.core.modes import no_grad
from scalargrad.errors import OptionError
from scalargrad.nn import Module
from scalargrad.optim import Optimizer
from scalargrad.optim.optimizer import Vector
from scalargrad.training.aliases import Loss
from scalargrad.training.samples import Samples

from .findings import Finding, format_number
from .measurement import Measurement
from .thresholds import Limits

_MAX_HALVINGS = 60


class RateTest:
    """Steps of different lengths from the same parameters, measured with the same random numbers.

    Args:
        model: The network, which is copied.
        optimizer: An optimizer over its parameters, which is copied.
        gradients: Gradients of the mean loss, in the order of `model.parameters()`.
        loss: A function (prediction, target).

    Attributes:
        gradient: The gradients in the order of the optimizer's parameters.
        data: The parameters before the step, in the same order.

    Raises:
        OptionError: For an optimizer over other parameters than the model's.
    """

    def __init__(
        self, model: Module, optimizer: Optimizer, gradients: Sequence[float], loss: Loss
    ) -> None:
        # One memo for both, so that the copied optimizer trains the copied model.
        memo: dict[int, object] = {}
        self.model = deepcopy(model, memo).train()
        self.optimizer: Optimizer = deepcopy(optimizer, memo)
        self.loss = loss

        by_parameter = dict(zip(map(id, self.model.parameters()), gradients, strict=True))
        parameters = self.optimizer.parameters
        if not all(id(parameter) in by_parameter for parameter in parameters):
            raise OptionError(
                "the optimizer is over parameters that are not the model's: "
                "give it model.parameters()"
            )
        self.gradient: Vector = numpy.array([by_parameter[id(each)] for each in parameters])
        self.data: Vector = numpy.array([parameter.data for parameter in parameters])
        # Each step starts from the state that the optimizer has now, such as its momentum.
        self._state = self.optimizer.state_dict()
        self._generators = [
            (generator, generator.getstate()) for _, generator in self.model.named_generators()
        ]

    def step(self, rate: float) -> Vector:
        """Return the parameters after one step with this rate."""
        self.optimizer.load_state_dict(self._state)
        self.optimizer.learning_rate = rate
        return self.optimizer.update(self.data, self.gradient, self.optimizer.trainable())

    def measure(self, data: Vector, samples: Samples) -> float:
        """Return the mean loss with these parameters; inf if it is not finite."""
        for parameter, number in zip(self.optimizer.parameters, data.tolist(), strict=True):
            parameter.data = number
        # The same masks for every rate, so that only the step makes the difference.
        for generator, state in self._generators:
            generator.setstate(state)
        with no_grad():
            outputs = self.model.batch(samples.inputs)
            losses = [
                float(plain(self.loss(output, target)))
                for output, target in zip(outputs, samples.targets, strict=True)
            ]
        mean = sum(losses) / len(losses)
        return mean if isfinite(mean) else inf

    def find_lower_rate(self, rate: float, loss: float, samples: Samples) -> float:
        """Halve a rate until a step leads below `loss`; return 0 if none does."""
        for halvings in range(1, _MAX_HALVINGS):
            lower = rate * 0.5**halvings
            if self.measure(self.step(lower), samples) < loss:
                return lower
        return 0.0


def check_rate(
    measurement: Measurement,
    model: Module,
    optimizer: Optimizer,
    samples: Samples,
    limits: Limits,
) -> Iterator[Finding]:
    """Find a rate whose step raises the loss of the samples that it is made for.

    Args:
        measurement: The measured network, with gradients on its parameters.
        model: The network.
        optimizer: The optimizer whose rate is tested.
        samples: The measured samples.
        limits: The thresholds of the findings.

    Yields:
        At most one finding, with a rate that would lower the loss.
    """
    gradients = [plain(parameter.grad) for parameter in measurement.model.parameters()]
    test = RateTest(model, optimizer, gradients, measurement.loss)
    rate = optimizer.learning_rate
    before = measurement.mean_loss
    data = test.step(rate)
    after = test.measure(data, samples)
    # Without a gradient no rate helps, which `check_gradients` reports.
    if not test.gradient.any() or after <= before + limits.rise * abs(before):
        return

    lower = test.find_lower_rate(rate, before, samples)
    length = float(numpy.linalg.norm(data - test.data) / (numpy.linalg.norm(test.data) or 1.0))
    ending = f"with {format_number(lower)} it would fall" if lower else "no smaller rate lowers it"
    text = (
        f"one step with a rate of {format_number(rate)} raises the loss of the same samples "
        f"from {format_number(before)} to {format_number(after)}; {ending}. "
        f"The step is {format_number(length)} times as long as the parameters"
    )
    numbers = {
        "rate": rate,
        "loss before": before,
        "loss after": after,
        "rate that lowers it": lower,
        "step by parameters": length,
    }
    yield Finding("rate", "", text, numbers)
