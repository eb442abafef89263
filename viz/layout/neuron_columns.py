"""Where the units of the neuron view stand: one column per layer, evenly spaced, each column centered."""

from viz.look.text import width
from viz.model.picture import Column, Picture

from .geometry import Point, Rect
from .layered import PlacedPicture
from .node_size import measure_node

_ROW, _TOP = 40.0, 44.0


def lay_out_neurons(picture: Picture) -> PlacedPicture:
    """A network diagram. The gaps grow with the number of connections, so that bundles stay readable."""
    if not picture.nodes:
        return PlacedPicture(picture, {}, {}, (), (), 0.0, 0.0)
    wide, high = measure_node(picture.nodes[0], picture.level)
    tallest = max(len(column.members) for column in picture.columns)
    total = _TOP + tallest * _ROW
    frames: dict[str, Rect] = {}
    center = _heading_width(picture.columns[0], wide) / 2
    for i, column in enumerate(picture.columns):
        if i:
            center += _step(picture.columns[i - 1], column, wide)
        top = _TOP + (tallest - len(column.members)) * _ROW / 2
        for rank, member in enumerate(column.members):
            frames[member] = Rect(
                center - wide / 2, top + rank * _ROW + (_ROW - high) / 2, wide, high
            )
    right = center + _heading_width(picture.columns[-1], wide) / 2
    routes = tuple(_route(frames[edge.source], frames[edge.target]) for edge in picture.edges)
    return PlacedPicture(picture, frames, {}, routes, (), right, total)


def _heading_width(column: Column, wide: float) -> float:
    return max(wide, width(column.title, 12, bold=True), width(column.detail, 10)) + 12


def _step(before: Column, after: Column, wide: float) -> float:
    connections = max(len(before.members), len(after.members))
    gap = 90.0 + min(160.0, 10.0 * connections)
    return max(wide + gap, (_heading_width(before, wide) + _heading_width(after, wide)) / 2 + 10)


def _route(source: Rect, target: Rect) -> tuple[Point, ...]:
    return ((source.right, source.middle), (target.x, target.middle))
