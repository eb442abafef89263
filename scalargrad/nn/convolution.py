"""Convolution and pooling in two dimensions."""

from random import Random
from typing import TYPE_CHECKING

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
from .initializers import (
    Initializer,
    InitializerName,
    Rows,
    biases_by_neuron,
    constant,
    given,
    resolve_initializer,
    weights_by_neuron,
)
from .inputs import Inputs, Row
from .layers import Neuron
from .module import Module
from .naming import describe, join_parts
from .reshape import Grid, Image, Lists, as_image

Pair = tuple[int, int]
Patch = tuple[Inputs] | tuple[Inputs, list[int]]
"""The arguments of `Filter.forward`."""


class Filter(Neuron):
    """The neuron that computes one channel of a Conv."""

    def forward(self, x: Row, inside: list[int] | None = None) -> Value:
        """Return one Value.

        Args:
            x: The inputs in the window.
            inside: Where the window reaches over the edge of the image, the indices of the
                weights that `x` belongs to; the other inputs count as 0.
        """
        if inside is None:
            return super().forward(x)

        # no nodes for the padding: a picture shows only what takes part
        total: Value = self.bias
        for i, item in zip(inside, x, strict=True):
            total = total + self.weights[i] * item
        return total if self.activation is None else self.activation(total)


class Conv(Module):
    """A convolution: each filter is a neuron that sees a window of the image.

    It takes [channel][row][column], with one channel also [row][column], and returns
    [filter][row][column]. It computes what PyTorch's Conv2d does (a cross-correlation: the filter
    is not flipped). Padding adds no nodes to the graph.

    Args:
        channels: The number of channels of the image.
        filters: The number of filters, which is that of the channels of the result.
        size: The size of the window: a number, or (rows, columns).
        stride: The step from one window to the next; a number or a pair.
        padding: The number of zeros added at each edge; a number or a pair.
        activation: As for a Layer.
        initializer: As for a Layer, with channels·rows·columns inputs; fan_out is
            filters·rows·columns, as in PyTorch.
        seed: As for a Layer.
        bias_initializer: As for a Layer, with the same fans as `initializer`.

    Attributes:
        filters: The neurons.

    Raises:
        OptionError: If a size is out of its range or a name is unknown.

    Example:
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
        initializer: InitializerName | Initializer = "he",
        seed: Seed = None,
        *,
        bias_initializer: InitializerName | Initializer = "zeros",
    ) -> None:
        self.channels = checked_int(channels, "channels of a Conv", 1)
        self.size = check_pair(size, "size of a Conv")
        self.stride = check_pair(stride, "stride of a Conv")
        self.padding = check_pair(padding, "padding of a Conv", least=0)
        count = checked_int(filters, "filters of a Conv", 1)

        rng = generator(seed)
        area = self.size[0] * self.size[1]
        inputs = self.channels * area
        draw = _over_windows(resolve_initializer(initializer, "initializer"), area)
        draw_bias = _over_windows(resolve_initializer(bias_initializer, "bias_initializer"), area)
        rows = list(weights_by_neuron(draw, rng, inputs, count))
        biases = list(biases_by_neuron(draw_bias, rng, inputs, count))
        self.filters = [
            Filter(inputs, activation, given([row]), rng, bias_initializer=constant(bias))
            for row, bias in zip(rows, biases, strict=True)
        ]

    if TYPE_CHECKING:

        def __call__(self, x: Lists) -> Image: ...

    def forward(self, x: Lists) -> Image:
        """Return one channel for each filter.

        Raises:
            LengthError: If the image has another number of channels, or is smaller than the window.
            DataError: If `x` is not an image.
        """
        image = as_image(x, self, self.channels)
        tops, lefts = starts(image, self.size, self.stride, self.padding, self)
        # before the filters, all of which see the same windows
        patches: list[list[Patch]] = []
        for top in tops:
            patches.append([self._patch(image, top, left) for left in lefts])

        channels: Image = []
        for i, filter in enumerate(self.filters):
            channels.append(self._apply_filter(filter, f"filters.{i}", patches))
        return channels

    def _apply_filter(self, filter: Filter, name: str, patches: list[list[Patch]]) -> Grid:
        """Return the channel of one filter, each number in its own scope."""
        grid: Grid = []
        for row, line in enumerate(patches):
            values: list[Value] = []
            for column, patch in enumerate(line):
                place = f"{name}.{row}.{column}"
                values.append(call_in_scope(filter.forward, filter, place, patch, {}))
            grid.append(values)
        return grid

    def _patch(self, image: Image, top: int, left: int) -> Patch:
        """Return the arguments of a filter at one place."""
        rows = range(top, top + self.size[0])
        columns = range(left, left + self.size[1])
        height = len(image[0])
        width = len(image[0][0])

        items = Inputs()
        inside: list[int] = []
        index = 0
        for grid in image:
            for row in rows:
                for column in columns:
                    if 0 <= row < height and 0 <= column < width:
                        items.append(grid[row][column])
                        inside.append(index)
                    index += 1
        return (items,) if len(items) == index else (items, inside)

    def extra_repr(self) -> str:
        sizes = f"{self.channels} → {len(self.filters)}"
        stride = f"stride {_times(self.stride)}" if self.stride != (1, 1) else ""
        padding = f"padding {_times(self.padding)}" if self.padding != (0, 0) else ""
        activation = activation_name(self.filters[0].activation)
        return join_parts(sizes, _times(self.size), stride, padding, activation)


class _Pool(Module):
    """One operation over each window of each channel."""

    op: Op

    def __init__(self, size: int | Pair, stride: int | Pair | None = None) -> None:
        who = type(self).__name__
        self.size = check_pair(size, f"size of {who}")
        self.stride = self.size if stride is None else check_pair(stride, f"stride of {who}")

    if TYPE_CHECKING:

        def __call__(self, x: Lists) -> Image: ...

    def forward(self, x: Lists) -> Image:
        """Return a smaller image.

        Raises:
            LengthError: If the image is smaller than the window.
            DataError: If `x` is not an image.
        """
        image = as_image(x, self)
        tops, lefts = starts(image, self.size, self.stride, (0, 0), self)
        return [self._pool(grid, str(i), tops, lefts) for i, grid in enumerate(image)]

    def _pool(self, grid: Grid, name: str, tops: range, lefts: range) -> Grid:
        """Return one channel of the result, each number in its own scope."""
        pooled: Grid = []
        for row, top in enumerate(tops):
            lines = grid[top : top + self.size[0]]
            values: list[Value] = []
            for column, left in enumerate(lefts):
                right = left + self.size[1]
                items = [item for line in lines for item in line[left:right]]
                place = f"{name}.{row}.{column}"
                values.append(call_in_scope(apply, self, place, (self.op, *items), {}))
            pooled.append(values)
        return pooled

    def extra_repr(self) -> str:
        stride = f"stride {_times(self.stride)}" if self.stride != self.size else ""
        return join_parts(_times(self.size), stride)


class MaxPool(_Pool):
    """Max pooling: the largest number in each window of each channel.

    It takes [channel][row][column] or [row][column] (one channel), and returns
    [channel][row][column]. Rows and columns that remain at the end are dropped, as in PyTorch.
    Equal largest numbers share the derivative, as in `max`; PyTorch passes it to one of them.

    Args:
        size: The size of the window: a number, or (rows, columns).
        stride: The step from one window to the next; None for `size`, so that windows don't
            overlap.

    Raises:
        OptionError: If a size is below 1.

    Example:
        >>> [[y.data for y in row] for row in MaxPool(2)([[1, 2, 5, 0], [3, 4, 0, 0]])[0]]
        [[4.0, 5.0]]
    """

    op = ops.MAX


class AvgPool(_Pool):
    """Average pooling: the mean of each window of each channel.

    Arguments and shapes are those of MaxPool.

    Example:
        >>> [[y.data for y in row] for row in AvgPool(2)([[1, 2, 5, 0], [3, 4, 0, 1]])[0]]
        [[2.5, 1.5]]
    """

    op = ops.MEAN


def starts(
    image: Image, size: Pair, stride: Pair, padding: Pair, module: Module
) -> tuple[range, range]:
    """Return the first rows and the first columns of all places of a window.

    Raises:
        LengthError: If the window is larger than the image with its padding.
    """
    shape = len(image[0]), len(image[0][0])
    last_row = shape[0] + padding[0] - size[0]
    last_column = shape[1] + padding[1] - size[1]
    if last_row < -padding[0] or last_column < -padding[1]:
        suffix = f" without the padding of {_times(padding)} on each side" if any(padding) else ""
        raise LengthError(
            f"{describe(module)} has a window of {_times(size)}, "
            f"but was given {_times(shape)}{suffix}"
        )
    rows = range(-padding[0], last_row + 1, stride[0])
    columns = range(-padding[1], last_column + 1, stride[1])
    return rows, columns


def check_pair(number: int | Pair, what: str, least: int = 1) -> Pair:
    """Return a number twice, or the pair itself.

    Raises:
        OptionError: If it is neither, or below `least`. The message names `what`.

    Example:
        >>> check_pair(3, "size"), check_pair((2, 3), "size")
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
    """Return an initializer for filters, each input of which reaches `area` outputs."""

    def draw_filter(rng: Random, fan_in: int, fan_out: int) -> float | Rows:
        weight = draw(rng, fan_in, fan_out * area)
        # one that returns a whole matrix needs its true shape
        return weight if is_number(weight) else draw(rng, fan_in, fan_out)

    return draw_filter
