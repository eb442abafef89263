"""Many samples that are not finite: computed together, with the numbers of eager code."""

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value
from scalargrad.compiler import Compiled, batch_replay, compile
from scalargrad.compiler.batch_replay import BatchLeaves, BatchReplay
from scalargrad.compiler.replay import Replay
from scalargrad.losses import mse
from scalargrad.nn import MLP
from tests.compiler.graphs import Kitchen, Weights, _number, function_of
from tests.compiler.referee import alike, eager

pytestmark = pytest.mark.usefixtures("default_backend")


def replay(program: Compiled, arrays: list[Any]) -> tuple[BatchReplay, BatchLeaves]:
    """The replay of a program before all passes, and what it takes."""
    inputs = numpy.concatenate(arrays, axis=1)
    leaves = BatchLeaves(inputs, program.draw(len(inputs)), program.parameters, numpy.zeros(0))
    return BatchReplay(program._recorded), leaves


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_random_graphs_of_odd_numbers_are_computed_as_in_eager_code(seed: int) -> None:
    rng = Random(seed)
    recipe = Kitchen(rng=rng).recipe()
    model = Weights(recipe.parameters)
    function = function_of(recipe, model.weights)
    data = [
        numpy.array([[_number(rng, 0.25) for _ in range(size)] for _ in range(5)])
        for size in recipe.sizes
    ]
    expected = eager(function, model, data)
    many, leaves = replay(compile(function, model, recipe.sizes), data)
    assert alike(many.outputs(leaves), expected.outputs, expected.size)
    ((_, gradients),) = many.losses(leaves, 0.2)
    with numpy.errstate(all="ignore"):
        assert alike(gradients.sum(axis=1), expected.gradient, expected.slope)
    jacobian = numpy.concatenate(expected.jacobian, axis=2)
    assert alike(many.jacobian(leaves), jacobian, expected.slope)


@pytest.mark.parametrize("limit", [1, 40, 2**22])
def test_the_samples_come_in_parts_of_any_size(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_replay, "_MAX_NUMBERS", limit)
    model = MLP(2, [3, 1], activation="tanh", seed=1)
    x = numpy.random.default_rng(0).normal(size=(7, 2))
    many, leaves = replay(compile(model, model, (2,)), [x])
    expected = eager(model, model, [x])
    assert alike(many.outputs(leaves), expected.outputs, bound=1e-13)
    assert alike(many.jacobian(leaves), expected.jacobian[0], bound=1e-13)
    parts = list(many.losses(leaves, 1 / 7))
    assert alike(numpy.concatenate([losses for losses, _ in parts]), expected.outputs[:, 0])
    assert alike(sum(gradients.sum(axis=1) for _, gradients in parts), expected.gradient)


CUTS: dict[str, Callable[[Any], Any]] = {
    "an infinite gradient on the way to the operand that is not taken": lambda x: sg.log(
        sg.sqrt(sg.relu(x[0]) * 0.0)
    ),
    "a gradient of 0 and an infinite derivative": lambda x: sg.sqrt(x[0] * 0.0) * 0.0,
    "two equal rows, whose infinite gradients are added up": lambda x: (
        sg.sqrt(x[0] * 0.0) - sg.sqrt(x[0] * 0.0)
    ),
    "an infinite factor of a gradient of 0": lambda x: sg.relu(x[0] * -math.inf) * x[1],
}


@pytest.mark.parametrize("function", CUTS.values(), ids=CUTS)
def test_many_samples_have_the_derivatives_of_eager_code(function: Callable[[Any], Any]) -> None:
    x = numpy.tile([[1.0, 2.0], [-1.0, math.inf]], (5, 1))
    found = compile(function, inputs=(2,)).jacobian(x)[0]
    assert alike(found, eager(function, None, [x]).jacobian[0])


def test_many_odd_samples_are_not_computed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MLP(3, [4, 1], activation="tanh", seed=1)
    program = compile(lambda x, y: mse(model(x), y), model, (3, 1))
    x = numpy.random.default_rng(0).normal(size=(50, 3))
    y = numpy.ones((50, 1))
    x[10:, 0] = math.nan
    expected = eager(lambda x, y: mse(model(x), y), model, [x, y])

    monkeypatch.setattr(Replay, "_forward", None)
    loss, gradient = program.value_and_grad(x, y)
    assert alike(loss, expected.loss)
    assert alike(gradient, expected.gradient, bound=1e-12)
    assert alike(program(x, y), expected.outputs, bound=1e-12)
    assert alike(program.jacobian(x, y)[0], expected.jacobian[0], bound=1e-12)
    assert program.odd_rows([x, y]).tolist() == list(range(10, 50))


def test_many_odd_samples_read_buffers_and_what_was_drawn() -> None:
    scale = Value(2.0)
    dropout = sg.nn.Dropout(0.5, seed=3)
    program = compile(lambda x: sg.log(dropout([x])[0] * scale), inputs=(1,))
    scale.data = 8.0
    assert {float(number) for number in program(numpy.ones(64)).ravel()} == {
        -math.inf,
        math.log(16.0),
    }


def test_many_samples_without_inputs_or_parameters() -> None:
    program = compile(lambda x: sg.log(x * 0.0), inputs=(1,))
    loss, gradient = program.value_and_grad(numpy.ones(9))
    assert (loss, gradient.tolist()) == (-math.inf, [])


def test_a_long_chain_is_computed_sample_by_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    def function(x: Any) -> Any:
        for _ in range(200):
            x = sg.sin(x)
        return sg.log(x * 0.0)

    program = compile(function, inputs=(1,))
    monkeypatch.setattr(BatchReplay, "_forward", None)
    assert program(numpy.ones(6)).tolist() == [[-math.inf]] * 6
    assert program.odd_rows([numpy.ones(6)]).tolist() == list(range(6))
