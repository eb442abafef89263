"""The JAX backend against the NumPy backend and eager code; its pure functions under jax.jit,
jax.grad and sharding.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy
import pytest

import scalargrad
from scalargrad import Value, clamp, maximum, mean, relu, softmax, sqrt, where
from scalargrad.core.leaves import Buffer
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE
from scalargrad.errors import LengthError, OptionError
from scalargrad.losses import cross_entropy, mse
from scalargrad.nn import (
    MLP,
    Conv,
    Dropout,
    Flatten,
    LSTMCell,
    MaxPool,
    Module,
    Recurrent,
    Reshape,
    Sequential,
)
from scalargrad.optim import l2
from tests.compiler.graphs import EVERYWHERE, Kitchen, Weights, follow
from tests.compiler.referee import alike, differences, eager
from tests.core.points import points

jax = pytest.importorskip("jax")
ROOT = Path(__file__).parent.parent.parent
RNG = numpy.random.default_rng(7)


def last(rows: list[Any]) -> Any:
    return rows[-1]


def mlp() -> tuple[Any, Module, tuple[int, ...]]:
    model = MLP(3, [8, 8, 1], "tanh", seed=1)
    return lambda x, y: mse(model(x), y), model, (3, 1)


def penalized() -> tuple[Any, Module, tuple[int, ...]]:
    model = MLP(2, [6, 1], seed=2)
    return lambda x, y: mse(model(x), y) + l2(model.parameters(), 0.01), model, (2, 1)


def classifier() -> tuple[Any, Module, tuple[int, ...]]:
    model = MLP(4, [6, 3], "sigmoid", seed=3)
    return lambda x, y: cross_entropy(model(x), y), model, (4, 3)


def probabilities() -> tuple[Any, Module, tuple[int, ...]]:
    model = MLP(4, [5, 3], "gelu", seed=4)
    return lambda x, y: mse(softmax(model(x)), y), model, (4, 3)


def convolution() -> tuple[Any, Module, tuple[int, ...]]:
    model = Sequential(
        Reshape(6, 6), Conv(1, 2, 3, seed=5), MaxPool(2), Flatten(), MLP(8, [2], seed=6)
    )
    return lambda x, y: cross_entropy(model(x), y), model, (36, 2)


def recurrence() -> tuple[Any, Module, tuple[int, ...]]:
    cells = Recurrent(LSTMCell(2, 2, seed=7))
    model = Sequential(Reshape(3, 2), cells, last, MLP(2, [1], seed=8))
    return lambda x, y: mse(model(x), y), model, (6, 1)


MODELS = (mlp, penalized, classifier, probabilities, convolution, recurrence)


def batch(sizes: tuple[int, ...], count: int = 5) -> list[Any]:
    return [RNG.normal(size=(count, size)) for size in sizes]


def both(function: Callable[..., Any], model: Module | None, sizes: tuple[int, ...]) -> list[Any]:
    return [
        scalargrad.compile(function, model, inputs=sizes, backend=backend)
        for backend in ("numpy", "jax")
    ]


# What the other backend says


@pytest.mark.parametrize("make", MODELS)
def test_both_backends_say_the_same(make: Callable[[], Any]) -> None:
    function, model, sizes = make()
    plain, program = both(function, model, sizes)
    single, several = batch(sizes, 1), batch(sizes, 5)
    assert alike(program.value_and_grad(*single)[1], plain.value_and_grad(*single)[1])
    assert alike(program(*several), plain(*several))
    (loss, gradient), (expected, slopes) = (
        program.value_and_grad(*several),
        plain.value_and_grad(*several),
    )
    assert alike(loss, expected)
    assert alike(gradient, slopes)
    assert any(slopes)
    assert all(map(alike, program.jacobian(*several), plain.jacobian(*several)))
    assert program.gradients_by_name() == dict(
        zip(plain.gradients_by_name(), gradient.tolist(), strict=True)
    )


every_operation = pytest.mark.parametrize(
    "op", [TABLE[name] for name in EVERYWHERE], ids=lambda op: op.name
)


@every_operation
def test_every_operation_against_eager_code(op: Any) -> None:
    arrays = [numpy.array(points(op, 20))]
    size = arrays[0].shape[1]

    def applied(x: Any) -> Any:
        return apply(op, *(x if size > 1 else [x]))

    program = scalargrad.compile(applied, inputs=(size,), backend="jax")
    assert not differences(program, eager(applied, None, arrays), arrays)


@pytest.mark.parametrize(
    "op",
    [op for op in map(TABLE.get, EVERYWHERE) if op.kinks or op.over_list],
    ids=lambda op: op.name,
)
def test_kinks_are_decided_as_in_eager_code(op: Any) -> None:
    """All numbers equal, or 0: the pure gradient, which nothing corrects, is that of the table."""
    size = 4 if op.over_list else len(op.operands)
    models, expected = [], []
    for numbers in ([0.0] * size, [1.0] * size, [-1.0] * size, [3.0, *[0.0] * (size - 1)]):
        model = Weights(numbers)
        found = eager(
            lambda x, model=model: apply(op, *model.weights) * x, model, [numpy.ones((1, 1))]
        )
        if numpy.isfinite(found.gradient).all() and numpy.isfinite(found.outputs).all():
            models.append(model)
            expected.append(found.gradient)

    def total(x: Any) -> Any:
        return sum(apply(op, *model.weights) * x for model in models)

    together = Sequential(*models)
    program = scalargrad.compile(total, together, inputs=(1,), backend="jax")
    found = jax.jit(jax.grad(program.pure))(program.parameters, numpy.ones((1, 1)))
    numpy.testing.assert_allclose(found, numpy.concatenate(expected), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(25))
def test_random_graphs_against_eager_code(seed: int) -> None:
    recipe = Kitchen(rng=Random(seed)).recipe()
    model = Weights(recipe.parameters)
    arrays = batch(recipe.sizes, 3)

    def function(*arguments: Any) -> Any:
        return follow(recipe, arguments, model.weights)

    program = scalargrad.compile(function, model, inputs=recipe.sizes, backend="jax")
    assert not differences(program, eager(function, model, arrays), arrays, bound=1e-8)


def test_numbers_that_are_not_finite_are_those_of_eager_code() -> None:
    def function(x: Any) -> Any:
        return where(x[0], sqrt(x[1]), relu(x[1])) / x[0]

    program = scalargrad.compile(function, inputs=(2,), backend="jax")
    arrays = [
        numpy.array([[0.0, -1.0], [1.0, 0.0], [numpy.nan, 1.0], [1.0, numpy.inf], [2.0, 4.0]])
    ]
    assert not differences(program, eager(function, None, arrays), arrays)


def test_buffers_are_read_at_each_run() -> None:
    scale = Buffer(2.0)
    program = scalargrad.compile(lambda x: x * scale, inputs=(1,), backend="jax")
    assert program([[3.0]]).tolist() == [[6.0]]
    scale.data = 5.0
    assert program([[3.0]]).tolist() == [[15.0]]


def test_dropout_draws_what_the_numpy_backend_draws() -> None:
    found = []
    for backend in ("numpy", "jax"):
        model = Sequential(MLP(3, [6], "tanh", seed=1), Dropout(0.5, seed=2), MLP(6, [1], seed=3))
        program = scalargrad.compile(
            lambda x, y, model=model: mse(model(x), y), model, inputs=(3, 1), backend=backend
        )
        arrays = [numpy.ones((4, 3)), numpy.ones((4, 1))]
        found.append([program.value_and_grad(*arrays)[1] for _ in range(3)])
    assert alike(found[0], found[1])
    assert not alike(found[0][0], found[0][1])


def test_the_printed_program_is_that_of_jax() -> None:
    function, model, sizes = mlp()
    program = scalargrad.compile(function, model, inputs=sizes, backend="jax")
    assert "dot_general" in str(program)
    on_numpy = scalargrad.compile(function, model, inputs=sizes).explain()
    assert program.explain() == f"{on_numpy}\ncomputed by JAX"


# Pure functions


def test_pure_functions_under_jit_and_grad() -> None:
    function, model, sizes = mlp()
    plain, program = both(function, model, sizes)
    arrays = batch(sizes)
    expected, slopes = plain.value_and_grad(*arrays)
    loss, gradient = jax.jit(jax.value_and_grad(program.pure))(program.parameters, *arrays)
    assert gradient.dtype == numpy.float64
    assert alike(loss, expected)
    assert alike(gradient, slopes)
    assert alike(jax.jit(program.pure_outputs)(program.parameters, *arrays), plain(*arrays))
    assert alike(program.pure(program.parameters, arrays[0], arrays[1][:, 0]), expected)
    moved = jax.jit(jax.grad(program.pure))(2.0 * program.parameters, *arrays)
    assert alike(moved, _moved(plain, 2.0).value_and_grad(*arrays)[1])


def _moved(program: Any, factor: float) -> Any:
    program.parameters[:] *= factor
    return program


def test_gradients_of_gradients() -> None:
    """Against the derivative by hand, at a point where the inner gradient is 0 and its slope is
    not.
    """
    weight = Weights([3.0])
    program = scalargrad.compile(
        lambda x: (weight.weights[0] * x - 6.0) ** 2, weight, inputs=(1,), backend="jax"
    )
    first = jax.grad(lambda p: program.pure(p, numpy.array([[2.0]])))
    assert first(program.parameters).tolist() == [0.0]
    assert jax.grad(lambda p: first(p)[0])(program.parameters).tolist() == [8.0]


def test_a_zero_gradient_sends_nothing_through_an_infinite_derivative() -> None:
    """As eager code does; what JAX makes of the formula itself is nan."""
    model = Weights([0.0])
    program = scalargrad.compile(
        lambda x: relu(sqrt(model.weights[0]) - 1.0) + x, model, inputs=(1,), backend="jax"
    )
    assert jax.grad(program.pure)(program.parameters, numpy.ones((2, 1))).tolist() == [0.0]


def test_kinks_as_the_table_has_them() -> None:
    model = Weights([0.0, 0.0, 2.0])
    a, b, c = model.weights
    program = scalargrad.compile(
        lambda x: x * (relu(a) + 3.0 * maximum(a, b) + clamp(c, 0.0, 2.0)),
        model,
        inputs=(1,),
        backend="jax",
    )
    assert jax.jit(jax.grad(program.pure))(program.parameters, numpy.ones((1, 1))).tolist() == [
        1.5,
        1.5,
        1.0,
    ]


def test_pure_functions_of_what_is_drawn() -> None:
    model = Sequential(MLP(3, [6], "tanh", seed=1), Dropout(0.5, seed=2), MLP(6, [1], seed=3))
    program = scalargrad.compile(lambda x, y: mse(model(x), y), model, inputs=(3, 1), backend="jax")
    arrays = batch((3, 1))
    with pytest.raises(OptionError, match=re.escape("drawn=program.draw(batch)")):
        program.pure(program.parameters, *arrays)
    drawn = program.draw(5)
    losses = [
        program.pure(program.parameters, *arrays, drawn=each).item()
        for each in (drawn, drawn, 0.0 * drawn)
    ]
    assert losses[0] == losses[1] != losses[2]
    ignored = model.eval() and scalargrad.compile(
        lambda x, y: mse(model(x), y), model, inputs=(3, 1)
    )
    assert alike(
        program.pure(program.parameters, *arrays, drawn=numpy.ones_like(drawn)),
        ignored.value_and_grad(*arrays)[0],
    )


@pytest.mark.parametrize(
    ("parameters", "arrays", "message"),
    [
        (numpy.ones(3), [numpy.ones((2, 3))], "2 arguments"),
        (numpy.ones(3), [numpy.ones((2, 3)), numpy.ones((2, 1))], "vector of 113 numbers"),
        (
            numpy.ones(113),
            [numpy.ones((2, 4)), numpy.ones((2, 1))],
            re.escape("(batch, 3), not (2, 4)"),
        ),
    ],
)
def test_wrong_shapes_are_named(parameters: Any, arrays: list[Any], message: str) -> None:
    function, model, sizes = mlp()
    program = scalargrad.compile(function, model, inputs=sizes, backend="jax")
    with pytest.raises(LengthError, match=message):
        program.pure(parameters, *arrays)


def test_a_pure_function_has_one_output() -> None:
    program = scalargrad.compile(lambda x: [x, x], inputs=(1,), backend="jax")
    assert program.pure_outputs(numpy.zeros(0), numpy.ones((2, 1))).shape == (2, 2)
    with pytest.raises(LengthError, match="one output"):
        program.pure(numpy.zeros(0), numpy.ones((2, 1)))


def test_a_list_of_equal_numbers() -> None:
    program = scalargrad.compile(lambda x: mean([x, x, Value(3.0)]), inputs=(1,), backend="jax")
    assert program([[3.0]]).tolist() == [[3.0]]


def test_training_on_eight_devices_is_training_on_one() -> None:
    """In a process of its own, as the number of devices is settled when JAX begins."""
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-m", "demos.parallel"]
    said = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert "8 devices" in said
    found = re.search(r"largest difference to one device with NumPy: (\S+)", said)
    assert found is not None
    assert float(found[1]) <= 1e-9
    losses = re.findall(r"step +\d+: loss (\S+)", said)
    assert float(losses[-1]) < 0.5 * float(losses[0])


SHARED = """
import copy, pickle
import jax, numpy
import scalargrad
from scalargrad.losses import mse
from scalargrad.nn import MLP

model = MLP(3, [5, 2], "tanh", seed=1)
loss = lambda x, y: mse(model(x), y)
alone = scalargrad.compile(loss, model, inputs=(3, 2))
four = scalargrad.compile(loss, model, inputs=(3, 2), backend="jax", devices=4)
two = scalargrad.compile(loss, model, inputs=(3, 2), backend="jax", devices=jax.devices()[1:3])
programs = [four, two, copy.copy(four), copy.deepcopy(two), pickle.loads(pickle.dumps(two))]
rng = numpy.random.default_rng(0)
furthest = 0.0
for count in (1, 3, 8, 30):
    batch = rng.standard_normal((count, 3)), rng.standard_normal((count, 2))
    for program in programs:
        pairs = [(alone(*batch), program(*batch))]
        pairs += zip(alone.value_and_grad(*batch), program.value_and_grad(*batch))
        pairs += zip(alone.jacobian(*batch), program.jacobian(*batch))
        for mine, other in pairs:
            assert numpy.shape(mine) == numpy.shape(other)
            furthest = max(furthest, numpy.abs(numpy.subtract(mine, other)).max())
batch[0][3] = numpy.inf
assert four.odd_rows(batch).tolist() == [3]
print(furthest)
for wrong in (9, 0, [1], [jax.devices()[0]] * 2):
    try:
        scalargrad.compile(loss, model, inputs=(3, 2), backend="jax", devices=wrong)
    except scalargrad.errors.OptionError as error:
        print(error)
"""


def test_every_question_to_a_program_can_be_shared_by_devices() -> None:
    """Batches of any size; in a process of its own, as above."""
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
    }
    said = subprocess.run(
        [sys.executable, "-c", SHARED],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert float(said[0]) < 1e-12
    assert [re.sub(r"\W.*", "", line) for line in said[1:]] == ["devices"] * 4
    assert said[1].startswith("devices is 9, but JAX has 4 here.")


def test_devices_are_those_of_jax() -> None:
    with pytest.raises(OptionError, match='give backend="jax"'):
        scalargrad.compile(lambda x: x, inputs=(1,), devices=2)


@pytest.mark.parametrize(
    ("function", "point"),
    [
        (lambda x: x[0] ** x[1], [2.0, 0.0]),
        (lambda x: x[0] * scalargrad.stop_gradient(x[0]) * x[1], [2.0, 3.0]),
        (lambda x: softmax(x)[0], [3.0, 3.0, 1.0]),
        (lambda x: scalargrad.logsumexp(x), [1e16, 1e16, 1e16 - 2.0]),
        (lambda x: scalargrad.atan2(x[0], x[1]), [1.0, 2.0]),
        (lambda x: scalargrad.norm(x), [1.0, 2.0, 3.0]),
        (lambda x: scalargrad.gelu_tanh(x[0]) * x[1], [2.0, 3.0]),
    ],
    ids=[
        "pow at 0",
        "stop_gradient",
        "softmax at a tie",
        "logsumexp of large numbers",
        "atan2",
        "norm",
        "gelu_tanh",
    ],
)
def test_second_derivatives_by_jax_are_those_of_the_engine(
    function: Any, point: list[float]
) -> None:
    backend = scalargrad.compile(function, inputs=(len(point),), backend="jax")._backend
    none = numpy.zeros((1, 0))

    def output(x: Any) -> Any:
        return backend.pure_outputs(backend.parameters, [x[None]], none[0], none)[0, 0]

    found = jax.jit(jax.jacrev(jax.grad(output)))(jax.numpy.array(point))
    expected = [[float(x) for x in row] for row in scalargrad.hessian(function)(point)]
    numpy.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
