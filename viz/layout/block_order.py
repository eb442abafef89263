"""The order of boxes: how deep each is, which belong to a stream, and how they fill lines."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf

from viz.model.picture import Edge, Group, Picture

_SPLIT_RANK = 1.6
"""How much dearer it is to begin a line between boxes that are equally deep."""


@dataclass(frozen=True, slots=True)
class Branch:
    """What leaves a stream and returns to it.

    Attributes:
        panel: The path of the panel around it, "" for none.
        members: Its boxes in order.
        end: The position in the stream of the + that it returns to.
    """

    panel: str
    members: tuple[str, ...]
    end: int


@dataclass(frozen=True, slots=True)
class StreamParts:
    """A graph around a residual stream.

    Attributes:
        frame: The path of the frame around the stream, "" for none.
        outside: What comes before the stream and is outside that frame.
        before: What comes before the stream and is inside.
        branches: What leaves the stream, in the order of its return.
        after: What comes after the end of the stream and is inside the frame.
        below: What comes after it and is outside.
    """

    frame: str
    outside: tuple[str, ...]
    before: tuple[str, ...]
    branches: tuple[Branch, ...]
    after: tuple[str, ...]
    below: tuple[str, ...]


def find_depths(ids: Iterable[str], edges: Iterable[Edge]) -> dict[str, int]:
    """Return the length of the longest way to each box from a box that depends on none of them.

    Of boxes that depend on each other the first one counts as independent.

    Example:
        >>> find_depths("abc", [Edge("a", "b"), Edge("b", "c"), Edge("a", "c"), Edge("c", "b")])
        {'a': 0, 'b': 1, 'c': 2}
    """
    order = list(ids)
    known = set(order)
    operands: dict[str, set[str]] = {id: set() for id in order}
    for edge in edges:
        if edge.source in known and edge.target in known and edge.source != edge.target:
            operands[edge.target].add(edge.source)
    depths: dict[str, int] = {}
    waiting = order
    while waiting:
        ready = [id for id in waiting if operands[id] <= depths.keys()]
        # A cycle: its first box goes ahead, one that something known leads to if there is one.
        led_to = [id for id in waiting if operands[id] & depths.keys()]
        ready = ready or led_to[:1] or waiting[:1]
        new = {}
        for id in ready:
            placed = [depths[operand] for operand in operands[id] if operand in depths]
            new[id] = max(placed, default=-1) + 1
        depths |= new
        waiting = [id for id in waiting if id not in depths]
    return depths


def sort_by_depth(ids: Sequence[str], edges: Iterable[Edge]) -> list[str]:
    """Return boxes so that each comes after those that it depends on."""
    depths = find_depths(ids, edges)
    return sorted(ids, key=depths.__getitem__)


def fill_lines(
    ids: Sequence[str],
    lengths: Mapping[str, float],
    depths: Mapping[str, int],
    limit: float,
    gap: float,
) -> list[list[str]]:
    """Return boxes in as few lines as they fit in, and these about equally long.

    Args:
        ids: The boxes in order.
        lengths: How much of a line each takes.
        depths: How deep each is: equally deep ones are kept together where that costs little.
        limit: The length of a line.
        gap: Between two boxes of a line.

    Example:
        >>> lengths = dict.fromkeys("abcd", 10.0)
        >>> fill_lines("abcd", lengths, {"a": 0, "b": 1, "c": 2, "d": 3}, 35.0, 1.0)
        [['a', 'b'], ['c', 'd']]
    """
    count = len(ids)

    @cache
    def best(start: int) -> tuple[int, float, int]:
        """Return for the boxes from one on: lines, what they cost, where the second begins."""
        if start == count:
            return 0, 0.0, count
        chosen = (count + 1, inf, count)
        length = -gap
        for end in range(start + 1, count + 1):
            length += gap + lengths[ids[end - 1]]
            if length > limit and end > start + 1:
                break
            lines, cost, _ = best(end)
            is_split = end < count and depths[ids[end]] == depths[ids[end - 1]]
            own = length**2 * (_SPLIT_RANK if is_split else 1.0)
            chosen = min(chosen, (lines + 1, cost + own, end))
        return chosen

    lines = []
    start = 0
    while start < count:
        _, _, end = best(start)
        lines.append(list(ids[start:end]))
        start = end
    return lines


# Streams


def find_stream_parts(picture: Picture) -> StreamParts | None:
    """Return the parts of a graph around its stream, None where there is something else in it."""
    if len(picture.stream) < 2:
        return None
    frames = [group for group in picture.groups if not group.is_panel]
    panels = {group.path for group in picture.groups if group.is_panel}
    frame = _frame_around(picture, frames)
    if frame is None:
        return None
    first, *_, last = picture.stream
    operands, users = _neighbors(picture)
    before = _reach(first, operands) - {first}
    after = _reach(last, users) - {last}
    inner = {node.id for node in picture.nodes} - {*picture.stream, *before, *after}
    if before & after or not (before | after).isdisjoint(picture.stream):
        return None
    if any(picture.by_id[id].group in panels for id in (*before, *after)):
        return None
    branches = _find_branches(picture, inner, panels)
    if branches is None:
        return None

    order = sort_by_depth([node.id for node in picture.nodes], picture.edges)

    def pick(among: set[str], is_inside: bool) -> tuple[str, ...]:
        if not frame:
            return tuple(id for id in order if id in among and is_inside)
        inside = {id for id in among if picture.by_id[id].group == frame}
        return tuple(id for id in order if id in among and (id in inside) == is_inside)

    return StreamParts(
        frame,
        outside=pick(before, is_inside=False),
        before=pick(before, is_inside=True),
        branches=branches,
        after=pick(after, is_inside=True),
        below=pick(after, is_inside=False),
    )


def _frame_around(picture: Picture, frames: Sequence[Group]) -> str | None:
    """Return the one frame, which is around the stream and all panels; "" for none at all."""
    if not frames:
        return ""
    if len(frames) > 1:
        return None
    path = frames[0].path
    inside = all(picture.by_id[id].group == path for id in picture.stream)
    panels = all(group.parent == path for group in picture.groups if group.is_panel)
    return path if inside and panels else None


def _find_branches(
    picture: Picture, inner: set[str], panels: set[str]
) -> tuple[Branch, ...] | None:
    """Return what is beside the stream: a branch for each panel, and for each loose part."""
    position = {id: i for i, id in enumerate(picture.stream)}
    members: dict[str, list[str]] = defaultdict(list)
    loose = _parts(picture, {id for id in inner if picture.by_id[id].group not in panels})
    for node in picture.nodes:
        if node.id in inner:
            own = node.group if node.group in panels else f"\0{loose[node.id]}"
            members[own].append(node.id)

    branches = []
    for path, ids in members.items():
        ends = [
            position[edge.target]
            for edge in picture.edges
            if edge.source in ids and edge.target in position
        ]
        if not ends:
            return None
        panel = "" if path.startswith("\0") else path
        branches.append(Branch(panel, tuple(sort_by_depth(ids, picture.edges)), min(ends)))
    return tuple(sorted(branches, key=lambda branch: branch.end))


def _parts(picture: Picture, ids: set[str]) -> dict[str, str]:
    """Return for each box one box of the part that it belongs to: what lines join is one part."""
    part = {id: id for id in ids}
    changed = True
    while changed:
        changed = False
        for edge in picture.edges:
            if edge.source in part and edge.target in part:
                least = min(part[edge.source], part[edge.target])
                changed |= part[edge.source] != least or part[edge.target] != least
                part[edge.source] = least
                part[edge.target] = least
    return part


def _neighbors(picture: Picture) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    operands: dict[str, set[str]] = defaultdict(set)
    users: dict[str, set[str]] = defaultdict(set)
    for edge in picture.edges:
        operands[edge.target].add(edge.source)
        users[edge.source].add(edge.target)
    return operands, users


def _reach(start: str, neighbors: Mapping[str, set[str]]) -> set[str]:
    """Return all that can be reached from a box, itself included."""
    found = {start}
    waiting = [start]
    while waiting:
        new = neighbors.get(waiting.pop(), set()) - found
        found |= new
        waiting += sorted(new)
    return found
