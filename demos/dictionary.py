"""A graph in a dictionary: sorted, computed, and read backwards as the chain rule."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

import viz
from demos.gallery import BESIDE, Picture, Story, explored, run_alone, say_all
from demos.listing import list_code
from demos.notation import chain_formula
from scalargrad import Parameter, Value, sigmoid
from scalargrad.data import one_hot
from scalargrad.nn import Conv, Flatten, Neuron, RNNCell, Sequential

Graph = dict[str, list[str]]
"""Each name with the names that it goes to."""

GRAPH: Graph = {
    "k1": ["L1"],
    "b1": ["L1"],
    "x": ["L1"],
    "L1": ["sigmoid"],
    "k2": ["L2"],
    "b2": ["L2"],
    "sigmoid": ["L2"],
    "L2": ["Loss"],
    "y": ["Loss"],
}


def linear(k: Value, b: Value, x: Value) -> Value:
    """Return k times x, plus b."""
    return k * x + b


RULES: dict[str, Callable[..., Value]] = {
    "L1": linear,
    "sigmoid": sigmoid,
    "L2": linear,
    "Loss": lambda prediction, y: (prediction - y) ** 2,
}
PARAMETERS = {"b1": -1.0, "k1": 0.8, "b2": 0.5, "k2": 2.0}
DATA = {"x": 2.0, "y": 1.0}


def get_outputs(graph: Graph, name: str) -> list[str]:
    """Return the names that a name goes to; the last one goes nowhere."""
    return graph.get(name, [])


def sort(graph: Graph) -> list[str]:
    """Order the names so that each comes before all that it goes to.

    Raises:
        ValueError: Some names lead back to themselves.
    """
    # For each name, how many of those that it is made from are not in the order yet.
    missing = Counter(name for outputs in graph.values() for name in outputs)
    order = [name for name in graph if not missing[name]]
    for done in order:
        for name in get_outputs(graph, done):
            missing[name] -= 1
            if not missing[name]:
                order.append(name)
    if missing.total():
        raise ValueError("the graph has a cycle")
    return order


def compute(graph: Graph, leaves: dict[str, Value]) -> dict[str, Value]:
    """Compute every name after those that it is made from."""
    values = dict(leaves)
    for name in sort(graph):
        # The order has the leaves, too; they have their numbers already.
        if name not in values:
            operands = [values[source] for source, outputs in graph.items() if name in outputs]
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
    values["Loss"].backward()
    return values


def way_back(graph: Graph, name: str) -> list[tuple[str, str]]:
    """Return the factors of the chain rule, from the end of the graph back to a name."""
    way = [name]
    # Here every name has one output. With several, the derivative is a sum over all ways, which
    # viz.chain_rule writes.
    while outputs := get_outputs(graph, way[-1]):
        way.append(outputs[0])
    return [(after, before) for before, after in pairwise(way)][::-1]


def partial_order(graph: Graph, name: str) -> str:
    """Write the derivative of the end of the graph by a name as a product of its factors."""
    return "*".join(f"∂{after}/∂{before}" for after, before in way_back(graph, name))


def multiplications(graph: Graph, parameters: Sequence[str]) -> tuple[int, int]:
    """Count the multiplications of all gradients: each for itself, and with a memory.

    A memory keeps every product from the loss on, so that it is computed once.
    """
    chains = [way_back(graph, name) for name in parameters]
    alone = sum(len(chain) - 1 for chain in chains)
    products = {tuple(chain[:length]) for chain in chains for length in range(2, len(chain) + 1)}
    return alone, len(products)


def tower(lines: int) -> Graph:
    """Return the graph of many lines in a row with a sigmoid after each but the last."""
    graph: Graph = {}
    for i in range(1, lines + 1):
        line = f"L{i}"
        bend = f"sigmoid{i}"
        graph |= {f"k{i}": [line], f"b{i}": [line]}
        graph |= {line: [bend], bend: [f"L{i + 1}"]}
    del graph[f"sigmoid{lines}"]
    return graph | {f"L{lines}": ["Loss"]}


def graph_of(result: Value) -> Graph:
    """Return the graph of a Value as a dictionary, with numbers for names."""
    graph: Graph = {}
    known = {id(result)}
    waiting = [result]
    for value in waiting:
        for operand in value.args:
            graph.setdefault(f"{id(operand)}", []).append(f"{id(value)}")
            if id(operand) not in known:
                known.add(id(operand))
                waiting.append(operand)
    return graph


def larger_graphs() -> dict[str, Graph]:
    """Return the graphs of a network that looks at an image, and of one that reads letters."""
    looking = Sequential(Conv(1, 2, 3, seed=0), Flatten(), Neuron(32, seed=0))
    image = np.eye(6).tolist()

    reading = RNNCell(3, 4, seed=0)
    first, *others = one_hot([0, 1, 2, 1, 0], 3).tolist()
    state = reading(first)
    for letter in others:
        state = reading(letter, state)
    return {
        "a convolution over 6 × 6 pixels": graph_of(looking(image)),
        "a cell that reads 5 letters": graph_of(Neuron(4, seed=0)(state)),
    }


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Sort and compute the graph, and print its chains of factors, first names, then numbers."""
    # It is all so small that quick and full are the same.
    values = with_gradients()
    numbers = [("an order of the graph", " → ".join(sort(GRAPH)))]
    for name in PARAMETERS:
        rule = viz.chain_rule(values["Loss"], values[name])
        numbers += [
            (f"∂Loss/∂{name}, from the names", partial_order(GRAPH, name)),
            ("… with numbers", str(rule).split(" = ", 2)[2]),
        ]
    for what, graph in (("this graph", GRAPH), ("10 lines", tower(10)), ("100 lines", tower(100))):
        parameters = [name for name in graph if name[0] in "kb"]
        alone, kept = multiplications(graph, parameters)
        numbers.append((f"multiplications, {what}", f"{alone:,} alone, {kept:,} with a memory"))
    for what, graph in larger_graphs().items():
        numbers.append((f"names of {what}", f"{len(sort(graph)):,}, sorted alike"))
    say_all(numbers)

    dictionary = viz.draw(
        GRAPH, edges="feeds", title="A graph that is only a dictionary", width=BESIDE
    )
    dictionary.save(folder / _DICTIONARY.file)
    computed = viz.draw(
        values["Loss"], level="cards", title="The same graph, computed", width=BESIDE
    )
    computed.save(folder / _VALUES.file)
    explorer = explored(
        values["Loss"], folder / "dictionary-explore.html", "the graph of the dictionary, computed"
    )
    return Story(
        "dictionary",
        "From a dictionary to gradients",
        _TEXT,
        tuple(numbers),
        (_DICTIONARY, _VALUES),
        (explorer,),
        list_code(sort, compute),
        chain_formula(viz.chain_rule(values["Loss"], values["k1"]), _CHAIN),
    )


_TEXT = (
    "What depends on what can be written as a dictionary: each name with the names that it goes "
    "to. Sorted so that every name comes before all that it goes to, it computes the loss. Read "
    "backwards, from the loss to a parameter, it is the chain rule, already in the bare names. "
    "With Values in place of the names, every factor is a number.",
    "The four chains begin alike. To multiply out each of them alone takes 8 multiplications; "
    "with a memory of all products from the loss on it takes 6. For 100 lines in a row, 20,000 "
    "become 398: twice the square of the length becomes four times the length, less two. "
    "Backpropagation is the chain rule with this memory.",
    "What have images and texts to do with these four parameters? A convolution over an image, and "
    "a cell that reads letters, are graphs like this one, with more names. The sort takes them as "
    "they are, and the chain rule does not know what the numbers mean.",
)
_CHAIN = "The names on the way back from the loss to k1, then the same with the numbers of Values."
_DICTIONARY = Picture(
    "dictionary-graph.svg",
    "The names k1, b1 and x lead to L1, L1 to sigmoid, that with k2 and b2 to L2, and L2 with y "
    "to the loss.",
    "The plain dictionary, drawn before anything is computed. viz.draw takes the dictionary, or "
    "the DiGraph that networkx makes of it.",
)
_VALUES = Picture(
    "dictionary-values.svg",
    "The expression graph of the same network with data, gradients and local derivatives, from "
    "the parameters to the loss.",
    "The same graph as Values. Multiply the numbers on the way from the loss to a parameter, and "
    "you have the printed chain.",
)

if __name__ == "__main__":
    run_alone(run, "dictionary")
