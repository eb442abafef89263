"""Which calls of a module are samples of a batch, and which belong to one computation.

A picture may fold the calls of a module into one only where they are independent: samples, whose
results meet in a final sum or mean and nowhere else. Steps of a sequence, tokens of a sentence and
two uses of a shared layer are calls too, but a mean over them would be a number of nothing.
"""

from collections import defaultdict

from scalargrad.core import ops
from scalargrad.core.scopes import Scope
from scalargrad.core.value import Value
from viz.look.text import clean
from viz.model.snapshot import Snapshot

_SUMS = (ops.ADD.name, ops.SUM.name, ops.MEAN.name, ops.NEG.name)
_SCALED = (ops.SUB.name, ops.MUL.name, ops.DIV.name)

Slot = tuple[tuple[str, int], ...]
"""A call within its sample: for each module around it the name, and the rank of the call, from 1.

A rank of 0 stands for all calls of the module there.
"""
Call = tuple[int, int]
"""The id() of a scope, with the number of a sample: the samples of a batch may share a scope."""


class Calls:
    """The samples of a graph, and the calls of modules within each.

    The final sums and means are taken away; each connected part that is left is one sample.
    Parameters and constants connect nothing, an input that two calls take does.

    Attributes:
        sample: The number of the sample that each Value belongs to; -1 for the final sums and what
            enters only them, and for parameters and constants.
        final: The Values of the final sums and means.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._innermost = self._find_innermost()
        self.final = self._find_final_sums()
        self.sample = self._number_samples()
        self._names: dict[tuple[str, int], str] = {}
        self._outermost_kind = ""
        self._slots: dict[Call, Slot] = {}
        self._repeats: dict[Slot, int] = defaultdict(int)
        self._number_calls()

    def is_innermost(self, node: Value) -> bool:
        """Return whether the module call that made a Value called no other: it is a unit then."""
        return id(node.scope) in self._innermost

    def path(self, node: Value) -> str:
        """Return the path of the module call that made a Value, the same in every sample.

        Where a sample calls a module more than once, the path says which call it is: "cell #2".
        The parts are joined by "/".
        """
        if node.scope is None:
            return ""
        sample = self.sample[node]
        if sample < 0:
            parts = [self._name(scope) for scope in node.scope.chain()]
        else:
            slot = self._slots[id(node.scope), sample]
            ends = range(1, len(slot) + 1)
            parts = [self._part(slot[:end]) for end in ends]
        return "/".join(filter(None, parts))

    @property
    def most_calls(self) -> int:
        """The largest number of calls of one module within a sample."""
        return max(self._repeats.values(), default=1)

    def are_samples(self, scopes: list[Scope]) -> bool:
        """Return whether calls belong to a sample each, so that they are independent.

        Args:
            scopes: Calls of one module.

        Returns:
            False as soon as two of them belong to one sample.
        """
        keys = set(map(id, scopes))
        by_sample: dict[int, set[int]] = defaultdict(set)
        for key, sample in self._slots:
            if key in keys and sample >= 0:
                by_sample[sample].add(key)
        return all(len(calls) == 1 for calls in by_sample.values())

    # Samples

    def _find_innermost(self) -> set[int]:
        """Return the id() of each scope that has no scope within it."""
        made = (node.scope for node in self.snapshot.order)
        scopes = {id(scope): scope for scope in made if scope is not None}
        innermost = set(scopes)
        for scope in scopes.values():
            innermost.difference_update(map(id, scope.chain()[:-1]))
        return innermost

    def _find_final_sums(self) -> set[Value]:
        """Return the sums, means and scalings at the end: what enters them meets nowhere else."""
        users = self.snapshot.users
        roots = set(self.snapshot.roots)
        final: set[Value] = set()
        for node in reversed(self.snapshot.order):
            if not node.args or self.is_innermost(node):
                continue
            if not self._is_linear(node):
                continue
            users_of_node = users.get(node, [])
            is_used = bool(users_of_node) or node in roots
            if is_used and final.issuperset(users_of_node):
                final.add(node)
        return final

    def _is_linear(self, node: Value) -> bool:
        """Return whether a Value is a sum or mean, or one operand scaled by a plain number.

        An input counts as a number where nothing else takes it: then it connects nothing.
        """
        if node.op in _SUMS:
            return True
        if node.op not in _SCALED:
            return False
        computed = [arg for arg in node.args if arg.args]
        if len(computed) != 1:
            return False
        # 1 / x is no sum, however plain the 1 is.
        if node.op == ops.DIV.name and node.args[-1].args:
            return False
        leaves = [arg for arg in node.args if not arg.args]
        return all(map(self._is_plain, leaves))

    def _is_plain(self, leaf: Value) -> bool:
        if leaf.kind == "input":
            return len(self.snapshot.users[leaf]) == 1
        return leaf.kind == "constant"

    def _number_samples(self) -> dict[Value, int]:
        """Number the connected parts of the graph, in the order of their first Values.

        The parts are found by union-find (with path halving), as one pass over all edges.
        """
        order = self.snapshot.order
        leader = {node: node for node in order}

        def find(node: Value) -> Value:
            while leader[node] is not node:
                grandparent = leader[leader[node]]
                leader[node] = grandparent
                node = grandparent
            return node

        used: set[Value] = set()
        for node in order:
            if node in self.final:
                continue
            used.update(node.args)
            for arg in node.args:
                if _connects(arg):
                    leader[find(arg)] = find(node)

        numbers: dict[Value, int] = {}
        sample: dict[Value, int] = {}
        for node in order:
            is_used_by_sums_only = not node.args and node not in used
            is_weight = is_used_by_sums_only and bool(self.snapshot.users.get(node))
            if node in self.final or is_weight or not _connects(node):
                sample[node] = -1
                continue
            leader_of_part = find(node)
            sample[node] = numbers.setdefault(leader_of_part, len(numbers))
        return sample

    # Calls within a sample

    def _number_calls(self) -> None:
        """Give each call its place within its sample, in the order in which the calls are done."""
        scopes, last = self._last_values()
        depth = {key: len(scope.chain()) for key, scope in scopes.items()}
        counts: dict[tuple[Slot, str, int], int] = defaultdict(int)

        def turn(call: Call) -> tuple[int, int]:
            key, _ = call
            return depth[key], last[call]

        # Outer calls first: the place of a call begins with the place of the call around it.
        for key, sample in sorted(last, key=turn):
            scope = scopes[key]
            around: Slot = ()
            if scope.parent is not None:
                around = self._slots[id(scope.parent), sample]
            name = self._name(scope)
            same_module = (around, name, sample)
            counts[same_module] += 1
            rank = counts[same_module]
            self._slots[key, sample] = (*around, (name, rank))
            every_call: Slot = (*around, (name, 0))
            self._repeats[every_call] = max(rank, self._repeats[every_call])

    def _last_values(self) -> tuple[dict[int, Scope], dict[Call, int]]:
        """Return the scopes by id(), and the position of the last Value of each call.

        The last Value of a call counts: a call that takes from another one is done after it, while
        its first Values may well be met before.
        """
        scopes: dict[int, Scope] = {}
        last: dict[Call, int] = {}
        for i, node in enumerate(self.snapshot.order):
            if node.scope is not None and node.args:
                scopes[id(node.scope)] = node.scope
                last[id(node.scope), self.sample[node]] = i

        # A call is done when the calls within it are.
        for (key, sample), i in list(last.items()):
            for outer in scopes[key].chain()[:-1]:
                scopes[id(outer)] = outer
                call = (id(outer), sample)
                last[call] = max(i, last.get(call, i))
        return scopes, last

    def _part(self, slot: Slot) -> str:
        """Return the last part of a path, with the rank of the call where there are several."""
        *around, (name, rank) = slot
        every_call: Slot = (*around, (name, 0))
        if self._repeats[every_call] == 1:
            return name
        return f"{name or self._outermost_kind} #{rank}"

    def _name(self, scope: Scope) -> str:
        """Return the name of a module; the only network of a picture needs none."""
        own = clean(scope.name).replace("/", "∕")
        if own:
            return own

        is_outermost = scope.parent is None
        family = "" if is_outermost else scope.kind
        key = (family, scope.identity)
        if key not in self._names:
            kind = clean(scope.kind)
            same_family = [known for known, _ in self._names if known == family]
            rank = len(same_family) + 1
            name = kind if rank == 1 else f"{kind} {rank}"
            if is_outermost and rank == 1:
                self._outermost_kind = kind
                name = ""
            self._names[key] = name
        return self._names[key]


def _connects(node: Value) -> bool:
    """Return whether a Value makes what uses it one sample."""
    return bool(node.args) or node.kind == "input"
