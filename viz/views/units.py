"""The scalar graph folded to units: neurons, inputs, and what is computed between neurons."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nlargest
from typing import Literal

from scalargrad.core.value import Value
from scalargrad.errors import PictureError
from viz.model.snapshot import Snapshot, carry_back

from .samples import Calls

MAX_COLUMN = 48
"""Units of a column that are drawn one by one."""
NARROWED = 24
"""Units of a column that is wider: the strongest, and one for all the others."""
MAX_COLUMNS = 30
"""Columns that are drawn where each call of a module has its own."""

_NUMBER = re.compile("[0-9]+")
_CALL = re.compile(" #[0-9]+")


@dataclass(eq=False, slots=True)
class Unit:
    """Values that are drawn as one node.

    Attributes:
        kind: "input"; "neuron" for the innermost call of a module; "between" for what is computed
            outside of neurons; "rest" for the weak units of a wide column.
        name: The label of an input, or the path of a module.
        number: Tells units of one name apart: the rank of an input, the stage of what is between.
        members: The Values, in topological order.
    """

    kind: Literal["input", "neuron", "between", "rest"]
    name: str
    number: int = 0
    members: list[Value] = field(default_factory=list)

    @property
    def layer(self) -> Hashable:
        """What units of one column share."""
        if self.kind == "neuron":
            return self.path_of_layer
        if self.kind == "between":
            return (self.kind, self.name, self.number)
        return self.kind

    @property
    def path_of_layer(self) -> str:
        """The path of the module around a neuron."""
        return self.name.rpartition("/")[0]


Flows = dict[tuple[Unit, Unit], float]


class Units:
    """The units of a graph, with what flows between them.

    Samples of a batch are folded into one. Calls that belong together are not: each has its units.

    Attributes:
        calls: The samples of the graph, and the calls within each.
        unit: The unit of each Value.
        samples: The largest number of samples that one unit stands for.
        flows: The gradients that edges between two units carry back, added up.
        weights: The local derivatives between two units, a mean over samples.
        carried: What each unit adds to another: weight times output, a mean over samples.
        columns: Units by column, so that each edge runs from left to right.
        shown: What each unit is drawn as: itself, or the rest of its column.
        ids: The ids of the units that are drawn.

    Raises:
        PictureError: The calls of modules make more columns, or wider ones, than can be read.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.calls = Calls(snapshot)
        self.unit: dict[Value, Unit] = {}
        self._interned: dict[tuple[str, str, int], Unit] = {}
        self._assign()
        self._all = self._collect()
        counts = [len(self._samples(unit)) for unit in self._all]
        self.samples = max(counts, default=1)

        self.flows: Flows = defaultdict(float)
        self.weights: Flows = {}
        self.carried: Flows = {}
        self._connect()
        self.columns = self._columns()
        self._check_size()

        self.shown: dict[Unit, Unit] = {}
        for column in self.columns:
            self.shown |= self._narrow(column)
        drawn = dict.fromkeys(self.shown.values())
        self.ids = {unit: f"u{i}" for i, unit in enumerate(drawn)}

    # Which Value belongs to which unit

    def _intern(
        self, kind: Literal["input", "neuron", "between"], name: str, number: int = 0
    ) -> Unit:
        # Units are compared by identity: equal keys must give the same one.
        key = (kind, name, number)
        unit = self._interned.get(key)
        if unit is None:
            unit = self._interned[key] = Unit(kind, name, number)
        return unit

    def _assign(self) -> None:
        stages: dict[Value, int] = {}
        seen: dict[tuple[str, int], int] = defaultdict(int)
        for node in self.snapshot.order:
            if node.args:
                self._assign_operation(node, stages)
            elif node.kind == "input":
                self.unit[node] = self._input(node, seen)
                stages[node] = 0

        # What no input reaches belongs to what it is used for, so users come first.
        for node in reversed(self.snapshot.order):
            if node.args and node not in self.unit:
                self.unit[node] = self._unit_of_user(node)

    def _input(self, node: Value, seen: dict[tuple[str, int], int]) -> Unit:
        """Return the unit of an input: the same for the samples of a batch that call it the same.

        Two inputs of one sample that have one name, as at the steps of a sequence, are two units.
        """
        label = self.snapshot.labels[node]
        sample = self.calls.sample[node]
        if not label or sample < 0:
            return self._intern("input", label, -1 - self.snapshot.index[node])
        seen[label, sample] += 1
        return self._intern("input", label, seen[label, sample])

    def _assign_operation(self, node: Value, stages: dict[Value, int]) -> None:
        """Assign a Value to a unit if an input reaches it.

        Its stage is the number of units on the longest way from an input.
        """
        path = self.calls.path(node)
        before = [(self.unit[arg], stages[arg]) for arg in node.args if arg in stages]
        if self.calls.is_innermost(node):
            unit = self._intern("neuron", path)
            reached = [stage + (other is not unit) for other, stage in before]
            stages[node] = max(reached, default=1)
        elif before:
            # Steps of one module between neurons are one stage; anything else begins a new one.
            reached = []
            for other, stage in before:
                is_same_stage = other.kind == "between" and other.name == path
                reached.append(stage if is_same_stage else stage + 1)
            stages[node] = max(reached)
            unit = self._intern("between", path, stages[node])
        else:
            return
        self.unit[node] = unit

    def _unit_of_user(self, node: Value) -> Unit:
        path = self.calls.path(node)
        if self.calls.is_innermost(node):
            return self._intern("neuron", path)
        for user in self.snapshot.users.get(node, ()):
            if user in self.unit:
                return self.unit[user]
        return self._intern("between", path)

    def _collect(self) -> list[Unit]:
        """Return all units in the order of their first Values, with their members."""
        units: dict[Unit, None] = {}
        for node in self.snapshot.order:
            unit = self.unit.get(node)
            if unit is not None:
                unit.members.append(node)
                units[unit] = None
        return list(units)

    def _samples(self, unit: Unit) -> set[int]:
        """Return the samples that a unit stands for."""
        if unit.kind == "between":
            return {0}
        return {self.calls.sample[node] for node in unit.members}

    # What flows between units

    def _connect(self) -> None:
        """Add up what flows between units; a weight that several samples share counts once."""
        sums: Flows = defaultdict(float)
        products: Flows = defaultdict(float)
        samples: dict[tuple[Unit, Unit], set[int]] = defaultdict(set)
        for node in self.snapshot.order:
            target = self.unit.get(node)
            for arg, local in zip(node.args, node.partials, strict=False):
                source = self.unit.get(arg)
                if source is None or target is None or source is target:
                    continue
                ends = (source, target)
                self.flows[ends] += carry_back(local, self.snapshot.gradients[node])
                sums[ends] += local
                products[ends] += local * arg.data
                samples[ends].add(self.calls.sample[arg])
        for ends, total in sums.items():
            self.weights[ends] = total / len(samples[ends])
            self.carried[ends] = products[ends] / len(samples[ends])

    def shown_flows(self, show: str) -> Flows:
        """Return what goes on between the units that are drawn.

        Args:
            show: "gradient", "data" for weight times output, or "weights".
        """
        by_name = {"gradient": self.flows, "data": self.carried, "weights": self.weights}
        flows = by_name[show]
        merged: Flows = defaultdict(float)
        for (source, target), flow in flows.items():
            ends = (self.shown[source], self.shown[target])
            merged[ends] += flow
        return merged

    # Columns

    def _columns(self) -> list[list[Unit]]:
        place = _place(self._all, self.flows)
        first_user: dict[Unit, int] = {}
        for source, target in self.flows:
            column = place[target]
            first_user[source] = min(column, first_user.get(source, column))

        inputs = [unit for unit in self._all if unit.kind == "input"]
        for unit in inputs:
            # Just before the first unit that uses it: a target belongs beside the output, not
            # among the inputs of the network.
            place[unit] = first_user.get(unit, 1) - 1

        columns: dict[int, list[Unit]] = defaultdict(list)
        # `place` holds the inputs last, so that they are the last ones of their columns.
        for unit, column in place.items():
            columns[column].append(unit)
        return [_sort_column(columns[column]) for column in sorted(columns)]

    def _check_size(self) -> None:
        most = self.calls.most_calls
        if most == 1:
            return
        across = len(self.columns)
        high = max(map(len, self.columns))
        if across > MAX_COLUMNS or high > MAX_COLUMN:
            raise PictureError(
                f"this graph calls one module up to {most:,} times in one computation, "
                f"and with each call drawn by itself that is {across:,} columns of up to "
                f'{high:,} units: too much to read at level "neurons"; '
                'draw it with level="layers"'
            )

    def _narrow(self, column: list[Unit]) -> dict[Unit, Unit]:
        """Return what each unit is drawn as; in a wide column the strong ones come first."""
        if len(column) <= MAX_COLUMN:
            return {unit: unit for unit in column}

        strong = set(nlargest(NARROWED - 1, column, key=self._strength.__getitem__))
        weak = [unit for unit in column if unit not in strong]
        rest = Unit("rest", f"+{len(weak):,} more")
        shown = {unit: unit for unit in column if unit in strong}
        return shown | dict.fromkeys(weak, rest)

    @cached_property
    def _strength(self) -> dict[Unit, float]:
        """How much flows through each unit, or, where nothing flows, how large its weights are."""
        flows = self.flows if any(self.flows.values()) else self.weights
        strength: dict[Unit, float] = defaultdict(float)
        for (source, target), flow in flows.items():
            strength[source] += abs(flow)
            strength[target] += abs(flow)
        return strength

    # What a unit puts out

    def outputs(self, unit: Unit) -> list[Value]:
        """Return the Values of a unit that others use, or that are roots."""
        return [node for node in unit.members if self._is_output(node, unit)]

    def _is_output(self, node: Value, unit: Unit) -> bool:
        users = self.snapshot.users.get(node, ())
        is_used_elsewhere = any(self.unit.get(user) is not unit for user in users)
        return is_used_elsewhere or node in self.roots

    @cached_property
    def roots(self) -> set[Value]:
        """The roots of the graph."""
        return set(self.snapshot.roots)

    def has_one_number(self, outputs: Sequence[Value]) -> bool:
        """Return whether a unit has one output in each sample, so that a mean says something."""
        samples = {self.calls.sample[node] for node in outputs}
        return len(outputs) == len(samples)


def strip_call_numbers(path: str) -> str:
    """Return the path of a module without the numbers that tell its calls apart.

    Args:
        path: A path of `Calls.path`, or the label of a unit.

    Returns:
        The path that all calls of the module have in common.

    Example:
        >>> strip_call_numbers("cell #12/units/neurons.3")
        'cell/units/neurons.3'
    """
    return _CALL.sub("", path)


def _sort_column(column: list[Unit]) -> list[Unit]:
    """Sort units whose names differ in numbers alone by these: a convolution meets x6 before x3.

    Inputs of several calls in one column are sorted call by call.
    """
    families: dict[tuple[str, str], int] = {}
    family: dict[Unit, int] = {}
    inputs: dict[str, list[int]] = defaultdict(list)
    for unit in column:
        pattern = (unit.kind, _NUMBER.sub("#", unit.name))
        family[unit] = families.setdefault(pattern, len(families))
        if unit.kind == "input":
            inputs[unit.name].append(unit.number)

    def place(unit: Unit) -> tuple[int, int, list[int]]:
        call = 0
        if unit.kind == "input" and unit.name:
            # Of inputs with one name the first in this column goes with the first of every other.
            call = sorted(inputs[unit.name]).index(unit.number)
        numbers = [int(digits) for digits in _NUMBER.findall(unit.name)]
        return (family[unit], call, numbers)

    return sorted(column, key=place)


def _place(units: list[Unit], flows: Iterable[tuple[Unit, Unit]]) -> dict[Unit, int]:
    """Return the column of each unit: units of one layer share one, unless one takes from another.

    Raises:
        PictureError: Units take from each other in a cycle.
    """
    inner = [unit for unit in units if unit.kind != "input"]
    edges = [(source, target) for source, target in flows if source.kind != "input"]
    group: dict[Unit, Hashable] = {unit: unit.layer for unit in inner}
    depth = _longest_paths(group, edges)
    if stuck := [unit for unit in inner if group[unit] not in depth]:
        # Layers that take from each other, or from themselves, fall apart into their units.
        group.update((unit, unit) for unit in stuck)
        depth = _longest_paths(group, edges)
    if any(group[unit] not in depth for unit in inner):
        raise PictureError(
            "modules of this graph take from each other in a cycle: "
            'draw it with level="chips" or "layers"'
        )
    return {unit: depth[group[unit]] for unit in inner}


def _longest_paths(
    group: dict[Unit, Hashable], edges: list[tuple[Unit, Unit]]
) -> dict[Hashable, int]:
    """Return for each group the length of the longest path to it, from 1.

    This is Kahn's topological sort: groups in cycles, and behind them, are never ready, so that
    they have none.
    """
    groups = dict.fromkeys(group.values())
    after: dict[Hashable, set[Hashable]] = {each: set() for each in groups}
    before: dict[Hashable, set[Hashable]] = {each: set() for each in groups}
    for source, target in edges:
        giver = group[source]
        taker = group[target]
        after[giver].add(taker)
        before[taker].add(giver)

    waiting = {each: len(sources) for each, sources in before.items()}
    ready = [each for each, count in waiting.items() if not count]
    depth = dict.fromkeys(ready, 1)
    for each in ready:  # grows while it is walked
        for user in after[each]:
            depth[user] = max(depth.get(user, 1), depth[each] + 1)
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    return {each: depth[each] for each in ready}
