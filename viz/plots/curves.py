"""Curves: what changes over the epochs of a training, and functions of one number, several in one plot."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from scalargrad.errors import LengthError, OptionError, UnknownNameError
from scalargrad.utils.calls import explain_calls
from viz.look.palette import DASHES, class_color
from viz.look.theme import LIGHT

from .axes import dressed, plain


@explain_calls
def plot_history(
    history: Mapping[str, Sequence[float]], ax: Any = None, names: Sequence[str] | None = None
) -> Any:
    """What a training wrote down after each epoch, as curves; a ring marks where the validation loss was lowest.

    history  the numbers of each name, one per epoch, as `fit` returns them
    ax       the matplotlib Axes to draw on; without one, a new figure of pyplot
    names    which to draw; by default those that end in "loss", or all where none does

    Returns the Axes. Raises UnknownNameError for names that the history lacks, LengthError where there is nothing to draw,
    PictureError where matplotlib is missing.

    >>> ax = plot_history({"loss": [1.0, 0.5, 0.2], "validation_loss": [1.1, 0.8, 0.9]})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['training loss', 'validation loss']
    """
    chosen = _chosen(history, names)
    ax = plot_curves({_title(name, chosen): history[name] for name in chosen}, ax=ax)
    ax.set_xlabel("epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    if all(name.endswith("loss") for name in chosen):
        ax.set_ylabel("loss")
    if not any(plain(item) < 0.0 for name in chosen for item in history[name]):
        ax.set_ylim(bottom=0.0)
    for number, name in enumerate(chosen):
        if name.startswith("validation") and name.endswith("loss"):
            _ring_lowest(ax, [plain(item) for item in history[name]], class_color(number))
    return ax


@explain_calls
def plot_curves(
    curves: Mapping[str, Sequence[float]],
    x: Sequence[float] | None = None,
    ax: Any = None,
    points: Sequence[Sequence[float]] = (),
    mean_of: int = 1,
) -> Any:
    """Curves in one plot, each with a color and a dash of its own, and a legend of their names where there are several.

    curves   the heights of each curve by its name; one may end before the others
    x        where those are; by default 1, 2, 3, …
    ax       the matplotlib Axes to draw on; without one, a new figure of pyplot
    points   (n, 2): places that the curves are about, drawn as rings below them
    mean_of  the mean of so many numbers after one another is one point of a curve, for noisy ones; a rest at the end is left out

    Returns the Axes. Raises LengthError for no curves, an empty one, one that is longer than `x`, and points that are not two numbers;
    OptionError for a `mean_of` below 1.

    >>> ax = plot_curves({"square": [1.0, 0.0, 1.0], "size": [1.0, 0.0, 1.0]}, x=[-1.0, 0.0, 1.0])
    >>> [line.get_linestyle() for line in ax.lines]
    ['-', '--']
    """
    heights = {name: [plain(item) for item in curve] for name, curve in curves.items()}
    if not heights or not all(heights.values()):
        raise LengthError("plot_curves needs at least one curve, each with at least one number")
    longest = max(map(len, heights.values()))
    places = [float(i + 1) for i in range(longest)] if x is None else [plain(item) for item in x]
    if len(places) < longest:
        raise LengthError(
            f"plot_curves needs an x for each number of a curve: {longest} numbers, {len(places)} places"
        )
    if mean_of < 1:
        raise OptionError(f"mean_of of plot_curves must be at least 1, not {mean_of}")
    ax = dressed(ax)
    _draw_points(ax, [[plain(item) for item in point] for point in points])
    for number, (name, ys) in enumerate(heights.items()):
        _draw(ax, number, _means(places[: len(ys)], mean_of), _means(ys, mean_of), name)
    if len(heights) > 1:
        ax.legend(frameon=False, fontsize=9, labelcolor=LIGHT.ink, handlelength=3.2)
    return ax


def _means(numbers: list[float], size: int) -> list[float]:
    """The mean of each block of that size; of all numbers, where there are fewer."""
    if size == 1:
        return numbers
    blocks = [
        numbers[start : start + size] for start in range(0, max(len(numbers) - size, 0) + 1, size)
    ]
    return [sum(block) / len(block) for block in blocks]


def _draw_points(ax: Any, points: list[list[float]]) -> None:
    if any(len(point) != 2 for point in points):
        raise LengthError("points of plot_curves must be pairs of numbers")
    if points:
        across, up = zip(*points, strict=True)
        ax.scatter(across, up, s=26, color=LIGHT.page, edgecolors=LIGHT.muted, linewidths=1.1)


def _draw(ax: Any, number: int, x: Sequence[float], y: Sequence[float], name: str) -> None:
    style = {
        "color": class_color(number),
        "linestyle": DASHES[number % len(DASHES)],
        "marker": "" if len(y) > 1 else "o",
    }
    ax.plot(x, y, linewidth=1.8, label=name, **style)


def _ring_lowest(ax: Any, numbers: list[float], color: str) -> None:
    finite = [(item, i + 1) for i, item in enumerate(numbers) if isfinite(item)]
    if finite:
        lowest, epoch = min(finite)
        ax.plot(
            [epoch],
            [lowest],
            color=color,
            marker="o",
            markersize=7,
            markerfacecolor=LIGHT.page,
            markeredgewidth=1.6,
        )
        plate = {"facecolor": LIGHT.page, "edgecolor": "none", "pad": 1.0}
        style = {
            "textcoords": "offset points",
            "ha": "center",
            "fontsize": 9,
            "color": LIGHT.ink,
            "bbox": plate,
        }
        ax.annotate(f"{lowest:.3g}", (epoch, lowest), (0, -17), **style)


def _chosen(history: Mapping[str, Sequence[float]], names: Sequence[str] | None) -> list[str]:
    known = [name for name in history if len(history[name])]
    chosen = (
        list(names)
        if names is not None
        else [name for name in known if name.endswith("loss")] or known
    )
    if missing := [name for name in chosen if name not in known]:
        raise UnknownNameError(
            f"the history has no {', '.join(map(repr, missing))}: it has {', '.join(known) or 'nothing'}"
        )
    if not chosen:
        raise LengthError("the history holds nothing yet: train for at least one epoch")
    return chosen


def _title(name: str, others: list[str]) -> str:
    return (
        "training loss"
        if name == "loss" and "validation_loss" in others
        else name.replace("_", " ")
    )
