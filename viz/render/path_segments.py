"""The shapes of our SVG as straight lines and cubic curves between absolute points."""

import re
from collections.abc import Iterator
from math import acos, ceil, copysign, cos, hypot, pi, sin, sqrt, tan

from viz.layout.geometry import Point

Segment = tuple[str, tuple[Point, ...]]
"""M and a point, L and a point, C and three points, or Z without any."""

_TOKEN = re.compile(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?")
_COUNTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "A": 7, "Z": 0}
_QUARTER = 0.5522847498
"""The handle of the cubic curve that is nearest to a quarter of a unit circle."""


def round_rectangle(
    x: float, y: float, width: float, height: float, radius: float = 0.0
) -> Iterator[Segment]:
    """Yield the outline of a rectangle, its corners round where a radius is given.

    Example:
        >>> [command for command, _ in round_rectangle(0, 0, 8, 4)]
        ['M', 'L', 'L', 'L', 'Z']
        >>> [command for command, _ in round_rectangle(0, 0, 8, 4, 1)]
        ['M', 'L', 'C', 'L', 'C', 'L', 'C', 'L', 'C', 'Z']
    """
    right = x + width
    bottom = y + height
    # As in SVG, a radius is at most half of a side.
    radius = min(radius, width / 2, height / 2)
    if not radius:
        yield "M", ((x, y),)
        for corner in ((right, y), (right, bottom), (x, bottom)):
            yield "L", (corner,)
        yield "Z", ()
        return

    handle = radius * (1 - _QUARTER)
    yield "M", ((x + radius, y),)
    yield "L", ((right - radius, y),)
    yield "C", ((right - handle, y), (right, y + handle), (right, y + radius))
    yield "L", ((right, bottom - radius),)
    yield "C", ((right, bottom - handle), (right - handle, bottom), (right - radius, bottom))
    yield "L", ((x + radius, bottom),)
    yield "C", ((x + handle, bottom), (x, bottom - handle), (x, bottom - radius))
    yield "L", ((x, y + radius),)
    yield "C", ((x, y + handle), (x + handle, y), (x + radius, y))
    yield "Z", ()


def read_path(data: str) -> Iterator[Segment]:
    """Yield the segments of the `d` attribute of a path; arcs must be those of circles.

    Example:
        >>> list(read_path("M1 2h9l-4 6Z"))[1:]
        [('L', ((10.0, 2.0),)), ('L', ((6.0, 8.0),)), ('Z', ())]
    """
    start = (0.0, 0.0)
    here = (0.0, 0.0)
    for letter, numbers in _commands(data):
        command = letter.upper()
        base = here if letter.islower() else (0.0, 0.0)
        if command == "Z":
            yield "Z", ()
            here = start
            continue
        if command == "A":
            # Of a circle the second radius and the angle of the axes say nothing new.
            radius, _, _, is_large, is_clockwise, x, y = numbers
            end = (base[0] + x, base[1] + y)
            yield from _arc(here, end, radius, bool(is_large), bool(is_clockwise))
            here = end
            continue

        points = _points(command, numbers, base, here)
        here = points[-1]
        if command == "M":
            start = here
        yield ("L" if command in "HV" else command), points


def _commands(data: str) -> Iterator[tuple[str, list[float]]]:
    """Yield each command with its numbers; numbers that go on repeat the command."""
    tokens = _TOKEN.findall(data)
    letter = ""
    i = 0
    while i < len(tokens):
        if tokens[i].isalpha():
            letter = tokens[i]
            i += 1
        elif letter in "Mm":
            # Further points of a move are lines.
            letter = "L" if letter == "M" else "l"
        count = _COUNTS[letter.upper()]
        yield letter, [float(token) for token in tokens[i : i + count]]
        i += count


def _points(command: str, numbers: list[float], base: Point, here: Point) -> tuple[Point, ...]:
    if command == "H":
        return ((base[0] + numbers[0], here[1]),)
    if command == "V":
        return ((here[0], base[1] + numbers[0]),)
    xs = numbers[::2]
    ys = numbers[1::2]
    return tuple((base[0] + x, base[1] + y) for x, y in zip(xs, ys, strict=True))


def _arc(
    start: Point, end: Point, radius: float, is_large: bool, is_clockwise: bool
) -> Iterator[Segment]:
    """Yield the arc of a circle as cubic curves of at most a quarter each.

    Args:
        start: Where it begins.
        end: Where it ends.
        radius: Of the circle; one that is too small is enlarged, as in SVG.
        is_large: Whether it is the larger of the two arcs.
        is_clockwise: Whether it runs clockwise, as seen on the screen.
    """
    half_x = (end[0] - start[0]) / 2
    half_y = (end[1] - start[1]) / 2
    half = hypot(half_x, half_y)
    if not half or not radius:
        yield "L", (end,)
        return
    radius = max(radius, half)

    # The center is on the line through the middle of the chord, at a right angle to it.
    height = sqrt(max(0.0, radius * radius - half * half))
    side = height if is_large == is_clockwise else -height
    middle_x = start[0] + half_x
    middle_y = start[1] + half_y
    center = (middle_x + side * half_y / half, middle_y - side * half_x / half)

    angle = _angle(start, center, radius)
    sweep = _angle(end, center, radius) - angle
    if is_clockwise and sweep < 0:
        sweep += 2 * pi
    if not is_clockwise and sweep > 0:
        sweep -= 2 * pi
    yield from _curves(center, radius, angle, sweep, end)


def _angle(point: Point, center: Point, radius: float) -> float:
    cosine = (point[0] - center[0]) / radius
    # Rounding may put a point of the circle just outside of it.
    angle = acos(max(-1.0, min(1.0, cosine)))
    return copysign(angle, point[1] - center[1])


def _curves(
    center: Point, radius: float, angle: float, sweep: float, end: Point
) -> Iterator[Segment]:
    # A quarter that rounding made longer is one curve still.
    quarters = abs(sweep) / (pi / 2) - 1e-9
    count = max(1, ceil(quarters))
    step = sweep / count
    handle = 4 / 3 * tan(step / 4) * radius

    def point_at(turned: float) -> Point:
        return center[0] + radius * cos(turned), center[1] + radius * sin(turned)

    for i in range(count):
        before = angle + i * step
        after = before + step
        x0, y0 = point_at(before)
        # The last one ends exactly where the next segment begins.
        x1, y1 = point_at(after) if i < count - 1 else end
        first = (x0 - handle * sin(before), y0 + handle * cos(before))
        second = (x1 + handle * sin(after), y1 - handle * cos(after))
        yield "C", (first, second, (x1, y1))
