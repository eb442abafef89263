"""Modules of PyTorch that compute what the layers of a model compute."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

from scalargrad.core import ops
from scalargrad.core.functions import FUNCTIONS, log_softmax, softmax
from scalargrad.errors import OptionError
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
    Residual,
    RMSNorm,
    RNNCell,
    Sequential,
    TimeDistributed,
)
from scalargrad.nn.activations import activation_name

from .torch_activations import ACTIVATIONS

Known: TypeAlias = dict[Any, list[Any]]
"""The modules of PyTorch for parts of a model, by what identifies a part."""


def build_modules(torch: Any, part: Any, known: Known | None = None) -> list[Any]:
    """Return the modules of PyTorch that compute what a part of a model computes.

    Args:
        torch: The library.
        part: A model, or a step of a Sequential.
        known: The modules of the parts before it: one that is used again is the same module.

    Raises:
        OptionError: For a part that PyTorch has no module for.
    """
    known = {} if known is None else known
    if id(part) not in known:
        known[id(part)] = list(_build(torch, part, known))
    return known[id(part)]


def _build(torch: Any, part: Any, known: Known) -> Iterator[Any]:
    nn = torch.nn
    if isinstance(part, Module):
        _refuse_other_forward(part)
    if isinstance(part, Residual):
        from .torch_residual import Residual as TorchResidual

        yield TorchResidual(*_build_steps(torch, part, known))
    elif isinstance(part, MLP):
        for layer in part.layers:
            yield from build_modules(torch, layer, known)
    elif isinstance(part, Sequential):
        yield from _build_steps(torch, part, known)
    elif isinstance(part, Layer):
        first = part.neurons[0]
        yield nn.Linear(part.inputs, part.outputs, bias=first.bias is not None)
        choice = part.activation or [n.activation for n in part.neurons]
        yield from _activations(torch, choice, known)
    elif isinstance(part, Conv):
        channels = (part.channels, len(part.filters))
        yield nn.Conv2d(*channels, part.size, stride=part.stride, padding=part.padding)
        yield from _activations(torch, [each.activation for each in part.filters], known)
    elif isinstance(part, (LayerNorm, BatchNorm)):
        kind = nn.LayerNorm if isinstance(part, LayerNorm) else nn.BatchNorm1d
        more = {"momentum": part.momentum} if isinstance(part, BatchNorm) else {}
        yield kind(part.size, eps=part.eps, **more)
        yield from _activations(torch, part.activation, known)
    elif isinstance(part, Module):
        yield _build_single(torch, part)
    else:
        yield from _activations(torch, part, known)


def _build_steps(torch: Any, part: Sequential, known: Known) -> Iterator[Any]:
    for step in part.steps:
        built = build_modules(torch, step, known)
        _refuse_tuples(torch, built)
        if isinstance(part, TimeDistributed):
            _refuse_shapes(torch, built)
        yield from built


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
        name = _name_in_table(part.units.activation or part.units.neurons[0].activation)
        if name not in (ops.TANH.name, ops.RELU.name):
            raise OptionError(
                f"PyTorch has RNN cells with tanh and relu, not with {name or 'none'}"
            )
        return nn.RNNCell(part.inputs, part.size, nonlinearity=name)
    if isinstance(part, Attention):
        if part.causal:
            raise OptionError(
                "PyTorch's MultiheadAttention is given its causal mask in each call, so it can't "
                "be made of an Attention with causal=True"
            )
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
    if not type(part).forward.__module__.startswith("scalargrad.nn."):
        raise _no_module_for(part)


def _refuse_shapes(torch: Any, built: Sequence[Any]) -> None:
    """Refuse what does not compute with the last axis alone."""
    nn = torch.nn
    kinds = (nn.Flatten, nn.BatchNorm1d, nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
    for module in chain.from_iterable(each.modules() for each in built):
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


def _activations(torch: Any, choice: Any, known: Known) -> Iterator[Any]:
    """Yield the module of an activation, if there is one."""
    if isinstance(choice, list):
        slopes = tuple(dict.fromkeys(id(each) for each in choice if isinstance(each, PReLU)))
        if slopes:
            yield from known.setdefault(slopes, [torch.nn.PReLU(len(slopes))])
            return
        if any(each is not choice[0] for each in choice):
            raise OptionError("to_torch takes layers whose neurons have one activation for all")
        choice = choice[0]
    if choice is None:
        return
    options = choice.keywords if isinstance(choice, partial) else {}
    function = choice.func if isinstance(choice, partial) else choice
    activation = ACTIVATIONS.get(_name_in_table(function))
    if activation is None or not set(options) <= set(activation.options):
        name = activation_name(function)
        what = f"a function of yours named {name!r}" if name in ACTIVATIONS else repr(name)
        listed = ", ".join(ACTIVATIONS)
        raise OptionError(f"to_torch knows no activation of PyTorch for {what}; it knows {listed}")
    theirs = {activation.options[option]: number for option, number in options.items()}
    yield getattr(torch.nn, activation.theirs)(**theirs, **activation.fixed)


def _name_in_table(function: Any) -> str:
    """Return the name of an activation of ours, "" for others, whatever they are called."""
    name = activation_name(function)
    ours = {**FUNCTIONS, softmax.__name__: softmax, log_softmax.__name__: log_softmax}
    return name if ours.get(name) is function else ""
