"""Learned by heart: the loss against NumPy, the rise of the validation loss, and every cure."""

from collections.abc import Callable
from functools import cache
from math import hypot

import numpy as np
import pytest

from demos import overfitting as demo
from scalargrad.data import moons
from scalargrad.nn import Neuron
from tests.demos.conftest import Told
from tests.demos.page import files_of

EPOCHS, DRAWS = demo.QUICK
CURED = [cure.name for cure in demo.cures()[1:]]


@cache
def compared() -> dict[str, list[demo.Trained]]:
    return {found[0].cure.name: found for found in demo.compare(EPOCHS, DRAWS)}


@pytest.fixture(scope="module")
def untreated() -> list[demo.Trained]:
    return compared()["nothing"]


@cache
def digits() -> dict[str, list[float]]:
    return demo.read_digits(DRAWS)


def forward(trained: demo.Trained, inputs: np.ndarray) -> np.ndarray:
    """The 2-40-1 network by hand."""
    numbers = np.array([parameter.data for parameter in trained.model.parameters()])
    assert len(numbers) == 161
    first, last = numbers[:120].reshape(40, 3), numbers[120:]
    return np.asarray(np.tanh(inputs @ first[:, :2].T + first[:, 2]) @ last[:40] + last[40])


def test_losses_and_right_answers_against_numpy(untreated: list[demo.Trained]) -> None:
    inputs, labels = demo.points(300, seed=200)
    logits = forward(untreated[0], inputs)
    chances = 1.0 / (1.0 + np.exp(-logits))
    expected = -np.mean(labels * np.log(chances) + (1.0 - labels) * np.log(1.0 - chances))
    assert untreated[0].losses[2] == pytest.approx(expected, rel=1e-9)
    assert untreated[0].right == np.mean((logits > 0.0) == labels)


def test_the_points_are_not_those_of_the_validation() -> None:
    seen = {tuple(point) for point in demo.points(30, seed=1)[0]}
    assert len(seen) == 30
    others = [point for seed in (100, 200) for point in demo.points(300, seed=seed)[0]]
    assert not seen & {tuple(point) for point in others}


def test_without_cure_training_falls_and_validation_rises(untreated: list[demo.Trained]) -> None:
    training, validation = untreated[0].history["loss"], untreated[0].history["validation_loss"]
    assert training[-1] < 0.2 * training[0]
    assert validation[-1] > 1.4 * min(validation)
    assert untreated[0].losses[1] == pytest.approx(validation[-1], rel=1e-9)
    assert untreated[0].losses[0] < 0.2 * untreated[0].losses[2]


@pytest.mark.parametrize("name", [name for name in CURED if name != "noisy copies"])
def test_a_cure_leads_to_less_loss_in_most_draws(name: str, untreated: list[demo.Trained]) -> None:
    cured = compared()[name]
    lower = sum(a.losses[2] < b.losses[2] for a, b in zip(cured, untreated, strict=True))
    assert demo.wins(cured, untreated) == lower
    assert lower > DRAWS / 2


def test_fresh_points_gain_most(untreated: list[demo.Trained]) -> None:
    gains = {name: demo.gain(compared()[name], untreated) for name in CURED}
    losses = {name: np.median([each.losses[2] for each in compared()[name]]) for name in CURED}
    assert max(gains, key=lambda name: gains[name]) == "fresh points"
    assert min(losses, key=lambda name: losses[name]) == "fresh points"


def test_a_cure_that_sees_no_other_points_moves_right_answers_little(
    untreated: list[demo.Trained],
) -> None:
    gains = [demo.gain(compared()[name], untreated) for name in CURED[:5]]
    assert max(map(abs, gains)) < 2.0


def test_early_stopping_gives_the_best_network_back() -> None:
    tried = compared()["early stopping"]
    early = [stopped for stopped in tried if stopped.history.epochs < EPOCHS]
    assert early
    assert all("best after epoch" in stopped.history.stop_reason for stopped in early)
    for stopped in tried:
        lowest = min(stopped.history["validation_loss"])
        assert stopped.losses[1] == pytest.approx(lowest, rel=1e-9)


def test_the_penalty_keeps_the_validation_loss_down(untreated: list[demo.Trained]) -> None:
    with_penalty = compared()["l2 penalty"][0].history["validation_loss"]
    assert with_penalty[-1] < 1.2 * min(with_penalty)
    assert with_penalty[-1] < untreated[0].history["validation_loss"][-1]


def test_max_norm_holds_for_every_neuron() -> None:
    modules = [module for _, module in compared()["max-norm"][0].model.named_modules()]
    neurons = [module for module in modules if isinstance(module, Neuron)]
    assert len(neurons) == 41
    norms = [hypot(*(weight.data for weight in neuron.weights)) for neuron in neurons]
    assert max(norms) <= 1.0 + 1e-12


def test_a_penalty_makes_weights_small(untreated: list[demo.Trained]) -> None:
    def size(trained: demo.Trained) -> float:
        return sum(parameter.data**2 for parameter in trained.model.parameters())

    assert size(compared()["l2 penalty"][0]) < 0.2 * size(untreated[0])


def test_more_points_make_no_more_steps(untreated: list[demo.Trained]) -> None:
    steps = {name: len(compared()[name][0].history.steps) for name in CURED[5:]}
    assert set(steps.values()) == {len(untreated[0].history.steps)} == {3 * EPOCHS}


def test_half_a_turn_puts_each_crescent_on_the_other_one() -> None:
    """Of a moon without noise each point is at a distance of 1 from the center of its circle."""
    exact = moons(40, 0.0, seed=3)
    inputs, labels = demo.add_turned((exact[0], exact[1].astype(float)))
    assert inputs.shape == (80, 2)
    centers = np.array([[0.0, 0.0], [1.0, 0.5]])[labels.astype(int)]
    assert np.hypot(*(inputs - centers).T) == pytest.approx(1.0)
    # The upper half of the one circle, the lower half of the other.
    assert ((inputs - centers)[:, 1] * (1.0 - 2.0 * labels) > -1e-12).all()


def test_noisy_copies_keep_labels_and_cost_right_answers(untreated: list[demo.Trained]) -> None:
    inputs, labels = demo.points(30, seed=1)
    copied, names = demo.add_noisy_copies((inputs, labels))
    assert len(copied) == 300
    assert (names.reshape(10, 30) == labels).all()
    assert (copied - np.tile(inputs, (10, 1))).std() == pytest.approx(0.2 * 0.9**0.5, rel=0.1)
    assert demo.gain(compared()["noisy copies"], untreated) < 0.0


@pytest.mark.parametrize("name", ["shifts by a pixel", "mirror images"])
def test_digits_are_read_worse_after_a_wrong_transformation(name: str) -> None:
    pairs = list(zip(digits()["nothing"], digits()[name], strict=True))
    assert len(pairs) == DRAWS
    assert all(wrong < plain - 0.02 for plain, wrong in pairs)


def test_the_story_says_what_was_measured(told: Callable[[str], Told]) -> None:
    story = told("overfitting").story
    numbers = dict(story.numbers)
    untreated = compared()["nothing"]
    for name in CURED:
        said = numbers[f"{name}: loss on its own points, on fresh"]
        fresh = np.median([each.losses[2] for each in compared()[name]])
        gained = 100.0 * np.mean(
            [a.right - b.right for a, b in zip(compared()[name], untreated, strict=True)]
        )
        assert f", {fresh:.3f}; lower in " in said
        assert f" {gained:+.1f} % right".replace("-", "−") in said
    for name, shares in digits().items():
        assert f"{np.median(shares):.1%} of 797" in numbers[f"50 digits and {name}"]
    assert told("overfitting").files == files_of(story)
