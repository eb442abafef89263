"""An open neuron as a table: a row w · x for each input, then the bias, the sum and the output.

A neuron is whatever is a sum of products: a module, a call of a function, a named block, or one
result of several that a call has, such as a row of a matrix times a vector.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from scalargrad.core import ops
from scalargrad.core.scopes import CallScope
from scalargrad.core.value import Value
from viz.look.text import clean
from viz.model.snapshot import Snapshot

from .sums import ADDS

MIN_ROWS = 3
"""Products from which on a table is easier to read than their graph."""


@dataclass(frozen=True, slots=True)
class NeuronTable:
    """The Values of a neuron by their parts.

    Attributes:
        products: For each input its weight, the input, and their product.
        bias: The parameter that is added, None for none.
        total: The sum.
        output: What the neuron puts out: the sum, or the activation of it.
    """

    products: tuple[tuple[Value, Value, Value], ...]
    bias: Value | None
    total: Value
    output: Value


def find_neuron_tables(snapshot: Snapshot, paths: Iterable[str]) -> dict[str, NeuronTable]:
    """Return the open modules that are a sum of products, by their unique paths.

    Args:
        snapshot: The graph.
        paths: The modules to look at.
    """
    inside: dict[str, list[Value]] = {path: [] for path in paths}
    for node in snapshot.order:
        path = snapshot.module[node]
        if path in inside:
            inside[path].append(node)

    tables: dict[str, NeuronTable] = {}
    for path, values in inside.items():
        table = None if snapshot.children.get(path) else _read(snapshot, values)
        if table is not None:
            tables[path] = table
    return tables


def find_output_table(snapshot: Snapshot, path: str, position: int) -> NeuronTable | None:
    """Return one output of a module or call as a table, None where it is no sum of products.

    Args:
        snapshot: The graph.
        path: The unique path of the module.
        position: Which of its outputs, in the order of the graph.

    Raises:
        IndexError: The module has not that many outputs.
    """
    values = [node for node in snapshot.order if snapshot.module[node] == path]
    own = set(values)
    output = [node for node in values if node.args and _is_output(snapshot, node, own)][position]
    cone: dict[Value, None] = {}
    pending = [output]
    while pending:
        node = pending.pop()
        if node in own and node not in cone:
            cone[node] = None
            pending += node.args
    return _read(snapshot, [*cone])


def _read(snapshot: Snapshot, values: list[Value]) -> NeuronTable | None:
    """Return a module as a table, None where it computes anything else."""
    own = set(values)
    outputs = [node for node in values if node.args and _is_output(snapshot, node, own)]
    if len(outputs) != 1:
        return None
    (output,) = outputs
    total = output
    if output.op not in ADDS:
        if len(output.args) != 1 or output.args[0] not in own:
            return None
        (total,) = output.args

    used = {output, total}
    products: list[tuple[Value, Value, Value]] = []
    biases: list[Value] = []
    for part in _summands(total, own, used):
        used.add(part)
        if part.op == ops.MUL.name and part in own and len(set(part.args)) == 2:
            weight, x = _factors(part)
            used.add(weight)
            products.append((weight, x, part))
        elif not part.args and part.kind != "constant":
            biases.append(part)
        else:
            return None
    inputs = {x for _, x, _ in products}
    is_whole = own.issubset(used | inputs) and len(biases) <= 1
    if not is_whole or len(products) < MIN_ROWS or total.op not in ADDS:
        return None
    return NeuronTable(tuple(products), biases[0] if biases else None, total, output)


def _factors(product: Value) -> tuple[Value, Value]:
    """Return the weight and the input of a product: the one parameter, or else the first factor."""
    first, second = product.args
    is_second = second.kind == "parameter" and first.kind != "parameter"
    return (second, first) if is_second else (first, second)


def _is_output(snapshot: Snapshot, node: Value, own: set[Value]) -> bool:
    if node in snapshot.roots:
        return True
    return any(user not in own for user in snapshot.users.get(node, ()))


def _summands(total: Value, own: set[Value], used: set[Value]) -> list[Value]:
    """Return what a sum adds, partial sums of the neuron taken apart; these are added to `used`."""
    summands: list[Value] = []
    pending = [total]
    while pending:
        node = pending.pop()
        if node.op in ADDS and node in own:
            used.add(node)
            pending += node.args[::-1]
            continue
        is_zero = node.kind == "constant" and node.data == 0.0
        if is_zero:
            used.add(node)
        else:
            summands.append(node)
    return summands


def row_name(snapshot: Snapshot, x: Value, position: int) -> str:
    """Return what the row of an input is called: by its label, its module or its position.

    What a function returned has the name of the variable that it was given to.
    """
    if snapshot.labels[x]:
        return snapshot.labels[x]
    if not isinstance(x.scope, CallScope):
        return snapshot.module[x].rpartition("/")[2] or f"x{position}"
    called_at = x.scope.called_at
    variable = "" if called_at is None else clean(called_at.variable)
    own = "" if x.made_at is None else clean(x.made_at.variable)
    return f"{own or variable or clean(x.scope.name)} {position}"
