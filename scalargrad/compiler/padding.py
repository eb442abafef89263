"""Padding: lists of nearly one length become lists of one length, which one kernel computes."""

from collections.abc import Iterator
from math import inf, nan

import numpy

from scalargrad.core.ops import DOT, LOGSUMEXP, MAX, MIN, STOP_GRADIENT, SUM

from .array_types import Array, Mask, Rows
from .program import CONSTANT, FIRST, Program
from .rewriting import (
    VARIES,
    computes,
    find_constants,
    find_depths,
    find_owners,
    find_positions,
    prepend_constants,
    ranks,
    replace_edges,
)

__all__ = ["pad_lists"]

_NEUTRAL = {SUM.name: 0.0, DOT.name: 0.0, MAX.name: -inf, MIN.name: inf, LOGSUMEXP.name: -inf}
"""The number that changes nothing as one more item of a list."""

_MAX_GROWTH = 2.0
"""How many times as many items padded lists may have, all together."""


def pad_lists(program: Program) -> Program:
    """Give lists of one depth the same length, as those of attention to all earlier positions.

    `sum(a, b)` and `sum(c, d, e)` become `sum(a, b, 0)` and `sum(c, d, e)`; a dot product is padded
    with 0 · 0, a maximum with -inf. Lists of very different lengths stay apart. So do dot products
    that may be rows of a matrix, and a maximum that lets a gradient through: where all items are
    -inf, padding would share in it.

    Example:
        >>> from scalargrad import sum
        >>> from .program import record
        >>> from .tracing import trace
        >>> print(pad_lists(record(trace(lambda x: [sum(x[:2]), sum(x)], [3]))))
        6 rows
        %0 = 0.0
        %1 = input[0]
        %2 = input[1]
        %3 = sum(%1, %2, %0)
        %4 = input[2]
        %5 = sum(%1, %2, %4)
        return %3, %5
    """
    groups = list(_find_groups(program))
    if not groups:
        return program
    before = numpy.diff(program.start)
    target = before.copy()
    unpadded = before - _count_neutral(program)
    for rows in groups:
        for bucket in _fill_buckets(rows, unpadded[rows]):
            target[bucket] = before[bucket].max()
    padded = numpy.flatnonzero(target > before)
    if not len(padded):
        return program

    number = _neutral_numbers(program)[padded]
    numbers = numpy.unique(number)
    extended = prepend_constants(program, numbers)
    # The new constants are the first rows, in the order of `numbers`.
    pads = numpy.searchsorted(numbers, number)
    missing = (target - before)[padded]
    return _append_items(extended, padded + len(numbers), pads, missing)


def _neutral_numbers(program: Program) -> Array:
    """Return the number that each row may be padded with, nan for none."""
    by_code = [nan] * FIRST + [_NEUTRAL.get(kind.op, nan) for kind in program.kinds]
    numbers: Array = numpy.array(by_code)[program.code]
    return numbers


def _count_neutral(program: Program) -> Rows:
    """Return how many operands of each row are its neutral number, such as those of padding."""
    edges = numpy.flatnonzero((program.code == CONSTANT)[program.operands])
    owner = find_owners(program)[edges]
    constants = find_constants(program)[program.operands[edges]]
    neutral = constants == _neutral_numbers(program)[owner]
    return numpy.bincount(owner[neutral], minlength=len(program))


def _find_groups(program: Program) -> Iterator[Rows]:
    """Yield the rows of one operation and one depth, for each operation that has a neutral item."""
    codes = [i for i, kind in enumerate(program.kinds, FIRST) if kind.op in _NEUTRAL]
    candidate = numpy.isin(program.code, codes)
    candidate &= ~_are_extremes_with_gradient(program)
    rank = ranks(program)
    candidate &= ~_may_be_rows_of_matrices(program, rank)
    lengths = numpy.unique(numpy.diff(program.start)[candidate])
    if len(lengths) < 2:
        return

    rows = numpy.flatnonzero(candidate)
    columns = (program.code, find_depths(program), rank == VARIES)
    keys = numpy.column_stack([column[rows] for column in columns])
    order = numpy.lexsort(keys.T)
    changes = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    yield from numpy.split(rows[order], numpy.flatnonzero(changes) + 1)


def _are_extremes_with_gradient(program: Program) -> Mask:
    """Which rows are a maximum or a minimum that something takes but stop_gradient."""
    taken = numpy.zeros(len(program), bool)
    passes = ~computes(program, STOP_GRADIENT.name)[find_owners(program)]
    taken[program.operands[passes]] = True
    taken[program.outputs] = True
    extremes: Mask = computes(program, MAX.name) | computes(program, MIN.name)
    return extremes & taken


def _may_be_rows_of_matrices(program: Program, rank: Rows) -> Mask:
    """Which rows are dot products of which no pair has two factors of the highest rank."""
    owner = find_owners(program)
    dots = computes(program, DOT.name)
    edges = numpy.flatnonzero(dots[owner])
    highest = numpy.zeros(len(program), rank.dtype)
    numpy.maximum.at(highest, owner[edges], rank[program.operands[edges]])

    half = numpy.diff(program.start)[owner[edges]] // 2
    in_first_half = edges - program.start[owner[edges]] < half
    first = edges[in_first_half]
    second = first + half[in_first_half]
    lower = numpy.minimum(rank[program.operands[first]], rank[program.operands[second]])
    is_quadratic = lower == highest[owner[first]]
    dots[owner[first][is_quadratic]] = False
    return dots


def _fill_buckets(rows: Rows, lengths: Rows) -> Iterator[Rows]:
    """Yield rows in buckets of about one length, which is that of the longest."""
    order = numpy.argsort(-lengths, kind="stable")
    ordered = lengths[order]
    start = 0
    while start < len(rows):
        sizes = numpy.arange(1, len(rows) - start + 1)
        padded = ordered[start] * sizes
        fits = padded <= _MAX_GROWTH * numpy.cumsum(ordered[start:])
        # A length is all in or all out, or its rows would be two kernels again.
        next_length = numpy.append(ordered[start + 1 :], -1)
        fits &= next_length < ordered[start:]
        end = start + 1 + int(numpy.flatnonzero(fits)[-1])
        yield rows[order[start:end]]
        start = end


def _append_items(program: Program, rows: Rows, pads: Rows, missing: Rows) -> Program:
    """Append pads[i] to row i, missing[i] times; half of them to each half of a dot product."""
    owner = find_owners(program)
    is_dot = computes(program, DOT.name)
    half = numpy.diff(program.start)[owner] // 2
    in_second_half = is_dot[owner] & (find_positions(program) >= half)
    in_first_half = ~in_second_half

    pads_of_first = numpy.where(is_dot[rows], missing // 2, 0)
    pads_of_second = missing - pads_of_first
    # The pads of a half come after its items. Of what is no dot product all items are in the first
    # half, and all pads in the second.
    owners = (
        owner[in_first_half],
        numpy.repeat(rows, pads_of_first),
        owner[in_second_half],
        numpy.repeat(rows, pads_of_second),
    )
    operands = (
        program.operands[in_first_half],
        numpy.repeat(pads, pads_of_first),
        program.operands[in_second_half],
        numpy.repeat(pads, pads_of_second),
    )
    return replace_edges(program, numpy.concatenate(owners), numpy.concatenate(operands))
