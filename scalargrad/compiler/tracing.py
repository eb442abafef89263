"""Tracing: a function runs once on Values that stand for its inputs.

Whatever a program could not repeat, such as a question for the number of a Value, is refused.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import Signature, signature
from typing import Any, Literal, NamedTuple

from scalargrad.autodiff.anomaly import calling_line
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import as_float
from scalargrad.core.leaves import IntegerInput, RandomLeaf
from scalargrad.core.lookup import is_computed_from_integers
from scalargrad.core.loops import Step, call_step
from scalargrad.core.modes import check_question, tracing
from scalargrad.core.nested import Tree, flatten, flatten_like, unflatten
from scalargrad.core.value import Constant, Parameter, Value
from scalargrad.errors import DataError, LengthError, OptionError, TraceError
from scalargrad.nn import Module

from .loops import (
    IntegerStepInput,
    StepInput,
    TracedLoop,
    cut_step,
    make_loop_node,
    make_picks,
)
from .structure import Structure, list_outputs

__all__ = ["Input", "Interface", "Trace", "argument_letter", "trace"]

Input = int | Literal["token"] | tuple[Literal["token"], int]
"""How an argument is declared: its length, "token" for one integer, ("token", 8) for eight."""

_TOKEN = "token"


class Interface(NamedTuple):
    """What a program takes and returns.

    Attributes:
        sizes: The length of each argument.
        integers: Whether each argument holds integers, which may be looked up.
        structure: How the function nested its outputs.
    """

    sizes: tuple[int, ...]
    integers: tuple[bool, ...]
    structure: Structure


@dataclass(frozen=True)
class Trace:
    """The graph that a function built from stand-ins for its inputs.

    Attributes:
        inputs: The Values that stand for the arguments, a tuple for each.
        parameters: The leaves that are learned, in the order in which they were given.
        outputs: The Values that the function returned.
        structure: How the function nested them, with the position of each output in its place.
        drawn: The leaves that were drawn at random during the trace, in that order, whether or not
            the outputs depend on them.
    """

    inputs: tuple[tuple[Value, ...], ...]
    parameters: tuple[Value, ...]
    outputs: tuple[Value, ...]
    structure: Structure
    drawn: tuple[RandomLeaf, ...] = ()

    @property
    def interface(self) -> Interface:
        """What a program of the trace takes and returns."""
        return Interface(
            sizes=tuple(map(len, self.inputs)),
            integers=tuple(isinstance(argument[0], IntegerInput) for argument in self.inputs),
            structure=self.structure,
        )


def trace(
    function: Callable[..., Any], inputs: Sequence[Input], parameters: Iterable[Parameter] = ()
) -> Trace:
    """Run `function` once and return the graph that it builds.

    Nothing that another thread can see changes: no Value, no class, no generator of a RandomLeaf.

    Args:
        function: Takes one argument for each entry of `inputs`: a list of that many Values, a
            single Value for 1.
        inputs: The length of each argument, or how it is declared as integers (see `Input`).
        parameters: The leaves that are learned.

    Returns:
        The trace.

    Raises:
        TraceError: The function asks a Value for its number, or draws random numbers.
        OptionError: A size is impossible.
        DataError: The function returns no Values.

    Example:
        >>> trace(lambda x: x[0] * x[1], [2]).outputs[0].op
        'mul'
    """
    declared = _check_inputs(inputs)
    _check_count(function, len(declared))
    check_question("compiling within a function that is being compiled")
    arguments = tuple(_stand_ins(argument, i) for i, argument in enumerate(declared))
    tracer = _Tracer()
    with tracing(tracer, tracer.refuse):
        # A new list, because the function may change it.
        given = [each[0] if len(each) == 1 else list(each) for each in arguments]
        try:
            result = function(*given)
        except IndexError:
            # Of an index that was refused NumPy says only that it is none.
            if tracer.refusal:
                raise TraceError(tracer.refusal) from None
            raise
    outputs, structure = list_outputs(result)
    return Trace(
        inputs=arguments,
        parameters=tuple(parameters),
        outputs=outputs,
        structure=structure,
        drawn=tuple(tracer.drawn),
    )


class _Argument(NamedTuple):
    """How an argument was declared."""

    size: int
    of_integers: bool


class _Tracer:
    """Observes the operations of a function while it is traced."""

    def __init__(self) -> None:
        self.drawn: list[RandomLeaf] = []
        self.refusal = ""

    def refuse(self, what: str) -> None:
        """Raise TraceError for what can't be recorded."""
        words = what.split()
        remedy = _REMEDIES.get(words[0]) or _REMEDIES.get(" ".join(words[:2]), _REMEDY)
        self.refusal = f"{what} can't be recorded, at {calling_line()}\n  {remedy}"
        raise TraceError(self.refusal)

    def on_node(
        self,
        node: Any,
        op: str,  # noqa: ARG002
        args: tuple[Any, ...],  # noqa: ARG002
        partials: tuple[float, ...],  # noqa: ARG002
    ) -> None:
        """Remember what is drawn at random; refuse an operation that leaves no trace."""
        # First, as it is nearly always so: a trace makes millions of nodes, and to ask for the
        # operands makes a tuple of them. What is not recorded has no operation either.
        if node.op or node.args:
            return
        if isinstance(node, RandomLeaf):
            self.drawn.append(node)
        else:
            self.refuse("no_grad() around an operation")

    def on_backward(self, order: list[Any]) -> None:
        """Do nothing: `backward` is refused before it starts."""

    def record_loop(
        self, step: Step, carry: Tree, xs: Sequence[Tree], checkpoint: bool
    ) -> tuple[Tree, list[Tree]]:
        """Record one step of a loop, and return Values that stand for what the loop returns."""
        entries = _flatten_entries(xs)
        first = _as_leaves(carry, "the carry of scan")
        x_in: list[Value] = [_stand_in_step(column) for column in zip(*entries, strict=True)]
        are_integers = [_begins_as_integer(leaf) for leaf in flatten(carry)]
        while True:
            carry_in = _stand_in_carry(first, are_integers)
            given = unflatten(carry, carry_in), unflatten(xs[0], x_in)
            tracer, returned, y = self._record_step(step, *given)
            next_carry = zip(are_integers, returned[: len(first)], strict=True)
            stay_integers = [before and _is_integer(leaf) for before, leaf in next_carry]
            if stay_integers == are_integers:
                break
            # An integer that becomes another number was none: no step may look it up.
            are_integers = stay_integers

        # A random number of the step is another one at each step, as an entry of `xs` is.
        x_in += tracer.drawn
        captured, inside, cut = cut_step(tracer.made, [*carry_in, *x_in], returned)
        loop = TracedLoop(
            carry=tuple(carry_in),
            x=tuple(x_in),
            captured=tuple(inside),
            outputs=cut,
            length=len(xs),
            checkpoint=bool(checkpoint),
        )
        operands = list(first)
        for entry in entries:
            operands += entry
            # Made here and now, so that numbers are drawn step by step as in eager code.
            operands += [RandomLeaf(leaf.source, label=leaf.label) for leaf in tracer.drawn]
        picks = self._make_loop(loop, operands + captured, tracer.made)

        last = picks[: len(first)]
        ys = []
        for number in range(len(xs)):
            start = len(first) + number * loop.results
            results = picks[start : start + loop.results]
            ys.append(unflatten(y, results))
        return unflatten(carry, last), ys

    def _record_step(
        self, step: Step, carry: Tree, x: Tree
    ) -> "tuple[_StepTracer, list[Value], Tree]":
        """Record a step: what observed it, all that it returned as Values, and its result."""
        tracer = _StepTracer()
        with tracing(tracer, self.refuse):
            next_carry, y = call_step(step, carry, x, 0)
        outputs = flatten_like(carry, next_carry, ("carry", "carry")) + flatten(y)
        return tracer, _as_leaves(outputs, "what a step of scan returns"), y

    def _make_loop(
        self,
        loop: TracedLoop,
        operands: list[Value],
        made: list[Value],  # noqa: ARG002
    ) -> list[Value]:
        """Make the nodes of a loop, whose step made these while it was recorded."""
        return make_picks(make_loop_node(loop, operands))


class _StepTracer(_Tracer):
    """Observes the operations of one step of a loop.

    Attributes:
        made: All nodes, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Value] = []

    def on_node(
        self, node: Any, op: str, args: tuple[Any, ...], partials: tuple[float, ...]
    ) -> None:
        """Remember the node."""
        super().on_node(node, op, args, partials)
        self.made.append(node)

    def _make_loop(self, loop: TracedLoop, operands: list[Value], made: list[Value]) -> list[Value]:
        """Make the nodes of a loop within the step, which no operation announces."""
        picks = super()._make_loop(loop, operands, made)
        # What the inner step computes from this step alone belongs to this step.
        self.made += made
        self.made += [picks[0].args[0], *picks] if picks else []
        return picks


def _flatten_entries(xs: Sequence[Tree]) -> list[list[Value]]:
    """Return the numbers of each entry of a loop as Values.

    Raises DataError where the structures differ: the step is recorded once for all of them.
    """
    entries = []
    for number, x in enumerate(xs):
        try:
            numbers = flatten_like(xs[0], x, ("xs[0]", f"xs[{number}]"))
        except LengthError as error:
            raise DataError(
                f"in a compiled function the step of scan is recorded once, so {error}"
            ) from None
        entries.append(_as_leaves(numbers, f"xs[{number}] of scan"))
    return entries


def _begins_as_integer(leaf: Any) -> bool:
    """Return whether a part of the first carry is an integer, as counters and tokens are.

    A float is none, whatever its number: the zeros that a state begins with do not stay whole.
    """
    if isinstance(leaf, Value):
        return is_computed_from_integers(leaf)
    return not isinstance(leaf, float) and float(leaf).is_integer()


def _stand_in_carry(first: Sequence[Value], are_integers: Sequence[bool]) -> list[Value]:
    """Return what stands in a step for the carry before it."""
    stand_ins: list[Value] = []
    for value, is_integer in zip(first, are_integers, strict=True):
        kind, number = (IntegerStepInput, 0.0) if is_integer else (StepInput, 1.0)
        stand_ins.append(kind(number, label=value.label))
    return stand_ins


def _stand_in_step(entries: Sequence[Value]) -> StepInput:
    """Return what stands in a step for the entries of all steps at one place."""
    label = entries[0].label
    if all(map(_is_integer, entries)):
        # 0 is an index of every table.
        return IntegerStepInput(0.0, label=label)
    return StepInput(1.0, label=label)


def _is_integer(entry: Value) -> bool:
    """Return whether eager code may look an entry up: a whole number, or what integers give."""
    if type(entry) is Constant:
        return entry._data.is_integer()
    return is_computed_from_integers(entry)


def _as_leaves(tree: Tree, what: str) -> list[Value]:
    """Return the numbers of a tree as Values: plain ones become Constants."""
    leaves = []
    for leaf in flatten(tree):
        if not isinstance(leaf, Value):
            leaf = Constant(as_float(leaf, f"a number in {what}"))
        leaves.append(leaf)
    return leaves


_REMEDY = (
    "The answer would be that of the recording for every sample. "
    "Ask within the graph: where(lt(x, y), a, b), maximum, clamp, …"
)
_LOOK_UP = (
    "To look up a row, write scalargrad.take(table, x), where x is an integer input: "
    'inputs=("token", …). To choose between two numbers, write where(lt(x, y), a, b).'
)
_REMEDIES = {
    "int()": _LOOK_UP,
    "a Value": _LOOK_UP,
    "== or": _LOOK_UP,
    "detach()": (
        "A detached copy would keep the number of the recording. "
        "Write scalargrad.stop_gradient(x), which stays in the graph and lets no gradient through."
    ),
    "no_grad()": (
        "Its result would keep the number of the recording. Leave no_grad() out, or write "
        "scalargrad.stop_gradient(x), which stays in the graph and lets no gradient through."
    ),
    "round()": "Write round(x * 100) / 100, which stays in the graph.",
    "compiling": "Compile the inner function before, or call it as it is.",
    "backward()": (
        "Write grad, value_and_grad, jvp, … of a function, or a GradientTape: their results stay "
        "in the graph. For the gradient of the whole, call value_and_grad of the program."
    ),
    "the gradient": (
        "It is not a part of the graph. Write grad, value_and_grad, jvp, … of a function, or a "
        "GradientTape: their results are."
    ),
    "setting": "A program takes its numbers as arguments: give what changes as an input.",
    "copying": "Use the Value itself: a copy would keep the number of the recording.",
}
"""What to do instead, by the first word or two of what is refused; `_REMEDY` for all others."""


def _stand_ins(argument: _Argument, position: int) -> tuple[Value, ...]:
    """The Values that stand for one argument."""
    size, of_integers = argument
    labels = [_label(size, position, j) for j in range(size)]
    if of_integers:
        # 0 is an index of every table.
        return tuple(IntegerInput(0.0, label=label) for label in labels)
    return tuple(Value(1.0, label=label) for label in labels)


def _check_count(function: Callable[..., Any], count: int) -> None:
    """Raise OptionError where the function can't take that many arguments."""
    # A module is called with anything: what it takes is what `forward` does.
    called = function.forward if isinstance(function, Module) else function
    try:
        taken = signature(called)
    except (TypeError, ValueError):
        # Some built-in callables have no signature; a wrong number fails when they are called.
        return
    try:
        taken.bind(*range(count))
    except TypeError:
        raise OptionError(
            "inputs must have an entry for each argument: the function takes "
            f"{_without_types(taken)}, and inputs has {count}. For a list of two numbers and a "
            'single one give (2, 1), for one list of eight integers [("token", 8)]'
        ) from None


def _without_types(taken: Signature) -> Signature:
    parameters = [each.replace(annotation=each.empty) for each in taken.parameters.values()]
    return Signature(parameters)


def _check_inputs(inputs: object) -> list[_Argument]:
    declared: list[Any] = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    try:
        return [_check_input(entry) for entry in declared]
    except OptionError:
        raise OptionError(
            "inputs must be the length of each argument, such as (784, 10), with "
            '"token" for one integer and ("token", 8) for eight, not '
            f"{inputs!r}"
        ) from None


def _check_input(entry: Any) -> _Argument:
    if isinstance(entry, str) and entry == _TOKEN:
        return _Argument(1, True)
    if isinstance(entry, tuple) and len(entry) == 2 and entry[0] == _TOKEN:
        return _Argument(checked_int(entry[1], "inputs", 1), True)
    return _Argument(checked_int(entry, "inputs", 1), False)


def _label(size: int, i: int, j: int) -> str:
    """x0, x1, … for the first argument, y0, y1, … for the second, then a, b, …"""
    letter = argument_letter(i)
    return letter if size == 1 else f"{letter}{j}"


def argument_letter(position: int) -> str:
    """Return the letter that the Values of an argument are labeled with: x, y, a, b, …"""
    return "xyabcdefghijklmnopqrstuvw"[position % 25]
