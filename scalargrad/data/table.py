"""Tables: the numbers of a CSV file, its names, and the words of the column to predict."""

import csv
import math
from array import array
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

from scalargrad.errors import OptionError, UnknownNameError
from scalargrad.utils.spelling import suggestion

from .cells import (
    NumberFormat,
    describe_problem,
    is_missing,
    is_word,
    looks_like_number,
    rewriting_hint,
)
from .checks import Floats
from .lines import Lines, fail, shorten

_HEADER_HINT = "; if the first line holds names, say header=True"


class CsvTable(NamedTuple):
    """What a CSV file holds.

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


class TableReader:
    """Reads the rows of a file once, and collects the numbers and the words of the target."""

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
        self._target_option = target
        self._refuse_missing = refuse_missing
        self._names: list[str] = []
        self._width = 0
        self._target: int | None = None
        # 8 bytes a number, where a list of floats takes 32.
        self._flat = array("d")
        self._row_lines: list[int] = []
        self._words: dict[int, str] = {}  # by row
        self._missing_targets = 0

    def read(self) -> CsvTable:
        """Read all rows."""
        # Closed here, because an error that is kept would keep the file open.
        with closing(iter(self._lines)) as lines:
            return self._read(lines)

    def _read(self, lines: Iterator[str]) -> CsvTable:
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
        return CsvTable(self.path, cells, self._row_lines, self._names, words, self._target)

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
        # An empty cell at the end is not a column if a delimiter ends every line: both rows have
        # such a cell, or the second row has one cell less.
        is_shorter = len(last) < len(first)
        if len(first_rows) > 1 and _is_blank(first[-1]) and (is_shorter or _is_blank(last[-1])):
            self._width -= 1
        if has_names:
            names = first[: self._width]
            self._names = [name.strip() for name in names]

        if self._target_option is None or (has_names and len(first_rows) == 1):
            return
        if self._width < 2 and len(last) == len(first):
            line, row = first_rows[has_names]
            hint = self._format.hint(row[0], row)
            what = f"has one column, and needs one to predict and one to predict it from{hint}"
            fail(self.path, what, line, 1)
        if self._width > 1:
            self._target = _find_column(self._target_option, self._names, self._width, self.path)

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
        # A class that appears again further down is not the name of a column.
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


def _find_column(target: str | int, names: list[str], width: int, path: Path) -> int:
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
