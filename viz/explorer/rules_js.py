"""JavaScript: the rules of the table written out for the page, which computes a graph anew when somebody drags a leaf.

The rules are run on names instead of numbers, and each operation that they call becomes a line of JavaScript, so no rule is
written twice. What they are made of in the end (exp, erf, floor …) is in `assets/mathematics.js`.
"""

import json
from collections.abc import Callable, Iterable
from functools import partial
from math import isfinite, isnan
from types import SimpleNamespace
from typing import Any

from scalargrad.core import floats
from scalargrad.core.ops import DIV, TABLE, WHERE, ExactZero, Op, namespace
from scalargrad.core.value import Value

PRIMITIVES = tuple(name for name in vars(floats) if name in TABLE and not TABLE[name].over_list)
"""The operations that the page must bring along; all others are made of them."""


class Term:
    """A number in a function that is being written: arithmetic on it adds a line to the function."""

    __slots__ = ("lines", "name", "truth")

    def __init__(self, lines: "Lines", name: str, truth: bool = False) -> None:
        self.lines, self.name, self.truth = lines, name, truth

    def __str__(self) -> str:
        return self.name

    def __neg__(self) -> "Term":
        return self.lines.add(f"-{self}")

    def __abs__(self) -> "Term":
        return self.lines.add(f"abs({self})")


class Lines:
    """The body of a function. The same expression twice is one line.

    >>> lines = Lines()
    >>> x = Term(lines, "x")
    >>> str(x * 2.0 + x * 2.0), lines.text
    ('t1', 'const t0 = x * 2; const t1 = t0 + t0;')
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def add(self, expression: str, truth: bool = False) -> Term:
        """The name of an expression."""
        name = self._names.setdefault(expression, f"t{len(self._names)}")
        return Term(self, name, truth)

    @property
    def text(self) -> str:
        """The lines, each the definition of a name."""
        return " ".join(f"const {name} = {expression};" for expression, name in self._names.items())


def _infix(
    sign: str, truth: bool = False
) -> tuple[Callable[[Term, Any], Term], Callable[[Term, Any], Term]]:
    return (
        lambda self, other: self.lines.add(f"{self} {sign} {written(other)}", truth),
        lambda self, other: self.lines.add(f"{written(other)} {sign} {self}", truth),
    )


for _name, _sign in (("__add__", "+"), ("__sub__", "-"), ("__mul__", "*"), ("__truediv__", "/")):
    _plain, _reflected = _infix(_sign)
    setattr(Term, _name, _plain)
    setattr(Term, f"__r{_name[2:]}", _reflected)
for _name, _sign in (
    ("__lt__", "<"),
    ("__le__", "<="),
    ("__gt__", ">"),
    ("__ge__", ">="),
    ("__and__", "&&"),
):
    setattr(Term, _name, _infix(_sign, truth=True)[0])


def written(item: Any) -> str:
    """A Term by its name, a number as JavaScript writes it, and `null` for what is cut off by construction.

    >>> written(0.5), written(float("inf")), written(ExactZero(0.0)), written(-2.0)
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


def _lines_of(items: Iterable[Any]) -> Lines:
    return next(item.lines for item in items if isinstance(item, Term))


def _call(name: str, *arguments: Any) -> Term:
    return _lines_of(arguments).add(f"{name}({', '.join(map(written, arguments))})")


def _where(condition: Any, x: Any, y: Any) -> Any:
    if not isinstance(condition, Term):
        return x if condition else y
    test = (
        condition.name if condition.truth else f"{condition} !== 0"
    )  # nan counts as true, as it does in Python
    return condition.lines.add(f"{test} ? {written(x)} : {written(y)}")


def _divided(x: Any, y: Any) -> Any:
    return _lines_of((x, y)).add(f"{written(x)} / {written(y)}")


TERMS: SimpleNamespace = namespace(
    {name: partial(_call, name) for name in PRIMITIVES} | {WHERE.name: _where, DIV.name: _divided}
)
"""The operations on Terms."""


def rule(op: Op, count: int) -> str:
    """An operation of `count` operands as an object with two functions: its value, and the list of its local derivatives.

    A local derivative that is 0 by construction is `null`.

    >>> print(rule(TABLE["tanh"], 1))
    {value: (x0) => { const t0 = tanh(x0); return t0; }, partials: (o, x0) => { const t0 = o * o; const t1 = 1 - t0; return [t1]; }}
    """
    names = [f"x{i}" for i in range(count)]
    lines = Lines()
    value = op.value(TERMS, [Term(lines, name) for name in names])
    head = ", ".join(names)
    forward = f"({head}) => {{ {lines.text} return {written(value)}; }}"
    lines = Lines()
    partials = op.derivatives(TERMS, Term(lines, "o"), [Term(lines, name) for name in names])
    results = ", ".join(map(written, partials))
    return f"{{value: {forward}, partials: (o, {head}) => {{ {lines.text} return [{results}]; }}}}"


def key(node: Value) -> str:
    """The name of the rule of a node: that of its operation, with the number of operands where it takes a list.

    >>> key(Value(2.0) * 3), key(Value(2.0, args=(), op="mine"))
    ('mul', '')
    """
    if node.op not in TABLE or not node.args:
        return ""
    return f"{node.op}/{len(node.args)}" if TABLE[node.op].over_list else node.op


def rules(nodes: Iterable[Value]) -> str:
    """The rules of all operations that some nodes were made by, as the source of one JavaScript object.

    >>> rules([Value(2.0) + 3]).splitlines()[3]
    '  "add": {value: (x0, x1) => { const t0 = x0 + x1; return t0; }, partials: (o, x0, x1) => {  return [1, 1]; }},'
    """
    found: dict[str, tuple[Op, int]] = {}
    for node in nodes:
        if own := key(node):
            op = TABLE[node.op]
            found[own] = (op, len(node.args) if op.over_list else len(op.operands))
    written_rules = "".join(f"  {json.dumps(own)}: {rule(*found[own])},\n" for own in sorted(found))
    imported = ", ".join(name for name in PRIMITIVES if name not in (WHERE.name, DIV.name))
    return (
        f"import {{ {imported} }} from './mathematics.js';\n\n"
        f"export const RULES = {{\n{written_rules}}};\n"
    )
