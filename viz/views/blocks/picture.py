"""The picture of blocks: boxes, frames and panels, and what flows between them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

from scalargrad.core.scopes import CallScope
from scalargrad.core.value import Value
from scalargrad.errors import PictureError
from viz.look.text import plural
from viz.model.block_card import Block, BlockParameter, Grid
from viz.model.picture import Edge, Group, Node, Picture
from viz.model.snapshot import Snapshot

from .assign import Box, Boxes, Opened
from .grids import make_bars, make_grids
from .groups import Groups
from .names import describe_box, name_box
from .parameters import Matrix, find_matrices, shorten_names, show_matrix
from .stream import Stream, find_stream
from .strips import Numbers, Strip, make_strip

Names = Sequence[str]


def block_picture(
    snapshot: Snapshot,
    show: str | None = None,
    opened: Opened | None = None,
    tokens: Names = (),
    vocabulary: Names = (),
) -> Picture:
    """Return a graph as boxes: the calls of a function from one place, or a line of code.

    Args:
        snapshot: The graph.
        show: What colors show: "gradient", "data" or "weights"; None for the default of the graph.
        opened: What the user opened.
        tokens: The names of the calls at the positions of a sequence.
        vocabulary: The names of the columns of what has as many.

    Raises:
        PictureError: Nothing is known about where the graph was made.

    Example:
        >>> import scalargrad as sg
        >>> def square(x):
        ...     return x * x
        >>> with sg.trace_calls():
        ...     y = square(Value(2.0, label="x")) * 3.0
        >>> [block.title for block in block_picture(Snapshot([y])).blocks]
        ['x', 'square', 'y']
    """
    if all(node.scope is None and node.made_at is None for node in snapshot.order):
        raise PictureError(
            "nothing is known about the code that made this graph: make it inside "
            'sg.trace_calls() to draw its blocks, or draw it with another level, such as "chips"'
        )
    shown = snapshot.default_show if show is None else show
    return _BlockView(Boxes(snapshot, opened), shown, tokens, vocabulary).picture()


class _BlockView:
    """A graph that is folded into boxes, as it is shown."""

    def __init__(self, boxes: Boxes, show: str, tokens: Names, vocabulary: Names) -> None:
        self.boxes = boxes
        self.snapshot = boxes.snapshot
        self.show = show
        self.numbers = Numbers(self.snapshot, show)
        self.tokens = tokens
        self.vocabulary = vocabulary
        self.titles = {box: name_box(self.snapshot, box) for box in boxes.all}
        self.ids = {box: f"b{i}" for i, box in enumerate(boxes.all)}
        self.stream = find_stream(boxes)
        self.matrices = {box: find_matrices(box.parameters) for box in boxes.all}
        self.parameter_names = shorten_names(
            matrix.name for matrices in self.matrices.values() for matrix in matrices
        )
        self.groups = Groups(boxes, self.stream, self.parameter_names, self.matrices)
        self.inputs = find_matrices(sorted(boxes.inputs, key=self.snapshot.index.__getitem__))

    def picture(self) -> Picture:
        """Return the picture."""
        blocks = [self._input_block(f"x{i}", matrix) for i, matrix in enumerate(self.inputs)]
        blocks += [self._block(box) for box in self.boxes.all]
        nodes = [self._input_node(f"x{i}", matrix) for i, matrix in enumerate(self.inputs)]
        nodes += self._box_nodes(blocks[len(nodes) :])
        return Picture(
            "blocks",
            tuple(nodes),
            tuple(self._edges()),
            tuple(self.groups.all()),
            notes=tuple(self._notes()),
            total=len(self.snapshot),
            colors=self.show,
            blocks=tuple(blocks),
            stream=tuple(self.ids[box] for box in self.stream.boxes),
        )

    def _notes(self) -> Iterator[str]:
        boxes = self.boxes.all
        computed = sum(len(box.values) for box in boxes)
        how = "line of code"
        if any(isinstance(frame.scope, CallScope) for frame in self.boxes.frames.all.values()):
            how = "function call"
        elif any(frame.scope.is_module for frame in self.boxes.frames.all.values()):
            how = "module"
        yield (
            f"{plural(len(self.snapshot), 'value')}, the {computed:,} computed ones folded by {how} "
            f"into {len(boxes):,} {'box' if len(boxes) == 1 else 'boxes'}"
        )
        if not self.snapshot.has_gradients:
            yield "no gradients yet: call backward() first"

    # Boxes

    def _block(self, box: Box) -> Block:
        kind = self._kind(box)
        title = "+" if kind == "sum" else self.titles[box]
        rows = box.rows()
        strip = make_strip(rows, self.numbers, self.tokens)
        width = 0 if strip.shown is None else strip.shown.columns
        columns = tuple(self.vocabulary) if len(self.vocabulary) == width else ()
        grids = make_grids(box, self.tokens, self.vocabulary)
        bars = () if grids else make_bars(self.snapshot, box, rows, self._answers)
        if kind == "root" or grids or bars:
            # The seed of the root, and the 1/p of probabilities, would make all others pale.
            strip = Strip(None, None)
        return Block(
            self.ids[box],
            kind,
            title,
            "" if kind == "sum" else describe_box(box, title),
            values=len(box.values),
            calls=box.calls,
            strip=strip.shown,
            norm=strip.norm,
            parameters=tuple(self._parameters(box, width)),
            grids=grids,
            bars=bars,
            columns=columns,
            note=self._note(box, rows, grids) or strip.note,
        )

    def _kind(self, box: Box) -> str:
        outputs = [node for made in box.outputs.values() for node in made]
        if all(node in self.snapshot.roots for node in outputs):
            return "root"
        totals = (residual.total for residual in self.stream.residuals)
        return "sum" if box in totals else "box"

    def _parameters(self, box: Box, width: int) -> Iterator[BlockParameter]:
        for matrix in self.matrices[box]:
            yield show_matrix(matrix, self.parameter_names[matrix.name], width, self.numbers)

    @cached_property
    def _answers(self) -> Names:
        """The names of the calls, with what follows each where probabilities say what that is."""
        for box in self.boxes.all:
            for grid in make_grids(box, self.tokens, self.vocabulary):
                if len(grid.framed) == grid.shown.rows == len(grid.shown.labels):
                    return grid.shown.labels
        return self.tokens

    def _note(self, box: Box, rows: list[list[Value]], grids: tuple[Grid, ...]) -> str:
        if any(grid.framed for grid in grids):
            return "framed: what goes on"
        outputs = [node for row in rows for node in row]
        zeros = sum(1 for node in outputs if node.data == 0.0)
        is_activation = all(len(node.args) == 1 for node in box.values)
        if is_activation and len(outputs) > 1 and zeros:
            return f"{zeros:,} of {len(outputs):,} are 0"
        return ""

    def _input_block(self, id: str, matrix: Matrix) -> Block:
        leaves = list(matrix.cells.values())
        strip = make_strip(_matrix_rows(matrix), self.numbers)
        name = "inputs" if matrix.name == "θ" else matrix.name
        return Block(
            id, "input", name, values=len(leaves), strip=strip.shown, norm=strip.norm
        )

    # What the other formats show

    def _box_nodes(self, blocks: list[Block]) -> Iterator[Node]:
        counts: Counter[str] = Counter()
        for box, block in zip(self.boxes.all, blocks, strict=True):
            group = self.groups.path_around(box)
            own = (block.title or "box").replace("/", "∕")
            path = f"{group}/{own}" if group else own
            counts[path] += 1
            if counts[path] > 1:
                path = f"{path} #{counts[path]}"
            outputs = [node for made in box.outputs.values() for node in made]
            is_root = block.kind == "root"
            single = outputs[0] if len(outputs) == 1 else None
            gradient = block.norm
            if single is not None and self.snapshot.has_gradients:
                gradient = self.snapshot.gradients[single]
            yield Node(
                block.id,
                "module",
                symbol="" if single is None else self.snapshot.symbols[single],
                label=block.title,
                data=None if single is None else single.data,
                grad=gradient,
                group=group,
                detail=_detail(block),
                formula=block.line,
                root=is_root,
                name=path,
                outputs=len(outputs),
            )

    def _input_node(self, id: str, matrix: Matrix) -> Node:
        leaves = list(matrix.cells.values())
        name = "inputs" if matrix.name == "θ" else matrix.name
        return Node(
            id,
            "input",
            "in",
            name,
            data=leaves[0].data if len(leaves) == 1 else None,
            grad=self.numbers.norm(leaves),
            detail=plural(len(leaves), "value"),
            name=name,
            outputs=len(leaves),
        )

    def _edges(self) -> Iterator[Edge]:
        for i, matrix in enumerate(self.inputs):
            users: dict[Box, list[Value]] = {}
            for leaf in matrix.cells.values():
                for box in self.boxes.inputs[leaf]:
                    users.setdefault(box, []).append(leaf)
            for box, leaves in users.items():
                flow = self.numbers.norm(leaves)
                yield Edge(f"x{i}", self.ids[box], flow=flow, count=len(leaves))
        for bundle in self.boxes.bundles.values():
            passed = list(bundle.values)
            yield Edge(
                self.ids[bundle.source],
                self.ids[bundle.target],
                flow=self.numbers.norm(passed),
                count=len(passed),
            )


def _detail(block: Block) -> str:
    calls = f", {block.calls:,} calls" if block.calls > 1 else ""
    return plural(block.values, "value") + calls


def _matrix_rows(matrix: Matrix) -> list[list[Value]]:
    rows: dict[int, list[Value]] = {}
    for (row, _), leaf in sorted(matrix.cells.items(), key=lambda item: item[0]):
        rows.setdefault(row, []).append(leaf)
    return list(rows.values())
