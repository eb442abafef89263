"""The core of it: random graphs over the whole table, compiled, against eager code sample by
sample.
"""

import math
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalargrad import Value
from scalargrad.compiler import compile
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE, Op
from tests.compiler.backends import in_native_code, once
from tests.compiler.graphs import EVERYWHERE, Kitchen, Weights, differing, function_of, recipe_of
from tests.compiler.referee import Array, alike, differences, eager
from tests.core.points import points

pytestmark = pytest.mark.usefixtures("default_backend")

LINEAR = ("add", "sub", "mul", "neg", "sum", "dot", "mean")
SELECTING = (
    "where",
    "maximum",
    "minimum",
    "max",
    "min",
    "clamp",
    "relu",
    "abs",
    "step",
    "sign",
    "prelu",
    "hardtanh",
    "mul",
    "add",
)
SETTINGS = ("pow", "clamp", "leaky_relu", "elu", "celu", "rrelu", "hardtanh", "where", "add", "mul")


random_numbers = given(rng=st.randoms(use_true_random=False))
few_operations = pytest.mark.parametrize(
    "ops", [LINEAR, SELECTING, SETTINGS], ids=["linear", "selecting", "static_args"]
)


@once
@settings(max_examples=150)
@random_numbers
def test_any_graph(rng: Random) -> None:
    assert differing(Kitchen(rng=rng, steps=30)) == []


@once
@few_operations
@settings(max_examples=60)
@random_numbers
def test_graphs_of_few_operations(ops: tuple[str, ...], rng: Random) -> None:
    assert differing(Kitchen(ops=ops, rng=rng, steps=40)) == []


@once
@settings(max_examples=15)
@random_numbers
def test_large_graphs(rng: Random) -> None:
    assert differing(Kitchen(rng=rng, inputs=12, parameters=20, steps=300, outputs=8)) == []


@once
@settings(max_examples=80)
@random_numbers
def test_graphs_whose_data_holds_nan_and_infinities(rng: Random) -> None:
    """No more than that both say the same: numbers, infinities and nan in the same places."""
    assert differing(Kitchen(rng=rng, steps=15), odd=0.2) == []


# Native code takes longer to compile, so there are fewer of these; `tests.campaigns.compiled` has
# thousands.


@in_native_code
@settings(max_examples=8)
@random_numbers
def test_any_graph_in_native_code(rng: Random) -> None:
    assert differing(Kitchen(rng=rng, steps=30)) == []


@in_native_code
@few_operations
@settings(max_examples=3)
@random_numbers
def test_graphs_of_few_operations_in_native_code(ops: tuple[str, ...], rng: Random) -> None:
    assert differing(Kitchen(ops=ops, rng=rng, steps=40)) == []


@in_native_code
@settings(max_examples=8)
@random_numbers
def test_graphs_in_native_code_whose_data_holds_nan_and_infinities(rng: Random) -> None:
    assert differing(Kitchen(rng=rng, steps=15), odd=0.2) == []


# Every operation of the table, alone and in wide rows


def batch_of(op: Op, count: int) -> Array:
    return numpy.array(points(op, count))


every_operation = pytest.mark.parametrize(
    "op", [TABLE[name] for name in EVERYWHERE], ids=lambda op: op.name
)


@once
@every_operation
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_every_operation(op: Op, batch: int) -> None:
    data = [batch_of(op, batch)]
    size = data[0].shape[1]

    def function(*x: Any) -> Value:
        result: Value = apply(op, *(x if size == 1 else x[0]))
        return result

    assert (
        differences(compile(function, inputs=(size,)), eager(function, None, data), data, 1e-12)
        == []
    )


@every_operation
def test_every_operation_on_many_rows_at_once(op: Op) -> None:
    """Ten points of operands that are inputs, and beside them parameters and constants in each
    place.
    """
    rows = batch_of(op, 10)
    size, model = rows.shape[1], Weights([float(number) for number in rows[0]])

    def function(x: Any) -> list[Value]:
        found = [apply(op, *x[i * size : (i + 1) * size]) for i in range(10)]
        for place in range(size):
            mixed = [*x[:size]]
            mixed[place] = model.weights[place]
            found.append(apply(op, *mixed))
        return [apply(TABLE["sum"], *found), *found]

    data = [numpy.stack([rows.ravel(), numpy.roll(rows, 1, axis=0).ravel()])]
    if size > 1:
        data = [data[0][:1]]
    assert (
        differences(
            compile(function, model, (10 * size,)), eager(function, model, data), data, 1e-11
        )
        == []
    )


HOSTILE = (0.0, 5e-324, -1e-310, 1e-200, 1.0, -1.0, 1.5, 700.0, -1e17, 1e300, -1e300)
ODD = (-0.0, math.nan, math.inf, -math.inf)


@every_operation
def test_every_operation_at_hostile_numbers(op: Op) -> None:
    """Zeros, subnormal, huge and odd numbers, in lanes beside each other and alone."""
    size = batch_of(op, 1).shape[1]
    model = Weights([1.0] * size)
    rng = Random(op.name)
    rows = numpy.array([[rng.choice(HOSTILE + ODD) for _ in range(size)] for _ in range(40)])

    def function(x: Any) -> Value:
        inputs = [x] if size == 1 else x
        operands = [a * w for a, w in zip(inputs, model.weights, strict=True)]
        result: Value = apply(op, *operands)
        return result

    program = compile(function, model, (size,))
    assert alike(program(rows), eager(function, model, [rows]).outputs, bound=1e-12)
    for row in rows:
        expected = eager(function, model, [[row]])
        loss, gradient = program.value_and_grad([row])
        assert alike(loss, expected.loss, bound=1e-12)
        assert alike(gradient, expected.gradient, bound=1e-12), row


@pytest.mark.parametrize(
    "op", [op for op in TABLE.values() if op.static_args], ids=lambda op: op.name
)
def test_every_setting_as_a_number_and_as_a_value(op: Op) -> None:
    rows = batch_of(op, 5)
    model = Weights([float(number) for number in rows[0]])
    names = range(rows.shape[1])
    given_ = [i for i in names if op.operands[i] in op.static_args]

    def function(x: Any) -> list[Value]:
        plain = [float(rows[0][i]) if i in given_ else x[i] for i in names]
        learned = [model.weights[i] if i in given_ else x[i] for i in names]
        return [apply(op, *plain), apply(op, *learned), apply(op, *x)]

    data = [rows[:1]]
    assert (
        differences(
            compile(function, model, (rows.shape[1],)), eager(function, model, data), data, 1e-12
        )
        == []
    )


# Without structure, and deep


def check_dag(steps: int) -> None:
    rng = Random(1)
    recipe = recipe_of(Kitchen(rng=rng, steps=0), inputs=(10,), parameters=10, steps=steps)
    model = Weights(recipe.parameters)
    function = function_of(recipe, model.weights)
    data = [numpy.random.default_rng(0).normal(size=(3, 10))]
    assert (
        differences(compile(function, model, recipe.sizes), eager(function, model, data), data)
        == []
    )


@once
def test_a_dag_of_two_thousand_scalars_without_structure() -> None:
    check_dag(2000)


@in_native_code
def test_a_dag_of_scalars_without_structure_in_native_code() -> None:
    """Its kernels fill many functions, and few are alike."""
    check_dag(500)


@once
def test_a_chain_of_two_thousand_operations() -> None:
    model = Weights([0.999, 0.001])

    def function(x: Value) -> Value:
        for i in range(1000):
            x = x * model.weights[0] + model.weights[1]
            x = apply(TABLE["sin" if i % 3 else "tanh"], x) * 1.5
        return x

    data = [numpy.array([[0.3], [-1.2]])]
    assert differences(compile(function, model, (1,)), eager(function, model, data), data) == []


def test_the_referee_finds_what_is_wrong() -> None:
    """A program of another function is told apart in all respects."""
    model, data = Weights([2.0]), [numpy.array([[1.0, 2.0]])]
    expected = eager(lambda x: x[0] * model.weights[0] + x[1], model, data)
    wrong = compile(lambda x: x[0] * model.weights[0] * 1.001 + x[1] * 1.001, model, (2,))
    assert differences(wrong, expected, data) == [
        "outputs",
        "loss",
        "gradient",
        "inputs_gradient",
        "jacobian",
    ]
    assert not alike(numpy.nan, 1.0)
    assert not alike(numpy.inf, -numpy.inf)
    assert not alike([1.0], [[1.0]])
