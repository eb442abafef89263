"""Convolution and pooling against loops of NumPy, PyTorch and central differences."""

import copy
import math
import pickle
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.core.graph import topological
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.nn import AvgPool, Conv, Flatten, Layer, MaxPool, Neuron, Reshape, Sequential, given
from scalargrad.optim import max_norm


def image(channels: int, rows: int, columns: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=(channels, rows, columns))


def numbers(nest: Any) -> Any:
    return [numbers(part) for part in nest] if isinstance(nest, list) else nest.data


def weights(conv: Conv) -> Any:
    rows = [[w.data for w in filter.weights] for filter in conv.filters]
    return np.array(rows).reshape(len(rows), conv.channels, *conv.size)


def by_loops(conv: Conv, x: Any) -> Any:
    """What a convolution is, on an image with zeros around it."""
    (above, left), (down, right), (rows, columns) = conv.padding, conv.stride, conv.size
    padded = np.pad(x, ((0, 0), (above, above), (left, left)))
    kernel, bias = weights(conv), [filter.bias.data for filter in conv.filters]
    high, wide = (padded.shape[1] - rows) // down + 1, (padded.shape[2] - columns) // right + 1
    out = np.empty((len(kernel), high, wide))
    for f in range(len(kernel)):
        for r in range(high):
            for c in range(wide):
                window = padded[:, r * down : r * down + rows, c * right : c * right + columns]
                out[f, r, c] = (window * kernel[f]).sum() + bias[f]
    return out


sizes = st.integers(1, 3)


@for_all(
    sizes,
    sizes,
    st.tuples(sizes, sizes),
    st.tuples(sizes, sizes),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.integers(0, 3),
)
def test_conv_is_the_loop(
    channels: int, filters: int, size: Any, stride: Any, padding: Any, more: int
) -> None:
    conv = Conv(channels, filters, size, stride, padding, activation=None, seed=more)
    for i, parameter in enumerate(conv.parameters()):
        parameter.data += 0.01 * i
    x = image(channels, size[0] + more, size[1] + 3 - more)
    np.testing.assert_allclose(numbers(conv(x)), by_loops(conv, x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, (2, 1), (1, 3)])
@pytest.mark.parametrize("padding", [0, 1, (2, 0), 3])
@pytest.mark.parametrize(("channels", "size"), [(1, 3), (2, (3, 2)), (3, 1)])
def test_conv_agrees_with_torch(channels: int, size: Any, stride: Any, padding: Any) -> None:
    torch = pytest.importorskip("torch")
    conv = Conv(channels, 2, size, stride, padding, activation="tanh", seed=3)
    for i, filter in enumerate(conv.filters):
        filter.bias.data = 0.1 + i
    theirs = torch.nn.Conv2d(channels, 2, size, stride, padding, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(weights(conv)))
        theirs.bias.copy_(torch.tensor(np.array([filter.bias.data for filter in conv.filters])))
    x = image(channels, 5, 4)
    values, tensor = (
        [[[Value(v) for v in row] for row in grid] for grid in x],
        torch.tensor(x, requires_grad=True),
    )
    ours, expected = conv(values), torch.tanh(theirs(tensor))
    np.testing.assert_allclose(numbers(ours), expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    factors = np.arange(expected.numel(), dtype=float)
    sum(f * y for f, y in zip(factors, Flatten()(ours), strict=True)).backward()
    (expected.flatten() * torch.tensor(factors)).sum().backward()
    np.testing.assert_allclose(
        [[[v.grad for v in row] for row in grid] for grid in values],
        tensor.grad,
        rtol=1e-12,
        atol=1e-12,
    )
    grads = [[w.grad for w in filter.weights] for filter in conv.filters]
    np.testing.assert_allclose(
        np.array(grads).reshape(theirs.weight.shape), theirs.weight.grad, rtol=1e-11, atol=1e-12
    )
    np.testing.assert_allclose(
        [filter.bias.grad for filter in conv.filters], theirs.bias.grad, rtol=1e-11, atol=1e-12
    )


@pytest.mark.parametrize(("size", "stride"), [(2, None), (3, 1), ((2, 3), (1, 2)), (1, 2)])
@pytest.mark.parametrize("pool", [MaxPool, AvgPool])
def test_pools_agree_with_torch(pool: Any, size: Any, stride: Any) -> None:
    torch = pytest.importorskip("torch")
    theirs = {MaxPool: torch.nn.MaxPool2d, AvgPool: torch.nn.AvgPool2d}[pool](size, stride)
    x = image(2, 5, 6)
    values, tensor = (
        [[[Value(v) for v in row] for row in grid] for grid in x],
        torch.tensor(x, requires_grad=True),
    )
    ours, expected = pool(size, stride)(values), theirs(tensor)
    np.testing.assert_allclose(numbers(ours), expected.detach().numpy(), rtol=1e-12)
    factors = np.arange(1.0, expected.numel() + 1)
    sum(f * y for f, y in zip(factors, Flatten()(ours), strict=True)).backward()
    (expected.flatten() * torch.tensor(factors)).sum().backward()
    np.testing.assert_allclose(
        [[[v.grad for v in row] for row in grid] for grid in values], tensor.grad, rtol=1e-12
    )


@for_all(st.tuples(sizes, sizes), st.tuples(sizes, sizes), st.integers(0, 3))
def test_pools_are_the_loop(size: Any, stride: Any, more: int) -> None:
    x = image(2, size[0] + more, size[1] + 3 - more)
    for pool, function in ((MaxPool(size, stride), np.max), (AvgPool(size, stride), np.mean)):
        tops, lefts = (
            range(0, x.shape[1] - size[0] + 1, stride[0]),
            range(0, x.shape[2] - size[1] + 1, stride[1]),
        )
        expected = [
            [[function(grid[t : t + size[0], s : s + size[1]]) for s in lefts] for t in tops]
            for grid in x
        ]
        np.testing.assert_allclose(numbers(pool(x)), expected, rtol=1e-12)


def test_equal_largest_numbers_share_the_gradient() -> None:
    x = [[Value(3.0), Value(1.0)], [Value(3.0), Value(2.0)]]
    MaxPool(2)(x)[0][0][0].backward()
    assert [v.grad for row in x for v in row] == [0.5, 0.0, 0.5, 0.0]


def test_gradients_by_differences() -> None:
    net = Sequential(
        Reshape(1, 4, 4),
        Conv(1, 2, 2, padding=1, activation="tanh", seed=1),
        AvgPool(2),
        Flatten(),
        Layer(8, 1, "tanh"),
    )
    assert sg.gradcheck(net, image(1, 4, 4).ravel(), raises=True)


# What the graph and the module are


def test_places_outside_make_no_nodes() -> None:
    corner = Conv(1, 1, 3, padding=1, activation=None)([[1.0, 2.0], [3.0, 4.0]])[0][0][0]
    kinds = [node.op or node.kind for node in topological([corner])]
    assert kinds.count("mul") == kinds.count("add") == 4
    assert "constant" not in kinds
    assert (
        Conv(1, 1, 1, padding=1, activation="sigmoid")([[1.0]])[0][0][0].data == 0.5
    )  # only a bias is left there


def test_filters_are_neurons_with_names() -> None:
    conv = Conv(2, 2, (1, 2), seed=1)
    assert list(conv.state_dict())[:5] == [
        *(f"filters.0.weights.{i}" for i in range(4)),
        "filters.0.bias",
    ]
    assert all(isinstance(filter, Neuron) and filter.inputs == 4 for filter in conv.filters)
    # From Python 3.12 on, `sum` of floats corrects its rounding errors.
    total = 0.0
    for x, weight in enumerate(conv.filters[0].weights, 1):
        total += weight.data * x
    assert conv.filters[0]([1.0, 2.0, 3.0, 4.0]).data == max(0.0, total)
    assert max_norm(conv, 0.01) == 2
    assert math.hypot(*[w.data for w in conv.filters[1].weights]) == pytest.approx(0.01, rel=1e-12)
    twin = Conv(2, 2, (1, 2), seed=2)
    twin.load_state_dict(conv.state_dict())
    x = image(2, 2, 3)
    for other in (twin, copy.deepcopy(conv), pickle.loads(pickle.dumps(conv))):
        assert numbers(other(x)) == numbers(conv(x))


def test_one_channel_may_come_as_rows() -> None:
    conv, x = Conv(1, 1, 2, seed=1), image(1, 3, 3)
    assert numbers(conv(x[0])) == numbers(conv(x)) == numbers(conv([tuple(row) for row in x[0]]))
    assert {n.label for n in topological(Flatten()(conv(x[0]))) if n.kind == "input"} >= {
        "x0,0",
        "x2,2",
    }
    assert {n.label for n in topological(Flatten()(conv(x))) if n.kind == "input"} >= {
        "x0,0,0",
        "x0,2,2",
    }


def test_a_window_of_one_is_a_layer_at_every_place() -> None:
    conv, layer = Conv(3, 4, 1, seed=5), Layer(3, 4, seed=5)
    x = image(3, 2, 2)
    assert [grid[1][0].data for grid in conv(x)] == [y.data for y in layer(x[:, 1, 0])]


def test_initializers_know_the_window() -> None:
    seen = set()

    def look(rng: Random, fan_in: int, fan_out: int) -> float:
        seen.add((fan_in, fan_out))
        return rng.random()

    Conv(2, 5, (3, 2), initializer=look)
    assert seen == {(12, 30)}  # PyTorch's _calculate_fan_in_and_fan_out
    assert [
        w.data
        for w in Conv(1, 2, 2, initializer=given([[1, 2, 3, 4], [5, 6, 7, 8]])).filters[1].weights
    ] == [5, 6, 7, 8]
    rows = [
        [w.data for w in filter.weights]
        for filter in Conv(1, 3, 2, initializer="orthogonal").filters
    ]
    np.testing.assert_allclose(np.array(rows) @ np.array(rows).T, np.eye(3), atol=1e-12)


def test_seeds_and_a_slope_for_each_filter() -> None:
    assert (
        Conv(1, 2, 2, seed=1).state_dict()
        == Conv(1, 2, 2, seed=Random(1)).state_dict()
        != Conv(1, 2, 2, seed=2).state_dict()
    )
    assert [name for name in Conv(1, 2, 2, activation="prelu").state_dict() if "slope" in name] == [
        "filters.0.activation.slope",
        "filters.1.activation.slope",
    ]


def test_descriptions() -> None:
    assert repr(Conv(1, 2, 3)) == "Conv(1 → 2, 3×3, relu)"
    assert (
        repr(Conv(1, 2, (3, 1), 2, (0, 1), activation=None))
        == "Conv(1 → 2, 3×1, stride 2×2, padding 0×1)"
    )
    assert repr(MaxPool(2)) == "MaxPool(2×2)"
    assert repr(AvgPool((2, 1), 1)) == "AvgPool(2×1, stride 1×1)"


# Refusals


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (
            np.ones((2, 3, 3)),
            LengthError,
            r"Conv\(1 → 2, 2×2, relu\) takes 1 channels, but was given 2",
        ),
        (np.ones((1, 1, 3)), LengthError, "window of 2×2, but was given 1×3"),
        ([[1.0, 2.0], [3.0]], LengthError, "1×1 and|one size"),
        ([[[1.0, 2.0]], [[1.0, 2.0], [1.0, 2.0]]], LengthError, "channels"),
        ([1.0, 2.0], DataError, "put Reshape"),
        (np.ones((1, 1, 3, 3)), DataError, "levels"),
        ([[1.0, [2.0]], [1.0, 2.0]], DataError, "levels"),
        ([[1.0, "2"], [1.0, 2.0]], DataError, r"input 0,1 of Conv"),
        ("image", DataError, "Conv"),
        (3.0, DataError, "Conv"),
        (None, DataError, "Conv"),
        ([], DataError, "Conv"),
        ([[]], LengthError, "Conv"),
        ([[], []], LengthError, "Conv"),
        ([[[]]], LengthError, "Conv"),
    ],
    ids=str,
)
def test_wrong_images(x: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        Conv(1, 2, 2)(x)


def test_wrong_images_of_pools() -> None:
    with pytest.raises(LengthError, match=r"MaxPool\(3×3\) has a window of 3×3, but was given 2×4"):
        MaxPool(3)(np.ones((1, 2, 4)))
    with pytest.raises(LengthError, match="without the padding of 1×1"):
        Conv(1, 1, 5, padding=1)(np.ones((2, 2)))


@pytest.mark.parametrize(
    "options",
    [
        {"channels": 0},
        {"filters": 1.5},
        {"size": 0},
        {"size": (1, 2, 3)},
        {"size": "3"},
        {"stride": 0},
        {"padding": -1},
        {"stride": None},
    ],
    ids=str,
)
def test_wrong_sizes(options: Any) -> None:
    with pytest.raises(OptionError, match=f"{next(iter(options))} of a Conv"):
        Conv(**({"channels": 1, "filters": 1, "size": 2} | options))
    with pytest.raises(OptionError, match="padding of a Conv must be a whole number of at least 0"):
        Conv(1, 1, 2, padding=-1)
    with pytest.raises(OptionError, match="size of MaxPool"):
        MaxPool(0)
    with pytest.raises(OptionError, match="stride of AvgPool"):
        AvgPool(2, stride=(1, 0))


# Pictures


def test_a_network_of_convolutions_can_be_drawn() -> None:
    net = Sequential(
        Reshape(1, 6, 6), Conv(1, 2, 3, seed=1), MaxPool(2), Flatten(), Layer(8, 2, None)
    )
    picture = viz.draw(net).picture
    columns = picture.columns
    assert [column.title for column in columns] == [
        "inputs",
        "steps.1  32 × relu",
        "steps.2  8 × max",
        "steps.4  2 × linear",
    ]
    order = [picture.by_id[name].label for column in columns[:2] for name in column.members]
    assert order == [f"x{i}" for i in range(36)] + [
        f"steps.1.filters.{f}.{r}.{c}" for f in (0, 1) for r in range(4) for c in range(4)
    ]
    paths = {node.scope.path for node in topological(net([0.0] * 36)) if node.scope}
    assert {"steps.1.filters.1.3.3", "steps.2.1.1.1", "steps.4.neurons.1"} <= paths
