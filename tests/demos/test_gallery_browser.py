"""The gallery in a browser: nothing is wider than the screen, too small or hard to reach."""

import os
from pathlib import Path
from typing import Any

import pytest

from demos.__main__ import DEMOS

PAGES = ("index", "readme", "neuron-code", *DEMOS)
WIDTHS = (390, 840, 1440)

SMALLEST = """() => {
  const sizes = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const size = parseFloat(getComputedStyle(walk.currentNode.parentElement).fontSize);
    if (walk.currentNode.data.trim()) sizes.push(size);
  }
  return Math.min(...sizes);
}"""
BROKEN = """async () => {
  const images = [...document.images];
  for (const image of images) image.loading = 'eager';
  await Promise.all(images.map((image) => image.decode().catch(() => {})));
  return images.filter((image) => !image.naturalWidth).map((image) => image.src);
}"""


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest) -> Path:
    """The gallery: the one in the folder GALLERY of the environment, or else a new one."""
    if "GALLERY" in os.environ:
        return Path(os.environ["GALLERY"])
    made: Path = request.getfixturevalue("gallery").folder
    return made


@pytest.fixture(scope="module")
def tab(browser: Any) -> Any:
    """One tab for all pages."""
    return browser.new_page()


def show(tab: Any, folder: Path, name: str, width: int) -> None:
    """Show a page of the gallery on a screen of a width."""
    tab.set_viewport_size({"width": width, "height": 844})
    tab.goto((folder / f"{name}.html").as_uri())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways(folder: Path, tab: Any, name: str, width: int) -> None:
    show(tab, folder, name, width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
def test_no_text_is_too_small(folder: Path, tab: Any, name: str) -> None:
    show(tab, folder, name, 390)
    assert tab.evaluate(SMALLEST) >= 10.0


@pytest.mark.parametrize("name", ["index", *DEMOS])
def test_every_picture_is_shown(folder: Path, tab: Any, name: str) -> None:
    show(tab, folder, name, 1440)
    assert tab.evaluate(BROKEN) == []


@pytest.mark.parametrize("name", DEMOS)
def test_pictures_on_a_phone_have_their_natural_size(folder: Path, tab: Any, name: str) -> None:
    show(tab, folder, name, 390)
    sizes = """() => [...document.querySelectorAll('figure img')].map((image) =>
      image.getBoundingClientRect().width - image.getAttribute('width'))"""
    assert all(abs(difference) < 1.0 for difference in tab.evaluate(sizes))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "neuron", "moons", "readme", "neuron-code"])
def test_a_page_can_be_used_by_all(folder: Path, browser: Any, name: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with browser.new_page(color_scheme=scheme) as page:
        show(page, folder, name, 1440)
        found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
