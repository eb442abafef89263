"""Embedding: a vector of learned numbers for each letter, word or category."""

from random import Random
from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.lookup import look_up
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Parameter

from .initializers import Initializer, InitializerName, resolve_initializer, weights_by_neuron
from .inputs import unpack
from .module import Module
from .naming import describe


class Embedding(Module):
    """A table of learned vectors, looked up by index.

    For an index it returns a list of Parameters, for a list of indices a list of such lists. Only
    the rows that were used receive a gradient. A compiled function gathers the vectors of its
    integer inputs: `compile(model, model, inputs=[("token", 3)])`.

    Args:
        count: The number of vectors; indices go from 0 to count - 1.
        size: The length of each vector.
        initializer: As for a Layer of `count` neurons with `size` inputs; the default is PyTorch's.
        seed: An int or a random.Random; None for the global generator, see `sg.manual_seed`.

    Raises:
        OptionError: If a size is below 1.

    Example:
        >>> letters = Embedding(26, 2)
        >>> [vector.label for vector in letters(3)]
        ['e3,0', 'e3,1']
        >>> len(letters([7, 4, 24]))
        3
    """

    def __init__(
        self,
        count: int,
        size: int,
        initializer: InitializerName | Initializer = "normal",
        seed: Seed = None,
    ) -> None:
        self.count = checked_int(count, "count of an Embedding", 1)
        self.size = checked_int(size, "size of an Embedding", 1)
        self.vectors = make_vectors(self.count, self.size, initializer, generator(seed), "e")

    def forward(self, x: Any) -> Any:
        """Return the vector of an index, or those of a list of indices.

        In a compiled function an index is an integer input, as for `sg.take`.

        Raises:
            DataError: If something is not an index.
            OptionError: If an index is out of range.
            TraceError: If a compiled function gives it anything but integer inputs.
        """
        return look_up(self.vectors, unpack(x, self), describe(self))

    def extra_repr(self) -> str:
        return f"{self.count} → {self.size}"


def make_vectors(
    count: int, size: int, initializer: InitializerName | Initializer, rng: Random, name: str
) -> list[list[Parameter]]:
    """Draw learned vectors.

    Args:
        count: The number of vectors.
        size: The length of each.
        initializer: As for a Layer of `count` neurons with `size` inputs.
        rng: The generator to draw from.
        name: What the labels of the Parameters begin with.

    Example:
        >>> make_vectors(1, 2, "zeros", Random(0), "e")[0][1].label
        'e0,1'
    """
    draw = resolve_initializer(initializer, "initializer")
    vectors: list[list[Parameter]] = []
    for i, row in enumerate(weights_by_neuron(draw, rng, size, count)):
        vectors.append([Parameter(x, label=f"{name}{i},{j}") for j, x in enumerate(row)])
    return vectors
