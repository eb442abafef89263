"""PNG and PDF from our own SVG, with fonts that come along: nothing has to be installed in the system."""

import atexit
import re
from functools import cache
from html import unescape
from importlib import import_module
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from shutil import copy, rmtree
from tempfile import mkdtemp
from typing import Any

from scalargrad.errors import OptionError, PictureError

from .style import FONT, MONO
from .text import width

MOST_PIXELS = 200_000_000
"""How large a PNG may become: about 800 MB of memory while it is drawn."""

_SIZE = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)"[^>]*?\sheight="([\d.]+)"')
_RUN = re.compile(r'<text\b([^>]*\bfont-size="([\d.]+)"[^>]*)>([^<]*)</text>')
# Signs of mathematics that DejaVu Sans has and Liberation Sans lacks. Without a hint the renderer takes any font for
# them, and for the words around them too: often a serif one.
_SIGNS = re.compile("(?![ⁿ∂∆∏∑−∕∙√∞∟∩∫≈≠≡≤≥])[ʰ-˅ᴬ-ᶿ‖⁰-ₜ∀-⋿⌈-⌏⟦-⟫✓✗]")


def png(svg: str, scale: float = 2.0) -> bytes:
    """The picture as PNG.

    svg    a document of ours, with width and height in pixels
    scale  pixels of the PNG for each pixel of the SVG

    Raises PictureError where a library is missing or the picture is too large, OptionError for an impossible scale.

    >>> png('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"/>')[1:4]
    b'PNG'
    """
    if not (isfinite(scale) and scale > 0.0):
        raise OptionError(f"scale must be a number above 0, not {scale!r}")
    _check_size(svg, scale)
    return _converted("svg_to_png", svg, scale=float(scale))


def pdf(svg: str) -> bytes:
    """The picture as PDF: one page of its size, lines as lines and text as text, with the fonts embedded.

    Raises PictureError where a library is missing.

    >>> pdf('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"/>')[:5]
    b'%PDF-'
    """
    return _converted("svg_to_pdf", svg)


def _check_size(svg: str, scale: float) -> None:
    found = _SIZE.search(svg)
    if not found:
        raise PictureError("this is no SVG document with a width and a height in pixels")
    wide, high = (float(number) * scale for number in found.groups())
    if wide * high > MOST_PIXELS:
        raise PictureError(f"a PNG of {wide:,.0f} × {high:,.0f} pixels is too large: use a smaller scale, or save as .svg or .pdf")


def _converted(function: str, svg: str, **options: Any) -> bytes:
    renderer = _renderer()
    try:
        return bytes(getattr(renderer, function)(with_fonts(svg), **options))
    except (RuntimeError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), "")
        raise PictureError(f"this SVG could not be converted: {reason}") from error


@cache
def _renderer() -> Any:
    try:
        renderer = import_module("vl_convert")
    except ImportError as error:
        raise PictureError("PNG and PDF need two libraries: pip install matplotlib vl-convert-python") from error
    renderer.register_font_directory(_dejavu())
    return renderer


def _dejavu() -> str:
    """A folder with the DejaVu fonts of matplotlib, found without importing it; empty where that is not installed.

    They are copied, because a font that stands beside them has a box for every character, and would replace whole words.
    """
    folder = mkdtemp(prefix="scalargrad-fonts-")
    atexit.register(rmtree, folder, ignore_errors=True)
    spec = find_spec("matplotlib")
    if spec and spec.origin:
        for font in (Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf").glob("DejaVuSans*.ttf"):
            copy(font, folder)
    return folder


# Beyond Latin, Greek and Cyrillic nobody knows how wide the font will be that is found: such text is fitted to its room.
_FOREIGN = re.compile("[^\u0000-\u052f\u1e00-\u22ff]")


def with_fonts(svg: str) -> str:
    """The document with a font for every text: the renderer leaves out text of which it finds no font by name."""
    return _RUN.sub(_signed, svg.replace(MONO, f"{MONO}, {FONT}"))


def _signed(run: re.Match[str]) -> str:
    attributes, size, content = run.groups()
    signs = _SIGNS.search(content)
    if not signs and not _FOREIGN.search(content):
        return run[0]
    if "textLength" not in attributes:
        attributes += f' textLength="{_room(content, float(size), "bold" in attributes):.1f}" lengthAdjust="spacingAndGlyphs"'
    family = f" style=\"font-family:'DejaVu Sans', {FONT}\"" if signs else ""
    return f"<text{attributes}{family}>{content}</text>"


def _room(content: str, size: float, bold: bool) -> float:
    return width(unescape(content), size, bold)
