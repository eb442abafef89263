"""Backward passes: they add up exactly, start anywhere, and never change the past."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Parameter, Value, backward
from scalargrad.core.backprop import operands
from scalargrad.core.graph import topological
from scalargrad.errors import (
    DataError,
    GraphError,
    LengthError,
    OptionError,
    TraceError,
    UnlearnedWarning,
)
from scalargrad.nn import MLP


def test_mutating_a_leaf_can_not_change_the_gradient_of_the_past() -> None:
    a, b = Value(3.0), Value(4.0)
    product = a * b + sg.exp(a) * b**2
    expected = (4.0 + 16.0 * math.exp(3.0), 3.0 + 8.0 * math.exp(3.0))
    a.data, b.data = 100.0, -1.0
    product.backward()
    assert (a.grad, b.grad) == pytest.approx(expected, rel=1e-14)


def test_backward_twice_leaves_accumulate_and_interior_nodes_show_the_last_pass() -> None:
    a = Value(3.0)
    square = a * a
    output = square * 2
    output.backward()
    assert (a.grad, square.grad, output.grad) == (12.0, 2.0, 1.0)
    output.backward()
    assert (a.grad, square.grad, output.grad) == (24.0, 2.0, 1.0)


def test_two_losses_over_one_trunk_add_up_exactly() -> None:
    a = Value(2.0)
    trunk = a * a
    first, second = 3 * trunk, 4 * trunk
    first.backward()
    second.backward()
    assert a.grad == 28.0


def test_a_pass_over_an_interior_node_does_not_feed_the_next_one() -> None:
    a = Value(2.0)
    trunk = a * a
    trunk.backward()
    (5 * trunk).backward()
    assert (a.grad, trunk.grad) == (24.0, 5.0)


def test_seeds() -> None:
    a = Value(3.0)
    (a * a).backward(gradient=10)
    assert a.grad == 60.0
    (a * a).backward(Value(0.5))
    assert a.grad == 63.0


def test_several_outputs_in_one_pass() -> None:
    a = Value(2.0)
    trunk = a * a
    backward([3 * trunk, 4 * trunk, trunk], [1.0, 10.0, 100.0])
    assert (trunk.grad, a.grad) == (143.0, 572.0)
    a.grad = 0.0
    backward([trunk, trunk])
    assert a.grad == 8.0
    backward([])
    assert a.grad == 8.0


def test_the_output_itself_may_be_a_leaf() -> None:
    a = Value(2.0)
    a.backward()
    a.backward()
    assert a.grad == 2.0


def test_seeds_that_do_not_fit() -> None:
    a = Value(2.0)
    with pytest.raises(LengthError, match="2 outputs, 1 gradients"):
        backward([a, a], [1.0])
    with pytest.raises(DataError, match="float"):
        backward([a, 2.0])  # type: ignore[list-item]
    with pytest.raises(DataError, match=r"Values in a list, not float 2\.0"):
        backward(2.0)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="gradient"):
        a.backward("1")  # type: ignore[arg-type]
    assert a.grad == 0.0


def test_gradients_may_be_set_to_none_or_to_a_whole_number() -> None:
    a = Value(3.0)
    for cleared in (0, None, 0.0):
        a.grad = cleared
        (a * a).backward()
        assert a.grad == 6.0


def test_a_node_made_by_hand() -> None:
    a, b = Value(2.0), Value(5.0)
    node = Value(10.0, (a, b), "my product", partials=(5.0, 2.0))
    (node * 3).backward()
    assert (a.grad, b.grad) == (15.0, 6.0)
    with pytest.raises(GraphError, match="partials"):
        (Value(10.0, (a, b), "*") * 3).backward()
    assert (a.grad, b.grad) == (15.0, 6.0)
    for wrong in ((1.0,), ()):
        with pytest.raises(LengthError, match="2 args"):
            Value(10.0, (a, b), partials=wrong)
    with pytest.raises(DataError, match="args"):
        Value(10.0, (1.0,))  # type: ignore[arg-type]


def test_a_single_value_is_taken_as_it_is() -> None:
    a = Value(3.0)
    backward(a * a)
    assert a.grad == 6.0
    backward(a * a, 0.5)
    backward(a * a, Value(2.0))
    backward(a * a, [1.0])
    backward([a * a], 1.0)
    assert a.grad == 6.0 + 3.0 + 12.0 + 6.0 + 6.0
    with pytest.raises(LengthError, match="1 outputs, 2 gradients"):
        backward(a * a, [1.0, 2.0])


# Results without a graph


def without_graph() -> dict[str, Callable[[Parameter], Value]]:
    def in_block(p: Parameter) -> Value:
        with sg.no_grad():
            return p * p

    return {
        "no_grad": in_block,
        "decorated": sg.no_grad(lambda p: sg.tanh(p)),
        "a sum": sg.no_grad(lambda p: sg.sum([p, 1.0])),
        "a power": sg.no_grad(lambda p: p**2),
        "detach": lambda p: (p * p).detach(),
        "a hypotenuse": sg.no_grad(lambda p: sg.hypot(p, 4.0)),
    }


@pytest.mark.parametrize("make", without_graph().values(), ids=list(without_graph()))
@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_of_a_result_without_a_graph_is_refused(
    make: Callable[[Parameter], Value], create_graph: bool
) -> None:
    p = Parameter(3.0)
    loss = make(p)
    message = r"has no graph .*: it was computed inside no_grad\(\).*outside of no_grad\(\)"
    with pytest.raises(GraphError, match=message):
        loss.backward(create_graph=create_graph)
    with pytest.raises(GraphError, match=message):
        backward([p * p, loss])
    assert p.grad == 0.0


def test_pytorch_refuses_it_too() -> None:
    torch = pytest.importorskip("torch")
    p = torch.tensor(3.0, requires_grad=True)
    with torch.no_grad():
        loss = p * p
    with pytest.raises(RuntimeError):
        loss.backward()


def test_a_leaf_that_somebody_made_may_begin_a_pass_in_no_grad_too() -> None:
    for make in (Value, Parameter, sg.Constant):
        with sg.no_grad():
            leaf = make(2.0)
        leaf.backward()
        assert leaf.grad == 1.0


def test_a_result_without_a_graph_is_a_leaf_of_what_is_computed_from_it() -> None:
    x = Value(3.0)
    with sg.no_grad():
        x = x - 0.5
    (x * x).backward()
    assert x.grad == 5.0


def test_a_loss_that_reaches_no_parameter_because_of_no_grad_warns() -> None:
    model = MLP(2, [3, 1], seed=0)
    with sg.no_grad():
        output = model([1.0, 2.0])
    loss = (output - 1.0) ** 2
    with pytest.warns(
        UnlearnedWarning, match=r"what MLP computed has no graph.*no_grad\(\)"
    ) as caught:
        loss.backward()
    assert caught[0].filename == __file__
    assert output.grad == 2.0 * (output.data - 1.0)


def test_features_without_a_graph_are_no_mistake_where_something_after_them_learns() -> None:
    encoder, decoder = MLP(2, [3], seed=0), MLP(3, [1], seed=1)
    with sg.no_grad():
        features = encoder([1.0, 2.0])
    (decoder(features) ** 2).backward()
    assert any(p.grad for p in decoder.parameters())


# Operations made by hand, as for micrograd


def by_hand(x: Value, calls: list[float] | None = None) -> Value:
    """The hyperbolic tangent as a lecture writes it."""
    t = math.tanh(x.data)
    out = Value(t, (x,), "tanh")

    def _backward() -> None:
        if calls is not None:
            calls.append(out.grad)
        x.grad += (1 - t**2) * out.grad

    out._backward = _backward
    return out


def test_a_backward_that_was_set_by_hand_is_called_at_its_turn() -> None:
    x, y = Value(0.5), Value(0.5)
    calls: list[float] = []
    inner = by_hand(x * 2, calls)
    (inner * 3 + inner * inner).backward()
    other = sg.tanh(y * 2)
    (other * 3 + other * other).backward()
    assert calls == [other.grad]
    assert x.grad == pytest.approx(y.grad, rel=1e-15)


def test_a_second_pass_adds_to_the_leaves_as_ever() -> None:
    x = Value(0.5)
    loss = by_hand(x) * 2
    loss.backward()
    once = x.grad
    loss.backward()
    assert x.grad == 2 * once


def test_a_backward_that_raises_leaves_the_gradients_alone() -> None:
    x = Value(0.5)
    (x * 1).backward()
    out = x * 2

    def refuse() -> None:
        x.grad = 99.0
        raise KeyboardInterrupt

    out._backward = refuse
    with pytest.raises(KeyboardInterrupt):
        (out * 3).backward()
    assert x.grad == 1.0


def test_a_walk_that_is_interrupted_leaves_the_gradients_alone() -> None:
    class Interrupted(Value):
        @property
        def args(self) -> tuple[Value, ...]:
            raise KeyboardInterrupt

    x = Value(0.5)
    (x * 1).backward()
    with pytest.raises(KeyboardInterrupt):
        sg.backward([x * 2, Interrupted(1.0)])
    assert x.grad == 1.0


def test_the_steps_of_a_pass_called_one_by_one() -> None:
    a, b = Value(2.0), Value(-3.0)
    d = a * b
    o = sg.tanh(d + a)
    o.grad = 1.0
    for node in reversed(topological([o])):
        node._backward()
    found = (a.grad, b.grad, d.grad)
    a.grad = b.grad = 0.0
    o.backward()
    assert found == (a.grad, b.grad, d.grad)


STEPS = st.tuples(st.sampled_from(["+", "*", "-", "tanh"]), st.integers(0, 20), st.integers(0, 20))


@given(st.lists(STEPS, min_size=1, max_size=15))
def test_steps_in_any_graph_add_up_to_what_a_pass_gives(steps: list[tuple[str, int, int]]) -> None:
    leaves = [Value(0.5), Value(-1.5)]
    nodes = list(leaves)
    for op, i, j in steps:
        x = nodes[i % len(nodes)]
        y = nodes[j % len(nodes)]
        nodes.append({"+": x + y, "*": x * y, "-": x - y, "tanh": sg.tanh(x)}[op])
    nodes[-1].grad = 1.0
    for node in reversed(topological([nodes[-1]])):
        node._backward()
    found = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = 0.0
    nodes[-1].backward()
    assert found == [leaf.grad for leaf in leaves]


def test_a_step_called_twice_adds_twice_and_takes_a_cleared_gradient() -> None:
    a = Value(3.0)
    square = a * a
    square.grad, a.grad = 1.0, None
    square._backward()
    square._backward()
    assert a.grad == 12.0
    a._backward()  # that of a leaf does nothing
    assert a.grad == 12.0


def test_a_step_where_there_is_no_graph_is_refused() -> None:
    a = Value(3.0)
    with sg.no_grad():
        square = a * a
    with pytest.raises(GraphError, match="no_grad"):
        square._backward()
    with pytest.raises(GraphError, match=r"partials=.*or set its _backward"):
        Value(9.0, (a, a), "*")._backward()
    with pytest.raises(OptionError, match="_backward must be a function"):
        square._backward = 3.0  # type: ignore[assignment]


def taped(f: Callable[[Value], Value]) -> Any:
    x = Value(0.5)
    with sg.GradientTape() as tape:
        y = f(x)
    return tape.gradient(y, x)


WITHOUT_CALLING_IT: dict[str, Callable[[Callable[[Value], Value]], Any]] = {
    "grad": lambda f: sg.grad(f)(0.5),
    "jacobian": lambda f: sg.jacobian(lambda x: [f(x), x])(0.5),
    "hessian": lambda f: sg.hessian(f)(0.5),
    "jvp": lambda f: sg.jvp(f, (0.5,), (1.0,)),
    "create_graph": lambda f: f(Value(0.5)).backward(create_graph=True),
    "tape": taped,
}


def test_the_graph_of_a_gradient_has_no_factors_of_one() -> None:
    x = Value(0.5)
    (sg.tanh(x + 1.0) + 2.0).backward(create_graph=True)
    products = [node for node in topological([x.grad]) if node.op == "mul"]
    assert not [node for node in products if 1.0 in (float(entry) for entry in operands(node))]


@pytest.mark.parametrize("differentiate", WITHOUT_CALLING_IT.values(), ids=list(WITHOUT_CALLING_IT))
@pytest.mark.parametrize(
    "name", ["tanh", "no row of the table", "with partials", "an operation of ours"]
)
def test_a_backward_by_hand_serves_backward_only(
    name: str, differentiate: Callable[[Any], Any]
) -> None:
    def f(x: Value) -> Value:
        out = {
            "tanh": lambda: Value(x.data, (x,), "tanh"),
            "no row of the table": lambda: Value(x.data, (x,), "mine"),
            "with partials": lambda: Value(x.data, (x,), "mine", partials=(1.0,)),
            "an operation of ours": lambda: sg.tanh(x),
        }[name]()
        out._backward = lambda: None
        return out * 2

    with pytest.raises(GraphError, match=r"_backward that was set by hand.*partials="):
        differentiate(f)


def test_a_program_refuses_a_backward_by_hand() -> None:
    def f(x: Value) -> Value:
        out = sg.tanh(x)
        out._backward = lambda: None
        return out

    with pytest.raises(TraceError, match=r"_backward that was set by hand.*partials="):
        sg.compile(f, inputs=(1,))


def test_an_account_of_a_gradient_refuses_a_backward_by_hand() -> None:
    x = Value(0.5)
    out = sg.tanh(x)
    out._backward = lambda: None
    with pytest.raises(GraphError, match="_backward that was set by hand"):
        viz.explain(out * 2, x)


def test_only_leaves_get_graphs_for_gradients_of_which_constants_have_none():
    x = Value(3.0)
    square = x * x
    product = square * 2.0
    product.backward(create_graph=True)
    assert [type(node.grad) for node in (product, square, product.args[1], x)] == [
        float,
        float,
        float,
        Value,
    ]
    assert (square.grad, product.args[1].grad, x.grad.data) == (2.0, 9.0, 12.0)
