"""Pictures that fit into a column: the first of several that is not too wide."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalargrad.errors import LayoutError
from viz.drawing import Drawing
from viz.model.picture import Picture


@dataclass(frozen=True, slots=True)
class Fitting:
    """How to draw what should fit into a width.

    Attributes:
        width: The width in pixels that the picture is shown at, 0 for its natural size.
        directions: The directions to try for each picture, the best first.
        theme: As for `Drawing`.
        limit: As for `Drawing`.
        program: As for `Drawing`.
    """

    width: float
    directions: Sequence[str]
    theme: str
    limit: float
    program: str | None

    def draw(self, pictures: Sequence[Picture]) -> Drawing:
        """Return the first picture that fits in one of the directions, or else the narrowest.

        What fits without rows is preferred: a path is easiest to follow along one line.

        Args:
            pictures: The same thing in more and less detail.
        """
        drawings: list[Drawing] = []
        for i in range(len(pictures)):
            for rankdir in self.directions:
                # Each has the coarser ones to fall back to, in case it can't be placed in time.
                turned = [replace(each, rankdir=rankdir) for each in pictures[i:]]
                drawing = Drawing(turned, self.theme, self.limit, self.program, width=self.width)
                try:
                    placed = drawing.placed
                except LayoutError:
                    continue
                if not placed.splits and placed.is_fitting:
                    return drawing
                drawings.append(drawing)
        if drawings:
            return min(drawings, key=lambda drawing: drawing.placed.width)
        return Drawing(list(pictures), self.theme, self.limit, self.program, width=self.width)
