"""Time in a picture: what changes when.

It is written either as a style sheet that plays without script, or held still at one moment.
"""

from dataclasses import dataclass
from itertools import pairwise

from viz.render.svg_writer import format_coordinate

_DIGITS = 4
_INSTANT = 0.01
HIDDEN = ' aria-hidden="true"'
"""The attribute of elements that screen readers skip."""


@dataclass(frozen=True, slots=True)
class Track:
    """How one number of an element changes: straight lines between points.

    Attributes:
        what: "opacity", or "scale": of the width, from the left.
        points: (second, number), in the order of time.

    Example:
        >>> Track("opacity", ((1.0, 0.0), (3.0, 1.0))).at(2.0)
        0.5
    """

    what: str
    points: tuple[tuple[float, float], ...]

    def at(self, second: float) -> float:
        """Return the number at a moment: before the first point, and after the last, theirs."""
        start, first = self.points[0]
        if second <= start:
            return first
        for (t0, x0), (t1, x1) in pairwise(self.points):
            if second > t1:
                continue
            if t1 == t0:
                return x1
            progress = second - t0
            return x0 + (x1 - x0) * progress / (t1 - t0)
        _, last = self.points[-1]
        return last


def fade_in(start: float, end: float) -> Track:
    """Return a track from invisible at `start` to visible at `end`."""
    return Track("opacity", ((start, 0.0), (end, 1.0)))


def flash(start: float, end: float, fade: float) -> Track:
    """Return a track of what appears at `start` and vanishes at `end`, each in `fade` seconds."""
    appear = ((start, 0.0), (start + fade, 1.0))
    leave = ((end, 1.0), (end + fade, 0.0))
    return Track("opacity", (*appear, *leave))


def show_between(start: float, end: float | None, last: float) -> Track:
    """Return a track of what is visible exactly from `start` to `end`.

    Args:
        start: When it appears; with 0, it is visible from the beginning.
        end: When it vanishes; None if it stays.
        last: The end of the animation.
    """
    points: list[tuple[float, float]] = []
    if start > 0.0:
        points += [(start, 0.0), (start + _INSTANT, 1.0)]
    else:
        points.append((0.0, 1.0))

    if end is None:
        points.append((last, 1.0))
    else:
        points += [(end, 1.0), (end + _INSTANT, 0.0)]
    return Track("opacity", tuple(points))


class Clock:
    """Writes elements that change.

    Attributes:
        seconds: How long the whole takes, before it begins again.
        moment: None for a document that plays; or the second that a still document shows.
    """

    def __init__(self, seconds: float, moment: float | None = None) -> None:
        self.seconds = seconds
        self.moment = moment
        self._names: dict[Track, str] = {}

    def animate(self, content: str, track: Track, more: str = "") -> str:
        """Return the content in a group that follows a track; where nothing plays, as at the end.

        Args:
            content: SVG.
            track: What to follow.
            more: Further attributes of the group.
        """
        attributes = ""
        if self.moment is None:
            # Where the style sheet does not play, the attribute shows the end.
            now = track.at(self.seconds)
            # One rule for all that move alike keeps the style sheet short.
            name = self._names.setdefault(track, f"k{len(self._names)}")
            attributes = f' class="{name}"'
        else:
            now = track.at(self.moment)
            if track.what == "opacity" and now <= 0.0:
                return ""

        if track.what == "scale":
            attribute = f'transform="scale({now:.{_DIGITS}g} 1)"'
        else:
            attribute = f'{track.what}="{format_coordinate(now)}"'
        return f"<g{attributes} {attribute}{more}>{content}</g>"

    def style(self) -> str:
        """Return the style sheet; empty where nothing moves.

        Readers who asked their system for less motion see the end.
        """
        if not self._names:
            return ""
        duration = format_coordinate(self.seconds)
        rules = ""
        keyframes = ""
        for track, name in self._names.items():
            rules += f".{name}{{animation:{name} {duration}s linear infinite}}"
            keyframes += f"@keyframes {name}{{{self._keyframes(track)}}}"
        return f"<style>{keyframes}@media (prefers-reduced-motion:no-preference){{{rules}}}</style>"

    def _keyframes(self, track: Track) -> str:
        within = [(second, x) for second, x in track.points if 0.0 < second < self.seconds]
        # A frame at 0 % and one at 100 %: without them browsers would move to and from the
        # attribute of the element.
        start = (0.0, track.at(0.0))
        end = (self.seconds, track.at(self.seconds))
        frames = ""
        for second, x in (start, *within, end):
            rule = _rule(track.what, x)
            frames += f"{self._percent(second)}%{{{rule}}}"
        return frames

    def _percent(self, second: float) -> str:
        percent = 100.0 * second / self.seconds
        return f"{percent:.3f}".rstrip("0").rstrip(".")


def _rule(what: str, x: float) -> str:
    if what == "scale":
        return f"transform:scale({x:.{_DIGITS}g},1)"
    return f"{what}:{format_coordinate(x)}"
