"""The lines of the sequence view: inside of calls, from call to call, and to what follows."""

from viz.model.picture import Edge
from viz.model.sequence_card import SequencePart

from .geometry import Point, Rect
from .placed import Route
from .sequence_grid import SequenceGrid


class SequenceRouter:
    """Leads the edges of a picture whose parts are placed.

    Attributes:
        continued: The names of the states that go on from a band of rows above, by the point where
            they are written.
    """

    def __init__(self, grid: SequenceGrid, rects: dict[str, Rect]) -> None:
        self._grid = grid
        self._rects = rects
        self.continued: dict[Point, list[str]] = {}

    def route(self, edge: Edge) -> Route:
        """Return the points of an edge; a single point twice where words say what it would."""
        parts = self._grid.parts
        source = parts[edge.source]
        target = parts[edge.target]
        if target.kind == "state" and source.kind != "gap":
            return self._route_exit(source, target)
        if target.kind in ("head", "root"):
            return self._route_end(source, target)
        is_state = source.kind in ("state", "start", "gap")
        if target.kind == "input":
            return self._leave_out(source)  # both have the same name
        if target.kind == "gap" or source.kind in ("gap", "start"):
            return self._route_entry(source, target)
        if is_state and target.step != source.step:
            return self._route_entry(source, target)
        return self._route_inside(source, target)

    def _leave_out(self, source: SequencePart) -> Route:
        rect = self._rects[source.id]
        corner = (rect.x, rect.y)
        return corner, corner

    def _route_inside(self, source: SequencePart, target: SequencePart) -> Route:
        x, y = self._grid.corner(target)
        plan = self._grid.plans[target.row]
        if source.kind == "input":
            rect = self._rects[source.id]
            return (rect.center, rect.y), (rect.center, y + plan.bus + 1)
        points = plan.routes.get((source.role, target.role))
        if points is None:
            return self._leave_out(source)
        return tuple((x + px, y + py) for px, py in points)

    def _exit_level(self, state: SequencePart) -> float:
        """Return the y at which a state leaves its call to the right."""
        _, y = self._grid.corner(state)
        return y + self._grid.plans[state.row].exits[state.role][-1][1]

    def _route_exit(self, source: SequencePart, state: SequencePart) -> Route:
        """Return the way of a state from what makes it to the strip that shows it."""
        x, y = self._grid.corner(source)
        exits = self._grid.plans[state.row].exits[state.role]
        points = [(x + px, y + py) for px, py in exits[:-1]]
        lane = self._grid.lane(state)
        level = self._exit_level(state)
        rect = self._rects[state.id]
        end = rect.bottom if rect.y < level else rect.y
        return (*points, (lane, level), (lane, end))

    def _route_entry(self, source: SequencePart, target: SequencePart) -> Route:
        """Return the way of a state into the next call."""
        end = self._entry(source, target)
        is_continued = self._grid.columns[target.step].is_first
        if is_continued and source.kind != "gap":
            self.continued.setdefault((0.0, end[1] - 9), []).append(source.title)
        if is_continued or source.kind == "start":
            return (0.0, end[1]), end
        if source.kind == "gap":
            rect = self._rects[source.id]
            start = (rect.right, rect.middle)
            lane = rect.right + 12
        else:
            start = (self._grid.lane(source), self._exit_level(source))
            lane = start[0]
        if abs(start[1] - end[1]) < 0.5:
            return (start[0], end[1]), end
        turns = ((lane, start[1]), (lane, end[1]))
        return (*turns, end) if lane == start[0] else (start, *turns, end)

    def _entry(self, source: SequencePart, target: SequencePart) -> Point:
        """Return the point where a state enters the next call, or the steps that are left out."""
        x, y = self._grid.corner(target)
        if target.kind == "gap":
            return x, self._grid.entry_level(target)
        plan = self._grid.plans[target.row]
        entry_x, entry_y = plan.entries.get((source.role, target.role), (0.0, plan.bus))
        return x + entry_x, y + entry_y

    def _route_end(self, source: SequencePart, target: SequencePart) -> Route:
        rect = self._rects[target.id]
        if source.kind == "head":
            start = self._rects["head"]
            return (start.center, start.bottom), (start.center, rect.y)
        is_last = source.step == self._grid.count - 1
        if not is_last or source.role not in self._grid.plans[source.row].exits:
            return self._leave_out(source)  # the head says what it takes

        lane = self._grid.lane(source)
        level = self._exit_level(source)
        if rect.x < lane:
            # On a narrow page what follows is below.
            chip = self._rects[source.id]
            corner = (chip.center, rect.middle)
            return (chip.center, chip.bottom), corner, (rect.right, rect.middle)
        if rect.y < level < rect.bottom:
            return (lane, level), (rect.x, level)
        turn = rect.x - 10
        return (lane, level), (turn, level), (turn, rect.middle), (rect.x, rect.middle)
