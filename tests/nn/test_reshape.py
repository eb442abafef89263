"""Reshape and Flatten: the same numbers in other lists, and refusals."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.nn import Flatten, Layer, Reshape, Sequential


def numbers(nest: Any) -> Any:
    return [numbers(part) for part in nest] if isinstance(nest, list) else nest.data


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_reshape_is_that_of_numpy_and_flatten_undoes_it(sizes: list[int]) -> None:
    x = np.arange(np.prod(sizes), dtype=float)
    shaped = Reshape(*sizes)(x)
    assert numbers(shaped) == x.reshape(sizes).tolist()
    assert numbers(Flatten()(shaped)) == x.tolist()
    assert numbers(Flatten()(x.reshape(sizes))) == x.tolist()


def test_values_pass_untouched_and_numbers_are_labeled() -> None:
    x = [Value(1.0), Value(2.0)]
    assert Flatten()(Reshape(2, 1)(x)) == x
    assert [[v.label for v in row] for row in Reshape(2, 2)([1, 2, 3, 4])] == [
        ["x0", "x1"],
        ["x2", "x3"],
    ]
    assert [v.label for v in Flatten()([[1, 2], [3, 4]])] == ["x0,0", "x0,1", "x1,0", "x1,1"]
    assert numbers(Flatten()([[], [1.0]])) == [1.0]


def test_a_network_says_how_many_inputs_it_takes() -> None:
    assert Sequential(Reshape(2, 3), Flatten(), Layer(6, 1)).inputs == 6
    assert repr(Reshape(2, 3)) == "Reshape(2, 3)"


def test_refusals() -> None:
    with pytest.raises(LengthError, match=r"Reshape\(2, 3\) takes 6 inputs, but was given 5"):
        Reshape(2, 3)([1.0] * 5)
    for sizes in ((), (0,), (2, "3")):
        with pytest.raises(OptionError, match="Reshape"):
            Reshape(*sizes)
    for x in (1.0, "12", None, ["a"], [[1.0, None]]):
        with pytest.raises(DataError, match="Flatten"):
            Flatten()(x)


def test_a_frame_is_read_by_rows() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert [x.data for x in Flatten()(frame)] == [1.0, 3.0, 2.0, 4.0]
