"""Docstrings are plain text with Google's sections; here it becomes safe for reStructuredText.

In |x|, x*y and `and_` no sign is markup, except for backquotes, and a paragraph that is indented
more than the one before it is code.
"""

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MARKUP = re.compile(r"(`[^`]*`)|([*|]|(?<=\w)_(?!\w))")
"""Code between backquotes, or a sign that reStructuredText would read as markup."""


def escape(text: str) -> str:
    """Escape what is markup in reStructuredText, outside of code."""
    return MARKUP.sub(lambda match: keep_code(match[1]) or f"\\{match[2]}", text)


def keep_code(code: str | None) -> str | None:
    """Return code as it is; `~` and `!`, which would change how a link is shown, as literals."""
    return f"`{code}`" if code and code.startswith(("`~", "`!")) else code


def measure_indent(line: str) -> int:
    """Return how many spaces a line begins with."""
    return len(line) - len(line.lstrip())


def convert_lines(lines: list[str]) -> list[str]:
    """Return a docstring as reStructuredText, in which sessions and other code stay as they are."""
    converted: list[str] = []
    margin = 0  # of the text so far
    is_session = is_code = False
    for before, line in pairwise(["", *lines]):
        if not line.strip():
            converted.append(line)
            is_session = False
            continue

        indent = measure_indent(line)
        is_session = is_session or line[indent:].startswith(">>>")
        was_code = is_code
        is_code = bool(converted) and indent > margin and (was_code or not before.strip())
        if is_session:
            is_code = False
            if line[indent:].startswith(">>>"):
                margin = indent
            converted.append(line)
        elif is_code:
            marker = [] if was_code else [f"{' ' * margin}::", ""]
            converted += [*marker, line]
        else:
            margin = indent
            converted.append(escape(line))
    return converted


def convert_docstring(
    app: "Sphinx", what: str, name: str, thing: object, options: Any, lines: list[str]
) -> None:
    """Convert the lines of a docstring in place."""
    lines[:] = convert_lines(lines)


def setup(app: "Sphinx") -> dict[str, bool]:
    """Connect the step, before the one that reads the sections."""
    from sphinx.domains.python import PyObject

    # What a docstring lists as its "Attributes:" has this heading in the reference, too.
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
    app.connect("autodoc-process-docstring", convert_docstring, priority=400)
    return {"parallel_read_safe": True}
