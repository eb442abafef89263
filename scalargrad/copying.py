"""Copying and pickling of graphs of any depth, within one ordinary `copy.deepcopy` or `pickle.dumps`.

`pickle` follows `__reduce_ex__` from a Value to its operands, one Python call deeper each time. So the first Value that it meets
brings along a prelude, a lazy list of everything it depends on, operands first: by the time a Value is saved, its operands are.
"""

from collections.abc import Iterator
from contextvars import ContextVar
from copy import deepcopy
from typing import Any

from .graph import topological

_underway: ContextVar[frozenset[int] | set[int]] = ContextVar("scalargrad.underway", default=frozenset())


class _Prelude(list[Any]):
    """A list whose items are fetched only while it is being copied or pickled."""

    def __init__(self, root: Any = None) -> None:
        super().__init__()
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
    own = tuple([getattr(value, name) for name in value.own_slots])
    return (value._data, value._grad, value.op, value.args, value._partials, value.label, value.scope, value.settings, own)


def _blank(kind: type) -> Any:
    return object.__new__(kind)


def restore_value(value: Any, state: tuple[Any, tuple[Any, ...]]) -> None:
    """Fill a blank Value."""
    value._data, value._grad, value.op, value.args, value._partials, value.label, value.scope, value.settings, own = state[1]
    value.notes = None
    for name, item in zip(value.own_slots, own, strict=True):
        setattr(value, name, item)


def deepcopy_value(value: Any, memo: dict[int, Any]) -> Any:
    """A copy of the whole graph of a Value; what `memo` holds already is shared. Hooks stay behind."""
    order = [node for node in topological([value]) if id(node) not in memo]
    for node in order:
        memo[id(node)] = twin = _blank(type(node))
        args = tuple(memo[id(arg)] for arg in node.args)
        state = _state(node)
        restore_value(twin, (None, (*state[:3], args, *state[4:-1], deepcopy(state[-1], memo))))
    for node in order:
        if hasattr(node._grad, "args"):
            memo[id(node)]._grad = deepcopy(node._grad, memo)
    return memo[id(value)]
