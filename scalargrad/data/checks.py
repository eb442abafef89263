"""What every room of data asks of its arguments: numbers in a range, seeds, and arrays of plain numbers."""

import math
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalargrad.core.checks import checked_int
from scalargrad.core.conversion import as_float, plain
from scalargrad.errors import DataError, LengthError, OptionError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Seed = int | Random | np.random.Generator


def between(number: Any, what: str, low: float = 0.0, high: float = math.inf) -> float:
    """`number` as a finite float in [low, high]; raises OptionError or DataError, which name `what`, if it is not.

    >>> between(1, "probability", 0.0, 1.0)
    1.0
    """
    given = as_float(number, what)
    if not (math.isfinite(given) and low <= given <= high):
        bounds = (f" of at least {low:g}" if low > -math.inf else "") + (
            f" and at most {high:g}" if high < math.inf else ""
        )
        raise OptionError(f"{what} must be a finite number{bounds}, not {given!r}")
    return given


def generator(seed: Seed) -> np.random.Generator:
    """NumPy's generator from an int of at least 0, from Python's generator (which moves on by one draw), or itself.

    Raises OptionError for anything else, None included: chance is always asked for by name.

    >>> generator(7).random() == generator(7).random()
    True
    """
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, Random):
        return np.random.default_rng(seed.getrandbits(128))
    return np.random.default_rng(_seed(seed))


def _seed(seed: Any) -> int:
    try:
        return checked_int(seed, "seed", 0)
    except OptionError:
        message = f"seed must be a whole number of at least 0, a numpy.random.Generator or a random.Random, not {seed!r}"
        raise OptionError(message) from None


def as_array(things: Any, what: str) -> NDArray[Any]:
    """`things` as an array with one row for each sample, of the type that it has; a list of Values stays one of Values.

    Raises LengthError for rows of different length, a single number, and no samples at all.

    >>> as_array([[1, 2], [3, 4]], "X").shape
    (2, 2)
    """
    try:
        array = np.asarray(things)
    except ValueError:
        raise LengthError(f"{what} must have rows of the same length") from None
    if array.ndim == 0:
        raise LengthError(
            f"{what} must be a list or array with one row for each sample, not {str(things)[:60]!r}"
        )
    if len(array) == 0:
        raise LengthError(f"{what} has no samples")
    return array


def as_floats(things: Any, what: str) -> Floats:
    """`things` as an array of finite float64, with one row for each sample; Values give their data.

    Raises DataError for text, complex numbers, nan and infinities, with the place of the first, and LengthError as `as_array`.

    >>> as_floats([1, 2.5], "y")
    array([1. , 2.5])
    """
    array = as_array(things, what)
    if array.dtype.kind == "O":
        array = np.array([as_float(plain(item), what) for item in array.flat]).reshape(array.shape)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} must hold real numbers, not {array.flat[0].item()!r}")
    floats = array.astype(np.float64)
    if not np.isfinite(floats).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(floats))[0])
        raise DataError(
            f"{what}{list(place)} is {floats[place]:g}: fill or leave out what is missing"
        )
    return floats


def as_classes(y: Any, what: str) -> Integers:
    """`y` as an array (n,) of whole numbers of at least 0; floats such as 3.0 are taken as 3.

    Raises LengthError for more than one axis, DataError for what is not a class.

    >>> as_classes([0.0, 2.0], "y")
    array([0, 2])
    """
    floats = as_floats(y, what)
    if floats.ndim != 1:
        raise LengthError(f"{what} must have one class for each sample, not shape {floats.shape}")
    wrong = (floats != np.floor(floats)) | (floats < 0) | (floats >= 2**53)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise DataError(
            f"{what}[{place}] is {floats[place]:g}, and classes are whole numbers from 0: 0, 1, 2, …"
        )
    return floats.astype(np.int64)


def as_samples(X: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """X and y as arrays of one length; raises LengthError, with both lengths, if they are not.

    >>> [array.shape for array in as_samples([[1, 2], [3, 4]], [0, 1])]
    [(2, 2), (2,)]
    """
    samples, answers = as_array(X, "X"), as_array(y, "y")
    if len(samples) != len(answers):
        raise LengthError(
            f"X and y must have one row for each sample: X has {len(samples)}, y has {len(answers)}"
        )
    return samples, answers
