"""Plots: what they show, the same bytes every time, light and dark, and clear errors."""

import builtins
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("matplotlib")

from matplotlib import pyplot, rc_context
from matplotlib.axes import Axes

from scalargrad import Value
from scalargrad.errors import DataError, LengthError, PictureError
from tests.viz.pictures import without_a_place
from viz.look.theme import DARK, LIGHT, STEPS, color
from viz.plots import (
    new_axes,
    plot_confusion,
    plot_grid,
    plot_loss,
    plot_regions,
    plot_svg,
    save_plot,
)

HOSTILE = (
    "a|b {x} <b> w<0> a\\N x\"y' tail\\ \\1 <script>alert(1)</script> ]]> --> 日本 \0 \x0b \u2028"
)
POINTS, LABELS = [[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], [-1, 1, 1]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _no_figures_left() -> Iterator[None]:
    yield
    pyplot.close("all")


def slope(x: list[float]) -> float:
    return x[0] - x[1]


def every_plot() -> list[Callable[[Any], Any]]:
    return [
        lambda ax: plot_loss([3.0, 2.0, 1.0], ax),
        lambda ax: plot_regions(slope, POINTS, LABELS, ax, resolution=8),
        lambda ax: plot_grid([[0.0, -1.0], [2.0, 1.0]], ax, signed=True),
        lambda ax: plot_confusion([[3, 1], [0, 2]], ["cat", "dog"], ax),
    ]


def test_the_curve_goes_through_the_losses() -> None:
    ax = plot_loss([Value(3.0), 2.0, 1])
    assert ax.lines[0].get_xydata().tolist() == [[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]
    assert [text.get_text() for text in ax.texts] == ["1"]


@pytest.mark.parametrize(
    "losses",
    [
        [0.5],
        [1.0, float("nan"), 0.5],
        [1.0, float("inf")],
        [float("nan")],
        [-1.0, -2.0],
        [0.0, 0.0],
        [1e300, 1e-300],
    ],
)
def test_odd_losses_are_drawn(losses: list[float]) -> None:
    ax = plot_loss(losses, new_axes()[0])
    assert ax.lines[0].get_ydata() == pytest.approx(losses, nan_ok=True)
    assert without_a_place(plot_svg(ax, "losses")) == []


def test_regions_meet_where_the_score_is_zero() -> None:
    ax = plot_regions(slope, POINTS, LABELS, new_axes()[0], resolution=9)
    line = ax.collections[1].get_paths()[0].vertices
    assert len(line) > 5
    assert all(abs(x - y) < 1e-9 for x, y in line)


def test_samples_are_drawn_by_class_in_color_and_shape() -> None:
    ax = plot_regions(slope, POINTS, LABELS, new_axes()[0], resolution=4)
    positive, negative = ax.collections[-2:]
    assert positive.get_offsets().tolist() == POINTS[1:]
    assert negative.get_offsets().tolist() == POINTS[:1]
    assert len(positive.get_paths()[0]) != len(negative.get_paths()[0])


@pytest.mark.parametrize("score", [0.0, 1.0, -1.0, float("nan"), float("inf"), -1e300])
def test_a_constant_or_odd_score_is_drawn(score: float) -> None:
    ax = plot_regions(lambda _: Value(score), POINTS, LABELS, new_axes()[0], resolution=4)
    positive, negative = ax.collections[-2:]
    assert len(positive.get_offsets()) + len(negative.get_offsets()) == len(POINTS)
    assert without_a_place(plot_svg(ax, "regions")) == []


def test_one_sample_and_samples_on_a_line_have_room_around_them() -> None:
    for points in ([[1.0, 1.0]], [[1.0, 0.0], [1.0, 5.0]]):
        low, high = plot_regions(
            slope, points, [1] * len(points), new_axes()[0], resolution=4
        ).get_xlim()
        assert low < 1.0 < high


def test_predict_builds_no_graph() -> None:
    seen: list[Value] = []

    def predict(x: list[float]) -> Value:
        seen.append(Value(x[0]) * 2)
        return seen[-1]

    plot_regions(predict, POINTS, LABELS, new_axes()[0], resolution=3)
    assert len(seen) == 9
    assert not any(value.args for value in seen)


def test_the_grid_has_the_top_row_first_and_the_colors_of_the_pictures() -> None:
    from matplotlib.colors import to_hex

    ax = plot_grid([[0.0, -2.0], [2.0, 0.0]], signed=True)
    cells = {
        (int(cell.get_y()), int(cell.get_x())): to_hex(cell.get_facecolor()) for cell in ax.patches
    }
    expected = [color(step, LIGHT) for step in (0, -STEPS, STEPS, 0)]
    assert [cells[0, 0], cells[0, 1], cells[1, 0], cells[1, 1]] == expected
    assert ax.get_ylim() == (2.0, 0.0)


def test_an_image_runs_from_paper_to_ink() -> None:
    from matplotlib.colors import to_hex

    assert [to_hex(cell.get_facecolor()) for cell in plot_grid([[0.0, 5.0]]).patches] == [
        LIGHT.page,
        LIGHT.ink,
    ]


@pytest.mark.parametrize(
    "rows", [[[0.0, 0.0]], [[float("nan"), 1.0]], [[float("inf"), -1.0]], [[-1.0, -2.0]]]
)
@pytest.mark.parametrize("signed", [False, True])
def test_odd_grids_are_drawn(rows: list[list[float]], signed: bool) -> None:
    ax = plot_grid(rows, new_axes()[0], signed=signed)
    assert len(ax.patches) == 2
    assert without_a_place(plot_svg(ax, "grid")) == []


@pytest.mark.parametrize("draw", every_plot())
def test_they_draw_on_the_axes_given_and_return_them(draw: Callable[[Any], Any]) -> None:
    (ax,) = new_axes()
    assert draw(ax) is ax
    assert not pyplot.get_fignums()
    assert draw(None) is not ax


@pytest.mark.parametrize("draw", every_plot())
def test_equal_plots_are_equal_bytes_and_hold_no_address(draw: Callable[[Any], Any]) -> None:
    first, second = (plot_svg(draw(new_axes()[0]), "title") for _ in range(2))
    assert first == second
    assert set(re.findall(r"https?://[^\"]+", first)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "<!DOCTYPE" not in first
    assert "metadata" not in first


@pytest.mark.parametrize("draw", every_plot())
def test_every_color_has_one_for_the_dark(draw: Callable[[Any], Any]) -> None:
    svg = plot_svg(draw(new_axes()[0]), "title")
    used = set(
        re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", re.sub(r"<style>.*?</style>", "", svg))
    )
    turned = set(re.findall(r'\*="(?:fill|stroke): (#[0-9a-f]{6})"', svg))
    assert used
    assert used == turned
    assert f"{{fill:{DARK.page} !important}}" in svg


def plot_of_regions() -> Any:
    return plot_regions(lambda x: x[0] - x[1], POINTS, LABELS)


def test_a_plot_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ax = plot_of_regions()
    drawn = []
    draw = Axes.draw
    monkeypatch.setattr(Axes, "draw", lambda self, *args: (drawn.append(self), draw(self, *args)))
    plot_svg(ax, "regions")
    assert drawn == [ax]


def test_a_plot_is_laid_out_as_matplotlib_does_it() -> None:
    buffer = StringIO()
    with rc_context({"svg.hashsalt": "scalargrad", "svg.fonttype": "none"}):
        plot_of_regions().figure.savefig(buffer, format="svg")
    expected = re.findall(r'<path d="[^"]*"', buffer.getvalue())
    ax = plot_of_regions()
    assert re.findall(r'<path d="[^"]*"', plot_svg(ax, "regions")) == expected
    assert type(ax.figure.get_layout_engine()).__name__ == "ConstrainedLayoutEngine"


def test_a_hostile_title_stays_text(tmp_path: Path) -> None:
    path = save_plot(plot_loss([1.0], new_axes()[0]), tmp_path / "a.svg", HOSTILE, HOSTILE)
    root = ElementTree.parse(path).getroot()
    assert root.get("role") == "img"
    for name in ("title", "desc"):
        text = root.findtext(f"{SVG}{name}")
        assert text is not None
        assert "\\1 <script>alert(1)</script> ]]> --> 日本" in text
    assert not list(root.iter(f"{SVG}script"))


def test_a_plot_is_saved_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.svg"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr("viz.plots.figure.plot_svg", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_plot(plot_loss([1.0], new_axes()[0]), path, "title")
    assert [(file.name, file.read_text(encoding="utf-8")) for file in tmp_path.iterdir()] == [
        ("a.svg", "old")
    ]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: plot_loss([]), LengthError, "at least one loss"),
        (lambda: plot_regions(slope, [], []), LengthError, "at least one sample"),
        (lambda: plot_regions(slope, [[1.0, 2.0, 3.0]], [1]), LengthError, "two numbers"),
        (lambda: plot_regions(slope, POINTS, [1]), LengthError, "3 samples, 1 labels"),
        (lambda: plot_regions(slope, [[float("nan"), 0.0]], [1]), DataError, "finite"),
        (lambda: plot_regions(slope, POINTS, LABELS, resolution=1), LengthError, "resolution"),
        (lambda: plot_grid([]), LengthError, "one length"),
        (lambda: plot_grid([[]]), LengthError, "one length"),
        (lambda: plot_grid([[1.0], [1.0, 2.0]]), LengthError, "one length"),
        (lambda: save_plot(plot_loss([1.0]), "a.png", "title"), PictureError, "savefig"),
    ],
)
def test_wrong_input_is_a_clear_error(
    call: Callable[[], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        call()


def test_without_matplotlib_the_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PictureError, match="pip install"):
        plot_loss([1.0])


# The confusion matrix


def test_every_count_stands_in_its_square() -> None:
    ax = plot_confusion([[5, 2], [0, 40]], ["cat", "dog"], new_axes()[0])
    found = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in ax.texts}
    assert found == {(0.5, 0.5): "5", (0.5, 1.5): "2", (1.5, 0.5): "0", (1.5, 1.5): "40"}
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cat", "dog"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cat", "dog"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")


def test_right_and_wrong_have_colors_of_their_own() -> None:
    from matplotlib.colors import to_hex

    ax = plot_confusion([[5, 2], [0, 40]], ax=new_axes()[0])
    fills = [to_hex(patch.get_facecolor()) for patch in ax.patches]
    blue = {color(step, LIGHT) for step in range(1, STEPS + 1)}
    orange = {color(-step, LIGHT) for step in range(1, STEPS + 1)}
    assert fills[0] in blue
    assert fills[1] in orange
    assert fills[2] == color(0, LIGHT)
    assert fills[3] in blue


def test_odd_matrices_are_drawn() -> None:
    for matrix, names in (
        ([[0.0]], [HOSTILE]),
        ([[0, 0], [0, 0]], ["$a", "b" * 99]),
        ([[1e300, 0.5], [0, 1]], ()),
    ):
        ax = plot_confusion(matrix, names, new_axes()[0])
        assert len(ax.texts) == len(matrix) ** 2
        assert without_a_place(plot_svg(ax, "confusion")) == []


@pytest.mark.parametrize(
    ("matrix", "names", "error"),
    [
        ([[1, 2]], (), LengthError),
        ([], (), LengthError),
        ([[1, 2], [3, 4]], ["one"], LengthError),
        ([[1, -2], [3, 4]], (), PictureError),
        ([[1, float("inf")], [3, 4]], (), PictureError),
    ],
)
def test_what_is_no_confusion_matrix_is_refused(
    matrix: Any, names: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        plot_confusion(matrix, names, new_axes()[0])
