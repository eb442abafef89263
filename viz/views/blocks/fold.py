"""Calls folded to frames: those of one function from one place are one frame.

Only scopes are looked at. Those of units, such as the neurons of a layer, are folded into the scope
around them.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from scalargrad.core.details import rank_in_time
from scalargrad.core.scopes import CallScope, Scope
from scalargrad.core.value import Value
from viz.model.snapshot import Snapshot
from viz.views.layers.assign import list_name

from .units import find_units

FrameKey = tuple[object, ...]
"""What the calls that are folded have in common, that of the frame around in front."""
Apart = Mapping[FrameKey, frozenset[int]]
"""The calls that are kept apart: their numbers from 1 on, none for all calls of a frame."""


@dataclass(eq=False)
class Frame:
    """The calls of a function, a module or a named block that are folded into one.

    Attributes:
        key: What all of its calls have in common.
        scope: The first of the calls that was met.
        parent: The frame that it is called in, None for none.
        calls: The calls, with their numbers from 0 on.
        has_calls: Whether other functions are called inside.
        number: Of a single call that the user opened its number from 1 on, 0 for all together.
    """

    key: FrameKey
    scope: Scope
    parent: "Frame | None"
    calls: dict[Scope, int] = field(default_factory=dict)
    has_calls: bool = False
    number: int = 0

    def chain(self) -> list["Frame"]:
        """Return this frame and those around it, the innermost first."""
        frames: list[Frame] = []
        frame: Frame | None = self
        while frame is not None:
            frames.append(frame)
            frame = frame.parent
        return frames


Spot = tuple[Frame | None, Scope | None]
"""A frame, and one of its calls."""


class Frames:
    """The frames of a graph.

    Attributes:
        all: The frames by their keys, outer ones first.

    Args:
        snapshot: The graph.
        apart: The calls that are kept apart.
    """

    def __init__(self, snapshot: Snapshot, apart: Apart) -> None:
        self.all: dict[FrameKey, Frame] = {}
        self._apart = apart
        self._numbers: dict[FrameKey, dict[Scope, int]] = defaultdict(dict)
        self._spots: dict[Scope, Spot] = {}
        scopes = _sort_calls(snapshot.order)
        self._units = find_units(snapshot)
        for scope in scopes:
            self.find(scope)

    def find(self, scope: Scope | None) -> Spot:
        """Return the frame that a scope is folded into, and the call of it that it is part of."""
        if scope is None:
            return None, None
        if scope not in self._spots:
            for around in scope.chain():
                if around not in self._spots:
                    self._spots[around] = self._place(around)
        return self._spots[scope]

    def number(self, frame: Frame, call: Scope) -> int:
        """Return the number of a call, from 1 on, among all of its frame, whether apart or not."""
        return self._numbers.get(frame.key, {}).get(call, frame.calls[call] + 1)

    def count(self, frame: Frame) -> int:
        """Return how many calls a frame has, those that are kept apart included."""
        return max(len(frame.calls), len(self._numbers.get(frame.key, ())))

    def is_unit(self, scope: Scope) -> bool:
        """Return whether a scope is that of a unit, which is folded into the scope around it."""
        return scope in self._units

    def _place(self, scope: Scope) -> Spot:
        if isinstance(scope, CallScope):
            same = self._find_recursion(scope)
            if same is not None:
                return same
        if scope in self._units:
            return self.find(scope.parent)
        around, _ = self.find(scope.parent)
        key = (*(() if around is None else around.key), _own_key(scope))
        number = 0
        if key in self._apart:
            numbers = self._numbers[key]
            own = numbers.setdefault(scope, len(numbers) + 1)
            if not self._apart[key] or own in self._apart[key]:
                number = own
                key = (*key, own)
        frame = self.all.get(key)
        if frame is None:
            frame = self.all[key] = Frame(key, scope, around, number=number)
            if around is not None:
                around.has_calls = True
        frame.calls.setdefault(scope, len(frame.calls))
        return frame, scope

    def _find_recursion(self, scope: CallScope) -> Spot | None:
        """Return the outermost call of the same function around a call, None where there is none.

        A function that calls itself would otherwise be as many frames inside of each other.
        """
        for around in scope.chain()[:-1]:
            is_call = isinstance(around, CallScope)
            if is_call and (around.name, around.kind) == (scope.name, scope.kind):
                return self.find(around)
        return None


def _own_key(scope: Scope) -> object:
    """Return what the calls have in common that are folded, within those of the frame around."""
    if isinstance(scope, CallScope):
        offset = 0 if scope.place is None else scope.place.offset
        # Not its identity, which tells the levels of a recursion around it apart.
        return scope.kind, scope.called_at, offset
    # A scope that was made by hand may have no identity: then each call is by itself.
    return type(scope), scope.identity or id(scope), list_name(scope.name)


def _sort_calls(order: list[Value]) -> list[Scope]:
    """Return the innermost scopes of a graph in the order in which they were done.

    Where that was not traced, the last Value tells it: a walk back from the result may meet the
    first Values of a later call before those of an earlier one.
    """
    last: dict[Scope, int] = {}
    for node in reversed(order):
        scope = node.scope
        if scope is not None and node.args:
            last[scope] = max(rank_in_time(node), last.get(scope, 0))
    calls = list(last)[::-1]
    return sorted(calls, key=last.__getitem__)
