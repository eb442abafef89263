"""A graph as the views need it: Values with ids, columns of facts, users and modules."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import PurePath
from typing import Any, TypeVar

from scalargrad.core.graph import topological
from scalargrad.core.ops import ADD, DOT, MUL, SUM, TABLE
from scalargrad.core.scopes import Scope
from scalargrad.core.source_lines import SourceLine
from scalargrad.core.value import Value
from viz.look.text import clean, long_label, number

_SUPERSCRIPTS = str.maketrans("0123456789.-", "⁰¹²³⁴⁵⁶⁷⁸⁹·⁻")
_BADGES = {"input": "in", "parameter": "θ", "constant": "c"}
_INFIX = ("+", "−", "×", "÷")
MAX_OPERANDS = 4
"""Operands that a formula spells out."""
MAX_NAME = 24
"""Characters of a name in a formula."""
LINEAR = (ADD.name, SUM.name, DOT.name, MUL.name)
"""Operations that are not an activation."""

T = TypeVar("T")


class _Column(dict[Value, T]):
    """A fact about each Value, computed when it is first asked for.

    Folding a large network asks for the labels of a few hundred of its values: cleaning all of them
    would take longer than folding.
    """

    def __init__(self, compute: Callable[[Value], T]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, node: Value) -> T:
        fact = self[node] = self._compute(node)
        return fact


class Snapshot:
    """The graph of some roots, read once: what users wrote is cleaned here, and nowhere else.

    Ids are positions in the topological order, so equal graphs get equal ids in every process.

    Attributes:
        roots: The Values that the graph ends in.
        order: Every Value, operands first.
        index: The position of each Value in `order`.
        labels: For each Value its label, safe and short enough to draw.
        long_labels: For each Value its label in full where `labels` cuts it, else "".
        symbols: For each Value what its badge shows.

    Example:
        >>> x = Value(2.0, label="x" * 100)
        >>> y = x * 3.0
        >>> y.backward()
        >>> snapshot = Snapshot([y])
        >>> snapshot.symbols[y], len(snapshot.labels[x]), snapshot.gradients[x]
        ('×', 60, 3.0)
    """

    def __init__(self, roots: Sequence[Value]) -> None:
        self.roots = list(roots)
        self.order: list[Value] = topological(self.roots)
        self.index = {node: i for i, node in enumerate(self.order)}
        self.labels: _Column[str] = _Column(lambda node: clean(node.label))
        self.long_labels: _Column[str] = _Column(lambda node: long_label(node.label))
        self.symbols: _Column[str] = _Column(symbol)

    def __len__(self) -> int:
        return len(self.order)

    def id(self, node: Value) -> str:
        """Return an id that is short and safe in any format."""
        return f"n{self.index[node]}"

    @cached_property
    def gradients(self) -> dict[Value, float]:
        """For each Value its gradient as a float, 0 before `backward`."""
        return {node: grad_of(node) for node in self.order}

    @cached_property
    def has_gradients(self) -> bool:
        """Whether any gradient differs from 0, as after `backward`."""
        return any(self.gradients.values())

    @cached_property
    def default_show(self) -> str:
        """What colors show by default: gradients, before `backward` weights, or "" for nothing."""
        if self.has_gradients:
            return "gradient"
        has_weights = any(node.kind == "parameter" for node in self.order)
        return "weights" if has_weights else ""

    @cached_property
    def kinds(self) -> dict[Value, str]:
        """For each Value "operation", "input", "parameter" or "constant"."""
        return {node: node.kind for node in self.order}

    @cached_property
    def users(self) -> dict[Value, list[Value]]:
        """For each Value those that were made from it, once for each edge."""
        users: dict[Value, list[Value]] = defaultdict(list)
        for node in self.order:
            for arg in node.args:
                users[arg].append(node)
        return users

    @cached_property
    def module(self) -> dict[Value, str]:
        """For each Value the unique path of the module call that made it, "" outside of modules."""
        return self._named[0]

    @cached_property
    def modules(self) -> dict[str, Scope]:
        """Every module call by its unique path, in order of appearance, outer ones first."""
        return self._named[1]

    @cached_property
    def _named(self) -> tuple[dict[Value, str], dict[str, Scope]]:
        return _name_modules(self)

    @cached_property
    def children(self) -> dict[str, list[str]]:
        """The module calls directly inside each module call."""
        children: dict[str, list[str]] = defaultdict(list)
        for path in self.modules:
            children[parent_path(path)].append(path)
        return children


def parent_path(path: str) -> str:
    """Return the path of the module around; "" at the outermost.

    Args:
        path: A unique path, whose parts are joined by "/".

    Example:
        >>> parent_path("layers.0/neurons.3")
        'layers.0'
    """
    return path.rpartition("/")[0]


def _name_modules(snapshot: Snapshot) -> tuple[dict[Value, str], dict[str, Scope]]:
    """Return the unique path of the module call of each Value, and the module calls by path."""
    names = _name_calls(snapshot)
    scopes: dict[str, Scope] = {}
    paths: dict[Value, str] = {}

    for node in snapshot.order:
        if not node.args:
            continue
        if node.scope is None:
            paths[node] = ""
            continue
        for scope in node.scope.chain():
            name = names[id(scope)]
            if name:
                scopes.setdefault(name, scope)
        paths[node] = names[id(node.scope)]

    # Users come before what they use, so that a parameter finds the paths of all its users.
    for node in reversed(snapshot.order):
        if node.args:
            continue
        if node.kind == "input":
            paths[node] = ""
        else:
            paths[node] = common_path(paths[user] for user in snapshot.users[node])
    return paths, scopes


def _name_calls(snapshot: Snapshot) -> dict[int, str]:
    """Return a path for each module call, by its id(): the second call of a cell is "cell #2".

    Of several networks of one kind the second one is "Layer 2".
    """
    scopes, last = _last_values(snapshot)
    depth = {key: len(scope.chain()) for key, scope in scopes.items()}
    has_one_network = list(depth.values()).count(1) == 1
    names: dict[int, str] = {}
    counts: dict[str, int] = defaultdict(int)
    networks: dict[str, dict[int, int]] = defaultdict(dict)

    # Outer calls first: the path of a call begins with the path of the call around it.
    for key in sorted(scopes, key=lambda key: (depth[key], last[key])):
        scope = scopes[key]
        is_network = scope.parent is None and not scope.name
        if is_network and has_one_network:
            names[key] = ""  # it is the whole picture: a box around it would say nothing
            continue

        own = clean(scope.name) or clean(scope.kind) or "module"
        # A slash separates the parts of a path: a look-alike replaces it in names.
        own = own.replace("/", "∕")
        if is_network:
            # Another network of the same kind is not a second call of the first one.
            numbers = networks[own]
            number_of_kind = numbers.setdefault(scope.identity, len(numbers) + 1)
            if number_of_kind > 1:
                own = f"{own} {number_of_kind}"

        around = names[id(scope.parent)] if scope.parent is not None else ""
        path = f"{around}/{own}" if around else own
        counts[path] += 1
        rank = counts[path]
        names[key] = path if rank == 1 else f"{path} #{rank}"
    return names


def _last_values(snapshot: Snapshot) -> tuple[dict[int, Scope], dict[int, int]]:
    """Return the module calls of a graph by id(), and the position of the last Value of each.

    The last Value tells which call was done first: a walk back from the result may meet the first
    Values of a later call before those of an earlier one.
    """
    scopes: dict[int, Scope] = {}
    last: dict[int, int] = {}
    for i, node in enumerate(snapshot.order):
        scope = node.scope
        if node.args and scope is not None:
            scopes[id(scope)] = scope
            last[id(scope)] = i

    # A call is done when the calls within it are.
    for key, scope in list(scopes.items()):
        for outer in scope.chain()[:-1]:
            outer_key = id(outer)
            scopes[outer_key] = outer
            last[outer_key] = max(last[key], last.get(outer_key, -1))
    return scopes, last


def common_path(paths: Iterable[str]) -> str:
    """Return the innermost module that holds all of the paths.

    Args:
        paths: Unique paths, whose parts are joined by "/".

    Example:
        >>> common_path(["layers.0/neurons.0", "layers.0/neurons.1"])
        'layers.0'
    """
    shared: list[str] | None = None
    for path in dict.fromkeys(paths):
        parts = path.split("/") if path else []
        if shared is None:
            shared = parts
            continue
        matching = 0
        for ours, theirs in zip(shared, parts, strict=False):
            if ours != theirs:
                break
            matching += 1
        shared = shared[:matching]
    return "/".join(shared or [])


def symbol(node: Value) -> str:
    """Return what the badge of a Value shows.

    Example:
        >>> symbol(Value(3.0) ** 2), symbol(Value(3.0))
        ('x²', 'in')
    """
    if not node.args:
        return _BADGES.get(node.kind, "in")
    if node.op not in TABLE:
        return clean(node.op, 12) or "?"
    op = TABLE[node.op]
    if op.symbol == "xʸ" and node.static_args is not None:
        _, power = node.static_args
        exponent = number(power).replace("−", "-")
        return "x" + exponent.translate(_SUPERSCRIPTS)
    return op.symbol


def formula(node: Value) -> str:
    """Return how a Value was made, in terms of its operands.

    Example:
        >>> formula(Value(2.0, label="x") * Value(3.0, label="w"))
        'x × w'
    """
    if not node.args:
        return node.kind

    operands = node.args[:MAX_OPERANDS]
    names = [clean(arg.label, MAX_NAME) or number(arg.data) for arg in operands]
    sign = symbol(node)
    if sign in _INFIX and len(names) == 2:
        return f"{names[0]} {sign} {names[1]}"

    is_power = sign.startswith("x") and len(sign) > 1
    if is_power and len(names) == 1:
        return names[0] + sign[1:]

    more = ", …" if len(node.args) > MAX_OPERANDS else ""
    return f"{clean(node.op, MAX_NAME)}({', '.join(names)}{more})"


def line_in_file(line: SourceLine) -> str:
    """Return a line of code with the name of its file, without the folder: pictures are shared.

    Example:
        >>> line_in_file(SourceLine("gpt", "/home/me/model.py", 12, "q = linear(x, wq)", "q"))
        'model.py:12: q = linear(x, wq)'
    """
    name = PurePath(line.file.replace("\\", "/")).name
    return str(line._replace(file=name))


def grad_of(node: Value) -> float:
    """Return the gradient as a float, whether it is a number, a Value, or None."""
    grad: Any = node.grad
    if grad is None:
        return 0.0
    # With a graph of gradients, for higher derivatives, it is a Value.
    return float(getattr(grad, "data", grad))


def carry_back(local: float, gradient: float) -> float:
    """Return the gradient that an edge carries back.

    Args:
        local: The local derivative of the edge.
        gradient: The gradient of the Value that the edge leads to.

    Returns:
        Their product; 0 where the gradient is 0, even if the local derivative is infinite.
    """
    return local * gradient if gradient else 0.0


def shown_flow(show: str, arg: Value, local: float, gradient: float | None) -> float | None:
    """Return the number that the color and the width of an edge show.

    Args:
        show: What colors show: "gradient", "data", "weights", or "" for nothing.
        arg: The operand that the edge comes from.
        local: The local derivative of the edge.
        gradient: The gradient of the Value that the edge leads to, None where there is none.

    Example:
        >>> x = Value(2.0)
        >>> [shown_flow(show, x, 3.0, -1.0) for show in ("gradient", "data", "weights")]
        [-3.0, 2.0, 3.0]
    """
    if show == "data":
        return arg.data
    if show == "weights":
        return local
    return None if gradient is None else carry_back(local, gradient)
