"""A film of a small network that learns: the output of each neuron, moment by moment.

It is the picture on the first page of the gallery: one SVG without scripts.
"""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalargrad.nn import MLP
from scalargrad.training import Callback, Training, fit
from viz.animation.timeline import Clock, show_between
from viz.layout.geometry import Point, Rect
from viz.look.text import escape, number
from viz.look.theme import DARK, FONT, LIGHT, STEPS, Theme, color, edge_width, shade
from viz.render.svg_writer import SvgWriter

Array = NDArray[np.float64]

WIDTH = 748
HEIGHT = 436
EPOCHS = (0, 1, 2, 4, 7, 11, 16, 24, 35, 50, 70, 100, 140, 200)
"""The moments of the film."""
PACE = 0.55
REST = 3.0
"""Seconds for each moment, and how long the last one stays."""
REACH = 2.4
"""The plane goes from −REACH to REACH in both directions."""
BOX = 46
SMALL = 16
LARGE = 48
"""Pixels of a neuron's map on the screen, and cells of a side of a map: small, and the output's."""
PALER = 0.55
"""Factor of the output's map, on which the samples have to show."""
PLANE = Rect(500.0, 62.0, 232.0, 232.0)
CURVE = Rect(500.0, 334.0, 232.0, 66.0)
"""Where the plane of the output and the curve of the loss are."""
THEMES = """<style>.night{display:none}\
@media (prefers-color-scheme:dark){.day{display:none}.night{display:inline}}</style>"""
"""Which of its two images a map shows."""


@dataclass(frozen=True)
class Moment:
    """A network at one moment of its training.

    Attributes:
        epoch: How many epochs it has learned for.
        loss: Its loss.
        layers: The weights of each layer, (neurons, inputs + 1), the bias last.
    """

    epoch: int
    loss: float
    layers: list[Array]


class Snapshots(Callback):
    """Keeps the weights at the moments of the film, and every loss."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self.losses: list[float] = []

    def on_epoch_end(self, training: Training) -> None:
        """Keep the loss, and at a moment of the film the weights."""
        self.losses.append(training.history.last()["loss"])
        epoch = len(self.losses)
        if epoch in EPOCHS:
            model: Any = training.model
            self.moments.append(Moment(epoch, self.losses[-1], weights_of(model)))


def weights_of(model: MLP) -> list[Array]:
    """Return the weights of each layer, (neurons, inputs + 1), the bias last."""
    layers = []
    for layer in model.layers:
        rows = []
        for neuron in layer.neurons:
            rows.append([parameter.data for parameter in (*neuron.weights, neuron.bias)])
        layers.append(np.array(rows))
    return layers


def watch_training(model: MLP, points: Any, labels: Any, **options: Any) -> Snapshots:
    """Train a network of tanh neurons, and return its moments, the start among them."""
    start = weights_of(model)
    snapshots = Snapshots()
    fit(
        model,
        points,
        labels,
        epochs=EPOCHS[-1],
        callbacks=[snapshots],
        progress=False,
        **options,
    )
    error = outputs_of(start, np.asarray(points))[-1][0] - np.asarray(labels)
    snapshots.moments.insert(0, Moment(0, float(np.mean(error**2)), start))
    return snapshots


def outputs_of(layers: list[Array], points: Array) -> list[Array]:
    """Return the outputs of every layer, (neurons, points): tanh in all but the last."""
    outputs = []
    seen = points.T
    for place, weights in enumerate(layers):
        seen = weights[:, :-1] @ seen + weights[:, -1:]
        if place < len(layers) - 1:
            seen = np.tanh(seen)
        outputs.append(seen)
    return outputs


def plane(cells: int) -> Array:
    """Return the centers of the cells of the plane, row by row from the top."""
    steps = (np.arange(cells) + 0.5) / cells * 2.0 * REACH - REACH
    x, y = np.meshgrid(steps, -steps)
    return np.column_stack([x.ravel(), y.ravel()])


# Drawing


def learning_svg(found: Snapshots, points: Any, labels: Any, title: str, text: str) -> str:
    """Return the film as SVG. Readers who prefer less motion see its end."""
    moments = found.moments
    seconds = PACE * len(moments) + REST
    clock = Clock(seconds)
    writer = SvgWriter("auto")
    columns = _columns(moments[0].layers)

    frames = []
    for place, moment in enumerate(moments):
        is_last = place == len(moments) - 1
        end = None if is_last else PACE * (place + 1)
        content = _moment(moment, columns, found.losses, writer)
        frames.append(clock.animate(content, show_between(PACE * place, end, seconds)))

    page = writer.rect(Rect(0.0, 0.0, WIDTH, HEIGHT), writer.paint("page"))
    front = [_frames(columns, writer), _points(points, labels, writer), _words(columns, writer)]
    body = "".join([page, *frames, *front])
    # The writer and the clock know only now which colors and which times the content uses.
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="{FONT}" role="img">'
        f"<title>{escape(title, 200)}</title><desc>{escape(text, 600)}</desc>"
        f"{THEMES}{writer.style()}{clock.style()}{body}</svg>\n"
    )


def _columns(layers: list[Array]) -> list[list[Point]]:
    """Return the corners of the boxes: inputs, hidden layers, output."""
    counts = [layers[0].shape[1] - 1, *(len(layer) for layer in layers)]
    columns = []
    for place, count in enumerate(counts):
        left = 16.0 + 132.0 * place
        gap = (HEIGHT - 78.0) / max(count, 5)
        top = 56.0 + (HEIGHT - 78.0 - gap * count) / 2.0 + (gap - BOX) / 2.0
        columns.append([(left, top + gap * i) for i in range(count)])
    return columns


def _moment(
    moment: Moment, columns: list[list[Point]], losses: list[float], writer: SvgWriter
) -> str:
    parts = []
    for weights, (sources, targets) in zip(moment.layers, pairwise(columns), strict=True):
        parts.append(_lines(weights, sources, targets, writer))
    small = outputs_of(moment.layers, plane(SMALL))
    for corners, maps in zip(columns[1:], small, strict=True):
        for (x, y), heights in zip(corners, maps, strict=True):
            parts.append(_map(heights, SMALL, x, y, BOX))

    large = outputs_of(moment.layers, plane(LARGE))[-1][0]
    parts.append(_map(PALER * large, LARGE, PLANE.x, PLANE.y, PLANE.width))
    parts.append(_curve(losses, moment.epoch, writer))
    now = f"epoch {moment.epoch} · {number(moment.loss)}"
    parts.append(writer.text(CURVE.right, CURVE.y - 10, now, 12, "ink", anchor="end"))
    return "".join(parts)


def _lines(weights: Array, sources: list[Point], targets: list[Point], writer: SvgWriter) -> str:
    """Return a line for each weight: its sign is the color, its size the width."""
    largest = float(np.abs(weights[:, :-1]).max()) or 1.0
    lines = []
    for row, (x1, y1) in zip(weights, targets, strict=True):
        for weight, (x0, y0) in zip(row[:-1], sources, strict=True):
            step = shade(float(weight), largest)
            start = f"{x0 + BOX:g} {y0 + BOX / 2:.0f}"
            middle = (x0 + BOX + x1) / 2
            bend = f"{middle:g} {y0 + BOX / 2:.0f} {middle:g} {y1 + BOX / 2:.0f}"
            width = edge_width(float(weight), largest)
            data = f"M{start}C{bend} {x1:g} {y1 + BOX / 2:.0f}"
            paint = writer.paint(stroke=f"e{step}")
            lines.append(writer.path(data, paint, f'stroke-width="{width:.1f}"'))
    return f'<g fill="none">{"".join(lines)}</g>'


def _map(heights: Array, cells: int, x: float, y: float, side: float) -> str:
    """Return a map of the plane, once in the colors of each theme.

    Unlike the heat maps of weights it is smoothed by the browser, and its scale is linear.
    """
    steps = np.clip(np.round(heights * STEPS), -STEPS, STEPS).astype(int)
    pixels = (steps + STEPS).reshape(cells, cells).astype(np.uint8)
    images = []
    for theme, kind in ((LIGHT, "day"), (DARK, "night")):
        data = b64encode(_png(pixels, theme)).decode()
        images.append(
            f'<image class="{kind}" x="{x:g}" y="{y:.0f}" width="{side:g}" height="{side:g}" '
            f'href="data:image/png;base64,{data}"/>'
        )
    return "".join(images)


def _png(steps: NDArray[np.uint8], theme: Theme) -> bytes:
    """Return an image with the color of each step of the scale."""
    from matplotlib.image import imsave

    codes = [color(step, theme) for step in range(-STEPS, STEPS + 1)]
    palette = np.array([tuple(bytes.fromhex(code[1:])) for code in codes], dtype=np.uint8)
    file = BytesIO()
    imsave(file, palette[steps], format="png", metadata={"Software": ""})
    return file.getvalue()


def _curve(losses: list[float], epoch: int, writer: SvgWriter) -> str:
    """Return the curve of the loss up to an epoch, with a dot at its end."""
    highest = max(losses)
    places = []
    for i, loss in enumerate(losses[: max(epoch, 1)]):
        # Square roots: the first epochs have the most to show, and small losses stay visible.
        x = CURVE.x + CURVE.width * ((i + 1) / len(losses)) ** 0.5
        y = CURVE.bottom - CURVE.height * (loss / highest) ** 0.5
        places.append(f"{x:.1f} {y:.1f}")
    x_last, y_last = places[-1].split()
    paint = writer.paint("none", "e16")
    line = writer.path(f"M{'L'.join(places)}", paint, 'stroke-width="2"')
    return f'{line}<circle cx="{x_last}" cy="{y_last}" r="3.5" {writer.paint("e16")}/>'


def _frames(columns: list[list[Point]], writer: SvgWriter) -> str:
    """Return what stays: the frames of the maps, the inputs and the axis of the loss."""
    parts = []
    for (x, y), inputs in zip(columns[0], plane(SMALL).T, strict=True):
        parts.append(_map(inputs / REACH, SMALL, x, y, BOX))

    hidden = ("line", 1.2)
    output = ("ink", 2.0)
    looks = (("badge-input", 2.0), hidden, hidden, output)
    boxes = []
    for (stroke, thickness), column in zip(looks, columns, strict=True):
        boxes += [(Rect(x, round(y), BOX, BOX), stroke, thickness) for x, y in column]
    for box, stroke, thickness in (*boxes, (PLANE, *output)):
        paint = writer.paint("none", stroke)
        parts.append(writer.rect(box, paint, 1.0, f'stroke-width="{thickness:g}"'))

    axis = f"M{CURVE.x:g} {CURVE.bottom:g}h{CURVE.width:g}"
    parts.append(writer.path(axis, writer.paint("none", "line")))
    return "".join(parts)


def _points(points: Any, labels: Any, writer: SvgWriter) -> str:
    """Return the samples on the plane of the output: the class is shape and color."""
    above = writer.paint("e16", "card")
    below = writer.paint("e-16", "card")
    marks = []
    for (x, y), label in zip(points, labels, strict=True):
        across = PLANE.x + PLANE.width * (x + REACH) / (2.0 * REACH)
        down = PLANE.y + PLANE.height * (REACH - y) / (2.0 * REACH)
        if label > 0.0:
            marks.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3.4" {above}/>')
        else:
            corner = f'x="{across - 3:.1f}" y="{down - 3:.1f}"'
            marks.append(f'<rect {corner} width="6" height="6" {below}/>')
    return "".join(marks)


def _words(columns: list[list[Point]], writer: SvgWriter) -> str:
    heads = ["inputs", "hidden 1", "hidden 2", "output"]
    words = []
    for head, column in zip(heads, columns, strict=True):
        center = column[0][0] + BOX / 2
        words.append(writer.text(center, 34, head, 13, "ink", anchor="middle", bold=True))
    words.append(writer.text(PLANE.x, 34, "What it says of the plane", 13, "ink", bold=True))
    words.append(writer.text(CURVE.x, CURVE.y - 10, "Loss", 13, "ink", bold=True))
    legend = "line: a weight · map: what a neuron says of the plane"
    words.append(writer.text(columns[0][0][0], HEIGHT - 10, legend, 12, "muted"))
    return "".join(words)
