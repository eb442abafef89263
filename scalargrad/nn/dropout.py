"""Dropout and DropConnect: in training some outputs, or some weights, are dropped at random."""

from copy import copy
from random import Random

from scalargrad.core.conversion import as_float
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.modes import call_in_scope
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Value
from scalargrad.errors import OptionError

from .inputs import Row
from .layers import Layer, Neuron
from .module import Module
from .reshape import Lists, NestedValues, as_values


class Mask:
    """A source of random masks: 0 with the probability `p`, else 1/(1 - p), so that the mean is 1.

    Args:
        p: The probability of 0.
        rng: The generator to draw from.
        what: The name of the module, for errors.

    Raises:
        OptionError: If `p` is not from 0 to below 1.

    Example:
        >>> mask = Mask(0.5, Random(1), "a Mask")
        >>> [mask.draw() for _ in range(5)]
        [0.0, 2.0, 2.0, 0.0, 0.0]
    """

    def __init__(self, p: float, rng: Random, what: str) -> None:
        self.p = as_float(p, f"p of {what}")
        self.generator = rng
        if not 0.0 <= self.p < 1.0:
            raise OptionError(
                f"p of {what} is the probability of being dropped, from 0 to below 1, not {p!r}"
            )

    def draw(self) -> float:
        """Return a random mask."""
        return 0.0 if self.generator.random() < self.p else 1.0 / (1.0 - self.p)


class _Dropping(Module):
    """A module that draws masks in training."""

    def __init__(self, p: float, seed: Seed) -> None:
        # An attribute of the module itself, where checkpoints look for generators.
        self.generator = generator(seed)
        self.mask = Mask(p, self.generator, type(self).__name__)

    def _apply_mask(self, x: Value) -> Value:
        return x * RandomLeaf(self.mask)


class Dropout(_Dropping):
    """Dropout (Srivastava et al. 2014).

    In training each number is set to 0 with the probability `p`, and the others are divided by 1
    - p. In evaluation nothing is changed. It takes a list, or nested lists, of any shape, and
    returns the same shape. Masks are RandomLeaf nodes, so pictures show what was dropped.

    Args:
        p: The probability of being dropped, from 0 to below 1.
        seed: An int or a random.Random; None for the global generator, see `sg.manual_seed`.

    Raises:
        OptionError: If `p` is out of its range.

    Example:
        >>> dropout = Dropout(0.5, seed=1)
        >>> [y.data for y in dropout([1.0, 2.0, 3.0, 4.0, 5.0])]
        [0.0, 4.0, 6.0, 0.0, 0.0]
        >>> [y.data for y in dropout.eval()([1.0, 2.0, 3.0, 4.0, 5.0])]
        [1.0, 2.0, 3.0, 4.0, 5.0]
    """

    def __init__(self, p: float = 0.5, seed: Seed = None) -> None:
        super().__init__(p, seed)

    def forward(self, x: Lists) -> NestedValues:
        """Return the same lists, in training each number times its mask.

        Raises:
            DataError: If `x` is not a list, or holds anything but numbers.
        """
        values = as_values(x, self)
        return self._drop(values, "") if self.training and self.mask.p else values

    def _drop(self, values: NestedValues, path: str) -> NestedValues:
        masked: NestedValues = []
        for i, item in enumerate(values):
            if isinstance(item, list):
                masked.append(self._drop(item, f"{path}{i}."))
            else:
                # A scope for each number, so that pictures tell them apart.
                masked.append(call_in_scope(self._apply_mask, self, f"{path}{i}", (item,), {}))
        return masked

    def extra_repr(self) -> str:
        return f"{self.mask.p:g}"


class DropConnect(_Dropping):
    """DropConnect: dropout of weights instead of outputs (Wan et al. 2013).

    In training each weight of a layer is set to 0 with the probability `p`, drawn again for each
    sample, and the others are divided by 1 - p. Biases are never dropped. In evaluation the layer
    is unchanged, which is the mean of what comes before the activation in training. (The paper
    samples from a normal distribution there.)

    Args:
        layer: A Layer or a Neuron. Its parameters keep their names, under `layer.…`.
        p: The probability of being dropped, from 0 to below 1.
        seed: An int or a random.Random; None for the global generator, see `sg.manual_seed`.

    Raises:
        OptionError: If `p` is out of its range, or `layer` is neither a Layer nor a Neuron.

    Example:
        >>> thin = DropConnect(Layer(3, 2), 0.5, seed=1)
        >>> [name for name, _ in thin.named_parameters()][:2]
        ['layer.neurons.0.weights.0', 'layer.neurons.0.weights.1']
        >>> len(thin([1.0, 2.0, 3.0]))
        2
    """

    def __init__(self, layer: Layer | Neuron, p: float = 0.5, seed: Seed = None) -> None:
        super().__init__(p, seed)
        if not isinstance(layer, (Layer, Neuron)):
            raise OptionError(
                f"DropConnect takes a Layer or a Neuron, not {type(layer).__name__}: "
                "wrap each layer on its own"
            )
        self.layer = layer

    @property
    def inputs(self) -> int:
        """The number of inputs of the layer."""
        return self.layer.inputs

    def forward(self, x: Row) -> Value | list[Value]:
        """Return the output of the layer, in training with masked weights."""
        is_dropping = self.training and self.mask.p
        layer = self._thin_out(self.layer) if is_dropping else self.layer
        return layer(x)

    def _thin_out(self, layer: Layer | Neuron) -> Layer | Neuron:
        """Return a copy of a Layer or Neuron that has masked weights and shares all else."""
        if isinstance(layer, Neuron):
            return self._thin_out_neuron(layer)
        twin = copy(layer)
        twin.neurons = [self._thin_out_neuron(neuron) for neuron in layer.neurons]
        return twin

    def _thin_out_neuron(self, neuron: Neuron) -> Neuron:
        twin = copy(neuron)
        # Past __setattr__, which refuses Values in the place of Parameters.
        twin.__dict__["weights"] = [self._apply_mask(weight) for weight in neuron.weights]
        return twin

    def extra_repr(self) -> str:
        return f"{self.mask.p:g}"
