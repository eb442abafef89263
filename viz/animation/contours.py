"""Contours: where a function on a grid is above a level, as closed outlines (marching squares).

Matplotlib has them too, but films are drawn without it.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from viz.layout.geometry import Point

Grid = Sequence[Sequence[float]]
"""Rows of numbers, from the first y to the last."""
Corner = tuple[int, int]
"""The row and the column of a point of the grid."""
Side = tuple[Corner, Corner]
"""The two neighboring corners of the grid that a contour passes between, in their order."""


def outlines(
    xs: Sequence[float], ys: Sequence[float], grid: Grid, level: float
) -> list[list[Point]]:
    """Return the outlines of the area where a function is above a level.

    Between the points of the grid the function is taken to be linear. Outlines run along the border
    of the grid where the area goes beyond it. Inner outlines are holes, for the rule "evenodd".

    Args:
        xs: The x of each column.
        ys: The y of each row.
        grid: The function, `grid[row][column]`; nan counts as below.
        level: The level.

    Example:
        >>> (ring,) = outlines([0.0, 1.0], [0.0, 1.0], [[0.0, 2.0], [0.0, 2.0]], 1.0)
        >>> sorted(ring)
        [(0.5, 0.0), (0.5, 1.0), (1.0, 0.0), (1.0, 1.0)]
    """
    bordered = _BorderedGrid(xs, ys, grid, level)
    next_side = dict(bordered.steps())
    rings: list[list[Point]] = []
    while next_side:
        first, side = next_side.popitem()
        ring = [first]
        while side != first:
            ring.append(side)
            side = next_side.pop(side)
        rings.append(_drop_repeated([bordered.crossing(side) for side in ring]))
    # Where the level is met in a single point of the grid, nothing is left of a ring.
    return [ring for ring in rings if len(ring) > 2]


def _drop_repeated(ring: list[Point]) -> list[Point]:
    """Return a ring without points that are the same as the one before them."""
    return [point for i, point in enumerate(ring) if point != ring[i - 1]]


class _BorderedGrid:
    """A grid with a border around it that is below the level and takes no space.

    With it each outline is closed.
    """

    def __init__(self, xs: Sequence[float], ys: Sequence[float], grid: Grid, level: float) -> None:
        self.xs = [xs[0], *xs, xs[-1]]
        self.ys = [ys[0], *ys, ys[-1]]
        self.level = level
        below = [level - 1.0] * len(self.xs)
        rows = [[level - 1.0, *row, level - 1.0] for row in grid]
        self.rows = [below, *rows, below]
        # A corner belongs to four cells, and is compared once.
        self.is_above = [self._compare(row) for row in self.rows]

    def _compare(self, row: Sequence[float]) -> list[bool]:
        return [number > self.level for number in row]

    def steps(self) -> Iterator[tuple[Side, Side]]:
        """Yield, cell by cell, from which side of it to which an outline goes.

        What is above the level is always on the same hand, so that steps join to rings.
        """
        for row, (upper, lower) in enumerate(pairwise(self.is_above)):
            sides = pairwise(zip(upper, lower, strict=True))
            for column, (left, right) in enumerate(sides):
                # Around the cell, from its first corner on.
                above = (left[0], right[0], right[1], left[1])
                # No outline passes through most cells.
                if any(above) and not all(above):
                    yield from self._steps_in(row, column, above)

    def _steps_in(
        self, row: int, column: int, above: Sequence[bool]
    ) -> Iterator[tuple[Side, Side]]:
        below = row + 1
        right = column + 1
        corners = [(row, column), (row, right), (below, right), (below, column)]
        # Around the cell, where the area is entered and where it is left: each side has the number
        # of the corner that it ends in.
        entries = [i for i in range(4) if above[i] and not above[i - 1]]
        if len(entries) == 1:
            exits = [i for i in range(4) if not above[i] and above[i - 1]]
        elif self._is_middle_above(corners):
            # A saddle whose high corners are joined through the middle: the low ones are cut off.
            exits = [i - 1 for i in entries]
        else:
            # A saddle whose high corners are each by themselves.
            exits = [i + 1 for i in entries]
        for entry, exit in zip(entries, exits, strict=True):
            yield _side(corners, entry), _side(corners, exit % 4)

    def _is_middle_above(self, corners: Sequence[Corner]) -> bool:
        return sum(self.rows[row][column] for row, column in corners) / 4 > self.level

    def crossing(self, side: Side) -> Point:
        """Return where between two corners the function is at the level."""
        (row, column), (next_row, next_column) = side
        before = self.rows[row][column]
        after = self.rows[next_row][next_column]
        share = (self.level - before) / (after - before)
        # Infinite numbers and nan have no place between them: the middle is as good as any.
        if not 0.0 <= share <= 1.0:
            share = 0.5
        x = _between(self.xs[column], self.xs[next_column], share)
        y = _between(self.ys[row], self.ys[next_row], share)
        return x, y


def _side(corners: Sequence[Corner], i: int) -> Side:
    """Return the side of a cell that ends in its corner `i`, whichever way it is passed."""
    first, second = sorted((corners[i - 1], corners[i]))
    return first, second


def _between(start: float, end: float, share: float) -> float:
    return start + (end - start) * share
