"""Look-ups by `take` outside of a compiled function: the same Values, and what is no index."""

from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value
from scalargrad.errors import CallError, DataError, LengthError, OptionError


def rows() -> list[list[Value]]:
    return [[Value(10.0 * i + j) for j in range(2)] for i in range(3)]


def test_an_entry_is_the_same_value() -> None:
    table = [Value(1.0), Value(2.0)]
    assert sg.take(table, 1) is table[1]


def test_a_row_is_a_new_list_of_the_same_values() -> None:
    table = rows()
    found = sg.take(table, 2)
    found.clear()
    assert sg.take(table, 2) == table[2]
    assert len(table[2]) == 2


def test_rows_keep_their_nesting() -> None:
    table = [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]
    assert sg.take(table, 1) == [[5.0, 6.0], [7.0, 8.0]]


@given(st.lists(st.integers(0, 2), max_size=5))
def test_a_list_of_indices_gives_a_list(indices: list[int]) -> None:
    table = rows()
    assert sg.take(table, indices) == [table[i] for i in indices]
    assert sg.take(table, numpy.array(indices, dtype=int)) == [table[i] for i in indices]


def test_gradients_of_rows_that_are_taken_twice_add_up() -> None:
    table = rows()
    sg.sum([x for row in sg.take(table, [1, 1, 0]) for x in row]).backward()
    assert [[x.grad for x in row] for row in table] == [[1.0, 1.0], [2.0, 2.0], [0.0, 0.0]]


def test_a_table_may_be_an_array() -> None:
    assert sg.take(numpy.array([[1.0, 2.0], [3.0, 4.0]]), 1) == [3.0, 4.0]
    assert sg.take(numpy.array([1.5, 2.5]), [1, 0]) == [2.5, 1.5]


@pytest.mark.parametrize("index", [1.5, "a", None, True, float("nan"), float("inf"), {}], ids=repr)
def test_what_is_no_index(index: Any) -> None:
    with pytest.raises(DataError, match="take takes a whole number as index"):
        sg.take(rows(), index)


@pytest.mark.parametrize("index", [-1, 3, 10**20], ids=repr)
def test_out_of_range(index: int) -> None:
    with pytest.raises(
        OptionError, match=f"take has the indices 0 to 2, but was asked for {index}"
    ):
        sg.take(rows(), [0, index])


def test_a_value_is_no_index() -> None:
    with pytest.raises(DataError, match="which row is taken can't be differentiated"):
        sg.take(rows(), Value(1.0))
    with pytest.raises(DataError, match=r"can't be an index .* int\(x\.data\)"):
        rows()[Value(1.0)]  # type: ignore[call-overload]


def test_a_list_times_a_value_says_how_to_scale_a_list() -> None:
    """Python asks the Value how often it shall repeat the list."""
    with pytest.raises(DataError, match=r"\[x \* y for y in ys\] in place of ys \* x"):
        [Value(1.0)] * Value(2.0)  # type: ignore[operator]


@pytest.mark.parametrize("table", [3.0, "abc", None, {0: 1.0}], ids=repr)
def test_what_is_no_table(table: Any) -> None:
    with pytest.raises(DataError, match="take looks up a list or an array"):
        sg.take(table, 0)


def test_an_empty_table() -> None:
    with pytest.raises(LengthError, match="empty table"):
        sg.take([], 0)


def test_a_call_with_one_argument_says_what_is_missing() -> None:
    with pytest.raises(CallError, match="take needs 'index'"):
        sg.take([1.0])  # type: ignore[call-arg]
