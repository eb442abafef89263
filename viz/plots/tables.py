"""Numbers compared: tables as squares, quantities as bars, two methods as points."""

from collections.abc import Collection, Mapping, Sequence
from math import inf, isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scalargrad.errors import DataError, LengthError, PictureError
from scalargrad.utils.calls import explain_calls
from viz.look.palette import MARKS, class_color
from viz.look.theme import LIGHT, STEPS, color, shade, text_color

from .figure import GRAYS, add_legend, as_float, as_floats, gray, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Pairs = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""For each group its numbers by one method and by the other."""

MANY = 100
"""Groups of more points than that have smaller ones."""
_MAX_NAME = 24
"""The length that names of classes are cut to."""
_MAX_HORIZONTAL = 40
"""How many letters of names fit beside each other below a confusion matrix."""
_PALE = 0.65
"""The part of the scale on which ink can be read, on a light page and on a dark one."""


# Squares


@explain_calls
def plot_grid(
    rows: Sequence[Sequence[float]], ax: "Axes | None" = None, signed: bool = False
) -> "Axes":
    """Plot a rectangle of numbers as squares: an image in grays, or gradients in our colors.

    Args:
        rows: The numbers, (height, width), the top row first.
        ax: The Axes to draw on; by default a new figure of pyplot.
        signed: False: from 0 (page) to the largest (ink). True: orange below 0, blue above 0,
            neutral at 0.

    Returns:
        The Axes.

    Raises:
        LengthError: The rows differ in length.
        PictureError: Matplotlib is not installed.

    Example:
        >>> len(plot_grid([[0.0, 1.0], [2.0, 3.0]]).patches)
        4
    """
    numbers = _check_rows(rows, "plot_grid")
    ax = style_axes(ax)
    largest = max(abs(item) for row in numbers for item in row) or 1.0
    for i, row in enumerate(numbers):
        for j, item in enumerate(row):
            if signed:
                fill = color(shade(item, largest), LIGHT)
            else:
                darkness = max(0.0, item / largest)
                fill = gray(round(GRAYS * darkness), LIGHT)
            _add_square(ax, i, j, fill, linewidth=0.6)
    height = len(numbers)
    width = len(numbers[0])
    # The first row is on top.
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    return ax


@explain_calls
def plot_table(
    rows: Mapping[Any, Sequence[float]],
    columns: Sequence[Any] | None = None,
    ax: "Axes | None" = None,
    signed: bool = False,
    texts: Mapping[Any, Sequence[Any]] = MappingProxyType({}),
) -> "Axes":
    """Plot a table of numbers as squares, with the names of its rows and columns.

    Args:
        rows: The numbers of each row by its name, the top row first.
        columns: The names of the columns; by default 0, 1, 2, ….
        ax: The Axes to draw on; by default a new figure of pyplot.
        signed: False: from 0 (page) to the largest (ink). True: orange below 0, blue above 0,
            neutral at 0.
        texts: What to write into the squares of a row, by its name.

    Returns:
        The Axes.

    Raises:
        LengthError: The rows differ in length, or there are too few names or texts.

    Example:
        >>> rows = {"cat": [0.9, 0.1], "dog": [0.2, 0.8]}
        >>> ax = plot_table(rows, ["says cat", "says dog"], texts={"dog": ["wrong", "right"]})
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['cat', 'dog']
        >>> [text.get_text() for text in ax.texts]
        ['wrong', 'right']
    """
    numbers = _check_rows(list(rows.values()), "plot_table")
    width = len(numbers[0])
    names: list[Any] = list(range(width) if columns is None else columns)
    if len(names) != width:
        raise LengthError(
            f"plot_table needs a name for each column: {width} columns, {len(names)} names"
        )
    ax = plot_grid(numbers, ax, signed)
    ax.set_xticks(_square_centers(width), names)
    ax.set_yticks(_square_centers(len(rows)), list(rows))
    ax.tick_params(length=0, labelcolor=LIGHT.ink)
    for i, name in enumerate(rows):
        if name in texts:
            _write_row(ax, name, i, texts[name], width)
    return ax


def _write_row(ax: "Axes", name: Any, i: int, texts: Sequence[Any], width: int) -> None:
    """Write into the squares of row `i`: in ink on light squares, in the page's color on dark."""
    from matplotlib.colors import to_hex

    if len(texts) != width:
        raise LengthError(
            f"plot_table needs a text for each column of {name!r}: {width} columns, "
            f"{len(texts)} texts"
        )
    text_on_dark = text_color(LIGHT.ink)
    for j, text in enumerate(texts):
        fill = to_hex(ax.patches[i * width + j].get_facecolor())
        is_dark = text_color(fill) == text_on_dark
        ink = LIGHT.page if is_dark else LIGHT.ink
        _write_into_square(ax, i, j, str(text), color=ink)


@explain_calls
def plot_confusion(
    matrix: Sequence[Sequence[float]], names: Sequence[str] = (), ax: "Axes | None" = None
) -> "Axes":
    """Plot a confusion matrix: how many samples of each class (row) were predicted as each class.

    The diagonal, which is right, is blue, the rest orange; the darker, the larger the share of its
    row.

    Args:
        matrix: The counts, square, as `scalargrad.training.confusion_matrix` returns them.
        names: What the classes are called; by default 0, 1, 2, ….
        ax: The Axes to draw on; by default a new figure of pyplot.

    Returns:
        The Axes.

    Raises:
        LengthError: The matrix is not square, or there is not one name for each class.
        PictureError: A count is below 0 or not finite, or matplotlib is not installed.

    Example:
        >>> ax = plot_confusion([[5, 1], [0, 4]], ["cat", "dog"])
        >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
        ('predicted', ['5', '1', '0', '4'])
    """
    counts = _check_rows(matrix, "plot_confusion")
    size = len(counts)
    labels = list(map(str, names)) or list(map(str, range(size)))
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

    ax = style_axes(ax)
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            _draw_count(ax, i, j, count, sum(row))
    ax.set(xlim=(0, size), ylim=(size, 0), aspect="equal", xlabel="predicted", ylabel="true")
    places = _square_centers(size)
    shown = [_shorten(label) for label in labels]
    letters = size * max(map(len, labels))
    rotation = 90 if letters > _MAX_HORIZONTAL else 0
    # A name with dollar signs is no formula.
    ax.set_xticks(places, shown, rotation=rotation, parse_math=False)
    ax.set_yticks(places, shown, parse_math=False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _draw_count(ax: "Axes", row: int, column: int, count: float, total: float) -> None:
    # A count that is not 0 has a color, however small its share.
    step = 0
    if count:
        step = max(round(_PALE * STEPS * count / total), 1)
    fill = color(step if row == column else -step, LIGHT)
    _add_square(ax, row, column, fill, linewidth=1.0)
    _write_into_square(ax, row, column, f"{count:g}", color=LIGHT.ink, fontsize=11)


def _write_into_square(ax: "Axes", row: int, column: int, text: str, **style: Any) -> None:
    ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", **style)


def _square_centers(count: int) -> list[float]:
    return [i + 0.5 for i in range(count)]


def _add_square(ax: "Axes", row: int, column: int, fill: str, linewidth: float) -> None:
    from matplotlib.patches import Rectangle

    square = Rectangle(
        (column, row), 1, 1, facecolor=fill, edgecolor=LIGHT.page, linewidth=linewidth
    )
    ax.add_patch(square)


def _shorten(label: str) -> str:
    return label if len(label) <= _MAX_NAME else f"{label[: _MAX_NAME - 1]}…"


def _check_rows(rows: Sequence[Sequence[float]], function: str) -> list[list[float]]:
    """Return a rectangle of plain numbers, row by row."""
    numbers = [as_floats(row) for row in rows]
    lengths = {len(row) for row in numbers}
    if len(lengths) != 1 or 0 in lengths:
        raise LengthError(f"{function} needs rows of one length, with at least one number")
    return numbers


# Bars


@explain_calls
def plot_bars(
    lengths: Mapping[str, float],
    ax: "Axes | None" = None,
    texts: Sequence[str] | None = None,
    log: bool = False,
    pale: Collection[str] = (),
) -> "Axes":
    """Plot quantities as horizontal bars, the first on top, each with its number at its end.

    Args:
        lengths: The length of each bar by its name; finite, and above 0 where `log`.
        ax: The Axes to draw on; by default a new figure of pyplot.
        texts: What to write at the ends, in place of the numbers.
        log: Whether the axis is logarithmic.
        pale: The names of bars to draw pale and dashed, such as estimates beside measurements.

    Returns:
        The Axes.

    Raises:
        LengthError: There are no bars, or too few texts.
        DataError: A length can't be drawn.

    Example:
        >>> ax = plot_bars({"slow": 100.0, "quick": 1.0}, log=True, texts=["100 s", "1 s"])
        >>> [text.get_text() for text in ax.texts]
        ['100 s', '1 s']
    """
    numbers = _check_bars(lengths, log)
    rounded = [f"{number:.3g}" for number in numbers.values()]
    written = rounded if texts is None else list(texts)
    if len(written) != len(numbers):
        raise LengthError(
            f"plot_bars needs a text for each bar: {len(numbers)} bars, {len(written)} texts"
        )
    ax = style_axes(ax)
    # A logarithmic axis has no 0 to begin at.
    left = min(numbers.values()) / 3.0 if log else 0.0
    for place, (name, number) in enumerate(numbers.items()):
        _draw_bar(ax, place, left, number, name in pale)
        ax.annotate(
            written[place],
            (number, place),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=11,
            color=LIGHT.ink,
        )
    ax.set_yticks(range(len(numbers)), list(numbers))
    ax.tick_params(axis="y", length=0, labelcolor=LIGHT.ink)
    ax.invert_yaxis()
    ax.set_xscale("log" if log else "linear")
    ax.margins(x=0.18)
    return ax


def _draw_bar(ax: "Axes", place: int, left: float, end: float, is_pale: bool) -> None:
    ax.barh(
        place,
        end - left,
        left=left,
        height=0.62,
        edgecolor=class_color(0),
        linewidth=1.0,
        facecolor=class_color(0, tint=0) if is_pale else class_color(0),
        linestyle="--" if is_pale else "solid",
    )


def _check_bars(lengths: Mapping[str, float], log: bool) -> dict[str, float]:
    numbers = {name: as_float(length) for name, length in lengths.items()}
    if not numbers:
        raise LengthError("plot_bars needs at least one bar")
    for name, number in numbers.items():
        if not isfinite(number) or (log and number <= 0.0):
            raise DataError(
                f"a bar of plot_bars must be finite{' and above 0' * log}, "
                f"not {number!r} ({name!r})"
            )
    return numbers


# Two methods


@explain_calls
def plot_agreement(groups: Pairs, ax: "Axes | None" = None) -> "Axes":
    """Plot numbers by one method against those by another; where they agree, points are on a line.

    Args:
        groups: For each name the numbers by the first method and by the second, (n,) and (n,).
        ax: The Axes to draw on; by default a new figure of pyplot.

    Returns:
        The Axes.

    Raises:
        LengthError: There is nothing to compare, or the two methods differ in length.

    Example:
        >>> ax = plot_agreement({"weights": ([1.0, 2.0], [1.0, 2.1])})
        >>> len(ax.collections)
        1
    """
    checked = _check_pairs("plot_agreement", groups)
    ax = style_axes(ax)
    ax.axline((0.0, 0.0), slope=1.0, color=LIGHT.line, linewidth=1.0, zorder=0)
    finite: list[float] = []
    for number, (name, (x, y)) in enumerate(checked.items()):
        _scatter_group(ax, number, x, y, name)
        finite += filter(isfinite, [*x, *y])
    low = min(finite, default=0.0)
    high = max(finite, default=0.0)
    margin = 0.06 * (high - low) or 1.0
    ends = (low - margin, high + margin)
    ax.set(xlim=ends, ylim=ends, aspect="equal")
    _add_group_legend(ax, len(checked))
    return ax


@explain_calls
def plot_differences(
    groups: Pairs, ax: "Axes | None" = None, allowed: float | None = None
) -> "Axes":
    """Plot how far apart two methods are for each number, against its size, on log axes.

    Numbers that are exactly equal, or exactly 0, have no place on such axes; how many are left out
    is written below.

    Args:
        groups: For each name the numbers by the first method and by the second, (n,) and (n,).
        ax: The Axes to draw on; by default a new figure of pyplot.
        allowed: How far apart they may be, drawn as a line.

    Returns:
        The Axes.

    Raises:
        LengthError: There is nothing to compare, or the two methods differ in length.

    Example:
        >>> plot_differences({"weights": ([1.0, 2.0], [1.0, 2.1])}).get_xlabel()
        'size of the number\\n1 of 2 left out: exactly equal, or 0'
    """
    checked = _check_pairs("plot_differences", groups)
    ax = style_axes(ax)
    left_out = 0
    total = 0
    for number, (name, (x, y)) in enumerate(checked.items()):
        pairs = zip(x, y, strict=True)
        unequal = [(a, b) for a, b in pairs if a and a != b]
        sizes = [abs(a) for a, _ in unequal]
        differences = [abs(a - b) for a, b in unequal]
        _scatter_group(ax, number, sizes, differences, name)
        left_out += len(x) - len(unequal)
        total += len(x)
    if allowed is not None:
        _draw_allowed(ax, allowed)
    if left_out == total:
        # Without a number matplotlib finds no limits for a logarithmic axis.
        scale = allowed or 1.0
        ax.set(xlim=(1e-3, 1.0), ylim=(scale * 1e-3, scale * 10.0))
    ax.set(xscale="log", yscale="log", ylabel="difference")
    label = "size of the number"
    if left_out:
        label += f"\n{left_out:,} of {total:,} left out: exactly equal, or 0"
    ax.set_xlabel(label)
    _add_group_legend(ax, len(checked))
    return ax


def _draw_allowed(ax: "Axes", allowed: float) -> None:
    ax.axhline(allowed, color=LIGHT.ink, linewidth=1.0, linestyle=(0, (4, 3)))
    ax.annotate(
        f"allowed: {allowed:.0e}",
        (0.0, allowed),
        (4, -11),
        ("axes fraction", "data"),
        "offset points",
        fontsize=11,
        color=LIGHT.ink,
    )


def _scatter_group(
    ax: "Axes", number: int, x: Sequence[float], y: Sequence[float], name: str
) -> None:
    ax.scatter(
        x,
        y,
        s=26 if len(x) <= MANY else 12,
        marker=MARKS[number % len(MARKS)],
        color=class_color(number),
        edgecolors=LIGHT.page,
        linewidths=0.6,
        label=name,
    )


def _add_group_legend(ax: "Axes", groups: int) -> None:
    if groups > 1:
        add_legend(ax, handletextpad=0.3)


def _check_pairs(function: str, groups: Pairs) -> dict[str, tuple[list[float], list[float]]]:
    pairs = {}
    for name, (x, y) in groups.items():
        pairs[name] = (as_floats(x), as_floats(y))
    if not any(x for x, _ in pairs.values()):
        raise LengthError(f"{function} needs at least one number")
    for name, (x, y) in pairs.items():
        if len(x) != len(y):
            raise LengthError(
                f"{function} needs each number in both ways: {len(x)} and {len(y)} of {name!r}"
            )
    return pairs
