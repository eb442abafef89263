"""From lines to curves, against numpy.polyfit, products of matrices, and plain arithmetic."""

from collections.abc import Callable
from math import exp

import numpy as np
import pytest

from demos import lines
from tests.demos.conftest import Told
from tests.demos.page import files_of

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
    model = lines.bend(WAVE, lines.EPOCHS)
    error = np.mean(np.subtract(lines.answers(model, x), WAVE.targets) ** 2)
    cubic = np.mean((np.polyval(np.polyfit(x, WAVE.targets, 3), x) - WAVE.targets) ** 2)
    assert error < 0.5 * cubic


NINE = np.array([[x, y] for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0)])
MATRIX = np.array([[1.0, 2.0], [1.5, -1.0]])
ROW = np.array([1.0, -2.0])


def test_a_coefficient_that_is_a_line_makes_a_slope_that_is_a_line() -> None:
    expected = np.column_stack([1.0 + 2.0 * NINE[:, 1], 2.0 * NINE[:, 0] - 1.0])
    assert lines.slopes(lines.with_a_line_as_coefficient) == pytest.approx(expected, rel=1e-12)


def test_a_row_times_a_matrix_is_a_row() -> None:
    expected = np.tile(ROW @ MATRIX, (9, 1))
    assert lines.slopes(lines.with_a_matrix) == pytest.approx(expected, rel=1e-12)
    assert lines.spread(lines.with_a_matrix) == 0.0


def test_with_a_relu_between_each_row_counts_where_it_is_above_zero() -> None:
    open_rows = NINE @ MATRIX.T + [0.5, -0.5] > 0.0
    expected = (open_rows * ROW) @ MATRIX
    surface = lines.SURFACES["a matrix, relu, a row"]
    assert lines.slopes(surface) == pytest.approx(expected, rel=1e-12)
    assert lines.spread(surface) > 1.0


@pytest.mark.parametrize(("at", "bends"), [(-1.0, True), (0.0, True), (1.0, False)])
def test_two_of_the_three_drawn_lines_bend(at: float, bends: bool) -> None:
    heights = lines.cut(lines.SURFACES["a matrix, relu, a row"], at)
    assert (np.abs(np.diff(heights, n=2)).max() > 0.01) == bends


def test_a_hundred_linear_layers_are_the_product_of_their_matrices() -> None:
    model = lines.hundred_layers()
    state = model.state_dict()
    matrices = [
        np.array(
            [
                [state[f"layers.{k}.neurons.{i}.weights.{j}"] for j in range(3 if k else 2)]
                for i in range(3 if k < 100 else 1)
            ]
        )
        for k in range(101)
    ]
    (row,) = np.linalg.multi_dot(matrices[::-1])
    assert np.abs(row).max() > 0.1
    assert lines.slopes(model) == pytest.approx(np.tile(row, (9, 1)), rel=1e-12)
    assert lines.product_of_matrices(model) == pytest.approx(row, rel=1e-12)
    assert lines.spread(model) == 0.0


def test_the_story_says_what_was_measured(told: Callable[[str], Told]) -> None:
    ran = told("lines")
    numbers = dict(ran.story.numbers)
    for task in (LINE, THREE, CUBIC):
        assert float(numbers[f"{task.name}: largest difference from least squares"]) < 1e-12
    assert numbers["a matrix, a row: slopes differ by"] == "0"
    assert numbers["a hundred linear layers: slopes differ by"] == "0"
    assert float(numbers["a hundred linear layers: off the product of their matrices by"]) < 1e-14
    network = float(numbers["a wave: mean squared error of the network of 12 tanh neurons"])
    assert network < 0.5 * float(numbers["a wave: mean squared error of the best cubic"])
    assert ran.files == files_of(ran.story)
