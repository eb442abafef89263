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
"""On how many pictures to train, how often, for how long to try numerical gradients (seconds), how many pictures to ask about then."""


def pictures(data: Path | None) -> list[Any]:
    """Pictures to train on and to test on, then the digits of both: rows of MNIST, or scikit-learn's digits of 8 × 8 pixels."""
    from sklearn.datasets import load_digits

    images, digits = read_mnist_csv(data) if data else load_digits(return_X_y=True)
    return [part.tolist() for part in split(images / images.max(), digits, test=0.2, seed=0)]


def network(*sizes: int) -> MLP:
    """Layers of sigmoids. The last gives logits: softmax makes probabilities of them, and is part of the cross-entropy."""
    return MLP(sizes[0], sizes[1:], activation="sigmoid", initializer="xavier", seed=0)


def get_loss(image: list[float], digit: int, model: MLP) -> Any:
    """One forward pass of Values."""
    return cross_entropy(model(image), digit)


def both_ways(
    sizes: tuple[int, ...], image: list[float], digit: int, seconds: float
) -> SimpleNamespace:
    """One step: the gradient by all weights in a backward pass, and by as many as there is time for by moving them in turn."""
    found = SimpleNamespace(name="-".join(map(str, sizes)))
    model = network(*sizes)
    _, found.backward = timed(lambda: get_loss(image, digit, model).backward())
    found.every = {name: parameter.grad for name, parameter in model.named_parameters()}
    some = epoch_order(len(found.every), seed=0)[: 30 + int(seconds / found.backward)]
    names = [list(found.every)[i] for i in sorted(some)]
    found.loss = Objective(model, partial(get_loss, image, digit), names)
    slopes, found.numerical = timed(lambda: numerical_gradient(found.loss, found.loss.numbers))
    found.slopes = numpy.array(slopes)
    found.chosen = numpy.array([found.every[name] for name in names])
    found.apart = abs(found.slopes - found.chosen).max()
    found.step = found.numerical * len(found.every) / len(names)
    return found


def taught(
    sizes: tuple[int, ...], images: list[Any], digits: list[int], epochs: int, held: list[Any]
) -> list[list[float]]:
    """Train a network by backpropagation. Returns how likely it takes each digit to be, for each picture that was held out."""
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
        return [[float(p) for p in softmax(model(image))] for image in held]


def draw(
    folder: Path, steps: list[SimpleNamespace], image: list[float], answers: dict[str, Any]
) -> None:
    """The gradients point by point, what a hundred steps cost, and what the two networks say."""
    groups = {step.name: (step.chosen, step.slopes) for step in steps}
    points, apart = new_axes(2, width=9.4, height=4.4)
    plot_agreement(groups, points).set(xlabel="by backpropagation", ylabel="numerically")
    save_plot(
        plot_differences(groups, apart, allowed=1e-6),
        folder / _AGREE.file,
        "Two ways to one gradient",
        _AGREE.alt,
    )
    costs = {
        f"{step.name}, {way}": 100 * cost
        for step in steps
        for way, cost in (("backward", step.backward), ("numerically", step.step))
    }
    (ax,) = new_axes(width=8.0, height=2.6)
    plot_bars(
        costs, ax, list(map(duration, costs.values())), log=True, pale=list(costs)[1::2]
    ).set_xlabel("seconds")
    save_plot(ax, folder / _COST.file, "What a hundred steps cost", _COST.alt)
    seen, *tables = new_axes(3, width=9.6, height=3.7)
    plot_grid(numpy.reshape(image, (round(len(image) ** 0.5), -1)).tolist(), seen).set_title(
        "the picture"
    )
    for ax, (title, rows) in zip(tables, answers.items(), strict=True):
        plot_table(rows, ax=ax).set(title=title, xlabel="what it says", ylabel="what it is shown")
    save_plot(seen, folder / _ANSWERS.file, "Trained on one picture, and on many", _ANSWERS.alt)


def _small_examples() -> list[tuple[str, str]]:
    slope = numerical_gradient(lambda x: x**2, 3.0)
    first, second = numerical_gradient(lambda v: v[0] * (v[0] + 3 * v[1]), [1, 2])
    return [
        ("the slope of x² at 3, numerically", f"{slope:.9f}"),
        ("the gradient of x² + 3xy at (1, 2)", f"{first:.9f}, {second:.9f}"),
    ]


def _costs(steps: list[SimpleNamespace]) -> list[tuple[str, str]]:
    """How far the two ways are apart for each network, and what a step of each takes."""
    apart = [
        (
            f"{each.name}, {len(each.slopes)} of {len(each.every):,} weights: largest difference",
            each,
        )
        for each in steps
    ]
    return [
        *((what, f"{each.apart:.1e}") for what, each in apart),
        *(
            (f"{each.name}, one step by backpropagation, measured", duration(each.backward))
            for each in steps
        ),
        *(
            (
                f"{each.name}, one step numerically, extrapolated from those weights",
                duration(each.step),
            )
            for each in steps
        ),
        *(
            (f"{each.name}, a hundred steps numerically, extrapolated", duration(100 * each.step))
            for each in steps
        ),
    ]


def run(folder: Path, quick: bool = False, data: Path | None = None) -> Story:
    """Compare the two ways, count what they cost, then train on many pictures and on a single one."""
    count, epochs, seconds, asked = QUICK if quick else FULL
    images, held, digits, truths = pictures(data)
    sizes = (len(images[0]), 100 if data else 30, 10)
    held = held[:asked]
    truths = truths[:asked]
    two, _ = steps = [
        both_ways(each, images[0], digits[0], seconds) for each in (sizes, (sizes[0], 20, 15, 10))
    ]
    _, several = timed(lambda: numerical_gradient(two.loss, two.loss.numbers, workers=2))
    one, many = (
        taught(sizes, images[:n], digits[:n], times, held)
        for n, times in ((1, 30), (count, 2 if data else epochs))
    )
    rows = {digit: truths.index(digit) for digit in sorted(set(truths))}
    answers = {
        f"after {what}": {digit: table[i] for digit, i in rows.items()}
        for what, table in (("that picture", one), ("many", many))
    }
    draw(folder, steps, images[0], answers)
    right = [
        sum(map(METRICS["accuracy"], table, want))
        for table, want in ((many, truths), (one, [digits[0]] * len(truths)))
    ]
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
            f"{right[0]:.0f} of {len(truths)}",
        ),
        (
            f"digits held out, read as {digits[0]} after training on one {digits[0]} only",
            f"{right[1]:.0f} of {len(truths)}",
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
