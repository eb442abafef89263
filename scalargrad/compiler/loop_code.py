"""Loop code: the generated functions of a loop, and the arrays that go in and come out."""

from collections.abc import Callable
from math import isqrt
from typing import Any, NamedTuple

import numpy

from .array_types import Array
from .loop_source import LoopSource
from .runtime import NAMES
from .scans import Scan

__all__ = ["LoopCode"]

_MAX_NUMBERS = 12_000
"""The size of an array of several steps: larger ones leave the cache, and cost page faults."""

_MIN_STEPS = 8
"""The least number of steps that run at once, however large each is."""


class _Segment(NamedTuple):
    """Steps that run at once.

    Attributes:
        start: The first step.
        end: The step after the last one.
        rows: Where their entries are, of all samples.
    """

    start: int
    end: int
    rows: slice

    @property
    def steps(self) -> int:
        return self.end - self.start


class _Taken(NamedTuple):
    """All that a loop takes, as its functions want it.

    Attributes:
        carry: (n, c).
        entries: (steps · n, x), step by step.
        shared: (n, s).
        weights: (w,).
    """

    carry: Array
    entries: Array
    shared: Array
    weights: Array

    def of(self, segment: _Segment) -> tuple[Array, Array, Array]:
        """Return the entries, what is shared, and the weights of some steps."""
        entries = self.entries[segment.rows]
        # What does not wait for the carry is computed for all steps as one batch, so that what they
        # share is there once for each step, too.
        shared = numpy.tile(self.shared, (segment.steps, 1))
        return entries, shared, self.weights


class _Kept(NamedTuple):
    """What the way back needs.

    Attributes:
        taken: All that the loop took.
        segments: For each segment what its steps kept, or for a checkpoint the carry before it.
    """

    taken: _Taken
    segments: list[Any]


class LoopCode:
    """Runs a loop on batches. Each call has its own arrays.

    The steps run in segments. With checkpoints only the carry before each segment is kept.

    Args:
        scan: The loop.
        source: Its functions.
    """

    def __init__(self, scan: Scan, source: LoopSource) -> None:
        self._scan = scan
        space: dict[str, Any] = {**NAMES, **source.names}
        for text in (source.outputs, source.forward, source.backward):
            code = compile(text, "<compiled loop>", "exec")
            exec(code, space)
        # The last two are missing where no gradient is wanted, and are not called then.
        self._outputs: Callable[..., Any] = space["outputs"]
        self._forward: Callable[..., Any] = space.get("forward", self._outputs)
        self._backward: Callable[..., Any] = space.get("backward", self._outputs)

    def outputs(self, n: int, carry: Array, xs: Array, shared: Array, weights: Array) -> Array:
        """Return the last carry and all results, (n, width) or (width,).

        Args:
            n: The number of samples.
            carry: (n, c) or (c,), what the first step begins with.
            xs: (n, steps, x) or (steps, x), the entries.
            shared: (n, s) or (s,), what all steps take.
            weights: (w,), what all steps take and does not vary.
        """
        n = self._samples(n)
        taken = self._take(n, carry, xs, shared, weights)
        last = taken.carry
        results = []
        for segment in self._segments(n):
            last, of_segment = self._outputs(n, segment.steps, last, *taken.of(segment))
            results.append(of_segment)
        return self._pack(n, last, results)

    def forward(
        self, n: int, carry: Array, xs: Array, shared: Array, weights: Array
    ) -> tuple[Array, _Kept]:
        """Return the same, and what `backward` needs."""
        n = self._samples(n)
        taken = self._take(n, carry, xs, shared, weights)
        last = taken.carry
        results = []
        kept = []
        for segment in self._segments(n):
            given = taken.of(segment)
            if self._scan.checkpoint:
                kept.append(last)
                last, of_segment = self._outputs(n, segment.steps, last, *given)
            else:
                last, of_segment, part = self._forward(n, segment.steps, last, *given)
                kept.append(part)
            results.append(of_segment)
        return self._pack(n, last, results), _Kept(taken, kept)

    def backward(self, n: int, gradient: Array, kept: _Kept) -> tuple[Array, Array, Array, Array]:
        """Return the gradients of all that the loop took, for each sample but for the weights.

        Args:
            n: The number of samples.
            gradient: That of all that `forward` returned.
            kept: What it kept.
        """
        n = self._samples(n)
        taken = kept.taken
        g_carry, g_results = self._unpack(n, gradient)
        g_entries = numpy.zeros(taken.entries.shape)
        g_shared = numpy.zeros(taken.shared.shape)
        g_weights = numpy.zeros(taken.weights.shape)
        parts = kept.segments.copy()
        for segment in reversed(self._segments(n)):
            # Taken out of the list, so that the arrays of a segment are freed after it.
            part = parts.pop()
            if self._scan.checkpoint:
                # The steps from here to the next checkpoint are computed again.
                _, _, part = self._forward(n, segment.steps, part, *taken.of(segment))
            g_carry, entries, shared, of_weights = self._backward(
                n, segment.steps, taken.weights, g_carry, g_results[segment.rows], part
            )
            if entries is not None:
                g_entries[segment.rows] = entries
            if shared is not None:
                by_step = shared.reshape(segment.steps, *g_shared.shape)
                g_shared += by_step.sum(0)
            g_weights += of_weights
        return g_carry, self._by_sample(n, g_entries), g_shared, g_weights

    def _samples(self, n: int) -> int:
        """Return the number of samples, 1 where the loop does not vary by sample."""
        return n if self._scan.batched else 1

    def _segments(self, n: int) -> list[_Segment]:
        """Return the steps that run at once, in order."""
        length = self._scan.length
        if self._scan.checkpoint:
            # √n segments of √n steps: n/s carries and s steps at once are the fewest for s = √n.
            steps = isqrt(length - 1) + 1
        else:
            steps = max(_MIN_STEPS, _MAX_NUMBERS // (n * self._scan.widest))
        segments = []
        for start in range(0, length, steps):
            end = min(start + steps, length)
            segments.append(_Segment(start, end, slice(start * n, end * n)))
        return segments

    def _take(self, n: int, carry: Array, xs: Array, shared: Array, weights: Array) -> _Taken:
        """Return what the loop takes with an axis for the samples, where it does not vary too."""
        carries, width, count = self._scan.sizes
        steps = self._scan.length
        by_sample = numpy.broadcast_to(xs, (n, steps, width))
        # Step by step, so that the rows of a segment lie side by side.
        by_step = by_sample.transpose(1, 0, 2)
        return _Taken(
            carry=numpy.broadcast_to(carry, (n, carries)),
            entries=by_step.reshape(steps * n, width),
            shared=numpy.broadcast_to(shared, (n, count)),
            # The generated source reads views of their memory.
            weights=numpy.ascontiguousarray(weights),
        )

    def _by_sample(self, n: int, by_step: Array) -> Array:
        """Return numbers of all steps, (steps · n, width), as (n, steps, width)."""
        steps = self._scan.length
        width = by_step.shape[1]
        return by_step.reshape(steps, n, width).transpose(1, 0, 2)

    def _pack(self, n: int, last: Array, results: list[Array]) -> Array:
        """Return the last carry and the results as one array."""
        packed = last
        if self._scan.results:
            by_step = numpy.concatenate(results)
            by_sample = self._by_sample(n, by_step)
            packed = numpy.concatenate([last, by_sample.reshape(n, -1)], axis=1)
        return packed if self._scan.batched else packed[0]

    def _unpack(self, n: int, gradient: Array) -> tuple[Array, Array]:
        """Return the gradient of the last carry, and those of the results step by step."""
        carries, _, _ = self._scan.sizes
        steps = self._scan.length
        results = self._scan.results
        gradient = gradient.reshape(n, carries + steps * results)
        by_sample = gradient[:, carries:].reshape(n, steps, results)
        by_step = by_sample.transpose(1, 0, 2)
        return gradient[:, :carries], by_step.reshape(steps * n, results)
