"""GradientTape: records what is computed in a block and answers for gradients afterwards, as TensorFlow's does.

Values stand for TensorFlow's variables and Constants for its constants; nested lists of Values stand for tensors.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from scalargrad.core.backprop import pullback
from scalargrad.core.conversion import as_float, is_number
from scalargrad.core.modes import observing
from scalargrad.core.nested import copy_tree, flatten, flatten_like, outer, unflatten
from scalargrad.core.value import VALUES, Constant, Value
from scalargrad.errors import DataError, LengthError, OptionError, TapeError
from scalargrad.utils.calls import explain_class
from scalargrad.utils.spelling import suggestion

from .placeholders import owned


class _Watch(NamedTuple):
    """Marks in the log that a Value was to be watched from there on."""

    value: Value


_Log = list[Value | _Watch]
_UNCONNECTED: dict[str, Callable[[], Value | None]] = {
    "none": lambda: None,
    "zero": lambda: Constant(0.0),
}


class GradientTape:
    """Inside `with GradientTape() as tape:` operations are recorded; `tape.gradient(target, sources)` differentiates what was.

    persistent                whether `gradient` and `jacobian` may be called more than once
    watch_accessed_variables  whether each leaf that is not a Constant is watched as soon as an operation of the block uses it;
                              otherwise only what is given to `watch`

    What was computed outside the block, or before its operands were watched, is not on the tape: sources that are reached
    only that way are unconnected. No `grad` of any Value changes. The gradients are graphs, recorded by the tapes around, so
    nested tapes give second derivatives. The tape holds what it recorded until its last gradient was taken, or it is dropped.

    >>> x = Value(3.0)
    >>> with GradientTape() as outer_tape:
    ...     with GradientTape() as tape:
    ...         y = x * x * x
    ...     first = tape.gradient(y, x)
    >>> first.data, outer_tape.gradient(first, x).data
    (27.0, 18.0)
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent, self._automatic = bool(persistent), bool(watch_accessed_variables)
        self._log: _Log | None = None
        self._watched: tuple[Value, ...] = ()
        self._recording = False
        self._block: AbstractContextManager[None] | None = None

    def __enter__(self) -> "GradientTape":
        if self._block is not None:
            raise TapeError(
                "this tape is recording already: leave its block before entering it again, or make another tape"
            )
        self._log = [] if self._log is None else self._log
        self._block = observing(self)
        self._block.__enter__()
        self._recording = True
        return self

    def __exit__(self, *exception: Any) -> None:
        block, self._block, self._recording = self._block, None, False
        if block is not None:
            block.__exit__(None, None, None)

    def made(self, node: Any, op: str, args: tuple[Any, ...], partials: tuple[float, ...]) -> None:  # noqa: ARG002
        """Called by the engine for each new node."""
        if self._recording and self._log is not None and node.args:
            self._log.append(node)

    def went_back(self, order: list[Any]) -> None:
        """Called by the engine after each backward pass, which is nothing to a tape."""

    def watch(self, values: Any) -> None:
        """Record what is computed from `values`, a Value or a nest of them, from now on. Constants and intermediates may be watched too.

        Raises DataError for anything else than Values, TapeError unless the block was entered.

        >>> c = Constant(3.0)
        >>> with GradientTape() as tape:
        ...     tape.watch(c)
        ...     y = c * c
        >>> tape.gradient(y, c).data
        6.0
        """
        found = _checked(values, "watch takes")
        if self._log is None:
            raise TapeError(
                "this tape is not recording: call watch inside `with GradientTape() as tape:`"
            )
        self._log += map(_Watch, found)

    def watched_variables(self) -> tuple[Value, ...]:
        """The Values that are or were watched, in the order in which that began."""
        return (
            self._watched if self._log is None else tuple(_replayed(self._log, self._automatic)[0])
        )

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Inside `with tape.stop_recording():` nothing is recorded on this tape.

        Raises TapeError when the tape is not recording.

        >>> x = Value(4.0)
        >>> with GradientTape() as tape:
        ...     with tape.stop_recording():
        ...         y = x**2
        >>> print(tape.gradient(y, x))
        None
        """
        self._require_recording("stop_recording")
        self._recording = False
        try:
            yield
        finally:
            self._recording = self._block is not None
            self._log = [] if self._log is None else self._log

    def reset(self) -> None:
        """Forget everything recorded and watched so far, as if the block began here.

        Raises TapeError when the tape is not recording.
        """
        self._require_recording("reset")
        self._log = []

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: str = "none",
    ) -> Any:
        """The derivative of `target` by each of `sources`, in the structure of `sources`.

        target                 a Value, or a nest of Values whose gradients are summed
        sources                a Value or a nest of Values: watched ones, or intermediates that were recorded
        output_gradients       a factor for each Value of `target` in the same structure; None, whole or in it, stands for 1
        unconnected_gradients  "none" or "zero": what a source that `target` does not depend on gets

        Raises TapeError on a second call, unless the tape is persistent; DataError for anything else than Values, LengthError
        for factors in another structure, OptionError for an unknown option.

        >>> x, y = Value(2.0), Value(5.0)
        >>> with GradientTape() as tape:
        ...     z = x * x
        >>> tape.gradient(z, {"x": x, "y": y}, unconnected_gradients="zero")
        {'x': Value(data=4.0, grad=0.0), 'y': Constant(data=0.0, grad=0.0)}
        """
        unconnected = _checked_option(unconnected_gradients)
        sources = copy_tree(sources, "sources")  # hooks run before the result is put together
        targets, wanted = _checked(target, "the target is"), _checked(sources, "the sources are")
        factors = (
            [1.0] * len(targets) if output_gradients is None else _factors(target, output_gradients)
        )
        found = self._differentiated([list(zip(targets, factors, strict=True))], wanted)[0]
        return unflatten(
            sources, [unconnected() if gradient is None else gradient for gradient in found]
        )

    def jacobian(self, target: Any, sources: Any, unconnected_gradients: str = "none") -> Any:
        """The derivative of every Value of `target` by every one of `sources`: the structure of `target`, each Value replaced by `sources`.

        So lists give rows: entry [i][j] is the derivative of target i by source j. A source that no target depends on gets
        None (or zero); one that some depend on gets 0 from the others. Raises as `gradient` does.

        >>> x = [Value(1.0), Value(2.0)]
        >>> with GradientTape() as tape:
        ...     y = [entry * entry for entry in x]
        >>> [[entry.data for entry in row] for row in tape.jacobian(y, x)]
        [[2.0, 0.0], [0.0, 4.0]]
        """
        unconnected = _checked_option(unconnected_gradients)
        target = copy_tree(target, "target")
        sources = copy_tree(sources, "sources")
        targets, wanted = _checked(target, "the target is"), _checked(sources, "the sources are")
        rows = self._differentiated([[(value, 1.0)] for value in targets], wanted)
        missing = [
            unconnected if all(g is None for g in column) else _UNCONNECTED["zero"]
            for column in zip(*rows, strict=True)
        ]
        return outer(
            target,
            sources,
            [
                [other() if g is None else g for g, other in zip(row, missing, strict=True)]
                for row in rows
            ],
        )

    def _require_recording(self, name: str) -> None:
        if not self._recording:
            raise TapeError(
                f"this tape is not recording: call {name} inside `with GradientTape() as tape:`"
            )

    def _differentiated(
        self, seedings: list[list[tuple[Value, Any]]], sources: list[Value]
    ) -> list[list[Value | None]]:
        """For each seeding of targets the gradient of each source, None where it is unconnected."""
        if self._log is None:
            raise TapeError(
                "there is nothing on this tape: compute inside its `with` block, and make it GradientTape(persistent=True) "
                "to call gradient or jacobian more than once"
            )
        watched, recorded = _replayed(self._log, self._automatic)
        if not self._persistent:
            self._watched, self._log, self._recording = tuple(watched), None, False
        return [_pulled(seeds, sources, watched, recorded) for seeds in seedings]


def _replayed(log: _Log, automatic: bool) -> tuple[dict[Value, None], dict[Value, None]]:
    """What was watched, and which nodes depend on that, both in the order in which it came about."""
    watched: dict[Value, None] = {}
    recorded: dict[Value, None] = {}
    for entry in log:
        if isinstance(entry, _Watch):
            watched[entry.value] = None
            continue
        if automatic:
            watched.update(
                (arg, None) for arg in entry.args if not arg.args and not isinstance(arg, Constant)
            )
        if any(arg in watched or arg in recorded for arg in entry.args):
            recorded[entry] = None
    return watched, recorded


def _pulled(
    seeds: list[tuple[Value, Any]],
    sources: list[Value],
    watched: dict[Value, None],
    recorded: dict[Value, None],
) -> list[Value | None]:
    """The gradients of the sources. Watched leaves are walked too, for their hooks; intermediates from outside are where it ends."""
    order = [*(value for value in watched if not value.args), *recorded]
    gradients = pullback(order, seeds, VALUES)
    taken = {
        *order,
        *(arg for node in recorded for arg in node.args),
        *(value for pair in seeds for value in pair if isinstance(value, Value)),
    }
    connected = _connected([target for target, _ in seeds], watched, recorded)
    return [
        owned(gradients.get(source, 0.0), taken) if source in connected else None
        for source in sources
    ]


def _connected(
    targets: list[Value], watched: dict[Value, None], recorded: dict[Value, None]
) -> set[Value]:
    """What the targets depend on by way of the tape, even if the derivative is 0."""
    reached = set(targets)
    for node in reversed(recorded):
        if node in reached:
            reached.update(arg for arg in node.args if arg in watched or arg in recorded)
    return reached


def _checked(nest: Any, what: str) -> list[Value]:
    found = flatten(nest)
    for value in found:
        if not isinstance(value, Value):
            hint = ""
            if is_number(value):
                hint = ": it does not depend on any Value, for numbers of plain numbers are plain"
            kind = type(value).__name__
            raise DataError(f"{what} a Value, or Values in lists, not {kind} {value!r}{hint}")
    return found


def _checked_option(unconnected_gradients: str) -> Callable[[], Value | None]:
    option = getattr(unconnected_gradients, "value", unconnected_gradients)
    if not isinstance(option, str) or option not in _UNCONNECTED:
        hint = suggestion(option, _UNCONNECTED, otherwise="")
        raise OptionError(
            f"unconnected_gradients must be 'none' or 'zero', not {unconnected_gradients!r}{hint}"
        )
    return _UNCONNECTED[option]


def _factors(target: Any, output_gradients: Any) -> list[Any]:
    """The seeds: in the structure of the target, or in one flat list."""
    given, count = _ones_for_none(output_gradients), len(flatten(target))
    found = (
        flatten_like(target, given, ("target", "output_gradients"))
        if isinstance(target, dict)
        else flatten(given)
    )
    if len(found) != count:
        raise LengthError(
            f"output_gradients must hold one factor for each Value of the target: {count} Values, {len(found)} factors"
        )
    return [x if isinstance(x, Value) else as_float(x, "an output gradient") for x in found]


def _ones_for_none(nest: Any) -> Any:
    if isinstance(nest, dict):
        return {key: _ones_for_none(part) for key, part in nest.items()}
    if isinstance(nest, list | tuple):
        return [_ones_for_none(part) for part in nest]
    return 1.0 if nest is None else nest


explain_class(GradientTape, "__init__", "gradient", "jacobian")
