"""Batches in native code that several threads share."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy

from ..array_types import Array
from ..program import Program
from .backend import NativeBackend

__all__ = ["ThreadedBackend"]

Result = TypeVar("Result")

_MIN_NUMBERS = 100_000
"""How many numbers a thread should compute at least: fewer take less time than to start it."""


class ThreadedBackend(NativeBackend):
    """Runs a program on batches, a part of each batch in every thread.

    Parts depend on the size of the batch and the number of threads alone, and their sums are added
    up in order: so the same call gives the same bits again.

    Args:
        program: What to compute.
        sizes: The length of each argument.
        threads: How many threads share a batch.
    """

    def __init__(self, program: Program, sizes: Sequence[int], threads: int) -> None:
        super().__init__(program, sizes)
        self._threads = threads
        self._work = 1 + _count_rows(program) + program.parameters

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """Return all outputs, (batch, outputs)."""
        outputs = super().outputs

        def compute(part: slice) -> Array:
            return outputs([argument[part] for argument in arguments], read, drawn[part])

        return numpy.concatenate(self._share_out("outputs", compute, len(drawn)))

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array, bool]:
        """Return the mean of the first output, its gradient, the rest, and whether it is finite."""
        loss = super().loss
        count = len(drawn)

        def compute(part: slice) -> tuple[float, Array, Array, bool]:
            return loss([argument[part] for argument in arguments], read, drawn[part])

        parts = self._share_out("loss", compute, count)
        if len(parts) == 1:
            return parts[0]
        losses, gradients, others, are_finite = zip(*parts, strict=True)
        shares = [(part.stop - part.start) / count for part in self._split(count)]
        return (
            sum(share * part for share, part in zip(shares, losses, strict=True)),
            sum(share * part for share, part in zip(shares, gradients, strict=True)),
            numpy.concatenate(others) if self._others else others[0],
            all(are_finite),
        )

    def pull_back(
        self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array
    ) -> list[Array]:
        """Return what flows back to each argument when the outputs receive `seed`."""
        pull_back = super().pull_back

        def compute(part: slice) -> list[Array]:
            taken = [argument[part] for argument in arguments]
            return pull_back(taken, read, drawn[part], seed[part])

        parts = self._share_out("pull_back", compute, len(drawn))
        return [numpy.concatenate(gradients) for gradients in zip(*parts, strict=True)]

    def describe(self) -> str:
        """Say what is computed in native code, and by how many threads."""
        return f"{super().describe()}, {self._threads} threads"

    def _share_out(self, name: str, compute: Callable[[slice], Result], count: int) -> list[Result]:
        """Return what a function computes for each part of a batch."""
        parts = self._split(count)
        # Compiled now, so that no two threads do it at once.
        natives = [self._native_function(name, part.stop - part.start) for part in parts]
        if len(parts) == 1 or None in natives:
            return [compute(slice(0, count))]
        with ThreadPoolExecutor(len(parts)) as pool:
            return list(pool.map(compute, parts))

    def _split(self, count: int) -> list[slice]:
        """Return the parts of a batch: one where it is too small to be shared."""
        worthwhile = count * self._work // _MIN_NUMBERS
        # No part is empty, however much there is to compute for each sample.
        number = max(1, min(self._threads, count, worthwhile))
        ends = [count * (i + 1) // number for i in range(number)]
        return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def _count_rows(program: Program) -> int:
    """Return how many rows a program has, those of a loop once for each step."""
    loops = [kind.loop for kind in program.kinds if kind.loop is not None]
    return len(program) + sum(loop.length * _count_rows(loop.step) for loop in loops)
