"""Comparisons as pictures: both graphs, the first difference ringed, what else differs marked."""

import re
from itertools import combinations
from math import inf, nan
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import viz
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.nn import MLP
from tests.viz.graphs import chain, network, neuron
from tests.viz.hostile import HOSTILE, together
from viz.comparison.pictures import DIFFERS, show_both
from viz.drawing import checked_width
from viz.layout.geometry import Rect
from viz.model.picture import Node


def marked(drawing: viz.Drawing, mark: str) -> list[Node]:
    return [node for node in drawing.picture.nodes if node.mark == mark]


def two(weight: float) -> Value:
    x, w = Value(2.0, label="x"), Value(weight, label="w")
    y = x * w + 1.0
    y.label = "y"
    return y


def test_the_first_difference_is_ringed_in_both_graphs() -> None:
    drawing = viz.compare(two(3.0), two(3.5)).draw()
    upper, lower = marked(drawing, "first difference")
    assert (upper.label, upper.data, upper.group) == ("w", 3.0, "s0")
    assert (lower.label, lower.data, lower.group) == ("w", 3.5, "s1")
    assert upper.detail == "other data 3.5"
    assert lower.detail == "other data 3"
    assert drawing.picture.title == "different: the value of w is 3 and 3.5"


def test_what_else_differs_is_marked_and_nothing_else() -> None:
    drawing = viz.compare(two(3.0), two(3.5)).draw()
    names = [node.label or node.formula for node in marked(drawing, DIFFERS)]
    assert names == ["x × w", "y", "x × w", "y"]
    rings = re.findall(r'stroke="#c62828" stroke-width="2.4"', drawing.svg("light"))
    assert len(rings) == 3  # one each, and one in the legend


def test_the_first_graph_is_above_the_second() -> None:
    placed = viz.compare(two(3.0), network([2, 1])).draw().placed
    assert placed.groups["s0"].bottom < placed.groups["s1"].y
    for node in placed.picture.nodes:
        box = placed.groups[node.group]
        rect = placed.nodes[node.id]
        assert rect.overlap(box) == pytest.approx(rect.width * rect.height)


def test_a_gradient_that_differs() -> None:
    first, second = neuron(), neuron()
    topological([second])[5].grad += 0.25
    upper, lower = marked(viz.compare(first, second).draw(), "first difference")
    assert upper.detail == f"other grad {show_both(upper.grad or 0.0, lower.grad or 0.0)[1]}"


def test_graphs_that_are_built_differently_are_both_drawn() -> None:
    x, other = Value(3.0, label="x"), Value(3.0, label="x")
    drawing = viz.compare(x * x + 1.0, other**2 + 1.0).draw()
    assert [node.symbol for node in marked(drawing, "made differently")] == ["×", "x²"]
    assert "built differently from node 1 on" in drawing.picture.notes[0]


def test_a_graph_that_goes_on_further() -> None:
    x = Value(3.0, label="x")
    y = x * 2.0
    drawing = viz.compare(y, y * 5.0).draw()
    assert [node.group for node in marked(drawing, "made differently")] == ["s1"]


def test_equal_graphs_have_no_mark() -> None:
    drawing = viz.compare(neuron(), neuron()).draw()
    assert not any(node.mark for node in drawing.picture.nodes)
    assert drawing.picture.title == "equal: 20 numbers agree to 1e-09"


def test_numbers_of_another_engine_are_written_on_the_graph() -> None:
    drawing = viz.compare(neuron(), {"o": (0.75, 1.0)}).draw()
    (node,) = marked(drawing, "first difference")
    assert (node.label, node.detail) == ("o", "other data 0.75")
    assert len(drawing.picture.groups) == 1


def test_of_networks_the_parameters_that_differ_are_drawn_by_path() -> None:
    first, second = MLP(2, [3, 1], seed=1), MLP(2, [3, 1], seed=1)
    second.layers[0].neurons[1].bias.data = 0.5
    drawing = viz.compare(first, second).draw()
    assert [node.label for node in drawing.picture.nodes] == ["layers.0.neurons.1.bias"] * 2
    assert [group.detail for group in drawing.picture.groups] == ["1 of 13 parameters"] * 2


def test_of_large_graphs_the_surroundings_of_the_difference_are_drawn() -> None:
    first, second = chain(5_000), chain(5_000)
    topological([second])[4_000].data += 0.5
    drawing = viz.compare(first, second).draw()
    assert len(drawing.picture.nodes) == 32
    assert len(marked(drawing, "first difference")) == 2
    assert drawing.picture.total == 10_002


def test_a_comparison_of_numbers_alone() -> None:
    number = viz.comparison.graphs.Number("value", "layers.0 of sample 1", 0.5, 0.75)
    found = viz.comparison.graphs.compare_numbers([number], 1e-9)
    drawing = found.draw()
    assert [node.data for node in drawing.picture.nodes] == [0.5, 0.75]
    equal = viz.comparison.graphs.compare_numbers([number._replace(second=0.5)], 1e-9)
    assert [node.data for node in equal.draw().picture.nodes] == [0.0]


def test_a_notebook_shows_the_picture_and_the_sentence() -> None:
    bundle = viz.compare(two(3.0), two(3.5))._repr_mimebundle_()
    assert bundle["text/html"].startswith("<img ")
    assert "different: the value of w is 3.0 and 3.5" in bundle["text/plain"]


@settings(derandomize=True, max_examples=200)
@given(st.floats(), st.floats())
def test_two_numbers_that_differ_look_different(first: float, second: float) -> None:
    one, other = show_both(first, second)
    is_same = first == second or (first != first and second != second)
    assert is_same or one != other


def test_numbers_that_are_not_finite() -> None:
    drawing = viz.compare(Value(nan) * 1.0, Value(inf) * 1.0).draw()
    ElementTree.fromstring(drawing.svg())
    assert len(marked(drawing, "first difference")) == 2


def test_hostile_labels() -> None:
    def check(texts: list[str]) -> None:
        first = Value(1.0)
        second = Value(1.5)
        for text in texts:
            first = first * Value(2.0, label=text)
            second = second * Value(2.0, label=text)
        ElementTree.fromstring(viz.compare(first, second).draw().svg())

    together(check, HOSTILE, 10)


# Where they are shown


def first_differs() -> viz.Comparison:
    first, second = neuron(), neuron()
    topological([second])[0].data += 0.5
    return viz.compare(first, second)


@pytest.mark.parametrize("width", ["slide", "column", 840, "phone"])
def test_a_comparison_keeps_within_its_width(width: float | str) -> None:
    root = ElementTree.fromstring(first_differs().draw(width=width).svg())
    assert float(root.get("width", "inf")) <= checked_width(width) + 0.5


@pytest.mark.parametrize("width", [None, 840, 390])
def test_boxes_hold_their_graphs_whatever_the_width(width: int | None) -> None:
    drawing = first_differs().draw(width=width)
    placed = drawing.placed
    assert placed.groups["s0"].bottom < placed.groups["s1"].y
    for node in placed.picture.nodes:
        rect = placed.nodes[node.id]
        assert rect.overlap(placed.groups[node.group]) == pytest.approx(rect.width * rect.height)
    for one, other in combinations(placed.nodes.values(), 2):
        assert one.overlap(other) < 0.5
    for i, (edge, route) in enumerate(zip(placed.picture.edges, placed.routes, strict=True)):
        split = placed.splits.get(i)
        start, end = (split.before[0], split.after[-1]) if split else (route[0], route[-1])
        for id, point in ((edge.source, start), (edge.target, end)):
            assert placed.nodes[id].shrink(-0.1, -0.1).overlap(Rect(*point, 0.01, 0.01)) > 0


def test_numbers_at_the_ends_of_rows_are_those_of_one_value_in_one_graph() -> None:
    placed = first_differs().draw(width=390).placed
    sources: dict[int, set[str]] = {}
    for i, split in placed.splits.items():
        sources.setdefault(split.number, set()).add(placed.picture.edges[i].source)
    assert len(sources) > 6
    assert all(len(ids) == 1 for ids in sources.values())


@pytest.mark.parametrize("width", [None, 840])
def test_the_word_on_a_ring_is_below_the_heading_of_its_box(width: int | None) -> None:
    placed = first_differs().draw(width=width).placed
    for node in placed.picture.nodes:
        if node.mark == "first difference":
            # The baseline of the heading is at 19, and the word begins 12 above its card.
            assert placed.nodes[node.id].y - 12.0 > placed.groups[node.group].y + 22.0


def test_a_loaded_comparison_is_the_same(tmp_path: Path) -> None:
    drawing = first_differs().draw(width=390)
    assert viz.load(drawing.save(tmp_path / "a.json")).svg() == drawing.svg()
