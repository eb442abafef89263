"""The referee for the table: every operation in mpmath, from its definition.

Piecewise functions are written for points away from their kinks; `conformance.json` has the kinks.
"""

from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

mp.dps = 50

Formula = Callable[..., Any]


def _selu_constants() -> tuple[Any, Any]:
    """alpha and scale with a fixed point at mean 0, variance 1 (Klambauer et al. 2017, eq. 14)."""
    root, e = mp.sqrt(2), mp.e
    alpha = -mp.sqrt(2 / mp.pi) / (mp.erfc(1 / root) * mp.sqrt(e) - 1)
    square = (
        2 * mp.erfc(root) * e**2
        + mp.pi * mp.erfc(1 / root) ** 2 * e
        - 2 * (2 + mp.pi) * mp.erfc(1 / root) * mp.sqrt(e)
        + mp.pi
        + 2
    )
    return alpha, (1 - mp.erfc(1 / root) * mp.sqrt(e)) * mp.sqrt(2 * mp.pi) / mp.sqrt(square)


_ALPHA, _SCALE = _selu_constants()


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _softplus(x: Any) -> Any:
    return mp.log(1 + mp.exp(x))


def _leaky(x: Any, slope: Any) -> Any:
    return x if x > 0 else slope * x


def _clamp(x: Any, low: Any, high: Any) -> Any:
    return min(max(x, low), high)


def _gelu_tanh(x: Any) -> Any:
    return x / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)))


def _cbrt(x: Any) -> Any:
    return mp.sign(x) * mp.cbrt(abs(x))


def _nearest(index: Any, count: int) -> int:
    return int(min(max(mp.floor(index + mpf(0.5)), 0), count - 1))


FORMULAS: dict[str, Formula] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "pow": lambda x, y: mp.exp(y * mp.log(x)),
    "floor_divide": lambda x, y: mp.floor(x / y),
    "remainder": lambda x, y: x - y * mp.floor(x / y),
    "neg": lambda x: -x,
    "abs": lambda x: abs(x),
    "sign": lambda x: mp.sign(x),
    "exp": lambda x: mp.exp(x),
    "exp2": lambda x: mp.power(2, x),
    "expm1": lambda x: mp.expm1(x),
    "log": lambda x: mp.log(x),
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": lambda x: mp.log(x) / mp.log(10),
    "log1p": lambda x: mp.log1p(x),
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "logit": lambda x: mp.log(x / (1 - x)),
    "sqrt": lambda x: mp.sqrt(x),
    "cbrt": _cbrt,
    "sin": lambda x: mp.sin(x),
    "cos": lambda x: mp.cos(x),
    "tan": lambda x: mp.tan(x),
    "asin": lambda x: mp.asin(x),
    "acos": lambda x: mp.acos(x),
    "atan": lambda x: mp.atan(x),
    "sinh": lambda x: mp.sinh(x),
    "cosh": lambda x: mp.cosh(x),
    "tanh": lambda x: mp.tanh(x),
    "asinh": lambda x: mp.asinh(x),
    "acosh": lambda x: mp.acosh(x),
    "atanh": lambda x: mp.atanh(x),
    "atan2": lambda y, x: mp.atan2(y, x),
    "hypot": lambda x, y: mp.sqrt(x * x + y * y),
    "erf": lambda x: mp.erf(x),
    "erfc": lambda x: mp.erfc(x),
    "maximum": lambda x, y: max(x, y),
    "minimum": lambda x, y: min(x, y),
    "clamp": _clamp,
    "where": lambda condition, x, y: x if condition else y,
    "floor": lambda x: mp.floor(x),
    "round": lambda x: mp.nint(x),
    "step": lambda x: mpf(x > 0),
    "lt": lambda x, y: mpf(x < y),
    "le": lambda x, y: mpf(x <= y),
    "_indeterminate": lambda x, y: mpf(x == 0 and not mp.isfinite(y)),
    "relu": lambda x: max(x, mpf(0)),
    "relu6": lambda x: _clamp(x, mpf(0), mpf(6)),
    "leaky_relu": _leaky,
    "prelu": _leaky,
    "rrelu": lambda x, lower, upper: _leaky(x, (lower + upper) / 2),
    "elu": lambda x, alpha: x if x > 0 else alpha * (mp.exp(x) - 1),
    "selu": lambda x: _SCALE * (x if x > 0 else _ALPHA * (mp.exp(x) - 1)),
    "celu": lambda x, alpha: x if x > 0 else alpha * (mp.exp(x / alpha) - 1),
    "gelu": lambda x: x * mp.ncdf(x),
    "gelu_tanh": _gelu_tanh,
    "sigmoid": _sigmoid,
    "logsigmoid": lambda x: mp.log(_sigmoid(x)),
    "softplus": _softplus,
    "silu": lambda x: x * _sigmoid(x),
    "mish": lambda x: x * mp.tanh(_softplus(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "hardsigmoid": lambda x: _clamp((x + 3) / 6, mpf(0), mpf(1)),
    "hardswish": lambda x: x * _clamp(x + 3, mpf(0), mpf(6)) / 6,
    "softshrink": lambda x, threshold: x - _clamp(x, -threshold, threshold),
    "hardtanh": _clamp,
    "sum": lambda *items: mp.fsum(items),
    "mean": lambda *items: mp.fsum(items) / len(items),
    "prod": lambda *items: mp.fprod(items),
    "dot": lambda *items: mp.fsum(
        x * y for x, y in zip(items[: len(items) // 2], items[len(items) // 2 :], strict=True)
    ),
    "max": lambda *items: max(items),
    "min": lambda *items: min(items),
    "norm": lambda *items: mp.sqrt(mp.fsum(x * x for x in items)),
    "logsumexp": lambda *items: mp.log(mp.fsum(mp.exp(x) for x in items)),
    "take": lambda index, *items: items[_nearest(index, len(items))],
    "stop_gradient": lambda x: x,
}
"""For each name in the table: the same function of mpmath numbers, every operand given."""


def value(name: str, point: tuple[float, ...]) -> Any:
    """The operation at a point of floats, to 50 digits."""
    return FORMULAS[name](*map(mpf, point))


def derivative(name: str, point: tuple[float, ...], *positions: int) -> Any:
    """The partial derivative by the operands at these positions, one per order, to 40 digits."""
    if name == "stop_gradient":
        return mpf(0)  # that is what it is for
    orders = tuple(positions.count(i) for i in range(len(point)))
    return mp.diff(FORMULAS[name], tuple(map(mpf, point)), orders)
