"""The rules of accessibility that a program can check, by axe-core."""

from collections.abc import Callable
from typing import Any

import pytest

import viz
from tests.viz.explorer.test_page import recording
from tests.viz.graphs import network, neuron

PAGES: dict[str, Callable[[], viz.Page]] = {
    "cards": lambda: viz.explore(neuron()),
    "boxes": lambda: viz.explore(network([4, 1])),
    "recorded": lambda: viz.explore(recording([3, 1], epochs=12)),
}
MOMENTS = [
    ("cards", ""),
    ("cards", "value=2"),
    ("cards", "value=1&what-if=1:-2"),
    ("boxes", "step=4"),
    ("boxes", "predict=yes"),
    ("recorded", ""),
    ("recorded", "frame=8&compare=3&value=5"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["wide", "phone"])
def test_there_are_no_violations(
    browser: Any, tmp_path: Any, size: tuple[int, int], theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    width, height = size
    # The checks are a script of their own, which the policy of the page does not know.
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        bypass_csp=True,
        reduced_motion="reduce",
    )
    tab = context.new_page()
    found = []
    paths = {name: make().save(tmp_path / f"{name}.html") for name, make in PAGES.items()}
    for name, moment in MOMENTS:
        tab.goto("about:blank")
        tab.goto(f"{paths[name].as_uri()}#{moment}")
        tab.wait_for_selector("body[data-ready]")
        if tab.is_visible("#menu"):
            tab.click("#menu")
        for violation in axe.run(tab).response["violations"]:
            found += [
                (name, moment, violation["id"], node["target"]) for node in violation["nodes"]
            ]
    context.close()
    assert found == []


def test_boxes_are_named_by_their_texts(browser: Any, tmp_path: Any) -> None:
    tab = browser.new_page()
    tab.goto(viz.explore(network([16, 16, 1])).save(tmp_path / "a.html").as_uri())
    tab.wait_for_selector("body[data-ready]")
    button = tab.get_by_role("button", name="layers.0")
    assert button.first.get_attribute("aria-expanded") in ("true", "false")
    tab.close()
