"""The facts of conformance.json: values and derivatives of 193 expressions, also at every edge."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

import scalargrad
from scalargrad import Value

ROWS = json.loads((Path(__file__).parent.parent / "conformance.json").read_text(encoding="utf-8"))


def names(row: dict[str, Any]) -> str:
    return f"{row['expression']} at {', '.join(f'{name}={x}' for name, x in row['at'].items())}"


def agrees(number: float, expected: float) -> bool:
    if math.isnan(expected):
        return math.isnan(number)
    return number == expected or math.isclose(number, expected, rel_tol=1e-12)


def evaluate(row: dict[str, Any]) -> tuple[Any, dict[str, Value]]:
    """The expression in the namespace of `scalargrad`, with Values for its variables."""
    variables = {name: Value(float(x), label=name) for name, x in row["at"].items()}
    code = compile(row["expression"], "<conformance.json>", "eval")
    return eval(code, dict(vars(scalargrad)), variables), variables


def test_all_the_facts_are_here() -> None:
    assert len(ROWS) == 193


@pytest.mark.parametrize("row", ROWS, ids=names)
def test_value_and_gradients(row: dict[str, Any]) -> None:
    result, variables = evaluate(row)
    assert agrees(result.data, float(row["value"]))
    result.backward()
    assert set(row["gradients"]) == set(variables)
    for name, expected in row["gradients"].items():
        assert agrees(variables[name].grad, float(expected)), (name, variables[name].grad)


@pytest.mark.parametrize("row", ROWS, ids=names)
def test_a_second_backward_adds_the_same_again(row: dict[str, Any]) -> None:
    result, variables = evaluate(row)
    result.backward()
    result.backward()
    for name, expected in row["gradients"].items():
        assert agrees(variables[name].grad, 2.0 * float(expected)), (name, variables[name].grad)


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in ROWS
        if not set(row["expression"]) & set("/%") and "**" not in row["expression"]
    ],
    ids=names,
)
def test_plain_numbers_give_the_same_number(row: dict[str, Any]) -> None:
    """All but `/`, `%` and `**`, which are Python's own on floats and may raise."""
    numbers = {name: float(x) for name, x in row["at"].items()}
    assert agrees(eval(row["expression"], dict(vars(scalargrad)), numbers), float(row["value"]))
