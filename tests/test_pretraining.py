"""Pre-training layer by layer: against principal components, and what it changes and leaves."""

from typing import Any

import numpy
import pytest

from scalargrad import pretraining
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.nn import MLP, BatchNorm, Dropout, Layer, Neuron, Sequential
from scalargrad.pretraining import pretrain
from scalargrad.training import fit

RNG = numpy.random.default_rng(5)
X = RNG.normal(size=(60, 2)) @ RNG.normal(size=(2, 5)) + 0.05 * RNG.normal(size=(60, 5))
"""Nearly flat: five numbers that two describe."""


def quick(model: Any, samples: Any = X, **options: Any) -> Any:
    return pretrain(model, samples, **{"epochs": 5, "progress": False, "compiled": True, **options})


def test_a_linear_autoencoder_comes_near_to_principal_components_and_never_beats_them() -> None:
    """Baldi and Hornik 1989: the best k linear units span the first k principal components."""
    centered = X - X.mean(axis=0)
    rest = numpy.linalg.svd(centered, compute_uv=False)[2:]
    best = (rest**2).sum() / X.size
    (history,) = quick(
        MLP(5, [2, 1], activation=None, seed=2), epochs=150, batch_size=5, optimizer="adam"
    )
    start, end = history["loss"][0], history["loss"][-1]
    assert best <= end < 0.05 * start
    assert end < 20 * best


def test_each_layer_but_the_last_learns_and_the_last_stays() -> None:
    model = MLP(5, [4, 3, 2], activation="tanh", seed=1)
    before = model.state_dict()
    histories = quick(model)
    changed = {
        name.split(".neurons")[0]
        for name, number in model.state_dict().items()
        if number != before[name]
    }
    assert changed == {"layers.0", "layers.1"}
    assert len(histories) == 2
    assert all(history["loss"][-1] < history["loss"][0] for history in histories)


def test_the_second_layer_learns_from_the_codes_of_the_first() -> None:
    first = MLP(5, [4, 3, 2], activation="tanh", seed=1)
    quick(first)
    codes = [[value.data for value in first.layers[0](row)] for row in X.tolist()]
    second = MLP(4, [3, 2], activation="tanh", seed=9)
    second.layers[0].load_state_dict(
        MLP(5, [4, 3, 2], activation="tanh", seed=1).layers[1].state_dict()
    )
    quick(second, codes)
    assert second.layers[0].state_dict() == first.layers[1].state_dict()


def test_other_steps_are_passed_in_evaluation_and_frozen_layers_stay() -> None:
    model = Sequential(
        Layer(5, 4, activation="tanh", seed=1),
        BatchNorm(4),
        Dropout(0.5, seed=1),
        Layer(4, 3, seed=2),
        Layer(3, 1, seed=3),
    )
    model.steps[0].freeze()
    state = next(iter(model.named_generators()))[1].getstate()
    before = model.state_dict()
    assert len(quick(model)) == 2
    changed = {
        name.split(".neurons")[0]
        for name, number in model.state_dict().items()
        if number != before[name]
    }
    assert changed == {"steps.3"}
    assert next(iter(model.named_generators()))[1].getstate() == state


def test_noise_goes_in_but_is_not_to_come_out() -> None:
    (clean,), (noisy,) = (
        quick(MLP(5, [5, 1], activation=None, seed=2), epochs=40, noise=noise)
        for noise in (0.0, 0.5)
    )
    assert clean["loss"][-1] < noisy["loss"][-1]


def test_equal_seeds_give_equal_bits() -> None:
    models = [MLP(5, [3, 1], seed=1), MLP(5, [3, 1], seed=1)]
    for model in models:
        quick(model, noise=0.1, seed=4)
    assert models[0].state_dict() == models[1].state_dict()


def test_compiled_and_eager_give_the_same_numbers() -> None:
    models = [MLP(5, [4, 3, 1], activation="tanh", seed=1) for _ in range(2)]
    eager, compiled = (
        quick(model, noise=0.1, compiled=compiled)
        for model, compiled in zip(models, (False, True), strict=True)
    )
    assert [h["loss"] for h in compiled] == [
        pytest.approx(h["loss"], rel=1e-9, abs=1e-9) for h in eager
    ]
    first, second = (model.state_dict() for model in models)
    assert second == pytest.approx(first, rel=1e-9, abs=1e-9)
    assert second != MLP(5, [4, 3, 1], activation="tanh", seed=1).state_dict()


def test_compiled_training_is_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watch(*arguments: Any, **options: Any) -> Any:
        seen.append(options["compiled"])
        return fit(*arguments, **options)

    monkeypatch.setattr(pretraining, "fit", watch)
    quick(MLP(5, [4, 3, 1], seed=1), epochs=1, compiled=True)
    quick(MLP(5, [3, 1], seed=1), epochs=1, compiled=False)
    assert seen == [True, True, False]


@pytest.mark.parametrize(
    ("model", "samples", "error", "message"),
    [
        (Neuron(5), X, DataError, "an MLP or a Sequential"),
        (MLP(5, [1]), X, OptionError, "has 1 in all"),
        (MLP(4, [3, 1]), X, LengthError, "takes 4 inputs"),
        (MLP(5, [3, 1]), [], LengthError, "no samples"),
    ],
)
def test_what_can_not_be_pretrained(
    model: Any, samples: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        quick(model, samples)
