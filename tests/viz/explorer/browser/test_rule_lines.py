"""The rules of the operations as formulas, with the numbers of the case at hand."""

from collections.abc import Callable
from typing import Any

import pytest

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.core.graph import topological

Show = Callable[..., Any]
Keep = Callable[..., Any]
Case = tuple[Callable[[Value], Value], list[str]]

X = 0.5
CASES: list[Case] = [
    (lambda x: (x - 2.47) ** 2, ["∂o∂x=2·x=2·(−1.97)=−3.94"]),
    (lambda x: x**3, ["∂o∂x=3·x2=3·0.52=0.75"]),
    (lambda x: x**-1, ["∂o∂x=−1x2=−10.52=−4"]),
    (sg.tanh, ["∂o∂x=1−o2=1−0.4622=0.786"]),
    (sg.sigmoid, ["∂o∂x=o·(1−o)=0.622·(1−0.622)=0.235"]),
    (sg.exp, ["∂o∂x=o=1.65"]),
    (sg.log, ["∂o∂x=1x=10.5=2"]),
    (sg.sin, ["∂o∂x=cos(x)=cos(0.5)=0.878"]),
    (sg.cos, ["∂o∂x=−sin(x)=−sin(0.5)=−0.479"]),
    (lambda x: sg.sqrt(x), ["∂o∂x=12·o=12·0.707=0.707"]),
    (lambda x: x * Value(-3.0, label="w"), ["∂o∂x=w=−3", "∂o∂w=x=0.5"]),
    (lambda x: x / Value(4.0, label="w"), ["∂o∂x=1w=14=0.25", "∂o∂w=−ow=−0.1254=−0.0313"]),
    (lambda x: sg.relu(x), ["∂o∂x=1on: its operand is above 0".replace(" ", "")]),
    (lambda x: sg.relu(-x), ["∂o∂x=0off: its operand is not above 0".replace(" ", "")]),
    (
        lambda x: sg.maximum(x, Value(2.0, label="w")),
        ["∂o∂x=0itisnotthelargerone", "∂o∂w=1itisthelargerone"],
    ),
    (lambda x: sg.dot([x], [Value(3.0, label="w")]), ["∂o∂x=y=3", "∂o∂w=y=0.5"]),
]


@pytest.fixture(scope="module")
def lines(keep: Keep) -> Callable[[int], list[str]]:
    """The formulas of a case in a page of all, each as its text without the invisible signs."""
    roots = [make(Value(X, label="x")) for make, _ in CASES]
    for root in roots:
        root.backward()
    page = keep("cases", lambda: viz.explore(roots))
    order = {node: i for i, node in enumerate(topological(roots))}

    def read(case: int) -> list[str]:
        page.visit(f"value={order[roots[case]]}")
        texts = page.tab.locator("#panel > .rule").all_text_contents()
        return ["".join(text.split()).replace("\u2061", "") for text in texts]

    return read


@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_rule_is_written_with_the_numbers_at_hand(
    lines: Callable[[int], list[str]], case: int
) -> None:
    _, expected = CASES[case]
    assert lines(case) == expected


def test_a_sum_says_that_it_passes_its_gradient_on(show: Show) -> None:
    root = Value(1.0, label="x") + Value(2.0, label="y")
    root.backward()
    page = show(viz.explore(root), "value=2")
    assert "passes its gradient on to each operand" in page.text("#panel")


def test_a_derivative_that_was_given_by_hand_is_told_as_it_is(show: Show) -> None:
    x = Value(0.5, label="x")
    y = sg.tanh(x)
    y.partials = (7.0,)
    y.backward()
    page = show(viz.explore(y), "value=1")
    assert "".join(page.tab.locator("#panel > .rule").all_text_contents()) == "∂o∂x=7"


def test_the_rule_follows_a_leaf_that_is_moved(show: Show) -> None:
    x = Value(0.5, label="x")
    y = x**2
    y.backward()
    page = show(viz.explore(y), "value=0&what-if=0:-3")
    assert "(−3)" in page.tab.locator(".rules .rule").first.text_content()


def test_predict_gives_the_rule_with_its_numbers(show: Show) -> None:
    error = Value(-1.97, label="error")
    loss = error**2
    loss.backward()
    page = show(viz.explore(loss))
    page.press("p")
    page.tab.fill("[data-answer='0']", "17")
    page.press("Enter")
    verdict = page.tab.locator("#verdict").text_content()
    assert "2·x=2·(−1.97)=−3.94" in verdict
    assert "log" not in verdict


def test_operations_without_labels_are_called_by_what_they_are_made_of(show: Show) -> None:
    x, w, b = (Value(x, label=label) for x, label in ((2.0, "x"), (3.0, "w"), (1.0, "b")))
    root = (x * w + b).tanh()
    root.backward()
    page = show(viz.explore(root))
    page.press("p")
    names = page.tab.locator(".answers th b").all_inner_texts()
    assert names == ["x·w + b", "b", "x·w", "w", "x"]
