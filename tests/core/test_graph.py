"""Walks over graphs: operands first, each node once, the same order always, no recursion."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value
from scalargrad.core.graph import topological, zero_gradients


def node(number: int, args: tuple[Value, ...] = (), known: bool = True) -> Value:
    """A Value with a number to tell it by. Without known partials it stores operands otherwise."""
    return Value(number, args, "made", partials=[0.0] * len(args) if known else None)


def numbers(nodes: list[Value]) -> list[float]:
    return [node.data for node in nodes]


@st.composite
def graphs(draw: st.DrawFn) -> list[Value]:
    """Nodes, each made from earlier ones, the same one twice at times."""
    nodes: list[Value] = []
    for number in range(draw(st.integers(1, 12))):
        args = draw(st.lists(st.sampled_from(nodes), max_size=3)) if nodes else []
        nodes.append(node(number, tuple(args), draw(st.booleans())))
    return nodes


@given(graphs())
def test_operands_come_first_and_every_node_once(nodes: list[Value]) -> None:
    order = topological([nodes[-1]])
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is nodes[-1]
    assert all(place[arg] < place[node] for node in order for arg in node.args)


@given(graphs())
def test_nothing_is_missing_and_nothing_else_is_there(nodes: list[Value]) -> None:
    reached: set[Value] = set()

    def visit(node: Value) -> None:
        reached.add(node)
        for arg in node.args:
            visit(arg)

    visit(nodes[-1])
    assert set(topological([nodes[-1]])) == reached


@given(graphs())
def test_the_order_depends_on_the_shape_alone(nodes: list[Value]) -> None:
    twins: dict[Value, Value] = {}
    for each in nodes:
        twins[each] = node(int(each.data), tuple(twins[arg] for arg in each.args))
    assert numbers(topological(nodes)) == numbers(topological([twins[each] for each in nodes]))


def by_the_book(roots: list[Value]) -> list[Value]:
    """The recursion of the textbook: depth first, each node after its operands, in order."""
    order: list[Value] = []
    seen: set[Value] = set()

    def visit(node: Value) -> None:
        if node not in seen:
            seen.add(node)
            for arg in node.args:
                visit(arg)
            order.append(node)

    for root in roots:
        visit(root)
    return order


@given(graphs(), st.data())
def test_the_order_is_that_of_the_recursion(nodes: list[Value], data: st.DataObject) -> None:
    roots = data.draw(st.lists(st.sampled_from(nodes), max_size=4))
    assert numbers(topological(roots)) == numbers(by_the_book(roots))


@given(graphs(), st.data())
def test_a_walk_that_zeroes_gradients_goes_the_same_way(
    nodes: list[Value], data: st.DataObject
) -> None:
    for each in nodes:
        each.grad = each.data + 1.0
    for _ in range(2):  # zeros of the first walk must not be taken for those of the second
        roots = data.draw(st.lists(st.sampled_from(nodes), max_size=4))
        before = {each: each.grad for each in nodes}
        leaves: list[tuple[Value, float]] = []
        order = zero_gradients(roots, leaves)
        assert numbers(order) == numbers(by_the_book(roots))
        assert leaves == [(each, before[each]) for each in order if not each.args]
        assert all(each.grad == (0.0 if each in order else before[each]) for each in nodes)


def test_several_roots_one_of_them_inside_another_and_one_twice() -> None:
    a = node(0)
    b = node(1, (a, a))
    c = node(2, (b,))
    d = node(3, (a,))
    order = topological([c, b, d, c])
    assert sorted(numbers(order)) == [0, 1, 2, 3]
    assert order.index(b) < order.index(c)


def test_no_roots() -> None:
    assert topological([]) == []
    assert zero_gradients([], []) == []


@pytest.mark.parametrize("make", [lambda x: x**3.0, lambda x: sg.clamp(x, -1.0, 1.0)])
def test_static_arguments_stay_where_operands_and_partials_are_replaced(
    make: Callable[[Value], Value],
) -> None:
    value = make(Value(0.5))
    before = value.static_args
    value.args = (Value(0.5),)
    value.partials = (7.0,)
    assert (len(value.args), value.partials, value.static_args) == (1, (7.0,), before)
    value.static_args = None
    assert (len(value.args), value.partials, value.static_args) == (1, (7.0,), None)


def test_depth_is_no_limit() -> None:
    last = node(0)
    for number in range(1, 20_000):
        last = node(number, (last,))
    order = topological([last])
    assert numbers(order) == list(range(20_000))
