"""From a line to a framework: pieces in a chain, a graph in a dictionary, the chain rule."""

from collections.abc import Callable
from functools import partial, reduce
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import viz
from demos.gallery import Picture, Story, explored, run_alone, say
from scalargrad import GradientReport, Parameter, Value, gradcheck, sigmoid
from viz.plots import new_axes, plot_curves, save_plot

Curve = Callable[[float], float]
PLACES = [i / 20 for i in range(-80, 81)]


def linear(k: Any, x: Any, b: Any) -> Any:
    """Return k times x, plus b."""
    return k * x + b


def chain(rng: Random, length: int) -> Curve:
    """Compose random pieces: each, a line or a sigmoid, takes what the one before it returned."""
    pieces: list[Callable[[Any], Any]] = []
    for _ in range(length):
        # Slopes of at least 1: a chain of flat pieces would be a flat line to the eye.
        k = rng.uniform(1.0, 3.0) * rng.choice((-1, 1))
        b = rng.uniform(-1.5, 1.5)
        line: Callable[[Any], Any] = partial(linear, k, b=b)
        pieces.append(rng.choice([sigmoid, line]))

    return lambda x: reduce(lambda value, piece: piece(value), pieces, x)


def layer(rng: Random, width: int) -> Curve:
    """Sum random sigmoids of random lines, as a hidden layer does."""
    parts = [(rng.gauss(0.0, 2.0), rng.gauss(0.0, 3.0), rng.gauss(0.0, 4.0)) for _ in range(width)]
    return lambda x: sum(weight * sigmoid(linear(k, x, b)) for weight, k, b in parts)


def turns(curve: Curve) -> int:
    """Count how often a curve changes from rising to falling or back."""
    heights = [curve(x) for x in PLACES]
    steps = [after - before for before, after in pairwise(heights)]

    # Where a sigmoid is flat, its differences are rounding errors of either sign.
    steps = [step for step in steps if abs(step) > 1e-12]
    return sum(before * after < 0 for before, after in pairwise(steps))


GRAPH = {
    "L1": ["k1", "x", "b1"],
    "sigmoid": ["L1"],
    "L2": ["k2", "sigmoid", "b2"],
    "loss": ["L2", "y"],
}
"""Each name with the names that it is made from."""
RULES: dict[str, Callable[..., Any]] = {
    "L1": linear,
    "sigmoid": sigmoid,
    "L2": linear,
    "loss": lambda prediction, y: (prediction - y) ** 2,
}
PARAMETERS = {"k1": 0.8, "b1": -1.0, "k2": 2.0, "b2": 0.5}
DATA = {"x": 2.0, "y": 1.0}


def compute(graph: dict[str, list[str]], leaves: dict[str, Any]) -> dict[str, Any]:
    """Compute the number of every name, each after those that it is made from."""
    values = dict(leaves)
    for name in TopologicalSorter(graph).static_order():
        # The order has the leaves, too; they have their numbers already.
        if name in graph:
            operands = [values[operand] for operand in graph[name]]
            values[name] = RULES[name](*operands)
            values[name].label = name
    return values


def with_gradients() -> dict[str, Value]:
    """Compute the graph of the dictionary with Values, and backpropagate its loss."""
    leaves: dict[str, Value] = {}
    for name, number in PARAMETERS.items():
        leaves[name] = Parameter(number, label=name)
    for name, number in DATA.items():
        leaves[name] = Value(number, label=name)

    values = compute(GRAPH, leaves)
    values["loss"].backward()
    return values


def checked() -> GradientReport:
    """Check the gradients of all four parameters against central differences."""

    def loss(*numbers: Any) -> Any:
        parameters = dict(zip(PARAMETERS, numbers, strict=True))
        return compute(GRAPH, parameters | DATA)["loss"]

    return gradcheck(loss, tuple(PARAMETERS.values()))


def stretched(curve: Curve) -> list[float]:
    """Return the heights of a curve, stretched so that they go from 0 to 1."""
    heights = [curve(x) for x in PLACES]
    lowest = min(heights)
    span = max(heights) - lowest
    return [(height - lowest) / span for height in heights]


def draw_curves(folder: Path, chains: list[Curve], layers: list[Curve]) -> None:
    """Draw both kinds of random functions side by side."""
    left, right = new_axes(2, width=9.0, height=3.6)
    panels = ((left, chains, "one chain each"), (right, layers, "sums of eight chains"))
    for ax, curves, title in panels:
        numbered = {f"{i}": stretched(curve) for i, curve in enumerate(curves, 1)}
        plot_curves(numbered, PLACES, ax)
        # The curves are random: their numbers say nothing.
        if legend := ax.get_legend():
            legend.remove()
        ax.set(title=title, xlabel="x")
    save_plot(
        left, folder / "curves-random.svg", "Random functions of lines and sigmoids", _CURVES.alt
    )


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Draw random compositions, then the graph of one, and print its chains of factors."""
    # It is all so small that quick and full are the same.
    rng = Random(3)
    chains = [chain(rng, length) for length in (1, 3, 4, 5, 6)]
    layers = [layer(rng, 8) for _ in range(5)]
    most = [max(map(turns, curves)) for curves in (chains, layers)]
    say(
        f"a chain of lines and sigmoids turns {most[0]} times; sums of eight of them turn up to "
        f"{most[1]} times"
    )
    draw_curves(folder, chains, layers)

    order = " → ".join(TopologicalSorter(GRAPH).static_order())
    say(f"an order that computes everything after its operands: {order}")

    values = with_gradients()
    report = checked()
    chain_rules = {name: viz.chain_rule(values["loss"], values[name]) for name in PARAMETERS}
    for rule in chain_rules.values():
        say(str(rule))
    say(f"against central differences, the gradients are off by {report.worst_error:.0e} at most")

    dictionary = viz.draw(GRAPH, title="A graph that is only a dictionary")
    dictionary.save(folder / _DICTIONARY.file)
    computed = viz.draw(values["loss"], level="cards", title="The same graph, computed")
    computed.save(folder / _VALUES.file)

    numbers = [
        ("turns of a chain", str(most[0])),
        ("turns of a sum, at most", str(most[1])),
        ("order", order),
    ]
    numbers += [
        (f"∂loss/∂{name}", str(rule).partition(" = ")[2]) for name, rule in chain_rules.items()
    ]
    explorer = explored(
        values["loss"], folder / "curves-explore.html", "the graph of the dictionary, computed"
    )
    last = ("largest error against differences", f"{report.worst_error:.0e}")
    return Story(
        "curves",
        "From a line to a framework",
        _TEXT,
        (*numbers, last),
        (_CURVES, _DICTIONARY, _VALUES),
        (explorer,),
    )


_TEXT = (
    "A line and a sigmoid are the only pieces. Put in a chain, each working on what the one "
    "before it returned, they can be steep or flat, but a chain only rises or only falls. The sum "
    "of several chains may turn again and again: that is why a layer has many neurons.",
    "What depends on what can be written as a dictionary, each name with the names that it is "
    "made from. An order in which every name comes after its operands computes it; the same order "
    "backwards is the chain rule.",
)
_CURVES = Picture(
    "curves-random.svg",
    "Left: five random chains of lines and sigmoids, each only rising or only falling. Right: "
    "five sums of eight, which rise and fall.",
    "Left, random chains of one to six pieces. Right, random sums of eight sigmoids of lines. "
    "Each is stretched to the same height.",
)
_DICTIONARY = Picture(
    "curves-dictionary.svg",
    "The names k1, x and b1 lead to L1, L1 to sigmoid, that with k2 and b2 to L2, and L2 with y "
    "to the loss.",
    "The plain dictionary, drawn before anything is computed.",
)
_VALUES = Picture(
    "curves-values.svg",
    "The expression graph of the same network with data, gradients and local derivatives, from "
    "the parameters to the loss.",
    "The same graph as Values. Multiply the numbers on the way from the loss to a parameter, and "
    "you have the printed chain.",
)

if __name__ == "__main__":
    run_alone(run, "curves")
