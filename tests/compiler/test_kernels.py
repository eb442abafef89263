"""Kernels: matrices are found where a person would see one, and what is left is grouped level by
level.
"""

from typing import Any

import numpy
import pytest

import scalargrad as sg
import viz
from scalargrad import Constant, Parameter, Value
from scalargrad.compiler import compile, record, trace
from scalargrad.compiler.kernels import (
    Dots,
    Elementwise,
    Gather,
    Kernel,
    Matrix,
    OverList,
    build_kernels,
)
from scalargrad.compiler.layout import lay_out
from scalargrad.compiler.passes import optimize
from scalargrad.compiler.program import FIRST
from scalargrad.compiler.rewriting import find_sources
from scalargrad.nn import (
    MLP,
    AvgPool,
    Conv,
    Flatten,
    Layer,
    MaxPool,
    Recurrent,
    RNNCell,
    Sequential,
)
from tests.compiler.backends import on_every_backend, once
from tests.compiler.graphs import Weights
from tests.compiler.referee import differences, eager

pytestmark = pytest.mark.usefixtures("default_backend")


def kernels(function: Any, inputs: Any, parameters: Any = ()) -> list[Kernel]:
    return build_kernels(optimize(record(trace(function, inputs, parameters))))


def described(function: Any, inputs: Any, parameters: Any = ()) -> list[str]:
    return [str(kernel) for kernel in kernels(function, inputs, parameters)]


def image(x: list[Value], rows: int) -> list[list[Value]]:
    width = len(x) // rows
    return [x[i * width : (i + 1) * width] for i in range(rows)]


# What is found


def test_a_kernel_is_equal_to_itself_alone_and_can_be_a_key() -> None:
    weights = Weights([1.0, 2.0, 3.0]).weights

    def function(x: Any) -> list[Value]:
        scores = [sg.dot(x[:3], weights), sg.dot(x[:3], x[1:])]
        return [sg.logsumexp([*scores, sg.tanh(x[0])])]

    found, again = (kernels(function, 4, weights) for _ in range(2))
    assert {type(kernel) for kernel in found} == {Elementwise, OverList, Matrix, Dots}
    assert len({*found, *again}) == len(found) + len(again)


def test_a_layer_is_one_matrix_and_one_activation() -> None:
    model = MLP(5, [7, 3], activation="tanh", seed=1)
    assert described(model, 5, model.parameters()) == [
        "matrix 7×5 + bias",
        "tanh × 7",
        "matrix 3×7 + bias",
    ]


def test_a_layer_without_bias() -> None:
    weights = Weights([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).weights
    assert described(lambda x: [sg.dot(x, weights[:3]), sg.dot(weights[3:], x)], 3, weights) == [
        "matrix 2×3"
    ]


def test_weights_lie_as_rows_of_the_parameters() -> None:
    model = Layer(4, 3, seed=1)
    matrix = next(
        kernel for kernel in kernels(model, 4, model.parameters()) if isinstance(kernel, Matrix)
    )
    program = optimize(record(trace(model, [4], model.parameters())))
    assert program.place[matrix.weights].tolist() == [[0, 1, 2, 3], [5, 6, 7, 8], [10, 11, 12, 13]]
    assert matrix.bias is not None
    assert program.place[matrix.bias].tolist() == [4, 9, 14]


def test_a_hand_written_loop_is_a_matrix() -> None:
    weights = Weights([0.1 * i for i in range(12)]).weights

    def function(x: Any) -> Any:
        found = []
        for i in range(4):
            total = 0.0
            for j in range(3):
                total = total + x[j] * weights[3 * i + j]
            found.append(total)
        return found

    (found,) = described(function, 3, weights)
    assert found.startswith("matrix 4×3")


def test_a_convolution_is_one_matrix_at_many_places() -> None:
    model = Sequential(
        Conv(1, 2, size=3, activation="relu", seed=1), MaxPool(2), Flatten(), Layer(8, 3, seed=2)
    )
    found = described(lambda x: model(image(x, 6)), 36, model.parameters())
    assert found[:2] == ["matrix 2×9 at 16 places + bias", "relu × 32"]
    assert "max of 4 × 8" in found
    assert found[-1] == "relu × 3" or found[-1] == "matrix 3×8 + bias"


def test_a_recurrent_cell_has_its_matrix_at_every_step() -> None:
    cell = RNNCell(2, 3, seed=1)

    def three_steps(x: list[Value], state: list[Value]) -> list[Value]:
        for row in image(x, 3):
            state = cell(row, state)
        return state

    found = described(three_steps, (6, 3), cell.parameters())
    assert found == ["matrix 3×5 + bias", "tanh × 3"] * 3


def test_a_recurrent_network_is_one_loop() -> None:
    model = Recurrent(RNNCell(2, 3, seed=1), last=True)
    found = described(lambda x, state: model(image(x, 3), state), (6, 3), model.parameters())
    assert found == ["scan of 3 steps: 3 kernels"]


def test_shared_weights_are_one_matrix_at_two_places() -> None:
    layer = Layer(2, 3, seed=1)
    found = described(lambda x: [*layer(x[:2]), *layer(x[2:])], 4, layer.parameters())
    assert found == ["matrix 3×2 at 2 places + bias", "relu × 6"]


def test_softmax() -> None:
    found = described(lambda x: sg.softmax(x), 4)
    assert found == [
        "max of 4 × 1",
        "sub, exp × 4",
        "sum of 4 × 1",
        "div × 4",
    ]


def attention(q: Any, k: Any, v: Any) -> list[list[Value]]:
    """softmax(q·kᵀ/√d)·v, in scalars."""
    found = []
    for query in q:
        shares = sg.softmax([sg.dot(query, key) / len(query) ** 0.5 for key in k])
        found.append([sg.dot(shares, column) for column in zip(*v, strict=True)])
    return found


def test_attention_written_in_scalars() -> None:
    projections = [Layer(4, 4, activation=None, seed=seed) for seed in range(3)]
    parameters = [parameter for layer in projections for parameter in layer.parameters()]

    def function(x: Any) -> Any:
        tokens = image(x, 3)
        q, k, v = ([layer(token) for token in tokens] for layer in projections)
        return [number for row in attention(q, k, v) for number in row]

    found = described(function, 12, parameters)
    assert found[0] == "matrix 12×4 at 3 places + bias", (
        "queries, keys and values of all tokens at once"
    )
    assert "dot of 4 × 9" in found
    assert "dot of 3 × 12" in found
    assert len(found) < 12


def test_products_of_two_inputs_are_no_matrix() -> None:
    assert described(lambda x, y: sg.dot(x, y), (3, 3)) == ["dot of 3 × 1"]


def test_what_has_no_structure_is_grouped_by_level() -> None:
    found = kernels(lambda x: [sg.exp(x[0]), sg.exp(x[2]), sg.tanh(x[1]), sg.exp(sg.exp(x[1]))], 3)
    assert sorted(str(kernel) for kernel in found) == ["exp × 1", "exp × 3", "tanh × 1"]


def test_what_is_the_same_for_all_samples_is_computed_once() -> None:
    weights = Weights([1.0, 2.0]).weights
    found = kernels(
        lambda x: [sg.exp(weights[0]) * x[0], sg.exp(weights[1]), sg.exp(x[1])], 2, weights
    )
    assert {(str(kernel), kernel.batched) for kernel in found} == {
        ("exp × 2", False),
        ("exp × 1", True),
        ("mul × 1", True),
    }


# Every row is computed once, after its operands


@pytest.mark.parametrize("seed", range(20))
def test_kernels_compute_every_row_once_and_in_order(seed: int) -> None:
    from random import Random

    from tests.compiler.graphs import Kitchen, function_of

    recipe = Kitchen(rng=Random(seed), steps=40).recipe()
    weights = Weights(recipe.parameters).weights
    program = optimize(record(trace(function_of(recipe, weights), recipe.sizes, weights)))
    found = build_kernels(program)
    sources = find_sources(program)
    ready = set(numpy.flatnonzero(program.code < FIRST).tolist())
    within: set[int] = set()
    for kernel in found:
        for operation in operations(kernel):
            assert {int(sources[row]) for row in taken(operation)} <= ready
            assert not ready & set(operation.rows.tolist())
            ready |= set(operation.rows.tolist())
        within |= rows_within(kernel)
    assert ready == set(sources.tolist())

    layout = lay_out(program, found, recipe.sizes)
    for row in set(range(len(program))) - within:
        assert 0 <= layout.column_of[row] < layout.blocks[layout.block_of[row]].width


def operations(kernel: Kernel) -> list[Any]:
    return kernel.operations() if isinstance(kernel, Elementwise) else [kernel]


def rows_within(kernel: Kernel) -> set[int]:
    return {int(row) for operation in operations(kernel)[:-1] for row in operation.rows}


def taken(kernel: Kernel) -> set[int]:
    if isinstance(kernel, Elementwise):
        operands = kernel.operands
        parts = [rows.rows if isinstance(rows, Elementwise) else rows for rows in operands]
    elif isinstance(kernel, OverList):
        parts = [kernel.items]
    elif isinstance(kernel, Dots):
        parts = [kernel.first, kernel.second]
    elif isinstance(kernel, Gather):
        parts = [kernel.index, kernel.table]
    else:
        parts = [kernel.x, kernel.weights, *([] if kernel.bias is None else [kernel.bias])]
    return {int(row) for part in parts for row in part.ravel()}


# Odd matrices: the same number several times, weights that are computed, shared, constant or read


def twice(w: Any, x: Any) -> Any:
    q = w[0] * w[0]
    return x[0] * q + x[1] * q + w[2]


ODD = {
    "one input twice": lambda w, x: x[0] * w[0] + x[0] * w[1] + w[2],
    "one weight twice": lambda w, x: x[0] * w[0] + x[1] * w[0] + w[2],
    "one weight everywhere": lambda w, x: [
        x[0] * w[0] + x[1] * w[0] + w[0],
        x[0] * w[0] + x[1] * w[0] + w[0],
    ],
    "computed weights": lambda w, x: x[0] * sg.exp(w[0]) + x[1] * sg.tanh(w[1]) + w[2],
    "one computed weight twice": twice,
    "weights by name": lambda w, x: x[0] * (w[0] / (w[0] + 4.0)) + x[1] * (w[1] / (w[0] + 4.0)),
    "constant weights": lambda _, x: [x[0] * 2.0 + x[1] * 3.0 + 1.0, x[0] * 4.0 + x[1] * 5.0 + 6.0],
    "the same constant": lambda _, x: x[0] * 2.0 + x[1] * 2.0 + 2.0,
    "weights and constants": lambda w, x: x[0] * w[0] + x[1] * 2.0 + w[1],
    "bias computed": lambda w, x: x[0] * w[0] + x[1] * w[1] + w[0] * w[1],
    "the same bias for all": lambda w, x: [
        x[0] * w[0] + x[1] * w[1] + w[2],
        x[0] * w[1] + x[1] * w[2] + w[2],
    ],
    "weight and bias are one": lambda w, x: [
        x[0] * w[0] + x[1] * w[1] + w[0],
        x[0] * w[1] + x[1] * w[0] + w[1],
    ],
    "two places one weight": lambda w, x: [
        x[0] * w[0] + x[1] * w[1],
        x[1] * w[0] + x[2] * w[1],
        x[2] * w[0] + x[0] * w[1],
    ],
    "squares": lambda _, x: x[0] * x[0] + x[0] * x[0] + x[0] * x[0],
    "dot with itself": lambda _, x: sg.dot(x, x),
    "dot of one with all": lambda _, x: sg.dot([x[0], x[0], x[0]], x),
    "sum of one": lambda _, x: sg.sum([x[0], x[0], x[0]]),
    "product of one": lambda _, x: sg.prod([x[0], x[0], x[0]]),
    "largest of one": lambda _, x: sg.max([x[1], x[1]]),
    "logsumexp of one": lambda _, x: sg.logsumexp([x[0], x[0]]),
    "mean of weights": lambda w, x: sg.mean([w[0], w[0], w[1]]) * x[0],
    "sum of computed weights": lambda w, x: sg.sum([sg.exp(w[0])] * 3) * x[0],
    "a hundred constants": lambda _, x: sg.mean([sg.Constant(1.5)] * 100) * x[0],
    "a list of all sorts": lambda w, x: sg.logsumexp(
        [x[0], w[0], sg.Constant(0.3), x[0] * w[1], sg.exp(w[2])]
    ),
    "an activation of one": lambda w, x: [
        sg.tanh(x[0]) * w[0],
        sg.tanh(x[0]) * w[1],
        sg.tanh(x[0]) * w[2],
    ],
    "parameters by themselves": lambda w, x: w[0] * w[1] + w[1] * w[2] + x[0],
    "penalty": lambda w, x: (
        (x[0] * w[0] + x[1] * w[1] + w[2]) ** 2 + 0.1 * sg.sum([v * v for v in w])
    ),
}


@pytest.mark.parametrize("function", ODD.values(), ids=ODD)
def test_odd_matrices(function: Any) -> None:
    model = Weights([0.7, -1.3, 0.4])

    def of_inputs(x: Any) -> Any:
        return function(model.weights, x)

    program = compile(of_inputs, model, (3,))
    for batch in (1, 3):
        data = [numpy.random.default_rng(0).normal(size=(batch, 3))]
        assert differences(program, eager(of_inputs, model, data), data, 1e-12) == []


def test_weights_that_are_read() -> None:
    read = [Value(2.0), Value(3.0)]
    program = compile(
        lambda x: [x[0] * read[0] + x[1] * read[0], x[0] * read[0] + x[1] * read[1]], inputs=(2,)
    )
    assert program([[1.0, 10.0]]).tolist() == [[22.0, 32.0]]
    read[0].data = 5.0
    assert program([[1.0, 10.0]]).tolist() == [[55.0, 35.0]]
    assert program.jacobian([[1.0, 10.0]])[0].tolist() == [[[5.0, 5.0], [5.0, 3.0]]]


def test_average_pooling_after_a_convolution() -> None:
    model = Sequential(
        Conv(1, 2, size=2, activation="tanh", padding=1, seed=1), AvgPool(2, stride=1)
    )
    data = [numpy.random.default_rng(0).normal(size=(2, 9))]

    def function(x: Any) -> Any:
        return [number for grid in model(image(x, 3)) for row in grid for number in row]

    assert (
        differences(compile(function, model, (9,)), eager(function, model, data), data, 1e-12) == []
    )


def test_a_parameter_may_be_an_input_of_a_matrix() -> None:
    weights = [Parameter(float(i)) for i in range(4)]
    assert (
        described(lambda x: sg.dot(weights[:2], weights[2:]) * x[0], 2, weights)[0]
        == "dot of 2 × 1"
    )


# Elementwise operations that follow each other, row for row


def test_operations_that_follow_each_other_are_one_kernel() -> None:
    found = described(lambda x: [(each / 3.0 + 1.0) ** -0.5 for each in x], 4)
    assert found == ["div, add, pow × 4"]


def test_two_chains_that_meet_are_one_kernel() -> None:
    def function(x: Any) -> list[Value]:
        return [sg.exp(a) * sg.sin(b) for a, b in zip(x[:3], x[3:], strict=True)]

    assert described(function, 6) == ["exp, sin, mul × 3"]


def test_what_something_else_needs_is_computed_apart() -> None:
    def function(x: Any) -> list[Value]:
        exps = [sg.exp(each) for each in x]
        return [*exps, *map(sg.tanh, exps)]

    assert described(function, 3) == ["exp × 3", "tanh × 3"]


def test_what_is_read_in_another_order_is_computed_apart() -> None:
    assert described(lambda x: sg.exp(x[0]) * sg.exp(x[1]), 2) == ["exp × 2", "mul × 1"]


def test_what_is_the_same_for_all_samples_is_computed_apart() -> None:
    weights = Weights([1.0, 2.0]).weights
    found = described(lambda x: [sg.exp(w) * x[0] for w in weights], 2, weights)
    assert found == ["exp × 2", "mul × 2"]


def test_long_chains_are_several_kernels() -> None:
    def function(x: Any) -> Any:
        for _ in range(300):
            x = sg.sin(x) + 0.25
        return x

    data = [numpy.array([[0.5], [-2.0]])]
    program = compile(function, inputs=(1,))
    assert len(program.kernels) == 600 // 8
    assert differences(program, eager(function, None, data), data) == []


@once
def test_numbers_on_the_way_are_kept_only_where_a_derivative_needs_them() -> None:
    program = compile(lambda x: sg.exp((x / 3.0 + 1.0) ** -0.5), inputs=(1,))
    assert "v0_" not in program._backend.render("outputs")
    lines = program._backend.render("pull_back").splitlines()
    assigned = {line.split("=")[0].strip() for line in lines if "v0_" in line.split("=")[0]}
    assert assigned == {"v0_0_0"}, "the base of the power"


STOPPED = {
    "an input": lambda w, x: sg.stop_gradient(x[0]) * x[1] + w[0],
    "a parameter": lambda w, x: sg.stop_gradient(w[0]) * x[0] + w[0] * w[1] * x[1],
    "a constant": lambda w, x: sg.stop_gradient(Constant(2.0)) * x[0] + w[1],
    "a sum": lambda w, x: sg.stop_gradient(x[0] + w[0]) * sg.exp(x[0] + w[0]),
    "itself": lambda w, x: sg.stop_gradient(sg.stop_gradient(x[0] * w[0])) * x[0] * w[0],
    "several arrays": lambda w, x: sg.max([sg.stop_gradient(each) * x[0] for each in (*w, *x)]),
    "an output": lambda w, x: [x[0] * w[0], sg.stop_gradient(w[1]), sg.stop_gradient(x[1] * w[0])],
    "each step": lambda w, x: sg.scan(
        lambda c, t: (sg.stop_gradient(c) * t + c * sg.stop_gradient(w[0] * t), ()), w[1], x
    )[0],
}
"""What a stop_gradient is applied to."""


@on_every_backend
@pytest.mark.parametrize("function", STOPPED.values(), ids=STOPPED)
def test_a_stop_gradient_is_no_kernel_and_lets_nothing_through(function: Any) -> None:
    model = Weights([0.7, -1.3])
    data = [numpy.random.default_rng(0).normal(size=(3, 3))]

    def of_inputs(x: Any) -> Any:
        return function(model.weights, x)

    program = compile(of_inputs, model, (3,))
    assert "stop_gradient" not in program.explain()
    assert differences(program, eager(of_inputs, model, data), data) == []


def test_a_stopped_output_is_drawn_at_what_computes_it() -> None:
    program = compile(lambda x: [sg.stop_gradient(sg.exp(x)), sg.stop_gradient(x)], inputs=(1,))
    roots = [node.symbol for node in viz.draw(program).picture.nodes if node.root]
    assert sorted(roots) == ["exp", "in"]
