"""Embedding: a vector of learned numbers for each of a number of things: letters, words, houses."""

from typing import Any

from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import is_number
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import DataError, OptionError

from .initializers import Initializer, initializer, weights_by_neuron
from .module import Module, unpacked
from .reshape import is_list


class Embedding(Module):
    """A table of learned vectors: index in, that row of the table out.

    count        how many things there are; indices go from 0 to count - 1
    size         how many numbers each vector has
    initializer  as for a Layer of `count` neurons with `size` inputs; by default normal, as in PyTorch
    seed         an int or a random.Random; None: the generator of the process, see `sg.manual_seed`

    An index gives a list of Parameters, a list of indices a list of such lists. Only the rows that were used receive a gradient.
    Raises OptionError for sizes below 1; a call raises DataError for what is no index, OptionError for one out of range.

    >>> letters = Embedding(26, 2)
    >>> [vector.label for vector in letters(3)]
    ['e3,0', 'e3,1']
    >>> len(letters([7, 4, 24]))
    3
    """

    def __init__(
        self, count: int, size: int, initializer: str | Initializer = "normal", seed: Seed = None
    ) -> None:
        self.count, self.size = (
            checked_int(count, "count of an Embedding", 1),
            checked_int(size, "size of an Embedding", 1),
        )
        rows = weights_by_neuron(_initializer(initializer), generator(seed), self.size, self.count)
        self.vectors = [
            [Parameter(number, label=f"e{i},{j}") for j, number in enumerate(row)]
            for i, row in enumerate(rows)
        ]

    def forward(self, x: Any) -> list[Any]:
        """The vector of an index, or those of a list of indices."""
        x = unpacked(x, self)
        if is_list(x):
            return [self.forward(item) for item in x]
        return list(self.vectors[self._index(x)])

    def _index(self, x: Any) -> int:
        if isinstance(x, Value):
            raise DataError(
                f"{self.describe()} takes a plain index, not a Value: which row is taken can't be differentiated; "
                "give int(x.data) if that is what is meant"
            )
        if isinstance(x, bool) or not is_number(x) or float(x) != float(x) // 1:
            raise DataError(
                f"{self.describe()} takes a whole number as index, not {type(x).__name__} {x!r}"
            )
        if not 0 <= x < self.count:
            raise OptionError(
                f"{self.describe()} has the indices 0 to {self.count - 1}, but was asked for {x!r}"
            )
        return int(x)

    def describe(self) -> str:
        return f"Embedding({self.count} → {self.size})"


_initializer = initializer
