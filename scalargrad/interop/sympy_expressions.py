"""Values as expressions of SymPy, and expressions as Values."""

import operator
from collections.abc import Callable, Mapping
from functools import cache, reduce
from types import SimpleNamespace
from typing import Any

from scalargrad.core import functions, ops
from scalargrad.core.backprop import operands
from scalargrad.core.conversion import as_float
from scalargrad.core.functions import FUNCTIONS
from scalargrad.core.graph import topological
from scalargrad.core.ops import TABLE, namespace
from scalargrad.core.value import Constant, Number, Value
from scalargrad.errors import DataError, GraphError, OptionError, UnknownNameError
from scalargrad.utils.calls import explain_calls
from scalargrad.utils.spelling import suggestion

from .extras import require

Symbols = Mapping[Value, Any]


@explain_calls
def to_sympy(value: Value, symbols: Symbols | None = None) -> Any:
    """Return the graph of a Value as an expression of SymPy.

    Constants are numbers, and all other leaves real symbols: of the name of their label, or x0, x1
    and so on for those without. Equal names of different leaves get a number. SymPy writes a Value
    out wherever it is used, so give `symbols` for Values in between where a graph is deep.

    Args:
        value: The Value.
        symbols: The symbol of some leaves, or of Values in between, which are then not written out.

    Returns:
        The expression. Its derivatives are those of the graph, kinks apart.

    Raises:
        MissingLibraryError: If SymPy is not installed.
        GraphError: For an operation without a formula: `stop_gradient`, and what is not in the
            table; and for a graph that is too deep for SymPy.
        DataError: For anything but a Value, and for symbols that are not of Values.

    Example:
        >>> x = Value(0.5, label="x")
        >>> expression = to_sympy(functions.sigmoid(2 * x))
        >>> expression, expression.diff()
        (1/(1 + exp(-2*x)), 2*exp(-2*x)/(1 + exp(-2*x))**2)
    """
    sympy = _sympy()
    if not isinstance(value, Value):
        raise DataError(f"to_sympy takes a Value, not {type(value).__name__}")
    terms = _read_symbols(sympy, symbols)
    # What is given may be called like a leaf.
    given = [symbol for term in terms.values() for symbol in term.free_symbols]
    names = dict.fromkeys([str(symbol) for symbol in given], 1)
    try:
        for node in topological([value]):
            if node in terms:
                continue
            if isinstance(node, Constant):
                terms[node] = _number(sympy, node.data)
            elif not node.args:
                terms[node] = sympy.Symbol(_unused_name(node.label, names), real=True)
            else:
                terms[node] = _apply(sympy, node, terms)
        return _with_integers(sympy, terms[value])
    except RecursionError:
        raise GraphError(
            "the graph is too deep for SymPy, which goes into expressions by recursion: "
            "give symbols for Values in between, or call sys.setrecursionlimit"
        ) from None


@explain_calls
def from_sympy(expression: Any, values: Mapping[Any, Number]) -> Any:
    """Compute an expression of SymPy with Values.

    Args:
        expression: An expression of numbers, symbols, arithmetic, powers, Max, Min, Piecewise, and
            the functions that have an operation here.
        values: The Value or number of each symbol, or of its name.

    Returns:
        A Value, or a float if there is none in it.

    Raises:
        MissingLibraryError: If SymPy is not installed.
        UnknownNameError: For a symbol without a number.
        OptionError: For a function that has no operation here.

    Example:
        >>> import sympy
        >>> x = Value(2.0)
        >>> y = from_sympy(sympy.sympify("x**2 + sin(x)/x"), {"x": x})
        >>> y.backward()
        >>> round(y.data, 6), round(x.grad, 6)
        (4.454649, 3.564602)
    """
    sympy = _sympy()
    try:
        whole = sympy.sympify(expression)
    except sympy.SympifyError as error:
        raise OptionError(f"from_sympy can't read {expression!r}: {error}") from None
    if not isinstance(whole, sympy.Basic):
        raise OptionError(
            f"from_sympy computes single expressions, not {type(expression).__name__}: "
            "call it for each one"
        )
    known = _read_values(values)
    done: dict[Any, Any] = {}
    for part in _list_parts(whole):
        # The cases of a Piecewise, say, are no numbers: their parts are.
        if isinstance(part, (sympy.Expr, sympy.logic.boolalg.Boolean)):
            done[part] = _compute(sympy, part, done, known)
    if whole not in done:
        raise OptionError(f"from_sympy computes numbers, not {type(whole).__name__} of SymPy")
    return done[whole]


def _list_parts(whole: Any) -> list[Any]:
    """List the parts of an expression, each once, after its own parts.

    An expression that is used many times is written out each time in SymPy's own traversals.
    """
    parts: list[Any] = []
    seen: set[Any] = set()
    stack = [(whole, False)]
    while stack:
        part, is_last = stack.pop()
        if is_last:
            parts.append(part)
        elif part not in seen:
            seen.add(part)
            stack.append((part, True))
            stack += [(argument, False) for argument in reversed(part.args)]
    return parts


def _sympy() -> Any:
    return require("sympy", "SymPy", '"scalargrad-viz[sympy]"')


# To SymPy


def _read_symbols(sympy: Any, symbols: Symbols | None) -> dict[Value, Any]:
    """Return the expression of each Value that has one already."""
    given = {} if symbols is None else symbols
    if not isinstance(given, Mapping) or not all(isinstance(value, Value) for value in given):
        raise DataError(f"symbols of to_sympy must be a dict from Values to symbols, not {given!r}")
    terms: dict[Value, Any] = {}
    for value, term in given.items():
        terms[value] = sympy.Symbol(term, real=True) if isinstance(term, str) else sympy.S(term)
    return terms


def _unused_name(label: str, names: dict[str, int]) -> str:
    """Return the name of a leaf: its label, with a number if it is not the first of that label."""
    if not label:
        count = names.get("", 0)
        names[""] = count + 1
        return _unused_name(f"x{count}", names)
    count = names.get(label, 0)
    names[label] = count + 1
    return label if not count else _unused_name(f"{label}_{count}", names)


def _apply(sympy: Any, node: Value, terms: Mapping[Value, Any]) -> Any:
    if node.op not in TABLE or node.op == ops.STOP_GRADIENT.name:
        raise GraphError(f"{node!r} was made by {node.op!r}, which has no formula for SymPy")
    given = []
    for operand in operands(node):
        given.append(terms[operand] if isinstance(operand, Value) else _number(sympy, operand))
    # Formulas of textbooks where there are some, and else the rule of the row.
    space = _expressions()
    op = TABLE[node.op]
    if op.over_list:
        written = _OVER_LISTS.get(op.name)
        return written(space, given) if written else op.value(space, given)
    return getattr(space, op.name)(*given) if op.is_public else op.value(space, given)


def _number(sympy: Any, x: float) -> Any:
    is_whole = float(x).is_integer() and abs(x) < _MAX_WHOLE
    return sympy.Integer(int(x)) if is_whole else sympy.Float(x)


def _with_integers(sympy: Any, expression: Any) -> Any:
    """Write whole numbers, which rules have as floats, as such."""
    written: dict[Any, Any] = {}
    for part in _list_parts(expression):
        arguments = [written[argument] for argument in part.args]
        if isinstance(part, sympy.Float):
            written[part] = _number(sympy, float(part))
        elif any(new is not old for new, old in zip(arguments, part.args, strict=True)):
            written[part] = part.func(*arguments)
        else:
            written[part] = part
    return written[expression]


_SAME = (
    *(ops.ACOS.name, ops.ACOSH.name, ops.ASIN.name, ops.ASINH.name, ops.ATAN.name, ops.ATAN2.name),
    *(ops.ATANH.name, ops.COS.name, ops.COSH.name, ops.ERF.name, ops.ERFC.name, ops.EXP.name),
    *(ops.FLOOR.name, ops.LOG.name, ops.SIGN.name, ops.SIN.name, ops.SINH.name, ops.SQRT.name),
    *(ops.TAN.name, ops.TANH.name),
)
"""The operations that have the same name in SymPy. Others of its names mean something else there:
an operation that a user calls `gamma` is not its gamma function."""

_MAX_WHOLE = 2.0**53
"""Up to here each whole number is a float, and none has more than 16 digits."""


@cache
def _expressions() -> SimpleNamespace:
    """Return the operations on expressions. Most are written by the rules of the table."""
    sympy = _sympy()
    renamed: dict[str, Callable[..., Any]] = {
        ops.MAXIMUM.name: sympy.Max,
        ops.MINIMUM.name: sympy.Min,
        ops.ABS.name: sympy.Abs,
        ops.DIV.name: lambda x, y: x / sympy.sympify(y),
        ops.POW.name: lambda x, y: sympy.sympify(x) ** y,
        ops.EXP2.name: lambda x: sympy.Integer(2) ** x,
        ops.EXPM1.name: lambda x: sympy.exp(x) - 1,
        ops.LOG2.name: lambda x: sympy.log(x) / sympy.log(2),
        ops.LOG10.name: lambda x: sympy.log(x) / sympy.log(10),
        ops.LOG1P.name: lambda x: sympy.log(1 + x),
        ops.CBRT.name: lambda x: sympy.sign(x) * sympy.Abs(x) ** sympy.Rational(1, 3),
        ops.HYPOT.name: lambda x, y: sympy.sqrt(x**2 + y**2),
        ops.FLOOR_DIVIDE.name: lambda x, y: sympy.floor(x / y),
        ops.REMAINDER.name: lambda x, y: x - y * sympy.floor(x / y),
        ops.ROUND.name: lambda x: _round(sympy, x),
        ops.WHERE.name: lambda condition, x, y: _where(sympy, condition, x, y),
        # The rules of these are written so that nothing overflows, which a formula need not.
        ops.SOFTPLUS.name: lambda x: sympy.log(1 + sympy.exp(x)),
        ops.LOGSIGMOID.name: lambda x: -sympy.log(1 + sympy.exp(-x)),
        ops.LOGADDEXP.name: lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
        ops.LOGIT.name: lambda x: sympy.log(x / (1 - x)),
        ops.RELU.name: lambda x: sympy.Max(0, x),
        ops.STEP.name: lambda x: _where(sympy, x > 0, 1, 0),
        ops.SIGMOID.name: lambda x: 1 / (1 + sympy.exp(-x)),
    }
    space = namespace({name: getattr(sympy, name) for name in _SAME} | renamed)
    # At once: SymPy would sort the terms again for each one that is added.
    space.total = lambda items: sympy.Add(*items)
    return space


def _where(sympy: Any, condition: Any, x: Any, y: Any) -> Any:
    if isinstance(condition, bool):
        return x if condition else y
    test = condition if _is_condition(sympy, condition) else sympy.Ne(condition, 0)
    return sympy.Piecewise((x, test), (y, True))


def _is_condition(sympy: Any, part: Any) -> bool:
    """Whether an expression is true or false; a symbol may be either, and is a number here."""
    logic = sympy.logic.boolalg
    return part.is_Relational or isinstance(part, (logic.BooleanFunction, logic.BooleanAtom))


def _round(sympy: Any, x: Any) -> Any:
    """Round to the nearest whole number, halves to the even one."""
    up = sympy.floor(x + sympy.Rational(1, 2))
    is_odd_half = sympy.Eq(up - x, sympy.Rational(1, 2)) & sympy.Ne(sympy.Mod(up, 2), 0)
    return sympy.Piecewise((up - 1, is_odd_half), (up, True))


_OVER_LISTS: dict[str, Callable[[Any, Any], Any]] = {
    ops.NORM.name: lambda m, items: m.sqrt(m.total([x**2 for x in items])),
    ops.LOGSUMEXP.name: lambda m, items: m.log(m.total(map(m.exp, items))),
}
"""Formulas of operations over lists whose rules are written so that nothing overflows."""


# From SymPy

_RENAMED = {"Abs": ops.ABS.name}
"""The functions that have another name there."""


def _read_values(values: Mapping[Any, Number]) -> dict[Any, Number]:
    """Return the Value or float of each symbol, and of each name."""
    known: dict[Any, Number] = {}
    for symbol, number in dict(values).items():
        is_value = isinstance(number, Value)
        known[symbol] = number if is_value else as_float(number, f"the number for {symbol}")
        # By its name, too: symbols of one name differ by what is assumed of them.
        if not isinstance(symbol, str):
            known.setdefault(str(symbol), known[symbol])
    return known


def _compute(sympy: Any, part: Any, done: Mapping[Any, Any], values: Mapping[Any, Any]) -> Any:
    """Compute a part of an expression whose own parts are done."""
    if part.is_Symbol:
        if part not in values and part.name not in values:
            names = [name for name in values if isinstance(name, str)]
            hint = suggestion(part.name, names, otherwise="")
            raise UnknownNameError(f"from_sympy needs a number for {part.name!r}{hint}")
        return values[part] if part in values else values[part.name]
    if _is_condition(sympy, part):
        return _decide(sympy, part, done)
    if part.is_number and not part.args:
        return _as_float(part)
    arguments: list[Any] = [done.get(argument) for argument in part.args]
    if part.is_Add:
        return reduce(operator.add, arguments)
    if part.is_Mul:
        return _multiply(part, done)
    if part.is_Pow:
        return _raise(part, done)
    if isinstance(part, sympy.Piecewise):
        return _choose(sympy, part, done)
    if isinstance(part, (sympy.Max, sympy.Min)):
        function = functions.maximum if isinstance(part, sympy.Max) else functions.minimum
        return reduce(function, arguments)
    return _call(sympy, part, arguments)


def _as_float(part: Any) -> float:
    try:
        return float(part)
    except TypeError:
        raise OptionError(f"from_sympy computes with real numbers, and {part} is none") from None


def _multiply(part: Any, done: Mapping[Any, Any]) -> Any:
    """Multiply, with one division for all negative powers."""
    above: list[Any] = []
    below: list[Any] = []
    for factor in part.args:
        if factor.is_Pow and factor.exp.is_number and factor.exp.is_negative and factor.exp.is_real:
            below.append(_power(done[factor.base], -_as_float(factor.exp)))
        else:
            above.append(done[factor])
    first, *others = above or [1.0]
    if others and not isinstance(first, Value) and first == -1.0:
        above = [-others[0], *others[1:]]
    product = reduce(operator.mul, above) if above else 1.0
    return functions.div(product, reduce(operator.mul, below)) if below else product


def _raise(part: Any, done: Mapping[Any, Any]) -> Any:
    exponent = done[part.exp]
    if isinstance(exponent, Value):
        return functions.pow(done[part.base], exponent)
    if exponent < 0.0:
        return functions.div(1.0, _power(done[part.base], -exponent))
    return _power(done[part.base], exponent)


def _power(base: Any, exponent: float) -> Any:
    if exponent == 1.0:
        return base
    return functions.sqrt(base) if exponent == 0.5 else functions.pow(base, exponent)


def _decide(sympy: Any, part: Any, done: Mapping[Any, Any]) -> Any:
    """Return a condition as 1 or 0."""
    if part in (sympy.true, sympy.false):
        return 1.0 if part == sympy.true else 0.0
    arguments: list[Any] = [done.get(argument) for argument in part.args]
    if isinstance(part, sympy.And):
        return reduce(operator.mul, arguments)
    if isinstance(part, sympy.Or):
        return reduce(functions.maximum, arguments)
    if isinstance(part, sympy.Not):
        return 1.0 - arguments[0]
    if not part.is_Relational:
        raise OptionError(f"from_sympy knows no condition such as {part}")
    x, y = arguments
    if isinstance(part, sympy.StrictLessThan):
        return functions.lt(x, y)
    if isinstance(part, sympy.LessThan):
        return functions.le(x, y)
    if isinstance(part, sympy.StrictGreaterThan):
        return functions.lt(y, x)
    if isinstance(part, sympy.GreaterThan):
        return functions.le(y, x)
    is_equal = functions.le(x, y) * functions.le(y, x)
    return is_equal if isinstance(part, sympy.Eq) else 1.0 - is_equal


def _choose(sympy: Any, part: Any, done: Mapping[Any, Any]) -> Any:
    *pairs, (last, condition) = part.args
    if condition != sympy.true:
        raise OptionError(f"from_sympy needs a last case for all others in {part}: (…, True)")
    result = done[last]
    for expression, test in reversed(pairs):
        result = functions.where(done[test], done[expression], result)
    return result


def _call(sympy: Any, part: Any, arguments: list[Any]) -> Any:
    name = type(part).__name__
    if isinstance(part, sympy.ceiling):
        return -functions.floor(-arguments[0])
    if isinstance(part, sympy.Mod):
        return functions.remainder(*arguments)
    # A function that SymPy has no definition of is one of ours, if it has the name of one.
    is_known = (
        name in _SAME or name in _RENAMED or isinstance(part, sympy.core.function.AppliedUndef)
    )
    function = FUNCTIONS.get(_RENAMED.get(name, name)) if is_known else None
    if function is None:
        raise OptionError(f"no operation computes {name} of SymPy: rewrite the expression")
    return function(*arguments)
