"""Values to SymPy and back: numbers and derivatives agree, for every row and for random graphs."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

import scalargrad as sg
from scalargrad import Value
from scalargrad.core.evaluation import operand_numbers
from scalargrad.core.graph import topological
from scalargrad.core.operations import apply
from scalargrad.core.ops import FLOATS, TABLE, Op
from scalargrad.errors import DataError, GraphError, OptionError, UnknownNameError
from scalargrad.interop import from_sympy, to_sympy
from tests.core.points import points

sympy = pytest.importorskip("sympy")

from scalargrad.interop import sympy_expressions  # noqa: E402

ROWS = [op for op in TABLE.values() if op.name != "stop_gradient"]


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.name)
def test_every_row_has_the_number_and_the_derivatives_of_its_formula(op: Op) -> None:
    for point in points(op, 2):
        leaves = [Value(x, label=f"v{i}") for i, x in enumerate(point)]
        result = apply(op, *leaves)
        result.backward()
        expression = to_sympy(result)
        numbers = {sympy.Symbol(f"v{i}", real=True): x for i, x in enumerate(point)}
        assert float(expression.subs(numbers)) == pytest.approx(result.data, rel=1e-9, abs=1e-12)
        for symbol, leaf in zip(numbers, leaves, strict=True):
            slope = expression.diff(symbol).subs(numbers).doit()
            # SymPy leaves the derivative of a step as it is; it is 0 between its jumps.
            if not slope.has(sympy.Derivative, sympy.Subs, sympy.DiracDelta):
                assert float(slope) == pytest.approx(leaf.grad, rel=1e-9, abs=1e-12), (point, slope)


LEAVES = st.sampled_from(["x", "y", "z", 0.5, 2.0, -3.0])
TREES = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.tuples(st.sampled_from(["add", "sub", "mul", "maximum", "hypot"]), parts, parts),
        st.tuples(st.sampled_from(["tanh", "sin", "sigmoid", "softplus", "relu", "atan"]), parts),
    ),
    max_leaves=8,
)


def build(tree: Any, leaves: dict[str, Value]) -> Any:
    if isinstance(tree, str):
        return leaves[tree]
    if isinstance(tree, float):
        return tree
    name, *parts = tree
    return getattr(sg, name)(*[build(part, leaves) for part in parts])


def named(point: list[float]) -> dict[str, Value]:
    return {name: Value(x, label=name) for name, x in zip("xyz", point, strict=True)}


@settings(max_examples=40)
@given(TREES, st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3))
def test_there_and_back_numbers_and_gradients_agree(tree: Any, point: list[float]) -> None:
    first = named(point)
    result = build(tree, first)
    if not isinstance(result, Value):
        return
    second = named(point)
    again = from_sympy(to_sympy(result), second)
    assert float(again) == pytest.approx(result.data, rel=1e-9, abs=1e-12)
    if isinstance(again, Value) and is_smooth(result):
        result.backward()
        again.backward()
        for name, leaf in first.items():
            assert second[name].grad == pytest.approx(leaf.grad, rel=1e-7, abs=1e-9)


def is_smooth(value: Value) -> bool:
    """Whether no operation is at one of its kinks, where a formula has other derivatives."""
    found: list[float] = []
    for node in topological([value]):
        kinks = TABLE[node.op].kinks if node.args else None
        if kinks is not None:
            found += kinks(FLOATS, *operand_numbers(node))
    return all(abs(number) > 1e-6 for number in found)


EXPRESSIONS = [
    "x**2 + sin(x)/y",
    "exp(-x)*log(y)/sqrt(x*y)",
    "-x/(3*y) + pi*E",
    "x**y + y**(-3) - 1/x",
    "Max(x, y, 1)*Min(x, 2*y)",
    "Piecewise((x, x < y), (y**2, x >= 3), (x*y, True))",
    "Piecewise((x, (x > 1) & (y <= 2)), (y, Eq(x, 5) | Ne(y, y)), (3, True))",
    "Abs(x - 3)*sign(y - x) + floor(x) + ceiling(y) + Mod(x, y)",
    "atan2(y, x) + erf(x) + tan(x)**2 + acosh(x + 1)",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_of_sympy_has_its_number_and_its_derivatives(text: str) -> None:
    numbers = {"x": 1.75, "y": 1.25}
    expression = sympy.sympify(text)
    leaves = {name: Value(x) for name, x in numbers.items()}
    result = from_sympy(expression, leaves)
    result.backward()
    assert result.data == pytest.approx(float(expression.subs(numbers)), rel=1e-12)
    slope = sympy.lambdify("x, y", expression, "mpmath")
    for i, leaf in enumerate(leaves.values()):
        order = (1, 0) if i == 0 else (0, 1)
        assert leaf.grad == pytest.approx(diff(slope, order), rel=1e-9, abs=1e-12)


def diff(function: Any, order: tuple[int, int]) -> float:
    with mp.workdps(30):
        return float(mp.diff(function, (mp.mpf("1.75"), mp.mpf("1.25")), order))


def test_leaves_have_names_and_equal_ones_a_number() -> None:
    leaves = [Value(1.0, label="w"), Value(2.0, label="w"), Value(3.0), Value(4.0)]
    expression = to_sympy(sg.sum(leaves))
    assert sorted(map(str, expression.free_symbols)) == ["w", "w_1", "x0", "x1"]


def test_values_in_between_may_be_symbols() -> None:
    x = Value(1.0, label="x")
    h = sg.tanh(x)
    assert str(to_sympy(h * h + 1.0, {h: sympy.Symbol("h")})) == "h**2 + 1"


def test_a_leaf_is_not_taken_for_a_symbol_that_is_given() -> None:
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    expression = to_sympy(x * y + y, {y: sympy.Symbol("x", real=True)})
    assert str(expression) == "x*x_1 + x"
    assert str(to_sympy(x * y, {y: "h"})) == "h*x"


def test_an_own_operation_is_not_taken_for_a_function_of_sympy() -> None:
    cube = sg.operation(name="gamma")(lambda m, x: x * x * x)
    x = Value(2.0, label="x")
    sympy_expressions._expressions.cache_clear()
    assert str(to_sympy(cube(x))) == "x**3"
    with pytest.raises(OptionError, match="no operation computes gamma"):
        from_sympy(sympy.gamma(sympy.Symbol("x")), {"x": x})


def test_a_function_without_a_definition_is_an_operation_of_its_name() -> None:
    cube = sg.operation(name="test_cube")(lambda m, x: x * x * x)
    expression = sympy.Function("test_cube")(sympy.Symbol("x"))
    assert from_sympy(expression, {"x": 2.0}) == cube(2.0)


def test_symbols_of_one_name_have_numbers_of_their_own() -> None:
    free, real = sympy.Symbol("a"), sympy.Symbol("a", real=True)
    assert from_sympy(free - real, {free: 5.0, real: 3.0}) == 2.0
    assert from_sympy(free * real, {"a": 3.0}) == 9.0


def test_what_is_used_many_times_is_computed_once() -> None:
    shared = sympy.Symbol("x")
    x = leaf = Value(0.5)
    for _ in range(40):
        shared = shared**2 * 0.5 + shared * 0.25
        x = x * x * 0.5 + x * 0.25
    assert from_sympy(shared, {"x": leaf}).data == pytest.approx(x.data, rel=1e-12)


def test_large_numbers_are_written_as_floats() -> None:
    x = Value(1.0, label="x")
    assert str(to_sympy(x * 2.0**60)) == "1.15292150460685e+18*x"
    assert str(to_sympy(x * 4.0)) == "4*x"


def test_long_sums_and_norms_are_whole_expressions() -> None:
    leaves = [Value(float(i), label=f"v{i}") for i in range(300)]
    assert len(to_sympy(sg.sum(leaves)).args) == 300
    assert len(to_sympy(sg.norm(leaves)).args[0].args) == 300


def test_a_graph_that_is_too_deep_says_what_to_do() -> None:
    x = Value(0.5, label="x")
    for _ in range(1000):
        x = sg.tanh(x)
    with pytest.raises(GraphError, match="give symbols for Values in between"):
        to_sympy(x)


def test_an_own_operation_is_written_by_its_rule() -> None:
    swish = sg.operation(name="test_swish")(lambda m, x: x * m.sigmoid(x))
    x = Value(0.5, label="x")
    assert str(to_sympy(swish(x))) == "x/(1 + exp(-x))"


def test_numbers_alone_give_a_float() -> None:
    assert from_sympy(sympy.sympify("2 + x"), {"x": 0.5}) == 2.5


def test_what_can_not_be_converted_is_refused() -> None:
    x = Value(1.0, label="x")
    with pytest.raises(GraphError, match="no formula for SymPy"):
        to_sympy(sg.stop_gradient(x))
    with pytest.raises(DataError, match="takes a Value, not float"):
        to_sympy(1.0)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="a dict from Values to symbols"):
        to_sympy(x, {2.0: x})  # type: ignore[dict-item]
    with pytest.raises(DataError, match="the number for x must be a real number"):
        from_sympy(sympy.Symbol("x"), {"x": "1"})  # type: ignore[dict-item]
    with pytest.raises(OptionError, match="single expressions, not list"):
        from_sympy([sympy.Symbol("x")], {"x": x})
    with pytest.raises(OptionError, match="can't read"):
        from_sympy("x +", {"x": x})
    with pytest.raises(OptionError, match="no operation computes Integral"):
        from_sympy(sympy.Integral(sympy.Symbol("x"), sympy.Symbol("x")), {"x": x})
    with pytest.raises(OptionError, match="no condition such as ITE"):
        from_sympy(sympy.sympify("ITE(x < 1, x < 2, x > 3)"), {"x": x})
    with pytest.raises(UnknownNameError, match="a number for 'y'"):
        from_sympy(sympy.sympify("x + y"), {"x": x})
    with pytest.raises(OptionError, match="no operation computes gamma"):
        from_sympy(sympy.sympify("gamma(x)"), {"x": x})
    with pytest.raises(OptionError, match="real numbers"):
        from_sympy(sympy.sympify("I*x"), {"x": x})
    with pytest.raises(OptionError, match="a last case"):
        from_sympy(sympy.sympify("Piecewise((x, x < 1))"), {"x": x})
