"""Neuron, Layer, MLP, Sequential: what they compute, how they begin, and how they refuse."""

import math
from random import Random
from typing import Any

import numpy as np
import pytest

import scalargrad as sg
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.errors import CallError, DataError, LengthError, OptionError
from scalargrad.nn import ACTIVATIONS, INITIALIZERS, MLP, Layer, Neuron, Sequential, activation
from scalargrad.nn.naming import describe


def by_hand(model: MLP, x: Any, between: Any) -> Any:
    """The network as matrix products of NumPy."""
    for i, layer in enumerate(model.layers):
        weights = np.array([[w.data for w in neuron.weights] for neuron in layer.neurons])
        x = weights @ x + np.array([neuron.bias.data for neuron in layer.neurons])
        x = between(x) if i < len(model.layers) - 1 else x
    return x


@pytest.mark.parametrize(
    ("name", "function"),
    [("tanh", np.tanh), ("relu", lambda x: np.maximum(x, 0.0)), (None, lambda x: x)],
)
def test_a_network_is_matrix_products(name: str | None, function: Any) -> None:
    model = MLP(3, [5, 4, 2], activation=name, seed=3)
    for parameter in model.parameters():
        parameter.data += 0.1
    x = [0.5, -1.0, 2.0]
    assert [y.data for y in model(x)] == pytest.approx(
        by_hand(model, np.array(x), function), rel=1e-12
    )


def test_one_neuron() -> None:
    neuron = Neuron(2, activation="tanh")
    neuron.load_state_dict({"weights.0": -3.0, "weights.1": 1.0, "bias": 6.8813735870195432})
    x = [Value(2.0), Value(0.0)]
    output = neuron(x)
    output.backward()
    assert output.data == pytest.approx(math.sqrt(0.5), rel=1e-12)
    assert [v.grad for v in (*x, *neuron.parameters())] == pytest.approx(
        [-1.5, 0.5, 1.0, 0.0, 0.5], rel=1e-12
    )


def test_shapes_of_outputs() -> None:
    assert type(MLP(2, [3, 1])([1, 2])) is Value
    assert len(MLP(2, [3, 2])([1, 2])) == 2
    assert len(Layer(2, 1)([1, 2])) == 1
    assert type(Neuron(2)([1, 2])) is Value


def test_a_hidden_layer_of_width_one() -> None:
    model = MLP(2, [1, 1, 3, 1], activation="tanh")
    model([1.0, 2.0]).backward()
    assert all(p.grad for p in model.parameters())


@pytest.mark.parametrize(
    "x",
    [
        [1.0, 2.0],
        (1, 2),
        np.array([1.0, 2.0]),
        np.array([1, 2], dtype=np.int8),
        pytest.param(iter([1.0, 2.0]), id="an iterator"),
        [Value(1.0), 2],
        {1.0: 0, 2.0: 0},
    ],
    ids=str,
)
def test_inputs_may_be_any_row_of_numbers(x: Any) -> None:
    assert MLP(2, [2, 1], seed=1)(x).data == MLP(2, [2, 1], seed=1)([1.0, 2.0]).data


def test_rows_of_an_array_and_an_array_of_values() -> None:
    model = MLP(2, [2, 1], activation="tanh", seed=1)
    rows = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert [model(row).data for row in rows] == [model([1.0, 2.0]).data, model([3.0, 4.0]).data]
    x = np.array([Value(1.0), Value(2.0)])
    model(x).backward()
    assert all(v.grad for v in x)


def test_inputs_that_are_numbers_are_labeled() -> None:
    neuron = Neuron(2, activation=None)
    total = neuron([5.0, 7.0])
    inputs = [node for node in topological([total]) if node.kind == "input"]
    assert [(node.label, node.data) for node in inputs] == [("x0", 5.0), ("x1", 7.0)]


@pytest.mark.parametrize(
    "module",
    [Neuron(2), Layer(2, 3), MLP(2, [3, 1]), Sequential(Layer(2, 1))],
    ids=lambda m: type(m).__name__,
)
@pytest.mark.parametrize("x", [[1.0], [1.0, 2.0, 3.0], [], np.ones(3)], ids=str)
def test_a_wrong_length_names_both(module: Any, x: Any) -> None:
    with pytest.raises(LengthError, match=rf"\(2.*takes 2 inputs, but was given {len(x)}"):
        module(x)


@pytest.mark.parametrize(
    "module", [Neuron(2), Layer(2, 3), MLP(2, [3, 1])], ids=lambda m: type(m).__name__
)
@pytest.mark.parametrize(
    "x", ["12", 1.0, None, Value(1.0), ["1", 2], [None, 1.0], [1j, 1.0], [[1.0], [2.0]]], ids=repr
)
def test_a_wrong_type_is_refused(module: Any, x: Any) -> None:
    with pytest.raises(DataError, match=type(module).__name__):
        module(x)


def test_a_neuron_that_does_not_fit_its_layer_says_so() -> None:
    layer = Layer(2, 2)
    layer.neurons[1] = Neuron(3)
    with pytest.raises(LengthError, match="takes 3 inputs, but was given 2"):
        layer([1.0, 2.0])


def test_a_table_is_refused_with_advice() -> None:
    for table in (np.ones((2, 2)), [[1.0, 2.0], [3.0, 4.0]]):
        with pytest.raises(DataError, match="one sample at a time"):
            MLP(2, [1])(table)


# Beginnings


def test_equal_seeds_give_equal_weights_and_others_do_not() -> None:
    assert (
        MLP(2, [3, 1], seed=4).state_dict()
        == MLP(2, [3, 1], seed=4).state_dict()
        == MLP(2, [3, 1], seed=Random(4)).state_dict()
    )
    assert MLP(2, [3, 1], seed=4).state_dict() != MLP(2, [3, 1], seed=5).state_dict()


def spread_of(name: str, fan_in: int, fan_out: int) -> float:
    layer = Layer(fan_in, fan_out, initializer=name, seed=1)
    return float(np.var([w.data for neuron in layer.neurons for w in neuron.weights]))


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("he", 2 / 60),
        ("xavier", 2 / 100),
        ("glorot", 2 / 100),
        ("lecun", 1 / 60),
        ("uniform", 1 / 3),
        ("zeros", 0.0),
    ],
)
def test_variance_of_the_weights(name: str, variance: float) -> None:
    """2,400 draws: the sample variance is within a tenth of the published one.

    One seed in a million fails.
    """
    assert spread_of(name, 60, 40) == pytest.approx(variance, rel=0.1)
    assert all(neuron.bias.data == 0.0 for neuron in Layer(3, 3, initializer=name).neurons)


def test_an_initializer_of_ones_own() -> None:
    seen = []

    def counting(rng: Random, fan_in: int, fan_out: int) -> float:
        seen.append((fan_in, fan_out))
        return rng.random()

    MLP(2, [3, 1], initializer=counting)
    assert seen == [(2, 3)] * 6 + [(3, 1)] * 3


# Activations


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_by_name(name: str) -> None:
    neuron = Neuron(1, activation=name)
    neuron.load_state_dict({"weights.0": 0.5, "bias": 0.25})
    assert neuron([1.0]).data == getattr(sg, name)(0.75) or name == "acosh"
    assert name in repr(neuron)


def test_activations_as_functions_and_none() -> None:
    for choice, expected in (
        (sg.tanh, math.tanh(3.0)),
        (lambda x: x * 2, 6.0),
        (None, 3.0),
        ("linear", 3.0),
        ("identity", 3.0),
    ):
        neuron = Neuron(1, activation=choice)
        neuron.load_state_dict({"weights.0": 3.0, "bias": 0.0})
        assert neuron([1.0]).data == expected
    assert activation(None) is None


def test_output_activation_is_that_of_the_last_layer_alone() -> None:
    model = MLP(2, [3, 3, 2], activation="tanh", output_activation="sigmoid")
    assert [describe(layer) for layer in model.layers] == [
        "Layer(2 → 3, tanh)",
        "Layer(3 → 3, tanh)",
        "Layer(3 → 2, sigmoid)",
    ]


# Refusals


@pytest.mark.parametrize("size", [0, -1, 1.5, "3", None, True, math.nan, [3]], ids=repr)
def test_sizes_must_be_whole_numbers_of_at_least_one(size: Any) -> None:
    with pytest.raises(OptionError, match="Neuron"):
        Neuron(size)
    with pytest.raises(OptionError, match="Layer"):
        Layer(size, 1)
    with pytest.raises(OptionError, match="outputs of a Layer"):
        Layer(1, size)
    with pytest.raises(OptionError, match="inputs of an MLP"):
        MLP(size, [1])
    with pytest.raises(OptionError, match=r"sizes\[1\] of an MLP"):
        MLP(2, [1, size])


@pytest.mark.parametrize("sizes", [[], 3, "34", None, np.array([])], ids=repr)
def test_sizes_must_be_a_list(sizes: Any) -> None:
    with pytest.raises(OptionError, match="sizes of an MLP"):
        MLP(2, sizes)


def test_sizes_of_numpy_and_tuples() -> None:
    assert repr(MLP(np.int64(2), (3, np.int32(1)))) == repr(MLP(2, [3, 1]))
    assert repr(MLP(2, np.array([3, 1]))) == repr(MLP(2, [3, 1]))


def test_unknown_names_are_refused_with_a_suggestion() -> None:
    with pytest.raises(OptionError, match="did you mean 'sigmoid'"):
        MLP(2, [3, 1], activation="sigmiod")
    with pytest.raises(OptionError, match="activation"):
        Neuron(2, activation=3)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="he, xavier"):
        Neuron(2, initializer="good")
    assert set(INITIALIZERS) >= {"he", "xavier", "glorot", "lecun", "uniform", "zeros"}


def test_sequential() -> None:
    first, second = Layer(2, 3, seed=1), Layer(3, 2, activation=None, seed=2)
    model = Sequential(first, second, sg.softmax)
    expected = sg.softmax(second(first([1.0, 2.0])))
    assert [p.data for p in model([1.0, 2.0])] == [p.data for p in expected]
    assert model.inputs == 2
    assert len(model.parameters()) == 9 + 8
    assert Sequential()([1.0]) == [1.0]
    assert Sequential().inputs is None
    with pytest.raises(OptionError, match="step 1"):
        Sequential(first, "second")


# As in micrograd


def test_nonlin_is_micrograds_name_for_relu_or_none() -> None:
    assert repr(Neuron(3, nonlin=True)) == repr(Neuron(3, True)) == repr(Neuron(3))  # type: ignore[arg-type]
    assert repr(Neuron(3, False)) == repr(Neuron(3, activation=None))  # type: ignore[arg-type]
    assert repr(Neuron(3, nonlin=False)) == repr(Neuron(3, activation=None))
    assert repr(Neuron(3, False)) == repr(Neuron(3, activation=None))  # type: ignore[arg-type]
    assert repr(Layer(3, 2, nonlin=False)) == repr(Layer(3, 2, activation=None))


def test_a_linear_neuron_is_that_of_micrograd() -> None:
    nn = pytest.importorskip("micrograd.nn")
    theirs, ours = nn.Neuron(3, nonlin=False), Neuron(3, nonlin=False)
    for parameter, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        parameter.data = other.data
    x = [1.0, -2.0, 3.0]
    assert ours(x).data == pytest.approx(theirs(x).data, rel=1e-14)


@pytest.mark.parametrize("nonlin", [True, False])
@pytest.mark.parametrize("choice", ["relu", "tanh", None])
def test_nonlin_beside_an_activation_is_refused(choice: str | None, nonlin: bool) -> None:
    with pytest.raises(OptionError, match="activation or nonlin, not both"):
        Neuron(3, choice, nonlin=nonlin)


@pytest.mark.parametrize("wrong", ["tanh", 1, None.__class__, math.tanh], ids=repr)
def test_nonlin_must_be_true_or_false(wrong: Any) -> None:
    with pytest.raises(OptionError, match=r"nonlin of a Layer must be True .* activation='tanh'"):
        Layer(3, 2, nonlin=wrong)


def test_w_and_b_are_the_weights_and_the_bias() -> None:
    neuron = Neuron(2)
    assert neuron.w is neuron.weights
    assert neuron.b is neuron.bias
    assert [name for name, _ in neuron.named_parameters()] == ["weights.0", "weights.1", "bias"]


def test_w_and_b_can_be_replaced_by_parameters_only() -> None:
    neuron = Neuron(2)
    neuron.b = sg.Parameter(3.0)
    assert neuron.bias.data == 3.0
    with pytest.raises(DataError, match=r"bias\.data -= 0\.1"):
        neuron.b -= 0.1  # type: ignore[assignment]
    with pytest.raises(DataError, match=r"weights\[0\]"):
        neuron.w = [weight - 0.1 for weight in neuron.w]  # type: ignore[misc]


# What a sample is taken for


def model_of_two() -> MLP:
    return MLP(2, [3, 1], seed=0)


@pytest.mark.parametrize("rows", [1, 2, 3, 40])
def test_a_whole_batch_is_told_from_a_sample(rows: int) -> None:
    for batch in (np.ones((rows, 2)), [[1.0, 2.0]] * rows, [(1, 2)] * rows, [np.ones(2)] * rows):
        with pytest.raises(
            (LengthError, DataError), match=r"one sample at a time.*model\.batch\(X\).*sg\.compile"
        ):
            model_of_two()(batch)


def test_a_sample_with_a_list_in_it_is_not_taken_for_a_batch() -> None:
    with pytest.raises(DataError, match="input 1 of"):
        model_of_two()([1.0, [2.0]])


def test_a_set_has_no_order() -> None:
    with pytest.raises(DataError, match="a set has no order"):
        model_of_two()({1.0, 2.0})


def test_masked_arrays_are_refused() -> None:
    with pytest.raises(DataError, match="masked"):
        model_of_two()(np.ma.array([1.0, 2.0], mask=[False, True]))


def test_frames_and_series_are_taken_as_numpy_takes_them() -> None:
    pandas = pytest.importorskip("pandas")
    frame, model = pandas.DataFrame({"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]}), model_of_two()
    expected = [model(row).data for row in frame.to_numpy()]
    assert [model(frame.iloc[i]).data for i in range(3)] == expected
    assert [output.data for output in model.batch(frame)] == expected
    with pytest.raises(LengthError, match="was given 3 rows"):
        model(frame)


def test_tensors_are_taken_as_numpy_takes_them() -> None:
    torch = pytest.importorskip("torch")
    rows, model = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), model_of_two()
    assert [output.data for output in model.batch(rows)] == [
        model(row.numpy()).data for row in rows
    ]
    with pytest.raises(DataError, match="detach"):
        model(rows[0].requires_grad_())


# Calls that do not fit


def test_numbers_that_are_not_in_a_list() -> None:
    with pytest.raises(CallError, match=r"as one list: model\(\[x0, x1\]\), not model\(x0, x1\)"):
        model_of_two()(1.0, 2.0)


def test_all_sizes_of_a_network_in_one_list() -> None:
    with pytest.raises(CallError, match=r"MLP\(2, \[3, 1\]\)"):
        MLP([2, 3, 1])  # type: ignore[call-arg, arg-type]


def test_a_misspelled_activation_is_told_where_no_layer_takes_it() -> None:
    with pytest.raises(OptionError, match="did you mean 'relu'"):
        MLP(2, [1], activation="rellu")
    assert MLP(2, [1], activation="softmax", seed=0).layers[0].activation is None


def test_softmax_of_one_output_is_refused_and_of_two_is_not() -> None:
    with pytest.raises(OptionError, match="softmax of one output is always the same number"):
        Layer(2, 1, "softmax")
    assert len(Layer(2, 2, "softmax", seed=0)([1.0, 2.0])) == 2


def test_a_neuron_is_shown_in_one_line() -> None:
    assert repr(Neuron(2, activation="tanh")) == "Neuron(2, tanh)"


def test_neurons_without_a_bias() -> None:
    layer = Layer(2, 3, "tanh", seed=1, bias=False)
    x = [0.5, -1.0]
    for neuron, y in zip(layer.neurons, layer(x), strict=True):
        products = [w.data * item for w, item in zip(neuron.weights, x, strict=True)]
        assert y.data == pytest.approx(math.tanh(sum(products)), rel=1e-15)
        assert neuron.bias is None
    assert len(layer.parameters()) == 6
    assert "bias" not in " ".join(layer.state_dict())
    assert repr(layer) == "Layer(2 → 3, tanh, bias=False)"


def test_a_network_without_biases() -> None:
    model = MLP(2, [3, 1], seed=1, bias=False)
    assert [repr(layer) for layer in model.layers] == [
        "Layer(2 → 3, relu, bias=False)",
        "Layer(3 → 1, bias=False)",
    ]
    assert model([0.0, 0.0]).data == 0.0
    assert sg.gradcheck(model, [0.3, -0.7], raises=True)


def test_a_neuron_of_one_weight_without_a_bias() -> None:
    neuron = Neuron(1, None, bias=False)
    assert neuron([3.0]).data == 3.0 * neuron.weights[0].data


def test_weights_are_drawn_alike_with_and_without_biases() -> None:
    with_bias, without = Layer(2, 3, seed=1), Layer(2, 3, seed=1, bias=False)
    for one, other in zip(with_bias.neurons, without.neurons, strict=True):
        assert [w.data for w in one.weights] == [w.data for w in other.weights]


@pytest.mark.parametrize("wrong", [0.5, None, "zeros"])
def test_bias_must_be_true_or_false(wrong: Any) -> None:
    with pytest.raises(OptionError, match=f"bias of a Layer must be True or False, not {wrong!r}"):
        Layer(2, 3, bias=wrong)
