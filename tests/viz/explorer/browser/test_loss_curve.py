"""The curve of the loss: what it draws, and the way back to what was."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy
import pytest

from scalargrad import nn
from scalargrad.losses import mse
from tests.viz.explorer.browser.conftest import resize
from tests.viz.explorer.browser.reach import CLASSES, POINTS, SIGNS, InThePage, squared
from viz import Page
from viz.look.text import number

Show = Callable[..., Any]
Keep = Callable[..., Any]


def relu_network() -> nn.MLP:
    return nn.MLP(2, [6, 1], activation="relu", seed=3)


def tanh_network() -> nn.MLP:
    return nn.MLP(2, [3, 1], activation="tanh", seed=3)


def press(page: InThePage, *buttons: str) -> None:
    for button in buttons:
        page.tab.click(f"#train-{button}")


def look_at(page: InThePage, k: int) -> None:
    """Move the slider to a moment."""
    script = """(k) => {
      const slider = document.getElementById('past');
      slider.value = k;
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    }"""
    page.tab.evaluate(script, k)


def numbers(page: InThePage) -> list[float]:
    return list(page.run("(trainer) => [...trainer.numbers]"))


def is_drawn(page: InThePage, line: str) -> bool:
    return bool(page.tab.get_attribute(f"#loss-chart .run.{line}", "d"))


def mean_loss(model: nn.Module) -> float:
    losses = [mse(model(x.tolist()), y).data for x, y in zip(POINTS, SIGNS, strict=True)]
    return sum(losses) / len(losses)


def test_an_empty_curve_says_what_will_be_drawn_in_it(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    words = page.tab.text_content("#loss-chart .empty")
    assert words == "Press play: the loss of the training points is drawn here."
    assert page.tab.is_disabled("#past")
    press(page, "step")
    assert page.tab.text_content("#loss-chart .empty") == ""
    assert is_drawn(page, "train")
    assert page.tab.is_enabled("#past")


def test_the_losses_are_those_of_all_samples_after_the_step(show: Show) -> None:
    model = tanh_network()
    page = InThePage(show, model, POINTS, SIGNS)
    assert page.tab.inner_text(".key-of-train b") == number(mean_loss(model))
    press(page, "step", "step")
    page.take_numbers(model)
    assert page.tab.inner_text(".key-of-train b") == number(mean_loss(model))


def test_the_test_loss_is_a_line_where_there_are_test_samples(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    press(page, "epoch", "epoch")
    assert not is_drawn(page, "test")
    assert not page.tab.is_visible(".key-of-test")
    page.run("(trainer) => trainer.split(0.25)")
    press(page, "epoch", "epoch")
    assert is_drawn(page, "test")
    shown = page.tab.inner_text(".key-of-test b")
    expected = page.run("(trainer) => trainer.measure().testLoss")
    assert shown == number(expected)


def test_lines_are_as_high_as_the_square_roots_of_their_losses(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    page.run("(trainer) => trainer.split(0.25)")
    page.tab.evaluate("showNumbersOfPage()")
    press(page, "epoch", "epoch", "epoch")
    losses: list[float] = []
    down: list[float] = []
    for line, name in (("train", "loss"), ("test", "testLoss")):
        losses += page.tab.evaluate(
            "(name) => playground.moments().list.map((moment) => moment[name])", name
        )
        path = page.tab.get_attribute(f"#loss-chart .run.{line}", "d")
        down += [float(point.split()[1]) for point in path[1:].split("L")]
    assert len(set(losses)) == len(down) == 8
    roots = numpy.sqrt(losses)
    low, high = int(roots.argmin()), int(roots.argmax())
    pixels_of_one = (down[low] - down[high]) / (roots[high] - roots[low])
    assert pixels_of_one > 0.0
    assert down == pytest.approx(down[low] - pixels_of_one * (roots - roots[low]), abs=0.11)


def test_looking_back_shows_the_numbers_of_then_and_esc_those_of_now(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    kept = [numbers(page)]
    outputs = [page.tab.inner_text(".neuron.output .value")]
    for _ in range(3):
        press(page, "epoch")
        kept.append(numbers(page))
        outputs.append(page.tab.inner_text(".neuron.output .value"))
    assert not page.tab.is_visible("#to-now")

    for k in (1, 0, 2):
        look_at(page, k)
        assert numbers(page) == kept[k]
        assert page.tab.inner_text(".neuron.output .value") == outputs[k]
        assert page.tab.inner_text("#count-epochs") == str(k)
        assert page.tab.inner_text(".loss-past output").startswith(f"epoch {k},")
    page.opened.press("Escape")
    assert numbers(page) == kept[3]
    assert not page.tab.is_visible("#to-now")

    look_at(page, 1)
    page.tab.click("#to-now")
    assert numbers(page) == kept[3]


def test_training_goes_on_from_the_past_to_the_bits_of_fit(show: Show) -> None:
    model = relu_network()
    page = InThePage(show, model, POINTS, SIGNS, loss=squared, optimizer="adam")
    press(page, "epoch", "epoch", "epoch", "epoch")
    once = numbers(page)
    look_at(page, 1)
    press(page, "epoch", "epoch")
    page.fit(model, epochs=3)
    assert page.numbers(model) == [parameter.data for parameter in model.parameters()]
    assert page.tab.inner_text("#count-epochs") == "3"
    press(page, "epoch")
    assert numbers(page) == once


def test_the_run_before_stays_as_a_grey_line(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    press(page, "epoch", "epoch", "epoch")
    line = page.tab.get_attribute("#loss-chart .run.train", "d")
    assert not is_drawn(page, "before")
    press(page, "reset")
    assert page.tab.get_attribute("#loss-chart .run.before", "d") == line
    assert page.tab.is_visible(".key-of-before")
    assert not is_drawn(page, "train")

    # From the past a new run begins, and what came after that is the run before.
    press(page, "epoch", "epoch", "epoch", "epoch")
    look_at(page, 2)
    press(page, "epoch")
    lengths = page.tab.evaluate(
        "() => [playground.moments().list.length, playground.moments().before.length]"
    )
    assert lengths == [4, 5]


def test_going_back_to_now_begins_no_run(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    press(page, "epoch", "epoch")
    look_at(page, 1)
    look_at(page, 2)
    press(page, "epoch")
    assert not is_drawn(page, "before")


def test_playing_forgets_what_came_after_the_moment(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    press(page, "epoch", "epoch", "epoch")
    look_at(page, 1)
    page.tab.click("#train")
    page.tab.wait_for_selector("#count-steps:text-matches('[1-9][0-9]')")
    page.tab.click("#train")
    steps = page.tab.evaluate("() => playground.moments().list.map(({ steps }) => steps)")
    assert steps[:2] == [0, 3]
    assert all(earlier < later for earlier, later in pairwise(steps))
    assert not page.tab.is_visible("#to-now")


def test_the_moments_are_bounded_and_evenly_apart(show: Show) -> None:
    page = InThePage(show, nn.MLP(2, [1], seed=0), POINTS, SIGNS)
    script = """(trainer) => {
      const moments = playground.moments();
      for (let k = 0; k < 3001; k += 1) {
        trainer.step();
        moments.record();
      }
      return moments.list.map(({ steps }) => steps);
    }"""
    steps = page.run(script)
    assert 400 < len(steps) <= 900
    assert steps[0] == 0
    assert steps[-1] == 3001
    assert {later - earlier for earlier, later in pairwise(steps[:-1])} == {4}


def test_a_drag_in_the_curve_looks_back(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    kept = [numbers(page)]
    for _ in range(4):
        press(page, "epoch")
        kept.append(numbers(page))
    box = page.tab.locator("#loss-chart").bounding_box()
    across, down = box["x"] + 42, box["y"] + 50
    wide = box["width"] - 54
    page.tab.mouse.move(across + 0.74 * wide, down)
    assert page.tab.inner_text(".readout").startswith("epoch 3, step 9: train ")
    page.tab.mouse.down()
    assert numbers(page) == kept[3]
    page.tab.mouse.move(across + 0.3 * wide, down)
    assert numbers(page) == kept[1]
    page.tab.mouse.move(across + 1.1 * wide, down)
    page.tab.mouse.up()
    assert numbers(page) == kept[4]
    assert not page.tab.is_visible("#to-now")


def test_keys_go_back_and_forth(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    kept = [numbers(page)]
    for _ in range(3):
        press(page, "step")
        kept.append(numbers(page))
    page.tab.evaluate("document.activeElement.blur()")
    page.opened.press(",", ",")
    assert numbers(page) == kept[1]
    page.opened.press(".")
    assert numbers(page) == kept[2]
    page.opened.press(".")
    assert not page.tab.is_visible("#to-now")
    page.tab.focus("#past")
    page.opened.press("ArrowLeft")
    assert numbers(page) == kept[2]


def test_a_weight_tried_in_the_past_is_what_training_goes_on_from(show: Show) -> None:
    model = relu_network()
    page = InThePage(show, model, POINTS, SIGNS, loss=squared)
    press(page, "epoch", "epoch")
    now = numbers(page)
    look_at(page, 0)
    script = """(x) => {
      const slider = document.getElementById('try-weight');
      slider.value = x;
      slider.dispatchEvent(new Event('input', { bubbles: true }));
    }"""
    page.tab.evaluate(script, 1.5)
    tried = page.run("(trainer) => trainer.measure().loss")
    assert page.tab.inner_text(".key-of-train b") == number(tried)
    page.opened.press("Escape")
    assert numbers(page) == now

    look_at(page, 0)
    page.tab.evaluate(script, 1.5)
    press(page, "epoch")
    model.layers[0].neurons[0].weights[0].data = 1.5
    page.fit(model, epochs=1)
    assert page.numbers(model) == [parameter.data for parameter in model.parameters()]


def test_classes_have_an_accuracy(show: Show) -> None:
    model = nn.MLP(2, [4, 2], activation="tanh", seed=3)
    page = InThePage(show, model, POINTS, CLASSES, loss="cross_entropy", optimizer="adam")
    press(page, "epoch", "epoch")
    page.take_numbers(model)
    found = [int(numpy.argmax([y.data for y in model(x.tolist())])) for x in POINTS]
    right = 100 * int(numpy.sum(numpy.array(found) == CLASSES)) // len(POINTS)
    assert page.tab.get_attribute("#loss-chart", "aria-label").endswith(f", {right} % right")


def test_numbers_to_predict_have_no_accuracy(show: Show) -> None:
    targets = [[y, 2.0 * y] for y in SIGNS]
    page = InThePage(show, nn.MLP(2, [2], seed=3), POINTS, targets)
    assert "right" not in page.tab.get_attribute("#loss-chart", "aria-label")


@pytest.mark.parametrize("width", [1440, 840, 390])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 300.0])
def test_labels_of_the_axes_do_not_overlap(keep: Keep, width: int, scale: float) -> None:
    def keep_one(page: Page) -> Any:
        return keep(f"scale {scale}", lambda: page)

    page = InThePage(keep_one, tanh_network(), POINTS, scale * SIGNS)
    resize(page.tab, width, 900)
    page.tab.click("#train-reset")
    page.run("(trainer) => { trainer.learningRate = 1e-4; }")
    press(page, *["epoch"] * 7)
    script = """() => [...document.querySelectorAll('#loss-chart .grid text')].map((label) => {
      const { left, right, top, bottom } = label.getBoundingClientRect();
      return [left, right, top, bottom];
    })"""
    boxes = page.tab.evaluate(script)
    assert len(boxes) >= 5
    for k, (left, right, top, bottom) in enumerate(boxes):
        for other in boxes[k + 1 :]:
            is_aside = right <= other[0] or other[1] <= left
            is_apart = bottom <= other[2] + 1.0 or other[3] <= top + 1.0
            assert is_aside or is_apart
    assert "0" in page.tab.evaluate(
        "() => [...document.querySelectorAll('#loss-chart .grid text')].map((t) => t.textContent)"
    )


def test_nothing_moves_for_readers_who_ask_for_that(show: Show) -> None:
    page = InThePage(show, tanh_network(), POINTS, SIGNS)
    press(page, "epoch", "epoch")
    page.tab.evaluate("(place) => playground.openNeuron(place)", [0, 1])
    look_at(page, 1)
    assert page.tab.evaluate("document.getAnimations().length") == 0
