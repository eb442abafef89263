"""What counts as a number, and what happens when a Value is turned back into one."""

import ast
import linecache
import math
import sys
import warnings
from numbers import Real
from types import FrameType
from typing import Any, TypeGuard

from .errors import DataError, UntrackedWarning

_HINTS = {
    str: "convert it with float()",
    complex: "only real numbers have a place in the graph",
    type(None): "give a number",
    list: "a Value is one number, so make a list of Values: [Value(x) for x in data]",
    tuple: "a Value is one number, so make a list of Values: [Value(x) for x in data]",
}


def as_float(number: Any, what: str) -> float:
    """`number` as a float: int, bool, NumPy scalars and 0-d arrays are converted.

    Raises DataError, which names `what`, for anything else: text, complex numbers, None, lists.

    >>> as_float(True, "x")
    1.0
    >>> as_float("3", "x")
    Traceback (most recent call last):
    scalargrad.errors.DataError: x must be a real number, not str '3': convert it with float()
    """
    if type(number) is float:
        return number
    if is_number(number):
        try:
            return float(number)
        except OverflowError:
            raise DataError(f"{what} is too large for a float") from None
    hint = _HINTS.get(type(number), "use its .data, or .detach() for a copy" if hasattr(number, "partials") else "give a number")
    raise DataError(f"{what} must be a real number, not {type(number).__name__} {_short(number)}: {hint}")


def is_number(thing: Any) -> TypeGuard[float]:
    """Whether `thing` is one real number: Python's, NumPy's, or a 0-d array or tensor."""
    if isinstance(thing, (float, int, Real)):  # the quick questions first
        return True
    return getattr(thing, "shape", None) == () and getattr(getattr(thing, "dtype", None), "kind", "f") in "biuf"


def _short(thing: Any) -> str:
    text = repr(thing)
    return text if len(text) <= 40 else text[:37] + "..."


def warn_if_untracked() -> None:
    """Warn when the Python code that asked for a float did so through a function of `math`, as in `math.exp(value)`."""
    frame = sys._getframe(2)
    function = _called_function(frame)
    if getattr(function, "__module__", None) == "math" and function not in _HARMLESS:
        warnings.warn(
            f"math.{function.__name__} returns a plain number, so the graph ends here: use scalargrad.{function.__name__}",
            UntrackedWarning,
            stacklevel=3,
        )


_HARMLESS = {math.isclose, math.isfinite, math.isinf, math.isnan}


def _called_function(frame: FrameType) -> Any:
    """The function that `frame` is calling now, read from its source line; None where that can't be told."""
    line, end_line, start, end = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    if line is None or line != end_line or "math" not in sys.modules:
        return None
    text = linecache.getline(frame.f_code.co_filename, line).encode()[start:end].decode(errors="replace")
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None
    return _resolve(call.func, frame) if isinstance(call, ast.Call) else None


def _resolve(name: ast.expr, frame: FrameType) -> Any:
    if isinstance(name, ast.Name):
        return frame.f_locals.get(name.id, frame.f_globals.get(name.id))
    if isinstance(name, ast.Attribute):
        return getattr(_resolve(name.value, frame), name.attr, None)
    return None
