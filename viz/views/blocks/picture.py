"""The picture of blocks: boxes, frames and panels, and what flows between them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from scalargrad.core.scopes import CallScope
from scalargrad.core.value import Value
from scalargrad.errors import PictureError
from viz.look.text import plural
from viz.model.block_card import Block, BlockParameter, CallCell, Grid
from viz.model.layer_card import Bar
from viz.model.picture import Edge, Node, Picture
from viz.model.snapshot import Snapshot
from viz.views.call_values import call_picture
from viz.views.scalars import value_node
from viz.views.sums import with_partials

from .alone import open_alone
from .assign import Box, Boxes, Bundle, Opened
from .cells import make_cells
from .fold import Frame
from .grids import is_shares, make_bars, make_grids
from .groups import Groups, make_path
from .names import Variables, describe_box, name_box, name_frame
from .opening import open_next
from .parameters import (
    NO_NAME,
    Matrix,
    find_matrices,
    fold_unlabeled,
    merge_single,
    shorten_names,
    show_matrix,
)
from .stream import find_stream
from .strips import MAX_ROWS, Numbers, Strip, make_strip

Names = Sequence[str]
MAIN_SHARE = 0.9
"""Share of the Values from which on a function that is called once is shown as its lines."""


def block_picture(
    snapshot: Snapshot,
    show: str | None = None,
    expand: Iterable[str] = (),
    tokens: Names = (),
    vocabulary: Names = (),
) -> Picture:
    """Return a graph as boxes: the calls of a function from one place, or a line of code.

    Args:
        snapshot: The graph.
        show: What colors show: "gradient", "data" or "weights"; None for the default of the graph.
        expand: Names or paths of boxes and frames to open, one level each; "q #2" is the second
            call of q.
        tokens: The names of the calls at the positions of a sequence.
        vocabulary: The names of the columns of what has as many.

    Raises:
        PictureError: Nothing is known about where the graph was made.
        OptionError: What is to be opened is unknown, or too large.

    Example:
        >>> import scalargrad as sg
        >>> def square(x):
        ...     return x * x
        >>> with sg.trace_calls():
        ...     y = square(Value(2.0, label="x")) * 3.0
        >>> [block.title for block in block_picture(Snapshot([y])).blocks]
        ['x', 'square', 'y']
    """
    view = _fold(snapshot, show, tokens, vocabulary)
    pending = list(expand)
    if len(pending) == 1:
        alone = open_alone(snapshot, pending[0], view.names(), show, tokens)
        if alone is not None:
            return alone

    opened = view.opened
    while pending:
        open_next(opened, pending, view.names(), view.boxes)
        if opened.alone:
            return call_picture(snapshot, opened.alone, opened.name, show)
        view = _BlockView(Boxes(snapshot, opened), view.show, tokens, vocabulary)
    return view.picture()


@dataclass(frozen=True, slots=True)
class FoldedBlocks:
    """A picture of blocks, and what is folded in them.

    Attributes:
        picture: The picture.
        boxes: The Values of each box, by the id of its block.
        frames: The calls of each frame, by its path.
        inputs: The leaves of each box of inputs, by the id of its block.
        parameters: The parameters that each box uses, in the order of its block.
    """

    picture: Picture
    boxes: dict[str, Box]
    frames: dict[str, Frame]
    inputs: dict[str, Matrix]
    parameters: dict[str, list[Matrix]]


def fold_blocks(snapshot: Snapshot, tokens: Names = (), vocabulary: Names = ()) -> FoldedBlocks:
    """Return the picture of a graph as boxes, and the Values in each of them.

    Args:
        snapshot: The graph.
        tokens: As for `block_picture`.
        vocabulary: As for `block_picture`.

    Raises:
        PictureError: Nothing is known about where the graph was made.
    """
    view = _fold(snapshot, None, tokens, vocabulary)
    ids = view.ids
    return FoldedBlocks(
        view.picture(),
        {id: box for box, id in ids.items()},
        {path: frame for frame, path in view.groups.frames()},
        {f"x{i}": matrix for i, matrix in enumerate(view.inputs)},
        {ids[box]: matrices for box, matrices in view.matrices.items()},
    )


def _fold(snapshot: Snapshot, show: str | None, tokens: Names, vocabulary: Names) -> "_BlockView":
    """Return a graph with all boxes closed."""
    computed = (node for node in snapshot.order if node.args)
    if all(node.scope is None and node.made_at is None for node in computed):
        raise PictureError(
            "nothing is known about the code that made this graph: make it inside "
            'sg.trace_calls() to draw its blocks, or draw it with another level, such as "chips"'
        )
    shown = snapshot.default_show if show is None else show
    opened = Opened()
    boxes = Boxes(snapshot, opened)
    main = _find_main(boxes)
    if main is not None:
        opened.lines.add(main.key)
        boxes = Boxes(snapshot, opened)
    return _BlockView(boxes, shown, tokens, vocabulary)


def _find_main(boxes: Boxes) -> Box | None:
    """Return the box of one call that nearly all is computed in, None where there is none.

    Code that is all in one function would otherwise be one box, which says nothing.
    """
    computed = sum(len(box.values) for box in boxes.all)
    for box in boxes.all:
        is_most = len(box.values) > MAIN_SHARE * computed
        lines = {node.made_at for node in box.values} - {None}
        if box.folded is not None and box.calls == 1 and is_most and len(lines) > 1:
            return box
    return None


class _BlockView:
    """A graph that is folded into boxes, as it is shown."""

    def __init__(self, boxes: Boxes, show: str, tokens: Names, vocabulary: Names) -> None:
        self.boxes = boxes
        self.opened = boxes.opened
        self.snapshot = boxes.snapshot
        self.show = show
        self._roots = set(self.snapshot.roots)
        self.numbers = Numbers(self.snapshot, show)
        self.tokens = tokens
        self.vocabulary = vocabulary
        self.ids = {box: f"b{i}" for i, box in enumerate(boxes.all)}
        self.stream = find_stream(boxes)
        self.variables = Variables(boxes)
        self.titles = {
            box: name_box(self.snapshot, box, self.variables.of(box)) for box in boxes.all
        }
        self.titles |= dict.fromkeys(self.stream.totals, "+")
        self.matrices = {box: _box_matrices(box) for box in boxes.all}
        self._tell_apart()
        self.parameter_names = shorten_names(
            matrix.name for matrices in self.matrices.values() for matrix in matrices
        )
        self.groups = Groups(
            boxes, self.stream, self.variables, self.parameter_names, self.matrices
        )
        self.paths = self._name_paths()
        leaves = sorted(boxes.inputs, key=self.snapshot.index.__getitem__)
        self.inputs = merge_single(find_matrices(leaves))

    def names(self) -> dict[str, list[Box | Frame]]:
        """Return boxes and frames by their titles and by their paths."""
        by_title: dict[str, list[Box | Frame]] = defaultdict(list)
        by_path: dict[str, list[Box | Frame]] = {}
        for frame, path in self.groups.frames():
            by_path[path] = [frame]
            by_title[name_frame(frame, self.variables.of(frame))].append(frame)
        for box, path in self.paths.items():
            by_path[path] = [box]
            by_title[self.titles[box]].append(box)
            if around := self.groups.frames_around(box):
                # Whoever wrote the function does not know of panels.
                by_title[f"{around}/{self.titles[box]}"].append(box)
        return by_title | by_path

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
        folded = [box.folded.scope for box in boxes if box.folded is not None]
        how = "line of code"
        if any(isinstance(scope, CallScope) for scope in folded):
            how = "function call"
        elif any(scope.is_module for scope in folded):
            how = "module"
        total = plural(len(self.snapshot), "value")
        count = "1 box" if len(boxes) == 1 else f"{len(boxes):,} boxes"
        yield f"{total}, the {computed:,} computed ones folded by {how} into {count}"
        if not self.snapshot.has_gradients:
            yield "no gradients yet: call backward() first"

    def _tell_apart(self) -> None:
        """Give parameters that have the name of others, or none, that of their box as well."""
        owners: dict[str, set[Value]] = defaultdict(set)
        for matrices in self.matrices.values():
            for matrix in matrices:
                owners[matrix.name].add(matrix.first)
        numbers: dict[tuple[str, str], dict[Value, int]] = defaultdict(dict)
        for box, matrices in self.matrices.items():
            title = self.titles[box]
            for matrix in matrices:
                name = matrix.name
                if name != NO_NAME and len(owners[name]) == 1:
                    continue
                # Boxes of one title, such as several layers, have parameters of their own.
                alike = numbers[title, name]
                number = alike.setdefault(matrix.first, 1 + len(alike))
                owner = title if number == 1 else f"{title} #{number}"
                matrix.name = owner if name == NO_NAME else f"{owner}.{name}"

    def _name_paths(self) -> dict[Box, str]:
        """Return a unique path for each box."""
        used: set[str] = set()
        return {
            box: make_path(self.groups.path_around(box), title or "box", used)
            for box, title in self.titles.items()
        }

    # Boxes

    def _block(self, box: Box) -> Block:
        if box.single is not None:
            return self._value_block(box)
        kind = self._kind(box)
        title = self.titles[box]
        rows = box.rows()
        strip = make_strip(rows, self.numbers, self.tokens)
        width = 0 if strip.shown is None else strip.shown.columns
        columns = tuple(self.vocabulary) if len(self.vocabulary) == width else ()
        grids = make_grids(box, self.tokens, self.vocabulary)
        bars = () if grids else make_bars(self.snapshot, box, rows, self._answers)
        cells, in_row = self._cells(box)
        if cells:
            grids, bars = (), ()
        if self._is_root(box) or (grids and is_shares(rows)) or bars:
            # The seed of the root, and the 1/p of probabilities, would make all others pale.
            strip = Strip(None, None)
        if cells:
            strip = Strip(None, strip.norm)
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
            cells=cells,
            cells_in_row=in_row,
        )

    def _cells(self, box: Box) -> tuple[tuple[CallCell, ...], int]:
        """Return the calls of a box that is open, none for one that is closed."""
        is_closed = box.folded is not None and box.folded.has_calls
        if len(box.made) < 2 or not (is_closed or box.key in self.opened.cells):
            return (), 0
        return make_cells(self.boxes, box, self.numbers, self.tokens, self.vocabulary)

    def _value_block(self, box: Box) -> Block:
        node = self._value_node(box)
        title = self.titles[box]
        assert node.data is not None
        return Block(
            self.ids[box],
            "value",
            title,
            "" if node.formula == title else node.formula,
            values=len(box.values),
            parameters=tuple(self._parameters(box, 0)),
            bars=(Bar(title, node.data, node.grad),),
        )

    def _is_root(self, box: Box) -> bool:
        return all(node in self._roots for node in box.results())

    def _kind(self, box: Box) -> str:
        # One with parameters has more to show than its result.
        if self._is_root(box) and not box.parameters:
            return "root"
        return "sum" if box in self.stream.totals else "box"

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
        # Those that let no gradient pass: the tanh of 0 is no news.
        zeros = sum(1 for node in outputs if node.data == 0.0 and not any(node.partials))
        is_activation = all(len(node.args) == 1 for node in box.values)
        if is_activation and len(outputs) > 1 and zeros:
            return f"{zeros:,} of {len(outputs):,} are 0"
        return ""

    def _input_block(self, id: str, matrix: Matrix) -> Block:
        leaves = list(matrix.cells.values())
        strip = make_strip(_matrix_rows(matrix), self.numbers)
        bars: list[Bar] = []
        if len(leaves) <= MAX_ROWS:
            gradients = self.snapshot.gradients if self.snapshot.has_gradients else {}
            for leaf in leaves:
                bars.append(Bar(self.snapshot.labels[leaf], leaf.data, gradients.get(leaf)))
        return Block(
            id,
            "input",
            _input_name(matrix),
            values=len(leaves),
            strip=None if bars else strip.shown,
            norm=strip.norm,
            bars=tuple(bars),
        )

    # What the other formats show

    def _box_nodes(self, blocks: list[Block]) -> Iterator[Node]:
        for box, block in zip(self.boxes.all, blocks, strict=True):
            node = self._value_node(box) if box.single is not None else self._box_node(box, block)
            yield replace(node, id=block.id, group=self.groups.path_around(box))

    def _box_node(self, box: Box, block: Block) -> Node:
        outputs = box.results()
        single = outputs[0] if len(outputs) == 1 else None
        gradient = block.norm
        if single is not None and self.snapshot.has_gradients:
            gradient = self.snapshot.gradients[single]
        return Node(
            block.id,
            "module",
            symbol="" if single is None else self.snapshot.symbols[single],
            label=block.title,
            data=None if single is None else single.data,
            grad=gradient,
            detail=_describe_size(block),
            formula=block.line,
            root=self._is_root(box),
            name=self.paths[box].replace("/", "."),
            outputs=len(outputs),
        )

    def _value_node(self, box: Box) -> Node:
        assert box.single is not None
        gradients = self.snapshot.gradients if self.snapshot.has_gradients else {}
        node = value_node(self.snapshot, box.single, gradients.get(box.single))
        if box.single not in self.boxes.sums.totals:
            return node
        count = len(self.boxes.sums.operands(box.single))
        return replace(node, symbol="Σ", formula=f"sum of {count:,}")

    def _input_node(self, id: str, matrix: Matrix) -> Node:
        leaves = list(matrix.cells.values())
        name = _input_name(matrix)
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
                local=self._local_derivative(bundle),
                flow=self.numbers.norm(passed),
                count=len(passed),
            )

    def _local_derivative(self, bundle: Bundle) -> float | None:
        """Return the local derivative of a single Value by the only one that it is passed."""
        target = bundle.target.single
        if target is None or len(bundle.values) != 1:
            return None
        operands = with_partials(target)
        if target in self.boxes.sums.totals:
            operands = self.boxes.sums.operands(target)
        return sum(local for arg, local in operands if arg in bundle.values)


def _box_matrices(box: Box) -> list[Matrix]:
    """Return the parameters that a box uses."""
    widths = {len(made) for made in box.outputs.values()}
    rows = widths.pop() if len(widths) == 1 else 0
    return [fold_unlabeled(matrix, rows) for matrix in merge_single(find_matrices(box.parameters))]


def _input_name(matrix: Matrix) -> str:
    return "inputs" if matrix.name == NO_NAME else matrix.name


def _describe_size(block: Block) -> str:
    calls = f", {block.calls:,} calls" if block.calls > 1 else ""
    return plural(block.values, "value") + calls


def _matrix_rows(matrix: Matrix) -> list[list[Value]]:
    """Return the leaves of a matrix row by row; those of one column as a row."""
    _, width = matrix.shape
    if width == 1:
        return [[leaf for _, leaf in sorted(matrix.cells.items(), key=lambda item: item[0])]]
    rows: dict[int, list[Value]] = {}
    for (row, _), leaf in sorted(matrix.cells.items(), key=lambda item: item[0]):
        rows.setdefault(row, []).append(leaf)
    return list(rows.values())
