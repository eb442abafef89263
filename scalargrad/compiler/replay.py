"""Replay: single samples computed number by number, by the rules of the table, exactly as eager code does."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy

from scalargrad.core.backprop import operands, spread, wanted
from scalargrad.core.graph import topological
from scalargrad.core.ops import FLOATS, TABLE, Op
from scalargrad.core.value import Value

from .program import CONSTANT, DRAWN, INPUT, LEAF, PARAMETER, Program, insert_static_args
from .tracing import Trace

Numbers = Sequence[float]


class Leaves(NamedTuple):
    """The numbers that one sample is computed from.

    Attributes:
        sample: The inputs, those of all arguments in one list.
        drawn: A number for each drawn leaf.
        parameters: The parameters.
        read: A number for each leaf that is read at each run.
    """

    sample: Numbers
    drawn: Numbers
    parameters: Numbers
    read: Numbers


class _Step(NamedTuple):
    """How one row is computed."""

    row: int
    op: Op
    kind: Any
    args: list[int]
    wanted: tuple[bool, ...]


class Replay:
    """Computes samples one by one: slowly, and exactly as eager code would.

    The numbers are kept in lists of each call's own. Only `load` writes into the recorded Values, some of
    which belong to the model and are read by other threads.
    """

    def __init__(self, recording: Trace, program: Program) -> None:
        """Keep what was recorded.

        Args:
            recording: What a trace gave.
            program: The recording as rows, before any pass.
        """
        self.recording = recording
        self.program = program

    @cached_property
    def order(self) -> list[Value]:
        """All Values of the graph, operands first: one for each row."""
        return topological(self.recording.outputs)

    @cached_property
    def _steps(self) -> list[_Step | None]:
        """For each row how it is computed, None for a leaf."""
        steps: list[_Step | None] = []
        for row, kind, args in self.program.rows():
            if kind is None:
                steps.append(None)
                continue
            steps.append(_Step(row, TABLE[kind.op], kind, args, wanted(self.order[row])))
        return steps

    @cached_property
    def _places(self) -> dict[int, list[tuple[int, int]]]:
        """For each kind of leaf its rows, each with its place among the leaves of that kind."""
        code, place = self.program.code, self.program.place
        found = {}
        for kind in (INPUT, PARAMETER, CONSTANT, LEAF, DRAWN):
            rows = numpy.flatnonzero(code == kind)
            found[kind] = list(zip(rows.tolist(), place[rows].tolist(), strict=True))
        return found

    @cached_property
    def _orders(self) -> list[list[int]]:
        """For each output the rows of its graph, in the order in which eager code walks them."""
        row_of = dict(zip(self.order, range(len(self.order)), strict=True))
        return [
            [row_of[node] for node in topological([output])] for output in self.recording.outputs
        ]

    def outputs(self, leaves: Leaves) -> list[float]:
        """Return all outputs of one sample."""
        numbers = self._forward(leaves)
        return [numbers[row] for row in self.program.outputs.tolist()]

    def jacobian(self, leaves: Leaves) -> list[list[float]]:
        """Return the gradient of every output of one sample by all inputs."""
        numbers = self._forward(leaves)
        rows = []
        for output in range(len(self.program.outputs)):
            gradients = self._backward(numbers, output, 1.0)
            rows.append(self._by_leaves(INPUT, gradients))
        return rows

    def loss(self, leaves: Leaves, share: float = 1.0) -> tuple[float, list[float]]:
        """Return the first output of one sample, and its gradient by the parameters.

        Args:
            leaves: The numbers to compute from.
            share: The gradient to begin with, such as what the sample counts in a mean.
        """
        numbers = self._forward(leaves)
        gradient = self._by_leaves(PARAMETER, self._backward(numbers, 0, share))
        return numbers[int(self.program.outputs[0])], gradient

    def _forward(self, leaves: Leaves) -> list[float]:
        """The number of every row."""
        numbers = [0.0] * len(self.program)
        sources: Iterable[tuple[int, Any]] = (
            (INPUT, leaves.sample),
            (PARAMETER, leaves.parameters),
            (CONSTANT, self.program.numbers.tolist()),
            (LEAF, leaves.read),
            (DRAWN, leaves.drawn),
        )
        for kind, source in sources:
            for row, place in self._places[kind]:
                numbers[row] = source[place]
        for step in self._steps:
            if step is not None:
                numbers[step.row] = step.op.value(FLOATS, _given(step, numbers))
        return numbers

    def _backward(self, numbers: list[float], output: int, seed: float) -> list[float]:
        """The gradient of every row when one output receives `seed`: the walk of `adjoint.spread`."""
        gradients = [0.0] * len(numbers)
        gradients[int(self.program.outputs[output])] = seed
        for row in reversed(self._orders[output]):
            gradient, step = gradients[row], self._steps[row]
            if not gradient or step is None:
                continue
            partials = step.op.derivatives(FLOATS, numbers[row], _given(step, numbers), step.wanted)
            for arg, partial in zip(step.args, partials, strict=True):
                gradients[arg] += gradient * partial
        return gradients

    def _by_leaves(self, kind: int, gradients: list[float]) -> list[float]:
        """The gradients of the inputs or of the parameters, in their order; 0 for those that no row needs."""
        count = self.program.inputs if kind == INPUT else self.program.parameters
        found = [0.0] * count
        for row, place in self._places[kind]:
            found[place] = gradients[row]
        return found

    def load(self, sample: Numbers, parameters: Numbers, drawn: Numbers) -> None:
        """Set the leaves of the recording, and compute the rest with its local derivatives. Gradients become 0."""
        inputs = [x for each in self.recording.inputs for x in each]
        groups: Iterable[tuple[Iterable[Value], Numbers]] = (
            (inputs, sample),
            (self.recording.parameters, parameters),
            (self.recording.drawn, drawn),
        )
        for leaves, numbers in groups:
            for leaf, number in zip(leaves, numbers, strict=True):
                leaf._data = float(number)
                leaf._grad = 0.0
        for node in self.order:
            if node.args:
                _compute(node)

    def backward(self) -> None:
        """Set the gradients of the first output on every Value of the recording."""
        spread(self.order, [(self.recording.outputs[0], 1.0)])


def _given(step: _Step, numbers: list[float]) -> list[float]:
    """All operands of a row, the numbers that it is set to included."""
    return insert_static_args(step.kind, [numbers[arg] for arg in step.args])


def _compute(node: Value) -> None:
    op = TABLE[node.op]
    numbers = tuple([x._data if isinstance(x, Value) else x for x in operands(node)])
    node._data = op.value(FLOATS, numbers)
    node._partials = op.derivatives(FLOATS, node._data, numbers, wanted(node))
