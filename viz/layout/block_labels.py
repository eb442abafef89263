"""Where the counts on the lines of the blocks view are written."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from viz.look.measures import BLOCK
from viz.look.text import width
from viz.model.picture import Edge, Picture

from .block_cards import count_text
from .geometry import Point, Rect
from .placed import Route

_HEIGHT = 15.0
_GAP = 5.0
_LINE_SPACE = 3.0
_SHARES = (0.5, 0.35, 0.65, 0.2, 0.8)
_PLATE_PADDING = 3.0
_MIN_DOWN = 40.0
_MIN_BEYOND = 24.0
"""How much of a line is seen at least above and below a plate, or beside it."""


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
    lines = {i: _thicken_all(routes[i], _LINE_SPACE) for i in shown}
    bands = _thicken_all(band, BLOCK.stream / 2 + 2)
    labels: dict[int, Rect] = {}
    for i in shown:
        edge = picture.edges[i]
        alike = [j for j in labels if _is_alike(edge, picture.edges[j])]
        if not edge.count or any(_overlap(lines[i], lines[j]) for j in alike):
            continue
        others = [rect for j in shown if j != i for rect in lines[j]]
        covered = [*taken, *labels.values(), *bands, *others]
        wide = width(count_text(edge.count), BLOCK.note, mono=True) + 2
        # Beside a line a label keeps off the line itself as well.
        beside = _find_free(_places_beside(routes[i], wide), [*covered, *lines[i]])
        place = beside or _find_free(_places_on(routes[i], wide), covered)
        if place is not None:
            labels[i] = place
    return labels


def _find_free(places: Iterator[Rect], covered: Sequence[Rect]) -> Rect | None:
    for place in places:
        if not _overlap([place], covered):
            return place
    return None


def _is_alike(edge: Edge, other: Edge) -> bool:
    return edge.source == other.source and edge.count == other.count


def _overlap(rects: Sequence[Rect], others: Sequence[Rect]) -> bool:
    return any(rect.overlap(other) for rect in rects for other in others)


# Stretches of lines


def is_level(start: Point, end: Point) -> bool:
    """Return whether a stretch of a line is horizontal.

    Example:
        >>> is_level((0, 5), (9, 5)), is_level((0, 5), (0, 9))
        (True, False)
    """
    return abs(end[1] - start[1]) < 0.5


def thicken(start: Point, end: Point, half: float) -> Rect:
    """Return the rectangle around a stretch, `half` beyond it on every side.

    Example:
        >>> thicken((9, 5), (0, 5), 1)
        Rect(x=-1, y=4, width=11, height=2)
    """
    left = min(start[0], end[0])
    top = min(start[1], end[1])
    wide = abs(end[0] - start[0])
    high = abs(end[1] - start[1])
    return Rect(left, top, wide, high).shrink(-half, -half)


def _thicken_all(route: Sequence[Point], half: float) -> list[Rect]:
    return [thicken(start, end, half) for start, end in pairwise(route)]


def _points_on(route: Route, min_across: float, min_down: float) -> Iterator[tuple[Point, bool]]:
    """Yield points on the stretches of a line, the longest first, and whether each is level.

    Args:
        route: The line.
        min_across: How long a horizontal stretch must be.
        min_down: How long a vertical one must be.
    """

    def length(ends: tuple[Point, Point]) -> float:
        stretch = thicken(*ends, 0.0)
        return stretch.width + stretch.height

    for start, end in sorted(pairwise(route), key=length, reverse=True):
        level = is_level(start, end)
        if length((start, end)) < (min_across if level else min_down):
            continue
        for share in _SHARES:
            x = start[0] + (end[0] - start[0]) * share
            y = start[1] + (end[1] - start[1]) * share
            yield (x, y), level


def _places_beside(route: Route, wide: float) -> Iterator[Rect]:
    """Yield places above and below a line, or to the right and left of it."""
    for (x, y), level in _points_on(route, 0.0, 0.0):
        left = x - wide / 2
        top = y - _HEIGHT / 2
        if level:
            yield Rect(left, y - _GAP - _HEIGHT, wide, _HEIGHT)
            yield Rect(left, y + _GAP, wide, _HEIGHT)
        else:
            yield Rect(x + _GAP + 1, top, wide, _HEIGHT)
            yield Rect(x - _GAP - 1 - wide, top, wide, _HEIGHT)


def _places_on(route: Route, wide: float) -> Iterator[Rect]:
    """Yield places for a plate on a line, where enough of the line is seen beyond."""
    plate = wide + 2 * _PLATE_PADDING
    for (x, y), _ in _points_on(route, wide + _MIN_BEYOND, _MIN_DOWN):
        yield Rect(x - plate / 2, y - _HEIGHT / 2, plate, _HEIGHT)
