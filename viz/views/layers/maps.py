"""Tables of numbers as maps: rows of several lengths, units with a column for each call, images beside each other."""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Any

import numpy

from viz.model.heatmap import Map


def rectangle(name: str, rows: Sequence[Sequence[float | None]]) -> Map:
    """Rows of numbers, short ones filled up with places that are missing."""
    wide = max(map(len, rows))
    if all(len(row) == wide for row in rows) and not _has_gap(rows):
        return Map(name, len(rows), wide, tuple(x for row in rows for x in row))  # type: ignore[misc]
    full = [x for row in rows for x in (*row, *[None] * (wide - len(row)))]
    return Map(
        name,
        len(rows),
        wide,
        tuple(x or 0.0 for x in full),
        tuple(i for i, x in enumerate(full) if x is None),
    )


def _has_gap(rows: Sequence[Sequence[float | None]]) -> bool:
    return any(x is None for row in rows for x in row)


def shaped(name: str, rows: list[list[Any]], shape: tuple[int, int, int] | None) -> Map:
    """A row for each unit and a column for each call; the units of one call of a convolution as its images."""
    if shape is None or len(rows[0]) > 1 or _has_gap(rows):
        return rectangle(name, rows)
    return mosaic(name, list(numpy.reshape(rows, shape)))


def mosaic(name: str, images: list[Any]) -> Map:
    """Images beside and below each other, with a gap between them."""
    high, wide = images[0].shape
    across = ceil(sqrt(len(images) * high / wide) - 0.01) if len(images) > 3 else 1
    down, gap = -(-len(images) // across), max(1, wide // 14)
    sheet = numpy.zeros((down * (high + gap) - gap, across * (wide + gap) - gap))
    filled = numpy.zeros(sheet.shape, dtype=bool)
    for i, image in enumerate(images):
        y, x = i // across * (high + gap), i % across * (wide + gap)
        sheet[y : y + high, x : x + wide], filled[y : y + high, x : x + wide] = image, True
    return Map(
        name,
        sheet.shape[0],
        sheet.shape[1],
        tuple(sheet.ravel().tolist()),
        tuple(numpy.flatnonzero(~filled.ravel()).tolist()),
    )
