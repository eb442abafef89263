"""Panels beside an animation: the loss so far, and the output of the network for each input."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from math import inf, isfinite, log10
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy

from scalargrad.core.value import Value
from scalargrad.errors import LengthError, OptionError
from viz.layout.geometry import Point, Rect
from viz.look.measures import FONT_SIZES
from viz.look.text import clean, fit_text, number, plural
from viz.render.svg_writer import SvgWriter, format_coordinate, path_data

from .contours import outlines
from .learned import Network, Numbers, find_network

if TYPE_CHECKING:
    from scalargrad.training.recorder import Recording

WIDTH = 264.0
"""Of a panel."""
GAP = 26.0
"""Between two panels."""
_HEADING = 20.0
_FOOT = 16.0
_LOSS_HEIGHT = 110.0
_CURVE_HEIGHT = 190.0
_NUMBERS = 44.0
"""Beside a plot, for the numbers of its axis."""
_CELLS = 32
_CURVE_POINTS = 97
_MAX_POINTS = 200
"""Samples that are drawn: more cover each other."""
_SURE = 3.0
"""The logit of a probability of 95 %."""
_LOG_FROM = 30.0
"""From this ratio of the largest loss to the smallest on, the axis of the loss is logarithmic."""
# Levels by how far they are from the boundary, and the shades between them, which are pale, so that
# points stay visible.
_LEVELS = (-0.8, -0.4, 0.0, 0.4, 0.8)
_SHADES = ("g-9", "g-6", "g-3", "g3", "g6", "g9")


@dataclass(frozen=True, slots=True)
class Samples:
    """What a network is trained with.

    Attributes:
        inputs: The inputs, a row for each sample.
        targets: A number for each sample.
    """

    inputs: Numbers
    targets: Numbers


def read_samples(data: Any) -> Samples:
    """Return the samples that `viz.animate` was given.

    Raises:
        OptionError: They are not a pair of tables of numbers.
        LengthError: There is not one target for each sample.
    """
    try:
        given_inputs, given_targets = data
        inputs = numpy.asarray(given_inputs, dtype=float)
        targets = numpy.asarray(given_targets, dtype=float)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"data of animate must be (X, y), samples and their targets, not {clean(repr(data))}"
        ) from error
    if inputs.ndim == 1:
        inputs = inputs[:, None]
    if inputs.ndim != 2 or len(inputs) != len(targets) or not len(inputs):
        raise LengthError(
            "data of animate needs one target for each sample, and a sample: there are "
            f"{len(inputs)} and {len(targets)}"
        )
    if targets.size != len(targets):
        # A row of numbers for each class or output is no point of a picture.
        targets = numpy.full(len(inputs), numpy.nan)
    return Samples(inputs, targets.reshape(-1))


class LossPanel:
    """The loss so far, a curve that grows with the training.

    Attributes:
        what: Which loss it is.
        steps: The step of each frame.
        losses: The loss of each frame.
    """

    note = ""
    height = _HEADING + _LOSS_HEIGHT + _FOOT

    def __init__(self, steps: Sequence[int], losses: Sequence[float], what: str) -> None:
        self.what = what
        self.steps = steps
        self.losses = losses
        finite = [loss for loss in losses if isfinite(loss)]
        low = min(finite, default=0.0)
        high = max(finite, default=1.0)
        self.is_log = low > 0.0 and high / low > _LOG_FROM
        # From 0 on, a curve shows how much of the loss is left.
        self.low = low if self.is_log else min(0.0, low)
        self.high = high if high > self.low else self.low + 1.0

    def draw(self, writer: SvgWriter) -> str:
        """Return what stays: the frame, its title and its axes."""
        plot = self._plot
        scale = ", log scale" if self.is_log else ""
        parts = [
            _title(f"{self.what}{scale}", writer),
            writer.rect(plot, writer.paint("card", "line"), 4, 'stroke-width="1"'),
        ]
        y = plot.bottom + 13
        last = f"{self.steps[-1]:,} steps"
        parts.append(writer.text(plot.x, y, f"{self.steps[0]:,}", FONT_SIZES.small, "muted"))
        parts.append(writer.text(plot.right, y, last, FONT_SIZES.small, "muted", anchor="end"))
        for loss, y in ((self.high, plot.y + 13), (self.low, plot.bottom - 6)):
            parts.append(writer.text(plot.right + 6, y, number(loss), FONT_SIZES.small, "muted"))
        return "".join(parts)

    def front(self, _writer: SvgWriter) -> str:
        """Return what stays in front of the curve: nothing."""
        return ""

    def looks(self, writer: SvgWriter) -> list[str]:
        """Return the curve up to each frame."""
        points = [self._point(i) for i in range(len(self.losses))]
        looks = []
        for i, (x, y) in enumerate(points):
            path = _polyline(points[: i + 1])
            line = writer.path(path, writer.paint("none", "e16"), 'stroke-width="2"')
            dot = _circle(x, y, 4.0, writer.paint("e16", "card"), 1.5)
            looks.append(line + dot)
        return looks

    @property
    def _plot(self) -> Rect:
        return Rect(0, _HEADING, WIDTH - _NUMBERS, _LOSS_HEIGHT)

    def _point(self, i: int) -> Point:
        inner = self._plot.shrink(8, 10)
        length = max(1, self.steps[-1] - self.steps[0])
        x = inner.x + inner.width * (self.steps[i] - self.steps[0]) / length
        loss = self.losses[i]
        loss = min(self.high, max(self.low, loss)) if loss == loss else self.high
        if self.is_log:
            share = log10(loss / self.low) / log10(self.high / self.low)
        else:
            share = (loss - self.low) / (self.high - self.low)
        return x, inner.bottom - inner.height * share


class _Areas(NamedTuple):
    """What a network says everywhere, as paths.

    Attributes:
        paths: For each level the area above it; "" if there is none.
        boundary: The line between the classes; "" if there is none.
    """

    paths: list[str]
    boundary: str


class RegionPanel:
    """What a network of two inputs says everywhere, as areas between contours."""

    note = "circles and squares are samples of the two classes; the graph is that of the ringed one"
    height = _HEADING + WIDTH + _FOOT

    def __init__(self, network: Network, frames: Sequence[int], samples: Samples | None) -> None:
        self.network = network
        self.samples = samples
        self.axes = _domain(network, samples)
        (self.xs, self.ys) = (numpy.linspace(low, high, _CELLS + 1) for low, high in self.axes)
        across, down = numpy.meshgrid(self.xs, self.ys)
        points = numpy.stack([across.ravel(), down.ravel()], axis=1)
        self.grids = [network.outputs(frame, points).reshape(across.shape) for frame in frames]
        self.middle, self.reach = _classes(network, samples)

    def draw(self, writer: SvgWriter) -> str:
        """Return what stays behind the areas: title and numbers of the axes."""
        plot = self._plot
        y = plot.bottom + 13
        first, second = map(_name, self.network.inputs)
        across = f"→ {first} {_interval(self.axes[0])}"
        up = f"↑ {second} {_interval(self.axes[1])}"
        parts = [
            _title("what the network says of each point", writer),
            writer.text(plot.x, y, across, FONT_SIZES.small, "muted"),
            writer.text(plot.right, y, up, FONT_SIZES.small, "muted", anchor="end"),
        ]
        return "".join(parts)

    def looks(self, writer: SvgWriter) -> list[str]:
        """Return the areas of each frame."""
        return [self._draw(areas, writer) for areas in self._areas]

    @property
    def _plot(self) -> Rect:
        return Rect(0, _HEADING, WIDTH, WIDTH)

    @cached_property
    def _areas(self) -> list[_Areas]:
        """The areas of each frame: found once, as a GIF draws them for each of its pictures."""
        return [self._find_areas(grid) for grid in self.grids]

    def _find_areas(self, grid: Numbers) -> _Areas:
        plot = self._plot
        columns = [plot.x + WIDTH * i / _CELLS for i in range(_CELLS + 1)]
        # The first row of the grid has the smallest y, which is at the bottom.
        rows = [plot.bottom - WIDTH * i / _CELLS for i in range(_CELLS + 1)]
        table = grid.tolist()
        paths = []
        boundary = ""
        for offset in _LEVELS:
            rings = outlines(columns, rows, table, self.middle + offset * self.reach)
            paths.append("".join(f"{_polyline(ring)}Z" for ring in rings))
            if offset == 0.0:
                boundary = _inner_lines(rings, plot)
        return _Areas(paths, boundary)

    def _draw(self, areas: _Areas, writer: SvgWriter) -> str:
        # Each area lies on the one of the level below it, and the lowest one on the whole plot.
        parts = [writer.rect(self._plot, writer.paint(_SHADES[0]))]
        for path, shade in zip(areas.paths, _SHADES[1:], strict=True):
            if path:
                parts.append(writer.path(path, writer.paint(shade), 'fill-rule="evenodd"'))
        if areas.boundary:
            paint = writer.paint("none", "ink")
            parts.append(writer.path(areas.boundary, paint, 'stroke-width="1.6"'))
        return "".join(parts)

    def front(self, writer: SvgWriter) -> str:
        """Return what stays in front of the areas: the samples, the recorded one in a ring."""
        plot = self._plot
        parts = [writer.rect(plot, writer.paint("none", "line"), 0, 'stroke-width="1"')]
        for row, target in _shown(self.samples):
            x, y = self._place(row)
            is_above = target > self.middle
            paint = writer.paint("e16" if is_above else "e-16", "card")
            # The shape tells classes apart, too, for those who see the colors alike.
            if is_above:
                parts.append(_circle(x, y, 3.4, paint, 0.9))
            else:
                square = Rect(x - 3, y - 3, 6, 6)
                parts.append(writer.rect(square, paint, 0, 'stroke-width="0.9"'))
        x, y = self._place(self.network.sample())
        parts.append(_circle(x, y, 6.5, writer.paint("none", "ink"), 1.8))
        return "".join(parts)

    def _place(self, point: Sequence[float]) -> Point:
        plot = self._plot
        (left, right), (bottom, top) = self.axes
        x = plot.x + WIDTH * (point[0] - left) / (right - left)
        return x, plot.bottom - WIDTH * (point[1] - bottom) / (top - bottom)


class CurvePanel:
    """What a network of one input says, as a curve."""

    note = ""
    height = _HEADING + _CURVE_HEIGHT + _FOOT

    def __init__(self, network: Network, frames: Sequence[int], samples: Samples | None) -> None:
        self.network = network
        self.samples = samples
        ((self.left, self.right),) = _domain(network, samples)
        self.xs = numpy.linspace(self.left, self.right, _CURVE_POINTS)
        self.curves = [network.outputs(frame, self.xs[:, None]) for frame in frames]
        # The axis is that of the targets; curves that are far away at first are cut off.
        targets = numpy.empty(0) if samples is None else samples.targets
        shown = numpy.concatenate([self.curves[-1], targets])
        low, high = _range(shown) or (0.0, 0.0)
        pad = 0.15 * (high - low) or 1.0
        self.low = low - pad
        self.high = high + pad

    def draw(self, writer: SvgWriter) -> str:
        """Return what stays: the frame, title, numbers of the axes and the samples."""
        plot = self._plot
        name = _name(self.network.inputs[0])
        parts = [
            _title("what the network says of each input", writer),
            writer.rect(plot, writer.paint("card", "line"), 4, 'stroke-width="1"'),
        ]
        y = plot.bottom + 13
        parts.append(writer.text(plot.x, y, number(self.left), FONT_SIZES.small, "muted"))
        parts.append(writer.text(plot.center, y, name, FONT_SIZES.small, "muted", anchor="middle"))
        parts.append(
            writer.text(plot.right, y, number(self.right), FONT_SIZES.small, "muted", anchor="end")
        )
        return "".join(parts)

    def front(self, writer: SvgWriter) -> str:
        """Return what stays in front of the curve: the samples."""
        parts = []
        for row, target in _shown(self.samples):
            x, y = self._place(row[0], target)
            parts.append(_circle(x, y, 3.2, writer.paint("e-16", "card"), 0.9))
        return "".join(parts)

    def looks(self, writer: SvgWriter) -> list[str]:
        """Return the curve of each frame."""
        looks = []
        for curve in self.curves:
            points = []
            for x, y in zip(self.xs.tolist(), curve.tolist(), strict=True):
                points.append(self._place(x, y if y == y else inf))
            paint = writer.paint("none", "e16")
            looks.append(writer.path(_polyline(points), paint, 'stroke-width="2.2"'))
        return looks

    @property
    def _plot(self) -> Rect:
        return Rect(0, _HEADING, WIDTH, _CURVE_HEIGHT)

    def _place(self, x: float, y: float) -> Point:
        plot = self._plot
        inside = min(self.high, max(self.low, y))
        share = (inside - self.low) / (self.high - self.low)
        across = (x - self.left) / (self.right - self.left)
        return plot.x + plot.width * across, plot.bottom - plot.height * share


Panel = LossPanel | RegionPanel | CurvePanel


def make_panels(
    recording: "Recording", frames: Sequence[int], data: Any
) -> tuple[list[Panel], LossPanel]:
    """Return the panels of a training run.

    Args:
        recording: The training.
        frames: The frames that are shown.
        data: The samples and their targets, (X, y); None for none.

    Returns:
        For a network with one output and one or two inputs what it says of each; and the loss.

    Raises:
        OptionError: The data is no pair of tables, or has another number of inputs.
    """
    samples = None if data is None else read_samples(data)
    network = find_network(recording)
    steps = [recording.steps[i] for i in frames]
    losses = [recording.losses[i] for i in frames]
    what = "loss of the sample"
    if network is not None and samples is not None and _knows_targets(network, samples):
        losses = [network.mean_loss(i, samples.inputs, samples.targets) for i in frames]
        what = "mean loss of the samples"
    loss = LossPanel(steps, losses, what)
    if network is None or len(network.inputs) > 2:
        return [], loss
    if samples is not None and samples.inputs.shape[1] != len(network.inputs):
        raise OptionError(
            f"data of animate has {plural(samples.inputs.shape[1], 'input')} a sample, but the "
            f"recorded network takes {len(network.inputs)}"
        )
    kind = RegionPanel if len(network.inputs) == 2 else CurvePanel
    return [kind(network, frames, samples)], loss


def _knows_targets(network: Network, samples: Samples) -> bool:
    """Return whether the target in the recorded graph is that of the recorded sample."""
    if network.target is None or samples.inputs.shape[1] != len(network.inputs):
        return False
    # Recordings are in float32.
    target = float(network.recording.of(network.target)[0][-1])
    is_sample = numpy.isclose(samples.inputs, network.sample(), rtol=1e-5, atol=1e-7).all(axis=1)
    found = samples.targets[is_sample]
    return bool(found.size) and bool(numpy.isclose(found, target, rtol=1e-5, atol=1e-7).all())


def _name(value: Value) -> str:
    return fit_text(clean(value.label), FONT_SIZES.small, 40) or "input"


def _interval(axis: tuple[float, float]) -> str:
    return f"{number(axis[0])} to {number(axis[1])}"


def _domain(network: Network, samples: Samples | None) -> list[tuple[float, float]]:
    """Return from where to where each input is shown: where there are samples, and some more."""
    rows = numpy.array([network.sample()])
    if samples is not None:
        rows = numpy.concatenate([rows, samples.inputs])
    else:
        rows = numpy.concatenate([rows, numpy.full_like(rows, -1.5), numpy.full_like(rows, 1.5)])
    domain = []
    for column in rows.T:
        low = float(column.min())
        high = float(column.max())
        pad = 0.12 * (high - low) or 1.0
        domain.append((low - pad, high + pad))
    return domain


def _classes(network: Network, samples: Samples | None) -> tuple[float, float]:
    """Return the output that is between the two classes, and how far the classes are from it."""
    if network.is_logit:
        return 0.0, _SURE
    if samples is None:
        return 0.0, 1.0
    low, high = _range(samples.targets) or (0.0, 0.0)
    # Of one class nothing is known but that it is on one side.
    return ((low + high) / 2, (high - low) / 2) if low < high else (0.0, 1.0)


def _range(numbers: Numbers) -> tuple[float, float] | None:
    """Return the smallest and the largest finite number, None where there is none."""
    finite = numbers[numpy.isfinite(numbers)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def _shown(samples: Samples | None) -> Iterable[tuple[list[float], float]]:
    """Yield samples with a target, evenly chosen where there are many."""
    if samples is None:
        return
    step = -(-len(samples.inputs) // _MAX_POINTS)
    for row, target in zip(samples.inputs[::step], samples.targets[::step], strict=True):
        if isfinite(target) and numpy.isfinite(row).all():
            yield row.tolist(), float(target)


def _title(text: str, writer: SvgWriter) -> str:
    return writer.text(0, 11, text, FONT_SIZES.dense, "page_ink", bold=True)


def _circle(x: float, y: float, radius: float, paint: str, thickness: float) -> str:
    center = f'cx="{format_coordinate(x)}" cy="{format_coordinate(y)}"'
    return f'<circle {center} r="{radius:g}" {paint} stroke-width="{thickness:g}"/>'


def _polyline(points: Sequence[Point]) -> str:
    """Return a path of straight lines, to a tenth of a pixel.

    A film has thousands of points: each is written from the one before, which is shorter.

    Example:
        >>> _polyline([(100.0, 50.0), (100.52, 49.0), (103.0, 49.0)])
        'M100 50l0.5 -1 2.5 0'
    """
    tenths = [(round(10 * x), round(10 * y)) for x, y in points]
    steps = [((x - a) / 10, (y - b) / 10) for (a, b), (x, y) in pairwise(tenths)]
    x, y = tenths[0]
    start = path_data("M", x / 10, y / 10)
    return f"{start}{path_data('l', *chain.from_iterable(steps))}" if steps else start


def _inner_lines(rings: Sequence[Sequence[Point]], plot: Rect) -> str:
    """Return the stretches of outlines that do not run along the border of a plot."""
    parts = []
    for ring in rings:
        line: list[Point] = []
        for before, after in zip(ring, [*ring[1:], ring[0]], strict=True):
            if _is_on_border(before, after, plot):
                parts += [_polyline(line)] if line else []
                line = []
            else:
                line = line or [before]
                line.append(after)
        parts += [_polyline(line)] if line else []
    return "".join(parts)


def _is_on_border(before: Point, after: Point, plot: Rect) -> bool:
    for axis, ends in ((0, (plot.x, plot.right)), (1, (plot.y, plot.bottom))):
        for end in ends:
            if abs(before[axis] - end) < 0.01 and abs(after[axis] - end) < 0.01:
                return True
    return False
