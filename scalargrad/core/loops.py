"""Loops over sequences: `scan`, which a compiled program keeps as one loop."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.utils.calls import explain_calls

from .checks import checked_int
from .conversion import NumberLike
from .modes import current_mode
from .nested import flatten_like

__all__ = ["Step", "call_step", "scan"]

Tree = Any
"""A number, a Value, None, or containers of them."""

Step = Callable[[Tree, Tree], tuple[Tree, Tree]]
"""What a loop repeats: from the carry and the entry of a step to the next carry and a result."""


@runtime_checkable
class LoopRecorder(Protocol):
    """An observer that records a loop as one operation."""

    def record_loop(
        self, step: Step, carry: Tree, xs: Sequence[Tree], checkpoint: bool
    ) -> tuple[Tree, list[Tree]]:
        """Return what `scan` returns, as Values that stand for the loop."""


@explain_calls
def scan(
    step: Step,
    carry: Tree,
    xs: Sequence[Tree] | None = None,
    *,
    length: int | None = None,
    checkpoint: bool = False,
) -> tuple[Tree, list[Tree]]:
    """Repeat a step along a sequence, passing what it carries to the next one.

    It computes what this loop does, and draws the same graph:

        ys = []
        for x in xs:
            carry, y = step(carry, x)
            ys.append(y)
        return carry, ys

    A compiled program records the step once and repeats it as array code, so the program does not
    grow with the sequence. While it is recorded, the step is given a Value for every number, plain
    ones in `xs` included, and all entries of `xs` must have the same structure. The step may look
    up (`sg.take`) integers: those of `xs` where they are integer inputs or whole numbers at all
    steps, and those of the carry that stay integers. Derivative transforms within a compiled
    function see the steps one by one.

    Args:
        step: Takes the carry and one entry of `xs`, and returns the next carry and a result.
        carry: What the first step begins with: a number, a Value, or lists, tuples and dicts of
            them. Each step returns the same structure.
        xs: An entry for each step, such as a list of numbers or of lists. Without it, each step is
            given None.
        length: The number of steps, needed only without `xs`.
        checkpoint: Whether a compiled program keeps only some of the carries for the way back, and
            computes the steps between them again. This takes about a third longer, and for n steps
            the memory of about 2·√n. Eager code ignores it.

    Returns:
        The last carry, and a list of the results, one for each step. Without steps these are the
        first carry and an empty list.

    Raises:
        DataError: If a step does not return a pair, or a carry of another structure; or if `step`
            is not a function, or `xs` not a sequence.
        LengthError: If `length` differs from that of `xs`.
        OptionError: If both are missing, or `length` is not a whole number from 0 on.

    Example:
        >>> from scalargrad import Value
        >>> def decay(y, rate):
        ...     y = y - 0.1 * rate * y
        ...     return y, y
        >>> last, path = scan(decay, Value(1.0), [1.0, 2.0])
        >>> [y.data for y in path]
        [0.9, 0.72]
    """
    if not callable(step):
        raise DataError(
            "step of scan must be a function that takes the carry and an entry of xs, not "
            f"{type(step).__name__}"
        )
    entries = _list_entries(xs, length)
    recorder = _find_recorder()
    # A loop without steps is nothing to record, and its carry is what it was given.
    if recorder is not None and entries:
        return recorder.record_loop(step, carry, entries, checkpoint)

    ys: list[Tree] = []
    for number, x in enumerate(entries):
        carry, y = call_step(step, carry, x, number)
        ys.append(y)
    return carry, ys


def call_step(step: Step, carry: Tree, x: Tree, number: int) -> tuple[Tree, Tree]:
    """Call one step and check what it returns.

    Args:
        step: The step.
        carry: What it begins with.
        x: Its entry of the sequence.
        number: Its position, for errors.

    Raises:
        DataError: If it does not return a pair, or a carry of another structure.
    """
    result = step(carry, x)
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        given = "a Value" if isinstance(result, NumberLike) else type(result).__name__
        if isinstance(result, (tuple, list)):
            given += f" of {len(result)}"
        raise DataError(
            f"step {number} of scan must return a pair (carry, y), not {given}: "
            "return carry, None where there is no result"
        )
    next_carry, y = result
    names = "the carry given", "the carry returned"
    try:
        flatten_like(carry, next_carry, names)
    except LengthError as error:
        raise DataError(f"step {number} of scan changed the structure: {error}") from None
    return next_carry, y


def _list_entries(xs: Sequence[Tree] | None, length: int | None) -> list[Tree]:
    """Return the entry of each step, None for each where there is no sequence."""
    if length is not None:
        length = checked_int(length, "length of scan", 0)
    if xs is None:
        if length is None:
            raise OptionError(
                "scan needs the number of steps: give xs, with an entry for each step, or length"
            )
        return [None] * length

    # All of these can be iterated over, but not as what was meant.
    if isinstance(xs, (NumberLike, dict, str)) or not hasattr(xs, "__iter__"):
        raise DataError(
            f"xs of scan must be a list with an entry for each step, not {type(xs).__name__}"
        )
    entries = list(xs)
    if length is not None and length != len(entries):
        raise LengthError(
            f"scan was given {len(entries)} entries in xs and length {length}: leave length out"
        )
    return entries


def _find_recorder() -> LoopRecorder | None:
    """Return what records a loop as one operation, if anything does here.

    It is the observer of a trace, if it is alone: where a derivative is taken inside of a trace,
    other observers want to see each step.
    """
    mode = current_mode()
    if mode.refuse is None or len(mode.observers) != 1:
        return None
    (observer,) = mode.observers
    return observer if isinstance(observer, LoopRecorder) else None
