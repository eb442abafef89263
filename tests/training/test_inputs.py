"""Reading data: everything that the user gave is in lists of our own."""

import re
from typing import Any, NamedTuple

import numpy
import pytest

from scalargrad.errors import DataError
from scalargrad.training.inputs import copy_entry, read_rows

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
@pytest.mark.parametrize(
    "copy", [copy_entry, lambda nest: read_rows(nest, "X").items], ids=["copied", "read"]
)
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


@pytest.mark.parametrize(
    "things", [numpy.zeros((3, 1)), numpy.zeros((3, 1), dtype=object)], ids=["numbers", "objects"]
)
def test_an_array_is_known_as_one(things: Any) -> None:
    assert read_rows(things, "y").is_array
    assert not read_rows(things.tolist(), "y").is_array


def test_whole_numbers_stay_whole() -> None:
    for things in (numpy.array([[1, 2]]), [[1, 2]], [numpy.array([1, 2])]):
        assert [type(number) for number in read_rows(things, "X").items[0]] == [int, int]


def test_long_numbers_become_floats() -> None:
    (row,) = read_rows(numpy.ones((1, 2), dtype=numpy.longdouble), "X").items
    assert [type(number) for number in row] == [float, float]


class Point(NamedTuple):
    """A sample with names."""

    x: float
    y: list[float]


class Row(list[float]):
    """A list of the user's own kind."""


def test_containers_of_the_users_kinds_stay_of_their_kind() -> None:
    given = [Point(1.0, [2.0]), Row([1.0, 2.0]), (1.0, Row([3.0]))]
    found = read_rows(given, "X").items
    assert found == given
    assert [type(item) for item in found] == [Point, Row, tuple]
    assert type(found[2][1]) is Row
    assert found[0].y is not given[0].y  # type: ignore[attr-defined]


class Frame:
    """What has named columns, as a frame of pandas, and may be one column alone."""

    columns = ("age", "size")

    def __init__(self, array: Any) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return numpy.array(self.array, dtype)


NAN = float("nan")

REFUSED: dict[str, tuple[Any, str]] = {
    "nan in an array": (
        numpy.array([[1.0], [NAN]]),
        "X[1, 0] is nan: training needs finite numbers",
    ),
    "inf in a list": ([[1.0], [float("-inf")]], "X[1, 0] is -inf: training needs finite numbers"),
    "nan among other things": (
        [{"a": 1.0}, {"a": NAN}],
        "X[1, 'a'] is nan: training needs finite numbers",
    ),
    "a column of a frame": (Frame([[1.0, NAN]]), "X[0, 1] (column 'size') is nan: training needs"),
    "a column of a frame of objects": (
        Frame(numpy.array([[1.0, NAN]], dtype=object)),
        "X[0, 1] (column 'size') is nan: training needs",
    ),
    "a frame of one dimension": (Frame([1.0, NAN]), "X[1] is nan: training needs finite numbers"),
    "an array of one entry": (
        numpy.array(object(), dtype=object),
        "X must be an array or a list with one entry for each sample, not a single entry",
    ),
    "a text of NumPy": ([[numpy.str_("a"), 1.0]], "X[0, 0] is the text 'a': give numbers"),
    "bytes": ([[b"a", 1.0]], "X[0, 0] is the text b'a': give numbers"),
    "a date of NumPy": ([[numpy.datetime64(1, "ns"), 1.0]], "X[0, 0] is the date or time"),
    "dates of NumPy in an array": (
        numpy.array([[1]], dtype="datetime64[ns]"),
        "X[0, 0] is the date or time",
    ),
    "an object beside a number": (
        [[1.0, object()]],
        "X[0, 1] is an object, where a number belongs",
    ),
    "a set beside a number": ([[1.0, {2.0}]], "X[0, 1] is a set, which has no order"),
    "an empty set": ([[1.0, frozenset()]], "X[0, 1] is a frozenset, which has no order"),
    "dates of NumPy in arrays in a list": (
        [numpy.array([1], dtype="timedelta64[ns]")],
        "X[0, 0] is the date or time",
    ),
    "a date of NumPy in an array of no dimension": (
        [[numpy.array(1, dtype="datetime64[ns]")]],
        "X[0, 0] is the date or time",
    ),
    "a number of an array in a sample": (
        [[numpy.ma.array([1.0, 2.0], mask=[False, True])]],
        "X[0, 0, 1] is masked",
    ),
    "a number of a table in a sample": (
        [[numpy.ma.array([[1.0], [2.0]], mask=[[False], [True]])]],
        "X[0, 0, 1, 0] is masked",
    ),
    "a masked number": ([[1.0, numpy.ma.masked]], "X[0, 1] is masked"),
    "a masked array of no dimension": (
        [[1.0, numpy.ma.array(1.0, mask=True)]],
        "X[0, 1] is masked",
    ),
    "a set of samples": (
        {1.0},
        "X must be an array or a list with one entry for each sample, not set",
    ),
    "what has a length alone": (
        {}.keys(),
        "X must be an array or a list with one entry for each sample, not dict_keys",
    ),
    "a type": (list, "X must be an array or a list with one entry for each sample, not type"),
}


@pytest.mark.parametrize(("things", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_with_its_place(things: Any, message: str) -> None:
    with pytest.raises(DataError, match="^" + re.escape(message)):
        read_rows(things, "X")


@pytest.mark.filterwarnings("ignore")
def test_a_masked_number_is_no_nan_whatever_becomes_of_warnings() -> None:
    with pytest.raises(DataError, match="is masked"):
        read_rows([[1.0, numpy.ma.masked]], "X")
    assert read_rows([[numpy.ma.array([1.0, 2.0])]], "X").items == [[[1.0, 2.0]]]


def test_only_numbers_that_must_be_finite_are_refused_where_they_are_not() -> None:
    for things in (numpy.array([[NAN]]), [[NAN]], [{"a": NAN}], numpy.array([[NAN]], dtype=object)):
        assert "nan" in repr(read_rows(things, "X", finite=False).items)


def test_objects_of_another_library_are_passed_on() -> None:
    thing = object()
    assert read_rows([thing], "X").items == [thing]
