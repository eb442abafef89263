"""The pace of a page that trains: where frames are long, its parts are drawn in turns."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from scalargrad import nn
from tests.viz.explorer.browser.reach import POINTS, SIGNS, InThePage

Show = Callable[..., Any]


TURNS = """([length, frames, part]) => {
  const turns = [];
  for (let k = 0; k < frames; k += 1) {
    paceOfPage.beginFrame(-100000 + length * k, true);
    if (paceOfPage.isTurnOf(part)) turns.push(k);
  }
  return turns;
}"""
"""The frames in which a part has its turn, of some that have a length in milliseconds."""

SHOWN = """() => [...document.querySelectorAll('#network .line, #neurons .value, #neurons .strip')]
  .map(({ style, textContent }) => [style.stroke, style.strokeWidth, textContent])"""


def in_page(show: Show) -> InThePage:
    return InThePage(show, nn.MLP(2, [3, 2, 1], activation="tanh", seed=0), POINTS, SIGNS)


def turns(page: InThePage, length: float, frames: int, part: str = "lines") -> list[int]:
    return list(page.tab.evaluate(TURNS, [length, frames, part]))


def gaps(frames: list[int]) -> list[int]:
    return [after - before for before, after in pairwise(frames)]


def test_every_part_is_drawn_in_every_short_frame(show: Show) -> None:
    assert turns(in_page(show), 1000 / 60, 100) == list(range(100))


@pytest.mark.parametrize(("length", "most"), [(20, 6), (30, 4), (40, 3), (90, 2)])
def test_no_part_waits_longer_than_some_frames_for_its_turn(
    show: Show, length: float, most: int
) -> None:
    found = gaps(turns(in_page(show), length, 200))
    assert found[-5:] == [most] * 5
    assert max(found) <= 2 * most


def test_lines_and_maps_are_not_drawn_in_one_long_frame(show: Show) -> None:
    page = in_page(show)
    turns(page, 30, 200)
    script = """() => Array.from({ length: 24 }, (_, k) => {
      paceOfPage.beginFrame(30 * k - 94000, true);
      return ['maps', 'lines', 'numbers'].filter(paceOfPage.isTurnOf).length;
    })"""
    assert max(page.tab.evaluate(script)) == 1


def test_frames_with_nothing_new_cost_no_part_its_turn(show: Show) -> None:
    page = in_page(show)
    turns(page, 30, 200)
    script = """() => {
      const drawn = { maps: 0, lines: 0, numbers: 0, loss: 0, lens: 0 };
      for (let k = 0; k < 80; k += 1) {
        const isDrawn = k % 2 === 0;
        paceOfPage.beginFrame(30 * k - 94000, isDrawn);
        for (const part of isDrawn ? Object.keys(drawn) : []) {
          drawn[part] += paceOfPage.isTurnOf(part);
        }
      }
      return Object.values(drawn);
    }"""
    assert page.tab.evaluate(script) == [10] * 5


def test_all_is_drawn_in_every_frame_again_when_frames_are_short(show: Show) -> None:
    page = in_page(show)
    turns(page, 30, 100)
    later = turns(page, 16, 800)
    assert later[-100:] == list(range(700, 800))


def test_a_pause_shows_the_numbers_of_now_everywhere(show: Show) -> None:
    page = in_page(show)
    turns(page, 30, 200)
    page.tab.click("#train")
    page.tab.wait_for_selector("#count-steps:not(:text-is('0'))")
    page.tab.wait_for_timeout(200)
    page.tab.click("#train")
    shown = page.tab.evaluate(SHOWN)
    page.tab.evaluate("showNumbersOfPage()")
    assert page.tab.evaluate(SHOWN) == shown


def test_nothing_waits_for_its_turn_where_each_step_is_shown(show: Show) -> None:
    page = in_page(show)
    turns(page, 30, 200)
    page.tab.evaluate("() => { sessionOfPage().speed = 10; }")
    page.tab.click("#train")
    page.tab.wait_for_selector("#count-steps:not(:text-is('0'))")
    script = "() => ['maps', 'lines', 'numbers', 'loss', 'lens'].every(paceOfPage.isTurnOf)"
    assert page.tab.evaluate(script)
