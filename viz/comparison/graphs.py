"""Two graphs, or a graph and another engine's numbers: the first node at which they differ."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any, NamedTuple

from scalargrad.core.graph import topological
from scalargrad.core.value import Value
from scalargrad.errors import LengthError, OptionError, PictureError, UnknownNameError
from scalargrad.nn.module import Module
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion
from viz.gradients.names import unique
from viz.look.text import clean, hint
from viz.model.snapshot import formula, grad_of

_SHOWN = 6


class Number(NamedTuple):
    """One number that two engines computed: what of, and what it is; the operands by name, with what both engines have for them."""

    what: str
    name: str
    first: float
    second: float
    operands: tuple[tuple[str, float, float | None], ...] = ()
    source: str = ""


@repr_fits_terminal
@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two computations agree. Print it, or ask `if comparison:`.

    compared    how many numbers
    largest     the largest difference, relative to the larger of the two numbers and 1
    tolerance   up to which difference numbers count as equal
    difference  the first that differs: a value, a gradient, or the operation itself; None where all agree
    remark      a sentence on what was compared, or why it was not
    """

    compared: int
    largest: float
    tolerance: float
    difference: Number | None = None
    remark: str = ""

    def __bool__(self) -> bool:
        return self.difference is None and not self.remark

    @fits_terminal
    def __str__(self) -> str:
        if self.remark:
            return f"different: {self.remark}"
        if self.difference is None:
            return f"equal: {self.compared:,} numbers agree to {self.tolerance:g} (largest difference {self.largest:.2g})"
        found = self.difference
        lines = [
            f"different: the {found.what} of {found.name} is {found.first!r} and {found.second!r}"
        ]
        lines.append(
            f"  they differ by {abs(found.first - found.second):.3g}; the first of {self.compared:,} numbers compared"
        )
        if found.operands:
            lines.append(
                "  made from "
                + ", ".join(_operand(*operand) for operand in found.operands[:_SHOWN])
            )
        return "\n".join([*lines, *([f"  at {found.source}"] if found.source else [])])


def _operand(name: str, first: float, second: float | None) -> str:
    equal = second is None or first == second or (isnan(first) and isnan(second))
    return f"{name} = {first!r}" if equal else f"{name} = {first!r} and {second!r}"


@explain_calls
def compare(a: Any, b: Any, *, tolerance: float = 1e-9, by: str = "position") -> Comparison:
    """Where two computations part.

    a          a Value, a list of Values, or a Module (its parameters)
    b          the same again; or what another engine computed: {label: number}, for a Module {path: number}, or a list of numbers in
               topological order. A number may be a pair (value, gradient), either of them None where it is not known
    tolerance  numbers x and y are equal where |x - y| ≤ tolerance·max(1, |x|, |y|); nan equals nan, inf itself
    by         how the nodes of two graphs belong together: "position" in graphs built alike, or "label"

    Values come first, operands before what is made of them; where all agree, gradients in the order of the backward pass. So the
    node that is named is the one where the difference begins. Equal labels are numbered in topological order: "w", "w #2".
    Raises PictureError for what is no graph, OptionError for a tolerance below 0, LengthError for a list that is too long or short,
    UnknownNameError for a name that the graph has not.

    >>> def graph(bias):
    ...     x = Value(2.0, label="x")
    ...     y = (x * 3.0 + bias).tanh(); y.label = "y"
    ...     y.backward()
    ...     return y
    >>> print(compare(graph(-5.0), graph(-5.0)))
    equal: 12 numbers agree to 1e-09 (largest difference 0)
    >>> print(compare(graph(-5.0), {"x": 2.0, "y": (0.7615941559557649, 0.5)}))
    different: the gradient of y is 1.0 and 0.5
      they differ by 0.5; the first of 3 numbers compared
      made from 6 + −5 = 1.0
    """
    if (
        isinstance(tolerance, bool)
        or not isinstance(tolerance, (int, float))
        or not tolerance >= 0.0
    ):
        raise OptionError(f"tolerance of compare must be a number of at least 0, not {tolerance!r}")
    if by not in ("position", "label"):
        raise OptionError(
            f"by must be 'position' or 'label', not {by!r}{hint(by, ('position', 'label'))}"
        )
    first = _Side(a)
    if isinstance(b, Mapping):
        return _compared(first, first.by_name(b), tolerance)
    if not isinstance(b, (Value, Module)) and not _holds_values(b):
        return _compared(first, first.by_position(b), tolerance)
    second = _Side(b)
    if by == "label" or first.given or second.given:
        return _compared(
            first,
            first.by_name({name: second.number(node) for node, name in second.names.items()}, True),
            tolerance,
        )
    if apart := _built_apart(first, second):
        return Comparison(0, 0.0, tolerance, remark=apart)
    pairs = zip(first.order, second.order, strict=True)
    return _compared(first, {node: second.number(other) for node, other in pairs}, tolerance)


def _holds_values(thing: Any) -> bool:
    return (
        isinstance(thing, (list, tuple))
        and bool(thing)
        and all(isinstance(item, Value) for item in thing)
    )


Pair = tuple[float | None, float | None]


class _Side:
    """The nodes of one computation in topological order, with their names."""

    def __init__(self, thing: Any) -> None:
        self.order: list[Value]
        self.names: dict[Value, str]
        self.given = isinstance(thing, Module)
        if isinstance(thing, Module):
            named = dict(thing.named_parameters())
            self.order = list(named.values())
            self.names = {node: name for name, node in named.items()}
        else:
            self.order = topological(_roots(thing))
            labels = {node: clean(node.label, 24) for node in self.order if clean(node.label)}
            self.names = {
                node: name.strip("()") if name != labels[node] else name
                for node, name in unique(labels).items()
            }

    def number(self, node: Value) -> Pair:
        """Its value and its gradient."""
        return node.data, grad_of(node)

    def called(self, node: Value) -> str:
        """A node in a message."""
        return self.names.get(node) or (
            formula(node) if node.args else f"the {node.kind} {node.data!r}"
        )

    def by_name(self, numbers: Mapping[Any, Any], shared: bool = False) -> dict[Value, Pair]:
        """What another engine has for each node. With `shared`, names that only one side knows are left out."""
        nodes = {name: node for node, name in self.names.items()}
        unknown = [name for name in numbers if name not in nodes]
        if unknown and not shared:
            labels = ", ".join(map(repr, list(nodes)[:_SHOWN])) or "no labels"
            known = suggestion(unknown[0], nodes, otherwise=f"; it has {labels}")
            raise UnknownNameError(f"the graph has nothing with the name {unknown[0]!r}{known}")
        return {nodes[name]: _pair(numbers[name], repr(name)) for name in numbers if name in nodes}

    def by_position(self, numbers: Any) -> dict[Value, Pair]:
        """What another engine has for each node, from a list."""
        if isinstance(numbers, (str, bytes)) or not hasattr(numbers, "__len__"):
            raise PictureError(
                f"compare takes a graph, a Module, a dictionary of numbers or a list of them, not {type(numbers).__name__} {clean(numbers)}"
            )
        if len(numbers) != len(self.order):
            raise LengthError(
                f"the graph has {len(self.order):,} nodes, but {len(numbers):,} numbers were given to compare them with"
            )
        return {
            node: _pair(number, f"number {i}")
            for i, (node, number) in enumerate(zip(self.order, numbers, strict=True))
        }


def _roots(thing: Any) -> list[Value]:
    roots = [thing] if isinstance(thing, Value) else list(thing) if _holds_values(thing) else None
    if roots is None:
        raise PictureError(
            f"compare takes a Value, a list of Values or a Module first, not {type(thing).__name__} {clean(repr(thing))}"
        )
    return list(dict.fromkeys(roots))


def _pair(given: Any, what: str) -> Pair:
    parts = given if isinstance(given, (tuple, list)) else (given, None)
    if len(parts) != 2:
        raise LengthError(
            f"{what} must be a number or a pair (value, gradient), not {clean(repr(given))}"
        )
    try:
        return tuple(None if part is None else float(part) for part in parts)  # type: ignore[return-value]
    except (TypeError, ValueError) as error:
        raise PictureError(
            f"{what} must be a number or a pair (value, gradient), not {clean(repr(given))}"
        ) from error


def _built_apart(first: _Side, second: _Side) -> str:
    """A sentence on the first node that is made differently, "" where the graphs are built alike."""
    indexes = [{node: i for i, node in enumerate(side.order)} for side in (first, second)]
    for place, (x, y) in enumerate(zip(first.order, second.order, strict=False)):
        if x.op != y.op or [indexes[0][arg] for arg in x.args] != [
            indexes[1][arg] for arg in y.args
        ]:
            return (
                f"the graphs are built differently from node {place} on: {first.called(x)} ({clean(x.op) or x.kind}) stands against "
                f'{second.called(y)} ({clean(y.op) or y.kind}); use by="label" to compare what carries the same labels'
            )
    if len(first.order) != len(second.order):
        return f"the graphs have {len(first.order):,} and {len(second.order):,} nodes"
    return ""


def _compared(side: _Side, others: Mapping[Value, Pair], tolerance: float) -> Comparison:
    if not others:
        return Comparison(0, 0.0, tolerance, remark="there is no number that both sides have")
    forward = [("value", node, node.data, others[node][0]) for node in side.order if node in others]
    backward = [
        ("gradient", node, grad_of(node), others[node][1])
        for node in reversed(side.order)
        if node in others
    ]
    both = [(what, node, x, y) for what, node, x, y in (*forward, *backward) if y is not None]
    wrong = next(
        ((what, node, x, y) for what, node, x, y in both if not close(x, y, tolerance)), None
    )
    difference = _described(side, others, *wrong) if wrong else None
    return Comparison(
        len(both), max((gap(x, y) for _, _, x, y in both), default=0.0), tolerance, difference
    )


def _described(
    side: _Side, others: Mapping[Value, Pair], what: str, node: Value, x: float, y: float
) -> Number:
    found = tuple(
        (side.called(arg), arg.data, others[arg][0] if arg in others else None) for arg in node.args
    )
    return Number(
        what, side.called(node), x, y, found, clean((node.metadata or {}).get("source", ""), 200)
    )


def gap(x: float, y: float) -> float:
    """How far two numbers are apart, relative to the larger of them and 1.

    >>> gap(1.0, 1.5), gap(float("nan"), float("nan")), gap(1.0, float("inf"))
    (0.3333333333333333, 0.0, inf)
    """
    if x == y or (isnan(x) and isnan(y)):
        return 0.0
    return abs(x - y) / max(1.0, abs(x), abs(y)) if isfinite(x) and isfinite(y) else float("inf")


def close(x: float, y: float, tolerance: float) -> bool:
    """Whether two numbers count as equal."""
    return gap(x, y) <= tolerance


def compared_numbers(numbers: Iterable[Number], tolerance: float) -> Comparison:
    """The comparison of numbers that belong together already, the first that differs first."""
    every: Sequence[Number] = list(numbers)
    wrong = next(
        (number for number in every if not close(number.first, number.second, tolerance)), None
    )
    return Comparison(
        len(every),
        max((gap(number.first, number.second) for number in every), default=0.0),
        tolerance,
        wrong,
    )
