"""Chains of + as one Σ, and the 0 that Python's `sum` begins with left out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from scalargrad.core import ops
from scalargrad.core.value import Value
from viz.model.picture import Node
from viz.model.snapshot import Snapshot

MIN_PARTIAL_SUMS = 2
"""Partial sums from which on a chain of + is one Σ: a + b + c is read as it is."""
ADDS = (ops.ADD.name, ops.SUM.name)
"""The operations that add up their operands."""

Operand = tuple[Value, float]
"""An operand with its local derivative."""


def fold_sums(snapshot: Snapshot, values: Sequence[Value]) -> "FoldedSums":
    """Return the chains of + among some Values that are shown one by one.

    Args:
        snapshot: The graph.
        values: The Values.
    """
    # The 0 that Python's sum begins with is a leaf.
    leaves = {arg for node in values for arg in node.args if not arg.args}
    return FoldedSums(snapshot, [*values, *leaves])


class FoldedSums:
    """Which partial sums of a graph are not drawn, and what the sums are made of then.

    A partial sum is folded into the sum that uses it if nothing else does, it has no name, and both
    are in the same module.

    Attributes:
        folded: The partial sums, and the zeros, that are not drawn.
        totals: The sums that are drawn as one Σ.
    """

    def __init__(self, snapshot: Snapshot, shown: Iterable[Value]) -> None:
        self.snapshot = snapshot
        self.folded: set[Value] = set()
        self.totals: set[Value] = set()
        self._shown = list(shown)
        self._into = self._find_partial_sums()
        self._fold()

    def operands(self, node: Value) -> list[Operand]:
        """Return what a Value is made of, with the operands of what is folded into it."""
        operands: list[Operand] = []
        pending = with_partials(node)[::-1]
        while pending:
            arg, local = pending.pop()
            if arg in self._zeros:
                continue
            if arg not in self.folded or not self._is_sum(node):
                operands.append((arg, local))
                continue
            # Reversed, since the last one is taken first: the operands keep their order.
            for inner, partial in with_partials(arg)[::-1]:
                if inner not in self.folded or inner.args:
                    pending.append((inner, local * partial))
        return operands

    def draw(self, drawn: Node, node: Value) -> Node:
        """Return the node of a Value, as one Σ if it stands for a chain of +."""
        if node not in self.totals:
            return drawn
        count = len(self.operands(node))
        return replace(drawn, symbol="Σ", formula=f"sum of {count:,}")

    def drawn(self, node: Value) -> Value:
        """Return the sum that a partial sum is folded into; any other Value itself."""
        while node in self.folded and node in self._into:
            node = self._into[node]
        return node

    def _is_sum(self, node: Value) -> bool:
        return node.op in ADDS

    def _find_partial_sums(self) -> dict[Value, Value]:
        """Return the sum that uses each partial sum."""
        into: dict[Value, Value] = {}
        snapshot = self.snapshot
        roots = set(snapshot.roots)
        for node in self._shown:
            users = snapshot.users.get(node, [])
            is_partial = self._is_sum(node) and len(users) == 1 and node not in roots
            if not is_partial or snapshot.labels[node]:
                continue
            (user,) = users
            is_same_module = snapshot.module[user] == snapshot.module[node]
            if self._is_sum(user) and is_same_module:
                into[node] = user
        return into

    def _fold(self) -> None:
        chains: dict[Value, list[Value]] = {}
        for partial in self._into:
            total = partial
            while total in self._into:
                total = self._into[total]
            chains.setdefault(total, []).append(partial)

        for total, partials in chains.items():
            # 0 + x is x, so that it makes no sum longer.
            real = [partial for partial in partials if not self._zeros_in(partial)]
            if len(real) >= MIN_PARTIAL_SUMS:
                self.folded.update(partials)
                self.totals.add(total)
            else:
                self.folded.update(partial for partial in partials if partial not in real)
        # The 0 of a sum is left out of a sum of one or two as well, which stays as it is.
        self.folded.update(self._zeros)

    def _zeros_in(self, partial: Value) -> list[Value]:
        """Return the zeros of Python's `sum` among two operands, which nothing else uses."""
        if len(partial.args) != 2:
            return []
        return [arg for arg in partial.args if arg in self._zeros]

    @cached_property
    def _zeros(self) -> set[Value]:
        zeros = set()
        for node in self._shown:
            users = self.snapshot.users.get(node, [])
            is_alone = len(users) == 1 and node not in self.snapshot.roots
            is_start = is_alone and (users[0] in self._into or starts_sum(node, users[0]))
            if is_start and is_zero(node):
                zeros.add(node)
        return zeros


def is_zero(node: Value) -> bool:
    """Return whether a Value is a 0 without a name, as Python's `sum` begins with."""
    return node.kind == "constant" and node.data == 0.0 and not node.label


def starts_sum(node: Value, user: Value) -> bool:
    """Return whether a Value is what Python's `sum` begins with: the 0 of 0 + x."""
    return is_zero(node) and user.op == ops.ADD.name and user.args[0] is node


def with_partials(node: Value) -> list[Operand]:
    """Return the operands of a Value, each with its local derivative."""
    # A Value that was made by hand may have no local derivatives.
    partials = node.partials or [0.0] * len(node.args)
    return list(zip(node.args, partials, strict=True))
