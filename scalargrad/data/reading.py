"""Files of numbers: CSV with a column to predict, and MNIST's CSV; errors name line and column."""

import csv
import math
from array import array
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from scalargrad.core.checks import checked_int
from scalargrad.errors import OptionError, UnknownNameError
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion

from .cells import Spelling, is_missing, is_word, looks_like_number, rewriting, unlike
from .checks import Floats, Integers
from .lines import Lines, fail, short

MISSING = ("refuse", "drop", "mean")
"""What can be done about cells that are missing."""

_MNIST_OPTIONS = frozenset({"header", "delimiter"})
_CSV_OPTIONS = _MNIST_OPTIONS | {"target", "missing", "decimal", "thousands", "comment"}


class Numbers(NamedTuple):
    """A file as it was read.

    Attributes:
        path: The file.
        cells: The numbers, (rows, columns); nan where one is missing.
        lines: The line in the file where each row begins.
        names: The names of the columns, or [] without a header.
        words: The word of each row in the column that holds classes, or [].
        target: The index of the column to predict, or None.
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
    missing: str = "refuse",
    decimal: str = ".",
    thousands: str | None = None,
    comment: str | None = None,
) -> tuple[Any, ...]:
    """Read X (n, columns - 1) and y (n,) from a CSV file of numbers.

    The file is UTF-8, or UTF-16 with a byte order mark, plain or packed (gzip, bzip2, xz, or a zip
    of one file). Lines end in LF, CR LF or CR. Cells may be quoted. Blank lines may be at the
    beginning and at the end, and a delimiter at the end of every line.

    Args:
        path: The file. A leading `~` is the user's home folder.
        target: The column to predict: its name in the header, or its index from 0 (-1 is the last).
            None for none.
        header: Whether the first line holds names; None: it does if none of its cells is a number.
        delimiter: What separates two cells.
        missing: What to do about cells that are empty, NA, nan, null or ?: "refuse" them, "drop"
            their rows, or fill them with the "mean" of their column.
        decimal: The decimal sign, "." or ",".
        thousands: What groups the digits of large numbers, None if nothing does.
        comment: What begins a line that is to be left out, None if nothing does.

    Returns:
        X and y, arrays of floats; y is None without a target. If the target holds words, y holds
        class numbers 0, 1, … and a third result lists the words, sorted: class i is the i-th.

    Raises:
        DataFileError: A cell is not a finite number, a row has another length, the file is empty or
            not CSV. The message tells line and column, from 1.
        UnknownNameError: No column has the name of the target.
        OptionError: An option has an impossible value.
        PathError: The path is an impossible name.
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
    spelling = Spelling(delimiter, decimal, thousands, _CSV_OPTIONS)
    table = _Table(Lines(path, delimiter, comment), spelling, header, target, missing == "refuse")
    read = _filled(table.read(), missing)
    if read.target is None:
        return read.cells, None
    X = np.delete(read.cells, read.target, axis=1)
    if not read.words:
        return X, read.cells[:, read.target].copy()
    classes = sorted(set(read.words))
    numbers = {word: number for number, word in enumerate(classes)}
    return X, np.array([numbers[word] for word in read.words], dtype=np.int64), classes


@explain_calls
def read_mnist_csv(
    path: str | PathLike[str],
    pixels: int | None = 784,
    classes: int = 10,
    header: bool | None = None,
    delimiter: str = ",",
) -> tuple[Floats, Integers]:
    """Read X (n, pixels) in [0, 1] and y (n,) from a CSV file with one image a line.

    Each line has a label, then the pixels 0 … 255, row by row. The file may be packed, as for
    `read_csv`.

    Args:
        path: The file. A leading `~` is the user's home folder.
        pixels: How many each image has; None takes any square number.
        classes: Labels are 0 … classes - 1.
        header: Whether the first line holds names; None: it does if none of its cells is a number.
        delimiter: What separates two cells.

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
    most = checked_int(classes, "classes", 1) - 1
    size = None if pixels is None else checked_int(pixels, "pixels", 1)
    spelling = Spelling(delimiter, ".", None, _MNIST_OPTIONS)
    read = _Table(Lines(path, delimiter, None), spelling, header, None, refuse=True).read()
    _check_pixels(read, size)
    _check_range(read, slice(0, 1), most, "a label")
    _check_range(read, slice(1, None), 255, "a pixel")
    return read.cells[:, 1:] / 255.0, read.cells[:, 0].astype(np.int64)


class _Table:
    """One pass over the rows of a file: its numbers, and the words of the target."""

    def __init__(
        self,
        lines: Lines,
        spelling: Spelling,
        header: bool | None,
        target: str | int | None,
        refuse: bool,
    ) -> None:
        if not (header is None or isinstance(header, bool)):
            raise OptionError(f"header must be True, False or None, not {header!r}")
        self.path = lines.path
        self._lines = lines
        self._spelling = spelling
        self._header = header
        self._wanted = target
        self._refuse = refuse
        self._names: list[str] = []
        self._width = 0
        self._target: int | None = None
        self._flat = array("d")
        self._begins: list[int] = []
        self._words: dict[int, str] = {}  # by row
        self._unknown = 0  # rows without a target

    def read(self) -> Numbers:
        """Read all rows."""
        # Closed here, so that the file is not left open where an error is kept.
        with closing(iter(self._lines)) as lines:
            return self._read(lines)

    def _read(self, lines: Iterator[str]) -> Numbers:
        rows = self._rows(lines)
        start = list(islice(rows, 2))
        if start:
            self._begin(start)
        for line, row in start[bool(self._names) :]:
            self._take(line, row)
        for line, row in rows:
            self._take(line, row)
        if not self._begins:
            fail(self.path, "holds no rows of numbers")
        words = [self._words.get(i, "") for i in range(len(self._begins))] if self._words else []
        if words and self._header is None and not self._names:
            self._check_first_line(start[0], words)
        cells = np.frombuffer(self._flat, dtype=np.float64).reshape(-1, self._width)
        return Numbers(self.path, cells, self._begins, self._names, words, self._target)

    def _rows(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        """Each row with the line where it begins; a row may go over several lines."""
        delimiter = self._spelling.delimiter
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
        blank = 0
        begun = False
        try:
            while (row := next(reader, None)) is not None:
                line = self._lines.row_line
                self._lines.row_begins = True
                if len(row) > 1 or "".join(row).strip():
                    # Blank lines are left out at the beginning and at the end only.
                    if blank:
                        fail(self.path, "is blank, and rows follow", blank, 1)
                    begun = True
                    yield line, row
                elif begun:
                    blank = blank or line
        except csv.Error as error:
            fail(self.path, f"is not CSV: {error}", self._lines.row_line)

    def _begin(self, start: list[tuple[int, list[str]]]) -> None:
        """Settle by the first two rows how many columns there are, and which is the target."""
        first, last = start[0][1], start[-1][1]
        named = self._header
        if named is None:
            named = not any(map(self._is_number, first))
        self._width = len(first)
        if len(start) > 1 and not first[-1].strip():
            # Both end in a delimiter, or the second has one cell less.
            self._width -= len(last) < len(first) or not last[-1].strip()
        if named:
            self._names = [cell.strip() for cell in first[: self._width]]
        if self._wanted is None or (named and len(start) == 1):
            return
        if self._width < 2 and len(last) == len(first):
            line, row = start[named]
            what = "has one column, and needs one to predict and one to predict it from"
            fail(self.path, what + self._spelling.hint(row[0], row), line, 1)
        if self._width > 1:
            self._target = _target(self._wanted, self._names, self._width, self.path)

    def _is_number(self, cell: str) -> bool:
        return self._spelling.number(cell) is not None or looks_like_number(cell)

    def _take(self, line: int, row: list[str]) -> None:
        if len(row) == self._width + 1 and not row[-1].strip():
            row = row[:-1]  # a delimiter ends the line
        if len(row) != self._width:
            text = self._spelling.delimiter.join(row)
            found = f"{len(row)} column" + "s" * (len(row) != 1)
            what = f"has {found}, and the first line has {self._width}: {short(text)}"
            hint = self._spelling.hint(text if len(row) == 1 else "", row)
            if self._width == 1 and not self._begins and self._names:
                hint = self._spelling.hint(self._names[0], self._names)
            fail(self.path, what + hint, line, min(len(row), self._width) + 1)
        numbers = self._spelling.numbers(row)
        if numbers is None or self._words:
            numbers = [self._cell(line, i, row) for i in range(len(row))]
        self._flat.extend(numbers)
        self._begins.append(line)

    def _cell(self, line: int, column: int, row: list[str]) -> float:
        """The number in a cell, nan if it is missing, 0 for the word of a class."""
        cell = row[column]
        number = self._spelling.number(cell)
        if number is not None and math.isfinite(number):
            if column == self._target and self._words:
                word = short(self._first_word())
                what = f"is the number {short(cell)} among words, such as {word}"
                fail(self.path, what + self._header_hint(), line, column + 1, self._names)
            return number
        if is_missing(cell):
            if self._refuse:
                self._fail_missing(line, column, cell)
            self._unknown += column == self._target
            return math.nan
        if column != self._target or not is_word(cell) or self._has_numbers():
            self._fail_cell(line, column, row)
        self._words[len(self._begins)] = cell.strip()
        return 0.0

    def _has_numbers(self) -> bool:
        """Whether a row has a number in the target."""
        return len(self._begins) > len(self._words) + self._unknown

    def _first_word(self) -> str:
        return next(iter(self._words.values()))

    def _header_hint(self) -> str:
        unnamed = not self._names and 0 in self._words and len(self._words) == 1
        return "; if the first line holds names, say header=True" if unnamed else ""

    def _fail_missing(self, line: int, column: int, cell: str) -> NoReturn:
        hint = ""
        if "missing" in self._spelling.options:
            hint = "; to leave out such rows say missing='drop'"
            if column != self._target:
                hint += ", to fill in the mean of the column missing='mean'"
        fail(self.path, unlike(cell) + hint, line, column + 1, self._names)

    def _fail_cell(self, line: int, column: int, row: list[str]) -> NoReturn:
        cell = row[column]
        hint = self._spelling.hint(cell, row)
        others = any(self._spelling.number(other) is not None for other in row)
        may_be_name = not self._begins and not self._names and not looks_like_number(cell)
        if may_be_name and others:
            hint = "; if the first line holds names, say header=True" + hint
        elif not hint:
            hint = rewriting(cell) or self._column_hint(cell, column)
        fail(self.path, unlike(cell) + hint, line, column + 1, self._names)

    def _column_hint(self, cell: str, column: int) -> str:
        if not is_word(cell):
            return ""
        if column == self._target:
            return "; the lines above have numbers: a target holds numbers or words, not both"
        hint = "; inputs are numbers: leave the column out of the file"
        if "target" in self._spelling.options:
            name = repr(self._names[column]) if self._names else column
            hint += f", or predict it, with target={name}"
        return hint

    def _check_first_line(self, first: tuple[int, list[str]], words: list[str]) -> None:
        """Refuse to guess whether a first line such as `2019,2020,kind` holds names."""
        line, row = first
        cells = [cell.strip() for i, cell in enumerate(row[: self._width]) if i != self._target]
        if not all(cell.isdecimal() for cell in cells) or words.count(words[0]) > 1:
            return
        numbers = [int(cell) for cell in cells]
        in_order = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        repeated = len(set(words)) < len(words)
        if in_order and (repeated or len(words) == 1):
            what = "may hold names or a sample: say header=True or header=False"
            fail(self.path, what, line)


def _check_options(missing: str, comment: str | None) -> None:
    if missing not in MISSING:
        raise OptionError(f"missing can't be {missing!r}{suggestion(missing, MISSING)}")
    if comment is not None and not (isinstance(comment, str) and comment.strip()):
        raise OptionError(f"comment must be a sign such as '#', or None, not {comment!r}")


def _filled(read: Numbers, missing: str) -> Numbers:
    """The file without missing numbers."""
    holes = np.isnan(read.cells)
    if not holes.any():
        return read
    if missing == "drop":
        kept = np.flatnonzero(~holes.any(axis=1))
        if not len(kept):
            fail(read.path, "has something missing in every row: nothing is left to read")
        lines = [read.lines[i] for i in kept]
        words = [read.words[i] for i in kept] if read.words else []
        return read._replace(cells=read.cells[kept], lines=lines, words=words)
    if read.target is not None and holes[:, read.target].any():
        row = int(np.argmax(holes[:, read.target]))
        what = "is missing, and a target can't be filled in: say missing='drop'"
        fail(read.path, what, read.lines[row], read.target + 1, read.names)
    if holes.all(axis=0).any():
        column = int(np.argmax(holes.all(axis=0)))
        fail(read.path, "has no number from which to take a mean", 0, column + 1, read.names)
    means = np.nanmean(read.cells, axis=0)
    return read._replace(cells=np.where(holes, means, read.cells))


def _target(target: str | int, names: list[str], width: int, path: Path) -> int:
    if isinstance(target, str):
        return _named(target, names, path)
    try:
        index = checked_int(target, "target", -width)
    except OptionError:
        index = width
    if index >= width:
        raise OptionError(
            f"target must be the name of a column, an index from 0 to {width - 1} (-1 is the last), or None, not {target!r}"
        )
    return index % width


def _named(target: str, names: list[str], path: Path) -> int:
    if target not in names:
        known = ", ".join(map(short, names)) or "no names, so give an index"
        near = suggestion(target, names, otherwise="")
        raise UnknownNameError(f"{path} has no column {target!r}: it has {known}{near}")
    if names.count(target) > 1:
        times = names.count(target)
        raise OptionError(f"{path} has {times} columns {target!r}: give the index of one")
    return names.index(target)


def _check_pixels(read: Numbers, pixels: int | None) -> None:
    found = len(read.cells[0]) - 1
    square = found > 0 and math.isqrt(found) ** 2 == found
    line = read.lines[0]
    if pixels is not None and found != pixels:
        hint = "; pixels=None takes any square number" if square else ""
        what = f"has a label and {found} pixels, and {pixels} pixels were expected{hint}"
        fail(read.path, what, line, min(found, pixels) + 2)
    if not square:
        what = f"has a label and {found} pixels, which make no square image"
        fail(read.path, what, line, found + 1)


def _check_range(read: Numbers, columns: slice, most: int, what: str) -> None:
    part = read.cells[:, columns]
    wrong = (part < 0) | (part > most) | (part != np.floor(part))
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        place = column + (columns.start or 0) + 1
        told = f"{what} must be a whole number from 0 to {most}, not {part[row, column]:g}"
        fail(read.path, told, read.lines[row], place, read.names)
