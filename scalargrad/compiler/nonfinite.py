"""Non-finite samples: they are found among the others, and they alone are computed as eager code does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy
from numpy.typing import NDArray

from scalargrad.core.checks import all_finite

from .numpy_backend import NumpyBackend
from .replay import Leaves, Replay

Array = NDArray[numpy.float64]
Rows = NDArray[numpy.intp]


@dataclass(frozen=True)
class Batch:
    """Samples with all that a program computes them from.

    Array code can give nan where eager code does not: 0 times an infinite derivative. So whatever is not
    finite is computed once more, sample by sample, and what comes out then counts.

    Attributes:
        backend: Array code that takes batches of any size.
        replay: What computes single samples.
        arrays: One array (batch, n) for each argument.
        read: A number for each leaf that is read.
        drawn: (batch, leaves) numbers drawn at random.
    """

    backend: NumpyBackend
    replay: Replay
    arrays: Sequence[Array]
    read: Array
    drawn: Array

    @cached_property
    def parameters(self) -> list[float]:
        """The parameters as they were when they were first needed."""
        found: list[float] = self.backend.parameters.tolist()
        return found

    def __len__(self) -> int:
        return len(self.drawn)

    def leaves(self, row: int) -> Leaves:
        """Return the numbers of one sample."""
        sample = [number for array in self.arrays for number in array[row].tolist()]
        return Leaves(sample, self.drawn[row].tolist(), self.parameters, self.read.tolist())

    def mean(self) -> tuple[float, Array]:
        """Return the mean of the first output, and its gradient by the parameters.

        Returns:
            Both as eager code would find them: a sample that array code finds finite is taken from there.
        """
        share = 1.0 / len(self)
        losses = self._losses()
        total = numpy.zeros(len(self.parameters))
        with numpy.errstate(all="ignore"):
            for rows, gradient in self._blocks(losses):
                if gradient is not None:
                    total += gradient * (len(rows) * share)
                    continue
                row = int(rows[0])
                losses[row], found = self.replay.loss(self.leaves(row), share)
                total += found
            return float((losses * share).sum()), total

    def odd_rows(self) -> Iterator[int]:
        """Yield the samples whose loss or gradient is not finite, the first one first."""
        suspects = [
            int(rows[0]) for rows, gradient in self._blocks(self._losses()) if gradient is None
        ]
        for row in sorted(suspects):
            loss, gradient = self.replay.loss(self.leaves(row))
            if not numpy.isfinite([loss, *gradient]).all():
                yield row

    def _losses(self) -> Array:
        """The first output of each sample, by array code."""
        return self.backend.outputs(self.arrays, self.read, self.drawn)[:, 0].copy()

    def _blocks(self, losses: Array) -> Iterator[tuple[Rows, Array | None]]:
        """All samples in blocks: the mean gradient of each by array code, None for a single odd sample.

        A block whose gradient is not finite is halved: one odd sample among n costs about 2·log₂(n) runs.
        """
        finite = numpy.isfinite(losses)
        for row in numpy.flatnonzero(~finite):
            yield numpy.array([row]), None
        pending = [numpy.flatnonzero(finite)]
        while pending:
            rows = pending.pop()
            if not len(rows):
                continue
            arrays = [array[rows] for array in self.arrays]
            gradient = self.backend.loss(arrays, self.read, self.drawn[rows])[1]
            if all_finite(gradient):
                yield rows, gradient
            elif len(rows) == 1:
                yield rows, None
            else:
                middle = len(rows) // 2
                pending += [rows[middle:], rows[:middle]]
