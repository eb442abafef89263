"""What follows the calls of a cell: the head, and what of their states it takes."""

from dataclasses import dataclass

from scalargrad.core.scopes import Scope
from scalargrad.core.value import Value
from viz.look.text import clean
from viz.model.snapshot import Snapshot

from .chains import Sequence


@dataclass(frozen=True)
class Following:
    """What follows.

    Attributes:
        head: The Values that depend on a call and are in none, but for the roots.
        taken: What they take from the calls.
        name: What the box is called.
        line: What it is: "Layer 4 → 1".
    """

    head: list[Value]
    taken: list[Value]
    name: str
    line: str


def find_following(snapshot: Snapshot, sequences: list[Sequence]) -> Following:
    """Return what follows the calls of a recurrence."""
    inside = {node for sequence in sequences for node in sequence.values}
    roots = set(snapshot.roots)
    depends: set[Value] = set()
    head: list[Value] = []
    taken: dict[Value, None] = {}
    for node in snapshot.order:
        if node in inside or not node.args:
            continue
        sources = [arg for arg in node.args if arg in inside]
        if not sources and depends.isdisjoint(node.args):
            continue
        depends.add(node)
        taken.update(dict.fromkeys(sources))
        if node not in roots:
            head.append(node)

    scopes: dict[int, Scope] = {}
    for node in head:
        outer = node.scope.outermost_module() if node.scope is not None else None
        if outer is not None:
            scopes[outer.identity] = outer
    line = ""
    if len(scopes) == 1:
        (scope,) = scopes.values()
        made = [node for node in head if node.scope is not None and scope in node.scope.chain()]
        members = set(made)
        leaving = [node for node in made if members.isdisjoint(snapshot.users[node])]
        # What a user takes is what leaves, even where another unit takes it, too.
        line = f"{clean(scope.kind, 20)} {len(taken)} → {len(leaving)}"
    return Following(head, list(taken), "head", line)
