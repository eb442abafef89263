"""Indices: all that a program looks up in tables, also within loops, as rows of a program."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy

from scalargrad.core.ops import TAKE

from .array_types import Rows
from .loops import PICK, SCAN
from .program import FIRST, INPUT, PARAMETER, Indexes, Kind, Loop, Program
from .rewriting import remove_dead_rows

__all__ = ["Indices", "find_indices"]


@dataclass(frozen=True, eq=False)
class Indices:
    """The indices of a program.

    Attributes:
        program: The program. Where a loop computes indices, it has another one that returns them.
        lengths: For the row of each index, the length of the shortest table it is looked up in. An
            index that depends on another look-up comes after that one's.
    """

    program: Program
    lengths: dict[int, int]


def find_indices(program: Program) -> Indices:
    """Return all indices of a program.

    Example:
        >>> from scalargrad.core.lookup import take
        >>> from .program import record
        >>> from .tracing import trace
        >>> recorded = record(trace(lambda i: take([1.0, 2.0, 4.0], i + 1), ["token"]))
        >>> find_indices(recorded).lengths
        {2: 3}
    """
    return _Finder(program).find()


class _Finder:
    """Finds the indices of one program, and adds rows to it for those within loops."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._lengths: dict[int, int] = {}
        self._loops: dict[int, int] = {}

    def find(self) -> Indices:
        """Return the indices."""
        program = self._program
        kinds = enumerate(program.kinds, FIRST)
        codes = [code for code, kind in kinds if kind.op == TAKE.name or kind.loop is not None]
        for row in numpy.flatnonzero(numpy.isin(program.code, codes)).tolist():
            args = program.args(row)
            kind = program.kind(row)
            if kind is not None and kind.loop is not None:
                self._find_within(kind.loop, row, numpy.array(args, int))
            else:
                self._add(args[0], len(args) - 1)
        # What a loop computes was added at the end, but belongs to where the loop is.
        in_order = sorted(self._lengths, key=lambda row: self._loops.get(row, row))
        return Indices(self._program, {row: self._lengths[row] for row in in_order})

    def _add(self, index: int, length: int) -> None:
        """Remember an index into a table of this length."""
        self._lengths[index] = min(length, self._lengths.get(index, length))

    def _find_within(self, loop: Loop, row: int, operands: Rows) -> None:
        """Find the indices of all steps of a loop, which is a row with these operands."""
        inner = find_indices(loop.step)
        # Where a loop within the step computes indices, its step has rows that return them.
        extended = replace(loop, step=inner.program)
        computed: dict[int, int] = {}
        for index, length in inner.lengths.items():
            taken = _find_taken(extended, index, operands)
            if taken is None:
                computed[index] = length
                continue
            for operand in taken:
                self._add(operand, length)
        if not computed:
            return

        picks = self._add_loop(extended, list(computed), operands)
        lengths = list(computed.values()) * loop.length
        for pick, length in zip(picks, lengths, strict=True):
            self._loops[pick] = row
            self._add(pick, length)

    def _add_loop(self, loop: Loop, results: Sequence[int], operands: Rows) -> list[int]:
        """Add a loop that returns these rows of each step, and return the rows that pick them."""
        small, taken = _slice_loop(loop, results, operands)
        row = len(self._program)
        with_loop = _append_rows(self._program, Kind(SCAN, None, small), taken[None], [0])

        count = small.length * small.results
        picked = numpy.full((count, 1), row)
        # What a loop returns begins with the last carry.
        places = range(small.carries, small.carries + count)
        self._program = _append_rows(with_loop, Kind(PICK), picked, places)
        return list(range(row + 1, row + 1 + count))


def _find_taken(loop: Loop, index: int, operands: Rows) -> list[int] | None:
    """Return the operands of a loop that a row of its step is, step by step.

    Nearly always an index is such a row, and no loop needs to run for it. None if it is computed,
    or carried.
    """
    step = loop.step
    place = int(step.place[index])
    _, xs, captured = [operands[part] for part in loop.parts]
    if step.code[index] == PARAMETER:
        return [int(captured[place])]
    if step.code[index] == INPUT and place >= loop.carries:
        by_step = xs.reshape(loop.length, loop.entries)
        taken: list[int] = by_step[:, place - loop.carries].tolist()
        return taken
    return None


def _slice_loop(loop: Loop, results: Sequence[int], operands: Rows) -> tuple[Loop, Rows]:
    """Cut out of a loop what computes some rows of its step.

    Args:
        loop: The loop.
        results: The rows of the step that each step of the new loop returns.
        operands: What the loop takes.

    Returns:
        The new loop, and what it takes.
    """
    carried = _find_carried(loop, results)
    step = _return_rows(loop.step, carried, results)
    used = numpy.unique(step.place[step.code == INPUT])
    entries = used[used >= loop.carries]
    shared = numpy.unique(step.place[step.code == PARAMETER])

    # Inputs and parameters are renumbered, as those that nothing needs are left out.
    inputs = numpy.concatenate([carried, entries])
    place = step.place.copy()
    for code, places in ((INPUT, inputs), (PARAMETER, shared)):
        leaves = step.code == code
        place[leaves] = numpy.searchsorted(places, place[leaves])
    small = replace(step, place=place, inputs=len(inputs), parameters=len(shared), origin=None)

    carry, xs, captured = [operands[part] for part in loop.parts]
    by_step = xs.reshape(loop.length, loop.entries)
    taken_by_step = by_step[:, entries - loop.carries].ravel()
    taken = numpy.concatenate([carry[carried], taken_by_step, captured[shared]])
    return Loop(small, loop.length, len(carried), checkpoint=False), taken


def _find_carried(loop: Loop, results: Sequence[int]) -> Rows:
    """Return the places of the carry that rows of the step need, in this step or a later one."""
    carried: Rows = numpy.zeros(0, int)
    while True:
        step = _return_rows(loop.step, carried, results)
        used = numpy.unique(step.place[step.code == INPUT])
        needed = numpy.union1d(carried, used[used < loop.carries])
        # To carry a number may need others.
        if len(needed) == len(carried):
            return carried
        carried = needed


def _return_rows(step: Program, carried: Rows, results: Sequence[int]) -> Program:
    """Return the part of a step that computes places of the next carry, and some of its rows."""
    outputs = _extend(step.outputs[carried], results)
    return remove_dead_rows(replace(step, outputs=outputs))


def _append_rows(program: Program, kind: Kind, operands: Rows, places: Sequence[int]) -> Program:
    """Return the program with more rows at its end.

    Args:
        program: The program.
        kind: What the rows compute.
        operands: (rows, k) the operands of each.
        places: The place of each.
    """
    count, size = operands.shape
    code = FIRST + len(program.kinds)
    ends = program.start[-1] + size * numpy.arange(1, count + 1)
    return replace(
        program,
        code=_extend(program.code, [code] * count),
        place=_extend(program.place, places),
        start=_extend(program.start, ends),
        operands=_extend(program.operands, operands.ravel()),
        kinds=(*program.kinds, kind),
        origin=None,
    )


def _extend(indexes: Indexes, others: Sequence[int] | Rows) -> Indexes:
    return numpy.append(indexes, others).astype(numpy.int32)
