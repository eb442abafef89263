"""Look-ups in native code: rows of a table by index, and the gradient that they send back.

Where lanes are samples, each lane has an index of its own. Indices are checked before a program
runs. Here one beyond the ends is that of the nearest row, so that nothing else is read.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from ..gather import Gather
from .chunks import Chunk
from .emitter import Emitter
from .products import over_rows
from .storage import Places, Reader, Storage

__all__ = ["GatherEmitter"]


class GatherEmitter:
    """Writes the instructions of look-ups.

    Args:
        emitter: Where instructions are added.
        storage: Where numbers are.
        chunk: The samples that are computed at a time.
    """

    def __init__(self, emitter: Emitter, storage: Storage, chunk: Chunk) -> None:
        self.emitter = emitter
        self.storage = storage
        self.chunk = chunk

    def forward(self, kernel: Gather) -> None:
        """Write what looks up rows of a table."""
        table = self.storage.reader(kernel.table)
        results = self.storage.reader(kernel.rows.reshape(len(kernel.index), -1))
        if self.emitter.by_rows:

            def copy(place: Any, column: Any, row: Any) -> None:
                results.store(table.load(row, column), place, column)

            self._each_row(kernel, copy)
        elif table.tiles:
            self._forward_by_sample(kernel, table, results)
        else:
            self._forward_shared(kernel, table, results)

    def _forward_shared(self, kernel: Gather, table: Reader, results: Reader) -> None:
        """Write what reads the row of each sample along its columns."""
        emitter = self.emitter

        def look_up(place: Any, rows: list[Any]) -> None:
            tile = emitter.tile

            def look_up_columns(some: list[Any]) -> None:
                for column in some:
                    vectors = [table.load(row, column) for row in rows]
                    columns = emitter.transpose(vectors)[: emitter.active]
                    with emitter.along_samples():
                        emitter.tile = tile
                        for offset, vector in enumerate(columns):
                            results.store(vector, place, emitter.add_index(column, offset))

            over_rows(emitter, kernel.table.shape[1])(look_up_columns)

        self._each_place(kernel, look_up)

    def _forward_by_sample(self, kernel: Gather, table: Reader, results: Reader) -> None:
        """Write what looks up where each sample has a table of its own."""
        emitter = self.emitter

        def look_up(place: Any, rows: list[Any]) -> None:
            samples = self._find_samples()

            def look_up_column(column: Any) -> None:
                def load(lane: int) -> Any:
                    position = table.find_sample(samples[lane], rows[lane], column)
                    return emitter.load_scalar(table.array, position)

                results.store(emitter.gather(load), place, column)

            emitter.repeat(kernel.table.shape[1], look_up_column)

        self._each_place(kernel, look_up)

    def backward(self, kernel: Gather) -> None:
        """Write what sends the gradient to the rows of the table that were looked up."""
        if not self.storage.needs_gradient(kernel.table):
            return
        emitter = self.emitter
        targets = self.storage.gradient(kernel.table)
        gradients = self.storage.gradient(kernel.rows.reshape(len(kernel.index), -1))
        if emitter.by_rows:

            def add(place: Any, column: Any, row: Any) -> None:
                targets.add(gradients.load(place, column), row, column)

            self._each_row(kernel, add)
        elif targets.tiles:
            self._backward_by_sample(kernel, gradients, targets)
        else:
            self._backward_shared(kernel, gradients, targets)

    def _backward_shared(self, kernel: Gather, gradients: Reader, targets: Reader) -> None:
        """Write what adds to the row of each sample along its columns, sample after sample."""
        emitter = self.emitter

        def send(place: Any, rows: list[Any]) -> None:
            tile = emitter.tile

            def send_columns(some: list[Any]) -> None:
                active = emitter.active
                for column in some:
                    with emitter.along_samples():
                        emitter.tile = tile
                        vectors = [
                            gradients.load(place, emitter.add_index(column, offset))
                            for offset in range(active)
                        ]
                    vectors += [emitter.constant(0.0)] * (emitter.width - active)
                    for row, vector in zip(rows, emitter.transpose(vectors), strict=True):
                        targets.add(vector, row, column)

            over_rows(emitter, kernel.table.shape[1])(send_columns)

        self._each_place(kernel, send)

    def _backward_by_sample(self, kernel: Gather, gradients: Reader, targets: Reader) -> None:
        """Write what adds to the table of each sample."""
        emitter = self.emitter

        def send(place: Any, rows: list[Any]) -> None:
            samples = self._find_samples()

            def send_column(column: Any) -> None:
                elements = emitter.elements(gradients.load(place, column))
                for sample, row, element in zip(samples, rows, elements, strict=True):
                    targets.add_to_sample(element, sample, row, column)

            emitter.repeat(kernel.table.shape[1], send_column)

        self._each_place(kernel, send)

    def _find_samples(self) -> list[Any]:
        """Return the position in the chunk of the sample in each lane."""
        emitter = self.emitter
        first = emitter.scale_index(emitter.tile, emitter.width)
        return [emitter.add_index(first, lane) for lane in range(emitter.width)]

    # Indices

    def _each_place(self, kernel: Gather, body: Callable[[Any, list[Any]], None]) -> None:
        """Write a loop over places and vectors of samples.

        Args:
            kernel: The look-ups.
            body: Takes the place, and the row of the table that each lane looks up.
        """
        emitter = self.emitter
        index = self.storage.reader(kernel.index)
        first_rows = Places(emitter, kernel.first_rows)

        def run(place: Any) -> None:
            first = first_rows.find(place)

            def run_tile() -> None:
                numbers = emitter.elements(index.load(place))
                body(place, [self._find_row(kernel, number, first) for number in numbers])

            self.chunk.each_tile(run_tile)

        emitter.repeat(len(kernel.index), run)

    def _each_row(self, kernel: Gather, body: Callable[[Any, Any, Any], None]) -> None:
        """Write a loop over the places of one sample, and over columns.

        Args:
            kernel: The look-ups.
            body: Takes the place, the first column of those in the lanes, and the row of the table.
        """
        emitter = self.emitter
        index = self.storage.reader(kernel.index)
        first_rows = Places(emitter, kernel.first_rows)

        def run(place: Any) -> None:
            row = self._find_row(kernel, index.load_scalar(place), first_rows.find(place))

            def run_columns(some: list[Any]) -> None:
                for column in some:
                    body(place, column, row)

            over_rows(emitter, kernel.table.shape[1])(run_columns)

        emitter.repeat(len(kernel.index), run)

    def _find_row(self, kernel: Gather, number: Any, first: Any) -> Any:
        """Return the row of the table for an index, which is a double."""
        emitter = self.emitter
        low = ir.Constant(emitter.double, 0.0)
        high = ir.Constant(emitter.double, float(kernel.count - 1))
        # These return the other number for nan.
        limited = emitter.call("llvm.maxnum.f64", [number, low], emitter.double)
        limited = emitter.call("llvm.minnum.f64", [limited, high], emitter.double)
        row = emitter.builder.fptosi(limited, emitter.integer)
        return emitter.add_index(row, first)
