"""Penalties equal their closed forms and have the right gradients."""

from collections.abc import Callable
from math import nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import Parameter, Value
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.nn import MLP
from scalargrad.optim import SGD, elastic_net, l1, l2

NUMBERS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8)
WEIGHTS = [1.5, -2.0, 0.0, 0.25]
SIGNS = [1.0, -1.0, 0.0, 1.0]


def parameters(data: list[float]) -> list[Parameter]:
    return [Parameter(x) for x in data]


@given(NUMBERS, st.floats(0.0, 10.0), st.floats(0.0, 10.0))
def test_penalties_are_their_closed_forms(data: list[float], first: float, second: float) -> None:
    w = parameters(data)
    absolute, squared = sum(abs(x) for x in data), sum(x * x for x in data)
    assert l1(w, first).data == pytest.approx(first * absolute, rel=1e-12)
    assert l2(w, second).data == pytest.approx(second * squared, rel=1e-12)
    assert elastic_net(w, first, second).data == pytest.approx(
        first * absolute + second * squared, rel=1e-12
    )


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        (lambda w: l1(w, 0.3), [0.3 * s for s in SIGNS]),
        (lambda w: l2(w, 0.3), [0.6 * x for x in WEIGHTS]),
        (
            lambda w: elastic_net(w, 0.3, 0.5),
            [0.3 * s + x for s, x in zip(SIGNS, WEIGHTS, strict=True)],
        ),
    ],
)
def test_gradients_of_penalties(
    penalty: Callable[[list[Parameter]], Value], expected: list[float]
) -> None:
    w = parameters(WEIGHTS)
    penalty(w).backward()
    assert [p.grad for p in w] == pytest.approx(expected, rel=1e-15)


def test_gradients_of_penalties_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    w, t = parameters(WEIGHTS), torch.tensor(WEIGHTS, dtype=torch.float64, requires_grad=True)
    elastic_net(w, 0.3, 0.5).backward()
    (0.3 * t.abs().sum() + 0.5 * (t * t).sum()).backward()
    assert [p.grad for p in w] == pytest.approx(t.grad.tolist(), rel=1e-15)


def test_a_penalty_joins_the_loss() -> None:
    model = MLP(2, [2, 1], activation="tanh", seed=3)
    w = model.parameters()

    def total() -> Any:
        return (model([1.0, -1.0]) - 0.5) ** 2 + elastic_net(w, 0.1, 0.2)

    total().backward()
    for parameter in w:
        if parameter.data:  # biases begin at 0, where |w| has its kink
            x, ends = parameter.data, []
            for parameter.data in (x - 1e-6, x + 1e-6):
                ends.append(total().data)
            parameter.data = x
            assert parameter.grad == pytest.approx((ends[1] - ends[0]) / 2e-6, rel=1e-6)


def test_weight_decay_is_an_l2_penalty_of_half_its_size() -> None:
    penalized, decayed = parameters(WEIGHTS), parameters(WEIGHTS)
    l2(penalized, 0.05).backward()
    SGD(penalized, 0.3).step()
    SGD(decayed, 0.3, weight_decay=0.1).step()
    assert [p.data for p in penalized] == pytest.approx([p.data for p in decayed], rel=1e-15)


# Errors


@pytest.mark.parametrize("function", [l1, l2])
def test_arguments_out_of_their_range(function: Any) -> None:
    for wrong in (-1.0, nan):
        with pytest.raises(OptionError, match=f"of {function.__name__} must be"):
            function(parameters([1.0]), wrong)
    with pytest.raises(DataError, match=f"of {function.__name__} must be a real number"):
        function(parameters([1.0]), "1")
    with pytest.raises(LengthError, match="no parameters"):
        function([], 1.0)
    with pytest.raises(DataError, match="item 0 is a Value"):
        function([Value(1.0)], 1.0)


def test_elastic_net_names_its_wrong_argument() -> None:
    with pytest.raises(OptionError, match="l2 of elastic_net"):
        elastic_net(parameters([1.0]), 1.0, -1.0)
