"""Operations of your own: new rows of the table.

A row is all that the engine, the compiler and the pictures know of an operation, so that a new one
works wherever the others do.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from inspect import Parameter, getdoc, signature
from keyword import iskeyword
from threading import Lock
from typing import Any, NoReturn, overload

from scalargrad.errors import CallError, OptionError, UnknownNameError
from scalargrad.utils.counting import plural
from scalargrad.utils.spelling import suggestion

from . import functions
from .conversion import as_float
from .derived_rules import derive
from .functions import FUNCTIONS, over_operands
from .operations import apply_in_rule
from .ops import FLOATS, NAMESPACES, TABLE, VALUES, Op, Rule
from .probes import try_rule

Interval = tuple[float, float]
Operation = Callable[..., Any]
"""What `operation` returns: a function of Values and numbers."""

_NO_NAME = {"linear", "identity", "total", "each", "largest", "smallest"}
_NO_NAME |= {"zero_where", "fixed_where"}
"""Names that mean something else to layers, or in rules."""

_MAX_SYMBOL = 12
"""How many characters a symbol may have, so that it fits where those of the table do."""

_makers: dict[str, Callable[[], Op]] = {}
"""What makes the row of each own operation, by name."""

_latest: dict[str, Operation] = {}
"""What computes each own operation by its latest definition."""

_lock = Lock()


@overload
def operation(
    function: Rule,
    *,
    symbol: str = ...,
    derivative: Rule | Sequence[Rule | None] | None = ...,
    domain: Interval | Sequence[Interval] = ...,
    kinks: Rule | None = ...,
    name: str = ...,
) -> Operation: ...


@overload
def operation(
    *,
    symbol: str = ...,
    derivative: Rule | Sequence[Rule | None] | None = ...,
    domain: Interval | Sequence[Interval] = ...,
    kinks: Rule | None = ...,
    name: str = ...,
) -> Callable[[Rule], Operation]: ...


def operation(
    function: Rule | None = None,
    *,
    symbol: str = "",
    derivative: Rule | Sequence[Rule | None] | None = None,
    domain: Interval | Sequence[Interval] = (),
    kinks: Rule | None = None,
    name: str = "",
) -> Any:
    """Make an operation of a function that is written with the operations that exist.

    The function is given the operations, `m`, and then its operands: `m.exp(x)`, `m.where(x < 0.0,
    x, y)`, `m.div(x, y)` and so on, with `+`, `-`, `*` and comparisons. Operands with a default are
    options: where a plain number is given for one, it is no part of the graph.

    The new operation is one node in graphs, pictures and pages, can be differentiated to any order,
    and is compiled like any other. `sg.check_operation` tests its rules.

    Args:
        function: The function. The operation has its name, documentation and operands.
        symbol: The symbol in pictures, up to 12 printable characters; the name by default.
        derivative: The rule of the derivative, `rule(m, o, x, …)`, where `o` is the result. With
            several operands, a sequence of one rule for each. A rule that is None or left out is
            made from the function by the chain rule, once, and is as fast as one by hand; give one
            that keeps more digits, or decides at a kink in another way.
        domain: The open interval (low, high) in which the operation is smooth, for the first
            operand, or a sequence of one interval for each operand; the whole real line by default.
        kinks: `kinks(m, x, …)`, which returns a tuple of numbers that change sign where the
            derivative jumps.
        name: The name; that of the function by default.

    Returns:
        The operation, a function of Values and numbers: of numbers alone it returns a float. Where
        an activation is chosen by name, its name can be given, too.

    Raises:
        OptionError: For a name that is taken, and for a function that uses anything but operations
            of `m` and plain numbers, such as `if x > 0` or `math.exp(x)`. A second definition at
            the same place, as in a cell that is run again, replaces the first one, also in models
            that were made with it.
        CallError: For a function or rule that does not take the operands.

    Example:
        >>> import scalargrad as sg
        >>> @sg.operation(symbol="bump", derivative=lambda m, o, x: -2.0 * x * o)
        ... def bump(m, x):
        ...     return m.exp(-(x * x))
        >>> x = sg.Value(0.5)
        >>> y = bump(x)
        >>> y.backward()
        >>> y.op, round(y.data, 4), round(x.grad, 4)
        ('bump', 0.7788, -0.7788)
        >>> remove_operation("bump")
    """
    if function is None:
        return partial(
            operation, symbol=symbol, derivative=derivative, domain=domain, kinks=kinks, name=name
        )
    if not callable(function):
        raise CallError(
            f"operation takes a function, not {type(function).__name__}: "
            "write @sg.operation before def f(m, x)"
        )
    name = name or getattr(function, "__name__", "")
    return _add(partial(_make_row, name, function, symbol, derivative, domain, kinks))


def own_operations() -> list[str]:
    """Return the names of the operations that `operation` added.

    Example:
        >>> own_operations()
        []
    """
    return [*_makers]


def remove_operation(name: str) -> None:
    """Remove an operation that `operation` added.

    Graphs and programs that were made with it keep their numbers, but can't be differentiated or
    compiled again, and the function can't be called any more.

    Args:
        name: Its name.

    Raises:
        UnknownNameError: If there is no own operation of this name.

    Example:
        >>> cube = operation(name="cube")(lambda m, x: x * x * x)
        >>> cube(2.0)
        8.0
        >>> remove_operation("cube")
        >>> "cube" in TABLE
        False
    """
    with _lock:
        if name not in _makers:
            hint = suggestion(name, _makers, otherwise="; there is none")
            raise UnknownNameError(f"no operation {name!r} was added by sg.operation{hint}")
        del _makers[name]
        _latest[name] = partial(_refuse, name)
        del TABLE[name]
        del FUNCTIONS[name]
        for space in (VALUES, *NAMESPACES):
            vars(space).pop(name, None)


def row_of(chosen: object) -> Op:
    """Return the row of an operation that is given as a function or by name.

    Raises:
        UnknownNameError: If there is none.

    Example:
        >>> row_of("tanh") is row_of(functions.tanh)
        True
    """
    name = chosen if isinstance(chosen, str) else getattr(chosen, "operation", "")
    name = name or getattr(chosen, "__name__", "")
    if name not in TABLE:
        hint = suggestion(name, TABLE, otherwise=": define it with sg.operation")
        raise UnknownNameError(f"no operation {name or chosen!r} exists{hint}")
    return TABLE[name]


def _make_row(
    name: str,
    function: Rule,
    symbol: str,
    derivative: Rule | Sequence[Rule | None] | None,
    domain: Interval | Sequence[Interval],
    kinks: Rule | None,
) -> Op:
    count = _check_function(name, function)
    partials = _rules_of_derivatives(name, function, derivative, count)
    if kinks is not None:
        _try_kinks(name, kinks, count)
    return Op(
        name,
        _check_symbol(name, symbol),
        _first_line(name, function),
        function,
        partials,
        domain=_intervals(name, domain, count),
        kinks=kinks,
    )


def _check_function(name: str, function: Rule) -> int:
    """Check the name and the parameters of a function, and count its operands."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", str(name)) or iskeyword(name):
        raise OptionError(
            f"an operation needs a name of letters, digits and _, not {name!r}: "
            'write def with a name, or give name="…"'
        )
    try:
        parameters = list(signature(function).parameters.values())
    except ValueError:
        raise CallError(f"operation {name} needs a function of Python, not {function!r}") from None
    by_position = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) < 2 or any(each.kind not in by_position for each in parameters):
        written = f"def {name}{signature(function)}"
        raise CallError(
            f"operation needs a function of the operations, m, and of one or more operands: "
            f"write def {name}(m, x), not {written}"
        )
    for each in parameters[1:]:
        if each.default is not Parameter.empty:
            as_float(each.default, f"the default of {each.name} of {name}")
    count = len(parameters) - 1
    try_rule(function, count, f"operation {name}")
    return count


def _check_symbol(name: str, symbol: object) -> str:
    if not isinstance(symbol, str) or not symbol.isprintable() or len(symbol) > _MAX_SYMBOL:
        raise OptionError(
            f"symbol of {name} must be text of up to {_MAX_SYMBOL} printable characters, "
            f"not {symbol!r}"
        )
    return symbol or name


def _rules_of_derivatives(
    name: str,
    function: Rule,
    derivative: Rule | Sequence[Rule | None] | None,
    count: int,
) -> tuple[Rule, ...]:
    given: list[Rule | None] = [None] * count
    if callable(derivative):
        given = [derivative]
    elif isinstance(derivative, Iterable):
        given = [*derivative]
    elif derivative is not None:
        raise CallError(
            f"the derivative of {name} must be a function, rule(m, o, x, …), or a sequence of "
            f"them, not {type(derivative).__name__}"
        )
    if len(given) != count:
        raise OptionError(
            f"operation {name} has {plural(count, 'operand')}, so derivative must be a sequence of "
            f"{plural(count, 'rule')}, None for one to be made, not {len(given)}"
        )
    rules = []
    for i, rule in enumerate(given):
        if rule is None:
            rules.append(derive(function, count, i))
            continue
        what = f"derivative {i + 1} of {name}" if count > 1 else f"the derivative of {name}"
        _check_call(rule, count + 2, what, "rule(m, o, x, …), where o is the result")
        try_rule(rule, count, what, with_result=True)
        rules.append(rule)
    return tuple(rules)


def _try_kinks(name: str, kinks: Rule, count: int) -> None:
    what = f"kinks of {name}"
    _check_call(kinks, count + 1, what, "kinks(m, x, …)")
    numbers = kinks(FLOATS, *[0.5] * count)
    is_tuple = isinstance(numbers, tuple) and len(numbers) > 0
    if not is_tuple or not all(isinstance(number, float | int) for number in numbers):
        raise OptionError(f"{what} must return a tuple of numbers, not {numbers!r}: write (x,)")


def _check_call(rule: object, arguments: int, what: str, form: str) -> None:
    if not callable(rule):
        raise CallError(f"{what} must be a function, {form}, not {type(rule).__name__}")
    try:
        signature(rule).bind(*[None] * arguments)
    except TypeError:
        raise CallError(f"{what} must take {arguments} arguments: {form}") from None


def _intervals(
    name: str, domain: Interval | Sequence[Interval], count: int
) -> tuple[Interval, ...]:
    listed: list[Any] = list(domain) if isinstance(domain, Iterable) else [domain]
    if len(listed) == 2 and not any(isinstance(end, Iterable) for end in listed):
        listed = [tuple(listed)]
    intervals: list[Interval] = []
    for interval in listed:
        ends = tuple(interval) if isinstance(interval, Iterable) else ()
        if len(ends) != 2:
            raise OptionError(f"domain of {name} must be intervals (low, high), not {interval!r}")
        low, high = (as_float(end, f"an end of the domain of {name}") for end in ends)
        if not low < high or math.inf in (low, -high):
            raise OptionError(f"domain of {name} is empty: {low:g} is not below {high:g}")
        intervals.append((low, high))
    if len(intervals) > count:
        raise OptionError(
            f"domain of {name} has {len(intervals)} intervals for {plural(count, 'operand')}"
        )
    return tuple(intervals)


def _first_line(name: str, function: Rule) -> str:
    line = (getdoc(function) or "").partition("\n")[0].strip()
    return line or f"{name}, an operation of your own."


def _add(make_row: Callable[[], Op]) -> Operation:
    """Add a row, and return its function: the one that there is, for another definition."""
    op = make_row()
    with _lock:
        is_again = op.name in _makers and _place(TABLE[op.name].forward) == _place(op.forward)
        taken = op.name in TABLE or op.name in functions.__all__ or op.name in _NO_NAME
        if taken and not is_again:
            raise OptionError(
                f"the name {op.name!r} is taken by another operation: "
                'choose another one, or give name="…"'
            )
        _install(op)
        _makers[op.name] = make_row
        if is_again:
            # The derivatives of operations that call it were made of its former ones.
            for name, make_other in _makers.items():
                if name != op.name:
                    _install(make_other())
        return FUNCTIONS[op.name]


def _install(op: Op) -> None:
    """Put a row into the table, and what computes it into the namespaces."""
    compute: Any = over_operands(op)
    made: Any = FUNCTIONS.get(op.name) or _make_function(op.name)
    made.__signature__ = compute.__signature__
    for described in (compute, made):
        _describe(described, op)
    _latest[op.name] = compute
    TABLE[op.name] = op
    FUNCTIONS[op.name] = made
    setattr(VALUES, op.name, partial(apply_in_rule, op))
    for space in NAMESPACES:
        setattr(space, op.name, partial(op.forward, space))


def _make_function(name: str) -> Operation:
    latest = _latest

    def own(*operands: Any, **named: Any) -> Any:
        # A model that holds this function must compute what programs that are compiled from it do,
        # and these know the latest definition only.
        return latest[name](*operands, **named)

    return own


def _describe(made: Any, op: Op) -> None:
    function = op.forward
    made.__name__ = op.name
    made.__qualname__ = getattr(function, "__qualname__", op.name)
    made.__module__ = function.__module__
    made.__doc__ = getdoc(function) or op.doc
    made.operation = op.name


def _refuse(name: str, *_: Any, **__: Any) -> NoReturn:
    raise UnknownNameError(f"operation {name} was removed: define it again with sg.operation")


def _place(function: Any) -> tuple[str, str]:
    """Return where a function was defined: another definition there is a new version of it."""
    while isinstance(function, partial):
        function = function.func
    defined = function if hasattr(function, "__qualname__") else type(function)
    return defined.__module__, defined.__qualname__
