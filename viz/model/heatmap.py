"""Many numbers at a glance: heat maps on the scale of pictures, as PNG images, and histograms."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy
from numpy.typing import NDArray

from viz.look.theme import REACH, STEPS, Theme, color, mix

BINS = 40
"""Bars of a histogram, half of them for each sign; numbers that are exactly 0 are counted apart."""
_FINE = 16
"""Shades of each sign in a map of at most `_MAX_FINE` cells."""
_COARSE = 6
"""Shades of each sign in larger maps: random numbers in fine shades would not compress."""
_MAX_FINE = 10_000
_MIN_PIXELS = 4_096
"""Smaller maps are enlarged, so that programs which smooth images keep their cells apart."""

Numbers = NDArray[numpy.float64]
Indexes = NDArray[numpy.int64]


@dataclass(frozen=True, slots=True)
class Map:
    """A rectangle of numbers.

    Attributes:
        name: What they are: "W", "∂loss/∂W", "x".
        rows: Number of rows.
        columns: Numbers in each row.
        numbers: Row by row, from the top.
        missing: The positions that hold no number.
        labels: The names of the rows, if they have some.
        note: What the rectangle is made of, for its caption: "4 kernels of 3×3".
        is_image: Whether it is one image, or several with gaps between them.
        is_gray: Whether it is an image of numbers that are not negative, such as pixels.
        scale: The number at the end of its scale, where maps share one; 0: the largest of its own.
    """

    name: str
    rows: int
    columns: int
    numbers: tuple[float, ...]
    missing: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    note: str = ""
    is_image: bool = False
    is_gray: bool = False
    scale: float = 0.0

    @property
    def largest(self) -> float:
        """The end of the map's scale: its largest finite |number|, 1 where there is none."""
        return self.scale or largest_finite(self.numbers)

    @property
    def present(self) -> Sequence[float]:
        """The numbers without those that are missing."""
        if not self.missing:
            return self.numbers
        missing = set(self.missing)
        return [number for i, number in enumerate(self.numbers) if i not in missing]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often numbers of each size occur.

    Attributes:
        name: What they are.
        counts: Of the numbers from -largest to largest in `BINS` equal parts, without exact zeros.
        zeros: Numbers that are exactly 0.
        odd: Numbers that are nan or infinite.
        largest: The largest finite |number|, 1 where there is none.
    """

    name: str
    counts: tuple[int, ...]
    zeros: int
    odd: int
    largest: float


def largest_finite(numbers: Sequence[float]) -> float:
    """Return the largest finite |number|; 1 where all are 0, or none is finite.

    Example:
        >>> largest_finite([0.5, -2.0, float("inf")]), largest_finite([])
        (2.0, 1.0)
    """
    sizes = numpy.abs(numpy.asarray(numbers, dtype=float))
    finite = sizes[numpy.isfinite(sizes)]
    return float(finite.max(initial=0.0)) or 1.0


def histogram(name: str, numbers: Sequence[float]) -> Histogram:
    """Return the histogram of some numbers, with bars that mirror each other at 0.

    Example:
        >>> shown = histogram("W", [-1.0, 0.0, 0.0, 0.99, 1.0])
        >>> shown.counts[0], shown.counts[-1], shown.zeros
        (1, 2, 2)
    """
    array = numpy.asarray(numbers, dtype=float)
    largest = largest_finite(numbers)
    finite = array[numpy.isfinite(array)]
    counted = finite[finite != 0.0]
    # Divided first: the width of a bar of very large numbers would be infinite.
    counts, _ = numpy.histogram(counted / largest, bins=BINS, range=(-1.0, 1.0))
    return Histogram(
        name,
        counts=tuple(counts.tolist()),
        zeros=len(finite) - len(counted),
        odd=len(array) - len(finite),
        largest=largest,
    )


# Tables as maps


def map_rows(name: str, rows: Sequence[Sequence[float | None]]) -> Map:
    """Return rows of numbers as a map; short rows are filled up with missing numbers.

    Example:
        >>> map_rows("W", [[1.0, 2.0], [3.0]]).missing
        (3,)
    """
    width = max(map(len, rows))
    cells: list[float | None] = []
    for row in rows:
        padding = [None] * (width - len(row))
        cells += [*row, *padding]
    return Map(
        name,
        len(rows),
        width,
        numbers=tuple(0.0 if cell is None else cell for cell in cells),
        missing=tuple(i for i, cell in enumerate(cells) if cell is None),
    )


def map_images(name: str, images: Sequence[Numbers]) -> Map:
    """Return images beside and below each other as one map, with a gap between them.

    Example:
        >>> shown = map_images("x", [numpy.ones((2, 2)), numpy.ones((2, 2))])
        >>> shown.rows, shown.columns, shown.missing
        (5, 2, (4, 5))
    """
    height, width = images[0].shape
    # About as wide as high; up to three images, such as the colors of one, are a column.
    across = 1
    if len(images) > 3:
        across = ceil(sqrt(len(images) * height / width) - 0.01)
    down = -(-len(images) // across)

    gap = max(1, width // 14)
    row_step = height + gap
    column_step = width + gap
    total_height = down * row_step - gap
    total_width = across * column_step - gap
    cells = numpy.zeros((total_height, total_width))
    is_filled = numpy.zeros(cells.shape, dtype=bool)
    for i, image in enumerate(images):
        row, column = divmod(i, across)
        top = row * row_step
        left = column * column_step
        place = (slice(top, top + height), slice(left, left + width))
        cells[place] = image
        is_filled[place] = True

    missing = numpy.flatnonzero(~is_filled.ravel())
    return Map(
        name,
        total_height,
        total_width,
        numbers=tuple(cells.ravel().tolist()),
        missing=tuple(missing.tolist()),
        is_image=True,
    )


# Maps as images


def shades(numbers: Numbers, largest: float, steps: int) -> Indexes:
    """Return the step of the scale for each number, as `viz.look.theme.shade` does for one.

    Args:
        numbers: Finite numbers.
        largest: The number at the end of the scale.
        steps: Shades of each sign.

    Example:
        >>> shades(numpy.array([0.0, 1e-9, -2.0]), 2.0, 6).tolist()
        [0, 1, -6]
    """
    # Divided first: the largest numbers would become infinite.
    ratios = REACH * (numpy.abs(numbers) / largest)
    strengths = numpy.log1p(ratios) / numpy.log(1.0 + REACH)
    nearest = numpy.rint(steps * strengths)
    # What is not exactly 0 has a color, however small it is.
    visible = numpy.clip(nearest, 1, steps)
    signed: Numbers = visible * numpy.sign(numbers)
    return signed.astype(numpy.int64)


def png(shown: Map, theme: Theme, max_pixels: int = 80_000) -> bytes:
    """Return a heat map as a PNG image with one pixel or more for each cell.

    Cells that are nan or infinite have the color of an alarm, missing ones none.

    Args:
        shown: The map.
        theme: Whose scale colors it.
        max_pixels: A larger map shows of each block of cells the number farthest from 0.

    Example:
        >>> from viz.look.theme import LIGHT
        >>> png(Map("W", 1, 2, (1.0, -1.0)), LIGHT)[1:4]
        b'PNG'
    """
    cells = _reduce(_cells(shown), max_pixels)
    steps = _FINE if cells.size <= _MAX_FINE else _COARSE
    is_alarm = numpy.isinf(cells)
    is_missing = numpy.isnan(cells)
    finite = numpy.where(is_alarm | is_missing, 0.0, cells)

    # The palette holds the scale from the most negative shade on, then alarm, then nothing.
    every_step = range(-steps, steps + 1)
    if shown.is_gray:
        # Like ink on paper: the scale of gradients would give pixels a sign.
        scale = [mix(theme.card, theme.ink, step / (2 * steps)) for step in range(2 * steps + 1)]
        indexes = numpy.rint(2 * steps * finite / shown.largest).astype(numpy.int64)
    else:
        scale = [color_at(step / steps, theme) for step in every_step]
        indexes = shades(finite, shown.largest, steps) + steps
    palette = [*scale, theme.alarm, theme.card]
    indexes[is_alarm] = len(scale)
    indexes[is_missing] = len(scale) + 1

    pixels_per_cell = _MIN_PIXELS / max(cells.size, 1)
    enlargement = max(1, int(pixels_per_cell**0.5))
    pixels = indexes.astype(numpy.uint8)
    for axis in (0, 1):
        pixels = pixels.repeat(enlargement, axis=axis)
    return _encode(pixels, palette)


def color_at(place: float, theme: Theme) -> str:
    """Return the color at a place of the scale, from -1 to 1, at the nearest of its steps.

    Example:
        >>> from viz.look.theme import LIGHT
        >>> color_at(-1.0, LIGHT)
        '#c8590c'
    """
    return color(round(STEPS * place), theme)


def _cells(shown: Map) -> Numbers:
    """Return the numbers as an array: infinite where they are not finite, nan where missing."""
    flat = numpy.array(shown.numbers, dtype=float)
    flat[~numpy.isfinite(flat)] = numpy.inf
    flat[list(shown.missing)] = numpy.nan
    return flat.reshape(shown.rows, shown.columns)


def _reduce(cells: Numbers, max_cells: int) -> Numbers:
    """Return of each block of cells the one that is farthest from 0."""
    rows, columns = cells.shape
    height = 1
    width = 1
    while rows * columns > max_cells:
        # The longer side first, so that the map keeps its shape.
        if cells.shape[0] / height > cells.shape[1] / width:
            height += 1
        else:
            width += 1
        rows = ceil(cells.shape[0] / height)
        columns = ceil(cells.shape[1] / width)
    if height * width == 1:
        return cells

    padded = numpy.full((rows * height, columns * width), numpy.nan)
    padded[: cells.shape[0], : cells.shape[1]] = cells
    by_block = padded.reshape(rows, height, columns, width).swapaxes(1, 2)
    blocks = by_block.reshape(rows, columns, height * width)

    # A missing number is smaller than any other, so that it stays only where all are missing.
    sizes = numpy.where(numpy.isnan(blocks), -1.0, numpy.abs(blocks))
    strongest = sizes.argmax(axis=2)[:, :, None]
    return numpy.take_along_axis(blocks, strongest, axis=2)[:, :, 0]


def _encode(pixels: NDArray[numpy.uint8], palette: list[str]) -> bytes:
    """Return a PNG with a palette, 8 bits a pixel, whose last color is transparent.

    PNG specification, 3rd edition: https://www.w3.org/TR/png-3/
    """
    height, width = pixels.shape
    # 8 bits a pixel, color type 3 (a palette); then the only methods of compression and filtering
    # that there are, and no interlacing.
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colors = "".join(code.removeprefix("#") for code in palette)
    opacities = b"\xff" * (len(palette) - 1) + b"\0"
    # Each row begins with a byte that says how it is filtered: 0, not at all.
    no_filter = numpy.zeros((height, 1), dtype=numpy.uint8)
    rows = numpy.hstack([no_filter, pixels])
    chunks = (
        _chunk(b"IHDR", header),
        _chunk(b"PLTE", bytes.fromhex(colors)),
        _chunk(b"tRNS", opacities),
        _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
        _chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    length = struct.pack(">I", len(data))
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return length + kind + data + checksum
