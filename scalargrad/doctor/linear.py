"""Linear layers in a row: without an activation in between, two can do no more than one."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

from scalargrad.core import ops
from scalargrad.core.graph import topological
from scalargrad.core.value import Value

from .findings import Finding, name_path
from .measurement import Measurement

_PRODUCTS = {ops.MUL.name, ops.DOT.name}
_SUMS = {
    ops.ADD.name,
    ops.SUB.name,
    ops.NEG.name,
    ops.SUM.name,
    ops.MEAN.name,
    ops.MUL.name,
    ops.DIV.name,
}


def check_collapsed(measurement: Measurement) -> Iterator[Finding]:
    """Find linear layers that feed each other without an activation in between.

    A narrow layer between two wide ones is left out, because it limits the rank. So are scales of
    single numbers, as a normalization has them before a layer.

    Args:
        measurement: The measured network.

    Yields:
        One finding for each pair.
    """
    if not measurement.roots:
        return
    graph = _Affine(measurement, topological(measurement.roots[:1]))
    for (first, second), pair in graph.pairs().items():
        text = (
            f"{name_path(first)} and {name_path(second)} have no activation between them, so "
            f"they can do no more than one linear layer ({pair.inputs} → {pair.outputs})"
        )
        numbers = {
            "inputs": float(pair.inputs),
            "between": float(pair.between),
            "outputs": float(pair.outputs),
        }
        yield Finding("collapsed", first, text, numbers, None, first)


class _Pair:
    """The Values that one layer passes to another.

    Attributes:
        nodes: The Values by id.
        outputs: Number of outputs of the second layer.
        inputs: Number of inputs of the first layer.
    """

    def __init__(self) -> None:
        self.nodes: dict[int, Value] = {}
        self.outputs = 0
        self.inputs = 0

    @property
    def between(self) -> int:
        """Number of Values between the two."""
        return len(self.nodes)


class _Affine:
    """The Values of a graph that are sums of weight × input, with the layer of the weights."""

    def __init__(self, measurement: Measurement, order: Sequence[Value]) -> None:
        self._layers: dict[int, str] = {}
        self._learned: set[int] = set()
        self._products: dict[int, list[Value]] = {}
        self._sources: dict[int, dict[int, Value]] = {}
        self._order = order
        self._layer_by_id = measurement.locate_layers(order)
        for node in order:
            self._classify(node)

    def pairs(self) -> dict[tuple[str, str], _Pair]:
        """Return the layers that feed each other directly."""
        pairs: dict[tuple[str, str], _Pair] = defaultdict(_Pair)
        for end in self._ends():
            second = self._layers[id(end)]
            for first, nodes in self._feeding(end).items():
                # A single Value is scaled, not mixed with others.
                if len(nodes) > 1:
                    pair = pairs[first, second]
                    pair.nodes.update(nodes)
                    pair.outputs += 1
        return {names: pair for names, pair in pairs.items() if self._is_redundant(pair)}

    def _feeding(self, end: Value) -> dict[str, dict[int, Value]]:
        """Return the Values of other layers that a sum is made of, by their layer."""
        own = self._layers[id(end)]
        feeding: dict[str, dict[int, Value]] = defaultdict(dict)
        for key, source in self._find_sources(end).items():
            layer = self._layers.get(key)
            if layer is not None and layer != own:
                feeding[layer][key] = source
        return feeding

    def _is_redundant(self, pair: _Pair) -> bool:
        sources = [self._find_sources(node) for node in pair.nodes.values()]
        inputs = set(chain.from_iterable(sources))
        pair.inputs = len(inputs)

        # Each Value with one factor is a diagonal matrix, as in a normalization.
        is_diagonal = all(len(nodes) == 1 for nodes in sources)
        if is_diagonal and len(inputs) == len(sources):
            return False
        return pair.between >= min(pair.inputs, pair.outputs)

    def _classify(self, node: Value) -> None:
        """Classify a node: learned, weight × input of a layer, a sum of those, or anything else."""
        key = id(node)
        if not node.args:
            if node.kind == "parameter":
                self._learned.add(key)
            return

        learned = []
        varying = []
        for arg in node.args:
            if id(arg) in self._learned:
                learned.append(arg)
            elif arg.kind != "constant":
                varying.append(arg)
        if not varying:
            if learned:
                self._learned.add(key)
            return

        if learned and node.op in _PRODUCTS:
            layer = self._layer_by_id.get(key)
            if layer is not None and len(learned) == len(varying):
                self._layers[key] = layer
                self._products[key] = varying
        elif node.op in _SUMS and _is_linear(node, varying):
            layers = {self._layers.get(id(arg)) for arg in varying}
            own = layers.pop()
            if own is not None and not layers:
                self._layers[key] = own

    def _ends(self) -> Iterator[Value]:
        """Return the outputs of layers: the sums that are not part of a longer one."""
        in_layers = [node for node in self._order if id(node) in self._layers]
        inner: set[int] = set()
        for node in in_layers:
            if id(node) not in self._products:
                inner.update(map(id, node.args))
        return (node for node in in_layers if id(node) not in inner)

    def _find_sources(self, end: Value) -> dict[int, Value]:
        """Return the Values that the weights of a sum are multiplied by."""
        if id(end) in self._sources:
            return self._sources[id(end)]
        sources: dict[int, Value] = {}
        seen: set[int] = set()
        pending = [end]
        while pending:
            node = pending.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            factors = self._products.get(id(node))
            if factors is None:
                pending += [arg for arg in node.args if id(arg) in self._layers]
            else:
                sources.update((id(factor), factor) for factor in factors)
        self._sources[id(end)] = sources
        return sources


def _is_linear(node: Value, varying: Sequence[Value]) -> bool:
    """Whether a node is linear in its operands that vary, all of them together."""
    # A product is linear in one operand only; a quotient in the first only.
    if node.op == ops.MUL.name:
        return len(varying) == 1
    if node.op == ops.DIV.name:
        return len(varying) == 1 and node.args[0] is varying[0]
    return True
