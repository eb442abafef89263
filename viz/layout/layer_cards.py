"""Where things stand in the layer view: cards from left to right about one line, and on each card its maps, histograms and lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from viz.look.text import number, width
from viz.model.heatmap import Histogram, Map
from viz.model.layer_card import LayerCard
from viz.model.picture import Edge, Picture

from .geometry import Point, Rect
from .layered import PlacedPicture

PAD, TOP, GAP, BLOCK_GAP = 14.0, 50.0, 92.0, 18.0
CAPTION, FACT, LANE = 15.0, 17.0, 24.0
HISTOGRAM = (150.0, 74.0)
_CELL, _MOST_WIDE, _MOST_HIGH, _IMAGE = 14.0, 320.0, 150.0, 168.0
_SPELLED, _SPELLED_CELL = 16, (50.0, 18.0)
"""Up to so many units are written as numbers on their colors, in cells of that size."""
_BAR_AREA, MOST_TITLE = 84.0, 360.0


@dataclass(frozen=True, slots=True)
class Facts:
    """Lines of a name and a number."""

    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """The outputs of a network, and how wide their names are written."""

    card: LayerCard
    names: float
    numbers: float


Piece = Map | Histogram | Facts | Bars


def lay_out_layers(picture: Picture) -> PlacedPicture:
    """Cards side by side; connections that jump over cards, or return to their own, run above them."""
    if not picture.nodes:
        return PlacedPicture(picture, {}, {}, (), (), 0.0, 0.0)
    bodies = [_height(card) for card in picture.cards]
    lanes, x = _lanes(picture), 0.0
    top, high = LANE * (max(lanes.values(), default=-1) + 1), TOP + max(bodies) + PAD
    frames: dict[str, Rect] = {}
    for card, body in zip(picture.cards, bodies, strict=True):
        frames[card.id] = Rect(
            x, top + (high - TOP - body - PAD) / 2, card_width(card, body), TOP + body + PAD
        )
        x = frames[card.id].right + GAP
    routes = tuple(_route(edge, frames, lanes.get(i), top) for i, edge in enumerate(picture.edges))
    return PlacedPicture(picture, frames, {}, routes, (), x - GAP, high + top)


def card_width(card: LayerCard, body: float) -> float:
    """How wide a card is: what stands on it, or its heading."""
    inside = max((frame.right for _, frame in pieces(card, body)), default=0.0)
    detail = width(card.detail, 13, mono=True) if card.kind == "result" else width(card.detail, 10)
    heading = min(MOST_TITLE, width(card.title, 13, bold=True)) + detail + 18
    return max(inside, heading, min(MOST_TITLE, width(card.line, 10)), 64.0) + 2 * PAD


def _height(card: LayerCard) -> float:
    return max((frame.bottom for _, frame in pieces(card, 0.0)), default=0.0) or 28.0


def pieces(card: LayerCard, body: float) -> Iterator[tuple[Piece, Rect]]:
    """What stands on a card, with frames that begin at the corner of its inside; captions of maps belong to their frames.

    body  how high the inside is; 0 to ask what would be needed
    """
    x = 0.0
    for block in (_maps(card), _numbers(card), _columns(card, body), _bars(card)):
        placed = list(block)
        yield from (
            (piece, Rect(frame.x + x, frame.y, frame.width, frame.height))
            for piece, frame in placed
        )
        x += max((frame.right for _, frame in placed), default=-BLOCK_GAP) + BLOCK_GAP


def _maps(card: LayerCard) -> Iterator[tuple[Piece, Rect]]:
    y = 0.0
    for shown in card.maps:
        wide, high = _image_size(shown) if card.kind == "input" else _matrix_size(shown)
        yield shown, Rect(0.0, y, max(wide, width(caption(shown), 9.5)), high + CAPTION)
        y += high + CAPTION + 12


def caption(shown: Map) -> str:
    """The name of a map, and its size where it is a matrix."""
    return (
        f"{shown.name} {shown.rows:,}×{shown.columns:,}" if shown.name.endswith("W") else shown.name
    )


def _matrix_size(shown: Map) -> tuple[float, float]:
    return max(8.0, shown.columns * min(_CELL, _MOST_WIDE / shown.columns)), max(
        8.0, shown.rows * min(_CELL, _MOST_HIGH / shown.rows)
    )


def _image_size(shown: Map) -> tuple[float, float]:
    cell = min(24.0, _IMAGE / shown.columns, _IMAGE / shown.rows)
    return shown.columns * cell, shown.rows * cell


def _numbers(card: LayerCard) -> Iterator[tuple[Piece, Rect]]:
    y = 0.0
    for histogram in card.histograms:
        yield histogram, Rect(0.0, y, *HISTOGRAM)
        y += HISTOGRAM[1] + 8
    if card.facts and not card.bars:
        wide = max(
            HISTOGRAM[0] if card.histograms else 0.0, *(_fact_width(*fact) for fact in card.facts)
        )
        yield Facts(card.facts), Rect(0.0, y, wide, FACT * len(card.facts))


def _fact_width(name: str, text: str) -> float:
    return width(name, 10) + width(text, 10, mono=True) + 14


def is_mosaic(shown: Map) -> bool:
    """Whether a map of units is made of images: a square or so, not a row for each unit."""
    return shown.columns > 1 and bool(shown.missing) and len(shown.missing) > shown.rows


def is_spelled(shown: Map) -> bool:
    """Whether the numbers of a column are written on their colors."""
    return shown.columns == 1 and shown.rows <= _SPELLED and not shown.missing


def _columns(card: LayerCard, body: float) -> Iterator[tuple[Piece, Rect]]:
    x = y = 0.0
    for shown in card.columns:
        if card.kind == "layer" and is_mosaic(shown):
            wide, high = _image_size(shown)
            yield shown, Rect(0.0, y, max(wide, width(shown.name, 9.5)), high + CAPTION)
            y += high + CAPTION + 12
        else:
            wide, high = _column_size(shown, body - CAPTION)
            wide = max(wide + label_room(shown), width(shown.name, 9.5))
            yield shown, Rect(x, 0.0, wide, high + CAPTION)
            x += wide + 8


def label_room(shown: Map) -> float:
    """How much room the names of rows take, beside the numbers."""
    return (
        max((width(label, 9.5) for label in shown.labels), default=-6.0) + 6.0
        if is_spelled(shown)
        else 0.0
    )


def _column_size(shown: Map, room: float) -> tuple[float, float]:
    if is_spelled(shown):
        return _SPELLED_CELL[0], _SPELLED_CELL[1] * shown.rows
    wide = 26.0 if shown.columns == 1 else max(26.0, min(_CELL * shown.columns, 120.0))
    return wide, shown.rows * min(_CELL, max(room, 180.0) / shown.rows)


def _bars(card: LayerCard) -> Iterator[tuple[Piece, Rect]]:
    if card.bars:
        names = max(width(bar.label, 10) for bar in card.bars)
        numbers = max(width(number(bar.data), 9.5, mono=True) for bar in card.bars)
        high = (20.0 if len(card.bars) <= 16 else 11.0) * len(card.bars)
        wide = names + _BAR_AREA + numbers + 16
        yield Bars(card, names, numbers), Rect(0.0, 0.0, wide, high)
        if card.facts:
            yield Facts(card.facts), Rect(0.0, high + 10, wide, FACT * len(card.facts))


# Connections


def _lanes(picture: Picture) -> dict[int, int]:
    """The lane above the cards for each connection that is not one from a card to the next; 0 is the lowest."""
    place = {card.id: i for i, card in enumerate(picture.cards)}
    jumps = {i: (place[edge.source], place[edge.target]) for i, edge in enumerate(picture.edges)}
    jumps = {i: ends for i, ends in jumps.items() if ends[1] - ends[0] != 1}
    taken: list[list[tuple[int, int]]] = []
    found: dict[int, int] = {}
    for i, ends in sorted(jumps.items(), key=lambda item: (abs(item[1][1] - item[1][0]), item)):
        low, high = min(ends), max(ends)
        free = next(
            (n for n, lane in enumerate(taken) if all(high < a or b < low for a, b in lane)),
            len(taken),
        )
        taken += [[]] if free == len(taken) else []
        taken[free].append((low, high))
        found[i] = free
    return found


def _route(edge: Edge, frames: dict[str, Rect], lane: int | None, top: float) -> tuple[Point, ...]:
    source, target = frames[edge.source], frames[edge.target]
    if lane is None:
        return ((source.right, source.middle), (target.x, target.middle))
    y, shift = top - LANE * (lane + 1) + 10, 16.0 + 9 * lane
    return (
        (source.right - shift, source.y),
        (source.right - shift, y),
        (target.x + shift, y),
        (target.x + shift, target.y),
    )


def largest_flow(picture: Picture) -> float:
    """The largest finite norm that flows back; 1 where there is none."""
    return (
        max(
            (edge.flow for edge in picture.edges if edge.flow is not None and isfinite(edge.flow)),
            default=0.0,
        )
        or 1.0
    )
