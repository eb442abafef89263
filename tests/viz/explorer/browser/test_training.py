"""Training in a browser: the numbers of its frames, two of them compared, and its events."""

from collections.abc import Callable
from typing import Any

import numpy
import pytest

import viz
from scalargrad import Value
from scalargrad.losses import mse
from scalargrad.nn import MLP
from scalargrad.training import Recorder, Recording, fit
from tests.viz.explorer.browser.conftest import resize
from viz.look.text import number

Show = Callable[..., Any]


def trained(epochs: int = 12, activation: str = "tanh") -> Recording:
    model = MLP(2, [3, 1], activation=activation, seed=3)
    recorder = Recorder([0.5, -0.3], 0.7, mse)
    samples, targets = [[0.5, -0.3], [-1.0, 0.2], [0.1, 0.9]], [0.7, -0.5, 0.2]
    fit(
        model,
        samples,
        targets,
        loss="mse",
        optimizer="adam",
        epochs=epochs,
        batch_size=None,
        callbacks=[recorder],
        progress=False,
    )
    return recorder.recording


def hand_made(
    data: list[list[float]], gradients: list[list[float]], losses: list[float]
) -> Recording:
    """Frames of relu(x * w) with numbers of our own, the loss last."""
    x, w = Value(1.0, label="x"), Value(1.0, label="w")
    import scalargrad as sg

    product = x * w
    order = [x, w, product, sg.relu(product)]
    return Recording(
        order,
        list(range(len(losses))),
        losses,
        numpy.array(data, numpy.float32),
        numpy.array(gradients, numpy.float32),
    )


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_every_frame_has_the_numbers_of_the_recording(show: Show, activation: str) -> None:
    recording = trained(activation=activation)
    page = show(viz.explore(recording))
    moments = [
        f"frame={t}&value={i}"
        for t in range(len(recording))
        for i in range(0, len(recording.values), 5)
    ]
    found = page.follow(*moments)
    expected = [
        (recording.data[t, i], recording.gradients[t, i])
        for t in range(len(recording))
        for i in range(0, len(recording.values), 5)
    ]
    assert numpy.allclose(numpy.array(found, float), numpy.array(expected), rtol=1e-5, atol=1e-7)


def test_the_slider_scrubs_both_ways(show: Show) -> None:
    recording = trained()
    page = show(viz.explore(recording))
    assert f"loss {number(recording.losses[-1])}" in page.text("#frame-text")
    page.press("[", "[")
    assert page.text("#frame-text").startswith(f"step {recording.steps[-3]}")
    page.press("]")
    assert f"loss {number(recording.losses[-2])}" in page.text("#frame-text")
    page.tab.evaluate(
        "const s = document.querySelector('#frame');"
        "s.value = 0; s.dispatchEvent(new Event('input'))"
    )
    assert f"loss {number(recording.losses[0])}" in page.text("#frame-text")


def test_two_frames_are_compared(show: Show) -> None:
    recording = trained()
    at = len(recording.values) - 1
    page = show(viz.explore(recording), f"frame=9&value={at}")
    page.tab.select_option("#compare", "2")
    change = float(recording.data[9, at]) - float(recording.data[2, at])
    assert page.text(".numbers tbody tr:nth-child(1) td:last-child") == number(change)
    assert "step 9 minus step 2" in page.text("#caption")
    assert (
        page.tab.get_attribute(f"#v{at}", "aria-label").split("data ")[1].startswith(number(change))
    )


def test_history_is_drawn(show: Show) -> None:
    page = show(viz.explore(trained()), "value=0")
    assert page.tab.locator(".history polyline").count() == 2


def test_events_are_found_and_jumped_to(show: Show) -> None:
    data = [[1, 2, 2, 2], [1, 1, 1, 1], [1, -1, -1, 0], [1, -2, -2, 0]]
    gradients = [[2, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 1]]
    page = show(viz.explore(hand_made(data, gradients, [2.0, 1.0, 1.5, 0.0])))
    texts = page.tab.locator("#events option").all_text_contents()[1:]
    assert texts == [
        "step 2: the loss rose from 1 to 1.5",
        "step 2: relu died: it lets nothing through any more",
    ]
    page.tab.select_option("#events", "1")
    assert page.text("#frame-text").startswith("step 2")
    assert page.text("#panel h2") == "relu(x·w)"


def test_what_can_not_be_computed_again_is_kept_as_it_is(show: Show) -> None:
    data = [[1, 2, 7, 7], [1, 1, 9, 9]]
    page = show(viz.explore(hand_made(data, [[3, 4, 5, 1], [6, 7, 8, 1]], [1.0, 0.5])))
    assert page.follow("frame=0&value=2", "frame=1&value=2", "frame=1&value=0") == [
        ["7.0", "5.0"],
        ["9.0", "8.0"],
        ["1.0", "6.0"],
    ]


def test_what_if_starts_from_the_frame_that_is_seen(show: Show) -> None:
    recording = trained()
    leaf = next(i for i, node in enumerate(recording.values) if node.label == "w0")
    page = show(viz.explore(recording), f"frame=0&value={leaf}&what-if={leaf}:0.25")
    assert page.text(".numbers code >> nth=0").strip() == "0.25"
    page.press("]")
    assert page.tab.locator(".moved").count() == 0


WIDTHS = (1440, 840, 390)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_screen_is_too_narrow(show: Show, width: int) -> None:
    page = show(viz.explore(trained()))
    resize(page.tab, width, 850)
    assert page.tab.evaluate("document.documentElement.scrollWidth") == width
    for name in ("header", "footer"):
        box = page.tab.locator(name).bounding_box()
        assert box["x"] == 0
        assert box["width"] <= width
        inner = f"[...document.querySelectorAll('{name} *')].map((e) => e.getBoundingClientRect())"
        assert page.tab.evaluate(f"Math.max(...{inner}.map((r) => r.right))") <= width
