"""Dual numbers: the derivative of a rule by forward mode.

A dual number carries a number and how it moves with one operand. A rule that is run on dual numbers
returns its own derivative, in whatever namespace it is run.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from . import ops
from .ops import CUT, TABLE, ExactZero, Op


class DualOperations:
    """The operations of the table on dual numbers: a namespace made from another one.

    Args:
        m: The namespace to compute numbers and derivatives in.

    Example:
        >>> space = DualOperations(ops.FLOATS)
        >>> y = space.exp(Dual(space, 0.0, 1.0)) * 3.0
        >>> y.number, y.tangent
        (3.0, 3.0)
    """

    def __init__(self, m: Any) -> None:
        self.numbers = m
        self.rules = _Rules(m)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in TABLE:
            raise AttributeError(f"there is no operation {name!r}")
        op = TABLE[name]
        return lambda *operands: self.apply(op, operands)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        """Choose a number together with its derivative, so that the other one sends nothing."""
        number = self.numbers.where(_number(condition), _number(x), _number(y))
        x_moves = _tangent(x)
        y_moves = _tangent(y)
        if isinstance(x_moves, ExactZero) and isinstance(y_moves, ExactZero):
            return Dual(self, number, CUT)
        return Dual(self, number, self.rules.where(_number(condition), x_moves, y_moves))

    def apply(self, op: Op, operands: Sequence[Any]) -> "Dual":
        """Compute an operation, and by the chain rule how its result moves."""
        numbers = [_number(x) for x in operands]
        numbers += op.defaults[len(op.defaults) - (len(op.operands) - len(numbers)) :]
        # By its name, as some namespaces compute an operation in a better way than by its rule.
        compute = partial(op.forward, self.numbers)
        if op not in _OPERATORS:
            compute = getattr(self.numbers, op.name)
        result = compute(*numbers)

        tangent: Any = CUT
        for rule, x in zip(op.partials, operands, strict=False):
            moves = _tangent(x)
            if isinstance(moves, ExactZero):
                continue
            share = _multiply(rule(self.rules, result, *numbers), moves)
            if not isinstance(share, ExactZero):
                tangent = share if isinstance(tangent, ExactZero) else tangent + share
        return Dual(self, result, tangent)


_OPERATORS = (ops.ADD, ops.SUB, ops.MUL, ops.NEG, ops.ABS)
"""The operations that rules write with operators of Python."""


class _Rules:
    """A namespace for local derivatives that are factors of others.

    Some namespaces keep a derivative that is 0 by construction apart from numbers. Here it is a 0,
    which can be multiplied and added.
    """

    def __init__(self, m: Any) -> None:
        self._m = m

    def __getattr__(self, name: str) -> Any:
        return getattr(self._m, name)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return self._m.where(condition, _plain(x), _plain(y))

    def zero_where(self, condition: Any, x: Any) -> Any:
        return self._m.where(condition, 0.0, x)


class Dual:
    """A number and its derivative.

    Attributes:
        space: The operations on it.
        number: The number.
        tangent: Its derivative by the operand that moves.
    """

    __slots__ = ("number", "space", "tangent")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, space: DualOperations, number: Any, tangent: Any) -> None:
        self.space = space
        self.number = number
        self.tangent = tangent

    def __neg__(self) -> "Dual":
        return self.space.apply(ops.NEG, [self])

    def __abs__(self) -> "Dual":
        return self.space.apply(ops.ABS, [self])

    def __add__(self, other: Any) -> "Dual":
        return self.space.apply(ops.ADD, [self, other])

    def __radd__(self, other: Any) -> "Dual":
        return self.space.apply(ops.ADD, [other, self])

    def __sub__(self, other: Any) -> "Dual":
        return self.space.apply(ops.SUB, [self, other])

    def __rsub__(self, other: Any) -> "Dual":
        return self.space.apply(ops.SUB, [other, self])

    def __mul__(self, other: Any) -> "Dual":
        return self.space.apply(ops.MUL, [self, other])

    def __rmul__(self, other: Any) -> "Dual":
        return self.space.apply(ops.MUL, [other, self])

    # A comparison is decided by the numbers, in the way of the namespace that they belong to.

    def __lt__(self, other: Any) -> Any:
        return self.number < _number(other)

    def __le__(self, other: Any) -> Any:
        return self.number <= _number(other)

    def __gt__(self, other: Any) -> Any:
        return self.number > _number(other)

    def __ge__(self, other: Any) -> Any:
        return self.number >= _number(other)


def _number(x: Any) -> Any:
    return x.number if isinstance(x, Dual) else x


def _tangent(x: Any) -> Any:
    return x.tangent if isinstance(x, Dual) else CUT


def _plain(x: Any) -> Any:
    return float(x) if isinstance(x, ExactZero) else x


def _multiply(partial: Any, tangent: Any) -> Any:
    if isinstance(partial, ExactZero):
        return CUT
    if isinstance(tangent, float) and tangent == 1.0:
        return partial
    if isinstance(partial, float) and partial == 1.0:
        return tangent
    return partial * tangent
