"""The inside of a call of any code: its lines, by the variables that they give values to."""

from collections import defaultdict

from scalargrad.core.scopes import CallScope
from scalargrad.core.source_lines import SourceLine
from scalargrad.core.value import Value
from viz.look.text import clean, cut
from viz.model.snapshot import Snapshot, symbol

from .cells import Cell, Piece, number_in_order, scopes_inside
from .chains import Step

MAX_LINES = 10
"""Lines of a function that have a box each; the calls of a longer one are one box each."""
_MAX_FORMULA = 20
_MAX_TITLE = 14

Key = tuple[str, int]
"""A function and a line in it, or the name of a module and 0."""
Owner = dict[Value, str]
"""The role of the part that each Value of a call belongs to."""


def read_lines(snapshot: Snapshot, steps: list[Step]) -> list[Cell]:
    """Return the inside of each call, of which all have the same parts.

    Args:
        snapshot: The graph.
        steps: The calls, the first one first.
    """
    keys = {node: _find_key(step, node) for step in steps for node in step.values}
    if len(set(keys.values())) > MAX_LINES:
        keys = dict.fromkeys(keys, ("", 0))
    in_order = sorted(set(keys.values()), key=lambda key: key[1])
    roles = {key: f"b{i}" for i, key in enumerate(in_order)}

    cells: list[Cell] = []
    owners: list[Owner] = []
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        owner = {node: roles[keys[node]] for node in step.values}
        owners.append(owner)
        cells.append(_read_call(snapshot, step, following, owner))
    _name_states(cells)
    _set_depths(cells)
    _connect_calls(steps, cells, owners)
    return cells


def _find_key(step: Step, node: Value) -> Key:
    line = _line_of(step, node)
    if line is not None:
        return line.function, line.line
    inside = scopes_inside(step, node)
    return (inside[0].name, 0) if inside else ("", 0)


def _line_of(step: Step, node: Value) -> SourceLine | None:
    """Return the line of the called function that made a Value, or called what made it."""
    inside = scopes_inside(step, node)
    if inside:
        return inside[0].called_at if isinstance(inside[0], CallScope) else None
    return node.made_at


def _read_call(snapshot: Snapshot, step: Step, following: Step | None, owner: Owner) -> Cell:
    members: dict[str, list[Value]] = defaultdict(list)
    for node in step.values:
        members[owner[node]].append(node)
    taken = _find_taken(following, owner)

    cell = Cell()
    states: list[Piece] = []
    roots = set(snapshot.roots)
    for role in sorted(members, key=lambda role: int(role[1:])):
        nodes = members[role]
        leaving = [node for node in nodes if node in roots or _leaves(snapshot, owner, node)]
        numbers = number_in_order(snapshot, leaving)
        title = _title(step, nodes[-1])
        cell.add(Piece(role, "box", title, _formula(step, nodes[-1]), numbers, len(nodes)))
        carried = number_in_order(snapshot, (node for node in leaving if node in taken))
        if carried:
            states.append(Piece(f"s{role}", "state", title, numbers=carried))
    for state in states:
        cell.add(state)

    links = {
        (owner[arg], owner[node])
        for node in step.values
        for arg in node.args
        if arg in owner and owner[arg] != owner[node]
    }
    # A loop inside of the function may lead back to a line before: that is folded.
    cell.connect(*sorted(link for link in links if int(link[0][1:]) < int(link[1][1:])))
    cell.connect(*((state.role[1:], state.role) for state in states))
    return cell


def _leaves(snapshot: Snapshot, owner: Owner, node: Value) -> bool:
    """Return whether a Value is used outside of the part that it belongs to."""
    return any(owner.get(user) != owner[node] for user in snapshot.users[node])


def _find_taken(following: Step | None, owner: Owner) -> set[Value]:
    """Return what the next call takes of the Values of a call."""
    if following is None:
        return set()
    return {arg for node in following.values for arg in node.args if arg in owner}


def _title(step: Step, node: Value) -> str:
    line = _line_of(step, node)
    if line is not None and line.variable:
        return clean(line.variable, _MAX_TITLE)
    inside = scopes_inside(step, node)
    if inside:
        return clean(inside[0].name or inside[0].kind, _MAX_TITLE)
    if line is not None and line.text.startswith("return"):
        scope = step.scope
        called_at = scope.called_at if isinstance(scope, CallScope) else None
        if called_at is not None and called_at.variable:
            return clean(called_at.variable, _MAX_TITLE)
    if line is None:
        return clean(step.scope.name or step.scope.kind, _MAX_TITLE)
    return symbol(node)


def _formula(step: Step, node: Value) -> str:
    line = _line_of(step, node)
    if line is None:
        return symbol(node)
    text = line.text
    if text.startswith("return "):
        text = text.removeprefix("return ")
    elif line.variable:
        text = text.partition("=")[2]
    # Of a comprehension what it makes: the loop around that says little.
    inner, loop, _ = text.strip().partition(" for ")
    if loop:
        text = inner.lstrip("[(")
    return cut(clean(text.strip(), 80), _MAX_FORMULA)


def _name_states(cells: list[Cell]) -> None:
    """Give the last call the states that those before it have, where it has the numbers."""
    known = {state.role: state for cell in cells for state in cell.states}
    last = cells[-1]
    for role, state in known.items():
        source = last.pieces.get(role[1:])
        if source is None or role in last.pieces:
            continue
        last.add(Piece(role, "state", state.title, numbers=source.numbers))
        last.connect((role[1:], role))


def _set_depths(cells: list[Cell]) -> None:
    """Set for each box how many others come before it, the same in all calls."""
    links = sorted({link for cell in cells for link in cell.links if link[1].startswith("b")})
    depths: dict[str, int] = defaultdict(int)
    for source, target in sorted(links, key=lambda link: int(link[1][1:])):
        depths[target] = max(depths[target], depths[source] + 1)
    for cell in cells:
        for piece in cell.pieces.values():
            piece.depth = depths[piece.role.removeprefix("s")]


def _connect_calls(steps: list[Step], cells: list[Cell], owners: list[Owner]) -> None:
    """Set which boxes take input and state together, and which state goes straight to its box.

    A box that is alone at its depth takes its own state straight from the call before: c from c.
    """
    alone = _find_alone(cells)
    joined: set[str] = set()
    straight: set[str] = set()
    elsewhere: set[str] = set()
    for i, step in enumerate(steps):
        before = owners[i - 1] if i else {}
        for node in step.values:
            role = owners[i][node]
            for arg in node.args:
                if arg in owners[i] or arg.kind in ("parameter", "constant"):
                    continue
                if role in alone and before.get(arg) == role:
                    straight.add(role)
                else:
                    joined.add(role)
                    elsewhere.add(before.get(arg, ""))

    for cell in cells:
        cell.links[:0] = [("joint", role) for role in cell.pieces if role in joined]
        for state in cell.states:
            own = state.role[1:]
            targets: list[str] = []
            if own in elsewhere or own not in straight:
                targets.append("joint")
            if own in straight:
                targets.append(own)
            cell.carried[state.role] = tuple(targets)


def _find_alone(cells: list[Cell]) -> set[str]:
    """Return the boxes that are alone at their depth in all calls."""
    by_depth: dict[int, set[str]] = defaultdict(set)
    for cell in cells:
        for role, piece in cell.pieces.items():
            if piece.kind == "box":
                by_depth[piece.depth].add(role)
    return {role for roles in by_depth.values() if len(roles) == 1 for role in roles}
