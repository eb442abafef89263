"""Callbacks that are ready: early stopping, limits on gradients and weights, schedules."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, Literal

import numpy

from scalargrad.core.checks import checked_int, checked_number
from scalargrad.errors import OptionError, UnknownNameError
from scalargrad.optim import ReduceOnPlateau, Scheduled, max_norm
from scalargrad.utils.spelling import suggestion

from .loop import Callback, Training


class EarlyStopping(Callback):
    """Ends the training when a number has not improved for `patience` epochs, and gives the model back as it was at its best.

    patience    how many epochs without improvement are borne
    monitor     which number of the history: "validation_loss" (if there is none, "loss"), or any other that shall be small
    min_delta   by how much a number must be below the best one to count as better
    mode        "min", or "max" where larger is better, as for "validation_accuracy"

    best, best_epoch  the best number, and after how many epochs it was there

    Raises OptionError for settings out of range, and UnknownNameError, when training, for a number that the history has not.

    >>> EarlyStopping(patience=3).patience
    3
    """

    def __init__(
        self,
        patience: int = 5,
        monitor: str = "validation_loss",
        min_delta: float = 0.0,
        mode: Literal["min", "max"] = "min",
    ) -> None:
        self.patience = checked_int(patience, "patience of EarlyStopping", 1)
        if mode not in ("min", "max"):
            raise OptionError(f"mode of EarlyStopping must be 'min' or 'max', not {mode!r}")
        self.monitor = monitor
        self.mode = mode
        self.min_delta = checked_number(min_delta, "min_delta of EarlyStopping")
        self._forget()

    def _forget(self) -> None:
        self.best, self.best_epoch, self._best_state = (
            -inf if self.mode == "max" else inf,
            0,
            dict[str, float](),
        )

    def on_train_begin(self, training: Training) -> None:
        if not training.epoch:
            self._forget()
        self._judge(training)

    def on_epoch_end(self, training: Training) -> None:
        number = training.history.last()[self._name(training)]
        gain = number - self.best if self.mode == "max" else self.best - number
        if gain > self.min_delta:
            self.best, self.best_epoch, self._best_state = (
                number,
                training.epoch,
                training.model.state_dict(),
            )
        self._judge(training)

    def on_train_end(self, training: Training) -> None:
        if self._best_state:
            training.model.load_state_dict(self._best_state)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "numbers": numpy.array(list(self._best_state.values())),
        } | {"names": list(self._best_state)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.best_epoch = float(state["best"]), int(state["best_epoch"])
        self._best_state = dict(zip(state["names"], state["numbers"].tolist(), strict=True))

    def _judge(self, training: Training) -> None:
        if training.epoch - self.best_epoch >= self.patience:
            training.stop(
                f"{self._name(training)} was best after epoch {self.best_epoch}, and has not improved for {self.patience}"
            )

    def _name(self, training: Training) -> str:
        """Which number is watched: without validation that is the loss."""
        numbers = training.history.last()
        name = (
            "loss"
            if self.monitor == "validation_loss" and self.monitor not in numbers
            else self.monitor
        )
        if name not in numbers:
            hint = suggestion(name, numbers, otherwise="")
            raise UnknownNameError(
                f"EarlyStopping can't watch {name!r}: the history has {', '.join(numbers)}{hint}"
            )
        return name


class ClipNorm(Callback):
    """Scales the gradient down to the norm `limit` when it is longer (Pascanu, Mikolov and Bengio 2013), as `clip_gradient_norm` does."""

    looks = False

    def __init__(self, limit: float) -> None:
        self.limit = checked_number(limit, "limit of ClipNorm", above=True)

    def on_before_optimizer_step(self, training: Training) -> None:
        scale = self.limit / (float(numpy.linalg.norm(training.gradient)) + 1e-6)
        if scale < 1.0:
            training.gradient = training.gradient * scale


class ClipValues(Callback):
    """Brings every number of the gradient between -limit and limit."""

    looks = False

    def __init__(self, limit: float) -> None:
        self.limit = checked_number(limit, "limit of ClipValues", above=True)

    def on_before_optimizer_step(self, training: Training) -> None:
        training.gradient = numpy.clip(training.gradient, -self.limit, self.limit)


class MaxNorm(Callback):
    """After every step scales the weights of each neuron down to the norm `limit` if they are longer (Srivastava et al. 2014)."""

    def __init__(self, limit: float) -> None:
        self.limit = checked_number(limit, "limit of MaxNorm", above=True)

    def on_step_end(self, training: Training) -> None:
        max_norm(training.model, self.limit)


class StopAtZeroGradient(Callback):
    """Ends the training when the gradient of a step is (nearly) zero: its norm is at most `tolerance`. That step is not made."""

    looks = False

    def __init__(self, tolerance: float = 1e-6) -> None:
        self.tolerance = checked_number(tolerance, "tolerance of StopAtZeroGradient")

    def on_before_optimizer_step(self, training: Training) -> None:
        norm = float(numpy.linalg.norm(training.gradient))
        if norm <= self.tolerance:
            training.stop(f"the norm of the gradient is {norm:.3g}, at most {self.tolerance:g}")


class _EveryEpoch(Callback):
    """Steps a schedule after each epoch. `fit` makes it of a schedule among its callbacks."""

    looks = False

    def __init__(self, schedule: Scheduled) -> None:
        self.schedule = schedule

    def on_train_begin(self, training: Training) -> None:
        if self.schedule.optimizer is not training.optimizer:
            raise OptionError(
                f"the schedule {self.schedule!r} belongs to another optimizer than the one that trains"
            )

    def on_epoch_end(self, training: Training) -> None:
        schedule: Any = self.schedule
        if isinstance(schedule, ReduceOnPlateau):
            numbers = training.history.last()
            schedule.step(numbers.get("validation_loss", numbers["loss"]))
        else:
            schedule.step()

    def state_dict(self) -> dict[str, Any]:
        return self.schedule.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.schedule.load_state_dict(dict(state))


class EveryStep(_EveryEpoch):
    """Steps a schedule after each step, not after each epoch.

    Raises OptionError for ReduceOnPlateau, which waits for the numbers of an epoch.
    """

    def __init__(self, schedule: Scheduled) -> None:
        if isinstance(schedule, ReduceOnPlateau):
            raise OptionError(
                "ReduceOnPlateau looks at the numbers of an epoch: give it to fit as it is"
            )
        super().__init__(schedule)

    def on_step_end(self, training: Training) -> None:  # noqa: ARG002
        schedule: Any = self.schedule
        schedule.step()

    def on_epoch_end(self, training: Training) -> None:
        """Nothing more."""


def as_callback(item: Any) -> Callback:
    """A callback as it is, a schedule stepped after each epoch; raises OptionError for anything else."""
    if isinstance(item, Callback):
        return item
    if isinstance(item, Scheduled):
        return _EveryEpoch(item)
    raise OptionError(
        f"a callback must be a Callback or a schedule, not {type(item).__name__} {item!r:.80}"
    )


def listed_callbacks(callbacks: Any) -> list[Callback]:
    """Take one callback or schedule, or several, in the order in which they are called.

    Raises:
        OptionError: For anything else.

    Example:
        >>> len(listed_callbacks(EarlyStopping(3))), len(listed_callbacks([EarlyStopping(3), ClipNorm(1.0)]))
        (1, 2)
    """
    items = [callbacks] if isinstance(callbacks, (Callback, Scheduled)) else callbacks
    if not isinstance(items, Iterable) or isinstance(items, str):
        raise OptionError(
            f"callbacks must be a list of Callbacks and schedules, not {type(callbacks).__name__} {callbacks!r:.80}"
        )
    return sorted(map(as_callback, items), key=lambda each: each.last)
