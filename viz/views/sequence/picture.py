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
from .words import (
    choose_steps,
    name_input,
    name_step,
    note_folds,
    spaced,
    summarize,
    write_title,
)

MAX_CELLS = 4
"""The most cells on top of each other in a picture that nobody asked for."""
MAX_SIZE = 256
"""The most numbers of a state in a picture that nobody asked for."""
_MIN_SHARE = 0.5
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
    sequences = chains.find_sequences(snapshot, round(_MIN_SHARE * computed / MAX_CELLS))
    if not sequences or len(sequences[0].steps) < 2:
        return False
    if sum(sequence.total for sequence in sequences) < _MIN_SHARE * computed:
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
        self.parts: dict[str, SequencePart] = {}
        self.nodes: dict[str, Node] = {}
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

        parts = tuple(self.parts.values())
        sizes = [len(part.data.numbers) for part in parts if part.data is not None]
        recurrence = Recurrence(
            tuple(self._known_name(row) for row in range(len(self.cells))),
            summarize(self.snapshot, self.sequences, following),
            max(sizes, default=0),
            parts,
        )
        return Picture(
            "sequence",
            nodes=tuple(self.nodes.values()),
            edges=tuple(self.edges),
            groups=tuple(self.groups),
            title=write_title(self.sequences, self.cells, entering),
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

        for piece in cell.pieces.values():
            part = self._piece_part(path, piece, row, column, step)
            kind = "operation" if piece.kind == "operation" else "module"
            self._add(part, kind, path, piece)
            ids[piece.role] = part.id
            if piece.kind == "state":
                self.state_of.update(dict.fromkeys(piece.numbers.values(), part.id))

        for source, target in cell.links:
            self._connect(ids[source], ids[target])
        for role, state in states.items():
            # The first call says what takes a state, as all calls have the same parts.
            takers = self.cells[row][0].carried.get(role, ())
            for target in takers:
                if target in ids:
                    self._connect(state, ids[target])
        return {state.role: ids[state.role] for state in cell.states}

    def _piece_part(
        self, path: str, piece: Piece, row: int, column: int, step: int
    ) -> SequencePart:
        """Return a part of a call with its numbers; a state has the number of the next step."""
        title = f"{piece.title}{step + 1}" if piece.kind == "state" else piece.title
        part = self._part(
            f"{path}{piece.role}", piece.kind, piece.role, title, piece.line, column, row
        )
        part = replace(part, depth=piece.depth, values=piece.values)
        return self._fill(part, piece.numbers, self._size(row, piece.role))

    def _size(self, row: int, role: str) -> int:
        """Return how many numbers a part has in the calls of a row, at the most."""
        pieces = (cell.pieces.get(role) for cell in self.cells[row])
        return max(max(piece.numbers, default=-1) + 1 for piece in pieces if piece is not None)

    def _add_input(self, row: int, column: int, step: int, entering: Entering) -> str:
        id = f"r{row}x{step}"
        nodes = entering.inputs
        title = name_input(self.snapshot, nodes, step, entering.has_labels)
        if row and all(node in self.state_of for node in nodes):
            titles = self._titles(self._states_among(nodes))
            title = f"{', '.join(titles)} of cell {row}"
        part = self._part(id, "input", "x", title, "", column, row)
        if len(nodes) == 1 and not row:
            node = nodes[0]
            symbol = "in" if node.kind == "input" else self.snapshot.symbols[node]
            self._add_card(part, node, "input" if node.kind == "input" else "operation", symbol)
            return id
        part = self._fill(part, dict(enumerate(nodes)), len(nodes))
        self._add(part, "input")
        for source in self._states_among(nodes):
            self._connect(source, id)
        return id

    def _titles(self, ids: Iterable[str]) -> list[str]:
        return [self.parts[id].title for id in ids]

    def _states_among(self, nodes: Iterable[Value]) -> list[str]:
        """Return the ids of the states that some Values belong to, each once."""
        return list(dict.fromkeys(self.state_of[node] for node in nodes if node in self.state_of))

    def _add_gap(self, row: int, column: int, states: dict[str, str]) -> dict[str, str]:
        """Add what stands for the steps that are left out, with the norms of their states."""
        first = FIRST_STEPS
        end = self.length - LAST_STEPS
        hidden = self.cells[row][first:end]
        values = sum(len(step.values) for step in self.sequences[row].steps[first:end])
        title = f"steps {first + 1} to {end}"
        line = f"{len(hidden)} steps"
        ids: dict[str, str] = {}
        for role, source in states.items():
            norms: list[float] = []
            for cell in hidden:
                piece = cell.pieces.get(role)
                norm = self._norm(piece.numbers.values()) if piece else None
                norms.append(norm or 0.0)
            id = f"r{row}gap{role}"
            part = self._part(id, "gap", role, title, line, column, row)
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
        last = [node for node in following.taken if node in self.state_of]
        part = self._part("head", "head", "head", following.name, following.line)
        sources = self._states_among(last)
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
            part = replace(part, title=self.snapshot.labels[root] or "result")
            self._add_card(part, root, "operation", self.snapshot.symbols[root])
            self.nodes["root"] = replace(self.nodes["root"], root=True)
        if following.head:
            self._connect("head", "root")
            return
        taken = [*roots, *(arg for root in roots for arg in root.args)]
        for source in self._states_among(taken):
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
        self.parts[part.id] = part
        size = len(part.strip.present) if part.strip is not None else 1
        data = None
        if part.data is not None and size == 1:
            data = part.data.present[0]
        grad = part.norm
        if part.strip is not None and size == 1 and self._has_gradients:
            grad = part.strip.present[0]
        symbol = part.title if piece is not None and piece.kind == "operation" else part.line
        self.nodes[part.id] = Node(
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

    def _add_card(self, part: SequencePart, node: Value, kind: str, symbol: str) -> None:
        """Add a part that is one Value by itself."""
        self.parts[part.id] = replace(part, values=1)
        grad = self.snapshot.gradients[node] if self._has_gradients else None
        self.nodes[part.id] = Node(part.id, kind, symbol, part.title, node.data, grad)

    def _connect(self, source: str, target: str) -> None:
        """Add an edge with the norm that comes back to its source."""
        part = self.parts[source]
        flow = None if part.kind == "joint" else part.norm
        grad = self.nodes[source].grad
        if part.kind == "input" and flow is None and self._has_gradients and grad is not None:
            flow = abs(grad)
        if part.norms:
            flow = part.norms[-1]
        self.edges.append(Edge(source, target, None, flow))

    def _largest(self) -> float:
        """Return the end of the scale: the largest number that a strip or a card shows in color."""
        shown: list[float] = []
        for part in self.parts.values():
            if part.strip is not None and part.kind != "root":
                shown += part.strip.present
        for node in self.nodes.values():
            number = node.grad if self._has_gradients else node.data
            if node.kind == "input" and not node.root and number is not None:
                shown.append(number)
        return max((abs(number) for number in shown if isfinite(number)), default=0.0) or 1.0
