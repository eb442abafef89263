"""Look-ups, loops, derivatives and nests within each other, against eager code and PyTorch."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy, deepcopy
from pathlib import Path
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Value, nn
from scalargrad.compiler import compile, record, trace
from scalargrad.compiler.indices import find_indices
from scalargrad.compiler.passes import PASSES, optimize
from scalargrad.errors import OptionError, TraceError
from scalargrad.losses import cross_entropy
from tests.compiler.backends import in_native_code, on_every_backend, once
from tests.compiler.combinations import differing_case, make_case
from tests.compiler.graphs import Weights
from tests.compiler.referee import alike, differences, eager
from tests.compiler.test_lookups import agrees, tokens

pytestmark = pytest.mark.usefixtures("default_backend")

ROOT = Path(__file__).parents[2]

seeds = st.integers(0, 10**9)


# Random functions


@once
@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_any_combination_is_that_of_eager_code(seed: int) -> None:
    assert differing_case(Random(seed)) == []


@in_native_code
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_any_combination_in_native_code(seed: int) -> None:
    assert differing_case(Random(seed)) == []


@once
@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_any_combination_where_numbers_are_not_finite(seed: int) -> None:
    assert differing_case(Random(seed), odd=0.15) == []


@once
@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_any_combination_in_jax(seed: int) -> None:
    pytest.importorskip("jax")
    assert differing_case(Random(seed), backend="jax") == []


@once
@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_each_pass_alone_keeps_the_outputs(seed: int) -> None:
    case = make_case(Random(seed))
    program = record(trace(case.function, case.inputs, case.model.parameters()))
    sample = [number for array in case.data for number in array[0].tolist()]
    weights = [parameter.data for parameter in case.model.parameters()]
    expected = program.evaluate(sample, weights)
    scale = max(map(abs, expected))
    for run_pass in (*PASSES, optimize):
        changed = run_pass(program).verify()
        assert alike(changed.evaluate(sample, weights), expected, scale)


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_samples_of_a_batch_are_computed_as_alone(seed: int) -> None:
    case = make_case(Random(seed), batch=7)
    program = case.compile()
    together = program(*case.data)
    for sample in range(7):
        alone = program(*[array[sample : sample + 1] for array in case.data])
        assert alike(alone[0], together[sample], 1.0 + abs(together).max(), 1e-12)


@once
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_copies_and_threads_compute_the_same_numbers_exactly(seed: int) -> None:
    case = make_case(Random(seed), batch=5)
    program = case.compile()
    expected = [program(*case.data), *program.jacobian(*case.data)]

    def agrees_with_the_first_call(each: Any) -> bool:
        found = [each(*case.data), *each.jacobian(*case.data)]
        pairs = zip(found, expected, strict=True)
        return all(numpy.array_equal(mine, first, equal_nan=True) for mine, first in pairs)

    twins = [copy(program), deepcopy(program), pickle.loads(pickle.dumps(program))]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(agrees_with_the_first_call, twins + [program] * 8))


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_a_loaded_sample_is_the_graph_of_eager_code(seed: int) -> None:
    case = make_case(Random(seed), batch=1)
    loaded = case.compile().load(*[array[0] for array in case.data])
    expected = case.expected()
    found = [value.data for value in (loaded if isinstance(loaded, list) else [loaded])]
    assert alike(found, expected.outputs[0], expected.size)


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_all_texts_and_pictures_of_a_program_can_be_made(seed: int) -> None:
    program = make_case(Random(seed)).compile()
    assert "kernel" in program.explain()
    assert str(program)
    assert "return" in str(program.program)
    assert "<svg" in viz.draw(program).svg()


def test_pickles_compute_the_same_in_a_process_that_knows_no_function(tmp_path: Path) -> None:
    cases = [make_case(Random(seed), odd=0.1, batch=4) for seed in range(12)]
    programs = [case.compile() for case in cases]
    saved = [(program, case.data) for program, case in zip(programs, cases, strict=True)]
    path = tmp_path / "programs.pickle"
    path.write_bytes(pickle.dumps(saved))
    script = (
        "import pathlib, pickle, sys\n"
        "programs = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "results = [program(*data) for program, data in programs]\n"
        "pathlib.Path(sys.argv[1]).write_bytes(pickle.dumps(results))\n"
        "assert 'tests' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    for (program, data), found in zip(saved, pickle.loads(path.read_bytes()), strict=True):
        assert numpy.array_equal(found, program(*data), equal_nan=True)


SHARED = """
from random import Random
from tests.compiler.combinations import make_case
from tests.compiler.referee import differences
from scalargrad.compiler import compile

for seed in range(2):
    case = make_case(Random(seed), odd=0.1, batch=3 + 7 * seed)
    program = compile(case.function, case.model, case.inputs, backend="jax", devices=8)
    assert differences(program, case.expected(), case.data) == [], seed
"""


@once
def test_combinations_on_eight_devices() -> None:
    """In a process of its own, as the number of devices is settled when JAX begins."""
    pytest.importorskip("jax")
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
    }
    subprocess.run([sys.executable, "-c", SHARED], cwd=ROOT, env=environment, check=True)


# Integer inputs in loops


class Letters(nn.Module):
    """Predicts each next letter from all letters before, with a loop over an embedding."""

    def __init__(self) -> None:
        self.embedding = nn.Embedding(6, 3, seed=1)
        self.cell = nn.RNNCell(3, 4, seed=2)
        self.head = nn.Layer(4, 6, None, seed=3)

    def loss(self, letters: Any, targets: Any) -> Any:
        def step(h: list[Value], entry: tuple[Any, Any]) -> tuple[list[Value], Value]:
            letter, target = entry
            h = self.cell(self.embedding(letter), h)
            return h, cross_entropy(self.head(h), target)

        _, losses = sg.scan(step, [0.0] * 4, list(zip(letters, targets, strict=True)))
        return sg.mean(losses)

    def forward(self, letters: Any) -> Any:
        def step(h: list[Value], letter: Any) -> tuple[list[Value], None]:
            return self.cell(self.embedding(letter), h), None

        h, _ = sg.scan(step, [0.0] * 4, letters)
        return self.head(h)


@on_every_backend
def test_a_recurrent_network_over_letters_is_one_loop() -> None:
    model = Letters()
    inputs = [("token", 5), ("token", 5)]
    arguments = [tokens(6, 7, 5), tokens(6, 7, 5, seed=1)]
    assert agrees(model.loss, model, inputs, arguments)


@once
def test_the_embedding_of_all_letters_is_looked_up_before_the_loop() -> None:
    model = Letters()
    program = compile(model.loss, model, [("token", 5), ("token", 5)])
    assert "    gather 6×3, for all steps at once" in program.explain().splitlines()


def test_a_recurrent_network_over_letters_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    model = Letters()
    letters, targets = tokens(6, 8, 5), tokens(6, 8, 5, seed=1)
    program = compile(model.loss, model, [("token", 5), ("token", 5)])
    loss, gradient = program.value_and_grad(letters, targets)

    def weight(rows: Any) -> Any:
        numbers = [[number.data for number in row] for row in rows]
        return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)

    table = weight(model.embedding.vectors)
    cell = weight([neuron.parameters() for neuron in model.cell.units.neurons])
    head = weight([neuron.parameters() for neuron in model.head.neurons])
    h = torch.zeros(8, 4, dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for i in range(5):
        x = torch.cat([table[torch.tensor(letters)[:, i]], h], dim=1)
        h = torch.tanh(x @ cell[:, :-1].T + cell[:, -1])
        logits = h @ head[:, :-1].T + head[:, -1]
        total = total + torch.nn.functional.cross_entropy(logits, torch.tensor(targets)[:, i])
    (total / 5).backward()

    assert loss == pytest.approx(total.item() / 5, rel=1e-12)
    expected = [number for each in (table, cell, head) for number in each.grad.ravel().tolist()]
    assert alike(gradient, expected, 1.0, 1e-11)


@pytest.mark.parametrize("compiled", [True, "auto"])
def test_training_over_letters(compiled: Any) -> None:
    letters = tokens(6, 30, 4)
    targets = [row[0] for row in letters]
    steps = []
    for way in (compiled, False):
        history = sg.fit(
            Letters(),
            letters,
            targets,
            loss="cross_entropy",
            epochs=3,
            compiled=way,
            progress=False,
            seed=0,
        )
        steps.append(history.steps)
    assert steps[0] == pytest.approx(steps[1], rel=1e-9)


TABLE = [10.0, 20.0, 40.0]

LOOK_UPS: dict[str, Callable[..., Any]] = {
    "an entry": lambda i, _: sg.scan(lambda c, t: (c + sg.take(TABLE, t), None), 0.0, i)[0],
    "a computed entry": lambda i, j: sg.scan(
        lambda c, t: (c + sg.take(TABLE, t), None), 0.0, [i[0], i[1] + j - 1, 2]
    )[0],
    "computed in the step": lambda i, j: sg.scan(
        lambda c, t: (c * 0.5 + sg.take(TABLE, t + j - 1), None), 0.0, i
    )[0],
    "from around the loop": lambda i, j: sg.scan(
        lambda c, t: (sg.take([c, c * 2.0, t * c], j), None), 1.0, i
    )[0],
    "whole numbers": lambda _, j: sg.scan(
        lambda c, t: (c + sg.take(TABLE, t) * j, None), 0.0, [0, 2, 1]
    )[0],
    "a counter": lambda i, _: sg.scan(
        lambda c, t: ((c[0] + t * sg.take(TABLE, c[1]), c[1] + 1), None), (0.0, 0), i
    )[0][0],
    "the letter before": lambda i, j: sg.scan(
        lambda c, t: ((c[0] + t * sg.take(TABLE, c[1]), t), None), (0.0, j), i
    )[0][0],
    "a counter that no longer is": lambda i, _: sg.scan(
        lambda c, t: ((c[0] + c[1] * sg.take(TABLE, t), sg.sin(c[0])), None), (0.0, 1), i
    )[0][0],
    "a table of the carry": lambda i, _: sg.scan(
        lambda c, t: (sg.take([c, sg.sin(c), 0.5], t), sg.take([c, 1.0, c * c], t)), 0.7, i
    )[1],
    "a loop in the step": lambda i, _: sg.scan(
        lambda c, t: (
            c + sg.scan(lambda a, b: (a + sg.take(TABLE, b * t), None), 0.0, [0, 1])[0],
            None,
        ),
        0.0,
        i,
    )[0],
    "a derivative of the loop": lambda i, _: sg.grad(
        lambda z: sg.scan(lambda c, t: (c * sg.take([z, z * z, 0.5], t), None), z, i)[0]
    )(Value(1.3)),
    "a derivative in the step": lambda i, _: sg.scan(
        lambda c, t: (sg.grad(lambda z: z * z * sg.take([z, 0.3, c], t))(c), None), 0.3, i
    )[0],
}


@on_every_backend
@pytest.mark.parametrize("name", LOOK_UPS)
def test_a_look_up_in_a_step(name: str) -> None:
    function = LOOK_UPS[name]
    letters, others = [[0, 1, 2], [2, 1, 0], [1, 0, 1]], [1, 1, 1]
    program = compile(function, inputs=(("token", 3), "token"))
    found = program(letters, others)
    for row, numbers in enumerate(zip(letters, others, strict=True)):
        result = function(*numbers)
        expected = [float(x) for x in (result if isinstance(result, list) else [result])]
        assert alike(found[row], expected, 1.0, 1e-12)


@pytest.mark.parametrize(
    "name", ["an entry", "a computed entry", "computed in the step", "a counter"]
)
def test_an_index_in_a_step_is_checked_before_anything_is_computed(name: str) -> None:
    letters = [[0, 1, 1], [0, 3, 1]]
    function = LOOK_UPS[name]
    if name == "a counter":
        letters = [[0, 1, 1, 2], [0, 2, 1, 2]]
    program = compile(function, inputs=(("token", len(letters[0])), "token"))
    with pytest.raises(OptionError, match=r"indices 0 to 2, but sample [01] asks for 3"):
        program(letters, [1, 1])


def test_the_index_of_an_index_in_a_step_is_checked_first() -> None:
    def function(i: Any) -> Any:
        def step(carry: Value, t: Any) -> tuple[Value, None]:
            return carry + sg.take(TABLE, sg.take([2, 7], t + 1)), None

        return sg.scan(step, 0.0, i)[0]

    program = compile(function, inputs=(("token", 2),))
    with pytest.raises(OptionError, match="indices 0 to 1, but sample 1 asks for 2"):
        program([[-1, -1], [-1, 1]])
    with pytest.raises(OptionError, match="indices 0 to 2, but sample 0 asks for 7"):
        program([[-1, 0]])


def test_an_error_names_the_argument_that_a_loop_looks_up() -> None:
    program = compile(LOOK_UPS["an entry"], inputs=(("token", 3), "token"))
    with pytest.raises(OptionError, match="argument 0 looks up"):
        program([[0, 1, 7]], [0])


def test_only_what_leads_to_an_index_is_computed_to_check_it() -> None:
    model = Letters()

    def function(letters: Any) -> Any:
        def step(carry: Any, letter: Any) -> tuple[Any, None]:
            h, before = carry
            return (model.cell(model.embedding((before + letter) % 6), h), letter), None

        return sg.scan(step, ([0.0] * 4, letters[0]), letters)[0][0]

    program = optimize(record(trace(function, [("token", 50)], model.parameters())))
    indices = find_indices(program)
    loop = indices.program.kinds[-2].loop
    assert loop is not None
    assert (loop.carries, loop.step.parameters, len(loop.step)) == (1, 0, 5)
    assert len(indices.lengths) == 50


def test_a_function_without_inputs_looks_up_in_a_loop() -> None:
    program = compile(lambda: sg.scan(lambda c, t: (c + sg.take(TABLE, t), None), 0.0, [0, 2])[0])
    assert program().tolist() == [[50.0]]
    program = compile(lambda: sg.scan(lambda c, t: (c + sg.take(TABLE, t), None), 0.0, [0, 3])[0])
    with pytest.raises(OptionError, match="asks for 3"):
        program()


@pytest.mark.parametrize("entries", [[0, 0.5], [0, Value(1.0)]], ids=["half", "a Value"])
def test_an_entry_that_is_no_integer_is_refused(entries: list[Any]) -> None:
    def function(x: Value) -> Any:
        return sg.scan(lambda c, t: (c * sg.take(TABLE, t), None), x, entries)[0]

    with pytest.raises(TraceError, match="take can look up integer inputs only"):
        compile(function, inputs=(1,))


def test_a_carry_that_does_not_stay_an_integer_is_refused() -> None:
    def function(i: Any) -> Any:
        def step(carry: Any, _: Any) -> tuple[Any, None]:
            total, index = carry
            return (total + sg.take(TABLE, index), index * total), None

        return sg.scan(step, (0.0, i), length=2)[0][0]

    with pytest.raises(TraceError, match="take can look up integer inputs only"):
        compile(function, inputs=("token",))


# Loops


def test_an_inner_loop_takes_what_it_computes_from_the_step_around_it() -> None:
    def function(x: list[Value]) -> Value:
        def step(carry: Value, t: Value) -> tuple[Value, None]:
            def inner(a: Value, _: None) -> tuple[Value, None]:
                return sg.tanh(a + sg.sin(carry * t)), None

            return sg.scan(inner, carry, length=2)[0], None

        result: Value = sg.scan(step, x[0], x)[0]
        return result

    data = [numpy.array([[0.3, -0.7, 1.1], [0.9, 0.2, -0.4]])]
    assert differences(compile(function, inputs=(3,)), eager(function, None, data), data) == []


@on_every_backend
@pytest.mark.parametrize("checkpoint", [False, True])
def test_weights_that_a_step_adds_up_alone(checkpoint: bool) -> None:
    model = Weights([0.3, -0.2, 0.5, 0.7, -0.4, 0.1])
    w, u, b, d, e, f = model.weights

    def step(carry: Value, t: Value) -> tuple[Value, Value]:
        carry = sg.tanh(sg.sum([w * t, u * carry, b, d]))
        return carry, sg.sum([carry * e, b, d]) + sg.sum([t, 2.0 * b, 3.0 * f])

    def function(x: list[Value]) -> Value:
        carry, ys = sg.scan(step, x[0], x, checkpoint=checkpoint)
        result: Value = sg.sum([carry, *ys])
        return result

    data = [numpy.random.default_rng(1).normal(size=(3, 20))]
    program = compile(function, model, inputs=(20,))
    assert differences(program, eager(function, model, data), data, 1e-11) == []
