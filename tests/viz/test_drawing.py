"""Drawing: saving, notebooks, falling back, speed."""

import base64
import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

import scalargrad as sg
import viz
from scalargrad import Value, nn
from scalargrad.errors import LayoutError, OptionError, PictureError
from scalargrad.nn import MLP
from scalargrad.training import Recorder
from tests.viz.graphs import chain, network, neuron, processor_time, steps
from viz.drawing import Drawing
from viz.model.picture import Edge, Node, Picture
from viz.views.choose import choose_pictures


@cache
def drawn(name: str) -> Drawing:
    """A drawing that several tests save."""
    made = {
        "neuron": neuron,
        "net": lambda: network([8, 8, 1]),
        "leaf": lambda: Value(1.0),
        "none": dict,
    }
    return viz.draw(made[name]())


@pytest.mark.parametrize(
    ("ending", "start"),
    [
        ("svg", b"<svg"),
        ("dot", b"digraph"),
        ("mmd", b""),
        ("txt", b""),
        ("png", b"\x89PNG"),
        ("pdf", b"%PDF"),
    ],
)
@pytest.mark.parametrize("name", ["neuron", "net", "leaf", "none"])
def test_every_format_can_be_saved(tmp_path, ending, start, name):
    if ending in ("png", "pdf"):
        pytest.importorskip("vl_convert")
    saved = drawn(name).save(tmp_path / f"picture.{ending}")
    assert saved.read_bytes().startswith(start)
    assert saved.stat().st_size >= 10
    assert [path.name for path in tmp_path.iterdir()] == [f"picture.{ending}"]


@pytest.mark.parametrize("name", ["picture.gif", "picture", "picture.exe"])
def test_an_unknown_ending_is_refused_and_leaves_nothing(tmp_path, name):
    with pytest.raises(
        OptionError, match=r"extension must be one of \.svg \.html \.dot \.mmd \.txt \.png \.pdf"
    ):
        viz.draw(neuron()).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_endings_may_be_capital(tmp_path):
    assert viz.draw(neuron()).save(tmp_path / "A.SVG").read_text().startswith("<svg")


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "picture.svg"
    target.write_text("old")
    drawing = viz.draw(neuron())

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        drawing.save(target)
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["picture.svg"]


def test_a_notebook_shows_the_picture_and_the_outline():
    drawing = viz.draw(neuron(), title='"A" <neuron>')
    bundle = drawing._repr_mimebundle_()
    image = ElementTree.fromstring(bundle["text/html"].replace('">', '"/>'))
    assert (image.tag, image.get("alt")) == ("img", '"A" <neuron>')
    kind, _, data = image.get("src").partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data).decode() == drawing.svg()
    assert "o = tanh(n)" in bundle["text/plain"]


def tangle(count: int) -> Picture:
    nodes = tuple(Node(f"n{i}", "operation", "+", data=1.0) for i in range(count))
    edges = tuple(
        Edge(f"n{i}", f"n{j}", 1.0, 1.0) for i in range(count) for j in range(i + 1, count)
    )
    return Picture("chips", nodes, edges, total=count)


def test_a_layout_that_takes_too_long_ends_in_the_next_coarser_level():
    coarse = Picture("cards", (Node("n0", "input", "in", data=1.0),), total=1)
    drawing = Drawing([tangle(110), coarse], limit=0.05)
    assert drawing.picture is coarse
    with pytest.raises(LayoutError, match="fold more modules, or raise the limit"):
        Drawing([tangle(110)], limit=0.05).svg()


def batch(samples: int) -> Value:
    """The sum of what a network of 64 inputs says of some samples, one by one, after backward."""
    model = MLP(64, [40, 10], seed=0)
    outputs = [out for i in range(samples) for out in model([0.01 * (i + k) for k in range(64)])]
    root = outputs[0]
    for out in outputs[1:]:
        root = root + out
    root.backward()
    return root


def test_tens_of_thousands_of_values_of_modules_are_drawn_folded():
    drawing = viz.draw(batch(4))
    ElementTree.fromstring(drawing.svg())
    assert drawing.picture.total > 20_000
    assert len(drawing.picture.nodes) <= 300


def test_tens_of_thousands_of_values_without_modules_are_drawn_folded():
    pictures = choose_pictures(chain(20_000))
    assert [picture.total for picture in pictures] == [20_001] * len(pictures)
    assert all(len(picture.nodes) <= 300 for picture in pictures)
    ElementTree.fromstring(
        Drawing(pictures[-1:]).svg()
    )  # of the finest the layout reaches its limit


def test_the_work_grows_with_the_graph_and_no_faster():
    small, large = network([16, 16, 1], 3), network([16, 16, 1], 12)
    assert steps(lambda: choose_pictures(large)) < 5 * steps(lambda: choose_pictures(small))
    assert processor_time(lambda: choose_pictures(large)) < 10 * processor_time(
        lambda: choose_pictures(small)
    )  # 16 where it is quadratic


def test_most_of_the_work_on_a_long_chain_is_for_what_is_shown():
    small, large = chain(5_000), chain(20_000)
    assert steps(lambda: choose_pictures(large)) < 3 * steps(lambda: choose_pictures(small))
    assert processor_time(lambda: choose_pictures(large)) < 3 * processor_time(
        lambda: choose_pictures(small)
    )


def test_a_very_deep_graph_is_drawn():
    y = Value(1.0)
    for _ in range(20_000):  # recursion would end at 1,000
        y = y * 1.0
    drawing = viz.draw(y)
    assert drawing.picture.total == 40_001
    assert "40,001 values" in drawing.svg()


def test_drawing_changes_nothing():
    loss = network([4, 4, 1])
    before = [(node.data, node.grad, node.label) for node in loss.args]
    viz.draw(loss).svg()
    assert [(node.data, node.grad, node.label) for node in loss.args] == before


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(PictureError, match="nothing to draw: the list is empty"):
        viz.draw([])


def test_a_history_is_a_plot_and_no_graph() -> None:
    model = nn.MLP(1, [1], seed=1)
    history = sg.fit(model, [[0.0], [1.0]], [0.0, 1.0], loss="mse", epochs=1, seed=1)
    with pytest.raises(PictureError, match=r"viz\.plots\.plot_history\(history\)"):
        viz.draw(history)


def test_a_recording_is_played_or_explored() -> None:
    with pytest.raises(PictureError, match=r"viz\.animate\(recording\) plays the run"):
        viz.draw(Recorder([0.0], 1.0, sg.losses.mse))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: viz.draw(Value(1.0), level="neuron"), "neurons"),
        (lambda: viz.draw(Value(1.0), theme="drak"), "dark"),
        (lambda: viz.draw(Value(1.0), program="pygraphvis"), "pygraphviz"),
        (lambda: viz.draw_dot(Value(1.0), style="clasic"), "classic"),
        (
            lambda: viz.draw(nn.MLP(1, [1], seed=1)([1.0]), expand="layers.0.neuron.0"),
            "layers.0.neurons.0",
        ),
        (lambda: viz.compare(Value(1.0), Value(1.0), by="labels"), "label"),
        (lambda: viz.animate(Value(1.0), colors="weights"), "weight"),
        (lambda: viz.draw(Value(1.0)).save("a.pngg"), ".png"),
    ],
)
def test_names_that_are_misspelled(call, name: str) -> None:
    with pytest.raises(OptionError, match=f"did you mean '{re.escape(name)}'"):
        call()


@pytest.mark.parametrize("make", [viz.draw, viz.explore, viz.animate])
def test_the_folder_of_the_user(make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    ending = "html" if make is viz.explore else "svg"
    make(neuron()).save(f"~/a.{ending}")
    assert (tmp_path / f"a.{ending}").exists()


@pytest.mark.parametrize("name", ["a", "a.svg", "a.txt", "a.html.gz"])
def test_a_page_is_not_saved_under_an_ending_that_means_something_else(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(
        OptionError, match=r"can't save a page as .*: the extension must be one of \.html \.htm"
    ):
        viz.explore(neuron()).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.html", "a.HTM"])
def test_a_page_is_saved_as_html(tmp_path: Path, name: str) -> None:
    assert (
        viz.explore(neuron())
        .save(tmp_path / name)
        .read_text(encoding="utf-8")
        .startswith("<!doctype html>")
    )
