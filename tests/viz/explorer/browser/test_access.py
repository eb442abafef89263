"""The rules of accessibility that a program can check, by axe-core."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

import viz
from scalargrad import data, nn
from tests.viz.explorer.test_page import recording
from tests.viz.graphs import network, neuron

POINTS, CLASSES = data.moons(40, noise=0.1, seed=1)


def training() -> viz.Page:
    """A page that trains a network with two inputs."""
    model = nn.MLP(2, [4, 3, 1], activation="tanh", seed=0)
    return viz.explore(model, data=(POINTS, 2.0 * CLASSES - 1.0), train=True)


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
    ("trains", ""),
    ("trains", "neuron=0.1&colors=gradients"),
    ("trains", "data=moons&noise=0.2&points=100&seed=0&test=0.3"),
    ("trains", "level=scalars"),
    ("trains", "level=scalars&value=9&fills=data"),
    ("trains", "level=scalars&step=4"),
    ("images", ""),
    ("images", "neuron=1.2"),
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
        if name == "trains" and "level" in moment:
            tab.click("#train-step")
        for violation in axe.run(tab).response["violations"]:
            found += [
                (name, moment, violation["id"], node["target"]) for node in violation["nodes"]
            ]
    context.close()
    assert found == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_opens_over_a_page_that_trains_has_no_violations(
    browser: Any, tmp_path: Any, theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme=theme, bypass_csp=True
    )
    tab = context.new_page()
    tab.goto(training().save(tmp_path / "trains.html").as_uri())
    tab.wait_for_selector("body[data-ready]")
    found = []
    for selector in ("#settings-toggle", "#help", "#python"):
        tab.click(selector)
        found += [violation["id"] for violation in axe.run(tab).response["violations"]]
        if tab.is_visible("#dialog"):
            tab.keyboard.press("Escape")
    context.close()
    assert found == []


def test_boxes_are_named_by_their_texts(browser: Any, tmp_path: Any) -> None:
    tab = browser.new_page()
    tab.goto(viz.explore(network([16, 16, 1])).save(tmp_path / "a.html").as_uri())
    tab.wait_for_selector("body[data-ready]")
    button = tab.get_by_role("button", name="layers.0")
    assert button.first.get_attribute("aria-expanded") in ("true", "false")
    tab.close()
