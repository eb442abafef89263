"""Linear layers in a row: without an activation in between, two of them are no more than one."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

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
        self._layer_by_id = measurement.layers_of(order)
        for node in order:
            self._classify(node)

    def pairs(self) -> dict[tuple[str, str], _Pair]:
        """Return the layers that feed each other directly."""
        pairs: dict[tuple[str, str], _Pair] = defaultdict(_Pair)
        for end in self._ends():
            second = self._layers[id(end)]
            feeding: dict[str, dict[int, Value]] = defaultdict(dict)
            for key, source in self._sources_of(end).items():
                first = self._layers.get(key)
                if first is not None and first != second:
                    feeding[first][key] = source
            for first, nodes in feeding.items():
                # A single Value is scaled, not mixed with others.
                if len(nodes) > 1:
                    pairs[first, second].nodes.update(nodes)
                    pairs[first, second].outputs += 1
        return {names: pair for names, pair in pairs.items() if self._is_redundant(pair)}

    def _is_redundant(self, pair: _Pair) -> bool:
        sources = [self._sources_of(node) for node in pair.nodes.values()]
        inputs: set[int] = set()
        for nodes in sources:
            inputs.update(nodes)
        pair.inputs = len(inputs)
        # Each Value with a factor of its own is a diagonal matrix, as in a normalization.
        is_scale = all(len(nodes) == 1 for nodes in sources) and len(inputs) == len(sources)
        return not is_scale and pair.between >= min(pair.inputs, pair.outputs)

    def _classify(self, node: Value) -> None:
        """Classify a node: learned, weight × input of a layer, a sum of those, or anything else."""
        if not node.args:
            if node.kind == "parameter":
                self._learned.add(id(node))
            return
        varying = [
            arg for arg in node.args if id(arg) not in self._learned and arg.kind != "constant"
        ]
        learned = [arg for arg in node.args if id(arg) in self._learned]
        if not varying:
            if learned:
                self._learned.add(id(node))
            return
        layer = self._layer_by_id.get(id(node))
        if learned and node.op in _PRODUCTS:
            if layer is not None and len(learned) == len(varying):
                self._layers[id(node)] = layer
                self._products[id(node)] = varying
            return

        # Products and quotients are linear in one operand only, quotients in the first.
        layers = {self._layers.get(id(arg)) for arg in varying}
        is_single = len(varying) == 1 or node.op not in (ops.MUL.name, ops.DIV.name)
        is_divisor = node.op == ops.DIV.name and node.args[0] is not varying[0]
        if node.op in _SUMS and is_single and not is_divisor and len(layers) == 1:
            (own,) = layers
            if own is not None:
                self._layers[id(node)] = own

    def _ends(self) -> Iterator[Value]:
        """Return the outputs of layers: the sums that are not part of a longer one."""
        inner: set[int] = set()
        for node in self._order:
            if id(node) in self._layers and id(node) not in self._products:
                inner.update(id(arg) for arg in node.args)
        return (node for node in self._order if id(node) in self._layers and id(node) not in inner)

    def _sources_of(self, end: Value) -> dict[int, Value]:
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
            if id(node) in self._products:
                sources.update({id(source): source for source in self._products[id(node)]})
            else:
                pending += [arg for arg in node.args if id(arg) in self._layers]
        self._sources[id(end)] = sources
        return sources
