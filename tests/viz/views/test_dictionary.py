"""Graphs given as plain dictionaries: what is drawn, in which order, and what is refused.

No name breaks a format.
"""

import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import graphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import viz
from scalargrad import Value
from scalargrad.errors import OptionError, PictureError
from tests.viz.hostile import each, together
from tests.viz.render.test_svg import NS, check_safe, parsed
from viz.model.picture import Picture

TUTORIAL = {
    "L1": ["k1", "x", "b1"],
    "sigmoid": ["L1"],
    "L2": ["sigmoid", "k2", "b2"],
    "loss": ["L2", "y"],
}


def test_every_name_once_and_an_edge_for_every_operand() -> None:
    picture = viz.draw(TUTORIAL).picture
    label = {node.id: node.label for node in picture.nodes}
    assert sorted(label.values()) == sorted(
        ["L1", "L2", "b1", "b2", "k1", "k2", "loss", "sigmoid", "x", "y"]
    )
    assert [
        (label[edge.source], label[edge.target], edge.port)
        for edge in picture.edges
        if label[edge.target] == "L2"
    ] == [
        ("sigmoid", "L2", 0),
        ("k2", "L2", 1),
        ("b2", "L2", 2),
    ]
    assert len(picture.edges) == sum(map(len, TUTORIAL.values()))
    assert [node.label for node in picture.nodes if node.root] == ["loss"]
    assert {node.label for node in picture.nodes if node.kind == "input"} == {
        "k1",
        "x",
        "b1",
        "k2",
        "b2",
        "y",
    }


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.dictionaries(st.integers(1, 12), st.lists(st.integers(0, 12), max_size=3), max_size=12))
def test_operands_come_before_their_users(numbers: dict[int, list[int]]) -> None:
    graph = {
        f"n{name}": [f"n{operand}" for operand in operands if operand < name]
        for name, operands in numbers.items()
    }
    picture = viz.draw(graph).picture
    place = {node.id: i for i, node in enumerate(picture.nodes)}
    assert all(place[edge.source] < place[edge.target] for edge in picture.edges)
    assert len(picture.nodes) == len(
        {*graph, *(operand for operands in graph.values() for operand in operands)}
    )


def test_cards_have_names_and_no_numbers() -> None:
    for level in ("cards", "chips"):
        root = parsed(viz.draw(TUTORIAL, level=level))
        words = [element.text or "" for element in root.iter(f"{NS}text")]
        assert {"L1", "loss"} <= set(words)
        assert not {"data", "grad", "gradient", "exactly 0", "∂ local derivative"} & set(words)
        assert not [word for word in words if re.fullmatch(r"[−\d.e]+", word)]


def test_every_format_can_be_written(tmp_path) -> None:  # type: ignore[no-untyped-def]
    drawing = viz.draw(TUTORIAL, title="A sketch")
    for ending in ("svg", "dot", "mmd", "txt"):
        assert drawing.save(tmp_path / f"a.{ending}").stat().st_size > 100
    assert "L1 = f(k1, x, b1)" in str(drawing)
    for style in ("cards", "classic"):
        assert b"loss" in viz.draw_dot(TUTORIAL, style=style).pipe()


def test_many_names_become_chips_and_equal_graphs_equal_bytes() -> None:
    long = {f"n{i}": [f"n{i - 1}"] for i in range(1, 80)}
    assert viz.draw(long).picture.level == "chips"
    assert viz.draw(long).svg() == viz.draw(dict(long)).svg()
    assert viz.draw(long, level="cards").picture.level == "cards"


@pytest.mark.parametrize(("count", "level"), [(40, "cards"), (41, "chips")])
def test_forty_names_are_the_most_that_become_cards(count: int, level: str) -> None:
    names = [f"n{i}" for i in range(count)]
    assert viz.draw({"n0": names[1:]}).picture.level == level


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (7, "'0' → '1' → '2' → '3' → '4' → '5' → '6' → '0'"),
        (8, "'0' → '1' → '2' → '3' → … → '6' → '7' → '0'"),
    ],
)
def test_a_long_circle_is_told_by_its_ends(length: int, said: str) -> None:
    circle = {str(i): [str((i - 1) % length)] for i in range(length)}
    with pytest.raises(PictureError) as stop:
        viz.draw(circle)
    found = str(stop.value)
    turned = [
        re.sub(r"\d", lambda name, by=by: str((int(name[0]) + by) % length), found)
        for by in range(length)
    ]  # type: ignore[misc]
    assert any(f"circle, {said}: no order" in each for each in turned)


def test_a_formula_cuts_long_operands() -> None:
    picture = viz.draw({"y": ["a" * 24, "b" * 25]}).picture
    assert (
        next(node.formula for node in picture.nodes if node.label == "y")
        == f"f({'a' * 24}, {'b' * 23}…)"
    )


def test_a_name_twice_among_the_operands_and_nothing_at_all() -> None:
    assert len(viz.draw({"square": ["x", "x"]}).picture.edges) == 2
    assert viz.draw({}).picture.nodes == ()
    assert [node.label for node in viz.draw({"": ["\x00"]}).picture.nodes] == ["unnamed", "unnamed"]
    assert viz.draw({"y": ("x",)}).picture.edges


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        ({1: []}, "names as text, not int 1"),
        ({None: []}, "names as text, not NoneType"),
        ({"a": [2.0]}, "names as text, not float 2.0"),
        ({"a": "bc"}, "operands of 'a' must be a list of names, in order, not str 'bc'"),
        ({"a": {"b"}}, "must be a list of names"),
        ({"a": None}, "must be a list of names"),
        ({"a": ["a"]}, "circle, 'a' → 'a'"),
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, "circle, "),
        ({f"n{i}": [f"n{(i + 1) % 5000}"] for i in range(5000)}, "circle, .* → … → "),
    ],
)
def test_what_is_no_graph_is_refused(graph: object, words: str) -> None:
    with pytest.raises(PictureError, match=words) as stop:
        viz.draw(graph)
    assert len(str(stop.value)) < 400


def test_there_are_no_modules_to_open() -> None:
    for options in ({"level": "neurons"}, {"expand": "*"}, {"level": "bars"}):
        with pytest.raises(OptionError):
            viz.draw(TUTORIAL, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", ["cards", "chips"])
def test_no_name_breaks_the_picture(level: str) -> None:
    def check(names: Sequence[str]) -> None:
        drawing = viz.draw(
            {"sum of all": names, **{name: ["x\x00"] for name in names}}, level=level
        )
        check_safe(parsed(drawing))
        assert len(drawing.picture.nodes) == len(names) + 2
        said = str(drawing)
        assert {c for c in said if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} <= {
            "\n"
        }

    together(check, size=25)


def test_no_name_breaks_graphviz() -> None:
    def check(texts: Sequence[str]) -> None:
        made = viz.draw_dot({"sum of all": texts, **{text: ["x\x00"] for text in texts}})
        assert isinstance(made, graphviz.Digraph)
        root = ElementTree.fromstring(made.pipe())
        assert sum(group.get("class") == "node" for group in root.iter(f"{NS}g")) == len(texts) + 2

    together(check, size=90)


def test_errors_about_hostile_names_stay_on_one_line() -> None:
    def check(text: str) -> None:
        with pytest.raises(PictureError) as stop:
            viz.draw({text: [text]})
        assert len(str(stop.value).splitlines()) == 1

    each(check)


FEEDS = {
    "k1": ["L1"],
    "b1": ["L1"],
    "x": ["L1"],
    "L1": ["sigmoid"],
    "k2": ["L2"],
    "b2": ["L2"],
    "sigmoid": ["L2"],
    "L2": ["Loss"],
    "y": ["Loss"],
}


def arrows(picture: Picture) -> list[tuple[str, str]]:
    """From what each edge runs to what, by name."""
    label = {node.id: node.label for node in picture.nodes}
    return sorted((label[edge.source], label[edge.target]) for edge in picture.edges)


def test_lists_of_those_that_use_a_name() -> None:
    picture = viz.draw(FEEDS, edges="feeds").picture
    assert arrows(picture) == sorted(
        (name, user) for name, users in FEEDS.items() for user in users
    )
    assert [node.label for node in picture.nodes if node.root] == ["Loss"]
    assert {node.label for node in picture.nodes if node.kind == "input"} == {
        "k1",
        "b1",
        "x",
        "k2",
        "b2",
        "y",
    }


def test_operands_stand_in_the_order_in_which_they_feed() -> None:
    picture = viz.draw(FEEDS, edges="feeds").picture
    assert next(node.formula for node in picture.nodes if node.label == "L1") == "f(k1, b1, x)"


def test_what_feeds_twice_is_an_operand_twice() -> None:
    assert (
        arrows(viz.draw({"x": ["square", "square"]}, edges="feeds").picture)
        == [("x", "square")] * 2
    )


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.dictionaries(st.integers(1, 12), st.lists(st.integers(0, 12), max_size=3), max_size=12))
def test_both_readings_of_one_graph_draw_the_same_arrows(numbers: dict[int, list[int]]) -> None:
    operands = {
        f"n{name}": [f"n{one}" for one in listed if one < name] for name, listed in numbers.items()
    }
    feeds: dict[str, list[str]] = {name: [] for name in operands}
    for name, listed in operands.items():
        for one in listed:
            feeds.setdefault(one, []).append(name)
    assert arrows(viz.draw(operands, edges="operands").picture) == arrows(
        viz.draw(feeds, edges="feeds").picture
    )


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        (None, "each name is made of the names in its list"),
        ("operands", "each name is made of the names in its list"),
        ("feeds", "each name goes into the names in its list"),
    ],
)
def test_the_picture_says_how_the_lists_are_read(edges: str | None, words: str) -> None:
    drawing = viz.draw(FEEDS, edges=edges)
    assert words in drawing.svg()
    assert words in str(drawing)


@pytest.mark.parametrize("target", [FEEDS, Value(2.0)])
def test_another_reading_is_refused(target: object) -> None:
    with pytest.raises(OptionError, match=r"edges .*dictionary|did you mean 'feeds'"):
        viz.draw(target, edges="feed")


def test_the_classic_drawing_takes_both_readings() -> None:
    assert '"n0" -> "n1o"' in viz.draw_dot({"x": ["y"]}, style="classic", edges="feeds").source


@pytest.mark.parametrize("make", ["DiGraph", "MultiDiGraph"])
def test_a_directed_graph_of_networkx_points_from_operands_to_results(make: str) -> None:
    networkx = pytest.importorskip("networkx")
    graph = getattr(networkx, make)(FEEDS)
    picture = viz.draw(graph).picture
    assert arrows(picture) == sorted(
        (name, user) for name, users in FEEDS.items() for user in users
    )
    assert "lines run from an operand to what is made of it" in picture.notes


def test_a_directed_graph_read_the_other_way() -> None:
    networkx = pytest.importorskip("networkx")
    graph = networkx.DiGraph([("loss", "y"), ("loss", "x")])
    picture = viz.draw(graph, edges="operands").picture
    assert arrows(picture) == [("x", "loss"), ("y", "loss")]
    (note,) = picture.notes
    assert note.startswith(
        "an edge points from a name to what it is made of; lines run from an operand"
    )


def test_nodes_of_networkx_that_are_no_text() -> None:
    networkx = pytest.importorskip("networkx")
    graph = networkx.DiGraph([(1, (2, 3)), ("a", (2, 3))])
    assert arrows(viz.draw(graph).picture) == [("1", "(2, 3)"), ("a", "(2, 3)")]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda networkx: networkx.Graph([("a", "b")]), "no direction"),
        (lambda networkx: networkx.DiGraph([("a", "b"), ("b", "a")]), "circle"),
        (lambda networkx: networkx.DiGraph([("a", 1), ("a", "1")]), "both called '1'"),
    ],
)
def test_graphs_of_networkx_that_are_refused(make, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        viz.draw(make(pytest.importorskip("networkx")))


def test_networkx_is_not_imported() -> None:
    program = "import sys, viz; viz.draw({'y': ['x']}).svg(); assert 'networkx' not in sys.modules"
    environment = os.environ | {"PYTHONPATH": str(Path(viz.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_a_directed_graph_has_no_page() -> None:
    with pytest.raises(PictureError, match="explore takes"):
        viz.explore(pytest.importorskip("networkx").DiGraph(FEEDS))


def test_the_whole_name_is_in_the_tooltip() -> None:
    name = "w" * 90
    assert f"<title>input {name}</title>" in viz.draw({"y": [name]}).svg()


def test_a_directed_graph_of_pygraphviz() -> None:
    pygraphviz = pytest.importorskip("pygraphviz")
    graph = pygraphviz.AGraph(FEEDS, directed=True)
    assert arrows(viz.draw(graph).picture) == sorted(
        (name, user) for name, users in FEEDS.items() for user in users
    )


@pytest.mark.parametrize(
    ("names", "formula"),
    [("abcd", "f(a, b, c, d)"), ("abcde", "f(a, b, c, d, …)"), ("abcdefg", "f(a, b, c, d, …)")],
)
def test_a_formula_shows_four_operands(names: str, formula: str) -> None:
    picture = viz.draw({"y": list(names)}).picture
    assert next(node.formula for node in picture.nodes if node.label == "y") == formula


def test_a_sketch_without_lines_says_nothing_of_their_direction() -> None:
    assert viz.draw({"a": [], "b": []}).picture.notes == ()
    assert viz.draw({"a": [], "b": ["a"]}).picture.notes != ()


SUGGESTION = 'if each name goes into the names in its list instead: edges="feeds"'


def test_lists_that_end_in_many_results_of_one_input_may_be_the_other_way_round() -> None:
    assert SUGGESTION in viz.draw(FEEDS).picture.notes
    assert SUGGESTION in str(viz.draw(FEEDS))


@pytest.mark.parametrize(
    ("graph", "edges"),
    [
        (TUTORIAL, None),
        (FEEDS, "operands"),
        (FEEDS, "feeds"),
        ({"y": ["x"]}, None),
        ({"y": ["x", "w"], "z": ["x"]}, None),
    ],
)
def test_no_other_lists_are_said_to_be_the_other_way_round(
    graph: dict[str, list[str]], edges: str | None
) -> None:
    assert SUGGESTION not in viz.draw(graph, edges=edges).picture.notes
