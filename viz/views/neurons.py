"""The neuron view: a network diagram folded straight from the scalar graph, one unit per neuron, one column per layer."""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from heapq import nlargest
from typing import Any

from scalargrad.core import ops
from scalargrad.core.value import Parameter, Value
from scalargrad.errors import PictureError
from viz.look.text import clean, exact, whole
from viz.model.picture import Column, Edge, Node, Picture
from viz.model.snapshot import Snapshot, carried, common_path, grad_of, symbol

from .samples import Calls
from .scalars import parameters_line

WIDEST, NARROWED, MOST_EDGES, STRONGEST = 48, 24, 5000, 2000
MOST_COLUMNS = 30
"""So many columns are drawn at most where each call of a module has its own."""
_SPELLED = 4

_PLAIN = (ops.ADD.name, ops.SUM.name, ops.DOT.name, ops.MUL.name)
"""Operations that are no activation."""

_NUMBER = re.compile("[0-9]+")
_CALL = re.compile(" #[0-9]+")

Key = tuple[str, str, int]
"""A unit: ("in", name, which of that name), ("unit", path of the module, 0), or ("free", path around, column) for what stands
between units."""


def neuron_picture(snapshot: Snapshot, colors: str = "gradient") -> Picture:
    """Units with their outputs, and what flows between them.

    colors  "gradient"; or "weight" for a network by itself: then numbers are biases and edges are weights
    """
    units = Units(snapshot)
    weights = colors == "weight"
    has_gradients = weights or any(grad_of(node) for node in snapshot.order)
    flows = units.shown_flows(weights or not has_gradients)
    notes = list(_notes(units, weights, has_gradients))
    if len(flows) > MOST_EDGES:
        notes.append(f"the {STRONGEST:,} strongest of {len(flows):,} connections are drawn")
        flows = dict(nlargest(STRONGEST, flows.items(), key=lambda item: abs(item[1])))
    edges = tuple(Edge(units.ids[a], units.ids[b], None, flow) for (a, b), flow in flows.items())
    nodes = tuple(units.node(key, weights, has_gradients) for key in units.ids)
    columns = tuple(units.column(column, has_gradients and not weights) for column in units.columns)
    return Picture(
        "neurons",
        nodes,
        edges,
        notes=tuple(notes),
        total=len(snapshot),
        colors=colors if has_gradients else "weight",
        columns=columns,
    )


def _notes(units: "Units", weights: bool, has_gradients: bool) -> Iterable[str]:
    count = sum(map(len, units.columns))
    yield f"{count:,} units folded from {len(units.snapshot):,} values"
    if weights:
        yield "numbers are biases, colors and widths are weights"
    elif not has_gradients:
        yield "no gradients yet, colors and widths are weights: call backward() first"
    for column in units.columns:
        if len(column) > WIDEST:
            title = units.column(column, False).title
            yield f"of {len(column):,} units in {title} the {NARROWED - 1} with the strongest connections are drawn"
    if units.calls.most_calls > 1:
        yield (
            "calls of one module that belong together, such as steps or tokens, are drawn one by one, each with the same parameters: "
            "#2 is the second call"
        )
    if not weights and any(units.is_unspelled(key) for key in units.ids):
        yield "… is a unit that puts out several numbers"
    if units.samples > 1 and not weights:
        yield f"numbers are means over {units.samples:,} samples, gradients are sums"


class Units:
    """The Values of a graph by the neuron that made them, with what flows between neurons.

    Samples of a batch are folded into one. Calls that belong together are not: each has its units.

    Raises:
        PictureError: The calls of modules make more columns, or wider ones, than can be read.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.calls = Calls(snapshot)
        self.key: dict[Value, Key] = {}
        self.stage: dict[Key, int] = {}
        self._assign()
        self.members: dict[Key, list[Value]] = defaultdict(list)
        for node in snapshot.order:
            if node in self.key:
                self.members[self.key[node]].append(node)
        self.samples = max(
            (len(self._samples_of(key)) for key in self.members if key[0] != "free"), default=1
        )
        self.flows: dict[tuple[Key, Key], float] = defaultdict(float)
        self.weights: dict[tuple[Key, Key], float] = {}
        self._connect()
        self.columns = self._columns()
        self._check_size()
        self.shown = {
            key: own for column in self.columns for key, own in self._narrowed(column).items()
        }
        self.ids = {key: f"u{i}" for i, key in enumerate(dict.fromkeys(self.shown.values()))}

    def _samples_of(self, key: Key) -> set[int]:
        return {self.calls.sample[node] for node in self.members[key]}

    def _assign(self) -> None:
        stages: dict[Value, int] = {}
        inputs: dict[tuple[str, int], int] = defaultdict(int)
        for node in self.snapshot.order:
            if node.args:
                self._assign_operation(node, stages)
            elif node.kind == "input":
                self.key[node] = self._input_key(node, inputs)
                stages[node] = self.stage[self.key[node]] = 0
        for node in reversed(
            self.snapshot.order
        ):  # what no input reaches belongs to what it is used for
            if node.args and node not in self.key:
                found = [
                    self.key[user] for user in self.snapshot.users.get(node, ()) if user in self.key
                ]
                if self.calls.is_innermost(node):
                    self.key[node] = ("unit", self.calls.path(node), 0)
                else:
                    self.key[node] = found[0] if found else ("free", self.calls.path(node), 0)
                self.stage.setdefault(self.key[node], 0)

    def _input_key(self, node: Value, seen: dict[tuple[str, int], int]) -> Key:
        """Return the unit of an input: the same for the samples of a batch that call it the same.

        Two inputs of one sample that have one name, as at the steps of a sequence, are two units.
        """
        label = clean(node.label)
        sample = self.calls.sample[node]
        if not label or sample < 0:
            return ("in", label, -1 - self.snapshot.index[node])
        seen[label, sample] += 1
        return ("in", label, seen[label, sample])

    def _assign_operation(self, node: Value, stages: dict[Value, int]) -> None:
        path = self.calls.path(node)
        before = [(self.key[arg], stages[arg]) for arg in node.args if arg in stages]
        if self.calls.is_innermost(node):
            key: Key = ("unit", path, 0)
            stage = max((s + (other != key) for other, s in before), default=1)
        elif before:
            stage = max(s + (other[:2] != ("free", path)) for other, s in before)
            key = ("free", path, stage)
        else:
            return
        self.key[node], stages[node] = key, stage
        self.stage[key] = max(stage, self.stage.get(key, 0))

    def _connect(self) -> None:
        """Add up what flows between units; a weight that several samples share counts once."""
        sums: dict[tuple[Key, Key], float] = defaultdict(float)
        samples: dict[tuple[Key, Key], set[int]] = defaultdict(set)
        for node in self.snapshot.order:
            for arg, local in zip(node.args, node.partials, strict=False):
                a, b = self.key.get(arg), self.key.get(node)
                if a is not None and b is not None and a != b:
                    self.flows[a, b] += carried(local, grad_of(node))
                    sums[a, b] += local
                    samples[a, b].add(self.calls.sample[arg])
        self.weights = {ends: total / len(samples[ends]) for ends, total in sums.items()}

    def _columns(self) -> list[list[Key]]:
        """Return the units by column, so that each edge runs from left to right."""
        place = _places(self.members, self.flows)
        first: dict[Key, int] = {}
        for a, b in self.flows:
            first[a] = min(place[b], first.get(a, place[b]))
        columns: dict[int, list[Key]] = defaultdict(list)
        for key in sorted(self.members, key=lambda key: key[0] == "in"):
            # an input stands before the first unit that uses it: a target beside the output, not among the other inputs
            columns[first.get(key, 1) - 1 if key[0] == "in" else place[key]].append(key)
        return [_numbered(columns[stage]) for stage in sorted(columns)]

    def _check_size(self) -> None:
        most = self.calls.most_calls
        if most == 1:
            return
        across, high = len(self.columns), max(map(len, self.columns))
        if across > MOST_COLUMNS or high > WIDEST:
            raise PictureError(
                f"this graph calls one module up to {most:,} times in one computation, and with each call drawn by itself that "
                f'is {across:,} columns of up to {high:,} units: too much to read at level "neurons"; draw it with level="layers"'
            )

    def _narrowed(self, column: list[Key]) -> dict[Key, Key]:
        """Which unit of the picture stands for each one: itself, or in a very wide column one for all the weak ones."""
        if len(column) <= WIDEST:
            return {key: key for key in column}
        strong = set(nlargest(NARROWED - 1, column, key=lambda key: self._strength[key]))
        rest: Key = ("more", f"+{len(column) - len(strong):,} more in {column[0][1]}", 0)
        ordered = [key for key in column if key in strong] + [
            key for key in column if key not in strong
        ]
        return {key: key if key in strong else rest for key in ordered}

    @cached_property
    def _strength(self) -> dict[Key, float]:
        """How much flows through each unit, or, where nothing flows, how large its weights are."""
        flows = self.flows if any(self.flows.values()) else self.weights
        strength: dict[Key, float] = defaultdict(float)
        for (a, b), flow in flows.items():
            strength[a] += abs(flow)
            strength[b] += abs(flow)
        return strength

    def shown_flows(self, weights: bool) -> dict[tuple[Key, Key], float]:
        """What flows between the units of the picture, or the weights between them."""
        merged: dict[tuple[Key, Key], float] = defaultdict(float)
        for (a, b), flow in (self.weights if weights else self.flows).items():
            merged[self.shown[a], self.shown[b]] += flow
        return merged

    def outputs(self, key: Key) -> list[Value]:
        """The Values of a unit that others use, or that are roots."""
        users = self.snapshot.users
        return [
            node
            for node in self.members[key]
            if node in self._roots or any(self.key.get(user) != key for user in users.get(node, ()))
        ]

    @cached_property
    def _roots(self) -> set[Value]:
        return set(self.snapshot.roots)

    def is_unspelled(self, key: Key) -> bool:
        """Whether a unit has no one number, because it puts out several in a sample."""
        outputs = self.outputs(key) if key[0] == "unit" else []
        return len(outputs) > len({self.calls.sample[node] for node in outputs})

    def node(self, key: Key, weights: bool, has_gradients: bool) -> Node:
        """A unit with its output, or with its bias where weights are shown."""
        if key[0] == "more":
            return Node(
                self.ids[key],
                "more",
                label=key[1].partition(" in ")[0],
                formula="units that are left out",
            )
        outputs = self.outputs(key)
        # A unit has one number where it puts out one in each sample: a mean over different outputs would say nothing.
        samples = {self.calls.sample[node] for node in outputs}
        is_single = bool(outputs) and len(samples) == len(outputs)
        data = (
            sum(node.data for node in outputs) / len(outputs) if is_single else None
        )  # nan and inf are never hidden
        grad = sum(grad_of(node) for node in outputs) if is_single else None
        kind = "input" if key[0] == "in" else "operation"
        if weights:
            data = grad = self._bias(key)
        name = (
            key[1].replace("/", ".")
            if key[0] != "free"
            else clean(outputs[0].label if outputs else "")
        )
        return Node(
            id=self.ids[key],
            kind=kind,
            label=name,
            data=data,
            grad=grad if has_gradients else None,
            detail=clean(outputs[0].label) if key[0] == "unit" and len(outputs) == 1 else "",
            formula="" if kind == "input" else self._activation(key),
            root=not weights and any(node in self._roots for node in outputs),
            whole=whole(outputs[0].label) if key[0] != "unit" and outputs else "",
            tip="" if weights or is_single else _several(outputs, has_gradients),
        )

    def _bias(self, key: Key) -> float | None:
        """The parameter that is added, not multiplied."""
        for node in self.members[key]:
            for arg in node.args if node.op == ops.ADD.name else ():
                if isinstance(arg, Parameter):
                    return arg.data
        return None

    def _activation(self, key: Key) -> str:
        outputs = self.outputs(key)
        return symbol(outputs[0]) if outputs and outputs[0].op not in _PLAIN else ""

    def column(self, keys: list[Key], has_gradients: bool) -> Column:
        """The heading of a column: which layer it is, how many units of which kind, how many parameters."""
        members = tuple(dict.fromkeys(self.ids[self.shown[key]] for key in self._ordered(keys)))
        if len({key[0] for key in keys}) > 1:  # inputs that come late are no part of the layer
            keys = [key for key in keys if key[0] != "in"]
        kinds = {key[0] for key in keys}
        if kinds == {"in"}:
            return Column("inputs", f"{len(keys):,}", members)
        if kinds == {"free"}:
            outputs = [node for key in keys for node in self.outputs(key)]
            return Column(
                clean(outputs[-1].label if outputs else "")
                or ("result" if self._has_root(outputs) else "between"),
                "",
                members,
            )
        layers = list(dict.fromkeys(_layer(key)[1] for key in keys if key[0] == "unit"))
        modules = list(dict.fromkeys(map(without_calls, layers)))
        title = (
            common_path(modules if len(modules) < len(layers) else layers).replace("/", ".")
            or "units"
        )
        activation = self._activation(next(key for key in keys if key[0] == "unit"))
        parameters = list(
            dict.fromkeys(
                arg
                for key in keys
                for node in self.members[key]
                for arg in node.args
                if isinstance(arg, Parameter)
            )
        )
        shape = _shape(len(keys), len(layers), len(modules), activation or "linear")
        return Column(f"{title}  {shape}", parameters_line(parameters, has_gradients), members)

    def _ordered(self, keys: list[Key]) -> list[Key]:
        """The units of a column as they stand: what stands for the weak ones comes last."""
        return sorted(keys, key=lambda key: self.shown[key][0] == "more")

    def _has_root(self, nodes: list[Value]) -> bool:
        return not self._roots.isdisjoint(nodes)


def _numbered(column: list[Key]) -> list[Key]:
    """A column with units whose names differ in numbers alone in the order of these: a convolution meets x6 before x3.

    Inputs of several calls in one column stand call by call.
    """
    families: dict[tuple[str, str], int] = {}
    rank = {
        key: families.setdefault((key[0], _NUMBER.sub("#", key[1])), len(families))
        for key in column
    }

    same_name: dict[str, list[int]] = defaultdict(list)
    for key in column:
        if key[0] == "in":
            same_name[key[1]].append(key[2])

    def place(key: Key) -> tuple[int, int, list[int]]:
        # Of inputs with one name the first in this column goes with the first of every other name.
        call = sorted(same_name[key[1]]).index(key[2]) if key[0] == "in" and key[1] else 0
        return (rank[key], call, [int(digits) for digits in _NUMBER.findall(key[1])])

    return sorted(column, key=place)


def without_calls(path: str) -> str:
    """Return the path of a module without the numbers that tell its calls apart.

    Args:
        path: A path of `Calls.path`, or the label of a unit.

    Returns:
        The path that all calls of the module have in common.

    Example:
        >>> without_calls("cell #12/units/neurons.3")
        'cell/units/neurons.3'
    """
    return _CALL.sub("", path)


def _shape(units: int, calls: int, modules: int, activation: str) -> str:
    """How many units stand in a column, of which kind, in how many layers or calls."""
    if calls == 1:
        return f"{units:,} × {activation}"
    if modules == calls:
        return f"{units:,} in {calls} layers"
    if modules == 1 and units % calls == 0:
        return f"{units // calls:,} × {activation}, {calls} calls"
    return f"{units:,} in {calls} calls" + (f" of {modules} layers" if modules > 1 else "")


def _several(outputs: list[Value], has_gradients: bool) -> str:
    """What a tooltip says of a unit that puts out several numbers."""
    numbers = ", ".join(exact(node.data) for node in outputs[:_SPELLED])
    more = ", …" if len(outputs) > _SPELLED else ""
    text = f"{len(outputs):,} outputs: data {numbers}{more}"
    if not has_gradients:
        return text
    gradients = ", ".join(exact(grad_of(node)) for node in outputs[:_SPELLED])
    return f"{text}, gradients {gradients}{more}"


def _places(keys: Iterable[Key], flows: Iterable[tuple[Key, Key]]) -> dict[Key, int]:
    """Return the column of each unit: units of one layer share one, unless one takes from another.

    Raises:
        PictureError: Units take from each other in a circle.
    """
    units = [key for key in keys if key[0] != "in"]
    edges = [(a, b) for a, b in flows if a[0] != "in"]
    home: dict[Key, tuple[Any, ...]] = {key: _layer(key) for key in units}
    depth = _depths(home, edges)
    if stuck := [key for key in units if home[key] not in depth]:
        # Layers that take from each other, or from themselves, fall apart into their units.
        home |= {key: ("alone", *key) for key in stuck}
        depth = _depths(home, edges)
    if any(home[key] not in depth for key in units):
        raise PictureError(
            'modules of this graph take from each other in a circle: draw it with level="chips" or "layers"'
        )
    return {key: depth[home[key]] for key in units}


def _depths(
    home: dict[Key, tuple[Any, ...]], edges: list[tuple[Key, Key]]
) -> dict[tuple[Any, ...], int]:
    """Return for each group the longest way that leads to it, from 1; groups in and between circles have none."""
    after: dict[tuple[Any, ...], set[tuple[Any, ...]]] = {group: set() for group in home.values()}
    before: dict[tuple[Any, ...], set[tuple[Any, ...]]] = {group: set() for group in home.values()}
    for a, b in edges:
        after[home[a]].add(home[b])
        before[home[b]].add(home[a])
    waiting = {group: len(sources) for group, sources in before.items()}
    ready = [group for group, count in waiting.items() if not count]
    depth = dict.fromkeys(ready, 1)
    for group in ready:  # grows while it is walked
        for target in after[group]:
            depth[target] = max(depth.get(target, 1), depth[group] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return {group: depth[group] for group in ready}


def _layer(key: Key) -> tuple[str, str]:
    return (
        (key[0], key[1].rpartition("/")[0])
        if key[0] == "unit"
        else (key[0], f"{key[1]} {key[2]}" if key[0] == "free" else "")
    )
