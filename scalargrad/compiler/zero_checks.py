"""The pass that removes zero checks, which traced derivatives have around their products.

A gradient of exactly 0 sends nothing, even through an infinite derivative. So a trace holds, in
place of a product g · d of the chain rule,

    where(_indeterminate(g, d), 0, g · d)

and more such choices where the product is differentiated again. They are exact and slow, and they
keep products from becoming dot products and matrices. Without them a sample in which g · d is 0 · ∞
has numbers on the way that are not finite. If these stay so up to the outputs, the sample is found
there and replayed as it was recorded, with its checks.
"""

from collections.abc import Sequence

import numpy

from scalargrad.core.ops import (
    ABS,
    ADD,
    DIV,
    DOT,
    HYPOT,
    INDETERMINATE,
    LE,
    LOG,
    LT,
    MEAN,
    MUL,
    NEG,
    NORM,
    POW,
    PROD,
    SQRT,
    SUB,
    SUM,
    WHERE,
)

from .array_types import Mask
from .program import FIRST, Kind, Program
from .rewriting import computes, find_dependents, find_owners, find_positions, redirect

__all__ = ["remove_zero_checks"]


def remove_zero_checks(program: Program) -> Program:
    """Replace `where(_indeterminate(g, d), 0, x)` by x, where replay will find the difference.

    Where x is g · d itself, that is nan in place of 0. All other checks are around the gradient of
    such a product: without them it may be infinite, too. A check stays if an operation that depends
    on it could turn such a number into a finite one, as tanh does with infinity.

    Example:
        >>> from scalargrad import exp, grad
        >>> from .program import record
        >>> from .tracing import trace
        >>> program = record(trace(grad(lambda x: exp(x) ** 0.5), [1]))
        >>> print(program)
        9 rows
        %0 = 0.5
        %1 = input[0]
        %2 = exp(%1)
        %3 = pow(%2, -0.5)
        %4 = mul(%0, %3)
        %5 = _indeterminate(%4, %2)
        %6 = 0.0
        %7 = mul(%4, %2)
        %8 = where(%5, %6, %7)
        return %8
        >>> print(remove_zero_checks(program))
        6 rows
        %0 = 0.5
        %1 = input[0]
        %2 = exp(%1)
        %3 = pow(%2, -0.5)
        %4 = mul(%0, %3)
        %5 = mul(%4, %2)
        return %5
    """
    is_check = _are_checks(program)
    if not is_check.any():
        return program
    loses_nan = _lose_nan(program)
    if _reach(program, is_check, loses_nan):
        return program

    # The other checks leave more than nan: without them an infinite gradient goes on, which tanh or
    # a quotient would turn into a number like any other. Then they stay.
    of_products = is_check & _are_around_their_product(program, is_check)
    loses_infinity = loses_nan | _lose_infinity(program)
    if _reach(program, is_check & ~of_products, loses_infinity):
        is_check = of_products
    return _remove(program, is_check)


def _are_checks(program: Program) -> Mask:
    """Which rows are a zero check. The condition is never used for anything else."""
    choices = numpy.flatnonzero(computes(program, WHERE.name))
    conditions = program.operands[program.start[choices]]
    is_check = numpy.zeros(len(program), bool)
    is_check[choices] = computes(program, INDETERMINATE.name)[conditions]
    return is_check


def _are_around_their_product(program: Program, is_check: Mask) -> Mask:
    """Which of the checks choose between 0 and the product that their condition is about."""
    checks = numpy.flatnonzero(is_check)
    start = program.start
    operands = program.operands
    condition = operands[start[checks]]
    product = operands[start[checks] + 2]
    is_product = computes(program, MUL.name)[product]

    checks = checks[is_product]
    # Both are pairs of factors, which must be the same ones.
    factors = start[product[is_product]]
    asked = start[condition[is_product]]
    same_first = operands[factors] == operands[asked]
    same_second = operands[factors + 1] == operands[asked + 1]
    around = numpy.zeros(len(program), bool)
    around[checks[same_first & same_second]] = True
    return around


def _lose_nan(program: Program) -> Mask:
    """Which operands may be nan while the result is a number that does not show it."""
    # nan to the power of 0 is 1.
    loses = _operands_of(program, [Kind(op.name) for op in (LT, LE, POW)])
    is_condition = _operands_of(program, [Kind(WHERE.name)]) & (find_positions(program) == 0)
    is_check = computes(program, INDETERMINATE.name)[program.operands]
    loses[is_condition & ~is_check] = True
    return loses


_KEEP_INFINITY = (
    *(ABS, ADD, DIV, DOT, HYPOT, INDETERMINATE, LOG, MEAN, MUL, NEG, NORM, PROD, SQRT, SUB, SUM),
    WHERE,
)
"""Operations that return inf, -inf or nan if an operand is infinite, or 0 · ∞ is in question."""


def _lose_infinity(program: Program) -> Mask:
    """Which operands may be infinite while the result is finite."""
    keep = [Kind(op.name) for op in _KEEP_INFINITY]
    keep += [kind for kind in program.kinds if _is_positive_power(kind)]
    is_divisor = _operands_of(program, [Kind(DIV.name)]) & (find_positions(program) == 1)
    loses = ~_operands_of(program, keep)
    loses[is_divisor] = True
    return loses


def _is_positive_power(kind: Kind) -> bool:
    if kind.op != POW.name or kind.static_args is None:
        return False
    exponent = kind.static_args[1]
    return exponent is not None and exponent > 0.0


def _reach(program: Program, begin: Mask, losing: Mask) -> bool:
    """Whether an operand that is among `losing` depends on a row of `begin`."""
    reached = find_dependents(program, begin)[program.operands]
    return bool((reached & losing).any())


def _remove(program: Program, is_check: Mask) -> Program:
    """Use what is checked wherever one of these checks is used."""
    checks = numpy.flatnonzero(is_check)
    checked = program.operands[program.start[checks] + 2]
    alias = numpy.arange(len(program), dtype=numpy.int32)
    # Operands come first, so the alias of a check inside a check is final.
    for check, row in zip(checks.tolist(), checked.tolist(), strict=True):
        alias[check] = alias[row]
    return redirect(program, alias)


def _operands_of(program: Program, kinds: Sequence[Kind]) -> Mask:
    """Which operands belong to a row that computes one of these."""
    codes = [code for code, kind in enumerate(program.kinds, FIRST) if kind in kinds]
    return numpy.isin(program.code[find_owners(program)], codes)
