"""The operations as methods of Value.

Written by `python -m scalargrad.core.stubs`.
"""

from typing import overload

from .value import Number, Value

class Operations:
    """The base class of Value that has a method for each operation, and Python's operators."""

    def __pos__(self) -> Value: ...
    def __abs__(self) -> Value: ...
    def __floor__(self) -> Value: ...
    def __ceil__(self) -> Value: ...
    @overload
    def __round__(self) -> Value: ...
    @overload
    def __round__(self, digits: int) -> float: ...
    def __divmod__(self, other: Number) -> tuple[Value, Value]: ...
    def __rdivmod__(self, other: Number) -> tuple[Value, Value]: ...
    def __add__(self, other: Number) -> Value: ...
    def __radd__(self, other: Number) -> Value: ...
    def __sub__(self, other: Number) -> Value: ...
    def __rsub__(self, other: Number) -> Value: ...
    def __mul__(self, other: Number) -> Value: ...
    def __rmul__(self, other: Number) -> Value: ...
    def __truediv__(self, other: Number) -> Value: ...
    def __rtruediv__(self, other: Number) -> Value: ...
    def __pow__(self, other: Number) -> Value: ...
    def __rpow__(self, other: Number) -> Value: ...
    def __mod__(self, other: Number) -> Value: ...
    def __rmod__(self, other: Number) -> Value: ...
    def __floordiv__(self, other: Number) -> Value: ...
    def __rfloordiv__(self, other: Number) -> Value: ...

    def add(self, y: Number) -> Value:
        """x + y; derivatives 1 and 1."""

    def sub(self, y: Number) -> Value:
        """x - y; derivatives 1 and -1."""

    def mul(self, y: Number) -> Value:
        """x * y; derivatives y and x."""

    def div(self, y: Number) -> Value:
        """x / y; derivatives 1/y and -o/y."""

    def pow(self, y: Number) -> Value:
        """x ** y; derivatives y*x^(y-1), 0 at y = 0, and o*log(x), 0 at x = 0 with y ≥ 0."""

    def floor_divide(self, y: Number) -> Value:
        """x // y, the largest whole number not above the exact quotient; derivatives 0 and 0."""

    def remainder(self, y: Number) -> Value:
        """x % y, with the sign of y; derivatives 1 and -(x // y)."""

    def neg(self) -> Value:
        """-x; derivative -1."""

    def abs(self) -> Value:
        """Absolute value; derivative sign(x), 0 at 0."""

    def sign(self) -> Value:
        """-1, 0 or 1; derivative 0."""

    def exp(self) -> Value:
        """e to the power of x; derivative o."""

    def exp2(self) -> Value:
        """2 to the power of x; derivative log(2)*o."""

    def expm1(self) -> Value:
        """exp(x) - 1, exact near 0; derivative exp(x)."""

    def log(self) -> Value:
        """Natural logarithm; derivative 1/x."""

    def log2(self) -> Value:
        """Logarithm to base 2; derivative 1/(log(2)*x)."""

    def log10(self) -> Value:
        """Logarithm to base 10; derivative 1/(log(10)*x)."""

    def log1p(self) -> Value:
        """log(1 + x), exact near 0; derivative 1/(1 + x)."""

    def logaddexp(self, y: Number) -> Value:
        """log(exp(x) + exp(y)) without overflow; derivatives sigmoid(x - y) and sigmoid(y - x)."""

    def logit(self) -> Value:
        """log(x/(1 - x)), the inverse of sigmoid; derivative 1/x + 1/(1 - x)."""

    def sqrt(self) -> Value:
        """Square root; derivative 1/(2*o)."""

    def cbrt(self) -> Value:
        """Cube root; derivative 1/(3*o²)."""

    def sin(self) -> Value:
        """Sine of radians; derivative cos(x)."""

    def cos(self) -> Value:
        """Cosine of radians; derivative -sin(x)."""

    def tan(self) -> Value:
        """Tangent of radians; derivative 1 + o²."""

    def asin(self) -> Value:
        """Inverse sine; derivative 1/√(1 - x²)."""

    def arcsin(self) -> Value:
        """Inverse sine; derivative 1/√(1 - x²)."""

    def acos(self) -> Value:
        """Inverse cosine; derivative -1/√(1 - x²)."""

    def arccos(self) -> Value:
        """Inverse cosine; derivative -1/√(1 - x²)."""

    def atan(self) -> Value:
        """Inverse tangent; derivative 1/(1 + x²)."""

    def arctan(self) -> Value:
        """Inverse tangent; derivative 1/(1 + x²)."""

    def sinh(self) -> Value:
        """Hyperbolic sine; derivative cosh(x)."""

    def cosh(self) -> Value:
        """Hyperbolic cosine; derivative sinh(x)."""

    def tanh(self) -> Value:
        """Hyperbolic tangent; derivative 1 - o²."""

    def asinh(self) -> Value:
        """Inverse hyperbolic sine; derivative 1/√(x² + 1)."""

    def arcsinh(self) -> Value:
        """Inverse hyperbolic sine; derivative 1/√(x² + 1)."""

    def acosh(self) -> Value:
        """Inverse hyperbolic cosine; derivative 1/√(x² - 1)."""

    def arccosh(self) -> Value:
        """Inverse hyperbolic cosine; derivative 1/√(x² - 1)."""

    def atanh(self) -> Value:
        """Inverse hyperbolic tangent; derivative 1/(1 - x²)."""

    def arctanh(self) -> Value:
        """Inverse hyperbolic tangent; derivative 1/(1 - x²)."""

    def atan2(self, x: Number) -> Value:
        """Angle of the point (y, x); derivatives x/(x² + y²) and -y/(x² + y²), 0 at the origin."""

    def arctan2(self, x: Number) -> Value:
        """Angle of the point (y, x); derivatives x/(x² + y²) and -y/(x² + y²), 0 at the origin."""

    def hypot(self, y: Number) -> Value:
        """√(x² + y²) without overflow; derivatives x/o and y/o, 0 at the origin."""

    def erf(self) -> Value:
        """Error function; derivative 2/√π * exp(-x²)."""

    def erfc(self) -> Value:
        """1 - erf(x), exact for large x; derivative -2/√π * exp(-x²)."""

    def maximum(self, y: Number) -> Value:
        """The larger of two, nan if either is; derivative 1 for it, 0 for the other, ½ each if equal."""

    def minimum(self, y: Number) -> Value:
        """The smaller of two, nan if either is; derivative 1 for it, 0 for the other, ½ each if equal."""

    def clamp(self, low: Number = ..., high: Number = ...) -> Value:
        """x kept between two bounds; derivative 1 inside and on the bounds, 0 outside."""

    def floor(self) -> Value:
        """The largest whole number not above x; derivative 0."""

    def round(self) -> Value:
        """The nearest whole number, halves to the even one; derivative 0."""

    def rint(self) -> Value:
        """The nearest whole number, halves to the even one; derivative 0."""

    def step(self) -> Value:
        """1 above 0, else 0; derivative 0."""

    def lt(self, y: Number) -> Value:
        """1 where x < y, else 0, as for nan; derivatives 0 and 0."""

    def le(self, y: Number) -> Value:
        """1 where x ≤ y, else 0, as for nan; derivatives 0 and 0."""

    def relu(self) -> Value:
        """max(x, 0); derivative 1 above 0, else 0."""

    def relu6(self) -> Value:
        """x kept between 0 and 6; derivative 1 strictly inside, else 0."""

    def leaky_relu(self, slope: Number = ...) -> Value:
        """x above 0, else slope*x; derivatives 1 or slope, and 0 or x."""

    def prelu(self, slope: Number) -> Value:
        """Leaky ReLU with a slope that is learned; derivatives 1 or slope, and 0 or x."""

    def rrelu(self, lower: Number = ..., upper: Number = ...) -> Value:
        """Leaky ReLU of slope (lower + upper)/2, as in evaluation; derivative 1 or that slope."""

    def elu(self, alpha: Number = ...) -> Value:
        """x above 0, else alpha*(exp(x) - 1); derivatives 1 or alpha*exp(x), and 0 or exp(x) - 1."""

    def selu(self) -> Value:
        """Scaled ELU of self-normalizing networks; derivative scale, or scale*alpha*exp(x) up to 0."""

    def celu(self, alpha: Number = ...) -> Value:
        """x above 0, else alpha*(exp(x/alpha) - 1); derivative 1 above 0, else exp(x/alpha)."""

    def gelu(self) -> Value:
        """x*Φ(x), Φ the normal distribution; derivative Φ(x) + x*φ(x)."""

    def gelu_tanh(self) -> Value:
        """½x*(1 + tanh(u)), u = √(2/π)*(x + 0.044715x³); derivative s + 2o*(1 - s)*u', s = sigmoid(2u)."""

    def sigmoid(self) -> Value:
        """1/(1 + exp(-x)); derivative o*(1 - o)."""

    def logsigmoid(self) -> Value:
        """log(sigmoid(x)) without overflow; derivative sigmoid(-x)."""

    def softplus(self) -> Value:
        """log(1 + exp(x)) without overflow; derivative sigmoid(x)."""

    def silu(self) -> Value:
        """x*sigmoid(x), also called swish; derivative s*(1 + x*(1 - s)), s = sigmoid(x)."""

    def mish(self) -> Value:
        """x*t, t = tanh(softplus(x)); derivative t + x*sigmoid(x)*(1 - t²)."""

    def softsign(self) -> Value:
        """x/(1 + |x|); derivative 1/(1 + |x|)²."""

    def hardsigmoid(self) -> Value:
        """x/6 + ½ kept between 0 and 1; derivative 1/6 strictly inside, else 0."""

    def hardswish(self) -> Value:
        """x*hardsigmoid(x); derivative x/3 + ½ between -3 and 3, 0 from there down, 1 from there up."""

    def softshrink(self, threshold: Number = ...) -> Value:
        """x brought nearer to 0 by a threshold; derivatives 1 and -sign(x) beyond it, else 0 and 0."""

    def hardtanh(self, low: Number = ..., high: Number = ...) -> Value:
        """x kept between two bounds; derivative 1 strictly inside, else 0."""

    def stop_gradient(self) -> Value:
        """x itself, as a constant; derivative 0, to every order."""
