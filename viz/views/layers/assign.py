"""Which call of which layer each scope belongs to: neurons side by side make a layer, parts of a module its unit."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from scalargrad.core.modes import Scope
from scalargrad.core.value import Parameter, Value
from viz.look.text import clean

from .order import digits

_ENDING = re.compile(r"(^|\.)[0-9.]+$")

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
    takers    for each of them the calls that take it
    first     the leaves among them that no layer before it takes, with the call that does
    """

    path: str
    kind: str
    calls: dict[Scope, int] = field(default_factory=dict)
    rows: dict[tuple[int, str], Rows] = field(default_factory=dict)
    outputs: dict[tuple[int, int], dict[Name, Value]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    entering: dict[Value, float] = field(default_factory=dict)
    takers: dict[Value, set[Scope]] = field(default_factory=lambda: defaultdict(set))
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


def homes(scopes: list[Scope], outputs: dict[Scope, dict[Value, None]]) -> dict[Scope, Home]:
    """The layer, the call and the unit of each scope that stands in a layer.

    scopes   those of all Values of a graph, in the order in which a walk meets them
    outputs  for each scope its Values that other scopes use, or that are roots
    """
    chains = {scope: scope.chain() for scope in scopes}
    around = {outer for chain in chains.values() for outer in chain[:-1]}
    inner = [scope for scope in scopes if scope not in around]
    parted = {part for unit in inner if (part := _module_of(unit)) is not unit}
    calls = {unit: _call_of(unit, chains[unit], parted) for unit in inner}
    single = _side_by_side(inner, calls, outputs, parted)
    layers: dict[tuple[int, str], Layer] = {}
    found: dict[Scope, Home] = {}
    for unit in inner:
        call = calls[unit] if calls[unit] in parted or unit in single else unit
        stem = "" if call in parted or call is unit else _stem(unit.name)
        key = (
            (call.identity or id(call), stem)
            if call is not unit or unit.identity
            else (id(call), "")
        )
        layer = layers.setdefault(
            key, Layer("", call.kind if not stem or _stem_is_list(unit.name) else unit.kind)
        )
        layer.calls.setdefault(call, len(layer.calls))
        found[unit] = Home(layer, call, _within(unit, call))
        for scope in chains[unit][chains[unit].index(call) : -1]:
            found.setdefault(scope, Home(layer, call, _within(scope, call)))
    _number_calls(layers.values())
    _name(layers)
    return found


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


def _side_by_side(
    inner: list[Scope],
    calls: dict[Scope, Scope],
    outputs: dict[Scope, dict[Value, None]],
    parted: set[Scope],
) -> set[Scope]:
    """Units of one output each that don't use each other: neurons of a layer. Others are layers themselves."""
    groups: dict[tuple[int, str], list[Scope]] = defaultdict(list)
    for unit in inner:
        groups[calls[unit].identity or id(calls[unit]), _stem(unit.name)].append(unit)
    found: set[Scope] = set()
    for members in groups.values():
        if all(len(outputs.get(unit, ())) <= 1 for unit in members) and not _depend(
            members, calls, outputs
        ):
            found.update(members)
    return found | {unit for unit in inner if calls[unit] in parted}


def _depend(
    members: list[Scope], calls: dict[Scope, Scope], outputs: dict[Scope, dict[Value, None]]
) -> bool:
    """Whether a unit uses another one of the same call."""
    if len(members) < 2:
        return False
    made = {node: calls[unit] for unit in members for node in outputs.get(unit, ())}
    return any(
        node in made and made[node] is calls[unit]
        for unit in members
        for node in _taken_by(unit, outputs)
    )


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
        places = {call: (samples[call.chain()[0]], digits(call.path)) for call in layer.calls}
        layer.calls = {
            call: i for i, call in enumerate(sorted(layer.calls, key=places.__getitem__))
        }


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
