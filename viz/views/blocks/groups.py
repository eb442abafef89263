"""The groups around boxes: frames of folded calls, and panels beside a residual stream."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from viz.look.text import plural
from viz.model.picture import Group

from .assign import Box, Boxes
from .fold import Frame
from .names import Variables, name_frame
from .parameters import Matrix
from .stream import Residual, Stream, name_panel

Around = Frame | Residual


class Groups:
    """Which frames and panels are drawn, and which boxes they are around.

    Args:
        boxes: The graph, folded.
        stream: Its residual stream.
        variables: The variables that results are given to.
        names: The names of parameters, as they are shown.
        matrices: The parameters of each box.
    """

    def __init__(
        self,
        boxes: Boxes,
        stream: Stream,
        variables: Variables,
        names: Mapping[str, str],
        matrices: Mapping[Box, Sequence[Matrix]],
    ) -> None:
        self._boxes = boxes
        self._members: dict[Frame, list[Box]] = defaultdict(list)
        for box in boxes.all:
            if box.frame is not None:
                for frame in box.frame.chain():
                    self._members[frame].append(box)
        self._shown = {
            frame
            for frame in self._members
            if not self._is_everything(frame) and not self._holds_one(frame)
        }
        self._panel_of: dict[Box | Frame, Residual] = {}
        for residual in stream.all:
            self._make_panel(residual)

        self._titles: dict[Around, str] = {}
        for frame in self._shown:
            self._titles[frame] = name_frame(frame, variables.of(frame))
        for residual in self._panel_of.values():
            used = [m.name for box in residual.inside for m in matrices[box]]
            self._titles[residual] = name_panel([names[name] for name in used])
        self._paths: dict[Around, str] = {}
        self._used: set[str] = set()
        for box in boxes.all:
            self._name_around(box)

    def path_around(self, box: Box) -> str:
        """Return the path of the innermost group around a box, "" for none."""
        inner = self._innermost(box)
        return "" if inner is None else self._paths[inner]

    def frames_around(self, box: Box) -> str:
        """Return the path of the frames around a box, without the panels; "" for none."""
        chain = [] if box.frame is None else box.frame.chain()
        return "/".join(self._own_name(frame) for frame in reversed(chain) if frame in self._shown)

    def frames(self) -> Iterator[tuple[Frame, str]]:
        """Yield the frames that are drawn, with their paths."""
        for around, path in self._paths.items():
            if isinstance(around, Frame):
                yield around, path

    def all(self) -> Iterator[Group]:
        """Yield the groups, outer ones first."""
        for around, path in sorted(self._paths.items(), key=lambda item: item[1].count("/")):
            outer = self._around(around)
            parent = "" if outer is None else self._paths[outer]
            if isinstance(around, Residual):
                yield Group(path, self._titles[around], parent, is_panel=True)
                continue
            values = sum(len(box.values) for box in self._members[around])
            number = f"call {around.number}, " if around.number else ""
            detail = number + plural(values, "value")
            yield Group(path, self._titles[around], parent, detail, calls=len(around.calls))

    def _is_everything(self, frame: Frame) -> bool:
        """Return whether a frame is one call with the whole graph inside, which says nothing."""
        is_whole = len(self._members[frame]) == len(self._boxes.all)
        return is_whole and len(frame.calls) == 1 and not frame.number

    def _holds_one(self, frame: Frame) -> bool:
        """Return whether a frame is one call with nothing but another frame inside."""
        inner = [each for each in self._members if each.parent is frame]
        has_nothing_else = len(inner) == 1 and self._members[inner[0]] == self._members[frame]
        return has_nothing_else and len(frame.calls) == 1 and not frame.number

    def _make_panel(self, residual: Residual) -> None:
        """Put what a residual connection skips into a panel, where no frame is cut in two."""
        inside: dict[Box | Frame, None] = {}
        for box in residual.inside:
            item = self._item_in(residual.total.frame, box)
            if item is None:
                return
            if isinstance(item, Frame) and not set(self._members[item]) <= set(residual.inside):
                return
            inside[item] = None
        # One function by itself has a frame already.
        has_frame_only = len(inside) == 1 and isinstance(next(iter(inside)), Frame)
        is_free = self._panel_of.keys().isdisjoint(inside)
        if is_free and not has_frame_only:
            self._panel_of |= dict.fromkeys(inside, residual)

    def _item_in(self, frame: Frame | None, box: Box) -> Box | Frame | None:
        """Return the box, or the frame around it, that is directly inside of a frame."""
        item: Box | Frame = box
        around = box.frame
        while around is not frame:
            if around is None:
                return None
            if around in self._shown:
                item = around
            around = around.parent
        return item

    def _innermost(self, item: Box | Frame) -> Around | None:
        """Return the group directly around a box or a frame."""
        if item in self._panel_of:
            return self._panel_of[item]
        frame = item.frame if isinstance(item, Box) else item.parent
        while frame is not None and frame not in self._shown:
            frame = frame.parent
        return frame

    def _around(self, group: Around) -> Around | None:
        if isinstance(group, Frame):
            return self._innermost(group)
        frame = group.total.frame
        while frame is not None and frame not in self._shown:
            frame = frame.parent
        return frame

    def _name_around(self, box: Box) -> None:
        """Give the groups around a box their paths, the outermost first."""
        groups = []
        group = self._innermost(box)
        while group is not None:
            groups.append(group)
            group = self._around(group)
        for group in reversed(groups):
            if group in self._paths:
                continue
            outer = self._around(group)
            around = "" if outer is None else self._paths[outer]
            self._paths[group] = make_path(around, self._own_name(group), self._used)

    def _own_name(self, group: Around) -> str:
        own = self._titles[group] or "panel"
        number = group.number if isinstance(group, Frame) else 0
        return f"{own} #{number}" if number else own


def make_path(around: str, own: str, used: set[str]) -> str:
    """Return a path that no other box and no other group has.

    Args:
        around: The path of the group around, "" for none.
        own: A name, which may be that of others.
        used: The paths that are used; the new one is added.

    Example:
        >>> used = {"gpt/q"}
        >>> make_path("gpt", "q", used), make_path("", "a / b", used)
        ('gpt/q #2', 'a ∕ b')
    """
    # A slash separates the parts of a path: a look-alike replaces it in names.
    name = own.replace("/", "∕")
    path = plain = f"{around}/{name}" if around else name
    number = 1
    while path in used:
        number += 1
        path = f"{plain} #{number}"
    used.add(path)
    return path
