"""Learned by heart: the loss against NumPy, the rise of the validation loss, and every cure."""

from functools import cache
from math import hypot, log

import numpy as np
import pytest

from demos import overfitting as demo
from scalargrad.nn import Neuron

ROUNDS = 40


@pytest.fixture(scope="module")
def ill() -> demo.Trained:
    return demo.train(demo.cures()[0], ROUNDS)


@cache
def cured(name: str, rounds: int = ROUNDS) -> demo.Trained:
    return demo.train(next(cure for cure in demo.cures() if cure.name == name), rounds)


def test_the_loss_against_numpy(ill: demo.Trained) -> None:
    inputs, labels = demo.points(50, seed=7)
    numbers = np.array([parameter.data for parameter in ill.model.parameters()])
    assert len(numbers) == 161
    first, last = numbers[:120].reshape(40, 3), numbers[120:]
    logits = np.tanh(np.array(inputs) @ first[:, :2].T + first[:, 2]) @ last[:40] + last[40]
    expected = np.mean(np.logaddexp(0.0, logits) - np.array(labels) * logits)
    assert demo.mean_loss(ill.model, (inputs, labels)) == pytest.approx(expected, rel=1e-9)


def test_the_points_are_not_those_of_the_validation() -> None:
    seen = {tuple(point) for point in demo.points(30, seed=1)[0]}
    assert len(seen) == 30
    assert not seen & {
        tuple(point) for seed in (100, 200) for point in demo.points(300, seed=seed)[0]
    }


def test_without_cure_training_falls_and_validation_rises(ill: demo.Trained) -> None:
    training, validation = ill.history["loss"], ill.history["validation_loss"]
    assert training[-1] < 0.2 * training[0]
    assert validation[-1] > 1.4 * min(validation)
    assert ill.losses[1] == pytest.approx(validation[-1], rel=1e-12)
    assert ill.losses[0] < 0.2 * ill.losses[2]


@pytest.mark.parametrize("name", [cure.name for cure in demo.cures()[1:]])
def test_every_cure_is_better_on_points_that_nobody_looked_at(name: str, ill: demo.Trained) -> None:
    assert cured(name).losses[2] < 0.95 * ill.losses[2]


def test_early_stopping_gives_the_best_network_back() -> None:
    stopped = cured("early stopping")
    assert stopped.history.epochs < ROUNDS
    assert "best after epoch" in stopped.history.stop_reason
    assert stopped.losses[1] == pytest.approx(min(stopped.history["validation_loss"]), rel=1e-12)


def test_max_norm_holds_for_every_neuron() -> None:
    neurons = [
        module
        for _, module in cured("max-norm", 2).model.named_modules()
        if isinstance(module, Neuron)
    ]
    assert len(neurons) == 41
    assert (
        max(hypot(*(weight.data for weight in neuron.weights)) for neuron in neurons) <= 1.0 + 1e-12
    )


def test_a_penalty_makes_weights_small(ill: demo.Trained) -> None:
    def size(trained: demo.Trained) -> float:
        return sum(parameter.data**2 for parameter in trained.model.parameters())

    assert size(cured("l2 penalty", 10)) < 0.2 * size(ill)


def test_more_data_make_no_more_steps() -> None:
    assert (
        len(cured("more data", 10).history.steps) == len(cured("nothing", 10).history.steps) == 30
    )


def test_good_defaults_learn_where_the_old_ones_know_nothing() -> None:
    old, faster, new = demo.defaults(3).values()
    assert old == pytest.approx([log(2.0)] * 3, abs=5e-3)
    assert new[-1] < 0.5 < faster[-1]
