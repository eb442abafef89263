"""Which values of a graph stand together: the modules, and parts of what is too long for one picture; what is open at first."""

from collections import defaultdict
from dataclasses import dataclass, field
from math import ceil

from scalargrad.core.value import Parameter, Value
from viz.model.snapshot import Snapshot, parent_path

MOST_ITEMS, PART = 240, 80
"""A box holds at most so many values; what is longer is cut into parts of about so many."""
MOST_SHARED, BOX = 8, 4
"""So many parameters may stand outside of all modules; and what a closed box counts when it is asked how much is seen."""


@dataclass
class Fold:
    """A box that can be opened and closed: a module call, or a part of a long computation. The outermost one is the page.

    path    where it is, unique, its parts joined by "/"
    kind    the class of the module; "part" for a part of a long computation
    parent  the number of the box around it
    values  the numbers of the values directly in it
    boxes   the numbers of the boxes directly in it
    """

    path: str
    kind: str
    parent: int
    values: list[int] = field(default_factory=list)
    boxes: list[int] = field(default_factory=list)
    parameters: int = 0

    @property
    def title(self) -> str:
        """Its own name, without those of the boxes around it."""
        return self.path.rpartition("/")[2]


def folds(snapshot: Snapshot) -> list[Fold]:
    """The boxes of a graph, outer ones first; number 0 is the page itself.

    >>> from scalargrad.nn import MLP
    >>> [fold.path for fold in folds(Snapshot([MLP(2, [1, 1], seed=1)([1.0, 2.0])]))]
    ['', 'layers.0', 'layers.0/neurons.0', 'layers.1', 'layers.1/neurons.0']
    """
    found = [Fold("", "", -1)]
    numbers = {"": 0}
    for path, scope in snapshot.modules.items():
        parent = numbers[parent_path(path)]
        numbers[path] = len(found)
        found[parent].boxes.append(len(found))
        found.append(Fold(path, scope.kind, parent))
    for i, node in enumerate(snapshot.order):
        found[numbers[snapshot.module[node]]].values.append(i)
    _gather_shared(found, snapshot)
    _cut(found, snapshot)
    _count_parameters(found, snapshot.order)
    return found


def _gather_shared(found: list[Fold], snapshot: Snapshot) -> None:
    """Parameters that several modules use, as in a batch, stand outside of all: many of them get a box of their own."""
    shared = [i for i in found[0].values if isinstance(snapshot.order[i], Parameter)]
    if found[0].boxes and len(shared) > MOST_SHARED:
        found[0].values = [
            i for i in found[0].values if not isinstance(snapshot.order[i], Parameter)
        ]
        found[0].boxes.append(len(found))
        found.append(Fold("parameters", "shared", 0, shared))


def _cut(found: list[Fold], snapshot: Snapshot) -> None:
    """Boxes that hold too much get parts. The list grows while it is walked, so that parts are cut too."""
    for number, fold in enumerate(found):
        if len(fold.values) <= MOST_ITEMS:
            continue
        size = max(PART, ceil(len(fold.values) / (MOST_ITEMS // 2)))
        pieces = _pieces(fold.values, size, snapshot)
        fold.values = []
        for i, piece in enumerate(pieces, 1):
            fold.boxes.append(len(found))
            path = f"part {i}" if not fold.path else f"{fold.path}/part {i}"
            found.append(Fold(path, "part", number, piece))


def _pieces(values: list[int], size: int, snapshot: Snapshot) -> list[list[int]]:
    """Stretches of operations in the order of their making; a leaf goes where it is used first."""
    order, within = snapshot.order, set(values)
    operations = [i for i in values if order[i].args]
    place = {i: rank // size for rank, i in enumerate(operations)}
    pieces: dict[int, list[int]] = defaultdict(list)
    for i in values:
        if not order[i].args:
            users = [
                place[j]
                for j in map(snapshot.index.__getitem__, snapshot.users.get(order[i], ()))
                if j in place and j in within
            ]
            pieces[min(users, default=0)].append(i)
    for i in operations:
        pieces[place[i]].append(i)
    return [
        part for i in sorted(pieces) for part in _without_crowd(sorted(pieces[i]), size, snapshot)
    ]


def _without_crowd(piece: list[int], size: int, snapshot: Snapshot) -> list[list[int]]:
    """A stretch as it is, or, where a single operation has very many leaves, those leaves in parts of their own before it."""
    if len(piece) <= MOST_ITEMS:
        return [piece]
    leaves = [i for i in piece if not snapshot.order[i].args]
    rest = [i for i in piece if snapshot.order[i].args]
    return [leaves[i : i + size] for i in range(0, len(leaves), size)] + [rest] * bool(rest)


def _count_parameters(found: list[Fold], order: list[Value]) -> None:
    for fold in reversed(found):
        fold.parameters += sum(isinstance(order[i], Parameter) for i in fold.values)
        if fold.parent >= 0:
            found[fold.parent].parameters += fold.parameters


def opened_at_first(found: list[Fold], most: int) -> list[int]:
    """The boxes that are open at first: all of one depth or none, as long as no more than `most` things are to be seen."""
    opened, level = [0], [0]
    seen = len(found[0].values) + BOX * len(found[0].boxes)
    while level:
        level = [inner for outer in level for inner in found[outer].boxes]
        level = [i for i in level if found[i].kind != "shared"]
        seen += sum(len(found[i].values) + BOX * len(found[i].boxes) for i in level)
        if seen > most:
            break
        opened += level
    return opened
