"""Derivatives by central differences, and their comparison with the gradients of the engine."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import zip_longest
from math import inf, isfinite, isnan, nan
from typing import Any

from scalargrad.core.backprop import operands, which_are_values
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import as_float
from scalargrad.core.graph import topological
from scalargrad.core.modes import enable_grad
from scalargrad.core.nested import copy_tree, flatten, tree_paths, unflatten
from scalargrad.core.ops import CUT, FLOATS, TABLE, Op
from scalargrad.core.value import Constant, Number, Value, backpropagate
from scalargrad.errors import CallError, GradientError, OptionError, UnlearnedWarning
from scalargrad.terminal import fits_terminal, repr_fits_terminal
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.counting import plural
from scalargrad.utils.frames import warn

from .anomaly import describe
from .finite_differences import (
    EPSILON,
    STEP,
    CentralDifferences,
    reads_argument,
    step_around,
    to_float,
)
from .processes import map_indices
from .trees import Function, Tree


@explain_calls
def numerical_gradient(f: Function, x: Tree[Number], step: float = STEP, workers: int = 1) -> Any:
    """Compute the gradient of `f` at `x` by central differences.

    This takes two calls of `f` for each number in `x`. `f` gets copies of `x` with one number
    changed: floats for numbers, Values for Values, arrays of float64 for arrays of numbers. `x`
    itself is never changed.

    Several processes save time if the calls take seconds in total, since a new one takes a few
    tenths of a second to start. They need an `f` that can be pickled: defined with def at the top
    level of a module, not as a lambda or in another function. A script that uses them must do so
    under `if __name__ == "__main__":`.

    Args:
        f: A function of one argument that returns one number or Value.
        x: A number, a Value, a tree of them in lists, tuples and dicts, or a NumPy array of any
            shape.
        step: The step h relative to max(|x|, 1). Make it smaller for a function that changes fast,
            or for an `x` near a pole.
        workers: Number of processes to share the calls. The result is bit-identical for any number
            of them.

    Returns:
        The gradient in the structure of `x`: floats, and arrays of float64 of the same shape.

    Raises:
        DataError: When `f` does not return one number, or `x` holds anything but numbers.
        OptionError: For a step that is not between 0 and 1, and for workers below 1.
        CallError: When `f` can't be called, or can't be sent to other processes.
        WorkerError: When a process ends too soon.

    Warns:
        UnlearnedWarning: Every difference is 0, and `f` does not read its argument. To find out,
            `f` is called once more.

    Example:
        >>> round(numerical_gradient(lambda x: x**3, 2.0), 6)
        12.0
        >>> import numpy
        >>> numerical_gradient(lambda x: x[0] * x[1].sum(), [2.0, numpy.ones((1, 2))])[1].round(6)
        array([[2., 2.]])
    """
    _check_arguments("numerical_gradient", f, step)
    checked_int(workers, "workers", 1)
    differences = CentralDifferences(f, x, step)
    slopes = map_indices(differences, len(differences), workers)
    _warn_if_unread("numerical_gradient", f, differences.template.copy(), slopes)
    return differences.template.fill(slopes)


def _warn_if_unread(
    name: str, f: Function, argument: Tree[Number], slopes: Sequence[float]
) -> None:
    if not slopes or any(slopes) or reads_argument(f, argument):
        return
    warn(
        f"{name}: the function never looks at the numbers it is given, so every derivative is 0. "
        "It has to compute with its argument, which is a copy with one number moved, and not with "
        "the model or the list that the numbers came from. To move the weights of a model, give "
        "nn.Objective(model, measure) as the function, and its .numbers",
        UnlearnedWarning,
    )


def _check_arguments(name: str, f: object, step: object) -> None:
    if not callable(f):
        raise CallError(f"{name} takes a function, not {type(f).__name__}")
    if not isinstance(step, float) or not 0.0 < step < 1.0:
        raise OptionError(
            f"step must be a float between 0 and 1, not {step!r}: it is relative to max(|x|, 1)"
        )


@repr_fits_terminal
@dataclass(frozen=True)
class GradientComparison:
    """One derivative, by the engine and by central difference.

    Attributes:
        input: The number to differentiate by, as Python would write it.
        output: The number to differentiate, as Python would write it.
        analytic: The derivative by backward pass.
        numeric: The derivative by central difference.
        error: |analytic - numeric|.
        allowed: The largest error that is not counted as a disagreement.
        kink: The operation with a kink within h of the input, if that explains a disagreement.
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
            f"d {self.output} / d {self.input}: {self.analytic!r} by backward, "
            f"{self.numeric!r} by central difference "
            f"(off by {self.error:.1e}, allowed {self.allowed:.1e})"
        )


_MAX_LISTED = 10
"""Failures, and kinks, that the text of a report lists."""


@dataclass(frozen=True, repr=False)
class GradientReport:
    """The result of `gradcheck`: true if all derivatives agree. Print it for the details.

    Attributes:
        comparisons: One for each pair of input and output number.
        suspect: The first operation, operands first, that disagrees; empty if none does.
    """

    comparisons: tuple[GradientComparison, ...]
    suspect: str = ""

    def __bool__(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> list[GradientComparison]:
        """The comparisons that disagree and are not within h of a kink."""
        return [each for each in self.comparisons if not each.ok and not each.kink]

    @property
    def kinks(self) -> list[GradientComparison]:
        """The comparisons without meaning, because the function has a kink within h."""
        return [each for each in self.comparisons if each.kink]

    @property
    def worst(self) -> GradientComparison | None:
        """The comparison with the largest error relative to what is allowed.

        Kinks are left out; None if there is no other.
        """
        compared = [each for each in self.comparisons if not each.kink]
        return max(compared, key=_severity, default=None)

    @property
    def worst_error(self) -> float:
        """The error of `worst`; 0.0 if there is none."""
        return self.worst.error if self.worst else 0.0

    @fits_terminal
    def __str__(self) -> str:
        failures = self.failures
        kinks = self.kinks
        count = len(self.comparisons) - len(kinks)

        derivatives = plural(count, "derivative")
        if failures:
            verb = "disagrees" if len(failures) == 1 else "disagree"
            lines = [f"gradcheck: {len(failures)} of {derivatives} {verb}"]
        else:
            lines = [f"gradcheck: {derivatives} {'agrees' if count == 1 else 'agree'}"]
        worst = self.worst
        if worst:
            lines.append(f"  worst: {worst}")
        others = [failure for failure in failures if failure is not worst]
        lines += [f"  also: {failure}" for failure in others[:_MAX_LISTED]]
        if self.suspect:
            lines.append(f"  first to disagree: {self.suspect}")
        for comparison in kinks[:_MAX_LISTED]:
            lines.append(f"  within h of a kink, at {comparison.kink}: {comparison}")
        return "\n".join(lines)

    __repr__ = __str__


def _severity(comparison: GradientComparison) -> float:
    # max() keeps its first item when it meets nan, since no comparison with nan holds.
    return inf if isnan(comparison.error) else comparison.error / comparison.allowed


@explain_calls
def gradcheck(
    f: Function,
    inputs: Tree[Number],
    *,
    step: float = STEP,
    relative: float = 1e-6,
    absolute: float = 1e-8,
    raises: bool = False,
) -> GradientReport:
    """Compare the gradients of the engine with central differences.

    A disagreement where the derivative of some operation jumps between x - h and x + h is reported
    as a kink, not as a failure. For a failure the report names the first operation whose local
    derivative disagrees with a central difference of its own forward rule. For a Value made by hand
    it says how far the Value moved with the input. No `grad` changes.

    Args:
        f: A function that returns a Value, or a tree of Values, each of which is checked. It gets
            Values in place of numbers, and an array of objects for an array.
        inputs: The argument of `f`: a number, a tree of numbers, an array. A tuple holds several
            arguments, and so does a list where `f` can't be called with one argument.
        step: The step h relative to max(|x|, 1).
        relative: Allowed error relative to the derivative.
        absolute: Allowed absolute error, added to the relative one. The error that rounding of the
            values of `f` can cause is allowed in addition.
        raises: Whether to raise GradientError with the text of the report if it is false.

    Returns:
        The report.

    Raises:
        GradientError: A derivative disagrees, and `raises` is set.
        DataError: `f` returns, or `inputs` holds, anything but numbers.
        OptionError: For a step that is not between 0 and 1.
        CallError: When `f` can't be called.

    Warns:
        UnlearnedWarning: Every derivative is 0, and `f` does not read its argument.

    Example:
        >>> from scalargrad import Value, relu, tanh
        >>> gradcheck(lambda x: [tanh(x[0] * x[1]), relu(x[1])], [0.5, 2.0]).worst_error < 1e-9
        True
        >>> report = gradcheck(relu, 0.0)
        >>> bool(report), report.kinks[0].kink
        (True, 'relu(inputs=0.0)')
        >>> def square(x):
        ...     return Value(x.data**2, (x,), "square", partials=(x.data,))
        >>> wrong = gradcheck(square, 3.0)
        >>> bool(wrong), wrong.suspect.split(":")[0]
        (False, 'square(inputs=3.0)')
    """
    _check_arguments("gradcheck", f, step)
    check = _Check(f, inputs, step, relative, absolute)
    report = GradientReport(tuple(check.compare()), check.suspect)
    slopes = [abs(each.analytic) + abs(each.numeric) for each in report.comparisons]
    _warn_if_unread("gradcheck", lambda arguments: f(*arguments), check.arguments, slopes)
    if raises and not report:
        raise GradientError(str(report))
    return report


class _Run:
    """One call of the function: its leaves, its outputs, and its graph, operands first."""

    def __init__(self, check: "_Check", numbers: list[float]) -> None:
        self.leaves = [Value(x, label=name) for x, name in zip(numbers, check.names, strict=True)]
        with enable_grad():
            returned = check.f(*unflatten(check.arguments, self.leaves))
        self.result = copy_tree(returned, "what the function returns")
        self.outputs = [_as_output(entry) for entry in flatten(self.result)]
        self.order = topological(self.outputs)

    def compute_gradient(self, output: Value) -> list[float]:
        """Compute the gradient of an output by a backward pass, and restore every `grad`."""
        before = [node.grad for node in self.order]
        try:
            backpropagate(self.order, [(output, 1.0)])
            return [leaf.grad for leaf in self.leaves]
        finally:
            for node, gradient in zip(self.order, before, strict=True):
                node.grad = gradient


def _as_output(entry: object) -> Value:
    if isinstance(entry, Value):
        return entry
    return Constant(as_float(entry, "a result of the function"))


def _split_arguments(f: Function, inputs: Tree[Number]) -> tuple[object, ...]:
    if isinstance(inputs, list) and not _accepts(f, 1) and _accepts(f, len(inputs)):
        return tuple(inputs)
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _accepts(f: Function, count: int) -> bool:
    """Whether `f` can be called with `count` arguments; True if it has no signature."""
    try:
        signature(f).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        # Functions written in C may have no signature; the call itself will tell.
        return True
    return True


@dataclass(frozen=True)
class _Neighborhood:
    """Three runs that differ in one input: a step below, at the input, a step above."""

    low: _Run
    middle: _Run
    high: _Run
    width: float

    def ends(self, position: int) -> tuple[float, float]:
        """Return one output below and above; nan where a run has fewer outputs."""
        below, above = (
            run.outputs[position].data if position < len(run.outputs) else nan
            for run in (self.low, self.high)
        )
        return below, above


class _Check:
    """The work of one `gradcheck`."""

    def __init__(
        self,
        f: Function,
        inputs: Tree[Number],
        step: float,
        relative: float,
        absolute: float,
    ) -> None:
        self.f = f
        self.step = step
        self.relative = relative
        self.absolute = absolute
        self.arguments = copy_tree(_split_arguments(f, inputs), "inputs")
        self.numbers = [to_float(entry, "a number of inputs") for entry in flatten(self.arguments)]
        self.names = tree_paths(copy_tree(inputs, "inputs"), "inputs")
        self.suspect = ""

    def compare(self) -> Iterator[GradientComparison]:
        """Compare each derivative, input by input."""
        middle = _Run(self, self.numbers)
        gradients = [middle.compute_gradient(output) for output in middle.outputs]
        names = tree_paths(middle.result, "output")
        for index, x in enumerate(self.numbers):
            below, above = step_around(x, self.step)
            low = _Run(self, _replace(self.numbers, index, below))
            high = _Run(self, _replace(self.numbers, index, above))
            runs = _Neighborhood(low, middle, high, above - below)
            for position, name in enumerate(names):
                analytic = gradients[position][index]
                yield self._compare_one(runs, position, self.names[index], name, analytic)

    def _compare_one(
        self, runs: _Neighborhood, position: int, input_name: str, output_name: str, analytic: float
    ) -> GradientComparison:
        numeric, allowed = self._difference(runs.ends(position), runs.width, analytic)
        error = abs(analytic - numeric)
        # Not `error > allowed`: an error of nan is a disagreement.
        agrees = error <= allowed
        kink = "" if agrees else _find_kink(runs)
        if not agrees and not kink and not self.suspect:
            self.suspect = self._find_suspect(runs)
        return GradientComparison(input_name, output_name, analytic, numeric, error, allowed, kink)

    def _difference(
        self, ends: tuple[float, float], width: float, analytic: float
    ) -> tuple[float, float]:
        """Return the central difference, and how far from it the derivative may be."""
        numeric = (ends[1] - ends[0]) / width
        # The values of f are rounded, and the difference is divided by a small width.
        rounding = 16.0 * EPSILON * max(map(abs, ends)) / width
        scale = max(abs(analytic), abs(numeric))
        return numeric, self.absolute + self.relative * scale + rounding

    def _find_suspect(self, runs: _Neighborhood) -> str:
        """Describe the first operation whose local derivatives are wrong; empty if none is."""
        slopes = {}
        # Without a kink between them, the three graphs have the same shape.
        nodes = zip(runs.low.order, runs.middle.order, runs.high.order, strict=True)
        for below, node, above in nodes:
            slopes[node] = (above.data - below.data) / runs.width

        inputs = set(runs.middle.leaves)
        for node in runs.middle.order:
            if node in inputs:
                continue
            has_rule = _has_rule(node)
            problem = self._check_rule(node) if has_rule else self._check_slope(node, slopes)
            if problem:
                return problem
        return ""

    def _check_rule(self, node: Value) -> str:
        """Compare the local derivatives of a node with differences of its forward rule.

        Returns:
            The first disagreement as text, empty if there is none.
        """
        op = TABLE[node.op]
        numbers = _as_floats(operands(node))
        wants = which_are_values(node)
        moving = [index for index, want in enumerate(wants) if want]
        for index, partial in zip(moving, node.partials, strict=False):
            below, above = step_around(numbers[index], self.step)
            low = _replace(numbers, index, below)
            high = _replace(numbers, index, above)
            ends = op.value(FLOATS, low), op.value(FLOATS, high)
            numeric, allowed = self._difference(ends, above - below, partial)

            sides = {_sides(op, given, wants) for given in (low, numbers, high)}
            # A difference across a kink, or next to a pole, says nothing of the rule.
            jumps = len(sides) > 1
            if isfinite(numeric) and not jumps and not abs(numeric - partial) <= allowed:
                return (
                    f"{describe(node)}: its local derivative by operand {index + 1} is "
                    f"{partial!r}, by central difference of its rule {numeric!r}"
                )
        return ""

    def _check_slope(self, node: Value, slopes: dict[Value, float]) -> str:
        """Compare how far a node without a rule moved with what its partials say.

        Returns:
            The disagreement as text, empty if there is none.
        """
        seen = slopes.get(node, nan)
        if not isfinite(seen):
            return ""
        flows = list(zip(node.args, node.partials, strict=False))
        expected = sum(partial * slopes[arg] for arg, partial in flows)
        # Rounding grows with the size of the terms, not with that of their sum.
        size = abs(node.data) + sum(abs(partial * arg.data) for arg, partial in flows)
        allowed = self.absolute + self.relative * max(abs(expected), abs(seen)) + 1e-9 * size
        if abs(seen - expected) <= allowed:
            return ""
        if not node.args:
            return (
                f"{describe(node)} moves with the input, but is a leaf: "
                "it was computed outside of the graph"
            )
        return (
            f"{describe(node)}: by its partials {node.partials} it moves by {expected!r} with the "
            f"input, but actually by {seen!r}"
        )


def _replace(numbers: Sequence[float], index: int, number: float) -> list[float]:
    return [*numbers[:index], number, *numbers[index + 1 :]]


def _as_floats(numbers: Iterable[Number]) -> list[float]:
    return [float(getattr(x, "data", x)) for x in numbers]


def _has_rule(node: Value) -> bool:
    op = TABLE.get(node.op)
    return op is not None and (op.over_list or len(operands(node)) == len(op.operands))


def _find_kink(runs: _Neighborhood) -> str:
    """Describe the first operation whose derivative jumps between the runs; empty if none does."""
    for nodes in zip_longest(runs.low.order, runs.middle.order, runs.high.order):
        # Another graph means that an `if` of the function took another branch.
        if any(node is None or node.op != nodes[0].op for node in nodes):
            return "a branch of the function itself"
        if len({_side(node) for node in nodes}) > 1:
            return describe(nodes[1])
    return ""


Side = tuple[tuple[int, ...], tuple[bool, ...]]
"""On which side of its kinks an operation was computed, and which operands a selection left out."""


def _side(node: Value) -> Side | None:
    if not _has_rule(node):
        return None
    signs = _kink_signs(TABLE[node.op], _as_floats(operands(node)))
    return signs, tuple(partial is CUT for partial in node.partials)


def _sides(op: Op, numbers: list[float], wants: tuple[bool, ...]) -> Side:
    given = tuple(numbers)
    partials = op.derivatives(FLOATS, op.value(FLOATS, given), given, wants)
    return _kink_signs(op, numbers), tuple(partial is CUT for partial in partials)


def _kink_signs(op: Op, numbers: list[float]) -> tuple[int, ...]:
    if not op.kinks:
        return ()
    return tuple((kink > 0.0) - (kink < 0.0) for kink in op.kinks(FLOATS, *numbers))
