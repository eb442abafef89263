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
        table: (n, f) the entries. Where each place has its own table, all of them: (p·n, f).
        batched: Whether the results vary by sample.
        tables: The number of tables: 1, or that of the places.
    """

    rows: Rows
    index: Rows
    table: Rows
    batched: bool
    tables: int = 1

    @property
    def count(self) -> int:
        """The number of rows of one table."""
        return len(self.table) // self.tables

    @property
    def first_rows(self) -> Rows:
        """(p,) the first row of the table of each place."""
        return self.count * (numpy.arange(len(self.index)) % self.tables)

    def taken(self) -> list[Rows]:
        """Return all rows that the kernel takes, in groups."""
        return [self.index, self.table]

    def __str__(self) -> str:
        text = f"gather {self.count}×{self.table.shape[1]}"
        if self.tables > 1:
            return f"{text} from {self.tables} tables"
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
    by_index: dict[int, list[int]] = defaultdict(list)
    for i, index in enumerate(operands[:, 0].tolist()):
        by_index[index].append(i)

    # The same rows of a table, looked up by another index, are the same kernel at another place.
    places: dict[bytes, list[Rows]] = defaultdict(list)
    for group in by_index.values():
        for table in _split_tables(program, operands, numpy.array(group)):
            places[operands[table, 1:].tobytes()].append(table)

    gathers = []
    apart = []
    for same_table in places.values():
        gather = _make_gather(rows, operands, same_table, varies)
        is_learned = (program.code[gather.table] == PARAMETER).all()
        if len(gather.rows) == 1 and not is_learned:
            apart.append(gather)
        else:
            gathers.append(gather)
    return gathers + _join_tables(apart)


def _make_gather(rows: Rows, operands: Rows, places: list[Rows], varies: bool) -> Gather:
    """Return the look-ups in one table, given the positions of the results of each place."""
    first = places[0]
    indices = [operands[place[0], 0] for place in places]
    return Gather(
        rows=rows[numpy.concatenate(places)],
        index=numpy.array(indices),
        table=operands[first, 1:].T,
        batched=varies,
    )


def _join_tables(gathers: list[Gather]) -> list[Gather]:
    """Return one gather for all that look up one number, each in a list of its own.

    So are the probabilities of the targets, one position after the other.
    """
    if len(gathers) < 2:
        return gathers
    return [
        Gather(
            rows=numpy.concatenate([gather.rows for gather in gathers]),
            index=numpy.concatenate([gather.index for gather in gathers]),
            table=numpy.concatenate([gather.table for gather in gathers]),
            batched=gathers[0].batched,
            tables=len(gathers),
        )
    ]


def _split_tables(program: Program, operands: Rows, group: Rows) -> list[Rows]:
    """Return the columns that one index takes, by the table that they belong to."""
    first = operands[group, 1]
    if not (program.code[first] == PARAMETER).all():
        # Any order that is the same at all places.
        return [group[numpy.argsort(first, kind="stable")]]

    # Columns at equal distances among the parameters are one table, which is then a view of them.
    # Columns of two tables together would have to be copied in each call.
    ordered = group[numpy.argsort(program.place[first], kind="stable")]
    columns = program.place[operands[ordered, 1:]]
    distances = columns[1:] - columns[:-1]
    # Two columns of one table are at the same distance in each of its rows.
    is_shifted = (distances == distances[:, :1]).all(axis=1)
    by_column = distances[:, 0]
    starts = [0]
    for i in range(1, len(ordered)):
        # Any distance will do between the first two columns.
        is_second = starts[-1] == i - 1
        is_next = is_second or by_column[i - 1] == by_column[i - 2]
        if not is_shifted[i - 1] or not is_next:
            starts.append(i)
    return numpy.split(ordered, starts[1:])
