"""Showing: `.show()` opens pictures and pages in the browser, or displays them in a notebook."""

import html
import tempfile
import webbrowser
from importlib import import_module
from pathlib import Path
from typing import Any

from scalargrad.errors import PictureError
from scalargrad.terminal import printable
from scalargrad.utils.display import find_shell

from .look.text import escape
from .look.theme import DARK, LIGHT


def show(thing: Any, document: str) -> None:
    """Display something in the notebook that runs this code, or open it in the browser.

    Args:
        thing: What notebooks know how to display.
        document: The document for the browser.

    Raises:
        PictureError: No browser can be opened. The message says where the file is.
    """
    if _is_in_notebook():
        import_module("IPython.display").display(thing)
        return
    # The file stays: the browser may read it after this program has ended.
    with tempfile.NamedTemporaryFile(
        "w", prefix="viz-", suffix=".html", delete=False, encoding="utf-8"
    ) as file:
        file.write(document)
    path = Path(file.name)
    if not webbrowser.open(path.as_uri()):
        raise PictureError(
            f"this machine has no browser to show the picture in: it is written to {path}"
        )


def _is_in_notebook() -> bool:
    # A terminal of IPython has a shell, too, but no kernel: it displays no pictures.
    shell = find_shell()
    return shell is not None and hasattr(shell, "kernel")


# The styles of some notebooks have other letters here, and break words anywhere.
_REPORT = "white-space: pre-wrap; font-family: monospace; word-break: normal"


def as_text(text: str, limit: int | None = None) -> str:
    """Return a report as HTML, whose long lines wrap in the cell of a notebook.

    Args:
        text: The report.
        limit: The most characters to show; None for all.

    Example:
        >>> as_text("a < b", limit=3).partition(">")[2]
        'a &lt;…</pre>'
    """
    # Not cleaned as labels are: the lines of a report are indented and aligned.
    written = "\n".join(printable(line) for line in text[:limit].split("\n"))
    more = "" if limit is None or len(text) <= limit else "…"
    return f'<pre style="{_REPORT}">{html.escape(written)}{more}</pre>'


def as_page(svg: str, title: str) -> str:
    """Return an HTML document around a picture, light or dark as the reader prefers.

    Args:
        svg: The picture, a document of ours.
        title: What the tab of the browser says.

    Example:
        >>> as_page("<svg></svg>", "a < b").count("a &lt; b")
        1
    """
    dark = f"@media (prefers-color-scheme:dark){{body{{background:{DARK.page}}}}}"
    style = f"body{{margin:0;background:{LIGHT.page}}}svg{{display:block}}{dark}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title, 120)}</title>\n"
        f"<style>{style}</style>\n</head>\n<body>\n{svg}</body>\n</html>\n"
    )
