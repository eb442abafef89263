"""A graph as the renderers need it: every Value with an id, its users, and the modules that it was made in."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from scalargrad.core.graph import topological
from scalargrad.core.modes import Scope
from scalargrad.core.ops import TABLE
from scalargrad.core.value import Value
from viz.look.text import clean, number

_SUPERSCRIPTS = str.maketrans("0123456789.-", "⁰¹²³⁴⁵⁶⁷⁸⁹·⁻")
_BADGES = {"input": "in", "parameter": "θ", "constant": "c"}


class Snapshot:
    """The graph of some roots. Ids are positions in the topological order, so equal graphs get equal ids in every process."""

    def __init__(self, roots: Sequence[Value]) -> None:
        self.roots = list(roots)
        self.order: list[Value] = topological(self.roots)
        self.index = {node: i for i, node in enumerate(self.order)}

    def __len__(self) -> int:
        return len(self.order)

    def id(self, node: Value) -> str:
        """Short, and safe in any format."""
        return f"n{self.index[node]}"

    @cached_property
    def users(self) -> dict[Value, list[Value]]:
        """For each node those that were made from it, once for each edge."""
        users: dict[Value, list[Value]] = defaultdict(list)
        for node in self.order:
            for arg in node.args:
                users[arg].append(node)
        return users

    @cached_property
    def module(self) -> dict[Value, str]:
        """The unique path of the module call that made each node; "" for what was made outside of all modules."""
        return self._named[0]

    @cached_property
    def modules(self) -> dict[str, Scope]:
        """Every module call by its unique path, in order of appearance, outer ones first."""
        return self._named[1]

    @cached_property
    def _named(self) -> tuple[dict[Value, str], dict[str, Scope]]:
        return _modules(self)

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """The module calls directly inside each module call."""
        children: dict[str, list[str]] = defaultdict(list)
        for path in self.modules:
            children[parent_path(path)].append(path)
        return children


def parent_path(path: str) -> str:
    """The path of the module around; "" at the outermost. The parts of a unique path are joined by "/".

    >>> parent_path("layers.0/neurons.3")
    'layers.0'
    """
    return path.rpartition("/")[0]


def _modules(snapshot: Snapshot) -> tuple[dict[Value, str], dict[str, Scope]]:
    """Return the module call of each node by a path of its own, and the module calls by their paths."""
    names = _names_of_calls(snapshot)
    scopes: dict[str, Scope] = {}
    where: dict[Value, str] = {}
    for node in snapshot.order:
        if not node.args:
            continue
        for scope in node.scope.chain() if node.scope is not None else ():
            if names[id(scope)]:
                scopes.setdefault(names[id(scope)], scope)
        where[node] = names[id(node.scope)] if node.scope is not None else ""
    for node in reversed(snapshot.order):
        if not node.args:
            where[node] = (
                ""
                if node.kind == "input"
                else common_path(where[user] for user in snapshot.users[node])
            )
    return where, scopes


def _names_of_calls(snapshot: Snapshot) -> dict[int, str]:
    """Return a path for each module call, by its id(): of several calls the second one done is "cell #2".

    Of several networks of one kind the second one is "Layer 2".

    The last Value of a call counts: a walk from the result may meet the first Values of a later
    call before those of an earlier one.
    """
    last: dict[int, int] = {}
    found: dict[int, Scope] = {}
    for i, node in enumerate(snapshot.order):
        if node.args and node.scope is not None:
            found[id(node.scope)] = node.scope
            last[id(node.scope)] = i
    for key, scope in list(found.items()):
        for outer in scope.chain()[:-1]:
            found[id(outer)] = outer
            last[id(outer)] = max(last[key], last.get(id(outer), -1))
    depth = {key: len(scope.chain()) for key, scope in found.items()}
    outermost = [key for key in found if depth[key] == 1]
    names: dict[int, str] = {}
    counts: dict[str, int] = defaultdict(int)
    networks: dict[str, dict[int, int]] = defaultdict(dict)
    for key in sorted(found, key=lambda key: (depth[key], last[key])):
        scope = found[key]
        if scope.parent is None and not scope.name and len(outermost) == 1:
            names[key] = ""  # the only network in the picture needs no box of its own
            continue
        around = names[id(scope.parent)] if scope.parent is not None else ""
        own = (clean(scope.name) or clean(scope.kind) or "module").replace("/", "∕")
        if scope.parent is None and not scope.name:
            # Another network of the same kind is no further call of the first one.
            number = networks[own].setdefault(scope.identity, len(networks[own]) + 1)
            own = own if number == 1 else f"{own} {number}"
        path = f"{around}/{own}" if around else own
        counts[path] += 1
        names[key] = path if counts[path] == 1 else f"{path} #{counts[path]}"
    return names


def common_path(paths: Iterable[str]) -> str:
    """The innermost module that holds all of the paths.

    >>> common_path(["layers.0/neurons.0", "layers.0/neurons.1"])
    'layers.0'
    """
    shared: list[str] | None = None
    for path in dict.fromkeys(paths):
        parts = path.split("/") if path else []
        if shared is None:
            shared = parts
        else:
            matching = 0
            while matching < min(len(shared), len(parts)) and shared[matching] == parts[matching]:
                matching += 1
            shared = shared[:matching]
    return "/".join(shared or [])


def symbol(node: Value) -> str:
    """What the badge of a node shows.

    >>> symbol(Value(3.0) ** 2), symbol(Value(3.0))
    ('x²', 'in')
    """
    if not node.args:
        return _BADGES.get(node.kind, "in")
    if node.op not in TABLE:
        return clean(node.op, 12) or "?"
    op = TABLE[node.op]
    if op.symbol == "xʸ" and node.static_args is not None:
        return "x" + number(node.static_args[1]).replace("−", "-").translate(_SUPERSCRIPTS)
    return op.symbol


def name_of(node: Value) -> str:
    """How a formula refers to a node: its label, or its number."""
    return clean(node.label, 24) or number(node.data)


def formula(node: Value) -> str:
    """How a node was made, in terms of its operands.

    >>> formula(Value(2.0, label="x") * Value(3.0, label="w"))
    'x × w'
    """
    if not node.args:
        return node.kind
    names = [name_of(arg) for arg in node.args[:4]]
    sign = symbol(node)
    if sign in ("+", "−", "×", "÷") and len(names) == 2:
        return f"{names[0]} {sign} {names[1]}"
    if sign.startswith("x") and len(sign) > 1 and len(names) == 1:
        return names[0] + sign[1:]
    more = ", …" if len(node.args) > 4 else ""
    return f"{clean(node.op, 24)}({', '.join(names)}{more})"


def grad_of(node: Value) -> float:
    """The gradient as a float, whether it is a number, a Value, or None."""
    grad: Any = node.grad
    return 0.0 if grad is None else float(getattr(grad, "data", grad))
