"""What all tests share: Hypothesis draws the same examples in every run, without a deadline."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, register_random, settings

from scalargrad.core.seeds import PROCESS
from tests.chromium import CHROMIUM

settings.register_profile("scalargrad", derandomize=True, deadline=None)
settings.register_profile(
    "no-shrinking",  # for the campaign of mutants, which asks only whether a test fails
    parent=settings.get_profile("scalargrad"),
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("scalargrad")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests in a browser last.

    Playwright keeps an event loop running from its first use on, beside which `asyncio.run` refuses
    to start another one.
    """
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Take the tests themselves, some hundred thousand objects, out of every garbage collection.

    Many tests collect garbage, and each time that walked through all of them.
    """
    gc.collect()
    gc.freeze()


# every example begins with the same generator, so one that fails fails again
register_random(PROCESS.random)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One headless Chromium for all tests, which are skipped without it or playwright."""
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()
