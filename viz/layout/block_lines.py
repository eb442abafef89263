"""The lines between the boxes of the blocks view, and where their counts are written."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from viz.look.measures import BLOCK
from viz.look.text import width
from viz.model.picture import Edge, Picture

from .block_cards import count_text
from .geometry import Point, Rect
from .orthogonal_routes import OrthogonalRouter, Port
from .placed import Route

LABEL_HEIGHT = 15.0
_SIDES = ((1, 0), (0, 1), (-1, 0), (0, -1))
_SHARES = (0.5, 0.35, 0.65, 0.2, 0.8)
_LABEL_GAP = 5.0
_LINE_SPACE = 3.0
_AGAINST = 28.0
"""How long a detour may be to end at the left or above, and to begin at the right or below."""
_MIN_ON_LINE = 40.0
"""The length of a stretch that a label may be written on: less would hide the line."""


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
    for (x0, y0), (x1, y1) in pairwise(band):
        if abs(y1 - y0) < 0.5:
            down = 1 if target.middle > y0 else -1
            for x, cost in ((target.center, 0.0), (target.x + 14, 4.0), (target.x - 14, 8.0)):
                if min(x0, x1) <= x <= max(x0, x1):
                    yield Port((x, y0 + down * half), (0, down), cost)
        else:
            right = 1 if target.center > x0 else -1
            for y, cost in ((target.middle, 0.0), (target.y + 14, 4.0), (target.y - 16, 8.0)):
                if min(y0, y1) <= y <= max(y0, y1):
                    yield Port((x0 + right * half, y), (right, 0), cost)


def _is_along(port: Port, band: Sequence[Point]) -> bool:
    """Return whether a port lies on the band itself."""
    x, y = port.point
    for (x0, y0), (x1, y1) in pairwise(band):
        is_level = abs(y1 - y0) < 0.5
        if is_level and abs(y - y0) < 1 and min(x0, x1) - 20 <= x <= max(x0, x1) + 20:
            return True
        if not is_level and abs(x - x0) < 1 and min(y0, y1) - 20 <= y <= max(y0, y1) + 20:
            return True
    return False


def _box_ports(rect: Rect, other: Rect, against: tuple[int, int]) -> Iterator[Port]:
    """Yield where a line to or from another box may be: on all sides, the middle first.

    Args:
        rect: The box.
        other: The other box.
        against: The sides against the way of reading: right and below for a line that ends here.
    """
    is_round = rect.width <= BLOCK.sum
    for across, down in _SIDES:
        # A side that looks away from the other box makes a detour.
        ahead = across * (other.center - rect.center) + down * (other.middle - rect.middle)
        away = 0.0 if ahead > 0 else 10.0
        if across == against[0] or down == against[1]:
            away += _AGAINST
        if across:
            x = rect.right if across > 0 else rect.x
            shared = _shared_middle(rect.y, rect.bottom, other.y, other.bottom)
            places = _along(rect.y, rect.bottom, shared, is_round)
            points = [((x, y), cost) for y, cost in places]
        else:
            y = rect.bottom if down > 0 else rect.y
            shared = _shared_middle(rect.x, rect.right, other.x, other.right)
            places = _along(rect.x, rect.right, shared, is_round)
            points = [((x, y), cost) for x, cost in places]
        for point, cost in points:
            yield Port(point, (across, down), cost + away)


def _loop_ports(rect: Rect) -> tuple[list[Port], list[Port]]:
    """Return where a line from a box to itself begins and ends: about its upper right corner."""
    start = Port((rect.right, rect.y + rect.height / 4), (1, 0))
    end = Port((rect.x + rect.width * 0.75, rect.y), (0, -1))
    return [start], [end]


def _shared_middle(low: float, high: float, other_low: float, other_high: float) -> float | None:
    """Return the middle of what two intervals share: there a line between them is straight."""
    first = max(low, other_low)
    last = min(high, other_high)
    return (first + last) / 2 if last - first >= 16 else None


def _along(
    low: float, high: float, shared: float | None, is_round: bool
) -> list[tuple[float, float]]:
    middle = (low + high) / 2
    if is_round:
        return [(middle, 0.0)]
    places = {middle: 0.0}
    quarter = (high - low) / 4
    for place in (middle - quarter, middle + quarter):
        places[place] = 5.0
    if shared is not None:
        places[shared] = 1.0 if shared != middle else 0.0
    return list(places.items())


# Labels


def place_labels(
    picture: Picture,
    routes: Sequence[Route],
    taken: Sequence[Rect],
    hidden: Sequence[int],
    band: Sequence[Point] = (),
) -> dict[int, Rect]:
    """Return where the counts of the edges are written: beside their lines, or on plates on them.

    Where there is no space the count is in the tooltip only. Lines of one source that share a
    stretch and pass on equally many numbers are labeled once.

    Args:
        picture: The picture.
        routes: The line of each edge.
        taken: Where boxes and texts are.
        hidden: Edges that have no line.
        band: The points that the band of the stream passes.
    """
    shown = [i for i in range(len(picture.edges)) if i not in hidden]
    lines = {i: [*_thick(routes[i], _LINE_SPACE)] for i in shown}
    bands = list(_thick(band, BLOCK.stream / 2 + 2))
    labels: dict[int, Rect] = {}
    for i in shown:
        edge = picture.edges[i]
        same = [j for j in labels if _is_alike(edge, picture.edges[j])]
        if not edge.count or any(_overlap(lines[i], lines[j]) for j in same):
            continue
        others = [rect for j in shown if j != i for rect in lines[j]]
        free = [*taken, *labels.values(), *bands, *others]
        for rect, is_beside in _label_places(routes[i], count_text(edge.count)):
            own = lines[i] if is_beside else []
            if not any(rect.overlap(other) for other in (*free, *own)):
                labels[i] = rect
                break
    return labels


def _is_alike(edge: Edge, other: Edge) -> bool:
    return edge.source == other.source and edge.count == other.count


def _overlap(rects: Sequence[Rect], others: Sequence[Rect]) -> bool:
    return any(rect.overlap(other) for rect in rects for other in others)


def _thick(route: Sequence[Point], half: float) -> Iterable[Rect]:
    for (x0, y0), (x1, y1) in pairwise(route):
        left = min(x0, x1) - half
        top = min(y0, y1) - half
        yield Rect(left, top, abs(x1 - x0) + 2 * half, abs(y1 - y0) + 2 * half)


def _label_places(route: Route, text: str) -> Iterator[tuple[Rect, bool]]:
    """Yield places for a label, and whether they are beside the line: long stretches first."""
    wide = width(text, BLOCK.note, mono=True) + 2

    def length(ends: tuple[Point, Point]) -> float:
        (x0, y0), (x1, y1) = ends
        return abs(x1 - x0) + abs(y1 - y0)

    stretches = sorted(pairwise(route), key=length, reverse=True)
    for (x0, y0), (x1, y1) in stretches:
        is_level = abs(y1 - y0) < 0.5
        for share in _SHARES:
            x = x0 + (x1 - x0) * share
            y = y0 + (y1 - y0) * share
            if is_level:
                yield Rect(x - wide / 2, y - _LABEL_GAP - LABEL_HEIGHT, wide, LABEL_HEIGHT), True
                yield Rect(x - wide / 2, y + _LABEL_GAP, wide, LABEL_HEIGHT), True
            else:
                top = y - LABEL_HEIGHT / 2
                yield Rect(x + _LABEL_GAP + 1, top, wide, LABEL_HEIGHT), True
                yield Rect(x - _LABEL_GAP - 1 - wide, top, wide, LABEL_HEIGHT), True
    for ends in stretches:
        (x0, y0), (x1, y1) = ends
        is_level = abs(y1 - y0) < 0.5
        if length(ends) < (wide + 24 if is_level else _MIN_ON_LINE):
            continue
        for share in _SHARES:
            x = x0 + (x1 - x0) * share
            y = y0 + (y1 - y0) * share
            plate = Rect(x - wide / 2 - 3, y - LABEL_HEIGHT / 2, wide + 6, LABEL_HEIGHT)
            yield plate, False
