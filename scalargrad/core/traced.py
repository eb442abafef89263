"""The chain rule while a function is traced: nothing is decided by the number of a Value.

Eager code decides by numbers. A rule of the table picks one of two formulas, and a gradient of 0
sends nothing through an infinite derivative. A trace holds for all samples, so there both are
operations of the graph: conditions are `lt` and `le`, choices are `where`.

One difference remains. Where a gradient is 0 by construction, as behind a ReLU that is off, eager
code goes no further; here all that follows is in the graph, times that 0. To differentiate it again
multiplies the 0 by what comes back, and where that overflows to infinity the result is nan, not 0.
An example is the third derivative of relu(gelu_tanh(x)) at x = -1e300.
"""

from collections.abc import Callable
from functools import partial
from math import isfinite, nan
from typing import Any, NamedTuple, TypeAlias

from . import ops
from .backprop import operands, which_are_values
from .operations import apply, apply_in_rule
from .ops import CUT, TABLE, TRACED, ExactZero, namespace
from .value import Constant, Number, Value


class Operand:
    """A Value inside a rule of the table. A comparison of it is a Condition.

    Example:
        >>> x = Operand(Value(3.0))
        >>> (2.0 * x).value.data, (x < 2.0).value.data
        (6.0, 0.0)
    """

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Value) -> None:
        self.value = value

    def __neg__(self) -> "Operand":
        return Operand(-self.value)

    def __abs__(self) -> "Operand":
        return Operand(abs(self.value))

    def __add__(self, other: "Term") -> "Operand":
        return Operand(self.value + _number(other))

    def __radd__(self, other: float) -> "Operand":
        return Operand(other + self.value)

    def __sub__(self, other: "Term") -> "Operand":
        return Operand(self.value - _number(other))

    def __rsub__(self, other: float) -> "Operand":
        return Operand(other - self.value)

    def __mul__(self, other: "Term") -> "Operand":
        return Operand(self.value * _number(other))

    def __rmul__(self, other: float) -> "Operand":
        return Operand(other * self.value)

    def __lt__(self, other: "Term") -> "Condition":
        return Condition(apply(ops.LT, self.value, _number(other)))

    def __le__(self, other: "Term") -> "Condition":
        return Condition(apply(ops.LE, self.value, _number(other)))

    def __gt__(self, other: "Term") -> "Condition":
        return Condition(apply(ops.LT, _number(other), self.value))

    def __ge__(self, other: "Term") -> "Condition":
        return Condition(apply(ops.LE, _number(other), self.value))


class Condition(Operand):
    """A Value that is 1 where the condition holds, and 0 where it does not."""

    __slots__ = ()

    def __and__(self, other: "Condition | bool") -> "Condition | bool":
        if isinstance(other, Condition):
            return Condition(self.value * other.value)
        return self if other else False

    __rand__ = __and__


class Choice(NamedTuple):
    """A local derivative that is one of two, at least one of which may be 0 by construction.

    Kept apart until it is multiplied by a gradient: 0 by construction times infinity is 0.

    Attributes:
        condition: Not 0 where the first one holds.
        x: The first one.
        y: The second one.
    """

    condition: Value
    x: "Partial"
    y: "Partial"


Term: TypeAlias = Operand | float
Partial: TypeAlias = Operand | Choice | float


def _number(term: Term) -> Number:
    return term.value if isinstance(term, Operand) else term


# The namespace that rules of local derivatives are called with


def _apply(op: ops.Op, *terms: Term) -> Term:
    result: Number = apply_in_rule(op, *map(_number, terms))
    return Operand(result) if isinstance(result, Value) else result


def _where(condition: Term | bool, x: Partial, y: Partial) -> Partial:
    if not isinstance(condition, Operand):
        return x if condition else y
    if isinstance(x, Choice | ExactZero) or isinstance(y, Choice | ExactZero):
        return Choice(condition.value, x, y)
    return Operand(apply(ops.WHERE, condition.value, _number(x), _number(y)))


def _zero_where(condition: Condition | bool, x: Term) -> Partial:
    # As for Values in eager code: x itself where it is 0, as that can be differentiated again.
    is_zero = (x <= 0.0) & (x >= 0.0)
    return _where(condition, _where(is_zero, x, CUT), x)


def _fixed_where(condition: Condition | bool, x: Term) -> Partial:
    # A plain number is fixed anyway, and stays a static argument where it is one.
    if not isinstance(x, Operand):
        return x
    return _where(condition, _apply(ops.STOP_GRADIENT, x), x)


_NAMES = {op.name: partial(_apply, op) for op in TABLE.values()}
_HELPERS: dict[str, Callable[..., Any]] = {
    ops.WHERE.name: _where,
    "largest": lambda items: _apply(ops.MAX, *items),
    "smallest": lambda items: _apply(ops.MIN, *items),
    "zero_where": _zero_where,
    "fixed_where": _fixed_where,
}
_RULES = namespace(_NAMES | _HELPERS)


# What `backprop` does by numbers


def _local_derivatives(node: Value) -> tuple[Partial, ...]:
    """Build the local derivatives of a node, whose operation is in the table, one for each arg."""
    terms = [Operand(x) if isinstance(x, Value) else x for x in operands(node)]
    return TABLE[node.op].derivatives(_RULES, Operand(node), terms, which_are_values(node))


def _chain(gradient: Number, partial: Partial) -> Number | None:
    """Multiply a gradient (or a tangent) by a local derivative, as `backprop.chain` does."""
    if isinstance(partial, ExactZero):
        return None
    if isinstance(partial, Choice):
        x = _chain(gradient, partial.x)
        y = _chain(gradient, partial.y)
        share: Number = apply(
            ops.WHERE,
            partial.condition,
            0.0 if x is None else x,
            0.0 if y is None else y,
        )
        return share

    local = _number(partial)
    known_gradient = _known(gradient)
    known_local = _known(local)
    if known_local == 1.0:
        return gradient
    if known_gradient == 1.0:
        return local
    product = gradient * local
    if isfinite(known_local) or abs(known_gradient) > 0.0:
        return product
    # The compiler knows this form: see `compiler.zero_checks`.
    is_nothing = apply(ops.INDETERMINATE, gradient, local)
    checked: Number = apply(ops.WHERE, is_nothing, 0.0, product)
    return checked


def _known(number: Number) -> float:
    """The number, where it is the same for all samples, else nan."""
    if not isinstance(number, Value):
        return number
    return number._data if type(number) is Constant else nan


TRACED.local_derivatives = _local_derivatives
TRACED.chain = _chain
