"""An open neuron as a table w · x, against the network itself."""

from math import inf, tanh
from xml.etree import ElementTree

import pytest

import viz
from scalargrad import Value, nn
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
    assert [row.name for row in rows] == ["x0", "x1", "x2", "x3", "b", "Σ", "tanh"]


def test_the_last_rows_are_what_is_added_and_what_comes_out():
    model, out = trained()
    neuron = model.layers[0].neurons[1]
    rows = table(viz.draw(out, expand=PATH)).rows
    total = sum(weight.data * x for weight, x in zip(neuron.weights, X, strict=True))
    total += neuron.bias.data
    bias, sigma, output = rows[-3:]
    assert (bias.product, bias.grad) == (neuron.bias.data, neuron.bias.grad)
    assert (sigma.product, output.product) == (pytest.approx(total), pytest.approx(tanh(total)))
    assert sigma.grad == neuron.bias.grad


def test_each_line_leads_to_its_row():
    _, out = trained()
    drawing = viz.draw(out, expand=PATH)
    node = table(drawing)
    placed = drawing.placed
    rect = placed.nodes[node.id]
    rows = set()
    for edge, route in zip(placed.picture.edges, placed.routes, strict=True):
        if edge.target == node.id:
            assert route[-1][1] == pytest.approx(rect.y + row_middle(edge.port))
            assert placed.picture.by_id[edge.source].label == node.rows[edge.port].name
            rows.add(edge.port)
    assert rows == {0, 1, 2, 3}


def test_a_linear_neuron_ends_with_its_sum():
    _, out = trained(activation=None)
    rows = table(viz.draw(out, expand=PATH)).rows
    assert [row.name for row in rows][-2:] == ["b", "Σ"]


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


def test_closed_neurons_beside_an_open_one_are_one_box():
    model = nn.MLP(2, [8, 8, 1], seed=0)
    out = model([0.5, -1.0])
    out.backward()
    picture = viz.draw(out, expand="layers.1.neurons.3").picture
    boxes = {node.label: node for node in picture.nodes if node.kind == "module"}
    assert set(boxes) == {"layers.0", "neurons.3", "7 other neurons", "layers.2"}
    others = boxes["7 other neurons"]
    assert others.detail == f"{7 * 9} parameters"
    neurons = [neuron for i, neuron in enumerate(model.layers[1].neurons) if i != 3]
    norm = sum(p.grad**2 for neuron in neurons for p in neuron.parameters()) ** 0.5
    assert others.tip == f"gradient norm of its parameters {number(norm)}"


def test_what_is_neither_open_nor_beside_it_is_closed_as_a_whole():
    model = nn.MLP(2, [8, 8, 1], seed=0)
    picture = viz.draw(model([0.5, -1.0]), expand="layers.1.neurons.3").picture
    assert [group.path for group in picture.groups] == ["layers.1"]
    assert any("inside 9 closed modules" in note for note in picture.notes)


def test_lines_into_a_table_leave_their_source_at_one_point():
    out = nn.MLP(2, [8, 8, 1], seed=0)([0.5, -1.0])
    placed = viz.draw(out, expand="layers.1.neurons.3").placed
    starts = set()
    for edge, route in zip(placed.picture.edges, placed.routes, strict=True):
        if placed.picture.by_id[edge.target].rows:
            starts.add((edge.source, route[0]))
    assert len(starts) == 1
