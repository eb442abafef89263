"""Linear layers in a row: where no activation stands between two of them, both together are one."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from scalargrad.core import ops
from scalargrad.core.graph import topological
from scalargrad.core.value import Value

from .findings import Finding
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


def check_collapsed(examination: Measurement) -> Iterator[Finding]:
    """Find two linear layers with nothing between them, one after the other.

    A narrow layer between two wide ones is left out: it limits the rank, so it is no waste. So are scales
    of single numbers, as a normalization has them before a layer.

    Args:
        examination: What went through the network.

    Yields:
        One finding for each pair.
    """
    if not examination.roots:
        return
    graph = _Affine(examination, topological(examination.roots[:1]))
    for (first, second), pair in graph.pairs().items():
        text = (
            f"{first or 'the network'} and {second or 'the network'} have no activation between them, "
            f"so together they can do no more than one linear layer ({pair.inputs} → {pair.outputs})"
        )
        numbers = {
            "inputs": float(pair.inputs),
            "between": float(pair.between),
            "outputs": float(pair.outputs),
        }
        yield Finding("collapsed", first, text, numbers, None, first)


class _Pair:
    """What flows from one layer to another."""

    def __init__(self) -> None:
        self.nodes: dict[int, Value] = {}
        self.outputs = 0
        self.inputs = 0

    @property
    def between(self) -> int:
        """How many numbers pass between the two."""
        return len(self.nodes)


class _Affine:
    """Which Values of a graph are sums of weight × input, and of which layer the weights are."""

    def __init__(self, examination: Measurement, order: Sequence[Value]) -> None:
        self._layers: dict[int, str] = {}
        self._learned: set[int] = set()
        self._products: dict[int, list[Value]] = {}
        self._sources: dict[int, dict[int, Value]] = {}
        self._order = order
        self._places = examination.layers_of(order)
        for node in order:
            self._look(node)

    def pairs(self) -> dict[tuple[str, str], _Pair]:
        """The layers that feed each other directly."""
        found: dict[tuple[str, str], _Pair] = defaultdict(_Pair)
        for end in self._ends():
            second = self._layers[id(end)]
            feeding: dict[str, dict[int, Value]] = defaultdict(dict)
            for key, source in self._sources_of(end).items():
                first = self._layers.get(key)
                if first is not None and first != second:
                    feeding[first][key] = source
            for first, nodes in feeding.items():
                if len(nodes) > 1:  # one alone is scaled, not mixed
                    found[first, second].nodes.update(nodes)
                    found[first, second].outputs += 1
        return {names: pair for names, pair in found.items() if self._is_waste(pair)}

    def _is_waste(self, pair: _Pair) -> bool:
        sources = [self._sources_of(node) for node in pair.nodes.values()]
        inputs = {key for each in sources for key in each}
        pair.inputs = len(inputs)
        is_scale = all(len(each) == 1 for each in sources) and len(inputs) == len(sources)
        return not is_scale and pair.between >= min(pair.inputs, pair.outputs)

    def _look(self, node: Value) -> None:
        """Note what a node is: something learned, weight × input of a layer, a sum of such, or anything else."""
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
        layer = self._places.get(id(node))
        if learned and node.op in _PRODUCTS:
            if layer is not None and len(learned) == len(varying):
                self._layers[id(node)] = layer
                self._products[id(node)] = varying
            return
        layers = {self._layers.get(id(arg)) for arg in varying}
        single = len(varying) == 1 or node.op not in (ops.MUL.name, ops.DIV.name)
        dividing = node.op == ops.DIV.name and node.args[0] is not varying[0]
        if node.op in _SUMS and single and not dividing and len(layers) == 1:
            (own,) = layers
            if own is not None:
                self._layers[id(node)] = own

    def _ends(self) -> Iterator[Value]:
        """What leaves a layer: it is no part of a longer sum."""
        inner: set[int] = set()
        for node in self._order:
            if id(node) in self._layers and id(node) not in self._products:
                inner.update(id(arg) for arg in node.args)
        return (node for node in self._order if id(node) in self._layers and id(node) not in inner)

    def _sources_of(self, end: Value) -> dict[int, Value]:
        """What the weights of a sum are multiplied with."""
        if id(end) in self._sources:
            return self._sources[id(end)]
        found: dict[int, Value] = {}
        seen: set[int] = set()
        pending = [end]
        while pending:
            node = pending.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if id(node) in self._products:
                found.update({id(source): source for source in self._products[id(node)]})
            else:
                pending += [arg for arg in node.args if id(arg) in self._layers]
        self._sources[id(end)] = found
        return found
