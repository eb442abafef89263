"""Batch replay: many samples computed at once, by the rules that eager code follows.

Array code and eager code differ where a number is not finite: in eager code a gradient of exactly 0
sends nothing, and an operand that was not selected receives 0, whatever the other factor. Here
NumPy computes each operation for many samples, and these two rules hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy

from scalargrad.core.ops import TABLE, WHERE, ExactZero, namespace

from .array_rules import ARRAYS, PRIMITIVES
from .array_types import Array, Mask, Rows
from .program import (
    CONSTANT,
    DRAWN,
    FIRST,
    INPUT,
    LEAF,
    PARAMETER,
    Kind,
    Program,
    insert_static_args,
    partials_by_rows,
)
from .rewriting import find_depths, take_operands
from .schedule import group_rows

__all__ = ["BatchLeaves", "BatchReplay"]

_MAX_NUMBERS = 2**22
"""How many numbers are kept at once: the rows of a program, times the samples."""

_CUT = 5e-324
"""Stands in arrays for a derivative that is 0 by construction: a number that no rule computes."""


class BatchLeaves(NamedTuple):
    """The numbers that some samples are computed from.

    Attributes:
        inputs: (samples, inputs), those of all arguments side by side.
        drawn: (samples, leaves) numbers drawn at random.
        parameters: The parameters.
        read: A number for each leaf that is read at each run.
    """

    inputs: Array
    drawn: Array
    parameters: Array
    read: Array

    def select(self, start: int, end: int) -> "BatchLeaves":
        """Return the leaves of some of the samples."""
        return self._replace(inputs=self.inputs[start:end], drawn=self.drawn[start:end])


@dataclass(frozen=True, eq=False)
class _Step:
    """One operation on m rows that do not depend on each other.

    Attributes:
        kind: What each row computes.
        rows: (m,) the results.
        operands: (k, m) what each result is computed from.
        sums: For each of the k, how gradients of the m results are added up.
    """

    kind: Kind
    rows: Rows
    operands: Rows
    sums: list["_Sum"]


class _Sum(NamedTuple):
    """How gradients are added up where one row is an operand of several results.

    Attributes:
        rows: The operands, each once.
        order: The results, those of one operand side by side.
        starts: Where those of each operand begin.
    """

    rows: Rows
    order: Rows
    starts: Rows


class BatchReplay:
    """Computes many samples at once, as eager code does up to rounding.

    Args:
        program: The trace as rows, before any pass. Passes merge rows, and a sum of two infinite
            gradients is another than that of their operands.
    """

    def __init__(self, program: Program) -> None:
        self.program = program

    def pays_off(self, samples: int) -> bool:
        """Return whether it is faster for so many samples than one after the other."""
        at_once = min(samples, self._max_samples)
        # An array operation costs as much as the scalar one of this many rows.
        return at_once * len(self.program) > 25 * self._depth

    @property
    def _max_samples(self) -> int:
        """How many samples are computed at once."""
        return max(1, _MAX_NUMBERS // len(self.program))

    @cached_property
    def _depth(self) -> int:
        return int(find_depths(self.program).max())

    def outputs(self, leaves: BatchLeaves) -> Array:
        """Return all outputs, (samples, outputs)."""
        parts = [self._forward(part)[self.program.outputs].T for part in self._split(leaves)]
        return numpy.concatenate(parts)

    def losses(self, leaves: BatchLeaves, share: float = 1.0) -> Iterator[tuple[Array, Array]]:
        """Yield the first output of the samples and its gradients, for some samples at a time.

        Args:
            leaves: The numbers to compute from.
            share: The gradient to begin with, such as what a sample counts in a mean.

        Yields:
            (samples,) numbers, and (parameters, samples) gradients.
        """
        output = int(self.program.outputs[0])
        for part in self._split(leaves):
            numbers = self._forward(part)
            gradients = self._backward(numbers, 0, share, self._on_the_way[PARAMETER])
            yield numbers[output], self._by_leaves(PARAMETER, gradients)

    def jacobian(self, leaves: BatchLeaves) -> Array:
        """Return the gradient of every output by all inputs, (samples, outputs, inputs)."""
        parts = []
        for part in self._split(leaves):
            numbers = self._forward(part)
            by_output = []
            for output in range(len(self.program.outputs)):
                gradients = self._backward(numbers, output, 1.0, self._on_the_way[INPUT])
                by_output.append(self._by_leaves(INPUT, gradients).T)
            parts.append(numpy.stack(by_output, axis=1))
        return numpy.concatenate(parts)

    def _split(self, leaves: BatchLeaves) -> Iterator[BatchLeaves]:
        """Yield the samples in parts that need little memory."""
        size = self._max_samples
        for start in range(0, len(leaves.drawn), size):
            yield leaves.select(start, start + size)

    @cached_property
    def _steps(self) -> list[_Step]:
        """The operations, operands first."""
        program = self.program
        steps = []
        # No row is apart as the same for all samples: here each has a number for every one.
        for rows in group_rows(program, numpy.zeros(len(program), int)):
            kind = program.kinds[program.code[rows[0]] - FIRST]
            # Copied, so that the m rows of one operand lie side by side.
            operands = take_operands(program, rows).T.copy()
            sums = [_make_sum(each) for each in operands]
            steps.append(_Step(kind, rows, operands, sums))
        return steps

    def _forward(self, leaves: BatchLeaves) -> Array:
        """The number of every row, (rows, samples)."""
        program = self.program
        samples = len(leaves.drawn)
        numbers = numpy.empty((len(program), samples))
        sources = {
            INPUT: leaves.inputs.T,
            PARAMETER: leaves.parameters[:, None],
            CONSTANT: program.numbers[:, None],
            LEAF: leaves.read[:, None],
            DRAWN: leaves.drawn.T,
        }
        for kind, source in sources.items():
            rows = numpy.flatnonzero(program.code == kind)
            numbers[rows] = source[program.place[rows]]
        with numpy.errstate(all="ignore"):
            for step in self._steps:
                operands = _find_operands(step, numbers)
                numbers[step.rows] = TABLE[step.kind.op].value(_RULES, operands)
        return numbers

    @cached_property
    def _on_the_way(self) -> dict[int, Mask]:
        """Which rows are computed from parameters, and which from inputs."""
        masks = {}
        for kind in (PARAMETER, INPUT):
            mask = self.program.code == kind
            for step in self._steps:
                mask[step.rows] = mask[step.operands].any(axis=0)
            masks[kind] = mask
        return masks

    def _backward(self, numbers: Array, output: int, seed: float, wanted: Mask) -> Array:
        """The gradient of every wanted row when one output receives `seed`, (rows, samples)."""
        gradients = numpy.zeros_like(numbers)
        gradients[int(self.program.outputs[output])] = seed
        with numpy.errstate(all="ignore"):
            for step in reversed(self._steps):
                gradient = gradients[step.rows]
                if not gradient.any():
                    continue
                for partial, each in zip(_partials(step, numbers), step.sums, strict=True):
                    # Most operands of a first layer are inputs, whose gradients nobody asked for.
                    if not wanted[each.rows].any():
                        continue
                    sent = _multiply(gradient, partial)
                    sums = numpy.add.reduceat(sent[each.order], each.starts, axis=0)
                    gradients[each.rows] += sums
        return gradients

    def _by_leaves(self, kind: int, gradients: Array) -> Array:
        """The gradients of the inputs or the parameters; 0 for those that no row uses."""
        program = self.program
        count = program.inputs if kind == INPUT else program.parameters
        by_place = numpy.zeros((count, gradients.shape[1]))
        rows = numpy.flatnonzero(program.code == kind)
        by_place[program.place[rows]] = gradients[rows]
        return by_place


def _make_sum(operands: Rows) -> _Sum:
    # In sorted numbers, the first place of each is where its run begins.
    rows, starts = numpy.unique(numpy.sort(operands), return_index=True)
    return _Sum(rows, numpy.argsort(operands, kind="stable"), starts)


def _find_operands(step: _Step, numbers: Array) -> Any:
    """The operands of a step as its rule takes them, each (rows, samples)."""
    operands = numbers[step.operands]
    if TABLE[step.kind.op].over_list:
        return operands
    return insert_static_args(step.kind, list(operands))


def _partials(step: _Step, numbers: Array) -> Sequence[Any]:
    """The local derivative by each operand that is a row."""
    operands = _find_operands(step, numbers)
    result = numbers[step.rows]
    if TABLE[step.kind.op].over_list:
        partials: Sequence[Any] = TABLE[step.kind.op].partials[0](_RULES, result, operands)
        return partials
    return [rule(_RULES, result, *operands) for rule in partials_by_rows(step.kind)]


def _multiply(gradient: Array, partial: Any) -> Array:
    """A gradient times a local derivative; 0 where either is 0 in a way that sends nothing."""
    if isinstance(partial, ExactZero):
        return numpy.zeros_like(gradient)
    product = gradient * partial
    # Multiplied first: 0 times infinity is nan, which is then replaced.
    sends_nothing = (gradient == 0.0) | (partial == _CUT)
    return numpy.where(sends_nothing, 0.0, product)


def _where(condition: Any, x: Any, y: Any) -> Any:
    return numpy.where(condition, _mark(x), _mark(y))


def _mark(x: Any) -> Any:
    return _CUT if isinstance(x, ExactZero) else x


_RULES = namespace(
    {
        **PRIMITIVES,
        WHERE.name: _where,
        "total": ARRAYS.total,
        "largest": ARRAYS.largest,
        "smallest": ARRAYS.smallest,
        "each": ARRAYS.each,
    }
)
"""The operations on arrays, in which a derivative that is 0 by construction is marked."""
