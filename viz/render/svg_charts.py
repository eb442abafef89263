"""Heat maps, histograms and bars as SVG: what the cards of the layer view show."""

from collections import defaultdict
from collections.abc import Sequence
from math import isfinite

from viz.layout.geometry import Rect
from viz.layout.layer_cards import (
    CAPTION,
    CAPTION_SIZE,
    FACT,
    FACT_SIZE,
    Bars,
    Facts,
    caption,
    image_size,
    is_spelled,
    labels_width,
)
from viz.look.text import escape, exact, fit_text, number, width
from viz.look.theme import DARK, shade
from viz.model.heatmap import BINS, Histogram, Map, png
from viz.model.layer_card import Bar

from .svg_writer import SvgWriter, path_data

_AXIS = 17.0
_ZERO_GAP = 4.0
"""Space in the middle of a histogram for the bar of the numbers that are exactly 0."""


def draw_map(shown: Map, rect: Rect, max_pixels: int, writer: SvgWriter) -> str:
    """Return a caption with the map below it.

    The map is an image with a border, or for a few units their numbers on their colors.
    """
    size = f"{shown.rows} × {shown.columns}"
    largest = exact(shown.largest)
    title = escape(f"{shown.name}, {size}, largest {largest}", 200)
    heading = writer.text(rect.x, rect.y + 11, caption(shown), CAPTION_SIZE, "muted")
    inside = Rect(rect.x, rect.y + CAPTION, rect.width, rect.height - CAPTION)
    if is_spelled(shown):
        body = _draw_spelled(shown, inside, writer)
    else:
        body = _draw_image(shown, inside, max_pixels, writer)
    return f"<g><title>{title}</title>{heading}{body}</g>"


def _draw_image(shown: Map, rect: Rect, max_pixels: int, writer: SvgWriter) -> str:
    place = Rect(rect.x, rect.y, _image_width(shown, rect), rect.height)
    light = png(shown, writer.theme, max_pixels)
    dark = png(shown, DARK, max_pixels) if writer.automatic else None
    image = writer.image(place, light, dark)
    # A mosaic of images has gaps: a border around all of them would show one image.
    if shown.missing:
        return image
    paint = writer.paint("none", "line")
    return image + writer.rect(place, paint, 0, 'stroke-width="0.8"')


def _image_width(shown: Map, rect: Rect) -> float:
    """Return the width of the image, which may be narrower than its caption."""
    # The layout widens a narrow map to its caption: the image keeps the width of its cells.
    if shown.is_image:
        return image_size(shown)[0]
    if rect.width > width(caption(shown), CAPTION_SIZE) + 0.01:
        return rect.width
    cell = min(14.0, 320.0 / shown.columns)
    return min(rect.width, max(8.0, shown.columns * cell))


def _draw_spelled(shown: Map, rect: Rect, writer: SvgWriter) -> str:
    row = rect.height / shown.rows
    parts = []
    for i, label in enumerate(shown.labels):
        baseline = rect.y + i * row + row / 2 + 4
        parts.append(writer.text(rect.x, baseline, label, CAPTION_SIZE, "ink"))

    indent = labels_width(shown)
    cells = Rect(rect.x + indent, rect.y, rect.width - indent, rect.height)
    for i, x in enumerate(shown.numbers):
        step = shade(x, shown.largest)
        is_finite = isfinite(x)
        fill = f"g{step}" if is_finite else "alarm"
        ink = f"t{step}" if is_finite else "white"
        top = cells.y + i * row
        baseline = top + row / 2 + 4.2
        cell = Rect(cells.x, top, cells.width, row)
        parts.append(writer.rect(cell, writer.paint(fill, "card"), 3))
        text = number(x)
        parts.append(
            writer.text(cells.center, baseline, text, FACT_SIZE, ink, anchor="middle", mono=True)
        )
    return "".join(parts)


def draw_histogram(shown: Histogram, rect: Rect, writer: SvgWriter) -> str:
    """Return bars in the colors of their numbers.

    In the middle a dark bar counts the numbers that are exactly 0; it is cut off where it is higher
    than the chart, because it would flatten all others.
    """
    chart = Rect(rect.x, rect.y, rect.width, rect.height - _AXIS)
    max_count = max(shown.counts) or max(shown.zeros, 1)

    parts = []
    for step, outlines in sorted(_outline_bars(shown, chart, max_count).items()):
        paint = writer.paint(f"e{step}")
        parts.append(writer.path("".join(outlines), paint))

    if shown.zeros:
        tall = min(chart.height, _bar_height(shown.zeros, max_count, chart.height))
        bar = Rect(chart.center - 1.4, chart.bottom - tall, 2.8, tall)
        parts.append(writer.rect(bar, writer.paint("ink")))
    parts.append(_draw_axis(shown, chart, writer))

    counts = f"{shown.zeros:,} exactly 0, {shown.odd:,} nan or infinite"
    largest = exact(shown.largest)
    title = escape(f"{shown.name}: {counts}, largest {largest}", 200)
    return f"<g><title>{title}</title>{''.join(parts)}</g>"


def _outline_bars(shown: Histogram, chart: Rect, max_count: int) -> dict[int, list[str]]:
    """Return the outlines of the bars by the steps of their colors.

    One path for all bars of a color keeps the file small.
    """
    distance = (chart.width - _ZERO_GAP) / BINS
    wide = distance * 0.86
    outlines: dict[int, list[str]] = defaultdict(list)
    for i, count in enumerate(shown.counts):
        if not count:
            continue
        center = (i + 0.5) / BINS * 2 - 1
        gap = _ZERO_GAP if i >= BINS // 2 else 0
        x = chart.x + i * distance + gap
        tall = _bar_height(count, max_count, chart.height)
        outline = path_data("M", x, chart.bottom, "v", -tall, "h", wide, "v", tall, "Z")
        step = shade(center, 1.0)
        outlines[step].append(outline)
    return outlines


def _bar_height(count: int, max_count: int, height: float) -> float:
    # At least a visible line: one number among thousands must not vanish.
    return max(0.6, count / max_count * height)


def _draw_axis(shown: Histogram, chart: Rect, writer: SvgWriter) -> str:
    """Draw the line below the bars, the ends of its scale, and what is not on it."""
    line = path_data("M", chart.x, chart.bottom + 0.5, "H", chart.right)
    end = number(shown.largest)
    y = chart.bottom + 13
    parts = [
        writer.path(line, writer.paint("none", "line"), 'stroke-width="1"'),
        writer.text(chart.x, y, f"−{end}", CAPTION_SIZE, "muted"),
        writer.text(chart.center, y, shown.name, CAPTION_SIZE, "muted", anchor="middle"),
        writer.text(chart.right, y, end, CAPTION_SIZE, "muted", anchor="end"),
    ]
    if shown.odd:
        words = f"{shown.odd:,} nan or inf"
        baseline = chart.y + 9
        parts.append(writer.text(chart.x, baseline, words, CAPTION_SIZE, "alarm", bold=True))
    return "".join(parts)


def draw_facts(facts: Facts, rect: Rect, writer: SvgWriter) -> str:
    """Return a line for each fact: the name at the left, the number at the right."""
    parts = []
    for i, (name, text) in enumerate(facts.lines):
        y = rect.y + FACT * i + 14
        name_width = rect.width - width(text, FACT_SIZE, mono=True) - 8
        shown = fit_text(name, FACT_SIZE, name_width)
        parts.append(writer.text(rect.x, y, shown, FACT_SIZE, "muted"))
        parts.append(writer.text(rect.right, y, text, FACT_SIZE, "ink", anchor="end", mono=True))
    return "".join(parts)


def draw_bars(shown: Bars, rect: Rect, writer: SvgWriter) -> str:
    """Return a row for each output: its name, a bar, a thin bar for its gradient, its number."""
    bars = shown.card.bars
    row = rect.height / len(bars)
    low, high, steepest = _axis_limits(bars)
    left = rect.x + shown.names + 8
    area = rect.width - shown.names - shown.numbers - 16
    span = high - low
    unit = area / span
    zero = left + area * -low / span
    # Gradients have a scale apart from the numbers': only their ratios can be read.
    reach = _gradient_reach(bars, low * unit, high * unit)

    parts = []
    bar_height = row * 0.46
    gradient_height = row * 0.18
    for i, bar in enumerate(bars):
        top = rect.y + i * row
        middle = top + row / 2
        parts.append(writer.text(rect.x, middle + 4.2, bar.label, FACT_SIZE, "ink"))
        is_odd = not isfinite(bar.data)
        length = 0.0 if is_odd else bar.data * unit
        y = top + row * 0.16
        parts.append(_draw_bar(zero, y, length, bar_height, "muted", writer))
        if bar.grad is not None and isfinite(bar.grad):
            fill = f"e{shade(bar.grad, steepest)}"
            length = bar.grad / steepest * reach
            y = top + row * 0.68
            parts.append(_draw_bar(zero, y, length, gradient_height, fill, writer))
        written = writer.text(
            rect.right,
            middle + 4.2,
            number(bar.data),
            FACT_SIZE,
            "alarm" if is_odd else "ink",
            anchor="end",
            mono=True,
            bold=is_odd,
        )
        parts.append(written)

    axis = path_data("M", zero, rect.y, "V", rect.bottom)
    parts.append(writer.path(axis, writer.paint("none", "line"), 'stroke-width="1"'))
    return "".join(parts)


def _gradient_reach(bars: Sequence[Bar], low: float, high: float) -> float:
    """Return the length of the bar of the largest gradient, which fits on either side of zero."""
    gradients = [bar.grad or 0.0 for bar in bars]
    sides = []
    if any(x > 0 for x in gradients):
        sides.append(high)
    if any(x < 0 for x in gradients):
        sides.append(-low)
    return min(sides, default=0.0)


def _axis_limits(bars: Sequence[Bar]) -> tuple[float, float, float]:
    """Return the ends of the axis, with space for gradients, and the largest |gradient|."""
    sizes = [bar.data for bar in bars if isfinite(bar.data)]
    low = min([0.0, *sizes])
    high = max([0.0, *sizes])
    if not high > low:
        low = -1.0
        high = 1.0

    gradients = [bar.grad for bar in bars if bar.grad is not None]
    slopes = list(filter(isfinite, gradients))
    space = 0.35 * (high - low)
    if any(x > 0 for x in slopes):
        high = max(high, space)
    if any(x < 0 for x in slopes):
        low = min(low, -space)
    steepest = max(map(abs, slopes), default=0.0) or 1.0
    return low, high, steepest


def _draw_bar(
    zero: float, y: float, length: float, height: float, fill: str, writer: SvgWriter
) -> str:
    x = min(zero, zero + length)
    # At least a hairline: a bar of 0 must not vanish.
    visible = max(abs(length), 0.4)
    return writer.rect(Rect(x, y, visible, height), writer.paint(fill), 1)
