"""Backends: what a compiled program needs from the code that runs its kernels, and which exist."""

from collections.abc import Callable, Sequence
from typing import Protocol

from .array_types import Array
from .jax_backend import JaxBackend
from .kernels import Kernel
from .numpy_backend import NumpyBackend
from .program import Program

__all__ = ["BACKENDS", "Backend"]


class Backend(Protocol):
    """Runs the kernels of one program on batches.

    Nothing that a call computes is kept, so several threads may call at once. All methods take the
    arguments, one (batch, n) each, a number for each leaf that is read, and (batch, leaves) numbers
    drawn at random. The size of the batch is the length of `drawn`, which has a row for each sample
    even where nothing is drawn.

    Attributes:
        kernels: What is computed, in order.
        parameters: The numbers to compute with, to be changed in place.
    """

    kernels: list[Kernel]
    parameters: Array

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """Return all outputs, (batch, outputs)."""

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array]:
        """Return the mean of the first output, its gradient by the parameters, and the rest.

        The gradient is a new array. The rest are the other outputs, (batch, outputs - 1), which
        nobody reads where there are none.
        """

    def pull_back(
        self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array
    ) -> list[Array]:
        """Return what flows back to each argument when the outputs receive `seed`.

        `seed` is (batch, outputs).
        """

    def render(self, name: str) -> str:
        """Return the program as text: "outputs", or "loss" with its gradient."""


BACKENDS: dict[str, Callable[[Program, Sequence[int]], Backend]] = {
    "numpy": NumpyBackend,
    "jax": JaxBackend,
}
"""Backends by name. What a backend needs beyond NumPy is imported when it is first used."""
