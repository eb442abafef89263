"""Large graphs without modules: sums and products folded, the Values with most gradient."""

from collections import Counter
from collections.abc import Iterable
from heapq import heappop, heappush, nlargest

from scalargrad.core import ops
from scalargrad.core.value import Value
from viz.model.picture import Edge, Node, Picture
from viz.model.snapshot import Snapshot, formula, shown_flow

from .sums import ADDS, Operand, starts_sum, with_partials

MAX_FOLLOWED = 12
"""Operands of one Value that are followed, the strongest."""

_PRODUCT = ops.MUL.name


def condensed_picture(snapshot: Snapshot, max_nodes: int, show: str | None = None) -> Picture:
    """Return the strongest Values as chips.

    A chain of + is one Σ, and a product with a leaf under it is an edge. From the roots the Values
    with the largest |gradient| are followed; a node says how many of its operands are left out.

    Args:
        snapshot: The graph.
        max_nodes: Values that are drawn at most.
        show: What colors show: "gradient", "data" or "weights"; None for the default of the graph.

    Example:
        >>> x = Value(2.0, label="x")
        >>> [node.symbol for node in condensed_picture(Snapshot([x + x * 3.0 + 1.0]), 10).nodes]
        ['in', 'c', 'Σ']
    """
    shown = snapshot.default_show if show is None else show
    view = _CondensedView(snapshot, max_nodes, shown)
    notes = [
        f"showing {len(view.kept):,} of {len(snapshot):,} values, "
        "those with the largest gradients; chains of + are one Σ"
    ]
    if not view.has_gradients:
        notes.append("no gradients yet: call backward() first")
    return Picture(
        "chips",
        tuple(view.node(node) for node in reversed(view.kept)),
        tuple(edge for node in view.kept for edge in view.edges(node)),
        notes=tuple(notes),
        total=len(snapshot),
        colors=shown,
    )


class _CondensedView:
    """A graph seen through the folds.

    Attributes:
        show: What colors show.
        kept: The Values that are drawn, users before operands.
        has_gradients: Whether any of these has a gradient.
    """

    def __init__(self, snapshot: Snapshot, max_nodes: int, show: str) -> None:
        self.snapshot = snapshot
        self.show = show
        self._uses = Counter(arg for node in snapshot.order for arg in node.args)
        self.kept = self._find_strongest(max_nodes)
        self.has_gradients = any(snapshot.gradients[node] for node in self.kept)

    # Folds

    def _operands(self, node: Value) -> list[Operand]:
        """Return what a Value is made of once chains of + are folded."""
        operands: list[Operand] = []
        pending = list(reversed(with_partials(node)))
        while pending:
            arg, local = pending.pop()
            if starts_sum(arg, node):
                continue
            if node.op not in ADDS or not self._is_folded(arg):
                operands.append((arg, local))
                continue
            # Reversed, since the last one is taken first: the operands keep their order.
            for operand, partial in reversed(with_partials(arg)):
                if _is_visible(arg, operand) and not starts_sum(operand, arg):
                    pending.append((operand, local * partial))
        return operands

    def _is_folded(self, node: Value) -> bool:
        """Return whether a Value is drawn as part of the sum that uses it."""
        if self._uses[node] != 1 or node.label:
            return False
        if node.op in ADDS:
            return True
        has_leaf = any(not arg.args for arg in node.args)
        return node.op == _PRODUCT and has_leaf

    # Values that are kept

    def _find_strongest(self, max_nodes: int) -> dict[Value, None]:
        """Return the roots, and what they are made of, largest |gradient| first."""
        index = self.snapshot.index
        kept: dict[Value, None] = {}
        # The position settles ties, so that Values are never compared.
        queue: list[tuple[float, int, Value]] = []
        for root in self.snapshot.roots:
            heappush(queue, (-float("inf"), -index[root], root))
        while queue and len(kept) < max_nodes:
            node = heappop(queue)[2]
            if node in kept:
                continue
            kept[node] = None
            for arg in self._strongest_operands(node):
                size = abs(self.snapshot.gradients[arg])
                heappush(queue, (-size, -index[arg], arg))
        users_first = sorted(kept, key=index.__getitem__, reverse=True)
        return dict.fromkeys(users_first)

    def _strongest_operands(self, node: Value) -> list[Value]:
        def strength(arg: Value) -> tuple[bool, float]:
            return (bool(arg.args), abs(self.snapshot.gradients[arg]))

        args = dict.fromkeys(arg for arg, _ in self._operands(node))
        return nlargest(MAX_FOLLOWED, args, key=strength)

    # The picture

    def edges(self, node: Value) -> Iterable[Edge]:
        """Yield the edges into a Value from those that are kept."""
        target = self.snapshot.id(node)
        gradient = self.snapshot.gradients[node] if self.has_gradients else None
        for port, (arg, local) in enumerate(self._operands(node)):
            if arg in self.kept:
                flow = shown_flow(self.show, arg, local, gradient)
                yield Edge(self.snapshot.id(arg), target, local, flow, port)

    def node(self, node: Value) -> Node:
        """Return a Value, with the number of operands that are left out."""
        snapshot = self.snapshot
        operands = self._operands(node)
        missing = sum(1 for arg, _ in operands if arg not in self.kept)
        is_sum = len(operands) > len(node.args)
        return Node(
            id=snapshot.id(node),
            kind=snapshot.kinds[node],
            symbol="Σ" if is_sum else snapshot.symbols[node],
            label=snapshot.labels[node],
            data=node.data,
            grad=snapshot.gradients[node] if self.has_gradients else None,
            detail=f"+{missing:,} more" if missing else "",
            formula=f"sum of {len(operands):,}" if is_sum else formula(node),
            root=node in snapshot.roots,
            whole=snapshot.long_labels[node],
        )


def _is_visible(product: Value, operand: Value) -> bool:
    """Return whether an operand of a folded Value is drawn.

    In a product a factor that is a parameter or a constant is the edge itself, unless all are.
    """
    if product.op != _PRODUCT:
        return True
    weights = [arg for arg in product.args if arg.kind in ("parameter", "constant")]
    are_all_weights = len(weights) == len(product.args)
    return operand not in weights or are_all_weights
