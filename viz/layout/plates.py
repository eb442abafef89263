"""Places for plates: small texts about edges, beside their lines and never on a node."""

from collections.abc import Iterator, Sequence
from math import inf

from .geometry import Point, Rect

_MAX_ROWS = 9
"""How many steps a plate moves up or down from its edge at most, each half of its height."""
_MAX_COLUMNS = 3
"""How many steps it moves to the left or right at most, each half of its width."""
_GAP = 4.0
# What a square pixel of cover costs, as pixels of distance: to cover a node is worse than anything.
_NODE_COST = 1000.0
_PLATE_COST = 50.0
_OUTSIDE_COST = 200.0
_ASIDE_COST = 12.0
"""What it costs to leave the column of the anchor: a line that leads down or up is clearer."""
_ANCHOR_COST = 6.0
"""What it costs to take the next anchor."""


def place_plate(
    anchors: Sequence[Point],
    width: float,
    height: float,
    nodes: Sequence[Rect],
    plates: Sequence[Rect],
    page: Rect | None = None,
) -> tuple[Rect, Point]:
    """Return where a plate covers no node and no other plate, as near to its edge as possible.

    Args:
        anchors: Points on the edge, the best one first.
        width: Of the plate.
        height: Of the plate.
        nodes: The nodes of the picture.
        plates: The plates that are visible at the same time, and are placed already.
        page: Where the plate has to be; None for anywhere.

    Returns:
        The place, and the point of the edge that it belongs to.

    Example:
        >>> place_plate([(50.0, 50.0)], 60.0, 20.0, [], [])[0]
        Rect(x=20.0, y=40.0, width=60.0, height=20.0)
        >>> place_plate([(50.0, 50.0)], 60.0, 20.0, [Rect(10.0, 30.0, 70.0, 26.0)], [])[0].y
        68.0
    """
    shifts = sorted(_shifts(width, height))
    best = (inf, Rect(0.0, 0.0, width, height), anchors[0])
    for rank, (x, y) in enumerate(anchors):
        for distance, dx, dy in shifts:
            cost = distance + rank * _ANCHOR_COST
            # The shifts that follow cost more still.
            if cost >= best[0]:
                break
            rect = Rect(x + dx - width / 2, y + dy - height / 2, width, height)
            cost += _NODE_COST * _covered(rect, nodes) + _PLATE_COST * _covered(rect, plates)
            if page is not None:
                cost += _OUTSIDE_COST * (width * height - rect.overlap(page))
            if cost < best[0]:
                best = (cost, rect, (x, y))
    _, rect, anchor = best
    return rect, anchor


def _shifts(width: float, height: float) -> Iterator[tuple[float, float, float]]:
    """Yield how far a plate may be from its anchor: what that costs, to the right, and down."""
    for column in range(-_MAX_COLUMNS, _MAX_COLUMNS + 1):
        dx = column * (width / 2 + _GAP)
        aside = abs(dx) + _ASIDE_COST if column else 0.0
        for row in range(-_MAX_ROWS, _MAX_ROWS + 1):
            dy = row * (height / 2 + _GAP)
            yield aside + abs(dy), dx, dy


def _covered(rect: Rect, others: Sequence[Rect]) -> float:
    around = rect.shrink(-2, -2)
    return sum(around.overlap(other) for other in others)
