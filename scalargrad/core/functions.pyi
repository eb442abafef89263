"""The operations as functions: with a Value among the operands a Value, else a float.

Written by `python -m scalargrad.core.stubs`.
"""

from collections.abc import Callable, Iterable
from typing import Any, overload

import numpy

from .lookup import take as take
from .ops import Op
from .value import Number, Value

__all__ = [
    "abs",
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "celu",
    "clamp",
    "cos",
    "cosh",
    "cumsum",
    "div",
    "dot",
    "elu",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "floor_divide",
    "gelu",
    "gelu_tanh",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hypot",
    "le",
    "leaky_relu",
    "log",
    "log10",
    "log1p",
    "log2",
    "log_softmax",
    "logaddexp",
    "logit",
    "logsigmoid",
    "logsumexp",
    "lt",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mish",
    "mul",
    "neg",
    "norm",
    "pow",
    "prelu",
    "prod",
    "relu",
    "relu6",
    "remainder",
    "round",
    "rrelu",
    "selu",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "softshrink",
    "softsign",
    "sqrt",
    "std",
    "step",
    "stop_gradient",
    "sub",
    "sum",
    "take",
    "tan",
    "tanh",
    "var",
    "where",
]

Real = float | numpy.floating[Any] | numpy.integer[Any]
FUNCTIONS: dict[str, Callable[..., Any]]

def over_operands(op: Op) -> Callable[..., Any]: ...
def subtract_max(numbers: Iterable[Number]) -> list[Any]: ...

@overload
def add(x: Value, y: Number) -> Value:
    """x + y; derivatives 1 and 1."""

@overload
def add(x: Number, y: Value) -> Value:
    """x + y; derivatives 1 and 1."""

@overload
def add(x: Real, y: Real) -> float:
    """x + y; derivatives 1 and 1."""

@overload
def sub(x: Value, y: Number) -> Value:
    """x - y; derivatives 1 and -1."""

@overload
def sub(x: Number, y: Value) -> Value:
    """x - y; derivatives 1 and -1."""

@overload
def sub(x: Real, y: Real) -> float:
    """x - y; derivatives 1 and -1."""

@overload
def mul(x: Value, y: Number) -> Value:
    """x * y; derivatives y and x."""

@overload
def mul(x: Number, y: Value) -> Value:
    """x * y; derivatives y and x."""

@overload
def mul(x: Real, y: Real) -> float:
    """x * y; derivatives y and x."""

@overload
def div(x: Value, y: Number) -> Value:
    """x / y; derivatives 1/y and -o/y."""

@overload
def div(x: Number, y: Value) -> Value:
    """x / y; derivatives 1/y and -o/y."""

@overload
def div(x: Real, y: Real) -> float:
    """x / y; derivatives 1/y and -o/y."""

@overload
def pow(x: Value, y: Number) -> Value:
    """x ** y; derivatives y*x^(y-1), 0 at y = 0, and o*log(x), 0 at x = 0 with y ≥ 0."""

@overload
def pow(x: Number, y: Value) -> Value:
    """x ** y; derivatives y*x^(y-1), 0 at y = 0, and o*log(x), 0 at x = 0 with y ≥ 0."""

@overload
def pow(x: Real, y: Real) -> float:
    """x ** y; derivatives y*x^(y-1), 0 at y = 0, and o*log(x), 0 at x = 0 with y ≥ 0."""

@overload
def floor_divide(x: Value, y: Number) -> Value:
    """x // y, the largest whole number not above the exact quotient; derivatives 0 and 0."""

@overload
def floor_divide(x: Number, y: Value) -> Value:
    """x // y, the largest whole number not above the exact quotient; derivatives 0 and 0."""

@overload
def floor_divide(x: Real, y: Real) -> float:
    """x // y, the largest whole number not above the exact quotient; derivatives 0 and 0."""

@overload
def remainder(x: Value, y: Number) -> Value:
    """x % y, with the sign of y; derivatives 1 and -(x // y)."""

@overload
def remainder(x: Number, y: Value) -> Value:
    """x % y, with the sign of y; derivatives 1 and -(x // y)."""

@overload
def remainder(x: Real, y: Real) -> float:
    """x % y, with the sign of y; derivatives 1 and -(x // y)."""

@overload
def neg(x: Value) -> Value:
    """-x; derivative -1."""

@overload
def neg(x: Real) -> float:
    """-x; derivative -1."""

@overload
def abs(x: Value) -> Value:
    """Absolute value; derivative sign(x), 0 at 0."""

@overload
def abs(x: Real) -> float:
    """Absolute value; derivative sign(x), 0 at 0."""

@overload
def sign(x: Value) -> Value:
    """-1, 0 or 1; derivative 0."""

@overload
def sign(x: Real) -> float:
    """-1, 0 or 1; derivative 0."""

@overload
def exp(x: Value) -> Value:
    """e to the power of x; derivative o."""

@overload
def exp(x: Real) -> float:
    """e to the power of x; derivative o."""

@overload
def exp2(x: Value) -> Value:
    """2 to the power of x; derivative log(2)*o."""

@overload
def exp2(x: Real) -> float:
    """2 to the power of x; derivative log(2)*o."""

@overload
def expm1(x: Value) -> Value:
    """exp(x) - 1, exact near 0; derivative exp(x)."""

@overload
def expm1(x: Real) -> float:
    """exp(x) - 1, exact near 0; derivative exp(x)."""

@overload
def log(x: Value) -> Value:
    """Natural logarithm; derivative 1/x."""

@overload
def log(x: Real) -> float:
    """Natural logarithm; derivative 1/x."""

@overload
def log2(x: Value) -> Value:
    """Logarithm to base 2; derivative 1/(log(2)*x)."""

@overload
def log2(x: Real) -> float:
    """Logarithm to base 2; derivative 1/(log(2)*x)."""

@overload
def log10(x: Value) -> Value:
    """Logarithm to base 10; derivative 1/(log(10)*x)."""

@overload
def log10(x: Real) -> float:
    """Logarithm to base 10; derivative 1/(log(10)*x)."""

@overload
def log1p(x: Value) -> Value:
    """log(1 + x), exact near 0; derivative 1/(1 + x)."""

@overload
def log1p(x: Real) -> float:
    """log(1 + x), exact near 0; derivative 1/(1 + x)."""

@overload
def logaddexp(x: Value, y: Number) -> Value:
    """log(exp(x) + exp(y)) without overflow; derivatives sigmoid(x - y) and sigmoid(y - x)."""

@overload
def logaddexp(x: Number, y: Value) -> Value:
    """log(exp(x) + exp(y)) without overflow; derivatives sigmoid(x - y) and sigmoid(y - x)."""

@overload
def logaddexp(x: Real, y: Real) -> float:
    """log(exp(x) + exp(y)) without overflow; derivatives sigmoid(x - y) and sigmoid(y - x)."""

@overload
def logit(x: Value) -> Value:
    """log(x/(1 - x)), the inverse of sigmoid; derivative 1/x + 1/(1 - x)."""

@overload
def logit(x: Real) -> float:
    """log(x/(1 - x)), the inverse of sigmoid; derivative 1/x + 1/(1 - x)."""

@overload
def sqrt(x: Value) -> Value:
    """Square root; derivative 1/(2*o)."""

@overload
def sqrt(x: Real) -> float:
    """Square root; derivative 1/(2*o)."""

@overload
def cbrt(x: Value) -> Value:
    """Cube root; derivative 1/(3*o²)."""

@overload
def cbrt(x: Real) -> float:
    """Cube root; derivative 1/(3*o²)."""

@overload
def sin(x: Value) -> Value:
    """Sine of radians; derivative cos(x)."""

@overload
def sin(x: Real) -> float:
    """Sine of radians; derivative cos(x)."""

@overload
def cos(x: Value) -> Value:
    """Cosine of radians; derivative -sin(x)."""

@overload
def cos(x: Real) -> float:
    """Cosine of radians; derivative -sin(x)."""

@overload
def tan(x: Value) -> Value:
    """Tangent of radians; derivative 1 + o²."""

@overload
def tan(x: Real) -> float:
    """Tangent of radians; derivative 1 + o²."""

@overload
def asin(x: Value) -> Value:
    """Inverse sine; derivative 1/√(1 - x²)."""

@overload
def asin(x: Real) -> float:
    """Inverse sine; derivative 1/√(1 - x²)."""

@overload
def acos(x: Value) -> Value:
    """Inverse cosine; derivative -1/√(1 - x²)."""

@overload
def acos(x: Real) -> float:
    """Inverse cosine; derivative -1/√(1 - x²)."""

@overload
def atan(x: Value) -> Value:
    """Inverse tangent; derivative 1/(1 + x²)."""

@overload
def atan(x: Real) -> float:
    """Inverse tangent; derivative 1/(1 + x²)."""

@overload
def sinh(x: Value) -> Value:
    """Hyperbolic sine; derivative cosh(x)."""

@overload
def sinh(x: Real) -> float:
    """Hyperbolic sine; derivative cosh(x)."""

@overload
def cosh(x: Value) -> Value:
    """Hyperbolic cosine; derivative sinh(x)."""

@overload
def cosh(x: Real) -> float:
    """Hyperbolic cosine; derivative sinh(x)."""

@overload
def tanh(x: Value) -> Value:
    """Hyperbolic tangent; derivative 1 - o²."""

@overload
def tanh(x: Real) -> float:
    """Hyperbolic tangent; derivative 1 - o²."""

@overload
def asinh(x: Value) -> Value:
    """Inverse hyperbolic sine; derivative 1/√(x² + 1)."""

@overload
def asinh(x: Real) -> float:
    """Inverse hyperbolic sine; derivative 1/√(x² + 1)."""

@overload
def acosh(x: Value) -> Value:
    """Inverse hyperbolic cosine; derivative 1/√(x² - 1)."""

@overload
def acosh(x: Real) -> float:
    """Inverse hyperbolic cosine; derivative 1/√(x² - 1)."""

@overload
def atanh(x: Value) -> Value:
    """Inverse hyperbolic tangent; derivative 1/(1 - x²)."""

@overload
def atanh(x: Real) -> float:
    """Inverse hyperbolic tangent; derivative 1/(1 - x²)."""

@overload
def atan2(y: Value, x: Number) -> Value:
    """Angle of the point (y, x); derivatives x/(x² + y²) and -y/(x² + y²), 0 at the origin."""

@overload
def atan2(y: Number, x: Value) -> Value:
    """Angle of the point (y, x); derivatives x/(x² + y²) and -y/(x² + y²), 0 at the origin."""

@overload
def atan2(y: Real, x: Real) -> float:
    """Angle of the point (y, x); derivatives x/(x² + y²) and -y/(x² + y²), 0 at the origin."""

@overload
def hypot(x: Value, y: Number) -> Value:
    """√(x² + y²) without overflow; derivatives x/o and y/o, 0 at the origin."""

@overload
def hypot(x: Number, y: Value) -> Value:
    """√(x² + y²) without overflow; derivatives x/o and y/o, 0 at the origin."""

@overload
def hypot(x: Real, y: Real) -> float:
    """√(x² + y²) without overflow; derivatives x/o and y/o, 0 at the origin."""

@overload
def erf(x: Value) -> Value:
    """Error function; derivative 2/√π * exp(-x²)."""

@overload
def erf(x: Real) -> float:
    """Error function; derivative 2/√π * exp(-x²)."""

@overload
def erfc(x: Value) -> Value:
    """1 - erf(x), exact for large x; derivative -2/√π * exp(-x²)."""

@overload
def erfc(x: Real) -> float:
    """1 - erf(x), exact for large x; derivative -2/√π * exp(-x²)."""

@overload
def maximum(x: Value, y: Number) -> Value:
    """The larger of two, nan if either is; derivative 1 for it, 0 for the other, ½ each if equal."""

@overload
def maximum(x: Number, y: Value) -> Value:
    """The larger of two, nan if either is; derivative 1 for it, 0 for the other, ½ each if equal."""

@overload
def maximum(x: Real, y: Real) -> float:
    """The larger of two, nan if either is; derivative 1 for it, 0 for the other, ½ each if equal."""

@overload
def minimum(x: Value, y: Number) -> Value:
    """The smaller of two, nan if either is; derivative 1 for it, 0 for the other, ½ each if equal."""

@overload
def minimum(x: Number, y: Value) -> Value:
    """The smaller of two, nan if either is; derivative 1 for it, 0 for the other, ½ each if equal."""

@overload
def minimum(x: Real, y: Real) -> float:
    """The smaller of two, nan if either is; derivative 1 for it, 0 for the other, ½ each if equal."""

@overload
def clamp(x: Value, low: Number = ..., high: Number = ...) -> Value:
    """x kept between two bounds; derivative 1 inside and on the bounds, 0 outside."""

@overload
def clamp(x: Number, low: Value, high: Number = ...) -> Value:
    """x kept between two bounds; derivative 1 inside and on the bounds, 0 outside."""

@overload
def clamp(x: Number, low: Number, high: Value) -> Value:
    """x kept between two bounds; derivative 1 inside and on the bounds, 0 outside."""

@overload
def clamp(x: Real, low: Real = ..., high: Real = ...) -> float:
    """x kept between two bounds; derivative 1 inside and on the bounds, 0 outside."""

@overload
def where(condition: Value, x: Number, y: Number) -> Value:
    """x where the condition holds, else y; the operand not taken receives exactly 0."""

@overload
def where(condition: Number, x: Value, y: Number) -> Value:
    """x where the condition holds, else y; the operand not taken receives exactly 0."""

@overload
def where(condition: Number, x: Number, y: Value) -> Value:
    """x where the condition holds, else y; the operand not taken receives exactly 0."""

@overload
def where(condition: Real, x: Real, y: Real) -> float:
    """x where the condition holds, else y; the operand not taken receives exactly 0."""

@overload
def floor(x: Value) -> Value:
    """The largest whole number not above x; derivative 0."""

@overload
def floor(x: Real) -> float:
    """The largest whole number not above x; derivative 0."""

@overload
def round(x: Value) -> Value:
    """The nearest whole number, halves to the even one; derivative 0."""

@overload
def round(x: Real) -> float:
    """The nearest whole number, halves to the even one; derivative 0."""

@overload
def step(x: Value) -> Value:
    """1 above 0, else 0; derivative 0."""

@overload
def step(x: Real) -> float:
    """1 above 0, else 0; derivative 0."""

@overload
def lt(x: Value, y: Number) -> Value:
    """1 where x < y, else 0, as for nan; derivatives 0 and 0."""

@overload
def lt(x: Number, y: Value) -> Value:
    """1 where x < y, else 0, as for nan; derivatives 0 and 0."""

@overload
def lt(x: Real, y: Real) -> float:
    """1 where x < y, else 0, as for nan; derivatives 0 and 0."""

@overload
def le(x: Value, y: Number) -> Value:
    """1 where x ≤ y, else 0, as for nan; derivatives 0 and 0."""

@overload
def le(x: Number, y: Value) -> Value:
    """1 where x ≤ y, else 0, as for nan; derivatives 0 and 0."""

@overload
def le(x: Real, y: Real) -> float:
    """1 where x ≤ y, else 0, as for nan; derivatives 0 and 0."""

@overload
def relu(x: Value) -> Value:
    """max(x, 0); derivative 1 above 0, else 0."""

@overload
def relu(x: Real) -> float:
    """max(x, 0); derivative 1 above 0, else 0."""

@overload
def relu6(x: Value) -> Value:
    """x kept between 0 and 6; derivative 1 strictly inside, else 0."""

@overload
def relu6(x: Real) -> float:
    """x kept between 0 and 6; derivative 1 strictly inside, else 0."""

@overload
def leaky_relu(x: Value, slope: Number = ...) -> Value:
    """x above 0, else slope*x; derivatives 1 or slope, and 0 or x."""

@overload
def leaky_relu(x: Number, slope: Value) -> Value:
    """x above 0, else slope*x; derivatives 1 or slope, and 0 or x."""

@overload
def leaky_relu(x: Real, slope: Real = ...) -> float:
    """x above 0, else slope*x; derivatives 1 or slope, and 0 or x."""

@overload
def prelu(x: Value, slope: Number) -> Value:
    """Leaky ReLU with a slope that is learned; derivatives 1 or slope, and 0 or x."""

@overload
def prelu(x: Number, slope: Value) -> Value:
    """Leaky ReLU with a slope that is learned; derivatives 1 or slope, and 0 or x."""

@overload
def prelu(x: Real, slope: Real) -> float:
    """Leaky ReLU with a slope that is learned; derivatives 1 or slope, and 0 or x."""

@overload
def rrelu(x: Value, lower: Number = ..., upper: Number = ...) -> Value:
    """Leaky ReLU of slope (lower + upper)/2, as in evaluation; derivative 1 or that slope."""

@overload
def rrelu(x: Number, lower: Value, upper: Number = ...) -> Value:
    """Leaky ReLU of slope (lower + upper)/2, as in evaluation; derivative 1 or that slope."""

@overload
def rrelu(x: Number, lower: Number, upper: Value) -> Value:
    """Leaky ReLU of slope (lower + upper)/2, as in evaluation; derivative 1 or that slope."""

@overload
def rrelu(x: Real, lower: Real = ..., upper: Real = ...) -> float:
    """Leaky ReLU of slope (lower + upper)/2, as in evaluation; derivative 1 or that slope."""

@overload
def elu(x: Value, alpha: Number = ...) -> Value:
    """x above 0, else alpha*(exp(x) - 1); derivatives 1 or alpha*exp(x), and 0 or exp(x) - 1."""

@overload
def elu(x: Number, alpha: Value) -> Value:
    """x above 0, else alpha*(exp(x) - 1); derivatives 1 or alpha*exp(x), and 0 or exp(x) - 1."""

@overload
def elu(x: Real, alpha: Real = ...) -> float:
    """x above 0, else alpha*(exp(x) - 1); derivatives 1 or alpha*exp(x), and 0 or exp(x) - 1."""

@overload
def selu(x: Value) -> Value:
    """Scaled ELU of self-normalizing networks; derivative scale, or scale*alpha*exp(x) up to 0."""

@overload
def selu(x: Real) -> float:
    """Scaled ELU of self-normalizing networks; derivative scale, or scale*alpha*exp(x) up to 0."""

@overload
def celu(x: Value, alpha: Number = ...) -> Value:
    """x above 0, else alpha*(exp(x/alpha) - 1); derivative 1 above 0, else exp(x/alpha)."""

@overload
def celu(x: Number, alpha: Value) -> Value:
    """x above 0, else alpha*(exp(x/alpha) - 1); derivative 1 above 0, else exp(x/alpha)."""

@overload
def celu(x: Real, alpha: Real = ...) -> float:
    """x above 0, else alpha*(exp(x/alpha) - 1); derivative 1 above 0, else exp(x/alpha)."""

@overload
def gelu(x: Value) -> Value:
    """x*Φ(x), Φ the normal distribution; derivative Φ(x) + x*φ(x)."""

@overload
def gelu(x: Real) -> float:
    """x*Φ(x), Φ the normal distribution; derivative Φ(x) + x*φ(x)."""

@overload
def gelu_tanh(x: Value) -> Value:
    """½x*(1 + tanh(u)), u = √(2/π)*(x + 0.044715x³); derivative s + 2o*(1 - s)*u', s = sigmoid(2u)."""

@overload
def gelu_tanh(x: Real) -> float:
    """½x*(1 + tanh(u)), u = √(2/π)*(x + 0.044715x³); derivative s + 2o*(1 - s)*u', s = sigmoid(2u)."""

@overload
def sigmoid(x: Value) -> Value:
    """1/(1 + exp(-x)); derivative o*(1 - o)."""

@overload
def sigmoid(x: Real) -> float:
    """1/(1 + exp(-x)); derivative o*(1 - o)."""

@overload
def logsigmoid(x: Value) -> Value:
    """log(sigmoid(x)) without overflow; derivative sigmoid(-x)."""

@overload
def logsigmoid(x: Real) -> float:
    """log(sigmoid(x)) without overflow; derivative sigmoid(-x)."""

@overload
def softplus(x: Value) -> Value:
    """log(1 + exp(x)) without overflow; derivative sigmoid(x)."""

@overload
def softplus(x: Real) -> float:
    """log(1 + exp(x)) without overflow; derivative sigmoid(x)."""

@overload
def silu(x: Value) -> Value:
    """x*sigmoid(x), also called swish; derivative s*(1 + x*(1 - s)), s = sigmoid(x)."""

@overload
def silu(x: Real) -> float:
    """x*sigmoid(x), also called swish; derivative s*(1 + x*(1 - s)), s = sigmoid(x)."""

@overload
def mish(x: Value) -> Value:
    """x*t, t = tanh(softplus(x)); derivative t + x*sigmoid(x)*(1 - t²)."""

@overload
def mish(x: Real) -> float:
    """x*t, t = tanh(softplus(x)); derivative t + x*sigmoid(x)*(1 - t²)."""

@overload
def softsign(x: Value) -> Value:
    """x/(1 + |x|); derivative 1/(1 + |x|)²."""

@overload
def softsign(x: Real) -> float:
    """x/(1 + |x|); derivative 1/(1 + |x|)²."""

@overload
def hardsigmoid(x: Value) -> Value:
    """x/6 + ½ kept between 0 and 1; derivative 1/6 strictly inside, else 0."""

@overload
def hardsigmoid(x: Real) -> float:
    """x/6 + ½ kept between 0 and 1; derivative 1/6 strictly inside, else 0."""

@overload
def hardswish(x: Value) -> Value:
    """x*hardsigmoid(x); derivative x/3 + ½ between -3 and 3, 0 from there down, 1 from there up."""

@overload
def hardswish(x: Real) -> float:
    """x*hardsigmoid(x); derivative x/3 + ½ between -3 and 3, 0 from there down, 1 from there up."""

@overload
def softshrink(x: Value, threshold: Number = ...) -> Value:
    """x brought nearer to 0 by a threshold; derivatives 1 and -sign(x) beyond it, else 0 and 0."""

@overload
def softshrink(x: Number, threshold: Value) -> Value:
    """x brought nearer to 0 by a threshold; derivatives 1 and -sign(x) beyond it, else 0 and 0."""

@overload
def softshrink(x: Real, threshold: Real = ...) -> float:
    """x brought nearer to 0 by a threshold; derivatives 1 and -sign(x) beyond it, else 0 and 0."""

@overload
def hardtanh(x: Value, low: Number = ..., high: Number = ...) -> Value:
    """x kept between two bounds; derivative 1 strictly inside, else 0."""

@overload
def hardtanh(x: Number, low: Value, high: Number = ...) -> Value:
    """x kept between two bounds; derivative 1 strictly inside, else 0."""

@overload
def hardtanh(x: Number, low: Number, high: Value) -> Value:
    """x kept between two bounds; derivative 1 strictly inside, else 0."""

@overload
def hardtanh(x: Real, low: Real = ..., high: Real = ...) -> float:
    """x kept between two bounds; derivative 1 strictly inside, else 0."""

@overload
def sum(items: Iterable[Value]) -> Value:
    """The sum of a list; derivative 1 for each item."""

@overload
def sum(items: Iterable[Real]) -> float:
    """The sum of a list; derivative 1 for each item."""

@overload
def sum(items: Iterable[Number]) -> Any:
    """The sum of a list; derivative 1 for each item."""

@overload
def mean(items: Iterable[Value]) -> Value:
    """The mean of a list; derivative 1/n for each item."""

@overload
def mean(items: Iterable[Real]) -> float:
    """The mean of a list; derivative 1/n for each item."""

@overload
def mean(items: Iterable[Number]) -> Any:
    """The mean of a list; derivative 1/n for each item."""

@overload
def prod(items: Iterable[Value]) -> Value:
    """The product of a list; derivative for an item: the product of the others."""

@overload
def prod(items: Iterable[Real]) -> float:
    """The product of a list; derivative for an item: the product of the others."""

@overload
def prod(items: Iterable[Number]) -> Any:
    """The product of a list; derivative for an item: the product of the others."""

@overload
def dot(x: Iterable[Value], y: Iterable[Number]) -> Value:
    """x0*y0 + x1*y1 + … of a list x0, x1, …, y0, y1, …; derivative for an item: its partner."""

@overload
def dot(x: Iterable[Number], y: Iterable[Value]) -> Value:
    """x0*y0 + x1*y1 + … of a list x0, x1, …, y0, y1, …; derivative for an item: its partner."""

@overload
def dot(x: Iterable[Real], y: Iterable[Real]) -> float:
    """x0*y0 + x1*y1 + … of a list x0, x1, …, y0, y1, …; derivative for an item: its partner."""

@overload
def dot(x: Iterable[Number], y: Iterable[Number]) -> Any:
    """x0*y0 + x1*y1 + … of a list x0, x1, …, y0, y1, …; derivative for an item: its partner."""

@overload
def max(items: Iterable[Value]) -> Value:
    """The largest of a list, nan if one is; derivative 1 for it, shared if several are, else 0."""

@overload
def max(items: Iterable[Real]) -> float:
    """The largest of a list, nan if one is; derivative 1 for it, shared if several are, else 0."""

@overload
def max(items: Iterable[Number]) -> Any:
    """The largest of a list, nan if one is; derivative 1 for it, shared if several are, else 0."""

@overload
def min(items: Iterable[Value]) -> Value:
    """The smallest of a list, nan if one is; derivative 1 for it, shared if several are, else 0."""

@overload
def min(items: Iterable[Real]) -> float:
    """The smallest of a list, nan if one is; derivative 1 for it, shared if several are, else 0."""

@overload
def min(items: Iterable[Number]) -> Any:
    """The smallest of a list, nan if one is; derivative 1 for it, shared if several are, else 0."""

@overload
def norm(items: Iterable[Value]) -> Value:
    """√(x0² + x1² + …) without overflow; derivative x/o for each item, 0 at the origin."""

@overload
def norm(items: Iterable[Real]) -> float:
    """√(x0² + x1² + …) without overflow; derivative x/o for each item, 0 at the origin."""

@overload
def norm(items: Iterable[Number]) -> Any:
    """√(x0² + x1² + …) without overflow; derivative x/o for each item, 0 at the origin."""

@overload
def logsumexp(items: Iterable[Value]) -> Value:
    """log(exp(x0) + exp(x1) + …) without overflow; derivative exp(x)/Σ exp(xi), the softmax."""

@overload
def logsumexp(items: Iterable[Real]) -> float:
    """log(exp(x0) + exp(x1) + …) without overflow; derivative exp(x)/Σ exp(xi), the softmax."""

@overload
def logsumexp(items: Iterable[Number]) -> Any:
    """log(exp(x0) + exp(x1) + …) without overflow; derivative exp(x)/Σ exp(xi), the softmax."""

@overload
def stop_gradient(x: Value) -> Value:
    """x itself, as a constant; derivative 0, to every order."""

@overload
def stop_gradient(x: Real) -> float:
    """x itself, as a constant; derivative 0, to every order."""

@overload
def cumsum(items: Iterable[Value]) -> list[Value]:
    """Compute the cumulative sums of a list: x0, x0 + x1, x0 + x1 + x2, …"""

@overload
def cumsum(items: Iterable[Real]) -> list[float]:
    """Compute the cumulative sums of a list: x0, x0 + x1, x0 + x1 + x2, …"""

@overload
def cumsum(items: Iterable[Number]) -> list[Any]:
    """Compute the cumulative sums of a list: x0, x0 + x1, x0 + x1 + x2, …"""

@overload
def log_softmax(items: Iterable[Value]) -> list[Value]:
    """Compute x - logsumexp(items) for each item: the logarithm of `softmax`, exact for any size."""

@overload
def log_softmax(items: Iterable[Real]) -> list[float]:
    """Compute x - logsumexp(items) for each item: the logarithm of `softmax`, exact for any size."""

@overload
def log_softmax(items: Iterable[Number]) -> list[Any]:
    """Compute x - logsumexp(items) for each item: the logarithm of `softmax`, exact for any size."""

@overload
def softmax(items: Iterable[Value]) -> list[Value]:
    """Compute exp(x) / (exp(x0) + exp(x1) + …) for each item: positive numbers that add up to 1."""

@overload
def softmax(items: Iterable[Real]) -> list[float]:
    """Compute exp(x) / (exp(x0) + exp(x1) + …) for each item: positive numbers that add up to 1."""

@overload
def softmax(items: Iterable[Number]) -> list[Any]:
    """Compute exp(x) / (exp(x0) + exp(x1) + …) for each item: positive numbers that add up to 1."""

@overload
def std(items: Iterable[Value], ddof: Real = ...) -> Value:
    """Compute the standard deviation of a list, the square root of `var`."""

@overload
def std(items: Iterable[Real], ddof: Real = ...) -> float:
    """Compute the standard deviation of a list, the square root of `var`."""

@overload
def std(items: Iterable[Number], ddof: Real = ...) -> Any:
    """Compute the standard deviation of a list, the square root of `var`."""

@overload
def var(items: Iterable[Value], ddof: Real = ...) -> Value:
    """Compute the variance of a list: the mean squared distance from the mean."""

@overload
def var(items: Iterable[Real], ddof: Real = ...) -> float:
    """Compute the variance of a list: the mean squared distance from the mean."""

@overload
def var(items: Iterable[Number], ddof: Real = ...) -> Any:
    """Compute the variance of a list: the mean squared distance from the mean."""
