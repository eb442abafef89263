"""The local derivatives as a textbook writes them, for the page to fill in the numbers.

The page writes `2 · x = 2 · (−1.97) = −3.94` beside a square. What it writes is an expression in
the result `o` and the operands `x`, `y`, `z`. Where a rule chooses there is one for each case, and
the page takes the one that has the value of the derivative.

The rules of the table themselves would read worse: many are made to be exact in floats, such as
(1 − x) · (1 + x) for 1 − x², and those that choose have no words for their cases.
"""

from math import pi, sqrt
from typing import NamedTuple, TypeAlias

from scalargrad.core import ops
from scalargrad.core.ops import TABLE, Op
from viz.gradients.expressions import (
    Expression,
    Kind,
    Operand,
    as_expression,
    call,
    combine,
    make_name,
)
from viz.gradients.operation_notation import E

Json: TypeAlias = "float | str | list[Json]"


class Case(NamedTuple):
    """A local derivative in one case of a rule.

    Attributes:
        expression: The derivative.
        words: What distinguishes the case; "" if there is only one.
    """

    expression: Operand
    words: str = ""


Derivative = tuple[Case, ...]
"""By one operand, in each case."""


def _only(expression: Operand) -> Derivative:
    return (Case(expression),)


def _root(x: Operand) -> Expression:
    return combine(Kind.SQUARE_ROOT, x)


def _sigmoid(x: Operand) -> Expression:
    return call("σ", x)


def _number(x: float) -> float:
    """Return a constant with as many digits as a line of the page has space for."""
    return float(f"{x:.4g}")


def _selected(words: str) -> Derivative:
    return (
        Case(1.0, f"it is the {words}"),
        Case(0.0, f"it is not the {words}"),
        Case(0.5, "both are equal, and share"),
    )


def _rectified(below: Operand, above: Operand = 1.0) -> Derivative:
    return Case(above, "on: its operand is above 0"), Case(below, "off: its operand is not above 0")


X, Y, Z, O = (make_name(letter) for letter in "xyzo")  # noqa: E741
_ONE = _only(1.0)
_FLAT = (Case(0.0, "between its steps the result does not change"),)
_INSIDE = (
    Case(1.0, "its operand is between the bounds"),
    Case(0.0, "its operand is outside of the bounds"),
)
_BOUND = (Case(0.0, "the bound is not reached"), Case(1.0, "the bound is the result"))
_BELL = combine(Kind.POWER, E, -(X**2.0))
_LARGER = _selected("larger one")
_SMALLER = _selected("smaller one")
_SELU_ABOVE = _number(ops._SELU_SCALE)
_SELU_BELOW = _number(ops._SELU_SCALE * ops._SELU_ALPHA)
_S = _sigmoid(X)

# fmt: off
DERIVATIVES: dict[Op, tuple[Derivative, ...]] = {
    # Arithmetic
    ops.ADD: (_ONE, _ONE),
    ops.SUB: (_ONE, _only(-1.0)),
    ops.MUL: (_only(Y), _only(X)),
    ops.DIV: (_only(1.0 / Y), _only(-(O / Y))),
    ops.POW: (_only(Y * combine(Kind.POWER, X, Y - 1.0)), _only(O * call("ln", X))),
    ops.FLOOR_DIVIDE: (_FLAT, _FLAT),
    ops.REMAINDER: (_ONE, _only(-combine(Kind.FLOOR, X / Y))),
    ops.NEG: (_only(-1.0),),
    ops.ABS: ((Case(1.0, "its operand is above 0"), Case(-1.0, "its operand is below 0"),
               Case(0.0, "its operand is 0")),),
    ops.SIGN: (_FLAT,),
    # Exponentials, logarithms, roots
    ops.EXP: (_only(O),),
    ops.EXP2: (_only(call("ln", 2.0) * O),),
    ops.EXPM1: (_only(O + 1.0),),
    ops.LOG: (_only(1.0 / X),),
    ops.LOG2: (_only(1.0 / (call("ln", 2.0) * X)),),
    ops.LOG10: (_only(1.0 / (call("ln", 10.0) * X)),),
    ops.LOG1P: (_only(1.0 / (1.0 + X)),),
    ops.LOGADDEXP: (_only(_sigmoid(X - Y)), _only(_sigmoid(Y - X))),
    ops.LOGIT: (_only(1.0 / (X * (1.0 - X))),),
    ops.SQRT: (_only(1.0 / (2.0 * O)),),
    ops.CBRT: (_only(1.0 / (3.0 * O**2.0)),),
    # Trigonometric and hyperbolic functions
    ops.SIN: (_only(call("cos", X)),),
    ops.COS: (_only(-call("sin", X)),),
    ops.TAN: (_only(1.0 + O**2.0),),
    ops.ASIN: (_only(1.0 / _root(1.0 - X**2.0)),),
    ops.ACOS: (_only(-(1.0 / _root(1.0 - X**2.0))),),
    ops.ATAN: (_only(1.0 / (1.0 + X**2.0)),),
    ops.SINH: (_only(call("cosh", X)),),
    ops.COSH: (_only(call("sinh", X)),),
    ops.TANH: (_only(1.0 - O**2.0),),
    ops.ASINH: (_only(1.0 / _root(X**2.0 + 1.0)),),
    ops.ACOSH: (_only(1.0 / _root(X**2.0 - 1.0)),),
    ops.ATANH: (_only(1.0 / (1.0 - X**2.0)),),
    # The operands of atan2 are the height and then the distance of a point.
    ops.ATAN2: (_only(Y / (X**2.0 + Y**2.0)), _only(-(X / (X**2.0 + Y**2.0)))),
    ops.HYPOT: (_only(X / O), _only(Y / O)),
    ops.ERF: (_only(_number(2.0 / sqrt(pi)) * _BELL),),
    ops.ERFC: (_only(-_number(2.0 / sqrt(pi)) * _BELL),),
    # Selections and steps
    ops.MAXIMUM: (_LARGER, _LARGER),
    ops.MINIMUM: (_SMALLER, _SMALLER),
    ops.CLAMP: (_INSIDE, _BOUND, _BOUND),
    ops.WHERE: (_FLAT, (Case(1.0, "it is taken"), Case(0.0, "it is not taken")),
                (Case(1.0, "it is taken"), Case(0.0, "it is not taken"))),
    ops.FLOOR: (_FLAT,),
    ops.ROUND: (_FLAT,),
    ops.STEP: (_FLAT,),
    ops.LT: (_FLAT, _FLAT),
    ops.LE: (_FLAT, _FLAT),
    ops.INDETERMINATE: (_FLAT, _FLAT),
    # Activations
    ops.RELU: (_rectified(0.0),),
    ops.RELU6: (_INSIDE,),
    ops.LEAKY_RELU: (_rectified(Y), _rectified(X, 0.0)),
    ops.PRELU: (_rectified(Y), _rectified(X, 0.0)),
    ops.RRELU: (_rectified((Y + Z) / 2.0), _rectified(X / 2.0, 0.0), _rectified(X / 2.0, 0.0)),
    ops.ELU: (_rectified(Y * E**X), _rectified(E**X - 1.0, 0.0)),
    ops.SELU: (_rectified(_SELU_BELOW * E**X, _SELU_ABOVE),),
    ops.CELU: (_rectified(E ** (X / Y)),
               _rectified(E ** (X / Y) - 1.0 - (X / Y) * E ** (X / Y), 0.0)),
    ops.SIGMOID: (_only(O * (1.0 - O)),),
    ops.LOGSIGMOID: (_only(_sigmoid(-X)),),
    ops.SOFTPLUS: (_only(_S),),
    ops.SILU: (_only(_S * (1.0 + X * (1.0 - _S))),),
    ops.MISH: (_only(call("tanh", call("softplus", X))
                     + X * _S * (1.0 - call("tanh", call("softplus", X)) ** 2.0)),),
    ops.SOFTSIGN: (_only(1.0 / (1.0 + abs(X)) ** 2.0),),
    ops.GELU: (_only(call("Φ", X) + X * call("φ", X)),),
    ops.HARDSIGMOID: ((Case(as_expression(1.0) / 6.0, "its operand is between −3 and 3"),
                       Case(0.0, "its operand is outside of −3 to 3")),),
    ops.HARDSWISH: ((Case(X / 3.0 + 0.5, "its operand is between −3 and 3"),
                     Case(1.0, "its operand is above 3"), Case(0.0, "its operand is below −3")),),
    ops.SOFTSHRINK: ((Case(1.0, "its operand is beyond the threshold"),
                      Case(0.0, "its operand is within the threshold")),
                     (Case(-1.0, "its operand is above the threshold"),
                      Case(1.0, "its operand is below minus the threshold"),
                      Case(0.0, "its operand is within the threshold"))),
    ops.HARDTANH: (_INSIDE, _BOUND, _BOUND),
    # Over lists: `x` is the item, `y` its partner in a dot product, `n` their number.
    ops.SUM: (_ONE,),
    ops.MEAN: (_only(1.0 / make_name("n")),),
    ops.PROD: (_only(O / X),),
    ops.DOT: (_only(Y),),
    ops.MAX: (_selected("largest one"),),
    ops.MIN: (_selected("smallest one"),),
    ops.NORM: (_only(X / O),),
    ops.LOGSUMEXP: (_only(E ** (X - O)),),
    ops.TAKE: ((Case(1.0, "it is the entry at the index"),
                Case(0.0, "it is another entry, or the index itself")),),
    # Gradients
    ops.STOP_GRADIENT: ((Case(0.0, "the gradient is stopped here"),),),
}
"""What to write for each operand. Rows that are missing are told in the words of the table."""

POWERS: dict[float, Derivative] = {
    -1.0: _only(-(1.0 / X**2.0)),
    0.5: _only(1.0 / (2.0 * O)),
    2.0: _only(2.0 * X),
    3.0: _only(3.0 * X**2.0),
}
"""What to write for powers that have a simpler derivative."""
# fmt: on


def describe_derivatives(names: list[str]) -> dict[str, Json]:
    """Return the derivatives of some rules as JSON.

    Args:
        names: The keys of the rules: `mul`, `sum/3`.

    Example:
        >>> describe_derivatives(["mul", "exp"])
        {'mul': [[['y', '']], [['x', '']]], 'exp': [[['o', '']]]}
    """
    found: dict[str, Json] = {}
    for key in names:
        op = TABLE.get(key.partition("/")[0])
        if op is None or op not in DERIVATIVES:
            continue
        found[op.name] = [_describe(derivative) for derivative in DERIVATIVES[op]]
        if op is ops.POW:
            for exponent, derivative in POWERS.items():
                found[f"pow {exponent:g}"] = [_describe(derivative)]
    return found


def _describe(derivative: Derivative) -> Json:
    cases: list[Json] = []
    for case in derivative:
        cases.append([_as_json(as_expression(case.expression)), case.words])
    return cases


def _as_json(expression: Expression) -> Json:
    if expression.kind is Kind.NUMBER:
        return expression.value
    if expression.kind is Kind.NAME:
        return expression.text
    parts = [_as_json(part) for part in expression.parts]
    head: list[Json] = [expression.kind.name]
    if expression.kind is Kind.CALL:
        head.append(expression.text)
    return [*head, *parts]
