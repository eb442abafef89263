"""Scopes of modules that are too small for a box: the neurons of a layer, the units of a cell."""

from collections import defaultdict

from scalargrad.core.scopes import Scope
from scalargrad.core.value import Value
from viz.model.snapshot import Snapshot
from viz.views.layers.assign import list_name

ListKey = tuple[Scope, str]
"""The parts of a call whose names differ in a number alone."""


def find_units(snapshot: Snapshot) -> set[Scope]:
    """Return the scopes that are folded into the scope around them.

    They are side by side in a list: each has one output, and none uses another one. Of a module
    that divides its own work twice, as a cell does for each of its gates, the inner parts are units
    as well.

    Args:
        snapshot: The graph.
    """
    lists: dict[ListKey, set[Scope]] = defaultdict(set)
    around: set[Scope] = set()
    scopes = {node.scope for node in snapshot.order if node.args and node.scope is not None}
    for scope in scopes:
        *outer, _ = scope.chain()
        around.update(outer)
        for part in scope.chain():
            key = _list_key(part)
            if key is not None:
                lists[key].add(part)

    outputs, depending = _find_outputs(snapshot)
    units: set[Scope] = set()
    for key, parts in lists.items():
        if not around.isdisjoint(parts):
            continue
        have_one_output = all(len(outputs[part]) <= 1 for part in parts)
        # Calls of one module, such as those for each position, are no units side by side.
        identities = {part.identity for part in parts}
        is_own_work = identities == {key[0].identity}
        are_different = len(identities) == len(parts) or is_own_work
        is_list = have_one_output and are_different and key not in depending
        if is_list or _is_divided(key[0]):
            units |= parts
    return units


def _list_key(scope: Scope) -> ListKey | None:
    """Return the list that a scope is in, None for one that is in no list."""
    parent = scope.parent
    if parent is None or not scope.is_module:
        return None
    is_part = 0 != scope.identity == parent.identity
    name = list_name(scope.name)
    is_numbered = name != scope.name
    if not is_numbered and not is_part:
        return None
    return parent, name


def _is_divided(scope: Scope) -> bool:
    """Return whether a scope is a part of a module's own work."""
    return scope.parent is not None and 0 != scope.identity == scope.parent.identity


def _find_outputs(snapshot: Snapshot) -> tuple[dict[Scope, set[Value]], set[ListKey]]:
    """Return for each scope what others use, and the lists in which one part uses another."""
    outputs: dict[Scope, set[Value]] = defaultdict(set)
    depending: set[ListKey] = set()
    for node in snapshot.order:
        scope = node.scope
        for arg in node.args:
            other = arg.scope
            if other is None or other is scope or not arg.args:
                continue
            outputs[other].add(arg)
            if scope is not None and scope.parent is other.parent:
                key = _list_key(other)
                if key is not None and key == _list_key(scope):
                    depending.add(key)
    for root in snapshot.roots:
        if root.scope is not None:
            outputs[root.scope].add(root)
    return outputs, depending
