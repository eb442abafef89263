"""The guide of the blocks view as SVG: how to read a box, the scales, the parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from viz.layout.block_cards import NORM, count_text, short_number
from viz.layout.block_guide import (
    HOW_TOP,
    MAX_ROWS,
    SAMPLE_GAP,
    SCALE_HEIGHT,
    TABLE_HEAD,
    TABLE_ROW,
    choose_sample,
    list_parameters,
)
from viz.layout.geometry import Rect
from viz.look.measures import BLOCK, SCALE
from viz.look.text import fit_text, number, width
from viz.model.block_card import BlockParameter
from viz.model.heatmap import Map
from viz.model.picture import Picture, colored_maps

from .svg_blocks import draw_block
from .svg_writer import SvgWriter, path_data

_HEADING = 14.0
_MAX_NAMES = 130.0
_NORMS = 56.0
"""The width of the column with the norms."""
_RAMP = 130.0
_LINE = 17.0


def draw_guide(picture: Picture, guide: dict[str, Rect], writer: SvgWriter) -> str:
    """Return the parts of the guide, each at its place."""
    parts = []
    if "how" in guide:
        parts.append(_Guide(picture, guide["how"], writer).draw())
    if "parameters" in guide:
        parts.append(_draw_table(picture, guide["parameters"], writer))
    return "".join(parts)


class _Guide:
    """How to read the picture, from top to bottom."""

    def __init__(self, picture: Picture, rect: Rect, writer: SvgWriter) -> None:
        self.picture = picture
        self.rect = rect
        self.writer = writer
        self.parts: list[str] = []

    @property
    def is_gradient(self) -> bool:
        """Whether colors show gradients, and not numbers, as before `backward`."""
        return self.picture.colors == "gradient"

    def draw(self) -> str:
        self._write("how to read it", self.rect.x, self.rect.y + 12, size=_HEADING, bold=True)
        y = self._draw_sample(self.rect.y + HOW_TOP)
        y = self._draw_ramps(y)
        self._draw_signs(y)
        return "".join(self.parts)

    def _write(
        self, text: str, x: float, y: float, size: float = BLOCK.note, bold: bool = False
    ) -> None:
        text = fit_text(text, size, self.rect.right - x, bold=bold)
        ink = "page_ink" if bold else "muted"
        self.parts.append(
            self.writer.text(
                x,
                y,
                text,
                size,
                ink,
                bold=bold,
            )
        )

    def _draw_sample(self, top: float) -> float:
        """Draw one box of the picture with words at its parts; return where it ends."""
        plan = choose_sample(self.picture)
        if plan is None:
            return top
        block = plan.block
        node = self.picture.by_id[block.id]
        box = Rect(self.rect.x, top, *plan.size)
        sample = draw_block(
            plan,
            node,
            box,
            self.picture,
            self.writer,
            is_sample=True,
        )
        self.parts.append(sample)
        words_x = box.right + plan.sheets + 20
        strip = next((place for piece, place in plan.pieces if hasattr(piece, "norm")), None)
        notes = [(top + 17, "values folded in it")]
        if block.line:
            notes.append((top + 36, "function, size"))
        if strip is not None:
            numbers = "gradients" if self.is_gradient else "numbers"
            is_folded = block.calls > 1
            words = f"{numbers}: one row" if is_folded else f"{numbers} of what"
            rest = f"for each of {block.calls} calls" if is_folded else "leaves it"
            notes.append((top + strip.y + 10, words))
            self._write(rest, words_x, top + strip.y + 10 + 4 + 14)
            if block.norm is not None:
                notes.append((max(top + strip.bottom - 8, top + strip.y + 44), "their norm"))
        for y, text in notes:
            self._write(text, words_x, y + 4)
            if y > box.bottom:
                continue
            data = path_data("M", box.right + plan.sheets + 2, y, "H", words_x - 5)
            line = self.writer.paint("none", "line")
            self.parts.append(self.writer.path(data, line, 'stroke-width="1"'))
        bottom = max(box.bottom + plan.sheets, max(y for y, _ in notes) + 4)
        return bottom + SAMPLE_GAP

    def _draw_ramps(self, y: float) -> float:
        x = self.rect.x
        blocks = self.picture.blocks
        if any(block.parameters for block in blocks):
            what = "the gradient of each weight" if self.is_gradient else "each weight"
            theta = self.writer.text(
                x,
                y,
                "θ",
                BLOCK.note,
                "parameter_ink",
                bold=True,
            )
            self.parts.append(theta)
            self._write(f"parameter: {what}", x + 14, y)
            y += 14
        if any(colored_maps(block) for block in blocks):
            largest = number(self.picture.largest)
            start = x + width(f"−{largest}", BLOCK.note, mono=True) + 6
            fills = [f"g{step}" for step in range(-SCALE.steps, SCALE.steps + 1)]
            self._draw_ramp(y, start, fills, f"−{largest}", largest)
            what = "gradients" if self.is_gradient else "numbers"
            self._write(f"blue and orange: {what}, one scale for all", x, y + 29)
            y += SCALE_HEIGHT
        if any(block.grids for block in blocks):
            start = x + width(f"−{number(self.picture.largest)}", BLOCK.note, mono=True) + 6
            fills = [f"d{step}" for step in range(SCALE.steps + 1)]
            self._draw_ramp(y, start, fills, "0", "1")
            self._write("gray: data from 0 to 1", x, y + 29)
            y += SCALE_HEIGHT
        return y + 6

    def _draw_ramp(self, y: float, start: float, fills: list[str], low: str, high: str) -> None:
        writer = self.writer
        step = _RAMP / len(fills)
        self.parts.append(
            writer.text(
                start - 6,
                y + 11,
                low,
                BLOCK.note,
                "muted",
                anchor="end",
                mono=True,
            )
        )
        for i, fill in enumerate(fills):
            cell = Rect(start + i * step, y + 1, step + 0.3, 12)
            self.parts.append(writer.rect(cell, writer.paint(fill)))
        self.parts.append(
            writer.text(
                start + _RAMP + 6,
                y + 11,
                high,
                BLOCK.note,
                "muted",
                mono=True,
            )
        )

    def _draw_signs(self, y: float) -> None:
        x = self.rect.x
        y += 6
        paint = self.writer.paint("none", "line")
        for left, thickness in ((x, 1.2), (x + 40, 4.0)):
            data = path_data("M", left, y, "h24")
            self.parts.append(self.writer.path(data, paint, f'stroke-width="{thickness}"'))
            tip = path_data("M", left + 32, y, "l-9 -4.2v8.4Z")
            self.parts.append(self.writer.path(tip, self.writer.paint("line")))
        counts = [edge.count for edge in self.picture.edges if edge.count]
        count = count_text(counts[0]) if counts else "a number"
        self._write(f"{count}: different values passed on", x + 82, y + 4)
        if self.is_gradient:
            self._write(f"the thicker, the larger the {NORM} that comes back", x, y + 4 + _LINE)
            y += _LINE
        triangle = path_data("M", x, y + 14, "l6 4l-6 4Z")
        self.parts.append(self.writer.path(triangle, self.writer.paint("muted")))
        self._write(f"sheets: several calls; {NORM}: gradient norm", x + 14, y + 22)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the columns of the table of parameters are.

    Attributes:
        name: Where names begin.
        size: Where sizes end.
        bar: Where bars begin.
        bar_width: The width of the longest bar.
        norm: Where norms end.
    """

    name: float
    size: float
    bar: float
    bar_width: float
    norm: float


def _draw_table(picture: Picture, rect: Rect, writer: SvgWriter) -> str:
    """Draw the parameters with their sizes, and their gradient norms as bars."""
    parameters = list_parameters(picture)
    norms = [parameter.norm for parameter in parameters if parameter.norm is not None]
    largest = max(filter(isfinite, norms), default=0.0) or 1.0
    parts = [_draw_table_heading(parameters, rect, bool(norms), writer)]

    shown = parameters[:MAX_ROWS]
    names = max(width(parameter.name, BLOCK.note, bold=True) for parameter in shown) + 10
    sizes = max(width(_size(parameter.shown), BLOCK.note, mono=True) for parameter in shown) + 10
    bar = rect.x + min(_MAX_NAMES, names) + sizes
    columns = _Columns(rect.x, bar - 10, bar, rect.right - _NORMS - bar, rect.right)
    y = rect.y + TABLE_HEAD + 10
    for parameter in shown:
        parts.append(_draw_row(parameter, y, columns, largest, writer))
        y += TABLE_ROW
    if len(parameters) > MAX_ROWS:
        rest = f"+ {len(parameters) - MAX_ROWS} more"
        parts.append(writer.text(rect.x, y, rest, BLOCK.note, "muted"))
    return "".join(parts)


def _draw_table_heading(
    parameters: Sequence[BlockParameter], rect: Rect, has_norms: bool, writer: SvgWriter
) -> str:
    y = rect.y + 12
    total = count_text(sum(len(parameter.shown.present) for parameter in parameters))
    after = rect.x + width("parameters", _HEADING, bold=True) + 8
    parts = [
        writer.text(rect.x, y, "parameters", _HEADING, "page_ink", bold=True),
        writer.text(after, y, total, BLOCK.note, "muted", mono=True),
    ]
    if has_norms:
        parts.append(writer.text(rect.right, y, NORM, BLOCK.note, "muted", anchor="end"))
    return "".join(parts)


def _draw_row(
    parameter: BlockParameter, y: float, columns: _Columns, largest: float, writer: SvgWriter
) -> str:
    """Draw one row of the table, with its baseline at `y`."""
    small = BLOCK.note
    size = _size(parameter.shown)
    room = columns.size - columns.name - width(size, small, mono=True) - 8
    name = fit_text(parameter.name, small, room, bold=True)
    parts = [
        writer.text(columns.name, y, name, small, "parameter_ink", bold=True),
        writer.text(columns.size, y, size, small, "muted", anchor="end", mono=True),
    ]
    norm = parameter.norm
    if norm is None:
        return "".join(parts)
    ink = "page_ink" if isfinite(norm) else "alarm"
    if isfinite(norm):
        long = max(0.8, columns.bar_width * norm / largest)
        bar = Rect(columns.bar, y - 9, long, 10)
        parts.append(writer.rect(bar, writer.paint("badge-parameter"), 2))
    text = short_number(norm) if isfinite(norm) else number(norm)
    parts.append(writer.text(columns.norm, y, text, small, ink, anchor="end", mono=True))
    return "".join(parts)


def _size(shown: Map) -> str:
    # The note has the shape as the user has it, as far as it is used: the map may be turned.
    return shown.note or f"{shown.rows}×{shown.columns}"
