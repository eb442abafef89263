"""Text: cleaning what users wrote, formatting numbers, and measuring widths."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import isfinite, isnan
from typing import Any

from scalargrad.utils.counting import plural as plural  # for all who write text
from scalargrad.utils.spelling import suggestion

LONGEST = 60
"""Characters of a label that are drawn."""
LONGEST_WHOLE = 300
"""Characters of a label in full, as tooltips show it."""
TIP = 700
"""Characters of a whole tooltip."""
_MINUS = "−"

# Control, format, unpaired surrogate, private and unassigned characters: they reorder text, break
# lines or formats, or can't be encoded at all.
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn"}
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
# More marks on one letter than any script needs would reach into the lines above and below.
_TOWERS = re.compile(f"([{_MARKS}]{{4}})[{_MARKS}]+")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})

# Advance widths of Helvetica and Helvetica Bold in thousandths of the font size, for the characters
# 32 to 126 (Adobe's font metrics).
_REGULAR = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 "
    "556 556 556 556 556 556 556 278 278 584 584 584 556 1015 667 667 722 722 667 "
    "611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 "
    "667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 "
    "222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
_BOLD = (
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 "
    "556 556 556 556 556 556 556 333 333 584 584 584 611 975 722 722 722 722 667 "
    "611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 667 "
    "667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 "
    "278 889 611 611 611 611 389 556 333 611 556 778 556 556 500 389 280 389 584"
)
_FIRST_CHARACTER = 32
_REGULAR_WIDTHS = dict(enumerate(map(int, _REGULAR.split()), start=_FIRST_CHARACTER))
_BOLD_WIDTHS = dict(enumerate(map(int, _BOLD.split()), start=_FIRST_CHARACTER))
_MONO = 602
_WIDE = 1000
"""Width of the characters of East Asia."""
_UNKNOWN = 640
"""Width of characters that no table has."""
_THINNEST_ACCENT = 278
_MORE = {
    "·": 278,
    "∙": 278,
    "−": 584,
    "×": 584,
    "∂": 494,
    "…": 1000,
    "→": 1000,
    "←": 1000,
    "—": 1000,
    "–": 556,
    **dict.fromkeys("÷±√≈≠≤≥", 549),
    **dict.fromkeys("¹²³", 333),
    **dict.fromkeys("∞∑", 713),
    "°": 400,
    "•": 350,
    "½": 834,
}
"""Widths of more characters, in both weights."""


def clean(text: Any, longest: int = LONGEST) -> str:
    """Return text from outside on one line, safe in any format.

    Control, format, private and unpaired surrogate characters are removed.

    Args:
        text: Anything; other objects than strings are converted by `str`.
        longest: The largest number of characters to keep.

    Example:
        >>> clean("loss\\x00 of\\nthe \\u202enet")
        'loss of the net'
    """
    try:
        raw = text if isinstance(text, str) else str(text)
    except Exception:  # whatever the `__str__` of a user's object raises
        raw = type(text).__name__
    # A bound on the work: looking up each character of a very long text would take seconds.
    raw = raw[: 20 * longest]
    kept = (c for c in raw if c.isspace() or unicodedata.category(c) not in _DROPPED)
    line = _TOWERS.sub(r"\1", " ".join("".join(kept).split()))
    return cut(line, longest)


def cut(text: str, longest: int) -> str:
    """Return a text that was cleaned already, cut to `longest` characters.

    Example:
        >>> cut("a rather long label", 9)
        'a rather…'
    """
    if len(text) <= longest:
        return text
    return text[: longest - 1].rstrip() + "…"


def long_label(text: Any) -> str:
    """Return a label in full where `clean` cuts it, "" where it does not: for tooltips.

    Args:
        text: The label as the user gave it.

    Returns:
        At most 300 characters, cleaned like any text from outside.

    Example:
        >>> long_label("loss"), len(long_label("x" * 100))
        ('', 100)
    """
    full = clean(text, LONGEST_WHOLE)
    return full if len(full) > LONGEST else ""


def hint(choice: Any, names: Iterable[str]) -> str:
    """Return "did you mean …" for the end of a message that already lists all names.

    Args:
        choice: What was given in the place of a name.
        names: The names that exist.

    Returns:
        A phrase that begins with a semicolon, or "" where no name is similar.

    Example:
        >>> hint("neuron", ["cards", "neurons"]), hint("table", ["cards", "neurons"])
        ("; did you mean 'neurons'?", '')
    """
    phrase = suggestion(choice, names)
    return phrase if "did you mean" in phrase else ""


def escape(text: Any, longest: int = LONGEST) -> str:
    """Return text cleaned and escaped for XML and HTML, for content and quoted attributes.

    Example:
        >>> escape("<b>'x' & \\"y\\"</b>")
        '&lt;b&gt;&#39;x&#39; &amp; &quot;y&quot;&lt;/b&gt;'
    """
    return clean(text, longest).translate(_ESCAPES)


def number(x: float | None) -> str:
    """Return a number with three significant digits and a true minus sign.

    Below 1e-3 and from 1e5 on it is in e form. Exactly zero is "0", and None is "".

    Example:
        >>> number(-0.70710), number(0.0), number(123456.0), number(0.00012), number(2.0)
        ('−0.707', '0', '1.23e5', '1.2e−4', '2')
    """
    if x is None:
        return ""
    if isnan(x):
        return "nan"
    sign = _MINUS if x < 0 else ""
    return sign + _magnitude(abs(x))


def _magnitude(x: float) -> str:
    if not isfinite(x):
        return "inf"
    if x == 0.0:
        return "0"
    # Python rounds first: 99999.9 has the exponent of 1.00e5.
    mantissa, exponent = f"{x:.2e}".split("e")
    power = int(exponent)
    if -3 <= power < 5:
        text = f"{x:.{max(0, 2 - power)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits = mantissa.rstrip("0").rstrip(".")
    sign = _MINUS if power < 0 else ""
    return f"{digits}e{sign}{abs(power)}"


def exact(x: float | None) -> str:
    """Return a number with every digit, as Python writes it, for tooltips."""
    return "none" if x is None else repr(float(x))


@lru_cache(maxsize=4096)
def width(text: str, size: float, bold: bool = False, mono: bool = False) -> float:
    """Return the width of a text in pixels.

    Widths are from built-in tables, so that the layout is the same on every machine.

    Args:
        text: The text, on one line.
        size: Font size in pixels.
        bold: Whether the font is bold.
        mono: Whether it is the font of numbers.

    Example:
        >>> width("data", 10) < width("data", 10, mono=True)
        True
    """
    if mono:
        widths = [_WIDE if _is_wide(c) else _MONO for c in text]
    else:
        table = _BOLD_WIDTHS if bold else _REGULAR_WIDTHS
        widths = [_character_width(c, table) for c in text]
    return sum(widths) * size / 1000


def _character_width(character: str, table: Mapping[int, int]) -> int:
    """Return the width in thousandths of the font size; an accent makes a letter no wider."""
    known = table.get(ord(character)) or _MORE.get(character)
    if known is not None:
        return known
    letter = unicodedata.normalize("NFD", character)[0]
    if letter != character and ord(letter) in table:
        return max(table[ord(letter)], _THINNEST_ACCENT)
    return _WIDE if _is_wide(character) else _UNKNOWN


def width_tables(texts: Iterable[str]) -> dict[str, Any]:
    """Return what `width` knows as data for the page, so that both measure alike.

    Args:
        texts: All texts that the page may have to measure.

    Returns:
        The tables from the space on, the widths of all other signs, and which of the texts' signs
        are wide.

    Example:
        >>> width_tables(["a 日本"])["signs"]
        '日本'
    """
    signs = {character for text in texts for character in text if _is_wide(character)}
    return {
        "normal": list(_REGULAR_WIDTHS.values()),
        "bold": list(_BOLD_WIDTHS.values()),
        "more": _MORE,
        "wide": _WIDE,
        "unknown": _UNKNOWN,
        "accent": _THINNEST_ACCENT,
        "signs": "".join(sorted(signs)),
    }


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def fit_text(text: str, size: float, max_width: float, bold: bool = False) -> str:
    """Return a text, shortened with … until it fits.

    Args:
        text: The text, on one line.
        size: Font size in pixels.
        max_width: Pixels that the text may take.
        bold: Whether the font is bold.

    Example:
        >>> fit_text("a rather long label", 11, 50)
        'a rather…'
    """
    if width(text, size, bold) <= max_width:
        return text
    # No beginning is narrower than a shorter one, so the longest that fits is found by halves.
    length = bisect_right(
        range(1, len(text)), max_width, key=lambda end: width(text[:end] + "…", size, bold)
    )
    return text[:length].rstrip() + "…"


def wrap_text(
    paragraphs: Iterable[str], size: float, max_width: float, bold: bool = False
) -> list[str]:
    """Break texts into lines that fit; each text begins a line.

    Args:
        paragraphs: The texts.
        size: Font size in pixels.
        max_width: Pixels that a line may take; a longer word is shortened.
        bold: Whether the font is bold.

    Example:
        >>> wrap_text(["a rather long label", "b"], 11, 60)
        ['a rather', 'long label', 'b']
    """
    lines: list[str] = []
    for text in paragraphs:
        line = ""
        for word in text.split():
            longer = f"{line} {word}"
            if line and width(longer, size, bold) <= max_width:
                line = longer
                continue
            if line:
                lines.append(line)
            line = word
        if line:
            lines.append(line)
    return [fit_text(line, size, max_width, bold) for line in lines]
