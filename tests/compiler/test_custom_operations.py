"""Own operations in compiled programs, on each backend: the numbers of eager code."""

import pickle
from random import Random
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value
from scalargrad.core.custom_operations import remove_operation
from scalargrad.errors import UnknownNameError
from tests.compiler.backends import in_native_code, on_every_backend, once
from tests.compiler.graphs import Kitchen, differing

pytestmark = pytest.mark.usefixtures("default_backend")


@pytest.fixture(autouse=True)
def ripple() -> Any:
    @sg.operation(symbol="≈", kinks=lambda m, x, size: (x,))
    def ripple(m: Any, x: Any, size: Any = 0.5) -> Any:
        return m.where(x > 0.0, x + size * m.sin(x), size * m.expm1(x))

    add_others()
    return ripple


def add_others() -> None:
    """Operations of two operands, with a choice between infinite slopes and a rule by hand."""
    sg.operation(name="root", domain=(0.0, sg.inf))(lambda m, x: m.where(x < 2.0, m.sqrt(x), x))
    by_hand = (lambda m, o, x, y: 2.0 * x * y, lambda m, o, x, y: x * x)
    sg.operation(name="saddle", derivative=by_hand)(lambda m, x, y: x * x * y)
    sg.operation(name="folded")(lambda m, x, y: m.maximum(x, y) - m.ripple(m.clamp(y, -1.0, 1.0)))


OWN = ("ripple", "root", "saddle", "folded", "add", "tanh", "where", "sum")


@once
@settings(max_examples=25)
@given(rng=st.randoms(use_true_random=False))
def test_random_graphs_of_own_operations_are_those_of_eager_code(rng: Random) -> None:
    assert differing(Kitchen(ops=OWN, rng=rng, steps=15)) == []


@in_native_code
@settings(max_examples=5)
@given(rng=st.randoms(use_true_random=False))
def test_random_graphs_of_own_operations_in_native_code(rng: Random) -> None:
    assert differing(Kitchen(ops=OWN, rng=rng, steps=12)) == []


@once
@settings(max_examples=15)
@given(rng=st.randoms(use_true_random=False))
def test_random_graphs_of_own_operations_on_numbers_that_are_not_finite(rng: Random) -> None:
    assert differing(Kitchen(ops=OWN, rng=rng, steps=8), odd=0.2) == []


def network(ripple: Any) -> Any:
    return sg.nn.MLP(2, [6, 5, 1], activation=ripple, seed=3)


X = numpy.random.default_rng(0).normal(size=(7, 2))


@on_every_backend
def test_a_network_has_the_loss_and_the_gradients_of_eager_code(ripple: Any) -> None:
    model = network(ripple)
    program = sg.compile(lambda x: model(x) ** 2.0, model, inputs=[2])
    loss, gradient = program.value_and_grad(X)
    eager = sum((model(list(row)) ** 2.0 for row in X), Value(0.0)) / len(X)
    eager.backward()
    assert loss == pytest.approx(eager.data, rel=1e-12)
    assert gradient == pytest.approx([p.grad for p in model.parameters()], rel=1e-9, abs=1e-14)
    assert program.fallback_reason is None


@on_every_backend
def test_derivatives_inside_a_program_are_those_of_eager_code(ripple: Any) -> None:
    def curvature(row: Any) -> Any:
        return sg.hessian(lambda x: ripple(x[0], x[1]) * ripple(x[0]))(row)[0][1]

    program = sg.compile(curvature, inputs=[2])
    expected = [float(curvature([float(x) for x in row])) for row in X]
    assert numpy.ravel(program(X)) == pytest.approx(expected, rel=1e-12)


@on_every_backend
def test_a_sample_that_is_not_finite_is_as_in_eager_code(ripple: Any) -> None:
    program = sg.compile(lambda row: ripple(row[0], row[1]), inputs=[2])
    rows = [[-numpy.inf, 1.0], [numpy.inf, 1.0], [1e308, 1e308], [numpy.nan, 0.0], [0.0, 2.0]]
    with numpy.errstate(all="ignore"):
        found = numpy.ravel(program(rows))
        slopes = program.jacobian(rows)[0].reshape(len(rows), 2)
    for row, value, slope in zip(rows, found, slopes, strict=True):
        leaves = [Value(x) for x in row]
        y = ripple(*leaves)
        y.backward()
        numpy.testing.assert_allclose(value, y.data, rtol=1e-12)
        numpy.testing.assert_allclose(slope, [leaf.grad for leaf in leaves], rtol=1e-12)


@on_every_backend
def test_a_pickled_program_needs_the_operation(ripple: Any) -> None:
    program = sg.compile(lambda row: ripple(row[0], row[1]), inputs=[2])
    expected = program(X)
    data = pickle.dumps(program)
    assert numpy.array_equal(pickle.loads(data)(X), expected)
    remove_operation("ripple")
    with pytest.raises(UnknownNameError, match="no operation 'ripple' exists here"):
        pickle.loads(data)(X)


BODIES: dict[str, Any] = {
    "constants": lambda m, x, a: x * m.exp(2.0) + m.sqrt(0.5) * m.round(2.5) - m.div(1.0, a),
    "functions of an option": lambda m, x, a: m.maximum(x * m.softplus(a), m.sqrt(a) - m.sign(a)),
    "conditions of an option": lambda m, x, a: m.where((a > 1.0) & (x > 0.0), x * a, x * x),
    "and the other way": lambda m, x, a: m.where((x > 0.0) & (a < 1.0), x * a, x * x),
    "a choice by an option": lambda m, x, a: m.where(a > 1.0, m.tanh(a * x), x),
}


@on_every_backend
@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_a_rule_may_compute_with_numbers_alone(body: Any) -> None:
    def with_option(m: Any, x: Any, a: Any = 1.5) -> Any:
        return body(m, x, a)

    own = sg.operation(name="test_own")(with_option)
    program = sg.compile(lambda x: own(x), inputs=[1])
    points = X[:, :1]
    expected = [own(x) for x in points[:, 0].tolist()]
    assert numpy.ravel(program(points)) == pytest.approx(expected, rel=1e-12)
    slopes = [sg.grad(own)(x) for x in points[:, 0].tolist()]
    assert numpy.ravel(program.jacobian(points)[0]) == pytest.approx(slopes, rel=1e-12)
