"""Trees of numbers are flattened and unflattened in one order, with types, shapes and keys."""

import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, namedtuple

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad.core.nested import (
    copy_tree,
    flatten,
    flatten_like,
    float_array,
    is_array,
    is_tree,
    map_tree,
    object_array,
    outer,
    tree_leaves,
    tree_paths,
    unflatten,
)
from scalargrad.errors import DataError, LengthError

Point = namedtuple("Point", "x y")
nests = st.recursive(
    st.floats(allow_nan=False) | st.none(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(), inner)
        | st.builds(Point, inner, inner)
    ),
    max_leaves=20,
)


@given(nests)
def test_refilling_with_the_same_numbers_gives_the_same_nest(nest):
    again = unflatten(nest, flatten(nest))
    assert again == nest
    assert type(again) is type(nest)
    assert len(tree_paths(nest, "x")) == len(flatten(nest))


@pytest.mark.parametrize("nest", [OrderedDict(a=1.0), Counter(a=1.0), defaultdict(float, a=1.0)])
def test_refilling_keeps_the_kind_of_dict(nest):
    again = unflatten(nest, [5.0])
    assert again == {"a": 5.0}
    assert type(again) is type(nest)
    assert nest == {"a": 1.0}


@given(nests)
def test_places_are_where_the_numbers_are(nest):
    found = [eval(place, {"x": nest}) for place in tree_paths(nest, "x")]
    assert found == flatten(nest)


def test_arrays_are_blocks_of_entries():
    nest = [numpy.array([[1.0, 2.0]]), 3.0, numpy.array(4.0)]
    assert [is_array(block) for block in tree_leaves(nest)] == [True, False, False]
    assert flatten(nest) == [1.0, 2.0, 3.0, 4.0]
    assert tree_paths(nest, "x") == ["x[0][0, 0]", "x[0][0, 1]", "x[1]", "x[2]"]
    doubled = map_tree(lambda number: number * 2, nest)
    assert (doubled[0].tolist(), doubled[0].dtype, doubled[1:]) == (
        [[2.0, 4.0]],
        object,
        [6.0, 8.0],
    )
    assert [is_tree(x) for x in (None, [], {}, numpy.ones(2), numpy.array(1.0), 1.0, "text")] == [
        True
    ] * 4 + [False] * 3


def test_arrays_of_objects_are_not_looked_into():
    assert object_array([[1, 2], [3, 4]], (2,)).shape == (2,)


def test_the_outer_product_of_nests():
    matrix = [["ax", "ay"], ["bx", "by"]]
    assert outer({"a": 0, "b": 0}, Point(0, 0), matrix) == {
        "a": Point("ax", "ay"),
        "b": Point("bx", "by"),
    }
    found = outer(numpy.zeros(2), {"x": 0, "y": numpy.zeros((1, 1))}, matrix)
    assert found["x"].tolist() == ["ax", "bx"]
    assert found["y"].tolist() == [[["ay"]], [["by"]]]


def containers(nest):
    """The identities of all containers of a nest that can be changed."""
    if isinstance(nest, dict):
        return {id(nest)}.union(*map(containers, nest.values()))
    if isinstance(nest, list | tuple):
        own = {id(nest)} if isinstance(nest, list) else set()
        return own.union(*map(containers, nest))
    return set()


@given(nests)
def test_a_snapshot_is_equal_and_shares_no_container(nest):
    copy = copy_tree(nest, "x")
    assert copy == nest
    assert type(copy) is type(nest)
    assert not containers(copy) & containers(nest)


def test_a_snapshot_of_an_array_has_memory_of_its_own():
    array = numpy.arange(6.0).reshape(2, 3)
    for kept in (array, array.T, array[:, ::2], array.astype(object)):
        copy = copy_tree([kept], "x")[0]
        assert copy.tolist() == kept.tolist()
        assert (copy.dtype, numpy.shares_memory(copy, kept)) == (kept.dtype, False)


class OfAnotherLibrary:
    """Has a shape, as an array of another library has."""

    def __init__(self, shape):
        self.shape = shape


class ReadableByNumPy(OfAnotherLibrary):
    def __array__(self, dtype=None, copy=None):
        return numpy.ones(self.shape)


def test_a_method_called_mask_makes_no_masked_array():
    series = ReadableByNumPy((2,))
    series.mask = lambda condition: condition  # as a Series of pandas has
    assert copy_tree(series, "x").tolist() == [1.0, 1.0]


def test_a_snapshot_of_what_numpy_reads_as_an_array_is_one():
    found = copy_tree(ReadableByNumPy((1, 2)), "x")
    assert type(found) is numpy.ndarray
    assert found.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("thing", [ReadableByNumPy(()), OfAnotherLibrary((2,))])
def test_a_snapshot_leaves_scalars_and_what_numpy_cannot_read(thing):
    assert copy_tree(thing, "x") is thing


def test_a_snapshot_takes_shared_containers_apart_and_refuses_circles():
    row = [1.0]
    copies = copy_tree({"a": row, "b": (row, row)}, "x")
    assert len({id(copies["a"]), *map(id, copies["b"])}) == 3
    circle = {"x": [row]}
    circle["x"].append(circle)
    with pytest.raises(DataError, match="x has a dict that contains itself"):
        copy_tree(circle, "x")


def test_arrays_of_floats():
    found = unflatten([numpy.zeros((1, 2), int), 0], [1.0, 2.0, 3.0], float_array)
    assert (found[0].dtype, found[0].tolist(), found[1]) == (float, [[1.0, 2.0]], 3.0)
    found = outer([0, numpy.zeros(2)], numpy.zeros(1), [[1.0], [2.0], [3.0]], float_array)
    assert (found[0].dtype, found[0].tolist()) == (float, [1.0])
    assert (found[1].dtype, found[1].tolist()) == (float, [[2.0], [3.0]])
    assert unflatten(numpy.zeros((0, 3)), [], float_array).shape == (0, 3)


def test_a_named_tuple_with_a_constructor_of_its_own_is_made_all_the_same():
    class Strict(namedtuple("Strict", "x")):
        def __new__(cls, *, x):
            return super().__new__(cls, x)

    assert unflatten(Strict(x=1.0), [2.0]) == (2.0,)
    assert type(copy_tree(Strict(x=1.0), "x")) is Strict


def test_matching_goes_by_key_and_place():
    assert flatten_like({"a": 1, "b": [2, 3]}, {"b": (20, 30), "a": 10}, ("p", "t")) == [10, 20, 30]
    assert flatten_like(numpy.ones((1, 2)), numpy.array([[5.0, 6.0]]), ("p", "t")) == [5.0, 6.0]
    for nest, other in (
        ([1], 1),
        (1, [1]),
        ({"a": 1}, {"b": 1}),
        ([1, 2], [1]),
        (numpy.ones(2), [1, 1]),
        (None, 1),
        ([1], None),
    ):
        with pytest.raises(LengthError, match="p and t must have one structure"):
            flatten_like(nest, other, ("p", "t"))


def test_numpy_is_not_imported_for_trees_without_arrays():
    code = "import sys; sys.modules['numpy'] = None; import importlib.util as u; import types; "
    code += "s = u.find_spec('scalargrad'); p = types.ModuleType('scalargrad'); "
    code += "p.__path__ = s.submodule_search_locations; sys.modules['scalargrad'] = p; "
    code += "from scalargrad.autodiff.transforms import grad; "
    code += "print(grad(lambda x: x[0] * x[1])([2.0, 3.0]))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "[3.0, 2.0]\n"
