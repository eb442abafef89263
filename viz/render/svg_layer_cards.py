"""The layer view as SVG: its cards, and the wide arrows between them."""

from collections.abc import Iterator
from math import inf, isfinite, log10

from viz.layout.direction import is_upright
from viz.layout.geometry import Rect
from viz.layout.layer_cards import (
    CAPTION_SIZE,
    MAX_TITLE,
    PAD,
    TITLE_SIZE,
    TOP,
    Bars,
    Facts,
    Piece,
    largest_flow,
    place_pieces,
)
from viz.layout.layer_rows import lane_label
from viz.layout.placed import PlacedPicture, Route, Split
from viz.look.legend import GRADIENT_NORM
from viz.look.measures import BORDER
from viz.look.text import escape, fit_text, number, width
from viz.look.theme import edge_width
from viz.model.heatmap import Histogram
from viz.model.layer_card import LayerCard, describe_card
from viz.model.picture import Edge

from . import svg_edges
from .svg_charts import draw_bars, draw_facts, draw_histogram, draw_map
from .svg_writer import SvgWriter, format_coordinate, path_data

# Cells that all maps together, and one alone, may have before blocks of them are merged: that
# bounds the file.
_MAX_PIXELS = 200_000
_MAX_MAP_PIXELS = 80_000


def draw_layer_cards(placed: PlacedPicture, writer: SvgWriter) -> str:
    """Return all cards and arrows."""
    picture = placed.picture
    count = sum(len(card.maps) + len(card.columns) for card in picture.cards)
    share = _MAX_PIXELS // max(count, 1)
    max_pixels = min(_MAX_MAP_PIXELS, max(1000, share))
    parts = []
    # Cards in rows keep the size that they have alone; side by side they fill their height.
    in_rows = is_upright(picture.rankdir)
    for card in picture.cards:
        rect = placed.nodes[card.id]
        parts.append(_draw_card(card, rect, max_pixels, writer, in_rows))

    largest = largest_flow(picture)
    for i, edge in enumerate(picture.edges):
        route = placed.routes[i]
        if i in placed.splits:
            parts += _draw_split(edge, placed.splits[i], largest, writer)
        elif len(route) > 2:
            parts.append(_draw_lane(edge, route, largest, writer))
        elif route[0][0] == route[1][0]:
            parts += _draw_arrows_down(edge, route, largest, writer)
        else:
            parts.append(_draw_arrows(edge, route, largest, writer))
    return "".join([*parts, *svg_edges.draw_markers(placed, writer)])


def _draw_card(
    card: LayerCard, rect: Rect, max_pixels: int, writer: SvgWriter, in_rows: bool
) -> str:
    paint = writer.paint("group", "group_line")
    border = 'stroke-width="1"'
    parts = [writer.rect(rect, paint, 10, border)]

    is_result = card.kind == "result"
    detail_size = TITLE_SIZE if is_result else CAPTION_SIZE
    detail_width = width(card.detail, detail_size, mono=is_result)
    detail = writer.text(
        rect.right - PAD,
        rect.y + 24,
        card.detail,
        detail_size,
        "ink" if is_result else "muted",
        anchor="end",
        mono=is_result,
    )
    parts.append(detail)

    x = rect.x + PAD
    inner_width = rect.width - 2 * PAD
    title_width = min(MAX_TITLE, inner_width - detail_width - 8)
    title = fit_text(card.title, TITLE_SIZE, title_width, bold=True)
    line = fit_text(card.line, CAPTION_SIZE, inner_width)
    parts.append(writer.text(x, rect.y + 24, title, TITLE_SIZE, "ink", bold=True))
    parts.append(writer.text(x, rect.y + 40, line, CAPTION_SIZE, "muted"))
    body = 0.0 if in_rows else rect.height - TOP - PAD
    max_width = inner_width if in_rows else inf
    for piece, place in place_pieces(card, body, max_width):
        # Not `place.move(x, …)`: the sums are rounded in the order in which they are written here.
        moved = Rect(place.x + x, place.y + rect.y + TOP, place.width, place.height)
        parts.append(_draw_piece(piece, moved, max_pixels, writer))
    title = escape(describe_card(card), 600)
    return f'<g role="graphics-symbol"><title>{title}</title>{"".join(parts)}</g>'


def _draw_piece(piece: Piece, rect: Rect, max_pixels: int, writer: SvgWriter) -> str:
    if isinstance(piece, Histogram):
        return draw_histogram(piece, rect, writer)
    if isinstance(piece, Facts):
        return draw_facts(piece, rect, writer)
    if isinstance(piece, Bars):
        return draw_bars(piece, rect, writer)
    return draw_map(piece, rect, max_pixels, writer)


# Arrows


def _draw_arrows(edge: Edge, route: Route, largest: float, writer: SvgWriter) -> str:
    """Draw a gray arrow that widens with the count of numbers, and below it the gradient's."""
    left = route[0][0] + 5
    right = route[-1][0] - 5
    center = (left + right) / 2
    middle = route[0][1]
    # A logarithm: layers pass on between one number and hundreds of thousands.
    thickness = 2.0 + 3.2 * log10(edge.count + 1.0)
    shift = 0.0 if edge.flow is None else 16.0

    half = thickness / 2
    neck = right - (half + 5)
    y = middle - shift
    top = y - half
    bottom = y + half
    outline = path_data("M", left, top, "H", neck, "v-5L", right, y)
    outline += path_data("L", neck, bottom + 5, "v-5H", left, "Z")
    count_y = top - 9
    parts = [
        writer.path(outline, writer.paint("line")),
        writer.text(center, count_y, f"{edge.count:,}", CAPTION_SIZE, "muted", anchor="middle"),
    ]
    if edge.flow is not None:
        y = middle + shift
        parts += _draw_back_arrow(edge.flow, (left, right), y, largest, writer)
        # Two lines: the gap between two cards is narrow.
        for i, words in enumerate((GRADIENT_NORM, number(edge.flow))):
            baseline = y + 20 + 14 * i
            text = writer.text(center, baseline, words, CAPTION_SIZE, "muted", anchor="middle")
            parts.append(text)
    return "".join(parts)


def _draw_back_arrow(
    flow: float, ends: tuple[float, float], y: float, largest: float, writer: SvgWriter
) -> Iterator[str]:
    left, right = ends
    thickness = 1.5 * edge_width(flow, largest)
    color = _flow_color(flow)
    head = 5.5 + thickness
    stroke = _flow_stroke(flow, thickness)
    neck = left + head - 1
    line = path_data("M", right, y, "H", neck)
    yield writer.path(line, writer.paint("none", color), stroke)
    tip = path_data("M", left, y, "l", head, -head * 0.6, "v", head * 1.2, "Z")
    yield writer.path(tip, writer.paint(color))


def _draw_arrows_down(edge: Edge, route: Route, largest: float, writer: SvgWriter) -> Iterator[str]:
    """Yield what `_draw_arrows` draws, from a card to the one below it."""
    (x, top), (_, bottom) = route
    thickness = 2.0 + 2.0 * log10(edge.count + 1.0)
    half = thickness / 2
    tip = bottom - 3
    neck = tip - half - 5
    outline = path_data("M", x - half, top + 3, "V", neck, "h-5L", x, tip)
    outline += path_data("L", x + half + 5, neck, "h-5V", top + 3, "Z")
    yield writer.path(outline, writer.paint("line"))
    middle = (top + bottom) / 2 + 4
    count = f"{edge.count:,}"
    yield writer.text(x - half - 12, middle, count, CAPTION_SIZE, "muted", anchor="end")
    if edge.flow is None:
        return
    right = x + half + 18
    thickness = 1.5 * edge_width(edge.flow, largest)
    color = _flow_color(edge.flow)
    stroke = _flow_stroke(edge.flow, thickness)
    head = 5.5 + thickness
    line = path_data("M", right, bottom - 3, "V", top + 2 + head)
    yield writer.path(line, writer.paint("none", color), stroke)
    tip_path = path_data("M", right, top + 3, "l", -head * 0.6, head, "h", head * 1.2, "Z")
    yield writer.path(tip_path, writer.paint(color))
    norm = f"{GRADIENT_NORM} {number(edge.flow)}"
    yield writer.text(right + head, middle, norm, CAPTION_SIZE, "muted")


def _draw_split(edge: Edge, split: Split, largest: float, writer: SvgWriter) -> Iterator[str]:
    """Yield a short line below the source and one above the target, with what goes on."""
    stroke = _count_stroke(edge)
    paint = writer.paint("none", "line")
    (x, y), (_, end) = split.before
    yield writer.path(path_data("M", x, y, "V", end), paint, stroke)
    (x, start), (_, y) = split.after
    yield writer.path(path_data("M", x, start, "V", y - 7), paint, stroke)
    yield writer.path(path_data("M", x, y, "l-4.5 -8h9Z"), writer.paint("line"))

    words = lane_label(edge)
    left = x + 14
    yield writer.text(left, start - 5, words, CAPTION_SIZE, "muted")
    underline = path_data("M", left, start, "h", width(words, CAPTION_SIZE))
    yield _draw_underline(edge.flow, underline, largest, writer)


def _draw_underline(flow: float | None, data: str, largest: float, writer: SvgWriter) -> str:
    """Draw the gradient that comes back as a line below the words on a connection."""
    if flow is None or not isfinite(flow):
        return ""
    stroke = _flow_stroke(flow, edge_width(flow, largest))
    return writer.path(data, writer.paint("none", _flow_color(flow)), stroke)


def _count_stroke(edge: Edge) -> str:
    thickness = 1.2 + 1.2 * log10(edge.count + 1.0)
    return f'stroke-width="{format_coordinate(thickness)}"'


def _flow_stroke(flow: float, thickness: float) -> str:
    dashes = f' stroke-dasharray="{BORDER.zero_dashes}"' if flow == 0.0 else ""
    return f'stroke-width="{format_coordinate(thickness)}"{dashes}'


def _flow_color(flow: float) -> str:
    if not isfinite(flow):
        return "alarm"
    return "e-16" if flow else "line"


def _draw_lane(edge: Edge, route: Route, largest: float, writer: SvgWriter) -> str:
    """Draw a connection above the cards: it skips some, or returns to its own."""
    (x0, y0), (_, y), (x1, _), (_, y1) = route
    corner = 6.0 if x1 > x0 else -6.0
    line = path_data("M", x0, y0, "V", y + 6, "q0 -6 ", corner, " -6H", x1 - corner)
    line += path_data("q", corner, " 0 ", corner, " 6V", y1 - 7)
    tip = path_data("M", x1, y1, "l-4.5 -8h9Z")
    parts = [
        writer.path(line, writer.paint("none", "line"), _count_stroke(edge)),
        writer.path(tip, writer.paint("line")),
    ]

    words = lane_label(edge)
    label_width = width(words, CAPTION_SIZE) + 12
    center = (x0 + x1) / 2
    left = center - label_width / 2
    plate = Rect(left, y - 8, label_width, 16)
    parts.append(writer.rect(plate, writer.paint("page"), 4))
    underline = path_data("M", left + 6, y + 7, "h", label_width - 12)
    parts.append(_draw_underline(edge.flow, underline, largest, writer))
    parts.append(writer.text(center, y + 3.5, words, CAPTION_SIZE, "muted", anchor="middle"))
    return "".join(parts)
