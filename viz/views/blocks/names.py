"""What boxes and frames are called, and what is said about them in one line."""

from collections import Counter

from scalargrad.core.scopes import CallScope
from scalargrad.core.value import Value
from viz.look.text import clean, cut
from viz.model.snapshot import Snapshot, formula
from viz.views.layers.assign import list_name

from .assign import Box
from .fold import Frame
from .statements import is_given_once

MAX_FORMULA = 28
"""Characters of the formula of a line."""
MAX_OPERATION = 12
"""Characters of a formula that is the title of a line."""


def name_frame(frame: Frame) -> str:
    """Return what the heading of a frame says: the function, the module or the named block.

    One that calls no others is a box that the user opened, and keeps the name of the box.
    """
    variable = "" if frame.has_calls else _variable_of_calls(frame)
    return variable or _name_calls(frame)


def _name_calls(frame: Frame) -> str:
    scope = frame.scope
    name = scope.name
    if len({call.name for call in frame.calls}) > 1:
        # Calls of one module, whose names are numbered.
        name = list_name(name)
    return clean(name) or clean(scope.kind) or "module"


def name_box(snapshot: Snapshot, box: Box) -> str:
    """Return the label or the variable of what a box computes, else the function or operation."""
    if box.single is not None:
        return snapshot.labels[box.single] or formula(box.single)
    outputs = box.results()
    if len(outputs) == 1 and snapshot.labels[outputs[0]]:
        return snapshot.labels[outputs[0]]
    if box.folded is not None:
        name = name_frame(box.folded)
        return f"{name} #{box.folded.number}" if box.folded.number else name

    statement = box.statement
    if statement is None:
        return _operations(snapshot, outputs)
    line = box.values[-1].made_at
    if statement.target and line is not None and is_given_once(line, statement.target):
        return clean(statement.target.removeprefix("self."))
    if statement.operation:
        return clean(statement.operation)
    if 0 < len(statement.formula) <= MAX_OPERATION:
        return clean(statement.formula)
    return _operations(snapshot, outputs)


def _variable_of_calls(frame: Frame) -> str:
    """Return the variable that the result of the calls is given to, if it is given only once."""
    scope = frame.scope
    line = scope.called_at if isinstance(scope, CallScope) else None
    if line is None or not line.variable or not is_given_once(line, line.variable):
        return ""
    return clean(line.variable.removeprefix("self."))


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
    return shape if written in ("", title) else cut(written, MAX_FORMULA)


def _shape(box: Box) -> str:
    """Return how many numbers enter and leave at each call, "" where the calls differ."""
    entering = {len(box.entering[call]) for call in box.outputs if call in box.entering}
    leaving = {len(made) for made in box.outputs.values()}
    has_one_shape = len(entering) == len(leaving) == 1 and len(box.entering) >= len(box.outputs)
    if not has_one_shape:
        return ""
    return f"{entering.pop():,} → {leaving.pop():,}"
