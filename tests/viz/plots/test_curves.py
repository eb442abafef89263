"""Curves and regions of classes: what they show, also without color and in the dark; errors."""

import re
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.colors import to_hex

from scalargrad import Value, softmax
from scalargrad.errors import DataError, LengthError, OptionError, UnknownNameError
from tests.viz.pictures import without_a_place
from viz.look.palette import DARK_COLORS, LIGHT_COLORS, MARKS
from viz.look.theme import DARK, LIGHT
from viz.plots import new_axes, plot_class_regions, plot_curves, plot_history, plot_svg

HISTORY = {
    "loss": [1.0, 0.5, 0.2, 0.1],
    "validation_loss": [1.1, 0.6, 0.7, 0.9],
    "accuracy": [0.5, 0.6, 0.7, 0.8],
}
POINTS, LABELS = [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]], [0, 1, 2, 3]


def corners(x: list[float]) -> list[float]:
    """The quadrant that a point is in has the largest score."""
    return [a * x[0] + b * x[1] for a, b in POINTS]


def every_plot() -> list[Callable[[Any], Any]]:
    return [
        lambda ax: plot_history(HISTORY, ax),
        lambda ax: plot_curves({str(i): [0.0, i] for i in range(7)}, ax=ax, points=POINTS),
        lambda ax: plot_class_regions(corners, POINTS, LABELS, ax, resolution=8),
    ]


def test_a_history_shows_its_losses_and_where_the_validation_loss_was_lowest() -> None:
    ax = plot_history(HISTORY, new_axes()[0])
    training, validation, ring = ax.lines
    assert training.get_xydata().tolist() == [[1, 1.0], [2, 0.5], [3, 0.2], [4, 0.1]]
    assert validation.get_ydata().tolist() == HISTORY["validation_loss"]
    assert ring.get_xydata().tolist() == [[2, 0.6]]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")


def test_names_choose_what_is_drawn_in_that_order() -> None:
    ax = plot_history(HISTORY, new_axes()[0], names=["accuracy", "loss"])
    assert [line.get_ydata()[0] for line in ax.lines] == [0.5, 1.0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["accuracy", "loss"]


def test_a_history_without_losses_shows_what_it_has() -> None:
    assert len(plot_history({"accuracy": [0.1, 0.2]}, new_axes()[0]).lines) == 1


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1.0, 3.0, 5.0, 7.0, 100.0], [[1.5, 2.0], [3.5, 6.0]]),
        ([4.0], [[1.0, 4.0]]),
        ([1e308, 1e308], [[1.5, np.inf]]),
    ],
    ids=["a rest is left out", "too few", "too large"],
)
def test_a_point_may_be_the_mean_of_several_numbers(
    numbers: list[float], expected: list[list[float]]
) -> None:
    assert (
        plot_curves({"a": numbers}, ax=new_axes()[0], mean_of=2).lines[0].get_xydata().tolist()
        == expected
    )


def test_means_stand_in_the_middle_of_their_places() -> None:
    ax = plot_curves({"a": [1.0, 2.0, 6.0]}, x=[0.0, 10.0, 50.0], ax=new_axes()[0], mean_of=3)
    assert ax.lines[0].get_xydata().tolist() == [[20.0, 3.0]]


def test_curves_and_classes_are_told_apart_without_color() -> None:
    lines = plot_curves({str(i): [0.0, i] for i in range(6)}, ax=new_axes()[0]).lines
    assert len({str(line._dash_pattern) for line in lines}) == 6
    assert len(set(MARKS)) == len(MARKS) >= len(LIGHT_COLORS)


def test_a_curve_may_end_early_and_x_may_be_given() -> None:
    ax = plot_curves({"long": [1.0, 2.0, 3.0], "short": [1.0]}, x=[0.5, 1.0, 1.5], ax=new_axes()[0])
    assert [
        line.get_xdata().tolist() if hasattr(line.get_xdata(), "tolist") else line.get_xdata()
        for line in ax.lines
    ] == [
        [0.5, 1.0, 1.5],
        [0.5],
    ]


def test_points_stand_below_the_curves() -> None:
    ax = plot_curves({"a": [1.0, 2.0]}, points=[[1.0, 1.5], (2.0, Value(1.5))], ax=new_axes()[0])
    assert ax.collections[0].get_offsets().tolist() == [[1.0, 1.5], [2.0, 1.5]]
    assert ax.collections[0].get_zorder() < ax.lines[0].get_zorder()


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf"), -1.0, 1e300])
def test_odd_numbers_are_drawn(odd: float) -> None:
    curves = plot_history({"loss": [1.0, odd], "validation_loss": [odd]}, new_axes()[0])
    assert curves.lines[0].get_ydata() == pytest.approx([1.0, odd], nan_ok=True)
    regions = plot_class_regions(lambda _: [odd, 0.0], POINTS, [0, 1, 0, 1], new_axes()[0], 4)
    assert (
        sum(
            area.get_offsets().tolist() in (POINTS[::2], POINTS[1::2])
            for area in regions.collections
        )
        == 2
    )
    for ax in (curves, regions):
        assert without_a_place(plot_svg(ax, "title")) == []


def test_each_region_holds_the_points_that_its_class_wins() -> None:
    ax = plot_class_regions(corners, POINTS, LABELS, new_axes()[0], resolution=9)
    fills = {
        to_hex(color): path
        for area in ax.collections
        for color, path in zip(area.get_facecolor(), area.get_paths(), strict=False)
    }
    samples = [
        area
        for area in ax.collections
        if len(area.get_offsets()) and area.get_offsets().tolist() != [[0.0, 0.0]]
    ]
    assert [area.get_offsets().tolist() for area in samples] == [[point] for point in POINTS]
    assert len(fills) >= 4 * 3
    lines = [
        area.get_paths()[0].vertices for area in ax.collections if not len(area.get_facecolor())
    ]
    assert len(lines) == 4
    for line in lines:  # of each class: along the two half axes that border on its quadrant
        assert np.abs(line).min(axis=1).max() < 0.25


def test_probabilities_of_a_network_may_be_the_scores_and_no_graph_is_built() -> None:
    seen: list[Value] = []

    def predict(x: list[float]) -> list[Value]:
        seen.extend(softmax([Value(x[0]), Value(x[1]), Value(0.0)]))
        return seen[-3:]

    plot_class_regions(predict, POINTS, [0, 1, 2, 0], new_axes()[0], resolution=3)
    assert len(seen) == 27
    assert not any(value.args for value in seen)


@pytest.mark.parametrize("draw", every_plot())
def test_equal_plots_are_equal_bytes_and_every_color_has_one_for_the_dark(
    draw: Callable[[Any], Any],
) -> None:
    svg, again = (plot_svg(draw(new_axes()[0]), "title") for _ in range(2))
    assert svg == again
    used = set(
        re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", re.sub(r"<style>.*?</style>", "", svg))
    )
    assert used == set(re.findall(r'\*="(?:fill|stroke): (#[0-9a-f]{6})"', svg))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: plot_history({}), LengthError, "holds nothing yet"),
        (lambda: plot_history({"loss": []}), LengthError, "holds nothing yet"),
        (
            lambda: plot_history(HISTORY, names=["los"]),
            UnknownNameError,
            "no 'los': it has loss, validation_loss, accuracy",
        ),
        (lambda: plot_curves({}), LengthError, "at least one curve"),
        (lambda: plot_curves({"a": []}), LengthError, "at least one number"),
        (lambda: plot_curves({"a": [1.0]}, points=[[1.0]]), LengthError, "pairs"),
        (lambda: plot_curves({"a": [1.0]}, mean_of=0), OptionError, "at least 1, not 0"),
        (lambda: plot_curves({"a": [1.0, 2.0]}, x=[1.0]), LengthError, "2 numbers, 1 places"),
        (lambda: plot_class_regions(corners, [], []), LengthError, "at least one sample"),
        (
            lambda: plot_class_regions(corners, POINTS, [0, 1, 2, 4]),
            LengthError,
            r"y\[3\] .* is 4, .* 0 … 3",
        ),
        (
            lambda: plot_class_regions(corners, POINTS, [0, 1, 2, 0.5]),
            LengthError,
            r"y\[3\] .* is 0\.5",
        ),
        (
            lambda: plot_class_regions(lambda _: [1.0], POINTS, [0] * 4),
            LengthError,
            "at least two classes",
        ),
        (lambda: plot_class_regions(corners, [[float("nan"), 0.0]], [1]), DataError, "finite"),
    ],
)
def test_wrong_input_is_a_clear_error(
    call: Callable[[], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        call()


# Colors, for eyes of every kind

EYES = {
    "all cones": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""What is left of linear red, green and blue (Machado, Oliveira and Fernandes 2009, severity 1)."""
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(code: str) -> Any:
    channels = np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(light: Any) -> Any:
    parts = TO_XYZ @ np.clip(light, 0.0, 1.0) / WHITE
    roots = np.where(parts > 216 / 24389, np.cbrt(parts), (24389 / 27 * parts + 16) / 116)
    return np.array([116 * roots[1] - 16, 500 * (roots[0] - roots[1]), 200 * (roots[1] - roots[2])])


@pytest.mark.parametrize("colors", [LIGHT_COLORS, DARK_COLORS])
@pytest.mark.parametrize("eye", EYES)
def test_colors_differ_for_every_eye(colors: tuple[str, ...], eye: str) -> None:
    seen = [lab(EYES[eye] @ linear(code)) for code in colors]
    for (i, first), (j, second) in combinations(enumerate(seen), 2):
        assert np.linalg.norm(first - second) >= (17 if j < 4 else 15), (colors[i], colors[j])


@pytest.mark.parametrize(("colors", "page"), [(LIGHT_COLORS, LIGHT.page), (DARK_COLORS, DARK.page)])
def test_colors_stand_out_from_the_page(colors: tuple[str, ...], page: str) -> None:
    for code in colors:
        dark, light = sorted(float(TO_XYZ[1] @ linear(each)) for each in (code, page))
        assert (light + 0.05) / (dark + 0.05) >= 3.0, code
