"""Passes: each gives a program that is one, computes the same, and does what its name says."""

import math
from collections import Counter
from dataclasses import replace
from operator import neg
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Constant, Parameter, Value
from scalargrad.compiler import Program, record, trace
from scalargrad.compiler.passes import (
    PASSES,
    fold_constants,
    merge_common_rows,
    optimize,
    remove_identities,
)
from scalargrad.compiler.rewriting import batched, keep_rows, remove_dead_rows
from scalargrad.compiler.sums import (
    form_dot_products,
    merge_sums,
    split_sums,
)
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.ops import TABLE
from scalargrad.errors import ProgramError
from scalargrad.nn import MLP
from tests.compiler.graphs import Kitchen, Weights, function_of
from tests.compiler.referee import alike

each_pass = pytest.mark.parametrize(
    "change", [*PASSES, optimize], ids=lambda change: change.__name__
)


def recorded(function: Any, inputs: Any = (4,), parameters: Any = ()) -> Program:
    return record(trace(function, inputs, parameters))


def rows(program: Program) -> Counter[str]:
    """How many rows there are of each operation and of each kind of leaf."""
    names = ("input", "parameter", "constant", "leaf", "drawn")
    return Counter(
        names[program.code[row]] if kind is None else kind.op
        for row, kind, _ in program.verify().rows()
    )


def operations(program: Program) -> Counter[str]:
    return Counter({name: count for name, count in rows(program).items() if name in TABLE})


# Every pass


@each_pass
@settings(max_examples=150)
@given(rng=st.randoms(use_true_random=False))
def test_a_pass_computes_the_same(change: Any, rng: Random) -> None:
    ops = rng.choice(
        [
            tuple(op.name for op in TABLE.values() if op.is_public),
            ("add", "mul", "sum", "neg", "sub", "dot"),
            ("add", "mul", "pow", "div", "sum"),
        ]
    )
    recipe = Kitchen(ops=ops, rng=rng, steps=30).recipe()
    weights = Weights(recipe.parameters)
    program = recorded(function_of(recipe, weights.weights), recipe.sizes, weights.weights)
    before = program.verify()
    text = str(before)
    after = change(program).verify()
    assert str(program) == text, "a pass changes nothing in place"
    for _ in range(3):
        inputs = [rng.uniform(-2.0, 2.0) for _ in range(program.inputs)]
        parameters = [rng.uniform(-2.0, 2.0) for _ in range(program.parameters)]
        expected = before.evaluate(inputs, parameters)
        size = max((abs(number) for number in expected if math.isfinite(number)), default=1.0)
        assert alike(after.evaluate(inputs, parameters), expected, max(size, 10.0), 1e-11)


@each_pass
@settings(max_examples=40)
@given(rng=st.randoms(use_true_random=False))
def test_a_pass_after_itself_changes_nothing(change: Any, rng: Random) -> None:
    recipe = Kitchen(rng=rng, steps=30).recipe()
    weights = Weights(recipe.parameters)
    once = change(recorded(function_of(recipe, weights.weights), recipe.sizes, weights.weights))
    if change not in (form_dot_products, optimize):
        assert change(once) == once
    assert len(change(once)) <= len(once) + (change is form_dot_products)


@each_pass
def test_a_pass_on_a_leaf_alone(change: Any) -> None:
    for function in (lambda x: x[1], lambda _: Constant(3.0)):
        program = change(recorded(function)).verify()
        assert program.evaluate([1.0, 2.0, 3.0, 4.0], []) in ([2.0], [3.0])
        assert len(program) == 1


@each_pass
def test_a_pass_keeps_an_output_that_is_there_twice(change: Any) -> None:
    def function(x: Any) -> Any:
        y = x[0] + x[1]
        return [y, y, y + x[2], x[0]]

    assert change(recorded(function)).verify().evaluate([1.0, 2.0, 3.0, 4.0], []) == [
        3.0,
        3.0,
        6.0,
        1.0,
    ]


def test_a_pass_that_finds_nothing_to_do_returns_the_program_itself() -> None:
    program = recorded(lambda x: sg.tanh(x[0]) * x[1])
    for change in (*PASSES, optimize):
        assert change(program) is program


@each_pass
def test_rows_remember_where_they_were_recorded(change: Any) -> None:
    weights = [Parameter(1.0), Parameter(2.0)]

    def function(x: Any) -> list[Value]:
        total = x[0] * weights[0] + x[1] * weights[1] + 0.0 + sg.exp(Constant(2.0) * 3.0)
        return [sg.tanh(total), sg.tanh(total) * x[2] * 1.0 * x[3]]

    before = recorded(function, 4, weights)
    after = change(before)
    assert after.origin is not None
    assert after.origin[after.outputs].tolist() == before.outputs.tolist()


# Dead rows


def test_dead_rows_are_left_out() -> None:
    program = recorded(lambda x: [x[0] * x[1], x[2] * x[3]])
    half = replace(program, outputs=program.outputs[:1])
    assert rows(remove_dead_rows(half)) == {"input": 2, "mul": 1}
    assert remove_dead_rows(program) is program


@pytest.mark.parametrize("length", [1, 3, 50])
def test_a_dead_chain_goes_however_long_it_is(length: int) -> None:
    def chain(x: Any) -> list[Any]:
        result = x[0]
        for _ in range(length):
            result = sg.sin(result)
        return [x[0] * x[1], result]

    program = record(trace(chain, [2]))
    short = replace(program, outputs=program.outputs[:1])
    assert rows(remove_dead_rows(short)) == {"input": 2, "mul": 1}


# Wide sums


def test_a_chain_of_additions_becomes_one_sum() -> None:
    program = merge_sums(recorded(lambda x: ((x[0] + x[1]) + x[2]) + x[3]))
    assert rows(program) == {"input": 4, "sum": 1}
    assert program.args(int(program.outputs[0])) == [0, 1, 2, 3]


def test_a_tree_of_additions_and_sums_becomes_one_sum() -> None:
    program = merge_sums(recorded(lambda x: sg.sum([x[0] + x[1], sum(x), x[2] + (x[3] + x[0])])))
    assert operations(program) == {"sum": 1}
    assert program.evaluate([1.0, 2.0, 4.0, 8.0], []) == [31.0]


def test_a_partial_sum_that_is_used_elsewhere_stays() -> None:
    def function(x: Any) -> Any:
        part = x[0] + x[1]
        return (part + x[2]) * part

    assert operations(merge_sums(recorded(function))) == {"add": 2, "mul": 1}


def test_a_partial_sum_that_is_an_output_stays() -> None:
    def function(x: Any) -> Any:
        part = x[0] + x[1]
        return [part, part + x[2] + x[3]]

    program = merge_sums(recorded(function))
    assert operations(program) == {"add": 1, "sum": 1}
    assert program.evaluate([1.0, 2.0, 3.0, 4.0], []) == [3.0, 10.0]


def test_a_partial_sum_of_two_sums_that_is_an_output_too_stays() -> None:
    def function(x: Any) -> Any:
        part = x[0] + x[1]
        return [part, part + x[2], part + x[3]]

    program = merge_sums(recorded(function))
    assert operations(program) == {"add": 3}
    assert program.evaluate([1.0, 2.0, 3.0, 4.0], []) == [3.0, 6.0, 7.0]


def test_a_number_added_to_itself_stays_twice() -> None:
    def function(x: Any) -> Any:
        part = x[0] + x[1]
        return part + part

    assert merge_sums(recorded(function)).evaluate([1.0, 2.0, 0.0, 0.0], []) == [6.0]


def test_a_chain_of_ten_thousand_becomes_one_sum() -> None:
    def function(x: Any) -> Any:
        total = x[0]
        for _ in range(10_000):
            total = total + x[1]
        return total

    assert operations(merge_sums(recorded(function))) == {"sum": 1}


def test_zeros_are_left_out_of_a_sum_with_other_terms() -> None:
    program = merge_sums(recorded(lambda x: ((Constant(0.0) + x[0]) + 0.0) + x[1]))
    assert operations(program) == {"sum": 1}
    *_, (_, _, args) = program.rows()
    assert [int(program.code[arg]) for arg in args] == [0, 0]
    assert program.evaluate([1.0, 2.0, 4.0, 8.0], []) == [3.0]


def test_a_sum_of_zeros_alone_keeps_them() -> None:
    program = merge_sums(
        recorded(lambda x: [(Constant(0.0) + 0.0) + 0.0, (x[0] + x[1]) + 0.0])
    ).verify()
    assert program.evaluate([1.0, 2.0, 4.0, 8.0], []) == [0.0, 3.0]


# Dot products


def test_a_sum_of_products_becomes_a_dot_product() -> None:
    weights = [Parameter(1.0), Parameter(2.0)]
    program = form_dot_products(
        merge_sums(recorded(lambda x: weights[0] * x[0] + x[1] * weights[1], 2, weights))
    )
    assert rows(program) == {"input": 2, "parameter": 2, "dot": 1}
    *_, (_, _, args) = program.rows()
    assert [int(program.code[arg]) for arg in args] == [0, 0, 1, 1], (
        "what differs from sample to sample comes first"
    )


def test_a_bias_is_multiplied_by_one() -> None:
    weights = [Parameter(1.0), Parameter(2.0), Parameter(3.0)]
    program = form_dot_products(
        merge_sums(
            recorded(lambda x: weights[0] * x[0] + weights[1] * x[1] + weights[2], 2, weights)
        )
    )
    assert rows(program) == {"input": 2, "parameter": 3, "constant": 1, "dot": 1}


def test_a_product_that_is_used_elsewhere_is_still_a_factor_of_nothing() -> None:
    def function(x: Any) -> Any:
        product = x[0] * x[1]
        return [product + x[2] * x[3], product]

    program = form_dot_products(merge_sums(recorded(function)))
    assert operations(program)["mul"] >= 1
    assert program.evaluate([1.0, 2.0, 3.0, 4.0], []) == [14.0, 2.0]


def test_a_sum_without_products_stays() -> None:
    assert operations(form_dot_products(merge_sums(recorded(sum)))) == {"sum": 1}


V, W = [Parameter(2.0), Parameter(3.0)], [Parameter(5.0), Parameter(7.0)]

SUMS: dict[str, tuple[Any, bool]] = {
    "weights times inputs": (lambda x: V[0] * x[0] + V[1] * x[1], True),
    "a bias among them": (lambda x: V[0] * x[0] + V[1] * x[1] + W[0], True),
    "one product and a bias": (lambda x: V[0] * x[0] + V[1], False),
    "a product of weights among them": (
        lambda x: V[0] * x[0] + V[1] * x[1] + W[0] * W[1],
        True,
    ),
    "weights times weights": (lambda _: V[0] * W[0] + V[1] * W[1], True),
    "weights times weights and a weight": (lambda _: V[0] * W[0] + V[1], False),
    "inputs times inputs": (lambda x: x[0] * x[1] + x[2] * x[3], True),
    "inputs times inputs, and weights": (lambda x: x[0] * x[1] + V[0] * x[2], False),
    "inputs times inputs, and a bias": (lambda x: x[0] * x[1] + V[0], False),
    "inputs times inputs, and an input": (lambda x: x[0] * x[1] + x[2], False),
    "inputs times inputs, and a product of weights": (lambda x: x[0] * x[1] + V[0] * V[1], False),
    "one product and an input": (lambda x: V[0] * x[0] + x[1], False),
    "two products and an input": (lambda x: V[0] * x[0] + V[1] * x[1] + x[2], True),
    "no product": (lambda x: x[0] + x[1] + x[2], False),
}
"""Sums, and whether each becomes a dot product."""


@pytest.mark.parametrize(("function", "becomes"), SUMS.values(), ids=SUMS)
def test_which_sums_become_dot_products(function: Any, becomes: bool) -> None:
    before = split_sums(merge_sums(recorded(function, 4, [*V, *W])))
    after = form_dot_products(before).verify()
    assert (operations(after)["dot"] == 1) is becomes
    assert (after == before) is not becomes
    inputs, parameters = [0.5, -1.5, 2.5, 4.0], [2.0, 3.0, 5.0, 7.0]
    assert after.evaluate(inputs, parameters) == before.evaluate(inputs, parameters)


def test_a_sum_of_one_term_at_the_end_of_a_program_stays() -> None:
    program = recorded(lambda x: sg.sum([x[3]]))
    assert form_dot_products(program) == program


def test_what_was_added_by_the_pass_and_is_not_needed_goes() -> None:
    program = recorded(lambda x: sg.tanh(x[0]))
    assert form_dot_products(program) == program


# Folding


def test_constants_are_computed_once() -> None:
    program = fold_constants(
        recorded(lambda x: x[0] * (Constant(2.0) * 3.0 + sg.exp(Constant(0.0))))
    )
    assert rows(program) == {"input": 1, "constant": 1, "mul": 1}
    assert program.evaluate([2.0, 0.0, 0.0, 0.0], []) == [14.0]


def test_constants_are_folded_through_many_rows_beside_others() -> None:
    def mixed(x: Any) -> Any:
        factor = Constant(2.0) * 3.0
        return [x[0] * (factor + 1.0), sg.exp(x[1]) * (factor - factor * 0.5)]

    program = fold_constants(recorded(mixed))
    assert operations(program) == {"mul": 2, "exp": 1}
    assert program.evaluate([1.0, 0.0, 0.0, 0.0], []) == [7.0, 3.0]


def test_what_may_change_is_not_folded() -> None:
    weight, read = Parameter(2.0), Value(3.0)
    program = fold_constants(recorded(lambda x: x[0] * (weight * 2.0 + read * 2.0), 4, [weight]))
    assert operations(program) == {"mul": 3, "add": 1}


def test_drawn_numbers_are_not_folded() -> None:
    class Coin:
        def draw(self) -> float:
            return 0.25

    assert operations(
        fold_constants(recorded(lambda x: x[0] * (2.0 * RandomLeaf(Coin()) * 2.0)))
    ) != {"mul": 1}


def test_folding_is_by_ieee() -> None:
    program = fold_constants(
        recorded(lambda _: [Constant(1.0) / 0.0, sg.log(Constant(-1.0)), sg.exp(Constant(1000.0))])
    )
    assert rows(program)["constant"] == 3
    assert alike(program.evaluate([0.0] * 4, []), [math.inf, math.nan, math.inf])


# Identities


@pytest.mark.parametrize(
    "same",
    [
        lambda x: x + 0.0,
        lambda x: 0.0 + x,
        lambda x: x - 0.0,
        lambda x: x * 1.0,
        lambda x: 1.0 * x,
        lambda x: x / 1.0,
        lambda x: x**1.0,
        lambda x: neg(neg(x)),
        lambda x: neg(neg(neg(neg(x)))),
        lambda x: ((x + 0.0) * 1.0 - 0.0) / 1.0,
    ],
)
def test_an_identity_is_left_out(same: Any) -> None:
    assert operations(remove_identities(recorded(lambda x: sg.tanh(same(x[0]))))) == {"tanh": 1}


@pytest.mark.parametrize(
    "other",
    [
        lambda x: 0.0 - x,
        lambda x: 1.0 / x,
        lambda x: x * 0.0,
        lambda x: 0.0 / x,
        lambda x: x**0.0,
        lambda x: -x,
    ],
)
def test_what_only_looks_like_an_identity_stays(other: Any) -> None:
    assert (
        sum(operations(remove_identities(recorded(lambda x: sg.tanh(other(x[0]))))).values()) == 2
    )


# Repetitions


def test_the_same_is_computed_once() -> None:
    program = merge_common_rows(recorded(lambda x: sg.exp(x[0] * x[1]) + sg.exp(x[0] * x[1])))
    assert operations(program) == {"mul": 1, "exp": 1, "add": 1}


def test_what_is_equal_far_below_is_computed_once() -> None:
    def twice(x: Any) -> Any:
        def chain() -> Value:
            y = x[0] * x[1]
            for _ in range(20):
                y = sg.tanh(y) * 0.5
            return y

        return chain() - chain()

    program = merge_common_rows(recorded(twice))
    assert operations(program) == {"mul": 21, "tanh": 20, "sub": 1}


def test_the_same_operands_in_another_order_are_not_the_same() -> None:
    program = merge_common_rows(recorded(lambda x: [x[0] - x[1], x[1] - x[0]]))
    assert operations(program) == {"sub": 2}


@settings(max_examples=100)
@given(rng=st.randoms(use_true_random=False))
def test_no_two_rows_are_equal_afterwards(rng: Random) -> None:
    recipe = Kitchen(rng=rng).recipe()
    weights = Weights(recipe.parameters)
    function = function_of(recipe, weights.weights)
    program = merge_common_rows(record(trace(function, recipe.sizes, weights.weights)))
    computed = [
        (int(program.code[row]), int(program.place[row]), *args)
        for row, kind, args in program.rows()
        if kind is not None
    ]
    assert len(set(computed)) == len(computed)


def test_equal_constants_are_one_but_not_both_zeros() -> None:
    program = merge_common_rows(
        recorded(
            lambda x: [
                x[0] * Constant(2.0),
                x[1] * Constant(2.0),
                x[0] / Constant(0.0),
                x[0] / Constant(-0.0),
            ]
        )
    )
    assert rows(program)["constant"] == 3
    assert program.evaluate([1.0, 1.0, 1.0, 1.0], []) == [2.0, 2.0, math.inf, -math.inf]


def test_other_settings_are_not_the_same() -> None:
    assert operations(merge_common_rows(recorded(lambda x: x[0] ** 2 + x[0] ** 3 + x[0] ** 2))) == {
        "pow": 2,
        "add": 2,
    }


def test_drawn_numbers_are_never_the_same() -> None:
    class Coin:
        def draw(self) -> float:
            return 0.25

    def function(x: Any) -> Any:
        return x[0] * RandomLeaf(Coin()) + x[0] * RandomLeaf(Coin())

    assert operations(merge_common_rows(recorded(function))) == {"mul": 2, "add": 1}


# Together


def test_a_network_becomes_dot_products_and_activations() -> None:
    model = MLP(5, [7, 6, 3], activation="tanh", seed=1)
    program = optimize(recorded(model, 5, model.parameters()))
    assert operations(program) == {"dot": 16, "tanh": 13}
    assert rows(program)["parameter"] == len(model.parameters())


def test_what_depends_on_the_sample() -> None:
    weight = Parameter(2.0)
    program = recorded(lambda x: [sg.exp(weight) * 2.0, sg.exp(x[0])], 2, [weight])
    assert batched(program)[program.outputs].tolist() == [False, True]


@pytest.mark.parametrize("left_out", ["an operand", "an output"])
def test_no_row_that_is_needed_is_left_out(left_out: str) -> None:
    program = record(trace(lambda x: x[0] * x[1], [2]))
    keep = numpy.ones(len(program), bool)
    keep[0 if left_out == "an operand" else program.outputs[0]] = False
    with pytest.raises(ProgramError, match="a row that is needed was left out"):
        keep_rows(program, keep)
