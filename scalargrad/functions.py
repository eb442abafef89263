"""The operations as functions and as methods of Value: one for each row of the table, and the few that are made of several rows.

They take Values and plain numbers. With a Value among the operands the result is a Value; numbers alone give a float.

>>> from scalargrad import Value
>>> tanh(Value(0.5)).data == tanh(0.5) == Value(0.5).tanh().data
True
>>> Value(-2.0).leaky_relu(slope=0.25).data
-0.5
"""

from collections.abc import Callable, Iterable
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any

from . import ops
from .calls import explain_calls
from .engine import Number, Value, apply
from .errors import CallError, DataError, LengthError
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


def _over_two_lists(op: Op) -> Callable[..., Any]:
    def function(x: Iterable[Number], y: Iterable[Number]) -> Any:
        first, second = _items(op, x), _items(op, y)
        if len(first) != len(second):
            raise LengthError(f"{op.name} needs two lists of one length, not {len(first)} and {len(second)} items")
        return apply(op, *first, *second)

    return function


def _of_operands(op: Op) -> Callable[..., Any]:
    count, form = len(op.operands), _signature(op)

    def function(*operands: Any, **named: Any) -> Any:
        missing = count - len(operands)
        if named or not 0 <= missing <= len(op.defaults):
            operands = _bound(op, form, operands, named)
        elif missing:
            operands += op.defaults[-missing:]
        return apply(op, *operands)

    function.__signature__ = form  # type: ignore[attr-defined]
    return function


def _signature(op: Op) -> Signature:
    defaults = dict(zip(reversed(op.operands), reversed(op.defaults), strict=False))
    kind = Parameter.POSITIONAL_OR_KEYWORD
    return Signature([Parameter(name, kind, default=defaults.get(name, Parameter.empty)) for name in op.operands])


def _bound(op: Op, form: Signature, operands: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """The operands in their places, those left out at their defaults."""
    try:
        bound = form.bind(*operands, **named)
    except TypeError as error:
        raise CallError(f"{op.name}{form}: {error}") from None
    bound.apply_defaults()
    return bound.args


def _function(op: Op) -> Callable[..., Any]:
    make = _over_two_lists if op is ops.DOT else _over_list if op.over_list else _of_operands
    function = make(op)
    function.__name__ = function.__qualname__ = op.name
    if op.over_list:
        function = explain_calls(function)
    function.__module__, function.__annotations__ = __name__, {}
    domain = ", ".join(f"{low:g} < {name} < {high:g}" for name, (low, high) in zip(op.operands, op.domain, strict=False))
    smooth = f", smooth for {domain}" if domain else ""
    function.__doc__ = f"{op.doc}\n\n{op.name}{signature(function)}{smooth}\n\n{_example(op, function)}"
    return function


def _example(op: Op, function: Callable[..., Any]) -> str:
    """A call with plain numbers and what it gives; the tests compare it with mpmath."""
    if op.over_list:
        operands: list[Any] = [[1.0, 2.0], [3.0, 4.0]][: 2 if op is ops.DOT else 1]
    else:
        required = len(op.operands) - len(op.defaults)
        operands = [2.0 if op.domain and op.domain[0][0] >= 1.0 else 0.5, 2.0, 1.5][:required]
    return f">>> {op.name}({', '.join(map(repr, operands))})\n{function(*operands)!r}"


def _add_methods(op: Op) -> None:
    """The operation as a method, under its own name and under NumPy's, which `numpy.tanh(array_of_values)` looks for."""
    for name in (op.name, op.numpy):
        if name and not hasattr(Value, name):
            setattr(Value, name, FUNCTIONS[op.name])


FUNCTIONS: dict[str, Callable[..., Any]] = {op.name: _function(op) for op in TABLE.values()}
"""The function of each row, by name."""

globals().update(FUNCTIONS)
for _op in TABLE.values():
    if not _op.over_list and _op is not ops.WHERE:  # its first operand is a condition
        _add_methods(_op)


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
