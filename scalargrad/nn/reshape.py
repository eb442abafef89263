"""Reshape and Flatten: the same numbers in other lists; and how nested lists of numbers become Values."""

from collections.abc import Sequence
from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import as_float
from scalargrad.core.value import Value
from scalargrad.errors import DataError, LengthError, OptionError

from .module import Module, as_inputs, unpacked

Grid = list[list[Value]]
Image = list[Grid]


class Reshape(Module):
    """A flat list as nested lists, row by row: what lets a network of convolutions take the rows of a table.

    sizes  how many items on each level: `Reshape(channels, rows, columns)`, or `Reshape(steps, features)` for a sequence

    Raises OptionError for sizes below 1 and for none; a call raises LengthError or DataError for a wrong input.

    >>> [[x.data for x in row] for row in Reshape(2, 3)([1, 2, 3, 4, 5, 6])]
    [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    """

    def __init__(self, *sizes: int) -> None:
        if not sizes:
            raise OptionError("Reshape needs the size of each level, such as Reshape(1, 6, 6)")
        self.sizes = [checked_int(size, f"size {i} of Reshape", 1) for i, size in enumerate(sizes)]

    @property
    def inputs(self) -> int:
        """How many numbers it takes."""
        total = 1
        for size in self.sizes:
            total *= size
        return total

    def forward(self, x: Any) -> list[Any]:
        """The nested lists."""
        items: list[Any] = as_inputs(x, self.inputs, self)
        for size in self.sizes[:0:-1]:
            items = [items[start : start + size] for start in range(0, len(items), size)]
        return items

    def describe(self) -> str:
        return f"Reshape({', '.join(map(str, self.sizes))})"


class Flatten(Module):
    """Nested lists of numbers as one flat list, row by row.

    >>> [x.data for x in Flatten()([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])]
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    """

    def forward(self, x: Any) -> list[Value]:
        """The flat list."""
        items = as_values(x, self)
        while any(isinstance(item, list) for item in items):
            items = [
                part for item in items for part in (item if isinstance(item, list) else [item])
            ]
        return items


def as_values(x: Any, module: Module, place: tuple[int, ...] = ()) -> list[Any]:
    """Nested lists (or an array) of numbers as lists of Values; those that were plain numbers are labeled by place, as in "x0,3".

    Raises DataError, which names the module, for what is no list or holds something else than numbers.
    """
    x = unpacked(x, module)
    if not is_list(x):
        raise DataError(f"{module.describe()} takes lists of numbers, not {type(x).__name__} {x!r}")
    return [_as_value(item, module, (*place, i)) for i, item in enumerate(x)]


def _as_value(item: Any, module: Module, place: tuple[int, ...]) -> Any:
    if isinstance(item, Value):
        return item
    if is_list(item):
        return as_values(item, module, place)
    where = ",".join(map(str, place))
    return Value(as_float(item, f"input {where} of {module.describe()}"), label=f"x{where}")


def is_list(thing: Any) -> bool:
    """Whether it is a list, tuple or array of things, and not one number or a text."""
    return (isinstance(thing, Sequence) and not isinstance(thing, (str, bytes))) or bool(
        getattr(thing, "shape", ())
    )


def depth(x: Any) -> int:
    """How many lists are inside of one another, as the first items have it.

    >>> depth([[1.0, 2.0]]), depth(1.0)
    (2, 0)
    """
    levels = 0
    while is_list(x):
        levels += 1
        x = x[0] if len(x) else None
    return levels


def as_image(x: Any, module: Module, channels: int = 0) -> Image:
    """`x` as [channel][row][column]; a list of rows is one channel.

    channels  how many there must be; 0 for any number

    Raises LengthError for another number of channels, for rows or channels that are empty or of different sizes, DataError for what
    is no image.
    """
    levels = depth(x)
    if levels == 1:
        raise DataError(
            f"{module.describe()} takes an image, a list of rows: for flat rows put Reshape(channels, rows, columns) before it"
        )
    image = [as_values(x, module)] if levels == 2 else as_values(x, module)
    if channels and len(image) != channels:
        raise LengthError(
            f"{module.describe()} takes {channels} channels, but was given {len(image)}"
        )
    _check_grids(image, module)
    return image


def _check_grids(image: Any, module: Module) -> None:
    """All channels must have as many rows, all rows as many columns, and there must be some."""
    try:
        sizes = {(len(grid), len(row)) for grid in image for row in grid}
        if any(is_list(item) for grid in image for row in grid for item in row):
            raise TypeError
    except TypeError:
        raise DataError(
            f"{module.describe()} takes an image as [channel][row][column], this one has other levels of lists"
        ) from None
    if len(sizes) != 1 or any(len(grid) != len(image[0]) for grid in image):
        found = " and ".join(f"{rows}×{columns}" for rows, columns in sorted(sizes)) or "nothing"
        raise LengthError(
            f"{module.describe()} takes channels and rows of one size, but was given {found}"
        )
    if 0 in next(iter(sizes)):
        raise LengthError(f"{module.describe()} was given an image without columns")
