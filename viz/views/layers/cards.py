"""The layer view: one card for each layer, with heat maps and numbers, folded straight from the scalar graph."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy

from scalargrad.core.value import Value
from viz.look.text import clean, number
from viz.model.heatmap import Map, histogram
from viz.model.layer_card import Bar, LayerCard
from viz.model.picture import Edge, Node, Picture
from viz.model.snapshot import Snapshot, grad_of
from viz.views.samples import Calls

from .assign import Layer, Name
from .facts import (
    activation,
    blocks,
    facts_of,
    line_of,
    output_names,
    sorted_rows,
    statistics_of,
    weights_name,
)
from .fold import Folded
from .maps import mosaic, rectangle, shaped
from .order import digits, grid, image_shape, in_order

WIDEST, MOST_WEIGHTS = 48, 5000
"""The neuron view is chosen up to so many neurons in a layer, and so many weights in all."""
MOST_CALLS, MOST_BARS, MOST_IMAGES = 64, 32, 9


def is_too_wide(folded: Folded) -> bool:
    """Whether a network is too large to be drawn neuron by neuron."""
    return (
        max((layer.units for layer in folded.layers), default=0) > WIDEST
        or sum(layer.weights for layer in folded.layers) > MOST_WEIGHTS
    )


def layer_picture(
    snapshot: Snapshot, colors: str = "gradient", folded: Folded | None = None
) -> Picture:
    """Cards from left to right: inputs, layers, the result.

    colors  "gradient"; or "weight" for a network by itself, which has computed nothing
    folded   the layers of the graph, where they are known already

    >>> from scalargrad.nn import MLP
    >>> loss = sum(y * y for y in MLP(3, [4, 2], seed=0)([1.0, -1.0, 0.5]))
    >>> loss.backward()
    >>> picture = layer_picture(Snapshot([loss]))
    >>> [(card.title, card.line) for card in picture.cards]
    [('input', '3 numbers'), ('layers.0', 'Layer 3 → 4, relu'), ('layers.1', 'Layer 4 → 2'), ('result', '')]
    >>> [edge.count for edge in picture.edges]
    [3, 4, 2]
    """
    view = _View(snapshot, folded or Folded(snapshot), colors)
    cards = view.cards()
    nodes = tuple(_node(card, snapshot) for card in cards)
    return Picture(
        "layers",
        nodes,
        tuple(view.edges()),
        notes=tuple(view.notes()),
        total=len(snapshot),
        colors=view.colors,
        cards=tuple(cards),
    )


def _node(card: LayerCard, snapshot: Snapshot) -> Node:
    """The card as a box, for the formats that draw no maps."""
    kind = {"input": "input", "layer": "module", "result": "operation"}[card.kind]
    root = snapshot.roots[0] if card.kind == "result" and len(snapshot.roots) == 1 else None
    norm = card.statistics.gradient_norm if card.statistics else None
    detail = "" if root is not None else card.detail
    if norm is not None:
        detail = " · ".join(filter(None, [detail, f"‖∇‖ {number(norm)}"]))
    data = None if root is None else root.data
    return Node(
        card.id,
        kind,
        label=card.title,
        data=data,
        detail=detail,
        formula=card.line,
        root=card.kind == "result",
        name=card.title,
    )


class _View:
    def __init__(self, snapshot: Snapshot, folded: Folded, colors: str) -> None:
        self.snapshot, self.folded = snapshot, folded
        self.computed = colors != "weight"
        self.back = self.computed and any(grad_of(node) for node in snapshot.order)
        self.colors = colors if self.back else "weight"

    def cards(self) -> list[LayerCard]:
        """From the inputs on."""
        found: list[LayerCard] = []
        for i, layer in enumerate(self.folded.layers):
            if layer.first:
                found.append(self._input_card(i, layer))
            found.append(self._layer_card(i, layer))
        return [*found, self._result_card()] if self.computed else found

    def notes(self) -> Iterator[str]:
        """What the picture folds and leaves out."""
        count = len(self.folded.layers)
        yield f"{count:,} layer{'s' * (count != 1)} folded from {len(self.snapshot):,} values; each map has a scale of its own"
        if not self.computed:
            return
        if not self.back:
            yield "no gradients yet: call backward() first"
        yield from self._notes_on_calls()
        if self.folded.loose:
            yield f"{self.folded.loose:,} parameters stand outside of all layers and are not drawn"
        if self.back and any(layer.rows and activation(layer) for layer in self.folded.layers):
            yield "dead units: the slope of their output is exactly 0 here, so that no gradient passes"

    def _notes_on_calls(self) -> Iterator[str]:
        """Yield what columns of units stand for: samples, or calls that belong to one computation."""
        counts = [(len(layer.calls), self._holds_samples(layer)) for layer in self.folded.layers]
        samples = max((count for count, are_samples in counts if are_samples), default=1)
        together = max((count for count, are_samples in counts if not are_samples), default=1)
        if samples > MOST_CALLS:
            yield f"numbers of units are means over up to {samples:,} samples, their gradients are sums"
        elif samples > 1:
            yield "units have a row each, and a column for each sample"
        if together > MOST_CALLS:
            yield f"units of layers with up to {together:,} calls that belong together, such as steps or tokens, are not drawn"
        elif together > 1:
            yield "units have a row each, and a column for each call of their layer: a step, a token, or another use of it"

    def _holds_samples(self, layer: Layer) -> bool:
        return len(layer.calls) == 1 or self._calls.are_samples(list(layer.calls))

    @cached_property
    def _calls(self) -> Calls:
        return Calls(self.snapshot)

    # Layers

    def _layer_card(self, i: int, layer: Layer) -> LayerCard:
        names = output_names(layer)
        rows = sorted_rows(layer)
        numbers = [[parameter.data for parameter in row] for row in rows]
        slopes = [[grad_of(parameter) for parameter in row] for row in rows] if self.back else []
        name = weights_name(rows)
        if name != "W":  # one number for each unit: a strip
            numbers, slopes = _strip(numbers), _strip(slopes)
        maps = [
            rectangle(title, table)
            for title, table in ((name, numbers), (f"∂loss/∂{name}", slopes))
            if table
        ]
        bars = [histogram(each.name.replace("∂loss/", ""), _present(each)) for each in maps]
        statistics = statistics_of(layer, names, numbers, slopes, self.back)
        return LayerCard(
            f"l{i}",
            "layer",
            clean(layer.path),
            f"{statistics.parameters:,} parameter{'s' * (statistics.parameters != 1)}"
            if statistics.parameters
            else "no parameters",
            line_of(layer, names, rows),
            tuple(maps),
            tuple(self._unit_maps(layer, names)),
            tuple(bars),
            statistics=statistics,
            facts=(
                *facts_of(statistics, bool(activation(layer)) and bool(statistics.parameters)),
                *blocks(layer),
            ),
        )

    def _unit_maps(self, layer: Layer, names: list[Name]) -> Iterator[Map]:
        if not self.computed or not names:
            return
        calls = [layer.outputs[call] for call in sorted(layer.outputs)]
        if len(calls) > MOST_CALLS and not self._holds_samples(layer):
            return  # a mean over steps or tokens would be a number of nothing
        for title, of, fold in (
            ("out", lambda node: node.data, numpy.mean),
            ("grad", grad_of, numpy.sum),
        ):
            if title == "grad" and not self.back:
                return
            rows = [[of(call[name]) if name in call else None for call in calls] for name in names]
            if len(calls) > MOST_CALLS:
                rows = [[float(fold([x for x in row if x is not None]))] for row in rows]
            yield shaped(title, rows, grid([digits(name[0]) for name in names]))

    # Inputs and the result

    def _input_card(self, i: int, layer: Layer) -> LayerCard:
        calls: list[list[Value]] = [[] for _ in layer.calls]
        for leaf, call in layer.first.items():
            calls[call].append(leaf)
        calls = [in_order(call) for call in calls if call]
        even = len({len(call) for call in calls}) == 1 and len(calls) <= MOST_CALLS
        table = calls if even else [[leaf for call in calls for leaf in call]]
        size = len(table[0])
        line = f"{size:,} number{'s' * (size != 1)}" + (
            f" × {len(table):,} calls" if len(table) > 1 else ""
        )
        maps = list(self._input_maps(table))
        image = bool(maps) and maps[0].columns > 1 and (len(table) == 1 or maps[0].missing != ())
        learned = all(leaf.kind == "parameter" for leaf in table[0])
        shown = LayerCard(f"i{i}", "input", "learned vectors" if learned else "input", line=line)
        return replace(shown, maps=tuple(maps)) if image else replace(shown, columns=tuple(maps))

    def _input_maps(self, table: list[list[Value]]) -> Iterator[Map]:
        if not self.computed:
            return
        shape = image_shape(table[0])
        for name, of in (("x", lambda leaf: leaf.data), ("∂loss/∂x", grad_of)):
            if name != "x" and not self.back:
                return
            if shape:
                yield mosaic(
                    name,
                    [
                        numpy.reshape([of(leaf) for leaf in call], shape[1:])
                        for call in _tiles(table, shape)
                    ],
                )
            else:
                shown = rectangle(
                    name if name == "x" else "grad",
                    [list(row) for row in zip(*[map(of, call) for call in table], strict=True)],
                )
                yield replace(shown, labels=_labels(table) if name == "x" else ())

    def _result_card(self) -> LayerCard:
        roots = self.snapshot.roots
        one = len(roots) == 1
        label = clean(roots[0].label) if one else ""
        facts = [(clean(leaf.label) or "target", number(leaf.data)) for leaf in self.folded.targets]
        shown = tuple(facts) if len(facts) <= 6 else (("targets", f"{len(facts):,}"),)
        outputs = [node for node in (self.folded.result or dict.fromkeys(roots)) if node.args]
        bars = (
            _bars(outputs, self.back)
            if 1 < len(outputs) <= MOST_BARS and self._once(outputs)
            else ()
        )
        return LayerCard(
            "r0",
            "result",
            label or ("result" if one else "outputs"),
            number(roots[0].data) if one else f"{len(roots):,}",
            bars=bars,
            facts=shown,
        )

    def _once(self, nodes: list[Value]) -> bool:
        """Whether the layers that Values come from were called once."""
        return all(
            len(self.folded.layers[i].calls) == 1
            for node in nodes
            for i in _bits(self.folded.sources(node) >> 1)
        )

    # What flows

    def edges(self) -> Iterator[Edge]:
        """From source to target with the count of numbers a call, and the norm of the gradient that they carry back."""
        for i, layer in enumerate(self.folded.layers):
            yield from self._edges_into(f"l{i}", layer.entering, layer.takers)
        if self.computed:
            result = self.folded.result or {
                root: grad_of(root) for root in self.snapshot.roots if root.args
            }
            # The result takes everything at once: what counts is how many calls it comes from.
            yield from self._edges_into("r0", result, {node: self._giver(node) for node in result})

    def _giver(self, node: Value) -> set[Any]:
        call = self.folded.call_of(node)
        return set() if call is None else {call}

    def _sources(self, node: Value) -> Iterator[str]:
        """The cards that a Value comes from; inputs that pass through other Values on their way are those of the first card."""
        if not node.args:
            yield f"i{self.folded.places[id(self.folded.owner[node])]}"
            return
        bits = self.folded.sources(node)
        if bits == 1 and (
            firsts := [i for i, layer in enumerate(self.folded.layers) if layer.first]
        ):
            yield f"i{firsts[0]}"
        yield from (f"l{i}" for i in _bits(bits >> 1))

    def _edges_into(
        self, target: str, entering: dict[Value, float], calls: Mapping[Value, set[Any]]
    ) -> Iterator[Edge]:
        """Yield an edge from each card that something comes from.

        Args:
            target: The id of the card.
            entering: For each Value that enters it the gradient that it sends back.
            calls: For each of them the calls that take it, or that it comes from.
        """
        found: dict[str, list[Value]] = {}
        for node in entering:
            for source in self._sources(node):
                found.setdefault(source, []).append(node)
        for source, nodes in found.items():
            different = {call for node in nodes for call in calls[node]}
            uses = sum(len(calls[node]) for node in nodes)
            # A call takes so many numbers; steps after the first may take none of an input.
            count = (
                round(uses / len(different))
                if different
                else round(len(nodes) / self._calls_of(source))
            )
            flow = (
                float(numpy.linalg.norm([entering[node] for node in nodes])) if self.back else None
            )
            yield Edge(source, target, None, flow, count=max(1, count))

    def _calls_of(self, source: str) -> int:
        return len(self.folded.layers[int(source[1:])].calls) if source[0] == "l" else 1


def _bits(bits: int) -> Iterator[int]:
    position = 0
    while bits:
        if bits & 1:
            yield position
        bits >>= 1
        position += 1


def _strip(rows: list[list[float]]) -> list[list[float]]:
    return [[x for row in rows for x in row]] if rows else []


def _labels(table: list[list[Value]]) -> tuple[str, ...]:
    """The names of inputs, where every call gives them the same ones."""
    names = [tuple(clean(leaf.label, 12) for leaf in call) for call in table]
    return names[0] if len(set(names)) == 1 and any(names[0]) else ()


def _tiles(table: list[list[Value]], shape: tuple[int, int, int]) -> list[list[Value]]:
    size = shape[1] * shape[2]
    return [call[i : i + size] for call in table for i in range(0, len(call), size)][:MOST_IMAGES]


def _present(shown: Map) -> Sequence[float]:
    if not shown.missing:
        return shown.numbers
    missing = set(shown.missing)
    return [x for i, x in enumerate(shown.numbers) if i not in missing]


def _bars(outputs: Sequence[Value], back: bool) -> tuple[Bar, ...]:
    return tuple(
        Bar(clean(node.label, 24) or str(i), node.data, grad_of(node) if back else None)
        for i, node in enumerate(outputs)
    )
