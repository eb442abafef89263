"""What is below an animation: a caption for each step, and a bar of how far it is."""

from collections.abc import Sequence

from viz.layout.geometry import Rect
from viz.look.measures import FONT_SIZES
from viz.look.text import wrap_text
from viz.render.svg_writer import SvgWriter

from .timeline import HIDDEN, Clock, Track

_LINE = 16.0
"""From one line of a caption to the next."""
_BAR_GAP = 6.0
_BAR_HEIGHT = 5.0
_BELOW = 18.0
"""The height of the bar with the space below it."""


def draw_foot(
    captions: Sequence[tuple[str, Track]],
    wide: float,
    starts: Sequence[float],
    ease: float,
    writer: SvgWriter,
    clock: Clock,
) -> tuple[str, float]:
    """Return captions in the same place, each for its time, and the bar; and their height.

    Args:
        captions: The texts, and when each is visible. Long ones are broken into lines.
        wide: The width that there is.
        starts: The seconds at which the bar begins to move on.
        ease: How many seconds it moves then.
        writer: Writes the SVG.
        clock: Writes what moves.
    """
    size = FONT_SIZES.dense
    parts = []
    count = 1
    for text, track in captions:
        lines = wrap_text([text], size, wide, bold=True)
        count = max(count, len(lines))
        written = []
        for i, line in enumerate(lines):
            written.append(writer.text(0, 12 + _LINE * i, line, size, "page_ink", bold=True))
        parts.append(clock.animate("".join(written), track, HIDDEN))
    y = _LINE * count + _BAR_GAP
    return "".join([*parts, _draw_bar(wide, y, starts, ease, writer, clock)]), y + _BELOW


def _draw_bar(
    wide: float, y: float, starts: Sequence[float], ease: float, writer: SvgWriter, clock: Clock
) -> str:
    """Return a bar of how far a scene is.

    It moves at each of the starts and rests between them, so that a GIF has less to draw.

    Args:
        wide: Its width.
        y: Its top.
        starts: The seconds at which it begins to move on.
        ease: How many seconds it moves then.
        writer: Writes the SVG.
        clock: Writes what moves.
    """
    points: list[tuple[float, float]] = []
    before = 0.0
    for i, second in enumerate(starts, 1):
        after = i / len(starts)
        points += [(second, before), (second + ease, after)]
        before = after
    track = Track("scale", tuple(points) or ((0.0, 1.0),))
    place = Rect(0, y, wide, _BAR_HEIGHT)
    background = writer.rect(place, writer.paint("line"), 2.5, 'opacity="0.4"')
    bar = writer.rect(place, writer.paint("muted"), 2.5)
    return background + clock.animate(bar, track)
