"""Very many paths of a gradient, put together by where they end: at each use of the leaf.

The largest of a billion paths say nothing: they cancel out. But all of them end at one of a few
uses of the leaf, and what comes back to a use is one number, the gradient there. So the derivative
is the sum over the uses of that number times the factors of the end. An end is made longer, use by
use, as long as there are no more ends than may be written.
"""

from typing import NamedTuple

from scalargrad.core.value import Value
from viz.model.snapshot import carry_back

from .path_sums import Edge, PathSums, Trail

_MAX_FACTORS = 12
"""Factors of an end besides those that are 1, as the partial sums of a neuron have."""
_MAX_STEPS = 200


class _End(NamedTuple):
    """All paths that end in the same way.

    Attributes:
        head: The Value that they have all come to.
        steps: From there to the leaf each edge, and the Value below it.
        amount: The sum of their products.
    """

    head: Value
    steps: tuple[tuple[Edge, Value], ...]
    amount: float

    @property
    def size(self) -> float:
        """|amount|, and inf for nan."""
        return abs(self.amount) if self.amount == self.amount else float("inf")


def group_by_end(sums: PathSums, max_ends: int) -> list[tuple[Trail, int]]:
    """Return the paths of a gradient as a few sums over all paths that end in the same way.

    Args:
        sums: The paths.
        max_ends: How many sums there may be.

    Returns:
        For each end a trail whose first step, to where the end begins, is the sum over all ways to
        get there, with the number of its paths. The largest comes first.

    Example:
        >>> x = Value(3.0, label="x")
        >>> y = x * 2.0 + x
        >>> sums = PathSums((y + y) * y, x, max_paths=1)
        >>> [(trail.product, ways) for trail, ways in group_by_end(sums, 2)]
        [(72.0, 3), (36.0, 3)]
    """
    ends = sorted(_find_ends(sums, max_ends), key=lambda end: -end.size)
    ways = sums.ways_to([end.head for end in ends])
    return [_follow(sums, end, ways[end.head]) for end in ends]


def _find_ends(sums: PathSums, max_ends: int) -> list[_End]:
    """Return ends that have all paths among them, made longer while there may be more."""
    ends = [_End(sums.leaf, (), sums.total)]
    while True:
        max_uses = max_ends - len(ends) + 1
        longer = [end for end in ends if _can_grow(sums, end, max_uses)]
        if not longer:
            return ends
        chosen = max(longer, key=lambda end: end.size)
        place = ends.index(chosen)
        ends[place : place + 1] = _grow(sums, chosen)


def _follow(sums: PathSums, end: _End, ways: int) -> tuple[Trail, int]:
    """Return the trail of an end, and the number of its paths.

    Args:
        sums: The paths.
        end: The end.
        ways: The number of ways from the output to where the end begins.
    """
    trail = Trail(1.0, sums.output)
    if end.head is not sums.output:
        flow = sums.flows[end.head]
        user = next(node for node in sums.order if end.head in node.args)
        trail = Trail(flow, end.head, flow, 0, trail, ways, user)
    count = ways
    for edge, below in end.steps:
        count *= edge.ways
        product = carry_back(edge.factor, trail.product)
        trail = Trail(product, below, edge.factor, edge.port, trail, edge.ways)
    return trail, count


def _can_grow(sums: PathSums, end: _End, max_uses: int) -> bool:
    uses = len(sums.edges[end.head])
    factors = sum(1 for edge, _ in end.steps if edge.factor != 1.0)
    is_short = len(end.steps) < _MAX_STEPS and factors < _MAX_FACTORS
    # What is 0 takes no space from others.
    allowed = max_uses if end.amount != 0.0 else 1
    return end.head is not sums.output and 1 <= uses <= allowed and is_short


def _grow(sums: PathSums, end: _End) -> list[_End]:
    longer = []
    for edge in sums.edges[end.head]:
        amount = sums.flows[edge.above]
        steps = ((edge, end.head), *end.steps)
        for step, _ in steps:
            amount = carry_back(step.factor, amount)
        longer.append(_End(edge.above, steps, amount))
    return longer
