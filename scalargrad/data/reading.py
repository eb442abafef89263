"""Readers of CSV files with numbers; their errors name line and column."""

import csv
import math
from array import array
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, islice
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from scalargrad.core.checks import checked_int
from scalargrad.errors import OptionError, UnknownNameError
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion

from .cells import (
    NumberFormat,
    describe_problem,
    is_missing,
    is_word,
    looks_like_number,
    rewriting_hint,
)
from .checks import Floats, Integers
from .lines import Lines, fail, shorten

Mask = NDArray[np.bool_]
Missing = Literal["refuse", "drop", "mean"]

MISSING = ("refuse", "drop", "mean")
"""The ways to handle missing cells."""

_HEADER_HINT = "; if the first line holds names, say header=True"
_MNIST_OPTIONS = frozenset({"header", "delimiter"})
_CSV_OPTIONS = _MNIST_OPTIONS | {"target", "missing", "decimal", "thousands", "comment"}


class Contents(NamedTuple):
    """The contents of a file.

    Attributes:
        path: The file.
        cells: The numbers, (rows, columns); nan for a missing one.
        lines: The line in the file where each row starts.
        names: The names of the columns, [] without a header.
        words: The class of each row, as the target column spells it; [] if it holds numbers.
        target: The index of the column to predict, None for none.
    """

    path: Path
    cells: Floats
    lines: list[int]
    names: list[str]
    words: list[str]
    target: int | None


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
) -> tuple[Any, ...]:
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
        OSError: The file can't be read.

    Example:
        >>> import tempfile
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
    table = _TableReader(lines, number_format, header, target, refuse_missing=missing == "refuse")
    contents = _handle_missing(table.read(), missing)
    if contents.target is None:
        return contents.cells, None

    X = np.delete(contents.cells, contents.target, axis=1)
    if not contents.words:
        return X, contents.cells[:, contents.target].copy()
    classes = sorted(set(contents.words))
    numbers = {word: number for number, word in enumerate(classes)}
    y = np.array([numbers[word] for word in contents.words], dtype=np.int64)
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
    table = _TableReader(lines, number_format, header, None, refuse_missing=True)
    contents = table.read()
    _check_pixels(contents, size)
    _check_range(contents, 0, 1, max_label, "a label")
    _check_range(contents, 1, None, 255, "a pixel")
    labels = contents.cells[:, 0]
    images = contents.cells[:, 1:]
    return images / 255.0, labels.astype(np.int64)


class _TableReader:
    """One pass over the rows of a file, which collects the numbers and the words of the target."""

    def __init__(
        self,
        lines: Lines,
        number_format: NumberFormat,
        header: bool | None,
        target: str | int | None,
        refuse_missing: bool,
    ) -> None:
        if not (header is None or isinstance(header, bool)):
            raise OptionError(f"header must be True, False or None, not {header!r}")
        self.path = lines.path
        self._lines = lines
        self._format = number_format
        self._header = header
        self._wanted = target
        self._refuse_missing = refuse_missing
        self._names: list[str] = []
        self._width = 0
        self._target: int | None = None
        # 8 bytes a number, where a list of floats takes 32.
        self._flat = array("d")
        self._row_lines: list[int] = []
        self._words: dict[int, str] = {}  # by row
        self._missing_targets = 0

    def read(self) -> Contents:
        """Read all rows."""
        # Closed here, because an error that is kept would keep the file open.
        with closing(iter(self._lines)) as lines:
            return self._read(lines)

    def _read(self, lines: Iterator[str]) -> Contents:
        rows = self._rows(lines)
        first_rows = list(islice(rows, 2))
        if first_rows:
            self._read_layout(first_rows)
        if self._names:
            del first_rows[0]
        for line, row in chain(first_rows, rows):
            self._add_row(line, row)
        if not self._row_lines:
            fail(self.path, "holds no rows of numbers")

        words = []
        if self._words:
            words = [self._words.get(i, "") for i in range(len(self._row_lines))]
            if self._header is None and not self._names:
                self._check_first_line(first_rows[0], words)
        cells = np.frombuffer(self._flat, dtype=np.float64).reshape(-1, self._width)
        return Contents(self.path, cells, self._row_lines, self._names, words, self._target)

    def _rows(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield each row with the line where it starts; a row may go over several lines."""
        delimiter = self._format.delimiter
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
        blank_line = 0
        has_rows = False
        try:
            while (row := next(reader, None)) is not None:
                line = self._lines.row_line
                self._lines.row_starts = True
                is_blank = len(row) < 2 and not "".join(row).strip()
                if not is_blank:
                    # A blank line among rows may be a sample that was lost.
                    if blank_line:
                        fail(self.path, "is blank, and rows follow", blank_line, 1)
                    has_rows = True
                    yield line, row
                elif has_rows:
                    blank_line = blank_line or line
        except csv.Error as error:
            fail(self.path, f"is not CSV: {error}", self._lines.row_line)

    def _read_layout(self, first_rows: list[tuple[int, list[str]]]) -> None:
        """Find the number of columns, their names and the target from the first two rows."""
        _, first = first_rows[0]
        _, last = first_rows[-1]
        has_names = self._header
        if has_names is None:
            has_names = not any(map(self._is_number, first))

        self._width = len(first)
        # An empty cell at the end is no column if a delimiter ends every line: both rows have such
        # a cell, or the second row has one cell less.
        is_shorter = len(last) < len(first)
        if len(first_rows) > 1 and _is_blank(first[-1]) and (is_shorter or _is_blank(last[-1])):
            self._width -= 1
        if has_names:
            names = first[: self._width]
            self._names = [name.strip() for name in names]

        if self._wanted is None or (has_names and len(first_rows) == 1):
            return
        if self._width < 2 and len(last) == len(first):
            line, row = first_rows[has_names]
            hint = self._format.hint(row[0], row)
            what = f"has one column, and needs one to predict and one to predict it from{hint}"
            fail(self.path, what, line, 1)
        if self._width > 1:
            self._target = _column_index(self._wanted, self._names, self._width, self.path)

    def _is_number(self, cell: str) -> bool:
        if self._format.parse(cell) is not None:
            return True
        return looks_like_number(cell)

    def _add_row(self, line: int, row: list[str]) -> None:
        # A delimiter at the end of the line makes an empty cell.
        if len(row) == self._width + 1 and _is_blank(row[-1]):
            row = row[:-1]
        if len(row) != self._width:
            self._fail_width(line, row)
        numbers = self._format.parse_row(row)
        # Once the target has words, a number in it is an error, so each cell is looked at.
        if numbers is None or self._words:
            numbers = [self._read_cell(line, i, row) for i in range(len(row))]
        self._flat.extend(numbers)
        self._row_lines.append(line)

    def _fail_width(self, line: int, row: list[str]) -> NoReturn:
        text = self._format.delimiter.join(row)
        count = len(row)
        noun = "column" if count == 1 else "columns"
        # One name and several cells: the names have another delimiter.
        if self._width == 1 and not self._row_lines and self._names:
            hint = self._format.hint(self._names[0], self._names)
        else:
            only = text if count == 1 else ""
            hint = self._format.hint(only, row)
        what = f"has {count} {noun}, and the first line has {self._width}: {shorten(text)}{hint}"
        column = min(count, self._width) + 1
        fail(self.path, what, line, column)

    def _read_cell(self, line: int, column: int, row: list[str]) -> float:
        """Return the number in a cell, nan if it is missing, 0 for the word of a class."""
        cell = row[column]
        number = self._format.parse(cell)
        if number is not None and math.isfinite(number):
            if column == self._target and self._words:
                word = shorten(self._first_word())
                hint = self._header_hint()
                what = f"is the number {shorten(cell)} among words, such as {word}{hint}"
                fail(self.path, what, line, column + 1, self._names)
            return number
        if is_missing(cell):
            if self._refuse_missing:
                self._fail_missing(line, column, cell)
            if column == self._target:
                self._missing_targets += 1
            return math.nan
        if column != self._target or not is_word(cell) or self._has_numbers():
            self._fail_cell(line, column, row)
        self._words[len(self._row_lines)] = cell.strip()
        # Never read: y is made from the words.
        return 0.0

    def _has_numbers(self) -> bool:
        """Whether a row has a number in the target."""
        without_number = len(self._words) + self._missing_targets
        return len(self._row_lines) > without_number

    def _first_word(self) -> str:
        return next(iter(self._words.values()))

    def _header_hint(self) -> str:
        # Only the first row has a word, which may be the name of the column.
        may_be_name = not self._names and list(self._words) == [0]
        return _HEADER_HINT if may_be_name else ""

    def _fail_missing(self, line: int, column: int, cell: str) -> NoReturn:
        hint = ""
        if "missing" in self._format.options:
            hint = "; to leave out such rows say missing='drop'"
            if column != self._target:
                hint += ", to fill in the mean of the column missing='mean'"
        fail(self.path, describe_problem(cell) + hint, line, column + 1, self._names)

    def _fail_cell(self, line: int, column: int, row: list[str]) -> NoReturn:
        cell = row[column]
        hint = self._format.hint(cell, row)
        numbers = [self._format.parse(other) for other in row]
        has_numbers = any(number is not None for number in numbers)
        is_first = not self._row_lines and not self._names
        if is_first and has_numbers and not looks_like_number(cell):
            hint = _HEADER_HINT + hint
        elif not hint:
            hint = rewriting_hint(cell) or self._column_hint(cell, column)
        what = describe_problem(cell) + hint
        fail(self.path, what, line, column + 1, self._names)

    def _column_hint(self, cell: str, column: int) -> str:
        if not is_word(cell):
            return ""
        if column == self._target:
            return "; the lines above have numbers: a target holds numbers or words, not both"
        hint = "; inputs are numbers: leave the column out of the file"
        if "target" in self._format.options:
            name = repr(self._names[column]) if self._names else column
            hint += f", or predict it, with target={name}"
        return hint

    def _check_first_line(self, first: tuple[int, list[str]], words: list[str]) -> None:
        """Refuse to guess whether a first line such as `2019,2020,kind` holds names."""
        line, row = first
        cells = [cell.strip() for cell in row[: self._width]]
        if self._target is not None:
            del cells[self._target]
        # A class that appears again further down is no name of a column.
        if words.count(words[0]) > 1 or not all(map(str.isdecimal, cells)):
            return

        # Names that are numbers count up, such as years.
        numbers = [int(cell) for cell in cells]
        start = numbers[0]
        counts_up = numbers == list(range(start, start + len(numbers)))
        has_classes = len(set(words)) < len(words) or len(words) == 1
        if counts_up and has_classes:
            what = "may hold names or a sample: say header=True or header=False"
            fail(self.path, what, line)


def _is_blank(cell: str) -> bool:
    return not cell.strip()


def _check_options(missing: object, comment: object) -> None:
    if missing not in MISSING:
        hint = suggestion(missing, MISSING)
        raise OptionError(f"missing can't be {missing!r}{hint}")
    is_sign = isinstance(comment, str) and comment.strip()
    if comment is not None and not is_sign:
        raise OptionError(f"comment must be a sign such as '#', or None, not {comment!r}")


def _handle_missing(read: Contents, missing: Missing) -> Contents:
    """Return the contents without missing numbers."""
    holes = np.isnan(read.cells)
    if not holes.any():
        return read
    if missing == "drop":
        return _drop_rows(read, holes)
    return _fill_in_means(read, holes)


def _drop_rows(read: Contents, holes: Mask) -> Contents:
    is_whole = ~holes.any(axis=1)
    kept = np.flatnonzero(is_whole)
    if not len(kept):
        fail(read.path, "has something missing in every row: nothing is left to read")
    lines = [read.lines[i] for i in kept]
    words = [read.words[i] for i in kept] if read.words else []
    return read._replace(cells=read.cells[kept], lines=lines, words=words)


def _fill_in_means(read: Contents, holes: Mask) -> Contents:
    target = read.target
    if target is not None and holes[:, target].any():
        row = int(np.argmax(holes[:, target]))
        what = "is missing, and a target can't be filled in: say missing='drop'"
        fail(read.path, what, read.lines[row], target + 1, read.names)

    is_empty = holes.all(axis=0)
    if is_empty.any():
        column = int(np.argmax(is_empty))
        fail(read.path, "has no number from which to take a mean", 0, column + 1, read.names)
    means = np.nanmean(read.cells, axis=0)
    cells = np.where(holes, means, read.cells)
    return read._replace(cells=cells)


def _column_index(target: str | int, names: list[str], width: int, path: Path) -> int:
    if isinstance(target, str):
        return _find_name(target, names, path)
    is_index = hasattr(target, "__index__") and not isinstance(target, bool)
    if not is_index or not -width <= target < width:
        raise OptionError(
            f"target must be the name of a column, an index from 0 to {width - 1} (-1 is the "
            f"last), or None, not {target!r}"
        )
    return int(target) % width


def _find_name(target: str, names: list[str], path: Path) -> int:
    if target not in names:
        known = ", ".join(map(shorten, names)) or "no names, so give an index"
        near = suggestion(target, names, otherwise="")
        raise UnknownNameError(f"{path} has no column {target!r}: it has {known}{near}")
    times = names.count(target)
    if times > 1:
        raise OptionError(f"{path} has {times} columns {target!r}: give the index of one")
    return names.index(target)


def _check_pixels(read: Contents, pixels: int | None) -> None:
    _, columns = read.cells.shape
    count = columns - 1
    side = math.isqrt(count)
    is_square = count > 0 and side * side == count
    line = read.lines[0]
    if pixels is not None and count != pixels:
        hint = "; pixels=None takes any square number" if is_square else ""
        what = f"has a label and {count} pixels, and {pixels} pixels were expected{hint}"
        # The first column after those that both numbers of pixels have.
        column = min(count, pixels) + 2
        fail(read.path, what, line, column)
    if not is_square:
        what = f"has a label and {count} pixels, which make no square image"
        fail(read.path, what, line, count + 1)


def _check_range(read: Contents, start: int, end: int | None, high: int, what: str) -> None:
    part = read.cells[:, start:end]
    out_of_range = (part < 0) | (part > high)
    wrong = out_of_range | (part != np.floor(part))
    if not wrong.any():
        return
    row, column = map(int, np.argwhere(wrong)[0])
    number = part[row, column]
    problem = f"{what} must be a whole number from 0 to {high}, not {number:g}"
    fail(read.path, problem, read.lines[row], start + column + 1, read.names)
