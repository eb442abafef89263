"""House prices: the four scalars against NumPy by hand, the line against linear algebra."""

import csv
from collections.abc import Callable
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from demos import houses
from scalargrad.data import read_csv, split
from tests.demos.conftest import Told
from tests.demos.page import files_of

STARTS, SPLITS = houses.QUICK


@pytest.fixture(scope="module")
def tracts() -> tuple[houses.Array, houses.Array]:
    table, prices = read_csv(houses.FILE, target="medv")
    return table[:, :1], prices


@pytest.fixture(scope="module")
def found(
    tracts: tuple[houses.Array, houses.Array],
) -> list[tuple[houses.Setting, houses.Descent]]:
    return [(setting, houses.descend(setting, 1)) for setting in houses.settings(*tracts)]


def by_hand(setting: houses.Setting, seed: int, steps: int) -> tuple[list[float], list[float]]:
    """Gradient descent with formulas for the four derivatives: the losses, the last scalars."""
    k1, b1, k2, b2 = setting.draw(Random(seed))
    x, losses = setting.rooms[:, 0], []
    for _ in range(steps):
        s = 0.5 * (1.0 + np.tanh(0.5 * (k1 * x + b1)))
        miss = k2 * s + b2 - setting.prices
        losses.append(float(np.mean(miss**2)))
        to_line = 2.0 * miss * k2 * s * (1.0 - s)
        slopes = to_line * x, to_line, 2.0 * miss * s, 2.0 * miss
        gradient = [float(slope.mean()) for slope in slopes]
        k1, b1, k2, b2 = np.array([k1, b1, k2, b2]) - setting.alpha * np.array(gradient)
    return losses, [k1, b1, k2, b2]


def test_the_table_has_506_tracts_in_sensible_ranges() -> None:
    with houses.FILE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 506
    assert list(rows[0]) == ["rm", "lstat", "medv"]
    # published summaries of the set: means 6.285, 12.65 and 22.53
    assert np.mean([float(row["rm"]) for row in rows]) == pytest.approx(6.285, abs=5e-4)
    assert np.mean([float(row["lstat"]) for row in rows]) == pytest.approx(12.653, abs=5e-4)
    assert np.mean([float(row["medv"]) for row in rows]) == pytest.approx(22.533, abs=5e-4)


@pytest.mark.parametrize("i", range(5))
def test_descent_by_hand(i: int, found: list[tuple[houses.Setting, houses.Descent]]) -> None:
    setting, descent = found[i]
    losses, _ = by_hand(setting, 1, 120)
    assert descent.losses[:120] == pytest.approx(np.array(losses) * setting.unit, rel=1e-7)


def test_one_setting_differs_from_the_next_in_one_thing(
    found: list[tuple[houses.Setting, houses.Descent]],
) -> None:
    settings = [setting for setting, _ in found]
    changed = []
    for before, after in pairwise(settings):
        parts = ("draw", "rooms", "prices", "alpha")
        changed += [
            part
            for part in parts
            if not np.array_equal(getattr(before, part), getattr(after, part))
        ]
    assert changed == ["draw", "rooms", "alpha", "prices"]


def test_the_tutorials_starts_are_flat_at_every_tract(
    tracts: tuple[houses.Array, houses.Array],
) -> None:
    special = pytest.importorskip("scipy.special")
    flat = 0
    for seed in range(100):
        start = houses.integers(Random(seed))
        assert all(number == int(number) and abs(number) <= 100 for number in start)
        k1, b1, *_ = start
        s = special.expit(k1 * tracts[0] + b1)
        flat += bool((s * special.expit(-k1 * tracts[0] - b1)).max() < 1e-6)
    assert flat > 90


def test_a_flat_sigmoid_learns_the_mean_price(
    tracts: tuple[houses.Array, houses.Array],
    found: list[tuple[houses.Setting, houses.Descent]],
) -> None:
    rooms, prices = tracts
    setting, descent = found[0]
    k1, b1, *_ = descent.history[-1].scalars
    assert [k1, b1] == setting.draw(Random(1))[:2]
    model = houses.TwoLines(descent.history[-1].scalars)
    assert houses.predict(model, rooms) == pytest.approx(np.full(506, prices.mean()), rel=1e-9)
    assert descent.losses[-1] == pytest.approx(prices.var(), rel=1e-12)


def test_the_history_is_the_loop_that_keeps_the_best(
    found: list[tuple[houses.Setting, houses.Descent]],
) -> None:
    setting, descent = found[3]
    best_so_far = np.minimum.accumulate(descent.losses)
    assert [kept.loss for kept in descent.history] == list(dict.fromkeys(best_so_far))
    x = setting.rooms[:, 0]
    for loss, (k1, b1, k2, b2) in descent.history:
        answers = k2 / (1.0 + np.exp(-(k1 * x + b1))) + b2
        assert loss == pytest.approx(np.mean((answers - setting.prices) ** 2), rel=1e-9)


def test_fit_brings_back_the_best_scalars_that_it_had(
    found: list[tuple[houses.Setting, houses.Descent]],
) -> None:
    setting, descent = found[3]
    model, epochs = houses.fit_keeping_best(setting, 1)
    assert epochs == pytest.approx(np.argmin(descent.losses), abs=10)
    misses = houses.predict(model, setting.rooms) - setting.prices
    assert np.mean(misses**2) == pytest.approx(min(descent.losses), abs=0.1)


def test_fit_ends_where_the_loop_ends(
    found: list[tuple[houses.Setting, houses.Descent]],
) -> None:
    setting, descent = found[4]
    model, epochs = houses.fit_keeping_best(setting, 1)
    assert epochs == houses.STEPS
    # The loop measures before its last step, fit after it.
    assert list(model.state_dict().values()) == pytest.approx(descent.history[-1].scalars, rel=1e-4)


def test_the_jump_grows_out_of_tiny_differences(
    found: list[tuple[houses.Setting, houses.Descent]],
) -> None:
    setting, descent = found[3]
    nearly = setting._replace(draw=lambda rng: [x * (1 + 1e-9) for x in houses.normals(rng)])
    apart = np.abs(np.array(houses.descend(nearly, 1).losses) / descent.losses - 1.0)
    assert apart[150] < 1e-10
    assert max(apart[200:250]) > 1e-3


def test_long_steps_swing_and_the_last_loss_is_not_the_best(
    found: list[tuple[houses.Setting, houses.Descent]],
) -> None:
    (_, swinging), (_, steady) = found[3:]
    best = int(np.argmin(swinging.losses))
    assert 150 < best < 250
    assert min(swinging.losses[best + 100 :]) > swinging.losses[best] + 2.0
    assert np.argmin(steady.losses) == houses.STEPS - 1


def test_the_line_solves_the_normal_equations(tracts: tuple[houses.Array, houses.Array]) -> None:
    rooms, prices = tracts
    A = np.column_stack([rooms, np.ones(len(rooms))])  # noqa: N806
    slope, offset = np.linalg.solve(A.T @ A, A.T @ prices)
    unseen = np.array([[4.0], [9.0]])
    expected = slope * unseen[:, 0] + offset
    assert houses.straight_line(rooms, prices, unseen) == pytest.approx(expected, rel=1e-8)


def test_held_out_tracts_are_not_trained_on(tracts: tuple[houses.Array, houses.Array]) -> None:
    # A referee for the line: least squares on the same rows, without any scaling.
    rooms, prices = tracts
    train, test, known, asked = split(rooms, prices, test=0.2, seed=0)
    assert (len(train), len(test)) == (405, 101)
    slope, offset = np.polyfit(train[:, 0], known, 1)
    expected = np.sqrt(np.mean((slope * test[:, 0] + offset - asked) ** 2))
    line, scalars, network = houses.held_out_errors(rooms, prices, 0)
    assert line == pytest.approx(expected, rel=1e-9)

    # And for the four scalars: everything is scaled by the rows for training.
    scaled = (train - train.mean()) / train.std()
    targets = (known - known.mean()) / known.std()
    setting = houses.Setting("by hand", houses.normals, scaled, targets, 0.1)
    _, (k1, b1, k2, b2) = by_hand(setting, 0, houses.STEPS - 1)
    x = (test[:, 0] - train.mean()) / train.std()
    answers = (k2 / (1.0 + np.exp(-(k1 * x + b1))) + b2) * known.std() + known.mean()
    assert scalars == pytest.approx(np.sqrt(np.mean((answers - asked) ** 2)), rel=1e-6)
    assert scalars < line - 0.5
    assert network < line - 0.5


def test_the_story_answers_what_happens(told: Callable[[str], Told]) -> None:
    numbers = dict(told("houses").story.numbers)
    assert numbers["variance of the prices"] == "84.42"
    assert numbers["mean squared error of the best line"] == "43.60"
    assert numbers["the tutorial's starts that end at the variance"] == f"{STARTS} of {STARTS}"
    assert numbers["as the tutorial writes it"] == (
        f"best 84.42, last 84.42, 0 of {STARTS} below the line"
    )
    assert numbers["starts near 0"].endswith(f"0 of {STARTS} below the line")
    assert float(numbers["starts near 0"].split()[1]) < 84.0
    assert numbers["rooms standardized, too"].endswith(f"{STARTS} of {STARTS} below the line")
    assert numbers["prices standardized, too"] == (
        f"best 35.75, last 35.75, {STARTS} of {STARTS} below the line"
    )
    loop, fitted = (numbers[f"alpha 0.1: kept by {who}"].split() for who in ("the loop", "fit"))
    assert float(loop[0]) == pytest.approx(float(fitted[0]), abs=0.1)
    assert int(loop[2]) == pytest.approx(int(fitted[2]), abs=10)
    assert float(numbers["alpha 0.1, too"].split("last ")[1].split()[0]) > float(loop[0]) + 2.0


def test_the_story_measures_on_held_out_tracts(told: Callable[[str], Told]) -> None:
    numbers = dict(told("houses").story.numbers)
    names = ("straight line", "four scalars", "network of 25 parameters")
    line, scalars, network = (numbers[f"held out: {name}"] for name in names)
    assert scalars.endswith(f"better than the line in {SPLITS} of {SPLITS}")
    assert network.endswith(f"better than the line in {SPLITS} of {SPLITS}")
    means = [float(text.split(",")[0]) for text in (line, scalars, network)]
    assert means[0] > means[1] + 0.5
    assert means[1] == pytest.approx(means[2], abs=0.1)


def test_the_story_says_what_was_printed(told: Callable[[str], Told]) -> None:
    ran = told("houses")
    assert all(number in ran.printed for _, number in ran.story.numbers)
    assert ran.files == files_of(ran.story)
