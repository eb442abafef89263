"""The numbers of a network as arrays, under the names and in the shapes that PyTorch gives them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from scalargrad.core.leaves import Buffer
from scalargrad.core.value import Parameter

from .activations import PReLU
from .attention import Attention
from .convolution import Conv
from .embedding import Embedding
from .layers import Layer, Neuron
from .module import Module
from .naming import join_path
from .normalization import BatchNorm, LayerNorm, RMSNorm
from .positions import PositionEmbedding
from .recurrent import GRUCell

Leaf = Parameter | Buffer
Part = tuple[str, tuple[int, ...], Sequence[Leaf]]


@dataclass(frozen=True)
class Tensor:
    """An array of numbers of a network.

    Attributes:
        name: Its name, such as "layers.0.weight".
        shape: Its shape; () for a number by itself.
        leaves: The Parameters or Buffers that hold its numbers, the last index running fastest.
    """

    name: str
    shape: tuple[int, ...]
    leaves: tuple[Leaf, ...]


def tensors(model: Module) -> list[Tensor]:
    """List the arrays that hold all parameters and buffers of a network.

    A layer that PyTorch has as well gives arrays of the same names and shapes: `weight` (outputs,
    inputs) and `bias` (outputs) for a Layer. Every other number is an array without dimensions,
    under the name that `state_dict` has for it. So are the numbers of a layer that shares some of
    them with an earlier one.

    Args:
        model: A network.

    Returns:
        Arrays in which every parameter and buffer appears once.

    Example:
        >>> from scalargrad.nn import MLP
        >>> for tensor in tensors(MLP(2, [3, 1])):
        ...     print(tensor.name, tensor.shape)
        layers.0.weight (3, 2)
        layers.0.bias (3,)
        layers.1.weight (1, 3)
        layers.1.bias (1,)
    """
    leaves: dict[str, Leaf] = dict(model.named_parameters())
    leaves.update(model.named_buffers())
    free = {id(leaf) for leaf in leaves.values()}

    arrays: list[Tensor] = []
    for path, module in model.named_modules():
        for suffix, shape, parts in _parts(module):
            ids = {id(part) for part in parts}
            # The user may have replaced a list of weights, or tied some of them.
            is_whole = len(ids) == len(parts) == prod(shape) > 0
            if is_whole and ids <= free:
                free -= ids
                arrays.append(Tensor(join_path(path, suffix), shape, tuple(parts)))

    for name, leaf in leaves.items():
        if id(leaf) in free:
            arrays.append(Tensor(name, (), (leaf,)))
    return arrays


def _parts(module: Module) -> Iterator[Part]:
    """Yield the arrays of a layer that PyTorch has as well: name, shape and leaves of each."""
    if isinstance(module, Layer):
        yield from _rows(module.neurons, (module.inputs,))
    elif isinstance(module, Conv):
        yield from _rows(module.filters, (module.channels, *module.size))
    elif isinstance(module, (LayerNorm, BatchNorm)):
        yield "weight", (module.size,), list(module.scale)
        yield "bias", (module.size,), list(module.shift)
        if isinstance(module, BatchNorm):
            yield "running_mean", (module.size,), list(module.mean)
            yield "running_var", (module.size,), list(module.variance)
    elif isinstance(module, RMSNorm):
        yield "weight", (module.size,), list(module.scale)
    elif isinstance(module, Attention):
        projections = [module.query, module.key, module.value]
        yield from _stacked(projections, module.size, ("in_proj_weight", "in_proj_bias"))
    elif isinstance(module, GRUCell):
        input_layers = [module.reset_input, module.update_input, module.candidate_input]
        state_layers = [module.reset_state, module.update_state, module.candidate_state]
        yield from _stacked(input_layers, module.inputs, ("weight_ih", "bias_ih"))
        yield from _stacked(state_layers, module.size, ("weight_hh", "bias_hh"))
    elif isinstance(module, (Embedding, PositionEmbedding)):
        rows = [leaf for row in module.vectors for leaf in row]
        yield "weight", (module.count, module.size), rows
    elif isinstance(module, PReLU):
        yield "weight", (1,), [module.slope]


def _stacked(layers: Sequence[Layer], inputs: int, names: tuple[str, str]) -> Iterator[Part]:
    """Yield the weights and biases of layers over the same inputs, one below the other."""
    neurons = [neuron for layer in layers for neuron in layer.neurons]
    return _rows(neurons, (inputs,), names)


def _rows(
    neurons: Sequence[Neuron],
    shape: tuple[int, ...],
    names: tuple[str, str] = ("weight", "bias"),
) -> Iterator[Part]:
    """Yield the weights and biases of neurons side by side."""
    count = len(neurons)
    weights = [weight for neuron in neurons for weight in neuron.weights]
    biases = [neuron.bias for neuron in neurons if neuron.bias is not None]
    weight, bias = names
    yield weight, (count, *shape), weights
    yield bias, (count,), biases
