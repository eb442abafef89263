"""Reshape and Flatten, and the conversion of nested lists of numbers to Values."""

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any, TypeGuard

from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import as_float
from scalargrad.core.value import Number, Value
from scalargrad.errors import DataError, LengthError, OptionError

from .inputs import as_inputs, unpack
from .module import Module
from .naming import describe

Grid = list[list[Value]]
Image = list[Grid]
NestedValues = list[Any]
"""Lists of Values inside of one another, as deep as `depth` says."""

Lists = Iterable[Any]
"""Nested lists of numbers and Values, as a caller gives them: lists, tuples or an array."""


class Reshape(Module):
    """Nest a flat list, row by row, as a convolution needs it for the rows of a table.

    Args:
        sizes: The number of items on each level: `Reshape(channels, rows, columns)` for an image,
            `Reshape(steps, features)` for a sequence.

    Raises:
        OptionError: If a size is below 1, or there are none.

    Example:
        >>> [[x.data for x in row] for row in Reshape(2, 3)([1, 2, 3, 4, 5, 6])]
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    """

    def __init__(self, *sizes: int) -> None:
        if not sizes:
            raise OptionError("Reshape needs the size of each level, such as Reshape(1, 6, 6)")
        self.sizes = [checked_int(size, f"size {i} of Reshape", 1) for i, size in enumerate(sizes)]

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return prod(self.sizes)

    def forward(self, x: Iterable[Number]) -> NestedValues:
        """Return the nested lists.

        Raises:
            LengthError: If there are more or fewer than `inputs`.
            DataError: If an item is not a number.
        """
        items: NestedValues = as_inputs(x, self.inputs, self)
        # From the innermost level outwards; the outermost is the list that remains.
        for size in self.sizes[:0:-1]:
            items = [items[start : start + size] for start in range(0, len(items), size)]
        return items

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.sizes))


class Flatten(Module):
    """Flatten nested lists of numbers, row by row.

    Example:
        >>> [x.data for x in Flatten()([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])]
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    """

    def forward(self, x: Lists) -> list[Value]:
        """Return the flat list.

        Raises:
            DataError: If `x` is not a list, or holds anything but numbers.
        """
        return list(_flat(as_values(x, self)))


def _flat(items: NestedValues) -> Iterator[Value]:
    for item in items:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def as_values(x: object, module: Module, place: tuple[int, ...] = ()) -> NestedValues:
    """Return nested lists (or an array) of numbers as lists of Values.

    Args:
        x: The lists. Plain numbers become inputs labeled by their place, as in "x0,3".
        module: The module that errors name.
        place: The indices that lead to `x` in the outermost list.

    Raises:
        DataError: If `x` is not a list, or holds anything but numbers.
    """
    x = unpack(x, module)
    if not is_list(x):
        raise DataError(f"{describe(module)} takes lists of numbers, not {type(x).__name__} {x!r}")
    return [_as_value(item, module, (*place, i)) for i, item in enumerate(x)]


def _as_value(item: object, module: Module, place: tuple[int, ...]) -> Value | NestedValues:
    if isinstance(item, Value):
        return item
    if is_list(item):
        return as_values(item, module, place)
    where = ",".join(map(str, place))
    return Value(as_float(item, f"input {where} of {describe(module)}"), label=f"x{where}")


def is_list(thing: object) -> TypeGuard[Sequence[Any]]:
    """Return whether it is a list, tuple or array, and not one number or a text."""
    if isinstance(thing, Sequence):
        return not isinstance(thing, (str, bytes))
    return bool(getattr(thing, "shape", ()))


def depth(x: object) -> int:
    """Return how deeply lists are nested, going by the first items.

    Example:
        >>> depth([[1.0, 2.0]]), depth(1.0)
        (2, 0)
    """
    levels = 0
    while is_list(x):
        levels += 1
        x = x[0] if len(x) else None
    return levels


def as_image(x: Lists, module: Module, channels: int = 0) -> Image:
    """Return `x` as [channel][row][column]; a list of rows is one channel.

    Args:
        x: The image.
        module: The module that errors name.
        channels: The required number of channels; 0 for any.

    Raises:
        LengthError: If the number of channels differs, or rows or channels are empty or of
            different sizes.
        DataError: If `x` is not an image.
    """
    levels = depth(x)
    if levels == 1:
        raise DataError(
            f"{describe(module)} takes an image, a list of rows: "
            "for flat rows put Reshape(channels, rows, columns) before it"
        )
    image = [as_values(x, module)] if levels == 2 else as_values(x, module)
    if channels and len(image) != channels:
        raise LengthError(
            f"{describe(module)} takes {channels} channels, but was given {len(image)}"
        )
    _check_grids(image, module)
    return image


def _check_grids(image: Image, module: Module) -> None:
    """Refuse channels or rows of different sizes, and empty ones."""
    try:
        rows = [row for grid in image for row in grid]
        sizes = {(len(grid), len(row)) for grid in image for row in grid}
        is_too_deep = any(is_list(item) for row in rows for item in row)
    except TypeError:  # a Value where a list belongs
        is_too_deep = True
    if is_too_deep:
        raise DataError(
            f"{describe(module)} takes an image as [channel][row][column], "
            "this one has other levels of lists"
        )

    # A channel without rows contributes no size, so the number of rows is compared as well.
    if len(sizes) != 1 or any(len(grid) != len(image[0]) for grid in image):
        shapes = [f"{height}×{width}" for height, width in sorted(sizes)]
        given = " and ".join(shapes) or "nothing"
        raise LengthError(
            f"{describe(module)} takes channels and rows of one size, but was given {given}"
        )
    if 0 in next(iter(sizes)):
        raise LengthError(f"{describe(module)} was given an image without columns")
