"""The operations as functions: one for each row of the table, and the few that are made of several rows.

They take Values and plain numbers. With a Value among the operands the result is a Value; numbers alone give a float.

>>> from scalargrad import Value
>>> tanh(Value(0.5)).data == tanh(0.5)
True
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import ops
from .engine import Number, Value, apply
from .errors import DataError, LengthError
from .ops import TABLE, Op


def _items(op: Op, items: Iterable[Number]) -> list[Number]:
    if isinstance(items, Value) or not isinstance(items, Iterable) or isinstance(items, str):
        raise DataError(f"{op.name} takes one list of Values and numbers, not {type(items).__name__}: write {op.name}([x, y])")
    found = list(items)
    if not found:
        raise LengthError(f"{op.name} of an empty list: give at least one item")
    return found


def _over_list(op: Op) -> Callable[..., Any]:
    def function(items: Iterable[Number]) -> Any:
        return apply(op, *_items(op, items))

    return function


def _of_operands(op: Op) -> Callable[..., Any]:
    required = len(op.operands) - len(op.defaults)

    def function(*operands: Any, **named: Any) -> Any:
        given = (*operands, *_by_name(op, len(operands), named))
        if not required <= len(given) <= len(op.operands):
            raise TypeError(f"{op.name}({', '.join(op.operands)}) takes {required} to {len(op.operands)} operands, not {len(given)}")
        return apply(op, *given, *op.defaults[len(given) - required :])

    return function


def _by_name(op: Op, given: int, named: dict[str, Any]) -> list[Any]:
    """Operands that were passed by name, in their places, with defaults for those before the last one named."""
    if not named:
        return []
    defaults = dict(zip(op.operands[len(op.operands) - len(op.defaults) :], op.defaults, strict=True))
    for name in named:
        if name not in op.operands[given:]:
            raise TypeError(f"{op.name}({', '.join(op.operands)}) has no operand {name!r} left to name")
    rest = {**defaults, **named}
    missing = [name for name in op.operands[given:] if name not in rest]
    if missing:
        raise TypeError(f"{op.name}({', '.join(op.operands)}) is missing {', '.join(missing)}")
    return [rest[name] for name in op.operands[given:]]


def _function(op: Op) -> Callable[..., Any]:
    function = _over_list(op) if op.over_list else _of_operands(op)
    function.__name__ = function.__qualname__ = op.name
    function.__module__ = __name__
    domain = ", ".join(f"{low:g} < {name} < {high:g}" for name, (low, high) in zip(op.operands, op.domain, strict=False))
    function.__doc__ = f"{op.doc}\n\n{op.name}({', '.join(op.operands)})" + (f", for {domain}; nan or ±inf outside." if domain else "")
    return function


FUNCTIONS: dict[str, Callable[..., Any]] = {op.name: _function(op) for op in TABLE.values()}
"""The function of each row, by name."""

_dot = FUNCTIONS[ops.DOT.name]
FUNCTIONS[ops.DOT.name] = lambda x, y: _dot(_paired(x, y))
globals().update(FUNCTIONS)


def _paired(x: Sequence[Number], y: Sequence[Number]) -> list[Number]:
    if len(x) != len(y):
        raise LengthError(f"dot needs two lists of one length: {len(x)} and {len(y)} items")
    return [*x, *y]


def log_softmax(items: Iterable[Number]) -> list[Any]:
    """x - logsumexp(items) for each item: the logarithm of `softmax`, without overflow.

    >>> log_softmax([0.0, 0.0])
    [-0.6931471805599453, -0.6931471805599453]
    """
    numbers = _items(ops.LOGSUMEXP, items)
    total = apply(ops.LOGSUMEXP, *numbers)
    return [x - total for x in numbers]


def softmax(items: Iterable[Number]) -> list[Any]:
    """exp(x) / (exp(x0) + exp(x1) + …) for each item, as exp(log_softmax): positive numbers that add up to 1.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    return [apply(ops.EXP, x) for x in log_softmax(items)]


if TYPE_CHECKING:

    def __getattr__(name: str) -> Callable[..., Any]: ...
