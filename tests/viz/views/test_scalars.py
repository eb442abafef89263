"""Pictures of single Values: closed modules, their edges, and leaves that are much used."""

import math
from typing import Any

import pytest

import scalargrad as sg
from scalargrad import Value
from scalargrad.nn import Layer, Module, Sequential
from viz.model.picture import Node, Picture
from viz.model.snapshot import Snapshot, carry_back
from viz.views.scalars import describe_parameters, scalar_picture


def shown(target: Any, *closed: str) -> Picture:
    return scalar_picture(Snapshot([target]), "cards", closed)


def modules(picture: Picture) -> dict[str, Node]:
    return {node.label: node for node in picture.nodes if node.kind == "module"}


class Two(Module):
    """Two layers, each a module of its own."""

    def __init__(self, width: int) -> None:
        self.first = Layer(2, width, "tanh", seed=1)
        self.second = Layer(width, 1, "tanh", seed=2)

    def forward(self, x: Any) -> Any:
        return self.second(self.first(x))[0]


@pytest.fixture
def closed() -> tuple[Two, Value, dict[str, Node]]:
    model = Two(3)
    loss = (model([0.5, -1.0]) - 2.0) ** 2
    loss.backward()
    return model, loss, modules(shown(loss, "first", "second"))


def gradient_norm(module: Module) -> float:
    return math.hypot(*(parameter.grad for parameter in module.parameters()))


def test_a_closed_module_of_one_output_shows_its_number(closed: Any) -> None:
    model, _, nodes = closed
    output = model([0.5, -1.0])
    assert nodes["second"].data == output.data
    assert nodes["second"].grad == pytest.approx(2.0 * (output.data - 2.0), rel=1e-12)
    assert nodes["second"].outputs == 1


def test_a_closed_module_of_several_outputs_has_no_one_number(closed: Any) -> None:
    model, _, nodes = closed
    assert nodes["first"].data is None
    assert nodes["first"].outputs == 3
    slope = 2.0 * (model([0.5, -1.0]).data - 2.0) * (1.0 - model([0.5, -1.0]).data ** 2)
    weights = [weight.data for weight in model.second.neurons[0].weights]
    assert nodes["first"].grad == pytest.approx(abs(slope) * math.hypot(*weights), rel=1e-12)


def test_a_closed_module_tells_the_norm_of_its_gradients(closed: Any) -> None:
    model, _, nodes = closed
    for name, count in (("first", 9), ("second", 4)):
        norm = f"{gradient_norm(getattr(model, name)):.3g}"
        assert nodes[name].detail == f"{count} parameters"
        assert nodes[name].tip == f"gradient norm of its parameters {norm}"


def test_edges_between_closed_modules_are_one_that_carries_all(closed: Any) -> None:
    model, loss, nodes = closed
    picture = shown(loss, "first", "second")
    (edge,) = [
        edge
        for edge in picture.edges
        if (edge.source, edge.target) == (nodes["first"].id, nodes["second"].id)
    ]
    slope = 2.0 * (model([0.5, -1.0]).data - 2.0) * (1.0 - model([0.5, -1.0]).data ** 2)
    weights = [weight.data for weight in model.second.neurons[0].weights]
    assert edge.flow == pytest.approx(slope * sum(weights), rel=1e-12)


@pytest.mark.parametrize(
    ("count", "has_gradients", "text"),
    [
        (0, True, ""),
        (1, False, "1 parameter"),
        (2, False, "2 parameters"),
        (1000, False, "1,000 parameters"),
    ],
)
def test_how_many_parameters(count: int, has_gradients: bool, text: str) -> None:
    assert describe_parameters([0.0] * count, has_gradients) == text


def test_nothing_is_carried_where_the_gradient_is_0() -> None:
    assert carry_back(math.inf, 0.0) == 0.0
    assert carry_back(3.0, -2.0) == -6.0


@pytest.mark.parametrize(("uses", "copies"), [(4, 0), (5, 5)])
def test_a_leaf_that_is_much_used_stands_beside_each_user(uses: int, copies: int) -> None:
    x = Value(2.0, label="x")
    picture = shown(sg.sum([x * float(i) for i in range(2, 2 + uses)]))
    tags = [node for node in picture.nodes if node.tag]
    assert len(tags) == copies
    assert [node.label for node in tags] == ["x"] * copies
    assert sum(node.label == "x" and not node.tag for node in picture.nodes) == (not copies)


def test_a_copy_beside_a_user_is_no_output() -> None:
    x = Value(2.0, label="x")
    picture = scalar_picture(Snapshot([sg.sum([x * float(i) for i in range(2, 8)]), x]), "cards")
    assert [node.root for node in picture.nodes if node.tag] == [False] * 6


def test_a_leaf_that_a_closed_module_takes_stays_beside_its_copies() -> None:
    model = Sequential(Layer(1, 1, None, seed=1), lambda row: row[0])
    x = Value(2.0, label="x")
    picture = shown(sg.sum([model([x]), *(x * float(i) for i in range(2, 7))]), "steps.0")
    (own,) = [node for node in picture.nodes if node.label == "x" and not node.tag]
    (module,) = [node for node in picture.nodes if node.kind == "module"]
    assert sum(node.tag for node in picture.nodes) == 5
    assert [edge.target for edge in picture.edges if edge.source == own.id] == [module.id]


def test_edges_into_a_closed_module_are_one_that_carries_all() -> None:
    layer = Layer(1, 3, None, seed=1)
    model = Sequential(layer, sg.sum)
    x = Value(2.0, label="x")
    output = model([x])
    output.backward()
    picture = shown(output, "steps.0")
    (own,) = [node for node in picture.nodes if node.label == "x"]
    (edge,) = [edge for edge in picture.edges if edge.source == own.id]
    assert edge.flow == pytest.approx(
        sum(neuron.weights[0].data for neuron in layer.neurons), rel=1e-12
    )
    assert edge.flow == pytest.approx(x.grad, rel=1e-12)


def test_what_is_inside_of_a_closed_module_is_inside_of_it_alone() -> None:
    loss = Two(3)([0.5, -1.0])
    picture = shown(loss, "first")
    assert {node.label for node in picture.nodes if node.kind == "module"} == {"first"}
    assert {group.path for group in picture.groups} == {"second", "second/neurons.0"}
    assert {node.group for node in picture.nodes if node.kind == "parameter"} <= {
        group.path for group in picture.groups
    }


def test_the_output_of_a_closed_module_may_be_that_of_the_picture() -> None:
    loss = Two(3)([0.5, -1.0])
    found = modules(shown(loss, "first", "second"))
    assert (found["first"].root, found["second"].root) == (False, True)


def test_only_cards_have_a_frame() -> None:
    snapshot = Snapshot([Value(2.0, label="x") * 3.0])
    assert [scalar_picture(snapshot, level).framed for level in ("cards", "chips")] == [True, False]


def test_a_value_made_by_hand_without_partials_passes_nothing() -> None:
    made = Value(1.0, (Value(2.0, label="x"),), "mine")
    made.grad = 3.0
    assert [(edge.local, edge.flow) for edge in shown(made).edges] == [(0.0, 0.0)]


def test_folded_values_are_counted() -> None:
    model = Sequential(Layer(2, 1, None, seed=1), lambda row: row[0])
    output = model([1.0, 2.0])
    picture = shown(output, "steps.0")
    total = len(Snapshot([output]))
    visible = sum(node.kind != "module" for node in picture.nodes)
    assert picture.total == total
    assert picture.notes[0].startswith(
        f"showing {visible} of {total} values; the others are inside 1 closed module"
    )


def test_without_gradients_there_are_none_on_edges() -> None:
    picture = shown(Value(2.0, label="x") * 3.0)
    assert [edge.flow for edge in picture.edges] == [None, None]
    assert "no gradients yet: call backward() first" in picture.notes


def test_with_gradients_and_without_values_there_is_nothing_to_note() -> None:
    y = Value(2.0, label="x") * 3.0
    y.backward()
    assert shown(y).notes == ()
    assert scalar_picture(Snapshot([]), "cards").notes == ()
