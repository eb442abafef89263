"""Readers of CSV files with numbers; their errors name line and column."""

import math
from os import PathLike
from typing import Any, Literal, TypeAlias, get_args, overload

import numpy as np
from numpy.typing import NDArray

from scalargrad.core.checks import checked_int
from scalargrad.errors import OptionError
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion

from .cells import NumberFormat
from .checks import Floats, Integers
from .lines import Lines, fail
from .table import CsvTable, TableReader

Mask = NDArray[np.bool_]
Missing = Literal["refuse", "drop", "mean"]
WithTarget: TypeAlias = tuple[Any, ...]
"""(X, y) of floats, or (X, y, words) with class numbers in y: the file decides, and no type can."""

MISSING: tuple[str, ...] = get_args(Missing)
"""The ways to handle missing cells."""

_MNIST_OPTIONS = frozenset({"header", "delimiter"})
_CSV_OPTIONS = _MNIST_OPTIONS | {"target", "missing", "decimal", "thousands", "comment"}


@overload
def read_csv(
    path: str | PathLike[str],
    target: None,
    header: bool | None = None,
    delimiter: str = ",",
    *,
    missing: Missing = "refuse",
    decimal: str = ".",
    thousands: str | None = None,
    comment: str | None = None,
) -> tuple[Floats, None]: ...


@overload
def read_csv(
    path: str | PathLike[str],
    target: str | int = -1,
    header: bool | None = None,
    delimiter: str = ",",
    *,
    missing: Missing = "refuse",
    decimal: str = ".",
    thousands: str | None = None,
    comment: str | None = None,
) -> WithTarget: ...


@explain_calls
def read_csv(
    path: str | PathLike[str],
    target: str | int | None = -1,
    header: bool | None = None,
    delimiter: str = ",",
    *,
    missing: Missing = "refuse",
    decimal: str = ".",
    thousands: str | None = None,
    comment: str | None = None,
) -> tuple[Floats, None] | WithTarget:
    """Read X (n, columns - 1) and y (n,) from a CSV file of numbers.

    The file is UTF-8, or UTF-16 with a byte order mark, plain or compressed (gzip, bzip2, xz, or a
    zip of one file). Lines end in LF, CR LF or CR. Cells may be quoted. Blank lines are allowed at
    the start and at the end of the file, and a delimiter at the end of every line.

    Args:
        path: The file. A leading `~` is the user's home folder.
        target: The column to predict: its name in the header, or its index from 0 (-1 is the last).
            None for none.
        header: Whether the first line holds names; None: it does if none of its cells is a number.
        delimiter: The character between two cells.
        missing: How to handle cells that are empty, NA, nan, null or ?: "refuse" them, "drop" their
            rows, or fill them with the "mean" of their column.
        decimal: The decimal sign, "." or ",".
        thousands: The sign that groups the digits of large numbers, None for none.
        comment: The start of lines to skip, None for none.

    Returns:
        X and y, arrays of floats; y is None without a target. If the target holds words, y holds
        class numbers 0, 1, … and a third result lists the words, sorted: class i is the i-th.

    Raises:
        DataFileError: A cell is not a finite number, a row has another length, the file is empty or
            not CSV. The message names line and column, from 1.
        UnknownNameError: No column has the name of the target.
        OptionError: An option has an invalid value.
        PathError: The path is not a valid file name.
        OSError: The file can't be table.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "flowers.csv")
        ...     _ = file.write_text("width,length,kind\\n5.1,1.4,setosa\\n7,4.7,versicolor\\n")
        ...     X, y, names = read_csv(file, target="kind")
        >>> X.tolist(), y.tolist(), names
        ([[5.1, 1.4], [7.0, 4.7]], [0, 1], ['setosa', 'versicolor'])
    """
    _check_options(missing, comment)
    number_format = NumberFormat(delimiter, decimal, thousands, _CSV_OPTIONS)
    lines = Lines(path, delimiter, comment)
    reader = TableReader(lines, number_format, header, target, refuse_missing=missing == "refuse")
    table = _handle_missing(reader.read(), missing)
    if table.target is None:
        return table.cells, None

    X = np.delete(table.cells, table.target, axis=1)
    if not table.words:
        # A copy, because a view would keep the numbers of all columns in memory.
        return X, table.cells[:, table.target].copy()
    classes = sorted(set(table.words))
    numbers = {word: number for number, word in enumerate(classes)}
    y = np.array([numbers[word] for word in table.words], dtype=np.int64)
    return X, y, classes


@explain_calls
def read_mnist_csv(
    path: str | PathLike[str],
    pixels: int | None = 784,
    classes: int = 10,
    header: bool | None = None,
    delimiter: str = ",",
) -> tuple[Floats, Integers]:
    """Read X (n, pixels) in [0, 1] and y (n,) from a CSV file with one image per line.

    Each line has a label, then the pixels 0 … 255, row by row. The file may be compressed, as for
    `read_csv`.

    Args:
        path: The file. A leading `~` is the user's home folder.
        pixels: Pixels of each image; None for any square number.
        classes: Number of classes; labels are 0 … classes - 1.
        header: Whether the first line holds names; None: it does if none of its cells is a number.
        delimiter: The character between two cells.

    Returns:
        X, an array of floats, and y, an array of whole numbers.

    Raises:
        DataFileError: As for `read_csv`, and for labels and pixels that are not whole numbers in
            their range.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "tiny.csv")
        ...     _ = file.write_text("7,0,255,51,0\\n")
        ...     read_mnist_csv(file, pixels=None)
        (array([[0. , 1. , 0.2, 0. ]]), array([7]))
    """
    max_label = checked_int(classes, "classes", 1) - 1
    size = None if pixels is None else checked_int(pixels, "pixels", 1)
    number_format = NumberFormat(delimiter, ".", None, _MNIST_OPTIONS)
    lines = Lines(path, delimiter, None)
    table = TableReader(lines, number_format, header, None, refuse_missing=True).read()
    _check_pixels(table, size)
    _check_range(table, 0, 1, max_label, "a label")
    _check_range(table, 1, None, 255, "a pixel")
    labels = table.cells[:, 0]
    images = table.cells[:, 1:]
    return images / 255.0, labels.astype(np.int64)


def _check_options(missing: object, comment: object) -> None:
    if missing not in MISSING:
        hint = suggestion(missing, MISSING)
        raise OptionError(f"missing can't be {missing!r}{hint}")
    is_sign = isinstance(comment, str) and comment.strip()
    if comment is not None and not is_sign:
        raise OptionError(f"comment must be a sign such as '#', or None, not {comment!r}")


def _handle_missing(table: CsvTable, missing: Missing) -> CsvTable:
    """Return the table without missing numbers."""
    holes = np.isnan(table.cells)
    if not holes.any():
        return table
    if missing == "drop":
        return _drop_rows(table, holes)
    return _fill_in_means(table, holes)


def _drop_rows(table: CsvTable, holes: Mask) -> CsvTable:
    is_whole = ~holes.any(axis=1)
    kept = np.flatnonzero(is_whole)
    if not len(kept):
        fail(table.path, "has something missing in every row: nothing is left to read")
    lines = [table.lines[i] for i in kept]
    words = [table.words[i] for i in kept] if table.words else []
    return table._replace(cells=table.cells[kept], lines=lines, words=words)


def _fill_in_means(table: CsvTable, holes: Mask) -> CsvTable:
    target = table.target
    if target is not None and holes[:, target].any():
        row = int(np.argmax(holes[:, target]))
        what = "is missing, and a target can't be filled in: say missing='drop'"
        fail(table.path, what, table.lines[row], target + 1, table.names)

    is_empty = holes.all(axis=0)
    if is_empty.any():
        column = int(np.argmax(is_empty))
        fail(table.path, "has no number from which to take a mean", 0, column + 1, table.names)
    # No column is empty here, of which nanmean would warn.
    means = np.nanmean(table.cells, axis=0)
    cells = np.where(holes, means, table.cells)
    return table._replace(cells=cells)


def _check_pixels(table: CsvTable, pixels: int | None) -> None:
    _, columns = table.cells.shape
    count = columns - 1
    side = math.isqrt(count)
    is_square = count > 0 and side * side == count
    line = table.lines[0]
    if pixels is not None and count != pixels:
        hint = "; pixels=None takes any square number" if is_square else ""
        what = f"has a label and {count} pixels, and {pixels} pixels were expected{hint}"
        # The first column that is missing or too many.
        column = min(count, pixels) + 2
        fail(table.path, what, line, column)
    if not is_square:
        what = f"has a label and {count} pixels, which make no square image"
        fail(table.path, what, line, count + 1)


def _check_range(table: CsvTable, start: int, end: int | None, high: int, what: str) -> None:
    part = table.cells[:, start:end]
    out_of_range = (part < 0) | (part > high)
    wrong = out_of_range | (part != np.floor(part))
    if not wrong.any():
        return
    row, column = map(int, np.argwhere(wrong)[0])
    number = part[row, column]
    problem = f"{what} must be a whole number from 0 to {high}, not {number:g}"
    fail(table.path, problem, table.lines[row], start + column + 1, table.names)
