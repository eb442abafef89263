"""Optimizers: how parameters follow their gradients. Each update rule is written once, on vectors.

`step()` reads the parameters' numbers and gradients as two float64 vectors, and writes the result of `update` back. Whoever holds
parameters and gradients as vectors already calls `update` itself. The rules are those of PyTorch, to rounding.

In the formulas w is a parameter, g its gradient, η the learning rate, λ the weight decay and t the number of the step, from 1.
A gradient that is None counts as 0. One that is not finite passes through to the parameter: stopping is the training loop's decision.
"""

from collections.abc import Iterable
from typing import Any

import numpy

from scalargrad.core.value import Parameter
from scalargrad.errors import OptionError

from .optimizer import Optimizer, Vector

__all__ = ["OPTIMIZERS", "SGD", "AdaGrad", "Adam", "AdamW", "Optimizer", "RMSprop"]


class SGD(Optimizer):
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
            raise OptionError(
                "nesterov of SGD needs a momentum above 0 and no dampening: give momentum=0.9, dampening=0.0"
            )
        return found

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        gradient, momentum = self._decayed(data, gradient), self.options["momentum"]
        if momentum:
            fresh = 1.0 if self.steps == 1 else 1.0 - self.options["dampening"]
            velocity = self._memory["velocity"] = (
                momentum * self._memory["velocity"] + fresh * gradient
            )
            gradient = gradient + momentum * velocity if self.options["nesterov"] else velocity
        return data - self.learning_rate * gradient


class AdaGrad(Optimizer):
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
        rate: float = self.learning_rate / (
            1.0 + (self.steps - 1) * self.options["learning_rate_decay"]
        )
        return data - rate * gradient / self._root(squares)


class RMSprop(Optimizer):
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
        squares = memory["squares"] = _mean(
            memory["squares"], gradient * gradient, self.options["alpha"]
        )
        if self.options["centered"]:
            average = memory["average"] = _mean(memory["average"], gradient, self.options["alpha"])
            squares = numpy.maximum(squares - average * average, 0.0)
        step = gradient / self._root(squares)
        if self.options["momentum"]:
            step = memory["velocity"] = self.options["momentum"] * memory["velocity"] + step
        return data - self.learning_rate * step


class Adam(Optimizer):
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
        super().__init__(
            parameters,
            learning_rate=learning_rate,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
        )

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
        super().__init__(
            parameters,
            learning_rate,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
        )

    def _rule(self, data: Vector, gradient: Vector) -> Vector:
        return self._adam(
            data * (1.0 - self.learning_rate * self.options["weight_decay"]), gradient
        )


def _mean(before: Vector, now: Vector, kept: float) -> Vector:
    """A running mean, one step on."""
    return kept * before + (1.0 - kept) * now


OPTIMIZERS: dict[str, type[Optimizer]] = {
    rule.__name__.lower(): rule for rule in (SGD, AdaGrad, RMSprop, Adam, AdamW)
}
"""The optimizers by name, in lower case."""
