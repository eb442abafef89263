"""Physics: the motion by SciPy, derivatives by central differences, and the law by hand."""

from collections.abc import Callable

import numpy
import pytest

from demos import physics as demo
from scalargrad import no_grad
from tests.demos.conftest import Told
from tests.demos.page import files_of


def test_the_formula_is_the_motion_that_scipy_integrates() -> None:
    integrate = pytest.importorskip("scipy.integrate")

    def slopes(t: float, state: numpy.ndarray) -> list[float]:  # noqa: ARG001
        position, velocity = state
        return [velocity, -2.0 * demo.DAMPING * velocity - demo.FREQUENCY**2 * position]

    times = numpy.linspace(0.0, demo.END, 25)
    found = integrate.solve_ivp(
        slopes, (0.0, demo.END), [1.0, 0.0], "DOP853", times, rtol=1e-11, atol=1e-12
    )
    expected = found.y[0].tolist()
    assert [demo.exact(t) for t in times.tolist()] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("t", [0.0, 0.5, 4.0])
def test_the_law_of_a_cubic_motion_by_hand(t: float) -> None:
    expected = 6.0 * t + 2.0 * 0.3 * 3.0 * t**2 + 4.0 * t**3
    assert demo.law(lambda x: x**3, t) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_every_motion_is_let_go_at_1_and_at_rest(seed: int) -> None:
    model = demo.Oscillator([5], seed)
    step = 1e-4
    with no_grad():
        assert model.position(0.0).data == 1.0
        slope = (model.position(step).data - model.position(-step).data) / (2.0 * step)
    assert slope == pytest.approx(0.0, abs=1e-6)


def test_what_is_wrong_by_central_differences() -> None:
    model = demo.Oscillator([4, 4], seed=2)
    step = 1e-3
    for t in (0.3, 2.0, 5.5):
        with no_grad():
            before, here, after = (model.position(t + move).data for move in (-step, 0.0, step))
        velocity = (after - before) / (2.0 * step)
        acceleration = (after - 2.0 * here + before) / step**2
        expected = (acceleration + 0.6 * velocity + 4.0 * here) / 4.0
        assert model([t]).data == pytest.approx(expected, abs=1e-4)


def test_the_gradient_of_a_weight_by_central_differences() -> None:
    model = demo.Oscillator([3], seed=4)
    times = numpy.array([[0.4], [3.0]])
    gradient = demo.eager_gradient(model, times)
    weight = model.parameters()[2]
    start = weight.data
    losses = []
    for move in (1e-5, -1e-5):
        weight.data = start + move
        losses.append(sum(model(row).data ** 2 for row in times.tolist()) / len(times))
    assert gradient[2] == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-6, abs=1e-9)


def test_a_short_training_helps() -> None:
    model = demo.Oscillator([8], seed=1)
    losses = demo.learn(model, 60, [])
    assert losses[-1] < 0.3 * losses[0]


def test_the_story(told: Callable[[str], Told]) -> None:
    ran = told("physics")
    numbers = dict(ran.story.numbers)
    assert all(number in ran.printed for number in numbers.values())
    assert float(numbers["largest left side of the law, formula"]) < 1e-13
    assert float(numbers["largest difference of a gradient, both ways"]) < 1e-12
    far = [float(numbers[f"largest difference to the formula, {n} epochs"]) for n in demo.WATCHED]
    assert far[0] > far[1] > far[2]
    assert far[2] < 0.01
    faster = numbers["compiled, as one of 32 times"].split(", ")[1].removesuffix(" times faster")
    assert int(faster.replace(",", "")) > 200
    assert ran.files == files_of(ran.story)
