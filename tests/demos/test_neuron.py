"""The worked neuron: the tutorial's numbers, by closed forms."""

from collections.abc import Callable
from math import exp

import pytest

from demos.neuron import factors, forward, report
from scalargrad.core.graph import topological
from tests.demos.conftest import Told
from tests.demos.page import files_of

W, X, BIAS, TARGET = (-1.0, -1.5), (-3.0, 2.0), 0.5, 2.0
Z = W[0] * X[0] + W[1] * X[1] + BIAS
PREDICTION = 1 / (1 + exp(-Z))
ERROR = PREDICTION - TARGET
SLOPE = PREDICTION * (1 - PREDICTION)


def test_forward_pass() -> None:
    values = forward()
    assert [values[name].data for name in ("z", "y'", "error", "L")] == pytest.approx(
        [Z, PREDICTION, ERROR, ERROR**2], rel=1e-14
    )
    assert values["error"].data == pytest.approx(-1.37, abs=0.01)


def test_every_factor_of_the_chain_rule() -> None:
    expected = [2 * ERROR, 1.0, SLOPE, X[0], X[1], 1.0]
    assert [number for _, _, number in factors(forward())] == pytest.approx(expected, rel=1e-14)
    assert expected[0] == pytest.approx(-2.75, abs=0.01)


def test_gradients() -> None:
    values = forward()
    blame = 2 * ERROR * SLOPE
    expected = {
        "error": 2 * ERROR,
        "y'": 2 * ERROR,
        "z": blame,
        "w1": blame * X[0],
        "w2": blame * X[1],
        "b": blame,
        "y": -2 * ERROR,
    }
    assert {name: values[name].grad for name in expected} == pytest.approx(expected, rel=1e-14)


def test_the_report_shows_every_factor_and_every_gradient() -> None:
    text = "\n".join(report(forward()))
    for number in (
        Z,
        PREDICTION,
        ERROR,
        ERROR**2,
        2 * ERROR,
        SLOPE,
        2 * ERROR * SLOPE * X[0],
        2 * ERROR * SLOPE * X[1],
    ):
        assert f"{number:.4f}" in text
    for name in (
        "∂L/∂error",
        "∂error/∂y'",
        "∂y'/∂z",
        "∂z/∂w1",
        "∂z/∂w2",
        "∂z/∂b",
        "∂L/∂w1",
        "∂L/∂w2",
        "∂L/∂b",
    ):
        assert name in text


def test_the_text_and_the_table_have_the_numbers_of_the_neuron(told: Callable[[str], Told]) -> None:
    ran = told("neuron")
    assert f"prediction is {PREDICTION:.2f}, and the target is 2" in " ".join(ran.story.text)
    numbers = dict(ran.story.numbers)
    assert float(numbers["∂L/∂w1"].replace("−", "-")) == pytest.approx(
        2 * ERROR * SLOPE * X[0], abs=5e-5
    )
    assert ran.files == files_of(ran.story)


def test_the_gradient_of_a_card_is_that_of_the_card_after_it_times_the_edge() -> None:
    values = forward()
    for value in topological([values["L"]]):
        if len(value.args) == 2:
            for before, partial in zip(value.args, value.partials, strict=True):
                assert before.grad == pytest.approx(value.grad * partial, rel=1e-14)
