"""Diagnoses of networks with exactly one problem, each number against NumPy, and of good ones."""

import random
from collections.abc import Callable
from math import inf, isnan
from typing import Any

import numpy
import pytest

import scalargrad as sg
from scalargrad import Parameter, Value, data, nn
from scalargrad.core.ops import TABLE
from scalargrad.doctor import KINDS, Diagnosis, Limits, diagnose
from scalargrad.doctor.saturation import steepest
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import mse
from scalargrad.optim import SGD, Adam

Array = Any


def moons(count: int = 40, seed: int = 1) -> tuple[Array, Array]:
    X, y = data.moons(count, noise=0.1, seed=seed)
    return data.StandardScaler().fit(X).transform(X), y


def weights(layer: nn.Layer) -> tuple[Array, Array]:
    matrix = numpy.array([[weight.data for weight in neuron.weights] for neuron in layer.neurons])
    return matrix, numpy.array([neuron.bias.data for neuron in layer.neurons])


def by_hand(
    model: nn.MLP, X: Array, y: Array, activation: Any, slope: Any
) -> tuple[list[Array], list[Array], list[float]]:
    """Return pre-activations, gradients and norms of the parameters of each layer, by NumPy.

    The first two are (samples × units), the gradients those of each sample's squared error.
    """
    sums, inputs, x = [], [], X
    for i, layer in enumerate(model.layers):
        matrix, bias = weights(layer)
        inputs.append(x)
        sums.append(x @ matrix.T + bias)
        x = sums[-1] if i == len(model.layers) - 1 else activation(sums[-1])
    back = [2.0 * (x - y[:, None])]
    norms = []
    for i in range(len(model.layers) - 1, -1, -1):
        last = i == len(model.layers) - 1
        error = back[0] if last else back[0] * slope(sums[i])
        norms.insert(
            0,
            float(
                numpy.hypot(
                    numpy.linalg.norm(error.T @ inputs[i]), numpy.linalg.norm(error.sum(axis=0))
                )
                / len(X)
            ),
        )
        back.insert(0, error @ weights(model.layers[i])[0])
    return sums, back[1:], norms


def relu_by_hand(model: nn.MLP, X: Array, y: Array) -> tuple[list[Array], list[Array], list[float]]:
    return by_hand(model, X, y, lambda s: numpy.maximum(s, 0.0), lambda s: (s > 0.0) * 1.0)


def sigmoid(s: Array) -> Array:
    return 1.0 / (1.0 + numpy.exp(-s))


def kinds(diagnosis: Diagnosis) -> list[str]:
    return [finding.kind for finding in diagnosis.findings]


def root_mean_square(back: Array) -> float:
    return float(numpy.sqrt((back**2).sum(axis=1).mean()))


# The table


def test_the_table_by_hand() -> None:
    X, y = moons()
    model = nn.MLP(2, [5, 4, 1], seed=3)
    found = diagnose(model, X, y)
    sums, back, norms = relu_by_hand(model, X, y)
    assert found
    assert [layer.path for layer in found.layers] == ["layers.0", "layers.1", "layers.2"]
    assert found.loss == pytest.approx(float(((sums[-1][:, 0] - y) ** 2).mean()))
    for i, layer in enumerate(found.layers):
        outputs = numpy.maximum(sums[i], 0.0) if i < 2 else sums[i]
        assert (layer.mean, layer.std) == pytest.approx((outputs.mean(), outputs.std()))
        assert layer.back == pytest.approx(root_mean_square(back[i]))
        assert layer.gradient == pytest.approx(norms[i])
        assert layer.shut == (pytest.approx((sums[i] <= 0.0).mean()) if i < 2 else None)
        assert layer.resting == (numpy.all(sums[i] <= 0.0, axis=0).sum() if i < 2 else 0)


# Networks with one problem


def test_vanishing_gradients() -> None:
    X, y = moons()
    model = nn.MLP(2, [6] * 8 + [1], activation="sigmoid", initializer="xavier")
    found = diagnose(model, X, y)
    assert kinds(found) == ["vanishing"]
    (finding,) = found.findings
    _, back, _ = by_hand(model, X, y, sigmoid, lambda s: sigmoid(s) * (1.0 - sigmoid(s)))
    assert finding.where == "layers.0"
    assert finding.numbers["norm"] == pytest.approx(root_mean_square(back[0]))
    assert finding.numbers["norm of the last layer"] == pytest.approx(root_mean_square(back[-1]))
    ratios = numpy.linalg.norm(back[0], axis=1) / numpy.linalg.norm(back[-1], axis=1)
    assert finding.sample == ratios.argmin()
    assert finding.numbers["ratio of the sample"] == pytest.approx(ratios.min())


def test_exploding_gradients() -> None:
    X, y = moons()
    model = nn.MLP(2, [8] * 4 + [1], initializer=nn.normal(12.0), seed=4)
    found = diagnose(model, X, y)
    sums, back, norms = relu_by_hand(model, X, y)
    assert set(kinds(found)) == {"exploding"}
    whole, grows = found.findings
    assert whole.numbers["gradient"] == pytest.approx(numpy.linalg.norm(norms))
    assert whole.sample == ((sums[-1][:, 0] - y) ** 2).argmax()
    assert grows.where == "layers.0"
    assert grows.numbers["ratio"] == pytest.approx(
        root_mean_square(back[0]) / root_mean_square(back[-1])
    )


def test_a_dead_relu_is_named() -> None:
    X, y = moons()
    model = nn.MLP(2, [6, 6, 1], seed=2)
    model.layers[1].neurons[4].bias.data = -100.0
    found = diagnose(model, X, y)
    assert [(finding.kind, finding.where) for finding in found.findings] == [
        ("dead", "layers.1.neurons.4")
    ]
    sums, _, _ = relu_by_hand(model, X, y)
    assert found.findings[0].numbers == {"pre-activation": pytest.approx(sums[1][:, 4].max())}
    assert found.findings[0].sample == sums[1][:, 4].argmax()
    assert found.marks == {"layers.1.neurons.4": "dead"}


@pytest.mark.parametrize(("name", "steep"), [("tanh", 1.0), ("sigmoid", 0.25)])
def test_a_saturated_unit_is_named(name: str, steep: float) -> None:
    X, y = moons()
    model = nn.MLP(2, [4, 1], activation=name, initializer="xavier", seed=1)
    model.layers[0].neurons[2].bias.data = 12.0
    found = diagnose(model, X, y)
    assert [(finding.kind, finding.where) for finding in found.findings] == [
        ("saturated", "layers.0.neurons.2")
    ]
    matrix, bias = weights(model.layers[0])
    lowest = (X @ matrix[2] + bias[2]).min()
    slope = (
        1.0 - numpy.tanh(lowest) ** 2
        if name == "tanh"
        else sigmoid(lowest) * (1.0 - sigmoid(lowest))
    )
    assert found.findings[0].numbers["slope"] == pytest.approx(slope)
    assert f"could be {steep:g}" in found.findings[0].sentence


def test_an_output_that_is_flat_and_right_is_no_illness() -> None:
    X = [[float(sign * (10 + i))] for i in range(10) for sign in (-1, 1)]
    model = nn.MLP(1, [1], output_activation="sigmoid")
    model.load_state_dict({"layers.0.neurons.0.weights.0": 2.0, "layers.0.neurons.0.bias": 0.0})
    right, wrong = [float(x > 0) for (x,) in X], [float(x < 0) for (x,) in X]
    assert diagnose(model, X, right)
    assert kinds(diagnose(model, X, wrong)) == ["saturated"]


def test_a_rate_that_is_too_high() -> None:
    X, y = moons()
    model = nn.MLP(2, [6, 1], activation="tanh", initializer="xavier")
    found = diagnose(model, X, y, optimizer=SGD(model.parameters(), 1e3))
    assert kinds(found) == ["rate"]
    numbers = found.findings[0].numbers
    (first, bias), (second, last) = map(weights, model.layers)

    def loss_and_gradients(step: float, gradients: Any = None) -> tuple[float, Any]:
        moved = [
            p - step * g
            for p, g in zip((first, bias, second, last), gradients or (0, 0, 0, 0), strict=True)
        ]
        hidden = numpy.tanh(X @ moved[0].T + moved[1])
        error = hidden @ moved[2].T + moved[3] - y[:, None]
        back = 2.0 * error / len(X)
        inner = back @ moved[2] * (1.0 - hidden**2)
        return float((error**2).mean()), (
            inner.T @ X,
            inner.sum(axis=0),
            back.T @ hidden,
            back.sum(axis=0),
        )

    before, gradients = loss_and_gradients(0.0)
    lower = next(
        1e3 / 2**k for k in range(60) if loss_and_gradients(1e3 / 2**k, gradients)[0] < before
    )
    assert numbers["loss before"] == pytest.approx(before)
    assert numbers["loss after"] == pytest.approx(loss_and_gradients(1e3, gradients)[0])
    assert numbers["rate that lowers it"] == lower
    size = numpy.sqrt(sum((part**2).sum() for part in (first, bias, second, last)))
    assert numbers["step by parameters"] == pytest.approx(
        1e3 * numpy.sqrt(sum((part**2).sum() for part in gradients)) / size
    )


def test_steps_let_no_gradient_through() -> None:
    X, y = moons()
    found = diagnose(nn.MLP(2, [4, 1], activation="step"), X, y)
    assert [(finding.kind, finding.where) for finding in found.findings] == [
        ("no gradient", "layers.0")
    ]
    found = diagnose(nn.MLP(2, [4, 1], output_activation="step"), X, y)
    assert [(finding.kind, finding.where) for finding in found.findings] == [("no gradient", "")]


def test_what_has_no_part_in_the_loss_is_named() -> None:
    model = nn.MLP(2, [4, 1])
    model.spare = nn.Layer(2, 3)  # type: ignore[attr-defined]
    found = diagnose(model, *moons())
    assert [(finding.kind, finding.where) for finding in found.findings] == [
        ("no gradient", "spare")
    ]


def test_numbers_that_are_not_finite() -> None:
    X, y = moons()
    model = nn.MLP(2, [4, 1], activation="exp")
    model.layers[0].neurons[1].bias.data = 800.0
    found = diagnose(model, X, y)
    assert kinds(found) == ["not finite"]
    assert found.findings[0].sample == 0
    assert "layers.0.neurons.1 gave inf" in found.findings[0].sentence
    X = X.copy()
    X[3, 1] = inf
    found = diagnose(nn.MLP(2, [4, 1]), X, y)
    assert found.findings[0].kind == "not finite"
    assert found.findings[0].sample == 3
    assert isnan(found.loss) or found.loss == inf
    assert str(found)


def test_inputs_on_very_different_scales() -> None:
    X, y = moons()
    X = X * [1.0, 150.0]
    found = diagnose(
        nn.MLP(2, [4, 1], activation="tanh", initializer="xavier"), X, y, limits=Limits(share=1.0)
    )
    (finding,) = found.of("inputs")
    assert finding.where == "x1"
    assert finding.sample == numpy.abs(X[:, 1]).argmax()
    assert finding.numbers["size"] == pytest.approx(numpy.sqrt((X[:, 1] ** 2).mean()))
    assert finding.numbers["middle"] == pytest.approx(numpy.sqrt((X[:, 0] ** 2).mean()))


# Healthy


GOOD: dict[str, Callable[[int], nn.Module]] = {
    "relu": lambda seed: nn.MLP(2, [16, 16, 1], seed=seed),
    "tanh": lambda seed: nn.MLP(2, [16, 16, 1], activation="tanh", initializer="xavier", seed=seed),
    "elu": lambda seed: nn.MLP(2, [16, 16, 1], activation="elu", seed=seed),
    "recommended": lambda seed: nn.recommended(2, [16, 16, 1], seed=seed),
}


@pytest.mark.parametrize(("name", "seed"), [(name, seed) for name in GOOD for seed in range(4)])
def test_good_beginnings_give_no_finding(name: str, seed: int) -> None:
    X, y = moons(40, seed)
    found = diagnose(GOOD[name](seed), X, y, optimizer="adam")
    assert found, str(found)
    assert "✓ nothing found" in str(found)


# Any module


class Dense(nn.Module):
    """A layer without neurons: all in one call."""

    def __init__(self, rows: Array) -> None:
        self.rows = [[Parameter(float(weight)) for weight in row] for row in rows]
        self.biases = [Parameter(0.0) for _ in rows]

    def forward(self, x: Any) -> list[Value]:
        return [
            sg.maximum(sg.dot(row, x) + bias, 0.0)
            for row, bias in zip(self.rows, self.biases, strict=True)
        ]


def test_a_module_of_ones_own() -> None:
    X, y = moons()
    rng = numpy.random.default_rng(1)
    model = nn.Sequential(Dense(rng.normal(size=(5, 2))), nn.Layer(5, 1, None))
    model.steps[0].biases[3].data = -50.0
    found = diagnose(model, [[Value(a), Value(b)] for a, b in X], y[:, None])
    assert [(finding.kind, finding.where, finding.layer) for finding in found.findings] == [
        ("dead", "steps.0[3]", "steps.0")
    ]
    assert found.marks == {"steps.0": "1 dead"}


def test_a_filter_is_one_unit_wherever_it_looks() -> None:
    rng = random.Random(2)
    images = [[[rng.gauss(0.0, 1.0) for _ in range(4)] for _ in range(4)] for _ in range(8)]
    model = nn.Sequential(nn.Conv(1, 3, 3), nn.Flatten(), nn.Layer(12, 2, None))
    model.steps[0].filters[1].bias.data = -50.0
    found = diagnose(model, images, [i % 2 for i in range(8)], loss="cross_entropy")
    assert [(finding.kind, finding.where) for finding in found.findings] == [
        ("dead", "steps.0.filters.1")
    ]
    assert len(found.marks) == 4
    assert found.layers[0].units == 3


def test_a_cell_is_one_layer_over_all_steps() -> None:
    rng = random.Random(3)
    rows = [[[rng.gauss(0.0, 1.0)] for _ in range(5)] for _ in range(8)]
    model = nn.Sequential(nn.Recurrent(nn.RNNCell(1, 3), last=True), nn.Layer(3, 1, None))
    model.steps[0].cell.units.neurons[2].bias.data = 20.0
    found = diagnose(model, rows, [[1.0]] * 8)
    assert [(finding.kind, finding.where) for finding in found.findings] == [
        ("saturated", "steps.0.cell.units.neurons.2")
    ]
    assert [layer.path for layer in found.layers] == ["steps.0.cell.units", "steps.1"]


def test_batch_normalization_keeps_the_samples_apart() -> None:
    X, y = moons()
    model = nn.Sequential(
        nn.Layer(2, 4, None), nn.BatchNorm(4, activation="relu"), nn.Layer(4, 1, None)
    )
    model.steps[1].shift[2].data = -50.0
    found = diagnose(model, X, y[:, None])
    assert [(finding.kind, finding.where) for finding in found.findings] == [
        ("dead", "steps.1.features.2")
    ]
    matrix, bias = weights(model.steps[0])
    sums = X @ matrix.T + bias
    normed = (sums - sums.mean(axis=0)) / numpy.sqrt(sums.var(axis=0) + 1e-5)
    assert found.findings[0].sample == normed[:, 2].argmax()
    assert found.findings[0].numbers["pre-activation"] == pytest.approx(normed[:, 2].max() - 50.0)


def test_every_activation_that_can_be_flat_is_known_by_its_slope() -> None:
    gates = {
        "relu",
        "relu6",
        "elu",
        "selu",
        "celu",
        "gelu",
        "gelu_tanh",
        "sigmoid",
        "logsigmoid",
        "softplus",
        "silu",
        "mish",
        "softsign",
    }
    gates |= {
        "hardsigmoid",
        "hardtanh",
        "tanh",
        "atan",
        "erf",
        "erfc",
        "step",
        "floor",
        "round",
        "sign",
        "hardswish",
    }
    names = [
        op.name
        for op in TABLE.values()
        if len(op.operands) - len(op.defaults) == 1 and not op.over_list
    ]
    assert {name for name in names if steepest(getattr(sg, name)(Value(0.5))) is not None} == gates
    assert steepest(Value(1.0, (Value(2.0),), "mine", partials=(0.5,))) is not None


# What it leaves alone


def state(model: nn.Module) -> Any:
    leaves = [
        (name, leaf.data, leaf.grad)
        for find in (model.named_parameters, model.named_buffers)
        for name, leaf in find()
    ]
    generators = [generator.getstate() for _, generator in model.named_generators()]
    return (
        leaves,
        generators,
        [(name, part.training) for name, part in model.named_modules()],
        random.getstate(),
    )


def test_nothing_is_changed() -> None:
    X, y = moons()
    model = nn.recommended(2, [6, 6, 1])
    model.steps[1].eval()
    sum(mse(p, t) for p, t in zip(model.train().batch(X[:4]), y, strict=False)).backward()
    optimizer = Adam(model.parameters(), 0.5)
    optimizer.step()
    before, memory = state(model), optimizer.state_dict()
    rows = [[Value(a), Value(b)] for a, b in X]
    with sg.no_grad():
        diagnose(model, rows, y, optimizer=optimizer)
    assert state(model) == before
    assert str(optimizer.state_dict()) == str(memory)
    assert all(x.grad == 0.0 for row in rows for x in row)


def test_nothing_is_changed_by_an_error() -> None:
    model = nn.MLP(2, [4, 1])
    before = state(model)
    with pytest.raises(LengthError):
        diagnose(model, [[1.0, 2.0], [1.0]], [0.0, 0.0])
    assert state(model) == before


def test_who_watches_outside_sees_nothing() -> None:
    model = nn.MLP(2, [4, 1], activation="exp")
    model.layers[0].neurons[0].bias.data = 800.0
    with sg.detect_anomaly():
        assert kinds(diagnose(model, *moons())) == ["not finite"]


# What it is given


def test_samples_are_chosen_evenly_and_named_by_their_index() -> None:
    X, y = moons(60)
    model = nn.MLP(2, [4, 1], seed=5)
    model.layers[0].neurons[0].bias.data = -90.0
    found = diagnose(model, X, y, most=20)
    matrix, bias = weights(model.layers[0])
    sums = X @ matrix[0] + bias[0]
    assert found.samples == 20
    assert found.findings[0].sample == 3 * int(sums[::3].argmax())


def test_few_samples_judge_no_unit() -> None:
    X, y = moons()
    found = diagnose(nn.MLP(2, [8, 1]), X[:3], y[:3])
    assert found
    assert "8 samples are needed" in str(found)


def test_resting_units_are_remarked_not_called_ill() -> None:
    X = [[x / 10.0] for x in range(1, 12)]
    model = nn.MLP(1, [3, 1])
    state = {f"layers.0.neurons.{i}.weights.0": weight for i, weight in enumerate((1.0, 2.0, -0.5))}
    model.load_state_dict(state, strict=False)
    found = diagnose(model, X, [x for (x,) in X])
    assert found
    assert found.remarks == ("off for all samples, but close to active: layers.0.neurons.2",)


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        ((lambda x: x, [[1.0]], [1.0]), {}, DataError),
        ((nn.MLP(1, [1]), [[1.0]], [1.0, 2.0]), {}, LengthError),
        ((nn.MLP(1, [1]), [], []), {}, LengthError),
        ((nn.MLP(1, [1]), [[1.0]], [1.0]), {"loss": "mean"}, OptionError),
        ((nn.MLP(1, [1]), [[1.0]], [1.0]), {"optimizer": "best"}, OptionError),
        ((nn.MLP(1, [1]), [[1.0]], [1.0]), {"optimizer": SGD([Parameter(1.0)])}, OptionError),
        ((nn.MLP(1, [1]), [[1.0]], [1.0]), {"most": 0}, OptionError),
    ],
)
def test_bad_arguments(arguments: Any, options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        diagnose(*arguments, **options)


def test_limits_are_positive() -> None:
    with pytest.raises(OptionError, match="slope of Limits"):
        Limits(slope=0.0)


# How it reads


def test_the_most_serious_comes_first_and_many_units_are_counted() -> None:
    X, y = moons()
    model = nn.MLP(2, [6, 6, 1], seed=1)
    for neuron in model.layers[0].neurons[:5]:
        neuron.bias.data = -80.0
    found = diagnose(model, X, y, optimizer=SGD(model.parameters(), 1e4))
    order = list(KINDS)
    assert kinds(found) == sorted(kinds(found), key=order.index)
    assert "dead: 2 more units of layers.0" in str(found)
    assert str(found).count("try: start again with biases at 0") == 1
    assert found._repr_html_().startswith("<pre>")


def test_it_is_part_of_the_package() -> None:
    assert sg.diagnose is diagnose
    with pytest.raises(AttributeError):
        _ = sg.dignose


# Copies


def test_copies_stay_copies_however_long_they_train() -> None:
    """Twins are equal after training too, and others are not."""
    X, y = moons()
    model = nn.MLP(2, [6, 1], activation="tanh", initializer="xavier", seed=3)
    first, second = model.layers[0].neurons[1], model.layers[0].neurons[4]
    second.load_state_dict(first.state_dict())
    model.layers[1].neurons[0].weights[4].data = model.layers[1].neurons[0].weights[1].data
    found = diagnose(model, X, y)
    assert [(finding.kind, finding.where, finding.layer) for finding in found.findings] == [
        ("twins", "layers.0.neurons.1", "layers.0")
    ]
    assert found.findings[0].numbers == {"copies": 2.0}
    assert "layers.0.neurons.1, layers.0.neurons.4 are copies" in found.findings[0].sentence
    sg.fit(model, X, y, loss="mse", epochs=20, progress=False)
    assert list(first.state_dict().values()) == pytest.approx(
        list(second.state_dict().values()), rel=1e-6
    )
    assert diagnose(model, X, y).of("twins")


def test_every_unit_of_a_constant_beginning_is_a_copy() -> None:
    X, y = moons()
    model = nn.MLP(2, [6, 3, 1], activation="tanh", initializer=nn.constant(0.3))
    found = diagnose(model, X, y).of("twins")
    assert [(finding.layer, finding.numbers["copies"]) for finding in found] == [
        ("layers.0", 6.0),
        ("layers.1", 3.0),
    ]
    assert "and 1 more" in found[0].sentence


def test_units_that_lead_to_different_weights_are_no_copies() -> None:
    X, y = moons()
    model = nn.MLP(2, [6, 1], activation="tanh", initializer="xavier", seed=3)
    model.layers[0].neurons[4].load_state_dict(model.layers[0].neurons[1].state_dict())
    assert diagnose(model, X, y)


def test_dropout_tells_copies_apart() -> None:
    X, y = moons()

    def network(*between: Any) -> nn.Sequential:
        layers = nn.Layer(2, 4, "tanh", nn.constant(0.3)), nn.Layer(4, 1, None, nn.constant(0.3))
        return nn.Sequential(layers[0], *between, layers[1])

    assert kinds(diagnose(network(), X, y[:, None])) == ["twins"]
    assert diagnose(network(nn.Dropout(0.5, seed=1)), X, y[:, None])


def test_units_of_the_last_layer_and_units_without_gradient_are_no_copies() -> None:
    X, y = moons()
    model = nn.MLP(2, [4, 2], activation="tanh", initializer="xavier", seed=1)
    model.layers[1].neurons[1].load_state_dict(model.layers[1].neurons[0].state_dict())
    assert diagnose(model, X, numpy.stack([y, y], axis=1))
    model = nn.MLP(2, [4, 1], activation="tanh", initializer="xavier", seed=1)
    model.layers[0].neurons[1].load_state_dict(model.layers[0].neurons[0].state_dict())
    for weight in model.layers[1].neurons[0].weights:
        weight.data = 0.0
    assert not diagnose(model, X, y).of("twins")


class Mean(nn.Module):
    """The mean of several networks."""

    def __init__(self, *networks: nn.Module) -> None:
        self.networks = list(networks)

    def forward(self, x: Any) -> Any:
        return sg.mean([network(x) for network in self.networks])


def test_networks_of_an_ensemble_are_copies_as_a_whole() -> None:
    X, y = moons()
    twins = Mean(
        *(nn.MLP(2, [4, 1], activation="tanh", initializer="xavier", seed=2) for _ in range(3))
    )
    found = diagnose(twins, X, y)
    assert [
        (finding.kind, finding.where, finding.numbers["copies"]) for finding in found.findings
    ] == [("twins", "networks.0", 3.0)]
    apart = Mean(
        *(
            nn.MLP(2, [4, 1], activation="tanh", initializer="xavier", seed=seed)
            for seed in range(3)
        )
    )
    assert diagnose(apart, X, y)


def test_rows_of_a_matrix_of_ones_own_are_units_too() -> None:
    X, y = moons()
    rows = numpy.random.default_rng(1).normal(size=(5, 2))
    rows[3] = rows[1]
    model = nn.Sequential(Dense(rows), nn.Layer(5, 1, None, seed=1))
    weights = model.steps[1].neurons[0].weights
    assert not diagnose(model, X, y[:, None]).of("twins")
    weights[3].data = weights[1].data
    assert [finding.where for finding in diagnose(model, X, y[:, None]).of("twins")] == [
        "steps.0.rows.1"
    ]


def test_layers_that_began_alike_are_remarked() -> None:
    X, y = moons()
    model = nn.Sequential(
        nn.Layer(2, 2, "tanh", seed=1), nn.Layer(2, 2, "tanh", seed=1), nn.Layer(2, 1, None, seed=2)
    )
    found = diagnose(model, X, y[:, None])
    assert found
    assert "steps.0, steps.1 hold the same numbers" in str(found)
    model = nn.Sequential(
        nn.LayerNorm(2),
        nn.Layer(2, 2, "tanh", seed=1),
        nn.LayerNorm(2),
        nn.Layer(2, 1, None, seed=2),
    )
    assert "same numbers" not in str(diagnose(model, X, y[:, None]))


# Linear layers in a row


def test_layers_without_an_activation_between_them_are_one() -> None:
    X, y = moons()
    found = diagnose(nn.MLP(2, [5, 4, 1], activation=None, seed=1), X, y)
    assert [(finding.kind, finding.where) for finding in found.findings] == [
        ("collapsed", "layers.0"),
        ("collapsed", "layers.1"),
    ]
    assert found.findings[0].numbers == {"inputs": 2.0, "between": 5.0, "outputs": 4.0}
    assert "layers.0 and layers.1 have no activation between them" in str(found)


@pytest.mark.parametrize(
    ("steps", "where"),
    [
        (
            (
                nn.Layer(2, 4, "tanh", seed=1),
                nn.Layer(4, 4, None, seed=2),
                nn.Layer(4, 1, None, seed=3),
            ),
            ["steps.1"],
        ),
        (
            (nn.Layer(2, 4, None, seed=1), nn.Dropout(0.2, seed=9), nn.Layer(4, 1, None, seed=3)),
            ["steps.0"],
        ),
        ((nn.Layer(2, 4, "relu", seed=1), nn.Layer(4, 1, None, seed=3)), []),
        ((nn.Layer(2, 4, None, seed=1), sg.softmax, nn.Layer(4, 1, None, seed=3)), []),
        (
            (
                nn.Layer(2, 4, None, seed=1),
                lambda row: [1.0 / (x + 9.0) for x in row],
                nn.Layer(4, 1, None, seed=3),
            ),
            [],
        ),
        (
            (
                nn.Layer(2, 4, None, seed=1),
                lambda row: [x / 9.0 for x in row],
                nn.Layer(4, 1, None, seed=3),
            ),
            ["steps.0"],
        ),
        (
            (
                nn.Layer(2, 4, None, seed=1),
                nn.BatchNorm(4, activation="relu"),
                nn.Layer(4, 1, None, seed=3),
            ),
            [],
        ),
        ((nn.Layer(2, 4, None, seed=1), nn.LayerNorm(4), nn.Layer(4, 1, None, seed=3)), []),
        ((nn.LayerNorm(2), nn.Layer(2, 3, "tanh", seed=3), nn.Layer(3, 1, None, seed=1)), []),
    ],
)
def test_where_layers_collapse(steps: Any, where: list[str]) -> None:
    X, y = moons()
    found = diagnose(nn.Sequential(*steps), X, y[:, None])
    assert [finding.where for finding in found.of("collapsed")] == where


def test_a_narrow_layer_limits_the_rank_and_is_no_waste() -> None:
    X = numpy.random.default_rng(1).normal(size=(20, 6))
    narrow = nn.Sequential(nn.Layer(6, 2, None, seed=1), nn.Layer(2, 6, None, seed=2))
    wide = nn.Sequential(nn.Layer(6, 6, None, seed=1), nn.Layer(6, 6, None, seed=2))
    assert not diagnose(narrow, X, X).of("collapsed")
    assert diagnose(wide, X, X).of("collapsed")


def test_convolutions_collapse_too() -> None:
    images = numpy.random.default_rng(1).normal(size=(8, 1, 5, 5))
    plain = nn.Sequential(
        nn.Conv(1, 2, 3, activation=None, seed=1), nn.Flatten(), nn.Layer(18, 2, None, seed=2)
    )
    bent = nn.Sequential(
        nn.Conv(1, 2, 3, activation="relu", seed=1), nn.Flatten(), nn.Layer(18, 2, None, seed=2)
    )
    labels = [i % 2 for i in range(8)]
    assert [
        finding.where
        for finding in diagnose(plain, images.tolist(), labels, loss="cross_entropy").of(
            "collapsed"
        )
    ] == ["steps.0"]
    assert not diagnose(bent, images.tolist(), labels, loss="cross_entropy").of("collapsed")


class Scaled(nn.Module):
    """A network whose outputs are multiplied by a temperature."""

    def __init__(self) -> None:
        self.inner, self.temperature = (
            nn.MLP(2, [4, 2], activation="tanh", initializer="xavier", seed=1),
            Parameter(2.0),
        )

    def forward(self, x: Any) -> list[Value]:
        return [self.temperature * score for score in self.inner(x)]


class Residual(nn.Module):
    """x + W·tanh(V·x), twice, and a layer at the end."""

    def __init__(self) -> None:
        self.blocks = [
            nn.MLP(2, [3, 2], activation="tanh", initializer="xavier", seed=seed)
            for seed in range(2)
        ]
        self.last = nn.Layer(2, 1, None, seed=7)

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            x = [a + b for a, b in zip(block(x), x, strict=True)]
        return self.last(x)[0]


def test_scales_and_residuals_do_not_collapse() -> None:
    X, y = moons()
    assert not diagnose(Scaled(), X, y, loss="cross_entropy").of("collapsed")
    assert not diagnose(Residual(), X, y).of("collapsed")


# What it says of data that does not fit


def test_the_loss_of_numbers_for_a_classifier_names_the_one_of_classes() -> None:
    X, y = moons()
    with pytest.raises(LengthError, match='for class indices take loss="cross_entropy"'):
        diagnose(nn.MLP(2, [4, 2], seed=1), X, y)
    with pytest.raises(LengthError, match=r"y\.ravel\(\)"):
        diagnose(nn.MLP(2, [4, 1], seed=1), X, y[:, None])
    with pytest.raises(OptionError, match=r"y\[\d+\] is 0, and a target of hinge"):
        diagnose(nn.MLP(2, [4, 1], seed=1), X, y, loss="hinge")
    with pytest.raises(DataError, match=r"y\[0\] is the text"):
        diagnose(nn.MLP(2, [4, 1], seed=1), X, ["a"] * 40)


def test_a_number_of_the_data_that_is_not_finite_is_named_by_its_place() -> None:
    X, y = moons(60)
    X[33, 1] = numpy.nan
    found = diagnose(nn.MLP(2, [4, 1], seed=1), X, y, most=20)
    assert found.findings[0].sentence.startswith("X[33, 1] is nan")
    assert found.findings[0].sample == 33


def test_frames_are_taken() -> None:
    pandas = pytest.importorskip("pandas")
    X, y = moons()
    assert diagnose(nn.MLP(2, [4, 1], seed=3), pandas.DataFrame(X), pandas.Series(y)).samples == 40


@pytest.mark.parametrize("most", [100, None], ids=repr)
def test_a_sentence_names_the_sample_by_its_row_in_x(most: int | None) -> None:
    inputs = numpy.linspace(1.0, -1.0, 207)[:, None] ** 3
    model = nn.MLP(1, [3, 1], "relu", seed=0)
    model.layers[0].neurons[1].bias.data = -50.0
    (finding,) = (
        found
        for found in diagnose(model, inputs, inputs[:, 0], most=most).findings
        if found.kind == "dead"
    )
    assert finding.sample is not None
    assert f"(sample {finding.sample})" in finding.sentence
    neuron = model.layers[0].neurons[1]
    weight, bias = neuron.weights[0].data, neuron.bias.data
    assert finding.numbers["pre-activation"] == pytest.approx(
        weight * inputs[finding.sample, 0] + bias, rel=1e-12
    )


class OwnNeuron(nn.Module):
    def __init__(self) -> None:
        self.weight = Value(0.5)

    def __call__(self, x: Any) -> Value:
        return self.weight * x[0]

    def parameters(self) -> Any:
        return [self.weight]


class Around(nn.Module):
    def __init__(self) -> None:
        self.neurons = [OwnNeuron(), OwnNeuron()]
        self.scale = Parameter(1.0)

    def __call__(self, x: Any) -> Value:
        return (self.neurons[0](x) + self.neurons[1](x)) * self.scale


@pytest.mark.parametrize(
    ("model", "name"), [(OwnNeuron(), "model"), (Around(), "neurons.0")], ids=["whole", "part"]
)
def test_plain_values_in_the_place_of_parameters_are_named(model: nn.Module, name: str) -> None:
    said = rf"{name}\.parameters\(\) of OwnNeuron holds a Value.*use sg\.Parameter in place"
    with pytest.raises(DataError, match=said):
        diagnose(model, [[1.0], [2.0]], [1.0, 2.0])


def test_fit_names_them_in_the_same_words() -> None:
    with pytest.raises(DataError, match=r"model\.parameters\(\) of OwnNeuron holds a Value"):
        sg.fit(OwnNeuron(), [[1.0], [2.0]], [1.0, 2.0], loss="mse", epochs=1, progress=False)
