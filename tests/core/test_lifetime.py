"""A chain of a million nodes, and the end of graphs: no recursion, no cycles, freed at once."""

import copy
import gc
import pickle
import tracemalloc
import weakref
from collections.abc import Iterator

import pytest

import scalargrad as sg
from scalargrad import Value
from scalargrad.nn import MLP


def chain(length: int) -> tuple[Value, Value]:
    """Its first and its last node: `length` operations, three kinds in turn."""
    leaf = Value(1.0)
    node = leaf
    for i in range(length):
        node = node + leaf if i % 1000 == 0 else (node * 1.0 if i % 2 else -node)
    return leaf, node


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_a_chain_of_a_million_nodes_builds_runs_backward_and_is_freed() -> None:
    leaf, node = chain(1_000_000)
    node.backward()
    expected = 1.0  # d(node)/d(leaf), by the forward recurrence
    for i in range(1_000_000):
        expected = expected + 1.0 if i % 1000 == 0 else (expected if i % 2 else -expected)
    assert leaf.grad == expected
    end = weakref.ref(leaf)
    del leaf, node
    assert end() is None


def test_a_long_chain_is_copied_pickled_and_differentiated_to_a_graph() -> None:
    leaf, node = chain(20_000)
    for twin in (copy.deepcopy(node), pickle.loads(pickle.dumps(node))):
        twin.backward()
        assert leaf.grad == 0.0
    node.backward()
    expected, leaf.grad = leaf.grad, 0.0
    node.backward(create_graph=True)
    assert leaf.grad.data == expected


@pytest.mark.usefixtures("no_collector")
def test_a_graph_is_freed_at_once() -> None:
    x = Value(0.5)
    ends = []
    for step in range(3):
        y = sg.tanh(x * 2) ** 2 + sg.logsumexp([x, 1.0, x])
        y.backward()
        ends += [weakref.ref(y), weakref.ref(y.args[0])]
        del y
        assert all(end() is None for end in ends), step


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("create_graph", [False, True])
def test_derivative_graphs_and_hooks_are_freed_at_once_too(create_graph: bool) -> None:
    x = Value(0.5)
    y = sg.tanh(x * 2)
    y.args[0].register_hook(lambda gradient: gradient * 2)
    y.backward(create_graph=create_graph)
    ends = [weakref.ref(y), weakref.ref(y.args[0])]
    del y
    # A gradient that is a graph and its leaf refer to each other, which only the user can undo.
    x.grad = 0.0
    assert [end() for end in ends] == [None, None]


@pytest.mark.usefixtures("no_collector")
def test_a_node_and_its_number_take_at_most_150_bytes() -> None:
    node = Value(1.0)
    tracemalloc.start()
    for _ in range(10_000):
        node = node + node * 0.5
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size <= 150 * 30_000  # a constant, a product and a sum each time


@pytest.mark.usefixtures("no_collector")
def test_a_training_step_leaves_nothing_to_the_garbage_collector() -> None:
    model = MLP(2, [4, 4, 1], activation="tanh")
    gc.collect()
    for _ in range(2):
        loss = sum((model([a, b]) - a * b) ** 2 for a in (0.0, 1.0) for b in (0.0, 1.0))
        model.zero_grad()
        loss.backward()
        for parameter in model.parameters():
            parameter.data -= 0.1 * parameter.grad
        del loss
    assert gc.collect() == 0


def test_steps_without_the_collector_leave_nothing_to_it() -> None:
    model = MLP(2, [4, 1], activation="tanh")
    gc.collect()
    with sg.collector_off():
        for create_graph in (False, True):
            inputs = [Value(0.5), Value(-1.0)]
            loss = (1.0 - 2.0 * model(inputs)) ** 2
            loss.args[0].register_hook(lambda gradient: gradient * 2)
            loss.backward(create_graph=create_graph)
            model.zero_grad()
            for x in inputs:
                x.grad = 0.0
            del loss, inputs, x
        assert not gc.isenabled()
        assert gc.collect() == 0
    assert gc.isenabled()


@pytest.mark.usefixtures("no_collector")
def test_an_error_on_the_way_leaves_nothing_behind() -> None:
    x = Value(0.5)
    for _ in range(2):
        with pytest.raises(TypeError):
            x + "1"  # type: ignore[operator]
    gc.collect()
    end = weakref.ref(x)
    del x
    assert end() is None
