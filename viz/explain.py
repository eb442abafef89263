"""Why a gradient is what it is: the chain rule written out, factor by factor, with the names that the user gave."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from math import fsum, inf, isnan
from typing import Any, NamedTuple

from scalargrad.adjoint import checked_partials
from scalargrad.engine import Value
from scalargrad.errors import OptionError, PictureError
from scalargrad.graph import topological

from .scalars import carried
from .snapshot import formula
from .text import clean

LONGEST_CHAIN = 12
"""Of a longer chain the first and the last factors are written."""
_MOST_COUNTED = 10**9


@dataclass(frozen=True, slots=True)
class Path:
    """One way from the output to the leaf.

    names    the named Values on it, the output first
    factors  the derivative of each by the next: one fewer than names
    product  of the factors
    """

    names: tuple[str, ...]
    factors: tuple[float, ...]
    product: float

    def __str__(self) -> str:
        names = _spread_out([f"∂{above}/∂{below}" for above, below in pairwise(self.names)])
        if len(self.factors) == 1:
            return f"{names} = {_short(self.product)}"
        return f"{names} = {_spread_out([_short(x) for x in self.factors])} = {_short(self.product)}"


@dataclass(frozen=True, slots=True)
class ChainRule:
    """A derivative as a sum of products. Print it.

    output, leaf  the names of the two
    paths         the largest products, largest first
    more, rest    how many paths there are besides (counted up to 10⁹), and their sum
    total         the derivative itself
    """

    output: str
    leaf: str
    paths: tuple[Path, ...]
    more: int
    rest: float
    total: float

    def __str__(self) -> str:
        head = f"∂{self.output}/∂{self.leaf}"
        if not self.paths:
            return f"{head} = 0.0: {self.output} does not depend on {self.leaf}"
        if not self.more and [len(path.factors) for path in self.paths] == [1]:
            return str(self.paths[0])
        terms = [str(path) for path in self.paths]
        if self.more:
            least = "at least " if self.more >= _MOST_COUNTED else ""
            terms.append(f"{least}{self.more:,} more path{'s' if self.more > 1 else ''} = {_short(self.rest)}")
        indent = " " * len(head)
        lines = [f"{indent} + {term}" for term in terms[1:]] + ([f"{indent} = {_short(self.total)}"] if len(terms) > 1 else [])
        return "\n".join([f"{head} = {terms[0]}", *lines])


def chain_rule(output: Value, leaf: Value, most: int = 5) -> ChainRule:
    """The derivative of `output` with respect to `leaf` as the product of the local derivatives on the way, for `print`.

    output  a Value
    leaf    a Value that it was computed from, not necessarily a leaf
    most    of several paths so many are written out, the largest, and the others are summed in one line

    The names are labels. A Value without a label is folded: its local derivatives become part of the factor between the named
    ones around it. An output or leaf without a label is called by how it was made, and equal labels are numbered.
    The total is exactly what `output.backward()` adds to `leaf.grad` (hooks aside); nothing is changed here.
    Raises PictureError for what is no Value, OptionError for `most` below 1, GraphError for a Value made without partials.

    >>> k, x = Value(3.0, label="k"), Value(2.0, label="x")
    >>> linear = k * x + 1.0; linear.label = "linear"
    >>> loss = (linear - 9.0) ** 2; loss.label = "loss"
    >>> print(chain_rule(loss, k))
    ∂loss/∂k = ∂loss/∂linear * ∂linear/∂k = -4.0 * 2.0 = -8.0
    """
    for what, thing in (("output", output), ("leaf", leaf)):
        if not isinstance(thing, Value):
            raise PictureError(f"chain_rule takes two Values, an output and a leaf: its {what} is {clean(repr(thing))}")
    if not isinstance(most, int) or most < 1:
        raise OptionError(f"most of chain_rule must be a whole number of at least 1, not {most!r}")
    walk = _Walk(output, leaf, most)
    trails, names = walk.trails.get(leaf, []), walk.names
    count = walk.counts[leaf]
    more = count if count == _MOST_COUNTED else count - len(trails)
    rest = _without(walk.flows[leaf], [trail.product for trail in trails]) if more else 0.0
    paths = tuple(trail.path(names) for trail in trails)
    return ChainRule(names[output], names[leaf], paths, more, rest, walk.flows[leaf])


class _Trail(NamedTuple):
    """A way from the output down to a named Value: the product so far, the last factor, and the way before it."""

    product: float
    node: Value
    factor: float = 1.0
    before: Any = None

    @property
    def size(self) -> float:
        return inf if isnan(self.product) else abs(self.product)

    def onward(self, node: Value, factor: float) -> "_Trail":
        return _Trail(carried(factor, self.product), node, factor, self)

    def path(self, names: dict[Value, str]) -> Path:
        trails = [self]
        while trails[-1].before is not None:
            trails.append(trails[-1].before)
        trails.reverse()
        # a leaf that is the output itself has no factor but 1
        factors = [trail.factor for trail in trails[1:]] or [1.0]
        passed = [names[trail.node] for trail in trails]
        return Path(tuple(passed if len(passed) > 1 else passed * 2), tuple(factors), self.product)


class _Walk:
    """One walk back from the output over all that depends on the leaf.

    An unlabelled Value passes on, for each named Value above it, the derivative of that one by itself. A named Value collects these
    as the factors of its trails and starts anew, so that no path is ever followed alone.
    """

    def __init__(self, output: Value, leaf: Value, most: int) -> None:
        self.most = most
        self.order = _between(output, leaf)
        self.names = _names(self.order, output, leaf)
        self.trails: dict[Value, list[_Trail]] = {output: [_Trail(1.0, output)]}
        self.counts: dict[Value, int] = defaultdict(int, {output: 1})
        self.flows: dict[Value, float] = defaultdict(float, {output: 1.0})
        self._go_back()

    def _go_back(self) -> None:
        slopes: dict[Value, dict[Value, float]] = defaultdict(dict)
        for node in reversed(self.order):
            above = slopes.pop(node, {})
            if node in self.names:
                if above:
                    self._collect(node, above)
                above = {node: 1.0}
            for arg, local in zip(node.args, checked_partials(node), strict=True):
                if arg in self.order:
                    self.flows[arg] += carried(local, self.flows[node])
                    for named, slope in above.items():
                        slopes[arg][named] = slopes[arg].get(named, 0.0) + carried(local, slope)

    def _collect(self, node: Value, above: dict[Value, float]) -> None:
        trails = [trail.onward(node, slope) for named, slope in above.items() for trail in self.trails[named]]
        self.trails[node] = nlargest(self.most, trails, key=lambda trail: trail.size)
        self.counts[node] = min(_MOST_COUNTED, sum(self.counts[named] for named in above))


def _between(output: Value, leaf: Value) -> dict[Value, None]:
    """What `output` is computed from and depends on `leaf`, both included, operands first; a dict, which is an ordered set."""
    found = {leaf: None}
    for node in topological([output]):
        if any(arg in found for arg in node.args):
            found[node] = None
    return found


def _names(order: dict[Value, None], output: Value, leaf: Value) -> dict[Value, str]:
    """The Values that have a name: those with a label, the output and the leaf."""
    plain = {node: clean(node.label, 24) for node in (*order, output) if node.label or node is output or node is leaf}
    plain = {node: name or formula(node) for node, name in plain.items() if name or node is output or node is leaf}
    seen: Counter[str] = Counter()
    names = {}
    for node, name in plain.items():
        seen[name] += 1
        unique = name if seen[name] == 1 else f"{name} #{seen[name]}"
        names[node] = f"({unique})" if any(sign in unique for sign in " /*+−×÷") else unique
    return names


def _without(total: float, products: Sequence[float]) -> float:
    return fsum([total, *(-product for product in products)])


def _short(x: float) -> str:
    """Four significant digits, as Python writes them."""
    return repr(float(f"{x:.4g}"))


def _spread_out(factors: list[str]) -> str:
    if len(factors) > LONGEST_CHAIN:
        half = LONGEST_CHAIN // 2
        factors = [*factors[:half], f"… {len(factors) - 2 * half + 1:,} factors …", *factors[-half + 1 :]]
    return " * ".join(factors)
