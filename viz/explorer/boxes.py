"""The boxes of a page: the modules of a graph, and parts of what is too long for one picture."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from scalargrad.core.value import Parameter, Value
from viz.model.snapshot import Snapshot, parent_path
from viz.views.chains import name_chains

from .code_boxes import name_calls, split_by_code
from .input_grids import find_input_grids

MAX_ITEMS = 240
"""How many values a box holds at most; one with more is cut into parts."""
PART = 80
"""How many values a part holds, unless there would be too many parts."""
IMAGE = "image"
"""The kind of a box that holds the pixels of an image, however many."""
CHAIN = "chain"
"""The kind of a box that holds a chain: links that compute the same, one after another."""
MAX_SHARED = 8
"""How many parameters are shown outside of all modules; more of them get a box."""
BOX_WEIGHT = 4
"""How many values a closed box counts as, when it is measured how much is in sight."""


@dataclass
class Fold:
    """A box that can be opened and closed: a module call, or a part of a long computation.

    Attributes:
        path: Where it is: the names of the boxes around it and its own, joined by "/". It is
            unique; that of the outermost one, the page, is empty.
        kind: The class of the module; "part" for a part, "shared" for shared parameters, "image"
            for the pixels of an image, "chain" for a chain.
        parent: The number of the box around it; -1 for the page.
        values: The numbers of the values directly in it.
        boxes: The numbers of the boxes directly in it.
        parameters: How many parameters are in it, at any depth.
        links: Of a chain, or a part of one, the values of each link.
        first_link: The number of the first of these in the whole chain.
    """

    path: str
    kind: str
    parent: int
    values: list[int] = field(default_factory=list)
    boxes: list[int] = field(default_factory=list)
    parameters: int = 0
    links: list[list[int]] = field(default_factory=list)
    first_link: int = 1

    @property
    def title(self) -> str:
        """Its name, without those of the boxes around it."""
        return self.path.rpartition("/")[2]


def find_folds(snapshot: Snapshot) -> list[Fold]:
    """Return the boxes of a graph, outer ones first; number 0 is the page itself.

    Example:
        >>> from scalargrad.nn import MLP
        >>> snapshot = Snapshot([MLP(2, [1, 1], seed=1)([1.0, 2.0])])
        >>> [fold.path for fold in find_folds(snapshot)]
        ['', 'layers.0', 'layers.0/neurons.0', 'layers.1', 'layers.1/neurons.0']
    """
    folds = [Fold("", "", -1)]
    numbers = {"": 0}
    given = name_calls(snapshot)
    for path, scope in snapshot.modules.items():
        parent = numbers[parent_path(path)]
        name = given.get(path, path.rpartition("/")[2])
        numbers[path] = _add_named(folds, parent, name, scope.kind)
    for i, node in enumerate(snapshot.order):
        folds[numbers[snapshot.module[node]]].values.append(i)

    _gather_shared(folds, snapshot.order)
    _gather_images(folds, snapshot)
    _gather_chains(folds, snapshot)
    _cut_long(folds, snapshot)
    _count_parameters(folds, snapshot.order)
    return folds


def _add_fold(
    folds: list[Fold], path: str, kind: str, parent: int, values: Sequence[int] = ()
) -> int:
    number = len(folds)
    folds.append(Fold(path, kind, parent, list(values)))
    folds[parent].boxes.append(number)
    return number


def _gather_shared(folds: list[Fold], order: Sequence[Value]) -> None:
    """Put parameters that are beside boxes, which use them, into a box of their own.

    That is where parameters are that several calls use, as those of a batch do.
    """
    for number, fold in enumerate(list(folds)):
        shared: list[int] = []
        others: list[int] = []
        for i in fold.values:
            is_parameter = isinstance(order[i], Parameter)
            (shared if is_parameter else others).append(i)
        is_long = not number or len(fold.values) > MAX_ITEMS
        if is_long and fold.boxes and len(shared) > MAX_SHARED:
            fold.values = others
            path = f"{fold.path}/parameters" if fold.path else "parameters"
            _add_fold(folds, path, "shared", number, shared)


def _gather_images(folds: list[Fold], snapshot: Snapshot) -> None:
    """Put images into boxes of their own where the page would be cut into parts otherwise."""
    page = folds[0]
    if len(page.values) <= MAX_ITEMS:
        return

    def use_of(i: int) -> tuple[str, ...]:
        users = snapshot.users.get(snapshot.order[i], ())
        return tuple(sorted({snapshot.module[user].partition("/")[0] for user in users}))

    for k, grid in enumerate(find_input_grids(page.values, use_of, snapshot), 1):
        within = set(grid.values)
        page.values = [i for i in page.values if i not in within]
        _add_fold(folds, "inputs" if k == 1 else f"inputs {k}", IMAGE, 0, grid.values)


def _gather_chains(folds: list[Fold], snapshot: Snapshot) -> None:
    """Put chains into boxes of their own where the page would be cut into parts otherwise."""
    page = folds[0]
    if len(page.values) <= MAX_ITEMS:
        return
    on_page = set(page.values)
    for name, chain in name_chains(snapshot).items():
        links = [sorted(snapshot.index[node] for node in link) for link in chain.links]
        within = {i for link in links for i in link}
        if not within <= on_page:
            continue
        on_page -= within
        box = _add_fold(folds, f"{name} × {len(chain):,}", CHAIN, 0, sorted(within))
        folds[box].links = links
    page.values = [i for i in page.values if i in on_page]


def _cut_long(folds: list[Fold], snapshot: Snapshot) -> None:
    """Cut boxes that hold too much into parts."""
    # The list grows while it is walked, so that parts that are still too long are cut as well.
    for number, fold in enumerate(folds):
        if len(fold.values) <= PART or fold.kind == IMAGE:
            continue

        is_chain = len(fold.links) > 1
        max_parts = MAX_ITEMS // 2
        named = {} if is_chain else split_by_code(fold.values, fold.title, snapshot, max_parts)
        if named:
            fold.values = []
            for name, inner in named.items():
                if len(inner) == 1:
                    fold.values += inner
                else:
                    _add_named(folds, number, name, "part", inner)
            fold.values.sort()
            continue
        if len(fold.values) <= MAX_ITEMS:
            continue
        if is_chain:
            _cut_chain(folds, number)
            continue
        size = max(PART, ceil(len(fold.values) / max_parts))
        parts = _parts(fold.values, size, snapshot)
        fold.values = []
        for i, part in enumerate(parts, 1):
            path = f"{fold.path}/part {i}" if fold.path else f"part {i}"
            _add_fold(folds, path, "part", number, part)


def _add_named(
    folds: list[Fold], parent: int, name: str, kind: str, values: Sequence[int] = ()
) -> int:
    """Add a box whose name may be that of another one beside it."""
    fold = folds[parent]
    taken = {folds[box].title for box in fold.boxes}
    title = name
    copies = 1
    while title in taken:
        copies += 1
        title = f"{name} #{copies}"
    path = f"{fold.path}/{title}" if fold.path else title
    return _add_fold(folds, path, kind, parent, values)


def _cut_chain(folds: list[Fold], number: int) -> None:
    """Cut a chain into parts of whole links."""
    fold = folds[number]
    max_parts = MAX_ITEMS // 2
    link_size = ceil(len(fold.values) / len(fold.links))
    size = max(1, PART // link_size, ceil(len(fold.links) / max_parts))
    for start in range(0, len(fold.links), size):
        links = fold.links[start : start + size]
        first = fold.first_link + start
        last = first + len(links) - 1
        title = f"links {first:,} to {last:,}" if last > first else f"link {first:,}"
        values = sorted(i for link in links for i in link)
        part = _add_fold(folds, f"{fold.path}/{title}", "part", number, values)
        folds[part].links = links
        folds[part].first_link = first
    fold.values = []
    fold.links = []


def _parts(values: list[int], size: int, snapshot: Snapshot) -> list[list[int]]:
    """Return stretches of operations in topological order; a leaf goes where it is used first."""
    order = snapshot.order
    operations = [i for i in values if order[i].args]
    part_of = {i: rank // size for rank, i in enumerate(operations)}

    stretches: dict[int, list[int]] = defaultdict(list)
    for i in values:
        node = order[i]
        if node.args:
            stretches[part_of[i]].append(i)
            continue
        # Users in other boxes have no part here.
        users = [snapshot.index[user] for user in snapshot.users.get(node, ())]
        used_in = [part_of[user] for user in users if user in part_of]
        stretches[min(used_in, default=0)].append(i)

    parts = []
    for number in sorted(stretches):
        stretch = sorted(stretches[number])
        parts += _split_crowd(stretch, size, snapshot)
    return parts


def _split_crowd(part: list[int], size: int, snapshot: Snapshot) -> list[list[int]]:
    """Return a part; if few operations have very many leaves, those in parts before it."""
    if len(part) <= MAX_ITEMS:
        return [part]
    leaves: list[int] = []
    operations: list[int] = []
    for i in part:
        is_operation = snapshot.order[i].args
        (operations if is_operation else leaves).append(i)

    parts = []
    for start in range(0, len(leaves), size):
        parts.append(leaves[start : start + size])
    if operations:
        parts.append(operations)
    return parts


def _count_parameters(folds: list[Fold], order: Sequence[Value]) -> None:
    # Inner boxes come after outer ones, so that backwards each is complete before it is added.
    for fold in reversed(folds):
        fold.parameters += sum(isinstance(order[i], Parameter) for i in fold.values)
        if fold.parent >= 0:
            folds[fold.parent].parameters += fold.parameters


def choose_open(folds: list[Fold], max_shown: int) -> list[int]:
    """Return the boxes that are open at first: whole depths, as long as no more than that shows."""

    def weight(fold: Fold) -> int:
        # All pixels of an image are one thing to look at.
        if fold.kind == IMAGE:
            return BOX_WEIGHT
        return len(fold.values) + BOX_WEIGHT * len(fold.boxes)

    opened = [0]
    # A box that is alone on the page says nothing as long as it is closed.
    while not folds[opened[-1]].values and len(folds[opened[-1]].boxes) == 1:
        opened += folds[opened[-1]].boxes
    level = opened[-1:]
    shown = weight(folds[level[0]])
    while level:
        inner = [box for fold in level for box in folds[fold].boxes]
        level = [box for box in inner if folds[box].kind != "shared"]
        shown += sum(weight(folds[box]) for box in level)
        if shown > max_shown:
            break
        opened += level
    return opened
