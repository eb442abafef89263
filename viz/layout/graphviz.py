"""Graphviz as a placer: DOT text in, positions out, within a time limit."""

import json
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Any

from scalargrad.errors import LayoutError

from .geometry import Point
from .graphviz_process import choose_program, render

MAX_IN_PROCESS = 80
"""Nodes and edges up to which a graph is placed in this process.

Graphviz needs milliseconds for them, less than a process needs to start. It can't be stopped from
within, so what may take longer gets its own process.
"""

_POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True)
class Box:
    """A node to place.

    Attributes:
        id: A name that is safe in DOT.
        width: In points.
        height: In points.
        column: A number that all boxes of its column share; -1 is left of all.
    """

    id: str
    width: float
    height: float
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where Graphviz put things.

    Attributes:
        centers: The center of each box, y growing downward.
        routes: The points that each edge passes, in the order of the edges.
        width: Of the whole.
        height: Of the whole.
    """

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
    """Place boxes in layers from left to right.

    Args:
        boxes: The nodes.
        edges: Pairs of ids.
        column_gap: Points between two columns.
        row_gap: Points between two boxes of a column.
        limit: Seconds after which a large graph is given up.
        program: "pygraphviz" or "dot"; None: the wheel, or the program on the PATH where the wheel
            is missing.

    Raises:
        LayoutError: Graphviz is missing, fails, or is not done in time.

    Example:
        >>> boxes = [Box("a", 40, 20), Box("b", 40, 20)]
        >>> placed = place(boxes, [("a", "b")], column_gap=30, row_gap=10)
        >>> round(placed.centers["b"][0] - placed.centers["a"][0])
        70
    """
    if not boxes:
        return Placement({}, (), 0.0, 0.0)
    text = _write_dot(boxes, edges, column_gap, row_gap)
    is_small = len(boxes) + len(edges) <= MAX_IN_PROCESS
    if is_small and choose_program(program) == "pygraphviz":
        answer = _run_in_process(text)
    else:
        answer = render(text, "json0", program=program, limit=limit)
    return _read(json.loads(answer), boxes, edges)


def _write_dot(
    boxes: list[Box], edges: list[tuple[str, str]], column_gap: float, row_gap: float
) -> str:
    # newrank is what matters for time: clusters take five times as long without.
    gaps = f"ranksep={_inches(column_gap)}; nodesep={_inches(row_gap)};"
    lines = [f"digraph {{ rankdir=LR; newrank=true; {gaps}"]
    lines.append('node [shape=box, fixedsize=true, label=""]; edge [arrowhead=none];')
    for box in boxes:
        size = f"width={_inches(box.width)}, height={_inches(box.height)}"
        lines.append(f'"{box.id}" [{size}];')
    lines += _write_columns(boxes)

    columns = {box.id: box.column for box in boxes}
    for i, (a, b) in enumerate(edges):
        # Within a column edges run down. Graphviz counts upward, so that it gets them reversed:
        # see `_read`.
        column = columns[a]
        is_within = column is not None and column == columns[b]
        tail, head = (b, a) if is_within else (a, b)
        lines.append(f'"{tail}" -> "{head}" [id="{i}"];')
    return "\n".join([*lines, "}"])


def _write_columns(boxes: list[Box]) -> list[str]:
    lines = []
    for column in sorted({box.column for box in boxes if box.column is not None}):
        members = [box.id for box in boxes if box.column == column]
        names = " ".join(f'"{member}";' for member in members)
        rank = "source" if column < 0 else "same"
        lines.append(f"{{ rank={rank}; {names} }}")
        if column < 0:
            # Invisible edges keep ports in their order from top to bottom.
            lines += [f'"{b}" -> "{a}" [style=invis];' for a, b in pairwise(members)]
    return lines


def _inches(points: float) -> str:
    # Rounded up: a box that is a little smaller than whole points takes Graphviz 15 times as long.
    return f"{ceil(points / _POINTS_PER_INCH * 10_000) / 10_000:.4f}"


def _run_in_process(text: str) -> bytes:
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
    # Graphviz counts y upward and begins each column at the bottom. Taken as counting downward, its
    # numbers give the mirror image, in which each column begins at the top.
    _, _, width, height = map(float, answer["bb"].split(","))
    centers = {}
    for item in answer["objects"]:
        if "pos" in item:
            x, y = map(float, item["pos"].split(","))
            centers[item["name"]] = (x, y)
    if len(centers) < len(boxes):
        raise LayoutError(f"Graphviz placed {len(centers)} of {len(boxes)} nodes")

    routes: list[tuple[Point, ...]] = [()] * len(edges)
    for item in answer.get("edges", ()):
        if "id" in item:
            routes[int(item["id"])] = tuple(_knots(item.get("pos", "")))
    return Placement(centers, tuple(routes), width, height)


def _knots(spline: str) -> list[Point]:
    """Return the points that a spline passes: every third of its control points."""
    points = []
    for part in spline.split():
        # "s,x,y" and "e,x,y" are the tips of arrows, not control points.
        if part[0] not in "es":
            x, y = map(float, part.split(","))
            points.append((x, y))
    return points[::3]
