"""What tells a model at which position of a sequence a row is: learned vectors, or waves."""

from collections.abc import Sequence
from math import cos, sin
from operator import add

from scalargrad.core.checks import checked_int
from scalargrad.core.modes import call_in_scope
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Number, Value
from scalargrad.errors import LengthError

from .embedding import make_vectors
from .initializers import Initializer, InitializerName
from .module import Module
from .naming import describe
from .reshape import Lists
from .sequences import as_rows

Vector = Sequence[Number]

_LONGEST_WAVE = 10_000.0
"""The longest wavelength, as a multiple of the shortest one, in Vaswani et al. 2017."""


class PositionEmbedding(Module):
    """A learned vector for each position, added to the rows of a sequence (Gehring et al. 2017).

    Position i is encoded by row i of a table, as in GPT and BERT. A sequence may be shorter than
    the table.

    Args:
        count: The number of vectors, which is the length of the longest sequence.
        size: The length of each row.
        initializer: As for an Embedding.
        seed: As for an Embedding.

    Attributes:
        vectors: A list of Parameters for each position.

    Raises:
        OptionError: If a size is below 1.

    Example:
        >>> positions = PositionEmbedding(8, 2, initializer="zeros")
        >>> [[y.data for y in row] for row in positions([[1.0, 2.0], [3.0, 4.0]])]
        [[1.0, 2.0], [3.0, 4.0]]
    """

    def __init__(
        self,
        count: int,
        size: int,
        initializer: InitializerName | Initializer = "normal",
        seed: Seed = None,
    ) -> None:
        self.count = checked_int(count, "count of a PositionEmbedding", 1)
        self.size = checked_int(size, "size of a PositionEmbedding", 1)
        self.vectors = make_vectors(self.count, self.size, initializer, generator(seed), "p")

    def forward(self, x: Lists) -> list[list[Value]]:
        """Return the rows, each with the vector of its position added.

        Raises:
            LengthError: If there are no rows, more than `count`, or one of another length.
            DataError: If an item is not a number.
        """
        rows = as_rows(x, self.size, self)
        if len(rows) > self.count:
            raise LengthError(
                f"{describe(self)} has vectors for {self.count} positions, "
                f"but was given {len(rows)} rows"
            )
        return _add_vectors(rows, self.vectors[: len(rows)], self)

    def extra_repr(self) -> str:
        return f"{self.count} → {self.size}"


class PositionalEncoding(Module):
    """Sines and cosines of the position, added to a sequence (Vaswani et al. 2017, section 3.5).

    Nothing is learned, and a sequence may have any length. To the numbers 2i and 2i + 1 of the row
    at position p are added

        sin(p / 10000^(2i / size))  and  cos(p / 10000^(2i / size))

    Args:
        size: The length of each row.

    Raises:
        OptionError: If `size` is below 1.

    Example:
        >>> rows = PositionalEncoding(2)([[0.0, 0.0], [0.0, 0.0]])
        >>> [[round(y.data, 4) for y in row] for row in rows]
        [[0.0, 1.0], [0.8415, 0.5403]]
    """

    def __init__(self, size: int) -> None:
        self.size = checked_int(size, "size of a PositionalEncoding", 1)

    def forward(self, x: Lists) -> list[list[Value]]:
        """Return the rows, each with the waves at its position added.

        Raises:
            LengthError: If there are no rows, or one of another length than `size`.
            DataError: If an item is not a number.
        """
        rows = as_rows(x, self.size, self)
        vectors = [self.waves(position) for position in range(len(rows))]
        return _add_vectors(rows, vectors, self)

    def waves(self, position: int) -> list[float]:
        """Return what is added at a position."""
        numbers: list[float] = []
        for j in range(self.size):
            angle = position / _LONGEST_WAVE ** ((j - j % 2) / self.size)
            numbers.append(cos(angle) if j % 2 else sin(angle))
        return numbers

    def extra_repr(self) -> str:
        return str(self.size)


def _add_vectors(
    rows: Sequence[Vector], vectors: Sequence[Vector], module: Module
) -> list[list[Value]]:
    """Add a vector to each row, in a scope for each number, so that pictures tell them apart."""
    sums: list[list[Value]] = []
    for i, (row, vector) in enumerate(zip(rows, vectors, strict=True)):
        total: list[Value] = []
        for j, pair in enumerate(zip(row, vector, strict=True)):
            total.append(call_in_scope(add, module, f"{i}.{j}", pair, {}))
        sums.append(total)
    return sums
