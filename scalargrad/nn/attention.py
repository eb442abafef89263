"""Attention: each position of a sequence reads from the others what is relevant to it."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

from scalargrad.core import ops
from scalargrad.core.checks import checked_bool, checked_int
from scalargrad.core.functions import softmax
from scalargrad.core.modes import call_in_scope
from scalargrad.core.operations import apply
from scalargrad.core.seeds import Seed, generator
from scalargrad.core.value import Value
from scalargrad.errors import OptionError

from .dropout import Dropout
from .initializers import Initializer, InitializerName
from .inputs import Inputs
from .layers import Layer
from .module import Module
from .naming import join_parts
from .reshape import Lists
from .sequences import as_rows

Vector = Sequence[Value]
Weights = list[list[list[Value]]]
"""The attention weights as [head][position][position that is attended to]."""


class Attention(Module):
    """Multi-head self-attention (Vaswani et al. 2017, sections 3.2.1 and 3.2.2).

    Each position makes a query, a key and a value, and each head has its own part of them. In a
    head, position i weights the values v of all positions by how well their keys k fit its query q:

        weights = softmax(q_i·k_0 / √d, q_i·k_1 / √d, …)
        result  = weights[0]·v_0 + weights[1]·v_1 + …

    where d is the size of a head. The results of all heads, joined, pass through a last Layer. The
    numbers are those of PyTorch's `MultiheadAttention(size, heads)(x, x, x)`.

    It takes a sequence of any length, a list of rows of `size` numbers, and returns as many rows of
    the same size.

    Args:
        size: The length of each row.
        heads: The number of heads, which divides `size`.
        causal: Whether a position attends to itself and earlier ones only, so that a model can
            learn to predict the next. Nothing is computed for the others.
        dropout: The probability that a weight is dropped in training, see `Dropout`.
        initializer: As for a Layer, for each of the four layers.
        seed: As for a Layer; the dropout draws from it too.
        bias_initializer: As for a Layer.
        bias: As for a Layer.

    Attributes:
        query: The Layer that computes queries; of its neurons the first `size / heads` are those of
            the first head, and so on. The others are divided in the same way.
        key: The Layer that computes keys.
        value: The Layer that computes values.
        out_proj: The Layer after the heads, under PyTorch's name.
        dropout: The Dropout of the weights.

    Raises:
        OptionError: If a size is below 1, `heads` does not divide `size`, or a name is unknown.

    Example:
        >>> attention = Attention(4, heads=2, causal=True, seed=0)
        >>> rows = [[2.0, 0.0, -1.0, 1.0], [1.0, -1.0, 0.0, 3.0]]
        >>> outputs, weights = attention(rows, with_weights=True)
        >>> len(outputs), len(outputs[0]), len(weights)
        (2, 4, 2)
        >>> [[round(weight.data, 2) for weight in row] for row in weights[0]]
        [[1.0], [0.74, 0.26]]
    """

    _in_one_line = True

    def __init__(
        self,
        size: int,
        heads: int = 1,
        causal: bool = False,
        dropout: float = 0.0,
        initializer: InitializerName | Initializer = "xavier",
        seed: Seed = None,
        *,
        bias_initializer: InitializerName | Initializer = "zeros",
        bias: bool = True,
    ) -> None:
        self.size = checked_int(size, "size of Attention", 1)
        self.heads = checked_int(heads, "heads of Attention", 1)
        if self.size % self.heads:
            raise OptionError(
                f"heads of Attention must divide its size of {self.size} evenly, not {heads!r}"
            )
        self.causal = checked_bool(causal, "causal of Attention")
        rng = generator(seed)

        def projection() -> Layer:
            return Layer(
                self.size,
                self.size,
                None,
                initializer,
                rng,
                bias_initializer=bias_initializer,
                bias=bias,
            )

        self.query = projection()
        self.key = projection()
        self.value = projection()
        self.out_proj = projection()
        self.dropout = Dropout(dropout, rng)

    def forward(self, x: Lists, with_weights: bool = False) -> Any:
        """Return one row per position.

        Args:
            x: The rows, each of `size` numbers or Values.
            with_weights: Whether to return (rows, weights), with the weights of the values as
                [head][position][position that is attended to], after dropout. In causal attention
                the list for position i has i + 1 weights.

        Raises:
            LengthError: If there are no rows, or one has more or fewer numbers than `size`.
            DataError: If an item is not a number.
        """
        rows = as_rows(x, self.size, self)
        queries = [self._split(row) for row in _project(self.query, rows)]
        keys = [self._split(row) for row in _project(self.key, rows)]
        values = [self._split(row) for row in _project(self.value, rows)]

        joined = [Inputs() for _ in rows]
        weights: Weights = []
        for head in range(self.heads):
            parts = ([row[head] for row in vectors] for vectors in (queries, keys, values))
            name = f"heads.{head}"
            head_weights, results = call_in_scope(self._attend, self, name, tuple(parts), {})
            weights.append(head_weights)
            for row, result in zip(joined, results, strict=True):
                row += result

        outputs = _project(self.out_proj, joined)
        return (outputs, weights) if with_weights else outputs

    def _split(self, row: list[Value]) -> list[list[Value]]:
        """Return the part of each head."""
        width = self.size // self.heads
        return [row[start : start + width] for start in range(0, self.size, width)]

    def _attend(
        self, queries: Sequence[Vector], keys: Sequence[Vector], values: Sequence[Vector]
    ) -> tuple[list[list[Value]], list[list[Value]]]:
        """Return the weights of one head, and its results, for each position."""
        weights: list[list[Value]] = []
        results: list[list[Value]] = []
        for i, query in enumerate(queries):
            # Later positions are left out, and need no mask of minus infinity.
            end = i + 1 if self.causal else len(keys)
            arguments = (query, keys[:end], values[:end])
            row, result = call_in_scope(self._read, self, f"positions.{i}", arguments, {})
            weights.append(row)
            results.append(result)
        return weights, results

    def _read(
        self, query: Vector, keys: Sequence[Vector], values: Sequence[Vector]
    ) -> tuple[list[Value], list[Value]]:
        """Return the weights of the positions, and the weighted sum of their values."""
        scale = 1.0 / sqrt(len(query))
        scores = [apply(ops.DOT, *query, *key) * scale for key in keys]
        weights: list[Any] = self.dropout(softmax(scores))
        for j, weight in enumerate(weights):
            weight.label = f"a{j}"
        columns = zip(*values, strict=True)
        return weights, [apply(ops.DOT, *weights, *column) for column in columns]

    def extra_repr(self) -> str:
        heads = "1 head" if self.heads == 1 else f"{self.heads} heads"
        bias = "" if self.query.neurons[0].bias is not None else "bias=False"
        return join_parts(str(self.size), heads, "causal" if self.causal else "", bias)


def _project(layer: Layer, rows: Sequence[Inputs]) -> list[list[Value]]:
    """Call a layer for each position, in a scope each, so that pictures tell them apart."""
    outputs: list[list[Value]] = []
    for i, row in enumerate(rows):
        name = f"{layer._scope_name}.{i}"
        outputs.append(call_in_scope(layer.forward, layer, name, (row,), {}))
    return outputs
