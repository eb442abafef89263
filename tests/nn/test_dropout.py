"""Dropout and DropConnect: shares, means, masks that pictures show, seeds, and evaluation."""

import copy
import math
import pickle
from random import Random
from typing import Any

import numpy as np
import pytest

import scalargrad as sg
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.core.leaves import RandomLeaf
from scalargrad.errors import DataError, OptionError
from scalargrad.nn import MLP, Conv, DropConnect, Dropout, Layer, Neuron, RReLU, Sequential
from scalargrad.nn.dropout import Mask
from scalargrad.optim import max_norm


def numbers(nest: Any) -> Any:
    return [numbers(part) for part in nest] if isinstance(nest, list) else nest.data


def masks(nodes: Any) -> list[float]:
    return [node.data for node in topological(nodes) if isinstance(node, RandomLeaf)]


# Dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_share_and_the_mean(share: float) -> None:
    """10,000 draws: within five standard errors of what the published method says."""
    found = numbers(Dropout(share, seed=1)([1.0] * 10000))
    assert set(found) == {0.0, 1.0 / (1.0 - share)}
    error = 5 * math.sqrt(share * (1 - share) / 10000)
    assert found.count(0.0) / 10000 == pytest.approx(share, abs=error)
    assert math.fsum(found) / 10000 == pytest.approx(1.0, abs=error / (1 - share))


def test_a_draw_that_is_the_share_itself_leaves_nothing_out() -> None:
    class Border(Random):
        def random(self) -> float:
            return 0.75

    assert Mask(0.75, Border(), "a Mask").draw() == 4.0


def test_evaluation_does_nothing_at_all() -> None:
    x = [Value(1.0), Value(2.0)]
    dropout = Dropout(0.9).eval()
    assert dropout(x) == x
    assert Dropout(0.0)(x) == x
    state = dropout.generator.getstate()
    dropout(x)
    assert dropout.generator.getstate() == state


def test_gradients_are_the_masks() -> None:
    x, rng = [Value(float(i)) for i in range(20)], Random(3)
    outputs = Dropout(0.5, seed=3)(x)
    sum(outputs).backward()
    assert [v.grad for v in x] == [0.0 if rng.random() < 0.5 else 2.0 for _ in x]


def test_any_shape_and_the_same_shape() -> None:
    x = np.arange(1.0, 13.0).reshape(2, 3, 2)
    found = np.array(numbers(Dropout(0.5, seed=1)(x)))
    assert found.shape == x.shape
    assert all(
        after in (0.0, 2.0 * before) for before, after in zip(x.ravel(), found.ravel(), strict=True)
    )


def test_masks_are_leaves_that_can_be_drawn_again() -> None:
    dropout = Dropout(0.5, seed=1)
    output = dropout([3.0])[0]
    (mask,) = [node for node in topological([output]) if isinstance(node, RandomLeaf)]
    assert mask.kind == "constant"
    assert output.data == 3.0 * mask.data
    assert {mask.source.draw() for _ in range(50)} == {0.0, 2.0}
    assert output.scope.path == "0"
    assert copy.deepcopy(output).data == pickle.loads(pickle.dumps(output)).data == output.data


def test_seeds_generators_and_copies() -> None:
    x = [1.0] * 30
    assert (
        numbers(Dropout(seed=1)(x))
        == numbers(Dropout(seed=Random(1))(x))
        != numbers(Dropout(seed=2)(x))
    )
    dropout = Dropout(seed=1)
    assert numbers(dropout(x)) != numbers(dropout(x))
    model = Sequential(Layer(2, 2), dropout)
    assert [name for name, _ in model.named_generators()] == ["steps.1.generator"]
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.steps[1].mask.generator is twin.steps[1].generator
        assert numbers(twin.steps[1](x)) == numbers(copy.deepcopy(dropout)(x))
    rng, state = dict(model.named_generators())["steps.1.generator"], dropout.generator.getstate()
    first = numbers(dropout(x))
    rng.setstate(state)
    assert numbers(dropout(x)) == first
    assert dropout.state_dict() == {}
    assert repr(dropout) == "Dropout(0.5)"


def test_in_a_network() -> None:
    model = Sequential(
        Layer(3, 50, "tanh", seed=1), Dropout(0.5, seed=1), Layer(50, 1, None, seed=2)
    )
    x = [1.0, -1.0, 0.5]
    assert len({model(x)[0].data for _ in range(5)}) == 5
    mean = math.fsum(model(x)[0].data for _ in range(1000)) / 1000
    plain = model.eval()(x)[0].data
    assert mean == pytest.approx(plain, abs=0.2)
    assert masks([model(x)[0]]) == []
    assert len(masks([model.train()(x)[0]])) == 50


@pytest.mark.parametrize("share", [-0.1, 1.0, 2, math.nan], ids=repr)
def test_impossible_shares(share: float) -> None:
    with pytest.raises(OptionError, match="p of Dropout is the probability of being dropped"):
        Dropout(share)
    with pytest.raises(OptionError, match="p of DropConnect"):
        DropConnect(Neuron(2), share)


def test_refusals() -> None:
    for x in (1.0, None, "ab", [1.0, "b"], [None]):
        with pytest.raises(DataError, match="Dropout"):
            Dropout()(x)
    with pytest.raises(DataError, match="p of Dropout"):
        Dropout("0.5")  # type: ignore[arg-type]
    for module in (Dropout(), Conv(1, 1, 1), MLP(1, [1]), 3):
        with pytest.raises(OptionError, match="DropConnect takes a Layer or a Neuron"):
            DropConnect(module)  # type: ignore[arg-type]


# DropConnect


def test_weights_are_left_out_and_the_others_grow() -> None:
    thin = DropConnect(Layer(3, 2, None, seed=1), 0.5, seed=4)
    thin.layer.neurons[1].bias.data = 0.5
    x, rng = [1.0, -2.0, 3.0], Random(4)
    expected = []
    for neuron in thin.layer.neurons:
        kept = [0.0 if rng.random() < 0.5 else 2.0 for _ in x]
        expected.append(
            neuron.bias.data
            + sum(w.data * m * v for w, m, v in zip(neuron.weights, kept, x, strict=True))
        )
    assert numbers(thin(x)) == pytest.approx(expected, rel=1e-12)


def test_drop_connect_reaches_the_parameters_themselves() -> None:
    thin = DropConnect(Neuron(2, None, seed=1), 0.5, seed=1)
    thin([3.0, 5.0]).backward()
    (first, second), bias = thin.layer.weights, thin.layer.bias
    assert bias.grad == 1.0
    assert (first.grad, second.grad) in {(a, b) for a in (0.0, 6.0) for b in (0.0, 10.0)}
    assert [name for name, _ in thin.named_parameters()] == [
        "layer.weights.0",
        "layer.weights.1",
        "layer.bias",
    ]
    assert all(isinstance(weight, sg.Parameter) for weight in thin.layer.weights)


def test_drop_connect_in_evaluation_is_the_layer_and_the_mean_of_training() -> None:
    thin = DropConnect(Layer(3, 2, None, seed=1), 0.3, seed=1)
    x = [1.0, -2.0, 3.0]
    plain = numbers(thin.layer(x))
    assert numbers(thin.eval()(x)) == plain == numbers(DropConnect(thin.layer, 0.0)(x))
    thin.train()
    found = np.array([numbers(thin(x)) for _ in range(4000)])
    np.testing.assert_allclose(
        found.mean(0), plain, atol=5 * float(found.std(0).max()) / math.sqrt(4000)
    )


def test_drop_connect_of_softmax_in_a_network() -> None:
    model = Sequential(
        DropConnect(Layer(2, 4, "prelu", seed=1), 0.5, seed=1),
        DropConnect(Layer(4, 3, "softmax", seed=1), 0.5, seed=2),
    )
    assert model.inputs == 2
    outputs = model([1.0, -1.0])
    assert sum(numbers(outputs)) == pytest.approx(1.0, rel=1e-12)
    assert {node.scope.path for node in topological(outputs) if node.op == "prelu"} == {
        f"steps.0.layer.neurons.{i}" for i in range(4)
    }
    assert len(masks(outputs)) == 8 + 12
    assert max_norm(model, 1e-3) == 7
    assert [name for name, _ in model.named_generators()] == [
        "steps.0.generator",
        "steps.1.generator",
    ]
    twin = copy.deepcopy(model)
    assert numbers(twin([1.0, -1.0])) == numbers(model([1.0, -1.0]))
    assert repr(model.steps[0]) == "DropConnect(0.5)\n  (layer) Layer(2 → 4, prelu)"


# RReLU


def test_the_slope_of_rrelu_is_a_drawn_leaf() -> None:
    rrelu, x = RReLU(0.25, 0.75, seed=3), Value(-2.0)
    y = rrelu(x)
    assert masks([y]) == [Random(3).uniform(0.25, 0.75)]
    assert y.data == -2.0 * masks([y])[0]
    y.backward()
    (slope,) = [node for node in topological([y]) if isinstance(node, RandomLeaf)]
    assert (x.grad, slope.grad) == (slope.data, -2.0)
    assert 0.25 <= slope.source.draw() <= 0.75
    assert masks([rrelu.eval()(x)]) == []
    assert [name for name, _ in rrelu.named_generators()] == ["generator"]
