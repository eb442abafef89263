"""The columns of neurons of a graph, for a page that draws a network: a chain of layers.

Neurons are found in the graph itself, by what they compute: a bias, plus weights times the numbers
of the column before, and an activation of the sum.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scalargrad.core.ops import ADD, MUL
from scalargrad.core.value import Parameter, Value
from scalargrad.nn.activations import activation_name
from scalargrad.nn.module import Module
from viz.look.text import clean
from viz.model.snapshot import Snapshot, parent_path

_NEURON = "Neuron"
_OUTPUT = "ŷ"
_LETTERS = "hgfedcba"
_MAX_NAME = 24
_NUMBER = re.compile("[0-9]+")


@dataclass(frozen=True)
class _Term:
    """A weight times a number of the column before."""

    weight: Value
    item: Value
    product: Value


@dataclass(frozen=True)
class _Sum:
    """What a neuron adds up, and the last of its additions."""

    total: Value
    bias: Value | None
    terms: list[_Term]


@dataclass(frozen=True)
class _Neuron:
    """A neuron as it is in the graph.

    Attributes:
        path: The unique path of its call.
        sum: The sum before the activation.
        output: What the column after it takes.
        activation: The name of its activation; "" if it has none.
    """

    path: str
    sum: _Sum
    output: Value
    activation: str


def describe_network(
    model: Module, snapshot: Snapshot, inputs: Sequence[Value], outputs: Sequence[Value]
) -> dict[str, Any] | None:
    """Return the columns of a network as JSON holds them; None if it is not a chain of columns.

    Values are given by their numbers in the snapshot.

    Args:
        model: The model, which names the activations.
        snapshot: The graph of one sample.
        inputs: Its inputs.
        outputs: What the model returns for it.

    Example:
        >>> from scalargrad.nn import MLP
        >>> model, x = MLP(2, [3, 1], seed=0), [Value(0.5), Value(1.0)]
        >>> y = model(x)
        >>> network = describe_network(model, Snapshot([y]), x, [y])
        >>> [column["note"] for column in network["columns"]]
        ['3 × relu', '1 × linear']
    """
    neurons = _find_neurons(model, snapshot, outputs)
    columns = _chain(neurons, inputs, outputs) if neurons else None
    if not columns or any(value not in snapshot.index for value in inputs):
        return None
    softmax = _name_softmax(model, snapshot, columns[-1], outputs)
    if softmax is None:
        return None

    described = []
    for k, column in enumerate(columns):
        is_last = k == len(columns) - 1
        names = _name_column(k, is_last, len(column))
        pairs = zip(column, names, strict=True)
        described.append(
            {
                "title": "output" if is_last else f"hidden {k + 1}",
                "note": _describe_column(column, softmax if is_last else ""),
                "path": parent_path(column[0].path).replace("/", "."),
                "neurons": [_describe_neuron(each, name, snapshot.index) for each, name in pairs],
            }
        )
    index = snapshot.index
    return {
        "inputs": [index[value] for value in inputs],
        "names": [_name_input(value, k) for k, value in enumerate(inputs)],
        "columns": described,
    }


def _find_neurons(
    model: Module, snapshot: Snapshot, outputs: Sequence[Value]
) -> list[_Neuron] | None:
    """Return the neurons in the order of their calls; None if one computes something else."""
    modules = dict(model.named_modules())
    members: dict[str, list[Value]] = {}
    for path, scope in snapshot.modules.items():
        if scope.kind == _NEURON:
            members[path] = []
    for node in snapshot.order:
        path = snapshot.module[node]
        if path in members and node.args:
            members[path].append(node)

    neurons = []
    for path, operations in members.items():
        total = _find_sum(operations)
        output = _find_output(operations, snapshot, outputs)
        if total is None or output is None:
            return None
        module = modules.get(path.replace("/", "."))
        name = ""
        if output is not total.total:
            name = activation_name(getattr(module, "activation", None)) or output.op
        if not name:
            output, name = _follow_activation(output, snapshot, outputs)
        neurons.append(_Neuron(path, total, output, clean(name, _MAX_NAME)))
    return neurons


def _find_sum(operations: Sequence[Value]) -> _Sum | None:
    """Return the longest sum of a bias and of products that the operations of a neuron begin with.

    It is the last one that reads so: an activation may add and multiply too.
    """
    found = None
    for node in operations:
        found = _read_sum(node) or found
    return found


def _read_sum(node: Value) -> _Sum | None:
    terms: list[_Term] = []
    rest = node
    while rest.op == ADD.name and len(rest.args) == 2:
        term = _read_term(rest.args[1])
        if term is None:
            return None
        terms.append(term)
        rest = rest.args[0]

    bias = rest if isinstance(rest, Parameter) else None
    if bias is None:
        first = _read_term(rest)
        if first is None:
            return None
        terms.append(first)
    return _Sum(node, bias, terms[::-1]) if terms else None


def _read_term(node: Value) -> _Term | None:
    """Return a product of a parameter and of something else; None for anything else."""
    if node.op != MUL.name or len(node.args) != 2:
        return None
    a, b = node.args
    if isinstance(a, Parameter) == isinstance(b, Parameter):
        return None
    return _Term(a, b, node) if isinstance(a, Parameter) else _Term(b, a, node)


def _find_output(
    operations: Sequence[Value], snapshot: Snapshot, outputs: Sequence[Value]
) -> Value | None:
    """Return the only value of a neuron that others use; None if there are several."""
    own = set(operations)
    used = []
    for node in operations:
        is_used = any(user not in own for user in snapshot.users[node])
        if is_used or node in outputs:
            used.append(node)
    return used[0] if len(used) == 1 else None


def _follow_activation(
    output: Value, snapshot: Snapshot, outputs: Sequence[Value]
) -> tuple[Value, str]:
    """Return what comes of a linear neuron, and the activation if the model applies one to it."""
    users = snapshot.users[output]
    if output in outputs or not users:
        return output, ""
    user = users[0]
    is_only_use = all(other is user for other in users) and len(user.args) == 1
    return (user, user.op) if is_only_use else (output, "")


def _chain(
    neurons: Sequence[_Neuron], inputs: Sequence[Value], outputs: Sequence[Value]
) -> list[list[_Neuron]] | None:
    """Return the neurons by column; None unless each column takes all of the one before it."""
    # By what they take, as the graph does not have the neurons of one column side by side.
    takers: dict[tuple[Value, ...], list[_Neuron]] = {}
    for neuron in neurons:
        items = tuple(term.item for term in neuron.sum.terms)
        takers.setdefault(items, []).append(neuron)

    columns: list[list[_Neuron]] = []
    column = takers.pop(tuple(inputs), None)
    while column:
        made = {neuron.output: neuron for neuron in column}
        order = next((items for items in takers if set(items) == made.keys()), None)
        if order is None and set(outputs) == made.keys():
            columns.append([made[output] for output in outputs])
            break
        if order is None:
            columns.append(sorted(column, key=_path_numbers))
            break
        columns.append([made[output] for output in order])
        column = takers.pop(order)
    weights = [term.weight for column in columns for each in column for term in each.sum.terms]
    # A weight that is used twice has no place of its own.
    return None if takers or len(set(weights)) < len(weights) else columns


def _path_numbers(neuron: _Neuron) -> list[int]:
    return [int(digits) for digits in _NUMBER.findall(neuron.path)]


def _name_softmax(
    model: Module, snapshot: Snapshot, column: Sequence[_Neuron], outputs: Sequence[Value]
) -> str | None:
    """Return the activation over all of the last column, "" for none.

    None: the model does something else with the column.
    """
    if [neuron.output for neuron in column] == list(outputs):
        return ""
    layer = parent_path(column[0].path)
    module = dict(model.named_modules()).get(layer.replace("/", "."))
    is_of_layer = all(snapshot.module[output] == layer for output in outputs)
    name = activation_name(getattr(module, "activation", None))
    return name if name and is_of_layer and len(outputs) == len(column) else None


def _name_column(k: int, is_last: bool, neurons: int) -> list[str]:
    if is_last:
        return [_OUTPUT] if neurons == 1 else [f"y{j}" for j in range(1, neurons + 1)]
    letter = _LETTERS[k % len(_LETTERS)]
    # The ninth column begins with the letters again.
    turn = "'" * (k // len(_LETTERS))
    return [f"{letter}{turn}{j}" for j in range(1, neurons + 1)]


def _name_input(value: Value, k: int) -> str:
    return clean(value.label, _MAX_NAME) or f"x{k + 1}"


def _describe_column(column: Sequence[_Neuron], softmax: str) -> str:
    names = dict.fromkeys(neuron.activation or "linear" for neuron in column)
    note = f"{len(column)} × {' / '.join(names)}"
    return f"{note} → {softmax}" if softmax else note


def _describe_neuron(neuron: _Neuron, name: str, index: Mapping[Value, int]) -> dict[str, Any]:
    bias = neuron.sum.bias
    return {
        "path": neuron.path.replace("/", "."),
        "name": name,
        "output": index[neuron.output],
        "sum": index[neuron.sum.total],
        "activation": neuron.activation,
        "bias": None if bias is None else index[bias],
        "weights": [
            {
                "parameter": index[term.weight],
                "input": index[term.item],
                "product": index[term.product],
            }
            for term in neuron.sum.terms
        ],
    }
