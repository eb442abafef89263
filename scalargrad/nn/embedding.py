"""Embedding: a vector of learned numbers for each letter, word or category."""

from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import is_number
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import DataError, OptionError

from .initializers import Initializer, InitializerName, resolve_initializer, weights_by_neuron
from .inputs import unpacked
from .module import Module
from .naming import describe
from .reshape import is_list


class Embedding(Module):
    """A table of learned vectors, looked up by index.

    For an index it returns a list of Parameters, for a list of indices a list of such lists. Only
    the rows that were used receive a gradient.

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
        draw = resolve_initializer(initializer, "initializer")
        rows = weights_by_neuron(draw, generator(seed), self.size, self.count)
        self.vectors = [_make_vector(i, row) for i, row in enumerate(rows)]

    def forward(self, x: Any) -> list[Any]:
        """Return the vector of an index, or those of a list of indices.

        Raises:
            DataError: If something is not an index.
            OptionError: If an index is out of range.
        """
        x = unpacked(x, self)
        if is_list(x):
            return [self.forward(item) for item in x]
        return list(self.vectors[self._index(x)])

    def _index(self, x: Any) -> int:
        if isinstance(x, Value):
            raise DataError(
                f"{describe(self)} takes a plain index, not a Value: which row is taken can't be "
                "differentiated; give int(x.data) if that is what is meant"
            )
        if isinstance(x, bool) or not is_number(x) or float(x) != float(x) // 1:
            raise DataError(
                f"{describe(self)} takes a whole number as index, not {type(x).__name__} {x!r}"
            )
        if not 0 <= x < self.count:
            raise OptionError(
                f"{describe(self)} has the indices 0 to {self.count - 1}, but was asked for {x!r}"
            )
        return int(x)

    def extra_repr(self) -> str:
        return f"{self.count} → {self.size}"


def _make_vector(i: int, numbers: list[float]) -> list[Parameter]:
    return [Parameter(number, label=f"e{i},{j}") for j, number in enumerate(numbers)]
