"""Argument validation for scalargrad.data: seeds, samples, arrays of numbers."""

import math
from collections.abc import Sequence
from random import Random
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import as_float, plain
from scalargrad.core.value import Value
from scalargrad.errors import DataError, LengthError, OptionError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Seed = int | Random | np.random.Generator
SamplesLike: TypeAlias = ArrayLike | Sequence[Value] | Sequence[Sequence[Value]]
"""Numbers or Values with one row for each sample, as lists or as an array."""


def check_finite(number: object, what: str) -> float:
    """Return a number as a float, if it is finite.

    Args:
        number: The number.
        what: Its name in messages.

    Raises:
        DataError: For anything but a number.
        OptionError: For nan and infinities.

    Example:
        >>> check_finite(1, "fill")
        1.0
    """
    x = as_float(number, what)
    if not math.isfinite(x):
        raise OptionError(f"{what} must be a finite number, not {x!r}")
    return x


def make_generator(seed: Seed) -> np.random.Generator:
    """Return a generator of NumPy for a seed.

    Args:
        seed: An int of at least 0; a `random.Random`, which is advanced by one draw; or a generator
            of NumPy, which is returned as it is.

    Raises:
        OptionError: For anything else. None is refused too: results that can't be repeated have to
            be asked for, with a generator.

    Example:
        >>> make_generator(7).random() == make_generator(7).random()
        True
    """
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, Random):
        return np.random.default_rng(seed.getrandbits(128))
    try:
        return np.random.default_rng(checked_int(seed, "seed", 0))
    except OptionError:
        raise OptionError(
            "seed must be a whole number of at least 0, a numpy.random.Generator or a "
            f"random.Random, not {seed!r}"
        ) from None


def as_array(items: SamplesLike, what: str) -> NDArray[Any]:
    """Return samples as an array of whatever type, with one row for each sample.

    Args:
        items: The samples; a list of Values becomes an array of Values.
        what: Their name in messages.

    Raises:
        LengthError: For rows of different length, a single number, and no samples at all.

    Example:
        >>> as_array([[1, 2], [3, 4]], "X").shape
        (2, 2)
    """
    try:
        array = np.asarray(items)
    except ValueError:
        raise LengthError(f"{what} must have rows of the same length") from None
    if array.ndim == 0:
        text = str(items)[:60]
        raise LengthError(
            f"{what} must be a list or array with one row for each sample, not {text!r}"
        )
    if len(array) == 0:
        raise LengthError(f"{what} has no samples")
    return array


def as_floats(items: SamplesLike, what: str) -> Floats:
    """Return samples as an array of finite float64; Values give their data.

    Args:
        items: The samples.
        what: Their name in messages.

    Raises:
        DataError: For text, complex numbers, nan and infinities, with the place of the first.
        LengthError: As `as_array` does.

    Example:
        >>> as_floats([1, 2.5], "y")
        array([1. , 2.5])
    """
    array = as_array(items, what)
    if array.dtype.kind == "O":
        numbers = [as_float(plain(item), what) for item in array.flat]
        array = np.array(numbers).reshape(array.shape)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} must hold real numbers, not {array.flat[0].item()!r}")
    floats = array.astype(np.float64)
    bad = ~np.isfinite(floats)
    if bad.any():
        first = np.argwhere(bad)[0]
        place = tuple(map(int, first))
        raise DataError(
            f"{what}{list(place)} is {floats[place]:g}: fill or leave out what is missing"
        )
    return floats


def as_classes(y: SamplesLike, what: str) -> Integers:
    """Return class numbers as an array (n,) of integers; floats such as 3.0 are accepted.

    Args:
        y: The class numbers, from 0.
        what: Their name in messages.

    Raises:
        LengthError: For more than one axis.
        DataError: For an entry that is not a class number.

    Example:
        >>> as_classes([0.0, 2.0], "y")
        array([0, 2])
    """
    floats = as_floats(y, what)
    if floats.ndim != 1:
        raise LengthError(f"{what} must have one class for each sample, not shape {floats.shape}")
    # From 2**53 on, float64 can't tell neighboring whole numbers apart.
    wrong = (floats != np.floor(floats)) | (floats < 0) | (floats >= 2**53)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise DataError(
            f"{what}[{place}] is {floats[place]:g}, and classes are whole numbers from 0: "
            "0, 1, 2, …"
        )
    return floats.astype(np.int64)


def as_samples(X: SamplesLike, y: SamplesLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return X and y as arrays of the same length.

    Raises:
        LengthError: For different lengths, and as `as_array` does.

    Example:
        >>> [array.shape for array in as_samples([[1, 2], [3, 4]], [0, 1])]
        [(2, 2), (2,)]
    """
    samples = as_array(X, "X")
    targets = as_array(y, "y")
    if len(samples) != len(targets):
        raise LengthError(
            f"X and y must have one row for each sample: X has {len(samples)}, y has {len(targets)}"
        )
    return samples, targets
