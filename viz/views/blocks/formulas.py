"""Expressions of Python in the short words of a formula: "Σ q·k / √size"."""

import ast
from copy import deepcopy
from functools import singledispatch

_INFIX: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: (" + ", 1),
    ast.Sub: (" − ", 1),
    ast.Div: (" / ", 2),
    ast.FloorDiv: (" // ", 2),
    ast.Mod: (" % ", 2),
    ast.MatMult: (" @ ", 3),
    ast.Mult: ("·", 3),
    ast.Pow: ("^", 5),
}
"""The sign of each operator, and how strongly it binds as it is written.

What is divided looks wider than a product: (1 / n)·x keeps its parentheses.
"""
_SUM = 2
_PRODUCT = 3
_SIGN = 4
_POWER = 5
_ATOM = 6
_POWERS = {2: "²", 3: "³", -1: "⁻¹"}

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)

_Part = tuple[str, int]
"""A text, and how strongly its outermost operator binds."""


def write_formula(expression: ast.expr) -> str:
    """Return an expression without the indexes and loops around what is computed.

    Args:
        expression: What a statement computes.

    Example:
        >>> [line] = ast.parse("[sum(q[j] * k[j] for j in r) / size**0.5 for k in keys]").body
        >>> write_formula(line.value)
        'Σ q·k / √size'
    """
    return _write(expression)[0]


def write_sources(expression: ast.expr) -> str:
    """Return the formula of a comprehension with the lists that it goes through.

    Args:
        expression: What a statement computes.

    Returns:
        The formula; "" where the lists have no names.

    Example:
        >>> [line] = ast.parse("[a + b for a, b in zip(tokens, places)]").body
        >>> write_sources(line.value)
        'tokens + places'
    """
    if not isinstance(expression, _COMPREHENSIONS) or len(expression.generators) != 1:
        return ""
    lists = _find_lists(expression.generators[0])
    if not lists:
        return ""
    return write_formula(_Renaming(lists).visit(deepcopy(expression.elt)))


def _find_lists(loop: ast.comprehension) -> dict[str, str]:
    """Return the name of the list that each variable of a loop is an item of; {} if unknown."""
    targets = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
    sources = [loop.iter]
    if isinstance(loop.iter, ast.Call) and len(targets) > 1:
        is_zip = isinstance(loop.iter.func, ast.Name) and loop.iter.func.id == "zip"
        sources = loop.iter.args if is_zip else []
    if len(sources) != len(targets):
        return {}
    lists: dict[str, str] = {}
    for target, source in zip(targets, sources, strict=True):
        if isinstance(target, ast.Name) and isinstance(source, ast.Name):
            lists[target.id] = source.id
    return lists if len(lists) == len(targets) else {}


class _Renaming(ast.NodeTransformer):
    """Other names for some variables."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._names.get(node.id, node.id), node.ctx)


def find_operation(expression: ast.expr) -> str:
    """Return the name of the function that is applied to each number, "" for none.

    Args:
        expression: What a statement computes.

    Example:
        >>> [line] = ast.parse("[x.relu() for x in row]").body
        >>> find_operation(line.value)
        'relu'
    """
    while isinstance(expression, _COMPREHENSIONS):
        expression = expression.elt
    if not isinstance(expression, ast.Call):
        return ""
    function = expression.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _within(part: _Part, binding: int) -> str:
    """Return a part of a formula, in parentheses where it binds less."""
    text, own = part
    return text if own >= binding else f"({text})"


@singledispatch
def _write(node: ast.AST) -> _Part:
    return ast.unparse(node), _ATOM


@_write.register(ast.ListComp)
@_write.register(ast.SetComp)
@_write.register(ast.GeneratorExp)
def _write_comprehension(node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> _Part:
    return _write(node.elt)


@_write.register
def _write_lambda(node: ast.Lambda) -> _Part:
    return _write(node.body)


@_write.register
def _write_subscript(node: ast.Subscript) -> _Part:
    key = node.slice
    # A name that the user gave says more than the dictionary that it is in.
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        return key.value, _ATOM
    items = _within(_write(node.value), _ATOM)
    if isinstance(key, ast.Constant) and isinstance(key.value, int):
        return f"{items}[{key.value}]", _ATOM
    return items, _ATOM


@_write.register
def _write_attribute(node: ast.Attribute) -> _Part:
    return node.attr, _ATOM


@_write.register
def _write_binary(node: ast.BinOp) -> _Part:
    power = node.right.value if isinstance(node.right, ast.Constant) else None
    if isinstance(node.op, ast.Pow) and power == 0.5:
        return f"√{_within(_write(node.left), _ATOM)}", _POWER
    if isinstance(node.op, ast.Pow) and isinstance(power, int) and power in _POWERS:
        return _within(_write(node.left), _ATOM) + _POWERS[power], _POWER
    if type(node.op) not in _INFIX:
        return ast.unparse(node), 0
    sign, binding = _INFIX[type(node.op)]
    left = _within(_write(node.left), binding)
    # a − (b − c) and a / (b·c) need their parentheses, a + b + c and a·b·c don't.
    is_associative = isinstance(node.op, ast.Add | ast.Mult)
    is_quotient = isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod)
    least = _SIGN if is_quotient else binding + (not is_associative)
    right = _write(node.right)
    # Nothing comes after it, so that all of it is the sum.
    text = right[0] if right[0].startswith("Σ") else _within(right, least)
    return f"{left}{sign}{text}", binding


@_write.register
def _write_unary(node: ast.UnaryOp) -> _Part:
    if not isinstance(node.op, ast.USub):
        return ast.unparse(node), _SIGN
    return f"−{_within(_write(node.operand), _SIGN)}", _SIGN


@_write.register
def _write_call(node: ast.Call) -> _Part:
    arguments = [_write(argument)[0] for argument in node.args]
    function = node.func
    is_sum = isinstance(function, ast.Name) and function.id == "sum"
    if is_sum and len(node.args) == 1:
        return f"Σ {_within(_write(node.args[0]), _PRODUCT)}", _SUM
    if isinstance(function, ast.Attribute) and not node.args and not node.keywords:
        return f"{function.attr} {_within(_write(function.value), _SIGN)}", _SIGN
    name = _write(function)[0]
    return f"{name}({', '.join(arguments)})", _ATOM


@_write.register(ast.List)
@_write.register(ast.Tuple)
def _write_items(node: ast.List | ast.Tuple) -> _Part:
    return ", ".join(_write(item)[0] for item in node.elts), 0
