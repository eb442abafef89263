"""Each demo runs once, quickly, for all tests and processes that ask what it prints and writes."""

import contextlib
import io
import os
import pickle
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import sleep

import pytest

from demos import __main__ as command
from demos.__main__ import DEMOS, main
from demos.gallery import Story
from scalargrad import manual_seed

SECONDS = 300
"""A demo that another process has not finished by then is taken for dead."""


@dataclass(frozen=True)
class Gallery:
    """A gallery's folder, and what was printed while it was made."""

    folder: Path
    printed: str
    progress: str


@dataclass(frozen=True)
class Told:
    """The story of a demo, what it printed, and the names of the files that it wrote, sorted."""

    story: Story
    printed: str
    progress: str
    files: list[str]


@dataclass(frozen=True)
class Stage:
    """The folder in which each demo has one of its own, shared by all processes of the tests."""

    root: Path

    def folder(self, name: str) -> Path:
        """The folder that a demo writes into."""
        return self.root / name

    def is_busy(self, name: str) -> bool:
        """Whether a process runs the demo at this moment."""
        return self._lock(name).exists()

    def _lock(self, name: str) -> Path:
        return self.root / f"{name}.lock"

    def play(self, name: str, demo: Callable[[Path, bool], Story]) -> Told:
        """What a demo tells; it runs when it is first asked for."""
        record = self.root / f"{name}.pickle"
        if not record.exists():
            with self._alone(name):
                if not record.exists():
                    self._run(name, demo, record)
        told: Told = pickle.loads(record.read_bytes())
        return told

    @contextlib.contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Wait until no other process runs the demo."""
        lock = self._lock(name)
        for _ in range(20 * SECONDS):
            try:
                lock.mkdir()
                break
            except FileExistsError:
                sleep(0.05)
        else:
            raise TimeoutError(f"another process has run the demo {name} for {SECONDS} seconds")
        try:
            yield
        finally:
            lock.rmdir()

    def _run(self, name: str, demo: Callable[[Path, bool], Story], record: Path) -> None:
        folder = self.folder(name)
        folder.mkdir()
        manual_seed(0)
        with recorded() as (printed, progress):
            story = demo(folder, True)
        files = sorted(path.name for path in folder.iterdir())
        told = Told(story, printed.getvalue(), progress.getvalue(), files)
        # Renamed when it is complete: other processes look for it without a lock.
        draft = record.with_suffix(".draft")
        draft.write_bytes(pickle.dumps(told))
        draft.replace(record)


@contextlib.contextmanager
def recorded() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Two texts that receive what is written to the standard streams."""
    printed, progress = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(progress):
        yield printed, progress


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    base = tmp_path_factory.getbasetemp()
    # Each worker of pytest-xdist has a folder of its own in one that they share.
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = root / "stage"
    folder.mkdir(exist_ok=True)
    return Stage(folder)


@pytest.fixture(scope="session")
def told(stage: Stage) -> Callable[[str], Told]:
    """What a demo tells that runs for all tests alike, by its name."""
    return lambda name: stage.play(name, import_module(f"demos.{name}").run)


@pytest.fixture(scope="session")
def gallery(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """The gallery of all demos; each says again what it said when it ran."""
    find_demo = command._load_demo
    target = tmp_path_factory.mktemp("gallery")

    def once(name: str, data: Path | None) -> Callable[[Path, bool], Story]:
        demo = find_demo(name, data)

        def again(folder: Path, quick: bool) -> Story:
            assert (folder, quick) == (target, True)
            told = stage.play(name, demo)
            shutil.copytree(stage.folder(name), folder, dirs_exist_ok=True)
            sys.stdout.write(told.printed)
            sys.stderr.write(told.progress)
            return told.story

        return again

    # Two processes that went through the same list would wait for each other at each demo.
    for name in DEMOS:
        if not stage.is_busy(name):
            stage.play(name, find_demo(name, None))
    with pytest.MonkeyPatch.context() as patch, recorded() as (printed, progress):
        patch.setattr(command, "_load_demo", once)
        main(["--out", str(target)])
    assert list(DEMOS)[:3] == ["neuron", "moons", "digits"]
    return Gallery(target, printed.getvalue(), progress.getvalue())
