"""Three ways down: gradients, steps and ends against NumPy."""

from collections.abc import Callable

import numpy as np
import pytest

from demos import descent
from scalargrad.nn import Neuron, given
from tests.demos.conftest import Told
from tests.demos.page import files_of


@pytest.fixture(scope="module")
def line() -> tuple[list[list[float]], list[float]]:
    return descent.noisy_line()


def rows(inputs: list[list[float]]) -> np.ndarray:
    return np.column_stack([np.array(inputs), np.ones(len(inputs))])


def test_the_referee_is_the_line_of_polyfit(line: tuple[list[list[float]], list[float]]) -> None:
    inputs, y = line
    assert descent.least_squares(inputs, y) == pytest.approx(
        np.polyfit(np.array(inputs)[:, 0], y, 1), rel=1e-10
    )
    assert descent.least_squares(inputs, y) == pytest.approx((2.0, -1.0), abs=0.3)


def test_the_gradient_is_that_of_numpy(line: tuple[list[list[float]], list[float]]) -> None:
    inputs, y = line
    neuron = Neuron(1, activation=None, initializer=given([[0.7]]))
    expected = 2.0 / 60 * rows(inputs).T @ (rows(inputs) @ [0.7, 0.0] - y)
    length = descent.differentiate(neuron, inputs, y)
    assert [neuron.weights[0].grad, neuron.bias.grad] == pytest.approx(expected, rel=1e-12)
    assert length == pytest.approx(np.linalg.norm(expected), rel=1e-12)


def test_the_batch_way_is_gradient_descent_step_by_step(
    line: tuple[list[list[float]], list[float]],
) -> None:
    inputs, y = line
    way = descent.descend(descent.Way("all", 60, 0.5), inputs, y, 0.0, 5)
    place, expected = np.array(descent.START), [descent.START]
    for number in range(5):
        place = place - 0.1 * 0.5**number * 2.0 / 60 * rows(inputs).T @ (rows(inputs) @ place - y)
        expected.append(tuple(place))
    assert np.array(way.path) == pytest.approx(np.array(expected), rel=1e-12)
    assert len(way.norms) == 5


@pytest.mark.parametrize("number", [0, 1, 2])
def test_three_ways_arrive_near_the_line_of_least_squares(
    number: int, line: tuple[list[list[float]], list[float]]
) -> None:
    inputs, y = line
    tolerance, rounds = descent.FULL
    way = descent.descend(descent.ways()[number], inputs, y, tolerance, rounds)
    gradient = 2.0 / 60 * rows(inputs).T @ (rows(inputs) @ way.path[-1] - y)
    assert np.linalg.norm(gradient) == pytest.approx(way.norms[-1], rel=1e-9)
    assert np.linalg.norm(gradient) < tolerance
    assert way.path[-1] == pytest.approx(descent.least_squares(inputs, y), abs=5e-3)
    assert len(way.path) - 1 == len(way.norms) * 60 / way.size


def test_with_a_rate_that_stays_single_samples_never_come_to_rest(
    line: tuple[list[list[float]], list[float]],
) -> None:
    way = descent.descend(descent.ways()[3], *line, 1e-2, 60)
    assert not descent.arrived(way, 1e-2)
    assert len(way.norms) == 60
    assert np.mean(way.norms[30:]) > 0.1


def test_one_small_gradient_is_not_yet_an_arrival() -> None:
    way = descent.Way("", 1, 1.0, norms=[1e-9, 1e-9, 1.0, 1e-9, 1e-9])
    assert not descent.arrived(way, 1e-3)
    way.norms.append(1e-9)
    assert descent.arrived(way, 1e-3)


def test_a_step_over_one_sample_is_right_on_average(
    line: tuple[list[list[float]], list[float]],
) -> None:
    inputs, y = line
    neuron = Neuron(1, activation=None, initializer=given([[0.7]]))
    every = []
    for x, target in zip(inputs, y, strict=True):
        descent.differentiate(neuron, [x], [target])
        every.append([neuron.weights[0].grad, neuron.bias.grad])
    expected = 2.0 / 60 * rows(inputs).T @ (rows(inputs) @ [0.7, 0.0] - y)
    assert np.mean(every, axis=0) == pytest.approx(expected, rel=1e-12)
    best = descent.least_squares(inputs, y)
    slopes = 2.0 * rows(inputs) * (rows(inputs) @ best - y)[:, None]
    assert np.abs(slopes.mean(axis=0)).max() < 1e-12 < 0.1 < np.abs(slopes).mean()


def test_the_story_tells_of_three_arrivals_and_of_rougher_ways_with_smaller_batches(
    told: Callable[[str], Told],
) -> None:
    ran = told("descent")
    *arriving, kept = (number for _, number in ran.story.numbers)
    assert all(number.startswith("arrived after") for number in arriving)
    assert kept.startswith("gave up after")
    inputs, y = descent.noisy_line()
    turns = []
    for way in descent.ways()[:3]:
        descent.descend(way, inputs, y, *descent.QUICK)
        steps = np.diff(np.array(way.path), axis=0)
        turns.append(np.linalg.norm(steps, axis=1).sum() / np.linalg.norm(steps.sum(axis=0)))
    assert turns == sorted(turns)
    assert turns[2] > 2.0 * turns[0]
    assert ran.files == files_of(ran.story)
