"""Turning a placed picture: laid out from left to right, it then runs another way."""

from collections.abc import Callable
from dataclasses import replace

from .direction import is_upright
from .geometry import Point, Rect
from .layered import PlacedPicture


def turn_picture(placed: PlacedPicture) -> PlacedPicture:
    """Return a picture that was laid out from left to right, running as its `rankdir` says.

    Boxes that were laid out for a direction that is down or up had height and width exchanged.

    Example:
        >>> from viz.model.picture import Picture
        >>> placed = PlacedPicture(Picture("chips", rankdir="TB"), {}, {}, (), (), 300.0, 100.0)
        >>> turn_picture(placed).height
        300.0
    """
    rankdir = placed.picture.rankdir
    if rankdir == "LR":
        return placed
    length = placed.width

    def turn(point: Point) -> Point:
        x, y = point
        # What comes first stays left in its row, whether rows are read down or up.
        if rankdir == "TB":
            return y, x
        return (y, length - x) if rankdir == "BT" else (length - x, y)

    size = (placed.width, placed.height)
    wide, high = size[::-1] if is_upright(rankdir) else size
    return replace(
        placed,
        nodes={id: _turn_rect(rect, turn) for id, rect in placed.nodes.items()},
        groups={path: _turn_rect(rect, turn) for path, rect in placed.groups.items()},
        routes=tuple(tuple(map(turn, route)) for route in placed.routes),
        ports=tuple(map(turn, placed.ports)),
        width=wide,
        height=high,
    )


def _turn_rect(rect: Rect, turn: Callable[[Point], Point]) -> Rect:
    x0, y0 = turn((rect.x, rect.y))
    x1, y1 = turn((rect.right, rect.bottom))
    return Rect(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
