"""Pictures of single Values, as cards or chips, with modules as boxes that are open or closed."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from math import hypot
from types import MappingProxyType
from typing import Literal

from scalargrad.core.value import Parameter, Value
from viz.look.legend import GRADIENT_NORM
from viz.look.text import clean, number, plural
from viz.model.chains import Chain
from viz.model.picture import Edge, Group, Node, Picture, TableRow
from viz.model.snapshot import Snapshot, formula, line_in_file, parent_path, shown_flow

from .chains import chain_node
from .neuron_tables import NeuronTable, find_neuron_tables, row_name
from .sums import FoldedSums

MIN_USES = 5
"""Uses from which on a leaf is drawn small beside each user, instead of a fan of edges."""
MIN_GATHERED = 4
"""Closed neurons beside an open one from which on they are one box."""
MAX_NUMBERED = 150
"""Chips up to which each shows its number."""
_MAX_LINE = 120
"""Characters of a line of source code."""
_LEAVES = ("input", "parameter", "constant")


def scalar_picture(
    snapshot: Snapshot,
    level: Literal["cards", "chips"],
    closed: Iterable[str] = (),
    show: str | None = None,
    fold: bool = False,
    chains: Mapping[str, Chain] = MappingProxyType({}),
    with_tables: bool = True,
) -> Picture:
    """Return every Value that is not inside a closed module, and closed modules as one node each.

    Args:
        snapshot: The graph.
        level: "cards", with boxes around open modules, or "chips".
        closed: Unique paths of modules.
        show: What colors show: "gradient", "data" or "weights"; None for the default of the graph.
        fold: Whether a chain of + is drawn as one Σ and an open neuron as a table, and chips show
            their numbers.
        chains: Chains that are drawn as one node each, by their names.
        with_tables: Whether an open neuron is a table, if `fold` is set.

    Example:
        >>> x = Value(2.0, label="x")
        >>> picture = scalar_picture(Snapshot([x * x]), "chips")
        >>> [node.label or node.formula for node in picture.nodes]
        ['x', 'x × x']
    """
    shown = snapshot.default_show if show is None else show
    closed = set(closed)
    tables: dict[str, NeuronTable] = {}
    if fold and with_tables and level == "cards":
        tables = find_neuron_tables(snapshot, [p for p in snapshot.modules if p not in closed])
    gathered = _gather_siblings(snapshot, closed, tables)
    view = _ScalarView(snapshot, closed, shown, fold, tables, gathered, chains)
    nodes, edges = _copy_much_used(view.nodes(), view.edges())
    return Picture(
        level,
        tuple(nodes),
        tuple(edges),
        tuple(view.boxes(nodes)),
        notes=tuple(view.notes()),
        total=len(snapshot),
        colors=shown,
        framed=level == "cards",
        numbered=level == "chips" and fold and len(nodes) <= MAX_NUMBERED,
    )


class _ScalarView:
    """Which node of the picture shows each Value.

    Attributes:
        show: What colors show.
        module_of: For each Value the path of the outermost closed module around it, "" for none.
        inside: The Values inside each closed module.
        tables: Open modules that are drawn as tables: closed ones with their contents on them.
        members: The closed modules that a box for several of them stands for.
        chains: Chains that are drawn as closed modules are, by their names.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        closed: set[str],
        show: str,
        fold: bool,
        tables: dict[str, NeuronTable],
        gathered: dict[str, str],
        chains: Mapping[str, Chain],
    ) -> None:
        self.chains = chains
        self.tables = tables
        self.members: dict[str, list[str]] = defaultdict(list)
        for path, box in gathered.items():
            self.members[box].append(path)
        closed = closed | set(tables)
        self.snapshot = snapshot
        self.show = show
        self.has_gradients = snapshot.has_gradients

        around = {"": ""}
        for path in snapshot.modules:  # outer ones first
            own = gathered.get(path, path) if path in closed else ""
            around[path] = around[parent_path(path)] or own
        self.module_of = {node: around[snapshot.module[node]] for node in snapshot.order}

        for name, chain in chains.items():
            self.module_of |= dict.fromkeys(chain.values, name)

        self.inside: dict[str, list[Value]] = defaultdict(list)
        for node, path in self.module_of.items():
            if path:
                self.inside[path].append(node)
        self._ids = {path: f"m{i}" for i, path in enumerate(self.inside)}
        open_values = [node for node, path in self.module_of.items() if not path]
        self.sums = FoldedSums(snapshot, open_values if fold else ())

    def notes(self) -> Iterable[str]:
        """Yield what the picture folds."""
        total = len(self.snapshot)
        folded = len(self.sums.folded)
        closed = [path for path in self.inside if path not in {**self.tables, **self.chains}]
        hidden = sum(len(self.inside[path]) for path in closed)
        if hidden:
            extra = sum(len(members) - 1 for members in self.members.values())
            modules = plural(len(closed) + extra, "closed module")
            yield (
                f"showing {total - hidden - folded:,} of {total:,} values; "
                f"the others are inside {modules}"
            )
        yield from self._chain_notes()
        if self.sums.totals:
            yield f"chains of + are one Σ, which stands for {plural(folded, 'value')} more"
        if self.tables:
            yield "an open neuron is a table: a row w · x for each input, then what is added up"
        if total and not self.has_gradients:
            yield "no gradients yet: call backward() first"

    def _chain_notes(self) -> Iterable[str]:
        if not self.chains:
            return
        folded = sum(len(chain.values) for chain in self.chains.values())
        names = " or ".join(f'expand="{name}"' for name in islice(self.chains, 2))
        yield (
            f"{plural(folded, 'value')} are folded into {plural(len(self.chains), 'chain')}; "
            f"{names} shows the links at both ends"
        )

    def nodes(self) -> list[Node]:
        """Return the Values that are shown, then the closed modules."""
        folded = self.sums.folded
        shown = [node for node, path in self.module_of.items() if not path and node not in folded]
        modules = [self._module(path) for path in self.inside]
        return [*map(self._value, shown), *modules]

    def _module(self, path: str) -> Node:
        if path in self.chains:
            return chain_node(self.snapshot, self._ids[path], path, self.chains[path])
        drawn = self._closed_module(path)
        table = self.tables.get(path)
        if table is None:
            return drawn
        return replace(drawn, rows=tuple(self._table_rows(table)))

    def _table_rows(self, table: NeuronTable) -> Iterable[TableRow]:
        snapshot = self.snapshot
        grad = self._gradient
        for i, (weight, x, product) in enumerate(table.products):
            name = row_name(snapshot, x, i)
            yield TableRow(name, x.data, weight.data, product.data, grad(weight))
        if table.bias is not None:
            name = snapshot.labels[table.bias] or "b"
            yield TableRow(name, None, table.bias.data, table.bias.data, grad(table.bias))
        yield TableRow("Σ", None, None, table.total.data, grad(table.total))
        if table.output is not table.total:
            name = snapshot.symbols[table.output]
            yield TableRow(name, None, None, table.output.data, grad(table.output))

    def _value(self, node: Value) -> Node:
        grad = self._gradient(node)
        drawn = replace(value_node(self.snapshot, node, grad), group=self.snapshot.module[node])
        return self.sums.draw(drawn, node)

    def _closed_module(self, path: str) -> Node:
        """Return a closed module: its output, the gradient of its output, and its size.

        Several outputs have no single number, and their gradient is the norm of theirs. The norm of
        its parameters' gradients is in the tooltip: two numbers for gradients would be mixed up.
        """
        outputs = self._outputs(path)
        is_single = len(outputs) == 1
        grad = None
        if self.has_gradients:
            gradients = [self.snapshot.gradients[node] for node in outputs]
            # A norm has no sign: the one output of a module keeps the gradient that it has.
            grad = gradients[0] if is_single else hypot(*gradients)
        return Node(
            id=self._ids[path],
            kind="module",
            label=path.rpartition("/")[2],
            data=outputs[0].data if is_single else None,
            grad=grad,
            group=parent_path(path),
            detail=describe_parameters(self._gradients(path), has_gradients=False),
            formula=self.snapshot.modules[self.members.get(path, [path])[0]].kind,
            root=any(node in self.snapshot.roots for node in outputs),
            name=path.replace("/", "."),
            outputs=len(outputs),
            tip=self._norm(path),
        )

    def _outputs(self, path: str) -> list[Value]:
        """Return the Values of a closed module that are used outside of it, or are roots."""
        return [node for node in self.inside[path] if self._is_output(node, path)]

    def _is_output(self, node: Value, path: str) -> bool:
        if node in self.snapshot.roots:
            return True
        users = self.snapshot.users.get(node, ())
        return any(self.module_of[user] != path for user in users)

    def boxes(self, nodes: list[Node]) -> Iterable[Group]:
        """Yield the boxes of open modules, which are those around a node."""
        used = {""}
        for node in nodes:
            path = node.group
            while path not in used:
                used.add(path)
                path = parent_path(path)

        for path in self.snapshot.modules:
            if path in used:
                title = path.rpartition("/")[2]
                yield Group(path, title, parent_path(path), self._describe_parameters(path))

    def _describe_parameters(self, path: str) -> str:
        return describe_parameters(self._gradients(path), self.has_gradients)

    def _norm(self, path: str) -> str:
        gradients = self._gradients(path)
        if not gradients or not self.has_gradients:
            return ""
        return f"{GRADIENT_NORM} of its parameters {number(hypot(*gradients))}"

    def _gradients(self, path: str) -> list[float]:
        leaves: list[Value] = []
        for member in self.members.get(path, [path]):
            leaves += self._parameters.get(member, ())
        return [self.snapshot.gradients[leaf] for leaf in leaves]

    @cached_property
    def _parameters(self) -> dict[str, list[Value]]:
        """The parameters inside each module, whether open or closed."""
        parameters: dict[str, list[Value]] = defaultdict(list)
        for node in self.snapshot.order:
            if not isinstance(node, Parameter):
                continue
            path = self.snapshot.module[node]
            while path:
                parameters[path].append(node)
                path = parent_path(path)
        return parameters

    def edges(self) -> list[Edge]:
        """Return one edge for each operand; those from or to a closed module are merged."""
        single: list[Edge] = []
        merged: dict[tuple[str, str], float] = defaultdict(float)
        carried: set[tuple[str, Value]] = set()
        row_of: dict[Value, int] = {}
        for table in self.tables.values():
            row_of |= {product: i for i, (_, _, product) in enumerate(table.products)}
        for node in self.snapshot.order:
            if node in self.sums.folded:
                continue
            target = self._id(node)
            gradient = self._gradient(node)
            for port, (arg, local) in enumerate(self.sums.operands(node)):
                source = self._id(arg)
                if source == target:
                    continue
                flow = shown_flow(self.show, arg, local, gradient)
                if node in row_of:
                    # It leads to its own row; the weight in it is the local derivative.
                    single.append(Edge(source, target, None, flow, row_of[node]))
                elif not self.module_of[node] and not self.module_of[arg]:
                    single.append(Edge(source, target, local, flow, port))
                else:
                    # Several edges have no local derivative in common, but what they carry adds up;
                    # a number that several of them carry on is one number.
                    is_counted = self.show == "data" and (target, arg) in carried
                    merged[source, target] += 0.0 if is_counted else flow or 0.0
                    carried.add((target, arg))

        edges = single
        # Weights of different operands have no sum that says anything.
        has_flow = self.show == "data" or (self.show == "gradient" and self.has_gradients)
        for (source, target), total in merged.items():
            edges.append(Edge(source, target, None, total if has_flow else None))
        return edges

    def _gradient(self, node: Value) -> float | None:
        return self.snapshot.gradients[node] if self.has_gradients else None

    def _id(self, node: Value) -> str:
        module = self.module_of[node]
        return self._ids[module] if module else self.snapshot.id(node)


def _gather_siblings(snapshot: Snapshot, closed: set[str], tables: Iterable[str]) -> dict[str, str]:
    """Return for each closed neuron beside an open one the path of the box for all of these."""
    gathered: dict[str, str] = {}
    for parent in dict.fromkeys(map(parent_path, tables)):
        siblings = [path for path in snapshot.children[parent] if path in closed]
        if len(siblings) < MIN_GATHERED:
            continue
        stems = {path.rpartition("/")[2].rstrip("0123456789").rstrip(".") for path in siblings}
        noun = stems.pop() if len(stems) == 1 else "modules"
        name = f"{len(siblings):,} other {noun}"
        gathered |= dict.fromkeys(siblings, f"{parent}/{name}" if parent else name)
    return gathered


def value_node(snapshot: Snapshot, node: Value, grad: float | None) -> Node:
    """Return a Value as a node outside of all boxes.

    Args:
        snapshot: The graph.
        node: The Value.
        grad: The gradient to show, None for none.

    Example:
        >>> value = Value(2.0, label="x") * 3
        >>> value_node(Snapshot([value]), value, None).formula
        'x × 3'
    """
    return Node(
        id=snapshot.id(node),
        kind=snapshot.kinds[node],
        symbol=snapshot.symbols[node],
        label=snapshot.labels[node],
        data=node.data,
        grad=grad,
        formula=formula(node),
        root=node in snapshot.roots,
        whole=snapshot.long_labels[node],
        tip=_made_at(node),
    )


def _made_at(node: Value) -> str:
    """Return the line of code that made a Value, if it is known, without the folder of the file."""
    line = node.made_at
    return "" if line is None else "made at " + clean(line_in_file(line), _MAX_LINE)


def describe_parameters(gradients: Sequence[float], has_gradients: bool) -> str:
    """Return how many parameters there are, and the norm of their gradients; "" for none.

    Example:
        >>> describe_parameters([3.0, 4.0], has_gradients=True)
        '2 parameters · gradient norm 5'
    """
    if not gradients:
        return ""
    text = plural(len(gradients), "parameter")
    if not has_gradients:
        return text
    return f"{text} · {GRADIENT_NORM} {number(hypot(*gradients))}"


def _copy_much_used(nodes: list[Node], edges: list[Edge]) -> tuple[list[Node], list[Edge]]:
    """Return nodes and edges with a small copy of each much used leaf beside each of its users."""
    by_id = {node.id: node for node in nodes}
    uses = Counter(edge.source for edge in edges)
    leaves = [node for node in nodes if node.kind in _LEAVES]
    copied = {leaf.id for leaf in leaves if uses[leaf.id] >= MIN_USES}

    new_edges: list[Edge] = []
    copies: list[Node] = []
    kept = set(by_id) - copied
    for count, edge in enumerate(edges):
        target = by_id[edge.target]
        if edge.source not in copied or target.kind == "module":
            new_edges.append(edge)
            kept.add(edge.source)
            continue
        leaf = by_id[edge.source]
        id = f"{leaf.id}t{count}"
        copy = replace(leaf, id=id, group=target.group, root=False, tag=True)
        copies.append(copy)
        new_edges.append(replace(edge, source=copy.id))
    originals = [node for node in nodes if node.id in kept]
    return originals + copies, new_edges
