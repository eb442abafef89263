"""What colors and lines show: gradients, numbers or weights, against the Values themselves."""

from xml.etree import ElementTree

import pytest

import scalargrad as sg
import viz
from scalargrad import Value, nn
from scalargrad.errors import OptionError
from tests.viz.graphs import network, neuron
from viz.look.legend import meaning

NS = "{http://www.w3.org/2000/svg}"


def words(drawing: viz.Drawing) -> list[str]:
    root = ElementTree.fromstring(drawing.svg("light"))
    return [text.text or "" for text in root.iter(f"{NS}text")]


def fills(drawing: viz.Drawing) -> dict[str, float | None]:
    picture = drawing.picture
    return {node.label or node.symbol: picture.fill(node) for node in picture.nodes}


@pytest.mark.parametrize("level", ["cards", "chips"])
def test_values_show_their_gradients_their_numbers_or_their_weights(level):
    o = neuron()
    gradients = fills(viz.draw(o, level=level))
    data = fills(viz.draw(o, level=level, show="data"))
    weights = fills(viz.draw(o, level=level, show="weights"))
    n = o.args[0]
    x1 = n.args[0].args[0].args[0]
    w1 = n.args[0].args[0].args[1]
    assert (gradients["x1"], data["x1"], weights["x1"]) == (x1.grad, x1.data, None)
    assert (gradients["w1"], data["w1"], weights["w1"]) == (w1.grad, w1.data, w1.data)
    assert (gradients["n"], data["n"], weights["n"]) == (n.grad, n.data, None)


@pytest.mark.parametrize("level", ["cards", "chips"])
def test_lines_of_values_carry_what_is_shown(level):
    o = neuron()
    for show in ("gradient", "data", "weights"):
        picture = viz.draw(o, level=level, show=show).picture
        for edge in picture.edges:
            source, target = picture.by_id[edge.source], picture.by_id[edge.target]
            carried = {
                "gradient": edge.local * target.grad,
                "data": source.data,
                "weights": edge.local,
            }
            assert edge.flow == carried[show]


def small_network() -> tuple[nn.MLP, Value]:
    model = nn.MLP(2, [3, 1], seed=0)
    out = model([0.5, -1.0])
    out.backward()
    return model, out


def test_lines_of_a_network_carry_gradients_products_or_weights():
    model, out = small_network()
    x = [0.5, -1.0]
    unit = model.layers[0].neurons[1]
    expected = {
        "gradient": [weight.data * unit.bias.grad for weight in unit.weights],
        "data": [weight.data * x[i] for i, weight in enumerate(unit.weights)],
        "weights": [weight.data for weight in unit.weights],
    }
    for show, flows in expected.items():
        picture = viz.draw(out, level="neurons", show=show).picture
        target = next(node.id for node in picture.nodes if node.label == "layers.0.neurons.1")
        found = [edge.flow for edge in picture.edges if edge.target == target]
        assert found == pytest.approx(flows)


def test_the_color_of_a_unit_is_what_is_shown():
    _, out = small_network()
    data = viz.draw(out, level="neurons", show="data").picture
    assert all(data.fill(node) == node.data for node in data.nodes)
    weights = viz.draw(out, level="neurons", show="weights").picture
    assert all(weights.fill(node) is None for node in weights.nodes)


@pytest.mark.parametrize("level", ["cards", "neurons"])
def test_before_backward_lines_carry_weights(level):
    model = nn.MLP(2, [3, 1], seed=0)
    picture = viz.draw(model([0.5, -1.0]), level=level).picture
    assert picture.colors == "weights"
    assert "no gradients yet: call backward() first" in picture.notes


@pytest.mark.parametrize("show", ["gradient", "data", "weights"])
@pytest.mark.parametrize("level", ["cards", "chips", "neurons", "layers"])
def test_the_legend_says_what_is_shown(level, show):
    drawing = viz.draw(network([4, 4, 1]), level=level, show=show)
    assert drawing.picture.colors == show
    assert meaning("line", level, show).words in words(drawing)


def test_layers_show_weights_without_outputs_and_outputs_without_weights():
    loss = network([4, 4, 1])
    weights = viz.draw(loss, level="layers", show="weights").picture.cards[1]
    data = viz.draw(loss, level="layers", show="data").picture.cards[1]
    assert ([shown.name for shown in weights.maps], weights.columns) == (["W"], ())
    assert (data.maps, [shown.name for shown in data.columns]) == ((), ["out"])


def test_a_closed_box_shows_one_number_and_its_color():
    picture = viz.draw(network([4, 4, 1]), level="cards").picture
    closed = [node for node in picture.nodes if node.kind == "module"]
    assert closed
    assert all("gradient" not in node.detail for node in closed)
    assert all(node.tip.startswith("gradient norm of its parameters") for node in closed)


def test_an_unknown_quantity_is_refused():
    with pytest.raises(OptionError, match="show must be 'gradient', 'data' or 'weights'"):
        viz.draw(Value(1.0) + 2.0, show="colour")


def test_dot_and_mermaid_color_what_is_shown(tmp_path):
    graph = sg.tanh(Value(2.0, label="x") * 3.0)
    graph.backward()
    for ending in (".dot", ".mmd"):
        texts = set()
        for show in ("gradient", "data"):
            drawing = viz.draw(graph, level="chips", show=show)
            texts.add(drawing.save(tmp_path / f"{show}{ending}").read_text(encoding="utf-8"))
        assert len(texts) == 2
