"""The tape: its answers against NumPy's algebra, high-precision differentiation, and backward()."""

from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from demos import tape
from scalargrad import GradientTape, Value
from scalargrad.core.graph import topological
from tests.demos.conftest import Told
from tests.demos.page import files_of

POINT = {"w1": -1.0, "w2": -1.5, "b": 0.5}


def loss_at(**moved: mpmath.mpf) -> mpmath.mpf:
    w1, w2, b = (moved.get(name, mpmath.mpf(number)) for name, number in POINT.items())
    return (1 / (1 + mpmath.exp(-(-3 * w1 + 2 * w2 + b))) - 2) ** 2


def test_the_square() -> None:
    assert [taped for _, taped, _ in tape.square()] == [6.0, 2.0]


def test_the_matrix_against_numpy() -> None:
    rows = {name: taped for name, taped, _ in tape.matrix()}
    slopes = np.array([[rows[f"∂L/∂w{i}{j}"] for j in range(2)] for i in range(3)])
    outputs = np.array(
        [rows["∂L/∂b0"], rows["∂L/∂b1"]]
    )  # of the mean of two squares the slope is the output itself
    assert slopes == pytest.approx(np.outer([1.0, 2.0, 3.0], outputs), rel=1e-14)
    assert all(outputs != 0.0)


def test_the_matrix_is_drawn_from_a_normal_distribution_with_a_seed() -> None:
    first, second = tape.matrix(), tape.matrix()
    assert first == second
    assert len({abs(taped) for _, taped, _ in first[:6]}) == 6


@pytest.mark.parametrize("name", POINT)
@pytest.mark.parametrize(("order", "form"), [(1, "∂L/∂{}"), (2, "∂²L/∂{}²")])
def test_the_neuron_against_high_precision(name: str, order: int, form: str) -> None:
    rows = {what: (taped, by_hand) for what, taped, by_hand in tape.neuron()[0]}
    with mpmath.workdps(40):
        expected = float(
            mpmath.diff(lambda moved: loss_at(**{name: moved}), mpmath.mpf(POINT[name]), order)
        )
    assert rows[form.format(name)] == pytest.approx((expected, expected), rel=1e-12)


def test_the_tape_says_what_backward_says() -> None:
    rows, loss, slope = tape.neuron()
    assert slope.data == rows[2][1]
    loss.backward()
    parameters = {
        value.label: value
        for value in (
            arg for product in loss.args[0].args[0].args[0].args[0].args for arg in product.args
        )
    }
    assert [parameters["w1"].grad, parameters["w2"].grad] == pytest.approx(
        [rows[0][1], rows[1][1]], rel=1e-14
    )


@pytest.mark.parametrize("place", [-2.5, 0.0, 1e3])
def test_the_slope_of_the_slope_of_a_square_is_two_everywhere(place: float) -> None:
    x = Value(place)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = x**2
        slope = inner.gradient(y, x)
    assert (slope.data, outer.gradient(slope, x).data) == (2.0 * place, 2.0)


def test_a_tape_stores_nothing_in_the_parameters() -> None:
    _, loss, _ = tape.neuron()
    parameters = [value for value in topological([loss]) if value.kind == "parameter"]
    assert sorted(parameter.label for parameter in parameters) == ["b", "w1", "w2"]
    assert [parameter.grad for parameter in parameters] == [0.0, 0.0, 0.0]


def test_the_story_says_what_was_taped(told: Callable[[str], Told]) -> None:
    ran = told("tape")
    numbers = dict(ran.story.numbers)
    assert float(numbers["largest difference from the chain made by hand"]) < 1e-14
    assert numbers["d²y/dx²"] == "2.0000"
    assert ran.files == files_of(ran.story)
