"""Positions in the neuron view: a column of evenly spaced units for each layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from viz.look.measures import UNIT
from viz.model.picture import Column, Picture

from .direction import is_upright
from .geometry import Rect
from .neuron_headings import BASELINE, LINE, heading_width, wrap_heading
from .neuron_rows import lay_out_rows
from .placed import Heading, PlacedPicture, Route
from .turning import turn_picture

_ROW = 46.0
_HEADING_GAP = 14.0
_MIN_GAP = 44.0
"""Pixels between two columns that lines between units need at least."""
_HEADING_SPACE = 12.0


def lay_out_neurons(picture: Picture, max_width: float = inf) -> PlacedPicture:
    """Place the units of a network diagram.

    Args:
        picture: A picture at level "neurons".
        max_width: Columns are closer together where they would be wider than this. Where even that
            is too wide, layers are rows from top to bottom, if these fit.

    Returns:
        The picture with positions; empty for a picture without nodes.
    """
    if not picture.nodes:
        return PlacedPicture(picture, {}, {}, (), (), 0.0, 0.0)
    if is_upright(picture.rankdir):
        return lay_out_rows(picture, max_width)
    placed = _Columns(picture, max_width).place()
    if placed.width > max_width and picture.rankdir == "LR":
        rows = lay_out_rows(replace(picture, rankdir="TB"), max_width)
        if rows.width <= max_width:
            return rows
    return turn_picture(placed)


@dataclass(frozen=True)
class _Columns:
    """Layers from left to right.

    Attributes:
        picture: What is placed.
        max_width: The width to keep within, if possible.
    """

    picture: Picture
    max_width: float

    def place(self) -> PlacedPicture:
        """Return the picture with positions."""
        columns = self.picture.columns
        tallest = max(len(column.members) for column in columns)
        centers, headings = self._headings()
        lines = max(len(lines) for lines in headings)
        top = lines * LINE + _HEADING_GAP if lines else 0.0

        rects: dict[str, Rect] = {}
        for center, column in zip(centers, columns, strict=True):
            start = top + (tallest - len(column.members)) * _ROW / 2
            for rank, member in enumerate(column.members):
                x = center - UNIT.width / 2
                y = start + rank * _ROW + (_ROW - UNIT.height) / 2
                rects[member] = Rect(x, y, UNIT.width, UNIT.height)

        placed: list[Heading] = []
        for center, heading in zip(centers, headings, strict=True):
            for i, (text, is_title) in enumerate(heading):
                placed.append(Heading(text, center, BASELINE + LINE * i, is_title))
        halves = [heading_width(heading) / 2 for heading in headings]
        return PlacedPicture(
            self.picture,
            nodes=rects,
            groups={},
            routes=tuple(
                _route(rects[edge.source], rects[edge.target]) for edge in self.picture.edges
            ),
            ports=(),
            width=centers[-1] + max(halves[-1], UNIT.width / 2),
            height=top + tallest * _ROW,
            headings=tuple(placed),
        )

    def _headings(self) -> tuple[list[float], list[list[tuple[str, bool]]]]:
        """Return the center of each column, and the lines above it."""
        columns = self.picture.columns
        whole = [wrap_heading(column, inf) for column in columns]
        centers = _centers(columns, whole)
        if centers[-1] + heading_width(whole[-1]) / 2 <= self.max_width:
            return centers, whole

        # Closer columns, with headings of as many lines as that takes.
        count = max(1, len(columns) - 1)
        pitch = max(UNIT.width + _MIN_GAP, (self.max_width - UNIT.width - 2 * _MIN_GAP) / count)
        wrapped = [wrap_heading(column, pitch - _HEADING_SPACE) for column in columns]
        first = max(UNIT.width, heading_width(wrapped[0])) / 2
        last = max(UNIT.width, heading_width(wrapped[-1])) / 2
        pitch = max(UNIT.width + _MIN_GAP, (self.max_width - first - last) / count)
        natural = _centers(columns, wrapped)
        if natural[-1] + last <= self.max_width:
            return natural, wrapped
        return [first + pitch * i for i in range(len(columns))], wrapped


def _centers(
    columns: Sequence[Column], headings: Sequence[Sequence[tuple[str, bool]]]
) -> list[float]:
    """Return the centers of columns that are as far apart as their lines and headings need."""
    sizes = [max(UNIT.width, heading_width(heading)) + _HEADING_SPACE for heading in headings]
    centers = [sizes[0] / 2 - _HEADING_SPACE / 2]
    for i in range(1, len(columns)):
        # The gap grows with the number of connections: bundles of steep lines can't be told apart.
        connections = max(len(columns[i - 1].members), len(columns[i].members))
        gap = 90.0 + min(160.0, 10.0 * connections)
        distance = max(UNIT.width + gap, (sizes[i - 1] + sizes[i]) / 2)
        centers.append(centers[-1] + distance)
    return centers


def _route(source: Rect, target: Rect) -> Route:
    return ((source.right, source.middle), (target.x, target.middle))
