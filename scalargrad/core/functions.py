"""The operations as functions and as methods of Value: one for each row of the table, and the few that are made of several rows.

They take Values and plain numbers. With a Value among the operands the result is a Value; numbers alone give a float.

>>> from scalargrad import Value
>>> tanh(Value(0.5)).data == tanh(0.5) == Value(0.5).tanh().data
True
>>> Value(-2.0).leaky_relu(slope=0.25).data
-0.5
"""

import math
from collections.abc import Callable, Iterable
from inspect import Parameter, Signature, signature
from itertools import accumulate
from typing import Any, ParamSpec, TypeVar

from scalargrad.errors import CallError, DataError, LengthError, OptionError
from scalargrad.utils.calls import explain_calls, what_is_wrong

from . import ops
from .conversion import as_float, is_list_like
from .methods import Operations
from .operations import apply
from .ops import TABLE, Op
from .value import Number, Value

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _takes_lists(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Wrap a function over lists, so that a wrong call says how to write the list."""
    name = function.__name__
    lists = "[x0, x1], [y0, y1]" if name == ops.DOT.name else "[x, y]"
    return explain_calls(function, lambda *_: f"write sg.{name}({lists})")


def _items(name: str, items: Iterable[Number]) -> list[Number]:
    """The Values and numbers of a list, numbers as floats.

    Raises DataError for what is no list of numbers, LengthError for an empty one.
    """
    if isinstance(items, Value) or not isinstance(items, Iterable) or isinstance(items, str):
        raise DataError(
            f"{name} takes one list of Values and numbers, not {type(items).__name__}: write sg.{name}([x, y])"
        )
    found = list(items)
    if not found:
        raise LengthError(f"{name} of an empty list: give at least one item")
    return [
        x if isinstance(x, Value) or type(x) is float else _item(name, i, x)
        for i, x in enumerate(found)
    ]


def _item(name: str, position: int, x: Any) -> float:
    whole = f"sg.{name}([x for row in rows for x in row])"
    by_row = f"[sg.{name}(row) for row in rows]"
    hint = f"{name} takes one list of numbers, so write {whole}, or {by_row}"
    return as_float(x, f"item {position} of {name}", hint if is_list_like(x) else "")


def _over_list(op: Op) -> Callable[..., Any]:
    def function(items: Iterable[Number]) -> Any:
        return apply(op, *_items(op.name, items))

    return function


def _over_two_lists(op: Op) -> Callable[..., Any]:
    def function(x: Iterable[Number], y: Iterable[Number]) -> Any:
        first = _items(op.name, x)
        second = _items(op.name, y)
        if len(first) != len(second):
            raise LengthError(
                f"{op.name} needs two lists of one length, not {len(first)} and {len(second)} items"
            )
        return apply(op, *first, *second)

    return function


def _of_operands(op: Op) -> Callable[..., Any]:
    count, form = len(op.operands), _signature(op)

    def function(*operands: Any, **named: Any) -> Any:
        missing = count - len(operands)
        if named or not 0 <= missing <= len(op.defaults):
            try:
                bound = form.bind(*operands, **named)
            except TypeError:
                raise CallError(what_is_wrong(function, operands, named)) from None
            bound.apply_defaults()
            operands = bound.args
        elif missing:
            operands += op.defaults[-missing:]
        return apply(op, *operands)

    function.__signature__ = form  # type: ignore[attr-defined]
    return function


def _signature(op: Op) -> Signature:
    defaults = dict(zip(reversed(op.operands), reversed(op.defaults), strict=False))
    kind = Parameter.POSITIONAL_OR_KEYWORD
    return Signature(
        [Parameter(name, kind, default=defaults.get(name, Parameter.empty)) for name in op.operands]
    )


def _function(op: Op) -> Callable[..., Any]:
    make = _over_two_lists if op is ops.DOT else _over_list if op.over_list else _of_operands
    function = make(op)
    function.__name__ = function.__qualname__ = op.name
    function.__module__, function.__annotations__ = __name__, {}
    if op.over_list:
        function = _takes_lists(function)
    domain = ", ".join(
        f"{low:g} < {name} < {high:g}"
        for name, (low, high) in zip(op.operands, op.domain, strict=False)
    )
    smooth = f", smooth for {domain}" if domain else ""
    function.__doc__ = (
        f"{op.doc}\n\n{op.name}{signature(function)}{smooth}\n\n{_example(op, function)}"
    )
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
            setattr(Operations, name, FUNCTIONS[op.name])


FUNCTIONS: dict[str, Callable[..., Any]] = {op.name: _function(op) for op in TABLE.values()}
"""The function of each row, by name."""

globals().update(FUNCTIONS)
__all__ = [*FUNCTIONS, "cumsum", "log_softmax", "softmax", "std", "var"]
for _op in TABLE.values():
    if not _op.over_list and _op is not ops.WHERE:  # its first operand is a condition
        _add_methods(_op)


def shifted(numbers: Iterable[Number]) -> list[Any]:
    """Subtract the largest number, as a constant, from each: large logits keep their digits.

    >>> shifted([1e20, 1e20])
    [0.0, 0.0]
    """
    largest = apply(ops.STOP_GRADIENT, apply(ops.MAX, *numbers))
    return [x - largest for x in numbers]


@_takes_lists
def log_softmax(items: Iterable[Number]) -> list[Any]:
    """x - logsumexp(items) for each item: the logarithm of `softmax`, exact for numbers of any size.

    >>> log_softmax([0.0, 0.0])
    [-0.6931471805599453, -0.6931471805599453]
    """
    numbers = shifted(_items("log_softmax", items))
    total = apply(ops.LOGSUMEXP, *numbers)
    return [x - total for x in numbers]


@_takes_lists
def softmax(items: Iterable[Number]) -> list[Any]:
    """exp(x) / (exp(x0) + exp(x1) + …) for each item: positive numbers that add up to 1.

    The largest item is subtracted first, so that they are exact for items of any size.

    >>> softmax([3.0, 3.0])
    [0.5, 0.5]
    """
    powers = [apply(ops.EXP, x) for x in shifted(_items("softmax", items))]
    total = apply(ops.SUM, *powers)
    return [x / total for x in powers]


@_takes_lists
def var(items: Iterable[Number], ddof: float = 0) -> Any:
    """Compute the variance of a list: the mean squared distance from the mean.

    Args:
        items: Values and numbers.
        ddof: What is taken off the number of items before dividing by it: 0 as in NumPy, 1 for a sample
            of something larger, as in PyTorch.

    Returns:
        A Value, or a float for numbers alone.

    Raises:
        OptionError: If `ddof` leaves nothing to divide by.

    Example:
        >>> var([1.0, 2.0, 3.0]), var([1.0, 2.0, 3.0], ddof=1)
        (0.6666666666666666, 1.0)
    """
    deviations = _deviations(_items("var", items))
    return apply(ops.DOT, *deviations, *deviations) / _divisor("var", len(deviations), ddof)


@_takes_lists
def std(items: Iterable[Number], ddof: float = 0) -> Any:
    """Compute the standard deviation of a list, the square root of `var`.

    Its derivative is 0 where all items are equal.

    Args:
        items: Values and numbers.
        ddof: What is taken off the number of items before dividing by it, as in `var`.

    Returns:
        A Value, or a float for numbers alone.

    Raises:
        OptionError: If `ddof` leaves nothing to divide by.

    Example:
        >>> std([1.0, 2.0, 3.0], ddof=1)
        1.0
    """
    deviations = _deviations(_items("std", items))
    return apply(ops.NORM, *deviations) / math.sqrt(_divisor("std", len(deviations), ddof))


def _deviations(numbers: list[Number]) -> list[Any]:
    mean = apply(ops.MEAN, *numbers)
    return [x - mean for x in numbers]


def _divisor(name: str, count: int, ddof: Any) -> float:
    divisor = count - as_float(ddof, f"ddof of {name}")
    if not divisor > 0.0:
        raise OptionError(
            f"ddof of {name} must be below the number of items, which is {count}, not {ddof!r}"
        )
    return divisor


@_takes_lists
def cumsum(items: Iterable[Number]) -> list[Any]:
    """Add up a list step by step: x0, x0 + x1, x0 + x1 + x2, …

    Args:
        items: Values and numbers.

    Returns:
        A list with a sum for each item.

    Example:
        >>> cumsum([1.0, 2.0, 4.0])
        [1.0, 3.0, 7.0]
    """
    return list(accumulate(_items("cumsum", items)))
