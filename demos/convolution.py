"""Convolution: six small windows that move over a digit, against a layer of fixed pixels."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import viz
from demos.gallery import ACROSS, Picture, Story, explored, run_alone, say_all
from demos.listing import list_code
from scalargrad import Value, no_grad
from scalargrad.compiler import compile
from scalargrad.data import shift
from scalargrad.nn import Conv, Flatten, Layer, MaxPool, Module, Reshape, Sequential
from scalargrad.optim import Adam
from scalargrad.training import fit
from viz.plots import new_axes, plot_grid, save_plot

SIDE = 8
CLASSES = 10
FILTERS = 6
WINDOW = 3
POOL = 3
TRAINED = 1000
HELD_OUT = 797
"""Images for training, the first of 1,797, and for the test, the last."""
EPOCHS = 10
FULL = 10
QUICK = 2
"""Seeds of the initial weights of both networks."""

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Images(NamedTuple):
    """Images of 64 pixels from 0 (paper) to 1 (ink), with digits; the held-out ones also moved."""

    train: Array
    digits: NDArray[np.int64]
    held_out: Array
    held_out_digits: NDArray[np.int64]
    moved: Array


def load_images() -> Images:
    """Load the images that scikit-learn ships; `moved` is one pixel to the right."""
    from sklearn.datasets import load_digits

    table, digits = load_digits(return_X_y=True)
    pixels = table / 16.0
    held_out = pixels[-HELD_OUT:]
    moved = shift(held_out, SIDE, SIDE, right=1)
    return Images(pixels[:TRAINED], digits[:TRAINED], held_out, digits[-HELD_OUT:], moved)


def networks(seed: int) -> dict[str, Sequential]:
    """Build a layer from every pixel to every digit, and a convolution."""
    # A window of 3 fits at six places a side, and pooling keeps one of three.
    pooled = FILTERS * ((SIDE - WINDOW + 1) // POOL) ** 2
    plain = Layer(SIDE * SIDE, CLASSES, activation=None, initializer="xavier", seed=seed)
    last = Layer(pooled, CLASSES, activation=None, initializer="xavier", seed=seed)
    filters = Conv(1, FILTERS, WINDOW, seed=seed)
    convolution = Sequential(Reshape(1, SIDE, SIDE), filters, MaxPool(POOL), Flatten(), last)
    return {"layer": Sequential(plain), "convolution": convolution}


def train(model: Module, images: Images) -> None:
    """Train on the images where they are."""
    fit(
        model,
        images.train,
        images.digits,
        loss="cross_entropy",
        optimizer=Adam(model.parameters(), 0.015),
        epochs=EPOCHS,
        batch_size=8,
        progress=False,
    )


def right(model: Module, images: Array, digits: NDArray[np.int64]) -> Flags:
    """Return which images are read correctly: the largest score is the answer."""
    # Compiled, all images pass at once; a graph for each of them would take seconds.
    scores = compile(model, model, inputs=(SIDE * SIDE,))(images)
    return np.array(scores.argmax(axis=1) == digits)


def draw_grids(
    grids: list[Array], names: list[str], picture: Picture, folder: Path, signed: bool = False
) -> None:
    """Draw squares of numbers side by side."""
    axes = new_axes(len(grids), width=1.3 * len(grids), height=1.7)
    for ax, grid, name in zip(axes, grids, names, strict=True):
        plot_grid(grid.tolist(), ax, signed)
        ax.set_title(name, fontsize=10)
    save_plot(axes[0], folder / picture.file, picture.caption, picture.alt)


def draw(model: Sequential, still: Array, moved: Array, folder: Path) -> None:
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
            maps = [as_numbers(grid) for grid in convolution(reshape(pixels))]
        draw_grids([pixels.reshape(SIDE, SIDE), *maps], names, picture, folder)


def as_numbers(grid: list[list[Value]]) -> Array:
    """Return the numbers of a map."""
    numbers = [value.data for row in grid for value in row]
    return np.reshape(numbers, (len(grid), -1))


def margin(model: Sequential, pixels: Array, digit: int) -> Value:
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


def study(images: Images, seed: int) -> tuple[dict[str, Sequential], dict[str, list[Flags]]]:
    """Train both networks, and test both on held-out images as they are and moved."""
    models = networks(seed)
    read = {}
    for name, model in models.items():
        train(model, images)
        both = (images.held_out, images.moved)
        read[name] = [right(model, pixels, images.held_out_digits) for pixels in both]
    return models, read


def run(folder: Path, quick: bool = False) -> Story:
    """Compare both networks from several initial weights, and draw the first convolution."""
    images = load_images()
    beginnings = QUICK if quick else FULL
    tried = [study(images, seed) for seed in range(beginnings)]

    models, read = tried[0]
    numbers = [("images", f"{TRAINED:,} to learn from, {EPOCHS} times each; {HELD_OUT} held out")]
    for name, model in models.items():
        still, moved = (f"{found.mean():.1%}" for found in read[name])
        numbers += [
            (f"the {name} has", f"{len(model.parameters())} parameters"),
            (f"read by the {name}", still),
            (f"read by the {name}, one pixel to the right", moved),
        ]
    better = [wins(found) for _, found in tried]
    for what, won in zip(_WINS, zip(*better, strict=True), strict=True):
        numbers.append((what, f"{sum(won)} of {beginnings}"))
    say_all(numbers)

    which = telling(read)
    convolution = models["convolution"]
    draw(convolution, images.held_out[which], images.moved[which], folder)
    lead = margin(convolution, images.moved[which], int(images.held_out_digits[which]))
    title = f"The convolution sees a moved digit: {lead.label}"
    viz.draw(lead, level="neurons", title=title, width=ACROSS).save(folder / _NEURONS.file)
    return Story(
        "convolution",
        "A convolution: the same eyes at every place",
        _TEXT,
        tuple(numbers),
        (_FILTERS, _MAPS, _MOVED, _NEURONS),
        (explored(lead, folder / "convolution-explore.html", title),),
        list_code(networks),
    )


def wins(read: dict[str, list[Flags]]) -> tuple[bool, bool]:
    """Return whether the layer reads more images as they are, and the convolution more moved."""
    still, moved = (found.sum() for found in read["layer"])
    still_too, moved_too = (found.sum() for found in read["convolution"])
    return bool(still > still_too), bool(moved_too > moved)


def telling(read: dict[str, list[Flags]]) -> int:
    """Find an image that both networks read, and only the convolution when it is moved."""
    # If there were none, `argmax` would give the first image, which does as well for a picture.
    still, moved = read["layer"]
    still_too, moved_too = read["convolution"]
    return int(np.argmax(still & still_too & moved_too & ~moved))


_WINS = (
    "seeds with which the layer reads more images as they are",
    "seeds with which the convolution reads more moved images",
)
_TEXT = (
    "Images need no other model. A filter is still one neuron, Σ w·x + b: it sees nine pixels, and "
    "the same neuron is moved to each of 36 places. Written out, a convolution is a layer most of "
    "whose weights are zero, and the others are the same nine in every row. Six filters look for "
    "six things; the largest answer of nine neighbors goes on to a last layer.",
    "The rival is a layer with a weight for every pixel and every digit, twice as many in all. "
    "Both learn from the same handwritten digits. On held-out images as they are, the layer reads "
    "more of them. Then the images are moved by one pixel, which no reader would notice: the layer "
    "sees its pixels in the wrong places, while the filters meet the same strokes next door. The "
    "convolution falls less far, but it falls: its last layer still knows four fixed regions.",
)
_FILTERS = Picture(
    "convolution-filters.svg",
    "Six squares of three by three weights, blue above zero and orange below.",
    "What the filters look for: ink on blue, paper on orange.",
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
    "The gradient of the right answer over its rival. Each pooled number passes it on to the place "
    "that was largest, or in equal shares where several were.",
)

if __name__ == "__main__":
    run_alone(run, "convolution")
