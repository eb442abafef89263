"""Regions of the plane by class: what a classifier of two inputs and any number of classes says everywhere."""

from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Any

from scalargrad.core.modes import no_grad
from scalargrad.errors import LengthError
from viz.look.palette import MARKS, TINTS, class_color
from viz.look.theme import LIGHT

from .axes import checked_samples, dressed, evenly, plain

Grid = list[list[float]]


def plot_class_regions(
    predict: Callable[[list[float]], Any],
    X: Sequence[Sequence[float]],  # noqa: N803
    y: Sequence[int],
    ax: Any = None,
    resolution: int = 48,
    names: Sequence[str] = (),
) -> Any:
    """Each class in a color of its own, deeper where the classifier is surer, the samples on top; lines where two classes are level.

    predict     takes [x0, x1] and returns one score (Value or number) for each class; the largest score wins
    X, y        samples, (n, 2), and their classes, (n,): 0, 1, 2, …; each class has a mark of its own
    ax          the matplotlib Axes to draw on; without one, a new figure of pyplot
    resolution  how many points along each side are asked
    names       what the legend calls the classes; by default "class 0", "class 1", …

    Returns the Axes. Raises LengthError for wrong shapes, DataError for samples that are not finite, PictureError where
    matplotlib is missing.

    >>> ax = plot_class_regions(lambda x: [x[0], x[1], 0.0], [[0.0, 1.0], [1.0, 0.0]], [1, 0], resolution=4)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['class 0', 'class 1', 'class 2']
    """
    points, labels = checked_samples(X, y, "plot_class_regions")
    sides = [
        evenly([point[i] for point in points], resolution, "plot_class_regions") for i in (0, 1)
    ]
    scores = _asked(predict, sides)
    _check_classes(labels, len(scores))
    ax = dressed(ax)
    for number in range(len(scores)):
        _fill(ax, sides, _margins(scores, number), number)
        mine = [point for point, label in zip(points, labels, strict=True) if label == number]
        mark, name = (
            MARKS[number % len(MARKS)],
            names[number] if number < len(names) else f"class {number}",
        )
        style = {
            "marker": mark,
            "color": class_color(number),
            "edgecolors": LIGHT.page,
            "linewidths": 0.8,
            "label": name,
        }
        ax.scatter([p[0] for p in mine], [p[1] for p in mine], s=26, **style)
    ax.set_xlabel("x0")
    ax.set_ylabel("x1")
    columns = min(len(scores), 4)
    ax.legend(
        frameon=False,
        fontsize=9,
        labelcolor=LIGHT.ink,
        ncols=columns,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
    )
    return ax


def _asked(predict: Callable[[list[float]], Any], sides: list[list[float]]) -> list[Grid]:
    """The score of each class at every point of the grid, by class, row (x1) and column (x0)."""
    with no_grad():
        rows = [[_scores(predict([x0, x1])) for x0 in sides[0]] for x1 in sides[1]]
    if len({len(scores) for row in rows for scores in row}) != 1 or len(rows[0][0]) < 2:
        raise LengthError(
            "predict of plot_class_regions must return one score for each class, of at least two classes"
        )
    return [
        [[scores[number] for scores in row] for row in rows] for number in range(len(rows[0][0]))
    ]


def _scores(said: Any) -> list[float]:
    return [plain(score) for score in (said if isinstance(said, Iterable) else [said])]


def _margins(scores: list[Grid], number: int) -> Grid:
    """By how much a class is ahead of the best of the others; below 0 where it is behind."""
    others = [grid for i, grid in enumerate(scores) if i != number]
    return [
        [own - max(grid[i][j] for grid in others) for j, own in enumerate(row)]
        for i, row in enumerate(scores[number])
    ]


def _fill(ax: Any, sides: list[list[float]], margins: Grid, number: int) -> None:
    largest = max((item for row in margins for item in row if isfinite(item)), default=0.0)
    if largest > 0.0:
        levels = [largest * i / len(TINTS) for i in range(len(TINTS))]
        fills = [class_color(number, tint=tint) for tint in range(len(TINTS))]
        ax.contourf(*sides, margins, levels=[*levels, largest * 1.000001], colors=fills)
        if min(map(min, margins)) < 0.0:
            ax.contour(*sides, margins, levels=[0.0], colors=[LIGHT.ink], linewidths=1.0)


def _check_classes(labels: list[float], classes: int) -> None:
    for i, label in enumerate(labels):
        if not (label.is_integer() and 0 <= label < classes):
            raise LengthError(
                f"y[{i}] of plot_class_regions is {label:g}, and the {classes} scores are for the classes 0 … {classes - 1}"
            )
