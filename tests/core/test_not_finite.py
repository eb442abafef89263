"""Zero, infinity and nan: IEEE 754, no exceptions, and no nan from a branch that was not taken."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value
from scalargrad.core import ops
from scalargrad.core.operations import apply
from scalargrad.core.ops import CUT


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_node_whose_gradient_is_zero_sends_nothing(create_graph: bool) -> None:
    a = Value(0.0)
    (sg.log(a) * 0.0).backward(create_graph=create_graph)
    assert float(a.grad) == 0.0
    b = Value(0.0)
    (sg.sqrt(b) * Value(0.0)).backward(create_graph=create_graph)
    assert float(b.grad) == 0.0


SELECTIONS = {
    "where": lambda x, taken: sg.where(False, x, taken),
    "maximum": lambda x, taken: sg.maximum(x, taken + 9.0),
    "minimum": lambda x, taken: sg.minimum(taken - 9.0, x),
    "relu": lambda x, taken: sg.relu(x - 9.0) + taken,
    "clamp": lambda x, taken: sg.clamp(x, 5.0, 9.0) + taken,
    "max": lambda x, taken: sg.max([taken + 9.0, x]),
    "step": lambda x, taken: sg.step(x) + taken,
    "pow": lambda x, taken: x**0.0 + taken,
}


@pytest.mark.parametrize("name", SELECTIONS)
@pytest.mark.parametrize("factor", [math.inf, math.nan, 1.0])
def test_the_operand_that_was_not_taken_receives_exactly_zero(name: str, factor: float) -> None:
    x, taken = Value(2.0), Value(1.0)
    (SELECTIONS[name](x * 1.0, taken) * factor).backward()
    assert x.grad == 0.0
    assert taken.grad == factor or math.isnan(factor)


@given(st.floats())
def test_cut_gives_zero_whatever_flows(gradient: float) -> None:
    assert (gradient * CUT, CUT * gradient) == (0.0, 0.0)


NOT_FINITE = [
    ("sg.exp(x)", 710.0, math.inf, math.inf),
    ("sg.log(x)", 0.0, -math.inf, math.inf),
    ("sg.log(x)", -1.0, math.nan, -1.0),
    ("sg.sqrt(x)", -1.0, math.nan, math.nan),
    ("x ** (1/3)", -8.0, math.nan, math.nan),
    ("1 / x", 0.0, math.inf, -math.inf),
    ("1 / x", -0.0, -math.inf, -math.inf),
    ("x / 0", 1.0, math.inf, math.inf),
    ("x * x", 1e200, math.inf, 2e200),
    ("x ** 400", 10.0, math.inf, math.inf),
    ("x % 0", 1.0, math.nan, 1.0),
    ("sg.sin(x)", math.inf, math.nan, math.nan),
    ("sg.cosh(x)", 1000.0, math.inf, math.inf),
    ("x // 0", 1.0, math.inf, 0.0),
    ("round(x)", math.inf, math.inf, 0.0),
    ("sg.floor(x)", math.nan, math.nan, 0.0),
]


@pytest.mark.parametrize(("expression", "at", "data", "gradient"), NOT_FINITE)
def test_never_an_exception_but_what_ieee_says(
    expression: str, at: float, data: float, gradient: float
) -> None:
    x = Value(at)
    result = eval(expression, {"x": x, "sg": sg})
    result.backward()
    for got, expected in ((result.data, data), (x.grad, gradient)):
        assert got == expected or (math.isnan(got) and math.isnan(expected))


@pytest.mark.parametrize("op", ops.TABLE.values(), ids=lambda op: op.name)
def test_no_operation_raises_at_any_number(op: ops.Op) -> None:
    special = (
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -2.0,
        710.0,
        -746.0,
        1e308,
        5e-324,
        math.inf,
        -math.inf,
        math.nan,
    )
    size = 2 if op.over_list else len(op.operands)
    for point in itertools.product(special, repeat=min(size, 3)):
        leaves = [Value(x) for x in point]
        apply(op, *leaves).backward()
        assert all(type(leaf.grad) is float for leaf in leaves)
        apply(op, *leaves).backward(create_graph=True)
