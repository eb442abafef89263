"""Mathematical expressions: a small tree that knows how a textbook groups its parts.

Arithmetic on an Expression makes a larger one, so that what is written with operators, such as
`1 + x`, works on numbers, on Values, and here on notation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Union

MAX_TERMS = 12
"""Terms of a sum, or factors of a product, that are written; of a longer one the two ends."""


class Kind(Enum):
    """What an expression is, and so how it is written."""

    NUMBER = auto()
    NAME = auto()
    HIDDEN = auto()
    SUM = auto()
    NEGATIVE = auto()
    PRODUCT = auto()
    FRACTION = auto()
    POWER = auto()
    SQUARE_ROOT = auto()
    CUBE_ROOT = auto()
    BARS = auto()
    FLOOR = auto()
    REMAINDER = auto()
    CASES = auto()
    CALL = auto()


Operand = Union["Expression", float]


@dataclass(frozen=True, slots=True)
class Expression:
    """A node of the tree.

    Attributes:
        size: How many names, numbers and functions it holds.
        kind: What it is.
        parts: The expressions in it.
        text: The name, or that of the function.
        value: The number; of hidden terms, how many they are.

    Example:
        >>> x = make_name("x")
        >>> (1.0 + x * 2.0).kind.name, (1.0 + x * 2.0).size
        ('SUM', 3)
    """

    size: int
    kind: Kind
    parts: tuple["Expression", ...] = ()
    text: str = ""
    value: float = 0.0

    def __add__(self, other: Operand) -> "Expression":
        return add_up([self, as_expression(other)])

    def __radd__(self, other: Operand) -> "Expression":
        return as_expression(other) + self

    def __sub__(self, other: Operand) -> "Expression":
        return self + -as_expression(other)

    def __rsub__(self, other: Operand) -> "Expression":
        return as_expression(other) - self

    def __mul__(self, other: Operand) -> "Expression":
        factor = as_expression(other)
        return self**2.0 if factor == self else multiply([self, factor])

    def __rmul__(self, other: Operand) -> "Expression":
        return as_expression(other) * self

    def __truediv__(self, other: Operand) -> "Expression":
        return combine(Kind.FRACTION, self, other)

    def __rtruediv__(self, other: Operand) -> "Expression":
        return as_expression(other) / self

    def __pow__(self, other: Operand) -> "Expression":
        exponent = as_expression(other)
        is_first = exponent.kind is Kind.NUMBER and exponent.value == 1.0
        return self if is_first else combine(Kind.POWER, self, exponent)

    def __neg__(self) -> "Expression":
        return combine(Kind.NEGATIVE, self)

    def __abs__(self) -> "Expression":
        return combine(Kind.BARS, self)


def make_name(name: str) -> Expression:
    """Return a variable."""
    return Expression(1, Kind.NAME, text=name)


def as_expression(operand: Operand) -> Expression:
    """Return an expression as it is, and a number as an expression."""
    if isinstance(operand, Expression):
        return operand
    return Expression(1, Kind.NUMBER, value=float(operand))


def combine(kind: Kind, *operands: Operand) -> Expression:
    """Return an expression of some kind."""
    return _hold(kind, [as_expression(operand) for operand in operands])


def call(function: str, *operands: Operand) -> Expression:
    """Return a function applied to some operands; of many the ones in the middle are left out."""
    parts = _leave_out([as_expression(operand) for operand in operands])
    return _hold(Kind.CALL, parts, function)


def add_up(terms: Sequence[Operand]) -> Expression:
    """Return a sum; sums in it become part of it."""
    return _join(Kind.SUM, terms)


def multiply(factors: Sequence[Operand]) -> Expression:
    """Return a product; products in it become part of it."""
    return _join(Kind.PRODUCT, factors)


def _join(kind: Kind, operands: Sequence[Operand]) -> Expression:
    parts: list[Expression] = []
    for operand in operands:
        part = as_expression(operand)
        parts += part.parts if part.kind is kind else [part]
    if len(parts) == 1:
        return parts[0]
    return _hold(kind, _leave_out(parts))


def _hold(kind: Kind, parts: Sequence[Expression], text: str = "") -> Expression:
    size = sum(part.size for part in parts) + (kind not in (Kind.SUM, Kind.PRODUCT))
    return Expression(size, kind, tuple(parts), text)


def _leave_out(parts: Sequence[Expression]) -> list[Expression]:
    """Return parts without the middle ones, if there are many.

    A sum of 100,000 terms that grows by one term at a time never holds more than a few of them.
    """
    if len(parts) <= MAX_TERMS:
        return [*parts]
    half = MAX_TERMS // 2
    middle = parts[half : 1 - half]
    count = sum(part.value if part.kind is Kind.HIDDEN else 1 for part in middle)
    hidden = Expression(1, Kind.HIDDEN, value=count)
    return [*parts[:half], hidden, *parts[1 - half :]]
