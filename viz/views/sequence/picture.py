"""The sequence view: from the calls of a cell to nodes and edges, a part for each node."""

from collections.abc import Iterable
from dataclasses import replace
from math import isfinite

import numpy

from scalargrad.core.value import Value
from scalargrad.errors import OptionError, PictureError
from viz.model.heatmap import Map
from viz.model.picture import Edge, Group, Node, Picture
from viz.model.sequence_card import (
    FIRST_STEPS,
    LAST_STEPS,
    Recurrence,
    SequencePart,
    describe_part,
)
from viz.model.snapshot import Snapshot

from . import chains
from .cells import Cell, Numbers, Piece, read_known_cell
from .follow import Following, find_following
from .inputs import Entering, find_entering
from .lines import read_lines
from .words import choose_steps, entitle, name_input, name_step, note_folds, spaced, summarize

MAX_CELLS = 4
"""The most cells on top of each other in a picture that nobody asked for."""
MAX_SIZE = 256
"""The most numbers of a state in a picture that nobody asked for."""
_LEAST_SHARE = 0.5
"""The least share of a graph that is its recurrence in a picture that nobody asked for."""


def sequence_picture(snapshot: Snapshot, show: str | None = None) -> Picture:
    """Return the picture of the recurrence of a graph.

    Args:
        snapshot: The graph.
        show: What colors show: "gradient" or "data"; by default gradients, and before `backward`
            data.

    Raises:
        PictureError: Nothing in the graph is recurrent.
        OptionError: `show` is "weights".
    """
    if show == "weights":
        raise OptionError(
            "the level 'sequence' shows gradients or data: all steps share their weights, "
            "which level='layers' shows"
        )
    sequences = chains.find_sequences(snapshot)
    if not sequences:
        raise PictureError(
            "no module or function of this graph is called again and again on what its call "
            "before returned, so that there is no sequence: call the cell in a loop inside of "
            "sg.trace_calls(), or draw it with another level"
        )
    colors = show or ("gradient" if snapshot.has_gradients else "data")
    return _Builder(snapshot, sequences, colors).picture()


def suits_sequence(snapshot: Snapshot) -> bool:
    """Return whether a graph is best drawn as a sequence: most of it is one recurrent cell."""
    computed = sum(1 for node in snapshot.order if node.args)
    sequences = chains.find_sequences(snapshot, round(_LEAST_SHARE * computed / MAX_CELLS))
    if not sequences or len(sequences[0].steps) < 2:
        return False
    if sum(sequence.total for sequence in sequences) < _LEAST_SHARE * computed:
        return False
    sizes = [len(state.numbers) for each in sequences for state in _read(snapshot, each)[0].states]
    return 0 < max(sizes, default=0) <= MAX_SIZE


def _read(snapshot: Snapshot, sequence: chains.Sequence) -> list[Cell]:
    """Return the inside of each call of a sequence."""
    if sequence.cell:
        known = [read_known_cell(sequence.cell, step) for step in sequence.steps]
        cells = [cell for cell in known if cell is not None]
        if len(cells) == len(known):
            return cells
    return read_lines(snapshot, sequence.steps)


class _Builder:
    """Builds one picture."""

    def __init__(self, snapshot: Snapshot, sequences: list[chains.Sequence], colors: str) -> None:
        self.snapshot = snapshot
        self.sequences = sequences
        self.colors = colors
        self.cells = [_read(snapshot, sequence) for sequence in sequences]
        self.length = len(sequences[0].steps)
        self.shown = choose_steps(self.length)
        self.parts: list[SequencePart] = []
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.groups: list[Group] = []
        self.state_of: dict[Value, str] = {}

    def picture(self) -> Picture:
        """Return the picture."""
        entering = [
            find_entering(self.snapshot, sequence, cells)
            for sequence, cells in zip(self.sequences, self.cells, strict=True)
        ]
        for row in range(len(self.cells)):
            self._add_row(row, entering[row])
        following = find_following(self.snapshot, self.sequences)
        self._add_head(following)
        self._add_roots(following)

        sizes = [len(part.data.numbers) for part in self.parts if part.data is not None]
        recurrence = Recurrence(
            tuple(self._known_name(row) for row in range(len(self.cells))),
            summarize(self.snapshot, self.sequences, following),
            max(sizes, default=0),
            tuple(self.parts),
        )
        return Picture(
            "sequence",
            nodes=tuple(self.nodes),
            edges=tuple(self.edges),
            groups=tuple(self.groups),
            title=entitle(self.sequences, self.cells, entering),
            notes=tuple(note_folds(self.snapshot, self.sequences[0], recurrence.size)),
            total=len(self.snapshot),
            colors=self.colors,
            scale=self._largest(),
            sequence=recurrence,
        )

    # Rows of steps

    def _known_name(self, row: int) -> str:
        boxes = [piece.role for piece in self.cells[row][0].pieces.values()]
        is_known = not any(role.startswith("b") for role in boxes)
        return self.sequences[row].cell if is_known else ""

    def _add_row(self, row: int, entering: list[Entering]) -> None:
        cells = self.cells[row]
        states: dict[str, str] = {}
        for column, step in enumerate(self.shown):
            if step is None:
                states = self._add_gap(row, column, states)
                continue
            if step == 0:
                states = self._add_start(row, cells[0], entering[0].start)
            states = self._add_step(row, column, step, cells[step], entering[step], states)

    def _add_start(self, row: int, cell: Cell, start: dict[str, Numbers]) -> dict[str, str]:
        """Add what the states are before the first step."""
        ids: dict[str, str] = {}
        for state in cell.states:
            numbers = start.get(state.role, {})
            if not numbers:
                continue
            is_zero = all(node.kind == "constant" and node.data == 0.0 for node in numbers.values())
            name = f"{state.title}0"
            part = self._part(f"r{row}z{state.role}", "start", state.role, name, row=row)
            if is_zero:
                part = replace(part, line="0")
            else:
                part = self._fill(part, numbers, len(state.numbers))
            self._add(part, "module")
            ids[state.role] = part.id
        return ids

    def _add_step(
        self,
        row: int,
        column: int,
        step: int,
        cell: Cell,
        entering: Entering,
        states: dict[str, str],
    ) -> dict[str, str]:
        path = f"r{row}s{step}"
        values = len(self.sequences[row].steps[step].values)
        self.groups.append(
            Group(path, name_step(self.sequences, row, step), detail=f"{spaced(values)} values")
        )
        ids = {"joint": f"{path}joint"}
        joint = self._part(ids["joint"], "joint", "joint", "input and state", "", column, row)
        self._add(joint, "operation", path)
        if entering.inputs:
            source = self._add_input(row, column, step, entering)
            self._connect(source, ids["joint"])

        size = self._size(row)
        for piece in cell.pieces.values():
            title = piece.title
            if piece.kind == "state":
                title = f"{title}{step + 1}"
            part = self._part(
                f"{path}{piece.role}", piece.kind, piece.role, title, piece.line, column, row
            )
            part = replace(part, depth=piece.depth, values=piece.values)
            kind = "operation" if piece.kind == "operation" else "module"
            part = self._fill(part, piece.numbers, size[piece.role])
            self._add(part, kind, path, piece)
            ids[piece.role] = part.id
            if piece.kind == "state":
                self.state_of.update(dict.fromkeys(piece.numbers.values(), part.id))

        for source, target in cell.links:
            self._connect(ids[source], ids[target])
        for role, id in states.items():
            # The same states as in the call before; only what is there takes them.
            takers = next((each.carried.get(role) for each in self.cells[row]), None) or ()
            for target in takers:
                if target in ids:
                    self._connect(id, ids[target])
        return {state.role: ids[state.role] for state in cell.states}

    def _size(self, row: int) -> dict[str, int]:
        """Return for each part of the calls of a row how many numbers it has, at the most."""
        sizes: dict[str, int] = {}
        for cell in self.cells[row]:
            for role, piece in cell.pieces.items():
                size = max(piece.numbers, default=-1) + 1
                sizes[role] = max(size, sizes.get(role, 0))
        return sizes

    def _add_input(self, row: int, column: int, step: int, entering: Entering) -> str:
        id = f"r{row}x{step}"
        nodes = entering.inputs
        title = name_input(self.snapshot, nodes, step, entering.has_labels)
        if row and all(node in self.state_of for node in nodes):
            sources = dict.fromkeys(self.state_of[node] for node in nodes)
            title = f"{', '.join(self._titles(sources))} of cell {row}"
        part = self._part(id, "input", "x", title, "", column, row)
        if len(nodes) == 1 and not row:
            node = nodes[0]
            grad = self.snapshot.gradients[node] if self._has_gradients else None
            self.parts.append(replace(part, values=1))
            symbol = "in" if node.kind == "input" else self.snapshot.symbols[node]
            kind = "input" if node.kind == "input" else "operation"
            self.nodes.append(Node(id, kind, symbol, title, node.data, grad))
            return id
        part = self._fill(part, dict(enumerate(nodes)), len(nodes))
        self._add(part, "input")
        for source in dict.fromkeys(self.state_of[node] for node in nodes if node in self.state_of):
            self._connect(source, id)
        return id

    def _titles(self, ids: Iterable[str]) -> list[str]:
        titles = {part.id: part.title for part in self.parts}
        return [titles[id] for id in ids]

    def _add_gap(self, row: int, column: int, states: dict[str, str]) -> dict[str, str]:
        """Add what stands for the steps that are left out, with the norms of their states."""
        first = FIRST_STEPS
        hidden = self.cells[row][first : self.length - LAST_STEPS]
        values = sum(
            len(step.values) for step in self.sequences[row].steps[first : first + len(hidden)]
        )
        ids: dict[str, str] = {}
        for role, source in states.items():
            norms: list[float] = []
            for cell in hidden:
                piece = cell.pieces.get(role)
                norm = self._norm(piece.numbers.values()) if piece else None
                norms.append(norm or 0.0)
            title = f"steps {first + 1} to {first + len(hidden)}"
            id = f"r{row}gap{role}"
            part = self._part(id, "gap", role, title, f"{len(hidden)} steps", column, row)
            kept = tuple(norms) if self._has_gradients else ()
            part = replace(part, norms=kept, norm=None)
            if not ids:
                part = replace(part, values=values)
            self._add(part, "more")
            self._connect(source, id)
            ids[role] = id
        return ids

    # What follows

    def _add_head(self, following: Following) -> None:
        if not following.head:
            return
        nodes = following.taken
        last = [node for node in nodes if self.state_of.get(node) is not None]
        part = self._part("head", "head", "head", following.name, following.line)
        sources = list(dict.fromkeys(self.state_of[node] for node in last))
        if len(sources) > 1:
            first, *_, final = self._titles(sources)
            part = replace(part, line=f"takes {first} … {final}")
        part = replace(part, values=len(following.head), step=len(self.shown))
        part = replace(part, row=len(self.cells) - 1)
        part = self._fill(part, dict(enumerate(last)), len(last))
        self._add(part, "module")
        for source in sources:
            self._connect(source, "head")

    def _add_roots(self, following: Following) -> None:
        roots = self.snapshot.roots
        part = self._part("root", "root", "root", step=len(self.shown), row=len(self.cells) - 1)
        if len(roots) > 1:
            part = replace(part, title=f"{len(roots)} outputs", values=len(roots))
            self._add(self._fill(part, dict(enumerate(roots)), len(roots)), "module")
        else:
            root = roots[0]
            grad = self.snapshot.gradients[root] if self._has_gradients else None
            label = self.snapshot.labels[root] or "result"
            symbol = self.snapshot.symbols[root]
            self.parts.append(replace(part, title=label, values=1))
            self.nodes.append(Node("root", "operation", symbol, label, root.data, grad, root=True))
        if following.head:
            self._connect("head", "root")
            return
        taken = [*roots, *(arg for root in roots for arg in root.args)]
        for source in dict.fromkeys(self.state_of[node] for node in taken if node in self.state_of):
            self._connect(source, "root")

    # Numbers

    @property
    def _has_gradients(self) -> bool:
        return self.colors == "gradient" and self.snapshot.has_gradients

    def _norm(self, nodes: Iterable[Value]) -> float | None:
        if not self._has_gradients:
            return None
        with numpy.errstate(over="ignore"):
            return float(numpy.linalg.norm([self.snapshot.gradients[node] for node in nodes]))

    def _part(
        self,
        id: str,
        kind: str,
        role: str,
        title: str = "",
        line: str = "",
        step: int = 0,
        row: int = 0,
    ) -> SequencePart:
        return SequencePart(id, kind, role, title, line, step, row)

    def _fill(self, part: SequencePart, numbers: Numbers, size: int) -> SequencePart:
        """Return a part with its numbers and gradients; what the graph has not is missing."""
        if not numbers:
            return part
        missing = tuple(i for i in range(size) if i not in numbers)
        data = [numbers[i].data if i in numbers else 0.0 for i in range(size)]
        drawn = data
        if self._has_gradients:
            gradients = self.snapshot.gradients
            drawn = [gradients[numbers[i]] if i in numbers else 0.0 for i in range(size)]
        name = "gradient" if self._has_gradients else "data"
        return replace(
            part,
            data=Map("data", 1, size, tuple(data), missing),
            strip=Map(name, 1, size, tuple(drawn), missing),
            norm=self._norm(numbers.values()),
        )

    def _add(
        self, part: SequencePart, kind: str, group: str = "", piece: Piece | None = None
    ) -> None:
        self.parts.append(part)
        size = len(part.strip.present) if part.strip is not None else 1
        data = None
        if part.data is not None and size == 1:
            data = part.data.present[0]
        grad = part.norm
        if part.strip is not None and size == 1 and self._has_gradients:
            grad = part.strip.present[0]
        symbol = part.title if piece is not None and piece.kind == "operation" else part.line
        self.nodes.append(
            Node(
                part.id,
                kind,
                symbol if kind == "operation" else "",
                "" if part.kind == "operation" else part.title,
                data,
                grad,
                group,
                detail=describe_part(replace(part, title="")),
                name=part.title,
                outputs=size,
            )
        )

    def _connect(self, source: str, target: str) -> None:
        """Add an edge with the norm that comes back to its source."""
        part = next(part for part in self.parts if part.id == source)
        flow = None if part.kind == "joint" else part.norm
        node = next(node for node in self.nodes if node.id == source)
        if part.kind == "input" and flow is None and self._has_gradients:
            flow = abs(node.grad) if node.grad is not None else None
        if part.norms:
            flow = part.norms[-1]
        self.edges.append(Edge(source, target, None, flow))

    def _largest(self) -> float:
        """Return the end of the scale: the largest number that a strip or a card shows in color."""
        sizes = [
            abs(number)
            for part in self.parts
            if part.strip is not None and part.kind != "root"
            for number in part.strip.present
            if isfinite(number)
        ]
        for node in self.nodes:
            shown = node.grad if self._has_gradients else node.data
            is_card = node.kind == "input" and shown is not None
            if is_card and not node.root and shown is not None and isfinite(shown):
                sizes.append(abs(shown))
        return max(sizes, default=0.0) or 1.0
