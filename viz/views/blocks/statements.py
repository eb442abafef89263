"""Statements of source code: where they begin and end, and the formula that each computes."""

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from scalargrad.core.source_lines import SourceLine

from .formulas import find_operation, write_formula, write_sources

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a user's code.

    Attributes:
        file: The file that it is in.
        line: Its first line.
        text: The first line as it is written.
        formula: What it computes, as short as it can be said: "Σ q·k / √size".
        sources: The same with the lists that a comprehension goes through; "" for none.
        operation: The function or method that it applies to each number, "" for none.
        target: The variable that the result is given to, "" for none or several.
        is_repeated: Whether it makes one number each time a loop comes to it.
    """

    file: str
    line: int
    text: str = ""
    formula: str = ""
    sources: str = ""
    operation: str = ""
    target: str = ""
    is_repeated: bool = False


Statements = dict[int, Statement]
"""The statement of each line of a file."""


def find_statement(line: SourceLine) -> Statement:
    """Return the statement that a line is part of; the line alone where the code can't be read.

    Args:
        line: A line of a user's code.

    Example:
        >>> find_statement(SourceLine("f", "<stdin>", 3, "y = x * w", "y")).line
        3
    """
    statement = _read(line.file).get(line.line)
    if statement is None:
        return Statement(line.file, line.line, line.text, target=line.variable)
    return statement


def _read(file: str) -> Statements:
    return _parse(file, "".join(linecache.getlines(file)))


@lru_cache(maxsize=64)
def _parse(file: str, source: str) -> Statements:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}  # a notebook's magic commands, or not Python at all
    lines = source.splitlines()
    read: Statements = {}
    _read_function(read, tree, file, lines)
    return read


def _read_function(read: Statements, function: ast.AST, file: str, lines: list[str]) -> None:
    """Read the statements of a function, or of a module, and of the functions inside of it."""
    inner: list[ast.AST] = []
    for statement, is_in_loop in _statements(function):
        if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            inner.append(statement)
            continue
        found = _describe(statement, file, lines, is_in_loop)
        for line in _own_lines(statement):
            read[line] = found
    for definition in inner:
        _read_function(read, definition, file, lines)


def _statements(function: ast.AST) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the statements of a function with whether they are in a loop, outer ones first."""
    pending = [(child, False) for child in ast.iter_child_nodes(function)]
    while pending:
        node, is_in_loop = pending.pop()
        if isinstance(node, ast.stmt):
            yield node, is_in_loop
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            continue
        is_inside = is_in_loop or isinstance(node, _LOOPS)
        if not isinstance(node, ast.expr):
            pending += [(child, is_inside) for child in ast.iter_child_nodes(node)]


def _own_lines(statement: ast.stmt) -> range:
    """Return the lines of a statement; of one with a body those of its head."""
    body = getattr(statement, "body", None)
    cases = getattr(statement, "cases", None)
    if cases:
        return range(statement.lineno, statement.lineno + 1)
    if body:
        return range(statement.lineno, max(body[0].lineno, statement.lineno + 1))
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def _assigned_names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Assign):
        targets: list[ast.expr] = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    else:
        return
    for target in targets:
        names = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        for name in names:
            yield ast.unparse(name)


def _describe(statement: ast.stmt, file: str, lines: list[str], is_in_loop: bool) -> Statement:
    line = statement.lineno
    text = lines[line - 1].strip() if line <= len(lines) else ""
    expression = _expression(statement)
    if expression is None:
        return Statement(file, line, text)
    targets = list(_assigned_names(statement))
    return Statement(
        file,
        line,
        text,
        formula=write_formula(expression),
        sources=write_sources(expression),
        operation=find_operation(expression),
        target=targets[0] if len(targets) == 1 else "",
        is_repeated=is_in_loop and not isinstance(expression, _COMPREHENSIONS),
    )


def _expression(statement: ast.stmt) -> ast.expr | None:
    """Return what a statement computes."""
    if isinstance(statement, ast.AugAssign):
        return ast.BinOp(statement.target, statement.op, statement.value)
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.expr):
        return None
    if isinstance(statement, ast.Expr) and isinstance(value, ast.Call):
        # rows.append(x * w) keeps x * w.
        is_method = isinstance(value.func, ast.Attribute)
        return value.args[0] if is_method and len(value.args) == 1 else value
    return value
