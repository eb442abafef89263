"""Scheduling: the rows that are computed together, and the order in which they are."""

from array import array
from collections import defaultdict
from functools import partial

import numpy

from .array_types import Rows
from .program import FIRST, Program
from .rewriting import VARIES, find_owners, list_rows

__all__ = ["group_rows"]


def group_rows(program: Program, rank: Rows, phases: Rows | None = None) -> list[Rows]:
    """Return the rows in groups of one operation, in an order in which they can run.

    This is list scheduling. Of all rows whose operands are known, that with the longest way to an
    output is next, and with it all others of its sort. So a row that has time is delayed until
    others of its sort are known, too: positions of a sequence whose first one skips a step are
    together again after it, where grouping by depth would keep them apart for good.

    Args:
        program: The program.
        rank: (n,) the rank of each row.
        phases: (n,) the phase of each row of the step of a loop: groups come phase by phase.
    """
    if phases is None:
        phases = numpy.zeros(len(program), numpy.int32)
    phase = phases.data
    graph = _Graph(program)
    sort = _find_sorts(program, rank, phases).data
    heights = graph.heights()
    pending = graph.pending()

    # Numbers in arrays, not in lists, which would need ten times the memory of the program.
    ready: dict[int, array[int]] = defaultdict(partial(array, "i"))
    urgency: dict[int, tuple[int, int]] = {}

    def add(row: int) -> None:
        number = sort[row]
        ready[number].append(row)
        urgent = (-phase[row], heights[row])
        urgency[number] = max(urgent, urgency.get(number, urgent))

    for row in graph.computed:
        if not pending[row]:
            add(row)

    groups = []
    while urgency:
        # Of equals the sort that was ready first, which keeps the order of the program.
        chosen = max(urgency, key=urgency.__getitem__)
        del urgency[chosen]
        rows = ready.pop(chosen)
        groups.append(numpy.array(sorted(rows), numpy.int32))
        for row in rows:
            for user in graph.users(row):
                pending[user] -= 1
                if not pending[user]:
                    add(user)
    return groups


class _Graph:
    """Which operation uses the result of which other one; operands that are leaves are left out.

    Attributes:
        computed: The rows of operations, in order.
    """

    def __init__(self, program: Program) -> None:
        self._n = len(program)
        self.computed = list_rows(program.code >= FIRST)
        edges = program.code[program.operands] >= FIRST
        used = program.operands[edges]
        users = find_owners(program)[edges]
        self._counts = numpy.bincount(users, minlength=self._n).astype(numpy.int32)

        order = numpy.argsort(used, kind="stable")
        self._users = users[order].data
        counts = numpy.bincount(used, minlength=self._n)
        self._ends = numpy.cumsum(counts, dtype=numpy.int32).data

    def users(self, row: int) -> memoryview:
        """Return the rows that use a row, each as often as it does."""
        start = self._ends[row - 1] if row else 0
        return self._users[start : self._ends[row]]

    def pending(self) -> memoryview:
        """Return how many operands of each row are to be computed before it, to count down."""
        return self._counts.copy().data

    def heights(self) -> memoryview:
        """Return the number of operations on the longest way from each row to an output."""
        heights = numpy.zeros(self._n, numpy.int32).data
        for row in reversed(self.computed):
            users = self.users(row)
            if users:
                heights[row] = 1 + max(map(heights.__getitem__, users))
        return heights


def _find_sorts(program: Program, rank: Rows, phases: Rows) -> Rows:
    """Number the sorts of rows: those that one kernel can compute together."""
    sizes = numpy.diff(program.start).astype(numpy.int64)
    varies = rank == VARIES
    # One number for each combination: np.unique over columns of three would sort slowly.
    codes = FIRST + len(program.kinds)
    keys: Rows = 2 * ((phases * (1 + sizes.max(initial=0)) + sizes) * codes + program.code) + varies
    return keys
