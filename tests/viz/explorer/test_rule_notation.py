"""The derivatives as the page writes them have the values that the rules of the table have."""

import math
from typing import Any

import pytest

from scalargrad.core.ops import FLOATS, TABLE, Op
from tests.core.points import points
from viz.explorer.rule_notation import DERIVATIVES, POWERS, describe_derivatives

FUNCTIONS: dict[str, Any] = {
    "ln": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "σ": FLOATS.sigmoid,
    "softplus": FLOATS.softplus,
    "Φ": lambda x: 0.5 * math.erfc(-x / math.sqrt(2.0)),
    "φ": lambda x: math.exp(-x * x / 2.0) / math.sqrt(2.0 * math.pi),
}
KINDS: dict[str, Any] = {
    "SUM": lambda *terms: sum(terms),
    "PRODUCT": lambda *factors: math.prod(factors),
    "NEGATIVE": lambda x: -x,
    "FRACTION": lambda x, y: x / y,
    "POWER": lambda x, y: x**y,
    "SQUARE_ROOT": math.sqrt,
    "BARS": abs,
    "FLOOR": math.floor,
}


def evaluate(expression: Any, numbers: dict[str, float]) -> float:
    if isinstance(expression, float):
        return expression
    if isinstance(expression, str):
        return math.e if expression == "e" else numbers[expression]
    kind, *parts = expression
    if kind == "CALL":
        return float(FUNCTIONS[parts[0]](evaluate(parts[1], numbers)))
    return float(KINDS[kind](*(evaluate(part, numbers) for part in parts)))


def matching_cases(op: Op, place: int, numbers: dict[str, float], truth: float) -> list[float]:
    described: Any = describe_derivatives([op.name])[op.name]
    cases = described[0 if op.over_list else place]
    values = [evaluate(expression, numbers) for expression, _ in cases]
    return [value for value in values if math.isclose(value, truth, rel_tol=2e-3, abs_tol=1e-9)]


@pytest.mark.parametrize("op", DERIVATIVES, ids=lambda op: op.name)
def test_one_case_has_the_value_of_the_derivative(op: Op) -> None:
    for operands in points(op, count=12):
        result = op.value(FLOATS, operands)
        for place, truth in enumerate(op.derivatives(FLOATS, result, operands)):
            numbers = numbers_at(op, operands, place, result)
            assert matching_cases(op, place, numbers, float(truth)), (operands, place, truth)


def numbers_at(op: Op, operands: tuple[float, ...], place: int, result: float) -> dict[str, float]:
    if not op.over_list:
        return {"o": result, **dict(zip("xyz", operands, strict=False))}
    count = len(operands)
    partner = operands[(place + count // 2) % count]
    return {"o": result, "x": operands[place], "y": partner, "n": float(count)}


@pytest.mark.parametrize("exponent", POWERS)
def test_powers_have_simpler_derivatives_of_the_same_value(exponent: float) -> None:
    described: Any = describe_derivatives(["pow"])[f"pow {exponent:g}"]
    ((expression, _),) = described[0]
    for x in (0.3, 1.0, 2.5):
        numbers = {"x": x, "o": x**exponent}
        assert evaluate(expression, numbers) == pytest.approx(exponent * x ** (exponent - 1.0))


def test_every_row_of_the_table_has_a_notation_or_is_told_in_words() -> None:
    assert {op.name for op in TABLE.values()} - {op.name for op in DERIVATIVES} == {"gelu_tanh"}
