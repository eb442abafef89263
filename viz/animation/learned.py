"""What a network says everywhere, at each recorded moment: its recorded graph on many inputs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from scalargrad.core.backprop import operands
from scalargrad.core.graph import topological
from scalargrad.core.ops import SIGMOID, SOFTPLUS, TABLE
from scalargrad.core.value import Value
from viz.look.text import clean
from viz.model.snapshot import Snapshot

if TYPE_CHECKING:
    from scalargrad.training.recorder import Recording

Numbers = NDArray[numpy.float64]
_OF_LOGITS = (SIGMOID.name, SOFTPLUS.name)
_INDEXED = re.compile(r"x(\d+)")


@dataclass(frozen=True, slots=True)
class Network:
    """The part of a recorded graph that is the network.

    Attributes:
        recording: The training.
        order: What the output is computed from, in topological order, the output last.
        inputs: The Values that hold the sample, the first input first.
        target: The Value that holds the target of the sample, None where that can't be told.
    """

    recording: "Recording"
    order: tuple[Value, ...]
    inputs: tuple[Value, ...]
    target: Value | None = None

    @property
    def output(self) -> Value:
        """What the network says."""
        return self.order[-1]

    @property
    def is_logit(self) -> bool:
        """Whether the loss takes the output for a logit: it makes a probability of it itself."""
        own = set(self.order)
        # A recording has the graph of the loss, not the function that built it.
        return any(value.op in _OF_LOGITS for value in self.recording.values if value not in own)

    def sample(self) -> tuple[float, ...]:
        """Return the recorded sample."""
        return tuple(float(self.recording.of(value)[0][-1]) for value in self.inputs)

    def outputs(self, frame: int, points: Numbers) -> Numbers:
        """Return what the network says at some inputs, with the parameters of a frame.

        Args:
            frame: Which frame of the recording.
            points: The inputs, a row for each.
        """
        return self._compute(self.order, frame, points, {})

    def mean_loss(self, frame: int, points: Numbers, targets: Numbers) -> float:
        """Return the mean loss of some samples with the parameters of a frame.

        Args:
            frame: Which frame of the recording.
            points: Their inputs, a row for each.
            targets: The target of each.
        """
        assert self.target is not None
        given = {self.target: targets}
        losses = self._compute(tuple(self.recording.values), frame, points, given)
        return float(losses.mean())

    def _compute(
        self, order: Sequence[Value], frame: int, points: Numbers, given: dict[Value, Numbers]
    ) -> Numbers:
        """Return the last of some Values for each point."""
        columns = {value: i for i, value in enumerate(self.recording.values)}
        data = self.recording.data[frame]
        found: dict[Value, Any] = dict(given)
        for i, value in enumerate(self.inputs):
            found[value] = points[:, i]
        # A network in training may overflow somewhere on the plane: what is nan is not drawn.
        with numpy.errstate(all="ignore"):
            for value in order:
                if value in found:
                    continue
                if value.args:
                    found[value] = _apply(value, found, len(points))
                else:
                    found[value] = float(data[columns[value]])
        return _broadcast(found[order[-1]], len(points))


def _apply(value: Value, found: Mapping[Value, Any], count: int) -> Numbers:
    """Return what an operation makes of the numbers of its operands."""
    # Imported here: only films of trainings need the rules on arrays, which load the compiler.
    from scalargrad.compiler.array_rules import ARRAYS

    given = []
    for operand in operands(value):
        number = found[operand] if isinstance(operand, Value) else operand
        given.append(_broadcast(number, count))
    result: Numbers = TABLE[value.op].value(ARRAYS, given)
    return result


def _broadcast(number: Any, count: int) -> Numbers:
    return numpy.broadcast_to(numpy.asarray(number, dtype=float), (count,))


def find_network(recording: "Recording") -> Network | None:
    """Return the network in a recorded graph, None where it has several outputs or none.

    Its output is what modules made and others use; its inputs are the leaves from outside of
    modules that modules use.
    """
    snapshot = Snapshot([recording.values[-1]])
    outputs = [value for value in snapshot.order if _is_output(value, snapshot)]
    if len(outputs) != 1:
        return None
    order = tuple(topological(outputs))
    inputs = [value for value in order if value.kind == "input" and not snapshot.module[value]]
    # Operations made by hand have no rule to compute them by.
    if not inputs or any(value.args and value.op not in TABLE for value in order):
        return None
    return Network(recording, order, tuple(_in_order(inputs)), _find_target(recording, order))


def _find_target(recording: "Recording", order: Sequence[Value]) -> Value | None:
    """Return the only leaf that the loss has besides the network's, None where it has several."""
    own = set(order)
    leaves = [value for value in recording.values if not value.args and value not in own]
    is_known = all(not value.args or value.op in TABLE for value in recording.values)
    return leaves[0] if len(leaves) == 1 and is_known else None


def _is_output(value: Value, snapshot: Snapshot) -> bool:
    if not snapshot.module[value] or not value.args:
        return False
    users = snapshot.users.get(value, ())
    return not users or any(not snapshot.module[user] for user in users)


def _in_order(inputs: Sequence[Value]) -> list[Value]:
    """Return inputs by their number where they are x0, x1, …, else as they are."""
    numbers = []
    for value in inputs:
        match = _INDEXED.fullmatch(clean(value.label))
        if match is None:
            return list(inputs)
        numbers.append(int(match[1]))
    return [inputs[i] for i in sorted(range(len(inputs)), key=numbers.__getitem__)]
