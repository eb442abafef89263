"""Comparing graphs: the node where a difference begins, against numbers of any source."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.core.graph import topological
from scalargrad.errors import LengthError, OptionError, PictureError, UnknownNameError
from scalargrad.nn import MLP, Dropout, Layer, Sequential
from tests.viz.graphs import network, neuron
from tests.viz.hostile import each
from viz.comparison import torch as torch_mirror


def test_equal_graphs_are_equal() -> None:
    assert viz.compare(neuron(), neuron())
    assert viz.compare(network([4, 4, 1], 2), network([4, 4, 1], 2))
    text = str(viz.compare(neuron(), neuron()))
    assert text == "equal: 20 numbers agree to 1e-09 (largest difference 0)"


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 9), st.sampled_from(["value", "gradient"]), st.floats(1e-6, 10.0))
def test_the_node_that_was_changed_is_the_one_that_is_named(
    place: int, what: str, change: float
) -> None:
    first, second = neuron(), neuron()
    node = topological([second])[place]
    if what == "value":
        node.data += change
    else:
        node.grad += change
    found = viz.compare(first, second)
    assert not found
    assert found.difference is not None
    assert (found.difference.what, found.difference.second) == (
        what,
        node.data if what == "value" else node.grad,
    )
    assert abs(found.difference.second - found.difference.first) == pytest.approx(change, rel=1e-6)


def test_where_a_difference_begins_not_where_it_ends() -> None:
    def built(w: float, faulty: bool) -> Value:
        x, weight = Value(2.0, label="x"), Parameter(w, label="w")
        h = x * weight
        h.label = "h"
        y = Value(
            h.data**2, (h,), "square", partials=(h.data if faulty else 2 * h.data,), label="y"
        )
        y.backward()
        return y

    values = viz.compare(built(3.0, False), built(3.5, False))
    assert values.difference is not None
    assert values.difference.name == "w"
    gradients = viz.compare(built(3.0, False), built(3.0, True))
    assert gradients.difference is not None
    assert (gradients.difference.what, gradients.difference.name) == ("gradient", "h")
    assert "made from x = 2.0, w = 3.0" in str(gradients)


def test_another_engine_by_hand() -> None:
    o = neuron()
    numbers: dict[str, Any] = {
        "o": (0.7071067811865476, 1.0),
        "w1": (None, 1.0),
        "x1": 2.0,
        "b": (6.8813735870195432, 0.5),
    }
    assert viz.compare(o, numbers)
    numbers["b"] = (6.8813735870195432, 0.6)
    assert "the gradient of b is 0.49999" in str(viz.compare(o, numbers, tolerance=1e-3))
    order = topological([o])
    assert viz.compare(o, [node.data for node in order])
    assert viz.compare(o, [(node.data, node.grad) for node in order])


def test_micrograd() -> None:
    micrograd = pytest.importorskip("micrograd.engine")
    ours = Value(-2.0, label="a") * Value(3.0, label="b")
    y = (ours + Value(10.0, label="c")).relu() ** 2
    y.backward()
    a, b, c = micrograd.Value(-2.0), micrograd.Value(3.0), micrograd.Value(10.0)
    z = ((a * b) + c).relu() ** 2
    z.backward()
    assert viz.compare(
        y, {name: (value.data, value.grad) for name, value in (("a", a), ("b", b), ("c", c))}
    )


def test_modules_by_path() -> None:
    first, second = MLP(2, [3, 1], seed=1), MLP(2, [3, 1], seed=1)
    assert viz.compare(first, second)
    second.layers[0].neurons[1].bias.data = 0.5
    found = viz.compare(first, second)
    assert found.difference is not None
    assert found.difference.name == "layers.0.neurons.1.bias"
    assert viz.compare(first, {"layers.0.neurons.1.bias": 0.0})


def test_graphs_that_are_built_differently() -> None:
    def square(times: bool) -> Value:
        x = Value(3.0, label="x")
        y = x * x if times else x**2
        y.label = "y"
        y.backward()
        return y

    found = viz.compare(square(True), square(False))
    assert not found
    assert "built differently from node 1 on: y (mul) against y (pow)" in str(found)
    assert viz.compare(square(True), square(False), by="label")
    longer = viz.compare(square(True), [square(True), Value(1.0)])
    assert "1 nodes" not in str(longer)
    assert not longer
    assert not viz.compare(Value(1.0), Value(1.0), by="label")


def test_numbers_that_are_not_finite() -> None:
    assert viz.compare([Value(nan), Value(inf)], [nan, inf])
    assert not viz.compare([Value(nan)], [0.0])
    assert not viz.compare([Value(inf)], [-inf])
    assert not viz.compare([Value(inf)], [1e300])


def test_the_line_is_told_where_it_is_known() -> None:
    with sg.detect_anomaly():
        y = Value(2.0) * 3.0
    assert "test_graphs.py" in str(viz.compare(y, [2.0, 3.0, 7.0]))


def test_what_is_refused() -> None:
    o = neuron()
    with pytest.raises(UnknownNameError, match="did you mean 'w1'"):
        viz.compare(o, {"w11": 1.0})
    with pytest.raises(LengthError, match="10 nodes, but 2 numbers"):
        viz.compare(o, [1.0, 2.0])
    with pytest.raises(LengthError, match="pair"):
        viz.compare(o, {"o": (1.0, 2.0, 3.0)})
    with pytest.raises(PictureError, match="a number or a pair"):
        viz.compare(o, {"o": "x"})
    for wrong in (None, 3.0, "x"):
        with pytest.raises(PictureError):
            viz.compare(wrong, o)
        with pytest.raises(PictureError):
            viz.compare(o, wrong)
    with pytest.raises(OptionError, match="tolerance"):
        viz.compare(o, o, tolerance=-1.0)
    with pytest.raises(OptionError, match="by must be"):
        viz.compare(o, o, by="name")


def test_no_label_makes_lines() -> None:
    def check(text: str) -> None:
        x, y = Value(1.0, label=text), Value(2.0, label=text)
        said = str(viz.compare(x * 2.0, y * 2.0))
        assert len(said.splitlines()) <= 3

    each(check)


def test_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(torch_mirror, "import_module", missing)
    with pytest.raises(PictureError, match="pip install torch"):
        viz.compare_with_torch(MLP(1, [1]), [[1.0]], [1.0])


# PyTorch itself

ACTIVATIONS = [
    "relu",
    "tanh",
    "sigmoid",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "elu",
    "selu",
    "softplus",
    "leaky_relu",
    "hardsigmoid",
    None,
]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_networks_agree_with_pytorch(name: str | None) -> None:
    pytest.importorskip("torch")
    found = viz.compare_with_torch(
        MLP(3, [5, 4, 1], activation=name, seed=2),
        [[0.5, -1.0, 2.0], [1.5, 0.25, -3.0]],
        [1.0, -1.0],
    )
    if (
        name == "hardsigmoid"
    ):  # PyTorch 2.13 takes the slope of 1/6 in single precision, and this finds it
        assert 1e-9 < found.largest < 1e-7
        return
    assert found, str(found)
    assert found.compared == 2 * (5 + 4 + 1) + 1 + (3 * 5 + 5) + (5 * 4 + 4) + (4 + 1)


@pytest.mark.parametrize(
    "loss",
    [
        "absolute_error",
        "half_squared_error",
        "mse",
        "huber",
        "hinge",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "cross_entropy",
    ],
)
def test_losses_agree_with_pytorch(loss: str) -> None:
    pytest.importorskip("torch")
    classes = loss == "cross_entropy"
    model = MLP(
        2,
        [4, 3 if classes else 1],
        activation="tanh",
        output_activation=None if classes else "sigmoid",
        seed=5,
    )
    assert viz.compare_with_torch(
        model, [[0.5, -1.0], [1.5, 0.25]], [2, 0] if classes else [1.0, 1.0], loss
    )


def test_networks_without_biases_agree_with_pytorch() -> None:
    pytest.importorskip("torch")
    model = MLP(3, [4, 1], "tanh", seed=2, bias=False)
    assert viz.compare_with_torch(model, [[0.5, -1.0, 2.0], [1.5, 0.25, -3.0]], [1.0, -1.0])


def test_sequentials_and_losses_of_ones_own() -> None:
    torch = pytest.importorskip("torch")
    model = Sequential(Layer(2, 3, "tanh"), Layer(3, 3, None), sg.softmax)
    assert viz.compare_with_torch(model, [[0.5, -1.0]], [1], lambda p, t: (1.0 - p[t]) ** 2)
    ours, theirs = (lambda p, t: -sg.log(p[t])), (lambda p, t: -torch.log(p[t]))
    with pytest.raises(PictureError, match="torch_loss="):
        viz.compare_with_torch(model, [[0.5, -1.0]], [1], ours)
    assert viz.compare_with_torch(model, [[0.5, -1.0]], [1], ours, torch_loss=theirs)
    nested = Sequential(MLP(2, [3, 2], "tanh", output_activation="softmax"), Layer(2, 1, None))
    assert viz.compare_with_torch(nested, [[0.5, -1.0]], [1.0])


def test_an_engine_that_errs_is_found_and_gradients_come_back() -> None:
    pytest.importorskip("torch")

    def wrong(x: Value) -> Value:
        return Value(x.tanh().data, (x,), "mine", partials=(1.0,))

    wrong.__name__ = "tanh"
    model = MLP(2, [3, 1], activation=wrong, seed=1)
    model.layers[0].neurons[0].bias.grad = 7.0
    found = viz.compare_with_torch(model, [[0.5, -1.0]], [1.0])
    assert found.difference is not None
    assert (found.difference.what, found.difference.name[:20]) == (
        "gradient",
        "layers.0.neurons.2.b",
    )
    assert model.layers[0].neurons[0].bias.grad == 7.0


def test_what_has_no_mirror() -> None:
    pytest.importorskip("torch")
    for model in (
        Sequential(Layer(2, 2), Dropout(0.5)),
        MLP(2, [2, 1], activation="step"),
        MLP(2, [2, 1], activation="prelu"),
    ):
        with pytest.raises(PictureError, match="no counterpart"):
            viz.compare_with_torch(model, [[1.0, 2.0]], [1.0])
    with pytest.raises(LengthError, match="one target for each sample"):
        viz.compare_with_torch(MLP(2, [1]), [[1.0, 2.0]], [])
    with pytest.raises(OptionError, match="loss must be one of"):
        viz.compare_with_torch(MLP(2, [1]), [[1.0, 2.0]], [1.0], "nothing")
