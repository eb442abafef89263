"""Look-ups in native code, for tables and batches that fill vectors and that do not."""

from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value, compile
from scalargrad.nn import Embedding, Layer, Sequential
from tests.compiler.graphs import Kitchen
from tests.compiler.referee import alike
from tests.compiler.test_lookups import around_look_ups, tokens

pytest.importorskip("llvmlite")

from scalargrad.compiler.native.writer import FunctionWriter


def assert_alike(function: Any, model: Any, inputs: Any, *batches: list[Any]) -> None:
    """Native code says the same as NumPy of all batches: outputs, loss, and all gradients."""
    native = compile(function, model, inputs, backend="native")
    other = compile(function, model, inputs, backend="numpy")
    assert native._backend.describe().startswith("computed by native code")
    pairs: list[tuple[Any, Any]] = []
    for data in batches:
        pairs.append((native(*data), other(*data)))
        pairs += zip(native.value_and_grad(*data), other.value_and_grad(*data), strict=True)
        pairs += zip(native.jacobian(*data), other.jacobian(*data), strict=True)
    for mine, theirs in pairs:
        largest = numpy.abs(theirs).max(initial=1.0)
        assert alike(mine, theirs, largest, 1e-10)


@pytest.mark.parametrize("width", [1, 3, 8, 19])
def test_tables_of_any_width_for_batches_of_any_size(width: int) -> None:
    model = Sequential(Embedding(5, width, seed=1), Embedding(4, width, seed=2))

    def function(x: Any) -> Value:
        table, other = model.steps
        first, second, third = table(x)
        by_sample = sg.take([[first[0] + i, second[-1] * i, third[0]] for i in range(5)], x[1])
        total: Value = sg.sum([sg.sin(v) for v in [*third, *other(x[2] - x[2] + 3), *by_sample]])
        return total

    batches = [[tokens(5, batch, 3)] for batch in (1, 3, 8, 37, 100)]
    assert_alike(function, model, [("token", 3)], *batches)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_tables_of_inputs_parameters_and_results(seed: int) -> None:
    kitchen = Kitchen(rng=Random(seed))
    function, model = around_look_ups(kitchen)
    batch = kitchen.rng.choice([1, 6, 20])
    x = numpy.random.default_rng(seed).uniform(-2.0, 2.0, (batch, 3))
    assert_alike(function, model, (3, ("token", 3)), [x, tokens(4, batch, 3, seed=seed)])


def test_a_larger_table_is_no_more_code() -> None:
    sizes = []
    for count in (100, 2000):
        model = Sequential(Embedding(count, 4, seed=1), Layer(4, 1, None, seed=2))
        program = compile(lambda i, m=model: m(i)[0], model, ["token"], backend="native")
        writer = FunctionWriter(program._backend, "loss", 4)
        writer.write()
        sizes.append(len(str(writer.emitter.module)))
    assert sizes[1] < 1.02 * sizes[0]


def test_an_index_beyond_the_ends_reads_nothing_else() -> None:
    model = Embedding(3, 2, seed=1)
    backend = compile(model, model, ["token"], backend="native")._backend
    index = numpy.array([[-1e300], [-5.0], [0.0], [2.0], [7.0], [numpy.nan]])
    found = backend.outputs([index], numpy.zeros(0), numpy.zeros((6, 0)))
    rows = [[x.data for x in model.vectors[i]] for i in (0, 0, 0, 2, 2, 0)]
    assert found.tolist() == rows
