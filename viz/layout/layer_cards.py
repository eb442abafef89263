"""What is where on the cards of the layer view: maps, histograms, numbers and bars."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite

from viz.look.measures import FONT_SIZES
from viz.look.text import number, width
from viz.model.heatmap import Histogram, Map
from viz.model.layer_card import LayerCard
from viz.model.picture import Picture

from .geometry import Rect, Size

# Cards: padding, height of the heading, space between columns of a card.
PAD = 14.0
TOP = 50.0
BLOCK_GAP = 18.0
MAX_TITLE = 360.0

# Heights of a caption and of a line with a fact.
CAPTION = 18.0
FACT = 19.0
_MAP_GAP = 12.0

HISTOGRAM: Size = (160.0, 80.0)
_MAX_MATRIX: Size = (320.0, 150.0)
_MAX_IMAGE = 168.0
_CELL = 14.0
_MIN_SIDE = 8.0
_MIN_BODY = 28.0
_BAR_AREA = 84.0

# Up to this many units are written as numbers on their colors, in cells of that size.
_MAX_SPELLED = 16
_SPELLED_CELL: Size = (56.0, 20.0)

CAPTION_SIZE = FONT_SIZES.small
FACT_SIZE = FONT_SIZES.dense
TITLE_SIZE = FONT_SIZES.label


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


def measure_card(card: LayerCard, max_width: float) -> Size:
    """Return the size of a card whose parts are below each other where it would be too wide."""
    bottoms = [rect.bottom for _, rect in place_pieces(card, 0.0, max_width - 2 * PAD)]
    body = max(bottoms, default=0.0) or _MIN_BODY
    return card_width(card, 0.0, max_width - 2 * PAD), TOP + body + PAD


def card_width(card: LayerCard, body: float, max_width: float = inf) -> float:
    """Return the width of a card, whose inside is as wide as `max_width` at most."""
    right_edges = [rect.right for _, rect in place_pieces(card, body, max_width)]
    inside = max(right_edges, default=0.0)
    is_result = card.kind == "result"
    size = TITLE_SIZE if is_result else CAPTION_SIZE
    detail_width = width(card.detail, size, mono=is_result)
    title_width = min(MAX_TITLE, width(card.title, TITLE_SIZE, bold=True))
    heading_width = title_width + detail_width + 18
    line_width = min(MAX_TITLE, width(card.line, CAPTION_SIZE))
    needed = min(max_width, max(heading_width, line_width, 64.0))
    return max(inside, needed) + 2 * PAD


def body_height(card: LayerCard) -> float:
    """Return the height of the inside of a card in one row."""
    bottoms = [rect.bottom for _, rect in place_pieces(card, 0.0)]
    return max(bottoms, default=0.0) or _MIN_BODY


def place_pieces(card: LayerCard, body: float, max_width: float = inf) -> Iterator[PlacedPiece]:
    """Yield what is on a card, with rectangles relative to the corner of its inside.

    Args:
        card: The card.
        body: The height of the inside; 0 to ask what would be needed.
        max_width: The width of the inside, where parts that don't fit go below the others.

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
    y = 0.0
    bottom = 0.0
    for block in blocks:
        if not block:
            continue
        block_width = max(rect.right for _, rect in block)
        if x and x + block_width > max_width + 0.01:
            x = 0.0
            y = bottom + BLOCK_GAP
        for piece, rect in block:
            moved = rect.move(x, y)
            bottom = max(bottom, moved.bottom)
            yield piece, moved
        x += block_width + BLOCK_GAP


def _place_maps(card: LayerCard) -> Iterator[PlacedPiece]:
    y = 0.0
    for shown in card.maps:
        wide, high = image_size(shown) if shown.is_image else _matrix_size(shown)
        wide = max(wide, width(caption(shown), CAPTION_SIZE))
        yield shown, Rect(0.0, y, wide, high + CAPTION)
        y += high + CAPTION + _MAP_GAP


def caption(shown: Map) -> str:
    """Return the name of a map, what it is made of, and the ends of its scale."""
    size = shown.note
    if not size and shown.name.endswith("W"):
        size = f"{shown.rows:,}×{shown.columns:,}"
    name = f"{shown.name} {size}".rstrip()
    if is_spelled(shown):
        return name
    largest = number(shown.largest)
    return f"{name}, 0 to {largest}" if shown.is_gray else f"{name}, ±{largest}"


def _matrix_size(shown: Map) -> Size:
    max_width, max_height = _MAX_MATRIX
    # Rows and columns scale apart: a long thin matrix keeps its short side readable.
    cell_width = min(_CELL, max_width / shown.columns)
    cell_height = min(_CELL, max_height / shown.rows)
    wide = max(_MIN_SIDE, shown.columns * cell_width)
    high = max(_MIN_SIDE, shown.rows * cell_height)
    return wide, high


def image_size(shown: Map) -> Size:
    """Return the size at which an image is drawn."""
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
    return width(name, FACT_SIZE) + width(text, FACT_SIZE, mono=True) + 14


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
        name_width = width(caption(shown), CAPTION_SIZE)
        if card.kind == "layer" and _is_mosaic(shown):
            wide, high = image_size(shown)
            yield shown, Rect(0.0, y, max(wide, name_width), high + CAPTION)
            y += high + CAPTION + _MAP_GAP
        else:
            wide, high = _column_size(shown, body - CAPTION)
            wide = max(wide + labels_width(shown), name_width)
            yield shown, Rect(x, 0.0, wide, high + CAPTION)
            x += wide + 14


def labels_width(shown: Map) -> float:
    """Return the width that the names of rows take beside their numbers."""
    if not is_spelled(shown) or not shown.labels:
        return 0.0
    widest = max(width(label, CAPTION_SIZE) for label in shown.labels)
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
    names = max(width(bar.label, FACT_SIZE) for bar in card.bars)
    numbers = max(width(number(bar.data), FACT_SIZE, mono=True) for bar in card.bars)
    wide = names + _BAR_AREA + numbers + 16
    row = 22.0 if count <= 16 else 14.0
    high = row * count
    yield Bars(card, names, numbers), Rect(0.0, 0.0, wide, high)
    if card.facts:
        facts_high = FACT * len(card.facts)
        yield Facts(card.facts), Rect(0.0, high + 10, wide, facts_high)


def largest_flow(picture: Picture) -> float:
    """Return the largest finite norm that flows back; 1 where there is none."""
    flows = [edge.flow for edge in picture.edges if edge.flow is not None]
    return max(filter(isfinite, flows), default=0.0) or 1.0
