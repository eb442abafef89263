"""Zeros are numbers: nothing that is exactly 0 loses its number, its sign or its place.

In all tests of pictures a Value that is asked whether it is true, by code of viz, is an error.
"""

import pytest

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.nn import MLP, Layer, LSTMCell, Module, Recurrent, Sequential
from scalargrad.training import Recorder
from viz import plots
from viz.look.theme import LIGHT, color
from viz.model.picture import Node
from viz.plots import curves


def nothing() -> Value:
    """A network without weights: all numbers are 0, the loss too, and nearly all gradients."""
    model = MLP(2, [3, 2, 1], activation="tanh", seed=1)
    for parameter in model.parameters():
        parameter.data = 0.0
    loss = model([0.0, 0.0]) * 1.0
    loss.label = "loss"
    loss.backward()
    return loss


def closed() -> tuple[MLP, Value]:
    """The loss of a network of which some units are off, while something still flows to them."""
    model = MLP(2, [16, 16, 1], activation="relu", seed=0)
    loss = (model([0.5, -1.0]) - 1.0) ** 2
    loss.backward()
    return model, loss


@pytest.mark.parametrize("level", ["cards", "chips", "neurons", "layers"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_graph_of_zeros_at_every_level(level: str, theme: str) -> None:
    drawing = viz.draw(nothing(), level=level, theme=theme)
    assert drawing.svg()
    assert str(drawing)


@pytest.mark.parametrize("ending", ["svg", "html", "dot", "mmd", "txt"])
def test_a_graph_of_zeros_in_every_format(tmp_path, ending: str) -> None:
    assert viz.draw(nothing(), expand="*").save(tmp_path / f"a.{ending}").stat().st_size


@pytest.mark.parametrize("level", ["cards", "chips", "neurons", "layers"])
@pytest.mark.parametrize("ending", ["dot", "mmd", "txt"])
def test_a_loss_of_zero_in_words_at_every_level(tmp_path, level: str, ending: str) -> None:
    assert viz.draw(nothing(), level=level).save(tmp_path / f"a.{ending}").stat().st_size


def test_pages_explanations_and_comparisons_of_zeros() -> None:
    loss, other = nothing(), nothing()
    leaf = next(
        node for node in viz.views.choose.Snapshot([loss]).order if isinstance(node, Parameter)
    )
    assert viz.explore(loss).html
    assert viz.explain(loss, leaf).draw().svg()
    assert str(viz.explain(loss, leaf))
    assert viz.chain_rule(loss, leaf)
    assert viz.compare(loss, other)
    assert not viz.compare(loss, {"loss": 1.0})
    assert viz.draw_dot(loss, style="classic").source


@pytest.mark.parametrize("level", ["cards", "chips", "neurons"])
def test_animations_of_zeros(level: str) -> None:
    assert viz.animate(nothing(), level=level).svg()
    assert viz.animate([nothing(), nothing()], level=level).svg()


def test_a_network_a_program_and_a_diagnosis_of_zeros() -> None:
    model = MLP(1, [2, 1], activation="relu", seed=1)
    for parameter in model.parameters():
        parameter.data = 0.0
    samples, targets = [[0.0], [1.0]], [0.0, 0.0]
    program = sg.compile(lambda x: model([x]), model, inputs=(1,))
    assert viz.draw(model).svg()
    assert viz.draw(program).svg()
    assert viz.draw(sg.diagnose(model, samples, targets)).svg()
    recorder = Recorder([0.0], 0.0, sg.losses.mse)
    sg.fit(model, samples, targets, loss="mse", epochs=2, seed=1, callbacks=[recorder])
    assert viz.explore(recorder).html
    assert viz.animate(recorder.recording).svg()


def test_sequences_of_zeros() -> None:
    model = Sequential(
        Recurrent(LSTMCell(1, 2, seed=1), last=True), Layer(2, 1, activation=None, seed=2)
    )
    (loss,) = model([[0.0], [0.0]])
    loss.backward()
    for level in ("cards", "chips", "neurons", "layers"):
        assert viz.draw(loss, level=level).svg()


def test_plots_of_zeros() -> None:
    pytest.importorskip("matplotlib")
    assert curves.plot_history({"loss": [0.0, 0.0]})
    assert plots.plot_svg(curves.plot_history({"loss": [0.0]}), "nothing")


def test_a_closed_module_of_output_zero_keeps_its_number_and_the_sign_of_its_gradient() -> None:
    model, loss = closed()
    engine = {}
    for place, layer in enumerate(model.layers[:2]):
        inputs = [0.5, -1.0] if place == 0 else [out.data for out in model.layers[0]([0.5, -1.0])]
        engine |= {f"layers.{place}.neurons.{i}": out.data for i, out in enumerate(layer(inputs))}
    units = {node.label: node for node in viz.draw(loss, level="neurons").picture.nodes}
    boxes = [node for node in viz.draw(loss, level="cards").picture.nodes if node.kind == "module"]
    assert len(boxes) == 33
    assert {node.name: node.data for node in boxes if node.name in engine} == engine
    assert all(node.grad == units[node.name].grad for node in boxes)
    off = [node for node in boxes if node.data == 0.0]
    assert len(off) > 5
    assert any(node.grad < 0.0 for node in off)


def test_the_strip_of_a_module_that_is_off_has_the_color_of_its_gradient() -> None:
    _, loss = closed()
    drawing = viz.draw(loss, level="cards", theme="light")
    picture = drawing.picture
    node = next(
        node
        for node in picture.nodes
        if node.kind == "module" and node.data == 0.0 and node.grad < 0.0
    )
    fill = color(viz.render.svg_nodes.shade(node.grad, picture.largest), LIGHT)
    element = drawing.svg().split(f"<title>Neuron {node.name}, data 0.0, ")[1].split("</g>")[0]
    assert f'fill="{fill}"' in element


class Pair(Module):
    """Two numbers from one."""

    def forward(self, x: Value) -> list[Value]:
        """Three and four times as much."""
        return [x * 3.0, x * 4.0]


class Weighed(Module):
    """A sum with weights below 0."""

    def forward(self, pair: list[Value]) -> Value:
        """Less for more."""
        return -3.0 * pair[0] - 4.0 * pair[1]


def test_a_module_of_several_outputs_has_the_norm_of_their_gradients_and_says_so() -> None:
    model = Sequential(Pair(), Weighed())
    loss = model(Value(0.0, label="x"))
    loss.backward()
    drawing = viz.draw([loss], level="cards", expand=[])
    box = next(node for node in drawing.picture.nodes if node.formula == "Pair")
    assert (box.data, box.grad, box.outputs) == (None, 5.0, 2)
    assert "gradient norm of 2 outputs 5.0" in drawing.svg()


def test_a_tooltip_names_the_norm_of_several_outputs() -> None:
    assert (
        viz.render.svg_nodes.describe_node(Node("m0", "module", grad=5.0, name="cell", outputs=3))
        == "module cell, gradient norm of 3 outputs 5.0"
    )
