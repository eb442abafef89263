"""Float arithmetic by IEEE 754: where Python raises an exception, inf or nan is returned.

`ops.FLOATS` adds the operations that are composed of these, so that the rules of the table can be
evaluated on floats.
"""

import builtins
import math
from builtins import abs
from collections.abc import Callable
from functools import wraps
from math import asinh, atan, atan2, cbrt, copysign, erf, erfc, hypot, inf, nan, tanh

__all__ = ["abs", "asinh", "atan", "atan2", "cbrt", "erf", "erfc", "hypot", "tanh"]  # already total

Unary = Callable[[float], float]


def _ieee(function: Unary, infinite_at: tuple[float, ...] = ()) -> Unary:
    """Make a function return nan outside its domain, and inf where it overflows or has a pole."""

    @wraps(function)
    def safe(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return inf
        except ValueError:
            return copysign(inf, x) if x in infinite_at else nan

    return safe


def _odd(function: Unary) -> Unary:
    """Make an odd function overflow to inf with the sign of its argument."""

    @wraps(function)
    def safe(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return copysign(inf, x)

    return safe


exp = _ieee(math.exp)
exp2 = _ieee(math.exp2)
expm1 = _ieee(math.expm1)
sqrt = _ieee(math.sqrt)
sin = _ieee(math.sin)
cos = _ieee(math.cos)
tan = _ieee(math.tan)
asin = _ieee(math.asin)
acos = _ieee(math.acos)
sinh = _odd(math.sinh)
cosh = _ieee(math.cosh)
acosh = _ieee(math.acosh)
atanh = _ieee(math.atanh, infinite_at=(1.0, -1.0))


def log(x: float) -> float:
    """Natural logarithm: -inf at 0, nan below."""
    if x > 0.0:
        return math.log(x)
    return -inf if x == 0.0 else nan


def log2(x: float) -> float:
    """Logarithm to base 2: -inf at 0, nan below."""
    if x > 0.0:
        return math.log2(x)
    return -inf if x == 0.0 else nan


def log10(x: float) -> float:
    """Logarithm to base 10: -inf at 0, nan below."""
    if x > 0.0:
        return math.log10(x)
    return -inf if x == 0.0 else nan


def log1p(x: float) -> float:
    """log(1 + x): -inf at -1, nan below."""
    if x > -1.0:
        return math.log1p(x)
    return -inf if x == -1.0 else nan


def div(x: float, y: float) -> float:
    """x / y: ±inf for a division by zero, nan for 0/0."""
    try:
        return x / y
    except ZeroDivisionError:
        return nan if x == 0.0 or x != x else copysign(inf, x) * copysign(1.0, y)


def floor_divide(x: float, y: float) -> float:
    """The largest whole number not above the exact x / y: ±inf for y = 0, nan for 0 // 0."""
    try:
        return x // y
    except ZeroDivisionError:
        return div(x, y)


def remainder(x: float, y: float) -> float:
    """x - y*floor(x/y), with the sign of y: nan for y = 0."""
    try:
        return x % y
    except ZeroDivisionError:
        return nan


def pow(x: float, y: float) -> float:
    """x to the power of y: nan for x < 0 and a fractional y, ±inf at a pole or for an overflow."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0.0 and y % 2.0 == 1.0 else inf
    except ValueError:
        if x != 0.0:
            return nan
        return copysign(inf, x) if y % 2.0 == 1.0 else inf


def maximum(x: float, y: float) -> float:
    """The larger of two numbers, nan if either is."""
    return x if x >= y or x != x else y


def minimum(x: float, y: float) -> float:
    """The smaller of two numbers, nan if either is."""
    return x if x <= y or x != x else y


def where(condition: float, x: float, y: float) -> float:
    """x if the condition holds, else y."""
    return x if condition else y


def stop_gradient(x: float) -> float:
    """x itself: a float has no gradient to stop."""
    return x


def sign(x: float) -> float:
    """-1, 0 or 1, nan for nan."""
    return x and (copysign(1.0, x) if x == x else nan)  # a zero keeps its sign


def floor(x: float) -> float:
    """The largest whole number not above x."""
    # Python's floor is an int, which has no -0.0, and does not exist for inf and nan.
    return copysign(float(math.floor(x)), x) if _finite(x) else x


def round(x: float) -> float:
    """The nearest whole number, halves to the even one."""
    return copysign(float(builtins.round(x)), x) if _finite(x) else x


def _finite(x: float) -> bool:
    return x - x == 0.0  # inf - inf is nan
