"""The recommended network: what it is made of, its beginnings, and that it learns."""

from typing import Any

import numpy as np
import pytest

import viz
from scalargrad import Value
from scalargrad.data import moons
from scalargrad.errors import OptionError
from scalargrad.nn import BatchNorm, Dropout, Layer, recommended
from scalargrad.nn.naming import describe
from scalargrad.optim import Adam
from scalargrad.training import fit


def test_what_it_is_made_of() -> None:
    model = recommended(3, [8, 6, 2])
    described = [describe(step) for step in model.steps]
    hidden = [
        "Layer(3 → 8)",
        "BatchNorm(8, elu)",
        "Dropout(0.2)",
        "Layer(8 → 6)",
        "BatchNorm(6, elu)",
        "Dropout(0.2)",
    ]
    assert described == [*hidden, "Layer(6 → 2)"]
    assert model.inputs == 3
    assert [
        describe(step)
        for step in recommended(3, [8, 2], dropout=0, output_activation="softmax").steps
    ] == [
        "Layer(3 → 8)",
        "BatchNorm(8, elu)",
        "Layer(8 → 2, softmax)",
    ]
    assert not any(isinstance(step, (BatchNorm, Dropout)) for step in recommended(3, [2]).steps)


def test_one_output_comes_by_itself() -> None:
    assert type(recommended(2, [4, 1]).eval()([1.0, 2.0])) is Value
    assert all(type(y) is Value for y in recommended(2, [4, 1]).batch([[1.0, 2.0], [2.0, 1.0]]))
    assert len(recommended(2, [4, 3]).eval()([1.0, 2.0])) == 3


def test_hidden_weights_are_those_of_he() -> None:
    model = recommended(60, [40, 1], seed=1)
    weights = [w.data for neuron in model.steps[0].neurons for w in neuron.weights]
    assert np.var(weights) == pytest.approx(2 / 60, rel=0.1)


def test_seeds() -> None:
    def outputs(seed: int) -> Any:
        model = recommended(2, [8, 1], seed=seed)
        return [y.data for _ in range(2) for y in model.batch([[1.0, 2.0], [2.0, 1.0], [0.0, 1.0]])]

    assert outputs(1) == outputs(1) != outputs(2)


def test_it_learns_two_moons() -> None:
    """What bends; the straight line of least squares is the referee for what does not."""
    samples, classes = moons(60, noise=0.1, seed=1)
    with_ones = np.c_[samples, np.ones(60)]
    line = np.linalg.lstsq(with_ones, 2.0 * np.array(classes) - 1.0, rcond=None)[0]
    model = recommended(2, [8, 8, 2], dropout=0.1, seed=1)
    rate = Adam(model.parameters(), 0.02)
    fit(
        model,
        samples,
        classes,
        loss="cross_entropy",
        optimizer=rate,
        epochs=60,
        batch_size=20,
        progress=False,
    )
    right = sum(
        max(range(2), key=lambda i: model(x)[i].data) == target
        for x, target in zip(samples, classes, strict=True)
    )
    assert right >= 57 > np.sum((with_ones @ line > 0.0) == np.array(classes))


def test_it_can_be_drawn() -> None:
    columns = viz.draw(recommended(2, [4, 1])).picture.columns
    assert [column.title for column in columns] == [
        "inputs",
        "steps.0  4 × linear",
        "steps.1  4 × elu",
        "steps.3  1 × linear",
    ]


@pytest.mark.parametrize("sizes", [[], 3, "34", None, [0], [4, 1.5]], ids=repr)
def test_impossible_sizes(sizes: Any) -> None:
    with pytest.raises(OptionError, match="sizes"):
        recommended(2, sizes)
    with pytest.raises(OptionError, match="inputs"):
        recommended(0, [1])
    with pytest.raises(OptionError, match="p of Dropout"):
        recommended(2, [4, 1], dropout=1.0)
    assert isinstance(recommended(2, [4, 1]).steps[0], Layer)
