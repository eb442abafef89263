"""Handwritten digits: a 64-16-10 network reads real images; gradients explain a mistake."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import viz
from demos.gallery import ACROSS, Explorer, Picture, Story, explored, run_alone, say
from demos.listing import list_code
from scalargrad import Value
from scalargrad.compiler import compile
from scalargrad.nn import MLP
from scalargrad.optim import SGD, CosineDecay
from scalargrad.training import History, fit
from viz.plots import new_axes, plot_grid, save_plot

SIDE = 8
CLASSES = 10
BATCH = 10
RATE = 0.3
TRAINED = 1000
HELD_OUT = 797
"""The first 1,000 of the 1,797 images are for training, the last 797 only for the test."""
EPOCHS = 10

Sample = tuple[list[float], int]


@dataclass(frozen=True)
class Mistake:
    """An image that was misread.

    Attributes:
        pixels: The image, with the gradient of `margin`.
        truth: The digit that it shows.
        answer: The digit that the network said.
        margin: The logit of the answer minus that of the truth.
    """

    pixels: list[Value]
    truth: int
    answer: int
    margin: Value


def digits() -> list[Sample]:
    """Return the 1,797 images of 8 × 8 pixels that scikit-learn ships, each with its digit.

    Pixels go from 0 (paper) to 1 (ink).
    """
    from sklearn.datasets import load_digits

    # scikit-learn's pixels are counts from 0 to 16.
    images, labels = load_digits(return_X_y=True)
    return list(zip((images / 16.0).tolist(), labels.tolist(), strict=True))


def train(model: MLP, samples: list[Sample], epochs: int = EPOCHS) -> History:
    """Train by stochastic gradient descent in batches of ten; the rate falls to a tenth."""
    images, labels = zip(*samples, strict=True)
    optimizer = SGD(model.parameters(), RATE)

    # Batches of ten disagree to the end: a rate that falls lets the weights settle.
    decay = CosineDecay(optimizer, epochs, min_lr=RATE / 10)

    return fit(
        model,
        images,
        labels,
        loss="cross_entropy",
        optimizer=optimizer,
        epochs=epochs,
        batch_size=BATCH,
        callbacks=[decay],
    )


def answers(model: MLP, samples: list[Sample]) -> list[tuple[int, float]]:
    """Ask the network about each image.

    Returns:
        For each image its answer, and by how much it prefers that to the right digit (0 where it
        is right).
    """
    images, truths = zip(*samples, strict=True)
    # All images at once: compiled, a network reads hundreds of them in a few milliseconds.
    logits = compile(model, model, inputs=(SIDE * SIDE,))(np.array(images))
    margins = logits.max(axis=1) - logits[range(len(truths)), truths]
    return list(zip(logits.argmax(axis=1).tolist(), margins.tolist(), strict=True))


def worst(model: MLP, samples: list[Sample]) -> Mistake:
    """Explain the image that the network misreads most surely, or the first if none is wrong."""
    margins = [margin for _, margin in answers(model, samples)]
    image, truth = samples[margins.index(max(margins))]
    return explain(model, image, truth)


def explain(model: MLP, image: list[float], truth: int) -> Mistake:
    """Backpropagate wrong logit minus right logit to every pixel."""
    model.zero_grad()

    # Leaves of the graph, so that the pixels get gradients too, not only the parameters.
    pixels = []
    for i, ink in enumerate(image):
        row, column = divmod(i, SIDE)
        pixels.append(Value(ink, label=f"{row},{column}"))
    logits = model(pixels)

    # The best of the other digits, so that there is a rival even where the network is right.
    others = [digit for digit in range(CLASSES) if digit != truth]
    answer = max(others, key=lambda digit: logits[digit].data)

    margin = logits[answer] - logits[truth]
    logits[answer].label = f"says {answer}"
    logits[truth].label = f"is {truth}"
    margin.label = f"{answer} over {truth}"
    margin.backward()
    return Mistake(pixels, truth, answer, margin)


def draw_mistake(mistake: Mistake, folder: Path) -> Explorer:
    """Draw the image, the gradient on its pixels and the layers; save a page to explore."""
    image, slopes = new_axes(2, width=7.1, height=3.7)
    plot_grid(_rows([pixel.data for pixel in mistake.pixels]), image)
    plot_grid(_rows([pixel.grad for pixel in mistake.pixels]), slopes, signed=True)
    image.set_title(f"it is a {mistake.truth}")
    slopes.set_title(f"more ink: {mistake.answer} (blue) or {mistake.truth} (orange)")
    heading = f"A {mistake.truth} that was read as a {mistake.answer}"
    save_plot(image, folder / "digits-pixels.svg", heading, _pixels(mistake).alt)

    title = f"Why {mistake.answer} and not {mistake.truth}: the gradient of their difference"
    viz.draw(mistake.margin, level="layers", title=title, width=ACROSS).save(
        folder / "digits-layers.svg"
    )
    return explored(mistake.margin, folder / "digits-explore.html", title)


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Train, test on images that were held out, and explain the worst mistake.

    Compiled it takes a second: quick and full are the same.
    """
    samples = digits()
    model = MLP(SIDE * SIDE, [16, CLASSES], activation="relu", seed=0)
    losses = train(model, samples[:TRAINED])["loss"]

    held_out = samples[-HELD_OUT:]
    pairs = zip(answers(model, held_out), held_out, strict=True)
    right = sum(answer == digit for (answer, _), (_, digit) in pairs)
    say(
        f"test: {right} of {HELD_OUT} images that were held out are read correctly "
        f"({right / HELD_OUT:.1%})"
    )

    # Among held-out images only: those of the training may have been learned by heart.
    mistake = worst(model, held_out)
    say(f"the worst mistake: a {mistake.truth} read as a {mistake.answer}")
    page = draw_mistake(mistake, folder)
    numbers = (
        ("parameters", f"{len(model.parameters()):,}"),
        ("images used for training", f"the first {TRAINED:,}, {EPOCHS} times each"),
        ("mean loss of the first epoch", f"{losses[0]:.4f}"),
        ("mean loss of the last epoch", f"{losses[-1]:.4f}"),
        ("images held out for the test", f"the last {HELD_OUT}"),
        ("read correctly", f"{right} of {HELD_OUT} ({right / HELD_OUT:.1%})"),
    )
    return Story(
        "digits",
        "Handwritten digits: why one was misread",
        _TEXT,
        numbers,
        (_pixels(mistake), _layers(mistake)),
        (page,),
        code=list_code(explain),
    )


def _rows(numbers: list[float]) -> list[list[float]]:
    return [numbers[i : i + SIDE] for i in range(0, len(numbers), SIDE)]


def _pixels(mistake: Mistake) -> Picture:
    return Picture(
        "digits-pixels.svg",
        f"Left: the image of a handwritten {mistake.truth}, 8 by 8 pixels. Right: for each pixel "
        f"the gradient of the network's preference for {mistake.answer} over {mistake.truth}.",
        f"A {mistake.truth} that was read as a {mistake.answer}. More ink on a blue pixel would "
        f"speak for {mistake.answer}, on an orange one for {mistake.truth}.",
    )


def _layers(mistake: Mistake) -> Picture:
    return Picture(
        "digits-layers.svg",
        "The network layer by layer: the image with its gradient, the 16 hidden neurons with maps "
        "and histograms of their weights and of the gradients on them, and the answers "
        f"{mistake.answer} and {mistake.truth} with the difference of the two.",
        "The same gradient on its way back, all weights of a layer in one map. A row of the lower "
        "map that is white belongs to a neuron whose output is 0: relu has switched it off, and "
        "nothing flows through it.",
    )


_TEXT = (
    "Real input: 1,797 handwritten digits of 8 × 8 pixels that come with scikit-learn. A network "
    "of 64, 16 and 10 units learns from the first 1,000, written one scalar at a time and trained "
    "compiled; the last 797 are held out and only used to test it.",
    "It does not read them all. The pictures show the mistake that it was surest of, "
    "and the gradient of the wrong answer's logit minus the right one's: the direction in which "
    "each number would have to move to make things worse, or better.",
)

if __name__ == "__main__":
    run_alone(run, "digits")
