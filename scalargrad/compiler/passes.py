"""Passes: functions from Program to Program that compute the same outputs with fewer, wider rows.

Those over sums and dot products are in `sums`. The others are here: constants are computed ahead,
identities left out, and equal rows computed once. A loop over single rows is left only where a row
needs the result of an earlier one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy

from scalargrad.core.ops import ADD, DIV, FLOATS, MUL, NEG, POW, SUB, TABLE

from .array_types import Array, Mask, Rows
from .padding import pad_lists
from .program import CONSTANT, FIRST, Indexes, Kind, Program, insert_static_args
from .rewriting import (
    find_constants,
    find_owners,
    list_rows,
    mark,
    redirect,
    remove_dead_rows,
    replace_edges,
)
from .sums import form_dot_products, merge_differences, merge_sums, split_sums
from .zero_checks import remove_zero_checks

__all__ = [
    "PASSES",
    "fold_constants",
    "merge_common_rows",
    "optimize",
    "remove_identities",
]

_MAX_RANDOM = 2**62
"""Above the random numbers that rows are compared by."""

_COMPARED_LEVELS = 3
"""How far below them rows are compared before they are looked up as possible equals."""

_MAX_FOLDED = 64
"""The longest list of constants that is computed ahead."""


def fold_constants(program: Program) -> Program:
    """Compute ahead what depends on constants alone.

    `x * (2.0 * 3.0)` becomes `x * 6.0`. The rules are those of eager code, so the number is the
    same to the bit. Parameters and leaves that are read at each run are not constants.
    """
    numbers = program.numbers.tolist()
    constants = find_constants(program).data
    code = program.code.copy()
    place = program.place.copy()
    codes = code.data
    for row in _find_foldable(program):
        kind = program.kinds[codes[row] - FIRST]
        args = program.args(row)
        if not all(codes[arg] == CONSTANT for arg in args):
            continue
        numbers_of_args = [constants[arg] for arg in args]
        operands = insert_static_args(kind, numbers_of_args)
        constants[row] = TABLE[kind.op].value(FLOATS, operands)
        codes[row] = CONSTANT
        place[row] = len(numbers)
        numbers.append(constants[row])
    if len(numbers) == len(program.numbers):
        return program

    # Rows that became leaves lose their operands.
    owner = find_owners(program)
    edges = code[owner] >= FIRST
    folded = replace(program, code=code, place=place, numbers=numpy.array(numbers))
    return remove_dead_rows(replace_edges(folded, owner[edges], program.operands[edges]))


def _find_foldable(program: Program) -> memoryview:
    """Return the rows that may depend on constants alone, which none over another leaf does."""
    foldable = numpy.diff(program.start) <= _MAX_FOLDED
    # A loop runs as array code, even over constants.
    foldable &= _compute_one_of(program, lambda kind: kind.op in TABLE)
    owner = find_owners(program)
    constant = (program.code == CONSTANT)[program.operands]
    computed = (program.code >= FIRST)[program.operands]
    foldable[owner[~constant & ~computed]] = False

    # What is computed is folded only after another row over constants that are there already.
    over_computed = mark(program, owner[computed])
    first_folded = foldable & ~over_computed
    return list_rows(foldable if first_folded.any() else first_folded)


def _compute_one_of(program: Program, is_one: Callable[[Kind], bool]) -> Mask:
    """Return which rows are of a kind for which `is_one` holds."""
    codes = [code for code, kind in enumerate(program.kinds, FIRST) if is_one(kind)]
    return numpy.isin(program.code, codes)


def remove_identities(program: Program) -> Program:
    """Replace x + 0, x - 0, x · 1, x / 1, x to the power of 1, and -(-x) by x.

    x + 0 is not quite x for x = -0.0, where it is 0.0. That is the one difference, and no
    derivative depends on it.
    """
    alias = numpy.arange(len(program), dtype=numpy.int32)
    constants = find_constants(program)
    negated: dict[int, int] = {}
    for row in _find_possible_identities(program, constants):
        kind = program.kinds[program.code[row] - FIRST]
        # Operands come first, so their aliases are final: 1 · (x + 0) is x after one walk.
        args = [int(alias[arg]) for arg in program.args(row)]
        if kind.op == NEG.name:
            negated[row] = args[0]
        alias[row] = _equal_row(row, kind, args, constants, negated)
    return redirect(program, alias)


def _find_possible_identities(program: Program, constants: Array) -> memoryview:
    """Return the rows over a number that may be neutral, and those of one operand."""
    of_two = _compute_one_of(program, lambda kind: kind.op in _NEUTRAL)
    possibly_neutral = (constants == 0.0) | (constants == 1.0)
    takes_neutral = mark(program, find_owners(program)[possibly_neutral[program.operands]])
    of_one = _compute_one_of(program, _OF_ONE_ROW.__contains__)
    return list_rows((of_two & takes_neutral) | of_one)


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
    constants: Array,
    negated: Mapping[int, int],
) -> int:
    """Return an operand that a row is equal to, or the row itself.

    Args:
        row: The row.
        kind: What it computes.
        args: Its operands.
        constants: The number of each row that is a constant, nan for others.
        negated: The operand of each row that is a negation.
    """
    if kind.op == NEG.name:
        return negated.get(args[0], row)
    if kind == _FIRST_POWER:
        return args[0]
    if kind.op in _NEUTRAL and len(args) == 2:
        left, right = args
        left_neutral, right_neutral = _NEUTRAL[kind.op]
        if left_neutral is not None and constants[left] == left_neutral:
            return right
        if constants[right] == right_neutral:
            return left
    return row


def merge_common_rows(program: Program) -> Program:
    """Compute rows with equal kinds and operands once (common subexpression elimination).

    `x·y + exp(x·y)` keeps one `x·y`, whose gradient is then the sum over both uses. Constants are
    compared by their bits, so 0.0 and -0.0 stay two. Drawn numbers are never merged: two draws of
    one source are two numbers.
    """
    alias = numpy.arange(len(program), dtype=numpy.int32)
    constants = numpy.flatnonzero(program.code == CONSTANT)
    alias[constants] = constants[_find_first_of_equals(program.numbers[program.place[constants]])]

    # Above all codes and rows, so that no two keys are the same integer.
    base = FIRST + len(program.kinds) + len(program)
    seen: dict[object, int] = {}
    codes = program.code.data
    places = program.place.data
    start = program.start.data
    operands = program.operands.data
    aliases = alias.data
    for row in list_rows(_may_have_equals(program, alias)):
        args = operands[start[row] : start[row + 1]]
        # By their aliases, so that rows over rows that were merged above are equal, too.
        equal_args = [aliases[arg] for arg in args]
        if len(equal_args) > 2 or places[row]:
            aliases[row] = seen.setdefault((codes[row], places[row], *equal_args), row)
            continue
        # For nearly all rows one integer tells all, in a quarter of the memory.
        key = codes[row]
        for arg in equal_args:
            key = key * base + arg
        aliases[row] = seen.setdefault(key, row)
    return redirect(program, alias)


def _find_first_of_equals(numbers: Array) -> Rows:
    """Return for each number where the first one with the same bits is."""
    _, first, inverse = numpy.unique(
        numbers.view(numpy.int64), return_index=True, return_inverse=True
    )
    positions: Rows = first[inverse]
    return positions


def _may_have_equals(program: Program, alias: Indexes) -> Mask:
    """Return the computed rows that look like another one, down to some levels below them.

    Each row has a random number that depends on what it computes, and on the numbers of its
    operands in the round before. Those of equal rows are equal, so a row with a number of its own
    has no equal, and needs no place in a dict. In most graphs nearly all rows are such.
    """
    random = numpy.random.default_rng(0)
    by_code = random.integers(1, _MAX_RANDOM, FIRST + len(program.kinds))
    looks = random.integers(1, _MAX_RANDOM, len(program))[alias]
    computed = program.code >= FIRST
    if not computed.any():
        return computed

    factors = by_code[program.code[computed]]
    starts = program.start[:-1][computed]
    looks[computed] = factors
    for _ in range(_COMPARED_LEVELS):
        # Integers that overflow wrap around, which mixes them all the better.
        sums = numpy.add.reduceat(looks[program.operands], starts)
        looks[computed] = factors * (1 + sums)

    order = numpy.argsort(looks)
    ordered = looks[order]
    equals = numpy.flatnonzero(ordered[1:] == ordered[:-1])
    return computed & (mark(program, order[equals]) | mark(program, order[equals + 1]))


PASSES = (
    remove_zero_checks,
    remove_dead_rows,
    merge_differences,
    merge_sums,
    split_sums,
    form_dot_products,
    fold_constants,
    remove_identities,
    pad_lists,
    merge_common_rows,
    remove_dead_rows,
)
"""All passes in the order in which they run.

Zero checks are between the products and the sums of derivatives, so they go first. The rows that
they alone need go with them: a product that has another use is not merged. Those over sums come
early as they leave fewer rows to the others, which loop over rows. Dot products need wide sums of
one sort. Folding makes constants that identities look for. Rows that become equal when identities
are gone are merged after that, and so are the constants that lists are padded with. Dead rows are
removed last, whatever left them.
"""


def optimize(program: Program) -> Program:
    """Return the program after all passes."""
    for run_pass in PASSES:
        program = run_pass(program)
    return program
