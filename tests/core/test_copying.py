"""copy, deepcopy and pickle keep the graph and what is shared; the copy feeds its own leaves."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import scalargrad as sg
from scalargrad import Constant, Parameter, Value
from scalargrad.core.graph import topological
from scalargrad.errors import GraphError
from scalargrad.nn import MLP

Copier = Callable[[Any], Any]

DEEP: dict[str, Copier] = {"deepcopy": copy.deepcopy}
DEEP |= {
    f"pickle {n}": lambda thing, n=n: pickle.loads(pickle.dumps(thing, n))
    for n in range(2, pickle.HIGHEST_PROTOCOL + 1)
}
every_deep_copy = pytest.mark.parametrize("deep", DEEP.values(), ids=list(DEEP))


def everything(root: Value) -> list[tuple[Any, ...]]:
    """All that can be seen of a graph."""
    order = topological([root])
    place = {node: i for i, node in enumerate(order)}
    return [  # one line for each node
        (
            type(n),
            n.data,
            n.grad,
            n.op,
            n.label,
            n.partials,
            n.static_args,
            repr(n.scope),
            [place[arg] for arg in n.args],
        )
        for n in order
    ]


def example() -> tuple[Value, Parameter, Value]:
    x, w = Value(2.0, label="x"), Parameter(0.5, label="w")
    y = sg.tanh(w * x + 1) ** 3 + sg.clamp(x, 0, 5) / x
    y.label = "y"
    y.backward()
    return x, w, y


@every_deep_copy
def test_a_copy_has_all_that_the_original_has(deep: Copier) -> None:
    _, _, y = example()
    assert everything(deep(y)) == everything(y)


@every_deep_copy
def test_backward_of_a_copy_feeds_the_leaves_of_the_copy(deep: Copier) -> None:
    x, w, y = example()
    before = (x.grad, w.grad)
    twin = deep(y)
    leaves = {node.label: node for node in topological([twin]) if node.label}
    assert leaves["w"] is not w
    twin.backward()
    assert (x.grad, w.grad) == before
    assert (leaves["x"].grad, leaves["w"].grad) == (2 * x.grad, 2 * w.grad)


@every_deep_copy
def test_what_several_roots_share_stays_shared(deep: Copier) -> None:
    a = Value(2.0)
    trunk = a * a
    first, second, again, leaf = deep([3 * trunk, 4 * trunk, trunk, a])
    assert first.args[1] is second.args[1] is again
    assert again.args == (leaf, leaf)
    first.backward()
    second.backward()
    assert (leaf.grad, a.grad) == (28.0, 0.0)


@every_deep_copy
def test_roots_inside_of_other_things_and_in_any_order(deep: Copier) -> None:
    a = Value(2.0)
    b = a * 3
    c = b + a
    twin = deep({"leaf": a, "list": [c, (b,)], "again": c})
    assert twin["list"][0] is twin["again"]
    assert twin["again"].args == (twin["list"][1][0], twin["leaf"])


@every_deep_copy
def test_kinds_and_modules_survive(deep: Copier) -> None:
    model = MLP(2, [3, 1], seed=7)
    loss = model([1.0, 2.0]) ** 2
    twin_model, twin_loss = deep((model, loss))
    assert twin_model.state_dict() == model.state_dict()
    twin_loss.backward()
    assert any(p.grad for p in twin_model.parameters())
    assert not any(p.grad for p in model.parameters())
    assert {type(node) for node in topological([twin_loss])} == {Value, Parameter}
    assert type(deep(Constant(2.0))) is Constant


@every_deep_copy
def test_gradients_that_are_graphs_are_copied_with_what_they_share(deep: Copier) -> None:
    x = Value(3.0)
    (x * x * x).backward(create_graph=True)
    twin = deep(x)
    gradient, twin.grad = twin.grad, 0.0
    gradient.backward()
    assert (twin.grad, x.grad.data) == (18.0, 27.0)


@every_deep_copy
def test_hooks_stay_with_the_original(deep: Copier) -> None:
    a = Value(2.0)
    a.register_hook(lambda gradient: gradient * 10)
    twin = deep(a)
    twin.backward()
    assert twin.grad == 1.0


def test_a_shallow_copy_shares_the_operands() -> None:
    a = Value(2.0)
    b = a * 3
    twin = copy.copy(b)
    assert twin is not b
    assert (twin.data, twin.op, twin.args[0]) == (6.0, b.op, a)
    twin.backward()
    assert a.grad == 3.0
    leaf = copy.copy(a)
    leaf.data = 5.0
    assert a.data == 2.0


def test_deepcopy_twice_with_one_memo_gives_one_copy() -> None:
    a = Value(2.0)
    memo: dict[int, Any] = {}
    assert copy.deepcopy(a * 2, memo).args[0] is copy.deepcopy(a, memo)


def test_a_pickle_that_fails_does_not_disturb_the_next() -> None:
    a = Value(2.0)
    b = a * 3
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps([b, lambda: None])
    assert everything(pickle.loads(pickle.dumps(b))) == everything(b)


def test_a_graph_inside_of_one_that_was_pickled_before_may_be_as_long() -> None:
    inner = Value(1.0)
    for _ in range(20_000):
        inner = inner + 1.0
    outer = inner * 2.0
    pickle.dumps(outer)
    assert len(pickle.dumps(inner)) > 20_000
    node = outer
    while node.args:  # freed from the top, or the interpreter would recurse
        node = node.args[0]


# What a user adds


class Tagged(Value):
    """Remembers something of its own, and has a constructor that a copy must not call."""

    def __init__(self, data: float, tag: Any) -> None:
        super().__init__(data)
        self.tag = tag


class Slotted(Value):
    """Keeps what it remembers in slots, one of which may be empty, and one of which is private."""

    __slots__ = ("__secret", "empty", "tag")

    def __init__(self, data: float, tag: Any) -> None:
        super().__init__(data)
        self.tag = tag
        self.__secret = 7

    def secret(self) -> int:
        return self.__secret


every_copy = pytest.mark.parametrize("copier", [copy.copy, *DEEP.values()], ids=["copy", *DEEP])


@every_copy
@pytest.mark.parametrize("kind", [Tagged, Slotted])
def test_attributes_of_a_derived_class_survive(copier: Copier, kind: Any) -> None:
    twin = copier(kind(2.0, {"names": ["a"]}))
    assert (type(twin), twin.data, twin.tag) == (kind, 2.0, {"names": ["a"]})
    assert not hasattr(twin, "empty")


@every_copy
def test_a_private_slot_survives(copier: Copier) -> None:
    assert copier(Slotted(2.0, None)).secret() == 7


@every_copy
def test_attributes_of_a_parameter_survive(copier: Copier) -> None:
    parameter = Parameter(2.0, label="w")
    parameter.m, parameter.v, parameter.anything = 0.5, 0.25, [1]
    parameter.trainable = False
    twin = copier(parameter)
    assert (twin.m, twin.v, twin.anything, twin.trainable, twin.label) == (
        0.5,
        0.25,
        [1],
        False,
        "w",
    )
    twin.m = 9.0
    assert parameter.m == 0.5


@every_deep_copy
def test_attributes_are_copied_as_deeply_as_the_rest(deep: Copier) -> None:
    value = Tagged(2.0, ["a"])
    assert deep(value).tag is not value.tag


@every_deep_copy
def test_attributes_that_lead_back_into_the_graph(deep: Copier) -> None:
    leaf = Tagged(2.0, None)
    other = Tagged(3.0, leaf)
    output = leaf * other
    leaf.tag = output  # from an operand to what it was used for
    twin = deep(output)
    assert twin.args[0].tag is twin
    assert twin.args[1].tag is twin.args[0]
    assert len(topological([twin])) == 3
    assert deep(leaf).tag.args[0].tag.data == 6.0


@every_deep_copy
def test_long_graphs_of_a_derived_class(deep: Copier) -> None:
    node: Value = Tagged(1.0, "leaf")
    for _ in range(5_000):
        node = node + 1.0
    twin = deep(node)
    assert topological([twin])[0].tag == "leaf"  # type: ignore[attr-defined]
    while node.args:  # freed from the top, or the interpreter would recurse
        node = node.args[0]


@every_copy
def test_a_result_without_a_graph_remembers_that_it_has_none(copier: Copier) -> None:
    a = Value(2.0)
    with sg.no_grad():
        product = a * 3
    with pytest.raises(GraphError, match="no_grad"):
        copier(product).backward()


@every_copy
def test_a_copy_of_a_value_with_a_backward_of_its_own_says_that_it_has_none(copier: Copier) -> None:
    a = Value(2.0)
    product = a * 3
    product._backward = lambda: None
    with pytest.raises(GraphError, match="copy of a Value whose _backward"):
        copier(product).backward()
    product.backward()
    assert a.grad == 0.0
