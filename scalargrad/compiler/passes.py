"""Passes: functions from Program to Program that compute the same outputs with fewer, wider rows.

An eager `w[0] * x[0] + w[1] * x[1] + b` is recorded as four rows: two products and two sums of two.
The passes make one dot product of it, and `kernels` finds the matrix in many of those:

    ((%w0 · %x0) + (%w1 · %x1)) + %b        as recorded
    sum(%w0 · %x0, %w1 · %x1, %b)           after `merge_sums`
    dot([%x0, %x1, %b], [%w0, %w1, 1])      after `form_dot_products`

All of them are array code over the rows: a loop over single rows is left only where a row needs the
result of an earlier one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy

from scalargrad.core.ops import ADD, DIV, DOT, FLOATS, MUL, NEG, POW, SUB, SUM, TABLE
from scalargrad.errors import ProgramError

from .array_types import Mask, Rows
from .program import (
    CONSTANT,
    DRAWN,
    FIRST,
    INPUT,
    Indexes,
    Kind,
    Program,
    insert_static_args,
)

__all__ = [
    "PASSES",
    "batched",
    "fold_constants",
    "form_dot_products",
    "merge_common_rows",
    "merge_sums",
    "optimize",
    "put_varying_first",
    "remove_dead_rows",
    "remove_identities",
]

_MAX_FOLDED = 64
"""The longest list of constants that is computed ahead."""


def remove_dead_rows(program: Program) -> Program:
    """Remove the rows that no output depends on.

    A walk from the last row to the first sees every row after all rows that use it, so one walk is
    enough. Inputs and parameters keep their places, whether or not rows are left for them.

    Example:
        >>> from .program import record
        >>> from .tracing import trace
        >>> program = record(trace(lambda x: x[0] * 2, [2]))
        >>> len(remove_dead_rows(program)) == len(program)
        True
    """
    # A row at a time is read and written here, which a bytearray does faster than a NumPy array.
    marks = bytearray(len(program))
    for row in program.outputs.tolist():
        marks[row] = 1
    operands = program.operands.data
    start = program.start.tolist()
    for row in numpy.flatnonzero(program.code >= FIRST)[::-1].tolist():
        if marks[row]:
            for arg in operands[start[row] : start[row + 1]]:
                marks[arg] = 1
    alive = numpy.frombuffer(marks, bool)
    return program if alive.all() else _keep(program, alive)


def merge_sums(program: Program) -> Program:
    """Merge chains of + into one sum.

    `((a + b) + c) + d` becomes `sum(a, b, c, d)`. A + in between is merged only if nothing else
    uses it, so nothing is computed twice. Each term receives the gradient of the sum, as it did
    through the chain; only the order of the additions may differ, and with it the last digits.

    Example:
        >>> from .program import record
        >>> from .tracing import trace
        >>> print(merge_sums(record(trace(lambda x: x[0] + x[1] + x[2], [3]))))
        4 rows
        %0 = input[0]
        %1 = input[1]
        %2 = input[2]
        %3 = sum(%0, %1, %2)
        return %3
    """
    sums = _computes(program, ADD.name) | _computes(program, SUM.name)
    owner = _owners(program)
    used_once = _count_uses(program) == 1
    mergeable = sums & used_once
    inner = sums[owner] & mergeable[program.operands]
    if not inner.any():
        return program

    inner_sums = program.operands[inner]
    # Pointer jumping: each round doubles the distance, so a chain of n takes log₂(n) rounds.
    root = numpy.arange(len(program), dtype=numpy.int32)
    root[inner_sums] = owner[inner]
    while not numpy.array_equal(further := root[root], root):
        root = further

    roots = root[owner]
    recoded = _with_kind(program, roots[inner], Kind(SUM.name))
    terms = ~inner & ~_are_spare_zeros(program, roots, inner)
    wide = _replace_edges(recoded, roots[terms], program.operands[terms])

    is_merged = numpy.zeros(len(program), bool)
    is_merged[inner_sums] = True
    return _keep(wide, ~is_merged)


def _are_spare_zeros(program: Program, root: Rows, inner: Mask) -> Mask:
    """Which operands are a constant 0 in a merged sum that has other terms, too."""
    # Python's `sum` begins with 0. As a term it would keep a sum of products from being a dot.
    in_merged_sum = numpy.isin(root, root[inner])
    is_zero = _are_constant(program, 0.0)
    zero = is_zero[program.operands] & in_merged_sum

    others = ~inner & ~zero
    other_terms = numpy.bincount(root[others], minlength=len(program))
    has_others = other_terms > 0
    spare: Mask = zero & has_others[root]
    return spare


def form_dot_products(program: Program) -> Program:
    """Turn sums of products into dot products.

    `sum(w·x, v·y, b)` becomes `dot([x, y, b], [w, v, 1])`: a term that is not a product, or whose
    product something else uses, is one with the constant 1. Where one factor varies by sample and
    the other does not, the varying one comes first, so that `kernels` can read the factors of many
    dot products as a matrix.

    Which sums are left alone is said at `_are_worth_a_dot`.
    """
    before = program
    program, one = _prepend_one(program)
    owner = _owners(program)
    products = _computes(program, MUL.name)
    used_once = _count_uses(program) == 1
    sums = _computes(program, ADD.name) | _computes(program, SUM.name)

    edges = numpy.flatnonzero(sums[owner])
    terms = program.operands[edges]
    rows = owner[edges]
    taken = products[terms] & used_once[terms]

    # Terms that are leaves have no operands: clipping gives them some number, which is not taken.
    left = program.operands.take(program.start[terms], mode="clip")
    right = program.operands.take(program.start[terms] + 1, mode="clip")
    first = numpy.where(taken, left, terms)
    second = numpy.where(taken, right, one)

    varying = batched(program)
    first, second = put_varying_first(first, second, varying)
    worth = _are_worth_a_dot(len(program), rows, taken, varying[first], varying[second])
    chosen = worth[rows]
    if not chosen.any():
        return before
    with_dots = _replace_by_dots(program, rows[chosen], first[chosen], second[chosen])
    return remove_dead_rows(with_dots)


def put_varying_first(first: Rows, second: Rows, varying: Mask) -> tuple[Rows, Rows]:
    """Swap the factors of each pair of which only the second varies by sample."""
    swap = ~varying[first] & varying[second]
    new_first = numpy.where(swap, second, first)
    new_second = numpy.where(swap, first, second)
    return new_first, new_second


def _are_worth_a_dot(
    n: int,
    rows: Rows,
    taken: Mask,
    first: Mask,
    second: Mask,
) -> Mask:
    """Which of n rows become dot products.

    Those with at least one product whose pairs are all of one sort: in each both factors vary by
    sample, or in none. A mixture could be neither a matrix nor a product of two arrays. Of two
    terms, x + y·z stays as it is, for a dot product would be two multiplications where one is
    enough, unless x does not vary: then it is the bias of a neuron with one input.

    Args:
        n: The number of rows of the program.
        rows: (e,) the sum that each term belongs to.
        taken: (e,) whether the term is a product.
        first: (e,) whether the first factor varies by sample.
        second: (e,) whether the second one does.
    """

    def count(which: Mask) -> Rows:
        return numpy.bincount(rows[which], minlength=n)

    terms = numpy.bincount(rows, minlength=n)
    products = count(taken)
    both_vary = count(first & second)
    varying_terms = count(~taken & first)
    one_sort = (both_vary == 0) | (both_vary == terms)
    saves_work = (terms > 2) | (varying_terms == 0)
    worth: Mask = (products > 0) & one_sort & saves_work
    return worth


def _replace_by_dots(program: Program, rows: Rows, first: Rows, second: Rows) -> Program:
    """Make dot products of the rows: all first factors, then all second factors."""
    owner = _owners(program)
    untouched = ~numpy.isin(owner, rows)
    other_owners = owner[untouched]
    other_operands = program.operands[untouched]

    recoded = _with_kind(program, rows, Kind(DOT.name))
    owners = numpy.concatenate([other_owners, rows, rows])
    operands = numpy.concatenate([other_operands, first, second])
    return _replace_edges(recoded, owners, operands)


def fold_constants(program: Program) -> Program:
    """Compute ahead what depends on constants alone.

    `x * (2.0 * 3.0)` becomes `x * 6.0`. The rules are those of eager code, so the number is the
    same to the bit. Parameters and leaves that are read at each run are not constants.
    """
    numbers = program.numbers.tolist()
    known = _constants(program)
    code = program.code.copy()
    place = program.place.copy()
    for row, kind, args in program.rows():
        if kind is None or len(args) > _MAX_FOLDED or not all(arg in known for arg in args):
            continue
        numbers_of_args = [known[arg] for arg in args]
        operands = insert_static_args(kind, numbers_of_args)
        known[row] = TABLE[kind.op].value(FLOATS, operands)
        code[row] = CONSTANT
        place[row] = len(numbers)
        numbers.append(known[row])
    if len(numbers) == len(program.numbers):
        return program

    # Rows that became leaves lose their operands.
    owner = _owners(program)
    edges = code[owner] >= FIRST
    folded = replace(program, code=code, place=place, numbers=numpy.array(numbers))
    return remove_dead_rows(_replace_edges(folded, owner[edges], program.operands[edges]))


def remove_identities(program: Program) -> Program:
    """Replace x + 0, x - 0, x · 1, x / 1, x to the power of 1, and -(-x) by x.

    x + 0 is not quite x for x = -0.0, where it is 0.0. That is the one difference, and no
    derivative depends on it.
    """
    alias = numpy.arange(len(program), dtype=numpy.int32)
    constants = _constants(program)
    negated: dict[int, int] = {}
    kinds = enumerate(program.kinds, FIRST)
    relevant = [code for code, kind in kinds if kind.op in _NEUTRAL or kind in _OF_ONE_ROW]
    for row in numpy.flatnonzero(numpy.isin(program.code, relevant)).tolist():
        kind = program.kinds[program.code[row] - FIRST]
        # Operands come first, so their aliases are final: 1 · (x + 0) is x after one walk.
        args = [int(alias[arg]) for arg in program.args(row)]
        if kind.op == NEG.name:
            negated[row] = args[0]
        alias[row] = _equal_row(row, kind, args, constants, negated)
    return _redirect(program, alias)


_NEUTRAL = {
    ADD.name: (0.0, 0.0),
    MUL.name: (1.0, 1.0),
    SUB.name: (None, 0.0),
    DIV.name: (None, 1.0),
}
"""The number that leaves the other operand as it is, as the left and as the right operand."""


_FIRST_POWER = Kind(POW.name, (None, 1.0))
_OF_ONE_ROW = (Kind(NEG.name), _FIRST_POWER)


def _equal_row(
    row: int,
    kind: Kind,
    args: Sequence[int],
    constants: Mapping[int, float],
    negated: Mapping[int, int],
) -> int:
    """Return an operand that a row is equal to, or the row itself.

    Args:
        row: The row.
        kind: What it computes.
        args: Its operands.
        constants: The number of each row that is a constant.
        negated: The operand of each row that is a negation.
    """
    if kind.op == NEG.name:
        return negated.get(args[0], row)
    if kind == _FIRST_POWER:
        return args[0]
    if kind.op in _NEUTRAL and len(args) == 2:
        left, right = args
        left_neutral, right_neutral = _NEUTRAL[kind.op]
        if left_neutral is not None and constants.get(left) == left_neutral:
            return right
        if constants.get(right) == right_neutral:
            return left
    return row


def merge_common_rows(program: Program) -> Program:
    """Compute rows with equal kinds and operands once (common subexpression elimination).

    `x·y + exp(x·y)` keeps one `x·y`, whose gradient is then the sum over both uses. Constants are
    compared by their bits, so 0.0 and -0.0 stay two. Drawn numbers are never merged: two draws of
    one source are two numbers.
    """
    alias = numpy.arange(len(program), dtype=numpy.int32)
    seen: dict[object, int] = {}
    for row in numpy.flatnonzero(program.code == CONSTANT).tolist():
        place = program.place[row]
        bits = program.numbers[place].tobytes()
        alias[row] = seen.setdefault(bits, row)

    n = len(program)
    codes = program.code.data
    start = program.start.data
    operands = program.operands.data
    aliases = alias.data
    for row in numpy.flatnonzero(program.code >= FIRST).tolist():
        args = operands[start[row] : start[row + 1]]
        # By their aliases, so that rows over rows that were merged above are equal, too.
        equal_args = [aliases[arg] for arg in args]
        if len(equal_args) > 2:
            aliases[row] = seen.setdefault((codes[row], *equal_args), row)
            continue
        # For nearly all rows one integer tells all, in a quarter of the memory.
        key = codes[row]
        for arg in equal_args:
            key = key * n + arg
        aliases[row] = seen.setdefault(key, row)
    return _redirect(program, alias)


PASSES = (
    merge_sums,
    form_dot_products,
    fold_constants,
    remove_identities,
    merge_common_rows,
    remove_dead_rows,
)
"""All passes in the order in which they run.

The first two come first as they leave fewer rows to the others, which loop over rows. Dot products
need wide sums. Folding makes constants that identities look for, and rows that become equal when
identities are gone are merged after that. Dead rows are removed last, whatever left them.
"""


def optimize(program: Program) -> Program:
    """Return the program after all passes."""
    for run_pass in PASSES:
        program = run_pass(program)
    return program


def batched(program: Program) -> Mask:
    """Return which rows vary by sample: inputs, drawn numbers, and all computed from them."""
    # A row at a time is read and written here, which a bytearray does faster than a NumPy array.
    varies = bytearray((program.code == INPUT) | (program.code == DRAWN))
    start = program.start.tolist()
    operands = program.operands.data
    for row in numpy.flatnonzero(program.code >= FIRST).tolist():
        args = operands[start[row] : start[row + 1]]
        varies[row] = any(map(varies.__getitem__, args))
    return numpy.frombuffer(varies, bool)


def _computes(program: Program, op: str) -> Mask:
    """Which rows compute an operation of rows alone."""
    wanted = Kind(op)
    kinds = enumerate(program.kinds, FIRST)
    codes = [code for code, kind in kinds if kind == wanted]
    return numpy.isin(program.code, codes)


def _are_constant(program: Program, number: float) -> Mask:
    """Which rows are a constant of this number."""
    matches: Mask = program.code == CONSTANT
    places = program.place[matches]
    matches[matches] = program.numbers[places] == number
    return matches


def _constants(program: Program) -> dict[int, float]:
    """The number of each row that is a constant."""
    rows = numpy.flatnonzero(program.code == CONSTANT)
    numbers = program.numbers[program.place[rows]]
    return dict(zip(rows.tolist(), numbers.tolist(), strict=True))


def _count_uses(program: Program) -> Rows:
    """How often each row is an operand or an output."""
    as_operand = numpy.bincount(program.operands, minlength=len(program))
    as_output = numpy.bincount(program.outputs, minlength=len(program))
    uses: Rows = as_operand + as_output
    return uses


def _owners(program: Program) -> Indexes:
    """The row that each operand belongs to."""
    rows = numpy.arange(len(program), dtype=numpy.int32)
    sizes = numpy.diff(program.start)
    owners: Indexes = numpy.repeat(rows, sizes)
    return owners


def _with_kind(program: Program, rows: Rows, kind: Kind) -> Program:
    """Return the program with `kind` as what these rows compute."""
    kinds = program.kinds
    if kind not in kinds:
        kinds = (*kinds, kind)
    code = program.code.copy()
    code[rows] = FIRST + kinds.index(kind)
    return replace(program, code=code, kinds=kinds)


def _replace_edges(program: Program, owners: Rows, operands: Rows) -> Program:
    """Give operands[i] to the row owners[i], those of one row in the given order."""
    # A stable sort: the order of the operands of a row matters, such as in a dot product.
    order = numpy.argsort(owners, kind="stable")
    ordered = operands[order].astype(numpy.int32)
    sizes = numpy.bincount(owners, minlength=len(program))
    return replace(program, start=_starts(sizes), operands=ordered)


def _starts(sizes: Rows) -> Indexes:
    """Where the operands of each row begin, given how many it has; and, last, where they end."""
    start = numpy.zeros(len(sizes) + 1, numpy.int32)
    numpy.cumsum(sizes, out=start[1:])
    return start


def _keep(program: Program, keep: Mask) -> Program:
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


def _redirect(program: Program, alias: Indexes) -> Program:
    """Use row alias[i] wherever row i is used; the program itself where nothing changes."""
    if (alias == numpy.arange(len(program))).all():
        return program
    operands = alias[program.operands]
    outputs = alias[program.outputs]
    return remove_dead_rows(replace(program, operands=operands, outputs=outputs))


def _prepend_one(program: Program) -> tuple[Program, int]:
    """Return the program with a constant 1 as its first row, and the number of that row."""
    # In front, as operands must come before every row that uses them.
    numbers = numpy.append(program.numbers, 1.0)
    extended = replace(
        program,
        code=numpy.insert(program.code, 0, CONSTANT),
        place=numpy.insert(program.place, 0, len(numbers) - 1),
        start=numpy.insert(program.start, 0, 0),
        operands=program.operands + 1,
        numbers=numbers,
        outputs=program.outputs + 1,
        origin=None if program.origin is None else numpy.insert(program.origin, 0, -1),
    )
    return extended, 0
