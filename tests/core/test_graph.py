"""Walks over graphs: operands first, each node once, the same order always, no recursion."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from scalargrad.core.graph import topological


@dataclass(eq=False)
class Node:
    number: int
    args: tuple["Node", ...] = ()


def numbers(nodes: list[Node]) -> list[int]:
    return [node.number for node in nodes]


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Nodes, each made from earlier ones, the same one twice at times."""
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 12))):
        args = draw(st.lists(st.sampled_from(nodes), max_size=3)) if nodes else []
        nodes.append(Node(number, tuple(args)))
    return nodes


@given(graphs())
def test_operands_come_first_and_every_node_once(nodes: list[Node]) -> None:
    order = topological([nodes[-1]])
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is nodes[-1]
    assert all(place[arg] < place[node] for node in order for arg in node.args)


@given(graphs())
def test_nothing_is_missing_and_nothing_else_is_there(nodes: list[Node]) -> None:
    reached: set[Node] = set()

    def visit(node: Node) -> None:
        reached.add(node)
        for arg in node.args:
            visit(arg)

    visit(nodes[-1])
    assert set(topological([nodes[-1]])) == reached


@given(graphs())
def test_the_order_depends_on_the_shape_alone(nodes: list[Node]) -> None:
    twins: dict[Node, Node] = {}
    for node in nodes:
        twins[node] = Node(node.number, tuple(twins[arg] for arg in node.args))
    assert numbers(topological(nodes)) == numbers(topological([twins[node] for node in nodes]))


def by_the_book(roots: list[Node]) -> list[Node]:
    """Depth first, operands in order, each node after its operands: the textbook recursion."""
    order: list[Node] = []
    seen: set[Node] = set()

    def visit(node: Node) -> None:
        if node not in seen:
            seen.add(node)
            for arg in node.args:
                visit(arg)
            order.append(node)

    for root in roots:
        visit(root)
    return order


@given(graphs(), st.data())
def test_the_order_is_that_of_the_recursion(nodes: list[Node], data: st.DataObject) -> None:
    roots = data.draw(st.lists(st.sampled_from(nodes), max_size=4))
    assert numbers(topological(roots)) == numbers(by_the_book(roots))


def test_several_roots_one_of_them_inside_another_and_one_twice() -> None:
    a = Node(0)
    b = Node(1, (a, a))
    c = Node(2, (b,))
    d = Node(3, (a,))
    order = topological([c, b, d, c])
    assert sorted(numbers(order)) == [0, 1, 2, 3]
    assert order.index(b) < order.index(c)


def test_no_roots() -> None:
    assert topological([]) == []


def test_depth_is_no_limit() -> None:
    node = Node(0)
    for number in range(1, 200_000):
        node = Node(number, (node,))
    order = topological([node])
    assert numbers(order) == list(range(200_000))
    while order:  # freed from the top, or the interpreter would recurse
        order.pop().args = ()
