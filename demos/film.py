"""A film of functions: lines of a plot, one after the other, in a picture without scripts."""

import re
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from viz.animation.timeline import Clock, show_between
from viz.plots.figure import plot_svg

PACE = 0.5
"""Seconds for each line."""


def film_svg(ax: Axes, frames: Sequence[Line2D], title: str, description: str) -> str:
    """Return the SVG of a plot that shows some of its lines one at a time, over and over.

    Readers who asked their system for less motion see the last line, and so does whoever opens the
    file with a program that does not play style sheets.

    Args:
        ax: The Axes.
        frames: Those of its lines that are shown in turn; all else stays.
        title: What screen readers call the film.
        description: What they say about it.
    """
    for i, line in enumerate(frames):
        line.set_gid(f"frame-{i}")
    clock = Clock(len(frames) * PACE)

    def show_in_turn(group: re.Match[str]) -> str:
        start = int(group[1]) * PACE
        return clock.animate(group[0], show_between(start, start + PACE, clock.seconds))

    plot = plot_svg(ax, title, description)
    moving = re.sub(r'<g id="frame-(\d+)">.*?</g>', show_in_turn, plot, flags=re.DOTALL)
    # The clock knows its style only now, when everything that moves has been written.
    return moving.replace("</style>", f"</style>{clock.style()}", 1)
