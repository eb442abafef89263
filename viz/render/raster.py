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
from unicodedata import combining, east_asian_width

from scalargrad.errors import OptionError, PictureError
from viz.look.text import width
from viz.look.theme import FONT, MONO

MOST_PIXELS = 200_000_000
"""How large a PNG may become: about 800 MB of memory while it is drawn."""

_SIZE = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)"[^>]*?\sheight="([\d.]+)"')
_RUN = re.compile(r'<text\b([^>]*\bfont-size="([\d.]+)"[^>]*)>([^<]*)</text>')
_X = re.compile(r'\bx="(-?[\d.]+)"')
_ANCHOR = re.compile(r' ?text-anchor="(\w+)"')
_IS_MONO = re.compile(r'class="m[ "]')
_AMPERSANDS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

# What Liberation Sans and Liberation Mono have, which come with the renderer. Where a text has one
# sign besides, the renderer takes another font for all of it, often a thin or a serif one.
_LIBERATION = (
    "\u0020-\u007e\u00a0-\u017f\u0192\u01fa-\u01ff\u0218-\u021b\u02c6\u02c7\u02c9\u02d8-\u02dd\u0384-\u038a\u038c\u038e-\u03a1"
    "\u03a3-\u03ce\u0400-\u045f\u0490\u0491\u1e80-\u1e85\u1ef2\u1ef3\u2010\u2011\u2013-\u2015\u2017-\u201e\u2020-\u2022\u2026"
    "\u2030\u2032\u2033\u2039\u203a\u203c\u203e\u2044\u207f\u20a3\u20a4\u20a7\u20ac\u2105\u2113\u2116\u2122\u2126\u212e"
    "\u215b-\u215e\u2190-\u2195\u21a8\u2202\u2206\u220f\u2211\u2212\u2215\u2219\u221a\u221e\u221f\u2229\u222b\u2248\u2260\u2261"
    "\u2264\u2265\u2302\u2310\u2320\u2321\u25a0\u25a1\u25aa-\u25ac\u25b2\u25ba\u25bc\u25c4\u25ca\u25cb\u25cf\u25d8\u25d9\u25e6"
    "\u263a-\u263c\u2640\u2642\u2660\u2663\u2665\u2666\u266a\u266b\ufb01\ufb02"
)
_OTHER = re.compile(f"[^{_LIBERATION}]")
_SIGNS = f"'DejaVu Sans', {FONT}"
# Wide signs: fonts with a plain face and a bold one, where one of them is installed.
_WIDE = "'Noto Sans CJK SC', 'Noto Sans SC', 'Source Han Sans SC', 'PingFang SC', 'Hiragino Sans GB', 'Microsoft YaHei'"
_FAMILIES = {
    "sign": _SIGNS,
    "wide": f"{_WIDE}, 'WenQuanYi Micro Hei', 'Yu Gothic', 'Malgun Gothic', {_SIGNS}",
}


def render_png(svg: str, scale: float = 2.0) -> bytes:
    """The picture as PNG.

    svg    a document of ours, with width and height in pixels
    scale  pixels of the PNG for each pixel of the SVG

    Raises PictureError where a library is missing or the picture is too large, OptionError for an impossible scale.

    >>> render_png('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"/>')[1:4]
    b'PNG'
    """
    if not (isfinite(scale) and scale > 0.0):
        raise OptionError(f"scale must be a number above 0, not {scale!r}")
    _check_size(svg, scale)
    return _converted("svg_to_png", svg, scale=float(scale))


def render_pdf(svg: str) -> bytes:
    """The picture as PDF: one page of its size, lines as lines and text as text, with the fonts embedded.

    Raises PictureError where a library is missing.

    >>> render_pdf('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"/>')[:5]
    b'%PDF-'
    """
    return _converted("svg_to_pdf", svg)


def _check_size(svg: str, scale: float) -> None:
    found = _SIZE.search(svg)
    if not found:
        raise PictureError("this is no SVG document with a width and a height in pixels")
    wide, high = (float(number) * scale for number in found.groups())
    if wide * high > MOST_PIXELS:
        raise PictureError(
            f"a PNG of {wide:,.0f} × {high:,.0f} pixels is too large: use a smaller scale, or save as .svg or .pdf"
        )


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
        raise PictureError(
            "PNG and PDF need two libraries: pip install matplotlib vl-convert-python"
        ) from error
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
        for font in (Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf").glob(
            "DejaVuSans*.ttf"
        ):
            copy(font, folder)
    return folder


def with_fonts(svg: str) -> str:
    """Return the document with a font for every text: the renderer leaves out text of which it finds no font by name.

    Args:
        svg: A document of ours.

    Returns:
        The document, where each text with a sign that Liberation lacks is several texts side by
        side: the sign has a font that may have it, and the words around it keep theirs.

    Example:
        >>> with_fonts('<text x="0" y="9" font-size="10">a ‖</text>').count("<text")
        2
    """
    return _RUN.sub(_split, svg.replace(MONO, f"{MONO}, {FONT}"))


def _split(run: re.Match[str]) -> str:
    attributes, size, content = run.groups()
    if not _OTHER.search(unescape(content)):
        return run[0]
    text = unescape(content)
    place = _X.search(attributes)
    bold, mono, font_size = "bold" in attributes, bool(_IS_MONO.search(attributes)), float(size)

    def measured(part: str) -> float:
        return width(part, font_size, bold, mono)

    if place is None or "textLength" in attributes:
        return _piece(attributes, text, _kind(_OTHER.findall(text)[0]), measured(text))
    x = float(place[1]) - measured(text) * _share_before(attributes)
    attributes = _ANCHOR.sub("", attributes)
    pieces = []
    for kind, part in _pieces(text):
        # Spaces at either end of a text are not drawn: what follows them begins where they end.
        start = x + measured(part) - measured(part.lstrip())
        moved = _X.sub(f'x="{start:.2f}"', attributes, count=1)
        pieces.append(
            _piece(moved, part.strip(), kind, measured(part.strip())) if part.strip() else ""
        )
        x += measured(part)
    return "".join(pieces)


def _share_before(attributes: str) -> float:
    """How much of a text stands before its place."""
    found = _ANCHOR.search(attributes)
    return {"middle": 0.5, "end": 1.0}.get(found[1], 0.0) if found else 0.0


def _kind(character: str) -> str:
    """Which fonts a character asks for: "" for Liberation, "wide" for those of East Asia, "sign" for all others."""
    if not _OTHER.match(character):
        return ""
    return "wide" if east_asian_width(character) in "WF" else "sign"


def _pieces(text: str) -> list[tuple[str, str]]:
    """Return the stretches of a text that ask for the same fonts; spaces and marks go with what is before them."""
    found: list[tuple[str, str]] = []
    for character in text:
        kind = _kind(character)
        if found and (kind == found[-1][0] or character == " " or combining(character)):
            found[-1] = (found[-1][0], found[-1][1] + character)
        else:
            found.append((kind, character))
    return found


def _piece(attributes: str, text: str, kind: str, room: float) -> str:
    """Return a stretch of a text; what has a font of unknown width is fitted to its room."""
    written = text.translate(_AMPERSANDS)
    if not kind:
        return f"<text{attributes}>{written}</text>"
    fitted = (
        ""
        if "textLength" in attributes
        else f' textLength="{room:.1f}" lengthAdjust="spacingAndGlyphs"'
    )
    return f'<text{attributes}{fitted} style="font-family:{_FAMILIES[kind]}">{written}</text>'
