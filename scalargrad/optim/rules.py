"""Optimizers: SGD, AdaGrad, RMSprop, Adam and AdamW. Each update rule is written once, on vectors.

`step()` reads the numbers and gradients of the parameters as two float64 vectors, and writes the
result of the rule back. Code that has parameters and gradients as vectors already calls `update`
itself. The rules are those of PyTorch, to rounding.

In the formulas w is a parameter, g its gradient, η the learning rate, λ the weight decay and t
the number of the step, from 1. A gradient that is None counts as 0. One that is not finite passes
through to the parameter: whether to stop is up to the training loop.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy

from scalargrad.core.checks import Nest
from scalargrad.core.value import Parameter
from scalargrad.errors import OptionError

from .optimizer import Fraction, Optimizer, Options, Vector, declare_options

OptimizerName = Literal["sgd", "adagrad", "rmsprop", "adam", "adamw"]
Memory = dict[str, Vector]
"""The vectors that a rule keeps from step to step, by name."""


class FormulaOptimizer(Optimizer):
    """An optimizer whose rule is one formula for all parameters and steps.

    What changes from step to step are a few numbers, which are known before the step. The formula
    works on whatever has the arithmetic of vectors, and depends on its arguments and on the options
    besides the learning rate only: so other code may carry it out, many steps at a time.
    """

    @abstractmethod
    def step_numbers(self, step: int) -> tuple[float, ...]:
        """Return the numbers of a step for the formula: the learning rate, and corrections.

        Args:
            step: The number of the step, from 1.
        """

    @abstractmethod
    def formula(
        self, data: Vector, gradient: Vector, memory: Memory, numbers: Sequence[float]
    ) -> Vector:
        """Return the new numbers of the parameters, and put new vectors into the memory.

        Args:
            data: The numbers of the parameters.
            gradient: Their gradients.
            memory: The vectors that the rule keeps, by name.
            numbers: What `step_numbers` returns.
        """

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        return self.formula(data, gradient, self._memory, self.step_numbers(self.steps))

    @property
    def has_own_rule(self) -> bool:
        """Whether a subclass, or this object, updates parameters by other means than the formula.

        Example:
            >>> SGD([Parameter(1.0)]).has_own_rule
            False
        """
        own = type(self)
        is_overridden = (
            own._rule is not FormulaOptimizer._rule or own.update is not Optimizer.update
        )
        return is_overridden or not {"_rule", "update"}.isdisjoint(vars(self))

    def copy_memory(self) -> Memory:
        """Return the vectors that the rule keeps, by name.

        Example:
            >>> SGD([Parameter(1.0)]).copy_memory()
            {'velocity': array([0.])}
        """
        return {name: vector.copy() for name, vector in self._memory.items()}

    def count_steps(self, steps: int, memory: Memory) -> None:
        """Take note of steps that other code has made by the formula.

        Args:
            steps: Their number.
            memory: The vectors that the rule keeps, after these steps.

        Example:
            >>> optimizer = SGD([Parameter(1.0)], momentum=0.9)
            >>> optimizer.count_steps(3, {"velocity": numpy.array([0.5])})
            >>> optimizer.steps, optimizer.copy_memory()
            (3, {'velocity': array([0.5])})
        """
        self._memory = memory
        self.steps += steps


class SGD(FormulaOptimizer):
    """Gradient descent, plain or with momentum.

        g ← g + λ·w
        v ← μ·v + (1 - dampening)·g     (v ← g in the first step)
        w ← w - η·v                     (nesterov: w ← w - η·(g + μ·v))

    Without momentum: w ← w - η·g.

    Args:
        parameters: The Parameters to optimize, or a nest of them as `sg.parameters` returns it.
        learning_rate: η.
        momentum: μ, the part of the last step that is kept (Polyak 1964).
        dampening: The part of the gradient that is left out of v.
        nesterov: Whether to look ahead by the momentum (Nesterov 1983, in the form of Sutskever
            et al. 2013). Needs a momentum, and no dampening.
        weight_decay: λ, as a penalty of ½·λ·w² on every parameter.

    Example:
        >>> w = Parameter(1.0)
        >>> (w * w).backward()
        >>> SGD([w], 0.25).step()
        >>> w.data
        0.5
    """

    memory = ("velocity",)

    @declare_options
    def __init__(
        self,
        parameters: Iterable[Parameter] | Nest,
        learning_rate: float = 0.001,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None: ...

    def _check(self, options: Options) -> Options:
        checked = super()._check(options)
        if checked["nesterov"] and (not checked["momentum"] or checked["dampening"]):
            raise OptionError(
                "nesterov of SGD needs a momentum above 0 and no dampening: "
                "give momentum=0.9, dampening=0.0"
            )
        return checked

    def step_numbers(self, step: int) -> tuple[float, ...]:
        """Return η, and the weight of the gradient in v."""
        # PyTorch starts with the whole gradient, as if there were no dampening.
        weight = 1.0 if step == 1 else 1.0 - self.options["dampening"]
        return self.learning_rate, weight

    def formula(
        self, data: Vector, gradient: Vector, memory: Memory, numbers: Sequence[float]
    ) -> Vector:
        """Return w after a step."""
        rate, weight = numbers
        gradient = self._add_weight_decay(data, gradient)
        momentum: float = self.options["momentum"]
        if not momentum:
            return data - rate * gradient

        velocity = momentum * memory["velocity"] + weight * gradient
        memory["velocity"] = velocity
        step = gradient + momentum * velocity if self.options["nesterov"] else velocity
        return data - rate * step


class AdaGrad(FormulaOptimizer):
    """Smaller steps for parameters that have had large gradients (Duchi et al. 2011).

        g ← g + λ·w
        s ← s + g²
        w ← w - η/(1 + (t - 1)·learning_rate_decay) · g/(√s + eps)

    Args:
        parameters: The Parameters to optimize.
        learning_rate: η.
        learning_rate_decay: How fast the learning rate falls with the number of steps.
        weight_decay: λ.
        initial_accumulator: s before the first step.
        eps: What keeps the divisor away from 0.

    Example:
        >>> w = Parameter(1.0)
        >>> (8 * w).backward()
        >>> AdaGrad([w], 0.25).step()
        >>> round(w.data, 9)
        0.75
    """

    memory = ("squares",)

    @declare_options
    def __init__(
        self,
        parameters: Iterable[Parameter] | Nest,
        learning_rate: float = 0.01,
        *,
        learning_rate_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator: float = 0.0,
        eps: float = 1e-10,
    ) -> None: ...

    def _initial(self, name: str) -> Vector:  # noqa: ARG002
        return numpy.full(len(self.parameters), self.options["initial_accumulator"])

    def step_numbers(self, step: int) -> tuple[float, ...]:
        """Return η/(1 + (t - 1)·learning_rate_decay)."""
        slowdown: float = 1.0 + (step - 1) * self.options["learning_rate_decay"]
        return (self.learning_rate / slowdown,)

    def formula(
        self, data: Vector, gradient: Vector, memory: Memory, numbers: Sequence[float]
    ) -> Vector:
        """Return w after a step."""
        (rate,) = numbers
        gradient = self._add_weight_decay(data, gradient)
        squares = memory["squares"] + gradient * gradient
        memory["squares"] = squares
        eps: float = self.options["eps"]
        return data - rate * gradient / (numpy.sqrt(squares) + eps)


class RMSprop(FormulaOptimizer):
    """The gradient divided by the root of its running mean square (Tieleman and Hinton 2012).

        g ← g + λ·w
        s ← α·s + (1 - α)·g²
        m ← α·m + (1 - α)·g             (centered)
        r = √s + eps                    (centered: √(s - m²) + eps)
        v ← μ·v + g/r
        w ← w - η·v                     (without momentum: w ← w - η·g/r)

    Where rounding makes s - m² negative it counts as 0; PyTorch then returns nan.

    Args:
        parameters: The Parameters to optimize.
        learning_rate: η.
        alpha: α, the part of the running means that is kept, from 0 to 1.
        eps: What keeps the divisor away from 0.
        weight_decay: λ.
        momentum: μ.
        centered: Whether to divide by the running deviation (Graves 2013, equations 38 to 41).

    Example:
        >>> w = Parameter(1.0)
        >>> (8 * w).backward()
        >>> RMSprop([w], 0.05).step()
        >>> round(w.data, 6)
        0.5
    """

    memory = ("squares", "average", "velocity")

    @declare_options
    def __init__(
        self,
        parameters: Iterable[Parameter] | Nest,
        learning_rate: float = 0.01,
        *,
        alpha: Fraction = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None: ...

    def step_numbers(self, step: int) -> tuple[float, ...]:  # noqa: ARG002
        """Return η."""
        return (self.learning_rate,)

    def formula(
        self, data: Vector, gradient: Vector, memory: Memory, numbers: Sequence[float]
    ) -> Vector:
        """Return w after a step."""
        (rate,) = numbers
        gradient = self._add_weight_decay(data, gradient)
        alpha: float = self.options["alpha"]
        eps: float = self.options["eps"]
        squares = _running_mean(memory["squares"], gradient * gradient, alpha)
        memory["squares"] = squares
        if self.options["centered"]:
            average = _running_mean(memory["average"], gradient, alpha)
            memory["average"] = average
            squares = numpy.maximum(squares - average * average, 0.0)

        step = gradient / (numpy.sqrt(squares) + eps)
        if self.options["momentum"]:
            step = self.options["momentum"] * memory["velocity"] + step
            memory["velocity"] = step
        return data - rate * step


class Adam(FormulaOptimizer):
    """Running means of the gradient and of its square (Kingma and Ba 2015, algorithm 1).

        g ← g + λ·w
        m ← β₁·m + (1 - β₁)·g
        s ← β₂·s + (1 - β₂)·g²
        w ← w - η · m/(1 - β₁ᵗ) / (√(s/(1 - β₂ᵗ)) + eps)

    Args:
        parameters: The Parameters to optimize.
        learning_rate: η.
        betas: β₁ and β₂, each from 0 to below 1.
        eps: What keeps the divisor away from 0.
        weight_decay: λ.
        amsgrad: Whether to divide by the largest s so far (Reddi et al. 2018).

    Example:
        >>> w = Parameter(1.0)
        >>> (8 * w).backward()
        >>> Adam([w], 0.25).step()
        >>> round(w.data, 8)
        0.75
    """

    memory = ("average", "squares", "largest")

    @declare_options
    def __init__(
        self,
        parameters: Iterable[Parameter] | Nest,
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None: ...

    def step_numbers(self, step: int) -> tuple[float, ...]:
        """Return η/(1 - β₁ᵗ) and 1 - β₂ᵗ."""
        beta1, beta2 = self.options["betas"]
        # Both means start at 0, and would be too small at first without a correction.
        return self.learning_rate / (1.0 - beta1**step), 1.0 - beta2**step

    def formula(
        self, data: Vector, gradient: Vector, memory: Memory, numbers: Sequence[float]
    ) -> Vector:
        """Return w after a step."""
        decayed = self._add_weight_decay(data, gradient)
        return self._adam(data, decayed, memory, numbers)

    def _adam(
        self, data: Vector, gradient: Vector, memory: Memory, numbers: Sequence[float]
    ) -> Vector:
        rate, correction = numbers
        beta1, beta2 = self.options["betas"]
        average = _running_mean(memory["average"], gradient, beta1)
        memory["average"] = average
        squares = _running_mean(memory["squares"], gradient * gradient, beta2)
        memory["squares"] = squares
        if self.options["amsgrad"]:
            squares = numpy.maximum(memory["largest"], squares)
            memory["largest"] = squares

        corrected = squares / correction
        eps: float = self.options["eps"]
        return data - rate * average / (numpy.sqrt(corrected) + eps)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).

        w ← w - η·λ·w, then the step of Adam with λ = 0

    The formula is in the form of PyTorch. Arguments are those of Adam.

    Example:
        >>> w = Parameter(1.0)
        >>> AdamW([w], 0.5, weight_decay=0.5).step()
        >>> w.data
        0.75
    """

    @declare_options
    def __init__(
        self,
        parameters: Iterable[Parameter] | Nest,
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
    ) -> None: ...

    def step_numbers(self, step: int) -> tuple[float, ...]:
        """Return the numbers of Adam, and 1 - η·λ."""
        decay: float = 1.0 - self.learning_rate * self.options["weight_decay"]
        return *super().step_numbers(step), decay

    def formula(
        self, data: Vector, gradient: Vector, memory: Memory, numbers: Sequence[float]
    ) -> Vector:
        """Return w after a step."""
        *of_adam, decay = numbers
        return self._adam(data * decay, gradient, memory, of_adam)


def _running_mean(before: Vector, now: Vector, kept: float) -> Vector:
    """Return a running mean after one step."""
    return kept * before + (1.0 - kept) * now


OPTIMIZERS: dict[str, type[Optimizer]] = {
    rule.__name__.lower(): rule for rule in (SGD, AdaGrad, RMSprop, Adam, AdamW)
}
"""The optimizers by name, in lower case."""
