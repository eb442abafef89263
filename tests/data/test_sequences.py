"""Padding: every number in its place, the filling elsewhere, types, errors."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import data
from scalargrad.errors import DataError, LengthError, OptionError

SEQUENCES = st.lists(st.lists(st.integers(-5, 5), min_size=1, max_size=6), min_size=1, max_size=5)


@given(SEQUENCES, st.integers(-100, 100), st.integers(0, 3))
def test_numbers_stay_and_the_rest_is_filled(
    sequences: list[list[int]], value: int, extra: int
) -> None:
    length = max(map(len, sequences)) + extra
    padded = data.pad_sequences(sequences, value, length if extra else None)
    assert padded.shape == (len(sequences), length)
    assert padded.dtype == np.int64
    for row, sequence in zip(padded.tolist(), sequences, strict=True):
        assert row == sequence + [value] * (length - len(sequence))


def test_rows_of_numbers() -> None:
    padded = data.pad_sequences([[[1.0, 2.0]], np.ones((3, 2))], -1.0)
    assert padded.shape == (2, 3, 2)
    assert padded[0].tolist() == [[1.0, 2.0], [-1.0, -1.0], [-1.0, -1.0]]


@pytest.mark.parametrize(
    ("sequences", "value"), [([[1.5], [1, 2]], 0), ([[1, 2], [3]], 0.5), ([[1.0], [2.0]], 0)]
)
def test_fractions_make_floats(sequences: Any, value: float) -> None:
    assert data.pad_sequences(sequences, value).dtype == np.float64


def test_a_value_too_large_for_an_integer_makes_floats() -> None:
    padded = data.pad_sequences([[1], [1, 2]], 2**70)
    assert padded.tolist() == [[1.0, 2.0**70], [1.0, 2.0]]
    assert padded.dtype == np.float64


@pytest.mark.parametrize(
    ("sequences", "options", "error", "message"),
    [
        ([], {}, LengthError, "pad_sequences has no sequences"),
        ([[1], []], {}, LengthError, r"sequences\[1\] is empty"),
        (3, {}, LengthError, "takes a list of sequences, not 3"),
        (["ab"], {}, LengthError, r"sequences\[0\] must be a list or an array"),
        ([[1], 2], {}, LengthError, r"sequences\[1\] must be a list or an array"),
        ([[[1, 2]], [[1]]], {}, LengthError, r"sequences\[1\] has rows of the shape \(1,\)"),
        ([[1], ["a"]], {}, DataError, r"sequences\[1\] must hold real numbers"),
        ([[1.0], [np.nan]], {}, DataError, r"sequences\[1\]\[0\] is nan"),
        ([[1, 2, 3]], {"length": 2}, OptionError, r"sequences\[0\] is longer than length=2"),
        ([[1]], {"length": 0}, OptionError, "length must be a whole number of at least 1"),
        ([[1]], {"value": np.inf}, OptionError, "value must be a finite number"),
    ],
)
def test_what_can_not_be_padded(sequences: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        data.pad_sequences(sequences, **options)
