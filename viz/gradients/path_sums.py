"""The paths of a gradient: all of them counted and summed, and the largest listed.

The derivative of an output y by a leaf x is the sum over all paths from y down to x of the product
of the local derivatives along the path (Bauer's formula). There are exponentially many paths: n
steps of `x = x + x` make 2ⁿ. None of the quantities here needs a walk over them, because each
distributes over the edges that arrive at a node v, with local derivative d(u→v) from its user u:

- sum of products    S(v) = Σ d(u→v)·S(u)    with S(y) = 1: reverse-mode differentiation itself
- number of paths    N(v) = Σ N(u)           with N(y) = 1
- k largest          K(v) = the k largest of all d(u→v)·p with p in K(u), since a path that is not
  among the k largest down to u can't be the start of one of the k largest down to v

Each is one pass over the edges in the order of the backward pass. The sum of the paths that are
not among the largest is a pass as well, not a subtraction from S(x): where the largest nearly
cancel out or are by far the largest, a difference would have few digits left or none.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from math import inf, isnan, prod
from typing import NamedTuple

from scalargrad.core.backprop import checked_partials
from scalargrad.core.graph import topological
from scalargrad.core.value import Value
from viz.model.snapshot import carry_back


class Trail(NamedTuple):
    """A path from the output down to a Value, as its last step and the trail before it.

    Attributes:
        product: The product of the factors so far.
        node: Where it has come to.
        factor: The derivative of the last step.
        port: The operand that the last step went to.
        before: The trail without its last step, None at the output.
        ways: How many ways through the graph the last step stands for.
        via: Of a step that is no single edge a Value that uses `node`, if that is not where the
            step came from.
    """

    product: float
    node: Value
    factor: float = 1.0
    port: int = 0
    before: "Trail | None" = None
    ways: int = 1
    via: Value | None = None

    @property
    def user(self) -> Value:
        """A Value that uses `node`, by which a name in the code is found."""
        return self.above if self.via is None else self.via

    @property
    def is_edge(self) -> bool:
        """Whether the last step is one edge of the graph, not several ways that are one factor."""
        args = () if self.before is None else self.above.args
        return self.ways == 1 and self.port < len(args) and args[self.port] is self.node

    @property
    def size(self) -> float:
        """|product|, and inf for nan, so that what is broken comes first."""
        return inf if isnan(self.product) else abs(self.product)

    @property
    def above(self) -> Value:
        """Where the last step came from; there is one unless the trail is at the output."""
        assert self.before is not None
        return self.before.node

    def count_ways(self) -> int:
        """Return how many paths through the graph it stands for."""
        return prod(step.ways for step in self.steps())

    def steps(self) -> list["Trail"]:
        """Return the trails that led here, the output's own first."""
        trails = []
        trail: Trail | None = self
        while trail is not None:
            trails.append(trail)
            trail = trail.before
        return trails[::-1]


class Edge(NamedTuple):
    """An edge down to a stop, seen from the stop.

    Attributes:
        above: The stop that it comes from.
        port: The operand of `above` that it leads to.
        factor: The derivative of `above` by this stop.
        ways: How many ways through the graph it stands for.
    """

    above: Value
    port: int
    factor: float
    ways: int = 1


class PathSums:
    """All paths from an output to a leaf.

    Args:
        output: Where the paths begin.
        leaf: Where they end.
        max_paths: How many of the largest paths are kept.
        order: What is between the two, if that is known already.
        stops: The Values at which a path is written down. The local derivatives between two of them
            become one factor, summed where there are several ways between. None: every Value, so
            that each path through the graph counts by itself.
        merging: The stops below which ways through different operands are one factor, too; None
            for all stops, unless every Value is one.

    Attributes:
        order: What is between the two, both included, operands first.
        flows: The derivative of the output by each Value in between.
        edges: For each stop the edges down to it, the output first.
        count: How many paths there are from stop to stop, exactly.
        ways: How many paths there are through the graph, exactly.
        total: The derivative: what `output.backward()` adds to `leaf.grad`, hooks aside.
        largest: The largest paths, largest first.
        rest: The sum of all the others.

    Raises:
        GraphError: A Value was made by hand without partials.

    Example:
        >>> x = Value(3.0, label="x")
        >>> sums = PathSums(x * x + x, x, max_paths=2)
        >>> sums.count, sums.total, [trail.product for trail in sums.largest], sums.rest
        (3, 7.0, [3.0, 3.0], 1.0)
    """

    def __init__(
        self,
        output: Value,
        leaf: Value,
        max_paths: int,
        order: dict[Value, None] | None = None,
        stops: Container[Value] | None = None,
        merging: Container[Value] | None = None,
    ):
        self.output = output
        self.leaf = leaf
        self.max_paths = max_paths
        self.order = nodes_between(output, leaf) if order is None else order
        self.flows: dict[Value, float] = defaultdict(float, {output: 1.0})
        self.stops = stops
        if merging is None:
            merging = () if stops is None else stops
        self.edges = self._collect_edges(merging)
        self.total = self.flows[leaf]
        self.count = self._count_paths([leaf], with_ways=False)[leaf]
        self.ways = self.count if stops is None else self.ways_to([leaf])[leaf]
        self.largest = self._find_largest()
        self.rest = self._sum_others() if self.count > len(self.largest) else 0.0

    def is_stop(self, node: Value) -> bool:
        """Return whether paths are written down at a Value."""
        return self.stops is None or node in self.stops

    def _collect_edges(self, merging: Container[Value]) -> dict[Value, list[Edge]]:
        """Walk back from the output, and sum the gradients on the way.

        `slopes[v][(u, port)]` is the derivative of the stop u by v through what is between them: it
        passes on through what is no stop, and what arrives from the same operand of the same stop
        is added up. With it is the number of ways.
        """
        edges: dict[Value, list[Edge]] = {}
        slopes: dict[Value, dict[tuple[Value, int], tuple[float, int]]] = defaultdict(dict)
        for node in reversed(self.order):
            above = slopes.pop(node, {})
            is_stop = self.is_stop(node)
            if is_stop:
                edges[node] = [
                    Edge(user, port, factor, ways) for (user, port), (factor, ways) in above.items()
                ]
                above = {(node, 0): (1.0, 1)}
            # x * x has two edges down to x, told apart by the operand that they lead to.
            keeps_operands = is_stop and node not in merging

            operands = zip(node.args, checked_partials(node), strict=True)
            for port, (arg, local) in enumerate(operands):
                # No path to the leaf leads through it.
                if arg not in self.order:
                    continue
                self.flows[arg] += carry_back(local, self.flows[node])
                below = slopes[arg]
                for (user, before), (slope, ways) in above.items():
                    key = (user, port if keeps_operands else before)
                    # `carry_back`, not a product: a derivative that is cut stays 0 times inf.
                    factor = carry_back(local, slope)
                    if key in below:
                        other, more = below[key]
                        below[key] = (other + factor, more + ways)
                    else:
                        below[key] = (factor, ways)
        return edges

    def ways_to(self, nodes: Iterable[Value]) -> dict[Value, int]:
        """Return how many paths through the graph lead from the output to each of some stops."""
        return self._count_paths(nodes, with_ways=True)

    def _count_paths(self, nodes: Iterable[Value], with_ways: bool) -> dict[Value, int]:
        # Counts may have many thousands of digits, so most are forgotten after their last use.
        uses = self._uses()
        wanted: dict[Value, int] = dict.fromkeys(nodes, 0)
        counts: dict[Value, int] = {}
        for node, edges in self.edges.items():
            count = 1 if node is self.output else 0
            for edge in edges:
                count += counts[edge.above] * (edge.ways if with_ways else 1)
            counts[node] = count
            if node in wanted:
                wanted[node] = count
            self._forget_used(edges, uses, counts)
        return wanted

    def _find_largest(self) -> list[Trail]:
        uses = self._uses()
        trails: dict[Value, list[Trail]] = {}
        for node, edges in self.edges.items():
            if node is self.output:
                trails[node] = [Trail(1.0, node)]
                continue
            longer = []
            for edge in edges:
                for trail in trails[edge.above]:
                    product = carry_back(edge.factor, trail.product)
                    longer.append(Trail(product, node, edge.factor, edge.port, trail, edge.ways))
            longer.sort(key=lambda trail: -trail.size)
            trails[node] = longer[: self.max_paths]
            self._forget_used(edges, uses, trails)
        return trails.get(self.leaf, [])

    def _uses(self) -> Counter[Value]:
        """Return how many edges lead down from each stop."""
        return Counter(edge.above for edges in self.edges.values() for edge in edges)

    def _forget_used(
        self,
        edges: list[Edge],
        uses: Counter[Value],
        known: dict[Value, int] | dict[Value, list[Trail]],
    ) -> None:
        for edge in edges:
            uses[edge.above] -= 1
            if not uses[edge.above]:
                del known[edge.above]

    def _sum_others(self) -> float:
        """Sum the paths that are not among the largest.

        `outside[v]` sums the products of all paths down to v that have left the largest ones. Such
        a path was outside above already, or it leaves one of the largest by this edge.
        """
        # By identity: comparing trails as tuples would walk back to the output each time.
        kept = {id(step): step for trail in self.largest for step in trail.steps()}
        inside: dict[Value, list[Trail]] = defaultdict(list)
        for trail in kept.values():
            inside[trail.node].append(trail)
        continued = {(id(trail.before), trail.node, trail.port) for trail in kept.values()}

        outside: dict[Value, float] = defaultdict(float)
        for node, edges in self.edges.items():
            for above, port, factor, _ in edges:
                outside[node] += carry_back(factor, outside[above])
                for trail in inside[above]:
                    if (id(trail), node, port) not in continued:
                        outside[node] += carry_back(factor, trail.product)
        return outside[self.leaf]


def nodes_between(output: Value, leaf: Value) -> dict[Value, None]:
    """Return what `output` is computed from and depends on `leaf`, operands first.

    Returns:
        The Values, `output` and `leaf` included, as the keys of a dict: an ordered set.
    """
    between = {leaf: None}
    for node in topological([output]):
        if any(arg in between for arg in node.args):
            between[node] = None
    return between


def nodes_on(trails: Iterable[Trail]) -> dict[Value, None]:
    """Return the Values on some paths, each once, operands first among those of one path."""
    nodes: dict[Value, None] = {}
    for trail in trails:
        nodes |= dict.fromkeys(step.node for step in reversed(trail.steps()))
    return nodes
