"""Positions in the layer view: cards from left to right, and on each card its maps and numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from viz.look.text import number, width
from viz.model.heatmap import Histogram, Map
from viz.model.layer_card import LayerCard
from viz.model.picture import Edge, Picture

from .geometry import Point, Rect, Size
from .layered import PlacedPicture

# Cards: padding, height of the heading, space between two cards, space between columns of a card.
PAD = 14.0
TOP = 50.0
GAP = 92.0
BLOCK_GAP = 18.0
MAX_TITLE = 360.0

# Heights of a caption, of a line with a fact, and of a lane for connections above the cards.
CAPTION = 15.0
FACT = 17.0
LANE = 24.0
_MAP_GAP = 12.0

HISTOGRAM: Size = (150.0, 74.0)
_MAX_MATRIX: Size = (320.0, 150.0)
_MAX_IMAGE = 168.0
_CELL = 14.0
_MIN_SIDE = 8.0
_BAR_AREA = 84.0

# Up to this many units are written as numbers on their colors, in cells of that size.
_MAX_SPELLED = 16
_SPELLED_CELL: Size = (50.0, 18.0)

_CAPTION_FONT = 9.5


@dataclass(frozen=True, slots=True)
class Facts:
    """Lines of a name and a number."""

    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """The outputs of a network as bars.

    Attributes:
        card: The card with the outputs.
        names: The width of the widest name.
        numbers: The width of the widest number.
    """

    card: LayerCard
    names: float
    numbers: float


Piece = Map | Histogram | Facts | Bars
PlacedPiece = tuple[Piece, Rect]


def lay_out_layers(picture: Picture) -> PlacedPicture:
    """Place cards side by side about one line.

    Connections that skip cards, or return to their own, run in lanes above the cards.

    Args:
        picture: A picture at level "layers".

    Returns:
        The picture with positions; empty for a picture without nodes.
    """
    if not picture.nodes:
        return PlacedPicture(picture, {}, {}, (), (), 0.0, 0.0)

    bodies = [_body_height(card) for card in picture.cards]
    lanes = _assign_lanes(picture)
    highest = max(lanes.values(), default=-1)
    top = LANE * (highest + 1)
    tallest = TOP + max(bodies) + PAD

    rects: dict[str, Rect] = {}
    x = 0.0
    for card, body in zip(picture.cards, bodies, strict=True):
        y = top + (tallest - TOP - body - PAD) / 2
        rect = Rect(x, y, _card_width(card, body), TOP + body + PAD)
        rects[card.id] = rect
        x = rect.right + GAP

    routes = []
    for i, edge in enumerate(picture.edges):
        routes.append(_route(edge, rects, lanes.get(i), top))
    return PlacedPicture(
        picture,
        nodes=rects,
        groups={},
        routes=tuple(routes),
        ports=(),
        width=x - GAP,
        height=tallest + top,
    )


def _card_width(card: LayerCard, body: float) -> float:
    right_edges = [rect.right for _, rect in place_pieces(card, body)]
    inside = max(right_edges, default=0.0)
    is_result = card.kind == "result"
    detail_width = width(card.detail, 13 if is_result else 10, mono=is_result)
    title_width = min(MAX_TITLE, width(card.title, 13, bold=True))
    heading_width = title_width + detail_width + 18
    line_width = min(MAX_TITLE, width(card.line, 10))
    return max(inside, heading_width, line_width, 64.0) + 2 * PAD


def _body_height(card: LayerCard) -> float:
    bottoms = [rect.bottom for _, rect in place_pieces(card, 0.0)]
    return max(bottoms, default=0.0) or 28.0


def place_pieces(card: LayerCard, body: float) -> Iterator[PlacedPiece]:
    """Yield what is on a card, with rectangles relative to the corner of its inside.

    Args:
        card: The card.
        body: The height of the inside; 0 to ask what would be needed.

    Yields:
        Each map (its rectangle includes the caption), histogram, list of facts and bar chart.
    """
    blocks = (
        list(_place_maps(card)),
        list(_place_numbers(card)),
        list(_place_columns(card, body)),
        list(_place_bars(card)),
    )
    x = 0.0
    for block in blocks:
        for piece, rect in block:
            yield piece, rect.move(x, 0.0)
        # An empty block takes no gap either.
        block_width = max((rect.right for _, rect in block), default=-BLOCK_GAP)
        x += block_width + BLOCK_GAP


def _place_maps(card: LayerCard) -> Iterator[PlacedPiece]:
    y = 0.0
    for shown in card.maps:
        wide, high = _image_size(shown) if card.kind == "input" else _matrix_size(shown)
        wide = max(wide, width(caption(shown), _CAPTION_FONT))
        yield shown, Rect(0.0, y, wide, high + CAPTION)
        y += high + CAPTION + _MAP_GAP


def caption(shown: Map) -> str:
    """Return the name of a map, with its size where it is a weight matrix."""
    if shown.name.endswith("W"):
        return f"{shown.name} {shown.rows:,}×{shown.columns:,}"
    return shown.name


def _matrix_size(shown: Map) -> Size:
    max_width, max_height = _MAX_MATRIX
    # Rows and columns scale apart: a long thin matrix keeps its short side readable.
    cell_width = min(_CELL, max_width / shown.columns)
    cell_height = min(_CELL, max_height / shown.rows)
    wide = max(_MIN_SIDE, shown.columns * cell_width)
    high = max(_MIN_SIDE, shown.rows * cell_height)
    return wide, high


def _image_size(shown: Map) -> Size:
    cell = min(24.0, _MAX_IMAGE / shown.columns, _MAX_IMAGE / shown.rows)
    return shown.columns * cell, shown.rows * cell


def _place_numbers(card: LayerCard) -> Iterator[PlacedPiece]:
    y = 0.0
    for histogram in card.histograms:
        yield histogram, Rect(0.0, y, *HISTOGRAM)
        y += HISTOGRAM[1] + 8
    # A card with bars has its facts below them: see `_place_bars`.
    if card.facts and not card.bars:
        widths = [_fact_width(name, text) for name, text in card.facts]
        if card.histograms:
            widths.append(HISTOGRAM[0])
        high = FACT * len(card.facts)
        yield Facts(card.facts), Rect(0.0, y, max(widths), high)


def _fact_width(name: str, text: str) -> float:
    return width(name, 10) + width(text, 10, mono=True) + 14


def _is_mosaic(shown: Map) -> bool:
    """Return whether a map of units is made of images: about square, not a row for each unit."""
    return shown.columns > 1 and len(shown.missing) > shown.rows


def is_spelled(shown: Map) -> bool:
    """Return whether the numbers of a column are written on their colors."""
    return shown.columns == 1 and shown.rows <= _MAX_SPELLED and not shown.missing


def _place_columns(card: LayerCard, body: float) -> Iterator[PlacedPiece]:
    x = 0.0
    y = 0.0
    for shown in card.columns:
        name_width = width(shown.name, _CAPTION_FONT)
        if card.kind == "layer" and _is_mosaic(shown):
            wide, high = _image_size(shown)
            yield shown, Rect(0.0, y, max(wide, name_width), high + CAPTION)
            y += high + CAPTION + _MAP_GAP
        else:
            wide, high = _column_size(shown, body - CAPTION)
            wide = max(wide + labels_width(shown), name_width)
            yield shown, Rect(x, 0.0, wide, high + CAPTION)
            x += wide + 8


def labels_width(shown: Map) -> float:
    """Return the width that the names of rows take beside their numbers."""
    if not is_spelled(shown) or not shown.labels:
        return 0.0
    widest = max(width(label, _CAPTION_FONT) for label in shown.labels)
    return widest + 6.0


def _column_size(shown: Map, max_height: float) -> Size:
    if is_spelled(shown):
        wide, high = _SPELLED_CELL
        return wide, high * shown.rows
    wide = 26.0
    if shown.columns > 1:
        wide = max(26.0, min(_CELL * shown.columns, 120.0))
    cell = min(_CELL, max(max_height, 180.0) / shown.rows)
    return wide, shown.rows * cell


def _place_bars(card: LayerCard) -> Iterator[PlacedPiece]:
    if not card.bars:
        return
    count = len(card.bars)
    names = max(width(bar.label, 10) for bar in card.bars)
    numbers = max(width(number(bar.data), 9.5, mono=True) for bar in card.bars)
    wide = names + _BAR_AREA + numbers + 16
    row = 20.0 if count <= 16 else 11.0
    high = row * count
    yield Bars(card, names, numbers), Rect(0.0, 0.0, wide, high)
    if card.facts:
        facts_high = FACT * len(card.facts)
        yield Facts(card.facts), Rect(0.0, high + 10, wide, facts_high)


# Connections


def _assign_lanes(picture: Picture) -> dict[int, int]:
    """Return the lane above the cards, 0 the lowest, of each edge that is not to the next card."""
    position = {card.id: i for i, card in enumerate(picture.cards)}
    jumps: dict[int, tuple[int, int]] = {}
    for i, edge in enumerate(picture.edges):
        source = position[edge.source]
        target = position[edge.target]
        if target - source != 1:
            jumps[i] = (source, target)

    def by_length(i: int) -> tuple[int, int]:
        source, target = jumps[i]
        return abs(target - source), i

    # Short ones first, so that long ones run above them and nothing crosses.
    lanes: dict[int, int] = {}
    taken: list[list[tuple[int, int]]] = []
    for i in sorted(jumps, key=by_length):
        low = min(jumps[i])
        high = max(jumps[i])
        lane = 0
        while lane < len(taken) and _overlaps_any(low, high, taken[lane]):
            lane += 1
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        lanes[i] = lane
    return lanes


def _overlaps_any(low: int, high: int, spans: list[tuple[int, int]]) -> bool:
    return any(low <= end and start <= high for start, end in spans)


def _route(edge: Edge, rects: dict[str, Rect], lane: int | None, top: float) -> tuple[Point, ...]:
    source = rects[edge.source]
    target = rects[edge.target]
    if lane is None:
        return ((source.right, source.middle), (target.x, target.middle))
    y = top - LANE * (lane + 1) + 10
    # Each lane leaves and enters the cards at other places, so that none covers another.
    inset = 16.0 + 9 * lane
    start = source.right - inset
    end = target.x + inset
    return ((start, source.y), (start, y), (end, y), (end, target.y))


def largest_flow(picture: Picture) -> float:
    """Return the largest finite norm that flows back; 1 where there is none."""
    flows = [edge.flow for edge in picture.edges if edge.flow is not None]
    return max(filter(isfinite, flows), default=0.0) or 1.0
