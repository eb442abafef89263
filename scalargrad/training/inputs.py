"""Reading data: arrays, frames, tensors and lists of samples become lists, and every number in them is checked."""

from array import array as packed_array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import chain
from math import isfinite
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.core.conversion import is_number, plain
from scalargrad.core.value import Value
from scalargrad.errors import DataError

Shape = tuple[int, ...]
Path = tuple[Any, ...]


@dataclass(frozen=True)
class Rows:
    """One entry for each sample.

    Attributes:
        items: The samples, in lists of our own: what a model does to them reaches no data of the user.
        shape: The shape of each sample where all are rectangles of plain numbers of one shape.
        is_array: Whether the user gave something that `ravel` and `reshape` work on.
        names: The names of the columns of a frame.
    """

    items: list[Any]
    shape: Shape | None
    is_array: bool = False
    names: tuple[str, ...] = ()


def read_rows(things: Any, what: str, finite: bool = True) -> Rows:
    """Read samples or targets.

    Arrays, frames, series and tensors are taken as NumPy takes them. A sample that is an object of
    another library is passed on as it is, for a model that knows what to do with it.

    Args:
        things: A list with one entry for each sample, or anything that NumPy makes an array of.
        what: What messages call it, such as "X".
        finite: Whether nan and inf are refused.

    Returns:
        The entries, each in lists of its own.

    Raises:
        DataError: For anything else, and for text, dates, complex and missing numbers, nan and inf;
            the message says where.

    Example:
        >>> read_rows(numpy.eye(2), "X").items
        [[1.0, 0.0], [0.0, 1.0]]
        >>> read_rows([[1.0, 2.0], [3.0, float("nan")]], "X")
        Traceback (most recent call last):
        scalargrad.errors.DataError: X[1, 1] is nan: training needs finite numbers, so leave that sample out or fill the gap
    """
    _refuse_containers(things, what)
    array = _as_array(things, what)
    if array is not None:
        return _of_array(array, what, _column_names(things), finite)
    if not hasattr(things, "__len__") or not hasattr(things, "__getitem__"):
        raise DataError(
            f"{what} must be an array or a list with one entry for each sample, not {type(things).__name__}"
        )
    return _of_list([_own_row(row, what, i) for i, row in enumerate(things)], what, finite)


def locate(what: str, path: Path) -> str:
    """Return where something is, as an array would be asked for it.

    Example:
        >>> locate("X", (3, 1))
        'X[3, 1]'
    """
    return f"{what}[{', '.join(map(repr, path))}]"


def walk_leaves(item: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield everything in an entry that is no container, with the way to it.

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


def copy_entry(item: Any) -> Any:
    """Copy an entry for somebody who may change it in place.

    Example:
        >>> row = [1.0, [2.0]]
        >>> copy_entry(row) == row, copy_entry(row)[1] is row[1]
        (True, False)
    """
    kind = type(item)
    if kind is list:
        return [copy_entry(part) if type(part) in _CONTAINERS else part for part in item]
    if kind is dict:
        return {key: copy_entry(part) for key, part in item.items()}
    if kind is tuple:
        return tuple([copy_entry(part) for part in item])
    return item.copy() if kind is numpy.ndarray else item


_SEQUENCES = {packed_array, deque, range}
_CONTAINERS = {list, tuple, dict, numpy.ndarray}


def _refuse_containers(things: Any, what: str) -> None:
    """Refuse what looks like a list of samples and is none."""
    if isinstance(things, numpy.ma.MaskedArray):
        raise DataError(_masked(what))
    if hasattr(things, "tocsr"):
        raise DataError(
            f"{what} is a sparse matrix, and training needs every number of a sample: give {what}.toarray()"
        )
    if hasattr(things, "__next__"):
        raise DataError(
            f"{what} is a {type(things).__name__}, which can be read only once: give list({what})"
        )
    if is_number(things) and not isinstance(things, Value):
        raise DataError(
            f"{what} must be an array or a list with one entry for each sample, not a single number"
        )
    if isinstance(things, (str, bytes, dict, Value, type)):
        raise DataError(
            f"{what} must be an array or a list with one entry for each sample, not {type(things).__name__}"
        )


def _masked(where: str) -> str:
    return f"{where} is a masked array, whose masked numbers have no place in a sum: leave those samples out, or give {where}.filled(...)"


def _as_array(things: Any, what: str) -> NDArray[Any] | None:
    """The array that a frame, a tensor or the like stands for; None for a list."""
    if isinstance(things, (list, tuple)):
        return None
    try:
        if hasattr(things, "__array__"):
            return numpy.asarray(things)
    except Exception as error:
        raise DataError(f"{what} can't be read as an array: {error}") from error
    return None


def _column_names(things: Any) -> tuple[str, ...]:
    columns = getattr(things, "columns", None)
    return () if columns is None or callable(columns) else tuple(map(str, columns))


def _of_array(array: NDArray[Any], what: str, names: tuple[str, ...], finite: bool) -> Rows:
    if not array.ndim:  # of objects, as one of numbers was refused before
        raise DataError(
            f"{what} must be an array or a list with one entry for each sample, not a single entry"
        )
    if array.dtype.kind not in "biuf":
        # Objects may still be numbers, and of other kinds the first entry shows what is wrong.
        listed = [_own_row(row, what, i) for i, row in enumerate(_as_objects(array))]
        read = _of_list(listed, what, finite, names)
        return Rows(read.items, read.shape, True, names)
    if array.dtype.itemsize > 8:
        array = array.astype(float)
    if finite:
        _check_finite(array, what, names)
    return Rows(array.tolist(), array.shape[1:], True, names)


def _as_objects(array: NDArray[Any]) -> Any:
    """Entries as they are: NumPy's own dates, which `tolist` would make whole numbers of."""
    return array.astype(object) if array.dtype.kind == "O" else array


def _check_finite(array: NDArray[Any], what: str, names: tuple[str, ...]) -> None:
    bad = ~numpy.isfinite(array)
    if bad.any():
        path = tuple(int(i) for i in numpy.argwhere(bad)[0])
        raise DataError(_not_finite(float(array[path]), what, path, names))


def _not_finite(number: float, what: str, path: Path, names: Sequence[str]) -> str:
    column = f" (column {names[path[1]]!r})" if names and len(path) > 1 else ""
    return f"{locate(what, path)}{column} is {number!r}: training needs finite numbers, so leave that sample out or fill the gap"


def _of_list(items: list[Any], what: str, finite: bool, names: tuple[str, ...] = ()) -> Rows:
    array = _numeric(items)
    if array is not None:
        if finite:
            _check_finite(array, what, names)
        return Rows(items, array.shape[1:])
    for i, item in enumerate(items):
        for path, leaf in walk_leaves(item, (i,)):
            trouble = _trouble(leaf, what, path, names, finite)
            if trouble:
                raise DataError(trouble)
    return Rows(items, None)


def _numeric(items: list[Any]) -> NDArray[Any] | None:
    """The same as an array, where all are rectangles of numbers of one shape."""
    if any(not isinstance(item, (list, tuple, float, int, numpy.generic)) for item in items):
        return None
    if not _holds_plain_numbers(items):
        return None
    try:
        array = numpy.array(items)
    except Exception:  # whatever it is, the walk through the entries finds it
        return None
    return array if array.dtype.kind in "biuf" else None


def _holds_plain_numbers(items: list[Any]) -> bool:
    """Whether lists hold nothing that NumPy warns of: to hide a warning would hide those of other threads, too."""
    level: list[Any] = items
    while level:
        kinds = set(map(type, level))
        nested = {kind for kind in kinds if issubclass(kind, (list, tuple))}
        if not all(
            kind is numpy.ndarray or issubclass(kind, (float, int, numpy.generic))
            for kind in kinds - nested
        ):
            return False
        rows = level if nested == kinds else [item for item in level if type(item) in nested]
        level = list(chain.from_iterable(rows)) if nested else []
    return True


def _own_row(row: Any, what: str, i: int) -> Any:
    """A sample in containers of our own; arrays and tensors as lists."""
    if isinstance(row, numpy.ma.MaskedArray):
        raise DataError(_masked(locate(what, (i,))))
    array = _array_like(row)
    return _own(row) if array is None else _as_lists(array)


def _own(item: Any) -> Any:
    kind = type(item)
    if kind in (float, int):
        return item
    if isinstance(item, dict):
        return {key: _own(part) for key, part in item.items()}
    if kind in _SEQUENCES:
        return [_own(part) for part in item]
    if isinstance(item, (list, tuple)):
        parts = [_own(part) for part in item]
        return kind(*parts) if hasattr(item, "_fields") else kind(parts)
    if isinstance(item, numpy.ma.MaskedArray):
        return [_own(part) for part in item] if item.ndim else item[()]
    array = _array_like(item)
    if array is None:
        return item
    return array.copy() if array.ndim else _as_lists(array)


def _as_lists(array: NDArray[Any]) -> Any:
    """The numbers of an array; dates stay as they are, as `tolist` makes whole numbers of those in nanoseconds."""
    if array.dtype.kind not in "mM":
        return array.tolist()
    return [_as_lists(part) for part in array] if array.ndim else array[()]


def _array_like(item: Any) -> NDArray[Any] | None:
    """An array, tensor or series inside of a list, as an array; None for anything else."""
    if isinstance(item, numpy.ndarray):
        return item
    if isinstance(item, (Value, numpy.generic)) or not hasattr(item, "__array__"):
        return None
    try:
        return numpy.asarray(item)
    except Exception:
        return None


def _trouble(leaf: Any, what: str, path: Path, names: Sequence[str], finite: bool) -> str:
    """What is wrong with an entry that is no container; "" if nothing is."""
    where, number = locate(what, path), plain(leaf)
    if isinstance(number, (str, bytes)):
        shown = str(number) if isinstance(number, str) else number
        return f"{where} is the text {shown!r:.40}: {_instead_of_text(what)}"
    if isinstance(number, (date, time, timedelta, numpy.datetime64, numpy.timedelta64)):
        return f"{where} is the date or time {str(number)!r}: give a number, such as the days since a first date"
    if isinstance(number, (complex, numpy.complexfloating)):
        return (
            f"{where} is the complex number {number!r}: give its real part, its size or its angle"
        )
    if number is None or type(number).__name__ == "NAType":
        return f"{where} is missing ({number}): leave that sample out or fill the gap"
    if isinstance(number, numpy.ma.MaskedArray):
        return f"{where} is masked: leave that sample out or fill the gap"
    if is_number(number):
        return _wrong_number(number, what, path, names, finite)
    if hasattr(number, "__next__"):
        return f"{where} is {_with_article(type(number).__name__)}, which can be read only once: give a list"
    if isinstance(number, (set, frozenset)):
        return f"{where} is {_with_article(type(number).__name__)}, which has no order: give a list"
    if len(path) == 1:  # an object of another library, which the model may know
        return ""
    return f"{where} is {_with_article(type(number).__name__)}, where a number belongs: give float() of it"


def _wrong_number(number: Any, what: str, path: Path, names: Sequence[str], finite: bool) -> str:
    try:
        found = float(number)
    except OverflowError:
        return f"{locate(what, path)} is too large for a float"
    return "" if isfinite(found) or not finite else _not_finite(found, what, path, names)


def _instead_of_text(what: str) -> str:
    if what.startswith("y"):
        return f"number the classes, as in names = sorted(set({what[0]})); y = [names.index(name) for name in y]"
    return "give numbers, such as the index of a category, or data.one_hot of it"


def _with_article(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
