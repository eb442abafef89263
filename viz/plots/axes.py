"""What every plot begins with: Axes in the look of our pictures, plain numbers, checked samples, places along a side."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from scalargrad.core.value import Value
from scalargrad.errors import DataError, LengthError, PictureError
from viz.look.theme import LIGHT


def figure_class() -> Any:
    """The Figure of matplotlib. Raises PictureError, which says what to install, where that is missing.

    >>> figure_class().__name__
    'Figure'
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise PictureError("plots need matplotlib: pip install matplotlib") from None
    return Figure


def dressed(ax: Any) -> Any:
    """The Axes (for None new ones, on a new figure of pyplot) in the look of our pictures.

    >>> from matplotlib.figure import Figure
    >>> ax = dressed(Figure().add_subplot())
    >>> ax.spines["top"].get_visible(), ax.spines["left"].get_visible()
    (False, True)
    """
    figure_class()
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.figure(facecolor=LIGHT.page, layout="constrained").add_subplot()
    ax.set_facecolor(LIGHT.page)
    ax.tick_params(colors=LIGHT.muted, labelsize=9)
    for name, spine in ax.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_edgecolor(LIGHT.line)
    for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
        text.set(color=LIGHT.ink, fontsize=10)
    return ax


def plain(item: Any) -> float:
    """The number of a Value, or the number itself.

    >>> plain(Value(2.0)), plain(3)
    (2.0, 3.0)
    """
    return item.data if isinstance(item, Value) else float(item)


def evenly(items: list[float], resolution: int, who: str) -> list[float]:
    """Evenly spaced numbers from a little below the smallest item to a little above the largest.

    Raises LengthError, which names the function `who`, for a resolution below 2.

    >>> evenly([0.0, 10.0], 3, "plot_regions")
    [-1.5, 5.0, 11.5]
    """
    if resolution < 2:
        raise LengthError(f"resolution of {who} must be at least 2, not {resolution}")
    margin = 0.15 * (max(items) - min(items)) or 1.0
    low, high = min(items) - margin, max(items) + margin
    return [low + (high - low) * i / (resolution - 1) for i in range(resolution)]


def checked_samples(
    samples: Sequence[Sequence[float]], y: Sequence[float], who: str
) -> tuple[list[list[float]], list[float]]:
    """Samples of two numbers, (n, 2), and their labels, (n,), as plain numbers.

    Raises LengthError for none, for other shapes and for labels of another number, DataError for numbers that are not finite;
    both name the function `who`.

    >>> checked_samples([[1, Value(2.0)]], [0], "plot_regions")
    ([[1.0, 2.0]], [0.0])
    """
    points, labels = (
        [[plain(item) for item in row] for row in samples],
        [plain(label) for label in y],
    )
    if not points or any(len(point) != 2 for point in points):
        raise LengthError(f"X of {who} must hold at least one sample, each of two numbers")
    if len(points) != len(labels):
        raise LengthError(
            f"{who} needs one label for each sample: {len(points)} samples, {len(labels)} labels"
        )
    if not all(isfinite(item) for point in points for item in point):
        raise DataError(f"X of {who} must hold finite numbers")
    return points, labels


def checked_rows(rows: Sequence[Sequence[float]], who: str) -> list[list[float]]:
    """A rectangle of plain numbers, row by row.

    Raises LengthError, which names the function `who`, for rows of several lengths and for none.

    >>> checked_rows([[1, Value(2.0)]], "plot_grid")
    [[1.0, 2.0]]
    """
    numbers = [[plain(item) for item in row] for row in rows]
    if len({len(row) for row in numbers}) != 1 or not numbers[0]:
        raise LengthError(f"{who} needs rows of one length, with at least one number")
    return numbers
