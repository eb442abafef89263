"""Views: where the numbers that a kernel takes lie in blocks, as slices where that is possible, so that nothing need be copied."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy
from numpy.typing import NDArray

Indexes = NDArray[Any]


@dataclass(frozen=True)
class View:
    """The numbers of one block, in the shape in which a kernel takes them.

    block    which one
    columns  their places in the block, in the shape of the view
    start, strides  where they lie regularly: column = start + Σ strides · index; strides are None where they do not
    """

    block: int
    columns: Indexes
    start: int
    strides: tuple[int, ...] | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the view, without the axis of the samples."""
        return self.columns.shape

    @cached_property
    def is_run(self) -> bool:
        """Whether the numbers lie one after the other, in the order in which they are taken."""
        return bool((self.columns.ravel() == self.start + numpy.arange(self.columns.size)).all())

    @property
    def is_one(self) -> bool:
        """Whether it is the same number everywhere."""
        return self.strides is not None and not any(self.strides)

    @cached_property
    def distinct(self) -> bool:
        """Whether no number stands there twice."""
        return self.is_run or len(numpy.unique(self.columns)) == self.columns.size


def make_view(block: int, columns: Indexes) -> View:
    """A View for these columns, regular if they are.

    >>> make_view(0, numpy.array([[2, 3], [7, 8]])).strides
    (5, 1)
    >>> make_view(0, numpy.array([2, 3, 7])).strides is None
    True
    """
    start = int(columns.flat[0])
    strides = []
    for axis, size in enumerate(columns.shape):
        second = [0] * columns.ndim
        second[axis] = 1
        strides.append(int(columns[tuple(second)]) - start if size > 1 else 0)
    expected = start + sum(
        numpy.arange(size).reshape([-1 if i == axis else 1 for i in range(columns.ndim)]) * stride
        for axis, (size, stride) in enumerate(zip(columns.shape, strides, strict=True))
    )
    regular = bool((columns == expected).all()) and min(strides, default=0) >= 0
    return View(block, columns, start, tuple(strides) if regular else None)


def as_strided(array: NDArray[numpy.float64], place: View) -> NDArray[numpy.float64]:
    """A regular place of an array's last axis, as a view."""
    assert place.strides is not None
    step = array.strides[-1]
    shape = (*array.shape[:-1], *place.shape)
    strides = (*array.strides[:-1], *(stride * step for stride in place.strides))
    return numpy.lib.stride_tricks.as_strided(array[..., place.start :], shape, strides)


def split_duplicates(columns: Indexes) -> list[Indexes]:
    """The positions of a flat list of columns, in parts within which no column stands twice: so `x[columns] += y` is right.

    >>> [part.tolist() for part in split_duplicates(numpy.array([4, 5, 4, 4]))]
    [[0, 1], [2], [3]]
    """
    order = numpy.argsort(columns, kind="stable")
    ordered = columns[order]
    first = numpy.r_[True, ordered[1:] != ordered[:-1]]
    begin = numpy.maximum.accumulate(numpy.where(first, numpy.arange(len(columns)), 0))
    turn = numpy.empty(len(columns), int)
    turn[order] = numpy.arange(len(columns)) - begin
    return [numpy.flatnonzero(turn == i) for i in range(int(turn.max()) + 1)]
