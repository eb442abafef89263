"""`check_operation`: whether the rules of an operation agree with each other, everywhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isclose, isfinite, nan
from random import Random
from typing import Any

import numpy

from scalargrad.autodiff.finite_differences import EPSILON, step_around
from scalargrad.compiler import compile
from scalargrad.compiler.backend import BackendName
from scalargrad.core.checks import checked_int
from scalargrad.core.custom_operations import Operation, row_of
from scalargrad.core.operations import apply
from scalargrad.core.ops import FLOATS, Op
from scalargrad.core.value import Number, Value
from scalargrad.errors import GradientError, GraphError, OptionError
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.counting import plural

Point = tuple[float, ...]

_SPECIAL = (0.0, -0.0, 1.0, -1.0, 1e-200, -1e200, 800.0, -800.0, inf, -inf, nan)
"""Numbers at which a rule may return inf or nan, but must return."""

_STEP = 1e-5
_RELATIVE = 1e-6
_ABSOLUTE = 1e-8
_SPAN = 5.0
"""How far from 0 points lie, where the domain goes on."""

_CELLS = 300
"""How many stretches of each operand's range are searched for jumps."""

_MIN_JUMP = 1e-6
_POLE = 1e6
"""What is larger on one side of a jump is a pole, where nothing is announced."""

_SMALLEST_CELL = 1e-12


@repr_fits_terminal
@dataclass(frozen=True)
class OperationReport:
    """What `check_operation` found. It is true if it found nothing wrong.

    Attributes:
        operation: The name of the operation.
        points: At how many points it was checked.
        problems: What is wrong, and where: one sentence each.
    """

    operation: str
    points: int
    problems: tuple[str, ...]

    def __bool__(self) -> bool:
        return not self.problems

    @fits_terminal
    def __str__(self) -> str:
        if self:
            return f"{self.operation}: no problem at {self.points} points"
        count = plural(len(self.problems), "problem")
        head = f"{self.operation}: {count} at {self.points} points"
        return "\n  ".join([head, *self.problems])

    __repr__ = __str__


@explain_calls
def check_operation(
    operation: Operation | str,
    *,
    points: int = 25,
    backends: BackendName | Sequence[BackendName] = ("numpy",),
    raises: bool = False,
) -> OperationReport:
    """Check the rules of an operation, as the tests of the project check each row of the table.

    At points inside its domain and away from its kinks, its first derivatives are compared with
    central differences of its value, and its second derivatives, as graphs, with those of the first
    ones. Then its range is searched for kinks and jumps that `kinks` does not announce; special
    numbers, such as infinity, must give a number and no exception; and compiled programs must
    return the numbers of eager code.

    Args:
        operation: What `sg.operation` returned, a function of the table such as `sg.tanh`, or a
            name.
        points: How many points to take. They are the same in every run.
        backends: The backends to compare with, or one of them.
        raises: Whether to raise GradientError with the text of the report if something is wrong.

    Returns:
        The report.

    Raises:
        GradientError: Something is wrong, and `raises` is set.
        OptionError: For an operation over a list, and if too little of the domain is away from
            kinks.
        UnknownNameError: For an operation that does not exist.

    Example:
        >>> import scalargrad as sg
        >>> check_operation(sg.tanh)
        tanh: no problem at 25 points
        >>> cube = sg.operation(name="cube", derivative=lambda m, o, x: x * x)(
        ...     lambda m, x: x * x * x
        ... )
        >>> print(str(check_operation(cube)).partition("\\n")[0])
        cube: 1 problem at 25 points
        >>> sg.core.custom_operations.remove_operation("cube")
    """
    op = row_of(operation)
    if op.over_list:
        raise OptionError(
            f"check_operation takes operations of single numbers: {op.name} has a list"
        )
    check = _Check(op, checked_int(points, "points", 1))
    problems = list(check.find_errors_of_special_numbers())
    # Rules that raise exceptions can't be checked further, and programs made of wrong ones say
    # nothing new.
    if not problems:
        problems = [*check.find_wrong_derivatives(), *check.find_unannounced_kinks()]
    if not problems:
        for backend in [backends] if isinstance(backends, str) else backends:
            problems += check.find_differences(backend)
    report = OperationReport(op.name, len(check.points), tuple(dict.fromkeys(problems)))
    if raises and not report:
        raise GradientError(str(report))
    return report


class _Check:
    """The work of one `check_operation`."""

    def __init__(self, op: Op, count: int) -> None:
        self.op = op
        self.ranges = [_range(op, i) for i in range(len(op.operands))]
        self.points = self._choose_points(count)

    def _choose_points(self, count: int) -> list[Point]:
        rng = Random(self.op.name)
        chosen: list[Point] = []
        for _ in range(200 * count):
            point = tuple([rng.uniform(*ends) for ends in self.ranges])
            if self._is_smooth(point):
                chosen.append(point)
            if len(chosen) == count:
                return chosen
        raise OptionError(
            f"too little of the domain of {self.op.name} is away from its kinks: "
            "the numbers that kinks returns should be far from 0 where the derivative is smooth"
        )

    def _is_smooth(self, point: Point) -> bool:
        if self.op.kinks is None:
            return True
        try:
            return all(abs(number) > 0.05 for number in self.op.kinks(FLOATS, *point))
        except (ArithmeticError, ValueError):
            return True

    def find_errors_of_special_numbers(self) -> Iterator[str]:
        """Yield the exceptions that rules raise at numbers that users will meet."""
        for point in self._special_points():
            try:
                self.op.at(FLOATS, point)
            except (ArithmeticError, ValueError, TypeError) as error:
                where = self._write(point)
                yield f"{where} raises {type(error).__name__} ({error}): use operations of m"
                return

    def _special_points(self) -> Iterator[Point]:
        usual = self.points[0]
        for x in _SPECIAL:
            yield (x,) * len(usual)
            for i in range(len(usual)):
                yield (*usual[:i], x, *usual[i + 1 :])

    def find_wrong_derivatives(self) -> Iterator[str]:
        """Yield the first disagreement of each derivative with central differences."""
        names = self.op.operands
        found: set[str] = set()
        for point in self.points:
            try:
                graph = _Graph(self.op, point)
            except GraphError as error:
                what = "its rule is not the same for floats and graphs"
                yield f"{self._write(point)}: {what}: {error}"
                return
            if not isfinite(graph.value):
                yield f"{self._write(point)} is {graph.value!r}, inside its domain: give domain=…"
                return
            for i, name in enumerate(names):
                what = f"its derivative by {name}"
                numeric = self._difference(point, i, lambda at: self.op.value(FLOATS, at))
                if what not in found and not _agree(graph.first[i], numeric):
                    found.add(what)
                    yield self._describe(point, what, graph.first[i], numeric[0])
            # Second derivatives of wrong first ones are wrong as well.
            if found:
                continue
            for i, j in numpy.ndindex(len(names), len(names)):
                what = f"its second derivative by {names[i]} and {names[j]}"
                numeric = self._difference(point, j, lambda at, i=i: self._derivative(at, i))
                if what not in found and not _agree(graph.second(i, j), numeric):
                    found.add(what)
                    yield self._describe(point, what, graph.second(i, j), numeric[0])

    def find_unannounced_kinks(self) -> Iterator[str]:
        """Yield a jump of the value or of a derivative that `kinks` knows nothing of."""
        for i, name in enumerate(self.op.operands):
            for what, compute in (
                ("its value", lambda at: self.op.value(FLOATS, at)),
                (f"its derivative by {name}", lambda at, i=i: self._derivative(at, i)),
            ):
                jump = self._find_jump(i, compute)
                if jump is not None:
                    low, high = jump
                    before = compute(low)
                    after = compute(high)
                    yield (
                        f"{self._write(high)}: {what} jumps from {before:.6g} to {after:.6g}: "
                        f"give kinks=lambda m, {', '.join(self.op.operands)}: "
                        f"({name} - {_short(high[i])},)"
                    )
                    break

    def find_differences(self, backend: BackendName) -> Iterator[str]:
        """Yield where a compiled program does not return the numbers of eager code."""
        count = len(self.op.operands)
        points = [*self.points, *self._special_points()]

        def compute(row: Any) -> Number:
            operands = [row] if isinstance(row, Value) else row
            result: Number = apply(self.op, *operands)
            return result

        program = compile(compute, inputs=[count], backend=backend)
        batch = numpy.array(points)
        values = numpy.ravel(program(batch))
        gradients = program.jacobian(batch)[0].reshape(len(points), count)
        for point, value, gradient in zip(points, values, gradients, strict=True):
            graph = _Graph(self.op, point)
            expected = [graph.value, *graph.first]
            if not all(map(_is_same, [float(value), *gradient], expected)):
                computed = ", ".join(f"{x:.17g}" for x in (float(value), *gradient))
                eager = ", ".join(f"{x:.17g}" for x in expected)
                yield (
                    f"{self._write(point)}: its value and derivatives are {computed} "
                    f"by {backend}, {eager} in eager code"
                )
                return

    def _derivative(self, point: Sequence[float], position: int) -> float:
        result = self.op.value(FLOATS, point)
        return float(self.op.derivatives(FLOATS, result, point)[position])

    def _difference(self, point: Point, position: int, compute: Any) -> tuple[float, float]:
        """Return the central difference, and how far it may be from the derivative."""
        slopes = []
        for step in (_STEP, 2.0 * _STEP):
            below, above = step_around(point[position], step)
            low = compute((*point[:position], below, *point[position + 1 :]))
            high = compute((*point[:position], above, *point[position + 1 :]))
            slopes.append((high - low) / (above - below))
        rounding = 64.0 * EPSILON * max(abs(low), abs(high)) / _STEP
        # Near a pole the function is far from a line, as the double step shows.
        return slopes[0], rounding + abs(slopes[1] - slopes[0])

    def _find_jump(self, position: int, compute: Any) -> tuple[Point, Point] | None:
        """Return two neighboring points between which something jumps, off the known kinks."""
        start, end = self.ranges[position]
        usual = self.points[0]

        def at(x: float) -> Point:
            return (*usual[:position], x, *usual[position + 1 :])

        for cell in range(_CELLS):
            low = start + (end - start) * cell / _CELLS
            high = start + (end - start) * (cell + 1) / _CELLS
            whole = abs(compute(at(high)) - compute(at(low)))
            if not whole > _MIN_JUMP:
                continue
            # What is continuous changes less and less between nearer points.
            while high - low > _SMALLEST_CELL * max(1.0, abs(low)):
                middle = 0.5 * (low + high)
                in_left = abs(compute(at(middle)) - compute(at(low)))
                in_right = abs(compute(at(high)) - compute(at(middle)))
                low, high = (low, middle) if in_left >= in_right else (middle, high)
                if not max(in_left, in_right) > 1e-3 * whole:
                    break
            else:
                is_pole = abs(compute(at(low))) > _POLE
                if not is_pole and not self._has_kink(at(low), at(high)):
                    return at(low), at(high)
        return None

    def _has_kink(self, low: Point, high: Point) -> bool:
        if self.op.kinks is None:
            return False
        pairs = zip(self.op.kinks(FLOATS, *low), self.op.kinks(FLOATS, *high), strict=True)
        return any(below * above <= 0.0 for below, above in pairs)

    def _write(self, point: Point) -> str:
        named = zip(self.op.operands, point, strict=True)
        return f"{self.op.name}({', '.join(f'{name}={_short(x)}' for name, x in named)})"

    def _describe(self, point: Point, what: str, analytic: float, numeric: float) -> str:
        return (
            f"{self._write(point)}: {what} is {analytic:.9g} by its rule, "
            f"{numeric:.9g} by central difference"
        )


class _Graph:
    """The operation at one point as a graph, with its first and second derivatives."""

    def __init__(self, op: Op, point: Point) -> None:
        self.leaves = [Value(x) for x in point]
        result = apply(op, *self.leaves)
        self.value: float = result.data
        result.backward(create_graph=True)
        self._slopes = [leaf.grad for leaf in self.leaves]

    @property
    def first(self) -> list[float]:
        """The derivative by each operand."""
        return [float(getattr(slope, "data", slope)) for slope in self._slopes]

    def second(self, i: int, j: int) -> float:
        """Return the derivative by operand `j` of the derivative by operand `i`."""
        slope: Any = self._slopes[i]
        if not isinstance(slope, Value):
            return 0.0
        for leaf in self.leaves:
            leaf.grad = 0.0
        slope.backward()
        return float(self.leaves[j].grad)


def _range(op: Op, position: int) -> tuple[float, float]:
    """Return where to take points: inside the domain, not at its ends."""
    low, high = op.domain[position] if position < len(op.domain) else (-inf, inf)
    start = max(low, min(-_SPAN, high - _SPAN))
    end = min(high, max(_SPAN, low + _SPAN))
    margin = 0.01 * (end - start)
    return start + margin, end - margin


def _agree(analytic: float, numeric: tuple[float, float]) -> bool:
    difference, rounding = numeric
    scale = max(abs(analytic), abs(difference))
    return abs(analytic - difference) <= _ABSOLUTE + _RELATIVE * scale + rounding


def _is_same(computed: float, eager: float) -> bool:
    if computed != computed or eager != eager:
        return computed != computed and eager != eager
    return isclose(computed, eager, rel_tol=1e-12, abs_tol=1e-14)


def _short(x: float) -> str:
    return f"{x + 0.0:.6g}"
