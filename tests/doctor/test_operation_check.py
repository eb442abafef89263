"""`check_operation`: it accepts the table, and finds what is wrong with a rule, and where."""

from typing import Any

import pytest

import scalargrad as sg
from scalargrad.core.custom_operations import Operation
from scalargrad.core.ops import TABLE
from scalargrad.doctor import check_operation
from scalargrad.errors import GradientError, OptionError, UnknownNameError
from tests.compiler.backends import JAX, NATIVE


def own(rule: Any, **options: Any) -> Operation:
    """Add an operation, which is removed after the test."""
    return sg.operation(name="mine", **options)(rule)


BY_DESIGN = {
    "stop_gradient",  # a derivative of 0, whatever the value does
    "where",  # a condition is not a number with a derivative
    "clamp",  # bounds that cross each other
    "hardtanh",
}
ROWS = [op.name for op in TABLE.values() if not op.over_list and op.name not in BY_DESIGN]


@pytest.mark.parametrize("name", ROWS)
def test_it_accepts_the_rows_of_the_table(name: str) -> None:
    report = check_operation(name, points=10)
    assert report, str(report)


@pytest.mark.parametrize("backend", [NATIVE, JAX])
def test_it_compares_with_every_backend(backend: Any) -> None:
    mine = own(lambda m, x, y: m.where(x < y, m.tanh(x * y), x), kinks=lambda m, x, y: (x - y,))
    assert check_operation(mine, backends=[backend])


def test_a_wrong_derivative_is_found_at_a_point_and_an_operand() -> None:
    wrong = [None, lambda m, o, x, y: m.exp(y)]
    report = check_operation(own(lambda m, x, y: x * m.exp(y), derivative=wrong))
    assert not report
    assert all("its derivative by y is" in problem for problem in report.problems)
    assert "by central difference" in str(report)


def test_a_wrong_second_derivative_is_found() -> None:
    rule = lambda m, o, x: m.stop_gradient(2.0 * x)  # noqa: E731
    (problem,) = check_operation(own(lambda m, x: x * x, derivative=rule)).problems
    assert "its second derivative by x and x is 0 by its rule, 2" in problem


def test_second_derivatives_of_a_wrong_first_one_are_not_looked_at() -> None:
    rule = lambda m, o, x: m.stop_gradient(3.0 * x)  # noqa: E731
    (problem,) = check_operation(own(lambda m, x: x * x, derivative=rule)).problems
    assert "its derivative by x is" in problem


def test_one_backend_may_be_given_by_its_name() -> None:
    assert check_operation(own(lambda m, x: x * x), backends="numpy")


def test_a_kink_that_is_not_announced_is_found_where_it_is() -> None:
    (problem,) = check_operation(own(lambda m, x: m.maximum(x, 1.25))).problems
    assert "jumps from 0 to 1: give kinks=lambda m, x: (x - 1.25,)" in problem


def test_a_kink_that_is_announced_is_right() -> None:
    assert check_operation(own(lambda m, x: m.maximum(x, 1.25), kinks=lambda m, x: (x - 1.25,)))


def test_a_jump_of_the_value_is_found() -> None:
    (problem,) = check_operation(own(lambda m, x: m.where(x > 0.5, 1.0 + x, x))).problems
    assert "its value jumps from 0.5 to 1.5" in problem


def test_a_domain_that_is_missing_is_found() -> None:
    (problem,) = check_operation(own(lambda m, x: m.log(x))).problems
    assert "is nan, inside its domain: give domain=" in problem


def test_a_domain_that_is_given_is_kept_to() -> None:
    assert check_operation(own(lambda m, x: m.log(x) * m.sqrt(x), domain=(0.0, sg.inf)))


def test_an_exception_at_a_special_number_is_found() -> None:
    rule = lambda m, o, x: -o * (x / x) if type(x) is float else -o  # noqa: E731
    (problem,) = check_operation(own(lambda m, x: m.exp(-x), derivative=rule)).problems
    assert problem.startswith("mine(x=0) raises ZeroDivisionError")


def test_a_rule_that_floats_and_graphs_do_not_share_is_found() -> None:
    rule = lambda m, o, x: o if type(x) is float else 2.0 * o  # noqa: E731
    (problem,) = check_operation(own(lambda m, x: m.exp(x), derivative=rule)).problems
    assert "not the same for floats and graphs" in problem


def test_it_raises_when_it_is_asked_to() -> None:
    with pytest.raises(GradientError, match="mine: 1 problem at 25 points"):
        check_operation(own(lambda m, x: m.maximum(x, 1.25)), raises=True)


def test_what_it_does_not_take() -> None:
    with pytest.raises(OptionError, match="operations of single numbers: sum has a list"):
        check_operation("sum")
    with pytest.raises(UnknownNameError, match="'tanhh' exists; did you mean 'tanh'"):
        check_operation("tanhh")
    with pytest.raises(OptionError, match="away from its kinks"):
        check_operation(own(lambda m, x: x * x, kinks=lambda m, x: (0.0 * x,)))
