"""Four quadrants: classification with four classes.

Cross-entropy on twelve numbers to check by hand, an exercise on paper, then a network.
"""

from math import log
from pathlib import Path
from typing import NamedTuple

import viz
from demos.gallery import Picture, Story, decimals, explored, run_alone, say
from scalargrad import Value, backward, no_grad, softmax
from scalargrad.data import quadrants
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP, Layer, given
from scalargrad.training import History, fit
from viz.plots import new_axes, plot_class_regions, plot_history, save_plot

NAMES = ("both above 0", "only x1 above 0", "both below 0", "only x0 above 0")
SAMPLES = 200
HELD_OUT = 0.25
REACH = 3.0
NEW_POINT = [2.0, 2.0]
FULL = 40
QUICK = 6
"""Epochs."""
SURE = (0.90, 0.05, 0.02, 0.03)
SPLIT = (0.25, 0.25, 0.25, 0.25)
BELIEFS = (("sure and right", SURE, 0), ("no idea", SPLIT, 1), ("sure and wrong", SURE, 2))
"""Three samples: what a network believes about four classes, and which is the right one."""


class Belief(NamedTuple):
    """One sample on paper: four probabilities, the loss, and the gradients of the logits."""

    name: str
    probabilities: list[float]
    loss: float
    slopes: list[float]


def on_paper() -> list[Belief]:
    """Compute the cross-entropy of the three beliefs, with gradients."""
    found = []
    for name, believed, right in BELIEFS:
        # The softmax of logarithms of probabilities is these probabilities.
        logits = [Value(log(probability)) for probability in believed]
        loss = cross_entropy(logits, right)
        loss.backward()

        probabilities = [p.data for p in softmax(logits)]
        slopes = [logit.grad for logit in logits]
        found.append(Belief(name, probabilities, loss.data, slopes))
    return found


def exercise() -> tuple[list[Value], list[Value]]:
    """Compute the two-layer exercise: hidden numbers 8 and 3, answers 46 and 0."""
    first = Layer(2, 2, initializer=given([[1.0, -1.0], [2.0, 0.0]]))
    # The exercise leaves the second layer's weights open: any that lead to its answers will do.
    second = Layer(2, 2, initializer=given([[5.0, 2.0], [-1.0, 2.0]]))
    for layer, biases in ((first, (9.0, -3.0)), (second, (0.0, 1.0))):
        for neuron, bias in zip(layer.neurons, biases, strict=True):
            neuron.bias.data = bias

    hidden = first([Value(3.0, label="x1"), Value(4.0, label="x2")])
    answers = second(hidden)
    for value, label in zip([*hidden, *answers], ("n1", "n2", "y1", "y2"), strict=True):
        value.label = label

    backward(answers)
    return hidden, answers


def train(epochs: int) -> tuple[MLP, History]:
    """Train the 2-50-4 network; a quarter of the samples is held out."""
    model = MLP(2, [50, 4], activation="relu", seed=0)
    X, y = quadrants(SAMPLES, seed=0, reach=REACH)  # noqa: N806
    history = fit(
        model,
        X,
        y,
        loss="cross_entropy",
        epochs=epochs,
        batch_size=10,
        validation=HELD_OUT,
        metrics="accuracy",
    )
    return model, history


def classify(model: MLP, point: list[float]) -> list[float]:
    """Return the probability of each quadrant."""
    with no_grad():
        return [p.data for p in softmax(model(point))]


def draw(model: MLP, history: History, folder: Path) -> None:
    """Draw the exercise as cards, the regions of the plane, and the losses."""
    _, answers = exercise()
    # All neurons are open: every product and sum is a line of the exercise.
    cards = viz.draw(answers, level="cards", expand="*", title="Two layers by hand: 46 and 0")
    cards.save(folder / _EXERCISE.file)

    X, y = quadrants(SAMPLES, seed=0, reach=REACH)  # noqa: N806
    regions, curves = new_axes(2, width=11.0, height=4.8)

    def predict(point: list[float]) -> list[float]:
        return classify(model, point)

    plot_class_regions(predict, X.tolist(), y.tolist(), regions, names=NAMES)
    plot_history(history, curves)
    save_plot(regions, folder / _REGIONS.file, "Four quadrants", _REGIONS.alt)


def run(folder: Path, quick: bool = False) -> Story:
    """Work on paper, then train, classify a new point, and draw."""
    numbers = []
    for belief in on_paper():
        shown = ", ".join(f"{p:.0%}" for p in belief.probabilities)
        slopes = ", ".join(map(decimals, belief.slopes))
        numbers.append((f"{belief.name} ({shown}): cross-entropy", f"{belief.loss:.4f}"))
        say(f"{belief.name:15} {shown:20} cross-entropy {belief.loss:.4f}, slopes {slopes}")

    hidden, answers = exercise()
    say(
        f"the exercise: n1, n2 = {hidden[0].data:g}, {hidden[1].data:g}; y1, y2 = "
        f"{answers[0].data:g}, {answers[1].data:g}"
    )

    model, history = train(QUICK if quick else FULL)
    accuracy = f"{history['validation_accuracy'][-1]:.0%}"
    numbers.append((f"held-out points on their side after {history.epochs} epochs", accuracy))
    say(": ".join(numbers[-1]))
    for name, probability in zip(NAMES, classify(model, NEW_POINT), strict=True):
        numbers.append((f"the new point (2, 2): {name}", f"{probability:.2%}"))
        say(": ".join(numbers[-1]))

    draw(model, history, folder)
    explorer = explored(answers, folder / "quadrants-explore.html", "two layers by hand")
    return Story(
        "quadrants", "Four quadrants", _TEXT, tuple(numbers), (_EXERCISE, _REGIONS), (explorer,)
    )


_TEXT = (
    "With several classes a network gives one probability for each, and pays −log of the one it "
    "gave to the right class: little when it was sure and right, log 4 when it had no idea, much "
    "when it was sure and wrong. The slope of each logit is its probability, minus 1 for the "
    "right class: twelve numbers, all to be checked by hand.",
    "The exercise is two layers on paper. Then 50 hidden neurons learn the four quadrants, and "
    "are asked about a point they never saw.",
)
_EXERCISE = Picture(
    "quadrants-exercise.svg",
    "Cards of all products and sums of the two layers: inputs 3 and 4, hidden numbers 8 and 3, "
    "answers 46 and 0.",
    "max(3·1 + 4·(−1) + 9, 0) = 8 and max(3·2 + 4·0 − 3, 0) = 3. Then 8·5 + 3·2 = 46, and 8·(−1) "
    "+ 3·2 + 1 = −1, which relu makes 0.",
)
_REGIONS = Picture(
    "quadrants-regions.svg",
    "Left: the plane in four colors, the samples on top, each class with a mark of its own. "
    "Right: training and validation loss, falling.",
    "Which quadrant wins where, deeper in color where the network is surer; and what it paid "
    "after each epoch.",
)

if __name__ == "__main__":
    run_alone(run, "quadrants")
