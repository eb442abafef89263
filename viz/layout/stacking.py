"""Stacking: pictures that were placed each by itself, below each other, each in a box."""

from collections.abc import Sequence
from dataclasses import replace

from viz.look.measures import BOX
from viz.model.picture import Picture

from .geometry import Point, Rect
from .node_size import header_height
from .placed import PlacedPicture, Route, Split

_GAP = 16.0


def stack_boxes(
    picture: Picture, parts: Sequence[PlacedPicture], headings: Sequence[float]
) -> PlacedPicture:
    """Return a picture of boxes that nothing joins, one below the other.

    Args:
        picture: The whole, whose groups are the boxes, and whose nodes and edges are those of the
            parts one after the other.
        parts: What is in each box, all running in the same direction.
        headings: The width that the heading of each box needs.
    """
    nodes: dict[str, Rect] = {}
    groups: dict[str, Rect] = {}
    routes: list[Route] = []
    splits: dict[int, Split] = {}
    widest = max(max(part.width for part in parts) + 2 * BOX.margin, *headings)
    header = header_height(picture)
    y = 0.0
    for group, part in zip(picture.groups, parts, strict=True):
        dx = (widest - part.width) / 2
        top = y + header
        nodes |= {id: rect.move(dx, top) for id, rect in part.nodes.items()}
        # The numbers at the ends of rows go on from box to box: each is there once.
        count = max((split.number for split in splits.values()), default=0)
        for i, split in part.splits.items():
            before = _move(split.before, dx, top)
            after = _move(split.after, dx, top)
            splits[len(routes) + i] = Split(count + split.number, before, after)
        routes += [_move(route, dx, top) for route in part.routes]
        groups[group.path] = Rect(0.0, y, widest, header + part.height + BOX.margin)
        y = groups[group.path].bottom + _GAP
    return PlacedPicture(
        replace(picture, rankdir=parts[0].picture.rankdir),
        nodes,
        groups,
        tuple(routes),
        ports=(),
        width=widest,
        height=y - _GAP,
        shown_width=parts[0].shown_width,
        splits=splits,
    )


def _move(route: Sequence[Point], dx: float, dy: float) -> Route:
    return tuple((x + dx, y + dy) for x, y in route)
