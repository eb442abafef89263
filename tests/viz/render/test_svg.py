"""The SVG as XML: well formed, complete, safe, the same everywhere, nothing overlaps."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.nn import MLP
from tests.viz.graphs import chain, network, neuron, remembered, seen, skipped, wide
from tests.viz.hostile import HOSTILE, each, together
from tests.viz.pictures import titled
from viz.drawing import Drawing
from viz.layout.direction import is_upright
from viz.look.text import clean, width
from viz.render.svg_document import render_svg

ROOT = Path(viz.__file__).parents[1]
NS = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "title", "desc", "style", "rect", "g", "path", "text", "circle", "image"}

DRAWINGS = {
    "neuron": lambda: viz.draw(neuron(), title="A neuron"),
    "chips": lambda: viz.draw(network([4, 4, 1])),
    "open": lambda: viz.draw(network([4, 4, 1]), expand="layers.1.neurons.2"),
    "open wide": lambda: viz.draw(network([16, 16, 1]), expand="layers.1.neurons.2"),
    "everything": lambda: viz.draw(network([3, 2, 1]), expand="*"),
    "closed": lambda: viz.draw(network([4, 4, 1]), level="cards"),
    "neurons": lambda: viz.draw(network([16, 16, 1])),
    "weights": lambda: viz.draw(MLP(3, [5, 4, 2], seed=0)),
    "condensed": lambda: viz.draw(
        chain(500)
    ),  # of a longer one the layout reaches its limit, after seconds
    "before": lambda: viz.draw(Value(2.0, label="a") * 3.0),
    "lone leaf": lambda: viz.draw(Value(2.0, label="alone")),
    "empty": lambda: viz.draw({}),
    "nan": lambda: viz.draw(undefined()),
    "dictionary": lambda: viz.draw(
        {"L1": ["k1", "x", "b1"], "sigmoid": ["L1"], "loss": ["sigmoid", "y"]}
    ),
    "layers": lambda: viz.draw(wide(), title="A wide one"),
    "layers of scalars": lambda: viz.draw(network([16, 16, 1]), level="layers"),
    "layers of samples": lambda: viz.draw(network([16, 16, 1], 5), level="layers"),
    "layers of images": lambda: viz.draw(seen(), level="layers"),
    "layers in a sequence": lambda: viz.draw(remembered(), level="layers"),
    "layers passed by": lambda: viz.draw(skipped(), level="layers"),
    "layers of weights": lambda: viz.draw(MLP(30, [50, 2], seed=0), level="layers"),
    "neuron on a phone": lambda: viz.draw(neuron(), width="phone"),
    "chips in a column": lambda: viz.draw(network([4, 4, 1]), width="column"),
    "chips with data": lambda: viz.draw(network([4, 4, 1]), show="data"),
    "boxes in a column": lambda: viz.draw(network([3, 2, 1]), expand="*", width="column"),
    "neurons in a column": lambda: viz.draw(network([16, 16, 1]), width="column"),
    "neurons on a phone": lambda: viz.draw(network([4, 4, 1]), level="neurons", width="phone"),
    "layers in a column": lambda: viz.draw(wide(), width="column"),
    "layers on a phone": lambda: viz.draw(remembered(), level="layers", width="phone"),
    "two roots": lambda: viz.draw([Value(1.0) + 2.0, Value(3.0)]),
}


@cache
def drawn(name: str) -> Drawing:
    """One of the drawings, which the tests of this file share."""
    return DRAWINGS[name]()


@cache
def document(name: str) -> ElementTree.Element:
    return parsed(drawn(name))


def undefined() -> Value:
    x = Value(-1.0, label="x")
    y = sg.log(x) * Value(float("inf")) + sg.sqrt(x)
    y.backward()
    return y


def parsed(drawing: Drawing, theme: str | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.svg(theme))


def check_safe(root: ElementTree.Element) -> None:
    for element in root.iter():
        assert element.tag.removeprefix(NS) in ALLOWED
        for name in element.attrib:
            assert not name.lower().startswith("on")
            assert "href" not in name or (
                element.tag == f"{NS}image"
                and element.get(name).startswith("data:image/png;base64,")
            )
    for style in root.iter(f"{NS}style"):
        assert "url" not in style.text
        assert "@import" not in style.text


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_picture_is_well_formed_safe_and_spoken(name):
    drawing = drawn(name)
    root = document(name)
    check_safe(root)
    assert root.get("role") == "graphics-document"
    title, description = root.find(f"{NS}title"), root.find(f"{NS}desc")
    assert root.get("aria-labelledby") == title.get("id")
    assert root.get("aria-describedby") == description.get("id")
    symbols = [g for g in root.iter(f"{NS}g") if g.get("role") == "graphics-symbol"]
    assert len(symbols) == len(drawing.picture.nodes)
    assert all(symbol.find(f"{NS}title").text for symbol in symbols)


@pytest.mark.parametrize("name", DRAWINGS)
def test_nothing_stands_on_anything_else_or_off_the_page(name):
    placed = drawn(name).placed
    frames = list(placed.nodes.values())
    for i, frame in enumerate(frames):
        assert frame.x >= -0.5
        assert frame.y >= -0.5
        assert frame.right <= placed.width + 0.5
        assert frame.bottom <= placed.height + 0.5
        for other in frames[i + 1 :]:
            assert frame.overlap(other) < 0.5
    for group in placed.picture.groups:
        if placed.picture.framed and group.parent:
            inner, outer = placed.groups[group.path], placed.groups[group.parent]
            assert inner.overlap(outer) == pytest.approx(inner.width * inner.height)


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_text_is_wider_than_its_node(name):
    drawing = drawn(name)
    root = document(name)
    symbols = [g for g in root.iter(f"{NS}g") if g.get("role") == "graphics-symbol"]
    for node, symbol in zip(drawing.picture.nodes, symbols, strict=True):
        frame = drawing.placed.nodes[node.id]
        for text in symbol.iter(f"{NS}text"):
            mono = "m" in (text.get("class") or "").split()
            wide = width(
                text.text or "",
                float(text.get("font-size")),
                text.get("font-weight") == "bold",
                mono,
            )
            outside = (
                float(text.get("y")) < frame.y or float(text.get("y")) > frame.bottom
            )  # a name under a chip
            x = {"end": -wide, "middle": -wide / 2}.get(text.get("text-anchor"), 0.0) + float(
                text.get("x")
            )
            assert outside or (x >= frame.x - 0.5 and x + wide <= frame.right + 0.5), (
                node,
                text.text,
            )


@pytest.mark.parametrize("name", [name for name in DRAWINGS if not name.startswith("layers")])
def test_edges_begin_at_their_source_and_end_at_their_target(name):
    placed = drawn(name).placed
    for i, (edge, route) in enumerate(zip(placed.picture.edges, placed.routes, strict=True)):
        source, target = placed.nodes[edge.source], placed.nodes[edge.target]
        (x0, y0), (x1, y1) = route[0], route[-1]
        if placed.picture.center and x0 == pytest.approx(source.center):
            # From the output of an open neuron up to what uses it.
            # The stacked paper of a module is below it.
            assert (y0, y1) == (pytest.approx(source.y), pytest.approx(target.bottom, abs=7))
            assert x1 == pytest.approx(target.center)
            continue
        assert x0 == pytest.approx(source.right) or (
            x0 == pytest.approx(source.center) and y0 == pytest.approx(source.bottom)
        )
        assert x1 == pytest.approx(target.x) or (
            x1 == pytest.approx(target.center) and y1 == pytest.approx(target.y)
        )
        assert source.y - 0.1 <= y0 <= source.bottom + 0.1
        assert target.y - 0.1 <= y1 <= target.bottom + 0.1
        # A line to another row ends in its own row, and goes on from the start of the other.
        split = placed.splits.get(i)
        parts = [split.before, split.after] if split else [route]
        assert (parts[0][0], parts[-1][-1]) == (route[0], route[-1])
        along = 1 if is_upright(placed.picture.rankdir) else 0
        for part in parts:
            assert all(b[along] >= a[along] - 1.0 for a, b in pairwise(part)), edge


def numbers_of(root: ElementTree.Element) -> Iterator[str]:
    for text in root.iter(f"{NS}text"):
        yield text.text or ""


def test_a_card_shows_what_the_lecture_computes():
    shown = list(numbers_of(document("neuron")))
    for expected in (
        "A neuron",
        "o",
        "0.707",
        "0.881",
        "6.88",
        "−1.5",
        "∂ −3",
        "∂ 0.5",
        "tanh",
        "θ",
        "in",
    ):
        assert expected in shown


def test_an_exact_zero_is_dashed_and_an_alarm_is_not():
    assert 'stroke-dasharray="4 3"' in drawn("neuron").svg().partition("gradient</text>")[0]
    alarming = drawn("nan").svg("light")
    assert 'stroke="#c62828"' in alarming
    assert "nan" in list(numbers_of(ElementTree.fromstring(alarming)))


def test_light_carries_the_colors_and_dark_overrides_them_without_script():
    drawing = drawn("chips")
    light, dark, both = drawing.svg("light"), drawing.svg("dark"), drawing.svg("auto")
    assert "prefers-color-scheme" not in light + dark
    assert both.count("prefers-color-scheme: dark") == 1
    strip = re.compile(r' class="[^"]*"|<style>@media.*?</style>|sg[0-9a-f]{8}|class="m"')
    assert strip.sub("", both) == strip.sub("", light)
    rules = dict(re.findall(r"\.([\w-]+)\{(?:fill|stroke):(#[0-9a-f]{6})\}", both))
    assert rules["f-page"] == "#0f1419"
    assert set(rules.values()) <= set(re.findall(r"#[0-9a-f]{6}", dark))


def test_ids_are_free_of_clashes_between_two_pictures_of_one_page():
    first, second = drawn("neuron").svg(), drawn("chips").svg()
    assert not set(re.findall(r' id="(\w+)"', first)) & set(re.findall(r' id="(\w+)"', second))


def every_kind() -> str:
    """Pictures of every kind, small ones."""
    drawings = [
        drawn(name).svg()
        for name in ("chips", "open", "condensed", "neurons", "layers", "layers in a sequence")
    ]
    return "\n".join([*drawings, viz.draw_dot(network([2, 1])).source])


def test_the_same_graph_gives_the_same_bytes_in_every_process():
    program = (
        "import sys; from tests.viz.render.test_svg import every_kind; "
        "sys.stdout.buffer.write(every_kind().encode())"
    )
    expected = every_kind()
    # the order of a set of texts is another one in each, and in this process
    for seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env=environment,
            cwd=ROOT,
        )
        assert done.stdout.decode() == expected, seed


def hostile_graph(text: str) -> Value:
    x, w = Value(2.0, label=text), Parameter(3.0, label=text)
    y = Value(6.0, (x, w), text, partials=(3.0, 2.0), label=text)
    z = sg.tanh(y)
    z.label = text
    z.backward()
    return z


@pytest.mark.parametrize("level", ["cards", "chips"])
def test_no_text_can_break_the_svg(level):
    def check(texts):
        root = parsed(viz.draw([hostile_graph(text) for text in texts], level=level))
        check_safe(root)
        symbols = [g for g in root.iter(f"{NS}g") if g.get("role") == "graphics-symbol"]
        assert len(symbols) == 4 * len(texts)
        spoken = " | ".join(symbol.find(f"{NS}title").text for symbol in symbols)
        for text in texts:
            assert clean(text).removesuffix("…") in spoken  # a tooltip has it in full

    together(check, size=24)


def test_no_title_can_break_the_svg():
    placed = Drawing([titled("x")]).placed

    def check(text):
        root = ElementTree.fromstring(render_svg(replace(placed, picture=titled(text)), "auto"))
        check_safe(root)
        assert (root.find(f"{NS}title").text or "") == clean(
            text or "Expression graph of 1 values", 200
        )

    each(check)


def test_no_module_name_can_break_the_svg():
    each(check_module_name, HOSTILE[::7])


def check_module_name(text):
    class Named(sg.nn.Module):
        def __init__(self):
            setattr(self, text or "x", sg.nn.Neuron(2))
            self.inputs = 2

        def forward(self, x):
            return next(self.children())[1](x) * 2.0

    Named.__name__ = "Named" + text.replace("\0", "").encode("utf-8", "replace").decode()
    out = Named()([1.0, 2.0])
    out.backward()
    for options in ({"level": "cards"}, {"level": "neurons"}, {"level": "layers"}, {"expand": "*"}):
        drawing = viz.draw(out, **options)
        check_safe(parsed(drawing))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(max_size=80), st.floats(), st.floats())
def test_any_label_and_any_number_can_be_drawn(text, data, grad):
    value = Value(data, label=text) + 1.0
    value.backward(gradient=grad)
    check_safe(parsed(viz.draw(value, title=text)))


def test_notes_and_groups_are_escaped_too():
    drawing = viz.draw(network([4, 4, 1]), expand="layers.1.neurons.2")
    evil = "<script>alert(1)</script>"
    shown = drawing.picture
    hostile = replace(
        shown,
        notes=(evil,),
        groups=tuple(replace(group, title=evil, detail=evil) for group in shown.groups),
    )
    check_safe(ElementTree.fromstring(Drawing([hostile]).svg()))
