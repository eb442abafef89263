"""Why a gradient is zero, nan, inf or tiny: one sentence on the edge that causes it.

Nothing here knows an operation by name. What happened follows from the numbers on the graph and
from the rules of the table: a local derivative that is cut belongs to a selection, and the operand
it took is the one that it equals; one that is 0 is tried again with operands, or the result, of
another size, and what makes it move is to blame.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite, isnan
from typing import NamedTuple

from scalargrad.core.backprop import operands, which_are_values
from scalargrad.core.evaluation import operand_numbers
from scalargrad.core.graph import topological
from scalargrad.core.ops import FLOATS, FLOOR, TABLE, ExactZero, Op
from scalargrad.core.value import Value
from viz.look.text import clean, number
from viz.model.snapshot import MAX_NAME, carry_back

from .notation import name_of
from .path_sums import PathSums

SATURATED = 0.01
"""A smaller local derivative is called saturated, where it depends on its operation's result."""

_MAX_LISTED = 4
_CLAUSE = re.compile(r"derivatives? (.+)\.$")


class Reason(NamedTuple):
    """A sentence, and the edge that it speaks of.

    Attributes:
        sentence: "" where there is nothing to explain.
        above: The Value at the upper end of the edge; None where it is no single edge.
        port: The operand of `above` at the lower end.
    """

    sentence: str
    above: Value | None = None
    port: int = 0


class _Edge(NamedTuple):
    above: Value
    port: int
    local: float
    flow: float

    @property
    def below(self) -> Value:
        return self.above.args[self.port]

    @property
    def sent(self) -> float:
        return carry_back(self.local, self.flow)


def find_reason(sums: PathSums) -> Reason:
    """Return why a gradient is zero, not finite, or tiny.

    Example:
        >>> x = Value(-2.0, label="x")
        >>> print(find_reason(PathSums(x.relu() * 3, x, max_paths=1)).sentence)
        relu(x) passes nothing back to x: relu is off at −2 (derivative 1 above 0, else 0)
    """
    if not sums.count:
        return Reason(f"{name_of(sums.output)} does not depend on {name_of(sums.leaf)}")
    if not isfinite(sums.total):
        return _explain_broken(sums)
    return _explain_zero(sums) if sums.total == 0.0 else _explain_tiny(sums)


def _edges(sums: PathSums) -> Iterator[_Edge]:
    """Yield all edges that lead on to the leaf, in the order of the backward pass."""
    for node in reversed(sums.order):
        for port, (arg, local) in enumerate(zip(node.args, node.partials, strict=True)):
            if arg in sums.order:
                yield _Edge(node, port, local, sums.flows[node])


# Zero


def _explain_zero(sums: PathSums) -> Reason:
    alive = [edge for edge in _edges(sums) if edge.flow]
    stopped = [edge for edge in alive if edge.sent == 0.0]
    receivers = dict.fromkeys(edge.below for edge in alive if edge.sent)
    canceled = [node for node in receivers if sums.flows[node] == 0.0]
    if canceled:
        # The last one is the closest to the leaf.
        node = canceled[-1]
        arrived = [edge.sent for edge in alive if edge.below is node]
        sentence = f"what arrives at {name_of(node)} cancels out: {_write_sum(arrived)} = 0"
        others = len(canceled) - 1 + len(stopped)
        return Reason(sentence + _and_others(others))

    # Where several edges stop, the one that had most to pass on.
    stopped.sort(key=lambda edge: -abs(edge.flow))
    first = stopped[0]
    where = f"{name_of(first.above)}{_in_module(first.above)}"
    sentence = f"{where} passes nothing back to {name_of(first.below)}: {_why_zero(first)}"
    others = len(stopped) - 1
    return Reason(sentence + _and_others(others), first.above, first.port)


def _write_sum(parts: Sequence[float]) -> str:
    shown = []
    for x in parts[:_MAX_LISTED]:
        text = number(x)
        shown.append(f"({text})" if x < 0 else text)
    hidden = len(parts) - _MAX_LISTED
    if hidden > 0:
        shown.append(f"… {hidden} more")
    return " + ".join(shown)


def _and_others(count: int) -> str:
    if not count:
        return ""
    places = "place" if count == 1 else "places"
    return f"; and {count:,} more {places} like it"


def _why_zero(edge: _Edge) -> str:
    if edge.local:
        return f"{number(edge.flow)} × {number(edge.local)} is too small for a float"
    if edge.above.op not in TABLE:
        return "its local derivative was given as 0"
    rule = _Rule(edge)
    return rule.why_cut() if isinstance(edge.local, ExactZero) else rule.why_zero()


class _Rule:
    """The rule of the table behind one edge, to be tried with other numbers."""

    def __init__(self, edge: _Edge) -> None:
        self.node = edge.above
        self.op = TABLE[edge.above.op]
        self.operands = operands(self.node)
        self.numbers = operand_numbers(self.node)
        # Operands that are plain numbers are no Values: the edge counts Values only.
        values = [i for i, is_value in enumerate(which_are_values(self.node)) if is_value]
        self.operand = values[edge.port]

    def local(self, numbers: Sequence[float], result: float | None = None) -> float:
        """Return the local derivative at other operands, or for another result."""
        if result is None:
            _, partials = self.op.at(FLOATS, numbers)
        else:
            partials = self.op.derivatives(FLOATS, result, numbers)
        return float(partials[self.operand])

    def why_cut(self) -> str:
        """Return why a selection, or a function that is flat, passes nothing to this operand."""
        op = self.op
        zero_everywhere = FLOOR.partials[0]
        if not op.over_list and op.partials[self.operand] is zero_everywhere:
            name = op.operands[self.operand]
            return f"the derivative of {op.name} by its {name} is 0 everywhere"

        derivatives = op.derivatives(FLOATS, self.node.data, self.numbers)
        for i, x in enumerate(self.numbers):
            is_taken = derivatives[i] and x == self.node.data
            if i != self.operand and is_taken:
                taken = self._describe(i)
                refused = self._describe(self.operand)
                return f"{op.name} took {taken} and not {refused}"
        verb = "is off" if len(self.operands) == 1 else "lets nothing through"
        numbers = self._list_numbers()
        return f"{op.name} {verb} at {numbers}{_bracket_clause(op)}"

    def why_zero(self) -> str:
        """Return why the rule gives 0 for these numbers."""
        zeros = [i for i, x in enumerate(self.numbers) if x == 0.0]
        candidates = [[i] for i in zeros]
        if zeros:
            candidates.append(zeros)
        # Each zero alone, then all together: of two zero factors neither moves it alone.
        for group in candidates:
            changed = list(self.numbers)
            for i in group:
                changed[i] = 1.0
            if self.local(changed):
                names = " and ".join(self._name(i) for i in group[:3])
                verb = "is" if len(group) == 1 else "are"
                return f"{names} {verb} 0"

        if self.depends_on_result():
            return f"{self.op.name} is saturated: {clause(self.op)} = 0"
        numbers = self._list_numbers()
        return f"the derivative of {self.op.name} is 0 at {numbers}{_bracket_clause(self.op)}"

    def depends_on_result(self) -> bool:
        """Return whether the derivative is written in terms of the result, as that of tanh is."""
        if len(self.operands) != 1:
            return False
        # Any two results serve: only a rule that reads its result tells them apart.
        first = self.local(self.numbers, 0.25)
        second = self.local(self.numbers, 0.5)
        return first != second

    def _list_numbers(self) -> str:
        return ", ".join(map(number, self.numbers[:3]))

    def _name(self, i: int) -> str:
        operand = self.operands[i]
        if isinstance(operand, Value):
            return name_of(operand)
        return f"the {self.op.operands[i]}"

    def _describe(self, i: int) -> str:
        operand = self.operands[i]
        if not isinstance(operand, Value):
            return f"{self.op.operands[i]} = {number(operand)}"
        # The name of an unnamed leaf has its number already.
        if operand.label or operand.args:
            return f"{name_of(operand)} = {number(operand.data)}"
        return name_of(operand)


def clause(op: Op) -> str:
    """Return what the table says of the derivative of an operation.

    Example:
        >>> clause(TABLE["tanh"])
        '1 - o²'
    """
    match = _CLAUSE.search(op.doc)
    return match[1] if match else "its derivative"


def _bracket_clause(op: Op) -> str:
    match = _CLAUSE.search(op.doc)
    return f" (derivative {match[1]})" if match else ""


# Nan and inf


def _explain_broken(sums: PathSums) -> Reason:
    """Return where the first non-finite number was sent, what made it, and what made nan of inf."""
    for edge in _edges(sums):
        if isfinite(edge.flow) and not isfinite(edge.sent):
            break
    else:
        return Reason(f"the sum of what arrives is {number(sums.total)}: each part is finite")

    sentence = _why_broken(edge)
    if isnan(sums.total) and not isnan(edge.sent):
        sentence += _what_made_nan(sums)
    return Reason(sentence, edge.above, edge.port)


def _why_broken(edge: _Edge) -> str:
    above = name_of(edge.above)
    below = name_of(edge.below)
    if isfinite(edge.local):
        product = f"{number(edge.flow)} × {number(edge.local)}"
        return f"{product}, sent from {above} to {below}, is too large for a float"

    # Either a number at the operation is non-finite itself, or the rule has a pole there.
    suspects = [arg for arg in edge.above.args if not isfinite(arg.data)]
    if not suspects and not isfinite(edge.above.data):
        suspects = [edge.above]
    culprit = _first_broken(suspects)
    if culprit is None:
        where = f"{_at_numbers(edge.above)}{_made_at(edge.above)}"
        return f"the derivative of {above} by {below} is {number(edge.local)}{where}"
    if not culprit.args:
        name = clean(culprit.label, MAX_NAME) or f"a leaf, of kind {culprit.kind},"
        return f"{name} is {number(culprit.data)}"
    call = f"{clean(culprit.op, MAX_NAME)}({_write_operands(culprit)})"
    where = f"{_in_module(culprit)}{_made_at(culprit)}"
    return f"{call} gave {number(culprit.data)}{where}"


def _first_broken(roots: Iterable[Value]) -> Value | None:
    """Return the first non-finite Value: a leaf, or one whose operands are all finite."""
    broken = (node for node in topological(roots) if not isfinite(node.data))
    return next(broken, None)


def _at_numbers(node: Value) -> str:
    where = f" at {_write_operands(node)}"
    if node.op not in TABLE:
        return where
    return f"{where} ({clause(TABLE[node.op])})"


def _write_operands(node: Value) -> str:
    numbers = operand_numbers(node)
    shown = []
    for operand, x in zip(operands(node)[:_MAX_LISTED], numbers, strict=False):
        label = clean(getattr(operand, "label", ""), MAX_NAME)
        text = number(x)
        shown.append(f"{label} = {text}" if label else text)
    if len(numbers) > _MAX_LISTED:
        shown.append("…")
    return ", ".join(shown)


def _in_module(node: Value) -> str:
    """Return the module that made a Value, where its label does not say enough."""
    path = "" if node.label or node.scope is None else node.scope.path
    return f" in {clean(path)}" if path else ""


def _made_at(node: Value) -> str:
    source = (node.metadata or {}).get("source") or str(node.made_at or "")
    return f", made at {clean(source, 200)}" if source else ""


def _what_made_nan(sums: PathSums) -> str:
    """Return what turned an infinite gradient into nan on its way."""
    backward = reversed(sums.order)
    node = next(node for node in backward if isnan(sums.flows[node]))
    arrived = [edge for edge in _edges(sums) if edge.below is node]
    for edge in arrived:
        if isnan(edge.sent):
            return f", times {number(edge.local)} at {name_of(edge.above)}"
    infinite = [edge.sent for edge in arrived if not isfinite(edge.sent)]
    return f"; at {name_of(node)} meet {_write_sum(infinite)}"


# Tiny


def _explain_tiny(sums: PathSums) -> Reason:
    """Return the smallest factor on the largest path that comes of a saturated operation."""
    candidates = []
    for step in sums.largest[0].steps():
        size = abs(step.factor)
        if step.is_edge and 0.0 < size < SATURATED:
            candidates.append((size, step.above, step))
    candidates.sort(key=lambda candidate: candidate[0])

    for _, above, step in candidates:
        if above.op not in TABLE:
            continue
        rule = _Rule(_Edge(above, step.port, step.factor, 1.0))
        if rule.depends_on_result():
            where = f"{name_of(above)}{_in_module(above)}"
            sentence = f"{where} is saturated: {clause(rule.op)} = {number(step.factor)}"
            return Reason(sentence, above, step.port)
    return Reason("")
