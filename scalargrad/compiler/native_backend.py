"""Native backend: a program as one function of machine code, written for LLVM.

It computes tiles of samples, one in each lane of the vectors of the processor, through all kernels
while their numbers are in the cache.
"""

from collections.abc import Callable, Sequence
from ctypes import addressof, c_double
from math import isfinite
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.utils.garbage import collector_off

from .array_types import Array
from .native_module import vector_width
from .native_rules import UnsupportedError
from .native_writer import FunctionWriter
from .numpy_backend import NumpyBackend
from .program import Program

__all__ = ["NativeBackend"]

_CACHE_LINE = 64
"""The bytes that a processor reads from memory at once."""

_CHUNK_BYTES = 32 * 1024
"""How many bytes the numbers of a chunk should take at most: what a first-level cache holds."""

_MIN_TILES = 4
_MAX_TILES = 16
"""How many vectors of samples a chunk has, whatever it takes."""

_BYTES = 8
"""The bytes of a number."""

_NOTHING = numpy.empty((0, 0))

_first_number: Callable[[Any], c_double] = c_double.from_buffer
"""Returns the first number of an array that may be written to, at its place in memory."""


class _Workspace:
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
        self.address = -(-_address(self._memory) // _CACHE_LINE) * _CACHE_LINE
        self.zero = c_double()
        self.address_of_zero = addressof(self.zero)
        self._order = numpy.zeros(0, numpy.int64)
        self._address_of_order = 0

    def find_order(self, count: int) -> int:
        """Return the address of the numbers 0 to count - 1."""
        # Those of a larger batch begin with them.
        if count > len(self._order):
            self._order = numpy.arange(count, dtype=numpy.int64)
            self._address_of_order = _address(self._order)
        return self._address_of_order


class _Native:
    """A function of machine code.

    Args:
        run: Takes the addresses of its arguments.
        fixed: The addresses of the parameters and the constants.
        size: How many numbers its workspaces hold.
    """

    def __init__(self, run: Callable[..., float], fixed: list[int], size: int) -> None:
        self.run = run
        self.fixed = fixed
        self._size = size
        self._spare: list[_Workspace] = []

    def take_workspace(self) -> _Workspace:
        """Return a workspace that no other call has."""
        # Popping is one step for all threads, where to look first would be two.
        try:
            return self._spare.pop()
        except IndexError:
            return _Workspace(self._size)

    def give_back(self, workspace: _Workspace) -> None:
        """Keep a workspace for the next call."""
        self._spare.append(workspace)


def _address(array: NDArray[Any]) -> int:
    """Return where an array lies in memory; 0 for an empty one, which nothing is read from."""
    if not array.size:
        return 0
    # Several times faster than to ask the array, but ctypes refuses what is read-only.
    try:
        return addressof(_first_number(array))
    except TypeError:
        return array.ctypes.data


class NativeBackend(NumpyBackend):
    """Runs a program on batches, in machine code where all of its kernels have such code.

    Other programs are computed by NumPy. A call has a workspace of its own, so several threads may
    call at once, and they compute at the same time.

    Args:
        program: What to compute.
        sizes: The length of each argument.

    """

    def __init__(self, program: Program, sizes: Sequence[int]) -> None:
        super().__init__(program, sizes)
        self._tiles = self._count_tiles()
        self._others = len(program.outputs) - 1
        self._reason: str | None = None
        self._native: dict[tuple[str, int], _Native | None] = {}

    @property
    def fallback_reason(self) -> str | None:
        """What has no native code, so that NumPy computes the program; None where all has."""
        self._native_function("loss" if self.program.parameters else "outputs", vector_width())
        return self._reason

    @property
    def has_phases(self) -> bool:
        """Whether a loop computes for all steps at once what depends on no carry."""
        return self.fallback_reason is not None

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """Return all outputs, (batch, outputs)."""
        native = self._native_function("outputs", len(drawn))
        if native is None or not len(drawn):
            return super().outputs(arguments, read, drawn)
        outputs = numpy.empty((len(drawn), len(self.program.outputs)))
        workspace = native.take_workspace()
        self._run(native, workspace, arguments, read, drawn, [_address(outputs)])
        native.give_back(workspace)
        return outputs

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array, bool]:
        """Return the mean of the first output, its gradient, the rest, and whether it is finite."""
        native = self._native_function("loss", len(drawn))
        if native is None or not len(drawn):
            return super().loss(arguments, read, drawn)
        gradient = numpy.empty(self.program.parameters)
        others = numpy.empty((len(drawn), self._others)) if self._others else _NOTHING
        workspace = native.take_workspace()
        written = [_address(others), _address(gradient), workspace.address_of_zero]
        loss = self._run(native, workspace, arguments, read, drawn, written)
        is_finite = isfinite(loss) and workspace.zero.value == 0.0
        native.give_back(workspace)
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
        workspace = native.take_workspace()
        written = [*map(_address, [seed, *gradients])]
        self._run(native, workspace, arguments, read, drawn, written)
        native.give_back(workspace)
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
        chunk = width * self._tiles
        return f"computed by native code: vectors of {width} numbers, {chunk} samples at a time"

    def _run(
        self,
        native: _Native,
        workspace: _Workspace,
        arguments: Sequence[Array],
        read: Array,
        drawn: Array,
        written: list[int],
    ) -> float:
        """Call a function, which writes to the addresses in `written`."""
        # A name keeps what was copied alive while its address is in use.
        contiguous = [*map(numpy.ascontiguousarray, (read, drawn, *arguments))]
        inputs = map(_address, contiguous)
        count = len(drawn)
        order = workspace.find_order(count)
        return native.run(count, order, *inputs, *native.fixed, workspace.address, *written)

    def _count_tiles(self) -> int:
        """Return how many vectors of samples a chunk has."""
        numbers = sum(block.width for block in self.layout.blocks if block.batched)
        # At least 1, as a function without arguments may have nothing that varies by sample.
        tile_bytes = 2 * max(numbers, 1) * vector_width() * _BYTES
        return min(max(_CHUNK_BYTES // tile_bytes, _MIN_TILES), _MAX_TILES)

    def _native_function(self, name: str, count: int) -> _Native | None:
        """Return a function for batches of a size, compiled at its first use.

        Returns:
            The function, or None where it has no native code.
        """
        # Where samples would fill no half of a vector, they are computed one at a time.
        tiles = self._tiles if 2 * count >= vector_width() else 0
        key = (name, tiles)
        if key not in self._native:
            try:
                self._native[key] = self._compile(name, tiles)
            except UnsupportedError as error:
                self._reason = str(error)
                self._native[key] = None
        return self._native[key]

    def _compile(self, name: str, tiles: int) -> _Native:
        with collector_off():
            writer = FunctionWriter(self, name, tiles)
            run = writer.emitter.compile(writer.write())
        fixed = [_address(array) for array in self.fixed.values()]
        return _Native(run, fixed, writer.size)

    def __getstate__(self) -> dict[str, Any]:
        # Machine code belongs to this process: a copy compiles its own.
        return {**self.__dict__, "_native": {}, "_functions": {}}
