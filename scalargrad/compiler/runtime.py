"""What generated source may call: NumPy's functions by short names, and a few helpers."""

from functools import lru_cache
from math import isfinite

import numpy

from scalargrad.core.ops import LOGSUMEXP

from .array_rules import ARRAYS
from .array_types import Array
from .lookups import (
    indices,
    look_up,
    look_up_by_sample,
    scatter_by_sample,
    scatter_into,
    scatter_rows,
)

__all__ = ["NAMES"]

_ONE = numpy.ones((1, 1))

_MAX_SHORT = 100
"""The length of lists up to which it pays off to copy them item by item."""


def _outer(left: Array, right: Array, out: Array) -> None:
    """Compute leftᵀ @ right."""
    if len(left) == 1:
        # Of a single sample it is every pair once, which NumPy multiplies faster than matrices.
        numpy.multiply(left.T, right, out)
    else:
        numpy.matmul(left.T, right, out)


def _outer_with_one(left: Array, right: Array, out: Array) -> None:
    """Compute leftᵀ @ [right, 1]: the gradient of weights, and in the last column of the bias."""
    if len(left) == 1:
        # Of one column and one row, dot is faster than a product of every pair.
        with_one = numpy.concatenate((right, _ONE), 1)
        numpy.dot(left.T, with_one, out)
    else:
        numpy.matmul(left.T, right, out[:, :-1])
        # Of a vector and a matrix, dot is faster than matmul, and far faster than a sum.
        out[:, -1] = numpy.dot(_ones(len(left)), left)


def _items_first(lists: Array) -> Array:
    """Return lists, (batch, m, n) or (m, n), as the rules take them: (n, batch, m) or (n, m)."""
    items = lists.transpose(2, 0, 1) if lists.ndim == 3 else lists.T
    # NumPy reduces many short lists several times faster item by item than list by list.
    return numpy.ascontiguousarray(items) if len(items) <= _MAX_SHORT else items


def _logsumexp_and_softmax(items: Array) -> tuple[Array, Array]:
    """Return log Σ exp(items) over the first axis, and its derivatives by all items."""
    largest = numpy.maximum.reduce(items)
    if not isfinite(numpy.vdot(largest, largest)):
        # The rules of the table say what infinities make of it.
        result = LOGSUMEXP.forward(ARRAYS, items)
        return result, LOGSUMEXP.partials[0](ARRAYS, result, items)

    powers = items - largest
    numpy.exp(powers, powers)
    total = numpy.add.reduce(powers)
    result = numpy.log(total)
    result += largest
    powers /= total
    return result, powers


def _part(
    vector: Array,
    start: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
) -> Array:
    """Return the numbers at start + Σ strides · index, as a view."""
    step = vector.itemsize
    offset = step * start
    byte_strides = tuple(step * stride for stride in strides)
    return numpy.ndarray(shape, vector.dtype, vector, offset, byte_strides)


def _bound(left: Array, right: Array, product: Array) -> float:
    """Return a number that is finite only if all of a product are: leftᵀ @ right, or [right, 1]."""
    if left.size + right.size < product.size:
        # No entry is larger than the norms of the factors multiplied (Cauchy and Schwarz).
        with_ones = numpy.vdot(right, right) + len(right)
        return float(numpy.vdot(left, left) * with_ones)
    return float(numpy.vdot(product, product))


@lru_cache(maxsize=8)
def _ones(count: int) -> Array:
    """Return ones: a matrix product with them is a sum, and faster."""
    return numpy.ones(count)


@lru_cache(maxsize=8)
def _shares(count: int) -> Array:
    """Return the weight of each sample's loss in the mean, (count, 1)."""
    shares = numpy.full((count, 1), 1.0 / count)
    # All calls with batches of this size get the same array.
    shares.flags.writeable = False
    return shares


def _spread(numbers: Array, shape: tuple[int, ...]) -> Array:
    """Return numbers as a view of this shape, in which those of axes of length 1 are repeated."""
    # Of most outputs it is the shape already, and NumPy's function takes ten times as long.
    return numbers if numpy.shape(numbers) == shape else numpy.broadcast_to(numbers, shape)


def _by_step(numbers: Array, steps: int) -> Array:
    """Return the numbers of all steps of a loop as a view that is indexed by the step."""
    return numbers.reshape(steps, -1, numbers.shape[-1])


NAMES: dict[str, object] = {
    **vars(ARRAYS),
    "inf": numpy.inf,
    "nan": numpy.nan,
    "concatenate": numpy.concatenate,
    "empty": numpy.empty,
    "zeros": numpy.zeros,
    "full": numpy.full,
    "matmul": numpy.matmul,
    "spread": _spread,
    "square": numpy.square,
    "take": numpy.take,
    "total": numpy.add.reduce,
    "total_runs": numpy.add.reduceat,
    "vdot": numpy.vdot,
    "shares": _shares,
    "outer": _outer,
    "outer_with_one": _outer_with_one,
    "bound": _bound,
    "items_first": _items_first,
    "logsumexp_and_softmax": _logsumexp_and_softmax,
    "part": _part,
    "by_step": _by_step,
    "indices": indices,
    "look_up": look_up,
    "look_up_by_sample": look_up_by_sample,
    "scatter_rows": scatter_rows,
    "scatter_into": scatter_into,
    "scatter_by_sample": scatter_by_sample,
}
"""What generated source may call."""
