"""An open neuron as SVG: a table with a row for each input, bars for products, filled gradients."""

from math import isfinite

from viz.layout.geometry import Rect
from viz.layout.node_size import row_middle
from viz.look.measures import BORDER, FONT_SIZES, NEURON_TABLE
from viz.look.text import fit_text, number, width
from viz.look.theme import shade
from viz.model.picture import Node, Picture, TableRow

from .svg_writer import SvgWriter, path_data

_SIZE = FONT_SIZES.dense
_SHIFT = 4.2
"""From the middle of a row down to its baseline."""
_BAR = 10.0


def draw_table(node: Node, rect: Rect, picture: Picture, writer: SvgWriter) -> str:
    """Return the table of an open neuron."""
    table = NEURON_TABLE
    parts = [writer.rect(rect, writer.paint("card"), table.radius)]
    parts.append(_draw_title(node, rect, writer))

    x_end = rect.x + table.name + table.number - table.inset
    w_end = x_end + table.number
    bars = Rect(w_end + table.inset, rect.y, table.bars, rect.height)
    product_end = bars.right + table.number - table.inset
    columns = (x_end, w_end, product_end)
    header_y = rect.y + table.title + table.header / 2 + _SHIFT
    names = (("x", x_end), ("w", w_end), ("w·x", product_end), ("grad w", rect.right - table.inset))
    small = FONT_SIZES.small
    parts.append(writer.text(rect.x + table.inset, header_y, "input", small, "muted"))
    for name, end in names:
        parts.append(writer.text(end, header_y, name, small, "muted", anchor="end"))

    # Their sum may be much larger: its bar ends where the longest of them does.
    parts_of_sum = [row.product for row in node.rows if row.x is not None]
    sizes = [abs(product) for product in parts_of_sum if isfinite(product)]
    longest = max(sizes, default=0.0) or 1.0
    is_below = False
    for i, row in enumerate(node.rows):
        middle = rect.y + row_middle(i)
        if row.x is None and not is_below:
            is_below = True
            line = path_data("M", rect.x, middle - table.row / 2, "H", rect.right)
            parts.append(writer.path(line, writer.paint("none", "line"), 'stroke-width="1.2"'))
        parts.append(_draw_row(row, rect, middle, columns, picture, writer))
        parts.append(_draw_bar(row.product / longest, bars, middle, writer))

    axis = path_data("M", bars.center, rect.y + table.title + table.header, "V", rect.bottom)
    parts.append(writer.path(axis, writer.paint("none", "line"), 'stroke-width="0.8"'))
    color = "ink" if node.root else "line"
    thickness = BORDER.root if node.root else BORDER.plain
    paint = writer.paint("none", color)
    parts.append(writer.rect(rect, paint, table.radius, f'stroke-width="{thickness:g}"'))
    return "".join(parts)


def _draw_title(node: Node, rect: Rect, writer: SvgWriter) -> str:
    table = NEURON_TABLE
    y = rect.y + table.title / 2 + 5
    triangle = path_data("M", rect.x + table.inset, y - 7, "h9l-4.5 6Z")
    detail_width = width(node.detail, FONT_SIZES.small)
    label = fit_text(node.label, FONT_SIZES.label, rect.width - detail_width - 48, bold=True)
    right = rect.right - table.inset
    small = FONT_SIZES.small
    return (
        writer.path(triangle, writer.paint("muted"))
        + writer.text(rect.x + 24, y, label, FONT_SIZES.label, "ink", bold=True)
        + writer.text(right, y, node.detail, small, "muted", anchor="end")
    )


def _draw_row(
    row: TableRow,
    rect: Rect,
    middle: float,
    columns: tuple[float, float, float],
    picture: Picture,
    writer: SvgWriter,
) -> str:
    table = NEURON_TABLE
    y = middle + _SHIFT
    is_part = row.x is not None
    # What is left of the bars is empty in a row without operands.
    space = table.name + (table.number if row.x is None else 0.0)
    space += table.number if row.weight is None else 0.0
    name = fit_text(row.name, _SIZE, space - table.inset, bold=not is_part)
    ink = "muted" if is_part else "ink"
    parts = [writer.text(rect.x + table.inset, y, name, _SIZE, ink, bold=not is_part)]
    for x, end in zip((row.x, row.weight, row.product), columns, strict=True):
        if x is not None:
            shown = "ink" if isfinite(x) else "alarm"
            parts.append(writer.text(end, y, number(x), _SIZE, shown, anchor="end", mono=True))
    if row.grad is not None:
        parts.append(_draw_gradient(row.grad, rect, middle, picture, writer))
    return "".join(parts)


def _draw_gradient(
    grad: float, rect: Rect, middle: float, picture: Picture, writer: SvgWriter
) -> str:
    table = NEURON_TABLE
    left = rect.right - table.number + 1
    cell = Rect(left, middle - table.row / 2, rect.right - left - 1, table.row)
    fill = "card"
    ink = "ink"
    if not isfinite(grad):
        ink = "alarm"
    elif picture.colors == "gradient":
        step = shade(grad, picture.largest)
        fill = f"g{step}"
        ink = f"t{step}"
    # The last row ends at the round corner: a little smaller, it stays inside.
    is_last = cell.bottom > rect.bottom - 1
    shape = writer.rect(cell.shrink(0, 1), writer.paint(fill), table.radius if is_last else 0)
    y = middle + _SHIFT
    end = rect.right - table.inset
    return shape + writer.text(end, y, number(grad), _SIZE, ink, anchor="end", mono=True)


def _draw_bar(share: float, bars: Rect, middle: float, writer: SvgWriter) -> str:
    if not isfinite(share):
        return ""
    length = min(abs(share), 1.0) * bars.width / 2
    x = bars.center if share >= 0 else bars.center - length
    # A product that is small beside the others still has a bar.
    visible = max(length, 0.4)
    bar = Rect(x, middle - _BAR / 2, visible, _BAR)
    return writer.rect(bar, writer.paint("badge-operation"), 1)
