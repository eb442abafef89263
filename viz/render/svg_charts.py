"""Heat maps, histograms and bars as SVG: what stands on the cards of the layer view."""

from collections import defaultdict
from collections.abc import Sequence
from math import isfinite

from viz.layout.geometry import Rect
from viz.layout.layer_cards import CAPTION, FACT, Bars, Facts, caption, is_spelled, label_room
from viz.look.text import escape, exact, fitted, number, width
from viz.look.theme import DARK, STEPS, shade
from viz.model.heatmap import BINS, Histogram, Map, png
from viz.model.layer_card import Bar

from .svg_writer import SvgWriter, format_coordinate

_AXIS = 14.0


def draw_map(shown: Map, frame: Rect, most: int, sheet: SvgWriter) -> str:
    """A caption, and below it the map: an image with a frame, or for a few units their numbers on their colors."""
    title = f"<title>{escape(f'{shown.name}, {shown.rows} × {shown.columns}, largest {exact(shown.largest)}', 200)}</title>"
    name = sheet.text(frame.x, frame.y + 9, caption(shown), 9.5, "muted")
    inside = Rect(frame.x, frame.y + CAPTION, frame.width, frame.height - CAPTION)
    body = (
        _spelled(shown, inside, sheet) if is_spelled(shown) else _image(shown, inside, most, sheet)
    )
    return f"<g>{title}{name}{body}</g>"


def _image(shown: Map, frame: Rect, most: int, sheet: SvgWriter) -> str:
    wide = _drawn_width(shown, frame)
    light = png(shown, sheet.theme, most)
    image = sheet.image(
        frame.x,
        frame.y,
        wide,
        frame.height,
        light,
        png(shown, DARK, most) if sheet.automatic else None,
    )
    if shown.missing:
        return image
    return image + sheet.rect(
        frame.x, frame.y, wide, frame.height, sheet.paint("none", "line"), 0, 'stroke-width="0.8"'
    )


def _drawn_width(shown: Map, frame: Rect) -> float:
    """A caption may be wider than its map: then the cells are as wide as they are high, or 26 pixels."""
    if frame.width > width(caption(shown), 9.5) + 0.01:
        return frame.width
    return min(frame.width, max(8.0, shown.columns * min(14.0, 320.0 / shown.columns)))


def _spelled(shown: Map, frame: Rect, sheet: SvgWriter) -> str:
    high, room, parts = frame.height / shown.rows, label_room(shown), []
    for i, label in enumerate(shown.labels):
        parts.append(sheet.text(frame.x, frame.y + i * high + high / 2 + 3.3, label, 9.5, "ink"))
    frame = Rect(frame.x + room, frame.y, frame.width - room, frame.height)
    for i, x in enumerate(shown.numbers):
        step, y = shade(x, shown.largest), frame.y + i * high
        parts.append(
            sheet.rect(
                frame.x,
                y,
                frame.width,
                high,
                sheet.paint(f"g{step}" if isfinite(x) else "alarm", "card"),
                3,
            )
        )
        ink = f"t{step}" if isfinite(x) else "white"
        parts.append(
            sheet.text(
                frame.x + frame.width / 2,
                y + high / 2 + 3.2,
                number(x),
                9,
                ink,
                anchor="middle",
                mono=True,
            )
        )
    return "".join(parts)


def draw_histogram(shown: Histogram, frame: Rect, sheet: SvgWriter) -> str:
    """Bars in the colors of their numbers, and in the middle a dark one for those that are exactly 0, cut off where it is too high."""
    high, step = frame.height - _AXIS, (frame.width - 4) / BINS
    most = max(shown.counts) or max(shown.zeros, 1)
    shapes: dict[int, list[str]] = defaultdict(list)
    base = frame.y + high
    for i, count in enumerate(shown.counts):
        place = (i + 0.5) / BINS * 2 - 1
        x = frame.x + i * step + (4 if i >= BINS // 2 else 0)
        if count:
            tall = max(0.6, count / most * high)
            shapes[shade(place, 1.0)].append(
                f"M{format_coordinate(x)} {format_coordinate(base)}v{format_coordinate(-tall)}h{format_coordinate(step * 0.86)}v{format_coordinate(tall)}Z"
            )
    parts = [
        sheet.path("".join(data), sheet.paint(f"e{fill}")) for fill, data in sorted(shapes.items())
    ]
    if shown.zeros:
        tall = min(high, max(0.6, shown.zeros / most * high))
        parts.append(sheet.rect(frame.center - 1.4, base - tall, 2.8, tall, sheet.paint("ink")))
    parts.append(
        sheet.path(
            f"M{format_coordinate(frame.x)} {format_coordinate(base + 0.5)}H{format_coordinate(frame.right)}",
            sheet.paint("none", "line"),
            'stroke-width="1"',
        )
    )
    spoken = escape(
        f"{shown.name}: {shown.zeros:,} exactly 0, {shown.odd:,} nan or infinite, largest {exact(shown.largest)}",
        200,
    )
    return f"<g><title>{spoken}</title>{''.join(parts)}{_axis(shown, frame, base, sheet)}</g>"


def _axis(shown: Histogram, frame: Rect, base: float, sheet: SvgWriter) -> str:
    end = number(shown.largest)
    parts = [
        sheet.text(frame.x, base + 11, f"−{end}", 8.5, "muted"),
        sheet.text(frame.center, base + 11, shown.name, 9, "muted", anchor="middle"),
        sheet.text(frame.right, base + 11, end, 8.5, "muted", anchor="end"),
    ]
    if shown.odd:
        parts.append(
            sheet.text(frame.x, frame.y + 9, f"{shown.odd:,} nan or inf", 9, "alarm", bold=True)
        )
    return "".join(parts)


def draw_facts(facts: Facts, frame: Rect, sheet: SvgWriter) -> str:
    """A line for each fact: the name at the left, the number at the right."""
    parts = []
    for i, (name, text) in enumerate(facts.lines):
        y = frame.y + FACT * i + 12
        room = frame.width - width(text, 10, mono=True) - 8
        parts.append(sheet.text(frame.x, y, fitted(name, 10, room), 10, "muted"))
        parts.append(sheet.text(frame.right, y, text, 10, "ink", anchor="end", mono=True))
    return "".join(parts)


def draw_bars(shown: Bars, frame: Rect, sheet: SvgWriter) -> str:
    """A row for each output: name, a bar for the number with a thin one for its gradient below, the number."""
    bars, high = shown.card.bars, frame.height / len(shown.card.bars)
    low, top, steepest = _ends(bars)
    left, area = frame.x + shown.names + 8, frame.width - shown.names - shown.numbers - 16
    zero, unit = left + area * -low / (top - low), area / (top - low)
    reach = min(
        [
            top * unit if sign > 0 else -low * unit
            for sign in (1, -1)
            if any(sign * (bar.grad or 0.0) > 0 for bar in bars)
        ],
        default=0.0,
    )
    parts = []
    for i, bar in enumerate(bars):
        y = frame.y + i * high
        odd = not isfinite(bar.data)
        parts.append(sheet.text(frame.x, y + high / 2 + 3.5, bar.label, 10, "ink"))
        parts.append(
            _bar(
                zero, y + high * 0.16, 0.0 if odd else bar.data * unit, high * 0.46, "muted", sheet
            )
        )
        if bar.grad is not None and isfinite(bar.grad):
            fill = f"e{shade(bar.grad, steepest)}"
            parts.append(
                _bar(zero, y + high * 0.68, bar.grad / steepest * reach, high * 0.18, fill, sheet)
            )
        ink = "alarm" if odd else "ink"
        parts.append(
            sheet.text(
                frame.right,
                y + high / 2 + 3.3,
                number(bar.data),
                9.5,
                ink,
                anchor="end",
                mono=True,
                bold=odd,
            )
        )
    line = (
        f"M{format_coordinate(zero)} {format_coordinate(frame.y)}V{format_coordinate(frame.bottom)}"
    )
    return "".join([*parts, sheet.path(line, sheet.paint("none", "line"), 'stroke-width="1"')])


def _ends(bars: Sequence[Bar]) -> tuple[float, float, float]:
    """The smallest and the largest number of the axis, with room on either side for gradients of that sign; the largest |gradient|."""
    sizes = [bar.data for bar in bars if isfinite(bar.data)]
    slopes = [bar.grad for bar in bars if bar.grad is not None and isfinite(bar.grad)]
    low, top = min([0.0, *sizes]), max([0.0, *sizes])
    low, top = (low, top) if top > low else (-1.0, 1.0)
    room = 0.35 * (top - low)
    top, low = (
        (max(top, room) if any(x > 0 for x in slopes) else top),
        (min(low, -room) if any(x < 0 for x in slopes) else low),
    )
    return low, top, max(map(abs, slopes), default=0.0) or 1.0


def _bar(zero: float, y: float, long: float, high: float, fill: str, sheet: SvgWriter) -> str:
    return sheet.rect(min(zero, zero + long), y, max(abs(long), 0.4), high, sheet.paint(fill), 1)


def scale(x: float, sheet: SvgWriter) -> tuple[str, float]:
    """The ramp of the legend, and where it ends."""
    parts = []
    for step in range(-STEPS, STEPS + 1, 2):
        parts.append(sheet.rect(x, 3, 6.2, 11, sheet.paint(f"g{step}")))
        x += 6
    return "".join(parts), x
