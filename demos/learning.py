"""A film of a small network that learns: what each neuron says of the plane, line by line.

It is the picture on the first page of the gallery: one SVG without scripts.
"""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalargrad.nn import MLP
from scalargrad.training import Callback, Training, fit
from viz.animation.timeline import Clock, show_between
from viz.look.palette import class_color
from viz.look.text import escape, number
from viz.look.theme import DARK, FONT, LIGHT, STEPS, Theme, color, edge_color, edge_width, shade

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
PLANE = (500.0, 62.0, 232.0)
"""Where the plane of the output is: left, top, and side."""
CURVE = (500.0, 334.0, 232.0, 66.0)
"""Where the curve of the loss is: left, top, width, height."""


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
    columns = _columns(moments[0].layers)

    frames = []
    for place, moment in enumerate(moments):
        is_last = place == len(moments) - 1
        end = None if is_last else PACE * (place + 1)
        content = _moment(moment, columns, found.losses)
        frames.append(clock.animate(content, show_between(PACE * place, end, seconds)))

    body = "".join(frames) + _frames(columns) + _points(points, labels) + _words(columns)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img"><title>{escape(title, 200)}</title>'
        f"<desc>{escape(text, 600)}</desc><style>{_style()}</style>{clock.style()}"
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>{body}</svg>\n'
    )


def _columns(layers: list[Array]) -> list[list[tuple[float, float]]]:
    """Return the corners of the boxes: inputs, hidden layers, output."""
    counts = [layers[0].shape[1] - 1, *(len(layer) for layer in layers)]
    columns = []
    for place, count in enumerate(counts):
        left = 16.0 + 132.0 * place
        gap = (HEIGHT - 78.0) / max(count, 5)
        top = 56.0 + (HEIGHT - 78.0 - gap * count) / 2.0 + (gap - BOX) / 2.0
        columns.append([(left, top + gap * i) for i in range(count)])
    return columns


def _moment(moment: Moment, columns: list[list[tuple[float, float]]], losses: list[float]) -> str:
    parts = [_lines(weights, *columns[i : i + 2]) for i, weights in enumerate(moment.layers)]
    small = outputs_of(moment.layers, plane(SMALL))
    for corners, maps in zip(columns[1:], small, strict=True):
        for (x, y), heights in zip(corners, maps, strict=True):
            parts.append(_map(heights, SMALL, x, y, BOX))

    left, top, side = PLANE
    large = outputs_of(moment.layers, plane(LARGE))[-1][0]
    # Paler than the small maps: the samples have to show on it.
    parts.append(_map(PALER * large, LARGE, left, top, side))
    parts.append(_curve(losses, moment.epoch))
    left, top, width, _ = CURVE
    parts.append(
        f'<text class="n" x="{left + width:g}" y="{top - 10:g}" text-anchor="end">'
        f"epoch {moment.epoch} · {number(moment.loss)}</text>"
    )
    return "".join(parts)


def _lines(
    weights: Array, sources: list[tuple[float, float]], targets: list[tuple[float, float]]
) -> str:
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
            lines.append(
                f'<path class="e{step}" d="M{start}C{bend} {x1:g} {y1 + BOX / 2:.0f}" '
                f'stroke-width="{width:.1f}"/>'
            )
    return f'<g fill="none">{"".join(lines)}</g>'


def _map(heights: Array, cells: int, x: float, y: float, side: float) -> str:
    """Return a map of the plane, once in the colors of each theme."""
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


def _curve(losses: list[float], epoch: int) -> str:
    """Return the curve of the loss up to an epoch, with a dot at its end."""
    left, top, width, height = CURVE
    highest = max(losses)
    places = []
    for i, loss in enumerate(losses[: max(epoch, 1)]):
        # Square roots: the first epochs have the most to show, and small losses stay visible.
        x = left + width * ((i + 1) / len(losses)) ** 0.5
        y = top + height * (1.0 - (loss / highest) ** 0.5)
        places.append(f"{x:.1f} {y:.1f}")
    x_last, y_last = places[-1].split()
    return (
        f'<path class="curve" d="M{"L".join(places)}"/>'
        f'<circle class="dot" cx="{x_last}" cy="{y_last}" r="3.5"/>'
    )


def _frames(columns: list[list[tuple[float, float]]]) -> str:
    """Return what stays: the frames of the maps, the inputs and the axis of the loss."""
    parts = []
    steps = plane(SMALL)
    for (x, y), inputs in zip(columns[0], steps.T, strict=True):
        parts.append(_map(inputs / REACH, SMALL, x, y, BOX))
    for kind, column in zip(("in", "", "", "out"), columns, strict=True):
        for x, y in column:
            parts.append(
                f'<rect class="box {kind}" x="{x:g}" y="{y:.0f}" width="{BOX}" height="{BOX}" '
                'rx="1"/>'
            )
    left, top, side = PLANE
    parts.append(
        f'<rect class="box out" x="{left:g}" y="{top:g}" width="{side:g}" height="{side:g}" '
        'rx="1"/>'
    )
    left, top, width, height = CURVE
    parts.append(f'<path class="axis" d="M{left:g} {top + height:g}h{width:g}"/>')
    return "".join(parts)


def _points(points: Any, labels: Any) -> str:
    """Return the samples on the plane of the output: the class is shape and color."""
    left, top, side = PLANE
    marks = []
    for (x, y), label in zip(points, labels, strict=True):
        across = left + side * (x + REACH) / (2.0 * REACH)
        down = top + side * (REACH - y) / (2.0 * REACH)
        if label > 0.0:
            marks.append(f'<circle class="up" cx="{across:.1f}" cy="{down:.1f}" r="3.4"/>')
        else:
            corner = f'x="{across - 3:.1f}" y="{down - 3:.1f}"'
            marks.append(f'<rect class="down" {corner} width="6" height="6"/>')
    return "".join(marks)


def _words(columns: list[list[tuple[float, float]]]) -> str:
    heads = ["inputs", "hidden 1", "hidden 2", "output"]
    words = []
    for head, column in zip(heads, columns, strict=True):
        x = column[0][0] + BOX / 2
        words.append(f'<text class="h" x="{x:g}" y="34" text-anchor="middle">{head}</text>')
    left, _, _ = PLANE
    words.append(f'<text class="h" x="{left:g}" y="34">What it says of the plane</text>')
    left, top, _, _ = CURVE
    words.append(f'<text class="h" x="{left:g}" y="{top - 10:g}">Loss</text>')
    words.append(
        f'<text class="w" x="{columns[0][0][0]:g}" y="{HEIGHT - 10}">'
        "line: a weight · map: what a neuron says of the plane</text>"
    )
    return "".join(words)


def _style() -> str:
    """Return the rules of both themes."""
    blue = class_color(0)
    orange = class_color(1)
    rules = [
        f"text{{font-family:{FONT}}}.h{{font-size:13px;font-weight:700}}",
        ".n,.w{font-size:12px}.box,.curve,.axis{fill:none}.night{display:none}",
        ".box{stroke-width:1.2}.in{stroke:#2b7a55;stroke-width:2}.out{stroke-width:2}",
        f".up,.down{{stroke:#fff;stroke-width:1}}.up{{fill:{blue}}}.down{{fill:{orange}}}",
        f".curve{{stroke:{blue};stroke-width:2}}.dot{{fill:{blue}}}",
        _colors(LIGHT),
        f"@media (prefers-color-scheme:dark){{.day{{display:none}}.night{{display:inline}}"
        f"{_colors(DARK)}}}",
    ]
    return "".join(rules)


def _colors(theme: Theme) -> str:
    lines = [f".e{step}{{stroke:{edge_color(step, theme)}}}" for step in range(-STEPS, STEPS + 1)]
    return (
        f".page{{fill:{theme.page}}}.h,.n{{fill:{theme.ink}}}.w{{fill:{theme.muted}}}"
        f".box,.axis{{stroke:{theme.line}}}.out{{stroke:{theme.ink}}}{''.join(lines)}"
    )
