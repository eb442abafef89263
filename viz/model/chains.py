"""Chains: stretches of a graph that do the same again and again, such as the steps of a recurrence.

The longest path of the graph is searched for operations that repeat. Where they do, the path is cut
into links, and everything beside the path goes to the link that needs it. Links are folded only
where they are equal: the same operations on the same kinds of operands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from scalargrad.core.value import Value

from .snapshot import Snapshot

MIN_LINKS = 8
"""Equal links from which on they are a chain."""
MAX_STEPS = 256
"""Operations of one link, along the longest path."""
MAX_LAG = 8
"""How many links back a link may take its operands from: what is older is used by all of them."""
MAX_SPLITS = 5
"""How often a path is split where it repeats, and so are the parts: loops may be in loops."""
MIN_SHARE = 0.03
"""The share of what is left that a search has to fold, or it was the last one."""
MAX_ROUNDS = 16
"""How often what is left of a graph is searched for chains that run beside those found."""


# Without slots: what is computed once is kept in the __dict__.
@dataclass(frozen=True)
class Chain:
    """Equal links one after another, each made from those before it.

    Attributes:
        links: The Values of each link, operands before their users.
        results: For each link the Value that it hands to the next one.
    """

    links: tuple[tuple[Value, ...], ...]
    results: tuple[Value, ...]

    def __len__(self) -> int:
        return len(self.links)

    @cached_property
    def values(self) -> set[Value]:
        """The Values of all links."""
        return {node for link in self.links for node in link}

    def without_ends(self, count: int) -> "Chain":
        """Return the chain without some links at its beginning and as many at its end."""
        middle = slice(count, len(self) - count)
        return Chain(self.links[middle], self.results[middle])


def find_chains(snapshot: Snapshot) -> list[Chain]:
    """Return the chains of a graph outside of its modules, which are folded by themselves.

    Args:
        snapshot: The graph.

    Example:
        >>> y = Value(1.0)
        >>> for _ in range(100):
        ...     y = y * 1.01 + 0.1
        >>> (chain,) = find_chains(Snapshot([y]))
        >>> len(chain), [node.op for node in chain.links[0]]
        (100, ['', 'mul', '', 'add'])
    """
    graph = _Graph(snapshot)
    chains: list[Chain] = []
    for _ in range(MAX_ROUNDS):
        found = graph.take_chains()
        chains += found
        taken = sum(len(chain.values) for chain in found)
        # Where loops are in loops, each search would find a few links more.
        if not found or taken < MIN_SHARE * sum(graph.is_left):
            break
    return chains


class _Stretch(NamedTuple):
    """Steps of a path that repeat: from one position to another, with a period."""

    start: int
    stop: int
    period: int


_SHARED = -1
_OUTSIDE = -2


class _Operand(NamedTuple):
    """What a link is told of an operand; equal links have equal operands.

    Attributes:
        lag: How many links before this one the operand was made; `_SHARED` if many links use it,
            `_OUTSIDE` if it is in a module or in another chain.
        place: Where the operand is in that link, or the operand itself.
        kind: The kind of a leaf that only this link uses, else "".
    """

    lag: int
    place: int
    kind: str


class _Link(NamedTuple):
    """What is compared of a link."""

    names: list[tuple[str, Any]]
    operands: list[_Operand]


class _Graph:
    """A graph by the positions of its Values, of which chains are taken away."""

    def __init__(self, snapshot: Snapshot) -> None:
        index = snapshot.index
        self.snapshot = snapshot
        self.order = snapshot.order
        self.args = [[index[arg] for arg in node.args] for node in self.order]
        self.users: list[list[int]] = [[] for _ in self.order]
        for i, args in enumerate(self.args):
            for arg in args:
                self.users[arg].append(i)
        self.is_left = [not snapshot.module[node] for node in self.order]

    def take_chains(self) -> list[Chain]:
        """Take the chains along the longest path that is left, and return them."""
        path = self._find_longest_path()
        cuts = self._cut(path)
        if not cuts:
            return []
        links = _Links(self, cuts)
        chains = []
        for start, stop in links.find_runs():
            taken = links.collect(start, stop)
            for link in taken:
                for i in link:
                    self.is_left[i] = False
            values = tuple(tuple(self.order[i] for i in link) for link in taken)
            chains.append(Chain(values, tuple(self.order[i] for i in cuts[start:stop])))
        return chains

    def _find_longest_path(self) -> list[int]:
        """Return the longest path through what is left, operands first."""
        depth = [0] * len(self.order)
        before = [-1] * len(self.order)
        for i, args in enumerate(self.args):
            if not self.is_left[i]:
                continue
            for arg in args:
                if self.is_left[arg] and depth[arg] >= depth[i]:
                    depth[i] = depth[arg] + 1
                    before[i] = arg
        last = max(range(len(depth)), key=depth.__getitem__, default=-1)
        path = []
        while last >= 0:
            path.append(last)
            last = before[last]
        return path[::-1]

    def _cut(self, path: list[int]) -> list[int]:
        """Return the Values of a path where a link ends and the next one begins."""
        numbers: dict[Any, int] = {}
        steps = []
        for operand, i in pairwise(path):
            steps.append(numbers.setdefault(self._describe_step(operand, i), len(numbers)))

        cuts: list[int] = []
        passed = 0
        for stretch in _find_stretches(numpy.array(steps)):
            first = self._choose_first_cut(path, stretch)
            # The first links may look different, as they are made from what is no link.
            while first - stretch.period >= passed and stretch.start - first < 2 * stretch.period:
                first -= stretch.period
            cuts += path[first : stretch.stop + 1 : stretch.period]
            passed = stretch.stop
        return list(dict.fromkeys(cuts))

    def _describe_step(self, operand: int, i: int) -> tuple[Any, ...]:
        """Return what tells one step of a path from another: the operation, and its operands."""
        operands = []
        for arg in self.args[i]:
            node = self.order[arg]
            operands.append("" if arg == operand else node.op or node.kind)
        return (*self.name(i), *operands)

    def _choose_first_cut(self, path: list[int], stretch: _Stretch) -> int:
        """Return the position on a path where the first link of a stretch begins."""
        period = stretch.period
        middle = (stretch.start + stretch.stop) // 2
        candidates = range(stretch.start, stretch.start + period)
        # A path from a leaf begins with a link, and any other one ends with a link.
        whole = stretch.start if stretch.start == 0 else stretch.stop

        def preference(i: int) -> tuple[int, bool]:
            typical = path[middle - (middle - i) % period]
            # What is used most is what the links hand on, such as the state of a network.
            return len(self.users[typical]), (whole - i) % period == 0

        return max(candidates, key=preference)

    def name(self, i: int) -> tuple[str, Any]:
        """Return what a Value was made by."""
        node = self.order[i]
        return node.op, node.static_args


def _find_stretches(
    steps: NDArray[numpy.int64], offset: int = 0, splits: int = MAX_SPLITS
) -> Iterator[_Stretch]:
    """Yield the stretches of a path that repeat, in their order."""
    longest = _find_longest_stretch(steps) if splits else None
    if longest is None:
        return
    start, stop, period = longest
    yield from _find_stretches(steps[:start], offset, splits - 1)
    yield _Stretch(offset + start, offset + stop, period)
    yield from _find_stretches(steps[stop:], offset + stop, splits - 1)


def _find_longest_stretch(steps: NDArray[numpy.int64]) -> _Stretch | None:
    best: _Stretch | None = None
    max_period = min(MAX_STEPS, len(steps) // MIN_LINKS)
    for period in range(1, max_period + 1):
        differing = numpy.flatnonzero(steps[period:] != steps[:-period])
        ends = numpy.concatenate(([-1], differing, [len(steps) - period]))
        repeated = numpy.diff(ends) - 1
        longest = int(repeated.argmax())
        length = int(repeated[longest]) + period
        # Twice a period is a period, too: the first one is kept unless another reaches further.
        if length >= MIN_LINKS * period and (best is None or length > best.stop - best.start):
            start = int(ends[longest]) + 1
            best = _Stretch(start, start + length, period)
    return best


class _Links:
    """The links of a path, each with what is beside the path and belongs to it.

    Attributes:
        members: The operations of each link, operands first.
        links: What is compared of each link.
    """

    def __init__(self, graph: _Graph, cuts: Sequence[int]) -> None:
        self._graph = graph
        self._level = self._assign(cuts)
        self._first_use, self._last_use = self._find_uses(len(cuts))
        self.members: list[list[int]] = [[] for _ in cuts]
        self._place = [0] * len(graph.order)
        for i, level in enumerate(self._level):
            if level >= 0 and graph.args[i]:
                self._place[i] = len(self.members[level])
                self.members[level].append(i)
        self.links = [self._describe(link) for link in self.members]

    def _assign(self, cuts: Sequence[int]) -> list[int]:
        """Return the link that each Value belongs to: no operand is in a later one."""
        graph = self._graph
        level = [-1] * len(graph.order)
        for number, cut in enumerate(cuts):
            pending = [cut]
            while pending:
                i = pending.pop()
                if level[i] < 0 and graph.is_left[i]:
                    level[i] = number
                    pending += graph.args[i]

        # What no link is made from, such as the loss of each step, is with its operands.
        beside = [i for i, number in enumerate(level) if number < 0 and graph.is_left[i]]
        for i in beside:
            level[i] = max((level[arg] for arg in graph.args[i]), default=-1)
        for i in reversed(beside):
            if level[i] < 0:
                later = [level[user] for user in graph.users[i] if graph.is_left[user]]
                level[i] = min(later, default=len(cuts) - 1)
        return level

    def _find_uses(self, count: int) -> tuple[list[int], list[int]]:
        """Return the first and the last link that uses each Value."""
        first = [count] * len(self._level)
        last = [-1] * len(self._level)
        for i, args in enumerate(self._graph.args):
            # A Value that something else uses as well is not a part of any link.
            is_outside = self._level[i] < 0
            for arg in args:
                first[arg] = -1 if is_outside else min(first[arg], self._level[i])
                last[arg] = count if is_outside else max(last[arg], self._level[i])
        return first, last

    def _describe(self, members: list[int]) -> _Link:
        graph = self._graph
        operands: list[_Operand] = []
        # Where each leaf is used first: equal links use the same leaf in the same places.
        leaves: dict[int, int] = {}
        for i in members:
            for arg in graph.args[i]:
                lag = self._level[i] - self._level[arg]
                if not graph.is_left[arg]:
                    operands.append(_Operand(_OUTSIDE, arg, ""))
                elif self._is_shared(arg):
                    operands.append(_Operand(_SHARED, arg, ""))
                elif graph.args[arg]:
                    operands.append(_Operand(lag, self._place[arg], ""))
                else:
                    place = leaves.setdefault(arg, len(operands))
                    operands.append(_Operand(0, place, graph.order[arg].kind))
        return _Link([graph.name(i) for i in members], operands)

    def _is_shared(self, i: int) -> bool:
        """Return whether a Value is an operand of many links, and not a part of any."""
        if self._graph.args[i]:
            return self._last_use[i] - self._level[i] > MAX_LAG
        return self._first_use[i] != self._last_use[i]

    def find_runs(self) -> Iterator[tuple[int, int]]:
        """Yield the first link of each run of equal links, and the one after its last."""
        taken = 0
        stop = 0
        for template, group in groupby(self.links):
            start = max(stop, taken)
            stop += sum(1 for _ in group)
            if stop - start < 2:
                continue
            first = start
            while first > taken and _leads_to(self.links[first - 1], template):
                first -= 1
                # Only the very first link may begin from a module: what a later one takes from
                # there may have been made of the links before it.
                if _begins_outside(self.links[first], template):
                    break
            # What is made of the last result besides is no part of the chain.
            has_more = stop < len(self.links) and _begins_with(self.links[stop], template)
            end = stop + has_more
            if end - first >= MIN_LINKS:
                yield first, end
                taken = end

    def collect(self, start: int, stop: int) -> list[list[int]]:
        """Return the Values of equal links, with the leaves that only one of them uses."""
        # The first links may take leaves where others take what earlier links made, and the last
        # one may have more than it needs: the one before it tells what belongs to a link.
        template = self.links[stop - 2]
        size = len(template.names)
        taken = []
        for members in self.members[start:stop]:
            kinds = (operand.kind for operand in template.operands)
            values: dict[int, None] = {}
            for i in members[:size]:
                for arg in self._graph.args[i]:
                    if next(kinds):
                        values[arg] = None
                values[i] = None
            taken.append(list(values))
        return taken


def _begins_with(link: _Link, template: _Link) -> bool:
    """Return whether a link has the operations of another one first, and then more."""
    names = link.names[: len(template.names)]
    operands = link.operands[: len(template.operands)]
    return names == template.names and operands == template.operands


def _leads_to(link: _Link, template: _Link) -> bool:
    """Return whether a link differs only in the operands that others take from earlier links."""
    if link.names != template.names:
        return False
    pairs = zip(link.operands, template.operands, strict=True)
    return all(ours == theirs or theirs.lag > 0 for ours, theirs in pairs)


def _begins_outside(link: _Link, template: _Link) -> bool:
    """Return whether a link takes from outside what others take from earlier links."""
    pairs = zip(link.operands, template.operands, strict=True)
    return any(ours.lag == _OUTSIDE and theirs.lag > 0 for ours, theirs in pairs)
