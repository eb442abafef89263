"""Compiled loops: against eager code, whose loop is written out, and against PyTorch and SciPy."""

import pickle
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy, deepcopy
from dataclasses import replace
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value, nn
from scalargrad.compiler import Compiled, compile, loop_code, record, trace
from scalargrad.compiler.kernels import Matrix, Scan
from scalargrad.compiler.passes import PASSES, optimize
from scalargrad.core.graph import topological
from scalargrad.errors import DataError, ProgramError, TraceError
from tests.compiler.backends import once
from tests.compiler.graphs import Weights
from tests.compiler.loops import differing_loop, random_loop
from tests.compiler.referee import Array, alike, differences, eager

pytestmark = pytest.mark.usefixtures("default_backend")

Pair = tuple[Any, Any]


class Network(nn.Module):
    """A recurrent cell and a neuron over its last state."""

    def __init__(self, size: int = 4) -> None:
        self.cell = nn.RNNCell(1, size, seed=0)
        self.head = nn.Layer(size, 1, None, seed=1)

    def loop(self, x: Any, checkpoint: bool = False) -> Value:
        start = [0.0] * self.cell.size
        h, _ = sg.scan(self.step, start, x, checkpoint=checkpoint)
        (output,) = self.head(h)
        return output

    def step(self, h: list[Value], x: Value) -> tuple[list[Value], None]:
        return self.cell([x], h), None


def numbers(*shape: int) -> Array:
    return numpy.random.default_rng(0).uniform(-1.0, 1.0, shape)


def scan_of(program: Compiled) -> Scan:
    (scan,) = [kernel for kernel in program.kernels if isinstance(kernel, Scan)]
    return scan


def wrong(function: Callable[..., Any], model: Any, data: list[Array]) -> list[str]:
    sizes = [array.shape[1] for array in data]
    return differences(compile(function, model, sizes), eager(function, model, data), data, 1e-12)


# Against eager code


@once
@settings(max_examples=80)
@given(rng=st.randoms(use_true_random=False))
def test_any_loop(rng: Random) -> None:
    assert differing_loop(rng) == []


@once
@settings(max_examples=40)
@given(rng=st.randoms(use_true_random=False))
def test_loops_whose_data_holds_nan_and_infinities(rng: Random) -> None:
    assert differing_loop(rng, odd=0.2) == []


@pytest.mark.parametrize("seed", range(30))
def test_loops_that_run_in_many_segments(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_code, "_MAX_NUMBERS", 1)
    monkeypatch.setattr(loop_code, "_MIN_STEPS", 1)
    assert differing_loop(Random(seed)) == []


@settings(max_examples=30)
@given(rng=st.randoms(use_true_random=False))
def test_each_pass_alone_keeps_what_a_loop_computes(rng: Random) -> None:
    loop = random_loop(rng)
    if loop.size == 1:
        return
    program = record(trace(loop.function, [loop.size], loop.model.parameters()))
    sample = [rng.uniform(-2.0, 2.0) for _ in range(loop.size)]
    weights = [weight.data for weight in loop.model.weights]
    expected = program.evaluate(sample, weights)
    for run_pass in (*PASSES, optimize):
        changed = run_pass(program).verify()
        assert alike(changed.evaluate(sample, weights), expected, max(map(abs, expected)))


def test_a_recurrent_network() -> None:
    model = Network()
    assert wrong(model.loop, model, [numbers(3, 6)]) == []


def test_a_result_at_each_step() -> None:
    model = Network()

    def function(x: list[Value]) -> list[Value]:
        def step(h: list[Value], x: Value) -> Pair:
            h = model.cell([x], h)
            return h, {"output": model.head(h), "none": None}

        _, ys = sg.scan(step, [0.0] * 4, x)
        return [y["output"][0] for y in ys]

    assert wrong(function, model, [numbers(3, 5)]) == []


def test_a_step_that_carries_nothing_is_a_map() -> None:
    model = Weights([0.3])

    def function(x: list[Value]) -> list[Value]:
        _, ys = sg.scan(lambda _, t: (None, sg.exp(t * model.weights[0])), None, x)
        return ys

    assert wrong(function, model, [numbers(2, 3)]) == []


def test_a_result_that_does_not_depend_on_the_step() -> None:
    model = Weights([0.3, 0.4])

    def function(x: list[Value]) -> list[Value]:
        def step(carry: Value, t: Value) -> Pair:
            return carry * t, [model.weights[0], x[0], 2.5]

        carry, ys = sg.scan(step, model.weights[1], x)
        return [carry * y for each in ys for y in each]

    assert wrong(function, model, [numbers(2, 3)]) == []


def test_a_loop_over_what_does_not_vary_by_sample() -> None:
    model = Weights([0.3, -0.4])

    def function(x: Value) -> Value:
        start, rate = model.weights
        carry, ys = sg.scan(lambda c, t: (sg.tanh(c + rate * t), c), start, [1.0, 2.0, 3.0])
        return carry * x + ys[1]

    assert wrong(function, model, [numbers(3, 1)]) == []


def test_a_function_without_arguments() -> None:
    program = compile(lambda: sg.scan(lambda c, t: (c * t + 1.0, None), Value(2.0), [1.0, 3.0])[0])
    assert program().tolist() == [[10.0]]


def test_plain_entries_differ_from_step_to_step() -> None:
    program = compile(lambda x: sg.scan(lambda c, t: (c * t, c), x, [2, 3, 4])[1], inputs=(1,))
    assert program([[1.0], [10.0]]).tolist() == [[1.0, 2.0, 6.0], [10.0, 20.0, 60.0]]


def test_no_steps_record_nothing() -> None:
    program = compile(lambda x: sg.scan(lambda c, t: (c + t, c), x, [])[0] * 2.0, inputs=(1,))
    assert program([[3.0]]).tolist() == [[6.0]]


def test_random_numbers_are_drawn_step_by_step_as_in_eager_code() -> None:
    model = nn.Sequential(nn.Layer(2, 3, None, seed=0), nn.Dropout(0.5, seed=1))
    twin = deepcopy(model)

    def function(model: nn.Module, x: list[Value]) -> list[Value]:
        def step(h: Value, t: Value) -> Pair:
            first, second, third = model([h, t])
            return first + second * t, third

        h, ys = sg.scan(step, x[0], x)
        return [h, *ys]

    data = numbers(3, 4)
    program = compile(lambda x: function(model, x), model, inputs=(4,))
    rows = [function(twin, [Value(number) for number in row]) for row in data.tolist()]
    expected = [[value.data for value in row] for row in rows]
    assert program(data).tolist() == pytest.approx(numpy.array(expected), rel=1e-12)


# Against others


def test_a_recurrent_network_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    model = Network()
    data = numbers(5, 7)
    value, gradient = compile(model.loop, model, inputs=(7,)).value_and_grad(data)

    cell = torch.nn.RNNCell(1, 4, dtype=torch.float64)
    head = torch.nn.Linear(4, 1, dtype=torch.float64)
    neurons = [[p.data for p in neuron.parameters()] for neuron in model.cell.units.neurons]
    rows = torch.tensor(neurons, dtype=torch.float64)
    output = [parameter.data for parameter in model.head.parameters()]
    with torch.no_grad():
        cell.weight_ih[:] = rows[:, :1]
        cell.weight_hh[:] = rows[:, 1:5]
        cell.bias_ih[:] = rows[:, 5]
        cell.bias_hh[:] = 0.0
        head.weight[:] = torch.tensor([output[:4]], dtype=torch.float64)
        head.bias[:] = output[4]

    h = torch.zeros(5, 4, dtype=torch.float64)
    for i in range(7):
        h = cell(torch.tensor(data[:, i : i + 1]), h)
    loss = head(h).mean()
    loss.backward()

    assert value == pytest.approx(loss.item(), rel=1e-12)
    parts = [cell.weight_ih.grad, cell.weight_hh.grad, cell.bias_ih.grad[:, None]]
    by_neuron = torch.cat(parts, 1).flatten().tolist()
    expected = [*by_neuron, *head.weight.grad.flatten().tolist(), *head.bias.grad.tolist()]
    assert gradient.tolist() == pytest.approx(expected, rel=1e-10)


def oscillator(y: list[Value]) -> list[Value]:
    return [y[1], y[0] * -1.3 - y[1] * 0.1]


def runge_kutta(y: list[Value], h: float) -> list[Value]:
    def moved(slope: list[Value], by: float) -> list[Value]:
        return [a + b * by for a, b in zip(y, slope, strict=True)]

    first = oscillator(y)
    second = oscillator(moved(first, h / 2))
    third = oscillator(moved(second, h / 2))
    fourth = oscillator(moved(third, h))
    slopes = zip(y, first, second, third, fourth, strict=True)
    return [a + (b + 2.0 * c + 2.0 * d + e) * (h / 6) for a, b, c, d, e in slopes]


def solution(length: int, y: list[Value]) -> list[Value]:
    last, _ = sg.scan(lambda y, _: (runge_kutta(y, 0.01), None), y, length=length)
    return list(last)


def test_a_thousand_steps_of_runge_kutta_against_eager_code() -> None:
    program = compile(lambda y: solution(1000, y), inputs=(2,))
    eager_code = solution(1000, [Value(0.3), Value(0.4)])
    assert program([[0.3, 0.4]])[0].tolist() == pytest.approx([y.data for y in eager_code], 1e-12)


def test_a_thousand_steps_of_runge_kutta_against_scipy() -> None:
    integrate = pytest.importorskip("scipy.integrate")
    program = compile(lambda y: solution(1000, y), inputs=(2,))

    def slope(_: float, y: Array) -> list[float]:
        return [y[1], -1.3 * y[0] - 0.1 * y[1]]

    found = integrate.solve_ivp(slope, (0.0, 10.0), [0.3, 0.4], rtol=1e-11, atol=1e-12)
    assert program([[0.3, 0.4]])[0] == pytest.approx(found.y[:, -1], abs=1e-7)


def test_gradients_against_finite_differences() -> None:
    model = Network()
    program = compile(model.loop, model, inputs=(20,))
    data = numbers(4, 20)
    _, gradient = program.value_and_grad(data)
    for i in range(0, len(gradient), 5):
        values = []
        for step in (1e-6, -1e-6):
            program.parameters[i] += step
            values.append(program.value_and_grad(data)[0])
            program.parameters[i] -= step
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(gradient[i], abs=1e-8)


# The program does not grow


@pytest.mark.parametrize("checkpoint", [False, True])
def test_more_steps_are_more_inputs_and_nothing_else(checkpoint: bool) -> None:
    model = Network()
    few, many = (
        compile(lambda x: model.loop(x, checkpoint), model, inputs=(length,))
        for length in (10, 1000)
    )
    assert len(many.program) - len(few.program) == 990
    assert list(map(str, many.kernels[1:])) == list(map(str, few.kernels[1:]))
    assert list(map(str, scan_of(many).kernels)) == list(map(str, scan_of(few).kernels))
    assert str(many).count("\n") == str(few).count("\n")


def test_without_entries_the_program_is_the_same_for_any_length() -> None:
    few, many = (compile(lambda y, n=n: solution(n, y), inputs=(2,)) for n in (1, 1000))
    assert len(few.program) == len(many.program)


def test_matrices_are_found_in_the_step() -> None:
    model = Network(size=8)
    kernels = scan_of(compile(model.loop, model, inputs=(3,))).kernels
    matrices = [str(kernel) for kernel in kernels if isinstance(kernel, Matrix)]
    assert matrices == ["matrix 8×1 + bias", "matrix 8×8"]


def test_results_that_nothing_uses_are_not_computed() -> None:
    def function(x: list[Value]) -> Value:
        carry, _ = sg.scan(lambda c, t: (c * t, sg.exp(sg.sin(c))), x[0], x)
        return carry

    assert len(scan_of(compile(function, inputs=(3,))).kernels) == 1


@once
def test_explain_says_what_runs_in_the_loop_and_what_for_all_steps_at_once() -> None:
    def function(x: list[Value]) -> list[Value]:
        _, ys = sg.scan(lambda c, t: (sg.tanh(c + sg.exp(t)), sg.sin(c)), x[0], x)
        return ys

    assert compile(function, inputs=(100,)).explain().splitlines()[1:] == [
        "  scan of 100 steps: 3 kernels",
        "    exp × 1, for all steps at once",
        "    add, tanh × 1",
        "    sin × 1, for all steps at once",
    ]


@once
def test_the_text_of_a_program_has_the_loop_in_it() -> None:
    model = Network()
    text = str(compile(model.loop, model, inputs=(10,)))
    assert "for k in range(steps):" in text
    assert "for k in reversed(range(steps)):" in text


def test_the_rows_of_a_program_name_the_loop_and_what_is_picked_from_it() -> None:
    text = str(record(trace(lambda x: sg.scan(lambda c, t: (c * t, None), x[0], x)[0], [2])))
    assert "%2 = scan of 2 steps(%0, %0, %1)" in text
    assert "%3 = %2[0]" in text
    assert "a step of the scan of 2 steps:\n    3 rows\n" in text


@once
def test_a_checkpoint_needs_less_memory_and_changes_no_number() -> None:
    model = Network(size=8)
    data = numbers(16, 400)
    peaks, results = [], []
    for checkpoint in (False, True):
        program = compile(lambda x, c=checkpoint: model.loop(x, c), model, inputs=(400,))
        program.value_and_grad(data)
        tracemalloc.start()
        results.append(program.value_and_grad(data))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] / 3
    assert results[1][0] == results[0][0]
    assert results[1][1] == pytest.approx(results[0][1], rel=1e-12)


# Copies, threads, single samples


def test_copies_and_pickles_compute_the_same() -> None:
    model = Network()
    program = compile(model.loop, model, inputs=(5,))
    data = numbers(3, 5)
    _, expected = program.value_and_grad(data)
    for twin in (copy(program), deepcopy(program), pickle.loads(pickle.dumps(program))):
        assert twin.value_and_grad(data)[1].tolist() == expected.tolist()


def test_a_pickled_program_replays_what_is_not_finite() -> None:
    def function(x: list[Value]) -> Value:
        return sg.scan(lambda c, t: (sg.sqrt(c) * t, None), x[0], x[1:])[0]

    data = [numpy.array([[0.0, 1.0, 0.0], [4.0, 1.0, 2.0], [numpy.inf, 0.0, 1.0]])]
    program = pickle.loads(pickle.dumps(compile(function, inputs=(3,))))
    assert differences(program, eager(function, None, data), data) == []


def test_threads_may_call_at_once() -> None:
    model = Network()
    program = compile(model.loop, model, inputs=(30,))
    batches = [numbers(3, 30) * scale for scale in range(1, 9)]
    expected = [program.value_and_grad(batch)[1].tolist() for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda batch: program.value_and_grad(batch)[1].tolist(), batches * 5))
    assert found == expected * 5


def test_a_sample_that_is_loaded_has_the_graph_of_eager_code() -> None:
    model = Network()
    sample = numbers(3).tolist()
    loaded = compile(model.loop, model, inputs=(3,)).load(sample)
    graph = model.loop([Value(number) for number in sample])
    assert isinstance(loaded, Value)
    mine = [(node.op, node.data, len(node.args)) for node in topological([loaded])]
    assert mine == [(node.op, node.data, len(node.args)) for node in topological([graph])]


def test_each_step_of_a_loaded_graph_has_its_own_constants_and_module_calls() -> None:
    model = nn.Sequential(nn.Reshape(3, 1), nn.Recurrent(nn.RNNCell(1, 2, seed=0), last=True))
    loaded = compile(model, model, inputs=(3,)).load([0.1, 0.2, 0.3])
    graph = model([Value(0.1), Value(0.2), Value(0.3)])
    mine, theirs = (
        [(node.op, node.scope.path if node.scope else "") for node in topological(outputs)]
        for outputs in (loaded, graph)
    )
    assert mine == theirs


def test_modules_in_a_list_keep_their_numbers_in_each_step() -> None:
    class Stacked(nn.Module):
        def __init__(self) -> None:
            self.layers = [nn.Layer(1, 1, seed=1), nn.Layer(1, 1, seed=2)]

        def forward(self, x: list[Value]) -> Value:
            def step(carry: Value, t: Value) -> Pair:
                hidden = self.layers[0]([carry * t])
                return self.layers[1](hidden)[0], None

            last: Value = sg.scan(step, x[0], x)[0]
            return last

    model = Stacked()
    loaded = compile(model, model, inputs=(2,)).load([0.1, 0.2])
    graph = model([Value(0.1), Value(0.2)])
    mine, theirs = (
        [node.scope.path for node in topological([output]) if node.scope]
        for output in (loaded, graph)
    )
    assert mine == theirs
    assert "layers.0.neurons.0" in mine


def test_values_from_outside_are_read_at_each_call() -> None:
    rate = Value(2.0)
    program = compile(lambda x: sg.scan(lambda c, t: (c * rate * t, None), x[0], x)[0], inputs=(2,))
    assert program([[1.0, 3.0]]).tolist() == [[12.0]]
    rate.data = 1.0
    assert program([[1.0, 3.0]]).tolist() == [[3.0]]


def test_a_number_that_the_step_reads_from_outside_is_watched() -> None:
    rate = 2.0

    def step(carry: Value, t: Value) -> Pair:
        return carry * rate * t, None

    program = compile(lambda x: sg.scan(step, x[0], x)[0], inputs=(2,))
    rate = 3.0
    with pytest.raises(TraceError, match=r"`rate` was 2\.0"):
        program([[1.0, 3.0]])


# Errors


def test_a_step_may_not_ask_for_numbers() -> None:
    with pytest.raises(TraceError, match="branch"):
        compile(lambda x: sg.scan(lambda c, t: (c if c > t else t, None), x, [1.0])[0], inputs=(1,))


def test_a_value_of_a_step_may_not_leave_it_by_another_way() -> None:
    leaked = []

    def step(carry: Value, t: Value) -> Pair:
        leaked.append(carry * t)
        return carry + t, None

    def function(x: list[Value]) -> Value:
        sg.scan(step, x[0], x)
        return leaked[-1]

    with pytest.raises(TraceError, match="used outside of that step: return it from the step"):
        compile(function, inputs=(2,))


def test_entries_of_a_compiled_loop_have_one_structure() -> None:
    with pytest.raises(DataError, match=r"one structure: .* list of 1 in xs\[1\]"):
        compile(lambda x: sg.scan(lambda c, t: (c, t), x[0], [x[0], [x[1]]])[0], inputs=(2,))


@pytest.mark.parametrize("returned", ["text", object()])
def test_what_a_step_returns_must_be_numbers(returned: Any) -> None:
    with pytest.raises(DataError, match="what a step of scan returns"):
        compile(lambda x: sg.scan(lambda c, t: (c, returned), x[0], x)[0], inputs=(2,))


def test_a_gradient_hook_in_a_step_is_refused() -> None:
    def step(carry: Value, t: Value) -> Pair:
        carry = carry * t
        carry.register_hook(lambda gradient: gradient * 2.0)
        return carry, None

    with pytest.raises(TraceError, match="gradient hook"):
        compile(lambda x: sg.scan(step, x[0], x)[0], inputs=(2,))


# Modules


@pytest.mark.parametrize(
    "cell", [nn.RNNCell(2, 3, seed=0), nn.LSTMCell(2, 3, seed=0), nn.GRUCell(2, 3, seed=0)]
)
def test_a_recurrent_module_is_one_loop(cell: nn.Module) -> None:
    model = nn.Sequential(nn.Reshape(5, 2), nn.Recurrent(cell), nn.Flatten())
    program = compile(model, model, inputs=(10,))
    assert scan_of(program).length == 5
    data = [numbers(3, 10)]
    assert differences(program, eager(model, model, data), data, 1e-12) == []


def test_a_cell_of_the_user_is_written_out() -> None:
    class Growing(nn.Module):
        """Its state grows from step to step, which no loop can carry."""

        def forward(self, x: list[Value], state: list[Value] | None = None) -> list[Value]:
            return [*(state or []), *x]

        def output(self, state: list[Value]) -> list[Value]:
            return [sg.sum(state)]

    model = nn.Sequential(nn.Reshape(4, 1), nn.Recurrent(Growing(), last=True))
    program = compile(model, inputs=(4,))
    assert program([[1.0, 2.0, 3.0, 4.0]]).tolist() == [[10.0]]


def test_training_goes_through_a_loop() -> None:
    data = numbers(20, 6, 1)
    target = data.sum(axis=1)
    losses = []
    for compiled in (True, False):
        recurrent = nn.Recurrent(nn.RNNCell(1, 3, seed=0), last=True)
        model = nn.Sequential(recurrent, nn.Layer(3, 1, None, seed=1))
        rows = data.tolist()
        history = sg.fit(
            model, rows, target, loss="mse", epochs=3, compiled=compiled, progress=False, seed=0
        )
        losses.append(history.steps)
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


# JAX


@once
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_any_loop_in_jax(seed: int) -> None:
    pytest.importorskip("jax")
    assert differing_loop(Random(seed), backend="jax") == []


@once
def test_jax_recomputes_a_loop_with_checkpoints() -> None:
    pytest.importorskip("jax")
    model = Network()
    program = compile(lambda x: model.loop(x, True), model, inputs=(6,), backend="jax")
    data = [numbers(3, 6)]
    assert differences(program, eager(model.loop, model, data), data, 1e-12) == []
    assert "checkpoint" in str(program) or "remat" in str(program)


def test_unequal_loops_are_unequal_programs() -> None:
    program = record(trace(lambda x: sg.scan(lambda c, t: (c * t, None), x[0], x)[0], [2]))
    assert program == replace(program)
    other = record(trace(lambda x: sg.scan(lambda c, t: (c + t, None), x[0], x)[0], [2]))
    assert program != other


def test_programs_with_the_same_loop_are_equal() -> None:
    first, second = (
        record(trace(lambda x: sg.scan(lambda c, t: (c * t, None), x[0], x)[0], [2]))
        for _ in range(2)
    )
    assert first == second


def test_a_number_can_be_picked_from_a_loop_alone() -> None:
    program = record(trace(lambda x: sg.scan(lambda c, t: (c * t, None), x[0], x)[0], [2]))
    operands = program.operands.copy()
    operands[-1] = 0
    with pytest.raises(ProgramError, match="picked from a row that is no loop"):
        replace(program, operands=operands).verify()


def test_two_loops_side_by_side_and_one_after_the_other() -> None:
    model = Weights([0.5, -0.7])
    first, second = model.weights

    def function(x: list[Value]) -> Value:
        a, ys = sg.scan(lambda c, t: (sg.tanh(c * first + t), c * t), x[0], x)
        b, _ = sg.scan(lambda c, t: (sg.sin(c * second + t), None), x[1], x)
        c, _ = sg.scan(lambda c, y: (sg.tanh(c + y * a), None), b, ys)
        return a * b + c

    assert wrong(function, model, [numbers(3, 4)]) == []
