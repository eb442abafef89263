"""How a textbook writes each operation of the table: one entry for each row.

An entry builds an expression from those of the operands, with operators and the functions below.
"""

from collections.abc import Callable, Sequence
from functools import partial

from scalargrad.core import ops
from scalargrad.core.ops import TABLE, Op
from viz.look.text import clean
from viz.model.snapshot import MAX_NAME

from .expressions import Expression, Kind, add_up, call, combine, make_name, multiply

Notation = Callable[..., Expression]

E = make_name("e")
"""Euler's number."""
_square_root = partial(combine, Kind.SQUARE_ROOT)
_floor = partial(combine, Kind.FLOOR)


def _function(name: str) -> Notation:
    return partial(call, name)


def _exp(x: Expression) -> Expression:
    return E**x


def _squares(items: Sequence[Expression]) -> Expression:
    return add_up([item**2.0 for item in items])


def _dot(items: Sequence[Expression]) -> Expression:
    half = len(items) // 2
    pairs = zip(items[:half], items[half : 2 * half], strict=True)
    return add_up([x * y for x, y in pairs])


def _power_of_two(x: Expression) -> Expression:
    return combine(Kind.POWER, 2.0, x)


# Operations over lists are given the list, all others their operands one by one.
NOTATION: dict[Op, Notation] = {
    # Arithmetic
    ops.ADD: lambda x, y: x + y,
    ops.SUB: lambda x, y: x - y,
    ops.MUL: lambda x, y: x * y,
    ops.DIV: lambda x, y: x / y,
    ops.POW: lambda x, y: x**y,
    ops.FLOOR_DIVIDE: lambda x, y: _floor(x / y),
    ops.REMAINDER: partial(combine, Kind.REMAINDER),
    ops.NEG: lambda x: -x,
    ops.ABS: abs,
    ops.SIGN: _function("sgn"),
    # Exponentials, logarithms, roots
    ops.EXP: _exp,
    ops.EXP2: _power_of_two,
    ops.EXPM1: lambda x: _exp(x) - 1.0,
    ops.LOG: _function("ln"),
    ops.LOG2: _function("log₂"),
    ops.LOG10: _function("log₁₀"),
    ops.LOG1P: lambda x: call("ln", 1.0 + x),
    ops.LOGADDEXP: lambda x, y: call("ln", _exp(x) + _exp(y)),
    ops.LOGIT: _function("logit"),
    ops.SQRT: _square_root,
    ops.CBRT: partial(combine, Kind.CUBE_ROOT),
    # Trigonometric and hyperbolic functions
    ops.SIN: _function("sin"),
    ops.COS: _function("cos"),
    ops.TAN: _function("tan"),
    ops.ASIN: _function("arcsin"),
    ops.ACOS: _function("arccos"),
    ops.ATAN: _function("arctan"),
    ops.SINH: _function("sinh"),
    ops.COSH: _function("cosh"),
    ops.TANH: _function("tanh"),
    ops.ASINH: _function("arsinh"),
    ops.ACOSH: _function("arcosh"),
    ops.ATANH: _function("artanh"),
    ops.ATAN2: _function("atan2"),
    ops.HYPOT: lambda x, y: _square_root(x**2.0 + y**2.0),
    ops.ERF: _function("erf"),
    ops.ERFC: _function("erfc"),
    # Selections and steps
    ops.MAXIMUM: _function("max"),
    ops.MINIMUM: _function("min"),
    ops.CLAMP: _function("clamp"),
    ops.WHERE: partial(combine, Kind.CASES),
    ops.FLOOR: _floor,
    ops.ROUND: _function("round"),
    ops.STEP: _function("step"),
    ops.LT: _function("lt"),
    ops.LE: _function("le"),
    ops.INDETERMINATE: _function("indeterminate"),
    # Activations
    ops.RELU: _function("ReLU"),
    ops.RELU6: _function("ReLU6"),
    ops.LEAKY_RELU: _function("LeakyReLU"),
    ops.PRELU: _function("PReLU"),
    ops.RRELU: _function("RReLU"),
    ops.ELU: _function("ELU"),
    ops.SELU: _function("SELU"),
    ops.CELU: _function("CELU"),
    ops.GELU: _function("GELU"),
    ops.GELU_TANH: _function("GELUtanh"),
    ops.SIGMOID: _function("σ"),
    ops.LOGSIGMOID: lambda x: call("ln", call("σ", x)),
    ops.SOFTPLUS: _function("softplus"),
    ops.SILU: _function("SiLU"),
    ops.MISH: _function("Mish"),
    ops.SOFTSIGN: _function("softsign"),
    ops.HARDSIGMOID: _function("hardsigmoid"),
    ops.HARDSWISH: _function("hardswish"),
    ops.SOFTSHRINK: _function("softshrink"),
    ops.HARDTANH: _function("hardtanh"),
    # Over lists
    ops.SUM: add_up,
    ops.MEAN: lambda items: add_up(items) / len(items),
    ops.PROD: multiply,
    ops.DOT: _dot,
    ops.MAX: lambda items: call("max", *items),
    ops.MIN: lambda items: call("min", *items),
    ops.NORM: lambda items: _square_root(_squares(items)),
    ops.LOGSUMEXP: lambda items: call("ln", add_up([_exp(item) for item in items])),
    ops.TAKE: lambda items: call("take", *items),
    # Gradients
    ops.STOP_GRADIENT: _function("stop"),
}

OPERATIONS_WITH_E = {op.name for op in (ops.EXP, ops.EXPM1, ops.LOGADDEXP, ops.LOGSUMEXP)}
"""The operations that are written with Euler's number, which no label may be taken for."""


def write_operation(name: str, operands: Sequence[Expression]) -> Expression:
    """Return the expression of an operation applied to some operands.

    Args:
        name: The name of the operation; one that the table lacks is written as a function.
        operands: All of them, in order.

    Example:
        >>> write_operation("tanh", [make_name("n")]).text
        'tanh'
    """
    op = TABLE.get(name)
    # Values made by hand may have any name, and any number of operands.
    is_row = op is not None and (op.over_list or len(operands) == len(op.operands))
    if op is None or not is_row:
        return call(clean(name, MAX_NAME) or "f", *operands)
    # An operation that a user added is written as a function of its symbol.
    write = NOTATION.get(op) or _function(clean(op.symbol, MAX_NAME))
    return write(operands) if op.over_list else write(*operands)
