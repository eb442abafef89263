"""The ledger of a gradient: every way from an output back to a leaf counted and summed, the largest of them followed one by one.

Ways can be exponentially many, so none but the largest is ever walked: what reaches a Value is counted and summed there once for
all that lies below it. What is left over when the largest are taken away is summed by a walk of its own, not by a subtraction,
so that it keeps all of its digits.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from math import inf, isnan
from typing import Any, NamedTuple

from scalargrad.core.backprop import checked_partials
from scalargrad.core.graph import topological
from scalargrad.core.value import Value
from viz.views.scalars import carried


class Trail(NamedTuple):
    """A way from the output down to a Value.

    product  of the factors so far
    node     where it has come to
    factor   the last one
    port     which operand the last step went to
    before   the trail without its last step, None at the output
    """

    product: float
    node: Value
    factor: float = 1.0
    port: int = 0
    before: Any = None

    @property
    def size(self) -> float:
        """|product|, and inf for nan, so that what is broken comes first."""
        return inf if isnan(self.product) else abs(self.product)

    def steps(self) -> list["Trail"]:
        """The trails that led here, the output's own first."""
        found = [self]
        while found[-1].before is not None:
            found.append(found[-1].before)
        return found[::-1]


class Step(NamedTuple):
    """One edge of the ledger, from the Value above it: which operand it leads to, and the derivative."""

    above: Value
    port: int
    factor: float


class PathSums:
    """All ways from `output` to `leaf`.

    stops  the Values at which a way is written down; the local derivatives between two of them become one factor, summed where
           there are several ways between. None: every Value, so that each way through the graph stands for itself.
    most   how many of the largest ways are kept

    order   what lies between the two, both included, operands first
    steps   for each stop the edges that come to it, the output's first
    count   how many ways there are, exactly
    total   the derivative: what `output.backward()` adds to `leaf.grad`, hooks aside
    best    the largest ways, largest first
    rest    the sum of all the others

    Raises GraphError for a Value made by hand without partials.

    >>> x = Value(3.0, label="x")
    >>> ledger = PathSums(x * x + x, x, most=2)
    >>> ledger.count, ledger.total, [trail.product for trail in ledger.best], ledger.rest
    (3, 7.0, [3.0, 3.0], 1.0)
    """

    def __init__(
        self,
        output: Value,
        leaf: Value,
        most: int,
        order: dict[Value, None] | None = None,
        stops: Container[Value] | None = None,
    ):
        self.output, self.leaf, self.most = output, leaf, most
        self.order = between(output, leaf) if order is None else order
        self.flows: dict[Value, float] = defaultdict(float, {output: 1.0})
        self.steps = self._walk(stops)
        self.total = self.flows[leaf]
        self.count = self._counted()
        self.best = self._largest()
        self.rest = self._others() if self.count > len(self.best) else 0.0

    def _walk(self, stops: Container[Value] | None) -> dict[Value, list[Step]]:
        """Back from the output: an edge passes through what is no stop, and edges between the same two stops become one."""
        found: dict[Value, list[Step]] = {}
        slopes: dict[Value, dict[tuple[Value, int], float]] = defaultdict(dict)
        for node in reversed(self.order):
            above = slopes.pop(node, {})
            if stops is None or node in stops:
                found[node] = [Step(user, port, factor) for (user, port), factor in above.items()]
                above = {(node, 0): 1.0}
            for port, (arg, local) in enumerate(
                zip(node.args, checked_partials(node), strict=True)
            ):
                if arg not in self.order:
                    continue
                self.flows[arg] += carried(local, self.flows[node])
                below = slopes[arg]
                for (user, before), slope in above.items():
                    key = (user, port if stops is None else before)
                    factor = carried(local, slope)  # a cut stays a cut
                    below[key] = below[key] + factor if key in below else factor
        return found

    def _counted(self) -> int:
        """Sums of Python's whole numbers, each forgotten after its last use: they may have many thousands of digits."""
        uses = Counter(step.above for steps in self.steps.values() for step in steps)
        counts: dict[Value, int] = {}
        for node, steps in self.steps.items():
            counts[node] = (
                sum(counts[step.above] for step in steps) if node is not self.output else 1
            )
            for step in steps:
                uses[step.above] -= 1
                if not uses[step.above]:
                    del counts[step.above]
        return counts.get(self.leaf, 0)

    def _largest(self) -> list[Trail]:
        """The largest ways down to each stop begin with the largest ways to those above: a sum's best terms, never all of them."""
        uses = Counter(step.above for steps in self.steps.values() for step in steps)
        trails: dict[Value, list[Trail]] = {}
        for node, steps in self.steps.items():
            onward = [
                Trail(carried(step.factor, trail.product), node, step.factor, step.port, trail)
                for step in steps
                for trail in trails[step.above]
            ]
            trails[node] = (
                [Trail(1.0, node)]
                if node is self.output
                else sorted(onward, key=_falling)[: self.most]
            )
            for step in steps:
                uses[step.above] -= 1
                if not uses[step.above]:
                    del trails[step.above]
        return trails.get(self.leaf, [])

    def _others(self) -> float:
        """The sum of the ways that are not among the best: those that have left them, step by step, as a backward pass adds them."""
        kept = {id(trail): trail for best in self.best for trail in best.steps()}
        inside: dict[Value, list[Trail]] = defaultdict(list)
        for trail in kept.values():
            inside[trail.node].append(trail)
        taken = {(id(trail.before), trail.node, trail.port) for trail in kept.values()}
        outside: dict[Value, float] = defaultdict(float)
        for node, steps in self.steps.items():
            for above, port, factor in steps:
                leaving = (
                    trail.product for trail in inside[above] if (id(trail), node, port) not in taken
                )
                for flow in (outside[above], *leaving):
                    outside[node] += carried(factor, flow)
        return outside[self.leaf]


def _falling(trail: Trail) -> float:
    return -trail.size


def between(output: Value, leaf: Value) -> dict[Value, None]:
    """What `output` is computed from and depends on `leaf`, both included, operands first; a dict, which is an ordered set."""
    found = {leaf: None}
    for node in topological([output]):
        if any(arg in found for arg in node.args):
            found[node] = None
    return found


def on_ways(trails: Iterable[Trail]) -> dict[Value, None]:
    """The Values that some ways pass, each once, operands first among those of one way."""
    return dict.fromkeys(step.node for trail in trails for step in reversed(trail.steps()))
