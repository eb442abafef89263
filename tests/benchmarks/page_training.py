"""How fast a page trains and draws: `python -m tests.benchmarks.page_training`. It needs Chromium.

Each network is trained by steps alone; then as the page does it, which also draws every frame and
trains for at most 8 ms of each, at 60 and at 300 steps a second and as fast as it goes. A redraw
is all that a frame draws where nothing waits for its turn, without what the browser does with it.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import viz
from scalargrad import data, nn
from tests.chromium import CHROMIUM
from tests.viz.explorer.browser.reach import within_reach

NETWORKS: tuple[tuple[list[int], int | None], ...] = (([16, 16, 1], None), ([6, 4, 1], 16))
SAMPLES = 100
SECONDS = 3
SPEEDS = (60, 300)
"""In steps a second, as the reader may choose them."""

STEPS_ALONE = """(seconds) => {
  const trainer = trainerOfPage();
  for (let k = 0; k < 300; k += 1) trainer.step();
  const before = trainer.steps;
  const start = performance.now();
  while (performance.now() - start < 1000 * seconds) trainer.step();
  return (trainer.steps - before) / seconds;
}"""

WITH_FRAMES = """async ([seconds, speed]) => {
  const trainer = trainerOfPage();
  sessionOfPage().speed = speed ?? Infinity;
  document.getElementById('train').click();
  const before = trainer.steps;
  const start = performance.now();
  let frames = 0;
  while (performance.now() - start < 1000 * seconds) {
    await new Promise(requestAnimationFrame);
    frames += 1;
  }
  document.getElementById('train').click();
  return [(trainer.steps - before) / seconds, frames / seconds];
}"""

REDRAW = """(times) => {
  const took = Array.from({ length: times }, () => {
    trainerOfPage().step();
    const start = performance.now();
    mapsOfPage().forget();
    paintOfPage();
    return performance.now() - start;
  });
  return took.sort((a, b) => a - b)[times >> 1];
}"""
REDRAWS = 60


def measure(browser: Any, folder: Path, sizes: list[int], batch_size: int | None) -> str:
    """Train one network, and return the line of the table."""
    points, classes = data.moons(SAMPLES, noise=0.1, seed=1)
    model = nn.MLP(2, sizes, activation="tanh", seed=0)
    page = viz.explore(
        model,
        data=(points, 2.0 * classes - 1.0),
        train=True,
        optimizer="sgd",
        batch_size=batch_size,
    )
    path = within_reach(page).save(folder / "page.html")
    tab = browser.new_page(viewport={"width": 1400, "height": 850})
    tab.goto(path.as_uri())
    tab.wait_for_selector("body[data-ready]")
    alone = tab.evaluate(STEPS_ALONE, SECONDS)
    redraw = tab.evaluate(REDRAW, REDRAWS)
    paced = [tab.evaluate(WITH_FRAMES, [SECONDS, speed]) for speed in SPEEDS]
    steps, frames = tab.evaluate(WITH_FRAMES, [SECONDS, None])
    tab.close()
    name = "-".join(map(str, [2, *sizes]))
    frames_of_speeds = [f"{shown:.0f} frames/s at {done:.0f} steps/s" for done, shown in paced]
    batch = f"batches of {batch_size}" if batch_size else f"all {SAMPLES} samples"
    return (
        f"{name:10} {batch:16} {alone:8,.0f} steps/s alone, {steps:8,.0f} steps/s at "
        f"{frames:.0f} frames/s, {', '.join(frames_of_speeds)}, "
        f"redraw {redraw:.1f} ms, {len(page.html) / 1000:.0f} KB"
    )


def main() -> int:
    """Print a line for each network."""
    if CHROMIUM is None:
        print("no Chromium on the PATH")
        return 1
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for sizes, batch_size in NETWORKS:
            print(measure(browser, Path(folder), sizes, batch_size))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
