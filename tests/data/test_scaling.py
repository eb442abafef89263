"""StandardScaler: scikit-learn is the referee, and the way back leads home."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from scalargrad import Value, data
from scalargrad.errors import CallError, DataError, LengthError, UnknownNameError

tables = arrays(
    np.float64, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-1e6, 1e6)
)


@given(tables)
def test_inverse_leads_back(X: Any) -> None:
    before = X.copy()
    scaler = data.StandardScaler().fit(X)
    there = scaler.transform(X)
    np.testing.assert_allclose(
        scaler.inverse_transform(there), X, rtol=1e-12, atol=1e-12 * max(1.0, np.abs(X).max())
    )
    np.testing.assert_array_equal(X, before)


def test_mean_0_and_deviation_1_as_scikit_learn_has_them() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    rng = np.random.default_rng(0)
    train, test = rng.normal([3, -50, 1e6], [1, 1e-3, 1e5], (40, 3)), rng.normal(0, 10, (5, 3))
    scaler, referee = data.StandardScaler().fit(train), preprocessing.StandardScaler().fit(train)
    np.testing.assert_allclose(
        scaler.transform(train), referee.transform(train), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(scaler.transform(test), referee.transform(test), rtol=1e-9)
    np.testing.assert_allclose(scaler.means, referee.mean_, rtol=1e-13)
    np.testing.assert_allclose(scaler.scales, referee.scale_, rtol=1e-11)
    np.testing.assert_allclose(scaler.transform(train).mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(scaler.transform(train).std(axis=0), 1.0, rtol=1e-9)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e300, -5e-324])
def test_a_constant_column_becomes_exactly_0(constant: float) -> None:
    X = np.column_stack([np.full(7, constant), np.arange(7.0)])
    scaler = data.StandardScaler().fit(X)
    assert scaler.transform(X)[:, 0].tolist() == [0.0] * 7
    assert scaler.scales[0] == 1.0
    np.testing.assert_array_equal(scaler.inverse_transform(scaler.transform(X))[:, 0], X[:, 0])


@pytest.mark.parametrize("unit", [1e-300, 1e300, 5e-324])
def test_extreme_units(unit: float) -> None:
    scaler = data.StandardScaler().fit([[-unit], [unit]])
    np.testing.assert_allclose(scaler.transform([[-unit], [unit]]), [[-1.0], [1.0]])


def test_a_deviation_too_small_for_a_float_counts_as_constant() -> None:
    column = [0.0] * 7 + [5e-324]
    scaler = data.StandardScaler().fit(column)
    assert scaler.scales.tolist() == [1.0]
    assert scaler.inverse_transform(scaler.transform(column)).tolist() == column


def test_a_list_of_numbers_is_one_column() -> None:
    scaler = data.StandardScaler().fit([1, 3])
    assert scaler.transform([1, 5]).tolist() == [-1.0, 3.0]
    assert scaler.inverse_transform([[3]]).tolist() == [[5.0]]
    assert scaler.transform([Value(5.0)]).tolist() == [3.0]


def test_the_state_can_be_taken_over() -> None:
    X = np.random.default_rng(1).normal(size=(5, 3))
    scaler, other = data.StandardScaler().fit(X), data.StandardScaler()
    state = scaler.state_dict()
    assert list(state) == ["means.0", "means.1", "means.2", "scales.0", "scales.1", "scales.2"]
    other.load_state_dict(state)
    np.testing.assert_array_equal(other.transform(X), scaler.transform(X))
    scaler.means[0] = 99.0
    assert scaler.state_dict() == state


def test_strange_states() -> None:
    scaler = data.StandardScaler().fit([1.0, 3.0])
    for state in (
        {},
        {"means.0": 1.0},
        {"means.0": 1.0, "scales.1": 1.0},
        {"means.0": 1.0, "scales.0": 1.0, "more": 1.0},
    ):
        with pytest.raises(UnknownNameError, match=r"means\.0"):
            scaler.load_state_dict(state)
    for scale in (0.0, -1.0, np.nan, np.inf, "1"):
        with pytest.raises(DataError, match="scales"):
            scaler.load_state_dict({"means.0": 1.0, "scales.0": scale})  # type: ignore[dict-item]
    assert scaler.transform([5.0]).tolist() == [3.0]


def test_strange_data() -> None:
    scaler = data.StandardScaler()
    for use in (scaler.transform, scaler.inverse_transform):
        with pytest.raises(CallError, match="fitted first"):
            use([[1.0]])
    with pytest.raises(CallError, match="fitted first"):
        scaler.state_dict()
    with pytest.raises(DataError, match=r"X\[1, 0\] is nan"):
        scaler.fit([[1.0], [np.nan]])
    with pytest.raises(DataError, match="real numbers"):
        scaler.fit([["1.0"]])
    for shape in ((0, 2), (2, 2, 2), (2, 0)):
        with pytest.raises(LengthError, match="X "):
            scaler.fit(np.zeros(shape))
    scaler.fit([[1.0, 2.0], [3.0, 5.0]])
    for X in ([[1.0]], [1.0, 2.0]):
        with pytest.raises(LengthError, match="2 columns as in training, not 1"):
            scaler.transform(X)
    with pytest.raises(DataError, match="too large to standardize, in column 1"):
        data.StandardScaler().fit([[0.0, 0.0], [1.0, 1e-10]]).transform([[0.0, 1e300]])
