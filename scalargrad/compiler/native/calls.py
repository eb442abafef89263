"""Native functions as they are called, and the memory that they compute in."""

import numpy

from ..array_types import Array
from .entry import MachineCode

__all__ = ["NativeFunction", "Workspace"]

_CACHE_LINE = 64
"""The bytes that a processor reads from memory at once."""

_BYTES = 8
"""The bytes of a number."""


class Workspace:
    """Memory that one call of a native function at a time computes in.

    Args:
        size: How many numbers it holds.

    Attributes:
        memory: The numbers.
        zero: (1,) where the function writes 0 if the gradient is finite, and else nan.
        order: The numbers from 0 on, at least as many as were asked for last.
    """

    def __init__(self, size: int) -> None:
        memory = numpy.empty(size + _CACHE_LINE // _BYTES)
        # Vectors that start where lines of the cache do are read at once.
        before = -memory.ctypes.data % _CACHE_LINE // _BYTES
        self.memory = memory[before : before + size]
        self.zero = numpy.zeros(1)
        self.order = numpy.zeros(0, numpy.int64)

    def extend_order(self, count: int) -> None:
        """Let `order` have so many numbers."""
        # Those of a larger batch begin with them.
        if count > len(self.order):
            self.order = numpy.arange(count, dtype=numpy.int64)


class NativeFunction:
    """A function of machine code that computes batches.

    Args:
        code: The code.
        fixed: The parameters and the constants.
        size: How many numbers its workspaces hold.

    Attributes:
        run, address: Those of the code.
        fixed, size: What was given.
    """

    def __init__(self, code: MachineCode, fixed: list[Array], size: int) -> None:
        self.run = code.run
        self.address = code.address
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
