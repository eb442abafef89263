"""A Value as the formula that it was computed by, in the names the user gave."""

import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

from scalargrad.core.backprop import operands
from scalargrad.core.checks import checked_int
from scalargrad.core.graph import topological
from scalargrad.core.ops import MUL
from scalargrad.core.value import Value
from scalargrad.errors import PictureError
from scalargrad.terminal import fits_terminal
from scalargrad.utils.calls import explain_calls
from viz.look.text import clean
from viz.model.snapshot import MAX_NAME
from viz.views.sums import starts_sum

from .expression_writers import LATEX, MATHML, TEXT
from .expressions import Expression, Kind, as_expression, make_name
from .notation import module_left
from .operation_notation import OPERATIONS_WITH_E, E, write_operation

_MAX_REPEATED = 3
"""Names and numbers in an expression that is written again wherever it is used."""
_MAX_LINE = 30
"""Names and numbers in one line; what is longer continues in a line of its own."""
_MAX_DIGITS = 17
"""Significant digits that tell any two floats apart."""
_PLAIN_NAME = re.compile(r"(?!.*[⁰¹²³⁴-⁹ⁿ])[^\W\d][\w.']*(#\d+)?")
"""A name that needs no brackets: nothing in it reads as a sign, or as a power."""


@dataclass(frozen=True, slots=True, repr=False)
class Formula:
    """The formula of a Value. Print it, or let a notebook show it.

    Attributes:
        name: The label of the Value; "" if it has none.
        expression: The right side.
        where: What the names in it stand for that are no leaves, in the order of their use.
        more: How many of those are left out.
    """

    name: str
    expression: Expression
    where: tuple[tuple[str, Expression], ...]
    more: int

    @fits_terminal
    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return the formula as text, line by line.

        Example:
            >>> formula(Value(2.0, label="x") + 1).lines()
            ['x + 1']
        """
        return TEXT.lines(self._equations(), self.more).splitlines()

    @fits_terminal
    def __repr__(self) -> str:
        return f"<Formula {TEXT.lines(self._equations()[:1], 0)}>"

    def _equations(self) -> list[tuple[str, Expression]]:
        return [(self.name, self.expression), *self.where]

    @property
    def latex(self) -> str:
        r"""The formula for LaTeX or MathJax, ready to go between $$ and $$.

        Example:
            >>> x = Value(2.0, label="x")
            >>> print(formula((x**2 + 1) / x).latex)
            \frac{x^{2} + 1}{x}
        """
        return LATEX.lines(self._equations(), self.more)

    @property
    def mathml(self) -> str:
        """The formula as MathML, which browsers show without a script.

        Example:
            >>> formula(Value(2.0, label="x") / 3).mathml.partition("<mfrac>")[2]
            '<mrow><mi>x</mi></mrow><mrow><mn>3</mn></mrow></mfrac></mrow></math>'
        """
        return MATHML.lines(self._equations(), self.more)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        # No MathML: a notebook that is not trusted drops its tags, and tanh² becomes tanh2.
        return {"text/latex": f"$${self.latex}$$", "text/plain": str(self)}


@explain_calls
def formula(value: Value, *, stops: bool = False, digits: int = 6, limit: int = 20) -> Formula:
    """Write the formula that a Value was computed by, as a textbook prints it.

    The names are labels; equal labels are numbered. Leaves without a label are written as numbers.
    What is long and used several times is written once, in a line below. So is the output of a
    module, by the module's path, and what would make a line too long. Nothing is changed.

    Args:
        value: A Value.
        stops: Whether labeled Values on the way are written as their labels only.
        digits: Significant digits of numbers; 17 distinguish any two floats.
        limit: How many lines may be written below the first; the others are counted.

    Returns:
        A Formula: `print` it, take its `.latex` or `.mathml`, or let a notebook show it.

    Raises:
        PictureError: `value` is not a Value.
        OptionError: `digits` or `limit` is out of range.

    Example:
        >>> w, x, b = Value(3.0, label="w"), Value(2.0, label="x"), Value(-6.5, label="b")
        >>> prediction = (w * x + b).tanh(); prediction.label = "prediction"
        >>> loss = (prediction - 1) ** 2; loss.label = "loss"
        >>> print(formula(loss))
        loss = (tanh(w · x + b) − 1)²
        >>> print(formula(loss, stops=True))
        loss = (prediction − 1)²
        >>> s = (w * x + b).sigmoid()
        >>> print(formula(s * (1 - s)))
        t1 · (1 − t1)
          where t1 = σ(w · x + b)
    """
    digits = min(checked_int(digits, "digits of formula", 1), _MAX_DIGITS)
    limit = checked_int(limit, "limit of formula", 0)
    if not isinstance(value, Value):
        raise PictureError(f"formula takes a Value: it was given {clean(repr(value))}")
    return write_formula(value, lambda _: stops, digits, limit)


def write_formula(
    value: Value, is_stop: Callable[[Value], bool], digits: int, limit: int
) -> Formula:
    """Write a formula as `formula` does.

    Args:
        value: The Value.
        is_stop: Says of a labeled Value on the way whether it is written as its label only.
        digits: Significant digits of numbers.
        limit: How many lines may be written below the first.

    Example:
        >>> print(write_formula(Value(2.0, label="x") * 3, lambda _: False, 6, 20))
        x · 3
    """
    graph = _read(value, is_stop)
    named = _choose_named(graph)
    names = _make_names(graph, named)
    expressions = _build(graph, names, digits, lambda node, _: node in named)
    lines = _find_lines(value, expressions, {names[node]: node for node in named})
    where = tuple([(names[node], expressions[node]) for node in lines[:limit]])
    more = max(0, len(lines) - limit)
    return Formula(names.get(value, ""), expressions[value], where, more)


class _Graph(NamedTuple):
    """What a formula is made of.

    Attributes:
        value: The Value whose formula it is.
        order: All that is written, operands first.
        uses: How often each is written.
        labels: The label of each that has one, cleaned.
        modules: The path of the module that each Value leaves that leaves one.
        leaves: Those that are not taken apart: leaves, and labeled Values where these are stops.
    """

    value: Value
    order: list[Value]
    uses: Counter[Value]
    labels: dict[Value, str]
    modules: dict[Value, str]
    leaves: set[Value]


def _read(value: Value, is_stop: Callable[[Value], bool]) -> _Graph:
    uses = Counter([value])
    order = []
    labels = {}
    modules = {}
    leaves = set()
    # Users come before what they use, so that nothing behind a stop is reached.
    for node in reversed(topological([value])):
        if node not in uses:
            continue
        order.append(node)
        label = clean(node.label, MAX_NAME) if node.label else ""
        if label:
            labels[node] = label
        stops = label and node is not value and is_stop(node)
        if stops or not node.args:
            leaves.add(node)
        else:
            # A product of something by itself is written as a square.
            uses.update(set(node.args) if node.op == MUL.name else node.args)
            for arg in node.args:
                path = module_left(node, arg)
                if path:
                    modules[arg] = path
    order.reverse()
    return _Graph(value, order, uses, labels, modules, leaves)


def _choose_named(graph: _Graph) -> set[Value]:
    """Return the Values that get a line of their own."""
    named = set()

    def choose(node: Value, expression: Expression) -> bool:
        is_part = graph.uses[node] > 1 or node in graph.modules
        is_long = expression.size > (_MAX_REPEATED if is_part else _MAX_LINE)
        is_named = is_long and node not in graph.leaves
        if is_named and node is not graph.value:
            named.add(node)
        return is_named

    # The names come afterwards: those that are made up are numbered from the result on.
    numbered = {node: f"n{i}" for i, node in enumerate(graph.order)}
    _build(graph, numbered, 1, choose)
    return named


def _make_names(graph: _Graph, named: Container[Value]) -> dict[Value, str]:
    """Return a name for each Value that is written as one, no two the same."""
    names = {}
    has_e = any(node.op in OPERATIONS_WITH_E for node in graph.order)
    taken = {E.text} if has_e else set()
    ranks: Counter[str] = Counter()
    for node in graph.order:
        label = graph.labels.get(node) or graph.modules.get(node)
        if label and (node in graph.leaves or node in named or node is graph.value):
            ranks[label] += 1
            # Counting on from there: a network has thousands of equal labels.
            ranked = (label if i == 1 else f"{label}#{i}" for i in count(ranks[label]))
            candidates = (x if _PLAIN_NAME.fullmatch(x) else f"({x})" for x in ranked)
            names[node] = next(name for name in candidates if name not in taken)
            taken.add(names[node])

    made_up = (name for name in map("t{}".format, count(1)) if name not in taken)
    for node in reversed(graph.order):
        if node in named and node not in names:
            names[node] = next(made_up)
    return names


def _build(
    graph: _Graph,
    names: Mapping[Value, str],
    digits: int,
    is_named: Callable[[Value, Expression], bool],
) -> dict[Value, Expression]:
    """Return the expression of each Value, in which some others are written by name only."""
    expressions: dict[Value, Expression] = {}
    written: dict[Value, Expression] = {}
    for node in graph.order:
        if node not in graph.leaves:
            parts = [
                written[operand] if isinstance(operand, Value) else _write_number(operand, digits)
                for operand in operands(node)
            ]
            # The 0 that Python's `sum` begins with says nothing.
            is_start = bool(node.args) and starts_sum(node.args[0], node)
            expression = parts[1] if is_start else write_operation(node.op, parts)
        elif node in graph.labels and node is not graph.value:
            expression = make_name(names[node])
        else:
            expression = _write_number(node.data, digits)
        expressions[node] = expression
        written[node] = make_name(names[node]) if is_named(node, expression) else expression
    return expressions


def _write_number(x: float, digits: int) -> Expression:
    return as_expression(float(f"{x:.{digits}g}"))


def _find_lines(
    value: Value, expressions: Mapping[Value, Expression], named: Mapping[str, Value]
) -> list[Value]:
    """Return the named Values whose names are written, those first that are closest to the result.

    Terms that a long sum leaves out need no line for their names.
    """
    wanted = {value}
    lines = []
    for node in reversed([*expressions]):
        if node in wanted:
            lines.append(node)
            names = _names_in(expressions[node])
            wanted.update(named[name] for name in names if name in named)
    return lines[1:]


def _names_in(expression: Expression) -> Iterator[str]:
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        waiting += part.parts
        if part.kind is Kind.NAME:
            yield part.text
