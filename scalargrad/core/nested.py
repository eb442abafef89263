"""Nested arguments: lists, tuples, dicts and NumPy arrays of numbers, taken apart, put together again and multiplied, in one order.

A nest is made of containers (list, tuple, named tuple, dict; None is an empty one) and of blocks: single numbers and whole
arrays. The entries of a block are its numbers, row by row.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import is_dataclass
from typing import Any

from scalargrad.errors import DataError, LengthError

ArrayMaker = Callable[[Sequence[Any], tuple[int, ...]], Any]


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
        return dict_like(nest, {key: _replaced(part, found) for key, part in nest.items()})
    if isinstance(nest, list | tuple):
        return row_like(nest, [_replaced(part, found) for part in nest])
    return None if nest is None else next(found)


def row_like(row: Any, parts: Iterable[Any]) -> Any:
    """A list or tuple of the kind of `row` with other items."""
    make: Any = getattr(type(row), "_make", type(row))  # named tuples have _make
    return make(parts)


def dict_like(mapping: Any, items: dict[Any, Any]) -> Any:
    """A dict of the kind of `mapping` with other items under the same keys.

    A defaultdict keeps its factory and an OrderedDict its methods, for the function that gets the
    copy may use them.
    """
    if type(mapping) is dict:
        return items
    twin = copy(mapping)
    for key, item in items.items():  # not update, which adds in a Counter
        twin[key] = item
    return twin


def refilled(nest: Any, found: Iterable[Any], array: ArrayMaker | None = None) -> Any:
    """Put other numbers into the same containers and shapes.

    Args:
        nest: The containers.
        found: The numbers, in order.
        array: What makes an array of a flat list and a shape: `array_of` (the default) or
            `float_array`.

    Example:
        >>> refilled([1.0, (2.0, 3.0)], "abc")
        ['a', ('b', 'c')]
    """
    numbers = iter(found)
    make = array_of if array is None else array
    return replaced(nest, [_refilled(block, numbers, make) for block in blocks(nest)])


def _refilled(block: Any, numbers: Iterator[Any], array: ArrayMaker) -> Any:
    if not is_array(block):
        return next(numbers)
    return array([next(numbers) for _ in range(block.size)], block.shape)


def array_of(items: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """A NumPy array of objects; called only where an array came in, so NumPy is there."""
    numpy = sys.modules["numpy"]
    array = numpy.empty(len(items), dtype=object)
    for index, item in enumerate(items):  # one by one, for NumPy would look into what it is given
        array[index] = item
    return array.reshape(shape)


def float_array(items: Sequence[float], shape: tuple[int, ...]) -> Any:
    """A NumPy array of float64; called only where an array came in, so NumPy is there."""
    numpy = sys.modules["numpy"]
    return numpy.array(items, dtype=float).reshape(shape)


def outer(
    rows: Any,
    columns: Any,
    matrix: Sequence[Sequence[Any]],
    array: ArrayMaker | None = None,
) -> Any:
    """The tree product: the nest `rows` with a copy of the nest `columns`, filled from a row of `matrix`, for each of its numbers.

    An array in `rows` keeps the containers of `columns` outside, and each block becomes an array: its shape is that of
    the rows' block followed by that of the columns' block. Arrays are made by `array`, as those of
    `refilled` are.

    >>> outer([1.0, 2.0], (3.0, 4.0), [["a", "b"], ["c", "d"]])
    [('a', 'b'), ('c', 'd')]
    """
    make = array_of if array is None else array
    remaining = iter(matrix)
    made = []
    for block in blocks(rows):
        part = [next(remaining) for _ in _entries(block)]
        made.append(_outer(block, columns, part, make))
    return replaced(rows, made)


def _outer(row_block: Any, columns: Any, matrix: list[Sequence[Any]], array: ArrayMaker) -> Any:
    if not is_array(row_block):
        return refilled(columns, matrix[0], array)
    made, start = [], 0
    for block in blocks(columns):
        stop = start + len(_entries(block))
        shape = row_block.shape + (block.shape if is_array(block) else ())
        made.append(array([item for row in matrix for item in row[start:stop]], shape))
        start = stop
    return replaced(columns, made)


def matched(nest: Any, other: Any, names: tuple[str, str]) -> list[Any]:
    """The numbers of `other` in the order of `nest`, which must have the same containers and shapes; dicts go by key.

    Raises LengthError, which calls the two by their `names`.
    """
    if isinstance(nest, dict) and isinstance(other, dict) and nest.keys() == other.keys():
        return [entry for key in nest for entry in matched(nest[key], other[key], names)]
    if (
        isinstance(nest, list | tuple)
        and isinstance(other, list | tuple)
        and len(nest) == len(other)
    ):
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
        return [
            place for index, part in enumerate(nest) for place in places(part, f"{name}[{index}]")
        ]
    if is_array(nest):
        return [
            f"{name}[{', '.join(map(str, index))}]"
            for index in sys.modules["numpy"].ndindex(nest.shape)
        ]
    return [] if nest is None else [name]


def snapshot(nest: Any, what: object) -> Any:
    """Copy a nest, so that nobody who holds the original can change the copy.

    Containers and arrays are copied, numbers are not. A container that appears twice becomes two:
    each place of a nest is a number of its own, as it is for central differences. What NumPy can
    read as an array (a pandas Series or DataFrame, a tensor) becomes one.

    Args:
        nest: The nest.
        what: Its name in messages.

    Returns:
        Containers of the same kinds around the same numbers.

    Raises:
        DataError: For a container that holds itself, an array of anything but real numbers, a
            masked array, a `numpy.matrix` (or another kind of array with rules of its own), a
            dataclass.

    Example:
        >>> row = [1.0, 2.0]
        >>> copies = snapshot([row, row], "x")
        >>> copies[0] is copies[1], copies
        (False, [[1.0, 2.0], [1.0, 2.0]])
    """
    return _snapshot(nest, what, ())


def _snapshot(nest: Any, what: object, around: tuple[int, ...]) -> Any:
    if type(nest) is float:  # nearly always
        return nest
    if isinstance(nest, dict | list | tuple):
        if id(nest) in around:
            kind = type(nest).__name__
            raise DataError(f"{what} has a {kind} that contains itself, and so no end")
        inside = (*around, id(nest))
        if isinstance(nest, dict):
            items = {key: _snapshot(part, what, inside) for key, part in nest.items()}
            return dict_like(nest, items)
        return row_like(nest, [_snapshot(part, what, inside) for part in nest])
    if is_dataclass(nest) and not isinstance(nest, type):
        raise DataError(
            f"{what} holds a {type(nest).__name__}, and a dataclass is no nest of numbers: "
            "give its numbers as a dict, and make the dataclass inside the function"
        )
    if _is_ndarray(nest) or _reads_as_array(nest):
        return _plain_array(nest, what)
    return nest


def _reads_as_array(thing: Any) -> bool:
    """Whether NumPy reads it as an array with a dimension: a Series, a tensor, but no scalar."""
    if "numpy" not in sys.modules or not hasattr(thing, "__array__"):
        return False
    return getattr(thing, "shape", ()) != ()


_KINDS = "biufO"
_KIND_NAMES = {"c": "complex numbers", "U": "text", "S": "text", "M": "dates", "m": "spans of time"}


def _plain_array(thing: Any, what: object) -> Any:
    """A NumPy array with memory of its own, of numbers or of objects, which are looked at later."""
    numpy = sys.modules["numpy"]
    if hasattr(thing, "mask") and hasattr(thing, "filled"):
        fill = "fill what is masked with x.filled(…), or leave it out"
        raise DataError(f"{what} holds a masked array: {fill}")
    if _is_ndarray(thing) and type(thing) not in (numpy.ndarray, numpy.memmap):
        # A numpy.matrix multiplies in its own way, and what has units loses them in an array.
        kind = type(thing).__name__
        rules = "whose rules are not those of an array: give numpy.asarray(x)"
        raise DataError(f"{what} holds a {kind}, {rules}")
    try:
        array = numpy.array(numpy.asarray(thing), order="C")  # a tensor can't copy itself
    except Exception as error:  # a tensor that needs gradients, or is on a GPU, raises its own
        kind = type(thing).__name__
        raise DataError(f"{what} holds a {kind} that NumPy can't read: {error}") from error
    if array.dtype.kind not in _KINDS:
        held = _KIND_NAMES.get(array.dtype.kind, f"items of type {array.dtype}")
        raise DataError(f"{what} holds an array of {held}, where only real numbers belong")
    return array


def mapped(function: Callable[[Any], Any], nest: Any) -> Any:
    """`function` applied to each number of a nest; arrays become arrays of objects."""
    return refilled(nest, map(function, entries(nest)))
