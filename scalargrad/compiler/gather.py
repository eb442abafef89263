"""Gathers: the look-ups of `take`, grouped into rows of one table at several places."""

from collections import defaultdict
from dataclasses import dataclass

import numpy

from .array_types import Rows
from .program import PARAMETER, Program

__all__ = ["Gather", "build_gathers"]


@dataclass(frozen=True, eq=False)
class Gather:
    """Rows of a table, looked up by index: result (p, f) is table[index[p], f].

    Attributes:
        rows: (p·f,) the results, place by place.
        index: (p,) which row of the table is taken at each place.
        table: (n, f) the entries.
        batched: Whether the results vary by sample.
    """

    rows: Rows
    index: Rows
    table: Rows
    batched: bool

    def taken(self) -> list[Rows]:
        """Return all rows that the kernel takes, in groups."""
        return [self.index, self.table]

    def __str__(self) -> str:
        count, width = self.table.shape
        text = f"gather {count}×{width}"
        places = len(self.index)
        return text if places == 1 else f"{text} at {places} places"


def build_gathers(program: Program, rows: Rows, operands: Rows, varies: bool) -> list[Gather]:
    """Return look-ups as gathers: one for each table, at all places where it is looked up.

    Args:
        program: The program.
        rows: (m,) the results.
        operands: (m, 1 + n) the index of each, and then the column of the table.
        varies: Whether the results vary by sample.
    """
    columns: dict[int, list[int]] = defaultdict(list)
    for i, index in enumerate(operands[:, 0].tolist()):
        columns[index].append(i)

    places: dict[bytes, list[list[int]]] = defaultdict(list)
    for group in columns.values():
        table = operands[group, 1:]
        order = _order(program, table)
        ordered = [group[i] for i in order]
        places[operands[ordered, 1:].tobytes()].append(ordered)

    gathers = []
    for same_table in places.values():
        positions = [i for place in same_table for i in place]
        first = same_table[0]
        gathers.append(
            Gather(
                rows=rows[positions],
                index=operands[[place[0] for place in same_table], 0],
                table=operands[first, 1:].T,
                batched=varies,
            )
        )
    return gathers


def _order(program: Program, columns: Rows) -> list[int]:
    """The order of the columns of a table."""
    # That of the parameters where there are any: the table is then a view of them. Otherwise any
    # order that is the same for all places.
    first = columns[:, 0]
    is_learned = bool((program.code[first] == PARAMETER).all())
    keys = program.place[first] if is_learned else first
    order: list[int] = numpy.argsort(keys, kind="stable").tolist()
    return order
