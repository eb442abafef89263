"""The neuron view: a network diagram folded straight from the scalar graph, one unit per neuron, one column per layer."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cached_property
from heapq import nlargest

from scalargrad import ops
from scalargrad.engine import Parameter, Value
from scalargrad.modes import Scope

from .picture import Column, Edge, Node, Picture
from .scalars import carried, parameters_line
from .snapshot import Snapshot, common_path, grad_of, symbol
from .text import clean

WIDEST, NARROWED, MOST_EDGES, STRONGEST = 48, 24, 5000, 2000

_NUMBER = re.compile("[0-9]+")

Key = tuple[str, str, int]
"""A unit: ("in", name, 0), ("unit", path of the module, 0), or ("free", path around, column) for what stands between units."""


def neuron_picture(snapshot: Snapshot, colours: str = "gradient") -> Picture:
    """Units with their outputs, and what flows between them.

    colours  "gradient"; or "weight" for a network by itself: then numbers are biases and edges are weights
    """
    units = Units(snapshot)
    weights = colours == "weight"
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
        "neurons", nodes, edges, notes=tuple(notes), total=len(snapshot), colours=colours if has_gradients else "weight", columns=columns
    )


def _notes(units: "Units", weights: bool, has_gradients: bool) -> Iterable[str]:
    count = sum(map(len, units.columns))
    yield f"{count:,} units folded from {len(units.snapshot):,} values"
    if weights:
        yield "numbers are biases, colours and widths are weights"
    elif not has_gradients:
        yield "no gradients yet, colours and widths are weights: call backward() first"
    for column in units.columns:
        if len(column) > WIDEST:
            title = units.column(column, False).title
            yield f"of {len(column):,} units in {title} the {NARROWED - 1} with the strongest connections are drawn"
    if units.calls > 1 and not weights:
        yield f"numbers are means over {units.calls:,} samples, gradients are sums"


class Units:
    """The Values of a graph by the neuron that made them, with what flows between neurons."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._paths: dict[int, str] = {}
        self._networks: dict[int, str] = {}
        scopes = {id(node.scope): node.scope for node in snapshot.order if node.scope is not None}
        around = {id(s) for scope in scopes.values() for s in scope.chain()[:-1]}
        inner = [self._path(scope) for key, scope in scopes.items() if key not in around]
        self._inner, self.calls = set(inner), max(Counter(inner).values(), default=1)
        self.key: dict[Value, Key] = {}
        self.stage: dict[Key, int] = {}
        self._assign()
        self.members: dict[Key, list[Value]] = defaultdict(list)
        for node in snapshot.order:
            if node in self.key:
                self.members[self.key[node]].append(node)
        self.flows: dict[tuple[Key, Key], float] = defaultdict(float)
        self.weights: dict[tuple[Key, Key], float] = defaultdict(float)
        self._connect()
        self.columns = self._columns()
        self.shown = {key: own for column in self.columns for key, own in self._narrowed(column).items()}
        self.ids = {key: f"u{i}" for i, key in enumerate(dict.fromkeys(self.shown.values()))}

    def _path(self, scope: Scope | None) -> str:
        """The path of a module, the same for all of its calls. Only a second network brings its own name into it."""
        if scope is None:
            return ""
        if id(scope) not in self._paths:
            own = clean(scope.name) or (self._network(scope) if scope.parent is None else "")
            self._paths[id(scope)] = "/".join(filter(None, [self._path(scope.parent), own]))
        return self._paths[id(scope)]

    def _network(self, scope: Scope) -> str:
        number = len(self._networks) + 1
        return self._networks.setdefault(scope.identity, f"{scope.kind} {number}" if number > 1 else "")

    def _assign(self) -> None:
        stages: dict[Value, int] = {}
        for node in self.snapshot.order:
            if node.args:
                self._assign_operation(node, stages)
            elif node.kind == "input":
                self.key[node] = ("in", clean(node.label) or self.snapshot.id(node), 0)
                stages[node] = self.stage[self.key[node]] = 0
        for node in reversed(self.snapshot.order):  # what no input reaches belongs to what it is used for
            if node.args and node not in self.key:
                found = [self.key[user] for user in self.snapshot.users.get(node, ()) if user in self.key]
                self.key[node] = found[0] if found else ("free", self._path(node.scope), 0)
                self.stage.setdefault(self.key[node], 0)

    def _assign_operation(self, node: Value, stages: dict[Value, int]) -> None:
        path = self._path(node.scope)
        before = [(self.key[arg], stages[arg]) for arg in node.args if arg in stages]
        if path in self._inner:
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
        for node in self.snapshot.order:
            for arg, local in zip(node.args, node.partials, strict=False):
                a, b = self.key.get(arg), self.key.get(node)
                if a is not None and b is not None and a != b:
                    self.flows[a, b] += carried(local, grad_of(node))
                    self.weights[a, b] += local

    def _columns(self) -> list[list[Key]]:
        """Units of one layer share a column: that of the last of them."""
        last: dict[tuple[str, str], int] = {}
        for key, stage in self.stage.items():
            last[_layer(key)] = max(stage, last.get(_layer(key), 0))
        columns: dict[int, list[Key]] = defaultdict(list)
        first: dict[Key, int] = {}
        for a, b in self.flows:
            first[a] = min(last[_layer(b)], first.get(a, last[_layer(b)]))
        for key in sorted(self.members, key=lambda key: key[0] == "in"):
            # an input stands before the first unit that uses it: a target beside the output, not among the other inputs
            columns[first.get(key, 1) - 1 if key[0] == "in" else last[_layer(key)]].append(key)
        return [_numbered(columns[stage]) for stage in sorted(columns)]

    def _narrowed(self, column: list[Key]) -> dict[Key, Key]:
        """Which unit of the picture stands for each one: itself, or in a very wide column one for all the weak ones."""
        if len(column) <= WIDEST:
            return {key: key for key in column}
        strong = set(nlargest(NARROWED - 1, column, key=lambda key: self._strength[key]))
        rest: Key = ("more", f"+{len(column) - len(strong):,} more in {column[0][1]}", 0)
        ordered = [key for key in column if key in strong] + [key for key in column if key not in strong]
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
        return [node for node in self.members[key] if node in self._roots or any(self.key.get(user) != key for user in users.get(node, ()))]

    @cached_property
    def _roots(self) -> set[Value]:
        return set(self.snapshot.roots)

    def node(self, key: Key, weights: bool, has_gradients: bool) -> Node:
        """A unit with its output, or with its bias where weights are shown."""
        if key[0] == "more":
            return Node(self.ids[key], "more", label=key[1].partition(" in ")[0], formula="units that are left out")
        outputs = self.outputs(key)
        whole = len(outputs) == 1 or key[0] != "free"
        data = sum(node.data for node in outputs) / len(outputs) if outputs and whole else None  # nan and inf are never hidden
        grad = sum(grad_of(node) for node in outputs) if outputs and whole else None
        kind = "input" if key[0] == "in" else "operation"
        if weights:
            data = grad = self._bias(key)
        name = key[1].replace("/", ".") if key[0] != "free" else clean(outputs[0].label if outputs else "")
        return Node(
            id=self.ids[key],
            kind=kind,
            label=name,
            data=data,
            grad=grad if has_gradients else None,
            detail=clean(outputs[0].label) if key[0] == "unit" and len(outputs) == 1 else "",
            formula="" if kind == "input" else self._activation(key),
            root=not weights and any(node in self._roots for node in outputs),
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
        return symbol(outputs[0]) if outputs and outputs[0].op not in (ops.ADD.name, ops.SUM.name, ops.DOT.name) else ""

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
            return Column(clean(outputs[-1].label if outputs else "") or ("result" if self._has_root(outputs) else "between"), "", members)
        layers = list(dict.fromkeys(_layer(key)[1] for key in keys if key[0] == "unit"))
        title = common_path(layers).replace("/", ".") or "units"
        activation = self._activation(next(key for key in keys if key[0] == "unit"))
        parameters = list(
            dict.fromkeys(arg for key in keys for node in self.members[key] for arg in node.args if isinstance(arg, Parameter))
        )
        shape = f"{len(keys):,} × {activation or 'linear'}" if len(layers) == 1 else f"{len(keys):,} in {len(layers)} layers"
        return Column(f"{title}  {shape}", parameters_line(parameters, has_gradients), members)

    def _ordered(self, keys: list[Key]) -> list[Key]:
        """The units of a column as they stand: what stands for the weak ones comes last."""
        return sorted(keys, key=lambda key: self.shown[key][0] == "more")

    def _has_root(self, nodes: list[Value]) -> bool:
        return not self._roots.isdisjoint(nodes)


def _numbered(column: list[Key]) -> list[Key]:
    """A column with units whose names differ in numbers alone in the order of these: a convolution meets x6 before x3."""
    families: dict[tuple[str, str], int] = {}
    rank = {key: families.setdefault((key[0], _NUMBER.sub("#", key[1])), len(families)) for key in column}
    return sorted(column, key=lambda key: (rank[key], [int(digits) for digits in _NUMBER.findall(key[1])]))


def _layer(key: Key) -> tuple[str, str]:
    return (key[0], key[1].rpartition("/")[0]) if key[0] == "unit" else (key[0], f"{key[1]} {key[2]}" if key[0] == "free" else "")
