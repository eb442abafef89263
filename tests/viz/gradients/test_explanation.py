"""The chain rule written out: the tutorial's form, and every path by brute force."""

import unicodedata
from itertools import product as combinations
from math import exp, isnan, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.core.graph import topological
from scalargrad.errors import GraphError, OptionError, PictureError
from tests.viz.graphs import chain, network
from tests.viz.hostile import each


def labeled(value: Value, label: str) -> Value:
    value.label = label
    return value


def test_the_chain_in_the_form_of_the_tutorial() -> None:
    k1, b1, x = Parameter(0.5, label="k1"), Parameter(-1.0, label="b1"), Value(3.0, label="x")
    first = labeled(k1 * x + b1, "L1")
    s = labeled(sg.sigmoid(first), "sigmoid")
    second = labeled(Parameter(2.0, label="k2") * s + Parameter(0.5, label="b2"), "L2")
    loss = labeled((second - 1.0) ** 2, "loss")
    loss.backward()
    sigma = 1 / (1 + exp(-0.5))
    factors = [2 * (2 * sigma + 0.5 - 1), 2.0, sigma * (1 - sigma), 3.0]
    names, numbers, total = str(viz.chain_rule(loss, k1)).removeprefix("∂loss/∂k1 = ").split(" = ")
    assert names == "∂loss/∂L2 * ∂L2/∂sigmoid * ∂sigmoid/∂L1 * ∂L1/∂k1"
    assert [float(number) for number in numbers.split(" * ")] == pytest.approx(factors, rel=1e-3)
    assert float(total) == pytest.approx(prod(factors), rel=1e-3)
    rule = viz.chain_rule(loss, k1)
    assert rule.paths[0].factors == pytest.approx(factors, rel=1e-14)
    assert rule.total == k1.grad
    assert viz.chain_rule(loss, b1).paths[0].factors[-1] == 1.0


def test_several_paths_are_a_sum_the_largest_first() -> None:
    x = Value(3.0, label="x")
    a, b = labeled(x * 2.0, "a"), labeled(x * x, "b")
    y = labeled(a + b * 5.0 - x, "y")
    assert str(viz.chain_rule(y, x)).splitlines() == [
        "∂y/∂x = ∂y/∂b * ∂b/∂x = 5.0 * 6.0 = 30.0",
        "      + ∂y/∂a * ∂a/∂x = 1.0 * 2.0 = 2.0",
        "      + ∂y/∂x = -1.0",
        "      = 31.0",
    ]
    assert str(viz.chain_rule(y, x, most=1)).splitlines() == [
        "∂y/∂x = ∂y/∂b * ∂b/∂x = 5.0 * 6.0 = 30.0",
        "      + 2 more paths = 1.0",
        "      = 31.0",
    ]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans(), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 4),
)
def test_paths_and_total_by_brute_force(
    steps: list[tuple[int, int, bool, bool]], most: int
) -> None:
    nodes = [Value(1.5, label="x"), Value(-0.5, label="c")]
    for i, (first, second, times, named) in enumerate(steps):
        a, b = nodes[first % len(nodes)], nodes[second % len(nodes)]
        nodes.append(labeled(a * b if times else a + b, f"v{i}" if named else ""))
    leaf, output = nodes[0], nodes[-1]
    output.backward()
    rule = viz.chain_rule(output, leaf, most)
    assert rule.total == leaf.grad
    expected = by_brute_force(output, leaf)
    assert len(rule.paths) + rule.more == len(expected)
    sizes = sorted((abs(x) for x in expected.values()), reverse=True)
    assert [abs(path.product) for path in rule.paths] == pytest.approx(
        sizes[:most], rel=1e-9, abs=1e-12
    )
    for path in rule.paths:
        assert expected[path.names] == pytest.approx(path.product, rel=1e-9, abs=1e-12)
        assert prod(path.factors) == pytest.approx(path.product, rel=1e-9, abs=1e-12)
    assert sum(path.product for path in rule.paths) + rule.rest == pytest.approx(
        leaf.grad, rel=1e-9, abs=1e-9
    )


def by_brute_force(output: Value, leaf: Value) -> dict[tuple[str, ...], float]:
    """Return the products of all paths, summed over those that pass the same named Values."""
    found: dict[tuple[str, ...], float] = {}

    def follow(node: Value, names: tuple[str, ...], so_far: float) -> None:
        if node is leaf:
            found[(*names, "x")] = found.get((*names, "x"), 0.0) + so_far
            return
        for arg, local in zip(node.args, node.partials, strict=True):
            follow(
                arg, (*names, arg.label) if arg.label and arg is not leaf else names, so_far * local
            )

    follow(output, (output.label or output_name(output),), 1.0)
    return found


def output_name(output: Value) -> str:
    name = viz.chain_rule(output, output).output
    assert name
    return name


def test_a_network_of_many_paths_is_bounded() -> None:
    x = Value(1.0, label="x")
    layer = [x]
    for depth in range(40):
        layer = [
            labeled(sum((a * 0.5 for a in layer), Value(0.0)), f"h{depth}.{i}") for i in range(4)
        ]
    y = labeled(layer[0] + layer[1], "y")
    y.backward()
    rule = viz.chain_rule(y, x)
    assert rule.total == x.grad
    text = str(rule)
    assert rule.more + 5 == 2 * 4**39
    assert "about 6.0e+23 more paths" in text
    assert len(text) < 5000
    assert "factors …" in text


def test_a_network_folds_to_one_factor_equal_to_the_gradient() -> None:
    loss = network([4, 4, 1])
    weight = next(node for node in topological([loss]) if isinstance(node, Parameter))
    rule = viz.chain_rule(loss, weight)
    assert rule.total == weight.grad
    assert [path.names for path in rule.paths] == [("loss", rule.leaf)]


def test_deep_chains_and_long_ones() -> None:
    y = chain(20_000)
    x = y
    while x.args:
        x = x.args[0]
    assert viz.chain_rule(y, x).total == x.grad
    z = first = Value(1.0, label="z")
    for i in range(10_000):
        z = labeled(z + 1.0, f"z{i}")
    rule = viz.chain_rule(z, first)
    assert rule.total == 1.0
    assert len(str(rule)) < 600


def test_nothing_is_changed() -> None:
    x = Value(2.0, label="x")
    y = x * x
    y.backward()
    viz.chain_rule(y, x)
    assert (x.grad, y.grad) == (4.0, 1.0)


def test_names_where_there_are_none_and_where_they_are_equal() -> None:
    x = Value(2.0)
    assert str(viz.chain_rule(x * 3.0, x)) == "∂(2 × 3)/∂input = 3.0"
    a = Value(2.0, label="h")
    b = labeled(a * 2.0, "h")
    assert (
        str(viz.chain_rule(labeled(b * 2.0, "h"), a))
        == "∂(h #3)/∂h = ∂(h #3)/∂(h #2) * ∂(h #2)/∂h = 2.0 * 2.0 = 4.0"
    )


def test_the_same_value_and_one_that_is_not_there() -> None:
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    assert str(viz.chain_rule(x, x)) == "∂x/∂x = 1.0"
    assert viz.chain_rule(x, x).total == 1.0
    assert [path.factors for path in viz.chain_rule(x, x).paths] == [(1.0,)]
    assert str(viz.chain_rule(labeled(x * 2.0, "z"), y)) == "∂z/∂y = 0.0: z does not depend on y"
    assert viz.chain_rule(x * 2.0, y).total == 0.0


def test_a_branch_that_is_not_taken_gives_exactly_nothing() -> None:
    x = Value(0.0, label="x")
    root = labeled(sg.sqrt(x), "root")
    y = labeled(sg.where(1.0, x, root), "y")
    y.backward()
    rule = viz.chain_rule(y, x)
    assert rule.total == x.grad == 1.0
    assert [path.product for path in rule.paths] == [1.0, 0.0]


def test_nan_comes_first_and_is_not_hidden() -> None:
    x = Value(-1.0, label="x")
    bad, good = labeled(sg.log(x) * x, "bad"), labeled(x * 100.0, "good")
    y = labeled(bad + good, "y")
    y.backward()
    rule = viz.chain_rule(y, x, most=1)
    assert isnan(rule.total)
    assert isnan(x.grad)
    assert rule.paths[0].names[1] == "bad"


def test_what_is_no_value_is_refused() -> None:
    x = Value(1.0)
    for wrong in (3.0, None, "x", [x]):
        with pytest.raises(PictureError, match="two Values"):
            viz.chain_rule(wrong, x)  # type: ignore[arg-type]
        with pytest.raises(PictureError, match="its leaf is"):
            viz.chain_rule(x, wrong)  # type: ignore[arg-type]
    for most in (0, -1, 1.5):
        with pytest.raises(OptionError, match="at least 1"):
            viz.chain_rule(x, x, most)  # type: ignore[arg-type]
    with pytest.raises(GraphError, match="without partials"):
        viz.chain_rule(Value(1.0, (x,), "mine"), x)


def test_no_name_makes_lines_or_moves_the_cursor() -> None:
    each(check_name)


def check_name(text: str) -> None:
    x = Value(1.0, label=text)
    middle = labeled(x * 2.0, text)
    said = str(viz.chain_rule(labeled(middle * x, text), x))
    assert {c for c in said if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} <= {"\n"}
    assert len(said.split("\n")) <= 3
    assert all(len(line) < 500 for line in said.splitlines())


@pytest.mark.parametrize(("first", "second"), list(combinations((1e300, 1e-320, 5.0), repeat=2)))
def test_numbers_of_any_size_are_written(first: float, second: float) -> None:
    x = Value(1.0, label="x")
    y = labeled(labeled(x * first, "a") * second, "y")
    y.backward()
    assert viz.chain_rule(y, x).total == x.grad
    assert float(str(viz.chain_rule(y, x)).rsplit(" = ", 1)[1]) == pytest.approx(x.grad, rel=1e-3)
