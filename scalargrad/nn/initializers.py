"""How weights begin: an initializer is `f(rng, fan_in, fan_out)`, which draws one weight, or all of those of a layer at once.

The ones that need numbers of their own are made by a call: `Layer(2, 3, initializer=constant(0.5))`.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from operator import mul
from random import Random
from typing import Any

from scalargrad.core.conversion import as_float, is_number
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion

Initializer = Callable[[Random, int, int], Any]
"""It is given the random generator, the inputs and the neurons of a layer, and returns one weight, or a list of weights per neuron."""

Rows = list[list[float]]


def zeros(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """0 for every weight."""
    return 0.0


@explain_calls
def constant(value: float) -> Initializer:
    """`value` for every weight.

    Raises DataError for what is not a number.

    >>> from scalargrad.nn import Neuron
    >>> [weight.data for weight in Neuron(2, initializer=constant(0.5)).weights]
    [0.5, 0.5]
    """
    number = as_float(value, "value of constant")
    return lambda rng, fan_in, fan_out: number  # noqa: ARG005


@explain_calls
def given(weights: Iterable[Iterable[float]]) -> Initializer:
    """These very weights: a list for each neuron, with a number for each input.

    Raises DataError for weights that are not lists of numbers; a layer of another shape raises LengthError.

    >>> from scalargrad.nn import Layer
    >>> layer = Layer(2, 2, activation=None, initializer=given([[3.0, 4.0], [2.0, 3.0]]))
    >>> [y.data for y in layer([1.0, -1.0])]
    [-1.0, -1.0]
    """
    rows = _numbers(weights)
    return lambda rng, fan_in, fan_out: rows  # noqa: ARG005


@explain_calls
def uniform(low: float = -1.0, high: float = 1.0) -> Initializer:
    """Uniform between two bounds; the name "uniform" alone means -1 and 1, as in micrograd.

    Raises OptionError when `low` is not below `high`.

    >>> from scalargrad.nn import Neuron
    >>> all(0.0 <= weight.data <= 0.1 for weight in Neuron(9, initializer=uniform(0.0, 0.1)).weights)
    True
    """
    first, last = as_float(low, "low of uniform"), as_float(high, "high of uniform")
    if not -math.inf < first < last < math.inf:
        raise OptionError(
            f"low of uniform must be below high, both finite, not {low!r} and {high!r}"
        )
    return lambda rng, fan_in, fan_out: rng.uniform(first, last)  # noqa: ARG005


@explain_calls
def normal(deviation: float = 1.0) -> Initializer:
    """Normal with mean 0 and this standard deviation.

    Raises OptionError for a deviation that is negative or not finite.

    >>> from scalargrad.nn import Neuron
    >>> abs(Neuron(1, initializer=normal(1e-3)).weights[0].data) < 0.01
    True
    """
    spread = as_float(deviation, "deviation of normal")
    if not 0.0 <= spread < math.inf:
        raise OptionError(
            f"deviation of normal must be a finite number of at least 0, not {deviation!r}"
        )
    return lambda rng, fan_in, fan_out: rng.gauss(0.0, spread)  # noqa: ARG005


def he(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Normal with variance 2/fan_in, for ReLU and its kin (He et al. 2015, equation 10)."""
    return rng.gauss(0.0, math.sqrt(2.0 / fan_in))


def he_uniform(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Uniform with variance 2/fan_in, for ReLU and its kin (He et al. 2015, equation 10)."""
    return _centered(rng, 2.0 / fan_in)


def xavier(rng: Random, fan_in: int, fan_out: int) -> float:
    """Uniform with variance 2/(fan_in + fan_out), for tanh and sigmoid (Glorot and Bengio 2010, equation 16)."""
    return _centered(rng, 2.0 / (fan_in + fan_out))


def xavier_normal(rng: Random, fan_in: int, fan_out: int) -> float:
    """Normal with variance 2/(fan_in + fan_out), for tanh and sigmoid (Glorot and Bengio 2010, equation 12)."""
    return rng.gauss(0.0, math.sqrt(2.0 / (fan_in + fan_out)))


def lecun(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Normal with variance 1/fan_in, for SELU (LeCun et al. 1998, equation 16)."""
    return rng.gauss(0.0, math.sqrt(1.0 / fan_in))


def lecun_uniform(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Uniform with variance 1/fan_in (LeCun et al. 1998, equation 16)."""
    return _centered(rng, 1.0 / fan_in)


def _centered(rng: Random, variance: float) -> float:
    bound = math.sqrt(3.0 * variance)
    return rng.uniform(-bound, bound)


@explain_calls
def orthogonal(gain: float = 1.0) -> Initializer:
    """A random matrix whose rows (or columns, where they are fewer) are orthogonal, each of length `gain` (Saxe et al. 2014, section 3).

    Signals neither grow nor shrink on their way through the layer. The work grows with the cube of the width.
    Raises OptionError for a gain that is not finite.

    >>> rows = orthogonal()(Random(0), 3, 2)
    >>> abs(sum(x * y for x, y in zip(*rows))) < 1e-15
    True
    """
    length = as_float(gain, "gain of orthogonal")
    if not math.isfinite(length):
        raise OptionError(f"gain of orthogonal must be finite, not {gain!r}")

    def draw(rng: Random, fan_in: int, fan_out: int) -> Rows:
        basis = _orthonormal(rng, min(fan_in, fan_out), max(fan_in, fan_out))
        rows = basis if fan_out <= fan_in else zip(*basis, strict=True)
        return [[length * x for x in row] for row in rows]

    return draw


def _orthonormal(rng: Random, count: int, size: int) -> Rows:
    """Orthonormal vectors, uniform over all such sets: normal draws, each made perpendicular to those before it (Gram and Schmidt)."""
    basis: Rows = []
    while len(basis) < count:
        vector = [rng.gauss(0.0, 1.0) for _ in range(size)]
        for unit in basis * 2:  # the second round takes away what rounding left of the first
            share = math.fsum(map(mul, vector, unit))
            vector = [x - share * y for x, y in zip(vector, unit, strict=True)]
        norm = math.hypot(*vector)
        basis.append([x / norm for x in vector])
    return basis


INITIALIZERS: dict[str, Initializer] = {
    "he": he,
    "xavier": xavier,
    "glorot": xavier,
    "lecun": lecun,
    "orthogonal": orthogonal(),
    "uniform": uniform(),
    "normal": normal(),
    "zeros": zeros,
    "he_normal": he,
    "he_uniform": he_uniform,
    "xavier_normal": xavier_normal,
    "xavier_uniform": xavier,
    "glorot_normal": xavier_normal,
    "glorot_uniform": xavier,
    "lecun_normal": lecun,
    "lecun_uniform": lecun_uniform,
}
"""Every initializer that needs no number of its own, by name."""

_MADE_BY_A_CALL: tuple[Any, ...] = (constant, given, uniform, normal, orthogonal)


def initializer(choice: str | Initializer) -> Initializer:
    """The initializer of that name, or the function itself.

    Raises OptionError for an unknown name, and for one that must be called with its numbers first.

    >>> initializer("glorot") is xavier
    True
    """
    if any(choice is factory for factory in _MADE_BY_A_CALL):
        name = getattr(choice, "__name__", "")
        raise OptionError(f"initializer {name} is made by a call: write initializer={name}(…)")
    if callable(choice):
        return choice
    if isinstance(choice, str) and choice in INITIALIZERS:
        return INITIALIZERS[choice]
    hint = suggestion(choice, INITIALIZERS, otherwise="")
    raise OptionError(
        f"initializer must be a function or one of {', '.join(INITIALIZERS)}, not {choice!r}{hint}"
    )


def weights_by_neuron(
    draw: Initializer, rng: Random, fan_in: int, fan_out: int
) -> Iterator[list[float]]:
    """The weights of each neuron in turn, drawn when they are asked for.

    Raises DataError for weights that are not numbers, LengthError for a matrix of another shape.

    >>> list(weights_by_neuron(constant(0.5), Random(0), 3, 2))
    [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]
    """
    first = draw(rng, fan_in, fan_out)
    if not is_number(first):
        yield from _matrix(first, fan_in, fan_out)
        return
    for row in range(fan_out):
        yield [
            as_float(draw(rng, fan_in, fan_out) if row or column else first, "a weight")
            for column in range(fan_in)
        ]


def _matrix(rows: Any, fan_in: int, fan_out: int) -> Rows:
    matrix = _numbers(rows)
    if [len(row) for row in matrix] != [fan_in] * fan_out:
        found = (
            f"{len(matrix)} lists of {' or '.join(map(str, sorted({len(row) for row in matrix})))}"
        )
        raise LengthError(
            f"an initializer gave {found} weights for {fan_out} neurons of {fan_in} inputs"
        )
    return matrix


def _numbers(rows: Any) -> Rows:
    try:
        return [[as_float(weight, "a weight") for weight in row] for row in rows]
    except TypeError as error:  # DataError is one too
        raise DataError(
            f"an initializer must give one number, or a list of numbers for each neuron: {error}"
        ) from None
