"""What is around the boxes of the blocks view as SVG: frames, panels, the stream, lines, counts."""

from collections.abc import Sequence
from itertools import pairwise
from math import hypot, isfinite

from viz.layout.block_cards import count_text
from viz.layout.block_places import BlockPlaces
from viz.layout.blocks import STREAM_WORDS, heading_text
from viz.layout.geometry import Point, Rect
from viz.layout.placed import PlacedPicture, Route
from viz.look.measures import BLOCK
from viz.look.text import TIP, escape, exact, fit_text, plural, width
from viz.look.theme import strength
from viz.model.picture import Edge, Group, Picture

from .svg_writer import SvgWriter, path_data

_THIN = 1.2
_THICK = 4.8
_HEAD = 9.0
_BEND = 8.0
_PILE = (8.0, 4.0, 0.0)
"""How far the sheets of a frame with several calls are moved to the right and down."""


def draw_frames(placed: PlacedPicture, places: BlockPlaces, writer: SvgWriter) -> str:
    """Return all frames and panels, the outer ones first."""
    parts = []
    for group in placed.picture.groups:
        parts.append(_draw_frame(group, placed, places, writer))
    return "".join(parts)


def _draw_frame(group: Group, placed: PlacedPicture, places: BlockPlaces, writer: SvgWriter) -> str:
    parts = []
    border = 'stroke-width="1"'
    rect = placed.groups[group.path]
    if group.is_panel:
        paint = writer.paint("card", "group_line")
        parts.append(writer.rect(rect, paint, BLOCK.panel_radius, border))
    else:
        paint = writer.paint("group", "group_line")
        shifts = _PILE if group.calls > 1 else (0.0,)
        for shift in shifts:
            moved = [(x + shift, y + shift) for x, y in places.outlines[group.path]]
            data = round_path([*moved, moved[0]], BLOCK.panel_radius, is_closed=True)
            parts.append(writer.path(data, paint, border))
    place = places.titles.get(group.path)
    if place is not None:
        parts.append(_draw_title(group, place, writer))
    path = group.path.replace("/", ".")
    calls = plural(group.calls, "call") if group.calls > 1 else ""
    tip = ", ".join(filter(None, [path, calls, group.detail]))
    frame = f"<g><title>{escape(tip, TIP)}</title>{''.join(parts)}</g>"
    return writer.wrap_group(group.path, frame)


def _draw_title(group: Group, place: Rect, writer: SvgWriter) -> str:
    ink = "muted" if group.is_panel else "ink"
    baseline = place.y + 15
    text = fit_text(heading_text(group), BLOCK.frame, place.width + 1, bold=True)
    parts = [writer.text(place.x, baseline, text, BLOCK.frame, ink, bold=True)]
    wide = width(text, BLOCK.frame, bold=True)
    # The layout made space for the detail where there is some.
    if not group.is_panel and place.width > wide + 16:
        x = place.x + wide + 16
        parts.append(writer.text(x, baseline, group.detail, BLOCK.note, "muted"))
    return "".join(parts)


def round_path(points: Sequence[Point], radius: float, is_closed: bool = False) -> str:
    """Return a path through points with round corners.

    Args:
        points: The points; for a closed path the last one is the first one again.
        radius: Of the corners, less where a stretch is short.
        is_closed: Whether the first corner is round as well.

    Example:
        >>> round_path([(0, 0), (20, 0), (20, 20)], 5)
        'M0 0L15 0C17.75 0 20 2.25 20 5L20 20'
    """
    # A closed path begins in the middle of its first stretch.
    if is_closed:
        (x0, y0), (x1, y1) = points[0], points[1]
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        points = [middle, *points[1:], middle]
    parts = [path_data("M", *points[0])]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        reach = min(radius, _distance(before, corner) / 2, _distance(corner, after) / 2)
        start = _toward(corner, before, reach)
        end = _toward(corner, after, reach)
        # Control points at 55 % of the way to the corner make it a quarter of a circle.
        leave = _toward(start, corner, 0.55 * reach)
        arrive = _toward(end, corner, 0.55 * reach)
        parts.append(path_data("L", *start, "C", *leave, *arrive, *end))
    parts.append("Z" if is_closed else path_data("L", *points[-1]))
    return "".join(parts)


def _distance(a: Point, b: Point) -> float:
    return hypot(b[0] - a[0], b[1] - a[1])


def _toward(start: Point, end: Point, length: float) -> Point:
    whole = _distance(start, end) or 1.0
    share = length / whole
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


# Lines


def draw_band(placed: PlacedPicture, places: BlockPlaces, writer: SvgWriter) -> str:
    """Return the band of the residual stream, with its name and what it passes on."""
    band = places.band
    if not band:
        return ""
    picture = placed.picture
    has_head = picture.stream[-1] not in _sums(places)
    points = list(band)
    tip = ""
    if has_head:
        (x0, y0), (x1, y1) = band[-2:]
        head = 14.0
        points[-1] = _toward((x1, y1), (x0, y0), head)
        tip = _arrow((x0, y0), (x1, y1), head, 2.0 * BLOCK.stream)
    stroke = f'stroke-width="{BLOCK.stream:g}" stroke-linejoin="round"'
    parts = [
        writer.path(round_path(points, 16.0), writer.paint("none", "band"), stroke),
        writer.path(tip, writer.paint("band")) if tip else "",
    ]
    edges = [picture.edges[i] for i in sorted(places.on_band)]
    count = max((edge.count for edge in edges), default=0)
    words = STREAM_WORDS
    if count:
        words += f": {count_text(count)} values pass by on the straight line"
    label = places.stream_label
    if label is not None:
        y = label.y + 12
        parts.append(writer.text(label.x, y, STREAM_WORDS, BLOCK.note, "muted"))
    return f"<g><title>{escape(words, TIP)}</title>{''.join(parts)}</g>"


def _sums(places: BlockPlaces) -> set[str]:
    return {id for id, plan in places.plans.items() if plan.block.kind == "sum"}


def _arrow(before: Point, end: Point, length: float, wide: float) -> str:
    """Return an arrow head that ends at a point."""
    whole = _distance(before, end) or 1.0
    across = (end[0] - before[0]) / whole
    down = (end[1] - before[1]) / whole
    base_x = end[0] - across * length
    base_y = end[1] - down * length
    half = wide / 2
    left = (base_x - down * half, base_y + across * half)
    right = (base_x + down * half, base_y - across * half)
    return path_data("M", *end, "L", *left, "L", *right, "Z")


def line_width(edge: Edge, largest: float) -> float:
    """Return the width of a line: the more gradient comes back along it, the thicker."""
    if edge.flow is None:
        return 1.6
    return round(_THIN + (_THICK - _THIN) * strength(edge.flow, largest), 2)


def largest_norm(picture: Picture) -> float:
    """Return the largest finite norm on a line, 1 where there is none."""
    flows = [abs(edge.flow) for edge in picture.edges if edge.flow is not None]
    return max(filter(isfinite, flows), default=0.0) or 1.0


def draw_lines(placed: PlacedPicture, places: BlockPlaces, writer: SvgWriter) -> str:
    """Return all lines, thin ones first, and the counts on them."""
    picture = placed.picture
    largest = largest_norm(picture)
    shown = [i for i in range(len(picture.edges)) if i not in places.on_band]
    shown.sort(key=lambda i: line_width(picture.edges[i], largest))
    parts = []
    for i in shown:
        edge = picture.edges[i]
        parts.append(_draw_line(edge, placed.routes[i], placed, largest, writer))
    for i, rect in places.labels.items():
        text = count_text(picture.edges[i].count)
        parts.append(_draw_count(text, rect, placed.routes[i], writer))
    return "".join(parts)


def _draw_line(
    edge: Edge, route: Route, placed: PlacedPicture, largest: float, writer: SvgWriter
) -> str:
    thickness = line_width(edge, largest)
    is_alarming = edge.flow is not None and not isfinite(edge.flow)
    color = "alarm" if is_alarming else "line"
    head = _HEAD * (0.8 + 0.12 * thickness)
    before, end = route[-2:]
    head = min(head, _distance(before, end))
    cut = [*route[:-1], _toward(end, before, head * 0.8)]
    dashes = ' stroke-dasharray="4 3"' if edge.flow == 0.0 else ""
    line = writer.path(
        round_path(cut, _BEND),
        writer.paint("none", color),
        f'stroke-width="{thickness:g}"{dashes}',
    )
    arrow = writer.path(_arrow(before, end, head, head * 0.85), writer.paint(color))
    tip = escape(_describe(edge, placed), TIP)
    return f"<g><title>{tip}</title>{line}{arrow}</g>"


def _describe(edge: Edge, placed: PlacedPicture) -> str:
    picture = placed.picture
    titles = {block.id: block.title or block.kind for block in picture.blocks}
    count = plural(edge.count, "value") if edge.count else ""
    norm = "" if edge.flow is None else f"gradient norm {exact(edge.flow)} comes back"
    ends = f"{titles[edge.source]} → {titles[edge.target]}"
    return ", ".join(filter(None, [ends, count, norm]))


def _draw_count(text: str, rect: Rect, route: Route, writer: SvgWriter) -> str:
    plate = ""
    if _is_on(rect, route):
        plate = writer.rect(rect, writer.paint("card"), 3)
    y = rect.middle + 4.2
    return plate + writer.text(
        rect.center, y, text, BLOCK.note, "muted", anchor="middle", mono=True
    )


def _is_on(rect: Rect, route: Route) -> bool:
    for (x0, y0), (x1, y1) in pairwise(route):
        low_x = min(x0, x1) - 0.5
        low_y = min(y0, y1) - 0.5
        if rect.overlap(Rect(low_x, low_y, abs(x1 - x0) + 1, abs(y1 - y0) + 1)):
            return True
    return False
