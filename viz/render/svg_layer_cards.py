"""The layer view as SVG: its cards, and the wide arrows between them."""

from collections.abc import Iterator
from math import isfinite, log10

from viz.layout.geometry import Point, Rect
from viz.layout.layer_cards import (
    MAX_TITLE,
    PAD,
    TOP,
    Bars,
    Facts,
    Piece,
    largest_flow,
    place_pieces,
)
from viz.layout.layered import PlacedPicture
from viz.look.measures import BORDER
from viz.look.text import escape, fit_text, number, width
from viz.look.theme import edge_width
from viz.model.heatmap import Histogram
from viz.model.layer_card import LayerCard, describe_card
from viz.model.picture import Edge

from .svg_charts import draw_bars, draw_facts, draw_histogram, draw_map
from .svg_writer import SvgWriter, format_coordinate, path_data

# Cells that all maps together, and one alone, may have before blocks of them are merged: that
# bounds the file.
_MAX_PIXELS = 200_000
_MAX_MAP_PIXELS = 80_000

_ZERO_DASHES = f' stroke-dasharray="{BORDER.zero_dashes}"'


def draw_layer_cards(placed: PlacedPicture, writer: SvgWriter) -> str:
    """Return all cards and arrows."""
    picture = placed.picture
    count = sum(len(card.maps) + len(card.columns) for card in picture.cards)
    share = _MAX_PIXELS // max(count, 1)
    max_pixels = min(_MAX_MAP_PIXELS, max(1000, share))
    parts = []
    for card in picture.cards:
        rect = placed.nodes[card.id]
        parts.append(_draw_card(card, rect, max_pixels, writer))

    largest = largest_flow(picture)
    for edge, route in zip(picture.edges, placed.routes, strict=True):
        draw = _draw_arrows if len(route) == 2 else _draw_lane
        parts.append(draw(edge, route, largest, writer))
    return "".join(parts)


def _draw_card(card: LayerCard, rect: Rect, max_pixels: int, writer: SvgWriter) -> str:
    paint = writer.paint("group", "group_line")
    border = 'stroke-width="1"'
    parts = [writer.rect(rect, paint, 10, border)]

    is_result = card.kind == "result"
    detail_size = 13 if is_result else 10
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
    title = fit_text(card.title, 13, title_width, bold=True)
    line = fit_text(card.line, 10, inner_width)
    parts.append(writer.text(x, rect.y + 24, title, 13, "ink", bold=True))
    parts.append(writer.text(x, rect.y + 39, line, 10, "muted"))
    for piece, place in place_pieces(card, rect.height - TOP - PAD):
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


def _draw_arrows(edge: Edge, route: tuple[Point, ...], largest: float, writer: SvgWriter) -> str:
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
        writer.text(center, count_y, f"{edge.count:,}", 10.5, "muted", anchor="middle"),
    ]
    if edge.flow is not None:
        y = middle + shift
        parts += _draw_back_arrow(edge.flow, (left, right), y, largest, writer)
        norm = f"‖∂‖ {number(edge.flow)}"
        parts.append(writer.text(center, y + 18, norm, 10.5, "muted", anchor="middle"))
    return "".join(parts)


def _draw_back_arrow(
    flow: float, ends: tuple[float, float], y: float, largest: float, writer: SvgWriter
) -> Iterator[str]:
    left, right = ends
    thickness = 1.5 * edge_width(flow, largest)
    color = _flow_color(flow)
    dashes = _ZERO_DASHES if flow == 0.0 else ""
    head = 5.5 + thickness
    stroke = f'stroke-width="{format_coordinate(thickness)}"{dashes}'
    neck = left + head - 1
    line = path_data("M", right, y, "H", neck)
    yield writer.path(line, writer.paint("none", color), stroke)
    tip = path_data("M", left, y, "l", head, -head * 0.6, "v", head * 1.2, "Z")
    yield writer.path(tip, writer.paint(color))


def _flow_color(flow: float) -> str:
    if not isfinite(flow):
        return "alarm"
    return "e-16" if flow else "line"


def _draw_lane(edge: Edge, route: tuple[Point, ...], largest: float, writer: SvgWriter) -> str:
    """Draw a connection above the cards: it skips some, or returns to its own."""
    (x0, y0), (_, y), (x1, _), (_, y1) = route
    thickness = 1.2 + 1.2 * log10(edge.count + 1.0)
    corner = 6.0 if x1 > x0 else -6.0
    line = path_data("M", x0, y0, "V", y + 6, "q0 -6 ", corner, " -6H", x1 - corner)
    line += path_data("q", corner, " 0 ", corner, " 6V", y1 - 7)
    stroke = f'stroke-width="{format_coordinate(thickness)}"'
    tip = path_data("M", x1, y1, "l-4.5 -8h9Z")
    parts = [
        writer.path(line, writer.paint("none", "line"), stroke),
        writer.path(tip, writer.paint("line")),
    ]

    words = lane_label(edge)
    label_width = width(words, 10) + 12
    center = (x0 + x1) / 2
    left = center - label_width / 2
    plate = Rect(left, y - 8, label_width, 16)
    parts.append(writer.rect(plate, writer.paint("page"), 4))
    if edge.flow is not None and isfinite(edge.flow):
        dashes = _ZERO_DASHES if edge.flow == 0.0 else ""
        underline = path_data("M", left + 6, y + 7, "h", label_width - 12)
        stroke = f'stroke-width="{edge_width(edge.flow, largest)}"{dashes}'
        paint = writer.paint("none", _flow_color(edge.flow))
        parts.append(writer.path(underline, paint, stroke))
    parts.append(writer.text(center, y + 3.5, words, 10, "muted", anchor="middle"))
    return "".join(parts)


def lane_label(edge: Edge) -> str:
    """Return the text on a connection above the cards.

    Example:
        >>> lane_label(Edge("l0", "l0", None, 0.5, count=8))
        '↺ 8 · ‖∂‖ 0.5'
    """
    loop = "↺ " if edge.source == edge.target else ""
    norm = "" if edge.flow is None else f" · ‖∂‖ {number(edge.flow)}"
    return f"{loop}{edge.count:,}{norm}"
