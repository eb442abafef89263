"""What edges look like: curves with level ends, as wide and as colored as the gradient that they carry back."""

from collections.abc import Iterable
from itertools import pairwise
from math import isfinite

from viz.layout.geometry import Point, Rect
from viz.layout.layered import PlacedPicture
from viz.look.text import number, width
from viz.look.theme import edge_width, shade, strength
from viz.model.picture import Edge, Picture

from .svg_writer import SvgWriter, format_coordinate

_ARROW = 8.0


def draw_edges(placed: PlacedPicture, sheet: SvgWriter) -> str:
    """All edges, the strongest on top, and on cards the local derivatives on plates."""
    picture = placed.picture
    arrows = picture.level != "neurons"
    ordered = sorted(
        range(len(picture.edges)),
        key=lambda i: (not picture.edges[i].dim, abs(picture.edges[i].flow or 0.0)),
    )
    parts = [draw_edge(picture.edges[i], placed.routes[i], picture, sheet, arrows) for i in ordered]
    parts += draw_labels(placed, sheet)
    parts += [draw_port(point, sheet) for point in placed.ports]
    return "".join(parts)


def draw_edge(
    edge: Edge, route: tuple[Point, ...], picture: Picture, sheet: SvgWriter, arrow: bool
) -> str:
    """One edge, with an arrow at its target or without."""
    flow = edge.flow or 0.0
    step, thick = shade(flow, picture.largest), edge_width(flow, picture.largest)
    stroke = f"e{step}" if isfinite(flow) else "alarm"
    dashes = ' stroke-dasharray="4 3"' if edge.flow == 0.0 else ""
    faint = (
        f' opacity="{0.25 + 0.75 * strength(flow, picture.largest):.2f}"'
        if not arrow and step
        else ""
    )
    faint = ' opacity="0.25"' if edge.dim else faint
    head = _ARROW * (0.75 + 0.12 * thick) if arrow else 0.0
    x, y = route[-1]
    down = _runs_down(route)
    last = (x, y - head * 0.8) if down else (x - head * 0.8, y)
    line = sheet.path(
        curve((*route[:-1], last)),
        sheet.paint("none", stroke),
        f'stroke-width="{thick}"{dashes}{faint}',
    )
    return (
        line + sheet.path(_tip(x, y, head, down), sheet.paint(stroke), faint.strip())
        if arrow
        else line
    )


def draw_backward_edge(
    edge: Edge, route: tuple[Point, ...], picture: Picture, sheet: SvgWriter
) -> str:
    """What an edge carries back: a strong line with an arrow at its source."""
    flow = edge.flow or 0.0
    step, thick = shade(flow, picture.largest), edge_width(flow, picture.largest) + 1.0
    paint = f"e{step}" if isfinite(flow) else "alarm"
    x, y = route[0]
    head, down = _ARROW * (0.75 + 0.12 * thick), _runs_down(route)
    first = (x, y + head * 0.8) if down else (x + head * 0.8, y)
    if picture.level == "neurons":
        return sheet.path(
            curve(route), sheet.paint("none", paint), f'stroke-width="{format_coordinate(thick)}"'
        )
    line = sheet.path(
        curve((first, *route[1:])),
        sheet.paint("none", paint),
        f'stroke-width="{format_coordinate(thick)}"',
    )
    return line + sheet.path(_tip(x, y, -head, down), sheet.paint(paint))


def place_plate(route: tuple[Point, ...], wide: float, high: float, taken: list[Rect]) -> Rect:
    """Where on an edge a plate of a size covers the least of others."""
    frames = (_plate(route, share, wide) for share in (0.5, 0.4, 0.6, 0.3, 0.7))
    sized = [Rect(frame.x, frame.middle - high / 2, wide, high) for frame in frames]
    return min(sized, key=lambda frame: _covered(frame, taken))


def draw_plate(frame: Rect, text: str, flow: float, picture: Picture, sheet: SvgWriter) -> str:
    """A text in a border of the color of a gradient."""
    border = sheet.paint("page", f"e{shade(flow, picture.largest)}" if isfinite(flow) else "alarm")
    box = sheet.rect(frame.x, frame.y, frame.width, frame.height, border, 5, 'stroke-width="1.4"')
    return box + sheet.text(
        frame.center, frame.middle + 3.6, text, 10, "ink", anchor="middle", bold=True
    )


def _runs_down(route: tuple[Point, ...]) -> bool:
    return len(route) == 2 and abs(route[0][0] - route[1][0]) < 0.5


def _tip(x: float, y: float, head: float, down: bool) -> str:
    half, whole = format_coordinate(abs(head) * 0.42), format_coordinate(abs(head) * 0.84)
    if down:
        return f"M{format_coordinate(x)} {format_coordinate(y)}l-{half} {format_coordinate(-head)}h{whole}Z"
    return f"M{format_coordinate(x)} {format_coordinate(y)}l{format_coordinate(-head)} -{half}v{whole}Z"


def curve(route: tuple[Point, ...]) -> str:
    """A path through points that is level at each of them.

    >>> curve(((0, 0), (10, 5)))
    'M0 0C5 0 5 5 10 5'
    """
    parts = [f"M{format_coordinate(route[0][0])} {format_coordinate(route[0][1])}"]
    for (x0, y0), (x1, y1) in pairwise(route):
        if abs(y1 - y0) < 0.5 or abs(x1 - x0) < 0.5:
            parts.append(f"L{format_coordinate(x1)} {format_coordinate(y1)}")
        else:
            middle = format_coordinate((x0 + x1) / 2)
            parts.append(
                f"C{middle} {format_coordinate(y0)} {middle} {format_coordinate(y1)} {format_coordinate(x1)} {format_coordinate(y1)}"
            )
    return "".join(parts)


def draw_port(point: Point, sheet: SvgWriter) -> str:
    """A port on the border of a box."""
    return f'<circle cx="{format_coordinate(point[0])}" cy="{format_coordinate(point[1])}" r="3" {sheet.paint("card", "line")} stroke-width="1.2"/>'


def draw_labels(placed: PlacedPicture, sheet: SvgWriter) -> Iterable[str]:
    """On cards each local derivative on its edge, moved along it where it would cover another label or a node."""
    if placed.picture.level != "cards":
        return
    taken = list(placed.nodes.values())
    for edge, route in zip(placed.picture.edges, placed.routes, strict=True):
        if edge.local is None or (
            (edge.dim or placed.picture.by_id[edge.source].tag) and not edge.mark
        ):
            continue
        text = f"∂ {number(edge.local)}" + (f" {edge.mark}" if edge.mark else "")
        wide = width(text, 9.5) + 8
        frame = min(
            (_plate(route, share, wide) for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74)),
            key=lambda frame: _covered(frame, taken),
        )
        if _covered(frame, taken) > frame.width * frame.height * 0.3 and not edge.mark:
            continue
        taken.append(frame)
        plate = ("alarm", "") if edge.mark else ("page", 'opacity="0.86"')
        yield sheet.rect(
            frame.x, frame.y, frame.width, frame.height, sheet.paint(plate[0]), 4, plate[1]
        )
        yield sheet.text(
            frame.center,
            frame.middle + 3.3,
            text,
            9.5,
            "page" if edge.mark else "muted",
            anchor="middle",
        )


def _plate(route: tuple[Point, ...], share: float, wide: float) -> Rect:
    if _runs_down(route):
        return Rect(route[0][0] + 6, (route[0][1] + route[1][1]) / 2 - 7, wide, 14)
    x, y = _at(route, share)
    return Rect(x - wide / 2, y - 7, wide, 14)


def _at(route: tuple[Point, ...], share: float) -> Point:
    """The point on the longest stretch of the curve, `share` of the way along it."""
    (x0, y0), (x1, y1) = max(pairwise(route), key=lambda ends: abs(ends[1][0] - ends[0][0]))
    t = share
    bend = 3 * t * t - 2 * t**3
    return (x0 * (1 - t) ** 3 + 3 * (x0 + x1) / 2 * t * (1 - t) + x1 * t**3, y0 + (y1 - y0) * bend)


def _covered(frame: Rect, others: list[Rect]) -> float:
    return sum(frame.overlap(other) for other in others)
