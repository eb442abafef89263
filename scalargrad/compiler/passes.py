"""Passes: functions from Program to Program that compute the same outputs with fewer, wider rows.

Those over sums and dot products are in `sums`. The others are here: constants are computed ahead,
identities left out, and equal rows computed once. A loop over single rows is left only where a row
needs the result of an earlier one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy

from scalargrad.core.ops import ADD, DIV, FLOATS, MUL, NEG, POW, SUB, TABLE

from .padding import pad_lists
from .program import CONSTANT, FIRST, Kind, Program, insert_static_args
from .rewriting import find_constants, find_owners, redirect, remove_dead_rows, replace_edges
from .sums import form_dot_products, merge_differences, merge_sums, split_sums
from .zero_checks import remove_zero_checks

__all__ = [
    "PASSES",
    "fold_constants",
    "merge_common_rows",
    "optimize",
    "remove_identities",
]

_MAX_FOLDED = 64
"""The longest list of constants that is computed ahead."""


def fold_constants(program: Program) -> Program:
    """Compute ahead what depends on constants alone.

    `x * (2.0 * 3.0)` becomes `x * 6.0`. The rules are those of eager code, so the number is the
    same to the bit. Parameters and leaves that are read at each run are not constants.
    """
    numbers = program.numbers.tolist()
    known = find_constants(program)
    code = program.code.copy()
    place = program.place.copy()
    for row, kind, args in program.rows():
        if kind is None or len(args) > _MAX_FOLDED or not all(arg in known for arg in args):
            continue
        if kind.op not in TABLE:
            continue  # a loop runs as array code, even over constants
        numbers_of_args = [known[arg] for arg in args]
        operands = insert_static_args(kind, numbers_of_args)
        known[row] = TABLE[kind.op].value(FLOATS, operands)
        code[row] = CONSTANT
        place[row] = len(numbers)
        numbers.append(known[row])
    if len(numbers) == len(program.numbers):
        return program

    # Rows that became leaves lose their operands.
    owner = find_owners(program)
    edges = code[owner] >= FIRST
    folded = replace(program, code=code, place=place, numbers=numpy.array(numbers))
    return remove_dead_rows(replace_edges(folded, owner[edges], program.operands[edges]))


def remove_identities(program: Program) -> Program:
    """Replace x + 0, x - 0, x · 1, x / 1, x to the power of 1, and -(-x) by x.

    x + 0 is not quite x for x = -0.0, where it is 0.0. That is the one difference, and no
    derivative depends on it.
    """
    alias = numpy.arange(len(program), dtype=numpy.int32)
    constants = find_constants(program)
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
    return redirect(program, alias)


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

    # Above all codes and rows, so that no two keys are the same integer.
    base = FIRST + len(program.kinds) + len(program)
    codes = program.code.data
    places = program.place.data
    start = program.start.data
    operands = program.operands.data
    aliases = alias.data
    for row in numpy.flatnonzero(program.code >= FIRST).tolist():
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
