"""The layer view: one card for each layer, with heat maps and numbers, folded straight from the scalar graph."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, isqrt, sqrt
from typing import Any

import numpy

from scalargrad import ops
from scalargrad.engine import Value

from .layer_groups import Folded, Layer, Rows, ordered
from .layer_model import Bar, LayerCard, Statistics
from .maps import Map, histogram
from .picture import Edge, Node, Picture
from .snapshot import Snapshot, grad_of, symbol
from .text import clean, number

WIDEST, MOST_WEIGHTS = 48, 5000
"""The neuron view is chosen up to so many neurons in a layer, and so many weights in all."""
MOST_CALLS, MOST_BARS, MOST_IMAGES, SMALLEST_IMAGE = 64, 32, 9, 16
_LINEAR = (ops.ADD.name, ops.SUM.name, ops.DOT.name, ops.MUL.name)


def too_wide(folded: Folded) -> bool:
    """Whether a network is too large to be drawn neuron by neuron."""
    return max((layer.units for layer in folded.layers), default=0) > WIDEST or sum(layer.weights for layer in folded.layers) > MOST_WEIGHTS


def layer_picture(snapshot: Snapshot, colours: str = "gradient", folded: Folded | None = None) -> Picture:
    """Cards from left to right: inputs, layers, the result.

    colours  "gradient"; or "weight" for a network by itself, which has computed nothing
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
    view = _View(snapshot, folded or Folded(snapshot), colours)
    cards = view.cards()
    nodes = tuple(_node(card, snapshot) for card in cards)
    return Picture(
        "layers", nodes, tuple(view.edges()), notes=tuple(view.notes()), total=len(snapshot), colours=view.colours, cards=tuple(cards)
    )


def _node(card: LayerCard, snapshot: Snapshot) -> Node:
    """The card as a box, for the formats that draw no maps."""
    kind = {"input": "input", "layer": "module", "result": "operation"}[card.kind]
    root = snapshot.roots[0] if card.kind == "result" and len(snapshot.roots) == 1 else None
    norm = card.statistics.gradient_norm if card.statistics else None
    detail = " · ".join(filter(None, ("" if root else card.detail, f"‖∇‖ {number(norm)}" if norm is not None else "")))
    data = None if root is None else root.data
    return Node(card.id, kind, label=card.title, data=data, detail=detail, formula=card.line, root=card.kind == "result", name=card.title)


class _View:
    def __init__(self, snapshot: Snapshot, folded: Folded, colours: str) -> None:
        self.snapshot, self.folded = snapshot, folded
        self.computed = colours != "weight"
        self.back = self.computed and any(grad_of(node) for node in snapshot.order)
        self.colours = colours if self.back else "weight"
        self.calls = max((len(layer.calls) for layer in folded.layers), default=1)

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
        if self.calls > MOST_CALLS:
            yield f"numbers of units are means over up to {self.calls:,} calls, their gradients are sums"
        elif self.calls > 1:
            yield "units have a row each, and a column for each call: a sample, or a step of a sequence"
        if self.folded.loose:
            yield f"{self.folded.loose:,} parameters stand outside of all layers and are not drawn"
        if self.back and any(layer.rows and _activation(layer) for layer in self.folded.layers):
            yield "dead units: the slope of their output is exactly 0 here, so that no gradient passes"

    # Layers

    def _layer_card(self, i: int, layer: Layer) -> LayerCard:
        names = _output_names(layer)
        rows = _sorted_rows(layer)
        numbers = [[parameter.data for parameter in row] for row in rows]
        slopes = [[grad_of(parameter) for parameter in row] for row in rows] if self.back else []
        name = _name_of(rows)
        if name != "W":  # one number for each unit: a strip
            numbers, slopes = _strip(numbers), _strip(slopes)
        maps = [_rectangle(title, table) for title, table in ((name, numbers), (f"∂loss/∂{name}", slopes)) if table]
        bars = [histogram(each.name.replace("∂loss/", ""), _present(each)) for each in maps]
        statistics = self._statistics(layer, names, numbers, slopes)
        return LayerCard(
            f"l{i}",
            "layer",
            clean(layer.path),
            f"{statistics.parameters:,} parameter{'s' * (statistics.parameters != 1)}" if statistics.parameters else "no parameters",
            _line(layer, names, rows),
            tuple(maps),
            tuple(self._unit_maps(layer, names)),
            tuple(bars),
            statistics=statistics,
            facts=(*_facts(statistics, bool(_activation(layer)) and bool(statistics.parameters)), *_blocks(layer)),
        )

    def _statistics(self, layer: Layer, names: list[Any], numbers: list[list[float]], slopes: list[list[float]]) -> Statistics:
        parameters = dict.fromkeys(p for row in layer.rows.values() for p in (*row.weights, *row.biases))
        if not self.back:
            return Statistics(len(parameters), len(names))
        gradients = numpy.array([grad_of(parameter) for parameter in parameters])
        size = float(numpy.linalg.norm(numpy.concatenate(numbers))) if numbers else 0.0
        return Statistics(
            len(parameters),
            len(names),
            float(numpy.linalg.norm(gradients)) if parameters else None,
            float((gradients == 0.0).mean()) if parameters else None,
            sum(all(_is_shut(found[name]) for found in layer.outputs.values() if name in found) for name in names),
            float(numpy.linalg.norm(numpy.concatenate(slopes))) / size if size else None,
        )

    def _unit_maps(self, layer: Layer, names: list[Any]) -> Iterator[Map]:
        if not self.computed or not names:
            return
        calls = [layer.outputs[call] for call in sorted(layer.outputs)]
        for title, of, fold in (("out", lambda node: node.data, numpy.mean), ("grad", grad_of, numpy.sum)):
            if title == "grad" and not self.back:
                return
            rows = [[of(call[name]) if name in call else None for call in calls] for name in names]
            if len(calls) > MOST_CALLS:
                rows = [[float(fold([x for x in row if x is not None]))] for row in rows]
            yield _shaped(title, rows, [_digits(name[0]) for name in names])

    # Inputs and the result

    def _input_card(self, i: int, layer: Layer) -> LayerCard:
        calls: list[list[Value]] = [[] for _ in layer.calls]
        for leaf, call in layer.first.items():
            calls[call].append(leaf)
        calls = [_in_order(call) for call in calls if call]
        even = len({len(call) for call in calls}) == 1 and len(calls) <= MOST_CALLS
        table = calls if even else [[leaf for call in calls for leaf in call]]
        size = len(table[0])
        line = f"{size:,} number{'s' * (size != 1)}" + (f" × {len(table):,} calls" if len(table) > 1 else "")
        maps = list(self._input_maps(table))
        image = bool(maps) and maps[0].columns > 1 and (len(table) == 1 or maps[0].missing != ())
        learnt = all(leaf.kind == "parameter" for leaf in table[0])
        shown = LayerCard(f"i{i}", "input", "learnt vectors" if learnt else "input", line=line)
        return replace(shown, maps=tuple(maps)) if image else replace(shown, columns=tuple(maps))

    def _input_maps(self, table: list[list[Value]]) -> Iterator[Map]:
        if not self.computed:
            return
        shape = _image_shape(table[0])
        for name, of in (("x", lambda leaf: leaf.data), ("∂loss/∂x", grad_of)):
            if name != "x" and not self.back:
                return
            if shape:
                yield _mosaic(name, [numpy.reshape([of(leaf) for leaf in call], shape[1:]) for call in _tiles(table, shape)])
            else:
                shown = _rectangle(
                    name if name == "x" else "grad", [list(row) for row in zip(*[map(of, call) for call in table], strict=True)]
                )
                yield replace(shown, labels=_labels(table) if name == "x" else ())

    def _result_card(self) -> LayerCard:
        roots = self.snapshot.roots
        label = clean(roots[0].label) if len(roots) == 1 else ""
        one = len(roots) == 1
        facts = [(clean(leaf.label) or "target", number(leaf.data)) for leaf in self.folded.targets]
        shown = tuple(facts[:6]) if len(facts) <= 6 else (("targets", f"{len(facts):,}"),)
        outputs = [node for node in (self.folded.result or dict.fromkeys(roots)) if node.args]
        bars = _bars(outputs, self.back) if 1 < len(outputs) <= MOST_BARS and self._once(outputs) else ()
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
        return all(len(self.folded.layers[i].calls) == 1 for node in nodes for i in _bits(self.folded.sources(node) >> 1))

    # What flows

    def edges(self) -> Iterator[Edge]:
        """From source to target with the count of numbers a call, and the norm of the gradient that they carry back."""
        for i, layer in enumerate(self.folded.layers):
            yield from self._edges_into(f"l{i}", layer.entering, len(layer.calls))
        if self.computed:
            result = self.folded.result or {root: grad_of(root) for root in self.snapshot.roots if root.args}
            yield from self._edges_into("r0", result, 0)

    def _sources(self, node: Value) -> Iterator[str]:
        """The cards that a Value comes from; inputs that pass through other Values on their way are those of the first card."""
        places = {id(layer): i for i, layer in enumerate(self.folded.layers)}
        if not node.args:
            yield f"i{places[id(self.folded.owner[node])]}"
            return
        bits = self.folded.sources(node)
        if bits == 1 and (firsts := [i for i, layer in enumerate(self.folded.layers) if layer.first]):
            yield f"i{firsts[0]}"
        yield from (f"l{i}" for i in _bits(bits >> 1))

    def _edges_into(self, target: str, entering: dict[Value, float], calls: int) -> Iterator[Edge]:
        found: dict[str, list[float]] = {}
        for node, flow in entering.items():
            for source in self._sources(node):
                found.setdefault(source, []).append(flow)
        for source, flows in found.items():
            share = calls or (len(self.folded.layers[int(source[1:])].calls) if source[0] == "l" else 1)
            share -= source == target  # to the first call nothing returns
            count = max(1, round(len(flows) / share))
            yield Edge(source, target, None, float(numpy.linalg.norm(flows)) if self.back else None, count=count)


def _bits(bits: int) -> Iterator[int]:
    position = 0
    while bits:
        if bits & 1:
            yield position
        bits >>= 1
        position += 1


def _is_shut(node: Value) -> bool:
    return bool(node.partials) and not any(node.partials)


def _facts(statistics: Statistics, gated: bool) -> Iterator[tuple[str, str]]:
    if statistics.gradient_norm is not None:
        yield "gradient norm", number(statistics.gradient_norm)
    if statistics.zero_gradients is not None:
        yield "zero gradients", f"{statistics.zero_gradients:.0%}"
    if statistics.dead is not None and (gated or (statistics.dead and statistics.parameters)):
        yield "dead units", f"{statistics.dead:,} of {statistics.units:,}"
    if statistics.ratio is not None:
        yield "‖∂W‖ / ‖W‖", number(statistics.ratio)


def _blocks(layer: Layer) -> Iterator[tuple[str, str]]:
    """Which rows of W belong to which part of a layer that has several, such as the gates of a cell."""
    rows = [row for row in layer.rows.values() if row.weights]
    places = ordered((row.name, "") for row in rows)
    families: dict[int, list[str]] = {}
    for row in sorted(rows, key=lambda row: places[row.name, ""]):
        families.setdefault(places[row.name, ""][0], []).append(row.name)
    start = 0
    for names in families.values() if 1 < len(families) <= 6 else ():
        yield clean(names[0].partition(".")[0], 24), f"rows {start + 1}–{start + len(names)}"
        start += len(names)


# Names and shapes


def _digits(name: str) -> tuple[int, ...]:
    return tuple(ordered([(name, "")])[name, ""][1])


def _output_names(layer: Layer) -> list[tuple[str, str, int]]:
    """The names of what a layer puts out, unit by unit."""
    names = list(dict.fromkeys(name for call in sorted(layer.outputs) for name in layer.outputs[call]))
    places = ordered((unit, op) for unit, op, _ in names)
    return sorted(names, key=lambda name: (*places[name[0], name[1]], name[2]))


def _sorted_rows(layer: Layer) -> list[list[Any]]:
    """The weights of each neuron in order; a module that has them all in one place is cut into a row for each of its outputs."""
    rows: list[Rows] = [row for row in layer.rows.values() if row.weights]
    places = ordered((row.name, "") for row in rows)
    rows.sort(key=lambda row: places[row.name, ""])
    found = [_in_order(list(row.weights)) for row in rows]
    if len(found) == 1 and layer.units > 1 and len(found[0]) % layer.units == 0:
        size = len(found[0]) // layer.units
        return [list(rows[0].weights)[i : i + size] for i in range(0, len(found[0]), size)]
    return found


def _name_of(rows: list[list[Any]]) -> str:
    """W; for units of one parameter each, as in a normalisation, what their labels say without the numbers."""
    names = {clean(leaf.label, 16).rstrip("0123456789") for row in rows for leaf in row} if max(map(len, rows), default=0) == 1 else set()
    return names.pop() or "W" if len(names) == 1 and len(rows) > 1 else "W"


def _strip(rows: list[list[float]]) -> list[list[float]]:
    return [[x for row in rows for x in row]] if rows else []


def _in_order(leaves: list[Any]) -> list[Any]:
    """Leaves by the numbers in their labels, where these differ in numbers alone: a filter at the edge meets w4 before w0."""
    names = [(leaf.label, "") for leaf in leaves]
    places = ordered(names)
    if len(places) < len(leaves) or len({place for place, _ in places.values()}) > 1:
        return leaves
    return [leaf for leaf, _ in sorted(zip(leaves, names, strict=True), key=lambda pair: places[pair[1]])]


def _activation(layer: Layer) -> str:
    node = next((node for found in layer.outputs.values() for node in found.values()), None)
    return node.op if node is not None and node.op not in _LINEAR and symbol(node) else ""


def _line(layer: Layer, names: list[Any], rows: list[list[Any]]) -> str:
    """What a layer is: its class, its sizes, its activation."""
    wide = max(map(len, rows), default=0)
    taken = wide if wide > 1 else round(len(layer.entering) / max(1, len(layer.calls)))
    shape = _grid([_digits(name[0]) for name in names])
    given = "×".join(map(str, shape)) if shape else f"{len(names):,}"
    calls = f" × {len(layer.calls):,} calls" if len(layer.calls) > 1 else ""
    made = f"{clean(layer.kind, 24)} {taken:,} → {given}{calls}"
    return ", ".join(filter(None, (made, clean(_activation(layer), 16))))


def _grid(places: Sequence[tuple[int, ...]]) -> tuple[int, int, int] | None:
    """(maps, rows, columns) where things are numbered by map, row and column without a gap."""
    if not places or any(len(place) != 3 for place in places):
        return None
    sizes = tuple(max(place[i] for place in places) + 1 for i in range(3))
    whole = len(set(places)) == len(places) == sizes[0] * sizes[1] * sizes[2]
    return (sizes[0], sizes[1], sizes[2]) if whole and sizes[1] * sizes[2] > 1 else None


def _image_shape(leaves: Sequence[Value]) -> tuple[int, int, int] | None:
    """(images, rows, columns) of inputs whose names say so, or whose number is a square."""
    places = [_digits(leaf.label) for leaf in leaves]
    named = _grid([place if len(place) == 3 else (0, *place) for place in places])
    if named and named[1] > 1:
        return named
    side = isqrt(len(leaves))
    return (1, side, side) if side * side == len(leaves) >= SMALLEST_IMAGE else None


def _labels(table: list[list[Value]]) -> tuple[str, ...]:
    """The names of inputs, where every call gives them the same ones."""
    names = [tuple(clean(leaf.label, 12) for leaf in call) for call in table]
    return names[0] if len(set(names)) == 1 and any(names[0]) else ()


def _tiles(table: list[list[Value]], shape: tuple[int, int, int]) -> list[list[Value]]:
    size = shape[1] * shape[2]
    return [call[i : i + size] for call in table for i in range(0, len(call), size)][:MOST_IMAGES]


# Maps


def _rectangle(name: str, rows: Sequence[Sequence[float | None]]) -> Map:
    """Rows of numbers, short ones filled up with places that are missing."""
    wide = max(map(len, rows))
    if all(len(row) == wide for row in rows) and None not in (x for row in rows[:1] for x in row) and not _has_gap(rows):
        return Map(name, len(rows), wide, tuple(x for row in rows for x in row))  # type: ignore[misc]
    full = [x for row in rows for x in (*row, *[None] * (wide - len(row)))]
    return Map(name, len(rows), wide, tuple(x or 0.0 for x in full), tuple(i for i, x in enumerate(full) if x is None))


def _has_gap(rows: Sequence[Sequence[float | None]]) -> bool:
    return any(x is None for row in rows for x in row)


def _shaped(name: str, rows: list[list[Any]], places: list[tuple[int, ...]]) -> Map:
    """A row for each unit and a column for each call; the units of one call of a convolution as its images."""
    shape = _grid(places)
    if shape is None or len(rows[0]) > 1 or _has_gap(rows):
        return _rectangle(name, rows)
    return _mosaic(name, list(numpy.reshape(rows, shape)))


def _mosaic(name: str, images: list[Any]) -> Map:
    """Images beside and below each other, with a gap between them."""
    high, wide = images[0].shape
    across = ceil(sqrt(len(images) * high / wide) - 0.01) if len(images) > 3 else 1
    down, gap = -(-len(images) // across), max(1, wide // 14)
    sheet = numpy.full((down * (high + gap) - gap, across * (wide + gap) - gap), numpy.nan)
    filled = numpy.zeros(sheet.shape, dtype=bool)
    for i, image in enumerate(images):
        y, x = i // across * (high + gap), i % across * (wide + gap)
        sheet[y : y + high, x : x + wide], filled[y : y + high, x : x + wide] = image, True
    numbers = numpy.where(filled, sheet, 0.0).ravel().tolist()
    return Map(name, sheet.shape[0], sheet.shape[1], tuple(numbers), tuple(numpy.flatnonzero(~filled.ravel()).tolist()))


def _present(shown: Map) -> Sequence[float]:
    if not shown.missing:
        return shown.numbers
    missing = set(shown.missing)
    return [x for i, x in enumerate(shown.numbers) if i not in missing]


def _bars(outputs: Sequence[Value], back: bool) -> tuple[Bar, ...]:
    return tuple(Bar(clean(node.label, 24) or str(i), node.data, grad_of(node) if back else None) for i, node in enumerate(outputs))
