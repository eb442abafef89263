"""Copying and pickling of graphs of any depth, within one ordinary `copy.deepcopy` or `pickle.dumps`.

`pickle` follows `__reduce_ex__` from a Value to its operands, one Python call deeper each time. So the first Value that it meets
brings along a prelude, a lazy list of everything it depends on, operands first: by the time a Value is saved, its operands are.
"""

import copyreg
from collections.abc import Iterator
from contextvars import ContextVar
from copy import deepcopy
from typing import Any
from weakref import WeakKeyDictionary

from scalargrad.errors import GraphError

from .graph import hold_operands, stored_partials, topological
from .hooks import BY_HAND

_underway: ContextVar[frozenset[int] | set[int]] = ContextVar(
    "scalargrad.underway", default=frozenset()
)


class _Prelude(list[Any]):
    """A list whose items are fetched only while it is being copied or pickled."""

    def __init__(self, root: Any = None) -> None:
        self.root = root

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (_Prelude, (), None, _announced(topological([self.root])[:-1]))


def _announced(nodes: list[Any]) -> Iterator[Any]:
    """The nodes one by one, each marked as having its operands saved already."""
    token = _underway.set({id(node) for node in nodes})
    try:
        yield from nodes
    finally:
        _underway.reset(token)


def reduce_value(value: Any) -> tuple[Any, ...]:
    """What `__reduce_ex__` of a Value returns. Hooks stay behind: they belong to the original."""
    deep = value.args and id(value) not in _underway.get()
    return (_blank, (type(value),), (_Prelude(value) if deep else None, _state(value)))


def _state(value: Any) -> tuple[Any, ...]:
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
        _own_slots(value),
        dict(getattr(value, "__dict__", ())),
    )


def _own_slots(value: Any) -> dict[str, Any]:
    """What a derived class keeps in slots of its own."""
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
    (
        *("_data", "_grad", "_local_x", "_local_y", "_rest", "_x", "_y"),
        *("label", "metadata", "op", "scope", "static_args"),
    )
)
_names: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()


def _blank(kind: type) -> Any:
    return object.__new__(kind)


def restore_value(value: Any, state: tuple[Any, tuple[Any, ...]]) -> None:
    """Fill a blank Value."""
    value._data, value._grad, value.op, args, partials, *more = state[1]
    hold_operands(value, args, partials)
    value.label, value.scope, value.static_args, by_hand, slots, attributes = more
    value.metadata = {BY_HAND: _refuse_copy} if by_hand else None
    for name, item in slots.items():
        setattr(value, name, item)
    if attributes:
        value.__dict__.update(attributes)


def _refuse_copy() -> None:
    raise GraphError(
        "this is a copy of a Value whose _backward was set by hand, and that function works on the "
        "original: give Value(data, args, op, partials=…) its local derivatives, which are copied"
    )


def deepcopy_value(value: Any, memo: dict[int, Any]) -> Any:
    """A copy of the whole graph of a Value; what `memo` holds already is shared. Hooks stay behind."""
    order = [node for node in topological([value]) if id(node) not in memo]
    for node in order:  # all of them first: an attribute may lead from any of them to any other
        memo[id(node)] = _blank(type(node))
    for node in order:
        args = tuple(memo[id(arg)] for arg in node.args)
        state = _state(node)
        own = (deepcopy(part, memo) if part else part for part in state[-2:])
        restore_value(memo[id(node)], (None, (*state[:3], args, *state[4:-2], *own)))
    for node in order:
        if hasattr(node._grad, "args"):
            memo[id(node)]._grad = deepcopy(node._grad, memo)
    return memo[id(value)]
