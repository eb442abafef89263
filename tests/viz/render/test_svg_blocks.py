"""The blocks view as SVG: type that can be read, no text on another, any name, every theme."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations
from math import inf, nan
from xml.etree import ElementTree

import pytest

from tests.viz import block_pictures as pictures
from tests.viz.hostile import HOSTILE
from tests.viz.render.test_svg import NS, check_safe
from viz.drawing import Drawing
from viz.layout.geometry import Rect
from viz.look.text import clean, width
from viz.look.theme import DARK, LIGHT
from viz.model.block_card import Block
from viz.model.heatmap import Map
from viz.model.picture import Group, Node, Picture

PICTURES = {
    "gpt": pictures.gpt_picture(),
    "three panels": pictures.gpt_picture(3),
    "no head": pictures.gpt_picture(1, has_head=False),
    "before backward": pictures.without_gradients(pictures.gpt_picture()),
    "chain": pictures.chain_picture(),
    "frames": pictures.nested_picture(),
    "cycle": pictures.cycle_picture(),
}
WIDTHS = (1600.0, 900.0, 840.0, 390.0)
CASES = [(name, width) for name in PICTURES for width in WIDTHS]


def parse(picture: Picture, shown_width: float, theme: str = "light") -> ElementTree.Element:
    return ElementTree.fromstring(Drawing([picture], theme, width=shown_width).svg())


@cache
def document(name: str, shown_width: float) -> ElementTree.Element:
    return parse(PICTURES[name], shown_width)


def texts(
    element: ElementTree.Element, dx: float = 0.0, dy: float = 0.0
) -> Iterator[tuple[str, float, Rect]]:
    """Each text with its size and where it is on the page."""
    moved = re.fullmatch(r"translate\((\S+) (\S+)\)", element.get("transform", ""))
    if moved:
        dx += float(moved[1])
        dy += float(moved[2])
    if element.tag == f"{NS}text" and element.text:
        size = float(element.get("font-size", ""))
        is_mono = "m" in element.get("class", "").split()
        wide = width(element.text, size, bold=element.get("font-weight") == "bold", mono=is_mono)
        anchor = element.get("text-anchor", "start")
        shift = {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        x = float(element.get("x", "")) + dx - shift
        y = float(element.get("y", "")) + dy
        yield element.text, size, Rect(x, y - 0.72 * size, wide, 0.8 * size)
    for child in element:
        yield from texts(child, dx, dy)


@pytest.mark.parametrize(("name", "shown_width"), CASES)
def test_no_type_is_smaller_than_11(name: str, shown_width: float) -> None:
    assert min(size for _, size, _ in texts(document(name, shown_width))) >= 11.0


@pytest.mark.parametrize(("name", "shown_width"), CASES)
def test_no_text_is_on_another(name: str, shown_width: float) -> None:
    found = [(text, rect) for text, _, rect in texts(document(name, shown_width))]
    # Letters of neighboring columns may touch.
    pairs = combinations(found, 2)
    assert not [(a, b) for (a, r), (b, s) in pairs if r.shrink(1, 1).overlap(s.shrink(1, 1)) > 1]


@pytest.mark.parametrize(("name", "shown_width"), CASES)
def test_no_text_is_cut_at_the_page(name: str, shown_width: float) -> None:
    root = document(name, shown_width)
    page = Rect(0, 0, float(root.get("width", "")), float(root.get("height", "")))
    for text, _, rect in texts(root):
        assert rect.x >= 0, text
        assert rect.right <= page.right, text
        assert rect.bottom <= page.bottom, text


@pytest.mark.parametrize("shown_width", WIDTHS)
def test_the_page_is_as_wide_as_asked_for_at_most(shown_width: float) -> None:
    root = document("gpt", shown_width)
    assert float(root.get("width", "")) <= shown_width


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("theme", ["auto", "light", "dark", "transparent"])
def test_a_picture_is_plain_svg_in_every_theme(name: str, theme: str) -> None:
    picture = PICTURES[name]
    root = parse(picture, 840.0, theme)
    check_safe(root)
    symbols = [g for g in root.iter(f"{NS}g") if g.get("role") == "graphics-symbol"]
    assert len(symbols) == len(picture.nodes)
    assert all(symbol.find(f"{NS}title") is not None for symbol in symbols)


def test_dark_has_no_light_colors() -> None:
    svg = Drawing([pictures.nested_picture()], "dark").svg()
    assert DARK.card in svg
    assert LIGHT.group not in svg
    assert LIGHT.ink not in svg


def test_hostile_names_stay_text() -> None:
    nodes = []
    blocks = []
    for i, text in enumerate(HOSTILE):
        shown = clean(text)
        nodes.append(Node(f"n{i}", "module", label=shown, name=text))
        blocks.append(Block(f"n{i}", title=shown, line=shown, values=3, calls=2, note=shown))
    groups = (Group("a", "<b>x</b>", detail="]]>", calls=2),)
    picture = Picture(
        "blocks", tuple(nodes), groups=groups, blocks=tuple(blocks), title="</title><script>"
    )
    grouped = tuple(replace(node, group="a") for node in nodes)
    check_safe(parse(replace(picture, nodes=grouped), 390.0))


@pytest.mark.parametrize("name", ["W" * 60, "日本語の重み" * 9, "עברית" * 9, "<b>bold</b>"])
def test_a_long_name_stays_in_its_box(name: str) -> None:
    build = pictures.Builder()
    build.linear("n0", name, "", name)
    picture = build.picture("names")
    placed = Drawing([picture], width=390.0).placed
    box = placed.nodes["n0"]
    root = parse(picture, 390.0)
    margin = 12.0
    titles = [rect for text, size, rect in texts(root) if size == 14.0 and text[:1] == name[:1]]
    assert titles
    assert all(rect.right <= margin + box.right for rect in titles)


def test_numbers_that_are_not_finite_are_in_the_color_of_alarm() -> None:
    shown = Map("grad", 1, 3, (nan, inf, 1.0))
    block = Block("n0", title="x", values=3, strip=shown, norm=nan)
    picture = Picture("blocks", (Node("n0", "module"),), blocks=(block,))
    svg = Drawing([picture], "light").svg()
    assert not picture.is_finite
    assert LIGHT.alarm in svg
    assert picture.largest == 1.0


def test_the_seed_of_the_root_is_not_on_the_scale() -> None:
    seed = Block("n1", kind="root", strip=Map("grad", 1, 1, (1.0,)))
    block = Block("n0", strip=Map("grad", 1, 2, (0.25, -0.5)))
    nodes = (Node("n0", "module"), Node("n1", "module", root=True))
    assert Picture("blocks", nodes, blocks=(block, seed)).largest == 0.5


def test_a_thicker_line_carries_more_gradient_back() -> None:
    build = pictures.Builder()
    for id in "abc":
        build.plain(id, id)
    build.edge("a", "b", flow=0.001)
    build.edge("b", "c", flow=1.0)
    svg = Drawing([build.picture()], "light").svg()
    widths = dict(re.findall(r'<title>(\S+ → \S+),.*?stroke-width="([\d.]+)"', svg))
    assert float(widths["b → c"]) > float(widths["a → b"])


def test_a_tooltip_says_a_box_in_words() -> None:
    svg = Drawing([pictures.gpt_picture()], "light").svg()
    assert "gpt.attention0.q, linear 16 → 16, 2,560 values in 5 calls, gradient norm 0.1" in svg


def test_before_backward_nothing_speaks_of_gradients() -> None:
    picture = pictures.without_gradients(pictures.chain_picture())
    words = [text for text, _, _ in texts(parse(picture, 840.0))]
    assert not [text for text in words if "gradient" in text.lower() and "norm" not in text]
    assert any("numbers" in text for text in words)


def test_the_same_picture_is_the_same_bytes() -> None:
    first = Drawing([pictures.gpt_picture()], width=840.0).svg()
    assert Drawing([pictures.gpt_picture()], width=840.0).svg() == first
