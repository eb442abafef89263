"""Boxes inside of what is too long for one picture, with names from the code that made it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from scalargrad.core.scopes import CallScope
from scalargrad.core.source_lines import SourceLine
from scalargrad.core.value import Value
from viz.look.text import clean
from viz.model.snapshot import Snapshot, parent_path
from viz.views.blocks.parameters import find_matrices
from viz.views.blocks.statements import Statement, find_statement

MAX_NAME = 24
"""Characters of a formula that is the name of a box."""
Named = dict[str, list[int]]
"""The numbers of the Values of each box, by its name."""


def name_calls(snapshot: Snapshot) -> dict[str, str]:
    """Return the variable that the result of each call was given to, by the path of the call.

    Only calls that call nothing else, and whose variable is given in one line, have such a name.

    Args:
        snapshot: The graph.
    """
    given: dict[str, SourceLine] = {}
    lines: dict[tuple[str, str], set[int]] = defaultdict(set)
    for path, scope in snapshot.modules.items():
        line = scope.called_at if isinstance(scope, CallScope) else None
        if line is not None and line.variable:
            given[path] = line
            lines[parent_path(path), line.variable].add(line.line)
    names = {}
    for path, line in given.items():
        is_alone = len(lines[parent_path(path), line.variable]) == 1
        if is_alone and not snapshot.children.get(path):
            names[path] = clean(line.variable).replace("/", "∕")
    return names


def split_by_code(values: Sequence[int], title: str, snapshot: Snapshot, max_boxes: int) -> Named:
    """Return values by the lines that made them, by what they are part of, or by matrices.

    Args:
        values: The numbers of the values, in topological order.
        title: The name of the box that they are in.
        snapshot: The graph.
        max_boxes: How many boxes there are at most.

    Returns:
        At least two boxes; none where the code that made the values is not known.
    """
    nodes = [snapshot.order[i] for i in values]
    operations = [node for node in nodes if node.args]
    if not operations:
        named = _name_matrices(nodes)
    elif all(node.made_at is None for node in operations):
        return {}
    else:
        named = _name_lines(operations)
        if len(named) < 2:
            named = _name_outputs(operations, title, snapshot)
        _add_leaves(named, nodes, snapshot)
    # A slash separates the parts of a path. What has one name then is one box.
    boxes: Named = defaultdict(list)
    for name, group in named.items():
        boxes[name.replace("/", "∕")] += [snapshot.index[node] for node in group]
    if not 2 <= len(boxes) <= max_boxes:
        return {}
    return {name: sorted(numbers) for name, numbers in boxes.items()}


def _name_matrices(leaves: Iterable[Value]) -> dict[str, list[Value]]:
    named: dict[str, list[Value]] = defaultdict(list)
    for matrix in find_matrices(leaves):
        named[matrix.name] += matrix.cells.values()
    return named


def _name_lines(operations: Sequence[Value]) -> dict[str, list[Value]]:
    """Return operations by the statement that made them, named by its variable if it has one."""
    by_statement: dict[Statement | None, list[Value]] = defaultdict(list)
    variables: Counter[str] = Counter()
    for node in operations:
        line = node.made_at
        statement = None if line is None else find_statement(line)
        if statement is not None and statement not in by_statement:
            variables[statement.target] += 1
        by_statement[statement].append(node)
    named: dict[str, list[Value]] = {}
    for statement, nodes in by_statement.items():
        name = "…" if statement is None else _name_statement(statement, variables)
        if name in named and statement is not None:
            name = f"{name}, line {statement.line}"
        named.setdefault(name, []).extend(nodes)
    return named


def _name_statement(statement: Statement, variables: Counter[str]) -> str:
    """Return the variable of a statement if it is given once, else what is computed."""
    if statement.target and variables[statement.target] == 1:
        return clean(statement.target)
    if statement.operation:
        return clean(statement.operation)
    is_short = 0 < len(statement.formula) <= MAX_NAME
    return clean(statement.formula) if is_short else f"line {statement.line}"


def _name_outputs(
    operations: Sequence[Value], title: str, snapshot: Snapshot
) -> dict[str, list[Value]]:
    """Return operations by the result that they are part of; none where results share a part."""
    inside = set(operations)
    roots = set(snapshot.roots)
    outputs = []
    owner: dict[Value, Value] = {}
    # Users come before what they use.
    for node in reversed(operations):
        users = snapshot.users[node]
        if node in roots or not all(user in inside for user in users):
            outputs.append(node)
            owner[node] = node
            continue
        owners = {owner[user] for user in users}
        if len(owners) > 1:
            return {}
        owner[node] = owners.pop()
    numbers = {node: i for i, node in enumerate(reversed(outputs))}
    named: dict[str, list[Value]] = {f"{title}[{i}]": [] for i in numbers.values()}
    for node in operations:
        named[f"{title}[{numbers[owner[node]]}]"].append(node)
    return named


def _add_leaves(named: dict[str, list[Value]], nodes: Sequence[Value], snapshot: Snapshot) -> None:
    """Add each leaf to the box that uses it first."""
    home = {node: name for name, group in named.items() for node in group}
    for leaf in nodes:
        if leaf.args:
            continue
        users = [user for user in snapshot.users[leaf] if user in home]
        if users:
            named[home[min(users, key=snapshot.index.__getitem__)]].append(leaf)
        else:
            named.setdefault("leaves", []).append(leaf)
