"""How edges run: level out of the modules they leave, over to those they enter, through ports, around what stands between."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

from viz.model.picture import Edge, Picture

from .containment import Containment
from .geometry import Point, Rect

_FAR, _STEEPEST = 26.0, 1.6

Routes = Mapping[str, Mapping[tuple[str, str], tuple[Point, ...]]]


class Router:
    """Knows where everything stands.

    frames    of nodes, groups and ports
    origins   the left upper corner of each group's inside
    routes    for each group the points by which Graphviz leads edges between its items, from its origin
    row_gap   the free space between two items of a column
    """

    def __init__(
        self,
        structure: Containment,
        frames: dict[str, Rect],
        origins: dict[str, Point],
        routes: Routes,
        row_gap: float,
    ) -> None:
        self.structure, self.frames, self.origins, self.routes, self.row_gap = (
            structure,
            frames,
            origins,
            routes,
            row_gap,
        )

    def all(self) -> tuple[tuple[Point, ...], ...]:
        """For each edge of the picture the points that it passes, its ends included."""
        ends = _ends(self.structure, self.frames)
        return tuple(
            self._route(edge, *ends[i]) for i, edge in enumerate(self.structure.picture.edges)
        )

    def _route(self, edge: Edge, start: Point, end: Point) -> tuple[Point, ...]:
        structure = self.structure
        if structure.running.get(edge.target) == edge.source:
            return (start, end)
        common = structure.common(edge)
        if not structure.picture.framed:
            return (
                start,
                *self._passed(edge, common, start, end),
                *self._past_leaf(edge, end),
                end,
            )
        points = [start, *((self.frames[path].right, start[1]) for path in structure.left(edge))]
        stops = self._stops(edge, end[1])
        points += self._passed(edge, common, points[-1], stops[0][0] if stops else end)
        for on_border, path in stops:
            points.append(on_border)
            if path == structure.group(edge.target) and path in structure.units:
                points += self._passed(edge, path, on_border, end)
        return (*points, end)

    def _stops(self, edge: Edge, height: float) -> list[tuple[Point, str]]:
        """Where an edge crosses the borders of the groups it enters, the outermost first."""
        stops: list[tuple[Point, str]] = []
        for path in self.structure.entered(edge)[::-1]:
            port = self.structure.ports.get(path, {}).get(edge.source)
            height = self.frames[port].middle if port else height
            stops.append(((self.frames[path].x, height), path))
        return stops[::-1]

    def _past_leaf(self, edge: Edge, end: Point) -> list[Point]:
        """Into a module: above or below the leaf that stands before the target, not through it."""
        if not self.structure.entered(edge):
            return []
        target = self.frames[edge.target]
        for item in self.structure.items[self.structure.group(edge.target)]:
            leaf = self.frames[item]
            if (
                self.structure.is_leaf(item)
                and leaf.right < target.x
                and abs(leaf.middle - target.middle) < leaf.height
            ):
                lane = leaf.middle + (leaf.height + self.row_gap) / 2 * (
                    1 if end[1] > target.middle else -1
                )
                return [(leaf.x - 4, lane), (leaf.right, lane)]
        return []

    def _passed(self, edge: Edge, path: str, start: Point, end: Point) -> list[Point]:
        """The points by which Graphviz leads an edge around what stands between its ends."""
        source = self.structure.item(edge.source, path) or self.structure.ports.get(path, {}).get(
            edge.source
        )
        target = self.structure.item(edge.target, path)
        route = self.routes[path].get((source or "", target or ""), ())
        x, y = self.origins[path]
        inner = [(px + x, py + y) for px, py in route[1:-1]]
        return _gentle(start, [p for p in inner if start[0] + _FAR < p[0] < end[0] - _FAR], end)


def _gentle(start: Point, passed: list[Point], end: Point) -> list[Point]:
    """The points passed, without those that would make a stretch steep."""
    points = [start, *passed, end]
    while len(points) > 2:
        steep = [
            i
            for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(points))
            if abs(y1 - y0) > _STEEPEST * (x1 - x0)
        ]
        if not steep:
            break
        del points[min(max(steep[0], 1), len(points) - 2)]
    return points[1:-1]


def _ends(structure: Containment, frames: dict[str, Rect]) -> list[tuple[Point, Point]]:
    """Where each edge begins and ends; those of a running sum go down, all others to the right."""
    picture = structure.picture
    arriving: dict[str, list[int]] = defaultdict(list)
    ends: list[tuple[Point, Point]] = [((0.0, 0.0), (0.0, 0.0))] * len(picture.edges)
    for i, edge in enumerate(picture.edges):
        if structure.running.get(edge.target) == edge.source:
            above, below = frames[edge.source], frames[edge.target]
            ends[i] = ((above.center, above.bottom), (above.center, below.y))
        else:
            arriving[edge.target].append(i)
    for target, indexes in arriving.items():
        for i, shift in _spread(picture, indexes, frames).items():
            source = frames[picture.edges[i].source]
            ends[i] = (
                (source.right, source.middle + _twin_shift(picture, i)),
                (frames[target].x, frames[target].middle + shift),
            )
    return ends


def _spread(picture: Picture, indexes: list[int], frames: dict[str, Rect]) -> dict[int, float]:
    """How far from the middle of its target each edge ends: in the order of the sources from top to bottom."""
    target = picture.by_id[picture.edges[indexes[0]].target]
    if target.kind == "module" or len(indexes) == 1:
        return dict.fromkeys(indexes, 0.0)
    ordered = sorted(
        indexes, key=lambda i: (frames[picture.edges[i].source].middle, picture.edges[i].port)
    )
    room = min(frames[target.id].height * 0.5, 26.0 * (len(ordered) - 1))
    return {i: room * (rank / (len(ordered) - 1) - 0.5) for rank, i in enumerate(ordered)}


def _twin_shift(picture: Picture, i: int) -> float:
    """Two edges between the same nodes, as in a * a, begin a little apart."""
    edge = picture.edges[i]
    twins = [other for other in (i - 1, i + 1) if 0 <= other < len(picture.edges)]
    same = [
        o
        for o in twins
        if (picture.edges[o].source, picture.edges[o].target) == (edge.source, edge.target)
    ]
    return 0.0 if not same else (-7.0 if same[0] > i else 7.0)
