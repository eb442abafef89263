"""Paths that are put together: through a softmax and its kin, and very many by where they end.

The referees are formulas written out with `math`, and a walk that counts every path.
"""

from collections.abc import Callable, Iterable, Sequence
from math import exp, prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.core.graph import topological
from scalargrad.losses import cross_entropy
from tests.core.test_microgpt_code import Transformer
from tests.viz.graphs import steps

Numbers = list[Value]
LOGITS = [0.5, -1.0, 2.0, 0.25]


def add(numbers: Iterable[Value]) -> Value:
    total = sum(numbers)
    assert isinstance(total, Value)
    return total


def with_constant_maximum(logits: Numbers) -> Numbers:
    largest = max(logit.data for logit in logits)
    powers = [(logit - largest).exp() for logit in logits]
    total = add(powers)
    return [power / total for power in powers]


def with_maximum_in_the_graph(logits: Numbers) -> Numbers:
    largest = sg.max(logits)
    powers = [sg.exp(logit - largest) for logit in logits]
    total = add(powers)
    return [power / total for power in powers]


def without_maximum(logits: Numbers) -> Numbers:
    powers = [logit.exp() for logit in logits]
    total = add(powers)
    return [power * total**-1 for power in powers]


Softmax = Callable[[Numbers], Numbers]
SOFTMAXES: list[Softmax] = [
    sg.softmax,
    with_constant_maximum,
    with_maximum_in_the_graph,
    without_maximum,
]


def labeled(numbers: Sequence[float], letter: str = "x") -> Numbers:
    return [Value(x, label=f"{letter}{i}") for i, x in enumerate(numbers)]


def shares(numbers: Sequence[float]) -> list[float]:
    total = sum(map(exp, numbers))
    return [exp(x) / total for x in numbers]


def count_paths(output: Value, leaf: Value) -> int:
    counts = {leaf: 1}
    for node in topological([output]):
        if node is not leaf:
            counts[node] = sum(counts.get(arg, 0) for arg in node.args)
    return counts[output]


@pytest.mark.parametrize("softmax", SOFTMAXES)
@pytest.mark.parametrize("i", range(4))
@pytest.mark.parametrize("target", [0, 2])
def test_the_logarithm_of_a_softmax_is_one_factor(softmax: Softmax, i: int, target: int) -> None:
    logits = labeled(LOGITS)
    loss = -sg.log(softmax(logits)[target])
    loss.label = "loss"
    said = viz.explain(loss, logits[i])
    p = shares(LOGITS)[i]
    expected = p - 1.0 if i == target else p
    (path,) = said.paths
    assert path.factors == pytest.approx((expected,), rel=1e-12)
    assert path.names == ("loss", f"x{i}")
    assert path.count == said.count == count_paths(loss, logits[i])
    assert said.more == 0
    formula = "p − 1" if i == target else "p"
    (sentence,) = said.merged
    assert sentence.startswith(f"∂loss/∂x{i} = {formula} = ")
    assert sentence.endswith("through a softmax of 4 numbers")


@pytest.mark.parametrize("softmax", SOFTMAXES)
@pytest.mark.parametrize(("i", "formula"), [(1, "p(1 − p)"), (2, "−pᵢpⱼ")])
def test_a_softmax_itself_is_one_factor(softmax: Softmax, i: int, formula: str) -> None:
    logits = labeled(LOGITS)
    y = softmax(logits)[1] * 3.0
    said = viz.explain(y, logits[i])
    p = shares(LOGITS)
    expected = p[1] * (1.0 - p[1]) if i == 1 else -p[1] * p[i]
    (path,) = said.paths
    assert path.factors[-1] == pytest.approx(expected, rel=1e-12)
    assert f"= {formula} = " in said.merged[0]


@pytest.mark.parametrize("softmax", SOFTMAXES[:3])
def test_a_logarithm_is_told_from_a_probability_where_it_is_1(softmax: Softmax) -> None:
    logits = labeled([1000.0, 0.0])
    loss = -sg.log(softmax(logits)[0])
    (sentence,) = viz.explain(loss, logits[0]).merged
    assert "= p − 1 = 0.0" in sentence


@pytest.mark.parametrize("i", range(4))
def test_a_cross_entropy_is_one_factor(i: int) -> None:
    logits = labeled(LOGITS)
    loss = cross_entropy(logits, 2)
    said = viz.explain(loss, logits[i])
    expected = shares(LOGITS)[i] - (i == 2)
    assert [path.product for path in said.paths] == pytest.approx([expected], rel=1e-12)
    assert "softmax of 4 numbers" in str(said)


def test_a_logarithm_of_softmax_by_hand_is_one_factor() -> None:
    logits = labeled(LOGITS)
    total = sg.log(add(logit.exp() for logit in logits))
    y = logits[1] - total
    (path,) = viz.explain(y, logits[1]).paths
    assert path.factors == pytest.approx((1.0 - shares(LOGITS)[1],), rel=1e-12)
    assert path.count == 2


@pytest.mark.parametrize("name", ["rms", "layer"])
def test_other_normalizations_are_one_factor(name: str) -> None:
    x = labeled(LOGITS)
    centered = x
    if name == "layer":
        mean = add(x) / 4
        centered = [entry - mean for entry in x]
    scale = (add(entry * entry for entry in centered) / 4 + 1e-5) ** -0.5
    normalized = [entry * scale for entry in centered]
    loss = add(entry * (i + 1.0) for i, entry in enumerate(normalized))
    loss.backward()
    said = viz.explain(loss, x[0], top=1000)
    assert sum(path.product for path in said.paths) == pytest.approx(x[0].grad, rel=1e-12)
    assert said.count == count_paths(loss, x[0])
    assert len(said.paths) < said.count
    assert "through a normalization of 4 numbers" in str(said)


def test_a_number_times_a_sum_of_it_is_no_normalization() -> None:
    x, y = labeled([2.0, 3.0])
    said = viz.explain((x + y) * x, x)
    assert (len(said.paths), said.merged) == (2, ())


def test_a_label_inside_of_a_softmax_is_a_stop() -> None:
    logits = labeled(LOGITS)
    powers = [logit.exp() for logit in logits]
    total = add(powers)
    total.label = "total"
    loss = -sg.log(powers[0] / total)
    said = viz.explain(loss, logits[0])
    assert any("total" in path.names for path in said.paths)
    loss.backward()
    assert sum(path.product for path in said.paths) == pytest.approx(logits[0].grad, rel=1e-12)


def test_an_exponential_that_is_too_large_is_explained() -> None:
    logits = labeled([800.0, 0.0])
    powers = [sg.exp(logit) for logit in logits]
    said = viz.explain(sg.log(powers[1] / add(powers)), logits[1])
    assert said.count == count_paths(said._sums.output, logits[1])
    assert "inf" in said.why


STEPS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 6)), min_size=1, max_size=9
)


@settings(deadline=None, derandomize=True, max_examples=120)
@given(STEPS, st.integers(1, 6))
def test_random_graphs_add_up_to_the_gradient(made: list[tuple[int, int, int]], top: int) -> None:
    nodes = [Value(0.5, label="x"), Value(-0.25, label="c")]
    for first, second, kind in made:
        a, b = nodes[first % len(nodes)], nodes[second % len(nodes)]
        if kind < 4:
            nodes += SOFTMAXES[kind]([a, b, nodes[0]])[:2]
        else:
            nodes.append([a + b, a * b, -sg.log(sg.softmax([a, b])[0])][kind - 4])
    output, leaf = nodes[-1], nodes[0]
    output.backward()
    said = viz.explain(output, leaf, top)
    size = sum(abs(path.product) for path in said.paths)
    amounts = sum(path.product for path in said.paths) + said.rest
    assert amounts == pytest.approx(leaf.grad, rel=1e-9, abs=1e-9 * (1.0 + size))
    assert said.count == count_paths(output, leaf)
    assert said.count == said.more + sum(path.count for path in said.paths)
    for path in said.paths:
        assert prod(path.factors) == pytest.approx(path.product, rel=1e-9)


@pytest.fixture(scope="module")
def transformer() -> tuple[Transformer, Value]:
    model = Transformer(Parameter)
    with sg.trace_calls():
        loss = model.loss("abba")
    sg.label(model.w)
    loss.backward()
    return model, loss


@pytest.mark.parametrize("name", ["query", "value", "up", "head", "tokens"])
def test_billions_of_paths_are_a_few_lines(
    transformer: tuple[Transformer, Value], name: str
) -> None:
    model, loss = transformer
    weight = model.w[name][1][2]
    said = viz.explain(loss, weight, top=6)
    assert said.count == count_paths(loss, weight)
    assert sum(path.product for path in said.paths) + said.rest == pytest.approx(
        weight.grad, rel=1e-9, abs=1e-15
    )
    assert len(said.paths) <= 6
    assert len(str(said).splitlines()) < 20
    if name != "head":
        assert said.more == 0
        assert sum(path.count for path in said.paths) == said.count


def test_the_explanation_names_weights_variables_and_lines(
    transformer: tuple[Transformer, Value],
) -> None:
    model, loss = transformer
    said = viz.explain(loss, model.w["query"][1][2])
    assert (said.output, said.leaf) == ("loss", "query[1][2]")
    names = {name.strip("()").partition(" #")[0] for path in said.paths for name in path.names}
    assert "query" in names
    assert "query: test_microgpt_code.py" in str(said)
    assert 'query = linear(x, w["query"])' in str(said)


def test_a_chain_rule_names_variables_that_hold_one_number() -> None:
    k = Value(3.0, label="k")
    with sg.trace_calls():
        line = k * 2.0 + 1.0
        loss = (line - 9.0) ** 2
    text = str(viz.chain_rule(loss, k))
    assert text == "∂loss/∂k = ∂loss/∂line * ∂line/∂k = -4.0 * 2.0 = -8.0"


def test_very_many_paths_are_drawn_by_their_ends(transformer: tuple[Transformer, Value]) -> None:
    model, loss = transformer
    picture = viz.explain(loss, model.w["query"][1][2]).draw().picture
    assert len(picture.nodes) < 40
    assert any(node.kind == "more" for node in picture.nodes)


def test_a_small_graph_is_drawn_whole_with_its_sums_folded() -> None:
    x = labeled([1.0, 2.0, 3.0, 4.0])
    y = add(entry * entry for entry in x)
    y.label = "y"
    picture = viz.explain(y, x[0]).draw().picture
    symbols = [node.symbol for node in picture.nodes if node.kind == "operation"]
    assert symbols.count("Σ") == 1
    assert "+" not in symbols
    bright = [node for node in picture.nodes if not node.dim]
    assert {node.label or node.symbol for node in bright} == {"x0", "×", "y"}


def test_an_end_begins_where_a_long_sum_has_its_name() -> None:
    w = [Parameter(0.1 * i, label=f"w{i}") for i in range(30)]
    x = [Value(1.0 + i) for i in range(30)]
    with sg.trace_calls():
        q = add(weight * entry for weight, entry in zip(w, x, strict=True))
        loss = q
        for _ in range(8):
            loss = sg.tanh(loss + q)
    loss.backward()
    said = viz.explain(loss, w[3])
    assert said.count == count_paths(loss, w[3]) > 5
    assert any(name.strip("()").startswith("q") for path in said.paths for name in path.names)
    assert sum(path.product for path in said.paths) + said.rest == pytest.approx(
        w[3].grad, rel=1e-9
    )


def test_the_inside_of_a_network_has_not_the_name_of_what_it_returned() -> None:
    model = sg.nn.MLP(4, [12, 12, 10], activation="tanh", seed=0)
    with sg.trace_calls():
        out = model([0.1, 0.2, 0.3, 0.4])
        loss = cross_entropy(out, 3)
    weight = model.layers[0].neurons[2].weights[1]
    said = viz.explain(loss, weight)
    (path,) = said.paths
    assert path.names[1] == "layers.0.neurons.2"
    assert said.merged == ()


@pytest.mark.parametrize("kind", ["softmax of many", "running sum"])
def test_reading_normalizations_takes_steps_in_proportion(kind: str) -> None:
    def explained(size: int) -> Callable[[], object]:
        x = Value(0.5, label="x")
        y = x
        if kind == "softmax of many":
            y = add(sg.softmax([x * (1.0 / (i + 1)) for i in range(size)])[:3])
        else:
            running = x
            for _ in range(size):
                running = running + x
                y = y * 0.5 + x * sg.tanh(running)
        return lambda: viz.explain(y, x)

    # 16 where it is quadratic.
    assert steps(explained(1200)) < 8 * steps(explained(300))
