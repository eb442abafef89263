"""Schedules: how the learning rate of an optimizer changes while it trains.

Make the optimizer, then the schedule over it; call `schedule.step()` after each epoch (or after each step, as you like to count).
In the formulas η₀ is the learning rate that the optimizer had when the schedule was made, and t counts the calls of `step`.
The rates are those of `torch.optim.lr_scheduler`, to rounding.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import cos, inf, pi
from typing import Any, Literal

from scalargrad.core.checks import checked_int, checked_names, checked_number
from scalargrad.core.conversion import as_float, plain
from scalargrad.errors import DataError, OptionError
from scalargrad.utils.calls import explain_class

from .rules import Optimizer


class Scheduled:
    """What all schedules share: an optimizer, and a state that can be saved and loaded.

    Raises DataError for what is not an optimizer.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        explain_class(cls, "__init__")

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise DataError(
                f"{type(self).__name__} takes an optimizer, such as SGD(model.parameters()), not {type(optimizer).__name__}"
            )
        self.optimizer = optimizer

    def state_dict(self) -> dict[str, Any]:
        """All that the next rates depend on, the options and the present learning rate included.

        >>> from scalargrad import Parameter, optim
        >>> ExponentialDecay(optim.SGD([Parameter(1.0)], 0.5), 0.9).state_dict()
        {'schedule': 'ExponentialDecay', 'learning_rate': 0.5, 'steps': 0, 'base': 0.5, 'gamma': 0.9}
        """
        return {
            "schedule": type(self).__name__,
            "learning_rate": self.optimizer.learning_rate,
            **self._state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the schedule was that gave `state`, and set the learning rate of the optimizer to what it was then.

        Raises UnknownNameError for names too many or too few, OptionError for the state of another schedule or numbers out of range,
        DataError for what is not a number; then nothing has changed.
        """
        found = self._checked_state(state)
        self.optimizer.learning_rate = found.pop("learning_rate")
        self._take(found)

    def __repr__(self) -> str:
        numbers = {
            name: number
            for name, number in self.state_dict().items()
            if name not in ("schedule", "then")
        }
        return f"{type(self).__name__}({', '.join(f'{name}={number}' for name, number in numbers.items())})"

    def _checked_state(self, state: Any) -> dict[str, Any]:
        checked_names(state, self.state_dict(), "state")
        if state["schedule"] != type(self).__name__:
            raise OptionError(
                f"state is that of {state['schedule']}, not of {type(self).__name__}; nothing was loaded"
            )
        return {
            name: self._checked(name, number)
            for name, number in state.items()
            if name != "schedule"
        }

    def _state(self) -> dict[str, Any]:
        return {name: number for name, number in vars(self).items() if name != "optimizer"}

    def _take(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def _checked(self, name: str, number: Any) -> Any:
        """A number of the options or of the state, if it is one that can be."""
        return _CHECKS[name](number, f"{name} of {type(self).__name__}")


class Schedule(Scheduled, ABC):
    """A schedule whose rate depends on the number of the step alone. Derive from it and write `rate`.

    steps  how often `step` was called
    base   η₀
    """

    def __init__(self, optimizer: Optimizer, **options: Any) -> None:
        super().__init__(optimizer)
        self.steps, self.base = 0, optimizer.learning_rate
        vars(self).update({name: self._checked(name, option) for name, option in options.items()})

    @abstractmethod
    def rate(self, step: int) -> float:
        """The learning rate after so many calls of `step`."""

    def step(self) -> None:
        """Count one step, and set the learning rate of the optimizer."""
        self.optimizer.learning_rate = self.rate(self.steps + 1)
        self.steps += 1


class ConstantRate(Schedule):
    """η₀, always: for where a schedule is asked for.

    >>> from scalargrad import Parameter, optim
    >>> schedule = ConstantRate(optim.SGD([Parameter(1.0)], 0.5))
    >>> schedule.step()
    >>> schedule
    ConstantRate(learning_rate=0.5, steps=1, base=0.5)
    """

    def __init__(self, optimizer: Optimizer) -> None:
        super().__init__(optimizer)

    def rate(self, step: int) -> float:  # noqa: ARG002
        """η₀."""
        return self.base


class StepDecay(Schedule):
    """η₀ · gamma^⌊t/step_size⌋: a smaller rate after every so many steps.

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
        """η₀ · gamma^⌊t/step_size⌋."""
        decay: float = self.gamma ** (step // self.step_size)
        return self.base * decay


class ExponentialDecay(Schedule):
    """η₀ · factorᵗ.

    >>> from scalargrad import Parameter, optim
    >>> ExponentialDecay(optim.SGD([Parameter(1.0)], 1.0), 0.5).rate(3)
    0.125
    """

    gamma: float

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer, gamma=gamma)

    def rate(self, step: int) -> float:
        """η₀ · factorᵗ."""
        decay: float = self.gamma**step
        return self.base * decay


class CosineDecay(Schedule):
    """min_lr + (η₀ − min_lr)·(1 + cos(π·t/length))/2: half a cosine from η₀ down to `min_lr` (Loshchilov and Hutter 2017, equation 5).

    After `length` steps it rises again, as PyTorch's CosineAnnealingLR does: stop there, or go on in waves.

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
        """min_lr + (η₀ − min_lr)·(1 + cos(π·t/length))/2."""
        return self.min_lr + (self.base - self.min_lr) * (1.0 + cos(pi * step / self.length)) / 2.0


class WarmUp(Schedule):
    """η₀ · (start + (1 − start)·t/length) for the first `length` steps, then another schedule from its own beginning.

    start  the part of η₀ to begin with, above 0 and at most 1; the optimizer gets that rate at once
    then   the schedule that follows, made over the same optimizer; η₀ stays if there is none

    Raises OptionError for a `then` over another optimizer, one that has made steps, or one that needs a metric.

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
                f"then of WarmUp must be a schedule that depends on the step alone, not {type(then).__name__}"
            )
        if self.then.optimizer is not optimizer or self.then.steps:
            raise OptionError("then of WarmUp must be a fresh schedule over the same optimizer")
        self.base = self.then.base
        optimizer.learning_rate = self.rate(0)

    def rate(self, step: int) -> float:
        """That of the warm-up, then that of the schedule that follows."""
        if step >= self.length:
            return self.then.rate(step - self.length)
        return self.base * (self.start + (1.0 - self.start) * step / self.length)

    def step(self) -> None:
        """Count one step, and set the learning rate of the optimizer."""
        super().step()
        self.then.steps = max(self.steps - self.length, 0)

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "then": self.then.state_dict()}

    def _checked(self, name: str, number: Any) -> Any:
        return (
            self.then._checked_state(number) if name == "then" else super()._checked(name, number)
        )

    def _take(self, state: dict[str, Any]) -> None:
        then = state.pop("then")
        del then["learning_rate"]  # the present rate is that of the whole
        self.then._take(then)
        super()._take(state)


class ReduceOnPlateau(Scheduled):
    """Multiply the learning rate by `factor` when a metric has not improved for more than `patience` steps.

    A metric improves when it is below best·(1 − threshold); with mode "max", above best·(1 + threshold);
    with threshold_mode "abs", when it passes `best` by the threshold itself. A metric that is nan never improves.

    cooldown  how many steps after a reduction do not count
    min_lr    the rate never gets below it
    eps       a reduction by less than this is left out

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
        options: dict[str, Any] = {
            "factor": factor,
            "patience": patience,
            "threshold": threshold,
            "mode": mode,
        }
        options |= {
            "threshold_mode": threshold_mode,
            "cooldown": cooldown,
            "min_lr": min_lr,
            "eps": eps,
        }
        vars(self).update({name: self._checked(name, option) for name, option in options.items()})
        if self.factor >= 1.0:
            raise OptionError(f"factor of ReduceOnPlateau must be below 1, not {self.factor!r}")
        self.best: float | None = None
        self.waiting = self.cooling = 0

    def step(self, metric: Any) -> None:
        """Look at the metric of this epoch (a number or a Value), and reduce the learning rate if it is time."""
        number = as_float(plain(metric), "metric of ReduceOnPlateau")
        if self._improves(number):
            self.best, self.waiting = number, 0
        else:
            self.waiting += 1
        if self.cooling:
            self.cooling, self.waiting = self.cooling - 1, 0
        if self.waiting > self.patience:
            self.cooling, self.waiting = self.cooldown, 0
            self._reduce()

    def _improves(self, number: float) -> bool:
        if self.best is None:
            return number > -inf if self.mode == "max" else number < inf
        margin = self.threshold if self.mode == "max" else -self.threshold
        bar = self.best * (1.0 + margin) if self.threshold_mode == "rel" else self.best + margin
        return number > bar if self.mode == "max" else number < bar

    def _reduce(self) -> None:
        before = self.optimizer.learning_rate
        after = max(before * self.factor, self.min_lr)
        if before - after > self.eps:
            self.optimizer.learning_rate = after


def _positive(number: Any, what: str) -> float:
    return checked_number(number, what, above=True)


def _zero_or_more(number: Any, what: str) -> int:
    return checked_int(number, what, 0)


def _one_or_more(number: Any, what: str) -> int:
    return checked_int(number, what, 1)


def _part(number: Any, what: str) -> float:
    return checked_number(number, what, high=1.0, above=True, below=False)


def _one_of(*choices: str) -> Callable[[Any, str], str]:
    def check(option: Any, what: str) -> str:
        if option not in choices:
            raise OptionError(f"{what} must be {' or '.join(map(repr, choices))}, not {option!r}")
        return str(option)

    return check


_CHECKS: dict[str, Any] = {
    **dict.fromkeys(("learning_rate", "base", "min_lr", "eps", "threshold"), checked_number),
    **dict.fromkeys(("steps", "patience", "cooldown", "waiting", "cooling"), _zero_or_more),
    **dict.fromkeys(("step_size", "length"), _one_or_more),
    "mode": _one_of("min", "max"),
    "threshold_mode": _one_of("rel", "abs"),
    **dict.fromkeys(("factor", "gamma"), _positive),
    "start": _part,
    "best": lambda number, what: None if number is None else as_float(number, what),
}
"""How each number of a schedule is checked, by name: one table for options and for states."""
