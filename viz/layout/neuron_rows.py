"""Positions in the neuron view from top to bottom or upward: one row of units for each layer."""

from math import inf

from viz.look.measures import UNIT
from viz.model.picture import Column, Picture

from .geometry import Rect
from .neuron_headings import BASELINE, LINE, heading_width, wrap_heading
from .placed import Heading, PlacedPicture, Route

_UNIT_GAP = 14.0
_MIN_UNIT_GAP = 6.0
_MIN_UNIT = 62.0
"""The width of a unit that has space for any number, such as −1.23e−4."""
_NAME_GAP = 26.0
_ROW_GAP = 62.0
_TEXT_GAP = 4.0
_FOOT = 12.0
"""Height of the marks at the feet of units."""
_MIN_HEADING = 300.0


def lay_out_rows(picture: Picture, max_width: float = inf) -> PlacedPicture:
    """Place layers as rows, from the top or the bottom as `rankdir` says, with their headings.

    Args:
        picture: A picture at level "neurons" that runs down or up, with at least one unit.
        max_width: Where the units and the headings at their left are wider than this the headings
            are above their rows, and units are closer together and narrower.
    """
    beside = _Rows(picture, max_width, has_names_beside=True)
    rows = beside if beside.width <= max_width else _Rows(picture, max_width)
    return rows.place()


class _Rows:
    """Layers as rows.

    Attributes:
        width: Of the whole.
    """

    def __init__(self, picture: Picture, max_width: float, has_names_beside: bool = False) -> None:
        self._picture = picture
        self._rows = picture.columns if picture.rankdir == "TB" else picture.columns[::-1]
        self._has_names_beside = has_names_beside
        self._left = 0.0
        self._unit = UNIT.width
        self._gap = _UNIT_GAP
        count = max(len(row.members) for row in self._rows)
        if has_names_beside:
            names = [heading_width(wrap_heading(row, inf)) for row in self._rows]
            self._left = max(names) + _NAME_GAP
        elif count * (UNIT.width + _UNIT_GAP) - _UNIT_GAP > max_width:
            self._gap = _MIN_UNIT_GAP
            fitting = (max_width + _MIN_UNIT_GAP) / count - _MIN_UNIT_GAP
            self._unit = min(UNIT.width, max(_MIN_UNIT, fitting))
        units = self._length(count)
        # A heading needs some width, too, where each layer has few units.
        self._inner = units if has_names_beside else max(units, min(max_width, _MIN_HEADING))
        self.width = self._left + self._inner

    def _length(self, count: int) -> float:
        return count * (self._unit + self._gap) - self._gap

    def place(self) -> PlacedPicture:
        """Return the picture with positions."""
        rects: dict[str, Rect] = {}
        headings: list[Heading] = []
        y = 0.0
        for i, row in enumerate(self._rows):
            if i:
                y += _row_gap(self._rows[i - 1], row)
            lines = wrap_heading(row, inf if self._has_names_beside else self._inner)
            height = len(lines) * LINE
            text_y = y + (UNIT.height - height) / 2 if self._has_names_beside else y
            for text, is_title in lines:
                headings.append(Heading(text, 0.0, text_y + BASELINE, is_title, is_centered=False))
                text_y += LINE
            if not self._has_names_beside:
                y = text_y + _TEXT_GAP
            x = self._left + (self._inner - self._length(len(row.members))) / 2
            for rank, member in enumerate(row.members):
                left = x + rank * (self._unit + self._gap)
                rects[member] = Rect(left, y, self._unit, UNIT.height)
            y += UNIT.height
        return PlacedPicture(
            self._picture,
            nodes=rects,
            groups={},
            routes=self._route_all(rects),
            ports=(),
            width=self.width,
            height=y + _FOOT,
            headings=tuple(headings),
        )

    def _route_all(self, rects: dict[str, Rect]) -> tuple[Route, ...]:
        routes: list[Route] = []
        for edge in self._picture.edges:
            source = rects[edge.source]
            target = rects[edge.target]
            if self._picture.rankdir == "TB":
                routes.append(((source.center, source.bottom), (target.center, target.y)))
            else:
                routes.append(((source.center, source.y), (target.center, target.bottom)))
        return tuple(routes)


def _row_gap(before: Column, after: Column) -> float:
    # The gap grows with the number of connections: bundles of flat lines can't be told apart.
    connections = max(len(before.members), len(after.members))
    return _ROW_GAP + min(110.0, 7.0 * connections)
