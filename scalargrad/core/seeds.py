"""Seeds, and the one generator of the process that modules without a seed draw from."""

import os
from operator import index
from random import Random
from threading import Lock
from typing import Any

from scalargrad.errors import OptionError

from .checks import checked_int

Seed = int | Random | None
"""An int, a generator to draw from, or None for a generator seeded by that of the process."""


class _ProcessGenerator:
    """The random generator of the process.

    It is global, as in PyTorch, and starts with a fixed seed, so that a script that runs twice
    computes the same numbers.
    """

    def __init__(self) -> None:
        self.random = Random(0)
        self._lock = Lock()

        # A fork copies a lock that another thread may hold, but not the thread that would release
        # it.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = Lock()

    def restart(self, seed: int) -> None:
        """Start again from this seed."""
        with self._lock:
            self.random.seed(seed)

    def spawn(self) -> Random:
        """Return a new generator, seeded from this one."""
        with self._lock:
            seed = self.random.getrandbits(64)
        return Random(seed)


PROCESS = _ProcessGenerator()
"""The generator that every module without a seed takes its own generator from."""


def manual_seed(seed: int) -> None:
    """Seed the modules that are made without a seed from now on.

    Every module with random numbers takes a `seed`. Without one, a module gets its own generator,
    seeded from the generator of the process, so that two equal layers start with different weights.
    The generator of the process starts with a fixed seed. `fit` and `scalargrad.data` have their
    own seeds, which this function does not change.

    Args:
        seed: A whole number of at least 0.

    Raises:
        OptionError: If the seed is anything else.

    Example:
        >>> from scalargrad.nn import Neuron
        >>> manual_seed(1)
        >>> first, second = Neuron(2), Neuron(2)
        >>> manual_seed(1)
        >>> first.state_dict() == Neuron(2).state_dict() != second.state_dict()
        True
    """
    PROCESS.restart(checked_int(seed, "seed of manual_seed", 0))


def generator(seed: Any) -> Random:
    """Return the generator for a `seed` argument.

    Args:
        seed: A generator, which is returned as it is; an int (or text, or a float) for a new one;
            or None for a new one that the generator of the process seeds.

    Returns:
        The generator.

    Raises:
        OptionError: If the seed is anything else.

    Example:
        >>> generator(7).random() == Random(7).random()
        True
    """
    if seed is None:
        return PROCESS.spawn()
    if isinstance(seed, Random):
        return seed
    if isinstance(seed, (int, float, str, bytes, bytearray)) and seed == seed:  # not nan
        return Random(seed)
    try:
        return Random(index(seed))
    except TypeError:
        raise OptionError(
            "seed must be a whole number, a random.Random or None, "
            f"not {type(seed).__name__} {seed!r}"
        ) from None
