"""Pages in a frame that is not displayed when they open, as in a closed part of another page."""

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
