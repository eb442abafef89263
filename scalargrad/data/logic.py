"""Truth tables as data: every row of inputs once, in counting order, and the answer 0 or 1.

For inputs and answers of ±1 take `2 * X - 1` and `2 * y - 1`.
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
    """X (4, 2), y (4,): 1 where both inputs are 1.

    >>> and_()[1]
    array([0, 0, 0, 1])
    """
    X = _counting(2)
    return X, _answers(X.sum(axis=1) == 2)


@explain_calls
def or_() -> Table:
    """X (4, 2), y (4,): 1 where an input is 1.

    >>> or_()[1]
    array([0, 1, 1, 1])
    """
    X = _counting(2)
    return X, _answers(X.sum(axis=1) >= 1)


@explain_calls
def nand() -> Table:
    """X (4, 2), y (4,): 0 where both inputs are 1.

    >>> nand()[1]
    array([1, 1, 1, 0])
    """
    X, y = and_()
    return X, 1 - y


@explain_calls
def xor() -> Table:
    """X (4, 2), y (4,): 1 where the inputs differ; no straight line parts the answers.

    >>> X, y = xor()
    >>> X.tolist(), y
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], array([0, 1, 1, 0]))
    """
    return parity(2)


@explain_calls
def parity(bits: int) -> Table:
    """X (2**bits, bits), y (2**bits,): 1 where an odd number of bits is 1. Raises OptionError unless bits is 1 … 20.

    >>> parity(3)[1]
    array([0, 1, 1, 0, 1, 0, 0, 1])
    """
    X = _counting(bits)
    return X, _answers(X.sum(axis=1) % 2 == 1)


@explain_calls
def comparator(bits: int) -> Table:
    """X (4**bits, 2 * bits), y (4**bits,): 1 where the number in the first `bits` columns is greater than that in the others.

    Numbers begin with their highest bit. Raises OptionError unless bits is 1 … 10.

    >>> X, y = comparator(1)
    >>> X[y == 1]
    array([[1., 0.]])
    """
    if checked_int(bits, "bits", 1) > 10:
        raise OptionError(f"bits must be at most 10, not {bits}: the table has 4**bits rows")
    rows = np.arange(4**bits)
    return _counting(2 * bits), _answers(rows // 2**bits > rows % 2**bits)


def _counting(bits: int) -> Floats:
    """All rows of `bits` bits, in the order of the numbers that they spell."""
    if checked_int(bits, "bits", 1) > 20:
        raise OptionError(f"bits must be at most 20, not {bits}: the table has 2**bits rows")
    return (np.arange(2**bits)[:, None] >> np.arange(bits)[::-1] & 1).astype(np.float64)


def _answers(truths: NDArray[np.bool_]) -> Integers:
    return truths.astype(np.int64)
