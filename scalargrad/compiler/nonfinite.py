"""Non-finite samples: found among the others, and computed again as eager code does.

Array code can return nan where eager code does not, for it multiplies 0 by an infinite derivative.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy
from numpy.typing import NDArray

from scalargrad.core.checks import all_finite

from .array_types import Array
from .numpy_backend import NumpyBackend
from .replay import Leaves, Replay

__all__ = ["Batch"]

SampleIndices = NDArray[numpy.intp]


@dataclass(frozen=True)
class Batch:
    """Samples, with all numbers that a program computes them from.

    Whatever is not finite is computed again, sample by sample, and that result counts.

    Attributes:
        backend: Array code that takes batches of any size.
        replay: Computes single samples.
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
        numbers: list[float] = self.backend.parameters.tolist()
        return numbers

    def __len__(self) -> int:
        return len(self.drawn)

    def leaves(self, sample: int) -> Leaves:
        """Return the numbers of one sample."""
        inputs: list[float] = []
        for array in self.arrays:
            inputs += array[sample].tolist()
        drawn = self.drawn[sample].tolist()
        return Leaves(inputs, drawn, self.parameters, self.read.tolist())

    def mean(self) -> tuple[float, Array]:
        """Return the mean of the first output, and its gradient by the parameters.

        Returns:
            Both as in eager code. Samples that are finite in array code are taken from there.
        """
        share = 1.0 / len(self)
        losses = self._losses()
        total = numpy.zeros(len(self.parameters))
        with numpy.errstate(all="ignore"):
            for samples, mean_gradient in self._groups(losses):
                if mean_gradient is not None:
                    total += mean_gradient * (len(samples) * share)
                    continue
                sample = int(samples[0])
                losses[sample], gradient = self.replay.loss(self.leaves(sample), share)
                total += gradient
            return float((losses * share).sum()), total

    def odd_rows(self) -> Iterator[int]:
        """Yield the samples whose loss or gradient is not finite, the first one first."""
        groups = self._groups(self._losses())
        suspects = [int(samples[0]) for samples, gradient in groups if gradient is None]
        # Halved groups come in no order.
        for sample in sorted(suspects):
            loss, gradient = self.replay.loss(self.leaves(sample))
            if not numpy.isfinite([loss, *gradient]).all():
                yield sample

    def _losses(self) -> Array:
        """The first output of each sample, by array code."""
        outputs = self.backend.outputs(self.arrays, self.read, self.drawn)
        return outputs[:, 0].copy()

    def _groups(self, losses: Array) -> Iterator[tuple[SampleIndices, Array | None]]:
        """Yield all samples in groups with their mean gradients; None for a single odd sample."""
        finite = numpy.isfinite(losses)
        for sample in numpy.flatnonzero(~finite):
            yield numpy.array([sample]), None

        # A group whose gradient is not finite is halved: one odd sample among n is found in about
        # 2·log₂(n) runs of array code, where sample by sample all n would be computed slowly.
        pending = [numpy.flatnonzero(finite)]
        while pending:
            samples = pending.pop()
            if not len(samples):
                continue
            arrays = [array[samples] for array in self.arrays]
            _, gradient, _ = self.backend.loss(arrays, self.read, self.drawn[samples])
            if all_finite(gradient):
                yield samples, gradient
            elif len(samples) == 1:
                yield samples, None
            else:
                middle = len(samples) // 2
                pending += [samples[middle:], samples[:middle]]
