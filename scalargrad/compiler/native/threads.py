"""Batches in native code that several threads share."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
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
        compute_alone = super().outputs

        def compute(part: slice) -> Array:
            return compute_alone(_take(arguments, part), read, drawn[part])

        return numpy.concatenate(self._share_out("outputs", compute, len(drawn)))

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array, bool]:
        """Return the mean of the first output, its gradient, the rest, and whether it is finite."""
        compute_alone = super().loss

        def compute(part: slice) -> tuple[float, Array, Array, bool]:
            return compute_alone(_take(arguments, part), read, drawn[part])

        parts = self._share_out("loss", compute, len(drawn))
        if len(parts) == 1:
            return parts[0]

        mean = 0.0
        gradient = numpy.zeros(self.program.parameters)
        slices = self._split(len(drawn))
        for part, (loss, own_gradient, _, _) in zip(slices, parts, strict=True):
            share = (part.stop - part.start) / len(drawn)
            mean += share * loss
            gradient += share * own_gradient
        others = numpy.concatenate([others for _, _, others, _ in parts])
        return mean, gradient, others, all(is_finite for _, _, _, is_finite in parts)

    def pull_back(
        self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array
    ) -> list[Array]:
        """Return what flows back to each argument when the outputs receive `seed`."""
        compute_alone = super().pull_back

        def compute(part: slice) -> list[Array]:
            return compute_alone(_take(arguments, part), read, drawn[part], seed[part])

        parts = self._share_out("pull_back", compute, len(drawn))
        return [numpy.concatenate(gradients) for gradients in zip(*parts, strict=True)]

    def describe(self) -> str:
        """Say what is computed in native code, and by how many threads."""
        return f"{super().describe()}, {self._threads} threads"

    def _share_out(self, name: str, compute: Callable[[slice], Result], count: int) -> list[Result]:
        """Return what a function computes for each part of a batch."""
        parts = self._split(count)
        # Compiled now, and not by the threads, which would wait for each other.
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
        edges = [count * i // number for i in range(number + 1)]
        return [slice(start, end) for start, end in pairwise(edges)]


def _take(arguments: Sequence[Array], part: slice) -> list[Array]:
    """Return some samples of all arguments."""
    return [argument[part] for argument in arguments]


def _count_rows(program: Program) -> int:
    """Return how many rows a program has, those of a loop once for each step."""
    loops = [kind.loop for kind in program.kinds if kind.loop is not None]
    return len(program) + sum(loop.length * _count_rows(loop.step) for loop in loops)
