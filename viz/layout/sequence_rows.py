"""Positions in the sequence view: calls from left to right, in rows where a width is given."""

from dataclasses import dataclass
from math import inf

from viz.look.measures import FONT_SIZES
from viz.look.text import width, wrap_text
from viz.model.picture import Edge, Picture
from viz.model.sequence_card import Recurrence, SequencePart

from .geometry import Point, Rect
from .node_size import measure_node
from .placed import Heading, PlacedPicture, Route
from .sequence_cells import CellPlan, plan_cell

CHIP_HEIGHT = 34.0
"""The strip of a state, with the norm below it."""
CHIP_CELL = 14.0
CHIP_LABEL = 13.0
_MAX_STRIP = 96.0
_LABEL_GAP = 6.0
_FRAME_GAP = 24.0
_LANE = 14.0
"""Between states that go down side by side."""
_TOP = 52.0
_CHIP_TOP = 4.0
_BELOW = 22.0
_INPUT_HEIGHT = 76.0
_INPUT_WIDTH = 112.0
_GAP_WIDTH = 120.0
_ROW_GAP = 34.0
_START = 42.0
_HEAD: tuple[float, float] = (120.0, 76.0)
_HEAD_GAP = 34.0
_SUMMARY_LINE = 16.0
_SUMMARY_WIDTH = 1000.0


def strip_width(size: int) -> float:
    """Return the width of the strip of a state.

    Example:
        >>> strip_width(4), strip_width(1000)
        (56.0, 96.0)
    """
    return max(CHIP_CELL, min(_MAX_STRIP, CHIP_CELL * size))


def lay_out_sequence(picture: Picture, max_width: float = inf) -> PlacedPicture:
    """Place the calls side by side, in as many rows as a width needs.

    Args:
        picture: A picture at level "sequence".
        max_width: Where the calls are wider than this together they are placed in rows.
    """
    if picture.sequence is None or not picture.nodes:
        return PlacedPicture(picture, {}, {}, (), (), 0.0, 0.0)
    return _Layout(picture, picture.sequence, max_width).place()


@dataclass
class _Column:
    """A call, or what stands for those that are left out.

    Attributes:
        x: The left edge of its frame.
        top: The y of the band of rows that it is in.
        is_first: Whether it begins a band of rows that goes on from one above.
    """

    x: float
    top: float
    is_first: bool


class _Layout:
    def __init__(self, picture: Picture, sequence: Recurrence, max_width: float) -> None:
        self.picture = picture
        self.parts = {part.id: part for part in sequence.parts}
        self.rects: dict[str, Rect] = {}
        self.headings: list[Heading] = []
        self.continued: dict[Point, list[str]] = {}
        self.start_counts: dict[float, int] = {}
        self.right = 0.0
        self.rows = len(sequence.cells)
        self.max_width = max_width
        self.plans = [self._plan(row, cell) for row, cell in enumerate(sequence.cells)]
        self.size = sequence.size
        steps = [part.step for part in sequence.parts if part.kind not in ("head", "root")]
        self.count = max(steps, default=0) + 1
        self.input_width = self._widest_input()
        self.gaps = {part.step for part in sequence.parts if part.kind == "gap"}
        self.summary = self._place_summary(sequence.summary)
        self.offsets = self._stack_rows()
        self.columns = self._place_columns()

    def _plan(self, row: int, cell: str) -> CellPlan:
        of_row = [part for part in self.parts.values() if part.row == row]
        inside = [part for part in of_row if part.kind in ("box", "operation", "joint", "state")]
        ids = {part.id: part.role for part in inside}
        links = set()
        for edge in self.picture.edges:
            is_inside = edge.source in ids and edge.target in ids
            if is_inside and self._is_in_step(edge):
                links.add((ids[edge.source], ids[edge.target]))
        return plan_cell(cell, inside, links)

    def _is_in_step(self, edge: Edge) -> bool:
        return self.parts[edge.source].step == self.parts[edge.target].step

    def _place_summary(self, summary: str) -> float:
        """Place the lines that say what is drawn, and return their height."""
        wide = min(self.max_width, _SUMMARY_WIDTH)
        lines = wrap_text((summary,), FONT_SIZES.small, wide)
        for i, line in enumerate(lines):
            baseline = 6.0 + _SUMMARY_LINE * i
            self.headings.append(Heading(line, 0.0, baseline, is_title=False, is_centered=False))
            self.right = max(self.right, width(line, FONT_SIZES.small))
        return _SUMMARY_LINE * len(lines) + 12.0

    # Where columns and rows are

    def _stack_rows(self) -> list[float]:
        """Return the y of the frame of each cell; what takes from a cell is above it."""
        offsets = [0.0] * self.rows
        y = 0.0
        for row in reversed(range(self.rows)):
            plan = self.plans[row]
            y += _TOP if plan.on_top else 4.0
            offsets[row] = y
            below = self._states_below(row)
            kinds = {part.kind for part in self.parts.values() if part.row == row}
            input_height = _INPUT_HEIGHT if "input" in kinds else 0.0
            y += plan.height + _BELOW + max(input_height, (CHIP_HEIGHT + 4) * len(below))
            y += _ROW_GAP
        self.band = y
        return offsets

    def _states_below(self, row: int) -> list[str]:
        roles = {
            part.role: None
            for part in self.parts.values()
            if part.row == row and part.kind == "state"
        }
        return [role for role in roles if role not in self.plans[row].on_top]

    @property
    def _chip(self) -> float:
        """The space that the strip of a state takes, with its name on one side."""
        states = [part for part in self.parts.values() if part.kind == "state"]
        names = [width(part.title, CHIP_LABEL, bold=True) for part in states]
        sizes = [part.data.columns for part in states if part.data is not None]
        half = strip_width(max(sizes, default=1)) / 2
        return 2 * (half + _LABEL_GAP + max(names, default=0.0))

    def _place_columns(self) -> list[_Column]:
        widest = max(plan.width for plan in self.plans)
        is_started = any(part.kind == "start" and part.data for part in self.parts.values())
        left = max(_START, self._chip if is_started else 0.0)
        last = max(self._chip / 2 + _FRAME_GAP, _HEAD_GAP + _HEAD[0])
        columns: list[_Column] = []
        x = left
        top = self.summary
        for step in range(self.count):
            wide = _GAP_WIDTH if step in self.gaps else widest
            gap = self._gap_after(step)
            # A row ends with the strips of its states, the last one with what follows.
            end = x + wide + (last if step == self.count - 1 else (gap + self._chip) / 2)
            is_first = bool(columns) and x > left and end > self.max_width
            if is_first:
                x = left
                top += self.band
            columns.append(_Column(x, top, is_first))
            self.right = max(self.right, x + wide + (gap + self._chip) / 2)
            x += wide + gap
        self.bottom = top + self.band
        return columns

    def _wide(self, step: int) -> float:
        if step in self.gaps:
            return _GAP_WIDTH
        return max(plan.width for plan in self.plans)

    def _gap_center(self, step: int) -> float:
        """Return the x between a column and the next, where the strips of states are."""
        wide = self._wide(step)
        return self.columns[step].x + wide + self._gap_after(step) / 2

    def _gap_after(self, step: int) -> float:
        """Return the space after a column; strips of states and inputs side by side need some."""
        if step in self.gaps:
            return _FRAME_GAP
        lanes = max(len(self._states_below(row)) for row in range(self.rows))
        least = _FRAME_GAP + _LANE * max(0, lanes - 1)
        return max(least, self._chip + self.input_width + 16 - self._wide(step))

    def _widest_input(self) -> float:
        widest = _INPUT_WIDTH
        for part in self.parts.values():
            if part.kind == "input" and part.data is None:
                widest = max(widest, measure_node(self.picture.by_id[part.id], "cards")[0])
        return widest

    def _corner(self, part: SequencePart) -> Point:
        """Return the upper left corner of the frame that a part belongs to."""
        column = self.columns[min(part.step, self.count - 1)]
        plan = self.plans[part.row]
        # A narrow cell stands in the middle of the column of a wide one.
        shift = 0.0 if part.step in self.gaps else (self._wide(part.step) - plan.width) / 2
        return column.x + shift, column.top + self.offsets[part.row]

    # Parts

    def place(self) -> PlacedPicture:
        """Return the picture with positions."""
        for part in self.parts.values():
            if part.kind not in ("head", "root"):
                self.rects[part.id] = self._place_part(part)
        self._place_end()
        groups = {}
        for group in self.picture.groups:
            inside = next(
                p
                for p in self.parts.values()
                if p.kind == "joint" and p.id.startswith(f"{group.path}joint")
            )
            plan = self.plans[inside.row]
            groups[group.path] = Rect(*self._corner(inside), plan.width, plan.height)
        routes = tuple(self._route(edge) for edge in self.picture.edges)
        self._name_continued()
        return PlacedPicture(
            self.picture,
            self.rects,
            groups,
            routes,
            (),
            self.right,
            self.bottom - _ROW_GAP,
            headings=tuple(self.headings),
        )

    def _place_part(self, part: SequencePart) -> Rect:
        x, y = self._corner(part)
        plan = self.plans[part.row]
        if part.kind == "state":
            return self._place_state(part, self._gap_center(part.step))
        if part.kind == "start":
            return self._place_start(part)
        if part.kind == "gap":
            level = self._level(part)
            return Rect(x, y + level - 8, _GAP_WIDTH, 16)
        if part.kind == "input":
            node = self.picture.by_id[part.id]
            wide, high = _INPUT_WIDTH, _INPUT_HEIGHT
            if part.data is None:
                wide, high = measure_node(node, "cards")
            return Rect(x + (plan.width - wide) / 2, y + plan.height + _BELOW + 4, wide, high)
        return plan.rects[part.role].move(x, y)

    def _place_state(self, part: SequencePart, center: float) -> Rect:
        _, y = self._corner(part)
        plan = self.plans[part.row]
        size = part.data.columns if part.data is not None else 1
        half = strip_width(size) / 2 + _LABEL_GAP + width(part.title, CHIP_LABEL, bold=True)
        if part.role in plan.on_top:
            top = y - _TOP + _CHIP_TOP
        else:
            rank = self._states_below(part.row).index(part.role)
            top = y + plan.height + _BELOW + rank * (CHIP_HEIGHT + 4)
        wide = strip_width(size) / 2 + half
        return Rect(center - half, top, max(wide, half + 24), CHIP_HEIGHT)

    def _place_start(self, part: SequencePart) -> Rect:
        _, y = self._corner(part)
        level = y + self._level(part)
        if part.data is None:
            return Rect(0.0, level - 21, _START - 6, 14)
        # Those that enter at one place are above each other.
        above = self.start_counts.get(level, 0)
        self.start_counts[level] = above + 1
        rect = self._place_state(part, 0.0)
        return Rect(0.0, level - (CHIP_HEIGHT + 8) * (above + 1), rect.width, rect.height)

    def _level(self, part: SequencePart) -> float:
        """Return the y, within the frame, at which a state comes from the left."""
        plan = self.plans[part.row]
        targets = self._targets(part)
        points = [plan.entries[part.role, target] for target in targets]
        return min((point[1] for point in points), default=plan.bus)

    def _targets(self, part: SequencePart) -> list[str]:
        """Return the roles that take a state in the next call."""
        entries = self.plans[part.row].entries
        roles = {each.role for each in self.parts.values()}
        states = {
            each.id
            for each in self.parts.values()
            if each.role == part.role and each.row == part.row
        }
        taken = {
            self.parts[edge.target].role for edge in self.picture.edges if edge.source in states
        }
        return [role for state, role in entries if state == part.role and role in taken & roles]

    def _place_end(self) -> None:
        """Place what follows the last call at its right, or below it where it is too wide."""
        column = self.columns[-1]
        row = self.rows - 1
        y = column.top + self.offsets[row]
        last = (part for part in self.parts.values() if part.kind == "state")
        lanes = [self._lane(part) for part in last if part.step == self.count - 1]
        x = max([column.x + self._wide(self.count - 1) + _HEAD_GAP, *(lane + 22 for lane in lanes)])
        level = self._exit_level(row)
        head = next((part for part in self.parts.values() if part.kind == "head"), None)
        wide = _HEAD[0]
        if self.max_width < x + wide:
            # Below all: there a narrow page has space.
            x = self.columns[-1].x
            y = self.bottom - _ROW_GAP + 16
            level = _HEAD[1] / 2
            self.bottom = y + (_HEAD[1] if head else 0) + 100 + _ROW_GAP
        middle = y + level
        if head is not None:
            self.rects["head"] = Rect(x, middle - _HEAD[1] / 2, wide, _HEAD[1])
            middle += _HEAD[1] / 2 + 34 + 38
        node = self.picture.by_id["root"]
        size = measure_node(node, "cards")
        if self.parts["root"].data is not None:
            size = _HEAD
        top = middle - size[1] / 2
        self.rects["root"] = Rect(x, top, *size)
        self._clear_strips(row)
        x = self.rects["root"].x
        self.right = max(self.right, x + size[0], x + wide)
        self.bottom = max(self.bottom, self.rects["root"].bottom + _ROW_GAP)

    def _clear_strips(self, row: int) -> None:
        """Move what follows to the right where it would cover the strips of the last states."""
        end = [id for id in ("head", "root") if id in self.rects]
        last = [
            self.rects[part.id]
            for part in self.parts.values()
            if part.kind == "state" and part.row == row and part.step == self.count - 1
        ]
        covered = [
            rect for rect in last for id in end if rect.overlap(self.rects[id].shrink(-8, -8))
        ]
        if covered:
            dx = max(rect.right for rect in covered) + 12 - self.rects["root"].x
            for id in end:
                self.rects[id] = self.rects[id].move(dx, 0)

    def _exit_level(self, row: int) -> float:
        exits = self.plans[row].exits
        return next((points[-1][1] for points in reversed(exits.values())), 0.0)

    # Lines

    def _route(self, edge: Edge) -> Route:
        source = self.parts[edge.source]
        target = self.parts[edge.target]
        if target.kind == "state" and source.kind != "gap":
            return self._route_exit(source, target)
        if target.kind in ("head", "root"):
            return self._route_end(source, target)
        if target.kind == "gap" or source.kind in ("gap", "start"):
            return self._route_entry(source, target)
        if source.kind == "state" and target.step != source.step:
            return self._route_entry(source, target)
        if source.kind == "state" and target.kind == "input":
            return _undrawn(self.rects[source.id])  # both have the same name
        x, y = self._corner(target)
        if source.kind == "input":
            rect = self.rects[source.id]
            return ((rect.center, rect.y), (rect.center, y + self.plans[target.row].bus + 1))
        points = self.plans[target.row].routes.get((source.role, target.role))
        if points is None:
            return _undrawn(self.rects[source.id])
        return tuple((x + px, y + py) for px, py in points)

    def _lane(self, part: SequencePart) -> float:
        """Return the x at which a state goes down between two columns."""
        states = self._states_below(part.row)
        if part.role not in states:
            return self._gap_center(part.step)
        rank = states.index(part.role) - (len(states) - 1) / 2
        return self._gap_center(part.step) + _LANE * rank

    def _route_exit(self, source: SequencePart, state: SequencePart) -> Route:
        """Return the way of a state from what makes it to the strip that shows it."""
        x, y = self._corner(source)
        points = [(x + px, y + py) for px, py in self.plans[state.row].exits[state.role]]
        lane = self._lane(state)
        rect = self.rects[state.id]
        level = points[-1][1]
        points[-1] = (lane, level)
        end = rect.bottom if rect.y < level else rect.y
        return (*points, (lane, end))

    def _route_entry(self, source: SequencePart, target: SequencePart) -> Route:
        """Return the way of a state from its strip into the next call."""
        column = self.columns[target.step]
        x, y = self._corner(target)
        plan = self.plans[target.row]
        if target.kind == "gap":
            level = y + self._level(target)
            end = (x, level)
        else:
            entry = plan.entries.get((source.role, target.role), (0.0, plan.bus))
            end = (x + entry[0], y + entry[1])
        if column.is_first:
            if source.kind != "gap":
                self.continued.setdefault((0.0, end[1] - 9), []).append(source.title)
            return ((0.0, end[1]), end)
        if source.kind == "start":
            return ((0.0, end[1]), end)
        if source.kind == "gap":
            rect = self.rects[source.id]
            if rect.middle == end[1]:
                return ((rect.right, end[1]), end)
            lane = rect.right + 12
            return ((rect.right, rect.middle), (lane, rect.middle), (lane, end[1]), end)
        _, state_y = self._corner(source)
        exit_points = plan.exits[source.role]
        lane = self._lane(source)
        level = state_y + exit_points[-1][1]
        if abs(level - end[1]) < 0.5:
            return ((lane, level), end)
        return ((lane, level), (lane, end[1]), end)

    def _name_continued(self) -> None:
        """Write on the lines that go on from a row above what they are."""
        for (x, baseline), names in self.continued.items():
            text = ", ".join(dict.fromkeys(names))
            self.headings.append(Heading(text, x, baseline, is_title=False, is_centered=False))

    def _route_end(self, source: SequencePart, target: SequencePart) -> Route:
        rect = self.rects[target.id]
        if source.kind == "head":
            start = self.rects["head"]
            return ((start.center, start.bottom), (start.center, rect.y))
        is_last = source.step == self.count - 1
        _, y = self._corner(source)
        exits = self.plans[source.row].exits.get(source.role)
        if not (is_last and exits):
            return _undrawn(self.rects[source.id])  # the head says what it takes
        lane = self._lane(source)
        level = y + exits[-1][1]
        if rect.y < level < rect.bottom and rect.x > lane:
            return ((lane, level), (rect.x, level))
        if rect.x > lane:
            turn = rect.x - 10
            return ((lane, level), (turn, level), (turn, rect.middle), (rect.x, rect.middle))
        chip = self.rects[source.id]
        return ((chip.center, chip.bottom), (chip.center, rect.middle), (rect.right, rect.middle))


def _undrawn(rect: Rect) -> Route:
    """Return the route of a connection that is in words only: a point."""
    corner = (rect.x, rect.y)
    return (corner, corner)
