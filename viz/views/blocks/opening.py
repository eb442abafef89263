"""Which frames and boxes the names that the user gives open, one level each."""

import re
from collections.abc import Iterable, Mapping, Sequence

from scalargrad.errors import OptionError
from viz.look.text import clean, hint
from viz.model.picture import MAX_CHIPS
from viz.views.call_values import count_nodes
from viz.views.sums import fold_sums

from .assign import Box, Boxes, Opened
from .fold import Frame

_CALL = re.compile(r"(?P<name>.+) #(?P<number>[0-9]{1,6})")
MAX_IN_PLACE = 32
"""Single Values that are drawn among the boxes; more of them are a picture of their own."""
MAX_SPELLED = 8
"""Names that a message spells out."""

Names = Mapping[str, Sequence[Box | Frame]]
"""What is drawn, by its title and by its path."""


def open_next(opened: Opened, pending: list[str], names: Names, boxes: Boxes) -> None:
    """Open the outermost of what some names stand for, and take its name from the list.

    What is inside of a frame is another thing in each of its calls: so that comes later, when the
    calls are kept apart.

    Args:
        opened: What was opened up to now; more is added.
        pending: The names that the user gave.
        names: What is drawn.
        boxes: The graph, folded as it is drawn.

    Raises:
        OptionError: None of the names is known, or what is named is too large to be opened.
    """
    matches = {name: match_name(name, names) for name in pending}
    known = [name for name, (things, _) in matches.items() if things]
    if not known:
        raise OptionError(_explain_unknown(pending[0], names))
    name = min(known, key=lambda name: _depth(matches[name][0][0]))
    things, number = matches[name]
    for thing in things:
        if isinstance(thing, Frame):
            _open_frame(opened, thing, number, name)
        else:
            _open_box(opened, boxes, thing, number, name)
    pending.remove(name)


def _open_frame(opened: Opened, frame: Frame, number: int, name: str) -> None:
    """Open a frame into its calls, side by side; or one of them, with the others as they are."""
    if len(frame.calls) == 1:
        return  # it is open
    opened.closed.add(frame.key)
    if number:
        _keep_apart(opened, frame, number, name)
    else:
        _check_calls(len(frame.calls), 0, name)


def _keep_apart(opened: Opened, frame: Frame, number: int, name: str) -> None:
    apart = opened.calls.get(frame.key, frozenset())
    _check_calls(len(frame.calls) + len(apart), number, name)
    opened.calls[frame.key] = apart | {number}


def _check_calls(count: int, number: int, name: str) -> None:
    if number > count:
        raise OptionError(f"expand names {clean(name)!r}, but there are only {count:,} calls")
    if not number and count > MAX_CHIPS:
        raise OptionError(
            f"{clean(name)!r} has {count:,} calls, too many to be drawn one by one: name one of "
            f"them, such as {f'{clean(name)} #1'!r}"
        )


def _open_box(opened: Opened, boxes: Boxes, box: Box, number: int, name: str) -> None:
    if box.single is not None:
        return  # there is nothing in it
    if box.folded is not None and box.folded.has_calls:
        _open_closed(opened, box.folded, number, name)
    elif number or box.calls > 1:
        _open_calls(opened, box, number, name)
    elif box.folded is not None and len({node.made_at for node in box.values}) > 1:
        opened.lines.add(box.key)
    else:
        _open_values(opened, boxes, box, name)


def _open_closed(opened: Opened, frame: Frame, number: int, name: str) -> None:
    """Open one call of a frame that is one box; the only one without its number, too."""
    if number:
        _keep_apart(opened, frame, number, name)
    elif len(frame.calls) == 1:
        opened.closed.discard(frame.key)


def _open_calls(opened: Opened, box: Box, number: int, name: str) -> None:
    """Show the calls of a box as cells; or keep one of them apart, as a box by itself."""
    if not number:
        _check_calls(box.calls, number, name)
        opened.cells.add(box.key)
    elif box.folded is not None:
        _keep_apart(opened, box.folded, number, name)
    elif box.calls > 1:
        _check_calls(box.calls, number, name)
        opened.parts[box.key].add(number)


def _open_values(opened: Opened, boxes: Boxes, box: Box, name: str) -> None:
    """Show single Values: a few in the place of their box, more as a picture of their own."""
    folded = fold_sums(boxes.snapshot, box.values).folded
    count = sum(1 for node in box.values if node not in folded)
    if count <= MAX_IN_PLACE:
        opened.values.add(box.key)
        return
    count = count_nodes(boxes.snapshot, box.values)
    if count > MAX_CHIPS:
        has_outputs = box.folded is not None and len(box.results()) > 1
        instead = f"; one output alone is {f'{clean(name)}[0]'!r}" if has_outputs else ""
        raise OptionError(
            f"{clean(name)!r} holds {count:,} values with what goes into them, where chains of + "
            f"are one: only up to {MAX_CHIPS} are drawn one by one{instead}"
        )
    opened.alone = box.values
    opened.name = name


def match_name(name: str, names: Names) -> tuple[Sequence[Box | Frame], int]:
    """Return what a name stands for, and the number of the call that it ends with, 0 for none.

    Args:
        name: The name that the user gave.
        names: What is drawn.
    """
    plain = {known.replace("/", "."): known for known in names}
    own = name if name in names else plain.get(name)
    if own is not None:
        return names[own], 0
    call = _CALL.fullmatch(name)
    if call is None:
        return (), 0
    things, _ = match_name(call["name"], names)
    return things, int(call["number"])


def _depth(thing: Box | Frame) -> tuple[bool, int]:
    frame = thing if isinstance(thing, Frame) else thing.frame
    return isinstance(thing, Box), 0 if frame is None else len(frame.chain())


def _explain_unknown(name: str, names: Iterable[str]) -> str:
    known = [known.replace("/", ".") for known in names]
    some = ", ".join(known[:MAX_SPELLED]) or "none"
    return (
        f"expand names {clean(name)!r}, which is no box and no frame of this graph; "
        f"they are {some}{' …' if len(known) > MAX_SPELLED else ''}{hint(name, known)}"
    )
