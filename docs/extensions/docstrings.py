"""Docstrings are plain text with Google's sections; here it becomes safe for reStructuredText.

In |x|, x*y and `and_` no sign is markup, except for backquotes.
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MARKUP = re.compile(r"(`[^`]*`)|([*|]|(?<=\w)_(?!\w))")
"""Code between backquotes, or a sign that reStructuredText would read as markup."""


def escape(text: str) -> str:
    """Escape what is markup in reStructuredText, outside of code."""
    return MARKUP.sub(lambda match: match[1] or f"\\{match[2]}", text)


def escape_docstring(
    app: "Sphinx", what: str, name: str, thing: object, options: Any, lines: list[str]
) -> None:
    """Escape the lines of a docstring in place; sessions of Python stay as they are."""
    is_session = False
    for place, line in enumerate(lines):
        is_session = line.lstrip().startswith(">>>") or (is_session and bool(line.strip()))
        if not is_session:
            lines[place] = escape(line)


def setup(app: "Sphinx") -> dict[str, bool]:
    """Connect the step, before the one that reads the sections."""
    app.connect("autodoc-process-docstring", escape_docstring, priority=400)
    return {"parallel_read_safe": True}
