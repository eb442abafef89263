"""Samples: how an epoch is cut into batches, and which samples are held out."""

from typing import Any

import numpy
import pytest

from scalargrad.data import epoch_order, split
from scalargrad.training.samples import Samples, held_out, samples_of


def counted(count: int) -> Samples:
    """Samples whose input is their index."""
    return samples_of([[float(i)] for i in range(count)], [0.0] * count)


def indexes(samples: Samples | None) -> list[float]:
    assert samples is not None
    return [row[0] for row in samples.inputs]


@pytest.mark.parametrize(
    ("count", "size", "least", "sizes"),
    [
        (7, 3, 1, [3, 3, 1]),
        (7, 3, 2, [3, 4]),
        (8, 3, 2, [3, 3, 2]),
        (6, 3, 2, [3, 3]),
        (4, 3, 2, [4]),
        (1, 3, 2, [1]),
        (7, None, 2, [7]),
        (7, 100, 1, [7]),
    ],
)
def test_a_rest_that_is_too_small_joins_the_batch_before_it(count: int, size: int | None, least: int, sizes: list[int]) -> None:
    parts = list(counted(count).batches(size, 5, 2, least))
    assert [len(part) for part in parts] == sizes
    assert [i for part in parts for i in part] == epoch_order(count, 5, 2).tolist()


def test_without_shuffling_the_last_samples_are_held_out() -> None:
    kept, held = held_out(counted(10), 0.3, seed=1, shuffle=False)
    assert indexes(kept) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert indexes(held) == [7.0, 8.0, 9.0]


def test_samples_that_are_held_out_are_those_of_a_split() -> None:
    kept, held = held_out(counted(10), 0.3, seed=4)
    row = list(range(10))
    train, test, _, _ = split(row, row, test=3, seed=4)
    assert indexes(kept) == train.tolist()
    assert indexes(held) == test.tolist()


def test_samples_that_are_held_out_keep_their_place_in_the_data() -> None:
    _, held = held_out(counted(10), 0.3, seed=4)
    assert held is not None
    assert [held.place(i) for i in range(3)] == indexes(held)


@pytest.mark.parametrize(("share", "count"), [(0.01, 1), (0.99, 9), (0.25, 2), (0.36, 4), (1, 1), (9, 9)])
def test_a_share_is_at_least_one_sample_and_leaves_one(share: float, count: int) -> None:
    _, held = held_out(counted(10), share, seed=0)
    assert len(indexes(held)) == count


OTHER: dict[str, Any] = {
    "an input": ([[1.0], [3.0]], [0.0, 1.0], None),
    "a target": ([[1.0], [2.0]], [0.0, 2.0], None),
    "a weight": ([[1.0], [2.0]], [0.0, 1.0], [1.0, 2.0]),
}


@pytest.mark.parametrize(("X", "y", "weights"), OTHER.values(), ids=OTHER)
def test_other_numbers_have_another_checksum(X: Any, y: Any, weights: Any) -> None:
    before = samples_of([[1.0], [2.0]], [0.0, 1.0])
    assert samples_of(X, y, weights=weights).checksum != before.checksum


def test_the_same_numbers_have_the_same_checksum() -> None:
    first = samples_of([[1.0], [2.0]], [0.0, 1.0])
    assert samples_of(numpy.array([[1.0], [2.0]]), (0.0, 1.0)).checksum == first.checksum


def test_one_sample_of_each_structure_is_an_example() -> None:
    samples = samples_of([[1.0], [1.0, 2.0], [3.0], {"a": [1.0]}, {"b": [1.0]}], [0.0] * 5)
    assert samples.examples() == [0, 1, 3, 4]


def test_examples_are_at_most_so_many() -> None:
    samples = samples_of([[0.0] * size for size in range(1, 9)], [0.0] * 8)
    assert samples.examples(3) == [0, 1, 2]
