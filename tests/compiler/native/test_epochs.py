"""Steps of an optimizer in one call of machine code against the same steps one by one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scalargrad import Parameter, compile
from scalargrad.compiler import Compiled
from scalargrad.compiler.optimizer_steps import StepInputs, StepRunner, Steps, UpdateRule
from scalargrad.core.checks import all_finite
from scalargrad.optim import SGD, AdaGrad, Adam, AdamW, RMSprop
from scalargrad.optim.rules import FormulaOptimizer
from tests.compiler.graphs import Kitchen, Weights, function_of

pytest.importorskip("llvmlite")

RULES: list[Callable[[Any], FormulaOptimizer]] = [
    lambda parameters: SGD(parameters, 0.1, momentum=0.9, dampening=0.5, weight_decay=0.1),
    lambda parameters: SGD(parameters, 0.1, momentum=0.9, nesterov=True),
    lambda parameters: AdaGrad(parameters, 0.1, learning_rate_decay=0.5),
    lambda parameters: RMSprop(parameters, 0.1, centered=True, momentum=0.5, eps=0.0),
    lambda parameters: Adam(parameters, 0.1, amsgrad=True),
    lambda parameters: AdamW(parameters, 0.1),
]


def make_runner(program: Compiled, optimizer: FormulaOptimizer) -> StepRunner | None:
    count = len(optimizer.step_numbers(1))
    return program.step_runner(UpdateRule(optimizer.formula, optimizer.memory, count), 8)


def run_at_once(
    program: Compiled, runner: StepRunner, optimizer: FormulaOptimizer, data: Any, batches: Any
) -> Steps:
    ends = numpy.cumsum([0, *map(len, batches)])
    numbers = [optimizer.step_numbers(i) for i in range(1, len(batches) + 1)]
    inputs = StepInputs(numpy.concatenate(batches), ends, numpy.array(numbers))
    return program.run_steps(runner, data, inputs, optimizer.copy_memory())


def run_one_by_one(
    program: Compiled, optimizer: FormulaOptimizer, data: Any, batches: Any
) -> tuple[list[float], list[list[float]]]:
    """Return the losses and the other outputs; the program has the new parameters."""
    losses: list[float] = []
    others: list[list[float]] = []
    for batch in batches:
        arrays = [array[batch] for array in data]
        drawn = numpy.zeros((len(batch), 0))
        loss, gradient, rest, is_finite = program._backend.loss(arrays, numpy.zeros(0), drawn)
        if not is_finite:
            break
        memory = optimizer.copy_memory()
        updated = optimizer.update(program.parameters, gradient)
        if not all_finite(updated):
            # As if the step had not been made.
            optimizer.count_steps(-1, memory)
            break
        program.parameters[:] = updated
        losses.append(loss)
        others += rest.tolist()
    return losses, others


@settings(max_examples=8, deadline=None)
@given(rng=st.randoms(use_true_random=False), make=st.sampled_from(RULES))
def test_any_graph(rng: Random, make: Callable[[Any], FormulaOptimizer]) -> None:
    recipe = Kitchen(rng=rng, steps=20, parameters=20).recipe()
    assume(recipe.parameters)
    model = Weights(recipe.parameters)
    data = [
        numpy.array([[rng.uniform(-3.0, 3.0) for _ in range(size)] for _ in range(9)])
        for size in recipe.sizes
    ]
    function = function_of(recipe, model.weights)
    program = compile(function, model, recipe.sizes, backend="native")
    optimizer = make(model.parameters())
    runner = make_runner(program, optimizer)
    assume(runner)
    assert runner is not None
    batches = [[rng.randrange(9) for _ in range(rng.randint(1, 9))] for _ in range(6)]

    steps = run_at_once(program, runner, optimizer, data, batches)
    losses, others = run_one_by_one(program, optimizer, data, batches)
    assert steps.losses.tolist() == losses
    assert numpy.array_equal(steps.others.ravel(), numpy.ravel(others), equal_nan=True)
    assert steps.parameters.tolist() == program.parameters.tolist()
    expected = optimizer.copy_memory()
    assert {name: vector.tolist() for name, vector in steps.memory.items()} == {
        name: vector.tolist() for name, vector in expected.items()
    }


def make_line(backend: Any = "native") -> tuple[Compiled, FormulaOptimizer, Any]:
    model = Weights((0.5, -0.25, 1.5))
    weights = model.weights

    def loss(x: Any) -> Any:
        return (weights[0] * x[0] + weights[1] * x[1] + weights[2] - 1.0) ** 2

    data = [numpy.random.default_rng(1).normal(size=(8, 2))]
    return compile(loss, model, (2,), backend=backend), Adam(model.parameters(), 0.1), data


def test_what_was_given_stays() -> None:
    program, optimizer, data = make_line()
    runner = make_runner(program, optimizer)
    assert runner is not None
    before = program.parameters.copy()
    steps = run_at_once(program, runner, optimizer, data, [[0, 1, 2]] * 4)
    assert len(steps.losses) == 4
    assert steps.parameters.tolist() != before.tolist()
    assert program.parameters.tolist() == before.tolist()
    assert optimizer.steps == 0
    assert not any(vector.any() for vector in optimizer.copy_memory().values())


def test_threads_may_run_at_once() -> None:
    program, optimizer, data = make_line()
    runner = make_runner(program, optimizer)
    assert runner is not None
    work = [[[i % 8, (i + j) % 8] for i in range(50)] for j in range(1, 7)]

    def run(batches: Any) -> list[float]:
        return run_at_once(program, runner, optimizer, data, batches).parameters.tolist()

    expected = list(map(run, work))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, work)) == expected


def test_numpy_has_no_runner() -> None:
    program, optimizer, _ = make_line("numpy")
    assert make_runner(program, optimizer) is None


@pytest.mark.parametrize(
    "formula",
    [
        lambda data, gradient, memory, numbers: data - numpy.exp(gradient),
        lambda data, gradient, memory, numbers: data - gradient.mean(),
        lambda data, gradient, memory, numbers: data if gradient > 0.0 else -data,
        lambda data, gradient, memory, numbers: data if numbers[0] else -data,
        lambda data, gradient, memory, numbers: numpy.add.reduce(data),
        lambda data, gradient, memory, numbers: [data],
    ],
)
def test_a_rule_without_vector_instructions_has_no_runner(formula: Any) -> None:
    program, _, _ = make_line()
    assert program.step_runner(UpdateRule(formula, (), 1), 8) is None


def test_a_rule_may_take_numbers_of_numpy() -> None:
    program, _, data = make_line()
    half = numpy.float64(0.5)
    parameters = [Parameter(x) for x in program.parameters]
    optimizer = SGD(parameters, 0.5)
    runner = program.step_runner(
        UpdateRule(
            lambda data, gradient, memory, numbers: data - half * gradient, ("velocity",), 2
        ),
        8,
    )
    assert runner is not None
    steps = run_at_once(program, runner, optimizer, data, [[0, 1]])
    run_one_by_one(program, optimizer, data, [[0, 1]])
    assert steps.parameters.tolist() == program.parameters.tolist()
