"""Elementary functions of whole vectors of float64, as code of LLVM.

LLVM has instructions for sums, products and roots of vectors, and none for exp or tanh: those it
would compute number by number, by calls of libm. Here they are built from instructions that it has.
A function has no tables, and no branches except for large angles. Where numbers of one vector need
different formulas, all of them are computed and `select` takes one, so that every number costs the
same.

Results are within 2 units in the last place (ulp) of the exact ones. Zeros keep their sign, nan
gives nan, infinities and overflow give what the limit says: exp(1000.0) is inf, log(0.0) is -inf
and log(-1.0) is nan. Nothing raises, as in NumPy.

llvmlite is imported here, so this module is imported only where native code is wanted.
"""

from collections.abc import Callable, Sequence
from ctypes import CFUNCTYPE, c_int64, c_void_p
from math import factorial, inf, log, nan, pi, sqrt
from typing import Any, TypeAlias

import numpy
from llvmlite import ir

from scalargrad.core.ops import COS, ERF, EXP, EXPM1, LOG, LOG1P, SIGMOID, SIN, SOFTPLUS, TANH

from ..array_types import Array
from .emitter import compile_module

__all__ = ["VECTOR_FUNCTIONS", "compile_on_arrays", "vector_function"]

Vector: TypeAlias = Any
"""A value of LLVM: a vector of float64, of int64 or of bits. llvmlite has no types to offer."""

# ln 2 in two parts (Cody and Waite). The first ends in zeros, so that n * LN2_HIGH is exact for
# every exponent n; the second is what is left.
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
LOG2_E = 1.0 / log(2.0)

# Adding it to a number below 2**51 leaves the nearest integer in the last bits of the mantissa.
ROUNDER = 1.5 * 2.0**52

MANTISSA_BITS = 52
EXPONENT_BIAS = 1023
SMALLEST_NORMAL = 2.0**-1022

# exp(r) = 1 + r + r² * (1/2 + r/6 + …): Taylor's series, since |r| <= ln(2)/2. The first term
# that is left out is r**14 / 14!, which is below 2**-57.
EXP_SERIES = [1.0 / factorial(power) for power in range(2, 14)]

# log((1 + s)/(1 - s)) = 2s + s * (2/3 s² + 2/5 s⁴ + …), with s² <= 0.0295 as in fdlibm.
LOG_SERIES = [2.0 / (2 * term + 1) for term in range(1, 12)]

# erf(x)/x - 1 in powers of x², for |x| <= ERF_SPLIT, and erfc(x) * exp(x²) in powers of
# (x - 3)/(x + 3), from there to 6. Chebyshev fits of 12 and 17 terms in 60 digits, as
# mpmath.chebyfit makes them; they leave 4e-20 and 1.3e-18.
ERF_SPLIT = 0.8
ERF_SERIES = [
    0.1283791670955126,
    -0.3761263890318375,
    0.1128379167095499,
    -0.026866170645091635,
    0.005223977624843868,
    -0.0008548326970088456,
    0.00012055329960864425,
    -1.4925537564176553e-05,
    1.6459296345395267e-06,
    -1.6319093857978072e-07,
    1.4310100743152348e-08,
    -9.174107620833158e-10,
]
ERFC_SERIES = [
    0.17900115118138996,
    -0.3262335600430372,
    0.24560380171233162,
    -0.15011593650077645,
    0.07166583719788693,
    -0.024392499318784316,
    0.00426913633706549,
    0.0007077464460108726,
    -0.000597062041634812,
    4.525509220261097e-05,
    6.405757610334229e-05,
    -1.2857504775143744e-05,
    -7.982898328908373e-06,
    2.0986339213441527e-06,
    1.251962399432906e-06,
    -2.3061600506028082e-07,
    -1.7646244689647345e-07,
]

# π/2 in four parts of 33, 33, 33 and 53 bits: up to MAX_ANGLE, products of the first three with
# the number of quarter turns are exact.
QUARTER_TURN = [
    1.5707963267341256,
    6.077100506303966e-11,
    2.0222662487111665e-21,
    8.4784276603689e-32,
]
MAX_ANGLE = 2.0**20

# Taylor's series of sin(r)/r - 1 and of cos(r) - 1 + r²/2 by r⁴, in powers of r², for |r| <= π/4.
SIN_SERIES = [(-1.0) ** term / factorial(2 * term + 1) for term in range(1, 9)]
COS_SERIES = [(-1.0) ** term / factorial(2 * term) for term in range(2, 10)]


class _Code:
    """Writes instructions on vectors of one width into a function."""

    def __init__(self, function: ir.Function, width: int) -> None:
        self.width = width
        self.floats = ir.VectorType(ir.DoubleType(), width)
        self.integers = ir.VectorType(ir.IntType(64), width)
        self.bits = ir.VectorType(ir.IntType(1), width)
        self.builder = ir.IRBuilder(function.append_basic_block())
        self._module = function.module

    def number(self, number: float) -> Vector:
        """Return a vector with `number` in every place."""
        return ir.Constant(self.floats, [number] * self.width)

    def integer(self, number: int) -> Vector:
        return ir.Constant(self.integers, [number] * self.width)

    def intrinsic(self, name: str, *operands: Vector) -> Vector:
        """Call a function that LLVM itself provides, such as fma, fabs or copysign."""
        full_name = f"llvm.{name}.v{self.width}f64"
        function = self._module.globals.get(full_name)
        if function is None:
            kind = ir.FunctionType(self.floats, [self.floats] * len(operands))
            function = ir.Function(self._module, kind, full_name)
        return self.builder.call(function, operands)

    def add(self, x: Vector, y: Vector) -> Vector:
        return self.builder.fadd(x, y)

    def subtract(self, x: Vector, y: Vector) -> Vector:
        return self.builder.fsub(x, y)

    def multiply(self, x: Vector, y: Vector) -> Vector:
        return self.builder.fmul(x, y)

    def divide(self, x: Vector, y: Vector) -> Vector:
        return self.builder.fdiv(x, y)

    def multiply_add(self, x: Vector, y: Vector, z: Vector) -> Vector:
        """Return x * y + z, rounded once."""
        return self.intrinsic("fma", x, y, z)

    def negate(self, x: Vector) -> Vector:
        return self.builder.fneg(x)

    def absolute(self, x: Vector) -> Vector:
        return self.intrinsic("fabs", x)

    def where(self, x: Vector, comparison: str, bound: float, yes: Vector, no: Vector) -> Vector:
        """Select by comparing x with a number; nan compares as false."""
        condition = self.builder.fcmp_ordered(comparison, x, self.number(bound))
        return self.builder.select(condition, yes, no)

    def clamp(self, x: Vector, low: float, high: float) -> Vector:
        """Return x between two numbers; nan stays nan."""
        x = self.where(x, "<", low, self.number(low), x)
        return self.where(x, ">", high, self.number(high), x)

    def polynomial(self, x: Vector, coefficients: Sequence[float]) -> Vector:
        """Return the sum of coefficients[k] * x**k, in pairs (Estrin's scheme).

        Horner's scheme would wait for each product before the next.
        """
        terms = [self.number(coefficient) for coefficient in coefficients]
        power = x
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=False)
            sums = [self.multiply_add(odd, power, even) for even, odd in pairs]
            terms = sums + terms[2 * len(sums) :]
            power = self.multiply(power, power)
        return terms[0]

    def power_of_two(self, exponent: Vector) -> Vector:
        """Return 2**exponent for integers from -1022 to 1023."""
        biased = self.builder.add(exponent, self.integer(EXPONENT_BIAS))
        bits = self.builder.shl(biased, self.integer(MANTISSA_BITS))
        return self.builder.bitcast(bits, self.floats)


def _reduce_exp(code: _Code, x: Vector) -> tuple[Vector, Vector, Vector]:
    """Return r, t and the integer n, where exp(x) = 2**n * (1 + r + t) and |r| <= ln(2)/2.

    The sum r + t is left to the caller, which rounds it once, together with what it adds.
    """
    rounded = code.multiply_add(x, code.number(LOG2_E), code.number(ROUNDER))
    bits = code.builder.bitcast(rounded, code.integers)
    rounder_bits = int(numpy.float64(ROUNDER).view(numpy.int64))
    exponent = code.builder.sub(bits, code.integer(rounder_bits))

    n = code.subtract(rounded, code.number(ROUNDER))
    high = code.multiply_add(n, code.number(-LN2_HIGH), x)
    r = code.multiply_add(n, code.number(-LN2_LOW), high)
    # What r lost by rounding.
    low = code.multiply_add(n, code.number(-LN2_LOW), code.subtract(high, r))
    series = code.polynomial(r, EXP_SERIES)
    return r, code.multiply_add(code.multiply(r, r), series, low), exponent


def _exp(code: _Code, x: Vector) -> Vector:
    # Beyond the bounds, the result is 0 or inf, and the exponent must stay small.
    r, t, exponent = _reduce_exp(code, code.clamp(x, -746.0, 710.0))
    one = code.number(1.0)
    total = code.add(one, r)
    lost = code.add(code.subtract(one, total), r)
    result = code.add(total, code.add(lost, t))
    # 2**n in two factors: the result may be subnormal, or 2**1024 times a number below 1.
    half = code.builder.ashr(exponent, code.integer(1))
    rest = code.builder.sub(exponent, half)
    return code.multiply(code.multiply(result, code.power_of_two(half)), code.power_of_two(rest))


def _expm1(code: _Code, x: Vector) -> Vector:
    r, t, exponent = _reduce_exp(code, code.clamp(x, -40.0, 710.0))
    # 2**n * (1 + r + t) - 1, by half of it, because 2**1024 is no number.
    half = code.power_of_two(code.builder.sub(exponent, code.integer(1)))
    start = code.subtract(half, code.number(0.5))
    total = code.multiply_add(half, r, start)
    lost = code.multiply_add(half, r, code.subtract(start, total))
    result = code.add(total, code.multiply_add(half, t, lost))
    # Half of a subnormal number loses a bit; and -0.0 its sign.
    return code.where(code.absolute(x), "<", 2.0**-54, x, code.add(result, result))


def _divide_by_sum(code: _Code, x: Vector, large: Vector, small: Vector) -> Vector:
    """Return x / (large + small), where |large| >= |small|, almost as if rounded once."""
    total = code.add(large, small)
    lost = code.add(code.subtract(large, total), small)
    reciprocal = code.divide(code.number(1.0), total)
    quotient = code.multiply(x, reciprocal)
    # One step of Newton's, with a remainder that knows what the sum lost.
    opposite = code.negate(quotient)
    remainder = code.multiply_add(opposite, lost, code.multiply_add(opposite, total, x))
    return code.multiply_add(remainder, reciprocal, quotient)


def _tanh(code: _Code, x: Vector) -> Vector:
    """Return -e / (2 + e), e = expm1(-2|x|), with the sign of x."""
    size = code.absolute(x)
    e = _expm1(code, code.multiply(size, code.number(-2.0)))
    result = _divide_by_sum(code, code.negate(e), code.number(2.0), e)
    return code.intrinsic("copysign", result, x)


def _sigmoid(code: _Code, x: Vector) -> Vector:
    """Return 1 / (1 + e) or e / (1 + e), with e = exp(-|x|), which never overflows."""
    one = code.number(1.0)
    e = _exp(code, code.negate(code.absolute(x)))
    return _divide_by_sum(code, code.where(x, "<", 0.0, e, one), one, e)


def _log_parts(code: _Code, x: Vector) -> tuple[Vector, Vector]:
    """Return m and n, as float64, where x = 2**n * m and sqrt(1/2) <= m < sqrt(2).

    x is positive and finite; subnormal numbers are scaled first.
    """
    scaled = code.multiply(x, code.number(2.0**54))
    normal = code.where(x, "<", SMALLEST_NORMAL, scaled, x)
    shift = code.where(x, "<", SMALLEST_NORMAL, code.number(-54.0), code.number(0.0))

    # Relative to the bits of sqrt(1/2), the exponent counts powers of two from there.
    root_bits = code.integer(int(numpy.float64(sqrt(0.5)).view(numpy.int64)))
    bits = code.builder.sub(code.builder.bitcast(normal, code.integers), root_bits)
    exponent = code.builder.ashr(bits, code.integer(MANTISSA_BITS))
    mantissa = code.builder.and_(bits, code.integer(2**MANTISSA_BITS - 1))
    m = code.builder.bitcast(code.builder.add(mantissa, root_bits), code.floats)
    n = code.builder.sitofp(exponent, code.floats)
    return m, code.add(n, shift)


def _log_sum(code: _Code, m: Vector, n: Vector, correction: Vector) -> Vector:
    """Return n * ln(2) + log(m) + correction, where the correction is small.

    As in fdlibm: with f = m - 1 and s = f/(2 + f), log(1 + f) = f - (f²/2 - s * (f²/2 + R(s²))).
    """
    f = code.subtract(m, code.number(1.0))
    s = code.divide(f, code.add(f, code.number(2.0)))
    s_squared = code.multiply(s, s)
    series = code.multiply(s_squared, code.polynomial(s_squared, LOG_SERIES))
    half_square = code.multiply(code.multiply(f, f), code.number(0.5))

    low = code.multiply_add(n, code.number(LN2_LOW), correction)
    tail = code.multiply_add(s, code.add(half_square, series), low)
    high = code.multiply(n, code.number(LN2_HIGH))
    return code.add(high, code.subtract(f, code.subtract(half_square, tail)))


def _log_limits(code: _Code, x: Vector, zero: float, result: Vector) -> Vector:
    """Return `result` where zero < x < inf, and the limits of a logarithm elsewhere."""
    result = code.where(x, "==", zero, code.number(-inf), result)
    result = code.where(x, "<", zero, code.number(nan), result)
    # inf and nan are their own logarithms.
    finite = code.builder.fcmp_ordered("<", x, code.number(inf))
    return code.builder.select(finite, result, x)


def _log(code: _Code, x: Vector) -> Vector:
    m, n = _log_parts(code, x)
    return _log_limits(code, x, 0.0, _log_sum(code, m, n, code.number(0.0)))


def _log1p(code: _Code, x: Vector) -> Vector:
    """Return log(u) + lost/u, where u is 1 + x rounded and `lost` the rest."""
    one = code.number(1.0)
    u = code.add(one, x)
    # Knuth's sum: exact whichever of the two is larger.
    part = code.subtract(u, one)
    lost = code.add(code.subtract(one, code.subtract(u, part)), code.subtract(x, part))
    m, n = _log_parts(code, u)
    result = _log_sum(code, m, n, code.divide(lost, u))
    # -0.0 keeps its sign.
    result = code.where(code.absolute(x), "<", 2.0**-54, x, result)
    return _log_limits(code, x, -1.0, result)


def _softplus(code: _Code, x: Vector) -> Vector:
    """Return max(x, 0) + log1p(exp(-|x|)), which never overflows."""
    e = _exp(code, code.negate(code.absolute(x)))
    positive = code.where(x, "<", 0.0, code.number(0.0), x)
    return code.add(positive, _log1p(code, e))


def _erf(code: _Code, x: Vector) -> Vector:
    """Return x * (1 + P(x²)) for small |x|, and else 1 - exp(-x²) * Q((|x| - 3)/(|x| + 3))."""
    # From 6 on, erf rounds to 1.
    size = code.clamp(code.absolute(x), 0.0, 6.0)
    square = code.multiply(size, size)
    small = code.multiply_add(size, code.polynomial(square, ERF_SERIES), size)

    three = code.number(3.0)
    position = code.divide(code.subtract(size, three), code.add(size, three))
    decay = code.negate(_exp(code, code.negate(square)))
    series = code.polynomial(position, ERFC_SERIES)
    large = code.multiply_add(decay, series, code.number(1.0))

    result = code.where(size, "<", ERF_SPLIT, small, large)
    return code.intrinsic("copysign", result, x)


def _add_exactly(code: _Code, x: Vector, y: Vector) -> tuple[Vector, Vector]:
    """Return x + y rounded, and what it lost (Knuth)."""
    total = code.add(x, y)
    part = code.subtract(total, x)
    lost = code.subtract(x, code.subtract(total, part))
    return total, code.add(lost, code.subtract(y, part))


def _reduce_angle(code: _Code, x: Vector) -> tuple[Vector, Vector, Vector]:
    """Return r, low and the integer n, where x = n * π/2 + r + low and |r| <= π/4."""
    rounded = code.multiply_add(x, code.number(2.0 / pi), code.number(ROUNDER))
    bits = code.builder.bitcast(rounded, code.integers)
    n = code.subtract(rounded, code.number(ROUNDER))

    first, second, third, last = (code.number(-part) for part in QUARTER_TURN)
    r, low = _add_exactly(code, code.multiply_add(n, first, x), code.multiply(n, second))
    # Near a multiple of π/2, r has few digits left, and the third part decides.
    r, more = _add_exactly(code, r, code.multiply(n, third))
    low = code.add(low, code.multiply_add(n, last, more))
    total, low = _add_exactly(code, r, low)
    return total, low, bits


def _sin_of_turned(code: _Code, x: Vector, turns: int) -> Vector:
    """Return sin(x + turns * π/2) for |x| <= MAX_ANGLE."""
    r, low, bits = _reduce_angle(code, x)
    square = code.multiply(r, r)
    # sin(r + low) = sin(r) + low * cos(r), and cos(r + low) = cos(r) - low * sin(r).
    half_square = code.multiply(square, code.number(0.5))
    cube = code.multiply(r, square)
    sine = code.multiply_add(code.negate(half_square), low, low)
    sine = code.multiply_add(cube, code.polynomial(square, SIN_SERIES), sine)
    sine = code.add(r, sine)

    main = code.subtract(code.number(1.0), half_square)
    lost = code.subtract(code.subtract(code.number(1.0), main), half_square)
    lost = code.multiply_add(code.negate(r), low, lost)
    fourth = code.multiply(square, square)
    lost = code.multiply_add(fourth, code.polynomial(square, COS_SERIES), lost)
    cosine = code.add(main, lost)

    quarter = code.builder.add(bits, code.integer(turns))
    odd = code.builder.trunc(quarter, code.bits)
    result = code.builder.select(odd, cosine, sine)
    # In the second half of a turn, the sign changes.
    half = code.builder.trunc(code.builder.lshr(quarter, code.integer(1)), code.bits)
    return code.builder.select(half, code.negate(result), result)


def _sin(code: _Code, x: Vector) -> Vector:
    result = _sin_of_turned(code, x, 0)
    # -0.0 keeps its sign.
    result = code.where(code.absolute(x), "<", 2.0**-30, x, result)
    return _replace_large_angles(code, SIN.name, x, result)


def _cos(code: _Code, x: Vector) -> Vector:
    return _replace_large_angles(code, COS.name, x, _sin_of_turned(code, x, 1))


def _replace_large_angles(code: _Code, name: str, x: Vector, result: Vector) -> Vector:
    """Return libm's result, number by number, where |x| > MAX_ANGLE.

    Large angles need π to a thousand bits. They are rare, so that here is the one branch.
    """
    builder = code.builder
    large = builder.fcmp_ordered(">", code.absolute(x), code.number(MAX_ANGLE))
    mask = builder.bitcast(large, ir.IntType(code.width))
    start = builder.block
    with builder.if_then(builder.icmp_unsigned("!=", mask, ir.Constant(mask.type, 0)), False):
        replaced = builder.select(large, code.intrinsic(name, x), result)
        rare = builder.block
    merged = builder.phi(code.floats)
    merged.add_incoming(result, start)
    merged.add_incoming(replaced, rare)
    return merged


VECTOR_FUNCTIONS: dict[str, Callable[[_Code, Vector], Vector]] = {
    EXP.name: _exp,
    EXPM1.name: _expm1,
    TANH.name: _tanh,
    SIGMOID.name: _sigmoid,
    LOG.name: _log,
    LOG1P.name: _log1p,
    SOFTPLUS.name: _softplus,
    ERF.name: _erf,
    SIN.name: _sin,
    COS.name: _cos,
}
"""The functions of one argument that exist for vectors, by the names of the table."""


def vector_function(module: ir.Module, name: str, width: int) -> ir.Function:
    """Return the function `name` of vectors of `width` numbers, added to `module` if needed.

    Args:
        module: The module of LLVM that will call the function.
        name: One of `VECTOR_FUNCTIONS`.
        width: Numbers in a vector; 8 fill a register of AVX-512, 4 one of AVX2.

    Returns:
        A function from `<width x double>` to the same, which no other module sees.

    Raises:
        KeyError: No vector function has that name.

    Example:
        >>> module = ir.Module()
        >>> vector_function(module, "tanh", 8).name
        'scalargrad.tanh.v8f64'
    """
    full_name = f"scalargrad.{name}.v{width}f64"
    function = module.globals.get(full_name)
    if function is not None:
        return function

    write = VECTOR_FUNCTIONS[name]
    vector = ir.VectorType(ir.DoubleType(), width)
    function = ir.Function(module, ir.FunctionType(vector, [vector]), full_name)
    function.linkage = "internal"
    # Inlined, a graph of hundreds of calls would take LLVM five times as long, and run as fast.
    function.attributes.add("noinline")
    code = _Code(function, width)
    code.builder.ret(write(code, function.args[0]))
    return function


def compile_on_arrays(name: str, width: int = 8) -> Callable[[Array], Array]:
    """Compile a vector function for this machine, as a function of arrays.

    Args:
        name: One of `VECTOR_FUNCTIONS`.
        width: Numbers in a vector.

    Returns:
        A function from an array of float64 of any shape to one of the same shape.

    Example:
        >>> compile_on_arrays("exp")(numpy.array([0.0, -numpy.inf]))
        array([1., 0.])
    """
    module = ir.Module()
    _write_loop(module, vector_function(module, name, width), width)
    engine = compile_module(module)
    run = CFUNCTYPE(None, c_void_p, c_void_p, c_int64)(engine.get_function_address("apply"))

    def apply(numbers: Array) -> Array:
        flat = numpy.ravel(numbers)
        padding = -flat.size % width
        if padding:
            flat = numpy.concatenate([flat, numpy.zeros(padding)])
        flat = numpy.ascontiguousarray(flat, dtype=numpy.float64)
        results = numpy.empty_like(flat)
        run(flat.ctypes.data, results.ctypes.data, flat.size // width)
        return results[: flat.size - padding].reshape(numpy.shape(numbers))

    # The code lives as long as its engine.
    apply.engine = engine  # type: ignore[attr-defined]
    return apply


def _write_loop(module: ir.Module, function: ir.Function, width: int) -> None:
    """Write `apply(source, target, count)`: the function of `count` vectors in a row."""
    count_type = ir.IntType(64)
    pointer = ir.PointerType()
    loop_type = ir.FunctionType(ir.VoidType(), [pointer, pointer, count_type])
    loop = ir.Function(module, loop_type, "apply")
    source, target, count = loop.args
    entry, body, end = (loop.append_basic_block(name) for name in ("entry", "body", "end"))

    builder = ir.IRBuilder(entry)
    zero = ir.Constant(count_type, 0)
    builder.cbranch(builder.icmp_signed(">", count, zero), body, end)

    builder.position_at_end(body)
    index = builder.phi(count_type)
    vector = ir.VectorType(ir.DoubleType(), width)
    place = builder.gep(source, [index], source_etype=vector)
    result = builder.call(function, [builder.load(place, align=8, typ=vector)])
    builder.store(result, builder.gep(target, [index], source_etype=vector), align=8)
    following = builder.add(index, ir.Constant(count_type, 1))
    index.add_incoming(zero, entry)
    index.add_incoming(following, body)
    builder.cbranch(builder.icmp_signed("<", following, count), body, end)

    builder.position_at_end(end)
    builder.ret_void()
