"""Activations with a state, or over a whole layer: by hand, by differences and by PyTorch."""

import copy
import math
import pickle
import warnings
from random import Random
from typing import Any

import pytest

import scalargrad as sg
from scalargrad import Value
from scalargrad.errors import DataError, NoGradientWarning, OptionError
from scalargrad.nn import MLP, Layer, Neuron, PReLU, RReLU, activation, constant, given
from scalargrad.nn.naming import describe

# prelu


def test_prelu_has_a_slope_for_each_neuron() -> None:
    model = MLP(2, [3, 1], activation="prelu")
    slopes = [name for name, _ in model.named_parameters() if "slope" in name]
    assert slopes == [f"layers.0.neurons.{i}.activation.slope" for i in range(3)]
    assert all(model.state_dict()[name] == 0.25 for name in slopes)
    assert len(model.parameters()) == 3 * (2 + 1 + 1) + 3 + 1
    model.load_state_dict(model.state_dict() | {slopes[1]: 0.5})
    assert [neuron.activation(Value(-2.0)).data for neuron in model.layers[0].neurons] == [
        -0.5,
        -1.0,
        -0.5,
    ]


@pytest.mark.parametrize(
    ("x", "output", "of_x", "of_slope"),
    [(3.0, 3.0, 1.0, 0.0), (-3.0, -0.75, 0.25, -3.0), (0.0, 0.0, 0.25, 0.0)],
)
def test_prelu_numbers(x: float, output: float, of_x: float, of_slope: float) -> None:
    prelu, leaf = PReLU(), Value(x)
    result = prelu(leaf)
    result.backward()
    assert (result.data, leaf.grad, prelu.slope.grad) == (output, of_x, of_slope)


def test_prelu_learns_its_slope() -> None:
    """|x| is a ReLU with the slope -1: descent on a single neuron finds it."""
    neuron = Neuron(1, activation="prelu", initializer=constant(1.0))
    slope = dict(neuron.named_parameters())["activation.slope"]
    for _ in range(200):
        neuron.zero_grad()
        sg.losses.mse([neuron([x]) for x in (-2.0, -1.0)], [2.0, 1.0]).backward()
        slope.data -= 0.1 * slope.grad
    assert slope.data == pytest.approx(-1.0, abs=1e-6)


def test_a_prelu_given_to_several_neurons_is_shared() -> None:
    model = Layer(2, 3, activation=PReLU(0.1))
    assert [name for name, _ in model.named_parameters() if "slope" in name] == [
        "neurons.0.activation.slope"
    ]
    assert describe(model) == "Layer(2 → 3, prelu)"


def test_prelu_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.PReLU(dtype=torch.float64)
    prelu = PReLU()
    for x in (-2.0, -0.5, 1.5):
        tensor, leaf = torch.tensor([x], dtype=torch.float64, requires_grad=True), Value(x)
        theirs(tensor).sum().backward()
        prelu(leaf).backward()
        assert leaf.grad == tensor.grad.item()
        assert prelu.slope.grad == theirs.weight.grad.item()


def test_what_neurons_make_stays_in_their_scope() -> None:
    for name in ("prelu", "rrelu"):
        output = MLP(1, [2], activation=name, output_activation=name)([-1.0])[1]
        assert output.scope.path == "layers.0.neurons.1"
    assert repr(Neuron(2, activation="prelu")) == "Neuron(2, prelu)"
    assert "activation" not in MLP(2, [2, 1], activation="prelu").summary()


def test_a_slope_must_be_a_number() -> None:
    with pytest.raises(DataError, match="real number"):
        PReLU("a")  # type: ignore[arg-type]


# rrelu


def negative_slopes(module: Any, count: int = 2000) -> list[float]:
    return [-module(-1.0) for _ in range(count)]


def test_rrelu_draws_in_training_and_takes_the_mean_in_evaluation() -> None:
    rrelu = RReLU(seed=1)
    slopes = negative_slopes(rrelu)
    assert 1 / 8 <= min(slopes) < 1 / 8 + 0.002
    assert 1 / 3 - 0.002 < max(slopes) <= 1 / 3
    assert math.fsum(slopes) / 2000 == pytest.approx(11 / 48, abs=0.007)  # five standard errors
    assert rrelu(2.0) == 2.0
    rrelu.eval()
    assert set(negative_slopes(rrelu, 5)) == {(1 / 8 + 1 / 3) / 2}
    assert rrelu(Value(2.0)).data == 2.0


def test_the_gradient_of_rrelu_is_the_slope_that_was_drawn() -> None:
    rrelu, x = RReLU(seed=3), Value(-2.0)
    y = rrelu(x)
    y.backward()
    assert x.grad == y.data / -2.0 == Random(3).uniform(1 / 8, 1 / 3)


def test_rrelu_in_a_network_is_seeded_and_switched_by_it() -> None:
    def outputs(seed: int) -> list[float]:
        model = MLP(2, [4, 1], activation="rrelu", seed=seed)
        return [model([1.0, -1.0]).data for _ in range(3)]

    assert outputs(1) == outputs(1) != outputs(2)
    assert len(set(outputs(1))) == 3
    model = MLP(2, [4, 1], activation="rrelu", seed=1)
    model.eval()
    assert len({model([1.0, -1.0]).data for _ in range(3)}) == 1
    model.train()
    assert len({model([1.0, -1.0]).data for _ in range(3)}) == 3
    assert (
        MLP(2, [4, 1], activation="rrelu", seed=1).state_dict()
        == MLP(2, [4, 1], activation="relu", seed=1).state_dict()
    )


def test_bounds_of_rrelu() -> None:
    assert RReLU(0.5, 0.5)(-2.0) == -1.0
    for lower, upper in ((0.5, 0.25), (math.nan, 1.0)):
        with pytest.raises(OptionError, match="lower of RReLU"):
            RReLU(lower, upper)


# step


def test_step_warns_when_it_is_trained_through() -> None:
    neuron = Neuron(1, activation="step", initializer=constant(1.0))
    output = neuron([2.0])
    assert output.data == 1.0
    with pytest.warns(NoGradientWarning, match="nothing before it learns"):
        output.backward()
    assert [p.grad for p in neuron.parameters()] == [0.0, 0.0]


def test_step_warns_once() -> None:
    model = MLP(2, [3, 1], activation="step", seed=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            model([1.0, 2.0]).backward()
    assert [warning.category for warning in caught] == [NoGradientWarning]
    assert model.layers[1].neurons[0].bias.grad == 3.0


def test_step_is_silent_when_nothing_is_trained() -> None:
    neuron = Neuron(1, activation="step")
    with sg.no_grad():
        assert neuron([2.0]).data in (0.0, 1.0)
    (neuron([2.0]) * 0.0).backward()
    assert activation("step")(2.0) == 1.0
    x = Value(2.0)
    sg.step(x).backward()  # the operation itself, as a mask
    assert x.grad == 0.0


# softmax at the output


def test_softmax_of_a_layer() -> None:
    layer = Layer(2, 3, activation="softmax", initializer=given([[1, 0], [0, 1], [1, 1]]))
    outputs = layer([1.0, 2.0])
    total = math.exp(1) + math.exp(2) + math.exp(3)
    assert [y.data for y in outputs] == pytest.approx(
        [math.exp(k) / total for k in (1, 2, 3)], rel=1e-12
    )
    assert describe(layer) == "Layer(2 → 3, softmax)"
    logarithms = Layer(2, 3, activation="log_softmax", initializer=given([[1, 0], [0, 1], [1, 1]]))(
        [1.0, 2.0]
    )
    assert [y.data for y in logarithms] == pytest.approx(
        [k - math.log(total) for k in (1, 2, 3)], rel=1e-12
    )


@pytest.mark.parametrize("choice", ["softmax", sg.softmax])
def test_softmax_of_a_network(choice: Any) -> None:
    model = MLP(2, [4, 3], activation="tanh", output_activation=choice, seed=2)
    logits = MLP(2, [4, 3], activation="tanh", seed=2)
    assert [p.data for p in model([1.0, -1.0])] == sg.softmax([y.data for y in logits([1.0, -1.0])])
    assert [describe(layer) for layer in model.layers] == [
        "Layer(2 → 4, tanh)",
        "Layer(4 → 3, softmax)",
    ]


def test_the_gradient_of_minus_the_log_of_softmax() -> None:
    model = Layer(1, 3, activation="softmax", initializer=given([[1], [2], [3]]))
    outputs = model([1.0])
    (-sg.log(outputs[1])).backward()
    expected = [p - (i == 1) for i, p in enumerate(sg.softmax([1.0, 2.0, 3.0]))]
    assert [neuron.bias.grad for neuron in model.neurons] == pytest.approx(expected, rel=1e-12)


def test_softmax_needs_a_layer_of_several() -> None:
    for choice in ("softmax", sg.softmax, "log_softmax"):
        with pytest.raises(OptionError, match="softmax needs all outputs of a layer"):
            Neuron(2, activation=choice)
        with pytest.raises(OptionError, match="use sigmoid"):
            MLP(2, [3, 1], output_activation=choice)


# All of them


@pytest.mark.parametrize("name", ["prelu", "rrelu", "softmax", "relu"])
def test_networks_are_copied_and_pickled_with_their_activations(name: str) -> None:
    model = MLP(2, [3, 2], activation=name, seed=1)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.state_dict() == model.state_dict()
        assert [y.data for y in other.eval()([1.0, 2.0])] == [
            y.data for y in model.eval()([1.0, 2.0])
        ]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("prelou", "prelu"), ("softmx", "softmax"), ("stepp", "step"), ("rrelou", "rrelu")],
)
def test_misspelled_names(wrong: str, right: str) -> None:
    with pytest.raises(OptionError, match=f"did you mean '{right}'"):
        Layer(2, 2, activation=wrong)
