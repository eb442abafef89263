"""Images among the inputs: what a page lays out as a square grid instead of one long column."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from math import isqrt

from viz.layout.geometry import Point, Rect, Size
from viz.model.snapshot import Snapshot

MIN_CELLS = 16
"""The smallest image: 4 × 4."""
_PITCHES = ((8, 28.0), (16, 20.0))
"""How far the cells of a grid are from each other, by the most of them in a row."""
_SMALLEST_PITCH = 12.0
_GAP = 1.0
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class InputGrid:
    """Inputs as the cells of a square, row by row.

    Attributes:
        values: The numbers of the inputs.
    """

    values: tuple[int, ...]

    @property
    def side(self) -> int:
        """How many cells a row has."""
        return isqrt(len(self.values))

    @property
    def pitch(self) -> float:
        """How far cells are from each other."""
        for max_side, pitch in _PITCHES:
            if self.side <= max_side:
                return pitch
        return _SMALLEST_PITCH

    @property
    def cell(self) -> Size:
        """The size of a cell."""
        length = self.pitch - _GAP
        return length, length

    @property
    def size(self) -> Size:
        """The size of the whole grid."""
        length = self.side * self.pitch - _GAP
        return length, length

    def frames(self, corner: Point) -> dict[int, Rect]:
        """Return where each input is in a grid whose upper left corner is there.

        Example:
            >>> frames = InputGrid(tuple(range(16))).frames((100.0, 0.0))
            >>> frames[5]
            Rect(x=128.0, y=28.0, width=27.0, height=27.0)
        """
        left, top = corner
        frames = {}
        for i, value in enumerate(self.values):
            row, column = divmod(i, self.side)
            x = left + column * self.pitch
            y = top + row * self.pitch
            frames[value] = Rect(x, y, *self.cell)
        return frames


def find_input_grids(
    values: Iterable[int], use_of: Callable[[int], Hashable], snapshot: Snapshot
) -> list[InputGrid]:
    """Return the inputs that are used alike, where they are as many as an image has pixels.

    Args:
        values: The numbers of the values to look at.
        use_of: What an input is used by: those of an image all go into the same module.
        snapshot: The graph.

    Example:
        >>> from scalargrad.nn import MLP
        >>> snapshot = Snapshot(MLP(16, [2], seed=0)([0.5] * 16))
        >>> [grid.side for grid in find_input_grids(range(len(snapshot)), lambda i: "", snapshot)]
        [4]
    """
    alike: dict[Hashable, list[int]] = defaultdict(list)
    for i in values:
        if snapshot.kinds[snapshot.order[i]] == "input":
            alike[use_of(i)].append(i)

    grids = []
    for group in alike.values():
        if len(group) >= MIN_CELLS and isqrt(len(group)) ** 2 == len(group):
            grids.append(InputGrid(tuple(_in_order(group, snapshot))))
    return grids


def _in_order(group: list[int], snapshot: Snapshot) -> list[int]:
    """Return inputs in the order of the numbers in their labels, if all have some."""
    numbers = {}
    for i in group:
        label = snapshot.labels[snapshot.order[i]]
        numbers[i] = tuple(map(int, _NUMBER.findall(label)))
    is_numbered = len(set(numbers.values())) == len(group)
    return sorted(group, key=lambda i: (numbers[i], i)) if is_numbered else sorted(group)
