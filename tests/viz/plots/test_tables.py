"""Agreement, differences, bars and tables: what they show and what they leave out; errors."""

from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("matplotlib")

from matplotlib.colors import to_hex

from scalargrad import Value
from scalargrad.errors import DataError, LengthError
from viz.look.palette import LIGHT_COLORS
from viz.look.theme import LIGHT
from viz.plots import new_axes, plot_agreement, plot_bars, plot_differences, plot_svg, plot_table

PAIRS = {"first": ([1.0, -2.0, 0.0], [1.0, -2.001, 1e-9]), "second": ([Value(3.0)], [3.5])}


def axes() -> Any:
    return new_axes()[0]


def test_points_stand_where_the_two_ways_put_them() -> None:
    ax = plot_agreement(PAIRS, axes())
    assert [group.get_offsets().tolist() for group in ax.collections] == [
        [[1.0, 1.0], [-2.0, -2.001], [0.0, 1e-9]],
        [[3.0, 3.5]],
    ]
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_xlim()[0] < -2.001
    assert ax.get_xlim()[1] > 3.5
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["first", "second"]
    assert [to_hex(group.get_facecolor()[0]) for group in ax.collections] == list(LIGHT_COLORS[:2])


def test_groups_are_told_apart_without_color() -> None:
    first, second = plot_agreement(PAIRS, axes()).collections
    assert first.get_paths()[0].vertices.tolist() != second.get_paths()[0].vertices.tolist()


def test_differences_leave_out_what_has_no_place_on_their_axes_and_say_so() -> None:
    ax = plot_differences(PAIRS, axes(), allowed=1e-6)
    points = [group.get_offsets().tolist() for group in ax.collections]
    assert points == [[[2.0, pytest.approx(0.001)]], [[3.0, 0.5]]]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert "2 of 4 left out" in ax.get_xlabel()
    assert [text.get_text() for text in ax.texts] == ["allowed: 1e-06"]


def test_differences_that_are_all_nothing_can_be_drawn() -> None:
    ax = plot_differences({"equal": ([1.0, 0.0], [1.0, 0.0])}, axes(), allowed=1e-6)
    assert "2 of 2 left out" in ax.get_xlabel()
    assert ElementTree.fromstring(plot_svg(ax, "equal")).tag.endswith("svg")


@pytest.mark.parametrize("log", [False, True])
def test_bars_end_at_their_numbers(log: bool) -> None:
    ax = plot_bars({"slow": 100.0, "quick": 2.0}, axes(), log=log, pale=["slow"])
    assert [bar.get_x() + bar.get_width() for bar in ax.patches] == [
        pytest.approx(100.0),
        pytest.approx(2.0),
    ]
    assert [text.get_text() for text in ax.texts] == ["100", "2"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["slow", "quick"]
    assert ax.yaxis_inverted()
    assert [bar.get_linestyle() for bar in ax.patches] == ["--", "solid"]
    assert (
        to_hex(ax.patches[1].get_facecolor())
        == LIGHT_COLORS[0]
        != to_hex(ax.patches[0].get_facecolor())
    )


def test_a_bar_below_zero_goes_to_the_left() -> None:
    assert plot_bars({"a": -2.0, "b": 3.0}, axes()).patches[0].get_width() == -2.0


def test_a_table_names_its_rows_and_columns() -> None:
    ax = plot_table({"cat": [1.0, 0.0], "dog": [0.0, 0.5]}, ax=axes())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog"]
    assert [to_hex(square.get_facecolor()) for square in ax.patches][:2] == [LIGHT.ink, LIGHT.page]


def test_texts_in_a_table_stand_in_their_squares_and_out_from_them() -> None:
    ax = plot_table(
        {"a": [1.0, 0.0], "b": [-1.0, 1.0]},
        ax=axes(),
        signed=True,
        texts={"b": [0, 1], "a": ["x", "y"]},
    )
    assert [(text.get_text(), text.get_position()) for text in ax.texts] == [
        ("x", (0.5, 0.5)),
        ("y", (1.5, 0.5)),
        ("0", (0.5, 1.5)),
        ("1", (1.5, 1.5)),
    ]
    assert [text.get_color() for text in ax.texts][:2] == [LIGHT.page, LIGHT.ink]
    assert len({square.get_facecolor() for square in ax.patches}) == 3


@pytest.mark.parametrize(
    ("draw", "error", "words"),
    [
        (
            lambda: plot_agreement({}, axes()),
            LengthError,
            "plot_agreement needs at least one number",
        ),
        (
            lambda: plot_differences({"a": ([], [])}, axes()),
            LengthError,
            "plot_differences needs at least one number",
        ),
        (
            lambda: plot_agreement({"a": ([1.0], [])}, axes()),
            LengthError,
            "both ways: 1 and 0 of 'a'",
        ),
        (lambda: plot_bars({}, axes()), LengthError, "at least one bar"),
        (lambda: plot_bars({"a": 1.0}, axes(), texts=[]), LengthError, "1 bars, 0 texts"),
        (
            lambda: plot_bars({"a": 0.0}, axes(), log=True),
            DataError,
            r"finite and above 0, not 0\.0 \('a'\)",
        ),
        (lambda: plot_bars({"a": float("nan")}, axes()), DataError, "must be finite, not nan"),
        (lambda: plot_table({}, ax=axes()), LengthError, "at least one number"),
        (lambda: plot_table({"a": [1.0]}, ["x", "y"], axes()), LengthError, "1 columns, 2 names"),
        (
            lambda: plot_table({"a": [1.0]}, ax=axes(), texts={"a": []}),
            LengthError,
            "each column of 'a': 1 columns, 0 texts",
        ),
    ],
)
def test_errors_say_what_was_wrong(draw: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        draw()


def test_every_plot_is_light_and_dark() -> None:
    for ax in (
        plot_agreement(PAIRS, axes()),
        plot_bars({"a": 1.0}, axes(), pale=["a"]),
        plot_table({"a": [1.0, 0.5]}, ax=axes()),
    ):
        svg = plot_svg(ax, "a plot")
        ElementTree.fromstring(svg)
        assert "prefers-color-scheme:dark" in svg
