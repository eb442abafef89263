"""Native backend: a program as one function of machine code, written for LLVM.

It computes tiles of samples, one in each lane of the vectors of the processor, through all kernels
while their numbers are in the cache.
"""

import ctypes
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from scalargrad.utils.garbage import collector_off

from .array_types import Array
from .native_module import vector_width
from .native_rules import UnsupportedError
from .native_writer import FunctionWriter
from .numpy_backend import NumpyBackend
from .program import Program

__all__ = ["Native", "NativeBackend", "Workspace", "address"]

_CACHE_LINE = 64
"""The bytes that a processor reads from memory at once."""

_CHUNK_BYTES = 32 * 1024
"""How many bytes the numbers of a chunk should take at most: what a first-level cache holds."""

_MIN_TILES = 4
_MAX_TILES = 16
"""How many vectors of samples a chunk has, whatever it takes."""

_BYTES = 8
"""The bytes of a number."""


class Native(NamedTuple):
    """A function of machine code.

    Attributes:
        run: Takes the addresses of its arguments.
        fixed: The addresses of the parameters and the constants.
        size: How many numbers its workspace holds.
    """

    run: Callable[..., float]
    fixed: list[int]
    size: int

    @property
    def address(self) -> int:
        """Where the code is, for other native code to call it."""
        pointer = ctypes.cast(self.run, ctypes.c_void_p)  # type: ignore[arg-type]
        assert pointer.value is not None
        return pointer.value


def address(array: NDArray[Any]) -> int:
    """Return where an array lies in memory; 0 for an empty one, which nothing is read from."""
    if not array.size:
        return 0
    first: int = array.__array_interface__["data"][0]
    return first


class Workspace:
    """Memory for the calls of native code, which lives as long as this object.

    Args:
        size: The number of doubles.

    Attributes:
        address: Where it starts: at a line of the cache, as such vectors are read at once.
    """

    def __init__(self, size: int) -> None:
        self._array = numpy.empty(size + _CACHE_LINE // _BYTES)
        self.address = -(-address(self._array) // _CACHE_LINE) * _CACHE_LINE


class NativeBackend(NumpyBackend):
    """Runs a program on batches, in machine code where all of its kernels have such code.

    Other programs are computed by NumPy. A call has workspaces of
    its own, so several threads may call at once, and they compute at the same time.

    Args:
        program: What to compute.
        sizes: The length of each argument.

    """

    def __init__(self, program: Program, sizes: Sequence[int]) -> None:
        super().__init__(program, sizes)
        self._reason: str | None = None
        self._native: dict[tuple[str, int], Native | None] = {}

    @property
    def fallback_reason(self) -> str | None:
        """What has no native code, so that NumPy computes the program; None where all has."""
        self._native_function("loss" if self.program.parameters else "outputs", vector_width())
        return self._reason

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """Return all outputs, (batch, outputs)."""
        native = self._native_function("outputs", len(drawn))
        if native is None or not len(drawn):
            return super().outputs(arguments, read, drawn)
        outputs = numpy.empty((len(drawn), len(self.program.outputs)))
        self._run(native, arguments, read, drawn, [outputs])
        return outputs

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array, bool]:
        """Return the mean of the first output, its gradient, the rest, and whether it is finite."""
        native = self._native_function("loss", len(drawn))
        if native is None or not len(drawn):
            return super().loss(arguments, read, drawn)
        gradient = numpy.empty(self.program.parameters)
        others = numpy.empty((len(drawn), len(self.program.outputs) - 1))
        zero = numpy.empty(1)
        loss = self._run(native, arguments, read, drawn, [others, gradient, zero])
        is_finite = isfinite(loss) and zero[0] == 0.0
        return loss, gradient, others, is_finite

    def pull_back(
        self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array
    ) -> list[Array]:
        """Return what flows back to each argument when the outputs receive `seed`."""
        native = self._native_function("pull_back", len(drawn))
        if native is None or not len(drawn):
            return super().pull_back(arguments, read, drawn, seed)
        gradients = [numpy.zeros((len(drawn), size)) for size in self.sizes]
        seed = numpy.ascontiguousarray(seed, dtype=float)
        self._run(native, arguments, read, drawn, [seed, *gradients])
        return gradients

    def render(self, name: str) -> str:
        """Return the source for NumPy, which says what native code computes as well."""
        return f"# {self.describe()}\n{super().render(name)}"

    def describe(self) -> str:
        """Say what is computed in native code, or why NumPy computes."""
        reason = self.fallback_reason
        if reason:
            return f"computed by NumPy: no native code for {reason}"
        width = vector_width()
        chunk = width * self._count_tiles(width)
        return f"computed by native code: vectors of {width} numbers, {chunk} samples at a time"

    def native_loss(self, count: int) -> Native | None:
        """Return the function of the loss and its gradient for batches of a size, if any."""
        return self._native_function("loss", count)

    def _run(
        self,
        native: Native,
        arguments: Sequence[Array],
        read: Array,
        drawn: Array,
        results: Sequence[Array],
    ) -> float:
        # A name keeps what was copied alive while its address is in use.
        contiguous = [
            numpy.ascontiguousarray(array, dtype=float) for array in (read, drawn, *arguments)
        ]
        workspace = Workspace(native.size)
        order = numpy.arange(len(drawn))
        inputs = map(address, contiguous)
        written = map(address, results)
        return native.run(
            len(drawn), address(order), *inputs, *native.fixed, workspace.address, *written
        )

    def _count_tiles(self, count: int) -> int:
        """Return how many vectors of samples a chunk of a batch has; 0 for one sample at a time."""
        width = vector_width()
        if 2 * count < width:
            return 0
        numbers = sum(block.width for block in self.layout.blocks if block.batched)
        tiles = _CHUNK_BYTES // (2 * numbers * width * _BYTES)
        return min(max(tiles, _MIN_TILES), _MAX_TILES)

    def _native_function(self, name: str, count: int) -> Native | None:
        """Return a function for batches of a size, compiled at its first use.

        Returns:
            The function, or None where it has no native code.
        """
        tiles = self._count_tiles(count)
        key = (name, tiles)
        if key not in self._native:
            try:
                self._native[key] = self._compile(name, tiles)
            except UnsupportedError as error:
                self._reason = str(error)
                self._native[key] = None
        return self._native[key]

    def _compile(self, name: str, tiles: int) -> Native:
        with collector_off():
            writer = FunctionWriter(self, name, tiles)
            run = writer.emitter.compile(writer.write())
        fixed = [address(array) for array in self.fixed.values()]
        return Native(run, fixed, writer.size)

    def __getstate__(self) -> dict[str, Any]:
        # Machine code belongs to this process: a copy compiles its own.
        return {**self.__dict__, "_native": {}, "_functions": {}}
