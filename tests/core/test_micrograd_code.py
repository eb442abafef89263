"""Code for micrograd runs on Value, with the results of micrograd 0.1.0 and finite differences."""

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

import scalargrad as sg
from scalargrad import Buffer, Constant, Parameter, Value
from scalargrad.core.graph import topological
from scalargrad.errors import CallError, DataError
from scalargrad.nn import MLP
from viz.model.snapshot import symbol as drawn_symbol

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
    layers = [
        [Neuron(value, inputs, rng) for _ in range(outputs)]
        for inputs, outputs in ((3, 4), (4, 4), (4, 1))
    ]
    parameters = [p for layer in layers for neuron in layer for p in neuron.parameters()]
    xs, ys = (
        [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]],
        [1.0, 0.5, 0.2, 1.0],
    )
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


def test_our_networks_and_micrograds_agree_over_either_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
    assert product._op == "*"
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


SYMBOLS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "**2": lambda a, _: a**2,
    "**2.5": lambda a, _: a**2.5,
    "**-1": lambda a, _: a**-1,
    "ReLU": lambda a, _: a.relu(),
}


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_operations_have_the_symbols_of_micrograd(symbol: str) -> None:
    make = SYMBOLS[symbol]
    ours, theirs = (make(value(2.0), value(3.0))._op for value in ENGINES)
    assert ours == theirs == symbol


OUR_SYMBOLS: dict[str, Callable[[Any, Any], Any]] = {
    "-": lambda a, b: a - b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: a**b,
    "**2": lambda a, _: a**2.0,
    "**-3": lambda a, _: a**-3.0,
    "**0.3333333333333333": lambda a, _: a ** (1 / 3),
    "**inf": lambda a, _: a ** float("inf"),
    "neg": lambda a, _: -a,
    "tanh": lambda a, _: a.tanh(),
    "exp": lambda a, _: a.exp(),
    "sigmoid": lambda a, _: a.sigmoid(),
    "": lambda a, _: a,
}


@pytest.mark.parametrize("symbol", OUR_SYMBOLS)
def test_operations_that_micrograd_has_not_have_the_plainest_symbol(symbol: str) -> None:
    assert OUR_SYMBOLS[symbol](Value(2.0), Value(3.0))._op == symbol


def test_pictures_keep_symbols_of_their_own() -> None:
    a, b = Value(2.0), Value(3.0)
    assert [drawn_symbol(node) for node in (a * b, a / b, a - b, a**2)] == ["×", "÷", "−", "x²"]


def test_the_arguments_by_the_names_that_micrograd_gives_them() -> None:
    a, b = Value(2.0), Value(3.0)
    for value in ENGINES:
        node = value(6.0, _children=(), _op="*")
        assert (node.data, tuple(node._prev), node._op) == (6.0, (), "*")
    node = Value(6.0, _children=(a, b), _op="*", label="d")
    assert (node.args, node.op, node.label) == ((a, b), "*", "d")
    assert Value(6.0, (a, b), "*", "d").label == "d"
    with pytest.raises(CallError, match="args or _children"):
        Value(6.0, (a, b), _children=(a, b))
    with pytest.raises(CallError, match="op or _op"):
        Value(6.0, (a, b), "*", _op="*")


def test_the_names_that_microgpt_gives_them() -> None:
    a, b = Value(2.0), Value(3.0)
    assert ((a * b)._children, (a * b)._local_grads) == ((a, b), (3.0, 2.0))
    with pytest.raises(
        DataError, match=r"not \(3\.0, 2\.0\): local derivatives are given as partials="
    ):
        Value(6.0, (a, b), (3.0, 2.0))  # type: ignore[arg-type]


def lecture(value: Any) -> list[float]:
    """A lecture's neuron, its activation written by hand, walked back node by node."""
    x1, x2, w1, w2, b = map(value, (2.0, 0.0, -3.0, 1.0, 6.8813735870195432))
    first, second = x1 * w1, x2 * w2
    both = first + second
    n = both + b
    t = math.tanh(n.data)
    o = value(t, (n,), "tanh")

    def _backward() -> None:
        n.grad += (1 - t**2) * o.grad

    o._backward = _backward
    o.grad = 1.0
    for node in (o, n, b, both, first, second, w1):
        node._backward()
    return [leaf.grad for leaf in (x1, x2, w1, w2, b)]


def test_the_walk_back_by_hand_gives_micrograds_numbers() -> None:
    ours, theirs = (lecture(value) for value in ENGINES)
    assert ours == theirs
    assert ours == pytest.approx([-1.5, 0.5, 1.0, 0.0, 0.5], abs=1e-9)


# Classes derived from Value


class Cubic(Value):
    """What a lecturer adds to a Value."""

    def __init__(self, data: float, reason: str) -> None:
        super().__init__(data)
        self.reason = reason

    def cube(self) -> Any:
        return self * self * self


class Square(Value):
    pass


RESULTS: dict[str, Callable[[Any], Any]] = {
    "+ number": lambda v: v + 1,
    "number -": lambda v: 1 - v,
    "Value *": lambda v: Value(2.0) * v,
    "Parameter *": lambda v: Parameter(2.0) * v,
    "Constant +": lambda v: Constant(2.0) + v,
    "-": lambda v: -v,
    "** number": lambda v: v**2,
    "number **": lambda v: 2**v,
    "function": sg.tanh,
    "method": lambda v: v.exp(),
    "clamp": lambda v: sg.clamp(v, 0.0, 1.0),
    "list": lambda v: sg.sum([Value(1.0), 2.0, v]),
    "two lists": lambda v: sg.dot([1.0, Value(2.0)], [v, 3.0]),
    "sum": lambda v: sum([v, v]),
    "floor division": lambda v: v // 2,
    "abs": abs,
    "another class after it": lambda v: v * Square(2.0),
    "without a graph": sg.no_grad(lambda v: v * 2),
    "detached": lambda v: v.detach(),
    "derivative": lambda v: sg.grad(lambda x: x * v)(1.0),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=list(RESULTS))
def test_results_are_of_the_class_of_the_first_operand_that_a_user_derived(
    make: Callable[[Any], Any],
) -> None:
    result = make(Cubic(0.5, "a"))
    assert type(result) is Cubic
    assert result.cube().data == result.data**3
    assert not hasattr(result, "reason")
    assert type(make(Value(0.5))) is not Cubic


def test_chains_of_a_derived_class_go_back() -> None:
    v = Cubic(2.0, "a")
    result = (v * 3).cube()
    result.backward()
    assert (type(result), result.data, v.grad) == (Cubic, 216.0, 324.0)


@pytest.mark.parametrize(
    "make",
    [lambda: Parameter(2.0), lambda: Constant(2.0), lambda: Buffer(2.0)],
    ids=["Parameter", "Constant", "Buffer"],
)
def test_our_own_classes_give_values(make: Callable[[], Value]) -> None:
    assert type(make() * 2) is Value


def test_a_class_derived_from_parameter_gives_values_too() -> None:
    class Weight(Parameter):
        pass

    assert type(Weight(2.0) * 3) is Value
    assert type(Weight(2.0) * Cubic(3.0, "a")) is Cubic


def test_a_class_derived_from_a_derived_class() -> None:
    class Fourth(Cubic):
        pass

    assert type(Fourth(2.0, "a") + Cubic(1.0, "b")) is Fourth


def test_a_derived_class_is_compiled_and_differentiated() -> None:
    def f(x: Value) -> Value:
        return Square(2.0) * x * x

    assert sg.grad(f)(3.0).data == 12.0
    assert sg.compile(f, inputs=(1,))([[3.0]]).item() == 18.0


# Attributes of the user's own


def test_adams_state_lives_on_the_parameters() -> None:
    p = Parameter(1.0)
    p.m = p.v = 0.0
    (p * p).backward()
    p.m = 0.9 * p.m + 0.1 * p.grad
    p.v = 0.99 * p.v + 0.01 * p.grad**2
    assert (p.m, p.v) == pytest.approx((0.2, 0.04), rel=1e-15)
    del p.m
    assert not hasattr(p, "m")
