"""Tracing: a function runs once on Values that stand for its inputs, and whatever a replay could not repeat is refused."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

from scalargrad.autodiff.anomaly import calling_line
from scalargrad.core.conversion import NumberLike, checked_values
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.modes import check_question, tracing
from scalargrad.core.nested import entries
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import DataError, OptionError, TraceError


@dataclass(frozen=True)
class Trace:
    """What a trace gave.

    inputs      the Values that stand for the arguments, a tuple for each
    parameters  the leaves that are learned, in the order in which they were given
    outputs     the Values that the function returned
    single      whether it returned one Value, not a list
    drawn       the leaves that were drawn at random meanwhile, in that order, whether the outputs depend on them or not
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

    Nothing that another thread can see changes meanwhile: no Value, no class, no generator of a RandomLeaf leaf.

    Args:
        function: Takes one argument for each entry of `inputs`: a list of as many Values, a
            single Value for 1.
        inputs: The length of each argument.
        parameters: The leaves that are learned.

    Returns:
        The recording.

    Raises:
        TraceError: The function asks a Value for its number, or draws random numbers.
        OptionError: A size is impossible.
        DataError: The function returns no Values.

    Example:
        >>> recording = trace(lambda x: x[0] * x[1], [2])
        >>> recording.outputs[0].op
        'mul'
    """
    sizes = _checked_sizes(inputs)
    _check_count(function, sizes)
    check_question("compiling within a function that is being compiled")
    arguments = tuple(_stand_ins(size, i) for i, size in enumerate(sizes))
    tracer = _Tracer()
    with tracing(tracer, _refuse):
        result = function(*[each[0] if len(each) == 1 else list(each) for each in arguments])
    return Trace(
        arguments,
        tuple(parameters),
        _outputs(result),
        isinstance(result, Value),
        tuple(tracer.drawn),
    )


class _Tracer:
    """Watches a function being recorded."""

    def __init__(self) -> None:
        self.drawn: list[RandomLeaf] = []

    def made(self, node: Any, op: str, args: tuple[Any, ...], partials: tuple[float, ...]) -> None:  # noqa: ARG002
        """Remember what is drawn at random; refuse an operation that leaves no trace."""
        if node.args:
            return
        if isinstance(node, RandomLeaf):
            self.drawn.append(node)
        else:
            _refuse("no_grad() around an operation")

    def went_back(self, order: list[Any]) -> None:
        """Do nothing: `backward` refuses before it begins."""


_REMEDY = """The answer would be that of the recording for every sample. \
Ask within the graph: where(step(x), a, b), maximum, clamp, …"""
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
"""What to do instead, by the first word of the question; for all others `_REMEDY`."""


def _refuse(what: str) -> None:
    remedy = _REMEDIES.get(what.split()[0]) or _REMEDIES.get(" ".join(what.split()[:2]), _REMEDY)
    raise TraceError(f"{what} can't be recorded, at {calling_line()}\n  {remedy}")


def _stand_ins(size: int, position: int) -> tuple[Value, ...]:
    """The Values that stand for one argument."""
    return tuple(Value(1.0, label=_label(size, position, j)) for j in range(size))


def _check_count(function: Callable[..., Any], sizes: list[int]) -> None:
    """Raise OptionError where the function can't take as many arguments, as far as it says what it takes."""
    try:
        taken = signature(function)
    except (TypeError, ValueError):
        return
    try:
        taken.bind(*sizes)
    except TypeError:
        raise OptionError(
            f"inputs must be the length of each argument, one number for each: the function takes {taken}, and inputs gives {len(sizes)}"
        ) from None


def _checked_sizes(inputs: Any) -> list[int]:
    found = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    for size in found:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise OptionError(
                f"inputs must be the length of each argument, such as (784, 10), not {inputs!r}"
            )
    return found


def _label(size: int, i: int, j: int) -> str:
    """x0, x1 … for the first argument, y0, y1 … for the second, then a, b, …."""
    letter = "xyabcdefghijklmnopqrstuvw"[i % 25]
    return letter if size == 1 else f"{letter}{j}"


def _outputs(result: Any) -> tuple[Value, ...]:
    found = (
        [result]
        if isinstance(result, NumberLike)
        else entries(result)
        if isinstance(result, (list, tuple, dict))
        else []
    )
    if not found:
        raise DataError(
            f"a compiled function must return a Value or a list of Values, not {type(result).__name__}"
        )
    return checked_values(found, "what a compiled function returns")
