"""Parameters of plain functions, in nested lists and dicts, where a model is asked for."""

import copy
import pickle
from typing import Any

import numpy
import pytest

import scalargrad as sg
from scalargrad import Parameter, Value
from scalargrad.compiler import compile
from scalargrad.errors import DataError, OptionError
from scalargrad.optim import SGD, Adam, clip_gradient_values, l2

NUMBERS = {"layer": {"w": [[0.5, -1.0], [2.0, 0.25]]}, "b": (1.0, 3.0)}


def loss(state: Any, x: list[Value]) -> Value:
    """(Σ over the outputs of a linear layer)², by hand."""
    total = Value(0.0)
    for row, offset in zip(state["layer"]["w"], state["b"], strict=True):
        total += sg.dot(row, x) + offset
    return total**2


def slopes(x: list[float]) -> list[float]:
    """The gradient of `loss` at NUMBERS, from its formula."""
    total = 2.5 * x[0] - 0.75 * x[1] + 4.0
    return [2.0 * total * factor for factor in [*x, *x, 1.0, 1.0]]


def test_gradients_come_in_the_order_of_the_nest() -> None:
    state = sg.parameters(NUMBERS)
    program = compile(lambda x: loss(state, x), state, inputs=[2])
    value, gradient = program.value_and_grad([[2.0, 4.0]])
    assert value == pytest.approx(36.0)
    assert gradient == pytest.approx(slopes([2.0, 4.0]))


def test_parameters_have_the_names_of_their_places() -> None:
    state = sg.parameters(NUMBERS)
    program = compile(lambda x: loss(state, x), state, inputs=[2])
    names = ("layer.w.0.0", "layer.w.0.1", "layer.w.1.0", "layer.w.1.1", "b.0", "b.1")
    assert program.parameter_names == names
    assert pickle.loads(pickle.dumps(program)).parameter_names == names


def test_numbers_are_written_back_into_the_nest() -> None:
    state = sg.parameters(NUMBERS)
    program = compile(lambda x: loss(state, x), state, inputs=[2])
    program.parameters[:] = range(6)
    program.write_back()
    assert [weight.data for weight in state["layer"]["w"][1]] == [2.0, 3.0]


def test_a_deep_copy_has_a_nest_of_its_own() -> None:
    state = sg.parameters([1.0])
    program = copy.deepcopy(compile(lambda: state[0] * 2, state))
    program.parameters[:] = 5.0
    program.write_back()
    assert state[0].data == 1.0


def test_a_parameter_in_two_places_is_learned_once() -> None:
    tied = sg.parameters([3.0])
    state = {"wte": tied, "lm_head": tied}
    program = compile(lambda: state["wte"][0] * state["lm_head"][0], state)
    assert program.value_and_grad()[1].tolist() == [6.0]
    assert SGD(state).parameters == tied


@pytest.mark.parametrize("nest", [[Parameter(1.0)], numpy.array([[Parameter(1.0)]], dtype=object)])
def test_lists_and_arrays_are_nests(nest: Any) -> None:
    leaf = nest[0] if isinstance(nest, list) else nest[0][0]
    assert compile(lambda: leaf**2, nest).value_and_grad()[1].tolist() == [2.0]


def test_an_optimizer_changes_the_nest() -> None:
    state = sg.parameters(NUMBERS)
    loss(state, [Value(2.0), Value(4.0)]).backward()
    optimizer = SGD(state, 0.5)
    optimizer.step()
    before = [0.5, -1.0, 2.0, 0.25, 1.0, 3.0]
    moved = [parameter.data for parameter in optimizer.parameters]
    assert moved == pytest.approx(numpy.subtract(before, numpy.multiply(0.5, slopes([2.0, 4.0]))))


def test_a_penalty_and_clipping_take_a_nest() -> None:
    state = sg.parameters({"w": [[3.0]], "b": 1.0})
    penalty = l2(state, 0.5)
    penalty.backward()
    clip_gradient_values(state, 2.0)
    assert penalty.data == 5.0
    assert (state["w"][0][0].grad, state["b"].grad) == (2.0, 1.0)


def test_a_parameter_twice_in_one_list_is_refused() -> None:
    parameter = Parameter(1.0)
    with pytest.raises(OptionError, match="given a parameter twice"):
        Adam([parameter, parameter])


def test_an_optimizer_says_which_item_of_a_nest_is_a_number() -> None:
    with pytest.raises(DataError, match="Adam takes Parameters, but item 1 is a float"):
        Adam({"w": [Parameter(1.0), 2.0]})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"w": [0.5]}, "but it holds a float: make its numbers Parameters by sg.parameters"),
        ({"w": [Parameter(1.0), Value(1.0)]}, "but it holds a Value"),
        ({}, r"not dict \{\}"),
        (Parameter(1.0), "not Parameter"),
        (numpy.ones(3), "but it holds a float"),
    ],
)
def test_what_is_no_nest_of_parameters(model: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        compile(lambda: Value(1.0), model)


def test_a_nest_that_contains_itself_is_refused() -> None:
    nest: list[Any] = [Parameter(1.0)]
    nest.append(nest)
    for take in (SGD, lambda model: compile(lambda: Value(1.0), model)):
        with pytest.raises(DataError, match="contains itself"):
            take(nest)
