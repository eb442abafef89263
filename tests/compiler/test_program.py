"""Program: what is one and what is not, what it prints, what it equals, what it computes."""

import gc
import tracemalloc
from dataclasses import replace
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Constant, Parameter, Value
from scalargrad.compiler import Program, record, trace
from scalargrad.compiler.program import (
    CONSTANT,
    DRAWN,
    FIRST,
    INPUT,
    LEAF,
    PARAMETER,
    Kind,
    insert_static_args,
)
from scalargrad.core.leaves import RandomLeaf
from scalargrad.errors import ProgramError
from scalargrad.nn import MLP
from tests.compiler.graphs import EVERYWHERE, Kitchen, Weights, function_of
from tests.compiler.referee import alike


def recorded(function: Any, inputs: Any = (2,), parameters: Any = ()) -> Program:
    return record(trace(function, inputs, parameters))


def small() -> Program:
    """x0·x1 + 3, squared."""
    return recorded(lambda x: (x[0] * x[1] + 3.0) ** 2)


def changed(program: Program, name: str, place: int, number: int) -> Program:
    array = getattr(program, name).copy()
    array[place] = number
    return replace(program, **{name: array})


# Trace


def test_every_node_is_a_row_after_its_operands() -> None:
    program = small().verify()
    assert len(program) == 6
    kinds = [kind for _, kind, _ in program.rows() if kind is not None]
    assert kinds == [Kind("mul"), Kind("add"), Kind("pow", (None, 2.0))]
    assert [program.args(row) for row in range(6)] == [args for _, _, args in program.rows()]


def test_the_kinds_of_leaves() -> None:
    class Coin:
        def draw(self) -> float:
            return 0.25

    weight, read = Parameter(2.0), Value(7.0)
    program = recorded(
        lambda x: sg.sum([x[1], weight, 3.0 * x[1], read, x[1] * RandomLeaf(Coin())]),
        (2,),
        [weight],
    ).verify()
    assert sorted(program.code[program.code < FIRST].tolist()) == [
        INPUT,
        PARAMETER,
        CONSTANT,
        LEAF,
        DRAWN,
    ]
    assert program.numbers.tolist() == [3.0]
    assert program.leaves == (read,)
    assert [drawn.data for drawn in program.drawn] == [1.0], (
        "nothing is drawn while a function is recorded"
    )
    assert (program.inputs, program.parameters) == (2, 1)


def test_what_was_drawn_before_the_trace_is_read_and_not_drawn() -> None:
    class Coin:
        def draw(self) -> float:
            return 0.25

    before = RandomLeaf(Coin())
    program = recorded(lambda x: x[0] * before)
    assert (program.drawn, program.leaves) == ((), (before,))


def test_recording_leaves_the_graph_as_it_was() -> None:
    weight = Parameter(2.0)
    weight.grad = 5.0
    recording = trace(lambda x: x[0] * weight, [2], [weight])
    record(recording)
    assert weight.grad == 5.0
    assert [node.grad for node in recording.outputs] == [0.0]


def test_a_chain_of_a_hundred_thousand() -> None:
    def chain(x: Any) -> Any:
        for _ in range(100_000):
            x = x + 1.0
        return x

    program = recorded(chain, 1).verify()
    assert program.evaluate([0.5], []) == [100_000.5]


# Being a program


@pytest.mark.parametrize(
    ("name", "place", "number", "problem"),
    [
        ("start", 0, 1, "beginning at 0"),
        ("start", -1, 99, "end at the number of operands"),
        ("start", 3, 99, "must not fall"),
        ("code", 0, -1, "a code is out of range"),
        ("code", 0, 99, "a code is out of range"),
        ("code", 0, FIRST + 3, "a code is out of range"),
        ("operands", 0, 5, "an operand comes after the row that uses it"),
        ("operands", 0, -1, "an operand comes after the row that uses it"),
        ("code", 2, INPUT, "a leaf has operands"),
        ("place", 0, 2, "a place is out of range"),
        ("place", 0, -1, "a place is out of range"),
        ("outputs", 0, 6, "an output is not a row"),
        ("outputs", 0, -1, "an output is not a row"),
    ],
)
def test_what_is_no_program(name: str, place: int, number: int, problem: str) -> None:
    program = small()
    with pytest.raises(ProgramError, match=problem):
        changed(program, name, place, number).verify()
    program.verify()


def test_a_program_without_outputs_or_with_too_few_starts() -> None:
    with pytest.raises(ProgramError, match="an output is not a row"):
        replace(small(), outputs=numpy.zeros(0, numpy.int32)).verify()
    with pytest.raises(ProgramError, match="one number more"):
        replace(small(), start=small().start[:-1]).verify()


@pytest.mark.parametrize(
    "kind", [Kind("neg"), Kind("where"), Kind("pow", (None, None)), Kind("clamp", (None, 1.0, 2.0))]
)
def test_a_wrong_number_of_operands(kind: Kind) -> None:
    program = small()
    wrong = replace(program, kinds=(kind, *program.kinds[1:]))
    fits = kind == Kind("pow", (None, None))  # mul has two operands, and so has this
    if fits:
        wrong.verify()
    else:
        with pytest.raises(ProgramError, match="wrong number of operands"):
            wrong.verify()


# Equality


def test_equal_programs() -> None:
    assert small() == small()
    assert (small() != small()) is False
    assert small() != recorded(lambda x: (x[0] * x[1] + 3.0) ** 3)
    assert small() != recorded(lambda x: (x[0] * x[1] + 4.0) ** 2)
    assert small() != recorded(lambda x: (x[1] * x[0] + 3.0) ** 2)
    assert small() != recorded(lambda x: x[0])
    assert small() != "program"
    with pytest.raises(TypeError):
        hash(small())


def test_a_program_with_nan_equals_itself() -> None:
    def function(x: Any) -> Any:
        return x[0] * Constant(float("nan"))

    assert recorded(function) == recorded(function)


def test_programs_that_read_other_leaves_are_not_equal() -> None:
    first, second = Value(1.0), Value(1.0)
    assert recorded(lambda x: x[0] * first) == recorded(lambda x: x[0] * first)
    assert recorded(lambda x: x[0] * first) != recorded(lambda x: x[0] * second)


# Printing


def test_a_program_can_be_read() -> None:
    assert str(small()).splitlines() == [
        "6 rows",
        "%0 = input[0]",
        "%1 = input[1]",
        "%2 = mul(%0, %1)",
        "%3 = 3.0",
        "%4 = add(%2, %3)",
        "%5 = pow(%4, 2.0)",
        "return %5",
    ]


def test_a_long_program_says_that_it_goes_on() -> None:
    model = MLP(20, [20, 1], seed=1)
    text = str(record(trace(model, [20], model.parameters())))
    assert len(text.splitlines()) < 250
    assert "more" in text or "…" in text


@pytest.mark.parametrize("count", [200, 201])
def test_two_hundred_rows_are_shown_and_then_how_many_there_are_more(count: int) -> None:
    lines = str(recorded(lambda x: list(x), (count,))).splitlines()
    assert lines[0] == f"{count} rows"
    assert lines[200] == "%199 = input[199]"
    assert lines[201].startswith("return" if count == 200 else "… 1 rows more")


def test_settings_stand_in_their_places() -> None:
    assert insert_static_args(Kind("clamp", (None, -1.0, None)), ["x", "high"]) == [
        "x",
        -1.0,
        "high",
    ]
    assert insert_static_args(Kind("mul"), ["x", "y"]) == ["x", "y"]


# Evaluating


@settings(max_examples=150)
@given(rng=st.randoms(use_true_random=False))
def test_evaluating_is_what_eager_code_does(rng: Random) -> None:
    recipe = Kitchen(rng=rng).recipe()
    weights = Weights(recipe.parameters)
    function = function_of(recipe, weights.weights)
    program = record(trace(function, recipe.sizes, weights.weights)).verify()
    arguments = [[Value(rng.uniform(-2.0, 2.0)) for _ in range(size)] for size in recipe.sizes]
    eager = function(*[each[0] if len(each) == 1 else each for each in arguments])
    numbers = [value.data for value in ([eager] if isinstance(eager, Value) else eager)]
    assert alike(
        program.evaluate([x.data for each in arguments for x in each], list(recipe.parameters)),
        numbers,
        bound=0.0,
    )


def test_the_random_graphs_use_the_whole_table() -> None:
    recipes = [Kitchen(rng=Random(seed)).recipe() for seed in range(300)]
    assert {step.op for recipe in recipes for step in recipe.steps} == set(EVERYWHERE)


def test_recording_needs_less_memory_than_the_graph() -> None:
    model = MLP(50, [100, 10], seed=1)
    recording = trace(model, [50], model.parameters())
    gc.collect()
    tracemalloc.start()
    program = record(recording)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / len(program) < 100


def test_a_parameter_that_is_not_used_keeps_its_place() -> None:
    weights = [Parameter(1.0), Parameter(2.0), Parameter(3.0)]
    program = record(trace(lambda x: x * weights[2] + weights[0], [1], weights))
    places = program.place[program.code == PARAMETER]
    assert sorted(places.tolist()) == [0, 2]
    assert program.evaluate([5.0], [1.0, 20.0, 3.0]) == [16.0]
