"""Display: what Values, networks, programs and results are in the cells of a notebook.

The pictures are made by `viz`, which is imported when a notebook asks for the first one, and not
before: the engine alone needs no library of pictures. Without `viz` there are words.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .shadowing import find_other_viz


class Displayable:
    """A base class of what notebooks show as a picture."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        bundle = {"text/plain": repr(self)}
        html = make_html(self)
        if html is not None:
            bundle["text/html"] = html
        return bundle


class Report(str):
    """A text of several lines, which a notebook shows as such without `print`.

    Example:
        >>> Report("two\\nlines")._repr_mimebundle_()
        {'text/plain': 'two\\nlines'}
    """

    __slots__ = ()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        return {"text/plain": str(self)}

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002
        # IPython has its own way to write texts, and asks this method first.
        printer.text(str(self))


def make_html(thing: object) -> str | None:
    """Return the picture of something as HTML, None if there is none, or nothing to draw it with.

    Args:
        thing: A Value, a module, a program, a result, or a list of Values.
    """
    # Another module of that name would run if a part of it were imported.
    if find_other_viz() is not None:
        return None
    try:
        notebook = import_module("viz.notebook")
    except ImportError:
        return None
    html: str | None = notebook.make_html(thing)
    return html


def find_shell() -> Any:
    """Return the IPython shell that runs this code, None elsewhere; nothing is imported."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return None if get_shell is None else get_shell()


def display_lists(is_shown: Callable[[object], bool]) -> None:
    """Let the notebook that runs this code, if any, show lists and tuples of Values, too.

    Args:
        is_shown: Says whether an item of a list is one that is drawn.
    """
    shell = find_shell()
    if shell is None:
        return

    def make_list_html(items: Any) -> str | None:
        # IPython goes on to write what None is returned for as it always does.
        return make_html(items) if items and all(map(is_shown, items)) else None

    formatter = shell.display_formatter.formatters["text/html"]
    for kind in (list, tuple):
        # What a user or another library has said about lists counts.
        if formatter.for_type(kind) is None:
            formatter.for_type(kind, make_list_html)
