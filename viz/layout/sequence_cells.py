"""What is where inside one call of the sequence view; all calls of a cell share one plan."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from viz.look.measures import FONT_SIZES
from viz.look.text import width
from viz.model.sequence_card import MAX_BARS, SequencePart

from .geometry import Point, Rect

HEADER = 34.0
BOX_HEIGHT = 112.0
"""A gate: its name, its activation, bars, the strip of gradients, the norm."""
CIRCLE = 24.0
PILL = 38.0
PILL_HEIGHT = 19.0
_PAD = 7.0
_BOX_GAP = 3.0
_MIN_BOX = 57.0
_BOX_INSET = 13.0
_MAX_CELLS = 64.0
_LINE_BOX = 132.0
_LEVEL_GAP = 36.0
_BUS_GAP = 38.0
_FOOT = 30.0
_LANE = 7.0
_EXIT_GAP = 14.0
_RESET_GAP = 22.0

# Offsets from the upper edge of the frame.
_MEMORY = 74.0
_SQUASH = 105.0
_WRITE = 150.0
_GATES = 212.0

Link = tuple[str, str]


@dataclass
class CellPlan:
    """Positions inside one call, relative to the upper left corner of its frame.

    Attributes:
        width: Of the frame.
        height: Of the frame.
        rects: Each part by its role; "joint" is the line that input and state enter.
        routes: The points of each connection inside.
        exits: For each state the points from where it is made to the right edge of the frame.
        entries: For each state and part of the next call the point where it enters there.
        on_top: The states whose strips are above the frame; the others are below.
    """

    width: float = 0.0
    height: float = 0.0
    rects: dict[str, Rect] = field(default_factory=dict)
    routes: dict[Link, tuple[Point, ...]] = field(default_factory=dict)
    exits: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    entries: dict[Link, Point] = field(default_factory=dict)
    on_top: tuple[str, ...] = ()

    @property
    def bus(self) -> float:
        """The y of the line that input and state enter."""
        return self.rects["joint"].middle


def box_width(size: int) -> float:
    """Return the width of a gate with so many numbers.

    Example:
        >>> box_width(4), box_width(16), box_width(1000)
        (57.0, 77.0, 77.0)
    """
    return max(_MIN_BOX, min(_MAX_CELLS, 4.0 * min(size, MAX_BARS)) + _BOX_INSET)


def plan_cell(cell: str, parts: Iterable[SequencePart], links: set[Link]) -> CellPlan:
    """Return where the parts of a cell are.

    Args:
        cell: "LSTMCell", "GRUCell", "RNNCell", or "" for lines of code.
        parts: The parts of all calls; those of one role are one.
        links: Which role takes from which, in any of the calls.
    """
    by_role = {part.role: part for part in parts}
    sizes = [part.data.columns for part in by_role.values() if part.data is not None]
    size = max(sizes, default=1)
    if cell == "LSTMCell":
        return _plan_lstm(box_width(size), by_role)
    if cell == "GRUCell":
        return _plan_gru(box_width(size), by_role)
    if cell == "RNNCell":
        return _plan_rnn(max(box_width(size), 96.0), by_role)
    return _LinesPlan(by_role, links).plan


def _up(plan: CellPlan, source: str, target: str) -> tuple[Point, ...]:
    """Return the line from the upper edge of a part straight up to another."""
    start = plan.rects[source]
    return ((start.center, start.y), (start.center, plan.rects[target].bottom))


def _across(left: float, right: float, y: float) -> tuple[Point, ...]:
    """Return a level line."""
    return ((left, y), (right, y))


def _circle(x: float, y: float) -> Rect:
    return Rect(x - CIRCLE / 2, y - CIRCLE / 2, CIRCLE, CIRCLE)


def _add_arrows(plan: CellPlan, roles: Iterable[str], bus: float) -> None:
    """Add the line below the boxes, with an arrow up to each."""
    centers = {role: plan.rects[role].center for role in roles}
    _add_bus(plan, max(centers.values()), bus)
    for role, center in centers.items():
        plan.routes["joint", role] = ((center, bus), (center, plan.rects[role].bottom))


def _add_bus(plan: CellPlan, right: float, bus: float) -> None:
    """Add the line that input and state enter, from the left edge to `right`."""
    plan.rects["joint"] = Rect(0.0, bus - 1.0, right, 2.0)
    plan.height = bus + _FOOT


def _plan_lstm(wide: float, parts: dict[str, SequencePart]) -> CellPlan:
    plan = CellPlan(on_top=("c",))
    gates = ("forget", "input", "candidate", "output")
    for i, role in enumerate(gates):
        plan.rects[role] = Rect(_PAD + i * (wide + _BOX_GAP), _GATES, wide, BOX_HEIGHT)
    plan.width = plan.rects["output"].right + _PAD
    _add_arrows(plan, gates, _GATES + BOX_HEIGHT + _BUS_GAP)

    rects = plan.rects
    middle = (rects["input"].center + rects["candidate"].center) / 2
    right = rects["output"].center
    rects["keep"] = _circle(rects["forget"].center, _MEMORY)
    rects["add"] = _circle(middle, _MEMORY)
    rects["write"] = _circle(middle, _WRITE)
    rects["out"] = _circle(right, _WRITE)
    rects["squash"] = Rect(right - PILL / 2, _SQUASH, PILL, PILL_HEIGHT)

    for role in ("input", "candidate"):
        start = rects[role]
        end = rects["write"].x if role == "input" else rects["write"].right
        corner = (start.center, _WRITE)
        plan.routes[role, "write"] = ((start.center, start.y), corner, (end, _WRITE))
    for source, target in (("forget", "keep"), ("write", "add"), ("output", "out")):
        plan.routes[source, target] = _up(plan, source, target)
    plan.routes["keep", "add"] = _across(rects["keep"].right, rects["add"].x, _MEMORY)
    plan.routes["c", "squash"] = ((right, _MEMORY), (right, rects["squash"].y))
    plan.routes["squash", "out"] = ((right, rects["squash"].bottom), (right, rects["out"].y))
    plan.exits["c"] = _across(rects["add"].right, plan.width, _MEMORY)
    plan.exits["h"] = _across(rects["out"].right, plan.width, _WRITE)
    plan.entries["c", "keep"] = (rects["keep"].x, _MEMORY)
    plan.entries["h", "joint"] = (0.0, plan.bus)
    return _drop_missing(plan, parts)


def _plan_gru(wide: float, parts: dict[str, SequencePart]) -> CellPlan:
    plan = CellPlan(on_top=("h",))
    # Update first: what it keeps comes from the left, as what an LSTM's forget gate keeps.
    x = _PAD
    for role, gap in (("update", _BOX_GAP), ("reset", _RESET_GAP), ("candidate", 0.0)):
        plan.rects[role] = Rect(x, _GATES, wide, BOX_HEIGHT)
        x += wide + gap
    plan.width = x + _PAD
    _add_arrows(plan, ("update", "reset", "candidate"), _GATES + BOX_HEIGHT + _BUS_GAP)

    rects = plan.rects
    left = rects["update"].center
    right = rects["candidate"].center
    rects["keep"] = _circle(left, _MEMORY)
    rects["add"] = _circle(right, _MEMORY)
    rects["renew"] = _circle(right, _WRITE)
    for source, target in (("update", "keep"), ("candidate", "renew"), ("renew", "add")):
        plan.routes[source, target] = _up(plan, source, target)
    plan.routes["update", "renew"] = _across(left, rects["renew"].x, _WRITE)
    level = rects["reset"].middle
    reset_right = rects["reset"].right
    plan.routes["reset", "candidate"] = _across(reset_right, rects["candidate"].x, level)
    plan.routes["keep", "add"] = _across(rects["keep"].right, rects["add"].x, _MEMORY)
    plan.exits["h"] = _across(rects["add"].right, plan.width, _MEMORY)
    plan.entries["h", "keep"] = (rects["keep"].x, _MEMORY)
    plan.entries["h", "joint"] = (0.0, plan.bus)
    return _drop_missing(plan, parts)


def _plan_rnn(wide: float, parts: dict[str, SequencePart]) -> CellPlan:
    plan = CellPlan(width=wide + 4 * _PAD)
    box = Rect(2 * _PAD, HEADER + 6, wide, BOX_HEIGHT)
    plan.rects["units"] = box
    _add_arrows(plan, ("units",), box.bottom + _BUS_GAP)
    plan.exits["h"] = _across(box.right, plan.width, box.middle)
    plan.entries["h", "joint"] = (0.0, plan.bus)
    return _drop_missing(plan, parts)


def _drop_missing(plan: CellPlan, parts: dict[str, SequencePart]) -> CellPlan:
    """Drop what no call has, such as the output gate where the root depends on c alone."""
    plan.rects = {role: rect for role, rect in plan.rects.items() if role in parts}
    return plan


class _LinesPlan:
    """Places lines of code in levels: those that need no other at the bottom, above the bus."""

    def __init__(self, parts: dict[str, SequencePart], links: set[Link]) -> None:
        self.parts = parts
        self.plan = CellPlan()
        self.boxes = [part for part in parts.values() if part.kind == "box"]
        self.states = [part.role for part in parts.values() if part.kind == "state"]
        self.levels: dict[int, list[str]] = defaultdict(list)
        for part in self.boxes:
            self.levels[part.depth].append(part.role)
        self.links = sorted(link for link in links if link[1].startswith("b"))
        self.lanes = [link for link in self.links if self._skips(link)]
        self.margin = 2 * _PAD + _LANE * len(self.lanes)
        self._place_boxes()
        self._route_links()
        self._route_states()

    def _skips(self, link: Link) -> bool:
        source, target = link
        if source == "joint":
            return self.parts[target].depth > 0
        return self.parts[target].depth - self.parts[source].depth > 1

    def _box_width(self) -> float:
        """Return the width of the boxes, in which all numbers and most texts have space."""
        sizes = [part.data.columns for part in self.boxes if part.data is not None]
        texts = [width(part.line, FONT_SIZES.small) for part in self.boxes]
        texts += [width(part.title, FONT_SIZES.small, bold=True) for part in self.boxes]
        needed = max(texts, default=0.0) + 2 * _PAD
        return max(box_width(max(sizes, default=1)), min(_LINE_BOX, needed))

    def _place_boxes(self) -> None:
        wide = self._box_width()
        widest = max(map(len, self.levels.values()), default=1)
        inside = widest * wide + (widest - 1) * 2 * _PAD
        self.plan.width = self.margin + inside + 2 * _PAD
        top = HEADER + 6
        for depth in sorted(self.levels, reverse=True):
            # What goes on to the next call is at the right, where nothing is in its way.
            roles = sorted(self.levels[depth], key=lambda role: f"s{role}" in self.states)
            top += _EXIT_GAP * self._exits_above(roles)
            x = self.margin + (inside - len(roles) * (wide + 2 * _PAD) + 2 * _PAD) / 2
            for role in roles:
                self.plan.rects[role] = Rect(x, top, wide, BOX_HEIGHT)
                x += wide + 2 * _PAD
            self.levels[depth] = roles
            top += BOX_HEIGHT + _LEVEL_GAP
        bottom = self.levels.get(0, [])
        right = max((self.plan.rects[role].center for role in bottom), default=self.margin)
        _add_bus(self.plan, right, top - _LEVEL_GAP + _BUS_GAP)

    def _exits_above(self, roles: list[str]) -> int:
        """Return how many states leave the boxes of a level, but the last, by way of their tops."""
        return sum(f"s{role}" in self.states for role in roles[:-1])

    def _route_links(self) -> None:
        rects = self.plan.rects
        incoming: dict[str, list[str]] = defaultdict(list)
        for source, target in self.links:
            incoming[target].append(source)
        for lane, link in enumerate(self.lanes):
            x = 2 * _PAD + _LANE * lane
            self.plan.routes[link] = self._route_lane(link, x, incoming[link[1]])
        for link in self.links:
            if link in self.plan.routes:
                continue
            source, target = link
            end_x = self._port(target, incoming[target], source)
            end = (end_x, rects[target].bottom)
            if source == "joint":
                self.plan.routes[link] = ((end_x, self.plan.bus), end)
                continue
            start = (rects[source].center, rects[source].y)
            level = rects[target].bottom + _LEVEL_GAP / 2
            self.plan.routes[link] = (start, (start[0], level), (end_x, level), end)

    def _port(self, target: str, sources: list[str], source: str) -> float:
        """Return where a connection enters a box from below: in the order of what it takes."""
        rect = self.plan.rects[target]
        order = sorted(sources, key=self._source_center)
        return rect.x + rect.width * (order.index(source) + 1) / (len(order) + 1)

    def _source_center(self, source: str) -> float:
        if source == "joint":
            return 0.0
        return self.plan.rects[source].center

    def _route_lane(self, link: Link, x: float, sources: list[str]) -> tuple[Point, ...]:
        """Return a way along the left edge of the frame, past the levels between."""
        source, target = link
        rects = self.plan.rects
        end_x = self._port(target, sources, source)
        level = rects[target].bottom + _LEVEL_GAP / 2 + 4
        end = ((x, level), (end_x, level), (end_x, rects[target].bottom))
        if source == "joint":
            return ((x, self.plan.bus), *end)
        start = rects[source]
        above = start.y - _LEVEL_GAP / 2 + 4
        return ((start.center, start.y), (start.center, above), (x, above), *end)

    def _route_exit(self, own: str, level: list[str]) -> tuple[Point, ...]:
        """Return how a state leaves its box: to the right, or over those that are there."""
        rect = self.plan.rects[own]
        if own == level[-1]:
            return _across(rect.right, self.plan.width, rect.middle)
        rank = self._exits_above(level[level.index(own) + 1 :])
        above = rect.y - _LEVEL_GAP / 4 - _EXIT_GAP * rank
        return ((rect.center, rect.y), (rect.center, above), (self.plan.width, above))

    def _route_states(self) -> None:
        straight: list[str] = []
        for role in self.states:
            own = self.plan.rects[role[1:]]
            level = self.levels[self.parts[role].depth]
            self.plan.exits[role] = self._route_exit(role[1:], level)
            if len(level) == 1:
                straight.append(role)
                self.plan.entries[role, role[1:]] = (own.x, own.middle)
            self.plan.entries[role, "joint"] = (0.0, self.plan.bus)
        # The memory on top, as in the cells that are known.
        deepest = [role for role in straight if len(self.states) > 1]
        self.plan.on_top = tuple(deepest[:1])
