"""Directions in which a picture runs: from left to right, or another way."""

from scalargrad.errors import OptionError
from viz.look.text import hint

from .geometry import Point

DIRECTIONS = ("LR", "TB", "RL", "BT")
"""Left to right, top to bottom, right to left, bottom to top: the names of Graphviz."""


def checked_direction(rankdir: str) -> str:
    """Return a direction as it was given.

    Raises:
        OptionError: It is not "LR", "TB", "RL" or "BT".

    Example:
        >>> checked_direction("TB")
        'TB'
    """
    if rankdir not in DIRECTIONS:
        names = ", ".join(DIRECTIONS)
        raise OptionError(
            f"rankdir must be one of {names}, not {rankdir!r}{hint(rankdir, DIRECTIONS)}"
        )
    return rankdir


def is_upright(rankdir: str) -> bool:
    """Return whether a direction is down or up."""
    return rankdir in ("TB", "BT")


def turn_point(point: Point, rankdir: str) -> Point:
    """Return a point of a picture as if it ran from left to right, and of such a one turned.

    Done twice it is the point itself.

    Example:
        >>> turn_point((1.0, 5.0), "TB"), turn_point((1.0, 5.0), "RL")
        ((5.0, 1.0), (-1.0, 5.0))
    """
    x, y = point
    if rankdir == "TB":
        return y, x
    if rankdir == "BT":
        return -y, -x
    return (-x, y) if rankdir == "RL" else point
