"""Built-in callbacks: early stopping, limits on gradients and weights, schedules."""

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
    """Stops when a number has stopped improving, and restores the best parameters.

    Args:
        patience: Epochs without improvement to tolerate.
        monitor: Number of the history to watch: "validation_loss" ("loss" if there is no
            validation) or the name of another one.
        min_delta: Smallest change that counts as an improvement.
        mode: "min", or "max" if larger is better, as for "validation_accuracy".

    Attributes:
        best: The best number so far.
        best_epoch: Number of epochs after which it was reached.

    Raises:
        OptionError: For an option out of range.
        UnknownNameError: During training, if the history has no number of that name.

    Example:
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
        self._reset()

    def _reset(self) -> None:
        self.best = -inf if self.mode == "max" else inf
        self.best_epoch = 0
        self._best_state: dict[str, float] = {}

    def on_train_begin(self, training: Training) -> None:
        if not training.epoch:
            self._reset()
        # A resumed training may have run out of patience already.
        self._stop_if_stale(training)

    def on_epoch_end(self, training: Training) -> None:
        number = training.history.last()[self._find_monitor(training)]
        gain = number - self.best if self.mode == "max" else self.best - number
        if gain > self.min_delta:
            self.best = number
            self.best_epoch = training.epoch
            self._best_state = training.model.state_dict()
        self._stop_if_stale(training)

    def on_train_end(self, training: Training) -> None:
        # Also after an error or Ctrl-C: the best parameters are the ones to keep.
        if self._best_state:
            training.model.load_state_dict(self._best_state)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "numbers": numpy.array(list(self._best_state.values())),
            "names": list(self._best_state),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best = float(state["best"])
        self.best_epoch = int(state["best_epoch"])
        self._best_state = dict(zip(state["names"], state["numbers"].tolist(), strict=True))

    def _stop_if_stale(self, training: Training) -> None:
        if training.epoch - self.best_epoch >= self.patience:
            epochs = "epoch" if self.patience == 1 else "epochs"
            training.stop(
                f"{self._find_monitor(training)} was best after epoch {self.best_epoch}, "
                f"and has not improved for {self.patience} {epochs}"
            )

    def _find_monitor(self, training: Training) -> str:
        """Return the name of the watched number: without validation that is the loss."""
        numbers = training.history.last()
        name = self.monitor
        if name == "validation_loss" and name not in numbers:
            name = "loss"
        if name not in numbers:
            hint = suggestion(name, numbers, otherwise="")
            raise UnknownNameError(
                f"EarlyStopping can't watch {name!r}: the history has {', '.join(numbers)}{hint}"
            )
        return name


class ClipNorm(Callback):
    """Scales the gradient down to the norm `limit` if it is longer, as `clip_gradient_norm` does.

    See Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks"
    (2013).

    Args:
        limit: The largest Euclidean norm of the gradient.
    """

    looks = False

    def __init__(self, limit: float) -> None:
        self.limit = checked_number(limit, "limit of ClipNorm", above=True)

    def on_before_optimizer_step(self, training: Training) -> None:
        # The small number keeps a gradient of 0 from a division by 0, as in PyTorch.
        scale = self.limit / (float(numpy.linalg.norm(training.gradient)) + 1e-6)
        if scale < 1.0:
            training.gradient = training.gradient * scale


class ClipValues(Callback):
    """Clips every number of the gradient to [-limit, limit].

    Args:
        limit: The largest absolute value.
    """

    looks = False

    def __init__(self, limit: float) -> None:
        self.limit = checked_number(limit, "limit of ClipValues", above=True)

    def on_before_optimizer_step(self, training: Training) -> None:
        training.gradient = numpy.clip(training.gradient, -self.limit, self.limit)


class MaxNorm(Callback):
    """Scales the weights of each neuron down to the norm `limit` after every step if longer.

    See Srivastava et al., "Dropout" (2014).

    Args:
        limit: The largest Euclidean norm of the weights of one neuron.
    """

    def __init__(self, limit: float) -> None:
        self.limit = checked_number(limit, "limit of MaxNorm", above=True)

    def on_step_end(self, training: Training) -> None:
        max_norm(training.model, self.limit)


class StopAtZeroGradient(Callback):
    """Stops before a step whose gradient is (nearly) zero.

    Args:
        tolerance: The norm of the gradient up to which it counts as zero.
    """

    looks = False

    def __init__(self, tolerance: float = 1e-6) -> None:
        self.tolerance = checked_number(tolerance, "tolerance of StopAtZeroGradient")

    def on_before_optimizer_step(self, training: Training) -> None:
        norm = float(numpy.linalg.norm(training.gradient))
        if norm <= self.tolerance:
            training.stop(f"the norm of the gradient is {norm:.3g}, at most {self.tolerance:g}")


class _EveryEpoch(Callback):
    """Steps a schedule after each epoch. `fit` wraps the schedules among its callbacks in it."""

    looks = False

    def __init__(self, schedule: Scheduled) -> None:
        self.schedule = schedule

    def on_train_begin(self, training: Training) -> None:
        # It would change a learning rate that this training does not use.
        if self.schedule.optimizer is not training.optimizer:
            raise OptionError(
                f"the schedule {self.schedule!r} belongs to another optimizer "
                "than the one that trains"
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

    Args:
        schedule: The schedule.

    Raises:
        OptionError: For ReduceOnPlateau, which needs the numbers of an epoch.
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
        """Do nothing: the schedule was stepped with the steps."""


def as_callback(item: object) -> Callback:
    """Return a callback as it is, and wrap a schedule to be stepped after each epoch.

    Raises:
        OptionError: For anything else.
    """
    if isinstance(item, Callback):
        return item
    if isinstance(item, Scheduled):
        return _EveryEpoch(item)
    raise OptionError(
        f"a callback must be a Callback or a schedule, not {type(item).__name__} {item!r:.80}"
    )


def read_callbacks(
    callbacks: Callback | Scheduled | Iterable[Callback | Scheduled],
) -> list[Callback]:
    """Convert one callback or schedule, or several, to a list in calling order.

    Raises:
        OptionError: For anything else.

    Example:
        >>> stopping = EarlyStopping(3)
        >>> len(read_callbacks(stopping)), len(read_callbacks([stopping, ClipNorm(1.0)]))
        (1, 2)
    """
    items = [callbacks] if isinstance(callbacks, (Callback, Scheduled)) else callbacks
    if not isinstance(items, Iterable) or isinstance(items, str):
        raise OptionError(
            "callbacks must be a list of Callbacks and schedules, "
            f"not {type(callbacks).__name__} {callbacks!r:.80}"
        )
    return sorted(map(as_callback, items), key=lambda callback: callback.last)
