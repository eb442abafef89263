"""One open attention head as SVG: panels of numbers, filled with their gradients."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from viz.layout.geometry import Rect
from viz.layout.head_panels import (
    KEY,
    LOGIT,
    PRODUCTS,
    VALUES,
    WEIGHT,
    WEIGHTED,
    HeadPlaces,
    PanelPlace,
    place_panels,
)
from viz.layout.placed import PlacedPicture
from viz.look.measures import BLOCK, BORDER, FONT_SIZES, HEAD_TABLE
from viz.look.text import TIP, escape, exact, fit_text, number, width
from viz.look.theme import shade
from viz.model.open_head import HeadCell, HeadRow, OpenHead
from viz.model.picture import Node, Picture

from .svg_writer import Anchor, SvgWriter, path_data

_SHIFT = 4.0
"""From the middle of a row down to its baseline."""
_BAR = 5.0
_CORNER = 3.0
_SIGNS = {PRODUCTS: "× q", LOGIT: "Σ", WEIGHT: "→", VALUES: "×", WEIGHTED: "="}
"""What is between two panels."""


def draw_open_head(node: Node, rect: Rect, picture: Picture, writer: SvgWriter) -> str:
    """Return the panels of an open head."""
    assert node.head is not None
    pen = _HeadPen(node.head, place_panels(node.head, rect.width), picture, writer)
    return "".join(pen.draw())


def draw_wedge(placed: PlacedPicture, writer: SvgWriter) -> str:
    """Return the shade from the product of the path down to the box of its cards."""
    picture = placed.picture
    center = picture.by_id[picture.center]
    head = center.head
    if head is None or not placed.groups:
        return ""
    places = place_panels(head, placed.nodes[center.id].width)
    panel = places.panels[WEIGHTED]
    row, _, column = head.path
    cell = panel.cell_at(column, places.row_middle(panel.band, row))
    (box,) = placed.groups.values()
    # The product is the third node after the head, or with one position the result itself.
    card = placed.nodes[picture.nodes[3].id]
    left, right = max(box.x + 12, card.x), min(box.right - 12, card.right)
    data = path_data("M", cell.x, cell.bottom, "L", cell.right, cell.bottom)
    data += path_data("L", right, box.y, "L", left, box.y, "Z")
    return writer.path(data, writer.paint("band"), 'opacity="0.28"')


@dataclass(frozen=True)
class _HeadPen:
    """Draws one head.

    Attributes:
        head: The head.
        places: Where its panels are.
        picture: The picture that it is in, for what colors show, and their scale.
        writer: Writes the elements.
    """

    head: OpenHead
    places: HeadPlaces
    picture: Picture
    writer: SvgWriter

    def draw(self) -> Iterator[str]:
        """Yield the elements, later ones in front."""
        for panel in self.places.panels:
            yield self._panel(panel)
        for band in range(len(self.places.tops)):
            yield self._path_row(band)
            yield from self._names(band)
        for panel in self.places.panels:
            if panel.kind in _SIGNS:
                yield from self._signs(panel)
            if panel.kind == PRODUCTS:
                yield self._query(panel)
            for i, row in enumerate(self.head.rows):
                middle = self.places.row_middle(panel.band, i)
                yield from self._row(panel, row, i, middle)
            if panel.kind == WEIGHTED:
                yield self._results(panel)

    def _panel(self, panel: PanelPlace) -> str:
        writer = self.writer
        heading = self.head.panels[panel.kind]
        rect = panel.rect
        paint = writer.paint("group", "group_line")
        available = rect.width - 2 * HEAD_TABLE.padding
        title = fit_text(heading.title, BLOCK.name, available, bold=True)
        detail = fit_text(heading.detail, BLOCK.note, available)
        x = rect.x + HEAD_TABLE.padding
        title_y = rect.y + 20
        return (
            writer.rect(rect, paint, HEAD_TABLE.radius, 'stroke-width="1"')
            + writer.text(x, title_y, title, BLOCK.name, "ink", bold=True)
            + writer.text(x, title_y + 17, detail, BLOCK.note, "muted")
        )

    def _path_row(self, band: int) -> str:
        """Draw dashes around the row of the path."""
        middle = self.places.row_middle(band, self.head.path[0])
        half = HEAD_TABLE.row / 2
        ends = [panel.rect.right for panel in self.places.panels if panel.band == band]
        frame = Rect(1.0, middle - half, max(ends) + 3.0, 2 * half)
        look = f'stroke-width="1" stroke-dasharray="{BORDER.zero_dashes}"'
        return self.writer.rect(frame, self.writer.paint("none", "page_ink"), 9, look)

    def _names(self, band: int) -> Iterator[str]:
        writer = self.writer
        for i, row in enumerate(self.head.rows):
            middle = self.places.row_middle(band, i)
            pill = Rect(5.0, middle - 11, self.places.name - 5.0, 22.0)
            name = fit_text(row.name, FONT_SIZES.label, pill.width - 8, bold=True)
            size = FONT_SIZES.label
            y = middle + 4.5
            paint = writer.paint("card", "answer")
            yield writer.rect(pill, paint, 11, f'stroke-width="{BORDER.leaf:g}"')
            yield writer.text(pill.center, y, name, size, "ink", anchor="middle", bold=True)

    def _signs(self, panel: PanelPlace) -> Iterator[str]:
        """Yield the sign in front of a panel, for each row."""
        sign = _SIGNS[panel.kind]
        if panel.kind == PRODUCTS:
            sign = f"× {self.head.query_name}" if len(self.head.query_name) == 1 else "×"
        x = panel.rect.x - HEAD_TABLE.link / 2
        size = FONT_SIZES.dense
        for i in range(len(self.head.rows)):
            y = self.places.row_middle(panel.band, i) + _SHIFT
            yield self.writer.text(x, y, sign, size, "muted", anchor="middle", bold=True)

    def _query(self, panel: PanelPlace) -> str:
        writer = self.writer
        middle = self.places.query_middle(panel.band)
        parts = []
        name = self.head.query_name
        available = self.places.name + HEAD_TABLE.link - 10
        shown = fit_text(name, FONT_SIZES.label, available, bold=True)
        x = panel.rect.x - 6
        y = middle + _SHIFT
        size = FONT_SIZES.label
        parts.append(writer.text(x, y, shown, size, "page_ink", anchor="end", bold=True))
        for j, cell in enumerate(self.head.query):
            rect = panel.cell_at(j, middle)
            is_path = j == self.head.path[1]
            parts.append(self._cell(cell, rect, f"{name}[{j}]", is_path, self._has_number))
        line = path_data("M", panel.rect.x + HEAD_TABLE.padding, middle + 20)
        line += path_data("H", panel.rect.right - HEAD_TABLE.padding)
        parts.append(writer.path(line, writer.paint("none", "group_line"), 'stroke-width="1.5"'))
        return "".join(parts)

    def _row(self, panel: PanelPlace, row: HeadRow, i: int, middle: float) -> Iterator[str]:
        cells: dict[int, Sequence[HeadCell]] = {
            KEY: row.key,
            PRODUCTS: row.products,
            LOGIT: (row.logit,),
            VALUES: row.values,
            WEIGHTED: row.weighted,
        }
        path_row, key, value = self.head.path
        title = self.head.panels[panel.kind].title
        is_path = i == path_row
        if panel.kind == WEIGHT:
            yield self._weight(panel, row, middle, is_path)
            return
        framed = {KEY: key, PRODUCTS: key, LOGIT: 0}.get(panel.kind, value)
        for j, cell in enumerate(cells[panel.kind]):
            rect = panel.cell_at(j, middle)
            has_number = panel.kind == LOGIT or self._has_number
            name = f"{title} of {row.name}"
            if len(cells[panel.kind]) > 1:
                name += f", number {j}"
            yield self._cell(cell, rect, name, is_path and j == framed, has_number)

    def _weight(self, panel: PanelPlace, row: HeadRow, middle: float, is_path: bool) -> str:
        """Draw a weight, with a bar as long as its share."""
        writer = self.writer
        rect = panel.cell_at(0, middle)
        share = row.weight.data
        title = self.head.panels[WEIGHT].title
        name = f"{title} of {row.name}"
        parts = [self._cell(row.weight, rect, name, is_path, has_number=False)]
        if isfinite(share):
            length = min(max(share, 0.0), 1.0) * (rect.width - 8)
            bar = Rect(rect.x + 4, rect.bottom - _BAR - 3, max(length, 0.6), _BAR)
            parts.append(writer.rect(bar, writer.paint("badge-operation"), 1))
        y = rect.y + 14
        ink = self._ink(row.weight)
        size = FONT_SIZES.dense
        x = rect.right - 6
        text = number(share)
        parts.append(writer.text(x, y, text, size, ink, anchor="end", bold=is_path, mono=True))
        return "".join(parts)

    def _results(self, panel: PanelPlace) -> str:
        writer = self.writer
        middle = self.places.result_middle(panel.band, len(self.head.rows))
        left = panel.rect.x + HEAD_TABLE.padding
        right = panel.rect.right - HEAD_TABLE.padding
        line = path_data("M", left, middle - HEAD_TABLE.cell / 2 - 6, "H", right)
        sign_x = panel.rect.x - HEAD_TABLE.link / 2
        y = middle + _SHIFT
        size = FONT_SIZES.label
        parts = [
            writer.path(line, writer.paint("none", "muted"), 'stroke-width="1.4"'),
            writer.text(sign_x, y, "Σ", size, "page_ink", anchor="middle", bold=True),
        ]
        for j, cell in enumerate(self.head.results):
            rect = panel.cell_at(j, middle)
            is_path = j == self.head.path[2]
            parts.append(self._cell(cell, rect, f"result {j}", is_path, self._has_number))
        goes_to = fit_text(self.head.goes_to, BLOCK.note, right - left)
        baseline = middle + HEAD_TABLE.cell / 2 + 17
        parts.append(writer.text(left, baseline, goes_to, BLOCK.note, "muted"))
        return "".join(parts)

    # Cells

    @property
    def _has_number(self) -> bool:
        return self.places.has_numbers

    def _cell(
        self, cell: HeadCell, rect: Rect, name: str, is_framed: bool, has_number: bool
    ) -> str:
        writer = self.writer
        look = 'stroke-width="1"'
        stroke = "group_line"
        if not self._is_finite(cell):
            stroke = "alarm"
            look = 'stroke-width="1.6"'
        elif is_framed:
            stroke = "ink"
            look = f'stroke-width="{BORDER.root:g}"'
        parts = [writer.rect(rect, writer.paint(self._fill(cell), stroke), _CORNER, look)]
        if has_number:
            size = FONT_SIZES.small
            text = number(cell.data)
            is_long = width(text, size, mono=True) > rect.width - 4
            x = rect.center if is_long else rect.right - 5
            anchor: Anchor = "middle" if is_long else "end"
            y = rect.middle + _SHIFT
            ink = self._ink(cell)
            parts.append(writer.text(x, y, text, size, ink, anchor=anchor, mono=True))
        tip = f"{name}: {exact(cell.data)}"
        if cell.grad is not None:
            tip += f", gradient {exact(cell.grad)}"
        return f"<g><title>{escape(tip, TIP)}</title>{''.join(parts)}</g>"

    def _shown(self, cell: HeadCell) -> float | None:
        if self.picture.colors == "gradient":
            return cell.grad
        return cell.data if self.picture.colors == "data" else None

    def _is_finite(self, cell: HeadCell) -> bool:
        return isfinite(cell.data) and (cell.grad is None or isfinite(cell.grad))

    def _step(self, cell: HeadCell) -> int | None:
        shown = self._shown(cell)
        if shown is None or not isfinite(shown):
            return None
        return shade(shown, self.picture.largest)

    def _fill(self, cell: HeadCell) -> str:
        step = self._step(cell)
        return "card" if step is None else f"g{step}"

    def _ink(self, cell: HeadCell) -> str:
        if not self._is_finite(cell):
            return "alarm"
        step = self._step(cell)
        return "ink" if step is None else f"t{step}"
