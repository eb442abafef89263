"""Turning a placed picture: laid out from left to right, it then runs another way."""

from collections.abc import Callable
from dataclasses import replace

from .direction import is_upright
from .geometry import Point, Rect
from .placed import Heading, PlacedPicture, Split


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
        if rankdir == "BT":
            return y, length - x
        return length - x, y

    wide = placed.width
    high = placed.height
    if is_upright(rankdir):
        wide, high = high, wide
    return replace(
        placed,
        nodes={id: _turn_rect(rect, turn) for id, rect in placed.nodes.items()},
        groups={path: _turn_rect(rect, turn) for path, rect in placed.groups.items()},
        routes=tuple(tuple(map(turn, route)) for route in placed.routes),
        ports=tuple(map(turn, placed.ports)),
        headings=tuple(_turn_heading(heading, turn) for heading in placed.headings),
        splits={i: _turn_split(split, turn) for i, split in placed.splits.items()},
        width=wide,
        height=high,
    )


def _turn_rect(rect: Rect, turn: Callable[[Point], Point]) -> Rect:
    x0, y0 = turn((rect.x, rect.y))
    x1, y1 = turn((rect.right, rect.bottom))
    return Rect(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))


def _turn_heading(heading: Heading, turn: Callable[[Point], Point]) -> Heading:
    """Return a heading above the column that it is of, which is on the other side then."""
    x, _ = turn((heading.x, heading.baseline))
    return replace(heading, x=x)


def _turn_split(split: Split, turn: Callable[[Point], Point]) -> Split:
    before = tuple(map(turn, split.before))
    after = tuple(map(turn, split.after))
    return replace(split, before=before, after=after)
