"""Replay: the recorded Values given the numbers of one sample, computed anew one by one, by the rules of the table."""

from collections.abc import Sequence
from functools import cached_property
from math import fsum

from ..adjoint import operands, spread, wanted
from ..conversion import plain
from ..engine import Value
from ..graph import topological
from ..leaves import Drawn
from ..ops import FLOATS, TABLE
from .trace import Recording


class Replay:
    """Puts numbers into the graph of a recording: slowly, and exactly as eager code would compute them."""

    def __init__(self, recording: Recording, drawn: Sequence[Drawn]) -> None:
        self.recording, self.drawn = recording, drawn

    @cached_property
    def order(self) -> list[Value]:
        """All Values of the graph, operands first."""
        return topological(self.recording.outputs)

    def load(self, sample: Sequence[float], parameters: Sequence[float], drawn: Sequence[float]) -> None:
        """Set the leaves, and compute the rest with its local derivatives. Gradients become 0."""
        inputs = [x for each in self.recording.inputs for x in each]
        for leaves, numbers in ((inputs, sample), (self.recording.parameters, parameters), (self.drawn, drawn)):
            for leaf, number in zip(leaves, numbers, strict=True):
                leaf._data, leaf.grad = float(number), 0.0
        for node in self.order:
            if node.args:
                self._compute(node)

    def _compute(self, node: Value) -> None:
        op, numbers = TABLE[node.op], tuple(plain(x) for x in operands(node))
        node._data = op.value(FLOATS, numbers)
        node.partials = op.derivatives(FLOATS, node._data, numbers, () if op.over_list else wanted(node))

    def backward(self) -> None:
        """The gradients of the first output, on every Value of the graph."""
        spread(self.order, [(self.recording.outputs[0], 1.0)])

    def mean(
        self, samples: Sequence[Sequence[float]], parameters: Sequence[float], drawn: Sequence[Sequence[float]]
    ) -> tuple[float, list[float]]:
        """The mean of the first output and its gradient, sample by sample; the parameters get their numbers and gradients back."""
        own = [(parameter, parameter._data, parameter.grad) for parameter in self.recording.parameters]
        losses, gradients = [], []
        try:
            for sample, masks in zip(samples, drawn, strict=True):
                self.load(sample, parameters, masks)
                self.backward()
                losses.append(self.recording.outputs[0]._data)
                gradients.append([parameter.grad for parameter in self.recording.parameters])
        finally:
            for parameter, number, gradient in own:
                parameter._data, parameter.grad = number, gradient
        return _mean(losses), [_mean(list(column)) for column in zip(*gradients, strict=True)]


def _mean(numbers: list[float]) -> float:
    """Each number's share added up, as a backward pass does; exact where nothing is infinite."""
    shares = [number / len(numbers) for number in numbers]
    try:
        return fsum(shares)
    except (OverflowError, ValueError):  # inf - inf
        return sum(shares)
