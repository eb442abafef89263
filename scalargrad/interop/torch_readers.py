"""Layers that compute what modules of PyTorch compute."""

from collections.abc import Callable
from functools import partial
from typing import Any

from scalargrad.core.functions import FUNCTIONS, log_softmax, softmax
from scalargrad.errors import OptionError
from scalargrad.nn import (
    Attention,
    AvgPool,
    BatchNorm,
    Conv,
    Dropout,
    Embedding,
    Flatten,
    GRUCell,
    Layer,
    LayerNorm,
    LSTMCell,
    MaxPool,
    Module,
    PReLU,
    RNNCell,
    Sequential,
)

from .torch_activations import ACTIVATIONS


def make_model(torch: Any, module: Any) -> Module:
    """Make a model of the kind of a module of PyTorch, whose weights are still to be copied.

    Args:
        torch: The library.
        module: A Sequential, or a single layer.

    Raises:
        OptionError: For a module that there is no layer for.
    """
    parts = list(module.children()) if isinstance(module, torch.nn.Sequential) else [module]
    made: list[Any] = []
    for part in parts:
        activation = _read_activation(part)
        if isinstance(part, torch.nn.PReLU):
            _add_slopes(made, part.num_parameters)
        elif activation is not None:
            _add_activation(made, activation)
        elif not isinstance(part, torch.nn.Identity):
            made.append(_convert_single(torch, part))
    return made[0] if len(made) == 1 and isinstance(made[0], Module) else Sequential(*made)


def _add_activation(made: list[Any], activation: Callable[..., Any]) -> None:
    """Give an activation to the layer before it, or make a step of it."""
    layer = made[-1] if made else None
    if activation in (softmax, log_softmax):
        if isinstance(layer, Layer) and layer.activation is None and layer.outputs > 1:
            layer.activation = activation
        else:
            made.append(activation)
        return
    units = getattr(layer, "neurons", None) or getattr(layer, "filters", None)
    is_free = units and all(unit.activation is None for unit in units)
    if units and is_free and getattr(layer, "activation", None) is None:
        for unit in units:
            unit.activation = activation
    else:
        made.append(partial(_for_each, activation))


def _add_slopes(made: list[Any], count: int) -> None:
    """Give a PReLU to the neurons of the layer before it: one for all, or one for each."""
    layer = made[-1] if made else None
    units: list[Any] = getattr(layer, "neurons", None) or getattr(layer, "filters", None) or []
    if count not in (1, len(units)) or any(unit.activation for unit in units) or not units:
        raise OptionError("from_torch takes a PReLU after a Linear or a Conv2d, with its size or 1")
    shared = PReLU()
    for unit in units:
        unit.activation = shared if count == 1 else PReLU()


def _for_each(activation: Callable[..., Any], x: Any) -> Any:
    """Apply an activation to each number of nested lists."""
    if isinstance(x, (list, tuple)):
        return [_for_each(activation, part) for part in x]
    return activation(x)


def _read_activation(part: Any) -> Any:
    """Return the activation that a module is, None if it is none."""
    kind = type(part).__name__
    for name, known in ACTIVATIONS.items():
        if known.theirs != kind:
            continue
        if kind == "GELU" and part.approximate != known.fixed["approximate"]:
            continue
        if getattr(part, "dim", -1) not in (-1, 1) or getattr(part, "beta", 1.0) != 1.0:
            raise OptionError(f"from_torch knows no activation such as {part}")
        if name in (softmax.__name__, log_softmax.__name__):
            return softmax if name == softmax.__name__ else log_softmax
        function = FUNCTIONS[name]
        options = {ours: float(getattr(part, theirs)) for ours, theirs in known.options.items()}
        return partial(function, **options) if options else function
    return None


def _convert_single(torch: Any, part: Any) -> Module:
    nn = torch.nn
    if isinstance(part, nn.Linear):
        has_bias = part.bias is not None
        return Layer(part.in_features, part.out_features, None, "zeros", bias=has_bias)
    if isinstance(part, nn.Conv2d):
        return _convert_convolution(part)
    if isinstance(part, (nn.MaxPool2d, nn.AvgPool2d)) and not (part.padding or part.ceil_mode):
        kind = MaxPool if isinstance(part, nn.MaxPool2d) else AvgPool
        return kind(part.kernel_size, part.stride)
    if isinstance(part, nn.Flatten) and (part.start_dim, part.end_dim) == (1, -1):
        return Flatten()
    if isinstance(part, nn.Dropout):
        return Dropout(part.p)
    if isinstance(part, nn.LayerNorm) and part.elementwise_affine:
        (size,) = part.normalized_shape
        return LayerNorm(size, part.eps)
    if isinstance(part, nn.BatchNorm1d) and part.affine and part.track_running_stats:
        return BatchNorm(part.num_features, part.momentum, part.eps)
    if isinstance(part, nn.Embedding):
        return Embedding(part.num_embeddings, part.embedding_dim, "zeros")
    if isinstance(part, nn.LSTMCell):
        return LSTMCell(part.input_size, part.hidden_size, initializer="zeros")
    if isinstance(part, nn.GRUCell):
        return GRUCell(part.input_size, part.hidden_size, "zeros", bias=part.bias)
    if isinstance(part, nn.RNNCell):
        return RNNCell(part.input_size, part.hidden_size, part.nonlinearity, "zeros")
    if isinstance(part, nn.MultiheadAttention):
        has_bias = part.in_proj_bias is not None
        return Attention(part.embed_dim, part.num_heads, initializer="zeros", bias=has_bias)
    raise OptionError(
        f"from_torch knows no layer for {part}: give the model that is to receive the weights"
    )


def _convert_convolution(part: Any) -> Module:
    plain = part.dilation == (1, 1) and part.groups == 1 and part.padding_mode == "zeros"
    if not plain or isinstance(part.padding, str) or part.bias is None:
        raise OptionError(
            f"from_torch takes convolutions with a bias, without groups and dilation, not {part}"
        )
    return Conv(
        part.in_channels,
        part.out_channels,
        part.kernel_size,
        part.stride,
        part.padding,
        None,
        "zeros",
    )
