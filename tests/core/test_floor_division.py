"""x // y and divmod(x, y) against Python, NumPy and PyTorch, and together with x % y."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value
from scalargrad.core import ops
from scalargrad.errors import DataError

PAIRS = [
    (1.0, 0.1),
    (6.0, 0.1),
    (8.0, 0.2),
    (-5.0, math.inf),
    (5.0, -math.inf),
    (7.0, 2.0),
    (-7.0, 2.0),
    (-7.0, -2.0),
    (0.0, 3.0),
    (6.0, 2.0),
]
moderate = st.floats(-1e6, 1e6).filter(lambda x: x == 0.0 or abs(x) > 1e-6)


def quotients(x: float, y: float) -> list[float]:
    """With a Value at either side, at both, and as a function."""
    results = [
        Value(x) // Value(y),
        Value(x) // y,
        x // Value(y),
        Value(x).floor_divide(y),
        divmod(Value(x), y)[0],
        divmod(x, Value(y))[0],
    ]
    return [result.data for result in results]


@pytest.mark.parametrize(("x", "y"), PAIRS)
def test_what_python_and_numpy_say(x: float, y: float) -> None:
    assert quotients(x, y) == [x // y] * 6
    assert sg.floor_divide(x, y) == np.floor_divide(x, y)


@pytest.mark.parametrize(("x", "y"), PAIRS)
def test_what_torch_says(x: float, y: float) -> None:
    torch = pytest.importorskip("torch")
    assert (
        sg.floor_divide(x, y) == torch.floor_divide(torch.tensor(x, dtype=torch.float64), y).item()
    )


@given(x=moderate, y=moderate.filter(bool))
@example(x=6.0, y=0.1)
@example(x=-6.0, y=0.1)
def test_quotient_and_remainder_belong_together(x: float, y: float) -> None:
    quotient, remainder = divmod(Value(x), Value(y))
    assert (quotient.data, remainder.data) == divmod(x, y)
    assert (quotient * y + remainder).data == pytest.approx(
        x, rel=0.0, abs=4e-16 * (abs(x) + abs(y))
    )


@given(x=moderate, y=moderate.filter(bool))
@example(x=6.0, y=2.0)
@example(x=6.0, y=0.1)
def test_the_derivative_of_the_remainder_is_minus_the_quotient(x: float, y: float) -> None:
    a, b = Value(x), Value(y)
    (a % b).backward()
    assert (a.grad, b.grad) == (1.0, -(x // y))


def test_it_is_constant_between_its_jumps() -> None:
    a, b = Value(7.0), Value(2.0)
    (a // b).backward()
    assert (a.grad, b.grad) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(1.0, 0.0, math.inf), (-1.0, 0.0, -math.inf), (1.0, -0.0, -math.inf)]
)
def test_a_divisor_of_0_gives_what_a_division_gives(x: float, y: float, expected: float) -> None:
    assert (Value(x) // y).data == expected
    assert math.isnan((Value(0.0) // y).data)


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_compiled(backend: str) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    program = sg.compile(lambda x: [x[0] // x[1], x[0] % x[1]], inputs=(2,), backend=backend)
    batch = np.array([*PAIRS, (1.0, 0.0)])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(
            program(batch)[:, 0], np.floor_divide(batch[:, 0], batch[:, 1])
        )
    gradient = sg.compile(lambda x: x[0] % x[1], inputs=(2,), backend=backend).inputs_gradient(
        batch[:3]
    )[0]
    assert gradient.tolist() == [[1.0, -9.0], [1.0, -59.0], [1.0, -39.0]]


def test_it_is_one_operation_with_its_operands_in_order() -> None:
    a = Value(3.0)
    assert [(7 // a).op, (a // 7).op] == [ops.FLOOR_DIVIDE.name] * 2
    assert [arg.data for arg in (7 // a).args] == [7.0, 3.0]


@pytest.mark.parametrize("other", ["a", None, [1.0]], ids=repr)
def test_what_is_no_number_is_left_to_python(other: Any) -> None:
    for divide in (
        lambda: Value(1.0) // other,
        lambda: other // Value(1.0),
        lambda: divmod(Value(1.0), other),
        lambda: divmod(other, Value(1.0)),
    ):
        with pytest.raises(TypeError, match="unsupported operand"):
            divide()
    with pytest.raises(DataError, match="an operand of // is too large for a float"):
        Value(1.0) // 10**400
