"""Pictures as JSON: what was saved comes back, and what is not a whole picture is refused."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import viz
from scalargrad import Value
from scalargrad.errors import OptionError, PictureError
from tests.viz.graphs import network, neuron
from tests.viz.hostile import HOSTILE, together
from tests.viz.pictures import ALL, filled
from viz.drawing import Drawing
from viz.layout.direction import DIRECTIONS
from viz.look.text import clean
from viz.model.picture import Picture
from viz.render.picture_json import read_json, render_json

FINITE = st.floats(-1e9, 1e9)
NUMBERS = FINITE | st.sampled_from([float("nan"), float("inf"), -float("inf"), -0.0, 5e-324])


def saved(drawing: Drawing) -> str:
    return render_json(drawing.placed, drawing.theme)


def test_a_saved_drawing_renders_to_the_same_documents(tmp_path: Path) -> None:
    drawing = viz.draw(neuron(), title="a neuron", theme="dark")
    loaded = viz.load(drawing.save(tmp_path / "a.json"))
    assert loaded.svg() == drawing.svg()
    assert loaded.placed == drawing.placed
    for ending in (".dot", ".mmd", ".txt", ".tex", ".json"):
        first = drawing.save(tmp_path / f"first{ending}").read_bytes()
        assert loaded.save(tmp_path / f"second{ending}").read_bytes() == first


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_every_picture_comes_back(make: Callable[[], Picture]) -> None:
    drawing = Drawing([make()])
    placed, theme = read_json(saved(drawing))
    again = Drawing([placed.picture], theme)
    again.placed = placed
    assert again.svg() == drawing.svg()
    assert saved(again) == saved(drawing)


@pytest.mark.parametrize("level", ["chips", "neurons", "layers"])
def test_every_level_comes_back(level: str) -> None:
    drawing = viz.draw(network([4, 3, 1]), level=level)
    assert read_json(saved(drawing))[0] == drawing.placed


@pytest.mark.parametrize("rankdir", DIRECTIONS)
@pytest.mark.parametrize("width", [None, 390, 840])
@pytest.mark.parametrize("options", [{}, {"level": "chips"}, {"level": "neurons"}], ids=str)
def test_every_width_and_direction_comes_back(
    options: dict[str, Any], width: int | None, rankdir: str
) -> None:
    graph = network([4, 3, 1])
    drawing = viz.draw(graph, width=width, rankdir=rankdir, show="data", **options)
    placed, theme = read_json(saved(drawing))
    assert placed == drawing.placed
    again = Drawing([placed.picture], theme)
    again.placed = placed
    assert again.svg() == drawing.svg()


def test_a_drawing_for_a_width_is_loaded_with_that_width(tmp_path: Path) -> None:
    drawing = viz.draw(neuron(), width="phone")
    assert viz.load(drawing.save(tmp_path / "a.json")).width == 390.0


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("+*t"), NUMBERS, st.text(max_size=20)), max_size=8),
    st.sampled_from(["cards", "chips"]),
)
def test_any_graph_comes_back(steps: list[tuple[str, float, str]], level: str) -> None:
    node = Value(0.5, label="start")
    for sign, number, label in steps:
        operand = Value(number, label=label)
        node = {"+": node + operand, "*": node * operand, "t": node.tanh()}[sign]
    node.backward()
    drawing = viz.draw(node, level=level)
    placed, _ = read_json(saved(drawing))
    again = Drawing([placed.picture])
    again.placed = placed
    assert again.svg() == drawing.svg()


def test_hostile_texts_come_back_as_texts() -> None:
    def check(texts: Sequence[str]) -> None:
        drawing = Drawing([filled(*map(clean, texts))])
        text = saved(drawing)
        assert render_json(*read_json(text)) == text

    together(check, HOSTILE)


def test_numbers_that_are_not_finite_are_texts_so_that_every_reader_takes_the_file() -> None:
    text = saved(Drawing([ALL["boxed"]()]))

    def refuse(name: str) -> None:
        raise AssertionError(name)

    document = json.loads(text, parse_constant=refuse)
    grads = [node.get("grad") for node in document["nodes"]]
    assert "nan" in grads
    assert document["nodes"][2]["data"] == "inf"


def document() -> dict[str, Any]:
    """A saved picture, to be spoiled."""
    found: dict[str, Any] = json.loads(saved(viz.draw(network([2, 1]), level="neurons")))
    found["groups"] = [{"path": "a", "title": "a", "place": [0, 0, 9, 9]}]
    return found


SPOILED: dict[str, tuple[list[Any], Any, str]] = {
    "another format": (["format"], "svg", "not a saved picture"),
    "a later version": (["version"], 2, "the version of this picture is 2"),
    "an unknown theme": (["theme"], "drak", "theme must be"),
    "no list of nodes": (["nodes"], {}, "'nodes' must be a list"),
    "no object": (["picture"], [], "'picture' must be an object"),
    "an unknown level": (["picture", "level"], "card", "the level must be one of"),
    "an unknown key": (["nodes", 0, "href"], "x", "'href', which this version doesn't know"),
    "an unknown kind": (["nodes", 0, "kind"], "script", r"nodes\[0\] must be one of"),
    "an id with markup": (["nodes", 0, "id"], "<b>", r"nodes\[0\] needs an id"),
    "an id twice": (["nodes", 0, "id"], "u1", "two nodes have the same id"),
    "a text for a number": (["nodes", 0, "data"], "1e3", r"nodes\[0\].data must be a number"),
    "a truth value for a number": (["nodes", 0, "data"], True, "data must be a number"),
    "a number too large": (["nodes", 0, "data"], 10**400, "too large for a number"),
    "a number for a text": (["nodes", 0, "label"], 3, "label must be a text"),
    "a text too long": (["nodes", 0, "label"], "x" * 5000, "too long a text"),
    "a text with controls": (["nodes", 0, "label"], "a\x00\u202eb", "can't be drawn"),
    "no place": (["nodes", 0, "place"], None, "a place must be"),
    "a place far away": (["nodes", 0, "place"], [1e9, 0, 1, 1], "a place must be"),
    "a box too large": (["nodes", 0, "place"], [0, 0, 9e5, 1], "sides of a place"),
    "a negative size": (["nodes", 0, "place"], [0, 0, -1, 1], "sides of a place"),
    "a group that is not there": (["nodes", 0, "group"], "b", "which is no group"),
    "a group inside itself": (["groups", 0, "parent"], "a", r"groups\[0\] is inside 'a'"),
    "an edge to nowhere": (["edges", 0, "target"], "n99", "'n99', which is no node"),
    "an edge without a source": (["edges", 0], {"route": [[0, 0], [1, 1]]}, "no 'source'"),
    "a route of one point": (["edges", 0, "route"], [[0, 0]], "a route must be"),
    "a point of text": (["edges", 0, "route"], [[0, "0"], [1, 1]], "a point of a route"),
    "a fraction for a count": (["edges", 0, "port"], 0.5, "port must be a whole number"),
    "an infinite count": (["picture", "total"], "inf", "total must be a whole number"),
    "a negative scale": (["picture", "scale"], -1.0, "the scale must be"),
    "a column of nobody": (["picture", "columns", 0, "members"], ["n99"], "a column names"),
    "an empty column": (["picture", "columns", 0, "members"], [], "a column has no nodes"),
    "layers without cards": (["picture", "level"], "layers", "one card for each node"),
    "a layout of no size": (["layout", "width"], "nan", "the layout must be within"),
    "a page without an end": (["layout", "shown_width"], "inf", "the width that it is shown at"),
    "a heading far away": (["layout", "headings", 0, "x"], 1e9, "is out of the picture"),
    "a part of no edge": (
        ["layout", "splits"],
        {"99": {"number": 1, "before": [[0, 0], [1, 1]], "after": [[0, 0], [1, 1]]}},
        "99, which is no edge",
    ),
    "a part of one point": (
        ["layout", "splits"],
        {"0": {"number": 1, "before": [[0, 0]], "after": [[0, 0], [1, 1]]}},
        "must be a list of points",
    ),
    "a part far away": (
        ["layout", "splits"],
        {"0": {"number": 1, "before": [[0, 0], [1, 1e9]], "after": [[0, 0], [1, 1]]}},
        "is out of the picture",
    ),
}


@pytest.mark.parametrize(("keys", "value", "message"), SPOILED.values(), ids=SPOILED)
def test_what_is_not_whole_is_refused(keys: list[Any], value: Any, message: str) -> None:
    spoiled = document()
    part = spoiled
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    with pytest.raises((PictureError, OptionError), match=message):
        read_json(json.dumps(spoiled))


@pytest.mark.parametrize(
    "text",
    ["", "[", "null", "NaN", "[" * 100_000, '{"format": NaN}', "9" * 5000, '"' + "x" * 100],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(PictureError, match=r"this is not (JSON|a saved picture)"):
        read_json(text)


def test_too_many_nodes_are_refused() -> None:
    many = document()
    many["nodes"] = many["nodes"] * 6000
    with pytest.raises(PictureError, match="at most 10,000 and 50,000 are read"):
        read_json(json.dumps(many))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.data())
def test_a_file_that_was_changed_anywhere_is_refused_or_drawn(data: st.DataObject) -> None:
    """Whatever is in the place of one part: an error of the package, or a picture."""
    spoiled = document()
    part: Any = spoiled
    key: Any = None
    while isinstance(part, (dict, list)) and part:
        parent = part
        keys = sorted(part) if isinstance(part, dict) else range(len(part))
        key = data.draw(st.sampled_from(keys))
        part = parent[key]
        if data.draw(st.booleans()):
            break
    parent[key] = data.draw(st.none() | st.booleans() | FINITE | st.text() | st.just([]))
    try:
        placed, theme = read_json(json.dumps(spoiled))
    except (PictureError, OptionError):
        return
    assert placed.picture.level in ("cards", "chips", "neurons")
    assert theme in ("auto", "light", "dark", "transparent")


def test_load_takes_files_of_its_own_kind(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"load takes a \.json file"):
        viz.load(tmp_path / "a.svg")
    with pytest.raises(FileNotFoundError):
        viz.load(tmp_path / "a.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    with pytest.raises(PictureError, match="not a text in UTF-8"):
        viz.load(tmp_path / "b.json")


def test_a_picture_that_passes_and_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    drawing = viz.draw(network([20, 1]), level="layers")
    card = drawing.picture.cards[1]
    histogram = replace(card.histograms[0], counts=())
    cards = (drawing.picture.cards[0], replace(card, histograms=(histogram,)))
    picture = replace(drawing.picture, cards=(*cards, *drawing.picture.cards[2:]))
    drawing.placed = replace(drawing.placed, picture=picture)
    with pytest.raises(PictureError, match="can't be drawn"):
        viz.load(drawing.save(tmp_path / "a.json"))
