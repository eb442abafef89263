"""A graph folded to its layers, in two walks and without looking at modules: which call of which layer made each Value."""

from collections import defaultdict
from functools import cached_property

from scalargrad.core import ops
from scalargrad.core.modes import Scope
from scalargrad.core.value import Parameter, Value
from viz.model.snapshot import Snapshot, grad_of

from .assign import Home, Layer, Rows, homes

_SUMS = (ops.ADD.name, ops.SUB.name, ops.SUM.name)
_PRODUCTS = (ops.MUL.name, ops.DOT.name)


class Folded:
    """The layers of a graph, from the inputs on, and what flows between them.

    layers   in the order in which a walk meets them
    places   where each of them stands, by its id()
    owner    for each leaf that enters layers the first of these
    targets  the leaves that only the result uses
    result   what the result, all that comes after the layers, sends back to the Values that enter it
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        scopes = dict.fromkeys(node.scope for node in snapshot.order)
        self._outer = self._outputs_by_scope()
        self._homes = homes([scope for scope in scopes if scope is not None], self._outer)
        self.layers = self._in_order()
        self.places = {id(layer): i for i, layer in enumerate(self.layers)}
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
        return outputs

    def _share_inputs(self) -> None:
        """Leave each leaf to the first of the layers that it enters."""
        self.owner: dict[Value, Layer] = {}
        for layer in self.layers:
            layer.first = {
                leaf: call
                for leaf, call in layer.first.items()
                if self.owner.setdefault(leaf, layer) is layer
            }

    def _before_layers(self) -> set[Value]:
        """What stands outside of all layers, but is computed for one."""
        found: set[Value] = set()
        for node in reversed(self.snapshot.order):
            if node.args and (node in found or node.scope in self._homes):
                found.update(arg for arg in node.args if arg.args and arg.scope not in self._homes)
        return found

    def _fold(self) -> None:
        for node in self.snapshot.order:
            if not node.args:
                continue
            home = self._homes.get(node.scope)  # type: ignore[arg-type]
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
            if isinstance(arg, Parameter) and _is_learned(arg, node):
                self._own(arg, node, home)
            elif not self._is_ours(arg, home):
                entering, gradient = home.layer.entering, grad_of(node)
                entering[arg] = entering.get(arg, 0.0) + (local * gradient if gradient else 0.0)
                home.layer.takers[arg].add(home.call)
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
                self.result[arg] = self.result.get(arg, 0.0) + (
                    local * grad_of(node) if grad_of(node) else 0.0
                )
        self._sources[node] = source

    def call_of(self, node: Value) -> Scope | None:
        """Return the call of a layer that made a Value, None for what stands outside of all layers."""
        home = self._homes.get(node.scope) if node.args and node.scope is not None else None
        return None if home is None else home.call

    def sources(self, node: Value) -> int:
        """Where a Value comes from, as bits: 1 for inputs, 2 for the first layer, 4 for the second …"""
        if not node.args:
            return 1 if node.kind in ("input", "parameter") else 0
        home = self._homes.get(node.scope)  # type: ignore[arg-type]
        return self._sources.get(node, 0) if home is None else 2 << self.places[id(home.layer)]

    def _name_outputs(self) -> None:
        """Put the outputs of each call of each layer under their names."""
        inner: dict[Scope, int] = defaultdict(int)
        seen: dict[tuple[Scope, str], int] = defaultdict(int)
        for scope in self._outer:
            if (home := self._homes.get(scope)) and scope is not home.call:
                inner[home.call] += 1
        for scope, found in self._outer.items():
            if home := self._homes.get(scope):
                leaving = [
                    node
                    for node in found
                    if node in self._leaving or self._is_gathered(home, inner[home.call])
                ]
                time = seen[home.call, home.unit]
                seen[home.call, home.unit] += bool(leaving)
                self._name(
                    home,
                    time,
                    leaving
                    if scope is not home.call or not self._is_gathered(home, inner[home.call])
                    else [],
                )

    def _is_gathered(self, home: Home, units: int) -> bool:
        """Whether a layer goes on from its units, and little of that leaves: of a softmax often one number alone."""
        own = self._outer.get(home.call, {})
        return 0 < sum(node in self._leaving for node in own) < units

    def _name(self, home: Home, time: int, leaving: list[Value]) -> None:
        counts: dict[str, int] = defaultdict(int)
        for node in leaving:
            home.layer.outputs[home.layer.calls[home.call], time][
                home.unit, node.op, counts[node.op]
            ] = node
            counts[node.op] += 1

    @cached_property
    def _leaving(self) -> set[Value]:
        """Values that leave the call of their layer."""
        found = {root for root in self.snapshot.roots if root.args}
        found.update(arg for layer in self.layers for arg in layer.entering if arg.args)
        found.update(self.result)
        found.update(arg for node in self._sources for arg in node.args)
        return found

    def _loose(self) -> int:
        """How many parameters stand outside of all layers."""
        within = {
            parameter
            for layer in self.layers
            for row in layer.rows.values()
            for parameter in (*row.weights, *row.biases)
        }
        used = {arg for node in self._sources for arg in node.args if isinstance(arg, Parameter)}
        entering = {
            arg for layer in self.layers for arg in layer.entering if isinstance(arg, Parameter)
        }
        return len(used - within - entering)


def _is_learned(arg: Parameter, node: Value) -> bool:
    """Whether a parameter is a weight or bias: where all operands are parameters, as when letters are learned vectors, the first half is."""
    if node.op in _PRODUCTS:
        learned = all(isinstance(other, Parameter) for other in node.args)
        return not learned or arg in node.args[: (len(node.args) + 1) // 2]
    return True
