"""The layout of each box of the page, one at a time.

All boxes in a box are closed in its layout. The page puts boxes into each other as they are opened.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from math import ceil
from typing import Any

from scalargrad.errors import LayoutError
from viz.layout.containment import Containment
from viz.layout.geometry import Point, Rect, Size
from viz.layout.layered import LayoutSettings, lay_out_graph
from viz.layout.node_size import badge_width, measure_node
from viz.layout.placed import PlacedPicture
from viz.look.measures import FONT_SIZES, PAGE_BOX, PAGE_CARD, PAGE_MODULE
from viz.look.text import fit_text, width
from viz.model.picture import Edge, Group, Node, Picture
from viz.model.snapshot import Snapshot

from .boxes import Fold
from .input_grids import InputGrid, find_input_grids

_GAPS = {"cards": (112.0, 20.0), "chips": (46.0, 16.0)}
"""The gaps between items, across and down."""
_FAN_GAP = 84.0
"""The gap across where there are boxes: many lines fan out between them."""
_SECONDS = 4.0
"""How long Graphviz may take for one box."""
MAX_LINES = 6_000
"""Lines that Graphviz lays out for a page: it takes about a millisecond for each of them."""
_MAX_NODES = 240
"""Items of a box, and sources of its lines outside, that Graphviz lays out in time."""
_BOX = "box"
_MAX_TITLE = 200.0
"""The width at which the title of a closed box is shortened."""
_MODULE_NUMBER = 92.0
"""Width that a closed box needs beside its title."""
_HEADER_DETAIL = 170.0
"""Width that the heading of an open box needs beside its title."""
_HEADER_STEP = 40.0
Pair = tuple[str, str]


@dataclass(frozen=True)
class BoxLayout:
    """The inside of a box.

    Attributes:
        size: Its width and height.
        frames: Where each item is.
        ports: The height of each port, where the lines from one value outside enter.
        routes: For each line with points between its ends: the slots of its source and target, and
            those points. Sources outside have the slots after those of the items.
    """

    size: Size
    frames: tuple[Rect, ...]
    ports: tuple[float, ...]
    routes: tuple[tuple[int, int, tuple[Point, ...]], ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as the page reads it: whole pixels, points in one row."""
        # A page has a layout for each shape of box, and digits after the point are not seen.
        frames = []
        for frame in self.frames:
            bounds = (frame.x, frame.y, frame.width, frame.height)
            frames.append(list(map(round, bounds)))
        routes = []
        for source, target, points in self.routes:
            coordinates = chain.from_iterable(points)
            routes.append([source, target, list(map(round, coordinates))])
        return {
            "size": list(map(round, self.size)),
            "frames": frames,
            "ports": list(map(round, self.ports)),
            "routes": routes,
        }


@dataclass(frozen=True)
class _Content:
    """What a box holds.

    Attributes:
        items: The boxes ("m3") and values ("n12") directly in it.
        outside: The values outside that lines come from.
        pairs: The source and target of each line.
        sizes: The size of each item.
        grids: The inputs that lie in grids.
    """

    items: list[str]
    outside: list[str]
    pairs: list[Pair]
    sizes: dict[str, Size]
    grids: list[InputGrid]

    @property
    def slots(self) -> dict[str, int]:
        """The number of each item, and of each source outside."""
        ends = [*self.items, *self.outside]
        return {item: i for i, item in enumerate(ends)}

    def without_grids(self) -> "_Content":
        """Return what is laid out: the first input of each grid takes the space of all of them."""
        first: dict[str, str] = {}
        sizes = dict(self.sizes)
        for grid in self.grids:
            start = f"n{grid.values[0]}"
            sizes[start] = grid.size
            first.update((f"n{i}", start) for i in grid.values)

        items = [item for item in self.items if first.get(item, item) == item]
        pairs = dict.fromkeys((first.get(source, source), target) for source, target in self.pairs)
        return _Content(items, self.outside, list(pairs), sizes, [])


class BoxLayouts:
    """The layouts of all boxes. Boxes that look alike share one.

    Attributes:
        layouts: The different layouts.
        layout_of: For each box the number of its layout.
        ports: For each box the values outside that its ports are for.
        grids: The inputs that lie in grids.
    """

    def __init__(self, snapshot: Snapshot, folds: list[Fold], level: str) -> None:
        """Lay out all boxes.

        Args:
            snapshot: The graph.
            folds: Its boxes.
            level: "cards" or "chips".
        """
        self.layouts: list[BoxLayout] = []
        self.layout_of: list[int] = []
        self.ports: list[list[int]] = []
        self.grids: list[InputGrid] = []
        self._snapshot = snapshot
        self._folds = folds
        self._level = level
        self._numbers: dict[object, int] = {}
        self._paths = self._paths_to_folds()
        self._edges = self._edges_by_fold()
        self._lines_left = MAX_LINES
        for fold in range(len(folds)):
            self._add(fold)

    def _paths_to_folds(self) -> list[tuple[int, ...]]:
        """Return for each box the boxes from the page down to itself."""
        paths: list[tuple[int, ...]] = [(0,)]
        for i, fold in enumerate(self._folds[1:], 1):
            paths.append((*paths[fold.parent], i))
        return paths

    def _edges_by_fold(self) -> list[dict[Pair, None]]:
        """Return for each box the pairs of its items that lines join, and those that enter it.

        A line from outside is laid out where its target is; in the boxes that it only crosses it
        goes straight.
        """
        fold_of: dict[int, int] = {}
        for at, fold in enumerate(self._folds):
            fold_of.update(dict.fromkeys(fold.values, at))

        # Dictionaries as ordered sets: the same pages in every run, and merged lines only once.
        edges: list[dict[Pair, None]] = [{} for _ in self._folds]
        for target, node in enumerate(self._snapshot.order):
            inner = self._paths[fold_of[target]]
            for arg in node.args:
                source = self._snapshot.index[arg]
                outer = self._paths[fold_of[source]]
                depth = _common_depth(outer, inner)
                start = _item_at(source, outer, depth)
                end = _item_at(target, inner, depth)
                edges[outer[depth]][start, end] = None

                enters_box = depth < len(inner) - 1
                if enters_box:
                    innermost = edges[inner[-1]]
                    innermost[f"n{source}", f"n{target}"] = None
        return edges

    def _add(self, at: int) -> None:
        fold = self._folds[at]
        items = [f"m{i}" for i in fold.boxes]
        items += [f"n{i}" for i in fold.values]
        pairs = list(self._edges[at])

        within = set(items)
        entering = [source for source, _ in pairs if source not in within]
        outside = list(dict.fromkeys(entering))
        sizes = {item: self._size(item) for item in [*items, *outside]}
        grids = self._find_grids(fold, pairs)
        for grid in grids:
            sizes.update((f"n{i}", grid.cell) for i in grid.values)
        self.grids += grids
        content = _Content(items, outside, pairs, sizes, grids)

        # A network has many equal neurons, and Graphviz takes nearly all of the time.
        shape = self._shape(at, content)
        if shape not in self._numbers:
            self._numbers[shape] = len(self.layouts)
            self.layouts.append(self._lay_out(at, content))
        self.layout_of.append(self._numbers[shape])
        self.ports.append([int(item[1:]) for item in outside])

    def _find_grids(self, fold: Fold, pairs: list[Pair]) -> list[InputGrid]:
        if self._level != "chips":
            return []
        targets: dict[str, list[str]] = defaultdict(list)
        for source, target in pairs:
            targets[source].append(target)
        return find_input_grids(fold.values, lambda i: tuple(targets[f"n{i}"]), self._snapshot)

    def _shape(self, at: int, content: _Content) -> object:
        """Return what the layout of a box depends on."""
        slots = content.slots
        sizes = tuple(content.sizes[item] for item in content.items)
        kinds = tuple(self._kind(item) for item in slots)
        ends = tuple((slots[source], slots[target]) for source, target in content.pairs)
        header = round(self._header_width(at)) if at else 0
        grids = tuple(tuple(slots[f"n{i}"] for i in grid.values) for grid in content.grids)
        return (bool(at), sizes, kinds, ends, header, grids)

    def _lay_out(self, at: int, whole: _Content) -> BoxLayout:
        content = whole.without_grids() if whole.grids else whole
        # Outer boxes come first, and those are seen before what is in them.
        is_cheap = len(content.slots) <= _MAX_NODES and len(content.pairs) <= self._lines_left
        if not is_cheap:
            layout = _lay_out_by_depth(content)
            return _fill_grids(layout, content, whole) if whole.grids else layout
        self._lines_left -= len(content.pairs)
        # The page itself has no frame, and so its values are in no group.
        box = _BOX if at else ""
        nodes = [self._node(item, box) for item in content.items]
        nodes += [self._node(item, "") for item in content.outside]
        edges = [Edge(source, target) for source, target in content.pairs]
        groups: tuple[Group, ...] = ()
        if at:
            groups = (Group(_BOX, self._folds[at].title),)
        picture = Picture(self._level, tuple(nodes), tuple(edges), groups)

        across, down = _GAPS[self._level]
        if self._folds[at].boxes:
            across = max(across, _FAN_GAP)
        settings = LayoutSettings(across, down, _SECONDS)
        headers = {_BOX: self._header_width(at)}

        try:
            placed = lay_out_graph(picture, dict(content.sizes), headers, settings)
        except LayoutError:
            layout = _lay_out_by_depth(content)
        else:
            layout = _read_placed(placed, content)
        return _fill_grids(layout, content, whole) if whole.grids else layout

    def _kind(self, item: str) -> str:
        if item[0] == "m":
            return "module"
        return self._snapshot.kinds[self._snapshot.order[int(item[1:])]]

    def _node(self, item: str, group: str = "") -> Node:
        i = int(item[1:])
        if item[0] == "m":
            return Node(item, "module", label=self._folds[i].title, group=group)
        snapshot = self._snapshot
        value = snapshot.order[i]
        return Node(
            item,
            snapshot.kinds[value],
            snapshot.symbols[value],
            snapshot.labels[value],
            data=value.data,
            group=group,
        )

    def _header_width(self, at: int) -> float:
        title = width(self._folds[at].title, FONT_SIZES.label, bold=True)
        # In steps, so that boxes whose titles differ in a number share a layout.
        return _HEADER_STEP * ceil((title + _HEADER_DETAIL) / _HEADER_STEP)

    def _size(self, item: str) -> Size:
        node = self._node(item)
        if node.kind == "module":
            title = _bold_width(node.label, _MAX_TITLE)
            return max(PAGE_MODULE.min_width, title + _MODULE_NUMBER), PAGE_MODULE.height
        if self._level == "chips":
            return measure_node(node, "chips")

        # Not as `measure_node` does it: the numbers on the card will be others than those of now.
        label = _bold_width(node.label, PAGE_CARD.max_label)
        body = max(PAGE_CARD.min_body, label + 2 * PAGE_CARD.text_inset)
        head = PAGE_CARD.head if node.label else PAGE_CARD.top
        height = head + 2 * PAGE_CARD.row + PAGE_CARD.bottom
        return badge_width(node) + body, height


def _bold_width(text: str, max_width: float) -> float:
    """Return the width of a title or label, shortened where it is wider than that."""
    shortened = fit_text(text, FONT_SIZES.label, max_width, bold=True)
    return width(shortened, FONT_SIZES.label, bold=True)


def _common_depth(outer: tuple[int, ...], inner: tuple[int, ...]) -> int:
    """Return how deep the innermost box is that two paths share; both begin with the page."""
    depth = 0
    for a, b in zip(outer[1:], inner[1:], strict=False):
        if a != b:
            break
        depth += 1
    return depth


def _item_at(i: int, path: tuple[int, ...], depth: int) -> str:
    """Return a value, or the box around it that is an item of the box at that depth."""
    is_direct = len(path) == depth + 1
    return f"n{i}" if is_direct else f"m{path[depth + 1]}"


def _read_placed(placed: PlacedPicture, content: _Content) -> BoxLayout:
    """Return a layout in the coordinates of its box."""
    box = placed.groups.get(_BOX, Rect(0.0, 0.0, placed.width, placed.height))
    frames = []
    for item in content.items:
        frame = placed.nodes[item]
        x = frame.x - box.x
        y = frame.y - box.y
        frames.append(Rect(x, y, frame.width, frame.height))

    sources = Containment(placed.picture).ports.get(_BOX, {})
    heights: dict[str, float] = {}
    for source, (_, y) in zip(sources, placed.ports, strict=True):
        heights[source] = y - box.y
    middle = box.height / 2
    ports = [heights.get(item, middle) for item in content.outside]

    slots = content.slots
    routes = []
    # The ends depend on what is open, and what is to the left of the box is outside of it.
    for (source, target), points in zip(content.pairs, placed.routes, strict=True):
        inside = []
        for x, y in points[1:-1]:
            if x > box.x + 1:
                inside.append((x - box.x, y - box.y))
        if inside:
            routes.append((slots[source], slots[target], tuple(inside)))
    size = (box.width, box.height)
    return BoxLayout(size, tuple(frames), tuple(ports), tuple(routes))


def _fill_grids(layout: BoxLayout, content: _Content, whole: _Content) -> BoxLayout:
    """Return a layout with the cells of grids, in which each grid was one item."""
    frames = dict(zip(content.items, layout.frames, strict=True))
    for grid in whole.grids:
        corner = frames[f"n{grid.values[0]}"]
        cells = grid.frames((corner.x, corner.y))
        frames.update((f"n{i}", frame) for i, frame in cells.items())

    names = list(content.slots)
    within = {f"n{i}" for grid in whole.grids for i in grid.values}
    slots = whole.slots
    routes = []
    for source, target, points in layout.routes:
        # Lines from a grid leave at its right side: the cells have no routes in common.
        if names[source] not in within:
            routes.append((slots[names[source]], slots[names[target]], points))
    in_order = tuple(frames[item] for item in whole.items)
    return BoxLayout(layout.size, in_order, layout.ports, tuple(routes))


def _lay_out_by_depth(content: _Content) -> BoxLayout:
    """Lay out a box that Graphviz takes too long for: a column for each depth."""
    rank = {item: i for i, item in enumerate(content.items)}
    depth = dict.fromkeys(content.items, 0)

    def target_rank(pair: Pair) -> int:
        _, target = pair
        return rank.get(target, 0)

    for source, target in sorted(content.pairs, key=target_rank):
        # Boxes may use each other, so that only steps forward in topological order count.
        both_inside = source in rank and target in rank
        if both_inside and rank[source] < rank[target]:
            depth[target] = max(depth[target], depth[source] + 1)
    columns: dict[int, list[str]] = defaultdict(list)
    for item in content.items:
        columns[depth[item]].append(item)

    sources: dict[str, list[str]] = defaultdict(list)
    for source, target in content.pairs:
        sources[target].append(source)
    frames: dict[str, Rect] = {}
    across, down = _GAPS["chips"]
    left = PAGE_BOX.margin
    bottom = 0.0
    for _, column in sorted(columns.items()):
        y = PAGE_BOX.header
        for item in column:
            item_width, item_height = content.sizes[item]
            placed = [frames[source].middle for source in sources[item] if source in frames]
            # Beside what it takes, as far as its column has space there.
            y = max(y, sum(placed) / len(placed) - item_height / 2) if placed else y
            frames[item] = Rect(left, y, item_width, item_height)
            y += item_height + down
        widest = max(frames[item].width for item in column)
        left += widest + across
        bottom = max(bottom, y)

    count = len(content.outside)
    ports = tuple(40.0 + 12.0 * i for i in range(count))
    in_order = tuple(frames[item] for item in content.items)
    return BoxLayout((left, max([bottom, *ports])), in_order, ports, ())
