"""Positions in the neuron view: one column of evenly spaced units per layer, each centered."""

from viz.look.measures import FONT_SIZES
from viz.look.text import width
from viz.model.picture import Column, Picture

from .geometry import Point, Rect
from .layered import PlacedPicture
from .node_size import measure_node

_ROW = 40.0
_HEADING = 44.0


def lay_out_neurons(picture: Picture) -> PlacedPicture:
    """Place the units of a network diagram.

    Args:
        picture: A picture at level "neurons".

    Returns:
        The picture with positions; empty for a picture without nodes.
    """
    if not picture.nodes:
        return PlacedPicture(picture, {}, {}, (), (), 0.0, 0.0)
    unit_width, unit_height = measure_node(picture.nodes[0], picture.level)
    tallest = max(len(column.members) for column in picture.columns)

    rects: dict[str, Rect] = {}
    center = _heading_width(picture.columns[0], unit_width) / 2
    for i, column in enumerate(picture.columns):
        if i:
            center += _distance(picture.columns[i - 1], column, unit_width)
        missing_rows = tallest - len(column.members)
        top = _HEADING + missing_rows * _ROW / 2
        for rank, member in enumerate(column.members):
            x = center - unit_width / 2
            y = top + rank * _ROW + (_ROW - unit_height) / 2
            rects[member] = Rect(x, y, unit_width, unit_height)

    routes = [_route(rects[edge.source], rects[edge.target]) for edge in picture.edges]
    right = center + _heading_width(picture.columns[-1], unit_width) / 2
    return PlacedPicture(
        picture,
        nodes=rects,
        groups={},
        routes=tuple(routes),
        ports=(),
        width=right,
        height=_HEADING + tallest * _ROW,
    )


def _heading_width(column: Column, unit_width: float) -> float:
    title_width = width(column.title, FONT_SIZES.symbol, bold=True)
    detail_width = width(column.detail, FONT_SIZES.word)
    return max(unit_width, title_width, detail_width) + 12


def _distance(before: Column, after: Column, unit_width: float) -> float:
    """Return the distance between the centers of two neighboring columns."""
    # The gap grows with the number of connections: bundles of steep lines can't be told apart.
    connections = max(len(before.members), len(after.members))
    gap = 90.0 + min(160.0, 10.0 * connections)
    headings = _heading_width(before, unit_width) + _heading_width(after, unit_width)
    return max(unit_width + gap, headings / 2 + 10)


def _route(source: Rect, target: Rect) -> tuple[Point, ...]:
    return ((source.right, source.middle), (target.x, target.middle))
