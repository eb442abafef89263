"""Notebooks: what is ours shows itself as an image that needs no trust, and never as an error."""

import re
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import cache
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

import scalargrad as sg
import viz
from scalargrad import Value, data
from scalargrad.core.graph import topological
from scalargrad.losses import mse
from scalargrad.nn import MLP, Module
from scalargrad.training import Recorder
from scalargrad.utils.display import display_lists, make_html
from tests.viz.graphs import network
from viz.drawing import NOTEBOOK_WIDTH

ROOT = Path(__file__).parent.parent.parent


def is_value(item: object) -> bool:
    return isinstance(item, Value)


class HtmlFormatter:
    """As much of IPython's as is asked for: the function of a type, and what it returns."""

    def __init__(self) -> None:
        self.functions: dict[type, Any] = {}

    def for_type(self, kind: type, function: Any = None) -> Any:
        before = self.functions.get(kind)
        if function is not None:
            self.functions[kind] = function
        return before


def own_format(thing: Any) -> dict[str, str]:
    """What a notebook is told by the object itself."""
    bundle: dict[str, str] = thing._repr_mimebundle_(include=None, exclude=None)
    return bundle


@pytest.fixture(params=["itself", "IPython"])
def show(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[Any], dict[str, str]]]:
    if request.param == "itself":
        yield own_format
        return
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell.instance()
    display_lists(is_value)
    formatter = shell.display_formatter
    formatter.active_types = ["text/plain", "text/html"]
    yield lambda thing: formatter.format(thing)[0]
    type(shell).clear_instance()


def picture_in(html: str) -> ElementTree.Element:
    """The picture inside of the address of the only image."""
    found = re.match(r'<img alt="[^"<>]+" src="data:image/svg\+xml;base64,([\w+/=]+)">', html)
    assert found is not None
    return ElementTree.fromstring(b64decode(found[1]))


@cache
def things() -> dict[str, Any]:
    points, y = data.moons(20, noise=0.1, seed=1)
    model = MLP(2, [3, 1], activation="tanh", seed=1)
    recorder = Recorder([0.5, 1.0], 1.0, mse)
    return {
        "value": Value(2.0, label="x") * 3,
        "parameter": model.parameters()[0],
        "network": model,
        "history": sg.fit(
            model, points, y, loss="mse", epochs=2, progress=False, callbacks=[recorder]
        ),
        "recorder": recorder,
        "recording": recorder.recording,
        "diagnosis": sg.diagnose(model, points, y),
        "program": sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1)),
    }


@pytest.mark.parametrize("name", things())
def test_everything_shows_itself(show: Callable[[Any], dict[str, str]], name: str) -> None:
    thing = things()[name]
    bundle = show(thing)
    assert picture_in(bundle["text/html"]).tag.endswith("svg")
    assert bundle["text/plain"] == repr(thing)


def test_pictures_fit_a_cell() -> None:
    total = Value(0.0)
    for i in range(40):
        total = (total + i) * 1.5
    html = make_html(total)
    assert html is not None
    assert float(picture_in(html).get("width", "inf")) <= NOTEBOOK_WIDTH


def test_a_diagnosis_is_a_picture_and_its_report() -> None:
    diagnosis = things()["diagnosis"]
    html = diagnosis._repr_mimebundle_()["text/html"]
    assert html.count("<img") == 1
    assert html.endswith("</pre>")


def explained() -> viz.Explanation:
    loss = network([8, 8, 1])
    leaf = next(value for value in topological([loss]) if value.label == "w0")
    return viz.explain(loss, leaf)


def compared() -> viz.Comparison:
    first, second = (MLP(3, [8, 1], activation="tanh", seed=seed) for seed in (0, 1))
    return viz.compare(first([1.0, 2.0, 3.0]), second([1.0, 2.0, 3.0]))


REPORTS = {"diagnosis": lambda: things()["diagnosis"], "explain": explained, "compare": compared}


@pytest.mark.parametrize("make", REPORTS.values(), ids=REPORTS)
def test_a_report_keeps_its_lines_and_its_picture_fits_a_cell(make: Callable[[], Any]) -> None:
    thing = make()
    image, _, report = thing._repr_mimebundle_()["text/html"].partition("<pre")
    assert float(picture_in(image).get("width", "inf")) <= NOTEBOOK_WIDTH
    assert unescape(report.partition(">")[2].removesuffix("</pre>")) == str(thing)
    # Long lines wrap: they would run out of the cell.
    assert "white-space: pre-wrap" in report.partition(">")[0]


def test_labels_from_outside_break_nothing(show: Callable[[Any], dict[str, str]]) -> None:
    hostile = '"><script>alert(1)</script>'
    picture = picture_in(show(Value(1.0, label=hostile) + 1)["text/html"])
    assert "script" not in {element.tag for element in picture.iter()}


def test_what_can_not_be_drawn_is_words(show: Callable[[Any], dict[str, str]]) -> None:
    class Unfinished(Module):
        pass

    assert list(show(Unfinished())) == ["text/plain"]
    assert list(show(Recorder([0.5], 1.0, mse))) == ["text/plain"]


def test_reports_keep_their_lines(show: Callable[[Any], dict[str, str]]) -> None:
    model = MLP(2, [3, 1], seed=0)
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    product = x * y
    product.label = "product"
    loss = product + x
    loss.label = "loss"
    program = sg.compile(lambda x: x[0] * x[1], inputs=(2,))
    sketch = viz.chain_rule("b", "a", graph={"b": ["a", "c"], "c": ["a"]})
    for thing in (model.summary(), program.explain(), viz.chain_rule(loss, x), sketch):
        assert show(thing) == {"text/plain": str(thing)}
        assert "\n" in str(thing)


# Lists


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> HtmlFormatter:
    formatter = HtmlFormatter()
    display = SimpleNamespace(formatters={"text/html": formatter})
    shell = SimpleNamespace(display_formatter=display)
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    return formatter


def test_the_parameters_of_a_network_are_no_picture() -> None:
    model = MLP(2, [4, 1], seed=0)
    assert make_html(model.parameters()) is None
    assert make_html(model.parameters()[:3]) is not None
    assert make_html([model([0.5, 1.0]), *model.parameters()]) is not None


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_of_values_is_one_picture(kind: type, lists: HtmlFormatter) -> None:
    display_lists(is_value)
    x = Value(2.0, label="x")
    html = lists.functions[kind](kind([x * 2.0, x * 3.0]))
    words = "".join(picture_in(html).itertext())
    assert {"4", "6"} <= set(re.findall(r"\b\d\b", words))


@pytest.mark.parametrize("items", [[], [1.0], [Value(1.0), 2.0], ["a"]])
def test_other_lists_are_left_to_the_notebook(items: list[Any], lists: HtmlFormatter) -> None:
    display_lists(is_value)
    assert lists.functions[list](items) is None


def test_what_others_have_said_about_lists_counts(lists: HtmlFormatter) -> None:
    lists.for_type(list, str)
    display_lists(is_value)
    assert lists.functions[list] is str
    assert lists.functions[tuple] is not None


def test_lists_in_ipython(show: Callable[[Any], dict[str, str]]) -> None:
    if show is own_format:
        pytest.skip("a list tells nothing of itself")
    x = Value(2.0)
    assert set(show([x, x * 2.0])) == {"text/plain", "text/html"}
    assert set(show([1.0])) == {"text/plain"}


# What is imported


def run(program: str) -> list[str]:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.split()


def test_pictures_need_no_import_of_viz() -> None:
    program = """
import sys, scalargrad
value = scalargrad.Value(2.0) * 3.0
print("viz" in sys.modules, *value._repr_mimebundle_(), "viz" in sys.modules)
"""
    assert run(program) == ["False", "text/plain", "text/html", "True"]


@pytest.mark.parametrize("missing", ["viz", "graphviz"])
def test_without_pictures_there_are_words(missing: str) -> None:
    program = f"""
import sys
sys.modules[{missing!r}] = None
import scalargrad
print(*(scalargrad.Value(2.0) * 3.0)._repr_mimebundle_())
"""
    assert run(program) == ["text/plain"]


def test_another_viz_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "viz.py").write_text("raise AssertionError('imported')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "viz")
    assert list(own_format(Value(2.0))) == ["text/plain"]


def test_outside_of_a_notebook_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    display_lists(is_value)
    assert "IPython" not in sys.modules
