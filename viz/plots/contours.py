"""The landscape of a loss over two parameters, and the ways that descents took through it."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from scalargrad.core.modes import no_grad
from scalargrad.errors import DataError, LengthError
from viz.look.palette import DASHES, class_color
from viz.look.theme import LIGHT

from .axes import dressed, evenly, plain

LEVELS = 12
"""How many contour lines there are, nearer to each other towards the lowest point, so that the valley is seen as well as the walls."""

Place = Sequence[float]


def plot_descent(
    loss: Callable[[float, float], Any],
    paths: Mapping[str, Sequence[Place]],
    ax: Any = None,
    around: Sequence[Place] = (),
    resolution: int = 48,
) -> Any:
    """Contour lines of a loss of two parameters, and each path as a line from its start (ring) to its end (cross).

    loss        takes the two parameters and returns a Value or number
    paths       (n, 2) by name: where a descent was before and after each step
    ax          the matplotlib Axes to draw on; without one, a new figure of pyplot
    around      further places that must be in the plot, so that several plots can show the same part
    resolution  how many points along each side are asked

    Returns the Axes. Raises LengthError for no path, an empty one or places that are not two numbers, DataError for places that
    are not finite, PictureError where matplotlib is missing.

    >>> ax = plot_descent(lambda a, b: a * a + b * b, {"down": [[1.0, 1.0], [0.5, 0.5]]}, resolution=4)
    >>> ax.get_title()
    'down'
    """
    ways = {name: _checked(f"path {name!r}", path) for name, path in paths.items()}
    if not ways:
        raise LengthError("plot_descent needs at least one path")
    shown = [
        place
        for way in (*ways.values(), _checked("around", around) if len(around) else [])
        for place in way
    ]
    sides = [evenly([place[i] for place in shown], resolution, "plot_descent") for i in (0, 1)]
    ax = dressed(ax)
    _draw_landscape(ax, loss, sides)
    for number, (name, way) in enumerate(ways.items()):
        _draw_way(ax, number, way, name)
    if len(ways) > 1:
        ax.legend(frameon=False, fontsize=9, labelcolor=LIGHT.ink, handlelength=3.2)
    else:
        ax.set_title(next(iter(ways)))
    return ax


def _draw_landscape(ax: Any, loss: Callable[[float, float], Any], sides: list[list[float]]) -> None:
    with no_grad():
        heights = [[plain(loss(a, b)) for a in sides[0]] for b in sides[1]]
    finite = [height for row in heights for height in row if isfinite(height)]
    span = max(finite, default=0.0) - min(finite, default=0.0)
    if span > 0.0 and isfinite(span):
        levels = [min(finite) + span * 0.6**power for power in range(LEVELS, 0, -1)]
        ax.contour(*sides, heights, levels=levels, colors=[LIGHT.line], linewidths=0.7)


def _draw_way(ax: Any, number: int, way: list[list[float]], name: str) -> None:
    across, up = ([place[i] for place in way] for i in (0, 1))
    color = class_color(number)
    ax.plot(
        across, up, color=color, linestyle=DASHES[number % len(DASHES)], linewidth=1.4, label=name
    )
    ax.plot(
        across[:1],
        up[:1],
        color=color,
        marker="o",
        markersize=8,
        markerfacecolor=LIGHT.page,
        markeredgewidth=1.6,
    )
    ax.plot(across[-1:], up[-1:], color=LIGHT.ink, marker="x", markersize=8, markeredgewidth=2.0)


def _checked(what: str, path: Sequence[Place]) -> list[list[float]]:
    way = [[plain(item) for item in place] for place in path]
    if not way or any(len(place) != 2 for place in way):
        raise LengthError(
            f"{what} of plot_descent must hold at least one place, each of two numbers"
        )
    if not all(isfinite(item) for place in way for item in place):
        raise DataError(f"{what} of plot_descent must hold finite numbers")
    return way
