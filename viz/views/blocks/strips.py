"""Strips: what leaves a box, a row for each call and a column for each number."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy

from scalargrad.core.value import Value
from viz.look.text import plural
from viz.model.heatmap import Map
from viz.model.snapshot import Snapshot

MAX_ROWS = 12
"""Calls that a strip shows."""
MAX_COLUMNS = 160
"""Cells of a row; of more numbers neighbors are averaged."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers that maps show.

    Attributes:
        snapshot: The graph.
        show: What colors show: "gradient", "data", "weights" or "" for nothing.
    """

    snapshot: Snapshot
    show: str

    def of(self, node: Value) -> float:
        """Return the number that a Value shows."""
        return self.snapshot.gradients[node] if self.show == "gradient" else node.data

    def norm(self, nodes: Sequence[Value]) -> float | None:
        """Return the Euclidean norm of the gradients of some Values, None before `backward`."""
        if not self.snapshot.has_gradients:
            return None
        return hypot(*(self.snapshot.gradients[node] for node in nodes))


@dataclass(frozen=True, slots=True)
class Strip:
    """What leaves a box.

    Attributes:
        shown: The numbers, None where the calls differ in how many they are, or there is only one.
        norm: The norm of the gradients that are shown, None before `backward`.
        note: What the strip leaves out.
    """

    shown: Map | None
    norm: float | None
    note: str = ""


def make_strip(rows: list[list[Value]], numbers: Numbers, tokens: Sequence[str] = ()) -> Strip:
    """Return the strip of what leaves a box.

    Args:
        rows: What leaves it at each call.
        numbers: What is shown of it.
        tokens: The names of the calls.
    """
    everything = [node for row in rows for node in row]
    widths = {len(row) for row in rows}
    if len(widths) != 1 or len(everything) < 2:
        return Strip(None, numbers.norm(everything))

    labels = list(tokens) if len(tokens) == len(rows) else []
    notes = []
    shown = rows
    if len(rows) > MAX_ROWS:
        shown = rows[:MAX_ROWS]
        rest = len(rows) - MAX_ROWS
        labels = [*(labels or [""] * len(rows))[: MAX_ROWS - 1], f"+ {rest:,}"]
        notes.append(f"{MAX_ROWS} of {plural(len(rows), 'call')}")
    (width,) = widths
    cells = numpy.array([[numbers.of(node) for node in row] for row in shown])
    together = -(-width // MAX_COLUMNS)
    if together > 1:
        cells = _average(cells, together)
        notes.append(f"a cell is the mean of {together:,} neighbors")
    strip = Map(
        "strip",
        rows=len(shown),
        columns=cells.shape[1],
        numbers=tuple(cells.ravel().tolist()),
        labels=tuple(labels),
    )
    norm = numbers.norm([node for row in shown for node in row])
    return Strip(strip, norm, "; ".join(notes))


def _average(
    cells: "numpy.typing.NDArray[numpy.float64]", together: int
) -> "numpy.typing.NDArray[numpy.float64]":
    """Return the means of neighbors in each row; the last cell may be that of fewer."""
    starts = numpy.arange(0, cells.shape[1], together)
    counts = numpy.diff([*starts, cells.shape[1]])
    # What is infinite has its place in the mean, too, without a warning.
    with numpy.errstate(invalid="ignore", over="ignore"):
        means: numpy.typing.NDArray[numpy.float64] = numpy.add.reduceat(cells, starts, axis=1)
        return means / counts
