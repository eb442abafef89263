"""The grid of the sequence view: a column for each call, a row for each cell, wrapped."""

from collections.abc import Iterator
from dataclasses import dataclass

from viz.look.text import width
from viz.model.picture import Picture
from viz.model.sequence_card import Recurrence, SequencePart

from .geometry import Point
from .node_size import measure_node
from .sequence_cells import CellPlan, plan_cell

CHIP_HEIGHT = 34.0
"""The strip of a state, with the norm below it."""
CHIP_CELL = 14.0
CHIP_LABEL = 13.0
"""The size of the name of a state."""
LABEL_GAP = 6.0
MIN_HALF = 30.0
"""Half of the width of a long number below a strip."""
BELOW = 22.0
"""From a frame down to the strips of states."""
TOP = 52.0
"""The strips of states above a frame."""
ROW_GAP = 34.0
START = 40.0
"""The margin at the left, where the first state begins."""
GAP_WIDTH = 120.0
HEAD: Point = (116.0, 76.0)
HEAD_GAP = 32.0
INPUT: Point = (112.0, 76.0)
"""The size of a card with several inputs."""
_MAX_STRIP = 96.0
_FRAME_GAP = 24.0
_LANE = 14.0
"""Between states that go down side by side."""


def strip_width(size: int) -> float:
    """Return the width of the strip of a state.

    Example:
        >>> strip_width(4), strip_width(1000)
        (56.0, 96.0)
    """
    return max(CHIP_CELL, min(_MAX_STRIP, CHIP_CELL * size))


def strip_left(part: SequencePart) -> float:
    """Return how far the name and the strip of a state reach to the left of its middle."""
    size = part.data.columns if part.data is not None else 1
    return strip_width(size) / 2 + LABEL_GAP + width(part.title, CHIP_LABEL, bold=True)


@dataclass(frozen=True, slots=True)
class Column:
    """A call, or what stands for those that are left out.

    Attributes:
        x: The left edge of its frame.
        top: The y of the band of rows that it is in.
        is_first: Whether it begins a band of rows that goes on from one above.
    """

    x: float
    top: float
    is_first: bool


class SequenceGrid:
    """Where the frames of all calls are.

    Attributes:
        picture: What is placed.
        parts: The parts by their ids.
        rows: How many cells are on top of each other.
        count: How many columns there are.
        plans: What is where in a call, for each row.
        columns: The columns, which may be in several bands below each other.
        right: The right edge of the last strip.
        bottom: The lower edge of the last band, with the space below it.
    """

    def __init__(
        self, picture: Picture, sequence: Recurrence, top: float, max_width: float
    ) -> None:
        self.picture = picture
        self.parts = {part.id: part for part in sequence.parts}
        self.rows = len(sequence.cells)
        in_columns = [part for part in sequence.parts if part.kind not in ("head", "root")]
        self.count = max((part.step for part in in_columns), default=0) + 1
        self.plans = [self._plan(row, cell) for row, cell in enumerate(sequence.cells)]
        self._widest = max(plan.width for plan in self.plans)
        self._gaps = {part.step for part in sequence.parts if part.kind == "gap"}
        self.chip = self._measure_chip()
        self._input_width = self._measure_input()
        self._offsets, self._band = self._stack_rows()

        self.right = 0.0
        self.columns: list[Column] = []
        self._place_columns(top, max_width)
        self.bottom = self.columns[-1].top + self._band

    # What is in a call

    def _plan(self, row: int, cell: str) -> CellPlan:
        kinds = ("box", "operation", "joint", "state")
        inside = [part for part in self.of_row(row) if part.kind in kinds]
        ids = {part.id for part in inside}
        links: set[tuple[str, str]] = set()
        for edge in self.picture.edges:
            if edge.source not in ids or edge.target not in ids:
                continue
            source = self.parts[edge.source]
            target = self.parts[edge.target]
            if source.step == target.step:
                links.add((source.role, target.role))
        return plan_cell(cell, inside, links)

    def of_row(self, row: int) -> Iterator[SequencePart]:
        """Yield the parts of a cell in all steps."""
        return (part for part in self.parts.values() if part.row == row)

    def states_below(self, row: int) -> list[str]:
        """Return the roles of the states whose strips are below the frames."""
        states = [part.role for part in self.of_row(row) if part.kind == "state"]
        on_top = self.plans[row].on_top
        return [role for role in dict.fromkeys(states) if role not in on_top]

    def _measure_chip(self) -> float:
        """Return the space that the strip of a state takes, its name on the one side."""
        states = (part for part in self.parts.values() if part.kind == "state")
        return 2 * max([MIN_HALF, *(strip_left(part) for part in states)])

    def _measure_input(self) -> float:
        widest = INPUT[0]
        for part in self.parts.values():
            if part.kind == "input" and part.data is None:
                card_width, _ = measure_node(self.picture.by_id[part.id], "cards")
                widest = max(widest, card_width)
        return widest

    # Where the calls are

    def _stack_rows(self) -> tuple[list[float], float]:
        """Return the y of the frame of each cell within a band, and the height of a band.

        What takes from a cell is above it, as all arrows run upward.
        """
        offsets = [0.0] * self.rows
        y = 0.0
        for row in reversed(range(self.rows)):
            y += TOP if self.plans[row].on_top else 4.0
            offsets[row] = y
            has_inputs = any(part.kind == "input" for part in self.of_row(row))
            chips = (CHIP_HEIGHT + 4) * len(self.states_below(row))
            y += self.plans[row].height + BELOW + max(chips, INPUT[1] if has_inputs else 0.0)
            y += ROW_GAP
        return offsets, y

    def _place_columns(self, top: float, max_width: float) -> None:
        starts = [part for part in self.parts.values() if part.kind == "start"]
        is_started = any(part.data is not None for part in starts)
        left = max(START, self.chip) if is_started else START
        x = left
        for step in range(self.count):
            wide = self.wide(step)
            gap = self._gap_after(step)
            # A band ends with the strips of its states, the last one with what follows.
            strips = (gap + self.chip) / 2
            is_last = step == self.count - 1
            end = max(self.chip / 2 + _FRAME_GAP, HEAD_GAP + HEAD[0]) if is_last else strips
            is_first = x > left and x + wide + end > max_width
            if is_first:
                x = left
                top += self._band
            self.columns.append(Column(x, top, is_first))
            self.right = max(self.right, x + wide + strips)
            x += wide + gap

    def wide(self, step: int) -> float:
        """Return the width of a column."""
        return GAP_WIDTH if step in self._gaps else self._widest

    def _gap_after(self, step: int) -> float:
        """Return the space after a column; strips of states and inputs side by side need some."""
        if step in self._gaps:
            return _FRAME_GAP
        lanes = max(len(self.states_below(row)) for row in range(self.rows))
        least = _FRAME_GAP + _LANE * max(0, lanes - 1)
        return max(least, self.chip + self._input_width + 16 - self.wide(step))

    def gap_center(self, step: int) -> float:
        """Return the x between a column and the next, where the strips of states are."""
        return self.columns[step].x + self.wide(step) + self._gap_after(step) / 2

    def lane(self, part: SequencePart) -> float:
        """Return the x at which a state goes down between two columns."""
        center = self.gap_center(part.step)
        states = self.states_below(part.row)
        if part.role not in states:
            return center
        return center + _LANE * (states.index(part.role) - (len(states) - 1) / 2)

    def corner(self, part: SequencePart) -> Point:
        """Return the upper left corner of the frame that a part belongs to."""
        step = min(part.step, self.count - 1)
        column = self.columns[step]
        shift = 0.0
        if step not in self._gaps:
            # A narrow cell is in the middle of the column of a wide one.
            shift = (self._widest - self.plans[part.row].width) / 2
        return column.x + shift, column.top + self._offsets[part.row]

    def entry_level(self, part: SequencePart) -> float:
        """Return the y at which a state comes from the left."""
        plan = self.plans[part.row]
        _, y = self.corner(part)
        targets = self._takers(part)
        levels = [plan.entries[part.role, target][1] for target in targets]
        # What is kept goes straight on; what is joined with the input goes below.
        return y + min(levels, default=plan.bus)

    def _takers(self, part: SequencePart) -> list[str]:
        """Return the roles that take a state in any next call."""
        same = {each.id for each in self.of_row(part.row) if each.role == part.role}
        taken = {self.parts[edge.target].role for edge in self.picture.edges if edge.source in same}
        entries = self.plans[part.row].entries
        return [target for state, target in entries if state == part.role and target in taken]
