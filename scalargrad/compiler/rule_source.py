"""Rules as source: the rules of the table, written as Python text.

A rule that is given Expressions instead of numbers returns the Expression that computes it. So a
compiled program calls NumPy alone, and never asks the table again.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from scalargrad.core import floats
from scalargrad.core.ops import (
    DIV,
    FLOATS,
    POW,
    RELU,
    STOP_GRADIENT,
    TABLE,
    WHERE,
    ExactZero,
    namespace,
)

__all__ = ["EXPRESSIONS", "Condition", "Expression", "Term", "multiply", "to_source"]


class Expression:
    """A Python expression of an array, as text. Arithmetic on it returns longer expressions.

    Example:
        >>> str((Expression("x") + 1.0) * Expression("y"))
        '((x + 1.0) * y)'
    """

    __slots__ = ("source",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, source: str) -> None:
        self.source = source

    def __str__(self) -> str:
        return self.source

    def __neg__(self) -> "Expression":
        return Expression(f"(-{self})")

    def __abs__(self) -> "Expression":
        return Expression(f"abs({self})")

    def __add__(self, other: "Term") -> "Expression":
        return Expression(f"({self} + {to_source(other)})")

    def __radd__(self, other: "Term") -> "Expression":
        return Expression(f"({to_source(other)} + {self})")

    def __sub__(self, other: "Term") -> "Expression":
        return Expression(f"({self} - {to_source(other)})")

    def __rsub__(self, other: "Term") -> "Expression":
        return Expression(f"({to_source(other)} - {self})")

    def __mul__(self, other: "Term") -> "Expression":
        return Expression(f"({self} * {to_source(other)})")

    def __rmul__(self, other: "Term") -> "Expression":
        return Expression(f"({to_source(other)} * {self})")

    def __lt__(self, other: "Term") -> "Condition":
        return Condition(f"({self} < {to_source(other)})")

    def __le__(self, other: "Term") -> "Condition":
        return Condition(f"({self} <= {to_source(other)})")

    def __gt__(self, other: "Term") -> "Condition":
        return Condition(f"({self} > {to_source(other)})")

    def __ge__(self, other: "Term") -> "Condition":
        return Condition(f"({self} >= {to_source(other)})")


class Condition(Expression):
    """An expression of an array of True and False."""

    __slots__ = ()

    def __invert__(self) -> "Condition":
        return Condition(f"(~{self})")

    def __and__(self, other: "Condition | bool") -> "Condition | bool":
        # A comparison of plain numbers, such as options of an operation, is decided already.
        if isinstance(other, Condition):
            return Condition(f"({self} & {other})")
        return self if other else False

    __rand__ = __and__


Term = Expression | float
"""What a rule is given and returns here: an expression, or a plain number."""


def to_source(term: Term) -> str:
    """Return a number or an Expression as source.

    inf and nan are names of the namespace that the source runs in.

    Example:
        >>> to_source(0.5), to_source(Expression("x"))
        ('0.5', 'x')
    """
    if isinstance(term, Expression):
        return term.source
    return repr(float(term))


def _call(name: str) -> Callable[..., Expression]:
    """Return the rule that writes a call of this function."""

    def call(*arguments: Term) -> Expression:
        sources = ", ".join(map(to_source, arguments))
        return Expression(f"{name}({sources})")

    return call


def _is_number(source: str) -> bool:
    """Whether a source is a plain number, such as a constant that was read."""
    try:
        float(source)
    except ValueError:
        return False
    return True


def _where(condition: Condition | bool, x: Term, y: Term) -> Term:
    if isinstance(condition, bool):
        return x if condition else y
    # A mask of True and False multiplies as 1 and 0 do, so it is its own selection of them. An
    # ExactZero only: a product with it is 0 by construction, whatever the other factor.
    if isinstance(condition, Condition):
        if isinstance(x, ExactZero) and _is_one(y):
            return ~condition
        if isinstance(y, ExactZero) and _is_one(x):
            return condition
    return Expression(f"where({condition}, {to_source(x)}, {to_source(y)})")


def _is_one(term: Term) -> bool:
    return not isinstance(term, Expression) and term == 1.0


def _div(x: Term, y: Term) -> Term:
    # The derivative by a number that is divided by a constant is a constant, computed here, once.
    sources = [to_source(x), to_source(y)]
    if all(map(_is_number, sources)):
        quotient: float = DIV.value(FLOATS, list(map(float, sources)))
        return quotient
    return _CALLS[DIV.name](x, y)


def _pow(x: Term, y: Term) -> Term:
    # NumPy's power computes first powers and squares as slowly as any other.
    if not isinstance(y, Expression):
        if y == 1.0:
            return x
        if y == 2.0:
            return Expression(f"square({x})")
    return Expression(f"pow({to_source(x)}, {to_source(y)})")


_CALLS = {name: _call(name) for name in vars(floats) if name in TABLE and not TABLE[name].over_list}
_FASTER: dict[str, Callable[..., Term]] = {
    WHERE.name: _where,
    DIV.name: _div,
    POW.name: _pow,
    RELU.name: lambda x: Expression(f"maximum({x}, 0.0)"),
    STOP_GRADIENT.name: lambda x: x,
}
EXPRESSIONS: SimpleNamespace = namespace({**_CALLS, **_FASTER})
"""The operations on Expressions. Each writes the call of the primitive of its name."""


def multiply(gradient: str, partial: Any) -> str | None:
    """Return the product of a gradient and a local derivative as source.

    Args:
        gradient: The gradient, as source.
        partial: What the rule of a derivative returned: an Expression, a number, or an ExactZero.

    Returns:
        The product, or None where it is 0 by construction.

    Example:
        >>> from scalargrad.core.ops import CUT
        >>> multiply("g", 1.0), multiply("g", -1.0), multiply("g", Expression("(x + 1.0)"))
        ('g', '(-g)', '(g * (x + 1.0))')
        >>> multiply("g", CUT) is None
        True
    """
    if isinstance(partial, ExactZero):
        return None
    if isinstance(partial, Expression):
        return f"({gradient} * {partial})"
    if partial == 1.0:
        return gradient
    if partial == -1.0:
        return f"(-{gradient})"
    return f"({gradient} * {to_source(partial)})"
