"""Colors, themes and the scale that turns a gradient into a fill, an edge color and a width."""

from dataclasses import dataclass
from math import copysign, isfinite, log

from scalargrad.errors import OptionError

from .measures import SCALE, STOPS
from .text import hint

FONT = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif"
MONO = "'SF Mono', Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace"
STEPS = SCALE.steps
"""How many shades each side of the scale has."""
REACH = SCALE.steepness
"""How steep the scale begins: from this many times smaller than the largest on, a gradient is hardly seen."""
THINNEST = SCALE.thinnest
THICKEST = SCALE.thickest
"""The widths of edges in pixels."""
DEEPER = SCALE.edge_mix
"""How much of the full color is mixed into that of an edge, so that no line is lost on the page."""


@dataclass(frozen=True)
class Theme:
    """The colors of one appearance. The two scales run from no gradient to the largest one shown."""

    page: str
    card: str
    ink: str
    muted: str
    line: str
    group: str
    group_line: str
    negative: tuple[str, ...]
    positive: tuple[str, ...]
    badges: dict[str, str]
    alarm: str


LIGHT = Theme(
    page="#ffffff",
    card="#ffffff",
    ink="#1b1f24",
    muted="#59636e",
    line="#9aa4ae",
    group="#f6f8fa",
    group_line="#d0d7de",
    negative=STOPS["light"]["negative"],
    positive=STOPS["light"]["positive"],
    badges={
        "operation": "#4b5563",
        "parameter": "#6b4fa0",
        "input": "#2b7a55",
        "constant": "#59636e",
    },
    alarm="#c62828",
)
DARK = Theme(
    page="#0f1419",
    card="#1a2129",
    ink="#e6edf3",
    muted="#9aa7b4",
    line="#56616c",
    group="#151b22",
    group_line="#2d3640",
    negative=STOPS["dark"]["negative"],
    positive=STOPS["dark"]["positive"],
    badges={
        "operation": "#4b5563",
        "parameter": "#6f55b5",
        "input": "#2b7a55",
        "constant": "#59636e",
    },
    alarm="#ef5350",
)
THEMES = {"light": LIGHT, "dark": DARK}


def checked_theme(theme: str) -> str:
    """The theme of a picture as it was asked for. Raises OptionError for another one than "auto", "light" and "dark"."""
    if theme not in ("auto", *THEMES):
        raise OptionError(
            f"theme must be 'auto', 'light' or 'dark', not {theme!r}{hint(theme, ('auto', *THEMES))}"
        )
    return theme


def strength(gradient: float, largest: float) -> float:
    """Where a gradient stands on the scale, from 0 to 1: log(1 + 50*|g|/largest) / log(51).

    >>> strength(0.0, 2.0), strength(-2.0, 2.0)
    (0.0, 1.0)
    """
    if not isfinite(gradient):
        return 1.0
    return min(1.0, log(1.0 + REACH * (abs(gradient) / largest)) / log(1.0 + REACH))


def shade(gradient: float, largest: float) -> int:
    """The step of the scale: 0 for exactly nothing, 1 to STEPS for positive gradients, -1 to -STEPS for negative ones."""
    if gradient == 0.0 or gradient != gradient:
        return 0
    step = max(1, round(STEPS * strength(gradient, largest)))
    return int(copysign(step, gradient))


def color(step: int, theme: Theme) -> str:
    """The color of a step of the scale.

    >>> color(0, LIGHT), color(STEPS, LIGHT)
    ('#f7f7f7', '#1f6fb4')
    """
    stops = theme.positive if step >= 0 else theme.negative
    place = abs(step) / STEPS * (len(stops) - 1)
    index = min(int(place), len(stops) - 2)
    return mixed(stops[index], stops[index + 1], place - index)


def edge_color(step: int, theme: Theme) -> str:
    """As `color`, but never so faint that the line is lost on the page."""
    if not step:
        return theme.line
    full = color(int(copysign(STEPS, step)), theme)
    return mixed(color(step, theme), full, DEEPER)


def text_color(fill: str) -> str:
    """Black or white, whichever contrasts more with the fill (WCAG 2.1 relative luminance).

    >>> text_color("#ffffff"), text_color("#1f6fb4")
    ('#000000', '#ffffff')
    """
    light = luminance(fill)
    return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#ffffff"


def edge_width(gradient: float, largest: float) -> float:
    """Return the width of an edge in pixels, from THINNEST for exactly 0 to THICKEST."""
    return round(THINNEST + (THICKEST - THINNEST) * strength(gradient, largest), 2)


def mixed(first: str, second: str, share: float) -> str:
    """A color between two, `share` of the way to the second.

    >>> mixed("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{int(a + (b - a) * share + 0.5):02x}" for a, b in pairs)


def _channels(code: str) -> tuple[int, ...]:
    return tuple(int(code[i : i + 2], 16) for i in (1, 3, 5))


def luminance(code: str) -> float:
    """Return the relative luminance of a color by WCAG 2.1, from 0 for black to 1 for white.

    >>> luminance("#000000"), round(luminance("#ffffff"), 9)
    (0.0, 1.0)
    """
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (v / 255 for v in _channels(code))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
