"""A Value as a number: comparisons go by value, equality by identity; what leaves the graph unseen warns."""

import math
import warnings
from typing import Any

import numpy as np
import pytest

import scalargrad as sg
from scalargrad import Constant, Parameter, Value
from scalargrad.conversion import whole
from scalargrad.errors import OptionError, UntrackedWarning


def test_order_goes_by_value() -> None:
    a, b = Value(1.0), Value(2.0)
    assert a < b
    assert a <= 1
    assert b <= 2
    assert b > np.float64(1.5)
    assert not a > b
    assert not Value(math.nan) < Value(1.0)
    assert not Value(math.nan) >= 1.0
    assert max([a, b]) is b
    assert sorted([b, a]) == [a, b]


def test_truth_goes_by_value() -> None:
    assert Value(0.1)
    assert Value(math.nan)
    assert not Value(0.0)
    assert not Value(-0.0)


def test_equality_and_hash_are_identity() -> None:
    a, b = Value(1.0), Value(1.0)
    assert a == a
    assert a != b
    assert len({a, b, a}) == 2
    assert [a, b].index(b) == 1
    key = {a: "a"}
    a.data = 5.0
    assert key[a] == "a"


def test_conversions_that_do_not_warn() -> None:
    v = Value(2.7)
    assert (float(v), int(v), math.trunc(v), v.item()) == (2.7, 2, 2, 2.7)
    assert f"{v:.3f}|{v:8.1e}" == "2.700| 2.7e+00"
    assert math.isclose(v, 2.7)
    assert math.isfinite(v)
    assert not math.isnan(v)
    assert not math.isinf(v)
    assert math.floor(v).data == 2.0
    assert "%.1f" % v == "2.7"  # noqa: UP031
    assert complex(v) == 2.7 + 0j
    assert np.array([v, v], dtype=float).tolist() == [2.7, 2.7]


def untracked(function: Any, *operands: Any) -> Any:
    return function(*operands)


def test_functions_of_math_warn_and_name_the_way_out() -> None:
    v = Value(0.5)
    with pytest.warns(UntrackedWarning, match=r"math\.exp returns a plain number.*scalargrad\.exp") as found:
        assert math.exp(v) == math.exp(0.5)
    assert found[0].filename == __file__
    from math import tanh

    with pytest.warns(UntrackedWarning, match="tanh"):
        tanh(v)


def test_the_warning_comes_once_for_each_place() -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(5):
            math.sin(Value(0.5))
    assert len(found) == 1


def test_text_forms() -> None:
    assert repr(Value(2.0)) == "Value(data=2.0, grad=0.0)"
    assert repr(Parameter(2.0, label="w")) == "Parameter(data=2.0, grad=0.0, label='w')"
    assert str(Constant(2.0)) == f"{Constant(2.0)}" == "Constant(data=2.0, grad=0.0)"
    with pytest.raises(ValueError, match="format"):
        format(Value(2.0), "nonsense")


def test_kinds() -> None:
    x = Value(1.0)
    assert [v.kind for v in (x, Parameter(1.0), Constant(1.0), x + 1, sg.tanh(x))] == [
        "input",
        "parameter",
        "constant",
        "operation",
        "operation",
    ]


@pytest.mark.parametrize("number", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_whole_numbers_of_every_kind_are_taken(number: Any) -> None:
    assert type(whole(number, "size")) is int
    assert whole(number, "size", 3) == 3
    assert whole(-3, "size", None) == -3


@pytest.mark.parametrize("thing", [True, np.bool_(True), 3.0, np.float64(3.0), np.array(2.5), np.array([3]), "3", None, 0, -1], ids=repr)
def test_what_is_no_whole_number_of_at_least_one_is_named(thing: Any) -> None:
    with pytest.raises(OptionError, match="size must be a whole number of at least 1, not "):
        whole(thing, "size")
