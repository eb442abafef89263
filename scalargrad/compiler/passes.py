"""Passes: Program → Program. Each computes the same outputs; together they turn chains of + and × into sums and dot products."""

from dataclasses import replace
from typing import Any

import numpy

from scalargrad.core.ops import ADD, DIV, DOT, FLOATS, MUL, NEG, POW, SUB, SUM, TABLE
from scalargrad.errors import ProgramError

from .program import CONSTANT, DRAWN, FIRST, INPUT, Indexes, Kind, Program, insert_static_args


def remove_dead_rows(program: Program) -> Program:
    """Rows that no output depends on are left out.

    >>> from .program import record
    >>> from .tracing import trace
    >>> program = record(trace(lambda x: x[0] * 2, [2]))
    >>> len(remove_dead_rows(program)) == len(program)
    True
    """
    alive = numpy.zeros(len(program), bool)
    alive[program.outputs] = True
    operands, start = program.operands, program.start
    for row in numpy.flatnonzero(program.code >= FIRST)[::-1].tolist():
        if alive[row]:
            alive[operands[start[row] : start[row + 1]]] = True
    return _kept(program, alive) if not alive.all() else program


def merge_sums(program: Program) -> Program:
    """Chains of + become one sum, where nothing else uses what lies between."""
    adds = _are(program, ADD.name) | _are(program, SUM.name)
    owner = _owners(program)
    uses = _uses(program)
    inner = adds[owner] & (adds & (uses == 1))[program.operands]
    if not inner.any():
        return program
    root = numpy.arange(len(program), dtype=numpy.int32)
    root[program.operands[inner]] = owner[inner]
    while not numpy.array_equal(further := root[root], root):
        root = further
    code, kinds = program.code.copy(), program.kinds
    code[numpy.unique(root[owner[inner]])], kinds = _code(kinds, Kind(SUM.name))
    terms = ~inner & ~_zeros_among_others(program, root[owner], inner)
    wide = _with_edges(
        replace(program, code=code, kinds=kinds), root[owner[terms]], program.operands[terms]
    )
    merged = numpy.zeros(len(program), bool)
    merged[program.operands[inner]] = True
    return _kept(wide, ~merged)


def _zeros_among_others(program: Program, root: Indexes, inner: Any) -> Any:
    """Which operands are a 0 in a chain that has other terms, too: Python's `sum` begins with one."""
    zero = _are_constant(program, 0.0)[program.operands] & numpy.isin(root, root[inner])
    others = numpy.bincount(root[~inner & ~zero], minlength=len(program))
    return zero & (others > 0)[root]


def form_dot_products(program: Program) -> Program:
    """Sums of products become dot products, where nothing else uses the products.

    A term that is no product is one with the constant 1. Where some factors depend on the sample and others do not, those that do
    come first. Products that mix both ways are left alone, and so is x + y·z, unless x does not depend on the sample: a bias.
    """
    before = program
    program, one = _with_one(program)
    owner, products = _owners(program), _are(program, MUL.name)
    uses = _uses(program)
    sums = _are(program, ADD.name) | _are(program, SUM.name)
    edges = numpy.flatnonzero(sums[owner])
    terms, rows = program.operands[edges], owner[edges]
    taken = products[terms] & (uses[terms] == 1)
    # Terms that are leaves have no operands: clipping gives them some number, which is not taken.
    first = numpy.where(taken, program.operands.take(program.start[terms], mode="clip"), terms)
    second = numpy.where(taken, program.operands.take(program.start[terms] + 1, mode="clip"), one)
    varying = batched(program)
    swap = ~varying[first] & varying[second]
    first, second = numpy.where(swap, second, first), numpy.where(swap, first, second)
    chosen = _worth_a_dot(len(program), rows, taken, varying[first], varying[second])[rows]
    if not chosen.any():
        return before
    return remove_dead_rows(_with_pairs(program, rows[chosen], first[chosen], second[chosen]))


def _worth_a_dot(n: int, rows: Indexes, taken: Any, first: Any, second: Any) -> Any:
    """Which of the rows become dot products: those with a product, whose pairs are all of one sort."""

    def count(which: Any) -> Any:
        return numpy.bincount(rows[which], minlength=n)

    terms = numpy.bincount(rows, minlength=n)
    products = count(taken)
    both = count(first & second)
    plain = count(~taken & first)
    one_sort = (both == 0) | (both == terms)
    return (products > 0) & one_sort & ((terms > 2) | (plain == 0))


def _with_pairs(program: Program, rows: Indexes, first: Indexes, second: Indexes) -> Program:
    """The rows as dot products: all first factors, then all second factors."""
    owner = _owners(program)
    untouched = ~numpy.isin(owner, rows)
    code, kinds = program.code.copy(), program.kinds
    code[numpy.unique(rows)], kinds = _code(kinds, Kind(DOT.name))
    owners = numpy.concatenate([owner[untouched], rows, rows])
    operands = numpy.concatenate([program.operands[untouched], first, second])
    return _with_edges(replace(program, code=code, kinds=kinds), owners, operands)


def fold_constants(program: Program) -> Program:
    """What depends on constants alone is computed now."""
    numbers, known = program.numbers.tolist(), dict[int, float]()
    for row in numpy.flatnonzero(program.code == CONSTANT).tolist():
        known[row] = numbers[program.place[row]]
    code, place = program.code.copy(), program.place.copy()
    for row, kind, args in program.rows():
        if kind is not None and len(args) <= 64 and all(arg in known for arg in args):
            known[row] = TABLE[kind.op].value(
                FLOATS, insert_static_args(kind, [known[arg] for arg in args])
            )
            code[row], place[row] = CONSTANT, len(numbers)
            numbers.append(known[row])
    if len(numbers) == len(program.numbers):
        return program
    leaf = code < FIRST
    edges = ~leaf[_owners(program)]
    new = replace(program, code=code, place=place, numbers=numpy.array(numbers))
    return remove_dead_rows(_with_edges(new, _owners(program)[edges], program.operands[edges]))


def remove_identities(program: Program) -> Program:
    """x + 0, x - 0, x · 1, x / 1, x to the power of 1 and -(-x) are x.

    x + 0 is not quite x for x = -0.0, which becomes 0.0: that is the one difference, and no derivative sees it.
    """
    alias = numpy.arange(len(program), dtype=numpy.int32)
    constant = {
        row: float(program.numbers[program.place[row]])
        for row in numpy.flatnonzero(program.code == CONSTANT).tolist()
    }
    negated: dict[int, int] = {}
    for row, kind, args in program.rows():
        if kind is not None and len(args) <= 2:
            args = [int(alias[arg]) for arg in args]
            alias[row] = _same_as(kind, args, constant, negated, row)
    return program if (alias == numpy.arange(len(program))).all() else _aliased(program, alias)


_NEUTRAL = {
    ADD.name: (0.0, 0.0),
    MUL.name: (1.0, 1.0),
    SUB.name: (None, 0.0),
    DIV.name: (None, 1.0),
}
"""What leaves the other operand as it is, when it stands first, and when it stands second."""


def _same_as(
    kind: Kind, args: list[int], constant: dict[int, float], negated: dict[int, int], row: int
) -> int:
    if kind.op == NEG.name:
        negated[row] = args[0]
        return negated.get(args[0], row)
    if kind == Kind(POW.name, (None, 1.0)):
        return args[0]
    for here, there, neutral in zip(args, args[::-1], _NEUTRAL.get(kind.op, ()), strict=False):
        if neutral is not None and constant.get(here) == neutral:
            return there
    return row


def merge_common_rows(program: Program) -> Program:
    """Rows that compute the same from the same operands are computed once. Drawn numbers are never the same."""
    alias, seen = numpy.arange(len(program), dtype=numpy.int32), dict[Any, int]()
    leaves = numpy.flatnonzero(program.code == CONSTANT)
    for row in leaves.tolist():
        alias[row] = seen.setdefault(program.numbers[program.place[row]].tobytes(), row)
    codes, start, operands = program.code, program.start, program.operands
    for row in numpy.flatnonzero(codes >= FIRST).tolist():
        key = (int(codes[row]), alias[operands[start[row] : start[row + 1]]].tobytes())
        alias[row] = seen.setdefault(key, row)
    return program if (alias == numpy.arange(len(program))).all() else _aliased(program, alias)


PASSES = (
    merge_sums,
    form_dot_products,
    fold_constants,
    remove_identities,
    merge_common_rows,
    remove_dead_rows,
)
"""All passes in the order in which they are made. The first two go first as they leave fewer rows to the others."""


def optimize(program: Program) -> Program:
    """The program after all passes."""
    for each in PASSES:
        program = each(program)
    return program


def batched(program: Program) -> Any:
    """Which rows differ from sample to sample: inputs, drawn numbers, and all that is computed from them."""
    found = bytearray(
        (program.code == INPUT) | (program.code == DRAWN)
    )  # one by one, it is read sooner than an array
    start, operands = program.start.tolist(), program.operands.data
    for row in numpy.flatnonzero(program.code >= FIRST).tolist():
        found[row] = any(map(found.__getitem__, operands[start[row] : start[row + 1]]))
    return numpy.frombuffer(found, bool)


def _are(program: Program, op: str) -> Any:
    codes = [i + FIRST for i, kind in enumerate(program.kinds) if kind == Kind(op)]
    return numpy.isin(program.code, codes)


def _are_constant(program: Program, number: float) -> Any:
    found = program.code == CONSTANT
    found[found] = program.numbers[program.place[found]] == number
    return found


def _uses(program: Program) -> Any:
    """How often each row is an operand or an output."""
    as_operand = numpy.bincount(program.operands, minlength=len(program))
    as_output = numpy.bincount(program.outputs, minlength=len(program))
    return as_operand + as_output


def _owners(program: Program) -> Indexes:
    """The row that each operand belongs to."""
    found: Indexes = numpy.repeat(
        numpy.arange(len(program), dtype=numpy.int32), numpy.diff(program.start)
    )
    return found


def _code(kinds: tuple[Kind, ...], kind: Kind) -> tuple[int, tuple[Kind, ...]]:
    known = kinds if kind in kinds else (*kinds, kind)
    return known.index(kind) + FIRST, known


def _with_edges(program: Program, owners: Any, operands: Any) -> Program:
    """The same rows with other operands: operands[i] belongs to owners[i], those of one row in the order given."""
    order = numpy.argsort(owners, kind="stable")
    start = numpy.zeros(len(program) + 1, numpy.int32)
    numpy.cumsum(numpy.bincount(owners, minlength=len(program)), out=start[1:])
    return replace(program, start=start, operands=operands[order].astype(numpy.int32))


def _kept(program: Program, keep: Any) -> Program:
    """Only those rows, renumbered; nothing that is kept may need one that is not."""
    new = numpy.cumsum(keep, dtype=numpy.int32) - 1
    edges = numpy.repeat(keep, numpy.diff(program.start))
    operands = program.operands[edges]
    if not keep[operands].all() or not keep[program.outputs].all():
        raise ProgramError("a row that is needed was left out")
    start = numpy.zeros(int(keep.sum()) + 1, numpy.int32)
    numpy.cumsum(numpy.diff(program.start)[keep], out=start[1:])
    return replace(
        program,
        code=program.code[keep],
        place=program.place[keep],
        start=start,
        operands=new[operands],
        outputs=new[program.outputs],
        origin=None if program.origin is None else program.origin[keep],
    )


def _aliased(program: Program, alias: Indexes) -> Program:
    """Every use of row i becomes one of alias[i]."""
    return remove_dead_rows(
        replace(program, operands=alias[program.operands], outputs=alias[program.outputs])
    )


def _with_one(program: Program) -> tuple[Program, int]:
    """The program with a row for the constant 1 in front."""
    numbers = numpy.append(program.numbers, 1.0)
    return replace(
        program,
        code=numpy.insert(program.code, 0, CONSTANT),
        place=numpy.insert(program.place, 0, len(numbers) - 1),
        start=numpy.insert(program.start, 0, 0),
        operands=program.operands + 1,
        numbers=numbers,
        outputs=program.outputs + 1,
        origin=None if program.origin is None else numpy.insert(program.origin, 0, -1),
    ), 0
