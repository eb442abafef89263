"""Reading data: everything that the user gave is in lists of our own."""

from typing import Any

import numpy
import pytest

from scalargrad.training.reading import fresh, read_rows

NESTS: dict[str, Any] = {
    "a list": [[1.0, [2.0]]],
    "a tuple": [(1.0, (2.0, 3.0))],
    "a dict": [{"a": [1.0], "b": {"c": [2.0]}}],
    "an array in a list": [[numpy.array([1.0, 2.0])]],
}


def parts(nest: Any) -> list[Any]:
    """Every container that can be changed in place."""
    if isinstance(nest, dict):
        return [nest, *(part for item in nest.values() for part in parts(item))]
    if isinstance(nest, (list, tuple)):
        inner = [part for item in nest for part in parts(item)]
        return [nest, *inner] if isinstance(nest, list) else inner
    return [nest] if isinstance(nest, numpy.ndarray) else []


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS)
@pytest.mark.parametrize("copy", [fresh, lambda nest: read_rows(nest, "X").items], ids=["fresh", "read"])
def test_a_copy_shares_nothing_that_can_be_changed(nest: Any, copy: Any) -> None:
    own = {id(part) for part in parts(nest)}
    found = copy(nest)
    numpy.testing.assert_equal(found, nest)
    assert not own & {id(part) for part in parts(found)}


def test_an_array_of_no_dimension_is_read_as_a_float() -> None:
    (row,) = read_rows([[numpy.array(1.5), 2.0]], "X").items
    assert [type(number) for number in row] == [float, float]


@pytest.mark.parametrize(
    ("things", "shape"),
    [
        (numpy.zeros((3, 2)), (2,)),
        ([[1.0, 2.0], [3.0, 4.0]], (2,)),
        ([1.0, 2.0], ()),
        (numpy.zeros((3, 2, 4)), (2, 4)),
        ([[1.0, 2.0], [3.0]], None),
    ],
)
def test_the_shape_of_a_sample(things: Any, shape: Any) -> None:
    assert read_rows(things, "X").shape == shape
