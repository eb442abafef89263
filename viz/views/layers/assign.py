"""Which call of which layer each scope belongs to.

Neurons side by side make a layer, and the parts of a module make its unit. Only scopes are looked
at: a graph keeps the calls that made it, but not their modules.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from scalargrad.core.scopes import Scope
from scalargrad.core.value import Parameter, Value
from viz.look.text import clean

from .order import digits

_NUMBER_AT_END = re.compile(r"(^|\.)[0-9.]+$")

OutputName = tuple[str, str, int]
"""An output by its unit, its operation, and its rank among those of the same unit and operation."""
LayerKey = tuple[int, str]
"""A layer by the identity of its module, and the name of the list of units where it has several."""
OutputsByScope = dict[Scope, dict[Value, None]]


@dataclass
class Rows:
    """The parameters of one neuron (or feature) of a layer, in order of use."""

    name: str
    weights: dict[Parameter, None] = field(default_factory=dict)
    biases: dict[Parameter, None] = field(default_factory=dict)


@dataclass
class Layer:
    """Neurons side by side, over all of their calls.

    Attributes:
        path: Path of the module, without the numbers that tell its calls apart.
        kind: Class of the module.
        calls: The scopes of its calls, with their ranks.
        rows: Parameters, neuron by neuron.
        outputs: The Values that are used elsewhere, by names that are the same in every call; for
            each call, and each time that its units are used in it (a batch may pass in one call).
        entering: For each Value from elsewhere the gradient that this layer sends back to it.
        takers: For each of them the calls that take it.
        first: The leaves among them that no earlier layer takes, with the rank of the call.
    """

    path: str
    kind: str
    calls: dict[Scope, int] = field(default_factory=dict)
    rows: dict[tuple[int, str], Rows] = field(default_factory=dict)
    outputs: dict[tuple[int, int], dict[OutputName, Value]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    entering: dict[Value, float] = field(default_factory=dict)
    takers: dict[Value, set[Scope]] = field(default_factory=lambda: defaultdict(set))
    first: dict[Value, int] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """Numbers that the layer puts out at a call."""
        names: set[OutputName] = set()
        for outputs in self.outputs.values():
            names.update(outputs)
        return len(names)

    @property
    def weights(self) -> int:
        """Parameters that the layer multiplies with."""
        return sum(len(row.weights) for row in self.rows.values())

    @property
    def parameters(self) -> dict[Parameter, None]:
        """Weights and biases, neuron by neuron."""
        parameters: dict[Parameter, None] = {}
        for row in self.rows.values():
            parameters |= row.weights
            parameters |= row.biases
        return parameters


@dataclass(frozen=True, slots=True)
class Part:
    """What a scope is within a layer: part of a call, and there part of a unit."""

    layer: Layer
    call: Scope
    unit: str


def assign_scopes(scopes: list[Scope], outputs: OutputsByScope) -> dict[Scope, Part]:
    """Return the layer, the call and the unit of each scope that is part of a layer.

    Args:
        scopes: Those of all Values of a graph, in topological order of the Values.
        outputs: For each scope its Values that other scopes use, or that are roots.
    """
    chains = {scope: scope.chain() for scope in scopes}
    around: set[Scope] = set()
    for *outer, _ in chains.values():
        around.update(outer)
    units = [scope for scope in scopes if scope not in around]
    # Modules that put a part of their own work into a scope, such as the gates of a cell.
    divided = set(map(_module_call, units)).difference(units)
    calls = {unit: _layer_call(unit, chains[unit], divided) for unit in units}
    in_layers = _find_side_by_side(units, calls, outputs, divided)

    layers: dict[LayerKey, Layer] = {}
    parts: dict[Scope, Part] = {}
    for unit in units:
        # What is no neuron beside others is a layer by itself.
        call = calls[unit] if unit in in_layers else unit
        is_neuron = call is not unit and call not in divided
        stem = list_name(unit.name) if is_neuron else ""
        is_list_of_call = not stem or stem != unit.name
        kind = call.kind if is_list_of_call else unit.kind

        layer = layers.setdefault(_layer_key(call, stem), Layer("", kind))
        layer.calls.setdefault(call, len(layer.calls))
        parts[unit] = Part(layer, call, _path_within(unit, call))

        chain = chains[unit]
        for scope in chain[chain.index(call) : -1]:
            parts.setdefault(scope, Part(layer, call, _path_within(scope, call)))

    _number_calls(layers.values())
    _name_layers(layers)
    return parts


def _layer_key(call: Scope, stem: str) -> LayerKey:
    # A scope that was made by hand may have no identity: then each call is a module by itself.
    return call.identity or id(call), stem


def _module_call(scope: Scope) -> Scope:
    """Return the call of the module itself, where it put a part of its work into an inner scope."""
    identity = scope.identity
    while scope.parent is not None and identity and scope.parent.identity == identity:
        scope = scope.parent
    return scope


def _layer_call(unit: Scope, chain: list[Scope], divided: set[Scope]) -> Scope:
    """Return the outermost divided module around a unit, or else the module that holds the unit."""
    for scope in chain:
        if scope in divided:
            return scope
    return _module_call(unit.parent) if unit.parent is not None else unit


def _find_side_by_side(
    units: list[Scope], calls: dict[Scope, Scope], outputs: OutputsByScope, divided: set[Scope]
) -> set[Scope]:
    """Return the units that are neurons of a layer; all others are layers themselves.

    Neurons have one output each and don't use each other.
    """
    groups: dict[LayerKey, list[Scope]] = defaultdict(list)
    for unit in units:
        groups[_layer_key(calls[unit], list_name(unit.name))].append(unit)

    neurons = {unit for unit in units if calls[unit] in divided}
    for members in groups.values():
        counts = [len(outputs.get(unit, ())) for unit in members]
        have_one_output = max(counts) <= 1
        if have_one_output and not _depend(members, calls, outputs):
            neurons.update(members)
    return neurons


def _depend(members: list[Scope], calls: dict[Scope, Scope], outputs: OutputsByScope) -> bool:
    """Return whether a unit uses another one of the same call."""
    if len(members) < 2:
        return False

    call_of_output: dict[Value, Scope] = {}
    for unit in members:
        call_of_output |= dict.fromkeys(outputs.get(unit, ()), calls[unit])

    for unit in members:
        operands = _operands_from_elsewhere(unit, outputs)
        if any(call_of_output.get(node) is calls[unit] for node in operands):
            return True
    return False


def _operands_from_elsewhere(unit: Scope, outputs: OutputsByScope) -> Iterator[Value]:
    """Yield what a unit takes from other scopes, followed back from its outputs."""
    pending = list(outputs.get(unit, ()))
    seen: set[Value] = set()
    while pending:
        node = pending.pop()
        for arg in node.args:
            if not arg.args or arg in seen:
                continue
            seen.add(arg)
            if arg.scope is unit:
                pending.append(arg)
            else:
                yield arg


def list_name(name: str) -> str:
    """Return the name of the list that a part is in.

    Args:
        name: The name of a module inside its parent.

    Example:
        >>> list_name("neurons.3"), list_name("query")
        ('neurons', 'query')
    """
    return _NUMBER_AT_END.sub("", name)


def _path_within(scope: Scope, call: Scope) -> str:
    """Return the path of a scope from a call around it."""
    names: list[str] = []
    while scope is not call and scope.parent is not None:
        names.append(scope.name)
        scope = scope.parent
    return ".".join(name for name in reversed(names) if name)


def _number_calls(layers: Iterable[Layer]) -> None:
    """Number the calls of each layer sample by sample, and the steps of a sequence by their names.

    The topological order may meet the last step first.
    """
    samples: dict[Scope, int] = {}
    for layer in layers:
        for call in layer.calls:
            outermost = call.chain()[0]
            samples.setdefault(outermost, len(samples))

    def place(call: Scope) -> tuple[int, tuple[int, ...]]:
        outermost = call.chain()[0]
        return samples[outermost], digits(call.path)

    for layer in layers:
        in_order = sorted(layer.calls, key=place)
        layer.calls = {call: i for i, call in enumerate(in_order)}


def _name_layers(layers: dict[LayerKey, Layer]) -> None:
    """Give each layer its path; two lists of neurons in one module say which list."""
    for layer in layers.values():
        layer.path = _common_parts([call.path for call in layer.calls])

    layers_with_path = Counter(layer.path for layer in layers.values())
    for (_, stem), layer in layers.items():
        path = layer.path
        if stem and layers_with_path[path] > 1:
            path = f"{path}.{stem}" if path else stem
        layer.path = clean(path) or layer.kind


def _common_parts(paths: list[str]) -> str:
    """Return the parts that all paths share: the steps of a cell differ in a number.

    >>> _common_parts(["cell.0.units", "cell.1.units"])
    'cell.units'
    """
    parts = [path.split(".") for path in dict.fromkeys(paths)]
    lengths = {len(path) for path in parts}
    if len(lengths) > 1:
        return paths[0]

    shared: list[str] = []
    for first, *others in zip(*parts, strict=True):
        if all(other == first for other in others):
            shared.append(first)
    return ".".join(shared)
