"""Two graphs, or a graph and another engine's numbers: the first node at which they differ."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite, isnan
from typing import Any, Literal, NamedTuple, TypeGuard

from scalargrad.core.graph import topological
from scalargrad.core.value import Value
from scalargrad.errors import LengthError, OptionError, PictureError, UnknownNameError
from scalargrad.nn.module import Module
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion
from viz.drawing import NOTEBOOK_WIDTH, Drawing, checked_width
from viz.gradients.notation import number_names
from viz.look.text import clean, hint
from viz.model.snapshot import formula, grad_of
from viz.showing import as_page, as_text, show

from .pictures import Side, comparison_pictures, draw_boxes, number_pictures, show_both

_MAX_LISTED = 6

Kind = Literal["value", "gradient"]
Pair = tuple[float | None, float | None]
"""A value and a gradient, None where it is not known."""


class Number(NamedTuple):
    """One number that two engines computed.

    Attributes:
        what: What it is of its node.
        name: The node.
        first: What the first engine has.
        second: What the second engine has.
        operands: The name of each operand, and what both engines have for it.
        source: The line of code that made the node, where that is known.
    """

    what: Kind
    name: str
    first: float
    second: float
    operands: tuple[tuple[str, float, float | None], ...] = ()
    source: str = ""


@repr_fits_terminal
@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two computations agree. Print it, or ask `if comparison:`.

    Attributes:
        compared: How many numbers were compared.
        largest: The largest difference, relative to the larger of the two numbers and 1.
        tolerance: Up to which difference numbers count as equal.
        difference: The first number that differs; None where all agree.
        remark: A sentence on why nothing was compared, "" where something was.
    """

    compared: int
    largest: float
    tolerance: float
    difference: Number | None = None
    remark: str = ""
    _sides: tuple[Side, ...] = field(default=(), repr=False, compare=False)

    def __bool__(self) -> bool:
        return self.difference is None and not self.remark

    @fits_terminal
    def __str__(self) -> str:
        if self.remark:
            return f"different: {self.remark}"
        if self.difference is None:
            agree = f"{self.compared:,} numbers agree to {self.tolerance:g}"
            return f"equal: {agree} (largest difference {self.largest:.2g})"

        number = self.difference
        distance = abs(number.first - number.second)
        lines = [
            f"different: the {number.what} of {number.name} is {number.first!r} "
            f"and {number.second!r}",
            f"  they differ by {distance:.3g}; the first of {self.compared:,} numbers compared",
        ]
        if number.operands:
            operands = [_write_operand(*operand) for operand in number.operands[:_MAX_LISTED]]
            lines.append("  made from " + ", ".join(operands))
        if number.source:
            lines.append(f"  at {number.source}")
        return "\n".join(lines)

    def draw(
        self,
        *,
        width: float | str | None = None,
        theme: str = "auto",
        title: str = "",
        limit: float = 5.0,
        program: str | None = None,
    ) -> Drawing:
        """Draw both graphs, one above the other, with the first difference ringed.

        What else differs has a ≠. Of large graphs what is around the difference is drawn. Where
        a graph was compared with numbers, it is drawn alone, and the numbers are written on it.

        Args:
            width: As for `viz.draw`. Where it is too narrow, the graphs run from top to bottom.
            theme: As for `viz.draw`.
            title: A heading; the default says what differs.
            limit: As for `viz.draw`.
            program: As for `viz.draw`.

        Example:
            >>> first, second = Value(2.0, label="x") * 3.0, Value(2.5, label="x") * 3.0
            >>> compare(first, second).draw()
            <Drawing of 6 values as cards>
        """
        heading = clean(title or self._headline(), 120)
        if self._sides:
            notes = [clean(self.remark, 300)] if self.remark else []
            pictures = comparison_pictures(self._sides, heading, notes)
        elif self.difference is None:
            pictures = number_pictures("equal", {"largest difference": self.largest}, heading)
        else:
            both = {"here": self.difference.first, "there": self.difference.second}
            pictures = number_pictures(self.difference.name, both, heading)
        return draw_boxes(pictures, theme, limit, program, checked_width(width))

    def show(self) -> None:
        """Open the picture in the browser; in a notebook, display picture and text there."""
        drawing = self.draw()
        show(self, as_page(drawing.svg(), drawing.picture.title))

    def _headline(self) -> str:
        if self.remark:
            return "different: the graphs are not built alike"
        if self.difference is None:
            return f"equal: {self.compared:,} numbers agree to {self.tolerance:g}"
        first, second = show_both(self.difference.first, self.difference.second)
        what = f"the {self.difference.what} of {self.difference.name}"
        return f"different: {what} is {first} and {second}"

    def _repr_html_(self) -> str:
        return self.draw(width=NOTEBOOK_WIDTH)._repr_html_() + as_text(str(self), 5000)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": self._repr_html_(), "text/plain": str(self)}


def _write_operand(name: str, first: float, second: float | None) -> str:
    if second is None or _are_equal(first, second):
        return f"{name} = {first!r}"
    return f"{name} = {first!r} and {second!r}"


@explain_calls
def compare(
    a: Any, b: Any, *, tolerance: float = 1e-9, by: Literal["position", "label"] = "position"
) -> Comparison:
    """Find the first number at which two computations differ.

    Values are compared first, operands before what is made of them; where all agree, gradients in
    the order of the backward pass. So the node that is named is the one where the difference
    begins. Equal labels are numbered in topological order: "w", "w #2".

    Args:
        a: A Value, a list of Values, or a Module (its parameters).
        b: The same again; or what another engine computed: {label: number}, for a Module
            {path: number}, or a list of numbers in topological order. A number may be a pair
            (value, gradient), either of them None where it is not known.
        tolerance: Numbers x and y are equal where |x - y| ≤ tolerance·max(1, |x|, |y|); nan equals
            nan, and inf itself.
        by: How the nodes of two graphs belong together: "position" in graphs built alike, or
            "label".

    Raises:
        PictureError: `a` or `b` is not a graph.
        OptionError: The tolerance is below 0, or `by` is unknown.
        LengthError: A list does not hold one number for each node of the graph.
        UnknownNameError: The graph has no node of that name.

    Example:
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
    # `not >=` refuses nan, too.
    is_number = isinstance(tolerance, (int, float)) and not isinstance(tolerance, bool)
    if not is_number or not tolerance >= 0.0:
        raise OptionError(f"tolerance of compare must be a number of at least 0, not {tolerance!r}")
    if by not in ("position", "label"):
        known = hint(by, ("position", "label"))
        raise OptionError(f"by must be 'position' or 'label', not {by!r}{known}")

    first = _Graph(a)
    if isinstance(b, Mapping):
        return _compare_nodes(first, first.match_names(b), tolerance)
    if not isinstance(b, (Value, Module)) and not _is_list_of_values(b):
        return _compare_nodes(first, first.match_positions(b), tolerance)

    # Parameters have no operands to compare, so that those of Modules go by their paths.
    second = _Graph(b)
    if by == "label" or first.is_module or second.is_module:
        numbers = {name: second.numbers(node) for node, name in second.names.items()}
        others = first.match_names(numbers, skip_unknown=True)
        by_name = {name: node for node, name in second.names.items()}
        pairs = {node: by_name[first.names[node]] for node in others}
        return _compare_nodes(first, others, tolerance, second, pairs)
    if build := _find_different_build(first, second):
        sides = (
            first.mark_build(build.position, "first"),
            second.mark_build(build.position, "second"),
        )
        return Comparison(0, 0.0, tolerance, remark=build.remark, _sides=sides)

    pairs = dict(zip(first.order, second.order, strict=True))
    others = {node: second.numbers(other) for node, other in pairs.items()}
    return _compare_nodes(first, others, tolerance, second, pairs)


def _is_list_of_values(thing: Any) -> TypeGuard[list[Value] | tuple[Value, ...]]:
    if not isinstance(thing, (list, tuple)) or not thing:
        return False
    return all(isinstance(item, Value) for item in thing)


class _Graph:
    """The nodes of one computation.

    Attributes:
        roots: The Values that it ends in.
        order: In topological order.
        names: Of the nodes that have one.
        is_module: Whether they are the parameters of a Module, with their paths as names.
    """

    def __init__(self, target: Any) -> None:
        self.is_module = isinstance(target, Module)
        self.order: list[Value]
        self.names: dict[Value, str] = {}
        if isinstance(target, Module):
            parameters = dict(target.named_parameters())
            self.order = list(parameters.values())
            self.roots = self.order
            self.names = {node: path for path, node in parameters.items()}
            return

        self.roots = _roots(target)
        self.order = topological(self.roots)
        labels: dict[Value, str] = {}
        for node in self.order:
            if label := clean(node.label, 24):
                labels[node] = label
        for node, name in number_names(labels).items():
            # Brackets are for formulas: here a numbered label is a key that users write.
            self.names[node] = name if name == labels[node] else name.strip("()")

    def numbers(self, node: Value) -> Pair:
        """Return the value and the gradient of a node."""
        return node.data, grad_of(node)

    def name(self, node: Value) -> str:
        """Return how a message names a node."""
        name = self.names.get(node)
        if name:
            return name
        return formula(node) if node.args else f"the {node.kind} {node.data!r}"

    def describe(self, node: Value) -> str:
        """Return the name of a node with its operation or kind."""
        origin = clean(node.op) or node.kind
        return f"{self.name(node)} ({origin})"

    def mark(self, found: Mapping[Value, tuple[Kind, float, float]], name: str) -> Side:
        """Return the graph as one side of a picture.

        Args:
            found: What differs, where the difference begins first: which of the numbers it is, what
                it is here, and what it is on the other side.
            name: The name of the side.
        """
        details = {}
        for node, (kind, here, there) in found.items():
            _, other = show_both(here, there)
            word = "data" if kind == "value" else "grad"
            details[node] = f"other {word} {other}"
        return Side(
            name,
            self.roots,
            first=next(iter(found), None),
            mark="first difference",
            differing=frozenset(found),
            details=details,
            labels=self.names if self.is_module else {},
            has_edges=not self.is_module,
        )

    def mark_build(self, position: int, name: str) -> Side:
        """Return the graph as one side of a picture, with the node that is made differently."""
        first = self.order[position] if position < len(self.order) else None
        return Side(name, self.roots, first, "made differently")

    def match_names(
        self, numbers: Mapping[Any, Any], skip_unknown: bool = False
    ) -> dict[Value, Pair]:
        """Return what another engine has for each node.

        Args:
            numbers: Numbers or pairs by name.
            skip_unknown: Leave out names that the graph does not have, instead of raising.
        """
        nodes = {name: node for node, name in self.names.items()}
        unknown = [name for name in numbers if name not in nodes]
        if unknown and not skip_unknown:
            some = list(nodes)[:_MAX_LISTED]
            labels = ", ".join(map(repr, some)) or "no labels"
            known = suggestion(unknown[0], nodes, otherwise=f"; it has {labels}")
            raise UnknownNameError(f"the graph has nothing with the name {unknown[0]!r}{known}")
        return {
            nodes[name]: _read_pair(number, repr(name))
            for name, number in numbers.items()
            if name in nodes
        }

    def match_positions(self, numbers: Any) -> dict[Value, Pair]:
        """Return what another engine has for each node, from a list in topological order."""
        if isinstance(numbers, (str, bytes)) or not hasattr(numbers, "__len__"):
            raise PictureError(
                "compare takes a graph, a Module, a dictionary of numbers or a list of them, not "
                f"{type(numbers).__name__} {clean(numbers)}"
            )
        if len(numbers) != len(self.order):
            raise LengthError(
                f"the graph has {len(self.order):,} nodes, but {len(numbers):,} numbers were given "
                "to compare them with"
            )
        pairs = {}
        for i, (node, number) in enumerate(zip(self.order, numbers, strict=True)):
            pairs[node] = _read_pair(number, f"number {i}")
        return pairs


def _roots(target: Any) -> list[Value]:
    if isinstance(target, Value):
        return [target]
    if not _is_list_of_values(target):
        raise PictureError(
            "compare takes a Value, a list of Values or a Module first, not "
            f"{type(target).__name__} {clean(repr(target))}"
        )
    return list(dict.fromkeys(target))


def _read_pair(given: Any, name: str) -> Pair:
    message = f"{name} must be a number or a pair (value, gradient), not {clean(repr(given))}"
    parts = given if isinstance(given, (tuple, list)) else (given, None)
    if len(parts) != 2:
        raise LengthError(message)
    try:
        value, gradient = (None if part is None else float(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise PictureError(message) from error
    return value, gradient


class _Build(NamedTuple):
    """Where two graphs begin to be built differently.

    Attributes:
        position: In the topological order of both.
        remark: A sentence on it.
    """

    position: int
    remark: str


def _find_different_build(first: _Graph, second: _Graph) -> _Build | None:
    """Return where the first node is that is made differently, None where there is none."""
    first_index = {node: i for i, node in enumerate(first.order)}
    second_index = {node: i for i, node in enumerate(second.order)}
    # Operands are compared by position: the same place in both orders means the same node.
    for i, (x, y) in enumerate(zip(first.order, second.order, strict=False)):
        first_operands = [first_index[arg] for arg in x.args]
        second_operands = [second_index[arg] for arg in y.args]
        if x.op != y.op or first_operands != second_operands:
            ours = first.describe(x)
            theirs = second.describe(y)
            return _Build(
                i,
                f"the graphs are built differently from node {i} on: {ours} against "
                f'{theirs}; use by="label" to compare what carries the same labels',
            )
    sizes = (len(first.order), len(second.order))
    if sizes[0] != sizes[1]:
        remark = f"the graphs have {sizes[0]:,} and {sizes[1]:,} nodes"
        return _Build(min(sizes), remark)
    return None


def _compare_nodes(
    side: _Graph,
    others: Mapping[Value, Pair],
    tolerance: float,
    second: _Graph | None = None,
    pairs: Mapping[Value, Value] | None = None,
) -> Comparison:
    """Compare the nodes of a graph with the numbers of another engine or graph.

    Args:
        side: The graph.
        others: The numbers to compare with.
        tolerance: Up to which difference numbers count as equal.
        second: The other graph, if there is one.
        pairs: For each node that of the other graph.
    """
    if not others:
        sides = [side.mark({}, "first")]
        if second is not None:
            sides.append(second.mark({}, "second"))
        remark = "there is no number that both sides have"
        return Comparison(0, 0.0, tolerance, remark=remark, _sides=tuple(sides))
    compared = 0
    largest = 0.0
    difference: Number | None = None
    # In the order in which they are found: the first is where the difference begins.
    found: dict[Value, tuple[Kind, float, float]] = {}
    for kind, node, x, y in _pair_numbers(side, others):
        distance = gap(x, y)
        compared += 1
        largest = max(largest, distance)
        if distance <= tolerance:
            continue
        found.setdefault(node, (kind, x, y))
        # Only this one is described: names of large graphs take longer than their numbers.
        if difference is None:
            difference = _describe(side, others, kind, node, x, y)

    marked = [side.mark(found, "graph" if second is None else "first")]
    if second is not None and pairs is not None:
        mirrored = {pairs[node]: (kind, y, x) for node, (kind, x, y) in found.items()}
        marked.append(second.mark(mirrored, "second"))
    return Comparison(compared, largest, tolerance, difference, _sides=tuple(marked))


def _pair_numbers(
    side: _Graph, others: Mapping[Value, Pair]
) -> Iterator[tuple[Kind, Value, float, float]]:
    """Yield values, operands first, then gradients in the order of the backward pass."""
    for node in side.order:
        second = others[node][0] if node in others else None
        if second is not None:
            yield "value", node, node.data, second
    for node in reversed(side.order):
        second = others[node][1] if node in others else None
        if second is not None:
            yield "gradient", node, grad_of(node), second


def _describe(
    side: _Graph,
    others: Mapping[Value, Pair],
    kind: Kind,
    node: Value,
    first: float,
    second: float,
) -> Number:
    operands = []
    for arg in node.args:
        other = others[arg][0] if arg in others else None
        operands.append((side.name(arg), arg.data, other))
    source = clean((node.metadata or {}).get("source", ""), 200)
    return Number(kind, side.name(node), first, second, tuple(operands), source)


def gap(x: float, y: float) -> float:
    """Return how far two numbers are apart, relative to the larger of them and 1.

    Example:
        >>> gap(1.0, 1.5), gap(float("nan"), float("nan")), gap(1.0, float("inf"))
        (0.3333333333333333, 0.0, inf)
    """
    if _are_equal(x, y):
        return 0.0
    if not isfinite(x) or not isfinite(y):
        return inf
    size = max(1.0, abs(x), abs(y))
    return abs(x - y) / size


def _are_equal(x: float, y: float) -> bool:
    return x == y or (isnan(x) and isnan(y))


def compare_numbers(numbers: Iterable[Number], tolerance: float) -> Comparison:
    """Return the comparison of numbers in order: the first that differs is its difference."""
    compared = 0
    largest = 0.0
    difference: Number | None = None
    for number in numbers:
        distance = gap(number.first, number.second)
        compared += 1
        largest = max(largest, distance)
        if difference is None and distance > tolerance:
            difference = number
    return Comparison(compared, largest, tolerance, difference)
