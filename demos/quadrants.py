"""Four quadrants: two layers by hand, and a network that learns from four points.

First an exercise on paper: two inputs, two layers of two neurons, all weights given. A neuron
multiplies, adds, and cuts off what is below 0. The answers are 46 and 0.

The cut is what makes two layers more than one. Without it the answer is a linear function of the
inputs, however many layers there are: its slope is the same at every point.

A network for four classes gives four scores, and the largest wins. Softmax turns them into
probabilities in three steps: e to the power of each score, the sum of these powers, each power
divided by the sum.

How bad is a probability of 90 % for the right class? 1 − p comes to mind first: 0.1. But where the
network is sure and wrong, the slope of 1 − p almost vanishes; that of −log p is largest there. A
tutorial puts −log 0.9 at 0.046, the logarithm to base 10; the natural one, used here, is 0.105.
They differ by the factor ln 10, so that a network trained with the natural one at a rate of 0.1 is
the network trained with the other at 0.1 · ln 10.

The training set is four points, one in each quadrant, and the question is where (2, 2) belongs.
Four points settle that, and most of the plane, but not where exactly the borders run: 150 points at
random do better there.
"""

from functools import partial
from math import e, exp, log
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

import viz
from demos.gallery import ACROSS, decimals, explored, in_training, run_alone, say_all, told
from demos.listing import list_code
from demos.story import Explorer, Picture, Story
from scalargrad import Value, backward, softmax, value_and_grad
from scalargrad.compiler import Compiled, compile
from scalargrad.core.names import ActivationName
from scalargrad.data import one_hot, quadrants
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP, Layer, given
from scalargrad.optim import SGD
from scalargrad.training import History, fit
from viz.plots import new_axes, plot_class_regions, save_plot

NAMES = ("I", "II", "III", "IV")
POINTS = [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]
"""The four points of the training set, one in each quadrant, in the order of NAMES."""
NEW_POINT = [2.0, 2.0]
RANDOM = 150
FRESH = 1000
REACH = 3.0
RATE = 0.1
STEPS = 100
FULL = 100
QUICK = 10
"""Seeds that each training set is tried with."""
SCORES = [3.0, 1.0, 0.1, 0.5]
SURE = (0.90, 0.05, 0.02, 0.03)
SPLIT = (0.25, 0.25, 0.25, 0.25)
BELIEFS = (("sure and right", SURE, 0), ("no idea", SPLIT, 1), ("sure and wrong", SURE, 2))
"""Three samples: what a network believes about four classes, and which is the right one."""


class Belief(NamedTuple):
    """One sample on paper: four probabilities, and two losses with the gradients of the logits."""

    name: str
    probabilities: list[float]
    loss: float
    slopes: list[float]
    naive_loss: float
    naive_slopes: list[float]


def exercise() -> tuple[list[Value], list[Value]]:
    """Compute the two-layer exercise: hidden numbers 8 and 3, answers 46 and 0."""
    first = Layer(
        2, 2, initializer=given([[1.0, -1.0], [2.0, 0.0]]), bias_initializer=given([[9.0], [-3.0]])
    )
    second = Layer(
        2, 2, initializer=given([[4.0, 3.0], [-2.0, 1.0]]), bias_initializer=given([[5.0], [0.0]])
    )
    hidden = first([Value(3.0, label="x1"), Value(4.0, label="x2")])
    answers = second(hidden)
    for value, label in zip([*hidden, *answers], ("n1", "n2", "n3", "n4"), strict=True):
        value.label = label

    backward(answers)
    return hidden, answers


def slope_spread(sizes: list[int], activation: ActivationName | None) -> float:
    """Return by how much the slopes of a network's answers differ between points of the plane."""
    # Orthogonal weights keep the slope of a hundred layers from vanishing or exploding.
    model = MLP(2, sizes, activation=activation, initializer="orthogonal", seed=0)
    points, _ = quadrants(50, reach=REACH)
    (slopes,) = compile(model, model, inputs=(2,)).jacobian(points)
    return float(np.ptp(slopes, axis=0).max())


def softmax_in_steps(scores: list[float]) -> tuple[list[float], float, list[float]]:
    """Return the three steps of softmax: the powers of e, their sum, and the probabilities."""
    powers = [exp(score) for score in scores]
    total = sum(powers)
    return powers, total, [power / total for power in powers]


def one_minus(logits: list[Value], right: int) -> Value:
    """Compute the first loss that comes to mind: 1 minus the probability of the right class."""
    loss: Value = 1.0 - softmax(logits)[right]
    return loss


def on_paper() -> list[Belief]:
    """Compute −log p and 1 − p of the three beliefs, with gradients."""
    beliefs = []
    for name, believed, right in BELIEFS:
        # The softmax of logarithms of probabilities is these probabilities.
        logits = [log(probability) for probability in believed]
        probabilities = softmax(logits)
        loss, slopes = value_and_grad(cross_entropy)(logits, right)
        naive_loss, naive_slopes = value_and_grad(one_minus)(logits, right)
        beliefs.append(Belief(name, probabilities, loss, slopes, naive_loss, naive_slopes))
    return beliefs


def scaled_cross_entropy(logits: list[Value], target: list[Value], base: float) -> Value:
    """Compute the cross-entropy with logarithms to a base."""
    loss: Value = cross_entropy(logits, target) / log(base)
    return loss


def train(
    points: ArrayLike = POINTS, classes: ArrayLike = (0, 1, 2, 3), seed: int = 0, base: float = e
) -> tuple[MLP, History]:
    """Train the 2-50-4 network by a hundred steps of gradient descent on all points."""
    model = MLP(2, [50, 4], activation="relu", seed=seed)
    history = fit(
        model,
        points,
        one_hot(classes, 4),
        loss=partial(scaled_cross_entropy, base=base),
        # A loss in another unit needs a rate in that unit.
        optimizer=SGD(model.parameters(), RATE * log(base)),
        epochs=STEPS,
        batch_size=None,
        progress=False,
    )
    return model, history


def classifier(model: MLP) -> Compiled:
    """Compile the probability of each quadrant, for many points at once."""
    return compile(lambda point: softmax(model(point)), model, inputs=(2,))


def classify(program: Compiled, point: list[float]) -> list[float]:
    """Return the probability of each quadrant at one point."""
    probabilities: list[float] = program([point])[0].tolist()
    return probabilities


def census(points: ArrayLike, classes: ArrayLike, seeds: int) -> tuple[list[float], list[float]]:
    """Train with several seeds.

    Returns:
        The probability that each network gives to quadrant I at the new point, and the share of
        fresh points that it puts where they belong.
    """
    fresh, quarters = quadrants(FRESH, seed=1, reach=REACH)
    inside = []
    accuracies = []
    for seed in range(seeds):
        model, _ = train(points, classes, seed)
        program = classifier(model)
        inside.append(classify(program, NEW_POINT)[0])
        accuracies.append(float(np.mean(program(fresh).argmax(axis=1) == quarters)))
    return inside, accuracies


def summary(inside: list[float], accuracies: list[float]) -> str:
    """Say what the networks of a census make of the new point, and of fresh ones."""
    right = sum(probability > 0.5 for probability in inside)
    return (
        f"(2, 2) is in quadrant I for {right} of {len(inside)} seeds, with a doubt of at most "
        f"{1.0 - min(inside):.0e}; {median(accuracies):.1%} of fresh points are right"
    )


def draw(few: MLP, many: MLP, folder: Path) -> None:
    """Draw the exercise as cards, and the plane as two networks see it."""
    _, answers = exercise()
    # All neurons are open: every product and sum is a line of the exercise.
    title = "Two layers by hand: 46 and 0"
    cards = viz.draw(answers, level="cards", expand="*", title=title, width=ACROSS)
    cards.save(folder / _EXERCISE.file)

    X, y = quadrants(RANDOM, reach=REACH)  # noqa: N806
    axes = new_axes(2, width=11.0, height=5.2)
    titles = ("learned from the four ringed points", f"learned from these {RANDOM} points")
    for ax, model, title in zip(axes, (few, many), titles, strict=True):
        predict = partial(classify, classifier(model))
        plot_class_regions(predict, X.tolist(), y.tolist(), ax, names=NAMES)
        ax.plot(*NEW_POINT, marker="*", markersize=15, color="white", markeredgecolor="black")
        ax.set_title(title, pad=26.0)
    for x0, x1 in POINTS:
        axes[0].plot(x0, x1, "o", markersize=13, fillstyle="none", color="black")
    save_plot(axes[0], folder / _REGIONS.file, "Four quadrants", _REGIONS.alt)


def paper_numbers() -> list[tuple[str, str]]:
    """Return the numbers that need no training, each with what it is."""
    hidden, answers = exercise()
    # An answer is the relu of a sum: its only operand is what was cut off.
    (cut,) = answers[1].args
    powers, total, probabilities = softmax_in_steps(SCORES)
    numbers = [
        ("the exercise: n1, n2", f"{hidden[0].data:g}, {hidden[1].data:g}"),
        ("the exercise: n3, n4", f"{answers[0].data:g}, {answers[1].data:g}"),
        ("n4 before the cut", f"{cut.data:g}".replace("-", "−")),
        ("spread of the slopes: two layers, no cut", f"{slope_spread([50, 4], None):g}"),
        ("a hundred layers, no cut", f"{slope_spread([4] * 100, None):g}"),
        ("two layers with relu", f"{slope_spread([50, 4], 'relu'):.2f}"),
        ("four scores", ", ".join(f"{score:g}" for score in SCORES)),
        ("softmax, step 1: e to the power of each", ", ".join(f"{x:.3f}" for x in powers)),
        ("step 2: their sum", f"{total:.3f}"),
        ("step 3: each divided by the sum", ", ".join(f"{p:.3f}" for p in probabilities)),
    ]
    for belief, (_, _, right) in zip(on_paper(), BELIEFS, strict=True):
        shown = ", ".join(f"{p:.0%}" for p in belief.probabilities)
        slopes = ", ".join(map(decimals, belief.slopes))
        naive_slope = decimals(belief.naive_slopes[right])
        numbers += [
            (f"{belief.name} ({shown}): −log p", f"{belief.loss:.4f}, slopes {slopes}"),
            ("1 − p", f"{belief.naive_loss:.2f}, slope of the right class {naive_slope}"),
        ]
    return numbers


def run(folder: Path, quick: bool = False) -> Story:
    """Work on paper, then train on four points and on many, ask about a new one, and draw."""
    seeds = QUICK if quick else FULL
    numbers = paper_numbers()
    # The same beginning, once in each unit of the loss.
    few, history = train()
    tens, _ = train(base=10.0)
    pairs = zip(few.parameters(), tens.parameters(), strict=True)
    difference = max(abs(natural.data - other.data) for natural, other in pairs)
    numbers += [
        ("−log 0.9: natural, to base 10", f"{-log(0.9):.4f}, {-log(0.9, 10):.4f}"),
        ("trained with either: largest difference of weights", f"{difference:.0e}"),
        ("loss of the four points at first", f"{history['loss'][0]:.3f}"),
        (f"loss in step {STEPS}, lower with each step", f"{history['loss'][-1]:.4f}"),
    ]

    # Both training sets get the same network, rate and steps: only the points differ.
    points, classes = quadrants(RANDOM, reach=REACH)
    many, _ = train(points, classes)
    numbers.append(("trained on four points", summary(*census(POINTS, range(4), seeds))))
    numbers.append((f"trained on {RANDOM} points", summary(*census(points, classes, seeds))))
    say_all(numbers)

    draw(few, many, folder)
    _, answers = exercise()
    explorer = explored(answers, folder / "quadrants-explore.html", "two layers by hand")
    pictures = (_EXERCISE, _REGIONS)
    title = "Four quadrants: two layers by hand, four points to learn from"
    pages = (explorer, _page_that_trains(points, classes, folder))
    code = list_code(exercise, train)
    return Story("quadrants", title, told(__doc__), tuple(numbers), pictures, pages, code)


def _page_that_trains(points: ArrayLike, classes: ArrayLike, folder: Path) -> Explorer:
    # Eight hidden neurons in place of fifty: each of them can be seen.
    model = MLP(2, [8, 4], activation="relu", seed=0)
    data = (points, one_hot(classes, 4))
    page = folder / "quadrants-train.html"
    options = {"loss": cross_entropy, "optimizer": SGD(model.parameters(), RATE)}
    return in_training(model, data, page, "Four quadrants", **options)


_EXERCISE = Picture(
    "quadrants-exercise.svg",
    "Cards of all products and sums of the two layers: inputs 3 and 4, hidden numbers 8 and 3, "
    "answers 46 and 0.",
    "max(3·1 + 4·(−1) + 9, 0) = 8 and max(3·2 + 4·0 − 3, 0) = 3. Then 8·4 + 3·3 + 5 = 46, and "
    "8·(−2) + 3·1 + 0 = −13, of which relu makes 0.",
)
_REGIONS = Picture(
    "quadrants-regions.svg",
    "The plane in four colors, twice, with 150 points on top, each quadrant with its own mark. "
    "Left the network that saw only the four ringed points, right the one that saw the 150. A "
    "star marks (2, 2), in the region of quadrant I on both sides.",
    "Which quadrant wins where, deeper in color where the network is surer. Four points fix the "
    "regions, but not their borders: on the left these lean, on the right the points near the "
    "axes hold them.",
)

if __name__ == "__main__":
    run_alone(run, "quadrants")
