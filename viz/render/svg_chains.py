"""A folded chain as SVG: stacked paper with the numbers of its first and its last link."""

from math import isfinite

from viz.layout.geometry import Rect
from viz.layout.node_size import last_header
from viz.look.measures import BORDER, CHAIN, FONT_SIZES
from viz.look.text import fit_text, number
from viz.look.theme import shade
from viz.model.picture import ChainEnds, Node, Picture

from .svg_writer import SvgWriter, path_data

_SHIFT = 4.4
"""From the middle of a row down to its baseline."""


def draw_chain(node: Node, ends: ChainEnds, rect: Rect, picture: Picture, writer: SvgWriter) -> str:
    """Return the card of a folded chain."""
    paper = writer.paint("card", "line")
    parts = []
    for shift in (6.0, 3.0):
        sheet = rect.move(shift, shift)
        parts.append(writer.rect(sheet, paper, CHAIN.radius, 'stroke-width="1"'))
    parts.append(writer.rect(rect, writer.paint("card"), CHAIN.radius))
    parts.append(_draw_head(node, rect, writer))

    columns = _columns(rect)
    top = rect.y + CHAIN.title + CHAIN.formula
    header_y = top + CHAIN.header / 2 + _SHIFT
    small = FONT_SIZES.small
    headers = ("first", fit_text(last_header(ends), small, columns[1].width - CHAIN.inset))
    for name, column in zip(headers, columns, strict=True):
        end = column.right - CHAIN.inset
        parts.append(writer.text(end, header_y, name, small, "muted", anchor="end"))

    top += CHAIN.header
    rows = [("data", (ends.first, ends.last))]
    if ends.first_grad is not None and ends.last_grad is not None:
        rows.append(("grad", (ends.first_grad, ends.last_grad)))
    for word, numbers in rows:
        y = top + CHAIN.row / 2 + _SHIFT
        parts.append(writer.text(rect.x + CHAIN.inset, y, word, FONT_SIZES.word, "muted"))
        is_colored = word == picture.filled_row(node)
        for x, column in zip(numbers, columns, strict=True):
            cell = Rect(column.x, top, column.width, CHAIN.row)
            is_corner = column is columns[-1] and cell.bottom > rect.bottom - 1
            parts.append(_draw_number(x, cell, picture, writer, is_colored, is_corner))
        top += CHAIN.row

    color = "page_ink" if node.root else "line"
    thickness = BORDER.root if node.root else BORDER.plain
    outline = f'stroke-width="{thickness:g}"'
    parts.append(writer.rect(rect, writer.paint("none", color), CHAIN.radius, outline))
    return "".join(parts)


def _draw_head(node: Node, rect: Rect, writer: SvgWriter) -> str:
    """Draw how many links there are, how large each is, and what each computes."""
    left = rect.x + CHAIN.inset
    right = rect.right - CHAIN.inset
    y = rect.y + CHAIN.title / 2 + _SHIFT
    triangle = path_data("M", left, y - 9, "l6 4.5l-6 4.5Z")
    space = rect.width - 2 * CHAIN.inset
    formula = fit_text(node.formula, FONT_SIZES.dense, space)
    formula_y = rect.y + CHAIN.title + CHAIN.formula / 2 + _SHIFT - 2
    return (
        writer.path(triangle, writer.paint("muted"))
        + writer.text(left + 11, y, node.label, FONT_SIZES.label, "ink", bold=True)
        + writer.text(right, y, node.detail, FONT_SIZES.small, "muted", anchor="end")
        + writer.text(left, formula_y, formula, FONT_SIZES.dense, "ink")
    )


def _columns(rect: Rect) -> tuple[Rect, Rect]:
    """Return the two columns of numbers, which share what the names of the rows leave."""
    width = (rect.width - CHAIN.name) / 2
    left = rect.x + CHAIN.name
    first = Rect(left, rect.y, width, rect.height)
    return first, Rect(left + width, rect.y, width, rect.height)


def _draw_number(
    x: float, cell: Rect, picture: Picture, writer: SvgWriter, is_colored: bool, is_corner: bool
) -> str:
    """Draw a number on its color; the last one is inside the round corner of the card."""
    fill = ""
    ink = "ink" if isfinite(x) else "alarm"
    if is_colored and isfinite(x):
        step = shade(x, picture.largest)
        ink = f"t{step}"
        paint = writer.paint(f"g{step}")
        if is_corner:
            outline = path_data("M", cell.x, cell.y, "H", cell.right, "V", cell.bottom - 7)
            outline += path_data("a7 7 0 0 1 -7 7H", cell.x, "Z")
            fill = writer.path(outline, paint)
        else:
            fill = writer.rect(cell, paint)
    y = cell.middle + _SHIFT
    end = cell.right - CHAIN.inset
    bold = not isfinite(x)
    size = FONT_SIZES.number
    return fill + writer.text(end, y, number(x), size, ink, anchor="end", mono=True, bold=bold)
