"""Convolution: six small windows that move over a digit, against a layer that knows each pixel by its place."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import viz
from scalargrad import Value, no_grad
from scalargrad.data import shift
from scalargrad.nn import Conv, Flatten, Layer, MaxPool, Module, Reshape, Sequential
from scalargrad.optim import Adam
from scalargrad.training import METRICS, fit
from viz.plots import new_axes, plot_grid, save_plot

from .gallery import Picture, Story, run_alone, say

SIDE, FILTERS, WINDOW, POOL = 8, 6, 3, 3
FULL, QUICK = (10, 1000, 5, 797), (4, 100, 3, 60)
"""Digits from 0 up to which; how many of the first images are for training, how often each; how many of the last are held out."""


@dataclass
class Images:
    """Images of 64 numbers from 0 (paper) to 1 (ink), each with its digit, to train on and held out; the latter once more, moved."""

    train: Any
    digits: Any
    held_out: Any
    held_out_digits: Any
    moved: Any

    @classmethod
    def of(cls, classes: int, count: int, held_out: int) -> "Images":
        """From the 1,797 images that scikit-learn ships; moved is one pixel to the right."""
        from sklearn.datasets import load_digits

        pixels, digits = load_digits(return_X_y=True)
        pixels, digits = pixels[digits < classes] / 16.0, digits[digits < classes]
        last = pixels[-held_out:]
        return cls(pixels[:count], digits[:count], last, digits[-held_out:], shift(last, SIDE, SIDE, right=1))


def networks(classes: int) -> dict[str, Sequential]:
    """A layer from every pixel to every digit, and a convolution, whose filters have only nine weights each."""
    places = ((SIDE - WINDOW + 1) // POOL) ** 2
    last = Layer(FILTERS * places, classes, activation=None, initialiser="xavier", seed=1)
    return {
        "layer": Sequential(Layer(SIDE * SIDE, classes, activation=None, initialiser="xavier", seed=1)),
        "convolution": Sequential(Reshape(1, SIDE, SIDE), Conv(1, FILTERS, WINDOW, seed=0), MaxPool(POOL), Flatten(), last),
    }


def scores(model: Module, pixels: Any) -> list[float]:
    """One number for each digit; the largest is the answer."""
    with no_grad():
        return [score.data for score in model(pixels)]


def accuracy(model: Module, images: Any, digits: Any) -> float:
    """The share of images that are read correctly."""
    return sum(METRICS["accuracy"](scores(model, image), digit) for image, digit in zip(images, digits, strict=True)) / len(digits)


def train(model: Module, images: Images, epochs: int) -> None:
    """Adam over batches of eight, on the cross-entropy of the scores."""
    fit(
        model,
        images.train,
        images.digits,
        loss="cross_entropy",
        optimiser=Adam(model.parameters(), 0.015),
        epochs=epochs,
        batch_size=8,
        metrics=["accuracy"],
    )


def telling(models: dict[str, Sequential], images: Images) -> int:
    """The first held-out image that both read, but only the convolution after the move; 0 if there is none."""
    for i, digit in enumerate(images.held_out_digits):
        right = {
            name: [METRICS["accuracy"](scores(model, x[i]), digit) for x in (images.held_out, images.moved)]
            for name, model in models.items()
        }
        if right == {"layer": [1.0, 0.0], "convolution": [1.0, 1.0]}:
            return i
    return 0


def draw_filters(model: Sequential, folder: Path) -> None:
    """The nine weights of each filter."""
    for i, (ax, filter) in enumerate(zip(axes := new_axes(FILTERS, width=7.8, height=1.7), model.steps[1].filters, strict=True)):
        plot_grid(rows([weight.data for weight in filter.weights], WINDOW), ax, signed=True)
        ax.set_title(f"filter {i + 1}", fontsize=10)
    save_plot(axes[0], folder / _FILTERS.file, "The filters", _FILTERS.alt)


def draw_maps(model: Sequential, pixels: Any, picture: Picture, folder: Path) -> None:
    """An image, and where each filter found what it looks for."""
    with no_grad():
        maps = model.steps[1](model.steps[0](pixels))
    axes = new_axes(FILTERS + 1, width=9.1, height=1.7)
    for i, (ax, grid) in enumerate(zip(axes, [rows(pixels, SIDE), *maps], strict=True)):
        plot_grid(grid, ax)
        ax.set_title(f"map {i}" if i else "image", fontsize=10)
    save_plot(axes[0], folder / picture.file, "Feature maps of a digit", picture.alt)


def rows(numbers: Any, length: int) -> list[Any]:
    """A flat list as rows."""
    return [numbers[i : i + length] for i in range(0, len(numbers), length)]


def margin(model: Sequential, pixels: Any, digit: int) -> Value:
    """By how much the right digit is ahead of the best of the others, with the gradient of that."""
    answers = model(pixels)
    rival = max((other for other in range(len(answers)) if other != digit), key=lambda other: answers[other].data)
    ahead: Value = answers[digit] - answers[rival]
    answers[digit].label, answers[rival].label, ahead.label = f"is {digit}", f"or {rival}", f"{digit} over {rival}"
    model.zero_grad()
    ahead.backward()
    return ahead


def run(folder: Path, quick: bool = False) -> Story:
    """Train both on the same images, test both on others, then on the same others moved by one pixel."""
    classes, count, epochs, held_out = QUICK if quick else FULL
    images, models, numbers = Images.of(classes, count, held_out), networks(classes), []
    for name, model in models.items():
        train(model, images, epochs)
        size = len(model.parameters())
        still, moved = (accuracy(model, x, images.held_out_digits) for x in (images.held_out, images.moved))
        say(f"{name}: {size} parameters, reads {still:.1%} of {held_out} held-out images, {moved:.1%} of them one pixel to the right")
        numbers += [(f"parameters of the {name}", f"{size}"), (f"read by the {name}", f"{still:.1%}")]
        numbers += [(f"read by the {name}, one pixel to the right", f"{moved:.1%}")]
    model, which = models["convolution"], telling(models, images)
    draw_filters(model, folder)
    draw_maps(model, images.held_out[which], _MAPS, folder)
    draw_maps(model, images.moved[which], _MOVED, folder)
    ahead = margin(model, images.moved[which], int(images.held_out_digits[which]))
    say(f"the moved image drawn is the first that only the convolution reads (or the first of all): {ahead.label} by {ahead.data:.2f}")
    viz.draw(ahead, level="neurons", title=f"The convolution sees a moved digit: {ahead.label}").save(folder / _NEURONS.file)
    numbers += [
        ("images to train on", f"the first {count:,} of the digits 0 to {classes - 1}, {epochs} times each"),
        ("images held out", f"the last {held_out}"),
    ]
    return Story("convolution", "A convolution: the same eyes at every place", _TEXT, tuple(numbers), (_FILTERS, _MAPS, _MOVED, _NEURONS))


_TEXT = (
    "A layer has a weight for every pixel and every digit: it knows where ink should be. A convolution has six filters of nine weights, "
    "and moves each over the whole image; the largest answer in each quarter is what the last layer sees.",
    "Both learn from the same handwritten digits, and both read most of those that were held out. Then the same images are moved by one "
    "pixel, which no reader would notice. The layer sees its pixels in the wrong places; the filters meet the same strokes next door.",
)
_FILTERS = Picture(
    "convolution-filters.svg",
    "Six squares of three by three weights, blue above zero and orange below.",
    "What the filters look for: ink on blue, paper on orange. Some have become detectors of an edge or a stroke in one direction.",
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
    "The network as columns: pixels, places of the filters, pooled maxima, two answers and their difference, with gradients on the lines.",
    "The gradient of the right answer over its rival. Each pooled number passes it on to the one place that was largest.",
)

if __name__ == "__main__":
    run_alone(run, "convolution")
