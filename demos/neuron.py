"""One neuron, worked by hand: every factor of the chain rule, printed and drawn.

The numbers are those of the well-known backpropagation tutorial: two inputs, a sigmoid, and a
squared error.
"""

from pathlib import Path

import viz
from demos.gallery import ACROSS, BESIDE, Picture, Story, decimals, explored, run_alone, say
from demos.listing import watch
from demos.notation import chain_formula
from scalargrad import Parameter, Value, sigmoid


def forward() -> dict[str, Value]:
    """Compute the neuron and its loss, with gradients, by the names that the textbook uses."""
    w1 = Parameter(-1.0, label="w1")
    w2 = Parameter(-1.5, label="w2")
    b = Parameter(0.5, label="b")
    x1 = Value(-3.0, label="x1")
    x2 = Value(2.0, label="x2")
    target = Value(2.0, label="y")

    z = w1 * x1 + w2 * x2 + b
    prediction = sigmoid(z)
    error = prediction - target
    loss = error**2

    # Each step has a name, so that the pictures read like the textbook.
    z.label = "z"
    prediction.label = "y'"
    error.label = "error"
    loss.label = "L"
    loss.backward()

    return {
        "w1": w1,
        "w2": w2,
        "b": b,
        "x1": x1,
        "x2": x2,
        "y": target,
        "z": z,
        "y'": prediction,
        "error": error,
        "L": loss,
    }


def factors(values: dict[str, Value]) -> list[tuple[str, str, float]]:
    """Return the local derivatives on the way back from the loss.

    Returns:
        For each one its name, its formula in the textbook, and the number in the graph.
    """
    z = values["z"]
    prediction = values["y'"]
    error = values["error"]
    loss = values["L"]

    # z was added from left to right, (w1·x1 + w2·x2) + b: the products belong to the inner sum,
    # whose own local derivatives are 1 and left out of the chain.
    inner_sum = z.args[0]
    products = inner_sum.args
    return [
        ("∂L/∂error", "2 · error", loss.partials[0]),
        ("∂error/∂y'", "1", error.partials[0]),
        ("∂y'/∂z", "y' · (1 − y')", prediction.partials[0]),
        ("∂z/∂w1", "x1", products[0].partials[0]),
        ("∂z/∂w2", "x2", products[1].partials[0]),
        ("∂z/∂b", "1", z.partials[1]),
    ]


def report(values: dict[str, Value]) -> list[str]:
    """Write the forward pass, the factors, and their product for each parameter as text lines."""
    chain = factors(values)

    # The way from the loss to z is the same for all parameters; only the last factor differs.
    shared = [number for _, _, number in chain[:3]]
    last_factors = [number for _, _, number in chain[3:]]

    lines = ["forward"]
    lines += [f"  {name:<10} = {values[name].data:9.4f}" for name in ("z", "y'", "error", "L")]
    lines += ["factors of the chain rule"]
    lines += [f"  {name:<10} = {number:9.4f}   {formula}" for name, formula, number in chain]
    lines += ["gradients: the product of the factors on the way"]
    for name, last in zip(("w1", "w2", "b"), last_factors, strict=True):
        product = " · ".join(f"{number:.4f}" for number in (*shared, last))
        lines.append(f"  ∂L/∂{name:<6} = {product} = {values[name].grad:.4f}")
    return lines


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Print the whole calculation and draw it; quick and full are the same."""
    values, listing = watch(forward, last="loss.backward()")
    for line in report(values):
        say(line)

    loss = values["L"]
    cards = viz.draw(loss, level="cards", title="One neuron and its loss", width=BESIDE)
    cards.save(folder / _PICTURE.file)
    title = "The backward pass, wave by wave"
    film = viz.animate(loss, level="cards", title=title, width=ACROSS)
    film.save(folder / _WAVE.file)
    explorer = explored(loss, folder / "neuron-explore.html", "one neuron and its loss")

    numbers = [(name, decimals(values[name].data)) for name in ("y'", "error", "L")]
    numbers += [(name, decimals(number)) for name, _, number in factors(values)]
    numbers += [(f"∂L/∂{name}", decimals(values[name].grad)) for name in ("w1", "w2", "b")]
    return Story(
        "neuron",
        "One neuron: the chain rule, factor by factor",
        _TEXT,
        tuple(numbers),
        (_PICTURE, _WAVE),
        (explorer,),
        (listing,),
        chain_formula(viz.chain_rule(loss, values["w1"]), _BLAME),
    )


_TEXT = (
    "A neuron with the weights −1 and −1.5 and the bias 0.5 sees the inputs −3 and 2. Its "
    "prediction is 0.62, and the target is 2.",
    "How much is each weight to blame? The chain rule multiplies the local derivatives on the way "
    "from the loss back to the weight. Each edge of the picture carries one such factor, and each "
    "card the product so far.",
)
_BLAME = (
    "The blame of w1 is the product of four factors. It is positive: a smaller w1 lowers the loss."
)
_PICTURE = Picture(
    "neuron-cards.svg",
    "The expression graph of one neuron and its squared error, from the weights and inputs at the "
    "left to the loss at the right. Every card shows a number and its gradient, every edge a "
    "local derivative.",
    "Read it from right to left: the gradient of a card is the gradient of the card after it, "
    "times the number on the edge between them.",
)
_WAVE = Picture(
    "neuron-wave.svg",
    "The same graph as a short film: the gradients appear from the loss at the right to the "
    "weights and inputs at the left.",
    "The backward pass as it goes: each card waits until all that use it have sent their share. "
    "Who prefers less motion sees its end.",
)

if __name__ == "__main__":
    run_alone(run, "neuron")
