"""Layers that compute what modules of PyTorch compute."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
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
    Residual,
    RMSNorm,
    RNNCell,
    Sequential,
)

from .torch_activations import ACTIVATIONS

Units = list[Any]
"""The neurons or filters of a layer, each with an activation of its own."""


def make_model(torch: Any, module: Any) -> Module:
    """Make a model of the kind of a module of PyTorch, whose weights are still to be copied.

    Args:
        torch: The library.
        module: A Sequential, or a single layer.

    Raises:
        OptionError: For a module that there is no layer for.
    """
    made = _Reader(torch, module).read(module)
    return made[0] if len(made) == 1 and isinstance(made[0], Module) else Sequential(*made)


class _Reader:
    """Makes layers of modules of PyTorch: each once, however often it is used.

    Args:
        torch: The library.
        module: All that is to be read.
    """

    def __init__(self, torch: Any, module: Any) -> None:
        self.torch = torch
        self._uses = Counter(map(id, self._list_parts(module)))
        self._made: dict[int, Any] = {}
        # Their activations are steps of their own, as the next use may have another one.
        self._shared: set[int] = set()

    def _list_parts(self, module: Any) -> Iterator[Any]:
        """Yield the parts of nested Sequentials in the order in which they are called."""
        if not isinstance(module, self.torch.nn.Sequential):
            yield module
            return
        for part in module:
            yield from self._list_parts(part)

    def read(self, module: Any) -> list[Any]:
        """Return the steps that compute what a module computes."""
        nn = self.torch.nn
        _refuse_hooks(module)
        if isinstance(module, nn.Sequential):
            steps: list[Any] = []
            # Not its children, among which PyTorch lists a part that is used again once.
            for part in module:
                self._add(steps, part)
            if is_residual(module):
                return [Residual(*steps)]
            if type(module).forward is nn.Sequential.forward:
                return steps
            raise _no_layer_for(module)
        steps = []
        self._add(steps, module)
        return steps

    def _add(self, steps: list[Any], part: Any) -> None:
        """Add a part to the steps before it, or give it to the last of them."""
        nn = self.torch.nn
        if isinstance(part, nn.Sequential):
            steps += self.read(part)
            return
        _refuse_hooks(part)
        activation = _read_activation(self.torch, part)
        if type(part) is nn.PReLU:
            self._add_slopes(steps, part)
        elif activation is not None:
            self._add_activation(steps, activation)
        elif not isinstance(part, nn.Identity):
            steps.append(self._make(part))

    def _make(self, part: Any) -> Module:
        """Return the layer for a part, the same one for each of its uses."""
        if id(part) not in self._made:
            self._made[id(part)] = _convert_single(self.torch, part)
        layer: Module = self._made[id(part)]
        if self._uses[id(part)] > 1:
            self._shared.add(id(layer))
        return layer

    def _find_units(self, steps: list[Any]) -> Units:
        """Return what the last step is made of, if it may be given an activation."""
        layer = steps[-1] if steps else None
        if id(layer) in self._shared or getattr(layer, "activation", None) is not None:
            return []
        units = getattr(layer, "neurons", None) or getattr(layer, "filters", None) or []
        return [] if any(unit.activation for unit in units) else list(units)

    def _add_activation(self, steps: list[Any], activation: Callable[..., Any]) -> None:
        """Give an activation to the layer before it, or make a step of it."""
        units = self._find_units(steps)
        if activation in (softmax, log_softmax):
            layer = steps[-1] if units else None
            if isinstance(layer, Layer) and layer.outputs > 1:
                layer.activation = activation
            else:
                steps.append(activation)
            return
        for unit in units:
            unit.activation = activation
        if not units:
            steps.append(partial(_for_each, activation))

    def _add_slopes(self, steps: list[Any], part: Any) -> None:
        """Give a PReLU to the neurons of the layer before it: one for all, or one for each."""
        units = self._find_units(steps)
        count = part.num_parameters
        if not units or count not in (1, len(units)):
            raise OptionError(
                "from_torch takes a PReLU after a Linear or a Conv2d that is used once, "
                "with its size or 1"
            )
        if id(part) not in self._made:
            self._made[id(part)] = [PReLU() for _ in range(count)]
        slopes = self._made[id(part)]
        for i, unit in enumerate(units):
            unit.activation = slopes[i if count > 1 else 0]


def is_residual(module: Any) -> bool:
    """Whether a module of PyTorch is the Residual that `to_torch` makes."""
    return type(module).__module__ == f"{__package__}.torch_residual"


def _refuse_hooks(part: Any) -> None:
    """Refuse a module that computes more than its class says."""
    if part._forward_hooks or part._forward_pre_hooks:
        raise OptionError(f"from_torch can't make a model of {part}, which has forward hooks")


def _no_layer_for(part: Any) -> OptionError:
    return OptionError(
        f"from_torch knows no layer for {part}: give the model that is to receive the weights"
    )


def _for_each(activation: Callable[..., Any], x: Any) -> Any:
    """Apply an activation to each number of nested lists."""
    if isinstance(x, (list, tuple)):
        return [_for_each(activation, part) for part in x]
    return activation(x)


def _read_activation(torch: Any, part: Any) -> Any:
    """Return the activation that a module is, None if it is none."""
    for name, known in ACTIVATIONS.items():
        if type(part) is not getattr(torch.nn, known.theirs):
            continue
        if known.theirs == "GELU" and part.approximate != known.fixed["approximate"]:
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
    for name, convert in _CONVERT.items():
        kind = getattr(torch.nn, name, None)
        # A subclass may compute something else.
        if kind is not None and isinstance(part, kind) and type(part).forward is kind.forward:
            layer = convert(part)
            if layer is not None:
                return layer
    raise _no_layer_for(part)


def _convert_linear(part: Any) -> Module:
    has_bias = part.bias is not None
    return Layer(part.in_features, part.out_features, None, "zeros", bias=has_bias)


def _convert_max_pool(part: Any) -> Module | None:
    plain = part.dilation in (1, (1, 1)) and not part.return_indices
    return MaxPool(part.kernel_size, part.stride) if plain and _is_whole(part) else None


def _convert_average_pool(part: Any) -> Module | None:
    plain = part.divisor_override is None
    return AvgPool(part.kernel_size, part.stride) if plain and _is_whole(part) else None


def _is_whole(part: Any) -> bool:
    """Whether a pooling takes windows inside of the image alone."""
    return part.padding in (0, (0, 0)) and not part.ceil_mode


def _convert_flatten(part: Any) -> Module | None:
    return Flatten() if (part.start_dim, part.end_dim) == (1, -1) else None


def _convert_layer_norm(part: Any) -> Module | None:
    has_all = part.elementwise_affine and part.bias is not None
    if not has_all or len(part.normalized_shape) > 1:
        return None
    return LayerNorm(part.normalized_shape[0], part.eps)


def _convert_rms_norm(part: Any) -> Module | None:
    if len(part.normalized_shape) > 1:
        return None
    # None stands for that of the type of its numbers, which are float64 here.
    eps = sys.float_info.epsilon if part.eps is None else part.eps
    return RMSNorm(part.normalized_shape[0], eps, part.elementwise_affine)


def _convert_batch_norm(part: Any) -> Module | None:
    if not part.affine or not part.track_running_stats or part.momentum is None:
        return None
    return BatchNorm(part.num_features, part.momentum, part.eps)


def _convert_embedding(part: Any) -> Module | None:
    # With max_norm a look-up changes the weights.
    if part.max_norm is not None:
        return None
    return Embedding(part.num_embeddings, part.embedding_dim, "zeros")


def _convert_attention(part: Any) -> Module | None:
    if part.add_zero_attn:
        return None
    has_bias = part.in_proj_bias is not None
    return Attention(
        part.embed_dim, part.num_heads, dropout=part.dropout, initializer="zeros", bias=has_bias
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


_CONVERT: dict[str, Callable[[Any], Module | None]] = {
    "Linear": _convert_linear,
    "Conv2d": _convert_convolution,
    "MaxPool2d": _convert_max_pool,
    "AvgPool2d": _convert_average_pool,
    "Flatten": _convert_flatten,
    "Dropout": lambda part: Dropout(part.p),
    "LayerNorm": _convert_layer_norm,
    "RMSNorm": _convert_rms_norm,
    "BatchNorm1d": _convert_batch_norm,
    "Embedding": _convert_embedding,
    "LSTMCell": lambda part: LSTMCell(part.input_size, part.hidden_size, initializer="zeros"),
    "GRUCell": lambda part: GRUCell(part.input_size, part.hidden_size, "zeros", bias=part.bias),
    "RNNCell": lambda part: RNNCell(part.input_size, part.hidden_size, part.nonlinearity, "zeros"),
    "MultiheadAttention": _convert_attention,
}
"""What makes a layer of each class of PyTorch; it returns None for options without a layer."""
