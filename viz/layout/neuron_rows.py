"""Positions in the neuron view from top to bottom: one row of units per layer, its name at left."""

from viz.look.measures import FONT_SIZES
from viz.look.text import width
from viz.model.picture import Column, Picture

from .geometry import Rect
from .layered import PlacedPicture
from .node_size import measure_node

_UNIT_GAP = 14.0
_NAME_GAP = 26.0
_ROW_GAP = 64.0


def lay_out_neuron_rows(picture: Picture) -> PlacedPicture:
    """Place the units of a network diagram in rows, as `rankdir` says from the top or the bottom.

    Args:
        picture: A picture at level "neurons".

    Returns:
        The picture with positions; empty for a picture without nodes.
    """
    if not picture.nodes:
        return PlacedPicture(picture, {}, {}, (), (), 0.0, 0.0)
    unit_width, unit_height = measure_node(picture.nodes[0], picture.level)
    step = unit_width + _UNIT_GAP
    widest = max(len(column.members) for column in picture.columns)
    left = max(map(_name_width, picture.columns)) + _NAME_GAP
    center = left + widest * step / 2
    rows = picture.columns if picture.rankdir == "TB" else picture.columns[::-1]

    rects: dict[str, Rect] = {}
    y = 0.0
    for i, row in enumerate(rows):
        if i:
            y += unit_height + _row_gap(rows[i - 1], row)
        x = center - (len(row.members) * step - _UNIT_GAP) / 2
        for rank, member in enumerate(row.members):
            rects[member] = Rect(x + rank * step, y, unit_width, unit_height)

    routes = []
    for edge in picture.edges:
        source = rects[edge.source]
        target = rects[edge.target]
        if picture.rankdir == "TB":
            routes.append(((source.center, source.bottom), (target.center, target.y)))
        else:
            routes.append(((source.center, source.y), (target.center, target.bottom)))
    # Small print below the units of the last row needs space, too.
    height = y + unit_height + _UNIT_GAP
    return PlacedPicture(picture, rects, {}, tuple(routes), (), left + widest * step, height)


def _name_width(row: Column) -> float:
    title_width = width(row.title, FONT_SIZES.symbol, bold=True)
    return max(title_width, width(row.detail, FONT_SIZES.word))


def _row_gap(before: Column, after: Column) -> float:
    # The gap grows with the number of connections: bundles of flat lines can't be told apart.
    connections = max(len(before.members), len(after.members))
    return _ROW_GAP + min(110.0, 7.0 * connections)
