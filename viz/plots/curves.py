"""Curves: the loss and what else changes in a training run, and functions of one number."""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, Any

from scalargrad.core.value import Value
from scalargrad.errors import LengthError, OptionError, UnknownNameError
from scalargrad.utils.calls import explain_calls
from viz.look.palette import DASHES, class_color
from viz.look.theme import LIGHT, STEPS, color

from .figure import add_legend, as_floats, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@explain_calls
def plot_loss(losses: Sequence[float | Value], ax: "Axes | None" = None) -> "Axes":
    """Plot the loss after each step, with the last number at the end of the curve.

    Args:
        losses: One number (or Value) for each step, at least one.
        ax: The Axes to draw on; by default a new figure of pyplot.

    Returns:
        The Axes.

    Raises:
        LengthError: There are no losses.
        PictureError: Matplotlib is not installed.

    Example:
        >>> plot_loss([1.0, 0.5, 0.25]).get_ylabel()
        'loss'
    """
    numbers = as_floats(losses)
    if not numbers:
        raise LengthError("plot_loss needs at least one loss")
    ax = style_axes(ax)
    ax.plot(
        range(1, len(numbers) + 1),
        numbers,
        color=color(STEPS, LIGHT),
        linewidth=1.8,
        marker=_marker(numbers),
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
def plot_history(
    history: Mapping[str, Sequence[float]],
    ax: "Axes | None" = None,
    names: Sequence[str] | None = None,
) -> "Axes":
    """Plot the history of a training run by epoch; a ring marks the lowest validation loss.

    Args:
        history: The numbers of each name, one for each epoch, as `fit` returns them.
        ax: The Axes to draw on; by default a new figure of pyplot.
        names: Which to plot; by default those that end in "loss", or all if none does.

    Returns:
        The Axes.

    Raises:
        UnknownNameError: The history lacks one of the names.
        LengthError: There is nothing to plot.
        PictureError: Matplotlib is not installed.

    Example:
        >>> ax = plot_history({"loss": [1.0, 0.5, 0.2], "validation_loss": [1.1, 0.8, 0.9]})
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['training loss', 'validation loss']
    """
    chosen = _choose_names(history, names)
    curves = {_curve_title(name, chosen): history[name] for name in chosen}
    ax = plot_curves(curves, ax=ax)
    ax.set_xlabel("epoch")
    locator: Any = ax.xaxis.get_major_locator()
    locator.set_params(integer=True)
    if all(name.endswith("loss") for name in chosen):
        ax.set_ylabel("loss")

    numbers = {name: as_floats(history[name]) for name in chosen}
    has_negative = any(item < 0.0 for item in chain(*numbers.values()))
    if not has_negative:
        ax.set_ylim(bottom=0.0)
    for place, name in enumerate(chosen):
        if name.startswith("validation") and name.endswith("loss"):
            _ring_lowest(ax, numbers[name], class_color(place))
    return ax


@explain_calls
def plot_curves(
    curves: Mapping[str, Sequence[float]],
    x: Sequence[float] | None = None,
    ax: "Axes | None" = None,
    points: Sequence[Sequence[float]] = (),
    mean_of: int = 1,
) -> "Axes":
    """Plot several curves, each with its own color and dash, and a legend for more than one.

    Args:
        curves: The heights of each curve by its name; one may end before the others.
        x: Where those are; by default 1, 2, 3, ….
        ax: The Axes to draw on; by default a new figure of pyplot.
        points: (n, 2) points that the curves are about, drawn as rings below them.
        mean_of: How many successive numbers are averaged to one point of a curve, for noisy ones;
            an incomplete block at the end is left out.

    Returns:
        The Axes.

    Raises:
        LengthError: There is no curve, an empty one, or one longer than `x`; or points are not
            pairs of numbers.
        OptionError: `mean_of` is below 1.

    Example:
        >>> curves = {"square": [1.0, 0.0, 1.0], "size": [1.0, 0.0, 1.0]}
        >>> ax = plot_curves(curves, x=[-1.0, 0.0, 1.0])
        >>> [line.get_linestyle() for line in ax.lines]
        ['-', '--']
    """
    heights = {name: as_floats(curve) for name, curve in curves.items()}
    if not heights or not all(heights.values()):
        raise LengthError("plot_curves needs at least one curve, each with at least one number")
    longest = max(map(len, heights.values()))
    places = as_floats(range(1, longest + 1) if x is None else x)
    if len(places) < longest:
        raise LengthError(
            f"plot_curves needs an x for each number of a curve: {longest} numbers, "
            f"{len(places)} places"
        )
    if mean_of < 1:
        raise OptionError(f"mean_of of plot_curves must be at least 1, not {mean_of}")

    ax = style_axes(ax)
    _draw_points(ax, [as_floats(point) for point in points])
    for number, (name, ys) in enumerate(heights.items()):
        xs = places[: len(ys)]
        _draw_curve(ax, number, _block_means(xs, mean_of), _block_means(ys, mean_of), name)
    if len(heights) > 1:
        add_legend(ax, handlelength=3.2)
    return ax


def _block_means(numbers: list[float], size: int) -> list[float]:
    """Return the mean of each whole block; of all numbers, if they don't fill one."""
    if size == 1:
        return numbers
    last_start = max(len(numbers) - size, 0)
    starts = range(0, last_start + 1, size)
    blocks = [numbers[start : start + size] for start in starts]
    return [sum(block) / len(block) for block in blocks]


def _draw_points(ax: "Axes", points: list[list[float]]) -> None:
    if any(len(point) != 2 for point in points):
        raise LengthError("points of plot_curves must be pairs of numbers")
    if points:
        across, up = zip(*points, strict=True)
        ax.scatter(across, up, s=26, color=LIGHT.page, edgecolors=LIGHT.muted, linewidths=1.1)


def _draw_curve(ax: "Axes", number: int, x: Sequence[float], y: Sequence[float], name: str) -> None:
    ax.plot(
        x,
        y,
        linewidth=1.8,
        label=name,
        color=class_color(number),
        linestyle=DASHES[number % len(DASHES)],
        marker=_marker(y),
    )


def _marker(numbers: Sequence[float]) -> str:
    """Return a mark for a curve of one point, which no line would show."""
    return "" if len(numbers) > 1 else "o"


def _ring_lowest(ax: "Axes", numbers: list[float], ring_color: str) -> None:
    finite = [(item, epoch) for epoch, item in enumerate(numbers, 1) if isfinite(item)]
    if not finite:
        return
    # Of equal losses the earliest.
    lowest, epoch = min(finite)
    ax.plot(
        [epoch],
        [lowest],
        color=ring_color,
        marker="o",
        markersize=7,
        markerfacecolor=LIGHT.page,
        markeredgewidth=1.6,
    )
    ax.annotate(
        f"{lowest:.3g}",
        (epoch, lowest),
        (0, -17),
        textcoords="offset points",
        ha="center",
        fontsize=11,
        color=LIGHT.ink,
        bbox={"facecolor": LIGHT.page, "edgecolor": "none", "pad": 1.0},
    )


def _choose_names(history: Mapping[str, Sequence[float]], names: Sequence[str] | None) -> list[str]:
    known = [name for name in history if len(history[name])]
    losses = [name for name in known if name.endswith("loss")]
    chosen = list(names) if names is not None else losses or known
    if missing := [name for name in chosen if name not in known]:
        raise UnknownNameError(
            f"the history has no {', '.join(map(repr, missing))}: "
            f"it has {', '.join(known) or 'nothing'}"
        )
    if not chosen:
        raise LengthError("the history holds nothing yet: train for at least one epoch")
    return chosen


def _curve_title(name: str, others: list[str]) -> str:
    if name == "loss" and "validation_loss" in others:
        return "training loss"
    return name.replace("_", " ")
