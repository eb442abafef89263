"""Residual connections: the sums that end them, and the stream that runs through the sums."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from scalargrad.core import ops

from .assign import Box, Boxes

Graph = dict[Box, list[Box]]


@dataclass(frozen=True, slots=True)
class Residual:
    """A residual connection.

    Attributes:
        start: The box whose result skips others.
        total: The sum that it is added in.
        inside: The boxes that it skips.
    """

    start: Box
    total: Box
    inside: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """A straight line of residual connections.

    Attributes:
        boxes: The boxes on it: the first start, the sums, and the box that takes what is left.
        residuals: The connections, in order.
        others: Residual connections that are not on it.
    """

    boxes: tuple[Box, ...] = ()
    residuals: tuple[Residual, ...] = ()
    others: tuple[Residual, ...] = ()

    @property
    def totals(self) -> tuple[Box, ...]:
        """The sums that end residual connections."""
        return tuple(residual.total for residual in self.all)

    @property
    def all(self) -> tuple[Residual, ...]:
        """All residual connections of the graph, those of the stream first."""
        return *self.residuals, *self.others


def find_stream(boxes: Boxes) -> Stream:
    """Return the longest stream of a graph.

    Args:
        boxes: The graph, folded.
    """
    after: Graph = defaultdict(list)
    before: Graph = defaultdict(list)
    for source, target in boxes.bundles:
        after[source].append(target)
        before[target].append(source)

    residuals: dict[Box, Residual] = {}
    for box in boxes.all:
        found = _find_residual(boxes, box, after, before)
        if found is not None:
            residuals[found.start] = found
    if not residuals:
        return Stream()

    chains = [_follow(start, residuals) for start in residuals]
    longest = max(chains, key=len)
    line = [longest[0].start, *(residual.total for residual in longest)]
    skipped = {box for residual in longest for box in residual.inside}
    users = [box for box in after[line[-1]] if box not in skipped.union(line)]
    if len(users) == 1:
        line.append(users[0])
    others = [residual for residual in residuals.values() if residual not in longest]
    return Stream(tuple(line), tuple(longest), tuple(others))


def _follow(start: Box, residuals: dict[Box, Residual]) -> list[Residual]:
    chain = [residuals[start]]
    passed = {start}
    while chain[-1].total in residuals and chain[-1].total not in passed:
        passed.add(chain[-1].total)
        chain.append(residuals[chain[-1].total])
    return chain


def _find_residual(boxes: Boxes, box: Box, after: Graph, before: Graph) -> Residual | None:
    """Return the residual connection that a box is the sum of, None for any other box."""
    sides = _find_summed(boxes, box)
    for skipping, computed in (sides, sides[::-1]):
        # In a loop over layers the first takes what came before, the others what the last one made.
        start = next((other for other in boxes.all if other in skipping), None)
        if start is None or not computed or computed & skipping:
            continue
        reached = _reach([start], after, box)
        if computed <= reached:
            # What only goes on elsewhere, such as a second result, is not skipped.
            leading = _reach(computed, before, start) | computed
            inside = [other for other in boxes.all if other in leading and other in reached]
            return Residual(start, box, tuple(inside))
    return None


def _find_summed(boxes: Boxes, box: Box) -> tuple[set[Box], set[Box]]:
    """Return the boxes that the operands of a line of + come from; none for any other line."""
    firsts: set[Box] = set()
    seconds: set[Box] = set()
    is_line = box.folded is None and box.single is None and len(box.values) > 1
    for node in box.values if is_line else ():
        if node.op != ops.ADD.name or len(node.args) != 2:
            return set(), set()
        first, second = map(boxes.owner, node.args)
        if first is None or second is None or box in (first, second):
            return set(), set()
        firsts.add(first)
        seconds.add(second)
    return firsts, seconds


def _reach(starts: Iterable[Box], graph: Graph, barrier: Box) -> set[Box]:
    """Return the boxes that can be reached from some others, without passing one."""
    reached: set[Box] = set()
    pending = list(starts)
    while pending:
        for box in graph[pending.pop()]:
            if box is not barrier and box not in reached:
                reached.add(box)
                pending.append(box)
    return reached


def name_panel(names: Iterable[str]) -> str:
    """Return what the names of parameters have in common, up to a sign between words.

    Args:
        names: The names of the parameters inside of a panel.

    Example:
        >>> name_panel(["layer0.attn_wq", "layer0.attn_wk"]), name_panel(["a", "b"])
        ('attn', '')
    """
    lasts = [name.rpartition(".")[2] for name in names]
    if not lasts:
        return ""
    common = lasts[0]
    for name in lasts[1:]:
        while not name.startswith(common):
            common = common[:-1]
    if len(set(lasts)) > 1 or len(lasts) == 1:
        common = common.rpartition("_")[0]
    return common.strip("_")
