"""Layered layout: Graphviz places each module alone, and the boxes are put into each other.

One flat layout of a large graph takes Graphviz far too long. So the innermost modules are laid out
first, each becomes a box of known size for the module around it, and modules that look alike share
one layout.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from viz.look.measures import BOX
from viz.model.picture import Picture

from .containment import Containment, chain_to
from .edge_routes import Router
from .geometry import Point, Rect, Size
from .graphviz import Box, Placement, place
from .placed import PlacedPicture

Pair = tuple[str, str]
"""The items at the two ends of an edge."""


@dataclass(frozen=True, slots=True)
class LayoutSettings:
    """How a layout is made.

    Attributes:
        column_gap: Pixels between columns.
        row_gap: Pixels between rows.
        limit: Seconds for each call of Graphviz.
        program: Which Graphviz, as for `place`.
    """

    column_gap: float
    row_gap: float
    limit: float = 5.0
    program: str | None = None


def lay_out_graph(
    picture: Picture, sizes: dict[str, Size], headers: dict[str, float], settings: LayoutSettings
) -> PlacedPicture:
    """Place a picture in columns from left to right, each module in a box.

    Args:
        picture: A picture at level "cards" or "chips".
        sizes: Width and height of each node. Those of groups and ports are added.
        headers: The width that the heading of each group needs.
        settings: Gaps, time limit and Graphviz.

    Raises:
        LayoutError: Graphviz is missing, fails, or is not done in time.
    """
    return _Layout(picture, sizes, headers, settings).place_all()


@dataclass
class _Interior:
    """The inside of one module, in its own coordinates.

    Attributes:
        size: Width and height.
        corners: The upper left corner of each item.
        routes: The points by which Graphviz leads the edges between items.
    """

    size: Size
    corners: dict[str, Point] = field(default_factory=dict)
    routes: dict[Pair, tuple[Point, ...]] = field(default_factory=dict)


class _Layout:
    """Places one picture, the innermost modules first."""

    def __init__(
        self,
        picture: Picture,
        sizes: dict[str, Size],
        headers: dict[str, float],
        settings: LayoutSettings,
    ) -> None:
        self.picture = picture
        self.sizes = sizes
        self.headers = headers
        self.settings = settings
        self.containment = Containment(picture)
        self.interiors: dict[str, _Interior] = {}
        self.placements: dict[object, Placement] = {}

    def place_all(self) -> PlacedPicture:
        """Put all interiors into one coordinate system and route the edges."""
        root = self._lay_out("")
        self.interiors[""] = root
        # From the outside in: the origin of a box is known once its own box is placed.
        origins: dict[str, Point] = {"": (0.0, 0.0)}
        rects: dict[str, Rect] = {}
        pending = [""]
        while pending:
            path = pending.pop()
            left, top = origins[path]
            for item, (x, y) in self.interiors[path].corners.items():
                corner = (left + x, top + y)
                rects[item] = Rect(*corner, *self.sizes[item])
                if item in self.interiors:
                    origins[item] = corner
                    pending.append(item)

        routes = {path: interior.routes for path, interior in self.interiors.items()}
        router = Router(self.containment, rects, origins, routes, self.settings.row_gap)
        ports = []
        for names in self.containment.ports.values():
            for name in names.values():
                port = rects[name]
                ports.append((port.x + BOX.port / 2, port.middle))
        return PlacedPicture(
            self.picture,
            {node.id: rects[node.id] for node in self.picture.nodes},
            {group.path: rects[group.path] for group in self.picture.groups},
            router.route_all(),
            tuple(ports),
            *root.size,
        )

    def _lay_out(self, path: str) -> _Interior:
        """Lay out the inside of a group, the groups in it first."""
        items = self.containment.items[path]
        for item in items:
            if item not in self.sizes and item not in self.interiors:
                self.interiors[item] = self._lay_out(item)
                self.sizes[item] = self.interiors[item].size

        pairs = self._pairs_within(path)
        # Items that nothing joins, such as the neurons of a layer, need no Graphviz.
        if path and not pairs:
            interior = self._stack(items)
        else:
            interior = self._place_by_graphviz(path, items, pairs)
        return self._add_border(path, interior)

    def _pairs_within(self, path: str) -> list[Pair]:
        """Return the edges between the items of a group and those from its ports, each once."""
        containment = self.containment
        pairs: dict[Pair, None] = {}
        for edge in self.picture.edges:
            source = containment.item(edge.source, path)
            target = containment.item(edge.target, path)
            if source is None and target is not None and path in containment.groups_with_ports:
                source = containment.ports[path][edge.source]
            if source is not None and target is not None and source != target:
                pairs[source, target] = None
        return list(pairs)

    def _stack(self, items: list[str]) -> _Interior:
        """Place items without edges in one centered column: there is nothing to rank."""
        row_gap = self.settings.row_gap
        widest = max(self.sizes[item][0] for item in items)
        corners = {}
        y = 0.0
        for item in items:
            width, height = self.sizes[item]
            corners[item] = ((widest - width) / 2, y)
            y += height + row_gap
        return _Interior((widest, y - row_gap), corners)

    def _place_by_graphviz(self, path: str, items: list[str], pairs: list[Pair]) -> _Interior:
        containment = self.containment
        ports: list[str] = []
        if path in containment.groups_with_ports:
            ports = list(containment.ports.get(path, {}).values())
        for port in ports:
            self.sizes[port] = (BOX.port, BOX.port)
        names = [*ports, *items]

        columns = self._columns(items, pairs)
        columns |= dict.fromkeys(ports, -1)
        # Short neutral ids: no text from outside reaches Graphviz, and modules that look alike give
        # the same key.
        ids = {name: f"b{i}" for i, name in enumerate(names)}
        boxes = [Box(ids[name], *self.sizes[name], columns.get(name)) for name in names]
        edges = [(ids[a], ids[b]) for a, b in pairs]
        key = (tuple(boxes), tuple(edges))
        if key not in self.placements:
            has_modules = any(item in self.interiors for item in items)
            self.placements[key] = self._run_graphviz(boxes, edges, has_modules)
        placement = self.placements[key]

        interior = _Interior((placement.width, placement.height))
        for name in names:
            x, y = placement.centers[ids[name]]
            width, height = self.sizes[name]
            interior.corners[name] = (x - width / 2, y - height / 2)
        interior.routes = dict(zip(pairs, placement.routes, strict=True))

        # Ports have their order by invisible edges, and running sums theirs by their chain.
        if not ports and containment.running_sums.keys().isdisjoint(items):
            leaves = [item for item in items if containment.is_leaf(item)]
            _turn_upright(interior, self.sizes, leaves)
            _sort_components(interior, self.sizes, items, pairs)
        _sort_twins(interior, self.sizes, items, pairs)
        self._pull_leaves(interior, pairs)
        return interior

    def _run_graphviz(self, boxes: list[Box], edges: list[Pair], has_modules: bool) -> Placement:
        settings = self.settings
        column_gap = settings.column_gap
        if has_modules and not self.picture.framed:
            # Edges fan out between layers, which takes space.
            column_gap *= 1.8
        return place(
            boxes,
            edges,
            column_gap=column_gap,
            row_gap=settings.row_gap,
            limit=settings.limit,
            program=settings.program,
        )

    def _columns(self, items: list[str], pairs: list[Pair]) -> dict[str, int]:
        """Return a column for each item: the longest path to it from the leaves.

        Pinned to them, the values of a layer are in one column, which Graphviz does not see by
        itself. Leaves have no column: they are close to their users. A running sum has one column.
        """
        inner = [item for item in items if not self.containment.is_leaf(item)]
        starts = {item: chain_to(item, self.containment.running_sums)[0] for item in inner}
        links = set()
        for source, target in pairs:
            before = starts.get(source)
            after = starts.get(target)
            if before is not None and after is not None and before != after:
                links.add((before, after))

        depths = dict.fromkeys(starts.values(), 0)
        for _ in items:
            unfinished = {(a, b) for a, b in links if depths[b] <= depths[a]}
            if not unfinished:
                return {item: depths[start] for item, start in starts.items()}
            for a, b in unfinished:
                depths[b] = max(depths[b], depths[a] + 1)
        # Modules that use each other form a cycle: there is no order among them.
        return {}

    def _pull_leaves(self, interior: _Interior, pairs: list[Pair]) -> None:
        """Move each leaf with one user right until it is before that user, where the way is free.

        Graphviz leaves a leaf in the first column if nothing holds it, far from its user.
        """
        users: dict[str, list[str]] = defaultdict(list)
        for source, target in pairs:
            users[source].append(target)
        rects = {}
        for name, corner in interior.corners.items():
            rects[name] = Rect(*corner, *self.sizes[name])

        for leaf, targets in users.items():
            if len(targets) != 1 or not self.containment.is_leaf(leaf):
                continue
            old = rects[leaf]
            user = rects[targets[0]]
            x = user.x - self.settings.column_gap - old.width
            if x <= old.x + 1:
                continue
            new = Rect(x, old.y, old.width, old.height)
            way = new.right - old.x
            swept = Rect(old.x, old.y, way, old.height).shrink(0, -4)
            others = (rect for name, rect in rects.items() if name != leaf)
            if not any(swept.overlap(other) for other in others):
                rects[leaf] = new
                interior.corners[leaf] = (new.x, new.y)
                interior.routes.pop((leaf, targets[0]))

    def _add_border(self, path: str, interior: _Interior) -> _Interior:
        """Return an interior with space for border and heading, its ports on the left border."""
        if not path or not self.picture.framed:
            return interior
        inner_width, inner_height = interior.size
        heading = self.headers.get(path, 0.0)
        width = max(inner_width + 2 * BOX.margin, heading)
        shift = (width - inner_width) / 2
        ports = set(self.containment.ports.get(path, {}).values())

        corners = {}
        for item, (x, y) in interior.corners.items():
            left = -BOX.port / 2 if item in ports else x + shift
            corners[item] = (left, y + BOX.header)
        routes = {}
        for pair, route in interior.routes.items():
            routes[pair] = tuple((x + shift, y + BOX.header) for x, y in route)
        return _Interior((width, inner_height + BOX.header + BOX.margin), corners, routes)


def _turn_upright(interior: _Interior, sizes: dict[str, Size], leaves: list[str]) -> None:
    """Turn a layout upside down where more leaves are in their own order then.

    Both ways up have the same crossings, and Graphviz takes either.
    """
    heights = [interior.corners[leaf][1] for leaf in leaves]
    steps = list(pairwise(heights))
    down = sum(below > above for above, below in steps)
    up = sum(below < above for above, below in steps)
    if down >= up:
        return
    total = interior.size[1]
    for item, (x, y) in interior.corners.items():
        interior.corners[item] = (x, total - y - sizes[item][1])
    for pair, route in interior.routes.items():
        interior.routes[pair] = tuple((x, total - y) for x, y in route)


def _sort_components(
    interior: _Interior, sizes: dict[str, Size], items: list[str], pairs: list[Pair]
) -> None:
    """Put parts that nothing joins, one below the other, into the order of their first items."""
    components = _find_components(items, pairs)
    if len(components) < 2:
        return
    spans = []
    for members in components:
        top = min(interior.corners[item][1] for item in members)
        bottom = max(interior.corners[item][1] + sizes[item][1] for item in members)
        spans.append((top, bottom, members))
    in_height = sorted(spans, key=lambda span: span[0])
    for (_, bottom, _), (top, _, _) in pairwise(in_height):
        if bottom > top:
            return

    gaps = [below[0] - above[1] for above, below in pairwise(in_height)]
    y = in_height[0][0]
    for (top, bottom, members), gap in zip(spans, [*gaps, 0.0], strict=True):
        shift = y - top
        for item in members:
            x, old = interior.corners[item]
            interior.corners[item] = (x, old + shift)
        own = set(members)
        for pair, route in interior.routes.items():
            if pair[0] in own:
                interior.routes[pair] = tuple((x, old + shift) for x, old in route)
        y += bottom - top + gap


def _find_components(items: list[str], pairs: list[Pair]) -> list[list[str]]:
    """Return the connected parts of a graph, and their items, in the order of the items."""
    neighbors: dict[str, list[str]] = defaultdict(list)
    for source, target in pairs:
        neighbors[source].append(target)
        neighbors[target].append(source)

    seen: set[str] = set()
    components: list[list[str]] = []
    for first in items:
        if first in seen:
            continue
        seen.add(first)
        members = [first]
        for item in members:  # grows while it is walked
            for other in neighbors[item]:
                if other not in seen:
                    seen.add(other)
                    members.append(other)
        components.append(members)
    return components


def _sort_twins(
    interior: _Interior, sizes: dict[str, Size], items: list[str], pairs: list[Pair]
) -> None:
    """Put items with the same column, height and neighbors in their own order.

    Graphviz does not keep it, and nothing else tells such items apart.
    """
    neighbors: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for source, target in pairs:
        neighbors[source].append(("to", target))
        neighbors[target].append(("from", source))

    twins: dict[object, list[str]] = defaultdict(list)
    for item in items:
        width, height = sizes[item]
        center = round(interior.corners[item][0] + width / 2, 1)
        key = (center, height, tuple(sorted(neighbors[item])))
        twins[key].append(item)

    for group in twins.values():
        heights = sorted(interior.corners[item][1] for item in group)
        for item, y in zip(group, heights, strict=True):
            x, _ = interior.corners[item]
            interior.corners[item] = (x, y)
