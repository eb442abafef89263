"""Recurrent cells against PyTorch, NumPy and central differences; sequences, states, errors."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.checkpoint import save_model
from scalargrad.core.graph import topological
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.nn import (
    Embedding,
    GRUCell,
    Layer,
    LSTMCell,
    Module,
    Recurrent,
    Reshape,
    RNNCell,
    Sequential,
)


def numbers(values: Any) -> Any:
    return [numbers(v) for v in values] if isinstance(values, (list, tuple)) else values.data


def matrix(layer: Layer) -> Any:
    return np.array([[w.data for w in neuron.weights] for neuron in layer.neurons])


def biases(layer: Layer) -> Any:
    return np.array([neuron.bias.data for neuron in layer.neurons])


def sigma(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def shaken(module: Any) -> Any:
    """With biases that are not 0."""
    for i, parameter in enumerate(module.parameters()):
        parameter.data += 0.05 * (i % 5 - 2)
    return module


def lstm_by_hand(cell: LSTMCell, rows: Any) -> Any:
    h = c = np.zeros(cell.size)
    for row in rows:
        both = np.concatenate([row, h])
        i, f, g, o = (
            matrix(x) @ both + biases(x)
            for x in (cell.input_gate, cell.forget_gate, cell.candidate, cell.output_gate)
        )
        c = sigma(f) * c + sigma(i) * np.tanh(g)
        h = sigma(o) * np.tanh(c)
    return h, c


def rows_of(steps: int, inputs: int) -> Any:
    return np.random.default_rng(steps).normal(size=(steps, inputs))


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4))
def test_cells_are_their_equations(inputs: int, size: int, steps: int) -> None:
    rows = rows_of(steps, inputs)
    lstm, rnn = (
        shaken(LSTMCell(inputs, size, seed=steps)),
        shaken(RNNCell(inputs, size, seed=steps)),
    )
    _, state = Recurrent(lstm)(rows, with_state=True)
    np.testing.assert_allclose(numbers(state), lstm_by_hand(lstm, rows), rtol=1e-12)
    h = np.zeros(size)
    for row in rows:
        h = np.tanh(matrix(rnn.units) @ np.concatenate([row, h]) + biases(rnn.units))
    np.testing.assert_allclose(numbers(Recurrent(rnn, last=True)(rows)), h, rtol=1e-12)


def gates(cell: Any) -> list[Layer]:
    """In PyTorch's order."""
    return (
        [cell.units]
        if isinstance(cell, RNNCell)
        else [cell.input_gate, cell.forget_gate, cell.candidate, cell.output_gate]
    )


def torch_twin(torch: Any, cell: Any, kind: Any) -> Any:
    theirs = kind(cell.inputs, cell.size).double()
    both, bias = (
        np.concatenate([matrix(gate) for gate in gates(cell)]),
        np.concatenate([biases(gate) for gate in gates(cell)]),
    )
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(torch.tensor(both[:, : cell.inputs]))
        theirs.weight_hh_l0.copy_(torch.tensor(both[:, cell.inputs :]))
        theirs.bias_ih_l0.copy_(torch.tensor(bias))
        theirs.bias_hh_l0.zero_()
    return theirs


@pytest.mark.parametrize("kind", ["RNN", "LSTM"])
@pytest.mark.parametrize(("inputs", "size", "steps"), [(1, 1, 1), (2, 3, 4), (3, 2, 6)])
def test_agree_with_torch(kind: str, inputs: int, size: int, steps: int) -> None:
    torch = pytest.importorskip("torch")
    cell = shaken((RNNCell if kind == "RNN" else LSTMCell)(inputs, size, seed=7))
    theirs = torch_twin(torch, cell, getattr(torch.nn, kind))
    x = rows_of(steps, inputs)
    values, tensor = [[Value(v) for v in row] for row in x], torch.tensor(x, requires_grad=True)
    outputs, state = Recurrent(cell)(values, with_state=True)
    expected, last = theirs(tensor)
    np.testing.assert_allclose(numbers(outputs), expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(
        numbers(state),
        torch.stack([s[0] for s in last]).detach().numpy() if kind == "LSTM" else last[0].detach(),
    )
    factors = np.arange(1.0, expected.numel() + 1).reshape(expected.shape)
    sum(
        f * y for fs, ys in zip(factors, outputs, strict=True) for f, y in zip(fs, ys, strict=True)
    ).backward()
    (expected * torch.tensor(factors)).sum().backward()
    np.testing.assert_allclose(
        [[v.grad for v in row] for row in values], tensor.grad, rtol=1e-11, atol=1e-13
    )
    grads = np.concatenate(
        [[[w.grad for w in neuron.weights] for neuron in gate.neurons] for gate in gates(cell)]
    )
    theirs_grads = torch.cat([theirs.weight_ih_l0.grad, theirs.weight_hh_l0.grad], 1)
    np.testing.assert_allclose(grads, theirs_grads, rtol=1e-11, atol=1e-13)
    bias = np.concatenate([[neuron.bias.grad for neuron in gate.neurons] for gate in gates(cell)])
    np.testing.assert_allclose(bias, theirs.bias_ih_l0.grad, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    "cell",
    [RNNCell(2, 2, seed=1), LSTMCell(2, 2, seed=1), GRUCell(2, 2, seed=1)],
    ids=lambda c: type(c).__name__,
)
def test_gradients_by_differences(cell: Any) -> None:
    assert sg.gradcheck(Recurrent(shaken(cell), last=True), rows_of(3, 2), raises=True)


def gated_layers(cell: GRUCell) -> tuple[list[Layer], list[Layer]]:
    """Those over x and those over h, in PyTorch's order."""
    return (
        [cell.reset_input, cell.update_input, cell.candidate_input],
        [cell.reset_state, cell.update_state, cell.candidate_state],
    )


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_a_gated_cell_is_its_equations(inputs: int, size: int, steps: int, bias: bool) -> None:
    rows = rows_of(steps, inputs)
    cell = shaken(GRUCell(inputs, size, seed=steps, bias=bias))
    h = np.zeros(size)
    for row in rows:
        (rx, zx, nx), (rh, zh, nh) = (
            [matrix(layer) @ x + (biases(layer) if bias else 0.0) for layer in layers]
            for layers, x in zip(gated_layers(cell), (row, h), strict=True)
        )
        z = sigma(zx + zh)
        h = (1.0 - z) * np.tanh(nx + sigma(rx + rh) * nh) + z * h
    np.testing.assert_allclose(numbers(Recurrent(cell, last=True)(rows)), h, rtol=1e-11)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("inputs", "size", "steps"), [(1, 1, 1), (2, 3, 4), (3, 2, 6)])
def test_a_gated_cell_agrees_with_that_of_torch(
    inputs: int, size: int, steps: int, bias: bool, tmp_path: Any
) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    cell = shaken(GRUCell(inputs, size, seed=7, bias=bias))
    theirs = torch.nn.GRUCell(inputs, size, bias=bias, dtype=torch.float64)
    theirs.load_state_dict(load_file(save_model(cell, tmp_path / "ours.safetensors")))
    x = rows_of(steps, inputs)
    values, tensor = [[Value(v) for v in row] for row in x], torch.tensor(x, requires_grad=True)
    h = torch.zeros(size, dtype=torch.float64)
    for row in tensor:
        h = theirs(row, h)
    ours = Recurrent(cell, last=True)(values)
    np.testing.assert_allclose(numbers(ours), h.detach(), rtol=1e-11, atol=1e-14)

    sum(i * y for i, y in enumerate(ours, 1)).backward()
    (h * torch.arange(1.0, size + 1.0)).sum().backward()
    np.testing.assert_allclose(
        [[v.grad for v in row] for row in values], tensor.grad, rtol=1e-10, atol=1e-13
    )
    weights = (theirs.weight_ih, theirs.weight_hh)
    for layers, weight in zip(gated_layers(cell), weights, strict=True):
        gradients = [[w.grad for w in n.weights] for layer in layers for n in layer.neurons]
        np.testing.assert_allclose(gradients, weight.grad, rtol=1e-10, atol=1e-13)


def test_a_gated_cell_has_the_names_of_its_gates() -> None:
    cell = GRUCell(1, 2, seed=1)
    assert next(iter(cell.state_dict())) == "reset_input.neurons.0.weights.0"
    assert len(cell.parameters()) == 3 * 2 * (1 + 2 + 2)
    assert repr(Recurrent(cell)) == "Recurrent(GRUCell(1 → 2))"
    rows = [[0.5], [1.0]]
    for other in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell)), GRUCell(1, 2, seed=1)):
        assert numbers(Recurrent(other)(rows)) == numbers(Recurrent(cell)(rows))


# Sequences and states


@pytest.mark.parametrize(
    "cell",
    [RNNCell(2, 3, seed=1), LSTMCell(2, 3, seed=1), GRUCell(2, 3, seed=1)],
    ids=lambda c: type(c).__name__,
)
def test_a_sequence_in_two_pieces(cell: Any) -> None:
    rows, network = rows_of(5, 2), Recurrent(cell)
    first, state = network(rows[:2], with_state=True)
    second, state = network(rows[2:], state, with_state=True)
    whole, end = network(rows, with_state=True)
    assert numbers(first + second) == numbers(whole)
    assert numbers(state) == numbers(end)
    assert numbers(Recurrent(cell, last=True)(rows)) == numbers(whole[-1])
    assert numbers(network(rows)) == numbers(whole)


def test_a_state_of_plain_numbers() -> None:
    h, c = LSTMCell(1, 2, seed=1)([0.5], ([0.1, 0.2], np.array([0.3, 0.4])))
    labels = {node.label for node in topological([*h, *c]) if node.kind == "input"}
    assert labels == {"x0", "h0", "h1", "c0", "c1"}
    assert (
        RNNCell(1, 1, seed=0)([0.5], [Value(2.0)])[0].data
        == RNNCell(1, 1, seed=0)([0.5], [2.0])[0].data
    )


def test_the_forget_gate_begins_open() -> None:
    assert [neuron.bias.data for neuron in LSTMCell(1, 2).forget_gate.neurons] == [1.0, 1.0]
    assert [neuron.bias.data for neuron in LSTMCell(1, 2, forget_bias=0).forget_gate.neurons] == [
        0.0,
        0.0,
    ]


def test_stacked_cells_over_an_embedding_and_a_sequence_that_comes_flat() -> None:
    deep = Sequential(
        Embedding(5, 2),
        Recurrent(RNNCell(2, 3)),
        Recurrent(LSTMCell(3, 2), last=True),
        Layer(2, 1, None),
    )
    deep([3, 1, 4])[0].backward()
    assert all(any(p.grad for p in deep.steps[0].vectors[i]) == (i in (1, 3, 4)) for i in range(5))
    flat = Sequential(Reshape(3, 2), Recurrent(RNNCell(2, 3, seed=1), last=True))
    x = rows_of(3, 2)
    assert numbers(flat(x.ravel())) == numbers(flat.steps[1](x))


def test_names_seeds_copies() -> None:
    network = Recurrent(LSTMCell(1, 2, seed=1))
    assert list(network.state_dict())[:2] == [
        "cell.input_gate.neurons.0.weights.0",
        "cell.input_gate.neurons.0.weights.1",
    ]
    assert len(network.parameters()) == 4 * 2 * (1 + 2 + 1)
    assert network.state_dict() != Recurrent(LSTMCell(1, 2, seed=2)).state_dict()
    twin = Recurrent(LSTMCell(1, 2, seed=2))
    twin.load_state_dict(network.state_dict())
    rows = [[0.5], [1.0]]
    for other in (
        twin,
        copy.deepcopy(network),
        pickle.loads(pickle.dumps(network)),
        Recurrent(LSTMCell(1, 2, seed=1)),
    ):
        assert numbers(other(rows)) == numbers(network(rows))
    assert repr(network) == "Recurrent(LSTMCell(1 → 2))"
    assert (
        repr(Recurrent(RNNCell(1, 2, activation="relu"), last=True))
        == "Recurrent(RNNCell(1 → 2, relu), last)"
    )


def test_a_cell_of_ones_own() -> None:
    class Counter(Module):
        def forward(self, x: Any, state: Any = None) -> Any:
            return (state or 0.0) + x[0]

        def output(self, state: Any) -> Any:
            return [state]

    assert Recurrent(Counter(), last=True)([[1.0], [2.0], [4.0]]) == [7.0]


def test_steps_are_told_apart_in_pictures() -> None:
    network = Sequential(Reshape(3, 1), Recurrent(LSTMCell(1, 2), last=True), Layer(2, 1, None))
    paths = {node.scope.path for node in topological(network([1.0, 2.0, 3.0])) if node.scope}
    assert {"steps.1.cell.0.forget_gate.neurons.1", "steps.1.cell.2.memory.0"} <= paths
    columns = viz.draw(network).picture.columns
    titles = [column.title for column in columns]
    assert titles[:2] == ["inputs", "steps.1.cell.0  8 in 4 layers"]
    assert titles[-1] == "steps.2  1 × linear"
    assert len(columns) == 1 + 3 * 2 + 1


# Refusals


def test_wrong_inputs_and_states() -> None:
    with pytest.raises(
        LengthError, match=r"RNNCell\(2 → 3, tanh\) takes 2 inputs, but was given 1"
    ):
        RNNCell(2, 3)([1.0])
    with pytest.raises(LengthError, match="carries 3 numbers as h, but was given 2 numbers"):
        RNNCell(2, 3)([1.0, 2.0], [0.0, 0.0])
    with pytest.raises(LengthError, match="carries 3 numbers as h, but was given float"):
        RNNCell(2, 3)([1.0, 2.0], 0.5)
    with pytest.raises(
        LengthError, match=r"LSTMCell\(1 → 2\) carries 2 numbers as c, but was given 1 numbers"
    ):
        LSTMCell(1, 2)([1.0], ([0.0, 0.0], [0.0]))
    for state in ([0.0, 0.0, 0.0], 1.0, Value(1.0)):
        with pytest.raises(LengthError, match=r"a pair of lists \(h, c\)"):
            LSTMCell(1, 2)([1.0], state)
    with pytest.raises(DataError, match=r"h1 of RNNCell"):
        RNNCell(1, 2)([1.0], [0.0, "a"])
    for rows in ([], 1.0, "ab", None):
        with pytest.raises(LengthError, match="a sequence of at least one step"):
            Recurrent(RNNCell(1, 2))(rows)
    with pytest.raises(DataError, match="RNNCell"):
        Recurrent(RNNCell(1, 2))([1.0, 2.0])


def test_wrong_options() -> None:
    with pytest.raises(OptionError, match="inputs of an RNNCell"):
        RNNCell(0, 1)
    with pytest.raises(OptionError, match="size of an LSTMCell"):
        LSTMCell(1, 1.5)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="forget_bias"):
        LSTMCell(1, 1, forget_bias="1")  # type: ignore[arg-type]
    for cell in (Layer(1, 1), 3, RNNCell):
        with pytest.raises(OptionError, match="Recurrent takes a cell"):
            Recurrent(cell)


def test_a_frame_is_a_sequence_of_its_rows() -> None:
    pandas = pytest.importorskip("pandas")
    network, rows = (
        Recurrent(RNNCell(2, 2, seed=0), last=True),
        [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    )
    assert [y.data for y in network(pandas.DataFrame(rows, columns=["a", "b"]))] == [
        y.data for y in network(rows)
    ]
