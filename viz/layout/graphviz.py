"""Graphviz as a placer: DOT text in, positions out, within a time limit, with no system install needed."""

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from scalargrad.errors import LayoutError

from .geometry import Point
from .graphviz_process import available, rendered

SMALL = 80
"""Graphs of up to this many nodes and edges are placed in this process: Graphviz needs milliseconds for them."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node to place: its size in points, and a number that all boxes of its column share; -1 is left of all."""

    id: str
    width: float
    height: float
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where Graphviz put things: the center of each box, the points that each edge passes, y growing downwards."""

    centers: dict[str, Point]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def place(
    boxes: list[Box],
    edges: list[tuple[str, str]],
    *,
    column_gap: float,
    row_gap: float,
    limit: float = 5.0,
    program: str | None = None,
) -> Placement:
    """Layered positions, left to right. `routes` has one entry per edge, in order.

    limit    seconds; what may be large is placed in a process of its own, which is stopped then
    program  "pygraphviz" or "dot"; None: the wheel, or the program on the PATH where the wheel is missing

    Raises LayoutError when Graphviz is missing, fails, or is not done in time.

    >>> placed = place([Box("a", 40, 20), Box("b", 40, 20)], [("a", "b")], column_gap=30, row_gap=10)
    >>> round(placed.centers["b"][0] - placed.centers["a"][0])
    70
    """
    if not boxes:
        return Placement({}, (), 0.0, 0.0)
    text = _dot(boxes, edges, column_gap, row_gap)
    small = len(boxes) + len(edges) <= SMALL and available(program) == "pygraphviz"
    answer = _in_process(text) if small else rendered(text, "json0", program=program, limit=limit)
    return _read(json.loads(answer), boxes, edges)


def _dot(boxes: list[Box], edges: list[tuple[str, str]], column_gap: float, row_gap: float) -> str:
    lines = [
        f"digraph {{ rankdir=LR; newrank=true; ranksep={column_gap / 72:.4f}; nodesep={row_gap / 72:.4f};"
    ]
    lines.append('node [shape=box, fixedsize=true, label=""]; edge [arrowhead=none];')
    lines += [
        f'"{box.id}" [width={box.width / 72:.4f}, height={box.height / 72:.4f}];' for box in boxes
    ]
    for column in sorted({box.column for box in boxes if box.column is not None}):
        members = [box.id for box in boxes if box.column == column]
        lines.append(
            f"{{ rank={'source' if column < 0 else 'same'}; "
            + " ".join(f'"{member}";' for member in members)
            + " }"
        )
        if column < 0:  # kept in their order from top to bottom
            lines += [f'"{b}" -> "{a}" [style=invis];' for a, b in pairwise(members)]
    column_of = {box.id: box.column for box in boxes}
    for i, (a, b) in enumerate(edges):
        within = (
            column_of[a] is not None and column_of[a] == column_of[b]
        )  # such an edge runs down; see _read on up and down
        lines.append(f'"{b}" -> "{a}" [id="{i}"];' if within else f'"{a}" -> "{b}" [id="{i}"];')
    return "\n".join([*lines, "}"])


def _in_process(text: str) -> bytes:
    import pygraphviz

    graph = pygraphviz.AGraph(string=text)
    try:
        answer: bytes = graph.draw(format="json0", prog="dot")
    except ValueError as error:
        raise LayoutError(f"Graphviz failed: {error}") from error
    finally:
        graph.close()
    return answer


def _read(answer: dict[str, Any], boxes: list[Box], edges: list[tuple[str, str]]) -> Placement:
    _, _, width, height = map(float, answer["bb"].split(","))
    centers = {}
    for item in answer["objects"]:
        if "pos" in item:
            x, y = map(float, item["pos"].split(","))
            centers[item["name"]] = (
                x,
                y,
            )  # Graphviz counts upwards, and so begins each column at the bottom: mirrored, at the top
    routes: list[tuple[Point, ...]] = [()] * len(edges)
    for item in answer.get("edges", ()):
        if "id" in item:
            routes[int(item["id"])] = tuple(_knots(item.get("pos", "")))
    if len(centers) < len(boxes):
        raise LayoutError(f"Graphviz placed {len(centers)} of {len(boxes)} nodes")
    return Placement(centers, tuple(routes), width, height)


def _knots(route: str) -> list[Point]:
    """The points that a spline passes through: every third of its control points."""
    points = [tuple(map(float, part.split(","))) for part in route.split() if part[0] not in "es"]
    return [(x, y) for x, y in points[::3]]
