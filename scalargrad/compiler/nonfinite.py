"""Non-finite samples: found among the others, and computed again as eager code does.

Array code can return nan where eager code does not, for it multiplies 0 by an infinite derivative.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy
from numpy.typing import NDArray

from .array_types import Array, Mask
from .batch_replay import BatchLeaves, BatchReplay
from .numpy_backend import NumpyBackend
from .replay import Leaves, Replay

__all__ = ["Batch"]

SampleIndices = NDArray[numpy.intp]
_Replayed = tuple[SampleIndices, Array, Array]
"""Samples, their losses, and gradients (parameters, samples), as in eager code."""

_FEW = 4
"""Up to here samples are computed one by one, with the very bits of eager code."""


@dataclass(frozen=True)
class Batch:
    """Samples, with all numbers that a program computes them from.

    Whatever is not finite is computed again, and that result counts.

    Attributes:
        backend: Array code that takes batches of any size.
        replay: Computes single samples.
        many: Computes many samples at once.
        arrays: One array (batch, n) for each argument.
        read: A number for each leaf that is read.
        drawn: (batch, leaves) numbers drawn at random.
    """

    backend: NumpyBackend
    replay: Replay
    many: BatchReplay
    arrays: Sequence[Array]
    read: Array
    drawn: Array

    @cached_property
    def parameters(self) -> Array:
        """The parameters as they were when they were first needed."""
        return self.backend.parameters.copy()

    def __len__(self) -> int:
        return len(self.drawn)

    def leaves(self, sample: int) -> Leaves:
        """Return the numbers of one sample."""
        inputs: list[float] = []
        for array in self.arrays:
            inputs += array[sample].tolist()
        drawn = self.drawn[sample].tolist()
        return Leaves(inputs, drawn, self.parameters.tolist(), self.read.tolist())

    def replay_outputs(self, odd: Mask) -> Array:
        """Return all outputs of the samples in a mask, (samples, outputs), as in eager code."""
        samples = numpy.flatnonzero(odd)
        if self._are_many(samples):
            return self.many.outputs(self._select(samples))
        return numpy.array([self.replay.outputs(self.leaves(i)) for i in samples.tolist()])

    def replay_jacobian(self, odd: Mask) -> Array:
        """Return the derivatives of samples, (samples, outputs, inputs), as in eager code."""
        samples = numpy.flatnonzero(odd)
        if self._are_many(samples):
            return self.many.jacobian(self._select(samples))
        return numpy.array([self.replay.jacobian(self.leaves(i)) for i in samples.tolist()])

    def mean(self) -> tuple[float, Array]:
        """Return the mean of the first output, and its gradient by the parameters.

        Returns:
            Both as in eager code. Samples that are finite in array code are taken from there.
        """
        share = 1.0 / len(self)
        losses = self._losses()
        suspects = self._non_finite_losses(losses)
        total = numpy.zeros(len(self.parameters))
        with numpy.errstate(all="ignore"):
            for samples, mean_gradient in self._groups(losses):
                if mean_gradient is None:
                    suspects.append(int(samples[0]))
                else:
                    total += mean_gradient * (len(samples) * share)
            odd = numpy.array(suspects, int)
            replay = self._replay_many if self._are_many(odd) else self._replay_each
            for samples, replayed, gradients in replay(odd, share):
                losses[samples] = replayed
                total += gradients.sum(axis=1)
            return float((losses * share).sum()), total

    def has_odd_row(self) -> bool:
        """Whether a sample has a loss or a gradient that is not finite."""
        losses = self._losses()
        # Nearly always the first suspect is one, so the others wait.
        for sample in self._non_finite_losses(losses)[:1]:
            if len(next(self._odd_among([sample]), ())):
                return True
        return next(self.odd_rows(), None) is not None

    def odd_rows(self) -> Iterator[int]:
        """Yield the samples whose loss or gradient is not finite, the first one first."""
        losses = self._losses()
        suspects = self._non_finite_losses(losses)
        groups = self._groups(losses)
        suspects += [int(samples[0]) for samples, gradient in groups if gradient is None]
        # Halved groups come in no order.
        suspects.sort()
        for rows in self._odd_among(suspects):
            yield from rows

    def _odd_among(self, suspects: Sequence[int]) -> Iterator[list[int]]:
        """Yield those of the suspects that are not finite in eager code, some at a time."""
        replay = self._replay_each
        if suspects and self.many.pays_off(len(suspects)):
            replay = self._replay_many
        for samples, losses, gradients in replay(numpy.array(suspects, int)):
            finite = numpy.isfinite(losses) & numpy.isfinite(gradients).all(axis=0)
            yield samples[~finite].tolist()

    def _are_many(self, samples: SampleIndices) -> bool:
        return len(samples) > _FEW and self.many.pays_off(len(samples))

    def _replay_each(self, samples: SampleIndices, share: float = 1.0) -> Iterator[_Replayed]:
        for sample in samples.tolist():
            loss, gradient = self.replay.loss(self.leaves(sample), share)
            yield numpy.array([sample]), numpy.array([loss]), numpy.array([gradient]).T

    def _replay_many(self, samples: SampleIndices, share: float = 1.0) -> Iterator[_Replayed]:
        start = 0
        for losses, gradients in self.many.losses(self._select(samples), share):
            end = start + len(losses)
            yield samples[start:end], losses, gradients
            start = end

    def _select(self, samples: SampleIndices) -> BatchLeaves:
        inputs = [array[samples] for array in self.arrays]
        # A function without arguments has no arrays.
        empty = numpy.zeros((len(samples), 0))
        side_by_side = numpy.concatenate([empty, *inputs], axis=1)
        return BatchLeaves(side_by_side, self.drawn[samples], self.parameters, self.read)

    def _losses(self) -> Array:
        """The first output of each sample, by array code."""
        outputs = self.backend.outputs(self.arrays, self.read, self.drawn)
        return outputs[:, 0].copy()

    def _non_finite_losses(self, losses: Array) -> list[int]:
        samples: list[int] = numpy.flatnonzero(~numpy.isfinite(losses)).tolist()
        return samples

    def _groups(self, losses: Array) -> Iterator[tuple[SampleIndices, Array | None]]:
        """Yield samples with a finite loss in groups with their mean gradients.

        The gradient is None for a single sample for which it is not finite.
        """
        # A group whose gradient is not finite is halved: one odd sample among n is found in about
        # 2·log₂(n) runs of array code, where sample by sample all n would be computed slowly.
        pending = [numpy.flatnonzero(numpy.isfinite(losses))]
        while pending:
            samples = pending.pop()
            if not len(samples):
                continue
            arrays = [array[samples] for array in self.arrays]
            _, gradient, _, is_finite = self.backend.loss(arrays, self.read, self.drawn[samples])
            if is_finite:
                yield samples, gradient
            elif len(samples) == 1:
                yield samples, None
            else:
                middle = len(samples) // 2
                pending += [samples[middle:], samples[:middle]]
