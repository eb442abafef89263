"""Augmentation of small images: noise, shifts by whole pixels, mirror images.

Images are rows (n, height * width), line after line as in a file. Every function returns new images
of the same shape; labels stay as they are.
"""

from typing import Literal

import numpy as np

from scalargrad.core.checks import checked_int, checked_number
from scalargrad.errors import LengthError, OptionError
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion

from .checks import Floats, Integers, SamplesLike, Seed, as_floats, check_finite, make_generator

Direction = Literal["horizontal", "vertical"]

DIRECTIONS = {"horizontal": 2, "vertical": 1}
"""The axis of (n, height, width) that each direction mirrors."""


@explain_calls
def add_noise(
    images: SamplesLike,
    deviation: float,
    seed: Seed = 0,
    clip: tuple[float, float] | None = None,
) -> Floats:
    """Add normal noise.

    Args:
        images: Rows of any shape.
        deviation: The standard deviation of the noise.
        seed: An int, a `numpy.random.Generator` or a `random.Random`.
        clip: The range (low, high) to clip the result to, None for no clipping.

    Raises:
        OptionError: For a deviation below 0 and an empty range.

    Example:
        >>> add_noise([[0.0, 1.0]], 0.0)
        array([[0., 1.]])
    """
    floats = as_floats(images, "images")
    scale = checked_number(deviation, "deviation")
    noisy = floats + scale * make_generator(seed).standard_normal(floats.shape)
    return noisy if clip is None else np.clip(noisy, *_check_clip(clip))


@explain_calls
def shift(
    images: SamplesLike,
    height: int,
    width: int,
    down: int = 0,
    right: int = 0,
    fill: float = 0.0,
) -> Floats:
    """Shift all images by the same number of whole pixels.

    Args:
        images: Rows (n, height * width).
        height: Pixels in a column.
        width: Pixels in a row.
        down: Pixels to move down, up if negative.
        right: Pixels to move right, left if negative.
        fill: The number for pixels shifted in from outside the image.

    Raises:
        LengthError: When the rows are not height * width long.
        OptionError: For a fraction of a pixel.

    Example:
        >>> shift([[1.0, 2.0, 3.0, 4.0]], 2, 2, right=1)
        array([[0., 1., 0., 3.]])
    """
    stack = _as_stack(images, height, width)
    rows_down = np.full(len(stack), checked_int(down, "down", None))
    columns_right = np.full(len(stack), checked_int(right, "right", None))
    return _shift_each(stack, rows_down, columns_right, fill)


@explain_calls
def random_shift(
    images: SamplesLike,
    height: int,
    width: int,
    max_shift: int = 1,
    seed: Seed = 0,
    fill: float = 0.0,
) -> Floats:
    """Shift each image by random whole pixels.

    Args:
        images: Rows (n, height * width).
        height: Pixels in a column.
        width: Pixels in a row.
        max_shift: The largest shift; -max_shift … max_shift down and right are equally likely.
        seed: An int, a `numpy.random.Generator` or a `random.Random`.
        fill: The number for pixels shifted in from outside the image.

    Raises:
        ScalargradError: As `shift` does.

    Example:
        >>> random_shift([[1.0, 2.0, 3.0, 4.0]], 2, 2, max_shift=0)
        array([[1., 2., 3., 4.]])
    """
    stack = _as_stack(images, height, width)
    limit = checked_int(max_shift, "max_shift", 0)
    rng = make_generator(seed)
    down, right = rng.integers(-limit, limit, (2, len(stack)), endpoint=True)
    return _shift_each(stack, down, right, fill)


@explain_calls
def flip(
    images: SamplesLike, height: int, width: int, direction: Direction = "horizontal"
) -> Floats:
    """Mirror all images.

    Args:
        images: Rows (n, height * width).
        height: Pixels in a column.
        width: Pixels in a row.
        direction: "horizontal" to exchange left and right, "vertical" for top and bottom.

    Raises:
        LengthError: When the rows are not height * width long.
        OptionError: For another direction.

    Example:
        >>> flip([[1.0, 2.0, 3.0, 4.0]], 2, 2)
        array([[2., 1., 4., 3.]])
    """
    stack = _as_stack(images, height, width)
    if not isinstance(direction, str) or direction not in DIRECTIONS:
        hint = suggestion(direction, DIRECTIONS, otherwise="")
        raise OptionError(
            f"direction must be one of {', '.join(DIRECTIONS)}, not {direction!r}{hint}"
        )
    axis = DIRECTIONS[direction]
    mirrored = np.flip(stack, axis)
    return mirrored.reshape(len(stack), -1)


@explain_calls
def random_flip(
    images: SamplesLike,
    height: int,
    width: int,
    probability: float = 0.5,
    seed: Seed = 0,
    direction: Direction = "horizontal",
) -> Floats:
    """Mirror each image with a given probability.

    Args:
        images: Rows (n, height * width).
        height: Pixels in a column.
        width: Pixels in a row.
        probability: The probability to mirror an image.
        seed: An int, a `numpy.random.Generator` or a `random.Random`.
        direction: "horizontal" or "vertical", as for `flip`.

    Raises:
        OptionError: For a probability outside [0, 1].
        ScalargradError: As `flip` does.

    Example:
        >>> random_flip([[1.0, 2.0]], 1, 2, probability=1.0)
        array([[2., 1.]])
    """
    mirrored = flip(images, height, width, direction)
    threshold = checked_number(probability, "probability", high=1.0, below=False)
    chosen = make_generator(seed).random(len(mirrored)) < threshold
    return np.where(chosen[:, None], mirrored, as_floats(images, "images"))


def _as_stack(images: SamplesLike, height: int, width: int) -> Floats:
    """Return the images as an array (n, height, width)."""
    rows = as_floats(images, "images")
    size = checked_int(height, "height", 1) * checked_int(width, "width", 1)
    if rows.ndim != 2 or rows.shape[1] != size:
        raise LengthError(
            f"images of {height} × {width} pixels must have the shape (n, {size}), not {rows.shape}"
        )
    return rows.reshape(len(rows), height, width)


def _shift_each(stack: Floats, down: Integers, right: Integers, fill: float) -> Floats:
    """Shift each image by its own number of pixels, and return rows (n, height * width)."""
    count, height, width = stack.shape
    # Backwards: for each pixel of the result, the place in the image that it comes from.
    images = np.arange(count).reshape(-1, 1, 1)
    rows = np.arange(height).reshape(1, -1, 1) - down.reshape(-1, 1, 1)
    columns = np.arange(width).reshape(1, 1, -1) - right.reshape(-1, 1, 1)
    rows_inside = (rows >= 0) & (rows < height)
    columns_inside = (columns >= 0) & (columns < width)

    # Places outside are wrapped around to have something to look up, and replaced below.
    shifted = stack[images, rows % height, columns % width]
    number = check_finite(fill, "fill")
    filled = np.where(rows_inside & columns_inside, shifted, number)
    return filled.reshape(count, -1)


def _check_clip(clip: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = (check_finite(bound, "clip") for bound in clip)
    except (TypeError, ValueError):
        # An empty range, which is refused below with the others.
        low = high = 0.0
    if low >= high:
        raise OptionError(f"clip must be a range (low, high), not {clip!r}")
    return low, high
