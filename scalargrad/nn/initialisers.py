"""How weights begin: each initialiser draws one weight, given the random generator and the fan in and fan out of its neuron."""

import math
from collections.abc import Callable
from random import Random

from ..errors import OptionError

Initialiser = Callable[[Random, int, int], float]


def zeros(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """0 for every weight."""
    return 0.0


def uniform(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Uniform in (-1, 1), as micrograd draws them."""
    return rng.uniform(-1.0, 1.0)


def he(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Normal with variance 2/fan_in, for ReLU and its kin (He et al. 2015, equation 10)."""
    return rng.gauss(0.0, math.sqrt(2.0 / fan_in))


def xavier(rng: Random, fan_in: int, fan_out: int) -> float:
    """Uniform with variance 2/(fan_in + fan_out), for tanh and sigmoid (Glorot and Bengio 2010, equation 16)."""
    bound = math.sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-bound, bound)


def lecun(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Normal with variance 1/fan_in, for SELU (LeCun et al. 1998, equation 16)."""
    return rng.gauss(0.0, math.sqrt(1.0 / fan_in))


INITIALISERS: dict[str, Initialiser] = {
    "he": he,
    "xavier": xavier,
    "glorot": xavier,
    "lecun": lecun,
    "uniform": uniform,
    "zeros": zeros,
}


def initialiser(choice: str | Initialiser) -> Initialiser:
    """The initialiser of that name, or the function itself.

    Raises OptionError for an unknown name.

    >>> initialiser("glorot") is xavier
    True
    """
    if callable(choice):
        return choice
    if choice in INITIALISERS:
        return INITIALISERS[choice]
    raise OptionError(f"initialiser must be a function or one of {', '.join(INITIALISERS)}, not {choice!r}")


def generator(seed: int | Random) -> Random:
    """The random generator itself, or a new one from a seed."""
    return seed if isinstance(seed, Random) else Random(seed)
