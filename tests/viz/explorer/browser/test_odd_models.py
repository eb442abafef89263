"""Pages that train models and samples that are out of the ordinary."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

import viz
from scalargrad import Value, log, nn, optim
from tests.viz.explorer.browser.conftest import resize
from tests.viz.explorer.browser.reach import POINTS, SIGNS, InThePage
from viz import Page

Show = Callable[..., Any]


def network(*sizes: int, activation: str = "tanh") -> nn.MLP:
    return nn.MLP(2, list(sizes or (3, 1)), activation=activation, seed=0)


def page_of(model: nn.Module, x: Any = POINTS, y: Any = SIGNS, **options: Any) -> Page:
    return viz.explore(model, data=(x, y), train=True, **options)


def edges(tab: Any, selector: str) -> list[tuple[float, float]]:
    """The left and right edges of elements."""
    boxes = [each.bounding_box() for each in tab.locator(selector).all()]
    return [(box["x"], box["x"] + box["width"]) for box in boxes]


@pytest.mark.parametrize(
    ("x", "y", "points"),
    [
        ([[1.0, 2.0]], [1.0], "The only training point: its gradient, "),
        ([[1.0, 2.0], [2.0, 1.0]], [1.0, 1.0], "All 2 training points: their mean, "),
    ],
)
def test_targets_that_are_all_the_same_have_no_fit(
    show: Show, x: list[list[float]], y: list[float], points: str
) -> None:
    page = show(page_of(network(), x, y))
    assert page.text("#score") == "R² –"
    assert page.text(".samples p").startswith(points)
    page.tab.click("#train-epoch")
    assert page.text("#score") == "R² –"
    assert page.text("#count-epochs") == "1"


def test_after_a_training_that_diverges_reset_begins_again(show: Show) -> None:
    model = network(4, 1, activation="relu")
    optimizer = optim.SGD(model.parameters(), 1000.0)
    page = InThePage(show, model, POINTS, SIGNS, optimizer=optimizer)
    before = page.tab.inner_text(".key-of-train b")
    page.tab.click("#train")
    page.tab.wait_for_selector("#status:text-matches('reset, and try a lower learning rate$')")
    page.tab.click("#train-reset")
    assert page.tab.inner_text("#status") == ""
    assert page.tab.inner_text(".key-of-train b") == before
    page.run("(trainer) => { trainer.learningRate = 0.01; }")
    page.tab.click("#train-epoch")
    assert page.tab.inner_text("#count-epochs") == "1"
    assert page.tab.inner_text("#status") == ""


def test_a_loss_that_is_not_a_number_has_nothing_to_do_with_the_rate(show: Show) -> None:
    def impossible(prediction: Value, target: float) -> Value:
        return log(prediction - 50.0) * target

    page = show(page_of(network(), loss=impossible))
    page.tab.click("#train")
    page.tab.wait_for_selector("#status:text-is('stopped: the loss is nan')")
    assert page.text("#count-steps") == "0"


def test_a_phone_shows_a_model_without_a_network_over_its_whole_width(show: Show) -> None:
    model = nn.Sequential(nn.Conv(1, 2, 3, seed=0), nn.Flatten(), nn.Layer(8, 1, seed=1))
    images = numpy.linspace(-1.0, 1.0, 64).reshape(4, 1, 4, 4)
    tab = show(page_of(model, images, [[0.0], [1.0], [0.5], [1.0]])).tab
    resize(tab, 390, 844)
    for section in ("bar", "middle", "panel", "regions", "loss"):
        assert edges(tab, f"#{section}") == [(0, 390)]


@pytest.mark.parametrize("width", [1440, 1280, 1000, 760, 390])
def test_a_fourth_optimizer_fits_its_settings(show: Show, width: int) -> None:
    model = network()
    optimizer = optim.RMSprop(model.parameters(), 0.01)
    tab = show(page_of(model, optimizer=optimizer)).tab
    resize(tab, width, 844)
    if width < 760:
        tab.click("#settings-toggle")
    buttons = edges(tab, ".group.training .segments button")
    ((left, right),) = edges(tab, ".group.training .segments")
    assert len(buttons) == 4
    for start, end in buttons:
        assert left <= start
        assert end <= right
    script = """() => [...document.querySelectorAll('.group.training .segments button')]
      .every((button) => button.scrollWidth <= button.clientWidth)"""
    assert tab.evaluate(script)


def test_a_deep_network_fits_a_wide_page(show: Show) -> None:
    tab = show(page_of(network(4, 4, 4, 4, 4, 4, 1))).tab
    resize(tab, 1440, 900)
    ((left, right),) = edges(tab, "#network-view")
    for start, end in edges(tab, ".neuron"):
        assert left <= start
        assert end <= right


def test_a_network_that_is_too_deep_begins_with_its_inputs(show: Show) -> None:
    tab = show(page_of(network(*[3] * 12, 1))).tab
    script = "({ scrollWidth, clientWidth }) => scrollWidth > clientWidth"
    assert tab.locator("#network-scroll").evaluate(script)
    ((left, _),) = edges(tab, "#network-view")
    assert all(left <= start for start, _ in edges(tab, ".neuron.input"))


def test_a_title_that_is_cut_is_whole_in_its_tooltip(show: Show) -> None:
    title = "Two moons & <b>many</b> more words, " + "最长的标题 " * 12
    tab = show(page_of(network(), title=title)).tab
    shown = tab.get_attribute("#title", "title")
    assert shown == title[: len(shown)]
    assert len(shown) > 90
    for width in (1440, 840, 390):
        resize(tab, width, 844)
        ((_, end),) = edges(tab, "#title")
        following = "#train-reset" if width >= 760 else "#settings-toggle"
        assert end <= edges(tab, following)[0][0]
        assert tab.evaluate("document.documentElement.scrollWidth") == width


class Labeled(nn.Module):
    """A network whose inputs have long names."""

    def __init__(self) -> None:
        super().__init__()
        self.network = network()

    def __call__(self, x: Any) -> Any:
        for value, label in zip(x, ("<script>alert(1)</script> & more", "两个月亮"), strict=True):
            if isinstance(value, Value):
                value.label = label
        return self.network(x)


def test_long_names_of_inputs_leave_their_numbers_free(show: Show) -> None:
    tab = show(page_of(Labeled())).tab
    for width in (1440, 840, 390):
        resize(tab, width, 844)
        for box in tab.locator(".neuron.input").all():
            name = box.locator(".name").bounding_box()
            assert name["y"] + name["height"] <= box.locator(".value").bounding_box()["y"] + 2
            assert name["x"] >= box.bounding_box()["x"]


def test_a_notebook_shows_the_network_and_the_loss(open_tab: Callable[..., Any]) -> None:
    tab = open_tab("light")
    resize(tab, 900, 1000)
    tab.set_content(page_of(network(6, 4, 1))._repr_html_())
    frame = tab.frame_locator("iframe")
    frame.locator("body[data-ready]").wait_for()
    loss = frame.locator("#loss").bounding_box()
    outer = tab.locator("iframe").bounding_box()
    tab.close()
    assert loss["y"] + loss["height"] <= outer["y"] + outer["height"]
