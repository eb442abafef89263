"""Initializers: variance and bounds over many draws, orthogonality, equal seeds, errors."""

import copy
import math
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import scalargrad as sg
from scalargrad.checkpoint import load_model, save_model
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.nn import (
    INITIALIZERS,
    MLP,
    Conv,
    Layer,
    LSTMCell,
    Neuron,
    RNNCell,
    constant,
    given,
    initializer,
    normal,
    orthogonal,
    uniform,
)

FAN_IN, FAN_OUT = 60, 40


def weights(choice: Any, inputs: int = FAN_IN, outputs: int = FAN_OUT, seed: int = 1) -> Any:
    """The weights of a layer, as an array of shape (outputs, inputs)."""
    return np.array(
        [
            [w.data for w in neuron.weights]
            for neuron in Layer(inputs, outputs, initializer=choice, seed=seed).neurons
        ]
    )


@pytest.mark.parametrize(
    ("choice", "variance"),
    [
        ("he", 2 / 60),
        ("he_normal", 2 / 60),
        ("he_uniform", 2 / 60),
        ("xavier", 2 / 100),
        ("xavier_normal", 2 / 100),
        ("xavier_uniform", 2 / 100),
        ("glorot", 2 / 100),
        ("glorot_normal", 2 / 100),
        ("glorot_uniform", 2 / 100),
        ("lecun", 1 / 60),
        ("lecun_normal", 1 / 60),
        ("lecun_uniform", 1 / 60),
        ("orthogonal", 1 / 60),
        ("uniform", 1 / 3),
        ("normal", 1.0),
        ("zeros", 0.0),
        pytest.param(uniform(0.0, 1.0), 1 / 12, id="uniform(0, 1)"),
        pytest.param(normal(0.1), 0.01, id="normal(0.1)"),
        pytest.param(normal(0.0), 0.0, id="normal(0)"),
        pytest.param(constant(0.5), 0.0, id="constant(0.5)"),
        pytest.param(orthogonal(3.0), 9 / 60, id="orthogonal(3)"),
    ],
    ids=str,
)
def test_variance(choice: Any, variance: float) -> None:
    """2,400 draws: the sample variance is within a tenth of the published one.

    One seed in a million fails.
    """
    assert float(np.var(weights(choice))) == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize(
    ("choice", "low", "high"),
    [
        ("uniform", -1.0, 1.0),
        pytest.param(uniform(), -1.0, 1.0, id="uniform()"),
        pytest.param(uniform(0.0, 1.0), 0.0, 1.0, id="uniform(0, 1)"),
        pytest.param(uniform(-3, -2), -3.0, -2.0, id="uniform(-3, -2)"),
        ("he_uniform", -math.sqrt(6 / 60), math.sqrt(6 / 60)),
        ("xavier", -math.sqrt(6 / 100), math.sqrt(6 / 100)),
        ("lecun_uniform", -math.sqrt(3 / 60), math.sqrt(3 / 60)),
    ],
    ids=str,
)
def test_bounds(choice: Any, low: float, high: float) -> None:
    """All between the bounds, some within a hundredth of the width from each.

    2,400 draws miss that once in 10¹⁰.
    """
    drawn, near = weights(choice), (high - low) / 100
    assert low <= drawn.min() < low + near
    assert high - near < drawn.max() <= high


@pytest.mark.parametrize(
    "choice",
    ["he", "xavier_normal", "lecun", "normal", pytest.param(normal(0.01), id="normal(0.01)")],
    ids=str,
)
def test_normal_ones_have_the_tails_of_a_normal_distribution(choice: Any) -> None:
    drawn = weights(choice)
    assert abs(drawn.mean()) < 5 * drawn.std() / math.sqrt(drawn.size)
    assert np.mean(np.abs(drawn) < drawn.std()) == pytest.approx(0.6827, abs=0.05)
    assert np.abs(drawn).max() > 2.5 * drawn.std()


@pytest.mark.parametrize(
    ("inputs", "outputs"), [(60, 40), (40, 60), (12, 12), (1, 1), (1, 5), (5, 1)]
)
@pytest.mark.parametrize("gain", [1.0, 2.0, -0.5])
def test_orthogonal(inputs: int, outputs: int, gain: float) -> None:
    matrix = weights(orthogonal(gain), inputs, outputs)
    product = matrix @ matrix.T if outputs <= inputs else matrix.T @ matrix
    assert np.abs(product - gain**2 * np.eye(min(inputs, outputs))).max() < 1e-12


def test_orthogonal_keeps_the_length_of_a_signal_through_many_layers() -> None:
    model = MLP(8, [8] * 20, activation=None, initializer="orthogonal", seed=3)
    x = np.arange(8.0)
    assert np.linalg.norm([y.data for y in model(x)]) == pytest.approx(np.linalg.norm(x), rel=1e-12)


def test_orthogonal_favors_no_direction() -> None:
    """The determinant of a random 2 × 2 orthogonal matrix is as often -1 as 1."""
    signs = [np.sign(np.linalg.det(weights("orthogonal", 2, 2, seed))) for seed in range(200)]
    assert abs(sum(signs)) < 70


def test_seeds() -> None:
    for choice in (*INITIALIZERS, uniform(0, 1), normal(0.1)):
        assert (weights(choice, 3, 2) == weights(choice, 3, 2)).all()
        assert choice == "zeros" or (weights(choice, 3, 2, seed=2) != weights(choice, 3, 2)).any()
        first, second = Layer(3, 2, initializer=choice, seed=Random(1)).neurons
        assert choice == "zeros" or first.weights[0].data != second.weights[0].data


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("he", lambda rng: rng.gauss(0.0, math.sqrt(2 / 3))),
        ("uniform", lambda rng: rng.uniform(-1, 1)),
        ("zeros", lambda _: 0.0),
    ],
)
def test_weights_are_drawn_one_by_one_neuron_by_neuron(name: str, draw: Any) -> None:
    rng = Random(7)
    assert weights(name, 3, 2, seed=7).tolist() == [[draw(rng) for _ in range(3)] for _ in range(2)]


def test_a_lone_neuron_draws_its_own_weights_alone() -> None:
    rng, other = Random(5), Random(5)
    neuron = Neuron(2, initializer="uniform", seed=rng, fan_out=10)
    assert [w.data for w in neuron.weights] == [other.uniform(-1, 1), other.uniform(-1, 1)]
    assert rng.random() == other.random()


def test_given_weights() -> None:
    rows = [[1, 2, 3], [4, 5, 6]]
    assert (
        weights(given(rows), 3, 2).tolist() == weights(given(np.array(rows)), 3, 2).tolist() == rows
    )
    assert [w.data for w in Neuron(2, initializer=given([[0.5, -0.5]])).weights] == [0.5, -0.5]
    assert [w.label for w in Layer(2, 1, initializer=given([[7, 8]])).neurons[0].weights] == [
        "w0",
        "w1",
    ]


def test_a_matrix_from_a_function_of_ones_own() -> None:
    assert weights(lambda _, fan_in, fan_out: np.eye(fan_out, fan_in), 3, 2).tolist() == [
        [1, 0, 0],
        [0, 1, 0],
    ]


def test_they_stand_in_nn() -> None:
    assert sg.nn.constant(0.5)(Random(0), 1, 1) == 0.5
    assert initializer("glorot_uniform") is initializer("xavier")


@pytest.mark.parametrize(
    "rows", [[[1, 2, 3]], [[1, 2], [3, 4]], [[1, 2, 3], [4, 5]], [], [[], []]], ids=str
)
def test_matrices_of_another_shape_are_refused(rows: Any) -> None:
    with pytest.raises(LengthError, match="for 2 neurons of 3 inputs"):
        Layer(3, 2, initializer=given(rows))


@pytest.mark.parametrize(
    "result", [None, "ab", ["a", "b"], [1.0, 2.0], [[None], [1.0]], 1j], ids=str
)
def test_what_is_not_weights_is_refused(result: Any) -> None:
    with pytest.raises(
        DataError, match="an initializer must give one number, or a list of numbers for each neuron"
    ):
        Layer(1, 2, initializer=lambda rng, fan_in, fan_out: result)


@pytest.mark.parametrize("rows", [3, [1, 2], None, "ab", [["a"]], [[None]]], ids=repr)
def test_given_weights_must_be_lists_of_numbers(rows: Any) -> None:
    with pytest.raises(DataError, match="a list of numbers for each neuron"):
        given(rows)


def test_numbers_out_of_range_are_refused() -> None:
    for low, high in ((1, 1), (1, 0), (math.nan, 1), (0, math.inf)):
        with pytest.raises(OptionError, match="low of uniform"):
            uniform(low, high)
    for deviation in (-1, math.nan, math.inf):
        with pytest.raises(OptionError, match="deviation of normal"):
            normal(deviation)
    with pytest.raises(OptionError, match="gain of orthogonal"):
        orthogonal(math.inf)
    for make in (constant, normal, orthogonal, uniform):
        with pytest.raises(DataError, match="must be a real number"):
            make("1")  # type: ignore[operator]


@pytest.mark.parametrize(
    "factory", [constant, given, normal, orthogonal, uniform], ids=lambda f: f.__name__
)
def test_one_that_was_not_called_says_how(factory: Any) -> None:
    with pytest.raises(OptionError, match=rf"write initializer={factory.__name__}\("):
        Layer(2, 2, initializer=factory)


@pytest.mark.parametrize("choice", ["good", None, 3, ["he"]], ids=repr)
def test_unknown_names_are_refused(choice: Any) -> None:
    with pytest.raises(OptionError, match="he, xavier"):
        Layer(2, 2, initializer=choice)


# Biases


def biases(layer: Any) -> Any:
    return np.array([neuron.bias.data for neuron in layer.neurons])


@pytest.mark.parametrize(
    ("choice", "kind", "deviation"),
    [
        ("uniform", "uniform", math.sqrt(1 / 3)),
        ("normal", "norm", 1.0),
        ("he", "norm", math.sqrt(2 / 60)),
        ("xavier", "uniform", math.sqrt(2 / 860)),
        ("lecun_uniform", "uniform", math.sqrt(1 / 60)),
        pytest.param(normal(0.1), "norm", 0.1, id="normal(0.1)"),
    ],
    ids=str,
)
def test_biases_have_the_distribution_of_the_initializer_with_the_fans_of_the_weights(
    choice: Any, kind: str, deviation: float
) -> None:
    stats = pytest.importorskip("scipy.stats")
    standard = getattr(stats, kind)()
    standardized = biases(Layer(60, 800, initializer="zeros", bias_initializer=choice, seed=1))
    standardized *= standard.std() / deviation
    if kind == "uniform":
        standardized += 0.5
    assert stats.kstest(standardized, standard.cdf).pvalue > 0.001


@pytest.mark.parametrize("choice", [constant(0.5), lambda *_: 0.5], ids=["constant", "function"])
def test_biases_of_every_module_that_has_them(choice: Any) -> None:
    modules = [
        Neuron(2, bias_initializer=choice),
        Layer(2, 3, "softmax", bias_initializer=choice),
        MLP(2, [3, 1], bias_initializer=choice),
        Conv(2, 3, 2, bias_initializer=choice),
        RNNCell(2, 3, bias_initializer=choice),
    ]
    for module in modules:
        state = module.state_dict()
        assert {state[name] for name in state if name.endswith("bias")} == {0.5}


def test_the_forget_gate_of_an_lstm_keeps_its_bias() -> None:
    cell = LSTMCell(1, 2, forget_bias=3.0, bias_initializer=constant(0.5))
    gates = [cell.input_gate, cell.forget_gate, cell.candidate, cell.output_gate]
    assert [biases(gate).tolist() for gate in gates] == [[0.5] * 2, [3.0] * 2, [0.5] * 2, [0.5] * 2]


def test_given_biases() -> None:
    layer = Layer(3, 2, bias_initializer=given([[0.5], [-0.5]]))
    assert biases(layer).tolist() == [0.5, -0.5]
    assert layer.neurons[1].bias.label == "b"
    assert Neuron(3, bias_initializer=given([[7]])).b.data == 7.0


def test_biases_start_at_0_and_draw_nothing_if_no_one_asks() -> None:
    rng, other = Random(3), Random(3)
    layer = Layer(2, 2, seed=rng)
    expected = [[other.gauss(0.0, 1.0) for _ in range(2)] for _ in range(2)]
    assert [[w.data for w in neuron.weights] for neuron in layer.neurons] == expected
    assert biases(layer).tolist() == [0.0, 0.0]
    assert rng.getstate() == other.getstate()


def test_biases_are_drawn_after_the_weights_of_the_layer() -> None:
    rng = Random(7)
    layer = Layer(3, 2, initializer="uniform", bias_initializer="uniform", seed=7)
    numbers = [rng.uniform(-1, 1) for _ in range(8)]
    assert [w.data for neuron in layer.neurons for w in neuron.weights] == numbers[:6]
    assert biases(layer).tolist() == numbers[6:]


def test_a_lone_neuron_draws_its_own_bias_alone() -> None:
    rng, other = Random(5), Random(5)
    neuron = Neuron(
        1, initializer="zeros", seed=rng, fan_out=10, bias_initializer=lambda rng, *_: rng.random()
    )
    assert neuron.bias.data == other.random()
    assert rng.random() == other.random()


def test_filters_of_a_convolution_know_the_window_for_their_biases() -> None:
    seen = []

    def look(_: Random, fan_in: int, fan_out: int) -> float:
        seen.append((fan_in, fan_out))
        return 0.0

    Conv(2, 5, (3, 2), bias_initializer=look)
    assert seen == [(12, 30)] * 5


def test_drawn_biases_are_copied_and_stored_as_others_are(tmp_path: Path) -> None:
    model = MLP(2, [3, 1], bias_initializer="normal", seed=1)
    assert copy.deepcopy(model).state_dict() == model.state_dict()
    assert repr(model) == repr(MLP(2, [3, 1]))
    save_model(model, tmp_path / "model.safetensors")
    again = MLP(2, [3, 1])
    load_model(again, tmp_path / "model.safetensors")
    assert again.state_dict() == model.state_dict()


@pytest.mark.parametrize("choice", ["good", None, 3, ["he"]], ids=repr)
def test_unknown_bias_initializers_are_refused_by_their_name(choice: Any) -> None:
    for make in (partial(Neuron, 2), partial(Layer, 2, 2), partial(Conv, 1, 1, 2)):
        with pytest.raises(OptionError, match=r"^bias_initializer must be a function or one of he"):
            make(bias_initializer=choice)
    with pytest.raises(OptionError, match=r"write bias_initializer=constant\("):
        Layer(2, 2, bias_initializer=constant)  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [[[1, 2]], [[1, 2], [3, 4]], [[1]], [[1], []]], ids=str)
def test_biases_of_another_shape_are_refused(rows: Any) -> None:
    with pytest.raises(LengthError, match="for 2 neurons of 3 inputs: it must give 2 lists of 1"):
        Layer(3, 2, bias_initializer=given(rows))


@pytest.mark.parametrize("result", [None, "ab", [1.0, 2.0], [[None], [1.0]], 1j], ids=str)
def test_biases_that_are_not_numbers_are_refused(result: Any) -> None:
    with pytest.raises(DataError, match="an initializer must give one number, or a list"):
        Layer(1, 2, bias_initializer=lambda rng, fan_in, fan_out: result)
