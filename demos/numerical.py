"""Numerical gradients are right, and slow.

A derivative is what a function gains when its input moves a little, over how far it moved. So a
network's gradient can be had without any calculus: move one weight up, pass forward, move it down,
pass forward; then take the next weight. That is two passes for every weight, where backpropagation
takes one pass forward and one back for all of them.

The networks have sigmoids inside, softmax and cross-entropy at the end. Both ways agree to nine
decimals or more, so each is a proof of the other; but only one of them is quick enough to train
with. The last picture shows what becomes of a network that sees a single picture again and again,
beside one that has seen many.
"""

from functools import partial
from os import cpu_count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy

from demos.gallery import Picture, Story, duration, run_alone, say, timed, told
from scalargrad import no_grad, numerical_gradient, softmax
from scalargrad.data import epoch_order, read_mnist_csv, split
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP, Objective
from scalargrad.optim import Adam
from scalargrad.training import METRICS, fit
from viz.plots import (
    new_axes,
    plot_agreement,
    plot_bars,
    plot_differences,
    plot_grid,
    plot_table,
    save_plot,
)

FULL = (500, 6, 5.0, 360)
QUICK = (100, 2, 0.1, 40)
"""Pictures to train on, epochs, seconds for numerical gradients, and pictures to test on."""


def pictures(data: Path | None) -> list[Any]:
    """Return pictures to train on and to test on, then the digits of both.

    They are the rows of a file of MNIST, or scikit-learn's digits of 8 × 8 pixels.
    """
    from sklearn.datasets import load_digits

    images, digits = read_mnist_csv(data) if data else load_digits(return_X_y=True)
    return [part.tolist() for part in split(images / images.max(), digits, test=0.2, seed=0)]


def network(*sizes: int) -> MLP:
    """Build layers of sigmoids; the last one returns logits."""
    # Softmax is no layer here: it is part of the cross-entropy, where it can't overflow.
    return MLP(sizes[0], sizes[1:], activation="sigmoid", initializer="xavier", seed=0)


def get_loss(image: list[float], digit: int, model: MLP) -> Any:
    """Return the loss of one forward pass."""
    return cross_entropy(model(image), digit)


def both_ways(
    sizes: tuple[int, ...], image: list[float], digit: int, seconds: float
) -> SimpleNamespace:
    """Compute the gradient of one step by a backward pass, and numerically.

    The backward pass differentiates by all weights, the other way by as many as `seconds` allow.
    """
    found = SimpleNamespace(name="-".join(map(str, sizes)))
    model = network(*sizes)
    _, found.backward = timed(lambda: get_loss(image, digit, model).backward())
    found.every = {name: parameter.grad for name, parameter in model.named_parameters()}

    # Two forward passes take about as long as one forward and one backward, so this many weights
    # fit into the time. They are drawn at random: the first ones all belong to the first neuron.
    count = 30 + int(seconds / found.backward)
    chosen = sorted(epoch_order(len(found.every), seed=0)[:count])
    every_name = list(found.every)
    names = [every_name[i] for i in chosen]

    found.loss = Objective(model, partial(get_loss, image, digit), names)
    slopes, found.numerical = timed(lambda: numerical_gradient(found.loss, found.loss.numbers))
    found.slopes = numpy.array(slopes)
    found.chosen = numpy.array([found.every[name] for name in names])
    found.apart = abs(found.slopes - found.chosen).max()
    # Extrapolated: all weights of a network for MNIST would take far too long.
    found.step = found.numerical * len(found.every) / len(names)
    return found


def taught(
    sizes: tuple[int, ...], images: list[Any], digits: list[int], epochs: int, held: list[Any]
) -> list[list[float]]:
    """Train a network by backpropagation.

    Returns:
        The probability of each digit, for each picture that was held out.
    """
    model = network(*sizes)
    fit(
        model,
        images,
        digits,
        loss="cross_entropy",
        optimizer=Adam(model.parameters(), 0.02),
        epochs=epochs,
        batch_size=10,
    )

    with no_grad():
        probabilities = [softmax(model(image)) for image in held]
    return [list(map(float, row)) for row in probabilities]


def draw(
    folder: Path, steps: list[SimpleNamespace], image: list[float], answers: dict[str, Any]
) -> None:
    """Draw the gradients, the cost of a hundred steps, and the answers of both networks."""
    _draw_gradients(folder, steps)
    _draw_costs(folder, steps)

    seen, *tables = new_axes(3, width=9.6, height=3.7)
    side = round(len(image) ** 0.5)
    pixels = numpy.reshape(image, (side, -1)).tolist()
    plot_grid(pixels, seen).set_title("the picture")
    for ax, (title, rows) in zip(tables, answers.items(), strict=True):
        plot_table(rows, ax=ax).set(title=title, xlabel="what it says", ylabel="what it is shown")
    save_plot(seen, folder / _ANSWERS.file, "Trained on one picture, and on many", _ANSWERS.alt)


def _draw_gradients(folder: Path, steps: list[SimpleNamespace]) -> None:
    groups = {step.name: (step.chosen, step.slopes) for step in steps}
    points, apart = new_axes(2, width=9.4, height=4.4)
    plot_agreement(groups, points).set(xlabel="by backpropagation", ylabel="numerically")
    plot_differences(groups, apart, allowed=1e-6)
    save_plot(apart, folder / _AGREE.file, "Two ways to one gradient", _AGREE.alt)


def _draw_costs(folder: Path, steps: list[SimpleNamespace]) -> None:
    costs = {}
    extrapolated = []
    for step in steps:
        costs[f"{step.name}, backward"] = 100 * step.backward
        costs[f"{step.name}, numerically"] = 100 * step.step
        extrapolated.append(f"{step.name}, numerically")

    (ax,) = new_axes(width=8.0, height=2.6)
    # A logarithmic scale, because the two ways are powers of ten apart.
    texts = list(map(duration, costs.values()))
    plot_bars(costs, ax, texts, log=True, pale=extrapolated).set_xlabel("seconds")
    save_plot(ax, folder / _COST.file, "What a hundred steps cost", _COST.alt)


def _small_examples() -> list[tuple[str, str]]:
    slope = numerical_gradient(lambda x: x**2, 3.0)
    first, second = numerical_gradient(lambda v: v[0] * (v[0] + 3 * v[1]), [1, 2])
    return [
        ("the slope of x² at 3, numerically", f"{slope:.9f}"),
        ("the gradient of x² + 3xy at (1, 2)", f"{first:.9f}, {second:.9f}"),
    ]


def _costs(steps: list[SimpleNamespace]) -> list[tuple[str, str]]:
    """Return the largest difference of the two ways for each network, and what steps cost."""
    numbers = []
    for step in steps:
        sampled = f"{len(step.slopes)} of {len(step.every):,} weights"
        what = f"{step.name}, {sampled}: largest difference"
        numbers.append((what, f"{step.apart:.1e}"))
    for step in steps:
        what = f"{step.name}, one step by backpropagation, measured"
        numbers.append((what, duration(step.backward)))
    for step in steps:
        what = f"{step.name}, one step numerically, extrapolated from those weights"
        numbers.append((what, duration(step.step)))
    for step in steps:
        what = f"{step.name}, a hundred steps numerically, extrapolated"
        numbers.append((what, duration(100 * step.step)))
    return numbers


def run(folder: Path, quick: bool = False, data: Path | None = None) -> Story:
    """Compare the two ways and their costs, then train on many pictures and on a single one."""
    count, epochs, seconds, asked = QUICK if quick else FULL
    images, held, digits, truths = pictures(data)
    # Rows of MNIST have 784 pixels: more hidden units, and fewer epochs to pay for them.
    hidden = 100 if data else 30
    rounds = 2 if data else epochs
    inputs = len(images[0])
    sizes = (inputs, hidden, 10)
    held = held[:asked]
    truths = truths[:asked]

    # The same picture for both networks, one of them with a second hidden layer.
    two = both_ways(sizes, images[0], digits[0], seconds)
    three = both_ways((inputs, 20, 15, 10), images[0], digits[0], seconds)
    _, several = timed(lambda: numerical_gradient(two.loss, two.loss.numbers, workers=2))

    one = taught(sizes, images[:1], digits[:1], 30, held)
    many = taught(sizes, images[:count], digits[:count], rounds, held)
    rows = {digit: truths.index(digit) for digit in sorted(set(truths))}
    answers = {
        "after that picture": {digit: one[i] for digit, i in rows.items()},
        "after many": {digit: many[i] for digit, i in rows.items()},
    }
    steps = [two, three]
    draw(folder, steps, images[0], answers)

    accuracy = METRICS["accuracy"]
    right = sum(map(accuracy, many, truths))
    same_digit = sum(map(accuracy, one, [digits[0]] * len(truths)))
    numbers = [
        *_small_examples(),
        *_costs(steps),
        (
            f"{two.name}, {len(two.slopes)} weights numerically by one process, measured",
            duration(two.numerical),
        ),
        (
            f"the same by two, started for it, on {cpu_count()} cores: "
            f"{two.numerical / several:.2f} × as fast",
            duration(several),
        ),
        (
            f"digits held out, read correctly after training on {len(images[:count])}",
            f"{right:.0f} of {len(truths)}",
        ),
        (
            f"digits held out, read as {digits[0]} after training on one {digits[0]} only",
            f"{same_digit:.0f} of {len(truths)}",
        ),
    ]

    for what, number in numbers:
        say(f"{what}: {number}")
    return Story(
        "numerical",
        "Numerical gradients: right, and slow",
        told(__doc__),
        tuple(numbers),
        (_AGREE, _COST, _ANSWERS),
    )


_AGREE = Picture(
    "numerical-agreement.svg",
    "Left: gradients found numerically over gradients by backpropagation, all on one straight "
    "line. Right: how far apart each pair is.",
    "Left: each point is a weight. Right: the same weights, by how far the two ways are apart. "
    "What is left is rounding.",
)
_COST = Picture(
    "numerical-cost.svg",
    "Bars on a scale of powers of ten: the time for a hundred steps of two networks, by "
    "backpropagation and numerically.",
    "A hundred steps of one picture each, extrapolated: solid from one whole step, dashed from "
    "some of the weights of one.",
)
_ANSWERS = Picture(
    "numerical-answers.svg",
    "A handwritten digit, and two tables of what networks say to one picture of each digit: all "
    "in one column, and along the diagonal.",
    "Shown one picture only, a network learns to say its digit whatever it sees; shown many, it "
    "looks.",
)

if __name__ == "__main__":
    run_alone(run, "numerical")
