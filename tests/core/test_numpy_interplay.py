"""NumPy works on object arrays of Values: its functions find methods, and `W @ x` is a graph."""

from typing import Any

import numpy as np
import pytest

import scalargrad as sg
from scalargrad import Value
from scalargrad.core import ops
from scalargrad.core.functions import FUNCTIONS
from scalargrad.core.ops import TABLE, Op
from tests.core.points import points

PLAIN = {
    ops.SIGN.name: "NumPy compares with 0 itself and returns -1, 0 or 1, whose derivative is 0",
}
SELECTS = {
    ops.MAXIMUM.name: "NumPy compares and returns one of the two objects",
    ops.MINIMUM.name: "as above",
}


def ufunc_of(op: Op) -> Any:
    """NumPy's function of that name, if it takes objects: `numpy.logaddexp` takes none."""
    found = getattr(np, op.numpy or op.name, None)
    return (
        found
        if isinstance(found, np.ufunc) and any("O" in types for types in found.types)
        else None
    )


@pytest.mark.parametrize(
    "op", [op for op in TABLE.values() if ufunc_of(op) and not op.over_list], ids=lambda op: op.name
)
def test_numpys_function_of_that_name(op: Op) -> None:
    samples = points(op, 3)
    columns = [np.array([Value(x) for x in column]) for column in zip(*samples, strict=True)]
    result = ufunc_of(op)(*columns)
    assert result.dtype == object
    for got, sample in zip(result, samples, strict=True):
        assert float(got) == FUNCTIONS[op.name](*sample)
        if op.name not in PLAIN:
            assert type(got) is Value
            assert got.op == ("" if op.name in SELECTS else op.name)


def test_there_are_many_of_them() -> None:
    assert sum(1 for op in TABLE.values() if ufunc_of(op)) >= 25


def values(*numbers: float) -> Any:
    return np.array([Value(x) for x in numbers])


def test_matrix_products() -> None:
    w, x = np.array([values(1.0, 2.0), values(3.0, 4.0)]), values(5.0, 6.0)
    y = w @ x
    assert [v.data for v in y] == [17.0, 39.0]
    sg.sum(y).backward()
    assert [v.grad for v in x] == [4.0, 6.0]
    assert [[v.grad for v in row] for row in w] == [[5.0, 6.0], [5.0, 6.0]]
    assert [v.data for v in np.array([[1.0, 2.0]]) @ x] == [17.0]


def test_arithmetic_with_plain_arrays_and_numbers() -> None:
    x = values(1.0, 2.0)
    for result in (
        x + np.array([3.0, 4.0]),
        np.array([3, 4]) + x,
        x * 2 + 3 - x + [0, 0] - np.float64(2) * 0,
    ):
        assert all(type(v) is Value for v in result)
    assert [v.data for v in (np.array([1.0, 2.0]) - x)] == [0.0, 0.0]
    assert [v.data for v in x**2] == [1.0, 4.0]


@pytest.mark.parametrize(
    "scalar",
    [np.float64(3.0), np.float32(3.0), np.int64(3), np.array(3.0)],
    ids=lambda s: type(s).__name__ + str(s.dtype),
)
def test_numpy_scalars_at_either_side_of_a_value(scalar: Any) -> None:
    x = Value(2.0)
    for result, expected in (
        (scalar * x, 6.0),
        (x * scalar, 6.0),
        (scalar - x, 1.0),
        (x / scalar, 2.0 / 3.0),
        (scalar**x, 9.0),
    ):
        assert type(result) is Value
        assert result.data == expected


def test_a_value_times_an_array_is_an_array() -> None:
    x = Value(2.0)
    for result in (x * np.array([1.0, 2.0]), np.array([1.0, 2.0]) * x):
        assert [v.data for v in result] == [2.0, 4.0]
        assert all(type(v) is Value for v in result)


def test_reductions() -> None:
    x = values(1.0, 2.0, 4.0)
    assert (
        np.sum(x).data,
        np.mean(x).data,
        np.prod(x).data,
        np.dot(x, x).data,
        np.max(x).data,
    ) == (7.0, 7.0 / 3.0, 8.0, 21.0, 4.0)
    np.sum(np.tanh(x) ** 2).backward()
    expected = 2 * np.tanh([1.0, 2.0, 4.0]) / np.cosh([1.0, 2.0, 4.0]) ** 2
    assert [v.grad for v in x] == pytest.approx(expected.tolist(), rel=1e-10)


def test_our_functions_take_arrays_of_values_as_lists() -> None:
    x = values(1.0, 2.0)
    assert sg.logsumexp(x).data == pytest.approx(np.logaddexp(1.0, 2.0))
    assert sg.dot(x, np.array([3.0, 4.0])).data == 11.0
    with pytest.raises(TypeError):
        sg.sum(np.array([[1.0, 2.0]]))


@pytest.mark.parametrize("ddof", [0, 1])
def test_numpys_std_and_var_are_values_with_the_right_gradient(ddof: int) -> None:
    numbers = np.array([1.0, 2.0, 4.0, -1.0])
    x = values(*numbers)
    spread = np.std(x, ddof=ddof)
    spread.backward()
    assert spread.data == pytest.approx(numbers.std(ddof=ddof), rel=1e-15)
    expected = (numbers - numbers.mean()) / ((len(numbers) - ddof) * numbers.std(ddof=ddof))
    assert [v.grad for v in x] == pytest.approx(expected.tolist(), rel=1e-14, abs=1e-16)
    x = values(*numbers)
    variance = np.var(x, ddof=ddof)
    variance.backward()
    assert variance.data == pytest.approx(numbers.var(ddof=ddof), rel=1e-15)
    assert [v.grad for v in x] == pytest.approx(
        (2 * (numbers - numbers.mean()) / (len(numbers) - ddof)).tolist(), rel=1e-14, abs=1e-16
    )


def test_numpys_std_and_var_along_an_axis() -> None:
    numbers = np.array([[1.0, 2.0, 4.0], [0.0, 3.0, -1.0]])
    table = np.array([[Value(x) for x in row] for row in numbers])
    for axis in (0, 1):
        assert [v.data for v in np.std(table, axis=axis)] == pytest.approx(
            np.std(numbers, axis=axis).tolist(), rel=1e-15
        )
        assert [v.data for v in np.var(table, axis=axis)] == pytest.approx(
            np.var(numbers, axis=axis).tolist(), rel=1e-15
        )


def test_other_functions_of_numpy_keep_the_graph() -> None:
    x = values(3.0, -4.0, 2.0)
    assert [v.data for v in np.cumsum(x)] == [3.0, -1.0, 1.0]
    assert np.linalg.norm(x).data == pytest.approx(29.0**0.5, rel=1e-15)
    assert (np.min(x).data, np.max(x).data, np.conjugate(x)[0]) == (-4.0, 3.0, x[0])
    assert [v.data for v in np.log2(np.exp2(values(3.0, 0.5)))] == pytest.approx(
        [3.0, 0.5], rel=1e-15
    )
    np.linalg.norm(x).backward()
    assert [v.grad for v in x] == pytest.approx(
        (np.array([3.0, -4.0, 2.0]) / 29.0**0.5).tolist(), rel=1e-14
    )
    assert [v.data for v in np.floor_divide(x, 0.1)] == [29.0, -40.0, 19.0]
