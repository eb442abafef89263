"""Wrapping: a wide picture in rows, one below the other, each read from left to right.

The picture is cut between two of its columns, and each row is laid out by itself. A line that
crosses a cut ends in a number, and goes on from the same number in a row below: a boustrophedon,
whose rows change their direction, would be shorter and hard to read.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

from viz.model.picture import Edge, Node, Picture
from viz.model.snapshot import common_path

from .containment import CONTINUATION, Containment
from .geometry import Point, Rect
from .placed import PlacedPicture, Route, Split

MARKER = 18.0
"""The size of the number at the end of a line."""
ROW_GAP = 34.0
"""Pixels between two rows."""
_STUB = 14.0
"""Length of the line from a Value to the number at which it goes on."""
_LEAVING_MARGIN = _STUB + MARKER
_CUT_COST = 1000.0
"""Lines that cuts may cross before one more row is better."""
_MAX_ATTEMPTS = 7
_SMALLER = 0.9

LayOut = Callable[[Picture], PlacedPicture]


def wrap(
    placed: PlacedPicture,
    max_width: float,
    column_gap: float,
    lay_out: LayOut,
    row_gap: float = ROW_GAP,
) -> PlacedPicture:
    """Return a picture in rows of at most a width, where its columns are narrow enough.

    Args:
        placed: A picture at level "cards" or "chips", in one row.
        max_width: The width of a row; a column that is wider has a row to itself.
        column_gap: The pixels between two columns.
        lay_out: Lays out the picture of one row.
        row_gap: The pixels between two rows.

    Returns:
        The picture in rows, or as it was where it fits or can't be cut.
    """
    best = placed
    margin = MARKER + column_gap
    # Numbers take columns, too: what is still too wide is cut once more, into smaller rows. A leaf
    # beside its user needs no number, but a box may leave no space for it.
    limits = [max_width * _SMALLER**i for i in range(_MAX_ATTEMPTS)]
    attempts = [(limit, True) for limit in limits] + [(limit, False) for limit in limits[:2]]
    for limit, moves_leaves in attempts:
        if best.width <= max_width:
            break
        wrapped = _Wrapping(placed, limit, margin, moves_leaves).place(lay_out, row_gap)
        if wrapped.width < best.width:
            best = wrapped
    return best


@dataclass(frozen=True, slots=True)
class _Crossing:
    """An edge from one row to another.

    Attributes:
        number: The number at the ends of both parts; the edges of one source share it.
        leaving: The id of the node for it in the row of the source, "" where it is beside it.
        entering: The id of the node for it in the row of the target.
    """

    number: int
    leaving: str
    entering: str


class _Wrapping:
    """Cuts one picture into rows."""

    def __init__(
        self, placed: PlacedPicture, max_width: float, margin: float, moves_leaves: bool
    ) -> None:
        self.picture = placed.picture
        self._routes = placed.routes
        self._margin = margin
        self._uses = Counter(edge.source for edge in placed.picture.edges)
        self._containment = Containment(placed.picture)
        self._items = self._find_items(placed)
        columns = self._find_columns()
        cuts = self._choose_cuts(columns, max_width)
        self._row_of: dict[str, int] = {}
        for node in self.picture.nodes:
            x = self._items[self._item(node.id)].center
            self._row_of[node.id] = sum(x > cut for cut in cuts)
        if moves_leaves:
            self._move_leaves()
        # A row of leaves alone may be empty then.
        used = sorted(set(self._row_of.values()))
        renumbered = {row: i for i, row in enumerate(used)}
        self._row_of = {node: renumbered[row] for node, row in self._row_of.items()}
        self._count = len(used)
        self._crossings = self._find_crossings()

    def _item(self, node_id: str) -> str:
        """Return what can't be cut: the outermost box around a node, or the node itself."""
        # Without frames a box is no more than nodes that are kept together.
        if not self.picture.framed:
            return node_id
        return self._containment.item(node_id, "") or node_id

    def _find_items(self, placed: PlacedPicture) -> dict[str, Rect]:
        items = {}
        for name in map(self._item, placed.nodes):
            items[name] = placed.nodes[name] if name in placed.nodes else placed.groups[name]
        return items

    def _find_columns(self) -> list[tuple[float, float]]:
        """Return the left and right ends of columns, so that no item is in two of them."""
        columns: list[tuple[float, float]] = []
        for left, right in sorted((rect.x, rect.right) for rect in self._items.values()):
            if columns and left < columns[-1][1] + 1.0:
                start, end = columns[-1]
                columns[-1] = (start, max(end, right))
            else:
                columns.append((left, right))
        return columns

    def _choose_cuts(self, columns: list[tuple[float, float]], max_width: float) -> list[float]:
        """Return where to cut: into as few rows as possible, through as few lines as possible.

        For each column the best way to end a row with it follows from those for the columns before.
        """
        count = len(columns)
        costs = [0.0] + [inf] * count
        starts = [0] * (count + 1)
        for end in range(1, count + 1):
            crossing = self._count_crossing(_cut(columns, end)) if end < count else 0
            for start in range(end):
                wide = columns[end - 1][1] - columns[start][0]
                margins = self._margin * (start > 0) + _LEAVING_MARGIN * (end < count)
                if wide + margins > max_width and end - start > 1:
                    continue
                cost = costs[start] + _CUT_COST + crossing
                if cost < costs[end]:
                    costs[end] = cost
                    starts[end] = start

        cuts: list[float] = []
        end = starts[count]
        while end:
            cuts.append(_cut(columns, end))
            end = starts[end]
        return cuts[::-1]

    def _count_crossing(self, x: float) -> int:
        sources = set()
        for edge, route in zip(self.picture.edges, self._routes, strict=True):
            if route[0][0] < x < route[-1][0]:
                sources.add(edge.source)
        # A leaf with one user moves into the row of that user.
        return sum(
            1
            for source in sources
            if self._uses[source] > 1 or not self._containment.is_leaf(source)
        )

    def _move_leaves(self) -> None:
        """Move each leaf into the first row that uses it: there it needs no number."""
        users: dict[str, list[int]] = defaultdict(list)
        for edge in self.picture.edges:
            users[edge.source].append(self._row_of[edge.target])
        for leaf, rows in users.items():
            if self._containment.is_leaf(leaf) and self._item(leaf) == leaf:
                self._row_of[leaf] = min(rows)

    def _find_crossings(self) -> dict[int, _Crossing]:
        numbers: dict[str, int] = {}
        crossings: dict[int, _Crossing] = {}
        for i, edge in enumerate(self.picture.edges):
            target_row = self._row_of[edge.target]
            if self._row_of[edge.source] != target_row:
                number = numbers.setdefault(edge.source, len(numbers) + 1)
                # Out of a box a line has to find its way around what is beside the source.
                is_boxed = self._item(edge.source) != edge.source
                leaving = f"{edge.source}>" if is_boxed else ""
                crossings[i] = _Crossing(number, leaving, f"{edge.source}<{target_row}")
        return crossings

    # Rows below each other

    def place(self, lay_out: LayOut, row_gap: float) -> PlacedPicture:
        """Return the picture in rows, each laid out by itself."""
        nodes: dict[str, Rect] = {}
        groups: dict[str, Rect] = {}
        ports: list[Point] = []
        parts: dict[tuple[str, str, int], Route] = {}
        width = 0.0
        top = 0.0
        for row in range(self._count):
            placed = lay_out(self._row_picture(row))
            nodes |= {name: rect.move(0, top) for name, rect in placed.nodes.items()}
            groups |= {path: rect.move(0, top) for path, rect in placed.groups.items()}
            ports += [(x, y + top) for x, y in placed.ports]
            for edge, route in zip(placed.picture.edges, placed.routes, strict=True):
                key = (edge.source, edge.target, edge.port)
                parts[key] = tuple((x, y + top) for x, y in route)
            width = max(width, placed.width)
            top += placed.height + row_gap

        routes, splits = self._join(parts, nodes)
        ends = [split.before[-1][0] + MARKER for split in splits.values()]
        width = max([width, *ends])
        return PlacedPicture(
            self.picture,
            {node.id: nodes[node.id] for node in self.picture.nodes},
            groups,
            routes,
            tuple(ports),
            width,
            top - row_gap,
            splits=splits,
        )

    def _row_picture(self, row: int) -> Picture:
        """Return what is in a row, with a small node for each number at the end of a line."""
        nodes = [node for node in self.picture.nodes if self._row_of[node.id] == row]
        # For each number the Values in this row that it is joined to.
        neighbors: dict[str, list[str]] = defaultdict(list)
        edges: list[Edge] = []
        for i, edge in enumerate(self.picture.edges):
            is_leaving = self._row_of[edge.source] == row
            is_entering = self._row_of[edge.target] == row
            crossing = self._crossings.get(i)
            if crossing is None:
                if is_leaving:
                    edges.append(edge)
            elif is_leaving and crossing.leaving:
                neighbors[crossing.leaving].append(edge.source)
                edges.append(replace(edge, target=crossing.leaving))
            elif is_entering:
                neighbors[crossing.entering].append(edge.target)
                edges.append(replace(edge, source=crossing.entering))

        used = {node.group for node in nodes}
        groups = [
            group
            for group in self.picture.groups
            if any(path == group.path or path.startswith(f"{group.path}/") for path in used)
        ]
        return replace(
            self.picture,
            nodes=(*nodes, *(self._marker(id, joined) for id, joined in neighbors.items())),
            edges=tuple(edges),
            groups=tuple(groups),
        )

    def _marker(self, id: str, neighbors: list[str]) -> Node:
        # Without frames it is kept beside what it belongs to; it is never inside of a frame.
        groups = [self.picture.by_id[neighbor].group for neighbor in neighbors]
        group = "" if self.picture.framed else common_path(groups)
        return Node(id, CONTINUATION, group=group)

    def _join(
        self, parts: dict[tuple[str, str, int], Route], rects: dict[str, Rect]
    ) -> tuple[tuple[Route, ...], dict[int, Split]]:
        """Return the route of each edge, and both parts of those from row to row."""
        routes: list[Route] = []
        splits: dict[int, Split] = {}
        for i, edge in enumerate(self.picture.edges):
            crossing = self._crossings.get(i)
            if crossing is None:
                routes.append(parts[edge.source, edge.target, edge.port])
                continue
            if crossing.leaving:
                before = parts[edge.source, crossing.leaving, edge.port]
            else:
                before = self._stub(edge.source, rects[edge.source])
            after = parts[crossing.entering, edge.target, edge.port]
            splits[i] = Split(crossing.number, before, after)
            routes.append((before[0], after[-1]))
        return tuple(routes), splits

    def _stub(self, source: str, rect: Rect) -> Route:
        """Return a short line to the right of a Value, below the lines to others in its row."""
        uses = [i for i, edge in enumerate(self.picture.edges) if edge.source == source]
        stays = any(i not in self._crossings for i in uses)
        y = min(rect.middle + MARKER, rect.bottom) if stays else rect.middle
        return ((rect.right, rect.middle), (rect.right + _STUB, y))


def _cut(columns: list[tuple[float, float]], end: int) -> float:
    """Return the x between a column and the one before it."""
    return (columns[end - 1][1] + columns[end][0]) / 2
