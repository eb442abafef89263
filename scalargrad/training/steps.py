"""One step's loss and gradient, computed on the graph itself."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from ..conversion import plain
from ..engine import Parameter, Value, backward
from ..errors import DataError
from ..modes import no_grad
from ..nn import Module
from ..optimiser import Vector

Loss = Callable[[Any, Any], Any]
Penalty = Callable[[Module], Any]


@dataclass(frozen=True)
class Evaluation:
    """What a batch gave.

    loss         the mean loss of its samples
    penalty      the penalty, 0.0 where there is none
    gradient     that of loss + penalty, one number for each parameter
    predictions  plain numbers, in lists as the model gave them, one for each sample
    """

    loss: float
    penalty: float
    gradient: Vector
    predictions: list[Any]

    @property
    def objective(self) -> float:
        """What is minimised: loss + penalty."""
        return self.loss + self.penalty


class EagerStep:
    """Builds the graph of each sample, walks it back, and lets it go: what it takes is the room of one sample.

    Only where something looks at the whole batch, such as batch normalisation, is the batch one graph.
    """

    def __init__(self, model: Module, loss: Loss, penalty: Penalty | None, parameters: list[Parameter]) -> None:
        self.model, self.loss, self.penalty, self.parameters = model, loss, penalty, parameters

    def evaluate(self, samples: Sequence[Any], targets: Sequence[Any]) -> Evaluation:
        """Loss and gradient of a batch; the gradient stays on the parameters, too."""
        self.model.zero_grad()
        for parameter in self.parameters:
            parameter.grad = 0.0
        walk = self._together if self.model.needs_batch else self._one_by_one
        losses, predictions = walk(samples, targets)
        penalty = self._penalised()
        gradient = numpy.array([plain(parameter.grad) for parameter in self.parameters], dtype=float)
        return Evaluation(sum(losses) / len(losses), penalty, gradient, predictions)

    def _one_by_one(self, samples: Sequence[Any], targets: Sequence[Any]) -> tuple[list[float], list[Any]]:
        losses, predictions, share = [], [], 1.0 / len(samples)
        for x, target in zip(samples, targets, strict=True):
            prediction = self.model(x)
            loss = checked_loss(self.loss(prediction, target))
            loss.backward(share)
            losses.append(loss.data)
            predictions.append(numbers_of(prediction))
        return losses, predictions

    def _together(self, samples: Sequence[Any], targets: Sequence[Any]) -> tuple[list[float], list[Any]]:
        outputs = self.model.batch(samples)
        losses = [checked_loss(self.loss(prediction, target)) for prediction, target in zip(outputs, targets, strict=True)]
        backward(losses, [1.0 / len(losses)] * len(losses))
        return [loss.data for loss in losses], [numbers_of(prediction) for prediction in outputs]

    def _penalised(self) -> float:
        if self.penalty is None:
            return 0.0
        penalty = self.penalty(self.model)
        if isinstance(penalty, Value):
            penalty.backward()
        return float(plain(penalty))


def measured(model: Module, loss: Loss, samples: Sequence[Any], targets: Sequence[Any]) -> tuple[float, list[Any]]:
    """The mean loss and the predictions as plain numbers, of a model as it is set, without a graph."""
    with no_grad():
        outputs = [model(x) for x in samples]
        losses = [plain(loss(prediction, target)) for prediction, target in zip(outputs, targets, strict=True)]
    return sum(losses) / len(losses), [numbers_of(prediction) for prediction in outputs]


def checked_loss(loss: Any) -> Value:
    """The loss of a sample, if it is a Value; raises DataError if not."""
    if not isinstance(loss, Value):
        raise DataError(f"loss(prediction, target) must return one Value for each sample, not {type(loss).__name__} {loss!r:.80}")
    return loss


def numbers_of(prediction: Any) -> Any:
    """A prediction as plain numbers, lists as they are.

    >>> numbers_of([Value(1.0), [Value(2.0)]])
    [1.0, [2.0]]
    """
    if isinstance(prediction, Iterable) and not isinstance(prediction, (str, Value)):
        return [numbers_of(part) for part in prediction]
    return plain(prediction)
