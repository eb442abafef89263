"""The chain rule of sketched graphs: its paths against networkx, its text, what is refused."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import viz
from scalargrad import Value
from scalargrad.errors import OptionError, PictureError, UnknownNameError
from tests.viz.hostile import each

CHAIN = {
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
"""Two lines with a sigmoid between them; each name with where it goes."""


@pytest.mark.parametrize(
    ("leaf", "factors"),
    [
        ("k1", "∂Loss/∂L2 * ∂L2/∂sigmoid * ∂sigmoid/∂L1 * ∂L1/∂k1"),
        ("b1", "∂Loss/∂L2 * ∂L2/∂sigmoid * ∂sigmoid/∂L1 * ∂L1/∂b1"),
        ("k2", "∂Loss/∂L2 * ∂L2/∂k2"),
        ("b2", "∂Loss/∂L2 * ∂L2/∂b2"),
    ],
)
def test_the_factors_of_a_chain_from_its_end_to_the_leaf(leaf: str, factors: str) -> None:
    rule = viz.chain_rule("Loss", leaf, graph=CHAIN, edges="feeds")
    assert str(rule) == f"∂Loss/∂{leaf} = {factors}"


def test_the_names_are_those_of_the_chain_rule_with_numbers() -> None:
    x, k = Value(2.0, label="x"), Value(3.0, label="k")
    square = x * x
    square.label = "square"
    y = square * k + x
    y.label = "y"
    computed = viz.chain_rule(y, x)
    sketched = viz.chain_rule("y", "x", graph={"square": ["x", "x"], "y": ["square", "k", "x"]})
    assert set(sketched.paths) == {path.names for path in computed.paths}
    assert (sketched.output, sketched.leaf) == (computed.output, computed.leaf)


def test_several_paths_are_written_below_each_other() -> None:
    graph = {"y": ["a", "b", "x"], "a": ["x"], "b": ["x"]}
    assert str(viz.chain_rule("y", "x", graph=graph)).splitlines() == [
        "∂y/∂x = ∂y/∂a * ∂a/∂x",
        "      + ∂y/∂b * ∂b/∂x",
        "      + ∂y/∂x",
    ]
    assert str(viz.chain_rule("y", "x", 1, graph=graph)).splitlines() == [
        "∂y/∂x = ∂y/∂a * ∂a/∂x",
        "      + 2 more paths",
    ]


Numbers = st.dictionaries(
    st.integers(1, 9), st.lists(st.integers(0, 9), max_size=4), min_size=2, max_size=9
)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(Numbers)
def test_the_paths_are_those_that_networkx_finds(numbers: dict[int, list[int]]) -> None:
    networkx = pytest.importorskip("networkx")
    operands = {
        f"n{name}": [f"n{operand}" for operand in listed if operand < name]
        for name, listed in numbers.items()
    }
    graph = networkx.DiGraph(operands).reverse()
    output = max(operands)
    for leaf in set(graph) - {output}:
        expected = {tuple(path)[::-1] for path in networkx.all_simple_paths(graph, leaf, output)}
        rule = viz.chain_rule(output, leaf, 10_000, graph=operands)
        assert set(rule.paths) == expected
        assert len(rule.paths) == len(expected)
        assert rule.more == 0

        few = viz.chain_rule(output, leaf, 2, graph=operands)
        assert set(few.paths) <= expected
        assert len(few.paths) + few.more == len(expected)


@pytest.mark.parametrize("make", ["DiGraph", "MultiDiGraph"])
def test_a_directed_graph_of_networkx(make: str) -> None:
    networkx = pytest.importorskip("networkx")
    graph = getattr(networkx, make)(CHAIN)
    expected = viz.chain_rule("Loss", "k1", graph=CHAIN, edges="feeds")
    assert viz.chain_rule("Loss", "k1", graph=graph) == expected


def test_exponentially_many_paths_are_counted_and_the_first_written() -> None:
    graph = {}
    for i in range(1, 201):
        graph[f"a{i}"] = graph[f"b{i}"] = [f"a{i - 1}", f"b{i - 1}"]
    graph["b0"] = ["a0"]
    rule = viz.chain_rule("a200", "a0", 3, graph=graph)
    assert rule.more == 2**200 - 3
    assert str(rule).endswith("+ about 1.6e+60 more paths")


def test_a_path_longer_than_pythons_stack() -> None:
    graph = {f"n{i}": [f"n{i - 1}"] for i in range(1, 5000)}
    rule = viz.chain_rule("n4999", "n0", graph=graph)
    assert len(rule.paths[0]) == 5000
    assert "… 4,988 factors …" in str(rule)


def test_ends_without_a_way_between_them() -> None:
    assert str(viz.chain_rule("x", "y", graph=CHAIN, edges="feeds")) == (
        "∂x/∂y = 0: x does not depend on y"
    )
    assert str(viz.chain_rule("x", "x", graph=CHAIN, edges="feeds")) == "∂x/∂x = 1"
    assert str(viz.chain_rule("Loss", "y", graph=CHAIN, edges="feeds")) == "∂Loss/∂y"


def test_a_name_that_reads_as_a_formula_is_bracketed() -> None:
    rule = viz.chain_rule("loss", "k", graph={"loss": ["k * x"], "k * x": ["k", "x"]})
    assert str(rule) == "∂loss/∂k = ∂loss/∂(k * x) * ∂(k * x)/∂k"


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (("Loss", "k9"), {"graph": CHAIN}, UnknownNameError, "no name 'k9' in the graph"),
        (("loss", "k1"), {"graph": CHAIN}, UnknownNameError, "did you mean 'Loss'"),
        ((Value(1.0), "k1"), {"graph": CHAIN}, PictureError, "names in the graph, not Value"),
        (("Loss", "k1"), {"graph": CHAIN, "edges": "feed"}, OptionError, "did you mean 'feeds'"),
        (("Loss", "k1", 0), {"graph": CHAIN}, OptionError, "most of chain_rule must be"),
        (("Loss", "k1"), {"graph": [CHAIN]}, PictureError, "a directed graph, not list"),
        (("a", "b"), {"graph": {"a": ["b"], "b": ["a"]}}, PictureError, "circle"),
        ((Value(1.0), Value(1.0)), {"edges": "feeds"}, OptionError, "give graph=… too"),
        ((CHAIN, "k1"), {}, PictureError, r"write chain_rule\('loss', 'x', graph=…\)"),
    ],
)
def test_wrong_calls(
    arguments: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        viz.chain_rule(*arguments, **options)


def test_no_name_makes_lines_or_moves_the_cursor() -> None:
    each(check_name)


def check_name(text: str) -> None:
    said = str(viz.chain_rule("y", text, graph={"y": ["a"], "a": [text]}))
    assert {c for c in said if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} <= {"\n"}
    assert len(said) < 500
