"""Colors that tell classes or curves apart, one each, with a mark and a dash to go with it.

Checked as the scale of gradients is (CIE76 on the simulations of Machado et al. 2009): any two
differ by ΔE 15 or more for eyes without one kind of cone, the first four by 17 or more, and each
contrasts with the page by 3:1. Even so, color is never the only sign: use the mark or the dash of
the same number with it.
"""

from .theme import DARK, LIGHT, Theme, mix

LIGHT_COLORS = ("#1f6fb4", "#c8590c", "#459f6a", "#4a235a", "#dd5c9d", "#5c4a0a")
DARK_COLORS = ("#6db8f2", "#f59b4c", "#1f8a55", "#9b5fd9", "#f26d9c", "#e8e0a0")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
# The last two in the form of Matplotlib: an offset, then the lengths of dashes and gaps.
DASHES = ("-", "--", "-.", ":", (0, (6, 1.5, 1, 1.5, 1, 1.5)), (0, (1, 2.5)))
TINTS = (0.16, 0.26, 0.36)
"""The share of the color that areas have, from the least certain to the most certain."""


def class_color(number: int, theme: Theme = LIGHT, tint: int | None = None) -> str:
    """Return the color of a class or curve.

    Args:
        number: Which class it is, from 0; after six the colors repeat.
        theme: LIGHT or DARK.
        tint: For areas one of the pale colors, by its position in TINTS.

    Example:
        >>> class_color(0), class_color(6), class_color(0, tint=0)
        ('#1f6fb4', '#1f6fb4', '#dbe8f3')
    """
    # Any other theme is taken for a dark one: these colors are checked against two pages only.
    colors = LIGHT_COLORS if theme is LIGHT else DARK_COLORS
    full = colors[number % len(colors)]
    if tint is None:
        return full
    return mix(theme.page, full, TINTS[tint])


def dark_pairs() -> dict[str, str]:
    """Return for each light color of this module the one that replaces it in the dark.

    Example:
        >>> dark_pairs()["#c8590c"]
        '#f59b4c'
    """
    tints = (None, *range(len(TINTS)))
    pairs: dict[str, str] = {}
    for number in range(len(LIGHT_COLORS)):
        for tint in tints:
            light = class_color(number, LIGHT, tint)
            pairs[light] = class_color(number, DARK, tint)
    return pairs
