"""Three ways down: one neuron learns a line from batches of all samples, ten, or one."""

from dataclasses import dataclass, field
from math import hypot
from pathlib import Path

import numpy as np

from demos.gallery import Picture, Story, explored, run_alone, say, write_powers
from demos.listing import list_code
from scalargrad import Value
from scalargrad.data import batches
from scalargrad.losses import mse
from scalargrad.nn import Neuron, given
from scalargrad.optim import SGD, ExponentialDecay
from scalargrad.training import Recorder
from viz.plots import new_axes, plot_curves, plot_descent, save_plot

SAMPLES = 60
NOISE = 0.3
START = (-1.0, 2.0)
RATE = 0.1
FULL = (1e-3, 250)
QUICK = (3e-2, 130)
"""Length below which a gradient counts as zero, and the maximum number of epochs."""

# A single small gradient can be luck: a noisy path may cross a flat spot and leave it again.
IN_A_ROW = 3
"""Epochs in a row that must end with a gradient of nearly zero."""

Line = tuple[float, float]
"""Slope and offset: the weight of the neuron and its bias."""


@dataclass
class Way:
    """A way to descend, and what came of it.

    Attributes:
        name: What the pictures call it.
        size: Samples per step.
        remains: Factor of the learning rate after each epoch.
        path: Weight and bias after each step.
        norms: Length of the gradient over all samples after each epoch.
        recorder: Records one point of the true line before each epoch.
    """

    name: str
    size: int
    remains: float
    path: list[Line] = field(default_factory=lambda: [START])
    norms: list[float] = field(default_factory=list)
    # (2, 3) is a point of y = 2x − 1 without noise, so its loss tells how near the line is.
    recorder: Recorder = field(default_factory=lambda: Recorder([2.0], 3.0, mse, most=300))


def ways() -> list[Way]:
    """Return the ways that are compared; each starts with the learning rate 0.1."""
    # The smaller the batch, the noisier its gradient and the faster the rate has to fall. The last
    # way keeps its rate, to show that it never settles.
    return [
        Way("batch: all 60", SAMPLES, 1.0),
        Way("mini-batch: 10", 10, 0.98),
        Way("stochastic: 1", 1, 0.9),
        Way("stochastic, rate kept", 1, 1.0),
    ]


def noisy_line(seed: int = 0) -> tuple[list[list[float]], list[float]]:
    """Return 60 points scattered about y = 2x − 1."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.0, 2.0, SAMPLES)
    y = 2.0 * x - 1.0 + NOISE * rng.standard_normal(SAMPLES)
    return x[:, None].tolist(), y.tolist()


def least_squares(inputs: list[list[float]], targets: list[float]) -> Line:
    """Return the best line by linear algebra, the referee of all ways."""
    rows = np.column_stack([inputs, np.ones(len(targets))])
    solution, *_ = np.linalg.lstsq(rows, targets, rcond=None)
    slope, offset = solution.tolist()
    return slope, offset


def differentiate(neuron: Neuron, inputs: list[list[float]], targets: list[float]) -> float:
    """Backpropagate the mean squared error to weight and bias; return the gradient's length."""
    neuron.zero_grad()
    mse([neuron(x) for x in inputs], targets).backward()
    return hypot(*(parameter.grad for parameter in neuron.parameters()))


def arrived(way: Way, tolerance: float) -> bool:
    """Return whether the gradient over all samples stays nearly zero."""
    return len(way.norms) >= IN_A_ROW and max(way.norms[-IN_A_ROW:]) < tolerance


def descend(
    way: Way, inputs: list[list[float]], targets: list[float], tolerance: float, rounds: int
) -> Way:
    """Descend until the gradient over all samples stays shorter than the tolerance."""
    neuron = Neuron(1, activation=None, initializer=given([START[:1]]))
    neuron.bias.data = START[1]
    optimizer = SGD(neuron.parameters(), RATE)
    schedule = ExponentialDecay(optimizer, way.remains)

    # A loop of its own instead of `fit`: the path needs weight and bias after every single step.
    for number in range(rounds):
        way.recorder.take(neuron, len(way.path) - 1)
        for some, answers in batches(inputs, targets, way.size, seed=1, epoch=number):
            differentiate(neuron, some.tolist(), answers.tolist())
            optimizer.step()
            way.path.append((neuron.weights[0].data, neuron.bias.data))
        schedule.step()

        # Over all samples, whatever the batch: at the best line the gradient of one sample is not
        # zero.
        way.norms.append(differentiate(neuron, inputs, targets))
        if arrived(way, tolerance):
            break
    return way


def draw(found: list[Way], inputs: list[list[float]], targets: list[float], folder: Path) -> None:
    """Draw the three ways that arrive over one landscape, then the gradients of all four."""

    def landscape(weight: float, bias: float) -> Value | float:
        return mse([weight * x + bias for (x,) in inputs], targets)

    arriving = found[:3]
    # All panels show the region that all paths need, so that they can be compared.
    everywhere = [place for way in arriving for place in way.path]
    panels = new_axes(3, width=10.5, height=3.9)
    for ax, way in zip(panels, arriving, strict=True):
        plot_descent(landscape, {way.name: way.path}, ax, around=everywhere)
        ax.set(xlabel="weight", ylabel="bias")
    save_plot(panels[0], folder / _PATHS.file, "Three ways down", _PATHS.alt)

    (ax,) = new_axes(width=7.1, height=3.6)
    plot_curves({way.name: way.norms for way in found}, ax=ax)
    ax.set(xlabel="rounds", ylabel="length of the gradient", yscale="log", ylim=(1e-5, 5.0))
    write_powers(ax.yaxis)
    save_plot(ax, folder / _NORMS.file, "The gradient on the way", _NORMS.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Go down four ways, measure each against least squares, and draw them."""
    tolerance, rounds = QUICK if quick else FULL
    inputs, targets = noisy_line()
    best = least_squares(inputs, targets)
    found = [descend(way, inputs, targets, tolerance, rounds) for way in ways()]
    say(
        f"least squares: y = {best[0]:.4f}x {best[1]:+.4f}; a gradient shorter than {tolerance:g} "
        "counts as zero"
    )

    numbers = []
    for way in found:
        end = "arrived" if arrived(way, tolerance) else "gave up"
        distance = hypot(*np.subtract(way.path[-1], best))
        steps = len(way.path) - 1
        seen = len(way.norms) * SAMPLES
        rest = f"gradient {way.norms[-1]:.1e}, distance {distance:.1e}"
        result = f"{end} after {steps:,} steps, {seen:,} samples: {rest}"
        numbers.append((way.name, result))
        say(f"{way.name:21} {result}")

    draw(found, inputs, targets, folder)
    mini_batch = found[1]
    page = folder / "descent-explore.html"
    title = "one point, before each round with ten at a time"
    explorer = explored(mini_batch.recorder.recording, page, title)
    return Story(
        "descent",
        "Three ways down",
        _TEXT,
        tuple(numbers),
        (_PATHS, _NORMS),
        (explorer,),
        list_code(descend),
    )


_TEXT = (
    "One neuron without activation is a straight line: a weight and a bias. It begins far off, "
    "and follows the gradient of its mean squared error: over all 60 samples, over ten of them, "
    "or over a single one. Least squares knows where the way must end.",
    "A step over one sample is cheap and right on average. But samples disagree to the end: one at "
    "a time, only a rate that falls comes to rest.",
)
_PATHS = Picture(
    "descent-paths.svg",
    "Three plots of the same contour lines and a way from ring to cross: smooth with all samples, "
    "rough with ten, jagged with one.",
    "The same valley three times. The ring is where they start, the cross where the gradient is "
    "nearly zero.",
)
_NORMS = Picture(
    "descent-gradient.svg",
    "The length of the gradient after each round, on a logarithmic scale, for the three ways and "
    "a fourth whose rate never falls.",
    "How long the gradient is after each round through all samples. One sample at a time with a "
    "rate that stays never settles.",
)

if __name__ == "__main__":
    run_alone(run, "descent")
