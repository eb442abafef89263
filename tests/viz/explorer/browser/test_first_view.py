"""The page when it is opened: how large the graph is, the hints, the legend, and narrow screens."""

from collections.abc import Callable
from typing import Any

import pytest

import viz
from scalargrad import Value
from tests.viz.explorer.browser.conftest import resize
from tests.viz.graphs import network, neuron

Show = Callable[..., Any]

SMALLEST_TEXT = """() => {
  const scale = new DOMMatrix(getComputedStyle(document.querySelector('#world')).transform).a;
  const texts = [...document.querySelectorAll('.node .title')];
  return Math.min(...texts.map((text) => parseFloat(getComputedStyle(text).fontSize) * scale));
}"""
OUTSIDE = """() => {
  const stage = document.querySelector('#stage').getBoundingClientRect();
  const isOutside = ({ left, right, top, bottom }) => left < stage.left || right > stage.right
    || top < stage.top || bottom > stage.bottom;
  const frames = [...document.querySelectorAll('.node .frame')];
  return frames.filter((frame) => isOutside(frame.getBoundingClientRect())).length;
}"""
CENTERS = """(ids) => ids.map((id) => {
  const { x, y, width, height } = document.getElementById(id).getBoundingClientRect();
  return [x + width / 2, y + height / 2];
})"""


def reopen(page: Any, width: int, height: int) -> None:
    """Open the page in a window of another size."""
    page.tab.set_viewport_size({"width": width, "height": height})
    page.go()


@pytest.mark.parametrize("sizes", [[4, 4, 1], [16, 16, 1]], ids=str)
def test_all_of_a_network_is_shown_and_its_names_can_be_read(show: Show, sizes: list[int]) -> None:
    page = show(viz.explore(network(sizes)))
    assert page.tab.evaluate(OUTSIDE) == 0
    assert page.tab.evaluate(SMALLEST_TEXT) >= 10.0


def test_what_can_be_read_is_open(show: Show) -> None:
    page = show(viz.explore(network([3, 3, 1])))
    assert page.tab.locator("#f2").count() == 1  # a neuron of the first layer
    reopen(page, 500, 800)
    assert page.tab.locator("#f1").count() == 1  # the first layer, closed


def test_boxes_that_a_link_opens_stay_open(show: Show) -> None:
    page = show(viz.explore(network([16, 16, 1])), "open=0.1")
    assert page.tab.locator(".closed").count() == 18


def test_on_a_phone_operands_are_above_and_the_output_is_in_sight(show: Show) -> None:
    page = show(viz.explore(neuron()))
    before = page.tab.evaluate(CENTERS, ["v2", "v9"])
    assert before[0][0] < before[1][0]
    reopen(page, 390, 844)
    (_, above), (x, below) = page.tab.evaluate(CENTERS, ["v2", "v9"])
    stage = page.tab.locator("#stage").bounding_box()
    assert above < below < stage["y"] + stage["height"]
    assert 0 < x < 390
    assert page.tab.evaluate(SMALLEST_TEXT) >= 10.0 * 0.85


def test_a_phone_that_is_turned_turns_the_graph(show: Show) -> None:
    page = show(viz.explore(neuron()))
    resize(page.tab, 390, 844)
    (_, above), (_, below) = page.tab.evaluate(CENTERS, ["v2", "v9"])
    assert below - above > 100
    resize(page.tab, 1200, 700)
    (left, _), (right, _) = page.tab.evaluate(CENTERS, ["v2", "v9"])
    assert right - left > 300


@pytest.mark.parametrize("width", [320, 360, 390, 430, 640, 700, 840, 1024])
def test_nothing_is_wider_than_the_screen(show: Show, width: int) -> None:
    shown = viz.explore(network([4, 1]), title="A title that is longer than most of them are")
    page = show(shown, size=(width, 800))
    page.tab.click("#menu")
    assert page.tab.evaluate("document.documentElement.scrollWidth") == width


def test_controls_of_a_phone_are_as_large_as_a_finger(show: Show) -> None:
    page = show(viz.explore(network([4, 1])), size=(390, 844))
    page.tab.click("#menu")
    small = page.tab.evaluate("""() => (
      [...document.querySelectorAll('button, select, input')]
        .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 44)
        .map((one) => one.id || one.textContent))""")
    assert small == []


def test_the_header_is_one_row_and_its_texts_are_whole(show: Show) -> None:
    page = show(viz.explore(network([4, 1]), title="A title that is longer than most of them are"))
    resize(page.tab, 1440, 900)
    assert page.tab.locator("header").bounding_box()["height"] < 50
    assert page.tab.evaluate("""() => {
      const field = document.querySelector('#find');
      field.value = field.placeholder;
      return field.scrollWidth <= field.clientWidth;
    }""")


def test_hints_are_ticked_off_one_by_one(show: Show) -> None:
    page = show(viz.explore(neuron()))
    assert page.tab.locator("#hints li").count() == 3
    page.tab.click("#v0")
    assert page.tab.locator("#hints .done").all_inner_texts() == ["✓\nclick a value"]
    page.press("Escape", ".")
    assert page.tab.locator("#hints .done").count() == 2
    page.press("Escape")
    page.tab.click("#v1")
    page.tab.fill("#drag-number", "2")
    page.press("Tab")
    page.tab.wait_for_selector("#hints", state="hidden", timeout=5000)
    page.go("theme=dark")
    assert page.tab.is_hidden("#hints")


def test_hints_can_be_closed_and_stay_closed(show: Show) -> None:
    page = show(viz.explore(neuron()))
    page.tab.click("#hints button")
    assert page.tab.is_hidden("#hints")
    page.go()
    assert page.tab.is_hidden("#hints")


def test_a_link_to_a_moment_has_no_hints(show: Show) -> None:
    assert show(viz.explore(neuron()), "step=2").tab.is_hidden("#hints")


def test_the_panel_begins_with_what_to_do(show: Show) -> None:
    page = show(viz.explore(neuron()))
    assert page.tab.locator("#panel > :nth-child(2) b").all_inner_texts()[:2] == [
        "Play",
        "Click a value",
    ]
    assert "10 values · 3 parameters · 5 operations" in page.text("#panel")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (neuron, {"input", "parameter", "operation", "∂ local derivative", "exactly 0"}),
        (lambda: network([4, 1]), {"closed module: strip = gradient of its output"}),
        (lambda: Value(3.0, label="x") * 2.0, {"constant"}),
    ],
    ids=["cards", "boxes", "constant"],
)
def test_the_legend_explains_what_is_in_sight(
    show: Show, make: Callable[[], Value], words: set[str]
) -> None:
    entries = show(viz.explore(make())).tab.locator("#legend .entry:visible")
    found = {text.rpartition("\n")[2].strip() for text in entries.all_inner_texts()}
    assert words <= found | {text.removeprefix("in").strip() for text in found}
    assert not found & {"nan or infinite", "moved by hand"}


def test_the_legend_explains_red_and_orange_while_they_are_there(show: Show) -> None:
    broken = show(viz.explore(Value(float("inf"), label="x") * 2.0))
    assert broken.tab.is_visible("#legend-alarm")
    page = show(viz.explore(neuron()), "value=1&what-if=1:4")
    assert page.tab.is_visible("#legend-moved")
    page.tab.click("#reset")
    assert page.tab.is_hidden("#legend-moved")


def test_the_ends_of_the_scale_have_signs(show: Show) -> None:
    page = show(viz.explore(neuron()))
    assert page.tab.locator("#legend svg text").all_text_contents() == ["−", "+"]
    assert page.text("#scale-low") == "−1.5"


@pytest.mark.parametrize("width", [1180, 900, 840, 761])
def test_the_whole_legend_is_in_sight_beside_the_panel(show: Show, width: int) -> None:
    tab = show(viz.explore(network([4, 4, 1]))).tab
    resize(tab, width, 640)
    shown, needed = tab.eval_on_selector("#legend", "it => [it.clientWidth, it.scrollWidth]")
    assert needed <= shown
