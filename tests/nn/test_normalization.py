"""LayerNorm, RMSNorm and BatchNorm against PyTorch, NumPy and central differences."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad as sg
from scalargrad import Value
from scalargrad.core.leaves import Buffer
from scalargrad.core.value import backward
from scalargrad.errors import CallError, DataError, LengthError, OptionError
from scalargrad.nn import BatchNorm, Dropout, Layer, LayerNorm, RMSNorm, Sequential

Norm = BatchNorm | LayerNorm


def numbers(nest: Any) -> Any:
    return [numbers(part) for part in nest] if isinstance(nest, (list, tuple)) else nest.data


def rows_of(count: int, size: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed + 10 * count + size).normal(2.0, 3.0, size=(count, size))


def shaken(norm: Any) -> Any:
    for i, (scale, shift) in enumerate(zip(norm.scale, norm.shift, strict=True)):
        scale.data, shift.data = 1.0 + 0.3 * i, 0.1 * i - 0.2
    return norm


def twin(torch: Any, norm: Any, kind: Any, **options: Any) -> Any:
    theirs = kind(norm.size, dtype=torch.float64, **options)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor([p.data for p in norm.scale], dtype=torch.float64))
        theirs.bias.copy_(torch.tensor([p.data for p in norm.shift], dtype=torch.float64))
    return theirs


def compare(torch: Any, norm: Any, theirs: Any, x: Any) -> None:
    """Values and all gradients of one call, to 1e-12."""
    norm.zero_grad()
    theirs.zero_grad()
    values, tensor = [[Value(v) for v in row] for row in x], torch.tensor(x, requires_grad=True)
    outputs, expected = norm.batch(values), theirs(tensor)
    np.testing.assert_allclose(numbers(outputs), expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    factors = np.sin(np.arange(x.size) + 1.0).reshape(x.shape)
    backward([y for row in outputs for y in row], factors.ravel().tolist())
    expected.backward(torch.tensor(factors))
    np.testing.assert_allclose(
        [[v.grad for v in row] for row in values], tensor.grad, rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(
        [p.grad for p in norm.scale], theirs.weight.grad, rtol=1e-11, atol=1e-12
    )
    np.testing.assert_allclose(
        [p.grad for p in norm.shift], theirs.bias.grad, rtol=1e-11, atol=1e-12
    )


@pytest.mark.parametrize(("count", "size"), [(1, 2), (3, 4), (2, 1)])
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_layer_norm_agrees_with_torch(count: int, size: int, eps: float) -> None:
    torch = pytest.importorskip("torch")
    norm = shaken(LayerNorm(size, eps))
    compare(torch, norm, twin(torch, norm, torch.nn.LayerNorm, eps=eps), rows_of(count, size))


@pytest.mark.parametrize(("count", "size"), [(2, 2), (5, 3), (4, 1)])
@pytest.mark.parametrize(("momentum", "eps"), [(0.1, 1e-5), (0.7, 0.1), (1.0, 1e-5)])
def test_batch_norm_agrees_with_torch(count: int, size: int, momentum: float, eps: float) -> None:
    torch = pytest.importorskip("torch")
    norm = shaken(BatchNorm(size, momentum, eps))
    theirs = twin(torch, norm, torch.nn.BatchNorm1d, momentum=momentum, eps=eps)
    for step in range(3):
        compare(torch, norm, theirs, rows_of(count, size, step))
        np.testing.assert_allclose(numbers(norm.mean), theirs.running_mean, rtol=1e-12)
        np.testing.assert_allclose(numbers(norm.variance), theirs.running_var, rtol=1e-12)
    norm.eval()
    theirs.eval()
    compare(torch, norm, theirs, rows_of(1, size, 9))
    np.testing.assert_allclose(numbers(norm.mean), theirs.running_mean, rtol=1e-12)


@given(st.integers(2, 5), st.integers(1, 3), st.floats(0.0, 1.0))
def test_batch_norm_is_its_formula(count: int, size: int, momentum: float) -> None:
    norm, x = shaken(BatchNorm(size, momentum)), rows_of(count, size)
    scale, shift = np.array(numbers(norm.scale)), np.array(numbers(norm.shift))
    expected = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * scale + shift
    np.testing.assert_allclose(numbers(norm.batch(x)), expected, rtol=1e-10, atol=1e-12)
    mean, variance = momentum * x.mean(0), (1 - momentum) + momentum * x.var(0, ddof=1)
    np.testing.assert_allclose(numbers(norm.mean), mean, rtol=1e-12)
    np.testing.assert_allclose(numbers(norm.variance), variance, rtol=1e-12)
    expected = (x[0] - mean) / np.sqrt(variance + 1e-5) * scale + shift
    np.testing.assert_allclose(numbers(norm.eval()(x[0])), expected, rtol=1e-10, atol=1e-12)


@given(st.integers(1, 6))
def test_layer_norm_is_its_formula(size: int) -> None:
    norm, x = shaken(LayerNorm(size)), rows_of(1, size)[0]
    expected = (x - x.mean()) / np.sqrt(x.var() + 1e-5) * numbers(norm.scale) + numbers(norm.shift)
    np.testing.assert_allclose(numbers(norm(x)), expected, rtol=1e-10, atol=1e-12)


def test_gradients_by_differences() -> None:
    assert sg.gradcheck(shaken(LayerNorm(4, activation="tanh")), rows_of(1, 4)[0], raises=True)
    assert sg.gradcheck(shaken(BatchNorm(2, activation="tanh")).batch, rows_of(3, 2), raises=True)
    assert sg.gradcheck(shaken(BatchNorm(2)).eval(), rows_of(1, 2)[0], raises=True)


@given(st.integers(1, 6), st.booleans())
def test_rms_norm_is_its_formula(size: int, is_scaled: bool) -> None:
    norm, x = RMSNorm(size, 1e-3, is_scaled), rows_of(1, size)[0]
    scale = np.ones(size)
    for i, parameter in enumerate(norm.scale):
        parameter.data = scale[i] = 1.0 + 0.3 * i
    expected = x / np.sqrt((x * x).mean() + 1e-3) * scale
    np.testing.assert_allclose(numbers(norm(x)), expected, rtol=1e-12)
    assert len(norm.parameters()) == (size if is_scaled else 0)
    assert sg.gradcheck(norm, x, raises=True)


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("options", [{}, {"eps": 0.1}, {"elementwise_affine": False}])
def test_rms_norm_agrees_with_torch(size: int, options: Any) -> None:
    torch = pytest.importorskip("torch")
    norm = RMSNorm(size, **options)
    theirs = torch.nn.RMSNorm(size, dtype=torch.float64, **options)
    for i, parameter in enumerate(norm.scale):
        parameter.data = 1.0 + 0.3 * i
        with torch.no_grad():
            theirs.weight[i] = parameter.data
    x = rows_of(1, size)[0]
    values, tensor = [Value(v) for v in x], torch.tensor(x, requires_grad=True)
    outputs, expected = norm(values), theirs(tensor)
    np.testing.assert_allclose(numbers(outputs), expected.detach(), rtol=1e-13)
    factors = np.arange(1.0, size + 1.0)
    backward(outputs, factors.tolist())
    expected.backward(torch.tensor(factors))
    np.testing.assert_allclose([v.grad for v in values], tensor.grad, rtol=1e-10, atol=1e-12)
    if norm.scale:
        np.testing.assert_allclose([p.grad for p in norm.scale], theirs.weight.grad, rtol=1e-12)


def test_rms_norm_has_options_as_the_others() -> None:
    assert repr(RMSNorm(2)) == "RMSNorm(2)"
    assert repr(RMSNorm(2, elementwise_affine=False)) == "RMSNorm(2, elementwise_affine=False)"
    with pytest.raises(OptionError, match="eps of RMSNorm must be at least 0"):
        RMSNorm(2, -1.0)
    with pytest.raises(LengthError, match=r"RMSNorm\(2\) takes 2 inputs"):
        RMSNorm(2)([1.0])


# Inside a network


def network(seed: int = 1) -> Sequential:
    steps = (
        Layer(2, 3, None, seed=seed),
        BatchNorm(3, activation="elu"),
        Dropout(0.25, seed=seed),
        Layer(3, 1, None, seed=seed + 1),
    )
    return Sequential(*steps)


def test_a_network_takes_batches_in_training_and_samples_in_evaluation() -> None:
    model = network()
    assert model.needs_batch
    with pytest.raises(
        CallError,
        match=r"BatchNorm\(3, elu\) needs several samples while it trains: "
        r"call model.batch\(rows\)",
    ):
        model([1.0, 2.0])
    outputs = model.batch([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]])
    assert [len(row) for row in outputs] == [1, 1, 1]
    model.eval()
    assert not model.needs_batch
    assert model([1.0, 2.0])[0].data == model.batch([[1.0, 2.0]])[0][0].data
    before = model.state_dict()
    model([5.0, 5.0])
    assert model.state_dict() == before
    with pytest.raises(CallError, match="but was given 1: choose a batch_size"):
        model.train().batch([[1.0, 2.0]])
    with pytest.raises(CallError, match="given 0"):
        BatchNorm(3).batch([])
    assert model.state_dict() == before


def test_a_function_among_the_steps_sees_one_sample_of_a_batch_at_a_time() -> None:
    model, plain = (Sequential(BatchNorm(3), *steps) for steps in ([sg.softmax], []))
    rows = [[1.0, 2.0, 0.5], [0.0, 1.0, 4.0]]
    expected = [[p.data for p in sg.softmax(row)] for row in plain.batch(rows)]
    assert [[p.data for p in row] for row in model.batch(rows)] == expected


def test_running_statistics_are_buffers_and_are_saved() -> None:
    model = network()
    names = [name for name, _ in model.named_buffers()]
    assert names == [f"steps.1.{what}.{i}" for what in ("mean", "variance") for i in range(3)]
    assert not {id(buffer) for _, buffer in model.named_buffers()} & {
        id(p) for p in model.parameters()
    }
    model.batch(rows_of(4, 2))
    other = network(5)
    other.load_state_dict(model.state_dict())
    x = [0.5, 1.0]
    for found in (other, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert numbers(found.eval()(x)) == numbers(model.eval()(x))
    assert all(isinstance(b, Buffer) for b in model.steps[1].mean)


def test_backward_leaves_no_trace_in_the_statistics() -> None:
    model = network()
    with sg.no_grad():
        model.batch(rows_of(4, 2))
    seen = [buffer.data for _, buffer in model.named_buffers()]
    twin_model = network()
    sum(y for (y,) in twin_model.batch(rows_of(4, 2))).backward()
    assert [buffer.data for _, buffer in twin_model.named_buffers()] == seen


def test_equal_numbers_are_no_catastrophe() -> None:
    norm = BatchNorm(1)
    rows = [[Value(7.0)], [Value(7.0)]]
    outputs = norm.batch(rows)
    assert numbers(outputs) == [[0.0], [0.0]]
    outputs[0][0].backward()
    assert all(math.isfinite(row[0].grad) for row in rows)
    assert numbers(LayerNorm(1)([3.0])) == [0.0]


def test_descriptions_and_scopes() -> None:
    assert repr(LayerNorm(3)) == "LayerNorm(3)"
    assert repr(BatchNorm(3, activation="relu")) == "BatchNorm(3, relu)"
    assert list(LayerNorm(2).state_dict()) == ["scale.0", "scale.1", "shift.0", "shift.1"]
    assert (
        network().eval()([1.0, 2.0])[0].args[0].args[1].args[1].scope.path == "steps.1.features.1"
    )


def test_refusals() -> None:
    for kind in (LayerNorm, BatchNorm):
        name = kind.__name__
        with pytest.raises(OptionError, match=f"size of {name}"):
            kind(0)
        for eps in (-1e-5, math.nan):
            with pytest.raises(OptionError, match=f"eps of {name}"):
                kind(2, eps=eps)
        with pytest.raises(LengthError, match=rf"{name}\(2\) takes 2 inputs, but was given 3"):
            kind(2).eval()([1.0, 2.0, 3.0])
        with pytest.raises(DataError, match=name):
            kind(2).eval()([1.0, "2"])
    for momentum in (-0.1, 1.1, math.nan):
        with pytest.raises(OptionError, match="momentum of BatchNorm"):
            BatchNorm(2, momentum)
    norm = BatchNorm(2)
    for rows in ([[1.0, 2.0], [1.0]], [[1.0, 2.0], [1.0, "a"]], [1.0, 2.0]):
        with pytest.raises((LengthError, DataError), match=r"BatchNorm\(2\)"):
            norm.batch(rows)
    assert numbers(norm.mean) == [0.0, 0.0]


def test_nothing_need_be_added_to_the_variance() -> None:
    assert LayerNorm(2, eps=0.0).eps == 0.0
