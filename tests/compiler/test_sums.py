"""Matrices under additions: they are found whatever is added to them, and compute what eager code
does.
"""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Constant, Parameter, Value
from scalargrad.compiler import compile, record, trace
from scalargrad.compiler.kernels import Matrix, build_kernels
from scalargrad.compiler.padding import pad_lists
from scalargrad.compiler.passes import PASSES, optimize
from scalargrad.compiler.sums import merge_differences, merge_sums
from scalargrad.nn import Layer, LayerNorm, LSTMCell, Module, RNNCell
from tests.compiler.backends import in_native_code, on_every_backend, once
from tests.compiler.graphs import Weights
from tests.compiler.referee import alike, differences, eager
from tests.compiler.test_kernels import described, image

pytestmark = pytest.mark.usefixtures("default_backend")

WIDE = 9
"""Wide enough for a layer to have a matrix of its own where two are added."""


class Layers(Module):
    """Two layers without activation, and vectors that are added."""

    def __init__(self, size: int = WIDE) -> None:
        self.first = Layer(size, size, activation=None, seed=1)
        self.second = Layer(size, size, activation=None, seed=2)
        self.vectors = [[Parameter(0.1 * i - 0.3 * j) for i in range(size)] for j in range(3)]


def add(*vectors: Sequence[Any]) -> list[Any]:
    return [sum(entries[1:], entries[0]) for entries in zip(*vectors, strict=True)]


def subtract(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    return [x - y for x, y in zip(a, b, strict=True)]


MATRIX = f"matrix {WIDE}×{WIDE}"
PLACES = f"{MATRIX} at 3 places"

FORMS: dict[str, tuple[Callable[..., list[Any]], list[str]]] = {
    "residual": (
        lambda m, x, _: add(m.first(x), x),
        [f"{MATRIX} + bias", f"add × {WIDE}"],
    ),
    "residual in front": (
        lambda m, x, _: add(x, m.first(x)),
        [f"{MATRIX} + bias", f"add × {WIDE}"],
    ),
    "two residuals": (
        lambda m, x, y: add(m.first(x), x, y),
        [f"{MATRIX} + bias", f"sum of 3 × {WIDE}"],
    ),
    "two layers": (
        lambda m, x, y: add(m.first(x), m.second(y)),
        [f"add × {WIDE}", f"{MATRIX} + bias", MATRIX, f"add × {WIDE}"],
    ),
    "a layer minus another": (
        lambda m, x, y: subtract(m.first(x), m.second(y)),
        [f"{MATRIX} + bias", f"{MATRIX} + bias", f"sub × {WIDE}"],
    ),
    "a negated layer": (
        lambda m, x, _: [-number for number in m.first(x)],
        [f"{MATRIX} + bias", f"neg × {WIDE}"],
    ),
    "a constant": (
        lambda m, x, _: [number + 2 for number in m.first(x)],
        [f"add × {WIDE}", f"{MATRIX} + bias"],
    ),
    "a learned vector": (
        lambda m, x, _: add(m.first(x), m.vectors[0]),
        [f"add × {WIDE}", f"{MATRIX} + bias"],
    ),
    "vectors that differ from place to place": (
        lambda m, x, y: [
            number
            for inputs, vector in zip((x, y, [*x[1:], x[0]]), m.vectors, strict=True)
            for number in add(_without_bias(m.first, inputs), vector)
        ],
        [PLACES, f"add × {3 * WIDE}"],
    ),
    "products of inputs": (
        lambda m, x, y: [number + x[0] * y[0] + x[1] * y[1] for number in m.first(x)],
        [f"{MATRIX} + bias", "dot of 2 × 1", f"add × {WIDE}"],
    ),
    "a layer over zeros": (
        lambda m, x, _: add(m.first(x), m.second([Constant(0.0)] * len(x))),
        [MATRIX, f"add, add × {WIDE}", f"{MATRIX} + bias"],
    ),
}
"""What is added to a layer, and the kernels that it becomes."""


def _without_bias(layer: Layer, x: Sequence[Value]) -> list[Value]:
    rows = [neuron.weights for neuron in layer.neurons]
    return [sum(w * each for w, each in zip(row, x, strict=True)) for row in rows]


@pytest.mark.parametrize(("function", "expected"), FORMS.values(), ids=FORMS)
def test_the_matrix_is_found(function: Any, expected: list[str]) -> None:
    model = Layers()
    found = described(lambda x, y: function(model, x, y), (WIDE, WIDE), model.parameters())
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("size", [2, WIDE])
def test_the_numbers_are_those_of_eager_code(name: str, size: int) -> None:
    function, _ = FORMS[name]
    model = Layers(size)

    def loss(x: Any, y: Any) -> Any:
        return sg.sum([sg.tanh(number) for number in function(model, x, y)])

    program = compile(loss, model, (size, size))
    for batch in (1, 3):
        data = [numpy.random.default_rng(i).normal(size=(batch, size)) for i in range(2)]
        assert differences(program, eager(loss, model, data), data) == []


def test_two_small_layers_are_one_matrix() -> None:
    model = Layers(2)
    found = described(lambda x, y: add(model.first(x), model.second(y)), (2, 2), model.parameters())
    assert found == ["add × 2", "matrix 2×4 + bias"]


# Sums of anything


class Ingredients:
    """Random vectors of what people add: layers, inputs, constants, products, negations."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.size = rng.choice([1, 2, 3, WIDE])
        self.model = Layers(self.size)
        seed = rng.random()
        self.plan = lambda: Random(seed)

    def function(self, x: Any, y: Any) -> list[Value]:
        """Return the same random sums at each call."""
        rng = self.plan()
        inputs = [[x] if self.size == 1 else x, [y] if self.size == 1 else y]
        vectors = [self._vector(rng, inputs) for _ in range(rng.randint(1, 3))]
        for _ in range(rng.randint(1, 3)):
            total = self._vector(rng, [*inputs, *vectors])
            for _ in range(rng.randint(1, 5)):
                other = self._vector(rng, [*inputs, *vectors])
                total = subtract(total, other) if rng.random() < 0.4 else add(total, other)
            vectors.append(total)
        return [sg.tanh(number) for number in vectors[-1]]

    def _vector(self, rng: Random, known: list[list[Value]]) -> list[Value]:
        x, y = rng.choice(known), rng.choice(known)
        makers: list[Callable[[], list[Any]]] = [
            lambda: list(x),
            lambda: self.model.first(x),
            lambda: self.model.second(x),
            lambda: self.model.second([Constant(0.0)] * self.size),
            lambda: [*self.model.vectors[rng.randrange(3)]],
            lambda: [Constant(rng.choice([0.0, 1.0, -2.5]))] * self.size,
            lambda: [-number for number in x],
            lambda: [a * b for a, b in zip(x, y, strict=True)],
            lambda: [sg.dot(x, y)] * self.size,
        ]
        return rng.choice(makers)()


@once
@settings(max_examples=120)
@given(rng=st.randoms(use_true_random=False))
def test_random_sums_of_layers(rng: Random) -> None:
    assert differing_sums(rng) == []


@in_native_code
@settings(max_examples=15)
@given(rng=st.randoms(use_true_random=False))
def test_random_sums_of_layers_in_native_code(rng: Random) -> None:
    assert differing_sums(rng) == []


def differing_sums(rng: Random) -> list[str]:
    """What the program of random sums says otherwise than eager code."""
    made = Ingredients(rng)
    sizes = (made.size, made.size)
    batch = rng.choice([1, 3])
    data = [
        numpy.array([[rng.uniform(-1.0, 1.0) for _ in range(made.size)] for _ in range(batch)])
        for _ in sizes
    ]
    program = compile(made.function, made.model, sizes)
    return differences(program, eager(made.function, made.model, data), data)


@once
@pytest.mark.parametrize("change", PASSES, ids=lambda change: change.__name__)
@settings(max_examples=30)
@given(rng=st.randoms(use_true_random=False))
def test_a_pass_alone_keeps_sums_of_layers(change: Any, rng: Random) -> None:
    made = Ingredients(rng)
    weights = made.model.parameters()
    before = record(trace(made.function, (made.size, made.size), weights))
    for earlier in PASSES[: PASSES.index(change)]:
        before = earlier(before).verify()
    after = change(before).verify()
    inputs = [rng.uniform(-1.0, 1.0) for _ in range(before.inputs)]
    parameters = [rng.uniform(-1.0, 1.0) for _ in weights]
    assert alike(after.evaluate(inputs, parameters), before.evaluate(inputs, parameters), 10.0)
    assert change(after) == after or change.__name__ in ("form_dot_products", "merge_sums")


@pytest.mark.parametrize("cell", [RNNCell, LSTMCell])
def test_a_first_step_from_zeros_has_matrices(cell: Any) -> None:
    model = cell(8, 8, seed=1)

    def function(x: Any) -> list[Value]:
        result = model(x)
        return result[0] if cell is LSTMCell else result

    program = optimize(record(trace(function, [8], model.parameters())))
    found = [str(kernel) for kernel in build_kernels(program)]
    width = len(model.parameters()) // 17
    assert f"matrix {width}×8 + bias" in found, "the inputs"
    assert f"matrix {width}×9" in found, "the zeros, and the bias, once for all samples"


# What is not finite


@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan])
def test_an_infinite_weight_times_zero_is_as_in_eager_code(odd: float) -> None:
    model = Layers()
    model.second.neurons[0].weights[1].data = odd
    data = [numpy.random.default_rng(0).normal(size=(2, WIDE))]

    def function(x: Any) -> list[Value]:
        return add(model.first(x), model.second([Constant(0.0)] * WIDE), x)

    program = compile(function, model, (WIDE,))
    assert numpy.isnan(program(*data)[:, 0]).all()
    assert differences(program, eager(function, model, data), data) == []


def test_an_infinite_input_beside_a_residual_is_as_in_eager_code() -> None:
    model = Layers()
    data = [numpy.random.default_rng(0).normal(size=(3, WIDE))]
    data[0][1, 2] = math.inf

    def function(x: Any) -> list[Value]:
        return [sg.tanh(number) for number in add(model.first(x), x, model.vectors[0])]

    assert differences(compile(function, model, (WIDE,)), eager(function, model, data), data) == []


# Differences


def test_a_chain_of_differences_is_one_sum() -> None:
    found = described(lambda x: x[0] - x[1] - x[2] - x[3] - x[4], 5)
    assert found == ["neg × 4", "sum of 5 × 1"]


def test_a_chain_of_differences_may_hold_sums() -> None:
    found = described(lambda x: (x[0] - x[1] + x[2] - x[3] - x[4]) * x[0], 5)
    assert found == ["neg × 3", "sum of 5 × 1", "mul × 1"]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[0] - x[1] - x[2],
        lambda x: x[0] - (x[1] - (x[2] - (x[3] - x[4]))),
        lambda x: [x[0] - x[1], x[1] - x[2], x[2] - x[3]],
        lambda x: (x[0] - x[1]) + (x[1] - x[2]) + (x[2] - x[3]),
    ],
    ids=["short", "to the right", "separate", "added up"],
)
def test_other_differences_stay(function: Any) -> None:
    program = record(trace(function, [5]))
    assert merge_differences(program) is program


def test_a_difference_that_is_used_elsewhere_stays() -> None:
    def function(x: Any) -> list[Value]:
        part = x[0] - x[1] - x[2]
        return [part, part - x[3]]

    program = record(trace(function, [5]))
    assert merge_differences(program) is program


def test_a_chain_of_differences_rounds_as_it_did() -> None:
    numbers = [1e16, 1.0, -1e16, 3.0, 0.1]
    program = record(trace(lambda x: x[0] - x[1] - x[2] - x[3] - x[4], [5]))
    merged = merge_sums(merge_differences(program)).verify()
    assert merged.evaluate(numbers, []) == program.evaluate(numbers, [])


# Lists of nearly one length

LISTS: dict[str, tuple[Callable[..., Value], str]] = {
    "sum": (sg.sum, "sum of 5 × 4"),
    "logsumexp": (sg.logsumexp, "logsumexp of 5 × 4"),
    "dot": (lambda x: sg.dot(x, x), "dot of 5 × 4"),
}


@pytest.mark.parametrize(("function", "expected"), LISTS.values(), ids=LISTS)
def test_lists_of_nearly_one_length_are_one_kernel(function: Any, expected: str) -> None:
    def lists(x: Any) -> list[Value]:
        return [function(x[:length]) for length in (2, 3, 4, 5)]

    assert described(lists, 5) == [expected]
    data = [numpy.random.default_rng(0).normal(size=(3, 5))]
    assert differences(compile(lists, inputs=(5,)), eager(lists, None, data), data, 1e-12) == []


@pytest.mark.parametrize("function", [sg.max, sg.min, sg.logsumexp, sg.sum])
@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan])
def test_padding_changes_nothing_beside_what_is_not_finite(function: Any, odd: float) -> None:
    def lists(x: Any) -> list[Value]:
        return [function(x[:2]), function(x), function([x[0], x[1], x[2]])]

    data = [numpy.array([[odd, odd, 1.0, 2.0], [1.0, 1.0, odd, 1.0]])]
    assert differences(compile(lists, inputs=(4,)), eager(lists, None, data), data) == []


def test_lists_of_very_different_length_stay_apart() -> None:
    program = record(trace(lambda x: [sg.sum(x), *(sg.sum(x[i : i + 2]) for i in range(40))], [50]))
    assert pad_lists(program) is program


def test_a_maximum_is_padded_where_it_lets_no_gradient_through() -> None:
    def stopped(x: Any) -> list[Value]:
        return [sg.stop_gradient(sg.max(x[:2])), sg.stop_gradient(sg.max(x))]

    assert described(stopped, 3) == ["max of 3 × 2"]
    found = described(lambda x: [*stopped(x), sg.max(x[:2]) * x[0]], 3)
    assert {"max of 2 × 1", "max of 3 × 2"} <= set(found)


@settings(max_examples=60)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=12))
def test_padding_at_most_doubles_the_items(lengths: list[int]) -> None:
    def lists(x: Any) -> list[Value]:
        return [sg.sum(x[:length]) for length in lengths]

    before = record(trace(lists, [30]))
    after = pad_lists(before).verify()
    assert len(after.operands) <= 2 * len(before.operands)
    inputs = [math.sin(3.0 * i) for i in range(30)]
    assert after.evaluate(inputs, []) == before.evaluate(inputs, [])
    assert pad_lists(after) is after


def test_lists_of_constants_alone_are_padded_like_any() -> None:
    zeros = [Constant(0.0)] * 70
    found = compile(lambda x: [sg.sum(zeros) * x[0], sg.sum(zeros[:69]), sg.sum(x)], inputs=(3,))
    assert found([[1.0, 2.0, 3.0]]).tolist() == [[0.0, 0.0, 6.0]]


# Many rows, each with factors of its own


def test_short_rows_with_factors_of_their_own_are_one_kernel() -> None:
    weights = [Parameter(0.1 * i) for i in range(6)]

    def function(x: Any) -> list[Value]:
        return [sg.dot(x[2 * i : 2 * i + 2], weights[2 * i : 2 * i + 2]) for i in range(3)]

    assert described(function, 6, weights) == ["dot of 2 × 3"]


def test_layer_normalization_has_as_many_kernels_for_any_width() -> None:
    counts = set()
    for width in (4, 16):
        model = LayerNorm(width)
        counts.add(len(described(model, width, model.parameters())))
    assert len(counts) == 1


# A network of all that


class Transformer(Module):
    """One block of a transformer with causal attention, without biases."""

    def __init__(self, size: int = 8) -> None:
        rng = Random(0)
        self.query, self.key, self.value, self.mix, self.hidden, self.back = (
            [[Parameter(rng.uniform(-0.5, 0.5)) for _ in range(size)] for _ in range(size)]
            for _ in range(6)
        )
        self.positions = [[Parameter(rng.random()) for _ in range(size)] for _ in range(9)]

    def forward(self, tokens: Sequence[Sequence[Value]]) -> Value:
        keys: list[list[Value]] = []
        values: list[list[Value]] = []
        outputs: list[Value] = []
        for token, position in zip(tokens, self.positions, strict=False):
            x = add(token, position)
            normal = _normalize(x)
            keys.append(_apply(self.key, normal))
            values.append(_apply(self.value, normal))
            query = _apply(self.query, normal)
            shares = sg.softmax([sg.dot(query, key) for key in keys])
            mixed = [sg.dot(shares, column) for column in zip(*values, strict=True)]
            x = add(_apply(self.mix, mixed), x)
            hidden = [sg.relu(number) for number in _apply(self.hidden, _normalize(x))]
            outputs += add(_apply(self.back, hidden), x)
        return sg.logsumexp(outputs)


def _apply(matrix: Sequence[Sequence[Value]], x: Sequence[Value]) -> list[Value]:
    return [sum(w * each for w, each in zip(row, x, strict=True)) for row in matrix]  # type: ignore[misc]


def _normalize(x: Sequence[Value]) -> list[Value]:
    scale = (sg.dot(x, x) / len(x) + 1e-5) ** -0.5
    return [number * scale for number in x]


@pytest.mark.parametrize("count", [2, 5, 9])
def test_a_transformer_has_as_many_kernels_for_any_number_of_tokens(count: int) -> None:
    model = Transformer()
    program = compile(lambda x: model(image(x, count)), model, (8 * count,))
    assert len(program.kernels) <= 30
    matrices = [str(kernel) for kernel in program.kernels if isinstance(kernel, Matrix)]
    places = f"at {count} places"
    assert matrices == [f"matrix 24×8 {places}", *[f"matrix 8×8 {places}"] * 3]


@on_every_backend
def test_a_transformer_computes_what_eager_code_does() -> None:
    model = Transformer()
    data = [numpy.random.default_rng(0).normal(size=(2, 24))]

    def function(x: Any) -> Value:
        return model.forward(image(x, 3))

    program = compile(function, model, (24,))
    assert differences(program, eager(function, model, data), data, 1e-11) == []


@on_every_backend
def test_without_inputs_matrices_are_found_as_well() -> None:
    model = Transformer()
    numbers = numpy.random.default_rng(0).normal(size=(4, 8)).tolist()

    def function() -> Value:
        return model.forward(numbers)

    program = compile(function, model)
    matrices = [kernel for kernel in program.kernels if isinstance(kernel, Matrix)]
    assert [len(matrix.x) for matrix in matrices] == [4, 4, 4, 4]
    assert not any(matrix.batched for matrix in matrices)
    loss, gradient = program.value_and_grad()
    expected = function()
    expected.backward()
    assert alike(loss, expected.data, bound=1e-12)
    assert alike(gradient, [p.grad for p in model.parameters()], bound=1e-11)


def test_a_matrix_applied_to_constants() -> None:
    layer = Layer(3, 4, activation=None, seed=1)
    points = [[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]]

    def function() -> Value:
        return sg.logsumexp([number for point in points for number in layer(point)])

    program = compile(function, layer)
    assert [str(kernel) for kernel in program.kernels] == [
        "matrix 4×4 at 2 places",
        "logsumexp of 8 × 1",
    ]
    loss, gradient = program.value_and_grad()
    expected = function()
    expected.backward()
    assert alike(loss, expected.data, bound=1e-12)
    assert alike(gradient, [p.grad for p in layer.parameters()], bound=1e-12)


# Numbers that are read several times


@once
@settings(max_examples=60)
@given(columns=st.lists(st.integers(0, 5), min_size=1, max_size=20), batch=st.sampled_from([1, 3]))
def test_gradients_of_numbers_that_are_read_several_times(columns: list[int], batch: int) -> None:
    assert differing_reads(columns, batch) == []


@in_native_code
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("columns", [[0], [2, 2, 5], [3, 1, 3, 0, 1, 5, 5, 5, 2]])
def test_numbers_that_are_read_several_times_in_native_code(columns: list[int], batch: int) -> None:
    assert differing_reads(columns, batch) == []


def differing_reads(columns: list[int], batch: int) -> list[str]:
    """What is otherwise than in eager code, where inputs and weights are read in these places."""
    model = Weights([0.3, -0.2, 0.7, 0.1, 0.9, -0.6])

    def function(x: Any, y: Any) -> Value:
        terms = [sg.tanh(x[column]) * y[i] for i, column in enumerate(columns)]
        terms += [model.weights[column] * y[i] for i, column in enumerate(columns)]
        return sg.logsumexp(terms)

    rng = numpy.random.default_rng(0)
    data = [rng.normal(size=(batch, size)) for size in (6, 20)]
    program = compile(function, model, (6, 20))
    return differences(program, eager(function, model, data), data)
