"""The sums of a gradient against brute force: every path counted and multiplied."""

import re
import unicodedata
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import isnan, log10

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.core.graph import topological
from scalargrad.core.operations import apply
from scalargrad.core.ops import TABLE
from scalargrad.errors import GraphError, OptionError, PictureError
from scalargrad.nn import MLP
from tests.viz.graphs import chain, network, neuron, processor_time, steps
from tests.viz.hostile import each
from viz.gradients.notation import latex_name, write_count
from viz.gradients.path_sums import PathSums

STEPS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 2)), min_size=1, max_size=11
)


def graph(steps: list[tuple[int, int, int]]) -> list[Value]:
    nodes = [Value(1.5, label="x"), Value(-0.5, label="c")]
    for first, second, kind in steps:
        a, b = nodes[first % len(nodes)], nodes[second % len(nodes)]
        nodes.append([a + b, a * b, a - b][kind])
    return nodes


def all_ways(output: Value, leaf: Value) -> list[Fraction]:
    """Return the product over every path through the graph, exactly, one by one."""
    if output is leaf:
        return [Fraction(1)]
    found = []
    for arg, local in zip(output.args, output.partials, strict=True):
        found += [Fraction(local) * way for way in all_ways(arg, leaf)]
    return found


@settings(deadline=None, derandomize=True, max_examples=150)
@given(STEPS, st.integers(1, 6))
def test_paths_by_brute_force(steps: list[tuple[int, int, int]], most: int) -> None:
    nodes = graph(steps)
    output, leaf = nodes[-1], nodes[0]
    output.backward()
    sums, expected = (
        PathSums(output, leaf, most),
        sorted(all_ways(output, leaf), key=abs, reverse=True),
    )
    assert sums.count == len(expected)
    assert sums.total == leaf.grad
    assert [abs(trail.product) for trail in sums.largest] == pytest.approx(
        [float(abs(x)) for x in expected[:most]], rel=1e-12
    )
    rest = sum(expected) - sum(Fraction(trail.product) for trail in sums.largest)
    assert sums.rest == pytest.approx(float(rest), rel=1e-9, abs=1e-9)
    for trail in sums.largest:
        ways = trail.steps()
        assert all(above.node.args[below.port] is below.node for above, below in pairwise(ways))
    assert len(
        {tuple((id(s.node), s.port) for s in trail.steps()) for trail in sums.largest}
    ) == len(sums.largest)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(STEPS, st.integers(1, 4))
def test_what_is_written_multiplies_to_what_is_said(
    steps: list[tuple[int, int, int]], top: int
) -> None:
    nodes = graph(steps)
    nodes[-1].backward()
    said = viz.explain(nodes[-1], nodes[0], top)
    assert said.count == len(said.paths) + said.more
    for path in said.paths:
        product = Fraction(1)
        for factor in path.factors:
            product *= Fraction(factor)
        assert float(product) == pytest.approx(path.product, rel=1e-12)
        assert len(path.names) == len(path.factors) + 1
    assert float(
        sum(Fraction(path.product) for path in said.paths) + Fraction(said.rest)
    ) == pytest.approx(nodes[0].grad, rel=1e-12, abs=1e-12)


def test_the_rest_keeps_its_digits_beside_a_giant() -> None:
    x = Value(1.0, label="x")
    y = x * 1e20 + x * 3.0 + x * 0.25
    assert PathSums(y, x, max_paths=1).rest == 3.25


def test_a_network_against_its_gradients() -> None:
    loss = network([8, 8, 1], 3)
    for leaf in topological([loss]):
        if not leaf.args and leaf.kind != "constant":
            said = viz.explain(loss, leaf, top=2)
            assert said.total == leaf.grad
            assert sum(path.product for path in said.paths) + said.rest == pytest.approx(
                leaf.grad, rel=1e-9, abs=1e-14
            )


def test_the_work_grows_with_the_graph_and_no_faster() -> None:
    counts = []
    for samples in (1, 4):
        loss = network([8, 8, 8, 1], samples)
        weight = next(node for node in topological([loss]) if isinstance(node, Parameter))
        counts.append(steps(lambda loss=loss, weight=weight: viz.explain(loss, weight)))  # type: ignore[misc]
    assert counts[1] < 5 * counts[0]


def test_long_chains_take_time_in_proportion() -> None:
    def seconds(length: int) -> float:
        y = chain(length)
        x = next(node for node in topological([y]) if node.label == "x")
        return processor_time(lambda: viz.explain(y, x))

    assert seconds(20_000) < 10 * seconds(5_000)  # 16 where it is quadratic


def test_long_chains() -> None:
    y = chain(20_000)
    x = next(node for node in topological([y]) if node.label == "x")
    said = viz.explain(y, x)
    assert said.total == x.grad
    assert said.draw().svg()


def test_counts_are_exact_however_large() -> None:
    x = y = Value(1.0, label="x")
    for _ in range(3000):
        y = y + y
    said = viz.explain(y, x, top=2)
    assert said.count == 2**3000
    assert f"about {10 ** (3000 * log10(2) % 1):.1f}e+903 paths" in str(said)
    assert write_count(10**15 - 1).startswith("999,999,999,999,999 ")


def test_the_text_of_a_neuron() -> None:
    o = neuron()
    leaves = {node.label: node for node in topological([o])}
    assert str(viz.explain(o, leaves["w2"])).splitlines() == [
        "∂o/∂w2 = 0.0, the sum over 1 path:",
        "  0.0 = ∂o/∂n * ∂n/∂(x2 × w2) * ∂(x2 × w2)/∂w2 = 0.5 * 1.0 * 0.0",
        "why: x2 × w2 passes nothing back to w2: x2 is 0",
    ]
    assert "note: w1.grad holds" not in str(viz.explain(o, leaves["w1"]))
    o.backward()
    assert "note: w1.grad holds 2.0" in str(viz.explain(o, leaves["w1"]))


def test_the_output_itself_and_what_it_does_not_depend_on() -> None:
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    assert viz.explain(x, x).total == 1.0
    assert [path.factors for path in viz.explain(x, x).paths] == [(1.0,)]
    apart = viz.explain(x * 2, y)
    assert (apart.count, apart.total, apart.why) == (0, 0.0, "x × 2 does not depend on y")
    for said in (viz.explain(x, x), apart):
        assert said.draw().svg()
        assert said.latex()
        assert str(said)


def test_what_is_refused() -> None:
    x = Value(1.0)
    with pytest.raises(PictureError, match="explain takes two Values"):
        viz.explain(3.0, x)  # type: ignore[arg-type]
    for top in (0, -1, 1.5, True):
        with pytest.raises(OptionError, match="top of explain"):
            viz.explain(x, x, top)  # type: ignore[arg-type]
    with pytest.raises(GraphError, match="without partials"):
        viz.explain(Value(1.0, (x,), "mine"), x)


def test_nothing_is_changed() -> None:
    o = neuron()
    before = [(node.data, node.grad, node.label) for node in topological([o])]
    for node in topological([o]):
        viz.explain(o, node).draw().svg()
    assert before == [(node.data, node.grad, node.label) for node in topological([o])]


def reason_of(make: object, at: float) -> tuple[float, str]:
    x = Value(at, label="x")
    y = make(x)  # type: ignore[operator]
    y.backward()
    said = viz.explain(y, x)
    assert said.total == x.grad or (isnan(said.total) and isnan(x.grad))
    assert said.draw().svg()
    return x.grad, said.why


@pytest.mark.parametrize(
    ("make", "at", "words"),
    [
        (lambda x: x.relu() * 3, -2.0, "relu is off at −2"),
        (lambda x: sg.floor(x), -2.0, "the derivative of floor by its x is 0 everywhere"),
        (
            lambda x: sg.where(0.0, x, Value(3.0, label="other")),
            -2.0,
            "where took other = 3 and not x = −2",
        ),
        (lambda x: sg.maximum(x, Value(3.0, label="m")), -2.0, "maximum took m = 3 and not x = −2"),
        (lambda x: sg.clamp(x, 0.0, 1.0), -2.0, "clamp took low = 0 and not x = −2"),
        (
            lambda x: sg.max([x, Value(7.0, label="s"), Value(1.0)]),
            -2.0,
            "max took s = 7 and not x = −2",
        ),
        (lambda x: x**2, 0.0, "x is 0"),
        (
            lambda x: sg.prod([x, Value(0.0, label="a"), Value(0.0, label="b")]),
            1.0,
            "a and b are 0",
        ),
        (lambda x: sg.tanh(x * 100), 2.0, "tanh is saturated: 1 - o² = 0"),
        (lambda x: sg.sigmoid(x * 1000), 2.0, "sigmoid is saturated: o*(1 - o) = 0"),
        (lambda x: x * x - x * x, 2.0, "what arrives at x cancels out: (−2) + (−2) + 2 + 2 = 0"),
        (lambda x: x * 1e-200 * 1e-200, 2.0, "1e−200 × 1e−200 is too small for a float"),
    ],
)
def test_why_is_it_zero(make: object, at: float, words: str) -> None:
    gradient, why = reason_of(make, at)
    assert gradient == 0.0
    assert words in why


@pytest.mark.parametrize(
    ("make", "at", "words"),
    [
        (lambda x: sg.log(x), 0.0, "log(x = 0) gave −inf"),
        (lambda x: sg.log(x * 0.0) * x, 1.0, "log(0) gave −inf, times 0 at x × 0"),
        (lambda x: sg.sqrt(x * x), 0.0, "is inf at 0 (1/(2*o)), times 0 at x × x"),
        (lambda x: sg.sqrt(x) - sg.sqrt(x), 0.0, "at x meet (−inf) + inf"),
        (lambda x: sg.exp(x * 1000), 1.0, "exp(1000) gave inf"),
        (lambda x: x * 1e300 * 1e300, 1.0, "is too large for a float"),
        (lambda x: x * Value(float("nan"), label="broken"), 1.0, "broken is nan"),
    ],
)
def test_why_is_it_not_finite(make: object, at: float, words: str) -> None:
    gradient, why = reason_of(make, at)
    assert gradient - gradient != 0.0
    assert words in why


EXTREMES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.0,
    30.0,
    -800.0,
    1e-200,
    1e300,
    float("inf"),
    float("-inf"),
    float("nan"),
]


@settings(deadline=None, derandomize=True, max_examples=600)
@given(
    st.sampled_from(list(TABLE)),
    st.sampled_from(list(TABLE)),
    st.lists(st.sampled_from(EXTREMES), min_size=4, max_size=4),
)
def test_every_operation_at_its_worst_is_explained(
    inner: str, outer: str, numbers: list[float]
) -> None:
    """Where a gradient is 0, inf or nan there is a sentence; the total is the gradient exactly."""
    values = [Value(number, label=f"x{i}") for i, number in enumerate(numbers)]

    def use(name: str, operands: list[Value]) -> Value:
        op = TABLE[name]
        result: Value = apply(op, *operands[: 2 if op.over_list else len(op.operands)])
        return result

    y = use(outer, [use(inner, values), *values[:3]])
    y.backward()
    for x in values:
        if y.args and any(node is x for node in topological([y])):
            said = viz.explain(y, x)
            assert said.total == x.grad or (isnan(said.total) and isnan(x.grad))
            assert bool(said.why) or (x.grad != 0.0 and x.grad - x.grad == 0.0)
            assert str(said)
            assert said.latex()


def test_why_is_it_tiny_and_where_there_is_nothing_to_say() -> None:
    assert reason_of(lambda x: sg.tanh(x * 2), -2.5)[1] == "tanh(−5) is saturated: 1 - o² = 1.82e−4"
    assert reason_of(lambda x: x * 1e-9, 2.0)[1] == ""
    assert reason_of(lambda x: x * 3, 2.0)[1] == ""


def test_a_dead_neuron_is_named() -> None:
    model = MLP(2, [3, 1], "relu", seed=1)
    model.layers[0].neurons[0].bias.data = -100.0
    loss = (model([1.0, 2.0]) - 1.0) ** 2
    loss.backward()
    why = viz.explain(loss, model.layers[0].neurons[0].weights[0]).why
    assert re.match(
        r"relu\(.*\) in layers\.0\.neurons\.0 passes nothing back to .*: "
        r"relu is off at −.* \(derivative 1 above 0, else 0\)$",
        why,
    )


def test_the_line_that_made_it_where_it_is_known() -> None:
    x = Value(0.0, label="x")
    with pytest.raises(sg.errors.AnomalyError), sg.detect_anomaly():
        sg.log(x)
    y = sg.log(x)
    y.metadata = {"source": "a.py:3: y = log(x)"}
    assert viz.explain(y, x).why == "log(x = 0) gave −inf, made at a.py:3: y = log(x)"


def test_the_picture_shows_the_paths_and_dims_the_rest() -> None:
    o = neuron()
    leaves = {node.label: node for node in topological([o])}
    drawn = viz.explain(o, leaves["w2"]).draw().picture
    bright = {node.label for node in drawn.nodes if not node.dim}
    assert {"o", "n", "w2"} <= bright
    assert bright.isdisjoint({"x1", "w1", "x2", "b"})
    assert [edge.mark for edge in drawn.edges if edge.mark] == ["stops here"]
    assert sum(not edge.dim for edge in drawn.edges) == 4
    large = viz.explain(network([16, 16, 1], 4), leaves["w2"]).draw().picture
    assert len(large.nodes) == 1


@cache
def large(sizes: tuple[int, ...]) -> Value:
    """The loss of a network, which several tests explain."""
    return network(list(sizes), 2)


@pytest.mark.parametrize("sizes", [(16, 1), (24, 24, 1), (8,) * 8 + (1,)])
@pytest.mark.parametrize("top", [1, 3, 40])
def test_large_graphs_of_any_kind_are_drawn(sizes: tuple[int, ...], top: int) -> None:
    loss = large(sizes)
    for label in ("w0", "b", "x1"):
        leaf = next(node for node in topological([loss]) if node.label == label)
        drawing = viz.explain(loss, leaf, top=top).draw()
        assert drawing.svg()
        assert sum(not node.tag for node in drawing.picture.nodes) <= 300


def test_a_large_graph_is_drawn_as_its_paths_alone() -> None:
    loss = network([16, 16, 1], 4)
    weight = next(node for node in topological([loss]) if isinstance(node, Parameter))
    said = viz.explain(loss, weight, top=3)
    picture = said.draw().picture
    assert len(picture.nodes) < 100
    assert any("the 3 largest of" in note for note in picture.notes)
    assert {node.label for node in picture.nodes if node.kind == "parameter"} == {weight.label}


def test_latex_of_any_name_is_balanced_and_runs_no_command() -> None:
    each(check_latex)


def check_latex(text: str) -> None:
    x = Value(2.0, label=text)
    y = (x * x).tanh()
    y.label = text
    tex = viz.explain(y, x).latex()
    assert tex.count("\\begin") == tex.count("\\end") == 1
    depth = 0
    for before, sign in zip(" " + tex, tex, strict=False):
        depth += (sign == "{" and before != "\\") - (sign == "}" and before != "\\")
        assert depth >= 0
    assert depth == 0


def test_no_name_makes_lines_or_moves_the_cursor() -> None:
    def said(text: str) -> str:
        x = Value(2.0, label=text)
        y = (x * 0.0).tanh()
        y.label = text
        return str(viz.explain(y, x))

    def check(text: str) -> None:
        assert {
            c for c in said(text) if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        } <= {"\n"}
        assert len(said(text).splitlines()) == len(said("x").splitlines())

    each(check)


def test_latex_names() -> None:
    assert latex_name("a_b\\c^2 50% {x}") == r"\text{a\_b$\backslash$c$\hat{}$2 50\% \{x\}}"


def test_notebooks_show_picture_and_text() -> None:
    o = neuron()
    x = Value(1.0, label="<script>alert(1)</script>")
    said = viz.explain(o * x, x)
    shown = said._repr_mimebundle_()
    assert shown["text/plain"] == str(said)
    assert "<img" in shown["text/html"]
    assert "<script" not in shown["text/html"]
