"""Convolution and pooling in two dimensions: neurons that look through a window, which moves over an image."""

from random import Random
from typing import Any

from scalargrad.core import ops
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import is_number
from scalargrad.core.modes import call_in_scope
from scalargrad.core.operations import apply
from scalargrad.core.ops import Op
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Value
from scalargrad.errors import LengthError, OptionError

from .activations import Activation, activation_name
from .initializers import Initializer, given, initializer, weights_by_neuron
from .layers import Neuron
from .module import Inputs, Module
from .reshape import Grid, Image, as_image

Pair = tuple[int, int]


class Filter(Neuron):
    """The neuron behind one map of a Conv. Where its window hangs over the edge of the image, only the places inside count."""

    def forward(self, x: Any, inside: list[int] | None = None) -> Value:
        """One Value. With `inside`, `x` are the inputs at those places alone; the others are as if they were 0."""
        if inside is None:
            return super().forward(x)
        total: Value = self.bias
        for i, item in zip(inside, x, strict=True):
            total = total + self.weights[i] * item
        return total if self.activation is None else self.activation(total)


class Conv(Module):
    """A convolution: each filter is a neuron that sees all channels through a window, moved over the rows and columns.

    channels     of the image
    filters      how many there are: the channels of the result
    size         of the window: a number, or (rows, columns)
    stride       how far the window moves from one place to the next; a number or a pair
    padding      by how much the window may hang over each edge; a number or a pair
    activation, initializer, seed  as for a Layer; a filter has channels·rows·columns inputs

    Takes [channel][row][column], with one channel also [row][column]; returns [filter][row][column]. It is what PyTorch's Conv2d
    computes (a cross-correlation: the filter is not turned round). Places outside of the image add nothing, not even a node.
    For the initializers fan_out is filters·rows·columns, as in PyTorch.

    Raises OptionError for impossible sizes; a call raises LengthError or DataError for a wrong image.

    >>> edge = Conv(1, 1, size=(1, 2), activation=None, initializer=given([[-1.0, 1.0]]))
    >>> [[y.data for y in row] for row in edge([[0, 0, 5, 5], [0, 5, 5, 5]])[0]]
    [[0.0, 5.0, 0.0], [5.0, 0.0, 0.0]]
    >>> [name for name, _ in edge.named_parameters()]
    ['filters.0.weights.0', 'filters.0.weights.1', 'filters.0.bias']
    """

    _in_one_line = True

    def __init__(
        self,
        channels: int,
        filters: int,
        size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        activation: str | Activation | None = ops.RELU.name,
        initializer: str | Initializer = "he",
        seed: Seed = None,
    ) -> None:
        self.channels = checked_int(channels, "channels of a Conv", 1)
        self.size, self.stride = (
            checked_pair(size, "size of a Conv"),
            checked_pair(stride, "stride of a Conv"),
        )
        self.padding = checked_pair(padding, "padding of a Conv", least=0)
        count, area, rng = (
            checked_int(filters, "filters of a Conv", 1),
            self.size[0] * self.size[1],
            generator(seed),
        )
        draw = _over_windows(_initializer(initializer), area)
        rows = list(weights_by_neuron(draw, rng, self.channels * area, count))
        self.filters = [Filter(self.channels * area, activation, given([row]), rng) for row in rows]

    def forward(self, x: Any) -> Image:
        """A map for each filter."""
        image = as_image(x, self, self.channels)
        tops, lefts = starts(image, self.size, self.stride, self.padding, self)
        patches = [[self._patch(image, top, left) for left in lefts] for top in tops]
        return [
            [
                [
                    call_in_scope(filter.forward, filter, f"filters.{i}.{row}.{column}", patch, {})
                    for column, patch in enumerate(line)
                ]
                for row, line in enumerate(patches)
            ]
            for i, filter in enumerate(self.filters)
        ]

    def _patch(self, image: Image, top: int, left: int) -> tuple[Any, ...]:
        """What a filter is called with at one place: the inputs, and where not all are inside of the image, which those are."""
        items, inside, place = Inputs(), [], 0
        for grid in image:
            for row in range(top, top + self.size[0]):
                for column in range(left, left + self.size[1]):
                    if 0 <= row < len(grid) and 0 <= column < len(grid[0]):
                        items.append(grid[row][column])
                        inside.append(place)
                    place += 1
        return (items,) if len(items) == place else (items, inside)

    def describe(self) -> str:
        parts = [f"{self.channels} → {len(self.filters)}", _times(self.size)]
        parts += [f"stride {_times(self.stride)}"] if self.stride != (1, 1) else []
        parts += [f"padding {_times(self.padding)}"] if self.padding != (0, 0) else []
        return f"Conv({', '.join(filter(None, [*parts, activation_name(self.filters[0].activation)]))})"


class _Pool(Module):
    """One number for each window of each channel."""

    op: Op

    def __init__(self, size: int | Pair, stride: int | Pair | None = None) -> None:
        self.size = checked_pair(size, f"size of {type(self).__name__}")
        self.stride = (
            self.size
            if stride is None
            else checked_pair(stride, f"stride of {type(self).__name__}")
        )

    def forward(self, x: Any) -> Image:
        """A smaller image."""
        image = as_image(x, self)
        tops, lefts = starts(image, self.size, self.stride, (0, 0), self)
        return [
            [
                [
                    self._at(grid, top, left, f"{i}.{row}.{column}")
                    for column, left in enumerate(lefts)
                ]
                for row, top in enumerate(tops)
            ]
            for i, grid in enumerate(image)
        ]

    def _at(self, grid: Grid, top: int, left: int, name: str) -> Value:
        """The number of one window, in a scope of its own, so that pictures tell the places apart."""
        items = [
            item
            for line in grid[top : top + self.size[0]]
            for item in line[left : left + self.size[1]]
        ]
        value: Value = call_in_scope(apply, self, name, (self.op, *items), {})
        return value

    def describe(self) -> str:
        stride = f", stride {_times(self.stride)}" if self.stride != self.size else ""
        return f"{type(self).__name__}({_times(self.size)}{stride})"


class MaxPool(_Pool):
    """The largest number in each window, channel by channel.

    size    of the window: a number, or (rows, columns)
    stride  how far it moves; None for its own size, so that windows stand side by side

    Takes [channel][row][column] or [row][column] (one channel), and returns [channel][row][column]. Rows and columns left over at
    the end are dropped, as in PyTorch. Equal largest numbers share the derivative, as `max` does here; PyTorch gives it all to one.

    >>> [[y.data for y in row] for row in MaxPool(2)([[1, 2, 5, 0], [3, 4, 0, 0]])[0]]
    [[4.0, 5.0]]
    """

    op = ops.MAX


class AvgPool(_Pool):
    """The mean of each window, channel by channel; arguments and shapes as for MaxPool.

    >>> [[y.data for y in row] for row in AvgPool(2)([[1, 2, 5, 0], [3, 4, 0, 1]])[0]]
    [[2.5, 1.5]]
    """

    op = ops.MEAN


def starts(
    image: Image, size: Pair, stride: Pair, padding: Pair, module: Module
) -> tuple[range, range]:
    """The first row and the first column of each place of a window. Raises LengthError where it fits nowhere."""
    shape = len(image[0]), len(image[0][0])
    ends = [
        length + 2 * more - window
        for length, window, more in zip(shape, size, padding, strict=True)
    ]
    if min(ends) < 0:
        least = f" without the padding of {_times(padding)} on each side" if any(padding) else ""
        raise LengthError(
            f"{module.describe()} has a window of {size[0]}×{size[1]}, but was given {shape[0]}×{shape[1]}{least}"
        )
    rows, columns = (
        range(-more, end - more + 1, step)
        for more, end, step in zip(padding, ends, stride, strict=True)
    )
    return rows, columns


def checked_pair(number: int | Pair, what: str, least: int = 1) -> Pair:
    """A number twice, or the pair itself. Raises OptionError, which names `what`, for what is neither.

    >>> checked_pair(3, "size"), checked_pair((2, 3), "size")
    ((3, 3), (2, 3))
    """
    pair = number if isinstance(number, (tuple, list)) else (number, number)
    if len(pair) != 2:
        raise OptionError(
            f"{what} must be one number, or a pair for rows and columns, not {number!r}"
        )
    first, second = (checked_int(part, what, least) for part in pair)
    return first, second


def _times(pair: Pair) -> str:
    return f"{pair[0]}×{pair[1]}"


def _over_windows(draw: Initializer, area: int) -> Initializer:
    """The initializer told that an input reaches `area` places of each map. One that gives a whole matrix needs its true shape."""

    def drawn(rng: Random, fan_in: int, fan_out: int) -> Any:
        weight = draw(rng, fan_in, fan_out * area)
        return weight if is_number(weight) else draw(rng, fan_in, fan_out)

    return drawn


_initializer = initializer
