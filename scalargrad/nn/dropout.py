"""Dropout and DropConnect: in training some outputs, or some weights, are left out at random."""

from copy import copy
from random import Random
from typing import Any

from scalargrad.core.conversion import as_float
from scalargrad.core.leaves import RandomLeaf
from scalargrad.core.modes import call_in_scope
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Value
from scalargrad.errors import OptionError

from .layers import Layer, Neuron
from .module import Module
from .reshape import as_values


class Mask:
    """A source of masks: 0 with the probability `p`, else 1/(1 - p), so that the mean is 1.

    >>> mask = Mask(0.5, Random(1), "a Mask")
    >>> [mask.draw() for _ in range(5)]
    [0.0, 2.0, 2.0, 0.0, 0.0]
    """

    def __init__(self, p: float, rng: Random, what: str) -> None:
        self.p, self.generator = as_float(p, f"p of {what}"), rng
        if not 0.0 <= self.p < 1.0:
            raise OptionError(
                f"p of {what} is the part that is left out, from 0 to below 1, not {p!r}"
            )

    def draw(self) -> float:
        """The next mask."""
        return 0.0 if self.generator.random() < self.p else 1.0 / (1.0 - self.p)


class _Dropping(Module):
    """What draws masks in training: its generator is part of what a checkpoint keeps."""

    def __init__(self, p: float, seed: Seed) -> None:
        self.generator = generator(seed)
        self.mask = Mask(p, self.generator, type(self).__name__)

    def _masked(self, x: Value) -> Value:
        return x * RandomLeaf(self.mask)


class Dropout(_Dropping):
    """In training each number is left out with the probability `p`, the others are divided by 1 - p (Srivastava et al. 2014).

    p  the part that is left out, from 0 to below 1
    seed   an int or a random.Random; None: the generator of the process, see `sg.manual_seed`

    In evaluation it does nothing at all. It takes a list, or lists in lists, of any shape, and returns the same shape. Masks are
    leaves of the kind RandomLeaf, so pictures show who was left out. Raises OptionError for an impossible p, DataError for what is no list.

    >>> dropout = Dropout(0.5, seed=1)
    >>> [y.data for y in dropout([1.0, 2.0, 3.0, 4.0, 5.0])]
    [0.0, 4.0, 6.0, 0.0, 0.0]
    >>> [y.data for y in dropout.eval()([1.0, 2.0, 3.0, 4.0, 5.0])]
    [1.0, 2.0, 3.0, 4.0, 5.0]
    """

    def __init__(self, p: float = 0.5, seed: Seed = None) -> None:
        super().__init__(p, seed)

    def forward(self, x: Any) -> list[Any]:
        """The same lists; in training each number times its mask."""
        values = as_values(x, self)
        return self._each(values, "") if self.training and self.mask.p else values

    def _each(self, values: list[Any], path: str) -> list[Any]:
        return [
            self._each(item, f"{path}{i}.")
            if isinstance(item, list)
            else call_in_scope(self._masked, self, f"{path}{i}", (item,), {})
            for i, item in enumerate(values)
        ]

    def describe(self) -> str:
        return f"Dropout({self.mask.p:g})"


class DropConnect(_Dropping):
    """In training each weight of a layer is left out with the probability `p`, anew for each sample (Wan et al. 2013).

    layer  a Layer or a Neuron; its parameters stay where they are, under `layer.…`
    p  the part of the weights that is left out, from 0 to below 1; the others are divided by 1 - p. Biases stay
    seed   an int or a random.Random; None: the generator of the process, see `sg.manual_seed`

    In evaluation the layer is as it is, which is the mean of what comes before the activation in training. (The paper samples from a
    normal distribution there.) Raises OptionError for an impossible p and for what is no Layer or Neuron.

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
                f"DropConnect takes a Layer or a Neuron, not {type(layer).__name__}: wrap each layer on its own"
            )
        self.layer = layer

    @property
    def inputs(self) -> int:
        """How many numbers the layer takes."""
        return self.layer.inputs

    def forward(self, x: Any) -> Any:
        """What the layer returns; in training with a part of its weights."""
        return (self._thinned(self.layer) if self.training and self.mask.p else self.layer)(x)

    def _thinned(self, module: Any) -> Any:
        """A twin that has masked weights and shares all else."""
        twin = copy(module)
        if isinstance(module, Layer):
            twin.neurons = [self._thinned(neuron) for neuron in module.neurons]
        else:
            # past __setattr__, which refuses Values in the place of Parameters
            twin.__dict__["weights"] = [self._masked(weight) for weight in module.weights]
        return twin

    def describe(self) -> str:
        return f"DropConnect({self.mask.p:g})"
