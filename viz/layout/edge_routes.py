"""How edges run: out of the modules they leave, through ports, around what is between."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

from viz.model.picture import Edge, Picture

from .containment import Containment
from .geometry import Point, Rect
from .node_size import row_middle

_MIN_DISTANCE = 26.0
"""Points closer than this to an end of an edge are not passed: a bend needs space."""

_MAX_SLOPE = 1.6
_MAX_SPREAD = 26.0
_TWIN_SHIFT = 7.0

Routes = Mapping[str, Mapping[tuple[str, str], tuple[Point, ...]]]


class Router:
    """Finds the routes of all edges.

    Attributes:
        containment: What is in which module.
        rects: Where nodes, groups and ports are.
        origins: The upper left corner of each group's inside.
        routes: For each group the points by which Graphviz leads edges between its items, from its
            origin.
        row_gap: The free space between two items of a column.
    """

    def __init__(
        self,
        containment: Containment,
        rects: dict[str, Rect],
        origins: dict[str, Point],
        routes: Routes,
        row_gap: float,
    ) -> None:
        self.containment = containment
        self.rects = rects
        self.origins = origins
        self.routes = routes
        self.row_gap = row_gap

    def route_all(self) -> tuple[tuple[Point, ...], ...]:
        """Return for each edge of the picture the points that it passes, its ends included."""
        edges = self.containment.picture.edges
        ends = _find_ends(self.containment, self.rects)
        return tuple(self._route(edge, *ends[i]) for i, edge in enumerate(edges))

    def _route(self, edge: Edge, start: Point, end: Point) -> tuple[Point, ...]:
        containment = self.containment
        # A running sum goes straight down: its members are one below the other.
        if containment.running_sums.get(edge.target) == edge.source:
            return (start, end)
        common = containment.common_group(edge)
        if not containment.picture.framed:
            between = self._points_between(edge, common, start, end)
            return (start, *between, *self._past_leaf(edge, end), end)

        # Out of the boxes around the source it runs level, so that it crosses nothing beside them.
        points = [start]
        for path in containment.groups_left(edge):
            points.append((self.rects[path].right, start[1]))
        crossings = self._crossings(edge, end[1])
        first_stop = crossings[0][1] if crossings else end
        points += self._points_between(edge, common, points[-1], first_stop)
        for path, crossing in crossings:
            points.append(crossing)
            if path == containment.group(edge.target) and path in containment.groups_with_ports:
                points += self._points_between(edge, path, crossing, end)
        return (*points, end)

    def _crossings(self, edge: Edge, y: float) -> list[tuple[str, Point]]:
        """Return where an edge crosses the borders of the groups it enters, the outermost first."""
        crossings: list[tuple[str, Point]] = []
        # From the inside out: an edge that must pass a port of an inner box is level before it.
        for path in self.containment.groups_entered(edge)[::-1]:
            port = self.containment.ports.get(path, {}).get(edge.source)
            if port:
                y = self.rects[port].middle
            crossings.append((path, (self.rects[path].x, y)))
        return crossings[::-1]

    def _past_leaf(self, edge: Edge, end: Point) -> list[Point]:
        """Return points above or below a leaf that is in the way of an edge into a module."""
        if not self.containment.groups_entered(edge):
            return []
        target = self.rects[edge.target]
        group = self.containment.group(edge.target)
        for item in self.containment.items[group]:
            leaf = self.rects[item]
            is_before = self.containment.is_leaf(item) and leaf.right < target.x
            is_level = abs(leaf.middle - target.middle) < leaf.height
            if is_before and is_level:
                side = 1 if end[1] > target.middle else -1
                # Halfway between the leaf and the next item of its column.
                distance = (leaf.height + self.row_gap) / 2
                lane = leaf.middle + distance * side
                return [(leaf.x - 4, lane), (leaf.right, lane)]
        return []

    def _points_between(self, edge: Edge, path: str, start: Point, end: Point) -> list[Point]:
        """Return the points by which Graphviz leads an edge around what is between its ends."""
        source = self.containment.item(edge.source, path)
        if not source:
            source = self.containment.ports.get(path, {}).get(edge.source)
        target = self.containment.item(edge.target, path)
        route = self.routes[path].get((source or "", target or ""), ())

        left, top = self.origins[path]
        first_x = start[0] + _MIN_DISTANCE
        last_x = end[0] - _MIN_DISTANCE
        points = []
        for inner_x, inner_y in route[1:-1]:
            x = inner_x + left
            if first_x < x < last_x:
                points.append((x, inner_y + top))
        return _drop_steep(start, points, end)


def _drop_steep(start: Point, points: list[Point], end: Point) -> list[Point]:
    """Return the points without those that would make a stretch steep."""
    route = [start, *points, end]
    while len(route) > 2:
        for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(route)):
            if abs(y1 - y0) > _MAX_SLOPE * (x1 - x0):
                # The ends stay: of the first stretch its end goes, of any other its start.
                dropped = min(max(i, 1), len(route) - 2)
                del route[dropped]
                break
        else:
            break
    return route[1:-1]


def _find_ends(containment: Containment, rects: dict[str, Rect]) -> list[tuple[Point, Point]]:
    """Return where each edge begins and ends: on the right and left sides of its nodes.

    Only the edges of a running sum go down.
    """
    picture = containment.picture
    arriving: dict[str, list[int]] = defaultdict(list)
    nowhere = ((0.0, 0.0), (0.0, 0.0))
    ends: list[tuple[Point, Point]] = [nowhere] * len(picture.edges)
    for i, edge in enumerate(picture.edges):
        if containment.running_sums.get(edge.target) == edge.source:
            above = rects[edge.source]
            below = rects[edge.target]
            x = above.center
            ends[i] = ((x, above.bottom), (x, below.y))
        else:
            arriving[edge.target].append(i)

    for target_id, indexes in arriving.items():
        target = rects[target_id]
        shifts = _spread_ends(picture, target_id, indexes, rects)
        for i, shift in shifts.items():
            source = rects[picture.edges[i].source]
            start_y = source.middle + _twin_shift(picture, i)
            end_y = target.middle + shift
            ends[i] = ((source.right, start_y), (target.x, end_y))
    return ends


def _spread_ends(
    picture: Picture, target_id: str, indexes: list[int], rects: dict[str, Rect]
) -> dict[int, float]:
    """Return how far from the middle of their target its edges end, by their indexes.

    They are in the order of their sources from top to bottom, so that they don't cross.
    """
    if picture.by_id[target_id].rows:
        half = rects[target_id].height / 2
        return {i: row_middle(picture.edges[i].port) - half for i in indexes}
    gaps = len(indexes) - 1
    is_module = picture.by_id[target_id].kind == "module"
    if is_module or not gaps:
        return dict.fromkeys(indexes, 0.0)

    def height(i: int) -> tuple[float, int]:
        edge = picture.edges[i]
        return rects[edge.source].middle, edge.port

    spread = min(rects[target_id].height * 0.5, _MAX_SPREAD * gaps)
    in_order = sorted(indexes, key=height)
    return {i: spread * (rank / gaps - 0.5) for rank, i in enumerate(in_order)}


def _twin_shift(picture: Picture, i: int) -> float:
    """Return how far from the middle one of two edges between the same nodes begins (a * a)."""
    edge = picture.edges[i]
    # Edges into a table are told apart by the rows that they lead to.
    if picture.by_id[edge.target].rows:
        return 0.0
    ends = (edge.source, edge.target)
    for neighbor in (i - 1, i + 1):
        if not 0 <= neighbor < len(picture.edges):
            continue
        other = picture.edges[neighbor]
        if (other.source, other.target) == ends:
            return -_TWIN_SHIFT if neighbor > i else _TWIN_SHIFT
    return 0.0
