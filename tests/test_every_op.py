"""Every row of the table against mpmath: the value, all first and all second derivatives. A row without a formula fails."""

import math
from typing import Any

import pytest

from scalargrad import Value
from scalargrad.engine import apply
from scalargrad.ops import TABLE, Op

from . import formulas
from .points import points

ROWS = list(TABLE.values())
every_row = pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)

BOUND = 1e-12

CANCELS: dict[tuple[str, int], float] = {
    **{("gelu_tanh", order): 1e-9 for order in (0, 1, 2)},  # ½x*(1 + t), as it is defined: t is close to -1 at x = -5
    ("hypot", 2): 1e-8,  # (1 - (y/o)²)/o: little is left of it where |x| is far below |y|
}
"""Where subtracting nearly equal numbers costs digits: operation, order of the derivative, relative bound up to ±5, and why."""

SATURATES = {"tanh", "sigmoid", "logsigmoid", "softplus", "silu", "mish", "gelu_tanh", "logsumexp", "logaddexp"}
"""Their results approach 0, 1 or x, and their derivatives are written in 1 - o or 1 - t², as textbooks do: what is left at ±30 is
smaller than one rounding of o, so that the error is honest in absolute terms only."""


def close(op: Op, order: int, number: float, expected: Any, *, wide: bool = False) -> bool:
    bound = CANCELS.get((op.name, order), BOUND)
    return math.isclose(number, float(expected), rel_tol=bound, abs_tol=1e-14 if wide and op.name in SATURATES else 1e-40)


def gradients(output: Value, leaves: list[Value], **options: bool) -> list[Any]:
    for leaf in leaves:
        leaf.grad = 0.0
    output.backward(**options)
    return [leaf.grad for leaf in leaves]


@every_row
def test_there_is_a_formula_and_one_rule_per_operand(op: Op) -> None:
    assert op.name in formulas.FORMULAS, f"write the formula of {op.name} in tests/formulas.py"
    assert len(op.partials) == (1 if op.over_list else len(op.operands))
    assert op.doc.endswith(".")


def test_there_is_no_formula_without_a_row() -> None:
    assert set(formulas.FORMULAS) == set(TABLE)


@every_row
def test_value(op: Op) -> None:
    for point in points(op):
        got = apply(op, *map(Value, point))
        assert close(op, 0, got.data, formulas.value(op.name, point)), point


@every_row
def test_first_derivatives(op: Op) -> None:
    for point in points(op):
        leaves = [Value(x) for x in point]
        for i, got in enumerate(gradients(apply(op, *leaves), leaves)):
            assert close(op, 1, got, formulas.derivative(op.name, point, i)), (point, i)


@every_row
def test_second_derivatives(op: Op) -> None:
    """Through graphs of derivatives: backward over what `backward(create_graph=True)` left behind."""
    for point in points(op, 8):
        leaves = [Value(x) for x in point]
        first = gradients(apply(op, *leaves), leaves, create_graph=True)
        for i, gradient in enumerate(first):
            for j, got in enumerate(gradients(gradient, leaves)):
                assert close(op, 2, got, formulas.derivative(op.name, point, i, j)), (point, i, j)


@every_row
def test_first_and_second_derivatives_far_from_zero(op: Op) -> None:
    for point in points(op, 8, span=30.0):
        leaves = [Value(x) for x in point]
        for i, gradient in enumerate(gradients(apply(op, *leaves), leaves, create_graph=True)):
            assert close(op, 1, gradient.data, formulas.derivative(op.name, point, i), wide=True), (point, i)
            for j, got in enumerate(gradients(gradient, leaves)):
                assert close(op, 2, got, formulas.derivative(op.name, point, i, j), wide=True), (point, i, j)


@every_row
def test_create_graph_gives_the_same_first_derivatives(op: Op) -> None:
    for point in points(op, 8):
        leaves = [Value(x) for x in point]
        plain = gradients(apply(op, *leaves), leaves)
        graphs = gradients(apply(op, *leaves), leaves, create_graph=True)
        assert [gradient.data for gradient in graphs] == plain
