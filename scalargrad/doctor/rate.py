"""The learning rate put to the test: one step on a copy, and the loss of the same samples before and after."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from math import inf, isfinite
from typing import Any

import numpy

from scalargrad.core.conversion import plain
from scalargrad.core.modes import no_grad
from scalargrad.errors import OptionError
from scalargrad.nn import Module
from scalargrad.optim import Optimizer
from scalargrad.optim.optimizer import Vector

from .findings import Finding, shown
from .measurement import Measurement
from .thresholds import Limits

_HALVINGS = 60


class Trial:
    """Steps of different lengths from the same place, each measured with the same random masks.

    model       the network as it is; it is copied
    optimizer   over its parameters; it is copied
    gradients   those of the mean loss, from the examination, in the order of `model.parameters()`
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        gradients: Sequence[float],
        loss: Callable[[Any, Any], Any],
    ) -> None:
        memo: dict[int, Any] = {}
        self.model, self.loss = deepcopy(model, memo).train(), loss
        self.optimizer: Optimizer = deepcopy(optimizer, memo)
        by_parameter = dict(zip(map(id, self.model.parameters()), gradients, strict=True))
        if not all(id(parameter) in by_parameter for parameter in self.optimizer.parameters):
            raise OptionError(
                "the optimizer is over parameters that are not the model's: give it model.parameters()"
            )
        self.gradient: Vector = numpy.array(
            [by_parameter[id(parameter)] for parameter in self.optimizer.parameters]
        )
        self.data: Vector = numpy.array([parameter.data for parameter in self.optimizer.parameters])
        self._state = self.optimizer.state_dict()
        self._generators = [
            (generator, generator.getstate()) for _, generator in self.model.named_generators()
        ]

    def after(self, rate: float) -> Vector:
        """The parameters after one step with this rate."""
        self.optimizer.load_state_dict(self._state)
        self.optimizer.learning_rate = rate
        return self.optimizer.update(self.data, self.gradient, self.optimizer.trainable())

    def measure(self, data: Vector, inputs: Sequence[Any], targets: Sequence[Any]) -> float:
        """The mean loss with these parameters; inf where it is no number."""
        for parameter, number in zip(self.optimizer.parameters, data.tolist(), strict=True):
            parameter.data = number
        for generator, state in self._generators:
            generator.setstate(state)
        with no_grad():
            losses = [
                float(plain(self.loss(p, t)))
                for p, t in zip(self.model.batch(inputs), targets, strict=True)
            ]
        mean = sum(losses) / len(losses)
        return mean if isfinite(mean) else inf


def check_rate(
    examination: Measurement,
    model: Module,
    optimizer: Optimizer,
    inputs: Sequence[Any],
    targets: Sequence[Any],
    limits: Limits,
) -> Iterator[Finding]:
    """Whether a step raises the loss of the samples that it is made for, and with which rate it would not."""
    trial = Trial(
        model,
        optimizer,
        [plain(parameter.grad) for parameter in examination.model.parameters()],
        examination.loss,
    )
    rate, before = optimizer.learning_rate, sum(examination.losses) / len(examination.losses)
    data = trial.after(rate)
    after = trial.measure(data, inputs, targets)
    if not trial.gradient.any() or after <= before + limits.rise * abs(before):
        return
    lower = next(
        (
            r
            for k in range(1, _HALVINGS)
            if trial.measure(trial.after(r := rate * 0.5**k), inputs, targets) < before
        ),
        0.0,
    )
    moved = float(numpy.linalg.norm(data - trial.data) / (numpy.linalg.norm(trial.data) or 1.0))
    ending = f"with {shown(lower)} it would fall" if lower else "no smaller rate lowers it"
    text = (
        f"one step with a rate of {shown(rate)} raises the loss of the same samples from {shown(before)} to {shown(after)}; {ending}. "
        f"The step is {shown(moved)} times as long as the parameters"
    )
    numbers = {
        "rate": rate,
        "loss before": before,
        "loss after": after,
        "rate that lowers it": lower,
        "step by parameters": moved,
    }
    yield Finding("rate", "", text, numbers)
