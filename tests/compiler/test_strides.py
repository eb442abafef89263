"""Views against NumPy's fancy indexing."""

from random import Random

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad.compiler.strides import as_strided, make_view


def indexes(rng: Random, width: int) -> numpy.ndarray:
    """Columns of a block: regular, nearly regular, or any."""
    shape = tuple(rng.randint(1, 4) for _ in range(rng.randint(1, 3)))
    kind = rng.randrange(3)
    if kind == 2:
        return numpy.array([rng.randrange(width) for _ in range(int(numpy.prod(shape)))]).reshape(
            shape
        )
    strides = [rng.choice([0, 1, 1, 2, 5]) for _ in shape]
    columns = rng.randrange(3) + sum(
        step * index for step, index in zip(strides, numpy.indices(shape), strict=True)
    )
    if kind == 1:
        columns = columns.copy()
        columns.flat[rng.randrange(columns.size)] = rng.randrange(width)
    return numpy.asarray(columns)


@settings(max_examples=400)
@given(rng=st.randoms(use_true_random=False), batched=st.booleans())
def test_a_regular_place_is_a_view_of_what_indexing_copies(rng: Random, batched: bool) -> None:
    columns = indexes(rng, 40)
    block = (
        numpy.arange(3 * 60, dtype=float).reshape(3, 60)
        if batched
        else numpy.arange(60, dtype=float)
    )
    place = make_view(0, columns)
    assert place.shape == columns.shape
    if place.strides is not None:
        view = as_strided(block, place)
        assert numpy.array_equal(view, block[..., columns])
        assert view.size == 0 or numpy.shares_memory(view, block)


@settings(max_examples=400)
@given(rng=st.randoms(use_true_random=False))
def test_what_a_place_says_of_itself(rng: Random) -> None:
    columns = indexes(rng, 40)
    place = make_view(0, columns)
    assert place.distinct == (len(set(columns.ravel().tolist())) == columns.size)
    assert place.is_one == (len(set(columns.ravel().tolist())) == 1)
    flat = columns.ravel().tolist()
    assert place.is_run == (flat == list(range(flat[0], flat[0] + len(flat))))


@pytest.mark.parametrize(
    ("columns", "strides"),
    [
        ([2, 3, 4], (1,)),
        ([2, 4, 6], (2,)),
        ([5, 5, 5], (0,)),
        ([7], (0,)),
        ([[2, 3], [7, 8]], (5, 1)),
        ([[2, 7], [3, 8]], (1, 5)),
        ([[0, 1], [0, 1]], (0, 1)),
        ([[0, 1], [1, 2]], (1, 1)),
        ([2, 3, 5], None),
        ([3, 2, 1], None),
        ([[0, 1], [3, 2]], None),
    ],
)
def test_strides_by_hand(columns: list[int], strides: tuple[int, ...] | None) -> None:
    assert make_view(0, numpy.array(columns)).strides == strides
