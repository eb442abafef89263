"""What all optimizers share: parameters read and written as vectors, options, and a state that can be saved and taken up again."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy
from numpy.typing import NDArray

from scalargrad.core.checks import checked_int, checked_names, checked_number, checked_parameters
from scalargrad.core.conversion import as_float, plain
from scalargrad.core.value import Parameter
from scalargrad.errors import LengthError, OptionError
from scalargrad.utils.calls import explain_class

Vector = NDArray[numpy.float64]
Mask = NDArray[numpy.bool_]


class Optimizer(ABC):
    """What all optimizers share. Derive from it, name the vectors to remember in `remembers`, and write `_rule`.

    parameters  the Parameters that it changes
    options     the hyperparameters by name, the learning rate among them
    steps       how many steps it has made

    Raises DataError, LengthError or OptionError for parameters that are none, no Parameters or given twice, and for options
    out of their range.
    """

    remembers: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        explain_class(cls, "__init__")

    def __init__(self, parameters: Iterable[Parameter], **options: Any) -> None:
        self.parameters = checked_parameters(parameters, type(self).__name__)
        self.options = self._checked(options)
        self.steps = 0
        self._memory: dict[str, Vector] = {name: self._beginning(name) for name in self.remembers}

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step. Schedules set it, and so may you; OptionError if it is negative or not finite.

        >>> from scalargrad.optim import SGD
        >>> optimizer = SGD([Parameter(1.0)], 0.1)
        >>> optimizer.learning_rate /= 2
        >>> optimizer
        SGD(1 parameter, learning_rate=0.05, momentum=0.0, dampening=0.0, nesterov=False, weight_decay=0.0)
        """
        rate: float = self.options["learning_rate"]
        return rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.options["learning_rate"] = checked_number(
            rate, f"learning_rate of {type(self).__name__}"
        )

    def step(self) -> None:
        """Change every parameter that is not frozen by one step of the rule, from its gradient.

        Raises DataError for a `grad` that is not a number; then nothing has changed.
        """
        gradient = self._gradient()
        data = numpy.array([parameter.data for parameter in self.parameters])
        for parameter, number in zip(
            self.parameters, self.update(data, gradient, self.trainable()).tolist(), strict=True
        ):
            parameter.data = number

    def trainable(self) -> Mask | None:
        """Which parameters may be changed, True or False for each; None for all."""
        found = [parameter.trainable for parameter in self.parameters]
        return None if all(found) else numpy.array(found)

    def update(self, data: Vector, gradient: Vector, trainable: Mask | None = None) -> Vector:
        """One step of the rule on vectors with one number per parameter: the new numbers, in a new vector.

        trainable  which of them may change (to the others their gradient is 0, and they stay); None for all

        The step is counted and remembered; the parameters themselves are neither read nor written. Raises LengthError for
        vectors of another shape.

        >>> from scalargrad.optim import SGD
        >>> SGD([Parameter(1.0), Parameter(2.0)], 0.5).update(numpy.array([1.0, 2.0]), numpy.array([2.0, -2.0]))
        array([0., 3.])
        """
        size, data, gradient = (
            (len(self.parameters),),
            numpy.asarray(data, dtype=float),
            numpy.asarray(gradient, dtype=float),
        )
        if data.shape != size or gradient.shape != size:
            shapes = f"{data.shape} and {gradient.shape}"
            raise LengthError(
                f"{type(self).__name__}.update takes two vectors of shape {size}, not {shapes}"
            )
        self.steps += 1
        with numpy.errstate(all="ignore"):  # as in the graph: IEEE results, never an exception
            if trainable is None:
                return self._rule(data, gradient)
            return numpy.where(
                trainable, self._rule(data, numpy.where(trainable, gradient, 0.0)), data
            )

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self.parameters:
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on besides parameters and gradients: which rule, options, steps made, remembered vectors.

        >>> from scalargrad.optim import SGD
        >>> state = SGD([Parameter(1.0)], 0.1, momentum=0.9).state_dict()
        >>> state["rule"], state["size"], state["steps"], state["memory"]
        ('SGD', 1, 0, {'velocity': array([0.])})
        """
        memory = {name: vector.copy() for name, vector in self._memory.items()}
        return {
            "rule": type(self).__name__,
            "size": len(self.parameters),
            "steps": self.steps,
            "options": dict(self.options),
            "memory": memory,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the optimizer was that gave `state`: the next steps are equal to its own, bit for bit.

        Raises UnknownNameError for names too many or too few, OptionError for the state of another rule or options out of range,
        LengthError for another number of parameters, DataError for what is not a number; then nothing has changed.
        """
        checked_names(state, ("rule", "size", "steps", "options", "memory"), "state")
        if state["rule"] != type(self).__name__:
            raise OptionError(
                f"state is that of {state['rule']}, not of {type(self).__name__}; nothing was loaded"
            )
        if state["size"] != len(self.parameters):
            raise LengthError(
                f"state is for {state['size']} parameters, not {len(self.parameters)}; nothing was loaded"
            )
        steps = checked_int(state["steps"], "steps of the state", 0)
        options = self._checked(
            checked_names(state["options"], self.options, "options of the state")
        )
        vectors = checked_names(state["memory"], self._memory, "memory of the state")
        memory = {name: self._vector(name, vectors[name]) for name in self._memory}
        self.steps, self.options, self._memory = steps, options, memory

    def __repr__(self) -> str:
        count = len(self.parameters)
        options = ", ".join(f"{name}={option}" for name, option in self.options.items())
        return f"{type(self).__name__}({count} parameter{'s' * (count != 1)}, {options})"

    def _gradient(self) -> Vector:
        gradients = [parameter.grad or 0.0 for parameter in self.parameters]
        try:
            return numpy.array(gradients, dtype=float)
        except (TypeError, ValueError):  # the slow way, which says where
            return numpy.array(
                [
                    as_float(plain(x), f"grad of parameter {i} of {type(self).__name__}")
                    for i, x in enumerate(gradients)
                ]
            )

    @abstractmethod
    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        """The new numbers, from the numbers and their gradient."""

    def _beginning(self, name: str) -> Vector:  # noqa: ARG002
        """What a remembered vector is before the first step."""
        return numpy.zeros(len(self.parameters))

    def _checked(self, options: Any) -> dict[str, Any]:
        return {
            name: _option(name, option, type(self).__name__) for name, option in options.items()
        }

    def _vector(self, name: str, numbers: Any) -> Vector:
        given = (
            list(numbers) if isinstance(numbers, (list, tuple)) or numpy.ndim(numbers) == 1 else []
        )
        if len(given) != len(self.parameters):
            raise LengthError(
                f"{name} of the state must be {len(self.parameters)} numbers, not {len(given)}; nothing was loaded"
            )
        return numpy.array([as_float(x, f"{name}[{i}] of the state") for i, x in enumerate(given)])

    def _decayed(self, data: Vector, gradient: Vector) -> Vector:
        """The gradient with that of the penalty ½·λ·w² added."""
        decay: float = self.options["weight_decay"]
        return gradient + decay * data if decay else gradient

    def _root(self, squares: Vector) -> Vector:
        """What the steps of the adaptive rules are divided by."""
        eps: float = self.options["eps"]
        return numpy.sqrt(squares) + eps


def _option(name: str, option: Any, who: str) -> Any:
    what = f"{name} of {who}"
    if name in ("nesterov", "centered", "amsgrad"):
        return _switch(option, what)
    if name == "betas":
        return _betas(option, what)
    return (
        checked_number(option, what, high=1.0, below=False)
        if name == "alpha"
        else checked_number(option, what)
    )


def _switch(option: Any, what: str) -> bool:
    if not isinstance(option, (bool, numpy.bool_)):
        raise OptionError(f"{what} must be True or False, not {option!r}")
    return bool(option)


def _betas(option: Any, what: str) -> tuple[float, float]:
    if not isinstance(option, (tuple, list)) or len(option) != 2:
        raise OptionError(f"{what} must be two numbers, such as (0.9, 0.999), not {option!r}")
    first, second = (
        checked_number(beta, f"{what}, number {i}", high=1.0) for i, beta in enumerate(option)
    )
    return first, second
