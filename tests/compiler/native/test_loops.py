"""Loops in native code: against NumPy, eager code and PyTorch, for batches of any size."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value, compile, nn
from tests.compiler.combinations import make_case
from tests.compiler.graphs import Weights
from tests.compiler.loops import differing_loop, random_loop
from tests.compiler.referee import Array, alike, differences, eager

pytest.importorskip("llvmlite")

from scalargrad.compiler.native.writer import FunctionWriter

Pair = tuple[Any, Any]

BATCHES = [1, 3, 4, 9, 33, 140]
"""One sample at a time, vectors that samples fill and do not fill, and several chunks."""


def native(function: Callable[..., Any], model: Any, inputs: Any) -> Any:
    """A program of which all is native code."""
    program = compile(function, model, inputs, backend="native")
    assert program._backend.describe().startswith("computed by native code")
    return program


def numbers(*shape: int) -> Array:
    return numpy.random.default_rng(0).uniform(-1.0, 1.0, shape)


def wrong(function: Callable[..., Any], model: Any, data: list[Array]) -> list[str]:
    """What native code says otherwise than eager code."""
    program = native(function, model, [array.shape[1] for array in data])
    return differences(program, eager(function, model, data), data, 1e-12)


def assert_same(program: Any, other: Any, data: list[Array]) -> None:
    """Two programs say the same: outputs, and their gradients by all inputs and parameters."""
    outputs = other(*data)
    pairs = [(program(*data), outputs)]
    pairs += zip(program.jacobian(*data), other.jacobian(*data), strict=True)
    if outputs[0].size == 1:
        pairs += zip(program.value_and_grad(*data), other.value_and_grad(*data), strict=True)
    for mine, theirs in pairs:
        finite = numpy.abs(numpy.nan_to_num(theirs, posinf=0.0, neginf=0.0))
        assert alike(mine, theirs, finite.max(initial=1.0))


@settings(max_examples=8, deadline=None)
@given(rng=st.randoms(use_true_random=False))
def test_any_loop(rng: Random) -> None:
    assert differing_loop(rng, backend="native") == []


@settings(max_examples=10, deadline=None)
@given(rng=st.randoms(use_true_random=False))
def test_loops_whose_data_holds_nan_and_infinities(rng: Random) -> None:
    assert differing_loop(rng, odd=0.2, backend="native") == []


@settings(max_examples=6, deadline=None)
@given(rng=st.randoms(use_true_random=False))
def test_any_loop_for_batches_of_any_size(rng: Random) -> None:
    loop = random_loop(rng)

    def function(x: Any) -> Any:
        return loop.function([x] if isinstance(x, Value) else x)

    program = native(function, loop.model, (loop.size,))
    other = compile(function, loop.model, (loop.size,), backend="numpy")
    for batch in BATCHES:
        assert_same(program, other, [numbers(batch, loop.size)])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**9), batch=st.sampled_from(BATCHES))
def test_loops_with_look_ups_and_derivatives_within_each_other(seed: int, batch: int) -> None:
    case = make_case(Random(seed), batch=batch)
    assert_same(case.compile("native"), case.compile("numpy"), case.data)


class Network(nn.Module):
    """A recurrent cell and a neuron over its last state."""

    def __init__(self, cell: Any) -> None:
        self.cell = cell
        self.head = nn.Layer(cell.size, 1, None, seed=1)

    def forward(self, x: list[Value]) -> Value:
        outputs = nn.Recurrent(self.cell, last=True)([[number] for number in x])
        (output,) = self.head(outputs)
        return output


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_a_recurrent_network(kind: Any) -> None:
    model = Network(kind(1, 11, seed=0))
    program = native(model, model, (7,))
    other = compile(model, model, (7,), backend="numpy")
    for batch in BATCHES:
        assert_same(program, other, [numbers(batch, 7)])


@pytest.mark.parametrize("length", [1, 2, 7, 9, 10])
def test_checkpoints_change_no_number(length: int) -> None:
    model = Weights([0.7, -0.4])

    def function(x: list[Value], checkpoint: bool) -> Value:
        first, second = model.weights

        def step(carry: list[Value], t: Value) -> Pair:
            a, b = carry
            # In turns, so that each carry comes from another place than it goes to.
            return [sg.tanh(b * first + t), a], a * b * second

        carry, ys = sg.scan(step, [x[0], x[1]], x[1:], checkpoint=checkpoint)
        total: Value = sg.sum([*carry, *ys])
        return total

    programs = [
        native(lambda x, c=checkpoint: function(x, c), model, (length + 1,))
        for checkpoint in (False, True)
    ]
    for batch in (1, 40):
        assert_same(programs[1], programs[0], [numbers(batch, length + 1)])


def test_a_checkpoint_needs_less_memory() -> None:
    def function(x: list[Value], checkpoint: bool) -> Any:
        return sg.scan(lambda c, t: (sg.tanh(c * t), None), x[0], x, checkpoint=checkpoint)[0]

    sizes = []
    for checkpoint in (False, True):
        program = native(lambda x, c=checkpoint: function(x, c), None, (400,))
        found = program._backend._native_function("pull_back", 16)
        # All but the inputs and their gradients.
        sizes.append(found.size - 2 * 400 * 8 * program._backend._count_tiles(16))
    assert sizes[1] < sizes[0] / 3


def test_checkpoints_within_checkpoints() -> None:
    model = Weights([0.7, -0.4, 0.2])

    def function(x: list[Value]) -> Value:
        first, second, third = model.weights

        def inner(carry: Value, t: Value) -> Pair:
            return sg.tanh(carry * first + t * x[0]), carry * second

        def outer(carry: Value, t: Value) -> Pair:
            last, ys = sg.scan(inner, carry * t, x[:5], checkpoint=True)
            return last + ys[2] * third, ys[-1]

        carry, ys = sg.scan(outer, x[1], x, checkpoint=True)
        total: Value = sg.sum([carry, *ys])
        return total

    assert wrong(function, model, [numbers(5, 7)]) == []


def test_numbers_that_change_places() -> None:
    def function(x: list[Value]) -> list[Value]:
        carry, _ = sg.scan(lambda c, t: ([c[2], c[0], c[1] + t, t], None), x[:4], x)
        return list(carry)

    assert wrong(function, None, [numbers(5, 6)]) == []


@pytest.mark.parametrize("batch", [1, 3, 6])
def test_one_number_that_begins_all_carries(batch: int) -> None:
    model = Weights([0.5])

    def function(x: list[Value]) -> Value:
        start = [model.weights[0]] * 9 + [x[0]] * 3
        carry, _ = sg.scan(lambda c, t: ([sg.sin(v + t) for v in c], None), start, x)
        total: Value = sg.sum([v * (i + 1) for i, v in enumerate(carry)])
        return total

    assert wrong(function, model, [numbers(batch, 3)]) == []


def test_a_loop_over_what_does_not_vary_by_sample_beside_one_that_does() -> None:
    model = Weights([0.3, -0.4, 0.9])
    start, rate, other = model.weights

    def function(x: list[Value]) -> Value:
        shared, ys = sg.scan(lambda c, t: (sg.tanh(c + rate * t), c), start, [1.0, 2.0, other])
        carry, _ = sg.scan(lambda c, t: (sg.tanh(c * shared + t * (rate + other)), None), x[0], x)
        return carry * ys[1] + shared

    for batch in (1, 5, 20):
        assert wrong(function, model, [numbers(batch, 3)]) == []


def test_a_look_up_in_each_step_by_an_integer_of_that_step() -> None:
    model = nn.Embedding(4, 3, seed=1)

    def function(i: list[Value]) -> Value:
        def step(carry: list[Value], token: Value) -> Pair:
            pairs = zip(carry, model(token), strict=True)
            return [sg.tanh(c * v + v) for c, v in pairs], None

        carry, _ = sg.scan(step, [0.1, 0.2, 0.3], i)
        total: Value = sg.sum(carry)
        return total

    tokens = numpy.random.default_rng(0).integers(0, 4, (20, 5))
    inputs = [("token", 5)]
    other = compile(function, model, inputs, backend="numpy")
    assert_same(native(function, model, inputs), other, [tokens])


def test_threads_may_call_at_once() -> None:
    model = Network(nn.RNNCell(1, 4, seed=0))
    program = native(model, model, (30,))
    batches = [numbers(batch, 30) for batch in range(1, 20)]
    expected = [program.value_and_grad(batch)[1].tolist() for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda batch: program.value_and_grad(batch)[1].tolist(), batches * 3))
    assert found == expected * 3


def test_threads_share_a_batch_of_a_long_loop() -> None:
    model = Network(nn.RNNCell(1, 4, seed=0))
    alone = native(model, model, (200,))
    shared = compile(model, model, (200,), backend="native", devices=2)
    assert len(shared._backend._split(64)) == 2
    assert_same(shared, alone, [numbers(64, 200)])


def test_more_steps_are_no_more_code() -> None:
    model = Network(nn.RNNCell(1, 4, seed=0))
    sizes = []
    # Both fill vectors alike, as inputs are brought into place vector by vector.
    for length in (40, 1000):
        writer = FunctionWriter(native(model, model, (length,))._backend, "loss", 4)
        writer.write()
        sizes.append(str(writer.emitter.module).count("\n"))
    assert sizes[0] == sizes[1]


def test_explain_does_not_say_that_steps_are_computed_at_once() -> None:
    program = native(
        lambda x: sg.scan(lambda c, t: (sg.tanh(c + sg.exp(t)), sg.sin(c)), x[0], x)[1],
        None,
        (9,),
    )
    assert program.explain().splitlines()[1:-1] == [
        "  scan of 9 steps: 3 kernels",
        "    exp × 1",
        "    add, tanh × 1",
        "    sin × 1",
    ]
