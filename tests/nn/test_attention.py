"""Attention against PyTorch, NumPy and central differences; masks, weights, states, errors."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value
from scalargrad.checkpoint import load_model
from scalargrad.compiler import compile
from scalargrad.core.graph import topological
from scalargrad.core.value import backward
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.losses import cross_entropy
from scalargrad.nn import (
    Attention,
    Embedding,
    Flatten,
    Layer,
    LayerNorm,
    Module,
    PositionalEncoding,
    PositionEmbedding,
    Reshape,
    Residual,
    RMSNorm,
    Sequential,
    TimeDistributed,
    uniform,
)
from tests.compiler.backends import JAX, NATIVE


def numbers(nest: Any) -> Any:
    return [numbers(part) for part in nest] if isinstance(nest, (list, tuple)) else nest.data


def rows_of(positions: int, size: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed + 10 * positions + size).normal(size=(positions, size))


def matrix(layer: Layer) -> Any:
    return np.array([[w.data for w in neuron.weights] for neuron in layer.neurons])


def biases(layer: Layer) -> Any:
    return np.array([0.0 if n.bias is None else n.bias.data for n in layer.neurons])


def apply(layer: Layer, rows: Any) -> Any:
    return rows @ matrix(layer).T + biases(layer)


def by_hand(attention: Attention, rows: Any) -> tuple[Any, Any]:
    """What it computes, with a mask of minus infinity for what a position must not see."""
    count, size = rows.shape
    width = size // attention.heads
    allowed = np.tril(np.ones((count, count))) if attention.causal else np.ones((count, count))
    queries, keys, values = (
        apply(layer, rows) for layer in (attention.query, attention.key, attention.value)
    )
    weights, results = [], []
    for start in range(0, size, width):
        part = slice(start, start + width)
        scores = queries[:, part] @ keys[:, part].T / math.sqrt(width)
        powers = np.exp(np.where(allowed > 0.0, scores, -np.inf))
        weights.append(powers / powers.sum(axis=1, keepdims=True))
        results.append(weights[-1] @ values[:, part])
    return apply(attention.out_proj, np.concatenate(results, axis=1)), weights


def made(size: int, heads: int, **options: Any) -> Attention:
    return Attention(size, heads, seed=7, bias_initializer=uniform(-0.5, 0.5), **options)


@settings(max_examples=20)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.booleans(), st.booleans())
def test_it_is_its_formula(
    heads: int, width: int, positions: int, causal: bool, bias: bool
) -> None:
    attention = made(heads * width, heads, causal=causal, bias=bias)
    rows = rows_of(positions, heads * width)
    outputs, weights = attention(rows, with_weights=True)
    expected, expected_weights = by_hand(attention, rows)
    np.testing.assert_allclose(numbers(outputs), expected, rtol=1e-11, atol=1e-13)
    for head, whole in zip(weights, expected_weights, strict=True):
        for i, row in enumerate(head):
            seen = whole[i, : i + 1] if causal else whole[i]
            np.testing.assert_allclose(numbers(row), seen, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("size", "heads", "positions"), [(1, 1, 1), (4, 2, 3), (6, 3, 5)])
def test_agrees_with_torch(
    size: int, heads: int, positions: int, causal: bool, bias: bool, tmp_path: Any
) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_model

    theirs = torch.nn.MultiheadAttention(size, heads, bias=bias, dtype=torch.float64)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.uniform_(-1.0, 1.0)
    save_model(theirs, tmp_path / "theirs.safetensors")
    ours = Attention(size, heads, causal, bias=bias)
    load_model(ours, tmp_path / "theirs.safetensors")

    x = rows_of(positions, size)
    values, tensor = [[Value(v) for v in row] for row in x], torch.tensor(x, requires_grad=True)
    mask = torch.triu(torch.ones(positions, positions), 1).bool() if causal else None
    expected, expected_weights = theirs(
        tensor, tensor, tensor, attn_mask=mask, average_attn_weights=False
    )
    outputs, weights = ours(values, with_weights=True)
    np.testing.assert_allclose(numbers(outputs), expected.detach(), rtol=1e-10, atol=1e-12)
    for head, theirs_of_head in zip(weights, expected_weights.detach().numpy(), strict=True):
        for row, their_row in zip(head, theirs_of_head, strict=True):
            np.testing.assert_allclose(numbers(row), their_row[: len(row)], rtol=1e-10, atol=1e-13)

    factors = np.sin(np.arange(x.size) + 1.0).reshape(x.shape)
    backward([y for row in outputs for y in row], factors.ravel().tolist())
    expected.backward(torch.tensor(factors))
    np.testing.assert_allclose(
        [[v.grad for v in row] for row in values], tensor.grad, rtol=1e-10, atol=1e-12
    )
    layers = (ours.query, ours.key, ours.value)
    gradients = [[w.grad for w in n.weights] for layer in layers for n in layer.neurons]
    np.testing.assert_allclose(gradients, theirs.in_proj_weight.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_gradients_by_differences(causal: bool) -> None:
    assert sg.gradcheck(made(4, 2, causal=causal), rows_of(3, 4), raises=True)


def test_a_causal_position_is_what_it_is_without_those_after_it() -> None:
    attention, rows = made(4, 2, causal=True), rows_of(5, 4)
    whole = numbers(attention(rows))
    for end in range(1, 6):
        assert numbers(attention(rows[:end])) == whole[:end]


def test_large_scores_do_not_overflow() -> None:
    outputs = made(2, 1)(1e4 * rows_of(3, 2))
    assert np.isfinite(numbers(outputs)).all()


def test_dropout_drops_weights_in_training_alone() -> None:
    attention, rows = made(4, 2, dropout=0.5), rows_of(6, 4)
    _, weights = attention(rows, with_weights=True)
    kept = [weight.data for head in weights for row in head for weight in row]
    assert 0 < kept.count(0.0) < len(kept)
    attention.eval()
    outputs, _ = by_hand(attention, rows)
    np.testing.assert_allclose(numbers(attention(rows)), outputs, rtol=1e-11)


def test_names_seeds_copies() -> None:
    attention, rows = Attention(4, 2, True, seed=1), rows_of(3, 4)
    names = list(attention.state_dict())
    assert names[0] == "query.neurons.0.weights.0"
    assert names[-1] == "out_proj.neurons.3.bias"
    assert len(names) == 4 * (4 * 4 + 4)
    assert attention.state_dict() != Attention(4, 2, True, seed=2).state_dict()
    twin = Attention(4, 2, True, seed=2)
    twin.load_state_dict(attention.state_dict())
    copies = [twin, copy.deepcopy(attention), pickle.loads(pickle.dumps(attention))]
    for other in copies:
        assert numbers(other(rows)) == numbers(attention(rows))
    assert repr(attention) == "Attention(4, 2 heads, causal)"
    assert repr(Attention(4, bias=False)) == "Attention(4, 1 head, bias=False)"
    assert not any(p.trainable for p in attention.freeze().parameters())


def test_positions_and_heads_are_told_apart_in_pictures() -> None:
    outputs = Sequential(Attention(4, 2, seed=1))(rows_of(2, 4))
    nodes = topological([y for row in outputs for y in row])
    paths = {node.scope.path for node in nodes if node.scope}
    expected = {
        "steps.0.query.1.neurons.3",
        "steps.0.heads.1.positions.0",
        "steps.0.out_proj.0.neurons.0",
    }
    assert expected <= paths


def test_weights_are_labeled_by_the_position_that_is_attended_to() -> None:
    _, weights = Attention(4, 2, causal=True, seed=1)(rows_of(3, 4), with_weights=True)
    assert [[weight.label for weight in row] for row in weights[1]] == [
        ["a0"],
        ["a0", "a1"],
        ["a0", "a1", "a2"],
    ]


def test_wrong_options() -> None:
    with pytest.raises(OptionError, match="heads of Attention must divide its size of 4 evenly"):
        Attention(4, 3)
    with pytest.raises(OptionError, match="size of Attention"):
        Attention(0)
    with pytest.raises(OptionError, match="causal of Attention must be True or False, not 2"):
        Attention(4, 2, 2)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="p of Dropout"):
        Attention(4, dropout=1.0)


def test_wrong_inputs() -> None:
    attention = Attention(2)
    with pytest.raises(LengthError, match="sequence of at least one step"):
        attention([])
    with pytest.raises(
        LengthError, match=r"Attention\(2, 1 head\) takes 2 inputs, but was given 3"
    ):
        attention([[1.0, 2.0], [1.0, 2.0, 3.0]])
    with pytest.raises(DataError, match="takes a list of 2 numbers"):
        attention([1.0, 2.0])


# Compiled


def gpt(vocabulary: int, size: int, heads: int, length: int, dropout: float) -> Sequential:
    """A small GPT with one block."""
    return Sequential(
        Embedding(vocabulary, size, seed=1),
        PositionEmbedding(length, size, seed=2),
        Residual(
            TimeDistributed(RMSNorm(size)),
            Attention(size, heads, causal=True, dropout=dropout, bias=False, seed=3),
        ),
        Residual(
            TimeDistributed(
                RMSNorm(size),
                Layer(size, 4 * size, "gelu", seed=4),
                Layer(4 * size, size, None, seed=5),
            )
        ),
        TimeDistributed(Layer(size, vocabulary, None, seed=6)),
    )


@pytest.mark.parametrize("backend", ["numpy", NATIVE, JAX])
def test_a_compiled_gpt_is_the_eager_one(backend: Any) -> None:
    model = gpt(5, 4, 2, 4, 0.3)
    tokens = np.random.default_rng(0).integers(5, size=(3, 4))
    targets = np.random.default_rng(1).integers(5, size=(3, 4))

    def loss(x: Any, y: Any) -> Any:
        return cross_entropy(model(x), y)

    inputs = [("token", 4), ("token", 4)]
    eager = pickle.loads(pickle.dumps(model))
    program = compile(loss, model, inputs, backend)
    value, gradient = program.value_and_grad(tokens, targets)
    losses = [
        cross_entropy(eager(x), y) for x, y in zip(tokens.tolist(), targets.tolist(), strict=True)
    ]
    expected = sg.mean(losses)
    expected.backward()
    assert value == pytest.approx(expected.data, rel=1e-12)
    np.testing.assert_allclose(
        gradient, [p.grad for p in eager.parameters()], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("backend", ["numpy", NATIVE, JAX])
def test_compiled_attention_that_sees_all_positions(backend: Any) -> None:
    model = Sequential(
        Reshape(5, 4), PositionalEncoding(4), made(4, 2), Flatten(), Layer(20, 1, None, seed=1)
    )
    x = rows_of(7, 20)
    value, gradient = compile(model, model, (20,), backend).value_and_grad(x)
    expected = sg.mean([model(row)[0] for row in x])
    expected.backward()
    assert value == pytest.approx(expected.data, rel=1e-12)
    np.testing.assert_allclose(
        gradient, [p.grad for p in model.parameters()], rtol=1e-10, atol=1e-13
    )


@pytest.mark.parametrize("causal", [False, True])
def test_sixteen_positions_and_four_heads_are_few_kernels(causal: bool) -> None:
    model = Sequential(Reshape(16, 16), Attention(16, 4, causal, seed=1))
    program = compile(model, model, (256,), "numpy")
    assert len(program.kernels) <= 9


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(2, 5), st.booleans(), st.booleans())
def test_compiled_attention_of_any_size(
    heads: int, width: int, positions: int, causal: bool, bias: bool
) -> None:
    size = heads * width
    attention = made(size, heads, causal=causal, bias=bias)
    model = Sequential(Reshape(positions, size), attention, Flatten())
    x = np.random.default_rng(positions).normal(size=(4, positions * size))
    expected = [by_hand(attention, row.reshape(positions, size))[0].ravel() for row in x]
    program = compile(model, model, (positions * size,), "numpy")
    np.testing.assert_allclose(program(x), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("odd", [np.nan, np.inf, 1e200])
def test_a_sample_that_is_not_finite_is_as_in_eager_code(odd: float) -> None:
    model = Sequential(Reshape(3, 2), made(2, 1, causal=True), Flatten())
    x = rows_of(4, 6)
    x[2, 2] = odd
    found = compile(model, model, (6,), "numpy")(x)
    expected = np.array([numbers(model(row)) for row in x])
    assert not np.isfinite(expected[2]).all()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


class Block(Module):
    """PyTorch's TransformerEncoderLayer with `norm_first`, under its names."""

    def __init__(self, size: int, heads: int, inner: int) -> None:
        self.self_attn = Attention(size, heads, causal=True)
        self.linear1 = Layer(size, inner, "gelu")
        self.linear2 = Layer(inner, size, None)
        self.norm1 = LayerNorm(size)
        self.norm2 = LayerNorm(size)

    def forward(self, rows: Any) -> Any:
        attend = Residual(TimeDistributed(self.norm1), self.self_attn)
        think = Residual(TimeDistributed(self.norm2, self.linear1, self.linear2))
        return think(attend(rows))


def test_a_block_of_torch_is_loaded_and_computes_the_same(tmp_path: Any) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_model

    theirs = torch.nn.TransformerEncoderLayer(
        6, 3, 8, dropout=0.0, activation="gelu", norm_first=True, dtype=torch.float64
    )
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.uniform_(-1.0, 1.0)
    save_model(theirs, tmp_path / "theirs.safetensors")
    ours = Block(6, 3, 8)
    load_model(ours, tmp_path / "theirs.safetensors")

    x = rows_of(5, 6)
    tensor = torch.tensor(x, requires_grad=True)
    mask = torch.triu(torch.ones(5, 5), 1).bool()
    expected = theirs(tensor[:, None], src_mask=mask)[:, 0]
    values = [[Value(v) for v in row] for row in x]
    outputs = ours(values)
    np.testing.assert_allclose(numbers(outputs), expected.detach(), rtol=1e-10, atol=1e-12)

    factors = np.cos(np.arange(x.size)).reshape(x.shape)
    backward([y for row in outputs for y in row], factors.ravel().tolist())
    expected.backward(torch.tensor(factors))
    np.testing.assert_allclose(
        [[v.grad for v in row] for row in values], tensor.grad, rtol=1e-9, atol=1e-11
    )
