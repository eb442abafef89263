"""Steps that compile by themselves, where a program computes the same as the graph."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy
from numpy.typing import ArrayLike

from scalargrad.compiler import Compiled
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
from .bucketed_steps import ProgramStep, make_compiled_step
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

# In microseconds, as measured: what LLVM takes in any case, for each kernel, and for the same of a
# validation; what native code saves for each kernel of a step, for each number, and, where many
# steps are one call, for each step, once more for each kernel, and for each parameter.
_LLVM_COST = 100_000
_KERNEL_COST = 5_000
_VALIDATION_SHARE = 0.5
_KERNEL_SAVING = 2
_NUMBER_SAVING = 0.002
_CALL_SAVING = 20
_KERNEL_CALL_SAVING = 3
_PARAMETER_SAVING = 0.002

_MAX_NATIVE_KERNELS = 200
"""Programs of more kernels stay with NumPy: LLVM takes a second and more, as measured."""

_MIN_STEPS_AT_ONCE = 8
"""How many steps must be one call of native code for a call to cost nothing, about."""

_TOLERANCE = 1e-8
"""How far graph and program may differ, as a share of the largest number. Rounding makes 1e-15."""


def earns_recording(losses: Sequence[Value], visits: int, steps: int) -> bool:
    """Return whether a training run is long enough to be faster with a recording.

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


class Work(NamedTuple):
    """How much a whole training computes, also of one that is resumed.

    Where samples have several structures, these are the numbers of one of them, on average.

    Attributes:
        visits: How often a sample is computed.
        steps: How often the optimizer makes a step.
        batch_size: The size of most batches.
        validates: Whether there is a validation set.
        steps_at_once: How many steps may follow each other before a callback looks at them.
    """

    visits: int
    steps: int
    batch_size: int
    validates: bool
    steps_at_once: int


def earns_native_code(program: Compiled, work: Work) -> bool:
    """Return whether a training run is long enough for native code to be faster than NumPy.

    It counts, as `earns_recording` does.

    Args:
        program: Loss and gradient of a sample.
        work: What the whole training computes.

    Example:
        >>> from scalargrad import compile
        >>> from scalargrad.nn import MLP
        >>> model = MLP(2, [16, 1], seed=1)
        >>> program = compile(model, model, inputs=(2,))
        >>> [earns_native_code(program, Work(32 * n, n, 32, False, 10)) for n in (500, 10_000)]
        [False, True]
    """
    kernels = len(program.kernels)
    if kernels > _MAX_NATIVE_KERNELS:
        return False
    cost = _LLVM_COST + _KERNEL_COST * kernels * (1 + _VALIDATION_SHARE * work.validates)
    # They are rows as well, but for a sample nothing is computed for them.
    parameters = program.program.parameters
    numbers = len(program.program) - parameters
    saving = work.steps * kernels * _KERNEL_SAVING + work.visits * numbers * _NUMBER_SAVING
    if work.steps_at_once >= _MIN_STEPS_AT_ONCE:
        each = _CALL_SAVING + kernels * _KERNEL_CALL_SAVING + parameters * _PARAMETER_SAVING
        saving += work.steps * each
    return saving >= cost


class AutoStep(Step):
    """Computes with a compiled program where that is known to agree with the graph.

    The program is native code where that is installed and pays for its compiling, or else code of
    NumPy. It is compared with the graph for a few samples before the first step. Whatever can't be
    recorded, and whatever the program notices later, leads back to the graph.

    Args:
        model: What is trained.
        loss: A function (prediction, target).
        penalty: A function of the model, or None.
        optimizer: What trains the model.
        predicting: Whether predictions are needed beside the loss.
        prediction: What the model returns for one sample, as plain numbers.
        earned: Whether the training is long enough for a recording to pay for itself.
        work: What the whole training computes.
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
        work: Work,
    ) -> None:
        super().__init__(model, loss, penalty, optimizer)
        self._predicting = predicting
        self._prediction = prediction
        self._earned = earned
        self._work = work
        self._eager = EagerStep(model, loss, penalty, optimizer)
        self._compiled: ProgramStep | None = None
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
    ) -> ProgramStep:
        """Return a compiled step.

        Raises:
            TraceError: It would not do all that the graph does.
        """
        make = partial(
            CompiledStep,
            self.model,
            self.loss,
            self.penalty,
            self.optimizer,
            self._predicting,
            self._prediction,
            batch_size=self._work.batch_size,
        )
        compiled = make_compiled_step((samples, validation), make)
        program = compiled.record(samples, training=True)
        _require_no_effects(compiled, attributes)
        is_compared = False
        if earns_native_code(program, self._work):
            # It may be missing, for this program, for this machine, or altogether.
            try:
                compiled.use_backend("native")
                self._compare(compiled, samples, validation, snapshot)
                is_compared = True
            except Exception:
                compiled.use_backend("numpy")
        if not is_compared:
            self._compare(compiled, samples, validation, snapshot)
        # Eager calls may do what the recorded one did not.
        _require_no_effects(compiled, attributes)
        compiled.prepare(samples, validation)
        return compiled

    def _compare(
        self,
        compiled: ProgramStep,
        samples: Samples,
        validation: Samples | None,
        snapshot: Snapshot,
    ) -> None:
        """Raise TraceError if the program and the graph differ."""
        few = _choose_few(samples)
        # Batches of one sample may have code of their own.
        size = min(self._work.batch_size, len(few))
        batches = [list(range(i, i + size)) for i in range(0, len(few), size)]
        snapshot.restore()
        expected = [self._eager.evaluate(few, batch) for batch in batches]
        # So that both draw the same random numbers.
        snapshot.restore()
        found = [compiled.evaluate(few, batch) for batch in batches]
        for one, other in zip(expected, found, strict=True):
            self._require_same_evaluation(one, other)
        if validation is not None:
            with evaluation(self.model):
                compiled.record(validation, training=False)
                self._compare_validation(compiled, validation)

    def _require_same_evaluation(self, expected: Evaluation, found: Evaluation) -> None:
        _require_same(expected.loss, found.loss, "loss")
        _require_same(expected.penalty, found.penalty, "penalty")
        _require_same(expected.gradient, found.gradient, "gradient")
        if self._predicting:
            _require_same_predictions(expected.predictions, found.predictions)

    def _compare_validation(self, compiled: ProgramStep, validation: Samples) -> None:
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

    def skip_samples(self, samples: Samples, batch: Sequence[int]) -> None:
        """Draw the random numbers of these samples."""
        self._step.skip_samples(samples, batch)

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


def _require_no_effects(compiled: ProgramStep, attributes: Attributes) -> None:
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
