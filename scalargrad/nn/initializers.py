"""Initializers, which draw the weights and the biases of a layer.

An initializer is `f(rng, fan_in, fan_out)`, which returns one weight, or all weights of a layer
in one matrix. Those with options are made by a call: `Layer(2, 3, initializer=constant(0.5))`.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from operator import mul
from random import Random
from typing import Any, Literal

from scalargrad.core.conversion import as_float, is_number
from scalargrad.errors import DataError, LengthError, OptionError
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion

Rows = list[list[float]]

Initializer = Callable[[Random, int, int], float | Rows]
"""A function of the random generator, the number of inputs and the number of neurons of a layer.

It returns one weight and is called for each, or a list of weights for each neuron and is called
once.
"""

InitializerName = Literal[
    "he",
    "xavier",
    "glorot",
    "lecun",
    "orthogonal",
    "uniform",
    "normal",
    "zeros",
    "he_normal",
    "he_uniform",
    "xavier_normal",
    "xavier_uniform",
    "glorot_normal",
    "glorot_uniform",
    "lecun_normal",
    "lecun_uniform",
]


def zeros(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Return 0 for every weight."""
    return 0.0


@explain_calls
def constant(value: float) -> Initializer:
    """Return an initializer that sets every weight to `value`.

    Raises:
        DataError: If `value` is not a number.

    Example:
        >>> from scalargrad.nn import Neuron
        >>> [weight.data for weight in Neuron(2, initializer=constant(0.5)).weights]
        [0.5, 0.5]
    """
    number = as_float(value, "value of constant")
    return lambda rng, fan_in, fan_out: number  # noqa: ARG005


@explain_calls
def given(weights: Iterable[Iterable[float]]) -> Initializer:
    """Return an initializer that sets the weights to given numbers.

    Args:
        weights: A list for each neuron, with a number for each input. A layer of another shape
            raises LengthError.

    Raises:
        DataError: If `weights` are not lists of numbers.

    Example:
        >>> from scalargrad.nn import Layer
        >>> layer = Layer(2, 2, activation=None, initializer=given([[3.0, 4.0], [2.0, 3.0]]))
        >>> [y.data for y in layer([1.0, -1.0])]
        [-1.0, -1.0]
    """
    rows = _as_rows(weights, "weight")
    return lambda rng, fan_in, fan_out: rows  # noqa: ARG005


@explain_calls
def uniform(low: float = -1.0, high: float = 1.0) -> Initializer:
    """Return an initializer that is uniform between two bounds.

    The name "uniform" means the defaults, which are micrograd's.

    Raises:
        OptionError: If `low` is not below `high`.

    Example:
        >>> from scalargrad.nn import Neuron
        >>> neuron = Neuron(9, initializer=uniform(0.0, 0.1))
        >>> all(0.0 <= weight.data <= 0.1 for weight in neuron.weights)
        True
    """
    first = as_float(low, "low of uniform")
    last = as_float(high, "high of uniform")
    if not -math.inf < first < last < math.inf:
        raise OptionError(
            f"low of uniform must be below high, both finite, not {low!r} and {high!r}"
        )
    return lambda rng, fan_in, fan_out: rng.uniform(first, last)  # noqa: ARG005


@explain_calls
def normal(deviation: float = 1.0) -> Initializer:
    """Return an initializer that is normal with mean 0 and the given standard deviation.

    Raises:
        OptionError: If the deviation is negative or not finite.

    Example:
        >>> from scalargrad.nn import Neuron
        >>> abs(Neuron(1, initializer=normal(1e-3)).weights[0].data) < 0.01
        True
    """
    sigma = as_float(deviation, "deviation of normal")
    if not 0.0 <= sigma < math.inf:
        raise OptionError(
            f"deviation of normal must be a finite number of at least 0, not {deviation!r}"
        )
    return lambda rng, fan_in, fan_out: rng.gauss(0.0, sigma)  # noqa: ARG005


def he(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Draw from a normal distribution with variance 2/fan_in, for ReLU and its kin.

    Source: He et al. 2015, equation 10.
    """
    return rng.gauss(0.0, math.sqrt(2.0 / fan_in))


def he_uniform(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Draw from a uniform distribution with variance 2/fan_in, for ReLU and its kin.

    Source: He et al. 2015, equation 10.
    """
    return _centered(rng, 2.0 / fan_in)


def xavier(rng: Random, fan_in: int, fan_out: int) -> float:
    """Draw from a uniform distribution with variance 2/(fan_in + fan_out), for tanh and sigmoid.

    Source: Glorot and Bengio 2010, equation 16.
    """
    return _centered(rng, 2.0 / (fan_in + fan_out))


def xavier_normal(rng: Random, fan_in: int, fan_out: int) -> float:
    """Draw from a normal distribution with variance 2/(fan_in + fan_out), for tanh and sigmoid.

    Source: Glorot and Bengio 2010, equation 12.
    """
    return rng.gauss(0.0, math.sqrt(2.0 / (fan_in + fan_out)))


def lecun(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Draw from a normal distribution with variance 1/fan_in, for SELU.

    Source: LeCun et al. 1998, equation 16.
    """
    return rng.gauss(0.0, math.sqrt(1.0 / fan_in))


def lecun_uniform(rng: Random, fan_in: int, fan_out: int) -> float:  # noqa: ARG001
    """Draw from a uniform distribution with variance 1/fan_in.

    Source: LeCun et al. 1998, equation 16.
    """
    return _centered(rng, 1.0 / fan_in)


def _centered(rng: Random, variance: float) -> float:
    bound = math.sqrt(3.0 * variance)
    return rng.uniform(-bound, bound)


@explain_calls
def orthogonal(gain: float = 1.0) -> Initializer:
    """Return an initializer that draws orthogonal matrices (Saxe et al. 2014, section 3).

    The rows (or the columns, where they are fewer) are orthogonal, so signals neither grow nor
    shrink as they pass the layer. The cost grows with the cube of the width.

    Args:
        gain: The length of each row.

    Raises:
        OptionError: If `gain` is not finite.

    Example:
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
    """Return orthonormal vectors, distributed uniformly over all such sets.

    These are normal draws, each made perpendicular to those before it (Gram-Schmidt).
    """
    basis: Rows = []
    while len(basis) < count:
        vector = [rng.gauss(0.0, 1.0) for _ in range(size)]
        # twice: the second round removes what rounding left of the first
        for unit in basis * 2:
            projection = math.fsum(map(mul, vector, unit))
            vector = [x - projection * y for x, y in zip(vector, unit, strict=True)]
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
"""The initializers without options, by name."""

_FACTORIES: tuple[object, ...] = (constant, given, uniform, normal, orthogonal)


def initializer(choice: InitializerName | Initializer) -> Initializer:
    """Return the initializer of a name, or the function itself.

    Raises:
        OptionError: If the name is unknown, or the function makes initializers and must be called.

    Example:
        >>> initializer("glorot") is xavier
        True
    """
    return resolve_initializer(choice, "initializer")


def resolve_initializer(choice: InitializerName | Initializer, argument: str) -> Initializer:
    """Return the initializer that was given as `argument`.

    Raises:
        OptionError: As `initializer` does.

    Example:
        >>> resolve_initializer("zeros", "bias_initializer") is zeros
        True
    """
    if any(choice is factory for factory in _FACTORIES):
        name = getattr(choice, "__name__", "")
        raise OptionError(f"initializer {name} is made by a call: write {argument}={name}(…)")
    if callable(choice):
        return choice
    if isinstance(choice, str) and choice in INITIALIZERS:
        return INITIALIZERS[choice]
    names = ", ".join(INITIALIZERS)
    hint = suggestion(choice, INITIALIZERS, otherwise="")
    raise OptionError(f"{argument} must be a function or one of {names}, not {choice!r}{hint}")


def weights_by_neuron(
    draw: Initializer, rng: Random, fan_in: int, fan_out: int
) -> Iterator[list[float]]:
    """Iterate over the weights of each neuron, drawn as they are asked for.

    Raises:
        DataError: If the initializer returns anything but numbers.
        LengthError: If it returns a matrix of another shape.

    Example:
        >>> list(weights_by_neuron(constant(0.5), Random(0), 3, 2))
        [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]
    """
    return _draw_rows(draw, rng, (fan_in, fan_out), fan_in, "weight")


def biases_by_neuron(draw: Initializer, rng: Random, fan_in: int, fan_out: int) -> Iterator[float]:
    """Iterate over the bias of each neuron, drawn as they are asked for.

    The initializer is given the fans of the weights, on which the usual bounds of biases depend.

    Raises:
        DataError: If the initializer returns anything but numbers.
        LengthError: If it returns lists, but not one number for each neuron.

    Example:
        >>> list(biases_by_neuron(given([[0.5], [-0.5]]), Random(0), 3, 2))
        [0.5, -0.5]
    """
    rows = _draw_rows(draw, rng, (fan_in, fan_out), 1, "bias")
    return (row[0] for row in rows)


def _draw_rows(
    draw: Initializer, rng: Random, fans: tuple[int, int], size: int, what: str
) -> Iterator[list[float]]:
    """Draw `size` numbers for each neuron."""
    fan_in, fan_out = fans
    first = draw(rng, fan_in, fan_out)
    if not is_number(first):
        rows = _as_rows(first, what)
        _check_shape(rows, fans, size, what)
        yield from rows
        return

    # The first draw has been made above, to see what it returns: it is the first number.
    for i in range(fan_out):
        row: list[float] = []
        for column in range(size):
            is_first = i == column == 0
            number = first if is_first else draw(rng, fan_in, fan_out)
            row.append(as_float(number, f"a {what}"))
        yield row


def _check_shape(rows: Rows, fans: tuple[int, int], size: int, what: str) -> None:
    fan_in, fan_out = fans
    lengths = [len(row) for row in rows]
    if lengths != [size] * fan_out:
        shape = f"{len(rows)} lists of {' or '.join(map(str, sorted(set(lengths))))}"
        raise LengthError(
            f"the initializer of each {what} gave {shape} numbers "
            f"for {fan_out} neurons of {fan_in} inputs: it must give {fan_out} lists of {size}"
        )


def _as_rows(rows: Any, what: str) -> Rows:
    try:
        return [[as_float(number, f"a {what}") for number in row] for row in rows]
    except TypeError as error:  # DataError is one too
        raise DataError(
            f"an initializer must give one number, or a list of numbers for each neuron: {error}"
        ) from None
