"""Convert arrays, frames, tensors and lists of samples to lists, and check every number in them."""

from array import array as packed_array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import chain
from math import isfinite
from typing import Any, SupportsFloat, TypeAlias

import numpy
from numpy.typing import NDArray

from scalargrad.core.conversion import is_number, plain
from scalargrad.core.value import Value
from scalargrad.errors import DataError

from .aliases import ArrayLike

Item: TypeAlias = Any
"""Part of a sample: a number, a container of numbers, or an object that the model knows."""
Shape = tuple[int, ...]
Path = tuple[object, ...]
"""The indices and keys that lead to an item."""


@dataclass(frozen=True)
class Rows:
    """Samples or targets as lists.

    Attributes:
        items: The samples, as copies: a model that changes them does not change the user's data.
        shape: Shape of each sample if all are arrays of plain numbers of one shape, else None.
        is_array: Whether the user gave something that has `ravel` and `reshape`.
        names: Names of the columns of a frame.
    """

    items: list[Item]
    shape: Shape | None
    is_array: bool = False
    names: tuple[str, ...] = ()


def read_rows(given: ArrayLike, what: str, finite: bool = True) -> Rows:
    """Read samples or targets.

    Arrays, frames, series and tensors are converted by NumPy. A sample that is an object of another
    library is passed on as it is, for a model that knows what to do with it.

    Args:
        given: A list with one entry for each sample, or anything that NumPy converts to an array.
        what: What messages call it, such as "X".
        finite: Whether nan and inf are refused.

    Returns:
        Copies of the entries.

    Raises:
        DataError: For anything else, and for text, dates, complex and missing numbers, nan and inf;
            the message says where.

    Example:
        >>> read_rows(numpy.eye(2), "X").items
        [[1.0, 0.0], [0.0, 1.0]]
        >>> read_rows([[1.0, 2.0], [3.0, float("nan")]], "X")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        scalargrad.errors.DataError: X[1, 1] is nan: training needs finite numbers, ...
    """
    _refuse_containers(given, what)
    array = _as_array(given, what)
    if array is not None:
        return _read_array(array, what, _column_names(given), finite)
    if not hasattr(given, "__len__") or not hasattr(given, "__getitem__"):
        raise DataError(_not_a_list(what, type(given).__name__))
    items = [_copy_row(row, what, i) for i, row in enumerate(given)]
    return _read_list(items, what, finite)


def locate(what: str, path: Path) -> str:
    """Format the location of an item in the notation of NumPy.

    Example:
        >>> locate("X", (3, 1))
        'X[3, 1]'
    """
    indices = ", ".join(map(repr, path))
    return f"{what}[{indices}]"


def walk_leaves(item: Item, path: Path) -> Iterator[tuple[Path, Item]]:
    """Yield everything in an entry that is not a container, each with its path.

    Example:
        >>> list(walk_leaves([1.0, [2.0]], (5,)))
        [((5, 0), 1.0), ((5, 1, 0), 2.0)]
    """
    if isinstance(item, dict):
        for key, part in item.items():
            yield from walk_leaves(part, (*path, key))
    elif isinstance(item, (list, tuple)) or (isinstance(item, numpy.ndarray) and item.ndim):
        for i, part in enumerate(item):
            yield from walk_leaves(part, (*path, i))
    else:
        yield path, item


def copy_entry(item: Item) -> Item:
    """Copy the containers of an entry, for a model that may change them in place.

    Example:
        >>> row = [1.0, [2.0]]
        >>> copy_entry(row) == row, copy_entry(row)[1] is row[1]
        (True, False)
    """
    kind = type(item)
    if kind is list:
        # Numbers are most of the parts, and a call for each of them would take most of the time.
        return [copy_entry(part) if type(part) in _CONTAINERS else part for part in item]
    if kind is dict:
        return {key: copy_entry(part) for key, part in item.items()}
    if kind is tuple:
        return tuple([copy_entry(part) for part in item])
    return item.copy() if kind is numpy.ndarray else item


_SEQUENCES = {packed_array, deque, range}
_CONTAINERS = {list, tuple, dict, numpy.ndarray}


def _refuse_containers(given: ArrayLike, what: str) -> None:
    """Refuse what looks like a list of samples but is not one."""
    if isinstance(given, numpy.ma.MaskedArray):
        raise DataError(_masked(what))
    if hasattr(given, "tocsr"):
        raise DataError(
            f"{what} is a sparse matrix, and training needs every number of a sample: "
            f"give {what}.toarray()"
        )
    if hasattr(given, "__next__"):
        raise DataError(
            f"{what} is a {type(given).__name__}, which can be read only once: give list({what})"
        )
    if is_number(given) and not isinstance(given, Value):
        raise DataError(_not_a_list(what, "a single number"))
    if isinstance(given, (str, bytes, dict, Value, type)):
        raise DataError(_not_a_list(what, type(given).__name__))


def _not_a_list(what: str, kind: str) -> str:
    return f"{what} must be an array or a list with one entry for each sample, not {kind}"


def _masked(where: str) -> str:
    return (
        f"{where} is a masked array, whose masked numbers have no place in a sum: "
        f"leave those samples out, or give {where}.filled(...)"
    )


def _as_array(given: ArrayLike, what: str) -> NDArray[Any] | None:
    """Convert a frame, a tensor or the like to an array; return None for a list."""
    if isinstance(given, (list, tuple)):
        return None
    try:
        if hasattr(given, "__array__"):
            return numpy.asarray(given)
    # What another library raises is not known here.
    except Exception as error:
        raise DataError(f"{what} can't be read as an array: {error}") from error
    return None


def _column_names(given: ArrayLike) -> tuple[str, ...]:
    columns = getattr(given, "columns", None)
    if columns is None or callable(columns):
        return ()
    return tuple(map(str, columns))


def _read_array(array: NDArray[Any], what: str, names: tuple[str, ...], finite: bool) -> Rows:
    # Only an array of objects: one of numbers was refused before.
    if not array.ndim:
        raise DataError(_not_a_list(what, "a single entry"))
    if array.dtype.kind not in "biuf":
        # Objects may still be numbers, and of other kinds the first entry shows what is wrong.
        items = [_copy_row(row, what, i) for i, row in enumerate(_as_objects(array))]
        rows = _read_list(items, what, finite, names)
        return Rows(rows.items, rows.shape, True, names)

    # `tolist` would leave the scalars of longer floats as they are.
    if array.dtype.itemsize > 8:
        array = array.astype(float)
    if finite:
        _check_finite(array, what, names)
    return Rows(array.tolist(), array.shape[1:], True, names)


def _as_objects(array: NDArray[Any]) -> NDArray[Any]:
    """Keep the entries as they are: `tolist` would convert NumPy's dates to whole numbers."""
    if array.dtype.kind == "O":
        return array.astype(object)
    return array


def _check_finite(array: NDArray[Any], what: str, names: tuple[str, ...]) -> None:
    bad = ~numpy.isfinite(array)
    if bad.any():
        first = numpy.argwhere(bad)[0]
        path = tuple(map(int, first))
        number = float(array[path])
        raise DataError(_not_finite(number, what, path, names))


def _not_finite(number: float, what: str, path: Path, names: Sequence[str]) -> str:
    column = ""
    if names and len(path) > 1 and isinstance(path[1], int):
        column = f" (column {names[path[1]]!r})"
    return (
        f"{locate(what, path)}{column} is {number!r}: training needs finite numbers, "
        "so leave that sample out or fill the gap"
    )


def _read_list(items: list[Item], what: str, finite: bool, names: tuple[str, ...] = ()) -> Rows:
    # An array is checked at once; anything else number by number.
    array = _stack_numbers(items)
    if array is not None:
        if finite:
            _check_finite(array, what, names)
        return Rows(items, array.shape[1:])

    for i, item in enumerate(items):
        for path, leaf in walk_leaves(item, (i,)):
            problem = _find_problem(leaf, what, path, names, finite)
            if problem:
                raise DataError(problem)
    return Rows(items, None)


def _stack_numbers(items: list[Item]) -> NDArray[Any] | None:
    """Return the items as one array if all are arrays of plain numbers of one shape."""
    if any(not isinstance(item, (list, tuple, float, int, numpy.generic)) for item in items):
        return None
    if not _holds_plain_numbers(items):
        return None
    try:
        array = numpy.array(items)
    # Whatever it is, the walk through the entries finds it and says where.
    except Exception:
        return None
    return array if array.dtype.kind in "biuf" else None


def _holds_plain_numbers(items: list[Item]) -> bool:
    """Tell whether lists hold nothing that NumPy warns of.

    Hiding the warning instead would hide those of other threads too.
    """
    level: list[Item] = items
    while level:
        kinds = set(map(type, level))
        nested = {kind for kind in kinds if issubclass(kind, (list, tuple))}
        for kind in kinds - nested:
            if kind is not numpy.ndarray and not issubclass(kind, (float, int, numpy.generic)):
                return False
        if not nested:
            break
        rows = level
        if nested != kinds:
            rows = [item for item in level if type(item) in nested]
        level = list(chain.from_iterable(rows))
    return True


def _copy_row(row: Item, what: str, i: int) -> Item:
    """Copy a sample, with arrays and tensors as lists."""
    if isinstance(row, numpy.ma.MaskedArray):
        raise DataError(_masked(locate(what, (i,))))
    array = _array_like(row)
    if array is None:
        return _copy(row)
    return _as_lists(array)


def _copy(item: Item) -> Item:
    kind = type(item)
    if kind in (float, int):
        return item
    if isinstance(item, dict):
        return {key: _copy(part) for key, part in item.items()}
    if kind in _SEQUENCES:
        return [_copy(part) for part in item]
    if isinstance(item, (list, tuple)):
        parts = [_copy(part) for part in item]
        # A named tuple takes its parts one by one.
        return kind(*parts) if hasattr(item, "_fields") else kind(parts)
    if isinstance(item, numpy.ma.MaskedArray):
        return [_copy(part) for part in item] if item.ndim else item[()]
    array = _array_like(item)
    if array is None:
        return item
    return array.copy() if array.ndim else _as_lists(array)


def _as_lists(array: NDArray[Any]) -> Item:
    """Convert an array to lists, but keep its dates: `tolist` makes integers of nanoseconds."""
    if array.dtype.kind not in "mM":
        return array.tolist()
    return [_as_lists(part) for part in array] if array.ndim else array[()]


def _array_like(item: Item) -> NDArray[Any] | None:
    """Return an array, tensor or series inside a list as an array; None for anything else."""
    if isinstance(item, numpy.ndarray):
        return item
    if isinstance(item, (Value, numpy.generic)) or not hasattr(item, "__array__"):
        return None
    try:
        return numpy.asarray(item)
    # An object that NumPy can't read is left to the model.
    except Exception:
        return None


def _find_problem(leaf: Item, what: str, path: Path, names: Sequence[str], finite: bool) -> str:
    """Say what is wrong with an entry that is not a container; "" if nothing is."""
    where = locate(what, path)
    number = plain(leaf)
    kind = type(number).__name__
    if isinstance(number, (str, bytes)):
        shown = str(number) if isinstance(number, str) else number
        return f"{where} is the text {shown!r:.40}: {_instead_of_text(what)}"
    if isinstance(number, (date, time, timedelta, numpy.datetime64, numpy.timedelta64)):
        return (
            f"{where} is the date or time {str(number)!r}: "
            "give a number, such as the days since a first date"
        )
    if isinstance(number, (complex, numpy.complexfloating)):
        return (
            f"{where} is the complex number {number!r}: give its real part, its size or its angle"
        )
    if number is None or kind == "NAType":
        return f"{where} is missing ({number}): leave that sample out or fill the gap"
    if isinstance(number, numpy.ma.MaskedArray):
        return f"{where} is masked: leave that sample out or fill the gap"
    if is_number(number):
        return _find_number_problem(number, what, path, names, finite)
    if hasattr(number, "__next__"):
        return f"{where} is {_with_article(kind)}, which can be read only once: give a list"
    if isinstance(number, (set, frozenset)):
        return f"{where} is {_with_article(kind)}, which has no order: give a list"
    # A whole sample may be an object of another library, which the model knows.
    if len(path) == 1:
        return ""
    return f"{where} is {_with_article(kind)}, where a number belongs: give float() of it"


def _find_number_problem(
    number: SupportsFloat, what: str, path: Path, names: Sequence[str], finite: bool
) -> str:
    try:
        as_float = float(number)
    except OverflowError:
        return f"{locate(what, path)} is too large for a float"
    if isfinite(as_float) or not finite:
        return ""
    return _not_finite(as_float, what, path, names)


def _instead_of_text(what: str) -> str:
    if what.startswith("y"):
        return (
            f"number the classes, as in names = sorted(set({what[0]})); "
            "y = [names.index(name) for name in y]"
        )
    return "give numbers, such as the index of a category, or data.one_hot of it"


def _with_article(name: str) -> str:
    initial = name[:1].lower()
    article = "an" if initial in "aeiou" else "a"
    return f"{article} {name}"
