"""Each demo runs once, quickly, for all tests of what it prints and writes."""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import pytest

from demos import __main__ as command
from demos.__main__ import DEMOS, main
from demos.gallery import Story
from scalargrad import manual_seed


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


@dataclass
class Stage:
    """The folder that all demos write into, and those that have run."""

    folder: Path
    told: dict[str, Told] = field(default_factory=dict)

    def play(self, name: str, demo: Callable[[Path, bool], Story]) -> Told:
        """What a demo tells; it runs when it is first asked for."""
        if name not in self.told:
            before = {path.name for path in self.folder.iterdir()}
            manual_seed(0)
            with recorded() as (printed, progress):
                story = demo(self.folder, True)
            files = {path.name for path in self.folder.iterdir()} - before
            self.told[name] = Told(story, printed.getvalue(), progress.getvalue(), sorted(files))
        return self.told[name]


@contextlib.contextmanager
def recorded() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """Two texts that receive what is written to the standard streams."""
    printed, progress = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(progress):
        yield printed, progress


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("demos"))


@pytest.fixture(scope="session")
def told(stage: Stage) -> Callable[[str], Told]:
    """What a demo tells that runs for all tests alike, by its name."""
    return lambda name: stage.play(name, import_module(f"demos.{name}").run)


@pytest.fixture(scope="session")
def gallery(stage: Stage) -> Gallery:
    """The gallery of all demos; one that ran already says again what it said."""
    found = command._load_demo

    def once(name: str, data: Path | None) -> Callable[[Path, bool], Story]:
        demo = found(name, data)

        def again(folder: Path, quick: bool) -> Story:
            assert (folder, quick) == (stage.folder, True)
            told = stage.play(name, demo)
            sys.stdout.write(told.printed)
            sys.stderr.write(told.progress)
            return told.story

        return again

    with pytest.MonkeyPatch.context() as patch, recorded() as (printed, progress):
        patch.setattr(command, "_load_demo", once)
        main(["--out", str(stage.folder)])
    assert list(DEMOS)[:3] == ["neuron", "moons", "digits"]
    return Gallery(stage.folder, printed.getvalue(), progress.getvalue())
