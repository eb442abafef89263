"""Scheduling: the rows that are computed together, and the order in which they are."""

from collections import defaultdict

import numpy

from .array_types import Rows
from .program import FIRST, Program
from .rewriting import VARIES

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
        phases = numpy.zeros(len(program), int)
    phase: list[int] = phases.tolist()
    graph = _Graph(program)
    sort = _find_sorts(program, rank, phases)
    heights = graph.heights()
    pending = graph.pending()

    ready: dict[int, list[int]] = defaultdict(list)
    urgency: dict[int, tuple[int, int]] = {}

    def add(row: int) -> None:
        ready[sort[row]].append(row)
        urgent = (-phase[row], heights[row])
        urgency[sort[row]] = max(urgent, urgency.get(sort[row], urgent))

    for row in numpy.flatnonzero(program.code >= FIRST).tolist():
        if not pending[row]:
            add(row)

    groups = []
    while urgency:
        # Of equals the sort that was ready first, which keeps the order of the program.
        chosen = max(urgency, key=urgency.__getitem__)
        del urgency[chosen]
        rows = ready.pop(chosen)
        groups.append(numpy.array(sorted(rows)))
        for row in rows:
            for user in graph.users(row):
                pending[user] -= 1
                if not pending[user]:
                    add(user)
    return groups


class _Graph:
    """Which operation uses the result of which other one; operands that are leaves are left out."""

    def __init__(self, program: Program) -> None:
        self._n = len(program)
        self._computed: list[int] = numpy.flatnonzero(program.code >= FIRST).tolist()
        sizes = numpy.diff(program.start)
        owner = numpy.repeat(numpy.arange(self._n), sizes)
        computed = program.code[program.operands] >= FIRST
        used = program.operands[computed]
        users = owner[computed]
        self._counts = numpy.bincount(users, minlength=self._n)

        order = numpy.argsort(used, kind="stable")
        counts = numpy.bincount(used, minlength=self._n)
        self._ends: list[int] = numpy.cumsum(counts).tolist()
        self._users: list[int] = users[order].tolist()

    def users(self, row: int) -> list[int]:
        """Return the rows that use a row, each as often as it does."""
        start = self._ends[row - 1] if row else 0
        return self._users[start : self._ends[row]]

    def pending(self) -> list[int]:
        """Return how many operands of each row are to be computed before it."""
        counts: list[int] = self._counts.tolist()
        return counts

    def heights(self) -> list[int]:
        """Return the number of operations on the longest way from each row to an output."""
        heights = [0] * self._n
        for row in reversed(self._computed):
            users = self.users(row)
            if users:
                heights[row] = 1 + max(map(heights.__getitem__, users))
        return heights


def _find_sorts(program: Program, rank: Rows, phases: Rows) -> list[int]:
    """Number the sorts of rows: those that one kernel can compute together."""
    sizes = numpy.diff(program.start).astype(numpy.int64)
    varies = rank == VARIES
    # One number for each combination: np.unique over columns of three would sort slowly.
    codes = FIRST + len(program.kinds)
    keys = 2 * ((phases * (1 + sizes.max(initial=0)) + sizes) * codes + program.code) + varies
    numbers: list[int] = keys.tolist()
    return numbers
