"""What counts as a number, and what happens when a Value is turned back into one."""

import ast
import linecache
import math
import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from dis import opname
from functools import lru_cache
from itertools import islice
from numbers import Number, Real
from types import CodeType, FrameType
from typing import Any, TypeGuard

from scalargrad.errors import (
    ComparisonWarning,
    DataError,
    LengthError,
    UntrackedWarning,
)
from scalargrad.utils.frames import warn

from .modes import check_question, current_mode

_ONLY_REAL = "only real numbers have a place in the graph"
_HINTS = {
    str: "convert it with float()",
    complex: _ONLY_REAL,
    type(None): "give a number",
    timedelta: "say in which unit, as in x.total_seconds()",
    list: "a Value is one number, so make a list of Values: [Value(x) for x in data]",
    tuple: "a Value is one number, so make a list of Values: [Value(x) for x in data]",
}
_HINTS_BY_KIND = {
    "c": _ONLY_REAL,
    "m": "say in which unit, as in x / numpy.timedelta64(1, 's')",
    "M": "a date is no number: take the time since another one, as in (x - start) / numpy.timedelta64(1, 's')",
    "U": _HINTS[str],
}
"""Hints for scalars of NumPy and PyTorch, by the kind of their type."""


def as_float(number: Any, what: str, hint: str = "") -> float:
    """`number` as a float: int, bool, NumPy scalars and 0-d arrays are converted.

    Args:
        number: What should be one real number.
        what: Its name in the error.
        hint: What to do about it, for the error; where it is empty, one is found by the type.

    Raises:
        DataError: For anything else: text, complex numbers, None, lists, dates, masked entries.

    >>> as_float(True, "x")
    1.0
    >>> as_float("3", "x")
    Traceback (most recent call last):
    scalargrad.errors.DataError: x must be a real number, not str '3': convert it with float()
    """
    if type(number) is float:
        return number
    if is_number(number):
        return real_as_float(number, what)
    raise DataError(
        f"{what} must be a real number, not {_described(number)}: {hint or _hint(number)}"
    )


def _described(thing: Any) -> str:
    if isinstance(thing, (list, tuple)):
        return f"a {type(thing).__name__} of {len(thing)} item{'' if len(thing) == 1 else 's'}"
    return f"{type(thing).__name__} {_short(thing)}"


def real_as_float(number: Any, what: str) -> float:
    """As `as_float`, for what `is_number` says yes to."""
    try:
        return float(number)
    except OverflowError:
        raise DataError(f"{what} is too large for a float") from None
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{what} can't be converted to a float: {error}") from None


def _hint(thing: Any) -> str:
    if type(thing) in _HINTS:
        return _HINTS[type(thing)]
    if isinstance(thing, NumberLike):
        return "use its .data, or .detach() for a copy"
    if _is_masked(thing):
        return "an entry that is masked has no number: fill it or leave it out"
    if getattr(thing, "dtype", None) is not None and getattr(thing, "shape", None) == ():
        return _HINTS_BY_KIND.get(_kind(thing), "give a number")
    shape = getattr(thing, "shape", ())
    if shape and math.prod(shape) == 1:
        return "take the number out of the array with .item()"
    return (
        "convert it with float()" if hasattr(thing, "__float__") and not shape else "give a number"
    )


def _is_masked(thing: Any) -> bool:
    """Whether it is the one entry of a masked array, and masked: NumPy would make nan of it."""
    if getattr(thing, "mask", None) is None or getattr(thing, "shape", None) != ():
        return False
    return bool(thing.mask)


def _kind(thing: Any) -> str:
    """NumPy's letter for the kind of a scalar, 0-d array or tensor; "f" where a library has none."""
    dtype = getattr(thing, "dtype", None)
    if getattr(dtype, "is_complex", False):  # PyTorch's way to say it
        return "c"
    return str(getattr(dtype, "kind", "f"))


def is_number(thing: Any) -> TypeGuard[float]:
    """Whether `thing` is one real number: Python's, NumPy's, or a 0-d array or tensor."""
    if isinstance(thing, (float, int)):  # the quick question first
        return True
    if isinstance(thing, Real):
        return (
            _kind(thing) in "biuf"
        )  # a timedelta64 counts as an integer in Python's tower of numbers
    return getattr(thing, "shape", None) == () and _kind(thing) in "biuf" and not _is_masked(thing)


def refuse_other_scalars(thing: Any, what: str) -> None:
    """Raise DataError for one number that is not real: complex, a date, a duration, a masked entry.

    Anything else passes: an array, or an object of another library, may know what to do with a Value.
    """
    is_scalar = getattr(thing, "shape", None) == () and getattr(thing, "dtype", None) is not None
    is_other = is_scalar and (_kind(thing) in "cmM" or _is_masked(thing))
    if is_other or isinstance(thing, (complex, timedelta, date)):
        as_float(thing, what)


def is_list_like(thing: Any) -> bool:
    """Whether it holds several numbers: a list, a tuple, an array."""
    return isinstance(thing, (list, tuple)) or bool(getattr(thing, "shape", ()))


def _short(thing: Any) -> str:
    text = " ".join(repr(thing).split())
    return text if len(text) <= 40 else text[:37] + "..."


def warn_if_untracked() -> None:
    """Warn where a number leaves the graph unnoticed.

    That is where the Python code that asked for a float did so through a function of `math`, as in
    `math.exp(value)`, and, in a function that is being differentiated, where NumPy asked for it, as
    in `array[0] = value` for an array of floats: the derivative would be 0 without a word.
    """
    frame = sys._getframe(2)
    function = _called_function(frame)
    if getattr(function, "__module__", None) == "math" and function not in _HARMLESS:
        warn(
            f"math.{function.__name__} returns a plain number, so the graph ends here: use scalargrad.{function.__name__}",
            UntrackedWarning,
        )
    elif _is_differentiating() and (_stores_an_item(frame) or _belongs_to_numpy(function)):
        warn(
            "NumPy keeps plain numbers in an array of floats, so the derivative sees none of them: "
            "make the array with dtype=object, and leave out a dtype=float",
            UntrackedWarning,
        )


def _is_differentiating() -> bool:
    """Whether a transform calls the user's function now."""
    return any(getattr(observer, "differentiates", False) for observer in current_mode().observers)


def _stores_an_item(frame: FrameType) -> bool:
    """Whether the frame is at an assignment like `array[index] = value`."""
    return opname[frame.f_code.co_code[frame.f_lasti]] in ("STORE_SUBSCR", "STORE_SLICE")


def _belongs_to_numpy(function: Any) -> bool:
    """Whether it is a function of NumPy or a method of an array."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return False
    module = str(getattr(function, "__module__", None))
    owner = getattr(function, "__self__", None)
    return module.split(".")[0] == "numpy" or isinstance(owner, numpy.ndarray)


def warn_of_identity() -> None:
    """Warn the code that wrote `value == number`, which asks for identity.

    While a function is traced it is refused. Code of NumPy that compares the items of an array of
    objects is left alone: the user did not write that.
    """
    frame = sys._getframe(2)
    if str(frame.f_globals.get("__name__")).partition(".")[0] == "numpy":
        return
    check_question(
        "== or != of a traced Value and a number, which asks whether they are one object,"
    )
    warn(  # always the same text, so that a line of a loop is told once
        "== and != of a Value and a number ask whether they are one object, whatever the number: "
        "write x.data == 2.0, or math.isclose(x, 2.0)",
        ComparisonWarning,
    )


_HARMLESS = {math.isclose, math.isfinite, math.isinf, math.isnan}


def _called_function(frame: FrameType) -> Any:
    """The function that `frame` is calling now, None where that can't be told."""
    name = _name_of_call(frame.f_code, frame.f_lasti)
    return None if name is None else _resolve(name, frame)


@lru_cache(maxsize=256)
def _name_of_call(code: CodeType, instruction: int) -> ast.expr | None:
    """What stands before the brackets of a call, read from its source line."""
    line, end_line, start, end = next(islice(code.co_positions(), instruction // 2, None))
    if line is None or line != end_line:
        return None
    text = linecache.getline(code.co_filename, line).encode()[start:end].decode(errors="replace")
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None
    return call.func if isinstance(call, ast.Call) else None


def _resolve(name: ast.expr, frame: FrameType) -> Any:
    if isinstance(name, ast.Name):
        return frame.f_locals.get(name.id, frame.f_globals.get(name.id))
    if isinstance(name, ast.Attribute):
        return getattr(_resolve(name.value, frame), name.attr, None)
    return None


class NumberLike:
    """What Python asks of a number: conversion, format, truth, order; by value, for anything that holds a float in `_data`.

    Each of these is a question that a recording can't hold, so each is refused in a context that traces a function.
    """

    __slots__ = ()
    _data: float

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        check_question("the number of a Value, as text,")
        return format(self._data, spec)

    def __float__(self) -> float:
        check_question("float() of a Value")
        warn_if_untracked()
        return self._data

    def __int__(self) -> int:
        check_question("int() of a Value")
        return int(self._data)

    def __trunc__(self) -> int:
        check_question("int() of a Value")
        return int(self._data)

    # The branches of a loop ask these most, so the call is spared where nobody traces.

    def __bool__(self) -> bool:
        if current_mode().refuse is not None:
            check_question("a branch of Python on a Value")
        return self._data != 0.0

    def __eq__(self, other: object) -> Any:
        """By identity, as of any object: NotImplemented leaves the answer to Python."""
        quick = other is None or isinstance(other, _NEVER_NUMBERS)  # nearly always
        if not quick and (isinstance(other, Number) or is_number(other)):
            warn_of_identity()
        return NotImplemented

    __hash__ = object.__hash__

    def __lt__(self, other: Any) -> bool:
        if current_mode().refuse is not None:
            check_question(_COMPARISON)
        return self._data < plain(other)  # type: ignore[no-any-return]

    def __le__(self, other: Any) -> bool:
        if current_mode().refuse is not None:
            check_question(_COMPARISON)
        return self._data <= plain(other)  # type: ignore[no-any-return]

    def __gt__(self, other: Any) -> bool:
        if current_mode().refuse is not None:
            check_question(_COMPARISON)
        return self._data > plain(other)  # type: ignore[no-any-return]

    def __ge__(self, other: Any) -> bool:
        if current_mode().refuse is not None:
            check_question(_COMPARISON)
        return self._data >= plain(other)  # type: ignore[no-any-return]


_NEVER_NUMBERS = (NumberLike, str, tuple, list, dict)
_COMPARISON = "a comparison (a branch of Python) on a Value"


def plain(x: Any) -> Any:
    """The float inside of a Value; anything else as it is."""
    if not isinstance(x, NumberLike):
        return x
    if current_mode().refuse is not None:
        check_question("the number of a Value")
    return x._data


def checked_values(things: Iterable[Any], what: str) -> tuple[Any, ...]:
    """The things, which must all be Values; raises DataError, which names `what`, if not."""
    if not isinstance(things, Iterable):
        given = f"{type(things).__name__} {_short(things)}"
        raise DataError(f"{what} must be Values in a list, not {given}")
    values = tuple(things)
    for thing in values:
        if not isinstance(thing, NumberLike):
            raise DataError(f"{what} must be Values, not {type(thing).__name__} {_short(thing)}")
    return values


def checked_partials(args: tuple[Any, ...], partials: Sequence[Any]) -> tuple[float, ...]:
    """One number for each of the args; raises LengthError or DataError if not."""
    if len(partials) != len(args):
        raise LengthError(
            f"a Value needs one partial for each of its args: {len(args)} args, {len(partials)} partials"
        )
    return tuple(as_float(partial, "a partial of a Value") for partial in partials)


def checked_seeds(outputs: Any, gradients: Any) -> list[tuple[Any, Any]]:
    """Each output of a backward pass with its seed, 1.0 by default; raises DataError or LengthError for what can't be that."""
    if isinstance(outputs, NumberLike):
        outputs = [outputs]
        gradients = None if gradients is None else _listed(gradients)
    roots = checked_values(outputs, "what backward starts at")
    seeds = [1.0] * len(roots) if gradients is None else _listed(gradients)
    if len(seeds) != len(roots):
        raise LengthError(
            f"backward needs one gradient for each output: {len(roots)} outputs, {len(seeds)} gradients"
        )
    return [
        (root, seed if isinstance(seed, NumberLike) else as_float(seed, "gradient"))
        for root, seed in zip(roots, seeds, strict=True)
    ]


def _listed(things: Any) -> list[Any]:
    """A list of them, or of the one thing that there is."""
    alone = isinstance(things, NumberLike) or is_number(things)
    return [things] if alone else list(things)
