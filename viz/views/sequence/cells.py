"""What is inside one call of a cell: its gates, its operations and its state, or its lines."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from scalargrad.core import ops
from scalargrad.core.scopes import Scope
from scalargrad.core.value import Value
from viz.model.snapshot import Snapshot, symbol

from .chains import Step

GATES = {
    "LSTMCell": {
        "forget": "forget_gate",
        "input": "input_gate",
        "candidate": "candidate",
        "output": "output_gate",
    },
    "GRUCell": {
        "update": "update",
        "reset": "reset",
        "candidate": "candidate",
    },
}
"""The gates in the order in which they are drawn, with the names of their modules."""
Numbers = dict[int, Value]
"""Numbers of one part by their position."""


@dataclass
class Piece:
    """A part of one call.

    Attributes:
        role: What it is, the same in every call.
        kind: "box", "operation" or "state", as for a SequencePart.
        title: What is written on it.
        line: A second line.
        numbers: What it puts out.
        values: How many Values are folded in it.
        depth: Of a line of code how many others it needs before it.
    """

    role: str
    kind: str
    title: str
    line: str = ""
    numbers: Numbers = field(default_factory=dict)
    values: int = 0
    depth: int = 0


@dataclass
class Cell:
    """The inside of one call.

    Attributes:
        pieces: Its parts by their roles, in the order in which they are drawn.
        links: Which takes from which, by roles; "joint" is input and state together.
        carried: For each state the roles of the next call that take it.
    """

    pieces: dict[str, Piece] = field(default_factory=dict)
    links: list[tuple[str, str]] = field(default_factory=list)
    carried: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, piece: Piece) -> None:
        """Add a part, unless it has no numbers that the root depends on."""
        if piece.numbers:
            self.pieces[piece.role] = piece

    def connect(self, *links: tuple[str, str]) -> None:
        """Add connections, of those parts that there are."""
        for source, target in links:
            has_source = source == "joint" or source in self.pieces
            if has_source and target in self.pieces:
                self.links.append((source, target))

    @property
    def states(self) -> list[Piece]:
        """The parts that go on to the next call."""
        return [piece for piece in self.pieces.values() if piece.kind == "state"]


def read_known_cell(kind: str, step: Step) -> Cell | None:
    """Return the inside of a call of a known cell, None where its inside is another.

    Args:
        kind: "LSTMCell", "GRUCell" or "RNNCell".
        step: The call.
    """
    cell = _READERS[kind](_group_by_scope(step))
    if cell is None:
        return None
    # Another class may have the name, and do more than what would be drawn.
    told = sum(piece.values for piece in cell.pieces.values())
    return cell if told == len(step.values) else None


def scopes_inside(step: Step, node: Value) -> list[Scope]:
    """Return the scopes inside a call that a Value was made in, the outermost first."""
    assert node.scope is not None
    chain = node.scope.chain()
    position = next(i for i, scope in enumerate(chain) if scope is step.scope)
    return chain[position + 1 :]


Inner = dict[str, dict[int, list[Value]]]
"""Values by the name of the scope inside a call, and by the number of the unit in that."""


def _group_by_scope(step: Step) -> Inner:
    inner: Inner = defaultdict(lambda: defaultdict(list))
    for node in step.values:
        names = [scope.name for scope in scopes_inside(step, node)]
        if len(names) < 2:
            continue
        unit = names[1].rpartition(".")[2]
        if unit.isdecimal():
            inner[names[0]][int(unit)].append(node)
    return inner


def _gate(role: str, units: dict[int, list[Value]]) -> Piece:
    """Return a gate; the last Value of each of its neurons is what that puts out."""
    numbers = {i: unit[-1] for i, unit in sorted(units.items())}
    values = sum(map(len, units.values()))
    sign = symbol(next(iter(numbers.values()))) if numbers else ""
    return Piece(role, "box", role, sign, numbers, values)


def _operation(role: str, sign: str, numbers: Numbers) -> Piece:
    return Piece(role, "operation", sign, "", numbers, len(numbers))


def _read_lstm(inner: Inner) -> Cell | None:
    if "memory" not in inner or "forget_gate" not in inner:
        return None
    cell = Cell()
    for role, name in GATES["LSTMCell"].items():
        cell.add(_gate(role, inner.get(name, {})))

    found: dict[str, Numbers] = {role: {} for role in ("keep", "write", "add", "squash", "out")}
    for i, unit in sorted(inner["memory"].items()):
        sums = [node for node in unit if node.op == ops.ADD.name]
        squashed = [node for node in unit if node.op == ops.TANH.name]
        if len(sums) != 1:
            return None
        found["add"][i] = sums[0]
        found["keep"][i], found["write"][i] = sums[0].args
        for node in squashed:
            found["squash"][i] = node
        for node in unit:
            if node.args and squashed and squashed[0] in node.args:
                found["out"][i] = node

    signs = {"keep": "×", "write": "×", "add": "+", "squash": "tanh", "out": "×"}
    for role, sign in signs.items():
        cell.add(_operation(role, sign, found[role]))
    cell.add(Piece("c", "state", "c", numbers=found["add"]))
    cell.add(Piece("h", "state", "h", numbers=found["out"]))
    cell.connect(*(("joint", role) for role in GATES["LSTMCell"]))
    cell.connect(("forget", "keep"), ("input", "write"), ("candidate", "write"))
    cell.connect(("keep", "add"), ("write", "add"), ("add", "c"), ("c", "squash"))
    cell.connect(("squash", "out"), ("output", "out"), ("out", "h"))
    cell.carried = {"c": ("keep",), "h": ("joint",)}
    return cell


def _read_gru(inner: Inner) -> Cell | None:
    if "state" not in inner or "update_state" not in inner:
        return None
    roles = ("update", "reset", "candidate", "keep", "renew", "add")
    found: dict[str, Numbers] = {role: {} for role in roles}
    for i, unit in sorted(inner["state"].items()):
        last = unit[-1]
        if last.op != ops.ADD.name or any(len(arg.args) != 2 for arg in last.args):
            return None
        # h' = (1 - z)·n + z·h
        found["add"][i] = last
        found["renew"][i], found["keep"][i] = last.args
        found["candidate"][i] = found["renew"][i].args[1]
        found["update"][i] = found["keep"][i].args[0]
        gates = [node for node in unit if node.op == ops.SIGMOID.name]
        for node in gates:
            if node is not found["update"][i]:
                found["reset"][i] = node

    cell = Cell()
    # The update gate holds 1 - z as well, and the candidate the product with the reset gate.
    inside = {"update": 3, "reset": 2, "candidate": 3}
    for role in GATES["GRUCell"]:
        layers = [inner.get(f"{role}_{part}", {}) for part in ("input", "state")]
        values = sum(len(unit) for layer in layers for unit in layer.values())
        values += inside[role] * len(found[role])
        sign = "tanh" if role == "candidate" else "σ"
        cell.add(Piece(role, "box", role, sign, found[role], values))
    for role, sign in {"keep": "×", "renew": "×", "add": "+"}.items():
        cell.add(_operation(role, sign, found[role]))
    cell.add(Piece("h", "state", "h", numbers=found["add"]))
    cell.connect(*(("joint", role) for role in GATES["GRUCell"]))
    cell.connect(("reset", "candidate"), ("update", "keep"), ("update", "renew"))
    cell.connect(("candidate", "renew"), ("keep", "add"), ("renew", "add"), ("add", "h"))
    cell.carried = {"h": ("keep", "joint")}
    return cell


def _read_rnn(inner: Inner) -> Cell | None:
    if "units" not in inner:
        return None
    cell = Cell()
    piece = _gate("units", inner["units"])
    cell.add(piece)
    cell.add(Piece("h", "state", "h", numbers=piece.numbers))
    cell.connect(("joint", "units"), ("units", "h"))
    cell.carried = {"h": ("joint",)}
    return cell


_READERS = {"LSTMCell": _read_lstm, "GRUCell": _read_gru, "RNNCell": _read_rnn}


def number_in_order(snapshot: Snapshot, nodes: Iterable[Value]) -> Numbers:
    """Return Values by their positions among each other, operands first."""
    return dict(enumerate(sorted(set(nodes), key=lambda node: snapshot.index[node])))
