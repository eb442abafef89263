"""Where Chromium is, for the tests and benchmarks of pages."""

import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
"""The path of the program, or None."""
