"""What opens as a picture of its own: an attention head, one output of a call."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scalargrad.core.scopes import CallScope, Scope
from scalargrad.core.value import Value
from scalargrad.errors import OptionError
from viz.look.text import clean, plural
from viz.model.picture import Picture
from viz.model.snapshot import Snapshot
from viz.views.attention_heads import AttentionHead, find_heads
from viz.views.neuron_tables import find_output_table
from viz.views.open_head import HeadNames, open_head_picture
from viz.views.open_neuron import open_neuron_picture

from .assign import Box
from .fold import Frame
from .opening import Names, match_name

_PART = re.compile(r"(?P<name>[^\[\]]+)\[(?P<number>[0-9]{1,9})\]")
_NUMBERED = re.compile(r"(?P<name>.+)\.(?P<number>[0-9]{1,9})")
"""A part of a module: "heads.1", "positions.4"."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """One call that the user named.

    Attributes:
        scope: The call; None for lines of code that are in no call.
        values: The Values that it made.
        box: The box that it is folded in; None for a part of a module that has no box.
    """

    scope: Scope | None
    values: Sequence[Value]
    box: Box | None = None


def open_alone(
    snapshot: Snapshot, name: str, names: Names, show: str | None, tokens: Sequence[str]
) -> Picture | None:
    """Return what a name opens as a picture of its own, None where it opens a box in its place.

    Args:
        snapshot: The graph.
        name: The name of a call, or of one of its outputs.
        names: What is drawn.
        show: What colors show; None for the default of the graph.
        tokens: The names of the positions of a sequence.

    Raises:
        OptionError: An output is named that is not there, or that is no sum of products.
    """
    part = _PART.fullmatch(name)
    call = _find_call(snapshot, part["name"] if part else name, names, part is not None)
    if call is None:
        return None
    heads = find_heads(snapshot, call.values)
    number = int(part["number"]) if part else 0
    if heads and (part is not None or len(heads) == 1):
        if number >= len(heads):
            raise OptionError(
                f"expand names {clean(name)!r}, but there are only "
                f"{plural(len(heads), 'attention head')}, from [0] on"
            )
        named = _name_head(snapshot, call, heads, number, tokens)
        return open_head_picture(snapshot, heads[number], named, show)
    if part is None:
        return None
    return _open_output(snapshot, call, name, number, show)


def _find_call(snapshot: Snapshot, name: str, names: Names, is_part: bool) -> _Opened | None:
    """Return the one call that a name stands for, None where it stands for several or for none.

    Args:
        snapshot: The graph.
        name: The name of the call.
        names: What is drawn.
        is_part: Whether a part of it is meant: a frame as a whole shows its boxes.
    """
    things, number = match_name(name, names)
    if len(things) == 1 and isinstance(things[0], Box):
        return _call_of_box(things[0], number)
    if len(things) == 1 and is_part and isinstance(things[0], Frame):
        return _call_of_frame(snapshot, things[0], number)
    if things:
        return None
    paths = {path.replace("/", "."): path for path in snapshot.modules}
    path = name if name in snapshot.modules else paths.get(name)
    if path is None:
        return None
    scope = snapshot.modules[path]
    boxes = [thing for things in names.values() for thing in things if isinstance(thing, Box)]
    for box in boxes:
        if box.folded is not None and scope in box.folded.calls and scope in box.made:
            return _Opened(scope, box.made[scope], box)
    values = [node for node in snapshot.order if snapshot.module[node] == path and node.args]
    return _Opened(scope, values)


def _call_of_box(box: Box, number: int) -> _Opened | None:
    calls = list(box.made)
    if box.folded is not None:
        calls = sorted(box.made, key=lambda call: _rank(box.folded, call))
    if number > len(calls) or (not number and len(calls) > 1):
        return None
    call = calls[number - 1 if number else 0]
    return _Opened(call, box.made[call], box)


def _call_of_frame(snapshot: Snapshot, frame: Frame, number: int) -> _Opened | None:
    calls = sorted(frame.calls, key=frame.calls.__getitem__)
    if number > len(calls) or (not number and len(calls) > 1):
        return None
    call = calls[number - 1 if number else 0]
    values = []
    for node in snapshot.order:
        if node.args and node.scope is not None and call in node.scope.chain():
            values.append(node)
    return _Opened(call, values)


def _rank(frame: Frame | None, call: Scope | None) -> int:
    return -1 if frame is None or call is None else frame.calls.get(call, -1)


def _open_output(
    snapshot: Snapshot, call: _Opened, name: str, number: int, show: str | None
) -> Picture | None:
    """Return one output of a call as the table of a neuron."""
    paths = {id(scope): path for path, scope in snapshot.modules.items()}
    path = paths.get(id(call.scope))
    if path is None:
        return None
    try:
        table = find_output_table(snapshot, path, number)
    except IndexError:
        raise OptionError(
            f"expand names {clean(name)!r}, but there is no output {number}"
        ) from None
    if table is None:
        raise OptionError(
            f"expand names {clean(name)!r}, which is not a sum of products: "
            f"name the call without [{number}] instead"
        )
    return open_neuron_picture(snapshot, path, table, show, name)


# Names of heads


def _name_head(
    snapshot: Snapshot,
    call: _Opened,
    heads: Sequence[AttentionHead],
    number: int,
    tokens: Sequence[str],
) -> HeadNames:
    """Return the heading of a head: which one it is, and for which position."""
    head = heads[number]
    parts = _numbered_parts(call.scope)
    place = _place_among(call)
    note = ""
    which = parts.get("heads")
    position = parts.get("positions")
    siblings = _count_siblings(snapshot, call.scope)
    how_many = siblings if which is not None else 0
    if place is not None:
        which, how_many, position, count, function = place
        note = f"{function} call {position + 1} of {count}" if count > 1 else ""
    if len(heads) > 1:
        which, how_many = number, len(heads)
    size = len(head.weights)
    # Causal attention sees the positions up to its own one; otherwise it sees them all.
    is_known = len(tokens) == size or (position == size - 1 and size <= len(tokens))
    names = tuple(tokens[:size]) if is_known else ()
    receiver = ""
    if position is not None and position < len(tokens):
        receiver = tokens[position]
    title = "attention"
    if which is not None and how_many != 1:
        title += f", head h{which}"
        if how_many > 1:
            title += f" of h0 to h{how_many - 1}"
    if receiver:
        title += f", for “{receiver}”"
    elif position is not None:
        title += f", for position {position}"
    return HeadNames(title, note, names, receiver)


def _count_siblings(snapshot: Snapshot, scope: Scope | None) -> int:
    """Return how many heads there are beside the one that a scope is in, itself included."""
    for part in scope.chain() if scope is not None else ():
        if part.name.startswith("heads."):
            scopes = snapshot.modules.values()
            beside = {other.name for other in scopes if other.parent is part.parent}
            return sum(name.startswith("heads.") for name in beside)
    return 0


def _numbered_parts(scope: Scope | None) -> Mapping[str, int]:
    """Return the numbers in the names of the scopes around: of "heads.1" that of "heads"."""
    numbers = {}
    for part in scope.chain() if scope is not None else ():
        numbered = _NUMBERED.fullmatch(part.name)
        if numbered is not None:
            numbers[numbered["name"]] = int(numbered["number"])
    return numbers


def _place_among(call: _Opened) -> tuple[int, int, int, int, str] | None:
    """Return which call it is of those in one call of the frame around, and which that one is.

    Returns:
        Its number and how many there are, the number of the call around and how many there are of
        these, and the function around; None where it is in no frame.
    """
    box = call.box
    if box is None or box.folded is None or call.scope is None:
        return None
    if box.frame is None or len(box.frame.calls) == 1:
        count = len(box.folded.calls)
        position = box.folded.calls[call.scope]
        return (0, 1, position, count, clean(call.scope.name)) if count > 1 else None
    around = [scope for scope in call.scope.chain() if scope in box.frame.calls]
    if not around or not isinstance(around[-1], CallScope):
        return None
    own = [scope for scope in box.folded.calls if around[-1] in scope.chain()]
    ranks = sorted(own, key=lambda scope: box.folded.calls[scope] if box.folded else 0)
    return (
        ranks.index(call.scope),
        len(ranks),
        box.frame.calls[around[-1]],
        len(box.frame.calls),
        clean(around[-1].name),
    )
