"""What boxes and frames are called, and what is said about them in one line."""

import re
from collections import Counter, defaultdict

from scalargrad.core.scopes import CallScope
from scalargrad.core.source_lines import SourceLine
from scalargrad.core.value import Value
from viz.look.text import clean, cut
from viz.model.snapshot import Snapshot, formula
from viz.views.layers.assign import list_name

from .assign import Box, Boxes
from .fold import Frame

MAX_FORMULA = 28
"""Characters of the formula of a line."""
MAX_OPERATION = 14
"""Characters of a formula that is the title of a line."""
_PLACE_IN_LIST = re.compile(r"(steps\.)?\d+")
"""The name of a module that is an item of a list."""


def name_frame(frame: Frame, variable: str = "") -> str:
    """Return what the heading of a frame says: the function, the module or the named block.

    Args:
        frame: The frame. One that calls no others is a box that the user opened, and is called as
            the box was.
        variable: The variable that its result is given to, "" for none.
    """
    if variable and not frame.has_calls:
        return variable
    scope = frame.scope
    name = scope.name
    if len({call.name for call in frame.calls}) > 1:
        # Calls of one module, whose names are numbered.
        name = list_name(name)
    if scope.is_module and _PLACE_IN_LIST.fullmatch(name):
        # Which step of a Sequential it is says less than what it is.
        name = scope.kind
    return clean(name) or clean(scope.kind) or "module"


def name_box(snapshot: Snapshot, box: Box, variable: str = "") -> str:
    """Return the label or the variable of what a box computes, else the function or operation.

    Args:
        snapshot: The graph.
        box: The box.
        variable: The variable that its result is given to, "" for none.
    """
    if box.single is not None:
        return snapshot.labels[box.single] or formula(box.single)
    outputs = box.results()
    if len(outputs) == 1 and snapshot.labels[outputs[0]]:
        return snapshot.labels[outputs[0]]
    if box.folded is not None:
        name = name_frame(box.folded, variable)
        return f"{name} #{box.folded.number}" if box.folded.number else name

    statement = box.statement
    if statement is None:
        return _operations(snapshot, outputs)
    if box.number:
        own = Box(box.key, box.frame, statement=statement, outputs=box.outputs)
        return f"{name_box(snapshot, own, variable)} #{box.number}"
    if variable:
        return variable
    if statement.operation:
        return clean(statement.operation)
    if 0 < len(statement.formula) <= MAX_OPERATION:
        return clean(statement.formula)
    return _operations(snapshot, outputs)


class Variables:
    """The variables that results are given to, each where a function gives it only once.

    Args:
        boxes: The graph, folded.
    """

    def __init__(self, boxes: Boxes) -> None:
        self._given: dict[Box | Frame, _Given] = {}
        folded = {box.folded for box in boxes.all}
        frames = [frame for frame in boxes.frames.all.values() if frame not in folded]
        items: list[Box | Frame] = [*boxes.all, *frames]
        for item in items:
            found = _find_given(item)
            if found is not None:
                self._given[item] = found
        self._lines: dict[tuple[Frame | None, str], set[SourceLine]] = defaultdict(set)
        for frame, line in self._given.values():
            # A place is the same for all that happens there.
            self._lines[frame, line.variable].add(line._replace(text=""))
        self._statements = {
            (box.frame, box.statement.target) for box in boxes.all if box.statement is not None
        }

    def of(self, item: Box | Frame) -> str:
        """Return the variable that names a box or a frame, "" for none."""
        given = self._given.get(item)
        if given is None:
            return ""
        frame, line = given
        is_part = not _is_statement(item) and (frame, line.variable) in self._statements
        if is_part or len(self._lines[frame, line.variable]) > 1:
            return ""
        return clean(line.variable.removeprefix("self."))


_Given = tuple[Frame | None, SourceLine]
"""The frame in which a variable is given, and the line, with the variable."""


def _is_statement(item: Box | Frame) -> bool:
    return isinstance(item, Box) and item.statement is not None


def _find_given(item: Box | Frame) -> _Given | None:
    """Return the line that gives a result to a variable, None where there is none."""
    if isinstance(item, Box) and item.statement is not None:
        statement = item.statement
        line = SourceLine("", statement.file, statement.line, "", statement.target)
        return (item.frame, line) if statement.target else None
    frame = item.folded if isinstance(item, Box) else item
    scope = None if frame is None else frame.scope
    called_at = scope.called_at if isinstance(scope, CallScope) else None
    if frame is None or called_at is None or not called_at.variable:
        return None
    return frame.parent, called_at._replace(function="")


def _operations(snapshot: Snapshot, outputs: list[Value]) -> str:
    """Return the operation that made most of some Values."""
    symbols = Counter(snapshot.symbols[node] for node in outputs)
    return symbols.most_common(1)[0][0] if symbols else "…"


def describe_box(box: Box, title: str) -> str:
    """Return the second line of a box: its function and sizes, or the formula of its line.

    Args:
        box: The box.
        title: What it is called.
    """
    shape = _shape(box)
    if box.folded is not None:
        scope = box.folded.scope
        function = clean(scope.kind if scope.is_module else scope.name)
        is_title = function == title.partition(" #")[0]
        return " ".join(filter(None, ("" if is_title else function, shape)))
    if box.statement is None or title == box.statement.operation:
        return shape
    written = clean(box.statement.formula, 120)
    if written == title:
        # Its operands have longer names outside of the comprehension.
        written = clean(box.statement.sources, 120)
    return shape if written in ("", title) else cut(written, MAX_FORMULA)


def _shape(box: Box) -> str:
    """Return how many numbers enter and leave at each call, "" where the calls differ."""
    entering = {len(box.entering[call]) for call in box.outputs if call in box.entering}
    leaving = {len(made) for made in box.outputs.values()}
    has_one_shape = len(entering) == len(leaving) == 1 and len(box.entering) >= len(box.outputs)
    if not has_one_shape:
        return ""
    return f"{entering.pop():,} → {leaving.pop():,}"
