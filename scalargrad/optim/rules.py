"""Optimizers: SGD, AdaGrad, RMSprop, Adam and AdamW. Each update rule is written once, on vectors.

`step()` reads the numbers and gradients of the parameters as two float64 vectors, and writes the
result of the rule back. Code that has parameters and gradients as vectors already calls `update`
itself. The rules are those of PyTorch, to rounding.

In the formulas w is a parameter, g its gradient, η the learning rate, λ the weight decay and t
the number of the step, from 1. A gradient that is None counts as 0. One that is not finite passes
through to the parameter: whether to stop is up to the training loop.
"""

from collections.abc import Iterable
from typing import Literal

import numpy

from scalargrad.core.value import Parameter
from scalargrad.errors import OptionError

from .optimizer import Fraction, Optimizer, Options, Vector, declare_options

OptimizerName = Literal["sgd", "adagrad", "rmsprop", "adam", "adamw"]


class SGD(Optimizer):
    """Gradient descent, plain or with momentum.

        g ← g + λ·w
        v ← μ·v + (1 - dampening)·g     (v ← g in the first step)
        w ← w - η·v                     (nesterov: w ← w - η·(g + μ·v))

    Without momentum: w ← w - η·g.

    Args:
        parameters: The Parameters to optimize.
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
        parameters: Iterable[Parameter],
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

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        gradient = self._add_weight_decay(data, gradient)
        momentum: float = self.options["momentum"]
        if not momentum:
            return data - self.learning_rate * gradient

        # PyTorch starts with the whole gradient, as if there were no dampening.
        weight = 1.0 if self.steps == 1 else 1.0 - self.options["dampening"]
        velocity = momentum * self._memory["velocity"] + weight * gradient
        self._memory["velocity"] = velocity
        step = gradient + momentum * velocity if self.options["nesterov"] else velocity
        return data - self.learning_rate * step


class AdaGrad(Optimizer):
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
        parameters: Iterable[Parameter],
        learning_rate: float = 0.01,
        *,
        learning_rate_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator: float = 0.0,
        eps: float = 1e-10,
    ) -> None: ...

    def _initial(self, name: str) -> Vector:  # noqa: ARG002
        return numpy.full(len(self.parameters), self.options["initial_accumulator"])

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        gradient = self._add_weight_decay(data, gradient)
        squares = self._memory["squares"] + gradient * gradient
        self._memory["squares"] = squares

        slowdown: float = 1.0 + (self.steps - 1) * self.options["learning_rate_decay"]
        rate = self.learning_rate / slowdown
        eps: float = self.options["eps"]
        return data - rate * gradient / (numpy.sqrt(squares) + eps)


class RMSprop(Optimizer):
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
        parameters: Iterable[Parameter],
        learning_rate: float = 0.01,
        *,
        alpha: Fraction = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None: ...

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        gradient = self._add_weight_decay(data, gradient)
        memory = self._memory
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
        return data - self.learning_rate * step


class Adam(Optimizer):
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
        parameters: Iterable[Parameter],
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None: ...

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        decayed = self._add_weight_decay(data, gradient)
        return self._adam(data, decayed)

    def _adam(self, data: Vector, gradient: Vector) -> Vector:
        memory = self._memory
        beta1, beta2 = self.options["betas"]
        average = _running_mean(memory["average"], gradient, beta1)
        memory["average"] = average
        squares = _running_mean(memory["squares"], gradient * gradient, beta2)
        memory["squares"] = squares
        if self.options["amsgrad"]:
            squares = numpy.maximum(memory["largest"], squares)
            memory["largest"] = squares

        # Both means start at 0, and would be too small at first without a correction.
        rate: float = self.learning_rate / (1.0 - beta1**self.steps)
        corrected: Vector = squares / (1.0 - beta2**self.steps)
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
        parameters: Iterable[Parameter],
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
    ) -> None: ...

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        decay: float = 1.0 - self.learning_rate * self.options["weight_decay"]
        return self._adam(data * decay, gradient)


def _running_mean(before: Vector, now: Vector, kept: float) -> Vector:
    """Return a running mean after one step."""
    return kept * before + (1.0 - kept) * now


OPTIMIZERS: dict[str, type[Optimizer]] = {
    rule.__name__.lower(): rule for rule in (SGD, AdaGrad, RMSprop, Adam, AdamW)
}
"""The optimizers by name, in lower case."""
