"""Rewriting: what passes read of a program, and the changes that they are made of."""

from dataclasses import replace

import numpy

from scalargrad.core.ops import STOP_GRADIENT
from scalargrad.errors import ProgramError

from .array_types import Array, Mask, Rows
from .program import CONSTANT, DRAWN, FIRST, INPUT, LEAF, Indexes, Kind, Program

__all__ = [
    "VARIES",
    "are_constant",
    "batched",
    "computes",
    "count_uses",
    "find_constants",
    "find_dependents",
    "find_depths",
    "find_owners",
    "find_positions",
    "find_sources",
    "insert_rows",
    "keep_rows",
    "list_rows",
    "mark",
    "prepend_constants",
    "ranks",
    "redirect",
    "remove_dead_rows",
    "replace_edges",
    "take_operands",
    "with_kind",
]


_MAX_ROUNDS = 8
"""How often all rows are gone through at once before one walk goes through them one by one."""

VARIES = 3
"""The rank of rows that vary by sample."""


def batched(program: Program) -> Mask:
    """Return which rows vary by sample: inputs, drawn numbers, and all computed from them."""
    leaves = (program.code == INPUT) | (program.code == DRAWN)
    return find_dependents(program, leaves)


def ranks(program: Program) -> Rows:
    """Return how much each row depends on, from parameters alone to what varies by sample.

    Of two factors, the one of higher rank is taken for what a matrix is applied to, and the one of
    lower rank for an entry of the matrix: weights times inputs; weights times constants; and, where
    nothing varies by sample, weights times what was computed.
    """
    ranks = numpy.zeros(len(program), numpy.int8)
    ranks[(program.code == CONSTANT) | (program.code == LEAF)] = 1
    ranks[program.code >= FIRST] = 2
    ranks[batched(program)] = VARIES
    return ranks


def find_depths(program: Program) -> Rows:
    """Return the longest chain of operations from the leaves to each row."""
    depths = numpy.zeros(len(program), numpy.int32)
    depth = depths.data
    start = program.start.data
    operands = program.operands.data
    for row in list_rows(program.code >= FIRST):
        args = operands[start[row] : start[row + 1]]
        depth[row] = 1 + max(map(depth.__getitem__, args))
    return depths


def computes(program: Program, op: str) -> Mask:
    """Which rows compute an operation of rows alone."""
    wanted = Kind(op)
    kinds = enumerate(program.kinds, FIRST)
    codes = [code for code, kind in kinds if kind == wanted]
    return numpy.isin(program.code, codes)


def find_sources(program: Program) -> Rows:
    """Return the row whose number each row has: for a stop_gradient, what it is applied to."""
    sources = numpy.arange(len(program))
    # In order, so that what comes before is found: it may be a stop_gradient, too.
    for row in numpy.flatnonzero(computes(program, STOP_GRADIENT.name)).tolist():
        operand = program.operands[program.start[row]]
        sources[row] = sources[operand]
    return sources


def are_constant(program: Program, number: float) -> Mask:
    """Which rows are a constant of this number."""
    matches: Mask = program.code == CONSTANT
    places = program.place[matches]
    matches[matches] = program.numbers[places] == number
    return matches


def find_constants(program: Program) -> Array:
    """Return the number of each row that is a constant, nan for all others."""
    numbers = numpy.full(len(program), numpy.nan)
    constant = program.code == CONSTANT
    numbers[constant] = program.numbers[program.place[constant]]
    return numbers


def count_uses(program: Program) -> Rows:
    """How often each row is an operand or an output."""
    uses: Rows = numpy.bincount(program.operands, minlength=len(program))
    numpy.add.at(uses, program.outputs, 1)
    return uses


def list_rows(marked: Mask) -> memoryview:
    """Return the marked rows in order, to be walked over one at a time.

    As plain numbers, like a list, but in a tenth of its memory.
    """
    return numpy.flatnonzero(marked).astype(numpy.int32).data


def mark(program: Program, rows: Rows) -> Mask:
    """Return which rows are among these."""
    marked = numpy.zeros(len(program), bool)
    marked[rows] = True
    return marked


def find_owners(program: Program) -> Indexes:
    """The row that each operand belongs to."""
    rows = numpy.arange(len(program), dtype=numpy.int32)
    sizes = numpy.diff(program.start)
    owners: Indexes = numpy.repeat(rows, sizes)
    return owners


def with_kind(program: Program, rows: Rows, kind: Kind) -> Program:
    """Return the program with `kind` as what these rows compute."""
    kinds = program.kinds
    if kind not in kinds:
        kinds = (*kinds, kind)
    code = program.code.copy()
    code[rows] = FIRST + kinds.index(kind)
    return replace(program, code=code, kinds=kinds)


def replace_edges(program: Program, owners: Rows, operands: Rows) -> Program:
    """Give operands[i] to the row owners[i], those of one row in the given order."""
    # A stable sort: the order of the operands of a row matters, such as in a dot product.
    ordered = operands[numpy.argsort(owners, kind="stable")].astype(numpy.int32, copy=False)
    start = _starts(numpy.bincount(owners, minlength=len(program)))
    return replace(program, start=start, operands=ordered)


def _starts(sizes: Rows) -> Indexes:
    """Where the operands of each row begin, given how many it has; and, last, where they end."""
    start = numpy.zeros(len(sizes) + 1, numpy.int32)
    numpy.cumsum(sizes, dtype=numpy.int32, out=start[1:])
    return start


def keep_rows(program: Program, keep: Mask) -> Program:
    """Keep only these rows, and renumber them.

    Raises ProgramError if a row is left out that a kept one needs.
    """
    new = numpy.cumsum(keep, dtype=numpy.int32) - 1
    sizes = numpy.diff(program.start)
    edges = numpy.repeat(keep, sizes)
    operands = program.operands[edges]
    if not keep[operands].all() or not keep[program.outputs].all():
        raise ProgramError("a row that is needed was left out")

    return replace(
        program,
        code=program.code[keep],
        place=program.place[keep],
        start=_starts(sizes[keep]),
        operands=new[operands],
        outputs=new[program.outputs],
        origin=None if program.origin is None else program.origin[keep],
    )


def remove_dead_rows(program: Program) -> Program:
    """Remove the rows that no output depends on.

    A walk from the last row to the first sees every row after all rows that use it, so one walk is
    enough, where rounds over all rows at once don't end soon. Inputs and parameters keep their
    places, whether or not rows are left for them.

    Example:
        >>> from .program import record
        >>> from .tracing import trace
        >>> program = record(trace(lambda x: x[0] * 2, [2]))
        >>> len(remove_dead_rows(program)) == len(program)
        True
    """
    used = mark(program, program.operands)
    used[program.outputs] = True
    # The last row can only be an output, so none is dead if each has a use: all are needed by what
    # comes after them.
    if used.all():
        return program

    owner = find_owners(program)
    # What only dead rows use is dead in the next round. Most often, few rounds find them all.
    for _ in range(_MAX_ROUNDS):
        before = used
        used = mark(program, program.operands[used[owner]])
        used[program.outputs] = True
        if numpy.array_equal(used, before):
            return keep_rows(program, used)

    # A row at a time is read and written here, which a bytearray does faster than a NumPy array.
    marks = bytearray(mark(program, program.outputs))
    operands = program.operands.data
    start = program.start.data
    for row in reversed(list_rows(used & (program.code >= FIRST))):
        if marks[row]:
            for arg in operands[start[row] : start[row + 1]]:
                marks[arg] = 1
    return keep_rows(program, numpy.frombuffer(marks, bool))


def redirect(program: Program, alias: Indexes) -> Program:
    """Use row alias[i] wherever row i is used; the program itself where nothing changes."""
    if (alias == numpy.arange(len(program))).all():
        return program
    operands = alias[program.operands]
    outputs = alias[program.outputs]
    return remove_dead_rows(replace(program, operands=operands, outputs=outputs))


def find_positions(program: Program) -> Rows:
    """Return the position of each operand among those of its row."""
    positions: Rows = numpy.arange(len(program.operands)) - program.start[find_owners(program)]
    return positions


def take_operands(program: Program, rows: Rows) -> Rows:
    """Return the operands of rows that have k each, (rows, k)."""
    start = program.start[rows]
    end = program.start[rows[0] + 1]
    if len(rows) == 1:
        # In a long chain each row is a group. A view of its operands costs little, an index much.
        return program.operands[None, start[0] : end]
    operands: Rows = program.operands[start[:, None] + numpy.arange(end - start[0])]
    return operands


def find_dependents(program: Program, begin: Mask) -> Mask:
    """Return which rows depend on any row of `begin`, those of `begin` among them."""
    # A function without arguments has no row that varies by sample, and thousands to walk over.
    if not begin.any():
        return begin.copy()
    owner = find_owners(program)
    depends = begin.copy()
    depends[owner[begin[program.operands]]] = True

    # What is left are rows over computed rows. Those are read and written one at a time, which a
    # bytearray does faster than a NumPy array, and most have at most two operands.
    over_computed = mark(program, owner[program.code[program.operands] >= FIRST])
    rows = numpy.flatnonzero(over_computed & ~depends).astype(numpy.int32)
    start = program.start[rows]
    end = program.start[rows + 1]
    first = program.operands[start]
    last = program.operands[end - 1]
    operands = program.operands.data
    flags = bytearray(depends)
    ends = zip(rows.data, first.data, last.data, start.data, end.data, strict=True)
    for row, x, y, i, j in ends:
        flags[row] = flags[x] | flags[y]
        if j - i > 2 and not flags[row]:
            args = operands[i:j]
            flags[row] = any(map(flags.__getitem__, args))
    return numpy.frombuffer(flags, bool)


def insert_rows(program: Program, before: Rows, kind: Kind) -> tuple[Program, Rows]:
    """Insert rows without operands, which the caller then gives with `replace_edges`.

    Args:
        program: The program.
        before: (k,) for each new row, the row that it comes before, in ascending order.
        kind: What the new rows compute.

    Returns:
        The program, and where its rows are now: the old ones, then the new ones.
    """
    n = len(program)
    inserted = numpy.bincount(before, minlength=n)
    old = numpy.arange(n, dtype=numpy.int32)
    old += numpy.cumsum(inserted, dtype=numpy.int32)
    new = (before + numpy.arange(len(before))).astype(numpy.int32)
    sizes = numpy.insert(numpy.diff(program.start), before, 0)
    origin = program.origin
    extended = replace(
        program,
        code=numpy.insert(program.code, before, FIRST),
        place=numpy.insert(program.place, before, 0),
        start=_starts(sizes),
        operands=old[program.operands],
        outputs=old[program.outputs],
        origin=None if origin is None else numpy.insert(origin, before, origin[before]),
    )
    return with_kind(extended, new, kind), numpy.concatenate([old, new])


def prepend_constants(program: Program, numbers: Array) -> Program:
    """Return the program with constants as its first rows."""
    # In front, as operands must come before every row that uses them.
    count = len(numbers)
    places = len(program.numbers) + numpy.arange(count)
    start = [0] * count
    origin = program.origin
    return replace(
        program,
        code=numpy.insert(program.code, start, CONSTANT),
        place=numpy.insert(program.place, start, places),
        start=numpy.insert(program.start, start, 0),
        operands=program.operands + numpy.int32(count),
        numbers=numpy.append(program.numbers, numbers),
        outputs=program.outputs + numpy.int32(count),
        origin=None if origin is None else numpy.insert(origin, start, -1),
    )
