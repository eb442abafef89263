"""Samples: how an epoch is cut into batches, and which samples are held out."""

from typing import Any

import numpy
import pytest

from scalargrad.data import epoch_order, split
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.training.samples import Samples, check_weights, read_samples, split_validation


def counted(count: int) -> Samples:
    """Samples whose input is their index."""
    return read_samples([[float(i)] for i in range(count)], [0.0] * count)


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
def test_a_rest_that_is_too_small_joins_the_batch_before_it(
    count: int, size: int | None, least: int, sizes: list[int]
) -> None:
    parts = list(counted(count).batches(size, 5, 2, least))
    assert [len(part) for part in parts] == sizes
    expected = list(range(count)) if len(sizes) == 1 else epoch_order(count, 5, 2).tolist()
    assert [i for part in parts for i in part] == expected


def test_several_epochs_are_their_batches_one_after_the_other() -> None:
    for size in (3, None):
        at_once = list(counted(7).batches(size, 5, 2, 1, epochs=3))
        single = [list(counted(7).batches(size, 5, epoch, 1)) for epoch in (2, 3, 4)]
        assert at_once == [part for parts in single for part in parts]


def test_batches_have_sizes() -> None:
    batches = counted(7).batches(3, 5, 2, 1)
    assert batches.sizes().tolist() == [3, 3, 1]
    assert batches.skip(1).sizes().tolist() == [3, 1]


def test_without_shuffling_the_last_samples_are_held_out() -> None:
    kept, held = split_validation(counted(10), 0.3, seed=1, shuffle=False)
    assert indexes(kept) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert indexes(held) == [7.0, 8.0, 9.0]


def test_samples_that_are_held_out_are_those_of_a_split() -> None:
    kept, held = split_validation(counted(10), 0.3, seed=4)
    row = list(range(10))
    train, test, _, _ = split(row, row, test=3, seed=4)
    assert indexes(kept) == train.tolist()
    assert indexes(held) == test.tolist()


def test_samples_that_are_held_out_keep_their_place_in_the_data() -> None:
    _, held = split_validation(counted(10), 0.3, seed=4)
    assert held is not None
    assert [held.original_index(i) for i in range(3)] == indexes(held)


@pytest.mark.parametrize(
    ("share", "count"), [(0.01, 1), (0.99, 9), (0.25, 2), (0.36, 4), (1, 1), (9, 9)]
)
def test_a_share_is_at_least_one_sample_and_leaves_one(share: float, count: int) -> None:
    _, held = split_validation(counted(10), share, seed=0)
    assert len(indexes(held)) == count


OTHER: dict[str, Any] = {
    "an input": ([[1.0], [3.0]], [0.0, 1.0], None),
    "a target": ([[1.0], [2.0]], [0.0, 2.0], None),
    "a weight": ([[1.0], [2.0]], [0.0, 1.0], [1.0, 2.0]),
}


@pytest.mark.parametrize(("X", "y", "weights"), OTHER.values(), ids=OTHER)
def test_other_numbers_have_another_checksum(X: Any, y: Any, weights: Any) -> None:
    before = read_samples([[1.0], [2.0]], [0.0, 1.0])
    assert read_samples(X, y, weights=weights).checksum != before.checksum


def test_the_same_numbers_have_the_same_checksum() -> None:
    first = read_samples([[1.0], [2.0]], [0.0, 1.0])
    assert read_samples(numpy.array([[1.0], [2.0]]), (0.0, 1.0)).checksum == first.checksum


def test_one_sample_of_each_structure_is_an_example() -> None:
    samples = read_samples([[1.0], [1.0, 2.0], [3.0], {"a": [1.0]}, {"b": [1.0]}], [0.0] * 5)
    assert samples.examples() == [0, 1, 3, 4]


def test_examples_are_at_most_so_many() -> None:
    samples = read_samples([[0.0] * size for size in range(1, 9)], [0.0] * 8)
    assert samples.examples(3) == [0, 1, 2]


def test_one_example_is_enough_for_samples_of_one_shape_and_at_most_50_for_others() -> None:
    assert counted(3).examples() == [0]
    samples = read_samples([[0.0] * size for size in range(1, 61)], [0.0] * 60)
    assert samples.examples() == list(range(50))


def test_arrays_of_another_shape_are_another_structure() -> None:
    samples = read_samples([[numpy.zeros(size), 1.0] for size in (2, 3, 2)], [0.0] * 3)
    assert samples.examples() == [0, 1]


def test_samples_of_which_no_weights_are_given_have_another_checksum_than_with_equal_ones() -> None:
    assert (
        len(
            {
                read_samples([[1.0]], [0.0], weights=weights).checksum
                for weights in (None, [1.0], [2.0])
            }
        )
        == 3
    )


def test_how_samples_were_read_is_neither_compared_nor_shown() -> None:
    array, listed = read_samples(numpy.ones((1, 1)), numpy.zeros(1)), read_samples([[1.0]], [0.0])
    assert array == listed
    assert (
        repr(array) == "Samples(inputs=[[1.0]], targets=[0.0], weights=None, original_indices=None)"
    )


def test_numbers_that_are_not_finite_are_refused_unless_it_is_said() -> None:
    with pytest.raises(DataError, match=r"X\[0, 0\] is nan"):
        read_samples([[float("nan")]], [0.0])
    with pytest.raises(DataError, match=r"y\[0\] is nan"):
        read_samples([[0.0]], [float("nan")])
    assert len(read_samples([[float("nan")]], [float("inf")], finite=False)) == 1


def test_a_part_has_its_own_weights_and_places() -> None:
    samples = read_samples([[0.0], [1.0], [2.0]], [5.0, 6.0, 7.0], weights=[0.1, 0.2, 0.3])
    part = samples.subset([2, 0])
    assert (part.inputs, part.targets, part.weights, part.original_indices) == (
        [[2.0], [0.0]],
        [7.0, 5.0],
        [0.3, 0.1],
        [2, 0],
    )
    assert [part.subset([1]).original_index(0), samples.original_index(1)] == [0, 1]
    assert counted(2).subset([1]).weights is None


@pytest.mark.parametrize("least", [0.0, 5e-324])
def test_a_weight_is_at_least_0_and_one_is_above(least: float) -> None:
    assert check_weights([least, 0.5], 2) == [least, 0.5]
    with pytest.raises(
        OptionError, match=r"sample_weight\[1\] is -5e-324: a weight must be at least 0"
    ):
        check_weights([1.0, -5e-324], 2)


def test_two_samples_are_enough_to_hold_one_out() -> None:
    kept, held = split_validation(counted(2), 0.1, seed=None)
    assert len(kept) == len(indexes(held)) == 1
    with pytest.raises(LengthError, match="needs at least two samples"):
        split_validation(counted(1), 0.5, seed=None)


@pytest.mark.parametrize("share", [0, 10, -1, True, False, 0.0, 1.0, -0.5, numpy.int64(10)])
def test_what_is_no_share(share: Any) -> None:
    with pytest.raises(
        OptionError, match="validation must be a fraction of the samples above 0 and below 1"
    ):
        split_validation(counted(10), share, seed=None)


def test_without_a_seed_samples_are_held_out_as_with_seed_0() -> None:
    assert indexes(split_validation(counted(10), 0.3, seed=None)[1]) == indexes(
        split_validation(counted(10), 0.3, seed=0)[1]
    )
    assert indexes(split_validation(counted(10), 0.3, seed=3)[1]) != indexes(
        split_validation(counted(10), 0.3, seed=0)[1]
    )


@pytest.mark.parametrize(
    "validation", ["Xy", {"X": 1}, ([[1.0]],), ([[1.0]], [0.0], [1.0], [1.0])], ids=repr
)
def test_what_can_not_be_held_out(validation: Any) -> None:
    with pytest.raises(
        OptionError, match=r"validation must be \(X, y\), \(X, y, sample_weight\), or a fraction"
    ):
        split_validation(counted(10), validation, seed=None)


def test_what_is_given_for_validation_may_have_weights() -> None:
    X, y = [[1.0], [2.0]], [0.0, 1.0]
    _, plain = split_validation(counted(3), (X, y), seed=None)
    _, weighted = split_validation(counted(3), [X, y, [0.5, 2.0]], seed=None)
    assert plain is not None
    assert weighted is not None
    assert (plain.inputs, plain.targets, plain.weights) == (X, y, None)
    assert weighted.weights == [0.5, 2.0]
    assert split_validation(counted(3), None, seed=None)[1] is None
