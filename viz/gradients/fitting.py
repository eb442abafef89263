"""Pictures that fit into a column: the first of several that is not too wide."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

from scalargrad.errors import LayoutError, OptionError
from viz.drawing import Drawing
from viz.model.picture import Picture

COLUMN = 1140.0
"""The pixels of a page that a picture has in its column."""


def checked_width(width: float) -> float:
    """Return a width as it was given.

    Raises:
        OptionError: It is no number of pixels from 200 on.
    """
    is_number = isinstance(width, (int, float)) and not isinstance(width, bool)
    if not is_number or not (isfinite(width) and width >= 200.0):
        raise OptionError(f"width must be a number of pixels from 200 on, not {width!r}")
    return float(width)


@dataclass(frozen=True, slots=True)
class Fitting:
    """How to draw what should fit into a width.

    Attributes:
        width: The pixels that there are.
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

        Args:
            pictures: The same thing in more and less detail.
        """
        narrowest: Drawing | None = None
        for i in range(len(pictures)):
            for rankdir in self.directions:
                # Each has the coarser ones to fall back to, in case it can't be placed in time.
                turned = [replace(each, rankdir=rankdir) for each in pictures[i:]]
                drawing = Drawing(turned, self.theme, self.limit, self.program)
                try:
                    wide = drawing.placed.width
                except LayoutError:
                    continue
                if wide <= self.width:
                    return drawing
                if narrowest is None or wide < narrowest.placed.width:
                    narrowest = drawing
        if narrowest is not None:
            return narrowest
        return Drawing(list(pictures), self.theme, self.limit, self.program)
