"""A trial of a rule, before it becomes a row of the table: is it made of operations alone?"""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import NoReturn

import numpy

from scalargrad.errors import CallError, OptionError
from scalargrad.utils.spelling import suggestion

from .conversion import as_float
from .ops import TABLE, WHERE, Op, Rule

_BRANCHES = "if, and, or, not, max and min need a number that is known"
_WRITE = {"/": "m.div(x, y)", "**": "m.pow(x, y)", "//": "m.floor_divide(x, y)"}
_WRITE["%"] = "m.remainder(x, y)"


def try_rule(rule: Rule, operands: int, what: str, with_result: bool = False) -> None:
    """Run a rule on operands whose numbers are unknown.

    Args:
        rule: The rule.
        operands: The number of its operands.
        what: What the rule is, for errors.
        with_result: Whether the rule is that of a derivative, which is given the result, too.

    Raises:
        CallError: If the rule can't be called with these operands.
        OptionError: If it uses anything but operations of the table and plain numbers.

    Example:
        >>> try_rule(lambda m, x: m.exp(x) + 1.0, 1, "the rule")
    """
    space = _Operations(what)
    probes = [_Probe(what) for _ in range(operands + with_result)]
    try:
        result = rule(space, *probes)
    except (AttributeError, TypeError) as error:
        if isinstance(error, CallError):
            raise
        raise OptionError(
            f"{what} must be made of operations of m and plain numbers, but {error}"
        ) from error
    is_number = isinstance(result, float | int) and not isinstance(result, bool)
    is_computed = isinstance(result, _Probe) and not isinstance(result, _Condition)
    if is_computed or (with_result and is_number):
        return
    if isinstance(result, _Condition):
        raise OptionError(f"{what} returns a comparison: write m.where(condition, 1.0, 0.0)")
    raise OptionError(
        f"{what} must return what it computed from its operands, not {result!r}: "
        "write return before the formula"
    )


class _Operations:
    """The operations of the table on probes."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __getattr__(self, name: str) -> Callable[..., "_Probe"]:
        op = TABLE.get(name)
        if op is None or op.over_list:
            names = [row.name for row in TABLE.values() if row.is_public and not row.over_list]
            hint = suggestion(name, names, otherwise="")
            raise AttributeError(f"m has no operation {name!r} of single numbers{hint}")
        return lambda *operands: self._apply(op, operands)

    def _apply(self, op: Op, operands: Sequence[object]) -> "_Probe":
        required = len(op.operands) - len(op.defaults)
        if not required <= len(operands) <= len(op.operands):
            listed = ", ".join(op.operands)
            raise CallError(f"{self._what} calls m.{op.name} with {len(operands)} of ({listed})")
        for i, x in enumerate(operands):
            # What decides is a number or a condition; all others are numbers.
            decides = op is WHERE and i == 0
            _check_operand(x, self._what, _CONDITION if decides else _NUMBER)
        return _Probe(self._what)


class _Probe:
    """A number that nobody knows: it can be computed with, but not looked at."""

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, what: str) -> None:
        self._what = what

    def _compute(self, *others: object) -> "_Probe":
        for operand in (self, *others):
            _check_operand(operand, self._what, _NUMBER)
        return _Probe(self._what)

    def _compare(self, other: object) -> "_Condition":
        self._compute(other)
        return _Condition(self._what)

    __neg__ = __abs__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _compute
    __lt__ = __le__ = __gt__ = __ge__ = _compare

    def _refuse(self, sign: str) -> NoReturn:
        raise OptionError(
            f"{self._what} computes with {sign}, which is an error for some floats: "
            f"write {_WRITE[sign]}"
        )

    def __truediv__(self, other: object) -> NoReturn:
        self._refuse("/")

    def __pow__(self, other: object) -> NoReturn:
        self._refuse("**")

    def __floordiv__(self, other: object) -> NoReturn:
        self._refuse("//")

    def __mod__(self, other: object) -> NoReturn:
        self._refuse("%")

    __rtruediv__ = __truediv__
    __rpow__ = __pow__
    __rfloordiv__ = __floordiv__
    __rmod__ = __mod__

    def _combine(self, other: object) -> "_Condition":
        for x in (self, other):
            if not isinstance(x, _Condition | bool):
                raise OptionError(
                    f"{self._what} combines numbers with &, which is for comparisons: "
                    "write (x < y) & (y < z)"
                )
        return _Condition(self._what)

    __and__ = __rand__ = _combine

    def __or__(self, other: object) -> NoReturn:
        raise OptionError(
            f"{self._what} combines conditions with |: write m.where(a, x, m.where(b, x, y))"
        )

    __ror__ = __or__

    def __invert__(self) -> NoReturn:
        raise OptionError(
            f"{self._what} negates a condition with ~: exchange the branches, m.where(a, y, x)"
        )

    def __bool__(self) -> bool:
        raise OptionError(
            f"{self._what} depends on whether something holds ({_BRANCHES}): "
            "write m.where(condition, x, y), m.maximum(x, y) or m.minimum(x, y)"
        )

    def __eq__(self, other: object) -> bool:
        raise OptionError(f"{self._what} compares with ==: write (x <= y) & (x >= y)")

    def __float__(self) -> float:
        raise OptionError(
            f"{self._what} turns a number into a float, as functions of math do: "
            "write m.exp(x) instead of math.exp(x)"
        )

    __int__ = __float__


class _Condition(_Probe):
    """Whether something holds that nobody knows."""


_NUMBER = "a number"
_CONDITION = "a number or a condition"


def _check_operand(x: object, what: str, needed: str) -> None:
    if isinstance(x, _Operations | SimpleNamespace):
        raise OptionError(
            f"{what} computes with its first parameter, which is no number but the operations: "
            "write def f(m, x), and m.exp(x) in it"
        )
    if isinstance(x, _Condition) and needed is _NUMBER:
        raise OptionError(
            f"{what} computes with a comparison: write m.where(condition, 1.0, 0.0) for the number"
        )
    if isinstance(x, numpy.generic):
        # NumPy warns where floats of Python become infinite, and some of its types are shorter.
        raise OptionError(f"{what} computes with {x!r} of NumPy: write float(…) around it")
    if isinstance(x, int):
        as_float(x, f"a number in {what}")
    elif not isinstance(x, _Probe | float):
        raise OptionError(f"{what} computes with {x!r}, which is no number")
