"""Why a gradient is zero, nan, inf or tiny: one sentence on the edge that blocks, breaks or starves it.

Nothing here knows an operation by name. What happened is found from the numbers on the graph and from the rules of the table:
a local derivative that is cut belongs to a selection, and the operand it took is the one that it equals; one that is 0 is tried
again with operands, or the result, of another size, and what makes it move is to blame.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite, isnan
from typing import Any, NamedTuple

from scalargrad.core.backprop import operands, wanted
from scalargrad.core.graph import topological
from scalargrad.core.ops import FLOATS, FLOOR, TABLE, ExactZero, Op
from scalargrad.core.value import Value
from viz.look.text import clean, number
from viz.views.scalars import carried

from .names import called
from .path_sums import PathSums

FAINT = 0.01
"""A local derivative below this is called saturated, where it depends on the result of its operation."""

_CLAUSE = re.compile(r"derivatives? (.+)\.$")


class Reason(NamedTuple):
    """A sentence, and the edge that it speaks of: from `above` to its operand number `port`; None where it is no single edge."""

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
        return carried(self.local, self.flow)


def reason(ledger: PathSums) -> Reason:
    """Why the gradient is zero, not finite, or tiny; an empty sentence where there is nothing to explain.

    >>> x = Value(-2.0, label="x")
    >>> print(reason(PathSums(x.relu() * 3, x, most=1)).sentence)
    relu(x) passes nothing back to x: relu is off at −2 (derivative 1 above 0, else 0)
    """
    if not ledger.count:
        return Reason(f"{called(ledger.output)} does not depend on {called(ledger.leaf)}")
    if not isfinite(ledger.total):
        return _broken(ledger)
    return _blocked(ledger) if ledger.total == 0.0 else _faint(ledger)


def _edges(ledger: PathSums) -> Iterator[_Edge]:
    """All edges that lead on to the leaf, in the order of the backward pass."""
    for node in reversed(ledger.order):
        for port, (arg, local) in enumerate(zip(node.args, node.partials, strict=True)):
            if arg in ledger.order:
                yield _Edge(node, port, local, ledger.flows[node])


# Zero


def _blocked(ledger: PathSums) -> Reason:
    sent = [edge for edge in _edges(ledger) if edge.flow]
    canceled = [
        node
        for node in {edge.below: None for edge in sent if edge.sent}
        if ledger.flows[node] == 0.0
    ]
    stopped = sorted((edge for edge in sent if edge.sent == 0.0), key=lambda edge: -abs(edge.flow))
    if canceled:
        arrived = [edge.sent for edge in sent if edge.below is canceled[-1]]
        sentence = f"what arrives at {called(canceled[-1])} cancels out: {_sum(arrived)} = 0"
        return Reason(sentence + _besides(len(canceled) - 1 + len(stopped)))
    first = stopped[0]
    sentence = f"{called(first.above)}{_within(first.above)} passes nothing back to {called(first.below)}: {_why_zero(first)}"
    return Reason(sentence + _besides(len(stopped) - 1), first.above, first.port)


def _sum(parts: Sequence[float]) -> str:
    shown = " + ".join(f"({number(x)})" if x < 0 else number(x) for x in parts[:4])
    return shown + (f" + … {len(parts) - 4} more" if len(parts) > 4 else "")


def _besides(count: int) -> str:
    return f"; and {count:,} more place{'s' if count > 1 else ''} like it" if count else ""


def _why_zero(edge: _Edge) -> str:
    if edge.local:
        return f"{number(edge.flow)} × {number(edge.local)} is too small for a float"
    if edge.above.op not in TABLE:
        return "its local derivative was given as 0"
    rule = _Rule(edge)
    return rule.not_taken() if isinstance(edge.local, ExactZero) else rule.at_zero()


class _Rule:
    """The rule of the table behind one edge, to be tried with other numbers."""

    def __init__(self, edge: _Edge) -> None:
        self.node, self.op = edge.above, TABLE[edge.above.op]
        self.operands: tuple[Any, ...] = operands(self.node)
        self.numbers = [float(getattr(x, "data", x)) for x in self.operands]
        self.place = [i for i, is_value in enumerate(wanted(self.node)) if is_value][edge.port]

    def local(self, numbers: Sequence[float], result: float | None = None) -> float:
        """The local derivative at other operands, or for another result."""
        o = self.op.value(FLOATS, numbers) if result is None else result
        return float(self.op.derivatives(FLOATS, o, numbers)[self.place])

    def not_taken(self) -> str:
        """Of a selection, or of a function that is flat."""
        if not self.op.over_list and self.op.partials[self.place] is FLOOR.partials[0]:
            return f"the derivative of {self.op.name} by its {self.op.operands[self.place]} is 0 everywhere"
        locals_ = self.op.derivatives(FLOATS, self.node.data, self.numbers)
        taken = [
            i
            for i, x in enumerate(self.numbers)
            if i != self.place and locals_[i] and x == self.node.data
        ]
        if taken:
            return f"{self.op.name} took {self._named(taken[0])} and not {self._named(self.place)}"
        where = ", ".join(map(number, self.numbers[:3]))
        what = "is off" if len(self.operands) == 1 else "lets nothing through"
        return f"{self.op.name} {what} at {where}{_bracketed(self.op)}"

    def at_zero(self) -> str:
        """Of a rule that gives 0 for these numbers."""
        zeros = [i for i, x in enumerate(self.numbers) if x == 0.0]
        for group in ([*([i] for i in zeros), zeros]) if zeros else ():
            if self.local([1.0 if i in group else x for i, x in enumerate(self.numbers)]):
                names = " and ".join(self._operand(i) for i in group[:3])
                return f"{names} {'is' if len(group) == 1 else 'are'} 0"
        if self.depends_on_result():
            return f"{self.op.name} is saturated: {clause(self.op)} = 0"
        return f"the derivative of {self.op.name} is 0 at {', '.join(map(number, self.numbers[:3]))}{_bracketed(self.op)}"

    def depends_on_result(self) -> bool:
        """Whether the derivative is written in terms of the operation's own result."""
        results = (0.25, 0.5)
        return (
            len(self.operands) == 1
            and len({self.local(self.numbers, result) for result in results}) > 1
        )

    def _operand(self, i: int) -> str:
        return (
            called(self.operands[i])
            if isinstance(self.operands[i], Value)
            else f"the {self.op.operands[i]}"
        )

    def _named(self, i: int) -> str:
        operand = self.operands[i]
        if not isinstance(operand, Value):
            return f"{self.op.operands[i]} = {number(operand)}"
        return (
            f"{called(operand)} = {number(operand.data)}"
            if operand.label or operand.args
            else called(operand)
        )


def clause(op: Op) -> str:
    """What the table says of the derivative.

    >>> clause(TABLE["tanh"])
    '1 - o²'
    """
    found = _CLAUSE.search(op.doc)
    return found[1] if found else "its derivative"


def _bracketed(op: Op) -> str:
    return f" (derivative {clause(op)})" if _CLAUSE.search(op.doc) else ""


# Nan and inf


def _broken(ledger: PathSums) -> Reason:
    """Where the first number that is not finite was sent, what made it, and what made nan of inf."""
    first = next(
        (edge for edge in _edges(ledger) if isfinite(edge.flow) and not isfinite(edge.sent)), None
    )
    if first is None:
        return Reason(f"the sum of what arrives is {number(ledger.total)}: each part is finite")
    sentence = _why_broken(first)
    if isnan(ledger.total) and not isnan(first.sent):
        sentence += _made_nan(ledger)
    return Reason(sentence, first.above, first.port)


def _why_broken(edge: _Edge) -> str:
    if isfinite(edge.local):
        return f"{number(edge.flow)} × {number(edge.local)}, sent from {called(edge.above)} to {called(edge.below)}, is too large for a float"
    broken = [arg for arg in edge.above.args if not isfinite(arg.data)]
    culprit = _first_broken(broken or ([] if isfinite(edge.above.data) else [edge.above]))
    if culprit is None:
        return f"the derivative of {called(edge.above)} by {called(edge.below)} is {number(edge.local)}{_at(edge.above)}{_made(edge.above)}"
    if not culprit.args:
        return f"{clean(culprit.label, 24) or f'a leaf, of kind {culprit.kind},'} is {number(culprit.data)}"
    return f"{clean(culprit.op, 24)}({_numbers(culprit)}) gave {number(culprit.data)}{_within(culprit)}{_made(culprit)}"


def _first_broken(roots: Iterable[Value]) -> Value | None:
    """The first Value that is not finite: a leaf, or one whose operands are all finite."""
    return next((node for node in topological(roots) if not isfinite(node.data)), None)


def _at(node: Value) -> str:
    clauses = f" ({clause(TABLE[node.op])})" if node.op in TABLE else ""
    return f" at {_numbers(node)}{clauses}"


def _numbers(node: Value) -> str:
    given = [(getattr(x, "label", ""), float(getattr(x, "data", x))) for x in operands(node)]
    shown = [
        f"{clean(label, 24)} = {number(x)}" if clean(label) else number(x) for label, x in given[:4]
    ]
    return ", ".join(shown) + (", …" if len(given) > 4 else "")


def _within(node: Value) -> str:
    """The module that made a Value, where its label does not say enough."""
    path = "" if node.label or node.scope is None else node.scope.path
    return f" in {clean(path)}" if path else ""


def _made(node: Value) -> str:
    source = (node.metadata or {}).get("source")
    return f", made at {clean(source, 200)}" if source else ""


def _made_nan(ledger: PathSums) -> str:
    """What turned an infinite gradient into nan on its way."""
    node = next(node for node in reversed(ledger.order) if isnan(ledger.flows[node]))
    arrived = [edge for edge in _edges(ledger) if edge.below is node]
    broken = next((edge for edge in arrived if isnan(edge.sent)), None)
    if broken:
        return f", times {number(broken.local)} at {called(broken.above)}"
    return f"; at {called(node)} meet {_sum([edge.sent for edge in arrived if not isfinite(edge.sent)])}"


# Tiny


def _faint(ledger: PathSums) -> Reason:
    """The smallest factor on the largest way, where it comes of an operation near its limit."""
    steps = [
        step
        for step in ledger.best[0].steps()[1:]
        if 0.0 < abs(step.factor) < FAINT and step.before.node.op in TABLE
    ]
    for step in sorted(steps, key=lambda step: abs(step.factor)):
        above: Value = step.before.node
        rule = _Rule(_Edge(above, step.port, step.factor, 1.0))
        if rule.depends_on_result():
            return Reason(
                f"{called(above)}{_within(above)} is saturated: {clause(rule.op)} = {number(step.factor)}",
                above,
                step.port,
            )
    return Reason("")
