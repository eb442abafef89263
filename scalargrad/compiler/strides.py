"""Views: where the numbers that a kernel takes lie in a block.

Numbers at regular distances are read through a strided view, so that nothing is copied.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy

from .array_types import Array, Rows

__all__ = ["View", "as_strided", "make_view"]


@dataclass(frozen=True)
class View:
    """Numbers of one block, in the shape in which a kernel takes them.

    Attributes:
        block: The position of the block in the layout.
        columns: The position of each number in the block, in the shape of the view.
        start: The first position.
        strides: column = start + Σ strides · index, where the numbers lie regularly; else None.
    """

    block: int
    columns: Rows
    start: int
    strides: tuple[int, ...] | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the view, without the axis of the samples."""
        return self.columns.shape

    @property
    def size(self) -> int:
        """How many numbers are taken, for one sample."""
        return self.columns.size

    @property
    def flat(self) -> Rows:
        """The positions in one list."""
        return self.columns.ravel()

    @cached_property
    def is_run(self) -> bool:
        """Whether the numbers are contiguous, in the order in which they are taken."""
        run = self.start + numpy.arange(self.size)
        return bool((self.flat == run).all())

    @property
    def is_one(self) -> bool:
        """Whether it is the same number everywhere."""
        return self.strides is not None and not any(self.strides)

    @cached_property
    def distinct(self) -> bool:
        """Whether no number appears twice."""
        if self.is_run:
            return True
        unique = numpy.unique(self.columns)
        return len(unique) == self.size


def make_view(block: int, columns: Rows) -> View:
    """Return a View of these columns, with strides if they lie regularly.

    Example:
        >>> make_view(0, numpy.array([[2, 3], [7, 8]])).strides
        (5, 1)
        >>> make_view(0, numpy.array([2, 3, 7])).strides is None
        True
    """
    start = int(columns.flat[0])
    if columns.size == 1:
        return View(block, columns, start, (0,) * columns.ndim)
    strides = [_stride_along(columns, axis) for axis in range(columns.ndim)]
    # Negative strides are regular, too, but nothing reads them: they are left to gathers.
    if min(strides, default=0) < 0:
        return View(block, columns, start, None)

    expected = numpy.full((1,) * columns.ndim, start)
    for axis, stride in enumerate(strides):
        indexes = numpy.arange(columns.shape[axis])
        along_axis = [1] * columns.ndim
        along_axis[axis] = -1
        steps = stride * indexes
        expected = expected + steps.reshape(along_axis)
    if (columns == expected).all():
        return View(block, columns, start, tuple(strides))
    return View(block, columns, start, None)


def _stride_along(columns: Rows, axis: int) -> int:
    """The distance between the first two columns along an axis; 0 where there is but one."""
    if columns.shape[axis] < 2:
        return 0
    second = [0] * columns.ndim
    second[axis] = 1
    end = columns[tuple(second)]
    start = columns.flat[0]
    return int(end) - int(start)


def as_strided(array: Array, view: View) -> Array:
    """Return the numbers of a regular view, taken from the last axis of an array, as a view."""
    assert view.strides is not None
    # NumPy counts in bytes.
    *outer, step = array.strides
    inner = [stride * step for stride in view.strides]
    shape = (*array.shape[:-1], *view.shape)
    strides = (*outer, *inner)
    origin = array[..., view.start :]
    return numpy.lib.stride_tricks.as_strided(origin, shape, strides)
