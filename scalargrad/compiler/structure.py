"""Structures: what a function returned as a nest, and its outputs as arrays in that nest."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
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

__all__ = ["Arrangement", "Structure", "list_outputs", "regular_shape"]

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


class Arrangement:
    """Arranges the outputs of batches as a function nested them.

    What can be told of the nest alone is found once, and not for each batch.

    Args:
        structure: The nest.

    Example:
        >>> import numpy
        >>> Arrangement([[0, 1], [2, 3]]).arrange(numpy.ones((5, 4))).shape
        (5, 2, 2)
        >>> parts = Arrangement({"a": 0, "b": [1, 2]}).arrange(numpy.ones((5, 3)))
        >>> parts["a"].shape, parts["b"].shape
        ((5,), (5, 2))
    """

    def __init__(self, structure: Structure) -> None:
        shape = regular_shape(structure)
        self._is_flat = shape is not None and len(shape) < 2
        self._parts = _find_parts(structure)

    def arrange(self, outputs: Array) -> Any:
        """Return outputs in the nest.

        Args:
            outputs: (batch, k).

        Returns:
            An array (batch, k) for a single Value or a flat list, (batch, *shape) for lists that
            nest regularly. Any other nest has such an array at each entry, (batch,) for a Value.
        """
        return outputs if self._is_flat else _arrange(self._parts, outputs)


@dataclass(frozen=True)
class _Part:
    """Outputs that are one array.

    They are numbered in the order of the nest, and so lie side by side.

    Attributes:
        start: The first of them.
        shape: Their shape for one sample.
    """

    start: int
    shape: tuple[int, ...]


def _find_parts(structure: Structure) -> Any:
    """Return the nest with a part in place of each Value, and of lists that nest regularly."""
    shape = regular_shape(structure)
    if shape is not None:
        return _Part(flatten(structure)[0], shape)
    if structure is None:
        return None
    if isinstance(structure, dict):
        return dict_like(structure, {key: _find_parts(each) for key, each in structure.items()})
    return sequence_like(structure, [_find_parts(each) for each in structure])


def _arrange(parts: Any, outputs: Array) -> Any:
    if isinstance(parts, _Part):
        end = parts.start + prod(parts.shape)
        return outputs[:, parts.start : end].reshape(len(outputs), *parts.shape)
    if parts is None:
        return None
    if isinstance(parts, dict):
        return dict_like(parts, {key: _arrange(each, outputs) for key, each in parts.items()})
    return sequence_like(parts, [_arrange(each, outputs) for each in parts])


def regular_shape(part: Structure) -> tuple[int, ...] | None:
    """Return the shape of lists that nest regularly, of positions or Values; None for others.

    Example:
        >>> regular_shape([[0, 1, 2], [3, 4, 5]]), regular_shape([0, [1]]), regular_shape(0)
        ((2, 3), None, ())
    """
    if isinstance(part, (int, Value)):
        return ()
    if not isinstance(part, list) or not part:
        return None
    shapes = [regular_shape(each) for each in part]
    first = shapes[0]
    if first is None or any(shape != first for shape in shapes):
        return None
    return len(part), *first
