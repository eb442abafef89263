"""Nodes are evaluated by their rows, at the present numbers of their operands."""

import pytest

import scalargrad as sg
from scalargrad import Value
from scalargrad.core.evaluation import evaluate, evaluate_partials, operand_numbers
from scalargrad.core.operations import apply
from scalargrad.core.ops import FLOATS, POW, TABLE, Op

from .points import points


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_at_a_point_are_the_result_and_the_derivatives(op: Op) -> None:
    for point in points(op, 3):
        result, partials = op.at(FLOATS, point)
        assert result == op.value(FLOATS, point)
        assert partials == op.derivatives(FLOATS, result, point)


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_a_node_is_evaluated_as_it_was_computed(op: Op) -> None:
    for point in points(op, 3):
        node = apply(op, *map(Value, point))
        assert operand_numbers(node) == point
        assert evaluate(node) == (node.data, node.partials)
        assert evaluate_partials(node) == node.partials


def test_operands_are_read_when_they_are_asked_for_and_nothing_is_changed() -> None:
    x = Value(3.0)
    cube = x**3
    x.data = 2.0
    assert evaluate(cube) == (8.0, (12.0,))
    assert (cube.data, cube.partials) == (27.0, (27.0,))


def test_only_values_have_derivatives() -> None:
    x = Value(-2.0)
    assert evaluate(sg.leaky_relu(x, 0.5)) == (-1.0, (0.5,))
    assert evaluate(sg.leaky_relu(x, Value(0.5))) == (-1.0, (0.5, -2.0))
    assert POW.at(FLOATS, (3.0, 2.0), wanted=(True, False)) == (9.0, (6.0,))


def test_the_derivatives_alone_use_the_result_that_a_node_has() -> None:
    y = sg.exp(Value(0.0))
    y.data = 5.0
    assert evaluate_partials(y) == (5.0,)
