"""Factors in symbols: each evaluated against its number, their text, and where there are none."""

import random
from dataclasses import replace

import pytest

import scalargrad as sg
import viz
from scalargrad import Value, nn
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE, Op
from tests.viz.gradients.formula_reading import evaluate
from tests.viz.gradients.test_formulas import named, point


def lines(output: Value, leaf: Value) -> list[str]:
    explanation = viz.explain(output, leaf, symbols=True)
    return [line for factor in explanation.symbols for line in factor.lines()]


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_symbols_of_every_operation_have_the_value_of_the_factor(op: Op) -> None:
    generator = random.Random(op.name)
    for _ in range(3):
        numbers = dict(zip("abcd", point(op, generator), strict=False))
        leaves = named(**numbers)
        output = apply(op, *leaves)
        for leaf in output.args:
            factors = viz.explain(output, leaf, symbols=True).symbols
            assert factors
            for factor in factors:
                formula = replace(factor.formula, name="")
                expected = pytest.approx(factor.value, rel=5e-3, abs=1e-3)
                assert evaluate(formula, numbers) == expected


def test_the_factors_of_a_neuron() -> None:
    w, x, b = named(w=-3.0, x=0.5, b=0.25)
    n = w * x + b
    n.label = "n"
    out = n.tanh()
    out.label = "out"
    loss = (out - 1) ** 2
    loss.label = "loss"
    assert lines(loss, w) == [
        "∂loss/∂out = 2 · (out − 1) = -3.697",
        "∂out/∂n = 1 − tanh²(n) = 0.2804",
        "∂n/∂(w × x) = 1",
        "∂(w × x)/∂w = x = 0.5",
    ]
    assert "  ∂out/∂n = 1 − tanh²(n) = 0.2804\n" in str(viz.explain(loss, w, symbols=True))
    assert "tanh²" not in str(viz.explain(loss, w))


def test_two_derivatives_by_one_operand() -> None:
    (x,) = named(x=2.0)
    y = x / x
    y.label = "y"
    assert lines(y, x) == ["∂y/∂x = 1 / x = 0.5", "∂y/∂x = −x / x / x = -0.5"]


def test_the_case_that_holds_is_written() -> None:
    x, y = named(x=2.0, y=-2.0)
    assert lines(x.relu(), x) == ["∂relu(x)/∂x = 1"]
    assert lines(y.relu(), y) == ["∂relu(y)/∂y = 0"]


def test_inside_of_a_module() -> None:
    x, y = named(x=0.5, y=-1.0)
    output = nn.MLP(2, [1, 1], "tanh", seed=1)([x, y])
    expected = "∂layers.0.neurons.0/∂(w0 × x) = 1 − tanh²(b + w0 · x + w1 · y) = "
    assert any(line.startswith(expected) for line in lines(output, x))


def test_where_there_are_no_symbols() -> None:
    x, y = named(x=2.0, y=3.0)
    made = Value(5.0, args=(x,), partials=(2.0,), op="mine")
    assert lines(made, x) == []
    product = x * y
    y.data = 4.0
    assert lines(product, x) == []


def test_inside_of_no_grad_and_unseen_by_a_tape() -> None:
    (x,) = named(x=0.5)
    y = x.tanh()
    with sg.no_grad():
        assert lines(y, x) == ["∂tanh(x)/∂x = 1 − tanh²(x) = 0.7864"]
    assert y.grad == 0.0


def test_of_a_long_path_the_other_factors_are_counted() -> None:
    (x,) = named(x=0.5)
    y = x
    for _ in range(50):
        y = y.sin()
    explanation = viz.explain(y, x, symbols=True)
    assert len(explanation.symbols) == 20
    assert "  … 30 more factors …" in str(explanation)
