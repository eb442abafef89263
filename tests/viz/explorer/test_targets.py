"""What can be explored besides graphs: compiled programs, diagnoses, and large networks in part."""

import re

import pytest

import scalargrad as sg
import viz
from scalargrad import Value, compile, data, diagnose, nn
from scalargrad.core.graph import topological
from scalargrad.doctor import Diagnosis
from scalargrad.errors import PictureError
from scalargrad.losses import cross_entropy
from tests.viz.explorer.test_page import graph_of, numbers_of
from viz.explorer.excerpt import take_excerpt
from viz.explorer.targets import fit_snapshot
from viz.model.snapshot import Snapshot


def classifier(inputs: int, hidden: int, outputs: int) -> Value:
    model = nn.MLP(inputs, [hidden, outputs], activation="relu", seed=0)
    pixels = [((7 * i) % 11) / 11.0 for i in range(inputs)]
    loss = cross_entropy(model(pixels), 1)
    loss.backward()
    return loss


def test_a_program_is_the_graph_of_its_scalars() -> None:
    model = nn.MLP(2, [3, 1], seed=1)
    program = compile(model, model, inputs=(2,))
    output = program.load([0.5, -1.0])
    assert numbers_of(viz.explore(program)).tolist() == numbers_of(viz.explore(output)).tolist()


def with_dead_neuron() -> Diagnosis:
    points, sides = data.moons(20, noise=0.1, seed=1)
    model = nn.MLP(2, [5, 5, 1], seed=2)
    model.layers[1].neurons[4].bias.data = -60.0
    return diagnose(model, data.StandardScaler().fit(points).transform(points), sides)


def test_a_diagnosis_marks_the_boxes_that_it_has_flagged() -> None:
    graph = graph_of(viz.explore(with_dead_neuron()))
    found = graph["diagnosis"]
    ((fold, word),) = found["marks"].items()
    title, _, parent, _ = graph["folds"][int(fold)]
    assert (graph["folds"][parent][0], title, word) == ("layers.1", "neurons.4", "dead")
    assert any("layers.1.neurons.4" in sentence for sentence in found["findings"])
    assert found["samples"] == 20


def test_a_large_network_is_shown_from_its_output_on() -> None:
    loss = classifier(40, 30, 4)
    whole = Snapshot([loss])
    found = take_excerpt(whole, limit=800)
    assert found is not None
    paths = set(found.snapshot.modules)
    assert {f"layers.1/neurons.{k}" for k in range(4)} <= paths
    assert [path.replace("/", ".") for path in paths if path.startswith("layers.0/")] == [
        found.chosen
    ]
    assert len(found.snapshot) <= 800
    assert found.total == len(whole)


def test_an_excerpt_has_the_numbers_of_the_whole() -> None:
    loss = classifier(40, 30, 4)
    found = take_excerpt(Snapshot([loss]), limit=800)
    assert found is not None
    pairs = {(node.op, node.data, node.grad) for node in topological([loss])}
    for node in found.snapshot.order:
        if node.args:
            assert (node.op, node.data, node.grad) in pairs
    ends = {(data, grad) for _, data, grad in pairs}
    leaves = [node for node in found.snapshot.order if not node.args]
    assert all((leaf.data, leaf.grad) in ends for leaf in leaves)


def test_the_neuron_with_the_largest_gradient_stands_for_its_layer() -> None:
    loss = classifier(40, 30, 4)
    whole = Snapshot([loss])
    found = take_excerpt(whole, limit=800)
    outputs = {
        path: abs(node.grad)
        for node in whole.order
        if node.op == "relu" and (path := whole.module[node].replace("/", "."))
    }
    assert found is not None
    assert outputs[found.chosen] == max(outputs.values())


def test_values_that_act_on_what_is_left_out_are_known() -> None:
    loss = classifier(40, 30, 4)
    found = take_excerpt(Snapshot([loss]), limit=800)
    assert found is not None
    partial = [found.snapshot.order[i] for i in found.partial]
    assert len(partial) == 40  # the pixels, which all thirty neurons take
    assert {node.kind for node in partial} == {"input"}


def test_the_gradients_of_all_others_follow_from_the_excerpt() -> None:
    loss = classifier(40, 30, 4)
    found = take_excerpt(Snapshot([loss]), limit=800)
    assert found is not None
    recorded = [node.grad for node in found.snapshot.order]
    for node in found.snapshot.order:
        node.grad = 0.0
    found.snapshot.roots[0].backward()
    again = [node.grad for node in found.snapshot.order]
    for i, (before, after) in enumerate(zip(recorded, again, strict=True)):
        if i not in found.partial:
            assert after == pytest.approx(before, rel=1e-12)


def test_what_fits_is_shown_whole() -> None:
    snapshot = Snapshot([classifier(4, 3, 2)])
    assert fit_snapshot(snapshot) == (snapshot, {})


def two_samples() -> Value:
    model = nn.MLP(8, [20, 1], seed=0)
    return model([0.1] * 8) + model([0.2] * 8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: sg.sum([Value(float(i)) for i in range(60)]),
        two_samples,
    ],
    ids=["no modules and no chain", "a batch"],
)
def test_of_other_graphs_there_is_no_excerpt(make: object) -> None:
    assert callable(make)
    assert take_excerpt(Snapshot([make()]), limit=50) is None


def test_of_a_long_chain_the_links_nearest_to_the_output_are_shown() -> None:
    x = Value(1.0, label="x")
    y = x
    for _ in range(500):
        y = y * 1.001 + 0.1
    loss = (y - 3.0) ** 2
    loss.backward()
    found = take_excerpt(Snapshot([loss]), limit=204)
    assert found is not None
    # 50 links of two operations with two constants, what they start from, and the loss.
    assert len(found.snapshot) == 50 * 4 + 1 + 3
    assert found.total == 2004
    (start,) = [node for node in found.snapshot.order if node.kind == "input"]
    assert start.data == pytest.approx((1.0 + 100.0) * 1.001**450 - 100.0, rel=1e-9)
    assert start.grad == pytest.approx(loss.args[0].args[0].grad * 1.001**50, rel=1e-9)


def test_a_dictionary_has_no_numbers_to_explore() -> None:
    with pytest.raises(PictureError, match=re.escape("a compiled program or a Diagnosis")):
        viz.explore({"a": []})
