"""A training while it runs: the loop around the step, what is told to callbacks, and what happens when something goes wrong."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy

from scalargrad.autodiff.anomaly import detect_anomaly
from scalargrad.core.checks import all_finite
from scalargrad.core.modes import enable_grad
from scalargrad.errors import AnomalyError, DivergenceError
from scalargrad.nn import Module
from scalargrad.optim import Optimizer
from scalargrad.optim.optimizer import Mask
from scalargrad.utils.calls import explain_class
from scalargrad.utils.garbage import collector_off

from .history import History
from .metrics import Metric, evaluate_metric
from .progress import Progress
from .samples import Samples
from .steps import Evaluation, Step


class Callback:
    """Does nothing. A derived class writes those methods that it needs; each is given the Training.

    `training.model`, `.optimizer`, `.history`, `.epoch` (how many have ended), `.gradient` (a vector in the order of the optimizer's
    parameters, which may be changed in `on_before_optimizer_step`) and `training.stop(reason)` are what they work with.

    >>> class Count(Callback):
    ...     steps = 0
    ...     def on_step_end(self, training):
    ...         self.steps += 1
    """

    last = False
    """Whether it comes after the others, to see what they did."""
    looks = True
    """Whether it looks at the model's parameters or changes them; if not, a compiled training need not hand them over."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        explain_class(cls, "__init__")

    def on_train_begin(self, training: "Training") -> None:
        """Before the first step, also of a training that was taken up again."""

    def on_before_optimizer_step(self, training: "Training") -> None:
        """The gradient of a batch is there; the step was not made yet."""

    def on_step_end(self, training: "Training") -> None:
        """The parameters have changed."""

    def on_epoch_end(self, training: "Training") -> None:
        """All samples were seen once more; `training.history.last()` has the numbers."""

    def on_train_end(self, training: "Training") -> None:
        """However it ended, an error or Ctrl-C included."""

    def state_dict(self) -> dict[str, Any]:
        """What must be saved to go on to the same bits: numbers, text, lists, dicts, arrays."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""


class Training:
    """A training while it runs: what callbacks look at and take part in.

    model, optimizer, history
    epoch, epochs  how many epochs have ended, and how many there shall be
    loss           of the last batch, penalty included
    gradient       of the last batch, one number for each of `optimizer.parameters`
    """

    metrics: dict[str, Metric]
    callbacks: list[Callback]
    batch_size: int | None = None
    seed: int | None = None
    message = ""
    """What is said before the first epoch."""
    epochs = 0
    _parts: Sequence[Module] = ()
    _least = 1
    """How many samples a batch needs: two where their statistics are taken, unless the batch size says one."""

    def __init__(
        self, step: Step, samples: Samples, held: Samples | None, optimizer: Optimizer
    ) -> None:
        self.model, self.samples, self.validation, self.optimizer = (
            step.model,
            samples,
            held,
            optimizer,
        )
        self.metrics, self.callbacks, self.history, self.epoch = {}, [], History(), 0
        self.loss, self.gradient = float("nan"), numpy.zeros(len(optimizer.parameters))
        self._step, self._begun = step, _Moment(step)

    def stop(self, reason: str) -> None:
        """End the training: at once where a step is still to be made, else after this epoch or before the first."""
        self.history.stop_reason = self.history.stop_reason or reason

    def identity(self) -> dict[str, Any]:
        """What must be the same for a training to be taken up again."""
        return {"samples": self.samples.checksum, "batch_size": self.batch_size, "seed": self.seed}

    def run(self, progress: bool) -> History:
        """All epochs that are left; inside of a `no_grad` block, too, something is learned."""
        with enable_grad():
            return self._run(progress)

    def _run(self, progress: bool) -> History:
        self._parts = [part for _, part in self.model.named_modules()]
        self._set_mode(training=True)
        self._least = 2 if self.model.needs_batch and self.batch_size != 1 else 1
        self._step.read()
        self._begun = _Moment(self._step)
        steps = len(self.samples.starts(self.batch_size, self._least))
        bar = Progress(steps * self.epochs, steps * self.epoch, progress)
        bar.say(self.message)
        try:
            self._tell("on_train_begin")
            while self.epoch < self.epochs and not self.history.stop_reason:
                with collector_off():
                    self._run_epoch(bar)
        except KeyboardInterrupt:
            self._begun.restore(self._step)
            self.stop(f"interrupted in epoch {self.epoch + 1}")
        finally:
            self._step.show()
            self._tell("on_train_end")
            self._set_mode(training=False)
            bar.close()
        return self.history

    def _run_epoch(self, bar: Progress) -> None:
        self._set_mode(training=True)
        seen: list[tuple[Evaluation, list[int]]] = []
        trainable = self.optimizer.trainable()
        for part in self.samples.batches(self.batch_size, self.seed, self.epoch, self._least):
            seen.append((self._make_step(part, trainable), part))
            bar.step(self.loss)
            if self.history.stop_reason:
                break
        self.history.add(self._summary(seen) | self._validation())
        self.epoch += 1
        bar.epoch(self.epoch, self.history.last())
        self._tell("on_epoch_end")

    def _set_mode(self, training: bool) -> None:
        for part in self._parts:
            part.training = training

    def _make_step(self, part: list[int], trainable: Mask | None) -> Evaluation:
        self._begun.note(self._step)
        found = self._step.evaluate(self.samples, part)
        self.loss, self.gradient = found.objective, found.gradient
        if not (isfinite(self.loss) and all_finite(self.gradient)):
            raise self._diverged(part)
        self.history.steps.append(self.loss)
        self._tell("on_before_optimizer_step")
        if not self.history.stop_reason:
            data = self.optimizer.update(self._begun.data, self.gradient, trainable)
            if not all_finite(data):
                raise self._diverged(part)
            self._step.write(data)
            self._tell("on_step_end")
        return found

    def _summary(self, seen: list[tuple[Evaluation, list[int]]]) -> dict[str, float]:
        sizes = [float(len(part)) for _, part in seen]
        weights = [found.weight for found, _ in seen]
        numbers = {
            "loss": _weighted([found.loss for found, _ in seen], weights),
            "learning_rate": self.optimizer.learning_rate,
        }
        if self._step.penalty:
            numbers["penalty"] = _weighted([found.penalty for found, _ in seen], sizes)
        predictions = [prediction for found, _ in seen for prediction in found.predictions]
        return numbers | self._measured(
            predictions, [self.samples.targets[i] for _, part in seen for i in part]
        )

    def _validation(self) -> dict[str, float]:
        if self.validation is None:
            return {}
        self._set_mode(training=False)
        loss, predictions = self._step.measure(self.validation)
        numbers = {"loss": loss, **self._measured(predictions, self.validation.targets)}
        return {f"validation_{name}": number for name, number in numbers.items()}

    def _measured(self, predictions: list[Any], targets: list[Any]) -> dict[str, float]:
        return {
            name: evaluate_metric(metric, predictions, targets)
            for name, metric in self.metrics.items()
        }

    def _tell(self, event: str) -> None:
        """Call that method of every callback that has one of its own; around those that look at the model its parameters are exchanged."""
        for callback in self.callbacks:
            if getattr(type(callback), event) is not getattr(Callback, event):
                if callback.looks:
                    self._step.show()
                getattr(callback, event)(self)
                if callback.looks:
                    self._step.read()

    def _diverged(self, part: list[int]) -> DivergenceError:
        """The error to raise; the model is given back as it was before this step."""
        self._begun.restore(self._step)
        cause = self._first_anomaly(part)
        self._begun.restore(self._step)
        error = DivergenceError(
            f"the training diverged in epoch {self.epoch + 1}, step {len(self.history.steps) + 1}: the loss is {self.loss!r}\n"
            f"  first: {cause}\n"
            "  The model has the parameters from before this step. A smaller learning rate, another initializer, inputs that are "
            "standardized, or callbacks=[ClipNorm(1.0)] may help."
        )
        error.history = self.history
        return error

    def _first_anomaly(self, part: list[int]) -> str:
        """The first operation that made a number that is not finite, and the sample that it was made for."""
        step = self._step.eager()
        # One by one and in order, so that the random numbers are those of the step.
        parts = [part] if self.model.needs_batch else [[i] for i in part]
        for each in parts:
            try:
                with detect_anomaly():
                    step.evaluate(self.samples, each)
            except AnomalyError as error:
                return (
                    str(error)
                    if len(each) > 1
                    else f"{error}\n  for the sample X[{self.samples.original_index(each[0])}]"
                )
        largest = float(numpy.abs(self.gradient).max())
        return f"the step of {self.optimizer!r}, for a gradient of which the largest number is {largest!r}"


class _Moment:
    """Everything of a model that a step changes, as it was before."""

    def __init__(self, step: Step) -> None:
        self._buffers = [buffer for _, buffer in step.model.named_buffers()]
        self._generators = [generator for _, generator in step.model.named_generators()]
        self.note(step)

    def note(self, step: Step) -> None:
        """This is the moment."""
        self.data = step.numbers()
        self._kept = [buffer.data for buffer in self._buffers]
        self._states = [generator.getstate() for generator in self._generators]

    def restore(self, step: Step) -> None:
        """Set the model back."""
        step.write(self.data)
        for buffer, number in zip(self._buffers, self._kept, strict=True):
            buffer.data = number
        for generator, state in zip(self._generators, self._states, strict=True):
            generator.setstate(state)


def _weighted(numbers: list[float], sizes: list[float]) -> float:
    total = sum(sizes)
    return (
        sum(number * size for number, size in zip(numbers, sizes, strict=True)) / total
        if total
        else 0.0
    )
