"""Derivatives by central differences: `numerical_gradient`, and `gradcheck`, which compares them with the gradients of the engine."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import zip_longest
from math import inf, isfinite, isnan, nan
from typing import Any

from scalargrad.core.backprop import operands, spread, wanted
from scalargrad.core.conversion import as_float
from scalargrad.core.graph import topological
from scalargrad.core.modes import enable_grad
from scalargrad.core.nested import entries, places, refilled, snapshot
from scalargrad.core.ops import CUT, FLOATS, TABLE
from scalargrad.core.value import Constant, Value
from scalargrad.errors import CallError, GradientError, OptionError, UnlearnedWarning
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.frames import warn

from .anomaly import described
from .finite_differences import (
    EPSILON,
    STEP,
    Function,
    Slopes,
    around,
    plain_number,
    reads_its_argument,
)
from .processes import checked_workers, indexed


@explain_calls
def numerical_gradient(f: Function, x: Any, step: float = STEP, workers: int = 1) -> Any:
    """The gradient of `f` at `x` by central differences, two calls of `f` for each number in `x`.

    f        takes one argument and returns one number (or Value)
    x        a number, a Value, a nest of them in lists, tuples and dicts, or a NumPy array of any shape
    step     h relative to max(|x|, 1); smaller for a function that changes fast, or for an `x` near a pole
    workers  over how many processes the calls of `f` are spread; the result has the same bits for any number of them

    `f` gets fresh copies of `x` with one number moved: floats for numbers, Values for Values, arrays of float64 for arrays of
    numbers. `x` itself is never touched. The result has the structure of `x`: floats, and arrays of float64 of the same shape.
    Raises DataError when `f` returns anything but one number or `x` holds something else, OptionError for a step that is
    not positive and for workers below 1, CallError when `f` can't be called; whatever `f` raises comes through.
    Warns (UnlearnedWarning) when every difference is 0 and `f` did not look at any number: to find
    out, it is called once more.

    Several processes pay where the calls take seconds in all, for a new one needs some tenths of a second to start. They need an `f`
    that can be pickled: defined with def at the top level of a module, not as a lambda or in another function (CallError says so).
    A script that asks for them does that under `if __name__ == "__main__":`. WorkerError when a process ends too soon.

    >>> round(numerical_gradient(lambda x: x**3, 2.0), 6)
    12.0
    >>> import numpy
    >>> numerical_gradient(lambda x: x[0] * x[1].sum(), [2.0, numpy.ones((1, 2))])[1].round(6)
    array([[2., 2.]])
    """
    _checked("numerical_gradient", f, step)
    checked_workers(workers)
    slopes = Slopes(f, x, step)
    found = indexed(slopes, len(slopes), workers)
    _warn_if_unread("numerical_gradient", f, slopes.mold.fresh(), found)
    return slopes.mold.filled(found)


def _warn_if_unread(name: str, f: Function, argument: Any, slopes: Sequence[float]) -> None:
    if not slopes or any(slopes) or reads_its_argument(f, argument):
        return
    warn(
        f"{name}: the function never looks at the numbers it is given, so every derivative is 0. "
        "It has to compute with its argument, which is a copy with one number moved, and not with "
        "the model or the list that the numbers came from. To move the weights of a model, give "
        "nn.Objective(model, measure) as the function, and its .numbers",
        UnlearnedWarning,
    )


def _checked(name: str, f: Any, step: Any) -> None:
    if not callable(f):
        raise CallError(f"{name} takes a function, not {type(f).__name__}")
    if not isinstance(step, float) or not 0.0 < step < 1.0:
        raise OptionError(
            f"step must be a float between 0 and 1, not {step!r}: it is relative to max(|x|, 1)"
        )


def _plain(nest: Any, what: str) -> list[float]:
    return [plain_number(entry, f"a number of {what}") for entry in entries(nest)]


def _with(numbers: list[float], index: int, number: float) -> list[float]:
    return [*numbers[:index], number, *numbers[index + 1 :]]


@repr_fits_terminal
@dataclass(frozen=True)
class Comparison:
    """One derivative, by the engine and by central difference.

    input, output      which number by which, as Python would write them
    analytic, numeric  the derivative by backward pass and by central difference
    error, allowed     |analytic - numeric|, and how much of it is not counted as a disagreement
    kink               the operation that has a kink within h of the input, if that explains a disagreement
    """

    input: str
    output: str
    analytic: float
    numeric: float
    error: float
    allowed: float
    kink: str = ""

    @property
    def ok(self) -> bool:
        """Whether the two agree."""
        return self.error <= self.allowed

    @fits_terminal
    def __str__(self) -> str:
        return (
            f"d {self.output} / d {self.input}: {self.analytic!r} by backward, {self.numeric!r} by central difference "
            f"(off by {self.error:.1e}, allowed {self.allowed:.1e})"
        )


@dataclass(frozen=True, repr=False)
class GradientReport:
    """What `gradcheck` found: true when nothing disagrees. Print it.

    comparisons  one for each pair of input and output number
    suspect      which operation disagrees first, operands first; empty if none does
    """

    comparisons: tuple[Comparison, ...]
    suspect: str = ""

    def __bool__(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> list[Comparison]:
        """Those that disagree, and are not within h of a kink."""
        return [
            comparison
            for comparison in self.comparisons
            if not comparison.ok and not comparison.kink
        ]

    @property
    def kinks(self) -> list[Comparison]:
        """Those where a difference says nothing, because the function has a kink within h."""
        return [comparison for comparison in self.comparisons if comparison.kink]

    @property
    def worst(self) -> Comparison | None:
        """The comparison with the largest error in proportion to what is allowed, kinks left out; None if none is left."""
        compared = [comparison for comparison in self.comparisons if not comparison.kink]
        return max(
            compared, key=lambda c: inf if isnan(c.error) else c.error / c.allowed, default=None
        )

    @property
    def worst_error(self) -> float:
        """The error of `worst`; 0.0 if there is none."""
        return self.worst.error if self.worst else 0.0

    @fits_terminal
    def __str__(self) -> str:
        failures, count = self.failures, len(self.comparisons) - len(self.kinks)
        lines = [
            f"gradcheck: {len(failures)} of {count} derivatives disagree"
            if failures
            else f"gradcheck: {count} derivatives agree"
        ]
        lines += [f"  worst: {self.worst}"] if self.worst else []
        lines += [f"  also: {failure}" for failure in failures if failure is not self.worst][
            :_SHOWN
        ]
        lines += [f"  first to disagree: {self.suspect}"] if self.suspect else []
        lines += [f"  within h of a kink, at {kink.kink}: {kink}" for kink in self.kinks[:_SHOWN]]
        return "\n".join(lines)

    __repr__ = __str__


@explain_calls
def gradcheck(
    f: Function,
    inputs: Any,
    *,
    step: float = STEP,
    relative: float = 1e-6,
    absolute: float = 1e-8,
    raises: bool = False,
) -> GradientReport:
    """Compare the gradients of the engine with central differences.

    f         returns a Value, or a nest of Values, each of which is checked
    inputs    the argument of `f`: a number, a nest of numbers, an array; a tuple holds several arguments, and so does a
              list where `f` can't be called with one.
              `f` gets Values in the place of the numbers (an array of objects for an array)
    step      h relative to max(|x|, 1)
    relative, absolute  an error of absolute + relative·|derivative| is allowed, and what rounding the values of `f` can make
    raises    raise GradientError, which carries the report as text, instead of returning a report that is false

    A disagreement where the derivative of some operation jumps between x - h and x + h is reported as a kink, not as a failure.
    For a failure the report names the first operation whose local derivative disagrees with a central difference of its own
    forward rule, or, for a Value that was made by hand, with what was seen of it when the input moved. No `grad` changes.
    Raises DataError, OptionError and CallError as `numerical_gradient` does, and warns as it does.

    >>> from scalargrad import Value, relu, tanh
    >>> print(gradcheck(lambda x: [tanh(x[0] * x[1]), relu(x[1])], [0.5, 2.0]).worst_error < 1e-9)
    True
    >>> report = gradcheck(relu, 0.0)
    >>> bool(report), report.kinks[0].kink
    (True, 'relu(inputs=0.0)')
    >>> wrong = gradcheck(lambda x: Value(x.data**2, (x,), "square", partials=(x.data,)), 3.0)
    >>> bool(wrong), wrong.suspect.split(":")[0]
    (False, 'square(inputs=3.0)')
    """
    _checked("gradcheck", f, step)
    check = _Check(f, inputs, step, relative, absolute)
    report = GradientReport(tuple(check.comparisons()), check.suspect)
    slopes = [abs(found.analytic) + abs(found.numeric) for found in report.comparisons]
    _warn_if_unread("gradcheck", lambda given: f(*given), check.arguments, slopes)
    if raises and not report:
        raise GradientError(str(report))
    return report


_SHOWN = 10


class _Run:
    """One call of the function: its leaves, its outputs, and its graph, operands first."""

    def __init__(self, check: "_Check", numbers: list[float]) -> None:
        self.leaves = [Value(x, label=name) for x, name in zip(numbers, check.names, strict=True)]
        with enable_grad():
            returned = check.f(*refilled(check.arguments, self.leaves))
        self.result = snapshot(returned, "what the function returns")
        self.outputs = [
            x if isinstance(x, Value) else Constant(as_float(x, "a result of the function"))
            for x in entries(self.result)
        ]
        self.order = topological(self.outputs)

    def gradient(self, output: Value) -> list[float]:
        """By `backward`, but every node gets its `grad` back."""
        before = [node.grad for node in self.order]
        try:
            spread(self.order, [(output, 1.0)])
            return [leaf.grad for leaf in self.leaves]
        finally:
            for node, gradient in zip(self.order, before, strict=True):
                node.grad = gradient


def _arguments(f: Function, inputs: Any) -> tuple[Any, ...]:
    if isinstance(inputs, list) and not _takes(f, 1) and _takes(f, len(inputs)):
        return tuple(inputs)
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _takes(f: Function, count: int) -> bool:
    """Whether `f` can be called with so many arguments; functions that do not say are taken at their word."""
    try:
        signature(f).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


class _Check:
    """The work of one `gradcheck`."""

    def __init__(
        self, f: Function, inputs: Any, step: float, relative: float, absolute: float
    ) -> None:
        self.f, self.step, self.relative, self.absolute = f, step, relative, absolute
        self.arguments = snapshot(_arguments(f, inputs), "inputs")
        self.numbers = _plain(self.arguments, "inputs")
        self.names = places(snapshot(inputs, "inputs"), "inputs")
        self.suspect = ""

    def comparisons(self) -> Iterable[Comparison]:
        middle = _Run(self, self.numbers)
        gradients = [middle.gradient(output) for output in middle.outputs]
        names = places(middle.result, "output")
        for index, x in enumerate(self.numbers):
            points = around(x, self.step)
            low, high = (_Run(self, _with(self.numbers, index, moved)) for moved in points)
            for position, name in enumerate(names):
                yield self._compared(
                    (low, middle, high),
                    points,
                    position,
                    (self.names[index], name, gradients[position][index]),
                )

    def _compared(
        self,
        runs: tuple[_Run, _Run, _Run],
        points: tuple[float, float],
        position: int,
        known: tuple[str, str, float],
    ) -> Comparison:
        low, middle, high = runs
        ends = [
            run.outputs[position].data if position < len(run.outputs) else nan
            for run in (low, high)
        ]
        numeric, allowed = self._difference(ends, points, known[2])
        error = abs(known[2] - numeric)
        kink = "" if error <= allowed else _kink(low, middle, high)
        if not kink and not error <= allowed:
            self.suspect = self.suspect or self._first_wrong(runs, points[1] - points[0])
        return Comparison(known[0], known[1], known[2], numeric, error, allowed, kink)

    def _difference(
        self, ends: Sequence[float], points: Sequence[float], analytic: float
    ) -> tuple[float, float]:
        """The central difference, and how far from it the derivative may be."""
        distance = points[1] - points[0]
        numeric = (ends[1] - ends[0]) / distance
        rounding = 16.0 * EPSILON * max(map(abs, ends)) / distance
        return numeric, self.absolute + self.relative * max(abs(analytic), abs(numeric)) + rounding

    def _first_wrong(self, runs: tuple[_Run, _Run, _Run], distance: float) -> str:
        low, middle, high = runs
        slopes = {}  # where there is no kink, the three graphs have one shape
        for before, node, after in zip(low.order, middle.order, high.order, strict=True):
            slopes[node] = (after.data - before.data) / distance
        inputs = set(middle.leaves)
        told = (
            self._wrong_rule(node) if _has_rule(node) else self._wrong_slope(node, slopes)
            for node in middle.order
            if node not in inputs
        )
        return next(filter(None, told), "")

    def _wrong_rule(self, node: Value) -> str:
        """What is wrong with the local derivatives of a node, by central differences of its forward rule; empty if nothing."""
        op, given = TABLE[node.op], tuple(float(getattr(x, "data", x)) for x in operands(node))
        moving = [index for index, want in enumerate(wanted(node)) if want]
        for index, partial in zip(moving, node.partials, strict=False):
            points = around(given[index], self.step)
            moved = [(*given[:index], x, *given[index + 1 :]) for x in points]
            numeric, allowed = self._difference(
                [op.value(FLOATS, numbers) for numbers in moved], points, partial
            )
            jumps = (
                len({_sides(op, numbers, wanted(node)) for numbers in (moved[0], given, moved[1])})
                > 1
            )
            if isfinite(numeric) and not jumps and not abs(numeric - partial) <= allowed:
                found = f"{partial!r}, by central difference of its rule {numeric!r}"
                return f"{described(node)}: its local derivative by operand {index + 1} is {found}"
        return ""

    def _wrong_slope(self, node: Value, slopes: dict[Value, float]) -> str:
        """The same for a node without a rule, from how it and its operands moved with the input."""
        if not isfinite(slopes.get(node, nan)):
            return ""
        flows = list(zip(node.args, node.partials, strict=False))
        expected, seen = sum(partial * slopes[arg] for arg, partial in flows), slopes[node]
        rounding = 1e-9 * (abs(node.data) + sum(abs(partial * arg.data) for arg, partial in flows))
        if (
            abs(seen - expected)
            <= self.absolute + self.relative * max(abs(expected), abs(seen)) + rounding
        ):
            return ""
        if not node.args:
            return f"{described(node)} moves with the input, but is a leaf: it was computed outside of the graph"
        return f"{described(node)}: by its partials {node.partials} it moves by {expected!r} with the input, in truth by {seen!r}"


def _has_rule(node: Value) -> bool:
    return node.op in TABLE and (
        TABLE[node.op].over_list or len(operands(node)) == len(TABLE[node.op].operands)
    )


def _kink(low: _Run, middle: _Run, high: _Run) -> str:
    """The first operation whose derivative jumps between the runs; empty if none does."""
    for nodes in zip_longest(low.order, middle.order, high.order):
        if any(node is None or node.op != nodes[0].op for node in nodes):
            return "a branch of the function itself"
        if len({_side(node) for node in nodes}) > 1:
            return described(nodes[1])
    return ""


def _side(node: Value) -> Any:
    """On which side of its kinks an operation was computed, and which operands a selection took."""
    if not _has_rule(node):
        return None
    return _signs(TABLE[node.op], operands(node)), tuple(
        partial is CUT for partial in node.partials
    )


def _sides(op: Any, numbers: tuple[float, ...], wants: tuple[bool, ...]) -> Any:
    partials = op.derivatives(FLOATS, op.value(FLOATS, numbers), numbers, wants)
    return _signs(op, numbers), tuple(partial is CUT for partial in partials)


def _signs(op: Any, given: Iterable[Any]) -> tuple[int, ...]:
    numbers = tuple(float(getattr(x, "data", x)) for x in given)
    return (
        tuple((kink > 0.0) - (kink < 0.0) for kink in op.kinks(FLOATS, *numbers))
        if op.kinks
        else ()
    )
