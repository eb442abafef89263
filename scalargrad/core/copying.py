"""Copying and pickling of graphs of any depth, within one ordinary `deepcopy` or `pickle.dumps`.

`pickle` follows `__reduce_ex__` from a Value to its operands, one Python call deeper each time. To
avoid the recursion limit, the first Value of a graph is saved after a prelude: a lazy list of
everything it depends on, in topological order. So the operands of a Value are always saved before
it.
"""

import copyreg
from collections.abc import Iterator
from contextvars import ContextVar
from copy import deepcopy
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from scalargrad.errors import GraphError

from .details import Details, rank_in_time
from .graph import hold_operands, stored_partials, topological
from .hooks import BY_HAND

if TYPE_CHECKING:
    from .value import Value

_in_progress: ContextVar[frozenset[int] | set[int]] = ContextVar(
    "scalargrad.underway", default=frozenset()
)


class _Prelude(list[Any]):
    """A list whose items are computed only while it is copied or pickled."""

    def __init__(self, root: Any = None) -> None:
        self.root = root

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        return (_Prelude, (), None, _announce(topological([self.root])[:-1]))


def _announce(nodes: list["Value"]) -> Iterator["Value"]:
    """Yield the nodes, while all of them are marked as having their operands saved already."""
    token = _in_progress.set({id(node) for node in nodes})
    try:
        yield from nodes
    finally:
        _in_progress.reset(token)


def reduce_value(value: "Value") -> tuple[object, ...]:
    """Reduce a Value for `pickle` and `copy`. Hooks stay with the original.

    Args:
        value: The Value.

    Returns:
        A function that makes a blank Value, its arguments, and the state for `restore_value`.
    """
    # Only the first Value of a graph has a prelude, which saves the operands of all others.
    deep = value.args and id(value) not in _in_progress.get()
    return (_blank, (type(value),), (_Prelude(value) if deep else None, _state(value)))


def _state(value: "Value") -> tuple[Any, ...]:
    by_hand = value.metadata is not None and BY_HAND in value.metadata
    return (
        value._data,
        value._grad,
        value.op,
        value.args,
        stored_partials(value),
        value.label,
        value.scope,
        value.static_args,
        by_hand,
        value._details and value._details.place,
        rank_in_time(value),
        _own_slots(value),
        dict(getattr(value, "__dict__", ())),
    )


def _own_slots(value: "Value") -> dict[str, object]:
    """The attributes that a derived class keeps in its own slots."""
    names = _slot_names(type(value))
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _slot_names(kind: type) -> tuple[str, ...]:
    names = _names.get(kind)
    if names is None:
        slots = copyreg._slotnames(kind)  # type: ignore[attr-defined]
        names = tuple(name for name in slots if name not in _SLOTS)
        _names[kind] = names
    return names


_SLOTS = frozenset(
    [
        "_data",
        "_details",
        "_grad",
        "_local_x",
        "_local_y",
        "_rest",
        "_x",
        "_y",
        "op",
        "scope",
    ]
)
"""The slots of Value itself, which `_state` lists one by one."""

_names: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()


def _blank(kind: "type[Value]") -> "Value":
    return object.__new__(kind)


def restore_value(value: "Value", state: tuple[Any, tuple[Any, ...]]) -> None:
    """Fill a blank Value with the state that `reduce_value` returned."""
    value._data, value._grad, value.op, args, partials, *more = state[1]
    label, value.scope, static_args, by_hand, place, rank, slots, attributes = more
    hold_operands(value, args, partials, static_args)
    metadata = {BY_HAND: _refuse_copy} if by_hand else None
    has_details = label or by_hand or place
    value._details = Details(label, metadata, place, rank) if has_details else None
    for name, item in slots.items():
        setattr(value, name, item)
    if attributes:
        value.__dict__.update(attributes)


def _refuse_copy() -> None:
    raise GraphError(
        "this is a copy of a Value whose _backward was set by hand, and that function works on the "
        "original: give Value(data, args, op, partials=…) its local derivatives, which are copied"
    )


def deepcopy_value(value: "Value", memo: dict[int, Any]) -> "Value":
    """Copy the whole graph of a Value. Hooks are not copied.

    Args:
        value: The Value.
        memo: What `copy.deepcopy` has copied already, by id; those copies are shared.

    Returns:
        The copy of the Value.
    """
    order = [node for node in topological([value]) if id(node) not in memo]
    # All blanks first: an attribute may refer from any node to any other.
    for node in order:
        memo[id(node)] = _blank(type(node))

    for node in order:
        args = tuple(memo[id(arg)] for arg in node.args)
        state = _state(node)
        slots, attributes = [deepcopy(part, memo) if part else part for part in state[-2:]]
        restore_value(memo[id(node)], (None, (*state[:3], args, *state[4:-2], slots, attributes)))

    # A gradient that is a graph may lead back into this one, which is complete by now.
    for node in order:
        if hasattr(node._grad, "args"):
            memo[id(node)]._grad = deepcopy(node._grad, memo)
    twin: Value = memo[id(value)]
    return twin
