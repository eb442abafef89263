"""The engine: its bits against scalargrad's, its gradients against torch and the sum over paths."""

import ast
import re
from collections.abc import Callable, Iterator
from inspect import getsource
from itertools import pairwise
from math import prod
from pathlib import Path
from random import Random
from typing import Any

import pytest

import viz
from demos import engine
from demos.engine import Node
from scalargrad import Parameter, Value
from scalargrad.core.ops import TABLE
from scalargrad.nn import Neuron
from tests.demos.conftest import Told
from tests.demos.page import files_of

ROOT = Path(engine.__file__).parent.parent
POINT = engine.START | {"x": 2.0, "y": 1.0}


def tutorial() -> Node:
    """The loss of one sample, from nodes."""
    return engine.loss_of({name: Node(number, name) for name, number in POINT.items()})


def grow(leaf: Any, seed: int) -> list[Any]:
    """Apply thirty random operations to four leaves and to their own results, then add all."""
    draw = Random(seed)
    pool = [leaf(draw.uniform(-2.0, 2.0)) for _ in range(4)]
    for _ in range(30):
        x, y = draw.choice(pool), draw.choice(pool)
        made = draw.choice((x + y, x - y, x * y, x.tanh(), x.sigmoid(), x.relu()))
        pool.append(made.tanh() if abs(made.data) > 3.0 else made)
    root = pool[0]
    for item in pool[1:]:
        root = root + item
    return [*pool, root]


def paths(root: Node, leaf: Node) -> Iterator[list[float]]:
    """Follow every path from the root to a leaf, and yield the derivatives on it."""
    if root is leaf:
        yield []
    for before, derivative in zip(root.inputs, root.derivatives, strict=True):
        for rest in paths(before, leaf):
            yield [derivative, *rest]


def leaves_of(root: Node) -> list[Node]:
    return [node for node in engine.sort(root) if not node.inputs]


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs_equal_those_of_scalargrad_bit_by_bit(seed: int) -> None:
    nodes = grow(Node, seed)
    values = grow(Value, seed)
    engine.backward(engine.sort(nodes[-1]))
    values[-1].backward()
    assert any(len(node.outputs) > 2 for node in nodes)
    assert [(node.data.hex(), node.grad.hex()) for node in nodes] == [
        (value.data.hex(), value.grad.hex()) for value in values
    ]


def test_gradients_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    k1, b1, k2, b2, x, y = (
        torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in POINT.values()
    )
    ((k2 * torch.sigmoid(k1 * x + b1) + b2 - y) ** 2).backward()
    order = engine.sort(tutorial())
    engine.backward(order)
    found = {node.label: node.grad for node in order}
    expected = [leaf.grad.item() for leaf in (k1, b1, k2, b2, x, y)]
    assert [found[name] for name in POINT] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("root", [tutorial(), engine.deep(4)])
def test_a_gradient_is_the_sum_over_all_paths(root: Node) -> None:
    engine.backward(engine.sort(root))
    for leaf in leaves_of(root):
        assert leaf.grad == pytest.approx(sum(map(prod, paths(root, leaf))), rel=1e-12)


@pytest.mark.parametrize("root", [tutorial(), engine.deep(1), engine.deep(4)])
def test_multiplications_are_those_that_one_counts(root: Node) -> None:
    along = sum(len(path) for leaf in leaves_of(root) for path in paths(root, leaf))
    edges = sum(len(node.inputs) for node in engine.sort(root))
    assert engine.work(engine.sort(root)) == (along, edges)


def test_forgetting_more_than_doubles_the_work_with_every_layer() -> None:
    counts = [engine.work(engine.sort(engine.deep(layers))) for layers in range(1, 13)]
    for (path, edges), (longer, more) in pairwise(counts):
        assert longer > 2 * path
        assert more == edges + 18
    assert counts[-1][0] > 1_000_000
    assert counts[-1][1] < 300


@pytest.mark.parametrize("seed", range(5))
def test_the_order_has_every_node_once_and_after_its_inputs(seed: int) -> None:
    root = grow(Node, seed)[-1]
    order = engine.sort(root)
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is root
    assert all(place[before] < place[node] for node in order for before in node.inputs)


def test_scalargrad_sorts_graphs_that_are_too_deep_for_recursion() -> None:
    node, value = Node(0.5), Value(0.5)
    for _ in range(3000):
        node, value = node.tanh(), value.tanh()
    with pytest.raises(RecursionError):
        engine.sort(node)
    value.backward()
    assert value.data == node.data


def test_outputs_are_the_other_end_of_inputs() -> None:
    order = engine.sort(tutorial())
    inputs = [(before, node) for node in order for before in node.inputs]
    outputs = [(node, user) for node in order for user in node.outputs]
    assert sorted(inputs, key=repr) == sorted(outputs, key=repr)


def test_the_training_ends_at_the_bits_of_fit_near_the_truth() -> None:
    trained = engine.train()
    assert {name: number.hex() for name, number in trained.items()} == {
        name: number.hex() for name, number in engine.train_with_fit().items()
    }
    assert trained == pytest.approx(engine.TRUTH, abs=1e-6)


def test_a_neuron_is_that_of_scalargrad_to_the_last_bit() -> None:
    other = Neuron(3, activation="tanh", initializer="xavier", seed=4)
    other.bias.data = 0.3
    weights = [Node(weight.data) for weight in other.weights]
    inputs = [Node(x) for x in (0.7, -1.1, 0.2)]
    root = engine.neuron(weights, inputs, Node(0.3)).tanh()
    engine.backward(engine.sort(root))
    value = other([0.7, -1.1, 0.2])
    value.backward()
    assert root.data.hex() == value.data.hex()
    assert [w.grad.hex() for w in weights] == [w.grad.hex() for w in other.weights]


def test_the_picture_is_that_of_scalargrads_own_graph() -> None:
    leaves: dict[str, Value] = {
        name: (Parameter(number, label=name) if name in engine.START else Value(number, label=name))
        for name, number in POINT.items()
    }
    own = engine.loss_of(leaves)
    own.backward()
    order = engine.sort(tutorial())
    engine.backward(order)
    copy = engine.as_values(order)
    assert viz.draw(copy, level="cards").svg() == viz.draw(own, level="cards").svg()


def test_the_engine_is_sixty_lines_and_needs_math_alone() -> None:
    source = getsource(engine)
    part = source[source.index("# The engine\n") : source.index("# The engine at work")]
    tree = ast.parse(part)
    documented = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or 0) + 1)
    }
    code = [
        line
        for i, line in enumerate(part.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#") and i not in documented
    ]
    assert 55 <= len(code) <= 70
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not used & {"Value", "MLP", "SGD", "fit", "viz", "sigmoid", "Parameter"}


def test_the_five_files_are_there_and_in_the_guide() -> None:
    guide = (ROOT / "docs" / "how-it-is-built.md").read_text(encoding="utf-8")
    named = re.findall(r"^\d\. \[`([^`]+)`\]", guide, re.MULTILINE)
    assert sorted(engine.FULL_SIZE.values()) == sorted(named)
    assert all((ROOT / file).is_file() for file in named)
    assert len(TABLE) > 70


def test_the_story_says_what_was_measured(told: Callable[[str], Told]) -> None:
    ran = told("engine")
    numbers = dict(ran.story.numbers)
    assert numbers["parameters that differ in any bit"] == "0 of 4"
    every_path, edges = engine.work(engine.sort(tutorial()))
    assert numbers["multiplications for all gradients of this graph"] == (
        f"{every_path} along every path, {edges} in one pass back"
    )
    assert ran.files == files_of(ran.story)
