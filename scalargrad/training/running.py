"""A training while it runs: the loop around the step, what is told to callbacks, and what happens when something goes wrong."""

from collections.abc import Mapping
from typing import Any

import numpy

from ..anomaly import detect_anomaly
from ..errors import AnomalyError, DivergenceError
from ..nn import Module
from ..optimiser import Optimiser, Vector
from .collector import collector_off
from .history import History
from .metrics import Metric
from .progress import Progress
from .samples import Samples
from .steps import EagerStep, Evaluation, Loss, Penalty, measured


class Callback:
    """Does nothing. A derived class writes those methods that it needs; each is given the Training.

    `training.model`, `.optimiser`, `.history`, `.epoch` (how many have ended), `.gradient` (a vector in the order of the optimiser's
    parameters, which may be changed in `gradients_ready`) and `training.stop(reason)` are what they work with.

    >>> class Count(Callback):
    ...     steps = 0
    ...     def step_ends(self, training):
    ...         self.steps += 1
    """

    last = False
    """Whether it comes after the others, to see what they did."""

    def training_begins(self, training: "Training") -> None:
        """Before the first step, also of a training that was taken up again."""

    def gradients_ready(self, training: "Training") -> None:
        """The gradient of a batch is there; the step was not made yet."""

    def step_ends(self, training: "Training") -> None:
        """The parameters have changed."""

    def epoch_ends(self, training: "Training") -> None:
        """All samples were seen once more; `training.history.last()` has the numbers."""

    def training_ends(self, training: "Training") -> None:
        """However it ended, an error or Ctrl-C included."""

    def state_dict(self) -> dict[str, Any]:
        """What must be saved to go on to the same bits: numbers, text, lists, dicts, arrays."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""


class Training:
    """A training while it runs: what callbacks look at and take part in.

    model, optimiser, history
    epoch, epochs  how many epochs have ended, and how many there shall be
    loss           of the last batch, penalty included
    gradient       of the last batch, one number for each of `optimiser.parameters`
    """

    metrics: dict[str, Metric]
    callbacks: list[Callback]
    batch_size: int | None = None
    seed: int | None = None
    epochs = 0

    def __init__(
        self, model: Module, samples: Samples, held: Samples | None, optimiser: Optimiser, loss: Loss, penalty: Penalty | None
    ) -> None:
        self.model, self.samples, self.held, self.optimiser = model, samples, held, optimiser
        self._loss, self._step = loss, EagerStep(model, loss, penalty, optimiser.parameters)
        self.metrics, self.callbacks, self.history, self.epoch = {}, [], History(), 0
        self.loss, self.gradient = float("nan"), numpy.zeros(len(optimiser.parameters))
        self._begun = _Moment(self)

    def stop(self, reason: str) -> None:
        """End the training: at once where a step is still to be made, else after this epoch or before the first."""
        self.history.stopped = self.history.stopped or reason

    def identity(self) -> dict[str, Any]:
        """What must be the same for a training to be taken up again."""
        return {"samples": self.samples.checksum(), "batch_size": self.batch_size, "seed": self.seed}

    def run(self, progress: bool) -> History:
        """All epochs that are left."""
        self.model.train()
        steps = len(self.samples.starts(self.batch_size, self._least()))
        bar = Progress(steps * self.epochs, steps * self.epoch, progress)
        try:
            self._tell("training_begins")
            while self.epoch < self.epochs and not self.history.stopped:
                with collector_off():
                    self._run_epoch(bar)
        except KeyboardInterrupt:
            self._begun.restore(self)
            self.stop(f"interrupted in epoch {self.epoch + 1}")
        finally:
            self._tell("training_ends")
            self.model.eval()
            bar.close()
        return self.history

    def _run_epoch(self, bar: Progress) -> None:
        self.model.train()
        seen: list[tuple[Evaluation, list[Any]]] = []
        for inputs, targets in self.samples.batches(self.batch_size, self.seed, self.epoch, self._least()):
            seen.append((self._make_step(inputs, targets), targets))
            bar.step(self.loss)
            if self.history.stopped:
                break
        self.history.add(self._summary(seen) | self._validation())
        self.epoch += 1
        bar.epoch(self.epoch, self.history.last())
        self._tell("epoch_ends")

    def _least(self) -> int:
        """How many samples a batch needs: two, where their statistics are taken, unless the batch size says one."""
        return 2 if self.model.needs_batch and self.batch_size != 1 else 1

    def _make_step(self, inputs: list[Any], targets: list[Any]) -> Evaluation:
        self._begun = _Moment(self)
        found = self._step.evaluate(inputs, targets)
        self.loss, self.gradient = found.objective, found.gradient
        if not (numpy.isfinite(self.loss) and numpy.isfinite(self.gradient).all()):
            raise self._diverged(inputs, targets)
        self.history.steps.append(self.loss)
        self._tell("gradients_ready")
        if not self.history.stopped:
            data = self.optimiser.update(self._begun.data, self.gradient, self.optimiser.trainable())
            if not numpy.isfinite(data).all():
                raise self._diverged(inputs, targets)
            _write(self.optimiser, data)
            self._tell("step_ends")
        return found

    def _summary(self, seen: list[tuple[Evaluation, list[Any]]]) -> dict[str, float]:
        sizes = [len(targets) for _, targets in seen]
        numbers = {"loss": _weighted([found.loss for found, _ in seen], sizes), "learning_rate": self.optimiser.learning_rate}
        if self._step.penalty:
            numbers["penalty"] = _weighted([found.penalty for found, _ in seen], sizes)
        predictions = [prediction for found, _ in seen for prediction in found.predictions]
        return numbers | self._measured(predictions, [target for _, targets in seen for target in targets])

    def _validation(self) -> dict[str, float]:
        if self.held is None:
            return {}
        loss, predictions = measured(self.model.eval(), self._loss, self.held.inputs, self.held.targets)
        numbers = {"loss": loss, **self._measured(predictions, self.held.targets)}
        return {f"validation_{name}": number for name, number in numbers.items()}

    def _measured(self, predictions: list[Any], targets: list[Any]) -> dict[str, float]:
        return {
            name: sum(metric(p, t) for p, t in zip(predictions, targets, strict=True)) / len(targets)
            for name, metric in self.metrics.items()
        }

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)

    def _diverged(self, inputs: list[Any], targets: list[Any]) -> DivergenceError:
        """The error to raise; the model is given back as it was before this step."""
        self._begun.restore(self)
        cause = self._first_anomaly(inputs, targets)
        self._begun.restore(self)
        error = DivergenceError(
            f"the training diverged in epoch {self.epoch + 1}, step {len(self.history.steps) + 1}: the loss is {self.loss!r}\n"
            f"  first: {cause}\n"
            "  The model has the parameters from before this step. A smaller learning rate, another initialiser, inputs that are "
            "standardised, or callbacks=[ClipNorm(1.0)] may help."
        )
        error.history = self.history
        return error

    def _first_anomaly(self, inputs: list[Any], targets: list[Any]) -> str:
        try:
            with detect_anomaly():
                self._step.evaluate(inputs, targets)
        except AnomalyError as error:
            return str(error)
        largest = float(numpy.abs(self.gradient).max())
        return f"the step of {self.optimiser!r}, for a gradient of which the largest number is {largest!r}"


class _Moment:
    """Everything of a model that a step changes, as it was before."""

    def __init__(self, training: Training) -> None:
        model = training.model
        self.data: Vector = numpy.array([parameter.data for parameter in training.optimiser.parameters])
        self._buffers = [(buffer, buffer.data) for _, buffer in model.named_buffers()]
        self._generators = [(generator, generator.getstate()) for _, generator in model.named_generators()]

    def restore(self, training: Training) -> None:
        """Set the model back."""
        _write(training.optimiser, self.data)
        for buffer, number in self._buffers:
            buffer.data = number
        for generator, state in self._generators:
            generator.setstate(state)


def _write(optimiser: Optimiser, data: Vector) -> None:
    for parameter, number in zip(optimiser.parameters, data.tolist(), strict=True):
        parameter.data = number


def _weighted(numbers: list[float], sizes: list[int]) -> float:
    return sum(number * size for number, size in zip(numbers, sizes, strict=True)) / sum(sizes)
