"""Where things stand: the boxes of modules are laid out one by one by Graphviz, the innermost first, and then put into each other."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from .picture import Edge, Picture
from .placing import Box, Placement, Point, place
from .snapshot import parent_path

HEADER, MARGIN, PORT = 30.0, 14.0, 8.0
LONG_SUM = 4
"""Chains of so many + run down in one column."""

_FAR, _STEEPEST = 26.0, 1.6

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle by its left upper corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right edge."""
        return self.x + self.width

    @property
    def middle(self) -> float:
        """The y of its middle."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Placed:
    """A picture with positions: frames of nodes and groups, and for each edge the points that it passes, ends included."""

    picture: Picture
    nodes: dict[str, Frame]
    groups: dict[str, Frame]
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


def layered(
    picture: Picture, sizes: dict[str, Size], headers: dict[str, float], *, column_gap: float, row_gap: float, limit: float
) -> Placed:
    """Columns from left to right, each module in a box of its own.

    sizes    width and height of each node
    headers  the width that the heading of each group needs
    limit    seconds for each call of Graphviz
    """
    return _Layout(picture, sizes, headers, column_gap, row_gap, limit).placed()


class _Layout:
    def __init__(
        self, picture: Picture, sizes: dict[str, Size], headers: dict[str, float], column_gap: float, row_gap: float, limit: float
    ) -> None:
        self.picture, self.sizes, self.headers = picture, sizes, headers
        self.column_gap, self.row_gap, self.limit = column_gap, row_gap, limit
        self.plans: dict[str, _Plan] = {}
        self.shared: dict[object, Placement] = {}

    @cached_property
    def items(self) -> dict[str, list[str]]:
        """What stands directly in each group: ids of nodes, paths of groups."""
        items: dict[str, list[str]] = defaultdict(list)
        for group in self.picture.groups:
            items[group.parent].append(group.path)
        for node in self.picture.nodes:
            items[node.group].append(node.id)
        return items

    @cached_property
    def units(self) -> set[str]:
        """Groups that hold single Values: what enters them from outside passes a port on their border."""
        return {node.group for node in self.picture.nodes if node.group and node.kind != "module" and self.picture.framed}

    @cached_property
    def entering(self) -> dict[str, dict[str, str]]:
        """For each unit the port of each node outside that it uses."""
        entering: dict[str, dict[str, str]] = defaultdict(dict)
        for edge in self.picture.edges:
            for path in self._entered(edge):
                if path in self.units:
                    entering[path].setdefault(edge.source, f"{path}<{edge.source}")
        return {path: {source: ports[source] for source in sorted(ports, key=self._order.__getitem__)} for path, ports in entering.items()}

    @cached_property
    def _order(self) -> dict[str, int]:
        return {node.id: i for i, node in enumerate(self.picture.nodes)}

    def _group(self, node_id: str) -> str:
        return self.picture.by_id[node_id].group

    def _entered(self, edge: Edge) -> list[str]:
        """The groups that an edge enters, the outermost first."""
        return self._around(self._group(edge.target), self._group(edge.source))

    def _around(self, inner: str, outer: str) -> list[str]:
        """The groups around `inner` that are not around `outer`, the outermost first."""
        found: list[str] = []
        path = inner
        while path and not (outer + "/").startswith(path + "/"):
            found.append(path)
            path = parent_path(path)
        return found[::-1]

    def plan(self, path: str) -> _Plan:
        """Lay out the inside of a group, the groups in it first."""
        items = self.items[path]
        for item in items:
            if item not in self.sizes and item not in self.plans:
                self.plans[item] = self.plan(item)
                self.sizes[item] = self.plans[item].size
        edges = self._edges_within(path)
        return self._boxed(path, self._stacked(items) if path and not edges else self._by_graphviz(path, items, edges))

    def _edges_within(self, path: str) -> list[tuple[str, str]]:
        """The edges between the items of a group, each pair once, those from its ports included."""
        pairs: dict[tuple[str, str], None] = {}
        for edge in self.picture.edges:
            source, target = self._item(edge.source, path), self._item(edge.target, path)
            if source is None and target is not None and path in self.units:
                source = self.entering[path][edge.source]
            if source is not None and target is not None and source != target:
                pairs[source, target] = None
        return list(pairs)

    def _item(self, node_id: str, path: str) -> str | None:
        """The item of the group `path` that holds a node, None if it stands elsewhere."""
        group = self._group(node_id)
        if group == path:
            return node_id
        while group and parent_path(group) != path:
            group = parent_path(group)
        return group or None

    def _stacked(self, items: list[str]) -> _Plan:
        """Items side by side without edges: one column, centred."""
        widest = max(self.sizes[item][0] for item in items)
        plan, y = _Plan((widest, 0.0)), 0.0
        for item in items:
            width, height = self.sizes[item]
            plan.corners[item] = ((widest - width) / 2, y)
            y += height + self.row_gap
        plan.size = (widest, y - self.row_gap)
        return plan

    def _by_graphviz(self, path: str, items: list[str], edges: list[tuple[str, str]]) -> _Plan:
        ports = list(self.entering.get(path, {}).values()) if path in self.units else []
        names = [*ports, *items]
        index = {name: f"b{i}" for i, name in enumerate(names)}
        for port in ports:
            self.sizes[port] = (PORT, PORT)
        columns = {**self._depths(items, edges), **dict.fromkeys(ports, -1)}
        boxes = [Box(index[name], *self.sizes[name], columns.get(name)) for name in names]
        pairs = [(index[a], index[b]) for a, b in edges]
        key = (tuple(boxes), tuple(pairs))
        if key not in self.shared:
            wider = 1.8 if not self.picture.framed and any(item in self.plans for item in items) else 1.0
            self.shared[key] = place(boxes, pairs, column_gap=self.column_gap * wider, row_gap=self.row_gap, limit=self.limit)
        placement = self.shared[key]
        plan = _Plan((placement.width, placement.height))
        for name in names:
            x, y = placement.centres[index[name]]
            width, height = self.sizes[name]
            plan.corners[name] = (x - width / 2, y - height / 2)
        plan.routes = dict(zip(edges, placement.routes, strict=True))
        _sort_twins(plan, items, edges)
        self._pull_leaves(plan, edges)
        return plan

    def _is_leaf(self, item: str) -> bool:
        return item in self.picture.by_id and self.picture.by_id[item].kind in ("input", "parameter", "constant")

    @cached_property
    def running(self) -> dict[str, str]:
        """For each sum in a long chain of sums the one before it: such a chain runs down in one column, as an account does."""
        if self.picture.level != "cards":
            return {}
        before: dict[str, str] = {}
        for edge in self.picture.edges:
            if self._is_sum(edge.source) and self._is_sum(edge.target) and self._group(edge.source) == self._group(edge.target):
                before[edge.target] = edge.source
        uses = Counter(edge.source for edge in self.picture.edges)
        links = {target: source for target, source in before.items() if uses[source] == 1}
        lengths = Counter(_chain(target, links)[0] for target in links)
        return {target: source for target, source in links.items() if lengths[_chain(target, links)[0]] >= LONG_SUM - 1}

    def _is_sum(self, node_id: str) -> bool:
        return self.picture.by_id[node_id].symbol == "+"

    def _depths(self, items: list[str], edges: list[tuple[str, str]]) -> dict[str, int]:
        """How many steps each item is from the leaves, which have no column of their own: they stand close to their users."""
        column = {item: item for item in items if not self._is_leaf(item)}
        for item in column:
            column[item] = _chain(item, self.running)[0]
        depths = dict.fromkeys(column.values(), 0)
        inner = {(column[a], column[b]) for a, b in edges if a in column and b in column and column[a] != column[b]}
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
        frames = {item: Frame(*corner, *self.sizes[item]) for item, corner in plan.corners.items()}
        for item, found in users.items():
            if len(found) != 1 or not self._is_leaf(item):
                continue
            old, target = frames[item], frames[found[0]]
            new = Frame(target.x - self.column_gap - old.width, old.y, old.width, old.height)
            swept = Frame(old.x, old.y - 4, new.right - old.x, old.height + 8)
            if new.x > old.x + 1 and not any(_touch(swept, other) for name, other in frames.items() if name != item):
                frames[item], plan.corners[item] = new, (new.x, new.y)
                plan.routes.pop((item, found[0]))

    def _boxed(self, path: str, plan: _Plan) -> _Plan:
        """Room for the border and the heading."""
        if not path or not self.picture.framed:
            return plan
        width = max(plan.size[0] + 2 * MARGIN, self.headers.get(path, 0.0))
        shift_x, shift_y = (width - plan.size[0]) / 2, HEADER
        ports = set(self.entering.get(path, {}).values())
        corners = {item: (-PORT / 2, y + shift_y) if item in ports else (x + shift_x, y + shift_y) for item, (x, y) in plan.corners.items()}
        routes = {pair: tuple((x + shift_x, y + shift_y) for x, y in route) for pair, route in plan.routes.items()}
        return _Plan((width, plan.size[1] + HEADER + MARGIN), corners, routes)

    def placed(self) -> Placed:
        """Everything in one coordinate system."""
        self.plans[""] = root = self.plan("")
        origins: dict[str, Point] = {"": (0.0, 0.0)}
        frames: dict[str, Frame] = {}
        pending = [""]
        while pending:
            path = pending.pop()
            left, top = origins[path]
            for item, (x, y) in self.plans[path].corners.items():
                frames[item] = Frame(left + x, top + y, *self.sizes[item])
                if item in self.plans:
                    origins[item] = (left + x, top + y)
                    pending.append(item)
        groups = {group.path: frames[group.path] for group in self.picture.groups}
        nodes = {node.id: frames[node.id] for node in self.picture.nodes}
        ports = {port: frames[port] for ports in self.entering.values() for port in ports.values()}
        ends = _ends(self.picture, nodes, self.running)
        routes = tuple(self._route(edge, ends[i], frames, origins) for i, edge in enumerate(self.picture.edges))
        dots = tuple((frame.x + PORT / 2, frame.middle) for frame in ports.values())
        return Placed(self.picture, nodes, groups, routes, dots, *root.size)

    def _route(self, edge: Edge, ends: tuple[Point, Point], frames: dict[str, Frame], origins: dict[str, Point]) -> tuple[Point, ...]:
        """From the source, level out of the groups it leaves, over to the outermost group it enters, through ports to the target."""
        start, end = ends
        if self.running.get(edge.target) == edge.source:
            return (start, end)
        if not self.picture.framed:
            return (start, *self._passed(edge, self._common(edge), start, end, origins), *self._past_leaf(edge, end, frames), end)
        points = [start]
        left = self._around(self._group(edge.source), self._group(edge.target))
        points += [(frames[path].right, start[1]) for path in left[::-1]]
        stops: list[tuple[Point, str]] = []
        height = end[1]
        for path in self._entered(edge)[::-1]:
            port = self.entering.get(path, {}).get(edge.source)
            height = frames[port].middle if port else height
            stops.append(((frames[path].x, height), path))
        common = self._common(edge)
        points += self._passed(edge, common, points[-1], stops[-1][0] if stops else end, origins)
        for place_on_border, path in stops[::-1]:
            points.append(place_on_border)
            if path == self._group(edge.target) and path in self.units:
                points += self._passed(edge, path, place_on_border, end, origins)
        return (*points, end)

    def _past_leaf(self, edge: Edge, end: Point, frames: dict[str, Frame]) -> list[Point]:
        """Into a module: above or below the leaf that stands before the target, not through it."""
        if not self._entered(edge):
            return []
        target = frames[edge.target]
        for item in self.items[self._group(edge.target)]:
            leaf = frames[item]
            if self._is_leaf(item) and leaf.right < target.x and abs(leaf.middle - target.middle) < leaf.height:
                lane = leaf.middle + (leaf.height + self.row_gap) / 2 * (1 if end[1] > target.middle else -1)
                return [(leaf.x - 4, lane), (leaf.right, lane)]
        return []

    def _common(self, edge: Edge) -> str:
        entered = self._entered(edge)
        return parent_path(entered[0]) if entered else self._group(edge.target)

    def _passed(self, edge: Edge, path: str, start: Point, end: Point, origins: dict[str, Point]) -> list[Point]:
        """The points by which Graphviz leads an edge around what stands between its ends."""
        source = self._item(edge.source, path) or self.entering.get(path, {}).get(edge.source)
        target = self._item(edge.target, path)
        route = self.plans[path].routes.get((source or "", target or ""), ())
        x, y = origins[path]
        inner = [(px + x, py + y) for px, py in route[1:-1]]
        return _gentle(start, [p for p in inner if start[0] + _FAR < p[0] < end[0] - _FAR], end)


def _touch(a: Frame, b: Frame) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.y + b.height and b.y < a.y + a.height


def _sort_twins(plan: _Plan, items: list[str], edges: list[tuple[str, str]]) -> None:
    """Items of one column with the same neighbours stand in their own order, which Graphviz does not keep."""
    neighbours: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for a, b in edges:
        neighbours[a].append(("to", b))
        neighbours[b].append(("from", a))
    twins: dict[object, list[str]] = defaultdict(list)
    for item in items:
        twins[round(plan.corners[item][0], 2), tuple(sorted(neighbours[item]))].append(item)
    for same in twins.values():
        for item, corner in zip(same, sorted((plan.corners[item] for item in same), key=lambda corner: corner[1]), strict=True):
            plan.corners[item] = corner


def _gentle(start: Point, passed: list[Point], end: Point) -> list[Point]:
    """The points passed, without those that would make a stretch steep."""
    points = [start, *passed, end]
    while len(points) > 2:
        steep = [i for i, ((x0, y0), (x1, y1)) in enumerate(zip(points, points[1:], strict=False)) if abs(y1 - y0) > _STEEPEST * (x1 - x0)]
        if not steep:
            break
        del points[min(max(steep[0], 1), len(points) - 2)]
    return points[1:-1]


def _chain(item: str, before: dict[str, str]) -> list[str]:
    """The chain that ends in an item, its first member first."""
    members = [item]
    while members[-1] in before:
        members.append(before[members[-1]])
    return members[::-1]


def _ends(picture: Picture, frames: dict[str, Frame], running: dict[str, str]) -> list[tuple[Point, Point]]:
    """Where each edge begins and ends: ends are spread over the left edge, in the order of their sources from top to bottom."""
    arriving: dict[str, list[int]] = defaultdict(list)
    ends: list[tuple[Point, Point]] = [((0.0, 0.0), (0.0, 0.0))] * len(picture.edges)
    for i, edge in enumerate(picture.edges):
        if running.get(edge.target) == edge.source:
            above, below = frames[edge.source], frames[edge.target]
            x = above.x + above.width / 2
            ends[i] = ((x, above.y + above.height), (x, below.y))
        else:
            arriving[edge.target].append(i)
    for target, indexes in arriving.items():
        frame = frames[target]
        one_point = picture.by_id[target].kind == "module" or len(indexes) == 1
        ordered = sorted(indexes, key=lambda i: (frames[picture.edges[i].source].middle, picture.edges[i].port))
        spread = min(frame.height * 0.5, 26.0 * (len(ordered) - 1))
        for rank, i in enumerate(ordered):
            source = frames[picture.edges[i].source]
            shift = 0.0 if one_point else spread * (rank / (len(ordered) - 1) - 0.5)
            twin = _twin_shift(picture, i)
            ends[i] = ((source.right, source.middle + twin), (frame.x, frame.middle + shift))
    return ends


def _twin_shift(picture: Picture, i: int) -> float:
    """Two edges between the same nodes, as in a * a, begin a little apart."""
    edge = picture.edges[i]
    twins = [other for other in (i - 1, i + 1) if 0 <= other < len(picture.edges)]
    same = [o for o in twins if (picture.edges[o].source, picture.edges[o].target) == (edge.source, edge.target)]
    return 0.0 if not same else (-7.0 if same[0] > i else 7.0)
