"""The demos run once, quickly, for all tests of what they print and write."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

import pytest

from demos.__main__ import DEMOS, main


@dataclass(frozen=True)
class Gallery:
    """A gallery's folder, and what was printed while it was made."""

    folder: Path
    printed: str
    progress: str


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    folder = tmp_path_factory.mktemp("demos") / "new" / "gallery"
    printed, progress = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(progress):
        main(["--out", str(folder)])
    assert list(DEMOS)[:3] == ["neuron", "moons", "digits"]
    return Gallery(folder, printed.getvalue(), progress.getvalue())
