"""How much is shown, what is folded, and what a picture says of it."""

import copy
import math

import pytest

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.errors import OptionError, PictureError
from scalargrad.nn import MLP, Module, Neuron
from tests.viz.graphs import chain, network, neuron
from viz.model.picture import Picture
from viz.views.choose import choose_pictures


def picture(target, **options) -> Picture:
    return choose_pictures(target, **options)[0]


def outgoing(shown: Picture) -> dict[str, float]:
    """What the edges out of each node carry back in all."""
    totals: dict[str, float] = {}
    for edge in shown.edges:
        totals[edge.source] = totals.get(edge.source, 0.0) + edge.flow
    return totals


@pytest.mark.parametrize(
    ("values", "level"),
    [(3, "cards"), (38, "cards"), (45, "chips"), (290, "chips"), (400, "chips")],
)
def test_the_level_is_chosen_by_the_number_of_values(values, level):
    shown = picture(chain(values))
    assert shown.level == level
    assert sum(not node.tag for node in shown.nodes) <= 300


def test_a_network_becomes_cards_chips_or_neurons():
    assert picture(neuron()).level == "cards"
    assert picture(network([4, 4, 1])).level == "chips"
    assert picture(network([16, 16, 1])).level == "neurons"
    assert picture(network([4, 4, 1]), expand="layers.1.neurons.2").level == "cards"


@pytest.mark.parametrize(
    "target", [neuron(), network([4, 4, 1]), chain(250)], ids=["neuron", "network", "chain"]
)
def test_what_leaves_a_node_is_its_gradient(target):
    shown = picture(target)
    for node_id, total in outgoing(shown).items():
        node = shown.by_id[node_id]
        if not node.tag:
            assert total == pytest.approx(node.grad, rel=1e-9, abs=1e-15), node


def test_what_leaves_a_closed_neuron_is_the_gradient_of_its_output():
    shown = picture(network([8, 8, 1]), level="cards")
    totals = outgoing(shown)
    closed = [node for node in shown.nodes if node.kind == "module"]
    assert len(closed) == 17
    for node in closed:
        assert totals[node.id] == pytest.approx(node.grad, rel=1e-9)


@pytest.mark.parametrize("samples", [1, 5])
def test_what_leaves_a_unit_of_the_neuron_view_is_the_gradient_of_its_outputs(samples):
    shown = picture(network([16, 16, 1], samples))
    totals = outgoing(shown)
    for node in shown.nodes:
        if not node.root:
            assert totals[node.id] == pytest.approx(node.grad, rel=1e-9), node


def test_the_neuron_view_has_a_column_for_each_layer():
    shown = picture(network([16, 16, 1]))
    assert [len(column.members) for column in shown.columns] == [
        2,
        16,
        16,
        2,
        1,
    ]  # the target stands beside the output
    assert [column.title for column in shown.columns] == [
        "inputs",
        "layers.0  16 × tanh",
        "layers.1  16 × tanh",
        "layers.2  1 × linear",
        "loss",
    ]
    assert shown.columns[1].detail.startswith("48 parameters · gradient norm ")
    assert shown.notes[0] == f"37 units folded from {shown.total:,} values"


def test_several_samples_are_folded_onto_the_same_neurons():
    one, many = picture(network([16, 16, 1])), picture(network([16, 16, 1], 5))
    assert len(one.nodes) == len(many.nodes)
    assert "numbers are means over 5 samples, gradients are sums" in many.notes


def test_two_networks_are_kept_apart():
    first, second = MLP(2, [3, 1], seed=1), MLP(2, [3, 1], seed=2)
    x = [Value(0.5, label="a"), Value(-0.5, label="b")]
    loss = first(x) * second(x)
    loss.backward()
    shown = picture(loss, level="neurons")
    assert sum(node.kind == "operation" for node in shown.nodes) == 9
    assert len(picture(loss, level="cards").groups) >= 4


def test_a_wide_layer_keeps_its_strongest_units_and_says_so():
    model = MLP(100, [60, 1], seed=0)
    out = model([0.1] * 100)
    out.backward()
    shown = picture(out, level="neurons")
    assert [len(column.members) for column in shown.columns] == [24, 24, 1]
    assert [node.label for node in shown.nodes if node.kind == "more"] == ["+77 more", "+37 more"]
    assert any(note.startswith("of 100 units in inputs the 23 ") for note in shown.notes)
    assert shown.columns[0].detail == "100"


def test_a_network_by_itself_shows_its_weights():
    model = MLP(2, [3, 1], seed=0)
    model.layers[0].neurons[1].bias.data = 0.25
    shown = picture(model)
    assert (shown.level, shown.colors) == ("neurons", "weights")
    weights = sorted(
        p.data for layer in model.layers for unit in layer.neurons for p in unit.weights
    )
    assert sorted(edge.flow for edge in shown.edges) == pytest.approx(weights)
    assert 0.25 in [node.data for node in shown.nodes]
    assert all(p.grad == 0.0 for p in model.parameters())


def test_drawing_a_network_leaves_its_mode_and_its_chance_alone():
    model = MLP(2, [3, 1], activation="rrelu", seed=0)
    model.layers[1].eval()
    twin = copy.deepcopy(model)
    viz.draw(model).svg()
    assert [part.training for _, part in model.named_modules()] == [
        part.training for _, part in twin.named_modules()
    ]
    assert [model([-1.0, 2.0]).data for _ in range(5)] == [twin([-1.0, 2.0]).data for _ in range(5)]


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_one_broken_sample_of_several_is_seen_in_the_neuron_view(broken):
    model = MLP(2, [3, 1], seed=0)
    outputs = [model([1.0, x]) for x in (1.0, broken, -broken)]
    sg.sum(outputs).backward()
    shown = picture(sg.sum(outputs), level="neurons")
    assert any(
        node.data is not None and not math.isfinite(node.data)
        for node in shown.nodes
        if node.label.startswith("layers.0")
    )


def test_a_module_without_a_size_is_refused_and_one_neuron_is_drawn():
    class Shapeless(Module):
        def forward(self, x):
            return x

    with pytest.raises(PictureError, match="Shapeless does not say how many inputs"):
        viz.draw(Shapeless())
    assert picture(Neuron(2)).nodes


def test_expand_opens_what_it_names_and_leaves_the_rest_closed():
    shown = picture(network([4, 4, 1]), expand=["layers.1.neurons.2", "layers.0.neurons.0"])
    assert sorted(group.path for group in shown.groups) == [
        "layers.0",
        "layers.0/neurons.0",
        "layers.1",
        "layers.1/neurons.2",
        "layers.2",
    ]
    assert sum(node.kind == "module" for node in shown.nodes) == 7
    hidden = shown.total - sum(node.kind != "module" and not node.tag for node in shown.nodes)
    assert f"showing {shown.total - hidden} of {shown.total} values" in shown.notes[0]


def test_expand_all_shows_every_value():
    loss = network([4, 4, 1])
    shown = picture(loss, expand="*")
    assert shown.total == len(
        [node for node in shown.nodes if node.kind != "module" and not node.tag]
    )
    assert shown.notes == ()


def test_expand_of_an_unknown_path_lists_the_known_ones():
    with pytest.raises(
        OptionError,
        match=(
            r"expand names 'layers.9', which is not a module of this graph; "
            r"its modules are layers\.0, "
        ),
    ):
        viz.draw(network([4, 4, 1]), expand="layers.9")


def test_a_squared_value_has_two_edges():
    a = Value(3.0, label="a")
    (a * a).backward()
    assert [(edge.local, edge.port) for edge in picture(a * a).edges] == [(3.0, 0), (3.0, 1)]


def test_a_leaf_of_many_uses_stands_beside_each_user():
    x = Value(2.0, label="x")
    total = sg.sum([x * float(i) for i in range(5)])
    total.backward()
    shown = picture(total)
    tags = [node for node in shown.nodes if node.label == "x"]
    assert len(tags) == 5
    assert all(node.tag and node.grad == 10.0 for node in tags)
    four = sg.sum([x * float(i) for i in range(4)])
    assert sum(node.label == "x" for node in picture(four).nodes) == 1


def test_before_backward_there_are_no_gradients():
    shown = picture(Value(2.0) * 3.0)
    assert all(node.grad is None for node in shown.nodes)
    assert all(edge.flow is None for edge in shown.edges)
    assert shown.notes == ("no gradients yet: call backward() first",)


def test_the_largest_gradient_leaves_the_root_out():
    x = Value(2.0)
    y = x * 0.001
    y.backward(gradient=5.0)
    assert picture(y).largest == pytest.approx(
        10.0
    )  # the constant's gradient; the root's own 5 does not count
    assert picture(Value(1.0)).largest == 1.0


def test_large_graphs_without_modules_follow_the_gradient():
    shown = picture(chain(3000))
    assert len(shown.nodes) <= 300
    assert shown.notes[0].startswith(
        f"showing {len(shown.nodes):,} of {shown.total:,} values, those with the largest gradients"
    )
    assert any(node.detail.endswith("more") for node in shown.nodes)
    assert sum(node.root for node in shown.nodes) == 1


def test_sums_and_products_fold_into_one_node():
    xs = [Value(float(i), label=f"x{i}") for i in range(200)]
    total = Value(0.0)
    for i, x in enumerate(xs):
        total = total + x * (i + 1.0)
    total.backward()
    shown = picture(total)
    root = next(node for node in shown.nodes if node.root)
    assert root.symbol == "Σ"
    strongest = {shown.by_id[edge.source].label: edge.local for edge in shown.edges}
    assert strongest["x199"] == 200.0
    assert root.detail == f"+{201 - len(strongest)} more"


@pytest.mark.parametrize("bad", [3.0, "text", None, [1.0], [Value(1.0), "x"]])
def test_what_is_no_graph_is_refused(bad):
    with pytest.raises(PictureError, match="draw takes"):
        viz.draw(bad)


def test_unknown_options_are_refused():
    with pytest.raises(
        OptionError,
        match="level must be None or one of cards, chips, neurons, layers, blocks, sequence, not",
    ):
        viz.draw(Value(1.0), level="atoms")
    with pytest.raises(OptionError, match="theme must be"):
        viz.draw(Value(1.0), theme="pink")


@pytest.mark.parametrize("names", [{"tokens": "ab"}, {"vocabulary": ["yes", "no"]}])
def test_names_of_rows_and_columns_are_for_blocks(names):
    with pytest.raises(OptionError, match="tokens and vocabulary name the rows"):
        choose_pictures(Value(1.0) * 2, "cards", **names)


def test_nan_and_inf_are_kept():
    x = Value(-1.0, label="x")
    y = sg.log(x)
    y.backward(gradient=math.inf)
    shown = picture(y)
    assert math.isnan(next(node.data for node in shown.nodes if node.root))
    assert shown.largest == 1.0


def test_parameters_stand_in_the_module_that_uses_them():
    shown = picture(network([4, 4, 1]), expand="*")
    groups = {
        node.label: node.group
        for node in shown.nodes
        if node.kind == "parameter" and node.group == "layers.1/neurons.2"
    }
    assert set(groups) == {"w0", "w1", "w2", "w3", "b"}
    shared = Parameter(2.0, label="shared")
    assert picture(shared * 2.0 + shared).groups == ()
