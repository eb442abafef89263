"""Backward passes: they add up exactly, start anywhere, and never change the past."""

import math

import pytest

import scalargrad as sg
from scalargrad import Value, backward
from scalargrad.errors import DataError, GraphError, LengthError


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
