"""Checks of what a module is called with, and its conversion to Values."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scalargrad.core.conversion import as_float, is_number
from scalargrad.core.value import Number, Value
from scalargrad.errors import DataError, LengthError
from scalargrad.utils.counting import plural

from .naming import describe

if TYPE_CHECKING:
    from .module import Module

Row = Iterable[Number]
"""One sample: a list, an array or another iterable of numbers and Values."""


class Inputs(list[Value]):
    """A list of Values that has been checked.

    A layer passes it to its neurons, so that each need not check it again.
    """


def as_inputs(x: Row, length: int, module: "Module") -> Inputs:
    """Return `x` as a list of `length` Values; numbers become inputs labeled x0, x1, ….

    Args:
        x: A list, an array or another iterable of numbers and Values.
        length: How many there must be.
        module: The module that errors name.

    Raises:
        LengthError: If there are more or fewer.
        DataError: If `x` is not a list, or an item is not a number.

    Example:
        >>> from scalargrad.nn import Neuron
        >>> [value.label for value in as_inputs([1.0, 2.0], 2, Neuron(2))]
        ['x0', 'x1']
    """
    if type(x) is Inputs and len(x) == length:
        return x

    items = _list_items(x, length, module)
    if len(items) != length:
        _check_one_sample(items, length, module, LengthError)
        raise LengthError(
            f"{describe(module)} takes {plural(length, 'input')}, but was given {len(items)}"
        )
    inputs = Inputs()
    for i, item in enumerate(items):
        inputs.append(item if isinstance(item, Value) else _make_input(items, i, module))
    return inputs


def _list_items(x: Row, length: int, module: "Module") -> list[Number]:
    if isinstance(x, (set, frozenset)):
        raise DataError(f"{describe(module)} takes {_a_list(length)}; a set has no order")

    x = unpack(x, module)
    # Text is iterable, but not a list of numbers; nor is a Value, even of an iterable subclass.
    if not isinstance(x, (str, Value)):
        with suppress(TypeError):
            return list(x)
    raise DataError(f"{describe(module)} takes {_a_list(length)}, not {type(x).__name__} {x!r}")


def _a_list(length: int) -> str:
    return f"a list of {plural(length, 'number')}"


def _make_input(items: Sequence[object], i: int, module: "Module") -> Value:
    item = items[i]
    if not is_number(item):
        _check_one_sample(items, len(items), module, DataError)
    return Value(as_float(item, f"input {i} of {describe(module)}"), label=f"x{i}")


def _check_one_sample(
    items: Sequence[object],
    length: int,
    module: "Module",
    error: type[Exception],
) -> None:
    """Raise an error with a hint if several samples were given in the place of one."""
    if not items or not all(_is_row(item) for item in items):
        return
    rows = plural(len(items), "row")
    raise error(
        f"{describe(module)} takes one sample at a time, {_a_list(length)}, but was given {rows}: "
        "write [model(x) for x in X] or model.batch(X), or compile it with sg.compile"
    )


def _is_row(item: object) -> bool:
    is_single = isinstance(item, (str, bytes, Value)) or is_number(item)
    return not is_single and hasattr(item, "__len__")


def unpack(x: Any, module: "Module") -> Any:
    """Return an array of another library (a DataFrame, a Series, a tensor) as a NumPy array.

    Args:
        x: Anything; whatever is not such an array is returned as it is.
        module: The module that errors name.

    Raises:
        DataError: If entries are masked, or the array can't be converted.

    Example:
        >>> import numpy
        >>> from scalargrad.nn import Module
        >>> unpack(numpy.array([1.0, 2.0]), Module())
        array([1., 2.])
    """
    if isinstance(x, (list, tuple, Value)) or getattr(x, "shape", ()) == ():
        return x

    # Not imported: where NumPy has not been loaded, nobody can have made an array.
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(x, numpy.ndarray):
        if not hasattr(type(x), "__array__"):
            return x
        try:
            return x.__array__()
        except Exception as error:  # other libraries raise whatever they like
            who = describe(module)
            raise DataError(f"{who} can't take {type(x).__name__} as numbers: {error}") from None

    if isinstance(x, numpy.ma.MaskedArray) and numpy.ma.is_masked(x):
        who = describe(module)
        raise DataError(f"{who} was given a masked array: fill what is missing, or leave it out")
    return x


def suggest_one_list(inputs: Sequence[object]) -> str:
    """Return what was probably meant by a call with several numbers, "" for other calls.

    Example:
        >>> suggest_one_list([1.0, 2.0])
        '; the numbers of a sample come as one list: model([x0, x1]), not model(x0, x1)'
    """
    if len(inputs) < 2 or not all(isinstance(x, Value) or is_number(x) for x in inputs):
        return ""
    numbers = ", ".join([f"x{i}" for i in range(len(inputs))])
    return f"; the numbers of a sample come as one list: model([{numbers}]), not model({numbers})"
