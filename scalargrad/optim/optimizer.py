"""The base class of optimizers: parameters as vectors, declared options, and a state to save."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from inspect import signature
from typing import Annotated, Any, ClassVar, TypeVar, cast

import numpy
from numpy.typing import NDArray

from scalargrad.core.checks import (
    Nest,
    checked_int,
    checked_names,
    checked_number,
    checked_parameters,
)
from scalargrad.core.conversion import as_float, plain
from scalargrad.core.value import Parameter
from scalargrad.errors import LengthError, OptionError
from scalargrad.utils.calls import explain_class

Vector = NDArray[numpy.float64]
Mask = NDArray[numpy.bool_]
Fraction = Annotated[float, "from 0 to 1"]
"""The annotation of an option that is a part of a whole."""

Options = Mapping[str, Any]
State = dict[str, Any]
"""What `state_dict` returns: names, numbers, and dictionaries of numbers or vectors."""

Init = TypeVar("Init", bound=Callable[..., None])
Check = Callable[[Any, str], Any]
"""A function of an option and of its name in messages. It returns the option, or raises."""


class Optimizer(ABC):
    """The base class of optimizers.

    A subclass names the vectors that it keeps from step to step in `memory`, writes its update
    rule as `_rule`, and declares its options once: as the signature of an `__init__` without a
    body, decorated with `declare_options`.

    Attributes:
        memory: The names of the vectors that the rule keeps, which are zeros at first.
        parameters: The Parameters to optimize.
        options: The hyperparameters by name, the learning rate among them.
        steps: The number of steps made.

    Raises:
        DataError: If something is not a Parameter, or an option is not a number.
        LengthError: If there are no parameters.
        OptionError: If a parameter is given twice, or an option is out of its range.

    Example:
        >>> class SignDescent(Optimizer):
        ...     @declare_options
        ...     def __init__(self, parameters, learning_rate=0.01): ...
        ...
        ...     def _rule(self, data, gradient):
        ...         return data - self.learning_rate * numpy.sign(gradient)
        >>> w = Parameter(1.0)
        >>> (w * w).backward()
        >>> SignDescent([w], 0.25).step()
        >>> w.data
        0.75
    """

    memory: ClassVar[tuple[str, ...]] = ()
    _checks: Mapping[str, Check] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        explain_class(cls, "__init__")

    def __init__(self, parameters: Iterable[Parameter] | Nest, **options: Any) -> None:
        self.parameters = checked_parameters(parameters, type(self).__name__)
        self.options = dict(self._check(options))
        self.steps = 0
        self._memory: dict[str, Vector] = {name: self._initial(name) for name in self.memory}

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step, which schedules set and you may set.

        Raises:
            OptionError: If it is set to a number that is negative or not finite.

        Example:
            >>> from scalargrad.optim import AdaGrad
            >>> optimizer = AdaGrad([Parameter(1.0)], 0.1)
            >>> optimizer.learning_rate /= 2
            >>> optimizer.learning_rate
            0.05
        """
        rate: float = self.options["learning_rate"]
        return rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        name = f"learning_rate of {type(self).__name__}"
        self.options["learning_rate"] = checked_number(rate, name)

    def step(self) -> None:
        """Update every parameter that is not frozen from its gradient.

        Raises:
            DataError: If a `grad` is not a number; then nothing has changed.
        """
        gradient = self._gradient()
        data = numpy.array([parameter.data for parameter in self.parameters])
        updated = self.update(data, gradient, self.trainable()).tolist()
        for parameter, number in zip(self.parameters, updated, strict=True):
            parameter.data = number

    def trainable(self) -> Mask | None:
        """Return which parameters may be changed, True or False for each; None for all."""
        mask = [parameter.trainable for parameter in self.parameters]
        return None if all(mask) else numpy.array(mask)

    def update(self, data: Vector, gradient: Vector, trainable: Mask | None = None) -> Vector:
        """Apply one step of the rule to vectors with one number per parameter.

        The step is counted, and the vectors that the rule keeps are updated; the parameters
        themselves are neither read nor written.

        Args:
            data: The numbers of the parameters.
            gradient: Their gradients.
            trainable: Which of them may change; None for all. The others stay, with a gradient of
                0.

        Returns:
            The new numbers, in a new vector.

        Raises:
            LengthError: If a vector is of another shape.

        Example:
            >>> from scalargrad.optim import SGD
            >>> optimizer = SGD([Parameter(1.0), Parameter(2.0)], 0.5)
            >>> optimizer.update(numpy.array([1.0, 2.0]), numpy.array([2.0, -2.0]))
            array([0., 3.])
        """
        data = numpy.asarray(data, dtype=float)
        gradient = numpy.asarray(gradient, dtype=float)
        shape = (len(self.parameters),)
        if data.shape != shape or gradient.shape != shape:
            shapes = f"{data.shape} and {gradient.shape}"
            raise LengthError(
                f"{type(self).__name__}.update takes two vectors of shape {shape}, not {shapes}"
            )

        self.steps += 1
        # As in the graph: the results of IEEE 754, never an exception or a warning.
        with numpy.errstate(all="ignore"):
            if trainable is None:
                return self._rule(data, gradient)
            masked = numpy.where(trainable, gradient, 0.0)
            # A second mask, because weight decay and momentum move a parameter whose gradient is 0.
            return numpy.where(trainable, self._rule(data, masked), data)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self.parameters:
            parameter.grad = 0.0

    def state_dict(self) -> State:
        """Return all that the next step depends on besides parameters and gradients.

        Example:
            >>> from scalargrad.optim import SGD
            >>> state = SGD([Parameter(1.0)], 0.1, momentum=0.9).state_dict()
            >>> state["rule"], state["size"], state["steps"], state["memory"]
            ('SGD', 1, 0, {'velocity': array([0.])})
        """
        return {
            "rule": type(self).__name__,
            "size": len(self.parameters),
            "steps": self.steps,
            "options": dict(self.options),
            "memory": {name: vector.copy() for name, vector in self._memory.items()},
        }

    def load_state_dict(self, state: State) -> None:
        """Continue bit-exactly where the optimizer of `state` was; nothing changes if that raises.

        Raises:
            UnknownNameError: If names are missing or unknown.
            OptionError: If the state is of another rule, or an option is out of its range.
            LengthError: If the state is for another number of parameters.
            DataError: If something is not a number.
        """
        checked_names(state, ("rule", "size", "steps", "options", "memory"), "state")
        if state["rule"] != type(self).__name__:
            raise OptionError(
                f"state is that of {state['rule']}, not of {type(self).__name__}; "
                "nothing was loaded"
            )
        if state["size"] != len(self.parameters):
            raise LengthError(
                f"state is for {state['size']} parameters, not {len(self.parameters)}; "
                "nothing was loaded"
            )

        # All is checked before the first attribute is set, so that an error changes nothing.
        steps = checked_int(state["steps"], "steps of the state", 0)
        options = checked_names(state["options"], self.options, "options of the state")
        checked_options = self._check(options)
        vectors = checked_names(state["memory"], self._memory, "memory of the state")
        memory = {name: self._check_vector(name, vectors[name]) for name in self._memory}

        self.steps = steps
        self.options = dict(checked_options)
        self._memory = memory

    def __repr__(self) -> str:
        count = len(self.parameters)
        plural = "" if count == 1 else "s"
        options = ", ".join(f"{name}={option}" for name, option in self.options.items())
        return f"{type(self).__name__}({count} parameter{plural}, {options})"

    def _gradient(self) -> Vector:
        gradients = [parameter.grad or 0.0 for parameter in self.parameters]
        try:
            return numpy.array(gradients, dtype=float)
        except (TypeError, ValueError):
            # One by one, which is slower: for Values, and to say which one is not a number.
            who = type(self).__name__
            numbers = [
                as_float(plain(gradient), f"grad of parameter {i} of {who}")
                for i, gradient in enumerate(gradients)
            ]
            return numpy.array(numbers)

    @abstractmethod
    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        """Return the new numbers from the numbers and their gradient."""

    def _initial(self, name: str) -> Vector:  # noqa: ARG002
        """Return what a vector is before the first step."""
        return numpy.zeros(len(self.parameters))

    def _add_weight_decay(self, data: Vector, gradient: Vector) -> Vector:
        """Return g + λ·w, the gradient of the loss with the penalty ½·λ·w²."""
        decay: float = self.options["weight_decay"]
        # Without the condition, 0·inf would make nan of a parameter that has overflowed.
        return gradient + decay * data if decay else gradient

    def _check(self, options: Options) -> Options:
        """Return the options, each checked as its class declares it."""
        who = type(self).__name__
        checked: dict[str, Any] = {}
        for name, option in options.items():
            check: Check = self._checks.get(name, checked_number)
            checked[name] = check(option, f"{name} of {who}")
        return checked

    def _check_vector(self, name: str, numbers: Any) -> Vector:
        is_vector = isinstance(numbers, (list, tuple)) or numpy.ndim(numbers) == 1
        items = list(numbers) if is_vector else []
        if len(items) != len(self.parameters):
            raise LengthError(
                f"{name} of the state must be {len(self.parameters)} numbers, not {len(items)}; "
                "nothing was loaded"
            )
        return numpy.array([as_float(x, f"{name}[{i}] of the state") for i, x in enumerate(items)])


def declare_options(init: Init) -> Init:
    """Make the arguments of an `__init__` the options of an optimizer.

    The annotation of an argument says how it is checked: a `float` is at least 0 and finite, a
    `Fraction` at most 1, a `bool` a switch, a `tuple` a pair of numbers below 1.

    Args:
        init: An `__init__` without a body, whose arguments are `self`, `parameters` and the
            options.
    """
    form = signature(init)
    annotations = {name: argument.annotation for name, argument in form.parameters.items()}
    checks = {name: _CHECKS[note] for name, note in annotations.items() if note in _CHECKS}

    @wraps(init)
    def store(self: Optimizer, *arguments: Any, **options: Any) -> None:
        call = form.bind(self, *arguments, **options)
        call.apply_defaults()
        _, parameters, *_ = call.args
        # Without `self` and `parameters`, which come first.
        declared = {name: call.arguments[name] for name in list(form.parameters)[2:]}
        # Set first, because the base class checks the options.
        self._checks = checks
        Optimizer.__init__(self, parameters, **declared)

    return cast(Init, store)


def _check_switch(option: object, what: str) -> bool:
    if not isinstance(option, (bool, numpy.bool_)):
        raise OptionError(f"{what} must be True or False, not {option!r}")
    return bool(option)


def _check_pair(option: object, what: str) -> tuple[float, float]:
    if not isinstance(option, (tuple, list)) or len(option) != 2:
        raise OptionError(f"{what} must be two numbers, such as (0.9, 0.999), not {option!r}")
    first = checked_number(option[0], f"{what}, number 0", high=1.0)
    second = checked_number(option[1], f"{what}, number 1", high=1.0)
    return first, second


_CHECKS: dict[Any, Check] = {
    float: checked_number,
    Fraction: partial(checked_number, high=1.0, below=False),
    bool: _check_switch,
    tuple[float, float]: _check_pair,
}
"""How an option is checked, by its annotation."""
