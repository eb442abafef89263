"""A picture with positions: what every layout returns and every drawing reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from viz.model.picture import Picture

from .block_places import BlockPlaces
from .geometry import Point, Rect

Route = tuple[Point, ...]
_PAGE_MARGIN = 24.0
_PHONE_MARGIN = 12.0
_MAX_PHONE = 600.0


def page_margin(shown_width: float) -> float:
    """Return the space around a picture that is laid out for a width, 0 for its natural size."""
    return _PHONE_MARGIN if is_narrow(shown_width) else _PAGE_MARGIN


def is_narrow(shown_width: float) -> bool:
    """Return whether a width is that of a phone: there pictures run from top to bottom."""
    return 0.0 < shown_width < _MAX_PHONE


def inner_width(shown_width: float) -> float:
    """Return the width that a picture has on its page, infinite for its natural size.

    Example:
        >>> inner_width(840.0), inner_width(390.0), inner_width(0.0)
        (792.0, 366.0, inf)
    """
    return shown_width - 2 * page_margin(shown_width) if shown_width else inf


def outer_width(width: float) -> float:
    """Return the width of the page around a picture of a width: the inverse of `inner_width`.

    Example:
        >>> outer_width(792.0), outer_width(366.0)
        (840.0, 390.0)
    """
    narrow = width + 2 * _PHONE_MARGIN
    return narrow if is_narrow(narrow) else width + 2 * _PAGE_MARGIN


@dataclass(frozen=True, slots=True)
class Split:
    """An edge that ends at the end of a row and goes on at the start of a row below.

    Attributes:
        number: The number at both ends of the gap; the edges of one source share it.
        before: The points up to the end of the row of its source.
        after: The points from the start of the row of its target on.
    """

    number: int
    before: Route
    after: Route


@dataclass(frozen=True, slots=True)
class Heading:
    """A line of text above a column of units, or beside or above a row.

    Attributes:
        text: The text.
        x: Where it is centered, or where it begins.
        baseline: Its baseline.
        is_title: Whether it is bold; small print otherwise.
        is_centered: Whether it is centered at `x`.
    """

    text: str
    x: float
    baseline: float
    is_title: bool
    is_centered: bool = True


@dataclass(frozen=True)
class PlacedPicture:
    """A picture with positions.

    Attributes:
        picture: What is placed; its `rankdir` is the way that the positions run.
        nodes: The rectangle of each node, by id.
        groups: The rectangle of each group, by path.
        routes: For each edge the points that it passes, its ends included.
        ports: Where edges enter boxes.
        width: Of the whole.
        height: Of the whole.
        shown_width: The width in pixels that it is laid out for, 0 for its natural size.
        splits: The edges between two rows by their positions; their routes are not drawn.
        headings: Lines above the columns of a network diagram, or beside or above its rows.
        blocks: What the blocks view has besides; None at other levels.
    """

    picture: Picture
    nodes: dict[str, Rect]
    groups: dict[str, Rect]
    routes: tuple[Route, ...]
    ports: tuple[Point, ...]
    width: float
    height: float
    shown_width: float = 0.0
    splits: Mapping[int, Split] = field(default_factory=dict)
    headings: tuple[Heading, ...] = ()
    blocks: BlockPlaces | None = None

    @property
    def is_fitting(self) -> bool:
        """Whether it is no wider than the page that it is laid out for."""
        return self.width <= inner_width(self.shown_width)
