"""Positions in the neuron view: a column of evenly spaced units for each layer, or a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from viz.look.measures import FONT_SIZES, UNIT
from viz.look.text import width, wrap_text
from viz.model.picture import Column, Picture

from .geometry import Point, Rect
from .placed import Heading, PlacedPicture

_ROW = 46.0
_LINE = 16.0
_HEADING_GAP = 14.0
_BASELINE = 12.0
_MIN_GAP = 44.0
"""Pixels between two columns that lines between units need at least."""
_HEADING_SPACE = 12.0
_ROW_DISTANCE = 62.0
"""Pixels between two rows of units, where lines run from top to bottom."""
_SIDE_GAP = 6.0
_MIN_UNIT = 62.0
"""The width of a unit that has space for any number, such as −1.23e−4."""


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
    placed = _Columns(picture, max_width).place()
    if placed.width > max_width:
        upright = _lay_out_rows(picture, max_width)
        if upright.width <= max_width:
            return upright
    return placed


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
        top = lines * _LINE + _HEADING_GAP if lines else 0.0

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
                placed.append(Heading(text, center, _BASELINE + _LINE * i, is_title))
        halves = [_heading_width(heading) / 2 for heading in headings]
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
        whole = [_wrap_heading(column, inf) for column in columns]
        centers = _centers(columns, whole, inf)
        if centers[-1] + _heading_width(whole[-1]) / 2 <= self.max_width:
            return centers, whole

        # Closer columns, with headings of as many lines as that takes.
        count = max(1, len(columns) - 1)
        pitch = max(UNIT.width + _MIN_GAP, (self.max_width - UNIT.width - 2 * _MIN_GAP) / count)
        wrapped = [_wrap_heading(column, pitch - _HEADING_SPACE) for column in columns]
        first = max(UNIT.width, _heading_width(wrapped[0])) / 2
        last = max(UNIT.width, _heading_width(wrapped[-1])) / 2
        pitch = max(UNIT.width + _MIN_GAP, (self.max_width - first - last) / count)
        natural = _centers(columns, wrapped, inf)
        if natural[-1] + last <= self.max_width:
            return natural, wrapped
        return [first + pitch * i for i in range(len(columns))], wrapped


def _wrap_heading(column: Column, max_width: float) -> list[tuple[str, bool]]:
    """Return the lines of a heading, each with whether it belongs to the title."""
    titles = [column.title] if column.title else []
    details = [column.detail] if column.detail else []
    # Broken between its parts first: "2 saturated" says nothing on two lines.
    if width(column.title, FONT_SIZES.label, bold=True) > max_width:
        titles = wrap_text(column.title.split("  "), FONT_SIZES.label, max_width, bold=True)
    if width(column.detail, FONT_SIZES.small) > max_width:
        details = wrap_text(column.detail.split(" · "), FONT_SIZES.small, max_width)
    return [*((line, True) for line in titles), *((line, False) for line in details)]


def _heading_width(lines: Sequence[tuple[str, bool]]) -> float:
    widths = [0.0]
    for text, is_title in lines:
        size = FONT_SIZES.label if is_title else FONT_SIZES.small
        widths.append(width(text, size, bold=is_title))
    return max(widths)


def _centers(
    columns: Sequence[Column], headings: Sequence[Sequence[tuple[str, bool]]], max_gap: float
) -> list[float]:
    """Return the centers of columns that are as far apart as their lines and headings need."""
    sizes = [max(UNIT.width, _heading_width(heading)) + _HEADING_SPACE for heading in headings]
    centers = [sizes[0] / 2 - _HEADING_SPACE / 2]
    for i in range(1, len(columns)):
        # The gap grows with the number of connections: bundles of steep lines can't be told apart.
        connections = max(len(columns[i - 1].members), len(columns[i].members))
        gap = min(max_gap, 90.0 + min(160.0, 10.0 * connections))
        distance = max(UNIT.width + gap, (sizes[i - 1] + sizes[i]) / 2)
        centers.append(centers[-1] + distance)
    return centers


def _route(source: Rect, target: Rect) -> tuple[Point, ...]:
    return ((source.right, source.middle), (target.x, target.middle))


def _lay_out_rows(picture: Picture, max_width: float) -> PlacedPicture:
    """Place layers from top to bottom, each as one row of units below its heading."""
    widest = max(len(column.members) for column in picture.columns)
    fitting = (max_width + _SIDE_GAP) / widest - _SIDE_GAP
    unit_width = min(UNIT.width, max(_MIN_UNIT, fitting))
    step = unit_width + _SIDE_GAP
    inner = max(widest * step - _SIDE_GAP, min(max_width, 300.0))
    rects: dict[str, Rect] = {}
    headings: list[Heading] = []
    y = 0.0
    for column in picture.columns:
        for text, is_title in _wrap_heading(column, inner):
            headings.append(Heading(text, 0.0, y + _BASELINE, is_title, is_centered=False))
            y += _LINE
        y += 4
        left = (inner - len(column.members) * step + _SIDE_GAP) / 2
        for rank, member in enumerate(column.members):
            rects[member] = Rect(left + rank * step, y, unit_width, UNIT.height)
        y += UNIT.height + _ROW_DISTANCE

    routes = []
    for edge in picture.edges:
        source = rects[edge.source]
        target = rects[edge.target]
        routes.append(((source.center, source.bottom), (target.center, target.y)))
    return PlacedPicture(
        picture,
        nodes=rects,
        groups={},
        routes=tuple(routes),
        ports=(),
        width=inner,
        height=y - _ROW_DISTANCE + 12,
        headings=tuple(headings),
        is_upright=True,
    )
