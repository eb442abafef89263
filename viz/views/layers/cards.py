"""The layer view: one card for each layer, with heat maps and numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy

from scalargrad.core.scopes import Scope
from scalargrad.core.value import Value
from viz.look.legend import DEAD, GRADIENT_NORM, OFF
from viz.look.text import clean, cut, number, plural
from viz.model.heatmap import Histogram, Map, histogram, map_rows
from viz.model.layer_card import Bar, LayerCard
from viz.model.picture import Edge, Node, Picture
from viz.model.snapshot import Snapshot
from viz.views.samples import Calls

from .assign import Layer
from .facts import LayerFacts
from .fold import FROM_INPUTS, Folded
from .maps import Read, map_tiles, map_units, map_weights, share_scales
from .order import image_shape, sort_leaves

MAX_CALLS = 64
"""Calls of a layer that have a column each."""
MAX_BARS = 32
MAX_TARGETS = 6
MIN_HISTOGRAM = 30
"""Numbers from which on a histogram says something."""
_NODE_KINDS = {"input": "input", "layer": "module", "result": "operation"}


def layer_picture(
    snapshot: Snapshot,
    show: str | None = None,
    folded: Folded | None = None,
    is_network: bool = False,
) -> Picture:
    """Return cards from left to right: inputs, layers, the result.

    Args:
        snapshot: The graph.
        show: What is shown: "gradient" for weights, outputs and their gradients, "data" for outputs
            alone, "weights" for weights alone; None for the default of the graph.
        folded: The layers of the graph, where they are known already.
        is_network: Whether a network is drawn by itself, which has computed nothing.

    Example:
        >>> from scalargrad.nn import MLP
        >>> loss = sum(y * y for y in MLP(3, [4, 2], seed=0)([1.0, -1.0, 0.5]))
        >>> loss.backward()
        >>> picture = layer_picture(Snapshot([loss]))
        >>> [card.title for card in picture.cards], picture.cards[1].line
        (['input', 'layers.0', 'layers.1', 'result'], 'Layer 3 → 4, relu')
        >>> [edge.count for edge in picture.edges]
        [3, 4, 2]
    """
    shown = show or snapshot.default_show or "weights"
    view = _LayerView(snapshot, folded or Folded(snapshot), shown, is_computed=not is_network)
    cards = view.cards()
    return Picture(
        "layers",
        tuple(_card_node(card, snapshot) for card in cards),
        tuple(view.edges()),
        notes=tuple(view.notes()),
        total=len(snapshot),
        colors=shown if view.has_gradients or show == "data" else "weights",
        cards=tuple(cards),
    )


def _card_node(card: LayerCard, snapshot: Snapshot) -> Node:
    """Return a card as a node, for the formats that draw no maps."""
    is_result = card.kind == "result"
    # The number of a single root is what the node shows; several have none in common.
    has_number = is_result and len(snapshot.roots) == 1
    root = snapshot.roots[0] if has_number else None
    details = [card.detail] if root is None else []
    if card.statistics and card.statistics.gradient_norm is not None:
        details.append(f"{GRADIENT_NORM} {number(card.statistics.gradient_norm)}")
    return Node(
        card.id,
        _NODE_KINDS[card.kind],
        label=card.title,
        data=None if root is None else root.data,
        detail=" · ".join(filter(None, details)),
        formula=card.line,
        root=is_result,
        name=card.title,
    )


class _LayerView:
    """The cards of a folded graph, the edges between them, and notes."""

    def __init__(self, snapshot: Snapshot, folded: Folded, show: str, is_computed: bool) -> None:
        self.snapshot = snapshot
        self.folded = folded
        self.is_computed = is_computed
        self.shows_data = show != "weights" or not snapshot.has_gradients
        self.shows_weights = show != "data"
        self.has_gradients = is_computed and snapshot.has_gradients and show == "gradient"
        self.facts = [LayerFacts(layer, snapshot, self.has_gradients) for layer in folded.layers]

    def cards(self) -> list[LayerCard]:
        """Return the cards from the inputs on."""
        cards: list[LayerCard] = []
        for i, facts in enumerate(self.facts):
            if facts.layer.first:
                cards.append(self._input_card(i, facts.layer))
            cards.append(self._layer_card(i, facts))
        if self.is_computed:
            cards.append(self._result_card())
        return share_scales(cards)

    def notes(self) -> Iterator[str]:
        """Yield what the picture folds and leaves out."""
        layers = plural(len(self.facts), "layer")
        values = f"{len(self.snapshot):,} values"
        yield f"{layers} folded from {values}; maps of the same kind share one scale"
        if not self.is_computed:
            return
        if not self.snapshot.has_gradients:
            yield "no gradients yet: call backward() first"
        yield from self._notes_on_calls()
        if self.folded.loose:
            yield f"{self.folded.loose:,} parameters stand outside of all layers and are not drawn"
        may_be_dead = any(each.layer.rows and each.activation for each in self.facts)
        if self.has_gradients and may_be_dead:
            words = {each.word_for_dead for each in self.facts}
            where = {OFF: "here", DEAD: "in every call"}
            for word in sorted(words):
                yield (
                    f"{word} units: the slope of their output is exactly 0 {where[word]}, "
                    "so that no gradient passes"
                )

    def _notes_on_calls(self) -> Iterator[str]:
        """Yield what columns of units mean: samples, or calls that belong to one computation."""
        samples = 1
        together = 1
        for layer in self.folded.layers:
            if self._holds_samples(layer):
                samples = max(samples, len(layer.calls))
            else:
                together = max(together, len(layer.calls))

        if samples > MAX_CALLS:
            yield (
                f"numbers of units are means over up to {samples:,} samples, "
                "their gradients are sums"
            )
        elif samples > 1:
            yield "units have a row each, and a column for each sample"
        if together > MAX_CALLS:
            yield (
                f"units of layers with up to {together:,} calls that belong together, "
                "such as steps or tokens, are not drawn"
            )
        elif together > 1:
            yield (
                "units have a row each, and a column for each call of their layer: "
                "a step, a token, or another use of it"
            )

    def _holds_samples(self, layer: Layer) -> bool:
        calls = list(layer.calls)
        return len(calls) == 1 or self._calls.are_samples(calls)

    @cached_property
    def _calls(self) -> Calls:
        return Calls(self.snapshot)

    def _gradient(self, node: Value) -> float:
        return self.snapshot.gradients[node]

    # Layers

    def _layer_card(self, i: int, facts: LayerFacts) -> LayerCard:
        maps = self._weight_maps(facts)
        parameters = facts.statistics.parameters
        return LayerCard(
            f"l{i}",
            "layer",
            title=clean(facts.layer.path),
            detail=plural(parameters, "parameter") if parameters else "no parameters",
            line=facts.line,
            maps=maps,
            columns=tuple(self._unit_maps(facts)),
            histograms=tuple(self._histograms(facts)),
            statistics=facts.statistics,
            facts=tuple(facts.facts()),
        )

    def _weight_maps(self, facts: LayerFacts) -> tuple[Map, ...]:
        rows = facts.weights
        if not rows or not self.shows_weights:
            return ()
        name = facts.weights_name
        if name != "W":  # one number for each unit: a strip
            rows = [[leaf for row in rows for leaf in row]]
        shape = self._tile_shape(facts) if name == "W" else None
        reads: list[tuple[str, Read]] = [(name, _data)]
        if self.has_gradients:
            reads.append((f"∂loss/∂{name}", self._gradient))
        if shape is None:
            return tuple(map_rows(title, _read_all(rows, read)) for title, read in reads)
        return tuple(map_weights(title, rows, shape, read) for title, read in reads)

    def _tile_shape(self, facts: LayerFacts) -> tuple[int, int] | None:
        """Return the shape of the weights of a unit as an image: a kernel, or what an input is."""
        if facts.kernel_shape:
            return facts.kernel_shape
        calls = self._inputs_by_call(facts.layer) if facts.layer.first else []
        shape = image_shape(calls[0]) if len(calls) == 1 else None
        if shape is None or shape[0] > 1:
            return None
        _, height, width = shape
        are_whole = all(len(row) == height * width for row in facts.weights)
        return (height, width) if are_whole else None

    def _histograms(self, facts: LayerFacts) -> Iterator[Histogram]:
        """Yield how many weights are of each size; of a few numbers that would be spikes."""
        rows = facts.weights
        if not self.shows_weights or sum(map(len, rows)) < MIN_HISTOGRAM:
            return
        leaves = [leaf for row in rows for leaf in row]
        yield histogram(facts.weights_name, [leaf.data for leaf in leaves])
        if self.has_gradients:
            gradients = [self._gradient(leaf) for leaf in leaves]
            yield histogram(f"∂{facts.weights_name}", gradients)

    def _unit_maps(self, facts: LayerFacts) -> Iterator[Map]:
        """Yield the outputs of the units and their gradients."""
        layer = facts.layer
        if not self.is_computed or not self.shows_data or not facts.output_names:
            return
        calls = [layer.outputs[call] for call in sorted(layer.outputs)]
        is_folded = len(calls) > MAX_CALLS
        if is_folded and not self._holds_samples(layer):
            return  # a mean over steps or tokens would mean nothing

        data: list[list[float | None]] = []
        gradients: list[list[float | None]] = []
        for name in facts.output_names:
            unit = [outputs.get(name) for outputs in calls]
            data.append(_read_present(unit, _data))
            gradients.append(_read_present(unit, self._gradient))
        if is_folded:
            data = [[float(numpy.mean(_drop_missing(row)))] for row in data]
            gradients = [[float(numpy.sum(_drop_missing(row)))] for row in gradients]

        yield map_units("out", data, facts.output_grid)
        if self.has_gradients:
            yield map_units("grad", gradients, facts.output_grid)

    # Inputs

    def _input_card(self, i: int, layer: Layer) -> LayerCard:
        calls = self._inputs_by_call(layer)
        size = len(calls[0])
        line = plural(size, "number")
        if len(calls) > 1:
            line += f" × {len(calls):,} calls"
        is_learned = all(leaf.kind == "parameter" for leaf in calls[0])
        title = "learned vectors" if is_learned else "input"
        card = LayerCard(f"i{i}", "input", title, line=line)

        maps = tuple(self._input_maps(calls))
        if not maps or maps[0].columns == 1:
            return replace(card, columns=maps)
        is_image = len(calls) == 1 or maps[0].missing != ()
        return replace(card, maps=maps) if is_image else replace(card, columns=maps)

    def _inputs_by_call(self, layer: Layer) -> list[list[Value]]:
        """Return the inputs of each call; all as one where calls have different numbers of them."""
        calls: list[list[Value]] = [[] for _ in layer.calls]
        for leaf, call in layer.first.items():
            calls[call].append(leaf)
        calls = [sort_leaves(call) for call in calls if call]

        are_even = len(set(map(len, calls))) == 1
        if are_even and len(calls) <= MAX_CALLS:
            return calls
        return [[leaf for call in calls for leaf in call]]

    def _input_maps(self, calls: list[list[Value]]) -> Iterator[Map]:
        if not self.is_computed:
            return
        shape = image_shape(calls[0])
        if shape:
            pixels = map_tiles("x", calls, shape, _data)
            is_gray = all(x >= 0.0 for x in pixels.numbers)
            yield replace(pixels, is_gray=is_gray)
            if self.has_gradients:
                yield map_tiles("∂loss/∂x", calls, shape, self._gradient)
            return
        # A row for each input and a column for each call.
        rows = [list(row) for row in zip(*calls, strict=True)]
        yield replace(map_rows("x", _read_all(rows, _data)), labels=self._row_labels(calls))
        if self.has_gradients:
            yield map_rows("grad", _read_all(rows, self._gradient))

    def _row_labels(self, calls: list[list[Value]]) -> tuple[str, ...]:
        """Return the labels of inputs, where every call gives them the same ones."""
        labels = {tuple(map(self._short_label, call)) for call in calls}
        if len(labels) > 1:
            return ()
        (shared,) = labels
        return shared if any(shared) else ()

    def _short_label(self, leaf: Value) -> str:
        return cut(self.snapshot.labels[leaf], 12)

    # The result

    def _result_card(self) -> LayerCard:
        roots = self.snapshot.roots
        is_single = len(roots) == 1
        title = self.snapshot.labels[roots[0]] if is_single else ""
        return LayerCard(
            "r0",
            "result",
            title=title or ("result" if is_single else "outputs"),
            detail=number(roots[0].data) if is_single else f"{len(roots):,}",
            bars=self._output_bars(),
            facts=self._targets(),
        )

    def _targets(self) -> tuple[tuple[str, str], ...]:
        targets = self.folded.targets
        if len(targets) > MAX_TARGETS:
            return (("targets", f"{len(targets):,}"),)
        lines: list[tuple[str, str]] = []
        for leaf in targets:
            label = self.snapshot.labels[leaf] or "target"
            lines.append((label, number(leaf.data)))
        return tuple(lines)

    def _output_bars(self) -> tuple[Bar, ...]:
        """Return the outputs of the network, where it was called once and has a few of them."""
        entering = self.folded.result or dict.fromkeys(self.snapshot.roots)
        outputs = [node for node in entering if node.args]
        can_be_read = 1 < len(outputs) <= MAX_BARS
        if not can_be_read or not all(map(self._is_called_once, outputs)):
            return ()
        bars: list[Bar] = []
        for i, node in enumerate(outputs):
            label = cut(self.snapshot.labels[node], 24) or str(i)
            grad = self._gradient(node) if self.has_gradients else None
            bars.append(Bar(label, node.data, grad))
        return tuple(bars)

    def _is_called_once(self, node: Value) -> bool:
        """Return whether the layers that a Value comes from were called once."""
        positions = _positions(self.folded.sources(node) >> 1)
        layers = [self.folded.layers[i] for i in positions]
        return all(len(layer.calls) == 1 for layer in layers)

    # What flows

    def edges(self) -> Iterator[Edge]:
        """Yield edges with the count of numbers a call, and the norm of the gradient they carry."""
        for i, layer in enumerate(self.folded.layers):
            yield from self._edges_into(f"l{i}", layer.entering, layer.takers)
        if not self.is_computed:
            return

        roots = (root for root in self.snapshot.roots if root.args)
        result = self.folded.result or {root: self._gradient(root) for root in roots}
        # The result takes everything at once: what counts is how many calls it comes from.
        givers = {node: self._giver(node) for node in result}
        yield from self._edges_into("r0", result, givers)

    def _giver(self, node: Value) -> set[Scope]:
        call = self.folded.call(node)
        return set() if call is None else {call}

    def _edges_into(
        self, target: str, entering: dict[Value, float], calls: Mapping[Value, set[Scope]]
    ) -> Iterator[Edge]:
        """Yield an edge from each card that something comes from.

        Args:
            target: The id of the card.
            entering: For each Value that enters it the gradient that it sends back.
            calls: For each of them the calls that take it, or that it comes from.
        """
        by_source: dict[str, list[Value]] = {}
        for node in entering:
            for source in self._source_cards(node):
                by_source.setdefault(source, []).append(node)

        for source, nodes in by_source.items():
            different = {call for node in nodes for call in calls[node]}
            if different:
                # Numbers a call; steps after the first may take none of an input.
                uses = sum(len(calls[node]) for node in nodes)
                count = round(uses / len(different))
            else:
                count = round(len(nodes) / self._count_calls(source))
            flow = None
            if self.has_gradients:
                flow = float(numpy.linalg.norm([entering[node] for node in nodes]))
            yield Edge(source, target, None, flow, count=max(1, count))

    def _source_cards(self, node: Value) -> Iterator[str]:
        """Yield the cards that a Value comes from."""
        if not node.args:
            yield f"i{self.folded.rank(self.folded.owner[node])}"
            return
        bits = self.folded.sources(node)
        if bits == FROM_INPUTS:
            # Inputs that pass through other Values on their way are those of the first card.
            with_inputs = [i for i, layer in enumerate(self.folded.layers) if layer.first]
            if with_inputs:
                yield f"i{with_inputs[0]}"
        yield from (f"l{i}" for i in _positions(bits >> 1))

    def _count_calls(self, source: str) -> int:
        if not source.startswith("l"):
            return 1
        layer = self.folded.layers[int(source[1:])]
        return len(layer.calls)


def _positions(bits: int) -> Iterator[int]:
    """Yield the positions of the bits that are set."""
    position = 0
    while bits:
        if bits & 1:
            yield position
        bits >>= 1
        position += 1


def _data(node: Value) -> float:
    return node.data


def _read_all(rows: Sequence[Sequence[Value]], read: Read) -> list[list[float]]:
    return [list(map(read, row)) for row in rows]


def _read_present(unit: Sequence[Value | None], read: Read) -> list[float | None]:
    """Read the outputs of a unit, None in the calls where it has none."""
    return [None if node is None else read(node) for node in unit]


def _drop_missing(row: Sequence[float | None]) -> list[float]:
    return [x for x in row if x is not None]
