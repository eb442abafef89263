"""How smoothly a page shows large graphs: `python -m tests.benchmarks.page_frames [values …]`.

It needs Chromium. Each graph is opened to its last value. Drawing, a selection, a zoom and a step
are timed until they are on the screen, to the frame.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import viz
from tests.chromium import CHROMIUM
from tests.viz.graphs import network

WIDTHS = {1_000: 16, 5_000: 40, 20_000: 80}
"""The width of two hidden layers for a graph of about so many values."""
STEPS = 400
ROWS = {
    "draw": "ms to draw every value",
    "pan": "frames a second, moving",
    "pan_worst": "ms, its longest frame",
    "pan_close": "frames a second, moving close up",
    "zoom": "ms of a zoom",
    "select": "ms of a selection",
    "step": "ms of a step",
    "heap": f"MB of heap after {STEPS} steps",
    "heap_before": "MB of heap before",
}

MEASURE = """async (steps) => {
  const stage = document.getElementById('drawing');
  const { left, top, width, height } = stage.getBoundingClientRect();
  const middle = { clientX: left + width / 2, clientY: top + height / 2, bubbles: true };
  const frame = () => new Promise(requestAnimationFrame);
  const shown = async () => {
    await frame();
    await frame();
    while (stage.dataset.busy) await frame();
  };
  const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
  const timed = async (act) => {
    const start = performance.now();
    act();
    await shown();
    return performance.now() - start;
  };
  const some = async (times, act) => {
    const found = [];
    for (let k = 0; k < times; k += 1) found.push(await timed(() => act(k)));
    await new Promise((done) => setTimeout(done, 400));
    return median(found);
  };
  const press = (name) => stage.dispatchEvent(
    new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }),
  );
  const point = (type, more) => stage.dispatchEvent(
    new PointerEvent(type, { ...middle, pointerId: 1, isPrimary: true, ...more }),
  );
  const wheel = (deltaY) => stage.dispatchEvent(
    new WheelEvent('wheel', { ...middle, deltaY, cancelable: true }),
  );
  const heap = () => { globalThis.gc?.(); return performance.memory.usedJSHeapSize / 1e6; };

  // One move for each frame, in a wide circle, as a hand does.
  const pan = async (seconds, radius) => {
    point('pointerdown', {});
    const start = performance.now();
    let frames = 0;
    let worst = 0;
    let before = start;
    while (performance.now() - start < 1000 * seconds) {
      const angle = frames / 25;
      point('pointermove', {
        clientX: middle.clientX + radius * (Math.cos(angle) - 1),
        clientY: middle.clientY + radius * Math.sin(angle),
      });
      await frame();
      frames += 1;
      worst = Math.max(worst, performance.now() - before);
      before = performance.now();
    }
    point('pointerup', {});
    await new Promise((done) => setTimeout(done, 400));
    return [(1000 * frames) / (before - start), worst];
  };

  const found = {};
  const detail = document.getElementById('detail');
  detail.value = String(detail.options.length - 2);
  found.draw = await timed(() => detail.dispatchEvent(new Event('change')));
  await new Promise((done) => setTimeout(done, 600));
  [found.pan, found.pan_worst] = await pan(3, 260);
  found.zoom = await some(8, (k) => wheel(k % 2 ? 100 : -100));
  for (let k = 0; k < 12; k += 1) {
    wheel(-200);
    await frame();
  }
  await new Promise((done) => setTimeout(done, 600));
  [found.pan_close] = await pan(3, 260);
  document.getElementById('fit').click();
  await new Promise((done) => setTimeout(done, 600));
  stage.focus();
  found.select = await some(6, () => press('ArrowLeft'));
  press('Escape');
  found.step = await some(6, () => press('.'));
  found.heap_before = heap();
  for (let k = 0; k < steps; k += 1) press('.');
  await shown();
  found.heap = heap();
  return found;
}"""


def measure(browser: Any, folder: Path, values: int) -> dict[str, float]:
    """Return the figures of one graph by the names of `ROWS`, and how many values it has."""
    width = WIDTHS[values]
    page = viz.explore(network([width, width, 1]))
    path = page.save(folder / "page.html")
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    tab.goto(path.as_uri())
    tab.wait_for_selector("body[data-ready]")
    found: dict[str, float] = tab.evaluate(MEASURE, STEPS)
    tab.close()
    return found


def main(arguments: Sequence[str]) -> int:
    """Print a column for each graph."""
    if CHROMIUM is None:
        print("no Chromium on the PATH")
        return 1
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--enable-precise-memory-info", "--js-flags=--expose-gc"]
    chosen = [int(text) for text in arguments] or list(WIDTHS)
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        columns = [measure(browser, Path(folder), values) for values in chosen]
        browser.close()
    print(f"{'values':34}" + "".join(f"{values:>10,}" for values in chosen))
    for name, words in ROWS.items():
        print(f"{words:34}" + "".join(f"{column[name]:10.1f}" for column in columns))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
