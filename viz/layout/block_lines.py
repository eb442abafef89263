"""The lines between the boxes of the blocks view: where they begin and end."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from viz.look.measures import BLOCK
from viz.model.picture import Edge, Picture

from .block_labels import is_level, thicken
from .geometry import Point, Rect
from .orthogonal_routes import OrthogonalRouter, Port
from .placed import Route

_SIDES = ((1, 0), (0, 1), (-1, 0), (0, -1))
_AGAINST = 28.0
"""How long a detour may be to end at the left or above, and to begin at the right or below."""
_MIN_SHARED = 16.0
"""What the sides of two boxes share at least where a line between them is straight."""


def find_lines(
    picture: Picture,
    rects: dict[str, Rect],
    headings: Sequence[Rect],
    frames: Sequence[Rect],
    band: Sequence[Point] = (),
) -> tuple[Route, ...]:
    """Return the line of each edge.

    Args:
        picture: The picture.
        rects: Where the boxes are, with the sheets behind them.
        headings: Texts that no line runs through.
        frames: Frames and panels, which lines cross but don't run along.
        band: The points that the band of the stream passes.
    """
    router = OrthogonalRouter([*rects.values(), *headings], frames)
    router.add(tuple(band), "band")
    on_band = edges_on_band(picture) if band else ()
    routes: dict[int, Route] = {}

    def length(index: int) -> float:
        edge = picture.edges[index]
        source = rects[edge.source]
        target = rects[edge.target]
        return abs(source.center - target.center) + abs(source.middle - target.middle)

    for i in sorted(range(len(picture.edges)), key=length):
        edge = picture.edges[i]
        if i in on_band:
            continue
        routes[i] = router.find(*_find_ports(edge, picture, rects, band), edge.source)
    lines = []
    for i, edge in enumerate(picture.edges):
        lines.append(routes.get(i) or _straight(rects[edge.source], rects[edge.target]))
    return tuple(lines)


def _find_ports(
    edge: Edge, picture: Picture, rects: dict[str, Rect], band: Sequence[Point]
) -> tuple[list[Port], list[Port]]:
    """Return where the line of an edge may begin and end."""
    source = rects[edge.source]
    target = rects[edge.target]
    if edge.source == edge.target:
        return _loop_ports(source)
    starts = list(_box_ports(source, target, (-1, -1)))
    ends = list(_box_ports(target, source, (1, 1)))
    if band and leaves_band(edge, picture):
        starts = list(_band_ports(band, target)) or starts
    if band and edge.target in picture.stream[1:]:
        ends = [port for port in ends if not _is_along(port, band)] or ends
    return starts, ends


def edges_on_band(picture: Picture) -> tuple[int, ...]:
    """Return the positions of the edges that the band of the stream stands for."""
    links = set(pairwise(picture.stream))
    edges = enumerate(picture.edges)
    return tuple(i for i, edge in edges if (edge.source, edge.target) in links)


def leaves_band(edge: Edge, picture: Picture) -> bool:
    """Return whether an edge begins at the band, and not at a box before or after it."""
    stream = picture.stream
    return edge.source in stream[:-1]


def _straight(source: Rect, target: Rect) -> Route:
    return ((source.center, source.middle), (target.center, target.middle))


def _band_ports(band: Sequence[Point], target: Rect) -> Iterator[Port]:
    """Yield where a line to a box may leave the band: straight across from it, or nearby."""
    half = BLOCK.stream / 2
    across = {target.center: 0.0, target.x + 14: 4.0, target.x - 14: 8.0}
    down = {target.middle: 0.0, target.y + 14: 4.0, target.y - 16: 8.0}
    for start, end in pairwise(band):
        stretch = thicken(start, end, 0.0)
        if is_level(start, end):
            side = 1 if target.middle > stretch.y else -1
            for x, cost in across.items():
                if stretch.x <= x <= stretch.right:
                    yield Port((x, stretch.y + side * half), (0, side), cost)
        else:
            side = 1 if target.center > stretch.x else -1
            for y, cost in down.items():
                if stretch.y <= y <= stretch.bottom:
                    yield Port((stretch.x + side * half, y), (side, 0), cost)


def _is_along(port: Port, band: Sequence[Point]) -> bool:
    """Return whether a port lies on the band itself."""
    x, y = port.point
    for start, end in pairwise(band):
        stretch = thicken(start, end, 1.0)
        beyond = stretch.shrink(-20, 0) if is_level(start, end) else stretch.shrink(0, -20)
        if beyond.x <= x <= beyond.right and beyond.y <= y <= beyond.bottom:
            return True
    return False


def _box_ports(rect: Rect, other: Rect, against: tuple[int, int]) -> Iterator[Port]:
    """Yield where a line to or from another box may be: on all sides, the middle first.

    Args:
        rect: The box.
        other: The other box.
        against: The sides against the way of reading: right and below for a line that ends here.
    """
    across_places = _places_along(rect.x, rect.right, other.x, other.right)
    down_places = _places_along(rect.y, rect.bottom, other.y, other.bottom)
    for across, down in _SIDES:
        # A side that looks away from the other box makes a detour.
        ahead = across * (other.center - rect.center) + down * (other.middle - rect.middle)
        price = 0.0 if ahead > 0 else 10.0
        if across == against[0] or down == against[1]:
            price += _AGAINST
        if across:
            x = rect.right if across > 0 else rect.x
            for y, cost in down_places.items():
                yield Port((x, y), (across, down), cost + price)
        else:
            y = rect.bottom if down > 0 else rect.y
            for x, cost in across_places.items():
                yield Port((x, y), (across, down), cost + price)


def _loop_ports(rect: Rect) -> tuple[list[Port], list[Port]]:
    """Return where a line from a box to itself begins and ends: about its upper right corner."""
    start = Port((rect.right, rect.y + rect.height / 4), (1, 0))
    end = Port((rect.x + rect.width * 0.75, rect.y), (0, -1))
    return [start], [end]


def _places_along(
    low: float, high: float, other_low: float, other_high: float
) -> dict[float, float]:
    """Return where a line may be on a side, and what it costs to be there.

    It is in the middle of the side, or where a line to the other box is straight, or on other
    places where those are taken; on a round + it is in the middle.
    """
    middle = (low + high) / 2
    if high - low <= BLOCK.sum:
        return {middle: 0.0}
    quarter = (high - low) / 4
    places = {middle: 0.0, middle - quarter: 5.0, middle + quarter: 5.0}
    first = max(low, other_low)
    last = min(high, other_high)
    if last - first >= _MIN_SHARED:
        places.setdefault((first + last) / 2, 1.0)
    return places
