"""The sequence view: which calls are a recurrence, and what it says of each, against eager code."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Parameter, Value
from scalargrad.errors import OptionError, PictureError
from scalargrad.nn import MLP, GRUCell, Layer, LSTMCell, Module, Recurrent, RNNCell
from tests.viz.hostile import HOSTILE
from viz.model.picture import Picture
from viz.model.sequence_card import SequencePart
from viz.model.snapshot import Snapshot
from viz.views.choose import choose_pictures
from viz.views.sequence.chains import find_sequences

Cell = Callable[..., Any]
GATES = {
    LSTMCell: ["forget", "input", "candidate", "output"],
    GRUCell: ["update", "reset", "candidate"],
    RNNCell: ["units"],
}


def run(cell: Any, length: int) -> tuple[list[Value], list[Any]]:
    """Return the inputs of each step and the state after it."""
    inputs = [Value(math.sin(1.0 + step), label=f"x[{step}]") for step in range(length)]
    states: list[Any] = []
    for x in inputs:
        states.append(cell([x], states[-1] if states else None))
    return inputs, states


def output(cell: Any, state: Any) -> list[Value]:
    return list(cell.output(state))


def loss_of(cell: Any, length: int) -> Value:
    _, states = run(cell, length)
    loss = sum((h * h for h in output(cell, states[-1])), start=Value(0.0))
    loss.label = "loss"
    loss.backward()
    return loss


def picture(target: Any, level: str | None = "sequence", **options: Any) -> Picture:
    return choose_pictures(target, level, fold=True, **options)[0]


def parts(shown: Picture, **wanted: Any) -> list[SequencePart]:
    assert shown.sequence is not None
    return [
        part
        for part in shown.sequence.parts
        if all(getattr(part, name) == value for name, value in wanted.items())
    ]


def one(shown: Picture, **wanted: Any) -> SequencePart:
    (part,) = parts(shown, **wanted)
    return part


def strip(part: SequencePart) -> list[float]:
    assert part.strip is not None
    return list(part.strip.present)


def data(part: SequencePart) -> list[float]:
    assert part.data is not None
    return list(part.data.present)


# What is a recurrence


@pytest.mark.parametrize("kind", GATES)
def test_the_calls_of_a_cell_follow_each_other(kind: Cell) -> None:
    (sequence,) = find_sequences(Snapshot([loss_of(kind(1, 3, seed=0), 4)]))
    assert len(sequence.steps) == 4


def test_samples_are_no_recurrence() -> None:
    model = MLP(2, [3, 1], seed=0)
    loss = sum((model([x, 1.0]) for x in (0.1, 0.2, 0.3)), start=Value(0.0))
    assert find_sequences(Snapshot([loss])) == []


def attend(x: Value, seen: list[Value], w: Parameter) -> Value:
    seen.append(w * x)
    return sg.tanh(sg.sum(seen))


def test_what_takes_from_all_before_it_is_no_recurrence() -> None:
    w = Parameter(0.5)
    seen: list[Value] = []
    with sg.trace_calls():
        outs = [attend(Value(0.1 * i), seen, w) for i in range(4)]
    assert find_sequences(Snapshot(outs)) == []


def block(x: Value, w: Parameter) -> Value:
    return sg.tanh(w * x)


def test_layers_with_parameters_of_their_own_are_no_recurrence() -> None:
    x = Value(0.5)
    with sg.trace_calls():
        for w in sg.parameters([0.1, 0.2, 0.3]):
            x = block(x, w)
    assert find_sequences(Snapshot([x])) == []


def test_a_function_that_is_fed_with_its_result_is_a_recurrence() -> None:
    x = Value(0.5)
    w = Parameter(0.9)
    with sg.trace_calls():
        for _ in range(3):
            x = block(x, w)
    (sequence,) = find_sequences(Snapshot([x]))
    assert len(sequence.steps) == 3


class Unit:
    """A neuron as in lectures: its weights are plain Values."""

    def __init__(self, size: int) -> None:
        self.w = [Value(0.1 * (i + 1)) for i in range(size)]
        self.b = Value(0.2)

    def __call__(self, x: list[Value]) -> Value:
        products = (w * a for w, a in zip(self.w, x, strict=True))
        return sum(products, start=self.b).tanh()


class Dense:
    def __init__(self, size: int, units: int) -> None:
        self.units = [Unit(size) for _ in range(units)]

    def __call__(self, x: list[Value]) -> list[Value]:
        return [unit(x) for unit in self.units]


class Network:
    def __init__(self, sizes: list[int]) -> None:
        self.layers = [Dense(size, units) for size, units in pairwise(sizes)]

    def __call__(self, x: list[Value]) -> list[Value]:
        for layer in self.layers:
            x = layer(x)
        return x


def test_layers_written_as_classes_are_no_recurrence() -> None:
    model = Network([3, 4, 4, 1])
    with sg.trace_calls():
        outs = [model([Value(x), Value(0.5), Value(-1.0)])[0] for x in (0.1, 0.2, 0.3, 0.4)]
        loss = sg.sum([(out - 1.0) ** 2 for out in outs])
    assert find_sequences(Snapshot([loss])) == []
    shown = viz.draw(loss).picture
    assert shown.level == "blocks"


def linear(x: list[Value], w: list[Value]) -> list[Value]:
    return [sg.tanh(a * b) for a, b in zip(w, x, strict=True)]


class Scaled:
    def __init__(self) -> None:
        self.w = [Value(0.5), Value(0.6)]

    def apply(self, x: list[Value]) -> list[Value]:
        return linear(x, self.w)


def test_a_function_that_several_layers_call_is_no_recurrence() -> None:
    x = [Value(0.1), Value(0.2)]
    with sg.trace_calls():
        for layer in [Scaled() for _ in range(4)]:
            x = layer.apply(x)
    assert find_sequences(Snapshot(x)) == []


def test_one_layer_that_is_fed_with_its_result_is_a_recurrence() -> None:
    layer = Dense(3, 3)
    x = [Value(0.1), Value(0.2), Value(0.3)]
    with sg.trace_calls():
        for _ in range(4):
            x = layer(x)
    (sequence,) = find_sequences(Snapshot(x))
    assert len(sequence.steps) == 4


class Leaky:
    """An object that is given an input a step, and has no weights."""

    def __call__(self, h: Value, x: Value) -> Value:
        return sg.tanh(0.9 * h + x)


def test_one_object_that_is_given_an_input_a_step_is_a_recurrence() -> None:
    cell = Leaky()
    h = Value(0.0)
    with sg.trace_calls():
        for x in (0.1, 0.2, 0.3, 0.4):
            h = cell(h, Value(x))
    (sequence,) = find_sequences(Snapshot([h]))
    assert len(sequence.steps) == 4
    assert picture(h).title == "Leaky over 4 steps"


class Position:
    """A state with a method that returns the next one."""

    def __init__(self, x: Value) -> None:
        self.x = x

    def move(self) -> Position:
        return Position(self.x - 0.1 * sg.sin(self.x))


def test_states_that_make_each_other_are_a_recurrence() -> None:
    state = Position(Value(1.0))
    with sg.trace_calls():
        for _ in range(4):
            state = state.move()
    (sequence,) = find_sequences(Snapshot([state.x]))
    assert len(sequence.steps) == 4


def test_a_named_block_is_a_recurrence() -> None:
    x = Value(0.5)
    w = Parameter(0.9)
    for _ in range(3):
        with sg.scope("step"):
            x = sg.tanh(w * x)
    x.backward()
    assert picture(x).title == "step over 3 steps"


def test_a_result_that_goes_through_other_code_is_followed() -> None:
    cell = RNNCell(1, 1, seed=0)
    (h,) = cell([0.5])
    for _ in range(3):
        (h,) = cell([2.0 * h], None)
    (sequence,) = find_sequences(Snapshot([h]))
    assert len(sequence.steps) == 4


# Numbers


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from([LSTMCell, GRUCell, RNNCell]),
    st.integers(1, 4),
    st.integers(1, 11),
)
def test_states_and_their_gradients_are_those_of_the_values(
    kind: Cell, size: int, length: int
) -> None:
    cell = kind(1, size, seed=length)
    inputs, states = run(cell, length)
    loss = sum((h * h for h in output(cell, states[-1])), start=Value(0.0))
    loss.backward()
    shown = picture(loss)
    for part in parts(shown, kind="state", role="h"):
        number = int(part.title.removeprefix("h"))
        h = output(cell, states[number - 1])
        assert data(part) == [value.data for value in h]
        assert strip(part) == [value.grad for value in h]
        assert part.norm == pytest.approx(math.hypot(*(float(value.grad) for value in h)))
    for step, x in enumerate(inputs):
        node = shown.by_id.get(f"r0x{step}")
        if node is not None:
            assert (node.data, node.grad, node.label) == (x.data, x.grad, f"x[{step}]")


def test_the_memory_of_an_lstm_is_its_c() -> None:
    cell = LSTMCell(1, 3, seed=0)
    _, states = run(cell, 3)
    loss = states[-1][0][0] + states[-1][1][1]
    loss.backward()
    shown = picture(loss)
    memory = one(shown, title="c2")
    assert strip(memory) == [value.grad for value in states[1][1]]
    # Of the last state the loss takes one number of h and one of c: c[0] by way of h[0].
    assert one(shown, title="c3").strip.missing == (2,)  # type: ignore[union-attr]
    assert one(shown, title="h3").strip.missing == (1, 2)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", GATES)
def test_each_gate_holds_the_numbers_that_numpy_computes(kind: Any) -> None:
    cell = kind(1, 3, seed=0)
    inputs, states = run(cell, 2)
    loss = sg.sum([h * h for h in output(cell, states[-1])])
    loss.backward()
    shown = picture(loss)
    before = np.array([value.data for value in output(cell, states[0])])
    expected = GATE_NUMBERS[kind](cell, inputs[1].data, before)
    assert [part.role for part in parts(shown, kind="box", step=1)] == GATES[kind]
    for role, numbers in expected.items():
        np.testing.assert_allclose(data(one(shown, role=role, step=1)), numbers, rtol=1e-12)


def affine(layer: Layer, x: np.ndarray) -> np.ndarray:
    rows = [[w.data for w in neuron.weights] for neuron in layer.neurons]
    biases = [neuron.bias.data for neuron in layer.neurons]
    return np.array(rows) @ x + np.array(biases)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def lstm_gates(cell: LSTMCell, x: float, h: np.ndarray) -> dict[str, np.ndarray]:
    both = np.array([x, *h])
    return {
        "forget": sigmoid(affine(cell.forget_gate, both)),
        "input": sigmoid(affine(cell.input_gate, both)),
        "candidate": np.tanh(affine(cell.candidate, both)),
        "output": sigmoid(affine(cell.output_gate, both)),
    }


def gru_gates(cell: GRUCell, x: float, h: np.ndarray) -> dict[str, np.ndarray]:
    one = np.array([x])
    reset = sigmoid(affine(cell.reset_input, one) + affine(cell.reset_state, h))
    candidate = affine(cell.candidate_input, one) + reset * affine(cell.candidate_state, h)
    return {
        "reset": reset,
        "update": sigmoid(affine(cell.update_input, one) + affine(cell.update_state, h)),
        "candidate": np.tanh(candidate),
    }


def rnn_units(cell: RNNCell, x: float, h: np.ndarray) -> dict[str, np.ndarray]:
    return {"units": np.tanh(affine(cell.units, np.array([x, *h])))}


GATE_NUMBERS: dict[Any, Callable[..., dict[str, np.ndarray]]] = {
    LSTMCell: lstm_gates,
    GRUCell: gru_gates,
    RNNCell: rnn_units,
}


@pytest.mark.parametrize("kind", GATES)
def test_the_values_of_the_parts_of_a_step_add_up(kind: Any) -> None:
    loss = loss_of(kind(1, 3, seed=0), 3)
    shown = picture(loss)
    (sequence,) = find_sequences(Snapshot([loss]))
    for step in range(3):
        inside = [
            part.values for part in parts(shown, step=step) if part.kind in ("box", "operation")
        ]
        assert sum(inside) == len(sequence.steps[step].values)


def test_the_counts_of_the_summary_add_up() -> None:
    cell = LSTMCell(1, 4, seed=0)
    _, states = run(cell, 5)
    (out,) = Layer(4, 1, None, seed=1)(states[-1][0])
    loss = (out - 1.0) ** 2
    loss.backward()
    shown = picture(loss)
    assert shown.sequence is not None
    assert shown.sequence.summary.replace("\N{THIN SPACE}", "") == (
        "1105 values: 980 in 5 calls of one cell, 96 parameters shared by all, 9 in what follows, "
        "20 inputs, constants and others"
    )
    assert 980 + 96 + 9 + 20 == len(Snapshot([loss])) == shown.total


def test_bands_carry_the_norm_of_the_state() -> None:
    shown = picture(loss_of(RNNCell(1, 3, seed=0), 3))
    states = {part.id: part for part in parts(shown, kind="state")}
    into_next = [edge for edge in shown.edges if edge.source in states]
    assert len(into_next) == 3
    for edge in into_next:
        assert edge.flow == states[edge.source].norm


def test_of_many_steps_the_first_and_the_last_are_drawn() -> None:
    cell = RNNCell(1, 2, seed=0)
    _, states = run(cell, 100)
    loss = sg.sum(states[-1])
    loss.backward()
    shown = picture(loss)
    titles = [group.title for group in shown.groups]
    assert titles == [f"cell.{step}" for step in (0, 1, 2, 96, 97, 98, 99)]
    gap = one(shown, kind="gap")
    norms = [math.hypot(*(float(h.grad) for h in state)) for state in states[3:96]]
    assert gap.norms == pytest.approx(norms)
    assert (gap.title, gap.line) == ("steps 4 to 96", "93 steps")


def test_eight_steps_are_all_drawn() -> None:
    shown = picture(loss_of(RNNCell(1, 2, seed=0), 8))
    assert len(shown.groups) == 8
    assert parts(shown, kind="gap") == []


# Where a state begins


def test_a_state_that_begins_at_zero_says_so() -> None:
    shown = picture(loss_of(LSTMCell(1, 2, seed=0), 3))
    assert [(part.title, part.line) for part in parts(shown, kind="start")] == [
        ("c0", "0"),
        ("h0", "0"),
    ]


def test_a_learned_first_state_shows_its_gradient() -> None:
    cell = RNNCell(1, 2, seed=0)
    start = sg.parameters([0.3, -0.4])
    state = cell([0.5], start)
    for _ in range(2):
        state = cell([0.5], state)
    loss = sg.sum(state)
    loss.backward()
    shown = one(picture(loss), kind="start")
    assert data(shown) == [0.3, -0.4]
    assert strip(shown) == [value.grad for value in start]


# Cells on top of each other, batches, outputs at every step


def test_stacked_cells_have_a_row_each() -> None:
    lower = LSTMCell(1, 2, seed=0)
    upper = GRUCell(2, 3, seed=1)
    first = second = None
    for step in range(3):
        first = lower([0.1 * step], first)
        second = upper(first[0], second)
    assert second is not None
    loss = sg.sum(second)
    loss.backward()
    shown = picture(loss)
    assert shown.sequence is not None
    assert shown.sequence.cells == ("LSTMCell", "GRUCell")
    assert shown.title == "LSTMCell(1 → 2) and GRUCell(2 → 3) over 3 steps"
    entering = one(shown, kind="input", row=1, step=2)
    assert entering.title == "h3 of cell 1"
    assert first is not None
    assert strip(entering) == [value.grad for value in first[0]]


def test_of_a_batch_one_sequence_is_drawn() -> None:
    model = Recurrent(RNNCell(1, 2, seed=0), last=True)
    samples = [[[0.1], [0.2], [0.3]], [[0.4], [0.5], [0.6]]]
    loss = sum((sg.sum(model(rows)) for rows in samples), start=Value(0.0))
    loss.backward()
    shown = picture(loss)
    assert len(shown.groups) == 3
    assert "one of 2 sequences is drawn, with the gradients of its numbers" in shown.notes


def test_outputs_of_every_step_enter_the_head() -> None:
    outs = Recurrent(RNNCell(1, 2, seed=0), last=False)([[0.1], [0.2], [0.3]])
    loss = sum((a * b for a, b in outs), start=Value(0.0))
    loss.backward()
    shown = picture(loss)
    head = one(shown, kind="head")
    assert head.line == "takes h1 … h3"
    assert [edge.source for edge in shown.edges if edge.target == "head"] == [
        "r0s0h",
        "r0s1h",
        "r0s2h",
    ]


def test_several_roots_are_one_card() -> None:
    outs = Recurrent(RNNCell(1, 2, seed=0), last=False)([[0.1], [0.2]])
    shown = picture([out[0] for out in outs])
    assert one(shown, kind="root").title == "2 outputs"


# Code of one's own


def gated(x: Value, h: list[Value], c: list[Value], w: dict[str, Parameter]) -> Any:
    f = [sg.sigmoid(w["f"] * (x + a)) for a in h]
    i = [sg.sigmoid(w["i"] * (x - a)) for a in h]
    g = [sg.tanh(w["g"] * (x + a)) for a in h]
    c = [a * b + d * e for a, b, d, e in zip(f, c, i, g, strict=True)]
    h = [sg.tanh(a) * b for a, b in zip(c, i, strict=True)]
    return h, c


def run_gated(length: int) -> tuple[Value, list[list[Value]], list[list[Value]]]:
    w = {name: Parameter(0.3 + 0.1 * k, label=name) for k, name in enumerate("fig")}
    hidden = [[Value(0.1), Value(0.2)]]
    memory = [[Value(0.0), Value(0.5)]]
    with sg.trace_calls():
        for step in range(length):
            x = Value(0.2 * step, label=f"x[{step}]")
            h, c = gated(x, hidden[-1], memory[-1], w)
            hidden.append(h)
            memory.append(c)
        loss = sg.sum(hidden[-1])
    loss.backward()
    return loss, hidden, memory


def test_lines_of_a_function_have_the_names_of_their_variables() -> None:
    shown = picture(run_gated(3)[0])
    boxes = parts(shown, kind="box", step=1)
    assert [box.title for box in boxes] == ["f", "i", "g", "c", "h"]
    assert [box.depth for box in boxes] == [0, 0, 0, 1, 2]
    assert boxes[3].line == "a * b + d * e"


def test_the_states_of_a_function_are_those_that_the_next_call_takes() -> None:
    loss, hidden, memory = run_gated(3)
    shown = picture(loss)
    assert [part.title for part in parts(shown, kind="state", step=0)] == ["c1", "h1"]
    assert sorted(data(one(shown, title="c2"))) == sorted(value.data for value in memory[2])
    assert sorted(strip(one(shown, title="h2"))) == sorted(float(value.grad) for value in hidden[2])


def test_what_a_function_starts_with_is_its_first_state() -> None:
    shown = picture(run_gated(3)[0])
    starts = {part.title: sorted(data(part)) for part in parts(shown, kind="start")}
    assert starts == {"c0": [0.0, 0.5], "h0": [0.1, 0.2]}


def test_a_memory_goes_straight_from_box_to_box() -> None:
    shown = picture(run_gated(2)[0])
    memory = one(shown, title="c1")
    targets = [edge.target for edge in shown.edges if edge.source == memory.id]
    assert [shown.by_id[target].label for target in targets] == ["c"]


class OwnCell(Module):
    """A cell that the view has never heard of."""

    def __init__(self) -> None:
        self.mix = Layer(3, 2, "tanh", seed=0)

    def forward(self, x: Value, h: list[Value]) -> list[Value]:
        return list(self.mix([x, *h]))


def test_a_cell_of_ones_own_shows_its_modules() -> None:
    cell = OwnCell()
    h = [Value(0.0), Value(0.0)]
    for step in range(3):
        h = cell(Value(0.1 * step, label=f"x[{step}]"), h)
    loss = sg.sum(h)
    loss.backward()
    shown = picture(loss)
    assert [part.title for part in parts(shown, kind="box", step=0)] == ["mix"]
    assert shown.title == "OwnCell(1 → 2) over 3 steps"


def advance(x: Value) -> Value:
    for _ in range(3):
        x = x + 0.1 * sg.sin(x)
    return x


def test_a_loop_inside_of_a_function_is_folded() -> None:
    x = Value(0.5)
    with sg.trace_calls():
        for _ in range(3):
            x = advance(x)
    x.backward()
    shown = picture(x)
    assert [part.title for part in parts(shown, kind="box", step=2)] == ["x"]


# When it is chosen


def test_a_recurrence_that_is_too_large_for_chips_is_drawn_as_a_sequence() -> None:
    loss = loss_of(LSTMCell(1, 3, seed=0), 4)
    assert viz.draw(loss).picture.level == "sequence"


def test_a_small_recurrence_is_drawn_value_by_value() -> None:
    loss = loss_of(RNNCell(1, 1, seed=0), 3)
    assert viz.draw(loss).picture.level in ("cards", "chips")


def test_a_network_is_not_drawn_as_a_sequence() -> None:
    loss = sum((MLP(4, [16, 1], seed=0)([x] * 4) for x in (0.1, 0.2)), start=Value(0.0))
    assert viz.draw(loss).picture.level == "neurons"


def decay(h: list[Value]) -> list[Value]:
    return [sg.tanh(0.9 * a) for a in h]


def decayed(size: int) -> Value:
    h = [Value(0.1 * i) for i in range(size)]
    with sg.trace_calls():
        for _ in range(3):
            h = decay(h)
    return sg.sum(h)


@pytest.mark.parametrize(("size", "is_chosen"), [(256, True), (257, False)])
def test_a_very_large_state_is_drawn_in_another_way(size: int, is_chosen: bool) -> None:
    graph = decayed(size)
    assert (viz.draw(graph).picture.level == "sequence") is is_chosen
    assert picture(graph).level == "sequence"


def test_films_play_what_they_played() -> None:
    loss = loss_of(LSTMCell(1, 3, seed=0), 4)
    assert choose_pictures(loss)[0].level != "sequence"


def test_a_graph_without_recurrence_says_what_to_do() -> None:
    with pytest.raises(PictureError, match=r"call the cell in a loop inside of sg\.trace_calls"):
        viz.draw(Value(1.0) * 2.0, level="sequence")


def test_weights_are_refused() -> None:
    loss = loss_of(RNNCell(1, 1, seed=0), 3)
    with pytest.raises(OptionError, match="all steps share their weights"):
        viz.draw(loss, level="sequence", show="weights")


def test_a_direction_is_refused() -> None:
    loss = loss_of(RNNCell(1, 1, seed=0), 3)
    with pytest.raises(OptionError, match="sequences run from left to right"):
        viz.draw(loss, level="sequence", rankdir="TB")


# Before backward, one step, what is not finite, names


def test_before_backward_strips_show_data() -> None:
    cell = GRUCell(1, 2, seed=0)
    _, states = run(cell, 3)
    shown = picture(sg.sum(states[-1]))
    part = one(shown, title="h2")
    assert strip(part) == data(part) == [value.data for value in states[1]]
    assert part.norm is None
    assert "no gradients yet: call backward() first" in shown.notes


def test_data_can_be_shown() -> None:
    shown = picture(loss_of(GRUCell(1, 2, seed=0), 3), show="data")
    assert shown.colors == "data"
    assert strip(one(shown, title="h1")) == data(one(shown, title="h1"))


@pytest.mark.parametrize("kind", GATES)
def test_one_step_of_a_cell_can_be_drawn(kind: Any) -> None:
    shown = picture(loss_of(kind(1, 2, seed=0), 1))
    assert shown.title == f"{kind.__name__}(1 → 2) over 1 step"
    assert parts(shown, kind="start") == []


def test_numbers_that_are_not_finite_are_drawn_in_red() -> None:
    cell = RNNCell(1, 2, "relu", seed=0)
    h = cell([math.inf])
    h = cell([1.0], h)
    loss = sg.sum(h)
    loss.backward()
    drawing = viz.draw(loss, level="sequence")
    assert not drawing.picture.is_finite
    assert "nan or infinite" in drawing.svg()


def test_hostile_names_are_harmless() -> None:
    cell = RNNCell(1, 1, seed=0)
    for text in HOSTILE[::7]:
        state = None
        for _ in range(3):
            with sg.scope(text or "scope"):
                state = cell([Value(0.5, label=text)], state)
        assert state is not None
        drawing = viz.draw(state[0] * 1.0, level="sequence")
        svg = drawing.svg()
        assert "<script" not in svg
        assert "javascript:" not in svg.replace(" ", "").lower() or "href" not in svg
        assert str(drawing)


def test_the_summary_counts_the_sequences_that_are_not_drawn() -> None:
    model = Recurrent(RNNCell(1, 2, seed=0), last=True)
    samples = [[[0.1], [0.2]], [[0.4], [0.5]], [[0.7], [0.8]]]
    loss = sum((sg.sum(model(rows)) for rows in samples), start=Value(0.0))
    shown = picture(loss)
    (sequence,) = find_sequences(Snapshot([loss]))
    inside = sum(len(step.values) for step in sequence.steps)
    assert sequence.total == 3 * inside
    assert shown.sequence is not None
    assert f"{2 * inside} in other sequences" in shown.sequence.summary


def test_a_cell_that_reads_backward_is_a_sequence_of_its_own() -> None:
    forward = RNNCell(1, 2, seed=0)
    backward = RNNCell(1, 2, seed=1)
    inputs = [[0.1], [0.2], [0.3]]
    ahead = behind = None
    for x, y in zip(inputs, reversed(inputs), strict=True):
        ahead = forward(x, ahead)
        behind = backward(y, behind)
    assert ahead is not None
    assert behind is not None
    loss = sg.sum([*ahead, *behind])
    loss.backward()
    shown = picture(loss)
    assert shown.sequence is not None
    assert shown.sequence.cells == ("RNNCell",)
    assert "1 other recurrent cell is not drawn" in shown.notes


def test_a_class_with_the_name_of_a_cell_is_read_as_it_is() -> None:
    class RNNCell(Module):
        def __init__(self) -> None:
            self.units = Layer(2, 1, "tanh", seed=0)

        def forward(self, x: Value, h: list[Value]) -> list[Value]:
            (new,) = self.units([x, *h])
            return [0.9 * h[0] + 0.1 * new]

    cell = RNNCell()
    h = [Value(0.5)]
    for step in range(3):
        h = cell(Value(0.1 * step), h)
    h[0].backward()
    shown = picture(h[0])
    assert shown.sequence is not None
    assert shown.sequence.cells == ("",)
    assert [part.title for part in parts(shown, kind="box", step=0)] == ["units", "RNNCell"]


def test_a_strip_of_very_many_numbers_says_what_it_shows() -> None:
    small = picture(decayed(160))
    large = picture(decayed(161))
    note = "strips of more than 160 numbers show of neighbors the one farthest from 0"
    assert not any(note in each for each in small.notes)
    assert any(note in each for each in large.notes)
