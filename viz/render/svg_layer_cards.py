"""The cards of the layer view as SVG, the wide arrows between them, and the legend."""

from collections.abc import Iterator
from math import isfinite, log10

from viz.layout.geometry import Point, Rect
from viz.layout.layer_cards import MOST_TITLE, PAD, TOP, Bars, Facts, Piece, largest_flow, pieces
from viz.layout.layered import PlacedPicture
from viz.look.text import escape, fitted, number, width
from viz.look.theme import edge_width
from viz.model.heatmap import Histogram
from viz.model.layer_card import LayerCard, described
from viz.model.picture import Edge

from .svg_charts import draw_bars, draw_facts, draw_histogram, draw_map, scale
from .svg_writer import SvgWriter, format_coordinate

_PIXELS, _MOST_PIXELS = 200_000, 80_000
"""How many cells all maps together, and one alone, may have before blocks of them are merged: that bounds the file."""


def body(placed: PlacedPicture, sheet: SvgWriter) -> str:
    """All cards and arrows."""
    picture, largest = placed.picture, largest_flow(placed.picture)
    count = sum(len(card.maps) + len(card.columns) for card in picture.cards) or 1
    most = min(_MOST_PIXELS, max(1000, _PIXELS // count))
    parts = [_card(card, placed.nodes[card.id], most, sheet) for card in picture.cards]
    for edge, route in zip(picture.edges, placed.routes, strict=True):
        parts.append((_arrows if len(route) == 2 else _lane)(edge, route, largest, sheet))
    return "".join(parts)


def _card(card: LayerCard, frame: Rect, most: int, sheet: SvgWriter) -> str:
    parts = [
        sheet.rect(
            frame.x,
            frame.y,
            frame.width,
            frame.height,
            sheet.paint("group", "group_line"),
            10,
            'stroke-width="1"',
        )
    ]
    x, inside = frame.x + PAD, frame.width - 2 * PAD
    if card.kind == "result":
        parts.append(
            sheet.text(
                frame.right - PAD, frame.y + 24, card.detail, 13, "ink", anchor="end", mono=True
            )
        )
        detail = width(card.detail, 13, mono=True)
    else:
        parts.append(
            sheet.text(frame.right - PAD, frame.y + 24, card.detail, 10, "muted", anchor="end")
        )
        detail = width(card.detail, 10)
    title = fitted(card.title, 13, min(MOST_TITLE, inside - detail - 8), bold=True)
    parts.append(sheet.text(x, frame.y + 24, title, 13, "ink", bold=True))
    parts.append(sheet.text(x, frame.y + 39, fitted(card.line, 10, inside), 10, "muted"))
    for piece, place in pieces(card, frame.height - TOP - PAD):
        moved = Rect(place.x + x, place.y + frame.y + TOP, place.width, place.height)
        parts.append(_piece(piece, moved, most, sheet))
    return f'<g role="graphics-symbol"><title>{escape(described(card), 600)}</title>{"".join(parts)}</g>'


def _piece(piece: Piece, frame: Rect, most: int, sheet: SvgWriter) -> str:
    if isinstance(piece, Histogram):
        return draw_histogram(piece, frame, sheet)
    if isinstance(piece, Facts):
        return draw_facts(piece, frame, sheet)
    if isinstance(piece, Bars):
        return draw_bars(piece, frame, sheet)
    return draw_map(piece, frame, most, sheet)


# Arrows


def _arrows(edge: Edge, route: tuple[Point, ...], largest: float, sheet: SvgWriter) -> str:
    """A gray arrow as wide as there are many numbers, and below it one for the gradient that comes back."""
    (x0, y), (x1, _) = route[0], route[-1]
    x0, x1, center = x0 + 5, x1 - 5, (x0 + x1) / 2
    thick = 2.0 + 3.2 * log10(edge.count + 1.0)
    shift = 0.0 if edge.flow is None else 16.0
    half, head = thick / 2, thick / 2 + 5
    forward = f"M{format_coordinate(x0)} {format_coordinate(y - shift - half)}H{format_coordinate(x1 - head)}v-5L{format_coordinate(x1)} {format_coordinate(y - shift)}"
    forward += f"L{format_coordinate(x1 - head)} {format_coordinate(y - shift + half + 5)}v-5H{format_coordinate(x0)}Z"
    parts = [sheet.path(forward, sheet.paint("line"))]
    parts.append(
        sheet.text(center, y - shift - half - 9, f"{edge.count:,}", 10.5, "muted", anchor="middle")
    )
    if edge.flow is not None:
        parts += _back(edge.flow, (x0, x1), y + shift, largest, sheet)
        parts.append(
            sheet.text(
                center, y + shift + 18, f"‖∂‖ {number(edge.flow)}", 10.5, "muted", anchor="middle"
            )
        )
    return "".join(parts)


def _back(
    flow: float, ends: tuple[float, float], y: float, largest: float, sheet: SvgWriter
) -> Iterator[str]:
    x0, x1 = ends
    thick, paint = 1.5 * edge_width(flow, largest), _flow_paint(flow)
    dashes = ' stroke-dasharray="4 3"' if flow == 0.0 else ""
    head = 5.5 + thick
    yield sheet.path(
        f"M{format_coordinate(x1)} {format_coordinate(y)}H{format_coordinate(x0 + head - 1)}",
        sheet.paint("none", paint),
        f'stroke-width="{format_coordinate(thick)}"{dashes}',
    )
    yield sheet.path(
        f"M{format_coordinate(x0)} {format_coordinate(y)}l{format_coordinate(head)} {format_coordinate(-head * 0.6)}v{format_coordinate(head * 1.2)}Z",
        sheet.paint(paint),
    )


def _flow_paint(flow: float) -> str:
    if not isfinite(flow):
        return "alarm"
    return "e-16" if flow else "line"


def _lane(edge: Edge, route: tuple[Point, ...], largest: float, sheet: SvgWriter) -> str:
    """A connection above the cards: it jumps over some, or returns to its own."""
    (x0, y0), (_, y), (x1, _), (_, y1) = route
    thick, corner = 1.2 + 1.2 * log10(edge.count + 1.0), 6.0 if x1 > x0 else -6.0
    bend = format_coordinate(corner)
    line = f"M{format_coordinate(x0)} {format_coordinate(y0)}V{format_coordinate(y + 6)}q0 -6 {bend} -6H{format_coordinate(x1 - corner)}q{bend} 0 {bend} 6V{format_coordinate(y1 - 7)}"
    tip = f"M{format_coordinate(x1)} {format_coordinate(y1)}l-4.5 -8h9Z"
    parts = [
        sheet.path(line, sheet.paint("none", "line"), f'stroke-width="{format_coordinate(thick)}"'),
        sheet.path(tip, sheet.paint("line")),
    ]
    words = lane_label(edge)
    wide, center = width(words, 10) + 12, (x0 + x1) / 2
    parts.append(sheet.rect(center - wide / 2, y - 8, wide, 16, sheet.paint("page"), 4))
    if edge.flow is not None and isfinite(edge.flow):
        dashes = ' stroke-dasharray="4 3"' if edge.flow == 0.0 else ""
        under = f"M{format_coordinate(center - wide / 2 + 6)} {format_coordinate(y + 7)}h{format_coordinate(wide - 12)}"
        parts.append(
            sheet.path(
                under,
                sheet.paint("none", _flow_paint(edge.flow)),
                f'stroke-width="{edge_width(edge.flow, largest)}"{dashes}',
            )
        )
    return "".join([*parts, sheet.text(center, y + 3.5, words, 10, "muted", anchor="middle")])


def lane_label(edge: Edge) -> str:
    """What stands on a connection above the cards.

    >>> lane_label(Edge("l0", "l0", None, 0.5, count=8))
    '↺ 8 · ‖∂‖ 0.5'
    """
    again = "↺ " if edge.source == edge.target else ""
    return f"{again}{edge.count:,}" + ("" if edge.flow is None else f" · ‖∂‖ {number(edge.flow)}")


def legend(placed: PlacedPicture, sheet: SvgWriter) -> tuple[str, float]:
    """What colors and arrows stand for, and how wide that is."""
    words = "each map from −its largest"
    ramp, x = scale(width(words, 10) + 8, sheet)
    parts = [
        sheet.text(0, 12, words, 10, "muted"),
        ramp,
        sheet.text(x + 6, 12, "to its largest", 10, "muted"),
    ]
    x += 6 + width("to its largest", 10) + 22
    parts += [
        sheet.rect(x, 2, 2.8, 13, sheet.paint("ink")),
        sheet.text(x + 9, 12, "exactly 0", 10, "muted"),
    ]
    x += 9 + width("exactly 0", 10) + 22
    for paint, name, seen in (
        ("line", "how many numbers go on", True),
        (
            "e-16",
            "‖∂‖ the norm of the gradient that comes back",
            placed.picture.colors == "gradient",
        ),
    ):
        if seen:
            parts.append(
                sheet.path(
                    f"M{format_coordinate(x)} 8.5h20",
                    sheet.paint("none", paint),
                    'stroke-width="3"',
                )
            )
            parts.append(sheet.text(x + 26, 12, name, 10, "muted"))
            x += 26 + width(name, 10) + 22
    return "".join(parts), x
