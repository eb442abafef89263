"""Loss and gradient of one step, computed on the graph; and the interface of every kind of step."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy

from scalargrad.core.conversion import plain
from scalargrad.core.modes import no_grad
from scalargrad.core.value import Parameter, Value, backward
from scalargrad.errors import DataError
from scalargrad.nn import Module
from scalargrad.optim import Optimizer
from scalargrad.optim.optimizer import Vector

from .aliases import Loss, Penalty, Prediction, Sample, Target
from .inputs import copy_entry
from .samples import Batches, Samples

TOO_LITTLE_WORK = "the training is too short for a recording to pay for itself"
"""The one reason to compute on the graph that says nothing about the model."""


@dataclass(frozen=True)
class Evaluation:
    """Loss and gradient of a batch.

    Attributes:
        loss: Mean loss of the samples.
        penalty: The penalty, 0.0 if there is none.
        gradient: Gradient of loss + penalty, one number for each parameter.
        predictions: One for each sample, as plain numbers in the lists that the model returned.
        weight: Weight of the batch in an average: the sum of the weights of its samples.
    """

    loss: float
    penalty: float
    gradient: Vector
    predictions: list[Prediction]
    weight: float

    @property
    def objective(self) -> float:
        """What is minimized: loss + penalty."""
        return self.loss + self.penalty


@dataclass
class Record:
    """The numbers of steps that were made, in order.

    Attributes:
        losses: Mean loss of the samples of each step.
        penalties: The penalty of each step.
        weights: Weight of each batch in an average.
        predictions: One for each sample of all steps.
        gradient: Gradient of the last step.
    """

    losses: list[float] = field(default_factory=list)
    penalties: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    gradient: Vector = field(default_factory=lambda: numpy.zeros(0))

    def __len__(self) -> int:
        return len(self.losses)

    def add(self, evaluation: Evaluation) -> None:
        """Append a step."""
        self.losses.append(evaluation.loss)
        self.penalties.append(evaluation.penalty)
        self.weights.append(evaluation.weight)
        self.predictions += evaluation.predictions
        self.gradient = evaluation.gradient

    def extend(self, other: "Record") -> None:
        """Append the steps of another record."""
        self.losses += other.losses
        self.penalties += other.penalties
        self.weights += other.weights
        self.predictions += other.predictions
        self.gradient = other.gradient

    def part(self, start: int, end: int | None = None) -> "Record":
        """Return some of the steps, without predictions."""
        return Record(
            self.losses[start:end],
            self.penalties[start:end],
            self.weights[start:end],
            gradient=self.gradient,
        )

    def objectives(self) -> list[float]:
        """Return loss + penalty of each step."""
        pairs = zip(self.losses, self.penalties, strict=True)
        return [loss + penalty for loss, penalty in pairs]


class Step(ABC):
    """Computes loss and gradient, on the graph or with a compiled program.

    Attributes:
        model: What is trained.
        loss: The loss of one sample.
        penalty: The penalty, or None.
        optimizer: What trains the model.
        parameters: Those of the optimizer, in its order.
        backend: The name of the backend that runs a compiled program; "" for the graph.
        eager_reason: Why it computes on the graph where a program was wanted; "" if it does not.
    """

    backend = ""
    eager_reason = ""

    def __init__(
        self, model: Module, loss: Loss, penalty: Penalty | None, optimizer: Optimizer
    ) -> None:
        self.model = model
        self.loss = loss
        self.penalty = penalty
        self.optimizer = optimizer
        self.parameters = optimizer.parameters

    @abstractmethod
    def prepare(self, samples: Samples, validation: Samples | None) -> None:
        """Get ready for these samples, before the first step."""

    @abstractmethod
    def evaluate(self, samples: Samples, batch: Sequence[int]) -> Evaluation:
        """Compute loss and gradient of the samples that have these indices."""

    @property
    def steps_at_once(self) -> int:
        """How many steps `run_steps` makes; 0 where each is made by itself."""
        return 0

    def run_steps(
        self,
        samples: Samples,  # noqa: ARG002
        batches: Batches,  # noqa: ARG002
    ) -> Record:
        """Make some of the first steps, up to one that is not finite: evaluate, update and write.

        Sample weights are those of a batch, so each sample must be in one of the batches only if
        there are weights.

        Returns:
            What the steps gave: none, where the next one must be made by itself.
        """
        return Record()

    @abstractmethod
    def measure(self, samples: Samples) -> tuple[float, list[Prediction]]:
        """Compute the mean loss and the predictions, in the model's mode and without a gradient."""

    def eager(self) -> "EagerStep":
        """Return the same step on the graph."""
        return EagerStep(self.model, self.loss, self.penalty, self.optimizer)

    def numbers(self) -> Vector:
        """Return the parameters that the next step starts with, as a new vector."""
        return numpy.array([parameter.data for parameter in self.parameters])

    def write(self, numbers: Vector) -> None:
        """Set the parameters."""
        for parameter, number in zip(self.parameters, numbers.tolist(), strict=True):
            parameter.data = number

    @abstractmethod
    def find_odd_sample(self, samples: Samples, batch: Sequence[int]) -> int | None:
        """Return the position in the batch of the first sample that is not finite.

        Returns:
            The position, len(batch) where all samples are finite, or None where each sample must be
            examined to know.
        """

    @abstractmethod
    def skip_samples(self, samples: Samples, batch: Sequence[int]) -> None:
        """Draw the random numbers of these samples, so that those of the next one follow."""

    @abstractmethod
    def write_model(self) -> None:
        """Copy the parameters, and the gradient of the last step, to the model."""

    @abstractmethod
    def read_model(self) -> None:
        """Copy the parameters from the model."""


class EagerStep(Step):
    """Builds the graph of one sample, runs it backward and frees it, so it needs little memory.

    If something looks at the whole batch, such as batch normalization, the batch is one graph.
    """

    _found: list[Parameter] | None = None

    def prepare(self, samples: Samples, validation: Samples | None) -> None:
        """Do nothing: a graph is built when it is needed."""

    def evaluate(self, samples: Samples, batch: Sequence[int]) -> Evaluation:
        """Compute loss and gradient of a batch; the parameters keep the gradient too."""
        for parameter in self._find_parameters():
            parameter.grad = 0.0

        weights = None if samples.weights is None else [samples.weights[i] for i in batch]
        shares = normalize_weights(weights, len(batch))
        # Copies: a model or a loss that changes them in place must not change the user's data.
        inputs = [copy_entry(samples.inputs[i]) for i in batch]
        targets = [copy_entry(samples.targets[i]) for i in batch]
        if self.model.needs_batch:
            losses, predictions = self._run_together(inputs, targets, shares)
        else:
            losses, predictions = self._run_one_by_one(inputs, targets, shares)

        penalty = self._backpropagate_penalty()
        gradients = [plain(parameter.grad) for parameter in self.parameters]
        return Evaluation(
            loss=mean_loss(losses, shares),
            penalty=penalty,
            gradient=numpy.array(gradients, dtype=float),
            predictions=predictions,
            weight=float(len(batch)) if weights is None else sum(weights),
        )

    def measure(self, samples: Samples) -> tuple[float, list[Prediction]]:
        """Compute the mean loss and the predictions."""
        with no_grad():
            outputs = [self.model(copy_entry(x)) for x in samples.inputs]
            losses = [
                plain(self.loss(output, copy_entry(target)))
                for output, target in zip(outputs, samples.targets, strict=True)
            ]
        shares = normalize_weights(samples.weights, len(losses))
        return mean_loss(losses, shares), [plain_numbers(output) for output in outputs]

    def find_odd_sample(
        self,
        samples: Samples,  # noqa: ARG002
        batch: Sequence[int],  # noqa: ARG002
    ) -> int | None:
        """Return None: each sample must be examined."""
        return None

    def skip_samples(self, samples: Samples, batch: Sequence[int]) -> None:
        """Do nothing: no sample is skipped, as each is examined."""

    def write_model(self) -> None:
        """Do nothing: the parameters are those of the model."""

    def read_model(self) -> None:
        """Look for the parameters again: a callback may have changed parts of the model."""
        self._found = None

    def _find_parameters(self) -> list[Parameter]:
        """Return all parameters of the model, and those of the optimizer, which may have others."""
        # Kept, because in a small model the search takes as long as the computation.
        if self._found is None:
            own = [parameter for _, parameter in self.model.named_parameters()]
            self._found = list(dict.fromkeys([*own, *self.parameters]))
        return self._found

    def _run_one_by_one(
        self, inputs: Sequence[Sample], targets: Sequence[Target], shares: Sequence[float] | None
    ) -> tuple[list[float], list[Prediction]]:
        losses = []
        predictions = []
        equal_share = 1.0 / len(inputs)
        for i, (x, target) in enumerate(zip(inputs, targets, strict=True)):
            output = self.model(x)
            loss = check_loss(self.loss(output, target))
            # At once, so that the graph is freed before that of the next sample is built.
            loss.backward(equal_share if shares is None else shares[i])
            losses.append(loss.data)
            predictions.append(plain_numbers(output))
        return losses, predictions

    def _run_together(
        self, inputs: Sequence[Sample], targets: Sequence[Target], shares: Sequence[float] | None
    ) -> tuple[list[float], list[Prediction]]:
        outputs = self.model.batch(inputs)
        losses = [
            check_loss(self.loss(output, target))
            for output, target in zip(outputs, targets, strict=True)
        ]
        backward(losses, [1.0 / len(losses)] * len(losses) if shares is None else shares)
        return [loss.data for loss in losses], [plain_numbers(output) for output in outputs]

    def _backpropagate_penalty(self) -> float:
        if self.penalty is None:
            return 0.0
        penalty = self.penalty(self.model)
        # It may also be a plain number, which has no gradient.
        if isinstance(penalty, Value):
            penalty.backward()
        return float(plain(penalty))


def normalize_weights(weights: Sequence[float] | None, count: int) -> list[float] | None:
    """Scale the weights of a batch to shares that add up to 1.

    Args:
        weights: The weights, or None if all samples count the same.
        count: Number of samples.

    Returns:
        The shares, all 0 if all weights are 0; None if there are no weights.

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


def check_loss(loss: object) -> Value:
    """Return the loss of a sample.

    Raises:
        DataError: If it is not a Value.
    """
    if not isinstance(loss, Value):
        raise DataError(
            "loss(prediction, target) must return one Value for each sample, "
            f"not {type(loss).__name__} {loss!r:.80}"
        )
    return loss


def plain_numbers(prediction: Prediction) -> Prediction:
    """Convert a prediction to plain numbers in nested lists.

    Example:
        >>> plain_numbers([Value(1.0), [Value(2.0)]])
        [1.0, [2.0]]
    """
    if isinstance(prediction, Iterable) and not isinstance(prediction, (str, Value)):
        return [plain_numbers(part) for part in prediction]
    return plain(prediction)
