"""Which box each Value is folded into, and what enters and leaves the boxes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scalargrad.core.details import rank_in_time
from scalargrad.core.scopes import Scope
from scalargrad.core.value import Value
from viz.model.snapshot import Snapshot
from viz.views.layers.order import digits
from viz.views.sums import fold_sums

from .fold import Frame, FrameKey, Frames
from .statements import Statement, find_statement

Call = Scope | None
"""A call that is folded in a box; None where the box is in no call."""
BoxKey = tuple[object, ...]
"""What the Values of a box have in common."""


@dataclass(slots=True)
class Opened:
    """What the user opened.

    Attributes:
        calls: For each frame the numbers of the calls that are kept apart, none for all.
        lines: Frames whose lines are shown instead of one box.
        values: Boxes whose Values are shown one by one.
        cells: Boxes that show each of their calls as a small cell.
        closed: Frames that are one box, with what is called in them.
        parts: For each line of code the numbers of the calls around it that are kept apart.
        alone: The Values of a box that are a picture of their own, none for the blocks.
        name: What the user called that box.
    """

    calls: dict[FrameKey, frozenset[int]] = field(default_factory=dict)
    lines: set[FrameKey] = field(default_factory=set)
    values: set[BoxKey] = field(default_factory=set)
    cells: set[BoxKey] = field(default_factory=set)
    closed: set[FrameKey] = field(default_factory=set)
    parts: dict[BoxKey, set[int]] = field(default_factory=lambda: defaultdict(set))
    alone: Sequence[Value] = ()
    name: str = ""


@dataclass(eq=False)
class Box:
    """Values that are folded into one: those of a call that calls no other, or of a statement.

    Attributes:
        key: What the Values have in common.
        frame: The frame around it, None for none.
        folded: The frame that it is, None for a statement.
        statement: The statement that it is, None for a frame.
        single: The only Value that it shows, besides the partial sums that are folded into that.
        values: The Values, in topological order.
        made: The same by the call that made them.
        outputs: Those that leave it, by the call that made them; in topological order.
        entering: For each call the Values that enter it and are neither parameters nor constants.
        parameters: The parameters that it uses.
        number: Of a line in one call that the user opened the number of that call, else 0.
    """

    key: BoxKey
    frame: Frame | None
    folded: Frame | None = None
    statement: Statement | None = None
    single: Value | None = None
    values: list[Value] = field(default_factory=list)
    made: dict[Call, list[Value]] = field(default_factory=lambda: defaultdict(list))
    outputs: dict[Call, dict[Value, None]] = field(default_factory=lambda: defaultdict(dict))
    entering: dict[Call, dict[Value, None]] = field(default_factory=lambda: defaultdict(dict))
    parameters: dict[Value, None] = field(default_factory=dict)
    number: int = 0

    @property
    def calls(self) -> int:
        """How many calls are folded in it."""
        if self.number:
            return 1
        frame = self.folded or self.frame
        return 1 if frame is None else len(frame.calls)

    def results(self) -> list[Value]:
        """Return what leaves it, in all calls."""
        return [node for made in self.outputs.values() for node in made]

    def rows(self, values: Mapping[Call, Iterable[Value]] | None = None) -> list[list[Value]]:
        """Return what leaves it, a row for each call of the frame around it.

        A frame that is called once says nothing about the rows: there each call of the box itself
        is a row.

        Args:
            values: Other Values by the calls that made them.
        """
        by_call = self.outputs if values is None else values
        calls = {} if self.folded is None else self.folded.calls
        around = {} if self.frame is None else self.frame.calls
        rows: dict[Call, list[Value]] = defaultdict(list)
        for call in sorted(by_call, key=lambda call: _number(call, calls)):
            row = _find_among(around, call) if len(around) > 1 else call
            rows[row] += by_call[call]
        return [rows[row] for row in sorted(rows, key=lambda row: _number(row, around))]


def _number(call: Call, calls: dict[Scope, int]) -> int:
    return -1 if call is None else calls.get(call, -1)


def _find_among(calls: dict[Scope, int], call: Call) -> Call:
    """Return which of some calls a call is part of."""
    while call is not None and call not in calls:
        call = call.parent
    return call


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one box passes on to another, in all calls together.

    Attributes:
        source: The box that it comes from.
        target: The box that uses it; the same one where a call uses what another call made.
        values: The different Values.
    """

    source: Box
    target: Box
    values: dict[Value, None] = field(default_factory=dict)


class Boxes:
    """A graph folded into boxes.

    Attributes:
        opened: What the user opened.
        frames: The frames that the boxes are in.
        all: The boxes, in the order in which they were begun.
        bundles: What flows between boxes.
        sums: The chains of + among Values that are shown one by one.
        inputs: For each leaf that is no parameter and no constant the boxes that use it.

    Args:
        snapshot: The graph.
        opened: What the user opened.
    """

    def __init__(self, snapshot: Snapshot, opened: Opened | None = None) -> None:
        self.snapshot = snapshot
        self.opened = opened or Opened()
        self.frames = Frames(snapshot, self.opened.calls)
        self.bundles: dict[tuple[Box, Box], Bundle] = {}
        self.inputs: dict[Value, dict[Box, None]] = defaultdict(dict)
        self._by_key: dict[BoxKey, Box] = {}
        self._owner: dict[Value, tuple[Box, Call]] = {}
        self._assign()
        opened_boxes = [box for key, box in self._by_key.items() if key in self.opened.values]
        self.sums = fold_sums(snapshot, [node for box in opened_boxes for node in box.values])
        for box in opened_boxes:
            self._open_values(box)
        self._connect()
        self.all = sorted(self._by_key.values(), key=self._place_in_time)

    def owner(self, node: Value) -> Box | None:
        """Return the box that a Value is folded into, None for a leaf."""
        return self._owner[node][0] if node.args else None

    def call(self, node: Value) -> Call:
        """Return the call that a computed Value is made in, as far as its box tells calls apart."""
        return self._owner[node][1]

    def _assign(self) -> None:
        spots: dict[tuple[int, int], tuple[Box, Call]] = {}
        for node in self.snapshot.order:
            if not node.args:
                continue
            line = node.made_at
            where = (id(node.scope), id(line))
            spot = spots.get(where)
            if spot is None:
                spot = spots[where] = self._find_box(node)
            self._owner[node] = spot
            box, call = spot
            box.values.append(node)
            box.made[call].append(node)

    def _find_box(self, node: Value) -> tuple[Box, Call]:
        frame, call = self.frames.find(node.scope)
        closed = self._find_closed(frame)
        if closed is not None:
            box = Box(closed.key, closed.parent, folded=closed)
            return self._by_key.setdefault(closed.key, box), _find_among(closed.calls, call)
        around: BoxKey = () if frame is None else frame.key
        if frame is not None and not frame.has_calls and frame.key not in self.opened.lines:
            box = self._by_key.setdefault(around, Box(around, frame.parent, folded=frame))
            return box, call
        line = node.made_at
        statement = None if line is None else find_statement(line)
        key: BoxKey = (*around, statement)
        number = 0
        if frame is not None and call is not None and key in self.opened.parts:
            own = frame.calls[call] + 1
            if own in self.opened.parts[key]:
                number = own
                key = (*key, number)
        box = Box(key, frame, statement=statement, number=number)
        return self._by_key.setdefault(key, box), call

    def _find_closed(self, frame: Frame | None) -> Frame | None:
        """Return the outermost frame around that is one box, None for none."""
        frames = [] if frame is None else frame.chain()
        closed = [around for around in frames if around.key in self.opened.closed]
        return closed[-1] if closed else None

    def _open_values(self, box: Box) -> None:
        """Put each Value of a box into a box by itself, and partial sums into that of their sum."""
        del self._by_key[box.key]
        frame = box.folded or box.frame
        # Sums come after their partial sums.
        for node in reversed(box.values):
            call = self._owner[node][1]
            if node in self.sums.folded:
                (user,) = self.snapshot.users[node]
                single = self._owner[user][0]
            else:
                key = (*box.key, self.snapshot.index[node])
                single = Box(key, frame, statement=box.statement, single=node)
                self._by_key[key] = single
            self._owner[node] = single, call
            single.values.insert(0, node)
            single.made[call].insert(0, node)

    def _connect(self) -> None:
        for node in self.snapshot.order:
            if not node.args:
                continue
            box, call = self._owner[node]
            for arg in node.args:
                if arg.args:
                    self._pass_on(arg, box, call)
                elif arg.kind == "parameter":
                    box.parameters[arg] = None
                elif arg.kind == "input":
                    box.entering[call][arg] = None
                    self.inputs[arg][box] = None
        for root in self.snapshot.roots:
            if root.args:
                box, call = self._owner[root]
                box.outputs[call][root] = None
        for box in self._by_key.values():
            for call, made in box.outputs.items():
                # In the order of their first uses until here: the right answer may come first.
                box.outputs[call] = dict.fromkeys(sorted(made, key=self._place_in_call))

    def _place_in_call(self, node: Value) -> tuple[int, tuple[int, ...]]:
        """Return what sorts the results of a call, as far as it is known."""
        scope = node.scope
        is_of_unit = scope is not None and self.frames.is_unit(scope)
        return rank_in_time(node), digits(scope.name) if scope is not None and is_of_unit else ()

    def _place_in_time(self, box: Box) -> tuple[int, int]:
        first = box.values[0]
        return min(map(rank_in_time, box.values)), self.snapshot.index[first]

    def _pass_on(self, arg: Value, box: Box, call: Call) -> None:
        source, its_call = self._owner[arg]
        if source is box and its_call is call:
            return
        source.outputs[its_call][arg] = None
        box.entering[call][arg] = None
        bundle = self.bundles.get((source, box))
        if bundle is None:
            bundle = self.bundles[source, box] = Bundle(source, box)
        bundle.values[arg] = None
