"""What a Value promises: real numbers in, an ordered graph, the same bits everywhere."""

import math
import os
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Constant, Value, relu
from scalargrad.core import ops
from scalargrad.core.operations import apply
from scalargrad.errors import DataError

REAL_NUMBERS = [
    3,
    True,
    2.5,
    Fraction(1, 4),
    np.float32(0.5),
    np.float64(0.1),
    np.int8(-3),
    np.bool_(True),
    np.array(7),
    np.uint64(2**63),
]
NOT_NUMBERS = [
    "3",
    b"3",
    1j,
    None,
    [1.0],
    (1.0,),
    {},
    np.array([1.0]),
    np.complex128(1j),
    Decimal("1.5"),
    object(),
    10**400,
    10**5000,
]


@pytest.mark.parametrize("number", REAL_NUMBERS, ids=repr)
def test_data_is_always_a_float(number: Any) -> None:
    value = Value(number)
    assert type(value.data) is float
    assert value.data == float(number)
    value.data = number
    assert type(value.data) is float
    assert type((value + number).data) is float
    assert (number * value).data == float(number) ** 2


@pytest.mark.parametrize("thing", NOT_NUMBERS, ids=lambda thing: type(thing).__name__)
def test_what_is_not_a_real_number_is_refused(thing: Any) -> None:
    with pytest.raises(DataError, match=r"data of a Value"):
        Value(thing)
    value = Value(1.0)
    with pytest.raises(TypeError):
        value.data = thing
    assert value.data == 1.0


def test_the_refusal_says_what_to_do() -> None:
    with pytest.raises(DataError, match=r"not str '3': convert it with float\(\)"):
        Value("3")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="make a list of Values"):
        Value([1.0])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="data"):
        Value(Value(1.0))  # type: ignore[arg-type]


@pytest.mark.parametrize("thing", ["3", 1j, None, [1.0]], ids=repr)
@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "**", "%", "//", "<", ">="])
def test_operators_refuse_what_is_not_a_real_number(operator: str, thing: Any) -> None:
    for expression in (f"value {operator} thing", f"thing {operator} value"):
        with pytest.raises(TypeError):
            eval(expression, {"value": Value(1.0), "thing": thing})


# The graph


def test_children_are_an_ordered_tuple_with_both_edges() -> None:
    a, b = Value(3.0), Value(4.0)
    assert (a * a).args == (a, a)
    assert (a - b).args == (a, b)
    assert (b - a).args == (b, a)
    square = a * a
    square.backward()
    assert (square.partials, a.grad) == ((3.0, 3.0), 6.0)


@pytest.mark.parametrize(
    ("expression", "op", "data"),
    [
        ("2 + a", ops.ADD, 5.0),
        ("2 * a", ops.MUL, 6.0),
        ("2 - a", ops.SUB, -1.0),
        ("2 % a", ops.REMAINDER, 2.0),
    ],
)
def test_a_number_at_the_left_stays_at_the_left(expression: str, op: ops.Op, data: float) -> None:
    a = Value(3.0)
    result = eval(expression, {"a": a})
    assert (result.op, result.data) == (op.name, data)
    assert [type(arg) for arg in result.args] == [Constant, Value]


def test_division_is_division_and_subtraction_is_subtraction() -> None:
    a, b = Value(3.0), Value(4.0)
    assert [x.op for x in (a / b, 1 / b, a - b, 1 - b, -a, +a)] == [
        *[op.name for op in (ops.DIV, ops.DIV, ops.SUB, ops.SUB, ops.NEG)],
        "",
    ]
    assert +a is a


def test_rounding_and_whole_division() -> None:
    a = Value(7.5)
    assert [(a // 2).data, round(a).data, math.floor(a).data, math.ceil(a).data, abs(-a).data] == [
        3.0,
        8.0,
        7.0,
        8.0,
        7.5,
    ]
    assert round(Value(2.375), 2) == 2.38
    assert int(a) == math.trunc(a) == 7


FLOATS = st.floats(allow_nan=True, allow_infinity=True)


def bits(numbers: Any) -> list[str]:
    return [number.hex() for number in numbers]


@given(x=FLOATS, y=FLOATS)
def test_the_operators_written_out_equal_the_table_bit_for_bit(x: float, y: float) -> None:
    a, b = Value(x), Value(y)
    pairs = [
        (a + b, apply(ops.ADD, a, b)),
        (a * b, apply(ops.MUL, a, b)),
        (a - b, apply(ops.SUB, a, b)),
        (-a, apply(ops.NEG, a)),
        (relu(a), apply(ops.RELU, a)),
        (x + b, apply(ops.ADD, x, b)),
        (a * y, apply(ops.MUL, a, y)),
    ]
    for written, table in pairs:
        assert written.op == table.op
        assert bits([written.data, *written.partials]) == bits([table.data, *table.partials])


PROGRAM = """
import scalargrad as sg
from random import Random
from scalargrad import Value
from scalargrad.nn import MLP

rng = Random(3)
values = [Value(rng.uniform(-1, 1), label=f"x{i}") for i in range(9)]
# later values over earlier ones, labeled, so that each leaf is reached in very many ways
for i in range(60):
    x, y = rng.choice(values[-20:]), rng.choice(values[-20:])
    values.append(sg.tanh(x * rng.uniform(-2, 2) + y))
    values[-1].label = f"y{i}"
loss = sum(MLP(3, [8, 8, 1], activation="tanh", seed=3)(values[-3:]) * x for x in values)
loss.backward()
print(loss.data.hex(), *[x.grad.hex() for x in values])
"""


def test_equal_seeds_give_equal_bits_in_every_process() -> None:
    outputs = set()
    for seed in range(3):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(outputs.pop().split()) == 1 + 69
