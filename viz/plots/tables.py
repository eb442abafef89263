"""Comparisons: the same numbers found in two ways, point by point; quantities side by side as bars; tables as squares."""

from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from types import MappingProxyType
from typing import Any

from scalargrad.errors import DataError, LengthError
from scalargrad.utils.calls import explain_calls
from viz.look.palette import MARKS, class_color
from viz.look.theme import LIGHT, text_color

from .axes import checked_rows, dressed, plain
from .figure import plot_grid

Pairs = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""For each group its numbers as they were found in one way and in the other."""

MANY = 100
"""From more points on they are drawn smaller."""


@explain_calls
def plot_agreement(groups: Pairs, ax: Any = None) -> Any:
    """Each number as a point: across as found in one way, up as found in the other. Where the two agree it lies on the line.

    groups  for each name the numbers of the one way and of the other, (n,) and (n,)
    ax      the matplotlib Axes to draw on; without one, a new figure of pyplot

    Returns the Axes. Raises LengthError for nothing to compare and for two ways of different length.

    >>> ax = plot_agreement({"weights": ([1.0, 2.0], [1.0, 2.1])})
    >>> len(ax.collections)
    1
    """
    checked = _checked("plot_agreement", groups)
    ax = dressed(ax)
    ax.axline((0.0, 0.0), slope=1.0, color=LIGHT.line, linewidth=1.0, zorder=0)
    for number, (name, (x, y)) in enumerate(checked.items()):
        _scatter(ax, number, x, y, name)
    everything = [
        item for sides in checked.values() for side in sides for item in side if isfinite(item)
    ]
    margin = 0.06 * (max(everything, default=0.0) - min(everything, default=0.0)) or 1.0
    ends = min(everything, default=0.0) - margin, max(everything, default=0.0) + margin
    ax.set(xlim=ends, ylim=ends, aspect="equal")
    return _with_legend(ax, len(checked))


@explain_calls
def plot_differences(groups: Pairs, ax: Any = None, allowed: float | None = None) -> Any:
    """How far apart the two ways are for each number, against its size; both axes go by powers of ten.

    groups   for each name the numbers of the one way and of the other, (n,) and (n,)
    ax       the matplotlib Axes to draw on; without one, a new figure of pyplot
    allowed  how far apart they may be: a line

    Numbers that are exactly equal, or exactly 0, have no place on such axes: how many are left out is written below.
    Returns the Axes. Raises LengthError for nothing to compare and for two ways of different length.

    >>> plot_differences({"weights": ([1.0, 2.0], [1.0, 2.1])}).get_xlabel()
    'size of the number\\n1 of 2 left out: exactly equal, or 0'
    """
    checked, left_out, total = _checked("plot_differences", groups), 0, 0
    ax = dressed(ax)
    for number, (name, (x, y)) in enumerate(checked.items()):
        points = [(abs(a), abs(a - b)) for a, b in zip(x, y, strict=True) if a and a != b]
        left_out, total = left_out + len(x) - len(points), total + len(x)
        _scatter(
            ax, number, [size for size, _ in points], [difference for _, difference in points], name
        )
    if allowed is not None:
        ax.axhline(allowed, color=LIGHT.ink, linewidth=1.0, linestyle=(0, (4, 3)))
        ax.annotate(
            f"allowed: {allowed:.0e}",
            (0.0, allowed),
            (4, -11),
            ("axes fraction", "data"),
            "offset points",
            fontsize=9,
            color=LIGHT.ink,
        )
    if left_out == total:  # powers of ten need a number to begin with
        ax.set(xlim=(1e-3, 1.0), ylim=((allowed or 1.0) * 1e-3, (allowed or 1.0) * 10.0))
    ax.set(xscale="log", yscale="log", ylabel="difference")
    ax.set_xlabel(
        "size of the number"
        + f"\n{left_out:,} of {total:,} left out: exactly equal, or 0" * bool(left_out)
    )
    return _with_legend(ax, len(checked))


@explain_calls
def plot_bars(
    lengths: Mapping[str, float],
    ax: Any = None,
    texts: Sequence[str] | None = None,
    log: bool = False,
    pale: Collection[str] = (),
) -> Any:
    """Quantities side by side as horizontal bars, the first on top, each with its number at its end.

    lengths  how long each bar is, by its name; finite, and above 0 where `log`
    ax       the matplotlib Axes to draw on; without one, a new figure of pyplot
    texts    what is written at the ends, in place of the numbers
    log      whether a step to the right multiplies
    pale     the names of bars to be drawn pale and dashed: estimates beside measurements, say

    Returns the Axes. Raises LengthError for no bars and for too few texts, DataError for a length that can't be drawn.

    >>> ax = plot_bars({"slow": 100.0, "quick": 1.0}, log=True, texts=["100 s", "1 s"])
    >>> [text.get_text() for text in ax.texts]
    ['100 s', '1 s']
    """
    numbers = _checked_bars(lengths, log)
    written = [f"{number:.3g}" for number in numbers.values()] if texts is None else list(texts)
    if len(written) != len(numbers):
        raise LengthError(
            f"plot_bars needs a text for each bar: {len(numbers)} bars, {len(written)} texts"
        )
    ax, left = dressed(ax), min(numbers.values()) / 3.0 if log else 0.0
    for place, (name, number) in enumerate(numbers.items()):
        look = (
            {"facecolor": class_color(0, tint=0), "linestyle": "--"}
            if name in pale
            else {"facecolor": class_color(0)}
        )
        ax.barh(
            place,
            number - left,
            left=left,
            height=0.62,
            edgecolor=class_color(0),
            linewidth=1.0,
            **look,
        )
        ax.annotate(
            written[place],
            (number, place),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=LIGHT.ink,
        )
    ax.set_yticks(range(len(numbers)), list(numbers))
    ax.tick_params(axis="y", length=0, labelcolor=LIGHT.ink)
    ax.invert_yaxis()
    ax.set_xscale("log" if log else "linear")
    ax.margins(x=0.18)
    return ax


@explain_calls
def plot_table(
    rows: Mapping[Any, Sequence[float]],
    columns: Sequence[Any] | None = None,
    ax: Any = None,
    signed: bool = False,
    texts: Mapping[Any, Sequence[Any]] = MappingProxyType({}),
) -> Any:
    """A table of numbers as squares, the darker the larger, with the names of its rows and columns.

    rows     the numbers of each row by its name, the top row first
    columns  the names of the columns; by default 0, 1, 2, …
    ax       the matplotlib Axes to draw on; without one, a new figure of pyplot
    signed   False: numbers from 0 (page) to the largest (ink). True: orange below 0, blue above, 0 neutral
    texts    what is written into the squares, for the rows that shall have that

    Returns the Axes. Raises LengthError for rows of several lengths and for too few names or texts.

    >>> ax = plot_table({"cat": [0.9, 0.1], "dog": [0.2, 0.8]}, ["says cat", "says dog"], texts={"dog": ["wrong", "right"]})
    >>> [label.get_text() for label in ax.get_yticklabels()], [text.get_text() for text in ax.texts]
    (['cat', 'dog'], ['wrong', 'right'])
    """
    numbers = checked_rows(list(rows.values()), "plot_table")
    width = len(numbers[0])
    names = list(range(width)) if columns is None else list(columns)
    if len(names) != width:
        raise LengthError(
            f"plot_table needs a name for each column: {width} columns, {len(names)} names"
        )
    ax = plot_grid(numbers, ax, signed)
    ax.set_xticks([i + 0.5 for i in range(width)], names)
    ax.set_yticks([i + 0.5 for i in range(len(rows))], list(rows))
    ax.tick_params(length=0, labelcolor=LIGHT.ink)
    for i, name in enumerate(rows):
        if name in texts:
            _write_row(ax, name, i, texts[name], width)
    return ax


def _write_row(ax: Any, name: Any, i: int, texts: Sequence[Any], width: int) -> None:
    """Write into the squares of row `i`, in the page's color on dark squares and in ink on light ones."""
    from matplotlib.colors import to_hex

    if len(texts) != width:
        raise LengthError(
            f"plot_table needs a text for each column of {name!r}: {width} columns, {len(texts)} texts"
        )
    for j, text in enumerate(texts):
        white = text_color(to_hex(ax.patches[i * width + j].get_facecolor())) == text_color(
            LIGHT.ink
        )
        ax.text(
            j + 0.5,
            i + 0.5,
            str(text),
            ha="center",
            va="center",
            color=LIGHT.page if white else LIGHT.ink,
        )


def _scatter(ax: Any, number: int, x: Sequence[float], y: Sequence[float], name: str) -> None:
    mark, size = MARKS[number % len(MARKS)], 26 if len(x) <= MANY else 12
    ax.scatter(
        x,
        y,
        s=size,
        marker=mark,
        color=class_color(number),
        edgecolors=LIGHT.page,
        linewidths=0.6,
        label=name,
    )


def _with_legend(ax: Any, groups: int) -> Any:
    if groups > 1:
        ax.legend(frameon=False, fontsize=9, labelcolor=LIGHT.ink, handletextpad=0.3)
    return ax


def _checked(who: str, groups: Pairs) -> dict[str, tuple[list[float], list[float]]]:
    found = {
        name: ([plain(a) for a in x], [plain(b) for b in y]) for name, (x, y) in groups.items()
    }
    if not any(x for x, _ in found.values()):
        raise LengthError(f"{who} needs at least one number")
    for name, (x, y) in found.items():
        if len(x) != len(y):
            raise LengthError(
                f"{who} needs each number in both ways: {len(x)} and {len(y)} of {name!r}"
            )
    return found


def _checked_bars(lengths: Mapping[str, float], log: bool) -> dict[str, float]:
    numbers = {name: plain(length) for name, length in lengths.items()}
    if not numbers:
        raise LengthError("plot_bars needs at least one bar")
    for name, number in numbers.items():
        if not isfinite(number) or (log and number <= 0.0):
            raise DataError(
                f"a bar of plot_bars must be finite{' and above 0' * log}, not {number!r} ({name!r})"
            )
    return numbers
