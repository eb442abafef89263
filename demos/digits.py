"""Handwritten digits: a 64-16-10 network learns to read real images, and gradients explain one of its mistakes."""

from dataclasses import dataclass
from pathlib import Path

import viz
from demos.gallery import Explorer, Picture, Story, explored, run_alone, say
from scalargrad import Value, no_grad
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
"""The first 1,000 images are for training; the other 797 of the 1,797 are never seen by it."""
FULL = (TRAINED, 10)
QUICK = (300, 4)
"""How many of the images for training are used, and how often each."""

Sample = tuple[list[float], int]


@dataclass(frozen=True)
class Mistake:
    """An image that was misread: what it is, what the network said, and how the pixels speak for the wrong answer."""

    pixels: list[Value]
    truth: int
    answer: int
    margin: Value


def digits() -> list[Sample]:
    """The 1,797 images of 8 × 8 pixels that scikit-learn ships, each with its digit; pixels from 0 (paper) to 1 (ink)."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return list(zip((images / 16.0).tolist(), labels.tolist(), strict=True))


def train(model: MLP, samples: list[Sample], epochs: int) -> History:
    """Stochastic gradient descent in batches of ten, with a rate that falls to a tenth."""
    rule, (images, labels) = SGD(model.parameters(), RATE), zip(*samples, strict=True)
    falling = CosineDecay(rule, epochs, min_lr=RATE / 10)
    return fit(
        model,
        images,
        labels,
        loss="cross_entropy",
        optimizer=rule,
        epochs=epochs,
        batch_size=BATCH,
        callbacks=[falling],
    )


def answers(model: MLP, samples: list[Sample]) -> list[tuple[int, float]]:
    """For each image what the network says, and by how much it prefers that to the right digit (0 where it is right)."""
    with no_grad():
        outputs = [[logit.data for logit in model(pixels)] for pixels, _ in samples]
    return [
        (row.index(max(row)), max(row) - row[digit])
        for row, (_, digit) in zip(outputs, samples, strict=True)
    ]


def worst(model: MLP, samples: list[Sample]) -> Mistake:
    """The image that the network misreads most surely, explained; if no answer is wrong, the first image."""
    margins = [margin for _, margin in answers(model, samples)]
    image, truth = samples[margins.index(max(margins))]
    return explain(model, image, truth)


def explain(model: MLP, image: list[float], truth: int) -> Mistake:
    """The gradient of wrong logit minus right logit, back to every pixel."""
    model.zero_grad()
    pixels = [Value(ink, label=f"{i // SIDE},{i % SIDE}") for i, ink in enumerate(image)]
    logits = model(pixels)
    answer = max(
        (digit for digit in range(CLASSES) if digit != truth), key=lambda digit: logits[digit].data
    )
    margin = logits[answer] - logits[truth]
    logits[answer].label = f"says {answer}"
    logits[truth].label = f"is {truth}"
    margin.label = f"{answer} over {truth}"
    margin.backward()
    return Mistake(pixels, truth, answer, margin)


def draw_mistake(mistake: Mistake, folder: Path) -> Explorer:
    """The image, the gradient on its pixels, the network as layers, and a page to explore it in."""
    image, slopes = new_axes(2, width=7.2, height=3.7)
    plot_grid(_rows([pixel.data for pixel in mistake.pixels]), image)
    plot_grid(_rows([pixel.grad for pixel in mistake.pixels]), slopes, signed=True)
    image.set_title(f"it is a {mistake.truth}")
    slopes.set_title(f"more ink: {mistake.answer} (blue) or {mistake.truth} (orange)")
    save_plot(
        image,
        folder / "digits-pixels.svg",
        f"A {mistake.truth} that was read as a {mistake.answer}",
        _pixels(mistake).alt,
    )
    title = f"Why {mistake.answer} and not {mistake.truth}: the gradient of their difference"
    viz.draw(mistake.margin, level="layers", title=title).save(folder / "digits-layers.svg")
    return explored(mistake.margin, folder / "digits-explore.html", title)


def run(folder: Path, quick: bool = False) -> Story:
    """Train, test on images that were held out, and explain the worst mistake."""
    count, epochs = QUICK if quick else FULL
    samples = digits()
    model = MLP(SIDE * SIDE, [16, CLASSES], activation="relu", seed=0)
    losses = train(model, samples[:count], epochs)["loss"]
    held_out = samples[-HELD_OUT:]
    right = sum(
        answer == digit
        for (answer, _), (_, digit) in zip(answers(model, held_out), held_out, strict=True)
    )
    say(
        f"test: {right} of {HELD_OUT} images that were held out are read correctly "
        f"({right / HELD_OUT:.1%})"
    )
    mistake = worst(model, held_out)
    say(f"the worst mistake: a {mistake.truth} read as a {mistake.answer}")
    page = draw_mistake(mistake, folder)
    numbers = (
        ("parameters", f"{len(model.parameters()):,}"),
        ("images used for training", f"the first {count:,}, {epochs} times each"),
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
    "of 64, 16 and 10 units learns from some of the first 1,000, one scalar at a time; the last "
    "797 are held out and only used to test it.",
    "No network of this size reads them all. The pictures show the mistake that it was surest of, "
    "and the gradient of the wrong answer's logit minus the right one's: the direction in which "
    "each number would have to move to make things worse, or better.",
)

if __name__ == "__main__":
    run_alone(run, "digits")
