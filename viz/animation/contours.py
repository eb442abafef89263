"""Contours: where a function on a grid is above a level, as closed outlines (marching squares)."""

from collections.abc import Iterator, Sequence

from viz.layout.geometry import Point

Grid = Sequence[Sequence[float]]
"""Rows of numbers, from the first y to the last."""
Corner = tuple[int, int]
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
    frame = _Frame(xs, ys, grid, level)
    following = dict(frame.steps())
    found: list[list[Point]] = []
    while following:
        first, side = following.popitem()
        ring = [first]
        while side != first:
            ring.append(side)
            side = following.pop(side)
        found.append(_drop_repeated([frame.crossing(side) for side in ring]))
    return [ring for ring in found if len(ring) > 2]


def _drop_repeated(ring: list[Point]) -> list[Point]:
    """Return a ring without points that are the same as the one before them."""
    return [point for i, point in enumerate(ring) if point != ring[i - 1]]


class _Frame:
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

    def is_above(self, corner: Corner) -> bool:
        """Return whether the function is above the level at a corner."""
        row, column = corner
        return self.rows[row][column] > self.level

    def steps(self) -> Iterator[tuple[Side, Side]]:
        """Yield, cell by cell, from which side of it to which an outline goes.

        What is above the level is always on the same hand, so that steps join to rings.
        """
        for row in range(len(self.ys) - 1):
            for column in range(len(self.xs) - 1):
                corners = [
                    (row, column),
                    (row, column + 1),
                    (row + 1, column + 1),
                    (row + 1, column),
                ]
                yield from self._steps_in(corners)

    def _steps_in(self, corners: list[Corner]) -> Iterator[tuple[Side, Side]]:
        above = [self.is_above(corner) for corner in corners]
        if all(above) or not any(above):
            return
        # Around the cell: where the area is entered and where it is left.
        entries = [i for i in range(4) if above[i] and not above[i - 1]]
        exits = [i for i in range(4) if not above[i] and above[i - 1]]
        if len(entries) == 2 and not self._is_middle_above(corners):
            # A saddle: both corners above the level are by themselves.
            exits = [(i + 1) % 4 for i in entries]
        elif len(entries) == 2:
            # They are joined through the middle: what is cut off are the two others.
            exits = [i - 1 for i in entries]
        for entry, exit in zip(entries, exits, strict=True):
            yield self._side(corners, entry), self._side(corners, exit % 4)

    def _is_middle_above(self, corners: list[Corner]) -> bool:
        return sum(self.rows[row][column] for row, column in corners) / 4 > self.level

    def _side(self, corners: list[Corner], i: int) -> Side:
        """Return the side of a cell that ends in its corner `i`, whichever way it is passed."""
        first, second = sorted((corners[i - 1], corners[i]))
        return first, second

    def crossing(self, side: Side) -> Point:
        """Return where between two corners the function is at the level."""
        (row, column), (next_row, next_column) = side
        before = self.rows[row][column]
        after = self.rows[next_row][next_column]
        share = (self.level - before) / (after - before)
        x0, x1 = self.xs[column], self.xs[next_column]
        y0, y1 = self.ys[row], self.ys[next_row]
        # Infinite numbers and nan have no place between them: the middle is as good as any.
        share = share if 0.0 <= share <= 1.0 else 0.5
        return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share
