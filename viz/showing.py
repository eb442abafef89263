"""Showing: `.show()` opens pictures and pages in the browser, or displays them in a notebook."""

import sys
import tempfile
import webbrowser
from importlib import import_module
from pathlib import Path
from typing import Any

from scalargrad.errors import PictureError

from .look.text import escape
from .look.theme import DARK, LIGHT


def show(thing: Any, html: str) -> None:
    """Display something in the notebook that runs this code, or open it in the browser.

    Args:
        thing: What has a display of its own in notebooks.
        html: The document for the browser. It is written to a file in the folder for temporary
            files and left there: the browser may read it after this program has ended.

    Raises:
        PictureError: No browser can be opened. The message says where the file is.
    """
    if _in_notebook():
        import_module("IPython.display").display(thing)
        return
    with tempfile.NamedTemporaryFile(
        "w", prefix="viz-", suffix=".html", delete=False, encoding="utf-8"
    ) as file:
        file.write(html)
    path = Path(file.name)
    if not webbrowser.open(path.as_uri()):
        raise PictureError(
            f"this machine has no browser to show the picture in: it is written to {path}"
        )


def _in_notebook() -> bool:
    """Whether a notebook runs this code: a terminal of IPython displays no pictures."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def as_page(svg: str, title: str) -> str:
    """Return an HTML document around a picture, which follows the reader's light or dark.

    Args:
        svg: The picture, a document of ours.
        title: What the tab of the browser says.

    Example:
        >>> as_page("<svg></svg>", "a < b").count("a &lt; b")
        1
    """
    style = f"body{{margin:0;background:{LIGHT.page}}}svg{{display:block}}@media (prefers-color-scheme:dark){{body{{background:{DARK.page}}}}}"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title, 120)}</title>\n'
        f"<style>{style}</style>\n</head>\n<body>\n{svg}</body>\n</html>\n"
    )
