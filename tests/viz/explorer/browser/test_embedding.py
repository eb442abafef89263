"""Pages in a frame of another page: opened out of sight, and in the theme of that page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scalargrad as sg
import viz
from scalargrad import nn
from tests.viz.explorer.browser.conftest import wait_for_layout
from tests.viz.explorer.browser.reach import POINTS, SIGNS
from tests.viz.explorer.test_block_views import tower
from viz import Page
from viz.look.theme import DARK, LIGHT


def playground() -> Page:
    model = nn.MLP(2, [3, 2, 1], activation="tanh", seed=0)
    return viz.explore(model, data=(POINTS, SIGNS), train=True)


def graph() -> Page:
    loss = nn.MLP(2, [4, 3, 1], activation="tanh", seed=0)([1.0, 2.0]) ** 2
    sg.backward([loss])
    return viz.explore(loss)


def blocks() -> Page:
    return viz.explore(tower(), level="blocks")


PAGES = {"playground": playground, "graph": graph, "blocks": blocks}


@pytest.mark.parametrize("make", PAGES.values(), ids=PAGES)
def test_a_frame_that_was_hidden_looks_like_one_that_never_was(
    make: Callable[[], Page], open_tab: Callable[..., Any], tmp_path: Path
) -> None:
    make().save(tmp_path / "inner.html")
    pictures = []
    for style in ("", "display: none"):
        outer = tmp_path / "outer.html"
        frame = f'<iframe src="inner.html" width="900" height="700" style="{style}"></iframe>'
        outer.write_text(f"<!doctype html><body>{frame}</body>", encoding="utf-8")
        tab = open_tab("light")
        errors: list[str] = []
        tab.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        tab.goto(outer.as_uri())
        inner = tab.frames[1]
        inner.wait_for_selector("body[data-ready]", state="attached")
        tab.evaluate("document.querySelector('iframe').style.display = ''")
        for _ in range(3):
            wait_for_layout(inner)
        pictures.append(tab.screenshot())
        tab.close()
        assert errors == []
    assert pictures[0] == pictures[1]


SITE = (Path(__file__).parents[4] / "docs/static/site.js").read_text(encoding="utf-8")
"""The script of the documentation, which answers what theme its reader has chosen."""


def embed(page: Page, folder: Path, theme: str) -> str:
    """Save a page, and another one around it as the documentation is; return its address."""
    page.save(folder / "inner.html")
    outer = folder / "outer.html"
    outer.write_text(
        f'<!doctype html><body data-theme="{theme}"><figure class="live">'
        f'<iframe src="inner.html" width="900" height="700"></iframe></figure>'
        f"<script>{SITE}</script></body>",
        encoding="utf-8",
    )
    return outer.as_uri()


def ground(tab: Any) -> str:
    """Return the color of the page in the frame once both pages have followed each other."""
    inner = tab.frames[1]
    inner.wait_for_selector("body[data-ready]")
    for _ in range(2):
        wait_for_layout(inner)
    color = inner.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--page')")
    return str(color).strip()


@pytest.mark.parametrize("make", PAGES.values(), ids=PAGES)
def test_a_page_follows_the_theme_of_the_page_around_it(
    make: Callable[[], Page], open_tab: Callable[..., Any], tmp_path: Path
) -> None:
    tab = open_tab("light")
    tab.goto(embed(make(), tmp_path, "dark"))
    assert ground(tab) == DARK.page
    for theme, color in (("light", LIGHT.page), ("dark", DARK.page), ("auto", LIGHT.page)):
        tab.evaluate("(theme) => { document.body.dataset.theme = theme; }", theme)
        tab.wait_for_timeout(50)
        assert ground(tab) == color
    tab.close()


def test_a_theme_that_was_chosen_in_code_stays(
    open_tab: Callable[..., Any], tmp_path: Path
) -> None:
    tab = open_tab("light")
    page = viz.explore(nn.MLP(2, [2, 1], seed=0)([1.0, 2.0]), theme="light")
    tab.goto(embed(page, tmp_path, "dark"))
    assert ground(tab) == LIGHT.page
    tab.close()


@pytest.mark.parametrize("data", ["null", "'dark'", "{ theme: 'red' }", "{ theme: ['dark'] }"])
def test_other_messages_change_nothing(
    data: str, open_tab: Callable[..., Any], tmp_path: Path
) -> None:
    tab = open_tab("light")
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(embed(graph(), tmp_path, "light"))
    assert ground(tab) == LIGHT.page
    tab.evaluate(f"document.querySelector('iframe').contentWindow.postMessage({data}, '*')")
    tab.wait_for_timeout(50)
    assert ground(tab) == LIGHT.page
    assert errors == []
    tab.close()
