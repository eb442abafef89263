"""Explanations as pictures: in a column, with a heading as pictures write it."""

from typing import Any

import pytest

import viz
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.errors import OptionError
from tests.viz.graphs import network, neuron
from viz.drawing import NOTEBOOK_WIDTH, checked_width


def explained(layers: list[int]) -> viz.Explanation:
    loss = network(layers)
    leaf = next(value for value in topological([loss]) if value.label == "w0")
    return viz.explain(loss, leaf)


@pytest.mark.parametrize("layers", [[3, 1], [4, 4, 1], [8, 8, 1], [16, 16, 1]])
@pytest.mark.parametrize("width", [840.0, NOTEBOOK_WIDTH])
def test_it_fits_into_a_column(layers: list[int], width: float) -> None:
    assert explained(layers).draw(width=width).placed.width <= width


@pytest.mark.parametrize("layers", [[2, 2, 1], [4, 4, 1], [16, 16, 1]])
def test_it_fits_into_the_cell_of_a_notebook_by_default(layers: list[int]) -> None:
    assert explained(layers).draw().placed.width <= NOTEBOOK_WIDTH


def test_what_fits_runs_from_left_to_right_and_is_drawn_whole() -> None:
    loss = neuron()
    leaf = next(value for value in topological([loss]) if value.label == "w1")
    drawing = viz.explain(loss, leaf).draw()
    assert drawing.picture.rankdir == "LR"
    assert len(drawing.picture.nodes) == 10


def test_what_is_too_wide_runs_down() -> None:
    assert explained([2, 2, 1]).draw().picture.rankdir == "TB"


def test_a_direction_that_was_asked_for_is_kept() -> None:
    assert explained([2, 2, 1]).draw(rankdir="LR").picture.rankdir == "LR"


def test_what_fits_nowhere_is_as_narrow_as_it_can_be() -> None:
    found = explained([4, 4, 1])
    widths = []
    for rankdir in ("LR", "TB"):
        widths.append(found.draw(rankdir=rankdir, width=200).placed.width)
    assert found.draw(width=200).placed.width == min(widths)


def test_the_heading_names_the_weight_by_its_path() -> None:
    found = explained([4, 4, 1])
    heading = found.draw().picture.title
    assert heading.startswith("∂loss/∂layers.2.neurons.0.w0 = ")


def test_the_heading_has_three_digits_and_a_true_minus() -> None:
    x = Value(2.0, label="x")
    y = x * -1.23456789
    y.label = "y"
    assert viz.explain(y, x).draw().picture.title == "∂y/∂x = −1.23"


@pytest.mark.parametrize("width", [0, -5.0, float("nan"), float("inf"), "wide", True])
def test_widths_that_are_none(width: Any) -> None:
    with pytest.raises(OptionError, match="width must be a number of pixels"):
        explained([3, 1]).draw(width=width)


def test_directions_that_are_none() -> None:
    with pytest.raises(OptionError, match="rankdir must be one of"):
        explained([3, 1]).draw(rankdir="down")


@pytest.mark.parametrize("place", ["slide", "column", "phone"])
def test_places_are_widths(place: str) -> None:
    found = explained([4, 4, 1])
    assert found.draw(width=place).placed.is_fitting
    assert found.draw(width=place).width == checked_width(place)


def test_without_a_width_it_has_its_natural_size() -> None:
    drawing = explained([4, 4, 4, 4, 1]).draw(width=None)
    assert drawing.picture.rankdir == "LR"
    assert drawing.placed.width > NOTEBOOK_WIDTH


def test_the_middle_of_a_long_path_says_how_much_it_hides() -> None:
    x = Value(0.5, label="x")
    y = x
    for _ in range(400):
        y = y * 1.001
    drawing = viz.explain(y, x).draw()
    (gap,) = [node for node in drawing.picture.nodes if node.kind == "more"]
    assert gap.label == "385 values"
    assert ">385 values</text>" in drawing.svg()
