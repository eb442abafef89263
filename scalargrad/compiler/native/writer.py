"""The functions of a program in native code: "outputs", "loss" and "pull_back"."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import numpy
from llvmlite import ir

from ..array_types import Mask, Rows
from ..kernels import Kernel, Matrix, Scan
from ..numpy_backend import NumpyBackend
from .chunks import Chunk
from .emitter import Emitter
from .kernels import KernelEmitter
from .products import add_up, over_rows
from .sole import find_reached, find_sole
from .storage import Places, Reader, Storage

__all__ = ["FunctionWriter"]

_ARRAYS = ("s", "h", "w", "g", "seeds", "left", "copied", "right", "start", "sums")
"""What lies in the workspace of a call, in order; see `Storage`."""

_PART_KERNELS = 16
"""How many kernels a function has."""

_LONG_RUN = 64
"""How many numbers side by side are set to zero at once, and not one by one."""

_ALIGNED = 8
"""The doubles in a line of the cache: each part of a workspace starts at one."""


class FunctionWriter:
    """Writes a function that computes a batch, chunk by chunk.

    What all samples share is computed once, before the first chunk.

    Args:
        backend: What to compute.
        name: "outputs", "loss" or "pull_back".
        tiles: How many vectors of samples a chunk has; 0 for one sample at a time, whose rows lie
            in the lanes.
    """

    def __init__(self, backend: NumpyBackend, name: str, tiles: int) -> None:
        arguments = [f"x{i}" for i in range(len(backend.sizes))]
        results = {
            "outputs": ["out"],
            "loss": ["out", "g_p", "zero"],
            "pull_back": ["seed", *(f"g_{argument}" for argument in arguments)],
        }[name]
        inputs = ["r", "d", *arguments, "p", "c"]
        self.emitter = Emitter(["n", "order", *inputs, "work", *results])
        self.name = name
        self.tiles = tiles
        self.layout = backend.layout
        self.program = backend.program
        self.kernels = list(enumerate(backend.kernels, backend.layout.first))
        self._starts = self._divide_workspace()
        needed, sole = self._plan_gradients(backend)
        self.storage = Storage(self.emitter, self.layout, needed, sole, tiles)

    def _plan_gradients(self, backend: NumpyBackend) -> tuple[list[bool], Mask]:
        """Return which blocks have a gradient, and which rows receive theirs from one place."""
        outputs = self.program.outputs
        seeded = {"outputs": outputs[:0], "loss": outputs[:1]}.get(self.name, outputs)
        reached = find_reached(self.layout, backend.kernels, seeded)
        needed = reached & backend.needs_gradients(self.name)
        kernels = [kernel for number, kernel in self.kernels if reached[number]]
        return needed.tolist(), find_sole(self.program, kernels, seeded)

    def _divide_workspace(self) -> dict[str, Any]:
        """Make the parts of the workspace arguments; where each starts is known at the end."""
        emitter = self.emitter
        starts = {}
        for name in _ARRAYS:
            start = ir.GlobalVariable(emitter.module, emitter.integer, f"start_{name}")
            start.global_constant = True
            start.linkage = "internal"
            starts[name] = start
            place = emitter.builder.load(start)
            emitter.arguments[name] = emitter.builder.gep(emitter.arguments["work"], [place])
        return starts

    def write(self) -> Any:
        """Write the body, and return the mean of the first output."""
        emitter = self.emitter
        storage = self.storage
        self._zero_shared_gradients()
        write_shared_copies = emitter.reserve()
        code = KernelEmitter(emitter, storage, Chunk(emitter, emitter.index(0), emitter.index(1)))
        with emitter.along_rows():
            self._write_kernels(self._list_forward(batched=False), code, KernelEmitter.forward)
        write_copies = emitter.reserve()

        total = self._write_chunks()
        if self.name == "loss":
            self._finish_shared_gradients(code)
        write_shared_copies(lambda: storage.write_copies("s"))
        write_copies(lambda: storage.write_copies("w"))
        self._set_starts()
        count = emitter.builder.sitofp(emitter.arguments["n"], emitter.double)
        return emitter.builder.fdiv(total, count)

    @property
    def size(self) -> int:
        """How many doubles the workspace has."""
        return sum(self._sizes().values())

    def _sizes(self) -> dict[str, int]:
        """How many doubles each part of the workspace has."""
        storage = self.storage
        sizes = {name: size for name, size in storage.size.items() if name in ("s", "h")}
        varying = ("w", "g", "seeds")
        sizes |= {name: storage.size[name] * storage.numbers_each for name in varying}
        sizes |= storage.scratch
        return {name: -(-size // _ALIGNED) * _ALIGNED for name, size in sizes.items()}

    def _set_starts(self) -> None:
        self.storage.finish()
        place = 0
        sizes = self._sizes()
        for name, start in self._starts.items():
            start.initializer = self.emitter.index(place)
            place += sizes.get(name, 0)

    # Chunks

    def _write_chunks(self) -> Any:
        """Write the loop over chunks, and return the sum of the losses."""
        emitter = self.emitter
        builder = emitter.builder
        size = self.storage.numbers_each
        count = emitter.arguments["n"]
        chunks = builder.sdiv(emitter.add_index(count, size - 1), emitter.index(size))

        def run(number: Any, total: list[Any]) -> list[Any]:
            start = emitter.scale_index(number, size)
            chunk = Chunk(emitter, start, self._count_tiles(start))
            if self.tiles:
                return [self._write_chunk(chunk, total[0])]
            with emitter.along_rows():
                return [self._write_chunk(chunk, total[0])]

        zero = ir.Constant(emitter.double, 0.0)
        (total,) = emitter.loop(chunks, run, [zero])
        return total

    def _count_tiles(self, start: Any) -> Any:
        """Return how many vectors of samples there are from `start` on, at most a whole chunk."""
        emitter = self.emitter
        builder = emitter.builder
        if self.tiles < 2:
            return emitter.index(1)
        remaining = builder.sub(emitter.arguments["n"], start)
        padded = emitter.add_index(remaining, emitter.width - 1)
        tiles = builder.sdiv(padded, emitter.index(emitter.width))
        is_whole = builder.icmp_signed(">", tiles, emitter.index(self.tiles))
        return builder.select(is_whole, emitter.index(self.tiles), tiles)

    def _write_chunk(self, chunk: Chunk, total: Any) -> Any:
        """Write what computes a chunk, and return the sum of the losses so far."""
        code = KernelEmitter(self.emitter, self.storage, chunk)
        self._load_samples(chunk)
        self._write_kernels(self._list_forward(batched=True), code, KernelEmitter.forward)
        if self.name == "outputs":
            self._store_outputs(self.program.outputs, chunk)
            return total

        write_zeros = self.emitter.reserve()
        if self.name == "loss":
            self._store_outputs(self.program.outputs[1:], chunk)
            total = self._seed_loss(chunk, total)
        else:
            self._load_seeds(chunk)
        self._write_kernels(self._list_backward(batched=True), code, KernelEmitter.backward)
        if self.name == "loss":
            self.storage.write_gradient_copies("g", chunk.tiles)
        else:
            self._store_gradients(chunk)
        write_zeros(self.storage.write_zeros)
        return total

    def _list_forward(self, batched: bool) -> list[Kernel]:
        """Return the kernels that vary by sample, or the others, in order."""
        return [kernel for _, kernel in self.kernels if kernel.batched == batched]

    def _list_backward(self, batched: bool) -> list[Kernel]:
        """Return those that a gradient flows through, the last one first."""
        return [
            kernel
            for number, kernel in reversed(self.kernels)
            if kernel.batched == batched and number in self.storage.gradients
        ]

    def _write_kernels(
        self,
        kernels: Sequence[Kernel],
        code: KernelEmitter,
        write: Callable[[KernelEmitter, Kernel], None],
    ) -> None:
        """Write kernels forward or backward, some of them at a time as a function of their own."""
        for is_loop, run in groupby(kernels, lambda kernel: isinstance(kernel, Scan)):
            group = list(run)
            if is_loop or len(kernels) <= _PART_KERNELS:
                # A loop stays here, as its way back uses what was written on the way forward.
                for kernel in group:
                    write(code, kernel)
                continue
            for first in range(0, len(group), _PART_KERNELS):
                with code.chunk.part() as chunk:
                    part = KernelEmitter(self.emitter, self.storage, chunk)
                    for kernel in group[first : first + _PART_KERNELS]:
                        write(part, kernel)

    def _load_samples(self, chunk: Chunk) -> None:
        """Write what brings the inputs of a chunk into w."""
        for number, (array, start) in self.storage.values.items():
            block = self.layout.blocks[number]
            if array == "w" and number < self.layout.first and block.width:
                # What is drawn is drawn for each position of the batch.
                in_order = block.name != "d"
                reader = self.storage.make_run(array, start, block.width)
                self._load_rows(chunk, block.name, block.width, reader, in_order)

    def _load_rows(self, chunk: Chunk, name: str, width: int, reader: Any, in_order: bool) -> None:
        """Write what reads rows of an argument, (batch, width), into numbers of a chunk."""
        emitter = self.emitter
        array = emitter.arguments[name]

        def find_row(number: Any) -> Any:
            position = chunk.find_position(number)
            sample = chunk.find_sample(position) if in_order else position
            return emitter.scale_index(sample, width)

        if emitter.by_rows:
            row = find_row(emitter.index(0))

            def copy(some: list[Any]) -> None:
                for column in some:
                    vector = emitter.load(array, emitter.add_index(row, column))
                    reader.store(vector, column)

            over_rows(emitter, width)(copy)
            return

        def load_tile() -> None:
            first = emitter.scale_index(emitter.tile, emitter.width)
            rows = [find_row(emitter.add_index(first, lane)) for lane in range(emitter.width)]
            tile = emitter.tile

            def load_columns(some: list[Any]) -> None:
                for column in some:
                    vectors = [emitter.load(array, emitter.add_index(row, column)) for row in rows]
                    columns = emitter.transpose(vectors)[: emitter.active]
                    self._store_columns(reader, tile, column, columns)

            over_rows(emitter, width)(load_columns)

        chunk.each_tile(load_tile)

    def _store_columns(self, reader: Any, tile: Any, first: Any, columns: list[Any]) -> None:
        """Write vectors of samples, one for each number, from the first number on."""
        emitter = self.emitter
        with emitter.along_samples():
            emitter.tile = tile
            for offset, vector in enumerate(columns):
                reader.store(vector, emitter.add_index(first, offset))

    def _store_outputs(self, rows: Rows, chunk: Chunk) -> None:
        if len(rows):
            self._store_rows(chunk, "out", len(rows), self.storage.reader(rows))

    def _store_rows(self, chunk: Chunk, name: str, width: int, reader: Any) -> None:
        """Write numbers of a chunk into rows of a result, (batch, width)."""
        emitter = self.emitter
        array = emitter.arguments[name]

        def find_row(number: Any) -> Any:
            return emitter.scale_index(chunk.find_position(number), width)

        if emitter.by_rows:
            row = find_row(emitter.index(0))

            def copy(some: list[Any]) -> None:
                for column in some:
                    emitter.store(reader.load(column), array, emitter.add_index(row, column))

            over_rows(emitter, width)(copy)
            return

        def store_tile() -> None:
            first = emitter.scale_index(emitter.tile, emitter.width)
            rows = [find_row(emitter.add_index(first, lane)) for lane in range(emitter.width)]

            def store_column(column: Any) -> None:
                elements = emitter.elements(reader.load(column))
                for row, element in zip(rows, elements, strict=True):
                    emitter.store_scalar(element, array, emitter.add_index(row, column))

            emitter.repeat(width, store_column)

        chunk.each_tile(store_tile)

    # Gradients

    def _seed_loss(self, chunk: Chunk, total: Any) -> Any:
        """Write the gradient of the mean loss by each loss; return the sum of the losses so far."""
        emitter = self.emitter
        builder = emitter.builder
        row = self.program.outputs[:1]
        losses = self.storage.reader(row)
        count = builder.sitofp(emitter.arguments["n"], emitter.double)
        share = builder.fdiv(ir.Constant(emitter.double, 1.0), count)
        has_gradient = self._varies(row) and self.storage.needs_gradient(row)
        gradients = self.storage.gradient(row) if has_gradient else None
        if emitter.by_rows:
            if gradients is not None:
                gradients.add_scalar(share, emitter.index(0))
            return builder.fadd(total, losses.load_scalar(emitter.index(0)))

        numbers = ir.Constant(emitter.vector, [float(i) for i in range(emitter.width)])
        zero = emitter.constant(0.0)

        def seed_tile(tile: Any, carry: list[Any]) -> list[Any]:
            emitter.tile = tile
            first = emitter.add_index(chunk.start, emitter.scale_index(tile, emitter.width))
            remaining = builder.sub(emitter.arguments["n"], first)
            limit = emitter.splat(builder.sitofp(remaining, emitter.double))
            is_sample = builder.fcmp_ordered("<", numbers, limit)
            if gradients is not None:
                seed = builder.select(is_sample, emitter.splat(share), zero)
                gradients.add(seed, emitter.index(0))
            loss = builder.select(is_sample, losses.load(emitter.index(0)), zero)
            return [builder.fadd(carry[0], loss)]

        (lanes,) = emitter.loop(chunk.tiles, seed_tile, [zero])
        return builder.fadd(total, emitter.sum_lanes(lanes))

    def _varies(self, row: Rows) -> bool:
        """Whether a row is not the same for all samples."""
        return self.layout.blocks[int(self.layout.block_of[row[0]])].batched

    def _load_seeds(self, chunk: Chunk) -> None:
        """Write what adds the gradients of the outputs, (batch, outputs), to those of their rows.

        A row may be several outputs. Samples beyond the batch are the last one again, and what
        flows back to them is not read.
        """
        emitter = self.emitter
        count = len(self.program.outputs)
        seeds = self.storage.make_run("seeds", 0, count)
        self.storage.size["seeds"] = count
        self._load_rows(chunk, "seed", count, seeds, in_order=False)
        for column, row in enumerate(self.program.outputs):
            rows = numpy.array([row])
            if self.storage.needs_gradient(rows):
                gradients = self.storage.gradient(rows)
                number = emitter.index(column)

                def add(gradients: Reader = gradients, number: Any = number) -> None:
                    if emitter.by_rows:
                        gradients.add_scalar(seeds.load_scalar(number), emitter.index(0))
                    else:
                        gradients.add(seeds.load(number), emitter.index(0))

                chunk.each_tile(add)

    def _store_gradients(self, chunk: Chunk) -> None:
        """Write the gradients of the arguments, each (batch, n)."""
        for number, (array, start) in self.storage.gradients.items():
            block = self.layout.blocks[number]
            if number < self.layout.first and block.width:
                reader = self.storage.make_run(array, start, block.width)
                self._store_rows(chunk, block.gradient, block.width, reader)

    def _zero_shared_gradients(self) -> None:
        if self.name != "loss":
            return
        self._zero_later = self.emitter.reserve()
        is_added_to = numpy.ones(self.program.parameters, bool)
        for number, kernel in self.kernels:
            has_gradient = number in self.storage.gradients
            if not has_gradient or not isinstance(kernel, Matrix):
                continue
            if self.storage.sets_weights(kernel.weights):
                is_added_to[self.program.place[kernel.weights]] = False
        wanted = numpy.flatnonzero(is_added_to)
        if len(wanted) == self.program.parameters:
            self._zero("g_p", len(wanted))
        elif len(wanted):
            self._zero_places("g_p", wanted)

    def _zero_places(self, array: str, positions: Rows) -> None:
        """Write zeros at positions that increase, long runs of them at once."""
        emitter = self.emitter
        pointer = emitter.arguments[array]
        runs = numpy.split(positions, numpy.flatnonzero(numpy.diff(positions) > 1) + 1)
        for run in runs:
            if len(run) >= _LONG_RUN:
                start = emitter.builder.gep(pointer, [emitter.index(int(run[0]))])
                emitter.fill_zeros(start, len(run))

        short = [run for run in runs if len(run) < _LONG_RUN]
        if not short:
            return
        places = Places(emitter, numpy.concatenate(short))
        zero = ir.Constant(emitter.double, 0.0)

        def write_zero(i: Any) -> None:
            emitter.store_scalar(zero, pointer, places.find(i))

        emitter.repeat(places.shape[0], write_zero)

    def _finish_shared_gradients(self, code: KernelEmitter) -> None:
        """Write the way back through what all samples share, and whether the gradient is finite."""
        emitter = self.emitter
        storage = self.storage
        row = self.program.outputs[:1]
        if not self._varies(row) and storage.needs_gradient(row):
            one = ir.Constant(emitter.double, 1.0)
            storage.gradient(row).add_scalar(one, emitter.index(0))
        with emitter.along_rows():
            self._write_kernels(self._list_backward(batched=False), code, KernelEmitter.backward)
            storage.write_gradient_copies("h", emitter.index(1))
            # Callers that read the gradient anyway check it themselves, and give no place.
            zero = emitter.builder.ptrtoint(emitter.arguments["zero"], emitter.integer)
            is_given = emitter.builder.icmp_signed("!=", zero, emitter.index(0))
            times = emitter.builder.zext(is_given, emitter.integer)
            emitter.repeat(times, lambda _: self._check_gradient())
        self._zero_later(lambda: self._zero("h", storage.size["h"]))

    def _check_gradient(self) -> None:
        """Write whether all gradients are finite: their products with 0 add up to 0, or to nan."""
        emitter = self.emitter
        builder = emitter.builder
        array = emitter.arguments["g_p"]
        zero = emitter.constant(0.0)
        full, rest = divmod(self.program.parameters, emitter.width)

        def find_zero(vector: Any) -> Any:
            position = emitter.scale_index(vector, emitter.width)
            return builder.fmul(emitter.load(array, position), zero)

        total = add_up(emitter, full, find_zero)
        if rest:
            with emitter.along_rows(rest):
                total = builder.fadd(total, find_zero(emitter.index(full)))
        with emitter.along_rows():
            emitter.store_scalar(
                emitter.sum_lanes(total), emitter.arguments["zero"], emitter.index(0)
            )

    def _zero(self, array: str, count: int) -> None:
        if count:
            self.emitter.fill_zeros(self.emitter.arguments[array], count)
