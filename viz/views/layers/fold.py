"""A graph folded to its layers and what flows between them, in two passes over its Values.

A network of 784-100-10 units is 239,253 Values for one sample: a pass reads each Value once, and
what it needs of the modules is in the scopes.
"""

from collections import defaultdict
from functools import cached_property

from scalargrad.core import ops
from scalargrad.core.scopes import Scope
from scalargrad.core.value import Parameter, Value
from viz.model.snapshot import Snapshot, carry_back

from .assign import Layer, OutputsByScope, Part, Rows, assign_scopes

_SUMS = (ops.ADD.name, ops.SUB.name, ops.SUM.name)
_PRODUCTS = (ops.MUL.name, ops.DOT.name)

FROM_INPUTS = 1
"""The bit of a set of sources that stands for inputs; layer i has the bit 2 << i."""


class Folded:
    """The layers of a graph, from the inputs on, and what flows between them.

    Attributes:
        layers: The layers, each after those that it takes from.
        owner: For each leaf that enters layers the first of these.
        targets: The leaves that only the result uses.
        result: For each Value that enters the result, which is all that comes after the layers, the
            gradient that the result sends back to it.
        loose: Parameters outside of all layers.

    Example:
        >>> from scalargrad.nn import MLP
        >>> folded = Folded(Snapshot(MLP(2, [3, 2], seed=1)([1.0, -1.0])))
        >>> [(layer.path, layer.units, layer.weights) for layer in folded.layers]
        [('layers.0', 3, 6), ('layers.1', 2, 6)]
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._outputs = self._outputs_by_scope()
        scopes = dict.fromkeys(node.scope for node in snapshot.order)
        module_calls = [scope for scope in scopes if scope is not None]
        self._parts = assign_scopes(module_calls, self._outputs)
        self.layers = self._sort_layers()
        self._rank = {id(layer): i for i, layer in enumerate(self.layers)}

        self.result: dict[Value, float] = {}
        self.targets: dict[Value, None] = {}
        self._source_bits: dict[Value, int] = {}
        self._before_layers = self._find_before_layers()
        self._fold()

        self.owner = self._share_leaves()
        self._name_outputs()
        self.loose = self._count_loose()

    def rank(self, layer: Layer) -> int:
        """Return the position of a layer in `layers`."""
        return self._rank[id(layer)]

    def call(self, node: Value) -> Scope | None:
        """Return the call of a layer that made a Value, None for a Value outside of all layers."""
        part = self._part(node) if node.args else None
        return None if part is None else part.call

    def sources(self, node: Value) -> int:
        """Return where a Value comes from, as bits: 1 for inputs, 2 for the first layer, 4 …"""
        if not node.args:
            return FROM_INPUTS if node.kind in ("input", "parameter") else 0
        part = self._part(node)
        if part is None:
            return self._source_bits.get(node, 0)
        return 2 << self.rank(part.layer)

    def _part(self, node: Value) -> Part | None:
        return self._parts.get(node.scope) if node.scope is not None else None

    # Before the passes: scopes and their order

    def _outputs_by_scope(self) -> OutputsByScope:
        """Return for each scope the Values that other scopes use, or that are roots."""
        outputs: OutputsByScope = defaultdict(dict)
        for node in self.snapshot.order:
            scope = node.scope
            for arg in node.args:
                if arg.scope is not scope and arg.args and arg.scope is not None:
                    outputs[arg.scope][arg] = None
        for root in self.snapshot.roots:
            if root.args and root.scope is not None:
                outputs[root.scope][root] = None
        return outputs

    def _sort_layers(self) -> list[Layer]:
        """Return the layers by their last Values: what a layer takes from is done before it."""
        last_of_scope = {node.scope: i for i, node in enumerate(self.snapshot.order)}
        layers: dict[int, Layer] = {}
        last: dict[int, int] = {}
        for scope, part in self._parts.items():
            key = id(part.layer)
            layers[key] = part.layer
            last_in_scope = last_of_scope.get(scope, -1)
            last[key] = max(last.get(key, -1), last_in_scope)
        return sorted(layers.values(), key=lambda layer: last[id(layer)])

    def _find_before_layers(self) -> set[Value]:
        """Return what is outside of all layers, but is computed for one, such as a scaled input."""
        before: set[Value] = set()
        # Users come first, so that what is needed for a layer is known when its operands are met.
        for node in reversed(self.snapshot.order):
            is_in_layer = node.args and node.scope in self._parts
            if is_in_layer or node in before:
                before.update(filter(self._is_outside, node.args))
        return before

    def _is_outside(self, node: Value) -> bool:
        return bool(node.args) and node.scope not in self._parts

    # The passes

    def _fold(self) -> None:
        # Local names, since the loop runs for every Value of the graph.
        parts = self._parts
        gradients = self.snapshot.gradients
        for node in self.snapshot.order:
            if not node.args:
                continue
            part = None if node.scope is None else parts.get(node.scope)
            if part is None:
                self._fold_outside(node, gradients[node])
            else:
                self._fold_inside(node, gradients[node], part)

    def _fold_inside(self, node: Value, gradient: float, part: Part) -> None:
        """Give the layer of a Value its parameters, and what it takes from elsewhere."""
        layer = part.layer
        scope = node.scope
        # Not strict, here and below: a Value that was made by hand may have no local derivatives.
        for arg, local in zip(node.args, node.partials, strict=False):
            if arg.args and arg.scope is scope:
                continue
            if isinstance(arg, Parameter) and _is_learned(arg, node):
                self._add_parameter(arg, node, part)
            elif not self._is_own(arg, part):
                flow = carry_back(local, gradient)
                layer.entering[arg] = layer.entering.get(arg, 0.0) + flow
                layer.takers[arg].add(part.call)
                if not arg.args:
                    layer.first.setdefault(arg, layer.calls[part.call])

    def _is_own(self, arg: Value, part: Part) -> bool:
        """Return whether an operand comes from the same call, or is a constant."""
        if not arg.args:
            return arg.kind == "constant"
        other = self._part(arg)
        if other is None:
            return False
        return other.layer is part.layer and other.call is part.call

    def _add_parameter(self, parameter: Parameter, node: Value, part: Part) -> None:
        scope = node.scope
        assert scope is not None
        # Parameters that a module uses in several units are one row, unless each unit has a scope
        # that is a part of the module itself.
        is_divided = scope.parent is not None and scope.parent.identity == scope.identity
        unit = part.unit if is_divided or not scope.identity else ""

        rows = part.layer.rows
        key = (scope.identity, unit)
        row = rows.get(key)
        if row is None:
            row = rows[key] = Rows(part.unit)
        parameters = row.biases if node.op in _SUMS else row.weights
        parameters[parameter] = None

    def _fold_outside(self, node: Value, gradient: float) -> None:
        """Note where a Value outside of all layers comes from, and what the result takes."""
        is_before_layer = node in self._before_layers
        bits = 0
        for arg, local in zip(node.args, node.partials, strict=False):
            bits |= self.sources(arg)
            if is_before_layer:
                continue
            if not arg.args:
                if arg.kind == "input":
                    self.targets[arg] = None
            elif not self._is_outside(arg) or arg in self._before_layers:
                flow = carry_back(local, gradient)
                self.result[arg] = self.result.get(arg, 0.0) + flow
        self._source_bits[node] = bits

    def _share_leaves(self) -> dict[Value, Layer]:
        """Leave each leaf to the first of the layers that it enters, and return that layer."""
        owner: dict[Value, Layer] = {}
        for layer in self.layers:
            own: dict[Value, int] = {}
            for leaf, call in layer.first.items():
                if owner.setdefault(leaf, layer) is layer:
                    own[leaf] = call
            layer.first = own
        return owner

    # After the passes: names of outputs

    def _name_outputs(self) -> None:
        """Put the outputs of each call of each layer under their names."""
        inner_units: dict[Scope, int] = defaultdict(int)
        for scope in self._outputs:
            part = self._parts.get(scope)
            if part is not None and scope is not part.call:
                inner_units[part.call] += 1

        uses: dict[tuple[Scope, str], int] = defaultdict(int)
        for scope, outputs in self._outputs.items():
            part = self._parts.get(scope)
            if part is None:
                continue
            goes_on = self._goes_on(part, inner_units[part.call])
            leaving = [node for node in outputs if goes_on or node in self._leaving]
            unit = (part.call, part.unit)
            use = uses[unit]
            uses[unit] += bool(leaving)
            if not goes_on or scope is not part.call:
                self._name(part, use, leaving)

    def _goes_on(self, part: Part, units: int) -> bool:
        """Return whether a layer computes on from its units, and few numbers leave it.

        Of a softmax often a single number leaves: the units before it are what the layer shows.
        """
        own = self._outputs.get(part.call, {})
        leaving = self._leaving.intersection(own)
        return 0 < len(leaving) < units

    def _name(self, part: Part, use: int, leaving: list[Value]) -> None:
        layer = part.layer
        call = layer.calls[part.call]
        counts: dict[str, int] = defaultdict(int)
        for node in leaving:
            name = (part.unit, node.op, counts[node.op])
            layer.outputs[call, use][name] = node
            counts[node.op] += 1

    @cached_property
    def _leaving(self) -> set[Value]:
        """Values that leave the call of their layer."""
        leaving = {root for root in self.snapshot.roots if root.args}
        for layer in self.layers:
            leaving.update(arg for arg in layer.entering if arg.args)
        leaving.update(self.result)
        leaving |= self._operands_outside()
        return leaving

    def _operands_outside(self) -> set[Value]:
        """Return the operands of all Values outside of layers."""
        return {arg for node in self._source_bits for arg in node.args}

    def _count_loose(self) -> int:
        """Count the parameters outside of all layers."""
        loose = self._operands_outside()
        for layer in self.layers:
            loose -= layer.parameters.keys()
            loose -= layer.entering.keys()
        return sum(isinstance(arg, Parameter) for arg in loose)


def _is_learned(arg: Parameter, node: Value) -> bool:
    """Return whether a parameter is a weight or bias of the Value's layer.

    Where all operands of a product are parameters, as when embedded letters enter a layer, the
    weights are the first half.
    """
    if node.op not in _PRODUCTS:
        return True
    if not all(isinstance(other, Parameter) for other in node.args):
        return True
    half = (len(node.args) + 1) // 2
    return arg in node.args[:half]
