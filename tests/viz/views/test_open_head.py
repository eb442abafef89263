"""One open attention head: found by its structure, its numbers those of the graph."""

import random
from math import exp, sqrt
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Value, nn
from scalargrad.errors import OptionError
from tests.viz.small_gpt import make_weights, word_loss
from viz.model.snapshot import Snapshot
from viz.views.attention_heads import find_heads


@pytest.fixture(scope="module")
def loss():
    with sg.trace_calls():
        root = word_loss(make_weights(), "emma")
    root.backward()
    return root


def draw(root, expand, **options):
    return viz.draw(root, level="blocks", expand=expand, **options).picture


def head_of(picture):
    return picture.by_id[picture.center].head


def numbers(cells):
    return [cell.data for cell in cells]


# Ways to write a head, all the same for those who use it


def write_sums(q, keys, values, scale):
    logits = [sum(a * b for a, b in zip(q, k, strict=True)) * scale for k in keys]
    largest = max(x.data for x in logits)
    powers = [(x - largest).exp() for x in logits]
    total = sum(powers)
    weights = [power / total for power in powers]
    columns = zip(*values, strict=True)
    return [sum(w * v for w, v in zip(weights, column, strict=True)) for column in columns]


def write_dots(q, keys, values, scale):
    weights = sg.softmax([sg.dot(q, k) * scale for k in keys])
    return [sg.dot(weights, column) for column in zip(*values, strict=True)]


def write_turned(q, keys, values, scale):
    logits = [sg.sum([b * a for a, b in zip(q, k, strict=True)]) / (1 / scale) for k in keys]
    powers = [x.exp() for x in logits]
    total = sg.sum(powers)
    weights = [power * total**-1 for power in powers]
    columns = zip(*values, strict=True)
    return [sg.sum([v * w for w, v in zip(weights, column, strict=True)]) for column in columns]


WAYS = {"sums": write_sums, "dots": write_dots, "turned": write_turned}


@settings(max_examples=40, deadline=None)
@given(
    way=st.sampled_from(sorted(WAYS)),
    positions=st.integers(1, 6),
    size=st.integers(1, 6),
    width=st.integers(1, 5),
    scale=st.sampled_from([1.0, 0.5, 0.25]),
    seed=st.integers(0, 99),
)
def test_a_head_is_found_however_it_is_written(way, positions, size, width, scale, seed):
    rng = random.Random(seed)

    def vector(length):
        return [Value(rng.uniform(-1, 1)) for _ in range(length)]

    q = vector(size)
    keys = [vector(size) for _ in range(positions)]
    values = [vector(width) for _ in range(positions)]
    results = WAYS[way](q, keys, values, scale)
    snapshot = Snapshot([sg.sum([x * x for x in results])])
    (head,) = find_heads(snapshot, snapshot.order)

    powers = [exp(scale * sum(a.data * b.data for a, b in zip(q, k, strict=True))) for k in keys]
    assert [w.data for w in head.weights] == pytest.approx([p / sum(powers) for p in powers])
    assert head.scale == pytest.approx(scale)
    if positions > 1:
        assert [product.first for product in head.products[0]] == q
        assert [[p.second for p in row] for row in head.products] == keys
    found = {tuple(row[j].second for row in head.weighted) for j in range(width)}
    assert found == set(zip(*values, strict=True))
    for j, result in enumerate(head.results):
        total = sum(row[j].data for row in head.weighted)
        assert result.data == pytest.approx(total, abs=1e-12)


def test_a_softmax_of_logits_is_no_head():
    x = [Value(1.0), Value(2.0)]
    probabilities = sg.softmax(x)
    snapshot = Snapshot([-sg.log(probabilities[1])])
    assert find_heads(snapshot, snapshot.order) == []


def test_attention_without_a_common_query_is_no_head():
    a, b, c, d = (Value(float(i)) for i in range(4))
    weights = sg.softmax([a * b + b * c, c * d + d * a])
    snapshot = Snapshot([weights[0] * a + weights[1] * b])
    assert find_heads(snapshot, snapshot.order) == []


# The picture


def test_its_numbers_are_those_of_the_graph(loss):
    head = head_of(draw(loss, "weights #18", tokens="·emma"))
    query = numbers(head.query)
    total = [0.0] * 4
    for row in head.rows:
        assert numbers(row.products) == [
            pytest.approx(a * b) for a, b in zip(query, numbers(row.key), strict=True)
        ]
        assert row.logit.data == pytest.approx(sum(numbers(row.products)) / sqrt(4))
        share = row.weight.data
        assert numbers(row.weighted) == [pytest.approx(share * v) for v in numbers(row.values)]
        total = [a + b for a, b in zip(total, numbers(row.weighted), strict=True)]
    powers = [exp(row.logit.data) for row in head.rows]
    shares = [row.weight.data for row in head.rows]
    assert shares == [pytest.approx(power / sum(powers)) for power in powers]
    assert numbers(head.results) == pytest.approx(total)


def test_its_gradients_follow_the_chain_rule(loss):
    head = head_of(draw(loss, "weights #18", tokens="·emma"))
    for row in head.rows:
        # Each product has the gradient of the sum that it is a part of.
        assert [cell.grad for cell in row.weighted] == [cell.grad for cell in head.results]
        assert row.products[0].grad == pytest.approx(row.logit.grad / sqrt(4))
        back = sum(v.data * cell.grad for v, cell in zip(row.values, head.results, strict=True))
        assert row.weight.grad == pytest.approx(back)
    # Only this head uses the query.
    for j, cell in enumerate(head.query):
        back = sum(row.key[j].data * row.products[j].grad for row in head.rows)
        assert cell.grad == pytest.approx(back)


def test_it_is_called_by_its_number_and_its_token(loss):
    picture = draw(loss, "weights #18", tokens="·emma")
    assert picture.title == "attention, head h1 of h0 to h3, for “a”"
    assert [row.name for row in head_of(picture).rows] == list("·emma")
    assert "predict call 5 of 5" in picture.notes
    third = draw(loss, "weights #9", tokens="·emma")
    assert third.title == "attention, head h0 of h0 to h3, for “m”"
    assert [row.name for row in head_of(third).rows] == list("·em")


def test_its_columns_have_the_names_of_the_code(loss):
    head = head_of(draw(loss, "weights #18"))
    titles = [panel.title for panel in head.panels]
    assert titles == ["k", "q·k", "scores", "weights", "v", "weight × v"]
    assert head.panels[0].detail == "project (layer0.att_key)"
    assert head.panels[2].detail == "Σ / √4"
    assert head.goes_to == "mixed → project (layer0.att_out)"
    assert [row.name for row in head.rows] == ["0", "1", "2", "3", "4"]


def test_the_path_is_that_of_the_largest_share(loss):
    head = head_of(draw(loss, "weights #18"))
    row, key, value = head.path
    shares = [each.weight.data for each in head.rows]
    assert shares[row] == max(shares)
    products = [abs(x) for x in numbers(head.rows[row].products)]
    assert products[key] == max(products)
    weighted = [abs(x) for x in numbers(head.rows[row].weighted)]
    assert weighted[value] == max(weighted)


def test_its_cards_are_one_product(loss):
    picture = draw(loss, "weights #18")
    weight, value, product, result, user = picture.nodes[1:]
    assert product.data == pytest.approx(weight.data * value.data)
    locals_ = [edge.local for edge in picture.edges]
    assert locals_ == [value.data, weight.data, 1.0, None]
    assert product.grad == pytest.approx(result.grad)
    assert picture.edges[0].flow == pytest.approx(weight.grad, rel=1.0)
    assert (result.detail, user.label) == ("+ 4 other products", "project (layer0.att_out)")


@pytest.mark.parametrize("causal", [False, True])
def test_a_position_of_a_module_opens_like_a_function(causal):
    attention = nn.Attention(6, heads=2, causal=causal, seed=0)
    rng = random.Random(0)
    rows = [[rng.gauss(0, 1) for _ in range(6)] for _ in range(4)]
    outputs, weights = attention(rows, with_weights=True)
    root = sg.sum([x * x for row in outputs for x in row])
    root.backward()
    picture = draw(root, "heads.1.positions.2", tokens="abcd")
    assert picture.title == "attention, head h1 of h0 to h1, for “c”"
    head = head_of(picture)
    assert [row.weight.data for row in head.rows] == [w.data for w in weights[1][2]]
    assert "".join(row.name for row in head.rows) == ("abc" if causal else "abcd")
    assert (len(head.query), len(head.results)) == (3, 3)
    assert head_of(viz.draw(root, expand="heads.1.positions.2").picture) is not None


def test_dropout_of_the_weights_hides_no_head_of_a_module():
    attention = nn.Attention(6, heads=2, dropout=0.4, seed=0)
    rng = random.Random(0)
    rows = [[rng.gauss(0, 1) for _ in range(6)] for _ in range(4)]
    outputs, weights = attention(rows, with_weights=True)
    root = sg.sum([x * x for row in outputs for x in row])
    root.backward()
    picture = draw(root, "heads.1.positions.2")
    head = head_of(picture)
    shares = [w.data for w in weights[1][2]]
    assert [row.weight.data for row in head.rows] == shares
    assert 0 < shares.count(0.0) < 4
    assert head.panels[3].detail == "softmax × mask"
    assert picture.notes[0].endswith(f"its mask, which is 0 for {shares.count(0.0)} of 4 positions")


@pytest.mark.parametrize("way", ["RandomLeaf", "numbers"])
def test_masks_of_any_kind_hide_no_head(way):
    masks = [0.0, 2.0, 2.0]
    if way == "RandomLeaf":
        masks = [sg.RandomLeaf(SimpleNamespace(draw=lambda mask=mask: mask)) for mask in masks]
    rng = random.Random(1)
    q, *rows = ([Value(rng.gauss(0, 1)) for _ in range(2)] for _ in range(4))
    shares = sg.softmax([sg.dot(q, row) for row in rows])
    dropped = [mask * share for share, mask in zip(shares, masks, strict=True)]
    results = [sg.dot(dropped, column) for column in zip(*rows, strict=True)]
    snapshot = Snapshot([sg.sum(results)])
    (head,) = find_heads(snapshot, snapshot.order)
    assert list(head.weights) == dropped
    assert [mask.data for mask in head.masks] == [0.0, 2.0, 2.0]
    for result, products in zip(head.results, zip(*head.weighted, strict=True), strict=True):
        assert sum(product.data for product in products) == pytest.approx(result.data)


def test_weights_that_parameters_multiply_are_no_head_with_a_mask():
    q, *rows = ([Value(1.0), Value(float(i))] for i in range(4))
    gates = [sg.Parameter(0.5) for _ in rows]
    shares = sg.softmax([sg.dot(q, row) for row in rows])
    gated = [share * gate for share, gate in zip(shares, gates, strict=True)]
    snapshot = Snapshot([sg.dot(gated, [row[1] for row in rows])])
    assert find_heads(snapshot, snapshot.order) == []


def test_many_positions_and_numbers_are_cut_and_that_is_said():
    rng = random.Random(0)
    q = [Value(rng.gauss(0, 1)) for _ in range(20)]
    keys = [[Value(rng.gauss(0, 1)) for _ in range(20)] for _ in range(30)]
    with sg.trace_calls():
        results = write_dots(q, keys, keys, 0.2)
        root = sg.sum([x * x for x in results])
    root.backward()
    picture = draw(root, "write_dots[0]")
    head = head_of(picture)
    names = [int(row.name) for row in head.rows]
    assert len(names) == 16
    assert {0, 29} <= set(names)
    assert names == sorted(names)
    assert len(head.query) == 12
    assert "the first 12 of 20 numbers" in picture.notes
    assert any(note.startswith("16 of 30 positions") for note in picture.notes)


def test_a_head_before_backward_has_no_gradients():
    q, k, v = ([Value(1.0), Value(2.0)] for _ in range(3))
    with sg.trace_calls():
        root = sg.sum(write_dots(q, [k, v], [v, k], 1.0))
    picture = draw(root, "write_dots[0]")
    assert {cell.grad for cell in head_of(picture).cells()} == {None}


def test_a_head_of_a_call_opens_by_its_number_in_it(loss):
    by_call = draw(loss, "predict #5[1]")
    by_box = draw(loss, "weights #18")
    assert head_of(by_call) == head_of(by_box)


def test_a_head_that_is_not_there_is_refused(loss):
    with pytest.raises(OptionError, match="only 1 attention head"):
        draw(loss, "weights #18[1]")


def test_an_output_that_is_not_there_is_refused(loss):
    with pytest.raises(OptionError, match="no output 16"):
        draw(loss, "q #1[16]")
    with pytest.raises(OptionError, match="not a sum of products"):
        draw(loss, "probs #1[0]")
