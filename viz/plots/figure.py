"""Plots of training: loss curve, decision regions, heat maps. Matplotlib draws them, in the colors of our own pictures."""

import re
from collections.abc import Callable, Sequence
from io import StringIO
from math import inf
from pathlib import Path
from typing import Any

from scalargrad.core.modes import no_grad
from scalargrad.core.value import Value
from scalargrad.errors import LengthError, PictureError
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.files import as_path, write
from scalargrad.utils.locks import ProcessLock
from viz.look.palette import dark_pairs
from viz.look.text import escape
from viz.look.theme import DARK, FONT, LIGHT, STEPS, Theme, color, edge_color, mixed, shade

from .axes import checked_rows, checked_samples, dressed, evenly, figure_class, plain

GRAYS = 16
_LONGEST = 24
"""Names of classes are cut to so many signs."""
_PALE = 0.65
"""The part of the scale that lies under numbers."""
_WIDE = 40
"""So many signs of names find room beside each other."""
REGIONS = 5
"""How many shades each side of the decision boundary has."""


@explain_calls
def plot_loss(losses: Sequence[float | Value], ax: Any = None) -> Any:
    """The loss after each step as a curve, its last number written at its end.

    losses  one number (or Value) for each step, at least one
    ax      the matplotlib Axes to draw on; without one, a new figure of pyplot

    Returns the Axes. Raises LengthError for no losses, PictureError where matplotlib is missing.

    >>> plot_loss([1.0, 0.5, 0.25]).get_ylabel()
    'loss'
    """
    numbers = [plain(loss) for loss in losses]
    if not numbers:
        raise LengthError("plot_loss needs at least one loss")
    ax = dressed(ax)
    ax.plot(
        range(1, len(numbers) + 1),
        numbers,
        color=color(STEPS, LIGHT),
        linewidth=1.8,
        marker="" if len(numbers) > 1 else "o",
    )
    ax.annotate(
        f"{numbers[-1]:.3g}",
        (len(numbers), numbers[-1]),
        (0, 6),
        textcoords="offset points",
        ha="right",
        color=LIGHT.ink,
    )
    ax.set_xlabel("step")
    ax.set_ylabel("loss")
    if min(numbers) >= 0:
        ax.set_ylim(bottom=0)
    return ax


@explain_calls
def plot_regions(
    predict: Callable[[list[float]], Any],
    X: Sequence[Sequence[float]],  # noqa: N803
    y: Sequence[float],
    ax: Any = None,
    resolution: int = 48,
) -> Any:
    """What a classifier of two inputs says everywhere, with the samples on top; the line is where it says 0.

    predict     takes [x0, x1] and returns a Value or number: above 0 for one class, below for the other
    X, y        samples, (n, 2), and their labels, (n,): above 0 for one class (drawn round), else the other (drawn square)
    ax          the matplotlib Axes to draw on; without one, a new figure of pyplot
    resolution  how many points along each side are asked

    Returns the Axes. Raises LengthError for wrong shapes, PictureError where matplotlib is missing.

    >>> ax = plot_regions(lambda x: x[0] - x[1], [[0.0, 1.0], [1.0, 0.0]], [-1, 1], resolution=4)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x0', 'x1')
    """
    points, labels = checked_samples(X, y, "plot_regions")
    sides = [evenly([point[i] for point in points], resolution, "plot_regions") for i in (0, 1)]
    ax = dressed(ax)
    _draw_scores(ax, predict, sides)
    for side, marker in ((1, "o"), (-1, "s")):
        mine = [
            point for point, label in zip(points, labels, strict=True) if (label > 0) == (side > 0)
        ]
        fill = color(side * STEPS, LIGHT)
        ax.scatter(
            [p[0] for p in mine],
            [p[1] for p in mine],
            s=22,
            marker=marker,
            color=fill,
            edgecolors=LIGHT.page,
            linewidths=0.8,
        )
    ax.set_xlabel("x0")
    ax.set_ylabel("x1")
    return ax


@explain_calls
def plot_grid(rows: Sequence[Sequence[float]], ax: Any = None, signed: bool = False) -> Any:
    """Numbers of a rectangle as squares: an image in grays, or gradients on the scale of our pictures.

    rows    the numbers, (height, width), the top row first
    ax      the matplotlib Axes to draw on; without one, a new figure of pyplot
    signed  False: from 0 (page) to the largest (ink). True: orange below 0, blue above, 0 neutral

    Returns the Axes. Raises LengthError for rows of several lengths, PictureError where matplotlib is missing.

    >>> len(plot_grid([[0.0, 1.0], [2.0, 3.0]]).patches)
    4
    """
    numbers = checked_rows(rows, "plot_grid")
    ax, largest = dressed(ax), max(abs(item) for row in numbers for item in row) or 1.0
    from matplotlib.patches import Rectangle

    for i, row in enumerate(numbers):
        for j, item in enumerate(row):
            fill = (
                color(shade(item, largest), LIGHT)
                if signed
                else _gray(round(GRAYS * max(0.0, item / largest)), LIGHT)
            )
            ax.add_patch(
                Rectangle((j, i), 1, 1, facecolor=fill, edgecolor=LIGHT.page, linewidth=0.6)
            )
    ax.set(xlim=(0, len(numbers[0])), ylim=(len(numbers), 0), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    return ax


@explain_calls
def plot_confusion(
    matrix: Sequence[Sequence[float]], names: Sequence[str] = (), ax: Any = None
) -> Any:
    """Draw a confusion matrix: how many samples of each class (row) were taken for each class (column).

    The diagonal, which is right, is blue, all else orange; the darker, the larger the part of its row.

    Args:
        matrix: The counts, square, as `scalargrad.training.confusion_matrix` gives them.
        names: What the classes are called; by default 0, 1, 2, ….
        ax: The matplotlib Axes to draw on; without one, a new figure of pyplot.

    Returns:
        The Axes.

    Raises:
        LengthError: For a matrix that is not square, and for as many names as there are not classes.
        PictureError: Where matplotlib is missing, and for counts below 0 or not finite.

    Example:
        >>> ax = plot_confusion([[5, 1], [0, 4]], ["cat", "dog"])
        >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
        ('predicted', ['5', '1', '0', '4'])
    """
    counts = checked_rows(matrix, "plot_confusion")
    size = len(counts)
    labels = [str(name) for name in names] or [str(i) for i in range(size)]
    if len(counts[0]) != size:
        raise LengthError(
            f"plot_confusion takes a square matrix, not {size} rows of {len(counts[0])}"
        )
    if len(labels) != size:
        raise LengthError(
            f"plot_confusion needs a name for each class: {size} classes, {len(labels)} names"
        )
    if not all(0.0 <= count < inf for row in counts for count in row):
        raise PictureError("a confusion matrix holds counts: finite numbers of at least 0")
    ax = dressed(ax)
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            _draw_count(ax, i, j, count, sum(row))
    ax.set(xlim=(0, size), ylim=(size, 0), aspect="equal", xlabel="predicted", ylabel="true")
    places = [i + 0.5 for i in range(size)]
    ax.set_xticks(
        places,
        [_shortened(label) for label in labels],
        rotation=90 if size * max(map(len, labels)) > _WIDE else 0,
        parse_math=False,
    )
    ax.set_yticks(places, [_shortened(label) for label in labels], parse_math=False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _draw_count(ax: Any, row: int, column: int, count: float, total: float) -> None:
    from matplotlib.patches import Rectangle

    # Only the paler part of the scale, on which ink reads well on a light page and on a dark one.
    step = max(round(_PALE * STEPS * count / total), 1) if count else 0
    fill = color(step if row == column else -step, LIGHT)
    ax.add_patch(
        Rectangle((column, row), 1, 1, facecolor=fill, edgecolor=LIGHT.page, linewidth=1.0)
    )
    ax.text(
        column + 0.5, row + 0.5, f"{count:g}", ha="center", va="center", color=LIGHT.ink, fontsize=9
    )


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"


@explain_calls
def new_axes(columns: int = 1, width: float = 6.0, height: float = 4.0) -> list[Any]:
    """Axes side by side on a new figure that pyplot does not know of, so that nothing has to be closed; sizes in inches.

    >>> len(new_axes(2))
    2
    """
    figure = figure_class()(figsize=(width, height), layout="constrained", facecolor=LIGHT.page)
    return [figure.add_subplot(1, columns, i + 1) for i in range(columns)]


@explain_calls
def save_plot(ax: Any, path: str | Path, title: str, description: str = "") -> Path:
    """Write the figure of `ax` as SVG: the same bytes for the same plot, light and dark by itself, with a title for screen readers.

    The file is written whole or not at all. Raises PictureError for a path that does not end in .svg.
    """
    path = as_path(path)
    if path.suffix.lower() != ".svg":
        raise PictureError(
            f"a plot is saved as .svg, not as {path.name!r}; for other formats use ax.figure.savefig"
        )
    return write(path, plot_svg(ax, title, description))


_SETTINGS_LOCK = ProcessLock()


def plot_svg(ax: Any, title: str, description: str = "") -> str:
    """The SVG that `save_plot` writes."""
    from matplotlib import rc_context

    buffer = StringIO()
    # matplotlib has one set of these for all threads: two at once would put back each other's.
    with _SETTINGS_LOCK, rc_context({"svg.hashsalt": "scalargrad", "svg.fonttype": "none"}):
        ax.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = re.sub(
        r"<!DOCTYPE.*?>\s*|\s*<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL
    )
    head = f'\\1 role="img">\n <title>{_literal(title)}</title>\n <desc>{_literal(description)}</desc>\n <style>{_looks(text)}</style>'
    return re.sub(r"(<svg[^>]*)>", head, text, count=1)


def _literal(text: str) -> str:
    return escape(text, 600).replace("\\", r"\\")


def _looks(svg: str) -> str:
    """Our font, and for readers who prefer dark a dark color in place of every light one that the plot uses."""
    rules = (
        f'[style*="{use}: {light}"]{{{use}:{dark} !important}}'
        for light, dark in _dark_colors().items()
        for use in ("fill", "stroke")
        if f"{use}: {light}" in svg
    )
    return f"text{{font-family:{FONT} !important}}@media (prefers-color-scheme:dark){{{''.join(rules)}}}"


def _dark_colors() -> dict[str, str]:
    pairs = {_gray(step, LIGHT): _gray(step, DARK) for step in range(GRAYS + 1)}
    pairs |= {
        getattr(LIGHT, name): getattr(DARK, name) for name in ("page", "ink", "muted", "line")
    }
    for step in range(-STEPS, STEPS + 1):
        pairs |= {
            edge_color(step, LIGHT): edge_color(step, DARK),
            color(step, LIGHT): color(step, DARK),
        }
    return dark_pairs() | pairs


def _gray(step: int, theme: Theme) -> str:
    return mixed(theme.page, theme.ink, step / GRAYS)


def _draw_scores(ax: Any, predict: Callable[[list[float]], Any], axes: list[list[float]]) -> None:
    with no_grad():
        scores = [[plain(predict([x0, x1])) for x1 in axes[1]] for x0 in axes[0]]
    columns = [list(row) for row in zip(*scores, strict=True)]
    sizes = [abs(score) for row in scores for score in row if abs(score) < float("inf")]
    largest = max(sizes, default=0.0) or 1.0
    levels = [largest * i / REGIONS for i in range(-REGIONS, REGIONS + 1)]
    fills = [color(2 * i, LIGHT) for i in (*range(-REGIONS, 0), *range(1, REGIONS + 1))]
    ax.contourf(*axes, columns, levels=levels, colors=fills, extend="neither")
    if min(map(min, scores)) < 0 < max(map(max, scores)):
        ax.contour(*axes, columns, levels=[0.0], colors=[LIGHT.ink], linewidths=1.2)
