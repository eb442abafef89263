"""Every scalar of a page that trains, one level below its network, and the way back."""

from collections.abc import Callable
from typing import Any

import pytest

import viz
from scalargrad import nn
from scalargrad.losses import mse
from tests.viz.explorer.browser.conftest import moment_of, resize
from tests.viz.explorer.browser.reach import POINTS, SIGNS, InThePage
from tests.viz.graphs import network
from viz import Page
from viz.look.text import number

Show = Callable[..., Any]
Keep = Callable[..., Any]


def model(*sizes: int) -> nn.Module:
    return nn.MLP(2, list(sizes) or [3, 2, 1], activation="tanh", seed=0)


def page_of(*sizes: int) -> Page:
    return viz.explore(model(*sizes), data=(POINTS, SIGNS), train=True)


def go_to(tab: Any, level: str) -> None:
    tab.click(f"#level-switch [data-level={level}]")


def pressed_colors(tab: Any) -> str:
    pressed = tab.locator("#color-switch [aria-pressed=true]")
    assert pressed.count() == 1
    return str(pressed.get_attribute("data-colors"))


def numbers_of_network(tab: Any) -> list[str]:
    return [str(text) for text in tab.locator(".neuron .value").all_inner_texts()]


def test_the_address_keeps_the_level(show: Show) -> None:
    tab = show(page_of()).tab
    go_to(tab, "scalars")
    assert "level=scalars" in moment_of(tab)
    again = show(page_of(), "level=scalars").tab
    assert again.is_visible("#drawing")
    assert not again.is_visible("#network")
    go_to(again, "network")
    assert "level" not in moment_of(again)
    assert again.is_visible("#network")


def test_the_first_view_shows_the_whole_graph(show: Show) -> None:
    tab = show(page_of()).tab
    go_to(tab, "scalars")
    stage = tab.locator("#drawing").bounding_box()
    for box in [each.bounding_box() for each in tab.locator("#drawing .node").all()]:
        assert stage["x"] <= box["x"]
        assert box["x"] + box["width"] <= stage["x"] + stage["width"]


def test_each_level_has_its_choice_of_colors(show: Show) -> None:
    tab = show(page_of()).tab
    assert pressed_colors(tab) == "weights"
    go_to(tab, "scalars")
    assert pressed_colors(tab) == "gradients"
    tab.click("#color-switch [data-colors=data]")
    assert pressed_colors(tab) == "data"
    assert "fills=data" in moment_of(tab)
    go_to(tab, "network")
    assert pressed_colors(tab) == "weights"


@pytest.mark.parametrize("colors", ["data", "weights"])
def test_the_address_keeps_what_fills_show(show: Show, colors: str) -> None:
    page = show(viz.explore(network([3, 1])))
    page.tab.select_option("#colors", colors)
    assert f"fills={colors}" in page.moment()
    again = show(viz.explore(network([3, 1])), f"fills={colors}")
    assert again.tab.input_value("#colors") == colors


def test_the_legend_of_lines_follows_the_choice_of_colors(show: Show) -> None:
    page = show(viz.explore(network([3, 1])))
    said = []
    for colors in ("data", "weights", "gradients"):
        page.tab.select_option("#colors", colors)
        said.append(page.tab.inner_text("#legend-carries"))
    assert said == ["line: data carried on", "line: weight", "line: gradient carried back"]


def test_the_backward_pass_can_be_stepped_through(show: Show) -> None:
    tab = show(page_of()).tab
    go_to(tab, "scalars")
    tab.click("#next")
    tab.click("#next")
    assert tab.inner_text("#step-text").startswith("1 of")
    assert tab.is_visible("#caption")
    assert "wave 1" in tab.inner_text("#panel")


def test_another_number_leaves_the_network_as_it_is(show: Show) -> None:
    page = InThePage(show, model(), POINTS, SIGNS)
    tab = page.tab
    shown = numbers_of_network(tab)
    parameters = page.run("(trainer) => [...trainer.numbers]")
    tab.click("[aria-label='neuron h2']")
    go_to(tab, "scalars")
    tab.locator("#drawing .node.parameter").first.click()
    tab.fill("#drag-number", "3")
    tab.keyboard.press("Enter")
    assert "what if" in tab.inner_text("#caption")
    go_to(tab, "network")
    assert numbers_of_network(tab) == shown
    assert page.run("(trainer) => [...trainer.numbers]") == parameters


def test_every_scalar_follows_the_training(show: Show) -> None:
    learner = model()
    page = InThePage(show, learner, POINTS, SIGNS)
    go_to(page.tab, "scalars")
    page.tab.click("#train-epoch")
    page.take_numbers(learner)
    loss = mse(learner(POINTS[0].tolist()), SIGNS[0])
    spoken = page.tab.get_attribute("#drawing .root", "aria-label")
    assert spoken.endswith(f"data {number(loss.data)}, gradient 1")


def test_the_way_back_ends_predicting(show: Show) -> None:
    tab = show(page_of()).tab
    go_to(tab, "scalars")
    tab.click("#predict")
    assert tab.get_attribute("#predict", "aria-pressed") == "true"
    go_to(tab, "network")
    go_to(tab, "scalars")
    assert tab.get_attribute("#predict", "aria-pressed") == "false"


def test_find_looks_for_values_where_they_are_shown(show: Show) -> None:
    tab = show(page_of()).tab
    go_to(tab, "scalars")
    tab.click("#search-toggle")
    assert tab.evaluate("document.activeElement.id") == "find"
    tab.keyboard.type("tanh")
    assert tab.inner_text("#found") == "5 found"


# What is beside the network


@pytest.mark.parametrize("width", [1440, 840])
@pytest.mark.parametrize("sizes", [(6, 4, 1), (16, 16, 1)])
def test_hints_cover_nothing_of_the_network(keep: Keep, sizes: tuple[int, ...], width: int) -> None:
    tab = keep(f"hints {sizes}", lambda: page_of(*sizes)).tab
    resize(tab, width, 900)
    hints = tab.locator("#hints").bounding_box()
    for selector in (".neuron", "#target"):
        for box in [each.bounding_box() for each in tab.locator(selector).all()]:
            is_beside = (
                box["x"] >= hints["x"] + hints["width"] or box["x"] + box["width"] <= hints["x"]
            )
            assert is_beside or box["y"] + box["height"] <= hints["y"]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (1, "output over the input"),
        (2, "output over the plane"),
        (16, "weights of the inputs"),
    ],
)
def test_the_legend_says_what_pictures_of_neurons_show(show: Show, inputs: int, words: str) -> None:
    samples = [[(i + k) % 5 / 5 for k in range(inputs)] for i in range(10)]
    page = viz.explore(nn.MLP(inputs, [3, 1], seed=0), data=(samples, [0.5] * 10), train=True)
    assert words in show(page).tab.inner_text("#legend-line")
