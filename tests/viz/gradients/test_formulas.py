"""Formulas: what is printed, read back and evaluated; brackets, lengths, hostile labels."""

import math
import random
import re
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Value, nn
from scalargrad.core.graph import topological
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE, WHERE, Op
from scalargrad.errors import OptionError, PictureError
from tests.viz.gradients.formula_reading import (
    evaluate,
    evaluate_latex,
    text_as_python,
)
from tests.viz.hostile import each
from viz.gradients.expressions import Kind, make_name
from viz.gradients.operation_notation import NOTATION, OPERATIONS_WITH_E, write_operation

MATHML = "{http://www.w3.org/1998/Math/MathML}"


def named(**numbers: float) -> list[Value]:
    return [Value(x, label=name) for name, x in numbers.items()]


X, Y = named(x=2.0, y=-3.0)
MINUS = -(X + 1)


# Notation

EXPECTED: dict[str, tuple[Value, str]] = {
    "x − (y − 1)": (X - (Y - 1), r"x - \left(y - 1\right)"),
    "x − y + 1": (X - Y + 1, "x - y + 1"),
    "x − y": (X + (-Y), "x - y"),
    "x − 2": (X + (-2), "x - 2"),
    "x − (−2)": (X - (-2), r"x - \left(-2\right)"),
    "−(−(x + 1))": (-MINUS, r"-\left(-\left(x + 1\right)\right)"),
    "−(x + y)": (-(X + Y), r"-\left(x + y\right)"),
    "x · (−y)": (X * (-Y), r"x \cdot \left(-y\right)"),
    "(x + y) · x": ((X + Y) * X, r"\left(x + y\right) \cdot x"),
    "−x²": (-(X**2), "-x^{2}"),
    "(−x)²": ((-X) ** 2, r"\left(-x\right)^{2}"),
    "(x³)²": ((X**3) ** 2, r"\left(x^{3}\right)^{2}"),
    "2^(x · y)": (2 ** (X * Y), r"2^{x \cdot y}"),
    "x / (y / x)": (X / (Y / X), r"\frac{x}{\frac{y}{x}}"),
    "(x + 1) / (2 · y)": ((X + 1) / (2 * Y), r"\frac{x + 1}{2 \cdot y}"),
    "(x / y)²": ((X / Y) ** 2, r"\left(\frac{x}{y}\right)^{2}"),
    "(x mod y) + 1": (X % Y + 1, r"\left(x \bmod y\right) + 1"),
    "|x − 1| · 2": (abs(X - 1) * 2, r"\left|x - 1\right| \cdot 2"),
    "√(x² + y²)": (sg.hypot(X, Y), r"\sqrt{x^{2} + y^{2}}"),
    "tanh²(x)": (X.tanh() ** 2, r"\tanh^{2}\left(x\right)"),
    "e^(−x)": ((-X).exp(), "e^{-x}"),
    "(x + y + x) / 3": (sg.mean([X, Y, X]), r"\frac{x + y + x}{3}"),
    "log₁₀(x)": (X.log10(), r"\log_{10}\left(x\right)"),
}


@pytest.mark.parametrize("text", EXPECTED)
def test_text_and_latex(text: str) -> None:
    value, latex = EXPECTED[text]
    formula = viz.formula(value)
    assert (str(formula), formula.latex) == (text, latex)


def test_every_row_of_the_table_has_a_notation() -> None:
    assert set(NOTATION) == set(TABLE.values())


def test_operations_whose_notation_has_eulers_number() -> None:
    def has_e(op: Op) -> bool:
        names = [make_name(f"x{i}") for i in range(2 if op.over_list else len(op.operands))]
        waiting = [write_operation(op.name, names)]
        while waiting:
            part = waiting.pop()
            if part.kind is Kind.NAME and part.text == "e":
                return True
            waiting += part.parts
        return False

    assert {op.name for op in NOTATION if has_e(op)} == OPERATIONS_WITH_E


def point(op: Op, generator: random.Random) -> list[float]:
    """Numbers inside of the domain of an operation."""
    count = 4 if op.over_list else len(op.operands)
    numbers = []
    for i in range(count):
        low, high = op.domain[i] if i < len(op.domain) else (-2.0, 2.0)
        numbers.append(generator.uniform(max(low, -2.0), min(high, max(low, 0.0) + 2.0)))
    return numbers


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_text_and_latex_of_every_operation_have_its_value(op: Op) -> None:
    generator = random.Random(op.name)
    for _ in range(5):
        numbers = dict(zip("abcd", point(op, generator), strict=False))
        value = apply(op, *named(**numbers))
        formula = viz.formula(value)
        assert evaluate(formula, numbers) == pytest.approx(value.data, rel=1e-12)
        assert evaluate_latex(formula, numbers) == pytest.approx(value.data, rel=1e-12)
        assert ElementTree.fromstring(formula.mathml).tag == f"{MATHML}math"


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_text_of_elementary_operations_for_sympy(op: Op) -> None:
    sympy = pytest.importorskip("sympy")
    spelled = {
        "arcsin": sympy.asin,
        "arccos": sympy.acos,
        "arctan": sympy.atan,
        "arsinh": sympy.asinh,
        "arcosh": sympy.acosh,
        "artanh": sympy.atanh,
        "sgn": sympy.sign,
        "max": sympy.Max,
        "min": sympy.Min,
        "log2": lambda x: sympy.log(x, 2),
        "log10": lambda x: sympy.log(x, 10),
        "cbrt": lambda x: sympy.real_root(x, 3),
        "σ": lambda x: 1 / (1 + sympy.exp(-x)),
        "e": sympy.E,
    }
    generator = random.Random(op.name)
    numbers = dict(zip("abcd", point(op, generator), strict=False))
    value = apply(op, *named(**numbers))
    code = text_as_python(str(viz.formula(value)))
    functions = set(re.findall(r"[A-Za-zσ]\w*", code)) - set(numbers)
    known = set(spelled) | {"ln", "sqrt", "abs", "floor", "erf", "erfc", "atan2"}
    known |= {"sin", "cos", "tan", "sinh", "cosh", "tanh"}
    if functions - known:
        pytest.skip("no function of sympy")
    read = sympy.sympify(code, locals=spelled | {name: sympy.Symbol(name) for name in numbers})
    assert float(read.subs(numbers)) == pytest.approx(value.data, rel=1e-9)


LEAVES = {"x": 0.5, "y": -2.0, "z": 3.0}


def unary(operand: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    functions = [
        lambda v: -v,
        abs,
        lambda v: v**2,
        lambda v: v**-1,
        lambda v: v.tanh(),
        lambda v: v.exp(),
        lambda v: abs(v).sqrt(),
        lambda v: abs(v) ** 1.5,
        lambda v: v.relu(),
    ]
    return st.builds(lambda function, v: function(v), st.sampled_from(functions), operand)


def binary(operand: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    functions = [
        lambda v, w: v + w,
        lambda v, w: v - w,
        lambda v, w: v * w,
        lambda v, w: v / w,
        lambda v, w: sg.maximum(v, w),
        lambda v, w: sg.sum([v, w, v]),
        lambda v, w: sg.dot([v, w], [w, w]),
        lambda v, w: abs(v) ** w,
    ]
    return st.builds(
        lambda function, v, w: function(v, w), st.sampled_from(functions), operand, operand
    )


@st.composite
def expressions(draw: st.DrawFn) -> Value:
    leaves = [Value(x, label=name) for name, x in LEAVES.items()]
    numbers = st.sampled_from([-3.0, -1.0, -0.5, 2.0]).map(Value)
    atoms = st.one_of(st.sampled_from(leaves), numbers)
    return draw(st.recursive(atoms, lambda o: st.one_of(unary(o), binary(o)), max_leaves=12))


@given(expressions())
@settings(max_examples=100, deadline=None)
def test_brackets_are_where_they_must_be(value: Value) -> None:
    assume(value.args)
    for node in topological([value]):
        assume(math.isfinite(node.data) and abs(node.data) < 1e4)
        assume(node.data == 0.0 or abs(node.data) > 1e-4)
    formula = viz.formula(value, digits=17, limit=1000)
    assert evaluate(formula, LEAVES) == pytest.approx(value.data, rel=1e-6, abs=1e-6)
    assert evaluate_latex(formula, LEAVES) == pytest.approx(value.data, rel=1e-6, abs=1e-6)


# Names


def test_labeled_values_on_the_way_are_stops_if_wanted() -> None:
    n = X * Y + 1
    n.label = "n"
    loss = (n.tanh() - 1) ** 2
    loss.label = "loss"
    assert str(viz.formula(loss)) == "loss = (tanh(x · y + 1) − 1)²"
    assert str(viz.formula(loss, stops=True)) == "loss = (tanh(n) − 1)²"
    assert str(viz.formula(n, stops=True)) == "n = x · y + 1"


def test_what_is_long_and_used_twice_is_written_once() -> None:
    n = (X * Y + 1).tanh()
    value = n * (1 - n)
    assert str(viz.formula(value)) == "t1 · (1 − t1)\n  where t1 = tanh(x · y + 1)"
    n.label = "n"
    assert str(viz.formula(value)) == "n · (1 − n)\n  where n = tanh(x · y + 1)"


def test_outputs_of_modules_are_named_by_their_paths() -> None:
    model = nn.MLP(2, [2, 1], "tanh", seed=1)
    assert str(viz.formula(model([X, Y]))).splitlines() == [
        "b + w0 · layers.0.neurons.0 + w1#2 · layers.0.neurons.1",
        "  where layers.0.neurons.1 = tanh(b#3 + w0#3 · x + w1#3 · y)",
        "        layers.0.neurons.0 = tanh(b#2 + w0#2 · x + w1 · y)",
    ]


def test_equal_labels_are_numbered_and_no_two_names_are_the_same() -> None:
    values = [Value(1.0, label=label) for label in ("w", "w", "w#2", "t1", "a-b", "a-b")]
    assert str(viz.formula(sg.sum(values))) == "w + w#2 + (w#2#2) + t1 + (a-b) + (a-b#2)"
    t1, x = named(t1=1.0, x=2.0)
    n = (x * t1 + 1).tanh()
    assert str(viz.formula(n / (n + 1))).splitlines()[0] == "t2 / (t2 + 1)"


def test_a_label_e_beside_the_number_e() -> None:
    (e,) = named(e=1.0)
    assert str(viz.formula(e * 2)) == "e · 2"
    assert str(viz.formula(e.exp())) == "e^e#2"


def test_a_label_that_reads_as_a_power_is_bracketed() -> None:
    (square,) = named(**{"x²": 4.0})
    assert str(viz.formula(square**2)) == "(x²)²"


def test_an_index_is_written_low() -> None:
    w1, w_2, weight = named(w1=1.0, w_2=2.0, weight_=3.0)
    formula = viz.formula(w1 * w_2 * weight)
    assert formula.latex == r"w_{1} \cdot w_{2} \cdot \text{weight\_}"
    assert formula.mathml.count("<msub>") == 2


def test_leaves_and_numbers() -> None:
    assert str(viz.formula(X)) == "x = 2"
    assert str(viz.formula(Value(0.1))) == "0.1"
    assert str(viz.formula(X * (2 / 3), digits=3)) == "x · 0.667"
    assert str(viz.formula(X * float("inf") + float("-inf"))) == "x · ∞ − ∞"
    assert str(viz.formula(X * 1.5e-7)) == "x · 1.5e−7"
    assert str(viz.formula(X * -1e300)) == "x · (−1e300)"
    assert viz.formula(X + 1.5e-7).latex == r"x + 1.5 \times 10^{-7}"


def test_values_made_by_hand() -> None:
    assert str(viz.formula(Value(1.0, args=(X, Y), op="mine"))) == "mine(x, y)"
    # By the name of an operation, but with another number of operands.
    assert str(viz.formula(Value(1.0, args=(X, Y), op=WHERE.name))) == "where(x, y)"


# Lengths


def test_a_long_sum_shows_its_ends() -> None:
    values = [Value(1.0, label=f"x{i}") for i in range(1, 101)]
    expected = "Σ(x1 + x2 + x3 + x4 + x5 + x6 + … 89 more … + x96 + x97 + x98 + x99 + x100)"
    assert str(viz.formula(sg.sum(values))) == expected
    one_by_one = values[0]
    for value in values[1:]:
        one_by_one = one_by_one + value
    assert str(viz.formula(one_by_one)) == expected
    assert r"\underset{\text{89 more}}{\cdots}" in viz.formula(one_by_one).latex


def test_what_doubles_again_and_again_stays_short() -> None:
    value = X
    for _ in range(200):
        value = value + value
    formula = viz.formula(value, limit=1000)
    assert formula.more == 0
    assert len(str(formula)) < 10_000
    assert evaluate(formula, {"x": 2.0}) == value.data


def test_thousands_of_equal_labels() -> None:
    values = [Value(1.0, label="w") for _ in range(20_000)]
    assert str(viz.formula(sg.sum(values))).endswith(" + w#19999 + w#20000)")


def test_a_deep_graph() -> None:
    value = X
    for _ in range(20_000):
        value = (value * 0.5).tanh()
    formula = viz.formula(value, limit=3)
    assert len(formula.where) == 3
    assert str(formula).splitlines()[-1] == f"        … {formula.more:,} more …"
    assert formula.more > 100
    ElementTree.fromstring(formula.mathml)
    assert len(formula.latex) < 10_000


# Notebooks, errors, hostile labels


def test_what_a_notebook_shows() -> None:
    formula = viz.formula(X / 3)
    assert formula._repr_mimebundle_() == {
        "text/latex": r"$$\frac{x}{3}$$",
        "text/plain": "x / 3",
    }
    assert repr(formula) == "<Formula x / 3>"


def test_what_is_refused() -> None:
    with pytest.raises(PictureError, match="formula takes a Value: it was given 3"):
        viz.formula(3)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="digits of formula"):
        viz.formula(X, digits=0)
    with pytest.raises(OptionError, match="limit of formula"):
        viz.formula(X, limit=-1)


def test_nothing_is_changed() -> None:
    value = X * Y
    before = (value.label, value.grad, value.op)
    viz.formula(value)
    assert (value.label, value.grad, value.op) == before


def check_label(text: str) -> None:
    leaf = Value(2.0, label=text)
    made = Value(1.0, args=(leaf,), op=text)
    made.label = text
    formula = viz.formula(made)
    document = ElementTree.fromstring(formula.mathml)
    tags = {element.tag.removeprefix(MATHML) for element in document.iter()}
    assert tags <= {"math", "mrow", "mi", "mo", "mn", "mtext", "msub"}
    assert all(not element.attrib or element.tag != "mtext" for element in document.iter())
    assert len(str(formula).splitlines()) == 1
    # Balanced: no brace of the label opens or closes a group.
    plain = re.sub(r"\\[{}$\\]", "", formula.latex)
    assert plain.count("{") == plain.count("}")
    assert plain.count("$") % 2 == 0


def test_hostile_labels_stay_text() -> None:
    each(check_label)


def test_the_zero_that_a_sum_begins_with_is_left_out() -> None:
    total = sum(Value(float(i), label=f"x{i}") for i in range(3))
    assert isinstance(total, Value)
    assert str(viz.formula(total)) == "x0 + x1 + x2"
