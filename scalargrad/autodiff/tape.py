"""GradientTape: records a block of operations and computes gradients afterwards, as in TensorFlow.

Values correspond to TensorFlow's variables, Constants to its constants, and nested lists of Values
to tensors.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, NamedTuple

from scalargrad.core.backprop import pullback
from scalargrad.core.conversion import as_float, is_number
from scalargrad.core.modes import observing
from scalargrad.core.nested import copy_tree, flatten, flatten_like, outer, unflatten
from scalargrad.core.value import Constant, Number, Value
from scalargrad.errors import DataError, LengthError, OptionError, TapeError
from scalargrad.utils.calls import explain_class
from scalargrad.utils.spelling import suggestion

from .placeholders import as_result
from .trees import Tree

Unconnected = Literal["none", "zero"]
Seed = tuple[Value, Number]
_UNCONNECTED = ("none", "zero")


class _Watch(NamedTuple):
    """An entry of the log: from here on the Value is watched."""

    value: Value


_Log = list[Value | _Watch]

# Ordered sets: what is watched first is listed first.
_Nodes = dict[Value, None]


class GradientTape:
    """A context manager that records operations, for `gradient` and `jacobian` afterwards.

    What was computed outside the block, or before its operands were watched, is not on the tape:
    sources that are reached only that way are unconnected. No `grad` of any Value changes. The
    gradients are graphs, recorded by the tapes around, so nested tapes give second derivatives. The
    tape keeps its records until its last gradient was taken, or it is dropped. A tape may be inside
    a function that is compiled, where its gradients are recorded.

    Args:
        persistent: Whether `gradient` and `jacobian` may be called more than once.
        watch_accessed_variables: Whether to watch each leaf, Constants apart, as soon as an
            operation of the block uses it. Otherwise only what is given to `watch` is watched.

    Example:
        >>> x = Value(3.0)
        >>> with GradientTape() as outer_tape:
        ...     with GradientTape() as tape:
        ...         y = x * x * x
        ...     first = tape.gradient(y, x)
        >>> first.data, outer_tape.gradient(first, x).data
        (27.0, 18.0)
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = bool(persistent)
        self._watches_leaves = bool(watch_accessed_variables)
        self._log: _Log | None = None
        self._watched: tuple[Value, ...] = ()
        self._recording = False
        self._block: AbstractContextManager[None] | None = None

    def __enter__(self) -> "GradientTape":
        if self._block is not None:
            raise TapeError(
                "this tape is recording already: leave its block before entering it again, or make "
                "another tape"
            )
        if self._log is None:
            self._log = []
        self._block = observing(self)
        self._block.__enter__()
        self._recording = True
        return self

    def __exit__(self, *exception: object) -> None:
        block = self._block
        self._block = None
        self._recording = False
        if block is not None:
            block.__exit__(None, None, None)

    def on_node(
        self,
        node: Value,
        op: str,  # noqa: ARG002
        args: tuple[Number, ...],  # noqa: ARG002
        partials: tuple[float, ...],  # noqa: ARG002
    ) -> None:
        """Record a new node; the engine calls this."""
        # Only logged here, so that recording stays cheap; `_replay` finds out what is watched.
        if self._recording and self._log is not None and node.args:
            self._log.append(node)

    def on_backward(self, order: list[Value]) -> None:
        """Ignore a backward pass; the engine calls this after each."""

    def watch(self, values: Tree[Value]) -> None:
        """Record what is computed from `values` from now on.

        Args:
            values: A Value or a tree of Values; Constants and intermediate results are fine.

        Raises:
            DataError: For anything but Values.
            TapeError: Unless the block was entered.

        Example:
            >>> c = Constant(3.0)
            >>> with GradientTape() as tape:
            ...     tape.watch(c)
            ...     y = c * c
            >>> tape.gradient(y, c).data
            6.0
        """
        checked = _check_values(values, "watch takes")
        if self._log is None:
            raise TapeError(
                "this tape is not recording: call watch inside `with GradientTape() as tape:`"
            )
        self._log += map(_Watch, checked)

    def watched_variables(self) -> tuple[Value, ...]:
        """Return the Values that are or were watched, in the order of being watched."""
        if self._log is None:
            return self._watched
        watched, _ = _replay(self._log, self._watches_leaves)
        return tuple(watched)

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Record nothing on this tape inside `with tape.stop_recording():`.

        Raises:
            TapeError: When the tape is not recording.

        Example:
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
            # A gradient inside the block may have ended the recording and dropped the log.
            if self._log is None:
                self._log = []

    def reset(self) -> None:
        """Forget everything recorded and watched so far, as if the block started here.

        Raises:
            TapeError: When the tape is not recording.
        """
        self._require_recording("reset")
        self._log = []

    def gradient(
        self,
        target: Tree[Value],
        sources: Tree[Value],
        output_gradients: Tree[Number] = None,
        unconnected_gradients: Unconnected = "none",
    ) -> Any:
        """Compute the derivative of `target` by each of `sources`.

        Args:
            target: A Value, or a tree of Values whose gradients are summed.
            sources: A Value or a tree of Values: watched ones, or intermediate results that were
                recorded.
            output_gradients: A factor for each Value of `target` in the same structure. None, for
                all or in it, means 1.
            unconnected_gradients: The gradient of a source that `target` does not depend on: "none"
                or "zero".

        Returns:
            The gradients in the structure of `sources`.

        Raises:
            TapeError: On a second call, unless the tape is persistent.
            DataError: For anything but Values.
            LengthError: For factors in another structure.
            OptionError: For an unknown option.

        Example:
            >>> x, y = Value(2.0), Value(5.0)
            >>> with GradientTape() as tape:
            ...     z = x * x
            >>> tape.gradient(z, {"x": x, "y": y}, unconnected_gradients="zero")
            {'x': Value(data=4.0, grad=0.0), 'y': Constant(data=0.0, grad=0.0)}
        """
        fill_zeros = _check_option(unconnected_gradients) == "zero"
        # Copied, because hooks run before the result is put together.
        sources = copy_tree(sources, "sources")
        targets = _check_values(target, "the target is")
        source_values = _check_values(sources, "the sources are")
        factors = _factors(target, output_gradients, len(targets))

        seeds = list(zip(targets, factors, strict=True))
        (gradients,) = self._differentiate([seeds], source_values)
        if fill_zeros:
            gradients = [Constant(0.0) if each is None else each for each in gradients]
        return unflatten(sources, gradients)

    def jacobian(
        self,
        target: Tree[Value],
        sources: Tree[Value],
        unconnected_gradients: Unconnected = "none",
    ) -> Any:
        """Compute the derivative of every Value of `target` by every one of `sources`.

        Args:
            target: A Value or a tree of Values.
            sources: A Value or a tree of Values, as for `gradient`.
            unconnected_gradients: The derivatives by a source that no target depends on: "none" or
                "zero". A source that some targets depend on has 0 for the others.

        Returns:
            The structure of `target`, each Value replaced by the structure of `sources`. So for
            lists entry [i][j] is the derivative of target i by source j.

        Raises:
            ScalargradError: As `gradient` does.

        Example:
            >>> x = [Value(1.0), Value(2.0)]
            >>> with GradientTape() as tape:
            ...     y = [entry * entry for entry in x]
            >>> [[entry.data for entry in row] for row in tape.jacobian(y, x)]
            [[2.0, 0.0], [0.0, 4.0]]
        """
        fill_zeros = _check_option(unconnected_gradients) == "zero"
        target = copy_tree(target, "target")
        sources = copy_tree(sources, "sources")
        targets = _check_values(target, "the target is")
        source_values = _check_values(sources, "the sources are")

        rows = self._differentiate([[(value, 1.0)] for value in targets], source_values)
        # By column, because a source is unconnected only if no target depends on it.
        columns = zip(*rows, strict=True)
        has_zeros = [fill_zeros or any(g is not None for g in column) for column in columns]
        return outer(target, sources, [_fill_row(row, has_zeros) for row in rows])

    def _require_recording(self, name: str) -> None:
        if not self._recording:
            raise TapeError(
                f"this tape is not recording: call {name} inside `with GradientTape() as tape:`"
            )

    def _differentiate(
        self, seedings: list[list[Seed]], sources: list[Value]
    ) -> list[list[Value | None]]:
        """For each list of seeds return the gradients of the sources, None where unconnected."""
        if self._log is None:
            raise TapeError(
                "there is nothing on this tape: compute inside its `with` block, and make it "
                "GradientTape(persistent=True) to call gradient or jacobian more than once"
            )
        watched, recorded = _replay(self._log, self._watches_leaves)
        if not self._persistent:
            # Dropped before the pass: what the pass computes is for the tapes around.
            self._watched = tuple(watched)
            self._log = None
            self._recording = False
        return [_pull_back(seeds, sources, watched, recorded) for seeds in seedings]


def _fill_row(row: list[Value | None], has_zeros: list[bool]) -> list[Value | None]:
    filled = []
    for gradient, zero in zip(row, has_zeros, strict=True):
        filled.append(Constant(0.0) if gradient is None and zero else gradient)
    return filled


def _replay(log: _Log, watches_leaves: bool) -> tuple[_Nodes, _Nodes]:
    """Return the watched Values and the nodes that depend on them, in order of appearance."""
    watched: _Nodes = {}
    recorded: _Nodes = {}
    for entry in log:
        if isinstance(entry, _Watch):
            watched[entry.value] = None
            continue
        if watches_leaves:
            for arg in entry.args:
                if not arg.args and not isinstance(arg, Constant):
                    watched[arg] = None
        if any(arg in watched or arg in recorded for arg in entry.args):
            recorded[entry] = None
    return watched, recorded


def _pull_back(
    seeds: list[Seed],
    sources: list[Value],
    watched: _Nodes,
    recorded: _Nodes,
) -> list[Value | None]:
    """Return the gradients of the sources, None where unconnected."""
    # Watched leaves are in the order for the sake of their hooks. Intermediate results from outside
    # the tape are not: the pass ends there.
    leaves = [value for value in watched if not value.args]
    order = [*leaves, *recorded]
    gradients = pullback(order, seeds)

    existing: set[Value] = set(order)
    for node in recorded:
        existing.update(node.args)
    for target, factor in seeds:
        existing.add(target)
        if isinstance(factor, Value):
            existing.add(factor)

    connected = _connected([target for target, _ in seeds], watched, recorded)
    results: list[Value | None] = []
    for source in sources:
        if source in connected:
            results.append(as_result(gradients.get(source, 0.0), existing))
        else:
            results.append(None)
    return results


def _connected(targets: list[Value], watched: _Nodes, recorded: _Nodes) -> set[Value]:
    """Return the nodes that the targets depend on by the tape, even if the derivative is 0."""
    reached = set(targets)
    for node in reversed(recorded):
        if node in reached:
            reached.update(arg for arg in node.args if arg in watched or arg in recorded)
    return reached


def _check_values(tree: Tree[Value], what: str) -> list[Value]:
    values = flatten(tree)
    for value in values:
        if not isinstance(value, Value):
            hint = ""
            if is_number(value):
                hint = ": it does not depend on any Value"
            kind = type(value).__name__
            raise DataError(f"{what} a Value, or Values in lists, not {kind} {value!r}{hint}")
    return values


def _check_option(unconnected_gradients: object) -> str:
    # TensorFlow's enumeration tf.UnconnectedGradients has the same values.
    option = getattr(unconnected_gradients, "value", unconnected_gradients)
    if not isinstance(option, str) or option not in _UNCONNECTED:
        hint = suggestion(option, _UNCONNECTED, otherwise="")
        raise OptionError(
            f"unconnected_gradients must be 'none' or 'zero', not {unconnected_gradients!r}{hint}"
        )
    return option


def _factors(target: Tree[Value], output_gradients: Tree[Number], count: int) -> Sequence[Number]:
    """Return the factor of each target, given in the structure of the target or in a flat list."""
    if output_gradients is None:
        return [1.0] * count
    given = _replace_none(output_gradients)
    if isinstance(target, dict):
        # By key: the two dicts may be in different orders.
        factors = flatten_like(target, given, ("target", "output_gradients"))
    else:
        factors = flatten(given)
    if len(factors) != count:
        raise LengthError(
            "output_gradients must hold one factor for each Value of the target: "
            f"{count} Values, {len(factors)} factors"
        )
    return [x if isinstance(x, Value) else as_float(x, "an output gradient") for x in factors]


def _replace_none(tree: Any) -> Any:
    """Replace each None in a tree by 1."""
    if isinstance(tree, dict):
        return {key: _replace_none(part) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        return [_replace_none(part) for part in tree]
    return 1.0 if tree is None else tree


explain_class(GradientTape, "__init__", "gradient", "jacobian")
