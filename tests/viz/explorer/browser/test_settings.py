"""The settings of a page that trains, the address that keeps them, and the same in Python."""

from collections.abc import Callable
from typing import Any

import pytest

from scalargrad import nn, optim
from tests.viz.explorer.browser.conftest import resize
from tests.viz.explorer.browser.reach import POINTS, SIGNS, InThePage, squared

Show = Callable[..., Any]
Keep = Callable[..., Any]


def relu_network() -> nn.Module:
    return nn.MLP(2, [4, 1], activation="relu", seed=3)


def page_of(show: Show, **options: Any) -> InThePage:
    return InThePage(show, relu_network(), POINTS, SIGNS, **options)


def slide(page: InThePage, slider: str, step: int) -> None:
    script = """([selector, step]) => {
      const slider = document.querySelector(selector);
      slider.value = step;
      slider.dispatchEvent(new Event('input'));
    }"""
    page.tab.evaluate(script, [slider, step])


# Fields


def test_the_batch_size_is_typed_or_dragged(show: Show) -> None:
    page = page_of(show, batch_size=None)
    assert page.tab.input_value("#batch") == "all"
    for text, batch_size, shown in (("5", 5, "5"), ("0", 5, "5"), ("", None, "all")):
        page.type_number("#batch", text)
        assert page.run("(trainer) => trainer.batchSize") == batch_size
        assert page.tab.input_value("#batch") == shown
    slide(page, "#batch-slider", 3)
    assert page.run("(trainer) => trainer.batchSize") == 8
    assert page.tab.get_attribute("#batch-slider", "aria-valuetext") == "8"


def test_the_learning_rate_is_exact_when_typed(show: Show) -> None:
    page = page_of(show)
    for text, rate in (
        ("0.0123", 0.0123),
        ("1e-3", 1e-3),
        ("-1", 1e-3),
        ("fast", 1e-3),
        ("0", 0.0),
    ):
        page.type_number("#rate", text)
        assert page.run("(trainer) => trainer.learningRate") == rate
    for step, rate in ((0, 1e-4), (60, 0.1), (100, 10.0)):
        slide(page, "#rate-slider", step)
        assert page.run("(trainer) => trainer.learningRate") == pytest.approx(rate)


def test_each_optimizer_remembers_its_rate(show: Show) -> None:
    page = page_of(show, optimizer="adam")
    page.type_number("#rate", "0.007")
    page.tab.click("[data-value=momentum]")
    rule = page.run("(trainer) => trainer.optimizer")
    assert rule["rule"] == "SGD"
    assert rule["options"]["momentum"] == 0.9
    page.type_number("#rate", "0.3")
    page.tab.click("[data-value=adam]")
    assert page.run("(trainer) => trainer.optimizer.rule") == "Adam"
    assert page.run("(trainer) => trainer.learningRate") == 0.007
    page.tab.click("[data-value=momentum]")
    assert page.run("(trainer) => trainer.learningRate") == 0.3


def test_another_rule_than_the_usual_ones_can_be_chosen_again(show: Show) -> None:
    model = relu_network()
    rule = optim.RMSprop(model.parameters(), 0.004, alpha=0.9)
    page = InThePage(show, model, POINTS, SIGNS, optimizer=rule)
    page.tab.click("[data-value=sgd]")
    page.tab.click("[data-value=rmsprop]")
    found = page.run("(trainer) => trainer.optimizer")
    assert found["rule"] == "RMSprop"
    assert found["options"] == rule.options


def test_a_share_to_test_with_starts_the_training_again(show: Show) -> None:
    page = page_of(show)
    page.tab.click("#train-epoch")
    for text, held in (("25", 10), ("0.5", 20), ("10 %", 4), ("120", 4), ("0", 0)):
        page.type_number("#test-share", text)
        assert page.run("(trainer) => trainer.testSamples.length") == held
        assert page.run("(trainer) => trainer.steps") == 0


def test_sliders_say_what_they_are(show: Show) -> None:
    page = page_of(show)
    sliders = page.tab.locator("#settings input[type=range]")
    assert sliders.count() >= 4
    for slider in sliders.all():
        assert slider.get_attribute("aria-label")
        assert slider.get_attribute("aria-valuetext")


@pytest.mark.parametrize("width", [1440, 840, 390, 320])
def test_the_settings_fit_on_every_screen(keep: Keep, width: int) -> None:
    page = page_of(lambda page: keep("fit", lambda: page))
    resize(page.tab, width, 850)
    if width < 760 and not page.tab.is_visible("#settings"):
        page.tab.click("#settings-toggle")
    assert page.tab.evaluate("document.documentElement.scrollWidth") == width
    for part in page.tab.locator("#settings :is(input, button):visible").all():
        box = part.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 6


# The address


def test_the_address_keeps_the_settings(show: Show) -> None:
    page = page_of(show)
    page.tab.click("[data-set=circles]")
    for field, text in (
        ("#noise", "0.2"),
        ("#points", "60"),
        ("#test-share", "30"),
        ("#batch", "4"),
        ("#speed", "60"),
    ):
        page.type_number(field, text)
    page.tab.click("#new-points")
    page.tab.click("[data-value=momentum]")
    page.type_number("#rate", "0.05")
    page.tab.focus("#region-canvas")
    page.tab.keyboard.press("ArrowRight")
    state = """() => {
      const { columns, chosen, speed, trainer } = sessionOfPage();
      return [
        columns.map((column) => [...column]), chosen, speed, trainer.optimizer, trainer.batchSize,
        [...trainer.testSamples],
      ];
    }"""
    before = page.tab.evaluate(state)
    address = page.tab.evaluate("location.href")
    page.tab.goto("about:blank")
    page.tab.goto(address)
    page.tab.wait_for_selector("body[data-ready]")
    assert page.tab.evaluate(state) == before
    assert page.tab.evaluate("location.href") == address


@pytest.mark.parametrize(
    "words",
    [
        "data=mooons&noise=9&points=1e9&seed=x",
        "test=2&optimizer=constructor&rate=-1&batch=0&speed=nan",
        "sample=99&colors=blue&weight=-3&neuron=7.7",
    ],
)
def test_an_address_that_makes_no_sense_changes_nothing(show: Show, words: str) -> None:
    page = page_of(show)
    state = """() => {
      const { columns, trainer, ...others } = sessionOfPage();
      const { learningRate, batchSize } = trainer;
      return JSON.stringify([others, columns.map((one) => [...one]), learningRate, batchSize]);
    }"""
    before = page.tab.evaluate(state)
    page.tab.goto("about:blank")
    page.tab.goto(f"{page.opened.address}#{words}")
    page.tab.wait_for_selector("body[data-ready]")
    assert page.tab.evaluate(state) == before


# Python


def code_of(page: InThePage) -> str:
    page.tab.click("#python")
    code = str(page.tab.inner_text("#python-code"))
    page.tab.click("#dialog button:text-is('close')")
    return code


def train_both(page: InThePage, epochs: int) -> tuple[list[float | None], dict[str, Any]]:
    """The test losses of the epochs in the page, and what is defined after the code has run.

    The code trains the model to the parameters of the page.
    """
    test_losses = []
    for _ in range(epochs):
        page.tab.click("#train-epoch")
        test_losses.append(page.run("(trainer) => trainer.measure().testLoss"))
    model = relu_network()
    names = {"model": model, "X": POINTS, "y": SIGNS, "squared": squared}
    exec(code_of(page), names)
    assert page.numbers(page.model) == [parameter.data for parameter in model.parameters()]
    return test_losses, names


def test_the_code_trains_as_the_page_does(show: Show) -> None:
    page = page_of(show, loss=squared)
    page.type_number("#test-share", "25")
    page.type_number("#batch", "8")
    page.type_number("#rate", "0.02")
    test_losses, names = train_both(page, 3)
    assert names["history"]["validation_loss"] == test_losses


def test_the_code_has_the_points_of_a_data_set(show: Show) -> None:
    page = page_of(show, loss=squared)
    page.tab.click("[data-set=spiral]")
    page.type_number("#points", "30")
    page.tab.click("[data-value=momentum]")
    _, names = train_both(page, 2)
    assert len(names["X"]) == 30


def test_the_code_has_the_points_that_were_edited(show: Show) -> None:
    page = page_of(show, loss=squared)
    page.type_number("#test-share", "25")
    page.tab.focus("#region-canvas")
    page.tab.keyboard.press("Delete")
    test_losses, names = train_both(page, 2)
    assert len(names["X"]) + len(names["X_test"]) == 39
    assert names["history"]["validation_loss"] == test_losses
