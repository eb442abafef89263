"""`python -m viz FILE.py:NAME`: what a script builds, in a file; errors are sentences."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import viz
from viz.__main__ import main

ROOT = Path(__file__).parent.parent.parent

SCRIPT = """
import os, sys
import scalargrad as sg
from beside import three
from scalargrad import training

x = sg.Value(2.0)
loss = sg.tanh(x * three)
loss.backward()
both = [x * 2.0, x * 3.0]
model = sg.nn.MLP(2, [3, 1], seed=0)
program = sg.compile(lambda x: sg.tanh(x), inputs=(1,))
sketch = {"loss": ["x", "y"]}
ran_as = __name__, os.getcwd(), sys.argv, os.path.realpath(sys.path[0])

def build():
    return loss

def finished():
    import viz
    return viz.draw(loss, title="a heading of the script")

def explained():
    import viz
    return viz.explain(loss, x)

def compared():
    import viz
    return viz.compare(loss, loss)

def train():
    from scalargrad.losses import mse
    recorder = training.Recorder([1.0, 2.0], 1.0, mse)
    sg.fit(model, [[0.0, 1.0]], [1.0], loss="mse", epochs=2, progress=False, callbacks=[recorder])
    return recorder

def recording():
    return train().recording

def needs(sample):
    return sample

def fails():
    return 1 / 0

def ends():
    sys.exit("enough")

def nothing():
    pass

number = 3.0
if __name__ == "__main__":
    raise AssertionError("it is not the script that was started")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a script in a folder of its own; what the command changes is put back."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "network.py").write_text(SCRIPT, encoding="utf-8")
    (scripts / "beside.py").write_text("three = 0.3\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("network", "beside"):
        sys.modules.pop(name, None)


DRAWN = [
    *("loss", "both", "model", "program", "sketch", "build"),
    *("explained", "compared", "train", "recording"),
]


@pytest.mark.parametrize("name", DRAWN)
def test_whatever_a_script_builds_is_drawn(name: str, folder: Path) -> None:
    assert main([f"scripts/network.py:{name}", "-o", "a.svg"]) == 0
    assert ElementTree.parse(folder / "a.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize("name", ["loss", "model", "train"])
def test_html_is_a_page_to_explore(name: str, folder: Path) -> None:
    assert main([f"scripts/network.py:{name}", "--title", "mine & yours", "-o", "a.html"]) == 0
    page = (folder / "a.html").read_text(encoding="utf-8")
    assert "<script" in page
    assert "<title>mine &amp; yours</title>" in page


def test_the_picture_is_that_of_draw_with_the_same_options(folder: Path) -> None:
    options = ["--level", "chips", "--width", "phone", "--theme", "dark", "--title", "here"]
    assert main(["scripts/network.py:model", *options, "-o", "a.svg"]) == 0
    model = sys.modules["network"].model
    drawing = viz.draw(model, level="chips", width="phone", theme="dark", title="here")
    assert (folder / "a.svg").read_text(encoding="utf-8") == drawing.svg()


def test_modules_are_opened(folder: Path) -> None:
    options = ["--expand", "layers.0.neurons.1", "--expand", "layers.1.neurons.0", "--width", "900"]
    assert main(["scripts/network.py:model", *options, "-o", "a.svg"]) == 0
    paths = ["layers.0.neurons.1", "layers.1.neurons.0"]
    expected = viz.draw(sys.modules["network"].model, expand=paths, width=900.0)
    assert (folder / "a.svg").read_text(encoding="utf-8") == expected.svg()


def test_values_are_named_by_the_variables_of_the_script(folder: Path) -> None:
    assert main(["scripts/network.py:loss", "-o", "a.txt"]) == 0
    assert "x" in (folder / "a.txt").read_text(encoding="utf-8").split()
    assert sys.modules["network"].loss.label == "loss"


def test_a_drawing_of_the_script_is_saved_as_it_is(folder: Path) -> None:
    assert main(["scripts/network.py:finished", "-o", "a.txt"]) == 0
    assert "a heading of the script" in (folder / "a.txt").read_text(encoding="utf-8")


def test_the_script_runs_in_its_folder_under_its_name(folder: Path) -> None:
    assert main(["scripts/network.py:loss", "-o", "a.svg"]) == 0
    scripts = os.path.realpath(folder / "scripts")
    name, place, argv, first = sys.modules["network"].ran_as
    assert (name, place, first) == ("network", scripts, scripts)
    assert argv == [str(folder / "scripts/network.py")]


def test_the_path_of_the_file_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["scripts/network.py:loss", "-o", "a.svg"])
    assert capsys.readouterr().out.strip() == str(folder / "a.svg")


def test_without_a_file_the_browser_opens(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address) or True))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert main(["scripts/network.py:loss"]) == 0
    assert [address.endswith(".html") for address in opened] == [True]


WRONG = {
    "no name": ("scripts/network.py", [], "has no name of what to draw: write FILE.py:NAME"),
    "no file": ("scripts/nothing.py:loss", [], "there is no file scripts/nothing.py"),
    "not Python": ("notes.txt:loss", [], "is not a Python script"),
    "no such name": ("scripts/network.py:los", [], "no los; did you mean 'loss'"),
    "takes arguments": ("scripts/network.py:needs", [], "needs of network.py takes arguments"),
    "fails": ("scripts/network.py:fails", [], "raised ZeroDivisionError at line 44: division by"),
    "ends": ("scripts/network.py:ends", [], "ended itself at line 47"),
    "nothing": ("scripts/network.py:nothing", [], "returned None: return what is to be drawn"),
    "a number": ("scripts/network.py:number", [], "draw takes a Value, a list of Values"),
    "level": ("scripts/network.py:loss", ["--level", "card"], "did you mean 'cards'"),
    "width": ("scripts/network.py:loss", ["--width", "narrow"], "width must be a number of pixels"),
    "finished": (
        "scripts/network.py:finished",
        ["--level", "cards"],
        "picture takes no options",
    ),
    "ending": ("scripts/network.py:loss", ["-o", "a.jpg"], "the extension must be one of .svg"),
    "page": ("scripts/network.py:loss", ["-o", "a.html", "--show", "data"], "and not --show"),
    "folder": ("scripts/network.py:loss", ["-o", "none/a.svg"], "create it first"),
    "broken": ("broken.py:loss", [], "broken.py raised SyntaxError at line 2"),
}


@pytest.mark.parametrize(("target", "options", "message"), WRONG.values(), ids=WRONG)
def test_errors_are_one_sentence_and_code_2(
    target: str,
    options: list[str],
    message: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "notes.txt").touch()
    (folder / "broken.py").write_text("x = 1\nloss = (\n", encoding="utf-8")
    # Of an option that is given twice the last one counts.
    assert main([target, "-o", "a.svg", *options]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("python -m viz: error: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not printed.out
    assert not (folder / "a.svg").exists()


def test_as_a_command(folder: Path) -> None:
    def run(*words: str) -> Any:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "viz", *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    done = run("scripts/network.py:loss", "-o", "a.svg")
    assert (done.returncode, done.stdout.strip()) == (0, str(folder / "a.svg"))
    assert run("scripts/network.py:loss", "--levels", "cards").returncode == 2
