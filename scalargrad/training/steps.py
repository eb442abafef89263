"""One step's loss and gradient, computed on the graph itself, sample by sample; and what a compiled step has in common with that."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from scalargrad.core.conversion import plain
from scalargrad.core.modes import no_grad
from scalargrad.core.value import Value, backward
from scalargrad.errors import DataError
from scalargrad.nn import Module
from scalargrad.optim import Optimizer
from scalargrad.optim.optimizer import Vector

from .inputs import copy_entry
from .samples import Samples

Loss = Callable[[Any, Any], Any]
Penalty = Callable[[Module], Any]


@dataclass(frozen=True)
class Evaluation:
    """What a batch gave.

    loss         the mean loss of its samples
    penalty      the penalty, 0.0 where there is none
    gradient     that of loss + penalty, one number for each parameter
    predictions  plain numbers, in lists as the model gave them, one for each sample
    weight       how much the batch counts among others: the sum of the weights of its samples
    """

    loss: float
    penalty: float
    gradient: Vector
    predictions: list[Any]
    weight: float

    @property
    def objective(self) -> float:
        """What is minimized: loss + penalty."""
        return self.loss + self.penalty


class Step(ABC):
    """What computes loss and gradient: on the graph, or by a compiled program.

    model, loss, penalty  what is trained, and for what
    parameters            those of the optimizer, in its order
    """

    def __init__(
        self, model: Module, loss: Loss, penalty: Penalty | None, optimizer: Optimizer
    ) -> None:
        self.model, self.loss, self.penalty, self.optimizer = model, loss, penalty, optimizer
        self.parameters = optimizer.parameters

    @abstractmethod
    def evaluate(self, samples: Samples, part: Sequence[int]) -> Evaluation:
        """Loss and gradient of those of the samples that have these indexes."""

    @abstractmethod
    def measure(self, samples: Samples) -> tuple[float, list[Any]]:
        """The mean loss and the predictions as plain numbers, of the model as it is set, without a gradient."""

    def eager(self) -> "EagerStep":
        """The same step on the graph itself."""
        return EagerStep(self.model, self.loss, self.penalty, self.optimizer)

    def numbers(self) -> Vector:
        """The parameters that the next step begins with, in a vector of their own."""
        return numpy.array([parameter.data for parameter in self.parameters])

    def write(self, numbers: Vector) -> None:
        """Set the parameters."""
        for parameter, number in zip(self.parameters, numbers.tolist(), strict=True):
            parameter.data = number

    @abstractmethod
    def show(self) -> None:
        """Let the model have the parameters."""

    @abstractmethod
    def read(self) -> None:
        """Take the parameters of the model."""


class EagerStep(Step):
    """Builds the graph of each sample, walks it back, and lets it go: what it takes is the room of one sample.

    Only where something looks at the whole batch, such as batch normalization, is the batch one graph.
    """

    def evaluate(self, samples: Samples, part: Sequence[int]) -> Evaluation:
        """Loss and gradient of a batch; the gradient stays on the parameters, too."""
        self.model.zero_grad()
        self.optimizer.zero_grad()
        walk = self._together if self.model.needs_batch else self._one_by_one
        weights = None if samples.weights is None else [samples.weights[i] for i in part]
        shares = normalize_weights(weights, len(part))
        losses, predictions = walk(
            [copy_entry(samples.inputs[i]) for i in part],
            [copy_entry(samples.targets[i]) for i in part],
            shares,
        )
        penalty = self._penalized()
        gradient = numpy.array(
            [plain(parameter.grad) for parameter in self.parameters], dtype=float
        )
        weight = float(len(part)) if weights is None else sum(weights)
        return Evaluation(mean_loss(losses, shares), penalty, gradient, predictions, weight)

    def measure(self, samples: Samples) -> tuple[float, list[Any]]:
        """The mean loss and the predictions."""
        with no_grad():
            outputs = [self.model(copy_entry(x)) for x in samples.inputs]
            losses = [
                plain(self.loss(prediction, copy_entry(target)))
                for prediction, target in zip(outputs, samples.targets, strict=True)
            ]
        return mean_loss(losses, normalize_weights(samples.weights, len(losses))), [
            plain_numbers(prediction) for prediction in outputs
        ]

    def show(self) -> None:
        """The model has them already."""

    def read(self) -> None:
        """They are the model's."""

    def _one_by_one(
        self, inputs: Sequence[Any], targets: Sequence[Any], shares: Sequence[float] | None
    ) -> tuple[list[float], list[Any]]:
        losses, predictions, equal = [], [], 1.0 / len(inputs)
        for i, (x, target) in enumerate(zip(inputs, targets, strict=True)):
            prediction = self.model(x)
            loss = check_loss(self.loss(prediction, target))
            loss.backward(equal if shares is None else shares[i])
            losses.append(loss.data)
            predictions.append(plain_numbers(prediction))
        return losses, predictions

    def _together(
        self, inputs: Sequence[Any], targets: Sequence[Any], shares: Sequence[float] | None
    ) -> tuple[list[float], list[Any]]:
        outputs = self.model.batch(inputs)
        losses = [
            check_loss(self.loss(prediction, target))
            for prediction, target in zip(outputs, targets, strict=True)
        ]
        backward(losses, [1.0 / len(losses)] * len(losses) if shares is None else shares)
        return [loss.data for loss in losses], [plain_numbers(prediction) for prediction in outputs]

    def _penalized(self) -> float:
        if self.penalty is None:
            return 0.0
        penalty = self.penalty(self.model)
        if isinstance(penalty, Value):
            penalty.backward()
        return float(plain(penalty))


def normalize_weights(weights: Sequence[float] | None, count: int) -> list[float] | None:
    """Turn the weights of a batch into shares that add up to 1; all 0 where no sample counts, None where all count alike.

    Example:
        >>> normalize_weights([1.0, 3.0], 2)
        [0.25, 0.75]
    """
    if weights is None:
        return None
    total = sum(weights)
    return [weight / total for weight in weights] if total else [0.0] * count


def mean_loss(losses: Sequence[float], shares: Sequence[float] | None) -> float:
    """Average losses, each by its share.

    Example:
        >>> mean_loss([1.0, 2.0], None), mean_loss([1.0, 2.0], [0.25, 0.75])
        (1.5, 1.75)
    """
    if shares is None:
        return sum(losses) / len(losses)
    return sum(share * loss for share, loss in zip(shares, losses, strict=True))


def check_loss(loss: Any) -> Value:
    """The loss of a sample, if it is a Value; raises DataError if not."""
    if not isinstance(loss, Value):
        raise DataError(
            f"loss(prediction, target) must return one Value for each sample, not {type(loss).__name__} {loss!r:.80}"
        )
    return loss


def plain_numbers(prediction: Any) -> Any:
    """A prediction as plain numbers, lists as they are.

    >>> plain_numbers([Value(1.0), [Value(2.0)]])
    [1.0, [2.0]]
    """
    if isinstance(prediction, Iterable) and not isinstance(prediction, (str, Value)):
        return [plain_numbers(part) for part in prediction]
    return plain(prediction)
