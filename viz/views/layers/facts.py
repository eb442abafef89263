"""What a card of the layer view says of its layer, in words and numbers."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from math import isqrt

import numpy
from numpy.typing import NDArray

from scalargrad.core.value import Parameter, Value
from viz.look.legend import DEAD, OFF
from viz.look.text import clean, cut, number
from viz.model.layer_card import Statistics
from viz.model.snapshot import LINEAR, Snapshot

from .assign import Layer, OutputName, Rows
from .order import Rank, digits, grid_shape, rank_names, sort_leaves

MAX_BLOCKS = 6


class LayerFacts:
    """A layer in words and numbers, each computed when it is first asked for."""

    def __init__(self, layer: Layer, snapshot: Snapshot, has_gradients: bool) -> None:
        self.layer = layer
        self.snapshot = snapshot
        self.has_gradients = has_gradients

    @cached_property
    def output_names(self) -> list[OutputName]:
        """The names of the layer's outputs, unit by unit."""
        names: dict[OutputName, None] = {}
        for call in sorted(self.layer.outputs):
            names |= dict.fromkeys(self.layer.outputs[call])

        ranks = rank_names((unit, op) for unit, op, _ in names)

        def place(name: OutputName) -> tuple[Rank, int]:
            unit, op, repeat = name
            return ranks[unit, op], repeat

        return sorted(names, key=place)

    @cached_property
    def output_grid(self) -> tuple[int, int, int] | None:
        """(maps, rows, columns) where the outputs are those of a convolution."""
        return grid_shape([digits(unit) for unit, _, _ in self.output_names])

    @cached_property
    def _rows(self) -> list[Rows]:
        """The neurons with weights, in order."""
        rows = [row for row in self.layer.rows.values() if row.weights]
        ranks = rank_names((row.name, "") for row in rows)
        return sorted(rows, key=lambda row: ranks[row.name, ""])

    @cached_property
    def weights(self) -> list[list[Parameter]]:
        """The weights of each neuron in order.

        If a module has all of them in one list, each of its outputs has an equal part of it.
        """
        rows = [list(row.weights) for row in self._rows]
        units = self.layer.units
        if len(rows) == 1 and units > 1:
            (weights,) = rows
            size, left_over = divmod(len(weights), units)
            if not left_over:
                starts = range(0, len(weights), size)
                return [weights[start : start + size] for start in starts]
        return [sort_leaves(row) for row in rows]

    @cached_property
    def weights_name(self) -> str:
        """W; for units of one parameter each, as in a normalization, what their labels say."""
        rows = self.weights
        longest = max(map(len, rows), default=0)
        if len(rows) < 2 or longest != 1:
            return "W"

        labels = [self.snapshot.labels[leaf] for row in rows for leaf in row]
        names = {cut(label, 16).rstrip("0123456789") for label in labels}
        if len(names) > 1:
            return "W"
        return names.pop() or "W"

    @cached_property
    def activation(self) -> str:
        """The operation that the layer ends with, "" for sums and products."""
        outputs = (node for call in self.layer.outputs.values() for node in call.values())
        node = next(outputs, None)
        if node is None or node.op in LINEAR:
            return ""
        return node.op if self.snapshot.symbols[node] else ""

    @property
    def line(self) -> str:
        """What the layer is: its class, its sizes, its activation."""
        calls = len(self.layer.calls)
        inputs = max(map(len, self.weights), default=0)
        # Units with at most one weight each, as in a normalization, don't tell how many enter.
        if inputs <= 1:
            inputs = round(len(self.layer.entering) / max(1, calls))

        outputs = f"{len(self.output_names):,}"
        if self.output_grid:
            outputs = "×".join(map(str, self.output_grid))

        kind = clean(self.layer.kind, 24)
        line = f"{kind} {inputs:,} → {outputs}"
        if calls > 1:
            line += f" × {calls:,} calls"
        activation = clean(self.activation, 16)
        return f"{line}, {activation}" if activation else line

    @cached_property
    def statistics(self) -> Statistics:
        """The layer in numbers; only sizes are known without gradients."""
        parameters = self.layer.parameters
        units = len(self.output_names)
        if not self.has_gradients:
            return Statistics(len(parameters), units)

        norm = None
        zeros = None
        if parameters:
            gradients = self._gradients(list(parameters))
            norm = float(numpy.linalg.norm(gradients))
            zeros = float((gradients == 0.0).mean())

        weights = [weight for row in self.weights for weight in row]
        size = float(numpy.linalg.norm([weight.data for weight in weights]))
        slope = float(numpy.linalg.norm(self._gradients(weights)))
        return Statistics(
            len(parameters),
            units,
            gradient_norm=norm,
            zero_gradients=zeros,
            dead=sum(map(self._is_dead, self.output_names)),
            ratio=slope / size if size else None,
        )

    def _gradients(self, leaves: Sequence[Value]) -> NDArray[numpy.float64]:
        return numpy.array([self.snapshot.gradients[leaf] for leaf in leaves])

    @property
    def word_for_dead(self) -> str:
        """The word for units that let no gradient pass: one sample alone can't tell a dead one."""
        return OFF if len(self.layer.outputs) <= 1 else DEAD

    @cached_property
    def kernel_shape(self) -> tuple[int, int] | None:
        """The rows and columns of the square kernels of a convolution, None for anything else.

        The number of input channels is not recorded: it is taken to be the smallest one that
        divides the weights into squares.
        """
        lengths = {len(row) for row in self.weights}
        if "Conv" not in self.layer.kind or self.output_grid is None or len(lengths) != 1:
            return None
        (length,) = lengths
        for channels in range(1, length // 4 + 1):
            side = isqrt(length // channels)
            if side > 1 and channels * side * side == length:
                return side, side
        return None

    def _is_dead(self, name: OutputName) -> bool:
        """Return whether the slope of an output is exactly 0 in every call."""
        calls = self.layer.outputs.values()
        return all(_lets_nothing_pass(outputs[name]) for outputs in calls if name in outputs)

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what the card says of the layer, as (name, number)."""
        numbers = self.statistics
        if numbers.gradient_norm is not None:
            yield "gradient norm", number(numbers.gradient_norm)
        if numbers.zero_gradients is not None:
            yield "zero gradients", f"{numbers.zero_gradients:.0%}"
        # Dead units are news where there are some, and "0 of 16" only where there could be.
        may_be_dead = bool(numbers.parameters) and bool(self.activation or numbers.dead)
        if numbers.dead is not None and may_be_dead:
            yield f"{self.word_for_dead} units", f"{numbers.dead:,} of {numbers.units:,}"
        if numbers.ratio is not None:
            yield "‖∂W‖ / ‖W‖", number(numbers.ratio)
        yield from self._blocks()

    def _blocks(self) -> Iterator[tuple[str, str]]:
        """Yield which rows of W belong to which part of the layer, such as the gates of a cell."""
        ranks = rank_names((row.name, "") for row in self._rows)
        families: dict[int, list[str]] = defaultdict(list)
        for row in self._rows:
            family, _ = ranks[row.name, ""]
            families[family].append(row.name)
        if not 1 < len(families) <= MAX_BLOCKS:
            return

        first = 1
        for names in families.values():
            part = names[0].partition(".")[0]
            last = first + len(names) - 1
            yield clean(part, 24), f"rows {first}–{last}"
            first = last + 1


def _lets_nothing_pass(node: Value) -> bool:
    return bool(node.partials) and not any(node.partials)
