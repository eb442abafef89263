"""The boxes of the blocks view as SVG: sheets, headings, maps, grids, bars and inputs."""

from dataclasses import replace
from math import isfinite

from viz.layout.block_cards import NORM, SINGLE, count_text, short_number
from viz.layout.block_places import (
    BarsPiece,
    BlockPlan,
    CellPiece,
    GridPiece,
    ParameterPiece,
    Piece,
    StripPiece,
    TextPiece,
)
from viz.layout.geometry import Rect
from viz.look.measures import BLOCK, BORDER
from viz.look.text import TIP, escape, exact, fit_text, number, width
from viz.look.theme import STEPS
from viz.model.block_card import Block, count_values
from viz.model.heatmap import Map
from viz.model.picture import Node, Picture

from .svg_block_cells import draw_cell, draw_frame
from .svg_nodes import describe_node, draw_node
from .svg_writer import SvgWriter, format_coordinate, path_data

_LEAF = f'stroke-width="{BORDER.leaf}"'
_MAX_CELLS = 600
"""Cells of a grid that are drawn one by one; more are an image."""


def draw_block(
    plan: BlockPlan,
    node: Node,
    rect: Rect,
    picture: Picture,
    writer: SvgWriter,
    is_sample: bool = False,
) -> str:
    """Return one box with everything in it, and a tooltip that says it in words.

    Args:
        plan: What is where in it.
        node: The node that it belongs to.
        rect: Where it is, without the sheets behind it.
        picture: The picture, for the scale.
        writer: Writes the elements.
        is_sample: Whether it explains how to read boxes, and is not one of the picture.
    """
    if plan.block.kind in SINGLE:
        # A box that is one value or the result is drawn as the card of that value.
        card = replace(node, kind="operation") if node.kind == "module" else node
        return draw_node(card, rect, replace(picture, level="cards", scale=picture.largest), writer)
    pen = _BlockPen(plan, rect, picture, writer)
    tip = escape(box_tip(plan.block, node), TIP)
    role = "" if is_sample else ' role="graphics-symbol"'
    return f"<g{role}><title>{tip}</title>{pen.draw()}</g>"


def box_tip(block: Block, node: Node) -> str:
    """Return a box in words: its path, its line, how much is in it, and its gradient.

    Example:
        >>> block = Block("n1", title="q", line="linear 2 → 2", values=12, calls=3, norm=0.5)
        >>> box_tip(block, Node("n1", "module", name="gpt/q"))
        'gpt.q, linear 2 → 2, 12 values in 3 calls, gradient norm 0.5'
    """
    if block.kind in ("sum", *SINGLE):
        return describe_node(node)
    name = (node.name or block.title).replace("/", ".")
    count = count_values(block) if block.values else ""
    norm = "" if block.norm is None else f"gradient norm {exact(block.norm)}"
    parts = [name or block.kind, block.line, count, norm, block.note]
    if block.kind == "input":
        parts += [f"{bar.label} {number(bar.data)}" for bar in block.bars[: BLOCK.max_pills]]
    return ", ".join(filter(None, parts))


class _BlockPen:
    """Draws one box."""

    def __init__(self, plan: BlockPlan, rect: Rect, picture: Picture, writer: SvgWriter) -> None:
        self.plan = plan
        self.block = plan.block
        self.rect = rect
        self.picture = picture
        self.writer = writer

    def draw(self) -> str:
        if self.block.kind == "sum":
            return self._draw_sum()
        if self.block.kind == "input":
            return self._draw_input()
        parts = [self._draw_paper(), self._draw_heading()]
        for piece, place in self.plan.pieces:
            parts.append(self._draw_piece(piece, place.move(self.rect.x, self.rect.y)))
        return "".join(parts)

    def _draw_paper(self) -> str:
        """Draw the box, and behind it a sheet or two where it has several calls."""
        if self.block.cells:
            return draw_frame(self.rect, self.writer)
        paint = self.writer.paint("card", "line")
        border = 'stroke-width="1.1"'
        sheets = (2, 1, 0) if self.block.calls > 1 else (0,)
        parts = []
        for i in sheets:
            moved = self.rect.move(BLOCK.sheet * i, BLOCK.sheet * i)
            parts.append(self.writer.rect(moved, paint, BLOCK.radius, border))
        return "".join(parts)

    def _draw_heading(self) -> str:
        writer = self.writer
        x = self.rect.x + BLOCK.indent
        y = self.rect.y + 21
        shape = "m-1 1.5h9l-4.5 6Z" if self.block.cells else "l6 4l-6 4Z"
        triangle = path_data("M", self.rect.x + 11, y - 8.5, shape)
        parts = [
            writer.path(triangle, writer.paint("muted")),
            writer.text(
                x,
                y,
                self.plan.title,
                BLOCK.name,
                "ink",
                bold=True,
            ),
            writer.text(x, y + 17, self.plan.line, BLOCK.note, "muted"),
        ]
        if self.block.values:
            right = self.rect.right - BLOCK.padding
            text = count_text(self.block.values)
            parts.append(
                writer.text(
                    right,
                    y,
                    text,
                    BLOCK.note,
                    "muted",
                    anchor="end",
                    mono=True,
                )
            )
        return "".join(parts)

    def _draw_piece(self, piece: Piece, rect: Rect) -> str:
        if isinstance(piece, ParameterPiece):
            return self._draw_parameter(piece, rect)
        if isinstance(piece, StripPiece):
            return self._draw_strip(piece, rect)
        if isinstance(piece, GridPiece):
            return self._draw_grid(piece, rect)
        if isinstance(piece, BarsPiece):
            return self._draw_bars(piece, rect)
        if isinstance(piece, CellPiece):
            return draw_cell(piece, rect, self.picture, self.writer)
        return self._draw_text(piece, rect)

    # Maps

    def _draw_parameter(self, piece: ParameterPiece, rect: Rect) -> str:
        writer = self.writer
        shown = piece.parameter.shown
        wide, high = piece.map_size
        indent = 0.0
        top = BLOCK.letters if piece.columns else 0.0
        place = Rect(rect.x + indent, rect.y + top, wide, high)
        frame = place.shrink(-1, -1)
        name = writer.text(
            rect.x,
            rect.bottom - 3,
            piece.text,
            BLOCK.note,
            "parameter_ink",
            bold=True,
        )
        norm = "" if piece.parameter.norm is None else exact(piece.parameter.norm)
        size = f"{shown.rows} × {shown.columns}"
        tip = f"parameter {piece.parameter.name}, {size}"
        if norm:
            tip += f", gradient norm {norm}"
        parts = [
            self._draw_letters(piece.columns, place, place.y - 4),
            self._draw_map(shown, place),
            writer.rect(frame, writer.paint("none", "badge-parameter"), 3, 'stroke-width="1.8"'),
            name,
        ]
        return f"<g><title>{escape(tip, TIP)}</title>{''.join(parts)}</g>"

    def _draw_strip(self, piece: StripPiece, rect: Rect) -> str:
        writer = self.writer
        shown = piece.shown
        wide, high = piece.map_size
        top = BLOCK.letters if piece.columns else 0.0
        place = Rect(rect.x, rect.y + top, wide, high)
        border = writer.rect(place, writer.paint("none", "group_line"), 0, 'stroke-width="1"')
        parts = [
            self._draw_letters(piece.columns, place, place.y - 4),
            self._draw_map(shown, place),
            border,
        ]
        if piece.norm is not None:
            baseline = place.bottom + 14
            right = max(place.right, rect.right)
            parts.append(self._draw_norm(piece.norm, place.x, right, baseline))
        what = "gradients" if self.picture.colors == "gradient" else "numbers"
        size = f"{shown.rows} × {shown.columns}"
        tip = f"{what} of {self.block.title or 'the inputs'}, {size}"
        if piece.norm is not None:
            tip += f", gradient norm {exact(piece.norm)}"
        # Rows are too low for names.
        if shown.labels:
            tip += f"; rows: {' '.join(shown.labels)}"
        return f"<g><title>{escape(tip, TIP)}</title>{''.join(parts)}</g>"

    def _draw_map(self, shown: Map, place: Rect) -> str:
        """Draw a map as an image, on the one scale of the picture."""
        return self.writer.map_image(shown, place, self.picture.largest)

    def _draw_norm(self, norm: float, left: float, right: float, baseline: float) -> str:
        ink = "ink" if isfinite(norm) else "alarm"
        text = short_number(norm) if isfinite(norm) else number(norm)
        writer = self.writer
        return writer.text(left, baseline, NORM, BLOCK.note, "muted") + writer.text(
            right, baseline, text, BLOCK.note, ink, anchor="end", mono=True
        )

    # Grids

    def _draw_grid(self, piece: GridPiece, rect: Rect) -> str:
        writer = self.writer
        grid = piece.grid
        shown = grid.shown
        wide, high = piece.cell
        is_titled = bool(grid.title) and not piece.is_below
        top = BLOCK.letters if is_titled else 0.0
        if grid.columns and not piece.is_below:
            top += BLOCK.letters
        cells = Rect(rect.x + piece.indent, rect.y + top, wide * shown.columns, high * shown.rows)
        parts = []
        if len(shown.numbers) <= _MAX_CELLS:
            parts.append(self._draw_cells(piece, cells))
            parts.append(writer.mark_cells(shown, cells))
        else:
            parts.append(writer.map_image(shown, cells, shown.scale))
        if not shown.missing:
            border = writer.paint("none", "group_line")
            parts.append(writer.rect(cells, border, 0, 'stroke-width="1"'))
        for position in grid.framed:
            row, column = divmod(position, shown.columns)
            cell = Rect(cells.x + column * wide, cells.y + row * high, wide, high)
            frame = writer.paint("none", "answer")
            parts.append(writer.rect(cell.shrink(-0.5, 0.5), frame, 2, 'stroke-width="2"'))
        baseline = cells.bottom + 12 if piece.is_below else cells.y - 4
        parts.append(self._draw_letters(grid.columns, cells, baseline))
        parts.append(self._draw_row_names(shown.labels, cells, cells.x - 5))
        if grid.title:
            y = cells.y + 10 if piece.is_below else rect.y + 10
            parts.append(
                writer.text(
                    cells.right,
                    y,
                    grid.title,
                    BLOCK.note,
                    "muted",
                    anchor="end",
                )
            )
        title = f"{grid.title or shown.name or self.block.title}, {shown.rows} × {shown.columns}"
        return f"<g><title>{escape(title, TIP)}</title>{''.join(parts)}</g>"

    def _draw_cells(self, piece: GridPiece, cells: Rect) -> str:
        """Draw each number as a cell in a shade of gray; what is missing is left out."""
        shown = piece.grid.shown
        wide, high = piece.cell
        missing = set(shown.missing)
        parts = []
        for i, x in enumerate(shown.numbers):
            if i in missing:
                continue
            row, column = divmod(i, shown.columns)
            cell = Rect(cells.x + column * wide, cells.y + row * high, wide, high)
            fill = f"d{gray_step(x)}" if isfinite(x) else "alarm"
            line = "line" if missing else None
            border = 'stroke-width="0.6"' if missing else ""
            parts.append(self.writer.rect(cell, self.writer.paint(fill, line), 0, border))
        return "".join(parts)

    def _draw_letters(self, columns: tuple[str, ...], place: Rect, baseline: float) -> str:
        """Draw the names of columns, as far as each has space."""
        if not columns:
            return ""
        cell = place.width / len(columns)
        parts = []
        for i, name in enumerate(columns):
            x = place.x + (i + 0.5) * cell
            # A wide letter may reach over its column a little: its neighbors are narrower.
            if width(name, BLOCK.letter, bold=True) > 1.35 * cell:
                continue
            parts.append(
                self.writer.text(
                    x,
                    baseline,
                    name,
                    BLOCK.letter,
                    "ink",
                    anchor="middle",
                    bold=True,
                )
            )
        return "".join(parts)

    def _draw_row_names(self, labels: tuple[str, ...], place: Rect, right: float) -> str:
        if not labels:
            return ""
        high = place.height / len(labels)
        parts = []
        # Names of rows that are lower than a letter would run into each other.
        every = 1 if high >= BLOCK.letter - 1 else int(BLOCK.letter / high) + 1
        space = right - self.rect.x - 2
        for i, label in enumerate(labels):
            if i % every:
                continue
            y = place.y + (i + 0.5) * high + 4
            text = fit_text(label, BLOCK.letter, space, bold=True)
            parts.append(
                self.writer.text(
                    right,
                    y,
                    text,
                    BLOCK.letter,
                    "ink",
                    anchor="end",
                    bold=True,
                )
            )
        return "".join(parts)

    # Bars and texts

    def _draw_bars(self, piece: BarsPiece, rect: Rect) -> str:
        writer = self.writer
        low = min([0.0, *(bar.data for bar in piece.bars if isfinite(bar.data))])
        high = max([0.0, *(bar.data for bar in piece.bars if isfinite(bar.data))])
        left = rect.x + piece.names + 8
        area = self.rect.right - BLOCK.padding - piece.numbers - 8 - left
        unit = area / ((high - low) or 1.0)
        zero = left - low * unit
        parts = []
        for i, bar in enumerate(piece.bars):
            top = rect.y + BLOCK.bar * i
            baseline = top + BLOCK.bar / 2 + 4
            name = fit_text(bar.label, BLOCK.note, piece.names + 1, bold=True)
            parts.append(
                writer.text(
                    rect.x,
                    baseline,
                    name,
                    BLOCK.note,
                    "ink",
                    bold=True,
                )
            )
            is_odd = not isfinite(bar.data)
            length = 0.0 if is_odd else bar.data * unit
            long = max(abs(length), 0.8)
            place = Rect(min(zero, zero + length), top + 4.5, long, BLOCK.bar - 9)
            parts.append(writer.rect(place, writer.paint("muted"), 2))
            parts.append(
                writer.text(
                    self.rect.right - BLOCK.padding,
                    baseline,
                    number(bar.data),
                    BLOCK.note,
                    "alarm" if is_odd else "ink",
                    anchor="end",
                    mono=True,
                )
            )
        return "".join(parts)

    def _draw_text(self, piece: TextPiece, rect: Rect) -> str:
        baseline = rect.y + 13
        if not piece.number:
            return self.writer.text(rect.x, baseline, piece.text, BLOCK.note, "muted")
        left = self.rect.x + BLOCK.indent
        right = self.rect.right - BLOCK.padding
        writer = self.writer
        return writer.text(left, baseline, piece.text, BLOCK.note, "muted") + writer.text(
            right, baseline, piece.number, BLOCK.note, "ink", anchor="end", mono=True
        )

    # Sums and inputs

    def _draw_sum(self) -> str:
        center = f'cx="{format_coordinate(self.rect.center)}"'
        middle = f'cy="{format_coordinate(self.rect.middle)}"'
        paint = self.writer.paint("card", "ink")
        radius = format_coordinate(BLOCK.sum / 2 - 1)
        x = self.rect.center
        y = self.rect.middle
        cross = path_data("M", x - 5, y, "h10M", x, y - 5, "v10")
        stroke = 'stroke-width="2"'
        return (
            f'<circle {center} {middle} r="{radius}" {paint} stroke-width="{BORDER.leaf}"/>'
            + self.writer.path(cross, self.writer.paint("none", "ink"), stroke)
        )

    def _draw_input(self) -> str:
        writer = self.writer
        title = self.plan.title
        x = self.rect.x
        parts = []
        if title:
            parts.append(writer.text(x, self.rect.y + 12, title, BLOCK.note, "page_ink"))
        for piece, place in self.plan.pieces:
            rect = place.move(x, self.rect.y)
            if isinstance(piece, BarsPiece):
                parts.append(self._draw_pill(piece, rect))
            elif isinstance(piece, StripPiece):
                frame = writer.paint("none", "badge-input")
                parts.append(self._draw_map(piece.shown, rect))
                parts.append(writer.rect(rect.shrink(-1, -1), frame, 3, _LEAF))
            elif isinstance(piece, TextPiece):
                parts.append(self._draw_input_text(piece.text, rect))
        return "".join(parts)

    def _draw_pill(self, piece: BarsPiece, rect: Rect) -> str:
        """Draw one input with its name, if it has one, and its number."""
        writer = self.writer
        bar = piece.bars[0]
        y = rect.middle + 4.2
        text = number(bar.data)
        pill = writer.rect(rect, writer.paint("card", "badge-input"), rect.height / 2, _LEAF)
        if not bar.label:
            return pill + writer.text(
                rect.center, y, text, BLOCK.note, "muted", anchor="middle", mono=True
            )
        room = rect.width - piece.numbers - 26
        name = fit_text(bar.label, BLOCK.note, room, bold=True)
        return (
            pill
            + writer.text(
                rect.x + 11,
                y,
                name,
                BLOCK.note,
                "ink",
                bold=True,
            )
            + writer.text(
                rect.right - 10,
                y,
                text,
                BLOCK.note,
                "muted",
                anchor="end",
                mono=True,
            )
        )

    def _draw_input_text(self, text: str, rect: Rect) -> str:
        """Draw a pill with a text, or the text alone that says how many more inputs there are."""
        writer = self.writer
        if rect.height != BLOCK.pill:
            return writer.text(rect.x, rect.y + 13, text, BLOCK.note, "muted")
        pill = writer.rect(rect, writer.paint("card", "badge-input"), rect.height / 2, _LEAF)
        y = rect.middle + 4.2
        return pill + writer.text(
            rect.center,
            y,
            text,
            BLOCK.note,
            "ink",
            anchor="middle",
        )


def gray_step(x: float) -> int:
    """Return the step of the scale of data for a number from 0 to 1.

    Example:
        >>> gray_step(0.0), gray_step(1.0), gray_step(7.0)
        (0, 16, 16)
    """
    return round(STEPS * min(1.0, abs(x)))
