"""What is where inside a box of the blocks view: heading, parameters, strip, grids, bars, notes."""

from collections.abc import Sequence
from dataclasses import replace

from viz.look.measures import BLOCK
from viz.look.text import fit_text, number, width
from viz.model.block_card import Block, Grid
from viz.model.heatmap import Map
from viz.model.picture import Node

from .block_places import (
    BarsPiece,
    BlockPlan,
    GridPiece,
    ParameterPiece,
    Piece,
    PlacedPiece,
    StripPiece,
    TextPiece,
)
from .geometry import Rect, Size
from .node_size import measure_node

NORM = "‖∇‖"
"""The sign for the Euclidean norm of gradients."""
SINGLE = ("root", "value")
"""The kinds of boxes that are drawn as the card of one value."""
_GAP = 8.0
_ROW_GAP = 4.0
_MIN_MAP = 30.0
_MAX_CELLS = 64
_SMALL_MAP = 36.0
_SMALL_STRIP = 80.0
_BAR_AREA = 130.0
_SIDE_LABEL_GAP = 5.0


def short_number(x: float | None) -> str:
    """Return a number with two significant digits.

    Example:
        >>> short_number(0.03412), short_number(-1.0), short_number(None)
        ('0.034', '−1', '')
    """
    return "" if x is None else number(float(f"{x:.2g}"))


def count_text(count: int) -> str:
    """Return a count with thin spaces between thousands.

    Example:
        >>> count_text(43021)
        '43\\u2009021'
    """
    return f"{count:,}".replace(",", "\u2009")


def plan_block(block: Block, node: Node, max_width: float, is_row: bool) -> BlockPlan:
    """Return what is where inside a box.

    Args:
        block: The box.
        node: The node that it belongs to.
        max_width: The width that it has at most.
        is_row: Whether its grids are beside each other as far as they fit; else they are about as
            wide as high together.
    """
    if block.kind == "sum":
        return BlockPlan(block, "+", "", (BLOCK.sum, BLOCK.sum))
    if block.kind == "input":
        return _plan_input(block, max_width, is_row)
    if block.kind in SINGLE:
        card = replace(node, kind="operation") if node.kind == "module" else node
        return BlockPlan(block, block.title, block.line, measure_node(card, "cards"))
    inner_width = max_width - 2 * BLOCK.padding
    pieces = _make_pieces(block, inner_width)
    grids = [piece for piece in pieces if isinstance(piece, GridPiece)]
    in_row = len(grids) if is_row else max(1, round(len(grids) ** 0.5))
    # A note takes the place of a second line that is empty.
    words = block.line or block.note
    top = BLOCK.body if words else BLOCK.short_body
    placed = _place_pieces(pieces, inner_width, in_row, top)
    bottom = max([top - _ROW_GAP, *(rect.bottom for _, rect in placed)])
    widest = max([0.0, *(rect.right for _, rect in placed)]) + BLOCK.padding

    count_width = width(count_text(block.values), BLOCK.note, mono=True) if block.values else 0.0
    title_width = width(block.title, BLOCK.name, bold=True)
    heading = BLOCK.indent + title_width + 10 + count_width + BLOCK.padding
    line = BLOCK.indent + width(words, BLOCK.note) + BLOCK.padding
    wide = min(max_width, max(BLOCK.min_width, widest, heading + 1, line + 1))
    title = fit_text(
        block.title,
        BLOCK.name,
        wide - BLOCK.indent - 10 - count_width - BLOCK.padding,
        bold=True,
    )
    second = fit_text(words, BLOCK.note, wide - BLOCK.indent - BLOCK.padding)
    sheets = BLOCK.sheet * 2 if block.calls > 1 else 0.0
    size = (wide, bottom + BLOCK.padding)
    return BlockPlan(
        block,
        title,
        second,
        size,
        tuple(placed),
        sheets,
    )


def _make_pieces(block: Block, inner_width: float) -> list[Piece]:
    pieces: list[Piece] = []
    letters = block.columns
    for parameter in block.parameters:
        named = letters if len(letters) == parameter.shown.columns else ()
        cell = BLOCK.small_weight if len(block.parameters) > 1 else BLOCK.weight
        size = _parameter_size(parameter.shown, named, inner_width, cell)
        text = fit_text(f"θ {parameter.name}", BLOCK.note, max(size[0], 110.0), bold=True)
        pieces.append(ParameterPiece(parameter, size, text, named))
    strip = block.strip
    if strip is not None:
        has_letters = any(isinstance(piece, ParameterPiece) and piece.columns for piece in pieces)
        named = letters if len(letters) == strip.columns and not has_letters else ()
        letters_too = letters if len(letters) == strip.columns else ()
        size = _strip_size(strip, letters_too, inner_width)
        pieces.append(StripPiece(strip, block.norm, size, named))
        if strip.labels and strip.labels[-1].startswith("+"):
            text = f"last row: {strip.labels[-1]} more"
            pieces.append(TextPiece(fit_text(text, BLOCK.note, inner_width)))
    for grid in block.grids:
        pieces.append(_make_grid(grid, inner_width))
    if block.bars:
        names = max(width(bar.label, BLOCK.note, bold=True) for bar in block.bars)
        numbers = max(width(number(bar.data), BLOCK.note, mono=True) for bar in block.bars)
        pieces.append(BarsPiece(block.bars, min(names, 0.4 * inner_width), numbers))
    if strip is None and block.norm is not None:
        pieces.append(TextPiece(NORM, short_number(block.norm)))
    if block.note and block.line:
        pieces.append(TextPiece(fit_text(block.note, BLOCK.note, inner_width)))
    return pieces


def _parameter_size(shown: Map, columns: tuple[str, ...], max_width: float, cell: float) -> Size:
    if columns:
        return _lettered_width(columns, max_width), max(12.0, shown.rows * BLOCK.weight)
    longest = max(shown.rows, shown.columns)
    if longest > 20:
        cell = BLOCK.small_weight
    # The cells of small maps are larger, so that they can be seen.
    cell = max(cell, min(BLOCK.max_cell, _SMALL_MAP / longest))
    wide = min(max_width, max(8.0, shown.columns * cell))
    high = min(BLOCK.max_map, max(8.0, shown.rows * cell))
    return wide, high


def _strip_size(shown: Map, columns: tuple[str, ...], max_width: float) -> Size:
    if columns:
        wide = _lettered_width(columns, max_width)
    elif shown.columns <= _MAX_CELLS:
        largest = max(BLOCK.strip_cell[0], min(BLOCK.max_cell, _SMALL_STRIP / shown.columns))
        cell = max(2.0, min(largest, 128.0 / shown.columns))
        wide = max(_MIN_MAP, shown.columns * cell)
    else:
        wide = 160.0
    high = min(BLOCK.max_map, max(BLOCK.strip_cell[1], shown.rows * BLOCK.strip_cell[1]))
    return min(wide, max_width), high


def _lettered_width(columns: Sequence[str], max_width: float) -> float:
    letter = max(width(name, BLOCK.letter, bold=True) for name in columns)
    cell = min(max(BLOCK.min_letter_cell, letter + 0.4), max_width / len(columns))
    return cell * len(columns)


def _make_grid(grid: Grid, inner_width: float) -> GridPiece:
    shown = grid.shown
    indent = min(_names_width(shown.labels), 0.4 * inner_width)
    cell = BLOCK.grid_cell
    # Probabilities have many columns: their cells are narrow, and their rows high enough for names.
    if shown.columns > 12:
        letters = grid.columns or ("m",)
        letter = max(width(name, BLOCK.letter, bold=True) for name in letters)
        cell = max(BLOCK.min_letter_cell, letter + 0.4)
    cell = min(cell, (inner_width - indent) / shown.columns)
    high = (
        BLOCK.grid_row if shown.columns > 12 else min(BLOCK.grid_cell, BLOCK.max_grid / shown.rows)
    )
    return GridPiece(grid, (cell, high), indent, bool(shown.missing))


def _names_width(labels: tuple[str, ...]) -> float:
    if not labels:
        return 0.0
    return max(width(label, BLOCK.letter, bold=True) for label in labels) + _SIDE_LABEL_GAP


def _measure_piece(piece: Piece) -> Size:
    if isinstance(piece, ParameterPiece):
        wide, high = piece.map_size
        top = BLOCK.letters if piece.columns else 0.0
        text = width(piece.text, BLOCK.note, bold=True)
        return max(wide, text), top + high + BLOCK.caption
    if isinstance(piece, StripPiece):
        wide, high = piece.map_size
        top = BLOCK.letters if piece.columns else 0.0
        caption = 0.0
        text = 0.0
        if piece.norm is not None:
            caption = BLOCK.caption
            numbers = width(short_number(piece.norm), BLOCK.note, mono=True)
            text = width(NORM, BLOCK.note) + 6 + numbers
        return max(wide, text), top + high + caption
    if isinstance(piece, GridPiece):
        shown = piece.grid.shown
        wide, high = piece.cell
        letters = BLOCK.letters if piece.grid.columns else 0.0
        title = BLOCK.letters if piece.grid.title and not piece.is_below else 0.0
        return piece.indent + shown.columns * wide, shown.rows * high + letters + title
    if isinstance(piece, BarsPiece):
        return piece.names + _BAR_AREA + piece.numbers + 16, len(piece.bars) * BLOCK.bar
    text = width(piece.text, BLOCK.note)
    if piece.number:
        text += 10 + width(piece.number, BLOCK.note, mono=True)
    return text, BLOCK.caption


def _place_pieces(
    pieces: list[Piece], inner_width: float, grids_in_row: int, top: float
) -> list[PlacedPiece]:
    """Place pieces beside each other as far as they fit, but notes and bars alone in their rows."""
    # Several parameters have small maps, which still get a row with the strip.
    several = sum(isinstance(piece, ParameterPiece) for piece in pieces) > 1
    usual = BLOCK.usual_width + (6.0 if several else -2 * BLOCK.padding)
    placed: list[PlacedPiece] = []
    row: list[PlacedPiece] = []
    y = top
    x = 0.0
    for piece in pieces:
        wide, high = _measure_piece(piece)
        wide = min(wide, inner_width)
        if row and isinstance(piece, StripPiece):
            last, rect = row[-1]
            if isinstance(last, ParameterPiece):
                x = _begin_beside(last, rect)
        is_grid = isinstance(piece, GridPiece)
        limit = inner_width if is_grid else min(usual, inner_width)
        is_alone = isinstance(piece, (TextPiece, BarsPiece))
        in_row = len(row)
        is_full = bool(row) and (x + wide > limit or is_alone)
        if is_grid and row:
            is_full = x + wide > limit or in_row >= grids_in_row
            is_full = is_full or not isinstance(row[-1][0], GridPiece)
        if is_full:
            y = max(rect.bottom for _, rect in row) + _ROW_GAP
            row = []
            x = 0.0
        rect = Rect(BLOCK.padding + x, y, wide, high)
        row.append((piece, rect))
        placed.append((piece, rect))
        x += wide + (12.0 if is_grid else _GAP)
    return _lower_names(placed)


def _begin_beside(piece: ParameterPiece, rect: Rect) -> float:
    """Return where a strip beside a parameter begins: close to its map, above its name."""
    wide, _ = piece.map_size
    return rect.x - BLOCK.padding + wide + _GAP


def _lower_names(placed: list[PlacedPiece]) -> list[PlacedPiece]:
    """Return the pieces with the names of parameters below the strips that they would run into."""
    lowered = []
    for piece, rect in placed:
        if isinstance(piece, ParameterPiece):
            name = Rect(rect.x, rect.bottom - BLOCK.caption, rect.width, BLOCK.caption)
            strips = [place for other, place in placed if isinstance(other, StripPiece)]
            below = [place.bottom for place in strips if place.overlap(name)]
            bottom = max([rect.bottom, *(end + BLOCK.caption - 1 for end in below)])
            rect = Rect(rect.x, rect.y, rect.width, bottom - rect.y)
        lowered.append((piece, rect))
    return lowered


# Inputs


def _plan_input(block: Block, max_width: float, is_row: bool) -> BlockPlan:
    """Place the inputs as pills: below each other, or beside each other in a row."""
    top = BLOCK.caption + 2 if block.title else 0.0
    title = fit_text(block.title, BLOCK.note, max_width)
    pieces: list[PlacedPiece] = []
    if block.bars:
        shown = block.bars[: BLOCK.max_pills]
        names = max(width(bar.label, BLOCK.note, bold=True) for bar in shown)
        numbers = max(width(number(bar.data), BLOCK.note, mono=True) for bar in shown)
        wide = min(max_width, names + numbers + 30)
        x = 0.0
        y = top
        for bar in shown:
            if is_row and x and x + wide > max_width:
                x = 0.0
                y += BLOCK.pill + 4
            pieces.append((BarsPiece((bar,), names, numbers), Rect(x, y, wide, BLOCK.pill)))
            if is_row:
                x += wide + 6
            else:
                y += BLOCK.pill + 4
        rest = len(block.bars) - len(shown)
        if rest:
            y = max(rect.bottom for _, rect in pieces) + 2
            text = f"+ {count_text(rest)} more"
            pieces.append((TextPiece(text), Rect(0, y, width(text, BLOCK.note), BLOCK.caption)))
    elif block.strip is not None:
        size = _strip_size(block.strip, (), max_width)
        piece = StripPiece(block.strip, None, size)
        pieces.append((piece, Rect(0, top, *size)))
    else:
        text = fit_text(block.line or f"{count_text(block.values)} values", BLOCK.note, max_width)
        wide = width(text, BLOCK.note) + 20
        pieces.append((TextPiece(text), Rect(0, top, wide, BLOCK.pill)))
    right = max(rect.right for _, rect in pieces)
    bottom = max(rect.bottom for _, rect in pieces)
    return BlockPlan(
        block, title, "", (max(right, width(title, BLOCK.note)), bottom), tuple(pieces)
    )
