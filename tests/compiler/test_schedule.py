"""Scheduling: rows of one sort wait for each other, and no row comes before its operands."""

from random import Random
from typing import Any

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad.compiler import Program, record, trace
from scalargrad.compiler.passes import optimize
from scalargrad.compiler.program import FIRST
from scalargrad.compiler.rewriting import VARIES, find_depths, ranks
from scalargrad.compiler.schedule import group_rows
from tests.compiler.graphs import Kitchen, Weights, function_of


def groups(function: Any, inputs: Any = 6) -> list[str]:
    """What each group computes, and how many rows it has."""
    program = record(trace(function, inputs))
    found = []
    for rows in group_rows(program, ranks(program)):
        kind = program.kind(int(rows[0]))
        assert kind is not None
        found.append(f"{kind.op} × {len(rows)}")
    return found


def random_program(rng: Random) -> Program:
    recipe = Kitchen(rng=rng, steps=60, outputs=6).recipe()
    weights = Weights(recipe.parameters).weights
    return optimize(record(trace(function_of(recipe, weights), recipe.sizes, weights)))


def test_a_row_that_has_time_waits_for_others_of_its_sort() -> None:
    def function(x: Any) -> Any:
        # The first needs one step less than the others, and all end with the same three.
        begun = [x[0], *(sg.sin(number) for number in x[1:])]
        return [sg.cos(sg.tanh(sg.exp(number))) for number in begun]

    assert groups(function) == ["sin × 5", "exp × 6", "tanh × 6", "cos × 6"]


def test_a_row_that_is_known_early_comes_with_the_first_of_its_sort() -> None:
    found = groups(lambda x: [sg.exp(x[0]), sg.tanh(sg.exp(x[1])), sg.tanh(x[2])], 3)
    assert found == ["exp × 2", "tanh × 2"]


def test_what_is_the_same_for_all_samples_is_a_group_of_its_own() -> None:
    weights = Weights([0.5]).weights
    program = record(trace(lambda x: sg.exp(x) + sg.exp(weights[0]), [1], weights))
    assert [len(rows) for rows in group_rows(program, ranks(program))] == [1, 1, 1]


@settings(max_examples=100)
@given(rng=st.randoms(use_true_random=False))
def test_every_row_is_computed_once_and_after_its_operands(rng: Random) -> None:
    program = random_program(rng)
    known = set(numpy.flatnonzero(program.code < FIRST).tolist())
    for rows in group_rows(program, ranks(program)):
        assert all(arg in known for row in rows.tolist() for arg in program.args(row))
        assert known.isdisjoint(rows.tolist())
        known |= set(rows.tolist())
    assert known == set(range(len(program)))


@settings(max_examples=60)
@given(rng=st.randoms(use_true_random=False))
def test_rows_of_a_group_do_the_same(rng: Random) -> None:
    program = random_program(rng)
    rank = ranks(program)
    sizes = numpy.diff(program.start)
    varies = rank == VARIES
    for rows in group_rows(program, rank):
        assert len(set(program.code[rows].tolist())) == 1
        assert len(set(sizes[rows].tolist())) == 1
        assert len(set(varies[rows].tolist())) == 1


def test_there_are_no_more_groups_than_by_depth_on_the_whole() -> None:
    scheduled = 0
    by_depth = 0
    for seed in range(40):
        program = random_program(Random(seed))
        rank = ranks(program)
        scheduled += len(group_rows(program, rank))
        sizes = numpy.diff(program.start)
        columns = (find_depths(program), program.code, sizes, rank == VARIES)
        keys = numpy.column_stack(columns)[program.code >= FIRST]
        by_depth += len(numpy.unique(keys, axis=0))
    assert scheduled < by_depth
