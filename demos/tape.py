"""The tape: three gradients, each equal to the chain rule by hand, and a gradient of a gradient.

The places are those where people first meet TensorFlow's GradientTape: x² at 3, a layer that is
one matrix, and one neuron.
"""

from pathlib import Path
from random import Random

import viz
from demos.gallery import (
    ACROSS,
    BESIDE,
    Explorer,
    Picture,
    Story,
    decimals,
    explored,
    run_alone,
    say,
)
from demos.listing import list_code
from scalargrad import GradientTape, Parameter, Value, sigmoid
from scalargrad import sum as total
from scalargrad.losses import mse

Check = tuple[str, float, float]
"""What is differentiated, the tape's answer, and the answer made by hand."""


def square() -> list[Check]:
    """Tape x² at 3: its slope 2·x and, from a tape around the tape, the slope of the slope, 2."""
    x = Value(3.0, label="x")
    with GradientTape() as outer:
        with GradientTape() as tape:
            y = x**2
        # Inside the outer tape, which has to see how the slope is computed.
        slope = tape.gradient(y, x)
    return [("dy/dx", slope.data, 2.0 * 3.0), ("d²y/dx²", outer.gradient(slope, x).data, 2.0)]


def matrix() -> list[Check]:
    """Tape a row of three numbers times a 3 × 2 matrix, plus two biases.

    The loss is the mean of the two squared outputs.
    """
    draw = Random(0)
    x = [1.0, 2.0, 3.0]
    weights = []
    for i in range(3):
        weights.append([Parameter(draw.gauss(0.0, 1.0), label=f"w{i}{j}") for j in range(2)])
    biases = [Parameter(0.0, label=f"b{j}") for j in range(2)]
    with GradientTape() as tape:
        outputs = []
        for j in range(2):
            products = [x[i] * weights[i][j] for i in range(3)]
            outputs.append(total(products) + biases[j])
        loss = mse(outputs, [0.0, 0.0])

    # The mean of two squares has the slope 2 · output / 2, which is the output itself.
    found = tape.gradient(loss, {"weights": weights, "biases": biases})
    checks = []
    for i in range(3):
        for j in range(2):
            by_hand = x[i] * outputs[j].data
            checks.append((f"∂L/∂w{i}{j}", found["weights"][i][j].data, by_hand))
    for j in range(2):
        checks.append((f"∂L/∂b{j}", found["biases"][j].data, outputs[j].data))
    return checks


def neuron() -> tuple[list[Check], Value, Value]:
    """Tape the worked neuron, all its slopes, and the curvature of the loss along each parameter.

    Returns:
        The checks, and the two graphs to draw: the loss, and its slope by the bias.
    """
    w1 = Parameter(-1.0, label="w1")
    w2 = Parameter(-1.5, label="w2")
    b = Parameter(0.5, label="b")
    x1 = Value(-3.0, label="x1")
    x2 = Value(2.0, label="x2")
    target = Value(2.0, label="y")

    # Persistent, because the outer tape is asked three times, once for each curvature.
    with GradientTape(persistent=True) as outer:
        with GradientTape() as tape:
            y = sigmoid(w1 * x1 + w2 * x2 + b)
            loss = (y - target) ** 2
        slopes = tape.gradient(loss, [w1, w2, b])
    pairs = zip(slopes, (w1, w2, b), strict=True)
    curvatures = [outer.gradient(slope, parameter) for slope, parameter in pairs]
    y.label = "y'"
    loss.label = "L"
    slopes[2].label = "∂L/∂b"

    # By hand: first and second derivative of the loss by z, the input of the sigmoid s. As z is
    # linear in each parameter, a slope takes its factor once and a curvature takes it squared.
    s = y.data
    error = y.data - target.data
    slope_of_s = s * (1.0 - s)
    curvature_of_s = slope_of_s * (1.0 - 2.0 * s)
    first = 2.0 * error * slope_of_s
    second = 2.0 * slope_of_s**2 + 2.0 * error * curvature_of_s
    last = {"w1": x1.data, "w2": x2.data, "b": 1.0}
    checks = []
    for slope, (name, factor) in zip(slopes, last.items(), strict=True):
        checks.append((f"∂L/∂{name}", slope.data, first * factor))
    for curvature, (name, factor) in zip(curvatures, last.items(), strict=True):
        checks.append((f"∂²L/∂{name}²", curvature.data, second * factor**2))
    return checks, loss, slopes[2]


def report(title: str, checks: list[Check]) -> None:
    """Print the tape's numbers beside those made by hand."""
    say(title)
    for name, taped, by_hand in checks:
        say(f"  {name:8}  tape {taped:9.4f}   by hand {by_hand:9.4f}")


def draw(folder: Path) -> Explorer:
    """Draw the neuron with its gradients, then its slope by the bias with second derivatives.

    Returns:
        The page to explore the graph of the slope.
    """
    _, loss, _ = neuron()
    loss.backward()
    title = "The neuron, and the slope of its loss everywhere"
    viz.draw(loss, level="cards", title=title, width=BESIDE).save(folder / _NEURON.file)

    # A fresh neuron: the gradients of the slope must not be added to those of the loss.
    _, _, slope = neuron()
    slope.backward()
    title = "The slope ∂L/∂b is a graph itself, so it has slopes"
    viz.draw(slope, level="cards", title=title, width=ACROSS).save(folder / _SLOPE.file)
    return explored(slope, folder / "tape-explore.html", "the slope ∂L/∂b as a graph")


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Tape, compare and draw; quick and full are the same."""
    places = {
        "y = x² at 3": square(),
        "mean squared output of a 3 × 2 layer": matrix(),
        "the worked neuron": neuron()[0],
    }
    for title, checks in places.items():
        report(title, checks)

    every = [check for checks in places.values() for check in checks]
    worst = max(abs(taped - by_hand) for _, taped, by_hand in every)
    say(f"largest difference of the {len(every)} numbers: {worst:.1e}")

    explorer = draw(folder)
    numbers = [(name, decimals(taped)) for name, taped, _ in every]
    numbers.append(("largest difference from the chain made by hand", f"{worst:.1e}"))
    return Story(
        "tape",
        "The tape: gradients on demand",
        _TEXT,
        tuple(numbers),
        (_NEURON, _SLOPE),
        (explorer,),
        list_code(square),
    )


_TEXT = (
    "A tape writes down what is computed inside its block, and afterwards answers for any "
    "gradient in it. Nothing is stored in the parameters themselves: the answer is a new number, "
    "with a graph of its own.",
    "So a tape around a tape can be asked for the slope of a slope. For x² that is 2 everywhere; "
    "for the neuron it is the curvature of the loss along each parameter, as a page of algebra "
    "gives it.",
)
_NEURON = Picture(
    "tape-neuron.svg",
    "The worked neuron as cards, from the weights and inputs at the left to the squared error at "
    "the right, each with its gradient.",
    "What the tape was asked about: every card with the slope of the loss in it.",
)
_SLOPE = Picture(
    "tape-slope.svg",
    "The graph of the derivative of the loss by the bias: the same neuron, followed by the "
    "factors of the chain rule and their product.",
    "What the tape answered for the bias. It is no mere number but the chain rule as a graph; the "
    "gradients in it are second derivatives.",
)

if __name__ == "__main__":
    run_alone(run, "tape")
