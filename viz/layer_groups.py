"""A graph folded to its layers, in two walks and without looking at modules: which call of which layer made each Value."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from scalargrad import ops
from scalargrad.engine import Parameter, Value
from scalargrad.modes import Scope

from .snapshot import Snapshot, grad_of
from .text import clean

_NUMBER = re.compile("[0-9]+")
_ENDING = re.compile(r"(^|\.)[0-9.]+$")
_SUMS = (ops.ADD.name, ops.SUB.name, ops.SUM.name)
_PRODUCTS = (ops.MUL.name, ops.DOT.name)

Name = tuple[str, str, int]
"""Of an output: the unit, the operation, and which of several such it is."""


@dataclass
class Rows:
    """The parameters of one neuron (or feature) of a layer."""

    name: str
    weights: dict[Parameter, None] = field(default_factory=dict)
    biases: dict[Parameter, None] = field(default_factory=dict)


@dataclass
class Layer:
    """Neurons side by side, over all of their calls.

    path      of the module, without the numbers that tell its calls apart
    kind      its class
    calls     the scopes of its calls, in order
    rows      parameters, neuron by neuron
    outputs   the Values that are used elsewhere, by names that are the same in every call; for each call, and for each time that
              its units are used in it (a batch may pass in one call)
    entering  for each Value from elsewhere what this layer sends back to it
    first     the leaves among them that no layer before it takes, with the call that does
    """

    path: str
    kind: str
    calls: dict[Scope, int] = field(default_factory=dict)
    rows: dict[tuple[int, str], Rows] = field(default_factory=dict)
    outputs: dict[tuple[int, int], dict[Name, Value]] = field(default_factory=lambda: defaultdict(dict))
    entering: dict[Value, float] = field(default_factory=dict)
    first: dict[Value, int] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """How many numbers it puts out at a call."""
        return len({key for found in self.outputs.values() for key in found})

    @property
    def weights(self) -> int:
        """How many parameters it multiplies with."""
        return sum(len(row.weights) for row in self.rows.values())


@dataclass(frozen=True, slots=True)
class Home:
    """Where the Values of a scope belong: the layer, its call, the name of the unit within the call."""

    layer: Layer
    call: Scope
    unit: str


class Folded:
    """The layers of a graph, from the inputs on, and what flows between them.

    layers   in the order in which a walk meets them
    owner    for each leaf that enters layers the first of these
    targets  the leaves that only the result uses
    result   what the result, all that comes after the layers, sends back to the Values that enter it
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        scopes = dict.fromkeys(node.scope for node in snapshot.order)
        self._homes = _homes([scope for scope in scopes if scope is not None], self._outputs_by_scope())
        self.layers = self._in_order()
        self._place = {id(layer): i for i, layer in enumerate(self.layers)}
        self.result: dict[Value, float] = {}
        self.targets: dict[Value, None] = {}
        self._between = self._before_layers()
        self._sources: dict[Value, int] = {}
        self._fold()
        self._share_inputs()
        self._name_outputs()
        self.loose = self._loose()

    def _in_order(self) -> list[Layer]:
        """The layers by the place of their last Value: what a layer takes from stands before it."""
        last = {node.scope: i for i, node in enumerate(self.snapshot.order)}
        places: dict[int, int] = {}
        for scope, home in self._homes.items():
            places[id(home.layer)] = max(places.get(id(home.layer), -1), last.get(scope, -1))
        layers = {id(home.layer): home.layer for home in self._homes.values()}
        return sorted(layers.values(), key=lambda layer: places[id(layer)])

    def _outputs_by_scope(self) -> dict[Scope, dict[Value, None]]:
        """For each scope the Values that other scopes use, or that are roots."""
        outputs: dict[Scope, dict[Value, None]] = defaultdict(dict)
        for node in self.snapshot.order:
            scope = node.scope
            for arg in node.args:
                if arg.scope is not scope and arg.args and arg.scope is not None:
                    outputs[arg.scope][arg] = None
        for root in self.snapshot.roots:
            if root.args and root.scope is not None:
                outputs[root.scope][root] = None
        self._outer = outputs
        return outputs

    def _share_inputs(self) -> None:
        """Leave each leaf to the first of the layers that it enters."""
        self.owner: dict[Value, Layer] = {}
        for layer in self.layers:
            layer.first = {leaf: call for leaf, call in layer.first.items() if self.owner.setdefault(leaf, layer) is layer}

    def _before_layers(self) -> set[Value]:
        """What stands outside of all layers, but is computed for one."""
        found: set[Value] = set()
        for node in reversed(self.snapshot.order):
            if node.args and (node in found or node.scope in self._homes):
                found.update(arg for arg in node.args if arg.args and arg.scope not in self._homes)
        return found

    def _fold(self) -> None:
        homes, order = self._homes, self.snapshot.order
        for node in order:
            if not node.args:
                continue
            home = homes.get(node.scope)  # type: ignore[arg-type]
            if home is None:
                self._take_free(node)
            else:
                self._take(node, home)

    def _take(self, node: Value, home: Home) -> None:
        """Note the parameters of a Value inside a layer, and what it takes from elsewhere."""
        scope = node.scope
        for arg, local in zip(node.args, node.partials, strict=False):
            if arg.args and arg.scope is scope:
                continue
            if isinstance(arg, Parameter) and _is_learnt(arg, node):
                self._own(arg, node, home)
            elif not self._is_ours(arg, home):
                entering, gradient = home.layer.entering, grad_of(node)
                entering[arg] = entering.get(arg, 0.0) + (local * gradient if gradient else 0.0)
                if not arg.args:
                    home.layer.first.setdefault(arg, home.layer.calls[home.call])

    def _is_ours(self, arg: Value, home: Home) -> bool:
        """Whether an operand comes from the same call, or is a constant."""
        if not arg.args:
            return arg.kind == "constant"
        other = self._homes.get(arg.scope) if arg.scope is not None else None
        return other is not None and other.layer is home.layer and other.call is home.call

    def _own(self, parameter: Parameter, node: Value, home: Home) -> None:
        scope = node.scope
        assert scope is not None
        alone = scope.parent is not None and scope.parent.identity == scope.identity
        key = (scope.identity, home.unit if alone or not scope.identity else "")
        row = home.layer.rows.get(key)
        if row is None:
            row = home.layer.rows[key] = Rows(home.unit)
        (row.biases if node.op in _SUMS else row.weights)[parameter] = None

    def _take_free(self, node: Value) -> None:
        """What a Value outside of all layers comes from; and where it belongs to the result, what the result takes."""
        source, inside = 0, node in self._between
        for arg, local in zip(node.args, node.partials, strict=False):
            source |= self.sources(arg)
            if inside or (arg.args and arg.scope not in self._homes and arg not in self._between):
                continue
            if not arg.args and arg.kind == "input":
                self.targets[arg] = None
            elif arg.args:
                self.result[arg] = self.result.get(arg, 0.0) + (local * grad_of(node) if grad_of(node) else 0.0)
        self._sources[node] = source

    def sources(self, node: Value) -> int:
        """Where a Value comes from, as bits: 1 for inputs, 2 for the first layer, 4 for the second …"""
        if not node.args:
            return 1 if node.kind in ("input", "parameter") else 0
        home = self._homes.get(node.scope)  # type: ignore[arg-type]
        return self._sources.get(node, 0) if home is None else 2 << self._place[id(home.layer)]

    def _name_outputs(self) -> None:
        """Put the outputs of each call of each layer under their names."""
        inner: dict[Scope, int] = defaultdict(int)
        seen: dict[tuple[Scope, str], int] = defaultdict(int)
        for scope in self._outer:
            if (home := self._homes.get(scope)) and scope is not home.call:
                inner[home.call] += 1
        for scope, found in self._outer.items():
            if home := self._homes.get(scope):
                leaving = [node for node in found if node in self._leaving or self._is_gathered(home, inner[home.call])]
                time = seen[home.call, home.unit]
                seen[home.call, home.unit] += bool(leaving)
                self._name(home, time, leaving if scope is not home.call or not self._is_gathered(home, inner[home.call]) else [])

    def _is_gathered(self, home: Home, units: int) -> bool:
        """Whether a layer goes on from its units, and little of that leaves: of a softmax often one number alone."""
        own = self._outer.get(home.call, {})
        return 0 < sum(node in self._leaving for node in own) < units

    def _name(self, home: Home, time: int, leaving: list[Value]) -> None:
        counts: dict[str, int] = defaultdict(int)
        for node in leaving:
            home.layer.outputs[home.layer.calls[home.call], time][home.unit, node.op, counts[node.op]] = node
            counts[node.op] += 1

    @property
    def _leaving(self) -> set[Value]:
        """Values that leave the call of their layer."""
        if not hasattr(self, "_left"):
            self._left = {root for root in self.snapshot.roots if root.args}
            self._left.update(arg for layer in self.layers for arg in layer.entering if arg.args)
            self._left.update(self.result)
            self._left.update(arg for node in self._sources for arg in node.args)
        return self._left

    def _loose(self) -> int:
        """How many parameters stand outside of all layers."""
        within = {parameter for layer in self.layers for row in layer.rows.values() for parameter in (*row.weights, *row.biases)}
        used = {arg for node in self._sources for arg in node.args if isinstance(arg, Parameter)}
        entering = {arg for layer in self.layers for arg in layer.entering if isinstance(arg, Parameter)}
        return len(used - within - entering)


def _is_learnt(arg: Parameter, node: Value) -> bool:
    """Whether a parameter is a weight or bias: where all operands are parameters, as when letters are learnt vectors, the first half is."""
    if node.op in _PRODUCTS:
        for other in node.args:
            if not isinstance(other, Parameter):
                return True
        return arg in node.args[: (len(node.args) + 1) // 2]
    return True


# Which scope belongs to which layer


def _homes(scopes: list[Scope], outputs: dict[Scope, dict[Value, None]]) -> dict[Scope, Home]:
    """The layer of each scope that stands in one."""
    chains = {scope: scope.chain() for scope in scopes}
    around = {outer for chain in chains.values() for outer in chain[:-1]}
    inner = [scope for scope in scopes if scope not in around]
    parted = {part for unit in inner if (part := _module_of(unit)) is not unit}
    calls = {unit: _call_of(unit, chains[unit], parted) for unit in inner}
    single = _side_by_side(inner, calls, outputs, parted)
    layers: dict[tuple[int, str], Layer] = {}
    homes: dict[Scope, Home] = {}
    for unit in inner:
        call = calls[unit] if calls[unit] in parted or unit in single else unit
        stem = "" if call in parted or call is unit else _stem(unit.name)
        key = (call.identity or id(call), stem) if call is not unit or unit.identity else (id(call), "")
        layer = layers.setdefault(key, Layer("", call.kind if not stem or _stem_is_list(unit.name) else unit.kind))
        layer.calls.setdefault(call, len(layer.calls))
        homes[unit] = Home(layer, call, _within(unit, call))
        for scope in chains[unit][chains[unit].index(call) : -1]:
            homes.setdefault(scope, Home(layer, call, _within(scope, call)))
    _number_calls(layers.values())
    _name(layers)
    return homes


def _module_of(scope: Scope) -> Scope:
    """The call of the module itself, where it put a part of its work into a scope of its own."""
    while scope.parent is not None and scope.identity and scope.parent.identity == scope.identity:
        scope = scope.parent
    return scope


def _call_of(unit: Scope, chain: list[Scope], parted: set[Scope]) -> Scope:
    """The call of the layer around a unit: the outermost module that works in parts, or the module that holds the unit."""
    for scope in chain:
        if scope in parted:
            return scope
    return _module_of(unit.parent) if unit.parent is not None else unit


def _side_by_side(inner: list[Scope], calls: dict[Scope, Scope], outputs: dict[Scope, dict[Value, None]], parted: set[Scope]) -> set[Scope]:
    """Units of one output each that don't use each other: neurons of a layer. Others are layers themselves."""
    groups: dict[tuple[int, str], list[Scope]] = defaultdict(list)
    for unit in inner:
        groups[calls[unit].identity or id(calls[unit]), _stem(unit.name)].append(unit)
    found: set[Scope] = set()
    for members in groups.values():
        if all(len(outputs.get(unit, ())) <= 1 for unit in members) and not _depend(members, calls, outputs):
            found.update(members)
    return found | {unit for unit in inner if calls[unit] in parted}


def _depend(members: list[Scope], calls: dict[Scope, Scope], outputs: dict[Scope, dict[Value, None]]) -> bool:
    """Whether a unit uses another one of the same call."""
    if len(members) < 2:
        return False
    made = {node: calls[unit] for unit in members for node in outputs.get(unit, ())}
    return any(node in made and made[node] is calls[unit] for unit in members for node in _taken_by(unit, outputs))


def _taken_by(unit: Scope, outputs: dict[Scope, dict[Value, None]]) -> Iterable[Value]:
    """What a unit takes from other scopes, followed back from its outputs."""
    pending, seen = list(outputs.get(unit, ())), set[Value]()
    while pending:
        node = pending.pop()
        for arg in node.args:
            if arg.args and arg not in seen:
                seen.add(arg)
                if arg.scope is unit:
                    pending.append(arg)
                else:
                    yield arg


def _stem(name: str) -> str:
    """The name of a list that a part stands in: "neurons" of "neurons.3"."""
    return _ENDING.sub("", name)


def _stem_is_list(name: str) -> bool:
    return _stem(name) != name


def _within(scope: Scope, call: Scope) -> str:
    """The path of a scope within a call."""
    names: list[str] = []
    while scope is not call and scope.parent is not None:
        names.append(scope.name)
        scope = scope.parent
    return ".".join(name for name in reversed(names) if name)


def _number_calls(layers: Iterable[Layer]) -> None:
    """Put the calls of each layer in order: sample by sample, and the steps of a sequence by their numbers, whatever a walk met first."""
    samples: dict[Scope, int] = {}
    for layer in layers:
        for call in layer.calls:
            samples.setdefault(call.chain()[0], len(samples))
    for layer in layers:
        places = {call: (samples[call.chain()[0]], [int(digits) for digits in _NUMBER.findall(call.path)]) for call in layer.calls}
        layer.calls = {call: i for i, call in enumerate(sorted(layer.calls, key=places.__getitem__))}


def _name(layers: dict[tuple[int, str], Layer]) -> None:
    """Give each layer its path; two that share one, such as two lists of neurons in one module, say which list."""
    for layer in layers.values():
        layer.path = _common([call.path for call in layer.calls])
    shared = [layer.path for layer in layers.values()]
    stems = {id(layer): stem for (_, stem), layer in layers.items()}
    for layer in layers.values():
        if shared.count(layer.path) > 1 and stems[id(layer)]:
            layer.path = ".".join(filter(None, (layer.path, stems[id(layer)])))
        layer.path = clean(layer.path) or layer.kind


def _common(paths: list[str]) -> str:
    """What the paths of all calls have in common: those of a cell in its steps differ in a number.

    >>> _common(["cell.0.units", "cell.1.units"])
    'cell.units'
    """
    parts = [path.split(".") for path in dict.fromkeys(paths)]
    if len({len(path) for path in parts}) > 1:
        return paths[0]
    return ".".join(same[0] for same in zip(*parts, strict=True) if len(set(same)) == 1)


def ordered(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, list[int]]]:
    """For names with a kind the place where each stands: kinds of names as they come, within a kind by the numbers in the names.

    >>> places = ordered([("b.1", ""), ("a.10", ""), ("a.9", "")])
    >>> sorted(places, key=places.get)
    [('b.1', ''), ('a.9', ''), ('a.10', '')]
    """
    families: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], tuple[int, list[int]]] = {}
    for name, kind in names:
        family = families.setdefault((_NUMBER.sub("#", name), kind), len(families))
        found[name, kind] = family, [int(digits) for digits in _NUMBER.findall(name)]
    return found
