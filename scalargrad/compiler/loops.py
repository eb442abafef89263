"""Loops in a trace: one step of `scan`, recorded on stand-ins, and nodes for the whole loop.

A loop is one node over all that it takes: the first carry, the entries of all steps, and what the
step uses from around it. Each scalar that comes out of it is a node that picks it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scalargrad.core.graph import hold_operands, stored_partials, topological
from scalargrad.core.leaves import IntegerInput
from scalargrad.core.modes import current_mode
from scalargrad.core.scopes import Scope, StepScope
from scalargrad.core.value import Constant, Value, make_leaf

__all__ = [
    "PICK",
    "SCAN",
    "IntegerStepInput",
    "LoopNode",
    "Pick",
    "StepInput",
    "TracedLoop",
    "cut_step",
    "make_loop_node",
    "make_picks",
    "unroll",
]

SCAN = "scan"
"""The op of a node that is a loop. It has no number of its own."""

PICK = "pick"
"""The op of a node that is one number of what a loop returns."""


class StepInput(Value):
    """Stands for a number that differs from step to step, or comes from outside of the loop."""

    __slots__ = ()


class IntegerStepInput(StepInput, IntegerInput):
    """Stands for an integer that differs from step to step, and may be an index of `take`."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class TracedLoop:
    """The graph of one step, apart from all around it.

    Attributes:
        carry: What stands for the carry before the step.
        x: What stands for the entry of the step.
        captured: What stands for the Values from outside that the step uses.
        outputs: The carry after the step, then its results.
        length: The number of steps.
        checkpoint: Whether to keep only some carries for the way back.
    """

    carry: tuple[Value, ...]
    x: tuple[Value, ...]
    captured: tuple[Value, ...]
    outputs: tuple[Value, ...]
    length: int
    checkpoint: bool

    @property
    def results(self) -> int:
        """The number of scalars that each step returns beside the carry."""
        return len(self.outputs) - len(self.carry)


class LoopNode(Value):
    """A loop. Its operands are the first carry, the entries of all steps, the captured Values."""

    __slots__ = ("loop",)

    loop: TracedLoop


class Pick(Value):
    """One number that a loop returns: of the last carry, then of the results step by step."""

    __slots__ = ("place",)

    place: int


def make_loop_node(loop: TracedLoop, operands: Sequence[Value]) -> LoopNode:
    """Make the node of a loop."""
    # Without local derivatives: a loop is compiled, or written out before any are needed.
    node = LoopNode(1.0)
    hold_operands(node, tuple(operands), ())
    node.op = SCAN
    node.scope = current_mode().current_scope()
    node.loop = loop
    return node


def make_picks(node: LoopNode) -> list[Value]:
    """Make a node for each number that a loop returns."""
    loop = node.loop
    picks: list[Value] = []
    for place in range(len(loop.carry) + loop.length * loop.results):
        pick = Pick(1.0)
        hold_operands(pick, (node,), ())
        pick.op = PICK
        pick.scope = node.scope
        pick.place = place
        picks.append(pick)
    return picks


def cut_step(
    made: Iterable[Value], inputs: Sequence[Value], outputs: Sequence[Value]
) -> tuple[list[Value], list[Value], tuple[Value, ...]]:
    """Cut the graph of a step out of the graph around it.

    Args:
        made: All nodes that the step made, in order.
        inputs: What stands for the carry and the entry of the step.
        outputs: What the step returned.

    Returns:
        The Values from outside that the step uses: each is the last one on a path that does not
        depend on the inputs. What stands for them, and the outputs of a copy of the graph that
        ends there.
    """
    # A dict and not a set, because it keeps the order in which the nodes were made.
    depends: dict[Value, None] = dict.fromkeys(inputs)
    for node in made:
        if any(arg in depends for arg in node.args):
            depends[node] = None

    alive = set(outputs)
    for node in reversed(depends):
        if node in alive:
            alive.update(node.args)

    captured: dict[Value, Value] = {}
    taken = [arg for node in depends if node in alive for arg in node.args]
    for node in (*taken, *outputs):
        # Constants in a formula belong to it; as an output one is what the outside knows.
        inside = type(node) is Constant and node not in outputs
        if node not in depends and not inside:
            captured.setdefault(node, StepInput(1.0, label=node.label))

    # Copied, because the nodes of the step hold the graph around it as operands.
    copies = captured | dict(zip(inputs, inputs, strict=True))
    for node in depends:
        if node in alive and node not in copies:
            copies[node] = _copy_node(node, copies)
    return list(captured), list(captured.values()), tuple(copies[node] for node in outputs)


def _copy_node(node: Value, copies: dict[Value, Value]) -> Value:
    """Copy a node over other operands, if any; its numbers are those of the original."""
    args = tuple([copies.get(arg, arg) for arg in node.args])
    twin = make_leaf(type(node), node._data, node.label)
    hold_operands(twin, args, stored_partials(node), node.static_args)
    twin.op = node.op
    twin.scope = node.scope
    twin.metadata = node.metadata
    details = node._details
    if details is not None and details.place is not None:
        twin._own_details().place = details.place
    if isinstance(node, LoopNode) and isinstance(twin, LoopNode):
        twin.loop = node.loop
    if isinstance(node, Pick) and isinstance(twin, Pick):
        twin.place = node.place
    return twin


def unroll(outputs: Sequence[Value]) -> tuple[Value, ...]:
    """Return the outputs of the same graph with all steps of all loops written out.

    It is the graph that eager code builds. Nodes that no loop leads to are not copied; the numbers
    in those that are copied are not those of the graph.
    """
    return tuple(_write_out(outputs, topological(outputs), {}, None))


class _StepScopes:
    """The module calls of one step, which are others than those of the step that was recorded.

    Args:
        around: The call that the loop is in, as recorded.
        outside: What it is now.
        number: The position of the step.
    """

    def __init__(self, around: Scope | None, outside: Scope | None, number: int) -> None:
        self._around = around
        self._copies = {around: outside}
        self._number = number

    def copy(self, scope: Scope | None) -> Scope | None:
        """Return the call in this step for one of the recorded step."""
        if scope is None or scope in self._copies:
            return self._copies.get(scope)
        name = scope.name
        # What is recorded is the first step. Steps of a loop within it have numbers of their own.
        if isinstance(scope, StepScope) and scope.parent is self._around:
            name = f"{name.removesuffix('.0')}.{self._number}"
        parent = self.copy(scope.parent)
        twin = scope.twin(name, parent)
        self._copies[scope] = twin
        return twin


def _write_out(
    outputs: Sequence[Value],
    order: Iterable[Value],
    copies: dict[Value, Value],
    scopes: _StepScopes | None,
) -> list[Value]:
    """Copy a graph, given what stands in place of some nodes; all of it if it is that of a step."""
    returned: dict[Value, list[Value]] = {}
    for node in order:
        if node in copies:
            continue
        scope = node.scope if scopes is None else scopes.copy(node.scope)
        if isinstance(node, LoopNode):
            operands = [copies.get(arg, arg) for arg in node.args]
            returned[node] = _run_steps(node, operands, scope)
        elif isinstance(node, Pick):
            copies[node] = returned[node.args[0]][node.place]
        elif scopes is not None or any(arg in copies for arg in node.args):
            copies[node] = _copy_node(node, copies)
            copies[node].scope = scope
    return [copies.get(node, node) for node in outputs]


def _run_steps(node: LoopNode, operands: Sequence[Value], scope: Scope | None) -> list[Value]:
    """Return the Values that a loop returns, with each step written out.

    Args:
        node: The loop.
        operands: What stands in place of its operands.
        scope: The module call that it is in.
    """
    loop = node.loop
    width = len(loop.x)
    start = len(loop.carry)
    end = start + loop.length * width
    carry = list(operands[:start])
    captured = dict(zip(loop.captured, operands[end:], strict=True))

    order = topological(loop.outputs)
    ys: list[Value] = []
    for number in range(loop.length):
        first = start + number * width
        x = operands[first : first + width]
        given = zip((*loop.carry, *loop.x), (*carry, *x), strict=True)
        scopes = _StepScopes(node.scope, scope, number)
        outputs = _write_out(loop.outputs, order, captured | dict(given), scopes)
        carry = outputs[:start]
        ys += outputs[start:]
    return carry + ys
