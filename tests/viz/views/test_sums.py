"""Chains of + as one Σ, and the 0 of Python's `sum` left out; their numbers stay."""

from xml.etree import ElementTree

import pytest

import viz
from scalargrad import Parameter, Value, nn
from viz.model.picture import Picture

NS = "{http://www.w3.org/2000/svg}"


def total_of(count: int) -> tuple[list[Value], Value]:
    parts = [Value(float(i + 1), label=f"x{i}") for i in range(count)]
    return parts, sum(part * 1.0 for part in parts)


def symbols(picture: Picture) -> list[str]:
    return [node.symbol for node in picture.nodes if node.kind == "operation"]


@pytest.mark.parametrize("level", ["cards", "chips"])
def test_a_long_chain_is_one_sum_of_all_its_operands(level):
    parts, total = total_of(6)
    total.backward()
    picture = viz.draw(total, level=level).picture
    (sigma,) = [node for node in picture.nodes if node.symbol == "Σ"]
    assert sigma.data == sum(part.data for part in parts)
    assert sum(edge.target == sigma.id for edge in picture.edges) == 6
    assert "+" not in symbols(picture)
    assert any("chains of + are one Σ" in note for note in picture.notes)


@pytest.mark.parametrize("count", [2, 3])
def test_a_sum_of_two_or_three_is_read_as_it_is(count):
    _, total = total_of(count)
    picture = viz.draw(total).picture
    assert symbols(picture).count("+") == count - 1
    assert "Σ" not in symbols(picture)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_the_zero_that_sum_begins_with_is_left_out(count):
    _, total = total_of(count)
    picture = viz.draw(total).picture
    assert all(node.data != 0.0 for node in picture.nodes)


def test_the_zero_of_a_sum_of_one_is_left_out():
    _, total = total_of(1)
    picture = viz.draw(total * 2.0).picture
    assert all(node.data != 0.0 for node in picture.nodes)
    assert symbols(picture).count("+") == 1


def test_a_zero_that_is_added_last_is_drawn():
    x = Value(2.0, label="x")
    picture = viz.draw((x + 0.0) * 3.0).picture
    assert 0.0 in [node.data for node in picture.nodes]


@pytest.mark.parametrize(
    ("ending", "sigma", "partial"),
    [
        (".txt", "sum of 6: data 21", " + "),
        (".mmd", '"Σ<br/>data 21"', '"+<br/>'),
        (".dot", "<B>Σ</B>", "<B>+</B>"),
    ],
)
def test_no_format_has_the_zero_or_the_partial_sums(ending, sigma, partial, tmp_path):
    _, total = total_of(6)
    text = viz.draw(total).save(tmp_path / f"sum{ending}").read_text()
    assert sigma in text
    assert partial not in text.replace("chains of + are", "")
    assert "data 0" not in text


def test_the_strongest_of_a_large_graph_have_no_zero_of_a_sum():
    parts = [Value(float(i % 7 + 1), label=f"x{i}") for i in range(120)]
    sums = [sum(part * part for part in parts[i : i + 4]).tanh() for i in range(0, 120, 2)]
    total = sum(sums)
    total.backward()
    picture = viz.draw(total).picture
    assert len(picture.nodes) < picture.total
    assert not [node for node in picture.nodes if node.kind == "constant" and node.data == 0.0]


def test_a_zero_that_the_user_named_or_used_is_drawn():
    zero = Value(0.0, label="zero")
    picture = viz.draw(zero + Value(1.0) + Value(2.0) + Value(3.0)).picture
    assert "zero" in [node.label for node in picture.nodes]


def test_a_named_partial_sum_is_drawn():
    a, b, c, d, e = (Value(float(i), label="abcde"[i]) for i in range(5))
    half = a + b
    half.label = "half"
    picture = viz.draw(half + c + d + e).picture
    labels = [node.label for node in picture.nodes]
    assert "half" in labels


def test_a_partial_sum_that_is_used_twice_is_drawn():
    a, b, c, d = (Value(float(i + 1), label="abcd"[i]) for i in range(4))
    partial = a + b
    picture = viz.draw((partial + c + d) * partial).picture
    assert symbols(picture).count("+") == 3


def test_gradients_of_the_operands_are_those_of_the_sum():
    _, total = total_of(5)
    (total * 2.0).backward()
    picture = viz.draw(total).picture
    for edge in picture.edges:
        if picture.by_id[edge.target].symbol == "Σ":
            assert (edge.local, edge.flow) == (1.0, total.grad)


def test_chips_carry_names_and_numbers():
    model = nn.MLP(2, [4, 4, 1], seed=0)
    drawing = viz.draw(model([0.5, -1.0]))
    assert drawing.picture.level == "chips"
    written = [text.text for text in ElementTree.fromstring(drawing.svg()).iter(f"{NS}text")]
    for parameter in model.parameters():
        assert parameter.label in written
    numbers = {node.data for node in drawing.picture.nodes}
    assert all(viz.look.text.number(x) in written for x in numbers)


def test_the_classic_drawing_keeps_every_operation():
    _, total = total_of(6)
    assert viz.draw_dot(total).source.count("Σ") == 0


def test_a_parameter_has_its_name_in_its_square():
    picture = viz.draw(Parameter(2.0, label="w") * 3.0, level="chips")
    written = [text.text for text in ElementTree.fromstring(picture.svg()).iter(f"{NS}text")]
    assert "w" in written
