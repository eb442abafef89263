"""Many steps of an optimizer at once: what they are made from, and what they give."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy
from numpy.typing import NDArray

from .array_types import Array

__all__ = ["Formula", "StepInputs", "StepRunner", "Steps", "UpdateRule"]

Integers = NDArray[numpy.int64]

Formula = Callable[[Any, Any, dict[str, Any], Sequence[Any]], Any]
"""Returns new parameters from the old ones, their gradient, the memory, which it changes, and the
numbers of the step. It works on vectors, and on terms that stand for them."""


class UpdateRule(NamedTuple):
    """The rule of an optimizer.

    Attributes:
        formula: What it does to each parameter.
        memory: The names of the vectors that it keeps from step to step.
        numbers: How many numbers of a step it takes.
    """

    formula: Formula
    memory: tuple[str, ...]
    numbers: int


class StepInputs(NamedTuple):
    """What some steps are made from.

    Attributes:
        order: (n,) the samples of all batches, one batch after the other.
        starts: (steps + 1,) where each batch starts in `order`, and where the last one ends.
        numbers: (steps, k) the numbers of each step that the rule of the optimizer takes.
    """

    order: Integers
    starts: Integers
    numbers: Array


class Steps(NamedTuple):
    """What some steps gave.

    Attributes:
        losses: The loss of each step that was made; there may be fewer than asked for.
        others: The other outputs, a row for each sample in the order of the batches.
        gradient: The gradient of the last step.
        parameters: The parameters after the last step.
        memory: The vectors that the optimizer keeps, after the last step.
    """

    losses: Array
    others: Array
    gradient: Array
    parameters: Array
    memory: dict[str, Array]


class StepRunner(Protocol):
    """Makes steps of an optimizer with a program, many in one call."""

    def run(
        self,
        arguments: Sequence[Array],
        read: Array,
        drawn: Array,
        inputs: StepInputs,
        parameters: Array,
        memory: dict[str, Array],
    ) -> Steps:
        """Make steps, until one is not finite.

        Args:
            arguments: One (samples, n) for each argument of the program.
            read: A number for each leaf that is read.
            drawn: (n, leaves) numbers drawn at random, a row for each entry of `inputs.order`.
            inputs: What each step is made from.
            parameters: The parameters at first, which are not changed.
            memory: The vectors that the optimizer keeps, not changed either.
        """
