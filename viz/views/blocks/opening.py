"""Which frames and boxes the names that the user gives open, one level each."""

import re
from collections.abc import Iterable, Mapping, Sequence

from scalargrad.errors import OptionError
from viz.look.text import clean, hint
from viz.model.picture import MAX_CHIPS

from .assign import Box, Boxes, Opened
from .fold import Frame

_CALL = re.compile(r"(?P<name>.+) #(?P<number>[0-9]{1,6})")
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
    matches = {name: _match(name, names) for name in pending}
    known = [name for name, (things, _) in matches.items() if things]
    if not known:
        raise OptionError(_explain_unknown(pending[0], names))
    name = min(known, key=lambda name: _depth(matches[name][0][0]))
    things, number = matches[name]
    for thing in things:
        if isinstance(thing, Frame):
            _open_calls(opened, thing, number, name)
        else:
            _open_box(opened, boxes, thing, number, name)
    pending.remove(name)


def _open_calls(opened: Opened, frame: Frame, number: int, name: str) -> None:
    count = len(frame.calls)
    if number > count:
        raise OptionError(f"expand names {clean(name)!r}, but there are only {count:,} calls")
    if not number and count > MAX_CHIPS:
        raise OptionError(
            f"{clean(name)!r} has {count:,} calls, too many to be drawn one by one: name one of "
            f"them, such as {f'{clean(name)} #1'!r}"
        )
    if count == 1:
        return  # it is open
    apart = opened.calls.get(frame.key)
    is_all = not number or apart == frozenset()
    opened.calls[frame.key] = frozenset() if is_all else (apart or frozenset()) | {number}


def _open_box(opened: Opened, boxes: Boxes, box: Box, number: int, name: str) -> None:
    if box.single is not None:
        return  # there is nothing in it
    if box.folded is not None and (number or box.calls > 1):
        _open_calls(opened, box.folded, number, name)
    elif box.folded is not None and len({node.made_at for node in box.values}) > 1:
        opened.lines.add(box.key)
    else:
        partial_sums = boxes.fold_sums(box.values).folded.intersection(box.values)
        count = len(box.values) - len(partial_sums)
        if count > MAX_CHIPS:
            raise OptionError(
                f"{clean(name)!r} holds {count:,} values, where chains of + are one: only up to "
                f"{MAX_CHIPS} are drawn one by one"
            )
        opened.values.add(box.key)


def _match(name: str, names: Names) -> tuple[Sequence[Box | Frame], int]:
    """Return what a name stands for, and the number of the call that it ends with, 0 for none."""
    plain = {known.replace("/", "."): known for known in names}
    own = name if name in names else plain.get(name)
    if own is not None:
        return names[own], 0
    call = _CALL.fullmatch(name)
    if call is None:
        return (), 0
    things, _ = _match(call["name"], names)
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
