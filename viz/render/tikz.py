"""A picture for LaTeX: our own SVG, element by element, as a TikZ picture in a document."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from scalargrad.errors import PictureError
from viz.look.tex_text import escape_tex, needs_other_signs

from .path_segments import Segment, read_path, round_rectangle
from .svg_writer import format_coordinate

_SVG = "{http://www.w3.org/2000/svg}"
_HEAD = r"""% A picture by scalargrad. pdflatex, lualatex and xelatex compile it.
% The signs of mathematics in every size, not only in a few.
\RequirePackage{fix-cm}
\documentclass[tikz]{standalone}
\ifdefined\Umathchar\else
\usepackage[T1]{fontenc}
\renewcommand{\sfdefault}{phv}
% Courier is pale: another typewriter where there is one.
\renewcommand{\ttdefault}{pcr}
\IfFileExists{t1txtt.fd}{\renewcommand{\ttdefault}{txtt}}{}
\fi
"""
_OTHER_SIGNS = r"""
% Signs that pdflatex has no letters for: lualatex and xelatex have those of the font.
\ifdefined\Umathchar\newcommand{\sign}[1]{\symbol{"#1}}
% A box with the number of the sign is as wide as the sign.
\else\newcommand{\sign}[1]{\resizebox{0.95em}{!}{\fbox{\sffamily#1}}}\fi
"""
# One unit is one pixel of the SVG, and y grows downward as there.
_BEGIN = r"""\begin{document}
\begin{tikzpicture}[x=1bp, y=-1bp, inner sep=0pt, outer sep=0pt]
"""
_END = r"""\end{tikzpicture}
\end{document}
"""
_MAX_SIDE = 16000.0
"""Pixels that a picture may be wide or high: TeX has no larger lengths."""
_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}
_TRANSLATE = re.compile(r"translate\((-?[\d.]+) (-?[\d.]+)\)")
_SKIPPED = ("title", "desc", "style")


def render_tikz(svg: str) -> str:
    """Return a LaTeX document with the picture, which needs no package but TikZ.

    All text is escaped: a label can't hold a command.

    Args:
        svg: A document of ours in one theme.

    Raises:
        PictureError: The picture has images, as heat maps are, or is too large for TeX.

    Example:
        >>> line = '<path d="M0 0L9 4" stroke="#ff0000"/>'
        >>> print(render_tikz(f'<svg xmlns="http://www.w3.org/2000/svg">{line}</svg>').splitlines()[-3])
        \\path[draw=cff0000] (0,0) -- (9,4);
    """
    writer = _TikzWriter()
    root = ElementTree.fromstring(svg)
    _check_size(root)
    lines = list(writer.write_children(root))
    colors = [rf"\definecolor{{c{code}}}{{HTML}}{{{code.upper()}}}" for code in writer.colors]
    signs = _OTHER_SIGNS if writer.has_other_signs else ""
    body = "\n".join([*colors, *lines])
    return f"{_HEAD}{signs}{_BEGIN}{body}\n{_END}"


def _check_size(root: ElementTree.Element) -> None:
    sides = [float(root.get(name, "0")) for name in ("width", "height")]
    if max(sides) > _MAX_SIDE:
        size = " x ".join(f"{side:,.0f}" for side in sides)
        raise PictureError(
            f"a picture of {size} pixels is too large for TeX, which takes {_MAX_SIDE:,.0f}: draw "
            "it at a coarser level, or save it as .pdf"
        )


class _TikzWriter:
    """Writes elements as TikZ commands.

    Attributes:
        colors: The codes of the colors so far.
        has_other_signs: Whether a text has signs that pdflatex may not know.
    """

    def __init__(self) -> None:
        self.colors: dict[str, None] = {}
        self.has_other_signs = False

    def write_children(self, element: ElementTree.Element) -> Iterator[str]:
        """Yield the commands of what is inside an element."""
        for child in element:
            name = child.tag.removeprefix(_SVG)
            if name == "g":
                yield from self._write_group(child)
            elif name == "text":
                yield self._write_text(child)
            elif name in ("rect", "path", "circle"):
                yield self._write_shape(child, list(_segments(name, child)))
            elif name not in _SKIPPED:
                raise PictureError(
                    f"{name}s can't be written as TikZ: heat maps are saved as .pdf, and as .tex "
                    "what is drawn as cards, chips or neurons"
                )

    def _write_group(self, group: ElementTree.Element) -> Iterator[str]:
        options = []
        transform = group.get("transform")
        if transform is not None:
            shift = _TRANSLATE.fullmatch(transform)
            if shift is None:
                raise PictureError(f"{transform} can't be written as TikZ")
            options.append(f"shift={{({shift[1]},{shift[2]})}}")
        if opacity := group.get("opacity"):
            # The group as one: where its parts overlap, nothing shines through.
            options.append(f"opacity={opacity}, transparency group")
        lines = list(self.write_children(group))
        if not options:
            yield from lines
            return
        yield rf"\begin{{scope}}[{', '.join(options)}]"
        yield from lines
        yield r"\end{scope}"

    def _write_shape(self, element: ElementTree.Element, segments: list[Segment]) -> str:
        options = []
        for attribute, key in (("fill", "fill"), ("stroke", "draw")):
            code = element.get(attribute, "none")
            if code != "none":
                options.append(f"{key}={self._color(code)}")
        if stroke_width := element.get("stroke-width"):
            options.append(f"line width={stroke_width}bp")
        if dashes := element.get("stroke-dasharray"):
            lengths = dashes.split()
            pairs = zip(lengths[::2], lengths[1::2], strict=True)
            pattern = " ".join(f"on {on}bp off {off}bp" for on, off in pairs)
            options.append(f"dash pattern={pattern}")
        if opacity := element.get("opacity"):
            options.append(f"opacity={opacity}")
        return rf"\path[{', '.join(options)}] {_write_path(segments)};"

    def _write_text(self, element: ElementTree.Element) -> str:
        text = element.text or ""
        self.has_other_signs |= needs_other_signs(text)
        size = float(element.get("font-size", "10"))
        family = r"\ttfamily" if "m" in element.get("class", "").split() else r"\sffamily"
        weight = r"\bfseries\boldmath" if element.get("font-weight") == "bold" else ""
        leading = format_coordinate(1.2 * size)
        font = rf"\fontsize{{{format_coordinate(size)}bp}}{{{leading}bp}}{family}{weight}"
        anchor = _ANCHORS[element.get("text-anchor", "start")]
        color = self._color(element.get("fill", "#000000"))
        options = f"anchor={anchor}, text={color}, font={font}\\selectfont"
        if opacity := element.get("opacity"):
            options += f", opacity={opacity}"
        place = f"({element.get('x', '0')},{element.get('y', '0')})"
        return rf"\node[{options}] at {place} {{{escape_tex(text)}}};"

    def _color(self, code: str) -> str:
        digits = code.removeprefix("#")
        self.colors[digits] = None
        return f"c{digits}"


def _segments(name: str, element: ElementTree.Element) -> Iterator[Segment]:
    """Yield the segments of a shape, whatever element it is."""

    def length(attribute: str) -> float:
        return float(element.get(attribute, "0"))

    if name == "path":
        yield from read_path(element.get("d", ""))
    elif name == "circle":
        radius = length("r")
        left = length("cx") - radius
        top = length("cy") - radius
        yield from round_rectangle(left, top, 2 * radius, 2 * radius, radius)
    else:
        sides = (length("width"), length("height"))
        yield from round_rectangle(length("x"), length("y"), *sides, length("rx"))


def _write_path(segments: list[Segment]) -> str:
    parts = []
    for command, points in segments:
        written = [f"({format_coordinate(x)},{format_coordinate(y)})" for x, y in points]
        if command == "M":
            parts.append(written[0])
        elif command == "L":
            parts.append(f"-- {written[0]}")
        elif command == "C":
            parts.append(f".. controls {written[0]} and {written[1]} .. {written[2]}")
        else:
            parts.append("-- cycle")
    return " ".join(parts)
