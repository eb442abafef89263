"""Weights of samples and classes, and ignored targets, against PyTorch; eager and compiled."""

from functools import partial
from typing import Any

import numpy
import pytest

from scalargrad import Value
from scalargrad.data import epoch_order, moons
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import cross_entropy
from scalargrad.nn import MLP, BatchNorm, Layer, Module, Recurrent, RNNCell, Sequential
from scalargrad.optim import SGD, l2
from scalargrad.training import fit
from scalargrad.training.sample_weights import apply_class_weights
from scalargrad.training.samples import read_samples

X, LABELS = moons(30, noise=0.2, seed=3)
CLASSES = (numpy.arange(30) * 7 % 10 // 4).astype(int)  # 0, 1 and 2, not equally often
WEIGHTS = numpy.random.default_rng(1).uniform(0.0, 3.0, 30)
IGNORED = numpy.where(numpy.arange(30) % 4 == 1, -100, CLASSES)
both_ways = pytest.mark.parametrize("compiled", [False, True])


def network(outputs: int = 3) -> MLP:
    return MLP(2, [5, outputs], "tanh", seed=1)


def numbers(model: Module) -> list[float]:
    return list(model.state_dict().values())


def train(model: Module, y: Any, compiled: bool, X: Any = X, **options: Any) -> Any:
    given = {"loss": "cross_entropy", "epochs": 3, "batch_size": 8, "seed": 4, **options}
    return fit(
        model,
        X,
        y,
        optimizer=SGD(model.parameters(), 0.3),
        progress=False,
        compiled=compiled,
        **given,
    )


def torch_train(model: MLP, y: Any, loss: Any, epochs: int = 3) -> tuple[list[float], list[float]]:
    """The same training in PyTorch: parameters, and the mean loss of each batch."""
    torch = pytest.importorskip("torch")
    first, second = model.layers
    net = torch.nn.Sequential(
        torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, len(second.neurons))
    ).double()
    with torch.no_grad():
        for layer, linear in ((first, net[0]), (second, net[2])):
            linear.weight.copy_(
                torch.tensor(
                    [[w.data for w in neuron.weights] for neuron in layer.neurons],
                    dtype=torch.float64,
                )
            )
            linear.bias.copy_(
                torch.tensor([neuron.bias.data for neuron in layer.neurons], dtype=torch.float64)
            )
    rule = torch.optim.SGD(net.parameters(), lr=0.3)
    inputs, targets, steps = torch.tensor(X), torch.tensor(y), []
    for epoch in range(epochs):
        order = epoch_order(30, 4, epoch)
        for start in range(0, 30, 8):
            part = order[start : start + 8].tolist()
            rule.zero_grad()
            found = loss(torch, net(inputs[part]), targets[part], part)
            found.backward()
            rule.step()
            steps.append(found.item())
    learned = []
    for linear in (net[0], net[2]):
        for row, bias in zip(linear.weight.tolist(), linear.bias.tolist(), strict=True):
            learned += [*row, bias]
    return learned, steps


@both_ways
def test_class_weights_as_in_pytorch(compiled: bool) -> None:
    def loss(torch: Any, output: Any, target: Any, part: Any) -> Any:
        return torch.nn.functional.cross_entropy(
            output, target, weight=torch.tensor([0.5, 2.0, 1.25], dtype=torch.float64)
        )

    expected, steps = torch_train(network(), CLASSES, loss)
    for weights in ([0.5, 2.0, 1.25], {0: 0.5, 1: 2.0, 2: 1.25}, numpy.array([0.5, 2.0, 1.25])):
        model = network()
        history = train(model, CLASSES, compiled, class_weight=weights)
        assert numbers(model) == pytest.approx(expected, rel=1e-9, abs=1e-12)
        assert history.steps == pytest.approx(steps, rel=1e-9)


@both_ways
def test_an_ignored_index_as_in_pytorch(compiled: bool) -> None:
    def loss(torch: Any, output: Any, target: Any, part: Any) -> Any:
        return torch.nn.functional.cross_entropy(output, target, ignore_index=-100)

    expected, steps = torch_train(network(), IGNORED, loss)
    model = network()
    history = train(model, IGNORED, compiled, loss=partial(cross_entropy, ignore_index=-100))
    assert numbers(model) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert history.steps == pytest.approx(steps, rel=1e-9)


@both_ways
def test_class_weights_and_an_ignored_index_together(compiled: bool) -> None:
    def loss(torch: Any, output: Any, target: Any, part: Any) -> Any:
        weight = torch.tensor([0.5, 2.0, 1.25], dtype=torch.float64)
        return torch.nn.functional.cross_entropy(output, target, weight=weight, ignore_index=-100)

    expected, _ = torch_train(network(), IGNORED, loss)
    model = network()
    train(
        model,
        IGNORED,
        compiled,
        loss=partial(cross_entropy, ignore_index=-100),
        class_weight=[0.5, 2.0, 1.25],
    )
    assert numbers(model) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@both_ways
def test_sample_weights_are_shares_of_the_batch(compiled: bool) -> None:
    def loss(torch: Any, output: Any, target: Any, part: Any) -> Any:
        each = torch.nn.functional.cross_entropy(output, target, reduction="none")
        weight = torch.tensor(WEIGHTS[part])
        return (each * weight).sum() / weight.sum()

    expected, steps = torch_train(network(), CLASSES, loss)
    model = network()
    history = train(model, CLASSES, compiled, sample_weight=WEIGHTS)
    assert numbers(model) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert history.steps == pytest.approx(steps, rel=1e-9)


@both_ways
def test_balanced_is_what_scikit_learn_computes(compiled: bool) -> None:
    utilities = pytest.importorskip("sklearn.utils.class_weight")
    weights = utilities.compute_class_weight("balanced", classes=numpy.arange(3), y=CLASSES)
    found = [network(), network()]
    train(found[0], CLASSES, compiled, class_weight="balanced")
    train(found[1], CLASSES, compiled, class_weight=weights)
    assert numbers(found[0]) == pytest.approx(numbers(found[1]), rel=1e-12)


@both_ways
@pytest.mark.parametrize("y", [LABELS, 2.0 * LABELS - 1.0])
def test_one_output_has_the_weight_of_its_label(y: Any, compiled: bool) -> None:
    low, high = sorted(set(y))
    found = [network(1) for _ in range(3)]
    train(found[0], y, compiled, loss="mse", class_weight={low: 1.0, high: 3.0})
    train(found[1], y, compiled, loss="mse", sample_weight=numpy.where(LABELS > 0.5, 3.0, 1.0))
    train(found[2], y, compiled, loss="mse", class_weight=[1.0, 3.0])
    assert numbers(found[0]) == numbers(found[1]) == numbers(found[2])


@both_ways
def test_a_list_of_weights_is_by_class_where_a_class_is_not_seen(compiled: bool) -> None:
    found = [network(2) for _ in range(2)]
    ones = numpy.ones(30, dtype=int)
    train(found[0], ones, compiled, class_weight=[1.0, 3.0])
    train(found[1], ones, compiled, sample_weight=[3.0] * 30)
    assert numbers(found[0]) == pytest.approx(numbers(found[1]), rel=1e-12)


@both_ways
def test_rows_of_classes_have_weights_too(compiled: bool) -> None:
    found = [network(), network()]
    train(found[0], numpy.eye(3)[CLASSES], compiled, class_weight=[1.0, 2.0, 3.0])
    train(found[1], CLASSES, compiled, class_weight=[1.0, 2.0, 3.0])
    assert numbers(found[0]) == pytest.approx(numbers(found[1]), rel=1e-12)


@both_ways
def test_the_history_is_the_weighted_mean(compiled: bool) -> None:
    model = network()
    weights = dict(enumerate([0.5, 2.0, 1.25]))
    options: dict[str, Any] = {
        "epochs": 1,
        "class_weight": weights,
        "sample_weight": WEIGHTS,
        "metrics": "accuracy",
    }
    rule = SGD(model.parameters(), 0.0)
    history = fit(
        model,
        X,
        CLASSES,
        loss="cross_entropy",
        optimizer=rule,
        batch_size=7,
        progress=False,
        compiled=compiled,
        validation=(X, CLASSES),
        penalty=lambda model: l2(model.parameters(), 0.1),
        **options,
    )
    each = numpy.array(
        [cross_entropy(model(x), int(c)).data for x, c in zip(X.tolist(), CLASSES, strict=True)]
    )
    by_class = numpy.array([0.5, 2.0, 1.25])[CLASSES]
    assert history["loss"][0] == pytest.approx(
        numpy.average(each, weights=by_class * WEIGHTS), rel=1e-12
    )
    assert history["validation_loss"][0] == pytest.approx(
        numpy.average(each, weights=by_class), rel=1e-12
    )
    assert history["penalty"][0] == pytest.approx(
        0.1 * sum(number**2 for number in numbers(model)), rel=1e-12
    )
    assert history["accuracy"] == history["validation_accuracy"]


@both_ways
def test_validation_may_bring_weights_of_its_own(compiled: bool) -> None:
    model = network()
    rule = SGD(model.parameters(), 0.0)
    history = fit(
        model,
        X,
        CLASSES,
        loss="cross_entropy",
        optimizer=rule,
        epochs=1,
        progress=False,
        compiled=compiled,
        validation=(X, CLASSES, WEIGHTS),
    )
    each = [cross_entropy(model(x), int(c)).data for x, c in zip(X.tolist(), CLASSES, strict=True)]
    assert history["validation_loss"][0] == pytest.approx(
        numpy.average(each, weights=WEIGHTS), rel=1e-12
    )


def test_a_share_for_validation_keeps_its_weights() -> None:
    found = []
    for compiled in (False, True):
        model = network()
        history = train(
            model, CLASSES, compiled, sample_weight=WEIGHTS, validation=0.3, metrics="accuracy"
        )
        found.append([*numbers(model), *history["loss"], *history["validation_loss"]])
    assert found[0] == pytest.approx(found[1], rel=1e-9, abs=1e-12)


def test_a_batch_that_passes_together() -> None:
    def make() -> Sequential:
        return Sequential(
            Layer(2, 4, None, seed=1), BatchNorm(4, activation="tanh"), Layer(4, 3, None, seed=2)
        )

    repeated = numpy.repeat(numpy.arange(10), 2)
    weighted, doubled = make(), make()
    fit(
        weighted,
        X[:10],
        CLASSES[:10],
        loss="cross_entropy",
        optimizer=SGD(weighted.parameters(), 0.1),
        epochs=1,
        batch_size=None,
        progress=False,
        sample_weight=[2.0] * 10,
    )
    fit(
        doubled,
        X[repeated],
        CLASSES[repeated],
        loss="cross_entropy",
        optimizer=SGD(doubled.parameters(), 0.1),
        epochs=1,
        batch_size=None,
        progress=False,
    )
    assert numbers(weighted)[:27] == pytest.approx(numbers(doubled)[:27], rel=1e-9)


@both_ways
def test_a_batch_whose_weights_are_all_zero_changes_nothing(compiled: bool) -> None:
    model, weights = network(), [0.0] * 8 + [1.0] * 22
    history = train(model, CLASSES, compiled, sample_weight=weights, seed=None, epochs=1)
    assert history.steps[0] == 0.0
    rest = network()
    train(rest, CLASSES[8:], compiled, X=X[8:], seed=None, epochs=1)
    assert numbers(model) == pytest.approx(numbers(rest), rel=1e-12)


# Sequences of classes

SEQUENCES = numpy.random.default_rng(5).normal(size=(9, 4, 2))
TAGS = numpy.random.default_rng(6).integers(0, 3, (9, 4))
TAGS[0] = [0, 1, 0, 0]  # adds up to 1 as shares do


class Tagger(Module):
    """A class for every step of a sequence."""

    def __init__(self) -> None:
        self.recurrent = Recurrent(RNNCell(2, 4, seed=1))
        self.scores = Layer(4, 3, None, seed=2)

    def forward(self, x: Any) -> list[list[Value]]:
        return [self.scores(state) for state in self.recurrent(x)]


@both_ways
@pytest.mark.parametrize("ignored", [False, True])
def test_sequences_of_classes_are_averaged_over_the_steps_that_count(
    ignored: bool, compiled: bool
) -> None:
    """The loss of the first batch is the mean over all steps of it, as PyTorch takes it."""
    torch = pytest.importorskip("torch")
    tags = numpy.where(numpy.arange(36).reshape(9, 4) % 5 == 4, -100, TAGS) if ignored else TAGS
    loss = partial(cross_entropy, ignore_index=-100) if ignored else "cross_entropy"
    model = Tagger()
    scores = [[[value.data for value in row] for row in model(x)] for x in SEQUENCES.tolist()]
    logits = torch.tensor(scores, dtype=torch.float64).reshape(36, 3)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(tags).reshape(36))
    history = train(model, tags, compiled, X=SEQUENCES, loss=loss, batch_size=None, epochs=1)
    assert history.steps[0] == pytest.approx(expected.item(), rel=1e-12)


def test_sequences_with_ignored_steps_train_alike() -> None:
    tags = numpy.where(numpy.arange(36).reshape(9, 4) % 5 == 4, -100, TAGS)
    tags[3] = -100
    found = []
    for compiled in (False, True):
        model = Tagger()
        train(
            model,
            tags,
            compiled,
            X=SEQUENCES,
            loss=partial(cross_entropy, ignore_index=-100),
            batch_size=4,
        )
        found.append(numbers(model))
    assert found[0] == pytest.approx(found[1], rel=1e-9, abs=1e-12)


# Each kind of target by itself


def weights_of(y: Any, class_weight: Any, prediction: Any, loss: Any = cross_entropy) -> Any:
    samples = read_samples([[1.0]] * len(y), y)
    return apply_class_weights(samples, samples, class_weight, loss, prediction)[1].weights  # type: ignore[union-attr]


ignoring = partial(cross_entropy, ignore_index=-100)


@pytest.mark.parametrize(
    ("y", "class_weight", "prediction", "loss", "weights"),
    [
        ([0, 1], None, [0.1, 0.9], cross_entropy, None),
        ([0, 2], [0.0, 1.0, 3.0], [0.1, 0.2, 0.7], cross_entropy, [0.0, 3.0]),
        ([0, -100], None, [0.1, 0.9], ignoring, [1.0, 0.0]),
        ([[0], [-100]], None, [[0.1, 0.9]], ignoring, [1.0, 0.0]),
        ([[0, 1], [-100, 1]], None, [[0.1, 0.9]] * 2, ignoring, [2.0, 1.0]),
        ([[-1], [1]], [1.0, 3.0], [0.3], cross_entropy, [1.0, 3.0]),
        ([0.5, 1.5], {0.5: 2.0, 1.5: 3.0}, [0.3], cross_entropy, [2.0, 3.0]),
        ([0.5, 1.5], {0.5: 2.0, 1.5: 3.0}, 0.3, cross_entropy, [2.0, 3.0]),
        ([[0, 1], [1, 0]], [2.0, 3.0], [0.1, 0.9], cross_entropy, [3.0, 2.0]),
        ([0, 0, 0, 1], "balanced", [0.1, 0.9], cross_entropy, [2 / 3, 2 / 3, 2 / 3, 2.0]),
    ],
)
def test_weights_by_hand(
    y: Any, class_weight: Any, prediction: Any, loss: Any, weights: Any
) -> None:
    assert weights_of(y, class_weight, prediction, loss) == weights


@pytest.mark.parametrize(
    "target", [[0.5, 0.5], [-1.0, 0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [Value(0.0), 1.0]]
)
def test_several_classes_have_no_one_weight(target: Any) -> None:
    with pytest.raises(
        OptionError, match=r"class_weight needs one class for each sample, and y\[0\] is a list of"
    ):
        weights_of([target], [1.0] * len(target), [0.1] * len(target))


def test_a_number_that_is_not_whole_is_no_class_of_several() -> None:
    with pytest.raises(OptionError, match=r"class_weight needs classes, and y\[0\] is 0\.5"):
        weights_of([0.5, 1.0], [1.0, 1.0], [0.1, 0.9])


def test_one_output_has_at_most_50_classes() -> None:
    assert len(weights_of(list(range(50)), "balanced", 0.3)) == 50
    with pytest.raises(
        OptionError, match="class_weight needs classes, and y has 51 different numbers"
    ):
        weights_of(list(range(51)), "balanced", 0.3)
    assert len(weights_of(list(range(51)), "balanced", [0.1] * 51)) == 51


# What is refused


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"class_weight": "balance"}, OptionError, "class_weight must be 'balanced'"),
        ({"class_weight": {0: 1.0, 1: 1.0}}, OptionError, r"no weight for y\[\d+\], which is 2"),
        ({"class_weight": [1.0, 2.0]}, LengthError, "3 classes, 2 weights"),
        (
            {"class_weight": [1.0, 2.0, -1.0]},
            OptionError,
            "class_weight of 2 must be a number of at least 0",
        ),
        ({"class_weight": [1.0, 2.0, "x"]}, DataError, r"class_weight\[2\] is the text 'x'"),
        ({"class_weight": {0: 0, 1: 0, 2: 0}}, OptionError, "weights of all samples are 0"),
        ({"sample_weight": [1.0] * 3}, LengthError, "30 samples, 3 weights"),
        ({"sample_weight": [-1.0] + [1.0] * 29}, OptionError, r"sample_weight\[0\] is -1.0"),
        ({"sample_weight": [0.0] * 30}, OptionError, "0 for every sample"),
        ({"sample_weight": [[1.0]] * 30}, LengthError, "ravel"),
        ({"sample_weight": [float("nan")] * 30}, DataError, r"sample_weight\[0\] is nan"),
    ],
)
def test_weights_that_can_not_be(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    said = []
    for compiled in (False, True):
        with pytest.raises(error, match=message) as caught:
            train(network(), CLASSES, compiled, **options)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_numbers_are_no_classes() -> None:
    with pytest.raises(OptionError, match="give sample_weight"):
        fit(
            network(1),
            numpy.tile(X, (2, 1)),
            numpy.arange(60) / 7,
            loss="mse",
            class_weight="balanced",
            progress=False,
        )
