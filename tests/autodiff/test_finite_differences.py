"""Central differences and copies: every kind of container, nothing shared, and a cost that does not
grow with the numbers that stay as they are.
"""

import pickle
import sys
from collections import Counter, namedtuple

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Value, numerical_gradient
from scalargrad.autodiff.finite_differences import CentralDifferences, TreeTemplate, step_around
from scalargrad.errors import DataError

Point = namedtuple("Point", "x y")

NESTS = {
    "number": (3, 1),
    "list": ([1, 2.0, True], 3),
    "rows": ([[1.0, 2.0], [3.0]], 3),
    "tuple": ((1.0, [2.0], ()), 2),
    "named tuple": (Point(1.0, [2.0, 3.0]), 3),
    "dict": ({"w": [1.0], "b": 2.0, "none": None}, 2),
    "none": (None, 0),
    "array": (numpy.arange(6.0).reshape(2, 3), 6),
    "columns": (numpy.asfortranarray(numpy.arange(6).reshape(2, 3)), 6),
    "mixed": ([numpy.ones(2), 3.0, {"a": numpy.float32(2.0)}], 4),
}


@pytest.mark.parametrize("name", NESTS)
def test_copies_are_equal_and_one_number_moves(name):
    nest, count = NESTS[name]
    template = TreeTemplate(nest)
    assert len(template) == count
    plain = numpy.array([template[i] for i in range(count)])
    for index in range(count):
        copy = TreeTemplate(template.copy_with(index, 99.0))
        expected = numpy.where(numpy.arange(count) == index, 99.0, plain)
        assert [copy[i] for i in range(count)] == expected.tolist()
    numpy.testing.assert_equal(template.copy(), nest)
    assert type(template.copy()) is (float if name == "number" else type(nest))


def test_values_become_fresh_values_beside_numbers():
    first, second = Value(1.0), Value(2.0)
    nest = [first, 3.0, (second,), numpy.array([first, 4.0]), numpy.array(second)]
    copy = TreeTemplate(nest).copy_with(0, 9.0)
    assert [
        type(item) for item in (copy[0], copy[1], copy[2][0], copy[3][0], copy[3][1], copy[4])
    ] == [*(Value, float, Value, Value, float, Value)]
    assert copy[0].data == 9.0
    assert first.data == 1.0
    assert not {id(copy[0]), id(copy[2][0]), id(copy[3][0]), id(copy[4])} & {id(first), id(second)}


def test_whatever_the_function_writes_is_gone_in_the_next_copy():
    nest = [[1.0, 2.0], numpy.zeros(2), {"a": [3.0]}]

    def spoil(x):
        total = x[0][0] + 2 * x[0][1] + x[1].sum() + 4 * x[2]["a"][0]
        x[0][0], x[2]["a"][0], x[1][:] = 50.0, 60.0, 70.0
        x.clear()
        return total

    slopes = numerical_gradient(spoil, nest)
    numpy.testing.assert_allclose(slopes[0], [1.0, 2.0], rtol=1e-9)
    numpy.testing.assert_allclose(slopes[1], [1.0, 1.0], rtol=1e-9)
    assert slopes[2]["a"] == [pytest.approx(4.0)]
    assert nest[0] == [1.0, 2.0]


def test_what_the_function_keeps_stays_as_it_was():
    seen = []

    def keep(x):
        seen.append(x)
        return x[0] + x[1]

    for nest in ([1.0, 2.0], numpy.array([1.0, 2.0])):
        seen.clear()
        numerical_gradient(keep, nest)
        assert len({id(x) for x in seen}) == 4
        assert [int(x[0] == 1.0) + int(x[1] == 2.0) for x in seen] == [1, 1, 1, 1]


def test_a_function_that_raises_leaves_the_template_as_it_was():
    def fails(x):
        raise KeyError(x[0])

    slopes = CentralDifferences(fails, [1.0, 2.0])
    with pytest.raises(KeyError):
        slopes(0)
    assert slopes.template.copy() == [1.0, 2.0]


@pytest.mark.parametrize("nest", [["1"], [1j], numpy.array([None]), {1.0}, [[1.0], "x"]])
def test_what_is_no_number_is_refused(nest):
    with pytest.raises(DataError, match="a number of x must be a real number"):
        TreeTemplate(nest)


@pytest.mark.parametrize("nest", [numpy.array(["1"]), numpy.array([1j])])
def test_an_array_of_something_else_is_refused_as_a_whole(nest):
    with pytest.raises(DataError, match=r"x holds an array of .*, where only real numbers belong"):
        TreeTemplate(nest)


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e-3))
def test_step_around_is_symmetrical(x, step):
    low, high = step_around(x, step)
    assert low < x < high
    assert high - x == pytest.approx(x - low, rel=1e-2, abs=1e-3 * abs(x) * step)


def parabola(x):
    return x[0] ** 2 + 3 * x[1]


def test_slopes_survive_pickling_with_the_same_bits():
    slopes = CentralDifferences(parabola, [numpy.float64(0.3), 7], 1e-5)
    again = pickle.loads(pickle.dumps(slopes))
    assert [again(i) for i in range(2)] == [slopes(i) for i in range(2)]
    assert again.step == 1e-5


def test_graphs_are_not_pickled_along():
    x = Value(1.0)
    long = x
    for _ in range(1000):
        long = long * 1.0
    assert len(pickle.dumps(CentralDifferences(parabola, [long, 2.0]))) < 1000


@pytest.mark.parametrize(
    "make", [lambda n: [0.5] * n, lambda n: numpy.full(n, 0.5)], ids=["list", "array"]
)
def test_a_step_of_one_weight_among_many_costs_little(make):
    """79,510 numbers: the calls for one slope do not grow with the number of entries."""
    slopes = CentralDifferences(lambda x: x[0], make(79_510))
    calls = Counter()
    sys.setprofile(lambda _frame, event, _argument: calls.update([event]))
    try:
        found = [slopes(index) for index in range(20)]
    finally:
        sys.setprofile(None)
    assert found == [pytest.approx(1.0)] + [0.0] * 19
    assert calls.total() < 20 * 200
