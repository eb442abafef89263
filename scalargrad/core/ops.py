"""The table of operations: one row holds everything that is known about an operation.

A row has the forward rule and, for each operand, a rule for the local derivative. Rules are written
once, with operators and the functions of a namespace `m`, so the same row serves floats (`FLOATS`),
Values (derivatives as graphs), arrays and source code. In a rule, `o` is the operation's result. To
add an operation, add a row.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from inspect import Parameter, signature
from itertools import accumulate
from operator import add, mul, neg
from types import SimpleNamespace
from typing import Any

from scalargrad.errors import GraphError, UnknownNameError

from . import floats

Rule = Callable[..., Any]
inf = math.inf
nan = math.nan


class ExactZero(float):
    """A local derivative that is 0 by construction, so that 0 * inf and 0 * nan are 0 as well.

    The gradient of a branch that was not taken must not reach its operand, even if that gradient or
    the operand is not finite.
    """

    __slots__ = ()

    def __mul__(self, other: object) -> float:
        return 0.0

    __rmul__ = __mul__


CUT = ExactZero(0.0)
"""The local derivative by an operand that was not selected, and of piecewise constant functions."""


@dataclass(frozen=True, eq=False, slots=True)
class Op:
    """One row of the table.

    Attributes:
        name: The name in `Value.op`, and of the function in `scalargrad`.
        symbol: The symbol in pictures.
        doc: One sentence with the formula of the derivative.
        forward: `forward(m, x, y, …)`, or `forward(m, items)` for an operation over a list.
        partials: One rule `rule(m, o, x, y, …)` per operand; for an operation over a list a single
            rule `rule(m, o, items)` that returns the derivatives for all items.
        static_args: Operands that are not nodes when given as plain numbers: an exponent, a slope,
            a bound. Operands with a default are static.
        domain: The open interval (low, high) of each operand, where it is not the whole real line.
        kinks: `kinks(m, x, y, …)` returns numbers that change sign where the derivative jumps.
        numpy: The name in NumPy, where it differs.
        over_list: Whether the operation takes one list of any length.
        operands: The names of the operands, read from the signature of `forward`.
        defaults: The defaults of the last operands, read from the same signature.
    """

    name: str
    symbol: str
    doc: str
    forward: Rule
    partials: tuple[Rule, ...]
    static_args: tuple[str, ...] = ()
    domain: tuple[tuple[float, float], ...] = ()
    kinks: Rule | None = None
    numpy: str = ""
    over_list: bool = False
    operands: tuple[str, ...] = field(init=False)
    defaults: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        parameters = list(signature(self.forward).parameters.values())[1:]
        names = tuple(p.name for p in parameters)
        defaults = tuple(p.default for p in parameters if p.default is not Parameter.empty)
        static_args = names[len(names) - len(defaults) :] if defaults else self.static_args

        # The class is frozen, and these three follow from the forward rule.
        object.__setattr__(self, "operands", names)
        object.__setattr__(self, "defaults", defaults)
        object.__setattr__(self, "static_args", static_args)

    @property
    def is_public(self) -> bool:
        """Whether it is a function of `scalargrad`, and not for the chain rule alone."""
        return not self.name.startswith("_")

    @property
    def takes_one_value(self) -> bool:
        """Whether one Value alone is enough, so that the operation can be an activation."""
        required = len(self.operands) - len(self.defaults)
        return required == 1 and not self.over_list

    def value(self, m: Any, operands: Sequence[Any]) -> Any:
        """Apply the forward rule in the namespace `m`."""
        return self.forward(m, operands) if self.over_list else self.forward(m, *operands)

    def derivatives(
        self, m: Any, o: Any, operands: Sequence[Any], wanted: Sequence[bool] = ()
    ) -> tuple[Any, ...]:
        """Apply the rules for the local derivatives in the namespace `m`.

        Args:
            m: The namespace.
            o: The result of the operation.
            operands: All operands, in order.
            wanted: For each operand, whether its derivative is wanted; all are by default. An
                operation over a list ignores it.

        Returns:
            The wanted local derivatives, in the order of the operands.
        """
        if self.over_list:
            return tuple(self.partials[0](m, o, operands))
        rules: Sequence[Rule] = self.partials
        if wanted:
            if len(wanted) != len(rules):
                raise GraphError(
                    f"operation {self.name} was defined again with other operands: "
                    "compute the graph again"
                )
            rules = [rule for rule, want in zip(self.partials, wanted, strict=True) if want]
        return tuple([rule(m, o, *operands) for rule in rules])

    def at(
        self, m: Any, operands: Sequence[Any], wanted: Sequence[bool] = ()
    ) -> tuple[Any, tuple[Any, ...]]:
        """Compute the result and the local derivatives at one point, in the namespace `m`.

        Args:
            m: The namespace.
            operands: All operands, in order.
            wanted: For each operand, whether its derivative is wanted; all are by default.

        Returns:
            The result, and the wanted local derivatives in the order of the operands.

        Example:
            >>> MUL.at(FLOATS, [2.0, 3.0])
            (6.0, (3.0, 2.0))
            >>> POW.at(FLOATS, [3.0, 2.0], wanted=[True, False])
            (9.0, (6.0,))
        """
        o = self.value(m, operands)
        return o, self.derivatives(m, o, operands, wanted)


class _Table(dict[str, Op]):
    def __missing__(self, name: str) -> Op:
        raise UnknownNameError(
            f"no operation {name!r} exists here: "
            "import the module that defines it with sg.operation first"
        )


TABLE: dict[str, Op] = _Table()
"""Every operation by name, in the order of this file; then those of the user."""


def _row(name: str, symbol: str, doc: str, forward: Rule, *partials: Rule, **more: Any) -> Op:
    op = Op(name, symbol, doc, forward, partials, **more)
    TABLE[name] = op
    return op


NAMESPACES: list[SimpleNamespace] = []
"""The namespaces that are kept: an operation that is added later is added to each of them."""


def namespace(primitives: Mapping[str, Rule], is_kept: bool = True) -> SimpleNamespace:
    """Build a namespace with every operation of the table from the primitive ones.

    Args:
        primitives: The functions that the rules can't be written without, by name. An operation
            that is among them is not built from its rule.
        is_kept: Whether it is to know operations that are added later, too.

    Returns:
        The namespace, for `Op.value` and `Op.derivatives`.

    Example:
        >>> namespace(vars(floats)).sigmoid(0.0)
        0.5
    """
    space = SimpleNamespace(**primitives)
    # A copy, as another thread may add an operation meanwhile.
    for op in list(TABLE.values()):
        if op.name not in primitives and not op.over_list:
            setattr(space, op.name, partial(op.forward, space))
    if is_kept:
        NAMESPACES.append(space)
    return with_lists(space)


def fold_numbers(primitives: Mapping[str, Rule]) -> dict[str, Rule]:
    """Return primitive functions that compute plain numbers at once, as `m.exp(2.0)` in a rule.

    For namespaces whose functions take their own terms, and write what is to be computed later.

    Example:
        >>> names = fold_numbers({"exp": lambda x: f"exp({x})"})
        >>> names["exp"](0.0), names["exp"]("x")
        (1.0, 'exp(x)')
    """
    return {name: partial(_fold, TABLE[name], rule) for name, rule in primitives.items()}


def _fold(op: Op, rule: Rule, *operands: Any) -> Any:
    if all(isinstance(operand, float | int) for operand in operands):
        return op.value(FLOATS, operands)
    return rule(*operands)


def with_lists(space: SimpleNamespace) -> SimpleNamespace:
    """Add the helpers that rules are written with to a namespace that lacks them.

    Over lists these are `total`, `largest`, `smallest` and `each`. Two more are for rules that are
    right at a point where the derivative of the rule itself is not:

    - `zero_where(condition, x)`: 0 by construction where the condition holds, else x. On Values it
      is x itself, which can be differentiated again.
    - `fixed_where(condition, x)`: x. On Values it is a constant where the condition holds.

    Args:
        space: A namespace with `where`, `maximum` and `minimum`; helpers that it has already stay.

    Returns:
        The same namespace.
    """
    helpers = {
        "total": _total,
        "each": _each,
        "largest": partial(reduce, space.maximum),
        "smallest": partial(reduce, space.minimum),
        "zero_where": partial(_zero_where, space.where),
        "fixed_where": _second,
    }
    for name, helper in helpers.items():
        vars(space).setdefault(name, helper)
    return space


def _total(items: Any) -> Any:
    return reduce(add, items)


def _each(rule: Rule, items: Any) -> list[Any]:
    return [rule(x) for x in items]


def _zero_where(where: Rule, condition: Any, x: Any) -> Any:
    return where(condition, CUT, x)


def _second(condition: Any, x: Any) -> Any:
    return x


def _is_zero(x: Any) -> Any:
    return (x <= 0.0) & (x >= 0.0)  # == between Values compares identity


def _zero(m: Any, o: Any, *operands: Any) -> float:
    return CUT


_UNIT = ((-1.0, 1.0),)
_POSITIVE = ((0.0, inf),)
_UNIT_INTERVAL = ((0.0, 1.0),)
_ROOT_HALF = math.sqrt(0.5)
_LOG_2 = math.log(2.0)
_LOG_10 = math.log(10.0)
_GELU_TANH = math.sqrt(2.0 / math.pi)

# Klambauer et al. 2017, "Self-Normalizing Neural Networks", section 2
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805

# fmt: off
# Arithmetic
ADD = _row("add", "+", "x + y; derivatives 1 and 1.",
    lambda m, x, y: x + y, lambda m, o, x, y: 1.0, lambda m, o, x, y: 1.0)
SUB = _row("sub", "−", "x - y; derivatives 1 and -1.",
    lambda m, x, y: x - y, lambda m, o, x, y: 1.0, lambda m, o, x, y: -1.0)
MUL = _row("mul", "×", "x * y; derivatives y and x.",
    lambda m, x, y: x * y, lambda m, o, x, y: y, lambda m, o, x, y: x)
DIV = _row("div", "÷", "x / y; derivatives 1/y and -o/y.",
    lambda m, x, y: m.div(x, y), lambda m, o, x, y: m.div(1.0, y), lambda m, o, x, y: -m.div(o, y))
POW = _row("pow", "xʸ",
    "x ** y; derivatives y*x^(y-1), 0 at y = 0, and o*log(x), 0 at x = 0 with y ≥ 0.",
    lambda m, x, y: m.pow(x, y),
    lambda m, o, x, y: _power_partial(m, x, y),
    lambda m, o, x, y: m.where(_is_zero(x) & (y >= 0.0), CUT, o * m.log(x)),
    static_args=("y",), domain=((0.0, inf),))
FLOOR_DIVIDE = _row("floor_divide", "⌊÷⌋",
    "x // y, the largest whole number not above the exact quotient; derivatives 0 and 0.",
    lambda m, x, y: m.floor_divide(x, y),
    _zero,
    _zero,
    kinks=lambda m, x, y: (m.sin(math.pi * m.div(x, y)),))
REMAINDER = _row("remainder", "mod", "x % y, with the sign of y; derivatives 1 and -(x // y).",
    lambda m, x, y: m.remainder(x, y),
    lambda m, o, x, y: 1.0,
    lambda m, o, x, y: -m.floor_divide(x, y),
    kinks=lambda m, x, y: (m.sin(math.pi * m.div(x, y)),))
NEG = _row("neg", "neg", "-x; derivative -1.", lambda m, x: -x, lambda m, o, x: -1.0)
ABS = _row("abs", "|x|", "Absolute value; derivative sign(x), 0 at 0.",
    lambda m, x: abs(x), lambda m, o, x: m.sign(x), kinks=lambda m, x: (x,))
SIGN = _row("sign", "sign", "-1, 0 or 1; derivative 0.",
    lambda m, x: m.sign(x), _zero, kinks=lambda m, x: (x,))

# Exponentials, logarithms, roots
EXP = _row("exp", "exp", "e to the power of x; derivative o.",
    lambda m, x: m.exp(x), lambda m, o, x: o)
EXP2 = _row("exp2", "2ˣ", "2 to the power of x; derivative log(2)*o.",
    lambda m, x: m.exp2(x), lambda m, o, x: _LOG_2 * o)
EXPM1 = _row("expm1", "expm1", "exp(x) - 1, exact near 0; derivative exp(x).",
    lambda m, x: m.expm1(x), lambda m, o, x: m.exp(x))
LOG = _row("log", "log", "Natural logarithm; derivative 1/x.",
    lambda m, x: m.log(x), lambda m, o, x: m.div(1.0, x), domain=_POSITIVE)
LOG2 = _row("log2", "log₂", "Logarithm to base 2; derivative 1/(log(2)*x).",
    lambda m, x: m.log2(x), lambda m, o, x: m.div(1.0, _LOG_2 * x), domain=_POSITIVE)
LOG10 = _row("log10", "log₁₀", "Logarithm to base 10; derivative 1/(log(10)*x).",
    lambda m, x: m.log10(x), lambda m, o, x: m.div(1.0, _LOG_10 * x), domain=_POSITIVE)
LOG1P = _row("log1p", "log1p", "log(1 + x), exact near 0; derivative 1/(1 + x).",
    lambda m, x: m.log1p(x), lambda m, o, x: m.div(1.0, 1.0 + x), domain=((-1.0, inf),))
LOGADDEXP = _row("logaddexp", "lae",
    "log(exp(x) + exp(y)) without overflow; derivatives sigmoid(x - y) and sigmoid(y - x).",
    lambda m, x, y: m.maximum(x, y) + m.log1p(m.exp(-_distance(m, x, y))),
    lambda m, o, x, y: m.sigmoid(x - y),
    lambda m, o, x, y: m.sigmoid(y - x))
LOGIT = _row("logit", "logit",
    "log(x/(1 - x)), the inverse of sigmoid; derivative 1/x + 1/(1 - x).",
    lambda m, x: m.where(x < 0.25, m.log(x) - m.log1p(-x), _upper_logit(m, x)),
    lambda m, o, x: m.div(1.0, x) + m.div(1.0, 1.0 - x),
    domain=_UNIT_INTERVAL)
SQRT = _row("sqrt", "√", "Square root; derivative 1/(2*o).",
    lambda m, x: m.sqrt(x), lambda m, o, x: m.div(0.5, o), domain=_POSITIVE)
CBRT = _row("cbrt", "∛", "Cube root; derivative 1/(3*o²).",
    lambda m, x: m.cbrt(x), lambda m, o, x: m.div(1.0, 3.0 * o * o))

# Trigonometric and hyperbolic functions
SIN = _row("sin", "sin", "Sine of radians; derivative cos(x).",
    lambda m, x: m.sin(x), lambda m, o, x: m.cos(x))
COS = _row("cos", "cos", "Cosine of radians; derivative -sin(x).",
    lambda m, x: m.cos(x), lambda m, o, x: -m.sin(x))
TAN = _row("tan", "tan", "Tangent of radians; derivative 1 + o².",
    lambda m, x: m.tan(x), lambda m, o, x: 1.0 + o * o)
ASIN = _row("asin", "asin", "Inverse sine; derivative 1/√(1 - x²).",
    lambda m, x: m.asin(x),
    lambda m, o, x: m.div(1.0, m.sqrt(_below_one(m, x))),
    domain=_UNIT, numpy="arcsin")
ACOS = _row("acos", "acos", "Inverse cosine; derivative -1/√(1 - x²).",
    lambda m, x: m.acos(x),
    lambda m, o, x: m.div(-1.0, m.sqrt(_below_one(m, x))),
    domain=_UNIT, numpy="arccos")
ATAN = _row("atan", "atan", "Inverse tangent; derivative 1/(1 + x²).",
    lambda m, x: m.atan(x), lambda m, o, x: m.div(1.0, 1.0 + x * x), numpy="arctan")
SINH = _row("sinh", "sinh", "Hyperbolic sine; derivative cosh(x).",
    lambda m, x: m.sinh(x), lambda m, o, x: m.cosh(x))
COSH = _row("cosh", "cosh", "Hyperbolic cosine; derivative sinh(x).",
    lambda m, x: m.cosh(x), lambda m, o, x: m.sinh(x))
TANH = _row("tanh", "tanh", "Hyperbolic tangent; derivative 1 - o².",
    lambda m, x: m.tanh(x), lambda m, o, x: 1.0 - o * o)
ASINH = _row("asinh", "asinh", "Inverse hyperbolic sine; derivative 1/√(x² + 1).",
    lambda m, x: m.asinh(x),
    lambda m, o, x: m.div(1.0, m.where(abs(x) < 1e100, m.sqrt(x * x + 1.0), abs(x))),
    numpy="arcsinh")
ACOSH = _row("acosh", "acosh", "Inverse hyperbolic cosine; derivative 1/√(x² - 1).",
    lambda m, x: m.acosh(x),
    lambda m, o, x: m.div(m.div(1.0, m.sqrt(x - 1.0)), m.sqrt(x + 1.0)),
    domain=((1.0, inf),), numpy="arccosh")
ATANH = _row("atanh", "atanh", "Inverse hyperbolic tangent; derivative 1/(1 - x²).",
    lambda m, x: m.atanh(x),
    lambda m, o, x: m.div(1.0, _below_one(m, x)),
    domain=_UNIT, numpy="arctanh")
ATAN2 = _row("atan2", "atan2",
    "Angle of the point (y, x); derivatives x/(x² + y²) and -y/(x² + y²), 0 at the origin.",
    lambda m, y, x: m.atan2(y, x),
    lambda m, o, y, x: _atan2_partial(m, x, y, x),
    lambda m, o, y, x: _atan2_partial(m, -y, y, x),
    kinks=lambda m, y, x: (m.where(x < 0.0, y, m.hypot(x, y)),), numpy="arctan2")
HYPOT = _row("hypot", "hypot",
    "√(x² + y²) without overflow; derivatives x/o and y/o, 0 at the origin.",
    lambda m, x, y: m.hypot(x, y),
    lambda m, o, x, y: m.where(o <= 0.0, CUT, m.div(x, o)),
    lambda m, o, x, y: m.where(o <= 0.0, CUT, m.div(y, o)),
    kinks=lambda m, x, y: (m.hypot(x, y),))
ERF = _row("erf", "erf", "Error function; derivative 2/√π * exp(-x²).",
    lambda m, x: m.erf(x), lambda m, o, x: 2.0 / math.sqrt(math.pi) * m.exp(-(x * x)))
ERFC = _row("erfc", "erfc", "1 - erf(x), exact for large x; derivative -2/√π * exp(-x²).",
    lambda m, x: m.erfc(x), lambda m, o, x: -2.0 / math.sqrt(math.pi) * m.exp(-(x * x)))

# Selections and steps
MAXIMUM = _row("maximum", "max",
    "The larger of two, nan if either is; derivative 1 for it, 0 for the other, ½ each if equal.",
    lambda m, x, y: m.maximum(x, y),
    lambda m, o, x, y: m.where(x > y, 1.0, m.where(x < y, CUT, m.where(x >= y, 0.5, nan))),
    lambda m, o, x, y: m.where(x < y, 1.0, m.where(x > y, CUT, m.where(x >= y, 0.5, nan))),
    kinks=lambda m, x, y: (x - y,))
MINIMUM = _row("minimum", "min",
    "The smaller of two, nan if either is; derivative 1 for it, 0 for the other, ½ each if equal.",
    lambda m, x, y: m.minimum(x, y),
    lambda m, o, x, y: m.where(x < y, 1.0, m.where(x > y, CUT, m.where(x >= y, 0.5, nan))),
    lambda m, o, x, y: m.where(x > y, 1.0, m.where(x < y, CUT, m.where(x >= y, 0.5, nan))),
    kinks=lambda m, x, y: (x - y,))
CLAMP = _row("clamp", "clamp",
    "x kept between two bounds; derivative 1 inside and on the bounds, 0 outside.",
    lambda m, x, low=-inf, high=inf: m.minimum(m.maximum(x, low), high),
    lambda m, o, x, low, high: m.where(x < low, CUT, m.where(x > high, CUT, 1.0)),
    lambda m, o, x, low, high: m.where(x < low, m.where(low > high, CUT, 1.0), CUT),
    lambda m, o, x, low, high: m.where(m.maximum(x, low) > high, 1.0, CUT),
    kinks=lambda m, x, low, high: (x - low, x - high))
WHERE = _row("where", "where",
    "x where the condition holds, else y; the operand not taken receives exactly 0.",
    lambda m, condition, x, y: m.where(condition, x, y),
    _zero,
    lambda m, o, condition, x, y: m.where(condition, 1.0, CUT),
    lambda m, o, condition, x, y: m.where(condition, CUT, 1.0),
    static_args=("condition",))
FLOOR = _row("floor", "⌊x⌋", "The largest whole number not above x; derivative 0.",
    lambda m, x: m.floor(x), _zero, kinks=lambda m, x: (m.sin(math.pi * x),))
ROUND = _row("round", "round", "The nearest whole number, halves to the even one; derivative 0.",
    lambda m, x: m.round(x), _zero, kinks=lambda m, x: (m.cos(math.pi * x),), numpy="rint")
STEP = _row("step", "step", "1 above 0, else 0; derivative 0.",
    lambda m, x: m.where(x > 0.0, 1.0, m.where(x <= 0.0, 0.0, nan)), _zero, kinks=lambda m, x: (x,))

LT = _row("lt", "<", "1 where x < y, else 0, as for nan; derivatives 0 and 0.",
    lambda m, x, y: m.where(x < y, 1.0, 0.0), _zero, _zero, kinks=lambda m, x, y: (x - y,))
LE = _row("le", "≤", "1 where x ≤ y, else 0, as for nan; derivatives 0 and 0.",
    lambda m, x, y: m.where(x <= y, 1.0, 0.0), _zero, _zero, kinks=lambda m, x, y: (x - y,))
INDETERMINATE = _row("_indeterminate", "0·∞",
    "1 where x is 0 and y is infinite or nan, so that x * y is nan, else 0; derivatives 0 and 0.",
    lambda m, x, y: m.where(_is_zero(x), m.where(abs(y) < inf, 0.0, 1.0), 0.0), _zero, _zero)

# Activations. Where two formulas meet, one of them holds there to every order: in elu, selu, celu
# the exponential one, so that their second derivatives at 0 are alpha, scale*alpha and 1/alpha.
RELU = _row("relu", "relu", "max(x, 0); derivative 1 above 0, else 0.",
    lambda m, x: m.where(x <= 0.0, 0.0, x),
    lambda m, o, x: m.where(x <= 0.0, CUT, 1.0),
    kinks=lambda m, x: (x,))
RELU6 = _row("relu6", "relu6", "x kept between 0 and 6; derivative 1 strictly inside, else 0.",
    lambda m, x: m.minimum(m.maximum(x, 0.0), 6.0),
    lambda m, o, x: m.where(x <= 0.0, CUT, m.where(x >= 6.0, CUT, 1.0)),
    kinks=lambda m, x: (x, x - 6.0))
LEAKY_RELU = _row("leaky_relu", "leaky",
    "x above 0, else slope*x; derivatives 1 or slope, and 0 or x.",
    lambda m, x, slope=0.01: m.where(x > 0.0, x, slope * x),
    lambda m, o, x, slope: m.where(x > 0.0, 1.0, slope),
    lambda m, o, x, slope: m.where(x > 0.0, CUT, x),
    kinks=lambda m, x, slope: (x,))
PRELU = _row("prelu", "prelu",
    "Leaky ReLU with a slope that is learned; derivatives 1 or slope, and 0 or x.",
    lambda m, x, slope: m.where(x > 0.0, x, slope * x),
    LEAKY_RELU.partials[0],
    LEAKY_RELU.partials[1],
    kinks=LEAKY_RELU.kinks)
RRELU = _row("rrelu", "rrelu",
    "Leaky ReLU of slope (lower + upper)/2, as in evaluation; derivative 1 or that slope.",
    lambda m, x, lower=1 / 8, upper=1 / 3: m.where(x > 0.0, x, x * ((lower + upper) * 0.5)),
    lambda m, o, x, lower, upper: m.where(x > 0.0, 1.0, (lower + upper) * 0.5),
    lambda m, o, x, lower, upper: m.where(x > 0.0, CUT, 0.5 * x),
    lambda m, o, x, lower, upper: m.where(x > 0.0, CUT, 0.5 * x),
    kinks=lambda m, x, lower, upper: (x,))
ELU = _row("elu", "elu",
    "x above 0, else alpha*(exp(x) - 1); derivatives 1 or alpha*exp(x), and 0 or exp(x) - 1.",
    lambda m, x, alpha=1.0: m.where(x > 0.0, x, alpha * m.expm1(x)),
    lambda m, o, x, alpha: m.where(x > 0.0, 1.0, alpha * m.exp(x)),
    lambda m, o, x, alpha: m.where(x > 0.0, CUT, m.expm1(x)),
    kinks=lambda m, x, alpha: (x,))
SELU = _row("selu", "selu",
    "Scaled ELU of self-normalizing networks; derivative scale, or scale*alpha*exp(x) up to 0.",
    lambda m, x: _SELU_SCALE * m.where(x > 0.0, x, _SELU_ALPHA * m.expm1(x)),
    lambda m, o, x: _SELU_SCALE * m.where(x > 0.0, 1.0, _SELU_ALPHA * m.exp(x)),
    kinks=lambda m, x: (x,))
CELU = _row("celu", "celu",
    "x above 0, else alpha*(exp(x/alpha) - 1); derivative 1 above 0, else exp(x/alpha).",
    lambda m, x, alpha=1.0: m.where(x > 0.0, x, alpha * m.expm1(m.div(x, alpha))),
    lambda m, o, x, alpha: m.where(x > 0.0, 1.0, m.exp(m.div(x, alpha))),
    lambda m, o, x, alpha: m.where(x > 0.0, CUT, _celu_alpha_partial(m, m.div(x, alpha))),
    kinks=lambda m, x, alpha: (x,))
GELU = _row("gelu", "gelu", "x*Φ(x), Φ the normal distribution; derivative Φ(x) + x*φ(x).",
    lambda m, x: x * (0.5 * m.erfc(-_ROOT_HALF * x)),
    lambda m, o, x: 0.5 * m.erfc(-_ROOT_HALF * x) + x * (0.5 * _GELU_TANH * m.exp(-0.5 * (x * x))))
GELU_TANH = _row("gelu_tanh", "gelu~",
    "½x*(1 + tanh(u)), u = √(2/π)*(x + 0.044715x³); derivative s + 2o*(1 - s)*u', s = sigmoid(2u).",
    lambda m, x: x * m.sigmoid(_gelu_tanh_angle(x)),
    lambda m, o, x: _gelu_tanh_partial(m, o, x, _gelu_tanh_angle(x)))
SIGMOID = _row("sigmoid", "σ", "1/(1 + exp(-x)); derivative o*(1 - o).",
    lambda m, x: m.div(1.0, 1.0 + m.exp(-x)), lambda m, o, x: o * (1.0 - o))
LOGSIGMOID = _row("logsigmoid", "logσ", "log(sigmoid(x)) without overflow; derivative sigmoid(-x).",
    lambda m, x: m.minimum(x, 0.0) - m.log1p(m.exp(-abs(x))), lambda m, o, x: m.sigmoid(-x))
SOFTPLUS = _row("softplus", "softplus", "log(1 + exp(x)) without overflow; derivative sigmoid(x).",
    lambda m, x: m.maximum(x, 0.0) + m.log1p(m.exp(-abs(x))), lambda m, o, x: m.sigmoid(x))
SILU = _row("silu", "silu",
    "x*sigmoid(x), also called swish; derivative s*(1 + x*(1 - s)), s = sigmoid(x).",
    lambda m, x: x * m.sigmoid(x), lambda m, o, x: _silu_partial(x, m.sigmoid(x)))
MISH = _row("mish", "mish", "x*t, t = tanh(softplus(x)); derivative t + x*sigmoid(x)*(1 - t²).",
    lambda m, x: x * m.tanh(m.softplus(x)),
    lambda m, o, x: _mish_partial(x, m.tanh(m.softplus(x)), m.sigmoid(x)))
SOFTSIGN = _row("softsign", "softsign", "x/(1 + |x|); derivative 1/(1 + |x|)².",
    lambda m, x: m.div(x, 1.0 + abs(x)),
    lambda m, o, x: m.div(1.0, (1.0 + abs(x)) * (1.0 + abs(x))))
HARDSIGMOID = _row("hardsigmoid", "hardσ",
    "x/6 + ½ kept between 0 and 1; derivative 1/6 strictly inside, else 0.",
    lambda m, x: m.minimum(m.maximum(m.div(x, 6.0) + 0.5, 0.0), 1.0),
    lambda m, o, x: m.where(x <= -3.0, CUT, m.where(x >= 3.0, CUT, 1.0 / 6.0)),
    kinks=lambda m, x: (x + 3.0, x - 3.0))
HARDSWISH = _row("hardswish", "hardswish",
    "x*hardsigmoid(x); derivative x/3 + ½ between -3 and 3, 0 from there down, 1 from there up.",
    lambda m, x: m.where(x <= -3.0, 0.0, x * m.hardsigmoid(x)),
    lambda m, o, x: m.where(x <= -3.0, CUT, m.where(x >= 3.0, 1.0, m.div(x + 1.5, 3.0))),
    kinks=lambda m, x: (x + 3.0, x - 3.0))
SOFTSHRINK = _row("softshrink", "softshrink",
    "x brought nearer to 0 by a threshold; derivatives 1 and -sign(x) beyond it, else 0 and 0.",
    lambda m, x, threshold=0.5: x - m.minimum(m.maximum(x, -threshold), threshold),
    lambda m, o, x, threshold: m.where(x > threshold, 1.0, m.where(x < -threshold, 1.0, CUT)),
    lambda m, o, x, threshold: m.where(x > threshold, -1.0, m.where(x < -threshold, 1.0, CUT)),
    domain=((-inf, inf), (0.0, inf)), kinks=lambda m, x, threshold: (x - threshold, x + threshold))
HARDTANH = _row("hardtanh", "hardtanh",
    "x kept between two bounds; derivative 1 strictly inside, else 0.",
    lambda m, x, low=-1.0, high=1.0: m.minimum(m.maximum(x, low), high),
    lambda m, o, x, low, high: m.where(x <= low, CUT, m.where(x >= high, CUT, 1.0)),
    lambda m, o, x, low, high: m.where(x <= low, m.where(low >= high, CUT, 1.0), CUT),
    lambda m, o, x, low, high: m.where(m.maximum(x, low) >= high, 1.0, CUT),
    kinks=lambda m, x, low, high: (x - low, x - high))

# Over lists: one rule returns the local derivative of every item
SUM = _row("sum", "Σ", "The sum of a list; derivative 1 for each item.",
    lambda m, items: m.total(items), lambda m, o, items: [1.0] * len(items), over_list=True)
MEAN = _row("mean", "mean", "The mean of a list; derivative 1/n for each item.",
    lambda m, items: m.total(items) / len(items),
    lambda m, o, items: [1.0 / len(items)] * len(items),
    over_list=True)
PROD = _row("prod", "∏",
    "The product of a list; derivative for an item: the product of the others.",
    lambda m, items: reduce(mul, items),
    lambda m, o, items: _products_of_others(items),
    over_list=True)
DOT = _row("dot", "·",
    "x0*y0 + x1*y1 + … of a list x0, x1, …, y0, y1, …; derivative for an item: its partner.",
    lambda m, items: _total(map(mul, items[: len(items) // 2], items[len(items) // 2 :])),
    lambda m, o, items: [*items[len(items) // 2 :], *items[: len(items) // 2]],
    over_list=True)
MAX = _row("max", "max",
    "The largest of a list, nan if one is; derivative 1 for it, shared if several are, else 0.",
    lambda m, items: m.largest(items), lambda m, o, items: _shares(m, items, o), over_list=True)
MIN = _row("min", "min",
    "The smallest of a list, nan if one is; derivative 1 for it, shared if several are, else 0.",
    lambda m, items: m.smallest(items),
    lambda m, o, items: _shares(m, m.each(neg, items), -o),
    over_list=True)
NORM = _row("norm", "norm",
    "√(x0² + x1² + …) without overflow; derivative x/o for each item, 0 at the origin.",
    lambda m, items: _norm(m, items),
    lambda m, o, items: m.each(lambda x: m.where(o <= 0.0, CUT, m.div(x, o)), items),
    kinks=lambda m, *items: (reduce(m.hypot, items, 0.0),), over_list=True)
LOGSUMEXP = _row("logsumexp", "lse",
    "log(exp(x0) + exp(x1) + …) without overflow; derivative exp(x)/Σ exp(xi), the softmax.",
    lambda m, items: _logsumexp(m, items),
    lambda m, o, items: _softmax(m, o, items),
    over_list=True)
TAKE = _row("take", "[i]",
    "The entry of a list i, x0, x1, … at index i, the nearest one; derivative 1 for it, else 0.",
    lambda m, items: _entry(m, items), lambda m, o, items: _entry_partials(m, items),
    over_list=True)

# Gradients
STOP_GRADIENT = _row("stop_gradient", "stop",
    "x itself, as a constant; derivative 0, to every order.",
    lambda m, x: m.stop_gradient(x), _zero)
# fmt: on


def _distance(m: Any, x: Any, y: Any) -> Any:
    """|x - y|, and 0 for two equal infinities, whose difference is nan."""
    return m.where((x <= y) & (x >= y), 0.0, abs(x - y))


def _upper_logit(m: Any, x: Any) -> Any:
    """log(x/(1 - x)) from ¼ up: near ½ the quotient is close to 1, and log1p keeps the digits."""
    return m.log1p(m.div((x - 0.5) * 2.0, 1.0 - x))


def _power_partial(m: Any, x: Any, y: Any) -> Any:
    # At x = 0 the exponent is a constant: otherwise d²/dxdy and d²/dydx would differ there.
    exponent = m.fixed_where(_is_zero(x) & (y >= 0.0), y)
    return m.zero_where(_is_zero(y), exponent * m.pow(x, exponent - 1.0))


def _below_one(m: Any, x: Any) -> Any:
    """1 - x²; as a product it is exact near ±1, but at ±1 its second derivative would be 0·∞."""
    return m.where(abs(x) < 1.0, (1.0 - x) * (1.0 + x), 1.0 - x * x)


def _atan2_partial(m: Any, part: Any, y: Any, x: Any) -> Any:
    """part/(x² + y²), scaled first, so that no square overflows or underflows."""
    size = m.stop_gradient(m.maximum(abs(y), abs(x)))
    v = m.div(y, size)
    u = m.div(x, size)
    scaled = m.div(m.div(part, size), v * v + u * u)
    return m.where(size <= 0.0, CUT, m.div(scaled, size))


def _celu_alpha_partial(m: Any, ratio: Any) -> Any:
    return m.expm1(ratio) - ratio * m.exp(ratio)


def _gelu_tanh_angle(x: Any) -> Any:
    """2u, for ½(1 + tanh(u)) = sigmoid(2u), which keeps its digits where tanh(u) is close to -1."""
    return 2.0 * _GELU_TANH * (x + 0.044715 * (x * x * x))


def _gelu_tanh_partial(m: Any, o: Any, x: Any, angle: Any) -> Any:
    rest = o * m.sigmoid(-angle) * (2.0 * _GELU_TANH * (1.0 + 0.134145 * (x * x)))
    # Beyond 30 the rest is 0, but the product would be 0 times infinity.
    return m.sigmoid(angle) + m.where(abs(x) < 30.0, rest, 0.0)


def _silu_partial(x: Any, s: Any) -> Any:
    return s * (1.0 + x * (1.0 - s))


def _mish_partial(x: Any, t: Any, s: Any) -> Any:
    return t + x * s * (1.0 - t * t)


def _products_of_others(items: Any) -> list[Any]:
    # Dividing the whole product by an item would fail at 0, so running products are combined.
    before = [1.0, *accumulate(items[:-1], mul)]
    after = [1.0, *accumulate(items[:0:-1], mul)]
    return [x * y for x, y in zip(before, reversed(after), strict=True)]


def _shares(m: Any, items: Any, largest: Any) -> Any:
    share = m.div(1.0, m.total(m.each(lambda x: m.where(x >= largest, 1.0, 0.0), items)))
    return m.each(lambda x: m.where(x >= largest, share, m.where(x < largest, CUT, nan)), items)


def _norm(m: Any, items: Any) -> Any:
    largest = m.largest(m.each(abs, items))
    usual = m.where((largest > 0.0) & (largest < inf), largest, 1.0)

    # Squares of numbers between these bounds neither overflow nor underflow.
    scale = m.where((largest > 1e-140) & (largest < 1e140), 1.0, usual)
    return scale * m.sqrt(m.total(m.each(lambda x: m.div(x, scale) * m.div(x, scale), items)))


def _logsumexp(m: Any, items: Any) -> Any:
    largest = m.largest(items)
    shift = m.where(abs(largest) < inf, largest, 0.0)
    return shift + m.log(m.total(m.each(lambda x: m.exp(x - shift), items)))


def _softmax(m: Any, o: Any, items: Any) -> Any:
    # exp(x - o) alone is not exact where o is large, which has lost the digits that count.
    shift = m.stop_gradient(o)
    powers = m.each(lambda x: m.exp(x - shift), items)
    total = m.total(powers)
    return m.each(lambda power: m.div(power, total), powers)


def _entry(m: Any, items: Any) -> Any:
    """The entry nearest to the index, which comes first: the first or last one beyond the ends."""
    index = items[0]
    result = items[-1]
    for position in range(len(items) - 3, -1, -1):
        result = m.where(index < position + 0.5, items[position + 1], result)
    return result


def _entry_partials(m: Any, items: Any) -> list[Any]:
    index = items[0]
    last = len(items) - 2
    partials = [CUT]
    for position in range(last + 1):
        start = position - 0.5 if position > 0 else -inf
        end = position + 0.5 if position < last else inf
        partials.append(m.where((index >= start) & (index < end), 1.0, CUT))
    return partials


FLOATS = namespace(vars(floats))
"""The operations on plain floats, by IEEE 754."""

VALUES = SimpleNamespace()
"""The operations on Values. `operations` fills it, because Values are built on the table."""

TRACED = SimpleNamespace()
"""The chain rule on Values whose numbers are unknown. `traced` fills it, for the same reason."""
