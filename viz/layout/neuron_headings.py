"""Headings of layers in the neuron view: broken into lines, and as wide as these."""

from collections.abc import Sequence

from viz.look.measures import FONT_SIZES
from viz.look.text import width, wrap_text
from viz.model.picture import Column

LINE = 16.0
BASELINE = 12.0
"""Where the text of the first line is, from its top."""


def wrap_heading(column: Column, max_width: float) -> list[tuple[str, bool]]:
    """Return the lines of a heading, each with whether it belongs to the title."""
    titles = [column.title] if column.title else []
    details = [column.detail] if column.detail else []
    # Broken between its parts first: "2 saturated" says nothing on two lines.
    if width(column.title, FONT_SIZES.label, bold=True) > max_width:
        titles = wrap_text(column.title.split("  "), FONT_SIZES.label, max_width, bold=True)
    if width(column.detail, FONT_SIZES.small) > max_width:
        details = wrap_text(column.detail.split(" · "), FONT_SIZES.small, max_width)
    return [*((line, True) for line in titles), *((line, False) for line in details)]


def heading_width(lines: Sequence[tuple[str, bool]]) -> float:
    """Return the width of the longest line."""
    widths = [0.0]
    for text, is_title in lines:
        size = FONT_SIZES.label if is_title else FONT_SIZES.small
        widths.append(width(text, size, bold=is_title))
    return max(widths)
