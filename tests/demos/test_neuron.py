"""The worked neuron: the tutorial's numbers, by closed forms."""

from math import exp

import pytest

from demos.neuron import factors, forward, report

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
