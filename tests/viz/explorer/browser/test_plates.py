"""The arithmetic of a step in the page: on no card, and on no other arithmetic."""

from itertools import combinations
from typing import Any

import pytest

import viz
from scalargrad import Value
from tests.viz.explorer.browser.conftest import resize
from tests.viz.explorer.browser.reach import Show, without_policy
from tests.viz.graphs import network, neuron
from viz.layout.geometry import Rect

PLATES = """() => [...document.querySelectorAll('.plate.active rect')].map((rect) =>
  ['x', 'y', 'width', 'height'].map((name) => Number(rect.getAttribute(name))))"""
CARDS = """() => sceneOfPage().items.map((id) => {
  const { x, y, w, h } = sceneOfPage().layout.frames.get(id);
  return [x, y, w, h];
})"""


def rects(found: list[Any]) -> list[Rect]:
    return [Rect(*numbers) for numbers in found]


@pytest.mark.parametrize("width", [1440, 390])
def test_plates_cover_no_card_and_no_plate(show: Show, width: int) -> None:
    for root in (neuron(), network([3, 1])):
        page = show(without_policy(viz.explore(root)), "step=1")
        resize(page.tab, width, 850)
        cards = rects(page.tab.evaluate(CARDS))
        shown = 0
        for _ in range(8):
            plates = rects(page.tab.evaluate(PLATES))
            shown += len(plates)
            for plate in plates:
                assert not any(plate.overlap(card) for card in cards)
            for one, other in combinations(plates, 2):
                assert not one.overlap(other)
            page.press(".")
        assert shown >= 4


def test_a_plate_says_the_arithmetic_in_two_lines(show: Show) -> None:
    x = Value(2.0, label="x")
    y = x * -3.0
    y.backward()
    page = show(viz.explore(y), "step=1")
    lines = page.tab.locator(".plate.active tspan").all_text_contents()
    assert lines[:2] == ["1 × (−3)", " = −3"]
