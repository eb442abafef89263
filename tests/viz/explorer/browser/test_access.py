"""The rules of accessibility that a program can check, by axe-core."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

import viz
from scalargrad import nn
from tests.viz.explorer.browser.reach import POINTS, SIGNS, Show
from tests.viz.explorer.test_block_views import tower
from tests.viz.explorer.test_page import recording
from tests.viz.graphs import network, neuron

OpenTab = Callable[..., Any]


def training() -> viz.Page:
    """A page that trains a network with two inputs."""
    model = nn.MLP(2, [4, 3, 1], activation="tanh", seed=0)
    return viz.explore(model, data=(POINTS, SIGNS), train=True)


def training_with_images() -> viz.Page:
    """A page that trains with images of 4 × 4 pixels, of three classes."""
    pixels = numpy.random.default_rng(0).uniform(0.0, 1.0, (30, 16))
    answers = [k % 3 for k in range(30)]
    model = nn.MLP(16, [6, 3], activation="relu", seed=0)
    return viz.explore(model, data=(pixels, answers), loss="cross_entropy", train=True)


PAGES: dict[str, Callable[[], viz.Page]] = {
    "cards": lambda: viz.explore(neuron()),
    "boxes": lambda: viz.explore(network([4, 1])),
    "recorded": lambda: viz.explore(recording([3, 1], epochs=12)),
    "blocks": lambda: viz.explore(tower(), level="blocks"),
    "trains": training,
    "images": training_with_images,
}
MOMENTS = [
    ("cards", ""),
    ("cards", "value=2"),
    ("cards", "value=1&what-if=1:-2"),
    ("boxes", "step=4"),
    ("boxes", "predict=yes"),
    ("recorded", ""),
    ("recorded", "frame=8&compare=3&value=5"),
    ("blocks", "block=b1"),
    ("trains", ""),
    ("trains", "neuron=0.1&colors=gradients"),
    ("trains", "data=moons&noise=0.2&points=100&seed=0&test=0.3"),
    ("trains", "level=scalars"),
    ("trains", "level=scalars&value=9&fills=data"),
    ("trains", "level=scalars&step=4"),
    ("images", ""),
    ("images", "neuron=1.2"),
]
RULES_OF_COLORS = ["color-contrast", "link-in-text-block"]
"""All rules of axe whose verdict depends on the theme."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["wide", "phone"])
def test_there_are_no_violations(
    open_tab: OpenTab, tmp_path: Path, size: tuple[int, int], theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    options = {"resultTypes": ["violations"]}
    if theme == "dark":
        options["runOnly"] = RULES_OF_COLORS
    width, height = size
    # The policy of the page does not know the script that checks it.
    tab = open_tab(theme, bypass_csp=True)
    tab.set_viewport_size({"width": width, "height": height})
    found = []
    paths = {name: make().save(tmp_path / f"{name}.html") for name, make in PAGES.items()}
    for name, moment in MOMENTS:
        tab.goto("about:blank")
        tab.goto(f"{paths[name].as_uri()}#{moment}")
        tab.wait_for_selector("body[data-ready]")
        if tab.is_visible("#menu"):
            tab.click("#menu")
        if name == "trains" and "level" in moment:
            tab.click("#train-step")
        for violation in axe.run(tab, options=options).response["violations"]:
            found += [
                (name, moment, violation["id"], node["target"]) for node in violation["nodes"]
            ]
    tab.close()
    assert found == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_opens_over_a_page_that_trains_has_no_violations(
    open_tab: OpenTab, tmp_path: Path, theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab = open_tab(theme, bypass_csp=True)
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.goto(training().save(tmp_path / "trains.html").as_uri())
    tab.wait_for_selector("body[data-ready]")
    found = []
    for selector in ("#settings-toggle", "#help", "#python"):
        tab.click(selector)
        found += [violation["id"] for violation in axe.run(tab).response["violations"]]
        if tab.is_visible("#dialog"):
            tab.keyboard.press("Escape")
    tab.close()
    assert found == []


def test_boxes_are_named_by_their_texts(show: Show) -> None:
    tab = show(viz.explore(network([16, 16, 1]))).tab
    button = tab.get_by_role("button", name="layers.0")
    assert button.first.get_attribute("aria-expanded") == "false"
    button.first.press("Enter")
    assert button.first.get_attribute("aria-expanded") == "true"
