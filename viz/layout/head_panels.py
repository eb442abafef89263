"""Where the panels of an open attention head and their cells are."""

from dataclasses import dataclass

from viz.look.measures import BLOCK, FONT_SIZES, HEAD_TABLE
from viz.look.text import fit_text, number, width
from viz.model.open_head import HeadCell, OpenHead

from .geometry import Rect

KEY, PRODUCTS, LOGIT, WEIGHT, VALUES, WEIGHTED = range(6)
"""The panels from left to right."""
MAX_WIDTH = 1552.0
"""Where a row of panels ends in a picture of natural size."""
_MAX_NAME = 84.0
_FRAME = 5.0
"""From the token of a row to the dashes around the row of the path."""
_QUERY = 44.0
"""Height of the row of the query, with the line below it."""
_MIN_HEADING = 62.0


@dataclass(frozen=True, slots=True)
class PanelPlace:
    """Where one panel is.

    Attributes:
        kind: Which one it is: `KEY` to `WEIGHTED`.
        rect: Where it is.
        band: In which row of panels it is.
        cell: The width of each of its cells.
    """

    kind: int
    rect: Rect
    band: int
    cell: float

    def cell_at(self, column: int, middle: float) -> Rect:
        """Return where a cell is.

        Args:
            column: Its column.
            middle: The y of the middle of its row.
        """
        x = self.rect.x + HEAD_TABLE.padding + column * (self.cell + 1)
        return Rect(x, middle - HEAD_TABLE.cell / 2, self.cell, HEAD_TABLE.cell)


@dataclass(frozen=True, slots=True)
class HeadPlaces:
    """Where everything of an open head is, from its upper left corner on.

    Attributes:
        panels: The panels, in their order.
        tops: For each row of panels the y of its first position.
        name: The width of the names of the positions.
        has_numbers: Whether the cells of vectors have space for their numbers.
        width: Of the whole.
        height: Of the whole.
    """

    panels: tuple[PanelPlace, ...]
    tops: tuple[float, ...]
    name: float
    has_numbers: bool
    width: float
    height: float

    def row_middle(self, band: int, row: int) -> float:
        """Return the y of the middle of a row, or of that of the sums after the last one."""
        return self.tops[band] + (row + 0.5) * HEAD_TABLE.row

    def query_middle(self, band: int) -> float:
        """Return the y of the middle of the query."""
        return self.tops[band] - _QUERY + HEAD_TABLE.cell / 2 + 4

    def result_middle(self, band: int, rows: int) -> float:
        """Return the y of the middle of the sums."""
        return self.tops[band] + rows * HEAD_TABLE.row + 10 + HEAD_TABLE.cell / 2


def place_panels(head: OpenHead, max_width: float) -> HeadPlaces:
    """Place panels side by side, in as many rows as the width needs.

    Args:
        head: The head.
        max_width: Where a row of panels ends. The width of what it returns places all alike.
    """
    limit = min(max_width, MAX_WIDTH)
    names = [row.name for row in head.rows]
    widest = max(width(name, FONT_SIZES.label, bold=True) for name in names)
    name_width = min(_MAX_NAME, max(32.0, widest + 18)) + _FRAME
    cell = _measure_cells(head)
    available = limit - name_width - HEAD_TABLE.link - _FRAME
    sizes = [_measure_panel(head, kind, cell) for kind in range(len(head.panels))]
    has_numbers = max(sizes) <= available
    if not has_numbers:
        cell = HEAD_TABLE.empty_cell
        sizes = [_measure_panel(head, kind, cell) for kind in range(len(head.panels))]

    bands: list[list[tuple[int, float]]] = [[]]
    x = name_width
    for kind, size in enumerate(sizes):
        if bands[-1] and x + HEAD_TABLE.link + size + _FRAME > limit:
            bands.append([])
            x = name_width
        x += HEAD_TABLE.link if kind else 10.0
        bands[-1].append((kind, x))
        x += size

    panels: list[PanelPlace] = []
    tops = []
    y = 0.0
    for number_of_band, band in enumerate(bands):
        kinds = {kind for kind, _ in band}
        top = y + HEAD_TABLE.header + (_QUERY if PRODUCTS in kinds else 0.0)
        tops.append(top)
        bottom = top + len(head.rows) * HEAD_TABLE.row + 4
        for kind, x in band:
            end = bottom + (HEAD_TABLE.results if kind == WEIGHTED else 0.0)
            rect = Rect(x, y, sizes[kind], end - y)
            own = _cell_width(kind, cell)
            panels.append(PanelPlace(kind, rect, number_of_band, own))
        y = max(panel.rect.bottom for panel in panels) + HEAD_TABLE.gap
    right = max(panel.rect.right for panel in panels) + _FRAME
    return HeadPlaces(
        tuple(panels), tuple(tops), name_width, has_numbers, right, y - HEAD_TABLE.gap
    )


def _cell_width(kind: int, cell: float) -> float:
    if kind == WEIGHT:
        return HEAD_TABLE.weight
    return max(cell, 56.0) if kind == LOGIT else cell


def _measure_cells(head: OpenHead) -> float:
    vectors: list[HeadCell] = [*head.query, *head.results]
    for row in head.rows:
        vectors += [*row.key, *row.products, *row.values, *row.weighted]
    widest = max(width(number(cell.data), FONT_SIZES.small, mono=True) for cell in vectors)
    return max(HEAD_TABLE.min_cell, widest + HEAD_TABLE.cell_padding)


def _measure_panel(head: OpenHead, kind: int, cell: float) -> float:
    counts = (len(head.query), len(head.query), 1, 1, len(head.results), len(head.results))
    cells = counts[kind] * (_cell_width(kind, cell) + 1) - 1
    panel = head.panels[kind]
    title = fit_text(panel.title, BLOCK.name, 150.0, bold=True)
    detail = fit_text(panel.detail, BLOCK.note, 150.0)
    heading = max(width(title, BLOCK.name, bold=True), width(detail, BLOCK.note), _MIN_HEADING)
    return max(cells, heading) + 2 * HEAD_TABLE.padding
