"""More small images from those there are: noise, shifts by whole pixels, mirror images.

Images are rows (n, height * width), line after line as in a file; every function returns new ones of the same shape, and
labels stay as they are.
"""

from typing import Any

import numpy as np

from scalargrad.core.checks import checked_int
from scalargrad.errors import LengthError, OptionError
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion

from .checks import Floats, Seed, as_floats, between, generator

DIRECTIONS = {"horizontal": 2, "vertical": 1}
"""The axis of (n, height, width) that each direction mirrors."""


@explain_calls
def add_noise(
    images: Any, deviation: float, seed: Seed = 0, clip: tuple[float, float] | None = None
) -> Floats:
    """The images plus normal noise of that standard deviation, cut to the range `clip` where it is given.

    Works on rows of any shape. Raises OptionError for a deviation below 0 and an empty range.

    >>> add_noise([[0.0, 1.0]], 0.0)
    array([[0., 1.]])
    """
    given, spread = as_floats(images, "images"), between(deviation, "deviation")
    noisy = given + spread * generator(seed).standard_normal(given.shape)
    return noisy if clip is None else np.clip(noisy, *_range(clip))


@explain_calls
def shift(
    images: Any, height: int, width: int, down: int = 0, right: int = 0, fill: float = 0.0
) -> Floats:
    """All images moved by whole pixels (up and left where negative); what comes into sight is `fill`.

    Raises LengthError where the rows are not height * width long, OptionError for parts of a pixel.

    >>> shift([[1.0, 2.0, 3.0, 4.0]], 2, 2, right=1)
    array([[0., 1., 0., 3.]])
    """
    pictures = _pictures(images, height, width)
    many = np.ones(len(pictures), dtype=np.int64)
    return _moved(
        pictures,
        checked_int(down, "down", None) * many,
        checked_int(right, "right", None) * many,
        fill,
    )


@explain_calls
def random_shift(
    images: Any, height: int, width: int, most: int = 1, seed: Seed = 0, fill: float = 0.0
) -> Floats:
    """Each image moved by its own number of whole pixels, -most … most down and -most … most to the right, all equally likely.

    Errors as for `shift`.

    >>> random_shift([[1.0, 2.0, 3.0, 4.0]], 2, 2, most=0)
    array([[1., 2., 3., 4.]])
    """
    pictures, limit = _pictures(images, height, width), checked_int(most, "most", 0)
    down, right = generator(seed).integers(-limit, limit, (2, len(pictures)), endpoint=True)
    return _moved(pictures, down, right, fill)


@explain_calls
def flip(images: Any, height: int, width: int, direction: str = "horizontal") -> Floats:
    """All images mirrored: "horizontal" exchanges left and right, "vertical" top and bottom.

    Raises LengthError where the rows are not height * width long, OptionError for another direction.

    >>> flip([[1.0, 2.0, 3.0, 4.0]], 2, 2)
    array([[2., 1., 4., 3.]])
    """
    pictures = _pictures(images, height, width)
    if not isinstance(direction, str) or direction not in DIRECTIONS:
        hint = suggestion(direction, DIRECTIONS, otherwise="")
        raise OptionError(
            f"direction must be one of {', '.join(DIRECTIONS)}, not {direction!r}{hint}"
        )
    return np.flip(pictures, DIRECTIONS[direction]).reshape(len(pictures), -1)


@explain_calls
def random_flip(
    images: Any,
    height: int,
    width: int,
    probability: float = 0.5,
    seed: Seed = 0,
    direction: str = "horizontal",
) -> Floats:
    """Each image mirrored with that probability, else as it is. Errors as for `flip`, and OptionError for no probability.

    >>> random_flip([[1.0, 2.0]], 1, 2, probability=1.0)
    array([[2., 1.]])
    """
    mirrored, likely = (
        flip(images, height, width, direction),
        between(probability, "probability", 0.0, 1.0),
    )
    chosen = generator(seed).random(len(mirrored)) < likely
    return np.where(chosen[:, None], mirrored, as_floats(images, "images"))


def _pictures(images: Any, height: int, width: int) -> Floats:
    rows, size = (
        as_floats(images, "images"),
        checked_int(height, "height", 1) * checked_int(width, "width", 1),
    )
    if rows.ndim != 2 or rows.shape[1] != size:
        raise LengthError(
            f"images of {height} × {width} pixels must have the shape (n, {size}), not {rows.shape}"
        )
    return rows.reshape(len(rows), height, width)


def _moved(pictures: Floats, down: Any, right: Any, fill: float) -> Floats:
    """Each picture's pixels, looked up where they came from."""
    count, height, width = pictures.shape
    rows = np.arange(height)[None, :, None] - down[:, None, None]
    columns = np.arange(width)[None, None, :] - right[:, None, None]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    found = pictures[np.arange(count)[:, None, None], rows % height, columns % width]
    return np.where(inside, found, between(fill, "fill", -np.inf)).reshape(count, -1)


def _range(clip: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = (between(bound, "clip", -np.inf) for bound in clip)
    except (TypeError, ValueError):
        low = high = 0.0
    if low >= high:
        raise OptionError(f"clip must be a range (low, high), not {clip!r}")
    return low, high
