"""The calls of an open box of the blocks view as SVG: a frame, and a small cell for each call."""

from dataclasses import replace
from math import isfinite

from viz.layout.block_cards import NORM, count_text, short_number
from viz.layout.block_cells import CELL_PAD, NAME_ROW, NOTE_ROW, has_letters, later_text
from viz.layout.block_places import CellPiece
from viz.layout.geometry import Rect
from viz.look.measures import BLOCK
from viz.look.text import TIP, escape, fit_text, number
from viz.look.theme import DARK
from viz.model.block_card import CallCell, describe_cell
from viz.model.heatmap import Map, png
from viz.model.picture import Picture

from .svg_writer import SvgWriter

_MAX_PIXELS = 20_000
_RADIUS = 5.0


def draw_frame(rect: Rect, writer: SvgWriter) -> str:
    """Return the frame of an open box."""
    paint = writer.paint("group", "line")
    return writer.rect(rect, paint, BLOCK.panel_radius, 'stroke-width="1.1"')


def draw_cell(piece: CellPiece, rect: Rect, picture: Picture, writer: SvgWriter) -> str:
    """Return one call: its number, how much it made, what leaves it, and its gradient."""
    cell = piece.cell
    paint = writer.paint("card", "group_line")
    left = rect.x + CELL_PAD
    right = rect.right - CELL_PAD
    title = fit_text(cell.title, BLOCK.note, rect.width - 2 * CELL_PAD, bold=True)
    count = count_text(cell.values)
    y = rect.y + 14
    small = BLOCK.letter
    parts = [
        writer.rect(rect, paint, _RADIUS, 'stroke-width="1"'),
        writer.text(left, y, title, BLOCK.note, "ink", bold=True),
        writer.text(right, y, count, small, "muted", anchor="end", mono=True),
    ]
    top = rect.y + NAME_ROW + 3
    if cell.shown is not None:
        if has_letters(piece):
            top += BLOCK.letters - 2
        place = Rect(left, top, *piece.map_size)
        parts.append(_draw_map(cell, cell.shown, place, picture, writer))
        if has_letters(piece):
            parts.append(_draw_letters(cell, place, writer))
        top = place.bottom
    if cell.norm is not None:
        top += NOTE_ROW
        ink = "ink" if isfinite(cell.norm) else "alarm"
        text = short_number(cell.norm) if isfinite(cell.norm) else number(cell.norm)
        parts.append(writer.text(left, top, NORM, small, "muted"))
        parts.append(writer.text(right, top, text, small, ink, anchor="end", mono=True))
    if cell.later:
        top += NOTE_ROW
        parts.append(writer.text(left, top, later_text(cell), small, "muted"))
    tip = escape(describe_cell(cell), TIP)
    return f"<g><title>{tip}</title>{''.join(parts)}</g>"


def _draw_map(cell: CallCell, shown: Map, place: Rect, picture: Picture, writer: SvgWriter) -> str:
    scaled = shown if shown.is_gray else replace(shown, scale=picture.largest)
    light = png(scaled, writer.theme, _MAX_PIXELS)
    dark = png(scaled, DARK, _MAX_PIXELS) if writer.automatic else None
    parts = [writer.image(place, light, dark)]
    border = writer.paint("none", "group_line")
    parts.append(writer.rect(place, border, 0, 'stroke-width="1"'))
    wide = place.width / shown.columns
    for position in cell.framed:
        frame = Rect(place.x + position * wide, place.y, wide, place.height)
        answer = writer.paint("none", "answer")
        parts.append(writer.rect(frame, answer, 1.5, 'stroke-width="2"'))
    return "".join(parts)


def _draw_letters(cell: CallCell, place: Rect, writer: SvgWriter) -> str:
    wide = place.width / len(cell.columns)
    parts = []
    for i, name in enumerate(cell.columns):
        x = place.x + (i + 0.5) * wide
        text = fit_text(name, BLOCK.letter, 1.3 * wide, bold=True)
        size = BLOCK.letter
        y = place.y - 3
        parts.append(writer.text(x, y, text, size, "ink", anchor="middle", bold=True))
    return "".join(parts)
