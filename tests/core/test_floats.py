"""Float arithmetic that never raises, against NumPy's: special numbers, signs of zero, overflow."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalargrad.core import floats

UNARY: dict[str, Any] = {
    name: getattr(np, name)
    for name in [
        "abs",
        "cbrt",
        "cos",
        "cosh",
        "exp",
        "expm1",
        "floor",
        "log",
        "log2",
        "log10",
        "log1p",
    ]
}
UNARY |= {name: getattr(np, name) for name in ["sign", "sin", "sinh", "sqrt", "tan", "tanh"]}
UNARY |= {
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "round": np.rint,
}
BINARY: dict[str, Any] = {
    name: getattr(np, name) for name in ["hypot", "maximum", "minimum", "remainder"]
}
BINARY |= {"atan2": np.arctan2, "floor_divide": np.floor_divide, "div": np.divide, "pow": np.power}

EDGES = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    2.5,
    -2.5,
    3.0,
    -3.0,
    1e308,
    -1e308,
    710.0,
    -746.0,
    5e-324,
    math.inf,
    -math.inf,
    math.nan,
)


def reference(function: Any, *operands: float) -> float:
    with np.errstate(all="ignore"):
        return float(
            function(*[np.array([x]) for x in operands])[0]
        )  # for scalars NumPy takes x ** 0.5 for a square root


def same(number: float, expected: float) -> bool:
    if math.isnan(expected):
        return math.isnan(number)
    if expected == 0.0 or math.isinf(expected):
        return number == expected and math.copysign(1.0, number) == math.copysign(1.0, expected)
    return math.isclose(number, expected, rel_tol=4e-15)


@pytest.mark.parametrize("name", UNARY)
def test_one_operand_at_the_edges(name: str) -> None:
    for x in EDGES:
        if name == "sign" and x == 0.0:
            continue  # NumPy drops the sign of a zero, we keep it
        assert same(getattr(floats, name)(x), reference(UNARY[name], x)), x


@pytest.mark.parametrize("name", BINARY)
def test_two_operands_at_the_edges(name: str) -> None:
    for x in EDGES:
        for y in EDGES:
            if name in ("maximum", "minimum") and x == y == 0.0:
                continue  # IEEE 754 leaves the sign of the larger zero open
            assert same(getattr(floats, name)(x, y), reference(BINARY[name], x, y)), (x, y)


@pytest.mark.parametrize("name", UNARY)
@given(x=st.floats())
def test_one_operand_anywhere(name: str, x: float) -> None:
    if name in ("sin", "cos", "tan") and abs(x) > 1e6:
        return  # C libraries differ in how they reduce large angles
    got = getattr(floats, name)(x)
    assert type(got) is float
    assert same(got, reference(UNARY[name], x))


@pytest.mark.parametrize("name", ["div", "pow", "remainder", "hypot", "atan2"])
@given(x=st.floats(), y=st.floats())
@example(x=-10.0, y=309.0)
@example(x=-10.0, y=310.0)
@example(x=-0.0, y=-3.0)
def test_two_operands_anywhere(name: str, x: float, y: float) -> None:
    assert same(getattr(floats, name)(x, y), reference(BINARY[name], x, y))


@pytest.mark.parametrize("function", [floats.erf, floats.erfc])
@given(x=st.floats())
def test_error_functions_never_raise(function: Callable[[float], float], x: float) -> None:
    assert math.isnan(function(x)) if math.isnan(x) else 0.0 <= abs(function(x)) <= 2.0


def test_where_looks_at_the_truth_of_its_condition() -> None:
    assert floats.where(2.0, 3.0, 4.0) == 3.0
    assert floats.where(0.0, 3.0, 4.0) == 4.0
