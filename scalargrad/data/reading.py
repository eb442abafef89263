"""Files of numbers: CSV with a column to predict, and MNIST's CSV; what is wrong with a file is said with its place."""

import csv
import math
from array import array
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from ..conversion import whole
from ..errors import DataFileError, OptionError, UnknownNameError
from .checks import Floats, Integers


class Numbers(NamedTuple):
    """A file as read: its name, the numbers (rows, columns), the line where each row begins, the names of the columns or []."""

    path: Path
    cells: Floats
    lines: list[int]
    names: list[str]


def read_csv(path: str | PathLike[str], target: str | int = -1, header: bool | None = None, delimiter: str = ",") -> tuple[Floats, Floats]:
    """X (n, columns - 1) and y (n,) from a CSV file of numbers: y is the column `target`, X the others in their order.

    target     the name of a column, as in the header, or its index from 0 (-1 is the last)
    header     whether the first line holds names; None: it does if none of its cells is a number
    delimiter  what stands between two cells

    The file is UTF-8, with or without BOM; cells may be quoted; blank lines may stand at its end. Raises DataFileError, with
    line and column (from 1), for what is not a finite number, for rows of another length, for an empty file; UnknownNameError
    or OptionError for a target that is not there. y is an array of floats: `y.astype(int)` makes classes of them.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "houses.csv")
    ...     _ = file.write_text("rooms,price,age\\n6.5,24.0,65\\n6.4,21.6,78\\n")
    ...     X, y = read_csv(file, target="price")
    >>> X.tolist(), y.tolist()
    ([[6.5, 65.0], [6.4, 78.0]], [24.0, 21.6])
    """
    read = read_numbers(path, header, delimiter)
    column = _target(target, read)
    return np.delete(read.cells, column, axis=1), read.cells[:, column].copy()


def read_mnist_csv(
    path: str | PathLike[str], pixels: int | None = 784, classes: int = 10, header: bool | None = None
) -> tuple[Floats, Integers]:
    """X (n, pixels) in [0, 1] and y (n,) from a CSV file with one image a line: its label, then its pixels 0 … 255, row by row.

    pixels   how many each image has; None takes any square number
    classes  labels are 0 … classes - 1
    header   as for `read_csv`

    Raises DataFileError as `read_csv` does, and for labels and pixels that are not whole numbers in their range.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "tiny.csv")
    ...     _ = file.write_text("7,0,255,51,0\\n")
    ...     read_mnist_csv(file, pixels=None)
    (array([[0. , 1. , 0.2, 0. ]]), array([7]))
    """
    most = whole(classes, "classes") - 1
    read = read_numbers(path, header)
    _check_pixels(read, pixels if pixels is None else whole(pixels, "pixels"))
    _check_range(read, slice(0, 1), most, "a label")
    _check_range(read, slice(1, None), 255, "a pixel")
    return read.cells[:, 1:] / 255.0, read.cells[:, 0].astype(np.int64)


def read_numbers(path: str | PathLike[str], header: bool | None = None, delimiter: str = ",") -> Numbers:
    """All cells of a CSV file as numbers; arguments and errors as for `read_csv`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "two.csv")
    ...     _ = file.write_text("a,b\\n1,2\\n")
    ...     read_numbers(file).names
    ['a', 'b']
    """
    file, flat, lines, names, width = Path(path), array("d"), list[int](), list[str](), 0
    for line, row in _rows(file, delimiter):
        if not width:
            width = len(row)
            if _is_header(row) if header is None else header:
                names = [cell.strip() for cell in row]
                continue
        if len(row) != width:
            _fail(
                file,
                f"has {_count(len(row))}, and the first line has {width}: {_short(delimiter.join(row))}",
                line,
                min(len(row), width) + 1,
            )
        flat.extend(_floats(row) or _blame(file, line, row, names, lines == []))
        lines.append(line)
    if not lines:
        _fail(file, "holds no rows of numbers")
    return Numbers(file, np.frombuffer(flat, dtype=np.float64).reshape(len(lines), width), lines, names)


def _rows(file: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line where it begins; a row may go over several lines. Blank lines are left out at the end only."""
    try:
        reader = csv.reader(_lines(file, delimiter), delimiter=delimiter, strict=True)
    except (TypeError, ValueError):
        raise OptionError(f"delimiter must be one character, not {delimiter!r}") from None
    line, blank = 1, 0
    try:
        for row in reader:
            if len(row) > 1 or "".join(row).strip():
                if blank:
                    _fail(file, "is blank, and rows follow", blank, 1)
                yield line, row
            else:
                blank = blank or line
            line = reader.line_num + 1
    except csv.Error as error:
        _fail(file, f"is not CSV: {error}", line)


def _lines(file: Path, delimiter: str) -> Iterator[str]:
    with file.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                column = raw[: error.start].count(delimiter.encode()) + 1
                _fail(file, f"is not UTF-8: the byte 0x{error.object[error.start]:02x} stands here; save the file as UTF-8", number, column)


def _is_header(row: list[str]) -> bool:
    return all(_number(cell) is None for cell in row)


def _number(cell: str) -> float | None:
    """The number that a cell spells in plain digits, which Python's underscores and other scripts are not."""
    try:
        return float(cell) if cell.isascii() and "_" not in cell else None
    except ValueError:
        return None


def _floats(row: list[str]) -> list[float] | None:
    """The numbers of a row, None if a cell is not a finite one: the quick way for large files."""
    try:
        numbers = list(map(float, row))
    except ValueError:
        return None
    text = "".join(row)
    return numbers if text.isascii() and "_" not in text and all(map(math.isfinite, numbers)) else None


def _blame(file: Path, line: int, row: list[str], names: list[str], first: bool) -> NoReturn:
    """Raises for the first cell of the row that is not a finite number."""
    column, cell = next((i, cell) for i, cell in enumerate(row) if not math.isfinite(math.nan if (x := _number(cell)) is None else x))
    hint = ""
    if first and not names and any(_number(other) is not None for other in row):
        hint = "; if the first line holds names, say header=True"
    elif len(row) == 1 and (other := next((sign for sign in ";\t" if sign in cell), "")):
        hint = f"; if {other!r} parts the cells, say delimiter={other!r}"
    what = "is empty" if not cell.strip() else f"must be a finite number, not {_short(cell)}"
    _fail(file, what + hint, line, column + 1, names)


def _target(target: str | int, read: Numbers) -> int:
    width = len(read.cells[0])
    if width < 2:
        _fail(read.path, "has one column, and needs one to predict and one to predict it from", read.lines[0], 1)
    if isinstance(target, str):
        return _named(target, read)
    if isinstance(target, bool) or not hasattr(target, "__index__") or not -width <= target < width:
        raise OptionError(f"target must be the name of a column or an index from 0 to {width - 1} (or -1 for the last), not {target!r}")
    return target % width


def _named(target: str, read: Numbers) -> int:
    if target not in read.names:
        known = ", ".join(map(_short, read.names)) or "no names, so give an index"
        raise UnknownNameError(f"{read.path} has no column {target!r}: it has {known}")
    if read.names.count(target) > 1:
        raise OptionError(f"{read.path} has {read.names.count(target)} columns {target!r}: give the index of one")
    return read.names.index(target)


def _check_pixels(read: Numbers, pixels: int | None) -> None:
    found = len(read.cells[0]) - 1
    if pixels is not None and found != pixels:
        hint = "; pixels=None takes any square number" if found and math.isqrt(found) ** 2 == found else ""
        _fail(read.path, f"has a label and {found} pixels, and {pixels} pixels were expected{hint}", read.lines[0], min(found, pixels) + 2)
    if not found or math.isqrt(found) ** 2 != found:
        _fail(read.path, f"has a label and {found} pixels, which make no square image", read.lines[0], found + 1)


def _check_range(read: Numbers, columns: slice, most: int, what: str) -> None:
    part = read.cells[:, columns]
    wrong = (part < 0) | (part > most) | (part != np.floor(part))
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        place = column + (columns.start or 0) + 1
        _fail(read.path, f"{what} must be a whole number from 0 to {most}, not {part[row, column]:g}", read.lines[row], place, read.names)


def _fail(file: Path, what: str, line: int = 0, column: int = 0, names: list[str] | None = None) -> NoReturn:
    name = f" ({_short(names[column - 1])})" if names else ""
    place = f", line {line}" * bool(line) + f", column {column}" * bool(column) + name
    raise DataFileError(f"{file}{place}: {what}")


def _count(columns: int) -> str:
    return f"{columns} column" + "s" * (columns != 1)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
