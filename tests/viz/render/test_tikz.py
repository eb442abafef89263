"""LaTeX with TikZ: commands of a few known forms, the shapes of the SVG, texts that stay texts."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import hypot
from xml.etree import ElementTree

import pytest

import viz
from scalargrad.errors import PictureError
from tests.viz.graphs import network, neuron
from tests.viz.hostile import HOSTILE, together
from tests.viz.pictures import ALL, filled
from viz.drawing import Drawing
from viz.look.tex_text import escape_tex
from viz.model.picture import Picture
from viz.render.path_segments import read_path, round_rectangle
from viz.render.tikz import render_tikz

POINT = r"\(-?[\d.]+,-?[\d.]+\)"
STEP = rf" (?:-- {POINT}|-- cycle|\.\. controls {POINT} and {POINT} \.\. {POINT}|{POINT})"
OPTION = r"(?:fill=c\w{6}|draw=c\w{6}|line width=[\d.]+bp|opacity=[\d.]+"
OPTION += r"|dash pattern=on [\d.]+bp off [\d.]+bp)"
FONT = r"\\fontsize\{[\d.]+bp\}\{[\d.]+bp\}\\(?:sffamily|ttfamily)"
FONT += r"(?:\\bfseries\\boldmath)?\\selectfont"
# What a text may hold: plain signs, commands of one sign, commands with braces, mathematics.
COMMAND = r"\\[a-zA-Z]+\{[\w ]*\}|\\[{}$&#%_]|\\['`^~=.\"uHvrck]\{[a-zA-Z]\}|\{[-'`,]\}"
TEXT = rf"(?:[A-Za-z0-9 !()*+./:;=?@\[\]~]|{COMMAND}|\$\\?[a-z|A-Z'{{}}^\\0-9-]+\$)*"
FORMS = [
    rf"\\path\[(?:{OPTION}(?:, )?)*\] {POINT}(?:{STEP})*;",
    rf"\\node\[anchor=base(?: west| east)?, text=c\w{{6}}, font={FONT}\] at {POINT} \{{{TEXT}\}};",
    rf"\\begin\{{scope\}}\[(?:shift=\{{{POINT}\}}|opacity=[\d.]+, transparency group|, )+\]",
    r"\\end\{scope\}",
    r"\\definecolor\{c[0-9a-f]{6}\}\{HTML\}\{[0-9A-F]{6}\}",
]
FORM = re.compile("|".join(f"(?:{form})" for form in FORMS))


def body(tex: str) -> list[str]:
    """The commands of the picture, each of a known form."""
    head, _, rest = tex.partition("outer sep=0pt]\n")
    assert head.count(r"\documentclass[tikz]{standalone}") == 1
    commands, end, tail = rest.partition(r"\end{tikzpicture}")
    assert (end, tail) == (r"\end{tikzpicture}", "\n\\end{document}\n")
    assert tex.isascii()
    lines = commands.splitlines()
    for line in lines:
        assert FORM.fullmatch(line), line
    assert tex.count(r"\begin{") == tex.count(r"\end{")
    without_escapes = re.sub(r"\\[{}]", "", tex)
    assert without_escapes.count("{") == without_escapes.count("}")
    return lines


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_every_picture(make: Callable[[], Picture]) -> None:
    svg = Drawing([make()]).svg("light")
    lines = body(render_tikz(svg))
    root = ElementTree.fromstring(svg)
    tags = [element.tag.partition("}")[2] for element in root.iter()]
    shapes = sum(map(tags.count, ("rect", "path", "circle")))
    assert sum(line.startswith(r"\path") for line in lines) == shapes
    assert sum(line.startswith(r"\node") for line in lines) == tags.count("text")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("level", ["cards", "chips", "neurons"])
def test_every_level_and_theme(level: str, theme: str) -> None:
    svg = viz.draw(network([3, 1]), level=level, theme=theme).svg()
    lines = body(render_tikz(svg))
    used = set(re.findall(r"=c([0-9a-f]{6})", "".join(lines)))
    assert used == set(re.findall(r'(?:fill|stroke)="#([0-9a-f]{6})"', svg))


def test_no_text_breaks_out() -> None:
    def check(texts: Sequence[str]) -> None:
        # Longer texts make pictures that are too large for TeX.
        picture = replace(filled(*[text[:200] for text in texts]), level="chips")
        body(render_tikz(Drawing([picture]).svg("light")))

    together(check, HOSTILE, 40)


def test_positions_are_those_of_the_svg() -> None:
    svg = viz.draw(neuron(), theme="light").svg()
    numbers = re.findall(r'<text x="([-\d.]+)" y="([-\d.]+)"', svg)
    assert re.findall(r"at \((.*?),(.*?)\) ", render_tikz(svg)) == numbers


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("100 % & $x_1^2$", r"100 \% \& \$x\_1\textasciicircum{}2\$"),
        ("−3 × θ₁", r"$-$3 $\times$ $\theta$\textsubscript{1}"),
        ("e\u0301 Åß", r"\'{e} \r{A}\ss{}"),
        ("a--b ``c''", "a{-}{-}b {`}{`}c{'}{'}"),
        ("日本", r"\sign{65E5}\sign{672C}"),
    ],
)
def test_texts(text: str, tex: str) -> None:
    assert escape_tex(text) == tex


def test_signs_without_a_letter_have_their_command() -> None:
    plain = render_tikz(viz.draw(neuron(), theme="light").svg())
    assert r"\sign" not in plain
    wide = render_tikz(viz.draw({"日": ["x"]}, theme="light").svg())
    assert wide.count(r"\newcommand{\sign}") == 2
    assert r"{\sign{65E5}}" in wide


def test_heat_maps_are_refused() -> None:
    svg = viz.draw(network([4, 1]), level="layers", theme="light").svg()
    with pytest.raises(PictureError, match=r"heat maps are saved as \.pdf"):
        render_tikz(svg)


# Paths


def flatten(data: str, parts: int = 40) -> list[tuple[float, float]]:
    """Points along a path, by the definition of Bézier curves."""
    points: list[tuple[float, float]] = []
    for command, ends in read_path(data):
        if command != "C":
            points += ends
            continue
        x0, y0 = points[-1]
        for i in range(1, parts + 1):
            t = i / parts
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            pairs = list(zip(weights, ((x0, y0), *ends), strict=True))
            x = sum(weight * point[0] for weight, point in pairs)
            points.append((x, sum(weight * point[1] for weight, point in pairs)))
    return points


@pytest.mark.parametrize(
    ("data", "center", "radius", "length"),
    [
        ("M7 0a7 7 0 0 0 -7 7", (7, 7), 7, 10.9956),
        ("M0 0a7 7 0 0 1 -7 7", (-7, 0), 7, 10.9956),
        ("M0 0A5 5 0 1 1 5 5", (5, 0), 5, 23.5619),
        ("M0 0A5 5 0 1 0 5 5", (0, 5), 5, 23.5619),
        ("M0 0A1 1 0 0 1 8 0", (4, 0), 4, 12.5664),
    ],
)
def test_arcs_are_on_their_circle(
    data: str, center: tuple[float, float], radius: float, length: float
) -> None:
    points = flatten(data)
    distances = [hypot(x - center[0], y - center[1]) for x, y in points]
    assert max(abs(distance - radius) for distance in distances) < 0.003 * radius
    steps = [hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
    assert sum(steps) == pytest.approx(length, rel=2e-3)


def test_relative_and_repeated_commands() -> None:
    absolute = list(read_path("M1 1L3 1L3 4C3 5 4 6 5 6Z"))
    assert list(read_path("m1 1l2 0 0 3c0 1 1 2 2 2z")) == absolute
    assert list(read_path("M1 1H3V4C3 5 4 6 5 6Z")) == absolute


def test_a_radius_is_at_most_half_of_a_side() -> None:
    assert list(round_rectangle(0, 0, 10, 4, 99)) == list(round_rectangle(0, 0, 10, 4, 2))
