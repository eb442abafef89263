"""Where things stand: the boxes of modules are laid out one by one by Graphviz, the innermost first, and then put into each other."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from viz.model.picture import Picture

from .containment import Containment, chain_to
from .edge_routes import Router
from .geometry import Point, Rect, Size
from .graphviz import Box, Placement, place

HEADER, MARGIN, PORT = 30.0, 14.0, 8.0


@dataclass(frozen=True)
class PlacedPicture:
    """A picture with positions: frames of nodes and groups, and for each edge the points that it passes, ends included."""

    picture: Picture
    nodes: dict[str, Rect]
    groups: dict[str, Rect]
    routes: tuple[tuple[Point, ...], ...]
    ports: tuple[Point, ...]
    width: float
    height: float


@dataclass
class _Plan:
    """One module's inside, with its own origin."""

    size: Size
    corners: dict[str, Point] = field(default_factory=dict)
    routes: dict[tuple[str, str], tuple[Point, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LayoutSettings:
    """How a layout is made: pixels between columns and between rows, seconds for each call of Graphviz, and which Graphviz."""

    column_gap: float
    row_gap: float
    limit: float = 5.0
    program: str | None = None


def lay_out_graph(
    picture: Picture, sizes: dict[str, Size], headers: dict[str, float], settings: LayoutSettings
) -> PlacedPicture:
    """Columns from left to right, each module in a box of its own.

    sizes    width and height of each node
    headers  the width that the heading of each group needs

    Raises LayoutError as `place` does.
    """
    return _Layout(picture, sizes, headers, settings).placed()


class _Layout:
    def __init__(
        self,
        picture: Picture,
        sizes: dict[str, Size],
        headers: dict[str, float],
        settings: LayoutSettings,
    ) -> None:
        self.picture, self.sizes, self.headers, self.settings = picture, sizes, headers, settings
        self.structure = Containment(picture)
        self.plans: dict[str, _Plan] = {}
        self.shared: dict[object, Placement] = {}

    def plan(self, path: str) -> _Plan:
        """Lay out the inside of a group, the groups in it first."""
        items = self.structure.items[path]
        for item in items:
            if item not in self.sizes and item not in self.plans:
                self.plans[item] = self.plan(item)
                self.sizes[item] = self.plans[item].size
        edges = self._edges_within(path)
        return self._boxed(
            path,
            self._stacked(items) if path and not edges else self._by_graphviz(path, items, edges),
        )

    def _edges_within(self, path: str) -> list[tuple[str, str]]:
        """The edges between the items of a group, each pair once, those from its ports included."""
        pairs: dict[tuple[str, str], None] = {}
        for edge in self.picture.edges:
            source, target = (
                self.structure.item(edge.source, path),
                self.structure.item(edge.target, path),
            )
            if source is None and target is not None and path in self.structure.units:
                source = self.structure.ports[path][edge.source]
            if source is not None and target is not None and source != target:
                pairs[source, target] = None
        return list(pairs)

    def _stacked(self, items: list[str]) -> _Plan:
        """Items side by side without edges: one column, centered."""
        widest = max(self.sizes[item][0] for item in items)
        plan, y = _Plan((widest, 0.0)), 0.0
        for item in items:
            width, height = self.sizes[item]
            plan.corners[item] = ((widest - width) / 2, y)
            y += height + self.settings.row_gap
        plan.size = (widest, y - self.settings.row_gap)
        return plan

    def _by_graphviz(self, path: str, items: list[str], edges: list[tuple[str, str]]) -> _Plan:
        ports = (
            list(self.structure.ports.get(path, {}).values())
            if path in self.structure.units
            else []
        )
        names = [*ports, *items]
        index = {name: f"b{i}" for i, name in enumerate(names)}
        for port in ports:
            self.sizes[port] = (PORT, PORT)
        columns = {**self._depths(items, edges), **dict.fromkeys(ports, -1)}
        boxes = [Box(index[name], *self.sizes[name], columns.get(name)) for name in names]
        pairs = [(index[a], index[b]) for a, b in edges]
        key = (tuple(boxes), tuple(pairs))
        if key not in self.shared:
            self.shared[key] = self._place(boxes, pairs, any(item in self.plans for item in items))
        placement = self.shared[key]
        plan = _Plan((placement.width, placement.height))
        for name in names:
            x, y = placement.centers[index[name]]
            width, height = self.sizes[name]
            plan.corners[name] = (x - width / 2, y - height / 2)
        plan.routes = dict(zip(edges, placement.routes, strict=True))
        if not ports and self.structure.running.keys().isdisjoint(items):
            _turn_upright(
                plan, self.sizes, [item for item in items if self.structure.is_leaf(item)]
            )
        _sort_twins(plan, self.sizes, items, edges)
        self._pull_leaves(plan, edges)
        return plan

    def _place(self, boxes: list[Box], pairs: list[tuple[str, str]], modules: bool) -> Placement:
        own = self.settings
        wider = (
            1.8 if modules and not self.picture.framed else 1.0
        )  # room for the fans between layers
        return place(
            boxes,
            pairs,
            column_gap=own.column_gap * wider,
            row_gap=own.row_gap,
            limit=own.limit,
            program=own.program,
        )

    def _depths(self, items: list[str], edges: list[tuple[str, str]]) -> dict[str, int]:
        """How many steps each item is from the leaves, which have no column of their own: they stand close to their users."""
        column = {item: item for item in items if not self.structure.is_leaf(item)}
        for item in column:
            column[item] = chain_to(item, self.structure.running)[0]
        depths = dict.fromkeys(column.values(), 0)
        inner = {
            (column[a], column[b])
            for a, b in edges
            if a in column and b in column and column[a] != column[b]
        }
        for _ in items:
            steeper = {(a, b) for a, b in inner if depths[b] <= depths[a]}
            if not steeper:
                return {item: depths[own] for item, own in column.items()}
            for a, b in steeper:
                depths[b] = max(depths[b], depths[a] + 1)
        return {}  # modules that use each other: no order among them

    def _pull_leaves(self, plan: _Plan, edges: list[tuple[str, str]]) -> None:
        """A leaf with one user moves right until it stands before it, where nothing is in between."""
        users: dict[str, list[str]] = defaultdict(list)
        for a, b in edges:
            users[a].append(b)
        frames = {item: Rect(*corner, *self.sizes[item]) for item, corner in plan.corners.items()}
        for item, found in users.items():
            if len(found) != 1 or not self.structure.is_leaf(item):
                continue
            old, target = frames[item], frames[found[0]]
            new = Rect(
                target.x - self.settings.column_gap - old.width, old.y, old.width, old.height
            )
            swept = Rect(old.x, old.y - 4, new.right - old.x, old.height + 8)
            if new.x > old.x + 1 and not any(
                swept.overlap(other) for name, other in frames.items() if name != item
            ):
                frames[item], plan.corners[item] = new, (new.x, new.y)
                plan.routes.pop((item, found[0]))

    def _boxed(self, path: str, plan: _Plan) -> _Plan:
        """Room for the border and the heading."""
        if not path or not self.picture.framed:
            return plan
        width = max(plan.size[0] + 2 * MARGIN, self.headers.get(path, 0.0))
        shift_x, shift_y = (width - plan.size[0]) / 2, HEADER
        ports = set(self.structure.ports.get(path, {}).values())
        corners = {
            item: (-PORT / 2, y + shift_y) if item in ports else (x + shift_x, y + shift_y)
            for item, (x, y) in plan.corners.items()
        }
        routes = {
            pair: tuple((x + shift_x, y + shift_y) for x, y in route)
            for pair, route in plan.routes.items()
        }
        return _Plan((width, plan.size[1] + HEADER + MARGIN), corners, routes)

    def placed(self) -> PlacedPicture:
        """Everything in one coordinate system."""
        self.plans[""] = root = self.plan("")
        origins: dict[str, Point] = {"": (0.0, 0.0)}
        frames: dict[str, Rect] = {}
        pending = [""]
        while pending:
            path = pending.pop()
            left, top = origins[path]
            for item, (x, y) in self.plans[path].corners.items():
                frames[item] = Rect(left + x, top + y, *self.sizes[item])
                if item in self.plans:
                    origins[item] = (left + x, top + y)
                    pending.append(item)
        groups = {group.path: frames[group.path] for group in self.picture.groups}
        nodes = {node.id: frames[node.id] for node in self.picture.nodes}
        ports = {
            port: frames[port] for ports in self.structure.ports.values() for port in ports.values()
        }
        routes = Router(
            self.structure,
            frames,
            origins,
            {path: plan.routes for path, plan in self.plans.items()},
            self.settings.row_gap,
        ).all()
        dots = tuple((frame.x + PORT / 2, frame.middle) for frame in ports.values())
        return PlacedPicture(self.picture, nodes, groups, routes, dots, *root.size)


def _turn_upright(plan: _Plan, sizes: dict[str, Size], leaves: list[str]) -> None:
    """Turn a layout upside down where more leaves would then stand in their own order from top to bottom."""
    heights = [plan.corners[leaf][1] for leaf in leaves]
    rising = sum((b > a) - (b < a) for a, b in pairwise(heights))
    if rising >= 0:
        return
    total = plan.size[1]
    plan.corners = {item: (x, total - y - sizes[item][1]) for item, (x, y) in plan.corners.items()}
    plan.routes = {
        pair: tuple((x, total - y) for x, y in route) for pair, route in plan.routes.items()
    }


def _sort_twins(
    plan: _Plan, sizes: dict[str, Size], items: list[str], edges: list[tuple[str, str]]
) -> None:
    """Items of one column, height and neighborhood stand in their own order, which Graphviz does not keep."""
    neighbors: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for a, b in edges:
        neighbors[a].append(("to", b))
        neighbors[b].append(("from", a))
    twins: dict[object, list[str]] = defaultdict(list)
    for item in items:
        wide, high = sizes[item]
        twins[
            round(plan.corners[item][0] + wide / 2, 1), high, tuple(sorted(neighbors[item]))
        ].append(item)
    for same in twins.values():
        for item, y in zip(same, sorted(plan.corners[item][1] for item in same), strict=True):
            plan.corners[item] = (plan.corners[item][0], y)
