"""Rules of derivatives that are made: the chain rule applied to a rule, written as a function.

A rule of the table computes the same steps whatever the numbers, so it needs to be differentiated
only once, on names in place of numbers. What comes out is a function of a few lines, as somebody
would write it by hand, which is as fast, and which every namespace can run.
"""

from collections.abc import Callable
from math import inf, nan
from typing import Any

from .duals import Dual, DualOperations
from .ops import CUT, ExactZero, Rule


def derive(forward: Rule, count: int, position: int) -> Rule:
    """Return the rule of the derivative of an operation by one of its operands.

    Args:
        forward: The forward rule, made of operations of the table.
        count: The number of its operands.
        position: The place of the operand.

    Returns:
        A rule as `Op.partials` holds them, whose docstring is its source.

    Example:
        >>> rule = derive(lambda m, x: x * m.sigmoid(x), 1, 0)
        >>> print(rule.__doc__)
        def derivative(m, o, x0):
            t0 = m.sigmoid(x0)
            t1 = 1.0 - t0
            t2 = t0 * t1
            t4 = x0 * t2
            t5 = t0 + t4
            return t5
    """
    lines = Lines()
    operands = [Term(lines, f"x{i}") for i in range(count)]
    space = DualOperations(lines)
    tangents: list[float] = [CUT] * count
    tangents[position] = 1.0
    duals = [Dual(space, x, tangent) for x, tangent in zip(operands, tangents, strict=True)]
    result = forward(space, *duals)

    slope = result.tangent if isinstance(result, Dual) else CUT
    if isinstance(slope, ExactZero):
        return lambda m, o, *operands: CUT  # noqa: ARG005 - every rule is given all of it
    head = ", ".join(["m", "o", *map(str, operands)])
    body = [*lines.needed_for(slope, str(result.number)), f"return {_write(slope)}"]
    source = "\n    ".join([f"def derivative({head}):", *body])
    names: dict[str, Any] = {"inf": inf, "nan": nan}
    exec(compile(source, "<derivative>", "exec"), names)
    rule: Rule = names["derivative"]
    rule.__doc__ = source
    return rule


class Lines:
    """The body of a function that is being written, as a namespace for rules.

    An operation that is called becomes a line. The same expression twice is one line.

    Example:
        >>> lines = Lines()
        >>> x = Term(lines, "x")
        >>> str(lines.exp(x) * 2.0), list(lines.needed_for(x * 3.0, "o"))
        ('t1', ['t2 = x * 3.0'])
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._operands: dict[str, list[str]] = {}

    def __getattr__(self, name: str) -> Callable[..., "Term"]:
        def call(*operands: Any) -> Term:
            written = ", ".join(map(_write, operands))
            return self.add(f"m.{name}({written})", *operands)

        return call

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        """Choose now where that is decided."""
        if not isinstance(condition, Term):
            return x if condition else y
        written = ", ".join(map(_write, (condition, x, y)))
        return self.add(f"m.where({written})", condition, x, y)

    def add(self, expression: str, *operands: Any) -> "Term":
        """Name an expression of some operands."""
        if expression not in self._names:
            name = f"t{len(self._names)}"
            self._names[expression] = name
            self._operands[name] = [str(x) for x in operands if isinstance(x, Term)]
        return Term(self, self._names[expression])

    def needed_for(self, result: Any, output: str) -> list[str]:
        """Return the lines that a result is computed from.

        Args:
            result: The result.
            output: The name of the output of the operation, which rules are given as `o`.
        """
        needed = {str(result)}
        lines: list[str] = []
        for expression, name in reversed(self._names.items()):
            if name not in needed:
                continue
            if name == output:
                lines.append(f"{name} = o")
                continue
            needed.update(self._operands[name])
            lines.append(f"{name} = {expression}")
        lines.reverse()
        return lines


class Term:
    """A number in a function that is being written: arithmetic on it adds a line."""

    __slots__ = ("_lines", "_name")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, lines: Lines, name: str) -> None:
        self._lines = lines
        self._name = name

    def __str__(self) -> str:
        return self._name

    def _infix(self, sign: str, other: Any) -> "Term":
        return self._lines.add(f"{self} {sign} {_write(other)}", self, other)

    def _reflected(self, sign: str, other: Any) -> "Term":
        return self._lines.add(f"{_write(other)} {sign} {self}", self, other)

    def __neg__(self) -> "Term":
        return self._lines.add(f"-{self}", self)

    def __abs__(self) -> "Term":
        return self._lines.add(f"abs({self})", self)

    def __add__(self, other: Any) -> "Term":
        return self._infix("+", other)

    def __radd__(self, other: Any) -> "Term":
        return self._reflected("+", other)

    def __sub__(self, other: Any) -> "Term":
        return self._infix("-", other)

    def __rsub__(self, other: Any) -> "Term":
        return self._reflected("-", other)

    def __mul__(self, other: Any) -> "Term":
        return self._infix("*", other)

    def __rmul__(self, other: Any) -> "Term":
        return self._reflected("*", other)

    def __lt__(self, other: Any) -> "Term":
        return self._infix("<", other)

    def __le__(self, other: Any) -> "Term":
        return self._infix("<=", other)

    def __gt__(self, other: Any) -> "Term":
        return self._infix(">", other)

    def __ge__(self, other: Any) -> "Term":
        return self._infix(">=", other)

    def __and__(self, other: Any) -> Any:
        if isinstance(other, Term):
            return self._infix("&", other)
        return self if other else False

    __rand__ = __and__


def _write(x: Any) -> str:
    return str(x) if isinstance(x, Term) else repr(float(x))
