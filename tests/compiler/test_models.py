"""Networks of all sorts, compiled: outputs, mean loss and every gradient as eager code says, and as
NumPy by hand says for a few.
"""

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy
import pytest

import scalargrad as sg
from scalargrad import Parameter, Value
from scalargrad.compiler import compile
from scalargrad.errors import TraceError
from scalargrad.losses import (
    LOSSES,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    mse,
)
from scalargrad.nn import (
    ACTIVATIONS,
    MLP,
    AvgPool,
    Conv,
    DropConnect,
    Dropout,
    Embedding,
    Flatten,
    GRUCell,
    Layer,
    LayerNorm,
    LSTMCell,
    MaxPool,
    Module,
    PReLU,
    Recurrent,
    RMSNorm,
    RNNCell,
    RReLU,
    Sequential,
)
from scalargrad.optim import elastic_net, l1, l2
from tests.compiler.backends import once
from tests.compiler.referee import Array, Eager, differences, eager
from tests.compiler.test_kernels import attention, image

pytestmark = pytest.mark.usefixtures("default_backend")

BOUND = 1e-12


def data(*sizes: int, batch: int = 5, seed: int = 0) -> list[Array]:
    rng = numpy.random.default_rng(seed)
    return [rng.normal(size=(batch, size)) for size in sizes]


def agrees(function: Callable[..., Any], model: Module, *sizes: int, bound: float = BOUND) -> bool:
    """Whether the program and eager code say the same for batches of 1, 2 and 7."""
    program = compile(function, model, sizes)
    batches = [data(*sizes, batch=batch, seed=batch) for batch in (1, 2, 7)]
    return all(
        differences(program, eager(function, model, batch), batch, bound) == [] for batch in batches
    )


@once
@pytest.mark.filterwarnings("ignore::scalargrad.errors.NoGradientWarning")
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_networks_with_every_activation(name: str) -> None:
    model = MLP(3, [5, 4, 1], activation=name, seed=1).eval()
    above = name in ("acosh",)  # nan below 1, which nothing comes back from
    assert agrees(
        lambda x, y: mse(model([abs(item) + 3.0 for item in x] if above else x), y), model, 3, 1
    )


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "prelu", "rrelu"])
def test_networks_with_activations_of_a_layer_or_of_a_module(name: str) -> None:
    model = MLP(3, [5, 4, 2], activation=name, seed=1)
    model.eval()
    assert agrees(lambda x, y: mse(model(x), y), model, 3, 2)


def test_a_convolutional_network() -> None:
    model = Sequential(
        Conv(1, 2, size=3, padding=1, activation="relu", seed=1),
        MaxPool(2),
        Conv(2, 2, size=2, stride=1, activation="tanh", seed=2),
        AvgPool((1, 2)),
        Flatten(),
        Layer(4, 3, activation=None, seed=3),
    )
    assert agrees(lambda x: cross_entropy(model(image(x, 6)), 1), model, 36)


def test_layer_normalization() -> None:
    model = Sequential(
        Layer(3, 4, seed=1), LayerNorm(4, activation="gelu"), Layer(4, 2, activation=None, seed=2)
    )
    assert agrees(lambda x, y: mse(model(x), y), model, 3, 2)


@pytest.mark.parametrize("is_scaled", [False, True])
def test_normalization_by_the_root_mean_square(is_scaled: bool) -> None:
    model = Sequential(
        Layer(3, 4, seed=1),
        RMSNorm(4, 1e-3, is_scaled),
        Layer(4, 2, activation=None, seed=2, bias=False),
    )
    assert agrees(lambda x, y: mse(model(x), y), model, 3, 2)


@pytest.mark.parametrize("cell", [RNNCell, LSTMCell, GRUCell])
def test_recurrent_networks(cell: Any) -> None:
    model = Sequential(
        Recurrent(cell(2, 3, seed=1), last=True), Layer(3, 1, activation=None, seed=2)
    )
    assert agrees(lambda x, y: (model(image(x, 4))[0] - y) ** 2, model, 8, 1)


def test_an_embedding_with_fixed_indices() -> None:
    table, layer = Embedding(4, 3, seed=1), Layer(6, 1, seed=2)

    class Both(Module):
        def __init__(self) -> None:
            self.table, self.layer = table, layer

    assert agrees(lambda x: layer([*table(2), *table(0)])[0] * x, Both(), 1)


def test_an_embedding_by_shares() -> None:
    """Which row is taken is an input: one-hot shares of the rows."""
    table = Embedding(4, 3, seed=1)
    assert agrees(
        lambda x: [sg.dot(x, column) for column in zip(*table.vectors, strict=True)], table, 4
    )


def test_prelu_with_one_slope_for_all() -> None:
    model = Sequential(
        Layer(3, 4, activation=PReLU(), seed=1), Layer(4, 1, activation=None, seed=2)
    )
    assert agrees(lambda x: model(x)[0], model, 3)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name: str) -> None:
    model = Layer(3, 2, activation="sigmoid" if name == "binary_cross_entropy" else None, seed=1)
    target: dict[str, Any] = {"hinge": [1, -1], "cross_entropy": 1}
    assert agrees(lambda x: LOSSES[name](model(x), target.get(name, [0.25, 1.0])), model, 3)


def test_losses_with_targets_as_inputs() -> None:
    model = Layer(3, 2, activation=None, seed=1)
    assert agrees(lambda x, y: huber(model(x), y, delta=0.7), model, 3, 2)
    assert agrees(lambda x, y: binary_cross_entropy_with_logits(model(x), y), model, 3, 2)
    assert agrees(lambda x, y: cross_entropy(model(x), sg.softmax(y)), model, 3, 2)
    assert agrees(lambda x, y: hinge(model(x)[0], y), model, 3, 1)


def test_label_smoothing() -> None:
    model = Layer(3, 4, activation=None, seed=1)
    assert agrees(lambda x: cross_entropy(model(x), 2, label_smoothing=0.1), model, 3)


@pytest.mark.parametrize(
    "penalty", [l1, l2, lambda p, s: elastic_net(p, s, 2 * s)], ids=["l1", "l2", "elastic net"]
)
def test_penalties(penalty: Any) -> None:
    model = MLP(3, [4, 1], activation="tanh", seed=1)
    assert agrees(lambda x, y: mse(model(x), y) + penalty(model.parameters(), 0.01), model, 3, 1)


def test_attention() -> None:
    class Attention(Module):
        def __init__(self) -> None:
            self.q, self.k, self.v = (Layer(4, 4, activation=None, seed=seed) for seed in range(3))

        def forward(self, x: Any) -> Any:
            tokens = image(x, 3)
            return [
                y
                for row in attention(
                    *([part(token) for token in tokens] for part in (self.q, self.k, self.v))
                )
                for y in row
            ]

    model = Attention()
    assert agrees(model, model, 12)
    assert agrees(lambda x: sg.mean([y * y for y in model(x)]), model, 12)


def test_shared_weights_and_a_network_that_is_called_twice() -> None:
    model = MLP(2, [3, 2], activation="tanh", seed=1)
    assert agrees(lambda x: sg.sum(model(model(x))), model, 2)


def test_gradient_reaches_through_a_network_to_several_arguments() -> None:
    model = MLP(5, [4, 1], activation="softplus", seed=1)
    assert agrees(lambda x, y, z: model([*x, y, *z]), model, 2, 1, 2)


# What is drawn at random


class Noisy(Module):
    """Dropout, random slopes and dropped weights, one after the other."""

    def __init__(self) -> None:
        self.first, self.dropout = (
            Layer(3, 6, activation=RReLU(seed=5), seed=1),
            Dropout(0.4, seed=2),
        )
        self.last = DropConnect(Layer(6, 2, activation="tanh", seed=3), 0.3, seed=4)

    def forward(self, x: Any) -> Any:
        return self.last(self.dropout(self.first(x)))


def states(model: Module) -> list[Any]:
    return [generator.getstate() for _, generator in model.named_generators()]


def set_states(model: Module, found: list[Any]) -> None:
    for (_, generator), state in zip(model.named_generators(), found, strict=True):
        generator.setstate(state)


def test_drawn_numbers_are_those_of_eager_code() -> None:
    model = Noisy()
    begin = states(model)

    def loss(x: Any, y: Any) -> Value:
        result: Value = mse(model(x), y)
        return result

    program = compile(loss, model, (3, 2))
    assert states(model) == begin, "a recording draws nothing"
    batch = data(3, 2, batch=6)
    expected = eager(loss, model, batch)
    after = states(model)
    for ask, found in (
        (lambda: program(*batch), expected.outputs),
        (lambda: program.value_and_grad(*batch)[0], expected.loss),
        (lambda: program.value_and_grad(*batch)[1], expected.gradient),
        (lambda: program.inputs_gradient(*batch)[0], expected.jacobian[0][:, 0]),
    ):
        set_states(model, begin)
        numpy.testing.assert_allclose(ask(), found, rtol=1e-12, atol=1e-14)
        assert states(model) == after


def test_masks_of_numbers_that_are_not_used_are_drawn_all_the_same() -> None:
    model = Dropout(0.5, seed=1)

    def function(x: Any) -> Value:
        result: Value = model(x)[1]
        return result

    program, begin = compile(function, model, (3,)), states(model)
    batch = [numpy.ones((20, 3))]
    expected = eager(function, model, batch)
    set_states(model, begin)
    assert numpy.array_equal(program(*batch), expected.outputs)


def test_the_number_of_a_mask_is_not_told() -> None:
    model = Dropout(0.5, seed=1)
    with pytest.raises(TraceError, match="branch"):
        compile(lambda x: x[0] if model(x)[1].args[1] > 0 else x[1], model, (3,))


def test_masks_differ_from_sample_to_sample_and_from_run_to_run() -> None:
    model = Dropout(0.5, seed=1)
    program = compile(model, model, (8,))
    first, second = program(numpy.ones((4, 8))), program(numpy.ones((4, 8)))
    assert set(first.ravel()) == {0.0, 2.0}
    assert len({tuple(row) for row in [*first.tolist(), *second.tolist()]}) > 4


def test_dropout_in_evaluation_does_nothing() -> None:
    model = Noisy()
    model.eval()
    assert agrees(model, model, 3)


def test_a_loss_that_is_not_finite_uses_the_same_masks() -> None:
    model = Dropout(0.5, seed=1)

    def loss(x: Any) -> Value:
        result: Value = sg.sum([1.0 / item for item in model(x)])
        return result

    program, begin = compile(loss, model, (3,)), states(model)
    batch = [numpy.array([[1.0, 2.0, 4.0], [3.0, -1.0, 2.0]])]
    expected = eager(loss, model, batch)
    set_states(model, begin)
    assert program.value_and_grad(*batch)[0] == expected.loss or math.isnan(expected.loss)
    set_states(model, begin)
    numpy.testing.assert_array_equal(program(*batch), expected.outputs)


# NumPy by hand


def test_a_network_against_numpy_by_hand() -> None:
    model = MLP(4, [6, 3], activation="tanh", seed=1)
    x, y = data(4, 3, batch=11)
    program = compile(lambda x, y: mse(model(x), y, reduction="sum"), model, (4, 3))
    w1, b1 = weights_of(model.layers[0])
    w2, b2 = weights_of(model.layers[1])
    hidden = numpy.tanh(x @ w1.T + b1)
    error = hidden @ w2.T + b2 - y
    back = 2.0 * error / 11
    inner = (back @ w2) * (1.0 - hidden**2)
    expected = [
        numpy.hstack([inner.T @ x, inner.sum(0)[:, None]]).ravel(),
        numpy.hstack([back.T @ hidden, back.sum(0)[:, None]]).ravel(),
    ]
    loss, gradient = program.value_and_grad(x, y)
    assert loss == pytest.approx((error**2).sum() / 11, rel=1e-13)
    numpy.testing.assert_allclose(gradient, numpy.concatenate(expected), rtol=1e-11, atol=1e-14)
    numpy.testing.assert_allclose(
        program.inputs_gradient(x, y)[0], 11 * inner @ w1, rtol=1e-11, atol=1e-14
    )


def test_softmax_regression_against_numpy_by_hand() -> None:
    model = Layer(4, 3, activation=None, seed=1)
    x, y = data(4, 3, batch=9)
    y = numpy.eye(3)[y.argmax(axis=1)]
    program = compile(lambda x, y: cross_entropy(model(x), y), model, (4, 3))
    weights, bias = weights_of(model)
    logits = x @ weights.T + bias
    shares = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    back = (shares - y) / 9
    loss, gradient = program.value_and_grad(x, y)
    assert loss == pytest.approx(-numpy.log((shares * y).sum(axis=1)).mean(), rel=1e-13)
    numpy.testing.assert_allclose(
        gradient, numpy.hstack([back.T @ x, back.sum(0)[:, None]]).ravel(), rtol=1e-11, atol=1e-14
    )


def weights_of(layer: Any) -> tuple[Array, Array]:
    rows = [[weight.data for weight in neuron.weights] for neuron in layer.neurons]
    return numpy.array(rows), numpy.array([neuron.bias.data for neuron in layer.neurons])


def test_networks_against_pytorch() -> None:
    torch = pytest.importorskip("torch")
    model = MLP(4, [6, 5, 3], activation="gelu", seed=1)
    x, y = data(4, 3, batch=9)
    program = compile(lambda x, y: cross_entropy(model(x), sg.softmax(y)), model, (4, 3))
    tensors = [
        torch.tensor(part, requires_grad=True)
        for layer in model.layers
        for part in weights_of(layer)
    ]
    inputs = torch.tensor(x, requires_grad=True)
    hidden = inputs
    for i in range(0, 6, 2):
        hidden = hidden @ tensors[i].T + tensors[i + 1]
        hidden = torch.nn.functional.gelu(hidden) if i < 4 else hidden
    theirs = torch.nn.functional.cross_entropy(hidden, torch.softmax(torch.tensor(y), dim=1))
    theirs.backward()
    loss, gradient = program.value_and_grad(x, y)
    assert loss == pytest.approx(theirs.item(), rel=1e-12)
    expected = [
        numpy.hstack([w.grad.numpy(), b.grad.numpy()[:, None]]).ravel()
        for w, b in zip(tensors[::2], tensors[1::2], strict=True)
    ]
    numpy.testing.assert_allclose(gradient, numpy.concatenate(expected), rtol=1e-10, atol=1e-14)
    numpy.testing.assert_allclose(
        program.inputs_gradient(x, y)[0], 9 * inputs.grad.numpy(), rtol=1e-10, atol=1e-14
    )


# Training by hand, step by step


def test_two_hundred_steps_stay_with_eager_code() -> None:
    model, twin = (
        MLP(2, [4, 1], activation="tanh", seed=1),
        MLP(2, [4, 1], activation="tanh", seed=1),
    )
    rng = Random(0)
    x = numpy.array([[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(20)])
    y = (x[:, :1] * x[:, 1:] > 0) * 2.0 - 1.0
    program = compile(lambda x, y: hinge(model(x), y) + l2(model.parameters(), 1e-3), model, (2, 1))
    for _ in range(200):
        program.parameters[:] -= 0.1 * program.value_and_grad(x, y)[1]
        found: Eager = eager(
            lambda x, y: hinge(twin(x), y) + l2(twin.parameters(), 1e-3), twin, [x, y]
        )
        for parameter, slope in zip(twin.parameters(), found.gradient.tolist(), strict=True):
            parameter.data -= 0.1 * slope
    numpy.testing.assert_allclose(
        program.parameters, [parameter.data for parameter in twin.parameters()], rtol=1e-9
    )
    program.write_back()
    assert model.state_dict() == pytest.approx(twin.state_dict(), rel=1e-9)


def test_frozen_parameters_get_gradients() -> None:
    model = MLP(2, [3, 1], seed=1)
    model.layers[0].freeze()
    assert agrees(model, model, 2)
    assert isinstance(model.parameters()[0], Parameter)


def test_the_range_of_a_probability_is_not_asked_while_recording() -> None:
    program = compile(lambda x, y: binary_cross_entropy(x + 0.5, y), inputs=(1, 1))
    found = program(numpy.array([[0.25], [-0.25]]), numpy.array([[1.0], [0.0]]))
    assert found[:, 0] == pytest.approx([-math.log(0.75), -math.log(0.75)], rel=1e-12)
