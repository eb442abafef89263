"""Optimisers: how parameters follow their gradients. Each update rule is written once, on vectors.

`step()` reads the parameters' numbers and gradients as two float64 vectors, and writes the result of `update` back. Whoever holds
parameters and gradients as vectors already calls `update` itself. The rules are those of PyTorch, to rounding.

In the formulas w is a parameter, g its gradient, η the learning rate, λ the weight decay and t the number of the step, from 1.
A gradient that is None counts as 0. One that is not finite passes through to the parameter: stopping is the training loop's decision.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy
from numpy.typing import NDArray

from .conversion import as_float, plain
from .engine import Parameter
from .errors import LengthError, OptionError
from .hyperparameters import checked_count, checked_names, checked_number, checked_parameters

Vector = NDArray[numpy.float64]


class Optimiser:
    """What all optimisers share. Derive from it, name the vectors to remember in `remembers`, and write `_rule`.

    parameters  the Parameters that it changes
    options     the hyperparameters by name, the learning rate among them
    steps       how many steps it has made

    Raises DataError, LengthError or OptionError for parameters that are none, no Parameters or given twice, and for options
    out of their range.
    """

    remembers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, parameters: Iterable[Parameter], **options: Any) -> None:
        self.parameters = checked_parameters(parameters, type(self).__name__)
        self.options = self._checked(options)
        self.steps = 0
        self._memory: dict[str, Vector] = {name: self._beginning(name) for name in self.remembers}

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step. Schedules set it, and so may you; OptionError if it is negative or not finite.

        >>> optimiser = SGD([Parameter(1.0)], 0.1)
        >>> optimiser.learning_rate /= 2
        >>> optimiser
        SGD(1 parameter, learning_rate=0.05, momentum=0.0, dampening=0.0, nesterov=False, weight_decay=0.0)
        """
        rate: float = self.options["learning_rate"]
        return rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.options["learning_rate"] = checked_number(rate, f"learning_rate of {type(self).__name__}")

    def step(self) -> None:
        """Change every parameter by one step of the rule, from its gradient.

        Raises DataError for a `grad` that is not a number; then nothing has changed.
        """
        gradient = self._gradient()
        data = numpy.array([parameter.data for parameter in self.parameters])
        for parameter, number in zip(self.parameters, self.update(data, gradient).tolist(), strict=True):
            parameter.data = number

    def update(self, data: Vector, gradient: Vector) -> Vector:
        """One step of the rule on vectors with one number per parameter: the new numbers, in a new vector.

        The step is counted and remembered; the parameters themselves are neither read nor written. Raises LengthError for
        vectors of another shape.

        >>> SGD([Parameter(1.0), Parameter(2.0)], 0.5).update(numpy.array([1.0, 2.0]), numpy.array([2.0, -2.0]))
        array([0., 3.])
        """
        size, data, gradient = (len(self.parameters),), numpy.asarray(data, dtype=float), numpy.asarray(gradient, dtype=float)
        if data.shape != size or gradient.shape != size:
            shapes = f"{data.shape} and {gradient.shape}"
            raise LengthError(f"{type(self).__name__}.update takes two vectors of shape {size}, not {shapes}")
        self.steps += 1
        with numpy.errstate(all="ignore"):  # as in the graph: IEEE results, never an exception
            return self._rule(data, gradient)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self.parameters:
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on besides parameters and gradients: which rule, options, steps made, remembered vectors.

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
        """Go on where the optimiser was that gave `state`: the next steps are equal to its own, bit for bit.

        Raises UnknownNameError for names too many or too few, OptionError for the state of another rule or options out of range,
        LengthError for another number of parameters, DataError for what is not a number; then nothing has changed.
        """
        checked_names(state, ("rule", "size", "steps", "options", "memory"), "state")
        if state["rule"] != type(self).__name__:
            raise OptionError(f"state is that of {state['rule']}, not of {type(self).__name__}; nothing was loaded")
        if state["size"] != len(self.parameters):
            raise LengthError(f"state is for {state['size']} parameters, not {len(self.parameters)}; nothing was loaded")
        steps = checked_count(state["steps"], "steps of the state")
        options = self._checked(checked_names(state["options"], self.options, "options of the state"))
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
            return numpy.array([as_float(plain(x), f"grad of parameter {i} of {type(self).__name__}") for i, x in enumerate(gradients)])

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        raise NotImplementedError(f"{type(self).__name__} has no update rule: define _rule(self, data, gradient)")

    def _beginning(self, name: str) -> Vector:  # noqa: ARG002
        """What a remembered vector is before the first step."""
        return numpy.zeros(len(self.parameters))

    def _checked(self, options: Any) -> dict[str, Any]:
        return {name: _option(name, option, type(self).__name__) for name, option in options.items()}

    def _vector(self, name: str, numbers: Any) -> Vector:
        given = list(numbers) if isinstance(numbers, (list, tuple)) or numpy.ndim(numbers) == 1 else []
        if len(given) != len(self.parameters):
            raise LengthError(f"{name} of the state must be {len(self.parameters)} numbers, not {len(given)}; nothing was loaded")
        return numpy.array([as_float(x, f"{name}[{i}] of the state") for i, x in enumerate(given)])

    def _decayed(self, data: Vector, gradient: Vector) -> Vector:
        """The gradient with that of the penalty ½·λ·w² added."""
        decay: float = self.options["weight_decay"]
        return gradient + decay * data if decay else gradient

    def _root(self, squares: Vector) -> Vector:
        """What the steps of the adaptive rules are divided by."""
        eps: float = self.options["eps"]
        return numpy.sqrt(squares) + eps


class SGD(Optimiser):
    """Gradient descent, plain or with momentum.

        g ← g + λ·w
        v ← μ·v + (1 − dampening)·g     (v ← g in the first step)
        w ← w − η·v                     (nesterov: w ← w − η·(g + μ·v); without momentum: w ← w − η·g)

    momentum      μ: how much of the last step goes on, as a ball rolls (Polyak 1964)
    nesterov      look ahead by the momentum (Nesterov 1983, in the form of Sutskever et al. 2013); needs momentum, no dampening
    dampening     how much of the gradient is left out of v
    weight_decay  λ: as a penalty of ½·λ·w² on every parameter

    >>> w = Parameter(1.0)
    >>> (w * w).backward()
    >>> SGD([w], 0.25).step()
    >>> w.data
    0.5
    """

    remembers = ("velocity",)

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float = 0.001,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            parameters,
            learning_rate=learning_rate,
            momentum=momentum,
            dampening=dampening,
            nesterov=nesterov,
            weight_decay=weight_decay,
        )

    def _checked(self, options: Any) -> dict[str, Any]:
        found = super()._checked(options)
        if found["nesterov"] and (not found["momentum"] or found["dampening"]):
            raise OptionError("nesterov of SGD needs a momentum above 0 and no dampening: give momentum=0.9, dampening=0.0")
        return found

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        gradient, momentum = self._decayed(data, gradient), self.options["momentum"]
        if momentum:
            fresh = 1.0 if self.steps == 1 else 1.0 - self.options["dampening"]
            velocity = self._memory["velocity"] = momentum * self._memory["velocity"] + fresh * gradient
            gradient = gradient + momentum * velocity if self.options["nesterov"] else velocity
        return data - self.learning_rate * gradient


class AdaGrad(Optimiser):
    """Smaller steps for parameters that have had large gradients (Duchi et al. 2011).

        g ← g + λ·w
        s ← s + g²
        w ← w − η/(1 + (t − 1)·learning_rate_decay) · g/(√s + eps)

    initial_accumulator  s before the first step

    >>> w = Parameter(1.0)
    >>> (8 * w).backward()
    >>> AdaGrad([w], 0.25).step()
    >>> round(w.data, 9)
    0.75
    """

    remembers = ("squares",)

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float = 0.01,
        *,
        learning_rate_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            parameters,
            learning_rate=learning_rate,
            learning_rate_decay=learning_rate_decay,
            weight_decay=weight_decay,
            initial_accumulator=initial_accumulator,
            eps=eps,
        )

    def _beginning(self, name: str) -> Vector:  # noqa: ARG002
        return numpy.full(len(self.parameters), self.options["initial_accumulator"])

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        gradient = self._decayed(data, gradient)
        squares = self._memory["squares"] = self._memory["squares"] + gradient * gradient
        rate: float = self.learning_rate / (1.0 + (self.steps - 1) * self.options["learning_rate_decay"])
        return data - rate * gradient / self._root(squares)


class RMSprop(Optimiser):
    """The gradient divided by a running root of its mean square (Tieleman and Hinton 2012, lecture 6.5 of their course).

        g ← g + λ·w
        s ← α·s + (1 − α)·g²
        m ← α·m + (1 − α)·g             (centered)
        r = √s + eps                    (centered: √(s − m²) + eps)
        v ← μ·v + g/r
        w ← w − η·v                     (without momentum: w ← w − η·g/r)

    alpha     α: how much of the running means is kept, from 0 to 1
    momentum  μ
    centered  divide by the running deviation instead (Graves 2013, equations 38 to 41)

    Where rounding makes s − m² negative it counts as 0; PyTorch then gives nan.

    >>> w = Parameter(1.0)
    >>> (8 * w).backward()
    >>> RMSprop([w], 0.05).step()
    >>> round(w.data, 6)
    0.5
    """

    remembers = ("squares", "average", "velocity")

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            learning_rate=learning_rate,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        gradient, memory = self._decayed(data, gradient), self._memory
        squares = memory["squares"] = _mean(memory["squares"], gradient * gradient, self.options["alpha"])
        if self.options["centered"]:
            average = memory["average"] = _mean(memory["average"], gradient, self.options["alpha"])
            squares = numpy.maximum(squares - average * average, 0.0)
        step = gradient / self._root(squares)
        if self.options["momentum"]:
            step = memory["velocity"] = self.options["momentum"] * memory["velocity"] + step
        return data - self.learning_rate * step


class Adam(Optimiser):
    """Running means of the gradient and of its square, both corrected for having begun at 0 (Kingma and Ba 2015, algorithm 1).

        g ← g + λ·w
        m ← β₁·m + (1 − β₁)·g
        s ← β₂·s + (1 − β₂)·g²
        w ← w − η · m/(1 − β₁ᵗ) / (√(s/(1 − β₂ᵗ)) + eps)

    betas    β₁ and β₂, each from 0 to below 1
    amsgrad  divide by the largest s so far (Reddi et al. 2018)

    >>> w = Parameter(1.0)
    >>> (8 * w).backward()
    >>> Adam([w], 0.25).step()
    >>> round(w.data, 8)
    0.75
    """

    remembers = ("average", "squares", "largest")

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(parameters, learning_rate=learning_rate, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        return self._adam(data, self._decayed(data, gradient))

    def _adam(self, data: Vector, gradient: Vector) -> Vector:
        memory, (first, second) = self._memory, self.options["betas"]
        average = memory["average"] = _mean(memory["average"], gradient, first)
        squares = memory["squares"] = _mean(memory["squares"], gradient * gradient, second)
        if self.options["amsgrad"]:
            squares = memory["largest"] = numpy.maximum(memory["largest"], squares)
        rate: float = self.learning_rate / (1.0 - first**self.steps)
        return data - rate * average / self._root(squares / (1.0 - second**self.steps))


class AdamW(Adam):
    """Adam with the weight decay kept out of the running means (Loshchilov and Hutter 2019, algorithm 2, as PyTorch writes it).

        w ← w − η·λ·w, then the step of Adam with λ = 0

    >>> w = Parameter(1.0)
    >>> AdamW([w], 0.5, weight_decay=0.5).step()
    >>> w.data
    0.75
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(parameters, learning_rate, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        return self._adam(data * (1.0 - self.learning_rate * self.options["weight_decay"]), gradient)


def _mean(before: Vector, now: Vector, kept: float) -> Vector:
    """A running mean, one step on."""
    return kept * before + (1.0 - kept) * now


def _option(name: str, option: Any, who: str) -> Any:
    what = f"{name} of {who}"
    if name in ("nesterov", "centered", "amsgrad"):
        return _switch(option, what)
    if name == "betas":
        return _betas(option, what)
    return checked_number(option, what, high=1.0, below=False) if name == "alpha" else checked_number(option, what)


def _switch(option: Any, what: str) -> bool:
    if not isinstance(option, (bool, numpy.bool_)):
        raise OptionError(f"{what} must be True or False, not {option!r}")
    return bool(option)


def _betas(option: Any, what: str) -> tuple[float, float]:
    if not isinstance(option, (tuple, list)) or len(option) != 2:
        raise OptionError(f"{what} must be two numbers, such as (0.9, 0.999), not {option!r}")
    first, second = (checked_number(beta, f"{what}, number {i}", high=1.0) for i, beta in enumerate(option))
    return first, second
