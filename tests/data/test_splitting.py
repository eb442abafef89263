"""Splits, batches and one-hot rows: every sample once, in an order by seed and epoch."""

from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalargrad import Value, data
from scalargrad.errors import DataError, LengthError, OptionError

sizes, seeds = st.integers(2, 60), st.integers(0, 2**70)


def numbered(n: int) -> tuple[Any, Any]:
    """Samples that say which they are, and answers that follow from them."""
    X = np.arange(n)
    return np.column_stack([X, -X]), X * 10


@given(n=sizes, share=st.floats(0.001, 0.999), seed=seeds)
def test_splits_are_disjoint_and_complete(n: int, share: float, seed: int) -> None:
    X, y = numbered(n)
    X_train, X_test, y_train, y_test = data.split(X, y, share, seed)
    assert sorted([*X_train[:, 0], *X_test[:, 0]]) == list(range(n))
    assert (X_train[:, 0] * 10 == y_train).all()
    assert (X_test[:, 0] * 10 == y_test).all()
    assert 1 <= len(X_test) <= n - 1
    assert abs(len(X_test) - share * n) <= 1


@given(
    labels=st.lists(st.integers(0, 4), min_size=4, max_size=60),
    share=st.floats(0.05, 0.95),
    seed=seeds,
)
def test_a_stratified_split_keeps_shares(labels: list[int], share: float, seed: int) -> None:
    assume(min(Counter(labels).values()) >= 2)
    X, y = np.arange(len(labels)), np.array(labels)
    X_train, X_test, y_train, y_test = data.split(X, y, share, seed, stratify=True)
    assert sorted([*X_train, *X_test]) == list(range(len(labels)))
    assert (y[X_test] == y_test).all()
    assert (y[X_train] == y_train).all()
    for label, count in Counter(labels).items():
        assert abs((y_test == label).sum() - count * len(y_test) / len(y)) < 1


def test_a_split_depends_on_the_seed_only() -> None:
    X, y = numbered(30)
    first = data.split(X, y, seed=1)
    for part, again in zip(first, data.split(X.tolist(), y.tolist(), seed=1), strict=True):
        np.testing.assert_array_equal(part, again)
    assert not np.array_equal(first[0], data.split(X, y, seed=2)[0])
    assert len(data.split(X, y, test=7, seed=Random(1))[1]) == 7


def test_impossible_splits() -> None:
    X, y = numbered(5)
    for test in (0.0, 1.0, -0.1, 1.5, np.nan, 0, 5, True):
        with pytest.raises(OptionError, match="test must"):
            data.split(X, y, test)
    with pytest.raises(LengthError, match="X has 5, y has 4"):
        data.split(X, y[:4])
    with pytest.raises(LengthError, match="one sample can't be split"):
        data.split([1], [1])
    with pytest.raises(OptionError, match="two samples of every class: 2 has one"):
        data.split(X, [1, 1, 1, 1, 2], stratify=True)
    with pytest.raises(LengthError, match="one label for each sample"):
        data.split(X, X, stratify=True)


@given(n=sizes, size=st.integers(1, 70), seed=st.none() | seeds, epoch=st.integers(0, 1000))
def test_batches_cover_each_sample_once(n: int, size: int, seed: int | None, epoch: int) -> None:
    X, y = numbered(n)
    parts = list(data.batches(X, y, size, seed, epoch))
    assert sorted(row for part, _ in parts for row in part[:, 0]) == list(range(n))
    assert all((part[:, 0] * 10 == answers).all() for part, answers in parts)
    assert [len(part) for part, _ in parts[:-1]] == [size] * (len(parts) - 1)
    assert 1 <= len(parts[-1][0]) <= size


@given(n=sizes, size=st.integers(1, 60), seed=seeds)
def test_without_the_last_all_batches_are_full(n: int, size: int, seed: int) -> None:
    assume(size <= n)
    X, y = numbered(n)
    whole, full = (
        list(data.batches(X, y, size, seed)),
        list(data.batches(X, y, size, seed, drop_last=True)),
    )
    assert len(full) == n // size
    for (kept, _), (part, _) in zip(full, whole, strict=False):
        np.testing.assert_array_equal(kept, part)


def order_of(epoch: int, seed: int | None = 4) -> list[int]:
    X, y = numbered(40)
    return [int(row) for part, _ in data.batches(X, y, 7, seed, epoch) for row in part[:, 0]]


def test_an_epoch_has_the_same_order_after_a_resume() -> None:
    orders = [order_of(epoch) for epoch in range(5)]
    assert order_of(3) == orders[3] == list(data.epoch_order(40, 4, 3))
    assert len({tuple(order) for order in orders}) == 5
    assert order_of(0, seed=5) != orders[0]


def test_without_a_seed_the_order_is_that_given() -> None:
    assert order_of(3, seed=None) == list(range(40))


def test_batches_of_values_and_of_images() -> None:
    (part, _), *_ = data.batches([[Value(1.0)], [Value(2.0)]], [0, 1], 1)
    assert isinstance(part[0, 0], Value)
    (part, _), *_ = data.batches(np.zeros((4, 3, 2, 2)), np.zeros((4, 2)), 3)
    assert part.shape == (3, 3, 2, 2)


def test_batches_are_copies() -> None:
    X, y = numbered(4)
    for part, answers in data.batches(X, y, 2):
        part[:], answers[:] = 99, 99
    np.testing.assert_array_equal(X, numbered(4)[0])
    np.testing.assert_array_equal(y, numbered(4)[1])


def test_impossible_batches_are_refused_at_once() -> None:
    X, y = numbered(5)
    for size in (0, -1, 1.5, True, None):
        with pytest.raises(OptionError, match="size must be"):
            data.batches(X, y, size)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="leaves no batch of 6 samples: there are 5"):
        data.batches(X, y, 6, drop_last=True)
    with pytest.raises(LengthError, match="X has 5, y has 3"):
        data.batches(X, y[:3], 2)
    with pytest.raises(OptionError, match="epoch must be"):
        data.batches(X, y, 2, epoch=-1)
    for seed in (Random(1), np.random.default_rng(1), -1, 1.0):
        with pytest.raises(OptionError, match="seed of an order must be"):
            data.batches(X, y, 2, seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "no samples"),
        (3, "one row for each sample"),
        ([[1], [1, 2]], "rows of the same length"),
        ("ab", "one row"),
    ],
)
def test_what_is_not_a_set_of_samples(X: Any, message: str) -> None:
    with pytest.raises(LengthError, match=message):
        data.batches(X, [1, 2], 1)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(10, 12))
def test_one_hot_rows_point_at_their_class(labels: list[int], classes: int) -> None:
    rows = data.one_hot(labels, classes)
    assert rows.shape == (len(labels), classes)
    assert rows.argmax(axis=1).tolist() == labels
    assert rows.sum(axis=1).tolist() == [1.0] * len(labels)
    assert set(rows.flat) <= {0.0, 1.0}
    np.testing.assert_array_equal(rows, data.one_hot(np.array(labels, dtype=float), classes))


def test_what_is_not_a_class() -> None:
    with pytest.raises(OptionError, match=r"y\[1\] is 3, and 3 classes are 0 … 2"):
        data.one_hot([0, 3], 3)
    for wrong in (-1, 0.5, 1e300):
        with pytest.raises(DataError, match=r"y\[1\] is .* and classes are whole numbers from 0"):
            data.one_hot([0, wrong], 3)
    for strange in ("a", None, 1j):
        with pytest.raises(DataError, match="y must"):
            data.one_hot([strange], 3)
    with pytest.raises(DataError, match=r"y\[1\] is nan"):
        data.one_hot([0, np.nan], 3)
    with pytest.raises(LengthError, match=r"not shape \(1, 1\)"):
        data.one_hot([[1]], 3)
    with pytest.raises(OptionError, match="classes must be"):
        data.one_hot([0], 0)
