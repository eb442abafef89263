"""Many numbers at a glance: heat maps on the scale of our pictures, as small PNG images, and histograms."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from viz.look.theme import STEPS, Theme, color

BINS = 40
"""How many bars a histogram has, half of them for each sign; those that are exactly 0 are counted apart."""
_FINE, _COARSE = 16, 6
"""How many shades each sign has in a small map, and in one of more than `_MANY` cells, which random numbers would make a large file."""
_MANY = 10_000
_SHARP = 4_096
"""Maps of fewer cells are written larger, so that programs which smooth images keep their cells apart."""


@dataclass(frozen=True, slots=True)
class Map:
    """A rectangle of numbers.

    name     what they are: "W", "∂loss/∂W", "x"
    rows     how many there are, and how many numbers each has
    numbers  row by row, from the top
    missing  the places that hold no number
    labels   the names of the rows, if they have some
    """

    name: str
    rows: int
    columns: int
    numbers: tuple[float, ...]
    missing: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def largest(self) -> float:
        """The largest finite |number|, 1 where there is none: the end of the map's scale."""
        return largest_of(self.numbers)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often numbers of each size occur.

    name     what they are
    counts   of the numbers from -largest to largest in `BINS` equal parts, those that are exactly 0 left out
    zeros    how many are exactly 0
    odd      how many are nan or infinite
    largest  the largest finite |number|, 1 where there is none
    """

    name: str
    counts: tuple[int, ...]
    zeros: int
    odd: int
    largest: float


def largest_of(numbers: Sequence[float]) -> float:
    """The largest finite |number|; 1 where all are 0, or none is finite.

    >>> largest_of([0.5, -2.0, float("inf")]), largest_of([])
    (2.0, 1.0)
    """
    array = numpy.abs(numpy.asarray(numbers, dtype=float))
    finite = array[numpy.isfinite(array)]
    return float(finite.max(initial=0.0)) or 1.0


def histogram(name: str, numbers: Sequence[float]) -> Histogram:
    """The histogram of some numbers, with the sides of 0 as mirror images.

    >>> found = histogram("W", [-1.0, 0.0, 0.0, 0.99, 1.0])
    >>> found.counts[0], found.counts[-1], found.zeros
    (1, 2, 2)
    """
    array, largest = numpy.asarray(numbers, dtype=float), largest_of(numbers)
    finite = array[numpy.isfinite(array)]
    counts, _ = numpy.histogram(finite[finite != 0.0] / largest, bins=BINS, range=(-1.0, 1.0))
    return Histogram(
        name, tuple(counts.tolist()), int((array == 0.0).sum()), len(array) - len(finite), largest
    )


def shades(numbers: Any, largest: float, steps: int) -> Any:
    """The step of the scale for each number of an array, as `style.shade` finds it for one, with `steps` shades for each sign.

    >>> shades(numpy.array([0.0, 1e-9, -2.0]), 2.0, 6).tolist()
    [0, 1, -6]
    """
    found = numpy.rint(steps * numpy.log1p(50.0 * numpy.abs(numbers) / largest) / numpy.log(51.0))
    return (numpy.clip(found, 1, steps) * numpy.sign(numbers)).astype(int)


def png(shown: Map, theme: Theme, most: int = 80_000) -> bytes:
    """A heat map as a PNG image with one pixel or more for each cell.

    theme  whose scale colors it
    most   how many pixels it may have: beyond that, of each block of cells the number that is farthest from 0 is shown

    Cells that are nan or infinite have the color of an alarm, missing ones none.

    >>> from viz.look.theme import LIGHT
    >>> png(Map("W", 1, 2, (1.0, -1.0)), LIGHT)[1:4]
    b'PNG'
    """
    cells = _reduced(_cells(shown), most)
    steps = _FINE if cells.size <= _MANY else _COARSE
    alarm, missing = numpy.isinf(cells), numpy.isnan(cells)
    indexes = shades(numpy.where(alarm | missing, 0.0, cells), shown.largest, steps) + steps
    indexes[alarm], indexes[missing] = 2 * steps + 1, 2 * steps + 2
    enlarged = max(1, int((_SHARP / max(cells.size, 1)) ** 0.5))
    pixels = indexes.astype(numpy.uint8).repeat(enlarged, axis=0).repeat(enlarged, axis=1)
    scale = [color_between(step / steps, theme) for step in range(-steps, steps + 1)]
    return _file(pixels, [*scale, theme.alarm, theme.card])


def color_between(place: float, theme: Theme) -> str:
    """The color at a place of the scale, from -1 to 1, at the nearest of its steps.

    >>> from viz.look.theme import LIGHT
    >>> color_between(-1.0, LIGHT)
    '#c8590c'
    """
    return color(round(STEPS * place), theme)


def _cells(shown: Map) -> Any:
    """The numbers as an array, infinite for all that are not finite, nan for those that are missing."""
    flat = numpy.array(shown.numbers, dtype=float)
    flat[~numpy.isfinite(flat)] = numpy.inf
    flat[list(shown.missing)] = numpy.nan
    return flat.reshape(shown.rows, shown.columns)


def _reduced(cells: Any, most: int) -> Any:
    """Of each block of cells the one that is farthest from 0, so that there are at most `most`."""
    high = wide = 1
    while -(-cells.shape[0] // high) * -(-cells.shape[1] // wide) > most:
        if cells.shape[0] / high > cells.shape[1] / wide:
            high += 1
        else:
            wide += 1
    if high * wide == 1:
        return cells
    rows, columns = -(-cells.shape[0] // high), -(-cells.shape[1] // wide)
    padded = numpy.full((rows * high, columns * wide), numpy.nan)
    padded[: cells.shape[0], : cells.shape[1]] = cells
    blocks = (
        padded.reshape(rows, high, columns, wide).swapaxes(1, 2).reshape(rows, columns, high * wide)
    )
    strongest = numpy.where(numpy.isnan(blocks), -1.0, numpy.abs(blocks)).argmax(axis=2)
    return numpy.take_along_axis(blocks, strongest[:, :, None], axis=2)[:, :, 0]


def _file(pixels: Any, palette: list[str]) -> bytes:
    """A PNG with a palette, 8 bits for each pixel, of which the last color is transparent (PNG specification, 3rd edition)."""
    rows = numpy.hstack([numpy.zeros((len(pixels), 1), dtype=numpy.uint8), pixels])
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", bytes.fromhex("".join(code[1:] for code in palette))),
        (b"tRNS", b"\xff" * (len(palette) - 1) + b"\0"),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, parts))


def _chunk(part: tuple[bytes, bytes]) -> bytes:
    kind, data = part
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
