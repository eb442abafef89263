"""The weights of layers as PyTorch names, shapes and orders them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy
from numpy.typing import NDArray

from scalargrad.nn import (
    Attention,
    BatchNorm,
    Conv,
    Embedding,
    GRUCell,
    Layer,
    LayerNorm,
    LSTMCell,
    Module,
    PositionEmbedding,
    PReLU,
    RMSNorm,
    RNNCell,
)
from scalargrad.nn.tensors import tensors

Leaves = NDArray[numpy.object_]
"""An array of Parameters or Buffers."""

Numbers = NDArray[numpy.float64]

_WEIGHTED = (
    Attention,
    BatchNorm,
    Conv,
    Embedding,
    GRUCell,
    Layer,
    LayerNorm,
    LSTMCell,
    PositionEmbedding,
    PReLU,
    RMSNorm,
    RNNCell,
)


@dataclass(frozen=True)
class Weights:
    """The weights of one layer.

    Attributes:
        name: What the layer is, for messages.
        leaves: Its Parameters and Buffers, by PyTorch's names.
        added: Names of arrays that PyTorch has beside others which they are added to: a second
            bias. Here they are zeros.
    """

    name: str
    leaves: dict[str, Leaves]
    added: dict[str, str] = field(default_factory=dict)

    def read(self) -> dict[str, Numbers]:
        """Return the numbers by PyTorch's names."""
        arrays = {name: _numbers(leaves) for name, leaves in self.leaves.items()}
        for name, other in self.added.items():
            arrays[name] = numpy.zeros(arrays[other].shape)
        return arrays

    def pair(self, arrays: dict[str, Numbers]) -> Iterator[tuple[object, float]]:
        """Yield each leaf with its number among arrays of PyTorch's names and shapes."""
        for name, leaves in self.leaves.items():
            numbers = arrays[name]
            for extra, other in self.added.items():
                if other == name and extra in arrays:
                    numbers = numbers + arrays[extra]
            yield from zip(leaves.ravel().tolist(), numbers.ravel().tolist(), strict=True)


def find_weights(model: Module) -> list[Weights]:
    """List the weights of the layers of a model, in the order in which it holds them.

    Example:
        >>> from scalargrad.nn import MLP
        >>> for weights in find_weights(MLP(2, [3, 1])):
        ...     print(weights.name, {name: leaves.shape for name, leaves in weights.leaves.items()})
        Layer {'weight': (3, 2), 'bias': (3,)}
        Layer {'weight': (1, 3), 'bias': (1,)}
    """
    found: list[Weights] = []
    seen: set[int] = set()
    _collect(model, found, seen)
    return found


def _collect(module: Module, found: list[Weights], seen: set[int]) -> None:
    # PyTorch lists a module that is used twice once.
    if id(module) in seen:
        return
    seen.add(id(module))
    if not isinstance(module, _WEIGHTED):
        for _, child in module.children():
            _collect(child, found, seen)
        return
    name = type(module).__name__
    if isinstance(module, LSTMCell):
        gates = [module.input_gate, module.forget_gate, module.candidate, module.output_gate]
        found.append(_split_cell(name, gates, module.inputs))
    elif isinstance(module, RNNCell):
        found.append(_split_cell(name, [module.units], module.inputs))
    else:
        leaves = _by_name(module)
        # A normalization without scales has none.
        if leaves:
            found.append(Weights(name, leaves))
    _collect_slopes(module, found, seen)


def _collect_slopes(module: Module, found: list[Weights], seen: set[int]) -> None:
    """Add the slopes of neurons that have a PReLU each, or share one."""
    neurons = getattr(module, "neurons", None) or getattr(module, "filters", None) or []
    slopes = []
    for neuron in neurons:
        if isinstance(neuron.activation, PReLU) and id(neuron.activation) not in seen:
            seen.add(id(neuron.activation))
            slopes.append(neuron.activation.slope)
    if slopes:
        found.append(Weights("PReLU", {"weight": _array(slopes, (len(slopes),))}))


def _by_name(module: Module) -> dict[str, Leaves]:
    arrays: dict[str, Leaves] = {}
    for tensor in tensors(module):
        # The slopes of activations are arrays of their own.
        if "activation" not in tensor.name:
            arrays[tensor.name] = _array(list(tensor.leaves), tensor.shape)
    return arrays


def _split_cell(name: str, gates: list[Layer], inputs: int) -> Weights:
    """Return the weights of a cell, which PyTorch keeps apart by input and state."""
    neurons = [neuron for gate in gates for neuron in gate.neurons]
    width = len(neurons[0].weights)
    both = [weight for neuron in neurons for weight in neuron.weights]
    matrix = _array(both, (len(neurons), width))
    biases = _array([neuron.bias for neuron in neurons], (len(neurons),))
    leaves = {"weight_ih": matrix[:, :inputs], "weight_hh": matrix[:, inputs:], "bias_ih": biases}
    return Weights(name, leaves, {"bias_hh": "bias_ih"})


def _array(leaves: Sequence[object], shape: tuple[int, ...]) -> Leaves:
    # Not numpy.array, which would ask Values for their lengths.
    array = numpy.empty(len(leaves), dtype=object)
    array[:] = leaves
    return array.reshape(shape)


def _numbers(leaves: Leaves) -> Numbers:
    return numpy.array([leaf.data for leaf in leaves.ravel()], dtype=float).reshape(leaves.shape)
