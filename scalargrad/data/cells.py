"""Cells of a CSV file: numbers as people write them, what is missing, words, and hints."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from scalargrad.errors import OptionError
from scalargrad.utils.spelling import suggestion

from .lines import short

_MARKERS = frozenset({"", "?", "na", "n/a", "#n/a", "<na>", "nan", "null"})
_NUMBER_LIKE = re.compile(r"[+-]?\s*[$€£¥]?\s*\d[\d.,'_\s]*(e[+-]?\d+)?\s*[%$€£¥]?", re.IGNORECASE)
_WITH_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)
_IN_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_GROUPED = r"[+-]?\d{{1,3}}({0}\d{{3}})+(\D.*)?"
_DECIMAL_SIGNS = (".", ",")
_GROUP_SIGNS = (",", ".", " ", "'", "_", "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}")
_DELIMITERS = ";\t|"


@dataclass(frozen=True)
class Spelling:
    """How a file writes its numbers.

    Attributes:
        delimiter: What separates two cells.
        decimal: The decimal sign.
        thousands: What groups the digits of large numbers, None if nothing does.
        options: The options of the function that the user called: hints name no others.
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

    def number(self, cell: str) -> float | None:
        """Return the number that a cell spells in plain digits, None if it spells none.

        Example:
            >>> Spelling(";", ",", ".", frozenset()).number("1.234,5")
            1234.5
        """
        text = cell.strip()
        if self.thousands and self.thousands in text:
            if not re.fullmatch(_GROUPED.format(re.escape(self.thousands)), text):
                return None
            text = text.replace(self.thousands, "")
        if self.decimal != ".":
            text = text.replace(".", "_").replace(self.decimal, ".")
        # Python takes underscores and the digits of all scripts.
        if "_" in text or not text.isascii():
            return None
        try:
            return float(text)
        except ValueError:
            return None

    def numbers(self, row: list[str]) -> list[float] | None:
        """Return the numbers of a row, None if a cell is not a finite one: fast for large files.

        Example:
            >>> Spelling(",", ".", None, frozenset()).numbers(["1", " 2e3"])
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
        """Return what to do about a cell that is no number, "" if there is nothing to say.

        Args:
            cell: The cell.
            row: The row that it is in.

        Returns:
            A phrase that begins with a semicolon.

        Example:
            >>> Spelling(";", ".", None, frozenset({"decimal"})).hint("1,5", ["1,5", "2"])
            "; if ',' is the decimal sign, say decimal=','"
        """
        hints = ""
        for option, sign, meaning in self._readings(cell.strip(), row):
            if option in self.options:
                hints += f"; if {meaning}, say {option}={sign!r}"
        return hints

    def _readings(self, text: str, row: Sequence[str]) -> list[tuple[str, str, str]]:
        """Option, value and meaning of other ways to read a cell."""
        found = []
        line = "".join(row)
        other = next((sign for sign in _DELIMITERS if sign in line and sign != self.delimiter), "")
        parts = text.split()
        if not other and len(row) == 1 and len(parts) > 1 and all(map(self._is_finite, parts)):
            other = " "
        if other:
            found.append(("delimiter", other, f"{other!r} parts the cells"))
        if text.startswith(("#", "%")):
            found.append(("comment", text[0], f"lines that begin with {text[0]!r} are comments"))
        if not other and self.decimal == "." and _WITH_COMMA.fullmatch(text):
            found.append(("decimal", ",", "',' is the decimal sign"))
        if not other and not self.thousands and _IN_GROUPS.fullmatch(text):
            found.append(("thousands", ",", "',' groups thousands"))
        if self.decimal == "," and self._plain(text):
            found.append(("decimal", ".", "'.' is the decimal sign"))
        return found

    def _is_finite(self, cell: str) -> bool:
        return math.isfinite(math.nan if (number := self.number(cell)) is None else number)

    def _plain(self, cell: str) -> bool:
        return Spelling(self.delimiter, ".", None, self.options)._is_finite(cell)


def is_missing(cell: str) -> bool:
    """Return whether a cell says that its number is not known.

    Example:
        >>> is_missing(" NA "), is_missing("0")
        (True, False)
    """
    return cell.strip().lower() in _MARKERS


def looks_like_number(cell: str) -> bool:
    """Return whether a cell is meant as a number, in whatever spelling.

    Example:
        >>> looks_like_number("1.234,5"), looks_like_number("12 %"), looks_like_number("x1")
        (True, True, False)
    """
    return _NUMBER_LIKE.fullmatch(cell.strip()) is not None


def is_word(cell: str) -> bool:
    """Return whether a cell can be the name of a class: text that nobody means as a number.

    Example:
        >>> is_word("setosa"), is_word("1,5"), is_word("12 %"), is_word("inf")
        (True, False, False, False)
    """
    text = cell.strip()
    if not text.isprintable() or is_missing(text) or looks_like_number(text):
        return False
    # Two cells that were not parted are no word.
    if any(sign in text for sign in _DELIMITERS):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def rewriting(cell: str) -> str:
    """Return how to write a cell that means a number but is none, "" if there is nothing to say.

    Returns:
        A phrase that begins with a semicolon.

    Example:
        >>> rewriting("12 %"), rewriting("red")
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


def unlike(cell: str) -> str:
    """Return what is wrong with a cell that is no number, for a message.

    Example:
        >>> unlike("four"), unlike(" ")
        ("must be a finite number, not 'four'", 'is empty')
    """
    return f"must be a finite number, not {short(cell)}" if cell.strip() else "is empty"
