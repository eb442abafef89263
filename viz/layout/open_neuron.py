"""The layout of one open neuron: from left to right what goes in, its table, what comes out."""

from collections.abc import Mapping, Sequence

from viz.model.picture import Node, Picture

from .geometry import Rect, Size
from .node_size import measure_neighbor, row_middle
from .placed import PlacedPicture, Route

_GAP = 18.0
"""Pixels between columns."""
_ROW_GAP = 14.0
_PAPER = 6.0
"""How far the stacked paper of a closed module is below it."""
_UP_GAP = 44.0
"""Pixels between the output and what uses it, above it."""


def lay_out_open_neuron(picture: Picture) -> PlacedPicture:
    """Place an open neuron and its neighbors.

    Args:
        picture: A picture with a node at its center.
    """
    sizes = {node.id: measure_neighbor(node) for node in picture.nodes}
    center = picture.by_id[picture.center]
    before = [node for node in picture.nodes if _feeds(picture, node, center)]
    after = [node for node in picture.nodes if node is not center and node not in before]
    table_width, table_height = sizes[center.id]

    left = _widest(before, sizes)
    table = Rect(left + _GAP if before else 0.0, 0.0, table_width, table_height)
    nodes = {center.id: table}
    nodes |= _stack_before(before, sizes, table_height)
    nodes |= _stack_after(after, sizes, table, len(center.rows) - 1)

    top = min(rect.y for rect in nodes.values())
    nodes = {id: rect.move(0.0, -top) for id, rect in nodes.items()}
    routes = []
    for edge in picture.edges:
        is_module = picture.by_id[edge.target].kind == "module"
        paper = _PAPER if is_module else 0.0
        routes.append(_route(nodes[edge.source], nodes[edge.target], paper, center, nodes))
    width = max(rect.right for rect in nodes.values())
    height = max(rect.bottom for rect in nodes.values())
    return PlacedPicture(picture, nodes, {}, tuple(routes), (), width, height)


def _feeds(picture: Picture, node: Node, center: Node) -> bool:
    return any(edge.source == node.id and edge.target == center.id for edge in picture.edges)


def _widest(nodes: Sequence[Node], sizes: Mapping[str, Size]) -> float:
    return max((sizes[node.id][0] for node in nodes), default=0.0)


def _stack_before(
    nodes: Sequence[Node], sizes: Mapping[str, Size], table_height: float
) -> dict[str, Rect]:
    """Place what goes in at the left, one below the other, beside the middle of the table."""
    rects: dict[str, Rect] = {}
    column = _widest(nodes, sizes)
    height = sum(sizes[node.id][1] + _ROW_GAP for node in nodes) - _ROW_GAP
    y = (table_height - height) / 2
    for node in nodes:
        wide, high = sizes[node.id]
        rects[node.id] = Rect((column - wide) / 2, y, wide, high)
        y += high + _ROW_GAP
    return rects


def _stack_after(
    nodes: Sequence[Node], sizes: Mapping[str, Size], table: Rect, last_row: int
) -> dict[str, Rect]:
    """Place the output beside the last row of the table, and above it what uses it."""
    rects: dict[str, Rect] = {}
    column = _widest(nodes, sizes)
    y = table.y + row_middle(last_row)
    for i, node in enumerate(nodes):
        wide, high = sizes[node.id]
        y = min(y - high / 2, table.height - high) if i == 0 else y - high
        rects[node.id] = Rect(table.right + _GAP + (column - wide) / 2, y, wide, high)
        y -= _UP_GAP if i == 0 else _ROW_GAP
    return rects


def _route(
    source: Rect, target: Rect, paper: float, center: Node, nodes: Mapping[str, Rect]
) -> Route:
    table = nodes[center.id]
    if source is table:
        # Out of the last row.
        y = table.y + row_middle(len(center.rows) - 1)
        end = min(max(y, target.y + 1), target.bottom - 1)
        return (table.right, y), (target.x, end)
    if target is table:
        return (source.right, source.middle), (table.x, source.middle)
    return (source.center, source.y), (source.center, target.bottom + paper)
