"""Edges as SVG: curves with horizontal ends, as wide and as colored as the gradient they carry."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isfinite

from viz.layout.direction import is_upright, turn_point
from viz.layout.geometry import Point, Rect
from viz.layout.placed import PlacedPicture, Route, Split
from viz.layout.rows import MARKER
from viz.look.measures import BORDER, FONT_SIZES
from viz.look.text import TIP, escape, number, width
from viz.look.theme import edge_width, shade, strength
from viz.model.picture import Edge, Picture

from .svg_writer import SvgWriter, format_coordinate, path_data

_ARROW = 8.0
_LABEL_SIZE = FONT_SIZES.small
_LABEL_HEIGHT = 16.0

# Positions to try for a label, as shares of the way along an edge: the middle first.
_LABEL_SHARES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74)
_PLATE_SHARES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)
PLATE_FONT = FONT_SIZES.small

_MAX_COVERED = 0.3
"""Share of a label that may be covered by others before it is left out."""


def draw_edges(placed: PlacedPicture, writer: SvgWriter) -> str:
    """Return all edges, the strongest on top, and on cards their local derivatives."""
    picture = placed.picture

    def prominence(index: int) -> tuple[bool, float]:
        edge = picture.edges[index]
        return not edge.dim, abs(edge.flow or 0.0)

    order = sorted(range(len(picture.edges)), key=prominence)
    parts = []
    for i in order:
        edge = picture.edges[i]
        parts.append(draw_whole_edge(edge, placed.routes[i], placed.splits.get(i), picture, writer))
    parts += draw_labels(placed, writer)
    parts += draw_markers(placed, writer)
    parts += [draw_port(point, writer) for point in placed.ports]
    return "".join(parts)


def draw_markers(placed: PlacedPicture, writer: SvgWriter) -> Iterable[str]:
    """Yield the numbers at the ends of lines that go on in another row, each once."""
    paint = writer.paint("card", "muted")
    for (x, y), (count, tip) in _find_markers(placed).items():
        center = f'cx="{format_coordinate(x)}" cy="{format_coordinate(y)}"'
        circle = f'<circle {center} r="{MARKER / 2:g}" {paint} stroke-width="1.2"/>'
        size = FONT_SIZES.small
        text = writer.text(x, y + 4, str(count), size, "ink", anchor="middle", bold=True)
        yield f"<g><title>{escape(tip, TIP)}</title>{circle}{text}</g>"


def marker_rects(placed: PlacedPicture) -> list[Rect]:
    """Return where the numbers at the ends of lines are."""
    half = MARKER / 2
    return [Rect(x - half, y - half, MARKER, MARKER) for x, y in _find_markers(placed)]


def _find_markers(placed: PlacedPicture) -> dict[Point, tuple[int, str]]:
    """Return the number and the tooltip at the center of each number at the end of a line."""
    markers: dict[Point, tuple[int, str]] = {}
    for i, split in placed.splits.items():
        node = placed.picture.by_id[placed.picture.edges[i].source]
        name = node.label or node.formula
        markers[_beyond(*split.before[-2:])] = (split.number, f"{name} goes on below")
        markers[_beyond(*split.after[1::-1])] = (split.number, f"{name} comes from above")
    return markers


def _beyond(before: Point, end: Point) -> Point:
    """Return the center of the number at the end of a line."""
    x0, y0 = before
    x1, y1 = end
    half = MARKER / 2
    if abs(x1 - x0) < 0.5:
        down = half if y1 > y0 else -half
        return x1, y1 + down
    across = half if x1 > x0 else -half
    return x1 + across, y1


def draw_whole_edge(
    edge: Edge, route: Route, split: Split | None, picture: Picture, writer: SvgWriter
) -> str:
    """Return one edge, of one between two rows both of its parts."""
    has_arrow = picture.level != "neurons"
    if split is None:
        return draw_edge(edge, route, picture, writer, has_arrow)
    before = draw_edge(edge, split.before, picture, writer, has_arrow=False)
    return before + draw_edge(edge, split.after, picture, writer, has_arrow)


def draw_edge(
    edge: Edge, route: Route, picture: Picture, writer: SvgWriter, has_arrow: bool
) -> str:
    """Return one edge, with or without an arrow at its target."""
    flow = edge.flow or 0.0
    thickness = edge_width(flow, picture.largest)
    stroke = _stroke(flow, picture)
    dashes = f' stroke-dasharray="{BORDER.zero_dashes}"' if edge.flow == 0.0 else ""
    opacity = _opacity(edge, picture, has_arrow)

    head = _head_size(thickness) if has_arrow else 0.0
    route, tip = _cut_for_tip(route, head, picture.rankdir)
    line = writer.path(
        curve(route, picture.rankdir),
        writer.paint("none", stroke),
        f'stroke-width="{thickness}"{dashes}{opacity}',
    )
    if not has_arrow:
        return line
    return line + writer.path(tip, writer.paint(stroke), opacity.strip())


def _opacity(edge: Edge, picture: Picture, has_arrow: bool) -> str:
    if edge.dim:
        return ' opacity="0.25"'
    if edge.flow == 0.0 and picture.level != "cards":
        return f' opacity="{BORDER.zero_opacity:g}"'
    flow = edge.flow or 0.0
    # Network diagrams have thousands of edges: weak ones must not cover strong ones.
    if not has_arrow and shade(flow, picture.largest):
        opacity = 0.25 + 0.75 * strength(flow, picture.largest)
        return f' opacity="{opacity:.2f}"'
    return ""


def draw_backward_edge(edge: Edge, route: Route, picture: Picture, writer: SvgWriter) -> str:
    """Return what an edge carries back: a strong line with an arrow at its source."""
    flow = edge.flow or 0.0
    thickness = edge_width(flow, picture.largest) + 1.0
    stroke = _stroke(flow, picture)
    paint = writer.paint("none", stroke)
    stroke_width = f'stroke-width="{format_coordinate(thickness)}"'
    if picture.level == "neurons":
        return writer.path(curve(route, picture.rankdir), paint, stroke_width)

    back, tip = _cut_for_tip(route[::-1], _head_size(thickness), picture.rankdir)
    line = writer.path(curve(back, picture.rankdir), paint, stroke_width)
    return line + writer.path(tip, writer.paint(stroke))


def _stroke(flow: float, picture: Picture) -> str:
    return f"e{shade(flow, picture.largest)}" if isfinite(flow) else "alarm"


def _head_size(thickness: float) -> float:
    return _ARROW * (0.75 + 0.12 * thickness)


def plate_anchors(route: Route, rankdir: str) -> list[Point]:
    """Return points on an edge for a plate about it, the middle first."""
    turned = _turn(route, rankdir)
    points = [_point_at(turned, share) for share in _PLATE_SHARES]
    return list(_turn(points, rankdir))


def draw_plate(
    rect: Rect,
    anchor: Point,
    lines: Sequence[str],
    flow: float,
    picture: Picture,
    writer: SvgWriter,
) -> str:
    """Return lines of text with a border in the color of a gradient.

    Args:
        rect: Where they are.
        anchor: The point of the edge that they are about; a line leads to it from a plate that is
            beside the edge.
        lines: The texts, of which the last one is the result.
        flow: The gradient.
        picture: The picture, for its scale.
        writer: Writes the elements.
    """
    stroke = _stroke(flow, picture)
    x, y = anchor
    lead = ""
    nearest = (min(max(x, rect.x), rect.right), min(max(y, rect.y), rect.bottom))
    if nearest != (x, y):
        data = path_data("M", x, y, "L", *nearest)
        lead = writer.path(data, writer.paint("none", stroke), 'stroke-width="1.4"')
        lead += _draw_dot(x, y, writer.paint(stroke))
    box = writer.rect(rect, writer.paint("card", stroke), 5, 'stroke-width="1.4"')

    words = []
    step = rect.height / len(lines)
    for i, line in enumerate(lines):
        is_last = i == len(lines) - 1
        baseline = rect.y + (i + 0.5) * step + 3.8
        ink = "ink" if is_last else "muted"
        text = writer.text(
            rect.center, baseline, line, PLATE_FONT, ink, anchor="middle", bold=is_last
        )
        words.append(text)
    return lead + box + "".join(words)


def _draw_dot(x: float, y: float, paint: str) -> str:
    return f'<circle cx="{format_coordinate(x)}" cy="{format_coordinate(y)}" r="2.6" {paint}/>'


def _turn(route: Sequence[Point], rankdir: str) -> Route:
    """Return a route as if the picture ran from left to right, or such a one turned again."""
    return tuple(turn_point(point, rankdir) for point in route)


def _runs_down(route: Route) -> bool:
    """Return whether an edge links two members of a running sum, which are in one column."""
    if len(route) != 2:
        return False
    (start_x, _), (end_x, _) = route
    return abs(start_x - end_x) < 0.5


def _cut_for_tip(route: Route, head: float, rankdir: str) -> tuple[Route, str]:
    """Return a route that ends inside the arrow head at its end, and the path of the head.

    A wide line that ended at the tip would blunt it.
    """
    turned = _turn(route, rankdir)
    x, y = turned[-1]
    half = head * 0.42
    inset = head * 0.8
    # The head points the way the edge arrives: to the right, or back to the left; or down, or up.
    before_x, before_y = turned[-2]
    if _runs_down(turned):
        sign = 1 if before_y < y else -1
        end = (x, y - sign * inset)
        base = ((x - half, y - sign * head), (x + half, y - sign * head))
    else:
        sign = 1 if before_x < x else -1
        end = (x - sign * inset, y)
        base = ((x - sign * head, y - half), (x - sign * head, y + half))

    tip, left, right = _turn(((x, y), *base), rankdir)
    return _turn((*turned[:-1], end), rankdir), path_data("M", *tip, "L", *left, "L", *right, "Z")


def curve(route: Sequence[Point], rankdir: str = "LR") -> str:
    """Return a path through points that is horizontal at each of them, or vertical.

    Args:
        route: The points.
        rankdir: Which way the picture runs: vertical at its points is a curve in one that runs down
            or up.

    Example:
        >>> curve(((0, 0), (10, 5))), curve(((0, 0), (10, 5)), "TB")
        ('M0 0C5 0 5 5 10 5', 'M0 0C0 2.5 10 2.5 10 5')
    """
    parts = [path_data("M", *route[0])]
    for (x0, y0), (x1, y1) in pairwise(route):
        middle_x = (x0 + x1) / 2
        middle_y = (y0 + y1) / 2
        if abs(y1 - y0) < 0.5 or abs(x1 - x0) < 0.5:
            parts.append(path_data("L", x1, y1))
        elif is_upright(rankdir):
            parts.append(path_data("C", x0, middle_y, x1, middle_y, x1, y1))
        else:
            parts.append(path_data("C", middle_x, y0, middle_x, y1, x1, y1))
    return "".join(parts)


def draw_port(point: Point, writer: SvgWriter) -> str:
    """Return a port on the border of a box."""
    x, y = point
    center = f'cx="{format_coordinate(x)}" cy="{format_coordinate(y)}"'
    paint = writer.paint("card", "line")
    return f'<circle {center} r="3" {paint} stroke-width="1.2"/>'


def draw_labels(placed: PlacedPicture, writer: SvgWriter) -> Iterable[str]:
    """Yield on cards each local derivative on its edge.

    A label moves along its edge to cover as little as possible of nodes and of other labels. It is
    left out where there is no space, unless it carries a mark.
    """
    picture = placed.picture
    if picture.level != "cards":
        return
    rankdir = picture.rankdir
    taken = list(placed.nodes.values())
    for i, edge in enumerate(picture.edges):
        split = placed.splits.get(i)
        route = split.after if split else placed.routes[i]
        is_quiet = edge.dim or picture.by_id[edge.source].tag
        if edge.local is None or (is_quiet and not edge.mark):
            continue

        text = f"∂ {number(edge.local)}"
        if edge.mark:
            text += f" {edge.mark}"
        label_width = width(text, _LABEL_SIZE) + 8
        rects = [_label_rect(route, share, label_width, rankdir) for share in _LABEL_SHARES]
        covered = [_covered_area(rect, taken) for rect in rects]
        least = min(covered)
        rect = rects[covered.index(least)]
        is_hidden = least > rect.width * rect.height * _MAX_COVERED
        if is_hidden and not edge.mark:
            continue
        taken.append(rect)
        yield from _draw_label(rect, text, bool(edge.mark), writer)


def _draw_label(rect: Rect, text: str, is_marked: bool, writer: SvgWriter) -> Iterable[str]:
    paint = writer.paint("alarm" if is_marked else "page")
    ink = "page" if is_marked else "muted"
    # A quiet label lets its edge shine through; what is marked has to be read.
    opacity = "" if is_marked else 'opacity="0.86"'
    yield writer.rect(rect, paint, 4, opacity)
    baseline = rect.middle + 3.9
    yield writer.text(rect.center, baseline, text, _LABEL_SIZE, ink, anchor="middle")


def _label_rect(route: Route, share: float, label_width: float, rankdir: str) -> Rect:
    turned = _turn(route, rankdir)
    if _runs_down(turned):
        # Beside a line that is no longer than the gap between two cards.
        (start_x, start_y), (end_x, end_y) = route
        x = (start_x + end_x) / 2
        y = (start_y + end_y) / 2
        if is_upright(rankdir):
            return Rect(x - label_width / 2, y - _LABEL_HEIGHT - 2, label_width, _LABEL_HEIGHT)
        return Rect(x + 6, y - 8, label_width, _LABEL_HEIGHT)
    x, y = turn_point(_point_at(turned, share), rankdir)
    # On a line that is hardly longer it would hide the arrow: then it is above.
    is_short = max(abs(b[0] - a[0]) for a, b in pairwise(turned)) < label_width + _ARROW
    shift = _LABEL_HEIGHT + 1 if is_short and not is_upright(rankdir) else _LABEL_HEIGHT / 2
    return Rect(x - label_width / 2, y - shift, label_width, _LABEL_HEIGHT)


def _point_at(route: Route, t: float) -> Point:
    """Return the point at parameter `t` of the longest stretch, a cubic Bézier curve."""

    def length(ends: tuple[Point, Point]) -> float:
        (start_x, _), (end_x, _) = ends
        return abs(end_x - start_x)

    (x0, y0), (x1, y1) = max(pairwise(route), key=length)
    # Both control points are halfway across, one at the height of each end.
    start = x0 * (1 - t) ** 3
    inner = 3 * (x0 + x1) / 2 * t * (1 - t)
    end = x1 * t**3
    x = start + inner + end
    rise = 3 * t * t - 2 * t**3
    y = y0 + (y1 - y0) * rise
    return x, y


def _covered_area(rect: Rect, others: list[Rect]) -> float:
    return sum(rect.overlap(other) for other in others)
