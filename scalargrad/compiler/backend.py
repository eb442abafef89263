"""Backends: what a compiled program asks of the machinery that runs its kernels, and which there are."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy
from numpy.typing import NDArray

from .jax_backend import JaxBackend
from .kernels import Kernel
from .numpy_backend import NumpyBackend
from .program import Program

Array = NDArray[numpy.float64]


class Backend(Protocol):
    """Runs the kernels of one program on batches. Nothing that a call computes is kept, so several threads may call at once.

    The size of the batch is the length of `drawn`, which has a row for each sample even where nothing is drawn.

    kernels     what is computed, in order
    parameters  the numbers that it computes with, to be changed in place
    """

    kernels: list[Kernel]
    parameters: Array

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """All outputs, (batch, outputs)."""

    def loss(
        self, arguments: Sequence[Array], read: Array, drawn: Array
    ) -> tuple[float, Array, Array]:
        """The mean of the first output, its gradient by the parameters in a new array, and the other outputs, (batch, outputs - 1).

        None in the place of the other outputs will do where there are none.
        """

    def pull_back(
        self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array
    ) -> list[Array]:
        """What flows back to each argument when the outputs receive `seed`, (batch, outputs)."""

    def render(self, name: str) -> str:
        """The program as text: "outputs", or "loss" with its gradient."""


BACKENDS: dict[str, Callable[[Program, Sequence[int]], Backend]] = {
    "numpy": NumpyBackend,
    "jax": JaxBackend,
}
"""Backends by name. What a backend needs beyond NumPy is imported when it is first asked for."""
