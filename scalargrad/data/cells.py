"""Cells of a CSV file: numbers in several notations, missing cells, words, and hints for errors."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from scalargrad.errors import OptionError
from scalargrad.utils.spelling import suggestion

from .lines import shorten

_MARKERS = frozenset({"", "?", "na", "n/a", "#n/a", "<na>", "nan", "null"})
_NUMBER_LIKE = re.compile(r"[+-]?\s*[$€£¥]?\s*\d[\d.,'_\s]*(e[+-]?\d+)?\s*[%$€£¥]?", re.IGNORECASE)
_WITH_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)
_IN_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_GROUPED = r"[+-]?\d{{1,3}}({0}\d{{3}})+(\D.*)?"
_DECIMAL_SIGNS = (".", ",")
_GROUP_SIGNS = (",", ".", " ", "'", "_", "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}")
_DELIMITERS = ";\t|"


@dataclass(frozen=True)
class NumberFormat:
    """The notation of numbers in a file.

    Attributes:
        delimiter: The character between two cells.
        decimal: The decimal sign.
        thousands: The sign that groups the digits of large numbers, None for none.
        options: The options of the function that the user called; hints name no others.
    """

    delimiter: str
    decimal: str
    thousands: str | None
    options: frozenset[str]

    def __post_init__(self) -> None:
        single = isinstance(self.delimiter, str) and len(self.delimiter) == 1
        if not single or self.delimiter in '\r\n"\0':
            raise OptionError(f"delimiter must be one character, not {self.delimiter!r}")
        for name, sign, signs in (
            ("decimal", self.decimal, _DECIMAL_SIGNS),
            ("thousands", self.thousands, (None, *_GROUP_SIGNS)),
        ):
            if sign not in signs:
                hint = suggestion(sign, [repr(each) for each in signs])
                raise OptionError(f"{name} can't be {sign!r}{hint}")
        if self.decimal == self.thousands:
            raise OptionError(f"decimal and thousands can't both be {self.decimal!r}")

    def parse(self, cell: str) -> float | None:
        """Return the number in a cell, None if there is none.

        Example:
            >>> NumberFormat(";", ",", ".", frozenset()).parse("1.234,5")
            1234.5
        """
        text = cell.strip()
        if self.thousands and self.thousands in text:
            # Groups of three only: in a column of dates or decimals the sign is something else.
            if not re.fullmatch(_GROUPED.format(re.escape(self.thousands)), text):
                return None
            text = text.replace(self.thousands, "")
        if self.decimal != ".":
            text = text.replace(".", "_").replace(self.decimal, ".")
        # float() accepts underscores and the digits of all scripts.
        if "_" in text or not text.isascii():
            return None
        try:
            return float(text)
        except ValueError:
            return None

    def parse_row(self, row: list[str]) -> list[float] | None:
        """Return the numbers of a row, None if a cell is not a finite number.

        This is the fast path for large files: `None` too where cells have to be read one by one.

        Example:
            >>> NumberFormat(",", ".", None, frozenset()).parse_row(["1", " 2e3"])
            [1.0, 2000.0]
        """
        if self.decimal != "." or self.thousands:
            return None
        try:
            numbers = list(map(float, row))
        except ValueError:
            return None
        text = "".join(row)
        plain = text.isascii() and "_" not in text
        return numbers if plain and all(map(math.isfinite, numbers)) else None

    def hint(self, cell: str, row: Sequence[str]) -> str:
        """Return a hint for a cell that is not a number, "" for none.

        Args:
            cell: The cell.
            row: The row that it is in.

        Returns:
            A phrase that starts with a semicolon.

        Example:
            >>> NumberFormat(";", ".", None, frozenset({"decimal"})).hint("1,5", ["1,5", "2"])
            "; if ',' is the decimal sign, say decimal=','"
        """
        hints = ""
        for option, sign, meaning in self._other_notations(cell.strip(), row):
            if option in self.options:
                hints += f"; if {meaning}, say {option}={sign!r}"
        return hints

    def _other_notations(self, text: str, row: Sequence[str]) -> list[tuple[str, str, str]]:
        """Return option, value and meaning of other notations that fit a cell."""
        notations = []
        delimiter = self._other_delimiter(text, row)
        if delimiter:
            notations.append(("delimiter", delimiter, f"{delimiter!r} separates the cells"))
        if text.startswith(("#", "%")):
            notations.append(("comment", text[0], f"lines starting with {text[0]!r} are comments"))
        # With another delimiter, a comma in the cell is not part of a number.
        if not delimiter and self.decimal == "." and _WITH_COMMA.fullmatch(text):
            notations.append(("decimal", ",", "',' is the decimal sign"))
        if not delimiter and not self.thousands and _IN_GROUPS.fullmatch(text):
            notations.append(("thousands", ",", "',' groups thousands"))
        if self.decimal == ",":
            with_point = NumberFormat(self.delimiter, ".", None, self.options)
            if with_point._is_finite(text):
                notations.append(("decimal", ".", "'.' is the decimal sign"))
        return notations

    def _other_delimiter(self, text: str, row: Sequence[str]) -> str:
        line = "".join(row)
        for sign in _DELIMITERS:
            if sign in line and sign != self.delimiter:
                return sign
        parts = text.split()
        # A space is one only between numbers: it may also be in a word.
        if len(row) == 1 and len(parts) > 1 and all(map(self._is_finite, parts)):
            return " "
        return ""

    def _is_finite(self, cell: str) -> bool:
        number = self.parse(cell)
        return number is not None and math.isfinite(number)


def is_missing(cell: str) -> bool:
    """Return whether a cell is empty or a marker for a missing number.

    Example:
        >>> is_missing(" NA "), is_missing("0")
        (True, False)
    """
    return cell.strip().lower() in _MARKERS


def looks_like_number(cell: str) -> bool:
    """Return whether a cell is meant as a number, in any notation.

    Example:
        >>> looks_like_number("1.234,5"), looks_like_number("12 %"), looks_like_number("x1")
        (True, True, False)
    """
    return _NUMBER_LIKE.fullmatch(cell.strip()) is not None


def is_word(cell: str) -> bool:
    """Return whether a cell can be the name of a class: text that is not meant as a number.

    Example:
        >>> is_word("setosa"), is_word("1,5"), is_word("12 %"), is_word("inf")
        (True, False, False, False)
    """
    text = cell.strip()
    if not text.isprintable() or is_missing(text) or looks_like_number(text):
        return False
    # Cells that another delimiter separates are not one word.
    if any(sign in text for sign in _DELIMITERS):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def rewriting_hint(cell: str) -> str:
    """Return a hint how to write a cell that means a number but is not one, "" for none.

    Returns:
        A phrase that starts with a semicolon.

    Example:
        >>> rewriting_hint("12 %"), rewriting_hint("red")
        ('; write plain numbers, without $ or %', '')
    """
    text = cell.strip()
    if looks_like_number(text) and any(sign in text for sign in "$€£¥%"):
        return "; write plain numbers, without $ or %"
    if text.lower() in ("true", "false", "yes", "no"):
        return "; write 1 and 0"
    if len(text) > 1 and text[0] == text[-1] == "'":
        return "; only double quotes can enclose a cell"
    return ""


def describe_problem(cell: str) -> str:
    """Return what is wrong with a cell that is not a number, for a message.

    Example:
        >>> describe_problem("four"), describe_problem(" ")
        ("must be a finite number, not 'four'", 'is empty')
    """
    return f"must be a finite number, not {shorten(cell)}" if cell.strip() else "is empty"
