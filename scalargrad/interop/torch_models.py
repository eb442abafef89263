"""Models of PyTorch from those here, and the other way round, with the same weights in float64."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy

from scalargrad.core import ops
from scalargrad.core.functions import FUNCTIONS, log_softmax, softmax
from scalargrad.errors import LengthError, OptionError
from scalargrad.nn import (
    MLP,
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
    RMSNorm,
    RNNCell,
    Sequential,
    TimeDistributed,
)
from scalargrad.nn.activations import activation_name
from scalargrad.utils.calls import explain_calls

from .extras import require
from .weights import Numbers, find_weights

_KINDS: tuple[type[Module], ...] = (
    MLP,
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
    PReLU,
    RMSNorm,
    RNNCell,
    Sequential,
    TimeDistributed,
)
"""The layers that PyTorch has as well."""


class _Activation(NamedTuple):
    """The class of an activation in PyTorch, and how its options are called there.

    Attributes:
        theirs: The name of the class.
        options: PyTorch's names of our options.
        fixed: Options that PyTorch needs to compute the same.
    """

    theirs: str
    options: dict[str, str] = {}  # noqa: RUF012 - never changed
    fixed: dict[str, Any] = {}  # noqa: RUF012


_ACTIVATIONS = {
    ops.CELU.name: _Activation("CELU", {"alpha": "alpha"}),
    ops.ELU.name: _Activation("ELU", {"alpha": "alpha"}),
    ops.GELU.name: _Activation("GELU", fixed={"approximate": "none"}),
    ops.GELU_TANH.name: _Activation("GELU", fixed={"approximate": ops.TANH.name}),
    ops.HARDSIGMOID.name: _Activation("Hardsigmoid"),
    ops.HARDSWISH.name: _Activation("Hardswish"),
    ops.HARDTANH.name: _Activation("Hardtanh", {"low": "min_val", "high": "max_val"}),
    ops.LEAKY_RELU.name: _Activation("LeakyReLU", {"slope": "negative_slope"}),
    log_softmax.__name__: _Activation("LogSoftmax", fixed={"dim": -1}),
    ops.LOGSIGMOID.name: _Activation("LogSigmoid"),
    ops.MISH.name: _Activation("Mish"),
    ops.RELU.name: _Activation("ReLU"),
    ops.RELU6.name: _Activation("ReLU6"),
    ops.SELU.name: _Activation("SELU"),
    ops.SIGMOID.name: _Activation("Sigmoid"),
    ops.SILU.name: _Activation("SiLU"),
    softmax.__name__: _Activation("Softmax", fixed={"dim": -1}),
    # Beyond the threshold PyTorch returns x itself, at 20 a ninth digit too early.
    ops.SOFTPLUS.name: _Activation("Softplus", fixed={"threshold": 40.0}),
    ops.SOFTSHRINK.name: _Activation("Softshrink", {"threshold": "lambd"}),
    ops.SOFTSIGN.name: _Activation("Softsign"),
    ops.TANH.name: _Activation("Tanh"),
}
"""The activations that PyTorch has as well."""


@explain_calls
def to_torch(model: Module) -> Any:
    """Make a module of PyTorch that computes what a model computes, with copies of its weights.

    It takes batches, along the first axis, in float64. An MLP or a Layer becomes a
    `torch.nn.Sequential` of `Linear` and activations; Conv, pooling, Flatten, Dropout,
    normalization, Embedding, the recurrent cells and Attention become the modules of these names.
    Where a model returns one Value, the module returns a column.

    Args:
        model: The model.

    Returns:
        A `torch.nn.Module` in the mode of the model.

    Raises:
        MissingLibraryError: If PyTorch is not installed.
        OptionError: For a part that PyTorch has no module for.

    Example:
        A module of the same weights, whose numbers are those of the model:
        `to_torch(MLP(2, [3, 1], "tanh"))(torch.tensor([[1.0, -2.0]], dtype=torch.float64))`.
    """
    torch = _torch()
    parts = list(_build(torch, model))
    if not parts:
        raise OptionError(f"to_torch takes a model with layers, not {type(model).__name__}")
    module = parts[0] if len(parts) == 1 else torch.nn.Sequential(*parts)
    module = module.double()
    pairs = zip(find_weights(model), _find_theirs(torch, module), strict=True)
    for ours, theirs in pairs:
        own_names = theirs.state_dict()
        arrays = {name: torch.tensor(array) for name, array in ours.read().items()}
        theirs.load_state_dict({n: arrays[n] for n in own_names if n in arrays}, strict=False)
    return module.train(model.training)


@explain_calls
def from_torch(module: Any, model: Module | None = None) -> Module:
    """Copy the weights of a module of PyTorch to a model; without one, make the model.

    The layers of both are paired in their order. A model is made of a `Sequential` of layers that
    `to_torch` returns, or of one of them: its activations become those of the Layers before them.

    Args:
        module: A `torch.nn.Module`.
        model: What receives the weights; layers of other sizes are refused, and nothing changes.

    Returns:
        The model.

    Raises:
        MissingLibraryError: If PyTorch is not installed.
        OptionError: For a module that there is no layer for.
        LengthError: If layers or shapes differ.

    Example:
        `from_torch(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh()))` is a Layer of
        three neurons with tanh.
    """
    torch = _torch()
    if not isinstance(module, torch.nn.Module):
        raise OptionError(f"from_torch takes a torch.nn.Module, not {type(module).__name__}")
    receiver = _convert(torch, module) if model is None else model
    ours = find_weights(receiver)
    theirs = list(_find_theirs(torch, module))
    if len(ours) != len(theirs):
        raise LengthError(
            f"the model has {len(ours)} layers with weights "
            f"({', '.join(weights.name for weights in ours)}), the module {len(theirs)} "
            f"({', '.join(type(part).__name__ for part in theirs)})"
        )
    pairs: list[tuple[Any, float]] = []
    for position, (weights, part) in enumerate(zip(ours, theirs, strict=True)):
        arrays = _arrays_of(part)
        names = {*weights.leaves, *weights.added}
        where = f"layer {position}: {weights.name} and {type(part).__name__}"
        if not set(weights.leaves) <= set(arrays) <= names:
            raise LengthError(f"{where} have other arrays: {sorted(names)} and {sorted(arrays)}")
        for name, leaves in weights.leaves.items():
            if leaves.shape != arrays[name].shape:
                raise LengthError(
                    f"{where}: {name} has the shape {leaves.shape} in the model, "
                    f"{arrays[name].shape} in the module"
                )
        pairs += weights.pair(arrays)
    for leaf, number in pairs:
        leaf.data = number
    receiver.train(module.training)
    return receiver


def _torch() -> Any:
    return require("torch", "PyTorch", "torch")


def _find_theirs(torch: Any, module: Any) -> Iterator[Any]:
    """Yield the parts of a module that have weights, in its order."""
    if isinstance(module, torch.nn.MultiheadAttention) or not list(module.children()):
        if module.state_dict():
            yield module
        return
    for child in module.children():
        yield from _find_theirs(torch, child)


def _arrays_of(part: Any) -> dict[str, Numbers]:
    """Return the arrays of a part by name; those of a single layer of an RNN as for its cell."""
    arrays: dict[str, Numbers] = {}
    for name, tensor in part.state_dict().items():
        if name != "num_batches_tracked":
            array = tensor.detach().cpu().numpy().astype(numpy.float64)
            arrays[name.removesuffix("_l0")] = array
    return arrays


# From here to PyTorch


def _build(torch: Any, part: Any) -> Iterator[Any]:
    """Yield the modules that compute what a part of a model computes."""
    nn = torch.nn
    if isinstance(part, Module):
        _refuse_other_forward(part)
    if isinstance(part, MLP):
        for layer in part.layers:
            yield from _build(torch, layer)
    elif isinstance(part, Sequential):
        for step in part.steps:
            built = list(_build(torch, step))
            _refuse_tuples(torch, built)
            if isinstance(part, TimeDistributed):
                _refuse_shapes(torch, built)
            yield from built
    elif isinstance(part, Layer):
        first = part.neurons[0]
        yield nn.Linear(part.inputs, part.outputs, bias=first.bias is not None)
        yield from _activations(torch, part.activation or [n.activation for n in part.neurons])
    elif isinstance(part, Conv):
        channels = (part.channels, len(part.filters))
        yield nn.Conv2d(*channels, part.size, stride=part.stride, padding=part.padding)
        yield from _activations(torch, [each.activation for each in part.filters])
    elif isinstance(part, (LayerNorm, BatchNorm)):
        kind = nn.LayerNorm if isinstance(part, LayerNorm) else nn.BatchNorm1d
        more = {"momentum": part.momentum} if isinstance(part, BatchNorm) else {}
        yield kind(part.size, eps=part.eps, **more)
        yield from _activations(torch, part.activation)
    elif isinstance(part, Module):
        yield _build_single(torch, part)
    else:
        yield from _activations(torch, part)


def _build_single(torch: Any, part: Module) -> Any:
    """Return the one module that a part is."""
    nn = torch.nn
    if isinstance(part, PReLU):
        return nn.PReLU()
    if isinstance(part, (MaxPool, AvgPool)):
        kind = nn.MaxPool2d if isinstance(part, MaxPool) else nn.AvgPool2d
        return kind(part.size, stride=part.stride)
    if isinstance(part, Flatten):
        return nn.Flatten()
    if isinstance(part, Dropout):
        return nn.Dropout(part.mask.p)
    if isinstance(part, RMSNorm):
        return nn.RMSNorm(part.size, eps=part.eps, elementwise_affine=bool(part.scale))
    if isinstance(part, Embedding):
        return nn.Embedding(part.count, part.size)
    if isinstance(part, LSTMCell):
        return nn.LSTMCell(part.inputs, part.size)
    if isinstance(part, GRUCell):
        has_bias = part.reset_input.neurons[0].bias is not None
        return nn.GRUCell(part.inputs, part.size, bias=has_bias)
    if isinstance(part, RNNCell):
        name = activation_name(part.units.activation or part.units.neurons[0].activation)
        if name not in (ops.TANH.name, ops.RELU.name):
            raise OptionError(
                f"PyTorch has RNN cells with tanh and relu, not with {name or 'none'}"
            )
        return nn.RNNCell(part.inputs, part.size, nonlinearity=name)
    if isinstance(part, Attention):
        has_bias = part.query.neurons[0].bias is not None
        return nn.MultiheadAttention(
            part.size, part.heads, dropout=part.dropout.mask.p, bias=has_bias, batch_first=True
        )
    raise _no_module_for(part)


def _no_module_for(part: Module) -> OptionError:
    return OptionError(
        f"to_torch knows no module of PyTorch for {type(part).__name__}: "
        "convert the parts that it knows, and call them in a torch.nn.Module"
    )


def _refuse_other_forward(part: Module) -> None:
    """Refuse a subclass that computes something else than the layer that it is made from."""
    kinds = [kind for kind in _KINDS if isinstance(part, kind)]
    if not any(type(part).forward is kind.forward for kind in kinds):
        raise _no_module_for(part)


def _refuse_shapes(torch: Any, built: Sequence[Any]) -> None:
    """Refuse what does not compute with the last axis alone."""
    nn = torch.nn
    kinds = (nn.Flatten, nn.BatchNorm1d, nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
    for module in built:
        if isinstance(module, kinds):
            raise OptionError(
                f"PyTorch applies {type(module).__name__} to whole batches, not to each position "
                "of a sequence, as TimeDistributed does"
            )


def _refuse_tuples(torch: Any, built: Sequence[Any]) -> None:
    """Refuse modules in a Sequential that take or return more than one tensor."""
    kinds = (torch.nn.MultiheadAttention, torch.nn.RNNCellBase)
    for module in built:
        if isinstance(module, kinds):
            raise OptionError(
                f"{type(module).__name__} takes and returns several tensors, so it can't be a step "
                "of a torch.nn.Sequential: convert it alone"
            )


def _activations(torch: Any, choice: Any) -> Iterator[Any]:
    """Yield the module of an activation, if there is one."""
    if isinstance(choice, list):
        slopes = {id(each) for each in choice if isinstance(each, PReLU)}
        if slopes:
            yield torch.nn.PReLU(len(slopes))
            return
        if any(each is not choice[0] for each in choice):
            raise OptionError("to_torch takes layers whose neurons have one activation for all")
        choice = choice[0]
    if choice is None:
        return
    options = choice.keywords if isinstance(choice, partial) else {}
    name = activation_name(choice.func if isinstance(choice, partial) else choice)
    known = _ACTIVATIONS.get(name)
    if known is None or not set(options) <= set(known.options):
        listed = ", ".join(_ACTIVATIONS)
        raise OptionError(f"to_torch knows no activation {name!r} of PyTorch; it knows {listed}")
    theirs = {known.options[option]: number for option, number in options.items()}
    yield getattr(torch.nn, known.theirs)(**theirs, **known.fixed)


# From PyTorch


def _convert(torch: Any, module: Any) -> Module:
    """Make a model of the kind of a module, whose weights are still to be copied."""
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
    for name, known in _ACTIVATIONS.items():
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
