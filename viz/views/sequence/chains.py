"""Which calls follow each other in a recurrence: each takes from the one before it, and only that.

That tells a recurrence from attention, where a call takes from all before it, and from samples,
where calls take nothing from each other. Its calls share their parameters, or at least their
object, which tells it from the layers of a deep network.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from scalargrad.core.scopes import CallScope, Scope
from scalargrad.core.value import Value
from viz.model.snapshot import Snapshot

CELLS = ("LSTMCell", "GRUCell", "RNNCell")
"""The cells whose inside is known, by the names of their classes."""
_MAX_CANDIDATES = 12
"""Modules and functions that are looked at, those that made most Values first."""


class Called(NamedTuple):
    """What was called: a module or a function.

    Attributes:
        identity: The same number for all of its calls.
        kind: The name of its class, or of the function.
        is_module: Whether it is a module.
    """

    identity: int
    kind: str
    is_module: bool

    @property
    def cell(self) -> str:
        """The class of a cell whose inside is known; "" for anything else."""
        return self.kind if self.is_module and self.kind in CELLS else ""


@dataclass(frozen=True)
class Step:
    """One call.

    Attributes:
        scope: The call.
        values: The Values that it made, operands first.
    """

    scope: Scope
    values: list[Value]


@dataclass(frozen=True)
class Sequence:
    """Calls that follow each other.

    Attributes:
        cell: "LSTMCell", "GRUCell", "RNNCell", or "" for any other module or function.
        steps: The calls, the first one first.
        count: How many such sequences there are, one for each sample of a batch.
        total: How many Values all of them made.
        beside: Of the first of a stack how many other recurrent cells there are, which neither take
            from it nor give to it step by step.
    """

    cell: str
    steps: list[Step]
    count: int
    total: int
    beside: int = 0

    @property
    def values(self) -> Iterator[Value]:
        """The Values of all steps."""
        for step in self.steps:
            yield from step.values


def find_sequences(snapshot: Snapshot, min_values: int = 0) -> list[Sequence]:
    """Return the recurrence of a graph: a sequence for each of the cells stacked on each other.

    Args:
        snapshot: The graph.
        min_values: How many Values the calls of a cell must have made together.

    Returns:
        The sequences, each takes from the one before it; empty where nothing is recurrent.
    """
    found: list[Sequence] = []
    for key, calls in _find_candidates(snapshot, min_values).items():
        if found and not (key.cell and found[0].cell):
            continue  # only the cells that are known are stacked
        sequence = _follow_calls(snapshot, list(calls.values()), key.cell)
        if sequence is not None:
            found.append(sequence)
    return _stack(found)


def _find_candidates(snapshot: Snapshot, min_values: int) -> dict[Called, dict[int, Scope]]:
    """Return the calls of each module or function: known cells first, then those of most Values."""
    calls: dict[Called, dict[int, Scope]] = defaultdict(dict)
    sizes: dict[Called, int] = defaultdict(int)
    depths: dict[Called, int] = {}
    outermost: dict[int, list[tuple[Called, Scope]]] = {}

    for node in snapshot.order:
        if not node.args or node.scope is None:
            continue
        known = outermost.get(id(node.scope))
        if known is None:
            known = outermost[id(node.scope)] = _outermost_calls(node.scope)
        for depth, (key, scope) in enumerate(known):
            calls[key][id(scope)] = scope
            sizes[key] += 1
            depths.setdefault(key, depth)

    def rank(key: Called) -> tuple[bool, int, int]:
        return not key.cell, -sizes[key], depths[key]

    large = [key for key in calls if sizes[key] >= min_values]
    repeated = [key for key in large if len(calls[key]) > 1 or key.cell]
    return {key: calls[key] for key in sorted(repeated, key=rank)[:_MAX_CANDIDATES]}


def _outermost_calls(scope: Scope) -> list[tuple[Called, Scope]]:
    """Return the scopes around a Value by what was called; a call inside its own is part of it."""
    calls: dict[int, tuple[Called, Scope]] = {}
    for outer in scope.chain():
        key = Called(outer.identity, outer.kind, outer.is_module)
        calls.setdefault(outer.identity, (key, outer))
    return list(calls.values())


def _follow_calls(snapshot: Snapshot, scopes: list[Scope], cell: str) -> Sequence | None:
    """Return the longest chain of calls, None where they are no recurrence."""
    numbers = {id(scope): i for i, scope in enumerate(scopes)}
    owner = _find_owners(snapshot, numbers)
    before = _find_sources(snapshot, owner, len(scopes))
    if before is None:
        return None

    following = {source: call for call, source in enumerate(before) if source >= 0}
    is_a_tree = len(following) < sum(source >= 0 for source in before)
    if is_a_tree or not (following or cell):
        return None
    starts = [call for call, source in enumerate(before) if source < 0]
    chains = [_walk(start, following) for start in starts]
    # Of samples of one length the first, as everywhere.
    longest = max(chains, key=len)

    values: dict[int, list[Value]] = {call: [] for call in longest}
    for node, call in owner.items():
        if call in values:
            values[call].append(node)
    steps = [Step(scopes[call], values[call]) for call in longest]
    if not _share_parameters(steps):
        return None
    return Sequence(cell, steps, len(chains), len(owner))


def _find_owners(snapshot: Snapshot, numbers: dict[int, int]) -> dict[Value, int]:
    """Return the number of the call that made each Value, of those that a call made."""
    by_scope: dict[int, int] = {}
    owner: dict[Value, int] = {}
    for node in snapshot.order:
        scope = node.scope
        if not node.args or scope is None:
            continue
        if id(scope) not in by_scope:
            around = (numbers.get(id(outer), -1) for outer in scope.chain())
            by_scope[id(scope)] = next((number for number in around if number >= 0), -1)
        if by_scope[id(scope)] >= 0:
            owner[node] = by_scope[id(scope)]
    return owner


def _find_sources(snapshot: Snapshot, owner: dict[Value, int], count: int) -> list[int] | None:
    """Return for each call the one that it takes from, -1 for none; None where one takes from two.

    What a call takes may pass through Values that no call made.
    """
    passed: dict[Value, int] = {}
    sources = [0] * count
    for node in snapshot.order:
        call = owner.get(node, -1)
        bits = 0
        for arg in node.args:
            giver = owner.get(arg, -1)
            if giver < 0:
                bits |= passed.get(arg, 0)
            elif giver != call:
                bits |= 1 << giver
        if call < 0:
            passed[node] = bits
            continue
        sources[call] |= bits
        if sources[call] & (sources[call] - 1):
            return None
    return [bits.bit_length() - 1 for bits in sources]


def _walk(start: int, following: dict[int, int]) -> list[int]:
    chain = [start]
    while chain[-1] in following:
        chain.append(following[chain[-1]])
    return chain


def _share_parameters(steps: list[Step]) -> bool:
    """Return whether the first two calls use the same parameters, or none at all."""
    first, second = steps[0], steps[:2][-1]
    parameters = _find_leaves(first, "parameter"), _find_leaves(second, "parameter")
    if any(parameters):
        return not parameters[0].isdisjoint(parameters[1])

    # Weights may be plain Values, as inputs are. One object is given other inputs in each step,
    # while objects with Values of their own are layers.
    if _find_objects(first.scope) == _find_objects(second.scope):
        return True
    inputs = _find_leaves(first, "input"), _find_leaves(second, "input")
    return not all(inputs) or not inputs[0].isdisjoint(inputs[1])


def _find_leaves(step: Step, kind: str) -> set[int]:
    """Return the leaves of a kind that a call uses, by their id()."""
    leaves = (arg for node in step.values for arg in node.args)
    return {id(leaf) for leaf in leaves if leaf.kind == kind}


def _find_objects(scope: Scope) -> list[int]:
    """Return the objects whose methods are around a scope, the outermost first, by their id()."""
    return [call.self_id for call in scope.chain() if isinstance(call, CallScope) and call.self_id]


def _stack(sequences: list[Sequence]) -> list[Sequence]:
    """Return the first sequence, and those of as many steps that it takes from or gives to."""
    if not sequences:
        return []
    length = len(sequences[0].steps)
    same = [sequence for sequence in sequences if len(sequence.steps) == length]
    stack = same[:1]
    waiting = same[1:]
    while waiting:
        below = next((each for each in waiting if _takes_from(stack[0], each)), None)
        above = next((each for each in waiting if _takes_from(each, stack[-1])), None)
        if below is not None:
            stack.insert(0, below)
            waiting.remove(below)
        elif above is not None:
            stack.append(above)
            waiting.remove(above)
        else:
            break
    stack[0] = replace(stack[0], beside=len(sequences) - len(stack))
    return stack


def _takes_from(sequence: Sequence, other: Sequence) -> bool:
    """Return whether each step of a sequence takes what the same step of the other made."""
    for step, given in zip(sequence.steps, other.steps, strict=True):
        made = set(given.values)
        if not any(arg in made for node in step.values for arg in node.args):
            return False
    return True
