"""The recorded graph of a program: Values that take the numbers of one sample, to be drawn."""

from collections.abc import Iterable, Sequence
from functools import cached_property

from scalargrad.core.evaluation import evaluate
from scalargrad.core.graph import topological
from scalargrad.core.value import Value, backpropagate

from .tracing import Trace

__all__ = ["RecordedGraph"]


class RecordedGraph:
    """Writes numbers into recorded Values, some of which belong to the model.

    Attributes:
        trace: What was recorded.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    @cached_property
    def order(self) -> list[Value]:
        """All Values of the graph, operands first: one for each row before any pass."""
        return topological(self.trace.outputs)

    def load(
        self, sample: Sequence[float], parameters: Sequence[float], drawn: Sequence[float]
    ) -> None:
        """Write numbers into the leaves, and compute all other Values and local derivatives.

        Gradients of the leaves become 0.
        """
        inputs = [x for argument in self.trace.inputs for x in argument]
        groups: Iterable[tuple[Iterable[Value], Sequence[float]]] = (
            (inputs, sample),
            (self.trace.parameters, parameters),
            (self.trace.drawn, drawn),
        )
        for leaves, numbers in groups:
            for leaf, number in zip(leaves, numbers, strict=True):
                leaf._data = float(number)
                leaf._grad = 0.0
        for node in self.order:
            if node.args:
                node._data, node.partials = evaluate(node)

    def backward(self) -> None:
        """Set the gradient of the first output on every recorded Value."""
        backpropagate(self.order, [(self.trace.outputs[0], 1.0)])
