"""Code beside pictures: pieces of a demo's own source, what their lines led to, and its colors."""

import io
import keyword
import sys
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from inspect import getsourcelines
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from types import FrameType, FunctionType
from typing import Any, TypeVar, cast

from demos.story import Listing
from scalargrad import Value
from viz.look.text import number

Result = TypeVar("Result")

_CLASSES = {
    "COMMENT": "c",
    "NUMBER": "n",
    "STRING": "s",
    "FSTRING_START": "s",
    "FSTRING_MIDDLE": "s",
    "FSTRING_END": "s",
}
"""The class of each type of token that is colored wherever it is."""


def list_code(*functions: Callable[..., Any] | type) -> tuple[Listing, ...]:
    """Return the source of functions or classes of a demo.

    Example:
        >>> (listing,) = list_code(list_code)
        >>> listing.file, listing.source.partition("(")[0]
        ('listing.py', 'def list_code')
    """
    return tuple(_list_one(function, {}) for function in functions)


def watch(function: Callable[[], Result], last: str = "") -> tuple[Result, Listing]:
    """Call a function, and list its source with the number that each line gave a name to.

    Only lines that bind one new name to a computed Value have a result.

    Args:
        function: It is called without arguments.
        last: The last line to list; the default is all of them.

    Returns:
        What the function returns, and the listing.
    """
    results: dict[int, str] = {}
    previous: dict[str, Any] = {}
    last_line = 0

    def follow(frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG001
        # A line is reported before it runs: what is new was made by the one before it.
        nonlocal last_line
        numbers = _numbers_in(frame.f_locals)
        made = [written for name, written in numbers.items() if name not in previous]
        if event in ("line", "return") and len(made) == 1:
            results[last_line] = made[0]
        previous.update(numbers)
        last_line = frame.f_lineno
        return follow

    def start(frame: FrameType, event: str, argument: object) -> Any:
        # Functions that are called on the way are not followed: their lines are not listed.
        is_watched = frame.f_code is cast("FunctionType", function).__code__
        return follow(frame, event, argument) if is_watched else None

    before = sys.gettrace()
    sys.settrace(start)
    try:
        result = function()
    finally:
        sys.settrace(before)
    listing = _list_one(function, results)
    lines = listing.source.splitlines()
    if last:
        end = [line.strip() for line in lines].index(last)
        listing = replace(listing, source="\n".join(lines[: end + 1]))
    return result, listing


def _numbers_in(names: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of Values that were computed, with their numbers as pictures write them."""
    values = {name: value for name, value in names.items() if isinstance(value, Value)}
    return {name: number(value.data) for name, value in values.items() if value.args}


def _list_one(function: Callable[..., Any] | type, results: dict[int, str]) -> Listing:
    lines, first = getsourcelines(function)
    file = Path(sys.modules[function.__module__].__file__ or "").name
    return Listing(file, first, dedent("".join(lines)).rstrip(), results)


def highlight(source: str) -> list[str]:
    """Return each line of Python source as HTML, with the kinds of words as classes.

    What is not Python is escaped and otherwise left as it is.

    Example:
        >>> highlight("return x")
        ['<span class="k">return</span> x']
    """
    lines = source.splitlines()
    try:
        marks = list(_marks(source, lines))
    except (tokenize.TokenError, SyntaxError):
        return [escape(line) for line in lines]

    written = [""] * len(lines)
    ends = [0] * len(lines)
    for row, start, end, kind in marks:
        line = lines[row]
        written[row] += escape(line[ends[row] : start])
        written[row] += f'<span class="{kind}">{escape(line[start:end])}</span>'
        ends[row] = end
    rests = [escape(line[end:]) for line, end in zip(lines, ends, strict=True)]
    return [before + rest for before, rest in zip(written, rests, strict=True)]


def _marks(source: str, lines: Sequence[str]) -> Iterator[tuple[int, int, int, str]]:
    """Yield the stretches of a source that are colored: row, first column, end, and class."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source + "\n").readline))
    for token, following in pairwise(tokens):
        kind = _class_of(token, following)
        if not kind:
            continue
        # A string may go over several lines: each of them is marked alone.
        first, left = token.start
        last, right = token.end
        for row in range(first, last + 1):
            start = left if row == first else 0
            end = right if row == last else len(lines[row - 1])
            if end > start:
                yield row - 1, start, end, kind


def _class_of(token: tokenize.TokenInfo, following: tokenize.TokenInfo) -> str:
    """Return k for keywords, c for comments, s for strings, n for numbers, f for calls."""
    kind = tokenize.tok_name[token.type]
    if kind in _CLASSES:
        return _CLASSES[kind]
    if kind == "NAME" and keyword.iskeyword(token.string):
        return "k"
    return "f" if kind == "NAME" and following.string == "(" else ""
