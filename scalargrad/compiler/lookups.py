"""Look-ups on arrays: rows of a table by index, and the gradient that they send back.

Indices are checked before a program runs. Here one beyond the ends is that of the nearest row.
"""

from typing import Any

import numpy
from numpy.typing import NDArray

from .array_types import Array

__all__ = [
    "indices",
    "look_up",
    "look_up_by_sample",
    "scatter_by_sample",
    "scatter_into",
    "scatter_rows",
]

Indices = NDArray[numpy.intp]


def indices(numbers: Array, count: int) -> Indices:
    """Return indices, (batch, p), as integers from 0 to count - 1.

    Example:
        >>> indices(numpy.array([[0.0, 2.0]]), 2).tolist()
        [[0, 1]]
    """
    whole = numbers.astype(numpy.intp)
    # Two functions, as they are faster than `clip` for small arrays.
    limited: Indices = numpy.minimum(numpy.maximum(whole, 0), count - 1)
    return limited


def look_up(table: Array, index: Indices) -> Array:
    """Return the rows of a table (n, f) at indices (batch, p): (batch, p, f)."""
    # `take` is faster than an index in brackets, but would first copy a table with gaps.
    if table.flags.c_contiguous:
        return table.take(index, 0)
    rows: Array = table[index]
    return rows


def look_up_by_sample(table: Array, index: Indices) -> Array:
    """Return rows where each sample has a table of its own, (batch, n, f): (batch, p, f)."""
    samples = numpy.arange(len(index))[:, None]
    rows: Array = table[samples, index]
    return rows


def scatter_rows(index: Indices, gradient: Array, shape: tuple[int, int]) -> Array:
    """Add up the gradients of looked-up rows, by the row that each was taken from.

    Args:
        index: (batch, p) indices.
        gradient: (batch, p·f).
        shape: The shape of the table, (n, f).

    Returns:
        The gradient of the table, (n, f).

    Example:
        >>> index = numpy.array([[1], [1]])
        >>> scatter_rows(index, numpy.array([[1.0, 2.0], [10.0, 20.0]]), (2, 2)).tolist()
        [[0.0, 0.0], [11.0, 22.0]]
    """
    count, width = shape
    # Counting with weights is several times faster than numpy.add.at, sorting, or a product with
    # one-hot rows, for tables of 27 rows as for those of 50,000.
    places = index.reshape(-1, 1) * width + numpy.arange(width)
    total = numpy.bincount(places.ravel(), gradient.ravel(), count * width)
    by_row: Array = total.astype(float, copy=False).reshape(shape)
    return by_row


def scatter_into(index: Indices, gradient: Array, out: Any) -> None:
    """Write the gradient of a table into `out`, as `scatter_rows` returns it."""
    out[...] = scatter_rows(index, gradient, out.shape)


def scatter_by_sample(gradient: Array, index: Indices, shape: tuple[int, int, int]) -> Array:
    """Return the gradient of the tables that each sample has, (batch, n, f)."""
    batch, count, width = shape
    # The tables of all samples, one below the other, are one table.
    rows = index + count * numpy.arange(batch)[:, None]
    return scatter_rows(rows, gradient, (batch * count, width)).reshape(shape)
