"""Lines of horizontal and vertical stretches around boxes, with few bends and crossings.

Each line is a shortest path on a grid whose lines run along the sides of the boxes nearby. Lines
that exist already make their stretches dear: to run on another line is dearest, then to cross one.
Those of the same source may share their way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import pairwise
from math import inf

import numpy
from numpy.typing import NDArray

from .geometry import Point, Rect
from .placed import Route

Costs = NDArray[numpy.float64]

STUB = 9.0
"""The straight stretch at each end of a line, which holds the arrow head."""
_CLEARANCE = 6.0
_LANES = (STUB, STUB + 8.0, STUB + 16.0)
_BEND = 24.0
_CROSSING = 60.0
_SHARED = 600.0
_OWN = 0.4
"""What a pixel costs on a line of the same source."""
_NEAR = 6.5
_REACH = 120.0
"""How far beyond its two ends a line looks for a way at first."""


@dataclass(frozen=True, slots=True)
class Port:
    """Where a line may begin or end.

    Attributes:
        point: On the border of the box.
        outward: The step away from the box: (1, 0) to the right, (0, -1) upward.
        cost: How many pixels of a detour it is worth to use another port instead.
    """

    point: Point
    outward: tuple[int, int]
    cost: float = 0.0

    @property
    def stub(self) -> Point:
        """Where the line is free to bend."""
        x, y = self.point
        across, down = self.outward
        return x + STUB * across, y + STUB * down

    @property
    def axis(self) -> int:
        """0 for a horizontal port, 1 for a vertical one."""
        return 0 if self.outward[0] else 1


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of a line that exists: its axis, its other coordinate, its ends, its source."""

    axis: int
    at: float
    low: float
    high: float
    source: str


@dataclass
class OrthogonalRouter:
    """Finds lines one after the other.

    Attributes:
        obstacles: What no line crosses: boxes and headings.
        frames: What lines cross, but don't run along.
    """

    obstacles: Sequence[Rect]
    frames: Sequence[Rect] = ()
    _stretches: list[_Stretch] = field(default_factory=list)

    def __post_init__(self) -> None:
        for frame in self.frames:
            corners = [
                (frame.x, frame.y),
                (frame.right, frame.y),
                (frame.right, frame.bottom),
                (frame.x, frame.bottom),
                (frame.x, frame.y),
            ]
            self.add(tuple(corners), "")

    def add(self, route: Route, source: str) -> None:
        """Make a line known that was found otherwise."""
        for (x0, y0), (x1, y1) in pairwise(route):
            if abs(y1 - y0) < 0.5:
                self._stretches.append(_Stretch(0, y0, min(x0, x1), max(x0, x1), source))
            else:
                self._stretches.append(_Stretch(1, x0, min(y0, y1), max(y0, y1), source))

    def find(self, starts: Sequence[Port], ends: Sequence[Port], source: str) -> Route:
        """Return a line between two boxes, and remember it.

        Args:
            starts: Where it may begin.
            ends: Where it may end.
            source: The id of the box that it comes from.

        Example:
            >>> router = OrthogonalRouter([Rect(0, 0, 40, 20), Rect(90, 0, 40, 20)])
            >>> router.find([Port((40, 10), (1, 0))], [Port((90, 10), (-1, 0))], "a")
            ((40, 10), (90, 10))
        """
        route: Route = ()
        for reach in (_REACH, 4 * _REACH, inf):
            grid = _Grid(self._find_near(starts, ends, reach), starts, ends)
            for rect in grid.near(self.obstacles):
                grid.block(rect)
            for stretch in self._stretches:
                grid.add_stretch(stretch, source)
            route = grid.find(starts, ends)
            if route:
                break
        if not route:
            # Boxes that leave no way between them: a straight line is better than none.
            route = (starts[0].point, ends[0].point)
        self.add(route, source)
        return route

    def _find_near(self, starts: Sequence[Port], ends: Sequence[Port], reach: float) -> list[Rect]:
        """Return the obstacles between two boxes, and those less than `reach` beyond."""
        if reach == inf:
            return list(self.obstacles)
        points = [port.stub for port in (*starts, *ends)]
        left = min(x for x, _ in points) - reach
        top = min(y for _, y in points) - reach
        right = max(x for x, _ in points) + reach
        bottom = max(y for _, y in points) + reach
        window = Rect(left, top, right - left, bottom - top)
        return [rect for rect in self.obstacles if rect.overlap(window)]


class _Grid:
    """The grid for one line, with the cost of each of its stretches."""

    def __init__(self, rects: Sequence[Rect], starts: Sequence[Port], ends: Sequence[Port]) -> None:
        stubs = [port.stub for port in (*starts, *ends)]
        left = [rect.x - lane for rect in rects for lane in _LANES]
        right = [rect.right + lane for rect in rects for lane in _LANES]
        above = [rect.y - lane for rect in rects for lane in _LANES]
        below = [rect.bottom + lane for rect in rects for lane in _LANES]
        self.xs = _thin([x for x, _ in stubs], [*left, *right])
        self.ys = _thin([y for _, y in stubs], [*above, *below])
        self.cheapest = 1.0
        across = numpy.diff(self.xs)
        down = numpy.diff(self.ys)
        self.costs: tuple[Costs, Costs] = (
            numpy.tile(across, (len(self.ys), 1)),
            numpy.tile(down, (len(self.xs), 1)),
        )

    def near(self, rects: Iterable[Rect]) -> list[Rect]:
        """Return the rectangles that reach into the grid, which can be larger than the window."""
        wide = float(self.xs[-1] - self.xs[0])
        high = float(self.ys[-1] - self.ys[0])
        whole = Rect(float(self.xs[0]), float(self.ys[0]), wide, high).shrink(-20, -20)
        return [rect for rect in rects if rect.overlap(whole)]

    def block(self, rect: Rect) -> None:
        """Let no line pass through a rectangle, or close to it."""
        wide = rect.shrink(-_CLEARANCE, -_CLEARANCE)
        self._stretches_within(0, wide.y, wide.bottom, wide.x, wide.right)[...] = inf
        self._stretches_within(1, wide.x, wide.right, wide.y, wide.bottom)[...] = inf

    def add_stretch(self, stretch: _Stretch, source: str) -> None:
        """Make it dear to run on a line or to cross it, and cheap to share that of one's own."""
        axis = stretch.axis
        if stretch.source == source:
            near = (stretch.at - 0.5, stretch.at + 0.5)
            own = self._stretches_within(axis, *near, stretch.low, stretch.high)
            if own.size:
                own *= _OWN
                self.cheapest = _OWN
            return
        near = (stretch.at - _NEAR, stretch.at + _NEAR)
        shared = self._stretches_within(axis, *near, stretch.low - 4, stretch.high + 4)
        shared += _SHARED
        crossed = self._crossing(1 - axis, stretch)
        # Frames are there to be crossed.
        crossed += _CROSSING if stretch.source else 0.0

    def _lines(self, axis: int) -> tuple[Costs, Costs]:
        """Return the coordinates of the lines of an axis, and of the points on them."""
        return (self.ys, self.xs) if axis == 0 else (self.xs, self.ys)

    def _stretches_within(
        self, axis: int, first: float, last: float, low: float, high: float
    ) -> Costs:
        """Return the stretches between two lines, as a view, that reach into an interval."""
        lines, points = self._lines(axis)
        rows = slice(*numpy.searchsorted(lines, (first + 1e-6, last - 1e-6)))
        begin = max(0, int(numpy.searchsorted(points, low + 1e-6)) - 1)
        end = int(numpy.searchsorted(points, high - 1e-6))
        return self.costs[axis][rows, begin:end]

    def _crossing(self, axis: int, stretch: _Stretch) -> Costs:
        """Return the stretches, as a view, that cross another one."""
        lines, points = self._lines(axis)
        rows = slice(*numpy.searchsorted(lines, (stretch.low + 1e-6, stretch.high - 1e-6)))
        begin = int(numpy.searchsorted(points, stretch.at, side="right")) - 1
        return self.costs[axis][rows, max(begin, 0) : max(begin + 1, 0)]

    def find(self, starts: Sequence[Port], ends: Sequence[Port]) -> Route:
        """Return the cheapest line, () where there is none: the A* algorithm."""
        x_index = {x: i for i, x in enumerate(self.xs.tolist())}
        y_index = {y: i for i, y in enumerate(self.ys.tolist())}
        goals: dict[tuple[int, int], list[Port]] = {}
        for port in ends:
            x, y = port.stub
            goals.setdefault((x_index[x], y_index[y]), []).append(port)
        search = _Search(self, goals)
        for port in starts:
            x, y = port.stub
            search.begin(port, (x_index[x], y_index[y]))
        return search.run()


_State = tuple[int, int, int]
"""A point of the grid by its two indexes, and the axis on which it was reached."""


class _Search:
    def __init__(self, grid: _Grid, goals: dict[tuple[int, int], list[Port]]) -> None:
        self.xs: list[float] = grid.xs.tolist()
        self.ys: list[float] = grid.ys.tolist()
        self.across: list[list[float]] = grid.costs[0].tolist()
        self.down: list[list[float]] = grid.costs[1].tolist()
        self.cheapest = grid.cheapest
        self.goals = goals
        self.best: dict[_State, float] = {}
        self.origin: dict[_State, _State | Port] = {}
        self.queue: list[tuple[float, int, _State]] = []

    def begin(self, port: Port, place: tuple[int, int]) -> None:
        self._reach((*place, port.axis), port.cost, port)

    def _reach(self, state: _State, cost: float, origin: _State | Port) -> None:
        if cost < self.best.get(state, inf):
            self.best[state] = cost
            self.origin[state] = origin
            heappush(self.queue, (cost + self._remaining(state), len(self.queue), state))

    def _remaining(self, state: _State) -> float:
        """Return the least that the rest of the way can cost."""
        x = self.xs[state[0]]
        y = self.ys[state[1]]
        distances = [abs(self.xs[i] - x) + abs(self.ys[j] - y) for i, j in self.goals]
        return self.cheapest * min(distances)

    def run(self) -> Route:
        finished: set[_State] = set()
        cheapest: tuple[float, _State, Port] | None = None
        while self.queue:
            estimate, _, state = heappop(self.queue)
            if cheapest is not None and estimate >= cheapest[0]:
                break
            if state in finished:
                continue
            finished.add(state)
            cost = self.best[state]
            for port in self.goals.get(state[:2], ()):
                bend = 0.0 if port.axis == state[2] else _BEND
                total = cost + port.cost + bend
                if cheapest is None or total < cheapest[0]:
                    cheapest = (total, state, port)
            self._expand(state, cost)
        if cheapest is None:
            return ()
        return self._trace(cheapest[1], cheapest[2])

    def _expand(self, state: _State, cost: float) -> None:
        i, j, axis = state
        turn_across = 0.0 if axis == 0 else _BEND
        turn_down = 0.0 if axis == 1 else _BEND
        row = self.across[j]
        column = self.down[i]
        steps = []
        if i + 1 < len(self.xs):
            steps.append(((i + 1, j, 0), row[i] + turn_across))
        if i:
            steps.append(((i - 1, j, 0), row[i - 1] + turn_across))
        if j + 1 < len(self.ys):
            steps.append(((i, j + 1, 1), column[j] + turn_down))
        if j:
            steps.append(((i, j - 1, 1), column[j - 1] + turn_down))
        for reached, price in steps:
            if price < inf:
                self._reach(reached, cost + price, state)

    def _trace(self, last: _State, end: Port) -> Route:
        points = [end.point, end.stub]
        place: _State | Port = last
        while not isinstance(place, Port):
            points.append((self.xs[place[0]], self.ys[place[1]]))
            place = self.origin[place]
        points += [place.stub, place.point]
        return straighten(points[::-1])


def _thin(fixed: list[float], others: list[float]) -> Costs:
    """Return sorted coordinates; of others that are close to one another only one."""
    kept = sorted(set(fixed))
    for x in sorted(others):
        place = int(numpy.searchsorted(kept, x))
        neighbors = kept[max(place - 1, 0) : place + 1]
        if all(abs(x - other) >= 2.5 for other in neighbors):
            kept.insert(place, x)
    return numpy.array(kept, dtype=float)


def straighten(points: Sequence[Point]) -> Route:
    """Return a line without the points that are no bends.

    Example:
        >>> straighten([(0, 0), (5, 0), (9, 0), (9, 4)])
        ((0, 0), (9, 0), (9, 4))
    """
    kept: list[Point] = []
    for point in points:
        if kept and point == kept[-1]:
            continue
        if len(kept) > 1:
            (x0, y0), (x1, y1) = kept[-2:]
            is_level = abs(y0 - y1) < 1e-6 and abs(y1 - point[1]) < 1e-6
            is_upright = abs(x0 - x1) < 1e-6 and abs(x1 - point[0]) < 1e-6
            if is_level or is_upright:
                kept.pop()
        kept.append(point)
    return tuple(kept)
