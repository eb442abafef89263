"""`.show()` opens pictures in the browser, or displays them in a notebook."""

import sys
import webbrowser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlparse

import pytest

import viz
from scalargrad.errors import PictureError
from tests.viz.graphs import neuron

MAKERS = {"drawing": viz.draw, "page": viz.explore, "animation": viz.animate}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The files that the browser was asked to open."""
    found: list[Path] = []

    def browser(address: str) -> bool:
        found.append(Path(unquote(urlparse(address).path)))
        return True

    monkeypatch.setattr(webbrowser, "open", browser)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return found


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_show_opens_a_page_in_the_browser(make, opened: list[Path]) -> None:
    shown = make(neuron(), title="a <neuron>")
    assert shown.show() is None
    (path,) = opened
    content = path.read_text(encoding="utf-8")
    assert content.startswith("<!doctype html>")
    assert "<title>a &lt;neuron&gt;</title>" in content
    assert "<svg" in content


def compared() -> viz.Comparison:
    return viz.compare(neuron(), {"o": 0.5})


def explained() -> viz.Explanation:
    root = neuron()
    return viz.explain(root, root.args[0])


@pytest.mark.parametrize("make", [compared, explained])
def test_what_is_more_than_a_picture_is_shown_as_its_picture(make, opened: list[Path]) -> None:
    shown = make()
    assert shown.show() is None
    content = opened[0].read_text(encoding="utf-8")
    assert f"<title>{shown.draw().picture.title}</title>" in content


def test_an_animation_is_shown_moving(opened: list[Path]) -> None:
    viz.animate(neuron()).show()
    assert "@keyframes" in opened[0].read_text(encoding="utf-8")


def test_each_show_has_a_file_of_its_own(opened: list[Path]) -> None:
    drawing = viz.draw(neuron())
    drawing.show()
    drawing.show()
    assert len(set(opened)) == 2
    assert all(path.exists() for path in opened)


def test_without_a_browser_the_error_names_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(PictureError, match=r"no browser .* written to") as stop:
        viz.draw(neuron()).show()
    (path,) = tmp_path.iterdir()
    assert str(path) in str(stop.value)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_notebook_displays_it(make, opened: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    displayed: list[object] = []
    module = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=displayed.append))
    shown = make(neuron())
    shown.show()
    assert displayed == [shown]
    assert not opened


def test_a_terminal_of_ipython_opens_the_browser(
    opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace())
    )
    viz.draw(neuron()).show()
    assert len(opened) == 1
