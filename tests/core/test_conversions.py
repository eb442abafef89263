"""A Value as a number: order is by value, equality by identity; leaving the graph unseen warns."""

import math
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import scalargrad as sg
from scalargrad import Constant, Parameter, Value
from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import plain
from scalargrad.core.modes import Mode, Switch
from scalargrad.errors import (
    ComparisonWarning,
    DataError,
    OptionError,
    TraceError,
    UntrackedWarning,
)

with warnings.catch_warnings():
    # Later versions of NumPy discourage durations without a unit, but people's arrays have them.
    warnings.simplefilter("ignore", DeprecationWarning)
    WITHOUT_UNIT = np.timedelta64(3)


@pytest.mark.parametrize(
    ("letters", "shown"), [(38, "'" + 38 * "x" + "'"), (39, "'" + 36 * "x" + "...")]
)
def test_what_is_told_of_a_long_text_has_forty_letters(letters: int, shown: str) -> None:
    with pytest.raises(DataError, match=rf"not str {re.escape(shown)}: convert it"):
        Value("x" * letters)  # type: ignore[arg-type]


class Grid:
    """A complex array of another library, which knows how to multiply itself by a Value."""

    shape = (2,)
    dtype = np.dtype(complex)

    def __rmul__(self, other: Any) -> str:
        return f"a grid times {other.data}"


def test_an_array_of_another_library_is_asked_whatever_it_holds() -> None:
    assert Value(2.0) * Grid() == "a grid times 2.0"


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


NUMBERS = [
    2.0,
    2,
    True,
    Fraction(2),
    Decimal(2),
    2j,
    np.float64(2.0),
    np.float32(2.0),
    np.int64(2),
    np.bool_(True),
    np.array(2.0),
]
QUESTIONS: dict[str, Callable[[Value, Any], Any]] = {
    "==": lambda v, number: v == number,
    "!=": lambda v, number: v != number,
    "== from the right": lambda v, number: number == v,
    "in a tuple": lambda v, number: v in (number, 3.0),
    "in a list": lambda v, number: number in [v],
    "index": lambda v, number: [number, v].index(v),
    "lists": lambda v, number: [v] == [number],
}


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=list(QUESTIONS))
@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_a_question_of_equality_with_a_number_warns_where_it_was_asked(
    ask: Callable[[Value, Any], Any], number: Any
) -> None:
    with pytest.warns(
        ComparisonWarning, match=r"one object.*write x\.data == 2\.0, or math\.isclose"
    ) as caught:
        ask(Value(2.0), number)
    assert caught[0].filename == __file__


def test_the_answer_stays_that_of_identity() -> None:
    with pytest.warns(ComparisonWarning):
        assert (Value(2.0) == 2.0, Value(2.0) != 2.0, Value(2.0) in (2.0,)) == (False, True, False)


def test_a_line_is_told_once() -> None:
    values = [Value(float(i)) for i in range(5)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for i in range(5):
            values[i] == float(i)  # noqa: B015
    assert len(caught) == 1


NO_NUMBERS = [None, "2.0", b"2", [2.0], (2.0,), {}, object(), Value(2.0), float]


@pytest.mark.parametrize("thing", NO_NUMBERS, ids=lambda thing: type(thing).__name__)
def test_what_is_no_number_is_told_apart_without_a_word(thing: Any) -> None:
    v = Value(2.0)
    assert (v == thing, thing == v, v != thing, v in [thing]) == (False, False, True, False)


def test_keys_and_members_ask_nothing() -> None:
    values = [Value(float(i)) for i in range(100)]
    table = {value: i for i, value in enumerate(values)} | {float(i): -i for i in range(100)}
    assert len({*values, *range(100)}) == 200
    assert [table[value] for value in values] == list(range(100))
    assert 5.0 in {*values, 5.0}
    assert Value(5.0) not in {*values, 5.0}


def test_numpys_own_code_asks_without_a_word() -> None:
    array = np.array([Value(1.0), Value(2.0)], dtype=object)
    assert not np.array_equal(array, [1.0, 2.0])
    with pytest.raises(AssertionError):
        np.testing.assert_equal(array, [1.0, 2.0])


def test_an_array_of_values_that_is_compared_by_the_user_warns() -> None:
    array = np.array([Value(1.0), Value(2.0)], dtype=object)
    with pytest.warns(ComparisonWarning):
        assert (array == 1.0).tolist() == [False, False]


def test_equality_with_a_number_is_refused_where_a_context_refuses_questions() -> None:
    def refuse(what: str) -> None:
        raise TraceError(what)

    v = Value(2.0)
    with Switch(lambda mode: Mode(mode.scope, mode.recording, mode.observers, refuse)):
        for ask in QUESTIONS.values():
            with pytest.raises(TraceError, match="== or != of a traced Value and a number"):
                ask(v, 2.0)
        assert v != "2.0"
        assert v != Value(2.0)


ASKING_FOR_THE_NUMBER: list[Callable[[Value], Any]] = [
    int,
    float,
    bool,
    math.trunc,
    lambda v: round(v, 1),
    lambda v: f"{v:.2f}",
    lambda v: v < 1.0,
    lambda v: v <= 1.0,
    lambda v: v > 1.0,
    lambda v: v >= 1.0,
    lambda v: v.data,
    lambda v: v.grad,
    lambda v: v.partials,
    lambda v: v.item(),
    plain,
    lambda v: v.detach(),
    lambda v: setattr(v, "data", 1.0),
]


@pytest.mark.parametrize("ask", ASKING_FOR_THE_NUMBER)
def test_the_number_is_refused_where_a_context_refuses_questions(
    ask: Callable[[Value], Any],
) -> None:
    def refuse(what: str) -> None:
        raise TraceError(what)

    v = Value(2.0)
    with (
        Switch(lambda mode: Mode(mode.scope, mode.recording, mode.observers, refuse)),
        pytest.raises(TraceError, match=r"\b(of|on) a Value"),
    ):
        ask(v)


@pytest.mark.parametrize(
    "thing",
    [np.timedelta64(3, "s"), WITHOUT_UNIT, np.datetime64(3, "s"), timedelta(3)],
    ids=repr,
)
def test_times_are_no_numbers(thing: Any) -> None:
    with pytest.raises(DataError, match="must be a real number"):
        Value(thing)


def test_a_complex_tensor_is_no_number() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(DataError, match="must be a real number"):
        Value(torch.tensor(1j))
    assert Value(torch.tensor(2.0)).data == 2.0


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
    with pytest.warns(
        UntrackedWarning, match=r"math\.exp returns a plain number.*scalargrad\.exp"
    ) as found:
        assert math.exp(v) == math.exp(0.5)
    assert found[0].filename == __file__
    from math import tanh

    with pytest.warns(UntrackedWarning, match="tanh"):
        tanh(v)


HOLDER = SimpleNamespace(math=math)


@pytest.mark.parametrize("given_by", ["-c", "-"])
def test_functions_of_math_warn_where_code_has_no_source_file(given_by: str) -> None:
    code = "import math, scalargrad as sg; print(math.tanh(sg.Value(1.0)))"
    command = [sys.executable, "-c", code] if given_by == "-c" else [sys.executable, "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=True)
    assert float(done.stdout) == math.tanh(1.0)
    assert "UntrackedWarning: math.tanh returns a plain number" in done.stderr


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("hypot", lambda v: HOLDER.math.hypot(v)),
        ("cos", lambda v: math.cos(*[v])),
        ("log1p", lambda v: math.cos(math.sin(math.log1p(v)))),
        (
            "ldexp",
            lambda v: math.ldexp(
                v,
                2,
            ),
        ),
    ],
)
def test_a_function_of_math_is_recognized_however_it_is_called(
    name: str, call: Callable[[Value], float]
) -> None:
    with pytest.warns(UntrackedWarning) as found:
        call(Value(0.5))
    assert [str(warning.message).split()[0] for warning in found] == [f"math.{name}"]


def test_other_calls_do_not_warn() -> None:
    v = Value(0.5)
    assert float(v) == (lambda f: f)(float)(v) == [float][0](v) == 0.5
    assert f"{float(v):.1f}" == str(0.5)


def test_the_warning_comes_once_for_each_place() -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(5):
            math.sin(Value(0.5))
    assert len(found) == 1


@pytest.mark.parametrize("label", [3, 0, None, Value(1.0), Value(0.0), ["a"]])
def test_a_label_is_text(label: Any) -> None:
    v = Value(1.0, label="v")
    for make in (Value, Parameter, Constant):
        with pytest.raises(DataError, match="label of a Value must be text, not "):
            make(2.0, label=label)
    with pytest.raises(DataError, match="label of a Value must be text, not "):
        v.label = label
    assert v.label == "v"
    v.label = ""
    assert (v.label, Value(1.0, label=np.str_("w")).label) == ("", "w")


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
    assert type(checked_int(number, "size", 1)) is int
    assert checked_int(number, "size", 3) == 3
    assert checked_int(-3, "size", None) == -3


@pytest.mark.parametrize(
    "thing",
    [True, np.bool_(True), 3.0, np.float64(3.0), np.array(2.5), np.array([3]), "3", None, 0, -1],
    ids=repr,
)
def test_what_is_no_whole_number_of_at_least_one_is_named(thing: Any) -> None:
    with pytest.raises(OptionError, match="size must be a whole number of at least 1, not "):
        checked_int(thing, "size", 1)


# What is no real number


def test_numbers_too_large_for_a_float_name_the_operator() -> None:
    x, huge = Value(2.0), 10**400
    for operate, sign in (
        (lambda: x + huge, "+"),
        (lambda: huge - x, "-"),
        (lambda: x * huge, "*"),
        (lambda: huge * x, "*"),
        (lambda: x / huge, "/"),
        (lambda: x**huge, "**"),
        (lambda: x % huge, "%"),
        (lambda: x // huge, "//"),
        (lambda: x * Fraction(huge), "*"),
    ):
        with pytest.raises(
            DataError, match=f"^an operand of {re.escape(sign)} is too large for a float$"
        ):
            operate()
    with pytest.raises(DataError, match="x of tanh is too large"):
        sg.tanh(huge)
    with pytest.raises(DataError, match="item 1 of max is too large"):
        sg.max([x, huge])


NOT_REAL = [
    1j,
    np.complex128(1j),
    np.array(1j),
    np.timedelta64(3, "s"),
    WITHOUT_UNIT,
    np.datetime64("2020-01-01"),
    np.ma.masked,
    np.ma.array(1.0, mask=True),
    timedelta(seconds=3),
    date(2020, 1, 1),
]


@pytest.mark.parametrize("thing", NOT_REAL, ids=repr)
def test_scalars_that_are_no_real_numbers_are_refused_everywhere(thing: Any) -> None:
    x = Value(2.0)
    with pytest.raises(DataError, match="data of a Value must be a real number, not "):
        Value(thing)
    with pytest.raises(DataError, match="x of tanh must be a real number, not "):
        sg.tanh(thing)
    with pytest.raises(DataError, match=r"an operand of \* must be a real number, not "):
        x * thing
    with pytest.raises(DataError, match=r"an operand of \*\* must be a real number, not "):
        x**thing


@pytest.mark.parametrize(
    "thing", [1j, np.complex128(1j), np.timedelta64(3, "s"), timedelta(seconds=3)], ids=repr
)
def test_they_are_refused_at_the_left_too(thing: Any) -> None:
    with pytest.raises(DataError, match="an operand of"):
        thing * Value(2.0)


def test_tensors_that_are_no_real_numbers_are_refused() -> None:
    torch = pytest.importorskip("torch")
    for use in (
        Value,
        lambda tensor: Value(1.0) * tensor,
        lambda tensor: tensor * Value(1.0),
        sg.tanh,
    ):
        with pytest.raises(
            DataError, match=r"must be a real number, not Tensor .*a graph holds real numbers only"
        ):
            use(torch.tensor(1j))
    with pytest.raises(DataError, match=r"can't be converted to a float: .*meta"):
        Value(torch.tensor(1.0, device="meta"))
    assert Value(torch.tensor(2.5)).data == 2.5


@pytest.mark.parametrize("thing", [np.array([2.0]), np.array([[2.0]])], ids=repr)
def test_an_array_around_one_number_is_named(thing: Any) -> None:
    with pytest.raises(DataError, match=r"take the number out of the array with .item\(\)"):
        Value(thing)


@pytest.mark.parametrize(
    ("thing", "hint"),
    [
        (Decimal("1.5"), "convert it with float()"),
        (np.str_("1"), "convert it with float()"),
        (np.timedelta64(3, "s"), "say in which unit, as in x / numpy.timedelta64(1, 's')"),
        (timedelta(seconds=3), "say in which unit, as in x.total_seconds()"),
        (np.ma.masked, "a masked entry has no number"),
        (np.array(None), "give a number"),
    ],
    ids=repr,
)
def test_an_error_says_how_to_make_a_number_of_it(thing: Any, hint: str) -> None:
    with pytest.raises(DataError, match=re.escape(hint)):
        Value(thing)


def test_an_entry_of_a_masked_array_that_is_not_masked_is_a_number() -> None:
    assert Value(np.ma.array(1.5, mask=False)).data == 1.5


def test_an_object_of_another_library_may_know_what_to_do_with_a_value() -> None:
    class Knows:
        def __rmul__(self, other: Any) -> str:
            return f"{other.data} by me"

    assert Value(2.0) * Knows() == "2.0 by me"
    with pytest.raises(TypeError, match="unsupported operand"):
        Value(2.0) + "1"


@pytest.mark.parametrize("other", [1.0, Value(1.0)], ids=["number", "Value"])
def test_what_is_equal_is_neither_less_nor_more(other: Any) -> None:
    x = Value(1.0)
    assert (x < other, x <= other, x > other, x >= other) == (False, True, False, True)
