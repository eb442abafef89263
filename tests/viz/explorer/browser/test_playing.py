"""The backward pass as it is played: by waves, at a speed, with a panel that follows."""

from collections.abc import Callable
from typing import Any

import pytest

import viz
from scalargrad import Value
from scalargrad.core.graph import topological
from tests.viz.explorer.browser.test_page import partial_gradients, waves
from tests.viz.graphs import chain, network, neuron
from viz.look.text import number

Show = Callable[..., Any]

# The clock of the page is replaced, so that a test does not wait, and knows what time it is.
CLOCK = """(() => {
  let now = 0, count = 0, waiting = [];
  performance.now = () => now;
  globalThis.setTimeout = (call, wait = 0) => {
    count += 1;
    waiting.push({ call, at: now + wait, id: count });
    return count;
  };
  globalThis.clearTimeout = (id) => { waiting = waiting.filter((timer) => timer.id !== id); };
  const stepText = () => document.querySelector('#step-text').textContent;
  const runNext = () => {
    waiting.sort((a, b) => a.at - b.at);
    const { call, at } = waiting.shift();
    now = at;
    call();
  };
  // To the next wave; other timers of the page may be due before it.
  globalThis.tick = () => {
    const before = stepText();
    while (stepText() === before && waiting.length) runNext();
  };
  globalThis.timeNow = () => now;
})()"""


def play(page: Any) -> tuple[list[int], float]:
    """The steps at which a play stops, until it ends, and how many milliseconds it takes."""
    page.tab.click("#play")
    steps, took = page.tab.evaluate("""() => {
      const steps = [];
      const begun = timeNow();
      while (document.querySelector('#play').textContent.includes('pause')) {
        tick();
        steps.push(parseInt(document.querySelector('#step-text').textContent, 10));
      }
      return [steps, timeNow() - begun];
    }""")
    return steps, took


@pytest.mark.parametrize("make", [neuron, lambda: network([4, 4, 1])], ids=["neuron", "network"])
def test_operations_that_are_equally_far_from_the_output_go_together(
    show: Show, make: Callable[[], Value]
) -> None:
    root = make()
    page = show(viz.explore(root), script=CLOCK)
    steps, _ = play(page)
    done, ends = 0, []
    for wave in waves(root):
        done += len(wave)
        ends.append(done)
    assert steps[:-1] == ends
    assert page.text("#step-text") == f"{done} steps"


def test_after_a_wave_the_gradients_are_those_of_its_last_step(show: Show) -> None:
    root = neuron()
    page = show(viz.explore(root), script=CLOCK)
    page.tab.click("#play")
    for wave in range(4):
        page.tab.evaluate("tick()")
        step = sum(len(operations) for operations in waves(root)[: wave + 1])
        for i, gradient in enumerate(partial_gradients(root, step)):
            spoken = page.tab.get_attribute(f"#v{i}", "aria-label")
            assert spoken.endswith(f"gradient {number(gradient)}")


def test_all_operations_of_a_wave_are_marked_and_told(show: Show) -> None:
    page = show(viz.explore(neuron()), script=CLOCK)
    page.tab.click("#play")
    for _ in range(4):
        page.tab.evaluate("tick()")
    assert page.tab.locator(".node.active").count() == 2
    assert page.tab.locator(".edge.sending").count() == 3  # one of the four carries 0
    assert page.text("#panel h2") == "wave 4 of 4: 2 operations"
    assert "x2·w2, x1·w1" in page.text("#caption")


@pytest.mark.parametrize(
    ("speed", "shortest", "longest"),
    [("slow", 40_000, 50_000), ("normal", 15_000, 20_000), ("fast", 4_000, 8_000)],
)
def test_a_long_play_takes_as_long_as_its_speed_says(
    show: Show, speed: str, shortest: float, longest: float
) -> None:
    page = show(viz.explore(chain(1000)), script=CLOCK)
    page.tab.select_option("#speed", speed)
    _, took = play(page)
    assert shortest < took < longest


def test_steps_go_by_one_operation_and_a_wave_can_be_entered(show: Show) -> None:
    page = show(viz.explore(neuron()), script=CLOCK)
    page.tab.click("#play")
    for _ in range(4):
        page.tab.evaluate("tick()")
    page.press(",")
    assert page.text("#step-text") == "4 of 5"
    assert page.tab.locator(".node.active").count() == 1


def test_the_panel_follows_and_does_not_tell_the_end(show: Show) -> None:
    root = neuron()
    page = show(viz.explore(root))
    assert "Largest gradients" in page.text("#panel")
    for step in range(1, 5):
        page.press(".") if step > 1 else page.press(".", ".")
        assert "Largest gradients" not in page.text("#panel")
        assert number(-1.5) not in page.text("#panel")
    page.press("Escape")
    assert "Largest gradients" in page.text("#panel")


def test_a_selected_value_has_the_gradient_so_far(show: Show) -> None:
    root = network([3, 1])
    order = topological([root])
    i = next(i for i, node in enumerate(order) if node.label == "x0")
    page = show(viz.explore(root), f"value={i}&step=0")
    total = sum(1 for node in order if node.args)
    for step in (0, total // 2, total - 1, total):
        page.go(f"value={i}&step={step}")
        assert page.text("#why-sum") == number(partial_gradients(root, step)[i])
    assert "still to send" not in page.text("#panel")
    page.go(f"value={i}&step=1")
    assert f"{len(order[i].args) or 3} still to send" in page.text("#panel")
