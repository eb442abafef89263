"""Every row of the table against mpmath: the value, all first and all second derivatives."""

import math
from typing import Any

import pytest
from mpmath import mp, mpf

from scalargrad import Value
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE, Op
from tests.core import formulas
from tests.core.points import points

ROWS = list(TABLE.values())
every_row = pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)

BOUND = 1e-12

CANCELS: dict[tuple[str, int], float] = {
    ("hypot", 2): 1e-8,  # (1 - (y/o)²)/o: little is left of it where |x| is far below |y|
}
"""Where cancellation costs digits: operation, order of the derivative, bound up to ±5, and why."""

SATURATES = {
    "tanh",
    "sigmoid",
    "logsigmoid",
    "softplus",
    "silu",
    "mish",
    "gelu_tanh",
    "logsumexp",
    "logaddexp",
}
"""Their results approach 0, 1 or x, and their derivatives are written in 1 - o or 1 - t², as in
textbooks: what is left at ±30 is smaller than one rounding of o, so the error is absolute."""


CROSSES_0 = {"gelu", "gelu_tanh", "silu", "mish", "hardswish"}
"""Their derivatives cross 0 between two floats: near there the error is absolute."""


def close(op: Op, order: int, number: float, expected: Any, *, wide: bool = False) -> bool:
    bound = CANCELS.get((op.name, order), BOUND)
    return math.isclose(
        number,
        float(expected),
        rel_tol=bound,
        abs_tol=1e-14 if wide and op.name in SATURATES else 1e-40,
    )


def gradients(output: Value, leaves: list[Value], **options: bool) -> list[Any]:
    for leaf in leaves:
        leaf.grad = 0.0
    output.backward(**options)
    return [leaf.grad for leaf in leaves]


@every_row
def test_there_is_a_formula_and_one_rule_per_operand(op: Op) -> None:
    assert op.name in formulas.FORMULAS, f"write the formula of {op.name} in tests/core/formulas.py"
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


ROUNDS_ITS_RESULT = {"tanh": 1e-12, "sigmoid": 2e-14}
"""Derivatives written in the result, as in textbooks: 1 - o² loses what o has lost near 1."""


@every_row
def test_first_derivatives_to_the_last_digits(op: Op) -> None:
    bound = ROUNDS_ITS_RESULT.get(op.name, 1e-14)
    for point in points(op, 60 if not op.over_list else 10):
        leaves = [Value(x) for x in point]
        for i, got in enumerate(gradients(apply(op, *leaves), leaves)):
            expected = formulas.derivative(op.name, point, i)
            assert abs(got - expected) <= bound * abs(expected) + mpf(10) ** -15 * (
                op.name in CROSSES_0
            ), (point, i)


@every_row
def test_second_derivatives(op: Op) -> None:
    """Through graphs of derivatives: backward over the result of `backward(create_graph=True)`."""
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
            assert close(op, 1, gradient.data, formulas.derivative(op.name, point, i), wide=True), (
                point,
                i,
            )
            for j, got in enumerate(gradients(gradient, leaves)):
                assert close(op, 2, got, formulas.derivative(op.name, point, i, j), wide=True), (
                    point,
                    i,
                    j,
                )


@every_row
def test_create_graph_gives_the_same_first_derivatives(op: Op) -> None:
    for point in points(op, 8):
        leaves = [Value(x) for x in point]
        plain = gradients(apply(op, *leaves), leaves)
        graphs = gradients(apply(op, *leaves), leaves, create_graph=True)
        assert [gradient.data for gradient in graphs] == plain


FAR: dict[str, list[tuple[float, ...]]] = {
    "atan2": [(1e-170, 1e-170), (1e160, 1e160), (-3e200, 1e199), (1e-300, 2e-300), (1e-170, 1e-20)],
    "asinh": [(1e99,), (1e101,), (-1e160,), (1e300,)],
    "acosh": [(1e99,), (1e160,), (1e300,), (1.0 + 1e-12,)],
    "gelu_tanh": [(-4.94,), (-15.0,), (15.0,)],
    "gelu": [(-15.0,), (15.0,)],
    "mish": [(-700.0,), (-40.0,), (40.0,)],
    "silu": [(-700.0,), (-40.0,), (40.0,)],
    "logit": [(1e-300,), (1.0 - 1e-10,), (0.5 + 1e-12,)],
    "logaddexp": [(-700.0, 0.0), (1e10, 1e10 - 1.0), (1e300, -1e300)],
    "hypot": [(1e-170, 1e-170), (3e200, 4e200)],
    "norm": [(1e-170, 1e-170), (3e200, 4e200), (1e-320, 0.0), (5.0, 12.0)],
    "logsumexp": [(1e10, 1e10 - 1.0), (1e16, 1e16, 1e16 - 2.0), (1e300, 1e300), (-1e300, 0.0)],
    "log2": [(1e-300,), (1e300,)],
    "log10": [(1e-300,), (1e300,)],
    "exp2": [(-1000.0,), (1000.0,)],
    "softsign": [(1e100,), (-1e100,)],
    "hardswish": [(1e300,), (-1e300,), (-1.5 + 1e-9,)],
}
"""Points far out, very near to an end of the domain, or where a square would overflow."""


@pytest.mark.parametrize("name", FAR)
def test_first_derivatives_far_out(name: str) -> None:
    for point in FAR[name]:
        leaves = [Value(x) for x in point]
        for i, got in enumerate(gradients(apply(TABLE[name], *leaves), leaves)):
            with mp.workdps(700):
                expected = formulas.derivative(name, point, i)
            assert math.isclose(got, float(expected), rel_tol=2e-14, abs_tol=1e-320), (
                point,
                i,
                got,
                float(expected),
            )


@pytest.mark.parametrize(
    ("x", "slope"), [(1e200, 1.0), (-1e200, 0.0), (40.0, 1.0), (-40.0, 0.0), (math.inf, 1.0)]
)
def test_gelu_tanh_far_out(x: float, slope: float) -> None:
    leaf = Value(x)
    assert gradients(apply(TABLE["gelu_tanh"], leaf), [leaf]) == [slope]
