"""What a layer holds as maps: its weights, its units and its inputs, as rows or as images."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy
from numpy.typing import NDArray

from scalargrad.core.value import Value
from viz.model.heatmap import Map, map_images, map_rows
from viz.model.layer_card import LayerCard

from .order import MIN_IMAGE

MAX_IMAGES = 9
MAX_TILE_CELLS = 30_000
"""Weights that are drawn as images: those of the first units, where there are more."""

Read = Callable[[Value], float]


def map_units(
    name: str, rows: Sequence[Sequence[float | None]], grid: tuple[int, int, int] | None
) -> Map:
    """Return a row for each unit and a column for each call; images for a single convolution."""
    has_gap = any(x is None for row in rows for x in row)
    if grid is None or len(rows[0]) > 1 or has_gap:
        return map_rows(name, rows)
    return map_images(name, list(numpy.reshape(numpy.array(rows, dtype=float), grid)))


def map_weights(
    name: str, rows: Sequence[Sequence[Value]], shape: tuple[int, int], read: Read
) -> Map:
    """Return the weights of each unit as an image, or as one image for each channel."""
    size = shape[0] * shape[1]
    shown = rows[: max(1, MAX_TILE_CELLS // size)]
    images: list[NDArray[numpy.float64]] = []
    for row in shown:
        numbers = numpy.array([read(leaf) for leaf in row])
        images += list(numpy.reshape(numbers, (-1, *shape)))
    noun = "kernels" if len(images) > 1 else "kernel"
    note = f"{len(images):,} {noun} of {shape[0]}×{shape[1]}"
    if size >= MIN_IMAGE:
        units = f"{len(shown):,} of {len(rows):,}" if len(shown) < len(rows) else f"{len(rows):,}"
        note = f"of {units} units, {shape[0]}×{shape[1]} each"
    return replace(map_images(name, images), note=note)


def share_scales(cards: list[LayerCard]) -> list[LayerCard]:
    """Return cards whose maps of one kind, such as all W, have one scale: they are compared."""
    largest: dict[str, float] = {}
    for card in cards:
        for shown in (*card.maps, *card.columns):
            # 1 stands for a map of zeros alone, which sets no scale.
            if any(shown.numbers):
                largest[shown.name] = max(shown.largest, largest.get(shown.name, 0.0))

    def shared(maps: tuple[Map, ...]) -> tuple[Map, ...]:
        return tuple(replace(shown, scale=largest.get(shown.name, 0.0)) for shown in maps)

    return [replace(card, maps=shared(card.maps), columns=shared(card.columns)) for card in cards]


def map_tiles(name: str, calls: list[list[Value]], shape: tuple[int, int, int], read: Read) -> Map:
    """Return the inputs of calls as images, the first ones of many."""
    _, height, width = shape
    size = height * width
    images: list[NDArray[numpy.float64]] = []
    for call in calls:
        for start in range(0, len(call), size):
            numbers = [read(leaf) for leaf in call[start : start + size]]
            images.append(numpy.reshape(numbers, (height, width)))
            if len(images) == MAX_IMAGES:
                return map_images(name, images)
    return map_images(name, images)
