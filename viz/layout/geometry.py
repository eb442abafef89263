"""Points, sizes and rectangles: x grows to the right, y downward, both in pixels."""

from dataclasses import dataclass

Point = tuple[float, float]
Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle by its upper left corner and its size.

    Example:
        >>> Rect(0, 0, 10, 4).middle
        2.0
    """

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """The y halfway down."""
        return self.y + self.height / 2

    @property
    def center(self) -> float:
        """The x halfway across."""
        return self.x + self.width / 2

    def move(self, dx: float, dy: float) -> "Rect":
        """Return the rectangle moved to the right and down.

        Example:
            >>> Rect(0, 0, 2, 2).move(1, 3)
            Rect(x=1, y=3, width=2, height=2)
        """
        return Rect(self.x + dx, self.y + dy, self.width, self.height)

    def shrink(self, dx: float, dy: float) -> "Rect":
        """Return the rectangle that is smaller by `dx` on the left and right, `dy` above and below.

        Example:
            >>> Rect(0, 0, 10, 8).shrink(1, 2)
            Rect(x=1, y=2, width=8, height=4)
        """
        return Rect(self.x + dx, self.y + dy, self.width - 2 * dx, self.height - 2 * dy)

    def overlap(self, other: "Rect") -> float:
        """Return the area that two rectangles share.

        Example:
            >>> Rect(0, 0, 2, 2).overlap(Rect(1, 1, 5, 5))
            1
        """
        across = min(self.right, other.right) - max(self.x, other.x)
        down = min(self.bottom, other.bottom) - max(self.y, other.y)
        return across * down if across > 0 and down > 0 else 0.0
