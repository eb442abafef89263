"""Where things stand inside each box of the page, one box at a time: the page puts the boxes into each other as they are opened."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from scalargrad.errors import LayoutError
from viz.layout.containment import Containment
from viz.layout.geometry import Point, Rect, Size
from viz.layout.layered import LayoutSettings, PlacedPicture, lay_out_graph
from viz.look.text import clean, fitted, number, width
from viz.model.picture import Edge, Group, Node, Picture
from viz.model.snapshot import Snapshot, symbol

from .boxes import Fold

_GAPS = {"cards": (112.0, 20.0), "chips": (46.0, 16.0)}
_FANS = 120.0
"""Between boxes lines fan out, which needs room."""
_LIMIT = 4.0
_BOX = "box"
HEIGHT = 46.0


@dataclass(frozen=True)
class Plan:
    """The inside of a box: its size, a frame for each item, the height of each port, and what the edges pass on their way."""

    size: Size
    frames: tuple[Rect, ...]
    ports: tuple[float, ...]
    routes: tuple[tuple[int, int, tuple[Point, ...]], ...]

    def packed(self) -> dict[str, Any]:
        """As the page reads it: whole pixels, points in one row."""
        frames = [
            [round(n) for n in (frame.x, frame.y, frame.width, frame.height)]
            for frame in self.frames
        ]
        routes = [
            [a, b, [round(n) for point in points for n in point]] for a, b, points in self.routes
        ]
        return {
            "size": [round(n) for n in self.size],
            "frames": frames,
            "ports": [round(y) for y in self.ports],
            "routes": routes,
        }


def chip_text(snapshot: Snapshot, i: int) -> str:
    """What stands on a chip: the symbol of an operation, the short name of an input, the number of a constant."""
    node = snapshot.order[i]
    if node.args:
        return symbol(node)
    text = clean(node.label) or (number(node.data) if node.kind == "constant" else "")
    return text if len(text) <= 5 and node.kind != "parameter" else ""


class Planner:
    """Plans for all boxes. Boxes that look alike share one.

    snapshot  the graph
    folds     its boxes
    level     "cards" or "chips"
    """

    def __init__(self, snapshot: Snapshot, folds: list[Fold], level: str) -> None:
        self.snapshot, self.folds, self.level = snapshot, folds, level
        self.fold_of = {i: at for at, fold in enumerate(folds) for i in fold.values}
        self._above: dict[int, tuple[int, ...]] = {0: (0,)}
        for at, fold in enumerate(folds[1:], 1):
            self._above[at] = (*self._above[fold.parent], at)
        self.plans: list[Plan] = []
        self.shape: list[int] = []
        self.ports: list[list[int]] = []
        self._known: dict[object, int] = {}
        self._edges = self._edges_by_fold()
        for at in range(len(folds)):
            self._plan(at)

    def _edges_by_fold(self) -> list[dict[tuple[str, str], None]]:
        """For each box the pairs of its items that are joined, and the pairs that enter it from outside where it holds values."""
        edges: list[dict[tuple[str, str], None]] = [{} for _ in self.folds]
        for target, node in enumerate(self.snapshot.order):
            for arg in node.args:
                source = self.snapshot.index[arg]
                above, below = self._above[self.fold_of[source]], self._above[self.fold_of[target]]
                depth = sum(1 for a, b in zip(above, below, strict=False) if a == b) - 1
                ends = self._item(source, above, depth), self._item(target, below, depth)
                edges[above[depth]][ends] = None
                if depth < len(below) - 1:
                    edges[below[-1]][f"n{source}", f"n{target}"] = None
        return edges

    def _item(self, i: int, above: tuple[int, ...], depth: int) -> str:
        return f"n{i}" if len(above) == depth + 1 else f"m{above[depth + 1]}"

    def _plan(self, at: int) -> None:
        fold = self.folds[at]
        items = [*(f"m{i}" for i in fold.boxes), *(f"n{i}" for i in fold.values)]
        within = set(items)
        pairs = list(self._edges[at])
        outside = list(dict.fromkeys(a for a, _ in pairs if a not in within))
        sizes = {item: self._size(item) for item in [*items, *outside]}
        slots = {item: i for i, item in enumerate([*items, *outside])}
        shape = (
            bool(at),
            tuple(sizes[item] for item in items),
            tuple(self._kind(item) for item in slots),
            tuple((slots[a], slots[b]) for a, b in pairs),
            round(self._header(fold)) if at else 0,
        )
        if shape not in self._known:
            self._known[shape] = len(self.plans)
            self.plans.append(self._laid_out(at, items, outside, pairs, sizes))
        self.shape.append(self._known[shape])
        self.ports.append([int(item[1:]) for item in outside])

    def _kind(self, item: str) -> str:
        return "module" if item[0] == "m" else self.snapshot.order[int(item[1:])].kind

    def _header(self, fold: Fold) -> float:
        return width(fold.title, 11, bold=True) + 170.0

    def _size(self, item: str) -> Size:
        i = int(item[1:])
        if item[0] == "m":
            return (
                max(
                    156.0,
                    width(fitted(self.folds[i].title, 11, 200, bold=True), 11, bold=True) + 92.0,
                ),
                HEIGHT,
            )
        if self.level == "chips":
            return (max(22.0, width(chip_text(self.snapshot, i), 10, bold=True) + 14), 22.0)
        node = self.snapshot.order[i]
        label = width(fitted(clean(node.label), 11, 170, bold=True), 11, bold=True)
        badge = max(30.0, width(symbol(node), 12, bold=True) + 14)
        return (badge + max(106.0, label + 20.0), 60.0 if node.label else 43.0)

    def _laid_out(
        self,
        at: int,
        items: list[str],
        outside: list[str],
        pairs: list[tuple[str, str]],
        sizes: dict[str, Size],
    ) -> Plan:
        inner = _BOX if at else ""
        nodes = [self._node(item, inner) for item in items] + [
            self._node(item, "") for item in outside
        ]
        groups = (Group(_BOX, self.folds[at].title),) if at else ()
        picture = Picture(self.level, tuple(nodes), tuple(Edge(a, b) for a, b in pairs), groups)
        headers = {_BOX: self._header(self.folds[at])}
        across, down = _GAPS[self.level]
        across = max(across, _FANS) if self.folds[at].boxes else across
        try:
            placed = lay_out_graph(
                picture, dict(sizes), headers, LayoutSettings(across, down, _LIMIT)
            )
        except LayoutError:
            return _by_depth(items, outside, pairs, sizes)
        return self._read(placed, items, outside, pairs)

    def _node(self, item: str, group: str) -> Node:
        value = None if item[0] == "m" else self.snapshot.order[int(item[1:])]
        return Node(item, self._kind(item), symbol(value) if value is not None else "", group=group)

    def _read(
        self,
        placed: PlacedPicture,
        items: list[str],
        outside: list[str],
        pairs: list[tuple[str, str]],
    ) -> Plan:
        box = placed.groups.get(_BOX, Rect(0.0, 0.0, placed.width, placed.height))
        frames = [placed.nodes[item] for item in items]
        moved = tuple(
            Rect(frame.x - box.x, frame.y - box.y, frame.width, frame.height) for frame in frames
        )
        heights = dict(
            zip(
                Containment(placed.picture).ports.get(_BOX, {}),
                (y - box.y for _, y in placed.ports),
                strict=True,
            )
        )
        slots = {item: i for i, item in enumerate([*items, *outside])}
        routes = []
        for (a, b), points in zip(pairs, placed.routes, strict=True):
            between = tuple((x - box.x, y - box.y) for x, y in points[1:-1] if x > box.x + 1)
            if between:
                routes.append((slots[a], slots[b], between))
        return Plan(
            (box.width, box.height),
            moved,
            tuple(heights.get(item, box.height / 2) for item in outside),
            tuple(routes),
        )


def _by_depth(
    items: list[str], outside: list[str], pairs: list[tuple[str, str]], sizes: dict[str, Size]
) -> Plan:
    """What Graphviz can't place in time: a column for each depth.

    Boxes may use each other, so only steps forward in the order of making count.
    """
    rank = {item: i for i, item in enumerate(items)}
    depth = dict.fromkeys(items, 0)
    for a, b in sorted(pairs, key=lambda pair: rank.get(pair[1], 0)):
        if a in rank and b in rank and rank[a] < rank[b]:
            depth[b] = max(depth[b], depth[a] + 1)
    columns: dict[int, list[str]] = defaultdict(list)
    for item in items:
        columns[depth[item]].append(item)
    frames, left, bottom = {}, 14.0, 0.0
    for column in (columns[rank] for rank in sorted(columns)):
        wide, y = max(sizes[item][0] for item in column), 30.0
        for item in column:
            frames[item] = Rect(left, y, *sizes[item])
            y += sizes[item][1] + 16.0
        left, bottom = left + wide + 46.0, max(bottom, y)
    ports = tuple(40.0 + 12.0 * i for i in range(len(outside)))
    return Plan((left, max([bottom, *ports])), tuple(frames[item] for item in items), ports, ())
