"""Learning-rate schedules.

Make the optimizer, then a schedule for it, and call `schedule.step()` after each epoch (or after
each step of the optimizer). In the formulas η₀ is the learning rate of the optimizer when the
schedule was made, and t counts the calls of `step`. The rates are those of
`torch.optim.lr_scheduler`, to rounding.
"""

from abc import ABC, abstractmethod
from functools import partial
from math import cos, inf, pi
from typing import Any, Literal

from scalargrad.core.checks import checked_int, checked_names, checked_number
from scalargrad.core.conversion import as_float, plain
from scalargrad.core.value import Number
from scalargrad.errors import DataError, OptionError
from scalargrad.utils.calls import explain_class

from .optimizer import Check, Optimizer, Options, State


class Scheduled:
    """The base class of all schedules: an optimizer, and a state that can be saved and loaded.

    Attributes:
        optimizer: The optimizer whose learning rate is set.

    Raises:
        DataError: If it is not an optimizer.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        explain_class(cls, "__init__")

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise DataError(
                f"{type(self).__name__} takes an optimizer, such as SGD(model.parameters()), "
                f"not {type(optimizer).__name__}"
            )
        self.optimizer = optimizer

    def state_dict(self) -> State:
        """Return all that the next rates depend on, with the options and the learning rate.

        Example:
            >>> from scalargrad import Parameter, optim
            >>> schedule = ConstantRate(optim.SGD([Parameter(1.0)], 0.5))
            >>> schedule.state_dict()
            {'schedule': 'ConstantRate', 'learning_rate': 0.5, 'steps': 0, 'base': 0.5}
        """
        return {
            "schedule": type(self).__name__,
            "learning_rate": self.optimizer.learning_rate,
            **self._state(),
        }

    def load_state_dict(self, state: State) -> None:
        """Continue where the schedule of `state` was, with the learning rate that it had.

        Nothing changes if this raises.

        Raises:
            UnknownNameError: If names are missing or unknown.
            OptionError: If the state is of another schedule, or a number is out of its range.
            DataError: If something is not a number.
        """
        checked = self._check_state(state)
        self.optimizer.learning_rate = checked.pop("learning_rate")
        self._restore(checked)

    def __repr__(self) -> str:
        numbers = [
            f"{name}={number}"
            for name, number in self.state_dict().items()
            if name not in ("schedule", "then")
        ]
        return f"{type(self).__name__}({', '.join(numbers)})"

    def _set_options(self, options: Options) -> None:
        # Options are plain attributes, so that they are part of the state.
        vars(self).update({name: self._check(name, option) for name, option in options.items()})

    def _check_state(self, state: Options) -> State:
        checked_names(state, self.state_dict(), "state")
        if state["schedule"] != type(self).__name__:
            raise OptionError(
                f"state is that of {state['schedule']}, not of {type(self).__name__}; "
                "nothing was loaded"
            )
        return {
            name: self._check(name, number) for name, number in state.items() if name != "schedule"
        }

    def _state(self) -> State:
        return {name: number for name, number in vars(self).items() if name != "optimizer"}

    def _restore(self, state: Options) -> None:
        vars(self).update(state)

    def _check(self, name: str, number: object) -> Any:
        """Return a number of the options or of the state, if it is in its range."""
        return _CHECKS[name](number, f"{name} of {type(self).__name__}")


class Schedule(Scheduled, ABC):
    """A schedule whose rate depends on the number of the step only.

    Derive from it and write `rate`.

    Attributes:
        steps: The number of calls of `step`.
        base: η₀.
    """

    def __init__(self, optimizer: Optimizer, **options: Any) -> None:
        super().__init__(optimizer)
        self.steps = 0
        self.base = optimizer.learning_rate
        self._set_options(options)

    @abstractmethod
    def rate(self, step: int) -> float:
        """Return the learning rate after this number of calls of `step`."""

    def step(self) -> None:
        """Count one step and set the learning rate of the optimizer."""
        self.optimizer.learning_rate = self.rate(self.steps + 1)
        self.steps += 1


class ConstantRate(Schedule):
    """A constant rate of η₀, for code that needs a schedule.

    Example:
        >>> from scalargrad import Parameter, optim
        >>> schedule = ConstantRate(optim.SGD([Parameter(1.0)], 0.5))
        >>> schedule.step()
        >>> schedule
        ConstantRate(learning_rate=0.5, steps=1, base=0.5)
    """

    def __init__(self, optimizer: Optimizer) -> None:
        super().__init__(optimizer)

    def rate(self, step: int) -> float:  # noqa: ARG002
        """Return η₀."""
        return self.base


class StepDecay(Schedule):
    """A rate that falls every `step_size` steps: η₀ · gamma^⌊t/step_size⌋.

    Args:
        optimizer: The optimizer whose learning rate is set.
        step_size: The number of steps between two reductions.
        gamma: The factor of each reduction.

    Example:
        >>> from scalargrad import Parameter, optim
        >>> schedule = StepDecay(optim.SGD([Parameter(1.0)], 1.0), step_size=2, gamma=0.5)
        >>> [schedule.rate(t) for t in range(5)]
        [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    step_size: int
    gamma: float

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer, step_size=step_size, gamma=gamma)

    def rate(self, step: int) -> float:
        """Return η₀ · gamma^⌊t/step_size⌋."""
        decay: float = self.gamma ** (step // self.step_size)
        return self.base * decay


class ExponentialDecay(Schedule):
    """A rate that falls at every step: η₀ · gammaᵗ.

    Args:
        optimizer: The optimizer whose learning rate is set.
        gamma: The factor of each step.

    Example:
        >>> from scalargrad import Parameter, optim
        >>> ExponentialDecay(optim.SGD([Parameter(1.0)], 1.0), 0.5).rate(3)
        0.125
    """

    gamma: float

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer, gamma=gamma)

    def rate(self, step: int) -> float:
        """Return η₀ · gammaᵗ."""
        decay: float = self.gamma**step
        return self.base * decay


class CosineDecay(Schedule):
    """Half a cosine from η₀ to `min_lr` (Loshchilov and Hutter 2017, equation 5).

    The rate is min_lr + (η₀ - min_lr)·(1 + cos(π·t/length))/2. After `length` steps it rises
    again, as in PyTorch's CosineAnnealingLR.

    Args:
        optimizer: The optimizer whose learning rate is set.
        length: The number of steps to the lowest rate.
        min_lr: The lowest rate.

    Example:
        >>> from scalargrad import Parameter, optim
        >>> schedule = CosineDecay(optim.SGD([Parameter(1.0)], 1.0), length=4)
        >>> [round(schedule.rate(t), 3) for t in range(5)]
        [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    length: int
    min_lr: float

    def __init__(self, optimizer: Optimizer, length: int, min_lr: float = 0.0) -> None:
        super().__init__(optimizer, length=length, min_lr=min_lr)

    def rate(self, step: int) -> float:
        """Return min_lr + (η₀ - min_lr)·(1 + cos(π·t/length))/2."""
        height = self.base - self.min_lr
        return self.min_lr + height * (1.0 + cos(pi * step / self.length)) / 2.0


class WarmUp(Schedule):
    """A linear warm-up, followed by another schedule.

    For the first `length` steps the rate is η₀ · (start + (1 - start)·t/length).

    Args:
        optimizer: The optimizer whose learning rate is set, to start·η₀ immediately.
        length: The number of steps of the warm-up.
        start: The part of η₀ to start with, above 0 and at most 1.
        then: The schedule that follows, made for the same optimizer; None for a constant rate of
            η₀.

    Raises:
        OptionError: If `then` is for another optimizer, has made steps, or needs a metric.

    Example:
        >>> from scalargrad import Parameter, optim
        >>> optimizer = optim.SGD([Parameter(1.0)], 1.0)
        >>> schedule = WarmUp(optimizer, 2, start=0.5, then=ExponentialDecay(optimizer, 0.1))
        >>> [round(schedule.rate(t), 9) for t in range(5)]
        [0.5, 0.75, 1.0, 0.1, 0.01]
    """

    length: int
    start: float
    then: Schedule

    def __init__(
        self, optimizer: Optimizer, length: int, start: float = 1 / 3, then: Schedule | None = None
    ) -> None:
        super().__init__(optimizer, length=length, start=start)
        self.then = ConstantRate(optimizer) if then is None else then
        if not isinstance(self.then, Schedule):
            raise OptionError(
                "then of WarmUp must be a schedule that depends on the step alone, "
                f"not {type(then).__name__}"
            )
        if self.then.optimizer is not optimizer or self.then.steps:
            raise OptionError("then of WarmUp must be a fresh schedule over the same optimizer")
        # Another warm-up as `then` has lowered the rate of the optimizer already.
        self.base = self.then.base
        optimizer.learning_rate = self.rate(0)

    def rate(self, step: int) -> float:
        """Return the rate of the warm-up, then that of the schedule that follows."""
        if step >= self.length:
            return self.then.rate(step - self.length)
        return self.base * (self.start + (1.0 - self.start) * step / self.length)

    def step(self) -> None:
        """Count one step and set the learning rate of the optimizer."""
        super().step()
        self.then.steps = max(self.steps - self.length, 0)

    def _state(self) -> State:
        return {**super()._state(), "then": self.then.state_dict()}

    def _check(self, name: str, number: Any) -> Any:
        if name == "then":
            return self.then._check_state(number)
        return super()._check(name, number)

    def _restore(self, state: Options) -> None:
        own = dict(state)
        then = dict(own.pop("then"))
        # The present rate belongs to the optimizer, which both schedules share.
        del then["learning_rate"]
        self.then._restore(then)
        super()._restore(own)


class ReduceOnPlateau(Scheduled):
    """Reduce the learning rate when a metric has stopped improving.

    A metric improves when it is below best·(1 - threshold), with mode "max" when it is above
    best·(1 + threshold). With threshold_mode "abs" it must differ from `best` by the threshold
    itself. A metric that is nan never improves.

    Args:
        optimizer: The optimizer whose learning rate is set.
        factor: The factor of each reduction, above 0 and below 1.
        patience: The number of steps without improvement to tolerate.
        threshold: How much counts as an improvement.
        mode: Whether a lower ("min") or a higher ("max") metric is better.
        threshold_mode: Whether `threshold` is relative ("rel") or absolute ("abs").
        cooldown: The number of steps after a reduction that don't count.
        min_lr: The lowest rate.
        eps: The smallest reduction; smaller ones are skipped.

    Raises:
        OptionError: If an option is out of its range.

    Example:
        >>> from scalargrad import Parameter, optim
        >>> optimizer = optim.SGD([Parameter(1.0)], 1.0)
        >>> schedule = ReduceOnPlateau(optimizer, factor=0.5, patience=1)
        >>> for loss in [3.0, 2.0, 2.0, 2.0]:
        ...     schedule.step(loss)
        >>> optimizer.learning_rate
        0.5
    """

    factor: float
    patience: int
    threshold: float
    cooldown: int
    min_lr: float
    eps: float
    mode: Literal["min", "max"]
    threshold_mode: Literal["rel", "abs"]

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        mode: Literal["min", "max"] = "min",
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(optimizer)
        self._set_options(
            {
                "factor": factor,
                "patience": patience,
                "threshold": threshold,
                "mode": mode,
                "threshold_mode": threshold_mode,
                "cooldown": cooldown,
                "min_lr": min_lr,
                "eps": eps,
            }
        )
        if self.factor >= 1.0:
            raise OptionError(f"factor of ReduceOnPlateau must be below 1, not {self.factor!r}")
        self.best: float | None = None
        self.waiting = 0
        self.cooling = 0

    def step(self, metric: Number) -> None:
        """Count one step, and reduce the learning rate if the metric has stopped improving.

        Args:
            metric: A number or a Value, such as the loss of the epoch.

        Raises:
            DataError: If it is not a number.
        """
        number = as_float(plain(metric), "metric of ReduceOnPlateau")
        if self._improves(number):
            self.best = number
            self.waiting = 0
        else:
            self.waiting += 1

        if self.cooling:
            self.cooling -= 1
            self.waiting = 0
        if self.waiting > self.patience:
            self.cooling = self.cooldown
            self.waiting = 0
            self._reduce()

    def _improves(self, number: float) -> bool:
        is_max = self.mode == "max"
        if self.best is None:
            # The first number counts, unless it is the worst possible or nan.
            return number > -inf if is_max else number < inf
        margin = self.threshold if is_max else -self.threshold
        is_relative = self.threshold_mode == "rel"
        bound = self.best * (1.0 + margin) if is_relative else self.best + margin
        return number > bound if is_max else number < bound

    def _reduce(self) -> None:
        before = self.optimizer.learning_rate
        after = max(before * self.factor, self.min_lr)
        if before - after > self.eps:
            self.optimizer.learning_rate = after


def _one_of(*choices: str) -> Check:
    def check(option: object, what: str) -> str:
        if option not in choices:
            raise OptionError(f"{what} must be {' or '.join(map(repr, choices))}, not {option!r}")
        return str(option)

    return check


_zero_or_more = partial(checked_int, low=0)
_one_or_more = partial(checked_int, low=1)
_positive = partial(checked_number, above=True)

_CHECKS: dict[str, Check] = {
    "learning_rate": checked_number,
    "base": checked_number,
    "min_lr": checked_number,
    "eps": checked_number,
    "threshold": checked_number,
    "factor": _positive,
    "gamma": _positive,
    "start": partial(checked_number, high=1.0, above=True, below=False),
    "step_size": _one_or_more,
    "length": _one_or_more,
    "steps": _zero_or_more,
    "patience": _zero_or_more,
    "cooldown": _zero_or_more,
    "waiting": _zero_or_more,
    "cooling": _zero_or_more,
    "mode": _one_of("min", "max"),
    "threshold_mode": _one_of("rel", "abs"),
    "best": lambda number, what: None if number is None else as_float(number, what),
}
"""How each option and each number of a state is checked, by name."""
