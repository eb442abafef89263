"""From a line to a framework: monotone chains, and printed chains against formulas."""

from collections.abc import Callable
from math import exp, pi, prod, sin
from random import Random

import pytest

import viz
from demos import curves
from scalargrad import Value
from tests.demos.conftest import Told
from tests.demos.page import files_of


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + exp(-x))


def test_turns_are_counted() -> None:
    assert curves.turns(lambda x: x) == curves.turns(lambda x: 0.0 * x) == 0
    assert curves.turns(lambda x: x * x) == 1
    assert (
        curves.turns(lambda x: sin(pi * x)) == 8
    )  # eight half waves from -4 to 4, each with one summit or valley


@pytest.mark.parametrize("seed", range(20))
def test_no_chain_of_monotone_pieces_turns(seed: int) -> None:
    rng = Random(seed)
    assert all(curves.turns(curves.chain(rng, length)) == 0 for length in range(1, 7))


def test_a_layer_is_the_sum_of_its_sigmoids() -> None:
    rng, curve = Random(7), curves.layer(Random(7), 3)
    parts = [(rng.gauss(0.0, 2.0), rng.gauss(0.0, 3.0), rng.gauss(0.0, 4.0)) for _ in range(3)]
    assert curve(0.7) == pytest.approx(
        sum(w * sigmoid(k * 0.7 + b) for w, k, b in parts), rel=1e-12
    )


def test_every_name_is_computed_after_its_operands() -> None:
    computed = curves.compute(
        curves.GRAPH, {name: Value(x) for name, x in {**curves.PARAMETERS, **curves.DATA}.items()}
    )
    names = list(computed)
    for name, operands in curves.GRAPH.items():
        assert all(names.index(operand) < names.index(name) for operand in operands)


def test_gradients_by_hand() -> None:
    values = curves.with_gradients()
    (k1, b1, k2, b2), (x, y) = curves.PARAMETERS.values(), curves.DATA.values()
    s = sigmoid(k1 * x + b1)
    error = k2 * s + b2 - y
    assert values["loss"].data == pytest.approx(error**2, rel=1e-12)
    back = 2 * error * k2 * s * (1 - s)
    expected = {"k1": back * x, "b1": back, "k2": 2 * error * s, "b2": 2 * error}
    assert {name: values[name].grad for name in expected} == pytest.approx(expected, rel=1e-12)


def test_each_chain_multiplies_to_the_gradient() -> None:
    values = curves.with_gradients()
    for name in curves.PARAMETERS:
        rule = viz.chain_rule(values["loss"], values[name])
        assert len(rule.paths) == 1
        assert prod(rule.paths[0].factors) == pytest.approx(values[name].grad, rel=1e-12)
        assert rule.total == values[name].grad


def test_differences_agree() -> None:
    assert curves.checked()
    assert len(curves.checked().comparisons) == 4


def test_the_story_says_what_was_printed(told: Callable[[str], Told]) -> None:
    ran = told("curves")
    story, printed = ran.story, ran.printed
    assert "∂loss/∂k1 = ∂loss/∂L2 * ∂L2/∂sigmoid * ∂sigmoid/∂L1 * ∂L1/∂k1 = " in printed
    assert dict(story.numbers)["order"] in printed
    assert ran.files == files_of(story)
