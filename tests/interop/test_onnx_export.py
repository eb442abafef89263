"""Graphs of ONNX: onnxruntime, or the reference of ONNX, returns the numbers of the program."""

from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value, nn
from scalargrad.core.ops import TABLE, TAKE, Op
from scalargrad.errors import OptionError
from scalargrad.interop import to_onnx
from tests.compiler.graphs import Kitchen, Weights, function_of
from tests.core.points import points

onnx = pytest.importorskip("onnx")

RNG = numpy.random.default_rng(0)


def run(model: Any, *arguments: Any) -> Any:
    """The output of a graph by the reference of ONNX, which knows float64 for every operator."""
    from onnx.reference import ReferenceEvaluator

    names = {f"x{i}": array for i, array in enumerate(arguments)}
    with numpy.errstate(all="ignore"):
        (output,) = ReferenceEvaluator(model).run(None, names)
    return output


def run_fast(model: Any, *arguments: Any) -> Any:
    """The output by onnxruntime."""
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(model.SerializeToString())
    (output,) = session.run(None, {f"x{i}": array for i, array in enumerate(arguments)})
    return output


MODELS: dict[str, tuple[Any, Any, Any]] = {
    "mlp": (nn.MLP(3, [8, 4, 2], activation="tanh", seed=0), [3], RNG.normal(size=(5, 3))),
    "softmax": (
        nn.MLP(3, [4, 3], "relu", output_activation="softmax", seed=0),
        [3],
        RNG.normal(size=(5, 3)),
    ),
    "log_softmax": (
        nn.Layer(3, 4, "log_softmax", seed=0),
        [3],
        RNG.normal(size=(5, 3)),
    ),
    "convolution": (
        nn.Sequential(
            nn.Reshape(1, 6, 6),
            nn.Conv(1, 2, 3, padding=1, seed=0),
            nn.MaxPool(2),
            nn.Flatten(),
            nn.Layer(18, 3, None, seed=0),
        ),
        [36],
        RNG.normal(size=(4, 36)),
    ),
    "normalized": (
        nn.Sequential(nn.Layer(3, 4, seed=0), nn.BatchNorm(4), nn.LayerNorm(4)),
        [3],
        RNG.normal(size=(5, 3)),
    ),
    "embedding": (
        nn.Sequential(nn.Embedding(5, 2, seed=0), nn.Flatten(), nn.Layer(6, 2, seed=0)),
        [("token", 3)],
        RNG.integers(0, 5, size=(4, 3)),
    ),
    "recurrent": (
        nn.Sequential(nn.Reshape(3, 2), nn.Recurrent(nn.LSTMCell(2, 3, seed=0), last=True)),
        [6],
        RNG.normal(size=(4, 6)),
    ),
}


@pytest.mark.parametrize("execute", [run, run_fast])
@pytest.mark.parametrize("name", MODELS)
def test_a_graph_returns_the_numbers_of_the_model(name: str, execute: Any) -> None:
    model, inputs, x = MODELS[name]
    expected = model.predict(x)
    found = execute(to_onnx(model, inputs=inputs), x)
    numpy.testing.assert_allclose(found, expected.reshape(len(x), -1), rtol=1e-10, atol=1e-14)


ROWS = [op for op in TABLE.values() if op.is_public and op is not TAKE]


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_every_operation_is_one_of_its_operators(op: Op) -> None:
    batch = numpy.array(points(op, 5))
    count = batch.shape[1]
    half = count // 2
    functions: dict[str, Any] = {"dot": lambda row: sg.dot(row[:half], row[half:])}
    function = functions.get(op.name)
    if function is None:
        row_function = getattr(sg, op.name)
        is_list = op.over_list or count == 1
        function = row_function if is_list else partial(apply_row, row_function)
    program = sg.compile(function, inputs=[count])
    found = run(to_onnx(program), batch)
    bound = 1e-7 if op.name in OF_SINGLE_PRECISION else 1e-13
    numpy.testing.assert_allclose(found, program(batch), rtol=1e-10, atol=bound)


OF_SINGLE_PRECISION = {"erf", "erfc", "gelu"}
"""The reference of ONNX computes the error function in single precision."""


def apply_row(function: Any, row: Any) -> Any:
    return function(*row)


def test_a_layer_is_one_product_of_matrices() -> None:
    model = to_onnx(nn.MLP(10, [50, 50, 3]))
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("MatMul") == 3
    assert len(operators) == 9
    assert len(model.SerializeToString()) < 1.1 * 8 * len(nn.MLP(10, [50, 50, 3]).parameters())


@pytest.mark.parametrize("size", [1, 3, 7])
def test_batches_may_have_any_size(size: int) -> None:
    model = nn.MLP(2, [3, 2], seed=0)
    graph = to_onnx(model)
    x = RNG.normal(size=(size, 2))
    numpy.testing.assert_allclose(run_fast(graph, x), model.predict(x), rtol=1e-12)


def test_a_function_of_several_arguments_and_a_value_from_outside() -> None:
    outside = Value(2.0)

    def function(x: Any, y: Any) -> Any:
        return [x[0] * y[1] + outside, sg.maximum(x[1], y[0]), Value(3.0) * outside]

    program = sg.compile(function, inputs=[2, 2])
    x, y = RNG.normal(size=(2, 4, 2))
    numpy.testing.assert_allclose(run(to_onnx(program), x, y), program(x, y), rtol=1e-14)


def test_angles_are_those_of_all_quadrants() -> None:
    program = sg.compile(lambda x: sg.atan2(x[0], x[1]), inputs=[2])
    points = numpy.array([[y, x] for y in (-2.0, 0.0, 1.5) for x in (-0.5, 0.0, 3.0)])
    numpy.testing.assert_allclose(run(to_onnx(program), points), program(points), rtol=1e-14)


LOOK_UPS: dict[str, Any] = {
    "an input": lambda x, i: sg.take(x, i[0]),
    "computed numbers": lambda x, i: [sg.take([sg.tanh(each) for each in x], j) for j in i],
    "lists of their own": lambda x, i: [sg.take([x[k], x[0] * k, 2.0], j) for k, j in enumerate(i)],
    "rows": lambda x, i: sg.take([[x[0], x[1]], [x[2], 1.0], [x[1] * x[2], x[0]]], i[1]),
    "numbers alone": lambda x, i: sg.take([0.5, 0.25, 2.0], i[0]) * x[0],
}


@pytest.mark.parametrize("execute", [run, run_fast])
@pytest.mark.parametrize("function", LOOK_UPS.values(), ids=list(LOOK_UPS))
def test_look_ups_take_the_numbers_of_each_sample(function: Any, execute: Any) -> None:
    program = sg.compile(function, inputs=[3, ("token", 3)])
    x = RNG.normal(size=(5, 3))
    indices = RNG.integers(0, 3, size=(5, 3))
    found = execute(to_onnx(program), x, indices)
    numpy.testing.assert_allclose(found, program(x, indices), rtol=1e-14)


def test_a_model_of_one_input_takes_a_column() -> None:
    model = nn.MLP(1, [3, 2], activation="tanh", seed=0)
    x = RNG.normal(size=(4, 1))
    numpy.testing.assert_allclose(run(to_onnx(model), x), model.predict(x), rtol=1e-13)


@settings(max_examples=30)
@given(rng=st.randoms(use_true_random=False))
def test_random_graphs_have_the_numbers_of_the_program(rng: Random) -> None:
    recipe = Kitchen(rng=rng, steps=12).recipe()
    weights = Weights(recipe.parameters)
    program = sg.compile(function_of(recipe, weights.weights), weights, inputs=recipe.sizes)
    data = [RNG.normal(size=(4, size)) for size in recipe.sizes]
    found = run(to_onnx(program), *data)
    numpy.testing.assert_allclose(found, program(*data), rtol=1e-6, atol=1e-6)


def test_an_own_operation_is_written_by_its_rule() -> None:
    swish = sg.operation(name="test_swish")(lambda m, x: x * m.sigmoid(x))
    model = nn.MLP(2, [3, 1], activation=swish, seed=0)
    x = RNG.normal(size=(4, 2))
    numpy.testing.assert_allclose(run(to_onnx(model), x)[:, 0], model.predict(x), rtol=1e-13)


def test_numbers_may_be_of_single_precision(tmp_path: Path) -> None:
    model = nn.MLP(2, [8, 1], activation="gelu", seed=0)
    x = RNG.normal(size=(4, 2)).astype(numpy.float32)
    to_onnx(model, tmp_path / "model.onnx", dtype="float32")
    found = run_fast(onnx.load(tmp_path / "model.onnx"), x)
    assert found.dtype == numpy.float32
    numpy.testing.assert_allclose(found[:, 0], model.predict(x), rtol=1e-4, atol=1e-6)


def test_what_can_not_be_written_is_refused() -> None:
    dropout = nn.Sequential(nn.Layer(2, 2), nn.Dropout(0.5)).train()
    with pytest.raises(OptionError, match="draws random numbers"):
        to_onnx(sg.compile(dropout, dropout, inputs=[2]))
    with pytest.raises(OptionError, match="a compiled program has its own"):
        to_onnx(sg.compile(lambda x: x[0], inputs=[2]), inputs=[2])
    with pytest.raises(OptionError, match=r"needs the number of inputs of Flatten"):
        to_onnx(nn.Flatten())
    with pytest.raises(OptionError, match="not function: compile"):
        to_onnx(lambda x: x)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="dtype must be"):
        to_onnx(nn.MLP(2, [1]), dtype="float16")  # type: ignore[arg-type]
