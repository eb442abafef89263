"""Time in a picture: what changes when, either as a style sheet that plays without script, or held still at one moment."""

from dataclasses import dataclass
from itertools import pairwise

from viz.render.svg_writer import format_coordinate

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Track:
    """How one number of an element runs: straight lines between points (second, number).

    what  "opacity", "scale" (of the width, from the left) or "stroke-dashoffset"

    >>> Track("opacity", ((1.0, 0.0), (3.0, 1.0))).at(2.0)
    0.5
    """

    what: str
    points: tuple[tuple[float, float], ...]

    def at(self, second: float) -> float:
        """The number at a moment; before the first point and after the last one it stands still."""
        if second <= self.points[0][0]:
            return self.points[0][1]
        for (t0, x0), (t1, x1) in pairwise(self.points):
            if second <= t1:
                return x0 + (x1 - x0) * (second - t0) / (t1 - t0) if t1 > t0 else x1
        return self.points[-1][1]


def fading_in(start: float, end: float) -> Track:
    """Nothing until `start`, all of it from `end` on."""
    return Track("opacity", ((start, 0.0), (end, 1.0)))


def flashing(start: float, end: float, fade: float) -> Track:
    """There from `start` to `end`."""
    return Track("opacity", ((start, 0.0), (start + fade, 1.0), (end, 1.0), (end + fade, 0.0)))


class Clock:
    """Writes elements that change.

    seconds  how long the whole takes, before it begins again
    moment   None for a document that plays; or the second that a document without motion shows
    """

    def __init__(self, seconds: float, moment: float | None = None) -> None:
        self.seconds, self.moment = seconds, moment
        self._names: dict[Track, str] = {}

    def moving(self, content: str, track: Track, more: str = "") -> str:
        """The content in a group that follows the track. Where nothing plays, it is as at the end."""
        now = track.at(self.seconds if self.moment is None else self.moment)
        if self.moment is not None and track.what == "opacity" and now <= 0.0:
            return ""
        name = (
            f' class="{self._names.setdefault(track, f"k{len(self._names)}")}"'
            if self.moment is None
            else ""
        )
        attribute = (
            f'transform="scale({now:.{_DIGITS}g} 1)"'
            if track.what == "scale"
            else f'{track.what}="{format_coordinate(now)}"'
        )
        return f"<g{name} {attribute}{more}>{content}</g>"

    def style(self) -> str:
        """The style sheet, which leaves alone readers who asked for less motion; empty where nothing moves."""
        if not self._names:
            return ""
        rules = "".join(
            f".{name}{{animation:{name} {format_coordinate(self.seconds)}s linear infinite}}"
            for name in self._names.values()
        )
        frames = "".join(
            f"@keyframes {name}{{{self._frames(track)}}}" for track, name in self._names.items()
        )
        return f"<style>{frames}@media (prefers-reduced-motion:no-preference){{{rules}}}</style>"

    def _frames(self, track: Track) -> str:
        points = [
            (0.0, track.at(0.0)),
            *(p for p in track.points if 0.0 < p[0] < self.seconds),
            (self.seconds, track.at(self.seconds)),
        ]
        return "".join(f"{self._share(second)}%{{{_rule(track.what, x)}}}" for second, x in points)

    def _share(self, second: float) -> str:
        return f"{100.0 * second / self.seconds:.3f}".rstrip("0").rstrip(".")


def _rule(what: str, x: float) -> str:
    return (
        f"transform:scale({x:.{_DIGITS}g},1)"
        if what == "scale"
        else f"{what}:{format_coordinate(x)}"
    )
