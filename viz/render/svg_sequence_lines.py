"""The lines of the sequence view as SVG: thin ones inside of calls, bands from call to call."""

from collections.abc import Iterator, Mapping, Sequence
from math import hypot, isfinite

from viz.layout.geometry import Point
from viz.layout.placed import PlacedPicture, Route
from viz.look.measures import BORDER
from viz.look.text import TIP, escape, exact
from viz.model.picture import Edge
from viz.model.sequence_card import SequencePart

from .svg_writer import SvgWriter, path_data

PLAIN = 3.0
"""The thickness of a band before `backward`."""
_THINNEST = 2.5
_THICKEST = 13.0
_RADIUS = 9.0
_LABEL_SIZE = 11.0


class LinePen:
    """Draws the edges of a picture.

    Args:
        placed: The picture with positions.
        parts: Its parts by their ids.
        writer: Writes the elements.
    """

    def __init__(
        self, placed: PlacedPicture, parts: Mapping[str, SequencePart], writer: SvgWriter
    ) -> None:
        self.picture = placed.picture
        self.parts = parts
        self.writer = writer
        self.routes = list(zip(placed.picture.edges, placed.routes, strict=True))
        norms = [0.0]
        for part in parts.values():
            if part.kind in ("state", "gap", "start"):
                norms += [part.norm or 0.0, *part.norms]
        self.largest_norm = max(filter(isfinite, norms)) or 1.0

    def draw(self) -> Iterator[str]:
        """Yield thin lines, then the bands, which are in front of them."""
        # An edge whose ends are one point is told in words.
        drawn = [(edge, route) for edge, route in self.routes if route[0] != route[-1]]
        for edge, route in drawn:
            if not self._is_band(edge):
                yield self._line(edge, route)
        for edge, route in drawn:
            if self._is_band(edge):
                yield self._band(edge, route)

    def _is_band(self, edge: Edge) -> bool:
        """Return whether an edge is part of the way of a state from call to call."""
        source = self.parts[edge.source]
        target = self.parts[edge.target]
        if target.kind == "state" or (source.role, target.role) == ("keep", "add"):
            return True
        if source.kind == "start":
            return source.norm is not None and self._is_first(edge)
        if source.kind == "gap":
            return self._is_first(edge)
        is_in_step = target.step == source.step and target.kind not in ("head", "root")
        return source.kind == "state" and not is_in_step and self._is_first(edge)

    def _is_first(self, edge: Edge) -> bool:
        """Return whether it is the main way of a state: a second one is a thin line."""
        others = (each for each in self.picture.edges if each.source == edge.source)
        into = [each for each in others if self.parts[each.target].kind != "state"]
        step = self.parts[edge.target].step
        same = [each for each in into if self.parts[each.target].step == step]
        # A state that is kept goes straight on, and only a branch of it is joined with the input.
        same.sort(key=lambda each: self.parts[each.target].role == "joint")
        return same[0] is edge

    def thickness(self, norm: float | None) -> float:
        """Return the thickness of a band in pixels, None for no gradients."""
        if norm is None:
            return PLAIN
        if not isfinite(norm):
            return _THICKEST
        return _THINNEST + (_THICKEST - _THINNEST) * min(1.0, norm / self.largest_norm)

    def _band(self, edge: Edge, route: Route) -> str:
        target = self.parts[edge.target]
        norm = edge.flow
        pin = ""
        if target.kind == "state":
            norm = target.norm
            pin = self._pin(route[-2:])
        color = "line" if norm is None or isfinite(norm) else "alarm"
        stroke = f'stroke-width="{self.thickness(norm):.2f}"'
        if norm == 0.0:
            stroke = f'stroke-width="1.2" stroke-dasharray="{BORDER.zero_dashes}"'
        data = _round(self._band_points(edge, route))
        path = self.writer.path(data, self.writer.paint("none", color), stroke)
        return f"<g>{self._title(edge, norm)}{path}{pin}</g>"

    def _band_points(self, edge: Edge, route: Route) -> Sequence[Point]:
        """Return the points of a band; where it turns at a state it begins before the corner."""
        source = self.parts[edge.source]
        target = self.parts[edge.target]
        if target.kind == "state":
            points = route[:-1]
            x, y = points[-1]
            turns = self._turns(target, points[-1])
            return (*points[:-1], (x - _RADIUS - 3, y)) if turns else points
        if len(route) > 2 and source.kind == "state" and route[0][1] == self._exit_y(source):
            x, y = route[0]
            return ((x - _RADIUS - 3, y), *route)
        return route

    def _title(self, edge: Edge, norm: float | None) -> str:
        """Return what an edge says of itself: its ends, and the norm that comes back."""
        source = self.parts[edge.source]
        target = self.parts[edge.target]
        names = f"{source.title or source.role} → {target.title or target.role}"
        words = "" if norm is None else f", ‖∇‖ {exact(norm)} comes back"
        return f"<title>{escape(names + words, TIP)}</title>"

    def _turns(self, state: SequencePart, end: Point) -> bool:
        """Return whether what leaves a state turns where it ends."""
        for edge, route in self.routes:
            if edge.source == state.id and route[0] == end and self._is_band(edge):
                return len(route) > 2
        return False

    def _exit_y(self, state: SequencePart) -> float:
        for edge, route in self.routes:
            if edge.target == state.id:
                return route[-2][1]
        return -1.0

    def _pin(self, points: Route) -> str:
        (x, y), (_, end) = points
        stroke = 'stroke-width="1" stroke-dasharray="2 3"'
        return self.writer.path(
            path_data("M", x, y, "V", end), self.writer.paint("none", "line"), stroke
        )

    def _line(self, edge: Edge, route: Route) -> str:
        source = self.parts[edge.source]
        target = self.parts[edge.target]
        writer = self.writer
        has_head = target.kind != "joint" or source.kind == "input"
        is_dashed = source.kind == "start" and source.strip is None
        points = list(route)
        if has_head:
            points[-1] = _shorten(points[-2], points[-1], 8.0)
        stroke = 'stroke-width="1.4" stroke-linejoin="round"'
        if is_dashed:
            stroke = 'stroke-width="1.2" stroke-dasharray="4 4"'
        parts = [writer.path(_round(points), writer.paint("none", "line"), stroke)]
        if has_head:
            parts.append(self._arrow(route[-2], route[-1]))
        if (source.role, target.role) == ("update", "renew"):
            x, y = route[-1]
            parts.append(writer.text(x - 16, y - 5, "1 −", _LABEL_SIZE, "muted", anchor="middle"))
        return f"<g>{self._title(edge, edge.flow)}{''.join(parts)}</g>"

    def _arrow(self, before: Point, end: Point) -> str:
        x, y = end
        length = _distance(before, end) or 1.0
        dx = (x - before[0]) / length
        dy = (y - before[1]) / length
        base_x = x - 9.5 * dx
        base_y = y - 9.5 * dy
        left = (base_x - 4.2 * dy, base_y + 4.2 * dx)
        right = (base_x + 4.2 * dy, base_y - 4.2 * dx)
        data = path_data("M", *end, "L", *left, "L", *right, "Z")
        return self.writer.path(data, self.writer.paint("line"))


def _shorten(before: Point, end: Point, by: float) -> Point:
    """Return the end of a line that is shorter by so many pixels."""
    share = max(0.0, 1 - by / (_distance(before, end) or 1.0))
    start_x, start_y = before
    end_x, end_y = end
    return (start_x + (end_x - start_x) * share, start_y + (end_y - start_y) * share)


def _round(points: Sequence[Point]) -> str:
    """Return a path through points with round corners."""
    data = path_data("M", *points[0])
    for i in range(1, len(points) - 1):
        before = points[i - 1]
        corner = points[i]
        after = points[i + 1]
        # At a short line the corner is as round as its half allows.
        radius_in = min(_RADIUS, _distance(before, corner) / 2)
        radius_out = min(_RADIUS, _distance(corner, after) / 2)
        start = _shorten(before, corner, radius_in)
        end = _shorten(after, corner, radius_out)
        # As a cubic curve: not every format that is made of paths knows quadratic ones.
        first = _shorten(before, corner, radius_in / 3)
        second = _shorten(after, corner, radius_out / 3)
        data += path_data("L", *start, "C", *first, *second, *end)
    return data + path_data("L", *points[-1])


def _distance(first: Point, second: Point) -> float:
    return hypot(second[0] - first[0], second[1] - first[1])
