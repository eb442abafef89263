"""Replay: single samples computed by the rules of the table, exactly as eager code does."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy

from scalargrad.core.ops import FLOATS, TABLE, Op

from .loops import unroll
from .program import (
    CONSTANT,
    DRAWN,
    INPUT,
    LEAF,
    PARAMETER,
    Kind,
    Program,
    insert_static_args,
    record,
)
from .tracing import Trace

__all__ = ["Leaves", "Replay", "write_out_loops"]

Numbers = Sequence[float]


class Leaves(NamedTuple):
    """The numbers that one sample is computed from.

    Attributes:
        sample: The inputs, those of all arguments in one list.
        drawn: A number for each drawn leaf.
        parameters: The parameters.
        read: A number for each leaf that is read at each run.
    """

    sample: Numbers
    drawn: Numbers
    parameters: Numbers
    read: Numbers


class _Step(NamedTuple):
    """How one row is computed."""

    row: int
    op: Op
    kind: Kind
    args: list[int]
    wanted: tuple[bool, ...]


class Replay:
    """Computes samples one by one: slowly, and exactly as eager code would.

    Each call keeps its numbers in lists, so no other thread sees them.
    """

    def __init__(self, program: Program) -> None:
        """Keep what was recorded.

        Args:
            program: The trace as rows, before any pass.
        """
        self.program = program

    @cached_property
    def _steps(self) -> list[_Step | None]:
        """How each row is computed, None for a leaf."""
        steps: list[_Step | None] = []
        for row, kind, args in self.program.rows():
            if kind is None:
                steps.append(None)
                continue
            steps.append(_Step(row, TABLE[kind.op], kind, args, _which_are_rows(kind, args)))
        return steps

    @cached_property
    def _places(self) -> dict[int, list[tuple[int, int]]]:
        """The rows of each kind of leaf, each with its place among the leaves of that kind."""
        places = {}
        for kind in (INPUT, PARAMETER, CONSTANT, LEAF, DRAWN):
            rows = numpy.flatnonzero(self.program.code == kind)
            place = self.program.place[rows]
            places[kind] = list(zip(rows.tolist(), place.tolist(), strict=True))
        return places

    @cached_property
    def _orders(self) -> list[list[int]]:
        """The rows of the graph of each output, in the order in which eager code walks them."""
        # The order of a walk is that in which gradients are added up, so it decides the last digit.
        outputs: list[int] = self.program.outputs.tolist()
        if len(outputs) == 1:
            return [list(range(len(self.program)))]
        return [self._sort_below(output) for output in outputs]

    def _sort_below(self, output: int) -> list[int]:
        """The rows that an output depends on, as `topological` sorts Values."""
        order: list[int] = []
        seen: set[int] = set()
        stack = [output]
        while stack:
            row = stack.pop()
            if row < 0:
                # All operands of this row are in the order by now.
                order.append(~row)
            elif row not in seen:
                seen.add(row)
                stack.append(~row)
                step = self._steps[row]
                if step is not None:
                    stack.extend(reversed(step.args))
        return order

    def outputs(self, leaves: Leaves) -> list[float]:
        """Return all outputs of one sample."""
        numbers = self._forward(leaves)
        return [numbers[row] for row in self.program.outputs.tolist()]

    def jacobian(self, leaves: Leaves) -> list[list[float]]:
        """Return the gradient of every output of one sample by all inputs."""
        numbers = self._forward(leaves)
        rows = []
        for output in range(len(self.program.outputs)):
            gradients = self._backward(numbers, output, 1.0)
            rows.append(self._by_leaves(INPUT, gradients))
        return rows

    def loss(self, leaves: Leaves, share: float = 1.0) -> tuple[float, list[float]]:
        """Return the first output of one sample, and its gradient by the parameters.

        Args:
            leaves: The numbers to compute from.
            share: The gradient to begin with, such as what the sample counts in a mean.
        """
        numbers = self._forward(leaves)
        gradients = self._backward(numbers, 0, share)
        output = int(self.program.outputs[0])
        return numbers[output], self._by_leaves(PARAMETER, gradients)

    def _forward(self, leaves: Leaves) -> list[float]:
        """The number of every row."""
        numbers = [0.0] * len(self.program)
        sources: Iterable[tuple[int, Numbers]] = (
            (INPUT, leaves.sample),
            (PARAMETER, leaves.parameters),
            (CONSTANT, self.program.numbers.tolist()),
            (LEAF, leaves.read),
            (DRAWN, leaves.drawn),
        )
        for kind, source in sources:
            for row, place in self._places[kind]:
                numbers[row] = source[place]
        for step in self._steps:
            if step is not None:
                numbers[step.row] = step.op.value(FLOATS, _find_operands(step, numbers))
        return numbers

    def _backward(self, numbers: list[float], output: int, seed: float) -> list[float]:
        """The gradient of every row when one output receives `seed`, as `backward` computes it."""
        gradients = [0.0] * len(numbers)
        gradients[int(self.program.outputs[output])] = seed
        for row in reversed(self._orders[output]):
            gradient = gradients[row]
            step = self._steps[row]
            # A gradient of exactly 0 sends nothing: times an infinite derivative it would be nan.
            if not gradient or step is None:
                continue
            operands = _find_operands(step, numbers)
            partials = step.op.derivatives(FLOATS, numbers[row], operands, step.wanted)
            for arg, partial in zip(step.args, partials, strict=True):
                gradients[arg] += gradient * partial
        return gradients

    def _by_leaves(self, kind: int, gradients: list[float]) -> list[float]:
        """The gradients of the inputs or the parameters, in order; 0 for those that no row uses."""
        count = self.program.inputs if kind == INPUT else self.program.parameters
        by_place = [0.0] * count
        for row, place in self._places[kind]:
            by_place[place] = gradients[row]
        return by_place


def _which_are_rows(kind: Kind, args: list[int]) -> tuple[bool, ...]:
    """Whether each operand is a row; the others are static arguments."""
    if kind.static_args is None:
        return (True,) * len(args)
    return tuple(static is None for static in kind.static_args)


def write_out_loops(trace: Trace, program: Program) -> tuple[Trace, Program]:
    """Return a trace and its rows with the steps of loops written out, as in eager code.

    Args:
        trace: What was recorded.
        program: The trace as rows, before any pass.
    """
    unrolled = replace(trace, outputs=unroll(trace.outputs))
    rows = record(unrolled)

    # Leaves that are read may come in another order, but are given in that of the program.
    position = {leaf: i for i, leaf in enumerate(program.leaves)}
    new_place = numpy.array([position[leaf] for leaf in rows.leaves], numpy.int32)
    place = rows.place.copy()
    is_leaf = rows.code == LEAF
    place[is_leaf] = new_place[place[is_leaf]]
    return unrolled, replace(rows, place=place, leaves=program.leaves)


def _find_operands(step: _Step, numbers: list[float]) -> Sequence[float]:
    """Return all operands of a row, static ones included."""
    return insert_static_args(step.kind, [numbers[arg] for arg in step.args])
