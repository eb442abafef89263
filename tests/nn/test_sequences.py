"""TimeDistributed, Residual, and what tells positions apart, against loops, NumPy and PyTorch."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import scalargrad as sg
from scalargrad import Value
from scalargrad.checkpoint import load_model
from scalargrad.core.graph import topological
from scalargrad.errors import CallError, DataError, LengthError, OptionError
from scalargrad.nn import (
    BatchNorm,
    Dropout,
    Layer,
    LayerNorm,
    PositionalEncoding,
    PositionEmbedding,
    Residual,
    RMSNorm,
    Sequential,
    TimeDistributed,
    uniform,
)
from scalargrad.pretraining import pretrain

ROWS = [[1.0, 2.0], [-1.0, 0.5], [0.0, 3.0]]


def numbers(nest: Any) -> Any:
    if isinstance(nest, (list, tuple)):
        return [numbers(part) for part in nest]
    return nest.data if isinstance(nest, Value) else nest


# TimeDistributed


@pytest.mark.parametrize(
    "rows", [ROWS, tuple(ROWS), np.array(ROWS)], ids=lambda x: type(x).__name__
)
def test_steps_are_called_for_each_position(rows: Any) -> None:
    layer, norm = Layer(2, 3, seed=1), LayerNorm(3)
    expected = [numbers(norm(layer(row))) for row in ROWS]
    assert numbers(TimeDistributed(layer, norm)(rows)) == expected


def test_a_step_may_be_a_function() -> None:
    assert numbers(TimeDistributed(sum)(ROWS)) == [3.0, -0.5, 3.0]


def test_positions_of_a_batch_are_normalized_together() -> None:
    model = TimeDistributed(BatchNorm(2))
    sequences = [ROWS[:2], ROWS[2:]]
    outputs = model.batch(sequences)
    expected = BatchNorm(2).batch(ROWS)
    assert numbers(outputs) == [numbers(expected[:2]), numbers(expected[2:])]


def test_the_whole_sequence_is_checked() -> None:
    with pytest.raises(LengthError, match="TimeDistributed takes a sequence of at least one step"):
        TimeDistributed(Layer(2, 1))([])
    with pytest.raises(LengthError, match=r"Layer\(2 → 1, relu\) takes 2 inputs"):
        TimeDistributed(Layer(2, 1))([[1.0]])
    with pytest.raises(OptionError, match="step 0 of TimeDistributed must be a module or"):
        TimeDistributed(3)


def test_positions_are_told_apart_in_pictures() -> None:
    outputs = Sequential(TimeDistributed(Layer(2, 1, seed=1)))(ROWS)
    nodes = topological([row[0] for row in outputs])
    paths = {node.scope.path for node in nodes if node.scope}
    assert {f"steps.0.{i}.steps.0.neurons.0" for i in range(3)} == paths


# Residual


def test_a_residual_adds_its_input() -> None:
    layer = Layer(2, 2, "tanh", seed=1)
    expected = [x + y.data for x, y in zip(ROWS[0], layer(ROWS[0]), strict=True)]
    assert numbers(Residual(layer)(ROWS[0])) == expected


def test_a_residual_of_nested_lists_and_of_one_number() -> None:
    assert numbers(Residual(TimeDistributed(lambda row: [2.0 * x for x in row]))(ROWS)) == [
        [3.0 * x for x in row] for row in ROWS
    ]
    assert Residual(lambda x: 2.0 * x)(1.5) == 4.5


def test_a_residual_passes_gradients_both_ways() -> None:
    model = Residual(Layer(3, 3, "tanh", seed=1), Dropout(0.5).eval())
    assert sg.gradcheck(model, [0.3, -0.2, 0.5], raises=True)


def test_a_residual_of_a_batch() -> None:
    outputs = Residual(BatchNorm(2)).batch(ROWS)
    normalized = np.array(numbers(BatchNorm(2).batch(ROWS)))
    np.testing.assert_allclose(numbers(outputs), np.array(ROWS) + normalized, rtol=1e-14)


def test_a_residual_of_another_shape_is_refused() -> None:
    with pytest.raises(LengthError, match="the input is a list of 2, the result a list of 3"):
        Residual(Layer(2, 3))([1.0, 2.0])
    with pytest.raises(LengthError, match="the input is a list of 2, the result one number"):
        Residual(sg.sum)([Value(1.0), Value(2.0)])
    with pytest.raises(LengthError, match="the input is one number, the result NoneType"):
        Residual(lambda _: None)(Value(1.0))


@pytest.mark.parametrize("kind", [Residual, TimeDistributed])
def test_pretraining_refuses_what_is_more_than_a_chain(kind: Any) -> None:
    with pytest.raises(DataError, match="pretrain takes an MLP or a Sequential"):
        pretrain(kind(Layer(2, 2)), ROWS, epochs=1, progress=False)


# Positions


def test_learned_positions_are_added() -> None:
    positions = PositionEmbedding(4, 2, seed=1)
    table = np.array(numbers(positions.vectors))
    np.testing.assert_array_equal(numbers(positions(ROWS)), np.array(ROWS) + table[:3])
    assert positions.vectors[3][1].label == "p3,1"


def test_learned_positions_beyond_the_table_are_refused() -> None:
    with pytest.raises(
        LengthError,
        match=r"PositionEmbedding\(2 → 2\) has vectors for 2 positions, but was given 3 rows",
    ):
        PositionEmbedding(2, 2)(ROWS)
    with pytest.raises(LengthError, match="takes 3 inputs, but was given 2"):
        PositionEmbedding(3, 3)(ROWS)
    with pytest.raises(OptionError, match="count of a PositionEmbedding"):
        PositionEmbedding(0, 2)


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_waves_are_those_of_the_paper(size: int) -> None:
    p, j = np.mgrid[:12, :size]
    angles = p / 10_000.0 ** (2 * (j // 2) / size)
    expected = np.where(j % 2 == 0, np.sin(angles), np.cos(angles))
    waves = PositionalEncoding(size)(np.zeros((12, size)))
    np.testing.assert_allclose(numbers(waves), expected, rtol=1e-14, atol=1e-16)
    assert PositionalEncoding(size).parameters() == []


def test_positions_have_states_and_copies() -> None:
    positions = PositionEmbedding(3, 2, seed=1)
    assert list(positions.state_dict())[:2] == ["vectors.0.0", "vectors.0.1"]
    assert positions.state_dict() != PositionEmbedding(3, 2, seed=2).state_dict()
    for other in (copy.deepcopy(positions), pickle.loads(pickle.dumps(positions))):
        assert numbers(other(ROWS)) == numbers(positions(ROWS))
    assert repr(PositionalEncoding(2)) == "PositionalEncoding(2)"
    assert sg.gradcheck(positions, ROWS, raises=True)


def test_weights_of_torch_are_read_and_give_the_same(tmp_path: Any) -> None:
    """RMSNorm, position embeddings, and a layer without biases."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_model

    theirs = torch.nn.ModuleDict()
    theirs["steps"] = torch.nn.ModuleList(
        [torch.nn.Embedding(4, 2), torch.nn.RMSNorm(2), torch.nn.Linear(2, 3, bias=False)]
    ).double()
    with torch.no_grad():
        theirs["steps"][1].weight.uniform_(0.5, 2.0)
    save_model(theirs, tmp_path / "theirs.safetensors")
    ours = Sequential(PositionEmbedding(4, 2), RMSNorm(2), Layer(2, 3, None, bias=False))
    load_model(ours, tmp_path / "theirs.safetensors")

    embedding, norm, linear = theirs["steps"]
    tensor = torch.tensor(ROWS, dtype=torch.float64)
    expected = linear(norm(tensor + embedding(torch.arange(3))))
    add, *steps = ours.steps
    outputs = TimeDistributed(*steps)(add(ROWS))
    np.testing.assert_allclose(numbers(outputs), expected.detach(), rtol=1e-12, atol=1e-14)


def test_batchwise_steps_need_a_batch() -> None:
    with pytest.raises(CallError, match="needs several samples"):
        TimeDistributed(BatchNorm(2))(ROWS)


def test_initializers_draw_positions() -> None:
    positions = PositionEmbedding(3, 2, initializer=uniform(2.0, 3.0), seed=1)
    assert all(2.0 <= p.data <= 3.0 for p in positions.parameters())
