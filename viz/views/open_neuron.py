"""One open neuron of a network, with what is right before and right after it, the rest folded."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from math import hypot

from scalargrad.core.value import Value
from viz.look.text import number, plural
from viz.model.picture import Edge, Node, Picture, TableRow
from viz.model.snapshot import Snapshot, parent_path, shown_flow

from .neuron_tables import NeuronTable, row_name
from .scalars import value_node

_TABLE = "table"
_MAX_USERS = 3


def open_neuron_picture(
    snapshot: Snapshot, path: str, table: NeuronTable, show: str | None, name: str = ""
) -> Picture:
    """Return a neuron as a table, with its neighbors as boxes and its output as a card.

    Args:
        snapshot: The graph.
        path: The unique path of the neuron.
        table: The neuron.
        show: What colors show: "gradient", "data" or "weights"; None for the default of the graph.
        name: What the neuron is called; by default its path.

    Example:
        >>> from scalargrad.nn import MLP
        >>> from .neuron_tables import find_neuron_tables
        >>> snapshot = Snapshot([MLP(3, [2, 1], seed=0)([0.5, 1.0, -1.0])])
        >>> path = "layers.0/neurons.1"
        >>> table = find_neuron_tables(snapshot, [path])[path]
        >>> [node.label for node in open_neuron_picture(snapshot, path, table, None).nodes]
        ['3 inputs', 'layers.0.neurons.1', 'output', 'layers.1']
    """
    return _OpenNeuron(snapshot, path, table, show, name or path.replace("/", ".")).build()


class _OpenNeuron:
    def __init__(
        self, snapshot: Snapshot, path: str, table: NeuronTable, show: str | None, name: str
    ) -> None:
        self.snapshot = snapshot
        self.path = path
        self.table = table
        self.name = name
        self.show = snapshot.default_show if show is None else show

    def build(self) -> Picture:
        """Return the picture."""
        snapshot = self.snapshot
        table = self.table
        inputs = dict.fromkeys(x for _, x, _ in table.products)
        before = self._gather(inputs)
        users = dict.fromkeys(snapshot.users[table.output])
        after = dict(islice(self._gather(users).items(), _MAX_USERS))

        nodes: list[Node] = []
        edges: list[Edge] = []
        for i, (around, values) in enumerate(before.items()):
            nodes.append(self._source(f"b{i}", around, values))
            edges.append(Edge(nodes[-1].id, _TABLE, None, self._carried(values, into=None)))

        nodes.append(self._table_node())
        last = _TABLE
        if table.output is not table.total:
            last = snapshot.id(table.output)
            nodes.append(self._output())
            flow = self._carried([table.total], [table.output])
            edges.append(Edge(_TABLE, last, None, flow))
        for i, (around, values) in enumerate(after.items()):
            nodes.append(self._user(f"a{i}", around, values))
            edges.append(Edge(last, nodes[-1].id, None, self._carried([table.output], values)))

        return Picture(
            "cards",
            tuple(nodes),
            tuple(edges),
            notes=tuple(self._notes(inputs, users)),
            total=len(snapshot),
            colors=self.show,
            center=_TABLE,
        )

    def _notes(self, inputs: Iterable[Value], users: Iterable[Value]) -> Iterator[str]:
        """Yield what is folded, and what the numbers of the table are."""
        snapshot = self.snapshot
        output = self.table.output
        shown = len({*inputs, output, *self._own()})
        note = f"{shown:,} of {len(snapshot):,} values are shown, the rest is folded"
        if len(snapshot.roots) == 1 and snapshot.roots[0] not in (output, *users):
            (root,) = snapshot.roots
            note += f"; {snapshot.labels[root] or 'the result'} is {number(root.data)}"
        yield note
        if any(len(snapshot.users[weight]) > 1 for weight, _, _ in self.table.products):
            yield "the gradient of a weight is the sum over all of its uses"

    def _own(self) -> Iterator[Value]:
        """Yield what the table is made of, without its inputs."""
        for weight, _, product in self.table.products:
            yield from (weight, product)
        yield self.table.total
        if self.table.bias is not None:
            yield self.table.bias

    def _gather(self, values: Iterable[Value]) -> dict[str, list[Value]]:
        """Return Values by the outermost module that is not around the neuron; "" for none."""
        around = {"", self.path}
        path = self.path
        while path := parent_path(path):
            around.add(path)
        gathered: dict[str, list[Value]] = {}
        for value in values:
            outermost = ""
            path = self.snapshot.module[value]
            while path not in around:
                outermost = path
                path = parent_path(path)
            gathered.setdefault(outermost, []).append(value)
        return gathered

    def _source(self, id: str, path: str, values: list[Value]) -> Node:
        """Return a box for what goes into the neuron."""
        if not path and len(values) == 1:
            return value_node(self.snapshot, values[0], self._gradient(values[0]))
        count = len(values)
        is_leaf = all(not value.args for value in values)
        words = plural(count, "input" if is_leaf else "value")
        return self._box(id, path or words, values)

    def _user(self, id: str, path: str, values: list[Value]) -> Node:
        """Return a box for what the output of the neuron goes into."""
        if not path and len(values) == 1:
            return value_node(self.snapshot, values[0], self._gradient(values[0]))
        outputs = self._outputs(path) if path else values
        return self._box(id, path or plural(len(values), "value"), outputs)

    def _outputs(self, path: str) -> list[Value]:
        outputs = []
        for node in self.snapshot.order:
            if not self._is_inside(node, path):
                continue
            users = self.snapshot.users.get(node, ())
            if node in self.snapshot.roots or any(not self._is_inside(u, path) for u in users):
                outputs.append(node)
        return outputs

    def _is_inside(self, node: Value, path: str) -> bool:
        own = self.snapshot.module[node]
        return own == path or own.startswith(f"{path}/")

    def _box(self, id: str, path: str, outputs: list[Value]) -> Node:
        gradients = [self._gradient(value) for value in outputs]
        known = [gradient for gradient in gradients if gradient is not None]
        grad = None
        if known:
            grad = known[0] if len(known) == 1 else hypot(*known)
        scope = self.snapshot.modules.get(path)
        return Node(
            id,
            "module",
            label=path.rpartition("/")[2],
            grad=grad,
            formula="" if scope is None else scope.kind,
            name=path.replace("/", "."),
            outputs=len(outputs),
            root=any(value in self.snapshot.roots for value in outputs),
        )

    def _output(self) -> Node:
        output = self.table.output
        drawn = value_node(self.snapshot, output, self._gradient(output))
        # The neuron that it is part of has a table, and no box around it.
        return replace(drawn, label=drawn.label or "output", group="")

    def _table_node(self) -> Node:
        scope = self.snapshot.modules[self.path]
        products = len(self.table.products)
        return Node(
            _TABLE,
            "module",
            label=self.name,
            data=self.table.total.data,
            grad=self._gradient(self.table.total),
            detail=plural(products, "input"),
            formula=scope.kind,
            root=self.table.total in self.snapshot.roots,
            name=self.name,
            rows=tuple(self._rows()),
        )

    def _rows(self) -> Iterator[TableRow]:
        table = self.table
        for i, (weight, x, product) in enumerate(table.products):
            name = row_name(self.snapshot, x, i)
            yield TableRow(name, x.data, weight.data, product.data, self._gradient(weight))
        grad = self._gradient(table.total)
        total = sum(product.data for _, _, product in table.products)
        if table.bias is not None:
            name = f"Σ {plural(len(table.products), 'product')}"
            yield TableRow(name, None, None, total, grad)
            bias = table.bias
            name = f"+ {self.snapshot.labels[bias] or 'bias'}"
            yield TableRow(name, None, None, bias.data, self._gradient(bias))
        is_before = table.output is not table.total
        activation = self.snapshot.symbols[table.output]
        name = f"= before {activation}" if is_before else "= output"
        yield TableRow(name, None, None, table.total.data, grad)

    def _gradient(self, node: Value) -> float | None:
        return self.snapshot.gradients[node] if self.snapshot.has_gradients else None

    def _carried(self, values: Iterable[Value], into: Iterable[Value] | None) -> float | None:
        """Return what the edges from some Values carry; into the products of the table by default.

        What colors show adds up: gradients do, and numbers that are passed on, each once.
        """
        if self.show == "weights" or (self.show == "gradient" and not self.snapshot.has_gradients):
            return None
        values = set(values)
        if self.show == "data":
            return sum(value.data for value in values)
        users = [product for _, _, product in self.table.products] if into is None else into
        total = 0.0
        for user in users:
            for arg, local in zip(user.args, user.partials or [0.0] * len(user.args), strict=True):
                if arg in values:
                    total += shown_flow(self.show, arg, local, self._gradient(user)) or 0.0
        return total


def choose_open_neuron(tables: Mapping[str, NeuronTable], opened: Iterable[str]) -> str:
    """Return the neuron that a picture is about: the only one that is opened; "" for none.

    Args:
        tables: The open modules that are tables.
        opened: All paths that are open, with those around them.
    """
    if len(tables) != 1:
        return ""
    (path,) = tables
    return path if all(f"{path}/".startswith(f"{other}/") for other in opened) else ""
