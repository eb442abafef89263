"""Types of the arrays that the compiler works with."""

from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["Array", "Mask", "Rows"]

Array = NDArray[numpy.float64]
"""Numbers."""

Rows = NDArray[Any]
"""Integers of any width: rows of a program, or positions in an array."""

Mask = NDArray[numpy.bool_]
"""True and False, one for each row or each operand."""
