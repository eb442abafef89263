"""Native functions as they are called: addresses of arrays, and the memory that they compute in."""

import ctypes
from collections.abc import Callable
from ctypes import addressof, c_double
from functools import cached_property
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["NativeFunction", "Workspace", "find_address"]

_CACHE_LINE = 64
"""The bytes that a processor reads from memory at once."""

_BYTES = 8
"""The bytes of a number."""

_first_number: Callable[[Any], c_double] = c_double.from_buffer
"""Returns the first number of an array that may be written to, at its place in memory."""


class Workspace:
    """Memory that one call of a native function at a time computes in.

    Args:
        size: How many numbers it holds.

    Attributes:
        address: Where it starts.
        zero: Where the function writes 0 if the gradient is finite, and else nan.
    """

    def __init__(self, size: int) -> None:
        self._memory = numpy.empty(size + _CACHE_LINE // _BYTES)
        # Vectors that start where lines of the cache do are read at once.
        self.address = -(-find_address(self._memory) // _CACHE_LINE) * _CACHE_LINE
        self.zero = c_double()
        self.address_of_zero = addressof(self.zero)
        self._order = numpy.zeros(0, numpy.int64)
        self._address_of_order = 0

    def find_order(self, count: int) -> int:
        """Return the address of the numbers 0 to count - 1."""
        # Those of a larger batch begin with them.
        if count > len(self._order):
            self._order = numpy.arange(count, dtype=numpy.int64)
            self._address_of_order = find_address(self._order)
        return self._address_of_order


class NativeFunction:
    """A function of machine code.

    Args:
        run: Takes the addresses of its arguments.
        fixed: The addresses of the parameters and the constants.
        size: How many numbers its workspaces hold.

    Attributes:
        run, fixed, size: What was given.
    """

    def __init__(self, run: Callable[..., float], fixed: list[int], size: int) -> None:
        self.run = run
        self.fixed = fixed
        self.size = size
        self._spare: list[Workspace] = []

    def take_workspace(self) -> Workspace:
        """Return a workspace that no other call has."""
        # Popping is one step for all threads, where to look first would be two.
        try:
            return self._spare.pop()
        except IndexError:
            return Workspace(self.size)

    def give_back(self, workspace: Workspace) -> None:
        """Keep a workspace for the next call."""
        self._spare.append(workspace)

    @cached_property
    def address(self) -> int:
        """Where the code is, for other native code to call it."""
        pointer = ctypes.cast(self.run, ctypes.c_void_p)  # type: ignore[arg-type]
        assert pointer.value is not None
        return pointer.value


def find_address(array: NDArray[Any]) -> int:
    """Return where an array lies in memory; 0 for an empty one, which nothing is read from."""
    if not array.size:
        return 0
    # Several times faster than to ask the array, but ctypes refuses what is read-only.
    try:
        return addressof(_first_number(array))
    except TypeError:
        return array.ctypes.data
