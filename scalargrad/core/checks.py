"""What optimizers, schedules and regularizers ask of their settings: lists of Parameters, numbers in a range, states that fit."""

from collections.abc import Iterable, Mapping
from math import inf, isfinite, isnan
from operator import index
from typing import Any

import numpy
from numpy.typing import NDArray

from scalargrad.errors import DataError, LengthError, OptionError, UnknownNameError

from .conversion import as_float
from .value import Parameter, Value


def checked_parameters(parameters: Iterable[Parameter], who: str) -> list[Parameter]:
    """`parameters` as a list, if there are any, all are Parameters, and none stands there twice.

    Raises DataError, LengthError or OptionError, which name `who`.

    >>> checked_parameters([Parameter(1.0), 2.0], "SGD")
    Traceback (most recent call last):
    scalargrad.errors.DataError: SGD takes Parameters, but item 1 is a float: give model.parameters(), or make it a Parameter
    """
    if not isinstance(parameters, Iterable) or isinstance(parameters, (str, Value)):
        raise DataError(
            f"{who} takes a list of Parameters, not {type(parameters).__name__}: give model.parameters()"
        )
    found = list(parameters)
    for i, item in enumerate(found):
        if not isinstance(item, Parameter):
            raise DataError(
                f"{who} takes Parameters, but item {i} is a {type(item).__name__}: give model.parameters(), or make it a Parameter"
            )
    if not found:
        raise LengthError(
            f"{who} was given no parameters: does the model have any? Only a Parameter learns, not a plain Value: "
            "assign Parameters or modules to attributes of the model, by themselves or in lists and dicts"
        )
    if len(set(found)) < len(found):
        raise OptionError(
            f"{who} was given a parameter twice: give each once, as model.parameters() does"
        )
    return found


def checked_number(
    number: Any,
    what: str,
    *,
    low: float = 0.0,
    high: float = inf,
    above: bool = False,
    below: bool = True,
) -> float:
    """`number` as a float between `low` and `high`; `above` leaves out `low` itself, `below` leaves out `high`.

    Raises DataError for what is not a number and OptionError for one outside of the range; both name `what`.

    >>> checked_number(-1, "momentum")
    Traceback (most recent call last):
    scalargrad.errors.OptionError: momentum must be a number of at least 0, not -1.0
    """
    found = as_float(number, what)
    inside = (low < found if above else low <= found) and (found < high if below else found <= high)
    if isnan(found) or not inside:
        upper = "" if high == inf else f" and {'below' if below else 'at most'} {high:g}"
        finite = "finite " if found == inf else ""
        raise OptionError(
            f"{what} must be a {finite}number {'above' if above else 'of at least'} {low:g}{upper}, not {found!r}"
        )
    return found


def checked_int(number: Any, what: str, low: int | None) -> int:
    """Return `number` as an int, if it is a whole number of at least `low`.

    Args:
        number: An int of Python or NumPy, or a 0-d array of integers. A bool is refused, and so is a
            float, even 3.0.
        what: The name of the argument in the error.
        low: The smallest number allowed, None for any.

    Returns:
        The number as a Python int.

    Raises:
        OptionError: If it is anything else.

    Example:
        >>> checked_int(numpy.int64(3), "patience", 1)
        3
        >>> checked_int(0, "patience", 1)
        Traceback (most recent call last):
        scalargrad.errors.OptionError: patience must be a whole number of at least 1, not 0
    """
    integer = _as_int(number)
    if integer is None or (low is not None and integer < low):
        bound = "" if low is None else f" of at least {low}"
        raise OptionError(f"{what} must be a whole number{bound}, not {number!r}")
    return integer


def _as_int(number: Any) -> int | None:
    kind = getattr(getattr(number, "dtype", None), "kind", "i")
    if isinstance(number, bool) or kind not in "iu":
        return None
    try:
        return index(number)
    except TypeError:
        return None


def checked_names(state: Any, names: Iterable[str], what: str) -> Mapping[str, Any]:
    """`state` if it is a mapping with exactly these names.

    Raises DataError for another type and UnknownNameError for names too many or too few.

    >>> checked_names({"steps": 1}, ["steps", "rule"], "state")
    Traceback (most recent call last):
    scalargrad.errors.UnknownNameError: state has no 'rule'; nothing was loaded
    """
    wanted = list(names)
    if not isinstance(state, Mapping):
        raise DataError(
            f"{what} must be a dict as state_dict() returns it, not {type(state).__name__}; nothing was loaded"
        )
    missing = [name for name in wanted if name not in state]
    unknown = [name for name in state if name not in wanted]
    wrong = []
    if missing:
        wrong.append(f"has no {', '.join(map(repr, missing))}")
    if unknown:
        wrong.append(f"has {', '.join(map(repr, unknown))}, which nothing here carries")
    if wrong:
        raise UnknownNameError(f"{what} {', and '.join(wrong)}; nothing was loaded")
    return state


def all_finite(numbers: NDArray[numpy.float64]) -> bool:
    """Whether no number is nan or inf; quick where none is large.

    >>> all_finite(numpy.array([1.0, 1e300])), all_finite(numpy.array([1.0, inf]))
    (True, False)
    """
    with numpy.errstate(
        all="ignore"
    ):  # not as a decorator: before NumPy 2 that is one object for all threads
        return isfinite(float(numbers @ numbers)) or bool(numpy.isfinite(numbers).all())
