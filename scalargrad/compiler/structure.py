"""Structures: what a function returned as a nest, and its outputs as arrays in that nest."""

from collections.abc import Sequence
from typing import Any

from scalargrad.core.conversion import NumberLike, as_values
from scalargrad.core.nested import (
    dict_like,
    flatten,
    is_array,
    is_tree,
    replace_leaves,
    sequence_like,
)
from scalargrad.core.value import Value
from scalargrad.errors import DataError

from .array_types import Array

__all__ = ["Structure", "arrange", "list_outputs"]

Structure = Any
"""The containers that a function returned, with the position of an output in place of each Value;
one position alone for a single Value."""


def list_outputs(result: object) -> tuple[tuple[Value, ...], Structure]:
    """Return the Values that a function returned, in order, and how they are nested.

    Raises:
        DataError: For anything but Values in lists, tuples, dicts and arrays, and for none.

    Example:
        >>> list_outputs({"a": [Value(1.0), Value(2.0)], "b": Value(3.0)})[1]
        {'a': [0, 1], 'b': 2}
    """
    outputs: Sequence[Any] = []
    if isinstance(result, NumberLike):
        outputs = [result]
    elif is_tree(result):
        result = _lists_for_arrays(result)
        outputs = flatten(result)
    if not outputs:
        raise DataError(
            "a compiled function must return a Value or a list of Values (they may be nested in "
            f"lists, tuples and dicts), not {_describe(result)}"
        )
    values = as_values(outputs, "what a compiled function returns")
    return values, replace_leaves(result, range(len(values)))


def _lists_for_arrays(result: Any) -> Any:
    # An array of Values has a shape, and is returned as one: so are lists that nest regularly.
    if is_array(result):
        return result.tolist()
    if isinstance(result, dict):
        return dict_like(result, {key: _lists_for_arrays(part) for key, part in result.items()})
    if isinstance(result, (list, tuple)):
        return sequence_like(result, [_lists_for_arrays(part) for part in result])
    return result


def _describe(result: object) -> str:
    kind = type(result).__name__
    return f"a {kind} without Values" if is_tree(result) and result is not None else kind


def arrange(structure: Structure, outputs: Array) -> Any:
    """Return outputs as the function nested them.

    Args:
        structure: The nest.
        outputs: (batch, k).

    Returns:
        An array (batch, k) for a single Value or a flat list, (batch, *shape) for lists that nest
        regularly. Any other nest has such an array at each entry, (batch,) for a Value.

    Example:
        >>> import numpy
        >>> arrange([[0, 1], [2, 3]], numpy.ones((5, 4))).shape
        (5, 2, 2)
        >>> parts = arrange({"a": 0, "b": [1, 2]}, numpy.ones((5, 3)))
        >>> parts["a"].shape, parts["b"].shape
        ((5,), (5, 2))
    """
    if isinstance(structure, int):
        return outputs
    return _arrange(structure, outputs)


def _arrange(part: Structure, outputs: Array) -> Any:
    if isinstance(part, int):
        return outputs[:, part]
    if part is None:
        return None

    shape = _regular_shape(part)
    if shape is not None:
        # Outputs are numbered in the order of the nest, so those of a part lie side by side.
        positions = flatten(part)
        return outputs[:, positions[0] : positions[-1] + 1].reshape(len(outputs), *shape)
    if isinstance(part, dict):
        return dict_like(part, {key: _arrange(each, outputs) for key, each in part.items()})
    return sequence_like(part, [_arrange(each, outputs) for each in part])


def _regular_shape(part: Structure) -> tuple[int, ...] | None:
    """The shape of lists that nest regularly; None for anything else."""
    if isinstance(part, int):
        return ()
    if not isinstance(part, list) or not part:
        return None
    shapes = [_regular_shape(each) for each in part]
    first = shapes[0]
    if first is None or any(shape != first for shape in shapes):
        return None
    return len(part), *first
