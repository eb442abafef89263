"""Limits do what PyTorch's do, and what the text of Srivastava et al. says."""

from math import inf, isnan, nan, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Parameter, Value
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.nn import MLP, Layer, Module, Neuron
from scalargrad.optim import (
    clip_gradient_norm,
    clip_gradient_values,
    max_norm,
)


def parameters(data: list[float]) -> list[Parameter]:
    return [Parameter(x) for x in data]


def with_gradients(gradients: list[Any]) -> list[Parameter]:
    found = parameters([1.0] * len(gradients))
    for parameter, gradient in zip(found, gradients, strict=True):
        parameter.grad = gradient
    return found


# After the step


def test_max_norm_scales_the_weights_of_each_neuron_alone() -> None:
    model = MLP(2, [3, 1])
    rows = [[3.0, 4.0], [0.3, 0.4], [-6.0, 8.0]]
    for neuron, row in zip(model.layers[0].neurons, rows, strict=True):
        neuron.load_state_dict({"weights.0": row[0], "weights.1": row[1], "bias": 100.0})
    model.layers[1].neurons[0].load_state_dict(
        {"weights.0": 0.0, "weights.1": 0.0, "weights.2": 0.0, "bias": 0.0}
    )
    assert max_norm(model, 2.0) == 2
    found = [[w.data for w in neuron.weights] for neuron in model.layers[0].neurons]
    assert found == [pytest.approx([1.2, 1.6]), [0.3, 0.4], pytest.approx([-1.2, 1.6])]
    assert [neuron.bias.data for neuron in model.layers[0].neurons] == [100.0] * 3
    assert [w.data for w in model.layers[1].neurons[0].weights] == [0.0] * 3


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.floats(1e-3, 10.0))
def test_max_norm_keeps_direction_and_limit(data: list[float], limit: float) -> None:
    neuron = Neuron(len(data))
    neuron.load_state_dict({**{f"weights.{i}": x for i, x in enumerate(data)}, "bias": 0.0})
    max_norm([neuron], limit)
    norm, after = sqrt(sum(x * x for x in data)), [w.data for w in neuron.weights]
    assert sqrt(sum(x * x for x in after)) <= limit * (1 + 1e-12)
    assert after == pytest.approx(
        [x * min(1.0, limit / norm) if norm else x for x in data], rel=1e-12, abs=1e-300
    )


def test_max_norm_is_renorm_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    model = MLP(3, [5], seed=1, initializer="uniform")
    before = torch.tensor(
        [[w.data for w in neuron.weights] for neuron in model.layers[0].neurons],
        dtype=torch.float64,
    )
    max_norm(model, 0.8)
    expected = torch.renorm(before, p=2, dim=0, maxnorm=0.8)
    for neuron, row in zip(model.layers[0].neurons, expected.tolist(), strict=True):
        assert [w.data for w in neuron.weights] == pytest.approx(
            row, rel=1e-6
        )  # renorm adds 1e-7 to the norm


def test_max_norm_leaves_what_is_not_finite() -> None:
    neuron = Neuron(2)
    neuron.weights[0].data, neuron.weights[1].data = inf, 1.0
    assert max_norm(neuron, 1.0) == 0
    assert [w.data for w in neuron.weights] == [inf, 1.0]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([], LengthError, "no neurons"),
        (Module(), LengthError, "no neurons"),
        ([Neuron(1), 3.0], DataError, "item 1 is a float"),
        (3.0, DataError, "not float"),
        (Parameter(1.0), DataError, "not Parameter"),
    ],
)
def test_max_norm_needs_neurons(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        max_norm(given, 1.0)


# After the backward pass

GRADIENTS = [[3.0, -4.0], [0.1, 0.2, -0.3], [0.0, 0.0], [1e-7], [1e4, -1e-4, 7.0]]


@pytest.mark.parametrize("gradients", GRADIENTS)
@pytest.mark.parametrize("limit", [1e-3, 1.0, 5.0, 1e5])
def test_clipping_is_that_of_pytorch(gradients: list[float], limit: float) -> None:
    torch = pytest.importorskip("torch")
    utils = torch.nn.utils
    for together in (False, True):
        w, t = (
            with_gradients(gradients),
            [torch.zeros(1, dtype=torch.float64, requires_grad=True) for _ in gradients],
        )
        for tensor, gradient in zip(t, gradients, strict=True):
            tensor.grad = torch.tensor([gradient], dtype=torch.float64)
        if together:
            assert clip_gradient_norm(w, limit) == pytest.approx(
                utils.clip_grad_norm_(t, limit).item(), rel=1e-14
            )
        else:
            clip_gradient_values(w, limit)
            utils.clip_grad_value_(t, limit)
        assert [p.grad for p in w] == pytest.approx([tensor.grad.item() for tensor in t], rel=1e-14)


@pytest.mark.parametrize("gradients", GRADIENTS)
@pytest.mark.parametrize("limit", [1e-3, 1.0, 5.0, 1e5])
def test_clipping_is_its_formula(gradients: list[float], limit: float) -> None:
    norm = sqrt(sum(g * g for g in gradients))
    w = with_gradients(gradients)
    assert clip_gradient_norm(w, limit) == pytest.approx(norm, rel=1e-14)
    assert [p.grad for p in w] == pytest.approx(
        [g * min(1.0, limit / (norm + 1e-6)) for g in gradients], rel=1e-14
    )
    w = with_gradients(gradients)
    clip_gradient_values(w, limit)
    assert [p.grad for p in w] == [min(max(g, -limit), limit) for g in gradients]


def test_gradients_within_the_limit_keep_their_bits() -> None:
    w = with_gradients([0.1, -0.7])
    clip_gradient_values(w, 0.7)
    assert clip_gradient_norm(w, inf) == pytest.approx(sqrt(0.5))
    assert clip_gradient_norm(w, 1.0) == pytest.approx(sqrt(0.5))
    assert [p.grad for p in w] == [0.1, -0.7]


def test_gradients_that_are_none_or_values() -> None:
    w = with_gradients([None, Value(3.0), -4])
    assert clip_gradient_norm(w, 1.0) == 5.0
    assert [p.grad if type(p.grad) is float else p.grad.data for p in w] == pytest.approx(
        [0.0, 0.6, -0.8], abs=1e-6
    )
    w = with_gradients([None, Value(3.0), -4])
    clip_gradient_values(w, 1.0)
    assert [p.grad for p in w] == [None, 1.0, -1.0]


def test_clipping_what_is_not_finite() -> None:
    w = with_gradients([nan, inf, -inf, 1.0])
    clip_gradient_values(w, 2.0)
    assert isnan(w[0].grad)
    assert [p.grad for p in w[1:]] == [2.0, -2.0, 1.0]
    w = with_gradients([nan, 1.0])
    assert isnan(clip_gradient_norm(w, 2.0))
    assert all(isnan(p.grad) for p in w)
    w = with_gradients([inf, 1.0])
    assert clip_gradient_norm(w, 2.0) == inf
    assert isnan(w[0].grad)
    assert w[1].grad == 0.0


# Errors


@pytest.mark.parametrize("function", [max_norm, clip_gradient_values, clip_gradient_norm])
def test_arguments_out_of_their_range(function: Any) -> None:
    what = Neuron(1) if function is max_norm else parameters([1.0])
    for wrong in (-1.0, nan):
        with pytest.raises(OptionError, match=f"of {function.__name__} must be"):
            function(what, wrong)
    with pytest.raises(DataError, match=f"of {function.__name__} must be a real number"):
        function(what, "1")
    if function is not max_norm:
        with pytest.raises(LengthError, match="no parameters"):
            function([], 1.0)
        with pytest.raises(DataError, match="item 0 is a Value"):
            function([Value(1.0)], 1.0)


def test_max_norm_leaves_frozen_weights_alone() -> None:
    layer = Layer(2, 2, seed=1)
    layer.neurons[0].freeze()
    before = layer.state_dict()
    assert max_norm(layer, 0.01) == 1
    changed = {name for name, number in layer.state_dict().items() if number != before[name]}
    assert changed == {"neurons.1.weights.0", "neurons.1.weights.1"}
