"""Seeds, and the one generator of the process that modules without a seed draw from."""

import os
from operator import index
from random import Random
from threading import Lock
from typing import Any

from scalargrad.errors import OptionError

from .checks import checked_int

Seed = int | Random | None
"""An int, a generator to go on with, or None for the generator of the process."""


class _ProcessGenerator:
    """The random generator of the process.

    It is the one thing here that is shared by all of a program, as in PyTorch. It begins with a
    fixed seed, so that a script that is run twice computes the same numbers.
    """

    def __init__(self) -> None:
        self.random = Random(0)
        self._lock = Lock()

        # A fork copies the lock as it is, held by another thread perhaps, who is not copied.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = Lock()

    def restart(self, seed: int) -> None:
        """Begin again with this seed."""
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
    """Set the seed of the modules that are made without one from here on.

    Every module with random numbers takes a `seed`. Where it is left out, the module gets a
    generator of its own, seeded from the one generator of the process, so that two equal layers
    begin with different weights. That generator starts with a fixed seed. `fit` and
    `scalargrad.data` have seeds of their own, which this function does not touch.

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
    """Return the generator that a `seed` argument stands for.

    Args:
        seed: A generator, which is returned as it is; an int (text and floats serve, too), from
            which a new one is made; or None for a new one that the generator of the process seeds.

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
        found = f"{type(seed).__name__} {seed!r}"
        raise OptionError(
            f"seed must be a whole number, a random.Random or None, not {found}"
        ) from None
