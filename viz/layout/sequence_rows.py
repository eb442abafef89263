"""Positions in the sequence view: calls from left to right, in rows where a width is given."""

from math import inf

from viz.look.measures import FONT_SIZES
from viz.look.text import width, wrap_text
from viz.model.picture import Picture
from viz.model.sequence_card import Recurrence, SequencePart

from .geometry import Rect
from .node_size import measure_node
from .placed import Heading, PlacedPicture
from .sequence_grid import (
    BELOW,
    CHIP_HEIGHT,
    GAP_WIDTH,
    HEAD,
    HEAD_GAP,
    INPUT,
    MIN_HALF,
    ROW_GAP,
    START,
    TOP,
    SequenceGrid,
    strip_left,
    strip_width,
)
from .sequence_routes import SequenceRouter

_CHIP_TOP = 4.0
_SUMMARY_LINE = 16.0
_SUMMARY_WIDTH = 1000.0
_ROOT_GAP = 34.0


def lay_out_sequence(picture: Picture, max_width: float = inf) -> PlacedPicture:
    """Place the calls side by side, in as many rows as a width needs.

    Args:
        picture: A picture at level "sequence".
        max_width: Where the calls are wider than this together they are placed in rows.
    """
    if picture.sequence is None or not picture.nodes:
        return PlacedPicture(picture, {}, {}, (), (), 0.0, 0.0)
    return _Layout(picture, picture.sequence, max_width).place()


class _Layout:
    def __init__(self, picture: Picture, sequence: Recurrence, max_width: float) -> None:
        self.picture = picture
        self.max_width = max_width
        self.headings = list(_place_summary(sequence.summary, min(max_width, _SUMMARY_WIDTH)))
        top = _SUMMARY_LINE * len(self.headings) + 12.0
        self.grid = SequenceGrid(picture, sequence, top, max_width)
        self.parts = self.grid.parts
        self.rects: dict[str, Rect] = {}
        self.start_counts: dict[float, int] = {}
        summary_widths = [width(line.text, FONT_SIZES.small) for line in self.headings]
        self.right = max([self.grid.right, *summary_widths])
        self.bottom = self.grid.bottom

    def place(self) -> PlacedPicture:
        """Return the picture with positions."""
        for part in self.parts.values():
            if part.kind not in ("head", "root"):
                self.rects[part.id] = self._place_part(part)
        self._place_end()

        router = SequenceRouter(self.grid, self.rects)
        routes = tuple(router.route(edge) for edge in self.picture.edges)
        for (x, baseline), names in router.continued.items():
            text = ", ".join(dict.fromkeys(names))
            self.headings.append(_heading(text, x, baseline))
        return PlacedPicture(
            self.picture,
            self.rects,
            self._place_frames(),
            routes,
            (),
            self.right,
            self.bottom - ROW_GAP,
            headings=tuple(self.headings),
        )

    def _place_frames(self) -> dict[str, Rect]:
        frames: dict[str, Rect] = {}
        for part in self.parts.values():
            path = self.picture.by_id[part.id].group
            if path and path not in frames:
                plan = self.grid.plans[part.row]
                frames[path] = Rect(*self.grid.corner(part), plan.width, plan.height)
        return frames

    # Parts of calls

    def _place_part(self, part: SequencePart) -> Rect:
        x, y = self.grid.corner(part)
        plan = self.grid.plans[part.row]
        if part.kind == "state":
            return self._place_state(part)
        if part.kind == "start":
            return self._place_start(part)
        if part.kind == "gap":
            return Rect(x, self.grid.entry_level(part) - 8, GAP_WIDTH, 16)
        if part.kind == "input":
            size = INPUT
            if part.data is None:
                size = measure_node(self.picture.by_id[part.id], "cards")
            left = x + (plan.width - size[0]) / 2
            return Rect(left, y + plan.height + BELOW + 4, *size)
        return plan.rects[part.role].move(x, y)

    def _place_state(self, part: SequencePart) -> Rect:
        """Place the strip of a state between its call and the next, above or below the line."""
        _, y = self.grid.corner(part)
        plan = self.grid.plans[part.row]
        if part.role in plan.on_top:
            top = y - TOP + _CHIP_TOP
        else:
            rank = self.grid.states_below(part.row).index(part.role)
            top = y + plan.height + BELOW + rank * (CHIP_HEIGHT + 4)
        left = self.grid.gap_center(part.step) - strip_left(part)
        return Rect(left, top, _chip_width(part), CHIP_HEIGHT)

    def _place_start(self, part: SequencePart) -> Rect:
        """Place what a state begins with above its line, at the left of all."""
        level = self.grid.entry_level(part)
        if part.data is None:
            return Rect(0.0, level - 21, START - 6, 14)
        # Those that enter at one place are above each other.
        above = self.start_counts.get(level, 0)
        self.start_counts[level] = above + 1
        top = level - (CHIP_HEIGHT + 8) * (above + 1)
        return Rect(0.0, top, _chip_width(part), CHIP_HEIGHT)

    # What follows

    def _place_end(self) -> None:
        """Place what follows the last call at its right, or below it where it is too wide."""
        grid = self.grid
        last = [part for part in self.parts.values() if part.step == grid.count - 1]
        lanes = [grid.lane(part) for part in last if part.kind == "state"]
        frame_right = grid.columns[-1].x + grid.wide(grid.count - 1)
        x = max([frame_right + HEAD_GAP, *(lane + 22 for lane in lanes)])
        middle = self._exit_level()
        has_head = "head" in self.parts
        if x + HEAD[0] > self.max_width:
            x = grid.columns[-1].x
            middle = self.bottom - ROW_GAP + 16 + HEAD[1] / 2
        if has_head:
            self.rects["head"] = Rect(x, middle - HEAD[1] / 2, *HEAD)

        size = HEAD
        if self.parts["root"].data is None:
            size = measure_node(self.picture.by_id["root"], "cards")
        top = middle - size[1] / 2
        if has_head:
            top = self.rects["head"].bottom + _ROOT_GAP
        self.rects["root"] = Rect(x, top, *size)
        self._clear_strips([self.rects[part.id] for part in last if part.kind == "state"])
        ends = [self.rects[id] for id in ("head", "root") if id in self.rects]
        self.right = max(self.right, *(rect.right + 4 for rect in ends))
        self.bottom = max(self.bottom, self.rects["root"].bottom + ROW_GAP)

    def _exit_level(self) -> float:
        """Return the y at which the state that goes on leaves the last call of the upper cell."""
        exits = self.grid.plans[-1].exits
        _, y = self.grid.corner(self.parts["root"])
        for edge in reversed(self.picture.edges):
            state = self.parts[edge.source]
            is_last = state.kind == "state" and state.step == self.grid.count - 1
            if is_last and edge.target in ("head", "root") and state.role in exits:
                return y + exits[state.role][-1][1]
        return y + HEAD[1]

    def _clear_strips(self, strips: list[Rect]) -> None:
        """Move what follows to the right where it would cover the strips of the last states."""
        ends = [id for id in ("head", "root") if id in self.rects]
        covered = [
            strip for strip in strips for id in ends if strip.overlap(self.rects[id].shrink(-8, -8))
        ]
        if covered:
            dx = max(strip.right for strip in covered) + 12 - self.rects["root"].x
            for id in ends:
                self.rects[id] = self.rects[id].move(dx, 0)


def _place_summary(summary: str, max_width: float) -> list[Heading]:
    """Return the lines that say what is drawn."""
    lines = wrap_text((summary,), FONT_SIZES.small, max_width)
    return [_heading(line, 0.0, 6.0 + _SUMMARY_LINE * i) for i, line in enumerate(lines)]


def _heading(text: str, x: float, baseline: float) -> Heading:
    return Heading(text, x, baseline, is_title=False, is_centered=False)


def _chip_width(part: SequencePart) -> float:
    """Return the width of a state's strip with its name at the left, and of the number below."""
    size = part.data.columns if part.data is not None else 1
    return strip_left(part) + max(strip_width(size) / 2, MIN_HALF)
