"""The NumPy backend: the source that it writes, and the gradients that its functions give."""

import math
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad import Constant, Parameter, Value
from scalargrad.compiler import record, trace
from scalargrad.compiler.array_rules import ARRAYS
from scalargrad.compiler.numpy_backend import NumpyBackend
from scalargrad.compiler.runtime import _bound, _logsumexp_and_softmax, _shares
from scalargrad.core.ops import LOGSUMEXP
from scalargrad.losses import mse
from scalargrad.nn import MLP, Module
from tests.compiler.graphs import Weights
from tests.compiler.referee import differences, eager

X, Y = (
    numpy.random.default_rng(1).normal(size=(7, 3)),
    numpy.random.default_rng(2).normal(size=(7, 1)),
)


class Odd(Module):
    """Weights in places that lie regularly, but not in a row: every second one, one used twice, one
    never, biases of their own.
    """

    def __init__(self) -> None:
        self.weights = [Parameter(0.1 * i - 0.4) for i in range(12)]
        self.bias = Parameter(0.3)

    def forward(self, x: list[Value]) -> Value:
        rows = [self.weights[0:6:2], self.weights[6:12:2]]
        scores = [
            scalargrad.tanh(sum(w * each for w, each in zip(row, x, strict=True))) for row in rows
        ]
        return scores[0] * self.weights[1] + scores[1] * self.weights[0] + self.bias


@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize(
    "model", [MLP(3, [4, 4, 1], seed=1), MLP(3, [1], seed=1), Odd()], ids=["MLP", "neuron", "odd"]
)
def test_the_gradient_is_that_of_eager_code(model: Module, batch: int) -> None:
    def loss(x: object, y: object) -> Value:
        return mse(model(x), y) + 0.1 * sum(p * p for p in model.parameters()[:2])

    _, found = scalargrad.compile(loss, model, inputs=(3, 1)).value_and_grad(X[:batch], Y[:batch])
    assert found == pytest.approx(
        eager(loss, model, [X[:batch], Y[:batch]]).gradient, rel=1e-12, abs=1e-14
    )


def test_each_gradient_is_an_array_of_its_own() -> None:
    model = MLP(3, [4, 1], seed=1)
    program = scalargrad.compile(lambda x, y: mse(model(x), y), model, inputs=(3, 1))
    _, first = program.value_and_grad(X, Y)
    before = first.copy()
    _, second = program.value_and_grad(X[:1], Y[:1])
    assert not numpy.shares_memory(first, second)
    assert numpy.array_equal(first, before)


def test_a_jacobian_leaves_the_last_gradient_alone() -> None:
    model = MLP(3, [4, 1], seed=1)
    program = scalargrad.compile(lambda x, y: mse(model(x), y), model, inputs=(3, 1))
    program.value_and_grad(X, Y)
    before = program.gradients_by_name()
    program.jacobian(X[:2], Y[:2])
    assert program.gradients_by_name() == before


def test_parameters_that_the_loss_does_not_reach_have_no_gradient() -> None:
    model = MLP(3, [400, 1], seed=1)
    program = scalargrad.compile(
        lambda x: model.layers[0].neurons[0].weights[0] * x[0], model, inputs=(3,)
    )
    numpy.full(len(model.parameters()), numpy.nan)  # memory that was used before is not all zeros
    _, found = program.value_and_grad(X)
    assert found[0] == pytest.approx(X[:, 0].mean())
    assert not found[1:].any()
    _, found = scalargrad.compile(lambda x: x[0], model, inputs=(3,)).value_and_grad(X)
    assert not found.any()


def test_weights_and_biases_get_their_gradient_at_once() -> None:
    model = MLP(3, [4, 1], seed=1)
    source = str(scalargrad.compile(lambda x, y: mse(model(x), y), model, inputs=(3, 1)))
    assert source.count("outer_with_one(") == 2
    assert "g_p[0:16].reshape(4, 4)" in source


def test_a_sum_of_python_has_no_zero_in_front() -> None:
    program = scalargrad.compile(
        lambda x: sum(a * b for a, b in zip(x[:2], x[2:], strict=True)), inputs=(4,)
    )
    assert program.explain().splitlines()[1:] == ["  dot of 2 × 1"]
    assert program([[1.0, 2.0, 3.0, 4.0]]).tolist() == [[11.0]]
    assert scalargrad.compile(lambda x: sum([Value(0.0), Value(0.0)]) + 0 * x, inputs=(1,))(
        [[5.0]]
    ).tolist() == [[0.0]]


class Symmetric(Module):
    """A symmetric matrix: each weight off the diagonal stands in it twice."""

    def __init__(self, spare: int = 0) -> None:
        self.spare = [Parameter(9.0) for _ in range(spare)]
        self.weights = [Parameter(0.3 * i - 0.5) for i in range(6)]

    def forward(self, x: list[Value]) -> Value:
        a, b, c, d, e, f = self.weights
        scores = []
        for row in ([a, b, c], [b, d, e], [c, e, f]):
            scores.append(scalargrad.tanh(sum(w * each for w, each in zip(row, x, strict=True))))
        return scalargrad.sum(scores)


@pytest.mark.parametrize("spare", [0, 2])
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_weights_that_stand_in_a_matrix_several_times(batch: int, spare: int) -> None:
    model = Symmetric(spare)

    def loss(x: object, y: object) -> Value:
        return mse(model(x), y)

    program = scalargrad.compile(loss, model, inputs=(3, 1))
    assert "total(take(" in str(program) or "total_runs(" in str(program)
    found = program.value_and_grad(X[:batch], Y[:batch])[1]
    assert found == pytest.approx(
        eager(loss, model, [X[:batch], Y[:batch]]).gradient, rel=1e-12, abs=1e-14
    )


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: [scalargrad.tanh(x[0]), scalargrad.tanh(x[0])],
        lambda _: [scalargrad.tanh(Constant(0.5)), scalargrad.tanh(Constant(0.5))],
        lambda x: [x[1] * x[0], x[1] * x[0], x[1] * x[0]],
    ],
    ids=["of an input", "of a constant", "of two inputs"],
)
def test_a_kernel_whose_rows_are_all_the_same(function: Callable[[Any], Any], batch: int) -> None:
    backend = NumpyBackend(record(trace(function, [2])), [2])  # no pass has put them together
    x = X[:batch, :2]
    expected = [[value.data for value in function([Value(number) for number in row])] for row in x]
    found = backend.outputs([x], numpy.zeros(0), numpy.zeros((batch, 0)))
    assert found == pytest.approx(numpy.array(expected), rel=1e-15)
    seed = numpy.ones(found.shape)
    assert backend.pull_back([x], numpy.zeros(0), numpy.zeros((batch, 0)), seed)[0].shape == x.shape


def test_an_array_that_programs_share_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        _shares(4)[0] = 1.0


def test_a_derivative_by_a_constant_is_computed_while_the_source_is_written() -> None:
    weight = Weights([2.0])
    program = scalargrad.compile(lambda x: x * weight.weights[0] / 16.0, weight, inputs=(1,))
    program.value_and_grad([[1.0]])
    assert "0.0625" in str(program)


def test_no_gradient_is_computed_for_what_only_stop_gradient_takes() -> None:
    def shifted(x: Any) -> Value:
        return scalargrad.logsumexp([a - scalargrad.stop_gradient(scalargrad.max(x)) for a in x])

    program = scalargrad.compile(shifted, inputs=(3,))
    source = program._backend.render("pull_back")
    assert source.count("= f_") == 1, "the values of max"
    assert source.count("(f_") == 0, "the gradient of max"


@pytest.mark.parametrize("length", [2, 150])
@pytest.mark.parametrize("name", ["logsumexp", "max", "mean", "norm"])
def test_short_and_long_lists_are_those_of_eager_code(name: str, length: int) -> None:
    rng = numpy.random.default_rng(length)
    model = Weights(rng.normal(size=length).tolist())
    over_list = getattr(scalargrad, name)

    def function(x: list[Value]) -> Value:
        # A list that varies by sample, and one that is the same for all.
        scaled = [each * weight for each, weight in zip(x, model.weights, strict=True)]
        return over_list(scaled) * over_list(model.weights)

    program = scalargrad.compile(function, model, inputs=(length,))
    x = rng.normal(size=(5, length))
    assert not differences(program, eager(function, model, [x]), [x])


@pytest.mark.parametrize("item", [1.0, 800.0, 1e200, -1e200, math.inf, -math.inf, math.nan])
def test_logsumexp_and_its_derivatives_are_those_of_the_table(item: float) -> None:
    items = numpy.array([[0.5, -2.0], [item, item]])
    with numpy.errstate(all="ignore"):
        value, softmax = _logsumexp_and_softmax(items)
        expected = LOGSUMEXP.forward(ARRAYS, items)
        derivatives = LOGSUMEXP.partials[0](ARRAYS, expected, items)
    numpy.testing.assert_allclose(value, expected, rtol=1e-15)
    numpy.testing.assert_allclose(softmax, derivatives, rtol=1e-13)


def test_an_infinite_item_of_logsumexp_has_the_gradient_of_eager_code() -> None:
    weight = Weights([0.5])

    def function(x: Value) -> Value:
        return scalargrad.exp(-scalargrad.logsumexp([weight.weights[0], x]))

    program = scalargrad.compile(function, weight, inputs=(1,))
    function(Value(math.inf)).backward()
    _, gradient = program.value_and_grad([[math.inf]])
    assert gradient == pytest.approx([weight.weights[0].grad], nan_ok=True)


@given(
    left=st.lists(st.floats(), min_size=3, max_size=3),
    right=st.lists(st.floats(), min_size=4, max_size=4),
)
def test_a_finite_bound_means_a_finite_product(left: list[float], right: list[float]) -> None:
    factors = numpy.array([left]), numpy.array([[*right, 1.0]])
    with numpy.errstate(all="ignore"):
        product = numpy.outer(*factors)
        bound = _bound(factors[0], factors[1][:, :-1], product)
    assert numpy.isfinite(product).all() or not math.isfinite(bound)


@pytest.mark.parametrize("batch", [1, 200])
@pytest.mark.parametrize("number", [math.inf, math.nan, 1e200])
def test_a_large_layer_has_the_gradient_of_eager_code_for_odd_inputs(
    batch: int, number: float
) -> None:
    # The first layer is negative at once, so that its relu stops what is not finite.
    model = MLP(60, [80, 1], activation="relu", seed=1)
    for parameter in model.layers[0].parameters():
        parameter.data = -abs(parameter.data)
    program = scalargrad.compile(lambda x: model(x), model, inputs=(60,))
    assert "bound(" in str(program)

    x = numpy.full((batch, 60), 0.5)
    x[-1, 3] = number
    _, gradient = program.value_and_grad(x)

    gradients = []
    for row in ([0.5] * 60, x[-1].tolist()):
        model.zero_grad()
        model([Value(each) for each in row]).backward()
        gradients.append(numpy.array([parameter.grad for parameter in model.parameters()]))
    usual, odd = gradients
    expected = ((batch - 1) * usual + odd) / batch
    assert gradient == pytest.approx(expected, nan_ok=True, rel=1e-9)


def test_numbers_that_are_read_in_turn_get_their_gradient_by_one_sum() -> None:
    weight = Weights([0.5])

    def function(x: Any, y: Any) -> Value:
        scale = scalargrad.exp(x[0] * weight.weights[0])
        other = scalargrad.exp(x[1] * weight.weights[0])
        return scalargrad.logsumexp([scale * y[0], scale * y[1], other * y[2], other * y[3]])

    program = scalargrad.compile(function, weight, inputs=(2, 4))
    assert ".reshape(n, 2, 2), -1)" in program._backend.render("loss")


def test_a_gradient_summed_to_one_number_takes_more_of_several_at_once() -> None:
    """First all outputs read one number, then some outputs do, others read another one."""
    model = Weights([0.5, 1.5, 2.0, 0.7])
    w = model.weights

    def function(x: Any) -> Any:
        one = scalargrad.exp(w[0])
        other = scalargrad.sin(w[1])
        mixed = [scalargrad.hypot(w[i], y) for i, y in ((1, one), (2, one), (3, other))]
        return scalargrad.prod([scalargrad.atan2(y, one) for y in mixed]) * x

    data = [numpy.array([[1.0], [2.0]])]
    program = scalargrad.compile(function, model, inputs=(1,))
    assert differences(program, eager(function, model, data), data, 1e-13) == []
