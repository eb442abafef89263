"""What targets mean: the shape of a nest is the one that NumPy sees."""

from typing import Any

import numpy
import pytest

from scalargrad import Value
from scalargrad.training.targets import shape_of

REGULAR: list[Any] = [
    3.0,
    [],
    [1.0, 2.0],
    (1.0, 2.0, 3.0),
    [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    [[[1.0]], [[2.0]]],
    [[], []],
    numpy.zeros((2, 3)),
    [numpy.zeros((2, 3)), numpy.zeros((2, 3))],
]


@pytest.mark.parametrize("nest", REGULAR, ids=repr)
def test_the_shape_of_a_nest_is_that_of_an_array(nest: Any) -> None:
    assert shape_of(nest) == numpy.shape(nest)


@pytest.mark.parametrize("nest", [[1.0, [2.0]], [[1.0], [2.0, 3.0]], [[[1.0]], [[2.0, 3.0]]]], ids=repr)
def test_a_nest_of_parts_that_differ_has_no_shape(nest: Any) -> None:
    assert shape_of(nest) is None


def test_a_value_is_one_number() -> None:
    assert shape_of([Value(1.0), Value(2.0)]) == (2,)
