"""PNG and PDF from our own SVG, with fonts that come along: nothing to install in the system."""

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
from typing import Any, Literal
from unicodedata import combining, east_asian_width

from scalargrad.errors import OptionError, PictureError
from viz.look.text import width
from viz.look.theme import FONT, MONO

MAX_PIXELS = 200_000_000
"""How large a PNG may become: about 800 MB of memory while it is drawn."""

FontKind = Literal["", "wide", "sign"]
"""Which fonts a character needs: those of Liberation, of East Asia, or others."""

_SIZE = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)"[^>]*?\sheight="([\d.]+)"')
_TEXT = re.compile(r'<text\b([^>]*\bfont-size="([\d.]+)"[^>]*)>([^<]*)</text>')
_X = re.compile(r'\bx="(-?[\d.]+)"')
_ANCHOR = re.compile(r' ?text-anchor="(\w+)"')
_IS_MONO = re.compile(r'class="m[ "]')
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

# What Liberation Sans and Liberation Mono have, which come with the renderer. Where a text has one
# sign besides, the renderer takes another font for all of it, often a thin or a serif one.
_LIBERATION = (
    "\u0020-\u007e\u00a0-\u017f\u0192\u01fa-\u01ff\u0218-\u021b\u02c6\u02c7\u02c9\u02d8-\u02dd"
    "\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u03ce\u0400-\u045f\u0490\u0491\u1e80-\u1e85"
    "\u1ef2\u1ef3\u2010\u2011\u2013-\u2015\u2017-\u201e\u2020-\u2022\u2026\u2030\u2032\u2033"
    "\u2039\u203a\u203c\u203e\u2044\u207f\u20a3\u20a4\u20a7\u20ac\u2105\u2113\u2116\u2122"
    "\u2126\u212e\u215b-\u215e\u2190-\u2195\u21a8\u2202\u2206\u220f\u2211\u2212\u2215\u2219"
    "\u221a\u221e\u221f\u2229\u222b\u2248\u2260\u2261\u2264\u2265\u2302\u2310\u2320\u2321"
    "\u25a0\u25a1\u25aa-\u25ac\u25b2\u25ba\u25bc\u25c4\u25ca\u25cb\u25cf\u25d8\u25d9\u25e6"
    "\u263a-\u263c\u2640\u2642\u2660\u2663\u2665\u2666\u266a\u266b\ufb01\ufb02"
)
_NOT_LIBERATION = re.compile(f"[^{_LIBERATION}]")

# Fonts of East Asia with a plain face and a bold one come first, where one of them is installed.
_SIGN_FONTS = f"'DejaVu Sans', {FONT}"
_WIDE_FONTS = (
    "'Noto Sans CJK SC', 'Noto Sans SC', 'Source Han Sans SC', 'PingFang SC', 'Hiragino Sans GB', "
    "'Microsoft YaHei', 'WenQuanYi Micro Hei', 'Yu Gothic', 'Malgun Gothic'"
)
_FONTS = {"sign": _SIGN_FONTS, "wide": f"{_WIDE_FONTS}, {_SIGN_FONTS}"}


def render_png(svg: str, scale: float = 2.0) -> bytes:
    """Return the picture as PNG.

    Args:
        svg: A document of ours, with width and height in pixels.
        scale: Pixels of the PNG for each pixel of the SVG.

    Raises:
        PictureError: A library is missing, or the picture is too large.
        OptionError: The scale is not above 0.

    Example:
        >>> render_png('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"/>')[1:4]
        b'PNG'
    """
    if not (isfinite(scale) and scale > 0.0):
        raise OptionError(f"scale must be a number above 0, not {scale!r}")
    _check_size(svg, scale)
    return _convert("svg_to_png", svg, scale=float(scale))


def render_pdf(svg: str) -> bytes:
    """Return the picture as PDF: one page of its size, with lines, text and embedded fonts.

    Args:
        svg: A document of ours.

    Raises:
        PictureError: A library is missing.

    Example:
        >>> render_pdf('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"/>')[:5]
        b'%PDF-'
    """
    return _convert("svg_to_pdf", svg)


def _check_size(svg: str, scale: float) -> None:
    size = _SIZE.search(svg)
    if not size:
        raise PictureError("the SVG document needs a width and a height in pixels")
    wide = float(size[1]) * scale
    high = float(size[2]) * scale
    if wide * high > MAX_PIXELS:
        raise PictureError(
            f"a PNG of {wide:,.0f} × {high:,.0f} pixels is too large: use a smaller scale, or save "
            "as .svg or .pdf"
        )


def _convert(function: str, svg: str, **options: Any) -> bytes:
    renderer = _renderer()
    try:
        return bytes(getattr(renderer, function)(add_fonts(svg), **options))
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
    renderer.register_font_directory(_dejavu_folder())
    return renderer


def _dejavu_folder() -> str:
    """Return a folder with the DejaVu fonts of matplotlib; empty where that is not installed."""
    # The fonts are copied, because a font beside them has a box for every character, and would
    # replace whole words. matplotlib is not imported: that would take longer than the rest.
    folder = mkdtemp(prefix="scalargrad-fonts-")
    atexit.register(rmtree, folder, ignore_errors=True)
    spec = find_spec("matplotlib")
    if spec and spec.origin:
        fonts = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
        for font in fonts.glob("DejaVuSans*.ttf"):
            copy(font, folder)
    return folder


def add_fonts(svg: str) -> str:
    """Return the document with a font for every text.

    The renderer leaves out text for which it finds no font by name.

    Args:
        svg: A document of ours.

    Returns:
        The document, where each text with a sign that Liberation lacks is several texts side by
        side: the sign has a font that may have it, and the words around it keep theirs.

    Example:
        >>> add_fonts('<text x="0" y="9" font-size="10">a ‖</text>').count("<text")
        2
    """
    return _TEXT.sub(_split_text, svg.replace(MONO, f"{MONO}, {FONT}"))


def _split_text(element: re.Match[str]) -> str:
    attributes, size, content = element.groups()
    text = unescape(content)
    others = _NOT_LIBERATION.findall(text)
    if not others:
        return element[0]

    is_bold = "bold" in attributes
    is_mono = bool(_IS_MONO.search(attributes))

    def measure(part: str) -> float:
        return width(part, float(size), is_bold, is_mono)

    position = _X.search(attributes)
    if position is None or "textLength" in attributes:
        return _write_run(attributes, text, _font_kind(others[0]), measure(text))

    before = measure(text) * _share_before(attributes)
    x = float(position[1]) - before
    attributes = _ANCHOR.sub("", attributes)
    elements = []
    for kind, run in _split_runs(text):
        shown = run.strip()
        if shown:
            # Spaces at either end of a text are not drawn: what follows them begins where they end.
            start = x + measure(run) - measure(run.lstrip())
            moved = _X.sub(f'x="{start:.2f}"', attributes, count=1)
            elements.append(_write_run(moved, shown, kind, measure(shown)))
        x += measure(run)
    return "".join(elements)


def _share_before(attributes: str) -> float:
    """Return the share of a text that is left of its x."""
    anchor = _ANCHOR.search(attributes)
    return {"middle": 0.5, "end": 1.0}.get(anchor[1], 0.0) if anchor else 0.0


def _font_kind(character: str) -> FontKind:
    if not _NOT_LIBERATION.match(character):
        return ""
    return "wide" if east_asian_width(character) in "WF" else "sign"


def _split_runs(text: str) -> list[tuple[FontKind, str]]:
    """Return the runs of a text that need the same fonts.

    Spaces and combining marks belong to what is before them.
    """
    runs: list[tuple[FontKind, str]] = []
    for character in text:
        kind = _font_kind(character)
        if runs:
            last_kind, run = runs[-1]
            if kind == last_kind or character == " " or combining(character):
                runs[-1] = (last_kind, run + character)
                continue
        runs.append((kind, character))
    return runs


def _write_run(attributes: str, text: str, kind: FontKind, run_width: float) -> str:
    """Return a run as an element; one in a font of unknown width is stretched to its width."""
    content = text.translate(_ESCAPES)
    if not kind:
        return f"<text{attributes}>{content}</text>"
    if "textLength" not in attributes:
        attributes += f' textLength="{run_width:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f'<text{attributes} style="font-family:{_FONTS[kind]}">{content}</text>'
