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
        step = inner.program
        _, xs, captured = [operands[part] for part in loop.parts]
        by_step = xs.reshape(loop.length, loop.entries)
        computed = []
        for index, length in inner.lengths.items():
            place = int(step.place[index])
            # Nearly always an index is an entry as it is, and no loop needs to run for it.
            if step.code[index] == INPUT and place >= loop.carries:
                for entry in by_step[:, place - loop.carries].tolist():
                    self._add(entry, length)
            elif step.code[index] == PARAMETER:
                self._add(int(captured[place]), length)
            else:
                computed.append(index)
        if not computed:
            return

        returned = replace(loop, step=step)
        lengths = [inner.lengths[index] for index in computed]
        for position, pick in enumerate(self._add_loop(returned, computed, operands)):
            self._loops[pick] = row
            self._add(pick, lengths[position % len(lengths)])

    def _add_loop(self, loop: Loop, results: Sequence[int], operands: Rows) -> list[int]:
        """Add a loop that returns these rows of each step, and return the rows that pick them."""
        small, taken = _slice_loop(loop, results, operands)
        program = self._program
        size = len(program)
        count = small.length * small.results
        kinds = (*program.kinds, Kind(SCAN, None, small), Kind(PICK))
        codes = [FIRST + len(kinds) - 2] + [FIRST + len(kinds) - 1] * count
        first = small.carries
        places = [0, *range(first, first + count)]
        ends = len(program.operands) + len(taken) + numpy.arange(count + 1)
        self._program = replace(
            program,
            code=_extend(program.code, codes),
            place=_extend(program.place, places),
            start=_extend(program.start, ends),
            operands=_extend(program.operands, [*taken, *[size] * count]),
            kinds=kinds,
            origin=None,
        )
        return list(range(size + 1, size + 1 + count))


def _slice_loop(loop: Loop, results: Sequence[int], operands: Rows) -> tuple[Loop, list[int]]:
    """Cut out of a loop what computes some rows of its step.

    Args:
        loop: The loop.
        results: The rows of the step that each step of the new loop returns.
        operands: What the loop takes.

    Returns:
        The new loop, and what it takes.
    """
    step = loop.step
    carried: set[int] = set()
    while True:
        kept = sorted(carried)
        outputs = numpy.array([*step.outputs[kept], *results], numpy.int32)
        small = remove_dead_rows(replace(step, outputs=outputs))
        inputs = numpy.unique(small.place[small.code == INPUT])
        needed = set(inputs[inputs < loop.carries].tolist())
        # To carry a number may need others.
        if needed <= carried:
            break
        carried |= needed

    carries = numpy.array(kept, int)
    entries = inputs[inputs >= loop.carries]
    inputs = numpy.concatenate([carries, entries])
    parameters = numpy.unique(small.place[small.code == PARAMETER])
    place = small.place.copy()
    for code, places in ((INPUT, inputs), (PARAMETER, parameters)):
        leaves = small.code == code
        place[leaves] = numpy.searchsorted(places, place[leaves])

    carry, xs, captured = [operands[part] for part in loop.parts]
    by_step = xs.reshape(loop.length, loop.entries)[:, entries - loop.carries]
    taken = [*carry[carries], *by_step.ravel(), *captured[parameters]]
    small = replace(small, place=place, inputs=len(inputs), parameters=len(parameters), origin=None)
    return Loop(small, loop.length, len(carries), checkpoint=False), taken


def _extend(indexes: Indexes, others: Sequence[int] | Rows) -> Indexes:
    return numpy.append(indexes, others).astype(numpy.int32)
