"""The columns of neurons that a page draws, found in the graph of a sample."""

from collections.abc import Sequence
from typing import Any

import numpy
import pytest

import scalargrad as sg
from scalargrad import Value, nn
from scalargrad.losses import LossName
from viz.explorer.training_data import TrainingData, read_training

X = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]]
Y = [1.0, -1.0, 1.0]


def read(model: nn.Module, x: Any = X, y: Any = Y, loss: LossName = "mse") -> TrainingData:
    return read_training(model, (x, y), loss, "sgd", None, 0)


def neurons_of(training: TrainingData) -> list[dict[str, Any]]:
    assert training.network
    return [neuron for column in training.network["columns"] for neuron in column["neurons"]]


def shape_of(model: nn.Module, **options: Any) -> list[tuple[str, str]]:
    network = read(model, **options).network
    assert network
    return [(column["title"], column["note"]) for column in network["columns"]]


def test_a_multilayer_perceptron_has_its_layers_as_columns() -> None:
    model = nn.MLP(2, [3, 2, 1], activation="tanh", seed=0)
    assert shape_of(model) == [
        ("hidden 1", "3 × tanh"),
        ("hidden 2", "2 × tanh"),
        ("output", "1 × linear"),
    ]
    network = read(model).network
    assert network
    assert network["names"] == ["x1", "x2"]
    names = [neuron["name"] for neuron in neurons_of(read(model))]
    assert names == ["h1", "h2", "h3", "g1", "g2", "ŷ"]


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "gelu", "silu", "prelu", None])
def test_every_neuron_has_its_own_weights_sum_and_output(activation: Any) -> None:
    model = nn.MLP(2, [4, 3, 1], activation=activation, seed=3)
    training = read(model)
    assert training.network
    order = training.snapshot.order
    modules = dict(model.named_modules())
    below: Sequence[Value | float] = X[0]
    for column in training.network["columns"]:
        outputs = []
        for described in column["neurons"]:
            neuron = modules[described["path"]]
            assert isinstance(neuron, nn.Neuron)
            weights = [order[each["parameter"]].data for each in described["weights"]]
            assert weights == [weight.data for weight in neuron.weights]
            assert order[described["bias"]].data == neuron.bias.data
            inputs = [order[each["input"]].data for each in described["weights"]]
            assert inputs == [getattr(x, "data", x) for x in below]
            products = [order[each["product"]].data for each in described["weights"]]
            assert products == [w * x for w, x in zip(weights, inputs, strict=True)]

            total = neuron.bias.data
            for product in products:
                total += product
            assert order[described["sum"]].data == total
            assert order[described["output"]].data == neuron(below).data
            outputs.append(neuron(below))
        below = outputs


def test_layers_in_a_sequence_are_columns() -> None:
    model = nn.Sequential(
        nn.Layer(2, 3, "sigmoid", seed=0), nn.Layer(3, 1, "tanh", seed=1), lambda y: y[0]
    )
    assert shape_of(model) == [("hidden 1", "3 × sigmoid"), ("output", "1 × tanh")]


def test_a_function_after_a_linear_layer_is_its_activation() -> None:
    model = nn.Sequential(
        nn.Layer(2, 3, None, seed=0),
        lambda x: [sg.relu(each) for each in x],
        nn.Layer(3, 1, None, seed=1),
        lambda y: y[0],
    )
    assert shape_of(model) == [("hidden 1", "3 × relu"), ("output", "1 × linear")]


def test_several_outputs_are_numbered() -> None:
    training = read(nn.MLP(2, [3, 2], seed=0), y=[0, 1, 1], loss="cross_entropy")
    assert [neuron["name"] for neuron in neurons_of(training)][-2:] == ["y1", "y2"]


def test_inputs_have_the_names_of_the_samples() -> None:
    class Frame:
        columns = ("age", "size")

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return numpy.array(X)

    network = read(nn.MLP(2, [1], seed=0), x=Frame()).network
    assert network
    assert network["names"] == ["age", "size"]


def test_a_softmax_over_the_outputs_is_noted() -> None:
    model = nn.MLP(2, [3, 2], output_activation="softmax", seed=0)
    one_hot = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    assert shape_of(model, y=one_hot)[-1] == ("output", "2 × linear → softmax")


class Residual(nn.Module):
    """A column that also takes what is before the one before it."""

    def __init__(self) -> None:
        self.inner = nn.Layer(2, 2, "tanh", seed=1)
        self.outer = nn.Layer(2, 1, None, seed=2)

    def forward(self, x: Any) -> Value:
        hidden = self.inner(x)
        return self.outer([a + b for a, b in zip(x, hidden, strict=True)])[0]


class Shared(nn.Module):
    """One layer, called twice."""

    def __init__(self) -> None:
        self.layer = nn.Layer(2, 2, "tanh", seed=1)

    def forward(self, x: Any) -> Value:
        a, b = self.layer(self.layer(x))
        return a * b


class Formula(nn.Module):
    """A model without neurons."""

    def __init__(self) -> None:
        self.slope = sg.Parameter(0.5)

    def forward(self, x: Any) -> Value:
        return self.slope * x[0] + x[1]


@pytest.mark.parametrize("model", [Residual(), Shared(), Formula()])
def test_what_is_no_chain_of_columns_has_none(model: nn.Module) -> None:
    assert read(model).network is None


def test_a_convolution_has_no_columns() -> None:
    model = nn.Sequential(
        nn.Conv(1, 2, 3, seed=1), nn.Flatten(), nn.Layer(2, 1, None, seed=2), lambda y: y[0]
    )
    images = [[[[0.5, 1.0, 0.0], [0.0, 0.25, 1.0], [1.0, 0.5, 0.5]]]] * 3
    assert read(model, x=images).network is None
