"""The level of blocks in a page: a box, its calls, a cell, and the ways back."""

from collections.abc import Callable
from functools import cache
from typing import Any

import scalargrad as sg
import viz
from scalargrad import Parameter
from tests.viz.explorer.browser.conftest import moment_of, resize, wait_for_layout
from tests.viz.explorer.test_block_views import tower

Show = Callable[..., Any]


@cache
def page() -> viz.Page:
    return viz.explore(tower(), level="blocks")


def choose(tab: Any, title: str) -> None:
    """Choose a box by its name."""
    tab.locator(f".block[aria-label*='{title}']").first.press("Enter")


def level_of(tab: Any) -> str:
    return str(tab.evaluate("document.body.dataset.level"))


def test_a_box_is_chosen_with_the_keyboard_and_kept_in_the_address(show: Show) -> None:
    opened = show(page())
    choose(opened.tab, "mix")
    assert "return [mix(row, x) for row in matrix]" in opened.text("#panel")
    again = opened.go(opened.moment())
    assert again.tab.locator(".block.chosen").count() == 1
    again.press("Escape")
    assert again.tab.locator(".block.chosen").count() == 0


def test_a_call_is_opened_and_the_browser_leads_back(show: Show) -> None:
    opened = show(page())
    tab = opened.tab
    choose(tab, "mix")
    opened.press("Enter", "Enter")
    assert level_of(tab) == "scalars"
    assert tab.locator("[aria-expanded=true]").count() > 0
    assert opened.text("#way") == "‹ blocks · mix"
    tab.go_back()
    tab.wait_for_function("document.body.dataset.level === 'blocks'")
    assert "level" not in moment_of(tab)
    assert tab.locator(".block.chosen:focus").count() == 1


def test_a_cell_leads_to_its_value_and_escape_back(show: Show) -> None:
    opened = show(page())
    tab = opened.tab
    cell = tab.locator("[data-map] > rect").first
    bounds = cell.bounding_box()
    tab.mouse.click(bounds["x"] + bounds["width"] / 8, bounds["y"] + bounds["height"] / 8)
    assert level_of(tab) == "scalars"
    assert "Why this gradient?" in opened.text("#panel")
    opened.press("Escape", "Escape")
    assert level_of(tab) == "blocks"


def test_a_link_leads_to_the_scalars_below_the_blocks(show: Show) -> None:
    opened = show(page(), "level=scalars&value=3")
    assert opened.tab.is_visible("#drawing")
    assert not opened.tab.is_visible("#blocks")


def test_blocks_are_never_wider_than_the_page(show: Show) -> None:
    tab = show(page()).tab
    for width in (1440, 840, 390):
        resize(tab, width, 844)
        wait_for_layout(tab)
        place = "document.getElementById('blocks')"
        assert tab.evaluate(f"{place}.scrollWidth <= {place}.clientWidth")


def test_the_colors_of_blocks_follow_the_theme_of_the_page(show: Show) -> None:
    tab = show(page()).tab
    script = "getComputedStyle(document.querySelector('.block rect')).fill"
    light = tab.evaluate(script)
    tab.click("#theme")
    assert tab.evaluate(script) != light


def test_a_box_that_is_alone_begins_open(show: Show) -> None:
    def whole(weights: list[Parameter]) -> Any:
        total: Any = sum(w.tanh() for w in weights)
        return total

    with sg.trace_calls():
        loss = whole([Parameter(0.1 * i) for i in range(60)])
    tab = show(viz.explore(loss, level="scalars")).tab
    assert tab.locator("[aria-expanded=true]").count() == 1
