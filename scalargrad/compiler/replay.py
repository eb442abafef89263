"""Replay: the recorded Values given the numbers of one sample, computed anew one by one, by the rules of the table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import fsum

from ..adjoint import operands, spread, wanted
from ..conversion import plain
from ..engine import Value
from ..graph import topological
from ..leaves import Drawn
from ..ops import FLOATS, TABLE
from .trace import Recording

Numbers = Sequence[Sequence[float]]
"""A list of numbers for each sample."""


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

    def outputs(self, samples: Numbers, parameters: Sequence[float], drawn: Numbers) -> list[list[float]]:
        """All outputs of each sample. The graph is left as it was."""
        with self._undisturbed():
            return [self._outputs(*each, parameters) for each in zip(samples, drawn, strict=True)]

    def _outputs(self, sample: Sequence[float], masks: Sequence[float], parameters: Sequence[float]) -> list[float]:
        self.load(sample, parameters, masks)
        return [output._data for output in self.recording.outputs]

    def jacobian(self, samples: Numbers, parameters: Sequence[float], drawn: Numbers) -> list[list[list[float]]]:
        """For each sample the gradient of every output by all inputs. The graph is left as it was."""
        with self._undisturbed():
            return [self._rows(*each, parameters) for each in zip(samples, drawn, strict=True)]

    def _rows(self, sample: Sequence[float], masks: Sequence[float], parameters: Sequence[float]) -> list[list[float]]:
        self.load(sample, parameters, masks)
        inputs, rows = [x for each in self.recording.inputs for x in each], []
        for output in self.recording.outputs:
            for x in inputs:
                x.grad = 0.0  # one that an output does not depend on is not in its graph
            spread(topological([output]), [(output, 1.0)])
            rows.append([x.grad for x in inputs])
        return rows

    def mean(self, samples: Numbers, parameters: Sequence[float], drawn: Numbers) -> tuple[float, list[float]]:
        """The mean of the first output and its gradient, sample by sample. The graph is left as it was."""
        losses, gradients = [], []
        with self._undisturbed():
            for sample, masks in zip(samples, drawn, strict=True):
                self.load(sample, parameters, masks)
                self.backward()
                losses.append(self.recording.outputs[0]._data)
                gradients.append([parameter.grad for parameter in self.recording.parameters])
        return _mean(losses), [_mean(list(column)) for column in zip(*gradients, strict=True)]

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Afterwards all Values have the numbers and gradients that they had: some belong to the model, or to the user."""
        nodes = {*self.order, *(x for each in self.recording.inputs for x in each), *self.recording.parameters, *self.drawn}
        before = [(node, node._data, node.grad, node.partials) for node in nodes]
        try:
            yield
        finally:
            for node, data, gradient, partials in before:
                node._data, node.grad, node.partials = data, gradient, partials


def _mean(numbers: list[float]) -> float:
    """Each number's share added up, as a backward pass does; exact where nothing is infinite."""
    shares = [number / len(numbers) for number in numbers]
    try:
        return fsum(shares)
    except (OverflowError, ValueError):  # inf - inf
        return sum(shares)
