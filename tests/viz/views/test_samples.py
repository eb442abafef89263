"""Calls of modules: samples of a batch are folded into one, calls of one computation never are."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.errors import PictureError
from scalargrad.nn import MLP, Layer, LSTMCell, Module, Recurrent, RNNCell, Sequential
from viz.model.picture import Picture
from viz.model.snapshot import Snapshot
from viz.views.choose import choose_pictures
from viz.views.samples import Calls
from viz.views.units import Units, strip_call_numbers

STEPS = 4
SEQUENCE = [[0.5 * t - 0.3, 1.0 - 0.4 * t] for t in range(STEPS)]


def finished(loss: Value) -> Value:
    """The loss with its name, after backward."""
    loss.label = "loss"
    loss.backward()
    return loss


def squares(outputs: list[Value]) -> Value:
    """Something to learn that takes all outputs."""
    return finished(sg.sum([output**2 for output in outputs]))


def hand_loop() -> Value:
    layer = Layer(4, 2, activation="tanh", seed=1)
    state: list = [0.0, 0.0]
    for x in SEQUENCE:
        state = layer([*x, *state])
    return squares(state)


def rnn_cell() -> Value:
    cell, state = RNNCell(2, 3, seed=1), None
    for x in SEQUENCE:
        state = cell(x, state)
    return squares(state)


def lstm_cell() -> Value:
    cell, state = LSTMCell(2, 2, seed=1), None
    for x in SEQUENCE:
        state = cell(x, state)
    return squares(state[0])


class Gated(Module):
    """A gated recurrent unit written by hand: reset, update and candidate."""

    def __init__(self) -> None:
        self.reset = Layer(4, 2, activation="sigmoid", seed=1)
        self.update = Layer(4, 2, activation="sigmoid", seed=2)
        self.candidate = Layer(4, 2, activation="tanh", seed=3)

    def forward(self, x, h):
        """The next state."""
        r, z = self.reset([*x, *h]), self.update([*x, *h])
        n = self.candidate([*x, *(a * b for a, b in zip(r, h, strict=True))])
        return [(1.0 - u) * new + u * old for u, new, old in zip(z, n, h, strict=True)]


def gru() -> Value:
    cell, state = Gated(), [0.0, 0.0]
    for x in SEQUENCE:
        state = cell(x, state)
    return squares(state)


def recurrent() -> Value:
    model = Sequential(
        Recurrent(RNNCell(2, 3, seed=1), last=True), Layer(3, 2, activation=None, seed=2)
    )
    return squares(model(SEQUENCE))


def attention() -> Value:
    query, key, value = (Layer(2, 2, activation=None, seed=seed) for seed in (1, 2, 3))
    tokens = [[Value(x, label="x") for x in token] for token in SEQUENCE]
    queries, keys, values = ([layer(token) for token in tokens] for layer in (query, key, value))
    outputs = []
    for q in queries:
        scores = sg.softmax([sg.sum([a * b for a, b in zip(q, k, strict=True)]) for k in keys])
        outputs += [
            sg.sum([w * v[i] for w, v in zip(scores, values, strict=True)]) for i in range(2)
        ]
    return squares(outputs)


def twice() -> Value:
    layer = Layer(3, 3, activation="tanh", seed=4)
    return squares(layer(layer([0.3, -0.2, 0.8])))


def siamese() -> Value:
    model = MLP(2, [3, 2], activation="tanh", seed=4)
    pairs = zip(model([0.3, -0.2]), model([0.9, 0.5]), strict=True)
    return squares([a - b for a, b in pairs])


def same_input() -> Value:
    """Two uses of one input: not two samples, though their results are only added."""
    layer, x = Layer(1, 2, activation="tanh", seed=4), Value(0.5, label="x")
    return finished(sg.sum([*layer([x]), *layer([x])]))


def pooled() -> Value:
    """A set, whose members meet in a mean that goes on."""
    layer = Layer(2, 1, activation="tanh", seed=4)
    return finished((sg.mean([layer(x)[0] for x in SEQUENCE]) - 1.0) ** 2)


TOGETHER = [
    hand_loop,
    rnn_cell,
    lstm_cell,
    gru,
    recurrent,
    attention,
    twice,
    siamese,
    same_input,
    pooled,
]


def neurons(loss: Value) -> Picture:
    return choose_pictures(loss, "neurons")[0]


def places(picture: Picture) -> dict[str, int]:
    return {member: i for i, column in enumerate(picture.columns) for member in column.members}


@pytest.mark.parametrize("graph", TOGETHER)
def test_every_line_runs_from_left_to_right(graph) -> None:
    picture = neurons(graph())
    place = places(picture)
    assert all(place[edge.source] < place[edge.target] for edge in picture.edges)


@pytest.mark.parametrize("graph", TOGETHER)
def test_no_number_is_a_mean_over_calls_that_belong_together(graph) -> None:
    loss = graph()
    picture = neurons(loss)
    known = {node.data for node in topological([loss])}
    assert "samples" not in " ".join(picture.notes)
    assert all(node.data in known for node in picture.nodes if node.data is not None)


@pytest.mark.parametrize("graph", TOGETHER)
def test_no_gradient_is_a_sum_over_calls_that_belong_together(graph) -> None:
    loss = graph()
    known = {node.grad for node in topological([loss])}
    assert all(node.grad in known for node in neurons(loss).nodes if node.grad is not None)


def test_a_column_for_each_step_has_the_state_of_that_step() -> None:
    loss = hand_loop()
    picture = neurons(loss)
    layer = Layer(4, 2, activation="tanh", seed=1)
    weights = np.array([[w.data for w in neuron.weights] for neuron in layer.neurons])
    bias = np.array([neuron.bias.data for neuron in layer.neurons])
    state, states = np.zeros(2), []
    for x in SEQUENCE:
        state = np.tanh(weights @ np.concatenate([x, state]) + bias)
        states.append(state)
    columns = [column for column in picture.columns if column.title.startswith("Layer #")]
    assert [column.title for column in columns] == [
        f"Layer #{t + 1}  2 × tanh" for t in range(STEPS)
    ]
    for column, expected in zip(columns, states, strict=True):
        units = [
            picture.by_id[member]
            for member in column.members
            if picture.by_id[member].kind != "input"
        ]
        assert [unit.data for unit in units] == pytest.approx(expected.tolist(), rel=1e-12)


def test_the_inputs_of_a_step_stand_before_its_column() -> None:
    picture = neurons(hand_loop())
    place = places(picture)
    inputs = [node for node in picture.nodes if node.kind == "input" and node.label == "x0"]
    assert [(place[node.id], node.data) for node in inputs] == [
        (t, SEQUENCE[t][0]) for t in range(STEPS)
    ]


def test_boxes_are_numbered_in_the_order_in_which_the_calls_are_done() -> None:
    drawing = viz.draw(hand_loop(), level="cards", expand="*")
    first = next(
        node for node in drawing.picture.nodes if node.label == "x0" and node.data == SEQUENCE[0][0]
    )
    by_id = drawing.picture.by_id
    users = {
        by_id[edge.target].group.partition("/")[0]
        for edge in drawing.picture.edges
        if edge.source == first.id
    }
    assert users == {"Layer"}
    assert {group.path.partition("/")[0] for group in drawing.picture.groups} == {
        "Layer",
        "Layer #2",
        "Layer #3",
        "Layer #4",
    }


def test_two_calls_in_one_column_are_counted_as_calls() -> None:
    titles = [column.title for column in neurons(siamese()).columns]
    assert titles == [
        "inputs",
        "MLP.layers.0  3 × tanh, 2 calls",
        "MLP.layers.1  2 × linear, 2 calls",
        "loss",
    ]


def test_inputs_of_two_calls_stand_call_by_call() -> None:
    picture = neurons(siamese())
    shown = [picture.by_id[member] for member in picture.columns[0].members]
    assert [(node.label, node.data) for node in shown] == [
        ("x0", 0.3),
        ("x1", -0.2),
        ("x0", 0.9),
        ("x1", 0.5),
    ]


def test_inputs_of_a_step_stand_in_the_order_of_their_names() -> None:
    layer = Layer(3, 1, activation="tanh", seed=1)
    (state,) = layer([0.1, 0.2, 0.3])
    (state,) = layer([state, 0.4, 0.5])
    picture = neurons(finished(state**2))
    shown = [
        [picture.by_id[member].label for member in column.members] for column in picture.columns[:2]
    ]
    assert shown[0] == ["x0", "x1", "x2"]
    assert shown[1][-2:] == ["x1", "x2"]


def test_a_unit_with_two_outputs_has_no_one_number() -> None:
    picture = neurons(lstm_cell())
    several = [node for node in picture.nodes if node.data is None]
    assert several
    assert all(node.grad is None and node.tip.startswith("2 outputs: data ") for node in several)
    assert "… is a unit that puts out several numbers" in picture.notes


def batch(count: int) -> tuple[Value, np.ndarray, np.ndarray]:
    """The mean loss of samples; the outputs of the first layer by sample, and their gradients."""
    model = MLP(2, [3, 1], activation="tanh", seed=4)
    samples = [[0.1 * i, 0.2 - 0.1 * i] for i in range(count)]
    loss = finished(sg.mean([(model(x) - Value(1.0, label="y")) ** 2 for x in samples]))
    hidden, out = model.layers
    weights = np.array([[w.data for w in neuron.weights] for neuron in hidden.neurons])
    last = np.array([w.data for w in out.neurons[0].weights])
    outputs = np.tanh(np.array(samples) @ weights.T)
    errors = 2.0 * (outputs @ last - 1.0) / count
    return loss, outputs, np.outer(errors, last)


@pytest.mark.parametrize("count", [2, 5])
def test_samples_are_folded_into_means_and_sums(count: int) -> None:
    loss, outputs, gradients = batch(count)
    picture = neurons(loss)
    units = [picture.by_id[member] for member in picture.columns[1].members]
    assert f"numbers are means over {count} samples, gradients are sums" in picture.notes
    assert [unit.data for unit in units] == pytest.approx(outputs.mean(axis=0).tolist(), rel=1e-12)
    assert [unit.grad for unit in units] == pytest.approx(gradients.sum(axis=0).tolist(), rel=1e-9)


ENDINGS = {
    "sum": lambda parts: sg.sum(parts),
    "python's sum": lambda parts: sum(parts),
    "mean": lambda parts: sg.mean(parts),
    "divided": lambda parts: sum(parts) / len(parts),
    "scaled": lambda parts: 0.25 * sum(parts),
    "weighed": lambda parts: sum(part * (1.0 + i) for i, part in enumerate(parts)),
    "weighed by inputs": lambda parts: sum(
        part * Value(1.0 + i, label=f"w{i}") for i, part in enumerate(parts)
    ),
    "negative": lambda parts: -sum(parts),
    "without a last sum": lambda parts: parts,
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_results_that_meet_in_a_last_sum_are_samples(ending) -> None:
    model = MLP(2, [2, 1], activation="tanh", seed=4)
    loss = ending([(model(x) - 1.0) ** 2 for x in SEQUENCE])
    assert "means over 4 samples" in " ".join(neurons(loss).notes)


def test_a_penalty_on_the_weights_leaves_samples_samples() -> None:
    model = MLP(2, [2, 1], activation="tanh", seed=4)
    penalty = sg.sum([p**2 for p in model.parameters()])
    loss = sg.mean([(model(x) - 1.0) ** 2 for x in SEQUENCE]) + 0.01 * penalty
    assert "means over 4 samples" in " ".join(neurons(loss).notes)


MEETINGS = {
    "product": lambda a, b: a * b,
    "difference": lambda a, b: a - b,
    "quotient": lambda a, b: a / b,
    "largest": lambda a, b: sg.maximum(a, b),
    "square of a sum": lambda a, b: (a + b) ** 2,
    "sum, weighed by one input": lambda a, b: (lambda w: a * w + b * w)(Value(0.5, label="w")),
    "logsumexp": lambda a, b: sg.logsumexp([a, b]),
}


@pytest.mark.parametrize("meeting", MEETINGS.values(), ids=MEETINGS)
def test_results_that_meet_otherwise_are_no_samples(meeting) -> None:
    model = MLP(2, [2, 1], activation="tanh", seed=4)
    notes = " ".join(neurons(meeting(model([0.3, 0.4]), model([0.5, -0.2]))).notes)
    assert "samples" not in notes
    assert "one by one" in notes


def test_only_a_call_that_calls_no_other_is_a_unit() -> None:
    class Doubled(Module):
        """A network with a step of its own."""

        def __init__(self) -> None:
            self.inner = MLP(1, [2, 1], activation="tanh", seed=1)

        def forward(self, x):
            """Twice what the network says."""
            return self.inner(x) * 2.0

    snapshot = Snapshot([Doubled()([0.5])])
    calls = Calls(snapshot)
    made = [node for node in snapshot.order if node.args]
    assert {node.scope.kind for node in made if calls.is_innermost(node)} == {"Neuron"}
    assert {node.scope.kind for node in made if not calls.is_innermost(node)} == {"Doubled"}


def test_final_sums_and_parameters_belong_to_no_sample() -> None:
    snapshot = Snapshot([batch(3)[0]])
    calls = Calls(snapshot)
    assert {calls.sample[node] for node in calls.final} == {-1}
    assert {calls.sample[node] for node in snapshot.order if node.kind == "parameter"} == {-1}
    assert {
        calls.sample[node] for node in snapshot.order if node.args and node not in calls.final
    } == {0, 1, 2}


def test_calls_of_one_sample_are_no_samples() -> None:
    layer = Layer(1, 1, activation="tanh", seed=1)
    once = [layer([x]) for x in (0.1, 0.2)]
    (twice,) = layer(layer([0.3]))
    snapshot = Snapshot([sg.sum([once[0][0], once[1][0], twice])])
    calls = Calls(snapshot)
    scopes = [node.scope.parent for node in snapshot.order if node.op == "tanh"]
    assert len({id(scope) for scope in scopes}) == 4
    assert calls.are_samples(scopes[:3])
    assert not calls.are_samples(scopes)
    assert not calls.are_samples(scopes[2:])
    assert calls.most_calls == 2


def test_steps_are_unrolled_and_samples_folded_at_once() -> None:
    layer = Layer(2, 1, activation="tanh", seed=1)
    losses = []
    for start in (0.1, 0.3, -0.2):
        state = start
        for x in (0.5, -0.4):
            (state,) = layer([x, state])
        losses.append(state**2)
    picture = neurons(finished(sg.mean(losses)))
    assert [column.title for column in picture.columns] == [
        "inputs",
        "Layer #1  1 × tanh",
        "Layer #2  1 × tanh",
        "loss",
    ]
    assert "numbers are means over 3 samples, gradients are sums" in picture.notes


def long_loop(steps: int) -> Value:
    layer = Layer(2, 1, activation="tanh", seed=1)
    state = 0.0
    for _ in range(steps):
        (state,) = layer([0.5, state])
    return finished(state**2)


def test_too_many_steps_are_refused_with_the_level_to_use() -> None:
    with pytest.raises(
        PictureError, match=r'calls one module up to 60 times .* draw it with level="layers"'
    ):
        viz.draw(long_loop(60), level="neurons")


def test_the_level_that_is_chosen_for_many_steps() -> None:
    assert viz.draw(long_loop(60)).picture.level == "sequence"


def test_a_sequence_too_long_for_neurons_is_still_played() -> None:
    assert viz.animate(long_loop(60)).scene.placed.picture.level == "chips"


def test_layers_say_what_their_columns_are() -> None:
    def notes(loss: Value) -> str:
        return " ".join(choose_pictures(loss, "layers")[0].notes)

    assert "a column for each sample" in notes(batch(4)[0])
    for graph in TOGETHER:
        assert "sample" not in notes(graph())


def test_a_layer_called_very_often_in_one_computation_shows_no_means() -> None:
    picture = choose_pictures(long_loop(80), "layers")[0]
    card = next(card for card in picture.cards if card.kind == "layer")
    assert not card.columns
    assert "80 calls that belong together" in " ".join(picture.notes)


def test_arrows_of_layers_count_what_a_call_takes() -> None:
    picture = choose_pictures(twice(), "layers")[0]
    assert {(edge.source, edge.target): edge.count for edge in picture.edges} == {
        ("i0", "l0"): 3,
        ("l0", "l0"): 3,
        ("l0", "r0"): 3,
    }


def test_parts_of_a_list_that_take_from_each_other_stand_in_columns_of_their_own() -> None:
    class Plus(Module):
        """One more."""

        def forward(self, x):
            """Each number and 1."""
            return [sg.tanh(item + 1.0) for item in x]

    model = Sequential(Plus(), Plus(), Plus())
    picture = neurons(squares(model([Value(0.1, label="x")])))
    place = places(picture)
    assert all(place[edge.source] < place[edge.target] for edge in picture.edges)
    assert len({place[node.id] for node in picture.nodes if node.label.startswith("steps.")}) == 3


def test_marks_of_a_diagnosis_find_each_call() -> None:
    assert strip_call_numbers("cell #12.units.3") == "cell.units.3"


STEP = st.tuples(
    st.sampled_from(["first", "second", "add", "mul", "sub", "square"]),
    st.integers(0, 9),
    st.integers(0, 9),
)


def built(
    numbers: list[float], steps: list[tuple[str, int, int]], taken: list[int]
) -> tuple[Value, list[Value]]:
    """A sum over what a random program of two shared layers makes of some inputs, and these."""
    layers = {
        "first": Layer(1, 1, activation="tanh", seed=1),
        "second": Layer(1, 1, activation="sigmoid", seed=2),
    }
    inputs = [Value(number, label="x") for number in numbers]
    pool = list(inputs)
    for name, i, j in steps:
        a, b = pool[i % len(pool)], pool[j % len(pool)]
        if name in layers:
            pool.append(layers[name]([a])[0])
        else:
            pool.append({"add": a + b, "mul": a * b, "sub": a - b, "square": a * a}[name])
    return sg.sum([pool[-1 - i % len(steps)] for i in taken]), inputs


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(STEP, min_size=2, max_size=9), st.lists(st.integers(0, 8), min_size=1, max_size=4))
def test_lines_of_random_programs_run_from_left_to_right(steps, taken) -> None:
    root, _ = built([0.3, -0.8, 0.5], steps, taken)
    picture = neurons(root)
    place = places(picture)
    assert all(place[edge.source] < place[edge.target] for edge in picture.edges)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(STEP, min_size=2, max_size=9), st.lists(st.integers(0, 8), min_size=1, max_size=4))
def test_inputs_that_are_folded_have_no_part_in_each_other(steps, taken) -> None:
    """Two inputs belong to independent samples where the result is a sum of a function of each.

    Then mixed differences vanish.
    """
    numbers = [0.3, -0.8, 0.5]
    root, inputs = built(numbers, steps, taken)
    units = Units(Snapshot([root]))

    def result(moved: set[int]) -> float:
        return built(
            [number + 0.7 * (i in moved) for i, number in enumerate(numbers)], steps, taken
        )[0].data

    for i, j in combinations(range(len(numbers)), 2):
        keys = units.unit.get(inputs[i]), units.unit.get(inputs[j])
        if keys[0] is not None and keys[0] is keys[1]:
            assert result({i, j}) - result({i}) - result({j}) + result(set()) == pytest.approx(
                0.0, abs=1e-9
            )


class Reader(Module):
    """A cell over a sequence, and one number at its end."""

    def __init__(self) -> None:
        self.cell, self.out = (
            RNNCell(1, 2, activation="relu", seed=1),
            Layer(2, 1, activation=None, seed=2),
        )

    def forward(self, x):
        """What the last state says."""
        state = None
        for item in x:
            state = self.cell([item], state)
        return self.out(state)[0]


def test_a_diagnosis_of_sequences_marks_a_dead_unit_at_every_step() -> None:
    model = Reader()
    model.cell.units.neurons[1].bias.data = -100.0
    picture = viz.draw(
        sg.diagnose(model, [[0.1 * i, 0.2, 0.3] for i in range(8)], [1.0, 0.0] * 4)
    ).picture
    assert picture.level == "neurons"
    marked = {node.label for node in picture.nodes if node.mark == "dead"}
    assert {f"cell #{step}.units.neurons.1" for step in (1, 2, 3)} <= marked


def test_a_diagnosis_of_long_sequences_is_drawn_as_layers() -> None:
    picture = viz.draw(sg.diagnose(Reader(), [[0.1] * 60, [0.2] * 60], [1.0, 0.0])).picture
    assert picture.level == "layers"
    assert any(note.startswith(("✗", "✓")) for note in picture.notes)


def test_another_network_is_no_further_call_of_the_first() -> None:
    first, second = (Layer(1, 1, None, seed=seed) for seed in (1, 2))
    output = second(first(first([0.5])))[0]
    groups = viz.draw(output, level="cards").picture.groups
    assert [group.title for group in groups if not group.parent] == ["Layer", "Layer #2", "Layer 2"]


def paths(output: Value) -> list[str]:
    """Where each tanh was made, in order."""
    snapshot = Snapshot([output])
    calls = Calls(snapshot)
    return [calls.path(node) for node in snapshot.order if node.op == "tanh"]


def test_a_second_network_of_another_kind_is_counted_too() -> None:
    first = MLP(1, [1, 1], activation="tanh", seed=1)
    second = Layer(1, 1, activation="tanh", seed=2)
    assert paths(second([first([0.5])])[0]) == ["layers.0/neurons.0", "Layer 2/neurons.0"]


def test_layers_without_a_name_inside_of_a_network_are_counted_by_kind() -> None:
    hidden = [Layer(1, 1, activation="tanh", seed=seed) for seed in (1, 2)]

    class Hides(Module):
        """Calls layers that are none of its attributes."""

        def forward(self, x):
            """What the second layer says of the first."""
            return hidden[1](hidden[0](x))

    assert paths(Hides()([0.5])[0]) == ["Layer/neurons.0", "Layer 2/neurons.0"]


def test_networks_without_a_name_are_counted() -> None:
    first, second, third = (Layer(1, 1, None, seed=seed) for seed in (1, 2, 3))
    picture = viz.draw(third(second(first([0.5])))[0], level="neurons").picture
    assert [column.title.partition("  ")[0] for column in picture.columns] == [
        "inputs",
        "units",
        "Layer 2",
        "Layer 3",
    ]
