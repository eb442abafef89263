"""Loop code: the generated functions of a loop, and the arrays that go in and come out."""

from collections.abc import Callable, Iterator
from math import isqrt
from typing import Any, NamedTuple

import numpy

from .array_types import Array
from .loop_source import LoopSource
from .runtime import NAMES
from .scans import Scan

__all__ = ["LoopCode"]


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

    def of_steps(self, n: int, start: int, end: int) -> tuple[Array, Array, Array]:
        """Return entries, what is shared and the weights of some steps."""
        shared = numpy.tile(self.shared, (end - start, 1))
        return self.entries[start * n : end * n], shared, self.weights


class LoopCode:
    """Runs a loop on batches. Each call has its own arrays.

    Args:
        scan: The loop.
        source: Its functions.
    """

    def __init__(self, scan: Scan, source: LoopSource) -> None:
        self._scan = scan
        space: dict[str, Any] = {**NAMES, **source.names}
        for text in (source.outputs, source.forward, source.backward):
            exec(compile(text, "<compiled loop>", "exec"), space)
        # The last two are missing where no gradient is wanted, and are not called then.
        self._outputs: Callable[..., Any] = space["outputs"]
        self._forward: Callable[..., Any] = space.get("forward", self._outputs)
        self._backward: Callable[..., Any] = space.get("backward", self._outputs)

    def outputs(self, n: int, carry: Array, xs: Array, shared: Array, weights: Array) -> Array:
        """Return the last carry and all results, (n, width) or (width,)."""
        n = self._samples(n)
        taken = self._take(n, carry, xs, shared, weights)
        steps = self._scan.length
        last, results = self._outputs(n, steps, taken.carry, *taken.of_steps(n, 0, steps))
        return self._pack(n, last, results)

    def forward(
        self, n: int, carry: Array, xs: Array, shared: Array, weights: Array
    ) -> tuple[Array, Any]:
        """Return the same, and what `backward` needs."""
        n = self._samples(n)
        taken = self._take(n, carry, xs, shared, weights)
        run = self._outputs if self._scan.checkpoint else self._forward
        last = taken.carry
        parts = []
        kept = []
        for start, end in self._segments():
            carry = last
            last, results, *more = run(n, end - start, last, *taken.of_steps(n, start, end))
            parts.append(results)
            kept.append(more[0] if more else carry)
        results = numpy.concatenate(parts) if self._scan.results else None
        return self._pack(n, last, results), (taken, kept)

    def backward(self, n: int, gradient: Array, kept: Any) -> tuple[Array, Array, Array, Array]:
        """Return the gradients of carry, entries, what is shared and the weights.

        Args:
            n: The number of samples.
            gradient: That of all results.
            kept: What `forward` returned.
        """
        n = self._samples(n)
        taken, parts = kept
        g_carry, g_results = self._unpack(n, gradient)
        g_entries = numpy.zeros(taken.entries.shape)
        g_shared = numpy.zeros(taken.shared.shape)
        g_weights = numpy.zeros(len(taken.weights))
        segments = list(self._segments())
        for (start, end), part in zip(reversed(segments), reversed(parts), strict=True):
            steps = end - start
            if self._scan.checkpoint:
                given = taken.of_steps(n, start, end)
                *_, part = self._forward(n, steps, part, *given)
            rows = slice(start * n, end * n)
            of_results = None if g_results is None else g_results[rows]
            g_carry, entries, shared, weights = self._backward(
                n, steps, taken.weights, g_carry, of_results, part
            )
            if entries is not None:
                g_entries[rows] = entries
            if shared is not None:
                g_shared += shared.reshape(steps, n, -1).sum(0)
            g_weights += weights
        g_entries = g_entries.reshape(self._scan.length, n, -1).transpose(1, 0, 2)
        return g_carry, g_entries, g_shared, g_weights

    def _samples(self, n: int) -> int:
        return n if self._scan.batched else 1

    def _segments(self) -> Iterator[tuple[int, int]]:
        """Yield first and last step of what is run at once: all, or pieces of about √steps."""
        length = self._scan.length
        size = isqrt(length - 1) + 1 if self._scan.checkpoint else length
        for start in range(0, length, size):
            yield start, min(start + size, length)

    def _take(self, n: int, carry: Array, xs: Array, shared: Array, weights: Array) -> _Taken:
        """Return what the loop takes with an axis for the samples, where it does not vary too."""
        carries, width, count = self._scan.sizes
        steps = self._scan.length
        by_step = numpy.broadcast_to(xs, (n, steps, width)).transpose(1, 0, 2)
        return _Taken(
            numpy.broadcast_to(carry, (n, carries)),
            by_step.reshape(steps * n, width),
            numpy.broadcast_to(shared, (n, count)),
            numpy.ascontiguousarray(weights),
        )

    def _pack(self, n: int, last: Array, results: Array | None) -> Array:
        """Return the last carry and the results as one array."""
        if results is not None:
            steps = self._scan.length
            by_sample = results.reshape(steps, n, -1).transpose(1, 0, 2).reshape(n, -1)
            last = numpy.concatenate([last, by_sample], axis=1)
        return last if self._scan.batched else last[0]

    def _unpack(self, n: int, gradient: Array) -> tuple[Array, Array | None]:
        """Return the gradient of the last carry, and those of the results step by step."""
        carries, _, _ = self._scan.sizes
        gradient = gradient.reshape(n, -1)
        if not self._scan.results:
            return gradient, None
        by_sample = gradient[:, carries:].reshape(n, self._scan.length, -1)
        by_step = by_sample.transpose(1, 0, 2).reshape(n * self._scan.length, -1)
        return gradient[:, :carries], by_step
