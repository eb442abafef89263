"""A hundred steps: why the network gives the same answer for every picture.

A tutorial that works out all gradients numerically trains 784 pixels, 100 sigmoids and 10 outputs
for a hundred steps of one picture each, at a rate of 0.1 and from weights near 0. It reads 3 digits
right afterwards, and finds a hundred steps too few. Backpropagation takes the same steps in a
second, so they can be taken many times, from other weights and in another order.

A hundred steps are too few indeed, and there is more to see: the network gives the same answer for
nearly every picture. With weights near 0 every hidden unit outputs about a half, whatever it is
shown. A step for one picture then moves the outputs for all pictures nearly alike, up for its own
digit and down for the others. So the answer is a digit that was shown lately, and seldom the one
that was shown most often.

The same hundred pictures shown again and again make the hidden units differ, and the network reads.
One picture shown again and again does not: whatever it is shown, it answers with that one digit.
"""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
from numpy.typing import NDArray

from demos.gallery import Explorer, Picture, Story, explored, run_alone, say_all, told
from demos.listing import list_code
from demos.numerical import STEPS, network
from scalargrad import Value, no_grad
from scalargrad import compile as compile_graph
from scalargrad.data import epoch_order, read_mnist_csv, split
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP
from scalargrad.optim import SGD
from scalargrad.training import fit
from viz.plots import new_axes, plot_grid, plot_table, save_plot

Array = NDArray[Any]

RATE = 0.1
ROUNDS = 30
FULL = 40
QUICK = 5
"""The learning rate, how often the hundred pictures are shown in the end, and seeds to try."""
TEST_FILE = "mnist_test_10.csv"


def pictures(data: Path | None) -> list[Any]:
    """Return pictures to train on and to ask about, then the digits of both.

    They are scikit-learn's digits of 8 × 8 pixels, or the rows of a file of MNIST. The pictures to
    ask about are those of `mnist_test_10.csv` beside that file, or else some of its own.
    """
    from sklearn.datasets import load_digits

    if data is None:
        images, digits = load_digits(return_X_y=True)
        return list(split(images / images.max(), digits, test=0.2, seed=0))

    images, digits = read_mnist_csv(data)
    test = data.with_name(TEST_FILE)
    if not test.is_file() or test == data:
        return list(split(images, digits, test=0.2, seed=0))
    held, truths = read_mnist_csv(test)
    return [images, held, digits, truths]


def train(images: Array, digits: Array, order: Sequence[int], seed: int, epochs: int = 1) -> MLP:
    """Take a step of descent for one picture after the other, by backpropagation."""
    model = network(len(images[0]), 100, 10, seed=seed)
    fit(
        model,
        images[order],
        digits[order],
        loss="cross_entropy",
        optimizer=SGD(model.parameters(), RATE),
        epochs=epochs,
        batch_size=1,
        shuffle=False,
        progress=False,
    )
    return model


def read(model: MLP, images: Array) -> Array:
    """Return the outputs for each picture, (n, 10); the largest is the answer."""
    return numpy.asarray(compile_graph(model, model, inputs=(len(images[0]),))(images))


def hundred_steps(parts: list[Any], seed: int, shuffled: bool) -> SimpleNamespace:
    """Take the tutorial's hundred steps, and look at what the network says afterwards."""
    images, held, digits, truths = parts
    places = list(range(len(images)))
    if shuffled:
        places = [int(place) for place in epoch_order(len(images), seed)]
    order = places[:STEPS]
    model = train(images, digits, order, seed)
    outputs = read(model, held)
    answers = outputs.argmax(axis=1)

    shown = digits[order]
    counts = numpy.bincount(shown, minlength=10)
    answer = numpy.bincount(answers).argmax()
    return SimpleNamespace(
        model=model,
        order=order,
        outputs=outputs,
        answer=answer,
        alike=bool((answers == answer).all()),
        lately=answer in shown[-5:],
        frequent=counts[answer] == counts.max(),
        right=int((answers == truths).sum()),
        # How far the ten outputs are apart, and how much it matters which picture is shown.
        between=float(outputs.mean(axis=0).std()),
        within=float(outputs.std(axis=0).mean()),
    )


def draw(folder: Path, image: Array, answers: dict[str, dict[int, list[float]]]) -> None:
    """Draw the one picture, and what each network says to a picture of each digit."""
    seen, *tables = new_axes(1 + len(answers), width=11.2, height=3.5)
    side = round(len(image) ** 0.5)
    plot_grid(image.reshape(side, -1).tolist(), seen).set_title("the one picture")
    for ax, (title, rows) in zip(tables, answers.items(), strict=True):
        plot_table(rows, ax=ax).set(title=title, xlabel="what it says")
    tables[0].set_ylabel("what it is shown")
    save_plot(seen, folder / _ANSWERS.file, "What three networks say", _ANSWERS.alt)


def chances(outputs: Array, truths: Array) -> dict[int, list[float]]:
    """Return the softmax of the outputs for the first picture of each digit."""
    powers = numpy.exp(outputs)
    rows = powers / powers.sum(axis=1, keepdims=True)
    return {int(digit): rows[list(truths).index(digit)].tolist() for digit in sorted(set(truths))}


def run(folder: Path, quick: bool = False, data: Path | None = None) -> Story:
    """Take the hundred steps from many starts, then show one picture, and all of them, for long."""
    parts = pictures(data)
    images, held, digits, truths = parts
    seeds = QUICK if quick else FULL
    if data is not None:
        # Ten times as many weights; and the rows keep their order, so that the starts differ less.
        seeds = min(seeds, 4)
    trials = [hundred_steps(parts, seed, data is None) for seed in range(seeds)]

    first = trials[0].order
    outputs = {
        "that picture, 200 times": read(train(images, digits, [0] * 200, 0), held),
        f"{len(first)} pictures, once": trials[0].outputs,
        f"the same, {ROUNDS} times": read(train(images, digits, first, 0, ROUNDS), held),
    }
    draw(folder, images[0], {name: chances(found, truths) for name, found in outputs.items()})

    single, _, often = [found.argmax(axis=1) for found in outputs.values()]
    digit = digits[0]
    numbers = [
        *_summary(trials, len(truths)),
        _count(f"the pictures {ROUNDS} times, one start: read correctly", often == truths),
        _count(f"one {digit} 200 times: pictures read as {digit}", single == digit),
    ]
    say_all(numbers)
    title = "A hundred steps: one answer to every picture"
    return Story(
        "hundred",
        title,
        told(__doc__),
        tuple(numbers),
        (_ANSWERS,),
        (_page_to_explore(trials[0].model, held[0], int(truths[0]), folder),),
        list_code(train),
    )


def _page_to_explore(model: MLP, image: Array, digit: int, folder: Path) -> Explorer:
    """Save a page of the last layer alone: what comes into it is nearly a half, every time."""
    first, last = model.layers
    with no_grad():
        outputs = [output.data for output in first(image.tolist())]
    hidden = [Value(output, label=f"h{i}") for i, output in enumerate(outputs)]
    loss = cross_entropy(last(hidden), digit)
    loss.label = "loss"
    model.zero_grad()
    loss.backward()
    page = folder / "hundred-explore.html"
    return explored(loss, page, "the last layer, after a hundred pictures")


def _count(what: str, right: Array) -> tuple[str, str]:
    return what, f"{right.sum()} of {len(right)}"


def _summary(trials: list[SimpleNamespace], asked: int) -> list[tuple[str, str]]:
    answers = sorted({str(trial.answer) for trial in trials})
    right = sorted(trial.right for trial in trials)

    def count(what: str, holds: list[bool]) -> tuple[str, str]:
        return what, f"{sum(holds)} of {len(trials)}"

    return [
        count(
            f"networks that say one digit to all {asked} pictures",
            [trial.alike for trial in trials],
        ),
        ("the digits that they say", ", ".join(answers)),
        count("it is one of the last five shown", [trial.lately for trial in trials]),
        count("it is the one shown most often", [trial.frequent for trial in trials]),
        count(
            "outputs that differ more by digit than by picture",
            [trial.within < trial.between for trial in trials],
        ),
        (
            "pictures read correctly, where the tutorial counts 3",
            f"{right[0]} to {right[-1]} of {asked}",
        ),
    ]


_ANSWERS = Picture(
    "hundred-answers.svg",
    "A handwritten digit, and three tables of what networks say to one picture of each digit: "
    "after that picture alone, after a hundred pictures once, and after the hundred many times.",
    "A dark column is one answer to everything, a dark diagonal is reading. Each row is a picture "
    "that the network has not seen.",
)

if __name__ == "__main__":
    run_alone(run, "hundred")
