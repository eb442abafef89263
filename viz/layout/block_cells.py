"""What is where inside an open box of the blocks view: its calls as a grid of small cells."""

from collections.abc import Iterator
from dataclasses import replace

from viz.look.measures import BLOCK
from viz.look.text import fit_text, width
from viz.model.block_card import Block, CallCell
from viz.model.picture import Node

from .block_cards import NORM, count_text, plan_block, short_number
from .block_places import BlockPlan, CellPiece, ParameterPiece, PlacedPiece, TextPiece
from .geometry import Rect

MAX_BOX = 860.0
"""Width of the widest open box."""
MAX_PARAMETERS = 2
"""Parameters that are drawn in an open box; the table of parameters has them all."""
CELL_PAD = 7.0
NAME_ROW = 17.0
NOTE_ROW = 15.0
_GAP = 6.0
_GRAY_CELL = 14.0
_MAX_GRAY = 12
_ROW_HEIGHT = 12.0
_MAX_IN_ROW = 8
_ROW_BREAK = 5.0


def plan_cells(block: Block, node: Node, max_width: float) -> BlockPlan:
    """Return what is where inside an open box.

    Args:
        block: The box, with cells.
        node: The node that it belongs to.
        max_width: The width that it has at most.
    """
    inner = min(max_width, MAX_BOX) - 2 * BLOCK.padding
    top = BLOCK.body if block.line else BLOCK.short_body
    placed = list(_place_parameters(block, node, inner, top))
    y = max([top, *(rect.bottom + 4 for _, rect in placed)])

    pieces = [_make_piece(cell, inner) for cell in block.cells]
    wide = min(inner, max(_measure_width(piece) for piece in pieces))
    high = max(_measure_height(piece) for piece in pieces)
    columns = _count_columns(block, wide, inner)
    bottom = y
    for i, piece in enumerate(pieces):
        row, column = divmod(i, columns)
        x = BLOCK.padding + column * (wide + _GAP)
        rect = Rect(x, y + row * (high + _GAP), wide, high)
        placed.append((piece, rect))
        bottom = rect.bottom
    hidden = block.calls - len(pieces)
    right = BLOCK.padding + min(columns, len(pieces)) * (wide + _GAP) - _GAP
    for text in _foot(block, hidden, right - BLOCK.padding):
        rect = Rect(BLOCK.padding, bottom + _ROW_BREAK, right - BLOCK.padding, BLOCK.caption)
        placed.append((text, rect))
        bottom = rect.bottom

    heading = f"{block.title} × {block.calls:,}"
    count_width = width(count_text(block.values), BLOCK.note, mono=True)
    title_width = width(heading, BLOCK.name, bold=True)
    least = BLOCK.indent + title_width + 10 + count_width + BLOCK.padding
    rights = [rect.right for _, rect in placed]
    whole = min(max(max_width, wide), max(least, *(end + BLOCK.padding for end in rights)))
    available = whole - BLOCK.indent - 10 - count_width - BLOCK.padding
    title = fit_text(heading, BLOCK.name, available, bold=True)
    line = fit_text(block.line, BLOCK.note, whole - BLOCK.indent - BLOCK.padding)
    return BlockPlan(block, title, line, (whole, bottom + BLOCK.padding), tuple(placed))


def _place_parameters(block: Block, node: Node, inner: float, top: float) -> Iterator[PlacedPiece]:
    """Yield the parameters in a row, as they are in the closed box."""
    if len(block.parameters) > MAX_PARAMETERS:
        return
    rest = Block(block.id, parameters=block.parameters, columns=block.columns)
    x = BLOCK.padding
    for piece, rect in plan_block(rest, node, inner, is_row=True).pieces:
        if isinstance(piece, ParameterPiece) and x + rect.width <= BLOCK.padding + inner:
            yield piece, replace(rect, x=x, y=top)
            x += rect.width + 8


def _foot(block: Block, hidden: int, space: float) -> Iterator[TextPiece]:
    if hidden > 0:
        yield TextPiece(f"+ {hidden:,} more calls")
    if block.norm is not None:
        text = short_number(block.norm)
        words = f"{NORM} of all calls"
        # The number is at the right end.
        needed = width(words, BLOCK.note) + width(text, BLOCK.note, mono=True) + 30
        yield TextPiece(words if needed <= space else NORM, text)


def _count_columns(block: Block, wide: float, inner: float) -> int:
    """Return how many cells are in a row, so that rows are equally long."""
    most = max(1, int((inner + _GAP) // (wide + _GAP)))
    count = len(block.cells)
    if 0 < block.cells_in_row <= most:
        return block.cells_in_row
    most = min(most, _MAX_IN_ROW)
    rows = -(-count // most)
    return -(-count // rows)


def _make_piece(cell: CallCell, inner: float) -> CellPiece:
    if cell.shown is None:
        return CellPiece(cell, (0.0, 0.0))
    columns = cell.shown.columns
    if cell.shown.is_gray and columns <= _MAX_GRAY:
        names = cell.columns or ("m",)
        letter = max(width(name, BLOCK.letter, bold=True) for name in names)
        return CellPiece(cell, (columns * max(_GRAY_CELL, min(letter + 2, 30.0)), _GRAY_CELL))
    one = max(2.0, min(6.0, 128.0 / columns))
    return CellPiece(cell, (min(columns * one, inner - 2 * CELL_PAD), _ROW_HEIGHT))


def has_letters(piece: CellPiece) -> bool:
    """Return whether the columns of a cell are wide enough for their names."""
    shown = piece.cell.shown
    if shown is None or not piece.cell.columns:
        return False
    return piece.map_size[0] / shown.columns >= BLOCK.min_letter_cell


def _measure_width(piece: CellPiece) -> float:
    cell = piece.cell
    title = width(cell.title, BLOCK.note, bold=True)
    count = width(count_text(cell.values), BLOCK.letter, mono=True)
    rows = [title + 10 + count, piece.map_size[0]]
    if cell.norm is not None:
        norm = width(short_number(cell.norm), BLOCK.letter, mono=True)
        rows.append(width(NORM, BLOCK.letter) + 8 + norm)
    if cell.later:
        rows.append(width(later_text(cell), BLOCK.letter))
    return max(rows) + 2 * CELL_PAD


def _measure_height(piece: CellPiece) -> float:
    cell = piece.cell
    high = NAME_ROW + CELL_PAD
    if piece.map_size[1]:
        high += piece.map_size[1] + 4 + (BLOCK.letters - 2 if has_letters(piece) else 0.0)
    high += NOTE_ROW if cell.norm is not None else 0.0
    return high + (NOTE_ROW if cell.later else 0.0)


def later_text(cell: CallCell) -> str:
    """Return what a cell passes on, in words."""
    return f"→ {count_text(cell.later)} to later calls"
