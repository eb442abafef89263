"""Loops in native code: the kernels of a step, in a loop over steps, and back.

A step is a program with a storage of its own. What it reads from around it is copied there: the
carry and the entry before each step, what all steps share and the weights once. What varies by
sample lies in w, step after step, as the way back needs the numbers of all steps. With checkpoints
it has room for the steps of one segment, which are computed again from the carry before them.
"""

from collections.abc import Callable
from math import prod
from typing import Any, Protocol

import numpy

from ..array_types import Rows
from ..kernels import Kernel, Scan
from .chunks import Chunk
from .emitter import Emitter
from .step_storage import CARRY_BLOCK, ENTRY_BLOCK, SHARED_BLOCK, WEIGHTS_BLOCK, StepStorage
from .storage import Reader, Storage

__all__ = ["LoopEmitter"]


class _Kernels(Protocol):
    """Writes kernels; see `kernels`."""

    def forward(self, kernel: Kernel) -> None:
        """Write what computes a kernel."""

    def backward(self, kernel: Kernel) -> None:
        """Write what sends its gradient to its operands."""


_MakeKernels = Callable[[Emitter, Storage, Chunk], _Kernels]


class LoopEmitter:
    """Writes the instructions of loops.

    Args:
        emitter: Where instructions are added.
        storage: Where numbers are.
        chunk: The samples that are computed at a time.
        make_kernels: Makes what writes the kernels of a step.
    """

    def __init__(
        self, emitter: Emitter, storage: Storage, chunk: Chunk, make_kernels: _MakeKernels
    ) -> None:
        self.emitter = emitter
        self.storage = storage
        self.chunk = chunk
        self._make_kernels = make_kernels
        self._loops: dict[Scan, _Loop] = {}

    def forward(self, kernel: Scan) -> None:
        """Write what computes a loop. It may be written twice, as a part of a step itself."""
        if kernel not in self._loops:
            step = StepStorage(self.emitter, self.storage, kernel)
            code = self._make_kernels(self.emitter, step, self.chunk)
            self._loops[kernel] = _Loop(self.emitter, self.chunk, kernel, step, code)
        self._loops[kernel].forward()

    def backward(self, kernel: Scan) -> None:
        """Write what sends the gradient of a loop to all that it takes."""
        self._loops[kernel].backward()


class _Loop:
    """Writes one loop.

    Args:
        emitter: Where instructions are added.
        chunk: The samples that are computed at a time.
        scan: The loop.
        step: Where the numbers of a step are.
        code: Writes the kernels of a step.
    """

    def __init__(
        self, emitter: Emitter, chunk: Chunk, scan: Scan, step: StepStorage, code: _Kernels
    ) -> None:
        self.emitter = emitter
        self.chunk = chunk
        self.scan = scan
        self.step = step
        self.code = code
        self.outer = step.outer
        self._carries = len(scan.carry)
        self._next = scan.step.outputs[: self._carries]
        self._results = scan.step.outputs[self._carries :]
        kernels = list(enumerate(scan.kernels, self.step.layout.first))
        self._shared_kernels = [pair for pair in kernels if not pair[1].batched]
        self._kernels = [pair for pair in kernels if pair[1].batched]
        self._late: list[Callable[[], None]] = []

    def _copy(self, count: int, load: Callable[[Any], Any], target: Reader) -> None:
        """Write what brings rows to the first places of what `target` writes."""
        self.chunk.each_row(count, lambda i: target.store(load(i), i))

    def _block(self, number: int) -> Reader:
        width = self.step.layout.blocks[number].width
        return self.step.block_reader(number, numpy.arange(width))

    def _block_gradient(self, number: int) -> Reader:
        width = self.step.layout.blocks[number].width
        return self.step.block_gradient(number, numpy.arange(width))

    def _result_columns(self) -> Rows:
        """Return where the results of each step are in the block of the loop."""
        count = len(self._results)
        columns = self._carries + numpy.arange(self.scan.length * count)
        return columns.reshape(self.scan.length, count)

    def _write_late(self, write: Callable[[], None]) -> None:
        """Write here what is known when the whole loop is written."""
        insert = self.emitter.reserve()
        arrays = dict(self.step.arrays)

        def run() -> None:
            self.step.arrays.update(arrays)
            insert(write)

        self._late.append(run)

    def _finish(self) -> None:
        for write in self._late:
            write()
        self._late.clear()

    # Forward

    def forward(self) -> None:
        """Write what computes the loop."""
        emitter = self.emitter
        scan = self.scan
        step = self.step
        self._begin()
        step.go_to(emitter.index(0))
        if self._carries:
            self._copy(self._carries, self.outer.reader(scan.carry).load, self._block(CARRY_BLOCK))
        is_kept = step.learns and step.segments == 1

        def run_segment(number: Any) -> None:
            if step.segments > 1:
                self._keep_carry(number)
            start, count = self._find_segment(number)
            self._write_steps(start, count, is_kept, with_results=True)
            if step.segments > 1:
                self._end_segment(count)

        self._each_segment(run_segment)
        self._store_last(is_kept)
        if not step.learns:
            self._finish()

    def _begin(self) -> None:
        """Write what all steps share: what is copied from around the loop, and computed of it."""
        emitter = self.emitter
        scan = self.scan
        self.step.find_arrays()
        if scan.shared.size:
            self._copy(
                len(scan.shared), self.outer.reader(scan.shared).load, self._block(SHARED_BLOCK)
            )
        with emitter.along_rows():
            if scan.weights.size:
                weights = self.outer.reader(scan.weights)
                self._copy(len(scan.weights), weights.load, self._block(WEIGHTS_BLOCK))
            self._write_late(lambda: self.step.write_copies("s"))
            for _, kernel in self._shared_kernels:
                self.code.forward(kernel)

    def _each_segment(self, body: Callable[[Any], None]) -> None:
        if self.step.segments == 1:
            body(self.emitter.index(0))
        else:
            self.emitter.repeat(self.step.segments, body)

    def _find_segment(self, number: Any) -> tuple[Any, Any]:
        """Return the first step of a segment, and how many there are."""
        emitter = self.emitter
        builder = emitter.builder
        segment = emitter.index(self.step.segment)
        if self.step.segments == 1:
            return emitter.index(0), segment
        start = emitter.scale_index(number, self.step.segment)
        remaining = builder.sub(emitter.index(self.scan.length), start)
        is_whole = builder.icmp_signed(">", remaining, segment)
        return start, builder.select(is_whole, segment, remaining)

    def _kept_carries(self) -> Reader:
        """Return what reads and writes the carries before all segments."""
        shape = (self.step.segments, self._carries)
        return self.step.make_reader("carries", numpy.arange(prod(shape)).reshape(shape))

    def _keep_carry(self, segment: Any) -> None:
        self.step.go_to(self.emitter.index(0))
        if self._carries:
            kept = self._kept_carries()
            carry = self._block(CARRY_BLOCK)
            self.chunk.each_row(self._carries, lambda i: kept.store(carry.load(i), segment, i))

    def _restore_carry(self, segment: Any) -> None:
        self.step.go_to(self.emitter.index(0))
        if self._carries:
            kept = self._kept_carries()
            carry = self._block(CARRY_BLOCK)
            self._copy(self._carries, lambda i: kept.load(segment, i), carry)

    def _end_segment(self, count: Any) -> None:
        """Write what brings the carry after a segment to where the next one begins."""
        emitter = self.emitter
        if self._carries:
            self.step.go_to(emitter.builder.and_(count, emitter.index(1)))
            last = self._block(CARRY_BLOCK)
            self.step.go_to(emitter.index(0))
            self._copy(self._carries, last.load, self._block(CARRY_BLOCK))

    def _write_steps(self, start: Any, count: Any, is_kept: bool, with_results: bool) -> None:
        """Write a loop over steps, from the carry in the first place of w on.

        Args:
            start: The first step.
            count: How many there are.
            is_kept: Whether each step has numbers of its own; else two take turns.
            with_results: Whether to store what the steps return.
        """
        emitter = self.emitter
        builder = emitter.builder

        def run(number: Any) -> None:
            following = emitter.add_index(number, 1)
            if not is_kept:
                number_of_two = builder.and_(number, emitter.index(1))
                following = builder.and_(following, emitter.index(1))
            self.step.go_to(following)
            after = self._block(CARRY_BLOCK) if self._carries else None
            self.step.go_to(number if is_kept else number_of_two)

            position = emitter.add_index(start, number)
            self._write_late(lambda: self.step.write_copies("w"))
            if self.scan.xs.size:
                entries = self.outer.reader(self.scan.xs)
                count = self.scan.xs.shape[1]
                self._copy(count, lambda i: entries.load(position, i), self._block(ENTRY_BLOCK))
            for _, kernel in self._kernels:
                self.code.forward(kernel)
            if after is not None:
                self._copy(self._carries, self.step.reader(self._next).load, after)
            if with_results and len(self._results):
                self._store_results(position)

        emitter.repeat(count, run)

    def _store_results(self, position: Any) -> None:
        results = self.step.reader(self._results)
        targets = self.outer.block_reader(self.step.block, self._result_columns())
        self.chunk.each_row(
            len(self._results), lambda i: targets.store(results.load(i), position, i)
        )

    def _store_last(self, is_kept: bool) -> None:
        """Write the last carry into the results of the loop."""
        if not self._carries:
            return
        number = self.scan.length if is_kept else self.scan.length % 2
        if self.step.segments > 1:
            number = 0
        self.step.go_to(self.emitter.index(number))
        columns = numpy.arange(self._carries)
        targets = self.outer.block_reader(self.step.block, columns)
        self._copy(self._carries, self._block(CARRY_BLOCK).load, targets)

    # Backward

    def backward(self) -> None:
        """Write what sends the gradient of the loop to all that it takes."""
        emitter = self.emitter
        step = self.step
        step.find_arrays()
        self._begin_back()

        def run_segment(number: Any) -> None:
            last = emitter.index(step.segments - 1)
            segment = emitter.builder.sub(last, number)
            start, count = self._find_segment(segment)
            if step.segments > 1:
                # The steps from here to the next carry that was kept are computed again.
                self._restore_carry(segment)
                self._write_steps(start, count, is_kept=True, with_results=False)
            self._write_steps_back(start, count)

        self._each_segment(run_segment)
        self._end_back()
        self._finish()

    def _begin_back(self) -> None:
        """Write the gradients that there are before the last step."""
        step = self.step
        emitter = self.emitter
        arrays = step.arrays
        weights = len(self.scan.weights)
        if weights:
            emitter.fill_zeros(arrays["g_p"], weights)
        if self.scan.shared.size:
            emitter.fill_zeros(arrays["g_x2"], len(self.scan.shared) * step.numbers_each)
        self._write_late(self._zero_shared)
        if self._carries:
            columns = numpy.arange(self._carries)
            of_last = self.outer.block_gradient(self.step.block, columns)
            self._copy(self._carries, of_last.load, self._carry_gradient())

    def _zero_shared(self) -> None:
        count = self.step.size["h"]
        if count:
            self.emitter.fill_zeros(self.step.arrays["h"], count)

    def _carry_gradient(self) -> Reader:
        """Return what reads and writes the gradient of the carry between two steps."""
        return self.step.make_run("g_carry", 0, self._carries)

    def _write_steps_back(self, start: Any, count: Any) -> None:
        """Write a loop over steps, the last one first."""
        emitter = self.emitter
        step = self.step
        last = emitter.add_index(count, -1)

        def run(number: Any) -> None:
            place = emitter.builder.sub(last, number)
            position = emitter.add_index(start, place)
            self.step.go_to(place)
            self._write_late(step.write_zeros)
            self._seed_step(position)
            for kernel_number, kernel in reversed(self._kernels):
                if kernel_number in step.gradients:
                    self.code.backward(kernel)
            step.write_gradient_copies("g", self.chunk.tiles)
            if self._carries:
                gradient = self._block_gradient(CARRY_BLOCK)
                self._copy(self._carries, gradient.load, self._carry_gradient())
            if self.scan.xs.size and self.outer.needs_gradient(self.scan.xs):
                gradient = self._block_gradient(ENTRY_BLOCK)
                targets = self.outer.gradient(self.scan.xs)
                self.chunk.each_row(
                    self.scan.xs.shape[1],
                    lambda i: targets.add(gradient.load(i), position, i),
                )

        emitter.repeat(count, run)

    def _seed_step(self, position: Any) -> None:
        """Write the gradients of what a step returns."""
        step = self.step
        if self._carries and step.needs_gradient(self._next):
            targets = step.gradient(self._next)
            carry = self._carry_gradient()
            self.chunk.each_row(self._carries, lambda i: targets.add(carry.load(i), i))
        if len(self._results) and step.needs_gradient(self._results):
            of_results = step.gradient(self._results)
            gradients = self.outer.block_gradient(self.step.block, self._result_columns())
            self.chunk.each_row(
                len(self._results), lambda i: of_results.add(gradients.load(position, i), i)
            )

    def _end_back(self) -> None:
        """Write what adds the gradients before the first step to those around the loop."""
        emitter = self.emitter
        step = self.step
        scan = self.scan
        if self._carries:
            self._send(scan.carry, self._carry_gradient)
        if scan.shared.size:
            self._send(scan.shared, lambda: self._block_gradient(SHARED_BLOCK))
        with emitter.along_rows():
            for number, kernel in reversed(self._shared_kernels):
                if number in step.gradients:
                    self.code.backward(kernel)
            step.write_gradient_copies("h", emitter.index(1))
            if scan.weights.size:
                self._send(scan.weights, lambda: self._block_gradient(WEIGHTS_BLOCK))

    def _send(self, rows: Rows, find: Callable[[], Reader]) -> None:
        """Write what adds gradients to those of rows around the loop, if they are wanted."""
        if self.outer.needs_gradient(rows):
            gradients = find()
            targets = self.outer.gradient(rows)
            self.chunk.each_row(len(rows), lambda i: targets.add(gradients.load(i), i))
