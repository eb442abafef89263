"""The native backend computes what NumPy and eager code compute."""

import copy
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy
import pytest

import scalargrad
from scalargrad import compile
from scalargrad.errors import OptionError
from scalargrad.nn import MLP, Module
from tests.compiler.graphs import Weights

pytest.importorskip("llvmlite")


def hinge_programs() -> tuple[Any, Any]:
    """The same loss of one model for NumPy and as native code."""
    model = MLP(2, [16, 16, 1], seed=1)

    def hinge(x: Any, y: Any) -> Any:
        return (1.0 - y * model(x)).relu()

    return compile(hinge, model, (2, 1)), compile(hinge, model, (2, 1), backend="native")


def samples(batch: int) -> tuple[Any, Any]:
    rng = numpy.random.default_rng(0)
    return rng.normal(size=(batch, 2)), numpy.sign(rng.normal(size=(batch, 1)))


@pytest.mark.parametrize("batch", [1, 2, 7, 8, 9, 100])
def test_loss_and_gradient_for_batches_that_fill_no_tile(batch: int) -> None:
    numpy_program, native_program = hinge_programs()
    data = samples(batch)
    expected_loss, expected = numpy_program.value_and_grad(*data)
    loss, gradient = native_program.value_and_grad(*data)
    assert native_program._backend.fallback_reason is None
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    numpy.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)
    numpy.testing.assert_allclose(
        native_program(*data), numpy_program(*data), rtol=1e-12, atol=1e-14
    )


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda x: x[0].tanh() * x[1],
    "exp and log": lambda x: (x[0].exp() + 1.0).log() + x[1],
    "sigmoid": lambda x: x[0].sigmoid() - x[1].sigmoid(),
    "abs and quotient": lambda x: abs(x[0]) / (1.0 + x[1] * x[1]),
    "logsumexp": lambda x: scalargrad.logsumexp(x) - x[0],
    "largest": lambda x: scalargrad.maximum(x[0], x[1] * 2.0),
    "power": lambda x: (x[0] * x[0] + 1.0) ** 1.5,
}


def assert_native_code_agrees(function: Callable[..., Any], model: Module) -> None:
    """Loss and gradient are those of NumPy, and NumPy does not compute them."""
    data = samples(11)
    expected_loss, expected = compile(function, model, (2, 1)).value_and_grad(*data)
    program = compile(function, model, (2, 1), backend="native")
    loss, gradient = program.value_and_grad(*data)
    assert program._backend.fallback_reason is None
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    numpy.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_operations_of_the_table(name: str) -> None:
    model = MLP(2, [5, 2], seed=3)

    def function(x: Any, y: Any) -> Any:
        return FUNCTIONS[name](model(x)) * y

    assert_native_code_agrees(function, model)


def test_what_has_no_native_code_is_computed_by_numpy() -> None:
    model = MLP(2, [20, 1], seed=2)

    def function(x: Any, y: Any) -> Any:
        # The gradient of a long product needs the products before and after each number.
        return scalargrad.prod([1.0 + weight * y for weight in model.parameters()]) + model(x)

    data = samples(5)
    expected = compile(function, model, (2, 1)).value_and_grad(*data)
    program = compile(function, model, (2, 1), backend="native")
    loss, gradient = program.value_and_grad(*data)
    assert "computed by NumPy: no native code for" in program.explain()
    assert loss == expected[0]
    assert numpy.array_equal(gradient, expected[1])


def test_a_sample_that_is_not_finite_is_that_of_eager_code() -> None:
    model = MLP(2, [2], seed=2)

    def function(x: Any) -> Any:
        return (x[0] * model(x)[0] ** 2).sqrt()

    x = numpy.zeros((3, 2))
    x[1:] = 1.0
    numpy_loss, expected = compile(function, model, (2,)).value_and_grad(x)
    loss, gradient = compile(function, model, (2,), backend="native").value_and_grad(x)
    assert loss == pytest.approx(numpy_loss, rel=1e-12)
    numpy.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_threads_may_call_at_once() -> None:
    _, program = hinge_programs()
    batches = [samples(batch) for batch in range(1, 40)]
    expected = [program.value_and_grad(*data)[1] for data in batches]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda data: program.value_and_grad(*data)[1], batches))
    for mine, right in zip(found, expected, strict=True):
        assert numpy.array_equal(mine, right)


def test_threads_that_call_at_first_compile_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _, program = hinge_programs()
    compiled = []
    kind = type(program._backend)
    compile_one = kind._compile

    def count(backend: Any, name: str, tiles: int) -> Any:
        compiled.append(name)
        return compile_one(backend, name, tiles)

    monkeypatch.setattr(kind, "_compile", count)
    start = Barrier(8)

    def call(_: int) -> Any:
        start.wait()
        return program(*samples(9))

    with ThreadPoolExecutor(8) as pool:
        first, *others = pool.map(call, range(8))
    assert compiled == ["outputs"]
    assert all(numpy.array_equal(first, other) for other in others)


def read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "in columns": numpy.asfortranarray,
    "with gaps": lambda array: numpy.repeat(array, 3, axis=0)[::3],
    "reversed": lambda array: array[::-1].copy()[::-1],
    "read-only": lambda array: read_only(array.copy()),
    "the same row for all": lambda array: numpy.broadcast_to(array[:1], array.shape),
    "in the other byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "float32": lambda array: array.astype(numpy.float32),
    "lists": lambda array: array.tolist(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_arguments_may_lie_in_memory_in_any_way(layout: str) -> None:
    numpy_program, native_program = hinge_programs()
    data = [LAYOUTS[layout](array) for array in samples(13)]
    expected_loss, expected = numpy_program.value_and_grad(*data)
    loss, gradient = native_program.value_and_grad(*data)
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    numpy.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)
    numpy.testing.assert_allclose(
        native_program(*data), numpy_program(*data), rtol=1e-12, atol=1e-14
    )


def test_what_a_call_returned_is_not_changed_by_the_next() -> None:
    _, program = hinge_programs()
    first = program.value_and_grad(*samples(20))[1]
    outputs = program(*samples(20))
    kept = first.copy(), outputs.copy()
    program.value_and_grad(*samples(9))
    program(*samples(9))
    assert numpy.array_equal(first, kept[0])
    assert numpy.array_equal(outputs, kept[1])


def test_nothing_is_left_in_memory_of_a_call_that_was_not_finite() -> None:
    _, program = hinge_programs()
    data = samples(9)
    expected = program.value_and_grad(*data)[1]
    broken = data[0].copy()
    broken[3] = numpy.inf, numpy.nan
    program.value_and_grad(broken, data[1])
    assert numpy.array_equal(program.value_and_grad(*data)[1], expected)


def test_calls_in_turn_share_one_workspace() -> None:
    _, program = hinge_programs()
    for batch in (9, 40, 8):
        program.value_and_grad(*samples(batch))
    (native,) = program._backend._native.values()
    assert len(native._spare) == 1


def test_a_function_without_arguments() -> None:
    model = MLP(2, [3, 1], seed=1)
    numpy_program, native_program = (
        compile(lambda: model([0.5, -1.0]).tanh(), model, backend=backend)
        for backend in ("numpy", "native")
    )
    expected_loss, expected = numpy_program.value_and_grad()
    loss, gradient = native_program.value_and_grad()
    assert native_program._backend.fallback_reason is None
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    numpy.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)


def test_a_copy_compiles_its_own_code() -> None:
    _, program = hinge_programs()
    data = samples(9)
    expected = program.value_and_grad(*data)[1]
    assert numpy.array_equal(copy.deepcopy(program).value_and_grad(*data)[1], expected)


def test_a_missing_extra_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    for name in list(sys.modules):
        if name.startswith("scalargrad.compiler.native."):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(OptionError, match="pip install"):
        compile(lambda x: x * 2.0, inputs=(1,), backend="native")


def test_a_penalty_beside_the_loss_is_native_code() -> None:
    model = MLP(2, [3, 1], seed=2)

    def function(x: Any, y: Any) -> Any:
        penalty = sum((weight * weight for weight in model.parameters()), start=0.0)
        return (model(x) - y) ** 2 + penalty.sqrt() * 0.1

    assert_native_code_agrees(function, model)


def test_two_numbers_of_a_sample_alone_keep_their_own_gradients() -> None:
    model = MLP(3, [2], seed=1)

    def function(x: Any, y: Any) -> Any:
        residuals = [abs(a - b) for a, b in zip(model(x), y, strict=True)]
        clipped = [scalargrad.minimum(a, 0.7) for a in residuals]
        return scalargrad.mean([m * (a - 0.5 * m) for m, a in zip(clipped, residuals, strict=True)])

    rng = numpy.random.default_rng(2)
    data = rng.normal(size=(3, 3)) * 0.3, rng.normal(size=(3, 2)) * 0.3
    found = compile(function, model, (3, 2), backend="native").inputs_gradient(*data)
    expected = compile(function, model, (3, 2), backend="numpy").inputs_gradient(*data)
    for mine, theirs in zip(found, expected, strict=True):
        numpy.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


def test_an_output_beside_the_loss_may_overflow() -> None:
    """Its derivative is infinite, and no part of the gradient."""
    model = Weights([0.5, 0.3])

    def function(x: Any) -> Any:
        return [model.weights[0] * x, scalargrad.exp(model.weights[1] * x)]

    program = compile(function, model, (1,), backend="native")
    x = numpy.full((9, 1), 1e5)
    _, gradient, others, is_finite = program._backend.loss([x], numpy.zeros(0), numpy.zeros((9, 0)))
    assert gradient.tolist() == pytest.approx([1e5, 0.0])
    assert numpy.isinf(others).all()
    assert is_finite


def test_weights_that_only_outputs_beside_the_loss_take_have_no_gradient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows 0 and 1 are the loss; row 2 is in their matrix, and with a gap between in memory."""
    model = Weights([0.1 * i for i in range(12)])

    def function(x: Any) -> Any:
        starts = (0, 3, 9)
        rows = [model.weights[i : i + 3] for i in starts]
        first, second, other = [scalargrad.dot(row, x) for row in rows]
        hidden = [first.tanh(), second.tanh(), x[0]]
        return [scalargrad.sum(hidden), other, scalargrad.dot(rows[2], hidden)]

    program = compile(function, model, (3,), backend="native")
    # Memory that is not cleared may hold anything.
    monkeypatch.setattr(numpy, "empty", lambda shape: numpy.full(shape, numpy.nan))
    gradient = program._backend.loss([numpy.ones((9, 3))], numpy.zeros(0), numpy.zeros((9, 0)))[1]
    assert gradient[:6].all()
    assert not gradient[6:].any()
