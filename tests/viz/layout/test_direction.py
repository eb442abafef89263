"""Directions: the same picture from left to right, downward, from right to left and upward."""

import re
from collections.abc import Callable
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest

import viz
from scalargrad import Value
from scalargrad.errors import OptionError
from scalargrad.nn import MLP
from tests.viz.graphs import network, neuron
from viz.drawing import Drawing
from viz.layout.direction import DIRECTIONS, turn_point
from viz.layout.geometry import Rect
from viz.layout.node_size import measure_node
from viz.layout.placed import PlacedPicture
from viz.look.text import width as measure
from viz.render.svg_writer import path_data

FIRST: dict[str, Callable[[Rect], float]] = {
    "LR": lambda rect: rect.x,
    "TB": lambda rect: rect.y,
    "RL": lambda rect: -rect.right,
    "BT": lambda rect: -rect.bottom,
}
LAST: dict[str, Callable[[Rect], float]] = {
    "LR": lambda rect: rect.right,
    "TB": lambda rect: rect.bottom,
    "RL": lambda rect: -rect.x,
    "BT": lambda rect: -rect.y,
}
MADE: dict[str, dict[str, Any]] = {
    "cards": {"target": neuron()},
    "boxes": {"target": network([3, 1]), "expand": ["layers.0.neurons.1"]},
    "chips": {"target": network([3, 1]), "level": "chips"},
    "neurons": {"target": network([4, 3, 1]), "level": "neurons"},
}


def place(name: str, rankdir: str) -> PlacedPicture:
    options = dict(MADE[name])
    return viz.draw(options.pop("target"), rankdir=rankdir, **options).placed


@pytest.mark.parametrize("rankdir", DIRECTIONS)
@pytest.mark.parametrize("name", MADE)
def test_every_edge_runs_the_way_of_the_picture(name: str, rankdir: str) -> None:
    placed = place(name, rankdir)
    for edge in placed.picture.edges:
        source = placed.nodes[edge.source]
        target = placed.nodes[edge.target]
        assert LAST[rankdir](source) < FIRST[rankdir](target)


@pytest.mark.parametrize("rankdir", DIRECTIONS)
@pytest.mark.parametrize("name", MADE)
def test_nothing_overlaps_and_all_is_on_the_page(name: str, rankdir: str) -> None:
    placed = place(name, rankdir)
    page = Rect(0, 0, placed.width, placed.height).shrink(-0.1, -0.1)
    for rect in (*placed.nodes.values(), *placed.groups.values()):
        assert rect.overlap(page) == pytest.approx(rect.width * rect.height)
    for one, two in combinations(placed.nodes.values(), 2):
        assert not one.overlap(two)


@pytest.mark.parametrize("rankdir", DIRECTIONS)
@pytest.mark.parametrize("name", MADE)
def test_nodes_keep_their_sizes(name: str, rankdir: str) -> None:
    placed = place(name, rankdir)
    for node in placed.picture.nodes:
        rect = placed.nodes[node.id]
        size = measure_node(node, placed.picture.level, placed.picture.numbered)
        assert (rect.width, rect.height) == pytest.approx(size)


@pytest.mark.parametrize("rankdir", DIRECTIONS)
@pytest.mark.parametrize("name", MADE)
def test_edges_begin_and_end_at_their_nodes(name: str, rankdir: str) -> None:
    placed = place(name, rankdir)
    for edge, route in zip(placed.picture.edges, placed.routes, strict=True):
        for id, (x, y) in ((edge.source, route[0]), (edge.target, route[-1])):
            rect = placed.nodes[id]
            across = min(abs(x - rect.x), abs(x - rect.right))
            down = min(abs(y - rect.y), abs(y - rect.bottom))
            assert min(across, down) < 0.01
            assert rect.shrink(-0.01, -0.01).overlap(Rect(x, y, 0.001, 0.001)) > 0


@pytest.mark.parametrize("rankdir", DIRECTIONS)
def test_a_heading_has_its_space_above_what_is_in_the_box(rankdir: str) -> None:
    placed = place("boxes", rankdir)
    for node in placed.picture.nodes:
        if node.group:
            box = placed.groups[node.group]
            rect = placed.nodes[node.id]
            assert rect.y - box.y >= 29.9
            assert rect.overlap(box) == pytest.approx(rect.width * rect.height)


@pytest.mark.parametrize("rankdir", DIRECTIONS)
def test_arrows_point_at_their_targets(rankdir: str) -> None:
    drawing = viz.draw(Value(2.0, label="x").tanh(), rankdir=rankdir, theme="light")
    (route,) = drawing.placed.routes
    tip = path_data("M", *route[-1], "L")
    (head,) = re.findall(rf'd="({tip}[^"]*)Z"', drawing.svg())
    points = [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", head)]
    rects = [Rect(x, y, 0, 0) for x, y in points]
    # The tip comes last in the direction of the picture, and the two others are level.
    assert LAST[rankdir](rects[0]) > LAST[rankdir](rects[1]) == LAST[rankdir](rects[2])


@pytest.mark.parametrize("rankdir", DIRECTIONS)
def test_turning_twice_changes_nothing(rankdir: str) -> None:
    assert turn_point(turn_point((3.0, -7.0), rankdir), rankdir) == (3.0, -7.0)


def test_source_for_other_programs_runs_the_same_way(tmp_path: Any) -> None:
    drawing = viz.draw(neuron(), rankdir="TB")
    assert 'rankdir="TB"' in drawing.save(tmp_path / "a.dot").read_text()
    assert drawing.save(tmp_path / "a.mmd").read_text().startswith("flowchart TB\n")


def test_a_direction_that_is_none() -> None:
    with pytest.raises(OptionError, match="rankdir must be one of LR, TB, RL, BT, not 'TD'"):
        viz.draw(neuron(), rankdir="TD")


@pytest.mark.parametrize("options", [{"level": "layers"}, {}])
def test_layers_run_from_left_to_right(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="layers run from left to right"):
        viz.draw(MLP(100, [60, 1])([0.0] * 100), rankdir="TB", **options)


def test_the_backward_pass_is_played_downward() -> None:
    drawing = viz.draw(neuron(), rankdir="TB")
    assert isinstance(drawing, Drawing)
    document = viz.animate(drawing).still(3.0)
    ElementTree.fromstring(document)


# Together with a width


@pytest.mark.parametrize("theme", ["light", "transparent"])
@pytest.mark.parametrize("rankdir", DIRECTIONS)
@pytest.mark.parametrize("width", [390, 840, 1600])
@pytest.mark.parametrize("name", MADE)
def test_directions_are_kept_at_every_width(
    name: str, width: int, rankdir: str, theme: str
) -> None:
    options = dict(MADE[name])
    target = options.pop("target")
    drawing = viz.draw(target, rankdir=rankdir, width=width, show="data", theme=theme, **options)
    if rankdir != "LR":
        assert drawing.picture.rankdir == rankdir
        assert not drawing.placed.splits
    document = drawing.svg()
    ElementTree.fromstring(document)
    assert min(map(float, re.findall(r'font-size="([\d.]+)"', document))) >= 11.0
    for one, two in combinations(drawing.placed.nodes.values(), 2):
        assert one.overlap(two) < 0.5


@pytest.mark.parametrize("rankdir", ["TB", "BT"])
def test_layers_have_their_names_beside_them_or_above_where_that_is_too_wide(rankdir: str) -> None:
    target = network([4, 3, 1])
    for width, is_beside in ((None, True), (390, False)):
        placed = viz.draw(target, level="neurons", rankdir=rankdir, width=width).placed
        titles = [heading for heading in placed.headings if heading.is_title]
        assert [heading.text for heading in titles] == [
            column.title for column in placed.picture.columns[:: 1 if rankdir == "TB" else -1]
        ]
        for heading in placed.headings:
            size = 13 if heading.is_title else 11
            wide = measure(heading.text, size, bold=heading.is_title)
            text = Rect(0, heading.baseline - 10, wide, 12)
            assert not any(text.overlap(rect) for rect in placed.nodes.values())
        levels = {rect.y for rect in placed.nodes.values()}
        found = [any(y < title.baseline < y + 34 for y in levels) for title in titles]
        assert found == [is_beside] * len(titles)


def test_headings_go_with_their_columns_to_the_other_side() -> None:
    placed = place("neurons", "RL")
    centers = {
        round(placed.nodes[column.members[0]].center, 3) for column in placed.picture.columns
    }
    assert {round(heading.x, 3) for heading in placed.headings} == centers


def test_a_phone_turns_a_chain_of_cards_downward() -> None:
    x = Value(0.5, label="x")
    y = x.tanh().exp().tanh()
    assert viz.draw(y, width="phone").picture.rankdir == "TB"
    assert viz.draw(y, width="slide").picture.rankdir == "LR"
