"""Positions of blocks around a residual stream: the stream runs straight, branches hang beside it.

There are two forms. On a wide page the stream runs to the right on top, and each branch hangs below
it as columns of boxes. In a column of text the stream runs down at the left, and each branch is at
its right as rows of boxes. In both the last line of a branch runs back to the stream.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from viz.look.measures import BLOCK
from viz.model.picture import Picture

from .block_order import Branch, StreamParts, fill_lines, find_depths
from .block_places import BlockPlan
from .geometry import Point, Rect, Size

_PANEL_TITLE = 24.0
_MAX_COLUMN = 655.0
"""Height of a column of boxes in a branch below a stream."""
_GAP = 24.0
_COLUMN_GAP = 34.0
_SIDE_GAP = 25.0
_LANE = 22.0
_PAD = 14.0
_BELOW_STREAM = 52.0
_LANES_GAP = 34.0
_BELOW_FRAME = 28.0
_MAX_SPREAD = 260.0
_WIDE = 0.8
"""The share of a page that what is on it takes at least, if frames are to be as wide as it."""


@dataclass
class Stage:
    """Where things are so far.

    Attributes:
        plans: The boxes as they were measured.
        rects: Where boxes are, without their sheets.
        outlines: The corners of each frame.
        panels: Where each panel is.
        band: The points that the stream passes.
        corner: A free rectangle for the guide, with any height; None where there is none.
        title_left: How far the heading of a frame is from its left side.
    """

    plans: dict[str, BlockPlan]
    rects: dict[str, Rect] = field(default_factory=dict)
    outlines: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    panels: dict[str, Rect] = field(default_factory=dict)
    band: tuple[Point, ...] = ()
    corner: Rect | None = None
    title_left: float = 12.0

    def size(self, id: str) -> Size:
        """Return the size of a box with the sheets behind it."""
        plan = self.plans[id]
        wide, high = plan.size
        return wide + plan.sheets, high + plan.sheets

    def put(self, id: str, x: float, y: float) -> Rect:
        """Place a box by its upper left corner; return where it is with its sheets."""
        self.rects[id] = Rect(x, y, *self.plans[id].size)
        return Rect(x, y, *self.size(id))

    def outer(self, id: str) -> Rect:
        """Return where a box is with its sheets."""
        return Rect(self.rects[id].x, self.rects[id].y, *self.size(id))

    def around(self, ids: Iterable[str]) -> Rect:
        """Return the rectangle around boxes."""
        return surround([self.outer(id) for id in ids])

    @property
    def extent(self) -> Rect:
        """The rectangle around everything."""
        corners = [Rect(x, y, 0, 0) for outline in self.outlines.values() for x, y in outline]
        boxes = [self.outer(id) for id in self.rects]
        return surround([*boxes, *corners, *self.panels.values()])


def surround(rects: Sequence[Rect]) -> Rect:
    """Return the smallest rectangle around others."""
    left = min(rect.x for rect in rects)
    top = min(rect.y for rect in rects)
    right = max(rect.right for rect in rects)
    bottom = max(rect.bottom for rect in rects)
    return Rect(left, top, right - left, bottom - top)


def corners(rect: Rect) -> tuple[Point, ...]:
    """Return the corners of a rectangle, from the upper left one on, to the right."""
    return (
        (rect.x, rect.y),
        (rect.right, rect.y),
        (rect.right, rect.bottom),
        (rect.x, rect.bottom),
    )


def _branch_lines(
    picture: Picture, branch: Branch, stage: Stage, limit: float, is_row: bool
) -> list[list[str]]:
    """Return the boxes of a branch in lines: columns below a stream, rows beside it."""
    lengths = {id: stage.size(id)[0 if is_row else 1] for id in branch.members}
    depths = find_depths(branch.members, picture.edges)
    gap = _SIDE_GAP if is_row else _GAP
    lines = fill_lines(branch.members, lengths, depths, limit, gap)
    if len(lines) > 1:
        # Back to the stream.
        lines[-1].reverse()
    return lines


# The stream on top


class AcrossForm:
    """The stream runs to the right.

    Args:
        picture: The picture.
        parts: Its parts.
        stage: The boxes; it gets the places.
        is_tight: Whether things are as close to each other as can be.
    """

    def __init__(
        self, picture: Picture, parts: StreamParts, stage: Stage, is_tight: bool = False
    ) -> None:
        self.picture = picture
        self.parts = parts
        self.stage = stage
        self.has_frame = bool(parts.frame)
        self.pad = 9.0 if is_tight else _PAD
        self.gap = 24.0 if is_tight else _COLUMN_GAP
        self.lane = 12.0 if is_tight else _LANE
        self.top = BLOCK.heading if self.has_frame else 0.0
        self.first = picture.stream[0]
        # A stream may end in a + that nothing follows.
        last = picture.stream[-1]
        is_sum = stage.plans[last].block.kind == "sum"
        self.head = list(parts.after)
        if not is_sum:
            self.head.insert(0, last)

    def place(self) -> None:
        """Place everything."""
        lead_end = self._place_lead()
        panels_end = self._place_branches(lead_end)
        self._place_head(panels_end)
        self._place_band()
        if self.has_frame:
            self._draw_frame()

    def _place_lead(self) -> float:
        """Place what comes before the stream, and its first box; return where the last one ends."""
        stage = self.stage
        inside = [*self.parts.before, self.first]
        half = max(stage.size(id)[1] for id in inside) / 2
        self.level = self.top + half
        outside = self.parts.outside
        self.frame_left = 0.0
        if outside:
            top = max(0.0, self.level - self._length(outside) / 2)
            right = self._place_centered(outside, 0.0, top, _GAP).right
            self.frame_left = right + self.gap + 6 - self.pad
        x = self.frame_left
        if self.has_frame:
            x += self.pad + 2
        for id in inside:
            rect = stage.put(id, x, self.level - stage.size(id)[1] / 2)
            x = rect.right + self.gap
        self.lead = stage.around(inside)
        return self.lead.right

    def _place_branches(self, left: float) -> float:
        """Place branches and the + of each; return where the last one ends."""
        stage = self.stage
        self.branch_bottom = self.lead.bottom
        top = max(self.level + BLOCK.sum / 2 + _BELOW_STREAM - 10, self.lead.bottom + 12)
        x = left - 8.0
        last_sum = x
        done = 0
        for branch in self.parts.branches:
            for id in self.picture.stream[done + 1 : branch.end]:
                last_sum = self._put_on_band(id, max(x, last_sum + 40))
                x = max(x, last_sum + 40)
            is_new = branch.end > done
            done = max(done, branch.end)
            lines = _branch_lines(self.picture, branch, stage, _MAX_COLUMN, is_row=False)
            rect, sum_x = self._place_columns(lines, x, top, bool(branch.panel))
            if branch.panel:
                stage.panels[branch.panel] = rect
            self.branch_bottom = max(self.branch_bottom, rect.bottom)
            target = self.picture.stream[branch.end]
            if is_new and stage.plans[target].block.kind == "sum":
                last_sum = self._put_on_band(target, sum_x)
            x = max(rect.right, last_sum) + 14
        for id in self.picture.stream[done + 1 :]:
            if stage.plans[id].block.kind == "sum" or id != self.picture.stream[-1]:
                last_sum = self._put_on_band(id, max(x, last_sum + 40))
                x = last_sum + 40
        return x

    def _put_on_band(self, id: str, center: float) -> float:
        wide, high = self.stage.plans[id].size
        self.stage.put(id, center - wide / 2, self.level - high / 2)
        return center + wide / 2

    def _place_columns(
        self, lines: list[list[str]], left: float, top: float, is_panel: bool
    ) -> tuple[Rect, float]:
        """Place the columns of a branch; return the space it takes, and where its + is."""
        stage = self.stage
        pad = self.pad if is_panel else 4.0
        x = left + pad + (self.lane if self._has_side_lines(lines[0]) else 0.0)
        y = top + pad + (_PANEL_TITLE if is_panel else 0.0)
        heights = [self._length(line) for line in lines]
        tallest = max(heights)
        for i, line in enumerate(lines):
            space = tallest - heights[i]
            gap = _GAP
            down = y
            if i and i < len(lines) - 1:
                down += space / 2
            elif i and len(line) > 1:
                # The last column begins on top, from where its line goes up to the stream.
                gap += min(space / (len(line) - 1), _MAX_SPREAD)
            x = self._place_centered(line, x, down, gap).right + _COLUMN_GAP
        right = x - _COLUMN_GAP + pad
        bottom = y + tallest + pad
        if len(lines) > 1:
            up = lines[-1][0]
            sum_x = stage.rects[up].center
        else:
            right += self.lane + 6
            sum_x = right - pad - 2
        return Rect(left, top, right - left, bottom - top), sum_x

    def _has_side_lines(self, line: list[str]) -> bool:
        """Return whether lines run past boxes of a column at its left."""
        position = {id: i for i, id in enumerate(line)}
        return any(
            edge.source in position
            and edge.target in position
            and position[edge.target] - position[edge.source] != 1
            for edge in self.picture.edges
        )

    def _place_centered(self, ids: Sequence[str], left: float, top: float, gap: float) -> Rect:
        """Place boxes below each other about one line; return the space that they take."""
        stage = self.stage
        widest = max(stage.size(id)[0] for id in ids)
        y = top
        for id in ids:
            wide, high = stage.size(id)
            stage.put(id, left + (widest - wide) / 2, y)
            y += high + gap
        return Rect(left, top, widest, y - gap - top)

    def _length(self, line: Sequence[str]) -> float:
        return sum(self.stage.size(id)[1] for id in line) + _GAP * (len(line) - 1)

    def _place_head(self, left: float) -> None:
        """Place what comes after the stream as a column at the right."""
        stage = self.stage
        column = [*self.head, *self.parts.below]
        if not column:
            return
        x = left + self.gap
        y = self.top
        if self.has_frame:
            x += 6
        # A box that is lower than the stream is deep has the stream at its middle.
        half = stage.size(column[0])[1] / 2
        if not self.head or half < self.level - self.top:
            y = self.level - half
        wide = max(stage.size(id)[0] for id in column)
        places = {}
        for id in column:
            if id == self._first_below and self.has_frame and self.head:
                y += _BELOW_FRAME
            places[id] = y
            y += stage.size(id)[1] + _LANES_GAP
        for id, top in places.items():
            stage.put(id, x + (wide - stage.size(id)[0]) / 2, top)
        if self.head:
            self.head_bottom = stage.outer(self.head[-1]).bottom + self.pad
        self.head_left = x
        self.head_right = x + wide

    @property
    def _first_below(self) -> str:
        """The first box below the frame, "" for none."""
        return self.parts.below[0] if self.parts.below else ""

    def _place_band(self) -> None:
        stage = self.stage
        begin = stage.outer(self.first).right
        last = self.picture.stream[-1]
        end = stage.rects[last].x
        if stage.plans[last].block.kind == "sum":
            end = stage.rects[last].center
        stage.band = ((begin, self.level), (end, self.level))

    def _draw_frame(self) -> None:
        """Draw the frame: its lower edge follows what is inside, so that a corner stays free."""
        stage = self.stage
        bottom_lead = self.lead.bottom + self.pad
        hanging = [rect.x for rect in stage.panels.values()]
        for branch in self.parts.branches:
            hanging += [stage.rects[id].x for id in branch.members]
        panels_left = min(hanging) - self.pad
        bottom = self.branch_bottom + self.pad
        right = stage.extent.right + self.pad
        if self.head:
            right = self.head_right + self.pad
        points: list[Point] = [(self.frame_left, 0.0), (right, 0.0)]
        if self.head:
            step = self.head_left - self.pad
            points += [(right, self.head_bottom), (step, self.head_bottom), (step, bottom)]
        else:
            points.append((right, bottom))
        points += [(panels_left, bottom), (panels_left, bottom_lead)]
        points.append((self.frame_left, bottom_lead))
        stage.outlines[self.parts.frame] = tuple(points)
        stage.corner = Rect(0.0, bottom_lead + 30, panels_left - 26, bottom - bottom_lead - 30)


# The stream at the left


class DownForm:
    """The stream runs down, within a width."""

    def __init__(
        self, picture: Picture, parts: StreamParts, stage: Stage, max_width: float
    ) -> None:
        self.picture = picture
        self.parts = parts
        self.stage = stage
        self.width = max_width
        self.has_frame = bool(parts.frame)
        self.pad = 11.0 if max_width > 500 else 6.0

    @property
    def inner_width(self) -> float:
        """The width of a row in a branch."""
        inset = 2 * self.pad if self.has_frame else 0.0
        return self.width - inset - self._band_space - 2 * self.pad

    @property
    def _band_space(self) -> float:
        return BLOCK.sum + (18.0 if self.width > 500 else 14.0)

    def place(self) -> None:
        """Place everything."""
        stage = self.stage
        picture = self.picture
        y = self._place_rows(self.parts.outside, 0.0, 0.0, self.width)
        frame_top = y
        left = self.pad if self.has_frame else 0.0
        y += BLOCK.heading if self.has_frame else 0.0
        room = self.width - 2 * left
        lead = [*self.parts.before, picture.stream[0]]
        y = self._place_rows(lead, left, y, room)
        first = stage.outer(picture.stream[0])
        if self.parts.outside:
            # What enters from above passes at the left of the heading.
            stage.title_left = stage.outer(lead[0]).right + 14
        self.band_x = left + BLOCK.sum / 2
        self.panel_left = left + self._band_space
        begin: list[Point] = [(first.center, first.bottom)]
        if abs(first.center - self.band_x) > 1:
            begin += [(first.center, y - 10), (self.band_x, y - 10)]
        y += 14.0
        y = self._place_branches(y)
        y = self._place_end(y, begin, room)
        if self.has_frame:
            rect = Rect(0.0, frame_top, self.width, y - frame_top - 8)
            stage.outlines[self.parts.frame] = corners(rect)
            y += 22.0
        self._place_rows(self.parts.below, left, y, room)
        self._shrink()

    def _shrink(self) -> None:
        """Make frame and panels narrower on a page that is much wider than what is in them."""
        stage = self.stage
        used = max(stage.outer(id).right for id in stage.rects) + _LANE + self.pad
        if used > _WIDE * self.width:
            return
        for path, rect in stage.panels.items():
            stage.panels[path] = Rect(rect.x, rect.y, used - rect.x, rect.height)
        if self.has_frame:
            rect = surround([Rect(x, y, 0, 0) for x, y in stage.outlines[self.parts.frame]])
            shrunk = Rect(rect.x, rect.y, used + self.pad - rect.x, rect.height)
            stage.outlines[self.parts.frame] = corners(shrunk)

    def _place_rows(
        self, ids: Sequence[str], left: float, top: float, max_width: float, gap: float = 32.0
    ) -> float:
        """Place boxes in rows; return where the next row would begin."""
        stage = self.stage
        if not ids:
            return top
        lengths = {id: stage.size(id)[0] for id in ids}
        depths = find_depths(ids, self.picture.edges)
        y = top
        for line in fill_lines(ids, lengths, depths, max_width, _COLUMN_GAP):
            tallest = max(stage.size(id)[1] for id in line)
            x = left
            for id in line:
                wide, high = stage.size(id)
                stage.put(id, x, y + (tallest - high) / 2)
                x += wide + _COLUMN_GAP
            y += tallest + gap
        return y

    def _place_branches(self, top: float) -> float:
        stage = self.stage
        y = top
        done = 0
        for branch in self.parts.branches:
            for id in self.picture.stream[done + 1 : branch.end]:
                y = self._put_on_band(id, y + BLOCK.sum / 2) + 20
            rect, sum_y = self._place_branch(branch, y)
            if branch.panel:
                stage.panels[branch.panel] = rect
            target = self.picture.stream[branch.end]
            y = rect.bottom
            if branch.end > done and stage.plans[target].block.kind == "sum":
                y = max(y, self._put_on_band(target, sum_y))
            done = max(done, branch.end)
            y += 18.0
        for id in self.picture.stream[done + 1 : -1]:
            y = self._put_on_band(id, y + BLOCK.sum / 2) + 20
        return y

    def _put_on_band(self, id: str, middle: float) -> float:
        wide, high = self.stage.plans[id].size
        self.stage.put(id, self.band_x - wide / 2, middle - high / 2)
        return middle + high / 2

    def _place_branch(self, branch: Branch, top: float) -> tuple[Rect, float]:
        """Place the rows of a branch; return the space it takes, and where its + is."""
        stage = self.stage
        pad = self.pad if branch.panel else 0.0
        lines = _branch_lines(self.picture, branch, stage, self.inner_width, is_row=True)
        y = top + pad + (_PANEL_TITLE if branch.panel else 6.0)
        bottom = y
        for i, line in enumerate(lines):
            tallest = max(stage.size(id)[1] for id in line)
            x = self.panel_left + pad
            is_back = i and i == len(lines) - 1
            for id in line:
                wide, high = stage.size(id)
                shift = (tallest - high) / 2 if is_back else 0.0
                stage.put(id, x, y + shift)
                x += wide + _SIDE_GAP
            bottom = y + tallest
            y = bottom + (_LANES_GAP if self.width > 500 else 30.0)
        if len(lines) > 1:
            sum_y = stage.outer(lines[-1][0]).middle
        else:
            bottom += 26.0
            sum_y = bottom - 8.0
        right = self.width - (self.pad if self.has_frame else 0.0)
        bottom += pad
        return Rect(self.panel_left, top, right - self.panel_left, bottom - top), sum_y

    def _place_end(self, top: float, begin: list[Point], room: float) -> float:
        """Place the last box of the stream and the end of the band; return where it ends."""
        stage = self.stage
        last = self.picture.stream[-1]
        x = self.band_x
        if stage.plans[last].block.kind == "sum":
            if last not in stage.rects:
                self._put_on_band(last, top + BLOCK.sum)
            end = stage.rects[last].middle
            stage.band = (*begin, (x, end))
            bottom = max(top, end + BLOCK.sum)
            return self._place_rows(self.parts.after, self.panel_left, bottom + 8, room)
        y = top + 14.0
        rect = stage.put(last, self.panel_left + (self.pad if self.width > 500 else 4.0), y)
        level = stage.rects[last].middle
        stage.band = (*begin, (x, level), (rect.x, level))
        y = rect.bottom + 24.0
        return self._place_rows(self.parts.after, self.panel_left, y, room - self._band_space)
