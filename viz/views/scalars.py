"""Pictures of single Values, as cards or chips, with modules as boxes that are open or closed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from math import hypot

from scalargrad.core.value import Parameter, Value
from viz.look.text import clean, number, whole
from viz.model.picture import Edge, Group, Node, Picture
from viz.model.snapshot import Snapshot, carried, formula, grad_of, parent_path, symbol

MANY_USES = 5
"""From so many uses on, a leaf is drawn small beside each user, instead of a fan of edges."""


def scalar_picture(snapshot: Snapshot, level: str, closed: Iterable[str] = ()) -> Picture:
    """Every Value that is not inside a closed module, and the closed modules as one node each.

    level   "cards", with boxes around open modules, or "chips"
    closed  unique paths of modules
    """
    shown = _Shown(snapshot, set(closed))
    has_gradients = any(grad_of(node) for node in snapshot.order)
    nodes = [
        shown.node(value, has_gradients) for value in snapshot.order if not shown.module_of[value]
    ]
    nodes += [shown.closed_module(path, has_gradients) for path in shown.closed]
    edges = shown.edges() if has_gradients else [replace(edge, flow=None) for edge in shown.edges()]
    nodes, edges = _with_tags(nodes, edges)
    used = _occupied(nodes)
    groups = tuple(shown.box(path, has_gradients) for path in snapshot.modules if path in used)
    hidden = len(snapshot) - sum(1 for node in snapshot.order if not shown.module_of[node])
    notes = (_folded(len(snapshot), hidden, len(shown.closed)),) if hidden else ()
    if not has_gradients and len(snapshot):
        notes = (*notes, "no gradients yet: call backward() first")
    return Picture(
        level,
        tuple(nodes),
        tuple(edges),
        groups,
        notes=notes,
        total=len(snapshot),
        framed=level == "cards",
    )


def _folded(total: int, hidden: int, modules: int) -> str:
    return f"showing {total - hidden:,} of {total:,} values; the others are inside {modules:,} closed module{'s' if modules > 1 else ''}"


def _occupied(nodes: list[Node]) -> set[str]:
    used = {""}
    for node in nodes:
        path = node.group
        while path not in used:
            used.add(path)
            path = parent_path(path)
    return used


class _Shown:
    """Which node of the picture stands for each Value."""

    def __init__(self, snapshot: Snapshot, closed: set[str]) -> None:
        self.snapshot = snapshot
        self._around: dict[str, str] = {"": ""}
        for path in snapshot.modules:  # outer ones first
            self._around[path] = self._around[parent_path(path)] or (path if path in closed else "")
        self.module_of = {node: self._around[snapshot.module[node]] for node in snapshot.order}
        self.inside: dict[str, list[Value]] = defaultdict(list)
        for node in snapshot.order:
            if self.module_of[node]:
                self.inside[self.module_of[node]].append(node)
        self.closed = list(self.inside)
        self._ids = {path: f"m{i}" for i, path in enumerate(self.closed)}

    def id(self, node: Value) -> str:
        """The id of what stands for the Value."""
        module = self.module_of[node]
        return self._ids[module] if module else self.snapshot.id(node)

    def node(self, node: Value, has_gradients: bool) -> Node:
        """The Value itself."""
        shown = value_node(self.snapshot, node, grad_of(node) if has_gradients else None)
        return replace(shown, group=self.snapshot.module[node])

    def closed_module(self, path: str, has_gradients: bool) -> Node:
        """Return a closed module: its output, its size, and the norm of its parameters' gradients.

        Of several outputs there is no one number, and the gradient is the norm of theirs.
        """
        outputs = self.outputs(path)
        is_single = len(outputs) == 1
        grad = None
        if has_gradients:
            gradients = [grad_of(node) for node in outputs]
            # A norm has no sign: the one output of a module keeps the gradient that it has.
            grad = gradients[0] if is_single else hypot(*gradients)
        return Node(
            id=self._ids[path],
            kind="module",
            label=path.rpartition("/")[2],
            data=outputs[0].data if is_single else None,
            grad=grad,
            group=parent_path(path),
            detail=parameters_line(self.parameters[path], has_gradients),
            formula=self.snapshot.modules[path].kind,
            root=any(node in self.snapshot.roots for node in outputs),
            name=path.replace("/", "."),
            outputs=len(outputs),
        )

    def outputs(self, path: str) -> list[Value]:
        """The Values of a closed module that are used outside of it, or are roots."""
        users = self.snapshot.users
        return [
            node
            for node in self.inside[path]
            if node in self.snapshot.roots
            or any(self.module_of[user] != path for user in users.get(node, ()))
        ]

    def box(self, path: str, has_gradients: bool) -> Group:
        """An open module."""
        return Group(
            path,
            path.rpartition("/")[2],
            parent_path(path),
            parameters_line(self.parameters[path], has_gradients),
        )

    @cached_property
    def parameters(self) -> dict[str, list[Value]]:
        """The parameters inside each module, whether open or closed."""
        found: dict[str, list[Value]] = defaultdict(list)
        for node in self.snapshot.order:
            path = self.snapshot.module[node] if isinstance(node, Parameter) else ""
            while path:
                found[path].append(node)
                path = parent_path(path)
        return found

    def edges(self) -> list[Edge]:
        """One edge for each operand; those from or to a closed module are merged."""
        single: list[Edge] = []
        merged: dict[tuple[str, str], float] = {}
        for node in self.snapshot.order:
            target = self.id(node)
            for port, (arg, local) in enumerate(
                zip(node.args, node.partials or [0.0] * len(node.args), strict=True)
            ):
                source = self.id(arg)
                if source == target:
                    continue
                flow = carried(local, grad_of(node))
                if self.module_of[node] or self.module_of[arg]:
                    merged[source, target] = merged.get((source, target), 0.0) + flow
                else:
                    single.append(Edge(source, target, local, flow, port))
        return single + [
            Edge(source, target, None, flow) for (source, target), flow in merged.items()
        ]


def value_node(snapshot: Snapshot, node: Value, grad: float | None) -> Node:
    """A Value as a node outside of all boxes, with the gradient that is given.

    >>> value = Value(2.0, label="x") * 3
    >>> value_node(Snapshot([value]), value, None).formula
    'x × 3'
    """
    return Node(
        id=snapshot.id(node),
        kind=node.kind,
        symbol=symbol(node),
        label=clean(node.label),
        data=node.data,
        grad=grad,
        formula=formula(node),
        root=node in snapshot.roots,
        whole=whole(node.label),
    )


def parameters_line(parameters: Sequence[Value], has_gradients: bool) -> str:
    """5 parameters · ‖∇‖ 0.97; "" where there are none."""
    if not parameters:
        return ""
    text = f"{len(parameters):,} parameter{'s' if len(parameters) > 1 else ''}"
    norm = hypot(*(grad_of(parameter) for parameter in parameters))
    return f"{text} · ‖∇‖ {number(norm)}" if has_gradients else text


def _with_tags(nodes: list[Node], edges: list[Edge]) -> tuple[list[Node], list[Edge]]:
    """Much used leaves, copied small beside each of their users."""
    uses: dict[str, int] = defaultdict(int)
    for edge in edges:
        uses[edge.source] += 1
    by_id = {node.id: node for node in nodes}
    copied = {
        node.id
        for node in nodes
        if node.kind in ("input", "parameter", "constant") and uses[node.id] >= MANY_USES
    }
    kept_edges, tags, fans = [], [], set()
    for count, edge in enumerate(edges):
        target = by_id[edge.target]
        if edge.source not in copied or target.kind == "module":
            kept_edges.append(edge)
            fans.add(edge.source)
            continue
        leaf = by_id[edge.source]
        tag = f"{leaf.id}t{count}"
        tags.append(replace(leaf, id=tag, group=target.group, root=False, tag=True))
        kept_edges.append(Edge(tag, edge.target, edge.local, edge.flow, edge.port))
    return [node for node in nodes if node.id not in copied or node.id in fans] + tags, kept_edges
