"""The film at the top of the README: `python -m docs.film`, with the extras `browser` and `video`.

A network learns in its page, then a neuron and one of its weights are opened. Each picture is a
screenshot of the page after another few epochs, so the film is the same on a slow machine.
"""

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

import viz
from scalargrad import data, nn, optim

FILM = Path(__file__).parent.parent / "demos/pictures/training.webp"
SIZE: ViewportSize = {"width": 1100, "height": 800}

POINTER = """([x, y]) => {
  const pointer = document.getElementById('pointer') ?? document.body.appendChild(
    Object.assign(document.createElement('div'), { id: 'pointer' }));
  pointer.innerHTML = '<svg width="26" height="26" viewBox="0 0 13 13"><path fill="#000" '
    + 'stroke="#fff" d="M1 1v10l2.7-2.4 1.9 3.9 1.8-.9-1.9-3.8h3.6z"/></svg>';
  pointer.style = `position: fixed; left: ${x}px; top: ${y}px; z-index: 99; pointer-events: none`;
}"""


class Frame(NamedTuple):
    """A picture and how long it is shown, in milliseconds."""

    picture: Image.Image
    duration: int


def make_page() -> viz.Page:
    """Return a page in which a network learns to tell two moons apart."""
    points, classes = data.moons(80, noise=0.1, seed=1)
    model = nn.MLP(2, [6, 6, 1], activation="tanh", seed=0)
    optimizer = optim.Adam(model.parameters(), 0.01)
    samples = (points, 2 * classes - 1)
    return viz.explore(
        model, data=samples, loss="mse", train=True, optimizer=optimizer, theme="light"
    )


def play(tab: Any, rounds: int) -> Iterator[Frame]:
    """Train for some rounds, open a neuron, and ask why one of its weights has its gradient."""

    def look(duration: int) -> Frame:
        return Frame(Image.open(io.BytesIO(tab.screenshot())).convert("RGB"), duration)

    def click(target: Any) -> None:
        box = target.bounding_box()
        tab.evaluate(POINTER, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
        target.click()
        tab.wait_for_timeout(500)

    yield look(1000)
    for round_ in range(rounds):
        for _ in range(1 + round_ // 6):
            tab.click("#train-epoch")
        yield look(120)
    click(tab.get_by_role("button").filter(has_text="g₃").first)
    yield look(2500)
    click(tab.get_by_role("row").filter(has_text="h₂").first)
    yield look(4000)


def record(path: Path, rounds: int = 30) -> None:
    """Write the film to a file."""
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE, reduced_motion="reduce")
        tab.goto(make_page().save(Path(folder, "page.html")).as_uri())
        tab.wait_for_selector("body[data-ready]")
        frames = list(play(tab, rounds))
        browser.close()
    first, *others = [frame.picture for frame in frames]
    durations = [frame.duration for frame in frames]
    first.save(
        path, save_all=True, append_images=others, duration=durations, loop=0, quality=60, method=6
    )


if __name__ == "__main__":
    record(Path(sys.argv[1]) if sys.argv[1:] else FILM)
