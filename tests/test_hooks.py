"""Hooks look at gradients, replace them, go away again, and may fail without harm."""

from typing import Any

import pytest

from scalargrad import Value
from scalargrad.errors import DataError, OptionError


def test_a_hook_looks_at_the_whole_gradient_once_per_pass() -> None:
    a = Value(3.0)
    square = a * a
    seen: list[tuple[str, float]] = []
    square.register_hook(lambda gradient: seen.append(("square", gradient)))
    a.register_hook(lambda gradient: seen.append(("a", gradient)))
    (2 * square + 5 * square).backward()
    assert seen == [("square", 7.0), ("a", 42.0)]
    assert (square.grad, a.grad) == (7.0, 42.0)


def test_a_hook_replaces_the_gradient_of_an_interior_node() -> None:
    a = Value(3.0)
    square = a * a
    square.register_hook(lambda gradient: gradient * 10)
    (2 * square).backward()
    assert (square.grad, a.grad) == (20.0, 120.0)


def test_a_hook_on_a_leaf_sees_the_pass_and_not_what_was_there() -> None:
    a = Value(3.0)
    a.register_hook(lambda gradient: min(gradient, 1))
    (a * a).backward()
    (a * a).backward()
    assert a.grad == 2.0
    assert type(a.grad) is float


def test_hooks_run_in_order_and_can_be_removed() -> None:
    a = Value(3.0)
    double = a.register_hook(lambda gradient: gradient * 2)
    a.register_hook(lambda gradient: gradient + 1)
    (a * a).backward()
    assert a.grad == 13.0
    double.remove()
    double.remove()
    a.grad = 0.0
    (a * a).backward()
    assert a.grad == 7.0


def test_a_hook_may_remove_itself() -> None:
    a = Value(3.0)
    handle = a.register_hook(lambda _: handle.remove())
    a.register_hook(lambda gradient: gradient * 2)
    (a * a).backward()
    (a * a).backward()
    assert a.grad == 24.0


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_hook_that_raises_leaves_the_gradients_of_the_leaves_alone(create_graph: bool) -> None:
    a, b = Value(3.0), Value(4.0)
    (a * b).backward()
    product = a * b

    def refuse(_: Any) -> None:
        raise KeyboardInterrupt

    handle = product.register_hook(refuse)
    with pytest.raises(KeyboardInterrupt):
        (product * a).backward(create_graph=create_graph)
    assert (a.grad, b.grad) == (4.0, 3.0)
    handle.remove()
    (product * a).backward()
    assert (a.grad, b.grad) == (4.0 + 24.0, 3.0 + 9.0)


def test_hooks_see_values_where_a_graph_is_made() -> None:
    a = Value(3.0)
    cube = a * a * a
    cube.register_hook(lambda gradient: gradient * a)
    cube.backward(create_graph=True)
    assert a.grad.data == 81.0
    gradient, a.grad = a.grad, 0.0
    gradient.backward()
    assert a.grad == 81.0


def test_what_can_not_be_a_hook_or_a_gradient() -> None:
    a = Value(3.0)
    with pytest.raises(OptionError, match="function"):
        a.register_hook(1.0)  # type: ignore[arg-type]
    a.register_hook(lambda _: "more")
    with pytest.raises(DataError, match="str"):
        (a * a).backward()
    assert a.grad == 0.0
