"""Random networks: matrices, convolutions, attention, recurrences and lists, wired at random."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy

import scalargrad as sg
from scalargrad import Constant, Value
from scalargrad.compiler import Compiled, compile
from tests.compiler.graphs import Weights
from tests.compiler.referee import Array, alike

Vector = list[Any]

_LONGEST = 40
"""How many numbers a layer returns at most."""

_PARAMETERS = 90
"""How many parameters there are, to be used again and again."""


@dataclass
class Wiring:
    """What a network has computed so far, and what its choices are made with.

    vectors   the results so far
    matrices  weights that were used, to be used again
    read      leaves that are read at each call
    """

    rng: Random
    parameters: Vector
    vectors: list[Vector]
    read: Vector = field(default_factory=list)
    matrices: list[list[Vector]] = field(default_factory=list)

    def pick(self) -> Vector:
        """A result, most often a late one."""
        last = len(self.vectors) - 1
        return self.vectors[max(self.rng.randint(0, last), self.rng.randint(0, last))]

    def pick_length(self, length: int) -> Vector:
        """A result with so many numbers, by taking it several times or a part of it."""
        taken = self.pick()
        return (taken * (length // len(taken) + 1))[:length]

    def weights(self, rows: int, columns: int) -> list[Vector]:
        """A matrix of parameters, of one of many sorts."""
        rng = self.rng
        used = [each for each in self.matrices if (len(each), len(each[0])) == (rows, columns)]
        turned = [each for each in self.matrices if (len(each[0]), len(each)) == (rows, columns)]
        sort = rng.choice(["run", "run", "used", "turned", "any", "computed", "mixed"])
        if sort == "used" and used:
            return rng.choice(used)
        if sort == "turned" and turned:
            return [list(row) for row in zip(*rng.choice(turned), strict=True)]
        flat = self.run(rows * columns)
        if sort == "any":
            flat = [rng.choice(self.parameters) for _ in flat]
        if sort == "computed":
            flat = [sg.tanh(number) * 0.7 for number in flat]
        if sort == "mixed":
            flat = [rng.choice([number, number, Constant(0.25)]) for number in flat]
        found = [flat[row * columns : (row + 1) * columns] for row in range(rows)]
        self.matrices.append(found)
        return found

    def run(self, count: int) -> Vector:
        """Parameters that follow each other."""
        start = self.rng.randrange(len(self.parameters))
        around = self.parameters[start:] + self.parameters[:start]
        return (around * (count // len(around) + 1))[:count]


def _dense(net: Wiring, x: Vector | None = None) -> Vector:
    x = net.pick() if x is None else x
    weights = net.weights(net.rng.randint(1, 20), len(x))
    return _apply(net, weights, x, _biases(net, len(weights)))


def _biases(net: Wiring, count: int) -> Vector:
    sort = net.rng.choice(["none", "run", "one", "computed", "constants"])
    if sort == "none":
        return []
    if sort == "constants":
        return [Constant(0.1 * i) for i in range(count)]
    biases = net.run(1 if sort == "one" else count) * (count if sort == "one" else 1)
    return [-number for number in biases] if sort == "computed" else biases


def _apply(net: Wiring, weights: list[Vector], x: Vector, biases: Vector) -> Vector:
    """Weights times x plus biases, in one of two spellings."""
    if net.rng.random() < 0.5:
        results = [sg.dot(row, x) for row in weights]
    else:
        results = [sum((w * b for w, b in zip(row, x, strict=True)), 0.0) for row in weights]
    return [a + b for a, b in zip(results, biases, strict=True)] if biases else results


def _convolution(net: Wiring) -> Vector:
    rng = net.rng
    x = net.pick_length(rng.randint(3, 24))
    size = rng.randint(1, min(5, len(x)))
    stride = rng.randint(1, 3)
    filters = net.weights(rng.randint(1, 9), size)
    biases = _biases(net, len(filters))
    starts = range(0, len(x) - size + 1, stride)
    places = [_apply(net, filters, x[i : i + size], biases) for i in starts]
    if rng.random() < 0.5:
        places = [list(each) for each in zip(*places, strict=True)]
    return [number for place in places for number in place]


def _activation(net: Wiring) -> Vector:
    rule = net.rng.choice(ACTIVATIONS)
    return [rule(number) for number in net.pick()]


def _combination(net: Wiring) -> Vector:
    x = net.pick()
    rule = net.rng.choice(COMBINATIONS)
    return [rule(a, b) for a, b in zip(x, net.pick_length(len(x)), strict=True)]


def _attention(net: Wiring) -> Vector:
    width = net.rng.choice([1, 2, 3, 8, 9, 16])
    length = net.rng.randint(1, 4)
    queries, keys, values = (
        [flat[i : i + width] for i in range(0, len(flat), width)]
        for flat in (net.pick_length(width * length) for _ in range(3))
    )
    found: Vector = []
    for query in queries:
        shares = sg.softmax([sg.dot(query, key) * 0.3 for key in keys])
        found += [sg.dot(shares, list(column)) for column in zip(*values, strict=True)]
    return found


def _lists(net: Wiring) -> Vector:
    rng = net.rng
    length = rng.choice([1, 2, 3, 4, 5, 9, 30])
    flat = net.pick_length(length * rng.randint(1, 9))
    rule = rng.choice(REDUCTIONS)
    return [rule(flat[i : i + length]) for i in range(0, len(flat), length)]


def _long_list(net: Wiring) -> Vector:
    flat = net.pick_length(net.rng.choice([65, 100, 300]))
    rule = net.rng.choice(REDUCTIONS)
    return [rule([number * 0.1 for number in flat])]


def _recurrence(net: Wiring) -> Vector:
    size = net.rng.randint(1, 9)
    weights = net.weights(size, size)
    inputs = net.weights(size, net.rng.randint(1, 9))
    biases = _biases(net, size)
    state: Vector = net.pick_length(size)
    for _ in range(net.rng.randint(1, 4)):
        x = net.pick_length(len(inputs[0]))
        sums = zip(_apply(net, weights, state, biases), _apply(net, inputs, x, []), strict=True)
        state = [sg.tanh(a + b) for a, b in sums]
    return state


def _normalization(net: Wiring) -> Vector:
    x = net.pick()
    center = sg.mean(x)
    size = sg.sqrt(sg.mean([(a - center) ** 2 for a in x]) + 0.1)
    return [(a - center) / size for a in x]


def _softmax(net: Wiring) -> Vector:
    return list(sg.softmax(net.pick()))


def _mixture(net: Wiring) -> Vector:
    """Numbers of several results in any order, with parameters, constants and read leaves."""
    rng = net.rng
    sources = [net.pick(), net.pick(), net.parameters, [*net.read, Constant(rng.uniform(-1, 1))]]
    return [rng.choice(rng.choice(sources)) for _ in range(rng.randint(1, 30))]


def _reversal(net: Wiring) -> Vector:
    return net.pick()[::-1]


def _stopped(net: Wiring) -> Vector:
    return [sg.stop_gradient(number) for number in net.pick()]


def _derivative(net: Wiring) -> Vector:
    around = net.pick()[:4]

    def body(x: Vector) -> Value:
        return sg.tanh(sg.dot(x, around) + x[0] * x[0])

    return list(sg.grad(body)([sg.sin(number) for number in net.pick_length(len(around))]))


def _shared(net: Wiring) -> Vector:
    """What is the same for all samples."""
    x = net.run(net.rng.randint(1, 20))
    return [sg.sin(number) for number in _dense(net, x)]


ACTIVATIONS: list[Callable[[Any], Any]] = [
    sg.tanh,
    sg.tanh,
    sg.relu,
    sg.sigmoid,
    sg.softplus,
    sg.sin,
    sg.abs,
    lambda x: x * x * 0.3,
    lambda x: sg.exp(-(x * x)),
    lambda x: sg.leaky_relu(x, 0.2),
    lambda x: sg.where(sg.lt(x, 0.1), x * 0.5, sg.cos(x)),
    lambda x: sg.clamp(x, -0.7, 0.8),
]

COMBINATIONS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (b * b + 1.0),
    sg.maximum,
    sg.atan2,
]

REDUCTIONS: list[Callable[[Vector], Any]] = [
    sg.sum,
    sg.mean,
    sg.max,
    sg.min,
    sg.logsumexp,
    lambda x: sg.prod([sg.tanh(number) for number in x]),
    lambda x: sg.norm([number + 0.01 for number in x]),
    lambda x: sg.dot(x, x[::-1]),
]

LAYERS: dict[str, Callable[[Wiring], Vector]] = {
    "dense": _dense,
    "dense again": _dense,
    "convolution": _convolution,
    "activation": _activation,
    "activation again": _activation,
    "combination": _combination,
    "attention": _attention,
    "lists": _lists,
    "long list": _long_list,
    "recurrence": _recurrence,
    "normalization": _normalization,
    "softmax": _softmax,
    "mixture": _mixture,
    "reversal": _reversal,
    "stopped": _stopped,
    "derivative": _derivative,
    "shared": _shared,
}


@dataclass(frozen=True)
class Network:
    """A random network.

    function    takes vectors, and returns a Value or a list of them
    sizes       the lengths of its arguments
    """

    function: Callable[..., Any]
    model: Weights
    sizes: tuple[int, ...]

    def compile(self, backend: Any = "auto") -> Compiled:
        """The program."""
        return compile(self.function, self.model, self.sizes, backend=backend)

    def data(self, batch: int, seed: int = 0) -> list[Array]:
        """A batch of numbers."""
        rng = numpy.random.default_rng(seed)
        return [rng.normal(size=(batch, size)) for size in self.sizes]


def make_network(rng: Random, drawn: bool = False) -> Network:
    """The next network.

    drawn   whether some of its numbers are drawn at random
    """
    seed = rng.randrange(10**9)
    layers = rng.randint(1, 7)
    outputs = rng.choice([1, 1, 1, 4])
    sizes = tuple(rng.choice([1, 2, 3, 8, 9, 17]) for _ in range(rng.choice([1, 1, 2])))
    model = Weights([rng.uniform(-0.5, 0.5) for _ in range(rng.choice([1, 7, _PARAMETERS]))])
    read = [Value(rng.uniform(-1.0, 1.0)) for _ in range(2)]
    sources = [_Uniform(seed + i) for i in range(3)] if drawn else []

    def function(*arguments: Any) -> Any:
        inputs = [[x] if isinstance(x, Value) else list(x) for x in arguments]
        # The same choices whenever it runs.
        net = Wiring(Random(seed), list(model.weights), inputs, read)
        if sources:
            net.vectors.append([sg.RandomLeaf(source) for source in sources])
        for _ in range(layers):
            name = net.rng.choice(list(LAYERS))
            net.vectors.append(LAYERS[name](net)[:_LONGEST])
        return _finish(net, outputs)

    return Network(function, model, sizes)


def _finish(net: Wiring, outputs: int) -> Any:
    """The loss, and what else is returned: results, leaves, the same twice."""
    last = net.vectors[-1]
    loss = net.rng.choice(
        [
            lambda: sg.mean([x * x for x in last]),
            lambda: sg.sum(last),
            lambda: sg.tanh(last[0]) + sg.mean([w * w for w in net.parameters]),
            lambda: last[-1],
        ]
    )()
    loss = loss if isinstance(loss, Value) else Constant(loss)
    if outputs == 1:
        return loss
    # A layer of which the loss knows nothing.
    beside = _dense(net)
    sources = [last, beside, net.vectors[0], net.pick(), net.parameters, [Constant(2.0), loss]]
    return [loss, *(net.rng.choice(net.rng.choice(sources)) for _ in range(outputs - 1))]


class _Uniform:
    """A source of random numbers.

    Args:
        seed: That of its generator.
    """

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)

    def draw(self) -> float:
        """The next number."""
        return self.rng.uniform(-1.0, 1.0)


BATCHES = (1, 2, 3, 4, 7, 8, 9, 31, 64, 65, 100, 257)
"""Batches that fill vectors and chunks, and that don't."""


def differing_backends(mine: Any, other: Any, network: Network, batch: int) -> list[str]:
    """What the code of two programs of one network says otherwise than each other."""
    data = network.data(batch)
    drawn = mine.draw(batch)
    read = mine._read_leaves()
    seed = numpy.random.default_rng(1).normal(size=(batch, len(mine.program.outputs)))
    wrong = []

    outputs, expected = (each._backend.outputs(data, read, drawn) for each in (mine, other))
    scale = max(1.0, float(numpy.abs(expected).max()))
    wrong += ["outputs"] * (not alike(outputs, expected, scale))

    found = mine._backend.loss(data, read, drawn)
    loss, gradient, others, is_finite = other._backend.loss(data, read, drawn)
    slope = max(1.0, float(numpy.abs(gradient).max(initial=0.0)))
    wrong += ["loss"] * (not alike(found[0], loss, scale))
    wrong += ["gradient"] * (not alike(found[1], gradient, slope))
    wrong += ["finite"] * (found[3] != is_finite)
    if len(mine.program.outputs) > 1:
        wrong += ["others"] * (not alike(found[2], others, scale))

    pulled = [each._backend.pull_back(data, read, drawn, seed) for each in (mine, other)]
    for i, (one, two) in enumerate(zip(*pulled, strict=True)):
        slope = max(1.0, float(numpy.abs(two).max(initial=0.0)))
        wrong += [f"gradient of input {i}"] * (not alike(one, two, slope))
    return wrong
