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
    """Runs the kernels of one program on batches.

    kernels     what is computed, in order
    parameters  the numbers that it computes with, to be changed in place
    gradient    what `loss` found last, a new array each time
    """

    kernels: list[Kernel]
    parameters: Array
    gradient: Array

    def outputs(self, arguments: Sequence[Array], read: Array, drawn: Array) -> Array:
        """All outputs, (batch, outputs)."""

    def loss(self, arguments: Sequence[Array], read: Array, drawn: Array) -> tuple[float, Array]:
        """The mean of the first output, and the other outputs, (batch, outputs - 1); None where there are none will do."""

    def pulled(self, arguments: Sequence[Array], read: Array, drawn: Array, seed: Array) -> list[Array]:
        """What flows back to each argument when the outputs receive `seed`, (batch, outputs)."""

    def written(self, name: str) -> str:
        """The program as text: "outputs", or "loss" with its gradient."""


BACKENDS: dict[str, Callable[[Program, Sequence[int]], Backend]] = {"numpy": NumpyBackend, "jax": JaxBackend}
"""Backends by name. What a backend needs beyond NumPy is imported when it is first asked for."""
