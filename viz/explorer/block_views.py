"""The blocks of a graph in its page: pictures for several widths, and what each box holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree

import numpy

from scalargrad.core.scopes import CallScope, Scope
from scalargrad.core.source_lines import SourceLine
from scalargrad.core.value import Value
from viz.layout.blocks import lay_out_blocks
from viz.layout.geometry import Rect
from viz.layout.placed import PlacedPicture, inner_width
from viz.look.text import clean, escape, plural
from viz.look.theme import DARK, FONT, LIGHT, MONO, STEPS, Theme
from viz.model.block_card import Block
from viz.model.heatmap import Map, shades
from viz.model.picture import Group, Node
from viz.model.snapshot import Snapshot, line_in_file
from viz.render.svg_blocks import box_tip
from viz.render.svg_document import draw_blocks
from viz.render.svg_writer import SvgWriter, find_color, format_coordinate
from viz.views.blocks.assign import Box, Call
from viz.views.blocks.fold import Frame
from viz.views.blocks.grids import find_grid_values
from viz.views.blocks.parameters import Matrix
from viz.views.blocks.picture import FoldedBlocks, fold_blocks

from .boxes import Fold
from .graph_json import json_numbers

WIDTHS = (1600.0, 840.0, 570.0, 390.0)
"""The widths that the blocks are laid out for; the page shows the one that fits."""
MAX_OPENED = 60
"""Calls of a box, or leaves of inputs, that can be gone to."""
_ALARM = 99
_MAX_LINE = 160


@dataclass(frozen=True, slots=True)
class BlockViews:
    """The blocks of a page.

    Attributes:
        style: The colors of the pictures in both themes.
        data: The pictures and what each box holds, as JSON holds it.
    """

    style: str
    data: dict[str, Any]


class _PageWriter(SvgWriter):
    """Writes pictures whose colors are in the style of the page, and maps that its script fills.

    Attributes:
        maps: The maps that were drawn, with the numbers at the ends of their scales.
        names: What screen readers say of each box and frame, by its id.
    """

    def __init__(self) -> None:
        super().__init__("auto")
        self.maps: list[tuple[Map, float]] = []
        self._numbers: dict[int, int] = {}
        self.names: dict[str, str] = {}

    def map_image(self, shown: Map, rect: Rect, scale: float) -> str:
        """Return a group as large as a rectangle, with one unit for each cell."""
        return self._place_map(shown, rect, scale, "")

    def mark_cells(self, shown: Map, rect: Rect) -> str:
        """Return the same group above cells that are drawn already."""
        return self._place_map(shown, rect, 1.0, ' data-drawn="yes"')

    def _place_map(self, shown: Map, rect: Rect, scale: float, more: str) -> str:
        # The pictures of one page show the same maps.
        number = self._numbers.get(id(shown))
        if number is None:
            number = self._numbers[id(shown)] = len(self.maps)
            self.maps.append((shown, scale))
        x = format_coordinate(rect.x)
        y = format_coordinate(rect.y)
        across = rect.width / shown.columns
        down = rect.height / shown.rows
        place = f"translate({x} {y}) scale({across:.5g} {down:.5g})"
        return (
            f'<g data-map="{number}"{more} transform="{place}"><title></title>'
            f'<rect width="{shown.columns}" height="{shown.rows}" fill="none"/></g>'
        )

    def wrap_node(self, id: str, content: str) -> str:
        """Return a box as a button."""
        return self._wrap(id, content, "block")

    def wrap_group(self, path: str, content: str) -> str:
        """Return a frame as a button; panels hold no calls of their own."""
        id = frame_id(path)
        return self._wrap(id, content, "block frame") if id in self.names else content

    def _wrap(self, id: str, content: str, kind: str) -> str:
        name = escape(self.names[id], 300)
        return (
            f'<g class="{kind}" data-block="{escape(id)}" tabindex="0" role="button" '
            f'aria-pressed="false" aria-label="{name}">{content}</g>'
        )


def frame_id(path: str) -> str:
    """Return the id of a frame, which no box has."""
    return f"frame {path}"


def draw_block_views(
    snapshot: Snapshot, folds: Sequence[Fold], tokens: Sequence[str], vocabulary: Sequence[str]
) -> BlockViews:
    """Return the blocks of a graph, laid out for several widths.

    Args:
        snapshot: The graph.
        folds: The boxes of its page.
        tokens: As for `viz.draw`.
        vocabulary: As for `viz.draw`.

    Raises:
        PictureError: Nothing is known about where the graph was made.
    """
    folded = fold_blocks(snapshot, tokens, vocabulary)
    picture = folded.picture
    writer = _PageWriter()
    describe = _Describer(folded, snapshot, folds)
    nodes = picture.by_id
    for block in picture.blocks:
        words = box_tip(block, nodes[block.id])
        writer.names[block.id] = words.removeprefix("module ")
    described = {block.id: describe.block(block, nodes[block.id]) for block in picture.blocks}
    groups = {group.path: group for group in picture.groups}
    for path, frame in folded.frames.items():
        group = groups[path]
        described[frame_id(path)] = describe.frame(frame, group)
        name = path.replace("/", ".")
        writer.names[frame_id(path)] = f"{name}, {group.detail}, {plural(group.calls, 'call')}"
    drawn = []
    for shown_width in WIDTHS:
        placed = lay_out_blocks(picture, inner_width(shown_width))
        drawn.append(_draw(replace(placed, shown_width=shown_width), writer))
    cells = _Cells(folded, snapshot)
    data = {
        "pictures": drawn,
        "boxes": described,
        "maps": [cells.describe(shown, scale) for shown, scale in writer.maps],
    }
    return BlockViews(_write_style(writer), data)


def _draw(placed: PlacedPicture, writer: _PageWriter) -> list[Any]:
    """Return a picture as the script of the page makes it: no markup gets into a page."""
    assert placed.blocks is not None
    content, width, height = draw_blocks(placed, placed.blocks, writer)
    size = f'width="{format_coordinate(width)}" height="{format_coordinate(height)}"'
    view = f'viewBox="0 0 {format_coordinate(width)} {format_coordinate(height)}"'
    look = f'class="blocks" font-family="{FONT}" role="group" aria-label="blocks"'
    return _as_lists(ElementTree.fromstring(f"<svg {look} {size} {view}>{content}</svg>"))


def _as_lists(element: ElementTree.Element) -> list[Any]:
    """Return an element as its tag, its attributes, and its text or its elements.

    Example:
        >>> _as_lists(ElementTree.fromstring('<g id="a"><title>b</title></g>'))
        ['g', {'id': 'a'}, ['title', {}, 'b']]
    """
    children = [_as_lists(child) for child in element]
    texts = [element.text] if element.text else []
    return [element.tag, element.attrib, *texts, *children]


def _write_style(writer: _PageWriter) -> str:
    """Return the rules for both themes: the page follows the reader's choice or the system."""
    names = {f"g{step}": "fill" for step in range(-STEPS, STEPS + 1)}
    names |= {f"d{step}": "fill" for step in range(STEPS + 1)}
    rules = [f".blocks .{name}{{fill:var(--b-{name})}}" for name in names]
    rules.append(f".blocks .g{_ALARM}{{fill:var(--alarm)}}.blocks .m{{font-family:{MONO}}}")
    for rule, (attribute, _) in sorted(writer.dark_rules.items()):
        name = rule.partition("-")[2]
        names[name] = attribute
        rules.append(f".blocks .{rule}{{{attribute}:var(--b-{name})}}")
    light = _declare_colors(names, LIGHT)
    dark = _declare_colors(names, DARK)
    return (
        f".blocks{{{light}}}:root[data-theme='dark'] .blocks{{{dark}}}"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme='light']) .blocks{{{dark}}}}}"
        f"{''.join(rules)}\n"
    )


def _declare_colors(names: Iterable[str], theme: Theme) -> str:
    return ";".join(f"--b-{name}:{find_color(name, theme)}" for name in names)


class _Cells:
    """Which Value each cell of a map shows."""

    def __init__(self, folded: FoldedBlocks, snapshot: Snapshot) -> None:
        self._index = snapshot.index
        self._found: dict[int, list[int]] = {}
        for block in folded.picture.blocks:
            if block.strip is not None:
                self._found[id(block.strip)] = self._of_strip(block, folded)
            matrices = folded.parameters.get(block.id, [])
            box = folded.boxes.get(block.id)
            if block.grids and box is not None:
                for grid, rows in zip(block.grids, find_grid_values(box), strict=True):
                    self._found[id(grid.shown)] = self._of_rows(rows)
            for parameter, matrix in zip(block.parameters, matrices, strict=True):
                self._found[id(parameter.shown)] = self._of_matrix(parameter.shown, matrix)

    def describe(self, shown: Map, scale: float) -> dict[str, Any]:
        """Return the steps of the scale and the Values of a map's cells, row by row."""
        numbers = numpy.array(shown.numbers)
        is_finite = numpy.isfinite(numbers)
        finite = numpy.where(is_finite, numbers, 0.0)
        if shown.is_gray:
            steps = numpy.rint(STEPS * numpy.minimum(1.0, abs(finite))).astype(int)
        else:
            steps = shades(finite, scale, STEPS)
        listed: list[int | None] = numpy.where(is_finite, steps, _ALARM).tolist()
        for i in shown.missing:
            listed[i] = None
        return {
            "columns": shown.columns,
            "colors": "d" if shown.is_gray else "g",
            "steps": listed,
            "values": self._found.get(id(shown), []),
        }

    def _of_strip(self, block: Block, folded: FoldedBlocks) -> list[int]:
        shown = block.strip
        assert shown is not None
        box = folded.boxes.get(block.id)
        rows = _rows_of(folded.inputs[block.id]) if box is None else box.rows()
        cells = []
        for row in rows[: shown.rows]:
            # Of neighbors that are averaged the first one.
            together = -(-len(row) // shown.columns)
            cells += [self._index[node] for node in row[::together]]
        return cells

    def _of_rows(self, rows: list[list[Value | None]]) -> list[int]:
        return [-1 if node is None else self._index[node] for row in rows for node in row]

    def _of_matrix(self, shown: Map, matrix: Matrix) -> list[int]:
        is_turned = (shown.rows, shown.columns) != matrix.shape
        cells = [-1] * (shown.rows * shown.columns)
        for (row, column), leaf in matrix.cells.items():
            down, across = (column, row) if is_turned else (row, column)
            cells[down * shown.columns + across] = self._index[leaf]
        return cells


def _rows_of(matrix: Matrix) -> list[list[Value]]:
    rows: dict[int, list[Value]] = {}
    for (row, _), leaf in sorted(matrix.cells.items(), key=lambda item: item[0]):
        rows.setdefault(row, []).append(leaf)
    return list(rows.values())


class _Describer:
    """What the panel of the page says of each box."""

    def __init__(self, folded: FoldedBlocks, snapshot: Snapshot, folds: Sequence[Fold]) -> None:
        self._folded = folded
        self._snapshot = snapshot
        self._folds = folds
        self._fold_of: dict[int, int] = {}
        for number, fold in enumerate(folds):
            self._fold_of.update(dict.fromkeys(fold.values, number))

    def block(self, block: Block, node: Node) -> dict[str, Any]:
        """Return a box as JSON holds it."""
        box = self._folded.boxes.get(block.id)
        parameters = []
        for parameter in block.parameters:
            size = parameter.shown.note  # the map may be turned
            parameters.append([parameter.name, size, *json_numbers([parameter.norm])])
        return {
            "title": block.title or "inputs",
            "around": node.group.replace("/", "."),
            "line": block.line,
            "values": block.values,
            "calls": block.calls,
            "norm": json_numbers([block.norm])[0],
            "note": block.note,
            "source": "" if box is None else _find_source(box),
            "parameters": parameters,
            "opens": self._leaves(block) if box is None else self._calls(box, block.title),
        }

    def frame(self, frame: Frame, group: Group) -> dict[str, Any]:
        """Return a frame as JSON holds it."""
        made: dict[Scope, list[Value]] = defaultdict(list)
        for box in self._folded.boxes.values():
            for call, nodes in box.made.items():
                for scope in () if call is None else call.chain():
                    if scope in frame.calls:
                        made[scope] += nodes
        opens = []
        calls = sorted(made, key=frame.calls.__getitem__)
        for number, call in enumerate(calls, 1):
            name = f"{group.title} #{number}" if len(calls) > 1 else group.title
            last = max(self._snapshot.index[node] for node in made[call])
            opens.append([name, self._find_fold(made[call]), last])
        return {
            "title": group.title,
            "around": group.parent.replace("/", "."),
            "line": "",
            "values": sum(map(len, made.values())),
            "calls": group.calls,
            "norm": None,
            "note": "",
            "source": _find_call(frame),
            "parameters": [],
            "opens": opens[:MAX_OPENED],
        }

    def _leaves(self, block: Block) -> list[list[Any]]:
        """Return for each leaf its name and its number."""
        leaves = list(self._folded.inputs[block.id].cells.values())[:MAX_OPENED]
        index = self._snapshot.index
        return [[self._snapshot.labels[leaf] or "input", 0, index[leaf]] for leaf in leaves]

    def _calls(self, box: Box, title: str) -> list[list[Any]]:
        """Return for each call its name, the box of the page around it, and its last result."""
        frame = box.folded or box.frame
        numbers = {} if frame is None else frame.calls
        found = []
        made = sorted(box.made.items(), key=lambda item: _rank(item[0], numbers))
        for number, (call, nodes) in enumerate(made, 1):
            results = list(box.outputs.get(call, ())) or nodes
            name = f"{title} #{number}" if len(made) > 1 else title
            fold = self._find_fold(nodes)
            found.append([name, fold, self._snapshot.index[results[-1]]])
        return found[:MAX_OPENED]

    def _find_fold(self, nodes: Sequence[Value]) -> int:
        """Return the innermost box of the page that some Values are in."""
        common: list[int] | None = None
        for number in {self._fold_of[self._snapshot.index[node]] for node in nodes}:
            path = self._path_to(number)
            if common is None:
                common = path
            matching = [a for a, b in zip(common, path, strict=False) if a == b]
            common = matching
        return common[-1] if common else 0

    def _path_to(self, number: int) -> list[int]:
        path = []
        while number >= 0:
            path.append(number)
            number = self._folds[number].parent
        return path[::-1]


def _rank(call: Call, numbers: Mapping[Scope, int]) -> int:
    return -1 if call is None else numbers.get(call, -1)


def _find_source(box: Box) -> str:
    """Return the line of code that made a box: the call of its function, or its statement."""
    if box.folded is not None:
        return _find_call(box.folded)
    return _write_line(box.values[-1].made_at)


def _find_call(frame: Frame) -> str:
    """Return the line of code that called a function, "" for a module or a named block."""
    scope = frame.scope
    return _write_line(scope.called_at) if isinstance(scope, CallScope) else ""


def _write_line(line: SourceLine | None) -> str:
    return "" if line is None else clean(line_in_file(line), _MAX_LINE)
