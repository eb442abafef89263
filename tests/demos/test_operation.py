"""The operation of the demo: its numbers against mpmath, and the sign that the check finds."""

from collections.abc import Callable

import mpmath
import pytest

from demos import operation
from scalargrad.core.custom_operations import own_operations
from tests.demos.conftest import Told
from tests.demos.page import files_of


def test_its_numbers_against_high_precision(told: Callable[[str], Told]) -> None:
    ran = told("operation")
    numbers = dict(ran.story.numbers)
    names = ("snake(0.75)", "its derivative", "its second derivative")
    for order, name in enumerate(names):
        expected = float(mpmath.diff(lambda x: x + mpmath.sin(x) ** 2, 0.75, order))
        assert float(numbers[name]) == pytest.approx(expected, abs=5e-5)
    assert float(numbers["compiled, largest difference"]) < 1e-14
    assert ran.files == files_of(ran.story)


def test_the_check_finds_the_wrong_sign_and_not_the_right_rules(
    told: Callable[[str], Told],
) -> None:
    numbers = dict(told("operation").story.numbers)
    assert numbers["the check of the operation"] == "snake: no problem at 25 points"
    assert "its derivative by x is" in numbers["the check of a wrong derivative"]


def test_the_rule_that_is_not_wrong_is_right() -> None:
    made = operation.define()
    by_hand = operation.define_wrongly()
    (_, by_a), (_, expected) = (
        operation.compile(lambda row, f=f: f(row[0], row[1]), inputs=[2])
        .jacobian([[0.75, 1.5]])[0]
        .ravel()
        for f in (by_hand, made)
    )
    assert by_a == pytest.approx(expected, rel=1e-12)
    assert own_operations() == ["snake", "wrong_snake"]
