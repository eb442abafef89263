"""Two moments of a training in the page, compared in every scalar."""

from collections.abc import Callable
from typing import Any

import pytest

from scalargrad import Value, nn
from scalargrad.losses import mse
from tests.viz.explorer.browser.reach import POINTS, SIGNS, InThePage
from viz.look.text import number
from viz.model.snapshot import Snapshot

Show = Callable[..., Any]

STEPS = 20


def network() -> nn.MLP:
    return nn.MLP(2, [3, 1], activation="tanh", seed=3)


def in_scalars(show: Show) -> InThePage:
    page = InThePage(show, network(), POINTS, SIGNS, batch_size=None)
    page.tab.click("[data-level=scalars]")
    return page


def train(page: InThePage, steps: int) -> None:
    for _ in range(steps):
        page.tab.click("#train-step")


def compare(page: InThePage, name: str) -> None:
    page.tab.select_option("#compare", name)


def select_weight(page: InThePage) -> int:
    """Select the weight that the network shows first, and return its place in the graph."""
    weight = int(page.tab.evaluate("() => sessionOfPage().weight"))
    page.tab.evaluate("(i) => selectOfPage(i)", weight)
    return weight


def is_compared(page: InThePage) -> bool:
    return "minus" in page.tab.inner_text("#caption")


def numbers_of(model: nn.Module, sample: int) -> list[tuple[float, float]]:
    """Data and gradient of each value of the graph of a sample, in the order of the page."""
    point = [Value(float(x)) for x in POINTS[sample]]
    loss = mse(model(point), Value(SIGNS[sample]))
    model.zero_grad()
    loss.backward()
    return [(value.data, value.grad) for value in Snapshot([loss]).order]


def differences_shown(page: InThePage) -> list[list[float]]:
    script = (
        "() => { const shown = shownOfPage(); return [[...shown.data], [...shown.gradients]]; }"
    )
    return [list(pair) for pair in zip(*page.tab.evaluate(script), strict=True)]


@pytest.mark.parametrize("sample", [0, 7])
def test_the_differences_are_those_of_python(show: Show, sample: int) -> None:
    model = network()
    before = numbers_of(model, sample)
    page = in_scalars(show)
    page.fit(model, epochs=STEPS)
    after = numbers_of(model, sample)

    compare(page, "start")
    page.tab.evaluate("(k) => playground.chooseSample(k)", sample)
    train(page, STEPS)
    changes = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(before, after, strict=True)]
    shown = differences_shown(page)
    for found, expected in zip(shown, changes, strict=True):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert f"step {STEPS} minus step 0" in page.tab.inner_text("#caption")


def test_the_panel_has_both_moments_and_the_change(show: Show) -> None:
    page = in_scalars(show)
    train(page, 3)
    compare(page, "start")
    parameter = select_weight(page)
    now = page.run("(trainer, i) => trainer.numbers[i]", parameter)
    then = page.tab.evaluate("(i) => sessionOfPage().start.numbers[i]", parameter)
    head = page.tab.locator(".numbers thead th").all_inner_texts()
    assert head[-3:] == ["step 0", "step 3", "change"]
    cells = page.tab.locator(".numbers tbody tr").first.locator("td").all_inner_texts()
    assert cells == [number(then), number(now), number(now - then)]


def test_a_moment_of_the_curve_is_kept_and_compared_with_now(show: Show) -> None:
    page = InThePage(show, network(), POINTS, SIGNS, batch_size=None)
    train(page, 4)
    assert not page.tab.is_visible("#compare-with-now")
    page.opened.press(",", ",")
    page.tab.click("#compare-with-now")
    assert page.tab.is_visible("#scalars")
    assert not page.tab.is_visible("#to-now")
    assert "step 4 minus step 2" in page.tab.inner_text("#caption")
    compare(page, "start")
    assert "step 4 minus step 0" in page.tab.inner_text("#caption")
    compare(page, "kept")
    assert "step 4 minus step 2" in page.tab.inner_text("#caption")
    compare(page, "nothing")
    assert not is_compared(page)


def test_a_comparison_lasts_while_the_training_runs_and_ends_with_it(show: Show) -> None:
    page = in_scalars(show)
    compare(page, "here")
    page.tab.click("#train")
    page.tab.wait_for_selector("#count-steps:text-matches('[0-9]{2}')")
    page.tab.click("#train")
    steps = page.run("(trainer) => trainer.steps")
    assert steps > 1
    assert f"step {steps} minus step 0" in page.tab.inner_text("#caption")
    assert any(data for data, _ in differences_shown(page))
    page.tab.click("#train-reset")
    assert not is_compared(page)
    assert page.tab.input_value("#compare") == "nothing"
    assert page.tab.locator("#compare option[value=kept]").get_attribute("hidden") is not None


@pytest.mark.parametrize(
    "end", ["() => playground.removeSample(3)", "() => playground.holdOut(0.3)"]
)
def test_other_samples_end_a_comparison(show: Show, end: str) -> None:
    page = in_scalars(show)
    train(page, 2)
    compare(page, "start")
    assert is_compared(page)
    page.tab.evaluate(end)
    assert not is_compared(page)


def test_a_number_moved_by_hand_ends_a_comparison(show: Show) -> None:
    page = in_scalars(show)
    train(page, 2)
    compare(page, "start")
    select_weight(page)
    page.tab.fill("#drag-number", "1.5")
    page.opened.press("Enter")
    assert page.tab.input_value("#compare") == "nothing"


def test_the_address_compares_with_the_start(show: Show) -> None:
    page = in_scalars(show)
    train(page, 2)
    compare(page, "start")
    address = page.tab.evaluate("location.hash")
    assert "compare=0" in address
    page.opened.go(address.removeprefix("#"))
    assert "step 0 minus step 0" in page.tab.inner_text("#caption")
    train(page, 1)
    assert "step 1 minus step 0" in page.tab.inner_text("#caption")
    page.opened.follow("level=scalars")
    assert not is_compared(page)
