"""Truth tables as data: each row of inputs once, in counting order, and the answer 0 or 1.

For inputs and answers of ±1 use `2 * X - 1` and `2 * y - 1`.
"""

import numpy as np
from numpy.typing import NDArray

from scalargrad.core.checks import checked_int
from scalargrad.errors import OptionError
from scalargrad.utils.calls import explain_calls

from .checks import Floats, Integers

Table = tuple[Floats, Integers]


@explain_calls
def and_() -> Table:
    """Return X (4, 2) and y (4,): 1 where both inputs are 1.

    Example:
        >>> and_()[1]
        array([0, 0, 0, 1])
    """
    X = _count_up(2)
    return X, _as_answers(X.sum(axis=1) == 2)


@explain_calls
def or_() -> Table:
    """Return X (4, 2) and y (4,): 1 where an input is 1.

    Example:
        >>> or_()[1]
        array([0, 1, 1, 1])
    """
    X = _count_up(2)
    return X, _as_answers(X.sum(axis=1) >= 1)


@explain_calls
def nand() -> Table:
    """Return X (4, 2) and y (4,): 0 where both inputs are 1.

    Example:
        >>> nand()[1]
        array([1, 1, 1, 0])
    """
    X, y = and_()
    return X, 1 - y


@explain_calls
def xor() -> Table:
    """Return X (4, 2) and y (4,): 1 where the inputs differ.

    No straight line separates the answers.

    Example:
        >>> X, y = xor()
        >>> X.tolist(), y
        ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], array([0, 1, 1, 0]))
    """
    return parity(2)


@explain_calls
def parity(bits: int) -> Table:
    """Return X (2**bits, bits) and y (2**bits,): 1 where an odd number of bits is 1.

    Args:
        bits: Number of inputs, 1 … 20.

    Raises:
        OptionError: For another number of bits.

    Example:
        >>> parity(3)[1]
        array([0, 1, 1, 0, 1, 0, 0, 1])
    """
    X = _count_up(bits)
    return X, _as_answers(X.sum(axis=1) % 2 == 1)


@explain_calls
def comparator(bits: int) -> Table:
    """Return X (4**bits, 2 * bits) and y (4**bits,): 1 where the first number is greater.

    The first number is in the first `bits` columns, the second in the others; both start with their
    highest bit.

    Args:
        bits: Bits of each number, 1 … 10.

    Raises:
        OptionError: For another number of bits.

    Example:
        >>> X, y = comparator(1)
        >>> X[y == 1]
        array([[1., 0.]])
    """
    if checked_int(bits, "bits", 1) > 10:
        raise OptionError(f"bits must be at most 10, not {bits}: the table has 4**bits rows")
    rows = np.arange(4**bits)
    first = rows // 2**bits
    second = rows % 2**bits
    return _count_up(2 * bits), _as_answers(first > second)


def _count_up(bits: int) -> Floats:
    """Return all rows of `bits` bits, in the order of the numbers that they spell."""
    if checked_int(bits, "bits", 1) > 20:
        raise OptionError(f"bits must be at most 20, not {bits}: the table has 2**bits rows")
    numbers = np.arange(2**bits)
    # The highest bit comes first, as numbers are written.
    places = np.arange(bits)[::-1]
    digits = numbers[:, None] >> places & 1
    return digits.astype(np.float64)


def _as_answers(truths: NDArray[np.bool_]) -> Integers:
    return truths.astype(np.int64)
