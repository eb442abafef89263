"""The part of a large network or chain that one page can hold, with the numbers of the whole.

It is what is nearest to the output: whole layers or links while there is space, and of the next
layer one neuron. What these take from the rest of the graph stands for itself, as an input with the
numbers that the whole graph gave it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scalargrad.core.value import Value
from viz.model.chains import find_chains
from viz.model.snapshot import Snapshot, parent_path

MAX_EXCERPT = 8_000
"""How many operations and leaves an excerpt holds at most."""
_NEXT_CALL = " #"
"""In the path of a module that is called more than once, before the number of the call."""


class Excerpt(NamedTuple):
    """A part of a graph.

    Attributes:
        snapshot: The part.
        total: How many values the whole graph has.
        chosen: The path of the neuron that stands for its layer; "" if there is none.
        partial: The numbers of those values whose gradient comes in part from what is left out.
    """

    snapshot: Snapshot
    total: int
    chosen: str
    partial: list[int]


def take_excerpt(whole: Snapshot, limit: int = MAX_EXCERPT) -> Excerpt | None:
    """Return the part of a graph that is nearest to its output.

    Args:
        whole: The graph.
        limit: How many values the part holds at most.

    Returns:
        The part; None if the graph has neither modules nor chains, calls modules more than once, as
        for a batch, or if what is outside of these is too large already.

    Example:
        >>> from scalargrad.nn import MLP
        >>> whole = Snapshot([MLP(8, [5, 2], seed=0)([0.5] * 8)[0]])
        >>> part = take_excerpt(whole, limit=60)
        >>> part.chosen, part.total, len(part.snapshot) <= 60
        ('layers.0.neurons.4', 154, True)
    """
    if not whole.modules:
        return _take_links(whole, limit)
    if any(_NEXT_CALL in path for path in whole.modules):
        return None
    units = _operations_by_module(whole)
    kept = _Kept(limit)
    if not kept.add(units.pop("", [])):
        return None

    chosen = ""
    for layer in _group_by_layer(units):
        if kept.add(node for path in layer for node in units[path]):
            continue
        # The neuron that matters most stands for its layer, and the layers before it are left out.
        by_gradient = sorted(layer, key=lambda path: -abs(whole.gradients[units[path][0]]))
        fitting = (path for path in by_gradient if kept.add(units[path]))
        chosen = next(fitting, "").replace("/", ".")
        break
    return _copy(whole, kept.operations, chosen)


def _take_links(whole: Snapshot, limit: int) -> Excerpt | None:
    """Return what is outside of all chains, and as many of their last links as there is space."""
    chains = find_chains(whole)
    in_chains = set().union(*(chain.values for chain in chains))
    kept = _Kept(limit)
    outside = [node for node in whole.order if node.args and node not in in_chains]
    if not chains or not kept.add(outside):
        return None
    for chain in reversed(chains):
        for link in reversed(chain.links):
            if not kept.add(node for node in link if node.args):
                break
    return _copy(whole, kept.operations, "")


class _Kept:
    """Operations that are kept, no more than there is space for.

    Attributes:
        operations: The operations.
    """

    def __init__(self, limit: int) -> None:
        self.operations: set[Value] = set()
        self._shown: set[Value] = set()
        self._limit = limit

    def add(self, nodes: Iterable[Value]) -> bool:
        """Keep more operations, if they and all that they take fit; return whether they do."""
        added = set(nodes)
        taken = added.union(*(node.args for node in added)) - self._shown
        if len(self._shown) + len(taken) > self._limit:
            return False
        self.operations |= added
        self._shown |= taken
        return True


def _operations_by_module(whole: Snapshot) -> dict[str, list[Value]]:
    """Return the operations of each innermost module, the nearest to the output first."""
    units: dict[str, list[Value]] = defaultdict(list)
    for node in reversed(whole.order):
        if node.args:
            units[whole.module[node]].append(node)
    return units


def _group_by_layer(units: Iterable[str]) -> list[list[str]]:
    """Return modules in the order given, those within one module together."""
    layers: dict[str, list[str]] = defaultdict(list)
    for path in units:
        layers[parent_path(path)].append(path)
    return list(layers.values())


def _copy(whole: Snapshot, kept: set[Value], chosen: str) -> Excerpt:
    copies: dict[Value, Value] = {}
    for node in whole.order:
        if node in kept:
            copies[node] = _copy_operation(
                node, [_stand_in(arg, copies, whole) for arg in node.args]
            )
    roots = [copies.get(root, root) for root in whole.roots]
    snapshot = Snapshot(roots)
    originals = {copy: node for node, copy in copies.items()}
    complete = _find_complete(whole, kept)
    partial = []
    for i, node in enumerate(snapshot.order):
        if originals.get(node, node) not in complete:
            partial.append(i)
    return Excerpt(snapshot, len(whole), chosen, partial)


def _copy_operation(node: Value, args: Sequence[Value]) -> Value:
    copy = Value(node.data, args, node.op, node.label, partials=node.partials)
    copy.static_args = node.static_args
    copy.scope = node.scope
    copy.metadata = node.metadata
    copy.grad = node.grad
    return copy


def _stand_in(node: Value, copies: dict[Value, Value], whole: Snapshot) -> Value:
    """Return what an operation takes: a copy, a leaf itself, or an input in place of the rest."""
    if node in copies:
        return copies[node]
    if not node.args:
        return node
    label = node.label or whole.module[node].replace("/", ".")
    copies[node] = Value(node.data, label=label)
    copies[node].grad = node.grad
    return copies[node]


def _find_complete(whole: Snapshot, kept: set[Value]) -> set[Value]:
    """Return the Values all of whose ways to the output are kept."""
    complete: set[Value] = set()
    for node in reversed(whole.order):
        users = whole.users.get(node, ())
        if all(user in kept and user in complete for user in users):
            complete.add(node)
    return complete
