"""Tooltips: every node of every picture says its whole name, its number and its gradient."""

import re
from functools import cache
from html import unescape
from xml.etree import ElementTree

import pytest

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.nn import MLP, LSTMCell
from tests.viz.graphs import chain, network, neuron, remembered, seen
from tests.viz.hostile import HOSTILE
from tests.viz.render.test_svg import NS, check_safe, parsed
from viz.drawing import Drawing
from viz.look.text import clean, exact


def diagnosed() -> Drawing:
    model = MLP(2, [4, 1], activation="relu", seed=1)
    samples = [[0.1 * i, 1.0 - 0.3 * i] for i in range(6)]
    return viz.draw(sg.diagnose(model, samples, [float(i) for i in range(6)]))


def program() -> Drawing:
    model = MLP(2, [3, 1], seed=1)
    return viz.draw(sg.compile(model, model, inputs=(2,)))


def memory() -> Value:
    cell = LSTMCell(2, 2, seed=1)
    state = cell([0.1, 0.2], cell([0.3, 0.4]))
    loss = state[0][0] + state[0][1]
    loss.backward()
    return loss


DRAWINGS = {
    "cards": lambda: viz.draw(neuron()),
    "boxes": lambda: viz.draw(network([4, 1]), level="cards", expand="*"),
    "closed": lambda: viz.draw(network([16, 1]), level="cards"),
    "chips": lambda: viz.draw(network([4, 4, 1]), level="chips"),
    "neurons": lambda: viz.draw(network([4, 4, 1], samples=3), level="neurons"),
    "memory": lambda: viz.draw(memory(), level="neurons"),
    "layers": lambda: viz.draw(remembered(), level="layers"),
    "images": lambda: viz.draw(seen(), level="layers"),
    "network": lambda: viz.draw(MLP(2, [4, 1], seed=1)),
    "condensed": lambda: viz.draw(chain(500)),
    "program": program,
    "dictionary": lambda: viz.draw({"y": ["x", "w"]}),
    "diagnosis": diagnosed,
    "explanation": lambda: viz.explain(o := neuron(), o.args[0]).draw(),
}


@cache
def drawn(name: str) -> Drawing:
    """One of the drawings, which the tests of this file share."""
    return DRAWINGS[name]()


def titles(drawing: Drawing) -> list[str]:
    """The tooltips of an SVG, without the title of the document."""
    return [element.text or "" for element in parsed(drawing).iter(f"{NS}title")][1:]


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_node_has_a_tooltip_with_its_name(name: str) -> None:
    drawing = drawn(name)
    said = titles(drawing)
    assert len(said) >= len(drawing.picture.nodes) > 0
    for node in drawing.picture.nodes:
        assert any((node.name or node.label) in title for title in said)


@pytest.mark.parametrize("name", [name for name in DRAWINGS if name not in ("layers", "images")])
def test_tooltips_tell_every_digit(name: str) -> None:
    drawing = drawn(name)
    said = " | ".join(titles(drawing))
    for node in drawing.picture.nodes:
        if node.data is not None:
            assert f"data {exact(node.data)}" in said
        if node.grad is not None:
            assert re.search(
                rf"gradient( norm of \d+ outputs)? {re.escape(exact(node.grad))}", said
            )


def test_boxes_of_open_modules_have_tooltips() -> None:
    drawing = drawn("boxes")
    said = titles(drawing)
    for group in drawing.picture.groups:
        assert f"{group.path.replace('/', '.')}, {group.detail}" in said


LONG = "the weight of the first input of the second hidden unit in the encoder of the network"


@pytest.mark.parametrize("level", ["cards", "chips", "neurons"])
def test_a_label_that_is_cut_is_whole_in_the_tooltip(level: str) -> None:
    y = Value(2.0, label=LONG) * Value(0.0, label=f"{LONG}, too")
    y.backward()
    said = " | ".join(titles(viz.draw(y, level=level)))
    assert LONG in said
    assert f"{LONG}, too" in said


def test_graphviz_has_the_same_tooltips() -> None:
    y = Value(2.0, label=LONG) * 3.0
    y.backward()
    for style in ("cards", "classic"):
        source = viz.draw_dot(y, style=style).source
        assert f'tooltip="input {LONG}, data 2.0, gradient 3.0"' in source


def test_boxes_of_graphviz_have_tooltips() -> None:
    source = viz.draw_dot(network([2, 1]), style="cards").source
    made = viz.draw_dot(network([2, 1]), style="classic").source
    for text in (source, made):
        assert re.search(r'tooltip="layers\.0\.neurons\.1, 3 parameters', text)


@pytest.mark.parametrize("level", ["cards", "chips"])
def test_no_text_breaks_a_tooltip(level: str) -> None:
    values = [Value(0.0, label=text * 3) for text in HOSTILE]
    root = sg.sum(values)
    root.backward()
    document = parsed(viz.draw(root, level=level))
    check_safe(document)
    said = [element.text or "" for element in document.iter(f"{NS}title")]
    for text in HOSTILE[::9]:
        assert any(clean(text * 3, 300) in title for title in said)


def test_tooltips_do_not_grow_without_bound() -> None:
    y = Value(1.0, label="x" * 100_000) * 2.0
    assert len(viz.draw(y).svg()) < 20_000


def test_the_last_frame_of_an_animation_has_tooltips() -> None:
    o = neuron()
    said = {unescape(title) for title in re.findall("<title>([^<]*)</title>", viz.animate(o).svg())}
    for node in viz.draw(o).picture.nodes:
        assert any(title.endswith(f"gradient {exact(node.grad)}") for title in said)


@pytest.mark.parametrize("level", ["cards", "chips", "neurons", "layers"])
def test_red_is_in_the_legend_where_there_is_any(level: str) -> None:
    def words(number: float) -> str:
        loss = (
            MLP(1, [2, 1], activation="tanh", seed=1)([0.5]) * Value(number, label="scale")
        ) ** 2
        loss.backward()
        root = ElementTree.fromstring(viz.draw(loss, level=level).svg())
        return " ".join(element.text or "" for element in root.iter(f"{NS}text"))

    assert "nan or infinite" in words(float("inf"))
    assert "nan or infinite" not in words(1.0)
