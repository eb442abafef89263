"""Four quadrants: the exercise, softmax and the losses by hand, the network against NumPy."""

import re
from collections.abc import Callable
from math import exp, log, log10

import numpy as np
import pytest
from numpy.typing import NDArray

from demos import quadrants as demo
from scalargrad import softmax
from scalargrad.data import quadrants
from scalargrad.nn import MLP
from tests.demos.conftest import Told
from tests.demos.page import files_of

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def numbers(told: Callable[[str], Told]) -> dict[str, str]:
    """The numbers of the story by their descriptions."""
    return dict(told("quadrants").story.numbers)


# On paper


def test_the_exercise() -> None:
    hidden, answers = demo.exercise()
    n1, n2 = max(3 * 1 + 4 * (-1) + 9, 0), max(3 * 2 + 4 * 0 + (-3), 0)
    n3, n4 = max(n1 * 4 + n2 * 3 + 5, 0), max(n1 * (-2) + n2 * 1 + 0, 0)
    assert [value.data for value in hidden] == [n1, n2] == [8, 3]
    assert [value.data for value in answers] == [n3, n4] == [46, 0]


def test_the_exercise_as_matrices() -> None:
    hidden, answers = demo.exercise()
    first = np.maximum(np.array([[1, -1], [2, 0]]) @ [3, 4] + [9, -3], 0)
    second = np.array([[4, 3], [-2, 1]]) @ first + [5, 0]
    assert [value.data for value in hidden] == first.tolist()
    assert [value.args[0].data for value in answers] == second.tolist() == [46, -13]
    assert [value.data for value in answers] == np.maximum(second, 0).tolist()


def test_only_the_weights_of_the_first_answer_are_felt() -> None:
    # The second answer is cut off.
    hidden, _ = demo.exercise()
    assert [value.grad for value in hidden] == [4, 3]


def test_softmax_in_three_steps() -> None:
    powers, total, probabilities = demo.softmax_in_steps(demo.SCORES)
    assert demo.SCORES == [3, 1, 0.1, 0.5]
    assert powers == pytest.approx([exp(3), exp(1), exp(0.1), exp(0.5)])
    assert total == pytest.approx(25.558, abs=5e-4)
    assert probabilities == pytest.approx([0.786, 0.106, 0.043, 0.065], abs=5e-4)
    assert probabilities == pytest.approx(softmax(demo.SCORES), rel=1e-12)
    assert probabilities.index(max(probabilities)) == demo.SCORES.index(max(demo.SCORES)) == 0


def test_the_losses_on_paper() -> None:
    assert [belief.loss for belief in demo.on_paper()] == pytest.approx(
        [-log(0.9), log(4.0), -log(0.02)], rel=1e-12
    )
    assert [belief.naive_loss for belief in demo.on_paper()] == pytest.approx([0.1, 0.75, 0.98])


def test_the_twelve_slopes_on_paper() -> None:
    right, no_idea, wrong = demo.on_paper()
    assert right.probabilities == pytest.approx([0.9, 0.05, 0.02, 0.03], rel=1e-12)
    assert right.slopes == pytest.approx([-0.1, 0.05, 0.02, 0.03], rel=1e-12)
    assert no_idea.slopes == pytest.approx([0.25, -0.75, 0.25, 0.25], rel=1e-12)
    assert wrong.slopes == pytest.approx([0.9, 0.05, -0.98, 0.03], rel=1e-12)


def test_the_slope_of_one_minus_p_almost_vanishes_where_the_network_is_sure_and_wrong() -> None:
    for belief, (_, believed, right) in zip(demo.on_paper(), demo.BELIEFS, strict=True):
        p = believed[right]
        expected = [q * p - p * (i == right) for i, q in enumerate(believed)]
        assert belief.naive_slopes == pytest.approx(expected, rel=1e-12)
    slopes = [
        abs(belief.naive_slopes[right])
        for belief, (_, _, right) in zip(demo.on_paper(), demo.BELIEFS, strict=True)
    ]
    assert slopes[2] == min(slopes) < 0.02
    logarithmic = [max(map(abs, belief.slopes)) for belief in demo.on_paper()]
    assert logarithmic[2] == max(logarithmic) > 0.97


def test_the_story_states_the_numbers_on_paper(numbers: dict[str, str]) -> None:
    assert numbers["the exercise: n1, n2"] == "8, 3"
    assert numbers["the exercise: n3, n4"] == "46, 0"
    assert numbers["n4 before the cut"] == "−13"
    assert numbers["step 3: each divided by the sum"] == "0.786, 0.106, 0.043, 0.065"


# The base of the logarithm


def test_the_tutorials_logarithm_has_the_base_ten(numbers: dict[str, str]) -> None:
    assert -log10(0.9) == pytest.approx(0.046, abs=5e-4)
    assert -log(0.9) / -log10(0.9) == pytest.approx(log(10))
    natural, ten = -log(0.9), -log10(0.9)
    assert numbers["−log 0.9: natural, to base 10"] == f"{natural:.4f}, {ten:.4f}"


def test_a_network_learns_the_same_with_either_base() -> None:
    natural, history = demo.train(seed=1)
    ten, scaled = demo.train(seed=1, base=10.0)
    one = list(natural.state_dict().values())
    assert one == pytest.approx(list(ten.state_dict().values()), abs=1e-12)
    assert history["loss"] == pytest.approx([log(10) * loss for loss in scaled["loss"]])


# Layers without activation


@pytest.mark.parametrize("sizes", [[50, 4], [4] * 100], ids=["two layers", "a hundred"])
def test_layers_without_activation_are_one(sizes: list[int]) -> None:
    assert demo.slope_spread(sizes, None) == 0.0
    model = MLP(2, sizes, activation=None, initializer="orthogonal", seed=0)
    matrix, shift = np.eye(2), np.zeros(2)
    for layer in model.layers:
        weights = np.array([[w.data for w in neuron.weights] for neuron in layer.neurons])
        biases = np.array([neuron.bias.data for neuron in layer.neurons])
        matrix, shift = weights @ matrix, weights @ shift + biases
    for point in ([1.0, 1.0], [-0.5, 2.0]):
        answers = [y.data for y in model(point)]
        assert answers == pytest.approx((matrix @ point + shift).tolist(), abs=1e-12)


def test_layers_with_relu_are_not_one(numbers: dict[str, str]) -> None:
    assert demo.slope_spread([50, 4], "relu") > 0.1
    assert numbers["spread of the slopes: two layers, no cut"] == "0"
    assert numbers["a hundred layers, no cut"] == "0"
    assert float(numbers["two layers with relu"]) > 0.1


# The network


def test_the_training_set_is_one_point_in_each_quadrant() -> None:
    assert demo.POINTS == [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    assert demo.NEW_POINT == [2, 2]
    points, classes = quadrants(400, reach=3.0)
    corners = np.array(demo.POINTS)[classes]
    assert (np.sign(points) == corners).all()


def test_the_probabilities_against_numpy() -> None:
    model = MLP(2, [50, 4], seed=3)
    parameters = np.array(list(model.state_dict().values()))
    first, last = parameters[: 50 * 3].reshape(50, 3), parameters[50 * 3 :].reshape(4, 51)
    hidden = np.maximum(first[:, :2] @ demo.NEW_POINT + first[:, 2], 0.0)
    powers = np.exp(last[:, :50] @ hidden + last[:, 50])
    found = demo.classify(demo.classifier(model), demo.NEW_POINT)
    assert found == pytest.approx(powers / powers.sum(), rel=1e-10)


def by_hand(
    model: MLP, points: Array, classes: NDArray[np.int64], steps: int
) -> tuple[Array, list[float]]:
    """Train the 2-50-4 network on all points at once with NumPy.

    Returns:
        The probabilities at the new point, and the loss before each step.
    """
    parameters = np.array([parameter.data for parameter in model.parameters()])
    first, last = parameters[: 50 * 3].reshape(50, 3), parameters[50 * 3 :].reshape(4, 51)
    targets = np.eye(4)[classes]

    def probabilities(x: Array) -> tuple[Array, Array]:
        hidden = np.maximum(x @ first[:, :2].T + first[:, 2], 0.0)
        powers = np.exp(hidden @ last[:, :50].T + last[:, 50])
        return hidden, powers / powers.sum(axis=1, keepdims=True)

    losses = []
    for _ in range(steps):
        hidden, p = probabilities(points)
        losses.append(float(-np.log((p * targets).sum(axis=1)).mean()))
        d = (p - targets) / len(points)
        below = d @ last[:, :50] * (hidden > 0.0)
        last -= 0.1 * np.column_stack([d.T @ hidden, d.sum(axis=0)])
        first -= 0.1 * np.column_stack([below.T @ points, below.sum(axis=0)])
    return probabilities(np.array([demo.NEW_POINT]))[1][0], losses


@pytest.mark.parametrize("count", [4, demo.RANDOM])
def test_the_training_is_the_same_by_hand(count: int) -> None:
    points, classes = quadrants(count, reach=demo.REACH)
    if count == 4:
        points, classes = np.array(demo.POINTS), np.arange(4)
    model, history = demo.train(points, classes, seed=2)
    expected, losses = by_hand(MLP(2, [50, 4], seed=2), points, classes, 100)
    assert history["loss"] == pytest.approx(losses, rel=1e-9)
    found = demo.classify(demo.classifier(model), demo.NEW_POINT)
    assert found == pytest.approx(expected.tolist(), abs=1e-9)


def test_the_loss_of_the_four_points_falls_with_each_step(numbers: dict[str, str]) -> None:
    _, history = demo.train()
    assert len(history["loss"]) == 100
    assert (np.diff(history["loss"]) < 0.0).all()
    assert history["loss"][-1] < 0.02
    assert numbers["loss in step 100, lower with each step"] == f"{history['loss'][-1]:.4f}"


def test_every_seed_puts_the_new_point_in_quadrant_i(numbers: dict[str, str]) -> None:
    for name in ("trained on four points", f"trained on {demo.RANDOM} points"):
        assert f"quadrant I for {demo.QUICK} of {demo.QUICK} seeds" in numbers[name]
        (doubt,) = re.findall(r"at most (\S+);", numbers[name])
        assert float(doubt) < 1e-3


def test_four_points_settle_a_lot_and_not_all(numbers: dict[str, str]) -> None:
    four, many = (
        float(re.findall(r"([\d.]+)% of fresh", numbers[name])[0])
        for name in ("trained on four points", f"trained on {demo.RANDOM} points")
    )
    assert 93.0 < four < many - 1.0
    assert 97.0 < many < 100.0


def test_a_census_counts_fresh_points_that_are_right() -> None:
    inside, accuracies = demo.census(demo.POINTS, range(4), 1)
    model, _ = demo.train(seed=0)
    points, classes = quadrants(demo.FRESH, seed=1, reach=demo.REACH)
    program = demo.classifier(model)
    right = 0
    for point, quarter in zip(points.tolist(), classes.tolist(), strict=True):
        chances = demo.classify(program, point)
        right += chances.index(max(chances)) == quarter
    assert accuracies == [right / demo.FRESH]
    assert inside == [demo.classify(program, [2.0, 2.0])[0]]


def test_the_story_leaves_no_other_files(told: Callable[[str], Told]) -> None:
    ran = told("quadrants")
    assert ran.files == files_of(ran.story)
