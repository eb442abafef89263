"""From lines to curves, against numpy.polyfit, plain arithmetic, and the best cubic of a wave."""

from math import exp

import numpy as np
import pytest

from demos import lines

LINE, THREE, CUBIC, WAVE = lines.tasks()


@pytest.mark.parametrize(("task", "degree"), [(LINE, 1), (CUBIC, 3)])
def test_least_squares_is_polyfit(task: lines.Task, degree: int) -> None:
    highest_first = np.polyfit([row[0] for row in task.rows], task.targets, degree)
    assert lines.least_squares(task) == pytest.approx(
        [*highest_first[-2::-1], highest_first[-1]], rel=1e-9
    )


@pytest.mark.parametrize("task", [LINE, THREE, CUBIC])
def test_descent_arrives_where_the_normal_equations_say(task: lines.Task) -> None:
    rows = np.column_stack([task.rows, np.ones(len(task.rows))])
    assert lines.learn(task, 600) == pytest.approx(
        np.linalg.solve(rows.T @ rows, rows.T @ task.targets), abs=1e-9
    )


def test_the_first_round_goes_down_the_gradient() -> None:
    rows = np.column_stack([THREE.rows, np.ones(len(THREE.rows))])
    assert lines.learn(THREE, 1) == pytest.approx(
        0.2 * 2.0 / 40 * rows.T @ THREE.targets, rel=1e-12
    )


def test_heights_are_those_of_the_polynomial() -> None:
    assert lines.heights([1.0, -2.0, 3.0, 0.5], [2.0, -1.0]) == [
        2.0 - 8.0 + 24.0 + 0.5,
        -1.0 - 2.0 - 3.0 + 0.5,
    ]
    assert lines.heights([3.0, 1.0], [2.0]) == [7.0]


def test_the_table_against_plain_arithmetic() -> None:
    five = (1, -2, 3, -4, 7)
    expected = {
        "step": [float(x > 0) for x in five],
        "sigmoid": [1 / (1 + exp(-x)) for x in five],
        "relu": [max(x, 0) for x in five],
    }
    head, *rows = (line.split() for line in lines.table())
    assert head == ["x", *map(str, five)]
    assert {name: list(map(float, numbers)) for name, *numbers in rows} == {
        name: pytest.approx(numbers, abs=5e-5) for name, numbers in expected.items()
    }


def test_the_network_comes_nearer_to_the_wave_than_any_cubic() -> None:
    x = [row[0] for row in WAVE.rows]
    model = lines.bend(WAVE, 80)
    error = np.mean(np.subtract(lines.answers(model, x), WAVE.targets) ** 2)
    cubic = np.mean((np.polyval(np.polyfit(x, WAVE.targets, 3), x) - WAVE.targets) ** 2)
    assert error < 0.5 * cubic
