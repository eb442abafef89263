"""What a layer holds as maps: its weights, its units and its inputs, as rows or as images."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy
from numpy.typing import NDArray

from scalargrad.core.value import Value
from viz.look.text import plural
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
    is_one_call = len(rows[0]) == 1
    has_gap = any(None in row for row in rows)
    if grid is None or not is_one_call or has_gap:
        return map_rows(name, rows)
    images = numpy.array(rows, dtype=float).reshape(grid)
    return map_images(name, list(images))


def map_weights(
    name: str, rows: Sequence[Sequence[Value]], shape: tuple[int, int], read: Read
) -> Map:
    """Return the weights of each unit as an image, or as one image for each channel."""
    height, width = shape
    size = height * width
    shown = rows[: max(1, MAX_TILE_CELLS // size)]
    images: list[NDArray[numpy.float64]] = []
    for row in shown:
        numbers = numpy.array([read(leaf) for leaf in row])
        images += list(numbers.reshape(-1, height, width))

    if size < MIN_IMAGE:
        note = f"{plural(len(images), 'kernel')} of {height}×{width}"
    else:
        count = f"{len(rows):,}"
        if len(shown) < len(rows):
            count = f"{len(shown):,} of {count}"
        note = f"of {count} units, {height}×{width} each"
    return replace(map_images(name, images), note=note)


def share_scales(cards: list[LayerCard]) -> list[LayerCard]:
    """Return cards whose maps of one kind, such as all W, have one scale: they are compared."""
    largest: dict[str, float] = {}
    for card in cards:
        for shown in (*card.maps, *card.columns):
            # 1 stands for a map of zeros alone, which sets no scale.
            if any(shown.numbers):
                largest[shown.name] = max(shown.largest, largest.get(shown.name, 0.0))

    def rescale(maps: tuple[Map, ...]) -> tuple[Map, ...]:
        return tuple(replace(shown, scale=largest.get(shown.name, 0.0)) for shown in maps)

    rescaled: list[LayerCard] = []
    for card in cards:
        maps = rescale(card.maps)
        rescaled.append(replace(card, maps=maps, columns=rescale(card.columns)))
    return rescaled


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
