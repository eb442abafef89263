"""Positions of any graph of blocks within a width: rows from top to bottom, frames in frames."""

from viz.look.measures import BLOCK
from viz.look.text import width
from viz.model.picture import Edge, Group, Picture

from .block_order import fill_lines, find_depths, sort_by_depth
from .block_stream import Stage, corners
from .geometry import Rect

_GAP = 36.0
_ROW_GAP = 36.0
_BOTTOM = 22.0
_NARROW = 500.0
_LANE = 3.0
MAX_LANES = 28.0


def place_rows(picture: Picture, stage: Stage, max_width: float) -> None:
    """Place boxes in rows, each below those that it depends on or beside them.

    Args:
        picture: The picture.
        stage: The boxes; it gets the places.
        max_width: Where a row ends.
    """
    # Lines that skip rows run at both sides.
    lanes = min(MAX_LANES, _LANE * len(picture.edges))
    _Rows(picture, stage, max_width).place("", lanes, 0.0, max_width - 2 * lanes)


class _Rows:
    def __init__(self, picture: Picture, stage: Stage, max_width: float) -> None:
        self.picture = picture
        self.stage = stage
        self.pad = 14.0 if max_width > _NARROW else 8.0
        self.groups = {group.path: group for group in picture.groups}
        self.ends: dict[str, float] = {}

    def place(self, path: str, left: float, top: float, max_width: float) -> float:
        """Place what is inside a group; return where it ends."""
        items = [node.id for node in self.picture.nodes if node.group == path]
        # A path can be the id of a box: they are told apart by a sign that no id has.
        inner = [f"\0{group.path}" for group in self.picture.groups if group.parent == path]
        edges = [self._lift(edge, path) for edge in self.picture.edges]
        within = [edge for edge in edges if edge.source and edge.target]
        order = sort_by_depth([*items, *inner], within)
        depths = find_depths(order, within)
        lengths = {id: max_width if id in inner else self.stage.size(id)[0] for id in order}
        y = top
        for line in fill_lines(order, lengths, depths, max_width, _GAP):
            if line[0] in inner:
                y = self._place_group(self.groups[line[0][1:]], left, y, max_width) + _ROW_GAP
                continue
            tallest = max(self.stage.size(id)[1] for id in line)
            x = left
            for id in line:
                wide, high = self.stage.size(id)
                self.stage.put(id, x, y + (tallest - high) / 2)
                x += wide + _GAP
            y += tallest + _ROW_GAP
        return y - _ROW_GAP

    def _place_group(self, group: Group, left: float, top: float, max_width: float) -> float:
        inner = left + self.pad + (14.0 if max_width > _NARROW else 8.0)
        room = max_width - (inner - left) - self.pad - (14.0 if max_width > _NARROW else 8.0)
        bottom = self.place(group.path, inner, top + BLOCK.heading, room) + _BOTTOM
        # A frame is as wide as what is in it and the lines beside.
        right = max(self._right_ends(group.path), default=left) + self.pad + 16.0
        title = width(group.title, BLOCK.frame, bold=True) + width(group.detail, BLOCK.note) + 110
        wide = min(max_width, max(right - left, title))
        rect = Rect(left, top, wide, bottom - top)
        self.ends[group.path] = rect.right
        if group.is_panel:
            self.stage.panels[group.path] = rect
        else:
            self.stage.outlines[group.path] = corners(rect)
        return bottom

    def _right_ends(self, path: str) -> list[float]:
        """Return where the boxes and frames of a group end at the right."""
        boxes = [node.id for node in self.picture.nodes if node.group == path]
        frames = [group.path for group in self.picture.groups if group.parent == path]
        ends = [self.stage.outer(id).right for id in boxes]
        return ends + [self.ends[frame] for frame in frames]

    def _lift(self, edge: Edge, path: str) -> Edge:
        """Return an edge between the items of a group that its ends are in, "" for none."""
        source = self._item(edge.source, path)
        target = self._item(edge.target, path)
        return Edge(source, target) if source != target else Edge("", "")

    def _item(self, id: str, path: str) -> str:
        group = self.picture.by_id[id].group
        if group == path:
            return id
        while group:
            parent = self.groups[group].parent
            if parent == path:
                return f"\0{group}"
            group = parent
        return ""
