"""What the card of a layer says: its sizes and its activation, weights and outputs in order, gradients in numbers."""

from collections.abc import Iterator
from typing import Any

import numpy

from scalargrad.core import ops
from scalargrad.core.value import Value
from viz.look.text import clean, number
from viz.model.layer_card import Statistics
from viz.model.snapshot import grad_of, symbol

from .assign import Layer, Name, Rows
from .order import digits, grid, in_order, ordered

_LINEAR = (ops.ADD.name, ops.SUM.name, ops.DOT.name, ops.MUL.name)


def output_names(layer: Layer) -> list[Name]:
    """The names of what a layer puts out, unit by unit."""
    names = list(
        dict.fromkeys(name for call in sorted(layer.outputs) for name in layer.outputs[call])
    )
    places = ordered((unit, op) for unit, op, _ in names)
    return sorted(names, key=lambda name: (*places[name[0], name[1]], name[2]))


def sorted_rows(layer: Layer) -> list[list[Any]]:
    """The weights of each neuron in order; a module that has them all in one place is cut into a row for each of its outputs."""
    rows: list[Rows] = [row for row in layer.rows.values() if row.weights]
    places = ordered((row.name, "") for row in rows)
    rows.sort(key=lambda row: places[row.name, ""])
    found = [in_order(list(row.weights)) for row in rows]
    if len(found) == 1 and layer.units > 1 and len(found[0]) % layer.units == 0:
        size = len(found[0]) // layer.units
        return [list(rows[0].weights)[i : i + size] for i in range(0, len(found[0]), size)]
    return found


def weights_name(rows: list[list[Any]]) -> str:
    """W; for units of one parameter each, as in a normalization, what their labels say without the numbers."""
    names = (
        {clean(leaf.label, 16).rstrip("0123456789") for row in rows for leaf in row}
        if max(map(len, rows), default=0) == 1
        else set()
    )
    return names.pop() or "W" if len(names) == 1 and len(rows) > 1 else "W"


def activation(layer: Layer) -> str:
    """The operation that a layer ends with, "" for sums and products."""
    node = next((node for found in layer.outputs.values() for node in found.values()), None)
    return node.op if node is not None and node.op not in _LINEAR and symbol(node) else ""


def line_of(layer: Layer, names: list[Name], rows: list[list[Any]]) -> str:
    """What a layer is: its class, its sizes, its activation."""
    wide = max(map(len, rows), default=0)
    taken = wide if wide > 1 else round(len(layer.entering) / max(1, len(layer.calls)))
    shape = grid([digits(name[0]) for name in names])
    given = "×".join(map(str, shape)) if shape else f"{len(names):,}"
    calls = f" × {len(layer.calls):,} calls" if len(layer.calls) > 1 else ""
    made = f"{clean(layer.kind, 24)} {taken:,} → {given}{calls}"
    return ", ".join(filter(None, (made, clean(activation(layer), 16))))


def statistics_of(
    layer: Layer,
    names: list[Name],
    numbers: list[list[float]],
    slopes: list[list[float]],
    back: bool,
) -> Statistics:
    """A layer in numbers.

    names    of what it puts out
    numbers  its weights, row by row
    slopes   their gradients
    back     whether there are gradients; without, only sizes are known
    """
    parameters = dict.fromkeys(
        p for row in layer.rows.values() for p in (*row.weights, *row.biases)
    )
    if not back:
        return Statistics(len(parameters), len(names))
    gradients = numpy.array([grad_of(parameter) for parameter in parameters])
    size = float(numpy.linalg.norm(numpy.concatenate(numbers))) if numbers else 0.0
    return Statistics(
        len(parameters),
        len(names),
        float(numpy.linalg.norm(gradients)) if parameters else None,
        float((gradients == 0.0).mean()) if parameters else None,
        sum(
            all(_is_shut(found[name]) for found in layer.outputs.values() if name in found)
            for name in names
        ),
        float(numpy.linalg.norm(numpy.concatenate(slopes))) / size if size else None,
    )


def _is_shut(node: Value) -> bool:
    return bool(node.partials) and not any(node.partials)


def facts_of(statistics: Statistics, gated: bool) -> Iterator[tuple[str, str]]:
    """What a card says of its layer, as (name, number); of dead units where its activation can shut them, `gated`, or some are."""
    if statistics.gradient_norm is not None:
        yield "gradient norm", number(statistics.gradient_norm)
    if statistics.zero_gradients is not None:
        yield "zero gradients", f"{statistics.zero_gradients:.0%}"
    if statistics.dead is not None and (gated or (statistics.dead and statistics.parameters)):
        yield "dead units", f"{statistics.dead:,} of {statistics.units:,}"
    if statistics.ratio is not None:
        yield "‖∂W‖ / ‖W‖", number(statistics.ratio)


def blocks(layer: Layer) -> Iterator[tuple[str, str]]:
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
