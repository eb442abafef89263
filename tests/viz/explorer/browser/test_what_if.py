"""What if, in a browser: the page computes the engine's numbers; the promise and the truth."""

import math
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import pytest

import viz
from scalargrad import Value, operation
from scalargrad.core.graph import topological
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE, Op
from tests.core.points import points
from tests.viz.explorer.browser.conftest import Opened
from tests.viz.graphs import neuron

Show = Callable[..., Any]
EDGES = (0.0, -1.0, 3.0, 800.0)
OPERATIONS_OF_A_PAGE = 9


def made(op: Op, numbers: tuple[float, ...]) -> tuple[Value, list[Value]]:
    leaves = [Value(x, label=f"x{i}") for i, x in enumerate(numbers)]
    root = apply(op, *leaves)
    root.backward()
    return root, leaves


def same(text: str, number: float) -> bool:
    found = float(text)
    if math.isnan(number):
        return math.isnan(found)
    return found == number or math.isclose(found, number, rel_tol=2e-12, abs_tol=1e-290)


@pytest.fixture(scope="module")
def operations(keep: Callable[..., Opened]) -> Callable[[Op], tuple[Opened, list[int]]]:
    """Find an operation in a page of many: the page, and where its operands and its result are.

    To open a page takes longer than to compute an operation in it.
    """
    names = list(TABLE)

    @cache
    def open_some(start: int) -> tuple[Opened, dict[str, list[int]]]:
        some = names[start : start + OPERATIONS_OF_A_PAGE]
        graphs = {name: made(TABLE[name], points(TABLE[name], count=1)[0]) for name in some}
        total = Value(0.0)
        for root, _ in graphs.values():
            total = total + root
        total.backward()
        order = {node: i for i, node in enumerate(topological([total]))}
        places = {
            name: [order[x] for x in (*leaves, root)] for name, (root, leaves) in graphs.items()
        }
        page = keep(f"operations from {start}", lambda: viz.explore(total))
        # Behind another tab a page computes, but paints nothing.
        page.tab.context.pages[0].bring_to_front()
        return page, places

    def find(op: Op) -> tuple[Opened, list[int]]:
        at = names.index(op.name)
        page, places = open_some(at - at % OPERATIONS_OF_A_PAGE)
        return page, places[op.name]

    return find


@pytest.mark.parametrize("op", TABLE.values(), ids=list(TABLE))
def test_every_operation_is_computed_as_the_engine_does(
    operations: Callable[[Op], tuple[Opened, list[int]]], op: Op
) -> None:
    page, (*leaves, root) = operations(op)
    inside = points(op, count=6)
    size = len(inside[0])
    edges = (
        [*product(EDGES, repeat=size)]
        if size <= 2
        else [tuple((EDGES * 2)[i : i + size]) for i in range(5)]
    )
    moments, expected = [], []
    for numbers in [*inside[1:], *edges]:
        moved = zip(leaves, numbers, strict=True)
        changes = "+".join(f"{i}:{x!r}" for i, x in moved)
        result, operands = made(op, numbers)
        for i, value in zip((root, *leaves), (result, *operands), strict=True):
            moments.append(f"value={i}&what-if={changes}")
            expected.append((numbers, value.data, value.grad))
    for found, (numbers, data, gradient) in zip(page.follow(*moments), expected, strict=True):
        assert same(found[0], data), (numbers, found, data)
        assert same(found[1], gradient), (numbers, found, gradient)
    assert page.said == []


def test_an_own_operation_is_computed_as_the_engine_does(show: Show) -> None:
    @operation(symbol="bump")
    def bump(m: Any, x: Any, width: Any = 1.0) -> Any:
        return m.where(x <= 0.0, 1.0 + m.tanh(x), m.exp(-(x * x) * width))

    op = TABLE[bump.__name__]
    root, leaves = made(op, (0.5, 2.0))
    order = {node: i for i, node in enumerate(topological([root]))}
    places = [order[leaf] for leaf in leaves]
    page = show(viz.explore(root), "value=0")
    for numbers in [(0.75, 1.5), (-0.25, 2.0), (0.0, 3.0), (800.0, 1.0)]:
        moved = zip(places, numbers, strict=True)
        changes = "+".join(f"{i}:{x!r}" for i, x in moved)
        result, operands = made(op, numbers)
        moments = [f"value={i}&what-if={changes}" for i in (order[root], *places)]
        values = zip(page.follow(*moments), (result, *operands), strict=True)
        assert all(same(data, v.data) and same(slope, v.grad) for (data, slope), v in values)


def test_the_promise_and_the_truth(show: Show) -> None:
    root = neuron()
    page = show(viz.explore(root), "value=1&what-if=1:-2.9")
    assert page.text("#panel h2") == "w1"
    assert page.text("#promised") == "0.1"
    truth = math.tanh(2 * -2.9 + 6.8813735870195432) - root.data
    assert page.text("#true-change") == viz.look.text.number(truth)


def changed_since() -> Value:
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b + 10.0
    c.label = "c"
    c.backward()
    a.data = 3.5
    return c


def test_a_leaf_that_was_changed_since_is_where_the_change_begins(show: Show) -> None:
    page = show(viz.explore(changed_since()), "value=0")
    assert page.text("#panel h2") == "a"
    assert page.text("#promised") == page.text("#true-change") == "0"
    page.tab.fill("#drag-number", "4.5")
    page.press("Tab")
    assert page.text("#promised") == page.text("#true-change") == "−3"


def test_a_page_says_that_numbers_have_changed_since_they_were_computed(show: Show) -> None:
    page = show(viz.explore(changed_since()))
    assert "a × b is −6, but its operands now give −10.5. The gradients" in page.text("#stale")
    page = show(viz.explore(neuron()))
    assert page.tab.locator("#stale").count() == 0


@pytest.mark.parametrize("typed", ["-2.5", "−2.5", "−2,5", " –2.5 "])
def test_a_number_is_read_as_people_type_it(show: Show, typed: str) -> None:
    page = show(viz.explore(neuron()), "value=1")
    page.tab.fill("#drag-number", typed)
    page.press("Tab")
    assert page.text(".numbers code >> nth=0").strip() == "-2.5"


def test_dragging_and_putting_back(show: Show) -> None:
    page = show(viz.explore(neuron()), "value=1")
    page.tab.fill("#drag-number", "−2")
    page.press("Tab")
    assert page.tab.locator(".moved").count() == 1
    assert page.text(".numbers code >> nth=0").strip() == "-2.0"
    page.tab.evaluate(
        "const s = document.querySelector('#drag');"
        "s.value = -4.5; s.dispatchEvent(new Event('input'))"
    )
    assert page.text(".numbers code >> nth=0").strip() == "-4.5"
    assert "what-if=1%3A-4.5" in page.moment()
    page.go(page.moment())
    page.tab.click("#reset")
    assert page.text(".numbers code >> nth=0").strip() == "-3.0"
    assert page.tab.locator(".moved").count() == 0


def test_a_value_made_by_hand_is_not_computed_again(show: Show) -> None:
    x = Value(2.0, label="x")
    y = Value(10.0, (x,), "my rule", partials=[5.0])
    y.backward()
    page = show(viz.explore(y), "value=1")
    assert "Made by hand" in page.text("#panel")
    assert page.follow("value=0&what-if=0:3") == [["3.0", "5.0"]]
