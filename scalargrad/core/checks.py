"""Argument checks of the library: Parameters, numbers in a range, whole numbers, states."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from math import inf, isfinite, isnan
from operator import index
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from scalargrad.errors import DataError, LengthError, OptionError, UnknownNameError

from .conversion import as_float
from .nested import copy_tree, flatten, is_array
from .value import Parameter, Value

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


Nest: TypeAlias = Sequence[Union[Parameter, "Nest"]] | Mapping[str, Union[Parameter, "Nest"]]
"""Parameters in nested lists, tuples and dicts, as `sg.parameters` returns them."""


def checked_parameters(parameters: Iterable[Parameter] | Nest, who: str) -> list[Parameter]:
    """Return `parameters` as a list, if there are any, all are Parameters, and none is repeated.

    Args:
        parameters: What should be Parameters, or a nest of them, where one in several places
            counts once.
        who: Whose argument they are, for the error.

    Raises:
        DataError: If anything in it is not a Parameter, or a nest contains itself.
        LengthError: If there are none.
        OptionError: If one is repeated in a list without others inside.

    Example:
        >>> checked_parameters([Parameter(1.0), 2.0], "SGD")
        Traceback (most recent call last):
        scalargrad.errors.DataError: SGD takes Parameters, but item 1 is a float: \
give model.parameters(), or make it a Parameter
    """
    if not isinstance(parameters, Iterable) or isinstance(parameters, (str, Value)):
        kind = type(parameters).__name__
        raise DataError(f"{who} takes a list of Parameters, not {kind}: give model.parameters()")

    listed = _list_leaves(parameters, who)
    for i, item in enumerate(listed):
        if not isinstance(item, Parameter):
            kind = type(item).__name__
            advice = "give model.parameters(), or make it a Parameter"
            if isinstance(item, Value):
                advice = f"use sg.Parameter in place of {kind} where it is made"
            raise DataError(f"{who} takes Parameters, but item {i} is a {kind}: {advice}")
    if not listed:
        raise LengthError(
            f"{who} was given no parameters: does the model have any? Only a Parameter learns, "
            "not a plain Value: assign Parameters or modules to attributes of the model, "
            "by themselves or in lists and dicts"
        )
    if len(set(listed)) < len(listed):
        raise OptionError(
            f"{who} was given a parameter twice: give each once, as model.parameters() does"
        )
    return listed


def _list_leaves(parameters: Iterable[Any], who: str) -> list[Any]:
    """Return the items; those of a nest in order, each once."""
    nest = parameters if isinstance(parameters, dict) else list(parameters)
    if not isinstance(nest, dict) and not any(map(_is_container, nest)):
        return nest
    leaves = flatten(copy_tree(nest, f"what {who} was given"))
    return list(dict.fromkeys(leaves))


def _is_container(item: object) -> bool:
    return isinstance(item, (dict, list, tuple)) or is_array(item)


def checked_number(
    number: object,
    what: str,
    *,
    low: float = 0.0,
    high: float = inf,
    above: bool = False,
    below: bool = True,
) -> float:
    """Return `number` as a float, if it is between two bounds.

    Args:
        number: What should be a real number.
        what: The name of the argument in the error.
        low: The lower bound.
        high: The upper bound.
        above: Whether the number must be above `low`; else it may be `low` itself.
        below: Whether the number must be below `high`; else it may be `high` itself.

    Raises:
        DataError: If it is not a number.
        OptionError: If it is out of range, or nan.

    Example:
        >>> checked_number(-1, "momentum")
        Traceback (most recent call last):
        scalargrad.errors.OptionError: momentum must be a number of at least 0, not -1.0
    """
    x = as_float(number, what)
    is_above = low < x if above else low <= x
    is_below = x < high if below else x <= high
    if isnan(x) or not (is_above and is_below):
        finite = "finite " if x == inf else ""
        lower = f"{'above' if above else 'of at least'} {low:g}"
        upper = "" if high == inf else f" and {'below' if below else 'at most'} {high:g}"
        raise OptionError(f"{what} must be a {finite}number {lower}{upper}, not {x!r}")
    return x


def checked_int(number: object, what: str, low: int | None) -> int:
    """Return `number` as an int, if it is a whole number of at least `low`.

    Args:
        number: An int of Python or NumPy, or a 0-d array of integers. A bool is refused, and so is
            a float, even 3.0.
        what: The name of the argument in the error.
        low: The smallest number allowed, None for any.

    Raises:
        OptionError: If it is anything else.

    Example:
        >>> checked_int(3, "patience", 1)
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


def checked_bool(thing: object, what: str) -> bool:
    """Return an option that is True or False.

    Args:
        thing: What was given.
        what: What errors call it.

    Raises:
        OptionError: If it is anything else.

    Example:
        >>> checked_bool(True, "bias of a Neuron")
        True
    """
    if not isinstance(thing, bool):
        raise OptionError(f"{what} must be True or False, not {thing!r}")
    return thing


def _as_int(number: Any) -> int | None:
    # A bool is an int to Python, and an index to older versions of NumPy.
    kind = getattr(getattr(number, "dtype", None), "kind", "i")
    if isinstance(number, bool) or kind not in "iu":
        return None
    try:
        return index(number)
    except TypeError:
        return None


def checked_names(state: object, names: Iterable[str], what: str) -> Mapping[str, Any]:
    """Return `state`, if it is a mapping with exactly these names.

    Args:
        state: What should be a mapping.
        names: The names that it must have.
        what: What to call it in the error.

    Raises:
        DataError: If it is not a mapping.
        UnknownNameError: If names are missing, or there are others.

    Example:
        >>> checked_names({"steps": 1}, ["steps", "rule"], "state")
        Traceback (most recent call last):
        scalargrad.errors.UnknownNameError: state has no 'rule'; nothing was loaded
    """
    expected = list(names)
    if not isinstance(state, Mapping):
        kind = type(state).__name__
        raise DataError(
            f"{what} must be a dict as state_dict() returns it, not {kind}; nothing was loaded"
        )

    missing = [name for name in expected if name not in state]
    unexpected = [name for name in state if name not in expected]
    problems = []
    if missing:
        problems.append(f"has no {', '.join(map(repr, missing))}")
    if unexpected:
        problems.append(f"has unexpected {', '.join(map(repr, unexpected))}")
    if problems:
        raise UnknownNameError(f"{what} {', and '.join(problems)}; nothing was loaded")
    return state


def all_finite(numbers: "NDArray[numpy.float64]") -> bool:
    """Return whether no number of a one-dimensional array is nan or inf; fast where none is large.

    Example:
        >>> import numpy
        >>> all_finite(numpy.array([1.0, 1e300])), all_finite(numpy.array([1.0, inf]))
        (True, False)
    """
    numpy = sys.modules["numpy"]  # an array exists, so it is imported
    # The sum of the squares, by the one product of NumPy that does not warn of an overflow.
    return isfinite(numpy.vdot(numbers, numbers)) or bool(numpy.isfinite(numbers).all())
