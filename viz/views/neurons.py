"""The neuron view: a network diagram folded straight from the scalar graph.

One node for each neuron, one column for each layer.
"""

from collections.abc import Iterator
from heapq import nlargest

from scalargrad.core import ops
from scalargrad.core.value import Parameter, Value
from viz.look.text import exact
from viz.model.picture import Column, Edge, Node, Picture
from viz.model.snapshot import LINEAR, Snapshot, common_path

from .scalars import describe_parameters
from .units import MAX_COLUMN, NARROWED, Unit, Units, strip_call_numbers

MAX_EDGES = 5000
"""Edges up to which all are drawn."""
STRONGEST = 2000
"""Edges that are drawn where there are more."""
_SPELLED = 4
"""Numbers that the tooltip of a unit with several outputs spells out."""


def neuron_picture(
    snapshot: Snapshot, show: str | None = None, is_network: bool = False
) -> Picture:
    """Return units with their outputs, and what flows between them.

    Args:
        snapshot: The graph.
        show: What colors and lines show: "gradient", "data" or "weights"; None for gradients, or
            weights before `backward`.
        is_network: Whether a network is drawn by itself: then numbers are biases, lines weights.

    Raises:
        PictureError: The calls of modules make more columns, or wider ones, than can be read.

    Example:
        >>> from scalargrad.nn import MLP
        >>> picture = neuron_picture(Snapshot([MLP(2, [3, 1], seed=1)([1.0, 2.0])]))
        >>> [column.title for column in picture.columns]
        ['inputs', 'layers.0  3 × relu', 'layers.1  1 × linear']
    """
    shown = show or snapshot.default_show or "weights"
    return _NeuronView(snapshot, shown, is_network).picture()


class _NeuronView:
    """Units as a picture.

    Attributes:
        show: What colors and lines show.
        is_network: Whether a network is drawn by itself, with its biases and weights.
        has_gradients: Whether there are gradients to be drawn on the units.
    """

    def __init__(self, snapshot: Snapshot, show: str, is_network: bool) -> None:
        self.snapshot = snapshot
        self.show = "weights" if is_network else show
        self.units = Units(snapshot)
        self.is_network = is_network
        self.has_gradients = snapshot.has_gradients and self.show != "weights"

    def picture(self) -> Picture:
        """Return all of it."""
        flows = self.units.shown_flows(self.show)
        notes = list(self._notes())
        count = len(flows)
        if count > MAX_EDGES:
            notes.append(f"the {STRONGEST:,} strongest of {count:,} connections are drawn")
            strongest = nlargest(STRONGEST, flows, key=lambda ends: abs(flows[ends]))
            flows = {ends: flows[ends] for ends in strongest}

        ids = self.units.ids
        edges: list[Edge] = []
        for (source, target), flow in flows.items():
            edges.append(Edge(ids[source], ids[target], None, flow))
        return Picture(
            "neurons",
            tuple(map(self._node, ids)),
            tuple(edges),
            notes=tuple(notes),
            total=len(self.snapshot),
            colors=self.show,
            columns=tuple(map(self._column, self.units.columns)),
        )

    def _notes(self) -> Iterator[str]:
        units = self.units
        count = sum(map(len, units.columns))
        yield f"{count:,} units folded from {len(self.snapshot):,} values"
        if not self.is_network and not self.snapshot.has_gradients:
            yield "no gradients yet: call backward() first"
        for column in units.columns:
            if len(column) > MAX_COLUMN:
                title = self._column(column).title
                yield (
                    f"of {len(column):,} units in {title} "
                    f"the {NARROWED - 1} with the strongest connections are drawn"
                )
        if units.calls.most_calls > 1:
            yield (
                "calls of one module that belong together, such as steps or tokens, are drawn "
                "one by one, each with the same parameters: #2 is the second call"
            )
        if self.is_network:
            return
        if any(map(self._is_unspelled, units.ids)):
            yield "… is a unit that puts out several numbers"
        if units.samples > 1:
            yield f"numbers are means over {units.samples:,} samples, gradients are sums"

    def _is_unspelled(self, unit: Unit) -> bool:
        if unit.kind != "neuron":
            return False
        return not self.units.has_one_number(self.units.outputs(unit))

    # Nodes

    def _node(self, unit: Unit) -> Node:
        if unit.kind == "rest":
            formula = "units that are left out"
            return Node(self.units.ids[unit], "more", label=unit.name, formula=formula)

        outputs = self.units.outputs(unit)
        first_label = ""
        long_label = ""
        if outputs:
            first_label = self.snapshot.labels[outputs[0]]
            long_label = self.snapshot.long_labels[outputs[0]]

        name = unit.name.replace("/", ".")
        detail = ""
        if unit.kind == "between":
            name = first_label
        elif unit.kind == "neuron":
            # The path is its name: the label of its output is small print.
            detail = first_label if len(outputs) == 1 else ""
            long_label = ""

        is_input = unit.kind == "input"
        has_root = not self.units.roots.isdisjoint(outputs)
        data, grad, tip = self._numbers(unit, outputs)
        return Node(
            id=self.units.ids[unit],
            kind="input" if is_input else "operation",
            label=name,
            data=data,
            grad=grad,
            detail=detail,
            formula="" if is_input else self._activation(unit),
            root=has_root and not self.is_network,
            whole=long_label,
            tip=tip,
        )

    def _numbers(self, unit: Unit, outputs: list[Value]) -> tuple[float | None, float | None, str]:
        """Return what a unit shows as its number and gradient, and what its tooltip adds."""
        if self.is_network:
            bias = self._bias(unit)
            return bias, bias, ""
        # A mean over different outputs would say nothing.
        if not outputs or not self.units.has_one_number(outputs):
            return None, None, self._spell(outputs)

        # A plain sum: nan and inf among the numbers are never hidden.
        total = sum(node.data for node in outputs)
        grad = None
        if self.has_gradients:
            grad = sum(self.snapshot.gradients[node] for node in outputs)
        return total / len(outputs), grad, ""

    def _spell(self, outputs: list[Value]) -> str:
        """Return what a tooltip says of a unit that puts out several numbers."""
        first = outputs[:_SPELLED]
        more = ", …" if len(outputs) > _SPELLED else ""
        data = ", ".join(exact(node.data) for node in first)
        text = f"{len(outputs):,} outputs: data {data}{more}"
        if not self.has_gradients:
            return text
        gradients = ", ".join(exact(self.snapshot.gradients[node]) for node in first)
        return f"{text}, gradients {gradients}{more}"

    def _bias(self, unit: Unit) -> float | None:
        """Return the parameter of a unit that is added, not multiplied."""
        for node in unit.members:
            if node.op != ops.ADD.name:
                continue
            for arg in node.args:
                if isinstance(arg, Parameter):
                    return arg.data
        return None

    def _activation(self, unit: Unit) -> str:
        outputs = self.units.outputs(unit)
        if not outputs or outputs[0].op in LINEAR:
            return ""
        return self.snapshot.symbols[outputs[0]]

    # Columns

    def _column(self, units: list[Unit]) -> Column:
        """Return the heading of a column: which layer it is, and how many units of which kind."""
        members = self._members(units)
        kinds = {unit.kind for unit in units}
        if kinds == {"input"}:
            return Column("inputs", f"{len(units):,}", members)
        if "neuron" not in kinds:
            return Column(self._title_between(units), "", members)

        units = [unit for unit in units if unit.kind != "input"]  # late inputs are no part of it
        neurons = [unit for unit in units if unit.kind == "neuron"]
        layers = list(dict.fromkeys(unit.path_of_layer for unit in neurons))
        modules = list(dict.fromkeys(map(strip_call_numbers, layers)))
        # A single call keeps its number in the title; several calls have none in common.
        are_calls = len(modules) < len(layers)
        path = common_path(modules if are_calls else layers)
        title = path.replace("/", ".") or "units"
        activation = self._activation(neurons[0]) or "linear"
        shape = _describe_shape(len(units), len(layers), len(modules), activation)
        return Column(f"{title}  {shape}", self._describe_parameters(units), members)

    def _members(self, units: list[Unit]) -> tuple[str, ...]:
        """Return the ids of a column from top to bottom; what stands for weak units comes last."""
        shown = dict.fromkeys(self.units.shown[unit] for unit in units)
        ordered = sorted(shown, key=lambda unit: unit.kind == "rest")
        return tuple(self.units.ids[unit] for unit in ordered)

    def _title_between(self, units: list[Unit]) -> str:
        """Return the title of a column without neurons: the label of what is computed last."""
        outputs: list[Value] = []
        for unit in units:
            if unit.kind == "between":
                outputs += self.units.outputs(unit)
        label = self.snapshot.labels[outputs[-1]] if outputs else ""
        if label:
            return label
        has_root = not self.units.roots.isdisjoint(outputs)
        return "result" if has_root else "between"

    def _describe_parameters(self, units: list[Unit]) -> str:
        parameters: dict[Value, None] = {}
        for unit in units:
            for node in unit.members:
                own = (arg for arg in node.args if isinstance(arg, Parameter))
                parameters.update(dict.fromkeys(own))
        gradients = [self.snapshot.gradients[parameter] for parameter in parameters]
        return describe_parameters(gradients, self.snapshot.has_gradients and not self.is_network)


def _describe_shape(units: int, calls: int, modules: int, activation: str) -> str:
    """Return how many units a column has, of which kind, in how many layers or calls."""
    if calls == 1:
        return f"{units:,} × {activation}"
    if modules == calls:
        return f"{units:,} in {calls} layers"
    if modules == 1 and units % calls == 0:
        return f"{units // calls:,} × {activation}, {calls} calls"
    layers = f" of {modules} layers" if modules > 1 else ""
    return f"{units:,} in {calls} calls{layers}"
