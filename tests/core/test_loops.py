"""scan in eager code: the loop that it stands for, and what it refuses."""

from typing import Any

import pytest

import scalargrad as sg
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.errors import DataError, LengthError, OptionError

Pair = tuple[Any, Any]


def add(carry: Any, x: Any) -> Pair:
    carry = carry + x
    return carry, carry


def test_it_returns_the_last_carry_and_all_results() -> None:
    assert sg.scan(add, 1.0, [2.0, 3.0]) == (6.0, [3.0, 6.0])


def test_without_steps_it_returns_the_carry_and_nothing() -> None:
    assert sg.scan(add, 1.0, []) == (1.0, [])
    assert sg.scan(add, 1.0, length=0) == (1.0, [])


def test_without_entries_each_step_is_given_none() -> None:
    given = []

    def step(carry: float, x: None) -> Pair:
        given.append(x)
        return carry * 2.0, None

    assert sg.scan(step, 1.0, length=3) == (8.0, [None] * 3)
    assert given == [None] * 3


def test_its_graph_is_that_of_a_loop_of_python() -> None:
    x = Value(0.5)
    scanned, _ = sg.scan(lambda carry, k: (sg.tanh(carry * k), None), x, [1.0, 2.0])
    looped = x
    for k in (1.0, 2.0):
        looped = sg.tanh(looped * k)
    mine = [(node.op, node.data) for node in topological([scanned])]
    assert mine == [(node.op, node.data) for node in topological([looped])]


def test_derivatives_of_any_order_go_through_it() -> None:
    def cubed(x: Value) -> Any:
        product, _ = sg.scan(lambda carry, _: (carry * x, None), 1.0, length=3)
        return product

    assert sg.grad(sg.grad(cubed))(2.0) == 12.0


def test_a_checkpoint_changes_no_number() -> None:
    kept = sg.scan(add, 1.0, [2.0, 3.0], checkpoint=True)
    assert kept == sg.scan(add, 1.0, [2.0, 3.0])


@pytest.mark.parametrize("carry", [{"a": 1.0, "b": [2.0]}, (1.0, [2.0, 3.0]), None])
def test_a_carry_is_any_nest_of_numbers(carry: Any) -> None:
    assert sg.scan(lambda same, x: (same, x), carry, [1.0]) == (carry, [1.0])


@pytest.mark.parametrize("result", [None, 1.0, (1.0,), [1.0, 2.0, 3.0]])
def test_a_step_that_returns_no_pair_is_an_error(result: Any) -> None:
    with pytest.raises(DataError, match=r"step 0 of scan must return a pair \(carry, y\)"):
        sg.scan(lambda *_: result, 1.0, [1.0])


def test_a_step_that_changes_the_structure_is_named() -> None:
    def growing(carry: list[float], x: float) -> Pair:
        return [*carry, x] if x > 1.0 else carry, None

    with pytest.raises(DataError, match=r"step 1 of scan .* list of 1 .* list of 2"):
        sg.scan(growing, [0.0], [1.0, 2.0])


@pytest.mark.parametrize("xs", [3, Value(1.0), "text", {"a": 1.0}])
def test_entries_must_be_a_sequence(xs: Any) -> None:
    with pytest.raises(DataError, match="xs of scan must be a list"):
        sg.scan(add, 1.0, xs)


@pytest.mark.parametrize("step", [None, 3.0, Value(1.0)])
def test_a_step_must_be_a_function(step: Any) -> None:
    with pytest.raises(DataError, match=f"step of scan must be a function.*{type(step).__name__}"):
        sg.scan(step, 1.0, [])


def test_the_number_of_steps_must_be_known() -> None:
    with pytest.raises(OptionError, match="give xs"):
        sg.scan(add, 1.0)


@pytest.mark.parametrize("length", [-1, 2.5])
def test_the_number_of_steps_is_a_whole_number(length: Any) -> None:
    with pytest.raises(OptionError, match="length of scan"):
        sg.scan(add, 1.0, length=length)


def test_two_lengths_must_agree() -> None:
    assert sg.scan(add, 1.0, [2.0], length=1) == (3.0, [3.0])
    with pytest.raises(LengthError, match="2 entries in xs and length 3"):
        sg.scan(add, 1.0, [2.0, 3.0], length=3)
