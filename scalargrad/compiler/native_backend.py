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

from .array_types import Array
from .native_kernels import KernelEmitter
from .native_module import Emitter, load_llvmlite
from .native_rules import UnsupportedError
from .native_storage import Storage
from .numpy_backend import NumpyBackend
from .program import Program
from .writer import CONSTANTS, PARAMETERS

__all__ = ["NativeBackend", "address"]

_CACHE_LINE = 64
"""The bytes that a processor reads from memory at once."""

_BYTES = 8
"""The bytes of a number."""


class _Native(NamedTuple):
    """A function of machine code.

    Attributes:
        run: Takes the addresses of its arguments.
        fixed: The addresses of the parameters and the constants.
        size: How many numbers its workspace for values holds.
        gradient_size: How many numbers its workspace for gradients holds.
        text: The code as it was written for LLVM.
    """

    run: Callable[..., float]
    fixed: list[int]
    size: int
    gradient_size: int
    text: str

    @property
    def address(self) -> int:
        """Where the code is, for other machine code to call it."""
        pointer = ctypes.cast(self.run, ctypes.c_void_p)  # type: ignore[arg-type]
        assert pointer.value is not None
        return pointer.value

    def make_workspace(self) -> "_Workspace":
        """Return memory for one call."""
        # Vectors that start where lines of the cache do are read at once.
        array = numpy.empty(self.size + self.gradient_size + _CACHE_LINE // _BYTES)
        values = -(-address(array) // _CACHE_LINE) * _CACHE_LINE
        return _Workspace(array, (values, values + self.size * _BYTES))


class _Workspace(NamedTuple):
    """Memory for one call.

    Attributes:
        array: The memory, which lives as long as this object.
        addresses: Where values are in it, and where gradients are.
    """

    array: Array
    addresses: tuple[int, int]


def address(array: NDArray[Any]) -> int:
    """Return where an array lies in memory; 0 for an empty one, which nothing is read from."""
    if not array.size:
        return 0
    first: int = array.__array_interface__["data"][0]
    return first


class NativeBackend(NumpyBackend):
    """Runs a program on batches, in machine code where all of its kernels have such code.

    Other programs, and what flows back to inputs, are computed by NumPy. A call has workspaces of
    its own, so several threads may call at once, and they compute at the same time.

    Args:
        program: What to compute.
        sizes: The length of each argument.

    Raises:
        OptionError: llvmlite is not installed.
    """

    def __init__(self, program: Program, sizes: Sequence[int]) -> None:
        load_llvmlite()
        super().__init__(program, sizes)
        self._reason: str | None = None
        self._native: dict[str, _Native | None] = {}

    @property
    def fallback_reason(self) -> str | None:
        """What has no native code, so that NumPy computes the program; None where all has."""
        self._native_function("loss" if self.program.parameters else "outputs")
        return self._reason

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """Return all outputs, (batch, outputs)."""
        native = self._native_function("outputs")
        if native is None or not len(drawn):
            return super().outputs(arguments, read, drawn)
        outputs = numpy.empty((len(drawn), len(self.program.outputs)))
        self._run(native, arguments, read, drawn, [outputs])
        return outputs

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array, bool]:
        """Return the mean of the first output, its gradient, the rest, and whether it is finite."""
        native = self._native_function("loss")
        if native is None or not len(drawn):
            return super().loss(arguments, read, drawn)
        gradient = numpy.empty(self.program.parameters)
        others = numpy.empty((len(drawn), len(self.program.outputs) - 1))
        zero = numpy.empty(1)
        loss = self._run(native, arguments, read, drawn, [others, gradient, zero])
        is_finite = isfinite(loss) and zero[0] == 0.0
        return loss, gradient, others, is_finite

    def render(self, name: str) -> str:
        """Return the code for LLVM, or the source for NumPy where there is none."""
        native = self._native_function(name) if name != "pull_back" else None
        return super().render(name) if native is None else native.text

    def native_loss(self) -> _Native:
        """Return the machine code of the loss and its gradient.

        Raises:
            UnsupportedError: The program has no native code.
        """
        native = self._native_function("loss")
        if native is None:
            raise UnsupportedError(self._reason)
        return native

    def _run(
        self,
        native: _Native,
        arguments: Sequence[Array],
        read: Array,
        drawn: Array,
        results: Sequence[Array],
    ) -> float:
        # A name keeps what was copied alive while its address is in use.
        contiguous = [
            numpy.ascontiguousarray(array, dtype=float) for array in (read, drawn, *arguments)
        ]
        workspace = native.make_workspace()
        order = numpy.arange(len(drawn))
        inputs = map(address, [order, *contiguous])
        written = map(address, results)
        return native.run(len(drawn), *inputs, *native.fixed, *workspace.addresses, *written)

    def _native_function(self, name: str) -> _Native | None:
        """Return a function, compiled at its first use, or None where it has no native code."""
        if name not in self._native:
            try:
                self._native[name] = self._compile(name)
            except UnsupportedError as error:
                self._reason = str(error)
                self._native[name] = None
        return self._native[name]

    def _compile(self, name: str) -> _Native:
        inputs = ["order", "r", "d", *self._argument_names(), PARAMETERS, CONSTANTS]
        results = {"outputs": ["out"], "loss": ["out", "g_p", "zero"]}[name]
        emitter = Emitter(["n", *inputs, "w", "g", *results])
        storage = Storage(emitter, self.layout, self._needed(name))
        writer = _FunctionWriter(emitter, storage, self)
        loss = writer.write(name)
        emitter.write_before(storage.write_copies)
        run = emitter.compile(loss)
        width = emitter.width
        sizes = (storage.size * width, storage.gradient_size * width)
        fixed = [address(array) for array in self.fixed.values()]
        return _Native(run, fixed, *sizes, str(emitter.module))

    def __getstate__(self) -> dict[str, Any]:
        # Machine code belongs to this process: a copy compiles its own.
        return {**self.__dict__, "_native": {}, "_functions": {}}


class _FunctionWriter:
    """Writes a function that computes all samples, tile by tile.

    Args:
        emitter: Where instructions are added.
        storage: Where the numbers of a tile are.
        backend: What to compute.
    """

    def __init__(self, emitter: Emitter, storage: Storage, backend: NumpyBackend) -> None:
        self.emitter = emitter
        self.storage = storage
        self.kernels = backend.kernels
        self.first = backend.layout.first
        self.program = backend.program
        self.code = KernelEmitter(emitter, storage)

    def write(self, name: str) -> Any:
        """Write the body of "outputs" or "loss", and return the mean of the first output."""
        emitter = self.emitter
        builder = emitter.builder
        count = emitter.arguments["n"]
        self._zero_gradients(0, self.storage.gradient_size)

        padded = builder.add(count, emitter.index(emitter.width - 1))
        tiles = builder.sdiv(padded, emitter.index(emitter.width))

        def run_tile(tile: Any, carry: list[Any]) -> list[Any]:
            return [self._write_tile(name, tile, carry[0])]

        (total,) = emitter.loop(tiles, run_tile, [emitter.constant(0.0)])
        if name == "loss":
            self._sum_gradients()
        return builder.fdiv(emitter.sum_lanes(total), builder.sitofp(count, emitter.double))

    def _write_tile(self, name: str, tile: Any, total: Any) -> Any:
        """Write what computes a tile, and return the sum of the losses so far."""
        emitter = self.emitter
        builder = emitter.builder
        start = builder.mul(tile, emitter.index(emitter.width))
        lanes = self._find_samples(start)
        self._load_samples(lanes)
        for kernel in self.kernels:
            self.code.forward(kernel)

        written = self.program.outputs[1:] if name == "loss" else self.program.outputs
        if len(written):
            self._store_outputs(written, lanes)
        if name == "outputs":
            return total

        remaining = builder.sub(emitter.arguments["n"], start)
        numbers = emitter.ir.Constant(emitter.vector, [float(i) for i in range(emitter.width)])
        limit = emitter.splat(builder.sitofp(remaining, emitter.double))
        is_sample = builder.fcmp_ordered("<", numbers, limit)
        self._write_backward(is_sample)
        loss = self.storage.reader(self.program.outputs[:1]).load(emitter.index(0))
        return builder.fadd(total, builder.select(is_sample, loss, emitter.constant(0.0)))

    def _find_samples(self, start: Any) -> list[Any]:
        """Return the sample in each lane: the last one again in lanes beyond the batch.

        So these compute nothing that is not computed anyway: no nan comes from them alone.
        """
        emitter = self.emitter
        builder = emitter.builder
        last = builder.sub(emitter.arguments["n"], emitter.index(1))
        samples = []
        for lane in range(emitter.width):
            sample = builder.add(start, emitter.index(lane))
            is_inside = builder.icmp_signed("<", sample, last)
            samples.append(builder.select(is_inside, sample, last))
        return samples

    def _load_samples(self, lanes: list[Any]) -> None:
        """Write what brings the inputs of a tile into its vectors."""
        emitter = self.emitter
        builder = emitter.builder
        order = builder.bitcast(emitter.arguments["order"], emitter.integer.as_pointer())
        samples = [builder.load(builder.gep(order, [lane])) for lane in lanes]
        for number, slot in self.storage.slots.items():
            block = self.storage.layout.blocks[number]
            if number >= self.first or not block.width:
                continue
            width = emitter.index(block.width)
            array = emitter.arguments[block.name]
            numbers = lanes if block.name == "d" else samples
            rows = [builder.mul(sample, width) for sample in numbers]

            def load(
                column: Any,
                carry: list[Any],
                array: Any = array,
                rows: Any = rows,
                slot: int = slot,
            ) -> list[Any]:
                vector = emitter.ir.Constant(emitter.vector, emitter.ir.Undefined)
                for lane, row in enumerate(rows):
                    element = emitter.load_scalar(array, builder.add(row, column))
                    vector = builder.insert_element(vector, element, emitter.lane(lane))
                position = builder.add(column, emitter.index(slot))
                emitter.store(vector, emitter.arguments["w"], position)
                return carry

            emitter.loop(width, load, [])

    def _store_outputs(self, rows: Any, samples: list[Any]) -> None:
        emitter = self.emitter
        builder = emitter.builder
        width = emitter.index(len(rows))
        reader = self.storage.reader(rows)

        def store(column: Any, carry: list[Any]) -> list[Any]:
            vector = reader.load(column)
            for lane, sample in enumerate(samples):
                position = builder.add(builder.mul(sample, width), column)
                element = builder.extract_element(vector, emitter.lane(lane))
                builder.store(element, builder.gep(emitter.arguments["out"], [position]))
            return carry

        emitter.loop(width, store, [])

    def _write_backward(self, is_sample: Any) -> None:
        """Write the adjoint of each kernel, the last one first."""
        emitter = self.emitter
        builder = emitter.builder
        parameters = self.program.parameters
        self._zero_gradients(parameters, self.storage.gradient_size)

        count = builder.sitofp(emitter.arguments["n"], emitter.double)
        share = emitter.splat(builder.fdiv(emitter.ir.Constant(emitter.double, 1.0), count))
        seed = builder.select(is_sample, share, emitter.constant(0.0))
        self.storage.gradient(self.program.outputs[:1]).add(seed, emitter.index(0))
        numbered = list(enumerate(self.kernels, self.first))
        for number, kernel in reversed(numbered):
            if number in self.storage.gradient_slots:
                self.code.backward(kernel)

    def _zero_gradients(self, start: int, end: int) -> None:
        emitter = self.emitter

        def zero(index: Any, carry: list[Any]) -> list[Any]:
            position = emitter.builder.add(index, emitter.index(start))
            emitter.store(emitter.constant(0.0), emitter.arguments["g"], position)
            return carry

        emitter.loop(emitter.index(end - start), zero, [])

    def _sum_gradients(self) -> None:
        """Write the gradient of each parameter: the sum over the lanes.

        Whether all are finite is told by the sum of their products with 0: it is 0, or else nan.
        """
        emitter = self.emitter
        builder = emitter.builder
        nothing = emitter.ir.Constant(emitter.double, 0.0)

        def add_up(index: Any, carry: list[Any]) -> list[Any]:
            total = emitter.sum_lanes(emitter.load(emitter.arguments["g"], index))
            builder.store(total, builder.gep(emitter.arguments["g_p"], [index]))
            return [builder.fadd(carry[0], builder.fmul(total, nothing))]

        zero = nothing
        if self.program.parameters:
            (zero,) = emitter.loop(emitter.index(self.program.parameters), add_up, [nothing])
        builder.store(zero, emitter.arguments["zero"])
