"""The engine: the core of a framework in about sixty lines, equal to scalargrad to the last bit.

A tutorial that builds a framework from a straight line ends with three tasks: sort a graph
topologically; put inputs, outputs, the computation and its derivative into one class; and let that
class find all gradients and update all weights. The first part of demos/engine.py is the answer.
It imports nothing but two functions of Python's math module.

The rest checks it. The same lines of Python build the same expression from these nodes and from
scalargrad's Values; the same training runs on these nodes and in fit. Every number that comes out
is the same to the last bit.

Why keep a gradient in each node, where one could follow every path from the loss to a weight and
multiply the derivatives on it? Because paths that share a stretch share its product. To remember
that product costs one multiplication an edge. To forget it more than doubles the work with every
further layer of two neurons.

Five files hold the same at full size; docs/how-it-is-built.md names them in the order to read
them. They add what sixty lines can't: graphs too deep for Python's recursion, over seventy
operations, gradients that are graphs themselves, and the speed of arrays.
"""

from collections.abc import Callable
from math import exp, tanh
from pathlib import Path
from typing import TypeVar

import viz
from demos.gallery import BESIDE, Picture, Story, explored, run_alone, say_all, told, write_powers
from demos.listing import list_code
from scalargrad import Parameter, Value, sigmoid
from scalargrad.nn import MLP
from scalargrad.optim import SGD
from scalargrad.training import fit
from viz.plots import new_axes, plot_curves, save_plot

# The engine

Rule = Callable[..., tuple[float, tuple[float, ...]]]
RULES: dict[str, Rule] = {
    "add": lambda x, y: (x + y, (1.0, 1.0)),
    "sub": lambda x, y: (x - y, (1.0, -1.0)),
    "mul": lambda x, y: (x * y, (y, x)),
    "tanh": lambda x: (o := tanh(x), (1.0 - o * o,)),
    "sigmoid": lambda x: (o := 1.0 / (1.0 + exp(-x)), (o * (1.0 - o),)),
    "relu": lambda x: (max(0.0, x), (float(x > 0.0),)),
}
"""Each operation: what it computes from its inputs, and its derivative by each of them."""


class Node:
    """A number with its inputs and outputs, its derivative by each input, and its gradient."""

    def __init__(
        self, data: float = 0.0, label: str = "", op: str = "", inputs: tuple["Node", ...] = ()
    ) -> None:
        self.data = data
        self.label = label
        self.op = op
        self.inputs = inputs
        self.outputs: list[Node] = []
        self.derivatives: tuple[float, ...] = ()
        self.grad = 0.0
        for node in inputs:
            node.outputs.append(self)
        self.compute()

    def compute(self) -> None:
        """Compute the number and its derivatives from the inputs; a leaf stays as it is."""
        if self.inputs:
            numbers = [node.data for node in self.inputs]
            self.data, self.derivatives = RULES[self.op](*numbers)

    def __add__(self, other: "Node") -> "Node":
        return Node(op="add", inputs=(self, other))

    def __sub__(self, other: "Node") -> "Node":
        return Node(op="sub", inputs=(self, other))

    def __mul__(self, other: "Node") -> "Node":
        return Node(op="mul", inputs=(self, other))

    def tanh(self) -> "Node":
        """Return the hyperbolic tangent."""
        return Node(op="tanh", inputs=(self,))

    def sigmoid(self) -> "Node":
        """Return 1/(1 + exp(−x))."""
        return Node(op="sigmoid", inputs=(self,))

    def relu(self) -> "Node":
        """Return the number, or 0 in place of a negative one."""
        return Node(op="relu", inputs=(self,))


def sort(root: Node) -> list[Node]:
    """Sort the graph topologically: every node after its inputs, the root last."""
    # A dict keeps the order of its keys and finds each at once: a list and a set in one.
    order: dict[Node, None] = {}

    def place(node: Node) -> None:
        if node not in order:
            for before in node.inputs:
                place(before)
            order[node] = None

    place(root)
    return list(order)


def backward(order: list[Node]) -> None:
    """Give every node its gradient: the chain rule, from the last node back to the first."""
    for node in order:
        node.grad = 0.0
    order[-1].grad = 1.0
    # All that use a node come after it, so its gradient is complete when it is passed on.
    for node in reversed(order):
        for before, derivative in zip(node.inputs, node.derivatives, strict=True):
            before.grad += node.grad * derivative


def step(order: list[Node], parameters: list[Node], rate: float) -> None:
    """Train: compute forward, differentiate backward, and move every parameter downhill."""
    for node in order:
        node.compute()
    backward(order)
    for parameter in parameters:
        parameter.data -= rate * parameter.grad


# The engine at work

START = {"k1": 1.0, "b1": 0.0, "k2": 1.0, "b2": 0.0}
TRUTH = {"k1": 2.0, "b1": -1.0, "k2": 3.0, "b2": 0.5}
"""The parameters of a line, a sigmoid and a line: at the start, and those behind the samples."""
PLACES = [0.25 * i - 2.0 for i in range(17)]
RATE = 0.3
ROUNDS = 300
"""Times that each sample is seen."""
DEEPEST = 12
"""Layers of the deepest network whose multiplications are counted."""
FULL_SIZE = {
    "the class Node and backward, at full size": "scalargrad/core/value.py",
    "the table of rules, at full size": "scalargrad/core/ops.py",
    "neurons, layers and their parameters": "scalargrad/nn/layers.py",
    "the sorted list, turned into array code": "scalargrad/compiler/sums.py",
    "the picture of the graph": "viz/views/scalars.py",
}

Number = TypeVar("Number", Node, Value)


def neuron(weights: list[Number], inputs: list[Number], bias: Number) -> Number:
    """Compute bias + Σ weight·input: written once, for nodes and for Values."""
    total = bias
    for weight, x in zip(weights, inputs, strict=True):
        total = total + weight * x
    return total


def loss_of(leaves: dict[str, Number]) -> Number:
    """Compute the squared error of two neurons in a chain, the first with a sigmoid."""
    hidden = neuron([leaves["k1"]], [leaves["x"]], leaves["b1"]).sigmoid()
    error = neuron([leaves["k2"]], [hidden], leaves["b2"]) - leaves["y"]
    loss = error * error
    error.label = "error"
    loss.label = "loss"
    return loss


def samples() -> list[tuple[float, float]]:
    """Return points on the curve of the true parameters."""
    bends = [sigmoid(TRUTH["k1"] * x + TRUTH["b1"]) for x in PLACES]
    heights = [TRUTH["k2"] * bend + TRUTH["b2"] for bend in bends]
    return list(zip(PLACES, heights, strict=True))


def train(rounds: int = ROUNDS) -> dict[str, float]:
    """Train the four parameters with the engine, one sample a step."""
    parameters = {name: Node(number, name) for name, number in START.items()}
    x = Node(label="x")
    y = Node(label="y")

    # The graph is built and sorted once: each step only puts other numbers into it.
    order = sort(loss_of(parameters | {"x": x, "y": y}))
    for _ in range(rounds):
        for place, height in samples():
            x.data = place
            y.data = height
            step(order, list(parameters.values()), RATE)
    return {name: parameter.data for name, parameter in parameters.items()}


def train_with_fit(rounds: int = ROUNDS) -> dict[str, float]:
    """Train the same network, with the same steps, as anybody would with scalargrad."""
    model = MLP(1, [1, 1], activation="sigmoid")
    model.load_state_dict(dict(zip(model.state_dict(), START.values(), strict=True)))
    places, heights = zip(*samples(), strict=True)
    fit(
        model,
        [[x] for x in places],
        heights,
        loss="mse",
        optimizer=SGD(model.parameters(), RATE),
        epochs=rounds,
        batch_size=1,
        shuffle=False,
        progress=False,
        # A program adds up in another order, and the last bits are what is compared here.
        compiled=False,
    )
    return dict(zip(START, model.state_dict().values(), strict=True))


def as_values(order: list[Node]) -> Value:
    """Copy a sorted graph, with its derivatives and gradients, into Values that viz can draw."""
    copies: dict[Node, Value] = {}
    for node in order:
        inputs = [copies[before] for before in node.inputs]
        copy = Value(node.data, inputs, node.op, node.label, partials=node.derivatives)
        # The kind of a leaf is all that the picture knows and the engine does not.
        copies[node] = Parameter(node.data, label=node.label) if node.label in START else copy
        copies[node].grad = node.grad
    return copies[order[-1]]


def work(order: list[Node]) -> tuple[int, int]:
    """Count the multiplications that the gradients of all leaves cost.

    Returns:
        Following every path from the root to a leaf, one for each derivative on it; and passing
        back once, one for each edge.
    """
    root = order[-1]
    paths = {root: 1}
    factors = {root: 0}
    for node in reversed(order[:-1]):
        paths[node] = sum(paths[user] for user in node.outputs)
        # Every path to a user of the node goes on to the node, and has one factor more.
        factors[node] = sum(factors[user] + paths[user] for user in node.outputs)
    # One pass back multiplies the gradient of a node once for each of its inputs.
    leaves = [node for node in order if not node.inputs]
    return sum(factors[leaf] for leaf in leaves), sum(len(node.inputs) for node in order)


def deep(layers: int) -> Node:
    """Build a network of two tanh neurons a layer, each of which reads both of the layer before."""
    pair = [Node(0.5), Node(-0.5)]
    for _ in range(layers):
        pair = [neuron([Node(w), Node(0.5)], pair, Node(0.1)).tanh() for w in (0.5, -0.5)]
    return pair[0] + pair[1]


def draw_work(folder: Path) -> None:
    """Draw how the multiplications grow with the layers."""
    layers = list(range(1, DEEPEST + 1))
    every_path, one_pass = zip(*(work(sort(deep(count))) for count in layers), strict=True)
    (ax,) = new_axes(width=7.1, height=3.6)
    plot_curves({"along every path": every_path, "one pass back": one_pass}, layers, ax)
    ax.set(xlabel="layers of two neurons", ylabel="multiplications", yscale="log")
    write_powers(ax.yaxis)
    save_plot(ax, folder / _WORK.file, "What remembering saves", _WORK.alt)


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Train with the engine and with scalargrad, compare every bit, count, and draw.

    It takes a second: quick and full are the same.
    """
    trained = train()
    twin = train_with_fit()
    different = sum(trained[name].hex() != twin[name].hex() for name in START)

    x, y = samples()[-1]
    leaves = {name: Node(number, name) for name, number in START.items()}
    order = sort(loss_of(leaves | {"x": Node(x, "x"), "y": Node(y, "y")}))
    backward(order)
    loss = as_values(order)
    drawing = viz.draw(loss, level="cards", title="The engine's graph", width=BESIDE)
    drawing.save(folder / _GRAPH.file)
    explorer = explored(loss, folder / "engine-explore.html", "the engine's graph")
    draw_work(folder)

    names = " ".join(node.label or node.op for node in order)
    numbers = [("the graph in topological order", names)]
    for name, number in trained.items():
        both = f"{number!r} / {twin[name]!r}".replace("-", "−")
        numbers.append((f"{name} after {ROUNDS} rounds, engine / fit", both))
    numbers.append(("parameters that differ in any bit", f"{different} of {len(START)}"))
    for what, nodes in (("of this graph", order), (f"of {DEEPEST} layers", sort(deep(DEEPEST)))):
        every_path, one_pass = work(nodes)
        count = f"{every_path:,} along every path, {one_pass} in one pass back"
        numbers.append((f"multiplications for all gradients {what}", count))
    numbers += FULL_SIZE.items()
    say_all(numbers)
    title = "The engine: a framework in sixty lines"
    code = list_code(sort, backward, step)
    return Story("engine", title, told(__doc__), tuple(numbers), (_GRAPH, _WORK), (explorer,), code)


_GRAPH = Picture(
    "engine-graph.svg",
    "A line, a sigmoid, a line and a squared error as a graph of cards, from the parameters and "
    "the sample at the left to the loss, with a derivative on each edge and a gradient in each.",
    "Drawn from the engine's nodes: scalargrad computed none of these numbers. Its own graph of "
    "the same expression gives the same picture, byte for byte.",
)
_WORK = Picture(
    "engine-work.svg",
    "On a logarithmic axis, the multiplications along every path rise steeply from layer to layer, "
    "to over a million for twelve layers; those of one pass stay below three hundred.",
    "Every layer of two neurons doubles the number of paths, and adds eighteen edges. That is "
    "what a number remembered in each node saves.",
)

if __name__ == "__main__":
    run_alone(run, "engine")
