"""The rules of the operations as JavaScript, for pages that recompute a graph.

The rules are run on names instead of numbers, and each operation that they call becomes a line of
JavaScript, so that no rule is written twice. The functions that they are made of in the end (exp,
erf, floor, …) are in `assets/mathematics.js`.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import isfinite, isnan
from types import SimpleNamespace
from typing import Any

from scalargrad.core import floats
from scalargrad.core.backprop import operands
from scalargrad.core.ops import DIV, POW, TABLE, WHERE, ExactZero, Op, fold_numbers, namespace
from scalargrad.core.value import Value

_OPERATIONS = [name for name in vars(floats) if name in TABLE]
PRIMITIVES = tuple(name for name in _OPERATIONS if not TABLE[name].over_list)
"""The operations that JavaScript must have; all others are made of them."""


class Term:
    """A number in a function that is being written: arithmetic on it adds a line.

    Attributes:
        lines: The function.
        name: The variable that holds the number.
        is_boolean: Whether it is true or false, and so no number to compare with 0.
    """

    __slots__ = ("is_boolean", "lines", "name")

    def __init__(self, lines: "Lines", name: str, is_boolean: bool = False) -> None:
        self.lines = lines
        self.name = name
        self.is_boolean = is_boolean

    def __str__(self) -> str:
        return self.name

    def __neg__(self) -> "Term":
        return self.lines.add(f"-{self}")

    def __abs__(self) -> "Term":
        return self.lines.add(f"abs({self})")


class Lines:
    """The body of a function. The same expression twice is one line.

    Example:
        >>> lines = Lines()
        >>> x = Term(lines, "x")
        >>> str(x * 2.0 + x * 2.0), lines.text
        ('t1', 'const t0 = x * 2; const t1 = t0 + t0;')
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def add(self, expression: str, is_boolean: bool = False) -> Term:
        """Name an expression."""
        name = self._names.setdefault(expression, f"t{len(self._names)}")
        return Term(self, name, is_boolean)

    @property
    def text(self) -> str:
        """The lines, each the definition of a name."""
        definitions = []
        for expression, name in self._names.items():
            definitions.append(f"const {name} = {expression};")
        return " ".join(definitions)


Operator = Callable[[Term, Any], Term]


def _infix(sign: str, is_boolean: bool = False) -> Operator:
    def operate(self: Term, other: Any) -> Term:
        expression = f"{self} {sign} {write(other)}"
        return self.lines.add(expression, is_boolean)

    return operate


def _reflected_infix(sign: str) -> Operator:
    def operate(self: Term, other: Any) -> Term:
        return self.lines.add(f"{write(other)} {sign} {self}")

    return operate


_ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "truediv": "/"}
_CONDITIONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
for _name, _sign in _ARITHMETIC.items():
    setattr(Term, f"__{_name}__", _infix(_sign))
    setattr(Term, f"__r{_name}__", _reflected_infix(_sign))
for _name, _sign in _CONDITIONS.items():
    setattr(Term, f"__{_name}__", _infix(_sign, is_boolean=True))


def _both(self: Term, other: Term | bool) -> Term | bool:
    # A comparison of plain numbers, such as options of an operation, is decided already.
    if isinstance(other, Term):
        return self.lines.add(f"{self} && {other}", is_boolean=True)
    return self if other else False


for _name in ("__and__", "__rand__"):
    setattr(Term, _name, _both)


def write(item: Any) -> str:
    """Write a Term by its name, and a number as JavaScript; `null` for a derivative of exactly 0.

    Example:
        >>> write(0.5), write(float("inf")), write(ExactZero(0.0)), write(-2.0)
        ('0.5', 'Infinity', 'null', '(-2)')
    """
    if isinstance(item, Term):
        return item.name
    if isinstance(item, ExactZero):
        return "null"
    x = float(item)
    if isnan(x):
        return "NaN"
    text = repr(abs(x)).removesuffix(".0") if isfinite(x) else "Infinity"
    return f"(-{text})" if x < 0.0 else text


def _find_lines(items: Iterable[Any]) -> Lines:
    """Return the function that the first Term among some items is written in."""
    return next(item.lines for item in items if isinstance(item, Term))


def _call(name: str, *arguments: Any) -> Term:
    written = ", ".join(map(write, arguments))
    return _find_lines(arguments).add(f"{name}({written})")


def _where(condition: Any, x: Any, y: Any) -> Any:
    if not isinstance(condition, Term):
        return x if condition else y
    # Compared with 0, nan counts as true, as it does in Python; in JavaScript alone it would not.
    test = condition.name if condition.is_boolean else f"{condition} !== 0"
    choice = f"{test} ? {write(x)} : {write(y)}"
    return condition.lines.add(choice)


def _divide(x: Any, y: Any) -> Any:
    quotient = f"{write(x)} / {write(y)}"
    return _find_lines((x, y)).add(quotient)


def _power(x: Any, y: Any) -> Any:
    # A product is rounded once, which not every power function promises.
    if isinstance(y, float) and y == 1.0:
        return x
    if isinstance(y, float) and y == 2.0:
        return x * x
    return _call(POW.name, x, y)


# Division and the choice overwrite the calls of that name: JavaScript has operators for them.
_CALLS = {name: partial(_call, name) for name in PRIMITIVES}
TERMS: SimpleNamespace = namespace(
    fold_numbers(_CALLS | {WHERE.name: _where, DIV.name: _divide, POW.name: _power})
)
"""The operations on Terms."""


def rule(op: Op, count: int) -> str:
    """Write an operation as an object of two functions: its value, and its local derivatives.

    A local derivative that is 0 by construction is `null`.

    Args:
        op: The operation.
        count: The number of its operands.

    Example:
        >>> print(rule(TABLE["tanh"], 1).replace("}, ", "},\\n "))
        {value: (x0) => { const t0 = tanh(x0); return t0; },
         partials: (o, x0) => { const t0 = o * o; const t1 = 1 - t0; return [t1]; }}
    """
    names = [f"x{i}" for i in range(count)]
    head = ", ".join(names)

    lines = Lines()
    operands = [Term(lines, name) for name in names]
    value = op.value(TERMS, operands)
    forward = f"({head}) => {{ {lines.text} return {write(value)}; }}"

    # The rule of the derivatives is given the result, `o`, so that it need not be computed again.
    lines = Lines()
    operands = [Term(lines, name) for name in names]
    partials = op.derivatives(TERMS, Term(lines, "o"), operands)
    results = ", ".join(map(write, partials))
    backward = f"(o, {head}) => {{ {lines.text} return [{results}]; }}"
    return f"{{value: {forward}, partials: {backward}}}"


def key(node: Value) -> str:
    """Return the name of a node's rule: its operation, with the number of operands of a list.

    Example:
        >>> key(Value(2.0) * 3), key(Value(2.0, args=(), op="mine"))
        ('mul', '')
    """
    if node.op not in TABLE or not node.args:
        return ""
    if TABLE[node.op].over_list:
        return f"{node.op}/{len(node.args)}"
    return node.op


Pattern = tuple[float | None, ...]
"""The operands of an operation: None for a Value, and the numbers that are static."""


def loop(op: Op, pattern: Pattern) -> str:
    """Write an operation on arrays, as an object of two functions.

    Each array has one number for each sample. `forward` is given the number of samples, the
    array of the result and those of the operands that are Values; `backward` is given after them
    the gradients of the result and of those operands, and adds to the latter.

    Args:
        op: The operation.
        pattern: Its operands.

    Example:
        >>> print(loop(TABLE["mul"], (None, 2.0)).replace("; ", ";\\n  "))
        {forward: (n, O, X0) => { for (let k = 0;
          k < n;
          k += 1) { const x0 = X0[k];
          const t0 = x0 * 2;
          O[k] = t0;
          } }, backward: (n, O, X0, G, G0) => { for (let k = 0;
          k < n;
          k += 1) { const g = G[k];
          if (g === 0) continue;
          const o = O[k];
          const x0 = X0[k];
          G0[k] += g * 2;
          } }}
    """
    places = [i for i, static in enumerate(pattern) if static is None]
    arrays = "".join(f", X{i}" for i in places)
    gradients = "".join(f", G{i}" for i in places)
    read = " ".join(f"const x{i} = X{i}[k];" for i in places)

    lines = Lines()
    value = write(op.value(TERMS, _terms(lines, pattern)))
    forward = f"{read} {lines.text} O[k] = {value};"

    lines = Lines()
    wanted = [static is None for static in pattern]
    partials = op.derivatives(TERMS, Term(lines, "o"), _terms(lines, pattern), wanted)
    # A derivative that a choice makes 0 by construction is null, which is 0 times infinity as well.
    may_be_null = "null" in lines.text
    added = []
    for i, partial_term in zip(places, partials, strict=True):
        if not isinstance(partial_term, ExactZero):
            added.append(_add_share(f"G{i}[k]", partial_term, may_be_null))
    # A gradient of exactly 0 sends nothing, even where the local derivative is not finite.
    head = f"const g = G[k]; if (g === 0) continue; const o = O[k]; {read}"
    backward = " ".join(filter(None, [head, lines.text, *added]))
    return (
        f"{{forward: (n, O{arrays}) => {{ {_over_samples(forward)} }}, "
        f"backward: (n, O{arrays}, G{gradients}) => {{ {_over_samples(backward)} }}}}"
    )


def _terms(lines: Lines, pattern: Pattern) -> list[Any]:
    """Return the operands to write with: Terms, and the numbers that are static."""
    terms: list[Any] = []
    for i, static in enumerate(pattern):
        terms.append(Term(lines, f"x{i}") if static is None else static)
    return terms


def _add_share(gradient: str, partial_term: Any, may_be_null: bool) -> str:
    if not isinstance(partial_term, Term):
        factor = "" if partial_term == 1.0 else f" * {write(partial_term)}"
        return f"{gradient} += g{factor};"
    condition = f"if ({partial_term} !== null) " if may_be_null else ""
    return f"{condition}{gradient} += g * {partial_term};"


def _over_samples(body: str) -> str:
    return f"for (let k = 0; k < n; k += 1) {{ {body} }}"


def pattern_of(node: Value) -> Pattern:
    """Return the operands of a node as a pattern.

    Example:
        >>> pattern_of(Value(2.0) ** 3)
        (None, 3.0)
    """
    return tuple(None if isinstance(item, Value) else float(item) for item in operands(node))


def loops(nodes: Sequence[Value]) -> tuple[list[str], list[int]]:
    """Write the operations that made some nodes on arrays, each once.

    Returns:
        The operations as `loop` writes them; and for each node the number of its operation, -1 for
        a leaf.

    Example:
        >>> x = Value(2.0)
        >>> square = x * x
        >>> written, numbers = loops([x, square, x + square, square * x])
        >>> len(written), numbers
        (2, [-1, 0, 1, 0])
    """
    known: dict[tuple[str, Pattern], int] = {}
    written: list[str] = []
    numbers: list[int] = []
    for node in nodes:
        if not node.args:
            numbers.append(-1)
            continue
        kind = (node.op, pattern_of(node))
        if kind not in known:
            known[kind] = len(written)
            written.append(loop(TABLE[node.op], kind[1]))
        numbers.append(known[kind])
    return written, numbers


def rules(nodes: Iterable[Value], loops_over_samples: Iterable[str] = ()) -> str:
    """Write the rules of all operations that made some nodes, as a script of the page.

    Args:
        nodes: The nodes.
        loops_over_samples: The operations on arrays, for a page that trains.

    Example:
        >>> print(rules([Value(2.0) + 3]).partition("RULES")[2].replace("}, ", "},\\n    "))
         = {
          "add": {value: (x0, x1) => { const t0 = x0 + x1; return t0; },
            partials: (o, x0, x1) => {  return [1, 1]; }},
        };
        <BLANKLINE>
        export const LOOPS = [
        ];
        <BLANKLINE>
    """
    used: dict[str, str] = {}
    for node in nodes:
        name = key(node)
        if not name or name in used:
            continue
        op = TABLE[node.op]
        count = len(node.args) if op.over_list else len(op.operands)
        used[name] = rule(op, count)

    # Sorted, so that the page of a graph is the same in every run.
    lines = ""
    for name in sorted(used):
        lines += f"  {json.dumps(name)}: {used[name]},\n"
    functions = [name for name in PRIMITIVES if name not in (WHERE.name, DIV.name)]
    imported = ", ".join(functions)
    on_arrays = "".join(f"  {text},\n" for text in loops_over_samples)
    return (
        f"import {{ {imported} }} from './mathematics.js';\n\n"
        f"export const RULES = {{\n{lines}}};\n\n"
        f"export const LOOPS = [\n{on_arrays}];\n"
    )
