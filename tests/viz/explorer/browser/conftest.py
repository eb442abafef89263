"""What tests of the page share: a page that is opened, and how to look at it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from viz import Page


class Opened:
    """A page in the browser, and everything it said or asked for."""

    def __init__(self, tab: Any, address: str) -> None:
        self.tab, self.address = tab, address
        self.said: list[str] = []
        self.asked: list[str] = []
        tab.on("console", lambda message: self.said.append(message.text))
        tab.on("pageerror", lambda error: self.said.append(str(error)))
        tab.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        tab.on("request", lambda request: self.asked.append(request.url))

    def go(self, moment: str = "") -> "Opened":
        """Open the page at a moment again."""
        self.tab.goto("about:blank")
        self.asked.clear()
        self.tab.goto(f"{self.address}#{moment}")
        self.tab.wait_for_selector("body[data-ready]")
        wait_for_layout(self.tab)
        return self

    def close(self) -> None:
        """Close the page, which must have said nothing and asked the network for nothing."""
        # A blob is in the memory of the page.
        remote = [url for url in self.asked if not url.startswith("blob:")]
        asked = [url for url in remote if url.partition("#")[0] != self.address]
        self.tab.close()
        assert self.said == []
        assert asked == []

    def text(self, selector: str) -> str:
        return str(self.tab.inner_text(selector))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    def moment(self) -> str:
        """Return what the address says of the moment."""
        return moment_of(self.tab)

    def follow(self, *moments: str) -> list[list[str]]:
        """Follow links to moments of the page.

        Returns data and gradient of the selected value with all digits, at each moment.
        """
        script = """async (moments) => {
          const found = [];
          for (const moment of moments) {
            const heard = new Promise((done) => {
              addEventListener('hashchange', done, { once: true });
            });
            location.hash = moment;
            await heard;
            const codes = [...document.querySelectorAll('.numbers code')];
            found.push(codes.map((code) => code.textContent));
          }
          return found;
        }"""
        return list(self.tab.evaluate(script, list(moments)))


def resize(tab: Any, width: int, height: int) -> None:
    """Give a tab another size, and wait until the page has followed."""
    tab.set_viewport_size({"width": width, "height": height})
    wait_for_layout(tab)


def moment_of(tab: Any) -> str:
    """Return the part of the address after #, as the page itself reads it."""
    # The address that the tab knows follows the page a little later.
    return str(tab.evaluate("location.hash.slice(1)"))


def wait_for_layout(tab: Any) -> None:
    """Wait until all that follows the sizes of elements has followed."""
    # A frame calls its callbacks first, and what observes sizes only then.
    tab.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


@pytest.fixture(scope="session")
def open_tab(browser: Any) -> Callable[..., Any]:
    """Open a tab in a theme. Those of one theme share a window: making windows takes a second."""
    windows: dict[tuple[str, bool], Any] = {}

    def opener(theme: str, bypass_csp: bool = False) -> Any:
        kind = theme, bypass_csp
        if kind not in windows:
            windows[kind] = browser.new_context(
                color_scheme=theme, bypass_csp=bypass_csp, reduced_motion="reduce"
            )
            # A window stays while it has a tab.
            windows[kind].new_page()
        tab = windows[kind].new_page()
        tab.set_viewport_size({"width": 1400, "height": 850})
        return tab

    return opener


@pytest.fixture
def show(open_tab: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open a page; by the end it must have said nothing and asked the network for nothing."""
    opened: list[Opened] = []

    def opener(
        page: Page, moment: str = "", theme: str = "light", script: str | None = None
    ) -> Opened:
        path = page.save(tmp_path / f"page{len(opened)}.html")
        tab = open_tab(theme)
        if script:
            tab.add_init_script(script)
        opened.append(Opened(tab, path.as_uri()))
        return opened[-1].go(moment)

    yield opener
    for one in opened:
        one.close()
