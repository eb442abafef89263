"""Predict mode in a browser: it names the first wrong step, and the rule that was missed."""

from collections.abc import Callable
from typing import Any

import pytest

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.core.graph import topological
from tests.viz.graphs import neuron

Show = Callable[..., Any]


def answer(page: Any, root: Value, **answers: str) -> None:
    labels = {node.label: i for i, node in enumerate(topological([root]))}
    for label, text in answers.items():
        page.tab.fill(f'[data-answer="{labels[label]}"]', text)
    page.tab.click("button.main")


def test_gradients_are_hidden_until_they_are_found(show: Show) -> None:
    root = neuron()
    page = show(viz.explore(root))
    page.press("p")
    hidden = [page.tab.get_attribute(f"#v{i}", "aria-label") for i in range(9)]
    assert all(text.endswith("gradient hidden") for text in hidden)
    assert "−1.5" not in page.text("body")
    answer(page, root, n="0.5", b="1/2")
    assert page.text("#verdict") == "All 2 right, 7 to go."
    page.tab.get_by_text("show me").click()
    assert page.tab.get_attribute("#v0", "aria-label").endswith("gradient −1.5")


def two_uses() -> Value:
    a = Value(3.0, label="a")
    b = a * 2.0
    b.label = "b"
    root = b * b + a
    root.backward()
    return root


def curve() -> Value:
    x = Value(0.7, label="x")
    y = sg.tanh(x)
    y.label = "y"
    root = y * 3.0
    root.backward()
    return root


@pytest.mark.parametrize(
    ("make", "answers", "first", "rule"),
    [
        (neuron, {"n": "0.5", "b": "0.5", "x1": "1.5"}, "x1", "the sign"),
        (neuron, {"n": "0.5", "x1": "-3"}, "x1", "the chain rule"),
        (neuron, {"x1": "1"}, "x1", "the product rule"),
        (neuron, {"n": "0.5", "w1": "0.5"}, "w1", "the local derivative"),
        (two_uses, {"b": "12", "a": "1"}, "a", "the sum over all uses"),
        (two_uses, {"b": "6"}, "b", "the sum over all uses"),
        (curve, {"y": "3", "x": str(3 * (1 - 0.7**2))}, "x", "in terms of the result o"),
        (curve, {"x": "17"}, "x", "The rule of tanh"),
        (curve, {"x": "seven"}, "x", "not a number"),
    ],
)
def test_the_missed_rule_is_named(
    show: Show, make: Callable[[], Value], answers: dict[str, str], first: str, rule: str
) -> None:
    root = make()
    page = show(viz.explore(root))
    page.tab.click("#predict")
    answer(page, root, **answers)
    assert f"The first wrong step is {first}." in page.text("#verdict")
    assert rule in page.text("#verdict")
    assert page.tab.locator(".node.wrong").count() == 1


def test_the_first_wrong_step_is_that_nearest_to_the_output(show: Show) -> None:
    root = neuron()
    page = show(viz.explore(root))
    page.tab.click("#predict")
    answer(page, root, x1="9", w1="9", n="9")
    assert "The first wrong step is n." in page.text("#verdict")
