"""A trial of a rule, before it becomes a row of the table: is it made of operations alone?"""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import NoReturn

from scalargrad.errors import CallError, OptionError
from scalargrad.utils.spelling import suggestion

from .ops import TABLE, Op, Rule

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
    if isinstance(result, _Probe) or (with_result and is_number):
        return
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
        for x in operands:
            _check_operand(x, self._what)
        return _Probe(self._what)


class _Probe:
    """A number that nobody knows: it can be computed with, but not looked at."""

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, what: str) -> None:
        self._what = what

    def _compute(self, *others: object) -> "_Probe":
        for other in others:
            _check_operand(other, self._what)
        return _Probe(self._what)

    __neg__ = __abs__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _compute
    __lt__ = __le__ = __gt__ = __ge__ = __and__ = _compute

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


def _check_operand(x: object, what: str) -> None:
    if isinstance(x, _Operations | SimpleNamespace):
        raise OptionError(
            f"{what} computes with its first parameter, which is no number but the operations: "
            "write def f(m, x), and m.exp(x) in it"
        )
    if not isinstance(x, _Probe | float | int):
        raise OptionError(f"{what} computes with {x!r}, which is no number")
