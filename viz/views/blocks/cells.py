"""The calls of an open box as cells: what leaves each, and how strong its gradient is."""

from collections.abc import Sequence

from scalargrad.core.value import Value
from viz.model.block_card import CallCell
from viz.model.heatmap import Map, map_rows

from .assign import Box, Boxes, Call
from .fold import Frame
from .grids import find_shares
from .strips import MAX_COLUMNS, Numbers, make_strip

MAX_CELLS = 40
"""Calls that are shown as cells."""


def make_cells(
    boxes: Boxes,
    box: Box,
    numbers: Numbers,
    tokens: Sequence[str] = (),
    vocabulary: Sequence[str] = (),
) -> tuple[tuple[CallCell, ...], int]:
    """Return the calls of a box as cells, and how many of them are in one call around it.

    Args:
        boxes: The graph, folded.
        box: The box.
        numbers: What is shown of each Value.
        tokens: The names of the calls at the positions of a sequence.
        vocabulary: The names of the columns of what has as many.
    """
    calls = _sort(box)
    places = _find_places(boxes, box, calls)
    positions = [place for place, _ in places]
    in_row = 0
    if 1 < len(set(positions)) < len(calls):
        in_row = max(positions.count(position) for position in set(positions))
    cells = []
    for call, (position, number) in list(zip(calls, places, strict=True))[:MAX_CELLS]:
        token = tokens[position] if len(tokens) == _count_positions(boxes, box) else ""
        passed_on = [node for node in box.outputs[call] if _leaves(boxes, box, node)]
        later = [node for node in box.outputs[call] if _is_used_later(boxes, box, node)]
        shown, columns, framed = _show_row(passed_on, numbers, tokens, vocabulary)
        cells.append(
            CallCell(
                f"#{number} {token}".rstrip(),
                len(box.made[call]),
                shown,
                numbers.norm(passed_on),
                columns,
                framed,
                len(later),
            )
        )
    return tuple(cells), in_row


def _sort(box: Box) -> list[Call]:
    """Return the calls in order."""
    frame = box.folded or box.frame
    calls = {} if frame is None else frame.calls
    return sorted(box.made, key=lambda call: -1 if call is None else calls.get(call, -1))


def _find_around(box: Box) -> Frame | None:
    """Return the frame whose calls are the positions of a sequence: that around, or its own."""
    if box.frame is not None and len(box.frame.calls) > 1:
        return box.frame
    return box.folded


def _count_positions(boxes: Boxes, box: Box) -> int:
    around = _find_around(box)
    return 0 if around is None else boxes.frames.count(around)


def _find_places(boxes: Boxes, box: Box, calls: Sequence[Call]) -> list[tuple[int, int]]:
    """Return the position of each call in a sequence, from 0 on, and its own number, from 1 on."""
    around = _find_around(box)
    own = box.folded or box.frame
    places = []
    for i, call in enumerate(calls):
        chain = [] if call is None else call.chain()
        outer = [scope for scope in chain if around is not None and scope in around.calls]
        position = boxes.frames.number(around, outer[-1]) - 1 if around and outer else i
        number = i + 1
        if own is not None and call is not None and call in own.calls:
            number = boxes.frames.number(own, call)
        places.append((position, number))
    return places


def _leaves(boxes: Boxes, box: Box, node: Value) -> bool:
    """Return whether anything but the box itself uses a Value."""
    users = boxes.snapshot.users.get(node, [])
    is_root = node in boxes.snapshot.roots
    return is_root or any(boxes.owner(user) is not box for user in users)


def _is_used_later(boxes: Boxes, box: Box, node: Value) -> bool:
    return any(
        boxes.owner(user) is box and boxes.call(user) is not boxes.call(node)
        for user in boxes.snapshot.users.get(node, [])
    )


def _show_row(
    outputs: list[Value], numbers: Numbers, tokens: Sequence[str], vocabulary: Sequence[str]
) -> tuple[Map | None, tuple[str, ...], tuple[int, ...]]:
    """Return the row of a cell, the names of its columns, and what is framed in it."""
    shares = list(find_shares(outputs))
    if len(shares) == 1 and len(shares[0].numbers) <= MAX_COLUMNS:
        row = map_rows("shares", [shares[0].numbers])
        gray = Map("shares", 1, row.columns, row.numbers, is_gray=True, scale=1.0)
        framed = tuple(shares[0].used) if len(shares[0].used) == 1 < row.columns else ()
        return gray, _name_columns(row.columns, tokens, vocabulary), framed
    strip = make_strip([outputs], numbers).shown
    if strip is None:
        return None, (), ()
    columns = tuple(vocabulary) if len(vocabulary) == strip.columns else ()
    return strip, columns, ()


def _name_columns(count: int, tokens: Sequence[str], vocabulary: Sequence[str]) -> tuple[str, ...]:
    if len(vocabulary) == count:
        return tuple(vocabulary)
    return tuple(tokens[:count]) if count <= len(tokens) else ()
