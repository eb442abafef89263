"""What tests of the page share: a page that is opened, and how to look at it."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from viz import Page

Size = tuple[int, int]

SpareTabs = defaultdict[tuple[str, str], list[Any]]
"""Tabs by their theme and by the script that runs in them before that of a page."""

SIZE = (1400, 850)
"""Width and height of a tab, in pixels."""


class Opened:
    """A page in the browser, and everything it said or asked for."""

    def __init__(self, tab: Any, address: str) -> None:
        self.tab, self.address = tab, address
        self.said: list[str] = []
        self.asked: list[str] = []
        self._listeners: dict[str, Callable[[Any], Any]] = {
            "console": lambda message: self.said.append(message.text),
            "pageerror": lambda error: self.said.append(str(error)),
            "dialog": lambda dialog: (self.said.append(dialog.message), dialog.dismiss()),
            "request": lambda request: self.asked.append(request.url),
        }
        for event, listener in self._listeners.items():
            tab.on(event, listener)

    def go(self, moment: str = "") -> "Opened":
        """Open the page at a moment, also again."""
        if self.asked:
            # An address that differs in its moment only would not load the page again.
            self.tab.goto("about:blank")
            self.asked.clear()
        self.tab.goto(f"{self.address}#{moment}")
        self.tab.wait_for_selector("body[data-ready]")
        wait_for_layout(self.tab)
        return self

    def close(self) -> None:
        """Close the page, which must have said nothing and asked the network for nothing."""
        self.tab.close()
        self.check()

    def leave(self) -> None:
        """Make the tab ready for another page."""
        # A page remembers in its tab which hints have been followed.
        self.tab.evaluate("sessionStorage.clear()")
        self.tab.emulate_media(media="null", reduced_motion="reduce")
        self.tab.mouse.move(0, 0)
        for event, listener in self._listeners.items():
            self.tab.remove_listener(event, listener)

    def check(self) -> None:
        """Raise AssertionError if the page said anything or asked the network for anything."""
        # A blob is in the memory of the page.
        remote = [url for url in self.asked if not url.startswith("blob:")]
        asked = [url for url in remote if url.partition("#")[0] != self.address]
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

    def visit(self, moment: str) -> None:
        """Follow a link to a moment of the page, without opening the page again."""
        script = """(moment) => new Promise((done) => {
          addEventListener('hashchange', done, { once: true });
          location.hash = moment;
        })"""
        self.tab.bring_to_front()
        if self.moment() != moment:
            self.tab.evaluate(script, moment)

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


def set_size(tab: Any, size: Size) -> None:
    width, height = size
    tab.set_viewport_size({"width": width, "height": height})


def resize(tab: Any, width: int, height: int) -> None:
    """Give a tab another size, and wait until the page has followed."""
    set_size(tab, (width, height))
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
        set_size(tab, SIZE)
        return tab

    return opener


@pytest.fixture(scope="session")
def spare_tabs() -> SpareTabs:
    """Tabs that no test uses: to open one takes longer than to open a page in it."""
    return defaultdict(list)


@pytest.fixture
def show(
    open_tab: Callable[..., Any],
    spare_tabs: SpareTabs,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Opened]]:
    """Open a page; by the end it must have said nothing and asked the network for nothing."""
    opened: list[Opened] = []
    kinds: list[tuple[str, str]] = []
    failures = request.session.testsfailed

    def opener(
        page: Page,
        moment: str = "",
        theme: str = "light",
        script: str = "",
        size: Size = SIZE,
    ) -> Opened:
        path = page.save(tmp_path / f"page{len(opened)}.html")
        kind = theme, script
        if spare_tabs[kind]:
            tab = spare_tabs[kind].pop()
            # Behind another tab, frames and the pointer come late.
            tab.bring_to_front()
        else:
            tab = open_tab(theme)
            if script:
                tab.add_init_script(script)
        set_size(tab, size)
        opened.append(Opened(tab, path.as_uri()))
        kinds.append(kind)
        return opened[-1].go(moment)

    yield opener
    # A test that failed may have left its tab in any state.
    is_reusable = request.session.testsfailed == failures
    for one, kind in zip(opened, kinds, strict=True):
        if is_reusable:
            one.leave()
            spare_tabs[kind].append(one.tab)
        else:
            one.tab.close()
    for one in opened:
        one.check()


@pytest.fixture(scope="module")
def keep(
    open_tab: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Opened]]:
    """Open a page for all tests of a module that ask for it by one name, in any order.

    They may give it another size and another moment, and must do so before they look at it.
    """
    folder = tmp_path_factory.mktemp("kept")
    kept: dict[str, Opened] = {}

    def keeper(name: str, make: Callable[[], Page]) -> Opened:
        if name not in kept:
            path = make().save(folder / f"page{len(kept)}.html")
            kept[name] = Opened(open_tab("light"), path.as_uri()).go()
        kept[name].tab.bring_to_front()
        return kept[name]

    yield keeper
    for one in kept.values():
        one.close()
