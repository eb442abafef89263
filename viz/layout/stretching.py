"""Stretching a placed picture: wider gaps between its columns, for what is written there."""

from dataclasses import replace

from .direction import is_upright
from .geometry import Point, Rect
from .placed import PlacedPicture


def stretch(placed: PlacedPicture, factor: float) -> PlacedPicture:
    """Return a picture that is longer in its direction, its nodes as large as they are.

    Args:
        placed: The picture.
        factor: How many times as long it is then, at least 1.

    Example:
        >>> from viz.model.picture import Node, Picture
        >>> picture = Picture("cards", (Node("n0", "input"),))
        >>> nodes = {"n0": Rect(0, 0, 100, 40)}
        >>> stretch(PlacedPicture(picture, nodes, {}, (), (), 100, 40), 1.5).nodes["n0"]
        Rect(x=25.0, y=0, width=100, height=40)
    """
    upright = is_upright(placed.picture.rankdir)

    def move_point(point: Point) -> Point:
        x, y = point
        return (x, y * factor) if upright else (x * factor, y)

    def move_node(rect: Rect) -> Rect:
        center, middle = move_point((rect.center, rect.middle))
        if upright:
            return replace(rect, y=middle - rect.height / 2)
        return replace(rect, x=center - rect.width / 2)

    def move_box(rect: Rect) -> Rect:
        x, y = move_point((rect.x, rect.y))
        right, bottom = move_point((rect.right, rect.bottom))
        return Rect(x, y, right - x, bottom - y)

    nodes = {id: move_node(rect) for id, rect in placed.nodes.items()}

    def follow(point: Point, id: str) -> Point:
        """Move a point on the border of a node, or close to it, with the node."""
        before = placed.nodes[id]
        after = nodes[id]
        x, y = point
        return x + after.x - before.x, y + after.y - before.y

    routes = []
    for edge, route in zip(placed.picture.edges, placed.routes, strict=True):
        first, *inner, last = route
        start = follow(first, edge.source)
        end = follow(last, edge.target)
        routes.append((start, *map(move_point, inner), end))

    splits = {}
    for i, split in placed.splits.items():
        edge = placed.picture.edges[i]
        first, *inner, last = split.before
        # The line to a number beside its source stays as short as it is.
        stop = move_point(last) if inner else follow(last, edge.source)
        before = (follow(first, edge.source), *map(move_point, inner), stop)
        *inner, last = split.after
        after = (*map(move_point, inner), follow(last, edge.target))
        splits[i] = replace(split, before=before, after=after)

    headings = []
    for heading in placed.headings:
        x, baseline = move_point((heading.x, heading.baseline))
        headings.append(replace(heading, x=x, baseline=baseline))

    width, height = move_point((placed.width, placed.height))
    return replace(
        placed,
        nodes=nodes,
        groups={path: move_box(rect) for path, rect in placed.groups.items()},
        routes=tuple(routes),
        ports=tuple(map(move_point, placed.ports)),
        splits=splits,
        headings=tuple(headings),
        width=width,
        height=height,
    )
