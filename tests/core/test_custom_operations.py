"""Own operations: rows that a user adds, with rules that are given or made, and what is refused."""

import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

import scalargrad as sg
from scalargrad import Value
from scalargrad.core.custom_operations import Operation, remove_operation
from scalargrad.core.derived_rules import derive
from scalargrad.core.functions import FUNCTIONS as TABLE_FUNCTIONS
from scalargrad.core.ops import FLOATS, TABLE
from scalargrad.errors import (
    CallError,
    DataError,
    GraphError,
    OptionError,
    UnknownNameError,
)


def swish(m: Any, x: Any, beta: Any = 1.0) -> Any:
    """x*sigmoid(beta*x)."""
    return x * m.sigmoid(beta * x)


RULE = swish


@pytest.fixture(autouse=True)
def operation_of_this_module() -> None:
    """Make `swish` an operation, which is removed after each test."""
    global swish
    by_beta = lambda m, o, x, beta: x * o * m.sigmoid(-beta * x)  # noqa: E731
    swish = sg.operation(symbol="sw", derivative=(None, by_beta))(RULE)


def mine(rule: Any, name: str = "test_mine", **options: Any) -> Operation:
    """Add an operation."""
    return sg.operation(name=name, **options)(rule)


def gradients(output: Value, *leaves: Value) -> list[float]:
    output.backward()
    return [leaf.grad for leaf in leaves]


# What it computes


def test_it_is_one_node_with_the_symbol_and_the_documentation_of_the_user() -> None:
    x = Value(0.5)
    y = swish(x)
    assert (y.op, y.args, TABLE[y.op].symbol) == ("swish", (x,), "sw")
    assert swish.__doc__ == "x*sigmoid(beta*x)."
    assert swish.__name__ == "swish"


def test_numbers_alone_give_a_float() -> None:
    assert swish(0.0) == 0.0
    assert swish(2.0, beta=0.0) == 1.0


def test_an_option_is_no_part_of_the_graph_unless_it_is_a_value() -> None:
    x = Value(0.5)
    beta = Value(2.0)
    assert swish(x, 2.0).args == (x,)
    assert swish(x, beta).args == (x, beta)


@given(st.floats(-30.0, 30.0), st.floats(-3.0, 3.0))
def test_derivatives_that_are_made_and_given_are_those_of_mpmath(x: float, beta: float) -> None:
    leaves = Value(x), Value(beta)
    found = gradients(swish(*leaves), *leaves)

    def formula(x: Any, beta: Any) -> Any:
        return x / (1 + mp.exp(-beta * x))

    for i, slope in enumerate(found):
        order = (1, 0) if i == 0 else (0, 1)
        expected = float(mp.diff(formula, (x, beta), order))
        assert math.isclose(slope, expected, rel_tol=1e-10, abs_tol=1e-12)


def test_second_derivatives_are_those_of_the_composition() -> None:
    where = [0.7, -1.3]
    composed = sg.hessian(lambda x: x[0] * sg.sigmoid(x[1] * x[0]))(where)
    for row, expected in zip(sg.hessian(lambda x: swish(*x))(where), composed, strict=True):
        assert row == pytest.approx(expected, rel=1e-14)


BODIES: dict[str, Callable[..., Any]] = {
    "selection": lambda m, x, y: 3.0 * m.where(x < y, m.exp(x), x * y) - m.relu(y),
    "quotient": lambda m, x, y: m.div(x, 1.0 + y * y) + m.pow(x, 3.0),
    "powers": lambda m, x, y: m.pow(x * x + 0.5, y) + abs(x - y),
    "bounds": lambda m, x, y: m.clamp(x + y, -1.0, 1.0) * m.hypot(x, y),
    "nested": lambda m, x, y: m.swish(x + y) * m.swish(y, x),
    "reflected": lambda m, x, y: 1.0 - (2.0 + x) * (3.0 - y),
    "negative": lambda m, x, y: -m.stop_gradient(x) * y + x,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_derivatives_are_made_of_any_body(body: Any) -> None:
    operation = mine(body)
    spaces = sg.core.ops.VALUES
    for point in [(0.3, 1.2), (-0.8, 0.4), (1.5, -2.0)]:
        leaves = [Value(x) for x in point]
        found = gradients(operation(*leaves), *leaves)
        written_out = [Value(x) for x in point]
        expected = gradients(body(spaces, *written_out), *written_out)
        assert found == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_a_branch_that_is_not_taken_sends_nothing_even_if_it_is_infinite() -> None:
    operation = mine(lambda m, x: m.where(x > 0.0, m.sqrt(x), 0.0))
    x = Value(-1.0)
    assert gradients(operation(x), x) == [0.0]


COMPARISONS: dict[str, tuple[Callable[..., Any], float]] = {
    "<": (lambda m, x: m.where(x < 1.0, 3.0 * x, 2.0 * x + 1.0), 2.0),
    "<=": (lambda m, x: m.where(x <= 1.0, 3.0 * x, 2.0 * x + 1.0), 3.0),
    ">": (lambda m, x: m.where(x > 1.0, 3.0 * x, 2.0 * x + 1.0), 2.0),
    ">=": (lambda m, x: m.where(x >= 1.0, 3.0 * x, 2.0 * x + 1.0), 3.0),
    "&": (lambda m, x: m.where((x > 0.0) & (x >= 1.0), 3.0 * x, 2.0 * x + 1.0), 3.0),
}


@pytest.mark.parametrize(("body", "slope"), COMPARISONS.values(), ids=list(COMPARISONS))
def test_at_a_kink_the_derivative_is_that_of_the_branch_taken(body: Any, slope: float) -> None:
    assert sg.grad(mine(body))(1.0) == slope


def test_a_derivative_that_is_made_takes_the_result_in_place_of_computing_it_again() -> None:
    rule = derive(lambda m, x: m.exp(x), 1, 0)
    assert rule.__doc__ is not None
    assert "m.exp" not in rule.__doc__
    assert rule(FLOATS, 7.0, 0.0) == 7.0


def test_a_rule_that_does_not_depend_on_an_operand_cuts_it() -> None:
    rule = derive(lambda m, x, y: m.exp(x), 2, 1)
    assert rule(FLOATS, 1.0, 0.0, 2.0) * math.inf == 0.0


def test_a_rule_may_leave_out_options_of_what_it_calls() -> None:
    body = lambda m, x: x * m.leaky_relu(x) + m.swish(x)  # noqa: E731

    def by_hand(m: Any, o: Any, x: Any) -> Any:  # noqa: ARG001 - rules are given the result
        of_product = m.leaky_relu(x) + x * m.where(x > 0.0, 1.0, 0.01)
        return of_product + m.sigmoid(x) + m.swish(x) * m.sigmoid(-x)

    where = -0.75
    second = [
        sg.grad(sg.grad(mine(body, f"test_{i}", derivative=rule)))(where)
        for i, rule in enumerate((None, by_hand))
    ]
    assert second == pytest.approx([sg.grad(sg.grad(partial(body, sg.core.ops.VALUES)))(where)] * 2)
    program = sg.compile(lambda x: sg.grad(TABLE_FUNCTIONS["test_1"])(x), inputs=[1])
    assert program([[where]])[0, 0] == pytest.approx(sg.grad(TABLE_FUNCTIONS["test_0"])(where))


def test_networks_take_it_as_an_activation_by_name() -> None:
    by_name = sg.nn.MLP(2, [3, 1], activation="swish", seed=0)  # type: ignore[arg-type]
    by_function = sg.nn.MLP(2, [3, 1], activation=swish, seed=0)
    assert by_name([0.5, -1.0]).data == by_function([0.5, -1.0]).data


def test_it_can_be_pickled_with_its_graph() -> None:
    y = pickle.loads(pickle.dumps(swish(Value(0.5))))
    assert pickle.loads(pickle.dumps(swish)) is swish
    y.backward(create_graph=True)
    assert y.args[0].grad.data == gradients(swish(x := Value(0.5)), x)[0]


def test_a_process_that_does_not_know_it_says_so() -> None:
    data = pickle.dumps(swish(Value(0.5)) * 2.0)
    code = (
        "import pickle, sys, scalargrad as sg\n"
        "y = pickle.loads(sys.stdin.buffer.read())\n"
        "y.backward()\n"
        "try:\n    y.backward(create_graph=True)\n"
        "except sg.errors.GraphError as error:\n    print(error)\n"
        "try:\n    sg.core.ops.TABLE['swish']\n"
        "except sg.errors.UnknownNameError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    first, second = run.stdout.decode().splitlines()
    assert "'swish', which is not in the table" in first
    assert "import the module that defines it" in second


def test_several_threads_may_add_and_remove_at_once() -> None:
    def work(number: int) -> float:
        name = f"test_power{number}"
        operation = sg.operation(name=name)(lambda m, x: m.pow(x, float(number)))
        x = Value(2.0)
        (slope,) = gradients(operation(x), x)
        remove_operation(name)
        return slope

    with ThreadPoolExecutor(4) as pool:
        slopes = list(pool.map(work, range(1, 41)))
    assert slopes == pytest.approx([n * 2.0 ** (n - 1) for n in range(1, 41)])


def test_a_list_is_refused_with_the_call_to_write() -> None:
    with pytest.raises(DataError, match=r"write \[swish\(x, …\) for x in xs\]"):
        swish([0.5, 1.0])


# Names


@pytest.mark.parametrize("name", ["tanh", "softmax", "linear", "where", "_lowest", "total"])
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match=r"taken|letters"):
        sg.operation(name=name)(lambda m, x: x * 2.0)


def test_the_same_name_from_another_place_is_refused() -> None:
    mine(lambda m, x: x * 2.0)

    def another(m: Any, x: Any) -> Any:
        return m.exp(x)

    with pytest.raises(OptionError, match="'test_mine' is taken by another operation"):
        sg.operation(another, name="test_mine")


def test_a_definition_that_is_run_again_replaces_the_first_one() -> None:
    results = [mine(lambda m, x, n=n: x * n, name="test_again")(1.0) for n in (2.0, 3.0)]
    assert results == [2.0, 3.0]


def double(factor: float) -> Operation:
    def test_double(m: Any, x: Any) -> Any:
        return m.mul(x, x) * factor

    return sg.operation(test_double)


def test_a_model_that_was_made_before_follows_the_latest_definition() -> None:
    first = double(2.0)
    model = sg.nn.MLP(1, [1], output_activation=first, initializer=sg.nn.given([[1.0]]))
    old = model([3.0])
    assert double(5.0) is first
    assert model([3.0]).data == 45.0
    assert sg.compile(lambda x: model([x]), model, inputs=[1])([[3.0]])[0, 0] == 45.0
    assert sg.grad(sg.grad(first))(3.0) == 10.0
    with pytest.raises(GraphError, match="compute the graph again"):
        old.backward(create_graph=True)


def test_the_derivatives_of_what_calls_it_follow_the_latest_definition() -> None:
    inner = double(2.0)
    outer = mine(lambda m, x: m.sin(m.test_double(x)))
    double(5.0)
    assert sg.grad(inner)(0.3) == pytest.approx(3.0)
    expected = sg.grad(lambda x: sg.sin(5.0 * x * x))(0.3)
    assert sg.grad(outer)(0.3) == pytest.approx(expected, rel=1e-14)


def test_a_graph_of_another_number_of_operands_is_refused_by_name() -> None:
    rules = [lambda m, x: x * x, lambda m, x, y: x * y]
    rules[1].__qualname__ = rules[0].__qualname__
    y = mine(rules[0])(Value(2.0))
    mine(rules[1])
    with pytest.raises(GraphError, match="test_mine was defined again with other operands"):
        y.backward(create_graph=True)


def test_functions_with_the_first_argument_filled_in_are_told_apart() -> None:
    def times(n: float, m: Any, x: Any) -> Any:
        return m.mul(x, n)

    def plus(n: float, m: Any, x: Any) -> Any:
        return m.add(x, n)

    assert mine(partial(times, 2.0))(3.0) == 6.0
    assert mine(partial(times, 4.0))(3.0) == 12.0
    with pytest.raises(OptionError, match="is taken"):
        mine(partial(plus, 2.0))


def test_what_was_removed_is_gone_but_its_numbers_still_flow() -> None:
    gone = sg.operation(name="test_gone")(lambda m, x: x * x)
    x = Value(3.0)
    y = gone(x)
    remove_operation("test_gone")
    assert not any(hasattr(space, "test_gone") for space in sg.core.ops.NAMESPACES)
    assert gradients(y, x) == [6.0]
    with pytest.raises(GraphError, match="not in the table"):
        y.backward(create_graph=True)
    with pytest.raises(UnknownNameError, match="test_gone was removed: define it again"):
        gone(x)
    with pytest.raises(UnknownNameError, match="did you mean 'swish'"):
        remove_operation("test_swissh")


def test_an_operation_of_the_table_can_not_be_removed() -> None:
    with pytest.raises(UnknownNameError, match="no operation 'tanh' was added"):
        remove_operation("tanh")


# What is refused


REFUSED: dict[str, tuple[Any, str]] = {
    "quotient": (lambda m, x: 1.0 / x, r"write m\.div\(x, y\)"),
    "power": (lambda m, x: x**2, r"write m\.pow\(x, y\)"),
    "remainder": (lambda m, x: x % 2.0, r"write m\.remainder"),
    "floor": (lambda m, x: x // 2.0, r"write m\.floor_divide"),
    "math": (lambda m, x: math.exp(x), r"write m\.exp\(x\) instead of math"),
    "branch": (lambda m, x: x if x > 0.0 else 0.0, r"write m\.where"),
    "maximum": (lambda m, x: max(x, 0.0), r"m\.maximum"),
    "equal": (lambda m, x: m.where(x == 0.0, 1.0, x), r"write \(x <= y\) & \(x >= y\)"),
    "misspelled": (lambda m, x: m.expp(x), "did you mean 'exp'"),
    "lists": (lambda m, x: m.sum([x, x]), "no operation 'sum' of single numbers"),
    "operands": (lambda m, x: m.exp(x, x), r"calls m\.exp with 2 of \(x\)"),
    "nothing": (lambda m, x: None, "write return"),
    "constant": (lambda m, x: 1.0, "write return"),
    "text": (lambda m, x: x * "a", "'a', which is no number"),
    "value": (lambda m, x: x + Value(1.0), "which is no number"),
    "functions": (lambda m, x: sg.tanh(x), "operations of m and plain numbers"),
    "no operations": (lambda x, y: x * y, "first parameter, which is no number"),
    "no operand": (lambda m: 1.0, r"write def test_mine\(m, x\)"),
    "or": (lambda m, x: m.where((x < 0.0) | (x > 1.0), x, 0.0), r"with \|: write m\.where\(a, x"),
    "not": (lambda m, x: m.where(~(x < 0.0), x, 0.0), "exchange the branches"),
    "a factor": (lambda m, x: (x > 0.0) * x, r"with a comparison: write m\.where"),
    "an operand": (lambda m, x: m.exp(x > 0.0), r"with a comparison: write m\.where"),
    "a branch": (lambda m, x: m.where(x > 0.0, x < 1.0, x), r"with a comparison: write m\.where"),
    "a comparison": (lambda m, x: x > 0.0, r"returns a comparison: write m\.where"),
    "and": (lambda m, x: m.where(m.lt(x, 1.0) & (x > 0.0), x, 0.0), r"\(x < y\) & \(y < z\)"),
    "number of numpy": (lambda m, x: x * numpy.float64(2.0), r"write float\(…\) around"),
    "too large": (lambda m, x: x * 10**400, "too large for a float"),
    "any operands": (lambda m, *x: x[0], "one or more operands"),
}


@pytest.mark.parametrize(("rule", "message"), REFUSED.values(), ids=list(REFUSED))
def test_a_rule_that_is_not_made_of_operations_is_refused(rule: Any, message: str) -> None:
    with pytest.raises((OptionError, CallError), match=message):
        sg.operation(name="test_mine")(rule)
    assert "test_mine" not in TABLE


OPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "too many rules": ({"derivative": [None, None, None]}, "a sequence of 2 rules"),
    "operands of a rule": ({"derivative": [lambda m, x: x, None]}, "must take 4 arguments"),
    "no rule": ({"derivative": [1.0, None]}, "must be a function"),
    "body of a rule": ({"derivative": [lambda m, o, x, y: x / y, None]}, "derivative 1 of"),
    "no rules": ({"derivative": []}, "a sequence of 2 rules"),
    "a number": ({"derivative": 2.0}, "a sequence of them, not float"),
    "a name": ({"name": 3}, "letters, digits and _, not 3"),
    "an end": ({"domain": 0.0}, r"must be intervals \(low, high\), not 0\.0"),
    "text of kinks": ({"kinks": lambda m, x, y: ("a",)}, "a tuple of numbers, not"),
    "empty domain": ({"domain": (1.0, 1.0)}, "domain of test_mine is empty"),
    "no domain": ({"domain": ((0.0, 1.0, 2.0),)}, "must be intervals"),
    "domains": ({"domain": ((0, 1), (0, 1), (0, 1))}, "3 intervals for 2 operands"),
    "long symbol": ({"symbol": "a symbol too long"}, "12 printable characters"),
    "odd symbol": ({"symbol": "a\n"}, "12 printable characters"),
    "no text": ({"symbol": 3}, "12 printable characters"),
    "kinks": ({"kinks": lambda m, x, y: x}, r"a tuple of numbers, not 0\.5: write \(x,\)"),
    "operands of kinks": ({"kinks": lambda m, x: (x,)}, "must take 3 arguments"),
}


@pytest.mark.parametrize(("options", "message"), OPTIONS.values(), ids=list(OPTIONS))
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, CallError), match=message):
        sg.operation(**{"name": "test_mine", **options})(lambda m, x, y: x * y)


def test_a_default_must_be_a_number() -> None:
    with pytest.raises(DataError, match="default of beta"):
        sg.operation(name="test_mine")(lambda m, x, beta="a": x)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(CallError, match="before def"):
        sg.operation(3.0)  # type: ignore[call-overload]
    with pytest.raises(CallError, match="needs a function of Python"):
        sg.operation(max, name="test_mine")


def test_a_domain_of_one_operand_is_written_as_one_interval() -> None:
    mine(lambda m, x: m.sqrt(x), domain=(0.0, math.inf))
    assert TABLE["test_mine"].domain == ((0.0, math.inf),)
