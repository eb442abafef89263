"""Mermaid: every line is one statement of a known form, and every text stays inside its quotes."""

import re
from collections.abc import Callable, Sequence

import pytest

from tests.viz.hostile import HOSTILE, each, together
from tests.viz.pictures import ALL, boxed, columns, filled, small, titled
from viz.look.text import clean
from viz.model.picture import Edge, Node, Picture
from viz.render.mermaid import MAX_EDGES, escape_label, render_mermaid

TEXT = r"(?:[^\W_]|[ ×÷−∂….<>/·_]|#\d+;)*"
STATEMENTS = [
    r"flowchart LR",
    rf'subgraph g\d+\["{TEXT}"\]',
    r"end",
    rf'n\d+(\(\["{TEXT}"\]\)|\["{TEXT}"\]|\("{TEXT}"\)|\[/"{TEXT}"/\]|\[\["{TEXT}"\]\])',
    r'n\d+ (-->|-\.->)(\|"∂ −?[0-9.e−naif]+"\|)? n\d+',
    r"linkStyle \d+(,\d+)* stroke:#[0-9a-f]{6},stroke-width:[\d.]+px",
    r"classDef \w+ [\w:#,-]+",
    r"class [gn]\d+(,[gn]\d+)* \w+",
    rf'caption\["{TEXT}"\]',
    r"style caption [\w:#,]+",
]
STATEMENT = re.compile("|".join(f"(?:{statement})" for statement in STATEMENTS))


def check(text: str) -> list[str]:
    """The statements, each of a known form."""
    lines = text.split("\n")
    assert lines.pop() == ""
    assert "\r" not in text
    assert len(text.splitlines()) == len(lines)
    for line in lines:
        assert STATEMENT.fullmatch(line.strip()), line
        for label in re.findall(r'"(.*?)"', line):
            assert "<" not in label.replace("<br/>", "")
    return [line.strip() for line in lines]


def decoded(label: str) -> str:
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label)


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_every_picture(make: Callable[[], Picture]) -> None:
    picture, lines = make(), check(render_mermaid(make()))
    assert sum(bool(re.match(r"n\d+[\[(>]", line)) for line in lines) == len(picture.nodes)
    assert sum(bool(re.search(r"-->|-\.->", line)) for line in lines) == len(picture.edges)
    assert (
        sum(line.startswith("subgraph") for line in lines)
        == lines.count("end")
        == len(picture.groups)
    )


def test_no_text_breaks_out() -> None:
    def statements(texts: Sequence[str]) -> list[str]:
        """The lines, with `x` for each text in quotes that is not on an edge."""
        lines = check(render_mermaid(filled(*texts)))
        return [re.sub(r'(?<!\|)".*"', '"x"', line) for line in lines]

    def like_plain_ones(texts: Sequence[str]) -> None:
        assert statements(texts) == statements(["x"] * len(texts))

    together(
        like_plain_ones, [text for text in HOSTILE if clean(text)], size=100
    )  # of more edges only the strongest are written


def test_no_title_breaks_out() -> None:
    def one_caption(text: str) -> None:
        lines = check(render_mermaid(titled(text)))
        assert len(lines) == len(check(render_mermaid(titled("x")))) - (0 if clean(text) else 2)

    each(one_caption)


def test_texts_of_which_nothing_is_left_are_written() -> None:
    empty = [text for text in HOSTILE if not clean(text)]
    lines = check(render_mermaid(filled(*empty)))
    assert sum(bool(re.match(r"n\d+[\[(>]", line)) for line in lines) == 6 * len(empty)


def test_every_text_reads_as_it_was_meant() -> None:
    each(check_literal)


def check_literal(text: str) -> None:
    written = escape_label(text)
    assert decoded(written) == clean(text)
    assert not set(written) & set("\"`<>[](){}|\\\n\r%&:'@$*_~=+-")
    assert "direction " not in written


def test_what_it_says() -> None:
    said = decoded(render_mermaid(small()))
    assert 'n0(["x<br/>data 2<br/>grad −1.5"])' in said
    assert 'n1["w<br/>data −3<br/>grad 0"]' in said
    assert 'n1 -.->|"∂ 2"| n2' in said
    assert 'caption["A neuron<br/>nothing is left out"]' in said


def test_boxes_stand_in_boxes() -> None:
    lines = [line.strip() for line in decoded(render_mermaid(boxed())).splitlines()]
    outer, inner = (
        lines.index('subgraph g0["layers.0 · 8 parameters"]'),
        lines.index('subgraph g1["neurons.1 · 3 parameters"]'),
    )
    assert outer < inner < lines.index("end")
    assert (
        '[["layers.0.neurons.2<br/>Neuron<br/>5 parameters · gradient norm 0.97'
        '<br/>data 0.25<br/>grad 0.5"]]' in decoded(render_mermaid(boxed()))
    )


def test_the_strongest_edges_are_kept_and_a_note_says_so() -> None:
    nodes = (Node("n0", "input"), Node("n1", "operation"))
    edges = tuple(Edge("n0", "n1", float(i), float(i)) for i in range(MAX_EDGES + 20))
    lines = check(render_mermaid(Picture("cards", nodes, edges)))
    kept = [line for line in lines if "-->" in line or "-.->" in line]
    assert len(kept) == MAX_EDGES
    assert kept[0] == 'n0 -->|"∂ 20"| n1'
    assert "showing the 500 strongest of 520 edges" in "\n".join(lines)


def test_each_style_names_edges_that_exist() -> None:
    text = render_mermaid(columns())
    styled = [int(i) for line in re.findall(r"linkStyle ([\d,]+)", text) for i in line.split(",")]
    assert sorted(styled) == list(range(len(columns().edges)))
