"""Large graphs without modules: sums and products folded, and only the Values that carry most gradient."""

from collections import Counter
from dataclasses import replace
from heapq import heappop, heappush, nlargest

from scalargrad.core import ops
from scalargrad.core.value import Value
from viz.look.text import clean, whole
from viz.model.picture import Edge, Node, Picture
from viz.model.snapshot import Snapshot, carried, formula, grad_of, symbol

WIDEST_FAN = 12
"""Of one Value so many operands are followed at most, the strongest."""

_ADDS, _PRODUCT = (ops.ADD.name, ops.SUM.name), ops.MUL.name


def condensed_picture(snapshot: Snapshot, most: int) -> Picture:
    """At most `most` Values as chips: a chain of + is one Σ, a product with a leaf under it is an edge.

    From the roots the Values with the largest |gradient| are followed; a node says how many of its operands are left out.
    """
    folded = _Folded(snapshot)
    kept = folded.strongest(most)
    has_gradients = any(grad_of(node) for node in kept)
    edges = [
        edge if has_gradients else replace(edge, flow=None)
        for node in kept
        for edge in folded.edges(node, kept)
    ]
    nodes = tuple(folded.node(node, kept, has_gradients) for node in reversed(kept))
    notes = [
        f"showing {len(kept):,} of {len(snapshot):,} values, those with the largest gradients; chains of + are one Σ"
    ]
    if not has_gradients:
        notes.append("no gradients yet: call backward() first")
    return Picture("chips", nodes, tuple(edges), notes=tuple(notes), total=len(snapshot))


class _Folded:
    """A graph seen through the folds."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.uses = Counter(arg for node in snapshot.order for arg in node.args)

    def operands(self, node: Value) -> list[tuple[Value, float]]:
        """What a node is made of once the folds are made, each with its local derivative."""
        found: list[tuple[Value, float]] = []
        pending = list(zip(node.args, node.partials, strict=False))[::-1]
        while pending:
            arg, local = pending.pop()
            if node.op in _ADDS and self._folds(arg):
                pending += [
                    (inner, local * partial)
                    for inner, partial in zip(arg.args, arg.partials, strict=False)
                    if self._seen(arg, inner)
                ][::-1]
            else:
                found.append((arg, local))
        return found

    def _folds(self, node: Value) -> bool:
        if self.uses[node] != 1 or node.label:
            return False
        return node.op in _ADDS or (node.op == _PRODUCT and any(not arg.args for arg in node.args))

    def _seen(self, node: Value, operand: Value) -> bool:
        """In a folded product a factor that is a parameter or a constant is the edge itself, unless all are."""
        weights = [arg for arg in node.args if arg.kind in ("parameter", "constant")]
        return node.op != _PRODUCT or operand not in weights or len(weights) == len(node.args)

    def strongest(self, most: int) -> dict[Value, None]:
        """The roots, and what they are made of, largest |gradient| first."""
        kept: dict[Value, None] = {}
        queue: list[tuple[float, int, Value]] = []
        for root in self.snapshot.roots:
            heappush(queue, (-float("inf"), -self.snapshot.index[root], root))
        while queue and len(kept) < most:
            node = heappop(queue)[2]
            if node not in kept:
                kept[node] = None
                for arg in self._strongest_operands(node):
                    heappush(queue, (-abs(grad_of(arg)), -self.snapshot.index[arg], arg))
        return dict.fromkeys(sorted(kept, key=self.snapshot.index.__getitem__, reverse=True))

    def _strongest_operands(self, node: Value) -> list[Value]:
        args = dict.fromkeys(arg for arg, _ in self.operands(node))
        return nlargest(WIDEST_FAN, args, key=lambda arg: (bool(arg.args), abs(grad_of(arg))))

    def edges(self, node: Value, kept: dict[Value, None]) -> list[Edge]:
        """The edges into a node from those that are kept."""
        target = self.snapshot.id(node)
        return [
            Edge(self.snapshot.id(arg), target, local, carried(local, grad_of(node)), port)
            for port, (arg, local) in enumerate(self.operands(node))
            if arg in kept
        ]

    def node(self, node: Value, kept: dict[Value, None], has_gradients: bool) -> Node:
        """The Value, with the number of operands that are left out."""
        operands = self.operands(node)
        missing = sum(1 for arg, _ in operands if arg not in kept)
        folded = len(operands) > len(node.args)
        return Node(
            id=self.snapshot.id(node),
            kind=node.kind,
            symbol="Σ" if folded else symbol(node),
            label=clean(node.label),
            data=node.data,
            grad=grad_of(node) if has_gradients else None,
            detail=f"+{missing:,} more" if missing else "",
            formula=f"sum of {len(operands):,}" if folded else formula(node),
            root=node in self.snapshot.roots,
            whole=whole(node.label),
        )
