"""What enters the calls of a cell from outside: their inputs, and the state before the first."""

from dataclasses import dataclass, field

from scalargrad.core.value import Value
from viz.model.snapshot import Snapshot

from .cells import Cell, Numbers
from .chains import Sequence, Step


@dataclass
class Entering:
    """What enters one call.

    Attributes:
        inputs: Its inputs, in the order in which the call first uses them.
        start: Of the first call the numbers of each state before it, by role.
        has_labels: Whether the inputs of each call have labels of their own.
    """

    inputs: list[Value] = field(default_factory=list)
    start: dict[str, Numbers] = field(default_factory=dict)
    has_labels: bool = False


def find_entering(snapshot: Snapshot, sequence: Sequence, cells: list[Cell]) -> list[Entering]:
    """Return what enters each call.

    Args:
        snapshot: The graph.
        sequence: The calls.
        cells: The inside of each call.
    """
    found: list[Entering] = []
    made_before: set[Value] = set()
    for i, step in enumerate(sequence.steps):
        start = _find_start(sequence.steps, cells) if i == 0 else {}
        initial = {node for numbers in start.values() for node in numbers.values()}
        made = set(step.values)
        inputs: dict[Value, None] = {}
        for node in step.values:
            for arg in node.args:
                is_inside = arg in made or arg in made_before or arg in initial
                if not is_inside and arg.kind not in ("parameter", "constant"):
                    inputs[arg] = None
        found.append(Entering(list(inputs), start))
        made_before = made

    first_labels = {snapshot.labels[each.inputs[0]] for each in found if each.inputs}
    is_different = len(first_labels) == len(found) and "" not in first_labels
    for each in found:
        each.has_labels = is_different or (len(found) == 1 and "" not in first_labels)
    return found


def _find_start(steps: list[Step], cells: list[Cell]) -> dict[str, Numbers]:
    """Return the state before the first call: what it takes where the second takes the state.

    The first two calls are walked side by side, from what they put out to what they take.
    """
    if len(steps) < 2:
        return {}
    first = set(steps[0].values)
    second = set(steps[1].values)
    carried: dict[Value, tuple[str, int]] = {}
    pending: list[tuple[Value, Value]] = []
    for state in cells[0].states:
        carried.update({node: (state.role, i) for i, node in state.numbers.items()})
        same = cells[1].pieces.get(state.role)
        if same is not None:
            shared = state.numbers.keys() & same.numbers.keys()
            pending += [(state.numbers[i], same.numbers[i]) for i in shared]

    start: dict[str, Numbers] = {}
    seen: set[Value] = set()
    while pending:
        left, right = pending.pop()
        if right in seen:
            continue
        seen.add(right)
        for earlier, later in zip(left.args, right.args, strict=False):
            if later in carried and earlier not in first:
                role, i = carried[later]
                start.setdefault(role, {})[i] = earlier
            elif later in second and earlier in first:
                pending.append((earlier, later))
    return start
