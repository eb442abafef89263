"""Functions of vectors against mpmath, and at the limits against NumPy."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

mpmath = pytest.importorskip("mpmath")
pytest.importorskip("llvmlite")

from llvmlite import ir  # noqa: E402

from scalargrad.compiler.native.functions import (  # noqa: E402
    VECTOR_FUNCTIONS,
    compile_on_arrays,
    vector_function,
)

Exact: TypeAlias = Any
"""A number of mpmath."""

MAX_ULPS = 2.0

compiled = cache(compile_on_arrays)


def exact_sigmoid(x: Exact) -> Exact:
    return 1 / (1 + mpmath.exp(-x))


def exact_tanh(x: Exact) -> Exact:
    """Return tanh by expm1, which keeps the digits of small numbers."""
    return -mpmath.expm1(-2 * x) / (2 + mpmath.expm1(-2 * x))


def exact_softplus(x: Exact) -> Exact:
    return max(x, 0) + mpmath.log1p(mpmath.exp(-abs(x)))


EXACT: dict[str, Callable[[Exact], Exact]] = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "tanh": exact_tanh,
    "sigmoid": exact_sigmoid,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "softplus": exact_softplus,
    "erf": mpmath.erf,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
}

UNBOUNDED = {"log", "log1p", "softplus", "sin", "cos"}

MAX_FLOAT = numpy.finfo(float).max
EDGES = [0.0, 5e-324, 2.2e-308, 1e-310, 2.0**-54, 2.0**-53, 1e-9, 0.5, 1.0, 22.0, 37.0, MAX_FLOAT]
EDGES += [709.782712893384, 709.7827128933841, 745.1332191019411, 745.1332191019412]

LIMITS: dict[str, dict[float, float]] = {
    "exp": {0.0: 1.0, 1.0: math.e, math.inf: math.inf, -math.inf: 0.0, 710.0: math.inf},
    "expm1": {0.0: 0.0, math.inf: math.inf, -math.inf: -1.0, 710.0: math.inf},
    "tanh": {0.0: 0.0, math.inf: 1.0, -math.inf: -1.0, 30.0: 1.0},
    "sigmoid": {0.0: 0.5, math.inf: 1.0, -math.inf: 0.0, 800.0: 1.0, -800.0: 0.0},
    "log": {0.0: -math.inf, 1.0: 0.0, math.inf: math.inf, -5e-324: math.nan},
    "log1p": {0.0: 0.0, -1.0: -math.inf, math.inf: math.inf, -1.5: math.nan},
    "softplus": {0.0: math.log(2.0), math.inf: math.inf, -math.inf: 0.0, 800.0: 800.0},
    "sin": {0.0: 0.0, math.inf: math.nan, -math.inf: math.nan},
    "cos": {0.0: 1.0, math.inf: math.nan, -math.inf: math.nan},
    "erf": {0.0: 0.0, math.inf: 1.0, -math.inf: -1.0, 7.0: 1.0},
}


def points(name: str, count: int) -> numpy.ndarray:
    """Numbers of every size, near 0, near 1 and near the edges, where the function is finite."""
    rng = numpy.random.default_rng(1)
    bits = rng.integers(0, 2**64, count, dtype=numpy.uint64).view(float)
    sizes = 10.0 ** rng.uniform(-20, 3, count) * rng.choice([-1.0, 1.0], count)
    near_one = rng.choice([-1.0, 1.0], count) * (1.0 + 1e-4 * rng.normal(size=count))
    edges = numpy.array([*EDGES, *(-number for number in EDGES)])
    numbers = [bits, sizes, near_one, rng.uniform(-3, 3, count), edges]
    numbers.append(rng.uniform(-746, 710, count))
    found = numpy.concatenate(numbers)
    found = found[numpy.isfinite(found)]
    if name == "log":
        return found[found > 0.0]
    if name == "log1p":
        return found[found > -1.0]
    return found


def measure_ulps(name: str, number: float, result: float) -> float:
    """Return the distance of `result` from the exact one, in units in the last place."""
    with mpmath.workprec(1300 if name in ("sin", "cos") else 140):
        # Beyond, results are at their limits, and mpmath would need numbers of 2**1024 bits.
        argument = mpmath.mpf(number)
        if name not in UNBOUNDED:
            argument = max(min(argument, 2000), -2000)
        exact = EXACT[name](argument)
        rounded = float(exact)
        if math.isinf(rounded):
            return 0.0 if result == rounded else math.inf
        return float(abs(mpmath.mpf(result) - exact) / math.ulp(rounded))


@pytest.mark.parametrize("name", VECTOR_FUNCTIONS)
def test_results_are_within_two_ulps(name: str) -> None:
    numbers = points(name, 1_000)

    results = compiled(name)(numbers)

    errors = map(measure_ulps, [name] * numbers.size, numbers.tolist(), results.tolist())
    assert max(errors) <= MAX_ULPS


@pytest.mark.parametrize("name", VECTOR_FUNCTIONS)
def test_limits_are_exact(name: str) -> None:
    limits = LIMITS[name]

    results = compiled(name)(numpy.array(list(limits)))

    numpy.testing.assert_array_equal(results, list(limits.values()))


@pytest.mark.parametrize("name", VECTOR_FUNCTIONS)
def test_nan_gives_nan(name: str) -> None:
    assert numpy.isnan(compiled(name)(numpy.array([math.nan]))).all()


@pytest.mark.parametrize("name", ["expm1", "tanh", "log1p", "sin"])
def test_zeros_and_subnormal_numbers_give_themselves(name: str) -> None:
    numbers = numpy.array([0.0, -0.0, 5e-324, -5e-324, 1e-310, -1e-310])

    results = compiled(name)(numbers)

    assert results.tobytes() == numbers.tobytes()


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_angles_near_quarter_turns_keep_their_digits(name: str) -> None:
    turns = numpy.random.default_rng(2).integers(-600_000, 600_000, 1_000)
    numbers = turns * (math.pi / 2)

    results = compiled(name)(numbers)

    errors = map(measure_ulps, [name] * numbers.size, numbers.tolist(), results.tolist())
    assert max(errors) <= MAX_ULPS


def test_log_of_negative_zero_is_minus_infinity() -> None:
    assert compiled("log")(numpy.array([-0.0]))[0] == -math.inf


@given(st.floats(allow_nan=False))
def test_tanh_is_odd(number: float) -> None:
    positive, negative = compiled("tanh")(numpy.array([number, -number]))

    assert positive == -negative


@pytest.mark.parametrize("width", [1, 2, 4, 16])
@pytest.mark.parametrize("name", VECTOR_FUNCTIONS)
def test_every_width_gives_the_same_bits(name: str, width: int) -> None:
    numbers = points(name, 20)

    assert compiled(name, width)(numbers).tobytes() == compiled(name)(numbers).tobytes()


def test_a_number_does_not_depend_on_its_neighbors() -> None:
    numbers = numpy.array([0.3, math.inf, math.nan, -math.inf, -800.0, 5e-324, 1e300, 0.3])

    results = compiled("tanh")(numbers)

    assert results[0] == results[-1] == compiled("tanh")(numbers[:1])[0]


def test_arrays_keep_their_shape() -> None:
    numbers = numpy.linspace(-1.0, 1.0, 15).reshape(5, 3).T

    results = compiled("exp")(numbers)

    numpy.testing.assert_allclose(results, numpy.exp(numbers), rtol=1e-15)


def test_a_module_has_each_function_once() -> None:
    module = ir.Module()

    assert vector_function(module, "tanh", 8) is vector_function(module, "tanh", 8)


def test_widths_are_separate_functions() -> None:
    module = ir.Module()

    assert vector_function(module, "tanh", 8) is not vector_function(module, "tanh", 4)


def test_an_unknown_name_leaves_the_module_empty() -> None:
    module = ir.Module()

    with pytest.raises(KeyError, match="tahn"):
        vector_function(module, "tahn", 8)

    assert not list(module.functions)
