"""Lines of source code, found from the place in the bytecode where a frame was.

While a graph grows only the code object and the offset of an instruction are noted, which costs
next to nothing. The file is read, and the name of the variable looked for in it, on request.
"""

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from types import CodeType
from typing import NamedTuple

Span = tuple[int | None, int | None, int | None, int | None]
"""The first and the last line of an expression, then its first and its last column."""


class SourceLine(NamedTuple):
    """Where in the code of a user something was computed.

    Attributes:
        function: The function, with the names of its classes; "<module>" outside of functions.
        file: The name of the file, or what Python calls code without a file, such as "<stdin>".
        line: The number of the line, 0 if it is not known.
        text: The line, "" where it can't be read.
        variable: The variable or the attribute that the result was given to: `q` for the product in
            `q = w * x`, for each product in `q = [w * x for w in row]`, and for no part of
            `return w * x`. "" for none, and where the code can't be read.

    Example:
        >>> line = SourceLine("gpt", "model.py", 12, "q = linear(x, wq)", "q")
        >>> line.variable, str(line)
        ('q', 'model.py:12: q = linear(x, wq)')
    """

    function: str
    file: str
    line: int
    text: str
    variable: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}".removesuffix(": ")


class CodePlace:
    """An instruction of a code object, whose line of source is found when it is asked for.

    Attributes:
        offset: The offset of the instruction in bytes; 0 for a place from another process.

    Args:
        code: The code object; None where the line is known.
        offset: The offset of the instruction in bytes, as in `frame.f_lasti`.
        line: The line, if it is known.
    """

    __slots__ = ("_code", "_line", "offset")

    def __init__(self, code: CodeType | None, offset: int, line: SourceLine | None = None) -> None:
        self._code = code
        self.offset = offset
        self._line = line

    @property
    def source_line(self) -> SourceLine:
        """The line of source."""
        if self._line is None:
            assert self._code is not None
            self._line = _find_line(self._code, self.offset)
        return self._line

    def __reduce__(self) -> tuple[object, ...]:
        # Code can't be pickled, and is of no use in another process: its line is.
        return (CodePlace, (None, 0, self.source_line))


def function_name(code: CodeType) -> str:
    """Return the name of the function that code is part of, with the names of its classes.

    A comprehension or a lambda is part of the function around it.

    Example:
        >>> function_name((lambda: 0).__code__)
        '<module>'
    """
    parts = code.co_qualname.split(".<locals>.")
    while parts and parts[-1].endswith((">", ".<lambda>")):
        parts.pop()
    return parts[-1] if parts else "<module>"


def _find_line(code: CodeType, offset: int) -> SourceLine:
    nowhere: Span = (None, None, None, None)
    # Each instruction takes two bytes.
    span = next(islice(code.co_positions(), max(offset, 0) // 2, None), nowhere)
    line = span[0] or 0
    text = linecache.getline(code.co_filename, line).strip() if line else ""
    variable = _variables("".join(linecache.getlines(code.co_filename))).get(span, "")
    return SourceLine(function_name(code), code.co_filename, line, text, variable)


@lru_cache(maxsize=64)
def _variables(source: str) -> dict[Span, str]:
    """Return for each expression whose result is given to a variable the name of the variable."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}  # a notebook's magic commands, or not Python at all
    variables: dict[Span, str] = {}
    for node in ast.walk(tree):
        for target, expression in _assignments(node):
            name = _target_name(target)
            if name:
                variables.update(dict.fromkeys(_result_spans(expression), name))
    return variables


def _assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.AST]]:
    """Yield the targets that a node assigns to, each with what it is given."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pair(target, node.value)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, ast.AugAssign):
        # The operation of x += y is where the statement is.
        yield node.target, node


def _pair(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield the parts of `q, k = f(x), g(x)`, or what is one target and one value."""
    if not isinstance(target, ast.Tuple | ast.List):
        yield target, value
    elif isinstance(value, ast.Tuple | ast.List) and len(target.elts) == len(value.elts):
        yield from zip(target.elts, value.elts, strict=True)


def _target_name(target: ast.expr) -> str:
    return ast.unparse(target) if isinstance(target, ast.Name | ast.Attribute) else ""


def _result_spans(expression: ast.AST) -> Iterator[Span]:
    """Yield where the expressions are that make a result, or the items of it."""
    pending = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            pending.append(node.elt)
        elif isinstance(node, ast.DictComp):
            pending.append(node.value)
        elif isinstance(node, ast.List | ast.Tuple):
            pending += node.elts
        elif isinstance(node, ast.Dict):
            pending += node.values
        elif isinstance(node, ast.IfExp):
            pending += [node.body, node.orelse]
        elif isinstance(node, ast.NamedExpr | ast.Await | ast.Starred):
            pending.append(node.value)
        elif isinstance(node, ast.expr | ast.stmt):
            yield node.lineno, node.end_lineno, node.col_offset, node.end_col_offset
