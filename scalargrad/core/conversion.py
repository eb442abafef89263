"""Conversion of numbers to floats, and of Values back to plain numbers."""

import math
import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from dis import Instruction, get_instructions, opname
from functools import lru_cache
from itertools import takewhile
from numbers import Number, Real
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, TypeGuard

from scalargrad.errors import (
    ComparisonWarning,
    DataError,
    LengthError,
    UntrackedWarning,
)
from scalargrad.utils.frames import warn

from .modes import check_question, current_mode

_ONLY_REAL = "a graph holds real numbers only"
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
    "M": "a date is not a number: take the time since another one, "
    "as in (x - start) / numpy.timedelta64(1, 's')",
    "U": _HINTS[str],
}
"""Hints for scalars of NumPy and PyTorch, by the kind of their type."""


def as_float(number: object, what: str, hint: str = "") -> float:
    """Convert one real number to a float: an int, bool, NumPy scalar, 0-d array or tensor.

    Args:
        number: What should be one real number.
        what: Its name in the error.
        hint: What to do about it, for the error; by default a hint that depends on the type.

    Raises:
        DataError: For anything else: text, complex numbers, None, lists, dates, masked entries.

    Example:
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
        f"{what} must be a real number, not {_describe(number)}: {hint or _hint(number)}"
    )


def _describe(thing: object) -> str:
    if isinstance(thing, (list, tuple)):
        plural = "" if len(thing) == 1 else "s"
        return f"a {type(thing).__name__} of {len(thing)} item{plural}"
    return f"{type(thing).__name__} {_short(thing)}"


def real_as_float(number: Any, what: str) -> float:
    """Convert to a float what `is_number` accepts; `what` is its name in errors."""
    try:
        return float(number)
    except OverflowError:
        raise DataError(f"{what} is too large for a float") from None
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{what} can't be converted to a float: {error}") from None


def _hint(thing: object) -> str:
    if type(thing) in _HINTS:
        return _HINTS[type(thing)]
    if isinstance(thing, NumberLike):
        return "use its .data, or .detach() for a copy"
    if _is_masked(thing):
        return "a masked entry has no number: fill it or leave it out"
    if getattr(thing, "dtype", None) is not None and getattr(thing, "shape", None) == ():
        return _HINTS_BY_KIND.get(_kind(thing), "give a number")
    shape = getattr(thing, "shape", ())
    if shape and math.prod(shape) == 1:
        return "take the number out of the array with .item()"
    if hasattr(thing, "__float__") and not shape:
        return "convert it with float()"
    return "give a number"


def _is_masked(thing: object) -> bool:
    """Whether it is a masked entry of a masked array, which NumPy would convert to nan."""
    mask = getattr(thing, "mask", None)
    if mask is None or getattr(thing, "shape", None) != ():
        return False
    return bool(mask)


def _kind(thing: object) -> str:
    """NumPy's letter for the type of a scalar, 0-d array or tensor; "f" where there is none."""
    dtype = getattr(thing, "dtype", None)
    if getattr(dtype, "is_complex", False):  # PyTorch's way to say it
        return "c"
    return str(getattr(dtype, "kind", "f"))


def is_number(thing: object) -> TypeGuard[float]:
    """Return whether `thing` is one real number: Python's, NumPy's, or a 0-d array or tensor."""
    if isinstance(thing, (float, int)):  # fast, and nearly always true
        return True
    if isinstance(thing, Real):
        # A timedelta64 is an integer to Python's numeric tower.
        return _kind(thing) in "biuf"
    return getattr(thing, "shape", None) == () and _kind(thing) in "biuf" and not _is_masked(thing)


def refuse_other_scalars(thing: object, what: str) -> None:
    """Raise DataError for a scalar that is not a real number: complex, a date, a masked entry.

    Anything else passes: an array or an object of another library may support Values itself.

    Args:
        thing: The other operand of an operator.
        what: Its name in the error.
    """
    is_scalar = getattr(thing, "shape", None) == () and getattr(thing, "dtype", None) is not None
    is_other = is_scalar and (_kind(thing) in "cmM" or _is_masked(thing))
    if is_other or isinstance(thing, (complex, timedelta, date)):
        as_float(thing, what)


def is_list_like(thing: object) -> bool:
    """Return whether `thing` has several items: a list, a tuple, an array."""
    return isinstance(thing, (list, tuple)) or bool(getattr(thing, "shape", ()))


def _short(thing: object) -> str:
    text = " ".join(repr(thing).split())
    return text if len(text) <= 40 else text[:37] + "..."


def _warn_if_untracked() -> None:
    """Warn where a number leaves the graph unnoticed.

    Two cases are recognized. Code passes a Value to a function of `math`, as in `math.exp(value)`.
    Or, in a function that is being differentiated, NumPy converts a Value, as in `array[0] = value`
    for an array of floats, and the derivative would silently be 0.
    """
    frame = sys._getframe(2)  # the code that called float(): through Value.__float__, then this
    function = _called_function(frame)
    if getattr(function, "__module__", None) == "math" and function not in _HARMLESS:
        name = function.__name__
        warn(
            f"math.{name} returns a plain number, so the graph ends here: use scalargrad.{name}",
            UntrackedWarning,
        )
    elif _is_differentiating() and (_stores_an_item(frame) or _belongs_to_numpy(function)):
        warn(
            "NumPy keeps plain numbers in an array of floats, so the derivative sees none of them: "
            "make the array with dtype=object, and leave out a dtype=float",
            UntrackedWarning,
        )


def _is_differentiating() -> bool:
    """Whether a transform is calling the user's function."""
    return any(getattr(observer, "differentiates", False) for observer in current_mode().observers)


def _stores_an_item(frame: FrameType) -> bool:
    """Whether the frame is at an assignment like `array[index] = value`."""
    return opname[frame.f_code.co_code[frame.f_lasti]] in ("STORE_SUBSCR", "STORE_SLICE")


def _belongs_to_numpy(function: object) -> bool:
    """Whether it is a function of NumPy or a method of an array."""
    # If NumPy was never imported, no function is its own, and it need not be imported now.
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return False
    module = str(getattr(function, "__module__", None))
    owner = getattr(function, "__self__", None)
    return module.split(".")[0] == "numpy" or isinstance(owner, numpy.ndarray)


def _warn_of_identity() -> None:
    """Warn code that compares a Value and a number by `==`, which compares identity.

    While a function is traced, it is an error. NumPy's own comparisons of the items of an object
    array are ignored: the user did not write them.
    """
    frame = sys._getframe(2)
    if str(frame.f_globals.get("__name__")).partition(".")[0] == "numpy":
        return
    check_question(
        "== or != of a traced Value and a number, which asks whether they are one object,"
    )
    # Always the same text, so that Python shows it once for a line in a loop.
    warn(
        "== and != of a Value and a number ask whether they are one object, whatever the number: "
        "write x.data == 2.0, or math.isclose(x, 2.0)",
        ComparisonWarning,
    )


_HARMLESS = {math.isclose, math.isfinite, math.isinf, math.isnan}
_LOAD_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")
_LOAD_NOTHING = ("PUSH_NULL", "KW_NAMES", "EXTENDED_ARG")


def _called_function(frame: FrameType) -> Any:
    """The function that `frame` is calling, None if that is unknown."""
    names = _names_of_call(frame.f_code, frame.f_lasti)
    if not names:
        return None
    first, *attributes = names
    found = frame.f_locals.get(first, frame.f_globals.get(first))
    for name in attributes:
        found = getattr(found, name, None)
    return found


@lru_cache(maxsize=256)
def _names_of_call(code: CodeType, offset: int) -> tuple[str, ...]:
    """The names before the parentheses of a call: math, exp in `math.exp(x)`. () if unknown."""
    # Frames do not tell which function they call, and what is typed at a prompt has no source file.
    # But since Python 3.11 every instruction has its columns: those that load the function begin
    # where the call begins, and end before the call does.
    done = list(takewhile(lambda each: each.offset <= offset, get_instructions(code)))
    call = done.pop()
    start, end = _span(call)
    if not call.opname.startswith("CALL") or None in start:
        return ()
    names: tuple[str, ...] = ()
    for each in done:
        first, last = _span(each)
        if first != start or last == end or each.opname in _LOAD_NOTHING:
            continue
        if each.opname in _LOAD_ATTRIBUTE:
            names = (*names, each.argval) if names else ()
        else:
            names = (each.argval,) if _loads_a_name(each) else ()
    return names


def _span(instruction: Instruction) -> tuple[Any, Any]:
    """The line and column at which the source of an instruction begins, and those of its end."""
    line, end_line, column, end_column = instruction.positions or (None,) * 4
    return (line, column), (end_line, end_column)


def _loads_a_name(instruction: Instruction) -> bool:
    name = instruction.opname
    return name.startswith("LOAD_") and name != "LOAD_CONST" and isinstance(instruction.argval, str)


class NumberLike:
    """Python's protocols of numbers: conversion, formatting, truth and order, by value.

    A trace can't represent any of these, so each is an error while a function is traced. Classes
    that derive from this one keep a float in `_data`.
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
        _warn_if_untracked()
        return self._data

    def __int__(self) -> int:
        check_question("int() of a Value")
        return int(self._data)

    def __trunc__(self) -> int:
        check_question("int() of a Value")
        return int(self._data)

    # Type checkers must not take a Value for an index.
    if not TYPE_CHECKING:

        def __index__(self) -> int:
            check_question("a Value as an index of Python")
            raise DataError(
                "a Value can't be an index or a count of Python: write int(x.data) where the "
                "graph may end, and [x * y for y in ys] in place of ys * x for a list"
            )

    # Truth and order are asked in the innermost loops of user code, so outside of a trace they do
    # without the call of check_question.

    def __bool__(self) -> bool:
        if current_mode().refuse is not None:
            check_question("a branch of Python on a Value")
        return self._data != 0.0

    def __eq__(self, other: object) -> Any:
        """Compare identity, as for any object: NotImplemented leaves that to Python."""
        # Rules out nearly all comparisons before the slow tests.
        never_number = other is None or isinstance(other, _NEVER_NUMBERS)
        if not never_number and (isinstance(other, Number) or is_number(other)):
            _warn_of_identity()
        return NotImplemented

    __hash__ = object.__hash__

    def __lt__(self, other: object) -> bool:
        if current_mode().refuse is not None:
            check_question(_COMPARISON)
        return self._data < plain(other)  # type: ignore[no-any-return]

    def __le__(self, other: object) -> bool:
        if current_mode().refuse is not None:
            check_question(_COMPARISON)
        return self._data <= plain(other)  # type: ignore[no-any-return]

    def __gt__(self, other: object) -> bool:
        if current_mode().refuse is not None:
            check_question(_COMPARISON)
        return self._data > plain(other)  # type: ignore[no-any-return]

    def __ge__(self, other: object) -> bool:
        if current_mode().refuse is not None:
            check_question(_COMPARISON)
        return self._data >= plain(other)  # type: ignore[no-any-return]


_NEVER_NUMBERS = (NumberLike, str, tuple, list, dict)
_COMPARISON = "a comparison (a branch of Python) on a Value"


def plain(x: object) -> Any:
    """Return the float in a Value, and anything else as it is."""
    if not isinstance(x, NumberLike):
        return x
    if current_mode().refuse is not None:
        check_question("the number of a Value")
    return x._data


def as_values(things: object, what: str) -> tuple[Any, ...]:
    """Return the things as a tuple, if all are Values.

    Args:
        things: What should be a list of Values.
        what: What to call them in the error.

    Raises:
        DataError: If they are anything else.
    """
    if not isinstance(things, Iterable):
        given = f"{type(things).__name__} {_short(things)}"
        raise DataError(f"{what} must be Values in a list, not {given}")
    values = tuple(things)
    for thing in values:
        if not isinstance(thing, NumberLike):
            raise DataError(f"{what} must be Values, not {type(thing).__name__} {_short(thing)}")
    return values


def as_partials(args: Sequence[object], partials: Sequence[object]) -> tuple[float, ...]:
    """Return the partials as floats, if there is one for each of the args.

    Raises:
        LengthError: If there are too few or too many.
        DataError: If one is not a real number.
    """
    if len(partials) != len(args):
        raise LengthError(
            "a Value needs one partial for each of its args: "
            f"{len(args)} args, {len(partials)} partials"
        )
    return tuple(as_float(partial, "a partial of a Value") for partial in partials)


def as_seeds(outputs: object, gradients: object) -> list[tuple[Any, Any]]:
    """Pair each output of a backward pass with its seed.

    Args:
        outputs: A Value, or several in a list.
        gradients: A seed for each of them; None for 1.0 each.

    Returns:
        Pairs of an output and a seed, which is a float or a Value.

    Raises:
        DataError: If an output is not a Value, or a seed not a number.
        LengthError: If the seeds are too few or too many.
    """
    if isinstance(outputs, NumberLike):
        outputs = [outputs]
    roots = as_values(outputs, "what backward starts at")
    seeds = [1.0] * len(roots) if gradients is None else _as_list(gradients)
    if len(seeds) != len(roots):
        raise LengthError(
            "backward needs one gradient for each output: "
            f"{len(roots)} outputs, {len(seeds)} gradients"
        )
    return [
        (root, seed if isinstance(seed, NumberLike) else as_float(seed, "gradient"))
        for root, seed in zip(roots, seeds, strict=True)
    ]


def _as_list(things: Any) -> list[object]:
    is_single = isinstance(things, NumberLike) or is_number(things)
    return [things] if is_single else list(things)
