"""Notebooks: what is ours shows itself as an image that needs no trust, and never as an error."""

import re
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import scalargrad as sg
import viz
from scalargrad import Value, data
from scalargrad.losses import mse
from scalargrad.nn import MLP, Module
from viz.notebook import register, register_if_there


class Formatter:
    """IPython's formatter: it calls the function of the first ancestor that has one."""

    def __init__(self) -> None:
        self.functions: dict[Any, Any] = {}

    def for_type(self, kind: Any, function: Any) -> None:
        self.functions[kind] = function

    def __call__(self, thing: Any) -> Any:
        names = [(kind, f"{kind.__module__}.{kind.__qualname__}") for kind in type(thing).__mro__]
        found = next(self.functions[key] for pair in names for key in pair if key in self.functions)
        return found(thing, include=None, exclude=None)


class Shell:
    """As much of a notebook's shell as is asked for."""

    def __init__(self, formatter: Any) -> None:
        self.display_formatter = self
        self.mimebundle_formatter = formatter


@pytest.fixture(params=["as IPython does", "IPython"])
def formatter(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Any]:
    if request.param == "IPython":
        monkeypatch.delenv("VIRTUAL_ENV", raising=False)
        monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
        shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell.instance()
        register(shell, viz.draw)
        yield shell.display_formatter.mimebundle_formatter
        type(shell).clear_instance()
    else:
        found = Formatter()
        register(Shell(found), viz.draw)
        yield found


def picture_in(bundle: Any) -> ElementTree.Element:
    """The picture inside of the address of the only image."""
    html = (bundle[0] if isinstance(bundle, tuple) else bundle)["text/html"]
    assert re.fullmatch(r'<img alt="[^"<>]+" src="data:image/svg\+xml;base64,[\w+/=]+">', html)
    return ElementTree.fromstring(b64decode(html.partition("base64,")[2][:-2]))


def things() -> dict[str, Any]:
    points, y = data.moons(20, noise=0.1, seed=1)
    model = MLP(2, [3, 1], activation="tanh", seed=1)
    return {
        "value": Value(2.0, label="x") * 3,
        "parameter": model.parameters()[0],
        "network": model,
        "history": sg.fit(model, points, y, loss="mse", epochs=2, progress=False),
        "diagnosis": sg.diagnose(model, points, y),
        "program": sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1)),
    }


@pytest.mark.parametrize("name", things())
def test_everything_shows_itself(formatter: Any, name: str) -> None:
    thing = things()[name]
    bundle = formatter(thing)
    assert picture_in(bundle).tag.endswith("svg")
    assert (bundle[0] if isinstance(bundle, tuple) else bundle)["text/plain"] == repr(thing)


def test_labels_from_outside_break_nothing(formatter: Any) -> None:
    hostile = '"><script>alert(1)</script>'
    assert "script" not in {
        element.tag for element in picture_in(formatter(Value(1.0, label=hostile) + 1)).iter()
    }


def test_what_can_not_be_drawn_is_words(formatter: Any) -> None:
    class Unfinished(Module):
        pass

    bundle = formatter(Unfinished())
    assert list(bundle[0] if isinstance(bundle, tuple) else bundle) == ["text/plain"]


def test_outside_of_a_notebook_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    register_if_there(viz.draw)
    assert "IPython" not in sys.modules
