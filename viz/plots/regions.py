"""Functions of two numbers: what a classifier says everywhere, and a loss with descents on it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from numpy import allclose

from scalargrad.compiler import compile
from scalargrad.core.modes import no_grad
from scalargrad.core.unlearned import mark_reported
from scalargrad.core.value import Value
from scalargrad.errors import DataError, LengthError
from scalargrad.nn import Module
from scalargrad.utils.calls import explain_calls
from viz.look.palette import DASHES, MARKS, TINTS, class_color
from viz.look.theme import LIGHT, STEPS, color

from .figure import add_legend, as_float, as_floats, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHADES = 5
"""How many shades each side of a decision boundary has."""
LEVELS = 12
"""How many contour lines a loss has.

They come closer to each other towards the lowest point, so that the valley shows and not only its
walls.
"""
_T = TypeVar("_T")
Point = Sequence[float]
Grid = list[list[float]]


@explain_calls
def plot_regions(
    predict: Callable[[list[float]], Value | float],
    X: Sequence[Point],  # noqa: N803
    y: Sequence[float],
    ax: "Axes | None" = None,
    resolution: int = 48,
) -> "Axes":
    """Plot the decision regions of a binary classifier of two inputs, with the samples on top.

    The line is where its output is 0.

    Args:
        predict: Takes [x0, x1] and returns a Value or number: above 0 for one class, below 0 for
            the other.
        X: The samples, (n, 2).
        y: Their labels, (n,): above 0 for one class, drawn round, else the other, drawn square.
        ax: The Axes to draw on; by default a new figure of pyplot.
        resolution: How many points along each side are evaluated.

    Returns:
        The Axes.

    Raises:
        LengthError: The shapes are wrong.
        DataError: A sample is not finite.
        PictureError: Matplotlib is not installed.

    Example:
        >>> samples = [[0.0, 1.0], [1.0, 0.0]]
        >>> ax = plot_regions(lambda x: x[0] - x[1], samples, [-1, 1], resolution=4)
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('x0', 'x1')
    """
    points, labels = _check_samples(X, y, "plot_regions")
    sides = _grid_sides(points, resolution, "plot_regions")
    ax = style_axes(ax)
    _draw_scores(ax, predict, sides)
    positive: list[list[float]] = []
    negative: list[list[float]] = []
    for point, label in zip(points, labels, strict=True):
        members = positive if label > 0 else negative
        members.append(point)
    _scatter(ax, positive, s=22, marker="o", color=color(STEPS, LIGHT))
    _scatter(ax, negative, s=22, marker="s", color=color(-STEPS, LIGHT))
    _name_axes(ax)
    return ax


def _draw_scores(
    ax: "Axes", predict: Callable[[list[float]], Value | float], sides: list[list[float]]
) -> None:
    scores = _evaluate_compiled(predict, sides)
    if scores is None:
        scores = _evaluate(lambda x0, x1: as_float(predict([x0, x1])), sides)
    flat = list(chain(*scores))
    sizes = [abs(score) for score in flat if isfinite(score)]
    largest = max(sizes, default=0.0) or 1.0

    shades = range(-SHADES, SHADES + 1)
    levels = [largest * shade / SHADES for shade in shades]
    # One between any two levels: the palest are on both sides of 0, where there is no neutral one.
    fills = [color(2 * shade, LIGHT) for shade in shades if shade]
    ax.contourf(*sides, scores, levels=levels, colors=fills, extend="neither")
    if min(flat) < 0 < max(flat):
        ax.contour(*sides, scores, levels=[0.0], colors=[LIGHT.ink], linewidths=1.2)


def plot_class_regions(
    predict: Callable[[list[float]], Any],
    X: Sequence[Point],  # noqa: N803
    y: Sequence[int],
    ax: "Axes | None" = None,
    resolution: int = 48,
    names: Sequence[str] = (),
) -> "Axes":
    """Plot the decision regions of a classifier of two inputs and several classes.

    Each class has its own color, deeper where the classifier is more certain, and its own mark for
    the samples on top. Lines are where two classes are level.

    Args:
        predict: Takes [x0, x1] and returns one score (Value or number) for each class; the largest
            score wins.
        X: The samples, (n, 2).
        y: Their classes, (n,): 0, 1, 2, ….
        ax: The Axes to draw on; by default a new figure of pyplot.
        resolution: How many points along each side are evaluated.
        names: What the legend calls the classes; by default "class 0", "class 1", ….

    Returns:
        The Axes.

    Raises:
        LengthError: The shapes are wrong.
        DataError: A sample is not finite.
        PictureError: Matplotlib is not installed.

    Example:
        >>> samples = [[0.0, 1.0], [1.0, 0.0]]
        >>> ax = plot_class_regions(lambda x: [x[0], x[1], 0.0], samples, [1, 0], resolution=4)
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['class 0', 'class 1', 'class 2']
    """
    points, labels = _check_samples(X, y, "plot_class_regions")
    sides = _grid_sides(points, resolution, "plot_class_regions")
    scores = _class_scores(predict, sides)
    _check_classes(labels, len(scores))

    ax = style_axes(ax)
    members: list[list[list[float]]] = [[] for _ in scores]
    for point, label in zip(points, labels, strict=True):
        members[int(label)].append(point)
    for number, own in enumerate(members):
        _fill_class(ax, sides, _margins(scores, number), number)
        _scatter(
            ax,
            own,
            s=26,
            marker=MARKS[number % len(MARKS)],
            color=class_color(number),
            label=names[number] if number < len(names) else f"class {number}",
        )
    _name_axes(ax)
    # Above the plot, where it covers no region.
    columns = min(len(scores), 4)
    add_legend(ax, ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return ax


def _class_scores(predict: Callable[[list[float]], Any], sides: list[list[float]]) -> list[Grid]:
    """Return the score of each class at every point: by class, row (x1) and column (x0)."""
    rows = _evaluate(lambda x0, x1: _as_scores(predict([x0, x1])), sides)
    lengths = {len(scores) for scores in chain(*rows)}
    if len(lengths) != 1 or min(lengths) < 2:
        raise LengthError(
            "predict of plot_class_regions must return one score for each class, "
            "of at least two classes"
        )
    (classes,) = lengths
    grids: list[Grid] = [[] for _ in range(classes)]
    for row in rows:
        by_class = zip(*row, strict=True)
        for grid, scores in zip(grids, by_class, strict=True):
            grid.append(list(scores))
    return grids


def _as_scores(output: Any) -> list[float]:
    items = output if isinstance(output, Iterable) else [output]
    return as_floats(items)


def _margins(scores: list[Grid], number: int) -> Grid:
    """Return by how much a class is ahead of the best of the others; below 0 where it is behind."""
    others = [grid for i, grid in enumerate(scores) if i != number]
    margins = []
    for own_row, *other_rows in zip(scores[number], *others, strict=True):
        best = map(max, zip(*other_rows, strict=True))
        pairs = zip(own_row, best, strict=True)
        margins.append([own - other for own, other in pairs])
    return margins


def _fill_class(ax: "Axes", sides: list[list[float]], margins: Grid, number: int) -> None:
    largest = max(filter(isfinite, chain(*margins)), default=0.0)
    if largest <= 0.0:
        return
    tints = range(len(TINTS))
    levels = [largest * tint / len(TINTS) for tint in tints]
    # The last level is a little above the largest margin, which would be left out otherwise.
    levels.append(largest * 1.000001)
    fills = [class_color(number, tint=tint) for tint in tints]
    ax.contourf(*sides, margins, levels=levels, colors=fills)
    if min(map(min, margins)) < 0.0:
        ax.contour(*sides, margins, levels=[0.0], colors=[LIGHT.ink], linewidths=1.0)


def _check_classes(labels: list[float], classes: int) -> None:
    for i, label in enumerate(labels):
        if not (label.is_integer() and 0 <= label < classes):
            raise LengthError(
                f"y[{i}] of plot_class_regions is {label:g}, and the {classes} scores are for the "
                f"classes 0 … {classes - 1}"
            )


def plot_descent(
    loss: Callable[[float, float], Value | float],
    paths: Mapping[str, Sequence[Point]],
    ax: "Axes | None" = None,
    around: Sequence[Point] = (),
    resolution: int = 48,
) -> "Axes":
    """Plot contour lines of a loss of two parameters, and the paths of descents on it.

    Each path is a line from its start (ring) to its end (cross).

    Args:
        loss: Takes the two parameters and returns a Value or number.
        paths: (n, 2) by name: where a descent was before the first step and after each.
        ax: The Axes to draw on; by default a new figure of pyplot.
        around: Further points that must be in the plot, so that several plots can show the same
            part.
        resolution: How many points along each side are evaluated.

    Returns:
        The Axes.

    Raises:
        LengthError: There is no path, an empty one, or one with points that are not pairs.
        DataError: A point is not finite.
        PictureError: Matplotlib is not installed.

    Example:
        >>> path = [[1.0, 1.0], [0.5, 0.5]]
        >>> ax = plot_descent(lambda a, b: a * a + b * b, {"down": path}, resolution=4)
        >>> ax.get_title()
        'down'
    """
    checked: dict[str, list[list[float]]] = {}
    for name, path in paths.items():
        checked[name] = _check_path(f"path {name!r}", path)
    if not checked:
        raise LengthError("plot_descent needs at least one path")
    shown = list(chain(*checked.values()))
    if len(around):
        shown += _check_path("around", around)

    sides = _grid_sides(shown, resolution, "plot_descent")
    ax = style_axes(ax)
    _draw_landscape(ax, loss, sides)
    for number, (name, path) in enumerate(checked.items()):
        _draw_path(ax, number, path, name)
    if len(checked) > 1:
        add_legend(ax, handlelength=3.2)
    else:
        ax.set_title(next(iter(checked)))
    return ax


def _draw_landscape(
    ax: "Axes", loss: Callable[[float, float], Value | float], sides: list[list[float]]
) -> None:
    heights = _run_program(loss, None, sides)
    if heights is None:
        heights = _evaluate(lambda a, b: as_float(loss(a, b)), sides)
    finite = list(filter(isfinite, chain(*heights)))
    lowest = min(finite, default=0.0)
    span = max(finite, default=0.0) - lowest
    # A loss that is the same everywhere has no contour lines, and the span of a huge one overflows.
    if span > 0.0 and isfinite(span):
        powers = range(LEVELS, 0, -1)
        levels = [lowest + span * 0.6**power for power in powers]
        ax.contour(*sides, heights, levels=levels, colors=[LIGHT.line], linewidths=0.7)


def _draw_path(ax: "Axes", number: int, path: list[list[float]], name: str) -> None:
    across = [point[0] for point in path]
    up = [point[1] for point in path]
    path_color = class_color(number)
    dash = DASHES[number % len(DASHES)]
    ax.plot(across, up, color=path_color, linestyle=dash, linewidth=1.4, label=name)
    ax.plot(
        across[:1],
        up[:1],
        color=path_color,
        marker="o",
        markersize=8,
        markerfacecolor=LIGHT.page,
        markeredgewidth=1.6,
    )
    ax.plot(
        across[-1:],
        up[-1:],
        color=LIGHT.ink,
        marker="x",
        markersize=8,
        markeredgewidth=2.0,
    )


def _check_path(what: str, path: Sequence[Point]) -> list[list[float]]:
    points = [as_floats(point) for point in path]
    if not _are_pairs(points):
        raise LengthError(
            f"{what} of plot_descent must hold at least one place, each of two numbers"
        )
    if not _are_finite(points):
        raise DataError(f"{what} of plot_descent must hold finite numbers")
    return points


# Shared by all three


def _check_samples(
    X: Sequence[Point],  # noqa: N803
    y: Sequence[float],
    function: str,
) -> tuple[list[list[float]], list[float]]:
    """Return samples of two numbers, (n, 2), and their labels, (n,), as plain numbers."""
    points = [as_floats(row) for row in X]
    labels = as_floats(y)
    if not _are_pairs(points):
        raise LengthError(f"X of {function} must hold at least one sample, each of two numbers")
    if len(points) != len(labels):
        raise LengthError(
            f"{function} needs one label for each sample: {len(points)} samples, "
            f"{len(labels)} labels"
        )
    if not _are_finite(points):
        raise DataError(f"X of {function} must hold finite numbers")
    return points, labels


def _are_pairs(points: list[list[float]]) -> bool:
    """Return whether there is at least one point, and each is two numbers."""
    return {len(point) for point in points} == {2}


def _are_finite(points: list[list[float]]) -> bool:
    return all(map(isfinite, chain(*points)))


def _grid_sides(points: list[list[float]], resolution: int, function: str) -> list[list[float]]:
    """Return evenly spaced numbers around all points, for x0 and for x1."""
    if resolution < 2:
        raise LengthError(f"resolution of {function} must be at least 2, not {resolution}")
    return [_space_evenly(list(column), resolution) for column in zip(*points, strict=True)]


def _evaluate_compiled(predict: object, sides: list[list[float]]) -> Grid | None:
    """Return what a network says at every point, computed on arrays; None if that can't be."""
    if not isinstance(predict, Module):
        return None
    return _run_program(lambda x0, x1: predict([x0, x1]), predict, sides)


def _run_program(
    function: Callable[[Any, Any], Any], model: Module | None, sides: list[list[float]]
) -> Grid | None:
    """Return what a function of two numbers says at every point, computed on arrays.

    Returns:
        By row (x1) and column (x0); None if it can't be recorded, or differs from what the function
        says at a corner.
    """
    across, up = sides
    points = [[x0, x1] for x1 in up for x0 in across]
    columns = [[point[i : i + 1] for point in points] for i in (0, 1)]
    try:
        # Nothing learns here, so nothing that does not learn is worth a warning.
        with mark_reported([id(model)]):
            program = compile(function, model, inputs=(1, 1))
        if program.program.drawn or program.effects():
            return None
        outputs = program(*columns)
        with no_grad():
            corners = [as_float(function(*points[i])) for i in (0, -1)]
    # Whatever the function does not do as a program, it does point by point, or raises again there.
    except Exception:
        return None
    if outputs.shape[1] != 1:
        return None
    scores = outputs[:, 0]
    if not allclose(scores[[0, -1]], corners, 1e-9, 1e-12, equal_nan=True):
        return None
    grid: Grid = scores.reshape(len(up), len(across)).tolist()
    return grid


def _evaluate(function: Callable[[float, float], _T], sides: list[list[float]]) -> list[list[_T]]:
    """Return what a function of two numbers says at every point: by row (x1) and column (x0)."""
    across, up = sides
    rows: list[list[_T]] = []
    # Thousands of forward passes: nobody needs their graphs.
    with no_grad():
        for x1 in up:
            rows.append([function(x0, x1) for x0 in across])
    return rows


def _space_evenly(items: list[float], resolution: int) -> list[float]:
    """Return evenly spaced numbers from a little below the smallest item to above the largest.

    Example:
        >>> _space_evenly([0.0, 10.0], 3)
        [-1.5, 5.0, 11.5]
    """
    smallest = min(items)
    largest = max(items)
    margin = 0.15 * (largest - smallest) or 1.0
    low = smallest - margin
    high = largest + margin
    span = high - low
    last = resolution - 1
    return [low + span * i / last for i in range(resolution)]


def _scatter(ax: "Axes", points: list[list[float]], **style: Any) -> None:
    x0 = [point[0] for point in points]
    x1 = [point[1] for point in points]
    ax.scatter(x0, x1, edgecolors=LIGHT.page, linewidths=0.8, **style)


def _name_axes(ax: "Axes") -> None:
    ax.set_xlabel("x0")
    ax.set_ylabel("x1")
