"""What a page shows of models with many inputs, or with several outputs."""

from collections.abc import Callable
from math import exp
from typing import Any

import numpy
import pytest

from scalargrad import nn
from tests.viz.explorer.browser.reach import InThePage

Show = Callable[..., Any]

RNG = numpy.random.default_rng(0)


def test_classes_are_bars_of_softmax(show: Show) -> None:
    x = RNG.normal(size=(20, 4))
    y = numpy.arange(20) % 3
    model = nn.MLP(4, [5, 3], activation="relu", seed=2)
    page = InThePage(show, model, x, y, loss="cross_entropy")
    page.tab.click("[aria-label='the next sample']")
    powers = [exp(output.data) for output in model(x[1].tolist())]
    expected = [f"{round(100 * power / sum(powers))} %" for power in powers]
    assert page.tab.locator("#scores code").all_inner_texts() == expected
    assert page.tab.locator(".output-bar.target").inner_text().startswith("1")
    assert page.tab.inner_text("#sample-note").startswith("sample 1 of 20: class 1")


def test_the_confusion_matrix_counts_what_is_said_of_each_class(show: Show) -> None:
    x = RNG.normal(size=(30, 4))
    y = numpy.arange(30) % 3
    model = nn.MLP(4, [5, 3], activation="relu", seed=2)
    page = InThePage(show, model, x, y, loss="cross_entropy")
    expected = numpy.zeros((3, 3), int)
    for row, label in zip(x.tolist(), y, strict=True):
        outputs = [output.data for output in model(row)]
        expected[label, outputs.index(max(outputs))] += 1
    cells = page.tab.locator(".confusion tbody td").all_inner_texts()
    assert [int(cell or 0) for cell in cells] == expected.ravel().tolist()
    right = int(expected.trace())
    assert page.tab.get_attribute("#score", "title") == f"{right} of 30 right"


def test_numbers_are_drawn_over_their_targets(show: Show) -> None:
    x = RNG.normal(size=(20, 3))
    page = InThePage(show, nn.MLP(3, [4, 1], seed=0), x, x.sum(axis=1))
    assert page.tab.is_visible("#scatter")
    assert page.tab.inner_text("#score").startswith("R² ")
    box = page.tab.locator("#scatter").bounding_box()
    assert box["width"] == box["height"]
    page.tab.focus("[aria-label='the next sample']")
    page.tab.keyboard.press("ArrowLeft")
    assert page.tab.evaluate("sessionOfPage().chosen") == 19


def test_many_outputs_are_cut_to_a_few_bars(show: Show) -> None:
    x = RNG.normal(size=(10, 3))
    y = RNG.normal(size=(10, 20))
    page = InThePage(show, nn.MLP(3, [20], seed=0), x, y)
    bars = page.tab.locator(".output-bar").all_inner_texts()
    assert len(bars) == 13
    assert bars[-1] == "and 8 more"


PIXELS = """() => {
  const canvas = document.querySelector('#image');
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.width, [...data].filter((_, k) => k % 4 === 0)];
}"""


def test_square_counts_of_inputs_are_an_image(show: Show) -> None:
    x = RNG.uniform(size=(6, 16))
    page = InThePage(show, nn.MLP(16, [2, 1], seed=0), x, x[:, 0])
    side, pixels = page.tab.evaluate(PIXELS)
    assert side == 4
    expected = 255.0 * (1.0 - x[0] / x.max())
    assert numpy.abs(numpy.array(pixels) - expected).max() <= 1.0


@pytest.mark.parametrize("shift", [0.0, -2.0])
def test_other_inputs_are_no_image(show: Show, shift: float) -> None:
    x = RNG.uniform(size=(6, 16 if shift else 15)) + shift
    page = InThePage(show, nn.MLP(x.shape[1], [2, 1], seed=0), x, x[:, 0])
    assert page.tab.locator("#image").count() == 0
