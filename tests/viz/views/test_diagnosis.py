"""Pictures of a diagnosis: flagged units carry a ring and a word, flagged layers a word.

All of it is said in words below.
"""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

import viz
from scalargrad import data, diagnose, nn
from scalargrad.doctor import Diagnosis
from viz.look.theme import DARK, LIGHT

SVG = "{http://www.w3.org/2000/svg}"


def samples() -> tuple[list[list[float]], list[float]]:
    points, sides = data.moons(20, noise=0.1, seed=1)
    return data.StandardScaler().fit(points).transform(points).tolist(), sides.tolist()


@pytest.fixture(scope="module")
def dead() -> Diagnosis:
    model = nn.MLP(2, [5, 5, 1], seed=2)
    model.layers[0].neurons[2].bias.data = -60.0
    model.layers[1].neurons[4].bias.data = -60.0
    return diagnose(model, *samples())


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_the_right_units_are_marked(dead: Diagnosis) -> None:
    picture = viz.draw(dead).picture
    assert {node.label: node.mark for node in picture.nodes if node.mark} == {
        "layers.0.neurons.2": "dead",
        "layers.1.neurons.4": "dead",
    }
    details = [column.detail for column in picture.columns if column.title.startswith("layers")]
    assert [detail.endswith("· 1 dead") for detail in details] == [True, True, False]


@pytest.mark.parametrize(("theme", "color"), [("light", LIGHT.alarm), ("dark", DARK.alarm)])
def test_a_mark_is_a_ring_and_a_word(dead: Diagnosis, theme: str, color: str) -> None:
    svg = viz.draw(dead, theme=theme).svg()
    assert texts(svg).count("dead") == 2
    assert len(re.findall(f'<rect[^>]*stroke="{color}"', svg)) == 3  # two units, and the legend
    assert "flagged; the label says why" in texts(svg)


def test_the_word_fits_between_the_rows(dead: Diagnosis) -> None:
    drawing = viz.draw(dead)
    frames = sorted(
        (drawing.placed.nodes[node.id] for node in drawing.picture.nodes),
        key=lambda frame: (frame.x, frame.y),
    )
    gaps = [b.y - a.bottom for a, b in pairwise(frames) if a.x == b.x]
    assert (
        min(gaps) >= 9
    )  # the plate reaches 7 below its unit, the ring of the next one 2 and half a line above it


def test_the_findings_are_told_in_words(dead: Diagnosis) -> None:
    drawing = viz.draw(dead, title="A network")
    assert drawing.picture.notes[0] == f"✗ {dead.findings[0]}"
    spoken = str(drawing)
    assert "layers.1.neurons.4 gives 0 and lets no gradient through" in spoken
    assert "; dead" in spoken


def test_layers_are_named_where_the_gradient_vanishes() -> None:
    found = diagnose(
        nn.MLP(2, [4] * 8 + [1], activation="sigmoid", initializer="xavier"), *samples()
    )
    columns = viz.draw(found).picture.columns
    assert [
        column.title.split()[0] for column in columns if column.detail.endswith("· vanishing")
    ] == ["layers.0"]
    assert "gradient norm" in columns[1].detail


def test_a_healthy_network_has_no_mark() -> None:
    picture = viz.draw(diagnose(nn.MLP(2, [6, 1]), *samples())).picture
    assert picture.notes[0] == "✓ the doctor found nothing"
    assert not any(node.mark for node in picture.nodes)
    assert "flagged; the label says why" not in viz.draw(nn.MLP(2, [3, 1])).svg()


def test_flagged_units_that_are_not_drawn_are_counted() -> None:
    model = nn.MLP(2, [60, 1])
    for neuron in model.layers[0].neurons[:30]:
        neuron.bias.data = -60.0
    picture = viz.draw(diagnose(model, *samples())).picture
    drawn = sum(bool(node.mark) for node in picture.nodes)
    assert f"{30 - drawn} of the 30 units that are flagged are not drawn" in picture.notes


def test_nan_is_drawn_too() -> None:
    model = nn.MLP(2, [3, 1], activation="exp")
    model.layers[0].neurons[0].bias.data = 800.0
    svg = viz.draw(diagnose(model, *samples())).svg()
    assert any("not finite" in text for text in texts(svg))
    ElementTree.fromstring(svg)
