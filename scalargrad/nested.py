"""Nested arguments: lists, tuples, dicts and NumPy arrays of numbers, taken apart, put together again and multiplied, in one order.

A nest is made of containers (list, tuple, named tuple, dict; None is an empty one) and of blocks: single numbers and whole
arrays. The entries of a block are its numbers, row by row.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .errors import LengthError


def is_nest(thing: Any) -> bool:
    """Whether `thing` is a container or an array, and not one number (or something that has no place here)."""
    return thing is None or isinstance(thing, dict | list | tuple) or is_array(thing)


def is_array(thing: Any) -> bool:
    """Whether `thing` is a NumPy array with at least one dimension; one without is a number. Does not import NumPy."""
    return _is_ndarray(thing) and thing.shape != ()


def _is_ndarray(thing: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, numpy.ndarray)


def blocks(nest: Any) -> list[Any]:
    """The numbers and the arrays of a nest, in order.

    >>> blocks({"a": 1.0, "b": [2.0, (3.0, None)]})
    [1.0, 2.0, 3.0]
    """
    if isinstance(nest, dict):
        return [block for part in nest.values() for block in blocks(part)]
    if isinstance(nest, list | tuple):
        return [block for part in nest for block in blocks(part)]
    if nest is None:
        return []
    return [nest.item() if _is_ndarray(nest) and not is_array(nest) else nest]


def entries(nest: Any) -> list[Any]:
    """The numbers of a nest, those of arrays included, in order."""
    return [entry for block in blocks(nest) for entry in _entries(block)]


def _entries(block: Any) -> list[Any]:
    return block.ravel().tolist() if is_array(block) else [block]


def replaced(nest: Any, found: Iterable[Any]) -> Any:
    """The same containers with other blocks, which `found` yields in order."""
    return _replaced(nest, iter(found))


def _replaced(nest: Any, found: Iterator[Any]) -> Any:
    if isinstance(nest, dict):
        return {key: _replaced(part, found) for key, part in nest.items()}
    if isinstance(nest, list | tuple):
        parts = [_replaced(part, found) for part in nest]
        return type(nest)(*parts) if hasattr(nest, "_fields") else type(nest)(parts)
    return None if nest is None else next(found)


def refilled(nest: Any, found: Iterable[Any]) -> Any:
    """The same containers and shapes with other numbers, which `found` yields in order; arrays become arrays of objects.

    >>> refilled([1.0, (2.0, 3.0)], "abc")
    ['a', ('b', 'c')]
    """
    numbers = iter(found)
    return replaced(nest, [_refilled(block, numbers) for block in blocks(nest)])


def _refilled(block: Any, numbers: Iterator[Any]) -> Any:
    return array_of([next(numbers) for _ in range(block.size)], block.shape) if is_array(block) else next(numbers)


def array_of(items: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """A NumPy array of objects; called only where an array came in, so NumPy is there."""
    numpy = sys.modules["numpy"]
    array = numpy.empty(len(items), dtype=object)
    for index, item in enumerate(items):  # one by one, for NumPy would look into what it is given
        array[index] = item
    return array.reshape(shape)


def outer(rows: Any, columns: Any, matrix: Sequence[Sequence[Any]]) -> Any:
    """The tree product: the nest `rows` with a copy of the nest `columns`, filled from a row of `matrix`, for each of its numbers.

    An array in `rows` keeps the containers of `columns` outside, and each block becomes an array: its shape is that of
    the rows' block followed by that of the columns' block.

    >>> outer([1.0, 2.0], (3.0, 4.0), [["a", "b"], ["c", "d"]])
    [('a', 'b'), ('c', 'd')]
    """
    remaining = iter(matrix)
    return replaced(rows, [_outer(block, columns, [next(remaining) for _ in _entries(block)]) for block in blocks(rows)])


def _outer(row_block: Any, columns: Any, matrix: list[Sequence[Any]]) -> Any:
    if not is_array(row_block):
        return refilled(columns, matrix[0])
    made, start = [], 0
    for block in blocks(columns):
        stop = start + len(_entries(block))
        shape = row_block.shape + (block.shape if is_array(block) else ())
        made.append(array_of([item for row in matrix for item in row[start:stop]], shape))
        start = stop
    return replaced(columns, made)


def matched(nest: Any, other: Any, names: tuple[str, str]) -> list[Any]:
    """The numbers of `other` in the order of `nest`, which must have the same containers and shapes; dicts go by key.

    Raises LengthError, which calls the two by their `names`.
    """
    if isinstance(nest, dict) and isinstance(other, dict) and nest.keys() == other.keys():
        return [entry for key in nest for entry in matched(nest[key], other[key], names)]
    if isinstance(nest, list | tuple) and isinstance(other, list | tuple) and len(nest) == len(other):
        return [entry for x, y in zip(nest, other, strict=True) for entry in matched(x, y, names)]
    if _outline(nest) != _outline(other) or isinstance(nest, dict | list | tuple):
        raise LengthError(
            f"{names[0]} and {names[1]} must have one structure: {_outline(nest)} in {names[0]}, {_outline(other)} in {names[1]}"
        )
    return entries(other)


def _outline(nest: Any) -> str:
    if isinstance(nest, dict):
        return f"dict with keys {', '.join(map(str, nest))}"
    if isinstance(nest, list | tuple):
        return f"{type(nest).__name__} of {len(nest)}"
    if is_array(nest):
        return f"array of shape {nest.shape}"
    return "None" if nest is None else "one number"


def places(nest: Any, name: str) -> list[str]:
    """Where each number of a nest is found, as Python would write it.

    >>> places([1.0, {"w": 2.0}], "x")
    ['x[0]', "x[1]['w']"]
    """
    if isinstance(nest, dict):
        return [place for key, part in nest.items() for place in places(part, f"{name}[{key!r}]")]
    if isinstance(nest, list | tuple):
        return [place for index, part in enumerate(nest) for place in places(part, f"{name}[{index}]")]
    if is_array(nest):
        return [f"{name}[{', '.join(map(str, index))}]" for index in sys.modules["numpy"].ndindex(nest.shape)]
    return [] if nest is None else [name]


def mapped(function: Callable[[Any], Any], nest: Any) -> Any:
    """`function` applied to each number of a nest; arrays become arrays of objects."""
    return refilled(nest, map(function, entries(nest)))
