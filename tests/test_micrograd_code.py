"""Code in the manner of micrograd runs on our Value, and gives the numbers of micrograd 0.1.0 and of finite differences."""

import random
from typing import Any

import pytest

from scalargrad import Value
from scalargrad.graph import topological
from scalargrad.nn import MLP

micrograd_engine = pytest.importorskip("micrograd.engine")
micrograd_nn = pytest.importorskip("micrograd.nn")

ENGINES = [Value, micrograd_engine.Value]


def relative(number: float, expected: float) -> float:
    return abs(number - expected) / max(abs(expected), 1e-300)


def arithmetic(value: Any) -> list[float]:
    """Every operator that micrograd has, each number used in several places."""
    a, b = value(-3.5), value(1.25)
    c = a * b + b**3 - a / b
    d = 2 * a + (1 - b) + c + (-c) / 4
    d += (d * 2 + (b + a).relu()) * c
    e = (d - c) ** 2 + 10.0 / (c + 30)
    e += e / 2.0 + (3 * c - d).relu() * 0.01 - 1
    a.grad = b.grad = 0
    e.backward()
    return [e.data, a.grad, b.grad, c.data, d.data, d.grad]


def test_arithmetic_agrees_with_micrograd() -> None:
    ours, theirs = (arithmetic(value) for value in ENGINES)
    assert [relative(x, y) < 1e-12 for x, y in zip(ours, theirs, strict=True)] == [True] * 6


def test_arithmetic_agrees_with_finite_differences() -> None:
    def output(a: float) -> float:
        b = 1.25
        c = a * b + b**3 - a / b
        d = 2 * a + (1 - b) + c + (-c) / 4
        d += (d * 2 + max(b + a, 0.0)) * c
        e = (d - c) ** 2 + 10.0 / (c + 30)
        return e + e / 2.0 + max(3 * c - d, 0.0) * 0.01 - 1

    result, gradient, *_ = arithmetic(Value)
    assert result == pytest.approx(output(-3.5), rel=1e-14)
    h = 1e-5
    assert gradient == pytest.approx((output(-3.5 + h) - output(-3.5 - h)) / (2 * h), rel=1e-7)


class Neuron:
    """A neuron as a lecture writes it, over whichever Value."""

    def __init__(self, value: Any, inputs: int, rng: random.Random) -> None:
        self.w = [value(rng.uniform(-1, 1)) for _ in range(inputs)]
        self.b = value(rng.uniform(-1, 1))

    def __call__(self, x: list[Any]) -> Any:
        return sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b).relu()

    def parameters(self) -> list[Any]:
        return [*self.w, self.b]


def training(value: Any) -> list[float]:
    """Thirty steps of a lecture's loop: forward, zero, backward, update."""
    rng = random.Random(42)
    layers = [[Neuron(value, inputs, rng) for _ in range(outputs)] for inputs, outputs in ((3, 4), (4, 4), (4, 1))]
    parameters = [p for layer in layers for neuron in layer for p in neuron.parameters()]
    xs, ys = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]], [1.0, 0.5, 0.2, 1.0]
    losses = []
    for _ in range(30):
        outputs = []
        for x in xs:
            for layer in layers:
                x = [neuron(x) for neuron in layer]
            outputs.append(x[0])
        loss = sum((out - y) ** 2 for y, out in zip(ys, outputs, strict=True))
        for p in parameters:
            p.grad = 0
        loss.backward()
        for p in parameters:
            p.data += -0.05 * p.grad
        losses.append(loss.data)
    return [*losses, *[p.data for p in parameters]]


def test_training_agrees_with_micrograd() -> None:
    ours, theirs = (training(value) for value in ENGINES)
    assert len(set(ours)) > 30
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


def test_our_networks_and_micrograds_agree_over_either_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its network, its network with our Value under it, and ours, with the same weights."""
    theirs, ours = micrograd_nn.MLP(3, [4, 4, 1]), MLP(3, [4, 4, 1])
    monkeypatch.setattr(micrograd_nn, "Value", Value)
    networks = [theirs, micrograd_nn.MLP(3, [4, 4, 1]), ours]
    results = []
    for network in networks:
        for p, q in zip(network.parameters(), theirs.parameters(), strict=True):
            p.data = q.data
        output = network([1.0, -2.0, 3.0])
        output.backward()
        results.append([output.data, *[p.grad for p in network.parameters()]])
    assert type(networks[1].parameters()[0]) is Value
    assert results[1] == pytest.approx(results[0], rel=1e-12)
    assert results[2] == pytest.approx(results[0], rel=1e-12)


def test_the_constructor_and_attributes_as_drawing_code_uses_them() -> None:
    a, b = Value(2.0, label="a"), Value(-3.0)
    node = Value(-6.0, (a, b), "*", label="e")
    assert (node._prev, node._op, node.label, node.grad) == ((a, b), "*", "e", 0.0)
    product = a * b
    assert (set(product._prev), a._prev, a._op) == ({a, b}, (), "")
    assert product._op == "×"
    a.label = "renamed"
    assert a.label == "renamed"


def trace(root: Any) -> tuple[set[Any], set[Any]]:
    """The walk of the classic drawing code."""
    nodes, edges = set(), set()

    def build(v: Any) -> None:
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def test_the_walk_of_the_classic_drawing_code() -> None:
    a, b = Value(2.0), Value(-3.0)
    output = (a * b + 10.0).relu()
    nodes, edges = trace(output)
    assert nodes == set(topological([output]))
    assert len(edges) == 5


def test_a_gradient_is_taken_of_the_whole_expression_when_a_value_is_used_twice() -> None:
    a = Value(3.0)
    b = a + a
    b.backward()
    assert a.grad == 2.0


def test_sum_of_pythons_own_starts_at_zero() -> None:
    values = [Value(1.0), Value(2.0)]
    total = sum(values)
    total.backward()
    assert (total.data, [v.grad for v in values]) == (3.0, [1.0, 1.0])
