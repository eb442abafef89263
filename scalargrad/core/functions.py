"""The operations as functions and as methods of Value: one for each row of the table, and others.

They take Values and plain numbers. If any operand is a Value, the result is a Value, else a float.

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
from . import traced as traced  # fills in the chain rule for traces
from .conversion import as_float, is_list_like
from .lookup import take
from .methods import Operations
from .operations import apply, unary_function
from .ops import TABLE, Op
from .value import Number, Value

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _takes_lists(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Wrap a function over lists, so that the error of a wrong call shows how to write the list."""
    name = function.__name__
    lists = "[x0, x1], [y0, y1]" if name == ops.DOT.name else "[x, y]"
    return explain_calls(function, lambda *_: f"write sg.{name}({lists})")


def _items(name: str, items: Iterable[Number]) -> list[Number]:
    """Check a list of Values and numbers, and convert the numbers to floats.

    Raises:
        DataError: If it is anything else.
        LengthError: If it is empty.
    """
    if isinstance(items, Value) or not isinstance(items, Iterable) or isinstance(items, str):
        kind = type(items).__name__
        raise DataError(
            f"{name} takes one list of Values and numbers, not {kind}: write sg.{name}([x, y])"
        )
    listed = list(items)
    if not listed:
        raise LengthError(f"{name} of an empty list: give at least one item")
    return [
        x if isinstance(x, Value) or type(x) is float else _item(name, i, x)
        for i, x in enumerate(listed)
    ]


def _item(name: str, position: int, x: object) -> float:
    hint = ""
    if is_list_like(x):
        of_all = f"sg.{name}([x for row in rows for x in row])"
        by_row = f"[sg.{name}(row) for row in rows]"
        hint = f"{name} takes one list of numbers, so write {of_all}, or {by_row}"
    return as_float(x, f"item {position} of {name}", hint)


def _over_list(op: Op) -> Callable[..., Number]:
    def function(items: Iterable[Number]) -> Number:
        return apply(op, *_items(op.name, items))

    return function


def _over_two_lists(op: Op) -> Callable[..., Number]:
    def function(x: Iterable[Number], y: Iterable[Number]) -> Number:
        first = _items(op.name, x)
        second = _items(op.name, y)
        if len(first) != len(second):
            raise LengthError(
                f"{op.name} needs two lists of one length, not {len(first)} and {len(second)} items"
            )
        return apply(op, *first, *second)

    return function


def over_operands(op: Op) -> Callable[..., Number]:
    """Return the function of an operation that takes its operands one by one.

    Example:
        >>> over_operands(ops.MUL)(2.0, 3.0)
        6.0
    """
    count = len(op.operands)
    expected = _signature(op)
    of_one_value = unary_function(op) if count == 1 else None

    def function(*operands: Any, **named: Any) -> Number:
        # Most calls are activations of one Value: the shortest way comes first.
        if of_one_value and not named and len(operands) == 1 and isinstance(operands[0], Value):
            return of_one_value(operands[0])

        # Binding a signature takes longer than most operations, so calls by position do without.
        missing = count - len(operands)
        if named or not 0 <= missing <= len(op.defaults):
            try:
                bound = expected.bind(*operands, **named)
            except TypeError:
                raise CallError(what_is_wrong(function, operands, named)) from None
            bound.apply_defaults()
            operands = bound.args
        elif missing:
            operands += op.defaults[-missing:]
        return apply(op, *operands)

    function.__signature__ = expected  # type: ignore[attr-defined]
    return function


def _signature(op: Op) -> Signature:
    defaults = dict(zip(reversed(op.operands), reversed(op.defaults), strict=False))
    kind = Parameter.POSITIONAL_OR_KEYWORD
    parameters: list[Parameter] = []
    for name in op.operands:
        default = defaults.get(name, Parameter.empty)
        parameters.append(Parameter(name, kind, default=default))
    return Signature(parameters)


def _make_function(op: Op) -> Callable[..., Number]:
    if op is ops.TAKE:
        return take
    if op is ops.DOT:
        function = _over_two_lists(op)
    elif op.over_list:
        function = _over_list(op)
    else:
        function = over_operands(op)
    function.__name__ = op.name
    function.__qualname__ = op.name
    function.__module__ = __name__
    function.__annotations__ = {}
    if op.over_list:
        function = _takes_lists(function)
    function.__doc__ = _doc(op, function)
    return function


def _doc(op: Op, function: Callable[..., Number]) -> str:
    bounds = zip(op.operands, op.domain, strict=False)
    intervals = [f"{low:g} < {name} < {high:g}" for name, (low, high) in bounds]
    domain = ", ".join(intervals)
    smooth = f", smooth for {domain}" if domain else ""
    call = f"{op.name}{signature(function)}{smooth}"
    return f"{op.doc}\n\n{call}\n\n{_example(op, function)}"


def _example(op: Op, function: Callable[..., Number]) -> str:
    """A doctest with plain numbers; the tests compare its result with mpmath."""
    operands: list[Any]
    if op is ops.DOT:
        operands = [[1.0, 2.0], [3.0, 4.0]]
    elif op.over_list:
        operands = [[1.0, 2.0]]
    else:
        # 0.5 lies in the domain of most operations, but not in that of acosh and the like
        first = 2.0 if op.domain and op.domain[0][0] >= 1.0 else 0.5
        required = len(op.operands) - len(op.defaults)
        operands = [first, 2.0, 1.5][:required]
    arguments = ", ".join(map(repr, operands))
    return f">>> {op.name}({arguments})\n{function(*operands)!r}"


def _add_methods(op: Op) -> None:
    # NumPy calls methods of items by its own names, as in numpy.arctan(array_of_values).
    for name in (op.name, op.numpy):
        if name and not hasattr(Value, name):
            setattr(Operations, name, FUNCTIONS[op.name])


_PUBLIC = [op for op in TABLE.values() if op.is_public]
FUNCTIONS: dict[str, Callable[..., Any]] = {op.name: _make_function(op) for op in _PUBLIC}
"""The function of each row, by name."""

globals().update(FUNCTIONS)
__all__ = [*FUNCTIONS, "cumsum", "log_softmax", "softmax", "std", "var"]
for _op in _PUBLIC:
    if not _op.over_list and _op is not ops.WHERE:  # its first operand is a condition
        _add_methods(_op)


def subtract_max(numbers: Iterable[Number]) -> list[Number]:
    """Subtract the largest number, as a constant, from each, so that exponentials can't overflow.

    Example:
        >>> subtract_max([1e20, 1e20])
        [0.0, 0.0]
    """
    largest = apply(ops.STOP_GRADIENT, apply(ops.MAX, *numbers))
    return [x - largest for x in numbers]


@_takes_lists
def log_softmax(items: Iterable[Number]) -> list[Number]:
    """Compute x - logsumexp(items) for each item: the logarithm of `softmax`, exact for any size.

    Args:
        items: Values and numbers.

    Returns:
        A list of as many Values, or floats for numbers alone.

    Example:
        >>> log_softmax([0.0, 0.0])
        [-0.6931471805599453, -0.6931471805599453]
    """
    numbers = subtract_max(_items("log_softmax", items))
    total = apply(ops.LOGSUMEXP, *numbers)
    return [x - total for x in numbers]


@_takes_lists
def softmax(items: Iterable[Number]) -> list[Number]:
    """Compute exp(x) / (exp(x0) + exp(x1) + …) for each item: positive numbers that add up to 1.

    The largest item is subtracted first, so that the result is exact for items of any size.

    Args:
        items: Values and numbers.

    Returns:
        A list of as many Values, or floats for numbers alone.

    Example:
        >>> softmax([3.0, 3.0])
        [0.5, 0.5]
    """
    numbers = subtract_max(_items("softmax", items))
    powers = [apply(ops.EXP, x) for x in numbers]
    total = apply(ops.SUM, *powers)
    return [x / total for x in powers]


@_takes_lists
def var(items: Iterable[Number], ddof: float = 0) -> Number:
    """Compute the variance of a list: the mean squared distance from the mean.

    Args:
        items: Values and numbers.
        ddof: Subtracted from the number of items to get the divisor: 0 as in NumPy, 1 for the
            unbiased variance of a sample, as in PyTorch.

    Returns:
        A Value, or a float for numbers alone.

    Raises:
        OptionError: If the divisor is not positive.

    Example:
        >>> var([1.0, 2.0, 3.0]), var([1.0, 2.0, 3.0], ddof=1)
        (0.6666666666666666, 1.0)
    """
    deviations = _deviations(_items("var", items))
    divisor = _divisor("var", len(deviations), ddof)
    return apply(ops.DOT, *deviations, *deviations) / divisor


@_takes_lists
def std(items: Iterable[Number], ddof: float = 0) -> Number:
    """Compute the standard deviation of a list, the square root of `var`.

    Its derivative is 0 where all items are equal.

    Args:
        items: Values and numbers.
        ddof: Subtracted from the number of items to get the divisor, as in `var`.

    Returns:
        A Value, or a float for numbers alone.

    Raises:
        OptionError: If the divisor is not positive.

    Example:
        >>> std([1.0, 2.0, 3.0], ddof=1)
        1.0
    """
    deviations = _deviations(_items("std", items))
    divisor = _divisor("std", len(deviations), ddof)
    return apply(ops.NORM, *deviations) / math.sqrt(divisor)


def _deviations(numbers: list[Number]) -> list[Number]:
    mean = apply(ops.MEAN, *numbers)
    return [x - mean for x in numbers]


def _divisor(name: str, count: int, ddof: object) -> float:
    divisor = count - as_float(ddof, f"ddof of {name}")
    if not divisor > 0.0:
        raise OptionError(
            f"ddof of {name} must be below the number of items, which is {count}, not {ddof!r}"
        )
    return divisor


@_takes_lists
def cumsum(items: Iterable[Number]) -> list[Number]:
    """Compute the cumulative sums of a list: x0, x0 + x1, x0 + x1 + x2, …

    Args:
        items: Values and numbers.

    Returns:
        A list with a sum for each item, Values from the first Value on.

    Example:
        >>> cumsum([1.0, 2.0, 4.0])
        [1.0, 3.0, 7.0]
    """
    return list(accumulate(_items("cumsum", items)))
