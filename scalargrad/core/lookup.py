"""Look-ups: the rows of a table by index, as plain Python or as nodes of a traced graph."""

from collections.abc import Sequence
from typing import Any

from scalargrad.errors import DataError, LengthError, OptionError, TraceError
from scalargrad.utils.calls import explain_calls

from . import ops
from .conversion import is_list_like, is_number
from .leaves import IntegerInput
from .modes import is_tracing
from .nested import flatten, is_array, unflatten
from .ops import CUT
from .value import Constant, Number, Value, node_over

Table = Sequence[Any]
"""Rows of one structure: a list of Values or numbers, or of lists of them; an array."""


@explain_calls
def take(table: Table, index: Any) -> Any:
    """Look up rows of a table: `table[index]`, also where the index is an input of `compile`.

    A compiled function that takes integers, `compile(f, inputs=[("token", 3)])`, may look them up:
    the rows of all samples are then gathered at once. An index may also be computed from integer
    inputs, as in `take(table, 27 * a + b)`. No gradient flows to an index.

    Args:
        table: A list or an array. Its entries may be Values, numbers, or rows: nested lists of
            them, all of one structure.
        index: A whole number from 0 to `len(table) - 1`, or a list or array of them.

    Returns:
        The entry itself; where it is a list, a new list of the same Values. For a list of indices,
        a list with an entry for each.

    Raises:
        DataError: If an index is not a whole number, or `table` is not a list.
        OptionError: If an index is out of range.
        LengthError: If the table is empty, or, in a compiled function, its rows differ in length.
        TraceError: If a compiled function looks up a number that is not an integer input.

    Example:
        >>> vectors = [[Value(0.1), Value(0.2)], [Value(0.3), Value(0.4)]]
        >>> [value.data for value in take(vectors, 1)]
        [0.3, 0.4]
        >>> take([10.0, 20.0, 30.0], [2, 0])
        [30.0, 10.0]
    """
    _check_table(table)
    return look_up(table, index, ops.TAKE.name)


def look_up(table: Table, index: Any, who: str) -> Any:
    """Return entries of a table by index, as `take` does.

    Args:
        table: The table, not checked.
        index: An index, or a list or array of them.
        who: Whose index it is, for errors.
    """
    if isinstance(index, Value):
        return _trace_look_up(table, index, who)
    if is_list_like(index):
        return [look_up(table, item, who) for item in index]
    entry = table[_checked_index(index, len(table), who)]
    return _copy_lists(entry)


def _check_table(table: object) -> None:
    is_table = isinstance(table, (list, tuple)) or is_array(table)
    if not is_table:
        raise DataError(f"take looks up a list or an array, not {type(table).__name__}")
    if not len(table):  # type: ignore[arg-type]
        raise LengthError("take of an empty table: give at least one entry")


def _checked_index(index: Any, count: int, who: str) -> int:
    # To Python a bool is a number, but as an index it is a mistake.
    if isinstance(index, bool) or not is_number(index) or not float(index).is_integer():
        raise DataError(
            f"{who} takes a whole number as index, not {type(index).__name__} {index!r}"
        )
    if not 0 <= index < count:
        raise OptionError(f"{who} has the indices 0 to {count - 1}, but was asked for {index!r}")
    return int(index)


def _copy_lists(entry: Any) -> Any:
    """Return the same Values in new lists, so that changing one leaves the table as it is."""
    if is_array(entry):
        return entry.tolist()
    return [_copy_lists(part) for part in entry] if isinstance(entry, list) else entry


def _trace_look_up(table: Table, index: Value, who: str) -> Any:
    """Return nodes for the row that a traced index will choose, one for each column."""
    _check_traced(index, who)
    entries = [_copy_lists(entry) for entry in table]
    rows = [_as_values(flatten(entry)) for entry in entries]
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise LengthError(
                f"{who} needs rows of one length to look them up in a compiled function: row {i} "
                f"has {len(row)} numbers, the first {len(rows[0])}"
            )

    # A trace may hold any number, so it holds that of the first row.
    partials = (CUT, 1.0, *[CUT] * (len(rows) - 1))
    nodes = []
    for column in zip(*rows, strict=True):
        nodes.append(node_over(ops.TAKE.name, column[0]._data, (index, *column), partials))
    return unflatten(entries[0], nodes)


def _as_values(row: list[Number]) -> list[Value]:
    return [x if isinstance(x, Value) else Constant(x) for x in row]


def _check_traced(index: Value, who: str) -> None:
    """Raise an error unless an index is computed from integer inputs alone."""
    if not is_tracing():
        raise DataError(
            f"{who} takes a plain index, not a Value: which row is taken can't be "
            "differentiated; give int(x.data) if that is what is meant"
        )
    if not is_computed_from_integers(index):
        raise TraceError(
            f"{who} can look up integer inputs only, and what is computed from them. Declare the "
            'argument as integers: compile(f, model, inputs=("token", …)) for one integer a '
            'sample, ("token", 3) for three'
        )


def is_computed_from_integers(value: Value) -> bool:
    """Return whether a Value depends on integer inputs, and on nothing else but plain numbers.

    Example:
        >>> is_computed_from_integers(IntegerInput(3.0) + 1), is_computed_from_integers(Value(3.0))
        (True, False)
    """
    found = False
    seen: set[Value] = set()
    stack = [value]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, IntegerInput):
            found = True
        elif not node.args and type(node) is not Constant:
            return False
        stack.extend(node.args)
    return found
