"""Names of the numbers in nested lists, tuples, dicts and arrays."""

import pickle
from collections import OrderedDict, namedtuple
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Buffer, Parameter, Value
from scalargrad.core.labels import label_unnamed
from scalargrad.core.nested import tree_leaves
from scalargrad.errors import DataError, OptionError


def labels(tree: Any) -> list[str]:
    return [leaf.label for leaf in tree_leaves(tree)]


def values(*numbers: float) -> list[Value]:
    return [Value(number) for number in numbers]


# label


def test_items_of_lists_are_named_by_their_positions() -> None:
    rows = [values(1.0, 2.0), values(3.0)]
    assert sg.label(rows, "wte") is rows
    assert labels(rows) == ["wte[0][0]", "wte[0][1]", "wte[1][0]"]


def test_keys_of_a_dict_are_names() -> None:
    state = sg.label({"wq": [values(1.0)], "layer": {"b": Value(2.0)}, 3: [Value(1.0)]}, "state")
    assert labels(state) == ["state.wq[0][0]", "state.layer.b", "state[3][0]"]
    assert labels(sg.label({"wq": [values(1.0, 2.0)]})) == ["wq[0][0]", "wq[0][1]"]


def test_tuples_arrays_and_single_values() -> None:
    pair = namedtuple("pair", "a b")(Value(1.0), values(2.0))
    assert labels(sg.label(pair, "p")) == ["p[0]", "p[1][0]"]
    array = numpy.array([values(1.0, 2.0)], dtype=object)
    sg.label(array, "m")
    assert [value.label for value in array.ravel()] == ["m[0][0]", "m[0][1]"]
    assert sg.label(Value(1.0), "x").label == "x"


def test_arrays_of_numbers_are_passed_over() -> None:
    x = Value(1.0)
    sg.label([numpy.zeros((3, 3)), x], "x")
    assert x.label == "x[1]"


def test_a_label_that_is_there_is_replaced_and_other_things_stay() -> None:
    x = Value(1.0, label="old")
    tree = [x, 2.0, None, "text", object()]
    sg.label(tree, "x")
    assert x.label == "x[0]"
    assert tree[1:4] == [2.0, None, "text"]


def test_the_first_place_of_a_value_names_it() -> None:
    row = values(1.0)
    assert labels(sg.label({"wte": [row], "lm_head": [row]})) == ["wte[0][0]"] * 2


def test_label_is_for_all_kinds_of_values() -> None:
    kinds = [Parameter(1.0), Buffer(2.0), Value(1.0) * 2]
    assert labels(sg.label(kinds, "k")) == ["k[0]", "k[1]", "k[2]"]


@pytest.mark.parametrize("tree", [values(1.0), Value(1.0), {1: Value(1.0)}])
def test_what_has_no_names_needs_one(tree: Any) -> None:
    with pytest.raises(OptionError, match="label needs a name"):
        sg.label(tree)


@pytest.mark.parametrize("name", [3, None, b"wte"])
def test_a_name_is_a_string(name: Any) -> None:
    with pytest.raises(OptionError, match="string as the name"):
        sg.label(values(1.0), name)
    with pytest.raises(OptionError, match="string as the name"):
        sg.parameters([1.0], name)


@pytest.mark.parametrize("tree", [[], {}, [1.0], "text", None, 3.0])
def test_without_a_value_there_is_nothing_to_label(tree: Any) -> None:
    with pytest.raises(DataError, match="found no Value"):
        sg.label(tree, "x")


def test_a_nest_that_contains_itself_is_refused_before_anything_is_labeled() -> None:
    x = Value(1.0)
    tree: list[Any] = [x]
    tree.append(tree)
    with pytest.raises(DataError, match="contains itself"):
        sg.label(tree, "x")
    with pytest.raises(DataError, match="contains itself"):
        sg.parameters(tree, "x")
    assert x.label == ""


# parameters


def test_numbers_become_parameters_in_the_same_nest() -> None:
    state = sg.parameters({"wq": [[0.1, 2], (3.0, True)], "b": numpy.float32(0.5)})
    assert [type(leaf) for leaf in tree_leaves(state)] == [Parameter] * 5
    assert [leaf.data for leaf in tree_leaves(state)] == [0.1, 2.0, 3.0, 1.0, 0.5]
    assert labels(state) == ["wq[0][0]", "wq[0][1]", "wq[1][0]", "wq[1][1]", "b"]
    assert type(state["wq"][1]) is tuple


def test_a_named_list_and_a_single_number() -> None:
    assert labels(sg.parameters([1.0, 2.0], "w")) == ["w[0]", "w[1]"]
    assert labels(sg.parameters(1.0, "w")) == ["w"]


def test_without_a_name_the_labels_of_values_stay() -> None:
    made = sg.parameters([Value(1.0, label="a"), 2.0])
    assert labels(made) == ["a", ""]


def test_the_containers_are_new_and_of_the_same_types() -> None:
    given = OrderedDict(w=[1.0])
    made = sg.parameters(given)
    assert type(made) is OrderedDict
    assert given == {"w": [1.0]}


def test_arrays_become_arrays_of_parameters() -> None:
    made = sg.parameters({"w": numpy.arange(4.0).reshape(2, 2)})["w"]
    assert made.shape == (2, 2)
    assert made[1, 0].label == "w[1][0]"
    assert made[1, 0].data == 2.0


def test_a_parameter_stays_itself_and_a_shared_value_is_shared() -> None:
    p, x = Parameter(1.0), Value(2.0)
    made = sg.parameters([p, x, x])
    assert made[0] is p
    assert made[1] is made[2]
    assert made[1] is not x


@pytest.mark.parametrize("leaf", ["3", 1j, object()])
def test_what_is_no_number_is_refused(leaf: Any) -> None:
    with pytest.raises(DataError, match="a number for parameters"):
        sg.parameters([1.0, leaf])


nests = st.recursive(
    st.floats(-10.0, 10.0),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["w", "v"]), nests, max_size=2))
def test_a_label_is_the_way_to_the_number(nest: Any) -> None:
    """Read as Python, with a class whose attributes are the keys."""

    class Read:
        def __init__(self, part: Any) -> None:
            self.part = part

        def __getitem__(self, place: int) -> "Read":
            return Read(self.part[place])

        def __getattr__(self, name: str) -> "Read":
            return Read(self.part[name])

    made = sg.parameters(nest)
    names = {name: Read(part) for name, part in made.items()}
    leaves = tree_leaves(made)
    assert [leaf.data for leaf in leaves] == tree_leaves(nest)
    for leaf in leaves:
        assert eval(leaf.label, {}, names).part is leaf


def test_labels_are_kept_by_pickles() -> None:
    made = sg.parameters({"w": [1.0]})
    assert labels(pickle.loads(pickle.dumps(made))) == ["w[0]"]


# Names of variables


def test_variables_and_what_is_in_them() -> None:
    x, row, state = Value(1.0), values(2.0, 3.0), {"wq": values(4.0)}
    label_unnamed({"x": x, "row": row, "state": state, "number": 3, "text": "t", "module": sg})
    assert labels([x, row, state]) == ["x", "row[0]", "row[1]", "wq[0]"]


def test_a_variable_comes_before_a_list_that_has_the_same_value() -> None:
    x = Value(1.0)
    label_unnamed({"many": [x], "x": x})
    assert x.label == "x"


def test_labels_that_are_there_stay_and_names_with_an_underscore_are_left_out() -> None:
    x, y = Value(1.0, label="mine"), Value(2.0)
    label_unnamed({"x": x, "_": y, "__y": y, "Out": {1: [y]}, "In": [y]})
    assert (x.label, y.label) == ("mine", "")


def test_a_variable_that_contains_itself_is_left_out() -> None:
    x = Value(1.0)
    tree: list[Any] = [x]
    tree.append(tree)
    label_unnamed({"tree": tree, "x": x})
    assert x.label == "x"


@pytest.mark.parametrize("names", [["x"], {1: Value(1.0)}, "x", None])
def test_names_are_a_dict_of_variables(names: Any) -> None:
    with pytest.raises(OptionError, match="locals"):
        label_unnamed(names)
