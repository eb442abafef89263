"""DOT: our text to the letter, Graphviz's reading of it, rendering with and without a program."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import graphviz
import pygraphviz
import pytest

from scalargrad.errors import LayoutError, OptionError, PictureError
from tests.viz.hostile import HOSTILE, each, together
from tests.viz.pictures import ALL, boxed, columns, filled, small, titled
from viz.layout.direction import DIRECTIONS
from viz.look.text import clean
from viz.model.picture import Edge, Node, Picture
from viz.render.digraph import PortableDigraph
from viz.render.dot import STYLES, build_digraph, quote

GOLDEN = Path(__file__).parent / "golden"
SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "g", "title", "polygon", "path", "polyline", "ellipse", "text", "a"}


def drawn(graph: graphviz.Digraph) -> ElementTree.Element:
    """As Graphviz draws it, in this process."""
    return ElementTree.fromstring(
        pygraphviz.AGraph(string=graph.source).draw(prog="dot", format="svg")
    )


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def run_together(root: ElementTree.Element) -> str:
    return "".join("".join(texts(root)).split())


@pytest.mark.parametrize("style", STYLES)
def test_our_own_text(style: str) -> None:
    assert build_digraph(small(), style).source == (GOLDEN / f"small-{style}.dot").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_graphviz_reads_every_node_edge_and_box(make: Callable[[], Picture], style: str) -> None:
    picture = make()
    graph = pygraphviz.AGraph(string=build_digraph(picture, style).source)
    extra = (
        {f"{node.id}o" for node in picture.nodes if node.kind == "operation" and node.symbol}
        if style == "classic"
        else set()
    )
    assert {str(node) for node in graph.nodes()} == {node.id for node in picture.nodes} | extra
    hidden = sum(len(column.members) - 1 for column in picture.columns)
    assert len(graph.edges()) == len(picture.edges) + len(extra) + hidden
    clusters = re.findall(r"subgraph cluster_\d+", build_digraph(picture, style).source)
    assert len(clusters) == len(picture.groups)
    drawn(build_digraph(picture, style))


def test_a_product_with_itself_has_two_edges() -> None:
    x, y = Node("n0", "input", data=3.0), Node("n1", "operation", "×", data=9.0)
    edges = tuple(Edge("n0", "n1", 3.0, 3.0, port) for port in (0, 1))
    assert build_digraph(Picture("cards", (x, y), edges)).source.count('"n0" -> "n1"') == 2


@pytest.mark.parametrize("style", STYLES)
def test_no_text_breaks_out(style: str) -> None:
    together(partial(check_that_nothing_breaks_out, style), size=60)


@pytest.mark.parametrize("style", STYLES)
def test_no_title_breaks_out(style: str) -> None:
    each(partial(check_title, style))


def check_that_nothing_breaks_out(style: str, texts: Sequence[str]) -> None:
    graph = build_digraph(filled(*texts), style)
    check_source(graph.source)
    read = pygraphviz.AGraph(string=graph.source)
    expected = {f"n{i}" for i in range(6 * len(texts))}
    if style == "classic":
        expected |= {f"n{6 * i + 4}o" for i, text in enumerate(texts) if clean(text)}
    assert {str(node) for node in read.nodes()} == expected
    assert len(read.edges()) == 4 * len(texts) + len(expected) - 6 * len(texts)
    check_drawn(drawn(graph))


def check_title(style: str, text: str) -> None:
    source = build_digraph(titled(text), style).source
    check_source(source)
    read = pygraphviz.AGraph(string=source)
    assert {str(node) for node in read.nodes()} == (
        {"n0"} | ({"n0o"} if style == "classic" else set())
    )
    label = dict(read.graph_attr.items()).get("label", "")
    said = "".join(ElementTree.fromstring(f"<label>{label}</label>").itertext())
    assert clean(text, 120) in said.replace("\\\\", "\\")  # a label takes two for one


def check_source(source: str) -> None:
    """Outside of strings and labels nothing of an address."""
    bare = re.sub(r'"(\\.|[^"\\])*"|<.*>', "", source)
    assert not re.search(r"\b(URL|href|target|edgeURL|labelURL|headURL|tailURL)\s*=", bare)


def check_drawn(root: ElementTree.Element) -> None:
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in ALLOWED
        for name in element.attrib:
            assert not name.lower().startswith("on")
            assert not name.endswith("href")
            assert name not in ("target", "style")


def test_every_text_reads_as_it_was_meant() -> None:
    together(check_that_texts_are_read, [text for text in HOSTILE if 2 <= len(clean(text)) <= 24])


def check_that_texts_are_read(texts: Sequence[str]) -> None:
    nodes = tuple(Node(f"n{i}", "input", "in", text, 1.0, 1.0) for i, text in enumerate(texts))
    groups = {
        group.findtext(f"{SVG}title"): group
        for group in drawn(build_digraph(Picture("cards", nodes))).iter(f"{SVG}g")
    }
    for i, text in enumerate(texts):
        group = groups[f"n{i}"]
        assert "".join(clean(text).split()) in run_together(group), text
        tips = [
            value
            for element in group.iter(f"{SVG}a")
            for name, value in element.attrib.items()
            if name.endswith("title")
        ]
        assert any(clean(text).replace("\\", "∖") in tip for tip in tips), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:b", '"a:b"'),
        ("<b>", '"<b>"'),
        ("\\N", '"\\\\N"'),
        ("tail\\", '"tail\\\\"'),
        ('x"y', '"x\\"y"'),
        ("&lt;", '"&amp;lt;"'),
        ("a\nb", '"a b"'),
        ("node", '"node"'),
    ],
)
def test_quoting(text: str, expected: str) -> None:
    assert quote(text) == expected


def test_cards_say_what_our_own_drawings_say() -> None:
    said = texts(drawn(build_digraph(boxed())))
    for expected in (
        "∂ 3",
        "layers.0.neurons.2",
        "Neuron",
        "5 parameters · gradient norm 0.97",
        "inf",
        "nan",
        "−1.5",
    ):
        assert expected in said
    assert 'style="dashed"' in build_digraph(small()).source
    assert build_digraph(boxed()).source.count('STYLE="ROUNDED,DASHED"') == 1


def test_every_round_frame_holds_round_fills_only() -> None:
    for tag in re.findall(r"<T[DR][^>]*>", build_digraph(small()).source):
        assert "BGCOLOR" not in tag or "WIDTH" in tag  # those of the legend


def test_the_classic_look_is_black_on_white_with_four_decimals() -> None:
    said = texts(drawn(build_digraph(small(), "classic")))
    assert [text for text in said if text.startswith("data")] == [
        "data 2.0000",
        "data −3.0000",
        "data −6.0000",
        "data −1.0000",
    ]
    assert "grad −1.5000" in said
    assert said.count("×") == 1


def test_huge_and_strange_numbers_stay_short() -> None:
    nodes = (
        Node("n0", "input", "in", "x", 1e300, float("nan")),
        Node("n1", "input", "in", "y", float("-inf"), -1e6),
    )
    said = texts(drawn(build_digraph(Picture("cards", nodes), "classic")))
    assert {"data 1.0000e+300", "grad nan", "data −inf", "grad −1.0000e+06"} <= set(said)


@pytest.mark.parametrize("rankdir", DIRECTIONS)
def test_directions(rankdir: str) -> None:
    root = drawn(build_digraph(columns(), rankdir=rankdir))
    centers = {}
    for group in root.iter(f"{SVG}g"):
        if group.get("class") == "node":
            text = next(group.iter(f"{SVG}text"))
            centers[text.text] = (float(text.get("x", "")), float(text.get("y", "")))
    sign, axis = {"LR": (1, 0), "RL": (-1, 0), "TB": (1, 1), "BT": (-1, 1)}[rankdir]
    assert sign * centers["u0"][axis] < sign * centers["u2"][axis] < sign * centers["u4"][axis]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("style", "fancy"),
        ("rankdir", "XY"),
        ("theme", "auto"),
        ("program", "neato"),
        ("format", "xyz"),
    ],
)
def test_wrong_options(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=value) as raised:
        build_digraph(small(), **{name: value})
    assert isinstance(raised.value, OptionError) or name == "format"


# Rendering


@pytest.fixture(params=["no program", "asked for"])
def graph(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> graphviz.Digraph:
    """A graph that the package draws: because there is no `dot`, or although there is one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    if request.param == "no program":
        return build_digraph(small())
    program(tmp_path)
    return build_digraph(small(), program="pygraphviz")


def program(folder: Path, command: str = "echo from the program") -> None:
    fake = folder / "dot"
    fake.write_text(f"#!/bin/sh\n{command}\n")
    fake.chmod(0o755)


def test_it_is_a_digraph(graph: graphviz.Digraph) -> None:
    assert isinstance(graph, graphviz.Digraph)
    assert str(graph) == graph.source
    assert graph.format == "svg"


def test_pipe(graph: graphviz.Digraph, capfd: pytest.CaptureFixture[str]) -> None:
    ElementTree.fromstring(graph.pipe())
    assert graph.pipe(format="png").startswith(b"\x89PNG")
    assert graph.pipe("pdf").startswith(b"%PDF")
    assert '"objects"' in graph.pipe("json0", encoding="utf-8")
    assert graph.pipe("svg", renderer="cairo").startswith(b"<?xml")
    assert capfd.readouterr() == ("", "")


def test_render_and_save(graph: graphviz.Digraph, tmp_path: Path) -> None:
    assert graph.render("sub/a.gv", cleanup=True) == "sub/a.gv.svg"
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["a.gv.svg"]
    assert graph.render("b", format="png") == "b.png"
    assert (tmp_path / "b").read_text(encoding="utf-8") == graph.source
    assert graph.render(outfile="c.pdf") == "c.pdf"
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF")
    assert graph.save("d.gv") == "d.gv"
    with pytest.raises(graphviz.FileExistsError):
        graph.render(outfile="c.pdf", raise_if_result_exists=True)


def test_notebooks(graph: graphviz.Digraph) -> None:
    bundle = graph._repr_mimebundle_()
    assert list(bundle) == ["image/svg+xml"]
    ElementTree.fromstring(bundle["image/svg+xml"].encode())
    assert graph._repr_image_svg_xml().startswith("<?xml")
    assert graph._repr_mimebundle_(include=["image/png"])["image/png"].startswith(b"\x89PNG")


def test_view_without_a_viewer_says_where_the_file_is(
    graph: graphviz.Digraph, tmp_path: Path
) -> None:
    with pytest.raises(PictureError, match=r"'a\.gv\.svg' is written"):
        graph.view("a.gv")
    assert (tmp_path / "a.gv.svg").exists()


def test_a_copy_is_drawn_the_same_way(graph: graphviz.Digraph) -> None:
    copy = graph.copy()
    assert isinstance(copy, PortableDigraph)
    assert copy.program == graph.program
    assert copy.source == graph.source


def test_failures_carry_the_words_of_graphviz(graph: graphviz.Digraph, tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(b"old")
    with pytest.raises(LayoutError, match=r"webp.*not recognized"):
        graph.render(outfile="a.webp")
    assert (tmp_path / "a.webp").read_bytes() == b"old"
    graph.body.append("a -> ")
    with pytest.raises(LayoutError, match="syntax error"):
        graph.pipe()


def test_warnings_are_passed_on(graph: graphviz.Digraph, capfd: pytest.CaptureFixture[str]) -> None:
    graph.body.append("wrong [label=<<b>x</i>>]")
    graph.pipe()
    assert "mismatched tag" in capfd.readouterr().err
    graph.pipe(quiet=True)
    assert capfd.readouterr().err == ""


def test_a_program_on_the_path_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert build_digraph(small(), program="dot").pipe() == b"from the program\n"
    assert build_digraph(small(), program="dot").pipe(encoding="utf-8") == "from the program\n"
    assert (
        build_digraph(small()).pipe(encoding="utf-8").startswith("<?xml")
    )  # the wheel comes first


def test_a_program_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path, "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    hanging = build_digraph(small(), program="dot")
    hanging.limit = 0.2
    with pytest.raises(LayoutError, match=r"not finish within 0\.2 s"):
        hanging.pipe()


def test_a_program_that_is_asked_for_and_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LayoutError, match="no program dot on the PATH"):
        build_digraph(small(), program="dot").pipe()
