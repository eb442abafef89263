"""The training loop: run the steps, call the callbacks, and report a training run that diverges."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy

from scalargrad.autodiff.anomaly import detect_anomaly
from scalargrad.core.checks import all_finite
from scalargrad.core.modes import enable_grad
from scalargrad.errors import AnomalyError, DivergenceError
from scalargrad.optim import Optimizer
from scalargrad.optim.optimizer import Mask
from scalargrad.utils.calls import explain_class
from scalargrad.utils.garbage import collector_off

from .aliases import Metric, Prediction, Target
from .history import History
from .metrics import evaluate_metric
from .progress import Progress
from .samples import Batches, Samples
from .snapshot import Snapshot
from .steps import TOO_LITTLE_WORK, Evaluation, Record, Step


class Callback:
    """Base class of callbacks, with hooks that do nothing. A subclass overrides those it needs.

    Each hook receives the Training, whose `model`, `optimizer`, `history`, `epoch` (number of
    finished epochs), `gradient` (a vector in the order of the optimizer's parameters, which
    `on_before_optimizer_step` may change) and `stop(reason)` it works with.

    Attributes:
        last: Whether it is called after the others, to see what they did.
        looks: Whether it reads or changes the model's parameters. If not, a compiled run need not
            copy them into the model for it.

    Example:
        >>> class Count(Callback):
        ...     steps = 0
        ...     def on_step_end(self, training):
        ...         self.steps += 1
    """

    last = False
    looks = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        explain_class(cls, "__init__")

    def on_train_begin(self, training: "Training") -> None:
        """Run before the first step, also of a resumed run."""

    def on_before_optimizer_step(self, training: "Training") -> None:
        """Run between computing the gradient of a batch and updating the parameters."""

    def on_step_end(self, training: "Training") -> None:
        """Run after the parameters were updated."""

    def on_epoch_end(self, training: "Training") -> None:
        """Run after each epoch; `training.history.last()` has its numbers."""

    def on_train_end(self, training: "Training") -> None:
        """Run at the end, also after an error or Ctrl-C."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a bit-exact resume needs: numbers, text, lists, dicts, arrays."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""


_HOOKS = (
    "on_train_begin",
    "on_before_optimizer_step",
    "on_step_end",
    "on_epoch_end",
    "on_train_end",
)
"""What callbacks may override."""


@dataclass(frozen=True)
class TrainingConfig:
    """The checked options of a training run.

    Attributes:
        epochs: Number of passes over the samples.
        batch_size: Samples per step; None for all of them.
        seed: Seed of the order of the samples; None for the given order.
        metrics: Metrics by name.
        callbacks: Callbacks in the order in which they are called.
    """

    epochs: int
    batch_size: int | None
    seed: int | None
    metrics: Mapping[str, Metric]
    callbacks: Sequence[Callback]


class Training:
    """A training run, as callbacks see it.

    Attributes:
        model: The model that is trained.
        optimizer: The optimizer that trains it.
        history: The numbers so far.
        epoch: Number of finished epochs.
        epochs: Number of epochs to run.
        loss: Loss of the last batch, penalty included.
        gradient: Gradient of the last batch, one number for each of `optimizer.parameters`.
        samples: The samples to train on.
        validation: The samples to validate on, or None.
        config: The checked options of `fit`.
    """

    def __init__(
        self,
        step: Step,
        optimizer: Optimizer,
        samples: Samples,
        validation: Samples | None,
        config: TrainingConfig,
    ) -> None:
        self.model = step.model
        self.optimizer = optimizer
        self.samples = samples
        self.validation = validation
        self.config = config
        self.history = History()
        self.epoch = 0
        self.epochs = config.epochs
        self.loss = float("nan")
        self.gradient = numpy.zeros(len(optimizer.parameters))
        self._step = step
        self._modules = [module for _, module in self.model.named_modules()]
        self._numbers_before = step.numbers()
        self._snapshot = Snapshot(self.model)
        self._watchers = {
            hook: [callback for callback in config.callbacks if overrides(callback, hook)]
            for hook in _HOOKS
        }
        self._trainable: Mask | None = None
        self._may_have_frozen = True

    def stop(self, reason: str) -> None:
        """End the run: before the pending optimizer step, or else after this epoch."""
        self.history.stop_reason = self.history.stop_reason or reason

    def skip_to(self, epoch: int) -> None:
        """Continue after an epoch that an earlier run finished."""
        self.epoch = epoch

    def identity(self) -> dict[str, Any]:
        """Return what must be equal for a checkpoint to continue this run."""
        return {
            "samples": self.samples.checksum,
            "batch_size": self.config.batch_size,
            "seed": self.config.seed,
        }

    def run(self, progress: bool, message: str = "") -> History:
        """Run the remaining epochs, inside a `no_grad` block too.

        Args:
            progress: Whether to show the progress.
            message: What to show before the first epoch.

        Returns:
            The history.

        Raises:
            DivergenceError: If a loss, gradient or parameter becomes nan or inf.
        """
        with enable_grad():
            return self._run(progress, message)

    def _run(self, progress: bool, message: str) -> History:
        batch_size = self.config.batch_size
        self._set_mode(training=True)
        # A single sample has no useful statistics, so it is a batch only where that was asked for.
        min_batch = 2 if self.model.needs_batch and batch_size != 1 else 1
        self._step.read_model()
        # A resume may have changed the model since the first snapshot.
        self._remember()

        steps = len(self.samples.starts(batch_size, min_batch))
        bar = Progress(steps * self.epochs, steps * self.epoch, progress)
        bar.say(message)
        try:
            with collector_off():
                self._step.prepare(self.samples, self.validation)
            self._report_backend(bar)
            self._call("on_train_begin")
            while self.epoch < self.epochs and not self.history.stop_reason:
                with collector_off():
                    self._set_mode(training=True)
                    begun = self._run_whole_epochs(bar, min_batch)
                    if self.epoch < self.epochs:
                        self._run_epoch(bar, min_batch, begun)
        except KeyboardInterrupt:
            # It may have come while parameters were written, which would leave a mixture.
            self._go_back()
            self.stop(f"interrupted in epoch {self.epoch + 1}")
        finally:
            self._step.write_model()
            self._report_backend(bar)
            self._call("on_train_end")
            self._set_mode(training=False)
            bar.close()
        return self.history

    def _run_whole_epochs(self, bar: Progress, min_batch: int) -> Record:
        """Run several epochs at once, if nobody looks between them.

        Returns:
            Steps of the next epoch, which follows: there are some if one of them is not finite.
        """
        config = self.config
        steps = len(self.samples.starts(config.batch_size, min_batch))
        trainable = self._find_trainable()
        count = min(self._step.steps_at_once // steps, self.epochs - self.epoch)
        # To draw the order of epochs takes time, so whether they can be run is known before.
        if count < 2 or self._looks_between_epochs() or self._looks_at_steps(trainable):
            return Record()

        batches = self._batches(min_batch, count)
        record = self._make_steps_at_once(batches, trainable)
        bar.step(self.loss, len(record))
        first = self.epoch
        try:
            self._add_epochs(bar, record, batches.first(steps), first)
        except KeyboardInterrupt:
            # The steps have been made, so the history must have all of their epochs.
            self._add_epochs(bar, record, batches.first(steps), first)
            raise
        self._report_backend(bar)
        return record.part(len(record) // steps * steps)

    def _add_epochs(self, bar: Progress, record: Record, batches: Batches, first: int) -> None:
        """Write whole epochs into the history.

        Args:
            bar: The progress.
            record: The steps of the epochs, and perhaps some of one more.
            batches: Those of one of the epochs: all have the same sizes.
            first: The number of epochs before these.
        """
        steps = len(batches)
        last = first + len(record) // steps
        while self.epoch < last:
            start = (self.epoch - first) * steps
            part = record.part(start, start + steps)
            self._add_epoch(bar, self._summarize(part, batches))

    def _looks_between_epochs(self) -> bool:
        """Return whether anything happens after an epoch, or depends on which one it is."""
        is_measured = bool(self.config.metrics) or self.validation is not None
        has_weights = self.samples.weights is not None
        return is_measured or has_weights or self._is_watched("on_epoch_end")

    def _looks_at_steps(self, trainable: Mask | None) -> bool:
        """Return whether anything happens in a step beside the update of all parameters."""
        return trainable is not None or watches_steps(self.config.callbacks)

    def _run_epoch(self, bar: Progress, min_batch: int, record: Record) -> None:
        """Run an epoch, of which some steps may have been made."""
        trainable = self._find_trainable()
        batches = self._batches(min_batch)
        while len(record) < len(batches) and not self.history.stop_reason:
            made = self._make_steps(batches.skip(len(record)), trainable)
            bar.step(self.loss, len(made))
            record.extend(made)
        self._end_epoch(bar, record, batches)

    def _find_trainable(self) -> Mask | None:
        """Return which parameters may be changed in this epoch, None for all."""
        # Only code of the user can freeze parameters, and a program runs none of the model's.
        if self._may_have_frozen or not self._step.backend:
            self._trainable = self.optimizer.trainable()
            self._may_have_frozen = False
        return self._trainable

    def _batches(self, min_batch: int, epochs: int = 1) -> Batches:
        config = self.config
        return self.samples.batches(config.batch_size, config.seed, self.epoch, min_batch, epochs)

    def _end_epoch(self, bar: Progress, record: Record, batches: Batches) -> None:
        """Write an epoch into the history, and tell the callbacks."""
        self._add_epoch(bar, self._summarize(record, batches) | self._validate())
        self._report_backend(bar)
        self._call("on_epoch_end")

    def _add_epoch(self, bar: Progress, numbers: dict[str, float]) -> None:
        self.history.add(numbers)
        self.epoch += 1
        bar.epoch(self.epoch, self.history)

    def _report_backend(self, bar: Progress) -> None:
        """Write into the history how steps are computed; say once why they are not compiled."""
        self.history.compiled = self._step.backend
        reason = self._step.eager_reason
        if reason == self.history.eager_reason:
            return
        self.history.eager_reason = reason
        # A training run that is too short to be compiled is too short to talk about.
        if reason != TOO_LITTLE_WORK:
            first_line = reason.partition("\n")[0]
            bar.say(f"not compiled: {first_line}")

    def _set_mode(self, training: bool) -> None:
        for module in self._modules:
            if module.training is not training:
                # Faster than a statement, which looks for modules in what is assigned.
                object.__setattr__(module, "training", training)

    def _make_steps(self, batches: Batches, trainable: Mask | None) -> Record:
        """Make the first steps: many at once where nobody looks at them, or else one."""
        record = self._make_steps_at_once(batches, trainable)
        if not len(record):
            [batch] = batches.first(1)
            record.add(self._make_step(batch, trainable))
        return record

    def _make_steps_at_once(self, batches: Batches, trainable: Mask | None) -> Record:
        """Make the first steps at once, as far as all numbers are finite."""
        if not self._step.steps_at_once or self._looks_at_steps(trainable):
            return Record()
        self._remember()
        record = self._step.run_steps(self.samples, batches)
        if len(record):
            # At once, so that Ctrl-C from now on does not undo the steps.
            self._remember()
            objectives = record.objectives()
            self.history.steps += objectives
            self.loss = objectives[-1]
            self.gradient = record.gradient
        return record

    def _make_step(self, batch: list[int], trainable: Mask | None) -> Evaluation:
        self._remember()
        evaluation = self._step.evaluate(self.samples, batch)
        self.loss = evaluation.objective
        self.gradient = evaluation.gradient
        if not (isfinite(self.loss) and all_finite(self.gradient)):
            raise self._diverged(batch)

        self.history.steps.append(self.loss)
        self._call("on_before_optimizer_step")
        if self.history.stop_reason:
            return evaluation

        data = self.optimizer.update(self._numbers_before, self.gradient, trainable)
        if not all_finite(data):
            raise self._diverged(batch)
        self._step.write(data)
        self._call("on_step_end")
        return evaluation

    def _remember(self) -> None:
        """Save all that a step changes: parameters, buffers, random generators."""
        self._numbers_before = self._step.numbers()
        self._snapshot.take()

    def _go_back(self) -> None:
        """Set the model back to what it was before the step."""
        self._step.write(self._numbers_before)
        self._step.write_model()
        self._snapshot.restore()

    def _summarize(self, record: Record, batches: Batches) -> dict[str, float]:
        """Average what the first of these batches gave, as many as were made."""
        numbers = {
            "loss": _average(record.losses, record.weights),
            "learning_rate": self.optimizer.learning_rate,
        }
        if self._step.penalty:
            # Weights of samples do not apply to the penalty.
            sizes = batches.first(len(record)).sizes().tolist()
            numbers["penalty"] = _average(record.penalties, sizes)
        if not self.config.metrics:
            return numbers
        indices = batches.first(len(record)).flat().tolist()
        targets = [self.samples.targets[i] for i in indices]
        return numbers | self._measure(record.predictions, targets)

    def _validate(self) -> dict[str, float]:
        if self.validation is None:
            return {}
        self._set_mode(training=False)
        loss, predictions = self._step.measure(self.validation)
        numbers = {"loss": loss, **self._measure(predictions, self.validation.targets)}
        return {f"validation_{name}": number for name, number in numbers.items()}

    def _measure(self, predictions: list[Prediction], targets: list[Target]) -> dict[str, float]:
        return {
            name: evaluate_metric(metric, predictions, targets)
            for name, metric in self.config.metrics.items()
        }

    def _call(self, hook: str) -> None:
        """Call a hook of every callback that overrides it."""
        for callback in self._watchers[hook]:
            # A compiled program has the parameters, so the model gets them only on demand.
            if callback.looks:
                self._step.write_model()
            getattr(callback, hook)(self)
            if callback.looks:
                self._step.read_model()
                self._may_have_frozen = True

    def _is_watched(self, hook: str) -> bool:
        return bool(self._watchers[hook])

    def _diverged(self, batch: list[int]) -> DivergenceError:
        """Restore the model to what it was before this step, and build the error to raise."""
        self._go_back()
        cause = self._find_first_anomaly(batch)
        # Looking for the cause ran the model, which changed buffers and generators.
        self._go_back()

        step_number = len(self.history.steps) + 1
        error = DivergenceError(
            f"the training diverged in epoch {self.epoch + 1}, step {step_number}: "
            f"the loss is {self.loss!r}\n"
            f"  first: {cause}\n"
            "  The model has the parameters from before this step. A smaller learning rate, "
            "another initializer, inputs that are standardized, or callbacks=[ClipNorm(1.0)] "
            "may help."
        )
        error.history = self.history
        return error

    def _find_first_anomaly(self, batch: list[int]) -> str:
        """Name the first operation that produced a non-finite number, and its sample."""
        parts = [batch] if self.model.needs_batch else self._suspects(batch)
        step = self._step.eager()
        for part in parts:
            try:
                with detect_anomaly():
                    step.evaluate(self.samples, part)
            except AnomalyError as error:
                if len(part) > 1:
                    return str(error)
                return f"{error}\n  for the sample X[{self.samples.original_index(part[0])}]"

        largest = float(numpy.abs(self.gradient).max())
        return (
            f"the step of {self.optimizer!r}, for a gradient of which the largest number is "
            f"{largest!r}"
        )

    def _suspects(self, batch: list[int]) -> list[list[int]]:
        """Return the samples to examine, each by itself, with the generators set for the first."""
        odd = self._step.find_odd_sample(self.samples, batch)
        # Looking for it drew random numbers. Those of the step are drawn again, in order.
        self._go_back()
        if odd is None:
            return [[i] for i in batch]
        self._step.skip_samples(self.samples, batch[:odd])
        return [[i] for i in batch[odd : odd + 1]]


def overrides(callback: Callback, hook: str) -> bool:
    """Return whether a callback does anything in a hook."""
    return getattr(type(callback), hook) is not getattr(Callback, hook)


def watches_steps(callbacks: Iterable[Callback]) -> bool:
    """Return whether any callback is called in each step."""
    hooks = ("on_before_optimizer_step", "on_step_end")
    return any(overrides(callback, hook) for callback in callbacks for hook in hooks)


def _average(numbers: Sequence[float], weights: Sequence[float]) -> float:
    """Return the weighted mean; 0 if all weights are 0."""
    total = sum(weights)
    if not total:
        return 0.0
    return sum(number * weight for number, weight in zip(numbers, weights, strict=True)) / total
