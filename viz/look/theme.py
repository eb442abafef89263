"""Colors, themes and the scale that turns a gradient into a fill, an edge color and a width."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import copysign, isfinite, log

from scalargrad.errors import OptionError

from .measures import SCALE, STOPS
from .text import hint

FONT = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif"
MONO = "'SF Mono', Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace"
STEPS = SCALE.steps
"""How many shades each side of the scale has."""
REACH = SCALE.steepness
"""How many times smaller than the largest a gradient is when it can hardly be seen."""
THINNEST = SCALE.thinnest
THICKEST = SCALE.thickest
"""The widths of edges in pixels."""
DEEPER = SCALE.edge_mix
"""How much of the full color is mixed into that of an edge, so that no line is lost on the page."""


@dataclass(frozen=True)
class Theme:
    """The colors of one appearance.

    Attributes:
        page: Background of the picture.
        card: Background of nodes.
        ink: Text.
        muted: Small print.
        line: Edges that carry nothing, and frames.
        group: Background of a box around nodes.
        group_line: Frame of that box.
        negative: The scale from no gradient to the most negative one shown.
        positive: The scale from no gradient to the largest one shown.
        badges: For each kind of node the color of its badge.
        alarm: Numbers that are not finite, and marks.
        answer: The frame of a right answer.
        band: The wide band of a residual stream.
        parameter_ink: The names of parameters.
        page_ink: Text on the page itself, "" for that of cards.
        is_transparent: Whether the picture has no page: what is behind it shines through.
    """

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
    answer: str
    band: str
    parameter_ink: str
    page_ink: str = ""
    is_transparent: bool = False


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
    answer="#2b7a55",
    band="#cbd3da",
    parameter_ink="#6b4fa0",
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
    answer="#49c48f",
    band="#38434e",
    parameter_ink="#b39ddb",
)
# Cards stay light, and what is on no card is of a gray that contrasts with white and with black by
# 4:1 and more.
TRANSPARENT = replace(
    LIGHT, muted="#757d87", line="#8b95a0", page_ink="#757d87", is_transparent=True
)
THEMES = {"light": LIGHT, "dark": DARK}
PICTURE_THEMES = THEMES | {"transparent": TRANSPARENT}
"""What a picture can have besides: no page."""


def checked_theme(theme: str, names: Collection[str] = tuple(PICTURE_THEMES)) -> str:
    """Return the theme of a picture as it was given.

    Args:
        theme: "auto", or one of the names.
        names: The themes that there are, by default those of pictures.

    Raises:
        OptionError: It is none of them.
    """
    names = ("auto", *names)
    if theme not in names:
        *first, last = map(repr, names)
        raise OptionError(
            f"theme must be {', '.join(first)} or {last}, not {theme!r}{hint(theme, names)}"
        )
    return theme


def strength(gradient: float, largest: float) -> float:
    """Return the place of a gradient on the scale, from 0 to 1.

    It is log(1 + 50·|g|/largest) / log 51, and 1 for a non-finite gradient.

    Args:
        gradient: The gradient.
        largest: The |gradient| at the end of the scale.

    Example:
        >>> strength(0.0, 2.0), strength(-2.0, 2.0)
        (0.0, 1.0)
    """
    if not isfinite(gradient):
        return 1.0
    # The ratio first: many times a huge gradient would be infinite.
    ratio = abs(gradient) / largest
    place = log(1.0 + REACH * ratio) / log(1.0 + REACH)
    return min(1.0, place)


def shade(gradient: float, largest: float) -> int:
    """Return the step of the scale: 0 for exactly 0, up to STEPS, down to -STEPS.

    Example:
        >>> shade(0.0, 2.0), shade(1e-9, 2.0), shade(-2.0, 2.0)
        (0, 1, -16)
    """
    # nan has no sign, and so no side of the scale.
    if gradient == 0.0 or gradient != gradient:
        return 0
    nearest = round(STEPS * strength(gradient, largest))
    # What is not exactly 0 has a color, however small it is.
    return int(copysign(max(1, nearest), gradient))


def color(step: int, theme: Theme) -> str:
    """Return the color of a step of the scale.

    Example:
        >>> color(0, LIGHT), color(STEPS, LIGHT)
        ('#f7f7f7', '#1f6fb4')
    """
    stops = theme.positive if step >= 0 else theme.negative
    place = abs(step) / STEPS * (len(stops) - 1)
    # The end of the scale is the end of its last part, not the start of one more.
    index = min(int(place), len(stops) - 2)
    return mix(stops[index], stops[index + 1], place - index)


def edge_color(step: int, theme: Theme) -> str:
    """Return the color of an edge: as `color`, but never too faint to be seen on the page."""
    if not step:
        return theme.line
    full = color(int(copysign(STEPS, step)), theme)
    return mix(color(step, theme), full, DEEPER)


def data_color(step: int, theme: Theme) -> str:
    """Return the color of data from 0 to 1: from nearly that of cards to ink, in STEPS steps.

    Example:
        >>> data_color(STEPS, LIGHT)
        '#1b1f24'
    """
    palest = mix(theme.card, theme.ink, 0.03)
    return mix(palest, theme.ink, step / STEPS)


def text_color(fill: str) -> str:
    """Return black or white, whichever contrasts more with the fill (contrast ratio of WCAG 2.1).

    Example:
        >>> text_color("#ffffff"), text_color("#1f6fb4")
        ('#000000', '#ffffff')
    """
    light = luminance(fill)
    return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#ffffff"


def edge_width(gradient: float, largest: float) -> float:
    """Return the width of an edge in pixels, from THINNEST for exactly 0 to THICKEST."""
    return round(THINNEST + (THICKEST - THINNEST) * strength(gradient, largest), 2)


def mix(first: str, second: str, share: float) -> str:
    """Return a color between two, `share` of the way to the second.

    Example:
        >>> mix("#000000", "#ffffff", 0.5)
        '#808080'
    """
    pairs = zip(_channels(first), _channels(second), strict=True)
    channels = [int(a + (b - a) * share + 0.5) for a, b in pairs]
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def _channels(code: str) -> tuple[int, ...]:
    return tuple(int(code[i : i + 2], 16) for i in (1, 3, 5))


def luminance(code: str) -> float:
    """Return the relative luminance of a color by WCAG 2.1, from 0 for black to 1 for white.

    Example:
        >>> luminance("#000000"), round(luminance("#ffffff"), 9)
        (0.0, 1.0)
    """
    red, green, blue = (_linear(channel / 255) for channel in _channels(code))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    """Return a channel of sRGB, from 0 to 1, as linear light."""
    # WCAG has 0.03928 where the sRGB standard has 0.04045: for channels of 8 bits that is the same.
    if channel <= 0.03928:
        return channel / 12.92
    return float(((channel + 0.055) / 1.055) ** 2.4)
