"""The landscape of a loss: contour lines, paths from ring to cross, light and dark; errors."""

import re
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from scalargrad import Value
from scalargrad.errors import DataError, LengthError
from scalargrad.nn import MLP, Module
from tests.viz.pictures import without_a_place
from viz.plots import new_axes, plot_descent, plot_regions, plot_svg

PATH = [[2.0, 1.0], [1.0, 1.5], [0.5, 0.5]]


def bowl(a: float, b: float) -> float:
    return a * a + 4.0 * b * b


def test_contour_lines_run_where_the_loss_is_equal() -> None:
    ax = plot_descent(bowl, {"down": PATH}, new_axes()[0], around=[[-2.0, -2.0]], resolution=80)
    lines = ax.collections[0]
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        heights = [bowl(a, b) for a, b in path.vertices]
        assert heights == pytest.approx([level] * len(heights), rel=0.05, abs=0.05)
    assert sum(len(path.vertices) > 0 for path in lines.get_paths()) >= 8


def test_a_path_goes_from_its_ring_to_its_cross() -> None:
    ax = plot_descent(bowl, {"down": PATH}, new_axes()[0], resolution=4)
    way, ring, cross = (line.get_xydata().tolist() for line in ax.lines)
    assert (way, ring, cross) == (PATH, PATH[:1], PATH[-1:])
    assert ax.get_title() == "down"


def test_several_paths_have_dashes_and_names() -> None:
    ax = plot_descent(bowl, {"one": PATH, "two": PATH[1:]}, new_axes()[0], resolution=4)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]
    assert len({line.get_linestyle() for line in ax.lines[::3]}) == 2


def test_around_widens_what_is_shown() -> None:
    shown = plot_descent(
        bowl, {"down": PATH}, new_axes()[0], around=[[-9.0, 0.0]], resolution=4
    ).get_xlim()
    assert shown[0] < -9.0


def test_the_loss_builds_no_graph() -> None:
    seen = []

    def loss(a: float, b: float) -> Value:
        seen.append(Value(a) * b)
        return seen[-1]

    plot_descent(loss, {"down": PATH}, new_axes()[0], resolution=3)
    assert len(seen) == 9
    assert not any(value.args for value in seen)


@pytest.mark.parametrize("height", [0.0, float("nan"), float("inf"), -1e300])
def test_a_flat_or_odd_landscape_is_drawn(height: float) -> None:
    ax = plot_descent(lambda *_: height, {"down": PATH}, new_axes()[0], resolution=4)
    assert ax.lines[0].get_xydata().tolist() == PATH
    assert without_a_place(plot_svg(ax, "title")) == []


def test_every_color_has_one_for_the_dark() -> None:
    svg = plot_svg(
        plot_descent(bowl, {"one": PATH, "two": PATH}, new_axes()[0], resolution=8), "title"
    )
    used = set(
        re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", re.sub(r"<style>.*?</style>", "", svg))
    )
    assert used == set(re.findall(r'\*="(?:fill|stroke): (#[0-9a-f]{6})"', svg))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: plot_descent(bowl, {}), LengthError, "at least one path"),
        (lambda: plot_descent(bowl, {"a": []}), LengthError, "'a' .* at least one place"),
        (lambda: plot_descent(bowl, {"a": [[1.0]]}), LengthError, "two numbers"),
        (lambda: plot_descent(bowl, {"a": np.array([[np.nan, 1.0]])}), DataError, "finite"),
        (lambda: plot_descent(bowl, {"a": PATH}, resolution=1), LengthError, "resolution"),
    ],
)
def test_wrong_input_is_a_clear_error(
    call: Callable[[], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_network_says_in_a_program_what_it_says_point_by_point() -> None:
    model = MLP(2, [5, 1], "tanh", seed=3)
    together = plot_regions(model, PATH, [1, -1, 1], new_axes()[0], 12)
    one_by_one = plot_regions(lambda point: model(point), PATH, [1, -1, 1], new_axes()[0], 12)
    for mine, other in zip(together.collections, one_by_one.collections, strict=True):
        for path, expected in zip(mine.get_paths(), other.get_paths(), strict=True):
            assert path.vertices == pytest.approx(expected.vertices, rel=1e-9, abs=1e-9)


def test_a_network_with_a_branch_is_asked_point_by_point() -> None:
    class Step(Module):
        def __init__(self) -> None:
            self.points = 0

        def forward(self, x: list[float]) -> float:
            self.points += 1
            return 1.0 if x[0] > 1.0 else -1.0

    model = Step()
    plot_regions(model, PATH, [1, -1, 1], new_axes()[0], 5)
    assert model.points >= 25


def test_a_loss_is_called_for_a_recording_and_not_for_every_point() -> None:
    class Bowl:
        calls = 0

        def __call__(self, a: float, b: float) -> float:
            Bowl.calls += 1
            return a * a + b * b

    plot_descent(Bowl(), {"down": PATH}, new_axes()[0], resolution=20)
    assert Bowl.calls < 10


def test_a_loss_with_a_branch_is_asked_point_by_point() -> None:
    def fold(a: float, b: float) -> float:
        return a * a + (b if b > 0.0 else -b)

    folded = plot_descent(fold, {"down": PATH}, new_axes()[0], resolution=9)
    smooth = plot_descent(lambda a, b: a * a + abs(b), {"down": PATH}, new_axes()[0], resolution=9)
    for mine, other in zip(folded.collections, smooth.collections, strict=True):
        for path, expected in zip(mine.get_paths(), other.get_paths(), strict=True):
            assert path.vertices == pytest.approx(expected.vertices, rel=1e-9, abs=1e-9)
