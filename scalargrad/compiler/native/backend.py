"""Native backend: a program as one function of machine code, written for LLVM.

It computes a chunk of samples, one in each lane of some vectors of the processor, through all
kernels while their numbers are in the cache.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy

from scalargrad.utils.garbage import collector_off
from scalargrad.utils.locks import ProcessLock

from ..array_types import Array
from ..numpy_backend import NumpyBackend
from ..program import Program
from .calls import NativeFunction, Workspace
from .emitter import vector_width
from .entry import compile_function
from .rules import UnsupportedError
from .writer import FunctionWriter

__all__ = ["NativeBackend"]

_CHUNK_NUMBERS = 4096
"""How many numbers a chunk should have at most, gradients included: what a first-level cache of 32
kilobytes holds."""

_MIN_TILES = 4
_MAX_TILES = 16
"""How many vectors of samples a chunk has, whatever it takes."""

_MAX_KERNELS = 2000
"""Programs of more kernels are left to NumPy: LLVM takes 8 seconds for so many."""

_NOTHING = numpy.empty((0, 0))

_COMPILING = ProcessLock()
"""Held while LLVM compiles, which does one thing at a time anyway."""


class NativeBackend(NumpyBackend):
    """Runs a program on batches, in machine code where all of its kernels have such code.

    Other programs are computed by NumPy. A call has a workspace to itself, so several threads may
    call at once, and they compute at the same time.

    Args:
        program: What to compute.
        sizes: The length of each argument.
    """

    def __init__(self, program: Program, sizes: Sequence[int]) -> None:
        super().__init__(program, sizes)
        self._others = len(program.outputs) - 1
        self._usual_size: int | None = None
        # Smaller batches would fill less than half of a vector, and are done by sample.
        self._half_vector = -(-vector_width() // 2)
        self._min_in_lanes = self._half_vector
        self._reason: str | None = None
        self._native: dict[tuple[str, bool], NativeFunction | None] = {}

    @property
    def fallback_reason(self) -> str | None:
        """Why NumPy computes the program; None where it is computed in native code."""
        count = self._usual_size or vector_width()
        self._native_function("loss" if self.program.parameters else "outputs", count)
        return self._reason

    @property
    def has_phases(self) -> bool:
        """Whether a loop computes for all steps at once what depends on no carry."""
        return self.fallback_reason is not None

    def expect_batches(self, size: int) -> None:
        """Compute smaller batches by the code for those of this size, which is compiled anyway."""
        self._usual_size = size
        self._min_in_lanes = 0 if size >= self._half_vector else self._half_vector

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """Return all outputs, (batch, outputs)."""
        native = self._native_function("outputs", len(drawn))
        if native is None or not len(drawn):
            return super().outputs(arguments, read, drawn)
        outputs = numpy.empty((len(drawn), len(self.program.outputs)))
        workspace = native.take_workspace()
        self._run(native, workspace, arguments, read, drawn, [outputs])
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
        written = [others, gradient, workspace.zero]
        loss = self._run(native, workspace, arguments, read, drawn, written)
        is_finite = isfinite(loss) and workspace.zero.item() == 0.0
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
        self._run(native, workspace, arguments, read, drawn, [seed, *gradients])
        native.give_back(workspace)
        return gradients

    def render(self, name: str) -> str:
        """Return the source for NumPy, which says what native code computes as well."""
        return f"# {self.describe()}\n{super().render(name)}"

    def describe(self) -> str:
        """Say what is computed in native code, or why NumPy computes."""
        reason = self.fallback_reason
        if reason:
            return f"computed by NumPy: {reason}"
        width = vector_width()
        chunk = width * self._count_tiles(width)
        return f"computed by native code: vectors of {width} numbers, {chunk} samples at a time"

    def native_loss(self, count: int) -> NativeFunction | None:
        """Return the function of the loss and its gradient for batches of a size, if any."""
        return self._native_function("loss", count)

    def _run(
        self,
        native: NativeFunction,
        workspace: Workspace,
        arguments: Sequence[Array],
        read: Array,
        drawn: Array,
        rest: Sequence[Array],
    ) -> float:
        """Call a function, whose last arguments are the arrays in `rest`."""
        contiguous = map(numpy.ascontiguousarray, (read, drawn, *arguments))
        count = len(drawn)
        workspace.extend_order(count)
        return native.run(
            count, workspace.order, *contiguous, *native.fixed, workspace.memory, *rest
        )

    def _count_tiles(self, count: int) -> int:
        """Return how many vectors of samples a chunk of a batch has; 0 for one sample at a time."""
        if count < self._min_in_lanes:
            return 0
        # At least 1, as a function without arguments may have nothing that varies by sample.
        numbers = max(1, sum(block.width for block in self.layout.blocks if block.batched))
        tiles = _CHUNK_NUMBERS // (2 * numbers * vector_width())
        return min(max(tiles, _MIN_TILES), _MAX_TILES)

    def _native_function(self, name: str, count: int) -> NativeFunction | None:
        """Return a function for batches of a size, compiled at its first use.

        Returns:
            The function, or None where it has no native code.
        """
        key = (name, count < self._min_in_lanes)
        if key not in self._native:
            # Threads that come meanwhile wait for the code, and don't compile it again.
            with _COMPILING:
                if key not in self._native:
                    self._native[key] = self._try_to_compile(name, self._count_tiles(count))
        return self._native[key]

    def _try_to_compile(self, name: str, tiles: int) -> NativeFunction | None:
        """Return a function, or None where it has no native code, and remember why."""
        if len(self.kernels) > _MAX_KERNELS:
            self._reason = f"{len(self.kernels):,} kernels, too many for native code"
            return None
        try:
            return self._compile(name, tiles)
        except UnsupportedError as error:
            self._reason = f"no native code for {error}"
            return None

    def _compile(self, name: str, tiles: int) -> NativeFunction:
        with collector_off():
            writer = FunctionWriter(self, name, tiles)
            code = compile_function(writer.emitter, writer.write())
        return NativeFunction(code, [*self.fixed.values()], writer.size)

    def __getstate__(self) -> dict[str, Any]:
        # Machine code belongs to this process: a copy compiles its own.
        return {**self.__dict__, "_native": {}, "_functions": {}}
