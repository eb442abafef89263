"""Small things that a reader relies on: tips, what-if, search, difference, order of keys, print."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import viz
from scalargrad.core.graph import topological
from scalargrad.losses import mse
from scalargrad.nn import MLP
from scalargrad.training import Recorder, Recording, fit
from tests.viz.explorer.browser.conftest import resize
from tests.viz.explorer.test_targets import classifier, with_dead_neuron
from tests.viz.graphs import network, neuron
from viz.explorer.excerpt import take_excerpt

Show = Callable[..., Any]


def trained() -> Recording:
    model = MLP(2, [3, 1], seed=3)
    recorder = Recorder([0.5, -0.3], 0.7, mse)
    fit(model, [[0.5, -0.3]], [0.7], loss="mse", epochs=6, callbacks=[recorder], progress=False)
    return recorder.recording


def middle(page: Any, selector: str) -> tuple[float, float]:
    box = page.tab.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_tip_goes_when_its_box_is_opened(show: Show) -> None:
    page = show(viz.explore(network([16, 16, 1])))
    page.tab.hover("#f1 .title", force=True)
    assert page.tab.is_visible("#tip")
    page.tab.mouse.down()
    page.tab.mouse.up()
    assert page.tab.is_hidden("#tip")


def test_a_number_that_is_typed_can_be_put_back_at_once(show: Show) -> None:
    page = show(viz.explore(neuron()), "value=1")
    assert page.tab.locator("#reset").count() == 0
    page.tab.fill("#drag-number", "2")
    page.press("Tab")
    page.tab.click("#reset")
    assert page.tab.locator("#drawing .moved").count() == 0
    assert "what-if" not in page.moment()


def test_escape_lets_go_of_one_thing_after_the_other(show: Show) -> None:
    page = show(viz.explore(neuron()), "value=1&what-if=1:2")
    page.press("Escape")
    assert page.tab.locator("#drawing .selected").count() == 0
    assert page.tab.locator("#drawing .moved").count() == 1
    page.press("Escape")
    assert page.tab.locator("#drawing .moved").count() == 0


def test_while_a_leaf_is_moved_nothing_is_dimmed(show: Show) -> None:
    page = show(viz.explore(neuron()), "value=1")
    assert page.tab.locator("#drawing .dim").count() > 0
    page.tab.fill("#drag-number", "2")
    page.press("Tab")
    assert page.tab.locator("#drawing .dim").count() == 0


def test_predicting_starts_from_the_numbers_that_were_computed(show: Show) -> None:
    page = show(viz.explore(neuron()), "what-if=1:0.34")
    page.press("p")
    assert page.tab.locator("#drawing .moved").count() == 0
    assert "what-if" not in page.moment()


def test_stepping_with_a_moved_leaf_says_so(show: Show) -> None:
    page = show(viz.explore(neuron()), "what-if=1:0.34&step=2")
    assert "w1 moved by hand" in page.text("#panel")


def test_a_leaf_is_dragged_in_the_drawing(show: Show) -> None:
    page = show(viz.explore(neuron()))
    x, y = middle(page, "#v1 .frame")
    page.tab.mouse.move(x, y)
    page.tab.mouse.down()
    page.tab.mouse.move(x + 20, y)
    page.tab.mouse.move(x + 80, y)
    page.tab.mouse.up()
    assert page.text("#panel h2") == "w1"
    # Half of the way to the end of its slider, which is at twice its size.
    assert float(page.text(".numbers code >> nth=0")) == pytest.approx(0.0, abs=1e-5)
    assert float(page.tab.input_value("#drag-number")) == pytest.approx(0.0, abs=1e-5)
    assert page.tab.locator("#reset").count() == 1


def test_an_operation_that_is_dragged_moves_the_drawing(show: Show) -> None:
    page = show(viz.explore(neuron()))
    x, y = middle(page, "#v9 .frame")
    page.tab.mouse.move(x, y)
    page.tab.mouse.down()
    page.tab.mouse.move(x - 60, y, steps=3)
    page.tab.mouse.up()
    assert middle(page, "#v9 .frame")[0] == pytest.approx(x - 60, abs=2)
    assert page.tab.locator("#drawing .moved").count() == 0


def test_what_was_found_is_near_and_its_cone_is_lit(show: Show) -> None:
    page = show(viz.explore(network([4, 4, 1])))
    page.tab.select_option("#detail", "2")
    page.press("/")
    page.tab.keyboard.type("layers.1.neurons.2 w0")
    assert page.tab.locator("#drawing .node:not(.dim)").count() == 1
    page.press("Enter")
    assert page.tab.locator("#drawing .node:not(.dim)").count() > 3
    selected = page.tab.locator("#drawing .selected .frame").first.bounding_box()
    stage = page.tab.locator("#stage").bounding_box()
    assert selected["width"] > 18
    assert stage["x"] < selected["x"] < stage["x"] + stage["width"]
    assert stage["y"] < selected["y"] < stage["y"] + stage["height"]


def test_a_difference_says_that_it_is_one(show: Show) -> None:
    recording = trained()
    page = show(viz.explore(recording), "frame=5&compare=1")
    change = recording.gradients[5] - recording.gradients[1]
    shown = page.tab.locator("#panel table td").all_inner_texts()
    leaves = [i for i, node in enumerate(recording.values) if not node.args]
    assert "Largest changes of gradients" in page.text("#panel")
    assert all(text.startswith("Δ ") for text in shown)
    assert shown[0] == f"Δ {viz.look.text.number(max((change[i] for i in leaves), key=abs))}"


def test_cards_show_differences_with_a_sign(show: Show) -> None:
    recording = trained()
    page = show(viz.explore(recording), "frame=5&compare=1")
    page.tab.select_option("#detail", "2")
    for _ in range(8):
        page.press("+")
    texts = page.tab.locator(".mini-number").all_text_contents()
    assert texts
    assert all(text.startswith("Δ ") for text in texts)


def test_the_tab_key_goes_from_left_to_right(show: Show) -> None:
    page = show(viz.explore(network([3, 3, 1])))
    page.tab.focus("#drawing")
    lefts = []
    for _ in range(30):
        page.press("Tab")
        box = page.tab.evaluate("""() => {
          const { activeElement } = document;
          if (!activeElement.classList.contains('closed')) return null;
          return activeElement.querySelector('.frame').getBoundingClientRect().x;
        }""")
        if box is not None:
            lefts.append(round(box))
    assert len(set(lefts)) == 2
    assert lefts == sorted(lefts)


def test_the_printed_page_has_the_whole_graph_and_no_controls(show: Show) -> None:
    page = show(viz.explore(neuron()))
    before = page.tab.get_attribute("#world", "transform")
    page.tab.focus("#drawing")
    page.press("+", "+", "+", "+", "+", "+")
    resize(page.tab, 700, 1000)
    page.tab.emulate_media(media="print")
    page.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    for selector in ("footer", "#page-tools", "#menu", "#hints"):
        assert page.tab.is_hidden(selector)
    stage = page.tab.locator("#drawing").bounding_box()
    for i in range(10):
        frame = page.tab.locator(f"#v{i} .frame").bounding_box()
        assert stage["x"] <= frame["x"] <= frame["x"] + frame["width"] <= 700
        assert stage["y"] <= frame["y"]
        assert frame["y"] + frame["height"] <= stage["y"] + stage["height"]
    page.tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.tab.get_attribute("#drawing", "viewBox") is None
    assert page.tab.get_attribute("#world", "transform") != before


def test_a_link_keeps_the_zoom_and_predicting(show: Show) -> None:
    page = show(viz.explore(neuron()))
    page.tab.focus("#drawing")
    page.press("+", "+")
    page.tab.wait_for_url("**zoom=**")
    before = page.tab.get_attribute("#world", "transform")
    page.press("p")
    link = page.moment()
    assert "zoom=" in link
    page.go(link)
    after = page.tab.get_attribute("#world", "transform")
    numbers = [
        [
            float(part)
            for part in text.replace(")", " ").replace("(", " ").split()
            if part[-1].isdigit()
        ]
        for text in (before, after)
    ]
    assert numbers[1] == pytest.approx(numbers[0], abs=1.0)
    assert page.text("#panel h2") == "Predict the gradients"


@pytest.mark.parametrize("zoom", ["1", "a b c", "0 0 0", "0 0 1e9", "nan 0 1"])
def test_a_broken_zoom_is_passed_over(show: Show, zoom: str) -> None:
    plain = show(viz.explore(neuron())).tab.get_attribute("#world", "transform")
    broken = show(viz.explore(neuron()), f"zoom={zoom}").tab.get_attribute("#world", "transform")
    assert broken == plain


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_view_is_saved_with_its_colors(
    show: Show, open_tab: Callable[..., Any], tmp_path: Path, theme: str
) -> None:
    page = show(viz.explore(neuron(), title="One neuron"), theme=theme)
    with page.tab.expect_download() as download:
        page.tab.click("#save-svg")
    assert download.value.suggested_filename == "One-neuron.svg"
    path = tmp_path / "view.svg"
    download.value.save_as(path)
    text = path.read_text(encoding="utf-8")
    assert "class=" not in text
    assert "var(" not in text
    shot = open_tab(theme)
    shot.goto(path.as_uri())
    for word in ("x1", "−1.5", "tanh"):
        assert shot.get_by_text(word, exact=True).count() >= 1
    strip = page.tab.evaluate(
        "getComputedStyle(document.querySelector('#v0 path + text ~ path')).fill"
    )
    assert strip in text
    shot.close()


def test_the_view_is_saved_as_pixels(show: Show, tmp_path: Path) -> None:
    from PIL import Image

    page = show(viz.explore(neuron()))
    with page.tab.expect_download() as download:
        page.tab.click("#save-png")
    download.value.save_as(tmp_path / "view.png")
    stage = page.tab.locator("#stage").bounding_box()
    with Image.open(tmp_path / "view.png") as image:
        assert image.size == pytest.approx((2 * stage["width"], 2 * stage["height"]), abs=1)
        assert len(image.convert("RGB").getcolors(1 << 20)) > 50


def test_the_page_of_a_diagnosis_says_what_was_found(show: Show) -> None:
    page = show(viz.explore(with_dead_neuron()))
    assert "The doctor found" in page.text("#panel")
    page.tab.select_option("#detail", "1")
    flagged = page.tab.locator("#drawing .closed.alarm")
    assert flagged.count() == 1
    assert "dead · ∂" in flagged.text_content()


def test_a_value_that_acts_on_what_is_left_out_is_not_moved(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viz.explorer.targets.MAX_VALUES", 1000)
    monkeypatch.setattr("viz.explorer.targets.take_excerpt", lambda whole: take_excerpt(whole, 800))
    root = classifier(40, 30, 4)
    page = show(viz.explore(root))
    assert f"The part of {len(topological([root])):,} values" in page.text("#panel")
    page.press("/")
    page.tab.keyboard.type("x0")
    page.press("Enter")
    assert page.text("#panel h2") == "x0"
    assert "leaves out" in page.text("#panel")
    assert page.tab.locator("#drag").count() == 0
