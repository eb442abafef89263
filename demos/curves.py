"""From a line to a framework: pieces in a chain, a graph in a dictionary, and the chain rule that walks it backwards."""

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
    """A line: k times x, plus b."""
    return k * x + b


def chain(rng: Random, length: int) -> Curve:
    """A random composition: each piece, a line or a sigmoid, takes what the one before it returned."""
    pieces: list[Callable[[Any], Any]] = []
    for _ in range(length):
        k = rng.uniform(1.0, 3.0) * rng.choice((-1, 1))
        b = rng.uniform(-1.5, 1.5)
        line: Callable[[Any], Any] = partial(linear, k, b=b)
        pieces.append(rng.choice([sigmoid, line]))

    return lambda x: reduce(lambda value, piece: piece(value), pieces, x)


def layer(rng: Random, width: int) -> Curve:
    """A random sum of random sigmoids of lines: what a hidden layer makes."""
    parts = [(rng.gauss(0.0, 2.0), rng.gauss(0.0, 3.0), rng.gauss(0.0, 4.0)) for _ in range(width)]
    return lambda x: sum(weight * sigmoid(linear(k, x, b)) for weight, k, b in parts)


def turns(curve: Curve) -> int:
    """How often a curve changes from rising to falling or back."""
    heights = [curve(x) for x in PLACES]
    steps = [after - before for before, after in pairwise(heights) if abs(after - before) > 1e-12]
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
    """Every name with its number, each computed after those that it is made from."""
    values = dict(leaves)
    for name in TopologicalSorter(graph).static_order():
        if name in graph:
            values[name] = RULES[name](*(values[operand] for operand in graph[name]))
            values[name].label = name
    return values


def with_gradients() -> dict[str, Value]:
    """The graph of the dictionary as Values, after `backward`."""
    leaves: dict[str, Value] = {
        name: Parameter(number, label=name) for name, number in PARAMETERS.items()
    }
    values = compute(
        GRAPH, leaves | {name: Value(number, label=name) for name, number in DATA.items()}
    )
    values["loss"].backward()
    return values


def checked() -> GradientReport:
    """The gradients of all four parameters against central differences."""
    names = tuple(PARAMETERS)
    return gradcheck(
        lambda *xs: compute(GRAPH, dict(zip(names, xs, strict=True)) | DATA)["loss"],
        tuple(PARAMETERS.values()),
    )


def stretched(curve: Curve) -> list[float]:
    """The heights of a curve, stretched so that they go from 0 to 1."""
    heights = [curve(x) for x in PLACES]
    return [(height - min(heights)) / (max(heights) - min(heights)) for height in heights]


def draw_curves(folder: Path, chains: list[Curve], layers: list[Curve]) -> None:
    """Both kinds of random functions, side by side."""
    left, right = new_axes(2, width=9.0, height=3.6)
    for ax, curves, title in (
        (left, chains, "one chain each"),
        (right, layers, "sums of eight chains"),
    ):
        plot_curves({f"{i}": stretched(curve) for i, curve in enumerate(curves, 1)}, PLACES, ax)
        if legend := ax.get_legend():
            legend.remove()
        ax.set(title=title, xlabel="x")
    save_plot(
        left, folder / "curves-random.svg", "Random functions of lines and sigmoids", _CURVES.alt
    )


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Draw random compositions, then the graph of one, and print its chains. It is so small that quick and full are the same."""
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
    viz.draw(GRAPH, title="A graph that is only a dictionary").save(
        folder / "curves-dictionary.svg"
    )
    viz.draw(values["loss"], level="cards", title="The same graph, computed").save(
        folder / "curves-values.svg"
    )
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
