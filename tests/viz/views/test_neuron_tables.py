"""An open neuron as a table w · x, against the network itself."""

from math import inf, tanh
from xml.etree import ElementTree

import pytest

import scalargrad as sg
import viz
from scalargrad import Parameter, Value, nn
from scalargrad.errors import OptionError
from viz.layout.node_size import row_middle
from viz.look.text import number

NS = "{http://www.w3.org/2000/svg}"
X = [0.5, -1.0, 2.0, 0.0]
PATH = "layers.0.neurons.1"


def trained(activation: str | None = "tanh") -> tuple[nn.MLP, Value]:
    model = nn.MLP(4, [3, 1], activation=activation, seed=2)
    out = model([Value(x, label=f"x{i}") for i, x in enumerate(X)])
    out.backward()
    return model, out


def table(drawing: viz.Drawing) -> viz.model.picture.Node:
    (node,) = [node for node in drawing.picture.nodes if node.rows]
    return node


def test_a_row_has_the_input_the_weight_their_product_and_the_gradient():
    model, out = trained()
    neuron = model.layers[0].neurons[1]
    rows = table(viz.draw(out, expand=PATH)).rows
    for row, x, weight in zip(rows, X, neuron.weights, strict=False):
        assert (row.x, row.weight, row.product) == (x, weight.data, weight.data * x)
        assert row.grad == weight.grad
    names = ["x0", "x1", "x2", "x3", "Σ 4 products", "+ b", "= before tanh"]
    assert [row.name for row in rows] == names


def test_the_last_rows_are_what_is_added_up_and_the_output_is_a_card():
    model, out = trained()
    neuron = model.layers[0].neurons[1]
    drawing = viz.draw(out, expand=PATH)
    products, bias, before = table(drawing).rows[-3:]
    total = sum(weight.data * x for weight, x in zip(neuron.weights, X, strict=True))
    assert products.product == pytest.approx(total)
    total += neuron.bias.data
    assert (bias.product, bias.grad) == (neuron.bias.data, neuron.bias.grad)
    assert (before.product, before.grad) == (pytest.approx(total), neuron.bias.grad)
    (output,) = [node for node in drawing.picture.nodes if node.label == "output"]
    assert output.data == pytest.approx(tanh(total))
    assert output.symbol == "tanh"


def test_each_line_leads_to_its_row_where_several_neurons_are_open():
    _, out = trained()
    placed = viz.draw(out, expand=[PATH, "layers.0.neurons.0"]).placed
    opened = [node for node in placed.picture.nodes if node.rows]
    assert len(opened) == 2
    for node in opened:
        rect = placed.nodes[node.id]
        rows = set()
        for edge, route in zip(placed.picture.edges, placed.routes, strict=True):
            if edge.target == node.id:
                assert route[-1][1] == pytest.approx(rect.y + row_middle(edge.port))
                assert placed.picture.by_id[edge.source].label == node.rows[edge.port].name
                rows.add(edge.port)
        assert rows == {0, 1, 2, 3}
        assert [row.name for row in node.rows][-3:] == ["b", "Σ", "tanh"]


def test_a_linear_neuron_ends_with_its_sum():
    _, out = trained(activation=None)
    drawing = viz.draw(out, expand=PATH)
    assert [row.name for row in table(drawing).rows][-2:] == ["+ b", "= output"]
    assert "output" not in [node.label for node in drawing.picture.nodes]


def test_before_backward_a_table_has_no_gradients():
    model = nn.MLP(4, [3, 1], seed=2)
    rows = table(viz.draw(model(X), expand=PATH)).rows
    assert all(row.grad is None for row in rows)


def test_a_neuron_of_two_inputs_stays_a_graph():
    out = nn.MLP(2, [3, 1], seed=2)([1.0, 2.0])
    assert not any(node.rows for node in viz.draw(out, expand=PATH).picture.nodes)


def test_a_module_that_computes_anything_else_stays_a_graph():
    class Odd(nn.Module):
        def __init__(self):
            self.inner = nn.Neuron(4, activation=None)
            self.scale = nn.Neuron(1)

        def forward(self, x):
            return self.inner(x) * self.scale([1.0])

    picture = viz.draw(Odd()(X), expand="scale").picture
    assert not any(node.rows for node in picture.nodes)


def test_all_numbers_of_a_table_are_written_inside_it():
    _, out = trained()
    drawing = viz.draw(out, expand=PATH)
    node = table(drawing)
    root = ElementTree.fromstring(drawing.svg())
    written = [text.text for text in root.iter(f"{NS}text")]
    for row in node.rows:
        for x in (row.x, row.weight, row.product, row.grad):
            assert x is None or number(x) in written


def test_an_open_neuron_of_sixteen_inputs_fits_on_a_slide():
    model = nn.MLP(16, [2, 1], seed=0)
    drawing = viz.draw(model([0.1 * i for i in range(16)]), expand=PATH)
    rect = drawing.placed.nodes[table(drawing).id]
    assert rect.width <= 700
    assert rect.height <= 500


def test_numbers_that_are_not_finite_are_seen():
    model = nn.MLP(4, [3, 1], seed=2)
    out = model([1.0, inf, 0.0, 2.0])
    out.backward()
    svg = viz.draw(out, expand=PATH).svg("light")
    assert "inf" in svg
    ElementTree.fromstring(svg)


def test_an_outline_says_each_row():
    _, out = trained()
    text = str(viz.draw(out, expand=PATH))
    assert "open Neuron" in text
    assert "x1 −1 × " in text


OPEN = ["layers.1.neurons.3", "layers.1.neurons.4"]


def test_closed_neurons_beside_open_ones_are_one_box():
    model = nn.MLP(2, [8, 8, 1], seed=0)
    out = model([0.5, -1.0])
    out.backward()
    picture = viz.draw(out, expand=OPEN).picture
    boxes = {node.label: node for node in picture.nodes if node.kind == "module"}
    assert set(boxes) == {"layers.0", "neurons.3", "neurons.4", "6 other neurons", "layers.2"}
    others = boxes["6 other neurons"]
    assert others.detail == f"{6 * 9} parameters"
    neurons = [neuron for i, neuron in enumerate(model.layers[1].neurons) if i not in (3, 4)]
    norm = sum(p.grad**2 for neuron in neurons for p in neuron.parameters()) ** 0.5
    assert others.tip == f"gradient norm of its parameters {number(norm)}"


def test_what_is_neither_open_nor_beside_it_is_closed_as_a_whole():
    model = nn.MLP(2, [8, 8, 1], seed=0)
    picture = viz.draw(model([0.5, -1.0]), expand=OPEN).picture
    assert [group.path for group in picture.groups] == ["layers.1"]
    assert any("inside 8 closed modules" in note for note in picture.notes)


def test_a_single_open_neuron_has_only_its_neighbors_around_it():
    model = nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    loss = (model([0.5, -1.0]) - 1.0) ** 2
    loss.label = "loss"
    loss.backward()
    picture = viz.draw(loss, expand="layers.1.neurons.2").picture
    labels = [node.label for node in picture.nodes]
    assert labels == ["layers.0", "layers.1.neurons.2", "output", "layers.2"]
    by_label = {node.label: node for node in picture.nodes}
    carried = {(edge.source, edge.target): edge.flow for edge in picture.edges}
    neuron = model.layers[1].neurons[2]
    total = by_label["layers.1.neurons.2"].grad
    assert total == neuron.bias.grad
    weights = sum(weight.data for weight in neuron.weights)
    into = carried[by_label["layers.0"].id, "table"]
    assert into == pytest.approx(weights * total)
    assert carried["table", by_label["output"].id] == pytest.approx(total)
    assert f"loss is {number(loss.data)}" in picture.notes[0]


@pytest.mark.parametrize("activation", ["tanh", "relu", None])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_picture_of_a_neuron_of_sixteen_inputs_is_small(activation, seed):
    model = nn.MLP(2, [16, 16, 1], activation=activation, seed=seed)
    loss = (model([0.5, -1.0]) - 1.0) ** 2
    loss.label = "loss"
    loss.backward()
    root = ElementTree.fromstring(viz.draw(loss, expand="layers.1.neurons.2").svg())
    assert float(root.get("width")) <= 700
    assert float(root.get("height")) <= 500


def test_nothing_of_an_open_neuron_covers_anything_else():
    model = nn.MLP(2, [16, 16, 1], seed=0)
    placed = viz.draw(model([0.5, -1.0]), expand="layers.1.neurons.2").placed
    rects = list(placed.nodes.values())
    for i, rect in enumerate(rects):
        assert all(rect.overlap(other) == 0.0 for other in rects[:i])
        assert rect.x >= 0.0
        assert rect.y >= 0.0
        assert rect.right <= placed.width
        assert rect.bottom <= placed.height


def test_lines_into_a_table_leave_their_source_at_one_point():
    out = nn.MLP(2, [8, 8, 1], seed=0)([0.5, -1.0])
    placed = viz.draw(out, expand="layers.1.neurons.3").placed
    starts = set()
    for edge, route in zip(placed.picture.edges, placed.routes, strict=True):
        if placed.picture.by_id[edge.target].rows:
            starts.add((edge.source, route[0]))
    assert len(starts) == 1


# Functions


def weighted(w, x, b):
    return sum(wi * xi for wi, xi in zip(w, x, strict=True)) + b


def linear(rows, x):
    return [sum(wi * xi for wi, xi in zip(row, x, strict=True)) for row in rows]


def numbers(letter, values):
    return [Value(value, label=f"{letter}{i}") for i, value in enumerate(values)]


def test_a_call_of_a_function_that_is_a_sum_of_products_is_a_table():
    w = [Parameter(value, label=f"w{i}") for i, value in enumerate([0.5, -0.25, 2.0, 1.0])]
    x = numbers("x", X)
    with sg.trace_calls():
        total = weighted(w, x, Parameter(0.1, label="bias"))
        others = sum(value * value for value in numbers("y", [1.0] * 20))
        out = (total + others).tanh()
    out.backward()
    drawing = viz.draw(out, expand="weighted")
    rows = table(drawing).rows
    assert [row.name for row in rows[:4]] == ["x0", "x1", "x2", "x3"]
    for row, weight, value in zip(rows, w, X, strict=False):
        assert (row.x, row.weight) == (value, weight.data)
        assert row.product == weight.data * value
        assert row.grad == weight.grad
    assert [row.name for row in rows[4:]] == ["Σ 4 products", "+ bias", "= output"]


def test_a_named_block_that_is_a_sum_of_products_is_a_table():
    q, k = numbers("q", [1.0, 2.0, 3.0]), numbers("k", [0.5, -1.0, 2.0])
    with sg.scope("score"):
        score = sum(a * b for a, b in zip(q, k, strict=True))
    with sg.scope("scaled"):
        out = score / 3**0.5
    (node,) = [node for node in viz.draw(out, expand="score").picture.nodes if node.rows]
    assert [(row.weight, row.x) for row in node.rows[:3]] == [(1.0, 0.5), (2.0, -1.0), (3.0, 2.0)]


@pytest.mark.parametrize("i", [0, 2])
def test_one_output_of_a_call_is_a_table(i):
    rows = [numbers(f"w{row}", [row + 1.0, -1.0, 0.5, 2.0]) for row in range(3)]
    with sg.trace_calls():
        hidden = linear(rows, numbers("x", X))
        out = sum(entry.tanh() for entry in hidden)
    out.backward()
    shown = table(viz.draw(out, expand=f"linear[{i}]")).rows
    assert [row.weight for row in shown[:4]] == [weight.data for weight in rows[i]]
    assert [row.grad for row in shown[:4]] == [weight.grad for weight in rows[i]]
    assert shown[-1].product == pytest.approx(hidden[i].data)


@pytest.mark.parametrize(
    ("expand", "what"),
    [("linear[7]", "no output 7"), ("double[0]", "no sum of products"), ("liner[0]", "'linear'")],
)
def test_an_output_that_is_none_is_an_error(expand, what):
    def double(x):
        return [value * 2.0 for value in x]

    rows = [numbers(f"w{row}", [1.0, -1.0, 0.5, 2.0]) for row in range(3)]
    with sg.trace_calls():
        out = sum(linear(rows, double(numbers("x", X))))
    with pytest.raises(OptionError) as raised:
        viz.draw(out, expand=expand)
    assert what.replace("no sum", "not a sum") in str(raised.value)


def test_rows_of_what_a_function_returned_have_the_name_of_its_variable():
    rows = [numbers(f"w{row}", [1.0, -1.0, 0.5, 2.0]) for row in range(4)]
    with sg.trace_calls():
        hidden = linear(rows, numbers("x", X))
        total = weighted(numbers("v", X), hidden, Value(1.0, label="b"))
        out = total * total
    names = [row.name for row in table(viz.draw(out, expand="weighted[0]")).rows]
    assert names[:4] == ["hidden 0", "hidden 1", "hidden 2", "hidden 3"]
