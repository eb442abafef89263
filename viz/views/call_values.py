"""The single Values of one call or line of code, with what they are made of."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from scalargrad.core.details import rank_in_time
from scalargrad.core.scopes import Scope
from scalargrad.core.value import Value
from viz.look.text import number, plural
from viz.model.picture import MAX_CARDS, Edge, Node, Picture
from viz.model.snapshot import Snapshot, shown_flow

from .neuron_tables import row_name
from .scalars import MAX_NUMBERED, value_node
from .sums import fold_sums


def call_picture(
    snapshot: Snapshot, values: Sequence[Value], name: str, show: str | None = None
) -> Picture:
    """Return the Values of a call as cards, or as chips where they are many.

    What goes into them is drawn as inputs, whatever computed it. Chains of + are one Σ.

    Args:
        snapshot: The graph.
        values: The Values that the call made, in topological order.
        name: What the call is called, for the title.
        show: What colors show: "gradient", "data" or "weights"; None for the default of the graph.

    Example:
        >>> x = Value(2.0, label="x")
        >>> y = (x + 1.0) * x
        >>> picture = call_picture(Snapshot([y]), [y], "y")
        >>> [(node.kind, node.data) for node in picture.nodes]
        [('input', 3.0), ('input', 2.0), ('operation', 6.0)]
    """
    shown = snapshot.default_show if show is None else show
    sums = fold_sums(snapshot, values)
    gradients = snapshot.gradients if snapshot.has_gradients else {}
    inside = [node for node in values if node not in sums.folded]
    own = set(values)
    nodes: dict[Value, Node] = {}
    edges: list[Edge] = []
    places = _number_outputs(snapshot, inside)
    for node in inside:
        for port, (arg, local) in enumerate(sums.operands(node)):
            if arg not in own and arg not in nodes:
                nodes[arg] = _outside_node(snapshot, arg, gradients.get(arg), places.get(arg, 0))
            flow = shown_flow(shown, arg, local, gradients.get(node))
            edges.append(Edge(snapshot.id(arg), snapshot.id(node), local, flow, port))
        drawn = value_node(snapshot, node, gradients.get(node))
        nodes[node] = sums.draw(drawn, node)
    level = "cards" if len(nodes) <= MAX_CARDS else "chips"
    notes = [f"{plural(len(values), 'value')} of {len(snapshot):,}, with what goes into them"]
    roots = [root for root in snapshot.roots if root not in own]
    if len(snapshot.roots) == 1 and roots:
        notes.append(f"{snapshot.labels[roots[0]] or 'the result'} is {number(roots[0].data)}")
    return Picture(
        level,
        tuple(nodes.values()),
        tuple(edges),
        title=name,
        notes=tuple(notes),
        total=len(snapshot),
        colors=shown,
        numbered=level == "chips" and len(nodes) <= MAX_NUMBERED,
    )


def count_nodes(snapshot: Snapshot, values: Sequence[Value]) -> int:
    """Return how many nodes the picture of a call has.

    Args:
        snapshot: The graph.
        values: The Values that the call made.
    """
    sums = fold_sums(snapshot, values)
    inside = [node for node in values if node not in sums.folded]
    outside = {arg for node in inside for arg, _ in sums.operands(node)}
    return len(outside.union(inside))


def _number_outputs(snapshot: Snapshot, values: Sequence[Value]) -> dict[Value, int]:
    """Return which output of its call each operand from outside is, in the order of the code."""
    own = {node.scope for node in values}
    scopes = {arg.scope for node in values for arg in node.args if arg.scope not in own}
    outputs: dict[Scope | None, list[Value]] = defaultdict(list)
    for node in snapshot.order:
        if node.scope in scopes and node.args:
            users = snapshot.users.get(node, ())
            if any(user.scope is not node.scope for user in users):
                outputs[node.scope].append(node)
    places = {}
    for made in outputs.values():
        for place, node in enumerate(sorted(made, key=rank_in_time)):
            places[node] = place
    return places


def _outside_node(snapshot: Snapshot, node: Value, grad: float | None, position: int) -> Node:
    drawn = value_node(snapshot, node, grad)
    if not node.args:
        return drawn
    label = drawn.label or row_name(snapshot, node, position)
    return replace(drawn, kind="input", symbol="in", label=label, root=False)
