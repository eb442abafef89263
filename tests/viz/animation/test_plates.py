"""The arithmetic of the backward pass: beside its line, on no card and on no other arithmetic."""

import re
from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.nn import MLP
from tests.viz.graphs import neuron
from viz.animation.backward_pass import lay_out_for_plates, write_arithmetic
from viz.layout.geometry import Rect
from viz.layout.plates import place_plate
from viz.layout.stretching import stretch
from viz.model.picture import Edge, Node, Picture


def network() -> Value:
    loss = (MLP(2, [3, 1], seed=0)([1.0, -2.0]) - 1.0) ** 2
    loss.backward()
    return loss


def negative() -> Value:
    x = Value(-2.0, label="x")
    y = sg.tanh(x * -0.7 - 0.3) * -1.5 + x * x
    y.backward()
    return y


def plates(document: str) -> list[Rect]:
    """The plates of a moment, from its document."""
    found = re.findall(
        r'<rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="34" rx="5"', document
    )
    return [Rect(float(x), float(y), float(width), 34.0) for x, y, width in found]


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("make", [neuron, network, negative])
def test_plates_cover_no_card_and_no_plate(make: Callable[[], Value], rankdir: str) -> None:
    animation = viz.animate(viz.draw(make(), rankdir=rankdir))
    cards = animation.scene.placed.nodes.values()
    count = 0
    for second in animation.scene.moments():
        shown = plates(animation.still(second, "light"))
        count += len(shown)
        for plate in shown:
            assert not any(plate.overlap(card) for card in cards)
        for one, other in combinations(shown, 2):
            assert not one.overlap(other)
    # Each edge between two numbers has its plate, those into a box or a table have none.
    edges = animation.scene.placed.picture.edges
    assert count >= sum(edge.local is not None for edge in edges) > 0


RECTS = st.builds(
    Rect, st.floats(-150, 150), st.floats(-150, 150), st.floats(1, 60), st.floats(1, 30)
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(RECTS, max_size=6), st.floats(20, 90))
def test_a_free_place_is_always_found(nodes: list[Rect], width: float) -> None:
    # Nine steps of half a plate up and down are more than six cards of 30 pixels can take.
    rect, (x, y) = place_plate([(0.0, 0.0), (10.0, 0.0)], width, 34.0, nodes, [])
    assert not any(rect.overlap(node) for node in nodes)
    assert abs(rect.center - x) <= 3 * (width / 2 + 4.0)
    assert abs(rect.middle - y) <= 9 * 21.0


def test_the_line_itself_is_best() -> None:
    rect, _ = place_plate([(5.0, 7.0)], 30.0, 34.0, [], [])
    assert (rect.center, rect.middle) == (5.0, 7.0)


def test_a_plate_beside_its_line_is_led_to_it() -> None:
    picture = Picture("cards", (Node("a", "input"), Node("b", "input")))
    draw = viz.render.svg_edges.draw_plate
    writer = viz.animation.training.SvgWriter("light")
    away = draw(Rect(0, 50, 40, 34), (20.0, 10.0), ["1", "= 1"], 1.0, picture, writer)
    assert "M20 10L20 50" in away
    there = draw(Rect(0, 0, 40, 34), (20.0, 10.0), ["1", "= 1"], 1.0, picture, writer)
    assert "<path" not in there


def test_negative_factors_are_in_brackets() -> None:
    nodes = (Node("a", "input", grad=0.0), Node("b", "operation", grad=-0.00228))
    edge = Edge("a", "b", -0.00228, 5.2e-6)
    assert write_arithmetic(edge, Picture("cards", nodes)) == (
        "(−0.00228) × (−0.00228)",
        "= 5.2e−6",
    )


def test_stretching_keeps_nodes_whole_and_edges_at_their_ends() -> None:
    placed = viz.draw(network(), rankdir="LR").placed
    longer = stretch(placed, 1.4)
    assert longer.width == pytest.approx(1.4 * placed.width)
    page = Rect(0, 0, longer.width, longer.height)
    for id, rect in longer.nodes.items():
        assert (rect.width, rect.height) == (placed.nodes[id].width, placed.nodes[id].height)
        assert rect.overlap(page) == pytest.approx(rect.width * rect.height)
    for edge, route in zip(longer.picture.edges, longer.routes, strict=True):
        assert route[0][0] == pytest.approx(longer.nodes[edge.source].right)
        assert route[-1][0] == pytest.approx(longer.nodes[edge.target].x)
    for node in longer.picture.nodes:
        if node.group:
            rect = longer.nodes[node.id]
            assert rect.overlap(longer.groups[node.group]) == pytest.approx(
                rect.width * rect.height
            )


def test_chips_need_no_space() -> None:
    drawing = viz.draw(network(), level="chips")
    assert lay_out_for_plates(drawing) is drawing.placed


# Where they are shown


def test_numbers_at_the_ends_of_rows_are_in_the_scene() -> None:
    drawing = viz.draw(neuron(), width=390)
    placed = viz.animate(drawing).scene.placed
    assert len(placed.splits) == len(drawing.placed.splits) > 0
    document = viz.animate(drawing).still(2.0, "light")
    assert document.count("goes on below") == len({s.number for s in placed.splits.values()})


def test_long_captions_are_broken_into_lines_and_not_cut() -> None:
    document = viz.animate(neuron(), width=390).svg("light")
    assert "…" not in re.sub(r"<(title|desc)[^>]*>[^<]*", "", document)
    assert re.search(r"added with \+=</text>", document)


def test_stretching_moves_the_parts_of_lines_between_rows() -> None:
    placed = viz.draw(neuron(), width=390).placed
    longer = stretch(placed, 1.3)
    assert longer.splits.keys() == placed.splits.keys()
    for i, split in longer.splits.items():
        edge = longer.picture.edges[i]
        assert split.before[0][0] == pytest.approx(longer.nodes[edge.source].right)
        assert split.after[-1][0] == pytest.approx(longer.nodes[edge.target].x)
