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
from scalargrad.compiler.sums import merge_differences, merge_sums, split_sums
from scalargrad.nn import Layer, LSTMCell, Module, RNNCell
from tests.compiler.graphs import Weights
from tests.compiler.referee import alike, differences, eager
from tests.compiler.test_kernels import described, image

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
        [f"add × {WIDE}", MATRIX, f"add × {WIDE}", f"{MATRIX} + bias"],
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
@pytest.mark.parametrize("batch", [1, 3])
def test_the_numbers_are_those_of_eager_code(name: str, size: int, batch: int) -> None:
    function, _ = FORMS[name]
    model = Layers(size)
    data = [numpy.random.default_rng(i).normal(size=(batch, size)) for i in range(2)]

    def loss(x: Any, y: Any) -> Any:
        return sg.sum([sg.tanh(number) for number in function(model, x, y)])

    assert differences(compile(loss, model, (size, size)), eager(loss, model, data), data) == []


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


@settings(max_examples=120)
@given(rng=st.randoms(use_true_random=False))
def test_random_sums_of_layers(rng: Random) -> None:
    made = Ingredients(rng)
    sizes = (made.size, made.size)
    batch = rng.choice([1, 3])
    data = [
        numpy.array([[rng.uniform(-1.0, 1.0) for _ in range(made.size)] for _ in range(batch)])
        for _ in sizes
    ]
    program = compile(made.function, made.model, sizes)
    assert differences(program, eager(made.function, made.model, data), data) == []


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
