"""Tracing: a function runs once on Values that stand for its inputs.

Whatever a program could not repeat, such as a question for the number of a Value, is refused.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

from scalargrad.autodiff.anomaly import calling_line
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import NumberLike, as_values
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.modes import check_question, tracing
from scalargrad.core.nested import flatten
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import DataError, OptionError, TraceError

__all__ = ["Trace", "argument_letter", "trace"]


@dataclass(frozen=True)
class Trace:
    """The graph that a function built from stand-ins for its inputs.

    Attributes:
        inputs: The Values that stand for the arguments, a tuple for each.
        parameters: The leaves that are learned, in the order in which they were given.
        outputs: The Values that the function returned.
        single: Whether it returned one Value, not a list.
        drawn: The leaves that were drawn at random during the trace, in that order, whether or not
            the outputs depend on them.
    """

    inputs: tuple[tuple[Value, ...], ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[Value, ...]
    single: bool
    drawn: tuple[RandomLeaf, ...] = ()


def trace(
    function: Callable[..., Any], inputs: Sequence[int], parameters: Iterable[Parameter] = ()
) -> Trace:
    """Run `function` once and return the graph that it builds.

    Nothing that another thread can see changes: no Value, no class, no generator of a RandomLeaf.

    Args:
        function: Takes one argument for each entry of `inputs`: a list of that many Values, a
            single Value for 1.
        inputs: The length of each argument.
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
    sizes = _check_sizes(inputs)
    _check_count(function, sizes)
    check_question("compiling within a function that is being compiled")
    arguments = tuple(_stand_ins(size, i) for i, size in enumerate(sizes))
    tracer = _Tracer()
    with tracing(tracer, _refuse):
        # A new list, because the function may change it.
        result = function(*[each[0] if len(each) == 1 else list(each) for each in arguments])
    return Trace(
        inputs=arguments,
        parameters=tuple(parameters),
        outputs=_outputs(result),
        single=isinstance(result, Value),
        drawn=tuple(tracer.drawn),
    )


class _Tracer:
    """Observes the operations of a function while it is traced."""

    def __init__(self) -> None:
        self.drawn: list[RandomLeaf] = []

    def on_node(
        self,
        node: Any,
        op: str,  # noqa: ARG002
        args: tuple[Any, ...],  # noqa: ARG002
        partials: tuple[float, ...],  # noqa: ARG002
    ) -> None:
        """Remember what is drawn at random; refuse an operation that leaves no trace."""
        # First, as it is nearly always so: a trace makes millions of nodes.
        if node.args:
            return
        if isinstance(node, RandomLeaf):
            self.drawn.append(node)
        else:
            _refuse("no_grad() around an operation")

    def on_backward(self, order: list[Any]) -> None:
        """Do nothing: `backward` is refused before it starts."""


_REMEDY = (
    "The answer would be that of the recording for every sample. "
    "Ask within the graph: where(step(x), a, b), maximum, clamp, …"
)
_REMEDIES = {
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
    "backward()": "Call value_and_grad of the program instead: it goes back by itself.",
    "a derivative": (
        "Compile the function itself and ask the program for derivatives: value_and_grad, "
        'jacobian, or with backend="jax" jax.grad of its `pure`.'
    ),
    "setting": "A program takes its numbers as arguments: give what changes as an input.",
    "copying": "Use the Value itself: a copy would keep the number of the recording.",
}
"""What to do instead, by the first word or two of what is refused; `_REMEDY` for all others."""


def _refuse(what: str) -> None:
    words = what.split()
    remedy = _REMEDIES.get(words[0]) or _REMEDIES.get(" ".join(words[:2]), _REMEDY)
    raise TraceError(f"{what} can't be recorded, at {calling_line()}\n  {remedy}")


def _stand_ins(size: int, position: int) -> tuple[Value, ...]:
    """The Values that stand for one argument."""
    return tuple(Value(1.0, label=_label(size, position, j)) for j in range(size))


def _check_count(function: Callable[..., Any], sizes: list[int]) -> None:
    """Raise OptionError where the function can't take that many arguments."""
    try:
        taken = signature(function)
    except (TypeError, ValueError):
        # Some built-in callables have no signature; a wrong number fails when they are called.
        return
    try:
        taken.bind(*sizes)
    except TypeError:
        raise OptionError(
            "inputs must be the length of each argument, one number for each: the function takes "
            f"{taken}, and inputs gives {len(sizes)}"
        ) from None


def _check_sizes(inputs: object) -> list[int]:
    sizes: list[Any] = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    try:
        return [checked_int(size, "inputs", 1) for size in sizes]
    except OptionError:
        raise OptionError(
            f"inputs must be the length of each argument, such as (784, 10), not {inputs!r}"
        ) from None


def _label(size: int, i: int, j: int) -> str:
    """x0, x1, … for the first argument, y0, y1, … for the second, then a, b, …"""
    letter = argument_letter(i)
    return letter if size == 1 else f"{letter}{j}"


def argument_letter(position: int) -> str:
    """Return the letter that the Values of an argument are labeled with: x, y, a, b, …"""
    return "xyabcdefghijklmnopqrstuvw"[position % 25]


def _outputs(result: object) -> tuple[Value, ...]:
    outputs: Sequence[Any] = []
    if isinstance(result, NumberLike):
        outputs = [result]
    elif isinstance(result, (list, tuple, dict)):
        outputs = flatten(result)
    if not outputs:
        raise DataError(
            "a compiled function must return a Value or a list of Values, not "
            f"{type(result).__name__}"
        )
    return as_values(outputs, "what a compiled function returns")
