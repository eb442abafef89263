"""Convolution: six small windows that move over a digit, against a layer of fixed pixels."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import viz
from demos.gallery import Picture, Story, run_alone, say
from scalargrad import Value, no_grad
from scalargrad.data import shift
from scalargrad.nn import Conv, Flatten, Layer, MaxPool, Module, Reshape, Sequential
from scalargrad.optim import Adam
from scalargrad.training import fit
from viz.plots import new_axes, plot_grid, save_plot

SIDE = 8
FILTERS = 6
WINDOW = 3
POOL = 3
FULL = (10, 1000, 5, 797)
QUICK = (4, 100, 3, 60)
"""Number of digits; training images (the first ones), epochs; held-out images (the last)."""

TELLING = (True, False, True, True)
"""The layer reads the image but not the moved one; the convolution reads both."""


class Images(NamedTuple):
    """Images of 64 pixels from 0 (paper) to 1 (ink), with digits; the held-out ones also moved."""

    train: Any
    digits: Any
    held_out: Any
    held_out_digits: Any
    moved: Any


def images_of(classes: int, count: int, held_out: int) -> Images:
    """Take images from the 1,797 that scikit-learn ships; `moved` is one pixel to the right."""
    from sklearn.datasets import load_digits

    table, labels = load_digits(return_X_y=True)
    pixels = table[labels < classes] / 16.0
    digits = labels[labels < classes]
    return Images(
        pixels[:count],
        digits[:count],
        pixels[-held_out:],
        digits[-held_out:],
        shift(pixels[-held_out:], SIDE, SIDE, right=1),
    )


def networks(classes: int) -> dict[str, Sequential]:
    """Build a layer from every pixel to every digit, and a convolution."""
    # A window of 3 fits at six places a side, and pooling keeps one of three.
    pooled = FILTERS * ((SIDE - WINDOW + 1) // POOL) ** 2
    plain = Layer(SIDE * SIDE, classes, activation=None, initializer="xavier", seed=1)
    last = Layer(pooled, classes, activation=None, initializer="xavier", seed=1)
    convolution = Sequential(
        Reshape(1, SIDE, SIDE), Conv(1, FILTERS, WINDOW, seed=0), MaxPool(POOL), Flatten(), last
    )
    return {"layer": Sequential(plain), "convolution": convolution}


def right(model: Module, images: Any, digits: Any) -> list[bool]:
    """Return which images are read correctly: the largest score is the answer."""
    correct = []
    with no_grad():
        for image, digit in zip(images, digits, strict=True):
            scores = [score.data for score in model(image)]
            correct.append(bool(scores.index(max(scores)) == digit))
    return correct


def draw_grids(
    grids: list[Any], names: list[str], picture: Picture, folder: Path, signed: bool = False
) -> None:
    """Draw squares of numbers side by side."""
    axes = new_axes(len(grids), width=1.3 * len(grids), height=1.7)
    for ax, grid, name in zip(axes, grids, names, strict=True):
        plot_grid(grid, ax, signed)
        ax.set_title(name, fontsize=10)
    save_plot(axes[0], folder / picture.file, picture.caption, picture.alt)


def draw(model: Sequential, still: Any, moved: Any, folder: Path) -> None:
    """Draw the weights of the filters, and their maps of an image as it is and moved."""
    reshape, convolution, *_ = model.steps
    filters = []
    for filter in convolution.filters:
        weights = [weight.data for weight in filter.weights]
        filters.append(np.reshape(weights, (WINDOW, WINDOW)))
    titles = [f"filter {i + 1}" for i in range(FILTERS)]
    draw_grids(filters, titles, _FILTERS, folder, signed=True)

    names = ["image", *(f"map {i + 1}" for i in range(FILTERS))]
    for pixels, picture in ((still, _MAPS), (moved, _MOVED)):
        # Before pooling, which would hide that the maps move with the image.
        with no_grad():
            maps = convolution(reshape(pixels))
        draw_grids([pixels.reshape(SIDE, SIDE), *maps], names, picture, folder)


def margin(model: Sequential, pixels: Any, digit: int) -> Value:
    """Compute the lead of the right digit over the best of the others, with gradients."""
    answers = model(pixels)
    others = [other for other in range(len(answers)) if other != digit]
    rival = max(others, key=lambda other: answers[other].data)

    ahead: Value = answers[digit] - answers[rival]
    answers[digit].label = f"is {digit}"
    answers[rival].label = f"or {rival}"
    ahead.label = f"{digit} over {rival}"
    model.zero_grad()
    ahead.backward()
    return ahead


def run(folder: Path, quick: bool = False) -> Story:
    """Train both networks, and test both on held-out images as they are and moved."""
    classes, count, epochs, held_out = QUICK if quick else FULL
    images = images_of(classes, count, held_out)
    models = networks(classes)
    numbers = []
    read = {}
    for name, model in models.items():
        adam = Adam(model.parameters(), 0.015)
        fit(
            model,
            images.train,
            images.digits,
            loss="cross_entropy",
            optimizer=adam,
            epochs=epochs,
            batch_size=8,
            metrics=["accuracy"],
        )
        read[name] = [
            right(model, x, images.held_out_digits) for x in (images.held_out, images.moved)
        ]
        still, moved = (f"{sum(found) / held_out:.1%}" for found in read[name])
        size = f"{len(model.parameters())} parameters"
        say(
            f"{name}: {size}, reads {still} of {held_out} held-out images, {moved} of them one "
            "pixel to the right"
        )
        numbers += [
            (f"the {name} has", size),
            (f"read by the {name}", still),
            (f"read by the {name}, one pixel to the right", moved),
        ]

    # After a short training there may be no such image; the first is as good as any then.
    outcomes = list(zip(*read["layer"], *read["convolution"], strict=True))
    which = outcomes.index(TELLING) if TELLING in outcomes else 0
    draw(models["convolution"], images.held_out[which], images.moved[which], folder)
    ahead = margin(models["convolution"], images.moved[which], int(images.held_out_digits[which]))
    say(
        "the moved image drawn is the first that only the convolution reads (or the first of "
        f"all): {ahead.label} by {ahead.data:.2f}"
    )
    title = f"The convolution sees a moved digit: {ahead.label}"
    viz.draw(ahead, level="neurons", title=title).save(folder / _NEURONS.file)

    setting = (
        f"0 to {classes - 1}: trained on the first {count:,}, {epochs} times, tested on the "
        f"last {held_out}"
    )
    numbers.append(("digits", setting))
    return Story(
        "convolution",
        "A convolution: the same eyes at every place",
        _TEXT,
        tuple(numbers),
        (_FILTERS, _MAPS, _MOVED, _NEURONS),
    )


_TEXT = (
    "A layer has a weight for every pixel and every digit. A convolution moves six filters of "
    "nine weights each over the whole image.",
    "Both learn from the same handwritten digits, and both read most of those that were held out. "
    "Then the same images are moved by one pixel, which no reader would notice. The layer sees "
    "its pixels in the wrong places; the filters meet the same strokes next door.",
)
_FILTERS = Picture(
    "convolution-filters.svg",
    "Six squares of three by three weights, blue above zero and orange below.",
    "What the filters look for: ink on blue, paper on orange. Some have become detectors of an "
    "edge or a stroke in one direction.",
)
_MAPS = Picture(
    "convolution-maps.svg",
    "A handwritten digit, and six maps of six by six places, dark where a filter answers.",
    "An image that was held out, and where each of the six filters answers.",
)
_MOVED = Picture(
    "convolution-moved.svg",
    "The same digit one pixel to the right, and its six maps, which have moved with it.",
    "The same image one pixel to the right: the maps have moved with it.",
)
_NEURONS = Picture(
    "convolution-neurons.svg",
    "The network as columns: pixels, places of the filters, pooled maxima, two answers and their "
    "difference, with gradients on the lines.",
    "The gradient of the right answer over its rival. Each pooled number passes it on to the one "
    "place that was largest.",
)

if __name__ == "__main__":
    run_alone(run, "convolution")
