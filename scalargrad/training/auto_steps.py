"""Steps that compile by themselves, where a program computes the same as the graph."""

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import ArrayLike

from scalargrad.core.graph import topological
from scalargrad.core.modes import current_mode
from scalargrad.core.nested import flatten
from scalargrad.core.value import Value
from scalargrad.errors import ScalargradError, TraceError
from scalargrad.nn import Module, evaluation
from scalargrad.optim import Optimizer
from scalargrad.optim.optimizer import Vector

from .aliases import Loss, Penalty, Prediction
from .attributes import Attributes
from .compiled_steps import CompiledStep
from .samples import Batches, Samples, nest
from .snapshot import Snapshot
from .steps import TOO_LITTLE_WORK, EagerStep, Evaluation, Record, Step

# In nodes, each of which takes eager training about half a microsecond, as measured: what a sample
# and a step cost beside their nodes, what recording costs in any case, and for each node.
_SAMPLE_COST = 10
_STEP_COST = 150
_RECORDING_COST = 12_000
_NODE_COST = 30

_TOLERANCE = 1e-8
"""How far graph and program may differ, as a share of the largest number. Rounding makes 1e-15."""


def earns_recording(losses: Sequence[Value], visits: int, steps: int) -> bool:
    """Return whether a training is long enough to be faster with a recording.

    It counts and does not measure time, so that the same training always goes the same way.

    Args:
        losses: The loss of a sample, as a graph; more are ignored.
        visits: How often a sample is computed.
        steps: How often the optimizer makes a step.

    Example:
        >>> loss = Value(2.0) * 3.0
        >>> earns_recording([loss], 100, 1), earns_recording([loss], 10_000, 100)
        (False, True)
    """
    nodes = len(topological(losses[:1]))
    work = visits * (nodes + _SAMPLE_COST) + steps * _STEP_COST
    return work >= _RECORDING_COST + _NODE_COST * nodes


class AutoStep(Step):
    """Computes with a compiled program where that is known to agree with the graph.

    The program is compared with the graph for a few samples before the first step. Whatever can't
    be recorded, and whatever the program notices later, leads back to the graph.

    Args:
        model: What is trained.
        loss: A function (prediction, target).
        penalty: A function of the model, or None.
        optimizer: What trains the model.
        predicting: Whether predictions are needed beside the loss.
        prediction: What the model returns for one sample, as plain numbers.
        earned: Whether the training is long enough for a recording to pay for itself.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        penalty: Penalty | None,
        optimizer: Optimizer,
        predicting: bool,
        prediction: Prediction,
        earned: bool,
    ) -> None:
        super().__init__(model, loss, penalty, optimizer)
        self._predicting = predicting
        self._prediction = prediction
        self._earned = earned
        self._eager = EagerStep(model, loss, penalty, optimizer)
        self._compiled: CompiledStep | None = None
        self._attributes: Attributes | None = None

    def prepare(self, samples: Samples, validation: Samples | None) -> None:
        """Compile for these samples and compare with the graph, or stay with the graph.

        The model keeps its attributes, its buffers, its random generators and its mode.
        """
        self.eager_reason = self._find_obstacle()
        if self.eager_reason:
            return
        attributes = Attributes(self.model, self.loss, self.penalty)
        snapshot = Snapshot(self.model)
        try:
            compiled = self._record(samples, validation, snapshot, attributes)
        # A function of the user may raise anything where it meets Values instead of numbers. If
        # the mistake is its own, it raises the same in the first step.
        except Exception as error:
            self.eager_reason = _explain(error)
        else:
            self._compiled = compiled
            self._attributes = attributes
            self.backend = compiled.backend
        finally:
            attributes.restore()
            snapshot.restore()

    def _find_obstacle(self) -> str:
        """Say why there is nothing to record; "" if there is."""
        if not self._earned:
            return TOO_LITTLE_WORK
        if self.model.needs_batch:
            return f"{self.model.batchwise_parts()} takes statistics of a batch while it trains"
        if current_mode().observers:
            return "every operation is observed, as by detect_anomaly"
        return ""

    def _record(
        self,
        samples: Samples,
        validation: Samples | None,
        snapshot: Snapshot,
        attributes: Attributes,
    ) -> CompiledStep:
        """Return a compiled step.

        Raises:
            TraceError: It would not do all that the graph does.
        """
        compiled = CompiledStep(
            self.model,
            self.loss,
            self.penalty,
            self.optimizer,
            self._predicting,
            self._prediction,
        )
        compiled.record(samples, training=True)
        _require_no_effects(compiled, attributes)
        self._compare_training(compiled, samples, snapshot)
        if validation is not None:
            with evaluation(self.model):
                compiled.record(validation, training=False)
                _require_no_effects(compiled, attributes)
                self._compare_validation(compiled, validation)
        # Eager calls may do what the recorded one did not.
        _require_no_effects(compiled, attributes)
        compiled.prepare(samples, validation)
        return compiled

    def _compare_training(
        self, compiled: CompiledStep, samples: Samples, snapshot: Snapshot
    ) -> None:
        few = _choose_few(samples)
        batch = list(range(len(few)))
        expected = self._eager.evaluate(few, batch)
        # So that both draw the same random numbers.
        snapshot.restore()
        found = compiled.evaluate(few, batch)
        _require_same(expected.loss, found.loss, "loss")
        _require_same(expected.penalty, found.penalty, "penalty")
        _require_same(expected.gradient, found.gradient, "gradient")
        if self._predicting:
            _require_same_predictions(expected.predictions, found.predictions)

    def _compare_validation(self, compiled: CompiledStep, validation: Samples) -> None:
        few = _choose_few(validation)
        expected, expected_predictions = self._eager.measure(few)
        found, predictions = compiled.measure(few)
        _require_same(expected, found, "loss in evaluation")
        if self._predicting:
            _require_same_predictions(expected_predictions, predictions)

    @property
    def _step(self) -> Step:
        """The step that computes."""
        return self._eager if self._compiled is None else self._compiled

    def evaluate(self, samples: Samples, batch: Sequence[int]) -> Evaluation:
        """Compute loss and gradient of a batch."""
        try:
            return self._step.evaluate(samples, batch)
        except ScalargradError as error:
            if self._compiled is None:
                raise
            self._fall_back(_explain(error))
        return self._eager.evaluate(samples, batch)

    def measure(self, samples: Samples) -> tuple[float, list[Prediction]]:
        """Compute the mean loss and the predictions."""
        try:
            return self._step.measure(samples)
        except ScalargradError as error:
            if self._compiled is None:
                raise
            self._fall_back(_explain(error))
        return self._eager.measure(samples)

    @property
    def steps_at_once(self) -> int:
        """How many steps `run_steps` makes; 0 where each is made by itself."""
        return self._step.steps_at_once

    def run_steps(self, samples: Samples, batches: Batches) -> Record:
        """Make some of the first steps, see `Step`."""
        try:
            return self._step.run_steps(samples, batches)
        except ScalargradError as error:
            self._fall_back(_explain(error))
        return Record()

    def find_odd_sample(self, samples: Samples, batch: Sequence[int]) -> int | None:
        """Find the first sample that is not finite, see `Step`."""
        return self._step.find_odd_sample(samples, batch)

    def skip_samples(self, samples: Samples, count: int) -> None:
        """Draw the random numbers of so many samples."""
        self._step.skip_samples(samples, count)

    def _fall_back(self, reason: str) -> None:
        """Go on with the graph, from the numbers that the program has."""
        self.write_model()
        self._eager.read_model()
        self._compiled = None
        self.backend = ""
        self.eager_reason = reason

    def numbers(self) -> Vector:
        """Return the parameters that the next step starts with."""
        return self._step.numbers()

    def write(self, numbers: Vector) -> None:
        """Set the parameters."""
        self._step.write(numbers)

    def write_model(self) -> None:
        """Copy the parameters, and the gradient of the last step, to the model."""
        self._step.write_model()

    def read_model(self) -> None:
        """Copy the parameters from the model, which a callback may have changed."""
        self._step.read_model()
        if self._compiled is None or self._attributes is None:
            return
        # A program has the attributes that it was recorded with.
        change = self._attributes.find_change()
        if change:
            self._fall_back(f"{change} has changed since the model was recorded")


def _require_no_effects(compiled: CompiledStep, attributes: Attributes) -> None:
    """Raise TraceError if a call does more than compute, which a program would not repeat."""
    effects = compiled.effects()
    if effects:
        raise TraceError(f"the model, the loss or the penalty {effects[0]} when it is called")
    change = attributes.find_change()
    if change:
        raise TraceError(f"{change} changes when the model is called")


def _choose_few(samples: Samples) -> Samples:
    """Return the first sample and the last one, as each costs a graph of its own."""
    return samples.subset(sorted({0, len(samples) - 1}))


def _require_same(expected: ArrayLike, found: ArrayLike, what: str) -> None:
    largest = numpy.abs(numpy.asarray(expected)[numpy.isfinite(expected)]).max(initial=0.0)
    if not numpy.allclose(found, expected, 0.0, _TOLERANCE * largest, equal_nan=True):
        raise TraceError(f"the recording has another {what} than the graph")


def _require_same_predictions(expected: list[Any], found: list[Any]) -> None:
    if nest(expected) != nest(found):
        raise TraceError("the model returns another structure when it is recorded")
    _require_same(flatten(expected), flatten(found), "prediction")


def _explain(error: Exception) -> str:
    if isinstance(error, ScalargradError):
        return str(error)
    return f"it raised {type(error).__name__} when it was recorded: {error}"
